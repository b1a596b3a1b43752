import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-node';
import { ZartsError } from '../errors.js';
import type { HostArray, Tensors } from './compile.js';
import {
  ATTRIBUTE_FIELDS,
  FLOAT,
  PRODUCER,
  SERVING_SIGNATURE,
  attr,
  nodeOf,
  reachable,
  savedModelBytes,
  sliceAttributes,
} from './graph.js';
import type { Attribute, DType, GraphNode, Signature } from './graph.js';
import { onnxModel } from './onnx.js';
import { Recorder } from './record.js';
import { backend, tf } from './tensorflow.js';

/**
 * A function of images as a model that other programs load: TensorFlow's SavedModel, TensorFlow.js' graph model, ONNX. What
 * the function reads besides its images becomes constants; the batch may have any size.
 */

/** A function of images, [batch, height, width, 3] to named results, [batch, …] each. */
export interface ExportedFunction {
  /** Height, width and channels of the images. */
  readonly image: readonly [number, number, number];
  /**
   * @param images    [batch, …image].
   * @param constant  A named array as a constant of the model; its node will have that name.
   */
  readonly run: (images: Tensor, constant: (name: string, value: HostArray) => Tensor) => Tensors;
}

/** A model's files, by their paths below its folder. */
export type ModelFiles = Readonly<Record<string, Uint8Array>>;

/** The same model in each format. */
export interface ExportedModel {
  readonly savedModel: ModelFiles;
  readonly graphModel: ModelFiles;
  /** One file's bytes. */
  readonly onnx: Uint8Array;
}

const { binding } = backend;

/** Two sizes of a batch: what differs between the graphs recorded for them depends on the size. */
const BATCHES = [2, 3] as const;
const INPUT = 'images';

/**
 * The model of a function.
 *
 * @throws {ZartsError} if the graph depends on the size of the batch in a way that is not known here.
 */
export function exportModel({ image, run }: ExportedFunction): ExportedModel {
  const [two, three] = BATCHES.map((batch) => recordInference(run, [batch, ...image]));
  const graph = withoutSeeds(withoutBlocks(anyBatch(two, three)));
  const signature: Signature = {
    inputs: { [INPUT]: { reference: `${INPUT}:0`, dtype: binding.TF_FLOAT, shape: [-1, ...image] } },
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, { reference, shape }]) => [
        name,
        { reference: `${reference}:0`, dtype: binding.TF_FLOAT, shape: [-1, ...shape.slice(1)] },
      ]),
    ),
  };
  const fetches = Object.values(graph.outputs).map(({ reference }) => reference);
  const nodes = reachable(graph.nodes, [INPUT, ...fetches]);
  return {
    savedModel: { 'saved_model.pb': savedModelBytes(nodes, signature) },
    graphModel: graphModelFiles(nodes, signature),
    onnx: onnxModel(nodes, signature),
  };
}

/** Nodes of a function, and where its results come from. */
interface InferenceGraph {
  readonly nodes: readonly GraphNode[];
  readonly outputs: Readonly<
    Record<string, { readonly reference: string; readonly shape: readonly number[] }>
  >;
}

function recordInference(run: ExportedFunction['run'], shape: readonly number[]): InferenceGraph {
  const recorder = new Recorder('network');
  const names = new Map<string, string>();
  const outputs: Record<string, { reference: string; shape: readonly number[] }> = {};
  recorder.record(() => {
    tf.tidy(() => {
      const spec = { shape, dtype: 'float32' as const };
      const images = recorder.source(placeholder(shape), spec);
      const constant = (name: string, { shape, data }: HostArray): Tensor => {
        const tensor = tf.tensor(data, [...shape]);
        // Equal constants are one node, which keeps its first name.
        const node = recorder.reference(tensor);
        if (!names.has(node)) names.set(node, name);
        return tensor;
      };
      for (const [name, tensor] of Object.entries(run(images, constant))) {
        const node = { name, op: 'Identity', inputs: [recorder.reference(tensor)], attributes: [FLOAT] };
        recorder.nodes.push({ ...node, shapes: [tensor.shape] });
        outputs[name] = { reference: name, shape: tensor.shape };
      }
    });
  });
  const renamed = (reference: string): string => {
    const node = nodeOf(reference);
    return (names.get(node) ?? node) + reference.slice(node.length);
  };
  const nodes = recorder.nodes.map((node) => ({
    ...node,
    name: renamed(node.name),
    inputs: node.inputs.map(renamed),
  }));
  return { nodes, outputs };
}

function placeholder(shape: readonly number[]): GraphNode {
  const attributes = [attr.type('dtype', binding.TF_FLOAT), attr.shape('shape', shape)];
  return { name: INPUT, op: 'Placeholder', inputs: [], attributes };
}

function intConstant(name: string, values: readonly number[], scalar = false): GraphNode {
  const bytes = new Uint8Array(Int32Array.from(values).buffer);
  const shape = scalar ? [] : [values.length];
  return { name, op: 'Const', inputs: [], attributes: [], value: { dtype: binding.TF_INT32, shape, bytes } };
}

/**
 * One graph for any size of the batch, from those for two sizes. They may differ in shapes that operations are told only: of
 * a reshape, where the length that differs is left to be inferred, and of random draws, which then ask the images for it.
 */
function anyBatch(two: InferenceGraph, three: InferenceGraph): InferenceGraph {
  const constantsOf = ({ nodes }: InferenceGraph) =>
    new Map(nodes.filter(({ op }) => op === 'Const').map((node) => [node.name, node]));
  const [constants, others] = [constantsOf(two), constantsOf(three)];
  const computed = ({ nodes }: InferenceGraph) => nodes.filter(({ op }) => op !== 'Const');
  const [ours, theirs] = [computed(two), computed(three)];
  const dependent = (what: string) =>
    new ZartsError(`The model cannot be exported: ${what} depends on the number of images in a batch.`);
  if (ours.length !== theirs.length) throw dependent('its structure');
  const added = new Map<string, GraphNode>();
  const nodes = ours.map((node, i): GraphNode => {
    const other = theirs[i];
    if (node.op === 'Placeholder') return placeholder([-1, ...node.shapes![0].slice(1)]);
    if (node.op !== other.op || node.inputs.length !== other.inputs.length) throw dependent(node.name);
    const inputs = node.inputs.map((input, k) => {
      const [a, b] = [constants.get(input), others.get(other.inputs[k])];
      if (!a || !b || sameConstant(a, b)) return input;
      const shape = anyLength(intsOf(a), intsOf(b));
      if (!shape) throw dependent(`${node.op} ${node.name}`);
      if (node.op === 'Reshape' && k === 1) {
        const name = `shape/any_${shape.map((length) => (length < 0 ? 'n' : length)).join('_')}`;
        added.set(name, intConstant(name, shape));
        return name;
      }
      if (node.op === 'StatelessRandomNormal' && k === 0 && shape[0] < 0) {
        for (const each of batchShape(shape)) added.set(each.name, each);
        return batchShape(shape).at(-1)!.name;
      }
      throw dependent(`${node.op} ${node.name}`);
    });
    return { ...node, inputs };
  });
  return { nodes: [...constants.values(), ...added.values(), ...nodes], outputs: two.outputs };
}

const sameConstant = (a: GraphNode, b: GraphNode): boolean =>
  a.value!.dtype === b.value!.dtype &&
  a.value!.shape.join() === b.value!.shape.join() &&
  Buffer.from(a.value!.bytes).equals(Buffer.from(b.value!.bytes));

/** The values of an int32 vector; undefined for another constant. */
function intsOf({ value }: GraphNode): Int32Array | undefined {
  if (value?.dtype !== binding.TF_INT32 || value.shape.length !== 1) return undefined;
  return new Int32Array(value.bytes.slice().buffer);
}

/** Two shapes that differ in one length as one, with −1 for it. */
function anyLength(a: Int32Array | undefined, b: Int32Array | undefined): number[] | undefined {
  if (a?.length !== b?.length || a === undefined || b === undefined) return undefined;
  const shape = Array.from(a, (length, i) => (length === b[i] ? length : -1));
  return shape.filter((length) => length < 0).length === 1 ? shape : undefined;
}

/** Nodes that compute [batch, …rest] from the images. */
function batchShape([, ...rest]: readonly number[]): GraphNode[] {
  const name = `shape/batch_${rest.join('_')}`;
  const int32 = binding.TF_INT32;
  return [
    intConstant('shape/zero', [0]),
    intConstant('shape/one', [1]),
    intConstant('shape/axis', [0], true),
    intConstant(`${name}/rest`, rest),
    {
      name: 'shape/images',
      op: 'Shape',
      inputs: [INPUT],
      attributes: [FLOAT, attr.type('out_type', int32)],
    },
    {
      name: 'shape/batch',
      op: 'StridedSlice',
      inputs: ['shape/images', 'shape/zero', 'shape/one', 'shape/one'],
      attributes: sliceAttributes(int32),
    },
    {
      name,
      op: 'ConcatV2',
      inputs: ['shape/batch', `${name}/rest`, 'shape/axis'],
      attributes: [attr.int('N', 2), attr.type('T', int32), attr.type('Tidx', int32)],
    },
  ];
}

/** The parts of images cut into blocks of 2×2 as strided slices: TensorFlow.js has no operation that cuts. */
function withoutBlocks({ nodes, outputs }: InferenceGraph): InferenceGraph {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const slices = new Map<string, string>();
  const added = new Map<string, GraphNode>();
  const rewritten = nodes.flatMap((node): GraphNode[] => {
    const inputs = node.inputs.map((input) => slices.get(input) ?? input);
    const blocks = node.op === 'SplitV' ? byName.get(nodeOf(node.inputs[0])) : undefined;
    if (blocks?.op !== 'SpaceToDepth') return [{ ...node, inputs }];
    const from = blocks.inputs.map((input) => slices.get(input) ?? input)[0];
    const bounds = (what: string, values: readonly number[]): string => {
      const name = `slice/${what}_${values.join('_')}`;
      added.set(name, intConstant(name, values));
      return name;
    };
    return [0, 1, 2, 3].map((part): GraphNode => {
      const name = `${node.name}/part_${part}`;
      slices.set(part === 0 ? node.name : `${node.name}:${part}`, name);
      const begin = bounds('begin', [0, Math.floor(part / 2), part % 2, 0]);
      // Up to the end of every side: the masks say so, whatever stands in the bound.
      const end = bounds('end', [0, 0, 0, 0]);
      const attributes = sliceAttributes(binding.TF_FLOAT).map((attribute) =>
        attribute.name === 'end_mask' ? attr.int('end_mask', 15) : attribute,
      );
      const step = bounds('step', [1, 2, 2, 1]);
      return { name, op: 'StridedSlice', inputs: [from, begin, end, step], attributes };
    });
  });
  return { nodes: [...added.values(), ...rewritten], outputs };
}

/** Random draws without a seed: a model that is used elsewhere draws its own. */
function withoutSeeds({ nodes, outputs }: InferenceGraph): InferenceGraph {
  const types = [attr.type('dtype', binding.TF_FLOAT), attr.type('T', binding.TF_INT32)];
  const attributes = [...types, attr.int('seed', 0), attr.int('seed2', 0)];
  const rewritten = nodes.map((node) =>
    node.op === 'StatelessRandomNormal'
      ? { name: node.name, op: 'RandomStandardNormal', inputs: [node.inputs[0]], attributes }
      : node,
  );
  return { nodes: rewritten, outputs };
}

const DTYPE_NAMES: Readonly<Record<DType, string>> = {
  [binding.TF_FLOAT]: 'DT_FLOAT',
  [binding.TF_INT32]: 'DT_INT32',
  [binding.TF_BOOL]: 'DT_BOOL',
};

/** TensorFlow.js' graph model: the topology as JSON, the constants one after the other in one file. */
function graphModelFiles(nodes: readonly GraphNode[], signature: Signature): ModelFiles {
  const weights = nodes.flatMap(({ name, value }) => (value ? [{ name, value }] : []));
  const tensors = (list: Signature['inputs']) =>
    Object.fromEntries(
      Object.entries(list).map(([name, { reference, dtype, shape }]) => [
        name,
        { name: reference, dtype: DTYPE_NAMES[dtype], tensorShape: shapeJson(shape) },
      ]),
    );
  const model = {
    format: 'graph-model',
    generatedBy: 'zarts',
    convertedBy: 'zarts',
    signature: { inputs: tensors(signature.inputs), outputs: tensors(signature.outputs) },
    modelTopology: { node: nodes.map(nodeJson), library: {}, versions: { producer: PRODUCER } },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: weights.map(({ name, value }) => ({
          name,
          shape: value.shape,
          dtype: value.dtype === binding.TF_INT32 ? 'int32' : 'float32',
        })),
      },
    ],
  };
  return {
    'model.json': new TextEncoder().encode(JSON.stringify(model)),
    'weights.bin': Buffer.concat(weights.map(({ value }) => value.bytes)),
  };
}

const shapeJson = (shape: readonly number[]) => ({ dim: shape.map((size) => ({ size: String(size) })) });

/** A node in protobuf's JSON form. */
function nodeJson({ name, op, inputs, attributes, value }: GraphNode): object {
  const attr: Record<string, unknown> = Object.fromEntries(
    attributes.map((attribute) => [attribute.name, attributeJson(attribute)]),
  );
  if (value) {
    const dtype = DTYPE_NAMES[value.dtype];
    attr.dtype = { type: dtype };
    attr.value = { tensor: { dtype, tensorShape: shapeJson(value.shape) } };
  }
  return { name, op, ...(inputs.length > 0 ? { input: inputs } : {}), attr };
}

function attributeJson({ type, value }: Attribute): object {
  const json: Readonly<Record<string, (each: Attribute['value']) => unknown>> = {
    s: (text) => Buffer.from(text as string).toString('base64'),
    i: (number) => String(Number(number)),
    type: (dtype) => DTYPE_NAMES[dtype as DType],
    shape: (sizes) => shapeJson(sizes as number[]),
  };
  const field = ATTRIBUTE_FIELDS[type];
  const convert = json[field] ?? ((each) => each);
  if (field !== 'shape' && Array.isArray(value))
    return { list: { [field]: (value as number[]).map(convert) } };
  return { [field]: convert(value) };
}

/** What a saved model in a folder gives for images, by TensorFlow.js' own loader. */
export async function runSavedModel(folder: string, images: HostArray): Promise<Record<string, HostArray>> {
  const model = await tf.node.loadSavedModel(folder, ['serve'], SERVING_SIGNATURE);
  try {
    return predictions((input) => model.predict({ [INPUT]: input }) as Record<string, Tensor>, images);
  } finally {
    model.dispose();
  }
}

/** What a graph model in a folder gives for images, by TensorFlow.js' own loader. */
export async function runGraphModel(folder: string, images: HostArray): Promise<Record<string, HostArray>> {
  const model = await tf.loadGraphModel(tf.io.fileSystem(path.join(folder, 'model.json')));
  try {
    const names = model.outputNodes.map((name) => name.replace(/:0$/, ''));
    return predictions((input) => {
      const results = model.execute({ [INPUT]: input }, names);
      const list = Array.isArray(results) ? results : [results];
      return Object.fromEntries(names.map((name, i) => [name, list[i]]));
    }, images);
  } finally {
    model.dispose();
  }
}

function predictions(
  predict: (images: Tensor) => Readonly<Record<string, Tensor>>,
  { shape, data }: HostArray,
): Record<string, HostArray> {
  const found: Record<string, HostArray> = {};
  tf.tidy(() => {
    for (const [name, tensor] of Object.entries(predict(tf.tensor(data, [...shape])))) {
      found[name] = { shape: tensor.shape, data: tensor.dataSync<'float32'>().slice() };
    }
  });
  return found;
}
