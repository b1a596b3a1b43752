import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, recordedCalls, tf } from '../engine/index.js';
import type { HostArrays, Program, ProgramFunction } from '../engine/index.js';
import { key, normal, uniform } from '../math/random.js';
import { spaceById } from '../spaces/spaces.js';
import { supernet } from '../supernet/supernet.js';
import type { Supernet } from '../supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../supernet/training.js';
import { countOperations, multiplyAdds } from './arithmetic.js';
import type { Arithmetic, OperationCounts } from './arithmetic.js';
import { BENCH_CLASSES, BENCH_SGD } from './shapes.js';
import type { BenchShape } from './shapes.js';

/** The timed step: forward, backward, clipping of the global norm, SGD with momentum and decay. */

export function benchNet({ space, cells, channels }: BenchShape): Supernet {
  return supernet(spaceById(space), { cells, channels, classes: BENCH_CLASSES });
}

/** The weights that every engine starts from, the same in every run. */
export function benchState(net: Supernet): HostArrays {
  const size = net.layout.size;
  return {
    omega: { shape: [size], data: net.init(key(0)) },
    momentum: { shape: [size], data: new Float32Array(size) },
  };
}

function benchFunctions(net: Supernet, { batch, image }: BenchShape): Record<'step', ProgramFunction> {
  return {
    step: {
      inputs: {
        images: { shape: [batch, image, image, 3], dtype: 'float32' },
        labels: { shape: [batch], dtype: 'int32' },
        alphas: { shape: [net.alphas], dtype: 'float32' },
        lr: { shape: [], dtype: 'float32' },
      },
      run: ({ omega, momentum }, inputs) => {
        const { loss, weights } = lossAndGradients(
          net,
          omega as Tensor1D,
          inputs.alphas as Tensor1D,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
        );
        const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, weights, inputs.lr, BENCH_SGD);
        return { outputs: { loss }, state: { omega: next.weights, momentum: next.momentum } };
      },
    },
  };
}

/** The step as a program; a call wants the loss and the new weights. */
export function benchProgram(shape: BenchShape, compiled: boolean): Program<'step'> {
  const net = benchNet(shape);
  return compile(benchState(net), benchFunctions(net, shape), { compile: compiled });
}

/** Random images and labels, and alphas as at the start of a search; the same in every run. */
export function benchInputs(shape: BenchShape): HostArrays {
  const { batch, image } = shape;
  const size = batch * image * image * 3;
  const { alphas } = benchNet(shape);
  return {
    images: { shape: [batch, image, image, 3], data: Float32Array.from(normal(key(1), size)) },
    labels: {
      shape: [batch],
      data: Int32Array.from(uniform(key(2), batch), (u) => Math.floor(BENCH_CLASSES * u)),
    },
    alphas: { shape: [alphas], data: Float32Array.from(normal(key(3), alphas), (z) => 1e-3 * z) },
    lr: { shape: [], data: Float32Array.of(BENCH_SGD.lr) },
  };
}

/** What a step consists of, counted from its recorded graph. */
export interface StepCounts extends OperationCounts {
  readonly parameters: number;
  /** Forward and backward as executed. */
  readonly multiplyAdds: Arithmetic;
  /** The forward pass alone. */
  readonly forwardMultiplyAdds: Arithmetic;
}

/** Counts a step of this shape by recording it; nothing is computed. */
export function stepCounts(shape: BenchShape): StepCounts {
  const net = benchNet(shape);
  const size = net.layout.size;
  const empty = { shape: [size], data: new Float32Array(size) };
  const calls = recordedCalls({ omega: empty, momentum: empty }, benchFunctions(net, shape), 'step');
  const step = calls({ outputs: ['loss'] });
  return {
    parameters: size,
    ...countOperations(step),
    multiplyAdds: multiplyAdds(step),
    forwardMultiplyAdds: multiplyAdds(calls({ outputs: ['loss'], update: false })),
  };
}

/** Side of the matrices whose product gives the machine's rate. */
export const PRODUCT_SIDE = 1024;

/**
 * Products of 1024×1024 float32 matrices in one session, as many at once as the session runs operations at once: what the
 * machine can do with these thread settings.
 */
export function productProgram(parallel: number): Program<'multiply'> {
  const side = PRODUCT_SIDE;
  const matrix = (n: number) => ({
    shape: [side, side],
    data: Float32Array.from(uniform(key(n), side * side), (u) => u - 0.5),
  });
  const zeros = { shape: [side, side], data: new Float32Array(side * side) };
  const numbers = Array.from({ length: parallel }, (_, i) => i);
  return compile(
    {
      a: matrix(0),
      ...Object.fromEntries(numbers.map((i) => [`b${i}`, matrix(i + 1)])),
      ...Object.fromEntries(numbers.map((i) => [`c${i}`, zeros])),
    },
    {
      multiply: {
        inputs: {},
        // The products stay in the session: fetching them would be timed as well.
        run: (state) => ({
          outputs: {},
          state: Object.fromEntries(numbers.map((i) => [`c${i}`, tf.matMul(state.a, state[`b${i}`])])),
        }),
      },
    },
  );
}
