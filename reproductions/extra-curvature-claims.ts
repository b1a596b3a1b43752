/** The claims of the figure on curvature, and its controls, fixed before any of its searches: orders, permutations, Holm. */
import type { Answer } from '../lib/analysis/claims.js';
import { pairedTest, smallestEffect } from '../lib/analysis/comparison.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import { orderTest } from '../lib/analysis/trend.js';
import type { Block } from '../lib/analysis/trend.js';
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
import { judgeQuestions } from './together.js';
import type { Control, Tested, TestedQuestion } from './together.js';

// ---- Controls ----

/** Whether alpha goes anywhere: farther than gradients that are nothing but chance would have carried it. */
function alphaControl(rows: readonly StrengthRow[]): Control {
  const text = 'α goes farther than chance carries it';
  const ratio = (row: StrengthRow): number => (moveOf(row) ?? NaN) / driftOf(row);
  const ratios = perSeed(
    rows.filter((row) => Number.isFinite(ratio(row))),
    (own) => own.reduce((sum, row) => sum + ratio(row), 0) / own.length,
  );
  if (ratios.length === 0) return { text, found: 'no alphas', passed: undefined };
  const { mean, interval } = summarize(ratios);
  const moved = summarize(rows.map((row) => moveOf(row)!)).mean;
  return {
    text,
    found: `${fixed(mean, 1)} times as far${interval ? ` [${interval.map((end) => fixed(end, 1)).join(', ')}]` : ''}: ${fixed(moved, 2)}, root mean square of its entries`,
    passed: interval ? interval[0] > 1 : undefined,
  };
}

/** Whether the eigenvalues are more than what rounding and differences make. */
function eigenvalueControl(rows: readonly StrengthRow[]): Control {
  const text = 'every eigenvalue that counts is above its numerical error';
  const shares = rows.map(errorShare).filter((each) => each !== undefined);
  if (shares.length === 0) return { text, found: 'no eigenvalues', passed: undefined };
  const worst = Math.max(...shares);
  return {
    text,
    found: Number.isFinite(worst)
      ? `the error is at most ${(100 * worst).toPrecision(2)} % of the eigenvalue`
      : 'an eigenvalue is not above 0',
    passed: worst < 1,
  };
}

/** By how much a training loss must fall for its supernet to have learned. */
const LEARNED = 0.9;

/**
 * Whether every supernet learns: where the decay is so strong that nothing is learned the loss is flat in α, as in the authors'
 * searches at 729e-4 in S3.
 */
function learningControl(rows: readonly StrengthRow[]): Control {
  const text = 'every supernet learns: its training loss falls by a tenth and more';
  const losses = rows.map(({ epochs }) => [epochs[0].trainLoss, epochs[epochs.length - 1].trainLoss]);
  if (losses.length === 0) return { text, found: 'no searches', passed: undefined };
  const shares = losses.map(([first, last]) => last / first);
  const worst = Math.max(...shares);
  const [first, last] = losses[shares.indexOf(worst)];
  return {
    text,
    found: `the one that learns least goes from ${fixed(first, 2)} to ${fixed(last, 2)}`,
    passed: worst <= LEARNED,
  };
}

/** The figure's controls: of everything, and of what is said of eigenvalues. */
export function controlsOf(view: Pick<CurvatureView, 'rows'>) {
  const rows = rowsOfKind(view.rows, 'search');
  return {
    learning: learningControl(rows),
    alpha: alphaControl(rows),
    eigenvalue: eigenvalueControl(rows),
  };
}

// ---- Questions ----

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

function orderOf(blocks: readonly Block[], sign: 1 | -1): Tested | undefined {
  if (blocks.length === 0) return undefined;
  const { tau, interval, n, p, standardError } = orderTest(blocks);
  const told = (questions: number): string => {
    const smallest = smallestEffect(standardError, CHANCE_DF, questions);
    if (standardError === 0) return 'all are alike';
    return smallest > 1
      ? 'so few find no τ, however large, in four cases of five'
      : `so many find a τ of ${fixed(smallest, 2)} in four cases of five`;
  };
  return {
    value: tau,
    interval,
    n,
    p,
    agrees: Math.sign(tau) === sign,
    detail: (questions) => `${n} × ${blocks[0].length} searches: ${told(questions)}.`,
  };
}

/** The scatter of chance is counted, not estimated. */
const CHANCE_DF = 1000;

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

type Asked = (typeof ASKED)[number]['id'];

/** Whether skips and eigenvalue fall with both strengths. */
function ordersAsked(
  searchesOf: (asked: Asked) => readonly Measured[],
  named: { readonly prefix: string; readonly where: string },
  more: (asked: Asked) => Pick<TestedQuestion, 'secondary' | 'controls'>,
): TestedQuestion[] {
  const { prefix, where } = named;
  return (Object.keys(SERIES) as SeriesId[]).flatMap((series) =>
    ASKED.map(({ id, text, of }): TestedQuestion => ({
      id: `${prefix}${id}/${series}`,
      text: `${STRONGER[series]} ${text}${where}.`,
      statistic: `${TAU}: ${SERIES_TITLES[series]} and ${of}`,
      ...more(id),
      test: () => orderOf(blocksOf(series, searchesOf(id)), -1),
    })),
  );
}

/** What is asked of our searches, and beside it of the authors'. */
export function curvatureClaims(view: CurvatureView): Answer[] {
  const rows = rowsOfKind(view.rows, 'search');
  const { learning, alpha, eigenvalue } = controlsOf(view);
  const [ofSkips, ofCurvature] = [
    [learning, alpha],
    [learning, alpha, eigenvalue],
  ];
  const measured = (value: (row: StrengthRow) => number | undefined): Measured[] =>
    rows.map((row) => ({ l2: row.l2, dropPath: row.dropPath, seed: row.seed, value: value(row) }));
  const ours: TestedQuestion[] = [
    ...ordersAsked(
      (asked) => measured(asked === 'skips' ? skipsOf : peakOf),
      { prefix: '', where: '' },
      (asked) => ({ controls: asked === 'skips' ? ofSkips : ofCurvature }),
    ),
    {
      id: 'eigenvalue-skips',
      text: 'Of the searches of a seed, those with the larger eigenvalue end with more skip connections.',
      statistic: `${TAU}: largest eigenvalue along the search and skip connections`,
      secondary: true,
      controls: ofCurvature,
      test: () => {
        const known = rows.filter((row) => peakOf(row) !== undefined);
        const blocks = groupBy(known, 'seed')
          .filter(({ rows: own }) => own.length > 1)
          .map(({ rows: own }): Block => own.map((row) => [peakOf(row)!, skipsOf(row)]));
        return orderOf(blocks, 1);
      },
    },
    earlyStopping(rows, ofCurvature),
  ];
  const theirs = ordersAsked(
    (asked) =>
      counterparts(view).map((each) => ({
        ...each,
        value: asked === 'skips' ? each.normalSkips : loggedPeak(each),
      })),
    { prefix: 'full-size/', where: ', in the authors’ own searches of full size' },
    () => ({ secondary: true }),
  );
  return [...judgeQuestions(ours), ...judgeQuestions(theirs, logsMissing(view))];
}

/** Whether early stopping, had it been on, would have kept skip connections out of DARTS' own searches. */
function earlyStopping(rows: readonly StrengthRow[], controls: readonly Control[]): TestedQuestion {
  const own = rows.filter((row) => inSeries('l2', row) && inSeries('dropPath', row));
  return {
    id: 'early-stopping',
    text: 'Early stopping by the eigenvalue chooses cells with fewer skip connections than DARTS, as it is, ends with.',
    statistic: 'skip connections at the end less those of early stopping’s choice',
    secondary: true,
    controls,
    test: () => {
      if (own.length === 0) return undefined;
      const differences = own.map((row) => skipsOf(row) - stoppedSkips(row));
      const { n, mean, std, interval } = summarize(differences, LEVEL, 1);
      const stopped = own.filter((row) => stoppingOf(row)).length;
      // Counts differ by 1 or not at all: rounding has a scatter of its own.
      const scatter = Math.sqrt(((std ?? 0) ** 2 + 1 / 12) / n);
      const told =
        n < 6
          ? 'fewer than six decide nothing'
          : `so many find a difference of ${fixed(smallestEffect(scatter, n - 1), 1)} in four cases of five`;
      return {
        value: mean,
        interval,
        n,
        p: pairedTest(differences).p,
        agrees: mean > 0,
        detail: `It would have stopped ${stopped} of ${n}, and one that it would not have counts as 0; ${told}.`,
      };
    },
  };
}
