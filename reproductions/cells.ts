/**
 * Cells that searches find, drawn, and what they consist of: Figs. 5 to 9, which differ in data set and search spaces alone.
 * Beside ZARTS-MGS each has DARTS, the method whose failure the figures are shown against.
 */
import { decide } from '../lib/analysis/claims.js';
import type { Answer, Claim } from '../lib/analysis/claims.js';
import { cellStructure, chanceParameterFree } from '../lib/analysis/genotypes.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { comparisonDiagram, galleryDiagram } from '../lib/report/cell-diagram.js';
import type { GalleryLine } from '../lib/report/cell-diagram.js';
import { chart, sixDigits } from '../lib/report/charts.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { FAMILY_COLORS } from '../lib/report/theme.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import { leastStep, summarize } from '../lib/analysis/statistics.js';
import { OP_FAMILIES } from '../lib/spaces/primitives.js';
import type { OpFamily } from '../lib/spaces/primitives.js';
import { CELLS, spaceById } from '../lib/spaces/spaces.js';
import type { Cell as CellKind, SpaceId } from '../lib/spaces/spaces.js';
import { searchesMove } from './alphas.js';
import {
  MANY_IMAGES,
  SENSITIVITY,
  collapseCharts,
  collapseClaims,
  collapseTables,
  hasManyImages,
  isTempting,
  titleOf,
} from './collapse.js';
import { searchDeviations, seedsDeviation, sentences } from './deviations.js';
import { cross, distinct, groupBy } from './experiment.js';
import type { Cell, Experiment, Row, View } from './experiment.js';
import { some } from './grid.js';
import type { Choice } from './grid.js';
import { countsOf } from './kinds.js';
import { SAME_RANDOM_SEARCH, comparedSearch, sharesRandomSearch, spaceText, spaceTitle } from './methods.js';
import { figureNumbers, printedRow } from './paper.js';
import { absolute, judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import { controlsTable, gatedBy } from './together.js';
import type { Control } from './together.js';
import { SEEDS } from './sweep.js';
import { AGREEMENT, counted, label, spread, summaryTable } from './tables.js';
import type { SummaryColumn } from './tables.js';
import { trainingOf, trainingSettings } from './training.js';

/**
 * The searches compared in the DARTS space: the paper's default solver, the baseline whose cells skips are said to dominate, and
 * random search. In S1 to S4, where collapse is looked for, ZARTS is the paper's idea with a flat density.
 */
const IN_DARTS = ['mgs', 'darts-1st', 'random-ws'] as const;
const IN_SMALL = ['mgs-flat', 'darts-1st', 'random-ws'] as const;
const namesOf = <T extends object>(record: T): (keyof T)[] => Object.keys(record) as (keyof T)[];
/** Beside them where DARTS is tempted: it at other rates, and all three with many images. */
const BESIDE = [...namesOf(SENSITIVITY), ...namesOf(MANY_IMAGES)] as const;
type Method = (typeof IN_DARTS | typeof IN_SMALL | typeof BESIDE)[number];
/** Those whose cells are shown, in this order. */
const METHODS: readonly Method[] = ['mgs', 'mgs-flat', 'darts-1st', 'random-ws'];
const TITLES: Readonly<Record<string, string>> = {
  mgs: 'ZARTS',
  'mgs-flat': 'ZARTS (flat)',
  'darts-1st': 'DARTS',
};
const nameOf = (method: string): string => TITLES[method] ?? titleOf(method);

/** Seeds of the searches at other rates, which show how much hangs on the rule for them. */
const SENSITIVITY_SEEDS = 4;
/** Seeds of the searches with many images. */
const MANY_IMAGES_SEEDS = 6;
/** Seeds at `laptop`, 0 to 10: those from 11 on were used up when DARTS was first seen to collapse at this size (PILOTS.md). */
const LAPTOP_SEEDS = 11;

/** What tells a search of these figures from the others. */
export type CellAxes = { readonly space: SpaceId; readonly method: Method };
type CellRow = Row<'search', CellAxes>;
type CellView = View<'search', CellAxes>;

/** Kept edges of a cell in the spaces of the paper. */
const EDGES = 8;

/** Share of a cell's edges from which on a kind of operation dominates it. The paper gives no number; more than half is ours. */
const DOMINATES = 0.5;

/** What a figure is about, and what the paper says of it. */
type CellFigure = ReturnType<typeof figureOf>;

/** The paper's figures of the DARTS space print a size and errors, its Table 3 sizes over searches; the others are only drawn. */
function figureOf(id: string, dataset: FileDatasetName, spaces: readonly SpaceId[]) {
  const inDarts = spaces.includes('darts');
  const number = id.replace('fig-', '');
  const paper = inDarts ? figureNumbers(number, 'paramsM error accuracy') : {};
  const ofTable3 = { dataset: dataset.toUpperCase(), block: 'average', method: 'ZARTS (ours)' };
  const { value, std } = inDarts ? printedRow('3', ofTable3).params : { value: NaN };
  return {
    id,
    title: `Fig. ${number}: cells found on ${FILE_DATASETS[dataset].title} in ${inDarts ? 'the DARTS space' : 'S1–S4'}`,
    description: inDarts
      ? 'Drawings; size and operations of what ZARTS and DARTS find.'
      : 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.',
    claim: inDarts
      ? `The normal cell that ZARTS finds is not dominated by operations without parameters, and the network has about ${paper.paramsM} M of them.`
      : 'In the spaces made for DARTS to fail in, the normal cells that ZARTS finds are not dominated by operations without parameters.',
    dataset,
    spaces,
    paper,
    /** Millions of parameters of the networks that the paper's searches found: mean and standard deviation. */
    paperSize: std === undefined ? undefined : { mean: value, std },
  };
}

/** A figure of cells: an experiment that has drawings. */
export type CellExperiment = Experiment<
  'search',
  CellAxes,
  { readonly space: Choice<SpaceId, true>; readonly method: Choice<Method, true> }
> & {
  readonly drawings: (view: CellView) => readonly Drawing[];
};

/** The experiment of a figure of cells. Four searches with each method are what the paper has. */
export function cellFigure(id: string, dataset: FileDatasetName, spaces: readonly SpaceId[]): CellExperiment {
  const figure = figureOf(id, dataset, spaces);
  const { title, description, claim, paper } = figure;
  const compared: readonly Method[] = inDarts(spaces) ? IN_DARTS : IN_SMALL;
  const own = inDarts(spaces) ? compared : [...compared, ...BESIDE];
  return {
    ...{ id, title, description, claim, paper },
    seeds: { full: 4, laptop: inDarts(spaces) ? SEEDS.laptop : LAPTOP_SEEDS, smoke: 1 },
    choices: {
      space: some('search space', spaces, (budget) =>
        budget === 'laptop' ? spaces.filter((space) => space === 'darts' || isTempting(space)) : spaces,
      ),
      method: some('method', own, (budget) => (budget === 'laptop' ? own : compared)),
    },
    // Seeds outermost: after the first seed every space has a cell of each method.
    runs: ({ budget, preset, seeds, chosen, search }) => {
      const isRun = (method: Method, space: SpaceId, i: number): boolean => {
        if (!isBeside(method)) return true;
        if (budget !== 'laptop' || !isTempting(space)) return false;
        return hasManyImages(method) ? i < MANY_IMAGES_SEEDS && preset === undefined : i < SENSITIVITY_SEEDS;
      };
      const named = chosen.method.map((method) =>
        method === 'mgs-flat' && preset !== undefined ? 'mgs' : method,
      );
      return cross({ seed: seeds, space: chosen.space }).flatMap(({ seed, space }) =>
        named
          .filter((method) => isRun(method, space, seeds.indexOf(seed)))
          .map((method): Cell<'search', CellAxes> => ({
            axes: { space, method },
            run: {
              kind: 'search',
              search: search(searchBy(method, space, dataset, { budget, preset, seed })),
            },
          })),
      );
    },
    deviations,
    tables: (view) => [...collapseTables(view), ...controlTables(view), ...tables(figure, view)],
    charts: (view) => [...collapseCharts(view), ...charts(figure, view)],
    claims: (view) => decide(claims(figure, view)).map(withSameSearch),
    drawings: (view) => drawings(figure, view),
  };
}

const isBeside = (method: Method): boolean => (BESIDE as readonly Method[]).includes(method);

const inDarts = (spaces: readonly SpaceId[]): boolean => spaces.includes('darts');

/** The search of a method, or of DARTS at another rate. */
function searchBy(
  method: Method,
  space: SpaceId,
  dataset: FileDatasetName,
  {
    budget,
    preset,
    seed,
  }: { readonly budget: Budget; readonly preset?: Preset | undefined; readonly seed: number },
): SearchProtocol {
  if (hasManyImages(method)) {
    const many = comparedSearch(MANY_IMAGES[method], space, dataset, budget, preset, 'long');
    return applySet(many, `seed=${seed}`);
  }
  const rateOf: Readonly<Record<string, number>> = SENSITIVITY;
  const id = method in rateOf ? 'darts-1st' : (method as Exclude<typeof method, keyof typeof SENSITIVITY>);
  const protocol = comparedSearch(id, space, dataset, budget, preset);
  const { solver } = protocol;
  const rate = solver.kind === 'darts' && method in rateOf ? [`solver.lr=${solver.lr * rateOf[method]}`] : [];
  return applySet(protocol, ...rate, `seed=${seed}`);
}

function deviations(cells: readonly Cell<'search', CellAxes>[]): string[] {
  return sentences(
    searchDeviations(cells, ({ axes }) => nameOf(axes.method)),
    seedsDeviation(cells, 'with each solver in each space', 4),
    'The cells drawn are those of seed 0, chosen before any was seen; the paper draws those whose network had the lowest error.',
    'The networks are not trained: their parameters are counted, their errors are not measured.',
    "The paper's figures show ZARTS alone; DARTS, searched by its first order, and random search with weight sharing are ours to compare with.",
    sharesRandomSearch(cells) && SAME_RANDOM_SEARCH,
    cells.some(({ axes }) => axes.method === 'mgs-flat') &&
      'ZARTS is MGS with a flat density here: with the density as Eq. 26 prints it the losses hardly count.',
  );
}

/** The network that the paper trains from cells found in a space (Table 3's for the DARTS space, Table 2's for S1–S4). */
function network(dataset: string, space: string) {
  return trainingSettings({ preset: space === 'darts' ? 'darts-space' : 'table-2', dataset, space }, 'full');
}

/** Millions of parameters of the network that the paper would train. */
function sizeOf({ dataset, space, genotype }: CellRow): number {
  const { classes } = FILE_DATASETS[dataset as FileDatasetName];
  return countsOf(trainingOf(network(dataset, space), genotype), classes.length).parameters / 1e6;
}

const CELL_TITLES: Readonly<Record<CellKind, string>> = { normal: 'normal', reduce: 'reduction' };
const FAMILY_TITLES: Readonly<Record<OpFamily, string>> = {
  convolution: 'convolutions',
  pooling: 'pooling',
  skip: 'skips',
  noise: 'noise',
  zero: 'zero',
};

/** Families that occur, in display order. */
function familiesIn(rows: readonly CellRow[]): OpFamily[] {
  const structures = rows.flatMap(({ genotype }) => CELLS.map((cell) => cellStructure(genotype, cell)));
  return OP_FAMILIES.filter((family) => structures.some(({ families }) => families[family] > 0));
}

/** The rows of each space and method, in display order. */
function groups(rows: readonly CellRow[], spaces: readonly SpaceId[]) {
  return cross({ space: spaces, method: METHODS })
    .map((key) => ({ key, rows: rowsOf(rows, key.space, key.method) }))
    .filter((group) => group.rows.length > 0);
}

function rowsOf(rows: readonly CellRow[], space: string, method: Method): CellRow[] {
  return rows.filter((row) => row.space === space && row.method === method);
}

/** What the cells of a kind consist of: a row for each space and method. */
function cellTable(
  cell: CellKind,
  own: readonly { readonly rows: readonly CellRow[] }[],
  ...head: readonly SummaryColumn<CellRow>[]
): Table {
  const ofCell = (title: string, value: (of: ReturnType<typeof cellStructure>) => number, digits: number) =>
    spread<CellRow>(title, ({ genotype }) => value(cellStructure(genotype, cell)), digits);
  const byChance = ({ space }: CellRow): string =>
    fixed(100 * chanceParameterFree(spaceById(space), cell), 0);
  return summaryTable('', own, [
    ...head,
    label('cell', () => CELL_TITLES[cell]),
    counted('seeds'),
    ...familiesIn(own.flatMap(({ rows }) => rows)).map((family) =>
      ofCell(FAMILY_TITLES[family], ({ families }) => families[family], 1),
    ),
    ofCell('parameter-free (%)', ({ parameterFree }) => 100 * parameterFree, 0),
    label('by chance (%)', byChance, 'right'),
    ofCell('depth', ({ depth }) => depth, 1),
  ]);
}

function tables({ dataset, paper, paperSize, spaces }: CellFigure, { rows, budget }: CellView): Table[] {
  if (rows.length === 0) return [];
  const several = groupBy(rows, 'space').length > 1;
  const head = [
    ...(several ? [label<CellRow>('space', ({ space }) => spaceTitle(space))] : []),
    label<CellRow>('search', ({ method }) => nameOf(method)),
  ];
  const own = groups(rows, spaces);
  const [normal, reduce] = CELLS.map((cell) => cellTable(cell, own, ...head));
  const networkTitle = ({ space }: { readonly space: string }): string => {
    const { cells, channels } = network(dataset, space).network;
    return `${cells} cells, ${channels} channels`;
  };
  const networks = distinct(own.map(({ key }) => networkTitle(key)));
  const alike = networks.length === 1;
  return [
    {
      ...normal,
      title: `What the cells found on ${FILE_DATASETS[dataset].title} consist of (budget ${budget}), mean ± standard deviation over seeds`,
      rows: normal.rows.flatMap((row, i) => [row, reduce.rows[i]]),
      notes: [
        `Of ${EDGES} edges a cell. Parameter-free: skips at stride 1, pooling and noise; by chance: of a genotype drawn at random.`,
        'Depth: connections on the longest path from an input to the output.',
      ],
    },
    summaryTable(
      'The networks that the paper would train from these cells',
      own,
      [
        ...head,
        ...(alike ? [] : [label<CellRow>('network', networkTitle)]),
        spread('parameters (M)', sizeOf, 2),
        AGREEMENT,
      ],
      sentences(
        `Parameters are counted exactly${alike ? ` (${networks.join()})` : ''}. Agreement: share of kept edges, with their operations, that two seeds have in common.`,
        paperSize !== undefined &&
          `The paper's own, from its full searches: ${fixed(paper.paramsM, 1)} M parameters and ${fixed(paper.error, 2)} % error in the figure; ${plusMinus(paperSize, 2)} M over its searches (Table 3).`,
      ),
    ),
  ];
}

/** The cells of the first seed: ZARTS in one picture, DARTS in another; or what is lacking, said once. */
function drawings({ dataset, spaces }: CellFigure, { rows, budget, missing }: CellView): Drawing[] {
  const title = (method: string): string => `Cells that ${method} found on ${FILE_DATASETS[dataset].title}`;
  if (rows.length === 0) {
    if (missing.length === 0) return [];
    const lines = spaces.map((space): GalleryLine => ({ name: spaceTitle(space), sentence: missing[0] }));
    return [{ name: 'zarts', title: title('ZARTS'), svg: galleryDiagram(title('ZARTS'), lines, []) }];
  }
  return Object.entries({ zarts: isZarts, darts: isDarts }).flatMap(([name, isOne]): Drawing[] => {
    const firsts = spaces.flatMap((space) =>
      rows.filter((row) => row.space === space && isOne(row)).slice(0, 1),
    );
    if (firsts.length === 0) return [];
    const [{ method, seed }] = firsts;
    const lines = firsts.map(({ space, genotype }): GalleryLine => ({ name: spaceTitle(space), genotype }));
    const head = title(nameOf(method));
    return [{ name, title: head, svg: galleryDiagram(head, lines, [`budget ${budget}, seed ${seed}`]) }];
  });
}

/** What ZARTS found in two figures, or runs of one, cell against cell, in each space that both have: the first seed of each. */
export function comparedDrawings(
  a: { readonly name: string; readonly rows: readonly CellRow[] },
  b: { readonly name: string; readonly rows: readonly CellRow[] },
): Drawing[] {
  return groupBy(a.rows, 'space').flatMap(({ key: { space } }) => {
    const [one, other] = [a, b].map(({ name, rows }) =>
      rows
        .filter((row) => row.space === space && isZarts(row))
        .map(({ genotype }) => ({ name: `${spaceTitle(space)}, ${name}`, genotype })),
    );
    if (one.length === 0 || other.length === 0) return [];
    const title = `${one[0].name}, and ${other[0].name}`;
    return [{ name: `compared-${space}`, title, svg: comparisonDiagram(one[0], other[0]) }];
  });
}

/** Mean number of edges by kind of operation: a bar a search, stacked; a column a space, a row a kind of cell. */
function charts({ dataset, spaces }: CellFigure, { rows, budget }: CellView): Chart[] {
  const own = groups(rows, spaces);
  // Searches that only stand beside, at another rate, are none of its bars.
  if (own.length === 0) return [];
  const families = familiesIn(rows);
  const values = own.flatMap(({ key: { space, method }, rows: same }) =>
    cross({ cell: CELLS, family: families }).map(({ cell, family }) => ({
      space: spaceTitle(space),
      search: nameOf(method),
      cell: `${CELL_TITLES[cell]} cell`,
      operation: FAMILY_TITLES[family],
      order: families.indexOf(family),
      edges: sixDigits(summarize(same.map((row) => cellStructure(row.genotype, cell).families[family])).mean),
      seeds: same.length,
    })),
  );
  const sorted = (field: string, sort: readonly string[]) => ({ field, type: 'nominal', sort, title: null });
  const searches = distinct(values.map(({ search }) => search));
  // Names stand level beneath their bars.
  const step = 6.5 * Math.max(...searches.map(({ length }) => length)) + 8;
  return [
    chart(
      {
        name: 'operations',
        title: `Operations in the cells found on ${FILE_DATASETS[dataset].title} (budget ${budget})`,
        subtitle: 'edges a cell, mean over seeds',
      },
      values,
      {
        facet: {
          column: sorted('space', distinct(values.map(({ space }) => space))),
          row: sorted('cell', distinct(values.map(({ cell }) => cell))),
        },
        spec: {
          width: searches.length * step,
          height: 150,
          mark: { type: 'bar', stroke: '#ffffff', strokeWidth: 1 },
          encoding: {
            x: { ...sorted('search', searches), axis: { labelAngle: 0 } },
            y: { field: 'edges', type: 'quantitative', title: 'edges', axis: { tickMinStep: 1 } },
            color: {
              field: 'operation',
              type: 'nominal',
              scale: {
                domain: families.map((family) => FAMILY_TITLES[family]),
                range: families.map((family) => FAMILY_COLORS[family]),
              },
              legend: { title: null, orient: 'bottom' },
            },
            order: { field: 'order', type: 'quantitative' },
            tooltip: [
              ...['space', 'search', 'cell', 'operation'].map((field) => ({ field })),
              { field: 'edges', format: '.2f' },
              { field: 'seeds' },
            ],
          },
        },
      },
    ),
  ];
}

function claims(figure: CellFigure, view: CellView): Answer[] {
  const { rows, budget, missing } = view;
  // Of what was not run for want of its images nothing is claimed.
  if (rows.length === 0 && missing.length > 0) return [];
  const spaces = rows.length === 0 ? figure.spaces : groupBy(rows, 'space').map(({ key }) => key.space);
  const plain = spaces
    .filter((space) => !isTempting(space))
    .flatMap((space) =>
      judgeAll(
        rows.filter((row) => row.space === space),
        [domination(space, rows), ...(space === 'darts' ? sizes(figure, budget, rows) : [])],
      ),
    );
  return [...plain, ...collapseClaims(view, figure.spaces)];
}

/** A verdict against random search in S3, saying whose searches those are. */
function withSameSearch(claim: Claim): Claim {
  if (!claim.id.endsWith('-than-random/s3')) return claim;
  return { ...claim, detail: `${claim.detail} ${SAME_RANDOM_SEARCH}` };
}

const isZarts = ({ method }: Pick<CellRow, 'method'>): boolean => method === 'mgs' || method === 'mgs-flat';
const isDarts = ({ method }: Pick<CellRow, 'method'>): boolean => method === 'darts-1st';

/** ZARTS less DARTS, for the seeds that both have. */
function lessDarts(value: (row: CellRow) => number): Statement<CellRow>['value'] {
  return (own) => {
    const [zarts, darts] = [own.find(isZarts), own.find(isDarts)];
    return zarts && darts && value(zarts) - value(darts);
  };
}

/** Where no single operation tempts: that the alphas of ZARTS, and then those of DARTS, move; {@link searchesMove}. */
function movesControls(rows: readonly CellRow[], space: SpaceId): Control[] {
  return [isZarts, isDarts].map((isOne, i) => {
    const own = rows.filter((row) => row.space === space && isOne(row));
    return searchesMove(space, i === 0 ? 'ZARTS' : 'DARTS', own);
  });
}

function controlTables({ rows }: CellView): Table[] {
  const plain = distinct(rows.map(({ space }) => space)).filter((space) => !isTempting(space));
  return plain.length === 0 ? [] : [controlsTable(plain.flatMap((space) => movesControls(rows, space)))];
}

function domination(space: SpaceId, rows: readonly CellRow[]): Statement<CellRow> {
  return {
    ...gatedBy(movesControls(rows, space).slice(0, 1)),
    id: `not-dominated/${space}`,
    text: `The normal cells that ZARTS finds in ${spaceText(space)} are not dominated by skip connections and pooling.`,
    statistic: "share of the normal cell's edges without parameters (skip connections and pooling)",
    among: isZarts,
    value: ([{ genotype }]) => cellStructure(genotype, 'normal').parameterFree,
    region: { below: DOMINATES },
    resolution: 1 / EDGES,
    detail: `The paper gives no number; more than half of the edges counts as dominated. A genotype drawn at random has ${fixed(chanceParameterFree(spaceById(space), 'normal'), 2)}.`,
  };
}

function sizes({ paperSize }: CellFigure, budget: string, rows: readonly CellRow[]): Statement<CellRow>[] {
  const { mean, std } = paperSize!;
  const controls = movesControls(rows, 'darts');
  const resolution = leastStep(rows.map(sizeOf));
  return [
    {
      ...gatedBy(controls.slice(0, 1)),
      id: 'size/darts',
      text: `The networks that ZARTS finds have about ${fixed(mean, 1)} M parameters.`,
      statistic: 'millions of parameters at 20 cells and 36 channels',
      among: isZarts,
      value: ([row]) => sizeOf(row),
      region: { between: [mean - std, mean + std] },
      resolution,
      ...absolute(budget),
      detail: `"About" is the paper's own spread over its searches, ±${fixed(std, 2)} M.`,
    },
    {
      ...gatedBy(controls),
      id: 'larger-than-darts/darts',
      secondary: true,
      text: 'ZARTS finds networks with more parameters than DARTS does (our reading: fewer operations without).',
      statistic: 'millions of parameters, ZARTS less DARTS',
      value: lessDarts(sizeOf),
      region: { above: 0 },
      resolution,
    },
  ];
}
