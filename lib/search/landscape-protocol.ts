/**
 * The protocols of what is measured on a plane of alphas around a trained supernet: a landscape, and the path of one solver
 * on it. Plain data like a search's protocol, which they hold: the search that trains the supernet is a run of its own.
 */
import { z } from 'zod';
import { UsageError } from '../errors.js';
import {
  assignSettings,
  choice,
  constant,
  described,
  fieldsOf,
  integer,
  outOfRange,
  real,
  realOr,
  schemaFault,
} from '../settings.js';
import type { FieldDescription } from '../settings.js';
import {
  BUDGETS,
  describeProtocol,
  halfSize,
  parseProtocol,
  settablePaths,
  ZERO_ORDER_SCHEMAS,
} from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/** Subspaces that the directions of a landscape are drawn from. */
export const DIRECTIONS = ['orthonormal', 'centered'] as const;

/** How batch norm normalizes where losses are read. */
export const NORMALIZATIONS = ['batch', 'running'] as const;
/** How batch norm normalizes where losses are read. */
export type LandscapeNormalization = (typeof NORMALIZATIONS)[number];

const scheduledLr = (description: string) => realOr(description, { above: 0 }, 'scheduled');

const omegaSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: constant('ω*(α) is ω as the search left it: first order, Eq. 3.', 'current'),
  }),
  z.strictObject({
    kind: constant('ω*(α) is ω after one plain gradient step at α: second order, Eq. 2.', 'unrolled'),
    lr: scheduledLr('Length ξ of the step; "scheduled" for the learning rate of the search’s last epoch.'),
  }),
  z.strictObject({
    kind: constant(
      'ω*(α) is a copy of ω after M steps of the search’s SGD at α, from an empty momentum: Alg. 1.',
      'finetuned',
    ),
    iterations: integer('M, steps.', 1, 10_000),
    lr: scheduledLr('Learning rate; "scheduled" for that of the search’s last epoch.'),
  }),
]);

const batchesError = 'an integer from 1 to 1000000, or "all"';

/** A search protocol inside another protocol; parsed by {@link parseProtocol}. */
const supernetSchema = described(
  z.custom<SearchProtocol>((value) => typeof value === 'object' && value !== null, {
    error: 'a search protocol',
  }),
  'The search whose final ω and α the landscape is around.',
  'a search protocol',
);

const landscapeSchema = z.strictObject({
  version: constant('Version of this format.', 1),
  kind: constant('What the protocol describes.', 'landscape'),
  budget: choice('How much computing the settings were derived for.', BUDGETS),
  seed: integer('Seed of the directions, the batches and the noise.', 0, Number.MAX_SAFE_INTEGER),
  supernet: supernetSchema,
  directions: choice(
    'Two random orthonormal directions of all alphas, or of those whose every edge sums to zero (centered): the network does not see the offset of an edge.',
    DIRECTIONS,
  ),
  points: integer('Grid points along each axis.', 3, 1001),
  extent: real('The grid reaches from −extent to extent along each unit direction.', { above: 0 }),
  omega: omegaSchema,
  normalization: choice(
    'Batch norm where losses are read: statistics of the batch itself, or running statistics that start at the unperturbed α and move with fine-tuning steps (a control).',
    NORMALIZATIONS,
  ),
  validationBatches: described(
    z.union([z.int().min(1).max(1_000_000), z.literal('all')], { error: batchesError }),
    'Fixed batches of the validation half, not augmented, that every loss is the mean over; "all" for the whole half.',
    batchesError,
  ),
});

/** A landscape as plain data; {@link describeLandscape} lists its fields. */
export type LandscapeProtocol = z.infer<typeof landscapeSchema>;

/** Which weights a landscape is read at. */
export type WeightEstimate = LandscapeProtocol['omega'];

const gradientSchema = z.strictObject({
  kind: constant(
    'Gradient descent on α at ω as it is: first-order DARTS with SGD in place of Adam.',
    'gradient',
  ),
  step: real('Step size.', { above: 0 }),
});

/** A landscape inside another protocol; parsed by {@link parseLandscape}. */
const landscapeField = (description: string) =>
  described(
    z.custom<LandscapeProtocol>((value) => typeof value === 'object' && value !== null, {
      error: 'a landscape protocol',
    }),
    description,
    'a landscape protocol',
  );

const coordinate = (description: string) => real(description, { atLeast: -1000, atMost: 1000 });

const pathSchema = z.strictObject({
  version: constant('Version of this format.', 1),
  kind: constant('What the protocol describes.', 'path'),
  budget: choice('How much computing the settings were derived for.', BUDGETS),
  seed: integer('Seed of the solver’s draws and of the weight steps.', 0, Number.MAX_SAFE_INTEGER),
  landscape: landscapeField(
    'The landscape that the solver moves on: its plane, its ω*(α) for zero-order solvers, its batches.',
  ),
  solver: z.discriminatedUnion('kind', [gradientSchema, ...ZERO_ORDER_SCHEMAS]),
  updates: integer('Updates of α.', 1, 100_000),
  weightSteps: integer('SGD steps on ω after each update, at the α reached; 0 keeps ω.', 0, 10_000),
  start: z.strictObject({
    x: coordinate('Where the path starts along the first direction.'),
    y: coordinate('Where the path starts along the second direction.'),
  }),
});

const conditionSchema = z.strictObject({
  version: constant('Version of this format.', 1),
  kind: constant('What the protocol describes.', 'condition'),
  budget: choice('How much computing the settings were derived for.', BUDGETS),
  seed: integer('Seed of the perturbations.', 0, Number.MAX_SAFE_INTEGER),
  landscape: landscapeField('The landscape whose α, ω*(α) and batches the number is of.'),
  perturbations: integer('K, perturbations of α.', 1, 100_000),
  radius: real('‖Δ‖, the length of each.', { above: 0 }),
});

const spectrumSchema = z.strictObject({
  version: constant('Version of this format.', 1),
  kind: constant('What the protocol describes.', 'spectrum'),
  budget: choice('How much computing the settings were derived for.', BUDGETS),
  seed: integer('Seed of the vector that Lanczos’ method begins with.', 0, Number.MAX_SAFE_INTEGER),
  landscape: landscapeField('The landscape whose α, ω*(α) and batches the eigenvalues are of.'),
  products: integer('Most Hessian–vector products, two gradients on every batch each.', 1, 1000),
  values: integer('How many of the largest eigenvalues.', 1, 100),
});

/** The largest eigenvalues of ∇²_α L_val at a landscape's center as plain data. */
export type SpectrumProtocol = z.infer<typeof spectrumSchema>;

/** The condition number of a landscape at its center (Eq. 11) as plain data. */
export type ConditionProtocol = z.infer<typeof conditionSchema>;

/** The path of one solver on a landscape as plain data. */
export type PathProtocol = z.infer<typeof pathSchema>;

/** What moves α along a path: a zero-order solver of lib/solvers, or gradient descent. */
export type PathSolver = PathProtocol['solver'];

/**
 * The value as a landscape's protocol, checked whole, its supernet's search included.
 *
 * @throws {UsageError} one sentence with the first fault's field, value and bounds.
 */
export function parseLandscape(value: unknown): LandscapeProtocol {
  const parsed = landscapeSchema.safeParse(value);
  if (!parsed.success)
    throw schemaFault(landscapeSchema, parsed.error.issues[0], value, 'A landscape protocol');
  const supernet = named('supernet', () => parseProtocol(parsed.data.supernet));
  const { validationBatches } = parsed.data;
  const most = Math.floor(halfSize(supernet) / supernet.batchSize);
  if (validationBatches !== 'all' && validationBatches > most) {
    throw outOfRange(
      'validationBatches',
      validationBatches,
      `at most ${most}, the batches of ${supernet.batchSize} in the validation half`,
    );
  }
  return { ...parsed.data, supernet };
}

/**
 * The value as a path's protocol, checked whole, its landscape included.
 *
 * @throws {UsageError} one sentence with the first fault's field, value and bounds.
 */
export function parsePath(value: unknown): PathProtocol {
  const parsed = pathSchema.safeParse(value);
  if (!parsed.success) throw schemaFault(pathSchema, parsed.error.issues[0], value, 'A path protocol');
  const landscape = named('landscape', () => parseLandscape(parsed.data.landscape));
  if (landscape.normalization !== 'batch') {
    const must = '"batch" under a path, whose weight steps have no running statistics to keep';
    throw outOfRange('landscape.normalization', landscape.normalization, must);
  }
  return { ...parsed.data, landscape };
}

/**
 * The value as a condition number's protocol, checked whole, its landscape included.
 *
 * @throws {UsageError} one sentence with the first fault's field, value and bounds.
 */
export function parseCondition(value: unknown): ConditionProtocol {
  const parsed = conditionSchema.safeParse(value);
  if (!parsed.success) {
    throw schemaFault(conditionSchema, parsed.error.issues[0], value, 'A condition protocol');
  }
  return { ...parsed.data, landscape: named('landscape', () => parseLandscape(parsed.data.landscape)) };
}

/**
 * The value as a spectrum's protocol, checked whole, its landscape included.
 *
 * @throws {UsageError} one sentence with the first fault's field, value and bounds; for running statistics in the batch norms,
 *         which the gradients' program does not have.
 */
export function parseSpectrum(value: unknown): SpectrumProtocol {
  const parsed = spectrumSchema.safeParse(value);
  if (!parsed.success) {
    throw schemaFault(spectrumSchema, parsed.error.issues[0], value, 'A spectrum protocol');
  }
  const landscape = named('landscape', () => parseLandscape(parsed.data.landscape));
  if (landscape.normalization !== 'batch') {
    throw outOfRange(
      'landscape.normalization',
      landscape.normalization,
      'batch: a Hessian is computed with the statistics of each batch',
    );
  }
  return { ...parsed.data, landscape };
}

/** Says of a fault inside a protocol that it is inside another one. */
function named<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`In the protocol's ${field}: ${error.message}`);
    throw error;
  }
}

/** Every field of a landscape with its meaning and bounds, those of its supernet's search with `supernet.` before them. */
export function describeLandscape(protocol: LandscapeProtocol): FieldDescription[] {
  const own = fieldsOf(landscapeSchema, protocol).filter(({ path }) => path !== 'supernet');
  const inner = describeProtocol(protocol.supernet);
  return [...own, ...inner.map((field) => ({ ...field, path: `supernet.${field.path}` }))];
}

/** Fields that say what a landscape is rather than how it is measured. */
const IDENTITY: Readonly<Record<string, string>> = {
  version: 'it is fixed',
  kind: 'it is fixed',
  budget: 'choose it with --budget, since it decides other settings',
  'omega.kind': 'each landscape has its own',
};

/**
 * The landscape with settings written as `path=value` applied: its own fields, and those of its supernet's search as
 * `supernet.epochs=5`, `supernet.space=darts`. All are applied before the result is checked whole.
 *
 * @throws {UsageError} for an unknown path (with the nearest), and a value out of range.
 */
export function applyToLandscape(protocol: LandscapeProtocol, ...assignments: string[]): LandscapeProtocol {
  const own = fieldsOf(landscapeSchema, protocol).map(({ path }) => path);
  const inner = ['space', ...settablePaths(protocol.supernet)].map((path) => `supernet.${path}`);
  const allowed = [...own.filter((path) => path !== 'supernet' && !(path in IDENTITY)), ...inner];
  return parseLandscape(assignSettings(protocol, assignments, allowed, IDENTITY));
}

/**
 * The path with settings written as `path=value` applied to its own fields; its landscape's are its landscape's.
 *
 * @throws {UsageError} for an unknown path (with the nearest), and a value out of range.
 */
export function applyToPath(protocol: PathProtocol, ...assignments: string[]): PathProtocol {
  const fixed = { version: 'it is fixed', kind: 'it is fixed', 'solver.kind': 'each path has its own' };
  const allowed = fieldsOf(pathSchema, protocol)
    .map(({ path }) => path)
    .filter((path) => path !== 'landscape' && path !== 'budget' && !(path in fixed));
  return parsePath(assignSettings(protocol, assignments, allowed, fixed));
}
