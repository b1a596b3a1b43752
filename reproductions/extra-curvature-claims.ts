/** The claims of the figure on curvature, and its controls, fixed before any of its searches: orders, permutations, Holm. */
import { undecided } from '../lib/analysis/claims.js';
import type { Claim, Verdict } from '../lib/analysis/claims.js';
import { holm, pairedTest } from '../lib/analysis/comparison.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import { orderTest } from '../lib/analysis/trend.js';
import type { Block, OrderTest } from '../lib/analysis/trend.js';
import { fixed } from '../lib/report/format.js';
import {
  counterparts,
  driftOf,
  errorShare,
  inSeries,
  loggedPeak,
  logsMissing,
  moveOf,
  peakOf,
  SERIES,
  SERIES_TITLES,
  skipsOf,
  stoppedSkips,
  stoppingOf,
} from './curvature-searches.js';
import type { CurvatureView, SeriesId, StrengthAxes, StrengthRow } from './curvature-searches.js';
import { distinct, groupBy, perSeed, rowsOfKind } from './experiment.js';

// ---- Controls ----

/** What the figure must be able to see, and whether it can. */
export interface Control {
  readonly what: string;
  readonly found: string;
  /** undefined where there are too few searches to tell. */
  readonly passed: boolean | undefined;
}

/** Whether alpha goes anywhere: farther than gradients that are nothing but chance would have carried it. */
function alphaControl(rows: readonly StrengthRow[]): Control {
  const what = 'α goes farther than chance carries it';
  const ratio = (row: StrengthRow): number => (moveOf(row) ?? NaN) / driftOf(row);
  const ratios = perSeed(
    rows.filter((row) => Number.isFinite(ratio(row))),
    (own) => own.reduce((sum, row) => sum + ratio(row), 0) / own.length,
  );
  if (ratios.length === 0) return { what, found: 'no alphas', passed: undefined };
  const { mean, interval } = summarize(ratios);
  const moved = summarize(rows.map((row) => moveOf(row)!)).mean;
  return {
    what,
    found: `${fixed(mean, 1)} times as far${interval ? ` [${interval.map((end) => fixed(end, 1)).join(', ')}]` : ''}: ${fixed(moved, 2)}, root mean square of its entries`,
    passed: interval ? interval[0] > 1 : undefined,
  };
}

/** Whether the eigenvalues are more than what rounding and differences make. */
function eigenvalueControl(rows: readonly StrengthRow[]): Control {
  const what = 'every eigenvalue that counts is above its numerical error';
  const shares = rows.map(errorShare).filter((each) => each !== undefined);
  if (shares.length === 0) return { what, found: 'no eigenvalues', passed: undefined };
  const worst = Math.max(...shares);
  return {
    what,
    found: Number.isFinite(worst)
      ? `the error is at most ${(100 * worst).toPrecision(2)} % of the eigenvalue`
      : 'an eigenvalue is not above 0',
    passed: worst < 1,
  };
}

/** The figure's controls: of everything, and of what is said of eigenvalues. */
export function controlsOf(view: Pick<CurvatureView, 'rows'>) {
  const rows = rowsOfKind(view.rows, 'search');
  return { alpha: alphaControl(rows), eigenvalue: eigenvalueControl(rows) };
}

// ---- Questions ----

/** What was tested, and how it came out. */
interface Tested {
  readonly value: number;
  readonly interval: readonly [number, number] | null;
  readonly n: number;
  readonly p: number;
  readonly agrees: boolean;
  /** What so many could have shown, at a level. */
  readonly detail: (level: number) => string;
}

/** A question that is put to the rows. */
interface Question {
  readonly id: string;
  readonly text: string;
  readonly statistic: string;
  /** Corrected for the others of its kind; the rest is said beside. */
  readonly primary?: boolean;
  /** Controls that it needs. */
  readonly needs: readonly Control[];
  /** undefined where there is too little to test. */
  readonly test: () => Tested | undefined;
  /** Why, then. */
  readonly lacking: string;
}

/** One search of a series, whoever's: where it stands in it, and a number of it. */
interface Measured extends StrengthAxes {
  readonly seed: number;
  readonly value: number | undefined;
}

/** For each seed that has them all: the strengths of a series, and the numbers of its searches. */
function blocksOf(series: SeriesId, searches: readonly Measured[]): Block[] {
  const own = searches.filter(
    (each) =>
      inSeries(series, each) &&
      each.value !== undefined &&
      (SERIES[series] as readonly number[]).includes(each[series]),
  );
  const strengths = distinct(own.map((each) => each[series]));
  if (strengths.length < 2) return [];
  return groupBy(own, 'seed')
    .filter(({ rows }) => distinct(rows.map((each) => each[series])).length === strengths.length)
    .map(({ rows }) => rows.map((each) => [each[series], each.value!] as const));
}

function orderOf(blocks: readonly Block[], sign: 1 | -1, unit: string): Tested | undefined {
  if (blocks.length === 0) return undefined;
  const found: OrderTest = orderTest(blocks);
  const { tau, interval, n, p } = found;
  return {
    value: tau,
    interval,
    n,
    p,
    agrees: Math.sign(tau) === sign,
    detail: (level) =>
      `${n} × ${blocks[0].length} ${unit} tell a mean τ of ${fixed(orderTest(blocks, level).detectable, 2)} and more, sign aside.`,
  };
}

const TAU = 'Kendall’s τ within each seed, mean';

/** What is asked of both series, of our searches and of the authors'. */
const ASKED = [
  {
    id: 'skips',
    text: 'the fewer skip connections the normal cell ends with',
    of: 'skip connections',
  },
  {
    id: 'eigenvalue',
    text: 'the smaller the largest eigenvalue along the search',
    of: 'largest eigenvalue along the search',
  },
] as const;

const STRONGER: Readonly<Record<SeriesId, string>> = {
  l2: 'The stronger the weights’ decay, up to 81e-4,',
  dropPath: 'The more paths are dropped, up to 0.6,',
};

/** Whether skips and eigenvalue fall with both strengths. */
function ordersAsked(
  searchesOf: (asked: (typeof ASKED)[number]['id']) => readonly Measured[],
  more: Pick<Question, 'primary' | 'lacking'> & {
    readonly prefix: string;
    readonly where: string;
    readonly needs: (asked: (typeof ASKED)[number]['id']) => readonly Control[];
  },
): Question[] {
  const { prefix, where, needs, ...rest } = more;
  return (Object.keys(SERIES) as SeriesId[]).flatMap((series) =>
    ASKED.map(({ id, text, of }): Question => ({
      ...rest,
      id: `${prefix}${id}/${series}`,
      text: `${STRONGER[series]} ${text}${where}.`,
      statistic: `${TAU}: ${SERIES_TITLES[series]} and ${of}`,
      needs: needs(id),
      test: () => orderOf(blocksOf(series, searchesOf(id)), -1, 'searches'),
    })),
  );
}

export function curvatureClaims(view: CurvatureView): Claim[] {
  const rows = rowsOfKind(view.rows, 'search');
  const { alpha, eigenvalue } = controlsOf(view);
  const measured = (value: (row: StrengthRow) => number | undefined): Measured[] =>
    rows.map((row) => ({ l2: row.l2, dropPath: row.dropPath, seed: row.seed, value: value(row) }));
  const few = 'No seed has the searches that this needs.';
  const questions: Question[] = [
    ...ordersAsked((asked) => measured(asked === 'skips' ? skipsOf : peakOf), {
      prefix: '',
      where: '',
      primary: true,
      lacking: few,
      needs: (asked) => (asked === 'skips' ? [alpha] : [alpha, eigenvalue]),
    }),
    {
      id: 'eigenvalue-skips',
      text: 'Of the searches of a seed, those with the larger eigenvalue end with more skip connections.',
      statistic: `${TAU}: largest eigenvalue along the search and skip connections`,
      needs: [alpha, eigenvalue],
      lacking: few,
      test: () => {
        const known = rows.filter((row) => peakOf(row) !== undefined);
        const blocks = groupBy(known, 'seed')
          .filter(({ rows: own }) => own.length > 1)
          .map(({ rows: own }): Block => own.map((row) => [peakOf(row)!, skipsOf(row)]));
        return orderOf(blocks, 1, 'searches');
      },
    },
    earlyStopping(rows, [alpha, eigenvalue]),
    ...ordersAsked(
      (asked) =>
        counterparts(view).map((each) => ({
          ...each,
          value: asked === 'skips' ? each.normalSkips : loggedPeak(each),
        })),
      {
        prefix: 'full-size/',
        where: ', in the authors’ own searches of full size',
        lacking: logsMissing(view) ?? 'The logs have none of these searches.',
        needs: () => [],
      },
    ),
  ];
  const tested = questions.map(({ needs, test }) => (faultOf(needs) === undefined ? test() : undefined));
  const primary = questions.flatMap(({ primary: own }, i) => (own && tested[i] ? [i] : []));
  const adjusted = holm(primary.map((i) => tested[i]!.p));
  return questions.map((question, i): Claim => {
    const { id, text, statistic, needs, lacking } = question;
    const found = tested[i];
    const fault = faultOf(needs);
    if (!found) {
      const detail = fault ?? lacking;
      return undecided(
        { id, text, statistic, detail },
        fault === undefined ? 'undecided' : 'cannot be seen here',
      );
    }
    const { value, interval, n, p, agrees, detail } = found;
    const place = primary.indexOf(i);
    const decisive = place < 0 ? p : adjusted[place];
    const level = 1 - (1 - LEVEL) / (place < 0 ? 1 : primary.length);
    const told =
      place < 0
        ? `Secondary, not corrected: p = ${p.toPrecision(2)}`
        : `p = ${p.toPrecision(2)}, ${decisive.toPrecision(2)} after Holm’s correction for ${primary.length} primary questions`;
    return {
      id,
      text,
      verdict: verdictOf(decisive, agrees),
      statistic: { name: statistic, value },
      n,
      interval,
      detail: `${told}; decided below ${fixed(1 - LEVEL, 2)}. ${detail(level)}`,
    };
  });
}

/** Whether early stopping, had it been on, would have kept skip connections out of DARTS' own searches. */
function earlyStopping(rows: readonly StrengthRow[], needs: readonly Control[]): Question {
  const own = rows.filter((row) => inSeries('l2', row) && inSeries('dropPath', row));
  return {
    id: 'early-stopping',
    text: 'Early stopping by the eigenvalue chooses cells with fewer skip connections than DARTS, as it is, ends with.',
    statistic: 'skip connections at the end less those of early stopping’s choice',
    needs,
    lacking: 'No search without regularization is there.',
    test: () => {
      if (own.length === 0) return undefined;
      const differences = own.map((row) => skipsOf(row) - stoppedSkips(row));
      const { n, mean, interval } = summarize(differences, LEVEL, 1);
      const stopped = own.filter((row) => stoppingOf(row)).length;
      const half = interval ? (interval[1] - interval[0]) / 2 : Infinity;
      return {
        value: mean,
        interval,
        n,
        p: pairedTest(differences).p,
        agrees: mean > 0,
        detail: () =>
          `It would have stopped ${stopped} of ${n}; one that it would not have counts as 0. So many with this scatter tell a mean of about ${fixed(half, 1)}${n < 6 ? '; fewer than six decide nothing' : ''}.`,
      };
    },
  };
}

/** Why nothing can be said, if that is so: the controls that failed. */
function faultOf(controls: readonly Control[]): string | undefined {
  const failed = controls.filter(({ passed }) => passed === false);
  if (failed.length === 0) return undefined;
  return failed.map(({ what, found }) => `The control failed that ${what}: ${found}.`).join(' ');
}

function verdictOf(p: number, agrees: boolean): Verdict {
  if (p >= 1 - LEVEL) return 'undecided';
  return agrees ? 'supported' : 'not supported';
}
