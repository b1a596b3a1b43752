import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, tf } from '../engine/index.js';
import type { HostArray, Program, ProgramFunction } from '../engine/index.js';
import { spaceById } from '../spaces/spaces.js';
import { supernet } from '../supernet/supernet.js';
import type { Supernet } from '../supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../supernet/training.js';
import type { SgdSettings } from '../supernet/training.js';
import type { SearchProtocol } from './protocol.js';

/**
 * The supernet of a search as one compiled program: weights ω and momentum stay in the session, a saved copy beside them,
 * so that a candidate's fine-tuning starts from a copy inside the session and leaves no trace.
 */

/** `step`: one pass, whose outputs and update can be wanted separately; the others move weights about. */
export type SearchFunction = 'step' | 'save' | 'begin' | 'restore' | 'coast';

export interface SearchProgram {
  readonly net: Supernet;
  readonly program: Program<SearchFunction>;
}

/** The part of a protocol that decides the program; searches that agree in it share one. */
type ProgramKey = Pick<SearchProtocol, 'space' | 'cells' | 'channels' | 'batchSize' | 'weights'> & {
  readonly image: number;
  readonly classes: number;
  readonly compile: boolean;
};

let latest: { readonly key: string; readonly made: SearchProgram } | undefined;

/**
 * The program for a protocol. The last one made is kept: a reproduction runs many searches on the same supernet, and
 * compiling one costs as much as dozens of its steps. Its state is whatever the last user left; write it first.
 */
export function searchProgram(protocol: SearchProtocol, classes: number, compiled: boolean): SearchProgram {
  const { space, cells, channels, batchSize, weights, dataset } = protocol;
  const parts: ProgramKey = {
    space,
    cells,
    channels,
    batchSize,
    weights,
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
  const net = supernet(spaceById(parts.space), parts);
  const size = net.layout.size;
  const zeros = (): HostArray => ({ shape: [size], data: new Float32Array(size) });
  const state = { omega: zeros(), momentum: zeros(), savedOmega: zeros(), savedMomentum: zeros() };
  const program = compile(state, searchFunctions(net, parts), { compile: parts.compile });
  return { net, program };
}

function searchFunctions(
  net: Supernet,
  { batchSize, image, weights }: ProgramKey,
): Record<SearchFunction, ProgramFunction> {
  const sgd: SgdSettings = weights;
  const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  return {
    // Training step, α-gradient and validation loss are one function: a call computes only what it asks for.
    step: {
      inputs: {
        images: float(batchSize, image, image, 3),
        labels: { shape: [batchSize], dtype: 'int32' },
        alphas: float(net.alphas),
        lr: float(),
        noiseSeed: { shape: [2], dtype: 'int32' },
      },
      run: ({ omega, momentum }, inputs) => {
        const { loss, correct, weights, alphas } = lossAndGradients(
          net,
          omega as Tensor1D,
          inputs.alphas as Tensor1D,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
          { noiseSeed: inputs.noiseSeed as Tensor1D },
        );
        const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, weights, inputs.lr, sgd);
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
      inputs: { lr: float() },
      run: ({ omega, momentum }, { lr }) => {
        const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, undefined, lr, sgd);
        return { outputs: {}, state: { omega: next.weights, momentum: next.momentum } };
      },
    },
  };
}
