/** Table 3: test error, size and cost of a search in the DARTS space on CIFAR-10 and CIFAR-100. */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { summarize } from '../lib/analysis/statistics.js';
import { datasetTitle } from '../lib/datasets/registry.js';
import { labelledPoints, sixDigits } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import type { SolverId } from '../lib/search/solver-id.js';
import { BEATS_RANDOM, TIMED, contests, costs } from './claims.js';
import { comparison, imageNotes, printedNote, rowsBy, searchesText, trainedIn } from './comparison.js';
import type { ComparedRow, ComparedView } from './comparison.js';
import { distinct, groupBy } from './experiment.js';
import { familyColors, familyOf, methodTitle, methodsBut } from './methods.js';
import { nameOf, printedRows, printedText } from './paper.js';
import { counted, label, lowest, meanText, progressText, spread, summaryTable } from './tables.js';

/**
 * The methods of the paper's rows that are run here, by the name that the row has. The paper says neither of R-DARTS' two
 * forms; the cost that it prints for DARTS on CIFAR-100 is that of the first order.
 */
const RUN_HERE: Readonly<Record<string, SolverId>> = {
  'DARTS (1st)': 'darts-1st',
  'DARTS(1st)': 'darts-1st',
  DARTS: 'darts-1st',
  'DARTS (2nd)': 'darts-2nd',
  'R-DARTS': 'rdarts-l2',
  'SDARTS-ADV': 'sdarts-adv',
  'ZARTS (ours)': 'mgs',
};

/** The paper's table, row by row. */
const PRINTED = printedRows('3').map(({ fields, cells }) => {
  const name = String(fields.method);
  const statistic = fields.block === 'best' ? ('best' as const) : ('mean' as const);
  return {
    dataset: nameOf(['cifar10', 'cifar100'], fields.dataset),
    statistic,
    name,
    /** "ZARTS (ours), best": what the row is called as a column. */
    column: `${name}, ${statistic}`,
    /** undefined: cited, not run here. */
    method: RUN_HERE[name],
    cells,
  };
});

type PrintedLine = (typeof PRINTED)[number];

const DATASETS = distinct(PRINTED.map(({ dataset }) => dataset));

/** Names of the rows that are only cited. */
const CITED = distinct(PRINTED.filter(({ method }) => method === undefined).map(({ name }) => name));

const sizeM = ({ fullParameters }: ComparedRow): number => fullParameters / 1e6;
const errorOf = ({ errorPct }: ComparedRow): number => errorPct;
const secondsOf = ({ searchSeconds }: ComparedRow): number => searchSeconds!;
const meanOf = (rows: readonly ComparedRow[], value: (row: ComparedRow) => number): number =>
  summarize(rows.map(value)).mean;

/** The row with the lowest error. */
function bestOf(rows: readonly ComparedRow[]): ComparedRow {
  return rows.reduce((best, row) => (row.errorPct < best.errorPct ? row : best));
}

/** Best and mean of each method with its size and the cost of its search, a table for each data set. */
function errorTables(view: ComparedView): Table[] {
  const rows = trainedIn(view);
  const groups = groupBy(rows, 'dataset');
  return (groups.length > 0 ? groups : [{ key: undefined, rows: [] }]).map(({ key, rows: own }) => {
    const first = rowsBy(own, 'darts-1st');
    return summaryTable<ComparedRow>(
      `Test error ${key ? `(%) on ${datasetTitle(key.dataset)} in the DARTS space, ${searchesText(rows)} each` : 'in the DARTS space'} (${progressText(view)})`,
      groupBy(own, 'method'),
      [
        label('method', ({ method }) => methodTitle(method)),
        counted('n'),
        lowest('best error', errorOf, 2),
        spread('error (%)', errorOf, 2),
        { title: 'full size of the best (M)', cell: (each) => fixed(sizeM(bestOf(each)), 2) },
        spread('full size (M)', sizeM, 2),
        spread('search (s)', secondsOf, 0),
        {
          title: 'to DARTS 1st',
          cell: (each) =>
            first.length === 0 ? null : fixed(meanOf(each, secondsOf) / meanOf(first, secondsOf), 1),
        },
      ],
      [
        'Best: the lowest of the searches with different seeds; error: mean ± standard deviation over them, of the network trained from scratch, after its last epoch.',
        'Full size: parameters of the network that the paper would train from the same cells; at a smaller budget a smaller one was trained. Search: seconds as timed where the runs were made; other work on that machine is in them. To DARTS 1st: how many times those of DARTS, first order.',
        ...imageNotes(view),
      ],
    );
  });
}

/** The paper's own rows; at full budget with ours in the same cells, those that are only cited marked. */
function printedTable(view: ComparedView): Table {
  const rows = trainedIn(view);
  const comparable = view.budget === 'full' && rows.length > 0;
  const column = (title: string, name: string, value: (row: ComparedRow) => number) => ({
    title,
    cell: ([{ dataset, method, statistic, cells }]: readonly PrintedLine[]): string => {
      const text = name in cells ? printedText(cells[name]) : '–';
      const own = comparable && method ? rowsBy(rows, method).filter((row) => row.dataset === dataset) : [];
      if (own.length === 0) return text;
      return `${text} (${statistic === 'best' ? fixed(value(bestOf(own)), 2) : meanText(own.map(value), 2)})`;
    },
  });
  return summaryTable<PrintedLine>(
    `Printed in the paper's Table 3${comparable ? ', ours in brackets' : ''}`,
    PRINTED.map((line) => ({ rows: [line] })),
    [
      label('data set', ({ dataset }) => datasetTitle(dataset)),
      label('statistic', ({ statistic }) => statistic),
      label('method', ({ name }) => name.replace(' (ours)', '')),
      label('here', ({ method }) => (method === undefined ? 'cited' : methodTitle(method))),
      column('parameters (M)', 'params', sizeM),
      column('error (%)', 'error', errorOf),
      label('GPU days', ({ cells }) => cells.cost.printed, 'right'),
    ],
    [
      'Cited: the paper takes the number from elsewhere, and the method is not run here. The numbers of all methods but ZARTS are their own papers’ or others’.',
      printedNote(comparable, '20 cells and', view.budget),
    ],
  );
}

/** Mean error over the seconds of a search, a point a method, lines one standard deviation long to either side. */
function costChart(view: ComparedView): Chart {
  const rows = trainedIn(view);
  const values = groupBy(rows, 'dataset', 'method').map(({ key: { dataset, method }, rows: own }) => {
    const { mean, std } = summarize(own.map(errorOf));
    return {
      dataset: datasetTitle(dataset),
      method: methodTitle(method),
      family: familyOf(method),
      seconds: sixDigits(meanOf(own, secondsOf)),
      error: sixDigits(mean),
      low: sixDigits(mean - (std ?? 0)),
      high: sixDigits(mean + (std ?? 0)),
    };
  });
  return labelledPoints(
    {
      name: 'cost',
      title: `Test error and cost of a search (budget ${view.budget})`,
      subtitle: 'points: means over the searches; lines: ± one standard deviation',
    },
    values,
    {
      x: {
        field: 'seconds',
        title: 'search (s)',
        scale: { type: 'log', nice: false, padding: 40 },
        axis: { tickCount: 5, grid: true },
      },
      y: { field: 'error', title: 'test error (%)', scale: { zero: false } },
      color: familyColors('family', distinct(values.map(({ family }) => family))),
      label: 'method',
      tooltip: [{ field: 'method' }, { field: 'error', format: '.2f' }, { field: 'seconds', format: '.0f' }],
      spread: { low: 'low', high: 'high' },
      panels: { field: 'dataset', names: distinct(values.map(({ dataset }) => dataset)) },
      size: { width: 380, height: 260 },
      text: { dy: -6, fontSize: 11 },
    },
  );
}

/** Whether our mean error lies within one standard deviation of the paper's: at the paper's own size alone. */
function asPrinted(view: ComparedView, { dataset, cells }: PrintedLine): Claim {
  const { value, std = 0 } = cells.error;
  const claim = {
    id: `as-printed/${dataset}`,
    text: `The networks that ZARTS finds on ${datasetTitle(dataset)} have a mean error of ${printedText(cells.error)} %.`,
    statistic: 'test error (%) of ZARTS-MGS',
  };
  if (view.budget !== 'full') {
    const detail = `Only the paper's own networks and epochs can be compared: budget full, not ${view.budget}.`;
    return undecided({ ...claim, detail });
  }
  const own = rowsBy(trainedIn(view), 'mgs').filter((row) => row.dataset === dataset);
  return judge({
    ...claim,
    values: own.map(errorOf),
    region: { between: [value - std, value + std] },
    detail: 'The region is the printed mean with one printed standard deviation to either side.',
  });
}

/** How far costs may lie apart that are called about the same. Ours. */
const ABOUT_THE_SAME = [0.8, 1.25] as const;

function claims(view: ComparedView): Claim[] {
  return [
    ...contests(
      view,
      ['darts-1st', 'darts-2nd', 'rdarts-l2', 'sdarts-adv'].map((worse) => ({
        id: `beats/${worse}`,
        text: `ZARTS-MGS finds better networks in the DARTS space than ${methodTitle(worse)} does.`,
        better: 'mgs',
        worse,
      })),
    ),
    ...PRINTED.filter(({ method, statistic }) => method === 'mgs' && statistic === 'mean').map((line) =>
      asPrinted(view, line),
    ),
    judge({
      ...costs(view, 'mgs', 'darts-1st'),
      id: 'dearer-than-first',
      text: 'A search by ZARTS costs more than one by DARTS of first order (in print 1.0 against 0.4 GPU days).',
      statistic: 'seconds of the search, ZARTS-MGS to DARTS 1st',
      region: { above: 1 },
    }),
    judge({
      ...costs(view, 'mgs', 'darts-2nd'),
      id: 'as-dear-as-second',
      text: 'A search by ZARTS costs about as much as one by DARTS of second order (in print 1.0 GPU days each).',
      statistic: 'seconds of the search, ZARTS-MGS to DARTS 2nd',
      region: { between: ABOUT_THE_SAME },
      detail: `What is about the same is ours to say. ${TIMED}`,
    }),
    ...contests(view, [
      {
        id: 'flat-beats/darts-2nd',
        text: 'MGS with a flat density finds better networks than DARTS of second order (our question).',
        better: 'mgs-flat',
        worse: 'darts-2nd',
        where: 'mgs-flat',
      },
      BEATS_RANDOM,
    ]),
  ];
}

/** Table 3. */
export const table3 = comparison({
  id: 'table-3',
  title: 'Table 3: test error in the DARTS space on CIFAR',
  description: 'ZARTS beside DARTS and its successors: best and mean of the searches, with size and cost.',
  claim:
    'In the DARTS space the networks that ZARTS finds have lower errors than those of DARTS and its successors, best and mean of four, at the cost of DARTS of second order.',
  preset: 'darts-space',
  plans: {
    full: {
      datasets: DATASETS,
      spaces: ['darts'],
      methods: methodsBut('darts-es', 'darts-ada'),
      seeds: 4,
    },
    laptop: {
      datasets: ['cifar10'],
      spaces: ['darts'],
      methods: methodsBut('rdarts-dp', 'darts-es', 'darts-ada', 'sdarts-rs'),
      seeds: 3,
    },
    smoke: { datasets: ['cifar10'], spaces: ['darts'], methods: ['darts-1st', 'mgs'], seeds: 1 },
  },
  printed: DATASETS.map((dataset) => ({
    dataset,
    space: 'darts',
    cells: Object.fromEntries(
      PRINTED.filter((line) => line.dataset === dataset).map(({ column, cells }) => [column, cells.error]),
    ),
  })),
  columns: distinct(PRINTED.map(({ column }) => column)).flatMap((column) => {
    const { method, statistic } = PRINTED.find((line) => line.column === column)!;
    return method ? [{ column, method, statistic }] : [];
  }),
  remarks: [
    `Cited, not run here: ${CITED.join(', ')}.`,
    'Of R-DARTS the paper does not say which form it means; its row is taken as the one with L2 decay.',
  ],
  errorTables,
  printedTable,
  moreCharts: (view) => [costChart(view)],
  claims,
});
