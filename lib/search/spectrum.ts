import { key } from '../math/random.js';
import { pause, silent } from '../progress.js';
import { spectrumOf } from './curvature.js';
import type { SpectrumProtocol } from './landscape-protocol.js';
import type { PlaneOptions, PlaneWork } from './plane.js';

/**
 * The upper end of the spectrum of ∇²_α L_val of a trained supernet at its α: how sharply the loss curves in the directions
 * that a landscape's plane, drawn at random, hardly has. ω stands still, at ω*(α): how it would follow α is left out, as in
 * R-DARTS.
 */

/** An eigenvalue as far as it is known. Plain JSON. */
export interface Eigenvalue {
  /** In nats per squared unit of α. */
  readonly value: number;
  /** An eigenvalue lies within this distance of it, as far as the products are exact. */
  readonly bound: number;
}

/** What was found. Plain JSON. */
export interface SpectrumResult {
  /** As many as were asked for, or as the products showed if that is fewer; the dominant one first. */
  readonly largest: readonly Eigenvalue[];
  /** The lowest one that the products showed: below 0 where the loss curves downwards somewhere. */
  readonly smallest: Eigenvalue;
  /** Hessian–vector products that were formed. */
  readonly products: number;
  /** Whether every one of the largest is within Lanczos' tolerance. */
  readonly converged: boolean;
}

/**
 * The spectrum that a protocol describes. An interrupted one begins anew: it takes as long as a few points of the landscape.
 *
 * @throws {ZartsError} for a gradient that is not finite; {InterruptedError} after `signal`.
 */
export async function measureSpectrum(
  { landscape, seed, products, values }: SpectrumProtocol,
  { objective, trained: { alpha }, dataset }: PlaneWork,
  { progress = silent, signal, compile = true }: PlaneOptions,
): Promise<SpectrumResult> {
  const { passes } = objective;
  const total = 2 * products * passes.length;
  const phase = progress.start(`curvature ${landscape.omega.kind}`, total);
  let gradients = 0;
  const beforeGradient = async (): Promise<void> => {
    phase.update(gradients);
    const done = `${gradients} gradients of the curvature`;
    await pause(signal, () => `Stopped after ${done}; the same command begins it anew.`);
    gradients += 1;
  };
  try {
    const omega = objective.weightsAt(alpha);
    const query = { compile, omega, alpha, passes, key: key(seed), products, values, beforeGradient };
    const spectrum = await spectrumOf(landscape.supernet, dataset.classes.length, query);
    phase.update(total);
    const found = spectrum.values.map(({ value, bound }) => ({ value, bound }));
    return {
      largest: found.slice(0, values),
      smallest: found[found.length - 1],
      products: spectrum.products,
      converged: spectrum.converged,
    };
  } finally {
    phase.end();
  }
}
