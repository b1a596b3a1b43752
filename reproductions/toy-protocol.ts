/**
 * Protocols of experiments on toy functions: what a solver does where the gradient is known. One run is one experiment with
 * one seed; its settings are documented and bounded in the schema.
 */
import type { z } from 'zod';
import { UsageError } from '../lib/errors.js';
import {
  changed,
  choices,
  fieldsOf,
  integer,
  integers,
  parseSet,
  parseSettings,
  real,
  reals,
  record,
} from '../lib/settings.js';
import { fullSearch } from '../lib/search/presets.js';
import type { OpenSetting } from '../lib/search/presets.js';
import type { Budget, Preset } from '../lib/search/protocol.js';
import { MGS_DENSITIES } from '../lib/solvers/mgs.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { RS } from '../lib/solvers/rs.js';
import { alphaSize, spaceById } from '../lib/spaces/spaces.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { checkSeeds } from './reproduction.js';
import type { ProtocolOptions } from './reproduction.js';

const MOST_SAMPLES = 65_536;
const MOST_DIMENSION = 10_000;

const dimension = integer(1, MOST_DIMENSION);
const repeats = integer(2, 100_000_000);
const samples = integer(1, MOST_SAMPLES);
const samplesSweep = integers(1, MOST_SAMPLES);

const settingsSchema = record({
  rs: record({
    /** Dimension d of the toy function. */
    dimension,
    /** N, candidates an update, where N is not varied. */
    samples,
    /** N where it is varied. */
    samplesSweep,
    /** Smoothing μ where it is not varied. */
    mu: real({ above: 0 }),
    /** μ where it is varied. */
    muSweep: reals({ above: 0 }),
    /** Standard deviation of an independent error on each loss, in nats, where errors are shown. */
    noise: real({ above: 0 }),
    /** Estimates made for each μ. */
    repeats,
    /** Directions drawn for each N, over all estimates. */
    draws: repeats,
  }),
  mgs: record({
    /** Dimension d of the toy function. */
    dimension,
    /** d where it is varied. */
    dimensionSweep: integers(1, MOST_DIMENSION),
    /** ‖g‖ of the linear loss, in nats. */
    gradientNorm: real({ above: 0 }),
    /** N, candidates an update, where N is not varied. */
    samples,
    /** N of which the weights are shown. */
    samplesSweep,
    /** N of which the mean step is shown, on its way to the limit. */
    limitSweep: samplesSweep,
    /** Standard deviations σ of the proposal (Eq. 26). */
    sigmas: reals({ above: 0 }),
    /** Share λ of candidates drawn around 0 (Eq. 26). */
    lambda: real({ atLeast: 0, atMost: 1 }),
    /** Temperature τ of Eq. 7, in nats. */
    tau: real({ above: 0 }),
    /** What stands for the proposal density in the weights. */
    densities: choices(MGS_DENSITIES),
    /** Updates made for each N of which the weights are shown. */
    repeats,
    /** Directions drawn for each N on the way to the limit, over all updates. */
    draws: repeats,
  }),
  proposition: record({
    /** d. */
    dimensions: integers(1, MOST_DIMENSION),
    /** Radius ε of the ball that p(u|α) is restricted to. */
    epsilon: real({ above: 0 }),
    /** s = ε‖g‖/τ as a multiple of d + 2: for small ones the step’s length in units of ε. */
    sharpness: real({ above: 0, atMost: 1000 }),
    /** N. */
    samplesSweep,
    /** Directions drawn for each N, over all updates. */
    draws: repeats,
  }),
  descent: record({
    /** Dimension d of the quadratic. */
    dimension,
    /** Loss evaluations that each solver is given. */
    evaluations: integer(100, 10_000_000),
    /** Standard deviation of the tilt that each batch gives the loss. */
    batchNoise: real({ above: 0 }),
    /** What the loss of a base lacks that is not fine-tuned as its candidates are, in nats. */
    untuned: real({ above: 0 }),
  }),
});

/** The settings of every experiment, by experiment. */
export type ToySettings = z.infer<typeof settingsSchema>;

/** The experiments. */
export const EXPERIMENTS = ['rs', 'mgs', 'proposition', 'descent'] as const;
/** An experiment on toy functions. */
export type Experiment = (typeof EXPERIMENTS)[number];

/** One run of one experiment, as plain data. */
export type ToyProtocol = {
  readonly [E in Experiment]: {
    readonly kind: 'toy';
    readonly version: 1;
    readonly budget: Budget;
    readonly seed: number;
    readonly experiment: E;
    readonly settings: ToySettings[E];
  };
}[Experiment];

/** Ours: three times the temperature of the released scripts, so that the loss of a candidate near −g can be told from 0. */
const GRADIENT_NORM = 0.03;

function sigmaOf(space: SpaceId): number {
  const { solver } = fullSearch(space, 'mgs', 'paper');
  if (solver.kind !== 'mgs') throw new UsageError('The preset of MGS has another solver.');
  return solver.sigma;
}

function fullSettings(): ToySettings {
  const { solver } = fullSearch('darts', 'mgs', 'paper');
  if (solver.kind !== 'mgs') throw new UsageError('The preset of MGS has another solver.');
  const alphas = (space: SpaceId): number => alphaSize(spaceById(space));
  const powersOf4 = (from: number): number[] => [1, 4, 16, 64, 256, 1024, 4096].filter((n) => n >= from);
  return {
    rs: {
      dimension: 20,
      samples: RS.defaults.samples,
      samplesSweep: powersOf4(1),
      mu: RS.defaults.mu,
      muSweep: [0.01, 0.03, 0.1, 0.3, 1, 3],
      noise: 0.01,
      repeats: 50_000,
      draws: 400_000,
    },
    mgs: {
      dimension: alphas('darts'),
      dimensionSweep: [1, 4, 14, alphas('s2'), alphas('s3'), alphas('darts')],
      gradientNorm: GRADIENT_NORM,
      samples: solver.samples,
      samplesSweep: [2, 4, 6, 8, 16, 32],
      limitSweep: powersOf4(4),
      sigmas: [sigmaOf('darts'), sigmaOf('s2')],
      lambda: solver.lambda,
      tau: solver.tau,
      densities: [...MGS_DENSITIES],
      repeats: 2000,
      draws: 80_000,
    },
    proposition: {
      dimensions: [3, alphas('s2'), alphas('darts')],
      epsilon: 1,
      sharpness: 0.25,
      samplesSweep: powersOf4(4),
      draws: 320_000,
    },
    descent: { dimension: 20, evaluations: 4000, batchNoise: 0.3, untuned: 0.05 },
  };
}

/** How much of the full experiment a budget affords: share of repeats, largest N, independent repeats of everything. */
const BUDGET: Readonly<Record<Budget, { share: number; largest: number; seeds: number }>> = {
  full: { share: 1, largest: Infinity, seeds: 20 },
  laptop: { share: 0.03, largest: Infinity, seeds: 5 },
  smoke: { share: 0.002, largest: 64, seeds: 2 },
};

function atBudget(full: ToySettings, budget: Budget): ToySettings {
  const { share, largest } = BUDGET[budget];
  const few = (count: number): number => Math.max(40, Math.round(count * share));
  const upTo = (sweep: readonly number[]): number[] => sweep.filter((n) => n <= largest);
  const { rs, mgs, proposition, descent } = full;
  return {
    rs: {
      ...rs,
      samplesSweep: upTo(rs.samplesSweep),
      repeats: few(rs.repeats),
      draws: few(rs.draws),
    },
    mgs: { ...mgs, limitSweep: upTo(mgs.limitSweep), repeats: few(mgs.repeats), draws: few(mgs.draws) },
    proposition: {
      ...proposition,
      samplesSweep: upTo(proposition.samplesSweep),
      draws: few(proposition.draws),
    },
    descent: { ...descent, evaluations: budget === 'smoke' ? 400 : descent.evaluations },
  };
}

/** The density that stands for a preset: what it computes in place of Eq. 26. */
const PRESET_DENSITY: Readonly<Record<Preset, MgsDensity>> = {
  paper: 'literal',
  flat: 'flat',
  released: 'released',
};

/**
 * The runs: every experiment for each seed, seeds outermost. A preset leaves its density alone.
 *
 * @throws {UsageError} for fewer than one seed, and for a setting that does not exist or is out of range.
 */
export function toyProtocols({ budget, preset, seeds, set = [] }: ProtocolOptions): ToyProtocol[] {
  const count = seeds ?? BUDGET[budget].seeds;
  checkSeeds(count);
  const scaled = atBudget(fullSettings(), budget);
  const chosen = preset ? { ...scaled, mgs: { ...scaled.mgs, densities: [PRESET_DENSITY[preset]] } } : scaled;
  const change = parseSet(set, 'rs.samples=8');
  const settings = parseSettings(settingsSchema, changed(settingsSchema, chosen, change), 'An experiment');
  return Array.from({ length: count }, (_, seed) =>
    EXPERIMENTS.map(
      (experiment) =>
        ({
          kind: 'toy',
          version: 1,
          budget,
          seed,
          experiment,
          settings: settings[experiment],
        }) as ToyProtocol,
    ),
  ).flat();
}

/** The settings of a set of runs, put together again. */
export function settingsOf(protocols: readonly ToyProtocol[]): ToySettings {
  return Object.fromEntries(
    protocols.map(({ experiment, settings }) => [experiment, settings]),
  ) as unknown as ToySettings;
}

/** Settings of these runs that the paper's text does not state, each with whose value it is. */
export function toyOpenSettings(protocols: readonly ToyProtocol[]): OpenSetting[] {
  const settings = settingsOf(protocols);
  const released = new Set(['mgs.sigmas', 'mgs.lambda', 'mgs.tau']);
  const stated = new Set(['mgs.samples', 'mgs.dimension', 'mgs.densities']);
  return fieldsOf(settingsSchema, settings).flatMap(({ path }): OpenSetting[] => {
    const [group, name] = path.split('.') as [Experiment, string];
    if (stated.has(path)) return [];
    const value = (settings[group] as Record<string, unknown>)[name];
    return [{ path, value, source: released.has(path) ? 'released scripts' : 'ours' }];
  });
}
