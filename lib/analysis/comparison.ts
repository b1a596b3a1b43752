import { mean, quantile, sampleWithReplacement } from 'simple-statistics';
import { foldIn, key as keyOf, permutation, uniform } from '../math/random.js';
import type { Key } from '../math/random.js';
import { LEVEL, checkValues, studentQuantile } from './statistics.js';

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

/**
 * Kendall's τ of pairs: (concordant − discordant) of all pairs of pairs, over what it would be without ties (τ-b).
 *
 * @returns  NaN where all values of one of them are equal.
 */
export function kendallTau(a: readonly number[], b: readonly number[]): number {
  let [sum, untiedA, untiedB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i] - a[j]), Math.sign(b[i] - b[j])];
      sum += x * y;
      untiedA += Math.abs(x);
      untiedB += Math.abs(y);
    }
  }
  return sum / Math.sqrt(untiedA * untiedB);
}

/**
 * Probabilities adjusted for being one of several (Holm 1979): each times the number of those not smaller than it, and no
 * smaller than the adjusted one of any smaller; those below the level can all be rejected together.
 */
export function holm(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, i) => i).sort((i, j) => probabilities[i] - probabilities[j]);
  const adjusted = new Array<number>(probabilities.length);
  let largest = 0;
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, probabilities[i] * (order.length - rank)));
    adjusted[i] = largest;
  });
  return adjusted;
}

/** Probability of `hits` or more of n independent trials that each succeed with probability p. */
export function binomialTail(hits: number, n: number, p: number): number {
  let [term, tail] = [(1 - p) ** n, 0];
  for (let k = 0; k <= n; k++) {
    if (k >= hits) tail += term;
    term *= ((n - k) / (k + 1)) * (p / (1 - p));
  }
  return Math.min(1, tail);
}

/** The two-sided probability of as many hits or of a number as far out on the other side: twice the smaller tail. */
export function binomialTwoSided(hits: number, n: number, p: number): number {
  const tails = [binomialTail(hits, n, p), binomialTail(n - hits, n, 1 - p)];
  return Math.min(1, 2 * Math.min(...tails));
}

/** The power that a number of repeats is judged by. */
const POWER = 0.8;

/**
 * The smallest difference that would be found with a probability of {@link POWER}.
 *
 * @param standardError  Of the difference's estimate.
 * @param df             Degrees of freedom behind it, 1 or more.
 * @param questions      How many are decided together: the least likely of them is tested at the level's n-th part (Holm).
 */
export function smallestEffect(standardError: number, df: number, questions = 1, level = LEVEL): number {
  const tested = studentQuantile(1 - (1 - level) / 2 / questions, df);
  return (tested + studentQuantile(POWER, df)) * standardError;
}

/** The least p of {@link pairedTest}: as many differences that are not 0, all of one sign. */
export const leastPairedP = (differences: readonly number[]): number =>
  Math.min(1, 2 ** (1 - differences.filter((each) => each !== 0).length));

/** The least p of a permutation of labels within strata: each sample wholly on one side, on one of two. */
export function leastLabelsP(strata: readonly Stratum[]): number {
  const ways = strata.reduce(
    (all, { first, second }) => all * choose(first.length + second.length, first.length),
    1,
  );
  return Math.min(1, 2 / ways);
}

const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);

/** Two samples of a stratum: a search space, say. */
export interface Stratum {
  readonly first: readonly number[];
  readonly second: readonly number[];
}

/** The mean over strata of the difference of means, first less second. */
const differenceOf = (strata: readonly Stratum[]): number =>
  strata.reduce((sum, { first, second }) => sum + mean([...first]) - mean([...second]), 0) / strata.length;

/**
 * The mean over strata of the difference of means, first less second, with its interval by the variances within the samples
 * and the degrees of freedom of Welch and Satterthwaite, rounded down; null where a sample has a single value.
 *
 * @throws {ZartsError} for no strata, an empty sample, or a value that is not finite.
 */
export function meanDifference(strata: readonly Stratum[], level = LEVEL) {
  checkValues('A difference of means', strata.length === 0 ? [] : [0]);
  const samples = strata.flatMap(({ first, second }) => [first, second]);
  for (const sample of samples) checkValues('A difference of means', sample);
  const difference = differenceOf(strata);
  const parts = samples.map((each) => varianceOf(each) / each.length / strata.length ** 2);
  const variance = parts.reduce((sum, part) => sum + part, 0);
  const df = welchDf(parts, samples);
  const half = df > 0 ? studentQuantile((1 + level) / 2, df) * Math.sqrt(variance) : NaN;
  const interval = Number.isFinite(half) ? ([difference - half, difference + half] as const) : null;
  /** The standard error; NaN where there is no interval. */
  return { difference, interval, standardError: interval ? Math.sqrt(variance) : NaN, df };
}

/**
 * {@link meanDifference} with Fisher's permutation test: labels change places within a stratum only, so that what tells strata
 * apart plays no part.
 *
 * @param key  Decides the permutations drawn, where labels are too many to count.
 * @returns    With the two-sided probability p, which hangs on no order of values or strata.
 */
export function stratifiedTest(strata: readonly Stratum[], key: Key = keyOf(0)) {
  const found = meanDifference(strata);
  const pooled = strata
    .map(({ first, second }) => ({ size: first.length, all: sorted([...first, ...second]) }))
    .map((each) => ({ ...each, text: JSON.stringify(each) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
  const grid = gridOf(pooled.flatMap(({ all }) => all));
  const reaches = (difference: number): boolean =>
    Math.abs(difference) >= Math.abs(found.difference) - 1000 * grid;
  const counted = shareOf(
    pooled.map(({ size, all }) => lawOfDifference(all, size, grid)),
    grid,
    (sum) => reaches(sum / strata.length),
  );
  if (counted !== undefined) return { ...found, p: counted };
  let reached = 0;
  for (let draw = 0; draw < ORDERS; draw++) {
    const shuffled = pooled.map(({ size, all }, s) => {
      const values = Array.from(permutation(foldIn(foldIn(key, draw), s), all.length), (i) => all[i]);
      return { first: values.slice(0, size), second: values.slice(size) };
    });
    if (reaches(differenceOf(shuffled))) reached += 1;
  }
  return { ...found, p: (reached + 1) / (ORDERS + 1) };
}

/**
 * The degrees of freedom of a sum of variances of means (Welch 1947), rounded down; where no sample scatters, those of all
 * samples together.
 */
function welchDf(variances: readonly number[], samples: readonly (readonly number[])[]): number {
  const total = variances.reduce((sum, each) => sum + each, 0);
  const squares = variances.reduce((sum, each, i) => sum + each ** 2 / (samples[i].length - 1), 0);
  return total > 0
    ? Math.max(1, Math.floor(total ** 2 / squares + 1e-9))
    : samples.reduce((sum, each) => sum + each.length - 1, 0);
}

// ---- Choices of labels, counted ----

/** Of a number that hangs on choices: how many choices make it each value that it can have. */
type Law = ReadonlyMap<number, number>;

/** Most sums that are formed to count choices, in less than a second; with more, choices are drawn. */
const MOST_SUMS = 1_000_000;

/**
 * The distance at which sums are told apart: of the same numbers in another order they differ in their last bits. A power of two, so
 * that ranks and counts stay what they are.
 */
const gridOf = (values: readonly number[]): number =>
  2 ** (Math.ceil(Math.log2(Math.max(...values.map(Math.abs)) || 1)) - 40);

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Counts the choices of a law, each so many times, where they make a number that is larger by so much. */
function count(into: Map<number, number>, law: Law, more: number, times: number, grid: number): void {
  for (const [value, choices] of law) {
    const at = grid * Math.round((value + more) / grid);
    into.set(at, (into.get(at) ?? 0) + choices * times);
  }
}

/** The law of the sum of so many of the values, any of them; undefined where its choices are too many to count. */
function lawOfChosen(values: readonly number[], size: number, grid: number): Law | undefined {
  // By how many are chosen of the values so far.
  const laws = Array.from({ length: size + 1 }, () => new Map<number, number>());
  laws[0].set(0, 1);
  let formed = 0;
  for (const value of values) {
    for (let k = size; k > 0; k--) {
      formed += laws[k - 1].size;
      count(laws[k], laws[k - 1], value, 1, grid);
    }
    if (formed > MOST_SUMS) return undefined;
  }
  return laws[size];
}

/** The law of the mean of so many of the values less that of the others; likewise. */
function lawOfDifference(values: readonly number[], size: number, grid: number): Law | undefined {
  const total = values.reduce((sum, value) => sum + value, 0);
  const chosen = lawOfChosen(values, size, grid);
  return (
    chosen &&
    new Map(Array.from(chosen, ([sum, n]) => [sum / size - (total - sum) / (values.length - size), n]))
  );
}

/** The share of all choices that make a sum of numbers, each with choices of its own, such as is asked for; likewise. */
function shareOf(
  [last, ...others]: readonly (Law | undefined)[],
  grid: number,
  such: (sum: number) => boolean,
): number | undefined {
  let law: Law = new Map([[0, 1]]);
  for (const other of others) {
    if (!other || law.size * other.size > MOST_SUMS) return undefined;
    const sums = new Map<number, number>();
    for (const [value, choices] of other) count(sums, law, value, choices, grid);
    law = sums;
  }
  if (!last || law.size * last.size > MOST_SUMS) return undefined;
  let [those, all] = [0, 0];
  for (const [value, choices] of law) {
    for (const [more, times] of last) {
      all += choices * times;
      if (such(value + more)) those += choices * times;
    }
  }
  return those / all;
}

/** The sample variance; NaN for a single value. */
function varianceOf(values: readonly number[]): number {
  const center = mean([...values]);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}

/** Two samples of independent runs, compared by which is better. */
export interface RankTest {
  /** P(first better) + P(alike)/2 − 1/2, from −1/2 to 1/2. */
  readonly difference: number;
  /** Its interval by the variance of the two samples' placements (DeLong et al. 1988); null for a sample of one. */
  readonly interval: readonly [number, number] | null;
  /** Two-sided probability of a difference at least as far from 0, were the labels of the samples drawn at random. */
  readonly p: number;
  /** Of the difference, where the two have the same law. */
  readonly standardError: number;
  readonly df: number;
}

/** Choices of labels that are drawn where they are too many to count: enough to tell a probability of a thousandth. */
const ORDERS = 5000;

/**
 * Mann and Whitney's test of two samples, by permutation of their labels.
 *
 * @param better  1 where the first value is better, −1 where the second is, 0 where they are alike.
 * @param key     Decides the permutations drawn, where labels are too many to count.
 * @returns       With a probability that hangs on no order of the values.
 * @throws {ZartsError} for an empty sample, or a value that is not finite.
 */
export function rankTest(
  first: readonly number[],
  second: readonly number[],
  better: (a: number, b: number) => number,
  key: Key = keyOf(0),
  level = LEVEL,
): RankTest {
  checkValues('A rank test', first);
  checkValues('A rank test', second);
  const all = [...first, ...second];
  const [n, m] = [first.length, second.length];
  // The sum over pairs across the samples is that over all pairs with one of the first sample: pairs within it cancel.
  const wins = all.map((a) => all.reduce((sum, b) => sum + better(a, b), 0));
  const observed = Math.abs(wins.slice(0, n).reduce((sum, each) => sum + each, 0));
  const placements = (own: readonly number[], others: readonly number[], sign: number) =>
    own.map((a) => others.reduce((sum, b) => sum + (sign * better(a, b)) / 2, 0) / others.length);
  const [ofFirst, ofSecond] = [placements(first, second, 1), placements(second, first, -1)];
  const difference = mean(ofFirst);
  const variance = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + (value - difference) ** 2, 0) / (values.length - 1) / values.length;
  const df = Math.max(1, n + m - 2);
  const half = studentQuantile((1 + level) / 2, df) * Math.sqrt(variance(ofFirst) + variance(ofSecond));
  return {
    difference,
    interval: n > 1 && m > 1 ? [difference - half, difference + half] : null,
    p: rankProbability(sorted(wins), n, observed, key),
    standardError: Math.sqrt((n + m + 1) / (12 * n * m)),
    df,
  };
}

/** The probability that a sum of n of these wins, chosen at random, is at least as far from 0 as the one observed. */
function rankProbability(wins: readonly number[], n: number, observed: number, key: Key): number {
  const grid = gridOf(wins);
  const reaches = (sum: number): boolean => Math.abs(sum) >= observed - 1000 * grid;
  const counted = shareOf([lawOfChosen(wins, n, grid)], grid, reaches);
  if (counted !== undefined) return counted;
  let reached = 0;
  for (let draw = 0; draw < ORDERS; draw++) {
    const u = uniform(foldIn(key, draw), n);
    // The first n of a random order (Fisher–Yates).
    const order = Int32Array.from(wins, (_, i) => i);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const j = i + Math.floor(u[i] * (wins.length - i));
      [order[i], order[j]] = [order[j], order[i]];
      sum += wins[order[i]];
    }
    if (reaches(sum)) reached += 1;
  }
  return (reached + 1) / (ORDERS + 1);
}
