import { expect } from 'chai';
import fc from 'fast-check';
import { ZartsError } from '../../lib/errors.js';
import { Estimates } from '../../lib/analysis/estimators.js';
import { foldIn, key, normal } from '../../lib/math/random.js';
import { axpy, dot, norm } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';

function gather(truth: Vec, estimates: readonly Vec[]) {
  const gathered = new Estimates(truth);
  for (const each of estimates) gathered.add(each);
  return gathered.compare();
}

describe('analysis/estimators', () => {
  it('gives the textbook sums, over all vectors at once', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 2, max: 9 }),
        (seed, d, n) => {
          const truth = normal(foldIn(key(seed), 99), d);
          const all = Array.from({ length: n }, (_, i) => normal(foldIn(key(seed), i), d));
          const squared = dot(truth, truth);
          const average = (f: (x: Vec) => number): number => all.reduce((sum, x) => sum + f(x), 0) / n;
          const mean = truth.map((_, j) => average((x) => x[j]));
          const distance = (x: Vec, y: Vec): number => norm(axpy(-1, y, x)) ** 2;
          const variance = (average((x) => distance(x, mean)) * n) / (n - 1) / squared;
          const got = gather(truth, all);
          const close = (value: number, expected: number) =>
            expect(value).to.be.closeTo(expected, 1e-9 * (1 + Math.abs(expected)));
          close(got.gain, dot(mean, truth) / squared);
          close(got.variance, variance);
          close(got.biasSquared, distance(mean, truth) / squared - variance / n);
          close(got.meanSquaredError, average((x) => distance(x, truth)) / squared);
          close(
            got.cosine,
            average((x) => dot(x, truth) / norm(x) / norm(truth)),
          );
          expect(got.count).to.equal(n);
        },
      ),
    );
  });

  it('finds no bias where there is none, and the bias and the angle that there are', () => {
    // x = t + b + z with b across t: bias² = ‖b‖², tan² = ‖b‖², variance = d, in units of ‖t‖ = 1.
    const truth = Float64Array.of(1, 0, 0, 0);
    const count = 40_000;
    for (const b of [0, 0.5]) {
      const got = gather(
        truth,
        Array.from({ length: count }, (_, i) =>
          axpy(1, Float64Array.of(1, b, 0, 0), normal(foldIn(key(3), i), 4)),
        ),
      );
      // Each mean has variance 1/n; b doubles what comes of it, and χ²₄ has a standard deviation of √8.
      const error = 5 * ((2 * b) / Math.sqrt(count) + Math.sqrt(8) / count);
      expect(got.biasSquared).to.be.closeTo(b ** 2, error);
      expect(got.tangentSquared).to.be.closeTo(b ** 2, 2 * error);
      expect(got.gain).to.be.closeTo(1, 5 / Math.sqrt(count));
      expect(got.variance).to.be.closeTo(4, (5 * Math.sqrt(8)) / Math.sqrt(count));
    }
  });

  it('gives an estimate that is zero no direction', () => {
    const got = gather(Float64Array.of(2, 0), [new Float64Array(2), Float64Array.of(3, 0)]);
    expect(got.cosine).to.equal(0.5);
    expect(got.gain).to.equal(0.75);
  });

  it('refuses a truth without direction, and too few estimates', () => {
    expect(() => new Estimates(new Float64Array(3))).to.throw(ZartsError, /zero vector/);
    expect(() => gather(Float64Array.of(1), [])).to.throw(ZartsError, 'there are none');
    expect(() => gather(Float64Array.of(1), [Float64Array.of(1)])).to.throw(ZartsError, 'there is 1');
  });
});
