import { expect } from 'chai';
import fc from 'fast-check';
import { mean } from 'simple-statistics';
import { kendallTau, smallestEffect } from '../../lib/analysis/comparison.js';
import { orderTest } from '../../lib/analysis/trend.js';
import type { Block } from '../../lib/analysis/trend.js';
import { ZartsError } from '../../lib/errors.js';
import { key, normal } from '../../lib/math/random.js';

const block = (...ys: number[]): Block => ys.map((y, x) => [x, y]);
const times = (n: number, of: Block): Block[] => Array.from({ length: n }, () => of);

/** Every order of the numbers. */
function orders(ys: readonly number[]): number[][] {
  if (ys.length < 2) return [[...ys]];
  return ys.flatMap((y, i) => orders(ys.filter((_, j) => j !== i)).map((rest) => [y, ...rest]));
}

describe('analysis/trend', () => {
  it('has the probability that counting every order of every repeat gives', () => {
    const blocks = [block(7, 8, 5, 2), block(7, 7, 6, 2), block(4, 2, 3, 3)];
    const { tau, p, n } = orderTest(blocks);
    const own = blocks.map((each) =>
      kendallTau(
        [0, 1, 2, 3],
        each.map(([, y]) => y),
      ),
    );
    expect(tau).to.be.closeTo(own.reduce((a, b) => a + b, 0) / 3, 1e-12);
    expect(n).to.equal(3);
    const taus = blocks.map((each) =>
      orders(each.map(([, y]) => y)).map((ys) => kendallTau([0, 1, 2, 3], ys)),
    );
    let [reached, all] = [0, 0];
    for (const a of taus[0]) {
      for (const b of taus[1]) {
        for (const c of taus[2]) {
          all += 1;
          if (Math.abs(a + b + c) / 3 >= Math.abs(tau) - 1e-9) reached += 1;
        }
      }
    }
    expect(p).to.be.closeTo(reached / all, 1e-12);
  });

  it('knows what nothing could make unlikely: the probability of every repeat in order', () => {
    // Two values have two orders, so that six repeats in one of them are as unlikely as 2 of 2⁶.
    expect(orderTest([...times(5, block(1, 2)), block(2, 1)]).leastP).to.be.closeTo(2 / 64, 1e-12);
    expect(orderTest(times(2, block(1, 2, 3))).leastP).to.be.closeTo(2 / 36, 1e-12);
    expect(orderTest(times(3, block(4, 4))).leastP).to.equal(1);
    const found = orderTest(times(4, block(1, 2, 3, 4)));
    expect(found.p).to.equal(found.leastP);
  });

  it('turns its sign with the order, and does not mind what else is done to the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 4, maxLength: 4 }), {
          minLength: 1,
          maxLength: 4,
        }),
        (values) => {
          const found = orderTest(values.map((ys) => block(...ys)));
          const turned = orderTest(values.map((ys) => block(...ys.map((y) => -y))));
          const stretched = orderTest(values.map((ys, i) => block(...ys.map((y) => y ** 3 + 100 * i))));
          expect(turned.tau).to.be.closeTo(-found.tau, 1e-12);
          expect(turned.p).to.equal(found.p);
          expect(stretched).to.deep.equal(found);
          expect(found.tau).to.be.within(-1, 1);
          expect(found.p).to.be.above(0).and.at.most(1);
        },
      ),
      { numRuns: 8 },
    );
  }).timeout(20_000);

  it('has the scatter of chance: the known one for values that differ, less for more repeats, none for equal ones', () => {
    for (const [n, k] of [
      [6, 4],
      [3, 4],
      [2, 7],
      [4, 9],
    ]) {
      const found = orderTest(times(n, block(...Array.from({ length: k }, (_, i) => i))));
      // Kendall 1938.
      const known = Math.sqrt((2 * (2 * k + 5)) / (9 * k * (k - 1)) / n);
      expect(found.standardError / known, `${n} × ${k}`).to.be.closeTo(1, 0.04);
      expect(found.tau).to.equal(1);
    }
    expect(orderTest(times(3, block(2, 2, 2, 2)))).to.include({ tau: 0, p: 1, standardError: 0 });
  });

  it('finds the effect that is said to be found in four cases of five about as often', () => {
    const [n, k] = [6, 4];
    const effect = smallestEffect(orderTest(times(n, block(1, 2, 3, 4))).standardError, 1000);
    // A trend of c a step among normal scatter has the mean τ of 2·Φ(c·Δ/√2) − 1 over the pairs, here from many repeats.
    const values = (c: number, seed: number) =>
      block(...Array.from(normal(key(seed), k), (noise, i) => c * i + noise));
    const tauAt = (c: number) =>
      mean(
        Array.from({ length: 500 }, (_, seed) =>
          kendallTau(
            [0, 1, 2, 3],
            values(c, seed).map(([, y]) => y),
          ),
        ),
      );
    const trend = [0.2, 0.4, 0.6, 0.8, 1, 1.2].find((c) => tauAt(c) >= effect - 0.03)!;
    expect(tauAt(trend)).to.be.closeTo(effect, 0.1);
    const found = Array.from({ length: 40 }, (_, trial) =>
      orderTest(Array.from({ length: n }, (_, i) => values(trend, 1000 + 10 * trial + i))),
    ).filter(({ p }) => p < 0.05);
    expect(found.length / 40).to.be.within(0.65, 1);
  }).timeout(30_000);

  it('finds an order of chance no more often than it says', () => {
    const trials = Array.from({ length: 30 }, (_, t) =>
      orderTest(
        Array.from({ length: 4 }, (_, b) =>
          block(...[0, 1, 2, 3].map((i) => Math.sin(997 * t + 71 * b + 13 * i * i))),
        ),
        key(t),
      ),
    );
    expect(trials.filter(({ p }) => p < 0.05)).to.have.length.below(6);
  });

  it('takes repeats with nothing to order as 0, and refuses what is none', () => {
    const { tau, p, interval } = orderTest([block(1, 2, 3, 4), block(5, 5, 5, 5)]);
    expect(tau).to.equal(0.5);
    expect(p).to.be.above(0.05);
    expect(interval![1] - interval![0]).to.be.above(0);
    expect(orderTest([block(1, 2, 3)]).interval).to.equal(null);
    expect(() => orderTest([])).to.throw(ZartsError, 'at least one repeat');
    expect(() => orderTest([block(1)])).to.throw(ZartsError, 'Repeat 0 of a test of an order has fewer');
    expect(() => orderTest([block(1, NaN)])).to.throw(ZartsError, 'must be finite');
  });
});
