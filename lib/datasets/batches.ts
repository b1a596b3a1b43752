import { UsageError } from '../errors.js';
import type { Key } from '../math/random.js';
import { foldIn, permutation, split } from '../math/random.js';
import { batchOf } from './augment.js';
import type { Batch, Transform } from './augment.js';
import type { ImageSet } from './images.js';

/**
 * The two halves of the training set in a search, as indices into it: 0 … count − 1 split in the middle, in file order,
 * without shuffling (FIDELITY.md, A1); an odd one goes to `val`. `train` trains the operation weights, and fine-tunes
 * candidates (L_train); `val` judges the architecture (L_val).
 */
export function halves(count: number): { readonly train: Int32Array; readonly val: Int32Array } {
  const middle = Math.floor(count / 2);
  const all = range(count);
  return { train: all.slice(0, middle), val: all.slice(middle) };
}

/** `from` … from + count − 1. */
export function range(count: number, from = 0): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => from + i);
}

/** Batches without end, epoch after epoch, any of which can be asked for by its number. */
export interface BatchSequence {
  /** Batches an epoch. */
  readonly perEpoch: number;
  /** The indices of batch number `step`, counted from 0 over all epochs; [batchSize]. */
  at(step: number): Int32Array;
}

/**
 * Reshuffles the indices for every epoch (by foldIn(key, epoch)) and cuts them into batches of exactly `batchSize`. What
 * is left over at an epoch's end is dropped: recorded steps have one shape. PyTorch's loader keeps it, so a full epoch on
 * CIFAR-10's half of 25,000 images has 390 steps of 64 here and 391 there.
 *
 * A function of the step alone, so a resumed run sees the batches that it would have seen.
 *
 * @throws UsageError  when a batch is larger than the indices, or not a positive integer.
 */
export function batchSequence(indices: Int32Array, batchSize: number, key: Key): BatchSequence {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > indices.length) {
    throw new UsageError(
      `Batch size ${batchSize} is out of range: expected an integer from 1 to ${indices.length}, the images there are.`,
    );
  }
  const perEpoch = Math.floor(indices.length / batchSize);
  let last: { epoch: number; order: Int32Array } | undefined; // spares a permutation a step; never changes an answer
  return {
    perEpoch,
    at(step) {
      const epoch = Math.floor(step / perEpoch);
      if (last?.epoch !== epoch) {
        last = { epoch, order: permutation(foldIn(key, epoch), indices.length).map((i) => indices[i]) };
      }
      const start = (step - epoch * perEpoch) * batchSize;
      return last.order.slice(start, start + batchSize);
    },
  };
}

/** The images of a {@link batchSequence}: the same number and transform give the same batch. */
export interface ImageBatches {
  readonly perEpoch: number;
  at(step: number, transform: Transform): Batch;
}

/** Batches of some images of a set; what chance does to them is decided by the same key as their order. */
export function imageBatches(set: ImageSet, indices: Int32Array, batchSize: number, key: Key): ImageBatches {
  const sequence = batchSequence(indices, batchSize, key);
  // Even numbers of the sequence's key order its epochs; augmentation has a key of its own.
  const [augmentKey] = split(key, 1);
  return {
    perEpoch: sequence.perEpoch,
    at: (step, transform) => batchOf(set, sequence.at(step), transform, foldIn(augmentKey, step)),
  };
}
