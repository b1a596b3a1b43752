import { expect } from 'chai';
import fc from 'fast-check';
import { linear, quadratic } from '../../lib/analysis/toy.js';
import { foldIn, key, normal, sphere } from '../../lib/math/random.js';
import { axpy, dot } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import { RS_LAWS, rs, rsGradient } from '../../lib/solvers/rs.js';
import type { RsLaw, RsOptions } from '../../lib/solvers/rs.js';
import { SolverError } from '../../lib/solvers/solver.js';

const QUADRATIC = quadratic(10);

/** One estimate of the gradient at `alpha`. */
function estimate(loss: (alpha: Vec) => number, alpha: Vec, options: Partial<RsOptions>, seed: number): Vec {
  const solver = rs(options);
  const state = { alpha, step: 0 };
  const asked = solver.ask(state, { key: foldIn(key(77), seed) });
  return solver.tell(state, asked, Float64Array.from(asked.points, loss)).diagnostics.gradient;
}

/** Mean and variance of each coordinate over many estimates. */
function moments(count: number, draw: (seed: number) => Vec): { mean: Vec; variance: Vec } {
  const draws = Array.from({ length: count }, (_, seed) => draw(seed));
  const mean = draws[0].map((_, j) => draws.reduce((sum, x) => sum + x[j], 0) / count);
  const variance = mean.map((m, j) => draws.reduce((sum, x) => sum + (x[j] - m) ** 2, 0) / (count - 1));
  return { mean, variance };
}

describe('solvers/rs', () => {
  const at = Float64Array.from({ length: 10 }, (_, i) => 0.1 * i);

  for (const law of RS_LAWS) {
    it(`estimates the gradient of a quadratic without bias, whatever mu (${law})`, () => {
      const truth = QUADRATIC.gradient(at);
      const options = { law, mu: 2, samples: 1, estimator: 'two-point' } as const;
      const count = 20_000;
      const { mean, variance } = moments(count, (seed) =>
        estimate((a) => QUADRATIC.loss(a), at, options, seed),
      );
      // Five standard errors for each of the ten coordinates.
      mean.forEach((m, j) => expect(m).to.be.closeTo(truth[j], 5 * Math.sqrt(variance[j] / count)));
    });

    it(`estimates the smoothed gradient of a cubic (Eq. 14): over ${law === 'sphere' ? 'the ball' : 'N(0, I)'}`, () => {
      // ∇L_μ(0) of L = x₁³ is 3μ²·E[v₁²]: 1 under the normal law, 1/(d + 2) in the ball.
      const [d, mu] = [3, 0.8];
      const truth = (3 * mu ** 2) / (law === 'sphere' ? d + 2 : 1);
      const options = { law, mu, samples: 1, estimator: 'two-point' } as const;
      const count = 20_000;
      const { mean, variance } = moments(count, (seed) =>
        estimate(([x]) => x ** 3, new Float64Array(d), options, seed),
      );
      const error = 5 * Math.sqrt(variance[0] / count);
      expect(mean[0]).to.be.closeTo(truth, error);
      expect(error).to.be.below(truth / 5);
    });
  }

  it('shrinks the total variance as 1/N', () => {
    const trace = (samples: number): number =>
      moments(4000, (seed) =>
        estimate((a) => QUADRATIC.loss(a), at, { samples, mu: 0.1 }, seed),
      ).variance.reduce((a, b) => a + b, 0);
    const one = trace(1);
    for (const samples of [4, 16]) expect((trace(samples) * samples) / one).to.be.within(0.9, 1.1);
  });

  it('is d·(u·g)·u for one direction on the sphere and a linear loss', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 30 }), (seed, d) => {
        const g = normal(key(seed), d);
        const u = sphere(foldIn(key(seed), 1), d);
        const loss = (alpha: Vec): number => linear(g).loss(alpha);
        const [plus, minus] = [0.3, -0.3].map((mu) =>
          Float64Array.of(loss(axpy(mu, u, new Float64Array(d)))),
        );
        const gradient = rsGradient({ estimator: 'two-point', law: 'sphere', mu: 0.3 }, [u], plus, minus);
        gradient.forEach((value, j) =>
          expect(value).to.be.closeTo(d * dot(u, g) * u[j], 1e-9 * (1 + d * Math.abs(dot(u, g)))),
        );
      }),
    );
  });

  it('does not change when a constant is added to all losses, but for the one-point form', () => {
    const shifted = (options: Partial<RsOptions>): [Vec, Vec] => [
      estimate((a) => QUADRATIC.loss(a), at, options, 3),
      estimate((a) => QUADRATIC.loss(a) + 8, at, options, 3),
    ];
    for (const law of RS_LAWS) {
      const [plain, moved] = shifted({ law });
      plain.forEach((value, j) => expect(moved[j]).to.be.closeTo(value, 1e-12));
      const [one, other] = shifted({ law, estimator: 'one-point' });
      expect(other[0]).to.not.be.closeTo(one[0], 1e-3);
    }
  });

  it('estimates the same on a linear loss whatever mu', () => {
    const g = normal(key(5), 8);
    const at8 = new Float64Array(8);
    for (const law of RS_LAWS) {
      const [small, large] = [1e-3, 10].map((mu) => estimate((a) => linear(g).loss(a), at8, { law, mu }, 1));
      small.forEach((value, j) => expect(large[j]).to.be.closeTo(value, 1e-9));
    }
  });

  it('asks in pairs around alpha, the one-point form once, and steps by −xi times the estimate', () => {
    const alpha = Float64Array.of(1, 2);
    const solver = rs({ samples: 2, mu: 0.5, xi: 0.25 });
    const { points } = solver.ask({ alpha, step: 0 }, { key: key(1) });
    expect(points).to.have.length(4);
    for (const i of [0, 2])
      points[i].forEach((value, j) => expect((value + points[i + 1][j]) / 2).to.be.closeTo(alpha[j], 1e-15));
    const asked = solver.ask({ alpha, step: 0 }, { key: key(1) });
    const { state, diagnostics } = solver.tell({ alpha, step: 0 }, asked, Float64Array.of(1, 0, 3, 1));
    state.alpha.forEach((value, j) => expect(value).to.equal(alpha[j] - 0.25 * diagnostics.gradient[j]));
    expect(rs({ estimator: 'one-point' }).evaluations).to.equal(1);
    expect(rs({ estimator: 'two-point' }).evaluations).to.equal(2);
  });

  it('lets a direction with a bad loss contribute nothing', () => {
    const directions = [Float64Array.of(1, 0), Float64Array.of(0, 1)];
    const settings = { estimator: 'multi-point', law: 'normal' as RsLaw, mu: 1 } as const;
    const gradient = rsGradient(settings, directions, Float64Array.of(NaN, 3), Float64Array.of(0, 1));
    // φ/(2μN)·(3 − 1) = 0.5 along the second axis.
    expect(Array.from(gradient)).to.deep.equal([0, 0.5]);
  });

  it('counts a direction drawn twice twice, as in one dimension, where the sphere has two points', () => {
    const [u, v] = [Float64Array.of(1, 2), Float64Array.of(-1, 0.5)];
    const settings = { estimator: 'multi-point', law: 'normal', mu: 0.5 } as const;
    const of = (directions: readonly Vec[], ...slopes: number[]): Vec =>
      rsGradient(settings, directions, Float64Array.from(slopes), new Float64Array(slopes.length));
    expect(of([u, u], 3, 3)).to.deep.equal(of([u], 3));
    const [twice, once] = [of([u, u, v], 3, 3, 1), [of([u], 3), of([v], 1)]];
    twice.forEach((value, j) => expect(value).to.be.closeTo((2 * once[0][j] + once[1][j]) / 3, 1e-15));
    const { directions } = rs({ samples: 16 }).ask({ alpha: Float64Array.of(0), step: 0 }, { key: key(2) });
    expect(new Set(directions.map(([x]) => x))).to.deep.equal(new Set([-1, 1]));
    // On the line the estimate is then the exact slope of a quadratic, whatever was drawn.
    const line = quadratic(1);
    expect(estimate((a) => line.loss(a), Float64Array.of(0.3), { samples: 3 }, 1)[0]).to.be.closeTo(
      line.gradient(Float64Array.of(0.3))[0],
      1e-14,
    );
  });

  it('refuses options out of range, by name and bound', () => {
    expect(() => rs({ samples: 0 })).to.throw(
      SolverError,
      "rs solver's samples is 0; it must be an integer from 1 to 65536",
    );
    expect(() => rs({ samples: 1.5 })).to.throw(SolverError, /samples is 1\.5/);
    expect(() => rs({ mu: 0 })).to.throw(SolverError, /mu is 0; it must be a number greater than 0/);
    expect(() => rs({ xi: NaN })).to.throw(SolverError, /xi is NaN/);
    expect(() => rs({ estimator: 'two-point', samples: 4 })).to.throw(
      SolverError,
      /samples is 4; it must be 1 with the two-point estimator/,
    );
  });
});
