import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { hessianSpectrum, shiftError } from '../analysis/curvature.js';
import type { Spectrum } from '../analysis/curvature.js';
import { compile, seed, vector } from '../engine/index.js';
import type { Program, ProgramFunction } from '../engine/index.js';
import { keepLatest } from '../latest.js';
import type { Key } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { supernet } from '../supernet/supernet.js';
import { lossAndGradientsAround } from '../supernet/training.js';
import type { FixedPass } from './omega.js';
import { passInputs, supernetParts } from './program.js';
import type { SupernetParts } from './program.js';
import { spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/**
 * The largest eigenvalues of ∇²_α L_val, during a search and after it. Their gradients have a compiled program of their own:
 * following an eigenvalue changes nothing in the search that is followed.
 */

/** Where eigenvalues are wanted, and how many. */
export interface CurvatureQuery {
  /** false: run TensorFlow.js eagerly. */
  readonly compile: boolean;
  /** [P]. */
  readonly omega: Float32Array;
  /** [d]. */
  readonly alpha: Vec;
  /** One or more: the loss is the mean over them. No path is dropped. */
  readonly passes: readonly FixedPass[];
  /** Draws the vector that Lanczos' method begins with. */
  readonly key: Key;
  /** Most products, two gradients each. */
  readonly products: number;
  /** How many of the largest eigenvalues are wanted to {@link hessianSpectrum}'s tolerance. */
  readonly values: number;
  /** Whether the products are compared with one that is known, which takes two gradients more. */
  readonly checked?: boolean;
  /** Waited for before every gradient; what it throws ends the computation. */
  readonly beforeGradient: () => Promise<void>;
}

const kept = keepLatest<Program<'gradient'>>((program) => {
  program.dispose();
});

/** The gradient of the loss with respect to alpha, with the activation pattern of other alphas kept; the last one made stays. */
function gradientProgram(parts: SupernetParts): Program<'gradient'> {
  return kept(parts, () => {
    const net = supernet(spaceOf(parts), parts);
    const { images, labels, alphas, noiseSeed } = passInputs(parts, net);
    const omega = { shape: [net.layout.size], data: new Float32Array(net.layout.size) };
    const gradient: ProgramFunction = {
      inputs: { images, labels, alphas, around: alphas, noiseSeed },
      run: (state, inputs) => {
        const found = lossAndGradientsAround(
          net,
          state.omega as Tensor1D,
          inputs.alphas as Tensor1D,
          inputs.around as Tensor1D,
          inputs.images as Tensor4D,
          inputs.labels as Tensor1D,
          { noiseSeed: inputs.noiseSeed as Tensor1D },
        );
        return { outputs: { alphas: found.alphas } };
      },
    };
    return compile({ omega }, { gradient }, { compile: parts.compile });
  });
}

/**
 * The upper end of the spectrum of the Hessian with respect to alpha of a supernet's loss on some batches: Lanczos' method on
 * differences of gradients that keep the activation pattern of alpha.
 *
 * @param protocol  The search that ω and α are of.
 * @param classes   Of the data set.
 * @returns         With the error of the products where they are checked.
 * @throws {ZartsError} for a gradient that is not finite; whatever `beforeGradient` throws.
 */
export async function spectrumOf(
  protocol: SearchProtocol,
  classes: number,
  { compile: compiled, omega, alpha, passes, key, products, values, checked, beforeGradient }: CurvatureQuery,
): Promise<Spectrum & { readonly error?: number }> {
  const program = gradientProgram(supernetParts(protocol, classes, compiled));
  program.write({ omega: vector(omega) });
  const around = vector(Float32Array.from(alpha));
  const fixed = passes.map(({ batch, noise }) => ({
    ...batch,
    around,
    noiseSeed: seed(noise),
  }));
  const gradient = async (at: Vec): Promise<Vec> => {
    let sum: Vec = new Float64Array(alpha.length);
    for (const inputs of fixed) {
      await beforeGradient();
      const { alphas } = program.call('gradient', { ...inputs, alphas: vector(Float32Array.from(at)) });
      sum = axpy(1, Float64Array.from(alphas.data), sum);
    }
    return scale(1 / fixed.length, sum);
  };
  const spectrum = await hessianSpectrum(gradient, alpha, { key, steps: products, wanted: values });
  return checked ? { ...spectrum, error: await shiftError(gradient, alpha) } : spectrum;
}
