import { BinaryWriter } from 'google-protobuf';
import { ZartsError } from '../errors.js';
import { nodeOf } from './graph.js';
import type { GraphNode, Signature, SignatureTensor } from './graph.js';
import { backend } from './tensorflow.js';

/**
 * A network's graph in ONNX's format, operation by operation. Images keep their channels last; what ONNX defines for
 * channels first alone stands between transpositions, which its runtimes take out where they meet.
 */

/** The version of ONNX's operations, and of its format that came with it. */
const OPERATIONS = 17;
const FORMAT = 8;

const FLOAT = 1;
const INT64 = 7;

/** A field of a protobuf message: its number in onnx.proto, how it is written, its value. */
type Field =
  | readonly [field: number, kind: 'Bytes', value: Uint8Array]
  | readonly [field: number, kind: 'String', value: string]
  | readonly [field: number, kind: 'Int64' | 'Float', value: number];

function message(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, kind, value] of fields)
    (writer[`write${kind}`] as (...field: unknown[]) => void)(field, value);
  return writer.getResultBuffer();
}

/** The value of an attribute; a whole number is an integer unless it is wrapped. */
type AttributeValue = number | string | readonly number[] | { readonly float: number };
type Attributes = Readonly<Record<string, AttributeValue>>;

function attributeMessage([name, value]: [string, AttributeValue]): Uint8Array {
  const typed = (type: number, ...fields: readonly Field[]) =>
    message([1, 'String', name], ...fields, [20, 'Int64', type]);
  if (typeof value === 'number') return typed(2, [3, 'Int64', value]);
  if (typeof value === 'string') return typed(3, [4, 'String', value]);
  if ('float' in value) return typed(1, [2, 'Float', value.float]);
  return typed(7, ...value.map((each): Field => [8, 'Int64', each]));
}

/** A node that is being converted: what its inputs are, and what stands for it. */
interface Converted {
  readonly node: GraphNode;
  /** The name of an input's value. */
  readonly input: (index: number) => string;
  /** The whole numbers that an input holds, which must be constants. */
  readonly ints: (index: number) => readonly number[];
  /** The shape of an input; the batch's size means nothing. */
  readonly shape: (index: number) => readonly number[];
  readonly attribute: (name: string) => unknown;
  /** Adds a vector of whole numbers. @returns its name. */
  readonly constant: (values: readonly number[]) => string;
  /** Adds an operation. @returns its result's name. */
  readonly add: (op: string, inputs: readonly string[], attributes?: Attributes, name?: string) => string;
}

type Conversion = (converted: Converted) => string;

const CHANNELS_FIRST = [0, 3, 1, 2];
const CHANNELS_LAST = [0, 2, 3, 1];
const LARGEST_INT = 2 ** 31 - 1;

const same =
  (op: string, inputs: number, attributes: Attributes = {}): Conversion =>
  ({ add, input }) =>
    add(
      op,
      Array.from({ length: inputs }, (_, i) => input(i)),
      attributes,
    );

/** An operation over windows, with channels first. */
function spatial(
  { add, input, attribute }: Converted,
  op: string,
  others: readonly string[],
  attributes: Attributes = {},
): string {
  const sides = (name: string) => (attribute(name) as number[]).slice(1, 3);
  const padding = attribute('padding') as string;
  const [, , top, bottom, left, right] = (attribute('explicit_paddings') ?? []) as number[];
  const pads: Attributes =
    padding === 'EXPLICIT'
      ? { pads: [top, left, bottom, right] }
      : { auto_pad: padding === 'SAME' ? 'SAME_UPPER' : 'VALID' };
  const dilations: Attributes = attribute('dilations') === undefined ? {} : { dilations: sides('dilations') };
  const first = add('Transpose', [input(0)], { perm: CHANNELS_FIRST });
  const all = { ...attributes, ...pads, ...dilations, strides: sides('strides') };
  return add('Transpose', [add(op, [first, ...others], all)], { perm: CHANNELS_LAST });
}

const pool =
  (op: string): Conversion =>
  (converted) =>
    spatial(converted, op, [], { kernel_shape: (converted.attribute('ksize') as number[]).slice(1, 3) });

function pad(
  { add, constant }: Converted,
  value: string,
  paddings: readonly number[],
  fill?: string,
): string {
  const begins = paddings.filter((_, i) => i % 2 === 0);
  const ends = paddings.filter((_, i) => i % 2 === 1);
  return add('Pad', [value, constant([...begins, ...ends]), ...(fill === undefined ? [] : [fill])]);
}

/** What stands for each operation of TensorFlow. */
const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  Add: same('Add', 2),
  AddV2: same('Add', 2),
  Sub: same('Sub', 2),
  Mul: same('Mul', 2),
  RealDiv: same('Div', 2),
  Relu: same('Relu', 1),
  MatMul: same('MatMul', 2),
  BatchMatMulV2: same('MatMul', 2),
  Softmax: same('Softmax', 1, { axis: -1 }),
  Reshape: same('Reshape', 2),
  Shape: same('Shape', 1),
  // Of float32 to float32.
  Cast: same('Identity', 1),
  Identity: ({ add, input, node }) => add('Identity', [input(0)], {}, node.name),
  ConcatV2: ({ add, input, ints, node }) => {
    const parts = node.inputs.length - 1;
    const inputs = Array.from({ length: parts }, (_, i) => input(i));
    return add('Concat', inputs, { axis: ints(parts)[0] });
  },
  Mean: ({ add, input, ints }) => add('ReduceMean', [input(0)], { axes: ints(1), keepdims: 0 }),
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  Conv2D: (converted) => {
    const kernel = converted.add('Transpose', [converted.input(1)], { perm: [3, 2, 0, 1] });
    return spatial(converted, 'Conv', [kernel]);
  },
  DepthwiseConv2dNative: (converted) => {
    const { add, input, shape, constant } = converted;
    const [height, width, channels] = shape(1);
    const first = add('Transpose', [input(1)], { perm: [2, 3, 0, 1] });
    const kernel = add('Reshape', [first, constant([-1, 1, height, width])]);
    return spatial(converted, 'Conv', [kernel], { group: channels });
  },
  FusedBatchNorm: ({ add, input, attribute }) => {
    const first = add('Transpose', [input(0)], { perm: CHANNELS_FIRST });
    const epsilon = { float: attribute('epsilon') as number };
    const normalized = add('BatchNormalization', [first, ...[1, 2, 3, 4].map(input)], { epsilon });
    return add('Transpose', [normalized], { perm: CHANNELS_LAST });
  },
  PadV2: (converted) => pad(converted, converted.input(0), converted.ints(1), converted.input(2)),
  StridedSlice: ({ add, input, ints, attribute, constant }) => {
    const [begin, end, step] = [1, 2, 3].map(ints);
    const masked = (name: string, i: number) => ((Number(attribute(name)) >> i) & 1) === 1;
    const starts = begin.map((value, i) => (masked('begin_mask', i) ? 0 : value));
    const ends = end.map((value, i) => (masked('end_mask', i) ? LARGEST_INT : value));
    const axes = begin.map((_, i) => i);
    return add('Slice', [input(0), ...[starts, ends, axes, step].map(constant)]);
  },
  SpaceToBatchND: (converted) => {
    const { add, input, ints, shape, constant } = converted;
    const [rows, columns] = ints(1);
    const [top, bottom, left, right] = ints(2);
    const [, height, width, channels] = shape(0);
    const padded = pad(converted, input(0), [0, 0, top, bottom, left, right, 0, 0]);
    const sides = [(height + top + bottom) / rows, (width + left + right) / columns];
    const split = [-1, sides[0], rows, sides[1], columns, channels];
    const blocks = add('Transpose', [add('Reshape', [padded, constant(split)])], {
      perm: [2, 4, 0, 1, 3, 5],
    });
    return add('Reshape', [blocks, constant([-1, ...sides, channels])]);
  },
  BatchToSpaceND: ({ add, input, ints, shape, constant }) => {
    const [rows, columns] = ints(1);
    const [top, bottom, left, right] = ints(2);
    const [, height, width, channels] = shape(0);
    const blocks = add('Reshape', [input(0), constant([rows, columns, -1, height, width, channels])]);
    const woven = add('Transpose', [blocks], { perm: [2, 3, 0, 4, 1, 5] });
    const whole = add('Reshape', [woven, constant([-1, height * rows, width * columns, channels])]);
    const ends = [height * rows - bottom, width * columns - right];
    return add('Slice', [whole, ...[[top, left], ends, [1, 2], [1, 1]].map(constant)]);
  },
  RandomStandardNormal: ({ add, input }) =>
    add('RandomNormalLike', [add('ConstantOfShape', [input(0)])], { dtype: FLOAT }),
};

/**
 * The graph as an ONNX model's bytes.
 *
 * @param nodes  In an order in which each that is computed stands after what it is computed from.
 * @throws {ZartsError} naming an operation that has no counterpart here.
 */
export function onnxModel(nodes: readonly GraphNode[], signature: Signature): Uint8Array {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const results = new Map<string, string>();
  const initializers = new Map<string, Uint8Array>();
  const written: Uint8Array[] = [];

  function initializer(name: string, type: number, shape: readonly number[], bytes: Uint8Array): string {
    const dims = shape.map((size): Field => [1, 'Int64', size]);
    initializers.set(name, message(...dims, [2, 'Int64', type], [8, 'String', name], [9, 'Bytes', bytes]));
    return name;
  }
  const whole = (
    name: string,
    values: readonly number[],
    shape: readonly number[] = [values.length],
  ): string => initializer(name, INT64, shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));

  function convert(node: GraphNode): void {
    const source = (index: number): GraphNode => byName.get(nodeOf(node.inputs[index]))!;
    const input = (index: number): string => {
      const { name, value } = source(index);
      if (value === undefined) return results.get(name)!;
      if (initializers.has(name)) return name;
      return value.dtype === backend.binding.TF_INT32
        ? whole(name, wholeNumbers(value.bytes), value.shape)
        : initializer(name, FLOAT, value.shape, value.bytes);
    };
    let added = 0;
    const conversion = CONVERSIONS[node.op];
    if (conversion === undefined)
      throw new ZartsError(`The model cannot be exported to ONNX: it has ${node.op}.`);
    const result = conversion({
      node,
      input,
      ints: (index) => wholeNumbers(source(index).value!.bytes),
      shape: (index) => source(index).value?.shape ?? source(index).shapes![0],
      attribute: (name) => node.attributes.find((each) => each.name === name)?.value,
      constant: (values) => whole(`whole/${values.join('_')}`, values),
      add: (op, inputs, attributes = {}, name = `${node.name}/${op}_${added++}`) => {
        written.push(
          message(
            ...inputs.map((each): Field => [1, 'String', each]),
            [2, 'String', name],
            [3, 'String', name],
            [4, 'String', op],
            ...Object.entries(attributes).map((each): Field => [5, 'Bytes', attributeMessage(each)]),
          ),
        );
        return name;
      },
    });
    results.set(node.name, result);
  }

  for (const { op, name } of nodes) if (op === 'Placeholder') results.set(name, name);
  for (const node of nodes) if (node.op !== 'Placeholder' && node.op !== 'Const') convert(node);
  const graph = message(
    ...written.map((each): Field => [1, 'Bytes', each]),
    [2, 'String', 'network'],
    ...[...initializers.values()].map((each): Field => [5, 'Bytes', each]),
    ...Object.entries(signature.inputs).map((each): Field => [11, 'Bytes', valueMessage(each)]),
    ...Object.entries(signature.outputs).map((each): Field => [12, 'Bytes', valueMessage(each)]),
  );
  const operations = message([1, 'String', ''], [2, 'Int64', OPERATIONS]);
  return message([1, 'Int64', FORMAT], [2, 'String', 'zarts'], [7, 'Bytes', graph], [8, 'Bytes', operations]);
}

const wholeNumbers = (bytes: Uint8Array): number[] => Array.from(new Int32Array(bytes.slice().buffer));

/** What goes into the model or comes out of it: float32 of a shape, whose unknown length is the batch's. */
function valueMessage([name, { shape }]: [string, SignatureTensor]): Uint8Array {
  const lengths = shape.map((size) => message(size < 0 ? [2, 'String', 'batch'] : [1, 'Int64', size]));
  const shapeMessage = message(...lengths.map((each): Field => [1, 'Bytes', each]));
  const tensor = message([1, 'Int64', FLOAT], [2, 'Bytes', shapeMessage]);
  return message([1, 'String', name], [2, 'Bytes', message([1, 'Bytes', tensor])]);
}
