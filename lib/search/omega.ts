import type { Vec } from '../math/vec.js';
import type { Omega } from './omega-protocol.js';
import type { AlphaGradient, Pass, SearchSession, SecondOrder, SgdStep } from './session.js';

/**
 * ω*(α), the weights that a point α is scored with, as a session makes them: searches, landscapes, paths, condition numbers
 * and spectra all read their losses here.
 */

/** A pass at an α that is still to be named. */
export type FixedPass = Omit<Pass, 'alpha'>;

/** How ω*(α) comes from ω. */
export type OmegaSteps =
  /** It is ω as it is. */
  | { readonly kind: 'current' }
  /** It is a copy of the saved ω after steps at α, its momentum empty at the start or inherited. */
  | {
      readonly kind: 'tuned';
      readonly momentum: 'zero' | 'inherit';
      readonly sgd: SgdStep;
      readonly passes: readonly FixedPass[];
    }
  /** It is ω as the points before left it, which then moves by momentum and decay alone. */
  | { readonly kind: 'coast'; readonly sgd: SgdStep; readonly iterations: number };

/**
 * The steps that a protocol's ω*(α) stands for.
 *
 * @param sgd     That of the weights, at the scheduled learning rate.
 * @param passes  So many passes to fine-tune on, the same for every point.
 */
export function omegaSteps(
  omega: Omega,
  sgd: SgdStep,
  passes: (count: number) => readonly FixedPass[],
): OmegaSteps {
  if (omega.kind === 'current') return omega;
  const lr = omega.lr === 'scheduled' ? sgd.lr : omega.lr;
  if (omega.kind === 'unrolled') {
    const [momentum, weightDecay] = [
      omega.momentum ? sgd.momentum : 0,
      omega.weightDecay ? sgd.weightDecay : 0,
    ];
    const step = { lr, momentum, weightDecay, clip: null };
    return { kind: 'tuned', momentum: omega.momentum ? 'inherit' : 'zero', sgd: step, passes: passes(1) };
  }
  const { iterations } = omega;
  if (iterations === 0 || (omega.kind === 'coast' && !omega.drift)) return { kind: 'current' };
  return omega.kind === 'coast'
    ? { kind: 'coast', sgd: { ...sgd, lr }, iterations }
    : { kind: 'tuned', momentum: omega.momentum, sgd: { ...sgd, lr }, passes: passes(iterations) };
}

/** Leaves the session's weights at ω*(α). */
export function reachOmega(session: SearchSession, steps: OmegaSteps, alpha: Vec): void {
  if (steps.kind !== 'tuned') return;
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

/**
 * The gradient of L_val(ω*(α), α) as DARTS takes it: ω*(α) is ω as it is (first order, Eq. 3) or follows α by one step
 * (second order, Eq. 2). ω and its momentum are left as they were.
 *
 * @param radius  Length of the displacement of ω in the second order's finite difference.
 */
export function gradientAtOmega(
  session: SearchSession,
  steps: OmegaSteps,
  validation: Pass,
  radius: number,
): AlphaGradient | SecondOrder {
  if (steps.kind !== 'tuned') return session.firstOrder(validation);
  const { alpha } = validation;
  return session.secondOrder({ ...steps.passes[0], alpha }, validation, { ...steps.sgd, radius });
}
