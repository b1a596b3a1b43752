import { mean, quantile, sampleWithReplacement } from 'simple-statistics';
import { foldIn, key as keyOf, uniform } from '../math/random.js';
import type { Key } from '../math/random.js';
import { LEVEL, checkValues } from './statistics.js';

/** Comparing methods by repeated measurements: ranks, a bootstrap interval, a paired test. */

/**
 * The rank of each value, 1 for the smallest; equal values share the mean of the ranks that they take up.
 *
 * @param values  Finite numbers.
 */
export function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const smaller = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return smaller + (equal + 1) / 2;
  });
}

/** Resamples of a bootstrap: the ends of a 95 % interval are then good to about two digits. */
const RESAMPLES = 4000;

/**
 * The percentile bootstrap interval of the mean (Efron 1979): the range that holds the share `level` of the means of samples
 * drawn from the values with replacement. It assumes no normal distribution, but from fewer than about ten values it comes
 * out too narrow: with three, the interval of Student's t (statistics.ts) is about two and a half times as wide.
 *
 * @param values  One or more finite numbers.
 * @param key     Decides the samples.
 * @returns       null for a single value.
 * @throws {ZartsError} for no values, or one that is not finite.
 */
export function bootstrapInterval(
  values: readonly number[],
  key: Key,
  level = LEVEL,
): readonly [number, number] | null {
  checkValues('A bootstrap interval', values);
  if (values.length === 1) return null;
  const means = Array.from({ length: RESAMPLES }, (_, i) => {
    const draws = uniform(foldIn(key, i), values.length);
    let at = 0;
    return mean(sampleWithReplacement([...values], values.length, () => draws[at++]));
  });
  const [low, high] = [(1 - level) / 2, (1 + level) / 2].map((share) => quantile(means, share));
  return [low, high];
}

/** A paired test. */
export interface PairedTest {
  /** Pairs. */
  readonly n: number;
  /** Mean difference. */
  readonly mean: number;
  /** Two-sided probability of a mean at least as far from 0, were the sign of each difference a coin's. */
  readonly p: number;
  /** Whether every choice of signs was counted, or a sample of them. */
  readonly exact: boolean;
}

/** Most pairs for which all 2ⁿ choices of signs are counted. */
const MOST_EXACT = 14;

/** Choices of signs drawn where there are too many to count. */
const DRAWN = 20_000;

/**
 * Fisher's permutation test of paired differences: under the hypothesis that the two methods do not differ, each difference
 * is as likely to be positive as negative. Smallest possible p: 2/2ⁿ, so fewer than six pairs cannot reach 0.05.
 *
 * @param differences  One for each pair, finite.
 * @param key          Decides the signs drawn where there are too many to count.
 * @throws {ZartsError} for no differences, or one that is not finite.
 */
export function pairedTest(differences: readonly number[], key: Key = keyOf(0)): PairedTest {
  checkValues('A paired test', differences);
  const n = differences.length;
  const observed = mean([...differences]);
  // In units of the largest difference, so that what rounding does is the same at every scale.
  const largest = Math.max(...differences.map(Math.abs));
  const units = differences.map((value) => (largest > 0 ? value / largest : 0));
  const sumOf = (signed: (unit: number, i: number) => number): number =>
    Math.abs(units.reduce((sum, unit, i) => sum + signed(unit, i), 0));
  // Sums of the same numbers in another order differ in their last bits, however close to 0 they are.
  const limit = sumOf((unit) => unit) - 1e-12 * n;
  const reaches = (positive: (i: number) => boolean): boolean =>
    sumOf((unit, i) => (positive(i) ? Math.abs(unit) : -Math.abs(unit))) >= limit;
  const exact = n <= MOST_EXACT;
  const choices = exact ? 2 ** n : DRAWN;
  let reached = 0;
  for (let choice = 0; choice < choices; choice++) {
    const draws = exact ? undefined : uniform(foldIn(key, choice), n);
    if (reaches((i) => (draws ? draws[i] < 0.5 : ((choice >> i) & 1) === 1))) reached += 1;
  }
  // A drawn sample counts the observed signs too, so that p is never 0.
  return { n, mean: observed, p: exact ? reached / choices : (reached + 1) / (choices + 1), exact };
}
