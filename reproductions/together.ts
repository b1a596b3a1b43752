/** Questions that are fixed beforehand and decided together, and the controls that show that they could be. */
import { unanswered } from '../lib/analysis/claims.js';
import type { Answer, Gate } from '../lib/analysis/claims.js';
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
  /** Whether what is tested is that there is none that counts. */
  readonly alike?: boolean;
  /** Where so many questions are primary; 1 for a secondary one. */
  readonly detail: string | ((questions: number) => string);
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
  /** What else was measured that bears on it. */
  readonly remark?: string;
  /** undefined where a method has no runs. */
  readonly test: () => Tested | undefined;
}

/** Something that runs must show before a comparison of them says anything. */
export interface Control {
  /** What must be seen. */
  readonly text: string;
  /** What was. */
  readonly found: string;
  /** undefined where its runs are not there. */
  readonly passed: boolean | undefined;
  /** Of one that did not pass: whether more runs might have let it. */
  readonly isOpen?: boolean;
}

/**
 * The control that the mean of a number over searches lies above a bound, the whole of its interval.
 *
 * @param none  Why it was not run, where there are fewer than two numbers.
 * @param of    What was counted, and in which unit.
 */
export function aboveControl(
  text: string,
  values: readonly number[],
  bound: number,
  none: string,
  of = 'searches',
  decimals = 2,
): Control {
  if (values.length < 2) return { text, found: none, passed: undefined };
  const { n, mean, interval } = summarize(values);
  const found = `${fixed(mean, decimals)} (${rangeText(interval!, decimals)}), ${n} ${of}`;
  return { text, found, passed: interval![0] > bound, isOpen: interval![0] <= bound && interval![1] > bound };
}

/** "1.04 to 1.17". */
export const rangeText = (ends: readonly number[], decimals: number): string =>
  ends.map((end) => fixed(end, decimals)).join(' to ');

/** What so many repeats could have found: the smallest effect, or that no order of them would have been unlikely. */
export function powerText(
  repeats: string,
  leastP: number,
  questions: number,
  smallest: (questions: number) => string,
): string {
  return leastP * questions >= 1 - LEVEL
    ? `So few ${repeats} decide nothing, whatever they show.`
    : `So many ${repeats} would find ${smallest(questions)} four times in five.`;
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

const failedText = (control: Control): string =>
  `The control failed: ${sentenceOf(control)}.${control.isOpen ? ' More runs might let it pass.' : ''}`;

/** What a statement is told of its controls: why it cannot be seen here or is not asked yet, or what showed that it can be. */
export function gatedBy(controls: readonly Control[]): Gate {
  const failed = controls.find(({ passed }) => passed === false);
  if (failed) return { unseen: failedText(failed), isOpen: failed.isOpen };
  const missing = controls.find(({ passed }) => passed === undefined);
  if (missing) return { lacking: `The control was not run: ${sentenceOf(missing)}.` };
  return controls.length === 0 ? {} : { controls: controls.map(sentenceOf) };
}

/**
 * What is found of questions. One whose control failed cannot be seen here, whatever its numbers are, which stand beside; one
 * whose control was not run is not run either.
 *
 * @param lacking  Why there is nothing to decide any of them on.
 */
export function judgeQuestions(questions: readonly TestedQuestion[], lacking?: string): Answer[] {
  return questions.map((question): Answer => {
    const { id, text, statistic, unit, secondary, controls = [], remark, test } = question;
    const failed = controls.find(({ passed }) => passed === false);
    const fault = failed ?? controls.find(({ passed }) => passed === undefined);
    const found = lacking === undefined && (!fault || failed) ? test() : undefined;
    const common = { id, text, ...(secondary ? { secondary } : {}) };
    const measured = found && {
      ...common,
      statistic: { name: statistic, value: found.value },
      n: found.n,
      ...(unit === undefined ? {} : { unit }),
      interval: found.interval,
    };
    if (!measured || fault) {
      const why = failed ? failedText(failed) : fault && `The control was not run: ${sentenceOf(fault)}.`;
      const detail = lacking ?? why ?? 'One of its methods has too few searches here.';
      const verdict = lacking === undefined && failed ? 'cannot be seen here' : 'not run';
      const open = failed?.isOpen ? { isOpen: true } : {};
      return measured
        ? { ...measured, untested: verdict, ...open, detail }
        : { ...unanswered({ ...common, statistic, detail }, verdict), ...open };
    }
    const { p, agrees, alike, detail: said } = found;
    const detail = (count: number): string => {
      const own = typeof said === 'string' ? said : said(secondary ? 1 : count);
      return remark === undefined ? own : `${own} ${remark}`;
    };
    return {
      ...measured,
      ...(remark === undefined ? {} : { remark }),
      tested: { p, agrees, ...(alike ? { alike } : {}) },
      detail,
      ...(controls.length === 0 ? {} : { controls: controls.map(sentenceOf) }),
    };
  });
}
