import type { Key } from '../math/random.js';
import { batchSequence } from './batches.js';
import type { PhotoDataset } from './imagenet.js';
import { openPhotoLoader, photoStream } from './photo-loader.js';
import type { PhotoBatch, PhotoLoader } from './photo-loader.js';
import { IMAGENET_TEST, IMAGENET_TRAIN } from './photo-transform.js';
import type { PrepareSettings } from './prepared.js';

/** How training photographs are drawn. */
export interface PhotoOrder {
  /** The first so many of those to use. */
  readonly trainSize: number;
  readonly batchSize: number;
  readonly steps: number;
  /** Decides the order of every epoch. */
  readonly order: Key;
  /** Decides what is done to each photograph. */
  readonly augment: Key;
}

/** The photographs of a data set as a training loop takes them: decoded ahead of it, in threads of their own. */
export interface PhotoSource {
  readonly name: string;
  readonly coverage: string;
  readonly digest: string;
  readonly classes: readonly string[];
  /** Per channel, of pixels in [0, 1]: how images are normalized. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly side: number;
  readonly trainCount: number;
  readonly testCount: number;
  /** How they were shrunk beforehand; absent for photographs as they were published. */
  readonly prepared?: PrepareSettings;
  /** Training batches, each a function of its number alone; one is valid until the next is asked for. */
  training(order: PhotoOrder): { readonly perEpoch: number; at(step: number): Promise<PhotoBatch> };
  /**
   * Test photographs `start` … `start + count − 1`, nothing random done to them; as many after them are decoded meanwhile.
   * Valid until the next call.
   */
  test(start: number, count: number): Promise<PhotoBatch>;
  /** Photographs that could not be decoded, by name, with the reasons: while preparing, and so far. */
  undecodable(): ReadonlyMap<string, string>;
  /** Ends the decoding threads. They do not keep a process alive that has nothing else to do. */
  close(): Promise<void>;
}

export interface PhotoSourceOptions {
  /** Side of the images in pixels; ImageNet's 224 when left out. */
  readonly side?: number;
  readonly onUndecodable?: 'fail' | 'skip';
  readonly threads?: number;
}

/** The transforms of ImageNet at another side length: the shorter side of test images stays in proportion. */
export function imageNetTransforms(side: number = IMAGENET_TRAIN.side) {
  const shorter = Math.round((IMAGENET_TEST.shorter * side) / IMAGENET_TEST.side);
  return { train: { ...IMAGENET_TRAIN, side }, test: { ...IMAGENET_TEST, side, shorter } };
}

/** A data set of photographs as a source of batches. The threads start with the first batch that is asked for. */
export function photoSource(
  dataset: PhotoDataset,
  { side = IMAGENET_TRAIN.side, ...loading }: PhotoSourceOptions = {},
): PhotoSource {
  const { name, coverage, digest, classes, mean, std } = dataset;
  const transforms = imageNetTransforms(side);
  const loaders: Partial<Record<'train' | 'test', PhotoLoader>> = {};
  const loaderOf = (split: 'train' | 'test'): PhotoLoader =>
    (loaders[split] ??= openPhotoLoader(dataset[split].catalog, {
      transform: transforms[split],
      mean,
      std,
      ...loading,
    }));
  // Not looked at where nothing is random.
  const unused: Key = [0, 0];
  let ahead:
    { readonly start: number; readonly count: number; readonly batch: Promise<PhotoBatch> } | undefined;
  let spare: PhotoBatch | undefined;
  const beginTest = (start: number, count: number, into?: PhotoBatch): Promise<PhotoBatch> => {
    const batch = loaderOf('test').load(
      dataset.test.indices.slice(start, start + count),
      unused,
      into?.labels.length === count ? into : undefined,
    );
    batch.catch(() => undefined); // told when it is asked for
    return batch;
  };
  return {
    name,
    coverage,
    digest,
    classes,
    mean,
    std,
    side,
    trainCount: dataset.train.indices.length,
    testCount: dataset.test.indices.length,
    ...(dataset.prepared ? { prepared: dataset.prepared } : {}),
    training({ trainSize, batchSize, steps, order, augment }) {
      const sequence = batchSequence(dataset.train.indices.subarray(0, trainSize), batchSize, order);
      const stream = photoStream(loaderOf('train'), sequence, steps, augment);
      return { perEpoch: sequence.perEpoch, at: (step) => stream.at(step) };
    },
    async test(start, count) {
      const begun = ahead?.start === start && ahead.count === count ? ahead.batch : beginTest(start, count);
      const next = start + count;
      const following = Math.min(count, dataset.test.indices.length - next);
      ahead =
        following > 0
          ? { start: next, count: following, batch: beginTest(next, following, spare) }
          : undefined;
      spare = await begun;
      return spare;
    },
    undecodable: () =>
      new Map([
        ...dataset.undecodable,
        ...(loaders.train?.undecodable ?? []),
        ...(loaders.test?.undecodable ?? []),
      ]),
    close: async () => {
      await Promise.all(Object.values(loaders).map((loader) => loader.close()));
    },
  };
}
