/**
 * Landscapes of trained supernets and the paths on them: what Figs. 1 and 3 are made of. Both ask for the same protocols
 * where they need the same landscape, so that the run store computes it once.
 */
import { gridMinimum, sharpness } from '../lib/analysis/landscape.js';
import { LEVEL, summarize } from '../lib/analysis/statistics.js';
import { UsageError } from '../lib/errors.js';
import { decimalsFor, fixed, plusMinus, plusMinusDigits } from '../lib/report/format.js';
import type { LandscapeWords } from '../lib/report/landscape-chart.js';
import type { Table } from '../lib/report/table.js';
import type { GridMinimum, LossGrid, Sharpness } from '../lib/analysis/landscape.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import {
  applyToLandscape,
  applyToPath,
  parseCondition,
  parseLandscape,
  parsePath,
  parseSpectrum,
} from '../lib/search/landscape-protocol.js';
import type {
  ConditionProtocol,
  LandscapeNormalization,
  LandscapeProtocol,
  PathProtocol,
  PathSolver,
  SpectrumProtocol,
} from '../lib/search/landscape-protocol.js';
import type { ConditionResult } from '../lib/search/condition.js';
import type { PathPoint } from '../lib/search/paths.js';
import type { SpectrumResult } from '../lib/search/spectrum.js';
import type * as Runs from '../lib/search/run.js';
import { deviations, fullSearch, withBudget } from '../lib/search/presets.js';
import type { OpenSetting } from '../lib/search/presets.js';
import { halfSize, isZeroOrder, spaceName } from '../lib/search/protocol.js';
import type { Budget, Preset } from '../lib/search/protocol.js';
import { solverId } from '../lib/search/solver-id.js';
import { createSolver } from '../lib/solvers/registry.js';
import { estimateSeconds, stepMs, STEP_MODEL } from './cost.js';
import { figureNumber } from './paper.js';
import { checkSeeds } from './reproduction.js';
import type { MeasureContext, Measured, ProtocolOptions, SearchEnvironment } from './reproduction.js';
import { indexOfEqual } from './searches.js';
import { spaceAt } from './sweep.js';

/** A run of Figs. 1 and 3. */
export type LandscapeRun = LandscapeProtocol | PathProtocol | ConditionProtocol | SpectrumProtocol;

/** Independent supernets, each with directions and batches of its own. The paper shows one. */
export const SEEDS: Readonly<Record<Budget, number>> = { full: 3, laptop: 3, smoke: 2 };

/** What the smaller budgets use at most. */
const CAPS: Readonly<
  Record<
    Budget,
    Readonly<Record<'points' | 'iterations' | 'batches' | 'updates' | 'perturbations' | 'products', number>>
  >
> = {
  full: {
    points: Infinity,
    iterations: Infinity,
    batches: Infinity,
    updates: Infinity,
    perturbations: Infinity,
    products: Infinity,
  },
  laptop: {
    points: 21,
    iterations: Infinity,
    batches: 4,
    updates: Infinity,
    perturbations: Infinity,
    products: Infinity,
  },
  smoke: { points: 5, iterations: 2, batches: 2, updates: 3, perturbations: 5, products: 8 },
};

/** Which ω*(α) a landscape is read at. */
export const ESTIMATES = ['current', 'unrolled', 'finetuned'] as const;
/** Which ω*(α) a landscape is read at. */
export type Estimate = (typeof ESTIMATES)[number];

/** One seed's landscape at M fine-tuning steps: the one that all others are derived from. */
function landscapeBase(
  budget: Budget,
  preset: Preset,
  seed: number,
  set: readonly string[],
): LandscapeProtocol {
  const caps = CAPS[budget];
  const supernet = { ...withBudget(fullSearch(spaceAt(budget), 'darts-1st', preset), budget), seed };
  const half = Math.floor(halfSize(supernet) / supernet.batchSize);
  const base = parseLandscape({
    version: 2,
    kind: 'landscape',
    budget,
    seed,
    supernet,
    directions: 'orthonormal',
    points: Math.min(figureNumber('1', 'impliedGridPointsPerAxis'), caps.points),
    extent: figureNumber('1', 'gridMax'),
    omega: {
      kind: 'finetuned',
      iterations: Math.min(figureNumber('1', 'fineTuneIterations'), caps.iterations),
      lr: 'scheduled',
      momentum: 'zero',
      split: 'train',
    },
    normalization: 'batch',
    validationBatches: caps.batches === Infinity ? 'all' : Math.min(caps.batches, half),
  });
  return applyToLandscape(base, ...set);
}

/** The same landscape at another ω*. */
export function atEstimate(base: LandscapeProtocol, estimate: Estimate): LandscapeProtocol {
  const lr = 'lr' in base.omega ? base.omega.lr : 'scheduled';
  if (estimate === 'finetuned') return base;
  return { ...base, omega: estimate === 'current' ? { kind: 'current' } : unrolledBy(lr) };
}

function unrolledBy(lr: number | 'scheduled'): LandscapeProtocol['omega'] {
  return { kind: 'unrolled', lr, momentum: false, weightDecay: false };
}

/** The same landscape with running statistics in its batch norms. */
export function withRunningStatistics(base: LandscapeProtocol): LandscapeProtocol {
  return { ...base, normalization: 'running' };
}

/**
 * Step sizes of DARTS' gradient descent: 1, which MGS' step amounts to with a constant density and σ² well below τ (and the
 * ξ that RS has here), the released script's 3e-4, and what lies around.
 */
export const DARTS_STEPS = [3e-4, 0.1, 1, 10] as const;

/** The step that the figure shows. */
export const DARTS_STEP = 1;

/** Names of what moves α, in the order in which tables and charts show them. */
export const PATH_NAMES = [
  'DARTS',
  'ZARTS-RS',
  'ZARTS-MGS',
  'ZARTS-GLD',
  'ZARTS-MGS, flat density',
  'ZARTS-MGS, released density',
] as const;
/** A name of what moves α. */
export type PathName = (typeof PATH_NAMES)[number];

/** The name of what moves α along a path. @throws {UsageError} for a solver that the figure does not have. */
export function pathName(solver: PathSolver): PathName {
  switch (solver.kind) {
    case 'gradient':
      return 'DARTS';
    case 'rs':
      return 'ZARTS-RS';
    case 'gld':
      return 'ZARTS-GLD';
    case 'mgs':
      return solver.density === 'literal' ? 'ZARTS-MGS' : `ZARTS-MGS, ${solver.density} density`;
    default:
      throw new UsageError(`A path of the figure is by DARTS, RS, MGS or GLD, not by ${solver.kind}.`);
  }
}

/**
 * The solvers of Fig. 1c with their step sizes, which the paper does not state. Where no preset is asked for, MGS moves with
 * the density as printed and, beside it, with a constant one: as printed its steps hardly depend on the loss.
 */
function pathSolvers({ supernet }: LandscapeProtocol, preset: Preset | undefined): PathSolver[] {
  const ids = ['rs', 'mgs', 'gld', ...(preset ? [] : ['mgs-flat'])];
  const zeroOrder = ids.map((id): PathSolver => {
    const { solver } =
      id === 'mgs-flat'
        ? fullSearch(supernet.space, 'mgs', 'flat')
        : fullSearch(supernet.space, id, preset ?? 'paper');
    if (!isZeroOrder(solver)) throw new UsageError(`${id} is no zero-order solver.`);
    if (solver.kind === 'mgs') return { ...solver, sigmaSchedule: 'constant' };
    return solver.kind === 'rs' && preset !== 'released' ? { ...solver, xi: DARTS_STEP } : solver;
  });
  return [...DARTS_STEPS.map((step): PathSolver => ({ kind: 'gradient', step })), ...zeroOrder];
}

/** Where the released script starts its paths, in units of the extent. */
const START = { x: -0.5, y: 0.5 };

function pathsOn(
  landscape: LandscapeProtocol,
  preset: Preset | undefined,
  set: readonly string[],
): PathProtocol[] {
  return pathSolvers(landscape, preset).map((solver) => {
    const path = parsePath({
      version: 1,
      kind: 'path',
      budget: landscape.budget,
      seed: landscape.seed,
      landscape,
      solver,
      updates: Math.min(figureNumber('1', 'pathIterations'), CAPS[landscape.budget].updates),
      weightSteps: 1,
      start: { x: START.x * landscape.extent, y: START.y * landscape.extent },
    });
    return applyToPath(path, ...set);
  });
}

/** K and ‖Δ‖ of Eq. 11 as in the released script; the paper states neither. */
const CONDITION = { perturbations: 50, radius: 0.01 } as const;

function conditionOf(landscape: LandscapeProtocol): ConditionProtocol {
  const { budget, seed } = landscape;
  return parseCondition({
    version: 1,
    kind: 'condition',
    budget,
    seed,
    landscape,
    perturbations: Math.min(CONDITION.perturbations, CAPS[budget].perturbations),
    radius: CONDITION.radius,
  });
}

/** How many eigenvalues of ∇²_α L_val, and the most products for them. */
const SPECTRUM = { values: 5, products: 60 } as const;

function spectrumAt(landscape: LandscapeProtocol): SpectrumProtocol {
  const { budget, seed } = landscape;
  return parseSpectrum({
    version: 1,
    kind: 'spectrum',
    budget,
    seed,
    landscape,
    products: Math.min(SPECTRUM.products, CAPS[budget].products),
    values: SPECTRUM.values,
  });
}

/** What a reproduction asks of each seed's landscape. */
export interface Wanted {
  readonly estimates: readonly Estimate[];
  /** Those of the estimates that are also measured with running statistics. */
  readonly controls: readonly Estimate[];
  readonly paths: boolean;
  /** Whether the estimates' condition numbers and Hessians are measured. */
  readonly curvature: boolean;
}

/**
 * The runs, seeds outermost. Settings given by hand are those of the landscape (`points`, `extent`, `omega.iterations`,
 * `supernet.epochs`) and, with `path.` before them, of every path (`path.updates`, `path.start.x`).
 *
 * @throws {UsageError} for fewer than one seed, and for a setting that does not exist or is out of range.
 */
export function landscapeProtocols(options: ProtocolOptions, wanted: Wanted): LandscapeRun[] {
  const { budget, preset, seeds = SEEDS[budget], set = [] } = options;
  checkSeeds(seeds);
  const forPaths = set.filter((each) => each.startsWith(PATH_PREFIX));
  const forLandscapes = set.filter((each) => !each.startsWith(PATH_PREFIX));
  const runs = Array.from({ length: seeds }, (_, seed): LandscapeRun[] => {
    const base = landscapeBase(budget, preset ?? 'paper', seed, forLandscapes);
    return [
      ...wanted.estimates.map((estimate) => atEstimate(base, estimate)),
      ...wanted.controls.map((estimate) => withRunningStatistics(atEstimate(base, estimate))),
      ...(wanted.curvature
        ? wanted.estimates
            .map((estimate) => atEstimate(base, estimate))
            .flatMap((landscape) => [
              conditionOf(landscape),
              // A landscape may be asked for with running statistics.
              ...(landscape.normalization === 'batch' ? [spectrumAt(landscape)] : []),
            ])
        : []),
      ...(wanted.paths
        ? pathsOn(
            base,
            preset,
            forPaths.map((each) => each.slice(PATH_PREFIX.length)),
          )
        : []),
    ];
  }).flat();
  if (!wanted.paths && forPaths.length > 0) {
    throw new UsageError(`${forPaths[0]} is a setting of paths, and this figure has none.`);
  }
  return [...new Map(runs.map((run) => [canonicalJson(run), run])).values()];
}

const PATH_PREFIX = 'path.';

/** One landscape, as measured. Plain JSON. */
export interface Panel {
  readonly seed: number;
  readonly estimate: Estimate;
  /** M, where weights are fine-tuned. */
  readonly iterations: number | null;
  readonly normalization: LandscapeNormalization;
  readonly grid: LossGrid;
  readonly minimum: GridMinimum;
  readonly sharpness: Sharpness;
  readonly directionNorms: readonly [number, number];
  /** Seconds of computing where it was made. */
  readonly seconds: number;
  /** The run's key in the store. */
  readonly key: string;
  /** Which of the result's environments it was made in. */
  readonly environment: number;
}

/** One path, as computed. Plain JSON. */
export interface Path {
  readonly seed: number;
  readonly name: PathName;
  /** Step size of gradient descent; null for the zero-order solvers, which have more settings than one. */
  readonly step: number | null;
  readonly points: readonly PathPoint[];
  readonly evaluations: number;
  readonly gradients: number;
  readonly seconds: number;
  readonly key: string;
  readonly environment: number;
}

/** One condition number, as measured. Plain JSON. */
export interface Condition extends ConditionResult {
  readonly seed: number;
  readonly estimate: Estimate;
  /** M, where weights are fine-tuned. */
  readonly iterations: number | null;
  readonly seconds: number;
  readonly key: string;
  readonly environment: number;
}

/** The largest eigenvalues of one Hessian, as computed. Plain JSON. */
export interface Spectrum extends SpectrumResult {
  readonly seed: number;
  readonly estimate: Estimate;
  /** M, where weights are fine-tuned. */
  readonly iterations: number | null;
  readonly seconds: number;
  readonly key: string;
  readonly environment: number;
}

/** What Figs. 1 and 3 measure. Plain JSON. */
export interface Landscapes extends Measured {
  readonly environments: readonly SearchEnvironment[];
  readonly budget: Budget;
  readonly space: string;
  readonly panels: readonly Panel[];
  readonly paths: readonly Path[];
  readonly conditions: readonly Condition[];
  readonly spectra: readonly Spectrum[];
}

/**
 * Runs what the store does not have, with one progress phase over all of it.
 *
 * @param onPartial  Given what is there whenever another landscape is coarse enough to be seen, or finer. The landscape under
 *                   way has a grid of its own, coarser than the others.
 * @throws {UsageError} for no protocols; as lib/search/landscape.ts, runLandscape.
 */
export async function measureLandscapes(
  protocols: readonly LandscapeRun[],
  { title, runs: home, data, progress, signal }: MeasureContext,
  onPartial?: (partial: Landscapes) => void | Promise<void>,
): Promise<Landscapes> {
  if (protocols.length === 0) throw new UsageError(`${title}: there is nothing to run.`);
  // Required here and not imported above: they load TensorFlow, which everything else in this file does without. Not
  // `await import`, whose modules the notebook kernel cannot load anew after they were edited.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const runs = require('../lib/search/run.js') as typeof Runs;
  const { runLandscape, runCondition, runPath, runSpectrum } = runs;

  const [first] = protocols;
  const work = protocols.map((each) => Math.max(1, Math.round(runSeconds(each))));
  const total = work.reduce((sum, each) => sum + each, 0);
  const phase = progress?.start(title, total);
  const environments: SearchEnvironment[] = [];
  const panels: Panel[] = [];
  const paths: Path[] = [];
  const conditions: Condition[] = [];
  const spectra: Spectrum[] = [];
  const { supernet } = landscapeOf(first);
  const so = (extra: readonly Panel[] = []): Landscapes => ({
    environments,
    budget: first.budget,
    space: spaceName(supernet),
    panels: [...panels, ...extra],
    paths,
    conditions,
    spectra,
  });
  let done = 0;
  try {
    for (const [i, protocol] of protocols.entries()) {
      const label = `run ${i + 1}/${protocols.length} (${describeRun(protocol)}, seed ${protocol.seed})`;
      phase?.update(done, label);
      const options = {
        ...(home === undefined ? {} : { home }),
        ...(data === undefined ? {} : { data }),
        ...(signal ? { signal } : {}),
        progress: {
          start: (name: string, steps: number) => ({
            update: (at: number, note?: string) =>
              phase?.update(
                // The supernet's own search comes before the run's phase and has no share of its own.
                name.startsWith('search') ? done : done + Math.floor((work[i] * at) / steps),
                name.startsWith('search') ? `${label}: ${name}` : note ? `${label}, ${note}` : label,
              ),
            end: () => undefined,
          }),
        },
      };
      if (protocol.kind === 'landscape') {
        const shared = {
          seed: protocol.seed,
          estimate: protocol.omega.kind,
          iterations: iterationsOf(protocol),
          normalization: protocol.normalization,
        };
        const { result, provenance, key } = await runLandscape(protocol, {
          ...options,
          ...(onPartial ? { onGrid: (grid) => onPartial(so([partialPanel(shared, grid)])) } : {}),
        });
        const { seconds, ...environment } = provenance;
        const { grid, minimum, sharpness, directionNorms } = result;
        const at = indexOfEqual(environments, environment);
        panels.push({ ...shared, grid, minimum, sharpness, directionNorms, seconds, key, environment: at });
      } else if (protocol.kind === 'condition') {
        const { result, provenance, key } = await runCondition(protocol, options);
        const { seconds, ...environment } = provenance;
        const { seed, landscape } = protocol;
        const shared = { seed, estimate: landscape.omega.kind, iterations: iterationsOf(landscape) };
        const at = indexOfEqual(environments, environment);
        conditions.push({ ...shared, ...result, seconds, key, environment: at });
      } else if (protocol.kind === 'spectrum') {
        const { result, provenance, key } = await runSpectrum(protocol, options);
        const { seconds, ...environment } = provenance;
        const { seed, landscape } = protocol;
        const shared = { seed, estimate: landscape.omega.kind, iterations: iterationsOf(landscape) };
        const at = indexOfEqual(environments, environment);
        spectra.push({ ...shared, ...result, seconds, key, environment: at });
      } else {
        const { result, provenance, key } = await runPath(protocol, options);
        const { seconds, ...environment } = provenance;
        const { solver, seed } = protocol;
        const at = indexOfEqual(environments, environment);
        const step = solver.kind === 'gradient' ? solver.step : null;
        paths.push({ seed, name: pathName(solver), step, ...result, seconds, key, environment: at });
      }
      done += work[i];
      phase?.update(done, label);
      await onPartial?.(so());
    }
  } finally {
    phase?.end();
  }
  return so();
}

function partialPanel(
  shared: Pick<Panel, 'seed' | 'estimate' | 'iterations' | 'normalization'>,
  grid: LossGrid,
): Panel {
  const unknown = { directionNorms: [1, 1] as const, seconds: 0, key: '', environment: 0 };
  return { ...shared, grid, minimum: gridMinimum(grid), sharpness: sharpness(grid), ...unknown };
}

/** M; null where weights are not fine-tuned. */
function iterationsOf({ omega }: LandscapeProtocol): number | null {
  return omega.kind === 'finetuned' ? omega.iterations : null;
}

/** The landscape of a run. */
export function landscapeOf(run: LandscapeRun): LandscapeProtocol {
  return run.kind === 'landscape' ? run : run.landscape;
}

function describeRun(run: LandscapeRun): string {
  if (run.kind === 'path') {
    const { solver } = run;
    return `path of ${pathName(solver)}${solver.kind === 'gradient' ? `, step ${solver.step}` : ''}`;
  }
  const { omega, normalization } = landscapeOf(run);
  const title = estimateTitle({ estimate: omega.kind, iterations: iterationsOf(landscapeOf(run)) });
  if (run.kind === 'condition') return `condition number at ${title}`;
  if (run.kind === 'spectrum') return `curvature at ${title}`;
  const control = normalization === 'running' ? ', running statistics' : '';
  return `landscape at ${title}${control}`;
}

/** What a reader sees for an estimate of ω*. */
export function estimateTitle({ estimate, iterations }: Pick<Panel, 'estimate' | 'iterations'>): string {
  if (estimate === 'current') return 'ω as it is (first order)';
  return estimate === 'unrolled' ? 'one step of ω (second order)' : `ω fine-tuned, M = ${iterations}`;
}

/** Seconds that a run takes on two cores once its supernet is there; an estimate. */
function runSeconds(run: LandscapeRun): number {
  const { points, supernet } = landscapeOf(run);
  const step = stepMs(supernet) / 1000;
  const landscape = pointSteps(landscapeOf(run)) * step;
  if (run.kind === 'landscape') return points ** 2 * landscape;
  if (run.kind === 'condition') return (run.perturbations + 1) * landscape;
  const batches = validationBatches(landscapeOf(run));
  if (run.kind === 'spectrum') {
    // Each of the two gradients of a product keeps the activations of a pass of its own.
    const gradient = (STEP_MODEL.gradientShare + STEP_MODEL.evaluationShare) * step;
    return landscape + 2 * run.products * batches * gradient;
  }
  const { solver, updates, weightSteps } = run;
  const evaluations = solver.kind === 'gradient' ? 0 : createSolver(solver).evaluations;
  const gradients = solver.kind === 'gradient' || solver.kind === 'mgs' ? 1 : 0;
  const update = gradients * batches * STEP_MODEL.gradientShare * step + weightSteps * step;
  return updates * (update + evaluations * landscape) + (updates + 1) * landscape;
}

function validationBatches({ validationBatches: count, supernet }: LandscapeProtocol): number {
  return count === 'all' ? Math.floor(halfSize(supernet) / supernet.batchSize) : count;
}

/** The work of one point of a landscape, in SGD steps' worth of time. */
export function pointSteps(landscape: LandscapeProtocol): number {
  const { omega } = landscape;
  const steps = omega.kind === 'current' ? 0 : omega.kind === 'unrolled' ? 1 : omega.iterations;
  return steps + validationBatches(landscape) * STEP_MODEL.evaluationShare;
}

/** Seconds that the runs and the searches before them take on two cores; an estimate. */
export function landscapeSeconds(runs: readonly LandscapeRun[]): number {
  const supernets = new Map(
    runs.map((run) => [canonicalJson(landscapeOf(run).supernet), landscapeOf(run).supernet]),
  );
  return estimateSeconds([...supernets.values()]) + runs.reduce((sum, run) => sum + runSeconds(run), 0);
}

/** What the runs do otherwise than the paper. */
export function landscapeDeviations(runs: readonly LandscapeRun[]): string[] {
  const landscape = landscapeOf(runs[0]);
  const { supernet, points, extent, validationBatches: batches } = landscape;
  const paperPoints = figureNumber('1', 'impliedGridPointsPerAxis');
  const paperExtent = figureNumber('1', 'gridMax');
  const paperM = figureNumber('1', 'fineTuneIterations');
  const tuned = runs.map(landscapeOf).find(({ omega }) => omega.kind === 'finetuned')?.omega;
  const iterations = tuned?.kind === 'finetuned' ? tuned.iterations : paperM;
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const paperUpdates = figureNumber('1', 'pathIterations');
  const updates = runs.flatMap((run) => (run.kind === 'path' ? [run.updates] : []))[0];
  return [
    ...(supernet.space === 'darts'
      ? []
      : [
          `The supernet is one of ${spaceName(supernet).toUpperCase()}; the paper's is one of the DARTS space.`,
        ]),
    ...deviations(supernet).map((sentence) => `The supernet's search: ${sentence}`),
    ...(points === paperPoints
      ? []
      : [
          `The grid has ${points}×${points} points; the paper's interval of ${figureNumber('1', 'gridInterval')} makes it ${paperPoints}×${paperPoints}.`,
        ]),
    ...(extent === paperExtent
      ? []
      : [
          `The grid reaches from ${-extent} to ${extent}; the paper's from ${-paperExtent} to ${paperExtent}.`,
        ]),
    ...(iterations === paperM ? [] : [`M is ${iterations}; the paper has ${paperM}.`]),
    ...(batches === 'all'
      ? []
      : [
          `L_val is the mean over ${batches} fixed batches of ${supernet.batchSize} images of the validation half, not over all of it.`,
        ]),
    `${seeds} supernet${seeds === 1 ? '' : 's'}, each with directions of its own; the paper shows one.`,
    ...(runs.some(({ kind }) => kind === 'path')
      ? [
          ...(updates === paperUpdates
            ? []
            : [`Paths have ${updates} updates; the paper's have ${paperUpdates}.`]),
          'Paths are followed in the plane of the figure, whose directions are orthonormal: α moves nowhere else. The released script projects steps onto directions that are not.',
        ]
      : []),
  ];
}

/** Settings that the paper leaves open: those of the landscape, then those of the supernet's search. */
export function landscapeOpenSettings(runs: readonly LandscapeRun[]): OpenSetting[] {
  const landscape = landscapeOf(runs[0]);
  const open: OpenSetting[] = [
    { path: 'normalization', value: landscape.normalization, source: 'ours' },
    { path: 'validationBatches', value: landscape.validationBatches, source: 'ours' },
    { path: 'directions', value: landscape.directions, source: 'ours' },
    { path: 'supernet.solver', value: solverId(landscape.supernet), source: 'ours' },
  ];
  const condition = runs.find((run) => run.kind === 'condition');
  if (condition) {
    open.push(
      { path: 'condition.perturbations', value: condition.perturbations, source: 'released scripts' },
      { path: 'condition.radius', value: condition.radius, source: 'released scripts' },
    );
  }
  const spectrum = runs.find((run) => run.kind === 'spectrum');
  if (spectrum) open.push({ path: 'spectrum.products', value: spectrum.products, source: 'ours' });
  return [...open, ...pathSettings(runs)];
}

/** The step sizes and what else decides a path, once for each kind of solver. */
function pathSettings(runs: readonly LandscapeRun[]): OpenSetting[] {
  const paths = runs.filter((run) => run.kind === 'path' && run.seed === runs[0].seed) as PathProtocol[];
  if (paths.length === 0) return [];
  const [{ start, weightSteps }] = paths;
  const steps = paths.flatMap(({ solver }) => (solver.kind === 'gradient' ? [solver.step] : []));
  const settings = paths.flatMap(({ solver }): OpenSetting[] => {
    if (solver.kind === 'gradient') return [];
    const flat = solver.kind === 'mgs' && solver.density === 'flat';
    return Object.entries(solver)
      .filter(([name]) => name !== 'kind')
      .map(([name, value]: [string, unknown]) => ({
        path: `path.${solver.kind}${flat ? '-flat' : ''}.${name}`,
        value,
        source: 'ours',
      }));
  });
  return [
    { path: 'path.start', value: [start.x, start.y], source: 'released scripts' },
    { path: 'path.weightSteps', value: weightSteps, source: 'ours' },
    { path: 'path.darts.steps', value: steps, source: 'ours' },
    ...settings,
  ];
}

/** The seeds that have landscapes, ascending. */
export function seedsOf({ panels }: Pick<Landscapes, 'panels'>): number[] {
  return [...new Set(panels.map(({ seed }) => seed))].sort((a, b) => a - b);
}

/** The landscape of a seed at an estimate; undefined if it was not measured. */
export function panelOf(
  { panels }: Pick<Landscapes, 'panels'>,
  seed: number,
  estimate: Estimate,
  normalization: LandscapeNormalization = 'batch',
): Panel | undefined {
  return panels.find(
    (panel) => panel.seed === seed && panel.estimate === estimate && panel.normalization === normalization,
  );
}

/** ln of the ratio of two landscapes' mean slopes, for each seed that has both; below 0 where the first is flatter. */
export function slopeRatios(
  result: Pick<Landscapes, 'panels'>,
  estimate: Estimate,
  against: Estimate,
  normalization: LandscapeNormalization = 'batch',
): number[] {
  return seedsOf(result).flatMap((seed) => {
    const [a, b] = [estimate, against].map((each) => panelOf(result, seed, each, normalization));
    return a && b ? [Math.log(a.sharpness.slope / b.sharpness.slope)] : [];
  });
}

/** ln of the ratio of two estimates' condition numbers, for each seed that has both. */
export function conditionRatios({ conditions }: Landscapes, estimate: Estimate, against: Estimate): number[] {
  return conditions.flatMap((one) => {
    if (one.estimate !== estimate) return [];
    const other = conditions.find((each) => each.seed === one.seed && each.estimate === against);
    return other ? [Math.log(one.centered.q / other.centered.q)] : [];
  });
}

/** How the landscapes compare in numbers: a row for each estimate and normalization. */
export function sharpnessTable(result: Landscapes): Table {
  const kinds = new Map(
    result.panels.map((panel) => [`${panel.estimate} ${panel.normalization}`, panel] as const),
  );
  const summary = (values: readonly number[]) => (values.length === 0 ? null : summarize(values));
  return {
    title: `Sharpness of the landscapes (${result.space.toUpperCase()}, budget ${result.budget}), mean ± standard deviation over seeds`,
    columns: [
      { key: 'estimate', title: 'ω*(α)' },
      { key: 'normalization', title: 'batch norm' },
      { key: 'seeds', title: 'seeds', align: 'right' },
      { key: 'slope', title: 'mean slope', align: 'right' },
      { key: 'range', title: 'range', align: 'right' },
      { key: 'high', title: 'curvature, largest', align: 'right' },
      { key: 'low', title: 'smallest', align: 'right' },
      { key: 'fit', title: 'quadratic fit', align: 'right' },
      { key: 'minimum', title: 'smallest loss', align: 'right' },
      { key: 'shift', title: 'shift of the minimum', align: 'right' },
    ],
    rows: [...kinds.values()].map(({ estimate, iterations, normalization }) => {
      const own = result.panels.filter(
        (panel) => panel.estimate === estimate && panel.normalization === normalization,
      );
      const shifts = own.flatMap((panel) => {
        const first = panelOf(result, panel.seed, 'current', normalization);
        return estimate !== 'current' && first ? [distance(panel.minimum, first.minimum)] : [];
      });
      return {
        estimate: estimateTitle({ estimate, iterations }),
        normalization,
        seeds: own.length,
        slope: plusMinus(summary(own.map((panel) => panel.sharpness.slope)), 4),
        range: plusMinus(summary(own.map((panel) => panel.sharpness.range)), 4),
        high: plusMinus(summary(own.map((panel) => panel.sharpness.curvatures[0])), 4),
        low: plusMinus(summary(own.map((panel) => panel.sharpness.curvatures[1])), 4),
        fit: plusMinus(summary(own.map((panel) => panel.sharpness.fit)), 2),
        minimum: plusMinus(summary(own.map((panel) => panel.minimum.loss)), 3),
        shift: plusMinus(summary(shifts), 2),
      };
    }),
    notes: [
      'Slope: mean length of the gradient over the grid, in nats per unit; the denser the contours, the larger it is. Range: largest less smallest loss, in nats.',
      'Curvature: eigenvalues of the quadratic that fits the whole grid best, and the share of the variance that it explains. Shift: distance of the smallest loss from that of the landscape at ω as it is.',
    ],
  };
}

/** The condition numbers: a row for each estimate, as Eq. 11 has it and with α centered. */
export function conditionTable({ conditions, space, budget }: Landscapes): Table {
  const estimates = [...new Map(conditions.map((each) => [each.estimate, each])).values()];
  const summary = (values: readonly number[]): string => plusMinusDigits(summarize(values), 3);
  const count = Math.min(...conditions.map(({ changes }) => changes.length));
  const beyond = 1 - (1 - LEVEL) ** (1 / count);
  return {
    title: `Condition number Q at α (${space.toUpperCase()}, budget ${budget}), mean ± standard deviation over seeds`,
    columns: [
      { key: 'estimate', title: 'ω*(α)' },
      { key: 'form', title: 'α' },
      { key: 'seeds', title: 'seeds', align: 'right' },
      { key: 'q', title: 'Q', align: 'right' },
      { key: 'interval', title: '95 % interval of its mean', align: 'right' },
      { key: 'mean', title: 'mean ratio', align: 'right' },
      { key: 'length', title: '‖α‖', align: 'right' },
      { key: 'loss', title: 'loss', align: 'right' },
    ],
    rows: estimates.flatMap(({ estimate, iterations }) => {
      const own = conditions.filter((each) => each.estimate === estimate);
      return (['raw', 'centered'] as const).map((form) => {
        const { mean, interval } = summarize(own.map((each) => each[form].q));
        const decimals = decimalsFor(mean, 3);
        return {
          estimate: estimateTitle({ estimate, iterations }),
          form: form === 'raw' ? 'as it is' : 'centered',
          seeds: own.length,
          q: summary(own.map((each) => each[form].q)),
          interval: interval === null ? '–' : interval.map((end) => fixed(end, decimals)).join(' … '),
          mean: summary(own.map((each) => each[form].mean)),
          length: summary(own.map((each) => each[form].alphaNorm)),
          loss: summary(own.map(({ base }) => base)),
        };
      });
    }),
    notes: [
      `Q (Eq. 11): the largest, over ${count} random perturbations of length ${CONDITION.radius}, of the loss's relative change over α's relative change; mean ratio: their mean. Every loss is read at the estimate's ω*, on the same images.`,
      `A largest value of ${count} is a lower bound: with 95 % confidence no more than ${fixed(100 * beyond, 1)} % of all perturbations of that length exceed it.`,
      'Centered: without the mean of each softmaxed group of α, which the network does not see but ‖α‖ has in it.',
    ],
  };
}

/** The largest eigenvalues of the Hessians: a row for each estimate. */
export function spectrumTable({ spectra, space, budget }: Landscapes): Table {
  const estimates = [...new Map(spectra.map((each) => [each.estimate, each])).values()];
  const count = Math.max(...spectra.map(({ largest }) => largest.length));
  const ranks = Array.from({ length: count }, (_, i) => i);
  const products = Math.max(...spectra.map((each) => each.products));
  const bound = Math.max(...spectra.flatMap(({ largest }) => largest.map((each) => each.bound)));
  const late = spectra.filter(({ converged }) => !converged).length;
  const summary = (values: readonly number[]): string =>
    values.length === 0 ? '–' : plusMinusDigits(summarize(values), 3);
  return {
    title: `Largest eigenvalues of the Hessian of L_val in α (${space.toUpperCase()}, budget ${budget}), mean ± standard deviation over seeds`,
    columns: [
      { key: 'estimate', title: 'ω, standing still' },
      { key: 'seeds', title: 'seeds', align: 'right' },
      ...ranks.map((i) => ({
        key: `largest${i + 1}`,
        title: i === 0 ? 'dominant' : `λ${'₁₂₃₄₅₆₇₈₉'[i] ?? i + 1}`,
        align: 'right' as const,
      })),
      { key: 'smallest', title: 'smallest', align: 'right' },
    ],
    rows: estimates.map(({ estimate, iterations }) => {
      const own = spectra.filter((each) => each.estimate === estimate);
      return {
        estimate: estimateTitle({ estimate, iterations }),
        seeds: own.length,
        ...Object.fromEntries(
          ranks.map((i) => [
            `largest${i + 1}`,
            summary(own.flatMap(({ largest }) => (i < largest.length ? [largest[i].value] : []))),
          ]),
        ),
        smallest: summary(own.map(({ smallest }) => smallest.value)),
      };
    }),
    notes: [
      `In nats per squared unit of α, by Lanczos’ method with at most ${products} Hessian–vector products, on the images of the landscape; every value lies within ${bound.toPrecision(2)} of an eigenvalue.${late === 0 ? '' : ` Of ${late} of ${spectra.length} Hessians that is more than the method’s tolerance: more products would be closer.`}`,
      'The Hessian is that of the loss with ω held where it is (as R-DARTS has it); the curvature of the landscape at M steps also has in it that ω follows α.',
    ],
  };
}

/** Distance of two places in the plane. */
export function distance(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** The words around landscapes: what the axes are, with the lengths of the directions as measured. */
export function landscapeWords(
  { directionNorms: [first, second] }: Pick<Panel, 'directionNorms'>,
  heading: string,
  subtitle: string,
): LandscapeWords {
  const along = (name: string, length: number): string => `along ${name}, ‖${name}‖ = ${fixed(length, 2)}`;
  return { heading, subtitle, xTitle: along('d₁', first), yTitle: along('d₂', second) };
}
