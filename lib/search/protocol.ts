/**
 * The protocol of a search: one run as plain data, with its seed. It survives `JSON.parse(JSON.stringify(p))`; the schema
 * below is the one place where its fields, their meaning, bounds and defaults are stated, and the types are derived from it.
 */
import { z } from 'zod';
import { ALL_DATASETS } from '../datasets/registry.js';
import { UsageError } from '../errors.js';
import {
  applyChange,
  bounded,
  BUDGETS,
  choice,
  constant,
  defaultsOf,
  fixed,
  flag,
  formatOf,
  integer,
  or,
  outOfRange,
  parseSet,
  PRESETS,
  real,
  record,
  setting,
} from '../settings.js';
import type { ChangeOf, Fault } from '../settings.js';
import { ZERO_ORDER_SCHEMAS, zeroOrderDefinition } from '../solvers/registry.js';
import type { ZeroOrderSettings } from '../solvers/registry.js';
import { SPACE_IDS, SPACES, STAGES, defineSpace, isSpaceId, spaceById } from '../spaces/spaces.js';
import type { SearchSpace, SpaceId } from '../spaces/spaces.js';
import { GROUPS } from './groups.js';
import { fineTuneIterations, searchOmega } from './omega-protocol.js';
import { withUpgrade } from './upgrade.js';

export { BUDGETS, PRESETS } from '../settings.js';
export type { Budget, Preset } from '../settings.js';

/** The settings of gradient descent on alpha; its order is the kind of ω*(α). */
class DartsSettings {
  /** Gradient descent on alpha with Adam: DARTS (Liu et al. 2019), the baseline. */
  kind = constant('darts');
  /** Learning rate of Adam on alpha. */
  lr = setting(real({ above: 0 }), 3e-4, 'baseline paper');
  /** Decay of Adam’s mean of gradients. */
  beta1 = setting(real({ atLeast: 0, below: 1 }), 0.5, 'baseline paper');
  /** Decay of Adam’s mean of squared gradients. */
  beta2 = setting(real({ atLeast: 0, below: 1 }), 0.999, 'baseline paper');
  /** L2 decay of alpha, added to its gradient. */
  weightDecay = setting(real({ atLeast: 0 }), 1e-3, 'baseline paper');
  /** Second order: length of the displacement of the weights in the finite difference. */
  radius = setting(real({ above: 0 }), 0.01, 'baseline paper');
}

const dartsSchema = record(new DartsSettings());

/** The settings of random search with weight sharing. */
class RandomWsSettings {
  /**
   * Random search with weight sharing (Li and Talwalkar 2019): every weight step trains one architecture drawn at random; at the
   * end many are drawn and ranked with the shared weights. No alpha moves.
   */
  kind = constant('random-ws');
  /** Architectures drawn at the end. */
  architectures = setting(integer(1, 1_000_000), 1000, 'baseline code');
  /** Validation batches that each of them is ranked on, the same for all. */
  batches = setting(integer(1, 100_000), 10, 'baseline code');
  /** The first of the ranking, which are ranked again on the whole validation half. */
  finalists = setting(integer(1, 1_000_000), 10, 'baseline code');
}

const randomWsSchema = record(new RandomWsSettings());

/** What random search with weight sharing has in its authors' code, as R-DARTS' code has it. */
export const RANDOM_WS_DEFAULTS = defaultsOf(randomWsSchema);

/** What gradient descent has in DARTS. */
export const DARTS_DEFAULTS = defaultsOf(dartsSchema);

const withOption = (option: string, what = 'other settings') =>
  `choose it with ${option}, since it decides ${what}`;

/** The images. */
class DatasetSettings {
  /** Data set. */
  name = setting(choice(ALL_DATASETS), 'cifar10', 'paper');
  /** Side of the square images in pixels; smaller than 32 means shrunk, evenly and so that it can be halved twice. */
  imageSide = setting(choice([8, 16, 32]), 32, 'paper');
  /** Training images used, both halves together: the first ones of the file order. */
  trainSize = setting(integer(2, 1_000_000), 50_000, 'paper');
}

/** SGD on the weights. */
class WeightSettings {
  /** Learning rate of the weights at the start. */
  lr = setting(real({ above: 0 }), 0.025, 'paper');
  /** Learning rate that the cosine ends at; at most weights.lr. */
  lrMin = setting(real({ atLeast: 0 }), 0.001, 'released scripts');
  /** Momentum of the weights’ SGD. */
  momentum = setting(real({ atLeast: 0, below: 1 }), 0.9, 'paper');
  /** L2 decay, added to the gradient before momentum. */
  weightDecay = setting(real({ atLeast: 0 }), 3e-4, 'released scripts');
  /** Largest global norm of the weight gradient; null for no clipping. */
  clip = setting(or(real({ above: 0 }), null), 5, 'released scripts');
  /** Whether the momentum is Nesterov’s; left out: it is not. */
  nesterov = flag().exactOptional();
}

/** Settings of a search. */
export class SearchSettings {
  /** Version of this format. */
  version = constant(2);
  /** What the protocol describes. */
  kind = constant('search');
  /** Whose algorithm the settings started from. */
  preset = fixed(choice(PRESETS), withOption('--preset'));
  /** How much computing the settings were derived for. */
  budget = setting(fixed(choice(BUDGETS), withOption('--budget')), 'full');
  /** Seed of everything random in the run. */
  seed = setting(integer(0, Number.MAX_SAFE_INTEGER), 0);
  /** The images. */
  dataset = record(new DatasetSettings());
  /** Search space: the id of a built-in one, or one’s own as a record of name, nodes and edges (and skeleton). */
  space = setting(
    bounded(
      z.custom<SpaceId | SearchSpace>(
        (value) =>
          typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value)),
      ),
      `one of ${SPACE_IDS.join(', ')}, or a declared space`,
    ),
    's2',
    'paper',
  );
  /**
   * Cells of the supernet; two of them, at a third and two thirds, are reduction cells. Of skeleton "stages" a third are in each
   * stage, and none reduces.
   */
  cells = setting(integer(3, 100), 8, 'paper');
  /** Channels of the first cell; even, since a strided skip connection makes its output from two halves of them. */
  channels = setting(integer(2, 512, 2), 16, 'paper');
  /** Images a weight step, a fine-tuning step and a validation batch. */
  batchSize = setting(integer(1, 65_536), 64, 'released scripts');
  /** Passes over the training half. */
  epochs = setting(integer(1, 100_000), 50, 'paper');
  /** First epochs in which alpha stays; at most epochs. */
  warmupEpochs = setting(integer(0, 100_000), 10, 'released scripts');
  /** SGD on the weights. */
  weights = record(new WeightSettings());
  /** Standard deviation of the alphas at the start. */
  alphaInitScale = setting(real({ atLeast: 0 }), 1e-3, 'released scripts');
  /** What moves alpha. */
  solver = fixed(
    z.discriminatedUnion('kind', [...ZERO_ORDER_SCHEMAS, dartsSchema, randomWsSchema]),
    withOption('--solver', 'the other solver settings'),
  );
  /** ω*(α): the weights that a candidate’s loss, or the gradient, is read at. */
  omega = searchOmega;
  /** Weight steps between alpha updates; "iterations" for as many as omega.iterations (at least 1). */
  updateEvery = setting(or(integer(1, 1_000_000), 'iterations'), 'iterations', 'released scripts');
  /**
   * Whether alpha moves before the weight steps that an update comes with, as in DARTS’ code; left out: after them, as in the
   * released scripts and in NAS-Bench-201’s.
   */
  alphaFirst = flag().exactOptional();
  /** All candidates of an update and the gradient of the proposal see the same validation batch. */
  valBatch = setting(constant('shared'), 'shared', 'released scripts');
  /** Drop path while searching; off unless a solver brings it. */
  dropPath = GROUPS.dropPath.exactOptional();
  /** Cutout while searching. */
  cutout = GROUPS.cutout.exactOptional();
  /** SmoothDARTS’ perturbation. */
  perturbation = GROUPS.perturbation.exactOptional();
  /** PC-DARTS’ supernet. */
  partialChannels = GROUPS.partialChannels.exactOptional();
  /** What the dominant eigenvalue of the Hessian in alpha is used for. */
  stability = GROUPS.stability.exactOptional();
  /** What a search keeps of its course; changes nothing of what is found. */
  history = GROUPS.history.exactOptional();
  /** Single architectures ranked by the supernet on the way; changes nothing of what is found. */
  ranking = GROUPS.ranking.exactOptional();
  /**
   * What batch norm normalizes by where validation losses are read: the batch’s own statistics, or running ones; left out: the
   * batch’s.
   */
  normalization = choice(['batch', 'running']).exactOptional();
}

/** A search as a schema. */
export const searchSchema = record(new SearchSettings());

/** One search as plain data. */
export type SearchProtocol = z.infer<typeof searchSchema>;

/** What of a search can be changed, e.g. `{ space: 's3', solver: { sigma: 0.1 }, omega: { iterations: 2 } }`. */
export type SearchChange = ChangeOf<typeof searchSchema>;

/** The solver's part of a protocol. */
export type SolverProtocol = SearchProtocol['solver'];

/** The settings of a gradient solver. */
export type DartsProtocol = Extract<SolverProtocol, { kind: 'darts' }>;

/** The settings of random search with weight sharing. */
export type RandomWsProtocol = Extract<SolverProtocol, { kind: 'random-ws' }>;

/** Whether a protocol's solver moves alpha without its gradient (or with it as a centre of proposals only). */
export function isZeroOrder(solver: SolverProtocol): solver is ZeroOrderSettings {
  return solver.kind !== 'darts' && solver.kind !== 'random-ws';
}

/** Whether weight steps are made at architectures drawn at random, and no alpha moves. */
export function isDrawn(solver: SolverProtocol): solver is RandomWsProtocol {
  return solver.kind === 'random-ws';
}

/** Searches. One of an older version is read in the words of this one (./upgrade.ts). */
export const SEARCH = withUpgrade(
  formatOf(searchSchema, 'A search protocol', (parsed) => checkedSearch(parsed)),
);

/** A search whose fields are each within their bounds, checked whole. @param prefix  Of its paths in sentences. */
export function checkedSearch(parsed: SearchProtocol, prefix = ''): SearchProtocol {
  const protocol = { ...parsed, space: checkedSpace(parsed.space) };
  for (const { path, value, must } of crossFaults(protocol))
    throw outOfRange(`${prefix}${path}`, value, must);
  return protocol;
}

/**
 * The space that a protocol names or declares, whole: a built-in one by its id, also where its record is given.
 *
 * @throws {UsageError} naming the place of a declaration's fault, and for a declared space that takes a built-in one's name.
 */
function checkedSpace(space: SearchProtocol['space']): SearchProtocol['space'] {
  if (typeof space === 'string') return spaceById(space).name as SpaceId;
  const declared = defineSpace(space);
  const { name } = declared;
  if (!isSpaceId(name)) return { ...declared };
  if (JSON.stringify(declared) === JSON.stringify(defineSpace(SPACES[name]))) return name;
  throw new UsageError(
    `Space "${name}" is declared otherwise than the built-in space of that name; give it another name.`,
  );
}

/** The search space of a protocol. */
export function spaceOf({ space }: Pick<SearchProtocol, 'space'>): SearchSpace {
  return typeof space === 'string' ? spaceById(space) : defineSpace(space);
}

/** The name of a protocol's search space: a built-in one's id, or what its declaration says. */
export function spaceName({ space }: Pick<SearchProtocol, 'space'>): string {
  return typeof space === 'string' ? space : space.name;
}

/** What is wrong between fields that are each within their own bounds. */
function crossFaults(protocol: SearchProtocol): Fault[] {
  const { dataset, channels, batchSize, epochs, warmupEpochs, weights, solver, omega } = protocol;
  const { partialChannels, cutout, stability, ranking, normalization } = protocol;
  const faults: Fault[] = [];
  const refuse = (path: string, value: unknown, must: string) => faults.push({ path, value, must });
  const half = halfSize(protocol);
  if (warmupEpochs > epochs) refuse('warmupEpochs', warmupEpochs, `at most epochs, which is ${epochs}`);
  if (batchSize > half) {
    refuse('batchSize', batchSize, `at most ${half}, half of dataset.trainSize (${dataset.trainSize})`);
  }
  if (weights.lrMin > weights.lr) {
    refuse('weights.lrMin', weights.lrMin, `at most weights.lr, which is ${weights.lr}`);
  }
  faults.push(...solverFaults(solver));
  if (isZeroOrder(solver) && omega.kind === 'unrolled') {
    refuse('omega.kind', omega.kind, '"finetuned", "current" or "coast" with a zero-order solver');
  }
  if (solver.kind === 'darts' && omega.kind !== 'current' && omega.kind !== 'unrolled') {
    const why = 'with a gradient solver, which has no candidates to fine-tune';
    refuse('omega.kind', omega.kind, `"current" or "unrolled" ${why}`);
  }
  if (isDrawn(solver)) {
    const why = 'with random-ws, which has no alphas';
    if (omega.kind !== 'current') refuse('omega.kind', omega.kind, `"current" ${why}`);
    const groups = { partialChannels, stability, perturbation: protocol.perturbation };
    for (const [name, group] of Object.entries(groups)) if (group) refuse(name, group, `off ${why}`);
  }
  const { skeleton } = spaceOf(protocol);
  if (skeleton === 'stages' && protocol.cells % STAGES !== 0) {
    refuse('cells', protocol.cells, `a multiple of ${STAGES}, since there are as many in each stage`);
  }
  if (ranking && skeleton !== 'stages') {
    refuse('ranking', ranking, 'off in a space whose genotypes keep only some of the edges');
  }
  if (normalization === 'running' && omega.kind === 'unrolled') {
    refuse('normalization', normalization, '"batch" with the second order, whose passes see one batch each');
  }
  if (partialChannels && channels % partialChannels.k !== 0) {
    refuse('partialChannels.k', partialChannels.k, `a divisor of channels, which is ${channels}`);
  }
  if (cutout && cutout.length > dataset.imageSide) {
    refuse('cutout.length', cutout.length, `at most dataset.imageSide, which is ${dataset.imageSide}`);
  }
  if (stability?.every !== undefined && stability.action !== 'record') {
    const why = `with stability.action ${stability.action}, which looks at every epoch`;
    refuse('stability.every', stability.every, `left out ${why}`);
  }
  if (stability?.action === 'regularize' && stability.maxWeightDecay < weights.weightDecay) {
    const must = `at least weights.weightDecay, which is ${weights.weightDecay}`;
    refuse('stability.maxWeightDecay', stability.maxWeightDecay, must);
  }
  return faults;
}

/** What is wrong between a solver's settings, as a protocol's. */
export function solverFaults(solver: { readonly kind: string }): Fault[] {
  const inSolver = (name: string): string => `solver.${name}`;
  const faults = zeroOrderDefinition(solver.kind)?.faults?.(solver, inSolver) ?? [];
  return faults.map((fault) => ({ ...fault, path: inSolver(fault.path) }));
}

/**
 * The protocol with settings written as `path=value` applied, e.g. `applySet(p, 'solver.samples=8')`, as {@link applyChange}
 * applies them; `GROUP=none` switches an optional group off.
 */
export function applySet(protocol: SearchProtocol, ...assignments: string[]): SearchProtocol {
  return applyChange(SEARCH, protocol, parseSet(assignments));
}

/** Weight steps between alpha updates, at least 1. */
export function updatePeriod({ updateEvery, omega }: SearchProtocol): number {
  return updateEvery === 'iterations' ? Math.max(1, fineTuneIterations(omega)) : updateEvery;
}

/** Training images in each half: omega sees the first, alpha is scored on the second (an odd last image is left out). */
export function halfSize({ dataset }: SearchProtocol): number {
  return Math.floor(dataset.trainSize / 2);
}

/**
 * Refuses a protocol that asks for more images than the data have.
 *
 * @param trainCount  Training images that the data set really holds.
 * @throws {UsageError} naming the setting, its value and the count.
 */
export function checkAgainstData(protocol: SearchProtocol, trainCount: number): void {
  const { trainSize } = protocol.dataset;
  if (trainSize > trainCount) {
    throw outOfRange(
      'dataset.trainSize',
      trainSize,
      `at most ${trainCount}, the training images in the data set`,
    );
  }
}
