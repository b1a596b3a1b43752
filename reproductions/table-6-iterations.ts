/**
 * Table 6: what the number M of fine-tuning steps of each candidate does to a search. As in the released code, α moves after
 * every M weight steps, so that M also decides how often it moves; beside that, the same with the frequency fixed.
 */
import type { Answer } from '../lib/analysis/claims.js';
import type { Table } from '../lib/report/table.js';
import { fineTuneIterations } from '../lib/search/omega-protocol.js';
import {
  alphaUpdates,
  deviations as deviationsOf,
  fullSearch,
  paperSearch,
  withBudget,
} from '../lib/search/presets.js';
import { applySet, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import { gatedByTraining, slope } from './claims.js';
import type { Separation } from './claims.js';
import { searchDeviations, seedsDeviation, sentences, trainingDeviations } from './deviations.js';
import { cross, distinct, groupBy, ofWholeSeeds, perSeed } from './experiment.js';
import type { Cell } from './experiment.js';
import type { Grid } from './grid.js';
import { printedTable } from './paper.js';
import { judgeAll } from './statements.js';
import { spaceAt } from './sweep.js';
import { gatedByLoss, LOSS, LOSS_NOTE, OF_SEARCHES, sizeSlope, swept, UNIFORM_LOSS } from './swept.js';
import type { SweptRow, SweptView } from './swept.js';
import {
  AGREEMENT,
  TRAINED_COLUMNS,
  TRAINED_NOTES,
  baselineNotes,
  counted,
  label,
  searchTime,
  stateText,
  summaryTable,
} from './tables.js';

import { aboveControl } from './together.js';
import type { Control } from './together.js';

/** Whose weights, M, and weight steps between two updates of α. */
export type IterationAxes = Readonly<Record<'reading', Preset> & Record<'M' | 'period', number>>;
type TrainedRow = SweptRow<IterationAxes>;

const PRINTED = printedTable('6', 'M');

/** The paper's largest M. */
const LARGEST = Math.max(...PRINTED.map(({ key }) => key));

/** As printed, and by the loss alone. */
const PRESETS: Readonly<Record<Budget, readonly Preset[]>> = {
  full: ['paper', 'flat'],
  laptop: ['paper', 'flat'],
  smoke: ['flat'],
};

const PRESET_TITLES: Readonly<Record<Preset, string>> = {
  paper: 'literal density (Eq. 26)',
  flat: 'flat density',
  released: 'released code',
};

/** How often α moves: after M weight steps, or after as many whatever M is. */
const FREQUENCIES = ['coupled', 'fixed'] as const;

/** The paper's M are cut down as a budget cuts M = 10; the largest has both frequencies. */
function searches({ budget, preset, seeds, search }: Grid): SearchProtocol[] {
  return cross({ seed: seeds, reading: preset ? [preset] : PRESETS[budget] }).flatMap(({ seed, reading }) => {
    const base = applySet(withBudget(fullSearch(spaceAt(budget), 'mgs', reading), budget), `seed=${seed}`);
    const most = fineTuneIterations(base.omega);
    const all = distinct(PRINTED.map(({ key }) => Math.max(1, Math.round((key * most) / LARGEST))));
    const coupled = all.map((M) => [`omega.iterations=${M}`]);
    const constant = coupled.filter((_, i) => all[i] < most).map((own) => [...own, `updateEvery=${most}`]);
    return [...coupled, ...constant].map((own) => search(applySet(base, ...own)));
  });
}

function deviations(cells: readonly Cell<'training', IterationAxes>[]): string[] {
  const own = cells.map(({ run }) => run.search!);
  const paper = fullSearch('darts', 'mgs', 'paper');
  const largest = Math.max(...own.map(({ omega }) => fineTuneIterations(omega)));
  // What the table varies on purpose is no deviation; how often alpha moves goes with it, and is said once for all.
  const otherwise = (search: SearchProtocol): string[] => {
    const { omega, updateEvery } = search;
    const from = deviationsOf(search, { ...paperSearch(search), omega, updateEvery });
    return from.filter((sentence) => !sentence.startsWith('Alpha moves'));
  };
  const moves = own.map(alphaUpdates);
  const printed = PRINTED.map(({ key }) => alphaUpdates(applySet(paper, `omega.iterations=${key}`)));
  return sentences(
    own[0].space !== paper.space &&
      `The searches run in ${spaceName(own[0]).toUpperCase()} instead of the DARTS space.`,
    searchDeviations(cells, ({ axes }) => `With the ${PRESET_TITLES[axes.reading]}`, otherwise),
    own[0].budget !== paper.budget &&
      `Alpha moves ${Math.max(...moves)} times with the smallest M to ${Math.min(...moves)} with the largest; in the full search ${Math.max(...printed)} to ${Math.min(...printed)}.`,
    largest !== LARGEST &&
      `M goes up to ${largest}; in the paper up to ${LARGEST}, with the same shares between.`,
    trainingDeviations(cells),
    seedsDeviation(cells, 'for each M', PRINTED[0].cells.error.n),
    'Where α moves after a fixed number of weight steps, M changes the fine-tuning alone; the paper has no such runs.',
    'Cost is seconds on the machine that ran the searches.',
  );
}

/** Which rows a frequency has. Where α moves after the largest M, the largest M is in both. */
const hasFrequency =
  (frequency: (typeof FREQUENCIES)[number], among: readonly TrainedRow[]) =>
  ({ M, period }: TrainedRow): boolean =>
    frequency === 'coupled' ? M === period : period === Math.max(...among.map((each) => each.period));

const whose = ({ reading }: Pick<TrainedRow, 'reading'>): string => `MGS, ${PRESET_TITLES[reading]}`;

/**
 * That more fine-tuning does what it is for: the candidates of an update have a lower loss after the largest M than after the smallest,
 * in the first epoch that has updates, where α and ω have hardly come apart yet.
 */
function tuningControl(rows: readonly TrainedRow[], reading: Preset): Control {
  const own = rows.filter((row) => row.reading === reading);
  const constant = own.filter(hasFrequency('fixed', own));
  const all = constant.map(({ M }) => M);
  const lossWith = (among: readonly TrainedRow[], M: number): number =>
    among.find((row) => row.M === M)?.epochs?.find(({ updates }) => updates > 0)?.candidateLoss ?? NaN;
  return aboveControl(
    `Candidates of ${whose({ reading })}, fine-tuned with the largest M have a lower validation loss than with the smallest, in the first epoch with updates`,
    perSeed(constant, (each) => lossWith(each, Math.min(...all)) - lossWith(each, Math.max(...all))),
    0,
    'no two seeds are here',
    'seeds, nats',
  );
}

function claims(rows: readonly TrainedRow[], separation: Separation | undefined): Answer[] {
  const whole = ofWholeSeeds(rows, 'reading', 'M', 'period');
  return groupBy(rows, 'reading').flatMap(({ key: { reading }, rows: all }) => {
    const title = PRESET_TITLES[reading];
    const [coupled, constant] = FREQUENCIES.map((frequency) => hasFrequency(frequency, all));
    const falling = {
      statistic: 'test error (points of %) for each unit of M more (slope of a line)',
      value: slope<'M', TrainedRow>('M', ({ errorPct }) => errorPct),
      region: { below: 0 },
      ...gatedByTraining(separation),
    };
    const lossFalling = {
      secondary: true,
      statistic: 'L_val(ω, α) in nats at the end of a search, for each unit of M more (slope of a line)',
      value: slope<'M', TrainedRow>('M', ({ validation }) => validation.loss),
      region: { below: 0 },
      ...gatedByLoss(rows, [tuningControl(rows, reading)]),
    };
    const own = whole.filter((row) => row.reading === reading);
    return judgeAll(own, [
      {
        ...lossFalling,
        id: `loss-falls/${reading}`,
        text: `The validation loss that a search ends with falls as M grows (${title}; our question).`,
        among: coupled,
        detail: 'Asked of what a search minimizes; as printed, with the frequency coupled to M.',
      },
      {
        ...lossFalling,
        id: `loss-falls-fixed/${reading}`,
        text: `The validation loss that a search ends with falls as M grows, α moving as often whatever M is (${title}; our question).`,
        among: constant,
        detail: 'The paper’s argument itself, that a better estimate of ω*(α) makes better steps of α.',
      },
      {
        ...falling,
        id: `error-falls/${reading}`,
        text: `The error of the network found falls as M grows (${title}).`,
        among: coupled,
        detail: 'As printed: with M also the weight steps between two updates of α grow.',
      },
      {
        ...falling,
        id: `error-falls-fixed/${reading}`,
        secondary: true,
        text: `The error of the network found falls as M grows, α moving as often whatever M is (${title}; our question).`,
        among: constant,
        detail: 'With the frequency fixed, M changes nothing but how well ω*(α) is estimated.',
      },
      {
        id: `size-grows/${reading}`,
        text: `The network found has more parameters the larger M is (${title}; in print from 2.91 M to 3.71 M).`,
        ...sizeSlope('M', whose({ reading }), all),
        among: coupled,
      },
    ]);
  });
}

/** The rows of each cell: by reading, those with M = period first, by M. */
function cellsOf(rows: readonly TrainedRow[]) {
  const apart = ({ M, period }: TrainedRow): number => Number(M !== period);
  const ordered = groupBy(rows, 'reading').flatMap((reading) =>
    reading.rows.sort((a, b) => apart(a) - apart(b) || a.M - b.M || a.period - b.period),
  );
  return groupBy(ordered, 'reading', 'M', 'period');
}

function tables(rows: readonly TrainedRow[], view: SweptView<IterationAxes>): [Table, ...Table[]] {
  return [
    summaryTable<TrainedRow>(
      `The search for several M, its networks trained from scratch (${stateText(view)})`,
      cellsOf(rows),
      [
        label('density', ({ reading }) => PRESET_TITLES[reading]),
        label('M', ({ M }) => M, 'right'),
        label('steps to an update', ({ period }) => period, 'right'),
        counted('n'),
        ...TRAINED_COLUMNS,
        LOSS,
        UNIFORM_LOSS,
        AGREEMENT,
        // The same for every seed.
        label('α updates', ({ alphaUpdates }) => alphaUpdates!, 'right'),
        label('fine-tuning steps', ({ fineTuneSteps }) => fineTuneSteps!, 'right'),
        searchTime(1),
      ],
      [
        'Steps to an update: weight steps between two updates of α; where it equals M the two are coupled, as in the paper.',
        ...TRAINED_NOTES,
        LOSS_NOTE,
        'Agreement: share of kept edges, with their operations, that two seeds have in common.',
        ...baselineNotes(view.rows),
      ],
    ),
  ];
}

/** Rows in the order of the lines that they are points of; with the largest M a row is a point of two. */
function points(rows: readonly TrainedRow[]) {
  return groupBy(rows, 'reading').flatMap(({ key: { reading }, rows: own }) =>
    FREQUENCIES.flatMap((frequency) =>
      own.filter(hasFrequency(frequency, own)).map((row) => ({
        row,
        at: row.M,
        group: `${PRESET_TITLES[reading]}, ${frequency === 'coupled' ? 'α moves every M steps' : 'α moves as often'}`,
      })),
    ),
  );
}

/** Table 6. */
export const table6 = swept({
  id: 'table-6',
  title: 'Table 6: the number of fine-tuning steps M',
  description: 'Errors and sizes for several M, with the frequency of updates coupled to it and fixed.',
  claim: 'The better ω*(α) is estimated, by more fine-tuning steps M, the better the network that is found.',
  setting: 'M',
  choices: {},
  searches,
  axes: (search): IterationAxes => ({
    reading: search.preset,
    M: fineTuneIterations(search.omega),
    period: updatePeriod(search),
  }),
  deviations,
  whose,
  controls: (rows) =>
    distinct(rows.map(({ reading }) => reading)).map((reading) => tuningControl(rows, reading)),
  tables,
  printed: {
    columns: { error: 'error (%)', params: 'parameters (M)' },
    comparable: 'Comparable with the rows above whose steps to an update equal M.',
  },
  x: { field: 'x', title: 'fine-tuning steps M of each candidate' },
  points,
  quantities: (view) => [
    {
      name: 'error',
      title: `Test error against M (${stateText(view)})`,
      subtitle: OF_SEARCHES,
      y: { field: 'error', title: 'test error (%)' },
      of: ({ errorPct }) => errorPct,
      group: 'group',
    },
    {
      name: 'loss',
      title: `Validation loss at the end of a search against M (${stateText({ ...view, of: view.done })})`,
      subtitle: 'line: mean over seeds; points: each search',
      y: { field: 'loss', title: 'L_val(ω, α) (nats)' },
      of: ({ validation }) => validation.loss,
      group: 'group',
      format: '.3f',
    },
  ],
  claims,
});
