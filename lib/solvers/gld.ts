import { sphere, split } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { real, setting } from '../settings.js';
import type { SettingsOf } from '../settings.js';
import { bestCandidate, defineSolver, onlyInPaths } from './solver.js';

// The paper states no radius: ours are ten from 0.2 down.
/** Settings of {@link gld}. */
export class GldSettings {
  /** Largest search radius R. */
  radiusMax = setting(real({ above: 0 }), 0.2);
  /** Smallest search radius r, at most R. */
  radiusMin = setting(real({ above: 0 }), 0.2 / 2 ** 9);
}

/** Options of {@link gld}. */
export type GldOptions = SettingsOf<GldSettings>;

/**
 * The search radii 2^−k·R for k = 0 … ⌊log₂(R/r)⌋, largest first. The paper leaves the base of the logarithm and the
 * rounding open; base 2 is the one at which the last radius is r.
 */
export function gldRadii({ radiusMax, radiusMin }: GldOptions): Vec {
  // 0.6 / 0.075 is 7.999…: a ratio meant to be a power of two must not lose its last radius to rounding.
  const last = Math.floor(Math.log2(radiusMax / radiusMin) + 1e-9);
  return Float64Array.from({ length: last + 1 }, (_, k) => radiusMax * 2 ** -k);
}

/** ZARTS-GLD; {@link gld} is the solver. */
export const GLD = defineSolver({
  id: 'gld',
  title: 'ZARTS-GLD',
  settings: new GldSettings(),
  presets: { released: { radiusMax: 0.13, radiusMin: 4.7e-6 } },
  faults: ({ radiusMax, radiusMin }, name) =>
    radiusMin <= radiusMax
      ? []
      : [
          {
            path: 'radiusMin',
            value: radiusMin,
            must: `at most ${name('radiusMax')}, which is ${radiusMax}`,
          },
        ],
  deviations: (_, preset) => (preset === 'released' ? [{ sentence: onlyInPaths('GLD') }] : []),
  steps(options) {
    const radii = gldRadii(options);
    return {
      needsGradient: false,
      evaluations: radii.length + 1,
      ask({ alpha }, { key }) {
        /** u_k = 2^−k·R·z/‖z‖, one for each radius. */
        const directions = split(key, radii.length).map((k, i) => scale(radii[i], sphere(k, alpha.length)));
        return { points: [alpha, ...directions.map((u) => axpy(1, u, alpha))], directions };
      },
      tell({ alpha }, { directions }, losses) {
        /** The radius index k that is taken, −1 for staying. */
        const choice = bestCandidate(losses[0], losses.subarray(1));
        const update = choice < 0 ? new Float64Array(alpha.length) : directions[choice];
        return { update, stayed: choice < 0, choice };
      },
    };
  },
});

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
export const gld = GLD.create;
