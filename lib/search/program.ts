import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, tf } from '../engine/index.js';
import type { HostArray, Program, ProgramFunction, Tensors } from '../engine/index.js';
import { supernet } from '../supernet/supernet.js';
import type { Supernet } from '../supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../supernet/training.js';
import type { SgdSettings } from '../supernet/training.js';
import { isZeroOrder, spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/**
 * The supernet of a search as one compiled program: weights ω and momentum stay in the session, a saved copy beside them,
 * so that a candidate's fine-tuning starts from a copy inside the session and leaves no trace.
 */

/**
 * `step`: one pass, whose outputs and update can be wanted separately. The others move weights about: `unroll` and
 * `displace` take the saved ω a step along what `step` left as momentum.
 */
export type SearchFunction = 'step' | 'save' | 'begin' | 'restore' | 'coast' | 'unroll' | 'displace';

export interface SearchProgram {
  readonly net: Supernet;
  readonly program: Program<SearchFunction>;
  /** What `step` takes as alphas: alphas, or the mixing weights that they stand for. */
  readonly mixing: 'softmax' | 'given';
}

/** The part of a protocol that decides the program; searches that agree in it share one. */
interface ProgramKey extends Pick<
  SearchProtocol,
  'space' | 'cells' | 'channels' | 'batchSize' | 'partialChannels'
> {
  readonly image: number;
  readonly classes: number;
  readonly compile: boolean;
  /**
   * The weights' optimizer where it is part of the graph; where it is left out, its settings are fed with every step. Plain
   * zero-order searches keep the graph that their results were computed with: TensorFlow's optimizer orders the sums of
   * another graph otherwise, even of one that only has more inputs, and the last bits with them.
   */
  readonly weights?: SgdSettings;
  /** Whether paths are dropped, with a probability that is fed. */
  readonly dropPath: boolean;
  /** Whether mixing weights are fed instead of alphas. */
  readonly mixing: 'softmax' | 'given';
}

let latest: { readonly key: string; readonly made: SearchProgram } | undefined;

/**
 * The program for a protocol. The last one made is kept: a reproduction runs many searches on the same supernet, and
 * compiling one costs as much as dozens of its steps. Its state is whatever the last user left; write it first.
 */
export function searchProgram(protocol: SearchProtocol, classes: number, compiled: boolean): SearchProgram {
  const { space, cells, channels, batchSize, dataset, partialChannels, perturbation, stability } = protocol;
  const { momentum, weightDecay, clip } = protocol.weights;
  const dropPath = protocol.dropPath !== undefined;
  const reforms = [protocol.dropPath, partialChannels, perturbation].some((group) => group !== undefined);
  const plain = isZeroOrder(protocol.solver) && !reforms && stability?.action !== 'regularize';
  const parts: ProgramKey = {
    space,
    cells,
    channels,
    batchSize,
    ...(partialChannels ? { partialChannels } : {}),
    ...(plain ? { weights: { momentum, weightDecay, clip } } : {}),
    dropPath,
    mixing: perturbation ? 'given' : 'softmax',
    image: dataset.imageSide,
    classes,
    compile: compiled,
  };
  const key = JSON.stringify(parts);
  if (latest?.key !== key) {
    latest?.made.program.dispose();
    latest = { key, made: makeProgram(parts) };
  }
  return latest.made;
}

function makeProgram(parts: ProgramKey): SearchProgram {
  const net = supernet(spaceOf(parts), parts);
  const size = net.layout.size;
  const zeros = (): HostArray => ({ shape: [size], data: new Float32Array(size) });
  const state = { omega: zeros(), momentum: zeros(), savedOmega: zeros(), savedMomentum: zeros() };
  const program = compile(state, searchFunctions(net, parts), { compile: parts.compile });
  return { net, program, mixing: parts.mixing };
}

/** The functions of a program; those of the second order only where the optimizer's settings are fed. */
function searchFunctions(
  net: Supernet,
  { batchSize, image, weights, dropPath, mixing }: ProgramKey,
): Record<SearchFunction, ProgramFunction> {
  const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const lr = float();
  const fed = weights ? {} : { momentumShare: float(), weightDecay: float() };
  const sgdSettings = ({ momentumShare, weightDecay, clip }: Tensors): SgdSettings =>
    weights ?? { momentum: momentumShare, weightDecay, clip };
  const functions: Partial<Record<SearchFunction, ProgramFunction>> = {
    // Training step, α-gradient and validation loss are one function: a call computes only what it asks for.
    step: {
      inputs: {
        images: float(batchSize, image, image, 3),
        labels: { shape: [batchSize], dtype: 'int32' },
        alphas: float(net.alphas),
        lr,
        noiseSeed: { shape: [2], dtype: 'int32' },
        ...(weights ? {} : { ...fed, clip: float() }),
        ...(dropPath ? { dropPath: float() } : {}),
      },
      run: ({ omega, momentum }, inputs) => {
        const gradients = lossAndGradients(
          net,
          omega as Tensor1D,
          inputs.alphas as Tensor1D,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
          {
            noiseSeed: inputs.noiseSeed as Tensor1D,
            ...(dropPath ? { dropPath: inputs.dropPath } : {}),
            mixing,
          },
        );
        const { loss, correct, alphas } = gradients;
        const settings = sgdSettings(inputs);
        const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, gradients.weights, inputs.lr, settings);
        return {
          outputs: { loss, correct, alphaGradient: alphas, gradientNorm: next.gradientNorm },
          state: { omega: next.weights, momentum: next.momentum },
        };
      },
    },
    save: {
      inputs: {},
      run: ({ omega, momentum }) => ({ outputs: {}, state: { savedOmega: omega, savedMomentum: momentum } }),
    },
    begin: {
      inputs: {},
      run: ({ savedOmega }) => ({
        outputs: {},
        state: { omega: savedOmega, momentum: tf.zeros([net.layout.size]) },
      }),
    },
    restore: {
      inputs: {},
      run: ({ savedOmega, savedMomentum }) => ({
        outputs: {},
        state: { omega: savedOmega, momentum: savedMomentum },
      }),
    },
    // The released script's fault: the base weights' optimizer steps without a gradient.
    coast: {
      inputs: { lr, ...fed },
      run: ({ omega, momentum }, inputs) => {
        const settings = { ...sgdSettings(inputs), clip: null };
        const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, undefined, inputs.lr, settings);
        return { outputs: {}, state: { omega: next.weights, momentum: next.momentum } };
      },
    },
  };
  if (!weights) {
    // ω' = ω − ξ·(share·buffer + ∇_ω L + decay·ω); the gradient stands in `momentum`, ω and its buffer are the saved ones.
    functions.unroll = {
      inputs: { lr, ...fed },
      run: ({ momentum: gradient, savedOmega, savedMomentum }, inputs) => {
        const decayed = tf.add(gradient, tf.mul(savedOmega, inputs.weightDecay));
        const step = tf.add(tf.mul(savedMomentum, inputs.momentumShare), decayed);
        return { outputs: {}, state: { omega: tf.sub(savedOmega, tf.mul(step, inputs.lr)) } };
      },
    };
    // ω ± R·v from the saved ω; v stands in `momentum`.
    functions.displace = {
      inputs: { by: float() },
      run: ({ momentum: direction, savedOmega }, { by }) => ({
        outputs: {},
        state: { omega: tf.add(savedOmega, tf.mul(direction, by)) },
      }),
    };
  }
  return functions as Record<SearchFunction, ProgramFunction>;
}
