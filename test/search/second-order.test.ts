import { expect } from 'chai';
import { key, normal } from '../../lib/math/random.js';
import { dot } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import { secondOrderGradient } from '../../lib/search/second-order.js';
import type { Gradients } from '../../lib/search/second-order.js';

/** L_train = ωᵀAα + ½|ω|², L_val = ½|ω − t|² + bᵀα: every derivative known, the mixed one is A. */
describe('search/second-order', () => {
  const [weights, alphas] = [5, 3];
  const draw = (seed: number, size: number): Vec => normal(key(seed), size);
  const a = draw(1, weights * alphas);
  const [omega, alpha, target, slope] = [
    draw(2, weights),
    draw(3, alphas),
    draw(4, weights),
    draw(5, alphas),
  ];
  const timesA = (v: Vec): Vec =>
    Float64Array.from({ length: weights }, (_, i) => dot(a.subarray(i * alphas, (i + 1) * alphas), v));
  const timesAT = (v: Vec): Vec =>
    Float64Array.from({ length: alphas }, (_, j) =>
      v.reduce((sum, value, i) => sum + value * a[i * alphas + j], 0),
    );
  const train = (at: Vec): Gradients => ({
    loss: dot(at, timesA(alpha)) + dot(at, at) / 2,
    weights: timesA(alpha).map((value, i) => value + at[i]),
    alphas: timesAT(at),
  });
  const val = (at: Vec): Gradients => {
    const away = at.map((value, i) => value - target[i]);
    return { loss: dot(away, away) / 2 + dot(slope, alpha), weights: away, alphas: slope };
  };
  const settings = { lr: 0.1, momentum: 0, weightDecay: 0, radius: 0.01 };
  const close = (found: Vec, expected: Vec, tolerance = 1e-9) => {
    expect(found).to.have.length(expected.length);
    found.forEach((value, i) => expect(value).to.be.closeTo(expected[i], tolerance));
  };

  it('is the exact mixed derivative on a bilinear loss', () => {
    const found = secondOrderGradient(train, val, omega, settings);
    const unrolled = omega.map((value, i) => value - 0.1 * (timesA(alpha)[i] + value));
    close(found.unrolled, unrolled);
    const v = unrolled.map((value, i) => value - target[i]);
    expect(found.vNorm).to.be.closeTo(Math.hypot(...v), 1e-12);
    expect(found.step).to.be.closeTo(0.01 / Math.hypot(...v), 1e-12);
    close(found.direct, slope);
    close(found.implicit, timesAT(v));
    close(
      found.gradient,
      slope.map((value, j) => value - 0.1 * timesAT(v)[j]),
    );
    expect(found.trainLoss).to.equal(train(omega).loss);
    expect(found.valLoss).to.equal(val(found.unrolled).loss);
  });

  it('is the slope of the validation loss through the unrolled step', () => {
    // L_val(ω'(α), α) by central differences in α; ω' depends on α through ∇_ω L_train.
    const through = (moved: Vec): number => {
      const unrolled = omega.map((value, i) => value - 0.1 * (timesA(moved)[i] + value));
      const away = unrolled.map((value, i) => value - target[i]);
      return dot(away, away) / 2 + dot(slope, moved);
    };
    const h = 1e-4;
    const shifted = (j: number, by: number): Vec => alpha.map((value, i) => (i === j ? value + by : value));
    const slopes = alpha.map((_, j) => (through(shifted(j, h)) - through(shifted(j, -h))) / (2 * h));
    close(secondOrderGradient(train, val, omega, settings).gradient, slopes, 1e-7);
  });

  it('unrolls with momentum and decay where they are given', () => {
    const buffer = draw(6, weights);
    const { unrolled } = secondOrderGradient(
      train,
      val,
      omega,
      { ...settings, momentum: 0.9, weightDecay: 0.5 },
      buffer,
    );
    const step = (i: number) => timesA(alpha)[i] + omega[i] + 0.5 * omega[i] + 0.9 * buffer[i];
    close(
      unrolled,
      omega.map((value, i) => value - 0.1 * step(i)),
    );
    const without = secondOrderGradient(train, val, omega, { ...settings, momentum: 0.9 });
    close(without.unrolled, secondOrderGradient(train, val, omega, settings).unrolled);
  });

  it('is the first-order gradient where the validation loss has no slope in the weights', () => {
    const flat = (at: Vec): Gradients => ({ ...val(at), weights: new Float64Array(weights) });
    const found = secondOrderGradient(train, flat, omega, settings);
    close(found.gradient, slope);
    expect(found.step).to.equal(0);
    expect(Array.from(found.implicit)).to.deep.equal([0, 0, 0]);
  });

  it('changes none of its arguments', () => {
    const before = omega.slice();
    secondOrderGradient(train, val, omega, { ...settings, momentum: 0.9 }, draw(6, weights));
    expect(omega).to.deep.equal(before);
  });
});
