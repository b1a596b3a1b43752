/**
 * A reproduction of our own: searches in the space of NAS-Bench-201, judged by the published accuracy of what they find at
 * full scale. The paper does not say what ZARTS does there; DARTS' failure in it is the best known one.
 */
import { median } from 'simple-statistics';
import { ENDINGS } from '../lib/analysis/genotypes.js';
import type { Ending } from '../lib/analysis/genotypes.js';
import { BENCHMARK_SETS, BENCHMARK_TITLES } from '../lib/datasets/nats-bench.js';
import type { BenchmarkSet } from '../lib/datasets/nats-bench.js';
import { galleryDiagram } from '../lib/report/cell-diagram.js';
import { againstNumber, alongSearches, chart, layerOf, pointsOf, sixDigits } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, REFERENCE_COLOR } from '../lib/report/theme.js';
import { architectureAt, architectureCount } from '../lib/spaces/architectures.js';
import { SPACES } from '../lib/spaces/spaces.js';
import { searchDeviations, sentences } from './deviations.js';
import { distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell } from './experiment.js';
import { nb201Claims } from './extra-nb201-claims.js';
import { some } from './grid.js';
import { BENCHMARK } from './lookups.js';
import type { Derivation } from './lookups.js';
import {
  MAIN,
  METHOD_IDS,
  METHODS,
  accuracyIn,
  benchmarkIn,
  endingIn,
  finalAccuracy,
  finalPercentile,
  notKnown,
  rankedEpochs,
  rankingOf,
  regretOf,
  searchBy,
  titleOf,
} from './nb201-searches.js';
import type { Method, MethodAxes, MethodId, Nb201View, SearchedRow } from './nb201-searches.js';
import { counted, label, progressText, spread, summaryTable } from './tables.js';
import type { SummaryColumn } from './tables.js';

// ---- Tables ----

const accuracyColumn = (set: BenchmarkSet, derivation?: Derivation): SummaryColumn<SearchedRow> =>
  spread(
    derivation === 'without none' ? `${BENCHMARK_TITLES[set]}, none left out` : BENCHMARK_TITLES[set],
    (row) => finalAccuracy(row, set, derivation),
    2,
  );

/** For what has two humps. */
function medianColumn(title: string, of: (row: SearchedRow) => number | null): SummaryColumn<SearchedRow> {
  const known = (rows: readonly SearchedRow[]) => rows.map(of).filter((value) => value !== null);
  return { title, cell: (rows) => (known(rows).length === 0 ? '–' : fixed(median(known(rows)), 2)) };
}

const share = (part: number, of: number): string => `${fixed((100 * part) / of, 0)} %`;

function endingColumn(ending: Ending): SummaryColumn<SearchedRow> {
  return {
    title: ending,
    cell: (rows) => `${rows.filter((row) => endingIn(row) === ending).length} of ${rows.length}`,
  };
}

/** The row of an exact number beside those of searches, in the table's own columns. */
function uniformRows(view: Nb201View): Table['rows'] {
  const known = benchmarkIn(view);
  if (!known) return [];
  const count = architectureCount(SPACES.nb201);
  const [c10, c100, imagenet] = BENCHMARK_SETS.map((set) => known.uniform[set]);
  const endings = ENDINGS.map((ending) => share(known.endings[ending], count));
  const values = [
    'a uniform draw (exact)',
    '',
    ...[c10, c100, imagenet].map(({ mean }) => fixed(mean, 2)),
    fixed(c10.best - c10.median, 2),
    '50.0 %',
    fixed(c10.meanWithoutNone, 2),
    ...endings,
    '',
  ];
  return [Object.fromEntries(values.map((value, i) => [`${i + 1}`, value]))];
}

function resultTable(view: Nb201View, rows: readonly SearchedRow[]): Table {
  const known = benchmarkIn(view);
  const why = notKnown(view);
  const table = summaryTable<SearchedRow>(
    `What the searches ended with, by its published accuracy after 200 epochs (${progressText(view)})`,
    inOrder(rows),
    [
      label('method', ({ method }) => titleOf(method)),
      counted('n'),
      ...BENCHMARK_SETS.map((set) => accuracyColumn(set)),
      medianColumn('median regret', (row) => regretOf(view, finalAccuracy(row, 'cifar10'))),
      {
        title: 'better than',
        cell: (own) => {
          const found = own.map(finalPercentile).filter((each) => each !== null);
          return found.length === 0
            ? '–'
            : share(
                found.reduce((a, b) => a + b, 0),
                found.length,
              );
        },
      },
      accuracyColumn('cifar10', 'without none'),
      ...ENDINGS.map(endingColumn),
      spread('search (s)', ({ searchSeconds }) => searchSeconds, 0),
    ],
    [
      ...(why === undefined ? [] : [why]),
      'Accuracies in percent, mean ± standard deviation over searches; median regret: points of CIFAR-10 below the best architecture; better than: share of all architectures, mean.',
      'Endings: the output does not depend on the input; it does, but by no path with a convolution; other. Only the second is the published failure of DARTS.',
      ...(known
        ? [
            `Best of the space: ${BENCHMARK_SETS.map((set) => `${fixed(known.uniform[set].best, 2)} on ${BENCHMARK_TITLES[set]}`).join(', ')}. A uniform draw without none: ${BENCHMARK_SETS.map((set) => fixed(known.uniform[set].meanWithoutNone, 2)).join(' / ')}.`,
          ]
        : []),
    ],
  );
  return { ...table, rows: [...table.rows, ...uniformRows(view)] };
}

/** Searches by method, in the order of the methods, those of others first. */
const inOrder = (rows: readonly SearchedRow[]) => {
  const there = distinct(rows.map(({ method }) => method));
  const others = there.filter((method) => !Object.hasOwn(METHODS, method));
  return [...others, ...METHOD_IDS]
    .map((method) => ({ rows: rows.filter((row) => row.method === method) }))
    .filter((group) => group.rows.length > 0);
};

function controlTable(view: Nb201View, rows: readonly SearchedRow[]): Table {
  const ranked = rows.filter(({ epochs }) => epochs.some(({ ranking }) => ranking));
  const epochs = rankedEpochs(ranked);
  return summaryTable<SearchedRow>(
    `Control: does a supernet's loss rank architectures as full training does? (${progressText(view)})`,
    inOrder(ranked),
    [
      label('supernet of', ({ method }) => titleOf(method)),
      counted('n'),
      ...[false, true].flatMap((half) =>
        epochs.map((epoch) =>
          spread<SearchedRow>(
            `τ${half ? ', better half' : ''}, epoch ${epoch}`,
            (row) => rankingOf(row, epoch, half),
            2,
          ),
        ),
      ),
    ],
    [
      'Kendall’s τ between the loss on validation batches of single architectures and their published accuracy on CIFAR-10: 1 for the same order, 0 for none. Only connected architectures are drawn: those that guess would inflate it; the better half is that of the architectures drawn.',
    ],
  );
}

// ---- Pictures ----

/** What files call the pictures of the data sets. */
const FILE_NAMES: Readonly<Record<BenchmarkSet, string>> = {
  cifar10: 'cifar',
  cifar100: 'cifarhundred',
  'imagenet16-120': 'imagenet',
};

/** The curves of a picture: at most as many methods as there are colours. */
interface Curves {
  readonly name: string;
  readonly title: string;
  readonly methods: readonly MethodId[];
  readonly set: BenchmarkSet;
  /** Whether the distance from the best architecture is drawn. */
  readonly regret?: boolean;
}

const ALONG: readonly Curves[] = [
  {
    name: 'regretgradient',
    title: 'Regret along the search: DARTS and what follows it',
    methods: ['darts-1st', 'darts-1st-running', 'darts-2nd', 'rdarts-l2', 'darts-es', 'sdarts-rs'],
    set: 'cifar10',
    regret: true,
  },
  {
    name: 'regretzero',
    title: 'Regret along the search: the zero-order solvers',
    methods: ['rs', 'gld', 'mgs', 'mgs-flat', 'mgs-released'],
    set: 'cifar10',
    regret: true,
  },
  {
    name: 'regretparts',
    title: 'Regret along the search: MGS flat without a part of it',
    methods: ['mgs-flat', 'mgs-flat-m0', 'mgs-flat-no-gradient'],
    set: 'cifar10',
    regret: true,
  },
  ...BENCHMARK_SETS.map((set): Curves => ({
    name: FILE_NAMES[set],
    title: `Accuracy along the search: ${BENCHMARK_TITLES[set]}`,
    methods: ['darts-1st', 'darts-2nd', 'rs', 'gld', 'mgs', 'mgs-flat'],
    set,
  })),
];

/** What each search would have found, had it been stopped earlier. Random search with weight sharing finds only at its end. */
function alongEpochs(view: Nb201View, rows: readonly SearchedRow[]): Chart[] {
  const known = benchmarkIn(view);
  if (!known) return [];
  return ALONG.flatMap(({ name, title, methods, set, regret = false }) => {
    const moving = rows.filter(
      ({ method, passed }) => methods.includes(method as MethodId) && passed.epochs.length > 0,
    );
    if (moving.length === 0) return [];
    const { best, median } = known.uniform[set];
    const shown = (accuracy: number): number => sixDigits(regret ? best - accuracy : accuracy);
    const { epochs } = moving[0].search;
    const dashes = Math.max(...moving.map(({ search }) => search.warmupEpochs));
    return alongSearches(
      {
        name,
        title: `${title} (${progressText(view)})`,
        subtitle: [
          'by published accuracy, none allowed; line: median over seeds; band: the middle half',
          'dots: the median of a uniform draw; dashes: where α of zero-order solvers begins to move',
        ],
      },
      moving.flatMap((row) =>
        row.passed.epochs.map(({ epoch, numbers }) => ({
          method: titleOf(row.method),
          seed: row.seed,
          epoch,
          y: shown(accuracyIn(row, numbers['with none'], set)!),
        })),
      ),
      {
        title: regret ? 'points below the best' : 'accuracy (%)',
        methods: inOrder(moving).map(({ rows: [first] }) => titleOf(first.method)),
        epochs,
        dashes,
        humps: true,
        dots: shown(median),
      },
    );
  });
}

function endChart(view: Nb201View, rows: readonly SearchedRow[]): Chart[] {
  const known = benchmarkIn(view);
  if (!known || rows.length === 0) return [];
  const uniform = 'a uniform draw';
  const methods = inOrder(rows).map(({ rows: [first] }) => titleOf(first.method));
  const values = [
    ...rows.map((row) => ({
      method: titleOf(row.method),
      seed: row.seed,
      accuracy: sixDigits(finalAccuracy(row, 'cifar10')!),
      ending: endingIn(row),
    })),
    ...known.uniform.cifar10.percentiles.map((accuracy) => ({
      method: uniform,
      accuracy: sixDigits(accuracy),
      ending: 'the space',
    })),
  ];
  const x = {
    field: 'accuracy',
    type: 'quantitative',
    title: 'accuracy on CIFAR-10 (%)',
    scale: { zero: false },
  };
  const y = {
    field: 'method',
    type: 'nominal',
    title: null,
    sort: [...methods, uniform],
    axis: { grid: true },
  };
  const color = {
    field: 'ending',
    type: 'nominal',
    scale: {
      domain: [...ENDINGS, 'the space'],
      range: [PALETTE[3], PALETTE[1], PALETTE[0], REFERENCE_COLOR],
    },
    legend: { title: 'ending', orient: 'bottom' },
  };
  const tooltip = ['method', 'seed', 'accuracy', 'ending'].map((field) => ({ field }));
  return [
    chart(
      {
        name: 'ends',
        title: `What the searches ended with (${progressText(view)})`,
        subtitle: 'points: each search; tick: median; below: every percentile of the space',
      },
      values,
      {
        width: 420,
        height: { step: 22 },
        layer: [
          layerOf(
            'tick',
            { thickness: 3, size: 16, color: '#9a9a9a' },
            { x: { ...x, aggregate: 'median' }, y },
          ),
          pointsOf(45, 0.75, { x, y, color, tooltip }),
        ],
      },
    ),
  ];
}

/** What a supernet ranks. */
const [CONNECTED, BETTER_HALF] = ['all connected architectures', 'the better half of them'];

function controlChart(view: Nb201View, rows: readonly SearchedRow[]): Chart[] {
  const values = rows.flatMap((row) =>
    rankedEpochs([row]).flatMap((epoch) =>
      [false, true].flatMap((half) => {
        const tau = rankingOf(row, epoch, half);
        const among = half ? BETTER_HALF : CONNECTED;
        return tau === null
          ? []
          : [{ method: titleOf(row.method), among, seed: row.seed, epoch, tau: sixDigits(tau) }];
      }),
    ),
  );
  if (values.length === 0) return [];
  return [
    againstNumber(
      {
        name: 'control',
        title: `Control: τ of the supernet's loss with the published accuracy (${progressText(view)})`,
        subtitle: 'points: each search; line: mean over seeds',
      },
      values,
      {
        x: { field: 'epoch', title: 'epoch of the search' },
        y: { field: 'tau', title: 'Kendall’s τ' },
        group: 'method',
        groups: inOrder(rows.filter((row) => rankedEpochs([row]).length > 0)).map(({ rows: [first] }) =>
          titleOf(first.method),
        ),
        panels: { field: 'among', names: [CONNECTED, BETTER_HALF] },
        fromZero: true,
      },
    ),
  ];
}

/** What the first seed of each method ended with. */
function drawings(view: Nb201View): Drawing[] {
  const rows = rowsOfKind(view.rows, 'lookup');
  const lines = inOrder(rows).map(({ rows: [first] }) => {
    const accuracy = finalAccuracy(first, 'cifar10');
    const told = accuracy === null ? 'accuracy not known here' : `${fixed(accuracy, 2)} % on CIFAR-10`;
    return {
      name: `${titleOf(first.method)}, seed ${first.seed}: ${told}`,
      genotype: architectureAt(SPACES.nb201, first.passed.last['with none']),
    };
  });
  if (lines.length === 0) return [];
  const title = `Cells that the searches ended with (${progressText(view)})`;
  return [{ name: 'cells', title, svg: galleryDiagram(title, lines) }];
}

// ---- The experiment ----

function deviations(cells: readonly Cell<'lookup' | 'benchmark', MethodAxes>[]): string[] {
  const searched = cells.filter((cell) => cell.run.kind === 'lookup');
  const seeds = groupBy(
    searched.map(({ axes }) => axes),
    'method',
  ).map(({ key, rows }) => `${titleOf(key.method)} ${rows.length}`);
  return sentences(
    'The paper has no searches in this space; everything here is our question. Published accuracies are those of networks of full size, trained for 200 epochs; the searches that are judged by them are of the size said below.',
    `Searches (seeds): ${seeds.join(', ')}.`,
    searchDeviations(searched, ({ axes }) => titleOf(axes.method)),
  );
}

/** Seeds up to which all methods have as many; of more, those beside the main ones have half. */
const FEW_SEEDS = 12;

/** NAS-Bench-201. */
export const extraNb201 = experiment({
  id: 'extra-nb201',
  title: 'NAS-Bench-201: what the searches find, at full scale',
  description: 'Searches in NAS-Bench-201’s space, judged by the published accuracy of what they find.',
  claim:
    'Our question: in the space where DARTS is known to end at skip connections alone, ZARTS’ solvers find better networks than DARTS, than chance and than random search with weight sharing.',
  paper: {},
  seeds: { full: 24, laptop: 24, smoke: 2 },
  choices: {
    method: some<MethodId>('method', METHOD_IDS, (budget) => (budget === 'smoke' ? MAIN : METHOD_IDS)),
  },
  // Seeds outermost.
  runs({ budget, preset, seeds, chosen, search }) {
    const few = seeds.length > FEW_SEEDS ? Math.ceil(seeds.length / 2) : seeds.length;
    const methods = chosen.method.filter((id) => {
      const own: Method = METHODS[id];
      return preset === undefined || own.solver !== 'mgs' || (own.preset ?? 'paper') === preset;
    });
    const table: Cell<'benchmark', MethodAxes> = {
      axes: { method: 'table' },
      run: { kind: 'benchmark', benchmark: BENCHMARK },
    };
    return [
      table,
      ...seeds.flatMap((seed, i) =>
        methods
          .filter((method) => i < few || MAIN.includes(method))
          .map((method): Cell<'lookup', MethodAxes> => ({
            axes: { method },
            run: { kind: 'lookup', search: search(searchBy(method, budget, seed)) },
          })),
      ),
    ];
  },
  deviations,
  tables: (view) => {
    const rows = rowsOfKind(view.rows, 'lookup');
    return [resultTable(view, rows), controlTable(view, rows)];
  },
  charts: (view) => {
    const rows = rowsOfKind(view.rows, 'lookup');
    return [...alongEpochs(view, rows), ...endChart(view, rows), ...controlChart(view, rows)];
  },
  drawings,
  claims: nb201Claims,
});
