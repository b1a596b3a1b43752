import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, tf } from '../engine/index.js';
import type { HostArray, HostArrays, Program, ProgramFunction, Tensors } from '../engine/index.js';
import type { Vec } from '../math/vec.js';
import {
  CollectedStatistics,
  flatStatistics,
  initialStatistics,
  movedStatistics,
  statisticsByName,
} from '../supernet/statistics.js';
import { supernet } from '../supernet/supernet.js';
import type { Normalization, Supernet } from '../supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../supernet/training.js';
import { spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';
import type { Pass, SgdStep } from './session.js';

/** What the program does; see {@link RunningSession}. */
type RunningFunction = 'observe' | 'step' | 'evaluate' | 'save' | 'begin' | 'restore';

/** What stays in the session, and what is saved beside it. */
const STATE = ['omega', 'momentum', 'mean', 'variance'] as const;
const SAVED = ['savedOmega', 'savedMomentum', 'savedMean', 'savedVariance'] as const;

/** The part of a protocol that decides the program. */
type ProgramParts = Pick<SearchProtocol, 'space' | 'cells' | 'channels' | 'batchSize' | 'partialChannels'> & {
  readonly image: number;
  readonly classes: number;
  readonly compile: boolean;
};

interface RunningProgram {
  readonly net: Supernet;
  readonly program: Program<RunningFunction>;
}

let latest: { readonly key: string; readonly made: RunningProgram } | undefined;

/** The program for a supernet; the last one made is kept. */
function runningProgram(parts: ProgramParts): RunningProgram {
  const key = JSON.stringify(parts);
  if (latest?.key !== key) {
    latest?.made.program.dispose();
    const net = supernet(spaceOf(parts), parts);
    const vector = (data: Float32Array): HostArray => ({ shape: [data.length], data });
    const { mean, variance } = initialStatistics(net.normalizations);
    const weights = new Float32Array(net.layout.size);
    const initial = [weights, weights, mean, variance].map(vector);
    const state = Object.fromEntries(
      [...STATE, ...SAVED].map((name, i) => [name, initial[i % STATE.length]]),
    );
    latest = { key, made: { net, program: compile(state, runningFunctions(net, parts), parts) } };
  }
  return latest.made;
}

function runningFunctions(
  net: Supernet,
  { batchSize, image }: ProgramParts,
): Record<RunningFunction, ProgramFunction> {
  const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const inputs = {
    images: float(batchSize, image, image, 3),
    labels: { shape: [batchSize], dtype: 'int32' as const },
    alphas: float(net.alphas),
    noiseSeed: { shape: [2], dtype: 'int32' as const },
  };
  const sgd = { lr: float(), momentumShare: float(), weightDecay: float(), clip: float() };
  const pass = (omega: Tensor, given: Tensors, normalization: Normalization) =>
    lossAndGradients(
      net,
      omega as Tensor1D,
      given.alphas as Tensor1D,
      given.images as Tensor4D,
      given.labels as Tensor1D,
      { noiseSeed: given.noiseSeed as Tensor1D, normalization },
    );
  const copied = (to: readonly string[], from: readonly string[]) => (state: Tensors) =>
    Object.fromEntries(to.map((name, i) => [name, state[from[i]]]));
  /** A pass in training mode, and the running statistics after it. */
  const trainingPass = ({ omega, mean, variance }: Tensors, given: Tensors) => {
    const into = new CollectedStatistics();
    const passed = pass(omega, given, { kind: 'collect', into });
    const now = flatStatistics(net.normalizations, into.release());
    const moved = {
      mean: movedStatistics(mean, now.mean),
      variance: movedStatistics(variance, now.variance),
    };
    return { passed, moved };
  };
  return {
    observe: {
      inputs,
      run: (state, given) => ({ outputs: {}, state: trainingPass(state, given).moved }),
    },
    step: {
      inputs: { ...inputs, ...sgd },
      run: (state, given) => {
        const { passed, moved } = trainingPass(state, given);
        const { momentumShare: momentum, weightDecay, clip } = given;
        const next = sgdStep(state.omega as Tensor1D, state.momentum as Tensor1D, passed.weights, given.lr, {
          momentum,
          weightDecay,
          clip,
        });
        return { outputs: {}, state: { omega: next.weights, momentum: next.momentum, ...moved } };
      },
    },
    evaluate: {
      inputs,
      run: ({ omega, mean, variance }, given) => {
        const running = { mean: mean as Tensor1D, variance: variance as Tensor1D };
        const statistics = statisticsByName(net.normalizations, running);
        const { loss, alphas } = pass(omega, given, { kind: 'running', statistics });
        return { outputs: { loss, alphaGradient: alphas } };
      },
    },
    save: { inputs: {}, run: (state) => ({ outputs: {}, state: copied(SAVED, STATE)(state) }) },
    restore: { inputs: {}, run: (state) => ({ outputs: {}, state: copied(STATE, SAVED)(state) }) },
    begin: {
      inputs: {},
      run: (state) => ({
        outputs: {},
        state: { ...copied(STATE, SAVED)(state), momentum: tf.zeros([net.layout.size]) },
      }),
    },
  };
}

/**
 * A supernet's weights with running statistics of its batch norms, in a compiled program. Steps are taken in training mode,
 * with the statistics of their batch, and move the running ones as PyTorch does; losses and gradients are read with these.
 * A search's session (./session.ts) has no running statistics; what is named alike does the same.
 */
export class RunningSession {
  private readonly program: Program<RunningFunction>;
  private readonly net: Supernet;

  constructor(protocol: SearchProtocol, classes: number, compiled: boolean) {
    const { space, cells, channels, batchSize, partialChannels, dataset } = protocol;
    const made = runningProgram({
      space,
      cells,
      channels,
      batchSize,
      ...(partialChannels ? { partialChannels } : {}),
      image: dataset.imageSide,
      classes,
      compile: compiled,
    });
    this.program = made.program;
    this.net = made.net;
  }

  /** Running statistics as they are before the first batch. */
  forget(): void {
    const { mean, variance } = initialStatistics(this.net.normalizations);
    this.program.write({
      mean: { shape: [mean.length], data: mean },
      variance: { shape: [variance.length], data: variance },
    });
  }

  /** Moves the running statistics by those of a batch; nothing else. */
  observe(pass: Pass): void {
    this.program.call('observe', passInputs(pass));
  }

  /** One SGD step on ω. */
  tune(pass: Pass, { lr, momentum, weightDecay, clip }: SgdStep): void {
    const settings = { lr, momentumShare: momentum, weightDecay, clip: clip ?? Infinity };
    const scalars = Object.entries(settings).map(([name, value]) => [
      name,
      { shape: [], data: Float32Array.of(value) },
    ]);
    this.program.call('step', {
      ...passInputs(pass),
      ...(Object.fromEntries(scalars) as HostArrays),
    });
  }

  /** The loss at (ω, α) in nats. */
  loss(pass: Pass): number {
    return this.program.call('evaluate', passInputs(pass), { outputs: ['loss'] }).loss.data[0];
  }

  /** ∇_α L at ω as it is, [d]. */
  gradient(pass: Pass): Vec {
    const { alphaGradient } = this.program.call('evaluate', passInputs(pass), { outputs: ['alphaGradient'] });
    return Float64Array.from(alphaGradient.data);
  }

  /** Weights and statistics as they are are what {@link begin} and {@link restore} go back to. */
  save(): void {
    this.program.call('save');
  }

  /** What was saved, with an empty momentum. */
  begin(): void {
    this.program.call('begin');
  }

  /** What was saved. */
  restore(): void {
    this.program.call('restore');
  }

  /** ω and its momentum, [P] each. */
  readWeights(): { omega: Float32Array; momentum: Float32Array } {
    const { omega, momentum } = this.program.read(['omega', 'momentum']);
    return { omega: omega.data as Float32Array, momentum: momentum.data as Float32Array };
  }

  writeWeights(omega: Float32Array, momentum: Float32Array): void {
    const shape = [omega.length];
    this.program.write({ omega: { shape, data: omega }, momentum: { shape, data: momentum } });
  }
}

function passInputs({ batch, alpha, noise }: Pass): HostArrays {
  return {
    ...batch,
    alphas: { shape: [alpha.length], data: Float32Array.from(alpha) },
    noiseSeed: { shape: [2], data: Int32Array.of(noise[0], noise[1]) },
  };
}
