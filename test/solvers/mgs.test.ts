import { expect } from 'chai';
import fc from 'fast-check';
import { Estimates } from '../../lib/analysis/estimators.js';
import { propositionStep } from '../../lib/analysis/proposition-1.js';
import { linear, toyStep } from '../../lib/analysis/toy.js';
import { loadFixtures } from '../parity/fixtures.js';
import { foldIn, key, normal, sphere } from '../../lib/math/random.js';
import { axpy, dot, norm, scale, softmax } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import {
  MGS_DENSITIES,
  mgs,
  mgsUpdate,
  proposalLogDensity,
  releasedLogDensity,
} from '../../lib/solvers/mgs.js';
import type { MgsOptions } from '../../lib/solvers/mgs.js';
import { SolverError } from '../../lib/solvers/solver.js';
import { FIXTURES } from '../support/fixtures.js';
import { number } from '../support/numbers.js';

const loss = number(-5, 5);
const draws = fc
  .record({
    seed: fc.maxSafeNat(),
    d: fc.integer({ min: 1, max: 12 }),
    losses: fc.array(loss, { minLength: 1, maxLength: 9 }),
  })
  .map(({ seed, d, losses }) => ({
    directions: losses.map((_, i) => normal(foldIn(key(seed), i), d)),
    gradient: normal(foldIn(key(seed), 1000), d),
    losses: Float64Array.from(losses),
  }));

/** Mean ESR, and what the updates on a linear loss are as estimates of −g. */
function simulate(options: Partial<MgsOptions>, gradient: Vec, repeats: number) {
  const [solver, toy] = [mgs(options), linear(gradient)];
  const steps = new Estimates(scale(-1, gradient));
  let esr = 0;
  for (let i = 0; i < repeats; i++) {
    const { diagnostics } = toyStep(solver, solver.init(toy.start), toy, { key: foldIn(key(11), i) });
    steps.add(diagnostics.update);
    esr += diagnostics.esr / repeats;
  }
  return { esr, ...steps.compare() };
}

describe('solvers/mgs', () => {
  it('does not change when a constant is added to all losses or to all log-densities', () => {
    fc.assert(
      fc.property(draws, number(-100, 100), ({ directions, gradient, losses }, shift) => {
        const logQ = proposalLogDensity(directions, gradient, { sigma: 0.7, lambda: 0.3 });
        const plain = mgsUpdate(directions, losses, logQ, { tau: 0.5 });
        const moved = mgsUpdate(
          directions,
          losses.map((x) => x + shift),
          logQ.map((x) => x - shift),
          { tau: 0.5, base: 1 },
        );
        plain.weights.forEach((c, i) => expect(moved.weights[i]).to.be.closeTo(c, 1e-10));
      }),
    );
  });

  it('stays in the convex hull: weights are a distribution, and u* its mean', () => {
    fc.assert(
      fc.property(draws, fc.constantFrom(1e-3, 1, 1e3), ({ directions, losses }, tau) => {
        const { update, weights } = mgsUpdate(directions, losses, new Float64Array(losses.length), { tau });
        expect(weights.reduce((a, b) => a + b)).to.be.closeTo(1, 1e-12);
        update.forEach((value, j) => {
          const axis = directions.map((u) => u[j]);
          expect(value).to.be.within(Math.min(...axis) - 1e-12, Math.max(...axis) + 1e-12);
        });
      }),
    );
  });

  it('tends to the plain mean as tau grows and to the best draw as it vanishes (flat)', () => {
    const directions = [0, 1, 2, 3].map((i) => normal(foldIn(key(4), i), 5));
    const losses = Float64Array.of(0.3, -0.2, 0.1, 0.4);
    const none = new Float64Array(4);
    const mean = directions.reduce((sum, u) => axpy(0.25, u, sum), new Float64Array(5));
    mgsUpdate(directions, losses, none, { tau: 1e12 }).update.forEach((x, j) =>
      expect(x).to.be.closeTo(mean[j], 1e-10),
    );
    expect(mgsUpdate(directions, losses, none, { tau: 1e-12 }).update).to.deep.equal(directions[1]);
  });

  it('stays finite where exponentials overflow: losses ±1 at tau = 0.01, densities of 1e300 and 1e-300', () => {
    const directions = [Float64Array.of(1), Float64Array.of(2), Float64Array.of(3)];
    const { weights, ess } = mgsUpdate(directions, Float64Array.of(-1, 1, -1), new Float64Array(3), {
      tau: 0.01,
    });
    expect(weights[0]).to.be.closeTo(0.5, 1e-15);
    expect(weights[1]).to.be.closeTo(Math.exp(-200) / 2, 1e-100);
    expect(ess).to.be.closeTo(2, 1e-12);
    const extreme = mgsUpdate(directions, Float64Array.of(0, 0, 0), Float64Array.of(690, -690, 0), {
      tau: 1,
    });
    expect(Array.from(extreme.weights)).to.deep.equal(Array.from(softmax(Float64Array.of(-690, 690, 0))));
    expect(extreme.weights[1]).to.equal(1);
  });

  it('gives no weight to a bad loss, all to a single candidate, and shares it among duplicates', () => {
    const directions = [1, 2, 3].map((x) => Float64Array.of(x));
    const none = new Float64Array(3);
    for (const bad of [NaN, Infinity, -Infinity]) {
      const { weights } = mgsUpdate(directions, Float64Array.of(1, bad, 1), none, { tau: 1 });
      expect(Array.from(weights)).to.deep.equal([0.5, 0, 0.5]);
    }
    const one = mgs({ samples: 1 });
    const asked = one.ask(
      { alpha: Float64Array.of(0), step: 0 },
      { key: key(1), gradient: Float64Array.of(1) },
    );
    const told = one.tell({ alpha: Float64Array.of(0), step: 0 }, asked, Float64Array.of(1e9));
    expect(told.diagnostics.update).to.deep.equal(asked.directions[0]);
    expect(told.diagnostics).to.include({ ess: 1, esr: 1, stayed: false });
    const twins = mgsUpdate([directions[0], directions[0]], Float64Array.of(2, 2), new Float64Array(2), {
      tau: 1,
    });
    expect(twins.update[0]).to.equal(1);
    expect(twins.ess).to.equal(2);
  });

  it('draws each direction from one component of Eq. 26, or blends both as the released code does', () => {
    const [lambda, sigma] = [0.3, 0.5];
    const gradient = Float64Array.of(8, 0);
    const ask = (density: MgsOptions['density']): Vec[] => [
      ...mgs({ samples: 20_000, lambda, sigma, density }).ask(
        { alpha: new Float64Array(2), step: 0 },
        { key: key(6), gradient },
      ).directions,
    ];
    const share = ask('literal').filter(([x]) => x > -4).length / 20_000;
    expect(share).to.be.closeTo(lambda, 5 * Math.sqrt((lambda * (1 - lambda)) / 20_000));
    expect(ask('flat')).to.deep.equal(ask('literal'));
    const first = ask('released').map(([x]) => x);
    const mean = first.reduce((a, b) => a + b) / 20_000;
    const variance = first.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 20_000;
    const law = sigma ** 2 * ((1 - lambda) ** 2 + lambda ** 2);
    expect(mean).to.be.closeTo(-(1 - lambda) * 8, 5 * Math.sqrt(law / 20_000));
    expect(variance).to.be.closeTo(law, 5 * law * Math.sqrt(2 / 20_000));
  });

  it('has a density that integrates to one, and drops a term at lambda 0 and 1', () => {
    const gradient = Float64Array.of(1.5);
    const grid = Array.from({ length: 4001 }, (_, i) => Float64Array.of(-10 + 0.005 * i));
    for (const lambda of [0, 0.25, 1]) {
      const density = proposalLogDensity(grid, gradient, { sigma: 0.6, lambda }).map(Math.exp);
      expect(density.reduce((a, b) => a + b) * 0.005).to.be.closeTo(1, 1e-9);
    }
    const [atCentre] = proposalLogDensity([Float64Array.of(-1.5)], gradient, { sigma: 1, lambda: 0 });
    expect(atCentre).to.be.closeTo(-Math.log(2 * Math.PI) / 2, 1e-15);
    expect(proposalLogDensity(grid, undefined, { sigma: 1, lambda: 1 })).to.deep.equal(
      proposalLogDensity(grid, gradient, { sigma: 1, lambda: 1 }),
    );
  });

  it('weighs as the released formula does (reference cases in which float32 held)', () => {
    const cases = loadFixtures(FIXTURES).cases.filter(
      ({ id, info }) => id.startsWith('zo_mgs') && 'released_weights' in info,
    );
    let compared = 0;
    for (const { id, arrays, constants } of cases) {
      const expected = arrays.released_weights.data;
      if (!expected.every((value) => Number.isFinite(value))) continue;
      const [n, d] = arrays.u.shape;
      const directions = Array.from({ length: n }, (_, i) =>
        Float64Array.from(arrays.u.data.subarray(i * d, (i + 1) * d)),
      );
      const options = { sigma: constants.sigma as number, lambda: constants.lambda as number };
      const logQ = releasedLogDensity(directions, Float64Array.from(arrays.grad.data), options);
      const { weights } = mgsUpdate(directions, Float64Array.from(arrays.loss.data), logQ, {
        tau: constants.tau as number,
      });
      weights.forEach((c, i) => expect(c, `${id}, weight ${i}`).to.be.closeTo(expected[i], 1e-5));
      compared++;
    }
    expect(compared).to.be.at.least(4);
  });

  it('collapses under the literal density at d = 196 and not under a constant one', () => {
    // Linear loss with ‖g‖ = 0.03 at the script's values; the numbers are those of an independent simulation.
    const gradient = scale(0.03, sphere(key(9), 196));
    const esr = (density: MgsOptions['density'], samples: number, sigma: number): number =>
      simulate({ density, samples, sigma, tau: 0.01 }, gradient, 500).esr;
    const literal = { 2: 0.54, 4: 0.29, 6: 0.2, 8: 0.15 };
    for (const [n, value] of Object.entries(literal))
      expect(esr('literal', Number(n), 0.025)).to.be.closeTo(value, 0.02);
    const wide = { 2: 0.9, 4: 0.82, 6: 0.79, 8: 0.78 };
    for (const density of ['flat', 'released'] as const) {
      expect(esr(density, 4, 0.025)).to.be.above(0.99);
      for (const [n, value] of Object.entries(wide))
        expect(esr(density, Number(n), 0.2)).to.be.closeTo(value, 0.02);
    }
  });

  it('steps by −(1 + σ²/τ)·g on a linear loss with many flat-density samples', () => {
    const gradient = scale(0.03, sphere(key(9), 6));
    for (const [sigma, tau] of [
      [0.025, 0.01],
      [0.05, 0.01],
    ]) {
      const { gain } = simulate({ density: 'flat', samples: 20_000, lambda: 0, sigma, tau }, gradient, 5);
      // Five standard errors of σ·z/(‖g‖·√(5·N_e)), N_e close to N here.
      expect(gain).to.be.closeTo(1 + sigma ** 2 / tau, (5 * sigma) / 0.03 / Math.sqrt(100_000 / 1.5));
    }
  });

  for (const density of MGS_DENSITIES) {
    it(`steps along −g in the mean, whatever N (${density})`, () => {
      // By symmetry: all that the law of u* knows on a linear loss is the axis of g.
      const gradient = scale(0.5, sphere(key(9), 5));
      for (const samples of [2, 8]) {
        const options = { density, samples, lambda: 0.1, sigma: 0.3, tau: 0.2 };
        const { gain, variance, tangentSquared, count } = simulate(options, gradient, 4000);
        expect(gain).to.be.above(0.5);
        // The squared length of four coordinates' means, each of variance v/5n: mean removed, five standard deviations.
        expect(tangentSquared).to.be.at.most((5 * Math.sqrt(8) * variance) / 5 / count / gain ** 2);
      }
    });
  }

  for (const d of [1, 3, 20]) {
    it(`restricted to a ball, steps as Proposition 1 does in closed form (d = ${d})`, () => {
      // σ = ε/√d: draws are about as long as the ball is wide, so about half of them count; s = (d + 2)/4: a
      // step of about ε/4.
      const [epsilon, tau] = [1, 0.25];
      const gradient = scale((((d + 2) / 4) * tau) / epsilon, sphere(key(2), d));
      const expected = propositionStep(gradient, { epsilon, tau });
      const solver = mgs({
        samples: 60_000,
        lambda: 1,
        sigma: epsilon / Math.sqrt(d),
        tau,
        clipNorm: epsilon,
      });
      const toy = linear(gradient);
      const { diagnostics } = toyStep(solver, solver.init(toy.start), toy, { key: key(3) });
      const { update, ess, outside } = diagnostics;
      expect(outside).to.be.within(1, 59_999);
      // In the unit ball a coordinate has a variance of 1/(d + 2) at most, however p is tilted, and all of them together 1.
      expect(norm(axpy(-1, expected, update))).to.be.below(5 / Math.sqrt(ess));
      const error = 5 / Math.sqrt((d + 2) * ess);
      const along = dot(update, expected) / norm(expected);
      expect(along).to.be.closeTo(norm(expected), error);
      expect(error).to.be.below(0.1 * norm(expected));
    });
  }

  it('gives no direction outside the ball any weight, and stays if all are', () => {
    const solver = mgs({ clipNorm: 1e-9, samples: 3, lambda: 1 });
    const toy = linear(Float64Array.of(1, 2, 3));
    const { state, diagnostics } = toyStep(solver, solver.init(toy.start), toy, { key: key(3) });
    expect(diagnostics).to.include({ stayed: true, outside: 3, discarded: 0 });
    expect(state.alpha).to.deep.equal(toy.start);
  });

  it('estimates ln Z when the base is measured: a Gaussian well has a known integral', () => {
    // L(u) = ‖u‖²/2 and tau = 1: Z = (2π)^{d/2}.
    const solver = mgs({ samples: 20_000, lambda: 1, sigma: 1.3, tau: 1, measureBase: true });
    const state = solver.init(new Float64Array(2));
    const asked = solver.ask(state, { key: key(5) });
    expect(asked.points[0]).to.deep.equal(state.alpha);
    const losses = Float64Array.from(asked.points, (point) => 3 + dot(point, point) / 2);
    expect(solver.tell(state, asked, losses).diagnostics.logZ).to.be.closeTo(Math.log(2 * Math.PI), 0.03);
    const still = solver.ask(state, { key: key(5), sigma: 0 });
    expect(solver.tell(state, still, losses).diagnostics.logZ, 'point masses').to.equal(null);
    losses[0] = NaN;
    expect(solver.tell(state, asked, losses).diagnostics.logZ).to.equal(null);
    expect(solver.tell(state, asked, losses).diagnostics.discarded).to.equal(1);
  });

  for (const density of MGS_DENSITIES) {
    it(`works at sigma = 0 and at lambda 0 and 1 (${density})`, () => {
      const gradient = Float64Array.of(0.5, -1);
      for (const lambda of [0, 0.5, 1]) {
        for (const sigma of [0, 0.1]) {
          const solver = mgs({ samples: 6, lambda, density });
          const state = solver.init(Float64Array.of(1, 1));
          const asked = solver.ask(state, { key: key(4), gradient, sigma });
          const { diagnostics } = solver.tell(
            state,
            asked,
            Float64Array.from(asked.points, (p) => dot(p, p)),
          );
          expect(diagnostics.stayed).to.be.false;
          expect(diagnostics.weights.reduce((a, b) => a + b)).to.be.closeTo(1, 1e-12);
          if (sigma > 0) continue;
          const atoms = density === 'released' ? [1 - lambda] : [0, 1];
          for (const u of asked.directions) {
            const shares = atoms.map((share) => norm(axpy(share, gradient, u)));
            expect(Math.min(...shares)).to.be.at.most(1e-15);
          }
        }
      }
    });
  }

  it('uses the sigma of the step where one is given', () => {
    const state = { alpha: new Float64Array(4), step: 0 };
    const gradient = new Float64Array(4);
    const directions = (sigma: number): Vec[] => [
      ...mgs({ lambda: 1, sigma: 9 }).ask(state, { key: key(1), gradient, sigma }).directions,
    ];
    const [narrow, wide] = [directions(0.5), directions(1)];
    narrow.forEach((u, i) => expect(Array.from(scale(2, u))).to.deep.equal(Array.from(wide[i])));
    expect(() => directions(-1)).to.throw(SolverError, /sigma is -1/);
  });

  it('needs a finite gradient of the right length, but not at lambda = 1', () => {
    const state = { alpha: new Float64Array(3), step: 0 };
    expect(mgs().needsGradient).to.be.true;
    expect(() => mgs().ask(state, { key: key(1) })).to.throw(SolverError, /needs the gradient.*lambda to 1/);
    expect(() => mgs().ask(state, { key: key(1), gradient: new Float64Array(2) })).to.throw(
      SolverError,
      /length 2 for 3 alphas/,
    );
    expect(() => mgs().ask(state, { key: key(1), gradient: Float64Array.of(0, NaN, 0) })).to.throw(
      SolverError,
      /gradient\[1\] = NaN/,
    );
    expect(mgs({ lambda: 1 }).needsGradient).to.be.false;
    expect(mgs({ lambda: 1 }).ask(state, { key: key(1) }).points).to.have.length(4);
  });

  it('refuses options out of range, by name and bound', () => {
    expect(() => mgs({ samples: 0 })).to.throw(
      SolverError,
      /samples is 0; it must be an integer from 1 to 65536/,
    );
    expect(() => mgs({ lambda: 1.5 })).to.throw(
      SolverError,
      /lambda is 1\.5; it must be a number at least 0 and at most 1/,
    );
    expect(() => mgs({ sigma: -0.1 })).to.throw(SolverError, /sigma is -0\.1/);
    expect(() => mgs({ tau: 0 })).to.throw(SolverError, /tau is 0; it must be a number greater than 0/);
    expect(() => mgs({ clipNorm: 0 })).to.throw(SolverError, /clipNorm is 0/);
  });
});
