import { ZartsError } from '../errors.js';
import { holm, smallestEffect } from './comparison.js';
import { LEVEL, studentCdf, summarize } from './statistics.js';

/**
 * What the data say of a claim. More seeds could decide one that is undecided; one that cannot be seen here needs another
 * experiment: this one has not shown, by its control or by its size, that it would notice; one that was not run has no runs.
 */
export type Verdict = 'supported' | 'not supported' | 'undecided' | 'cannot be seen here' | 'not run';

/** One sentence of the paper that data can support or not, with what decided it. Plain JSON. */
export interface Claim {
  readonly id: string;
  /** The sentence, in our words. */
  readonly text: string;
  readonly verdict: Verdict;
  /** Whether it is a question beside those that were to be decided, and not corrected for their number. */
  readonly secondary?: boolean;
  /** What was measured once a seed, and its mean; null when there was nothing to measure it on. */
  readonly statistic: { readonly name: string; readonly value: number | null };
  /** Seeds (independent repeats) behind it. */
  readonly n: number;
  /** What was repeated, where it was not seeds: "pair". */
  readonly unit?: string;
  /** The 95 % interval of the statistic's mean over seeds, for this claim alone; null with fewer than two seeds. */
  readonly interval: readonly [number, number] | null;
  /** Where the line was drawn and why, and what limits the verdict. */
  readonly detail: string;
  /** What showed that this experiment can see such a thing, a sentence each. */
  readonly controls?: readonly string[];
  /** What else was measured that bears on it, said wherever its verdict is: a sentence, which stands in `detail` too. */
  readonly remark?: string;
  /** Of a claim that is not supported: whether two things were shown to be alike, and not the reverse of what it says. */
  readonly alike?: boolean;
  /** Of one that cannot be seen: whether more runs might let its control pass. */
  readonly isOpen?: boolean;
}

/** What the data say of a claim on its own: the claims of a figure are decided together ({@link decide}). */
export interface Answer extends Omit<Claim, 'verdict' | 'detail' | 'alike'> {
  /** The test that decides it, where one does. */
  readonly tested?: {
    /** Two-sided; of a test that has only one side, one-sided. */
    readonly p: number;
    /** Whether the data go the way that the claim says. */
    readonly agrees: boolean;
    /** {@link Claim.alike}, where that is what was tested. */
    readonly alike?: boolean;
  };
  /** What it is without a test: what was counted is certain, other things are not known. */
  readonly untested?: Verdict;
  /** {@link Claim.detail}, where there are so many primary questions. */
  readonly detail: string | ((questions: number) => string);
}

/**
 * The verdicts on the claims of a figure: the primary ones at the level by Holm's correction for their number, the secondary ones
 * each for itself. What is not tested yet counts as well, so that a verdict on a part of the runs is not easier to come by
 * than on all; what cannot be seen does not, unless more runs might let its control pass.
 */
export function decide(answers: readonly Answer[]): Claim[] {
  const waits = (untested: Verdict): boolean => untested === 'undecided' || untested === 'not run';
  const primary = answers.filter(
    ({ secondary, untested, isOpen }) => !secondary && (!untested || waits(untested) || isOpen),
  );
  const adjusted = holm(primary.map(({ tested }) => tested?.p ?? 1));
  return answers.map((answer): Claim => {
    const { tested, untested = 'undecided', detail, ...claim } = answer;
    const said = typeof detail === 'string' ? detail : detail(Math.max(1, primary.length));
    if (!tested) return { ...claim, verdict: untested, detail: said };
    const place = primary.indexOf(answer);
    const level = place < 0 ? tested.p : adjusted[place];
    const decided = tested.agrees ? 'supported' : 'not supported';
    return {
      ...claim,
      verdict: level < 1 - LEVEL ? decided : 'undecided',
      ...(tested.alike && level < 1 - LEVEL ? { alike: true } : {}),
      detail: `${levelText(tested.p, place < 0 ? undefined : { level, of: primary.length })}; decided below ${four(1 - LEVEL)}. ${said}`,
    };
  });
}

/** "p = 0.012, 0.099 after Holm’s correction for 8 primary questions". */
function levelText(p: number, together: { readonly level: number; readonly of: number } | undefined): string {
  const own = p < LEAST ? `p < ${LEAST}` : `p = ${p.toPrecision(2)}`;
  if (!together) return `${own}, a secondary question, not corrected for the others`;
  if (together.of === 1) return own;
  const corrected = together.level < LEAST ? `below ${LEAST}` : together.level.toPrecision(2);
  return `${own}, ${corrected} after Holm’s correction for ${together.of} primary questions`;
}

/** Probabilities below it are not told apart. */
const LEAST = 0.0001;

/** Where the statistic must lie for the claim to hold. */
export type Region =
  { readonly above: number } | { readonly below: number } | { readonly between: readonly [number, number] };

function bounds(region: Region): readonly [number, number] {
  if ('above' in region) return [region.above, Infinity];
  if ('below' in region) return [-Infinity, region.below];
  return region.between;
}

/** A number that was computed (0.7 − 0.05), in four digits. */
const four = (value: number): string => String(Number(value.toPrecision(4))).replace('-', '−');

function regionText(region: Region): string {
  const [low, high] = bounds(region).map(four);
  if ('above' in region) return `above ${low}`;
  return 'below' in region ? `below ${high}` : `from ${low} to ${high}`;
}

/** Distances below it are rounding. */
const ROUNDING = 1e-12;

/**
 * Whether a mean lies in a region, by Student's t against its nearest edge: the whole interval of a level lies on one side of
 * the edge where p is below what the level leaves. Where all values are the same and lie on the edge, p is 1.
 *
 * @param standardError  Of the mean; 0 leaves no doubt off the edge.
 * @param df             Degrees of freedom behind it.
 */
export function regionTest(
  mean: number,
  standardError: number,
  df: number,
  region: Region,
): { readonly p: number; readonly agrees: boolean } {
  const [low, high] = bounds(region);
  const away = Math.min(Math.abs(mean - low), Math.abs(mean - high));
  // On the edge neither side is shown, however little values scatter; what rounding makes of 0 is 0.
  const t = away < ROUNDING ? 0 : away / standardError;
  return { p: 2 * (1 - studentCdf(t, df)), agrees: mean > low && mean < high };
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
  /** {@link Claim.isOpen}. */
  readonly isOpen?: boolean | undefined;
  /** Why it is not asked yet, whatever the values are: a control that was not run. */
  readonly lacking?: string | undefined;
  /** What showed that it can be seen. */
  readonly controls?: readonly string[] | undefined;
  /** Whether it stands beside the primary ones. */
  readonly secondary?: boolean | undefined;
}

/** What a question is told of its controls. */
export type Gate = Pick<Question, 'unseen' | 'isOpen' | 'lacking' | 'controls'>;

/**
 * Judges a claim by Student's t of a per-seed statistic. One seed, or none, decides nothing, whatever it shows.
 *
 * @throws {ZartsError} if a value is not finite.
 */
export function judge(question: Question): Answer {
  const { id, text, statistic, values, region, resolution, unit, detail, controls, secondary } = question;
  const { unseen, isOpen, lacking } = question;
  const what = unit ?? 'seed';
  const more = detail === undefined ? '' : ` ${detail}`;
  const common = { id, text, ...(secondary ? { secondary } : {}) };
  if (lacking !== undefined || (values.length === 0 && unseen === undefined)) {
    const reason = lacking ?? `No ${what} has all the runs that this needs.`;
    return { ...unanswered({ ...common, statistic, detail: reason + more }, 'not run') };
  }
  const { n, mean, interval, standardError } =
    values.length > 0
      ? summarize(values, LEVEL, resolution)
      : { n: 0, mean: null, interval: null, standardError: null };
  const measured = {
    ...common,
    statistic: { name: statistic, value: mean },
    n,
    ...(unit === undefined ? {} : { unit }),
    interval,
  };
  const rule = `supported if the mean lies ${regionText(region)}, by more than chance.`;
  if (unseen !== undefined) {
    // A line that hangs on what is measured is not known where nothing was.
    const otherwise = bounds(region).some(Number.isNaN) ? '' : ` Otherwise it would be ${rule}`;
    const open = isOpen ? { isOpen } : {};
    return { ...measured, untested: 'cannot be seen here', ...open, detail: unseen + otherwise + more };
  }
  const seen = controls === undefined ? {} : { controls };
  if (mean === null || standardError === null) {
    const reason = `One ${what} has no spread to judge by; two or more are needed.`;
    return { ...measured, ...seen, untested: 'undecided', detail: reason + more };
  }
  const least = (questions: number): string =>
    standardError === 0
      ? ''
      : ` So many would find a mean ${four(smallestEffect(standardError, n - 1, questions))} from the line four times in five.`;
  return {
    ...measured,
    ...seen,
    tested: regionTest(mean, standardError, n - 1, region),
    detail: (questions) => `It is ${rule}${least(secondary ? 1 : questions)}${more}`,
  };
}

/** An answer that no data give, and why. */
export function unanswered(
  question: Pick<Question, 'id' | 'text' | 'statistic' | 'secondary'> & { readonly detail: string },
  untested: Exclude<Verdict, 'supported' | 'not supported'>,
): Answer {
  const { id, text, statistic, secondary, detail } = question;
  if (detail === '') throw new ZartsError(`Claim ${id} is ${untested}; its detail must say why.`);
  const common = { id, text, ...(secondary ? { secondary } : {}) };
  return { ...common, statistic: { name: statistic, value: null }, n: 0, interval: null, untested, detail };
}
