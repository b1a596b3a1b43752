import type { Tensor } from '@tensorflow/tfjs-node';
import { ZartsError } from '../errors.js';
import { attr, openSession, reachable, savedModelBytes } from './graph.js';
import type { Attribute, GraphNode } from './graph.js';
import { dtypeOf, Recorder } from './record.js';
import type { TensorSpec } from './record.js';
import { backend, tf } from './tensorflow.js';

/**
 * Programs: a few pure functions of a shared state (weights, momentum), compiled into one TensorFlow graph whose state
 * lives in the session between calls. The same program runs eagerly with `compile: false`, number for number within
 * float32 rounding, for stepping through a cell.
 */

export type Tensors = Readonly<Record<string, Tensor>>;

/** A value outside TensorFlow: what goes into a program and what comes out of it. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}
export type HostArrays = Readonly<Record<string, HostArray>>;

/**
 * One function of a program: a pure function from state and inputs to outputs and a new state. State entries that it
 * does not return stay as they are.
 */
export interface ProgramFunction {
  /** Shapes and types of the inputs; called with another shape, the function is compiled again for that one too. */
  readonly inputs: Specs;
  readonly run: (state: Tensors, inputs: Tensors) => { readonly outputs: Tensors; readonly state?: Tensors };
}

/** Shapes and types by name. */
type Specs = Readonly<Record<string, TensorSpec>>;

export interface CallOptions {
  /** The outputs wanted; what only the others need is not computed. Default: all. */
  readonly outputs?: readonly string[];
  /** Whether the new state is kept. Default: true. Without it, what only the new state needs is not computed. */
  readonly update?: boolean;
}

/** What a compiled program consists of; all zero for an eager one. */
export interface ProgramStats {
  /** Operations in the graph as recorded, before TensorFlow's own optimization. */
  readonly operations: number;
  readonly operationsByType: Readonly<Record<string, number>>;
  readonly graphBytes: number;
  readonly recordMs: number;
  readonly loadMs: number;
}

export interface Program<Name extends string> {
  /**
   * Runs one function.
   *
   * @param inputs  One array for each declared input.
   * @returns       The wanted outputs, as arrays of their own.
   * @throws {ZartsError} for an unknown function, a missing input, or data that does not fill its shape.
   */
  call(name: Name, inputs?: HostArrays, options?: CallOptions): Record<string, HostArray>;
  /** The state as it is now, or the named entries of it. */
  read(names?: readonly string[]): Record<string, HostArray>;
  /** Replaces state entries; shapes and types must be those of the initial state. */
  write(values: HostArrays): void;
  stats(): ProgramStats;
  /** Frees the session or the tensors. The program cannot be used afterwards. */
  dispose(): void;
}

/**
 * A program from its functions.
 *
 * @param initial    The state's initial values.
 * @param functions  Pure functions of the state; all share it.
 * @param options    `compile: false` runs them eagerly instead.
 */
export function compile<Name extends string>(
  initial: HostArrays,
  functions: Readonly<Record<Name, ProgramFunction>>,
  options: { readonly compile?: boolean } = {},
): Program<Name> {
  return (options.compile ?? true)
    ? new CompiledProgram(initial, functions)
    : new EagerProgram(initial, functions);
}

/**
 * A function recorded without computing anything or opening a session, for counting what it consists of.
 *
 * @param initial    The state's initial values; only their shapes and types matter.
 * @param functions  The program's functions.
 * @returns          The operations that a call with given options runs, as recorded: before TensorFlow optimizes them.
 */
export function recordedCalls<Name extends string>(
  initial: HostArrays,
  functions: Readonly<Record<Name, ProgramFunction>>,
  name: Name,
): (options?: CallOptions) => readonly GraphNode[] {
  const declared = declaredFunction(functions, name);
  const { nodes, outputs, updated } = record(name, declared, mapValues(initial, specOf), declared.inputs);
  return (options = {}) => {
    const fetches = wanted(name, outputs, options).map(([, reference]) => reference);
    if ((options.update ?? true) && updated !== undefined) fetches.push(updated);
    return reachable(nodes, fetches);
  };
}

/** One function, recorded for one set of input shapes. */
interface Recorded {
  readonly nodes: readonly GraphNode[];
  /** Placeholder node of each input. */
  readonly placeholders: Readonly<Record<string, string>>;
  /** Graph reference of each output. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The node after which every state entry that the function changes has its new value. */
  readonly updated: string | undefined;
}

class CompiledProgram<Name extends string> implements Program<Name> {
  private readonly specs: Specs;
  private readonly recorded = new Map<string, Recorded>();
  private session: number | undefined;
  private disposed = false;
  private pendingState: HostArrays | undefined;
  private size = { operations: 0, operationsByType: {} as Record<string, number>, graphBytes: 0 };
  private time = { recordMs: 0, loadMs: 0 };

  constructor(
    initial: HostArrays,
    private readonly functions: Readonly<Record<Name, ProgramFunction>>,
  ) {
    this.specs = mapValues(initial, specOf);
    this.pendingState = copiesOf(initial);
  }

  call(name: Name, inputs: HostArrays = {}, options: CallOptions = {}): Record<string, HostArray> {
    checkUsable(this.disposed);
    const specs = inputSpecs(name, declaredFunction(this.functions, name), inputs);
    const { outputs, placeholders, updated } = this.prepare(name, specs);
    const results = wanted(name, outputs, options);
    const fetches = results.map(([, reference]) => reference);
    if ((options.update ?? true) && updated !== undefined) fetches.push(updated);
    if (fetches.length === 0) return {};
    const feeds = Object.keys(specs).map((input) => [placeholders[input], inputs[input]] as const);
    const values = this.run(Object.fromEntries(feeds), fetches);
    return Object.fromEntries(results.map(([output], i) => [output, values[i]]));
  }

  read(names: readonly string[] = Object.keys(this.specs)): Record<string, HostArray> {
    checkUsable(this.disposed);
    for (const name of names) checkStateName(this.specs, name);
    const { pendingState } = this;
    if (pendingState) return Object.fromEntries(names.map((name) => [name, copyOf(pendingState[name])]));
    const reads = names.map((name) => `state/${name}/read`);
    const values = this.run({}, reads);
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }

  write(values: HostArrays): void {
    checkUsable(this.disposed);
    checkState(this.specs, values);
    if (this.pendingState) {
      this.pendingState = { ...this.pendingState, ...copiesOf(values) };
      return;
    }
    for (const [name, value] of Object.entries(values)) {
      this.run({ [`state/${name}/value`]: value }, [`state/${name}/written`]);
    }
  }

  stats(): ProgramStats {
    return { ...this.size, ...this.time };
  }

  dispose(): void {
    if (this.session !== undefined) backend.binding.deleteSavedModel(this.session);
    this.session = undefined;
    this.pendingState = undefined;
    this.disposed = true;
    this.recorded.clear();
  }

  /** The function recorded for these shapes, in a session that holds it. */
  private prepare(name: Name, specs: Specs): Recorded {
    const key = signature(name, specs);
    if (!this.recorded.has(key)) {
      // A session cannot grow: a new shape means a new session, which takes the state over from the old one.
      const state = this.session === undefined ? this.pendingState! : this.read();
      const started = performance.now();
      if (this.session !== undefined) backend.binding.deleteSavedModel(this.session);
      this.session = undefined;
      // In their own order, whichever is called first: the graph, and what TensorFlow makes of it, is the same in every run.
      if (this.recorded.size === 0) {
        for (const each of Object.keys(this.functions) as Name[])
          this.recordOnce(each, this.functions[each].inputs);
      }
      this.recordOnce(name, specs);
      this.time.recordMs += performance.now() - started;
      this.pendingState = state;
    }
    if (this.session === undefined) this.load();
    return this.recorded.get(key)!;
  }

  private recordOnce(name: Name, specs: Specs): void {
    const key = signature(name, specs);
    if (this.recorded.has(key)) return;
    this.recorded.set(key, record(`${name}_${this.recorded.size}`, this.functions[name], this.specs, specs));
  }

  private load(): void {
    const started = performance.now();
    const nodes = [
      ...Object.entries(this.specs).flatMap(([name, spec]) => variableNodes(name, spec)),
      ...[...this.recorded.values()].flatMap((recorded) => recorded.nodes),
    ];
    const bytes = savedModelBytes(nodes);
    const operationsByType: Record<string, number> = {};
    for (const { op } of nodes) operationsByType[op] = (operationsByType[op] ?? 0) + 1;
    this.size = { operations: nodes.length, operationsByType, graphBytes: bytes.length };
    this.session = openSession(bytes);
    const state = this.pendingState!;
    this.pendingState = undefined;
    this.write(state);
    this.time.loadMs += performance.now() - started;
  }

  private run(feeds: HostArrays, fetches: readonly string[]): HostArray[] {
    const entries = Object.entries(feeds);
    const ids = entries.map(([, { shape, data }]) =>
      backend.binding.createTensor([...shape], dtypeOf(dtypeName(data)), data),
    );
    try {
      const results = backend.binding.runSavedModel(
        this.session!,
        ids,
        entries.map(([name]) => `${name}:0`).join(),
        fetches.map((reference) => (reference.includes(':') ? reference : `${reference}:0`)).join(),
      );
      return results.map(({ id, shape }) => {
        const data = backend.binding.tensorDataSync(id) as Float32Array | Int32Array;
        backend.binding.deleteTensor(id);
        return { shape, data };
      });
    } finally {
      for (const id of ids) backend.binding.deleteTensor(id);
    }
  }
}

/** A state entry in the graph: its variable, a read and a write of it from outside. */
function variableNodes(name: string, spec: TensorSpec): GraphNode[] {
  const attributes = [typeAttribute('dtype', spec)];
  const variable = `state/${name}`;
  const value = `${variable}/value`;
  const own = [
    attr.shape('shape', spec.shape),
    attr.string('shared_name', variable),
    attr.string('container', ''),
  ];
  return [
    { name: variable, op: 'VarHandleOp', inputs: [], attributes: [...attributes, ...own] },
    { name: `${variable}/read`, op: 'ReadVariableOp', inputs: [variable], attributes },
    placeholder(value, spec),
    ownCopy(value, spec),
    { name: `${variable}/assign`, op: 'AssignVariableOp', inputs: [variable, copyOfFed(value)], attributes },
    done(`${variable}/written`, [`${variable}/assign`]),
  ];
}

function record(scope: string, { run }: ProgramFunction, stateSpecs: Specs, inputSpecs: Specs): Recorded {
  const recorder = new Recorder(scope);
  const placeholders = mapValues(inputSpecs, (_, name) => `${scope}/input/${name}`);
  let outputs: Record<string, string> = {};
  let updates: Record<string, string> = {};
  recorder.record(() => {
    tf.tidy(() => {
      const state = mapValues(stateSpecs, (spec, name) => recorder.source(readNode(scope, name, spec), spec));
      const inputs = mapValues(inputSpecs, (spec, name) => {
        recorder.nodes.push(placeholder(placeholders[name], spec));
        return recorder.source(ownCopy(placeholders[name], spec), spec);
      });
      const result = run(state, inputs);
      checkUpdates(scope, stateSpecs, result.state ?? {});
      outputs = mapValues(result.outputs, (tensor) => recorder.reference(tensor));
      updates = mapValues(result.state ?? {}, (tensor) => recorder.reference(tensor));
    });
  });
  const assignments = Object.entries(updates).map(([name, reference]): GraphNode => ({
    name: `${scope}/assign/${name}`,
    op: 'AssignVariableOp',
    // A variable takes its new value only after this function has read the old one.
    inputs: [`state/${name}`, reference, `^${scope}/read/${name}`],
    attributes: [typeAttribute('dtype', stateSpecs[name])],
  }));
  const names = assignments.map(({ name }) => name);
  const updated = names.length > 0 ? [done(`${scope}/updated`, names)] : [];
  const roots = [
    ...Object.values(outputs),
    ...Object.values(placeholders),
    ...updated.map(({ name }) => name),
  ];
  // The read of a variable that is written stays as well: the order above names it.
  const nodes = reachable([...recorder.nodes, ...assignments, ...updated], roots);
  return { nodes, placeholders, outputs, updated: updated.at(0)?.name };
}

/** A function's own read of a state entry. */
function readNode(scope: string, name: string, spec: TensorSpec): GraphNode {
  const attributes = [typeAttribute('dtype', spec)];
  return { name: `${scope}/read/${name}`, op: 'ReadVariableOp', inputs: [`state/${name}`], attributes };
}

function placeholder(name: string, spec: TensorSpec): GraphNode {
  const attributes = [typeAttribute('dtype', spec), attr.shape('shape', spec.shape)];
  return { name, op: 'Placeholder', inputs: [], attributes };
}

/**
 * A copy of what is fed in memory of TensorFlow's own. A fed tensor is the JavaScript array itself, and must be released on
 * JavaScript's thread; anything that outlives the call (a variable above all) would be released by one of TensorFlow's
 * threads instead, which corrupts the process.
 */
function ownCopy(fed: string, spec: TensorSpec): GraphNode {
  return { name: copyOfFed(fed), op: 'DeepCopy', inputs: [fed], attributes: [typeAttribute('T', spec)] };
}

function copyOfFed(fed: string): string {
  return `${fed}/copy`;
}

/** A constant that exists only after `after`: assignments have no result of their own to fetch. */
function done(name: string, after: readonly string[]): GraphNode {
  return {
    name,
    op: 'Const',
    inputs: after.map((node) => `^${node}`),
    attributes: [],
    value: { dtype: backend.binding.TF_INT32, shape: [], bytes: new Uint8Array(4) },
  };
}

function typeAttribute(name: string, { dtype }: TensorSpec): Attribute {
  return attr.type(name, dtypeOf(dtype));
}

class EagerProgram<Name extends string> implements Program<Name> {
  private readonly specs: Specs;
  private state: Record<string, Tensor>;
  private disposed = false;

  constructor(
    initial: HostArrays,
    private readonly functions: Readonly<Record<Name, ProgramFunction>>,
  ) {
    this.specs = mapValues(initial, specOf);
    this.state = mapValues(initial, (value) => tf.keep(toTensor(copyOf(value))));
  }

  call(name: Name, inputs: HostArrays = {}, options: CallOptions = {}): Record<string, HostArray> {
    checkUsable(this.disposed);
    const declared = declaredFunction(this.functions, name);
    const specs = inputSpecs(name, declared, inputs);
    let values: Record<string, HostArray> = {};
    tf.tidy(() => {
      const tensors = mapValues(specs, (_, input) => toTensor(inputs[input]));
      const { outputs, state = {} } = declared.run(this.state, tensors);
      checkUpdates(name, this.specs, state);
      values = mapValues(Object.fromEntries(wanted(name, outputs, options)), toHost);
      if (options.update ?? true) this.replace(state);
    });
    return values;
  }

  private replace(state: Tensors): void {
    // Entries may be exchanged (a copy of one becomes the other): all are cloned before any is freed.
    const next = mapValues(state, (tensor) => tf.keep(tf.clone(tensor)));
    for (const [entry, tensor] of Object.entries(next)) {
      this.state[entry].dispose();
      this.state[entry] = tensor;
    }
  }

  read(names: readonly string[] = Object.keys(this.specs)): Record<string, HostArray> {
    checkUsable(this.disposed);
    for (const name of names) checkStateName(this.specs, name);
    return Object.fromEntries(names.map((name) => [name, toHost(this.state[name])]));
  }

  write(values: HostArrays): void {
    checkUsable(this.disposed);
    checkState(this.specs, values);
    for (const [name, value] of Object.entries(values)) {
      this.state[name].dispose();
      this.state[name] = tf.keep(toTensor(copyOf(value)));
    }
  }

  stats(): ProgramStats {
    return { operations: 0, operationsByType: {}, graphBytes: 0, recordMs: 0, loadMs: 0 };
  }

  dispose(): void {
    for (const tensor of Object.values(this.state)) tensor.dispose();
    this.state = {};
    this.disposed = true;
  }
}

function checkUsable(disposed: boolean): void {
  if (disposed) throw new ZartsError('The program was disposed; make a new one.');
}

/** The outputs that a call wants, by name. @throws {ZartsError} for one that the function does not have. */
function wanted<T>(
  name: string,
  outputs: Readonly<Record<string, T>>,
  { outputs: names = Object.keys(outputs) }: CallOptions,
): (readonly [string, T])[] {
  return names.map((output) => {
    if (!(output in outputs)) throw unknownEntry(name, 'output', output, Object.keys(outputs));
    return [output, outputs[output]];
  });
}

function declaredFunction<Name extends string>(
  functions: Readonly<Record<Name, ProgramFunction>>,
  name: Name,
) {
  const declared: ProgramFunction | undefined = functions[name];
  if (declared === undefined)
    throw new ZartsError(
      `The program has no function "${name}"; it has ${Object.keys(functions).join(', ')}.`,
    );
  return declared;
}

/** The inputs' actual shapes, checked against what the function declares and what the data fill. */
function inputSpecs(name: string, { inputs: declared }: ProgramFunction, inputs: HostArrays) {
  return mapValues(declared, (spec, input) => {
    const value: HostArray | undefined = inputs[input];
    if (value === undefined)
      throw unknownEntry(name, 'input', input, Object.keys(inputs), 'is missing; given');
    const actual = specOf(value);
    if (actual.dtype !== spec.dtype) {
      throw new ZartsError(
        `Input "${input}" of "${name}" is ${actual.dtype}; it was declared ${spec.dtype}.`,
      );
    }
    if (actual.shape.length !== spec.shape.length) {
      throw new ZartsError(
        `Input "${input}" of "${name}" has shape [${actual.shape.join()}]; it was declared with ${spec.shape.length} dimensions.`,
      );
    }
    checkFilled(`Input "${input}" of "${name}"`, value);
    return actual;
  });
}

function checkState(specs: Specs, values: HostArrays): void {
  for (const [name, value] of Object.entries(values)) {
    checkStateName(specs, name);
    const given = specOf(value);
    if (!sameSpec(given, specs[name])) {
      throw new ZartsError(
        `State "${name}" is ${describe(specs[name])}; it cannot take a value that is ${describe(given)}.`,
      );
    }
    checkFilled(`State "${name}"`, value);
  }
}

function checkStateName(specs: Specs, name: string): void {
  if (!(name in specs))
    throw new ZartsError(`The program has no state "${name}"; it has ${Object.keys(specs).join(', ')}.`);
}

function checkUpdates(name: string, specs: Specs, updates: Tensors): void {
  for (const [entry, tensor] of Object.entries(updates)) {
    checkStateName(specs, entry);
    const given = { shape: tensor.shape, dtype: tensor.dtype } as TensorSpec;
    if (!sameSpec(given, specs[entry])) {
      throw new ZartsError(
        `"${name}" returns state "${entry}" as ${describe(given)}; it is ${describe(specs[entry])}.`,
      );
    }
  }
}

function checkFilled(what: string, { shape, data }: HostArray): void {
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== data.length)
    throw new ZartsError(`${what} has shape [${shape.join()}] but ${data.length} values.`);
}

function unknownEntry(
  name: string,
  kind: string,
  entry: string,
  known: readonly string[],
  verb = 'is unknown; known',
) {
  return new ZartsError(`The ${kind} "${entry}" of "${name}" ${verb}: ${known.join(', ') || 'none'}.`);
}

function specOf({ shape, data }: HostArray): TensorSpec {
  return { shape, dtype: dtypeName(data) };
}

function dtypeName(data: Float32Array | Int32Array): TensorSpec['dtype'] {
  return data instanceof Int32Array ? 'int32' : 'float32';
}

function sameSpec(a: TensorSpec, b: TensorSpec): boolean {
  return a.dtype === b.dtype && a.shape.join() === b.shape.join();
}

function describe({ shape, dtype }: TensorSpec): string {
  return `${dtype} [${shape.join()}]`;
}

function signature(name: string, specs: Specs): string {
  return `${name}(${Object.values(specs).map(describe).join()})`;
}

function toTensor({ shape, data }: HostArray): Tensor {
  return tf.tensor(data, [...shape], dtypeName(data));
}

function toHost(tensor: Tensor): HostArray {
  return { shape: tensor.shape, data: tensor.dataSync<'float32' | 'int32'>().slice() };
}

function copyOf({ shape, data }: HostArray): HostArray {
  return { shape, data: data.slice() };
}

function copiesOf(values: HostArrays): HostArrays {
  return mapValues(values, copyOf);
}

function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}
