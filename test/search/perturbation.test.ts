import { expect } from 'chai';
import fc from 'fast-check';
import { key, normal, uniform } from '../../lib/math/random.js';
import { dot, logSumExp } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import {
  adversarialPerturbation,
  randomPerturbation,
  repairShares,
  throughSoftmax,
} from '../../lib/search/perturbation.js';
import { softmaxGroups } from '../../lib/spaces/mixing.js';
import { number } from '../support/numbers.js';

/** Edges of 2, 3 and 1 operations, then two numbers that are no operation's share. */
const GROUPS = [2, 3, 1];
const REST = [0.4, 0.6];

function shares(seed: number): { values: Vec; groups: readonly number[] } {
  const operations = softmaxGroups(normal(key(seed), 6), GROUPS);
  return { values: Float64Array.from([...operations, ...REST]), groups: GROUPS };
}

/** That every group is a set of shares, and the rest untouched. */
function expectShares(values: Vec): void {
  let start = 0;
  for (const count of GROUPS) {
    const group = values.subarray(start, (start += count));
    for (const value of group) expect(value).to.be.within(0, 1);
    expect(group.reduce((sum, value) => sum + value, 0)).to.be.closeTo(1, 1e-12);
  }
  expect(Array.from(values.subarray(6))).to.deep.equal(REST);
}

describe('search/perturbation', () => {
  it('repairs a group to shares: cut to [0, 1], divided by the sum, all to the largest where nothing is left', () => {
    const repaired = (...values: number[]) =>
      Array.from(repairShares({ values: Float64Array.from(values), groups: [values.length] }));
    expect(repaired(0.5, 0.5)).to.deep.equal([0.5, 0.5]);
    expect(repaired(-0.2, 0.5)).to.deep.equal([0, 1]);
    expect(repaired(1.5, 1)).to.deep.equal([0.5, 0.5]);
    expect(repaired(0.25, 0.5, 0.25, 1)).to.deep.equal([0.125, 0.25, 0.125, 0.5]);
    expect(repaired(-0.3, -0.1, -0.2)).to.deep.equal([0, 1, 0]);
    fc.assert(
      fc.property(fc.array(number(-2, 2), { minLength: 6, maxLength: 6 }), (values) => {
        expectShares(repairShares({ values: Float64Array.from([...values, ...REST]), groups: GROUPS }));
      }),
    );
  });

  it('moves shares at random: by the key alone, not at all with radius 0, and about as far as the radius', () => {
    const clean = shares(1);
    expectShares(randomPerturbation(clean, 0.3, key(2)));
    expect(randomPerturbation(clean, 0.3, key(2))).to.deep.equal(randomPerturbation(clean, 0.3, key(2)));
    expect(randomPerturbation(clean, 0.3, key(3))).to.not.deep.equal(randomPerturbation(clean, 0.3, key(2)));
    const still = randomPerturbation(clean, 0, key(2));
    still.forEach((value, i) => expect(value).to.be.closeTo(clean.values[i], 1e-15));
    // One edge of two equal shares, far from 0 and 1: (½ + εa)/(1 + ε(a + b)) − ½ ≈ ε(a − b)/2, of variance ε²/6.
    const half = { values: Float64Array.of(0.5, 0.5), groups: [2] };
    const moves = Array.from({ length: 4000 }, (_, i) => randomPerturbation(half, 0.05, key(i))[0] - 0.5);
    const variance = moves.reduce((sum, move) => sum + move ** 2, 0) / moves.length;
    expect(Math.sqrt(variance) / 0.05).to.be.closeTo(1 / Math.sqrt(6), 0.02);
  });

  describe('against a loss', () => {
    const slope = normal(key(5), 8);
    const linear = { loss: (at: Vec) => dot(slope, at), gradient: () => slope };
    const settings = { epsilon: 0.05, steps: 7 };

    it('never lowers it', () => {
      for (let seed = 0; seed < 50; seed++) {
        const clean = shares(seed);
        const found = adversarialPerturbation(clean, settings, key(seed), linear);
        expectShares(found);
        expect(linear.loss(found)).to.be.at.least(linear.loss(clean.values));
      }
    });

    it('takes the whole radius along the slope, from either side', () => {
      const half = { values: Float64Array.of(0.5, 0.5), groups: [2] };
      for (const sign of [1, -1]) {
        const tilted = Float64Array.of(sign, -sign);
        const loss = (at: Vec) => dot(tilted, at);
        for (let seed = 0; seed < 20; seed++) {
          const found = adversarialPerturbation(half, settings, key(seed), { loss, gradient: () => tilted });
          expect(sign * (found[0] - 0.5)).to.be.closeTo(0.05, 1e-12);
        }
      }
    });

    it('asks for two losses and a gradient a step', () => {
      let [losses, gradients] = [0, 0];
      adversarialPerturbation(shares(1), settings, key(1), {
        loss: (at) => {
          losses++;
          return linear.loss(at);
        },
        gradient: () => {
          gradients++;
          return slope;
        },
      });
      expect([losses, gradients]).to.deep.equal([2, 7]);
    });

    it('leaves the shares where it gains nothing', () => {
      const clean = shares(3);
      // Highest at the clean shares themselves.
      const distance = (at: Vec) => at.reduce((sum, value, i) => sum + (value - clean.values[i]) ** 2, 0);
      const found = adversarialPerturbation(clean, settings, key(1), {
        loss: (at) => -distance(at),
        gradient: (at) => at.map((value, i) => -2 * (value - clean.values[i])),
      });
      expect(found).to.deep.equal(clean.values);
    });
  });

  it('carries gradients through the softmax, as differences show', () => {
    const groups = [2, 3, 1, 2];
    const alpha = normal(key(7), 8);
    const weights = uniform(key(8), 8);
    const loss = (at: Vec) => logSumExp(softmaxGroups(at, groups).map((share, i) => weights[i] * share));
    const values = softmaxGroups(alpha, groups);
    // ∂ lse(w∘s)/∂s_i = w_i·softmax(w∘s)_i.
    const scaled = values.map((share, i) => weights[i] * share);
    const toShares = scaled.map((value, i) => weights[i] * Math.exp(value - logSumExp(scaled)));
    const found = throughSoftmax({ values, groups }, toShares);
    const h = 1e-5;
    alpha.forEach((_, i) => {
      const moved = (by: number) => loss(alpha.map((value, j) => (i === j ? value + by : value)));
      expect(found[i]).to.be.closeTo((moved(h) - moved(-h)) / (2 * h), 1e-8);
    });
    // An edge with one operation has nothing to choose.
    expect(found[5]).to.equal(0);
  });
});
