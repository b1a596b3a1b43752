import { foldIn } from '../math/random.js';
import type { Key } from '../math/random.js';
import { batchOf, evalTransform, trainTransform } from './augment.js';
import type { Batch } from './augment.js';
import { batchSequence, range } from './batches.js';
import type { PhotoDataset } from './imagenet.js';
import type { PhotoSet, Split } from './catalog.js';
import type { Dataset } from './load.js';
import { PhotoLoader, decodedAhead } from './photo-loader.js';
import type { Asked, PhotoLoaderOptions } from './photo-loader.js';
import { IMAGENET_TEST, IMAGENET_TRAIN } from './photo-transform.js';
import type { DatasetFacts } from './registry.js';

/** How training images are drawn. */
export interface TrainingOrder {
  /** The first so many of the images are used. */
  readonly trainSize: number;
  readonly batchSize: number;
  readonly steps: number;
  /** Side of the cut-out square in pixels, 0 for none; photographs have none. */
  readonly cutout: number;
  /** Decides the order of every epoch. */
  readonly order: Key;
  /** Decides what is done to each image. */
  readonly augment: Key;
}

/** Training batches, each a function of its number alone: a resumed run sees those that it would have seen. */
export interface TrainingBatches {
  readonly perEpoch: number;
  /** Valid until the next call. */
  at(step: number): Batch | Promise<Batch>;
}

/** All that a training loop knows of a data set, whether its images lie in memory or are decoded as they are needed. */
export interface ImageSource extends DatasetFacts, Pick<PhotoSet, 'prepared'> {
  readonly side: number;
  readonly trainCount: number;
  readonly testCount: number;
  training(order: TrainingOrder): TrainingBatches;
  /** Test images `start` … `start + count − 1`, nothing random done to them; valid until the next call. */
  test(start: number, count: number): Batch | Promise<Batch>;
  /** Photographs that could not be decoded, by name, with the reasons: while preparing, and so far. */
  undecodable(): ReadonlyMap<string, string>;
  /** Ends decoding threads. They do not keep a process alive that has nothing else to do. */
  close(): Promise<void>;
}

/** Not looked at where nothing is random. */
const UNUSED: Key = [0, 0];

/** The images of a data set in memory. */
export function memoryImages({ train, test, ...facts }: Dataset): ImageSource {
  return {
    ...facts,
    side: train.side,
    trainCount: train.count,
    testCount: test.count,
    training({ trainSize, batchSize, cutout, order, augment }) {
      const sequence = batchSequence(range(trainSize), batchSize, order);
      const transform = trainTransform({ ...facts, train }, cutout);
      return {
        perEpoch: sequence.perEpoch,
        at: (step) => batchOf(train, sequence.at(step), transform, foldIn(augment, step)),
      };
    },
    test: (start, count) => batchOf(test, range(count, start), evalTransform(facts), UNUSED),
    undecodable: () => new Map(),
    close: () => Promise.resolve(),
  };
}

/** The transforms of ImageNet at another side length: the shorter side of test images stays in proportion. */
export function imageNetTransforms(side: number = IMAGENET_TRAIN.side) {
  const shorter = Math.round((IMAGENET_TEST.shorter * side) / IMAGENET_TEST.side);
  return { train: { ...IMAGENET_TRAIN, side }, test: { ...IMAGENET_TEST, side, shorter } };
}

/**
 * A data set of photographs as a source of batches. The threads start with the first batch that is asked for.
 *
 * @param options  `side` of the images in pixels, ImageNet's 224 when left out; the rest as the loader's.
 */
export function photoSource(
  dataset: PhotoDataset,
  {
    side = IMAGENET_TRAIN.side,
    ...loading
  }: { readonly side?: number } & Pick<PhotoLoaderOptions, 'onUndecodable' | 'threads'> = {},
): ImageSource {
  const { train, test, undecodable, ...facts } = dataset;
  const { mean, std } = facts;
  const transforms = imageNetTransforms(side);
  const loaders: Partial<Record<Split, PhotoLoader>> = {};
  const loaderOf = (split: Split): PhotoLoader =>
    (loaders[split] ??= new PhotoLoader(dataset[split], {
      transform: transforms[split],
      mean,
      std,
      ...loading,
    }));
  const testBatch = (start: number, count: number): Asked => ({
    id: `${start} ${count}`,
    load: (into) => loaderOf('test').load(test.indices.slice(start, start + count), UNUSED, into),
  });
  const nextTest = decodedAhead();
  return {
    ...facts,
    side,
    trainCount: train.indices.length,
    testCount: test.indices.length,
    training({ trainSize, batchSize, steps, order, augment }) {
      const sequence = batchSequence(train.indices.subarray(0, trainSize), batchSize, order);
      const nextBatch = decodedAhead();
      const batch = (step: number): Asked => ({
        id: String(step),
        load: (into) => loaderOf('train').load(sequence.at(step), foldIn(augment, step), into),
      });
      return {
        perEpoch: sequence.perEpoch,
        at: (step) => nextBatch(batch(step), [step + 1, step + 2].filter((next) => next < steps).map(batch)),
      };
    },
    test(start, count) {
      // While one stretch of test images is looked at, as many after it are decoded.
      const next = start + count;
      const following = Math.min(count, test.indices.length - next);
      return nextTest(testBatch(start, count), following > 0 ? [testBatch(next, following)] : []);
    },
    undecodable: () =>
      new Map(
        [undecodable, loaders.train?.undecodable, loaders.test?.undecodable].flatMap((each) => [
          ...(each ?? []),
        ]),
      ),
    close: async () => {
      await Promise.all(Object.values(loaders).map((loader) => loader.close()));
    },
  };
}
