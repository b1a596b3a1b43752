/**
 * Landscapes of trained supernets: what Figs. 1 and 3 share. Both ask for the same runs where they need the same landscape,
 * so that the run store computes it once.
 */
import type { Answer } from '../lib/analysis/claims.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import type { Summary } from '../lib/analysis/statistics.js';
import { decimalsFor, fixed } from '../lib/report/format.js';
import { landscapeChart } from '../lib/report/landscape-chart.js';
import type { Chart } from '../lib/report/spec.js';
import { surface } from '../lib/report/surface.js';
import type { Surface, SurfacePanel } from '../lib/report/surface.js';
import type { Table } from '../lib/report/table.js';
import type {
  LandscapeNormalization,
  LandscapeProtocol,
  PathSolver,
} from '../lib/search/landscape-protocol.js';
import { deviations, fullSearch } from '../lib/search/presets.js';
import type { SourcedSetting } from '../lib/search/presets.js';
import { halfSize, isZeroOrder, spaceName } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { solverId } from '../lib/search/solvers.js';
import { seedsOf, sentences, several } from './deviations.js';
import { cellsOfKind, distinct, groupBy, perSeed, rowsOfKind } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { comparedSearch } from './methods.js';
import { figureNumber } from './paper.js';
import { SPACE } from './sweep.js';
import type { SpaceGrid } from './sweep.js';
import { counted, label, leading, spread, stateText, summaryTable } from './tables.js';
import { gatedBy, rangeText } from './together.js';
import type { Control } from './together.js';

/** What a reader sees for a run: the estimate of ω* that a landscape is read at, or what moves along a path. */
type LandscapeAxes = Readonly<Record<'title', string>>;
type OnLandscape = 'landscape' | 'condition' | 'spectrum' | 'path';

/** A run that needs a landscape, in the grid. */
export type OnLandscapeCell = Cell<OnLandscape, LandscapeAxes>;
/** Its numbers. */
export type OnLandscapeRow = Row<OnLandscape, LandscapeAxes>;
/** What is shown of such runs. */
export type LandscapeView = View<OnLandscape, LandscapeAxes>;

/** What the paper's figures have, and where it does not say, the released scripts. */
const FULL = {
  points: figureNumber('1', 'impliedGridPointsPerAxis'),
  extent: figureNumber('1', 'gridMax'),
  iterations: figureNumber('1', 'fineTuneIterations'),
  updates: figureNumber('1', 'pathIterations'),
  batches: Infinity,
  /** K of Eq. 11. */
  perturbations: 50,
  /** The most Hessian–vector products for a spectrum. */
  products: 60,
};

/** How much of everything a budget affords. */
const SIZES: Readonly<Record<Budget, typeof FULL>> = {
  full: FULL,
  // So far that the minima of pilots' losses lay inside (PILOTS.md).
  laptop: { ...FULL, points: 13, extent: 5 },
  smoke: { ...FULL, points: 5, iterations: 2, updates: 3, batches: 2, perturbations: 5, products: 8 },
};

/** Which ω*(α) a landscape is read at. */
type Estimate = LandscapeProtocol['omega']['kind'];

/** One seed's landscape at M fine-tuning steps: the one that all others are derived from. */
export function landscapeBase(grid: SpaceGrid, seed: number): LandscapeProtocol {
  const { budget, preset = 'paper', chosen } = grid;
  // A search that figures and tables of cells have too.
  const supernet = { ...comparedSearch('darts-1st', chosen.space, 'cifar10', budget, preset), seed };
  const { points, extent, iterations, batches } = SIZES[budget];
  const half = Math.floor(halfSize(supernet) / supernet.batchSize);
  return grid.landscape({
    version: 2,
    kind: 'landscape',
    budget,
    seed,
    supernet,
    directions: 'orthonormal',
    points,
    extent,
    omega: { kind: 'finetuned', iterations, lr: 'scheduled', momentum: 'zero', split: 'train' },
    normalization: 'batch',
    validationBatches: batches === Infinity ? 'all' : Math.min(batches, half),
  });
}

/** The same landscape at another ω*. */
export function atEstimate(base: LandscapeProtocol, estimate: Estimate): LandscapeProtocol {
  const lr = 'lr' in base.omega ? base.omega.lr : 'scheduled';
  if (estimate === 'finetuned') return base;
  if (estimate === 'current') return { ...base, omega: { kind: 'current' } };
  return { ...base, omega: { kind: 'unrolled', lr, momentum: false, weightDecay: false } };
}

/** What a reader sees for an estimate of ω*. */
function estimateTitle({ omega }: LandscapeProtocol): string {
  if (omega.kind === 'current') return 'ω as it is (first order)';
  return omega.kind === 'unrolled' ? 'one step of ω (second order)' : `ω fine-tuned, M = ${omega.iterations}`;
}

/** A landscape as a run in the grid. */
export function landscapeCell(landscape: LandscapeProtocol): OnLandscapeCell {
  return { axes: { title: estimateTitle(landscape) }, run: { kind: 'landscape', landscape } };
}

/** ‖Δ‖ of Eq. 11 as in the released script; the paper does not state it. */
const RADIUS = 0.01;

/** The condition number at a landscape's center (Eq. 11), and the largest eigenvalues of ∇²_α L_val there. */
export function curvatureCells(landscape: LandscapeProtocol): OnLandscapeCell[] {
  const { budget, seed } = landscape;
  const { perturbations, products } = SIZES[budget];
  const axes = { title: estimateTitle(landscape) };
  const shared = { version: 1, budget, seed, landscape } as const;
  const condition = { ...shared, kind: 'condition', perturbations, radius: RADIUS } as const;
  const spectrum = { ...shared, kind: 'spectrum', products, values: 5 } as const;
  return [
    { axes, run: { kind: 'condition', condition } },
    { axes, run: { kind: 'spectrum', spectrum } },
  ];
}

/**
 * Step sizes of DARTS' gradient descent: 1, which MGS' step amounts to with a constant density and σ² well below τ (and the
 * ξ that RS has here), the released script's 3e-4, and what lies around.
 */
const DARTS_STEPS = [3e-4, 0.1, 1, 10];

/** The step that the figure shows. */
export const DARTS_STEP = 1;

/**
 * The solvers of Fig. 1c with their step sizes, which the paper does not state. Where no preset is asked for, MGS moves with
 * the density as printed and, beside it, with a constant one: as printed its steps hardly depend on the loss.
 */
function pathSolvers({ preset, chosen: { space } }: SpaceGrid): PathSolver[] {
  const searches = [
    ...['rs', 'mgs', 'gld'].map((id) => fullSearch(space, id, preset ?? 'paper')),
    ...(preset ? [] : [fullSearch(space, 'mgs', 'flat')]),
  ];
  const zeroOrder = searches.flatMap(({ solver }): PathSolver[] => {
    if (!isZeroOrder(solver)) return [];
    if (solver.kind === 'mgs') return [{ ...solver, sigmaSchedule: 'constant' }];
    return [solver.kind === 'rs' && preset !== 'released' ? { ...solver, xi: DARTS_STEP } : solver];
  });
  return [...DARTS_STEPS.map((step): PathSolver => ({ kind: 'gradient', step })), ...zeroOrder];
}

/** What a reader sees for what moves α. */
function pathTitle(solver: PathSolver): string {
  if (solver.kind === 'gradient') return `DARTS, step ${solver.step}`;
  const other = solver.kind === 'mgs' && solver.density !== 'literal' ? `, ${solver.density} density` : '';
  return `ZARTS-${solver.kind.toUpperCase()}${other}`;
}

/** The paths on a landscape. They start where the released script's do, in units of the extent. */
export function pathCells(grid: SpaceGrid, landscape: LandscapeProtocol): OnLandscapeCell[] {
  const { budget, seed, extent } = landscape;
  return pathSolvers(grid).map((solver) => {
    const path = grid.path({
      version: 1,
      kind: 'path',
      budget,
      seed,
      landscape,
      solver,
      updates: SIZES[budget].updates,
      weightSteps: 1,
      start: { x: -0.5 * extent, y: 0.5 * extent },
    });
    return { axes: { title: pathTitle(path.solver) }, run: { kind: 'path', path } };
  });
}

/** What the runs do otherwise than the paper's. */
function deviationsOf(cells: readonly OnLandscapeCell[]): string[] {
  const landscapes = cellsOfKind(cells, 'landscape').map(({ run }) => run.landscape);
  const path = cellsOfKind(cells, 'path').at(0)?.run.path;
  const [{ supernet, points, extent, validationBatches }] = landscapes;
  const [M] = landscapes.flatMap(({ omega }) => (omega.kind === 'finetuned' ? [omega.iterations] : []));
  return sentences(
    supernet.space !== 'darts' &&
      `The supernet is one of ${spaceName(supernet).toUpperCase()}; the paper's is one of the DARTS space.`,
    deviations(supernet).map((sentence) => `The supernet's search: ${sentence}`),
    points !== FULL.points &&
      `The grid has ${points}×${points} points; the paper's interval of ${figureNumber('1', 'gridInterval')} makes it ${FULL.points}×${FULL.points}.`,
    extent !== FULL.extent &&
      `The grid reaches from ${-extent} to ${extent}; the paper's from ${-FULL.extent} to ${FULL.extent}.`,
    M !== FULL.iterations && `M is ${M}; the paper has ${FULL.iterations}.`,
    validationBatches !== 'all' &&
      `L_val is the mean over ${validationBatches} fixed batches of ${supernet.batchSize} images of the validation half, not over all of it.`,
    `${several(seedsOf(cells), 'supernet')}, each with directions of its own; the paper shows one.`,
    (path?.updates ?? FULL.updates) !== FULL.updates &&
      `Paths have ${path!.updates} updates; the paper's have ${FULL.updates}.`,
    path !== undefined &&
      'Paths are followed in the plane of the figure, whose directions are orthonormal: α moves nowhere else. The released script projects steps onto directions that are not.',
  );
}

/** Settings that the paper leaves open: of landscapes, of their curvature, and of one seed's paths. */
function openSettingsOf(cells: readonly OnLandscapeCell[]): SourcedSetting[] {
  const open = (group: string, values: object, source: SourcedSetting['source'] = 'ours') =>
    Object.entries(values).map(([name, value]) => ({
      path: `${group}.${name}`,
      value: value as unknown,
      source,
    }));
  const [{ landscape }] = cellsOfKind(cells, 'landscape').map(({ run }) => run);
  const { normalization, validationBatches, directions, supernet, seed } = landscape;
  const shared = [
    ...open('landscape', { normalization, validationBatches, directions }),
    ...open('supernet', { solver: solverId(supernet) }),
  ];
  const paths = cellsOfKind(cells, 'path').flatMap(({ run: { path } }) => (path.seed === seed ? [path] : []));
  if (paths.length === 0) return shared;
  const [{ perturbations, radius }] = cellsOfKind(cells, 'condition').map(({ run }) => run.condition);
  const [{ products }] = cellsOfKind(cells, 'spectrum').map(({ run }) => run.spectrum);
  const [{ start, weightSteps }] = paths;
  const steps = paths.flatMap(({ solver }) => (solver.kind === 'gradient' ? [solver.step] : []));
  return [
    ...shared,
    ...open('condition', { perturbations, radius }, 'released scripts'),
    ...open('spectrum', { products }),
    ...open('path', { start: [start.x, start.y] }, 'released scripts'),
    ...open('path', { weightSteps, 'darts.steps': steps }),
    ...paths.flatMap(({ solver: { kind, ...rest } }) => {
      const flat = 'density' in rest && rest.density === 'flat' ? '-flat' : '';
      return kind === 'gradient' ? [] : open(`path.${kind}${flat}`, rest);
    }),
  ];
}

/** Supernets: flatness that differs by a twentieth is told apart by about a dozen. */
const SEEDS: Readonly<Record<Budget, number>> = { full: 3, laptop: 11, smoke: 2 };

/** What Figs. 1 and 3 have in common. Each seed is a supernet with directions and batches of its own; the paper shows one. */
export const ON_LANDSCAPES = {
  seeds: SEEDS,
  choices: { space: SPACE },
  deviations: deviationsOf,
  openSettings: openSettingsOf,
};

/** What a figure shows of landscapes. @typeParam More  What its tables are told besides. */
interface Shown<More extends readonly unknown[]> {
  readonly tables: (view: LandscapeView, ...more: More) => Table[];
  readonly charts: (view: LandscapeView) => Chart[];
  readonly surfaces: (view: LandscapeView) => Surface[];
  readonly claims: (view: LandscapeView) => Answer[];
}

/** A figure of those seeds alone whose runs are all of one supernet; its tables are told, in sentences, which are left out. */
export function onOneSupernet({
  tables,
  charts,
  surfaces,
  claims,
}: Shown<[notes: readonly string[]]>): Shown<[]> {
  return {
    tables(all) {
      const { view, notes } = ofOneSupernet(all);
      return tables(view, notes);
    },
    charts: (all) => charts(ofOneSupernet(all).view),
    surfaces: (all) => surfaces(ofOneSupernet(all).view),
    claims: (all) => claims(ofOneSupernet(all).view),
  };
}

/**
 * The seeds whose runs are all of one supernet. A search that is run again for its weights, its result having been imported from a machine
 * that computes other bits, ends in another one.
 */
function ofOneSupernet(view: LandscapeView): {
  readonly view: LandscapeView;
  readonly notes: readonly string[];
} {
  const seeds = groupBy(view.rows, 'seed');
  const mixed = seeds.filter((own) => distinct(own.rows.flatMap(({ bits }) => bits ?? [])).length > 1);
  if (mixed.length === 0) return { view, notes: [] };
  const left = mixed.map(({ key }) => key.seed);
  return {
    view: { ...view, rows: view.rows.filter(({ seed }) => !left.includes(seed)) },
    notes: [
      `Left out: seed ${left.join(', ')}, whose runs are of two supernets, being from machines that compute other bits. In a run store of its own (ZARTS_HOME) all are made here.`,
    ],
  };
}

// ---- Numbers of one seed's rows ----

/** The landscape at an estimate; undefined if it was not measured. */
export function landscapeAt(
  rows: readonly OnLandscapeRow[],
  estimate: Estimate,
  normalization: LandscapeNormalization = 'batch',
): Row<'landscape', LandscapeAxes> | undefined {
  return rowsOfKind(rows, 'landscape').find(
    (row) => row.estimate === estimate && row.normalization === normalization,
  );
}

/** ln of the ratio of two landscapes' mean slopes; below 0 where the first is flatter. */
export function slopeRatio(
  rows: readonly OnLandscapeRow[],
  estimate: Estimate,
  against: Estimate,
  normalization: LandscapeNormalization = 'batch',
): number | undefined {
  const [a, b] = [estimate, against].map((each) => landscapeAt(rows, each, normalization));
  return a && b && Math.log(a.sharpness.slope / b.sharpness.slope);
}

/** Distance of two places in the plane. */
export function distance(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

// ---- Controls ----

/** The share of landscapes whose smallest loss may lie on the edge of the plane. */
const ON_EDGE = 1 / 4;

/** That landscapes' minima lie inside the plane: on its edge they tell nothing of where the smallest loss is. */
function insideControl(rows: readonly OnLandscapeRow[]): Control {
  const text = `The smallest loss lies inside the plane, on no more than a quarter of the landscapes at its edge`;
  const own = rowsOfKind(rows, 'landscape').filter(({ normalization }) => normalization === 'batch');
  if (own.length === 0) return { text, found: 'no landscape is here', passed: undefined };
  const edge = own.filter(({ minimum, grid: { xs, ys } }) =>
    [minimum.x === xs[0], minimum.x === xs.at(-1), minimum.y === ys[0], minimum.y === ys.at(-1)].includes(
      true,
    ),
  );
  const found = `${edge.length} of ${own.length} at the edge`;
  return { text, found, passed: edge.length <= ON_EDGE * own.length };
}

/** That fine-tuning does what it is for. */
function tuningControl(rows: readonly OnLandscapeRow[]): Control {
  const text = 'M steps of fine-tuning lower the loss, on the mean over the plane';
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const falls = perSeed(rows, (own) => {
    const [current, tuned] = (['current', 'finetuned'] as const).map((each) => landscapeAt(own, each));
    return current && tuned && mean(current.grid.losses.flat()) - mean(tuned.grid.losses.flat());
  });
  if (falls.length < 2) return { text, found: 'no two supernets are here', passed: undefined };
  const { interval } = summarize(falls);
  const told = (by: Summary): string => `by ${fixed(by.mean, 3)} (${rangeText(by.interval!, 3)}) nats`;
  // A grid of an even number of points has none at α.
  const atAlpha = perSeed(rows, (own) => {
    const [current, tuned] = (['current', 'finetuned'] as const).map((each) => {
      const losses = landscapeAt(own, each)?.grid.losses ?? [];
      const middle = (losses.length - 1) / 2;
      return losses[middle]?.[middle];
    });
    return current - tuned;
  });
  const beside = atAlpha.length < 2 ? '' : `; at α itself ${told(summarize(atAlpha))}`;
  const found = `${told(summarize(falls))}, ${falls.length} supernets${beside}`;
  return { text, found, passed: interval![0] > 0 };
}

/** What landscapes must show, and what a statement is told of it: that it cannot be seen here, or what showed that it can. */
export function landscapeControls(rows: readonly OnLandscapeRow[]) {
  const [inside, tuning] = [insideControl(rows), tuningControl(rows)];
  return {
    controls: [inside, tuning],
    inside: gatedBy([inside]),
    tuning: gatedBy([tuning]),
    both: gatedBy([inside, tuning]),
  };
}

// ---- Tables and charts ----

/** How the landscapes compare in numbers: a row for each estimate and normalization. */
export function sharpnessTable(view: LandscapeView): Table {
  const rows = rowsOfKind(view.rows, 'landscape').map((row) => {
    const own = view.rows.filter(({ seed }) => seed === row.seed);
    const first = landscapeAt(own, 'current', row.normalization);
    const shift = row.estimate !== 'current' && first ? distance(row.minimum, first.minimum) : null;
    return { ...row, shift };
  });
  return summaryTable<(typeof rows)[number]>(
    `Sharpness of the landscapes (${stateText(view)}), mean ± standard deviation over seeds`,
    groupBy(rows, 'title', 'normalization'),
    [
      label('ω*(α)', ({ title }) => title),
      label('batch norm', ({ normalization }) => normalization),
      counted('seeds'),
      spread('mean slope', ({ sharpness }) => sharpness.slope, 4),
      spread('range', ({ sharpness }) => sharpness.range, 4),
      spread('curvature, largest', ({ sharpness }) => sharpness.curvatures[0], 4),
      spread('smallest', ({ sharpness }) => sharpness.curvatures[1], 4),
      spread('quadratic fit', ({ sharpness }) => sharpness.fit, 2),
      spread('smallest loss', ({ minimum }) => minimum.loss, 3),
      spread('shift of the minimum', ({ shift }) => shift, 2),
    ],
    [
      'Slope: mean length of the gradient over the grid, in nats per unit; the denser the contours, the larger it is. Range: largest less smallest loss, in nats.',
      'Curvature: eigenvalues of the quadratic that fits the whole grid best, and the share of the variance that it explains. Shift: distance of the smallest loss from that of the landscape at ω as it is.',
    ],
  );
}

/** The condition numbers: a row for each estimate, as Eq. 11 has it and with α centered. */
export function conditionTable(view: LandscapeView): Table {
  const conditions = rowsOfKind(view.rows, 'condition');
  const count = Math.min(...conditions.map(({ changes }) => changes.length));
  const beyond = 1 - (1 - LEVEL) ** (1 / count);
  const forms = conditions.flatMap((row) => [
    { ...row, ...row.raw, form: 'as it is' },
    { ...row, ...row.centered, form: 'centered' },
  ]);
  return summaryTable<(typeof forms)[number]>(
    `Condition number Q at α (${stateText(view)}), mean ± standard deviation over seeds`,
    groupBy(forms, 'title', 'form'),
    [
      label('ω*(α)', ({ title }) => title),
      label('α', ({ form }) => form),
      counted('seeds'),
      leading('Q', ({ q }) => q),
      {
        title: '95 % interval of its mean',
        cell(rows) {
          const { mean, interval } = summarize(rows.map(({ q }) => q));
          return interval?.map((end) => fixed(end, decimalsFor(mean, 3))).join(' … ') ?? '–';
        },
      },
      leading('mean ratio', ({ mean }) => mean),
      leading('‖α‖', ({ alphaNorm }) => alphaNorm),
      leading('loss', ({ base }) => base),
    ],
    [
      `Q (Eq. 11): the largest, over ${count} random perturbations of length ${RADIUS}, of the loss's relative change over α's relative change; mean ratio: their mean. Every loss is read at the estimate's ω*, on the same images.`,
      `A largest value of ${count} is a lower bound: with 95 % confidence no more than ${fixed(100 * beyond, 1)} % of all perturbations of that length exceed it.`,
      'Centered: without the mean of each softmaxed group of α, which the network does not see but ‖α‖ has in it.',
    ],
  );
}

/** The largest eigenvalues of the Hessians: a row for each estimate. */
export function spectrumTable(view: LandscapeView): Table {
  type Spectrum = (typeof spectra)[number];
  const spectra = rowsOfKind(view.rows, 'spectrum');
  const ranks = distinct(spectra.flatMap(({ largest }) => largest.map((_, i) => i)));
  const products = Math.max(...spectra.map((each) => each.products));
  const bound = Math.max(...spectra.flatMap(({ largest }) => largest.map((each) => each.bound)));
  const late = spectra.filter(({ converged }) => !converged).length;
  return summaryTable<Spectrum>(
    `Largest eigenvalues of the Hessian of L_val in α (${stateText(view)}), mean ± standard deviation over seeds`,
    groupBy(spectra, 'title'),
    [
      label('ω, standing still', ({ title }) => title),
      counted('seeds'),
      ...ranks.map((i) =>
        leading<Spectrum>(i === 0 ? 'dominant' : `λ${'₁₂₃₄₅₆₇₈₉'[i]}`, ({ largest }) => largest.at(i)?.value),
      ),
      leading('smallest', ({ smallest }) => smallest.value),
    ],
    [
      `In nats per squared unit of α, by Lanczos’ method with at most ${products} Hessian–vector products, on the images of the landscape; every value lies within ${bound.toPrecision(2)} of an eigenvalue.${late === 0 ? '' : ` Of ${late} of ${spectra.length} Hessians that is more than the method’s tolerance: more products would be closer.`}`,
      'The Hessian is that of the loss with ω held where it is (as R-DARTS has it); the curvature of the landscape at M steps also has in it that ω follows α.',
    ],
  );
}

/** The rows of the first seed that has landscapes: what the figures show. */
export function firstSeed(rows: readonly OnLandscapeRow[]): OnLandscapeRow[] {
  const first = rows.find(({ kind }) => kind === 'landscape');
  return rows.filter(({ seed }) => seed === first?.seed);
}

function firstLandscapes({ rows }: LandscapeView, normalization: LandscapeNormalization) {
  return rowsOfKind(firstSeed(rows), 'landscape').filter((row) => row.normalization === normalization);
}

/** The first seed's landscapes side by side, with batch norms of one kind. */
export function landscapeCharts(
  view: LandscapeView,
  name: string,
  heading: string,
  normalization: LandscapeNormalization = 'batch',
): Chart[] {
  const shown = firstLandscapes(view, normalization);
  if (shown.length === 0) return [];
  const title = `${heading} (${stateText(view)})`;
  return [landscapeChart({ name, title, subtitle: `star: smallest loss; seed ${shown[0].seed}` }, shown)];
}

/** The same as surfaces, paths on the one that they belong to. */
export function landscapeSurfaces(
  view: LandscapeView,
  heading: string,
  paths: NonNullable<SurfacePanel['paths']> = [],
): Surface[] {
  const panels = firstLandscapes(view, 'batch').map((row) =>
    row.estimate === 'finetuned' ? { ...row, paths } : row,
  );
  return panels.length === 0 ? [] : [surface('surface', `${heading} (${stateText(view)})`, panels)];
}
