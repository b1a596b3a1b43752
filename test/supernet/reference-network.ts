import { mixingWeights } from '../../lib/spaces/mixing.js';
import { alphaSize, cellEdges, reductionCells } from '../../lib/spaces/spaces.js';
import type { Cell } from '../../lib/spaces/spaces.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import * as reference from '../engine/reference.js';
import type { Convolution, Values } from '../engine/reference.js';

/**
 * PC-DARTS' network as its PyTorch modules compute it, in double precision and edge by edge: every mixed op cuts its input,
 * joins, pools and shuffles by itself, and every edge is scaled by its softmaxed β.
 */
export function referenceLogits(
  net: Supernet,
  weights: ArrayLike<number>,
  alphas: ArrayLike<number>,
  x: Values,
): Values {
  const { space, shape, layout } = net;
  const { k, edgeNormalization } = shape.partialChannels ?? { k: 1, edgeNormalization: false };
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
