/**
 * The protocols of what is measured on a plane of alphas around a trained supernet: a landscape, and the path of one solver
 * on it. Plain data like a search's protocol, which they hold: the search that trains the supernet is a run of its own.
 */
import { z } from 'zod';
import {
  BUDGETS,
  choice,
  constant,
  fixed,
  formatOf,
  integer,
  or,
  outOfRange,
  real,
  record,
} from '../settings.js';
import type { ChangeOf } from '../settings.js';
import { ZERO_ORDER_SCHEMAS } from '../solvers/registry.js';
import { landscapeOmega } from './omega-protocol.js';
import { checkedSearch, halfSize, searchSchema, solverFaults } from './protocol.js';
import { withUpgrade } from './upgrade.js';

/** What every protocol here says of itself. */
const labels = <const Kind extends string>(version: 1 | 2, kind: Kind) => ({
  /** Version of this format. */
  version: constant(version),
  /** What the protocol describes. */
  kind: constant(kind),
  /** How much computing the settings were derived for. */
  budget: fixed(choice(BUDGETS), 'choose it with --budget, since it decides other settings'),
});

const seed = integer(0, Number.MAX_SAFE_INTEGER);

const landscapeSchema = record({
  ...labels(2, 'landscape'),
  /** Seed of the directions, the batches and the noise. */
  seed,
  /** The search whose final ω and α the landscape is around. */
  supernet: searchSchema,
  /**
   * Two random orthonormal directions of all alphas, or of those whose every edge sums to zero (centered): the network does
   * not see the offset of an edge.
   */
  directions: choice(['orthonormal', 'centered']),
  /** Grid points along each axis. */
  points: integer(3, 1001),
  /** The grid reaches from −extent to extent along each unit direction. */
  extent: real({ above: 0 }),
  /** ω*(α): the weights that losses are read at. */
  omega: fixed(landscapeOmega, 'each landscape has its own'),
  /**
   * Batch norm where losses are read: statistics of the batch itself, or running statistics that start at the unperturbed α
   * and move with fine-tuning steps (a control).
   */
  normalization: choice(['batch', 'running']),
  /** Fixed batches of the validation half, not augmented, that every loss is the mean over; "all" for the whole half. */
  validationBatches: or(integer(1, 1_000_000), 'all'),
});

/** A landscape as plain data; the schema documents and bounds its fields. */
export type LandscapeProtocol = z.infer<typeof landscapeSchema>;

/** How batch norm normalizes where losses are read. */
export type LandscapeNormalization = LandscapeProtocol['normalization'];

/** What of a landscape can be changed. */
export type LandscapeChange = ChangeOf<typeof landscapeSchema>;

const gradientSchema = record({
  /** Gradient descent on α at ω as it is: first-order DARTS with SGD in place of Adam. */
  kind: constant('gradient'),
  /** Step size. */
  step: real({ above: 0 }),
});

/** A place along an axis of the plane. */
const coordinate = real({ atLeast: -1000, atMost: 1000 });

const pathSchema = record({
  ...labels(1, 'path'),
  /** Seed of the solver’s draws and of the weight steps. */
  seed,
  /** The landscape that the solver moves on: its plane, its ω*(α) for zero-order solvers, its batches. */
  landscape: landscapeSchema,
  /** What moves α. */
  solver: fixed(
    z.discriminatedUnion('kind', [gradientSchema, ...ZERO_ORDER_SCHEMAS]),
    'each path has its own',
  ),
  /** Updates of α. */
  updates: integer(1, 100_000),
  /** SGD steps on ω after each update, at the α reached; 0 keeps ω. */
  weightSteps: integer(0, 10_000),
  start: record({
    /** Where the path starts along the first direction. */
    x: coordinate,
    /** Where the path starts along the second direction. */
    y: coordinate,
  }),
});

const conditionSchema = record({
  ...labels(1, 'condition'),
  /** Seed of the perturbations. */
  seed,
  /** The landscape whose α, ω*(α) and batches the number is of. */
  landscape: landscapeSchema,
  /** K, perturbations of α. */
  perturbations: integer(1, 100_000),
  /** ‖Δ‖, the length of each. */
  radius: real({ above: 0 }),
});

const spectrumSchema = record({
  ...labels(1, 'spectrum'),
  /** Seed of the vector that Lanczos’ method begins with. */
  seed,
  /** The landscape whose α, ω*(α) and batches the eigenvalues are of. */
  landscape: landscapeSchema,
  /** Most Hessian–vector products, two gradients on every batch each. */
  products: integer(1, 1000),
  /** How many of the largest eigenvalues. */
  values: integer(1, 100),
});

const validationSchema = record({
  ...labels(1, 'validation'),
  /** Seed of the batches' order and of the noise. */
  seed,
  /** The search whose final ω and α are read. */
  supernet: searchSchema,
});

/** The loss that a search ends with, on the whole validation half, as plain data. */
export type ValidationProtocol = z.infer<typeof validationSchema>;

/** The largest eigenvalues of ∇²_α L_val at a landscape's center as plain data. */
export type SpectrumProtocol = z.infer<typeof spectrumSchema>;

/** The condition number of a landscape at its center (Eq. 11) as plain data. */
export type ConditionProtocol = z.infer<typeof conditionSchema>;

/** The path of one solver on a landscape as plain data. */
export type PathProtocol = z.infer<typeof pathSchema>;

/** What of a path can be changed. */
export type PathChange = ChangeOf<typeof pathSchema>;

/** What moves α along a path: a zero-order solver of lib/solvers, or gradient descent. */
export type PathSolver = PathProtocol['solver'];

/** Landscapes, e.g. `{ points: 7, supernet: { space: 's3' } }` as a change. */
export const LANDSCAPE = withUpgrade(
  formatOf(landscapeSchema, 'A landscape protocol', (parsed) => checkedLandscape(parsed)),
);

/** Paths. */
export const PATH = withUpgrade(
  formatOf(pathSchema, 'A path protocol', (parsed) => {
    for (const { path, value, must } of solverFaults(parsed.solver)) throw outOfRange(path, value, must);
    return onBatchStatistics(parsed, 'under a path, whose weight steps have no running statistics to keep');
  }),
);

/** Condition numbers. */
export const CONDITION = withUpgrade(formatOf(conditionSchema, 'A condition protocol', onLandscape));

/** Spectra. */
export const SPECTRUM = withUpgrade(
  formatOf(spectrumSchema, 'A spectrum protocol', (parsed) =>
    onBatchStatistics(parsed, 'under a spectrum: a Hessian is computed with the statistics of each batch'),
  ),
);

/** Losses at the end of searches. */
export const VALIDATION = withUpgrade(
  formatOf(validationSchema, 'A validation protocol', (parsed) => ({
    ...parsed,
    supernet: checkedSearch(parsed.supernet, 'supernet.'),
  })),
);

/** A landscape whose center is what is read: ω as it is, the whole half, the statistics of each batch. */
export function validationLandscape({ budget, seed, supernet }: ValidationProtocol): LandscapeProtocol {
  return {
    version: 2,
    kind: 'landscape',
    budget,
    seed,
    supernet,
    directions: 'orthonormal',
    points: 3,
    extent: 1,
    omega: { kind: 'current' },
    normalization: 'batch',
    validationBatches: 'all',
  };
}

/** A landscape whose fields are each within their bounds, checked whole. @param prefix  Of its paths in sentences. */
function checkedLandscape(parsed: LandscapeProtocol, prefix = ''): LandscapeProtocol {
  const supernet = checkedSearch(parsed.supernet, `${prefix}supernet.`);
  const { validationBatches } = parsed;
  const most = Math.floor(halfSize(supernet) / supernet.batchSize);
  if (validationBatches !== 'all' && validationBatches > most) {
    const must = `at most ${most}, the batches of ${supernet.batchSize} in the validation half`;
    throw outOfRange(`${prefix}validationBatches`, validationBatches, must);
  }
  return { ...parsed, supernet };
}

/** What is measured on a landscape, that checked whole. */
function onLandscape<P extends { landscape: LandscapeProtocol }>(parsed: P): P {
  return { ...parsed, landscape: checkedLandscape(parsed.landscape, 'landscape.') };
}

/** The same, where there must be no running statistics. @param why  Ends the sentence. */
function onBatchStatistics<P extends { landscape: LandscapeProtocol }>(parsed: P, why: string): P {
  const { normalization } = parsed.landscape;
  const checked = onLandscape(parsed);
  if (normalization === 'batch') return checked;
  throw outOfRange('landscape.normalization', normalization, `"batch" ${why}`);
}
