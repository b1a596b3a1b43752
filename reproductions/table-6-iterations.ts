/**
 * Table 6: what the number M of fine-tuning steps of each candidate does to a search. As in the released code, α moves after
 * every M weight steps, so that M also decides how often it moves; beside that, the same with the frequency fixed.
 */
import { fineTuneIterations } from '../lib/search/omega-protocol.js';
import type { Claim } from '../lib/analysis/claims.js';
import { againstNumber, sixDigits } from '../lib/report/charts.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { fullSearch, withBudget } from '../lib/search/presets.js';
import { applySet, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import { slopeOver } from './claims.js';
import { searchDeviations, seedsOf, sentences, several, trainingDeviations } from './deviations.js';
import { cellsOfKind, cross, distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { printedNumbers, printedTable, printedText } from './paper.js';
import { judgeAll } from './statements.js';
import { SEEDS, spaceAt } from './sweep.js';
import {
  AGREEMENT,
  TRAINED_COLUMNS,
  TRAINED_NOTES,
  baselineNotes,
  counted,
  label,
  spread,
  stateText,
  summaryTable,
} from './tables.js';
import { trainedSearch, withBaselines } from './trained.js';

/** Whose weights, M, and weight steps between two updates of α. */
export type IterationAxes = Readonly<Record<'reading', Preset> & Record<'M' | 'period', number>>;
type TrainedRow = Row<'training', IterationAxes>;
type TrainedView = View<'training' | 'linear', IterationAxes>;

const PRINTED = printedTable('6', 'M');

/** Searches behind each of the paper's errors. */
const PRINTED_SEEDS = PRINTED[0].cells.error.n;

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

/** The searches of one seed. The paper's M are cut down as a budget cuts M = 10; the largest has both frequencies. */
function searchesOf(base: SearchProtocol): SearchProtocol[] {
  const most = fineTuneIterations(base.omega);
  const all = distinct(PRINTED.map(({ key }) => Math.max(1, Math.round((key * most) / LARGEST))));
  return FREQUENCIES.flatMap((frequency) =>
    all
      .filter((M) => frequency === 'coupled' || M < most)
      .map((M) =>
        applySet(base, `omega.iterations=${M}`, ...(frequency === 'fixed' ? [`updateEvery=${most}`] : [])),
      ),
  );
}

function deviations(all: readonly Cell<'training' | 'linear', IterationAxes>[]): string[] {
  const cells = cellsOfKind(all, 'training');
  const searches = cells.map(({ run }) => run.search!);
  const [first] = searches;
  const paper = fullSearch('darts', 'mgs', 'paper');
  const largest = Math.max(...searches.map(({ omega }) => fineTuneIterations(omega)));
  const seeds = seedsOf(cells);
  // What the table varies on purpose is no deviation.
  const neutral = (search: SearchProtocol): SearchProtocol => ({
    ...search,
    omega: { ...search.omega, iterations: fineTuneIterations(paper.omega) } as SearchProtocol['omega'],
    updateEvery: paper.updateEvery,
  });
  return sentences(
    first.space !== paper.space &&
      `The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space.`,
    searchDeviations(cells, ({ axes }) => `With the ${PRESET_TITLES[axes.reading]}`, neutral),
    largest !== LARGEST &&
      `M goes up to ${largest}; in the paper up to ${LARGEST}, with the same shares between.`,
    trainingDeviations(cells),
    seeds !== PRINTED_SEEDS &&
      `${several(seeds, 'search', 'searches')} for each M; the paper has ${PRINTED_SEEDS}.`,
    'Where α moves after a fixed number of weight steps, M changes the fine-tuning alone; the paper has no such runs.',
    'Cost is seconds on the machine that ran the searches.',
  );
}

/** Which rows a frequency has. Where α moves after the largest M, the largest M is in both. */
const hasFrequency =
  (frequency: (typeof FREQUENCIES)[number], among: readonly TrainedRow[]) =>
  ({ M, period }: TrainedRow): boolean =>
    frequency === 'coupled' ? M === period : period === Math.max(...among.map((each) => each.period));

function claims(view: TrainedView): Claim[] {
  return groupBy(rowsOfKind(view.rows, 'training'), 'reading').flatMap(({ key: { reading }, rows }) => {
    const title = PRESET_TITLES[reading];
    const [coupled, constant] = FREQUENCIES.map((frequency) => hasFrequency(frequency, rows));
    const falling = {
      statistic: 'test error (points of %) for each unit of M more (slope of a line)',
      value: (own: readonly TrainedRow[]) =>
        slopeOver(
          own,
          ({ M }) => M,
          ({ errorPct }) => errorPct,
        ),
      region: { below: 0 },
    };
    return judgeAll(rows, [
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
        text: `The error of the network found falls as M grows, α moving as often whatever M is (${title}; our question).`,
        among: constant,
        detail: 'With the frequency fixed, M changes nothing but how well ω*(α) is estimated.',
      },
      {
        id: `size-grows/${reading}`,
        text: `The network found has more parameters the larger M is (${title}; in print from 2.91 M to 3.71 M).`,
        statistic: 'full-size parameters (M) for each unit of M more (slope of a line)',
        value: (own) =>
          slopeOver(
            own,
            ({ M }) => M,
            ({ fullParameters }) => fullParameters / 1e6,
          ),
        region: { above: 0 },
        among: coupled,
      },
    ]);
  });
}

/** The rows of each cell: by reading, those with M = period first, by M. */
function cellsIn(view: TrainedView) {
  const apart = ({ M, period }: TrainedRow): number => Number(M !== period);
  const rows = groupBy(rowsOfKind(view.rows, 'training'), 'reading').flatMap((reading) =>
    [...reading.rows].sort((a, b) => apart(a) - apart(b) || a.M - b.M || a.period - b.period),
  );
  return groupBy(rows, 'reading', 'M', 'period');
}

function tables(view: TrainedView): Table[] {
  return [
    summaryTable<TrainedRow>(
      `The search for several M, its networks trained from scratch (${stateText(view)})`,
      cellsIn(view),
      [
        label('density', ({ reading }) => PRESET_TITLES[reading]),
        label('M', ({ M }) => M, 'right'),
        label('steps to an update', ({ period }) => period, 'right'),
        counted('n'),
        ...TRAINED_COLUMNS,
        AGREEMENT,
        // The same for every seed.
        label('α updates', ({ alphaUpdates }) => alphaUpdates!, 'right'),
        label('fine-tuning steps', ({ fineTuneSteps }) => fineTuneSteps!, 'right'),
        spread('search (s)', ({ searchSeconds }) => searchSeconds, 1),
      ],
      [
        'Steps to an update: weight steps between two updates of α; where it equals M the two are coupled, as in the paper.',
        ...TRAINED_NOTES,
        'Agreement: share of kept edges, with their operations, that two seeds have in common.',
        ...baselineNotes(view.rows),
      ],
    ),
    summaryTable<(typeof PRINTED)[number]>(
      "Printed in the paper's Table 6",
      PRINTED.map((row) => ({ rows: [row] })),
      [
        label('M', ({ key }) => key, 'right'),
        label('error (%)', ({ cells }) => printedText(cells.error), 'right'),
        label('parameters (M)', ({ cells }) => cells.params.printed, 'right'),
      ],
      [
        view.budget === 'full'
          ? 'Comparable with the rows above whose steps to an update equal M.'
          : `Not comparable with numbers made at budget ${view.budget}.`,
      ],
    ),
  ];
}

function charts(view: TrainedView): Chart[] {
  const values = groupBy(rowsOfKind(view.rows, 'training'), 'reading').flatMap(({ rows }) =>
    FREQUENCIES.flatMap((frequency) =>
      rows.filter(hasFrequency(frequency, rows)).map(({ reading, M, seed, errorPct }) => ({
        group: `${PRESET_TITLES[reading]}, ${frequency === 'coupled' ? 'α moves every M steps' : 'α moves as often'}`,
        x: M,
        seed,
        error: sixDigits(errorPct),
      })),
    ),
  );
  if (values.length === 0) return [];
  return [
    againstNumber(
      {
        name: 'error',
        title: `Test error against M (${stateText(view)})`,
        subtitle: 'line: mean over seeds; points: each search, its network trained',
      },
      values,
      {
        x: { field: 'x', title: 'fine-tuning steps M of each candidate' },
        y: { field: 'error', title: 'test error (%)' },
        group: 'group',
        groups: distinct(values.map(({ group }) => group)),
      },
    ),
  ];
}

/** Table 6. */
export const table6 = experiment({
  id: 'table-6',
  title: 'Table 6: the number of fine-tuning steps M',
  description: 'Errors and sizes for several M, with the frequency of updates coupled to it and fixed.',
  claim: 'The better ω*(α) is estimated, by more fine-tuning steps M, the better the network that is found.',
  paper: printedNumbers(PRINTED, ({ key }) => `M=${key}`),
  seeds: SEEDS,
  choices: {},
  runs(grid) {
    const { budget, preset, seeds } = grid;
    const readings = cross({ seed: seeds, reading: preset ? [preset] : PRESETS[budget] });
    const searches = readings.flatMap(({ seed, reading }) =>
      searchesOf(applySet(withBudget(fullSearch(spaceAt(budget), 'mgs', reading), budget), `seed=${seed}`)),
    );
    return withBaselines(
      searches.map((own): Cell<'training', IterationAxes> => {
        const search = grid.search(own);
        const axes = {
          reading: search.preset,
          M: fineTuneIterations(search.omega),
          period: updatePeriod(search),
        };
        return { axes, run: trainedSearch(grid, search, { preset: 'darts-space' }) };
      }),
    );
  },
  deviations,
  tables,
  charts,
  claims,
});
