import { ZartsError } from '../errors.js';
import { LEVEL, summarize } from './statistics.js';

/**
 * What the data say of a claim. More seeds could decide one that is undecided; one that cannot be seen here needs another
 * experiment: this one has not shown, by its control or by its size, that it would notice.
 */
export type Verdict = 'supported' | 'not supported' | 'undecided' | 'cannot be seen here';

/** One sentence of the paper that data can support or not, with what decided it. Plain JSON. */
export interface Claim {
  readonly id: string;
  /** The sentence, in our words. */
  readonly text: string;
  readonly verdict: Verdict;
  /** What was measured once a seed, and its mean; null when there was nothing to measure it on. */
  readonly statistic: { readonly name: string; readonly value: number | null };
  /** Seeds (independent repeats) behind it. */
  readonly n: number;
  /** What was repeated, where it was not seeds: "pair". */
  readonly unit?: string;
  /** The 95 % t interval of the statistic's mean over seeds; null with fewer than two seeds. */
  readonly interval: readonly [number, number] | null;
  /** Where the line was drawn and why, and what limits the verdict. */
  readonly detail: string;
  /** What showed that this experiment can see such a thing, a sentence each. */
  readonly controls?: readonly string[];
}

/** Where the statistic must lie for the claim to hold. */
export type Region =
  { readonly above: number } | { readonly below: number } | { readonly between: readonly [number, number] };

function bounds(region: Region): readonly [number, number] {
  if ('above' in region) return [region.above, Infinity];
  if ('below' in region) return [-Infinity, region.below];
  return region.between;
}

function regionText(region: Region): string {
  // A bound that was computed (0.7 − 0.05) is shown in four digits.
  const [low, high] = bounds(region).map((bound) => String(Number(bound.toPrecision(4))).replace('-', '−'));
  if ('above' in region) return `above ${low}`;
  return 'below' in region ? `below ${high}` : `from ${low} to ${high}`;
}

/**
 * The verdict that an interval gives: supported if all of it lies in the claimed region, not supported if none of it does,
 * undecided if it crosses the region's edge.
 */
export function verdictOf(interval: readonly [number, number], region: Region): Verdict {
  const [low, high] = bounds(region);
  if (interval[0] > low && interval[1] < high) return 'supported';
  return interval[1] <= low || interval[0] >= high ? 'not supported' : 'undecided';
}

/** What {@link judge} decides on. */
export interface Question {
  readonly id: string;
  readonly text: string;
  /** What `values` measure, in words. */
  readonly statistic: string;
  /** One finite number a seed. */
  readonly values: readonly number[];
  /** Where the claim says that the mean lies. */
  readonly region: Region;
  /** Step between the values that can occur, for counts and shares (lib/analysis/statistics.ts, summarize). Default 0. */
  readonly resolution?: number;
  /** What each value is of, where it is not a seed: "pair". */
  readonly unit?: string;
  /** Said after the reason that {@link judge} itself states. */
  readonly detail?: string;
  /** Why this experiment could not see it, whatever the values are: what its control found. Then no verdict is given. */
  readonly unseen?: string | undefined;
  /** What showed that it can be seen. */
  readonly controls?: readonly string[] | undefined;
}

/**
 * Judges a claim by the 95 % t interval of a per-seed statistic. One seed, or none, decides nothing, whatever it shows.
 *
 * @throws {ZartsError} if a value is not finite.
 */
export function judge(question: Question): Claim {
  const { id, text, statistic, values, region, resolution, unit, detail, unseen, controls } = question;
  const what = unit ?? 'seed';
  if (values.length === 0 && unseen === undefined) {
    const reason = `No ${what} has all the runs that this needs.`;
    return undecided({ id, text, statistic, detail: detail ? `${reason} ${detail}` : reason });
  }
  const { n, mean, interval } =
    values.length > 0 ? summarize(values, LEVEL, resolution) : { n: 0, mean: null, interval: null };
  const line = `the whole ${LEVEL * 100} % interval`;
  const reason =
    unseen !== undefined
      ? `${unseen} Otherwise it would be supported if ${line} lay ${regionText(region)}.`
      : interval
        ? `Supported if ${line} lies ${regionText(region)}.`
        : `One ${what} has no spread to judge by; two or more are needed.`;
  const decided = interval ? verdictOf(interval, region) : 'undecided';
  return {
    id,
    text,
    verdict: unseen === undefined ? decided : 'cannot be seen here',
    statistic: { name: statistic, value: mean },
    n,
    ...(unit === undefined ? {} : { unit }),
    interval,
    detail: detail ? `${reason} ${detail}` : reason,
    ...(controls === undefined || unseen !== undefined ? {} : { controls }),
  };
}

/** A claim that these data cannot decide, or that this experiment cannot see, and why. */
export function undecided(
  { id, text, statistic, detail }: Pick<Question, 'id' | 'text' | 'statistic'> & { readonly detail: string },
  verdict: 'undecided' | 'cannot be seen here' = 'undecided',
): Claim {
  if (detail === '') throw new ZartsError(`Claim ${id} is ${verdict}; its detail must say why.`);
  return { id, text, verdict, statistic: { name: statistic, value: null }, n: 0, interval: null, detail };
}
