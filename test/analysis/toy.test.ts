import { expect } from 'chai';
import fc from 'fast-check';
import { linear, onBatch, quadratic, quartic, rosenbrock, toyStep } from '../../lib/analysis/toy.js';
import type { ToyFunction } from '../../lib/analysis/toy.js';
import { foldIn, key, normal, sphere, uniform } from '../../lib/math/random.js';
import { axpy, dot } from '../../lib/math/vec.js';
import { gld } from '../../lib/solvers/gld.js';

const TOYS: readonly ToyFunction[] = [
  linear(Float64Array.of(1, -2, 0.5)),
  quadratic(1),
  quadratic(7),
  quartic(5),
  rosenbrock(),
  onBatch(quartic(3), key(9), 0.3),
];

describe('analysis/toy', () => {
  for (const toy of TOYS) {
    it(`${toy.name} in ${toy.start.length} dimensions has the gradient of its loss`, () => {
      fc.assert(
        fc.property(fc.maxSafeNat(), (seed) => {
          const at = normal(key(seed), toy.start.length);
          const direction = sphere(foldIn(key(seed), 1), toy.start.length);
          const step = 1e-5;
          const difference =
            (toy.loss(axpy(step, direction, at)) - toy.loss(axpy(-step, direction, at))) / (2 * step);
          const slope = dot(toy.gradient(at), direction);
          expect(difference).to.be.closeTo(slope, 1e-5 * (1 + Math.abs(slope)));
        }),
      );
    });
  }

  it('has minima of 0 where it says', () => {
    const centre = Float64Array.from({ length: 7 }, (_, j) => Math.sin(j + 1));
    expect(quadratic(7).loss(centre)).to.equal(0);
    expect(quartic(4).loss(new Float64Array(4))).to.equal(0);
    expect(rosenbrock().loss(Float64Array.of(1, 1))).to.equal(0);
  });

  for (const law of ['normal', 'sphere'] as const) {
    it(`smooths the quartic as its mean over the law does (${law})`, () => {
      const [toy, mu, count] = [quartic(3), 0.8, 40_000];
      const at = Float64Array.of(0.9, -0.4, 0.2);
      const draw = (i: number) => {
        const from = foldIn(key(17), i);
        if (law === 'normal') return normal(from, 3);
        // Uniform in the ball: a point of the sphere times the cube root of a uniform number.
        const radius = Math.cbrt(uniform(foldIn(from, 1), 1)[0]);
        return sphere(from, 3).map((value) => radius * value);
      };
      const gradients = Array.from({ length: count }, (_, i) => toy.gradient(axpy(mu, draw(i), at)));
      toy.smoothedGradient(at, law, mu).forEach((expected, j) => {
        const mean = gradients.reduce((sum, g) => sum + g[j], 0) / count;
        const variance = gradients.reduce((sum, g) => sum + (g[j] - mean) ** 2, 0) / count;
        expect(mean).to.be.closeTo(expected, 5 * Math.sqrt(variance / count));
      });
    });
  }

  it('shows all candidates of an update the same batch, and another one the next', () => {
    const toy = quadratic(4);
    const [a, b] = [onBatch(toy, key(1), 0.1), onBatch(toy, key(2), 0.1)];
    const [x, y] = [normal(key(3), 4), normal(key(4), 4)];
    const tilt = axpy(-1, toy.gradient(x), a.gradient(x));
    expect(a.loss(x) - a.loss(y)).to.be.closeTo(
      toy.loss(x) - toy.loss(y) + dot(tilt, x) - dot(tilt, y),
      1e-12,
    );
    expect(b.loss(x)).to.not.equal(a.loss(x));
    expect(onBatch(toy, key(1), 0).loss(x)).to.equal(toy.loss(x));
  });

  it('steps from a key alone, with errors and penalties where they are asked for', () => {
    const toy = quadratic(4);
    const solver = gld();
    const state = solver.init(toy.start);
    const plain = toyStep(solver, state, toy, { key: key(5) });
    expect(toyStep(solver, state, toy, { key: key(5) })).to.deep.equal(plain);
    expect(Array.from(plain.losses)).to.deep.equal(plain.asked.points.map((point) => toy.loss(point)));
    const noisy = toyStep(solver, state, toy, { key: key(5), noise: 0.1 });
    expect(noisy.asked).to.deep.equal(plain.asked);
    noisy.losses.forEach((loss, i) => expect(loss).to.not.equal(plain.losses[i]));
    const penalised = toyStep(solver, state, toy, { key: key(5), basePenalty: 2 });
    expect(penalised.losses[0]).to.equal(plain.losses[0] + 2);
    expect(Array.from(penalised.losses.subarray(1))).to.deep.equal(Array.from(plain.losses.subarray(1)));
  });
});
