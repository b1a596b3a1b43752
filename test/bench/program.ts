import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, recordedCalls, tf } from '../../lib/engine/index.js';
import type { HostArrays, Program, ProgramFunction } from '../../lib/engine/index.js';
import { derivedNetwork } from '../../lib/evaluation/network.js';
import type { DerivedNetwork } from '../../lib/evaluation/network.js';
import { trainingFunctions, zeroState } from '../../lib/evaluation/program.js';
import { key, normal, uniform } from '../../lib/math/random.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { reductionCells, spaceById } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../../lib/supernet/training.js';
import type { WeightLayout } from '../../lib/supernet/weights.js';
import { bytesMoved, countOperations, multiplyAdds } from './arithmetic.js';
import type { Arithmetic, OperationCounts } from './arithmetic.js';
import { specsOf } from '../parity/network-case.js';
import {
  BENCH_CLASSES,
  BENCH_SGD,
  BENCH_SHAPES,
  BENCH_SHAPE_NAMES,
  PRODUCT_SIDE,
  SUM_LENGTH,
  isRetraining,
  shapesOf,
} from './shapes.js';
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
  /** The network as a peer builds it. */
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
  const net = benchNet(shape);
  const { size } = net.layout;
  const alphas = Float32Array.from(normal(key(3), net.alphas), (z) => 1e-3 * z);
  const inputs = { ...commonInputs(shape), alphas: { shape: [net.alphas], data: alphas } };
  const step: ProgramFunction = {
    inputs: specsOf(inputs),
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
  return {
    layout: net.layout,
    state: {
      omega: { shape: [size], data: net.init(key(0)) },
      momentum: { shape: [size], data: new Float32Array(size) },
    },
    weights: 'omega',
    functions: { step },
    inputs,
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
  /** Bytes that its operations read and write, forward and backward. */
  readonly bytes: number;
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
    bytes: bytesMoved(step),
  };
}

/** What a regression of the graph is judged by: numbers without noise. */
export type GraphCounts = Readonly<Record<string, OperationCounts>>;

/**
 * Operations and kernels of one step of each shape, by recording alone.
 *
 * @param names  Names of shapes. Default: all.
 * @throws {UsageError} for an unknown shape.
 */
export function graphCounts(names: readonly string[] = BENCH_SHAPE_NAMES): GraphCounts {
  const counts = shapesOf(names).map((name) => {
    const { operations, kernels } = stepCounts(BENCH_SHAPES[name]);
    return [name, { operations, kernels }] as const;
  });
  return Object.fromEntries(counts);
}

/**
 * Products of 1024×1024 float32 matrices in one session, as many at once as the session runs operations at once: what the
 * machine can do with these thread settings.
 */
export function productProgram(parallel: number): Program<'compute'> {
  const size = PRODUCT_SIDE ** 2;
  const matrix = (n: number) => Float32Array.from(uniform(key(n), size), (u) => u - 0.5);
  return atOnce(parallel, [PRODUCT_SIDE, PRODUCT_SIDE], matrix, (a, b) => tf.matMul(a, b));
}

/** Sums of vectors too long for any cache, in the same way: how fast memory is read and written. */
export function sumProgram(parallel: number): Program<'compute'> {
  return atOnce(parallel, [SUM_LENGTH], () => new Float32Array(SUM_LENGTH).fill(1), tf.add);
}

/** c_i = f(a, b_i) for as many i as said, each in an operation of its own. */
function atOnce(
  parallel: number,
  shape: readonly number[],
  values: (n: number) => Float32Array,
  f: (a: Tensor, b: Tensor) => Tensor,
): Program<'compute'> {
  const numbers = Array.from({ length: parallel }, (_, i) => i);
  const given = (n: number) => ({ shape, data: values(n) });
  return compile(
    {
      a: given(0),
      ...Object.fromEntries(numbers.map((i) => [`b${i}`, given(i + 1)])),
      ...Object.fromEntries(numbers.map((i) => [`c${i}`, given(0)])),
    },
    {
      compute: {
        inputs: {},
        // The results stay in the session: fetching them would be timed as well.
        run: (state) => ({
          outputs: {},
          state: Object.fromEntries(numbers.map((i) => [`c${i}`, f(state.a, state[`b${i}`])])),
        }),
      },
    },
  );
}

/** A supernet as the peer builds it. */
export function peerSupernet({ space, shape }: Supernet) {
  const { nodes, edges, skeleton } = space;
  const { cells, channels, classes } = shape;
  return { skeleton, nodes, edges, cells, channels, classes, reductions: reductionCells(cells) };
}

/** A derived network as the peer builds it; without auxiliary head where it has none. */
export function peerDerivedNetwork({ genotype, plan, auxiliary }: DerivedNetwork, auxiliaryWeight: number) {
  if (!plan) throw new Error('the peer builds networks of DARTS only');
  const { cells, classes } = plan;
  return {
    genotype,
    cells: cells.length,
    stem: plan.stem[0],
    widths: cells.map(({ width }) => width),
    classes,
    reductions: reductionCells(cells.length),
    auxiliary: auxiliary ? { cell: plan.auxiliaryCell, weight: auxiliaryWeight } : null,
  };
}

/** Where parameters lie in our flat weight vector. */
export function peerParameters({ parameters }: WeightLayout) {
  return parameters.map(({ name, shape, offset, size }) => ({ name, shape, offset, size }));
}
