/**
 * Proposition 1 of the paper in closed form: on a linear loss, the mean of p(u|α) of Eq. 7 over the ball ‖u‖ ≤ ε is
 * parallel to −∇L. The paper's proof gives the direction; the length is worked out here.
 */
import { ZartsError } from '../errors.js';
import { norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/** Up to here the ratio takes some ten million terms at most; a double tells it from 1 only just. */
const LARGEST_ARGUMENT = 1e12;

/** Arguments from which on, in multiples of 100 + ν, the ratio's distance from 1 is followed instead of the ratio. */
const NEAR_ONE = 100;

/**
 * I_{ν+1}(s) / I_ν(s), the ratio of two modified Bessel functions of the first kind, by its continued fraction
 * s/(2(ν+1) + s²/(2(ν+2) + s²/(2(ν+3) + …))) (Gauss; DLMF 10.33.1) evaluated backward. Nothing overflows where the two
 * functions themselves would, at s above 700.
 *
 * @param order  ν ≥ 0.
 * @param s      From 0 to 1e12.
 * @returns      From 0 (at s = 0) towards 1 as s grows; relative error that of rounding.
 * @throws {ZartsError} for arguments out of range.
 */
export function besselRatio(order: number, s: number): number {
  if (!(order >= 0 && Number.isFinite(order) && s >= 0 && s <= LARGEST_ARGUMENT)) {
    throw new ZartsError(
      `The Bessel ratio of order ${order} at ${s} is not computed; the order must be finite and at least 0, the argument from 0 to ${LARGEST_ARGUMENT}.`,
    );
  }
  // An error behind term k is multiplied by the square of each ratio before it, e^(−2·asinh(k/s)) or less: by e^(−k²/s) in
  // all while k is below s, and by less than a fifth a term from there on.
  const terms = Math.ceil(Math.sqrt(40 * s)) + 40;
  if (s > NEAR_ONE * (100 + order)) {
    // Ratios next to 1 hardly damp the rounding errors of the some √s terms before them. Those of their distances from 1
    // are smaller in proportion to the distances.
    let distance = 1;
    for (let k = terms; k >= 1; k--) {
      const excess = 2 * (order + k) - s * distance;
      distance = excess / (s + excess);
    }
    return 1 - distance;
  }
  // Every term is positive, so nothing cancels.
  let ratio = 0;
  for (let k = terms; k >= 1; k--) ratio = s / (2 * (order + k) + s * ratio);
  return ratio;
}

/**
 * The mean step of ZARTS-MGS on a linear loss with p(u|α) restricted to the ball ‖u‖ ≤ ε:
 * −ε · I_{d/2+1}(s)/I_{d/2}(s) · g/‖g‖ with s = ε‖g‖/τ. For small s it is −ε²/(τ(d + 2))·g.
 *
 * @param gradient  g, length d ≥ 1; where it is zero so is the step.
 * @param epsilon   Radius of the ball, > 0.
 * @param tau       Temperature in the units of the loss, > 0.
 */
export function propositionStep(
  gradient: Vec,
  { epsilon, tau }: { readonly epsilon: number; readonly tau: number },
): Vec {
  const length = norm(gradient);
  if (length === 0) return new Float64Array(gradient.length);
  const ratio = besselRatio(gradient.length / 2, (epsilon * length) / tau);
  return scale((-epsilon * ratio) / length, gradient);
}
