/** The claims of the figure on curvature, and its controls, fixed before any of its searches: orders, permutations, Holm. */
import type { Answer } from '../lib/analysis/claims.js';
import { leastPairedP, pairedTest, smallestEffect } from '../lib/analysis/comparison.js';
import { chanceShare, cellStructure } from '../lib/analysis/genotypes.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import type { Summary } from '../lib/analysis/statistics.js';
import { orderTest } from '../lib/analysis/trend.js';
import type { Block } from '../lib/analysis/trend.js';
import type { SearchFigures } from '../lib/datasets/rdarts-logs.js';
import { intervalText } from '../lib/report/claims.js';
import { fixed } from '../lib/report/format.js';
import { spaceOf } from '../lib/search/protocol.js';
import { driftOf } from './alphas.js';
import {
  ALL_SERIES,
  counterparts,
  endOf,
  errorShare,
  inSeries,
  loggedEnd,
  loggedPeak,
  logsMissing,
  moveOf,
  ofTheirSpace,
  peakOf,
  peaksFirst,
  SERIES,
  SERIES_TITLES,
  skipsOf,
  stoppedSkips,
  stoppingOf,
  strengthTitle,
} from './curvature-searches.js';
import type { CurvatureView, Reading, SeriesId, StrengthAxes, StrengthRow } from './curvature-searches.js';
import { distinct, groupBy, ofWholeSeeds, rowsOfKind } from './experiment.js';
import { judgeQuestions, powerText } from './together.js';
import type { Control, Tested, TestedQuestion } from './together.js';

// ---- Controls ----

/** What the controls of a series are said to be of. */
const WITH: Readonly<Record<SeriesId, string>> = {
  l2: 'With each decay',
  dropPath: 'With each drop path',
};

/**
 * Whether alpha goes anywhere, with every strength: farther than gradients that are nothing but chance would have carried it. A
 * cell of alphas that have not moved has fewer skip connections than a collapsed one, which would look like the claim.
 */
function alphaControl(series: SeriesId, rows: readonly StrengthRow[]): Control {
  const text = `${WITH[series]}, α goes farther than chance carries it`;
  const moved = groupBy(
    rows.filter((row) => moveOf(row) !== undefined),
    'l2',
    'dropPath',
  ).map(({ rows: own }) => ({
    strength: strengthTitle(own[0]),
    move: summarize(own.map((row) => moveOf(row)!)).mean,
    ...summarize(own.map((row) => moveOf(row)! / driftOf(row))),
  }));
  if (moved.length === 0) return { text, found: 'no alphas', passed: undefined };
  const least = moved.reduce((low, each) => (lowEnd(each) < lowEnd(low) ? each : low));
  return {
    text,
    found: `least with ${least.strength}: ${fixed(least.mean, 1)} times as far ${intervalText(least.interval, 1)}, ${fixed(least.move, 2)} as the root mean square of its entries`,
    passed: moved.every(({ interval }) => interval) ? lowEnd(least) > 1 : undefined,
  };
}

const lowEnd = ({ interval, mean }: Summary): number => interval?.[0] ?? mean;

/** The largest share of an eigenvalue that its error may be: it is to be told from others. */
const MOST_ERROR = 0.1;

/** Whether the eigenvalues are more than what rounding and differences make. */
function eigenvalueControl(series: SeriesId, rows: readonly StrengthRow[], reading: Reading): Control {
  const which = reading === 'peak' ? 'every eigenvalue that counts' : 'every search’s last eigenvalue';
  const text = `${WITH[series]}, ${which} is ten times its numerical error and more`;
  const shares = rows.map((row) => errorShare(row, reading)).filter((each) => each !== undefined);
  if (shares.length === 0) return { text, found: 'no eigenvalues', passed: undefined };
  const worst = Math.max(...shares);
  return {
    text,
    found: Number.isFinite(worst)
      ? `the error is at most ${(100 * worst).toPrecision(2)} % of the eigenvalue`
      : 'an eigenvalue is not above 0',
    passed: worst < MOST_ERROR,
  };
}

/** By how much a training loss must fall for its supernet to have learned. */
const LEARNED = 0.9;

/**
 * Whether every supernet learns: where the decay is so strong that nothing is learned the loss is flat in α, as in the authors'
 * searches at 729e-4 in S3. What dropped paths add to a training loss grows along a search, so there its lowest counts.
 */
function learningControl(series: SeriesId, rows: readonly StrengthRow[]): Control {
  const [which, of] = series === 'l2' ? ['', 'last'] : ['lowest ', 'lowest'];
  const text = `${WITH[series]}, every supernet learns: its ${which}training loss is a tenth and more below its first`;
  const losses = rows.map(({ epochs, dropPath }) => {
    const all = epochs.map(({ trainLoss }) => trainLoss);
    return { first: all[0], then: dropPath > 0 ? Math.min(...all) : all[all.length - 1] };
  });
  if (losses.length === 0) return { text, found: 'no searches', passed: undefined };
  const share = ({ first, then }: (typeof losses)[number]): number => then / first;
  const worst = losses.reduce((most, each) => (share(each) > share(most) ? each : most));
  return {
    text,
    found: `the one that learns least: first ${fixed(worst.first, 2)}, ${of} ${fixed(worst.then, 2)}`,
    passed: share(worst) <= LEARNED,
  };
}

/** Whether there is something to keep DARTS from: more skip connections, as it is, than alphas of chance have. */
function collapseControl(rows: readonly StrengthRow[]): Control {
  const text = 'DARTS as it is ends with more skip connections than chance';
  const plain = rows.filter((row) => inSeries('l2', row) && inSeries('dropPath', row));
  if (plain.length === 0) return { text, found: 'no searches', passed: undefined };
  const { mean, interval } = summarize(plain.map(skipsOf), LEVEL, 1);
  const chance =
    cellStructure(plain[0].genotype, 'normal').edges *
    chanceShare('skip', spaceOf(plain[0].search), 'normal');
  return {
    text,
    found: `${fixed(mean, 1)} ${intervalText(interval, 1)}; by chance ${fixed(chance, 1)}`,
    passed: interval ? interval[0] > chance : undefined,
  };
}

/** The figure's controls: of what is said of a series, of its eigenvalues, and of what its skip connections are compared with. */
export function controlsOf(view: Pick<CurvatureView, 'rows'>) {
  const rows = rowsOfKind(view.rows, 'search');
  const of = (series: SeriesId) => {
    const own = rows.filter((row) => inSeries(series, row));
    return {
      moving: [learningControl(series, own), alphaControl(series, own)],
      eigenvalue: eigenvalueControl(series, own, 'peak'),
      end: eigenvalueControl(series, own, 'end'),
    };
  };
  return { l2: of('l2'), dropPath: of('dropPath'), collapse: collapseControl(rows) };
}

// ---- Questions ----

/** One search of a series, whoever's: where it stands in it, and a number of it. */
interface Measured extends StrengthAxes {
  readonly seed: number;
  readonly value: number | undefined;
}

/** What is compared of a series. */
interface Compared {
  readonly strengths: readonly number[];
  /** For each seed that has all strengths: they, and the numbers of its searches. */
  readonly blocks: readonly Block[];
  /** Seeds that have some of them. */
  readonly partly: number;
}

function comparedIn(
  series: SeriesId,
  searches: readonly Measured[],
  asked: readonly number[] = SERIES[series],
): Compared {
  const own = searches.filter(
    (each) => inSeries(series, each) && each.value !== undefined && asked.includes(each[series]),
  );
  const strengths = distinct(own.map((each) => each[series]));
  const whole = groupBy(ofWholeSeeds(own, series), 'seed');
  return {
    strengths,
    blocks:
      strengths.length < 2
        ? []
        : whole.map(({ rows }) => rows.map((each) => [each[series], each.value!] as const)),
    partly: groupBy(own, 'seed').length - whole.length,
  };
}

/** The scatter of chance is counted, not estimated. */
const CHANCE_DF = 1000;

/** An order that is tested, and what is said of it beside what so many searches could have found. */
function orderOf(blocks: readonly Block[], sign: 1 | -1, more: readonly string[] = []): Tested | undefined {
  if (blocks.length === 0) return undefined;
  const { tau, interval, n, p, leastP, standardError } = orderTest(blocks);
  const told = (questions: number): string => {
    const smallest = smallestEffect(standardError, CHANCE_DF, questions);
    if (standardError === 0) return 'all are alike';
    if (leastP * questions >= 1 - LEVEL) return 'so few find no τ, however large';
    return smallest > 1
      ? 'so few find a τ that is the largest in nearly every seed, and no other'
      : `so many find a τ of ${fixed(smallest, 2)} in four cases of five`;
  };
  const lengths = distinct(blocks.map(({ length }) => length));
  const searches =
    lengths.length === 1 ? `${n} × ${lengths[0]} searches` : `${blocks.flat().length} searches of ${n} seeds`;
  return {
    value: tau,
    interval,
    n,
    p,
    agrees: Math.sign(tau) === sign,
    detail: (questions) => [`${searches}: ${told(questions)}.`, ...more].join(' '),
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
  {
    id: 'eigenvalue-end',
    secondary: true,
    text: 'the smaller the largest eigenvalue at the end of the search',
    of: 'largest eigenvalue at the end of the search',
  },
] as const;

type Asked = (typeof ASKED)[number]['id'];

/** The number of a search of ours that is asked about, and of one of the authors'. */
const OURS: Readonly<Record<Asked, (row: StrengthRow) => number | undefined>> = {
  skips: skipsOf,
  eigenvalue: peakOf,
  'eigenvalue-end': endOf,
};
const THEIRS: Readonly<Record<Asked, (search: SearchFigures) => number | undefined>> = {
  skips: ({ normalSkips }) => normalSkips,
  eigenvalue: loggedPeak,
  'eigenvalue-end': loggedEnd,
};

/** "The stronger the weights' decay, up to 81e-4,": as far as what is compared goes. */
const STRONGER: Readonly<Record<SeriesId, (most: number) => string>> = {
  l2: (most) =>
    `The stronger the weights’ decay, up to ${strengthTitle({ l2: most, dropPath: 0 }).slice(3)},`,
  dropPath: (most) => `The more paths are dropped, up to ${most}, with images cut out,`,
};

/** Whether skips and eigenvalue fall with both strengths. */
function ordersAsked(
  searchesOf: (asked: Asked) => readonly Measured[],
  named: { readonly prefix: string; readonly where: string },
  more: (asked: Asked, series: SeriesId) => Pick<TestedQuestion, 'secondary' | 'controls'>,
  remarks: (asked: Asked, series: SeriesId) => readonly string[] = () => [],
): TestedQuestion[] {
  const { prefix, where } = named;
  return ALL_SERIES.flatMap((series) =>
    ASKED.map(({ id, text, of, ...rest }): TestedQuestion => {
      const searches = searchesOf(id);
      const { strengths, blocks, partly } = comparedIn(series, searches);
      const most = Math.max(...(strengths.length > 0 ? strengths : SERIES[series]));
      return {
        id: `${prefix}${id}/${series}`,
        text: `${STRONGER[series](most)} ${text}${where}.`,
        statistic: `${TAU}: ${SERIES_TITLES[series]} and ${of}`,
        ...rest,
        ...more(id, series),
        test: () =>
          orderOf(blocks, -1, [
            ...(partly > 0 ? [`Left out: ${partly} seed${partly === 1 ? '' : 's'} with some of them.`] : []),
            ...cutOutAlone(series, searches),
            ...remarks(id, series),
          ]),
      };
    }),
  );
}

/** Images are cut out with any drop path and not without: what is left of the order among those where they are. */
function cutOutAlone(series: SeriesId, searches: readonly Measured[]): string[] {
  if (series !== 'dropPath') return [];
  const { strengths, blocks } = comparedIn(
    series,
    searches,
    SERIES.dropPath.filter((each) => each > 0),
  );
  if (blocks.length === 0) return [];
  const { tau, p } = orderTest(blocks);
  return [
    `Images are cut out wherever paths are dropped; among ${strengths.join(', ')} alone τ is ${fixed(tau, 2)} (p = ${p.toPrecision(2)}).`,
  ];
}

/** What is asked of our searches, and beside it of the authors'. */
export function curvatureClaims(view: CurvatureView): Answer[] {
  const rows = rowsOfKind(view.rows, 'search');
  const { collapse, ...of } = controlsOf(view);
  const measured = (value: (row: StrengthRow) => number | undefined): Measured[] =>
    rows.map((row) => ({ l2: row.l2, dropPath: row.dropPath, seed: row.seed, value: value(row) }));
  const ours: TestedQuestion[] = [
    ...ordersAsked(
      (asked) => measured(OURS[asked]),
      { prefix: '', where: '' },
      (asked, series) => {
        const { moving, eigenvalue, end } = of[series];
        const own = { skips: collapse, eigenvalue, 'eigenvalue-end': end }[asked];
        return { controls: [...moving, own] };
      },
      (asked, series) => {
        const own = rows.filter((row) => inSeries(series, row));
        const first = own.filter(peaksFirst).length;
        return asked === 'eigenvalue' && first > 0
          ? [
              `In ${first} of ${own.length} searches the largest is the first one, which no strength had acted on.`,
            ]
          : asked === 'eigenvalue-end'
            ? ['Asked since three seeds had been seen.']
            : [];
      },
    ),
    {
      id: 'eigenvalue-skips',
      text: 'Of the searches of a seed, those with the larger eigenvalue end with more skip connections.',
      statistic: `${TAU}: largest eigenvalue along the search and skip connections`,
      secondary: true,
      controls: [...ALL_SERIES.flatMap((series) => [...of[series].moving, of[series].eigenvalue]), collapse],
      test: () => {
        const known = rows.filter((row) => peakOf(row) !== undefined);
        const blocks = groupBy(known, 'seed')
          .filter(({ rows: own }) => own.length > 1)
          .map(({ rows: own }): Block => own.map((row) => [peakOf(row)!, skipsOf(row)]));
        return orderOf(blocks, 1);
      },
    },
    earlyStopping(rows, [...of.l2.moving, of.l2.eigenvalue, collapse]),
  ];
  const logged = (searches: readonly SearchFigures[], asked: Asked): Measured[] =>
    searches.map((each) => ({ ...each, value: THEIRS[asked](each) }));
  const theirs = ordersAsked(
    (asked) => logged(counterparts(view), asked),
    { prefix: 'full-size/', where: ', in the authors’ own searches of full size' },
    () => ({ secondary: true }),
    (asked, series) => {
      const every = logged(ofTheirSpace(view), asked);
      const { strengths, blocks } = comparedIn(
        series,
        every,
        every.map((each) => each[series]),
      );
      if (blocks.length === 0) return [];
      const { tau } = orderTest(blocks);
      return [
        `What is asked about was chosen with these logs in view; over all ${strengths.length} strengths that they have τ is ${fixed(tau, 2)}.`,
      ];
    },
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
      const told = powerText(
        'searches',
        leastPairedP(differences),
        1,
        () => `a difference of ${fixed(smallestEffect(scatter, n - 1), 1)}`,
      );
      return {
        value: mean,
        interval,
        n,
        p: pairedTest(differences).p,
        agrees: mean > 0,
        detail: `It would have stopped ${stopped} of ${n}, and one that it would not have counts as 0. ${told}`,
      };
    },
  };
}
