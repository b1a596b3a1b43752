import type { Vec } from '../math/vec.js';
import type { AlphaGradient, Pass, SearchSession, SecondOrder, SgdStep, UnrolledStep } from './session.js';

/**
 * ω*(α), the weights that a point α is scored with, as a session makes them: searches, landscapes, paths, condition numbers
 * and spectra all read their losses here.
 */

/** A pass at an α that is still to be named. */
export type FixedPass = Omit<Pass, 'alpha'>;

/** How ω*(α) comes from ω. */
export type OmegaSteps =
  /** It is ω as it is: first order, Eq. 3. */
  | { readonly kind: 'current' }
  /** A copy of the saved ω after steps at α (Alg. 1), its momentum empty at the start or inherited; one plain step is Eq. 2. */
  | {
      readonly kind: 'finetuned';
      readonly momentum: 'zero' | 'inherit';
      readonly sgd: SgdStep;
      readonly passes: readonly FixedPass[];
    }
  /** As released: ω as the points before left it, which then moves by momentum and decay alone. */
  | { readonly kind: 'coast'; readonly sgd: SgdStep; readonly iterations: number };

/** Leaves the session's weights at ω*(α). */
export function reachOmega(session: SearchSession, steps: OmegaSteps, alpha: Vec): void {
  if (steps.kind !== 'finetuned') return;
  if (steps.momentum === 'inherit') session.restore();
  else session.begin();
  for (const pass of steps.passes) session.tune({ ...pass, alpha }, steps.sgd);
}

/**
 * L_val(ω*(α), α) in nats, the mean over the validation passes. Every point has the same passes, so that they differ in α
 * alone.
 */
export function lossAtOmega(
  session: SearchSession,
  steps: OmegaSteps,
  validation: readonly FixedPass[],
  alpha: Vec,
): number {
  reachOmega(session, steps, alpha);
  const losses = validation.map((pass) => session.loss({ ...pass, alpha }));
  if (steps.kind === 'coast') for (let m = 0; m < steps.iterations; m++) session.coast(steps.sgd);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** How ω*(α) follows α where DARTS differentiates through it. */
export type OmegaGradient =
  /** Not at all: first order, Eq. 3. */
  | { readonly kind: 'current' }
  /** By one step on a training pass: second order, Eq. 2. */
  | { readonly kind: 'unrolled'; readonly step: UnrolledStep; readonly pass: Pass };

/** The gradient of L_val(ω*(α), α) at the α of the validation pass; ω and its momentum are left as they were. */
export function gradientAtOmega(
  session: SearchSession,
  omega: OmegaGradient,
  validation: Pass,
): AlphaGradient | SecondOrder {
  return omega.kind === 'current'
    ? session.firstOrder(validation)
    : session.secondOrder(omega.pass, validation, omega.step);
}
