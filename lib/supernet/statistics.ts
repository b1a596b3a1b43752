import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { moveToOpenScope, tf } from '../engine/index.js';
import type { BatchStatistics, Tensors } from '../engine/index.js';

/**
 * Running statistics of all batch norms of a network, kept as two flat vectors beside its weights: the entries `mean` and
 * `variance` (the unbiased one) of a program's state.
 */

/** The batch norms of a network, in definition order. */
export type Normalizations = readonly { readonly name: string; readonly channels: number }[];

/** How batch norm normalizes in one pass. */
export type Normalization =
  /** With the statistics of the batch itself. */
  | { readonly kind: 'batch' }
  /** The same, and what they were is collected by batch norm name. */
  | { readonly kind: 'collect'; readonly into: Map<string, BatchStatistics> }
  /** With running statistics: inference. */
  | { readonly kind: 'running'; readonly statistics: (name: string) => BatchStatistics };

/** The share of a batch's statistics in the running ones (PyTorch's momentum). */
const MOMENTUM = 0.1;

/** Running statistics as they are before the first batch: mean 0, variance 1. */
export function initialStatistics(normalizations: Normalizations): {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
} {
  const width = normalizations.reduce((sum, { channels }) => sum + channels, 0);
  return { mean: new Float32Array(width), variance: new Float32Array(width).fill(1) };
}

/** Collects statistics inside a forward pass so that they outlive its scope. */
class CollectedStatistics extends Map<string, BatchStatistics> {
  override set(name: string, { mean, variance }: BatchStatistics): this {
    return super.set(name, { mean: tf.keep(mean), variance: tf.keep(variance) });
  }
}

/**
 * The normalization of a pass in training mode, and the state's running statistics after it: each moves by `momentum` of
 * the way to that of the batch. Ask for them once the pass is computed.
 */
export function trainingStatistics(
  normalizations: Normalizations,
  { mean, variance }: Tensors,
  momentum = MOMENTUM,
): { readonly normalization: Normalization; readonly moved: () => { mean: Tensor; variance: Tensor } } {
  const into = new CollectedStatistics();
  const moved = () => {
    const all = normalizations.map(({ name }) => {
      const found = into.get(name);
      if (!found) throw new Error(`there are no statistics of the batch norm "${name}"`);
      return { mean: moveToOpenScope(found.mean), variance: moveToOpenScope(found.variance) };
    });
    const flat = (part: keyof BatchStatistics): Tensor =>
      all.length === 0 ? tf.tensor1d([]) : tf.concat(all.map((each) => each[part]));
    const [batchMean, batchVariance] = [flat('mean'), flat('variance')];
    const mixed = (running: Tensor, batch: Tensor): Tensor =>
      tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum));
    return { mean: mixed(mean, batchMean), variance: mixed(variance, batchVariance) };
  };
  return { normalization: { kind: 'collect', into }, moved };
}

/** The normalization of a pass in inference mode, with the state's running statistics. */
export function runningStatistics(normalizations: Normalizations, state: Tensors): Normalization {
  const widths = normalizations.map(({ channels }) => channels);
  const [means, variances]: Tensor1D[][] = [tf.split(state.mean, widths), tf.split(state.variance, widths)];
  const byName = new Map(
    normalizations.map(({ name }, i): [string, BatchStatistics] => [
      name,
      { mean: means[i], variance: variances[i] },
    ]),
  );
  return { kind: 'running', statistics: (name) => byName.get(name)! };
}
