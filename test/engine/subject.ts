import { expect } from 'chai';
import type { Tensor } from '@tensorflow/tfjs-node';
import { compile, tf } from '../../lib/engine/index.js';
import type { HostArray, HostArrays } from '../../lib/engine/index.js';
import { key, normal, split } from '../../lib/math/random.js';
import * as reference from './reference.js';
import { sizeOf } from './reference.js';
import type { Values } from './reference.js';

/** One kernel at one setting: its float inputs' shapes, the kernel, and what it should compute. */
export interface Subject {
  readonly inputs: readonly (readonly number[])[];
  readonly kernel: (...inputs: Tensor[]) => Tensor;
  readonly definition: (...inputs: Values[]) => Values;
}

export const host = ({ shape, data }: Values): HostArray => ({ shape, data: Float32Array.from(data) });
export const random = (seed: number, shapes: readonly (readonly number[])[]): Values[] =>
  split(key(seed), shapes.length).map((from, i) => ({
    shape: shapes[i],
    // Float32 values, so that the kernel and its definition begin with the same numbers.
    data: normal(from, sizeOf(shapes[i])).map(Math.fround),
  }));

/** Output and input gradients of the kernel for a cotangent, in one form. */
export function evaluate(
  { kernel }: Subject,
  inputs: readonly Values[],
  cotangent: Values,
  compiled: boolean,
) {
  const arrays: HostArrays = {
    ...Object.fromEntries(inputs.map((input, i) => [`x${i}`, host(input)])),
    dy: host(cotangent),
  };
  const specs = Object.fromEntries(
    Object.entries(arrays).map(([name, { shape }]) => [name, { shape, dtype: 'float32' as const }]),
  );
  const names = inputs.map((_, i) => `x${i}`);
  const pass = {
    inputs: specs,
    run: (_: unknown, given: Readonly<Record<string, Tensor>>) => {
      const { value, grads } = tf.valueAndGrads(kernel)(
        names.map((name) => given[name]),
        given.dy,
      );
      return { outputs: { y: value, ...Object.fromEntries(grads.map((grad, i) => [`g${i}`, grad])) } };
    },
  };
  const program = compile({}, { pass }, { compile: compiled });
  try {
    const { y, ...grads } = program.call('pass', arrays);
    return { y, gradients: names.map((_, i) => grads[`g${i}`]) };
  } finally {
    program.dispose();
  }
}

/** A few float32 roundings of a sum of `terms` numbers as large as the largest. */
export function close(found: HostArray, expected: Values, what: string, terms: number): void {
  expect([...found.shape], what).to.deep.equal([...expected.shape]);
  const largest = expected.data.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  const tolerance = 2e-7 * largest * (8 + Math.sqrt(terms) * 4);
  expected.data.forEach((value, i) => {
    if (!(Math.abs(found.data[i] - value) <= tolerance)) {
      expect.fail(`${what}[${i}] is ${found.data[i]}, expected ${value} ± ${tolerance}`);
    }
  });
}

/** Both forms of a kernel against its definition: values, and gradients against central differences. */
export function check(subject: Subject, seed: number): void {
  const inputs = random(seed, subject.inputs);
  const expected = subject.definition(...inputs);
  const [cotangent] = random(seed + 1, [expected.shape]);
  const slopes = reference.gradients((moved) => subject.definition(...moved), inputs, cotangent.data);
  const terms = Math.max(...inputs.map(({ data }) => data.length));
  for (const compiled of [false, true]) {
    const form = compiled ? 'compiled' : 'eager';
    const { y, gradients } = evaluate(subject, inputs, cotangent, compiled);
    close(y, expected, `${form} y`, terms);
    gradients.forEach((gradient, i) => {
      const slope = { shape: inputs[i].shape, data: slopes[i] };
      close(gradient, slope, `${form} gradient of input ${i}`, terms);
    });
  }
}
