import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as proto from '@tensorflow/tfjs-node/dist/proto/api_pb';
import type { Message } from '@tensorflow/tfjs-node/dist/proto/api_pb';
import { backend } from './tensorflow.js';

/**
 * A TensorFlow graph as plain data, and its way into a session. TensorFlow.js can run a saved model; a graph made here
 * is written as one (the message types ship with TensorFlow.js), loaded, and deleted from the disk again.
 */

/** TensorFlow's number of a data type (`DT_FLOAT` = 1, …). */
export type DType = number;

/** An attribute of a graph node, with TensorFlow's number of its kind (`TF_ATTR_INT` = 1, …). */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | string | object | readonly number[];
}

/** One operation. An input is `node`, `node:output` or, for an order without data, `^node`. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: readonly Attribute[];
  /** Shapes of its results, where the recorder knows them. */
  readonly shapes?: readonly (readonly number[])[];
  /** The value of a `Const` node. */
  readonly value?: { readonly dtype: DType; readonly shape: readonly number[]; readonly bytes: Uint8Array };
}

const { binding } = backend;

const attribute =
  <Value extends Attribute['value']>(type: number) =>
  (name: string, value: Value): Attribute => ({ name, type, value });

/** Makes attributes, by the kind of their value. */
export const attr = {
  bool: attribute<boolean>(binding.TF_ATTR_BOOL),
  int: attribute<number | readonly number[]>(binding.TF_ATTR_INT),
  float: attribute<number>(binding.TF_ATTR_FLOAT),
  string: attribute<string>(binding.TF_ATTR_STRING),
  type: attribute<DType>(binding.TF_ATTR_TYPE),
  shape: attribute<readonly number[]>(binding.TF_ATTR_SHAPE),
};

/** The attribute of an operation on float32 values. */
export const FLOAT = attr.type('T', binding.TF_FLOAT);

const SLICE_MASKS = ['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask'];

/** The attributes of a strided slice between plain bounds. */
export function sliceAttributes(of: DType): Attribute[] {
  return [
    attr.type('T', of),
    attr.type('Index', binding.TF_INT32),
    ...SLICE_MASKS.map((name) => attr.int(name, 0)),
  ];
}

/** The producer version of TensorFlow 2.21's graphs; newer semantics of some operations depend on it being recent. */
export const PRODUCER = 1882;

/** The nodes that `fetches` need, in their given order. */
export function reachable(nodes: readonly GraphNode[], fetches: readonly string[]): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const needed = new Set<string>();
  const pending = fetches.map(nodeOf);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    for (const input of byName.get(name)?.inputs ?? []) pending.push(nodeOf(input));
  }
  return nodes.filter((node) => needed.has(node.name));
}

/** The node that an input or a fetch names, without output number or order mark. */
export function nodeOf(reference: string): string {
  return reference.replace(/^\^/, '').replace(/:\d+$/, '');
}

/** A value that goes into or comes out of a saved model. */
export interface SignatureTensor {
  /** `node:output`. */
  readonly reference: string;
  readonly dtype: DType;
  /** −1 for a length that may be any. */
  readonly shape: readonly number[];
}

/** How a saved model is called: its inputs and outputs by name. */
export interface Signature {
  readonly inputs: Readonly<Record<string, SignatureTensor>>;
  readonly outputs: Readonly<Record<string, SignatureTensor>>;
}

/** The names that TensorFlow's tools look for. */
export const SERVING_SIGNATURE = 'serving_default';
const PREDICT_METHOD = 'tensorflow/serving/predict';

/** A message with its fields set, named as the protocol's setters name them; a `Map` fills a field that is one. */
function message(Type: new () => Message, fields: Readonly<Record<string, unknown>>): Message {
  const made = new Type();
  for (const [field, value] of Object.entries(fields)) {
    if (value instanceof Map) for (const [key, entry] of value) made[`get${field}Map`]().set(key, entry);
    else made[`set${field}`](value);
  }
  return made;
}

/** The graph in TensorFlow's saved-model format. @param signature  For models that others load; sessions need none. */
export function savedModelBytes(nodes: readonly GraphNode[], signature?: Signature): Uint8Array {
  const metaGraph = message(proto.MetaGraphDef, {
    MetaInfoDef: message(proto.MetaGraphDef.MetaInfoDef, { TagsList: ['serve'] }),
    GraphDef: message(proto.GraphDef, {
      NodeList: nodes.map(nodeMessage),
      Versions: message(proto.VersionDef, { Producer: PRODUCER, MinConsumer: 12 }),
    }),
    SignatureDef: new Map(signature ? [[SERVING_SIGNATURE, signatureMessage(signature)]] : []),
  });
  return message(proto.SavedModel, { MetaGraphsList: [metaGraph] }).serializeBinary();
}

function signatureMessage({ inputs, outputs }: Signature): Message {
  const tensors = (list: Signature['inputs']) =>
    new Map(
      Object.entries(list).map(([name, { reference, dtype, shape }]) => [
        name,
        message(proto.TensorInfo, { Name: reference, Dtype: dtype, TensorShape: shapeMessage(shape) }),
      ]),
    );
  return message(proto.SignatureDef, {
    MethodName: PREDICT_METHOD,
    Inputs: tensors(inputs),
    Outputs: tensors(outputs),
  });
}

/** Opens a session on a saved model; returns its number. Threads are those set when TensorFlow was loaded. */
export function openSession(model: Uint8Array): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'zarts-graph-'));
  try {
    writeFileSync(path.join(folder, 'saved_model.pb'), model);
    return binding.loadSavedModel(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function nodeMessage({ name, op, inputs, attributes, value }: GraphNode): Message {
  const attributeMessages = new Map(attributes.map((each) => [each.name, attributeMessage(each)]));
  if (value) {
    const { dtype, shape, bytes } = value;
    const tensor = { Dtype: dtype, TensorShape: shapeMessage(shape), TensorContent: bytes };
    attributeMessages.set('value', message(proto.AttrValue, { Tensor: message(proto.Tensor, tensor) }));
    attributeMessages.set('dtype', message(proto.AttrValue, { Type: dtype }));
  }
  return message(proto.NodeDef, { Name: name, Op: op, InputList: [...inputs], Attr: attributeMessages });
}

/** The field of an attribute's message that holds its value, by TensorFlow's number of its kind. */
export const ATTRIBUTE_FIELDS: Readonly<Record<number, string>> = {
  [binding.TF_ATTR_STRING]: 's',
  [binding.TF_ATTR_INT]: 'i',
  [binding.TF_ATTR_FLOAT]: 'f',
  [binding.TF_ATTR_BOOL]: 'b',
  [binding.TF_ATTR_TYPE]: 'type',
  [binding.TF_ATTR_SHAPE]: 'shape',
};

function attributeMessage({ type, value }: Attribute): Message {
  const field = ATTRIBUTE_FIELDS[type].replace(/^./, (letter) => letter.toUpperCase());
  if (field === 'Shape') return message(proto.AttrValue, { Shape: shapeMessage(value as number[]) });
  if (field === 'S') return message(proto.AttrValue, { S: new TextEncoder().encode(value as string) });
  if (!Array.isArray(value)) return message(proto.AttrValue, { [field]: value });
  return message(proto.AttrValue, { List: message(proto.AttrValue.ListValue, { [`${field}List`]: value }) });
}

function shapeMessage(shape: readonly number[]): Message {
  return message(proto.TensorShape, {
    DimList: shape.map((size) => message(proto.TensorShape.Dim, { Size: size })),
  });
}
