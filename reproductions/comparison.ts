/**
 * Methods compared by the test error of the networks that they find, benchmark by benchmark (a data set and a search space):
 * Tables 2, 3 and 7, which differ in the methods, the benchmarks and the networks trained.
 */
import type { Answer, Gate } from '../lib/analysis/claims.js';
import { bootstrapInterval, pairedTest, ranks } from '../lib/analysis/comparison.js';
import { cellStructure } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { FILE_DATASETS, datasetTitle } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import type { EvaluationPreset } from '../lib/evaluation/protocol.js';
import { key } from '../lib/math/random.js';
import { errorsByName, labelledPoints, sixDigits } from '../lib/report/charts.js';
import type { ChartWords } from '../lib/report/charts.js';
import { intervalText } from '../lib/report/claims.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { SOLVER_IDS, solversWith } from '../lib/search/solvers.js';
import type { SolverId } from '../lib/search/solvers.js';
import { TWO_CELL_IDS } from '../lib/spaces/spaces.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { benchmarkKey, errorLess, learnedControl, pairsOf } from './claims.js';
import type { MethodAxes, Pair } from './claims.js';
import {
  searchDeviations,
  seedsDeviation,
  seedsOf,
  sentences,
  several,
  trainingDeviations,
} from './deviations.js';
import { cellsOfKind, cross, distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell, Experiment, Row, View } from './experiment.js';
import { some } from './grid.js';
import type { RunKind } from './kinds.js';
import {
  SAME_RANDOM_SEARCH,
  comparedSearch,
  familyColors,
  familyOf,
  methodTitle,
  sharesRandomSearch,
  spaceTitle,
} from './methods.js';
import { gatedBy } from './together.js';
import { nameOf, printedNumbers, printedRows, printedText } from './paper.js';
import type { PrintedCell } from './paper.js';
import {
  controlCells,
  isControl,
  separationSentence,
  separationTable,
  separationsIn,
  worthTraining,
} from './separation.js';
import {
  AGREEMENT,
  OF_NETWORKS,
  SKIPS,
  baselineNotes,
  counted,
  label,
  listTable,
  progressText,
  searchTime,
  spread,
  summaryTable,
} from './tables.js';
import type { SummaryColumn } from './tables.js';
import { trainedSearch, withBaselines } from './trained.js';
import { trainingSettings } from './training.js';

/** A network that a method found, trained. */
export type ComparedRow = Row<'training', MethodAxes>;

/** What a comparison shows: trained networks, and the linear classifiers beside them. */
export type ComparedView = View<'training' | 'linear', MethodAxes>;

/** A method's column in the paper's table. */
export interface PrintedColumn {
  readonly column: string;
  readonly method: SolverId;
  /** What the paper prints of its four runs. */
  readonly statistic: 'best' | 'mean';
}

/** A data set and a search space. */
type Benchmark = Pick<ComparedRow, 'dataset' | 'space'>;

/** What the paper prints on a benchmark. */
interface PrintedBenchmark extends Benchmark {
  readonly cells: Readonly<Record<string, PrintedCell>>;
}

/** The runs of a budget: every method on every data set in every space. */
interface Plan {
  readonly datasets: readonly FileDatasetName[];
  readonly spaces: readonly SpaceId[];
  readonly methods: readonly SolverId[];
  readonly seeds: number;
  /** Methods that are not the ones mainly compared, with fewer seeds. */
  readonly few?: Readonly<Partial<Record<SolverId, number>>>;
}

/** What a table is about. */
export interface ComparisonTable extends Pick<Experiment, 'id' | 'title' | 'description' | 'claim'> {
  /** Whose training. */
  readonly preset: EvaluationPreset;
  /** `full` has what the paper has. */
  readonly plans: Readonly<Record<Budget, Plan>>;
  readonly printed: readonly PrintedBenchmark[];
  readonly columns: readonly PrintedColumn[];
  /** The method that the others are compared with pair by pair at a budget: the first of these that has runs. Left out: DARTS. */
  readonly reference?: (budget: Budget) => readonly SolverId[];
  /** Settings of the trainings at a budget (`epochs=10`), where they are not what the budget makes of the paper's. */
  readonly trainingSet?: Readonly<Partial<Record<Budget, readonly string[]>>>;
  /** What else the runs do otherwise than the paper, one sentence each. */
  readonly remarks?: readonly string[];
  /** Tables of the errors, where methods are no columns: shown first. */
  readonly errorTables?: (view: ComparedView) => readonly Table[];
  /** The paper's own table, where benchmarks are no rows: shown last. */
  readonly printedTable?: (view: ComparedView) => Table;
  /** Shown after the chart of the errors. */
  readonly moreCharts?: (view: ComparedView) => readonly Chart[];
  readonly claims: (view: ComparedView) => readonly Answer[];
}

/** The table as an experiment. */
export function comparison(table: ComparisonTable) {
  const { id, title, description, claim, plans, printed, preset: whose, trainingSet } = table;
  return experiment({
    ...{ id, title, description, claim },
    paper: printedNumbers(printed, ({ dataset, space }) => `${dataset} ${space}`),
    seeds: { full: plans.full.seeds, laptop: plans.laptop.seeds, smoke: plans.smoke.seeds },
    choices: {
      'dataset.name': some('data set', DATASET_NAMES, (budget) => plans[budget].datasets),
      space: some('search space', TWO_CELL_IDS, (budget) => plans[budget].spaces),
      method: some('method', SOLVER_IDS, (budget) => plans[budget].methods),
    },
    // Controls first; then seeds outermost: after the first seed every cell of the table has a value.
    runs(grid) {
      const { budget, preset, seeds, chosen } = grid;
      const { few = {} } = plans[budget];
      const set = trainingSet?.[budget];
      const chosenMethods = solversWith(chosen.method, preset);
      const where = cross({ dataset: chosen['dataset.name'], space: chosen.space });
      const controls = controlCells(where, grid, (at) =>
        grid.training(trainingSettings({ preset: whose, ...at }, budget, set)),
      );
      const benchmarks = seeds.flatMap((seed, i) => {
        const method = chosenMethods.filter((id) => i < (few[id] ?? Infinity));
        return cross({ seed: [seed], where, method });
      });
      return withBaselines([
        ...controls,
        ...benchmarks.map(({ seed, where: { dataset, space }, method: id }): Cell<'training', MethodAxes> => {
          const own = applySet(comparedSearch(id, space, dataset, budget, preset), `seed=${seed}`);
          const worth = worthTraining(controls, { dataset, space });
          return {
            axes: { method: id, space },
            run: trainedSearch(grid, grid.search(own), { preset: whose, space }, set),
            ...(worth ? { worth } : {}),
          };
        }),
      ]);
    },
    deviations: (cells) => deviations(table, cells),
    tables: (view) => tables(table, view),
    charts: (view) =>
      trainedIn(view).length === 0 ? [] : [errorChart(view), ...(table.moreCharts?.(view) ?? [])],
    // Of what was not run for want of its images nothing is claimed.
    claims: (view) => (view.rows.length === 0 && view.missing.length > 0 ? [] : table.claims(view)),
  });
}

const DATASET_NAMES = Object.keys(FILE_DATASETS) as FileDatasetName[];

/** The benchmarks of a table of the paper whose rows have a data set and a space. */
export function printedBenchmarks(table: string): PrintedBenchmark[] {
  return printedRows(table).map(({ fields, cells }) => ({
    dataset: nameOf(DATASET_NAMES, fields.dataset),
    space: nameOf(TWO_CELL_IDS, fields.space),
    cells,
  }));
}

/** What the searches do otherwise than the paper's, methods told apart. */
export function methodDeviations(
  cells: readonly Cell<RunKind, MethodAxes>[],
  sentencesOf?: Parameters<typeof searchDeviations>[2],
): string[] {
  const found = searchDeviations(cells, ({ axes }) => methodTitle(axes.method), sentencesOf);
  return found.map((sentence) => `Search: ${sentence}`);
}

function deviations(
  { plans, columns, remarks = [] }: ComparisonTable,
  all: readonly Cell<'training' | 'linear', MethodAxes>[],
): string[] {
  const { full } = plans;
  const cells = cellsOfKind(all, 'training').filter(({ run }) => run.search);
  const searches = cells.map(({ run }) => run.search!);
  const methods = distinct(cells.map(({ axes }) => axes.method));
  const printed = columns.map(({ method }): string => method);
  const ours = methods.filter((id) => !printed.includes(id));
  const fewer = Object.entries(plans[searches[0].budget].few ?? {}).filter(([, few]) => few < seedsOf(cells));
  const left = (what: string, names: readonly string[], there: readonly string[], title = methodTitle) => {
    const absent = distinct(names).filter((name) => !there.includes(name));
    return absent.length > 0 && `Not run here: the ${what} ${absent.map(title).join(', ')}.`;
  };
  return sentences(
    methodDeviations(cells),
    trainingDeviations(cells, ({ axes, run }) => `${run.search!.dataset.name} ${axes.space!}`),
    seedsDeviation(cells, 'by each method on each benchmark', full.seeds),
    fewer.length > 0 && `Fewer by ${fewer.map(([id, few]) => `${methodTitle(id)} (${few})`).join(', ')}.`,
    separationSentence(all),
    all.some(({ axes }) => isControl(axes)) &&
      'Where those cells do not come apart, nothing is searched for or trained.',
    left(
      'data sets',
      full.datasets,
      searches.map(({ dataset }) => dataset.name),
      datasetTitle,
    ),
    left(
      'spaces',
      full.spaces,
      cells.map(({ axes }) => axes.space!),
      (space) => space.toUpperCase(),
    ),
    sharesRandomSearch(cells) && SAME_RANDOM_SEARCH,
    left('methods', printed, methods),
    ours.length > 0 && `Not in the paper's table: ${ours.map(methodTitle).join(', ')}.`,
    remarks,
    'The error is that of the last epoch, as R-DARTS reports it; the released code reports the best epoch on the test images.',
    'Cost is seconds on the machine that made the runs, not GPU days.',
  );
}

// ---- Rows ----

/** The trained networks that searches found. */
export function trainedIn({ rows }: Pick<ComparedView, 'rows'>): ComparedRow[] {
  return rowsOfKind(rows, 'training').filter((row) => !isControl(row));
}

/** The networks of benchmarks whose controls passed, and these; why nothing could be seen where there are none. */
export function decidableIn(view: ComparedView): { readonly rows: ComparedRow[] } & Gate {
  const all = trainedIn(view);
  const benchmarks = [...separationsIn(view)].map(([benchmark, separation]) => {
    const own = all.filter((row) => benchmarkKey(row) === benchmark);
    const errors = groupBy(own, 'method').map((group) => group.rows.map(({ errorPct }) => errorPct));
    const learned =
      own.length > 0 && separation.passed ? learnedControl(own[0], errors, separation.points) : [];
    // Those of a method that is still to come may lie off chance.
    const isWhole = view.done === view.of;
    const known = learned.map((each) => (each.passed || isWhole ? each : { ...each, passed: undefined }));
    return { own, controls: [separation, ...known] };
  });
  const controls = benchmarks.flatMap((each) => each.controls.filter(({ passed }) => passed !== true));
  const decidable = benchmarks.filter((each) => each.controls.every(({ passed }) => passed));
  const rows = decidable.flatMap(({ own }) => own);
  const failed =
    controls.length > 0 && benchmarks.every((each) => each.controls.some(({ passed }) => passed === false));
  if (rows.length > 0) return { rows, ...gatedBy(decidable.flatMap((each) => each.controls)) };
  if (all.length === 0 && !failed) return { rows };
  const faults = controls.map(({ text, found }) => `${text}: ${found}.`);
  return failed
    ? { rows: all, unseen: `No control passed. ${faults.join(' ')}` }
    : { rows: all, lacking: `No control is there that passed. ${faults.join(' ')}` };
}

/** The methods that occur, in the order in which tables show them. */
export function methodsIn(rows: readonly MethodAxes[]): string[] {
  return SOLVER_IDS.filter((id) => rows.some(({ method }) => method === id));
}

/** A method's rows. */
export function rowsBy<R extends MethodAxes>(rows: readonly R[], method: string): R[] {
  return rows.filter((row) => row.method === method);
}

/** Each method's best or mean error among rows. */
export function errorsBy(
  rows: readonly ComparedRow[],
  statistic: 'best' | 'mean',
): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(
    groupBy(rows, 'method').map(({ key: { method }, rows: own }) => {
      const errors = own.map(({ errorPct }) => errorPct);
      return [method, statistic === 'best' ? Math.min(...errors) : summarize(errors).mean];
    }),
  );
}

/** DARTS, which most tables compare with: their numbers of it are of second order, as R-DARTS ran it. */
const DARTS = ['darts-2nd', 'darts-1st'] as const satisfies readonly SolverId[];

/** The first of the methods that has rows. */
export function referenceIn(
  rows: readonly MethodAxes[],
  among: readonly SolverId[] = DARTS,
): SolverId | undefined {
  return among.find((id) => rows.some(({ method }) => method === id));
}

/** "3 searches": how many each method has on each benchmark. */
export function searchesText(rows: readonly ComparedRow[]): string {
  const counts = groupBy(rows, 'dataset', 'space', 'method').map((group) => group.rows.length);
  const [least, most] = counts.length === 0 ? [0, 0] : [Math.min(...counts), Math.max(...counts)];
  return `${least === most ? most : `${least} to ${most}`} search${most === 1 ? '' : 'es'}`;
}

// ---- Tables ----

function tables(table: ComparisonTable, view: ComparedView): Table[] {
  const rows = trainedIn(view);
  const controls = separationTable(view);
  const inPrint = table.printedTable?.(view) ?? printedTable(table, view);
  // Where a control kept all from being trained, what is said of that stands below the only other table.
  if (rows.length === 0 && controls.length > 0) {
    return [...controls, { ...inPrint, notes: [...(inPrint.notes ?? []), ...imageNotes(view)] }];
  }
  return [
    ...controls,
    ...(table.errorTables?.(view) ?? errorTables(view)),
    ...(rows.length > 0 ? [rankTable(table, rows), pairTable(table, view), detailTable(rows)] : []),
    inPrint,
  ];
}

/** What errors are to be seen beside, and why some are not there. */
export function imageNotes(view: ComparedView): string[] {
  const { rows, missing } = view;
  const trained = new Set(trainedIn(view).map(benchmarkKey));
  const left = [...separationsIn(view)].filter(([key, { passed }]) => passed === false && !trained.has(key));
  return sentences(
    baselineNotes(rows, ({ dataset }) => `, on ${datasetTitle(dataset)}`),
    left.length > 0 &&
      `Left out, since the control failed: ${left.map(([, { space }]) => spaceTitle(space)).join(', ')}.`,
    missing,
  );
}

/** Which benchmark a row is about; the data set only where there are several. */
function benchmarkColumns(rows: readonly Benchmark[]): SummaryColumn<Benchmark>[] {
  return [
    ...(distinct(rows.map(({ dataset }) => dataset)).length > 1
      ? [label<Benchmark>('data set', ({ dataset }) => datasetTitle(dataset))]
      : []),
    label<Benchmark>('space', ({ space }) => space.toUpperCase()),
  ];
}

/** The best error of each method on each benchmark, and the mean with its spread. */
function errorTables(view: ComparedView): Table[] {
  const rows = trainedIn(view);
  // Of all rows: where controls failed, nothing else was trained.
  const data = distinct(view.rows.map(({ dataset }) => datasetTitle(dataset))).join(', ');
  const searches = searchesText(rows);
  const errorTable = (title: string, cell: (errors: readonly number[]) => string, ...notes: string[]) => {
    const byMethod = methodsIn(rows).map((method): SummaryColumn<ComparedRow> => ({
      title: methodTitle(method),
      cell: (all) => {
        const errors = rowsBy(all, method).map(({ errorPct }) => errorPct);
        return errors.length === 0 ? null : cell(errors);
      },
    }));
    const head = `Test error (%)${title} of ${searches} (${progressText(view)})`;
    return summaryTable(
      head,
      groupBy(rows, 'dataset', 'space'),
      [...benchmarkColumns(rows), ...byMethod],
      notes,
    );
  };
  return [
    errorTable(
      ` on ${data || 'no images'}, best`,
      (errors) => fixed(Math.min(...errors), 2),
      'Of the network trained from scratch, after its last epoch. Best of: the lowest of the searches with different seeds, as the paper has it.',
      ...imageNotes(view),
    ),
    errorTable(
      ', mean ± standard deviation',
      (errors) => plusMinus(summarize(errors), 2),
      'The best of several is lower the more there are and the more they scatter; means are what the verdicts below rest on.',
    ),
  ];
}

/** A value for each method that has one, on each benchmark. */
type Values = readonly Readonly<Record<string, number | undefined>>[];

/** A method's mean rank over the benchmarks on which all have a value, 1 for the lowest. */
function rankColumn(title: string, methods: readonly string[], benchmarks: Values): SummaryColumn<string> {
  const ranked = benchmarks
    .map((values) => methods.map((method) => values[method]))
    .filter((values) => !values.includes(undefined))
    .map((values) => ranks(values as number[]));
  return {
    title,
    cell([method]) {
      const at = methods.indexOf(method);
      if (at < 0 || ranked.length === 0) return null;
      return fixed(ranked.reduce((sum, row) => sum + row[at], 0) / ranked.length, 2);
    },
  };
}

function rankTable({ columns, printed }: ComparisonTable, rows: readonly ComparedRow[]): Table {
  const benchmarks = groupBy(rows, 'dataset', 'space');
  const methods = methodsIn(rows);
  const best = benchmarks.map((each) => errorsBy(each.rows, 'best'));
  const mean = benchmarks.map((each) => errorsBy(each.rows, 'mean'));
  const lowest = best.map((values) => Math.min(...(Object.values(values) as number[])));
  const shared = columns.filter(({ method, statistic }) => statistic === 'best' && methods.includes(method));
  const sharedMethods = shared.map(({ method }) => method);
  const inPrint: Values = benchmarks.map(({ key: { dataset, space } }) => {
    const row = printed.find((each) => each.dataset === dataset && each.space === space);
    return Object.fromEntries(shared.map(({ column, method }) => [method, row?.cells[column]?.value]));
  });
  // The same benchmarks on both sides: those where the paper has all these methods, and so have we.
  const both = (values: Values): Values =>
    values.filter((_, i) =>
      sharedMethods.every((method) => best[i][method] !== undefined && inPrint[i][method] !== undefined),
    );
  const among = `among ${shared.length}`;
  const beside = shared.length > 1;
  return listTable(
    `Mean rank over ${several(benchmarks.length, 'benchmark')}, 1 for the lowest error`,
    methods,
    [
      label<string>('method', methodTitle),
      rankColumn('by best', methods, best),
      rankColumn('by mean', methods, mean),
      {
        title: 'lowest on',
        cell: ([method]) => best.filter((values, i) => values[method] === lowest[i]).length,
      },
      ...(beside ? [rankColumn(among, sharedMethods, both(best))] : []),
      ...(beside ? [rankColumn(`${among}, printed`, sharedMethods, both(inPrint))] : []),
    ],
    [
      'Benchmarks count where every method has a run; equal errors share their ranks. Lowest on: benchmarks on which no method has a lower best.',
      ...(beside
        ? [
            `The last two columns rank the ${shared.length} methods that the paper prints too, on the same benchmarks; printed: by the paper's numbers.`,
          ]
        : []),
    ],
  );
}

/** Seed of the resamples behind every bootstrap interval. */
const BOOTSTRAP_KEY = key(0);

function pairTable({ reference: amongAt = () => DARTS }: ComparisonTable, view: ComparedView): Table {
  const rows = trainedIn(view);
  const among = amongAt(view.budget);
  const reference = referenceIn(rows, among) ?? among[0];
  const less = (pairs: readonly Pair[]): number[] => pairs.map(errorLess);
  return summaryTable<Pair>(
    `Test error (points of %): ${methodTitle(reference)} less each other method, pair by pair`,
    methodsIn(rows)
      .filter((method) => method !== reference)
      .map((method) => ({ rows: pairsOf(rows, reference, method) }))
      .filter((group) => group.rows.length > 0),
    [
      label('method', ({ b }) => methodTitle(b.method)),
      counted('pairs'),
      spread('difference', errorLess, 2),
      { title: '95 % interval (t)', cell: (own) => intervalText(summarize(less(own)).interval, 2) },
      {
        title: '95 % interval (bootstrap)',
        cell: (own) => intervalText(bootstrapInterval(less(own), BOOTSTRAP_KEY), 2),
      },
      {
        title: 'p',
        cell(own) {
          const { p, exact } = pairedTest(less(own));
          return `${exact ? '' : '~'}${p.toPrecision(2)}`;
        },
      },
    ],
    [
      'A pair: two searches on the same benchmark with the same seed. Above 0: the method has the lower error. p: two-sided permutation test of the signs (Fisher); fewer than six pairs cannot reach 0.05. The bootstrap interval is too narrow for fewer than about ten pairs.',
    ],
  );
}

function detailTable(rows: readonly ComparedRow[]): Table {
  return summaryTable<ComparedRow>(
    'What was found, and what it cost: mean ± standard deviation over the searches',
    groupBy(rows, 'dataset', 'space', 'method'),
    [
      ...benchmarkColumns(rows),
      label('method', ({ method }) => methodTitle(method)),
      counted('n'),
      ...[OF_NETWORKS.parameters, OF_NETWORKS.multiplyAdds, OF_NETWORKS.fullSize, SKIPS],
      spread('without parameters', ({ genotype }) => cellStructure(genotype, 'normal').parameterFree, 2),
      ...[AGREEMENT, OF_NETWORKS.bestEpoch],
      spread('over noise', ({ noisePassesPct }) => noisePassesPct, 2),
      ...[searchTime(), OF_NETWORKS.training],
    ],
    [
      'Parameters and multiply-adds: of the network trained here; full size: parameters of the network that the paper would train from the same cells. Skips, and share of edges without parameters: of the normal cell. Agreement: share of kept edges, with their operations, that two seeds have in common.',
      'Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic. Over noise: mean over further test passes, for networks with the noise operation, whose test errors are random.',
    ],
  );
}

/** Under the paper's own numbers. */
export function printedNote(comparable: boolean, networks: string, budget: Budget): string {
  return comparable
    ? 'Ours: the same statistic of our searches.'
    : `The paper's networks have ${networks} 36 channels and are trained for 600 epochs; numbers made at budget ${budget} are not comparable with these.`;
}

/** The paper's own table; at full budget with ours in the same cells. */
function printedTable({ printed, columns, id }: ComparisonTable, view: ComparedView): Table {
  const rows = trainedIn(view);
  const comparable = view.budget === 'full' && rows.length > 0;
  return listTable(
    `Printed in the paper's Table ${id.slice(-1)}: test error (%)${comparable ? ', ours in brackets' : ''}`,
    printed,
    [
      ...benchmarkColumns(printed),
      ...Object.keys(printed[0].cells).map((name): SummaryColumn<PrintedBenchmark> => ({
        title: name,
        cell([{ dataset, space, cells }]) {
          const column = columns.find((each) => each.column === name);
          if (!comparable || !column) return printedText(cells[name]);
          const there = rows.filter((row) => row.dataset === dataset && row.space === space);
          return `${printedText(cells[name])} (${fixed(errorsBy(there, column.statistic)[column.method], 2)})`;
        },
      })),
    ],
    [printedNote(comparable, 'up to 20 cells and', view.budget)],
  );
}

// ---- Charts ----

/** Test errors: a point for each network, a bar at the mean of each method; panels by benchmark where that is told. */
export function errorsByMethod(
  words: ChartWords,
  rows: readonly ComparedRow[],
  { method, family }: { readonly method: string; readonly family: string },
  benchmarkOf?: (row: ComparedRow) => string,
): Chart {
  const methods = distinct(rows.map((row) => row.method));
  return errorsByName(
    words,
    rows.map((row) => ({
      [method]: methodTitle(row.method),
      [family]: familyOf(row.method),
      ...(benchmarkOf ? { benchmark: benchmarkOf(row) } : {}),
      ...{ error: sixDigits(row.errorPct), seed: row.seed, parameters: row.parameters },
    })),
    {
      row: { field: method, names: methods.map(methodTitle) },
      color: familyColors(family, methods.map(familyOf)),
      ...(benchmarkOf ? { panels: { field: 'benchmark', names: distinct(rows.map(benchmarkOf)) } } : {}),
    },
  );
}

function errorChart(view: ComparedView): Chart {
  const rows = trainedIn(view);
  const apart = distinct(rows.map(({ dataset }) => dataset)).length > 1;
  const words = {
    name: 'errors',
    title: `Test error by method (budget ${view.budget})`,
    subtitle: 'points: each search, its network trained from scratch; bars: means',
  };
  return errorsByMethod(words, rows, { method: 'method', family: 'family' }, ({ dataset, space }) => {
    const where = spaceTitle(space);
    return apart ? `${datasetTitle(dataset)}, ${where}` : where;
  });
}

/** Mean seconds of a search. */
export const meanSeconds = (rows: readonly ComparedRow[]): number =>
  summarize(rows.map(({ searchSeconds }) => searchSeconds!)).mean;

/** Mean error over the seconds of a search, a point a method, lines one standard deviation long to either side. */
export function costChart(view: ComparedView): Chart {
  const values = groupBy(trainedIn(view), 'dataset', 'method').map(({ key: { dataset, method }, rows }) => {
    const { mean, std } = summarize(rows.map(({ errorPct }) => errorPct));
    return {
      dataset: datasetTitle(dataset),
      method: methodTitle(method),
      family: familyOf(method),
      seconds: sixDigits(meanSeconds(rows)),
      error: sixDigits(mean),
      low: sixDigits(mean - (std ?? 0)),
      high: sixDigits(mean + (std ?? 0)),
    };
  });
  const words = {
    name: 'cost',
    title: `Test error and cost of a search (budget ${view.budget})`,
    subtitle: 'points: means over the searches; lines: ± one standard deviation',
  };
  return labelledPoints(words, values, {
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
  });
}
