import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { hessianSpectrum } from '../analysis/curvature.js';
import type { Spectrum } from '../analysis/curvature.js';
import { compile } from '../engine/index.js';
import type { HostArrays, Program } from '../engine/index.js';
import type { Key } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { supernet } from '../supernet/supernet.js';
import { lossAndGradientsAround } from '../supernet/training.js';
import { spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/**
 * The largest eigenvalues of ∇²_α L_val, during a search and after it. Their gradients have a compiled program of their own:
 * following an eigenvalue changes nothing in the search that is followed.
 */

/** Where eigenvalues are wanted. */
export interface CurvatureQuery {
  /** false: run TensorFlow.js eagerly. */
  readonly compile: boolean;
  /** [P]. */
  readonly omega: Float32Array;
  /** [d]. */
  readonly alpha: Vec;
  /** One or more: the loss is the mean over them. No path is dropped. */
  readonly passes: readonly CurvaturePass[];
  /** Draws the vector that Lanczos' method begins with. */
  readonly key: Key;
  /** Asked before every gradient; with `false` the computation is given up. */
  readonly goOn: () => Promise<boolean>;
}

/** One batch that a loss is read on. */
export interface CurvaturePass {
  /** `images` and `labels`. */
  readonly batch: HostArrays;
  /** Seeds the network's noise. */
  readonly noise: Key;
}

/** How far Lanczos' method goes. */
export interface CurvatureEffort {
  /** Most products, two gradients each. */
  readonly products: number;
  /** How many of the largest eigenvalues are wanted to {@link hessianSpectrum}'s tolerance. */
  readonly values: number;
}

/** What the gradients' program depends on. */
type CurvatureKey = Pick<SearchProtocol, 'space' | 'cells' | 'channels' | 'batchSize' | 'partialChannels'> & {
  readonly image: number;
  readonly classes: number;
  readonly compile: boolean;
};

let latest: { readonly key: string; readonly program: Program<'gradient'> } | undefined;

/** The gradient of the loss with respect to alpha, with the activation pattern of other alphas kept; the last one made stays. */
function gradientProgram(parts: CurvatureKey): Program<'gradient'> {
  const key = JSON.stringify(parts);
  if (latest?.key === key) return latest.program;
  latest?.program.dispose();
  const net = supernet(spaceOf(parts), parts);
  const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const omega = { shape: [net.layout.size], data: new Float32Array(net.layout.size) };
  const program = compile(
    { omega },
    {
      gradient: {
        inputs: {
          images: float(parts.batchSize, parts.image, parts.image, 3),
          labels: { shape: [parts.batchSize], dtype: 'int32' as const },
          alphas: float(net.alphas),
          around: float(net.alphas),
          noiseSeed: { shape: [2], dtype: 'int32' as const },
        },
        run: (state, inputs) => {
          const { alphas } = lossAndGradientsAround(
            net,
            state.omega as Tensor1D,
            inputs.alphas as Tensor1D,
            inputs.around as Tensor1D,
            inputs.images as Tensor4D,
            inputs.labels as Tensor1D,
            { noiseSeed: inputs.noiseSeed as Tensor1D },
          );
          return { outputs: { alphas } };
        },
      },
    },
    { compile: parts.compile },
  );
  latest = { key, program };
  return program;
}

/** Thrown to leave a computation that is not to go on. */
class GivenUp extends Error {}

/**
 * The upper end of the spectrum of the Hessian with respect to alpha of a supernet's loss on some batches: Lanczos' method on
 * differences of gradients that keep the activation pattern of alpha.
 *
 * @param supernet  The search that ω and α are of.
 * @param classes   Of the data set.
 * @returns undefined if it was given up.
 * @throws {ZartsError} for a gradient that is not finite.
 */
export async function spectrumOf(
  { space, cells, channels, batchSize, partialChannels, dataset }: SearchProtocol,
  classes: number,
  { compile: compiled, omega, alpha, passes, key, goOn }: CurvatureQuery,
  { products, values }: CurvatureEffort,
): Promise<Spectrum | undefined> {
  const program = gradientProgram({
    space,
    cells,
    channels,
    batchSize,
    ...(partialChannels ? { partialChannels } : {}),
    image: dataset.imageSide,
    classes,
    compile: compiled,
  });
  program.write({ omega: { shape: [omega.length], data: omega } });
  const vector = (entries: Vec) => ({ shape: [entries.length], data: Float32Array.from(entries) });
  const around = vector(alpha);
  const fixed = passes.map(({ batch, noise }) => ({
    ...batch,
    around,
    noiseSeed: { shape: [2], data: Int32Array.of(noise[0], noise[1]) },
  }));
  const gradient = async (at: Vec): Promise<Vec> => {
    let sum: Vec = new Float64Array(alpha.length);
    for (const inputs of fixed) {
      if (!(await goOn())) throw new GivenUp();
      const { alphas } = program.call('gradient', { ...inputs, alphas: vector(at) });
      sum = axpy(1, Float64Array.from(alphas.data), sum);
    }
    return scale(1 / fixed.length, sum);
  };
  try {
    return await hessianSpectrum(gradient, alpha, { key, steps: products, wanted: values });
  } catch (error) {
    if (error instanceof GivenUp) return undefined;
    throw error;
  }
}
