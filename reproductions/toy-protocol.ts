/**
 * Protocols of experiments on toy functions: what a solver does where the gradient is known. One run is one experiment with
 * one seed; its settings are documented and bounded in the schema.
 */
import { z } from 'zod';
import { UsageError } from '../lib/errors.js';
import {
  assignSettings,
  choice,
  fieldsOf,
  integer,
  integers,
  real,
  reals,
  schemaFault,
} from '../lib/settings.js';
import type { FieldDescription } from '../lib/settings.js';
import { fullSearch } from '../lib/search/presets.js';
import type { OpenSetting } from '../lib/search/presets.js';
import type { Budget, Preset } from '../lib/search/protocol.js';
import { MGS_DENSITIES } from '../lib/solvers/mgs.js';
import { RS_DEFAULTS } from '../lib/solvers/rs.js';
import { alphaSize, spaceById } from '../lib/spaces/spaces.js';
import type { SpaceId } from '../lib/spaces/spaces.js';

const DIMENSION = 'Dimension d of the toy function.';
const SAMPLES = 'N, candidates an update, where N is not varied.';
const MOST_SAMPLES = 65_536;
const MOST_DIMENSION = 10_000;

const dimension = (text: string) => integer(text, 1, MOST_DIMENSION);
const repeats = (text: string) => integer(text, 2, 100_000_000);

const settingsSchema = z.strictObject({
  rs: z.strictObject({
    dimension: dimension(DIMENSION),
    samples: integer(SAMPLES, 1, MOST_SAMPLES),
    samplesSweep: integers('N where it is varied.', 1, MOST_SAMPLES),
    mu: real('Smoothing μ where it is not varied.', { above: 0 }),
    muSweep: reals('μ where it is varied.', { above: 0 }),
    noise: real('Standard deviation of an independent error on each loss, in nats, where errors are shown.', {
      above: 0,
    }),
    repeats: repeats('Estimates made for each μ.'),
    draws: repeats('Directions drawn for each N, over all estimates.'),
  }),
  mgs: z.strictObject({
    dimension: dimension(DIMENSION),
    dimensionSweep: integers('d where it is varied.', 1, MOST_DIMENSION),
    gradientNorm: real('‖g‖ of the linear loss, in nats.', { above: 0 }),
    samples: integer(SAMPLES, 1, MOST_SAMPLES),
    samplesSweep: integers('N of which the weights are shown.', 1, MOST_SAMPLES),
    limitSweep: integers('N of which the mean step is shown, on its way to the limit.', 1, MOST_SAMPLES),
    sigmas: reals('Standard deviations σ of the proposal (Eq. 26).', { above: 0 }),
    lambda: real('Share λ of candidates drawn around 0 (Eq. 26).', { atLeast: 0, atMost: 1 }),
    tau: real('Temperature τ of Eq. 7, in nats.', { above: 0 }),
    densities: z
      .array(choice('', MGS_DENSITIES))
      .min(1)
      .meta({
        description: 'What stands for the proposal density in the weights.',
        bounds: `a list of ${MGS_DENSITIES.join(', ')}, e.g. ["flat"]`,
      }),
    repeats: repeats('Updates made for each N of which the weights are shown.'),
    draws: repeats('Directions drawn for each N on the way to the limit, over all updates.'),
  }),
  proposition: z.strictObject({
    dimensions: integers('d.', 1, MOST_DIMENSION),
    epsilon: real('Radius ε of the ball that p(u|α) is restricted to.', { above: 0 }),
    sharpness: real('s = ε‖g‖/τ as a multiple of d + 2: for small ones the step’s length in units of ε.', {
      above: 0,
      atMost: 1000,
    }),
    samplesSweep: integers('N.', 1, MOST_SAMPLES),
    draws: repeats('Directions drawn for each N, over all updates.'),
  }),
  descent: z.strictObject({
    dimension: dimension('Dimension d of the quadratic.'),
    evaluations: integer('Loss evaluations that each solver is given.', 100, 10_000_000),
    batchNoise: real('Standard deviation of the tilt that each batch gives the loss.', { above: 0 }),
    untuned: real('What the loss of a base lacks that is not fine-tuned as its candidates are, in nats.', {
      above: 0,
    }),
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
    readonly version: 1;
    readonly budget: Budget;
    readonly seed: number;
    readonly experiment: E;
    readonly settings: ToySettings[E];
  };
}[ToyExperiment];

/** MGS as in a search of the paper. */
function mgsIn(space: SpaceId, preset: Preset = 'paper') {
  const { solver } = fullSearch(space, 'mgs', preset);
  if (solver.kind !== 'mgs') throw new UsageError('The preset of MGS has another solver.');
  return solver;
}

/** How much of the full experiment a budget affords: share of repeats, largest N where N goes to its limit. */
const BUDGET: Readonly<Record<Budget, { share: number; largest: number }>> = {
  full: { share: 1, largest: 4096 },
  laptop: { share: 0.03, largest: 4096 },
  smoke: { share: 0.002, largest: 64 },
};

/** The settings of a budget. A preset leaves its density alone: what it computes in place of Eq. 26. */
export function toySettings(budget: Budget, preset: Preset | undefined): ToySettings {
  const { share, largest } = BUDGET[budget];
  const few = (count: number): number => Math.max(40, Math.round(count * share));
  const powersOf4 = (from: number): number[] =>
    [1, 4, 16, 64, 256, 1024, 4096].filter((n) => n >= from && n <= largest);
  const alphas = (space: SpaceId): number => alphaSize(spaceById(space));
  const { samples, sigma, lambda, tau } = mgsIn('darts');
  return {
    rs: {
      dimension: 20,
      samples: RS_DEFAULTS.samples,
      samplesSweep: powersOf4(1),
      mu: RS_DEFAULTS.mu,
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
      sigmas: [sigma, mgsIn('s2').sigma],
      lambda,
      tau,
      densities: preset ? [mgsIn('darts', preset).density] : [...MGS_DENSITIES],
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

/** Every setting with its meaning and bounds, by its path: `mgs.tau`. */
export function describeToySettings(): FieldDescription[] {
  return fieldsOf(settingsSchema, undefined);
}

/** The settings with `path=value` applied. @throws {UsageError} for an unknown path, and a value out of range. */
export function changedToys(settings: ToySettings, set: readonly string[]): ToySettings {
  const paths = describeToySettings().map(({ path }) => path);
  const changed = assignSettings(settings, set, paths);
  const parsed = settingsSchema.safeParse(changed);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // A fault inside a list is the list's.
  const of = { ...issue, path: issue.path.slice(0, 2) };
  throw schemaFault(settingsSchema, of, changed, 'The settings');
}

/** Settings of these runs that the paper's text does not state, each with whose value it is. */
export function toyOpenSettings(protocols: readonly ToyProtocol[]): OpenSetting[] {
  const released = new Set(['mgs.sigmas', 'mgs.lambda', 'mgs.tau']);
  const stated = new Set(['mgs.samples', 'mgs.dimension', 'mgs.densities']);
  return describeToySettings().flatMap(({ path }) => {
    const [group, name] = path.split('.');
    const settings = protocols.find(({ experiment }) => experiment === group)?.settings;
    if (stated.has(path) || !settings) return [];
    const value = (settings as Record<string, unknown>)[name];
    return [{ path, value, source: released.has(path) ? 'released scripts' : 'ours' }];
  });
}
