/** Table 3: test error, size and cost of a search in the DARTS space on CIFAR-10 and CIFAR-100. */
import { judge } from '../lib/analysis/claims.js';
import type { Answer } from '../lib/analysis/claims.js';
import { datasetTitle } from '../lib/datasets/registry.js';
import { fixed } from '../lib/report/format.js';
import type { Table } from '../lib/report/table.js';
import type { SolverId } from '../lib/search/solvers.js';
import { BEATS_RANDOM, TIMED, beats, contests, costs, flatBeats } from './claims.js';
import {
  comparison,
  costChart,
  imageNotes,
  meanSeconds,
  printedNote,
  rowsBy,
  searchesText,
  trainedIn,
} from './comparison.js';
import type { ComparedRow, ComparedView } from './comparison.js';
import { separationsIn } from './separation.js';
import { distinct, groupBy } from './experiment.js';
import { methodTitle, methodsBut } from './methods.js';
import { nameOf, printedRows, printedText } from './paper.js';
import { absolute, judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import {
  OF_NETWORKS,
  counted,
  label,
  listTable,
  meanText,
  progressText,
  searchTime,
  summaryTable,
} from './tables.js';

/**
 * The methods of the paper's rows that are run here, by the name that the row has. The paper says neither of R-DARTS' two
 * forms; the cost that it prints for DARTS on CIFAR-100 is that of the first order.
 */
const RUN_HERE: Readonly<Record<string, SolverId | undefined>> = {
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

const sizeM = ({ fullParameters }: ComparedRow): number => fullParameters / 1e6;

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
    const where = 'in the DARTS space';
    return summaryTable<ComparedRow>(
      `Test error ${key ? `(%) on ${datasetTitle(key.dataset)} ${where}, ${searchesText(rows)} each` : where} (${progressText(view)})`,
      groupBy(own, 'method'),
      [
        label('method', ({ method }) => methodTitle(method)),
        counted('n'),
        { ...OF_NETWORKS.best, title: 'best error' },
        OF_NETWORKS.error,
        { title: 'full size of the best (M)', cell: (each) => fixed(sizeM(bestOf(each)), 2) },
        OF_NETWORKS.fullSize,
        searchTime(),
        {
          title: 'to DARTS 1st',
          cell: (each) => (first.length === 0 ? null : fixed(meanSeconds(each) / meanSeconds(first), 1)),
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
  return listTable<PrintedLine>(
    `Printed in the paper's Table 3${comparable ? ', ours in brackets' : ''}`,
    PRINTED,
    [
      label('data set', ({ dataset }) => datasetTitle(dataset)),
      label('statistic', ({ statistic }) => statistic),
      label('method', ({ name }) => name.replace(' (ours)', '')),
      label('here', ({ method }) => (method === undefined ? 'cited' : methodTitle(method))),
      column('parameters (M)', 'params', sizeM),
      column('error (%)', 'error', ({ errorPct }) => errorPct),
      label('GPU days', ({ cells }) => cells.cost.printed, 'right'),
    ],
    [
      'Cited: the paper takes the number from elsewhere, and the method is not run here. The numbers of all methods but ZARTS are their own papers’ or others’.',
      printedNote(comparable, '20 cells and', view.budget),
    ],
  );
}

/** That our mean error lies within one standard deviation of the paper's. */
function asPrinted({ dataset, cells: { error } }: PrintedLine, budget: string): Statement<ComparedRow> {
  return {
    ...absolute(budget),
    id: `as-printed/${dataset}`,
    text: `The networks that ZARTS finds on ${datasetTitle(dataset)} have a mean error of ${printedText(error)} %.`,
    statistic: 'test error (%) of ZARTS-MGS',
    among: (row) => row.method === 'mgs' && row.dataset === dataset,
    value: ([{ errorPct }]) => errorPct,
    region: { between: [error.value - error.std!, error.value + error.std!] },
    detail: 'The region is the printed mean with one printed standard deviation to either side.',
  };
}

function claims(view: ComparedView): Answer[] {
  const means = PRINTED.filter(({ method, statistic }) => method === 'mgs' && statistic === 'mean');
  const peers = ['darts-1st', 'darts-2nd', 'rdarts-l2', 'sdarts-adv'] as const;
  return [
    ...contests(
      view,
      [
        ...peers.map((worse) => beats('mgs', worse, 'in the DARTS space')),
        flatBeats('darts-2nd', 'DARTS of second order (our question)'),
        ...BEATS_RANDOM,
      ],
      { controls: separationsIn(view) },
    ),
    ...judgeAll(
      trainedIn(view),
      means.map((line) => asPrinted(line, view.budget)),
    ),
    judge({
      ...costs(view, 'mgs', 'darts-1st'),
      id: 'dearer-than-first',
      secondary: true,
      text: 'A search by ZARTS costs more than one by DARTS of first order (in print 1.0 against 0.4 GPU days).',
      statistic: 'seconds of the search, ZARTS-MGS to DARTS 1st',
      region: { above: 1 },
    }),
    judge({
      ...costs(view, 'mgs', 'darts-2nd'),
      id: 'as-dear-as-second',
      secondary: true,
      text: 'A search by ZARTS costs about as much as one by DARTS of second order (in print 1.0 GPU days each).',
      statistic: 'seconds of the search, ZARTS-MGS to DARTS 2nd',
      region: { between: [0.8, 1.25] },
      detail: `What is about the same is ours to say. ${TIMED}`,
    }),
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
    full: { datasets: DATASETS, spaces: ['darts'], methods: methodsBut('darts-es', 'darts-ada'), seeds: 4 },
    laptop: {
      datasets: ['cifar10'],
      spaces: ['darts'],
      methods: ['darts-1st', 'darts-2nd', 'rdarts-l2', 'sdarts-adv', 'mgs', 'mgs-flat', 'random-ws'],
      // Of fewer in one space no order of ranks could decide seven questions.
      seeds: 6,
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
    `Cited, not run here: ${distinct(PRINTED.flatMap(({ name, method }) => (method ? [] : [name]))).join(', ')}.`,
    'Of R-DARTS the paper does not say which form it means; its row is taken as the one with L2 decay.',
  ],
  errorTables,
  printedTable,
  moreCharts: (view) => [costChart(view)],
  claims,
});
