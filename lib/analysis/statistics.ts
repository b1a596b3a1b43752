import { bisect, mean, sampleStandardDeviation } from 'simple-statistics';
import { ZartsError } from '../errors.js';

/** A sample of independent repeats (seeds) in four numbers. */
export interface Summary {
  /** Number of values. */
  readonly n: number;
  readonly mean: number;
  /** Standard deviation with n − 1 in the denominator; null for a single value. */
  readonly std: number | null;
  /** The t interval of the mean at the level asked for, [low, high]; null for a single value. */
  readonly interval: readonly [number, number] | null;
  /** What the interval is made of: the standard error of the mean, rounding included; null for a single value. */
  readonly standardError: number | null;
}

/** The level of every interval this project prints. */
export const LEVEL = 0.95;

/**
 * P(T ≤ t) of Student's t distribution with a whole number of degrees of freedom, by the finite sums that hold for whole
 * numbers (Abramowitz and Stegun 26.7.3 and 26.7.4).
 *
 * @param df  Degrees of freedom, an integer of 1 or more.
 */
export function studentCdf(t: number, df: number): number {
  if (!Number.isFinite(t)) return t > 0 ? 1 : 0;
  const angle = Math.atan(t / Math.sqrt(df));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  // The sum's terms: cos^(k) of odd k for odd df, of even k for even df, each by a ratio from the one before.
  const odd = df % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = df === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= df - 2; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k;
    sum += term;
  }
  const central = odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
  return (1 + central) / 2;
}

/**
 * The t that {@link studentCdf} takes to probability `p`.
 *
 * @param p   Between 0 and 1, both excluded.
 * @param df  Degrees of freedom, an integer of 1 or more.
 */
export function studentQuantile(p: number, df: number): number {
  if (p === 0.5) return 0;
  const tail = Math.max(p, 1 - p);
  let high = 1;
  while (studentCdf(high, df) < tail) high *= 2;
  const t = bisect((x: number) => studentCdf(x, df) - tail, 0, high, 200, 1e-12);
  return p > 0.5 ? t : -t;
}

/**
 * Mean, standard deviation and the interval that holds the mean with probability `level` if the values are independent
 * draws from one normal distribution (Student's t; with 2 to 4 seeds it is wide, as it should be).
 *
 * @param values  One or more finite numbers.
 * @param level   Between 0 and 1.
 * @param resolution  Step between the values that can occur, for counts and shares of counts: a few equal ones do not mean
 *                    that there is no spread, so the interval is made with the variance resolution²/12 of rounding added.
 * @throws {ZartsError} for no values, or one that is not finite.
 */
export function summarize(values: readonly number[], level = LEVEL, resolution = 0): Summary {
  checkValues('A summary', values);
  const n = values.length;
  const center = mean([...values]);
  if (n === 1) return { n, mean: center, std: null, interval: null, standardError: null };
  const std = sampleStandardDeviation([...values]);
  const spread = Math.sqrt(std ** 2 + resolution ** 2 / 12);
  const standardError = spread / Math.sqrt(n);
  const half = studentQuantile((1 + level) / 2, n - 1) * standardError;
  return { n, mean: center, std, interval: [center - half, center + half], standardError };
}

/** The least distance between two of the values that are not alike, a step between values that occur; 0 where all are alike. */
export function leastStep(values: readonly number[]): number {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return sorted.length < 2 ? 0 : Math.min(...sorted.slice(1).map((value, i) => value - sorted[i]));
}

/** Refuses no values, and one that is not finite. @param what  What they are for: "A summary". */
export function checkValues(what: string, values: readonly number[]): void {
  if (values.length === 0) throw new ZartsError(`${what} needs at least one value; there is none.`);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new ZartsError(`Value ${bad} of ${what.toLowerCase()} is ${values[bad]}; it must be finite.`);
}

/**
 * The least-squares line y = intercept + slope·x through points.
 *
 * @param points  Two or more (x, y) with at least two different x.
 * @throws {ZartsError} for fewer.
 */
export function fitLine(points: readonly (readonly [number, number])[]): {
  readonly intercept: number;
  readonly slope: number;
} {
  const xs = points.map(([x]) => x);
  if (new Set(xs).size < 2) {
    throw new ZartsError(`A line needs points at two places or more; there are ${new Set(xs).size}.`);
  }
  const [mx, my] = [mean(xs), mean(points.map(([, y]) => y))];
  const sxy = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const sxx = xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  const slope = sxy / sxx;
  return { intercept: my - slope * mx, slope };
}
