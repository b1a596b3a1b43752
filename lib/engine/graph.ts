import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as messages from '@tensorflow/tfjs-node/dist/proto/api_pb';
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

/** The graph in TensorFlow's saved-model format. @param signature  For models that others load; sessions need none. */
export function savedModelBytes(nodes: readonly GraphNode[], signature?: Signature): Uint8Array {
  const graph = new messages.GraphDef();
  const versions = new messages.VersionDef();
  versions.setProducer(PRODUCER);
  versions.setMinConsumer(12);
  graph.setVersions(versions);
  graph.setNodeList(nodes.map(nodeMessage));

  const info = new messages.MetaGraphDef.MetaInfoDef();
  info.addTags('serve');
  const metaGraph = new messages.MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(graph);
  if (signature) metaGraph.getSignatureDefMap().set(SERVING_SIGNATURE, signatureMessage(signature));
  const model = new messages.SavedModel();
  model.addMetaGraphs(metaGraph);
  return model.serializeBinary();
}

function signatureMessage({ inputs, outputs }: Signature): messages.SignatureDef {
  const message = new messages.SignatureDef();
  message.setMethodName(PREDICT_METHOD);
  const info = ({ reference, dtype, shape }: SignatureTensor): messages.TensorInfo => {
    const tensor = new messages.TensorInfo();
    tensor.setName(reference);
    tensor.setDtype(dtype);
    tensor.setTensorShape(shapeMessage(shape));
    return tensor;
  };
  for (const [name, tensor] of Object.entries(inputs)) message.getInputsMap().set(name, info(tensor));
  for (const [name, tensor] of Object.entries(outputs)) message.getOutputsMap().set(name, info(tensor));
  return message;
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

function nodeMessage(node: GraphNode): messages.NodeDef {
  const message = new messages.NodeDef();
  message.setName(node.name);
  message.setOp(node.op);
  message.setInputList([...node.inputs]);
  const attributes = message.getAttrMap();
  for (const attribute of node.attributes) attributes.set(attribute.name, attributeMessage(attribute));
  if (node.value) {
    const { dtype, shape, bytes } = node.value;
    const tensor = new messages.Tensor();
    tensor.setDtype(dtype);
    tensor.setTensorShape(shapeMessage(shape));
    tensor.setTensorContent(bytes);
    const value = new messages.AttrValue();
    value.setTensor(tensor);
    attributes.set('value', value);
    const type = new messages.AttrValue();
    type.setType(dtype);
    attributes.set('dtype', type);
  }
  return message;
}

function attributeMessage({ name, type, value }: Attribute): messages.AttrValue {
  const message = new messages.AttrValue();
  const list = Array.isArray(value) ? (value as number[]) : undefined;
  switch (type) {
    case binding.TF_ATTR_STRING:
      message.setS(new TextEncoder().encode(value as string));
      break;
    case binding.TF_ATTR_INT:
      if (list) message.setList(listMessage((m) => m.setIList(list)));
      else message.setI(value as number);
      break;
    case binding.TF_ATTR_FLOAT:
      if (list) message.setList(listMessage((m) => m.setFList(list)));
      else message.setF(value as number);
      break;
    case binding.TF_ATTR_BOOL:
      message.setB(value as boolean);
      break;
    case binding.TF_ATTR_TYPE:
      message.setType(value as number);
      break;
    case binding.TF_ATTR_SHAPE:
      message.setShape(shapeMessage(value as number[]));
      break;
    default:
      throw new TypeError(`attribute "${name}" has the unknown kind ${type}`);
  }
  return message;
}

function listMessage(fill: (list: messages.AttrValue.ListValue) => void): messages.AttrValue.ListValue {
  const list = new messages.AttrValue.ListValue();
  fill(list);
  return list;
}

function shapeMessage(shape: readonly number[]): messages.TensorShape {
  const message = new messages.TensorShape();
  message.setDimList(
    shape.map((size) => {
      const dim = new messages.TensorShape.Dim();
      dim.setSize(size);
      return dim;
    }),
  );
  return message;
}
