import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import * as engine from '../../lib/engine/index.js';
import type { FusedBlock, FusedOperation, FusedTerm } from '../../lib/engine/index.js';
import * as reference from './reference.js';
import type { Values } from './reference.js';
import type { Subject } from './subject.js';

/** Cells of the fused kernels as subjects of a test, by the definition and as today's kernels compute them. */

const { tf } = engine;

/** An operation of a cell without its filters. */
export type Kind =
  | {
      readonly blocks: readonly { readonly size: number; readonly stride: 1 | 2; readonly dilation: 1 | 2 }[];
    }
  | { readonly pool: 'max' | 'avg'; readonly stride: 1 | 2 }
  | 'identity'
  | 'given';

export interface CellForm {
  /** Whether what weighs nothing need not be computed. */
  readonly skips?: boolean;
  /** [batch, height, width, channels] of both inputs; the nodes have `width` channels. */
  readonly shape: readonly [number, number, number, number];
  readonly width: number;
  /** Whether the first input is twice as large, and halved by its preprocessing. */
  readonly reduces?: boolean;
  /** Whether batch norms have a scale and an offset. */
  readonly affine?: boolean;
  /** For each image, what the first term of every node is multiplied by. */
  readonly factors?: readonly number[];
  /** Of each node, the operations and the states that they read. */
  readonly nodes: readonly (readonly { readonly input: number; readonly kind: Kind }[])[];
}

const halved = (side: number, stride: number): number => Math.ceil(side / stride);

/** The shapes of all that a cell reads: inputs, weights, the filters of preprocessing and operations, given maps. */
export function cellInputs({ shape, width, reduces = false, affine = false, nodes }: CellForm): number[][] {
  const [batch, height, across, channels] = shape;
  const scale = reduces ? 2 : 1;
  const pointwise = (from: number) => [[1, 1, from, width], ...(affine ? [[width], [width]] : [])];
  const states = [
    [height, across],
    [height, across],
  ];
  const filters = nodes.flatMap((terms) => {
    let size = [0, 0];
    const found = terms.flatMap(({ input, kind }): number[][] => {
      size = states[input];
      if (kind === 'identity') return [];
      if (kind === 'given') return [[batch, ...size, width]];
      const steps = 'pool' in kind ? [kind] : kind.blocks;
      for (const { stride } of steps) size = size.map((side) => halved(side, stride));
      if ('pool' in kind) return [];
      return kind.blocks.flatMap(({ size }) => [
        ...(size === 0 ? [] : [[size, size, width, 1]]),
        ...pointwise(width),
      ]);
    });
    states.push(size);
    return found;
  });
  return [
    [batch, height * scale, across * scale, channels],
    [batch, height, across, channels],
    [nodes.flat().length],
    ...pointwise(channels),
    ...pointwise(channels),
    ...filters,
  ];
}

/** A cell put together by functions of either kind of value. */
interface Parts<T> {
  /** @param affine  Scale and offset, or none. */
  block(x: T, depthwise: T | undefined, pointwise: T, affine: T[], stride: 1 | 2, dilation: 1 | 2): T;
  /** Each image times its factor. */
  drop(x: T, factors: readonly number[]): T;
  pool(x: T, kind: 'max' | 'avg', stride: 1 | 2): T;
  sum(terms: T[], weights: T, places: number[]): T;
  concat(maps: T[]): T;
}

function assemble<T>(form: CellForm, [first, second, weights, ...rest]: readonly T[], parts: Parts<T>): T {
  const left = [...rest];
  const block = (x: T, size: number, stride: 1 | 2, dilation: 1 | 2): T => {
    const depthwise = size === 0 ? undefined : left.shift()!;
    const pointwise = left.shift()!;
    return parts.block(x, depthwise, pointwise, form.affine ? left.splice(0, 2) : [], stride, dilation);
  };
  const states = [block(first, 0, form.reduces ? 2 : 1, 1), block(second, 0, 1, 1)];
  let place = 0;
  for (const terms of form.nodes) {
    const places = terms.map(() => place++);
    const found = terms.map(({ input, kind }, t) => {
      const x = states[input];
      const computed = ((): T => {
        if (kind === 'identity') return x;
        if (kind === 'given') return left.shift()!;
        if ('pool' in kind) return parts.pool(x, kind.pool, kind.stride);
        return kind.blocks.reduce((at, { size, stride, dilation }) => block(at, size, stride, dilation), x);
      })();
      return t === 0 && form.factors ? parts.drop(computed, form.factors) : computed;
    });
    states.push(parts.sum(found, weights, places));
  }
  return parts.concat(states.slice(2));
}

const map = (x: Values, f: (value: number, i: number) => number): Values => ({ ...x, data: x.data.map(f) });

function normalized(x: Values, affine: Values[] = []): Values {
  const channels = x.shape[3];
  const all = (value: number): Values => ({
    shape: [channels],
    data: new Float64Array(channels).fill(value),
  });
  const [scale, offset] = affine.length > 0 ? affine : [all(1), all(0)];
  return reference.batchNorm(x, scale, offset);
}

/** The channels of some maps one after the other. */
function joined(maps: readonly Values[]): Values {
  const widths = maps.map(({ shape }) => shape[3]);
  const width = widths.reduce((sum, each) => sum + each, 0);
  const pixels = maps[0].data.length / widths[0];
  const data = new Float64Array(pixels * width);
  let from = 0;
  maps.forEach((each, m) => {
    each.data.forEach((value, i) => {
      data[Math.floor(i / widths[m]) * width + from + (i % widths[m])] = value;
    });
    from += widths[m];
  });
  return { shape: [...maps[0].shape.slice(0, 3), width], data };
}

/** Columns `from` to `to` of a [1, 1, in, out] filter. */
function columns({ shape, data }: Values, from: number, to: number): Values {
  const kept = data.filter((_, i) => i % shape[3] >= from && i % shape[3] < to);
  return { shape: [1, 1, shape[2], to - from], data: kept };
}

const everySecond = ({ shape: [batch, height, width, channels], data }: Values, offset: number): Values => ({
  shape: [batch, height / 2, width / 2, channels],
  data: data.filter((_, i) => {
    const pixel = Math.floor(i / channels);
    return (pixel % width) % 2 === offset && (Math.floor(pixel / width) % height) % 2 === offset;
  }),
});

const plain = { stride: [1, 1], padding: [0, 0] } as const;

const DEFINITION: Parts<Values> = {
  block(x, depthwise, pointwise, affine, stride, dilation) {
    const r = map(x, (value) => Math.max(value, 0));
    if (!depthwise && stride === 2) {
      const out = pointwise.shape[3];
      return normalized(
        joined([
          reference.convolve(everySecond(r, 0), columns(pointwise, 0, out / 2), plain),
          reference.convolve(everySecond(r, 1), columns(pointwise, out / 2, out), plain),
        ]),
        affine,
      );
    }
    const padding = depthwise ? (dilation * (depthwise.shape[0] - 1)) / 2 : 0;
    const options = {
      stride: [stride, stride],
      padding: [padding, padding],
      dilation,
      depthwise: true,
    } as const;
    const u = depthwise ? reference.convolve(r, depthwise, options) : r;
    return normalized(reference.convolve(u, pointwise, plain), affine);
  },
  drop: (x, factors) =>
    map(x, (value, i) => value * factors[Math.floor((i * factors.length) / x.data.length)]),
  pool: (x, kind, stride) => normalized(reference.pool(x, kind, stride)),
  sum: (terms, weights, places) =>
    map(terms[0], (_, i) => terms.reduce((sum, { data }, t) => sum + weights.data[places[t]] * data[i], 0)),
  concat: joined,
};

const TODAY: Parts<Tensor> = {
  block(x, depthwise, pointwise, affine, stride, dilation) {
    const normalized = (z: Tensor4D): Tensor =>
      affine.length > 0
        ? engine.batchNorm(z, ...(affine as [Tensor1D, Tensor1D])).y
        : engine.batchNormExactly(z).y;
    const r = engine.relu(x as Tensor4D);
    if (!depthwise && stride === 2) {
      const halves: Tensor4D[] = tf.split(pointwise, 2, 3);
      const mapped = halves.map((filter, i) =>
        engine.pointwise(engine.everySecondPixel(r, i as 0 | 1), filter),
      );
      return normalized(tf.concat(mapped, 3));
    }
    const padding = depthwise ? (dilation * (depthwise.shape[0] - 1)) / 2 : 0;
    const u = depthwise ? engine.depthwise(r, depthwise as Tensor4D, stride, padding, dilation) : r;
    return normalized(engine.pointwise(u, pointwise as Tensor4D));
  },
  drop: (x, factors) => tf.mul(x, tf.tensor4d([...factors], [factors.length, 1, 1, 1])),
  pool(x, kind, stride) {
    const pooled = kind === 'max' ? engine.maxPool3x3 : engine.avgPool3x3;
    return engine.batchNormExactly(pooled(x as Tensor4D, stride)).y;
  },
  sum(terms, weights, places) {
    const each: Tensor[] = tf.unstack(weights);
    return terms
      .map((term, t) => engine.scaleBy(term as Tensor4D, each[places[t]]) as Tensor)
      .reduce((sum, term) => tf.add(sum, term));
  },
  concat: (maps) => tf.concat(maps, 3),
};

/** The cell by the fused kernels. */
function fused(form: CellForm, [first, second, weights, ...rest]: readonly Tensor[]): Tensor {
  const left = [...rest];
  let place = 0;
  const block = (size: number, stride: 1 | 2, dilation: 1 | 2): FusedBlock => {
    const depthwise = size === 0 ? {} : { depthwise: left.shift() as Tensor4D };
    const pointwise = left.shift() as Tensor4D;
    const affine = form.affine ? { affine: left.splice(0, 2) as [Tensor1D, Tensor1D] } : {};
    return { ...depthwise, pointwise, stride, dilation, ...affine };
  };
  const operation = (kind: Kind): FusedOperation => {
    if (kind === 'identity') return { kind };
    if (kind === 'given') return { kind, x: left.shift() as Tensor4D };
    if ('pool' in kind)
      return { kind: 'pool', max: kind.pool === 'max', stride: kind.stride, normalized: true };
    const blocks = kind.blocks.map(({ size, stride, dilation }) => block(size, stride, dilation));
    return { kind: 'blocks', blocks };
  };
  const preprocess = [block(0, form.reduces ? 2 : 1, 1), block(0, 1, 1)] as const;
  const nodes = form.nodes.map((terms) =>
    terms.map(({ input, kind }, t): FusedTerm => {
      const factors = t === 0 && form.factors ? { factors: tf.tensor1d([...form.factors]) } : {};
      return { input, operation: operation(kind), place: place++, ...factors };
    }),
  );
  const inputs = [first as Tensor4D, second as Tensor4D] as const;
  const concat = nodes.map((_, i) => i + 2);
  return engine.fusedCell(inputs, preprocess, nodes, concat, weights as Tensor1D, form.skips);
}

/** A cell as a subject: the fused kernels and their definition. */
export const fusedSubject = (form: CellForm): Subject => ({
  inputs: cellInputs(form),
  kernel: (...inputs) => fused(form, inputs),
  definition: (...inputs) => assemble(form, inputs, DEFINITION),
});

/** The same by the kernels that are used where the fused ones are not. */
export const todaySubject = (form: CellForm): Subject => ({
  ...fusedSubject(form),
  kernel: (...inputs) => assemble(form, inputs, TODAY),
});
