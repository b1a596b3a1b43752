import { evalTransform, makeBatch, takeLabels, trainTransform } from '../datasets/augment.js';
import { batchSequence, range } from '../datasets/batches.js';
import type { Dataset } from '../datasets/load.js';
import type { PrepareSettings } from '../datasets/prepared.js';
import { foldIn } from '../math/random.js';
import type { Key } from '../math/random.js';

/** Images as a training step takes them. */
export interface ImageBatch {
  /** [batch, side, side, 3], normalized. */
  readonly images: Float32Array;
  /** [batch]. */
  readonly labels: Int32Array;
}

/** How training images are drawn. */
export interface TrainingOrder {
  /** The first so many images are used. */
  readonly trainSize: number;
  readonly batchSize: number;
  readonly steps: number;
  /** Side of the cut-out square in pixels; 0 for none. */
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
  at(step: number): ImageBatch | Promise<ImageBatch>;
}

/**
 * Where the images of an evaluation come from. All that a training loop knows of a data set, whether it lies in memory or
 * is decoded as it goes.
 */
export interface ImageSource {
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
  training(order: TrainingOrder): TrainingBatches;
  /** Test images `start` … `start + count − 1`, nothing random done to them. */
  test(start: number, count: number): ImageBatch | Promise<ImageBatch>;
  /** How photographs were shrunk beforehand; absent for images as they were published. */
  readonly prepared?: PrepareSettings;
  /** Photographs that could not be decoded so far and were passed over, by name, with the reasons. */
  undecodable?(): ReadonlyMap<string, string>;
}

/** The images of a data set in memory. */
export function memoryImages(dataset: Dataset): ImageSource {
  const { name, coverage, digest, classes, train, test } = dataset;
  // Not looked at where nothing is random.
  const unused: Key = [0, 0];
  return {
    name,
    coverage,
    digest,
    classes,
    mean: dataset.mean,
    std: dataset.std,
    side: train.height,
    trainCount: train.count,
    testCount: test.count,
    training({ trainSize, batchSize, cutout, order, augment }) {
      const sequence = batchSequence(range(trainSize), batchSize, order);
      const transform = trainTransform(dataset, cutout);
      return {
        perEpoch: sequence.perEpoch,
        at(step) {
          const indices = sequence.at(step);
          return {
            images: makeBatch(train, indices, transform, foldIn(augment, step)),
            labels: takeLabels(train, indices),
          };
        },
      };
    },
    test(start, count) {
      const indices = range(count).map((i) => start + i);
      return {
        images: makeBatch(test, indices, evalTransform(dataset), unused),
        labels: takeLabels(test, indices),
      };
    },
  };
}
