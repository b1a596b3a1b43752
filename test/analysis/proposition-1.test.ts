import { expect } from 'chai';
import fc from 'fast-check';
import { ZartsError } from '../../lib/errors.js';
import { besselRatio, propositionStep } from '../../lib/analysis/proposition-1.js';
import { key, normal } from '../../lib/math/random.js';
import { dot, norm, scale } from '../../lib/math/vec.js';
import { magnitude, number } from '../support/numbers.js';

/** ∫₋₁¹ f(t)(1 − t²)^((d−1)/2) dt by Simpson's rule on t = sin θ, under which the integrand is smooth at the ends. */
function ballIntegral(d: number, f: (t: number) => number): number {
  const n = 4000;
  let sum = 0;
  for (let i = 0; i <= n; i++) {
    const theta = Math.PI * (i / n - 0.5);
    const weight = i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * f(Math.sin(theta)) * Math.cos(theta) ** d;
  }
  return (sum * Math.PI) / n / 3;
}

describe('analysis/proposition-1', () => {
  // Computed with 40 digits by another program (mpmath).
  const known: readonly (readonly [order: number, s: number, ratio: number])[] = [
    [0, 1, 0.4463899658965345],
    [0, 5, 0.8933831370440852],
    [1, 1e-3, 0.000249999989583334],
    [1.5, 2, 0.3611066502067083],
    [5, 30, 0.8307924700492268],
    [28, 7, 0.11903511678753512],
    [98, 0.1, 0.0005050503775125625],
    [98, 75, 0.3362928181879188],
    [98, 1e4, 0.9901980223992893],
    [0, 1e6, 0.999999499999875],
  ];
  for (const [order, s, ratio] of known) {
    it(`gives I_${order + 1}/I_${order} at ${s} to the last digits of a double`, () => {
      expect(besselRatio(order, s)).to.be.closeTo(ratio, 1e-14 * ratio);
    });
  }

  it('has the elementary form of order ½, coth s − 1/s', () => {
    for (const s of [0.5, 1, 3, 20, 500]) {
      expect(besselRatio(0.5, s)).to.be.closeTo(1 / Math.tanh(s) - 1 / s, 1e-14);
    }
  });

  it('obeys the recurrence r_ν·(2(ν + 1)/s + r_{ν+1}) = 1 and lies between its bounds', () => {
    const order = number(0, 500);
    const argument = number(-12, 9).map((power) => 10 ** power);
    fc.assert(
      fc.property(order, argument, (nu, s) => {
        const ratio = besselRatio(nu, s);
        expect(ratio * ((2 * (nu + 1)) / s + besselRatio(nu + 1, s))).to.be.closeTo(1, 1e-12);
        // Bounds of Amos 1974; a rounding error on either side.
        const bound = (a: number, b: number): number => s / (a + Math.hypot(b, s));
        expect(ratio).to.be.at.least(bound(nu + 0.5, nu + 1.5) * (1 - 1e-14));
        expect(ratio).to.be.at.most(bound(nu + 0.5, nu + 0.5) * (1 + 1e-14));
      }),
      { numRuns: 200, examples: [[0, 549613632.940426]] },
    );
  });

  it('refuses what it cannot compute, by value', () => {
    for (const [order, s] of [
      [-1, 1],
      [0, -1],
      [NaN, 1],
      [0, Infinity],
      [0, 1e13],
    ])
      expect(() => besselRatio(order, s)).to.throw(ZartsError, `of order ${order} at ${s}`);
    expect(besselRatio(3, 0)).to.equal(0);
  });

  it('is the mean of exp(−g·u/τ) over the ball, by numerical integration', () => {
    for (const d of [1, 2, 3, 10, 196]) {
      for (const s of [0.01, 1, 12]) {
        // The coordinate t = u·g/(ε‖g‖) has density ∝ (1 − t²)^((d−1)/2) in the unit ball.
        const mean = ballIntegral(d, (t) => t * Math.exp(-s * t)) / ballIntegral(d, (t) => Math.exp(-s * t));
        const gradient = scale(2 / Math.sqrt(d), new Float64Array(d).fill(1));
        const [epsilon, tau] = [0.5, 1 / s];
        const step = propositionStep(gradient, { epsilon, tau });
        const along = dot(step, gradient) / norm(gradient) / epsilon;
        expect(along, `d = ${d}, s = ${s}`).to.be.closeTo(mean, 1e-10);
      }
    }
  });

  it('points along −g, no longer than ε, and for a small s is −ε²/(τ(d + 2))·g', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 30 }), magnitude(0.01, 100), (seed, d, tau) => {
        const gradient = normal(key(seed), d);
        const step = propositionStep(gradient, { epsilon: 0.7, tau });
        expect(norm(step)).to.be.below(0.7);
        const share = dot(step, gradient) / dot(gradient, gradient);
        expect(share).to.be.below(0);
        step.forEach((value, j) => expect(value).to.be.closeTo(share * gradient[j], 1e-12));
      }),
    );
    const gradient = Float64Array.of(3, 4);
    const step = propositionStep(gradient, { epsilon: 1e-3, tau: 2 });
    expect(step[0]).to.be.closeTo((-1e-6 / (2 * 4)) * 3, 1e-12);
    expect(Array.from(propositionStep(new Float64Array(2), { epsilon: 1, tau: 1 }))).to.deep.equal([0, 0]);
  });
});
