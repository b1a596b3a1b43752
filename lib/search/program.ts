import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, tf } from '../engine/index.js';
import type { HostArrays, Program, ProgramFunction, Tensors } from '../engine/index.js';
import { keepLatest } from '../latest.js';
import { initialStatistics, runningStatistics, trainingStatistics } from '../supernet/statistics.js';
import { supernet } from '../supernet/supernet.js';
import type { Mixing, PassOptions, Supernet } from '../supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../supernet/training.js';
import type { SgdSettings } from '../supernet/training.js';
import { isDrawn, spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/**
 * A supernet as one compiled program: weights ω and momentum stay in the session, a saved copy beside them, so that a
 * candidate's fine-tuning starts from a copy inside the session and leaves no trace.
 */

/**
 * `step`: one pass in training mode, whose outputs and update can be wanted separately. `observe` moves running statistics
 * by those of a batch, `evaluate` reads a loss with them. The others move weights about: `unroll` and `displace` take the
 * saved ω a step along what `step` left as momentum.
 */
export type SearchFunction =
  'step' | 'save' | 'begin' | 'restore' | 'coast' | 'unroll' | 'displace' | 'observe' | 'evaluate';

/** How a program normalizes and mixes. */
export interface ProgramForm {
  /** What `step` takes as alphas: alphas, or the mixing weights that they stand for. */
  readonly mixing: Mixing;
  /** How batch norm normalizes where losses are read: by the batch's own statistics, or running ones kept beside ω. */
  readonly statistics: 'batch' | 'running';
  /** Whether paths are dropped, with a probability that is fed. */
  readonly dropPath: boolean;
}

export interface SearchProgram extends Pick<ProgramForm, 'mixing' | 'statistics'> {
  readonly net: Supernet;
  readonly program: Program<SearchFunction>;
}

/** What every program of a supernet depends on. */
export interface SupernetParts extends Pick<
  SearchProtocol,
  'space' | 'cells' | 'channels' | 'batchSize' | 'partialChannels'
> {
  readonly image: number;
  readonly classes: number;
  readonly compile: boolean;
  /** Whether SGD's momentum is Nesterov's. */
  readonly nesterov?: boolean;
}

/** The parts of a protocol's supernet. */
export function supernetParts(
  { space, cells, channels, batchSize, partialChannels, dataset, weights }: SearchProtocol,
  classes: number,
  compiled: boolean,
): SupernetParts {
  const optional = {
    ...(partialChannels && { partialChannels }),
    ...(weights.nesterov && { nesterov: true }),
  };
  const image = dataset.imageSide;
  return { space, cells, channels, batchSize, ...optional, image, classes, compile: compiled };
}

/** Inputs of a pass in the order of the graph; what a function takes beside them is said after `alphas`. */
export function passInputs({ batchSize, image }: SupernetParts, net: Supernet) {
  return {
    images: float(batchSize, image, image, 3),
    labels: { shape: [batchSize], dtype: 'int32' as const },
    alphas: float(net.alphas),
    noiseSeed: { shape: [2], dtype: 'int32' as const },
  };
}

function float(...shape: number[]) {
  return { shape, dtype: 'float32' as const };
}

/** Frees the program of what is forgotten. */
const dispose = ({ program }: { readonly program: Program<never> }): void => {
  program.dispose();
};

const kept = {
  batch: keepLatest<SearchProgram>(dispose),
  running: keepLatest<SearchProgram>(dispose),
};

/**
 * The program of a search. Searches that agree in what it depends on share one: the last one made is kept. Its state is
 * whatever the last user left; write it first.
 */
export function searchProgram(protocol: SearchProtocol, classes: number, compiled: boolean): SearchProgram {
  const { perturbation, solver } = protocol;
  return supernetProgram(supernetParts(protocol, classes, compiled), {
    // A single architecture of two cells is mixing weights that no alphas stand for.
    mixing: perturbation ? 'given' : isDrawn(solver) ? 'single' : 'softmax',
    statistics: protocol.normalization ?? 'batch',
    dropPath: protocol.dropPath !== undefined,
  });
}

/** The program of a supernet; shared and kept as {@link searchProgram}'s are, those with running statistics by themselves. */
export function supernetProgram(parts: SupernetParts, form: ProgramForm): SearchProgram {
  return kept[form.statistics]([parts, form], () => newSupernetProgram(parts, form));
}

/** A program of a supernet that nobody shares; whoever asks for it disposes of it. */
export function newSupernetProgram(parts: SupernetParts, form: ProgramForm): SearchProgram {
  const net = supernet(spaceOf(parts), parts);
  const initial = initialState(net, form);
  const program = compile(initial, searchFunctions(net, parts, form), { compile: parts.compile });
  return { net, program, mixing: form.mixing, statistics: form.statistics };
}

/** The name of a state entry's saved copy. */
const saved = (name: string): string => `saved${name[0].toUpperCase()}${name.slice(1)}`;

function initialState(net: Supernet, { statistics }: ProgramForm): HostArrays {
  const weights = new Float32Array(net.layout.size);
  const running = statistics === 'running' ? initialStatistics(net.normalizations) : {};
  const state = Object.entries({ omega: weights, momentum: weights, ...running }).map(
    ([name, data]) => [name, { shape: [data.length], data }] as const,
  );
  return Object.fromEntries([...state, ...state.map(([name, value]) => [saved(name), value] as const)]);
}

/** The functions of a program; the optimizer's settings are fed with every step. */
function searchFunctions(
  net: Supernet,
  parts: SupernetParts,
  { dropPath, mixing, statistics }: ProgramForm,
): Record<SearchFunction, ProgramFunction> {
  const { images, labels, alphas, noiseSeed } = passInputs(parts, net);
  const lr = float();
  const optimizer = { lr, momentumShare: float(), weightDecay: float() };
  const sgdSettings = ({ momentumShare, weightDecay, clip }: Tensors): SgdSettings => ({
    momentum: momentumShare,
    weightDecay,
    clip,
    ...(parts.nesterov && { nesterov: true }),
  });
  const running = statistics === 'running';
  const entries = ['omega', 'momentum', ...(running ? ['mean', 'variance'] : [])];
  const pass = ({ omega }: Tensors, inputs: Tensors, options: PassOptions = {}) =>
    lossAndGradients(
      net,
      omega as Tensor1D,
      inputs.alphas as Tensor1D,
      inputs.images as Tensor4D,
      inputs.labels as Tensor1D,
      {
        noiseSeed: inputs.noiseSeed as Tensor1D,
        ...(dropPath ? { dropPath: inputs.dropPath } : {}),
        mixing,
        ...options,
      },
    );
  /** A pass in training mode, and the running statistics after it. */
  const trainingPass = (state: Tensors, inputs: Tensors) => {
    if (!running) return { passed: pass(state, inputs), moved: {} };
    const { normalization, moved } = trainingStatistics(net.normalizations, state);
    const passed = pass(state, inputs, { normalization });
    return { passed, moved: moved() };
  };
  const restored = (state: Tensors) => Object.fromEntries(entries.map((name) => [name, state[saved(name)]]));
  const functions: Partial<Record<SearchFunction, ProgramFunction>> = {
    // Training step, α-gradient and validation loss are one function: a call computes only what it asks for.
    step: {
      inputs: {
        images,
        labels,
        alphas,
        noiseSeed,
        ...optimizer,
        clip: float(),
        ...(dropPath ? { dropPath: float() } : {}),
      },
      run: (state, inputs) => {
        const { passed, moved } = trainingPass(state, inputs);
        const [omega, momentum] = [state.omega as Tensor1D, state.momentum as Tensor1D];
        const next = sgdStep(omega, momentum, passed.weights, inputs.lr, sgdSettings(inputs));
        const { loss, correct, alphas: alphaGradient } = passed;
        return {
          outputs: { loss, correct, alphaGradient, gradientNorm: next.gradientNorm },
          state: { omega: next.weights, momentum: next.momentum, ...moved },
        };
      },
    },
    save: {
      inputs: {},
      run: (state) => ({
        outputs: {},
        state: Object.fromEntries(entries.map((name) => [saved(name), state[name]])),
      }),
    },
    begin: {
      inputs: {},
      run: (state) => ({
        outputs: {},
        state: { ...restored(state), momentum: tf.zeros([net.layout.size]) },
      }),
    },
    restore: { inputs: {}, run: (state) => ({ outputs: {}, state: restored(state) }) },
    // The released script's fault: the base weights' optimizer steps without a gradient.
    coast: {
      inputs: optimizer,
      run: ({ omega, momentum }, inputs) => {
        const settings = { ...sgdSettings(inputs), clip: null };
        const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, undefined, inputs.lr, settings);
        return { outputs: {}, state: { omega: next.weights, momentum: next.momentum } };
      },
    },
    // ω' = ω − ξ·(share·buffer + ∇_ω L + decay·ω); the gradient stands in `momentum`, ω and its buffer are the saved ones.
    unroll: {
      inputs: optimizer,
      run: ({ momentum: gradient, savedOmega, savedMomentum }, inputs) => {
        const decayed = tf.add(gradient, tf.mul(savedOmega, inputs.weightDecay));
        const step = tf.add(tf.mul(savedMomentum, inputs.momentumShare), decayed);
        return { outputs: {}, state: { omega: tf.sub(savedOmega, tf.mul(step, inputs.lr)) } };
      },
    },
    // ω ± R·v from the saved ω; v stands in `momentum`.
    displace: {
      inputs: { by: float() },
      run: ({ momentum: direction, savedOmega }, { by }) => ({
        outputs: {},
        state: { omega: tf.add(savedOmega, tf.mul(direction, by)) },
      }),
    },
  };
  if (running) {
    const inputs = { images, labels, alphas, noiseSeed };
    functions.observe = {
      inputs,
      run: (state, given) => ({ outputs: {}, state: trainingPass(state, given).moved }),
    };
    functions.evaluate = {
      inputs,
      run: (state, given) => {
        const normalization = runningStatistics(net.normalizations, state);
        const { loss, correct, alphas: alphaGradient } = pass(state, given, { normalization });
        return { outputs: { loss, correct, alphaGradient } };
      },
    };
  }
  return functions as Record<SearchFunction, ProgramFunction>;
}
