/**
 * The protocol of a search: one run as plain data, with its seed. It survives `JSON.parse(JSON.stringify(p))`; the schema
 * below is the one place where its fields, their meaning and their bounds are stated, and the types are derived from it.
 */
import { z } from 'zod';
import { UsageError, unknownName } from '../errors.js';
import {
  assignSettings,
  choice,
  constant,
  described,
  flag,
  integer,
  outOfRange,
  real,
  realOr,
} from '../settings.js';
import { MGS_DENSITIES } from '../solvers/mgs.js';
import { RS_ESTIMATORS, RS_LAWS } from '../solvers/rs.js';
import { SPACES, SPACE_IDS, defineSpace, isSpaceId, spaceById } from '../spaces/spaces.js';
import type { SearchSpace, SpaceId } from '../spaces/spaces.js';
import { GROUPS, GROUP_DEFAULTS, isGroupName } from './groups.js';
import { SIGMA_SCHEDULES } from './schedules.js';

/** Whose algorithm: the paper's text, the released code, or the paper's idea with a constant proposal density. */
export const PRESETS = ['paper', 'released', 'flat'] as const;
/** Whose algorithm a protocol follows. */
export type Preset = (typeof PRESETS)[number];

/** How much computing: seconds (tests), minutes on two cores (notebooks), the paper's own settings. */
export const BUDGETS = ['smoke', 'laptop', 'full'] as const;
/** How much computing a protocol asks for. */
export type Budget = (typeof BUDGETS)[number];

/** Data sets that a search can run on. */
export const DATASETS = ['cifar10', 'cifar100', 'svhn', 'synthetic'] as const;
/** The name of a data set. */
export type DatasetName = (typeof DATASETS)[number];

/** Image sides that the 32-pixel images can be shrunk to evenly and that two reductions can halve. */
const IMAGE_SIDES = [8, 16, 32] as const;

// Every leaf says what it is (`description`) and what it may be (`bounds`, which is also the message of its every error).

const mgsSchema = z.strictObject({
  kind: constant('MGS, paper Section 4.2.', 'mgs'),
  samples: integer('N, candidates an alpha update.', 1, 1024),
  lambda: real('Share λ of candidates drawn around 0 instead of −g (Eq. 26); 1 needs no gradient.', {
    atLeast: 0,
    atMost: 1,
  }),
  sigma: real('Standard deviation σ of the proposal (Eq. 26) at the start of its schedule.', { atLeast: 0 }),
  sigmaSchedule: choice('How σ falls over the epochs after warm-up.', SIGMA_SCHEDULES),
  tau: real('Temperature τ of Eq. 7, in nats.', { above: 0 }),
  density: choice(
    'What stands for the proposal density in the weights: Eq. 26, the released slip, or a constant.',
    MGS_DENSITIES,
  ),
  clipNorm: realOr(
    'Radius of the ball that p(u|α) of Eq. 7 is restricted to; null for none.',
    { above: 0 },
    null,
  ),
  measureBase: flag(
    'Whether the loss at alpha itself is measured too, for ln Z (Eq. 9); one evaluation more an update.',
  ),
});

const rsSchema = z.strictObject({
  kind: constant('Random search, paper Section 4.1.', 'rs'),
  estimator: choice('Form of the gradient estimate: Eq. 4, 5 or 6.', RS_ESTIMATORS),
  law: choice('Law of the directions: N(0, I) or uniform on the unit sphere.', RS_LAWS),
  samples: integer('N, directions an alpha update; 1 for the one- and two-point forms.', 1, 1024),
  mu: real('Smoothing μ: the length that a direction is multiplied by.', { above: 0 }),
  xi: real('Step size ξ.', { above: 0 }),
});

const gldSchema = z.strictObject({
  kind: constant('Gradientless descent, paper Section 4.3.', 'gld'),
  radiusMax: real('Largest search radius R.', { above: 0 }),
  radiusMin: real('Smallest search radius r, at most R.', { above: 0 }),
});

const randomSchema = z.strictObject({
  kind: constant('Random search over architectures with shared weights, a baseline.', 'random'),
  samples: integer('Fresh alphas drawn an alpha update.', 1, 1024),
  scale: real('Standard deviation of the drawn alphas.', { above: 0 }),
});

const dartsSchema = z.strictObject({
  kind: constant('Gradient descent on alpha with Adam: DARTS (Liu et al. 2019), the baseline.', 'darts'),
  order: choice(
    'Which gradient: of the validation loss at the weights as they are (first, Eq. 3), or through one unrolled weight step (second, Eq. 2).',
    ['first', 'second'],
  ),
  lr: real('Learning rate of Adam on alpha.', { above: 0 }),
  beta1: real('Decay of Adam’s mean of gradients.', { atLeast: 0, below: 1 }),
  beta2: real('Decay of Adam’s mean of squared gradients.', { atLeast: 0, below: 1 }),
  weightDecay: real('L2 decay of alpha, added to its gradient.', { atLeast: 0 }),
  unrolledMomentum: flag(
    'Second order: whether the unrolled step has the momentum of the weights’ SGD; false in Eq. 2 as printed.',
  ),
  unrolledDecay: flag(
    'Second order: whether the unrolled step has the weights’ L2 decay; false in Eq. 2 as printed.',
  ),
  radius: real('Second order: length of the displacement of the weights in the finite difference.', {
    above: 0,
  }),
});

/** The zero-order solvers' settings, for other protocols that have one. */
export const ZERO_ORDER_SCHEMAS = [mgsSchema, rsSchema, gldSchema, randomSchema] as const;

const spaceError = `one of ${SPACE_IDS.join(', ')}, or a declared space`;
const spaceSchema = described(
  z.union(
    [
      z.enum(SPACE_IDS as readonly [SpaceId, ...SpaceId[]]),
      z.custom<SearchSpace>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
    ],
    { error: spaceError },
  ),
  'Search space: the id of a built-in one, or one’s own as a record of name, nodes and edges.',
  spaceError,
);

const searchSchema = z.strictObject({
  version: constant('Version of this format.', 1),
  kind: constant('What the protocol describes.', 'search'),
  preset: choice('Whose algorithm the settings started from.', PRESETS),
  budget: choice('How much computing the settings were derived for.', BUDGETS),
  seed: integer('Seed of everything random in the run.', 0, Number.MAX_SAFE_INTEGER),
  dataset: z.strictObject({
    name: choice('Data set.', DATASETS),
    imageSide: described(
      z.literal(IMAGE_SIDES, { error: `one of ${IMAGE_SIDES.join(', ')}` }),
      'Side of the square images in pixels; smaller than 32 means shrunk.',
      `one of ${IMAGE_SIDES.join(', ')}`,
    ),
    trainSize: integer(
      'Training images used, both halves together: the first ones of the file order.',
      2,
      1_000_000,
    ),
  }),
  space: spaceSchema,
  cells: integer(
    'Cells of the supernet; two of them, at a third and two thirds, are reduction cells.',
    3,
    100,
  ),
  // Even, because a strided skip connection makes its output from two halves of the channels.
  channels: integer('Channels of the first cell.', 2, 512, 2),
  batchSize: integer('Images a weight step, a fine-tuning step and a validation batch.', 1, 65_536),
  epochs: integer('Passes over the training half.', 1, 100_000),
  warmupEpochs: integer('First epochs in which alpha stays; at most epochs.', 0, 100_000),
  weights: z.strictObject({
    lr: real('Learning rate of the weights at the start.', { above: 0 }),
    lrMin: real('Learning rate that the cosine ends at; at most weights.lr.', { atLeast: 0 }),
    momentum: real('Momentum of the weights’ SGD.', { atLeast: 0, below: 1 }),
    weightDecay: real('L2 decay, added to the gradient before momentum.', { atLeast: 0 }),
    clip: realOr('Largest global norm of the weight gradient; null for no clipping.', { above: 0 }, null),
  }),
  alphaInitScale: real('Standard deviation of the alphas at the start.', { atLeast: 0 }),
  solver: z.discriminatedUnion('kind', [mgsSchema, rsSchema, gldSchema, randomSchema, dartsSchema]),
  omega: z.strictObject({
    kind: constant('ω*(α): a copy of the weights, fine-tuned at each candidate (Alg. 1).', 'finetuned'),
    iterations: integer(
      'M, fine-tuning steps of each candidate; 0 scores it with the weights as they are, and is all that a gradient solver has.',
      0,
      10_000,
    ),
    momentum: choice('Momentum buffer that a candidate starts with: zeros, or a copy of the base weights’.', [
      'zero',
      'inherit',
    ]),
    lr: realOr('Learning rate of fine-tuning; "scheduled" for the epoch’s own.', { above: 0 }, 'scheduled'),
    coast: choice(
      'What stands for fine-tuning: itself (none), or the released script’s fault, by which candidates never learn and the base weights drift by momentum and decay (coast) or stay (noop).',
      ['none', 'coast', 'noop'],
    ),
    split: choice('Half of the training images that fine-tuning reads.', ['train', 'val']),
  }),
  updateEvery: described(
    z.union([z.int().min(1).max(1_000_000), z.literal('iterations')], {
      error: 'an integer from 1 to 1000000, or "iterations"',
    }),
    'Weight steps between alpha updates; "iterations" for as many as omega.iterations (at least 1).',
    'an integer from 1 to 1000000, or "iterations"',
  ),
  valBatch: constant(
    'All candidates of an update and the gradient of the proposal see the same validation batch.',
    'shared',
  ),
  dropPath: GROUPS.dropPath.exactOptional(),
  cutout: GROUPS.cutout.exactOptional(),
  perturbation: GROUPS.perturbation.exactOptional(),
  partialChannels: GROUPS.partialChannels.exactOptional(),
  stability: GROUPS.stability.exactOptional(),
  history: GROUPS.history.exactOptional(),
});

/** One search as plain data. Its fields are documented and bounded in the schema; {@link describeProtocol} lists them. */
export type SearchProtocol = z.infer<typeof searchSchema>;

/** The solver's part of a protocol. */
export type SolverProtocol = SearchProtocol['solver'];

/** A kind of solver that a protocol can have. */
export type ProtocolSolverKind = SolverProtocol['kind'];

/** Every kind of solver that a protocol can have. */
export const PROTOCOL_SOLVERS = [
  'mgs',
  'rs',
  'gld',
  'random',
  'darts',
] as const satisfies readonly ProtocolSolverKind[];

/** The settings of a gradient solver. */
export type DartsProtocol = Extract<SolverProtocol, { kind: 'darts' }>;

/** The settings of a zero-order solver: what lib/solvers makes a solver from. */
export type ZeroOrderProtocol = Exclude<SolverProtocol, DartsProtocol>;

/** Whether a protocol's solver moves alpha without its gradient (or with it as a centre of proposals only). */
export function isZeroOrder(solver: SolverProtocol): solver is ZeroOrderProtocol {
  return solver.kind !== 'darts';
}

/**
 * The value as a protocol, checked whole: every field there, of its type and within its bounds, and in keeping with the
 * others.
 *
 * @throws {UsageError} one sentence with the first fault's field, value and bounds.
 */
export function parseProtocol(value: unknown): SearchProtocol {
  const parsed = searchSchema.safeParse(value);
  if (!parsed.success) throw faultOf(parsed.error.issues[0], value);
  const protocol = { ...parsed.data, space: checkedSpace(parsed.data.space) };
  for (const { path, value: found, must } of crossFaults(protocol)) throw outOfRange(path, found, must);
  return protocol;
}

/**
 * The space that a protocol names or declares, whole: a built-in one by its id, also where its record is given.
 *
 * @throws {UsageError} naming the place of a declaration's fault, and for a declared space that takes a built-in one's name.
 */
function checkedSpace(space: SearchProtocol['space']): SearchProtocol['space'] {
  if (typeof space === 'string') return space;
  const declared = defineSpace(space);
  const { name } = declared;
  if (!isSpaceId(name)) return { name, nodes: declared.nodes, edges: declared.edges };
  if (JSON.stringify(declared) === JSON.stringify(SPACES[name])) return name;
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

interface Fault {
  readonly path: string;
  readonly value: unknown;
  readonly must: string;
}

/** What is wrong between fields that are each within their own bounds. */
function crossFaults(protocol: SearchProtocol): Fault[] {
  const { dataset, channels, batchSize, epochs, warmupEpochs, weights, solver, omega } = protocol;
  const faults: Fault[] = [];
  if (warmupEpochs > epochs) {
    faults.push({ path: 'warmupEpochs', value: warmupEpochs, must: `at most epochs, which is ${epochs}` });
  }
  const half = Math.floor(dataset.trainSize / 2);
  if (batchSize > half) {
    const must = `at most ${half}, half of dataset.trainSize (${dataset.trainSize})`;
    faults.push({ path: 'batchSize', value: batchSize, must });
  }
  if (weights.lrMin > weights.lr) {
    faults.push({
      path: 'weights.lrMin',
      value: weights.lrMin,
      must: `at most weights.lr, which is ${weights.lr}`,
    });
  }
  if (solver.kind === 'gld' && solver.radiusMin > solver.radiusMax) {
    const must = `at most solver.radiusMax, which is ${solver.radiusMax}`;
    faults.push({ path: 'solver.radiusMin', value: solver.radiusMin, must });
  }
  if (solver.kind === 'rs' && solver.estimator !== 'multi-point' && solver.samples !== 1) {
    const must = `1 with the ${solver.estimator} estimator (its mean over more directions is multi-point)`;
    faults.push({ path: 'solver.samples', value: solver.samples, must });
  }
  if (!isZeroOrder(solver)) {
    const why = 'with a gradient solver, which has no candidates to fine-tune';
    if (omega.iterations !== 0) {
      faults.push({ path: 'omega.iterations', value: omega.iterations, must: `0 ${why}` });
    }
    if (omega.coast !== 'none') {
      faults.push({ path: 'omega.coast', value: omega.coast, must: `"none" ${why}` });
    }
  }
  const { partialChannels, cutout, stability } = protocol;
  if (partialChannels && channels % partialChannels.k !== 0) {
    const must = `a divisor of channels, which is ${channels}`;
    faults.push({ path: 'partialChannels.k', value: partialChannels.k, must });
  }
  if (cutout && cutout.length > dataset.imageSide) {
    const must = `at most dataset.imageSide, which is ${dataset.imageSide}`;
    faults.push({ path: 'cutout.length', value: cutout.length, must });
  }
  if (stability?.action === 'regularize' && stability.maxWeightDecay < weights.weightDecay) {
    const must = `at least weights.weightDecay, which is ${weights.weightDecay}`;
    faults.push({ path: 'stability.maxWeightDecay', value: stability.maxWeightDecay, must });
  }
  return faults;
}

function faultOf(issue: z.core.$ZodIssue, value: unknown): UsageError {
  const path = issue.path.join('.');
  const found = issue.path.reduce<unknown>(
    (at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step],
    value,
  );
  if (issue.code === 'unrecognized_keys') {
    const group = path === '' ? '' : `${path}.`;
    const allowed = leavesOf(value).filter((leaf) => leaf.path.startsWith(group));
    return unknownName(
      'protocol field',
      `${group}${issue.keys[0]}`,
      allowed.map((leaf) => leaf.path),
    );
  }
  if (path === 'solver.kind') return unknownName('solver', String(found), PROTOCOL_SOLVERS);
  if (path === 'space' && typeof found === 'string') return unknownName('search space', found, SPACE_IDS);
  const leaf = leavesOf(value).find((known) => known.path === path);
  if (path === '')
    return new UsageError(`A search protocol must be a record of settings, not ${JSON.stringify(value)}.`);
  return outOfRange(path, found, leaf ? leaf.bounds : 'a group of settings');
}

/** One field of the protocol. */
export interface FieldDescription {
  /** Dotted path, e.g. `solver.samples`. */
  readonly path: string;
  readonly description: string;
  /** What the value may be, in words. */
  readonly bounds: string;
}

/** Every field that the protocol has with its meaning and bounds. */
export function describeProtocol(protocol: SearchProtocol): FieldDescription[] {
  return leavesOf(protocol).filter(({ path }) => {
    const [group, field] = path.split('.');
    if (!isGroupName(group)) return true;
    const settings = protocol[group];
    return settings !== undefined && field in settings;
  });
}

function leavesOf(value: unknown): FieldDescription[] {
  const kind = (value as Partial<SearchProtocol> | null | undefined)?.solver?.kind;
  const walk = (schema: z.ZodObject, prefix: string): FieldDescription[] =>
    Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
      const path = `${prefix}${name}`;
      if (field instanceof z.ZodExactOptional) return walk(z.object({ [name]: field.unwrap() }), prefix);
      if (field instanceof z.ZodObject) return walk(field, `${path}.`);
      if (field instanceof z.ZodDiscriminatedUnion) {
        const options = field.options as z.ZodObject[];
        const option = options.find((each) => (each.shape.kind as z.ZodLiteral).value === kind) ?? options[0];
        return walk(option, `${path}.`);
      }
      const { description = '', bounds = '' } = field.meta() as { description?: string; bounds?: string };
      return [{ path, description, bounds }];
    });
  return walk(searchSchema, '');
}

/** Fields that say what a protocol is rather than how it runs: chosen by their own options, never by `--set`. */
const IDENTITY: Readonly<Record<string, string>> = {
  version: 'it is fixed',
  kind: 'it is fixed',
  preset: 'choose it with --preset, since it decides other settings',
  budget: 'choose it with --budget, since it decides other settings',
  space: 'choose it with --space, since it decides other settings',
  'solver.kind': 'choose it with --solver, since it decides the other solver settings',
};

/** The paths that {@link applySet} takes for this protocol, those of optional groups that it has not included. */
export function settablePaths(protocol: SearchProtocol): string[] {
  return leavesOf(protocol)
    .map(({ path }) => path)
    .filter((path) => !(path in IDENTITY));
}

/**
 * The protocol with settings written as `path=value` applied in order, e.g. `applySet(p, 'solver.samples=8')`. A value is
 * read as JSON where it is JSON (`8`, `0.1`, `null`, `true`), else as a word. All are applied before the result is checked
 * whole, so settings that only fit together can be given together. Setting a field of an optional group that is off
 * switches it on, the rest of it at {@link GROUP_DEFAULTS}; `GROUP=none` switches it off.
 *
 * @throws {UsageError} for an unknown path (with the allowed ones and the nearest), a field that has an option of its own,
 *         and a value out of range.
 */
export function applySet(protocol: SearchProtocol, ...assignments: string[]): SearchProtocol {
  const allowed = settablePaths(protocol);
  let settings: Record<string, unknown> = { ...protocol };
  for (const assignment of assignments) {
    const [path, value] = assignment.split('=').map((part) => part.trim());
    const [group] = path.split('.');
    if (isGroupName(group)) {
      const { [group]: there, ...others } = settings;
      if (path === group && value === 'none') {
        settings = others;
        continue;
      }
      settings = { ...others, [group]: there ?? GROUP_DEFAULTS[group] };
    }
    settings = assignSettings(settings, [assignment], allowed, IDENTITY) as Record<string, unknown>;
  }
  return parseProtocol(settings);
}

/** Weight steps between alpha updates, at least 1. */
export function updatePeriod({ updateEvery, omega }: SearchProtocol): number {
  return updateEvery === 'iterations' ? Math.max(1, omega.iterations) : updateEvery;
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
