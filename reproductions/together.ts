/** Questions that are fixed beforehand and decided together, and the controls that show that they could be. */
import type { Claim, Verdict } from '../lib/analysis/claims.js';
import { undecided } from '../lib/analysis/claims.js';
import { holm } from '../lib/analysis/comparison.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import { fixed } from '../lib/report/format.js';
import type { Table } from '../lib/report/table.js';
import { label, listTable } from './tables.js';

/** What a question was tested by. */
export interface Tested {
  readonly value: number;
  readonly interval: readonly [number, number] | null;
  readonly n: number;
  /** Two-sided; of a test that has only one side, one-sided. */
  readonly p: number;
  /** Whether the difference goes the way that the claim says. */
  readonly agrees: boolean;
  readonly detail: string;
}

/** A question that is put to the rows. */
export interface TestedQuestion {
  readonly id: string;
  readonly text: string;
  readonly statistic: string;
  /** What was repeated, where it was not seeds. */
  readonly unit?: string;
  /** Whether it stands beside the primary ones, and is not corrected for their number. */
  readonly secondary?: boolean;
  /** What must have been seen first. */
  readonly controls?: readonly Control[];
  /** undefined where a method has no runs. @param questions  How many are primary. */
  readonly test: (questions: number) => Tested | undefined;
}

/** Something that runs must show before a comparison of them says anything. */
export interface Control {
  /** What must be seen. */
  readonly text: string;
  /** What was. */
  readonly found: string;
  /** undefined where its runs are not there. */
  readonly passed: boolean | undefined;
}

/**
 * The control that the mean of a number over searches lies above a bound, the whole of its interval.
 *
 * @param none  Why it was not run, where there are fewer than two numbers.
 */
export function aboveControl(text: string, values: readonly number[], bound: number, none: string): Control {
  if (values.length < 2) return { text, found: none, passed: undefined };
  const { n, mean, interval } = summarize(values);
  const found = `${fixed(mean, 2)} (${interval!.map((end) => fixed(end, 2)).join(' to ')}), ${n} searches`;
  return { text, found, passed: interval![0] > bound };
}

const CONTROLS = 'Controls: what these runs must show before they can decide anything';

/** The controls among what a figure shows as tables; they stand above it. */
export const controlsIn = (tables: readonly Table[]): Table[] =>
  tables.filter(({ title }) => title === CONTROLS);

/** The other tables. */
export const withoutControls = (tables: readonly Table[]): Table[] =>
  tables.filter(({ title }) => title !== CONTROLS);

const NOT_SEEN = '✗ not seen';

/** Controls as a table, to stand above what they are of. */
export function controlsTable(controls: readonly Control[], notes: readonly string[] = []): Table {
  return listTable(
    CONTROLS,
    controls,
    [
      label('must be seen', ({ text }) => text),
      label('found', ({ found }) => found),
      label('', ({ passed }) => (passed === undefined ? '? not run' : passed ? '✓ seen' : NOT_SEEN)),
    ],
    notes,
  );
}

/** What of the controls among tables failed, in the order of the tables: "Training tells … apart (errors 47.5, …)". */
export function failedControls(tables: readonly Table[]): string[] {
  const rows = controlsIn(tables).flatMap((table) => table.rows.map((row) => Object.values(row)));
  return rows.flatMap(([text, found, mark]) => (mark === NOT_SEEN ? [`${text} (${found})`] : []));
}

const sentenceOf = ({ text, found }: Control): string => `${text} (${found})`;

/** What a statement is told of its controls: why it cannot be seen here, or what showed that it can. */
export function gatedBy(controls: readonly Control[]): {
  readonly unseen?: string;
  readonly controls?: readonly string[];
} {
  const fault = controls.find(({ passed }) => passed === false);
  if (fault) return { unseen: `The control failed: ${sentenceOf(fault)}.` };
  const seen = controls.filter(({ passed }) => passed);
  return seen.length === 0 ? {} : { controls: seen.map(sentenceOf) };
}

/**
 * The verdicts on questions: the primary ones at the level by Holm's correction for their number, the secondary ones each for
 * itself. One whose control failed cannot be seen here, whatever its numbers are; one whose control was not run is undecided.
 *
 * @param lacking  Why there is nothing to decide any of them on.
 */
export function judgeTogether(questions: readonly TestedQuestion[], lacking?: string): Claim[] {
  const primary = questions.filter(({ secondary }) => !secondary).length;
  const tested = questions.map((question) => {
    const { controls = [], test } = question;
    const fault = controls.find(({ passed }) => passed !== true);
    return { question, fault, found: lacking === undefined && !fault ? test(primary) : undefined };
  });
  // What is not tested yet counts as well, so that a verdict on a part of the runs is not easier to come by than on all.
  const counted = ({ question, fault }: (typeof tested)[number]): boolean =>
    !question.secondary && fault?.passed !== false;
  const adjusted = holm(tested.filter(counted).map(({ found }) => found?.p ?? 1));
  let next = 0;
  return tested.map((each): Claim => {
    const { question, fault, found } = each;
    const { id, text, statistic, unit, secondary, controls = [] } = question;
    const together = counted(each) ? adjusted[next++] : undefined;
    if (!found) {
      const why =
        fault && `The control ${fault.passed === false ? 'failed' : 'was not run'}: ${sentenceOf(fault)}.`;
      const detail = lacking ?? why ?? 'One of its methods has no searches here.';
      const unseen = lacking === undefined && fault?.passed === false;
      return undecided({ id, text, statistic, detail }, unseen ? 'cannot be seen here' : 'undecided');
    }
    const { value, interval, n, p, agrees, detail } = found;
    const level = together ?? p;
    const corrected = secondary
      ? 'a secondary question, not corrected for the others'
      : `${level.toPrecision(2)} after Holm’s correction for ${adjusted.length} primary questions`;
    return {
      id,
      text,
      verdict: verdictOf(level, agrees),
      statistic: { name: statistic, value },
      n,
      ...(unit === undefined ? {} : { unit }),
      interval,
      detail: `p = ${p.toPrecision(2)}, ${corrected}; decided below ${fixed(1 - LEVEL, 2)}. ${detail}`,
      ...(controls.length === 0 ? {} : { controls: controls.map(sentenceOf) }),
    };
  });
}

function verdictOf(p: number, agrees: boolean): Verdict {
  if (p >= 1 - LEVEL) return 'undecided';
  return agrees ? 'supported' : 'not supported';
}
