import { expect } from 'chai';
import fc from 'fast-check';
import {
  binomialTail,
  binomialTwoSided,
  bootstrapInterval,
  holm,
  kendallTau,
  leastLabelsP,
  leastPairedP,
  meanDifference,
  pairedTest,
  rankTest,
  ranks,
  smallestEffect,
  stratifiedTest,
} from '../../lib/analysis/comparison.js';
import { studentQuantile, summarize } from '../../lib/analysis/statistics.js';
import { foldIn, key, normal, uniform } from '../../lib/math/random.js';
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

describe('Kendall’s τ', () => {
  it('counts pairs in the same order less those in the other', () => {
    expect(kendallTau([1, 2, 3, 4], [10, 20, 30, 40])).to.equal(1);
    expect(kendallTau([1, 2, 3, 4], [4, 3, 2, 1])).to.equal(-1);
    // One of six pairs is turned.
    expect(kendallTau([1, 2, 3, 4], [1, 3, 2, 4])).to.be.closeTo(4 / 6, 1e-12);
    // Ties: 5 pairs of 6 untied in one, 6 in the other, 5 concordant.
    expect(kendallTau([1, 1, 2, 3], [1, 2, 3, 4])).to.be.closeTo(5 / Math.sqrt(5 * 6), 1e-12);
    expect(kendallTau([1, 1], [1, 2])).to.be.NaN;
  });
});

describe('Holm’s correction', () => {
  it('multiplies by how many are left, and never turns the order', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).to.deep.equal([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.9, 0.8])).to.deep.equal([1, 1]);
    expect(holm([])).to.deep.equal([]);
  });
});

describe('the tail of a binomial law', () => {
  it('adds up to one, and is symmetric for a coin', () => {
    expect(binomialTail(0, 7, 0.3)).to.be.closeTo(1, 1e-12);
    expect(binomialTail(8, 7, 0.3)).to.equal(0);
    expect(binomialTail(7, 7, 0.3)).to.be.closeTo(0.3 ** 7, 1e-12);
    expect(binomialTail(4, 7, 0.5)).to.be.closeTo(0.5, 1e-12);
  });
});

describe('the rank test', () => {
  const order = (a: number, b: number) => Math.sign(a - b);

  it('has the probability of all orders of few values, and the difference by hand', () => {
    // Two of the 20 ways to take three of six are as extreme.
    const { difference, p } = rankTest([1, 2, 3], [4, 5, 6], order);
    expect(difference).to.equal(-0.5);
    expect(p).to.equal(0.1);
    expect(rankTest([1, 4], [2, 3], order).difference).to.equal(0);
    expect(rankTest([1], [1], order)).to.include({ difference: 0, interval: null, p: 1 });
  });

  it('tells a difference of 0.17 with 24 and 24, and is turned with its samples', () => {
    const [a, b] = [0, 12].map((shift) => Array.from({ length: 24 }, (_, i) => i + shift));
    const [there, back] = [rankTest(a, b, order), rankTest(b, a, order)];
    const beyondChance = studentQuantile(0.975, there.df) * there.standardError;
    expect(beyondChance).to.be.within(0.165, 0.17);
    expect(smallestEffect(there.standardError, there.df)).to.be.within(0.23, 0.25);
    expect(back.difference).to.equal(-there.difference);
    expect(back.p).to.equal(there.p).and.to.be.below(0.001);
    expect(there.interval![1]).to.be.below(0);
    expect(rankTest(a, a, order).p).to.equal(1);
  });

  it('counts choices of labels where it can, and else draws them, in no order of the values', () => {
    // Of the 184,756 choices of ten of twenty, those that have nine or ten of the ten ones, or one or none.
    const tens = [
      Array.from({ length: 10 }, (_, i) => Number(i > 0)),
      Array.from({ length: 10 }, (_, i) => Number(i === 0)),
    ];
    expect(rankTest(tens[0], tens[1], order).p).to.be.closeTo((2 * (1 + 100)) / 184_756, 1e-12);
    const [a, b] = [1, 2].map((k) => [...normal(foldIn(key(8), k), 15)]);
    // Wins that are no whole numbers are too many to count.
    const by = (x: number, y: number) => x - y;
    const drawn = rankTest(a, b, by).p;
    expect(rankTest(a.toReversed(), b.toReversed(), by).p).to.equal(drawn);
    const again = rankTest(a, b, by, key(1)).p;
    expect(again).to.be.closeTo(drawn, 0.03);
    expect(again).to.not.equal(drawn);
  });

  it('takes what is alike as neither better', () => {
    const wide = (a: number, b: number) => (Math.abs(a - b) < 2 ? 0 : Math.sign(a - b));
    expect(rankTest([1, 1, 1], [2, 2, 2], wide)).to.include({ difference: 0, p: 1 });
  });

  it('rejects equal laws as often as it says', () => {
    let rejected = 0;
    for (let i = 0; i < 60; i++) {
      const [a, b] = [uniform(foldIn(key(4), 2 * i), 12), uniform(foldIn(key(4), 2 * i + 1), 12)];
      if (rankTest([...a], [...b], order, key(i)).p < 0.05) rejected += 1;
    }
    expect(rejected).to.be.at.most(9);
  });
});

describe('a binomial law from both sides', () => {
  it('doubles the smaller tail, and is turned with what counts as a hit', () => {
    // 7 or 8 of 8 with a coin: 9 of 256.
    expect(binomialTwoSided(7, 8, 0.5)).to.be.closeTo((2 * 9) / 256, 1e-12);
    expect(binomialTwoSided(4, 8, 0.5)).to.equal(1);
    for (const hits of [0, 3, 12, 20])
      expect(binomialTwoSided(hits, 20, 0.3)).to.be.closeTo(binomialTwoSided(20 - hits, 20, 0.7), 1e-12);
  });
});

describe('the difference of means over strata', () => {
  const far = [
    { first: [10, 11, 12], second: [1, 2, 3] },
    { first: [110, 111, 112], second: [101, 102, 103] },
  ];

  it('is the mean of each stratum’s, and does not see what tells strata apart', () => {
    const { difference, interval, standardError, df } = meanDifference(far);
    expect(difference).to.equal(9);
    // Variances of 1: √(4 · 1/3) / 2.
    expect(standardError).to.be.closeTo(Math.sqrt(4 / 3) / 2, 1e-12);
    expect(df).to.equal(8);
    expect(interval![0]).to.be.within(7, 9);
    // All of the scatter is that of three values, however many others there are.
    const uneven = meanDifference([{ first: [0, 5, 10], second: [1, 1.1, 1.2, 1, 1.1, 1.2, 1, 1.1, 1.2] }]);
    expect(uneven.df).to.equal(2);
    expect(meanDifference([{ first: [1], second: [2] }])).to.include({ difference: -1, interval: null });
  });

  it('is tested by labels that change places within strata alone', () => {
    // Two of 20 · 20 choices are as far off.
    expect(stratifiedTest(far).p).to.equal(2 / 400);
    // All of the difference lies between strata: no label within one says anything.
    const between = [
      { first: [1, 1], second: [1, 1, 1, 1] },
      { first: [9, 9, 9, 9], second: [9, 9] },
    ];
    expect(stratifiedTest(between)).to.include({ difference: 0, p: 1 });
    expect(() => stratifiedTest([])).to.throw('needs at least one value');
    expect(() => stratifiedTest([{ first: [], second: [1] }])).to.throw('needs at least one value');
  });

  it('counts choices of labels as listing them does, samples of several sizes and strata together', () => {
    const strata = [
      { first: [0.1, 0.7, 0.3], second: [0.2, 0.6] },
      { first: [4, 2], second: [3, 5, 5, 6] },
    ];
    const listed = strata.map(({ first, second }) => {
      const all = [...first, ...second];
      return Array.from({ length: 2 ** all.length }, (_, mask) => all.map((_, i) => (mask >> i) % 2 === 1))
        .filter((chosen) => chosen.filter(Boolean).length === first.length)
        .map(
          (chosen) =>
            meanDifference([
              { first: all.filter((_, i) => chosen[i]), second: all.filter((_, i) => !chosen[i]) },
            ]).difference,
        );
    });
    const all = listed[0].flatMap((one) => listed[1].map((other) => Math.abs(one + other) / 2));
    const { difference, p } = stratifiedTest(strata);
    expect(p).to.be.closeTo(
      all.filter((each) => each >= Math.abs(difference) - 1e-9).length / all.length,
      1e-12,
    );
    expect(p).to.be.within(0.05, 0.95);
  });

  it('depends on no order of values or strata where choices are drawn', () => {
    const strata = [0, 1].map((s) => {
      const [first, second] = [0, 1].map((k) => [...normal(foldIn(key(9), 2 * s + k), 14)]);
      return { first, second };
    });
    const turned = strata
      .map(({ first, second }) => ({ first: first.toReversed(), second: second.toReversed() }))
      .reverse();
    const { p } = stratifiedTest(strata);
    expect(stratifiedTest(turned).p).to.equal(p);
    const again = stratifiedTest(strata, key(1)).p;
    expect(again).to.be.closeTo(p, 0.03);
    expect(again).to.not.equal(p);
  });

  it('rejects equal laws as often as it says', () => {
    let rejected = 0;
    for (let i = 0; i < 40; i++) {
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => [...uniform(foldIn(key(5), 4 * i + k), 6)]);
      if (
        stratifiedTest(
          [
            { first: a, second: b },
            { first: c.map((x) => x + 5), second: d.map((x) => x + 5) },
          ],
          key(i),
        ).p < 0.05
      )
        rejected += 1;
    }
    expect(rejected).to.be.at.most(7);
  });
});

describe('the interval of a difference of means', () => {
  it('holds the difference as often as it says, also for few values beside many', () => {
    let held = 0;
    for (let i = 0; i < 600; i++) {
      const [few, many] = [4, 11].map((n, k) => [...normal(foldIn(key(8), 2 * i + k), n)]);
      const { interval } = meanDifference([{ first: few.map((x) => 3 * x), second: many }]);
      if (interval![0] <= 0 && interval![1] >= 0) held += 1;
    }
    // Four standard errors about 0.95; with the degrees of freedom of all values it was 0.87.
    expect(held / 600).to.be.within(0.914, 0.986);
  });
});

describe('the least p of a permutation', () => {
  it('is that of signs that are all alike, and of labels that are wholly apart', () => {
    for (const differences of [
      [1, 2, 3, 4, 5, 6],
      [3, 1, 0, 2],
    ])
      expect(leastPairedP(differences)).to.equal(pairedTest(differences).p);
    expect(leastPairedP([0, 0])).to.equal(1);
    expect(leastLabelsP([{ first: [1, 2, 3], second: [4, 5, 6] }])).to.be.closeTo(2 / 20, 1e-12);
    const two = { first: [1, 2], second: [3, 4, 5] };
    expect(leastLabelsP([two, two])).to.be.closeTo(2 / 100, 1e-12);
  });
});

describe('the smallest effect', () => {
  it('is found four times in five by a t test, and grows with the questions decided together', () => {
    const n = 12;
    const effect = smallestEffect(1 / Math.sqrt(n), n - 1);
    let found = 0;
    for (let i = 0; i < 400; i++) {
      const values = [...normal(foldIn(key(6), i), n)].map((x) => x + effect);
      if (summarize(values).interval![0] > 0) found += 1;
    }
    expect(found / 400).to.be.within(0.74, 0.87);
    expect(smallestEffect(1, 30, 10)).to.be.above(smallestEffect(1, 30));
    // z of 0.975 and of 0.8.
    expect(smallestEffect(1, 2000)).to.be.closeTo(1.96 + 0.8416, 0.01);
  });
});
