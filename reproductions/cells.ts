/**
 * Cells that searches find, drawn, and what they consist of: Figs. 5 to 9, which differ in data set and search spaces alone.
 * Beside ZARTS-MGS each has DARTS, the method whose failure the figures are shown against.
 */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim, Question } from '../lib/analysis/claims.js';
import { cellStructure, chanceParameterFree, meanAgreement } from '../lib/analysis/genotypes.js';
import type { CellStructure } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { UsageError, ZartsError } from '../lib/errors.js';
import { countNetwork } from '../lib/evaluation/count.js';
import type { NetworkShape } from '../lib/evaluation/plan.js';
import { fullEvaluation } from '../lib/evaluation/presets.js';
import { comparisonDiagram, galleryDiagram } from '../lib/report/cell-diagram.js';
import type { GalleryLine } from '../lib/report/cell-diagram.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type { Column, Table } from '../lib/report/table.js';
import { FAMILY_COLORS, THEME } from '../lib/report/theme.js';
import { deviations, fullSearch, onDataset, withBudget } from '../lib/search/presets.js';
import { applySet, settablePaths, spaceName } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import { solverId } from '../lib/search/solver-id.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { OP_FAMILIES } from '../lib/spaces/primitives.js';
import type { OpFamily } from '../lib/spaces/primitives.js';
import { CELLS, spaceById } from '../lib/spaces/spaces.js';
import type { Cell, SpaceId } from '../lib/spaces/spaces.js';
import { estimateSeconds } from './cost.js';
import { checkSeeds } from './reproduction.js';
import type {
  MeasureContext,
  Measured,
  ProtocolOptions,
  Reproduction,
  SearchEnvironment,
} from './reproduction.js';
import { lackingImages, runSearches } from './searches.js';

/** The searches compared: the paper's default solver, and the baseline whose cells skips are said to dominate. */
const SOLVERS = ['mgs', 'darts-1st'] as const;
type CellSolver = (typeof SOLVERS)[number];

/** What a reader sees for a solver. */
const SOLVER_TITLES: Readonly<Record<CellSolver, string>> = { mgs: 'ZARTS', 'darts-1st': 'DARTS' };

/** Independent searches with each solver in each space; four is what the paper has. One has no spread and decides nothing. */
const SEEDS: Readonly<Record<Budget, number>> = { full: 4, laptop: 3, smoke: 1 };

/** The seed whose cells are drawn: chosen before any was seen, where the paper draws the best of its searches. */
const DRAWN_SEED = 0;

/** Kept edges of a cell in the spaces of the paper. */
const EDGES = 8;

/** Share of a cell's edges from which on a kind of operation dominates it. The paper gives no number; more than half is ours. */
const DOMINATES = 0.5;

/** What a figure is about. */
export interface CellFigure {
  /** "fig-5". */
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  readonly dataset: FileDatasetName;
  readonly spaces: readonly SpaceId[];
  /** The paper's numbers (data/paper/results.json). */
  readonly paper: Readonly<Record<string, number>>;
  /** Millions of parameters of the networks that the paper's searches found: mean and standard deviation. */
  readonly paperSize?: { readonly mean: number; readonly std: number };
}

/** One search of a figure, as measured. Plain JSON. */
export interface CellRun {
  readonly space: string;
  readonly solver: CellSolver;
  readonly seed: number;
  /** The run's key in the store. */
  readonly key: string;
  readonly genotype: Genotype;
  /** Parameters of the network that the paper would train from these cells ({@link networkOf}). */
  readonly parameters: number;
  /** Seconds of computing where it was made. */
  readonly seconds: number;
  /** Which of the result's environments it was made in. */
  readonly environment: number;
}

/** What a figure measures. Plain JSON. */
export interface CellRuns extends Measured {
  readonly environments: readonly SearchEnvironment[];
  readonly budget: Budget;
  /** The data set as people call it. */
  readonly dataset: string;
  readonly spaces: readonly string[];
  readonly runs: readonly CellRun[];
}

/**
 * The network that the paper trains from cells found in a space on a data set, whose size is counted (lib/evaluation:
 * Table 3's for the DARTS space, Table 2's for S1–S4).
 */
export function networkOf(dataset: FileDatasetName, space: string): NetworkShape {
  // The size does not depend on the cells.
  const anyGenotype = KNOWN_GENOTYPES.DARTS_V2;
  const preset = space === 'darts' ? 'darts-space' : 'table-2';
  const { network } = fullEvaluation(anyGenotype, { preset, dataset, space });
  if (network.kind !== 'genotype') throw new ZartsError(`The evaluation ${preset} has no cells.`);
  const { form, cells, channels } = network;
  return { form, cells, channels, classes: FILE_DATASETS[dataset].classes.length };
}

/** Side of the images of the three data sets in pixels. */
const IMAGE = { height: 32, width: 32 } as const;

/** A figure of cells: a reproduction that has drawings. */
export type CellReproduction = Reproduction<CellRuns> & Required<Pick<Reproduction<CellRuns>, 'drawings'>>;

/** The reproduction of a figure of cells. */
export function cellFigure(figure: CellFigure): CellReproduction {
  const { id, title, claim, paper } = figure;
  return {
    id,
    title,
    claim,
    paper,
    protocols: (options) => protocols(figure, options),
    deviations: (runs) => figureDeviations(runs),
    seconds: (runs) => seconds(runs),
    measure: (runs, context) => measure(figure, runs, context),
    tables: (result) => tables(figure, result),
    charts: (result) => charts(result),
    drawings: (result) => drawings(result),
    claims: (result) => claims(figure, result),
  };
}

/** The figure with fewer of its spaces, for a look at one of them. @throws {UsageError} for a space that it does not have. */
export function onlySpaces(figure: CellFigure, spaces: readonly SpaceId[]): CellReproduction {
  const missing = spaces.find((space) => !figure.spaces.includes(space));
  if (missing !== undefined || spaces.length === 0) {
    throw new UsageError(
      `${figure.id} has the spaces ${figure.spaces.join(', ')}; ${missing === undefined ? 'none was asked for' : `"${missing}" is not one of them`}.`,
    );
  }
  return cellFigure({ ...figure, spaces });
}

/**
 * The searches, space by space. A setting given by hand is applied to every search that has it: `solver.tau` to ZARTS alone.
 *
 * @throws {UsageError} for fewer than one seed, and for a setting that no search has or that is out of range.
 */
function protocols({ dataset, spaces }: CellFigure, options: ProtocolOptions): SearchProtocol[] {
  const { budget, preset = 'paper', seeds = SEEDS[budget], set = [] } = options;
  checkSeeds(seeds);
  // Presets say how ZARTS is read; DARTS is the same search under each.
  const bases = spaces.flatMap((space) =>
    SOLVERS.map((solver) => fullSearch(space, solver, solver === 'mgs' ? preset : 'paper')),
  );
  const small = bases.map((base) => withBudget(onDataset(base, dataset), budget));
  const had = (protocol: SearchProtocol, assignment: string): boolean =>
    settablePaths(protocol).includes(assignment.split('=')[0].trim());
  const own = (protocol: SearchProtocol): string[] =>
    set.filter((each) => had(protocol, each) || !small.some((other) => had(other, each)));
  // A supernet is compiled once for all searches on it that follow each other.
  return spaces.flatMap((space) =>
    Array.from({ length: seeds }, (_, seed) =>
      small
        .filter((protocol) => protocol.space === space)
        .map((protocol) => applySet(protocol, `seed=${seed}`, ...own(protocol))),
    ).flat(),
  );
}

/** What a protocol of a figure is called: "S2, DARTS". */
function searchTitle(protocol: SearchProtocol): string {
  return `${spaceTitle(spaceName(protocol))}, ${SOLVER_TITLES[solverOf(protocol)]}`;
}

function spaceTitle(space: string): string {
  return space === 'darts' ? 'DARTS space' : space.toUpperCase();
}

function solverOf(protocol: SearchProtocol): CellSolver {
  const id = solverId(protocol);
  const known = SOLVERS.find((solver) => solver === id);
  if (!known) throw new UsageError(`These figures compare ${SOLVERS.join(' and ')}, not ${id}.`);
  return known;
}

/** What the searches do otherwise than the paper's. What only some of them do is said of those. */
function figureDeviations(runs: readonly SearchProtocol[]): string[] {
  const groups = runs
    .filter(({ seed }) => seed === runs[0].seed)
    .map((run) => ({ title: searchTitle(run), solver: solverOf(run), sentences: deviations(run) }));
  // The same setting is the same deviation, whatever paper each solver's own value comes from.
  const subject = (sentence: string): string => sentence.split(';')[0];
  const sentences = new Map<string, string>();
  for (const sentence of groups.flatMap((group) => group.sentences)) {
    const about = subject(sentence);
    const whose = groups.filter((each) => each.sentences.some((other) => subject(other) === about));
    const solvers = new Set(whose.map(({ solver }) => solver));
    const ofSolvers = groups.filter(({ solver }) => solvers.has(solver));
    const names =
      whose.length === ofSolvers.length
        ? [...solvers].map((solver) => SOLVER_TITLES[solver])
        : whose.map(({ title }) => title);
    const prefix = whose.length === groups.length ? '' : `${names.join('; ')}: `;
    if (!sentences.has(about)) sentences.set(about, `${prefix}${sentence}`);
  }
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  return [
    ...sentences.values(),
    ...(seeds === SEEDS.full
      ? []
      : [
          `${seeds} search${seeds === 1 ? '' : 'es'} with each solver in each space; the paper has ${SEEDS.full}.`,
        ]),
    `The cells drawn are those of seed ${DRAWN_SEED}, chosen before any was seen; the paper draws those whose network had the lowest error.`,
    'The networks are not trained: their parameters are counted, their errors are not measured.',
    "The paper's figures show ZARTS alone; DARTS, searched by its first order, is ours to compare with.",
  ];
}

/** Each space has a supernet of its own to compile. */
function seconds(runs: readonly SearchProtocol[]): number {
  const spaces = [...new Set(runs.map(spaceName))];
  return spaces.reduce(
    (sum, space) => sum + estimateSeconds(runs.filter((run) => spaceName(run) === space)),
    0,
  );
}

async function measure(
  figure: CellFigure,
  runs: readonly SearchProtocol[],
  context: MeasureContext,
): Promise<CellRuns> {
  if (runs.length === 0) throw new UsageError(`${context.title}: there is nothing to run.`);
  const [{ budget }] = runs;
  const about = {
    budget,
    dataset: FILE_DATASETS[figure.dataset].title,
    spaces: [...new Set(runs.map(spaceName))],
  };
  const lacking = await lackingImages(figure.id, runs[0], context);
  if (lacking !== undefined) return { ...about, environments: [], runs: [], lacking };
  const { environments, searches } = await runSearches(runs, context, {
    label: (protocol) => `${searchTitle(protocol)}, seed ${protocol.seed}`,
  });
  return {
    ...about,
    environments,
    runs: searches.map(({ protocol, key, result, seconds, environment }) => {
      const space = spaceName(protocol);
      const { network } = countNetwork(result.genotype, networkOf(figure.dataset, space), IMAGE);
      return {
        space,
        solver: solverOf(protocol),
        seed: protocol.seed,
        key,
        genotype: result.genotype,
        parameters: network.parameters,
        seconds,
        environment,
      };
    }),
  };
}

/** The runs of each space and solver, in display order; seeds ascending. */
function groupsOf({ spaces, runs }: CellRuns): { space: string; solver: CellSolver; runs: CellRun[] }[] {
  return spaces
    .flatMap((space) => SOLVERS.map((solver) => ({ space, solver, runs: runsOf(runs, space, solver) })))
    .filter((group) => group.runs.length > 0);
}

function runsOf(runs: readonly CellRun[], space: string, solver: CellSolver): CellRun[] {
  return runs.filter((run) => run.space === space && run.solver === solver).sort((a, b) => a.seed - b.seed);
}

const CELL_TITLES: Readonly<Record<Cell, string>> = { normal: 'normal', reduce: 'reduction' };

/** Heads of the columns that count operations. */
const FAMILY_TITLES: Readonly<Record<OpFamily, string>> = {
  convolution: 'convolutions',
  pooling: 'pooling',
  skip: 'skips',
  noise: 'noise',
  zero: 'zero',
};

/** Families that occur, in display order. */
function familiesIn({ runs }: CellRuns): OpFamily[] {
  const structures = runs.flatMap(({ genotype }) => CELLS.map((cell) => cellStructure(genotype, cell)));
  return OP_FAMILIES.filter((family) => structures.some(({ families }) => families[family] > 0));
}

function tables(figure: CellFigure, result: CellRuns): Table[] {
  if (result.runs.length === 0) return [];
  const { dataset, budget } = result;
  const families = familiesIn(result);
  const spread = (values: readonly number[], digits: number): string => plusMinus(summarize(values), digits);
  return [
    {
      title: `What the cells found on ${dataset} consist of (budget ${budget}), mean ± standard deviation over seeds`,
      columns: [
        ...spaceColumn(result),
        { key: 'solver', title: 'search' },
        { key: 'cell', title: 'cell' },
        { key: 'seeds', title: 'seeds', align: 'right' },
        ...families.map((key) => ({ key, title: FAMILY_TITLES[key], align: 'right' as const })),
        { key: 'free', title: 'parameter-free (%)', align: 'right' },
        { key: 'chance', title: 'by chance (%)', align: 'right' },
        { key: 'depth', title: 'depth', align: 'right' },
      ],
      rows: groupsOf(result).flatMap(({ space, solver, runs }) =>
        CELLS.map((cell) => {
          const cells = runs.map(({ genotype }) => cellStructure(genotype, cell));
          const over = (value: (structure: CellStructure) => number, digits: number): string =>
            spread(cells.map(value), digits);
          return {
            space: spaceTitle(space),
            solver: SOLVER_TITLES[solver],
            cell: CELL_TITLES[cell],
            seeds: runs.length,
            ...Object.fromEntries(
              families.map((family) => [family, over((structure) => structure.families[family], 1)]),
            ),
            free: over(({ parameterFree }) => 100 * parameterFree, 0),
            chance: fixed(100 * chanceParameterFree(spaceById(space), cell), 0),
            depth: over(({ depth }) => depth, 1),
          };
        }),
      ),
      notes: [
        `Of ${EDGES} edges a cell. Parameter-free: skips at stride 1, pooling and noise; by chance: of a genotype drawn at random.`,
        'Depth: connections on the longest path from an input to the output.',
      ],
    },
    sizeTable(figure, result),
  ];
}

/** A column for the space, where there is more than one. */
function spaceColumn({ spaces }: CellRuns): Column[] {
  return spaces.length > 1 ? [{ key: 'space', title: 'space' }] : [];
}

function sizeTable({ dataset, paper, paperSize }: CellFigure, result: CellRuns): Table {
  const { paramsM, error } = paper as Readonly<Record<string, number | undefined>>;
  const networks = new Set(result.spaces.map((space) => networkTitle(dataset, space)));
  return {
    title: 'The networks that the paper would train from these cells',
    columns: [
      ...spaceColumn(result),
      { key: 'solver', title: 'search' },
      ...(networks.size > 1 ? [{ key: 'network', title: 'network' }] : []),
      { key: 'parameters', title: 'parameters (M)', align: 'right' as const },
      { key: 'agreement', title: 'agreement', align: 'right' as const },
    ],
    rows: groupsOf(result).map(({ space, solver, runs }) => ({
      space: spaceTitle(space),
      solver: SOLVER_TITLES[solver],
      network: networkTitle(dataset, space),
      parameters: plusMinus(summarize(runs.map(({ parameters }) => parameters / 1e6)), 2),
      agreement: fixed(meanAgreement(runs.map(({ genotype }) => genotype)), 2),
    })),
    notes: [
      `Parameters are counted exactly${networks.size > 1 ? '' : ` (${[...networks].join()})`}. Agreement: share of kept edges, with their operations, that two seeds have in common.`,
      ...(paramsM === undefined || error === undefined || paperSize === undefined
        ? []
        : [
            `The paper's own, from its full searches: ${fixed(paramsM, 1)} M parameters and ${fixed(error, 2)} % error in the figure; ${plusMinus(paperSize, 2)} M over its searches (Table 3).`,
          ]),
    ],
  };
}

function networkTitle(dataset: FileDatasetName, space: string): string {
  const { cells, channels } = networkOf(dataset, space);
  return `${cells} cells, ${channels} channels`;
}

/** The cells of the drawn seed: ZARTS in one picture, DARTS in another; or what is lacking. */
function drawings(result: CellRuns): Drawing[] {
  const { dataset, budget, spaces, runs, lacking } = result;
  return SOLVERS.flatMap((solver): Drawing[] => {
    // What is lacking is said once.
    if (lacking !== undefined && solver !== SOLVERS[0]) return [];
    const lines = spaces.flatMap((space): GalleryLine[] => {
      const run = runsOf(runs, space, solver)[0] as CellRun | undefined;
      if (lacking !== undefined) return [{ name: spaceTitle(space), sentence: lacking }];
      return run ? [{ name: spaceTitle(space), genotype: run.genotype }] : [];
    });
    if (lines.length === 0) return [];
    const title = `Cells that ${SOLVER_TITLES[solver]} found on ${dataset}`;
    const seed = runs.find((run) => run.solver === solver)?.seed;
    const subtitles = seed === undefined ? [] : [`budget ${budget}, seed ${seed}`];
    const name = solver === 'mgs' ? 'zarts' : 'darts';
    return [{ name, title, svg: galleryDiagram(title, lines, subtitles) }];
  });
}

/** A figure's result under a name of its own. */
export interface NamedRuns {
  readonly name: string;
  readonly result: CellRuns;
}

/** What ZARTS found in two results, cell against cell, in each space that both have: the first seed of each. */
export function comparedDrawings(a: NamedRuns, b: NamedRuns): Drawing[] {
  return a.result.spaces.flatMap((space) => {
    const [one, other] = [a, b].map(({ name, result }) =>
      runsOf(result.runs, space, 'mgs')
        .slice(0, 1)
        .map(({ genotype }) => ({ name: `${spaceTitle(space)}, ${name}`, genotype })),
    );
    if (one.length === 0 || other.length === 0) return [];
    return [
      {
        name: `compared-${space}`,
        title: `${one[0].name}, and ${other[0].name}`,
        svg: comparisonDiagram(one[0], other[0]),
      },
    ];
  });
}

function charts(result: CellRuns): Chart[] {
  if (result.runs.length === 0) return [];
  const { dataset, budget } = result;
  const title = `Operations in the cells found on ${dataset} (budget ${budget})`;
  return [{ name: 'operations', title, spec: operationsChart(result, title) }];
}

/** Mean number of edges by kind of operation: a bar a search, stacked; a column a space, a row a kind of cell. */
function operationsChart(result: CellRuns, title: string): Chart['spec'] {
  const families = familiesIn(result);
  const rows = groupsOf(result).flatMap(({ space, solver, runs }) =>
    CELLS.flatMap((cell) =>
      families.map((family) => {
        const edges = runs.map(({ genotype }) => cellStructure(genotype, cell).families[family]);
        return {
          space: spaceTitle(space),
          search: SOLVER_TITLES[solver],
          cell: `${CELL_TITLES[cell]} cell`,
          operation: FAMILY_TITLES[family],
          order: families.indexOf(family),
          edges: Number(summarize(edges).mean.toPrecision(6)),
          seeds: runs.length,
        };
      }),
    ),
  );
  const searches = SOLVERS.map((solver) => SOLVER_TITLES[solver]);
  return {
    $schema: VEGA_LITE_SCHEMA,
    description: title,
    title: { text: title, subtitle: 'edges a cell, mean over seeds' },
    config: THEME,
    data: { values: rows },
    facet: {
      column: { field: 'space', type: 'nominal', sort: result.spaces.map(spaceTitle), title: null },
      row: {
        field: 'cell',
        type: 'nominal',
        sort: CELLS.map((cell) => `${CELL_TITLES[cell]} cell`),
        title: null,
      },
    },
    spec: {
      width: 110,
      height: 150,
      mark: { type: 'bar', stroke: '#ffffff', strokeWidth: 1 },
      encoding: {
        x: {
          field: 'search',
          type: 'nominal',
          sort: searches,
          title: null,
          axis: { labelAngle: 0 },
        },
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
          { field: 'space' },
          { field: 'search' },
          { field: 'cell' },
          { field: 'operation' },
          { field: 'edges', format: '.2f' },
          { field: 'seeds' },
        ],
      },
    },
  };
}

function claims(figure: CellFigure, result: CellRuns): Claim[] {
  const { spaces, lacking } = result;
  const statements = spaces.flatMap((space) => [
    dominationStatement(result, space),
    ...(space === 's2' || space === 's3' ? [skipStatement(result, space)] : []),
    ...(space === 'darts' ? sizeStatements(figure, result, space) : []),
  ]);
  return statements.map((question) => {
    const { id, text, statistic } = question;
    return lacking === undefined ? judge(question) : undecided({ id, text, statistic, detail: lacking });
  });
}

/** What dominates a failed cell of each space: S4 has noise where the others have skip connections. */
function dominationStatement(result: CellRuns, space: string): Question {
  const kinds: Readonly<Record<string, string>> = {
    s2: 'skip connections',
    s3: 'skip connections',
    s4: 'noise',
  };
  const kind = kinds[space] ?? 'skip connections and pooling';
  return {
    id: `not-dominated/${space}`,
    text: `The normal cells that ZARTS finds in ${the(space)} are not dominated by ${kind}.`,
    statistic: `share of the normal cell's edges without parameters (${kind})`,
    values: runsOf(result.runs, space, 'mgs').map(
      ({ genotype }) => cellStructure(genotype, 'normal').parameterFree,
    ),
    region: { below: DOMINATES },
    resolution: 1 / EDGES,
    detail: `The paper gives no number; more than half of the edges counts as dominated. A genotype drawn at random has ${fixed(chanceParameterFree(spaceById(space), 'normal'), 2)}.`,
  };
}

function the(space: string): string {
  return space === 'darts' ? 'the DARTS space' : space.toUpperCase();
}

/** One number a seed: ZARTS less DARTS, for the seeds that both have. */
function lessDarts(result: CellRuns, space: string, value: (run: CellRun) => number): number[] {
  const darts = new Map(runsOf(result.runs, space, 'darts-1st').map((run) => [run.seed, value(run)]));
  return runsOf(result.runs, space, 'mgs').flatMap((run) => {
    const other = darts.get(run.seed);
    return other === undefined ? [] : [value(run) - other];
  });
}

function skipStatement(result: CellRuns, space: string): Question {
  return {
    id: `fewer-skips/${space}`,
    text: `In ${the(space)}, ZARTS finds normal cells with fewer skip connections than DARTS does.`,
    statistic: 'skip connections in the normal cell, ZARTS less DARTS',
    values: lessDarts(result, space, ({ genotype }) => cellStructure(genotype, 'normal').families.skip),
    region: { below: 0 },
    resolution: 1,
    detail: 'Seed by seed: both start from the same weights and images.',
  };
}

function sizeStatements({ paperSize }: CellFigure, result: CellRuns, space: string): Question[] {
  const smaller: Question = {
    id: `larger-than-darts/${space}`,
    text: 'ZARTS finds networks with more parameters than DARTS does (our reading: fewer operations without).',
    statistic: 'millions of parameters, ZARTS less DARTS',
    values: lessDarts(result, space, ({ parameters }) => parameters / 1e6),
    region: { above: 0 },
  };
  if (paperSize === undefined) return [smaller];
  const { mean, std } = paperSize;
  return [
    {
      id: `size/${space}`,
      text: `The networks that ZARTS finds have about ${fixed(mean, 1)} M parameters.`,
      statistic: 'millions of parameters at 20 cells and 36 channels',
      values: runsOf(result.runs, space, 'mgs').map(({ parameters }) => parameters / 1e6),
      region: { between: [mean - std, mean + std] },
      detail: `"About" is the paper's own spread over its searches, ±${fixed(std, 2)} M.${result.budget === 'full' ? '' : ` Those are full searches; these have budget ${result.budget}.`}`,
    },
    smaller,
  ];
}
