import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { tf } from '../engine/index.js';
import { split, uniform } from '../math/random.js';
import type { Key } from '../math/random.js';
import type { Parameter } from './layers.js';

/** Where each parameter lies in the flat weight vector: in definition order, without gaps. */
export interface WeightLayout {
  readonly parameters: readonly (Parameter & { readonly offset: number; readonly size: number })[];
  /** Length of the flat vector: the number of trainable parameters. */
  readonly size: number;
}

export function weightLayout(parameters: readonly Parameter[]): WeightLayout {
  let offset = 0;
  const placed = parameters.map((parameter) => {
    const size = parameter.shape.reduce((product, length) => product * length, 1);
    offset += size;
    return { ...parameter, offset: offset - size, size };
  });
  return { parameters: placed, size: offset };
}

/** Fresh weights: every parameter drawn as its `init` says, each from a key of its own. */
export function initialWeights(layout: WeightLayout, key: Key): Float32Array {
  const weights = new Float32Array(layout.size);
  const keys = split(key, layout.parameters.length);
  layout.parameters.forEach(({ init, offset, size }, i) => {
    if (init.kind === 'ones') weights.fill(1, offset, offset + size);
    if (init.kind !== 'uniform') return;
    const bound = 1 / Math.sqrt(init.fanIn);
    uniform(keys[i], size).forEach((u, j) => (weights[offset + j] = bound * (2 * u - 1)));
  });
  return weights;
}

/** The parameters of a flat weight vector [layout.size], by name. Differentiable. */
export function unflatten(layout: WeightLayout, weights: Tensor1D): (name: string) => Tensor {
  const sizes = layout.parameters.map(({ size }) => size);
  const parts = tf.split(weights, sizes);
  const byName = new Map(
    layout.parameters.map(({ name, shape }, i) => [
      name,
      shape.length === 1 ? parts[i] : tf.reshape(parts[i], [...shape]),
    ]),
  );
  return (name) => {
    const tensor = byName.get(name);
    if (!tensor) throw new Error(`there is no parameter "${name}"`);
    return tensor;
  };
}
