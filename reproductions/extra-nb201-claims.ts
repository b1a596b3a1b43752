/**
 * The claims of the figure on NAS-Bench-201, the primary ones fixed before any of its searches: ranks, permutations, Holm.
 */
import { ALIKE } from '../lib/analysis/benchmark.js';
import type { Answer } from '../lib/analysis/claims.js';
import { binomialTail, pairedTest, rankTest, smallestEffect } from '../lib/analysis/comparison.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import { fixed } from '../lib/report/format.js';
import { architectureCount } from '../lib/spaces/architectures.js';
import { SPACES } from '../lib/spaces/spaces.js';
import { rowsOfKind } from './experiment.js';
import {
  benchmarkIn,
  endingIn,
  finalAccuracy,
  notKnown,
  rankedEpochs,
  rankingOf,
  titleOf,
} from './nb201-searches.js';
import type { MethodId, Nb201View, SearchedRow } from './nb201-searches.js';
import { aboveControl, judgeQuestions } from './together.js';
import type { Control, TestedQuestion } from './together.js';

/** The paper's solvers, as printed and with what we and its code make of them. */
const ZARTS: readonly MethodId[] = ['rs', 'gld', 'mgs', 'mgs-flat', 'mgs-released'];

const better = (a: number, b: number): number => (Math.abs(a - b) < ALIKE ? 0 : Math.sign(a - b));

const RANKS = 'P(lower regret) + P(alike)/2 − 1/2';
const IN_WORDS = `Regrets that differ by less than ${ALIKE} points are alike, as those of isomorphic cells are.`;

/** The most that P(lower) + P(alike)/2 − 1/2 can be. */
const MOST = 0.5;

const foundBy = (smallest: number): string =>
  smallest > MOST
    ? 'so few would find no difference, however large, four times in five.'
    : `so many would find a difference of ${fixed(smallest, 2)}, of ${MOST} at most, four times in five.`;

export function nb201Claims(view: Nb201View): Answer[] {
  const rows = rowsOfKind(view.rows, 'lookup');
  const of = (method: MethodId): SearchedRow[] => rows.filter((row) => row.method === method);
  const accuracies = (method: MethodId): number[] =>
    of(method)
      .map((row) => finalAccuracy(row, 'cifar10'))
      .filter((value) => value !== null);
  /** Whether the first method's regret is below the second's. */
  const contest = (id: string, first: MethodId, second: MethodId): TestedQuestion => ({
    id,
    text: `${titleOf(first)} ends with a lower regret than ${titleOf(second)}.`,
    statistic: `${RANKS}, ${titleOf(first)} against ${titleOf(second)}`,
    test: () => {
      const [a, b] = [accuracies(first), accuracies(second)];
      if (a.length === 0 || b.length === 0) return undefined;
      const { difference, interval, p, standardError, df } = rankTest(a, b, better);
      return {
        value: difference,
        interval,
        n: Math.min(a.length, b.length),
        p,
        agrees: difference > 0,
        detail: (questions) =>
          `${a.length} and ${b.length} searches; ${foundBy(smallestEffect(standardError, df, questions))} ${IN_WORDS}`,
      };
    },
  });
  /** Whether a method's regret is below that of a uniform draw. */
  const chance = (method: MethodId): TestedQuestion => ({
    id: `below-chance/${method}`,
    text: `${titleOf(method)} ends with a lower regret than a uniform draw from the space.`,
    statistic: `${RANKS}, ${titleOf(method)} against a uniform draw`,
    test: () => {
      const values = of(method).flatMap(({ looked, architectures, passed }) =>
        looked.known ? [looked.superiorities[architectures.indexOf(passed.last['with none'])]] : [],
      );
      if (values.length === 0) return undefined;
      const { n, mean, interval } = summarize(values);
      const { p } = pairedTest(values);
      // A draw's place among all, from −1/2 to 1/2, is uniform where the method draws as well.
      const standardError = 1 / Math.sqrt(12 * n);
      return {
        value: mean,
        interval,
        n,
        p,
        agrees: mean > 0,
        detail: (questions) =>
          `The draw is exact, from all ${architectureCount(SPACES.nb201)} architectures; ${foundBy(smallestEffect(standardError, Math.max(1, n - 1), questions))} ${IN_WORDS}`,
      };
    },
  });
  const collapse: TestedQuestion = {
    id: 'darts-without-convolutions',
    text: 'DARTS ends in connected cells without any convolution more often than chance.',
    statistic: 'share of the searches by DARTS 1st that end so',
    test: () => {
      const own = of('darts-1st');
      const known = benchmarkIn(view);
      if (own.length === 0 || !known) return undefined;
      const p0 = known.endings['without convolution'] / architectureCount(SPACES.nb201);
      const hits = own.filter((row) => endingIn(row) === 'without convolution').length;
      const least = Array.from({ length: own.length + 1 }, (_, k) => k).find(
        (k) => binomialTail(k, own.length, p0) <= 1 - LEVEL,
      );
      const lost = own.filter((row) => endingIn(row) === 'disconnected').length;
      return {
        value: hits / own.length,
        interval: shareInterval(hits, own.length),
        n: own.length,
        p: binomialTail(hits, own.length, p0),
        agrees: hits / own.length > p0,
        detail: `Chance: ${fixed(100 * p0, 1)} %; ${least ?? 'no number'} of ${own.length} would tell it alone. ${lost} ended disconnected, which is another failure.`,
      };
    },
  };
  const questions: TestedQuestion[] = [
    collapse,
    ...ZARTS.map((method) => contest(`below-darts/${method}`, method, 'darts-1st')),
    ...ZARTS.map(chance),
    ...ZARTS.map((method) => contest(`below-random-ws/${method}`, method, 'random-ws')),
    contest('tuned-below-untuned', 'mgs-flat', 'mgs-flat-m0'),
    contest('flat-below-literal', 'mgs-flat', 'mgs'),
    // Asked after the others had been decided.
    { ...contest('gradient-below-none', 'mgs-flat', 'mgs-flat-no-gradient'), secondary: true },
    { ...contest('no-gradient-below-random-ws', 'mgs-flat-no-gradient', 'random-ws'), secondary: true },
  ];
  const controls = [rankingControl(rows)];
  return judgeQuestions(
    questions.map((question) => ({ ...question, unit: 'search', controls })),
    notKnown(view),
  );
}

/**
 * That a supernet of this size can rank architectures as full training does: one that is trained on single architectures. Those
 * of DARTS and MGS are trained on mixtures, and stand beside.
 */
function rankingControl(rows: readonly SearchedRow[]): Control {
  const text =
    'τ of the losses in a supernet of random-ws with the published accuracies is above 0 at its end';
  const own = rows.filter(({ method }) => method === 'random-ws');
  const last = rankedEpochs(own).at(-1);
  const taus =
    last === undefined ? [] : own.map((row) => rankingOf(row, last, false)).filter((tau) => tau !== null);
  return aboveControl(text, taus, 0, 'no two rankings are here');
}

/** Wilson's interval of a share. */
function shareInterval(hits: number, n: number): readonly [number, number] {
  const z2 = 1.96 ** 2;
  const centre = (hits + z2 / 2) / (n + z2);
  const half = (1.96 / (n + z2)) * Math.sqrt((hits * (n - hits)) / n + z2 / 4);
  return [centre - half, centre + half];
}
