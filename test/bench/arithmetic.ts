import { ZartsError } from '../../lib/errors.js';
import type { GraphNode } from '../../lib/engine/index.js';

/**
 * What a recorded step consists of, counted from its graph: numbers that depend on the program and its shapes alone, not on
 * the machine or its noise.
 */

/** Multiply-adds of one call, by the kind of operation that makes them. */
export interface Arithmetic {
  /** Dense convolutions and matrix products, gradients included. */
  readonly dense: number;
  /** Depthwise convolutions, gradients included. */
  readonly depthwise: number;
  readonly total: number;
}

/** Operations of one call. */
export interface OperationCounts {
  /** All of them, constants and inputs included. */
  readonly operations: number;
  /** Those that a kernel has to compute or move something for. */
  readonly kernels: number;
}

/** Nodes that hold a value, or another view of one: no kernel does work for them in a step. */
const WITHOUT_WORK = new Set([
  'Const',
  'ExpandDims',
  'Identity',
  'NoOp',
  'Placeholder',
  'ReadVariableOp',
  'Reshape',
  'Squeeze',
  'VarHandleOp',
]);

/** How many operations and kernels a call runs, as recorded; TensorFlow's own optimization removes a few of them. */
export function countOperations(nodes: readonly GraphNode[]): OperationCounts {
  return {
    operations: nodes.length,
    kernels: nodes.filter(({ op }) => !WITHOUT_WORK.has(op)).length,
  };
}

type Shape = readonly number[];

/** Multiply-adds of one node from the shapes of its inputs and results; padding is counted as if it were image. */
type Count = (inputs: readonly Shape[], result: Shape, node: GraphNode) => number;

const product = (shape: Shape): number => shape.reduce((total, side) => total * side, 1);

/** A dense filter's size for each pixel of one output channel: height · width · input channels. */
const perOutput = ([height, width, inputs]: Shape): number => height * width * inputs;

const matMul: Count = ([a], result, node) =>
  product(result) * a.at(isTrue(node, 'transpose_a') || isTrue(node, 'adj_x') ? -2 : -1)!;

/** A fused block's multiply-adds by its filters' shapes; a block without a depthwise part has an empty one there. */
const blockDense: Count = ([, , , , , pointwise], z) => product(z) * pointwise[2];
const blockDepthwise: Count = ([, , , , [height, width], pointwise], z) =>
  width === undefined ? 0 : (product(z) / pointwise[3]) * pointwise[2] * height * width;

const DENSE: Readonly<Record<string, Count>> = {
  MatMul: matMul,
  BatchMatMul: matMul,
  BatchMatMulV2: matMul,
  Conv2D: ([, filter], result) => product(result) * perOutput(filter),
  Conv2DBackpropInput: ([, filter, dy]) => product(dy) * perOutput(filter),
  Conv2DBackpropFilter: ([, , dy], filter) => product(dy) * perOutput(filter),
  ZartsBlock: blockDense,
  ZartsBlockGrad: (inputs, _, node) => 2 * blockDense(inputs, inputs[6], node),
};

const DEPTHWISE: Readonly<Record<string, Count>> = {
  DepthwiseConv2dNative: ([, [height, width]], result) => product(result) * height * width,
  DepthwiseConv2dNativeBackpropInput: ([, [height, width], dy]) => product(dy) * height * width,
  DepthwiseConv2dNativeBackpropFilter: ([, , dy], [height, width]) => product(dy) * height * width,
  ZartsBlock: blockDepthwise,
  // Two gradients, and what the forward pass did not keep once more.
  ZartsBlockGrad: (inputs, _, node) => 3 * blockDepthwise(inputs, inputs[6], node),
};

/** Operations that multiply and add, which a count must not pass over in silence. */
const MULTIPLIES = /Conv|MatMul|Einsum|LSTM|GRU|ZartsBlock/;

/**
 * The multiply-adds of a call's convolutions and matrix products, forward and backward as they are executed, but for those
 * with zeros that were put between pixels. Everything else (normalization, pooling, sums) is linear in the activations and not counted.
 *
 * @param nodes  The call's nodes as the recorder wrote them, with shapes.
 * @throws {ZartsError} for a convolution or product of an unknown kind, and for one whose shapes are not known.
 */
export function multiplyAdds(nodes: readonly GraphNode[]): Arithmetic {
  const work = workOf(nodes);
  const sumOf = (what: 'dense' | 'depthwise') => work.reduce((total, each) => total + each[what], 0);
  const [dense, depthwise] = [sumOf('dense'), sumOf('depthwise')];
  return { dense, depthwise, total: dense + depthwise };
}

/** What one operation does. */
export interface OperationWork {
  readonly node: GraphNode;
  /** Shapes of what it reads, as far as they are known, and of its results. */
  readonly inputs: readonly Shape[];
  readonly results: readonly Shape[];
  /** Multiply-adds. */
  readonly dense: number;
  readonly depthwise: number;
  /** Bytes of all that it reads and writes, once each: what has to move at least where no cache holds it. */
  readonly bytes: number;
}

/** Every value in a step has four bytes. */
const VALUE_BYTES = 4;

/**
 * What each operation of a call does that has work to do.
 *
 * @param nodes  The call's nodes as the recorder wrote them, with shapes.
 * @throws {ZartsError} as {@link multiplyAdds}.
 */
export function workOf(nodes: readonly GraphNode[]): readonly OperationWork[] {
  const shapes = new Map(nodes.map(({ name, shapes = [] }) => [name, shapes]));
  const shapeOf = (reference: string): Shape | undefined => {
    const [, name, output = '0'] = /^(.*?)(?::(\d+))?$/.exec(reference)!;
    return shapes.get(name)?.[Number(output)];
  };
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const made = (by: string, reference = ''): GraphNode | undefined => {
    const node = byName.get(reference.replace(/:\d+$/, ''));
    return node?.op.startsWith(by) ? node : undefined;
  };
  /** The gradient at stride 2 convolves an image with zeros put between its pixels; products with those do no work. */
  const shareNotSpread = ({ inputs: [image] }: GraphNode): number => {
    const padded = made('Pad', made('DepthToSpace', image)?.inputs[0]);
    return padded ? product(shapeOf(padded.inputs[0])!) / product(padded.shapes![0]) : 1;
  };
  return nodes
    .filter(({ op }) => !WITHOUT_WORK.has(op))
    .map((node) => {
      const { op } = node;
      const known = node.inputs.map(shapeOf);
      const inputs = known.filter((shape) => shape !== undefined);
      const results = node.shapes ?? [];
      const bytes = VALUE_BYTES * [...inputs, ...results].reduce((total, shape) => total + product(shape), 0);
      if (!(op in DENSE) && !(op in DEPTHWISE)) {
        if (MULTIPLIES.test(op)) throw new ZartsError(`The multiply-adds of ${op} are not counted yet.`);
        return { node, inputs, results, dense: 0, depthwise: 0, bytes };
      }
      if (results.length === 0 || known.includes(undefined)) {
        throw new ZartsError(
          `The multiply-adds of ${node.name} cannot be counted: its shapes are not known.`,
        );
      }
      const counted = (counts: Readonly<Record<string, Count>>): number =>
        op in counts ? counts[op](inputs, results[0], node) * shareNotSpread(node) : 0;
      return { node, inputs, results, dense: counted(DENSE), depthwise: counted(DEPTHWISE), bytes };
    });
}

/** Bytes that a call's operations read and write, each tensor once for every operation that has to do with it. */
export function bytesMoved(nodes: readonly GraphNode[]): number {
  return workOf(nodes).reduce((total, { bytes }) => total + bytes, 0);
}

function isTrue({ attributes }: GraphNode, name: string): boolean {
  return attributes.some((attribute) => attribute.name === name && attribute.value === true);
}
