import { axpy, norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/** A loss in nats and its gradients with respect to weights [P] and alphas [d]. */
export interface Gradients {
  readonly loss: number;
  readonly weights: Vec;
  readonly alphas: Vec;
}

export interface SecondOrderSettings {
  /** ξ, the learning rate of the unrolled step. */
  readonly lr: number;
  /** Share of the momentum buffer in the unrolled step; 0 in Eq. 2 as printed, 0.9 in the released code. */
  readonly momentum: number;
  /** Weight decay of the unrolled step; 0 in Eq. 2 as printed. */
  readonly weightDecay: number;
  /** Length of the displacement of ω in the finite difference; 0.01 in DARTS. */
  readonly radius: number;
}

/** The second-order architecture gradient and what it was made of. */
export interface SecondOrderGradient {
  /** dL_val(ω'(α), α)/dα ≈ direct − ξ·implicit, [d]. */
  readonly gradient: Vec;
  /** ∇_α L_val(ω', α) with ω' held fixed, [d]. */
  readonly direct: Vec;
  /** ∇²_{α,ω} L_train(ω, α)·v by finite differences, [d]; zeros where v is zero. */
  readonly implicit: Vec;
  /** ‖v‖ of v = ∇_ω' L_val(ω', α). */
  readonly vNorm: number;
  /** R = radius/‖v‖, what v is multiplied by in the finite difference; 0 where v is zero. */
  readonly step: number;
  /** The unrolled weights ω', [P]. */
  readonly unrolled: Vec;
  /** L_val(ω', α). */
  readonly valLoss: number;
  /** L_train(ω, α). */
  readonly trainLoss: number;
}

/**
 * DARTS' second-order architecture gradient at (ω, α) (Liu et al. 2019, Section 2.3): the gradient through one unrolled
 * training step ω' = ω − ξ·(momentum·buffer + ∇_ω L_train + decay·ω). Its Hessian–vector product is the central difference
 * of ∇_α L_train at ω ± R·v. Three passes on the training batch and one on the validation batch.
 *
 * @param train   Loss and gradients on the training batch at given weights, always at the same α.
 * @param val     The same on the validation batch.
 * @param omega   ω, [P].
 * @param buffer  SGD's momentum buffer, [P]; absent before the first step.
 */
export function secondOrderGradient(
  train: (omega: Vec) => Gradients,
  val: (omega: Vec) => Gradients,
  omega: Vec,
  settings: SecondOrderSettings,
  buffer?: Vec,
): SecondOrderGradient {
  const { lr, momentum, weightDecay, radius } = settings;
  const here = train(omega);
  const decayed = axpy(weightDecay, omega, here.weights);
  const unrolled = axpy(-lr, buffer ? axpy(momentum, buffer, decayed) : decayed, omega);
  const ahead = val(unrolled);
  const vNorm = norm(ahead.weights);
  const common = { direct: ahead.alphas, vNorm, unrolled, valLoss: ahead.loss, trainLoss: here.loss };
  if (vNorm === 0) {
    return { gradient: ahead.alphas, implicit: new Float64Array(ahead.alphas.length), step: 0, ...common };
  }
  const step = radius / vNorm;
  const plus = train(axpy(step, ahead.weights, omega)).alphas;
  const minus = train(axpy(-step, ahead.weights, omega)).alphas;
  const implicit = scale(1 / (2 * step), axpy(-1, minus, plus));
  return { gradient: axpy(-lr, implicit, ahead.alphas), implicit, step, ...common };
}
