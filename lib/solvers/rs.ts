import { normal, sphere, split } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { choice, integer, real, setting } from '../settings.js';
import type { SettingsOf } from '../settings.js';
import { defineSolver, onlyInPaths } from './solver.js';

/** Forms of the random-search gradient estimate: Eq. 4, Eq. 5 and Eq. 6 (the mean of Eq. 5 over N directions). */
export const RS_ESTIMATORS = ['one-point', 'two-point', 'multi-point'] as const;
/** A form of the random-search gradient estimate. */
export type RsEstimator = (typeof RS_ESTIMATORS)[number];

/** Laws of the directions: N(0, I) or uniform on the unit sphere. */
export const RS_LAWS = ['normal', 'sphere'] as const;
/** A law of the directions. */
export type RsLaw = (typeof RS_LAWS)[number];

// The paper says which form is its default, and nothing else.
/** Settings of {@link rs}. */
export class RsSettings {
  /** Form of the gradient estimate: Eq. 4, 5 or 6; the one- and two-point forms use exactly one direction. */
  estimator = setting(choice(RS_ESTIMATORS), 'multi-point', 'paper');
  /** Law of the directions, N(0, I) or uniform on the unit sphere; it decides φ: 1 for the normal law, d for the sphere. */
  law = setting(choice(RS_LAWS), 'sphere');
  /** N, directions an alpha update; 1 for the one- and two-point forms. */
  samples = setting(integer(1, 65_536), 4);
  /** Smoothing μ: the length that a direction is multiplied by. */
  mu = setting(real({ above: 0 }), 0.1);
  /** Step size ξ. */
  xi = setting(real({ above: 0 }), 0.1);
}

/** Options of {@link rs}. */
export type RsOptions = SettingsOf<RsSettings>;

/** φ(d) of Eqs. 4–6: what makes the estimate unbiased under the law. */
export function phi(law: RsLaw, dimension: number): number {
  return law === 'sphere' ? dimension : 1;
}

/**
 * The gradient estimate of random search: φ/μ·L₊·u (Eq. 4), φ/(2μ)·(L₊ − L₋)·u (Eq. 5), and the mean of the latter over
 * all directions (Eq. 6).
 *
 * A direction with a loss that is not finite says nothing about the slope: it contributes zero and the others still count
 * 1/N each, so one bad loss shrinks the estimate and never turns it.
 *
 * @param plus   [N] losses at α + μu_i, in nats.
 * @param minus  [N] losses at α − μu_i; not read by the one-point form.
 * @returns      Length d.
 */
export function rsGradient(
  { estimator, law, mu }: Pick<RsOptions, 'estimator' | 'law' | 'mu'>,
  directions: readonly Vec[],
  plus: Vec,
  minus: Vec,
): Vec {
  const factor = phi(law, directions[0].length) / mu / directions.length;
  return directions.reduce((sum, u, i) => {
    const slope = factor * (estimator === 'one-point' ? plus[i] : (plus[i] - minus[i]) / 2);
    return Number.isFinite(slope) ? axpy(slope, u, sum) : sum;
  }, new Float64Array(directions[0].length));
}

/** ZARTS-RS; {@link rs} is the solver. */
export const RS = defineSolver({
  id: 'rs',
  title: 'ZARTS-RS',
  settings: new RsSettings(),
  presets: { released: { samples: 8, mu: 0.1, xi: 1e-4 } },
  implied: ({ estimator }) => (isSingle(estimator) ? { samples: 1 } : {}),
  faults: ({ estimator, samples }) =>
    isSingle(estimator) && samples !== 1
      ? [
          {
            path: 'samples',
            value: samples,
            must: `1 with the ${estimator} estimator (its mean over more directions is multi-point)`,
          },
        ]
      : [],
  deviations: ({ law }, preset) =>
    preset === 'released'
      ? [
          { sentence: onlyInPaths('RS') },
          ...(law === 'sphere'
            ? [
                {
                  sentence:
                    'Directions are uniform on the sphere of all alphas; the released code draws one on the sphere of each kind of cell.',
                },
              ]
            : []),
        ]
      : [],
  steps(options) {
    const { estimator, law, samples, mu, xi } = options;
    const onePoint = estimator === 'one-point';
    return {
      needsGradient: false,
      evaluations: onePoint ? 1 : 2 * samples,
      ask({ alpha }, { key }) {
        const draw = law === 'sphere' ? sphere : normal;
        /** N directions u_i of length d. */
        const directions = split(key, samples).map((k) => draw(k, alpha.length));
        const points = directions.flatMap((u) =>
          onePoint ? [axpy(mu, u, alpha)] : [axpy(mu, u, alpha), axpy(-mu, u, alpha)],
        );
        return { points, directions };
      },
      tell(_state, { directions }, losses) {
        const stride = onePoint ? 1 : 2;
        const plus = losses.filter((_, i) => i % stride === 0);
        const minus = losses.filter((_, i) => i % stride === 1);
        /** ĝ, the gradient estimate, length d. */
        const gradient = rsGradient(options, directions, plus, minus);
        const update = scale(-xi, gradient);
        return { update, stayed: update.every((value) => value === 0), gradient };
      },
    };
  },
});

const isSingle = (estimator: RsEstimator | undefined): boolean =>
  estimator === 'one-point' || estimator === 'two-point';

/**
 * ZARTS-RS (paper Section 4.1): α ← α − ξ·ĝ with the estimate of {@link rsGradient}. Needs no gradient.
 *
 * Asks for α + μu_0, α − μu_0, α + μu_1, …: 2N evaluations, or for the one-point form α + μu_0 alone. In one dimension the
 * sphere is {−1, 1}, so directions repeat; each of them counts 1/N. Losses that are not finite cost their direction its
 * say; when none is left alpha stays, which `stayed` tells. `ctx.gradient` and `ctx.sigma` are not read.
 *
 * @throws {SolverError} for an option out of range, and for `samples` other than 1 with the one- or two-point form.
 */
export const rs = RS.create;
