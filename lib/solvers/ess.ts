import { dot } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/** How many of the drawn samples really count (paper appendix A.3). */
export interface EffectiveSamples {
  /** N_e = 1 / Σ c_i², from 1 (one sample has all the weight) to N (all the same); 0 when no sample has any weight. */
  readonly ess: number;
  /** R_e = N_e / N (Eq. 27), from 1/N to 1; 0 when no sample has any weight. */
  readonly esr: number;
  /** Coefficient of variation of N·c_i, what the released code logs under the name ESS: N_e = N / (1 + cv²). */
  readonly cv: number;
}

/**
 * Effective sample size, ratio and coefficient of variation of importance weights.
 *
 * @param logWeights  [N] ln c̃_i, not normalised; −∞ for a sample without weight. Any magnitude will do: the weights are
 *                    formed relative to the largest, N_e = (Σ w)² / Σ w².
 */
export function effectiveSamples(logWeights: Vec): EffectiveSamples {
  const count = logWeights.length;
  const largest = logWeights.reduce((max, value) => Math.max(max, value), -Infinity);
  if (largest === -Infinity) return { ess: 0, esr: 0, cv: 0 };
  const weights = logWeights.map((value) => Math.exp(value - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  // Rounding may leave the limits 1 and N by an ulp, and cv would be the root of a negative number.
  const ess = Math.min(count, Math.max(1, sum ** 2 / dot(weights, weights)));
  return { ess, esr: ess / count, cv: Math.sqrt(Math.max(0, count / ess - 1)) };
}
