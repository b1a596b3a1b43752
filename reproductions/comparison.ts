/**
 * Methods compared by the test error of the networks that they find, benchmark by benchmark (a data set and a search space):
 * Tables 2, 3 and 7, which differ in the methods, the benchmarks and the networks trained.
 */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim, Question } from '../lib/analysis/claims.js';
import { bootstrapInterval, pairedTest, ranks } from '../lib/analysis/comparison.js';
import { cellStructure, meanAgreement } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { UsageError, unknownName } from '../lib/errors.js';
import { evaluationDeviations } from '../lib/evaluation/presets.js';
import type { EvaluationPreset } from '../lib/evaluation/protocol.js';
import { key } from '../lib/math/random.js';
import { intervalText } from '../lib/report/claims.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import { rowsWithMeans } from '../lib/report/layers.js';
import type { Chart } from '../lib/report/spec.js';
import type { Column, Table } from '../lib/report/table.js';
import { PALETTE, THEME } from '../lib/report/theme.js';
import { deviations } from '../lib/search/presets.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { SPACE_IDS } from '../lib/spaces/spaces.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { METHOD_IDS, methodSearch, methodsWith, methodTitle } from './methods.js';
import type { MethodId } from './methods.js';
import { printedRows } from './paper.js';
import type { PrintedCell } from './paper.js';
import { assignListed, checkSeeds } from './reproduction.js';
import type { ProtocolOptions, Reproduction } from './reproduction.js';
import {
  anyTrainingOf,
  datasetOf,
  retrainingCosts,
  retrainingOpenSettings,
  runRetrainings,
  sortSettings,
  trainingSettings,
  withOwnSettings,
} from './retraining.js';
import type { RetrainedRun, Retrained, Retraining } from './retraining.js';

/** Which runs a table has: every method on every data set in every space. */
export interface Grid {
  readonly datasets: readonly FileDatasetName[];
  readonly spaces: readonly SpaceId[];
  readonly methods: readonly MethodId[];
}

/** A method's column in the paper's table. */
export interface PrintedColumn {
  readonly column: string;
  readonly method: MethodId;
  /** What the paper prints of its four runs. */
  readonly statistic: 'best' | 'mean';
}

/** What a table is about. */
export interface ComparisonTable {
  /** "table-2". */
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  /** Whose training. */
  readonly training: EvaluationPreset;
  /** Which runs each budget has; `full` has what the paper has. */
  readonly grids: Readonly<Record<Budget, Grid & { readonly seeds: number }>>;
  /** The paper's table: benchmarks and cells. */
  readonly printed: readonly {
    readonly dataset: FileDatasetName;
    readonly space: SpaceId;
    readonly cells: Readonly<Record<string, PrintedCell>>;
  }[];
  readonly columns: readonly PrintedColumn[];
  /** The method that the others are compared with pair by pair: the first of these that has runs. Left out: DARTS. */
  readonly reference?: readonly MethodId[];
  /** Settings of the trainings at a budget (`epochs=10`), where they are not what the budget makes of the paper's. */
  readonly trainingSet?: Readonly<Partial<Record<Budget, readonly string[]>>>;
  /** What else the runs do otherwise than the paper, one sentence each. */
  readonly remarks?: readonly string[];
  /** Tables of the errors, where methods are no columns: shown first. */
  errorTables?(result: Retrained): readonly Table[];
  /** The paper's own table, where benchmarks are no rows: shown last. */
  printedTable?(result: Retrained): Table;
  /** Shown after the chart of the errors. */
  moreCharts?(result: Retrained): readonly Chart[];
  /** What the paper says of it. */
  claims(result: Retrained): readonly Claim[];
}

/** The reproduction of a table that compares methods. */
export function comparisonTable(table: ComparisonTable): Reproduction<Retrained, Retraining> {
  const { id, title, claim, printed } = table;
  return {
    id,
    title,
    claim,
    paper: Object.fromEntries(
      printed.flatMap(({ dataset, space, cells }) =>
        Object.entries(cells).map(([column, { value }]) => [`${dataset} ${space} ${column}`, value]),
      ),
    ),
    protocols: (options) => protocols(table, options),
    deviations: (runs) => tableDeviations(table, runs),
    openSettings: (runs) => retrainingOpenSettings(runs.find(({ method }) => method === 'mgs') ?? runs[0]),
    seconds: (runs) => retrainingSeconds(runs),
    measure: (runs, context, onPartial) =>
      runRetrainings(runs, context, {
        paperTraining: ({ search }) => trainingFor(table, search.dataset.name, spaceName(search), 'full'),
        ...(onPartial ? { onPartial } : {}),
      }),
    tables: (result) => tables(table, result),
    charts: (result) => [
      ...charts(result),
      ...(result.runs.length > 0 ? (table.moreCharts?.(result) ?? []) : []),
    ],
    claims: (result) => table.claims(result),
  };
}

/** The benchmarks of a table of the paper whose rows have a data set and a space. */
export function printedBenchmarks(table: string): ComparisonTable['printed'] {
  return printedRows(table).map(({ fields, cells }) => ({
    dataset: named(Object.keys(FILE_DATASETS) as FileDatasetName[], fields.dataset),
    space: named(SPACE_IDS, fields.space),
    cells,
  }));
}

/** The name that the paper spells in capitals. */
function named<T extends string>(names: readonly T[], printed: unknown): T {
  const found = names.find((name) => name.toUpperCase() === printed);
  if (found === undefined) throw new Error(`the paper's numbers name ${String(printed)}, which is not known`);
  return found;
}

/** Seconds that searches and trainings take on two cores, a search that several runs have once. An estimate. */
export function retrainingSeconds(runs: readonly Retraining[]): number {
  return retrainingCosts(runs).reduce((sum, { search, training }) => sum + search + training, 0);
}

/** What may stand in each of a grid's lists. */
const GRID_NAMES: Readonly<Record<keyof Grid, { readonly what: string; readonly all: readonly string[] }>> = {
  datasets: { what: 'data set', all: Object.keys(FILE_DATASETS) },
  spaces: { what: 'search space', all: SPACE_IDS },
  methods: { what: 'method', all: METHOD_IDS },
};

/**
 * The grid with settings given by hand: `methods=mgs`, `spaces=s1,s2`, `datasets=["svhn"]`.
 *
 * @throws {UsageError} for a name that is not known, with the nearest, and for an empty list.
 */
export function gridWith(grid: Grid, set: readonly string[]): Grid {
  const paths = Object.keys(GRID_NAMES) as (keyof Grid)[];
  const given = assignListed(grid, set, paths) as Readonly<Record<keyof Grid, unknown>>;
  const lists = paths.map((path) => {
    const { what, all } = GRID_NAMES[path];
    const value = given[path];
    const names = (typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [value]).map(
      (name) => String(name).trim(),
    );
    const wrong = names.find((name) => !all.includes(name));
    if (wrong !== undefined) throw unknownName(what, wrong, all);
    if (names.length === 0)
      throw new UsageError(`${path} is empty; name at least one ${what}, e.g. ${all[0]}.`);
    return [path, all.filter((name) => names.includes(name))] as const;
  });
  return Object.fromEntries(lists) as unknown as Grid;
}

/** The settings of a benchmark's training. */
function trainingFor(
  { training: preset, trainingSet }: Pick<ComparisonTable, 'training' | 'trainingSet'>,
  dataset: string,
  space: string,
  budget: Budget,
  set: readonly string[] = [],
) {
  return trainingSettings({ preset, dataset, space }, budget, [...(trainingSet?.[budget] ?? []), ...set]);
}

/** The runs, seeds outermost: after the first seed every cell of the table has a value. */
function protocols(table: ComparisonTable, options: ProtocolOptions): Retraining[] {
  const { budget, preset, set = [] } = options;
  const own = table.grids[budget];
  const seeds = options.seeds ?? own.seeds;
  checkSeeds(seeds);
  const everything = METHOD_IDS.map((method) =>
    methodSearch(method, own.spaces[0], own.datasets[0], budget, preset),
  );
  const sorted = sortSettings(
    set,
    everything,
    trainingFor(table, own.datasets[0], own.spaces[0], budget),
    Object.keys(GRID_NAMES),
  );
  const { datasets, spaces, methods } = gridWith(own, sorted.grid);
  const cells = datasets.flatMap((dataset) =>
    spaces.flatMap((space) => {
      const training = trainingFor(table, dataset, space, budget, sorted.training);
      return methodsWith(methods, preset).map((method) => ({
        method,
        search: withOwnSettings(methodSearch(method, space, dataset, budget, preset), sorted.search),
        training,
      }));
    }),
  );
  return Array.from({ length: seeds }, (_, seed) =>
    cells.map(({ method, search, training }): Retraining => ({
      kind: 'retraining',
      version: 1,
      budget,
      seed,
      method,
      search: applySet(search, `seed=${seed}`),
      training: { ...training, seed },
    })),
  ).flat();
}

/** A group of runs and what they do otherwise than what they follow. */
interface Deviating {
  readonly title: string;
  readonly sentences: readonly string[];
}

/**
 * The sentences of all groups, each once: what only some groups do is said of those. A setting is the same deviation
 * whosever value it departs from.
 */
export function mergedDeviations(groups: readonly Deviating[]): string[] {
  const subject = (sentence: string): string => sentence.split(';')[0];
  const merged = new Map<string, string>();
  for (const sentence of groups.flatMap((group) => group.sentences)) {
    const about = subject(sentence);
    if (merged.has(about)) continue;
    const whose = groups.filter(({ sentences }) => sentences.some((other) => subject(other) === about));
    const prefix = whose.length === groups.length ? '' : `${whose.map(({ title }) => title).join(', ')}: `;
    merged.set(about, prefix + sentence);
  }
  return [...merged.values()];
}

/** What the searches and the trainings of runs do otherwise than the paper, methods told apart. */
export function retrainingDeviations(runs: readonly Retraining[]): string[] {
  const firsts = [...new Map([...runs].reverse().map((run) => [run.method, run])).values()].reverse();
  const searches = mergedDeviations(
    firsts.map(({ method, search }) => ({ title: methodTitle(method), sentences: deviations(search) })),
  );
  const benchmarks = [
    ...new Map(runs.map((run) => [`${datasetOf(run)} ${spaceName(run.search)}`, run])).entries(),
  ];
  const trainings = mergedDeviations(
    benchmarks.map(([name, { training }]) => ({
      title: name,
      sentences: evaluationDeviations(anyTrainingOf(training)),
    })),
  );
  return [
    ...searches.map((sentence) => `Search: ${sentence}`),
    ...trainings.map((sentence) => `Training: ${sentence}`),
  ];
}

const several = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

function tableDeviations(table: ComparisonTable, runs: readonly Retraining[]): string[] {
  const { grids } = table;
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const methods = new Set(runs.map(({ method }) => method));
  const absent = (all: readonly string[], has: (name: string) => boolean): string[] =>
    all.filter((name) => !has(name));
  const datasets = absent(grids.full.datasets, (name) => runs.some((run) => datasetOf(run) === name));
  const spaces = absent(grids.full.spaces, (name) => runs.some(({ search }) => spaceName(search) === name));
  const left = absent(
    table.columns.map(({ method }) => method),
    (name) => methods.has(name),
  );
  const ours = [...methods].filter((id) => !table.columns.some(({ method }) => method === id));
  return [
    ...retrainingDeviations(runs),
    ...(seeds === grids.full.seeds
      ? []
      : [
          `${several(seeds, 'search', 'searches')} by each method on each benchmark; the paper has ${grids.full.seeds}.`,
        ]),
    ...(datasets.length > 0 ? [`Not run here: the data sets ${datasets.map(datasetTitle).join(', ')}.`] : []),
    ...(spaces.length > 0
      ? [`Not run here: the spaces ${spaces.map((space) => space.toUpperCase()).join(', ')}.`]
      : []),
    ...(left.length > 0
      ? [`Not run here: the methods ${[...new Set(left)].map(methodTitle).join(', ')}.`]
      : []),
    ...(ours.length > 0 ? [`Not in the paper's table: ${ours.map(methodTitle).join(', ')}.`] : []),
    ...(table.remarks ?? []),
    'The error is that of the last epoch, as R-DARTS reports it; the released code reports the best epoch on the test images.',
    'Cost is seconds on the machine that made the runs, not GPU days.',
  ];
}

/** A data set as people call it. */
export function datasetTitle(name: string): string {
  return name in FILE_DATASETS ? FILE_DATASETS[name as FileDatasetName].title : name;
}

/** A data set and a search space. */
export interface Benchmark {
  readonly dataset: string;
  readonly space: string;
}

/** The benchmarks that occur, in the order of the runs. */
export function benchmarksOf(runs: readonly RetrainedRun[]): Benchmark[] {
  return [
    ...new Map(
      runs.map(({ dataset, space }): [string, Benchmark] => [`${dataset} ${space}`, { dataset, space }]),
    ).values(),
  ].sort(
    (a, b) =>
      GRID_NAMES.datasets.all.indexOf(a.dataset) - GRID_NAMES.datasets.all.indexOf(b.dataset) ||
      GRID_NAMES.spaces.all.indexOf(a.space) - GRID_NAMES.spaces.all.indexOf(b.space),
  );
}

/** The methods that occur, in the order in which tables show them. */
export function methodsOf(runs: readonly RetrainedRun[]): string[] {
  return METHOD_IDS.filter((id) => runs.some(({ method }) => method === id));
}

/** A method's runs, on one benchmark if one is named; seeds ascending. */
export function runsOf(runs: readonly RetrainedRun[], method: string, benchmark?: Benchmark): RetrainedRun[] {
  return runs
    .filter(
      (run) =>
        run.method === method &&
        (benchmark === undefined || (run.dataset === benchmark.dataset && run.space === benchmark.space)),
    )
    .sort((a, b) => a.seed - b.seed);
}

/** Runs of two methods that differ in the method alone: same data set, space and seed. */
export function pairsOf(
  runs: readonly RetrainedRun[],
  a: string,
  b: string,
): { readonly a: RetrainedRun; readonly b: RetrainedRun }[] {
  return runsOf(runs, a).flatMap((run) => {
    const other = runsOf(runs, b, run).find(({ seed }) => seed === run.seed);
    return other ? [{ a: run, b: other }] : [];
  });
}

/** Each method's summary value on a benchmark; null for a method without a run there. */
export function valuesOn(
  runs: readonly RetrainedRun[],
  benchmark: Benchmark,
  methods: readonly string[],
  statistic: 'best' | 'mean',
): (number | null)[] {
  return methods.map((method) => {
    const errors = runsOf(runs, method, benchmark).map(({ errorPct }) => errorPct);
    if (errors.length === 0) return null;
    return statistic === 'best' ? Math.min(...errors) : summarize(errors).mean;
  });
}

/**
 * Mean ranks of methods over the benchmarks on which all have a value, 1 for the lowest error; null where there is no such
 * benchmark.
 */
function meanRanks(rows: readonly (readonly (number | null | undefined)[])[]): (number | null)[] {
  const whole = rows.flatMap((row) =>
    row.every((value): value is number => value !== null && value !== undefined) ? [ranks(row)] : [],
  );
  const [first] = rows as readonly (readonly unknown[] | undefined)[];
  return (first ?? []).map((_, m) =>
    whole.length === 0 ? null : whole.reduce((sum, row) => sum + row[m], 0) / whole.length,
  );
}

function tables(table: ComparisonTable, result: Retrained): Table[] {
  return [
    ...(table.errorTables?.(result) ?? errorTables(result)),
    ...(result.runs.length > 0
      ? [rankTable(table, result), pairTable(table, result), detailTable(result)]
      : []),
    table.printedTable?.(result) ?? printedTable(table, result),
  ];
}

/** "budget laptop", and how much of the table is there. */
export function stateOf({ budget, parts: { done, of } }: Retrained): string {
  return `budget ${budget}${done < of ? `; ${done} of ${of} runs` : ''}`;
}

/** Columns that say which benchmark a row is about; the data set only where there are several. */
function benchmarkColumns(benchmarks: readonly Benchmark[]): Column[] {
  return [
    ...(new Set(benchmarks.map(({ dataset }) => dataset)).size > 1
      ? [{ key: 'dataset', title: 'data set' }]
      : []),
    { key: 'space', title: 'space' },
  ];
}

function benchmarkCells({ dataset, space }: Benchmark) {
  return { dataset: datasetTitle(dataset), space: space.toUpperCase() };
}

/** "3 searches": how many each method has on each benchmark. */
export function searchesText(runs: readonly RetrainedRun[]): string {
  const counts = benchmarksOf(runs)
    .flatMap((each) => methodsOf(runs).map((id) => runsOf(runs, id, each).length))
    .filter((count) => count > 0);
  const [least, most] = counts.length === 0 ? [0, 0] : [Math.min(...counts), Math.max(...counts)];
  return `${least === most ? most : `${least} to ${most}`} search${most === 1 ? '' : 'es'}`;
}

/** What errors are to be seen beside, and why some are not there. */
export function baselineNotes({ baselines, missing }: Retrained): string[] {
  return [
    ...baselines.map(
      ({ dataset, errorPct, classes }) =>
        `For comparison, on ${datasetTitle(dataset)}: a linear classifier on the same images ${fixed(errorPct, 1)}, chance ${fixed(100 - 100 / classes, 1)}.`,
    ),
    ...missing.map(({ reason }) => reason),
  ];
}

/** The best error of each method on each benchmark, and the mean with its spread. */
function errorTables(result: Retrained): Table[] {
  const { runs } = result;
  const benchmarks = benchmarksOf(runs);
  const methods = methodsOf(runs);
  const data = [...new Set(benchmarks.map(({ dataset }) => datasetTitle(dataset)))].join(', ');
  const columns: Column[] = [
    ...benchmarkColumns(benchmarks),
    ...methods.map((key) => ({ key, title: methodTitle(key), align: 'right' as const })),
  ];
  const table = (title: string, cell: (own: readonly number[]) => string, notes: string[]): Table => ({
    title,
    columns,
    rows: benchmarks.map((benchmark) => ({
      ...benchmarkCells(benchmark),
      ...Object.fromEntries(
        methods.map((method) => {
          const errors = runsOf(runs, method, benchmark).map(({ errorPct }) => errorPct);
          return [method, errors.length === 0 ? null : cell(errors)];
        }),
      ),
    })),
    notes,
  });
  const searches = searchesText(runs);
  return [
    table(
      `Test error (%) on ${data || 'no images'}, best of ${searches} (${stateOf(result)})`,
      (errors) => fixed(Math.min(...errors), 2),
      [
        'Of the network trained from scratch, after its last epoch. Best of: the lowest of the searches with different seeds, as the paper has it.',
        ...baselineNotes(result),
      ],
    ),
    table(
      `Test error (%), mean ± standard deviation of ${searches} (${stateOf(result)})`,
      (errors) => plusMinus(summarize(errors), 2),
      [
        'The best of several is lower the more there are and the more they scatter; means are what the verdicts below rest on.',
      ],
    ),
  ];
}

function rankTable({ columns, printed }: ComparisonTable, { runs }: Retrained): Table {
  const benchmarks = benchmarksOf(runs);
  const methods = methodsOf(runs);
  const ours = (statistic: 'best' | 'mean', among: readonly string[]) =>
    benchmarks.map((benchmark) => valuesOn(runs, benchmark, among, statistic));
  const best = ours('best', methods);
  const byBest = meanRanks(best);
  const byMean = meanRanks(ours('mean', methods));
  const shared = columns.filter(({ method, statistic }) => statistic === 'best' && methods.includes(method));
  const printedOn = ({ dataset, space }: Benchmark) => {
    const row = printed.find((each) => each.dataset === dataset && each.space === space);
    return shared.map(({ column }) => row?.cells[column]?.value);
  };
  const sharedMethods = shared.map(({ method }) => method);
  // The same benchmarks on both sides: those where the paper has all these methods, and so have we.
  const both = benchmarks.filter(
    (each) =>
      !printedOn(each).includes(undefined) && !valuesOn(runs, each, sharedMethods, 'best').includes(null),
  );
  const sharedOurs = meanRanks(both.map((each) => valuesOn(runs, each, sharedMethods, 'best')));
  const sharedPrinted = meanRanks(both.map(printedOn));
  return {
    title: `Mean rank over ${several(benchmarks.length, 'benchmark')}, 1 for the lowest error`,
    columns: [
      { key: 'method', title: 'method' },
      { key: 'best', title: 'by best', align: 'right' },
      { key: 'mean', title: 'by mean', align: 'right' },
      { key: 'won', title: 'lowest on', align: 'right' },
      ...(shared.length < 2
        ? []
        : [
            { key: 'shared', title: `among ${shared.length}`, align: 'right' as const },
            { key: 'printed', title: `among ${shared.length}, printed`, align: 'right' as const },
          ]),
    ],
    rows: methods.map((method, m) => {
      const at = shared.findIndex((each) => each.method === method);
      return {
        method: methodTitle(method),
        best: fixed(byBest[m], 2),
        mean: fixed(byMean[m], 2),
        won: best.filter((row) => {
          const there = row.filter((value) => value !== null);
          return row[m] !== null && row[m] === Math.min(...there);
        }).length,
        shared: at < 0 ? null : fixed(sharedOurs[at], 2),
        printed: at < 0 ? null : fixed(sharedPrinted[at], 2),
      };
    }),
    notes: [
      'Benchmarks count where every method has a run; equal errors share their ranks. Lowest on: benchmarks on which no method has a lower best.',
      ...(shared.length < 2
        ? []
        : [
            `The last two columns rank the ${shared.length} methods that the paper prints too, on the same benchmarks; printed: by the paper's numbers.`,
          ]),
    ],
  };
}

/** DARTS, which most tables compare with: their numbers of it are of second order, as R-DARTS ran it. */
const DARTS = ['darts-2nd', 'darts-1st'] as const satisfies readonly MethodId[];

/** The first of the methods that has runs. */
export function referenceOf(
  runs: readonly RetrainedRun[],
  among: readonly MethodId[] = DARTS,
): MethodId | undefined {
  return among.find((id) => runs.some(({ method }) => method === id));
}

/** Seed of the resamples behind every bootstrap interval. */
const BOOTSTRAP_KEY = key(0);

function pairTable({ reference: among }: ComparisonTable, { runs }: Retrained): Table {
  const reference = referenceOf(runs, among);
  const rows = methodsOf(runs).flatMap((method) => {
    if (reference === undefined || method === reference) return [];
    const differences = pairsOf(runs, reference, method).map(({ a, b }) => a.errorPct - b.errorPct);
    if (differences.length === 0) return [];
    const summary = summarize(differences);
    const { p, exact } = pairedTest(differences);
    return [
      {
        method: methodTitle(method),
        n: summary.n,
        difference: plusMinus(summary, 2),
        t: intervalText(summary.interval, 2),
        bootstrap: intervalText(bootstrapInterval(differences, BOOTSTRAP_KEY), 2),
        p: `${exact ? '' : '~'}${p.toPrecision(2)}`,
      },
    ];
  });
  return {
    title: `Test error (points of %): ${methodTitle(reference ?? (among ?? DARTS)[0])} less each other method, pair by pair`,
    columns: [
      { key: 'method', title: 'method' },
      { key: 'n', title: 'pairs', align: 'right' },
      { key: 'difference', title: 'difference', align: 'right' },
      { key: 't', title: '95 % interval (t)', align: 'right' },
      { key: 'bootstrap', title: '95 % interval (bootstrap)', align: 'right' },
      { key: 'p', title: 'p', align: 'right' },
    ],
    rows,
    notes: [
      'A pair: two searches on the same benchmark with the same seed. Above 0: the method has the lower error. p: two-sided permutation test of the signs (Fisher); fewer than six pairs cannot reach 0.05. The bootstrap interval is too narrow for fewer than about ten pairs.',
    ],
  };
}

function detailTable({ runs }: Retrained): Table {
  const benchmarks = benchmarksOf(runs);
  const spread = (values: readonly number[], digits: number): string => plusMinus(summarize(values), digits);
  return {
    title: 'What was found, and what it cost: mean ± standard deviation over the searches',
    columns: [
      ...benchmarkColumns(benchmarks),
      { key: 'method', title: 'method' },
      { key: 'n', title: 'n', align: 'right' },
      { key: 'parameters', title: 'parameters (k)', align: 'right' },
      { key: 'multiplyAdds', title: 'mult-adds (M)', align: 'right' },
      { key: 'full', title: 'full size (M)', align: 'right' },
      { key: 'skips', title: 'skips', align: 'right' },
      { key: 'free', title: 'without parameters', align: 'right' },
      { key: 'agreement', title: 'agreement', align: 'right' },
      { key: 'bestEpoch', title: 'best-epoch error', align: 'right' },
      { key: 'noise', title: 'over noise', align: 'right' },
      { key: 'search', title: 'search (s)', align: 'right' },
      { key: 'training', title: 'training (s)', align: 'right' },
    ],
    rows: benchmarks.flatMap((benchmark) =>
      methodsOf(runs).flatMap((method) => {
        const own = runsOf(runs, method, benchmark);
        if (own.length === 0) return [];
        const cells = own.map(({ genotype }) => cellStructure(genotype, 'normal'));
        const noise = own.flatMap(({ noisePassesPct }) => (noisePassesPct === null ? [] : [noisePassesPct]));
        return [
          {
            ...benchmarkCells(benchmark),
            method: methodTitle(method),
            n: own.length,
            parameters: spread(
              own.map(({ parameters }) => parameters / 1e3),
              1,
            ),
            multiplyAdds: spread(
              own.map((run) => run.multiplyAdds / 1e6),
              2,
            ),
            full: spread(
              own.map(({ fullParameters }) => fullParameters / 1e6),
              2,
            ),
            skips: spread(
              cells.map(({ families }) => families.skip),
              1,
            ),
            free: spread(
              cells.map(({ parameterFree }) => parameterFree),
              2,
            ),
            agreement: fixed(meanAgreement(own.map(({ genotype }) => genotype)), 2),
            bestEpoch: spread(
              own.map((run) => run.bestEpoch.errorPct),
              2,
            ),
            noise: noise.length === 0 ? null : spread(noise, 2),
            search: spread(
              own.map(({ searchSeconds }) => searchSeconds),
              0,
            ),
            training: spread(
              own.map(({ trainingSeconds }) => trainingSeconds),
              0,
            ),
          },
        ];
      }),
    ),
    notes: [
      'Parameters and multiply-adds: of the network trained here; full size: parameters of the network that the paper would train from the same cells. Skips, and share of edges without parameters: of the normal cell. Agreement: share of kept edges, with their operations, that two seeds have in common.',
      'Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic. Over noise: mean over further test passes, for networks with the noise operation, whose test errors are random.',
    ],
  };
}

/** The paper's own table; at full budget with ours in the same cells. */
function printedTable({ printed, columns, id }: ComparisonTable, { runs, budget }: Retrained): Table {
  const comparable = budget === 'full' && runs.length > 0;
  const benchmarks = printed.map(({ dataset, space }) => ({ dataset, space }));
  const names = Object.keys(printed[0].cells);
  return {
    title: `Printed in the paper's Table ${id.slice(-1)}: test error (%)${comparable ? ', ours in brackets' : ''}`,
    columns: [
      ...benchmarkColumns(benchmarks),
      ...names.map((key) => ({ key, title: key, align: 'right' as const })),
    ],
    rows: printed.map((row) => ({
      ...benchmarkCells(row),
      ...Object.fromEntries(
        names.map((name) => {
          const { printed: digits, printedStd } = row.cells[name];
          const text = printedStd === undefined ? digits : `${digits} ± ${printedStd}`;
          const column = columns.find((each) => each.column === name);
          if (!comparable || !column) return [name, text];
          const [own] = valuesOn(runs, row, [column.method], column.statistic);
          return [name, `${text} (${fixed(own, 2)})`];
        }),
      ),
    })),
    notes: [
      comparable
        ? 'Ours: the same statistic of our searches.'
        : `The paper's networks have up to 20 cells and 36 channels and are trained for 600 epochs; numbers made at budget ${budget} are not comparable with these.`,
    ],
  };
}

const FAMILIES = ['DARTS and what follows it', 'ZARTS', 'random search'] as const;

/** What a method is a kind of, for colours. */
export function familyOf(method: string): (typeof FAMILIES)[number] {
  if (method === 'random') return 'random search';
  return ['rs', 'mgs', 'mgs-flat', 'gld'].includes(method) ? 'ZARTS' : 'DARTS and what follows it';
}

/** The colour of each family that is there, for a field `family`. */
export function familyColors(methods: readonly string[]): Readonly<Record<string, unknown>> {
  const families = FAMILIES.filter((family) => methods.some((method) => familyOf(method) === family));
  return {
    field: 'family',
    type: 'nominal',
    scale: { domain: families, range: families.map((family) => PALETTE[FAMILIES.indexOf(family)]) },
    legend: { title: null, orient: 'bottom' },
  };
}

/** A point for each search and a mark at the mean of each method, one panel a benchmark. */
function charts(result: Retrained): Chart[] {
  const { runs, budget } = result;
  if (runs.length === 0) return [];
  const benchmarks = benchmarksOf(runs);
  const several = new Set(benchmarks.map(({ dataset }) => dataset)).size > 1;
  const name = ({ dataset, space }: Benchmark): string =>
    `${several ? `${datasetTitle(dataset)}, ` : ''}${space === 'darts' ? 'DARTS space' : space.toUpperCase()}`;
  const methods = methodsOf(runs);
  const title = `Test error by method (budget ${budget})`;
  const y = {
    field: 'method',
    type: 'nominal',
    title: null,
    sort: methods.map(methodTitle),
    axis: { grid: true },
  };
  const x = {
    field: 'error',
    type: 'quantitative',
    title: 'test error (%)',
    scale: { zero: false, nice: true },
  };
  const color = familyColors(methods);
  return [
    {
      name: 'errors',
      title,
      spec: {
        $schema: VEGA_LITE_SCHEMA,
        description: title,
        title: {
          text: title,
          subtitle: 'points: each search, its network trained from scratch; bars: means',
        },
        config: THEME,
        data: {
          values: runs.map((run) => ({
            benchmark: name(run),
            method: methodTitle(run.method),
            family: familyOf(run.method),
            error: Number(run.errorPct.toPrecision(6)),
            seed: run.seed,
            parameters: run.parameters,
          })),
        },
        facet: { field: 'benchmark', type: 'nominal', title: null, sort: benchmarks.map(name) },
        columns: Math.min(benchmarks.length, 2),
        resolve: { scale: { x: 'independent' } },
        spec: {
          width: 260,
          height: { step: 20 },
          layer: rowsWithMeans({
            x,
            y,
            color,
            tooltip: [
              { field: 'method' },
              { field: 'benchmark' },
              { field: 'seed' },
              { field: 'error', format: '.2f' },
              { field: 'parameters', format: ',d' },
            ],
          }),
        },
      },
    },
  ];
}

/** What decides a claim that one method beats another, pair by pair. */
export function beats(
  { runs, missing }: Retrained,
  {
    id,
    text,
    better,
    worse,
    detail = '',
  }: {
    readonly id: string;
    readonly text: string;
    readonly better: string;
    readonly worse: string;
    readonly detail?: string;
  },
): Claim {
  const statistic = `test error (points of %), ${methodTitle(worse)} less ${methodTitle(better)}`;
  const pairs = pairsOf(runs, worse, better);
  const values = pairs.map(({ a, b }) => a.errorPct - b.errorPct);
  if (values.length === 0) {
    const why =
      missing.length > 0
        ? missing.map(({ reason }) => reason).join(' ')
        : `There is no pair of searches by ${methodTitle(better)} and ${methodTitle(worse)}.`;
    return undecided({ id, text, statistic, detail: why });
  }
  const { p } = pairedTest(values);
  const question: Question = {
    id,
    text,
    statistic,
    values,
    region: { above: 0 },
    // One image more or less.
    resolution: 100 / Math.min(...pairs.map(({ a }) => a.testImages)),
    unit: 'pair',
    detail: `Pairs have benchmark and seed in common; permutation test p = ${p.toPrecision(2)}.${detail === '' ? '' : ` ${detail}`}`,
  };
  return judge(question);
}

/** What decides whether MGS beats random search, wherever that was run: the baseline that the paper leaves out. */
export function beatsRandom(result: Retrained): Claim[] {
  if (result.runs.every(({ method }) => method !== 'random')) return [];
  return [
    beats(result, {
      id: 'beats-random',
      text: 'ZARTS-MGS finds better networks than random search over architectures with shared weights (our question; the paper has no such baseline).',
      better: 'mgs',
      worse: 'random',
    }),
  ];
}
