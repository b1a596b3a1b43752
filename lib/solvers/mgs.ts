import { normal, split, uniform } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, dot, logAddExp, logSumExp, norm, scale, softmax, squaredDistance } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { effectiveSamples } from './ess.js';
import type { EffectiveSamples } from './ess.js';
import { choice, flag, integer, or, real, setting } from '../settings.js';
import type { SettingsOf } from '../settings.js';
import { SolverError, checkSetting, defineSolver } from './solver.js';
import type { AskContext } from './solver.js';

/**
 * What stands for the proposal density q in the weights p̃/q.
 * - `literal`: Eq. 26 as printed, in log space.
 * - `flat`: a constant, so the weights are softmax(−L/τ); the paper's idea without the density that drowns the losses.
 * - `released`: what the released code computes: directions blended from both components instead of drawn
 *   from one, no normalisation, the second exponent multiplied by σ², and 1e-4 added.
 */
export const MGS_DENSITIES = ['literal', 'flat', 'released'] as const;
/** What stands for the proposal density in the weights. */
export type MgsDensity = (typeof MGS_DENSITIES)[number];

/** How σ falls over a search's epochs; the released code has a fifth, `stable`, which is `constant` here. */
export const SIGMA_SCHEDULES = ['cosine', 'slow-cosine', 'linear', 'constant'] as const;
/** A schedule of the proposal's σ. */
export type SigmaSchedule = (typeof SIGMA_SCHEDULES)[number];

// The paper states N; λ, σ and τ are the released DARTS-space script's.
/** Settings of {@link mgs}. */
export class MgsSettings {
  /** N, candidates an alpha update. */
  samples = setting(integer(1, 65_536), 4, 'paper');
  /** Share λ of candidates drawn around 0 instead of −g (Eq. 26); 1 needs no gradient. */
  lambda = setting(real({ atLeast: 0, atMost: 1 }), 1e-3, 'released scripts');
  /** Standard deviation σ of the proposal (Eq. 26), in a search at the start of its schedule. */
  sigma = setting(real({ atLeast: 0 }), 0.025, 'released scripts');
  /** How σ falls over the epochs after warm-up. */
  sigmaSchedule = setting(choice(SIGMA_SCHEDULES), 'cosine', 'released scripts');
  /** Temperature τ of Eq. 7, in nats. */
  tau = setting(real({ above: 0 }), 0.01, 'released scripts');
  /** What stands for the proposal density in the weights: Eq. 26, the released slip, or a constant. */
  density = setting(choice(MGS_DENSITIES), 'literal', 'paper');
  /**
   * Radius of the ball that p(u|α) of Eq. 7 is restricted to, so that a longer direction has weight zero; null leaves p as
   * printed, which is not normalisable on R^d.
   */
  clipNorm = setting(or(real({ above: 0 }), null), null);
  /**
   * Whether the loss at alpha itself is measured too (`points[0]`): the weights do not depend on it, only ln Z (Eq. 9) does.
   * One evaluation more an update.
   */
  measureBase = setting(flag(), false);
}

/** Options of {@link mgs}. */
export type MgsOptions = SettingsOf<MgsSettings>;

/** Floor that the released code adds to its density. */
const RELEASED_FLOOR = 1e-4;

/** ln exp(−s/(2σ²)) of a squared distance s; at σ = 0 the Gaussian is a point mass. */
function logKernel(squared: number, sigma: number): number {
  if (sigma > 0) return -squared / (2 * sigma ** 2);
  return squared === 0 ? 0 : -Infinity;
}

/** ln[(1 − λ)·e^a + λ·e^b]; λ of 0 or 1 drops a term. */
function logMixture(lambda: number, a: number, b: number): number {
  if (lambda === 0) return a;
  if (lambda === 1) return b;
  return logAddExp(Math.log1p(-lambda) + a, Math.log(lambda) + b);
}

/**
 * ln q(u_i | α) of the paper's proposal (Eq. 26), fully normalised: (1 − λ)·N(−g, σ²I) + λ·N(0, σ²I).
 *
 * @param gradient  g, length d; not read when λ = 1.
 * @returns         [N]. At σ = 0 the proposal is two point masses and the result is the log of the mass at u_i.
 */
export function proposalLogDensity(
  directions: readonly Vec[],
  gradient: Vec | undefined,
  { sigma, lambda }: Pick<MgsOptions, 'sigma' | 'lambda'>,
): Vec {
  const centre = lambda < 1 && gradient ? scale(-1, gradient) : undefined;
  return Float64Array.from(directions, (u) => {
    const constant = sigma > 0 ? -(u.length / 2) * Math.log(2 * Math.PI * sigma ** 2) : 0;
    const near = centre ? logKernel(squaredDistance(u, centre), sigma) : -Infinity;
    return constant + logMixture(lambda, near, logKernel(dot(u, u), sigma));
  });
}

/** [N] ln of the released code's stand-in for q, with its precedence slip (σ² multiplies in the second exponent). */
export function releasedLogDensity(
  directions: readonly Vec[],
  gradient: Vec | undefined,
  { sigma, lambda }: Pick<MgsOptions, 'sigma' | 'lambda'>,
): Vec {
  const centre = lambda < 1 && gradient ? scale(-1, gradient) : undefined;
  return Float64Array.from(directions, (u) => {
    const near = centre ? logKernel(squaredDistance(u, centre), sigma) : -Infinity;
    const far = (-dot(u, u) / 2) * sigma ** 2;
    return logAddExp(logMixture(lambda, near, far), Math.log(RELEASED_FLOOR));
  });
}

/**
 * The MGS update: the self-normalised, importance-weighted mean of the drawn directions (paper Eqs. 7–10).
 *
 * The weights are softmax(ℓ) with ℓ_i = −(L_i − L_0)/τ − ln q_i, formed in log space, so nothing overflows at any τ. A loss
 * that is not finite, a direction outside `clipNorm` and a direction that q cannot draw have no weight; when none is left,
 * the update is zero. One usable candidate gets all the weight.
 *
 * @param directions  N vectors u_i of length d.
 * @param losses      [N] losses at α + u_i in nats.
 * @param logQ        [N] ln q(u_i | α); a constant shared by all cancels in everything but `logMean`.
 * @param tau         Temperature in nats, > 0.
 * @param base        L_0, the loss at α; cancels in everything but `logMean`.
 * @returns           The update of length d (it lies in the convex hull of the directions), the weights, N_e and R_e, and
 *                    `logMean` = lse(ℓ) − ln N, which is ln Z (Eq. 9) when `logQ` is normalised and `base` given.
 */
export function mgsUpdate(
  directions: readonly Vec[],
  losses: Vec,
  logQ: Vec,
  { tau, clipNorm = null, base = 0 }: { tau: number; clipNorm?: number | null; base?: number },
): EffectiveSamples & { update: Vec; weights: Vec; logMean: number; outside: number } {
  const inside = directions.map((u) => clipNorm === null || norm(u) <= clipNorm);
  const logWeights = losses.map((loss, i) => {
    const value = -(loss - base) / tau - logQ[i];
    return Number.isFinite(loss) && Number.isFinite(value) && inside[i] ? value : -Infinity;
  });
  const weights = softmax(logWeights);
  const update = directions.reduce(
    (sum, u, i) => axpy(weights[i], u, sum),
    new Float64Array(directions[0].length),
  );
  return {
    update,
    weights,
    ...effectiveSamples(logWeights),
    logMean: logSumExp(logWeights) - Math.log(losses.length),
    outside: inside.filter((is) => !is).length,
  };
}

/** One direction of the mixture of Eq. 26: the component first, then the sample. */
function drawMixture(
  key: Key,
  centre: Vec | undefined,
  dimension: number,
  lambda: number,
  sigma: number,
): Vec {
  const [componentKey, sampleKey] = split(key, 2);
  const noise = scale(sigma, normal(sampleKey, dimension));
  return !centre || uniform(componentKey, 1)[0] < lambda ? noise : axpy(1, centre, noise);
}

/** One direction as the released code draws it: a blend of one sample of each component. */
function drawBlend(key: Key, centre: Vec | undefined, dimension: number, lambda: number, sigma: number): Vec {
  const [nearKey, farKey] = split(key, 2);
  const far = scale(lambda * sigma, normal(farKey, dimension));
  if (!centre) return far;
  const near = axpy(sigma, normal(nearKey, dimension), centre);
  return axpy(1 - lambda, near, far);
}

/** ZARTS-MGS; {@link mgs} is the solver. */
export const MGS = defineSolver({
  id: 'mgs',
  title: 'ZARTS-MGS',
  settings: new MgsSettings(),
  presets: { released: { density: 'released' }, flat: { density: 'flat' } },
  variants: { 'mgs-flat': { title: 'MGS flat', preset: 'flat' } },
  inSpace: ({ sigma }) => ({ sigma }),
  deviations: ({ density }) => DENSITY_DEVIATIONS[density].map((sentence) => ({ sentence, of: 'density' })),
  steps(options) {
    const { samples, lambda, tau, density, clipNorm, measureBase } = options;
    const needsGradient = lambda < 1;
    return {
      needsGradient,
      evaluations: samples + (measureBase ? 1 : 0),
      ask({ alpha }, ctx) {
        const sigma = ctx.sigma ?? options.sigma;
        checkSetting('mgs', 'sigma', MGS.settings.sigma, sigma);
        const gradient = needsGradient ? checkGradient(ctx, alpha.length) : undefined;
        const centre = gradient && scale(-1, gradient);
        const draw = density === 'released' ? drawBlend : drawMixture;
        /** N directions u_i of length d. */
        const directions = split(ctx.key, samples).map((k) => draw(k, centre, alpha.length, lambda, sigma));
        const candidates = directions.map((u) => axpy(1, u, alpha));
        return {
          points: measureBase ? [alpha, ...candidates] : candidates,
          directions,
          /** [N] what the log-weights subtract: ln q(u_i | alpha) of the chosen density; zeros for `flat`. */
          logQ: LOG_DENSITY[density](directions, gradient, { sigma, lambda }),
          /** σ of this step's draws. */
          sigma,
        };
      },
      tell(_state, { directions, logQ, sigma }, losses) {
        const candidates = measureBase ? losses.subarray(1) : losses;
        const base = measureBase && Number.isFinite(losses[0]) ? losses[0] : 0;
        const { logMean, ...rest } = mgsUpdate(directions, candidates, logQ, { tau, clipNorm, base });
        const stayed = rest.weights.every((weight) => weight === 0);
        // Point masses (σ = 0) have no density that p̃ could be divided by.
        const isZ =
          measureBase && Number.isFinite(losses[0]) && density === 'literal' && sigma > 0 && !stayed;
        /** ln Z(α) of Eq. 9; null unless the base was measured, the density is `literal` and σ > 0. */
        const logZ = isZ ? logMean : null;
        return { ...rest, logZ, stayed };
      },
    };
  },
});

/**
 * ZARTS-MGS (paper Section 4.2): α ← α + u*, the importance-weighted mean of N directions drawn around −g and around 0.
 *
 * `ask` draws from `ctx.key` with σ = `ctx.sigma`, or the option where that is absent. With σ = 0 every direction is −g or
 * 0 exactly (the released blend: −(1 − λ)g). Losses that are not finite get weight zero; when no candidate is usable alpha
 * stays, which `stayed` tells. Duplicate points share their weight. With N = 1, u* is the one direction, whatever its loss.
 * With λ = 1 all directions are drawn around 0 and `ctx.gradient` is not read; with λ = 0 all of them around −g.
 *
 * @throws {SolverError} for an option out of range; from `ask` for λ < 1 without a finite gradient of length d.
 */
export const mgs = MGS.create;

const DENSITY_DEVIATIONS: Readonly<Record<MgsDensity, readonly string[]>> = {
  literal: [],
  flat: [
    'The proposal density is taken as constant, so the weights are softmax(−L/τ) instead of Eq. 10 with Eq. 26.',
  ],
  released: [
    'The weights divide by what the released script computes in place of Eq. 26: not normalized, with σ² multiplying where it should divide, and with 1e-4 added; it is nearly constant, so the weights are nearly softmax(−L/τ).',
    'Each direction is a blend of one draw around −g and one around 0, where Eq. 26 draws from one of the two.',
  ],
};

const LOG_DENSITY: Readonly<Record<MgsDensity, typeof proposalLogDensity>> = {
  literal: proposalLogDensity,
  flat: (directions) => new Float64Array(directions.length),
  released: releasedLogDensity,
};

function checkGradient({ gradient }: AskContext, dimension: number): Vec {
  if (!gradient) {
    throw new SolverError(
      'The mgs solver with lambda < 1 needs the gradient; give ctx.gradient, or set lambda to 1.',
    );
  }
  if (gradient.length !== dimension) {
    throw new SolverError(
      `The mgs solver got a gradient of length ${gradient.length} for ${dimension} alphas.`,
    );
  }
  const bad = gradient.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new SolverError(`The mgs solver got gradient[${bad}] = ${gradient[bad]}; it must be finite.`);
  return gradient;
}
