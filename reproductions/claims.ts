/** Claims about networks that were trained, and what they are decided on. */
import { median } from 'simple-statistics';
import { judge, regionTest } from '../lib/analysis/claims.js';
import type { Answer, Gate, Question } from '../lib/analysis/claims.js';
import {
  binomialTwoSided,
  leastLabelsP,
  meanDifference,
  ranks,
  smallestEffect,
  stratifiedTest,
} from '../lib/analysis/comparison.js';
import type { Stratum } from '../lib/analysis/comparison.js';
import { LEVEL, fitLine } from '../lib/analysis/statistics.js';
import { classesOf } from '../lib/datasets/registry.js';
import { fixed } from '../lib/report/format.js';
import type { SolverId } from '../lib/search/solvers.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { distinct, groupBy, rowsOfKind } from './experiment.js';
import type { Row, View } from './experiment.js';
import { listText, several } from './deviations.js';
import { methodTitle, searchedIn, spaceTitle } from './methods.js';
import { gatedBy, judgeQuestions, powerText } from './together.js';
import type { Control, TestedQuestion } from './together.js';

/** What rows are told apart by where methods are compared; of a hand-made cell, which was searched nowhere, also by space. */
export type MethodAxes = Readonly<Record<'method', string>> & { readonly space?: string };

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
  /** Where it is asked of several spaces, of those that decide it: "S2, S4". */
  readonly text: string | ((spaces: string) => string);
  readonly better: string;
  readonly worse: string;
  readonly detail?: string;
  /** What errors are called; "test error" when left out. */
  readonly error?: string;
  /** A question that the paper does not ask is put only where this method was run. */
  readonly where?: string;
}

/** The baseline that the paper leaves out, in the form that others search by and in the plainest one. */
export const BEATS_RANDOM: readonly Contest[] = [
  {
    id: 'beats-random',
    text: 'ZARTS-MGS finds better networks than random search with weight sharing (our question; the paper has no such baseline).',
    better: 'mgs',
    worse: 'random-ws',
    where: 'random-ws',
  },
  {
    id: 'beats-random-alpha',
    text: 'ZARTS-MGS finds better networks than random search over alphas (our question).',
    better: 'mgs',
    worse: 'random-alpha',
    where: 'random-alpha',
  },
];

/** That a method finds better networks than another, where; left out: in the spaces that decide it. */
export function beats(better: SolverId, worse: SolverId, where?: string, detail?: string): Contest {
  return {
    id: `beats/${worse}`,
    text: (spaces) =>
      `${methodTitle(better)} finds better networks ${where ?? `in ${spaces}`} than ${methodTitle(worse)} does.`,
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

/** What contests need besides: controls by benchmark ({@link benchmarkKey}), where there are any. */
export interface Gates {
  readonly controls?: ReadonlyMap<string, Separation>;
  /** Why these networks decide none of them. */
  readonly undecidable?: string | undefined;
}

/** That training tells networks apart: a control. */
export interface Separation extends Control {
  /** Points of error that four edges more without a convolution make at least. */
  readonly points: number;
  readonly space: string;
}

/** A data set and a space. */
export const benchmarkKey = ({
  dataset,
  space,
}: {
  readonly dataset: string;
  readonly space: string;
}): string => `${dataset} ${space}`;

/**
 * The claims of contests, decided together: errors ranked within each benchmark, labels permuted within it. Only benchmarks
 * whose control passed count.
 */
export function contests(view: Networks, asked: readonly Contest[], gates: Gates = {}): Answer[] {
  const { rows, missing } = view;
  const lacking = gates.undecidable ?? (rows.length === 0 ? missing.at(0) : undefined);
  return judgeQuestions(
    asked
      .filter(({ where }) => where === undefined || rows.some(({ method }) => method === where))
      .map((each) => contest(rowsOfKind(rows, 'training'), each, gates)),
    lacking,
  );
}

/** Values as their ranks among those of both samples. */
function ranked({ first, second }: Stratum): Stratum {
  const all = ranks([...first, ...second]);
  return { first: all.slice(0, first.length), second: all.slice(first.length) };
}

/** Whether the difference of two samples lies within ±margin. */
function withinMargin(stratum: Stratum, margin: number): { readonly p: number; readonly agrees: boolean } {
  const { difference, standardError, df } = meanDifference([stratum]);
  return regionTest(difference, standardError, df, { between: [-margin, margin] });
}

/** What decides a claim that one method beats another. */
function contest(
  rows: readonly Row<'training', MethodAxes>[],
  { id, text, better, worse, detail = '', error = 'test error', where }: Contest,
  { controls }: Gates,
): TestedQuestion {
  const errors = (of: readonly (typeof rows)[number][], method: string) =>
    of.filter((row) => row.method === method).map(({ errorPct }) => errorPct);
  const places = groupBy(rows, 'dataset', 'space').filter(({ key }, _, all) =>
    // Searches that stand in two spaces count in one.
    [better, worse].every((method) => {
      const space = searchedIn(method, key.space as SpaceId);
      return (
        space === key.space ||
        !all.some((other) => other.key.dataset === key.dataset && other.key.space === space)
      );
    }),
  );
  const both = places
    .map(({ key, rows: own }) => {
      const stratum = { first: errors(own, worse), second: errors(own, better) };
      const control = controls?.get(benchmarkKey(key));
      const learned = control?.passed
        ? learnedControl(key, [stratum.first, stratum.second], control.points)
        : [];
      return {
        key: benchmarkKey(key),
        space: key.space,
        stratum,
        controls: control ? [control, ...learned] : [],
      };
    })
    .filter(({ stratum: { first, second } }) => first.length > 0 && second.length > 0);
  const passed = both.filter(
    (each) =>
      controls === undefined || (each.controls.length > 0 && each.controls.every((one) => one.passed)),
  );
  // Also those where nothing was trained because of it.
  const left = distinct([
    ...[...(controls ?? [])].filter(([, control]) => control.passed !== true).map(([key]) => key),
    ...both.filter((each) => !passed.includes(each)).map(({ key }) => key),
  ]);
  const deciding = passed.length > 0 ? passed : both;
  const trained = [...(controls?.values() ?? [])];
  const seen = trained.filter((each) => each.passed === true);
  const own =
    deciding.length > 0 ? deciding.flatMap((each) => each.controls) : seen.length > 0 ? seen : trained;
  const spaces = distinct(deciding.map(({ space }) => spaceTitle(space))).join(', ');
  return {
    id,
    text: typeof text === 'string' ? text : text(spaces === '' ? 'S1–S4' : spaces),
    statistic: `${error} (points of %), ${methodTitle(worse)} less ${methodTitle(better)}`,
    unit: 'search',
    ...(where === undefined ? {} : { secondary: true }),
    // Where some benchmarks can show it, those decide.
    ...(controls === undefined ? {} : { controls: own }),
    test: () => {
      const strata = passed.map(({ stratum }) => stratum);
      const n = strata.reduce((sum, { first, second }) => sum + Math.min(first.length, second.length), 0);
      if (strata.length === 0 || n < 2) return undefined;
      const { difference, interval, standardError, df } = meanDifference(strata);
      const { difference: byRanks, p } = stratifiedTest(strata.map(ranked));
      // A difference that is shown to be smaller than anything that counts, in every benchmark, is an answer too.
      const within =
        controls && passed.map(({ key, stratum }) => withinMargin(stratum, controls.get(key)!.points / 4));
      const alike = within?.every(({ agrees }) => agrees) ? Math.max(...within.map((each) => each.p)) : NaN;
      const isAlike = p > 1 - LEVEL && alike < p;
      return {
        value: difference,
        interval,
        n,
        ...(isAlike ? { p: alike, agrees: false, alike: true } : { p, agrees: byRanks > 0 }),
        detail: (questions) =>
          [
            `By ranks within ${several(strata.length, 'benchmark')}, labels permuted within each${left.length > 0 ? `; left out, since their control did not pass: ${left.join(', ')}` : ''}.`,
            interval === null
              ? ''
              : powerText(
                  'searches',
                  leastLabelsP(strata),
                  questions,
                  (of) => `a difference of ${fixed(smallestEffect(standardError, df, of), 2)} points`,
                ),
            isAlike
              ? 'p is that of a difference within a quarter of what four edges make in the control’s cells, in each benchmark: what is shown is that the two are alike, if anything.'
              : '',
            detail,
          ]
            .filter((sentence) => sentence !== '')
            .join(' '),
      };
    },
  };
}

/**
 * That networks of one of several methods at least do other than guess: where all guess nothing tells them apart, whatever
 * training tells of hand-made cells.
 *
 * @param errors  Of each method's networks, in percent.
 * @param points  What four edges of those make at least.
 */
export function learnedControl(
  { dataset, space }: { readonly dataset: string; readonly space: string },
  errors: readonly (readonly number[])[],
  points: number,
): Control[] {
  const classes = classesOf(dataset);
  if (!classes || errors.some((own) => own.length === 0)) return [];
  const text = `Of the networks compared in ${spaceTitle(space)} those of one method lie off chance, by a quarter of what four edges make`;
  const chance = 100 * (1 - 1 / classes.length);
  const medians = errors.map((own) => median([...own]));
  const said = medians.map((each) => fixed(each, 1));
  return [
    {
      text,
      found: `median errors ${listText(said)} %, by chance ${fixed(chance, 1)}`,
      passed: !medians.every((each) => Math.abs(each - chance) <= points / 4),
    },
  ];
}

/** As {@link judge}, of outcomes that are 1 or 0: more often 1 than by a chance, by its exact law. */
export function judgeShare(
  question: Omit<Question, 'region' | 'resolution'> & { readonly chance: number },
): Answer {
  const { chance, values } = question;
  const answer = judge({ ...question, region: { above: chance }, resolution: 1 });
  if (!answer.tested) return answer;
  const hits = values.filter((value) => value === 1).length;
  return { ...answer, tested: { ...answer.tested, p: binomialTwoSided(hits, values.length, chance) } };
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

/** What a statement measures that a number is stable from a value of a field on: a seed's mean above it less that at it. */
export function settles<X extends string, R extends Readonly<Record<X, number>>>(
  x: X,
  from: number,
  y: (row: R) => number,
) {
  return (rows: readonly R[]): number | undefined => {
    const at = rows.find((row) => row[x] === from);
    const above = rows.filter((row) => row[x] > from).map(y);
    return at && above.length > 0 ? mean(above) - y(at) : undefined;
  };
}

/** What a statement about errors is told of its control: that errors cannot show it here, or that they can. */
export function gatedByTraining(separation: Separation | undefined): Gate {
  return separation
    ? gatedBy([separation])
    : { lacking: 'The control was not run: networks of hand-made cells.' };
}
