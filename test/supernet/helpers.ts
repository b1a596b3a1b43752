import { expect } from 'chai';
import type { Tensor4D } from '@tensorflow/tfjs-node';
import { tf } from '../../lib/engine/index.js';
import { key, normal } from '../../lib/math/random.js';
import { defineSpace } from '../../lib/spaces/spaces.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import type { PassOptions, Supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradients } from '../../lib/supernet/training.js';

/** What the tests of networks share: a small shape, images, and passes with weights of a fixed seed, as numbers. */

export const SMALL = { cells: 3, channels: 2, classes: 3 };
export const LABELS = [0, 2, 1, 2];

export const floats = (seed: number, size: number): Float32Array =>
  Float32Array.from(normal(key(seed), size));
export const images = (seed = 1, height = 8, width = 8): Tensor4D =>
  tf.tensor4d(floats(seed, LABELS.length * height * width * 3), [LABELS.length, height, width, 3]);

/** Class scores with fresh weights of a fixed seed. */
export function logitsOf(
  net: Supernet,
  alphas: ArrayLike<number>,
  options?: PassOptions,
  x?: () => Tensor4D,
): number[] {
  return tf.tidy(() => {
    const weights = tf.tensor1d(net.init(key(7)));
    const alpha = tf.tensor1d(Float32Array.from(alphas));
    return Array.from(net.logits(weights, alpha, (x ?? images)(), options).dataSync());
  });
}

/** Loss, number correct and both gradients, as numbers. */
export function passOf(net: Supernet, alphas: ArrayLike<number>, options?: () => PassOptions) {
  return tf.tidy(() => {
    const { loss, correct, ...gradients } = lossAndGradients(
      net,
      tf.tensor1d(net.init(key(7))),
      tf.tensor1d(Float32Array.from(alphas)),
      images(),
      tf.tensor1d(LABELS, 'int32'),
      options?.(),
    );
    return {
      loss: loss.dataSync()[0],
      correct: correct.dataSync()[0],
      weights: Array.from(gradients.weights.dataSync()),
      alphas: Array.from(gradients.alphas.dataSync()),
    };
  });
}

export function expectClose(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found).to.have.length(expected.length);
  found.forEach((value, i) => expect(value, `[${i}]`).to.be.closeTo(expected[i], tolerance));
}

/** Edges with one, two, three and four primitives, of every kind that needs no noise. */
export const MIXED: SearchSpace = defineSpace({
  name: 'mixed',
  nodes: 2,
  edges: {
    normal: [
      ['skip_connect'],
      ['max_pool_3x3', 'sep_conv_3x3'],
      ['none', 'avg_pool_3x3', 'dil_conv_3x3'],
      ['sep_conv_7x7', 'conv_7x1_1x7', 'dil_conv_5x5', 'skip_connect'],
      ['sep_conv_5x5'],
    ],
    reduce: [
      ['dil_conv_5x5', 'skip_connect', 'none'],
      ['conv_7x1_1x7'],
      ['sep_conv_3x3', 'avg_pool_3x3'],
      ['max_pool_3x3'],
      ['none', 'dil_conv_3x3'],
    ],
  },
});
