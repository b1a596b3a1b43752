import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import {
  batchNorm,
  batchNormExactly,
  batchNormInference,
  globalAverage,
  statelessNormal,
  tf,
} from '../engine/index.js';
import type { BatchStatistics, NormalizedBatch } from '../engine/index.js';
import { UsageError } from '../errors.js';
import type { Key } from '../math/random.js';
import { alphaSize, cellEdges, reductionCells } from '../spaces/spaces.js';
import type { Cell, SearchSpace } from '../spaces/spaces.js';
import { FeatureMap, factorizedReduce, named, output, reluConvBn, stem, sumTerms } from './layers.js';
import type { Layer, OpWeight, Parameter, Scope } from './layers.js';
import { operation } from './operations.js';
import { initialWeights, unflatten, weightLayout } from './weights.js';
import type { WeightLayout } from './weights.js';

/**
 * The weight-sharing network of DARTS (`model_search.py`): a stem, cells whose every edge is a mixed op, and a linear
 * classifier. A pure function of weights, alphas and images: it holds no tensors.
 */

export interface SupernetShape {
  /** Number of cells L; the cells ⌊L/3⌋ and ⌊2L/3⌋ are reduction cells. */
  readonly cells: number;
  /** Channels C of the first cells; every reduction doubles them. The stem has 3·C. */
  readonly channels: number;
  readonly classes: number;
}

/** How batch norm normalizes in one pass. */
export type Normalization =
  /** With the statistics of the batch itself. */
  | { readonly kind: 'batch' }
  /** The same, and what they were is collected by batch norm name. */
  | { readonly kind: 'collect'; readonly into: Map<string, BatchStatistics> }
  /** With running statistics: inference. */
  | { readonly kind: 'running'; readonly statistics: (name: string) => BatchStatistics };

export interface PassOptions {
  /** Default: the batch's own statistics. */
  readonly normalization?: Normalization;
  /** int32 [2]: seeds the noise primitive; the same seed draws the same noise. Needed by spaces that have it. */
  readonly noiseSeed?: Tensor1D;
  /** Replaces the noise primitive's draws, by edge name (`cells.0._ops.3._ops.0`): for comparing with a reference. */
  readonly noise?: (name: string, shape: readonly number[]) => Tensor4D;
}

export interface Supernet {
  readonly space: SearchSpace;
  readonly shape: SupernetShape;
  /** Every trainable parameter in the flat weight vector, in PyTorch's order and with its names. */
  readonly layout: WeightLayout;
  /** Every batch norm, in definition order. */
  readonly normalizations: readonly { readonly name: string; readonly channels: number }[];
  /** Number of alphas d, both cells. */
  readonly alphas: number;
  /** Fresh weights [layout.size]. */
  init(key: Key): Float32Array;
  /**
   * Class scores.
   *
   * @param weights  [layout.size].
   * @param alphas   [d] raw alphas: every edge of the normal cell, then every edge of the reduction cell.
   * @param images   [batch, height, width, 3], height and width divisible by 4.
   * @returns        [batch, classes].
   */
  logits(weights: Tensor1D, alphas: Tensor1D, images: Tensor4D, options?: PassOptions): Tensor2D;
}

const STEM_MULTIPLIER = 3;

/**
 * The supernet of a space.
 *
 * @throws {UsageError} if there are fewer than 1 cells, or channels that the strided skip connection cannot halve.
 */
export function supernet(space: SearchSpace, shape: SupernetShape): Supernet {
  const { channels, classes } = shape;
  if (!Number.isInteger(shape.cells) || shape.cells < 1) {
    throw new UsageError(`A supernet needs at least 1 cell, got ${shape.cells}.`);
  }
  if (
    !Number.isInteger(channels) ||
    channels < 1 ||
    (channels % 2 !== 0 && reductionCells(shape.cells).includes(0))
  ) {
    throw new UsageError(
      `A supernet's channels must be a positive integer (even, if its first cell reduces), got ${channels}.`,
    );
  }

  const stemChannels = STEM_MULTIPLIER * channels;
  const first = named('stem', stem(3, stemChannels));
  const cells: SupernetCell[] = [];
  let width = channels;
  let [before, previous] = [stemChannels, stemChannels];
  let previousReduces = false;
  for (let i = 0; i < shape.cells; i++) {
    const kind: Cell = reductionCells(shape.cells).includes(i) ? 'reduce' : 'normal';
    if (kind === 'reduce') width *= 2;
    cells.push(supernetCell(space, `cells.${i}`, kind, { before, previous, width, previousReduces }));
    [before, previous] = [previous, space.nodes * width];
    previousReduces = kind === 'reduce';
  }
  const classifier: Parameter[] = [
    { name: 'classifier.weight', shape: [previous, classes], init: { kind: 'uniform', fanIn: previous } },
    { name: 'classifier.bias', shape: [classes], init: { kind: 'uniform', fanIn: previous } },
  ];
  const layout = weightLayout([
    ...first.parameters,
    ...cells.flatMap(({ parameters }) => parameters),
    ...classifier,
  ]);

  return {
    space,
    shape,
    layout,
    normalizations: [...first.normalizations, ...cells.flatMap(({ normalizations }) => normalizations)],
    alphas: alphaSize(space),
    init: (key) => initialWeights(layout, key),
    logits(weights, alphas, images, options = {}) {
      const scope: Scope = {
        weight: unflatten(layout, weights),
        ...normalizer(options.normalization ?? { kind: 'batch' }),
        noise: options.noise ?? noiseSource(options.noiseSeed),
      };
      const mixing = mixingWeights(space, alphas);
      let s0 = new FeatureMap(output(first, new FeatureMap(images), scope));
      let s1 = s0;
      for (const cell of cells) [s0, s1] = [s1, cell.apply(s0, s1, scope, mixing(cell.kind, cell.width))];
      const features = globalAverage(s1.x);
      const scores = tf.matMul(features, scope.weight('classifier.weight'));
      return tf.add(scores, scope.weight('classifier.bias'));
    },
  };
}

interface SupernetCell {
  readonly kind: Cell;
  readonly width: number;
  readonly parameters: readonly Parameter[];
  readonly normalizations: Layer['normalizations'];
  /** @param weights  For each edge and each of its primitives the softmax weight. */
  apply(s0: FeatureMap, s1: FeatureMap, scope: Scope, weights: readonly (readonly OpWeight[])[]): FeatureMap;
}

/** A cell with a mixed op on every edge (DARTS `Cell` of the search network). */
function supernetCell(
  space: SearchSpace,
  name: string,
  kind: Cell,
  from: { before: number; previous: number; width: number; previousReduces: boolean },
): SupernetCell {
  const { before, previous, width, previousReduces } = from;
  const preprocess0 = named(
    `${name}.preprocess0`,
    previousReduces ? factorizedReduce(before, width, false) : reluConvBn(before, width, false),
  );
  const preprocess1 = named(`${name}.preprocess1`, reluConvBn(previous, width, false));
  const edges = cellEdges(space.nodes).map(({ node, input }, e) => {
    // In a reduction cell the two inputs are halved on their way to every node.
    const stride = kind === 'reduce' && input < 2 ? 2 : 1;
    const ops = space.edges[kind][e].map((primitive, o) => ({
      primitive,
      layer: named(
        `${name}._ops.${e}._ops.${o}`,
        operation(primitive, { channels: width, stride, affine: false, poolsNormalized: true }),
      ),
    }));
    return { node, input, ops };
  });
  const layers = [preprocess0, preprocess1, ...edges.flatMap(({ ops }) => ops.map(({ layer }) => layer))];

  return {
    kind,
    width,
    parameters: layers.flatMap(({ parameters }) => parameters),
    normalizations: layers.flatMap(({ normalizations }) => normalizations),
    apply(s0, s1, scope, weights) {
      const states = [
        new FeatureMap(output(preprocess0, s0, scope)),
        new FeatureMap(output(preprocess1, s1, scope)),
      ];
      for (let node = 2; node < space.nodes + 2; node++) {
        // One sum over the mixed ops of all incoming edges; the zero op adds nothing to it.
        const terms = edges.flatMap((edge, e) =>
          edge.node !== node
            ? []
            : edge.ops.flatMap(({ primitive, layer }, o) =>
                primitive === 'none' ? [] : [layer.apply(states[edge.input], scope, weights[e][o])],
              ),
        );
        states.push(new FeatureMap(sumTerms(terms)));
      }
      return new FeatureMap(
        tf.concat(
          states.slice(2).map(({ x }) => x),
          3,
        ),
      );
    },
  };
}

/**
 * The softmax weight of every primitive on every edge, repeated for each channel: a mixed op multiplies its operations'
 * last batch norms by them. One multiplication serves all edges of a cell type and width.
 */
function mixingWeights(space: SearchSpace, alphas: Tensor1D) {
  const counts = {
    normal: space.edges.normal.map((primitives) => primitives.length),
    reduce: space.edges.reduce.map((primitives) => primitives.length),
  };
  const [normal, reduce]: Tensor1D[] = tf.split(alphas, [sum(counts.normal), sum(counts.reduce)]);
  const weights = {
    normal: softmaxPerEdge(normal, counts.normal),
    reduce: softmaxPerEdge(reduce, counts.reduce),
  };
  const known = new Map<string, OpWeight[][]>();
  return (kind: Cell, width: number): OpWeight[][] => {
    const key = `${kind} ${width}`;
    let byEdge = known.get(key);
    if (!byEdge) {
      const scalars = tf.unstack(weights[kind]);
      const column = tf.reshape(weights[kind], [weights[kind].size, 1]);
      const rows = tf.unstack(tf.mul(column, tf.ones([1, width])));
      const ops = scalars.map((scalar, i): OpWeight => ({ scalar, perChannel: rows[i] as Tensor1D }));
      byEdge = counts[kind].map((count) => ops.splice(0, count));
      known.set(key, byEdge);
    }
    return byEdge;
  };
}

/** The softmax over each edge's alphas, the edges one after the other. @param counts  How many alphas each edge has. */
function softmaxPerEdge(alphas: Tensor1D, counts: readonly number[]): Tensor1D {
  if (counts.every((count) => count === counts[0])) {
    return tf.reshape(tf.softmax(tf.reshape(alphas, [counts.length, counts[0]])), [alphas.size]);
  }
  const edges: Tensor1D[] = tf.split(alphas, [...counts]);
  return tf.concat(edges.map((edge) => tf.softmax(edge)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function normalizer(normalization: Normalization): Pick<Scope, 'normalize' | 'normalizeExactly'> {
  const one = (x: Tensor4D): Tensor1D => tf.ones([x.shape[3]]);
  const none = (x: Tensor4D): Tensor1D => tf.zeros([x.shape[3]]);
  if (normalization.kind === 'running') {
    const normalize: Scope['normalize'] = (name, x, scale = one(x), offset = none(x)) => {
      const { mean, variance } = normalization.statistics(name);
      return batchNormInference(x, scale, offset, mean, variance);
    };
    return { normalize, normalizeExactly: normalize };
  }
  const collected = (name: string, { y, statistics }: NormalizedBatch): Tensor4D => {
    if (normalization.kind === 'collect') normalization.into.set(name, statistics);
    return y;
  };
  // Pools of the same feature map are normalized on every edge alike: same input, scale and offset, same output.
  const known = new Map<number, NormalizedBatch>();
  return {
    normalize: (name, x, scale, offset) => {
      let normalized = scale ? undefined : known.get(x.id);
      normalized ??= batchNorm(x, scale ?? one(x), offset ?? none(x));
      if (!scale) known.set(x.id, normalized);
      return collected(name, normalized);
    },
    normalizeExactly: (name, x) => collected(name, batchNormExactly(x)),
  };
}

/** Noise of a seed, a different stream for every edge. */
function noiseSource(seed: Tensor1D | undefined): Scope['noise'] {
  let stream = 0;
  return (name, shape) => {
    if (!seed) throw new UsageError(`The noise primitive at ${name} needs a noise seed.`);
    const offset: Tensor = tf.tensor1d([0, ++stream], 'int32');
    return statelessNormal([...shape], tf.add(seed, offset)) as Tensor4D;
  };
}
