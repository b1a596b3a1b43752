import { expect } from 'chai';
import fc from 'fast-check';
import { conditionNumber, conditionPerturbations } from '../../lib/analysis/condition.js';
import { ZartsError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { axpy, dot, norm, scale } from '../../lib/math/vec.js';
import { magnitude } from '../support/numbers.js';

describe('analysis/condition', () => {
  const alpha = Float64Array.of(3, 4);

  it('is 1 for a linear loss along alpha, perturbed along it too', () => {
    const loss = (a: Float64Array): number => dot(alpha, a);
    const deltas = [scale(0.01, alpha), scale(-0.002, alpha)];
    const losses = Float64Array.from(deltas, (delta) => loss(axpy(1, delta, alpha)));
    const { q, ratios } = conditionNumber(alpha, deltas, loss(alpha), losses);
    expect(q).to.be.closeTo(1, 1e-12);
    expect(ratios).to.have.length(2);
  });

  it('does not change when the loss is scaled', () => {
    fc.assert(
      fc.property(magnitude(1e-3, 1e3), fc.maxSafeNat(), (factor, seed) => {
        const deltas = conditionPerturbations(key(seed), 2, 5);
        const losses = Float64Array.from(deltas, (delta) => 2 + dot(delta, alpha));
        const scaled = conditionNumber(
          alpha,
          deltas,
          2 * factor,
          losses.map((loss) => loss * factor),
        ).q;
        expect(scaled / conditionNumber(alpha, deltas, 2, losses).q).to.be.closeTo(1, 1e-9);
      }),
    );
  });

  it('perturbs on a sphere: 50 of radius 0.01 unless told otherwise', () => {
    const deltas = conditionPerturbations(key(1), 196);
    expect(deltas).to.have.length(50);
    for (const delta of deltas) expect(norm(delta)).to.be.closeTo(0.01, 1e-15);
  });

  it('refuses what it cannot divide by', () => {
    const deltas = [Float64Array.of(0.1, 0)];
    const one = Float64Array.of(1);
    expect(() => conditionNumber(alpha, deltas, 0, one)).to.throw(ZartsError, /loss at alpha is 0/);
    expect(() => conditionNumber(alpha, deltas, NaN, one)).to.throw(ZartsError, /loss at alpha is NaN/);
    expect(() => conditionNumber(alpha, deltas, 1, Float64Array.of(Infinity))).to.throw(
      ZartsError,
      /perturbation 0 is Infinity/,
    );
    expect(() => conditionNumber(alpha, [new Float64Array(2)], 1, one)).to.throw(
      ZartsError,
      /Perturbation 0 is zero/,
    );
    expect(() => conditionNumber(alpha, deltas, 1, new Float64Array(2))).to.throw(
      ZartsError,
      /there are 2 and 1/,
    );
    expect(() => conditionNumber(alpha, [], 1, new Float64Array())).to.throw(ZartsError);
  });
});
