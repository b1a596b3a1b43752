import { sphere, split } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { SolverError, checkLosses, checkOptions, countNonFinite, initialState, nextState } from './solver.js';
import type { Asked, Diagnostics, Solver, SolverState } from './solver.js';

/** Options of {@link gld}. */
export interface GldOptions {
  /** R, the largest search radius, > 0. */
  readonly radiusMax: number;
  /** r, the smallest search radius, 0 < r ≤ R. */
  readonly radiusMin: number;
}

/** Ours, the paper states none: ten radii from 0.2 down. */
export const GLD_DEFAULTS: GldOptions = { radiusMax: 0.2, radiusMin: 0.2 / 2 ** 9 };

/** What {@link gld} asks: `points[0]` is the current alpha, `points[k + 1]` = alpha + `directions[k]`. */
export interface GldAsked extends Asked {
  /** u_k = 2^−k·R·z/‖z‖, one for each radius. */
  readonly directions: readonly Vec[];
}

/** What {@link gld} computed in a step. */
export interface GldDiagnostics extends Diagnostics {
  /** The radius index k that was taken, −1 for staying. */
  readonly choice: number;
}

/**
 * The search radii 2^−k·R for k = 0 … ⌊log₂(R/r)⌋, largest first. The paper leaves the base of the logarithm and the
 * rounding open; base 2 is the one at which the last radius is r.
 */
export function gldRadii({ radiusMax, radiusMin }: GldOptions): Vec {
  // 0.6 / 0.075 is 7.999…: a ratio meant to be a power of two must not lose its last radius to rounding.
  const last = Math.floor(Math.log2(radiusMax / radiusMin) + 1e-9);
  return Float64Array.from({ length: last + 1 }, (_, k) => radiusMax * 2 ** -k);
}

/**
 * The index of the smallest candidate loss that is strictly below the base loss, −1 when there is none. The first among
 * equals wins; a candidate that is not finite never does; a base that is not finite is worse than anything finite.
 */
export function bestCandidate(base: number, candidates: Vec): number {
  let best = Number.isFinite(base) ? base : Infinity;
  let choice = -1;
  candidates.forEach((loss, k) => {
    if (Number.isFinite(loss) && loss < best) {
      best = loss;
      choice = k;
    }
  });
  return choice;
}

/**
 * ZARTS-GLD (paper Eq. 12): one candidate on each of the spheres with radii {@link gldRadii}; alpha moves to the best one,
 * or stays when none has a smaller loss. Needs no gradient and never increases the loss on the same batch. Losses that are
 * not finite are never chosen, equal ones leave alpha where it is, and with R = r there is one candidate. `ctx.gradient` and
 * `ctx.sigma` are not read.
 *
 * The base loss is asked for as `points[0]`, to be measured like any candidate (with the same fine-tuning; the released
 * code leaves it un-tuned, which favours moving).
 *
 * @throws {SolverError} for radii out of range.
 */
export function gld(options: Partial<GldOptions> = {}): Solver<SolverState, GldAsked, GldDiagnostics> {
  const settings: GldOptions = { ...GLD_DEFAULTS, ...options };
  checkOptions('gld', {
    radiusMax: { value: settings.radiusMax, min: 0, above: true },
    radiusMin: { value: settings.radiusMin, min: 0, above: true },
  });
  if (settings.radiusMin > settings.radiusMax) {
    throw new SolverError(
      `The gld solver's radiusMin is ${settings.radiusMin}; it must be at most radiusMax, ${settings.radiusMax}.`,
    );
  }
  const radii = gldRadii(settings);
  return {
    kind: 'gld',
    needsGradient: false,
    evaluations: radii.length + 1,
    init: (alpha) => initialState('gld', alpha),
    ask({ alpha }, { key }) {
      const directions = split(key, radii.length).map((k, i) => scale(radii[i], sphere(k, alpha.length)));
      return { points: [alpha, ...directions.map((u) => axpy(1, u, alpha))], directions };
    },
    tell(state, { points, directions }, losses) {
      checkLosses('gld', losses, points);
      const choice = bestCandidate(losses[0], losses.subarray(1));
      const update = choice < 0 ? new Float64Array(state.alpha.length) : directions[choice];
      const discarded = countNonFinite(losses);
      return {
        state: nextState(state, update),
        diagnostics: { update, discarded, stayed: choice < 0, choice },
      };
    },
  };
}
