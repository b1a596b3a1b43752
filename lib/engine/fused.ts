import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { attr } from './graph.js';
import type { Attribute } from './graph.js';
import { batchNormExactly, exactStatistics, normalized, scaleAndShift } from './kernels.js';
import type { BatchStatistics, NormalizedBatch } from './kernels.js';
import { nativeKernels } from './native.js';
import { backend, moveToOpenScope, tf } from './tensorflow.js';

/**
 * A whole cell in few passes over memory, by the kernels in `native`: the output of a batch norm is never written, but
 * goes along as the map before it and what normalizes it; what a feature map's gradient consists of is added up once. One
 * differentiable function, because these pairs are no tensors that TensorFlow.js could differentiate by.
 */

/** ReLU, depthwise convolution, 1×1 convolution, batch norm. */
export interface FusedBlock {
  /** [size, size, channels, 1], padded so that stride 1 keeps the size; absent: no depthwise convolution. */
  readonly depthwise?: Tensor4D;
  /**
   * [1, 1, in, out]. Without a depthwise convolution at stride 2 the first half of the outputs sees the pixels (2i, 2j),
   * the second half (2i + 1, 2j + 1): a factorized reduction.
   */
  readonly pointwise: Tensor4D;
  readonly stride: 1 | 2;
  readonly dilation: 1 | 2;
  /** Scale and offset of the batch norm, [out] each; absent: 1 and 0. */
  readonly affine?: readonly [scale: Tensor1D, offset: Tensor1D];
  /** Told the statistics of the batch. */
  readonly onStatistics?: (statistics: BatchStatistics) => void;
}

/** An operation as the kernels compute it. */
export type FusedOperation =
  | { readonly kind: 'blocks'; readonly blocks: readonly FusedBlock[] }
  /** 3×3 pooling with padding 1, then batch norm if it is `normalized`. */
  | FusedPool
  | { readonly kind: 'identity' }
  /** A map that does not depend on the input. */
  | { readonly kind: 'given'; readonly x: Tensor4D };

interface FusedPool {
  readonly kind: 'pool';
  readonly max: boolean;
  readonly stride: 1 | 2;
  readonly normalized: boolean;
}

/** A term of a node's sum: an operation on a state, times an entry of the cell's weights. */
export interface FusedTerm {
  /** States: the two preprocessed inputs, then the nodes. */
  readonly input: number;
  readonly operation: FusedOperation;
  /** In the weights; −1: times 1. */
  readonly place: number;
  /** [batch]: a factor for each image, through which no gradient goes. */
  readonly factors?: Tensor1D;
}

/** Whether {@link fusedCell} can be used here. */
export function canFuse(): boolean {
  return nativeKernels.level !== 'none';
}

/** A map before its batch norm, what normalizes it, and the scale and offset after that; empty where there is nothing. */
interface Normalized {
  readonly z: Tensor;
  readonly norm: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
}

/** A part of a feature map's gradient: a map times an entry of the weights (−1: times 1) and a factor for each image. */
interface Share {
  readonly map: Tensor;
  readonly place: number;
  readonly factors?: Tensor;
}

const WHOLE = -1;

/**
 * Batch norm with the batch's own statistics, summed as exactly as {@link batchNormExactly} sums them, then scale and offset.
 *
 * @param scale   [channels]; absent, with the offset: neither.
 * @param offset  [channels].
 */
export function normalizeExactly(x: Tensor4D, scale?: Tensor1D, offset?: Tensor1D): NormalizedBatch {
  if (!scale || !offset) return batchNormExactly(x);
  if (canFuse()) return fusedBatchNorm(x, scale, offset);
  const { y, statistics } = batchNormExactly(x);
  return { y: scaleAndShift(y, scale, offset), statistics };
}

/** By the kernels: the map is read once for its statistics and once to be normalized, its gradient written in one pass. */
function fusedBatchNorm(x: Tensor4D, scale: Tensor1D, offset: Tensor1D): NormalizedBatch {
  const channels = x.shape[3];
  const sum = (maps: readonly Normalized[], none: Tensor): Tensor4D => {
    const places = maps.map(() => WHOLE);
    const inputs = [none, ...lists(maps), ...maps.map(() => none)];
    return backend.executeSingleOutput('ZartsSum', sumAttributes(places, false), inputs) as Tensor4D;
  };
  return normalized(
    [x, scale, offset],
    () => {
      const none = tf.tensor1d([]);
      const { mean, inverse, unbiased } = exactStatistics(x);
      const norm = tf.stack([inverse, tf.neg(tf.mul(mean, inverse))]);
      const value = sum([{ z: x, norm, gamma: scale, beta: offset }], none);
      return { value, mean, variance: unbiased, saved: [x, norm, scale, offset, none] };
    },
    (dy, saved) => {
      const [x, norm, scale, offset, none] = saved;
      const inputs = [none, dy, x, norm, scale, offset, none];
      const [, coefficients, dScale, dOffset] = many(
        'ZartsSumGrad',
        sumAttributes([WHOLE], false),
        inputs,
        4,
      );
      const [ofDy, ofX, shift] = tf.split(coefficients, 3).map((row) => tf.reshape(row, [channels]));
      const parts = [
        { z: dy, norm: none, gamma: ofDy, beta: shift },
        { z: x, norm: none, gamma: ofX, beta: none },
      ];
      return [sum(parts, none), dScale, dOffset];
    },
  );
}

function many(op: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[] {
  return backend.executeMultipleOutputs(op, attributes, inputs, outputs);
}

/** @param skips  As of {@link fusedCell}. */
function sumAttributes(places: number[], skips: boolean): Attribute[] {
  return [attr.int('N', places.length), attr.int('places', places), attr.bool('skips', skips)];
}

/** @param place  Of the weight without which the block is not computed; −1: it always is. */
function blockAttributes({ depthwise, stride, dilation }: FusedBlock, place: number): Attribute[] {
  const padding = depthwise ? (dilation * (depthwise.shape[0] - 1)) / 2 : 0;
  return Object.entries({ stride, dilation, padding, place }).map(([name, value]) => attr.int(name, value));
}

/** One application of a block: what its gradient is computed from. */
interface AppliedBlock {
  readonly block: FusedBlock;
  /** As of {@link blockAttributes}. */
  readonly place: number;
  readonly input: Normalized;
  readonly output: Normalized;
}

/**
 * A cell: its two inputs, each preprocessed by a block; nodes that each add up terms; their concatenation.
 *
 * @param inputs      [batch, height, width, channels] each.
 * @param preprocess  A block for each of them.
 * @param nodes       The terms of each node, at least one.
 * @param concat      The states that are put together.
 * @param weights     What the terms are multiplied by, by their places.
 * @param skips       Whether what has a weight of 0 need not be computed: its weight then gets no gradient, and its blocks no
 *                    statistics.
 * @returns           [batch, height, width, concat · channels].
 */
export function fusedCell(
  inputs: readonly [Tensor4D, Tensor4D],
  preprocess: readonly [FusedBlock, FusedBlock],
  nodes: readonly (readonly FusedTerm[])[],
  concat: readonly number[],
  weights: Tensor1D,
  skips = false,
): Tensor4D {
  const terms = nodes.flat();
  const blocks = [
    ...preprocess,
    ...terms.flatMap(({ operation }) => (operation.kind === 'blocks' ? operation.blocks : [])),
  ];
  const parameters = blocks.flatMap(({ depthwise, pointwise, affine = [] }) => [
    ...(depthwise ? [depthwise] : []),
    pointwise,
    ...affine,
  ]);
  const given = terms.flatMap(({ operation }) => (operation.kind === 'given' ? [operation.x] : []));
  let statistics: BatchStatistics[] = [];
  const op = tf.customGrad((...args: unknown[]) => {
    const save = args.at(-1) as (tensors: Tensor[]) => void;
    const pass = new CellPass(inputs, preprocess, nodes, concat, weights, skips);
    const value = pass.forward();
    statistics = pass.statistics();
    // What the backward pass reads is handed over by number: the tensors of the forward pass are gone by then.
    const kept = [...pass.kept];
    save(kept);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const at = new Map(kept.map((tensor, i) => [tensor, saved[i]]));
        return pass.backward(dy, (tensor) => at.get(tensor)!);
      },
    };
  });
  const y: Tensor4D = op(...inputs, weights, ...parameters, ...given);
  const listeners = blocks.flatMap(({ onStatistics }) => onStatistics ?? []);
  for (const [i, { mean, variance }] of statistics.entries())
    listeners[i]({ mean: moveToOpenScope(mean), variance: moveToOpenScope(variance) });
  return y;
}

/** One pass through a cell, forward and then backward. */
class CellPass {
  /** What the backward pass reads. */
  readonly kept = new Set<Tensor>();
  private readonly none = this.keep(tf.tensor1d([]));
  private readonly preprocessed: AppliedBlock[] = [];
  private readonly applied = new Map<FusedTerm, AppliedBlock[]>();
  private readonly found = new Map<FusedBlock, BatchStatistics>();
  private readonly pools = new Map<
    string,
    Normalized & { readonly state: number; readonly attributes: Attribute[] }
  >();
  private readonly states: Tensor[] = [];
  private readonly sums: Normalized[][] = [];

  constructor(
    private readonly inputs: readonly [Tensor4D, Tensor4D],
    private readonly preprocess: readonly [FusedBlock, FusedBlock],
    private readonly nodes: readonly (readonly FusedTerm[])[],
    private readonly concat: readonly number[],
    private readonly weights: Tensor1D,
    private readonly skips: boolean,
  ) {}

  private keep<T extends Tensor>(tensor: T): T {
    this.kept.add(tensor);
    return tensor;
  }

  /** A map as it is. */
  private plain(z: Tensor, none: Tensor = this.none): Normalized {
    return { z, norm: none, gamma: none, beta: none };
  }

  forward(): Tensor4D {
    this.keep(this.weights);
    for (const [i, x] of this.inputs.entries()) {
      const applied = this.apply(this.preprocess[i], this.plain(x));
      this.preprocessed.push(applied);
      this.states.push(this.keep(this.sum([applied.output], [WHOLE])));
    }
    for (const terms of this.nodes) {
      for (const { factors } of terms) if (factors) this.keep(factors);
      const maps = terms.map((term) => this.term(term));
      this.sums.push(maps);
      const factors = terms.map(({ factors }) => factors ?? this.none);
      const places = terms.map(({ place }) => place);
      this.states.push(this.keep(this.sum(maps, places, factors)));
    }
    const maps = this.concat.map((state) => this.states[state]);
    return tf.concat(maps, 3) as Tensor4D;
  }

  /** Mean and variance of each block whose caller asked for them, kept for it. */
  statistics(): BatchStatistics[] {
    const terms = this.nodes.flat().flatMap((term) => this.applied.get(term) ?? []);
    return [...this.preprocessed, ...terms].flatMap(({ block }) => {
      if (!block.onStatistics) return [];
      const { mean, variance } = this.found.get(block)!;
      return { mean: tf.keep(mean), variance: tf.keep(variance) };
    });
  }

  private sum(
    maps: readonly Normalized[],
    places: number[],
    factors: readonly Tensor[] = maps.map(() => this.none),
    weights: Tensor = this.weights,
  ): Tensor {
    const attributes = sumAttributes(places, this.skips);
    return backend.executeSingleOutput('ZartsSum', attributes, [weights, ...lists(maps), ...factors]);
  }

  private apply(block: FusedBlock, input: Normalized, place = WHOLE): AppliedBlock {
    const filters = [block.depthwise ?? this.none, block.pointwise];
    const [gamma, beta] = block.affine ?? [this.none, this.none];
    const inputs = [input.z, input.norm, input.gamma, input.beta, ...filters];
    const attributes = blockAttributes(block, place);
    const [z, norm, mean, variance] = many('ZartsBlock', attributes, [...inputs, this.weights], 4);
    for (const tensor of [...inputs, z, norm, gamma, beta]) this.keep(tensor);
    this.found.set(block, { mean: mean as Tensor1D, variance: variance as Tensor1D });
    return { block, place, input, output: { z, norm, gamma, beta } };
  }

  private term(term: FusedTerm): Normalized {
    const { operation, input } = term;
    const x = this.states[input];
    switch (operation.kind) {
      case 'identity':
        return this.plain(x);
      case 'given':
        return this.plain(this.keep(operation.x));
      case 'pool':
        return this.pool(input, operation);
      case 'blocks': {
        let at = this.plain(x);
        const applied = operation.blocks.map((block) => {
          const each = this.apply(block, at, this.skips ? term.place : WHOLE);
          at = each.output;
          return each;
        });
        this.applied.set(term, applied);
        return at;
      }
    }
  }

  /** All edges that leave a state share its pools. */
  private pool(state: number, { max, stride, normalized }: FusedPool): Normalized {
    const key = poolKey(state, max, stride);
    let pool = this.pools.get(key);
    if (!pool) {
      const attributes = [attr.int('stride', stride), attr.bool('max', max)];
      const [z, norm] = many('ZartsPool', attributes, [this.states[state]], 4);
      const output = { ...this.plain(this.keep(z)), ...(normalized && { norm: this.keep(norm) }) };
      pool = { ...output, state, attributes };
      this.pools.set(key, pool);
    }
    return pool;
  }

  /** The gradients of the inputs, the weights, every parameter and every given map, in the order of the function's arguments. */
  backward(dy: Tensor, saved: (tensor: Tensor) => Tensor): Tensor[] {
    const weights = saved(this.weights);
    const none = saved(this.none);
    const shares: Share[][] = this.states.map(() => []);
    const ofPools = new Map<string, { readonly dy: Tensor; readonly coefficients: Tensor }[]>();
    const ofFilters = new Map<AppliedBlock, Tensor[]>();
    const ofAffine = new Map<AppliedBlock, Tensor[]>();
    const ofWeights: Tensor[] = [];
    const total = (parts: readonly Share[], like: Tensor): Tensor => {
      if (parts.length === 0) return tf.zeros(like.shape);
      if (parts.length === 1 && parts[0].place === WHOLE && !parts[0].factors) return parts[0].map;
      const maps = parts.map(({ map }) => this.plain(map, none));
      const factors = parts.map(({ factors }) => factors ?? none);
      const places = parts.map(({ place }) => place);
      return this.sum(maps, places, factors, weights);
    };
    const gradient = (state: number): Tensor => {
      for (const [key, pool] of this.pools) {
        if (pool.state !== state) continue;
        const parts = ofPools.get(key)!;
        const attributes = [attr.int('N', parts.length), ...pool.attributes];
        const lists = [...parts.map(({ dy }) => dy), ...parts.map(({ coefficients }) => coefficients)];
        const inputs = [saved(this.states[state]), saved(pool.z), ...lists];
        shares[state].push({
          map: backend.executeSingleOutput('ZartsPoolGrad', attributes, inputs),
          place: WHOLE,
        });
      }
      return total(shares[state], this.states[state]);
    };
    /** The weights' gradient; then of each term the coefficients, and the gradients of scale and offset. */
    const ofSum = (maps: readonly Normalized[], places: number[], factors: readonly Tensor[], dy: Tensor) => {
      const count = maps.length;
      const inputs = [weights, dy, ...lists(maps).map(saved), ...factors];
      const attributes = sumAttributes(places, this.skips);
      const [dWeights, ...rest] = many('ZartsSumGrad', attributes, inputs, 1 + 3 * count);
      return { dWeights, terms: maps.map((_, i) => [rest[i], rest[count + i], rest[2 * count + i]]) };
    };
    /** The gradient of what the first of some blocks reads, from that of the sum that the last has a place in. */
    const ofBlocks = (
      applied: readonly AppliedBlock[],
      dy: Tensor,
      [coefficients, ...affine]: Tensor[],
      factors = none,
    ): Tensor => {
      let [g, k, ofScale, each]: [Tensor, Tensor, Tensor[], Tensor] = [dy, coefficients, affine, factors];
      for (const at of [...applied].reverse()) {
        const { block, place, input, output } = at;
        const own = [
          input.z,
          input.norm,
          input.gamma,
          input.beta,
          block.depthwise ?? this.none,
          block.pointwise,
        ];
        const inputs = [...own, output.z].map(saved);
        const results = many(
          'ZartsBlockGrad',
          blockAttributes(block, place),
          [...inputs, g, k, each, weights],
          6,
        );
        const [dx, dDepthwise, dPointwise, next, dGamma, dBeta] = results;
        ofFilters.set(at, block.depthwise ? [dDepthwise, dPointwise] : [dPointwise]);
        if (block.affine) ofAffine.set(at, ofScale);
        [g, k, ofScale, each] = [dx, next, [dGamma, dBeta], none];
      }
      return g;
    };

    const slices: Tensor[] = tf.split(dy, this.concat.length, 3);
    for (const [i, state] of this.concat.entries()) shares[state].push({ map: slices[i], place: WHOLE });
    const ofGiven = new Map<FusedTerm, Tensor>();
    for (let node = this.nodes.length - 1; node >= 0; node--) {
      const terms = this.nodes[node];
      const g = gradient(2 + node);
      const factors = terms.map(({ factors }) => (factors ? saved(factors) : none));
      const found = ofSum(
        this.sums[node],
        terms.map(({ place }) => place),
        factors,
        g,
      );
      ofWeights.push(found.dWeights);
      for (const [i, term] of terms.entries()) {
        const { input, place, operation } = term;
        const share: Share = { map: g, place, ...(term.factors && { factors: factors[i] }) };
        if (operation.kind === 'identity') shares[input].push(share);
        else if (operation.kind === 'given') ofGiven.set(term, total([share], g));
        else if (operation.kind === 'pool') {
          if (operation.normalized && term.factors)
            throw new RangeError('a normalized pool takes no factors');
          const key = poolKey(input, operation.max, operation.stride);
          const part = operation.normalized
            ? { dy: g, coefficients: found.terms[i][0] }
            : { dy: total([share], g), coefficients: none };
          ofPools.set(key, [...(ofPools.get(key) ?? []), part]);
        } else {
          const map = ofBlocks(this.applied.get(term)!, g, found.terms[i], factors[i]);
          shares[input].push({ map, place: WHOLE });
        }
      }
    }
    const ofInputs = this.preprocessed.map((applied, i) => {
      const g = gradient(i);
      const found = ofSum([applied.output], [WHOLE], [none], g);
      return ofBlocks([applied], g, found.terms[0]);
    });
    const terms = this.nodes.flat();
    const blocks = [...this.preprocessed, ...terms.flatMap((term) => this.applied.get(term) ?? [])];
    return [
      ...ofInputs,
      ofWeights.reduce((sum, each) => tf.add(sum, each)),
      ...blocks.flatMap((block) => [...ofFilters.get(block)!, ...(ofAffine.get(block) ?? [])]),
      ...terms.flatMap((term) => ofGiven.get(term) ?? []),
    ];
  }
}

/** Maps as an operation takes them: list by list. */
function lists(maps: readonly Normalized[]): Tensor[] {
  const list = (part: keyof Normalized) => maps.map((map) => map[part]);
  return [...list('z'), ...list('norm'), ...list('gamma'), ...list('beta')];
}

const poolKey = (state: number, max: boolean, stride: number): string => `${state} ${max} ${stride}`;
