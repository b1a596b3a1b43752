import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, recordedCalls, tf } from '../../lib/engine/index.js';
import type { HostArrays, Program, ProgramFunction } from '../../lib/engine/index.js';
import { derivedNetwork } from '../../lib/evaluation/network.js';
import { trainingFunctions, zeroState } from '../../lib/evaluation/program.js';
import { key, normal, uniform } from '../../lib/math/random.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { spaceById } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../../lib/supernet/training.js';
import type { WeightLayout } from '../../lib/supernet/weights.js';
import { countOperations, multiplyAdds } from './arithmetic.js';
import type { Arithmetic, OperationCounts } from './arithmetic.js';
import { peerDerivedNetwork, peerSupernet } from './peer-network.js';
import { BENCH_CLASSES, BENCH_SGD, isRetraining } from './shapes.js';
import type { BenchShape, RetrainShape, SearchShape } from './shapes.js';

/** The timed step: forward, backward, clipping of the global norm, SGD with momentum and decay. */
export interface BenchStep {
  readonly layout: WeightLayout;
  /** Weights, momentum and what else is kept between steps; every engine starts from these, the same in every run. */
  readonly state: HostArrays;
  /** Name of the weights among them. */
  readonly weights: string;
  readonly functions: Readonly<Record<'step', ProgramFunction>>;
  /** Random images and labels, the same in every run. */
  readonly inputs: HostArrays;
  /** The network as a peer builds it (see {@link ./peer-network.ts}). */
  readonly network: object;
}

/** The step of a shape. */
export function benchStep(shape: BenchShape): BenchStep {
  return isRetraining(shape) ? retrainStep(shape) : searchStep(shape);
}

/** The supernet of a search's step. */
export function benchNet({ space, cells, channels }: SearchShape): Supernet {
  return supernet(spaceById(space), { cells, channels, classes: BENCH_CLASSES });
}

/** What every step takes. */
function commonInputs({ batch, image }: BenchShape): HostArrays {
  const size = batch * image * image * 3;
  return {
    images: { shape: [batch, image, image, 3], data: Float32Array.from(normal(key(1), size)) },
    labels: {
      shape: [batch],
      data: Int32Array.from(uniform(key(2), batch), (u) => Math.floor(BENCH_CLASSES * u)),
    },
    lr: { shape: [], data: Float32Array.of(BENCH_SGD.lr) },
  };
}

/** A search's step on ω; the alphas are as at its start and stay. */
function searchStep(shape: SearchShape): BenchStep {
  const { batch, image } = shape;
  const net = benchNet(shape);
  const { size } = net.layout;
  const step: ProgramFunction = {
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
  };
  const alphas = Float32Array.from(normal(key(3), net.alphas), (z) => 1e-3 * z);
  return {
    layout: net.layout,
    state: {
      omega: { shape: [size], data: net.init(key(0)) },
      momentum: { shape: [size], data: new Float32Array(size) },
    },
    weights: 'omega',
    functions: { step },
    inputs: { ...commonInputs(shape), alphas: { shape: [net.alphas], data: alphas } },
    network: peerSupernet(net),
  };
}

/**
 * A step of a derived network's training as the paper does it: auxiliary head, running statistics, drop path. Its
 * probability is 0, as in the first epoch: all its work is done, and engines with other random numbers see the same loss.
 */
function retrainStep(shape: RetrainShape): BenchStep {
  const { genotype, cells, channels, batch, image } = shape;
  const network = {
    kind: 'genotype',
    genotype: KNOWN_GENOTYPES[genotype],
    form: 'cifar',
    cells,
    channels,
    auxiliaryWeight: AUXILIARY_WEIGHT,
    dropPath: 0.2,
  } as const;
  const net = derivedNetwork(network.genotype, { ...network, classes: BENCH_CLASSES }, true);
  const { train } = trainingFunctions(net, {
    network,
    batchSize: batch,
    image,
    labelSmoothing: 0,
    sgd: BENCH_SGD,
  });
  const state = zeroState(net);
  return {
    layout: net.layout,
    state: { ...state, weights: { ...state.weights, data: net.init(key(0)) } },
    weights: 'weights',
    functions: { step: train },
    inputs: {
      ...commonInputs(shape),
      seed: { shape: [2], data: Int32Array.of(0, 1) },
      dropPath: { shape: [], data: Float32Array.of(0) },
    },
    network: peerDerivedNetwork(net, AUXILIARY_WEIGHT),
  };
}

/** Weight of the auxiliary head's loss (paper B.2). */
const AUXILIARY_WEIGHT = 0.4;

/** The step as a program; a call wants the loss and the new weights. */
export function benchProgram({ state, functions }: BenchStep, compiled: boolean): Program<'step'> {
  return compile(state, functions, { compile: compiled });
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
  const { layout, state, functions } = benchStep(shape);
  const calls = recordedCalls(state, functions, 'step');
  const step = calls({ outputs: ['loss'] });
  return {
    parameters: layout.size,
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
