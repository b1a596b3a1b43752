import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { attr } from './graph.js';
import type { Attribute } from './graph.js';
import { nativeKernels } from './native.js';
import { backend, tf } from './tensorflow.js';

/**
 * A whole cell in few passes over memory, by the kernels in `native`: the output of a batch norm is never written, but
 * goes along as the map before it and what normalizes it; what a feature map's gradient consists of is added up once. One
 * differentiable function, because these pairs are no tensors that TensorFlow.js could differentiate by.
 */

/** ReLU, depthwise convolution, 1×1 convolution, batch norm without scale and offset. */
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
}

/** An operation as the kernels compute it. */
export type FusedOperation =
  | { readonly kind: 'blocks'; readonly blocks: readonly FusedBlock[] }
  /** 3×3 pooling with padding 1, then batch norm. */
  | { readonly kind: 'pool'; readonly max: boolean; readonly stride: 1 | 2 }
  | { readonly kind: 'identity' }
  /** A map that does not depend on the input. */
  | { readonly kind: 'given'; readonly x: Tensor4D };

/** A term of a node's sum: an operation on a state, times an entry of the cell's weights. */
export interface FusedTerm {
  /** States: the two preprocessed inputs, then the nodes. */
  readonly input: number;
  readonly operation: FusedOperation;
  readonly place: number;
}

/** Whether {@link fusedCell} can be used here. */
export function canFuse(): boolean {
  return nativeKernels.level !== 'none';
}

/** A map before its batch norm, and what normalizes it. */
interface Normalized {
  readonly z: Tensor;
  readonly norm: Tensor;
}

/** A part of a feature map's gradient: a map times an entry of the weights (−1: times 1). */
interface Share {
  readonly map: Tensor;
  readonly place: number;
}

const WHOLE = -1;

function many(op: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[] {
  return backend.executeMultipleOutputs(op, attributes, inputs, outputs);
}

function blockAttributes({ depthwise, stride, dilation }: FusedBlock): Attribute[] {
  const padding = depthwise ? (dilation * (depthwise.shape[0] - 1)) / 2 : 0;
  return [attr.int('stride', stride), attr.int('dilation', dilation), attr.int('padding', padding)];
}

/** One application of a block: what its gradient is computed from. */
interface AppliedBlock extends Normalized {
  readonly block: FusedBlock;
  readonly x: Tensor;
  /** What normalizes x on its way in; empty where nothing does. */
  readonly normIn: Tensor;
}

/**
 * A cell: its two inputs, each preprocessed by a block; nodes that each add up terms; their concatenation.
 *
 * @param inputs      [batch, height, width, channels] each.
 * @param preprocess  A block for each of them.
 * @param nodes       The terms of each node, at least one.
 * @param weights     What the terms are multiplied by, by their places.
 * @returns           [batch, height, width, nodes · channels].
 */
export function fusedCell(
  inputs: readonly [Tensor4D, Tensor4D],
  preprocess: readonly [FusedBlock, FusedBlock],
  nodes: readonly (readonly FusedTerm[])[],
  weights: Tensor1D,
): Tensor4D {
  const terms = nodes.flat();
  const blocks = [
    ...preprocess,
    ...terms.flatMap(({ operation }) => (operation.kind === 'blocks' ? operation.blocks : [])),
  ];
  const filters = blocks.flatMap(({ depthwise, pointwise }) => [
    ...(depthwise ? [depthwise] : []),
    pointwise,
  ]);
  const given = terms.flatMap(({ operation }) => (operation.kind === 'given' ? [operation.x] : []));
  const op = tf.customGrad((...args: unknown[]) => {
    const save = args.at(-1) as (tensors: Tensor[]) => void;
    const pass = new CellPass(inputs, preprocess, nodes, weights);
    const value = pass.forward();
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
  return op(...inputs, weights, ...filters, ...given);
}

/** One pass through a cell, forward and then backward. */
class CellPass {
  /** What the backward pass reads. */
  readonly kept = new Set<Tensor>();
  private readonly none = this.keep(tf.tensor1d([]));
  private readonly preprocessed: AppliedBlock[] = [];
  private readonly applied = new Map<FusedTerm, AppliedBlock[]>();
  private readonly pools = new Map<
    string,
    Normalized & { readonly state: number; readonly attributes: Attribute[] }
  >();
  private readonly states: Tensor[] = [];
  private readonly sums: { readonly maps: Tensor[]; readonly norms: Tensor[] }[] = [];

  constructor(
    private readonly inputs: readonly [Tensor4D, Tensor4D],
    private readonly preprocess: readonly [FusedBlock, FusedBlock],
    private readonly nodes: readonly (readonly FusedTerm[])[],
    private readonly weights: Tensor1D,
  ) {}

  private keep<T extends Tensor>(tensor: T): T {
    this.kept.add(tensor);
    return tensor;
  }

  forward(): Tensor4D {
    this.keep(this.weights);
    for (const [i, x] of this.inputs.entries()) {
      const applied = this.apply(this.preprocess[i], { z: x, norm: this.none });
      this.preprocessed.push(applied);
      this.states.push(this.keep(this.sum([applied.z], [applied.norm], [WHOLE])));
    }
    for (const terms of this.nodes) {
      const found = terms.map((term) => this.term(term));
      const [maps, norms] = [found.map(({ z }) => z), found.map(({ norm }) => norm)];
      this.sums.push({ maps, norms });
      const places = terms.map(({ place }) => place);
      this.states.push(this.keep(this.sum(maps, norms, places)));
    }
    return tf.concat(this.states.slice(2), 3) as Tensor4D;
  }

  private sum(maps: Tensor[], norms: Tensor[], places: number[], weights: Tensor = this.weights): Tensor {
    const attributes = [attr.int('N', maps.length), attr.int('places', places)];
    return backend.executeSingleOutput('ZartsSum', attributes, [weights, ...maps, ...norms]);
  }

  private apply(block: FusedBlock, { z: x, norm: normIn }: Normalized): AppliedBlock {
    const filters = [block.depthwise ? this.keep(block.depthwise) : this.none, this.keep(block.pointwise)];
    const [z, norm] = many('ZartsBlock', blockAttributes(block), [x, normIn, ...filters], 2);
    return { block, x: this.keep(x), normIn: this.keep(normIn), z: this.keep(z), norm: this.keep(norm) };
  }

  private term(term: FusedTerm): Normalized {
    const { operation, input } = term;
    const x = this.states[input];
    switch (operation.kind) {
      case 'identity':
        return { z: x, norm: this.none };
      case 'given':
        return { z: this.keep(operation.x), norm: this.none };
      case 'pool':
        return this.pool(input, operation.max, operation.stride);
      case 'blocks': {
        let at: Normalized = { z: x, norm: this.none };
        const applied = operation.blocks.map((block) => (at = this.apply(block, at)));
        this.applied.set(term, applied);
        return at;
      }
    }
  }

  /** All edges that leave a state share its pools. */
  private pool(state: number, max: boolean, stride: number): Normalized {
    const key = poolKey(state, max, stride);
    let pool = this.pools.get(key);
    if (!pool) {
      const attributes = [attr.int('stride', stride), attr.bool('max', max)];
      const [z, norm] = many('ZartsPool', attributes, [this.states[state]], 2);
      pool = { z: this.keep(z), norm: this.keep(norm), state, attributes };
      this.pools.set(key, pool);
    }
    return pool;
  }

  /** The gradients of the inputs, the weights, every filter and every given map, in the order of the function's arguments. */
  backward(dy: Tensor, saved: (tensor: Tensor) => Tensor): Tensor[] {
    const weights = saved(this.weights);
    const shares: Share[][] = this.states.map(() => []);
    const ofPools = new Map<string, { readonly dy: Tensor; readonly coefficients: Tensor }[]>();
    const ofFilters = new Map<AppliedBlock, Tensor[]>();
    const ofWeights: Tensor[] = [];
    const total = (parts: readonly Share[], like: Tensor): Tensor => {
      if (parts.length === 0) return tf.zeros(like.shape);
      if (parts.length === 1 && parts[0].place === WHOLE) return parts[0].map;
      const norms = parts.map(() => saved(this.none));
      return this.sum(
        parts.map(({ map }) => map),
        norms,
        parts.map(({ place }) => place),
        weights,
      );
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
    const ofSum = (
      maps: readonly Tensor[],
      norms: readonly Tensor[],
      places: number[],
      dy: Tensor,
    ): Tensor[] => {
      const attributes = [attr.int('N', maps.length), attr.int('places', places)];
      const lists = [...maps, ...norms].map(saved);
      return many('ZartsSumGrad', attributes, [weights, dy, ...lists], 1 + maps.length);
    };
    const ofBlocks = (applied: readonly AppliedBlock[], dy: Tensor, coefficients: Tensor): Tensor => {
      let [g, k] = [dy, coefficients];
      for (const each of [...applied].reverse()) {
        const { block, x, normIn, z } = each;
        const filters = [block.depthwise ? saved(block.depthwise) : saved(this.none), saved(block.pointwise)];
        const inputs = [saved(x), saved(normIn), ...filters, saved(z), g, k];
        const [dx, dDepthwise, dPointwise, next] = many('ZartsBlockGrad', blockAttributes(block), inputs, 4);
        ofFilters.set(each, block.depthwise ? [dDepthwise, dPointwise] : [dPointwise]);
        [g, k] = [dx, next];
      }
      return g;
    };

    const parts: Tensor[] = tf.split(dy, this.nodes.length, 3);
    const ofGiven = new Map<FusedTerm, Tensor>();
    for (let node = this.nodes.length - 1; node >= 0; node--) {
      shares[2 + node].unshift({ map: parts[node], place: WHOLE });
      const g = gradient(2 + node);
      const terms = this.nodes[node];
      const { maps, norms } = this.sums[node];
      const [dWeights, ...coefficients] = ofSum(
        maps,
        norms,
        terms.map(({ place }) => place),
        g,
      );
      ofWeights.push(dWeights);
      for (const [i, term] of terms.entries()) {
        const { input, place, operation } = term;
        if (operation.kind === 'identity') shares[input].push({ map: g, place });
        else if (operation.kind === 'given')
          ofGiven.set(term, this.sum([g], [saved(this.none)], [place], weights));
        else if (operation.kind === 'pool') {
          const key = poolKey(input, operation.max, operation.stride);
          ofPools.set(key, [...(ofPools.get(key) ?? []), { dy: g, coefficients: coefficients[i] }]);
        } else {
          shares[input].push({ map: ofBlocks(this.applied.get(term)!, g, coefficients[i]), place: WHOLE });
        }
      }
    }
    const ofInputs = this.preprocessed.map((applied, i) => {
      const g = gradient(i);
      const [, coefficients] = ofSum([applied.z], [applied.norm], [WHOLE], g);
      return ofBlocks([applied], g, coefficients);
    });
    const terms = this.nodes.flat();
    const blocks = [...this.preprocessed, ...terms.flatMap((term) => this.applied.get(term) ?? [])];
    return [
      ...ofInputs,
      ofWeights.reduce((sum, each) => tf.add(sum, each)),
      ...blocks.flatMap((block) => ofFilters.get(block)!),
      ...terms.flatMap((term) => ofGiven.get(term) ?? []),
    ];
  }
}

const poolKey = (state: number, max: boolean, stride: number): string => `${state} ${max} ${stride}`;
