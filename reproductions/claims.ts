/** Claims about networks that were trained, and what they are decided on. */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { pairedTest } from '../lib/analysis/comparison.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import type { SolverId } from '../lib/search/solvers.js';
import { distinct, groupBy, rowsOfKind } from './experiment.js';
import type { Row, View } from './experiment.js';
import { methodTitle } from './methods.js';

/** What rows are told apart by where methods are compared. */
export type MethodAxes = Readonly<Record<'method', string>>;

/** Trained networks of two methods that differ in the method alone: same data set, space and seed. */
export interface Pair {
  readonly a: Row<'training', MethodAxes>;
  readonly b: Row<'training', MethodAxes>;
}

/** The pairs of two methods. */
export function pairsOf(rows: readonly Row<'training', MethodAxes>[], a: string, b: string): Pair[] {
  const others = rows.filter(({ method }) => method === b);
  return rows.flatMap((row) => {
    const { method, dataset, space, seed } = row;
    const other = others.find(
      (each) => each.dataset === dataset && each.space === space && each.seed === seed,
    );
    return method === a && other ? [{ a: row, b: other }] : [];
  });
}

/** By how much the error of the second is lower. */
export function errorLess({ a, b }: Pair): number {
  return a.errorPct - b.errorPct;
}

/** A claim that one method beats another. */
export interface Contest {
  readonly id: string;
  readonly text: string;
  readonly better: string;
  readonly worse: string;
  readonly detail?: string;
  /** What errors are called; "test error" when left out. */
  readonly error?: string;
  /** A question that the paper does not ask is put only where this method was run. */
  readonly where?: string;
}

/** The baseline that the paper leaves out. */
export const BEATS_RANDOM: Contest = {
  id: 'beats-random',
  text: 'ZARTS-MGS finds better networks than random search over alphas (our question; the paper has no such baseline).',
  better: 'mgs',
  worse: 'random-alpha',
  where: 'random-alpha',
};

/** That a method finds better networks than another, where. */
export function beats(better: SolverId, worse: SolverId, where: string, detail?: string): Contest {
  return {
    id: `beats/${worse}`,
    text: `${methodTitle(better)} finds better networks ${where} than ${methodTitle(worse)} does.`,
    better,
    worse,
    ...(detail === undefined ? {} : { detail }),
  };
}

/** The paper's idea with a density that plays no part, beside its strongest rival; in words. */
export function flatBeats(worse: SolverId, words: string): Contest {
  return {
    id: `flat-beats/${worse}`,
    text: `MGS with a flat density finds better networks than ${words}.`,
    better: 'mgs-flat',
    worse,
    where: 'mgs-flat',
  };
}

/** What contests are decided on. */
type Networks = Pick<View<'search' | 'training' | 'linear', MethodAxes>, 'rows' | 'missing'>;

/**
 * The claims of contests.
 *
 * @param undecidable  Why these networks decide none of them.
 */
export function contests(view: Networks, asked: readonly Contest[], undecidable?: string): Claim[] {
  return asked
    .filter(({ where }) => where === undefined || view.rows.some(({ method }) => method === where))
    .map((each) => contest(view, each, undecidable));
}

/** What decides a claim that one method beats another, pair by pair. */
function contest(
  { rows, missing }: Networks,
  { id, text, better, worse, detail = '', error = 'test error' }: Contest,
  undecidable?: string,
): Claim {
  const statistic = `${error} (points of %), ${methodTitle(worse)} less ${methodTitle(better)}`;
  const pairs = pairsOf(rowsOfKind(rows, 'training'), worse, better);
  const values = pairs.map(errorLess);
  const none =
    missing.length > 0
      ? missing.join(' ')
      : `There is no pair of searches by ${methodTitle(better)} and ${methodTitle(worse)}.`;
  const why = undecidable ?? (values.length === 0 ? none : undefined);
  if (why !== undefined) return undecided({ id, text, statistic, detail: why });
  const { p } = pairedTest(values);
  return judge({
    id,
    text,
    statistic,
    values,
    region: { above: 0 },
    // One image more or less.
    resolution: 100 / Math.min(...pairs.map(({ a }) => a.testImages)),
    unit: 'pair',
    detail: `Pairs have benchmark and seed in common; permutation test p = ${p.toPrecision(2)}.${detail === '' ? '' : ` ${detail}`}`,
  });
}

/** How many times the seconds of one method's search those of another are, pair by pair: what a claim is decided on. */
export function costs({ rows }: Networks, dear: string, other: string) {
  const pairs = pairsOf(rowsOfKind(rows, 'training'), dear, other);
  const values = pairs.map(({ a, b }) => a.searchSeconds! / b.searchSeconds!);
  return { values, unit: 'pair', detail: TIMED };
}

/** What limits claims on seconds. */
export const TIMED = 'Seconds as timed where the runs were made; other work on that machine is in them.';

/** The slope of a line through one seed's rows; undefined without two different x. */
export function slopeOver<R>(
  rows: readonly R[],
  x: (row: R) => number,
  y: (row: R) => number,
): number | undefined {
  const points = rows.map((row): [number, number] => [x(row), y(row)]).sort(([a], [b]) => a - b);
  return distinct(points.map(([at]) => at)).length < 2 ? undefined : fitLine(points).slope;
}

/** The mean; not finite if a value is not, or none is there. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** What a statement measures that one number grows, or falls, with another: the slope over a field of one seed's rows. */
export function slope<X extends PropertyKey, R extends Readonly<Record<X, number>>>(
  x: X,
  y: (row: R) => number,
) {
  return (rows: readonly R[]): number | undefined => slopeOver(rows, (row) => row[x], y);
}

/** How far a y lies from the line through all at most, as a share of that y; undefined for fewer than three points. */
export function departure(points: readonly (readonly [x: number, y: number])[]): number | undefined {
  if (points.length < 3) return undefined;
  const line = fitLine(points);
  return Math.max(...points.map(([x, y]) => Math.abs(line.intercept + line.slope * x - y) / y));
}

/**
 * What a statement measures that a number is stable from a value of a field on: a seed's mean above it less that at it, which
 * is to lie within the standard deviation over seeds, pooled over the values.
 *
 * @returns  The margin beside them, null where no value has two seeds: there is nothing to measure then.
 */
export function settles<X extends string, R extends Readonly<Record<X | 'seed', number>>>(
  all: readonly R[],
  x: X,
  from: number,
  y: (row: R) => number,
) {
  const groups = groupBy(
    all.filter((row) => row[x] >= from),
    x,
  )
    .map((group) => summarize(group.rows.map(y)))
    .filter(({ n }) => n > 1);
  const df = groups.reduce((sum, { n }) => sum + n - 1, 0);
  const variance = groups.reduce((sum, { n, std }) => sum + (n - 1) * std! ** 2, 0) / df;
  const margin = groups.length === 0 ? null : Math.sqrt(variance);
  const within = margin ?? 0;
  return {
    margin,
    region: { between: [-within, within] as const },
    value: (rows: readonly R[]): number | undefined => {
      const at = rows.find((row) => row[x] === from);
      const above = rows.filter((row) => row[x] > from).map(y);
      return margin !== null && at && above.length > 0 ? summarize(above).mean - y(at) : undefined;
    },
  };
}
