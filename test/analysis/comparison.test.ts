import { expect } from 'chai';
import fc from 'fast-check';
import { bootstrapInterval, pairedTest, ranks } from '../../lib/analysis/comparison.js';
import { summarize } from '../../lib/analysis/statistics.js';
import { key } from '../../lib/math/random.js';
import { number } from '../support/numbers.js';

const numbers = (min: number, max: number) => fc.array(number(-100, 100), { minLength: min, maxLength: max });

describe('ranks', () => {
  it('count from the smallest; equal values share theirs', () => {
    expect(ranks([3.1, 2.5, 2.7])).to.deep.equal([3, 1, 2]);
    expect(ranks([2.56, 2.59, 2.56, 3.34])).to.deep.equal([1.5, 3, 1.5, 4]);
    expect(ranks([7, 7, 7])).to.deep.equal([2, 2, 2]);
    expect(ranks([])).to.deep.equal([]);
  });

  it('add up to the same sum whatever the ties', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 }), (values) => {
        const sum = ranks(values).reduce((a, b) => a + b, 0);
        expect(sum).to.equal((values.length * (values.length + 1)) / 2);
      }),
    );
  });
});

describe('the bootstrap interval', () => {
  it('has the ends that all samples of two values give', () => {
    // Means of two draws from {0, 1}: 0, ½, ½, 1; a quarter of them at each end.
    expect(bootstrapInterval([0, 1], key(1))).to.deep.equal([0, 1]);
    expect(bootstrapInterval([0, 1], key(1), 0.4)).to.deep.equal([0.5, 0.5]);
  });

  it('comes near the interval of the normal distribution for many values', () => {
    // Evenly spaced on [0, 1]: standard error √(1/12/200).
    const values = Array.from({ length: 200 }, (_, i) => (i + 0.5) / 200);
    const [low, high] = bootstrapInterval(values, key(3))!;
    const half = 1.96 * Math.sqrt(1 / 12 / 200);
    expect(low).to.be.closeTo(0.5 - half, 0.1 * half);
    expect(high).to.be.closeTo(0.5 + half, 0.1 * half);
  });

  it('lies among the values, moves and stretches with them, and is repeatable', () => {
    fc.assert(
      fc.property(numbers(2, 6), (values) => {
        const [low, high] = bootstrapInterval(values, key(7))!;
        expect(low).to.be.at.least(Math.min(...values) - 1e-9);
        expect(high).to.be.at.most(Math.max(...values) + 1e-9);
        const [low2, high2] = bootstrapInterval(
          values.map((value) => 2 * value + 3),
          key(7),
        )!;
        expect(low2).to.be.closeTo(2 * low + 3, 1e-6);
        expect(high2).to.be.closeTo(2 * high + 3, 1e-6);
      }),
      { numRuns: 10 },
    );
  });

  it('is too narrow for three values, as its documentation says', () => {
    const values = [1, 2, 4];
    const [low, high] = bootstrapInterval(values, key(2))!;
    const [tLow, tHigh] = summarize(values).interval!;
    expect((tHigh - tLow) / (high - low)).to.be.within(2, 3);
  });

  it('is none for one value, and refuses none and one that is not finite', () => {
    expect(bootstrapInterval([4], key(0))).to.equal(null);
    expect(() => bootstrapInterval([], key(0))).to.throw('at least one value');
    expect(() => bootstrapInterval([1, Infinity], key(0))).to.throw('Value 1 of a bootstrap interval');
  });
});

describe('the paired test', () => {
  it('counts the choices of signs', () => {
    // Of the 8 choices only +++ and −−− reach a sum of 6.
    expect(pairedTest([1, 2, 3])).to.deep.equal({ n: 3, mean: 2, p: 0.25, exact: true });
    // Sums of ±1 ±2 ±3 that are at least 4 from 0: ±6, ±4.
    expect(pairedTest([-1, 2, 3]).p).to.equal(0.5);
    expect(pairedTest([0, 0, 0]).p).to.equal(1);
    expect(pairedTest([5]).p).to.equal(1);
    expect(pairedTest(Array<number>(6).fill(1)).p).to.equal(2 / 64);
  });

  it('does not depend on order, sign or scale', () => {
    fc.assert(
      fc.property(numbers(1, 8), (differences) => {
        const { p } = pairedTest(differences);
        expect(pairedTest([...differences].reverse()).p).to.equal(p);
        expect(pairedTest(differences.map((value) => -4 * value)).p).to.equal(p);
      }),
      { numRuns: 30, examples: [[[8e-323, -6.4e-323]], [[100, 1e-14, -100]]] },
    );
  });

  it('draws signs where there are too many to count, and agrees with the normal distribution', () => {
    // 40 differences of ±1 whose mean is 0.3: z = 0.3·√40 = 1.897; exact binomial p = 0.0807.
    const differences = Array.from({ length: 40 }, (_, i) => (i < 26 ? 1 : -1));
    const { p, exact } = pairedTest(differences);
    expect(exact).to.be.false;
    expect(p).to.be.closeTo(0.0807, 0.006);
    const one = Array<number>(40).fill(1);
    expect(pairedTest(one).p).to.be.within(1e-9, 1e-3);
  });

  it('rejects a true hypothesis about as often as it says', () => {
    // Independent differences that are symmetric about 0.
    let state = 5;
    const draw = () => ((state = (state * 48271) % 2147483647) / 2147483647) * 2 - 1;
    const samples = Array.from({ length: 400 }, () => Array.from({ length: 8 }, draw));
    const rejected = samples.filter((differences) => pairedTest(differences).p <= 0.05).length;
    expect(rejected / 400).to.be.within(0.02, 0.08);
  });

  it('refuses no differences, and one that is not finite', () => {
    expect(() => pairedTest([])).to.throw('at least one value');
    expect(() => pairedTest([NaN])).to.throw('Value 0 of a paired test is NaN');
  });
});
