/**
 * Protocols of experiments on toy functions: what a solver does where the gradient is known. One run is one experiment with
 * one seed; its settings are documented and bounded in the schema.
 */
import type { z } from 'zod';
import { UsageError } from '../lib/errors.js';
import { choice, fieldsOf, formatOf, integer, list, real, record, valueAt } from '../lib/settings.js';
import type { ChangeOf } from '../lib/settings.js';
import { fullSearch } from '../lib/search/presets.js';
import type { SourcedSetting } from '../lib/search/presets.js';
import type { Budget, Preset } from '../lib/search/protocol.js';
import { MGS_DENSITIES } from '../lib/solvers/mgs.js';
import { alphaSize, spaceById } from '../lib/spaces/spaces.js';
import type { SpaceId } from '../lib/spaces/spaces.js';

const MOST_SAMPLES = 65_536;
const MOST_DIMENSION = 10_000;

const dimension = integer(1, MOST_DIMENSION);
const repeats = integer(2, 100_000_000);
const samples = integer(1, MOST_SAMPLES);
const samplesSweep = list(samples, `integers from 1 to ${MOST_SAMPLES}`, [1, 2]);
const dimensionSweep = list(dimension, `integers from 1 to ${MOST_DIMENSION}`, [1, 2]);
const positiveSweep = list(real({ above: 0 }), 'numbers greater than 0', [0.1, 0.2]);

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
    muSweep: positiveSweep,
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
    dimensionSweep,
    /** ‖g‖ of the linear loss, in nats. */
    gradientNorm: real({ above: 0 }),
    /** N, candidates an update, where N is not varied. */
    samples,
    /** N of which the weights are shown. */
    samplesSweep,
    /** N of which the mean step is shown, on its way to the limit. */
    limitSweep: samplesSweep,
    /** Standard deviations σ of the proposal (Eq. 26). */
    sigmas: positiveSweep,
    /** Share λ of candidates drawn around 0 (Eq. 26). */
    lambda: real({ atLeast: 0, atMost: 1 }),
    /** Temperature τ of Eq. 7, in nats. */
    tau: real({ above: 0 }),
    /** What stands for the proposal density in the weights. */
    densities: list(choice(MGS_DENSITIES), MGS_DENSITIES.join(', '), ['literal']),
    /** Updates made for each N of which the weights are shown. */
    repeats,
    /** Directions drawn for each N on the way to the limit, over all updates. */
    draws: repeats,
  }),
  proposition: record({
    /** d. */
    dimensions: dimensionSweep,
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
export const TOY_EXPERIMENTS = ['rs', 'mgs', 'proposition', 'descent'] as const;
/** An experiment on toy functions. */
export type ToyExperiment = (typeof TOY_EXPERIMENTS)[number];

/** One run of one experiment, as plain data. */
export type ToyProtocol = {
  readonly [E in ToyExperiment]: {
    readonly kind: 'toy';
    readonly version: 2;
    readonly budget: Budget;
    readonly seed: number;
    readonly experiment: E;
    readonly settings: ToySettings[E];
  };
}[ToyExperiment];

/** A solver as in a search of the paper. */
function solverIn<Id extends 'mgs' | 'rs'>(id: Id, space: SpaceId, preset: Preset = 'paper') {
  const { solver } = fullSearch(space, id, preset);
  if (solver.kind !== id) throw new UsageError(`The preset of ${id} has another solver.`);
  return solver as Extract<typeof solver, { kind: Id }>;
}

/** How much of the full experiment a budget affords: share of repeats, largest N where N goes to its limit. */
const BUDGET: Readonly<Record<Budget, { share: number; largest: number }>> = {
  full: { share: 1, largest: 4096 },
  laptop: { share: 0.05, largest: 4096 },
  smoke: { share: 0.002, largest: 64 },
};

/** The settings of a budget. A preset leaves its density alone: what it computes in place of Eq. 26. */
export function toySettings(budget: Budget, preset: Preset | undefined): ToySettings {
  const { share, largest } = BUDGET[budget];
  const few = (count: number): number => Math.max(40, Math.round(count * share));
  const powersOf4 = (from: number): number[] =>
    [1, 4, 16, 64, 256, 1024, 4096].filter((n) => n >= from && n <= largest);
  const alphas = (space: SpaceId): number => alphaSize(spaceById(space));
  const { samples, sigma, lambda, tau } = solverIn('mgs', 'darts');
  const rs = solverIn('rs', 'darts');
  return {
    rs: {
      dimension: 20,
      samples: rs.samples,
      samplesSweep: powersOf4(1),
      mu: rs.mu,
      muSweep: [0.01, 0.03, 0.1, 0.3, 1, 3],
      noise: 0.01,
      repeats: few(50_000),
      draws: few(400_000),
    },
    mgs: {
      dimension: alphas('darts'),
      dimensionSweep: [1, 4, 14, alphas('s2'), alphas('s3'), alphas('darts')],
      // Ours: three times the temperature of the released scripts, so that the loss of a candidate near −g can be told from 0.
      gradientNorm: 0.03,
      samples,
      samplesSweep: [2, 4, 6, 8, 16, 32],
      limitSweep: powersOf4(4),
      sigmas: [sigma, solverIn('mgs', 's2').sigma],
      lambda,
      tau,
      densities: preset ? [solverIn('mgs', 'darts', preset).density] : [...MGS_DENSITIES],
      repeats: few(2000),
      draws: few(80_000),
    },
    proposition: {
      dimensions: [3, alphas('s2'), alphas('darts')],
      epsilon: 1,
      sharpness: 0.25,
      samplesSweep: powersOf4(4),
      draws: few(320_000),
    },
    descent: { dimension: 20, evaluations: budget === 'smoke' ? 400 : 4000, batchNoise: 0.3, untuned: 0.05 },
  };
}

/** The settings of toys, for changes by hand. */
export const TOYS = formatOf(settingsSchema, 'The settings');

/** What of the toys can be changed, e.g. `{ mgs: { tau: 0.02 } }`. */
export type ToyChange = ChangeOf<typeof settingsSchema>;

/** Settings of these runs that the paper's text does not state, each with whose value it is. */
export function toyOpenSettings(protocols: readonly ToyProtocol[]): SourcedSetting[] {
  const released = new Set(['mgs.sigmas', 'mgs.lambda', 'mgs.tau']);
  const stated = new Set(['mgs.samples', 'mgs.dimension', 'mgs.densities']);
  return fieldsOf(settingsSchema, undefined).flatMap(({ path }) => {
    const settings = protocols.find(({ experiment }) => path.startsWith(`${experiment}.`))?.settings;
    if (stated.has(path) || !settings) return [];
    const value = valueAt(settings, path.split('.')[1]);
    return [{ path, value, source: released.has(path) ? 'released scripts' : 'ours' }];
  });
}
