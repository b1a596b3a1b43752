import type { TFEOpAttr } from '@tensorflow/tfjs-node/dist/tfjs_binding';
import { median } from 'simple-statistics';
import { recordedCalls } from '../../lib/engine/index.js';
import type { GraphNode, HostArray, HostArrays } from '../../lib/engine/index.js';
import { backend } from '../../lib/engine/tensorflow.js';
import { workOf } from './arithmetic.js';
import { benchStep } from './program.js';
import type { BenchShape } from './shapes.js';

/**
 * Where a step's time goes: its recorded operations computed one after the other with nothing beside them, each timed. A
 * session runs several at once and joins a few, so that its step is shorter; which operations are worth making faster is
 * the same.
 */

/** All operations of a step that are alike: the same kernel on the same shapes. */
export interface KernelTime {
  readonly op: string;
  /** Of what it reads and of its first result: "16×16×16×8, 1×1×8×8 → 16×16×16×8". */
  readonly shapes: string;
  readonly count: number;
  /** Milliseconds of all of them together. */
  readonly ms: number;
  /** Multiply-adds, and bytes read and written once each, of all of them. */
  readonly multiplyAdds: number;
  readonly bytes: number;
}

/** Passes of which each operation's median time counts, after one that is not timed. */
const PASSES = 5;

/**
 * Times the operations of a shape's step.
 *
 * @returns  Every kind of operation, the slowest first.
 */
export function profileStep(shape: BenchShape): readonly KernelTime[] {
  const { state, functions, inputs } = benchStep(shape);
  const nodes = recordedCalls(state, functions, 'step')({ outputs: ['loss'] });
  const times = new Map<string, number[]>();
  for (let pass = 0; pass <= PASSES; pass++) {
    compute(nodes, { ...state, ...inputs }, (name, ms) => {
      if (pass > 0) times.set(name, [...(times.get(name) ?? []), ms]);
    });
  }
  const kinds = new Map<string, KernelTime>();
  for (const { node, inputs, results, dense, depthwise, bytes } of workOf(nodes)) {
    const measured = times.get(node.name);
    if (!measured) continue;
    const { op } = node;
    const shapes = `${inputs
      .filter(({ length }) => length > 1)
      .map(written)
      .join(', ')} → ${written(results[0])}`;
    const before = kinds.get(`${op} ${shapes}`) ?? { count: 0, ms: 0, multiplyAdds: 0, bytes: 0 };
    kinds.set(`${op} ${shapes}`, {
      op,
      shapes,
      count: before.count + 1,
      ms: before.ms + median(measured),
      multiplyAdds: before.multiplyAdds + dense + depthwise,
      bytes: before.bytes + bytes,
    });
  }
  return [...kinds.values()].sort((a, b) => b.ms - a.ms);
}

const written = (shape: readonly number[]): string => shape.join('×') || '1';

/** Computes nodes in their order and tells how long each took; what a variable or an input holds is given by its name. */
function compute(
  nodes: readonly GraphNode[],
  given: HostArrays,
  told: (name: string, ms: number) => void,
): void {
  const { binding } = backend;
  const results = new Map<string, number>();
  const owned: number[] = [];
  const own = (name: string, id: number): void => {
    results.set(name, id);
    owned.push(id);
  };
  const made = ({ shape, data }: HostArray): number =>
    binding.createTensor([...shape], data instanceof Int32Array ? binding.TF_INT32 : binding.TF_FLOAT, data);
  try {
    for (const { name, op, inputs, attributes, value, shapes = [] } of nodes) {
      const data = inputs.filter((input) => !input.startsWith('^'));
      if (value) own(name, binding.createTensor([...value.shape], value.dtype, valuesOf(value)));
      else if (op === 'Placeholder' || op === 'ReadVariableOp')
        own(name, made(given[name.split('/').at(-1)!]));
      else if (op === 'DeepCopy') results.set(name, results.get(data[0])!);
      else if (op !== 'AssignVariableOp' && op !== 'VarHandleOp') {
        // Marks are for a graph's optimizer alone.
        const stated = attributes.filter((each) => !each.name.startsWith('_')) as TFEOpAttr[];
        const operands = data.map((input) => results.get(input)!);
        const began = performance.now();
        const outputs = binding.executeOp(op, stated, operands, shapes.length);
        told(name, performance.now() - began);
        for (const [i, { id }] of outputs.entries()) own(i === 0 ? name : `${name}:${i}`, id);
      }
    }
  } finally {
    for (const id of owned) binding.deleteTensor(id);
  }
}

function valuesOf({ dtype, bytes }: NonNullable<GraphNode['value']>): Float32Array | Int32Array | Uint8Array {
  const { buffer } = bytes.slice();
  if (dtype === backend.binding.TF_FLOAT) return new Float32Array(buffer);
  return dtype === backend.binding.TF_INT32 ? new Int32Array(buffer) : new Uint8Array(buffer);
}
