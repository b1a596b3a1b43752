/** Statements of the paper as data: a number of each seed's rows, and where it must lie. */
import { judge, unanswered } from '../lib/analysis/claims.js';
import type { Answer, Gate, Region } from '../lib/analysis/claims.js';
import { perSeed } from './experiment.js';
import { gatedBy } from './together.js';
import type { Control } from './together.js';

/** A statement that is put to the rows of each seed. */
export interface Statement<R> extends Gate {
  readonly id: string;
  /** In our words. */
  readonly text: string;
  /** What `value` measures, in words. */
  readonly statistic: string;
  /** Where the statement says that its mean lies. */
  readonly region: Region;
  /** Step between the values that can occur, for counts and shares. */
  readonly resolution?: number;
  /** Rows that it is about, where it is not about all. */
  readonly among?: (row: R) => boolean;
  /** Of one seed's rows, at least one; nothing, or what is not finite, where others are not there. */
  readonly value: (rows: readonly R[]) => number | null | undefined;
  /** Said after the reason of the verdict. */
  readonly detail?: string;
  /** Whether it stands beside what the paper says: our question, or our reading of what it means. */
  readonly secondary?: boolean;
  /** What the same rows must show first. */
  readonly control?: Control;
}

/** Why a number that the paper read off its own searches cannot be met at a reduced budget; nothing at the full one. */
export function absolute(budget: string): Pick<Statement<never>, 'unseen'> {
  return budget === 'full'
    ? {}
    : { unseen: `The number is that of the paper's own size, which decides nothing at budget ${budget}.` };
}

/**
 * What is found of statements.
 *
 * @param lacking  Why there is nothing to decide any of them on.
 */
export function judgeAll<R extends { readonly seed: number }>(
  rows: readonly R[],
  statements: readonly Statement<R>[],
  lacking?: string,
): Answer[] {
  return statements.map(({ among = () => true, value, control, ...rest }) => {
    if (lacking !== undefined) return unanswered({ ...rest, detail: lacking }, 'not run');
    const values = perSeed(rows.filter(among), value);
    // What one seed shows is undecided, not unasked.
    return judge({ ...rest, ...(control && values.length > 1 ? gatedBy([control]) : {}), values });
  });
}

/** Statements that are put to some rows: what is found of them, and the controls of those that have one. */
export interface Judged {
  readonly answers: readonly Answer[];
  readonly controls: readonly Control[];
}

/** {@link judgeAll}, with the controls. */
export const judged = <R extends { readonly seed: number }>(
  rows: readonly R[],
  statements: readonly Statement<R>[],
): Judged => ({
  answers: judgeAll(rows, statements),
  controls: statements.flatMap(({ control }) => control ?? []),
});
