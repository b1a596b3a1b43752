/** Table 3: test error, size and cost of a search in the DARTS space on CIFAR-10 and CIFAR-100. */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { summarize } from '../lib/analysis/statistics.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import type { Chart } from '../lib/report/spec.js';
import type { Row, Table } from '../lib/report/table.js';
import { THEME } from '../lib/report/theme.js';
import {
  baselineNotes,
  beats,
  beatsRandom,
  benchmarksOf,
  comparisonTable,
  datasetTitle,
  familyColors,
  familyOf,
  methodsOf,
  pairsOf,
  runsOf,
  searchesText,
  stateOf,
} from './comparison.js';
import type { Benchmark, ComparisonTable, PrintedColumn } from './comparison.js';
import { methodTitle } from './methods.js';
import type { MethodId } from './methods.js';
import { printedRows } from './paper.js';
import type { PrintedCell } from './paper.js';
import type { RetrainedRun, Retrained } from './retraining.js';

/**
 * The methods of the paper's rows that are run here, by the name that the row has. The paper says neither of R-DARTS' two
 * forms; the cost that it prints for DARTS on CIFAR-100 is that of the first order.
 */
const RUN_HERE: Readonly<Record<string, MethodId>> = {
  'DARTS (1st)': 'darts-1st',
  'DARTS(1st)': 'darts-1st',
  DARTS: 'darts-1st',
  'DARTS (2nd)': 'darts-2nd',
  'R-DARTS': 'rdarts-l2',
  'SDARTS-ADV': 'sdarts-adv',
  'ZARTS (ours)': 'mgs',
};

/** A row of the paper's table. */
interface PrintedLine {
  readonly dataset: FileDatasetName;
  /** The best of the searches, or their mean. */
  readonly statistic: 'best' | 'mean';
  readonly name: string;
  /** undefined: cited, not run here. */
  readonly method?: MethodId;
  readonly cells: Readonly<Record<string, PrintedCell>>;
}

/** The paper's table, row by row. */
const PRINTED: readonly PrintedLine[] = printedRows('3').map(({ fields, cells }) => {
  const { dataset, block, method } = fields as Readonly<Record<string, string>>;
  const name = (Object.keys(FILE_DATASETS) as FileDatasetName[]).find(
    (each) => each.toUpperCase() === dataset,
  );
  if (name === undefined) throw new Error(`the paper's numbers name ${dataset}, which is not known`);
  return {
    dataset: name,
    statistic: block === 'best' ? 'best' : 'mean',
    name: method,
    ...(method in RUN_HERE ? { method: RUN_HERE[method] } : {}),
    cells,
  };
});

/** A row of the paper as a column: "ZARTS (ours), best". */
const columnOf = ({ name, statistic }: PrintedLine): string => `${name}, ${statistic}`;

const DATASETS = [...new Set(PRINTED.map(({ dataset }) => dataset))];

const COLUMNS: readonly PrintedColumn[] = [
  ...new Map(
    PRINTED.flatMap((line) =>
      line.method === undefined
        ? []
        : [[columnOf(line), { column: columnOf(line), method: line.method, statistic: line.statistic }]],
    ),
  ).values(),
];

/** Names of the rows that are only cited. */
const CITED = [...new Set(PRINTED.filter(({ method }) => method === undefined).map(({ name }) => name))];

/** What the paper prints of ZARTS. */
function printedZarts(dataset: string, statistic: 'best' | 'mean'): Readonly<Record<string, PrintedCell>> {
  return PRINTED.find(
    (line) => line.dataset === dataset && line.method === 'mgs' && line.statistic === statistic,
  )!.cells;
}

/** The run with the lowest error. */
function bestOf(runs: readonly RetrainedRun[]): RetrainedRun {
  return runs.reduce((best, run) => (run.errorPct < best.errorPct ? run : best));
}

const spread = (runs: readonly RetrainedRun[], value: (run: RetrainedRun) => number, digits: number) =>
  plusMinus(summarize(runs.map(value)), digits);

/** Best and mean of each method with its size and the cost of its search, a table for each data set. */
function errorTables(result: Retrained): Table[] {
  const { runs } = result;
  const columns = [
    { key: 'method', title: 'method' },
    ...(
      [
        ['n', 'n'],
        ['best', 'best error'],
        ['mean', 'error (%)'],
        ['bestSize', 'full size of the best (M)'],
        ['size', 'full size (M)'],
        ['search', 'search (s)'],
        ['ratio', 'to DARTS 1st'],
      ] as const
    ).map(([key, title]) => ({ key, title, align: 'right' as const })),
  ];
  const notes = [
    'Best: the lowest of the searches with different seeds; error: mean ± standard deviation over them, of the network trained from scratch, after its last epoch.',
    'Full size: parameters of the network that the paper would train from the same cells; at a smaller budget a smaller one was trained. Search: seconds as timed where the runs were made; other work on that machine is in them. To DARTS 1st: how many times those of DARTS, first order.',
    ...baselineNotes(result),
  ];
  const benchmarks = benchmarksOf(runs);
  if (benchmarks.length === 0) {
    return [{ title: `Test error in the DARTS space (${stateOf(result)})`, columns, rows: [], notes }];
  }
  return benchmarks.map((benchmark) => ({
    title: `Test error (%) on ${datasetTitle(benchmark.dataset)} in the DARTS space, ${searchesText(runs)} each (${stateOf(result)})`,
    columns,
    rows: methodsOf(runs).flatMap((method): Row[] => {
      const own = runsOf(runs, method, benchmark);
      if (own.length === 0) return [];
      const best = bestOf(own);
      const ratio = costRatio(runs, benchmark, method);
      return [
        {
          method: methodTitle(method),
          n: own.length,
          best: fixed(best.errorPct, 2),
          mean: spread(own, ({ errorPct }) => errorPct, 2),
          bestSize: fixed(best.fullParameters / 1e6, 2),
          size: spread(own, ({ fullParameters }) => fullParameters / 1e6, 2),
          search: spread(own, ({ searchSeconds }) => searchSeconds, 0),
          ratio: ratio === null ? null : fixed(ratio, 1),
        },
      ];
    }),
    notes,
  }));
}

/** Mean seconds of a method's searches to those of DARTS of first order; null where that was not run. */
function costRatio(runs: readonly RetrainedRun[], benchmark: Benchmark, method: string): number | null {
  const seconds = (id: string): number[] =>
    runsOf(runs, id, benchmark).map(({ searchSeconds }) => searchSeconds);
  const darts = seconds('darts-1st');
  return darts.length === 0 ? null : summarize(seconds(method)).mean / summarize(darts).mean;
}

/** The paper's own rows; at full budget with ours in the same cells, those that are only cited marked. */
function printedTable({ runs, budget }: Retrained): Table {
  const comparable = budget === 'full' && runs.length > 0;
  const cell = (line: PrintedLine, name: string, own: (runs: readonly RetrainedRun[]) => string): string => {
    const { printed = '–', printedStd } = line.cells[name] ?? {};
    const text = printedStd === undefined ? printed : `${printed} ± ${printedStd}`;
    const ours =
      comparable && line.method
        ? runsOf(runs, line.method).filter((run) => run.dataset === line.dataset)
        : [];
    return ours.length === 0 ? text : `${text} (${own(ours)})`;
  };
  return {
    title: `Printed in the paper's Table 3${comparable ? ', ours in brackets' : ''}`,
    columns: [
      { key: 'dataset', title: 'data set' },
      { key: 'statistic', title: 'statistic' },
      { key: 'method', title: 'method' },
      { key: 'here', title: 'here' },
      { key: 'params', title: 'parameters (M)', align: 'right' },
      { key: 'error', title: 'error (%)', align: 'right' },
      { key: 'cost', title: 'GPU days', align: 'right' },
    ],
    rows: PRINTED.map((line) => {
      const best = line.statistic === 'best';
      const size = ({ fullParameters }: RetrainedRun): number => fullParameters / 1e6;
      return {
        dataset: datasetTitle(line.dataset),
        statistic: line.statistic,
        method: line.name.replace(' (ours)', ''),
        here: line.method === undefined ? 'cited' : methodTitle(line.method),
        params: cell(line, 'params', (own) => (best ? fixed(size(bestOf(own)), 2) : spread(own, size, 2))),
        error: cell(line, 'error', (own) =>
          best ? fixed(bestOf(own).errorPct, 2) : spread(own, ({ errorPct }) => errorPct, 2),
        ),
        cost: line.cells.cost.printed,
      };
    }),
    notes: [
      'Cited: the paper takes the number from elsewhere, and the method is not run here. The numbers of all methods but ZARTS are their own papers’ or others’.',
      comparable
        ? 'Ours: the same statistic of our searches.'
        : `The paper's networks have 20 cells and 36 channels and are trained for 600 epochs; numbers made at budget ${budget} are not comparable with these.`,
    ],
  };
}

/** Mean error over the seconds of a search, a point a method, lines one standard deviation long to either side. */
function costChart(result: Retrained): Chart {
  const { runs, budget } = result;
  const benchmarks = benchmarksOf(runs);
  const title = `Test error and cost of a search (budget ${budget})`;
  const methods = methodsOf(runs);
  const values = benchmarks.flatMap((benchmark) =>
    methods.flatMap((method) => {
      const own = runsOf(runs, method, benchmark);
      if (own.length === 0) return [];
      const { mean, std } = summarize(own.map(({ errorPct }) => errorPct));
      const digits = (value: number): number => Number(value.toPrecision(6));
      return [
        {
          dataset: datasetTitle(benchmark.dataset),
          method: methodTitle(method),
          family: familyOf(method),
          seconds: digits(summarize(own.map(({ searchSeconds }) => searchSeconds)).mean),
          error: digits(mean),
          low: digits(mean - (std ?? 0)),
          high: digits(mean + (std ?? 0)),
        },
      ];
    }),
  );
  const x = {
    field: 'seconds',
    type: 'quantitative',
    title: 'search (s)',
    scale: { type: 'log', nice: false, padding: 40 },
    axis: { tickCount: 5, grid: true },
  };
  const y = { field: 'error', type: 'quantitative', title: 'test error (%)', scale: { zero: false } };
  const color = familyColors(methods);
  return {
    name: 'cost',
    title,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: title,
      title: { text: title, subtitle: 'points: means over the searches; lines: ± one standard deviation' },
      config: THEME,
      data: { values },
      facet: {
        field: 'dataset',
        type: 'nominal',
        title: null,
        sort: benchmarks.map(({ dataset }) => datasetTitle(dataset)),
      },
      columns: 2,
      resolve: { scale: { x: 'independent', y: 'independent' } },
      spec: {
        width: 380,
        height: 260,
        layer: [
          {
            mark: { type: 'rule', strokeWidth: 1.5 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          {
            mark: { type: 'point', filled: true, size: 60, opacity: 1 },
            encoding: {
              x,
              y,
              color,
              tooltip: [
                { field: 'method' },
                { field: 'error', format: '.2f' },
                { field: 'seconds', format: '.0f' },
              ],
            },
          },
          {
            mark: { type: 'text', align: 'left', dx: 7, dy: -6, fontSize: 11 },
            encoding: { x, y, text: { field: 'method' } },
          },
        ],
      },
    },
  };
}

/** Whether our mean error lies within one standard deviation of the paper's: at the paper's own size alone. */
function asPrinted(result: Retrained, dataset: FileDatasetName): Claim {
  const { value, std = 0, printed, printedStd } = printedZarts(dataset, 'mean').error;
  const claim = {
    id: `as-printed/${dataset}`,
    text: `The networks that ZARTS finds on ${datasetTitle(dataset)} have a mean error of ${printed} ± ${printedStd ?? ''} %.`,
    statistic: 'test error (%) of ZARTS-MGS',
  };
  if (result.budget !== 'full') {
    const detail = `Only the paper's own networks and epochs can be compared: budget full, not ${result.budget}.`;
    return undecided({ ...claim, detail });
  }
  return judge({
    ...claim,
    values: runsOf(result.runs, 'mgs')
      .filter((run) => run.dataset === dataset)
      .map(({ errorPct }) => errorPct),
    region: { between: [value - std, value + std] },
    detail: 'The region is the printed mean with one printed standard deviation to either side.',
  });
}

/** How far costs may lie apart that are called about the same. Ours. */
const ABOUT_THE_SAME = [0.8, 1.25] as const;

function claims(result: Retrained): Claim[] {
  const { runs } = result;
  const has = (method: MethodId): boolean => runs.some((run) => run.method === method);
  const timed = 'Seconds as timed where the runs were made; other work on that machine is in them.';
  const cost = (other: MethodId): number[] =>
    pairsOf(runs, 'mgs', other).map(({ a, b }) => a.searchSeconds / b.searchSeconds);
  return [
    ...(['darts-1st', 'darts-2nd', 'rdarts-l2', 'sdarts-adv'] as const).map((worse) =>
      beats(result, {
        id: `beats/${worse}`,
        text: `ZARTS-MGS finds better networks in the DARTS space than ${methodTitle(worse)} does.`,
        better: 'mgs',
        worse,
      }),
    ),
    ...DATASETS.map((dataset) => asPrinted(result, dataset)),
    judge({
      id: 'dearer-than-first',
      text: 'A search by ZARTS costs more than one by DARTS of first order (in print 1.0 against 0.4 GPU days).',
      statistic: 'seconds of the search, ZARTS-MGS to DARTS 1st',
      values: cost('darts-1st'),
      region: { above: 1 },
      unit: 'pair',
      detail: timed,
    }),
    judge({
      id: 'as-dear-as-second',
      text: 'A search by ZARTS costs about as much as one by DARTS of second order (in print 1.0 GPU days each).',
      statistic: 'seconds of the search, ZARTS-MGS to DARTS 2nd',
      values: cost('darts-2nd'),
      region: { between: ABOUT_THE_SAME },
      unit: 'pair',
      detail: `What is about the same is ours to say. ${timed}`,
    }),
    ...(has('mgs-flat')
      ? [
          beats(result, {
            id: 'flat-beats/darts-2nd',
            text: 'MGS with a flat density finds better networks than DARTS of second order (our question).',
            better: 'mgs-flat',
            worse: 'darts-2nd',
          }),
        ]
      : []),
    ...beatsRandom(result),
  ];
}

/** What Table 3 is about. */
export const TABLE_3: ComparisonTable = {
  id: 'table-3',
  title: 'Table 3: test error in the DARTS space on CIFAR',
  claim:
    'In the DARTS space the networks that ZARTS finds have lower errors than those of DARTS and its successors, best and mean of four, at the cost of DARTS of second order.',
  training: 'darts-space',
  grids: {
    full: {
      datasets: DATASETS,
      spaces: ['darts'],
      methods: [
        'darts-1st',
        'darts-2nd',
        'rdarts-dp',
        'rdarts-l2',
        'pc-darts',
        'sdarts-rs',
        'sdarts-adv',
        'rs',
        'mgs',
        'mgs-flat',
        'gld',
        'random',
      ],
      seeds: 4,
    },
    laptop: {
      datasets: ['cifar10'],
      spaces: ['darts'],
      methods: [
        'darts-1st',
        'darts-2nd',
        'rdarts-l2',
        'pc-darts',
        'sdarts-adv',
        'rs',
        'mgs',
        'mgs-flat',
        'gld',
        'random',
      ],
      seeds: 3,
    },
    smoke: { datasets: ['cifar10'], spaces: ['darts'], methods: ['darts-1st', 'mgs'], seeds: 1 },
  },
  printed: DATASETS.map((dataset) => ({
    dataset,
    space: 'darts',
    cells: Object.fromEntries(
      PRINTED.filter((line) => line.dataset === dataset).map((line) => [columnOf(line), line.cells.error]),
    ),
  })),
  columns: COLUMNS,
  remarks: [
    `Cited, not run here: ${CITED.join(', ')}.`,
    'Of R-DARTS the paper does not say which form it means; its row is taken as the one with L2 decay.',
  ],
  errorTables,
  printedTable,
  moreCharts: (result) => [costChart(result)],
  claims,
};

/** Table 3. */
export const table3 = comparisonTable(TABLE_3);
