/**
 * The one mechanism of every figure and table: an experiment is a grid of runs, and all that is shown of it is a function of
 * its rows. `measure.ts` runs the grid, `kinds.ts` says what a run of each kind is and which numbers its row has.
 */
import { decide } from '../lib/analysis/claims.js';
import type { Answer, Claim } from '../lib/analysis/claims.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type { Surface } from '../lib/report/surface.js';
import type { Table } from '../lib/report/table.js';
import type { SourcedSetting } from '../lib/search/presets.js';
import type { Budget } from '../lib/search/protocol.js';
import { gridOf } from './grid.js';
import type { Change, Choices, Grid, GridOptions } from './grid.js';
import { rowOf } from './kinds.js';
import type { KeptRun, RowOf, Run, RunKind } from './kinds.js';

/** What tells a row from the others, beside its seed: names and numbers that tables group by and charts are drawn against. */
export type Axes = Readonly<Record<string, string | number>>;

/**
 * Whether a run is worth making, by the rows of those before it in the grid: not where their control failed; undefined while they
 * are not all there. A run that the store has is shown whatever they say.
 */
export type Worth = (rows: readonly object[]) => boolean | undefined;

/** A run in the grid. */
export type Cell<K extends RunKind = RunKind, A extends Axes = Axes> = K extends RunKind
  ? { readonly axes: A; readonly run: Extract<Run, { kind: K }>; readonly worth?: Worth }
  : never;

/** A run in a grid, whatever its kind. */
export interface AnyCell {
  readonly axes: Axes;
  readonly run: Run;
  readonly worth?: Worth;
}

/** A finished run in the grid: what the store has of it, and nothing else. Plain JSON. */
export interface MeasuredCell {
  readonly kind: RunKind;
  readonly axes: Axes;
  /** Of a training the search first, then the evaluation; of other kinds the one run. */
  readonly kept: readonly KeptRun[];
}

/** What is there of an experiment. Plain JSON. */
export interface Result {
  readonly budget: Budget;
  readonly runs: readonly MeasuredCell[];
  /** Runs that there are when all that are worth it are finished, linear classifiers beside them not counted. */
  readonly of: number;
  /** Data sets that are not here, each with what to do about it. */
  readonly missing: readonly string[];
}

/** A finished run as a tidy row: its axes, its seed and its numbers. */
export type Row<K extends RunKind = RunKind, A extends Axes = Axes> = K extends RunKind
  ? A & RowOf<K>
  : never;

/** What tables, charts and claims are functions of. */
export interface View<K extends RunKind = RunKind, A extends Axes = Axes> {
  readonly budget: Budget;
  /** In the order of the grid. */
  readonly rows: readonly Row<K, A>[];
  readonly done: number;
  readonly of: number;
  readonly missing: readonly string[];
}

/** A view of whatever rows. */
export interface AnyView extends Omit<View, 'rows'> {
  readonly rows: readonly object[];
}

/** A figure or table. Its functions of the view are pure and instant. */
export interface Experiment<K extends RunKind = RunKind, A extends Axes = Axes, C extends Choices = Choices> {
  /** "fig-4"; letters, digits, hyphens. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in one line. */
  readonly description: string;
  /** What the paper says, in our words. */
  readonly claim: string;
  /** The paper's numbers (data/paper/results.json), keyed like ours. */
  readonly paper: Readonly<Record<string, number>>;
  /** Independent repeats at each budget, unless another number is asked for. */
  readonly seeds: Readonly<Record<Budget, number>>;
  /** What of the grid can be chosen by name: spaces, methods. */
  readonly choices: C;
  /**
   * The runs, in the order in which they are computed; equal ones are run once, and are a row for each of their axes. Settings changed by hand come in through the
   * grid (`grid.search(protocol)`). @throws {UsageError} for settings that do not go together.
   */
  readonly runs: (grid: Grid<C>) => readonly Cell<K, A>[];
  /** What the runs do otherwise than the paper, one sentence each; printed under the result, always. */
  readonly deviations: (cells: readonly Cell<K, A>[]) => readonly string[];
  /** Settings that the paper leaves open, where they are not a search's and its training's. */
  readonly openSettings?: (cells: readonly Cell<K, A>[]) => readonly SourcedSetting[];
  readonly tables: (view: View<K, A>) => readonly Table[];
  readonly charts: (view: View<K, A>) => readonly Chart[];
  /** Pictures that are no charts, e.g. of cells. */
  readonly drawings?: (view: View<K, A>) => readonly Drawing[];
  /** Landscapes in three dimensions. */
  readonly surfaces?: (view: View<K, A>) => readonly Surface[];
  readonly claims: (view: View<K, A>) => readonly Claim[];
}

/** A figure or table as it is written down: what is found of each of its claims, before they are decided together. */
export type Definition<K extends RunKind, A extends Axes, C extends Choices> = Omit<
  Experiment<K, A, C>,
  'claims'
> & { readonly claims: (view: View<K, A>) => readonly Answer[] };

/** The experiment, its types inferred. */
export function experiment<K extends RunKind, A extends Axes, C extends Choices>(
  definition: Definition<K, A, C>,
): Experiment<K, A, C> {
  return { ...definition, claims: (view) => decide(definition.claims(view)) };
}

/**
 * The runs of an experiment, each once for what it stands for.
 *
 * @throws {UsageError} for a number of seeds below 1, a name or value that does not exist, and a change that nothing reads.
 */
export function cellsOf<K extends RunKind, A extends Axes, C extends Choices>(
  { choices, seeds, runs }: Pick<Experiment<K, A, C>, 'choices' | 'seeds' | 'runs'>,
  options: GridOptions<Change<K, C>>,
): Cell<K, A>[] {
  const { grid, checkAllRead } = gridOf(choices, seeds, options);
  const cells = runs(grid);
  checkAllRead();
  return [...new Map(cells.map((cell) => [canonicalJson([cell.run, cell.axes]), cell])).values()];
}

/** Runs of a result that are an experiment's own, and not classifiers beside them. */
export const doneOf = ({ runs }: Pick<Result, 'runs'>): number =>
  runs.filter(({ kind }) => kind !== 'linear').length;

/** The rows of a result, and how far it is. */
export function viewOf<K extends RunKind, A extends Axes>(result: Result): View<K, A> {
  const { budget, runs, of, missing } = result;
  const rows = runs.map(({ kind, axes, kept }) => ({ ...rowOf(kind, kept, axes), ...axes }));
  return { budget, rows: rows as unknown as Row<K, A>[], done: doneOf(result), of, missing };
}

/** The rows of one kind. */
export function rowsOfKind<R extends { readonly kind: string }, K extends R['kind']>(
  rows: readonly R[],
  kind: K,
): Extract<R, { kind: K }>[] {
  return rows.filter((row): row is Extract<R, { kind: K }> => row.kind === kind);
}

/** The cells of one kind. */
export function cellsOfKind<C extends AnyCell, K extends RunKind>(
  cells: readonly C[],
  kind: K,
): Extract<C, { readonly run: { readonly kind: K } }>[] {
  return cells.filter(({ run }) => run.kind === kind) as Extract<C, { readonly run: { readonly kind: K } }>[];
}

/** Every combination of the axes' values, the first axis outermost. */
export function cross<A extends Readonly<Record<string, readonly unknown[]>>>(
  axes: A,
): { readonly [Name in keyof A]: A[Name][number] }[] {
  return Object.entries(axes).reduce<Record<string, unknown>[]>(
    (combined, [name, values]) =>
      combined.flatMap((each) => values.map((value) => ({ ...each, [name]: value }))),
    [{}],
  ) as { readonly [Name in keyof A]: A[Name][number] }[];
}

/** Different values in the order of their first occurrence. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Rows that agree in the fields, in the order of their first occurrence, with the values that they agree in. */
export function groupBy<R extends object, F extends keyof R>(
  rows: readonly R[],
  ...fields: readonly F[]
): { readonly key: Pick<R, F>; readonly rows: R[] }[] {
  const groups = new Map<string, { key: Pick<R, F>; rows: R[] }>();
  for (const row of rows) {
    const key = Object.fromEntries(fields.map((field) => [field, row[field]])) as Pick<R, F>;
    const id = JSON.stringify(key);
    const group = groups.get(id);
    if (group) group.rows.push(row);
    else groups.set(id, { key, rows: [row] });
  }
  return [...groups.values()];
}

/**
 * The rows of the seeds that are there whole: that have each combination of the fields that any has. A slope or mean over a part of
 * them would be another than that over all.
 */
export function ofWholeSeeds<R extends { readonly seed: number }, F extends keyof R>(
  rows: readonly R[],
  ...fields: readonly F[]
): R[] {
  const all = groupBy(rows, ...fields).length;
  return groupBy(rows, 'seed')
    .filter((group) => groupBy(group.rows, ...fields).length === all)
    .flatMap((group) => group.rows);
}

/** A number for each seed that has one, seeds ascending. */
export function perSeed<R extends { readonly seed: number }>(
  rows: readonly R[],
  statistic: (own: readonly R[]) => number | null | undefined,
): number[] {
  return groupBy(rows, 'seed')
    .sort((a, b) => a.key.seed - b.key.seed)
    .map(({ rows: own }) => statistic(own))
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
}
