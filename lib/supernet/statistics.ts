import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { moveToOpenScope, tf } from '../engine/index.js';
import type { BatchStatistics } from '../engine/index.js';

/**
 * Running statistics of all batch norms of a network, kept as two flat vectors beside its weights.
 */

/** The batch norms of a network, in definition order. */
export type Normalizations = readonly { readonly name: string; readonly channels: number }[];

/** Statistics of all batch norms of a network, in definition order, without gaps: [width] each. */
export interface FlatStatistics {
  readonly mean: Tensor1D;
  /** The unbiased one. */
  readonly variance: Tensor1D;
}

/** The share of a batch's statistics in the running ones (PyTorch's momentum). */
export const STATISTICS_MOMENTUM = 0.1;

/** The length of the flat vectors. */
export function statisticsWidth(normalizations: Normalizations): number {
  return normalizations.reduce((sum, { channels }) => sum + channels, 0);
}

/** Running statistics as they are before the first batch: mean 0, variance 1. */
export function initialStatistics(normalizations: Normalizations): {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
} {
  const width = statisticsWidth(normalizations);
  return { mean: new Float32Array(width), variance: new Float32Array(width).fill(1) };
}

/** Collects statistics inside a forward pass so that they outlive its scope; {@link release} ends that. */
export class CollectedStatistics extends Map<string, BatchStatistics> {
  override set(name: string, { mean, variance }: BatchStatistics): this {
    return super.set(name, { mean: tf.keep(mean), variance: tf.keep(variance) });
  }

  /** Hands the statistics to the scope that is open now. */
  release(): this {
    for (const { mean, variance } of this.values()) {
      moveToOpenScope(mean);
      moveToOpenScope(variance);
    }
    return this;
  }
}

/** The statistics of all batch norms as flat vectors. */
export function flatStatistics(
  normalizations: Normalizations,
  byName: ReadonlyMap<string, BatchStatistics>,
): FlatStatistics {
  const all = normalizations.map(({ name }) => {
    const found = byName.get(name);
    if (!found) throw new Error(`there are no statistics of the batch norm "${name}"`);
    return found;
  });
  if (all.length === 0) return { mean: tf.tensor1d([]), variance: tf.tensor1d([]) };
  return {
    mean: tf.concat(all.map(({ mean }) => mean)),
    variance: tf.concat(all.map(({ variance }) => variance)),
  };
}

/** The statistics of each batch norm, out of the flat vectors. */
export function statisticsByName(
  normalizations: Normalizations,
  { mean, variance }: FlatStatistics,
): (name: string) => BatchStatistics {
  const widths = normalizations.map(({ channels }) => channels);
  const [means, variances]: Tensor1D[][] = [tf.split(mean, widths), tf.split(variance, widths)];
  const byName = new Map(
    normalizations.map(({ name }, i): [string, BatchStatistics] => [
      name,
      { mean: means[i], variance: variances[i] },
    ]),
  );
  return (name) => byName.get(name)!;
}

/** Running statistics after one more batch: each moves by {@link STATISTICS_MOMENTUM} of the way. */
export function movedStatistics<T extends Tensor>(running: T, batch: T, momentum = STATISTICS_MOMENTUM): T {
  return tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum));
}
