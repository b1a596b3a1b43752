/**
 * A reproduction of our own: R-DARTS' argument (Zela et al. 2020), that DARTS ends in skip connections where the validation
 * loss is sharply curved in α, and that regularizing the weights keeps it from both. ZARTS builds on it.
 */
import { median } from 'simple-statistics';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import type { SearchFigures } from '../lib/datasets/rdarts-logs.js';
import {
  alongSearches,
  chart,
  inColumns,
  orderBy,
  pointsOf,
  quantitative,
  shapeBy,
  sixDigits,
} from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import { INTERVALS, meanOf, meansChart, varied } from '../lib/report/means-chart.js';
import type { Axis } from '../lib/report/means-chart.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { deviations as deviationsOf } from '../lib/search/presets.js';
import { spaceName } from '../lib/search/protocol.js';
import type { Stopping } from '../lib/search/stability.js';
import { searchDeviations, sentences } from './deviations.js';
import { cellsOfKind, distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell } from './experiment.js';
import { controlsOf, curvatureClaims } from './extra-curvature-claims.js';
import {
  ALL_SERIES,
  counterparts,
  FULL_REACH,
  FULL_RULE,
  inSeries,
  endOf,
  loggedPeak,
  loggedStopping,
  logsIn,
  logsMissing,
  peakOf,
  reachOf,
  SERIES,
  SERIES_TITLES,
  skipsOf,
  stoppedSkips,
  stoppingOf,
  STRENGTH_IDS,
  strengthSearch,
  strengthTitle,
} from './curvature-searches.js';
import type { CurvatureView, SeriesId, StrengthAxes, StrengthId, StrengthRow } from './curvature-searches.js';
import { some } from './grid.js';
import { spaceTitle } from './methods.js';
import { LOGS } from './search-logs.js';
import { counted, label, leading, progressText, spread, summaryTable } from './tables.js';
import { controlsTable } from './together.js';

// ---- Tables ----

function controlTable(view: CurvatureView): Table {
  const rows = rowsOfKind(view.rows, 'search');
  const reaches = distinct(rows.map(({ search }) => threeDigits(reachOf(search))));
  const { l2, dropPath, collapse } = controlsOf(view);
  const controls = [
    collapse,
    ...[l2, dropPath].flatMap(({ moving, eigenvalue, end }) => [...moving, eigenvalue, end]),
  ];
  return controlsTable(controls, [
    `Alpha’s rate times its number of updates: ${reaches.join(', ')}; in the full search ${threeDigits(FULL_REACH)}.`,
    'Learning: a decay so strong that nothing is learned leaves a loss that is flat in α, which would look like the claim.',
    'Chance: along random gradients Adam carries an entry of α the rate times the root of the number of updates; with every strength the ratio’s 95 % interval over seeds must lie above 1. A cell of alphas of chance has the skips that the first control says.',
    'Eigenvalues that count: the largest along each search; the last ones are asked about apart. Error: the residual of Lanczos’ method, or what rounding leaves of the product with a vector that the Hessian takes to zero, whichever is more; the step of the differences has one of its own, which is not in it.',
  ]);
}

const threeDigits = (value: number): number => Number(value.toPrecision(3));

/** "2 of 6, back to 5–8": how often early stopping stops, and to which epochs it goes back, counted from 1. */
function stoppingText(stoppings: readonly (Stopping | undefined)[]): string {
  const stopped = stoppings.filter((each) => each !== undefined);
  const count = `${stopped.length} of ${stoppings.length}`;
  if (stopped.length === 0) return count;
  const to = stopped.map(({ backTo }) => backTo + 1);
  const [first, last] = [Math.min(...to), Math.max(...to)];
  return `${count}, back to ${first === last ? first : `${first}–${last}`}`;
}

const medianOf = (searches: readonly SearchFigures[], of: (search: SearchFigures) => number): number =>
  median(searches.map(of));

const listed = (values: readonly number[]): string => values.join(' ');

const spacesIn = (rows: readonly StrengthRow[]): string =>
  distinct(rows.map(({ search }) => spaceTitle(spaceName(search)))).join(', ') || 'S1';

function resultTable(view: CurvatureView): Table {
  const rows = rowsOfKind(view.rows, 'search');
  const theirs = counterparts(view);
  const missing = logsMissing(view);
  const beside = (own: readonly StrengthRow[]): SearchFigures[] =>
    theirs.filter(({ l2, dropPath }) => l2 === own[0].l2 && dropPath === own[0].dropPath);
  const full = (title: string, text: (found: readonly SearchFigures[]) => string) => ({
    title: `full size: ${title}`,
    cell: (own: readonly StrengthRow[]) => (beside(own).length === 0 ? '–' : text(beside(own))),
  });
  return summaryTable<StrengthRow>(
    `DARTS in ${spacesIn(rows)}, regularized more and more (${progressText(view)})`,
    groupBy(rows, 'l2', 'dropPath'),
    [
      label('', strengthTitle),
      counted('n'),
      spread('skips', skipsOf, 1),
      { title: 'by seed', cell: (own) => listed(own.map(skipsOf)) },
      leading('largest eigenvalue', peakOf),
      leading('at the end', endOf),
      { title: 'early stopping', cell: (own) => stoppingText(own.map(stoppingOf)) },
      spread('its skips', stoppedSkips, 1),
      ...(theirs.length === 0
        ? []
        : [
            full('skips', (found) => listed(found.map(({ normalSkips }) => normalSkips))),
            full('largest eigenvalue', (found) => fixed(medianOf(found, loggedPeak), 2)),
            full('early stopping', (found) => stoppingText(found.map(loggedStopping))),
          ]),
    ],
    sentences(
      missing ?? false,
      'Skips: of the 8 operations of the normal cell. Largest eigenvalue: of the Hessian of the validation loss in α, the largest along a search, nats per squared unit of α; mean ± standard deviation over searches.',
      'Early stopping: how many searches it would have stopped, had it been on, and the epoch whose cell it would have chosen; its skips: that cell’s, or the last one’s where it would not have stopped.',
      theirs.length > 0 &&
        'Full size: the authors’ own searches, the median of the eigenvalues; of another size than ours, so compare the order, not the numbers.',
    ),
  );
}

const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;

/** What the authors' logs hold, of all spaces. */
function logsTable(view: CurvatureView): Table[] {
  const logs = logsIn(view);
  if (!logs) return [];
  const { searches, check } = logs;
  return [
    summaryTable<SearchFigures>(
      'The authors’ searches of full size, from their logs',
      groupBy(searches, 'space', 'dataset', 'dropPath', 'l2'),
      [
        label('space', ({ space }) => space.toUpperCase()),
        label('data set', ({ dataset }) => FILE_DATASETS[dataset as FileDatasetName]?.title ?? dataset),
        label('', strengthTitle),
        counted('n'),
        { title: 'skips', cell: (own) => listed(own.map(({ normalSkips }) => normalSkips)) },
        { title: 'largest eigenvalue', cell: (own) => fixed(medianOf(own, loggedPeak), 3) },
        {
          title: 'at the end',
          cell: (own) =>
            fixed(
              medianOf(own, ({ dominantEigenvalue }) => dominantEigenvalue.at(-1)!),
              3,
            ),
        },
        { title: 'our early stopping', cell: (own) => stoppingText(own.map(loggedStopping)) },
      ],
      sentences(
        'Medians. The logged Hessians have α’s own decay on their diagonals, which adds 0.001 to every eigenvalue: 0.001 is a loss that is flat in α. Early stopping: by our rule (averages over 5 epochs, 5 apart, ratio 0.75), from the epochs that are logged; 50 in all.',
        check
          ? `Checked: the largest eigenvalues of ${check.matrices} matrices of ${check.sizes.map((size) => `${size}×${size}`).join(' and ')} by the method that searches here use are within ${percent(check.direct)} of a direct method’s${check.figures === null ? '' : `, and within ${percent(check.figures)} of the figures beside the logs`}.`
          : 'From figures worked out from the logs; with a clone of them the eigenvalues are computed anew from the matrices, as a check.',
      ),
    ),
  ];
}

// ---- Charts ----

/** Epochs counted from 1, with what a series' searches have there. */
function along(
  series: SeriesId,
  { name, title, dashes }: { readonly name: string; readonly title: string; readonly dashes: number },
  searches: readonly (StrengthAxes & {
    readonly seed: number;
    readonly values: readonly { readonly epoch: number; readonly value: number }[];
  })[],
): Chart[] {
  const own = searches.filter((each) => inSeries(series, each) && each.values.length > 0);
  if (own.length === 0) return [];
  const ordered = [...own].sort((a, b) => a[series] - b[series]);
  return [
    alongSearches(
      {
        name,
        title: `${title}: ${SERIES_TITLES[series]}`,
        subtitle: [
          'line: mean over seeds; band: all seeds',
          'dashes: from here on early stopping may go back to an epoch',
        ],
      },
      ordered.flatMap((each) =>
        each.values.map(({ epoch, value }) => ({
          method: strengthTitle(each),
          seed: each.seed,
          epoch: epoch + 1,
          y: sixDigits(value),
        })),
      ),
      {
        title: 'largest eigenvalue',
        methods: distinct(ordered.map(strengthTitle)),
        epochs: Math.max(...own.flatMap(({ values }) => values.map(({ epoch }) => epoch + 1))),
        dashes,
      },
    ),
  ];
}

/** What files call the two series. */
const FILE_NAMES: Readonly<Record<SeriesId, string>> = { l2: 'decay', dropPath: 'drop' };

function alongCharts(view: CurvatureView): Chart[] {
  const rows = rowsOfKind(view.rows, 'search');
  const start = rows.at(0)?.search.stability?.startEpoch ?? 0;
  const ours = rows.map(({ l2, dropPath, seed, epochs }) => ({
    ...{ l2, dropPath, seed },
    values: epochs.flatMap(({ epoch, dominantEigenvalue: value }) =>
      value === undefined ? [] : [{ epoch, value }],
    ),
  }));
  const theirs = counterparts(view).map(({ epochs, dominantEigenvalue, ...each }) => ({
    ...each,
    values: epochs.map((epoch, i) => ({ epoch, value: dominantEigenvalue[i] })),
  }));
  return ALL_SERIES.flatMap((series) => [
    ...along(
      series,
      {
        name: `along${FILE_NAMES[series]}`,
        title: `Curvature along the search (${progressText(view)})`,
        dashes: start + 1,
      },
      ours,
    ),
    ...along(
      series,
      {
        name: `full${FILE_NAMES[series]}`,
        title: 'Curvature along the authors’ full-size searches',
        dashes: FULL_RULE.startEpoch + 1,
      },
      theirs,
    ),
  ]);
}

const HERE = 'here';
const THEIRS = 'authors, full size';

/** Where a search stands in a series, and its two numbers. */
interface Standing extends StrengthAxes {
  readonly whose: typeof HERE | typeof THEIRS;
  readonly seed: number;
  readonly skips: number;
  readonly peak: number;
}

function standings(view: CurvatureView): Standing[] {
  const ours = rowsOfKind(view.rows, 'search').flatMap((row): Standing[] => {
    const peak = peakOf(row);
    const { l2, dropPath, seed } = row;
    return peak === undefined ? [] : [{ whose: HERE, l2, dropPath, seed, skips: skipsOf(row), peak }];
  });
  const theirs = counterparts(view).map((each): Standing => ({
    whose: THEIRS,
    l2: each.l2,
    dropPath: each.dropPath,
    seed: each.seed,
    skips: each.normalSkips,
    peak: loggedPeak(each),
  }));
  return [...ours, ...theirs];
}

const SKIPS = 'skip connections';
const EIGENVALUE = 'largest eigenvalue along the search';

/** Skips and eigenvalue against each strength, ours beside the authors'. */
function orderCharts(view: CurvatureView): Chart[] {
  return ALL_SERIES.flatMap((series) => {
    const own = standings(view).filter((each) => inSeries(series, each));
    if (own.length === 0) return [];
    const values = distinct(own.map((each) => each[series])).sort((a, b) => a - b);
    const title = SERIES_TITLES[series];
    const x: Axis =
      series === 'l2' && values[0] > 0
        ? { ...varied(series, title, values), format: '~e' }
        : { field: series, title, values, domain: [values[0] - 0.05, values[values.length - 1] + 0.05] };
    const skips = groupBy(own, series, 'whose').map(({ key, rows }) => {
      const { low, high, ...mean } = meanOf(rows, (each) => each.skips);
      // Of 8 operations; the intervals of two or three searches know nothing of that.
      return { ...key, ...mean, panel: SKIPS, low: Math.max(0, low), high: Math.min(8, high) };
    });
    const peaks = groupBy(own, series, 'whose').map(({ key, rows }) => ({
      ...key,
      ...meanOf(rows, ({ peak }) => peak),
      panel: `eigenvalue: ${key.whose}`,
    }));
    const points = [...skips, ...peaks];
    const names = distinct(own.map(({ whose }) => whose));
    return [
      meansChart({
        name: `order${FILE_NAMES[series]}`,
        title: `Skips and curvature against the ${title} (${progressText(view)})`,
        subtitle: [
          INTERVALS,
          ...(names.length > 1 ? ['Two sizes of search: compare the order, not the numbers.'] : []),
        ],
        points,
        x,
        y: { title: '' },
        series: { field: 'whose', names, tip: 'searches' },
        columns: { field: 'panel', names: distinct(points.map(({ panel }) => panel)) },
        measured: 'mean',
        ownY: true,
      }),
    ];
  });
}

/** How strongly a search is regularized among those of its series: 1 for DARTS' own. */
function rankOf({ l2, dropPath }: StrengthAxes): number {
  const [values, value] = dropPath > 0 ? [SERIES.dropPath, dropPath] : [SERIES.l2, l2];
  return 1 + values.filter((each) => each < value).length;
}

/** A point a search: does a sharper curvature come with more skips? */
function scatterChart(view: CurvatureView): Chart[] {
  const all = standings(view);
  if (all.length === 0) return [];
  const values = all.map((each) => ({
    ...each,
    peak: sixDigits(each.peak),
    strength: strengthTitle(each),
    rank: rankOf(each),
    series: each.dropPath > 0 ? SERIES_TITLES.dropPath : SERIES_TITLES.l2,
  }));
  const x = quantitative(
    { field: 'skips', title: SKIPS },
    { scale: { domain: [-0.3, 8.3], nice: false }, axis: { values: [0, 2, 4, 6, 8], format: 'd' } },
  );
  const y = quantitative({ field: 'peak', title: EIGENVALUE });
  const ranks = distinct(values.map(({ rank }) => rank)).sort((a, b) => a - b);
  const color = orderBy('rank', ranks, { title: ['strength, from', 'DARTS’ own (1) up'], symbolOpacity: 1 });
  const shape = shapeBy('series', Object.values(SERIES_TITLES), { title: null });
  const tooltip = [
    ...['whose', 'strength', 'seed', 'skips'].map((field) => ({ field })),
    { field: 'peak', format: '.3g' },
  ];
  const panel = { width: 250, height: 230, layer: [pointsOf(70, 0.8, { x, y, color, shape, tooltip })] };
  const names = distinct(values.map(({ whose }) => whose));
  return [
    chart(
      {
        name: 'scatter',
        title: `Curvature against skip connections (${progressText(view)})`,
        subtitle: 'a point a search; skips of the normal cell that it ends with',
      },
      values,
      inColumns({ field: 'whose', names }, panel, true),
    ),
  ];
}

// ---- The experiment ----

/** As of a search with the decay that DARTS has, and the drop path that R-DARTS(DP) has: what is varied is no deviation. */
const otherwise: Parameters<typeof searchDeviations>[2] = (search) =>
  deviationsOf({
    ...search,
    weights: { ...search.weights, weightDecay: SERIES.l2[0] },
    ...(search.dropPath && { dropPath: { ...search.dropPath, probability: SERIES.dropPath[3] } }),
  });

function deviations(cells: readonly Cell<'search' | 'logs', StrengthAxes>[]): string[] {
  const searched = cellsOfKind(cells, 'search');
  return sentences(
    'ZARTS’ paper has none of this; the argument is R-DARTS’, and the questions are ours.',
    searchDeviations(searched, ({ axes }) => strengthTitle(axes), otherwise),
  );
}

/** R-DARTS' argument. */
export const extraCurvature = experiment({
  id: 'extra-curvature',
  title: 'Curvature: does DARTS collapse where the loss is sharply curved in α?',
  description: 'The Hessian’s largest eigenvalue and the skips of DARTS in S1, under decay and drop path.',
  claim:
    'R-DARTS: with stronger regularization of the weights DARTS ends with fewer skip connections, and at α where the validation loss is less sharply curved. Our question: does a search of a laptop’s size show the same order?',
  paper: {},
  seeds: { full: 6, laptop: 6, smoke: 2 },
  choices: {
    strength: some<StrengthId>('strength', STRENGTH_IDS, () => STRENGTH_IDS),
  },
  // Seeds outermost: each is compared within itself.
  runs({ budget, seeds, chosen, search }) {
    const logs: Cell<'logs', StrengthAxes> = {
      axes: { l2: 0, dropPath: 0 },
      run: { kind: 'logs', logs: LOGS },
    };
    return [
      logs,
      ...seeds.flatMap((seed) =>
        chosen.strength.map((id): Cell<'search', StrengthAxes> => {
          const own = search(strengthSearch(id, budget, seed));
          const axes = { l2: own.weights.weightDecay, dropPath: own.dropPath?.probability ?? 0 };
          return { axes, run: { kind: 'search', search: own } };
        }),
      ),
    ];
  },
  deviations,
  tables: (view) => [controlTable(view), resultTable(view), ...logsTable(view)],
  charts: (view) => [...alongCharts(view), ...orderCharts(view), ...scatterChart(view)],
  claims: curvatureClaims,
});
