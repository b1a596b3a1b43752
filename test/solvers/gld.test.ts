import { expect } from 'chai';
import fc from 'fast-check';
import { onBatch, quadratic, quartic, rosenbrock, toyStep } from '../../lib/analysis/toy.js';
import { foldIn, key } from '../../lib/math/random.js';
import { norm, squaredDistance } from '../../lib/math/vec.js';
import { gld, gldRadii } from '../../lib/solvers/gld.js';
import { randomAlpha } from '../../lib/solvers/random-alpha.js';
import { SolverError, bestCandidate } from '../../lib/solvers/solver.js';

describe('solvers/gld', () => {
  it('has the radii of the paper: halved from R down to r', () => {
    expect(Array.from(gldRadii({ radiusMax: 1, radiusMin: 0.125 }))).to.deep.equal([1, 0.5, 0.25, 0.125]);
    expect(Array.from(gldRadii({ radiusMax: 1, radiusMin: 0.3 }))).to.deep.equal([1, 0.5]);
    expect(gldRadii({ radiusMax: 0.5, radiusMin: 0.5 })).to.have.length(1);
    // Quotients that rounding puts just below a power of two.
    for (const [radiusMax, radiusMin] of [
      [0.6, 0.075],
      [0.3, 0.0375],
      [2.4, 0.3],
    ]) {
      expect(gldRadii({ radiusMax, radiusMin })).to.have.length(4);
    }
    // The released script's radii give its 15 candidates.
    expect(gldRadii({ radiusMax: 0.13, radiusMin: 4.7e-6 })).to.have.length(15);
  });

  it('asks at alpha first, then once on every sphere', () => {
    const alpha = Float64Array.of(1, 2, 3);
    const solver = gld({ radiusMax: 0.4, radiusMin: 0.1 });
    const { points } = solver.ask({ alpha, step: 0 }, { key: key(3) });
    expect(points.map((point) => Math.sqrt(squaredDistance(point, alpha)).toFixed(12))).to.deep.equal(
      [0, 0.4, 0.2, 0.1].map((radius) => radius.toFixed(12)),
    );
  });

  it('never increases the loss on the same batch, whatever batch an update sees', () => {
    const toys = [quadratic(1), quadratic(10), quartic(5), rosenbrock()];
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.constantFrom(...toys),
        fc.constantFrom(0, 0.1, 10),
        (seed, toy, noise) => {
          let state = gld().init(toy.start);
          for (let i = 0; i < 20; i++) {
            const batch = onBatch(toy, foldIn(key(seed), i), noise);
            const before = batch.loss(state.alpha);
            ({ state } = toyStep(gld(), state, batch, { key: foldIn(key(seed), 1000 + i) }));
            expect(batch.loss(state.alpha)).to.be.at.most(before);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('may increase it where the base is not fine-tuned as the candidates are, as in the released code', () => {
    const toy = quadratic(10);
    const solver = gld();
    const rises = Array.from({ length: 50 }, (_, i) => {
      // At the minimum every move is a loss.
      const minimum = solver.init(Float64Array.from({ length: 10 }, (_, j) => Math.sin(j + 1)));
      const { state } = toyStep(solver, minimum, toy, { key: foldIn(key(8), i), basePenalty: 0.1 });
      return toy.loss(state.alpha) > toy.loss(minimum.alpha);
    });
    expect(rises).to.not.include(false);
  });

  it('moves exactly when a candidate is strictly better, to the first of the best', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -3, max: 3 }),
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 4, maxLength: 4 }),
        (base, losses) => {
          const choice = bestCandidate(base, Float64Array.from(losses));
          const least = Math.min(...losses);
          expect(choice).to.equal(least < base ? losses.indexOf(least) : -1);
        },
      ),
    );
    expect(bestCandidate(NaN, Float64Array.of(NaN, 5))).to.equal(1);
    expect(bestCandidate(1, Float64Array.of(-Infinity, NaN))).to.equal(-1);
  });

  it('stays when all are worse and takes the chosen direction when one is better', () => {
    const alpha = Float64Array.of(0, 0);
    const solver = gld({ radiusMax: 0.4, radiusMin: 0.1 });
    const asked = solver.ask({ alpha, step: 0 }, { key: key(3) });
    const worse = solver.tell({ alpha, step: 0 }, asked, Float64Array.of(1, 1, 2, 3));
    expect(worse.diagnostics).to.include({ stayed: true, choice: -1 });
    expect(worse.state.alpha).to.deep.equal(alpha);
    const better = solver.tell({ alpha, step: 0 }, asked, Float64Array.of(1, 2, 0.5, 0.6));
    expect(better.diagnostics).to.include({ stayed: false, choice: 1 });
    expect(better.state.alpha).to.deep.equal(asked.points[2]);
    expect(norm(better.diagnostics.update)).to.be.closeTo(0.2, 1e-15);
  });

  it('has one candidate where R = r, and takes the first of two that are the same', () => {
    const solver = gld({ radiusMax: 0.2, radiusMin: 0.2 });
    expect(solver.evaluations).to.equal(2);
    const point = Float64Array.of(0.2);
    const asked = { points: [Float64Array.of(0), point, point], directions: [point, point] };
    const two = gld({ radiusMax: 0.2, radiusMin: 0.1 });
    const { diagnostics } = two.tell({ alpha: asked.points[0], step: 0 }, asked, Float64Array.of(1, 0, 0));
    expect(diagnostics.choice).to.equal(0);
  });

  it('refuses radii out of range, by name and bound', () => {
    expect(() => gld({ radiusMax: 0 })).to.throw(SolverError, /radiusMax is 0/);
    expect(() => gld({ radiusMin: -1 })).to.throw(SolverError, /radiusMin is -1/);
    expect(() => gld({ radiusMax: 0.1, radiusMin: 0.2 })).to.throw(
      SolverError,
      /at most radiusMax, which is 0\.1/,
    );
  });
});

describe('solvers/random-alpha', () => {
  it('draws wherever alpha is, and lands on the drawn point exactly', () => {
    const solver = randomAlpha({ samples: 3, scale: 2 });
    const far = { alpha: Float64Array.of(1e6, 1e6), step: 0 };
    const near = { alpha: new Float64Array(2), step: 0 };
    const [fromFar, fromNear] = [far, near].map((state) => solver.ask(state, { key: key(8) }).points);
    expect(fromFar.slice(1)).to.deep.equal(fromNear.slice(1));
    const { state, diagnostics } = solver.tell(far, { points: fromFar }, Float64Array.of(5, 6, 4, 7));
    expect(state.alpha).to.deep.equal(fromFar[2]);
    expect(diagnostics.update).to.deep.equal(fromFar[2].map((value) => value - 1e6));
    expect(() => randomAlpha({ samples: 0 })).to.throw(SolverError, /samples is 0/);
    expect(() => randomAlpha({ scale: 0 })).to.throw(SolverError, /scale is 0/);
  });
});
