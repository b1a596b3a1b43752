import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../engine/index.js';
import type { FusedTerm, NormalizedBatch } from '../engine/index.js';
import { UsageError } from '../errors.js';
import type { Key } from '../math/random.js';
import { alphaCount, edgeGroups, operationGroups } from '../spaces/mixing.js';
import { cellForm, reductionCells, spaceEdges } from '../spaces/spaces.js';
import type { Cell, Edge, SearchSpace } from '../spaces/spaces.js';
import {
  FeatureMap,
  contentsOf,
  dropTerms,
  factorizedReduce,
  fusedMap,
  largeStem,
  linear,
  linearParameters,
  mapOf,
  named,
  operation,
  patternSwitches,
  reluConvBn,
  smallStem,
  stateShape,
  sumImages,
  sumTerms,
} from './layers.js';
import type { Contents, OpWeight, PatternUse, Scope, Term } from './layers.js';
import { stagedNetwork } from './stages.js';
import type { Normalization, Normalizations } from './statistics.js';
import { initialWeights, unflatten, weightLayout } from './weights.js';
import type { WeightLayout } from './weights.js';

/**
 * The weight-sharing network of DARTS (`model_search.py`), or of NAS-Bench-201 (`search_cells.py`): a stem, cells whose every
 * edge is a mixed op, and a linear classifier. A pure function of weights, alphas and images: it holds no tensors.
 */

export interface SupernetShape {
  /** Number of cells L; the cells ⌊L/3⌋ and ⌊2L/3⌋ are reduction cells. Of skeleton `stages` a third are in each stage. */
  readonly cells: number;
  /** Channels C of the first cells; every reduction doubles them. The stem has 3·C, of skeleton `stages` C. */
  readonly channels: number;
  readonly classes: number;
  /** Whether images are large ones: the stem then halves them three times. Absent: no. */
  readonly largeImages?: boolean;
  /** Mixed ops on a part of the channels (PC-DARTS); absent: on all of them. */
  readonly partialChannels?: PartialChannels;
}

/**
 * PC-DARTS' partial channel connections (Xu et al. 2020): a mixed op sees the first 1/k of a node's channels; the others
 * bypass it, 2×2 max pooled where it reduces, and the channels are shuffled in k groups behind it.
 */
export interface PartialChannels {
  /** 4 in PC-DARTS. Divides the channels of every cell. */
  readonly k: number;
  /** Whether each edge has an alpha β of its own that scales it, softmaxed over the edges into a node. */
  readonly edgeNormalization: boolean;
}

const { tf } = engine;

/** The ways in which a supernet is told what its operations weigh. */
export const MIXINGS = ['softmax', 'given', 'single'] as const;
export type Mixing = (typeof MIXINGS)[number];

export interface PassOptions {
  /** Default: the batch's own statistics. */
  readonly normalization?: Normalization;
  /** int32 [2]: seeds the noise primitive and drop path, whichever there is; the same seed draws the same. */
  readonly noiseSeed?: Tensor1D;
  /** Replaces the noise primitive's draws, by edge name (`cells.0._ops.3._ops.0`): for comparing with a reference. */
  readonly noise?: (name: string, shape: readonly number[]) => Tensor4D;
  /**
   * Scalar in [0, 1): the probability with which an edge is dropped with all its operations, sample by sample, as the
   * released R-DARTS drops them. Needs a noise seed. Default: nothing is dropped.
   */
  readonly dropPath?: Tensor;
  /** Collects the pass's activation pattern, or keeps one. Default: the pass has its own. */
  readonly pattern?: PatternUse;
  /**
   * Whether the alphas are softmaxed, or given as the weights themselves, operations' and edges' alike (see
   * `mixingWeights` of the spaces); `single`: given, and those of one architecture, so that what weighs nothing need not be
   * computed, and the weights have no gradients that anybody asks for. Default: `softmax`.
   */
  readonly mixing?: Mixing;
}

export interface Supernet {
  readonly space: SearchSpace;
  readonly shape: SupernetShape;
  /** Every trainable parameter in the flat weight vector, in PyTorch's order and with its names. */
  readonly layout: WeightLayout;
  readonly normalizations: Normalizations;
  /** Number of alphas d, both cells; those of edges, where there are any, included. */
  readonly alphas: number;
  /** Fresh weights [layout.size]. */
  init(key: Key): Float32Array;
  /**
   * Class scores.
   *
   * @param weights  [layout.size].
   * @param alphas   [d] raw alphas: every edge of the normal cell, then every edge of the reduction cell; with edge
   *                 normalization then β of the normal cell's edges and of the reduction cell's.
   * @param images   [batch, height, width, 3], height and width divisible by 4, large ones by 32.
   * @returns        [batch, classes].
   * @throws {UsageError} for noise or drop path without a seed.
   */
  logits(weights: Tensor1D, alphas: Tensor1D, images: Tensor4D, options?: PassOptions): Tensor2D;
}

const STEM_MULTIPLIER = 3;

/**
 * The supernet of a space.
 *
 * @throws {UsageError} if there are fewer than 1 cells, or channels that the strided skip connection cannot halve or partial
 *         channels cannot divide; of skeleton `stages` for a number of cells that is no multiple of 3, and large images.
 */
export function supernet(space: SearchSpace, shape: SupernetShape): Supernet {
  if (space.skeleton === 'stages') return stagedSupernet(space, shape);
  const { channels, classes } = shape;
  if (!Number.isInteger(shape.cells) || shape.cells < 1) {
    throw new UsageError(`A supernet needs at least 1 cell, got ${shape.cells}.`);
  }
  if (
    !Number.isInteger(channels) ||
    channels < 1 ||
    (channels % 2 !== 0 && ((shape.largeImages ?? false) || reductionCells(shape.cells).includes(0)))
  ) {
    throw new UsageError(
      `A supernet's channels must be a positive integer (even, if its first cell reduces or its images are large ones), got ${channels}.`,
    );
  }

  const { k, edgeNormalization } = partialChannelsOf(shape);
  const stemChannels = STEM_MULTIPLIER * channels;
  const largeImages = shape.largeImages ?? false;
  const first = largeImages
    ? largeStem([stemChannels / 2, stemChannels, stemChannels])
    : smallStem(stemChannels);
  const cells: SupernetCell[] = [];
  let width = channels;
  let [before, previous] = [stemChannels, stemChannels];
  // Of the two maps that the large stem hands on, the first has twice the height and width of the second.
  let previousReduces = largeImages;
  for (let i = 0; i < shape.cells; i++) {
    const kind: Cell = reductionCells(shape.cells).includes(i) ? 'reduce' : 'normal';
    if (kind === 'reduce') width *= 2;
    cells.push(supernetCell(space, `cells.${i}`, kind, { before, previous, width, previousReduces, k }));
    [before, previous] = [previous, space.nodes * width];
    previousReduces = kind === 'reduce';
  }
  const { parameters, normalizations } = contentsOf([first, ...cells]);
  const layout = weightLayout([...parameters, ...linearParameters('classifier', previous, classes)]);

  return {
    space,
    shape,
    layout,
    normalizations,
    alphas: alphaCount(space, edgeNormalization),
    init: (key) => initialWeights(layout, key),
    logits(weights, alphas, images, options = {}) {
      const scope = scopeOf(layout, weights, options);
      // The fused kernels know neither running statistics nor activation patterns, and tell nobody of pools' statistics.
      const { normalization = { kind: 'batch' }, pattern } = options;
      const fuses = engine.canFuse() && normalization.kind === 'batch' && !pattern;
      const mixing = mixingTensors(space, alphas, edgeNormalization, options.mixing);
      const skips = options.mixing === 'single';
      const dropping = dropPathSource(images.shape[0], options);
      const switches = options.pattern && patternSwitches(options.pattern);
      let [s0, s1] = first.apply(new FeatureMap(images, switches), scope);
      for (const cell of cells) {
        const dropped = dropping?.(space.edges[cell.kind].length);
        if (cell.fused && fuses && !dropped) {
          [s0, s1] = [s1, cell.fused(s0, s1, scope, mixing.all(cell.kind), skips)];
          continue;
        }
        const weights = mixing.perOperation(cell.kind, cell.width / k);
        [s0, s1] = [s1, cell.apply(s0, s1, scope, weights, dropped)];
      }
      return linear('classifier', engine.globalAverage(s1.x), scope);
    },
  };
}

/** How a shape's mixed ops see channels. @throws {UsageError} where they cannot be divided so. */
function partialChannelsOf({ channels, partialChannels }: SupernetShape): PartialChannels {
  const { k, edgeNormalization } = partialChannels ?? { k: 1, edgeNormalization: false };
  if (!Number.isInteger(k) || k < 1 || channels % k !== 0) {
    throw new UsageError(
      `Partial channels need an integer k of 1 or more that divides the channels, got ${k} for ${channels}.`,
    );
  }
  return { k, edgeNormalization };
}

/** What the layers of a pass compute with. */
function scopeOf(layout: WeightLayout, weights: Tensor1D, options: PassOptions): Scope {
  return {
    weight: unflatten(layout, weights),
    ...normalizer(options.normalization ?? { kind: 'batch' }),
    noise: options.noise ?? noiseSource(options.noiseSeed, true),
  };
}

/** The supernet of a space of skeleton `stages`. Its pools and skip connections have no batch norm. */
function stagedSupernet(space: SearchSpace, shape: SupernetShape): Supernet {
  const { k, edgeNormalization } = partialChannelsOf(shape);
  if (shape.largeImages) throw new UsageError('A supernet of skeleton stages is for small images only.');
  const network = stagedNetwork(shape, (name, width) => {
    const strideOf = () => 1 as const;
    const nameOf = ({ node, input }: Edge, o: number) => `${name}.edges.${node}<-${input}.${o}`;
    const mixed = mixedEdges(space, 'normal', { width, k, poolsNormalized: false, strideOf, nameOf });
    return { ...contentsOf([mixed]), mixed, width };
  });
  const { layout } = network;
  return {
    space,
    shape,
    layout,
    normalizations: network.normalizations,
    alphas: alphaCount(space, edgeNormalization),
    init: (key) => initialWeights(layout, key),
    logits(weights, alphas, images, options = {}) {
      const mixing = mixingTensors(space, alphas, edgeNormalization, options.mixing);
      const dropping = dropPathSource(images.shape[0], options);
      const switches = options.pattern && patternSwitches(options.pattern);
      const scope = scopeOf(layout, weights, options);
      return network.logits(new FeatureMap(images, switches), scope, ({ mixed, width }, input) => {
        const dropped = dropping?.(space.edges.normal.length);
        return mixed.apply([input], scope, mixing.perOperation('normal', width / k), dropped).at(-1)!;
      });
    },
  };
}

interface SupernetCell extends Contents {
  readonly kind: Cell;
  readonly width: number;
  apply(
    s0: FeatureMap,
    s1: FeatureMap,
    scope: Scope,
    weights: CellWeights,
    /** What drop path multiplies each edge by, [batch]. */
    dropping: readonly Tensor1D[] | undefined,
  ): FeatureMap;
  /** The same by the fused kernels, where they know all of the cell's operations. @param weights  Of all operations. */
  readonly fused:
    | ((s0: FeatureMap, s1: FeatureMap, scope: Scope, weights: Tensor1D, skips: boolean) => FeatureMap)
    | undefined;
}

/** What a cell's mixed ops multiply by. */
interface CellWeights {
  /** For each edge and each of its primitives the weight, times the edge's where edges have weights. */
  readonly ops: readonly (readonly OpWeight[])[];
  /** For each edge the weight of what bypasses its mixed op; absent: 1. */
  readonly edges?: readonly Tensor[];
}

/** A cell (DARTS `Cell` of the search network). @param from  Widths of the two inputs and its own. */
function supernetCell(
  space: SearchSpace,
  name: string,
  kind: Cell,
  from: { before: number; previous: number; width: number; previousReduces: boolean; k: number },
): SupernetCell {
  const { before, previous, width, previousReduces, k } = from;
  const preprocess0 = named(
    `${name}.preprocess0`,
    previousReduces ? factorizedReduce(before, width, false) : reluConvBn(before, width, false),
  );
  const preprocess1 = named(`${name}.preprocess1`, reluConvBn(previous, width, false));
  const mixed = mixedEdges(space, kind, {
    width,
    k,
    poolsNormalized: true,
    // In a reduction cell the two inputs are halved on their way to every node.
    strideOf: ({ input }) => (kind === 'reduce' && input < 2 ? 2 : 1),
    nameOf: (_, o, e) => `${name}._ops.${e}._ops.${o}`,
  });
  const operations = mixed.edges
    .flatMap(({ node, input, ops }) => ops.map((op) => ({ node, input, ...op })))
    .map((each, place) => ({ ...each, place }));
  const computed = operations.filter(({ primitive }) => primitive !== 'none');
  const numbers = Array.from({ length: space.nodes }, (_, i) => i + 2);
  const canFuse =
    k === 1 &&
    computed.every(({ layer }) => layer.fused) &&
    numbers.every((number) => computed.some(({ node }) => node === number));

  return {
    ...contentsOf([preprocess0, preprocess1, mixed]),
    kind,
    width,
    fused: !canFuse
      ? undefined
      : (s0, s1, scope, weights, skips) => {
          const shapeOf = stateShape(s1, width, kind === 'reduce');
          const term = ({ input, layer, place }: (typeof operations)[number]): FusedTerm => ({
            input,
            operation: layer.fused!(scope, shapeOf(input)),
            place,
          });
          const nodes = numbers.map((number) => computed.filter(({ node }) => node === number).map(term));
          return fusedMap([preprocess0, preprocess1], [s0, s1], scope, nodes, numbers, weights, skips);
        },
    apply(s0, s1, scope, weights, dropping) {
      const inputs = [mapOf(preprocess0, s0, scope), mapOf(preprocess1, s1, scope)];
      const states = mixed.apply(inputs, scope, weights, dropping);
      return new FeatureMap(
        tf.concat(
          states.slice(2).map(({ x }) => x),
          3,
        ),
        s0.switches,
      );
    },
  };
}

/** How the mixed ops of a cell are built. */
interface MixedForm {
  /** Channels of every node. */
  readonly width: number;
  /** A mixed op sees one in k of them. */
  readonly k: number;
  readonly poolsNormalized: boolean;
  readonly strideOf: (edge: Edge) => 1 | 2;
  /** What the parameters of an operation are called after. */
  readonly nameOf: (edge: Edge, operation: number, e: number) => string;
}

/** The edges of a cell as mixed ops, and what they make of its inputs. */
function mixedEdges(
  space: SearchSpace,
  kind: Cell,
  { width, k, poolsNormalized, strideOf, nameOf }: MixedForm,
) {
  const edges = spaceEdges(space).map((edge, e) => {
    const stride = strideOf(edge);
    const form = { channels: width / k, stride, affine: false, poolsNormalized } as const;
    const ops = space.edges[kind][e].map((primitive, o) => ({
      primitive,
      layer: named(nameOf(edge, o, e), operation(primitive, form)),
    }));
    return { ...edge, stride, ops };
  });
  const { inputs } = cellForm(space);
  return {
    ...contentsOf(edges.flatMap(({ ops }) => ops.map(({ layer }) => layer))),
    edges,
    /** The maps of all nodes, the inputs included. */
    apply(
      from: readonly FeatureMap[],
      scope: Scope,
      weights: CellWeights,
      dropping: readonly Tensor1D[] | undefined,
    ): FeatureMap[] {
      const map = (x: Tensor4D) => new FeatureMap(x, from[0].switches);
      const states = [...from];
      for (let node = inputs; node < space.nodes + inputs; node++) {
        // One sum over the mixed ops of all incoming edges; the zero op adds nothing to it. One over what bypasses them:
        // to shuffle the sums is to sum the shuffled.
        const mixed: Term[] = [];
        const bypass: Tensor4D[] = [];
        edges.forEach((edge, e) => {
          if (edge.node !== node) return;
          const drop = (terms: Term[]) => (dropping ? dropTerms(terms, dropping[e]) : terms);
          const [input, others] = k === 1 ? [states[edge.input]] : states[edge.input].cut(width / k);
          const terms = edge.ops.flatMap(({ primitive, layer }, o) =>
            primitive === 'none' ? [] : [layer.apply(input, scope, weights.ops[e][o])],
          );
          mixed.push(...drop(terms));
          if (!others) return;
          const passed = edge.stride === 1 ? others.x : others.halved;
          const scaled = weights.edges ? engine.scaleBy(passed, weights.edges[e]) : passed;
          bypass.push(...drop([{ x: scaled, interleaved: false }]).map(({ x }) => x));
        });
        const sum = sumTerms(mixed);
        const others = (): Tensor4D => tf.concat([sum, sumImages(bypass)], 3);
        states.push(map(bypass.length === 0 ? sum : engine.shuffleChannels(others(), k)));
      }
      return states;
    },
  };
}

/**
 * The weight of every primitive on every edge, repeated for each channel: a mixed op multiplies its operations' last batch
 * norms by them. One multiplication serves all edges of a cell type and width.
 */
function mixingTensors(
  space: SearchSpace,
  alphas: Tensor1D,
  edgeNormalization: boolean,
  mixing: PassOptions['mixing'] = 'softmax',
) {
  const counts = operationGroups(space);
  const nodes = edgeGroups(space);
  const { kinds } = cellForm(space);
  const sizes = kinds.map((kind) => sum(counts[kind]));
  const lengths = edgeNormalization ? [...sizes, ...kinds.map(() => sum(nodes))] : sizes;
  const parts: Tensor1D[] = lengths.length === 1 ? [alphas] : tf.split(alphas, lengths);
  const softmaxed = (values: Tensor1D, groups: readonly number[]) =>
    mixing === 'softmax' ? softmaxPerGroup(values, groups) : values;
  const cell = (operations: Tensor1D, edges: Tensor1D | undefined, groups: readonly number[]) => {
    const weights = softmaxed(operations, groups);
    if (!edges) return { weights };
    const shares = softmaxed(edges, nodes);
    return { weights: tf.mul<Tensor1D>(weights, repeated(shares, groups)), edges: tf.unstack(shares) };
  };
  const cells = Object.fromEntries(
    kinds.map((kind, i) => [
      kind,
      cell(parts[i], parts[kinds.length + i] as Tensor1D | undefined, counts[kind]),
    ]),
  ) as Record<Cell, ReturnType<typeof cell>>;
  const known = new Map<string, CellWeights>();
  const perOperation = (kind: Cell, width: number): CellWeights => {
    const key = `${kind} ${width}`;
    let byEdge = known.get(key);
    if (!byEdge) {
      const { weights, edges } = cells[kind];
      const scalars = tf.unstack(weights);
      const column = tf.reshape(weights, [weights.size, 1]);
      const rows = tf.unstack(tf.mul(column, tf.ones([1, width])));
      const ops = scalars.map((scalar, i): OpWeight => ({ scalar, perChannel: rows[i] as Tensor1D }));
      byEdge = { ops: counts[kind].map((count) => ops.splice(0, count)), ...(edges && { edges }) };
      known.set(key, byEdge);
    }
    return byEdge;
  };
  return { perOperation, all: (kind: Cell): Tensor1D => cells[kind].weights };
}

/** The softmax over each of several groups that follow each other. @param counts  The groups' lengths. */
function softmaxPerGroup(values: Tensor1D, counts: readonly number[]): Tensor1D {
  if (counts.every((count) => count === counts[0])) {
    return tf.reshape(tf.softmax(tf.reshape(values, [counts.length, counts[0]])), [values.size]);
  }
  const groups: Tensor1D[] = tf.split(values, [...counts]);
  return tf.concat(groups.map((group) => tf.softmax(group)));
}

/** Each value as often as its count says, as a product with a matrix of ones and zeros: that has a simple gradient. */
function repeated(values: Tensor1D, counts: readonly number[]): Tensor1D {
  const owners = counts.flatMap((count, i) => new Array<number>(count).fill(i));
  const places = owners.map((owner) => counts.map((_, i) => Number(i === owner)));
  return tf.reshape(tf.matMul(tf.tensor2d(places), tf.reshape(values, [values.size, 1])), [owners.length]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** How a scope normalizes. */
export function normalizer(
  normalization: Normalization,
): Pick<Scope, 'normalize' | 'normalizeExactly' | 'collected'> {
  const one = (x: Tensor4D): Tensor1D => tf.ones([x.shape[3]]);
  const none = (x: Tensor4D): Tensor1D => tf.zeros([x.shape[3]]);
  if (normalization.kind === 'running') {
    const normalize: Scope['normalize'] = (name, x, scale = one(x), offset = none(x)) => {
      const { mean, variance } = normalization.statistics(name);
      return engine.batchNormInference(x, scale, offset, mean, variance);
    };
    return { normalize, normalizeExactly: normalize };
  }
  const collected = (name: string, { y, statistics }: NormalizedBatch): Tensor4D => {
    if (normalization.kind === 'collect') normalization.into.set(name, statistics);
    return y;
  };
  const told: Scope['collected'] =
    normalization.kind === 'batch'
      ? undefined
      : (name, statistics) => {
          normalization.into.set(name, statistics);
        };
  // Pools of the same feature map are normalized on every edge alike: same input, scale and offset, same output.
  const known = new Map<number, NormalizedBatch>();
  return {
    normalize: (name, x, scale, offset) => {
      let normalized = scale ? undefined : known.get(x.id);
      normalized ??= engine.batchNorm(x, scale ?? one(x), offset ?? none(x));
      if (!scale) known.set(x.id, normalized);
      return collected(name, normalized);
    },
    normalizeExactly: (name, x, scale, offset) => collected(name, engine.normalizeExactly(x, scale, offset)),
    collected: told,
  };
}

/**
 * Noise of a seed, a different stream for every edge.
 *
 * @param again  Whether passes with the same seed are likely: then draws that may be kept are.
 */
export function noiseSource(seed: Tensor1D | undefined, again = false): Scope['noise'] {
  let stream = 0;
  return (name, shape, kept) => {
    if (!seed) throw new UsageError(`The noise primitive at ${name} needs a noise seed.`);
    const offset: Tensor = tf.tensor1d([0, ++stream], 'int32');
    const draw = kept && again ? engine.keptNormal : engine.statelessNormal;
    return draw([...shape], tf.add(seed, offset)) as Tensor4D;
  };
}

/** What drop path multiplies the edges of each cell by: a stream of the seed for each cell, apart from those of the noise primitive. */
function dropPathSource(
  batch: number,
  { dropPath: probability, noiseSeed: seed }: PassOptions,
): ((edges: number) => readonly Tensor1D[]) | undefined {
  if (!probability) return undefined;
  if (!seed) throw new UsageError('Drop path needs a noise seed.');
  let stream = 0;
  return (edges) => {
    const offset: Tensor = tf.tensor1d([1, ++stream], 'int32');
    return engine.drawnPathFactors(edges, batch, tf.add(seed, offset), probability);
  };
}
