import { expect } from 'chai';
import { tf } from '../../lib/engine/index.js';
import { UsageError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { alphaCount, mixingWeights } from '../../lib/spaces/mixing.js';
import { SPACES, alphaSize, cellEdges, defineSpace, reductionCells } from '../../lib/spaces/spaces.js';
import type { Cell, SearchSpace } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import * as reference from '../engine/reference.js';
import type { Convolution, Values } from '../engine/reference.js';
import { LABELS, MIXED, SMALL, expectClose, floats, images, logitsOf, passOf } from './helpers.js';

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

/**
 * PC-DARTS' network as its PyTorch modules compute it, in double precision and edge by edge: every mixed op cuts its input,
 * joins, pools and shuffles by itself, and every edge is scaled by its softmaxed β.
 */
function referenceLogits(
  net: Supernet,
  weights: ArrayLike<number>,
  alphas: ArrayLike<number>,
  x: Values,
): Values {
  const { space, shape, layout } = net;
  const { k, edgeNormalization } = shape.partialChannels!;
  const weight = (name: string): Values => {
    const { shape, offset, size } = layout.parameters.find((parameter) => parameter.name === name)!;
    return { shape, data: Float64Array.from({ length: size }, (_, i) => weights[offset + i]) };
  };
  const constant = (value: number, { shape }: Values): Values => ({
    shape: [shape[3]],
    data: new Float64Array(shape[3]).fill(value),
  });
  const normalize = (y: Values) => reference.batchNorm(y, constant(1, y), constant(0, y));
  const relu = ({ shape, data }: Values): Values => ({
    shape,
    data: data.map((value) => Math.max(value, 0)),
  });
  const convolve = (y: Values, name: string, by: Partial<Convolution> = {}) =>
    reference.convolve(y, weight(`${name}.weight`), { stride: [1, 1], padding: [0, 0], ...by });
  const channels = ({ shape, data }: Values, from: number, to: number): Values => ({
    shape: [...shape.slice(0, 3), to - from],
    data: data.filter((_, i) => i % shape[3] >= from && i % shape[3] < to),
  });
  const concat = (...parts: Values[]): Values => {
    const total = parts.reduce((sum, { shape }) => sum + shape[3], 0);
    const pixels = parts[0].data.length / parts[0].shape[3];
    const data = Array.from({ length: pixels }, (_, pixel) =>
      parts.flatMap(({ shape, data }) => [...data.subarray(pixel * shape[3], (pixel + 1) * shape[3])]),
    ).flat();
    return { shape: [...parts[0].shape.slice(0, 3), total], data: Float64Array.from(data) };
  };
  const sum = (terms: readonly (readonly [number, Values])[]): Values => {
    const data = new Float64Array(terms[0][1].data.length);
    for (const [factor, term] of terms) term.data.forEach((value, i) => (data[i] += factor * value));
    return { shape: terms[0][1].shape, data };
  };
  const shifted = ({ shape: [batch, height, width, depth], data }: Values): Values => {
    const kept = Array.from(data).filter((_, i) => {
      const pixel = Math.floor(i / depth);
      return pixel % width > 0 && Math.floor(pixel / width) % height > 0;
    });
    return { shape: [batch, height - 1, width - 1, depth], data: Float64Array.from(kept) };
  };
  const factorizedReduce = (y: Values, name: string): Values => {
    const rectified = relu(y);
    return normalize(
      concat(
        convolve(rectified, `${name}.conv_1`, { stride: [2, 2] }),
        convolve(shifted(rectified), `${name}.conv_2`, { stride: [2, 2] }),
      ),
    );
  };
  const separable = (y: Values, name: string, first: number, stride: number, dilation: number): Values => {
    const by = {
      stride: [stride, stride],
      padding: [dilation, dilation],
      dilation,
      depthwise: true,
    } as const;
    return normalize(convolve(convolve(relu(y), `${name}.${first}`, by), `${name}.${first + 1}`));
  };
  const operate = (primitive: string, y: Values, name: string, stride: number): Values => {
    switch (primitive) {
      case 'none':
        return sum([[0, stride === 1 ? y : reference.halve(y)]]);
      case 'skip_connect':
        return stride === 1 ? y : factorizedReduce(y, name);
      case 'max_pool_3x3':
        return normalize(reference.pool(y, 'max', stride));
      case 'sep_conv_3x3':
        return separable(separable(y, `${name}.op`, 1, stride, 1), `${name}.op`, 5, 1, 1);
      case 'dil_conv_3x3':
        return separable(y, `${name}.op`, 1, stride, 2);
      default:
        throw new Error(primitive);
    }
  };

  const mixing = mixingWeights(space, Float64Array.from(alphas), edgeNormalization);
  let at = 0;
  const rows = (cell: Cell) => space.edges[cell].map(({ length }) => mixing.slice(at, (at += length)));
  const operations = { normal: rows('normal'), reduce: rows('reduce') };
  const places = cellEdges(space.nodes);
  const betas = (cell: Cell) =>
    places.map((_, e) =>
      edgeNormalization ? mixing[alphaSize(space) + (cell === 'normal' ? 0 : places.length) + e] : 1,
    );

  const stem = convolve(x, 'stem.0', { padding: [1, 1] });
  const scaled = reference.batchNorm(stem, weight('stem.1.weight'), weight('stem.1.bias'));
  let [s0, s1] = [scaled, scaled];
  let previousReduces = false;
  for (let c = 0; c < shape.cells; c++) {
    const kind: Cell = reductionCells(shape.cells).includes(c) ? 'reduce' : 'normal';
    const name = `cells.${c}`;
    const preprocess = (y: Values, which: string) => normalize(convolve(relu(y), `${name}.${which}.op.1`));
    const states = [
      previousReduces ? factorizedReduce(s0, `${name}.preprocess0`) : preprocess(s0, 'preprocess0'),
      preprocess(s1, 'preprocess1'),
    ];
    for (let node = 2; node < space.nodes + 2; node++) {
      const terms = places.flatMap(({ node: to, input }, e): [number, Values][] => {
        if (to !== node) return [];
        const stride = kind === 'reduce' && input < 2 ? 2 : 1;
        const y = states[input];
        const part = y.shape[3] / k;
        const mixed = sum(
          space.edges[kind][e].map((primitive, o) => [
            operations[kind][e][o],
            operate(primitive, channels(y, 0, part), `${name}._ops.${e}._ops.${o}`, stride),
          ]),
        );
        const others = channels(y, part, y.shape[3]);
        const joined = k === 1 ? mixed : concat(mixed, stride === 1 ? others : reference.halve(others));
        return [[betas(kind)[e], reference.shuffle(joined, k)]];
      });
      states.push(sum(terms));
    }
    [s0, s1] = [s1, concat(...states.slice(2))];
    previousReduces = kind === 'reduce';
  }
  const [matrix, bias] = [weight('classifier.weight'), weight('classifier.bias')];
  const [batch, height, width, features] = s1.shape;
  const classes = shape.classes;
  const scores = new Float64Array(batch * classes);
  for (let n = 0; n < batch; n++) {
    for (let label = 0; label < classes; label++) {
      let score = bias.data[label];
      for (let i = 0; i < height * width * features; i++) {
        const value = s1.data[n * height * width * features + i] / (height * width);
        score += value * matrix.data[(i % features) * classes + label];
      }
      scores[n * classes + label] = score;
    }
  }
  return { shape: [batch, classes], data: scores };
}

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
      return reference.crossEntropy(referenceLogits(net, weights, moved, x()), Int32Array.from(LABELS))
        .data[0];
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
