import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { InterruptedError } from '../errors.js';
import { key } from '../math/random.js';
import { silent } from '../progress.js';
import { spectrumOf } from './curvature.js';
import type { SpectrumProtocol } from './landscape-protocol.js';
import { keptOnPlane } from './on-plane.js';
import type { Measured, OnPlaneOptions } from './on-plane.js';

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
 * The spectrum that a protocol describes, through the run store. An interrupted one begins anew: it takes as long as a few
 * points of the landscape.
 *
 * @throws {ZartsError} for a gradient that is not finite; otherwise as {@link ./landscape.runLandscape}.
 */
export async function runSpectrum(
  protocol: SpectrumProtocol,
  options: OnPlaneOptions = {},
): Promise<Measured<SpectrumProtocol, SpectrumResult>> {
  const { landscape, seed, products, values } = protocol;
  const { progress = silent, signal, compile = true } = options;
  return keptOnPlane(protocol, landscape, options, async ({ objective, trained, dataset }) => {
    const { alpha } = trained;
    const total = 2 * products * objective.passes.length;
    const phase = progress.start(`curvature ${landscape.omega.kind}`, total);
    let gradients = 0;
    try {
      const query = {
        compile,
        omega: objective.weightsAt(alpha),
        alpha,
        passes: objective.passes,
        key: key(seed),
        goOn: async () => {
          // Signals and a notebook's interrupts are delivered between gradients.
          await yieldToEvents();
          phase.update(gradients++);
          return signal?.aborted !== true;
        },
      };
      const effort = { products, values };
      const spectrum = await spectrumOf(landscape.supernet, dataset.classes.length, query, effort);
      if (!spectrum) {
        throw new InterruptedError(
          `Stopped after ${gradients - 1} gradients of the curvature; the same command begins it anew.`,
        );
      }
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
  });
}
