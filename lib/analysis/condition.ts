import { ZartsError } from '../errors.js';
import { split, sphere } from '../math/random.js';
import type { Key } from '../math/random.js';
import { norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/** The condition number of the loss at a point, and what it is the maximum of. */
export interface ConditionNumber {
  /** Q = max_i of the ratios (paper Eq. 11): relative change of the loss over relative change of alpha. */
  readonly q: number;
  /** [K] |L(α + Δ_i) − L(α)|·‖α‖ / (‖Δ_i‖·|L(α)|). */
  readonly ratios: Vec;
}

/**
 * The condition number of Eq. 11 from losses that were measured, all in the same way (same fine-tuning, same batches).
 *
 * @param alpha   Length d.
 * @param deltas  K ≥ 1 perturbations Δ_i of length d, none of them zero.
 * @param base    L(α) in nats, not zero.
 * @param losses  [K] losses at α + Δ_i.
 * @throws {ZartsError} when lengths disagree, a loss is not finite, or a denominator is zero.
 */
export function conditionNumber(
  alpha: Vec,
  deltas: readonly Vec[],
  base: number,
  losses: Vec,
): ConditionNumber {
  if (deltas.length === 0 || losses.length !== deltas.length) {
    throw new ZartsError(
      `A condition number needs one loss for each of 1 or more perturbations; there are ${losses.length} and ${deltas.length}.`,
    );
  }
  if (!Number.isFinite(base) || base === 0) {
    throw new ZartsError(`The loss at alpha is ${base}; a condition number needs it finite and not zero.`);
  }
  const length = norm(alpha);
  const ratios = losses.map((loss, i) => {
    const radius = norm(deltas[i]);
    if (!Number.isFinite(loss))
      throw new ZartsError(`The loss at perturbation ${i} is ${loss}; it must be finite.`);
    if (radius === 0)
      throw new ZartsError(`Perturbation ${i} is zero; a condition number needs it to have a length.`);
    return (Math.abs(loss - base) * length) / (radius * Math.abs(base));
  });
  return { q: Math.max(...ratios), ratios };
}

/** K perturbations uniform on the sphere of that radius in R^dimension (the released script: 50, radius 0.01). */
export function conditionPerturbations(key: Key, dimension: number, count = 50, radius = 0.01): Vec[] {
  return split(key, count).map((k) => scale(radius, sphere(k, dimension)));
}
