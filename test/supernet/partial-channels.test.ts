import { expect } from 'chai';
import { tf } from '../../lib/engine/index.js';
import { UsageError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { alphaCount, mixingWeights } from '../../lib/spaces/mixing.js';
import { SPACES, alphaSize, defineSpace } from '../../lib/spaces/spaces.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { crossEntropy } from '../engine/reference.js';
import type { Values } from '../engine/reference.js';
import { LABELS, MIXED, SMALL, expectClose, floats, images, logitsOf, passOf } from './helpers.js';
import { referenceLogits } from './reference-network.js';

/** Identity, strided skip, pooling, convolutions, and the zero operation, at both strides. */
const SPACE: SearchSpace = defineSpace({
  name: 'partial',
  nodes: 2,
  edges: {
    normal: [
      ['skip_connect', 'sep_conv_3x3'],
      ['none', 'dil_conv_3x3', 'max_pool_3x3'],
      ['skip_connect'],
      ['none', 'skip_connect', 'sep_conv_3x3'],
      ['max_pool_3x3', 'skip_connect'],
    ],
    reduce: [
      ['skip_connect', 'max_pool_3x3'],
      ['sep_conv_3x3', 'none'],
      ['max_pool_3x3'],
      ['skip_connect', 'sep_conv_3x3'],
      ['skip_connect', 'none'],
    ],
  },
});

describe('supernet: partial channels', function () {
  this.timeout(60_000);
  const shape = { cells: 3, channels: 4, classes: 3 };
  const x = (): Values => {
    const [data] = tf.tidy(() => [images().dataSync()]);
    return { shape: [LABELS.length, 8, 8, 3], data: Float64Array.from(data) };
  };

  for (const [k, edgeNormalization] of [
    [2, true],
    [4, true],
    [2, false],
    [1, true],
  ] as const) {
    it(`k = ${k}${edgeNormalization ? ' with edge normalization' : ''} is the network that the paper draws`, () => {
      const net = supernet(SPACE, { ...shape, partialChannels: { k, edgeNormalization } });
      const alphas = floats(5, net.alphas);
      const expected = referenceLogits(net, net.init(key(7)), alphas, x());
      expectClose(logitsOf(net, alphas), Array.from(expected.data), 2e-5);
    });
  }

  it('has gradients of all alphas, β among them, that agree with the reference’s differences', () => {
    const net = supernet(SPACE, { ...shape, partialChannels: { k: 2, edgeNormalization: true } });
    const alphas = Float64Array.from(floats(5, net.alphas));
    const { alphas: gradient } = passOf(net, alphas);
    const weights = net.init(key(7));
    const lossAt = (i: number, by: number): number => {
      const moved = alphas.slice();
      moved[i] += by;
      return crossEntropy(referenceLogits(net, weights, moved, x()), Int32Array.from(LABELS)).data[0];
    };
    const betas = alphaSize(SPACE);
    const h = 1e-6;
    for (const i of [0, 1, 3, 6, 10, 13, 17, betas, betas + 1, betas + 3, betas + 6, betas + 9]) {
      const slope = (lossAt(i, h) - lossAt(i, -h)) / (2 * h);
      expect(gradient[i], `alpha ${i}`).to.be.closeTo(slope, 2e-6 + 1e-4 * Math.abs(slope));
    }
    // The softmaxed β of a node sum to one whatever is added to all of them.
    for (const [from, to] of [
      [0, 2],
      [2, 5],
      [5, 7],
      [7, 10],
    ]) {
      const slopes = gradient.slice(betas + from, betas + to);
      expect(slopes.reduce((sum, slope) => sum + slope, 0)).to.be.closeTo(0, 1e-6);
    }
    expect(Math.max(...gradient.slice(betas).map(Math.abs))).to.be.above(1e-3);
  });

  it('of k = 1 without edge normalization is the network without them', () => {
    const alphas = floats(5, alphaSize(MIXED));
    const one = supernet(MIXED, { ...SMALL, partialChannels: { k: 1, edgeNormalization: false } });
    expect(logitsOf(one, alphas)).to.deep.equal(logitsOf(supernet(MIXED, SMALL), alphas));
  });

  it('takes edge weights as given too', () => {
    const net = supernet(SPACE, { ...shape, partialChannels: { k: 2, edgeNormalization: true } });
    const alphas = floats(5, net.alphas);
    const given = mixingWeights(SPACE, Float64Array.from(alphas), true);
    expectClose(logitsOf(net, given, { mixing: 'given' }), logitsOf(net, alphas), 2e-6);
  });

  it('is dropped with what bypasses it, and leaves the rest alone, at probability 0', () => {
    const net = supernet(SPACE, { ...shape, partialChannels: { k: 2, edgeNormalization: true } });
    const alphas = floats(5, net.alphas);
    const at = (probability: number) =>
      tf.tidy(() =>
        logitsOf(net, alphas, { dropPath: tf.scalar(probability), noiseSeed: tf.tensor1d([1, 2], 'int32') }),
      );
    expectClose(at(0), logitsOf(net, alphas), 1e-5);
    // All edges of every node dropped: the cells give zeros, and only the classifier's bias is left.
    const bias = Array.from(net.init(key(7)).slice(-shape.classes));
    expectClose(
      at(1 - 2 ** -24),
      LABELS.flatMap(() => bias),
      1e-6,
    );
  });

  it('has operations on a part of the channels, under PyTorch’s names, and β beside the alphas', () => {
    const cifar = { cells: 8, channels: 16, classes: 10 };
    const net = supernet(SPACES.darts, { ...cifar, partialChannels: { k: 4, edgeNormalization: true } });
    expect(net.alphas).to.equal(196 + 28);
    expect(net.alphas).to.equal(alphaCount(SPACES.darts, true));
    const { parameters } = net.layout;
    const full = supernet(SPACES.darts, cifar).layout.parameters;
    expect(parameters.map(({ name }) => name)).to.deep.equal(full.map(({ name }) => name));
    parameters.forEach(({ name, shape }, i) => {
      const channels = (sides: readonly number[]) => sides.slice(2).filter((side) => side > 1);
      const factor = name.includes('_ops') ? 4 : 1;
      expect(channels(shape), name).to.deep.equal(channels(full[i].shape).map((side) => side / factor));
    });
    // One mixed op of c channels: two separable convolutions of each size, two dilated ones, and a strided skip.
    const edges = (c: number) =>
      2 * (9 * c + c * c) + 2 * (25 * c + c * c) + (9 * c + c * c) + (25 * c + c * c);
    const widths = [16, 16, 32, 32, 32, 64, 64, 64];
    const cells = widths.map((width, i) => {
      const before = [i - 2, i - 1].map((j) => (j < 0 ? 48 : 4 * widths[j]));
      const reduces = i === 2 || i === 5;
      return width * (before[0] + before[1]) + 14 * edges(width / 4) + (reduces ? 8 * (width / 4) ** 2 : 0);
    });
    const stem = 27 * 48 + 2 * 48;
    expect(net.layout.size).to.equal(stem + cells.reduce((sum, cell) => sum + cell, 0) + 256 * 10 + 10);
  });

  it('refuses a k that does not divide the channels', () => {
    const make = (k: number) => () =>
      supernet(SPACES.s2, { ...shape, partialChannels: { k, edgeNormalization: true } });
    expect(make(3)).to.throw(UsageError, /k of 1 or more that divides the channels, got 3 for 4\.$/);
    expect(make(0)).to.throw(UsageError, /got 0 for 4\.$/);
    expect(make(1.5)).to.throw(UsageError, /got 1\.5 for 4\.$/);
  });
});
