import { expect } from 'chai';
import fc from 'fast-check';
import { fitLine, leastStep, studentCdf, studentQuantile, summarize } from '../../lib/analysis/statistics.js';
import { number } from '../support/numbers.js';

describe('statistics', () => {
  it('the least step is that between the nearest two values that are not alike', () => {
    expect(leastStep([5, 2, 2, 9, 4])).to.equal(1);
    expect(leastStep([3, 3])).to.equal(0);
    expect(leastStep([])).to.equal(0);
  });

  // Tabulated values of Student's t, two-sided 95 %.
  for (const [df, t] of [
    [1, 12.7062],
    [2, 4.30265],
    [3, 3.18245],
    [4, 2.77645],
    [10, 2.22814],
    [31, 2.03951],
    [120, 1.97993],
  ]) {
    it(`the 97.5 % point of t with ${df} degrees of freedom is ${t}`, () => {
      expect(studentQuantile(0.975, df)).to.be.closeTo(t, 1e-4);
      expect(studentQuantile(0.025, df)).to.be.closeTo(-t, 1e-4);
    });
  }

  it('the distribution of t with one degree of freedom is the Cauchy distribution', () => {
    fc.assert(
      fc.property(number(-50, 50), (t) => {
        expect(studentCdf(t, 1)).to.be.closeTo(0.5 + Math.atan(t) / Math.PI, 1e-12);
      }),
    );
  });

  it('quantile and distribution undo each other', () => {
    fc.assert(
      fc.property(number(0.01, 0.99), fc.integer({ min: 1, max: 60 }), (p, df) => {
        expect(studentCdf(studentQuantile(p, df), df)).to.be.closeTo(p, 1e-9);
      }),
    );
  });

  it('summarizes with the interval of the textbook', () => {
    // Mean 2, standard deviation 1, n = 3: 2 ± 4.30265 / √3.
    const { n, mean, std, interval } = summarize([1, 2, 3]);
    expect({ n, mean, std }).to.deep.equal({ n: 3, mean: 2, std: 1 });
    expect(interval![0]).to.be.closeTo(2 - 4.30265 / Math.sqrt(3), 1e-4);
    expect(interval![1]).to.be.closeTo(2 + 4.30265 / Math.sqrt(3), 1e-4);
  });

  it('gives equal counts an interval: that of having been rounded', () => {
    expect(summarize([3, 3, 3]).interval).to.deep.equal([3, 3]);
    const { std, interval } = summarize([3, 3, 3], 0.95, 1);
    expect(std).to.equal(0);
    expect(interval![1] - 3).to.be.closeTo(4.30265 / Math.sqrt(12) / Math.sqrt(3), 1e-4);
    // Beside a spread of its own it hardly counts.
    const wide = summarize([0, 10, 20]).interval!;
    expect(summarize([0, 10, 20], 0.95, 1).interval![1]).to.be.within(wide[1], wide[1] + 0.02);
  });

  it('holds the true mean of counts about as often as it says, where it would not without their rounding', () => {
    // Sums of twelve uniforms, rounded to whole numbers: often three equal ones.
    let state = 1;
    const draw = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const rounded = () =>
      Math.round(0.3 * (Array.from({ length: 12 }, draw).reduce((a, b) => a + b, -6) + 1.2));
    const triples = Array.from({ length: 2000 }, () => [rounded(), rounded(), rounded()]);
    const mean = triples.flat().reduce((a, b) => a + b, 0) / (3 * 2000);
    const held = (resolution: number) =>
      triples.filter((triple) => {
        const [low, high] = summarize(triple, 0.95, resolution).interval!;
        return low < mean && mean < high;
      }).length / 2000;
    expect(held(0)).to.be.lessThan(0.8);
    expect(held(1)).to.be.greaterThan(0.93);
  });

  it('holds the true mean about as often as it says', () => {
    // A fixed set of 400 triples from a congruential generator, summed twelve at a time to be nearly normal.
    let state = 1;
    const draw = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const normal = () => Array.from({ length: 12 }, draw).reduce((a, b) => a + b, -6);
    const held = Array.from({ length: 400 }, () => summarize([normal(), normal(), normal()])).filter(
      ({ interval }) => interval![0] < 0 && interval![1] > 0,
    ).length;
    expect(held / 400).to.be.within(0.92, 0.98);
  });

  it('gives one value no spread and no interval', () => {
    expect(summarize([7])).to.deep.equal({ n: 1, mean: 7, std: null, interval: null, standardError: null });
  });

  it('refuses no values, and one that is not finite', () => {
    expect(() => summarize([])).to.throw('at least one value');
    expect(() => summarize([1, NaN])).to.throw('Value 1 of a summary is NaN');
  });

  it('fits the line that points lie on', () => {
    const { intercept, slope } = fitLine([
      [2, 7],
      [4, 13],
      [8, 25],
    ]);
    expect(slope).to.be.closeTo(3, 1e-12);
    expect(intercept).to.be.closeTo(1, 1e-12);
    expect(() =>
      fitLine([
        [2, 1],
        [2, 3],
      ]),
    ).to.throw('two places');
  });
});
