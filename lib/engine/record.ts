import type { Tensor } from '@tensorflow/tfjs-node';
import type { TFJSBinding, TFEOpAttr, TensorMetadata } from '@tensorflow/tfjs-node/dist/tfjs_binding';
import { ZartsError } from '../errors.js';
import { attr } from './graph.js';
import type { Attribute, DType, GraphNode } from './graph.js';
import { backend } from './tensorflow.js';

/**
 * Recording: while a step runs once, the backend's native binding is replaced by one that writes down every operation
 * instead of computing it. Activations exist as shapes only, so recording a large network needs no more memory than a
 * small one; the shape of each new kind of operation is asked of TensorFlow by running it once on stand-in values.
 */

/** A tensor of the graph being recorded: where it comes from and what is known of it. */
interface Symbol {
  /** `node` or `node:output`, as another node's input. */
  readonly reference: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** A constant; its value may decide shapes (the operand of a reshape, say). */
  readonly constant?: Constant;
}

type Values = Float32Array | Int32Array | Uint8Array;

/** A native tensor whose value is known when the step is recorded. */
interface Constant {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: Values;
}

/** A tensor's shape and type, without a value. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

const real: TFJSBinding = backend.binding;

/** Native tensors are numbered from 0 up; recorded ones from here, so that neither is taken for the other. */
const FIRST_RECORDED_ID = 2 ** 30;

/** Operations whose result's shape depends on values, which a recorded step does not have. */
const VALUE_DEPENDENT = new Set([
  'Where',
  'Unique',
  'UniqueV2',
  'NonMaxSuppressionV3',
  'NonMaxSuppressionV5',
]);

/** Attributes that TensorFlow.js leaves for the eager runtime to infer and that a graph has to state. */
const INFERRED: Readonly<Record<string, (inputs: readonly Symbol[], outputs: number) => Attribute[]>> = {
  AddN: (inputs) => [attr.int('N', inputs.length)],
  Pack: (inputs) => [attr.int('N', inputs.length)],
  ConcatV2: (inputs) => [attr.int('N', inputs.length - 1)],
  Unpack: (_, outputs) => [attr.int('num', outputs)],
  ExpandDims: ([x, axis]) => [attr.type('T', x.dtype), attr.type('Tdim', axis.dtype)],
};

/**
 * A mark on additions that TensorFlow's graph optimizer puts on what it has rewritten already. Unmarked ones it gathers into
 * sums of many terms (`AddN`), which add up in the memory of whichever term nothing else reads any more: in another order
 * from one session to the next.
 */
const IN_ORDER = attr.bool('_grappler_ArithmeticOptimizer_AddOpsRewriteStage', true);
const ADDITIONS = new Set(['Add', 'AddV2', 'AddN']);

const BYTES: Readonly<Record<DType, number>> = {
  [real.TF_FLOAT]: 4,
  [real.TF_INT32]: 4,
  [real.TF_INT64]: 8,
  [real.TF_BOOL]: 1,
  [real.TF_UINT8]: 1,
};

/** Shapes of results by operation, attributes and inputs; a supernet has few different ones, used very often. */
const shapeCache = new Map<string, readonly { shape: readonly number[]; dtype: DType }[]>();

/** The operations of one or more steps, in the order in which they were recorded. */
export class Recorder {
  readonly nodes: GraphNode[] = [];
  private readonly symbols = new Map<number, Symbol>();
  /** Native tensors made while recording. TensorFlow uses a number again once its tensor is deleted. */
  private readonly natives = new Map<number, Constant>();
  /** Nodes of constants by type, shape and value. */
  private readonly constants = new Map<string, string>();
  private nextId = FIRST_RECORDED_ID;

  /** @param scope  Prefix of every node's name; differs between recorders whose nodes end in one graph. */
  constructor(private readonly scope: string) {}

  /**
   * Runs `step` with every TensorFlow operation in it written down instead of computed.
   *
   * @throws {ZartsError} if the step reads a value, or uses an operation whose result's shape depends on values.
   */
  record<T>(step: () => T): T {
    const before = backend.binding;
    backend.binding = this.binding();
    try {
      return step();
    } finally {
      backend.binding = before;
    }
  }

  /** A node without recorded inputs (a placeholder, a variable) and the tensor of its first output. */
  source(node: Omit<GraphNode, 'name'> & { readonly name: string }, spec: TensorSpec): Tensor {
    this.nodes.push({ ...node, shapes: [spec.shape] });
    return this.tensor({ reference: node.name, shape: spec.shape, dtype: dtypeOf(spec.dtype) });
  }

  /** Where in the graph a tensor that the step returned comes from, as another node's input. */
  reference(tensor: Tensor): string {
    const [id] = backend.getInputTensorIds([tensor]);
    return this.symbol(id).reference;
  }

  private binding(): TFJSBinding {
    const replaced: Partial<TFJSBinding> = {
      createTensor: (shape, dtype, buffer) => {
        const id = real.createTensor(shape, dtype, buffer);
        if (dtype in BYTES) this.natives.set(id, { id, shape: [...shape], dtype, values: buffer as Values });
        return id;
      },
      deleteTensor: (id) => {
        if (id >= FIRST_RECORDED_ID) return;
        this.natives.delete(id);
        real.deleteTensor(id);
      },
      tensorDataSync: (id) => {
        if (id < FIRST_RECORDED_ID) return real.tensorDataSync(id);
        throw new ZartsError(
          'A step reads the value of a tensor (dataSync, print, …) while it is being recorded; return the tensor from the step instead, or run with compile: false.',
        );
      },
      executeOp: (op, attributes, inputs, outputs) =>
        op === 'AddN' && inputs.length > 1
          ? this.sum(attributes, inputs)
          : this.operation(op, attributes, inputs, outputs),
      loadSavedModel: () => refuse('load a saved model'),
      deleteSavedModel: () => refuse('delete a saved model'),
      runSavedModel: () => refuse('run another recorded step'),
    };
    // TensorFlow's numbers of types and attribute kinds are read from the native binding underneath.
    return Object.setPrototypeOf(replaced, real) as TFJSBinding;
  }

  /** The terms added one after the other, from the first to the last. */
  private sum(attributes: TFEOpAttr[], [first, second, ...others]: number[]): TensorMetadata[] {
    const type = attributes.filter(({ name }) => name === 'T');
    const add = (a: number, b: number) => this.operation('AddV2', type, [a, b], 1);
    return others.reduce(([{ id }], term) => add(id, term), add(first, second));
  }

  private operation(op: string, attributes: TFEOpAttr[], inputIds: number[], outputs: number) {
    if (VALUE_DEPENDENT.has(op)) {
      throw new ZartsError(
        `A step uses ${op}, whose result's shape depends on values; it cannot be recorded.`,
      );
    }
    const inputs = inputIds.map((id) => this.symbol(id));
    const stated: Attribute[] = attributes.map(({ name, type, value }) => ({ name, type, value }));
    for (const inferred of INFERRED[op]?.(inputs, outputs) ?? []) {
      if (!stated.some(({ name }) => name === inferred.name)) stated.push(inferred);
    }
    if (ADDITIONS.has(op)) stated.push(IN_ORDER);
    const name = this.newName(op);
    const results = this.resultShapes(op, attributes, inputs, outputs);
    this.nodes.push({
      name,
      op,
      inputs: inputs.map(({ reference }) => reference),
      attributes: stated,
      shapes: results.map(({ shape }) => shape),
    });
    return results.map(({ shape, dtype }, output) => {
      const id = this.nextId++;
      this.symbols.set(id, { reference: output === 0 ? name : `${name}:${output}`, shape, dtype });
      return { id, shape: [...shape], dtype };
    });
  }

  /** The shapes and types of an operation's results, from the cache or from one run on stand-in values. */
  private resultShapes(op: string, attributes: TFEOpAttr[], inputs: Symbol[], outputs: number) {
    const operands = inputs.map((input) => ({ input, small: smallValue(input) }));
    const cacheKey = JSON.stringify([
      op,
      outputs,
      attributes.map(({ name, value }) => [name, value]),
      operands.map(({ input, small }) => [input.dtype, input.shape, small ? Array.from(small) : null]),
    ]);
    const cached = shapeCache.get(cacheKey);
    if (cached) return cached;
    const standIns: number[] = [];
    const ids = operands.map(({ input }) => {
      if (input.constant) return input.constant.id;
      const id = real.createTensor([...input.shape], input.dtype, standInValue(input));
      standIns.push(id);
      return id;
    });
    try {
      const results = real.executeOp(op, attributes, ids, outputs);
      const shapes = results.map(({ shape, dtype }) => ({ shape, dtype }));
      for (const { id } of results) real.deleteTensor(id);
      shapeCache.set(cacheKey, shapes);
      return shapes;
    } finally {
      for (const id of standIns) real.deleteTensor(id);
    }
  }

  /** A recorded tensor, or a native one taken into the graph as a constant. */
  private symbol(id: number): Symbol {
    const known = this.symbols.get(id);
    if (known) return known;
    if (id >= FIRST_RECORDED_ID) throw new ZartsError('A step uses a tensor of another recording.');
    const constant = this.natives.get(id) ?? existingTensor(id);
    const { shape, dtype, values } = constant;
    return { reference: this.constantNode(values, shape, dtype), shape, dtype, constant };
  }

  /** A constant's node; equal constants share one, and one value repeated becomes a `Fill`. */
  private constantNode(values: Values, shape: readonly number[], dtype: DType): string {
    const repeated = values.length > 16 && values.every((value) => Object.is(value, values[0]));
    if (repeated) {
      const dims = this.constantNode(Int32Array.from(shape), [shape.length], real.TF_INT32);
      const value = this.constantNode(values.slice(0, 1), [], dtype);
      return this.shared(`fill ${dims} ${value}`, 'Fill', () => ({
        op: 'Fill',
        inputs: [dims, value],
        shapes: [shape],
        attributes: [attr.type('T', dtype), attr.type('index_type', real.TF_INT32)],
      }));
    }
    const bytes = Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    if (bytes.length !== BYTES[dtype] * shape.reduce((product, size) => product * size, 1)) {
      throw new ZartsError(`A step uses a constant of type ${dtype}, which a recorded step cannot hold.`);
    }
    const identity = `${dtype} [${shape.join()}] ${Buffer.from(bytes).toString('base64')}`;
    return this.shared(identity, 'Const', () => ({
      op: 'Const',
      inputs: [],
      attributes: [],
      shapes: [shape],
      value: { dtype, shape, bytes },
    }));
  }

  private shared(identity: string, op: string, make: () => Omit<GraphNode, 'name'>): string {
    const known = this.constants.get(identity);
    if (known !== undefined) return known;
    const name = this.newName(op);
    this.nodes.push({ name, ...make() });
    this.constants.set(identity, name);
    return name;
  }

  private newName(op: string): string {
    return `${this.scope}/${op}_${this.nodes.length}`;
  }

  private tensor(symbol: Symbol): Tensor {
    const id = this.nextId++;
    this.symbols.set(id, symbol);
    return backend.createOutputTensor({ id, shape: [...symbol.shape], dtype: symbol.dtype });
  }
}

/** TensorFlow's number of a TensorFlow.js type. */
export function dtypeOf(dtype: TensorSpec['dtype']): DType {
  return dtype === 'int32' ? real.TF_INT32 : real.TF_FLOAT;
}

/** The value of a constant that may decide a shape: whole numbers, few. */
function smallValue({ constant, dtype }: Symbol): Values | undefined {
  return constant && dtype === real.TF_INT32 && constant.values.length <= 4096 ? constant.values : undefined;
}

/** A tensor made before the recording began, which the step uses as a constant. */
function existingTensor(id: number): Constant {
  const [{ id: copy, shape, dtype }] = real.executeOp('Identity', [], [id], 1);
  const values = real.tensorDataSync(copy);
  real.deleteTensor(copy);
  return { id, shape, dtype, values };
}

/** Ones, so that nothing divides by zero, or zeros where the numbers may be indexes. */
function standInValue({ shape, dtype }: Symbol) {
  const size = shape.reduce((product, length) => product * length, 1);
  if (dtype === real.TF_FLOAT) return new Float32Array(size).fill(1);
  return dtype === real.TF_INT32 ? new Int32Array(size) : new Uint8Array(size);
}

function refuse(what: string): never {
  throw new ZartsError(`A step tries to ${what} while it is being recorded.`);
}
