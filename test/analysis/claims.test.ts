import { expect } from 'chai';
import { decide, judge, regionTest, unanswered } from '../../lib/analysis/claims.js';
import type { Claim, Question, Region } from '../../lib/analysis/claims.js';
import { studentQuantile } from '../../lib/analysis/statistics.js';

const question = { id: 'x', text: 'x is large.', statistic: 'x' };

describe('claims', () => {
  const decided = (...asked: readonly Partial<Question>[]): Claim[] =>
    decide(
      asked.map((each, i) => judge({ ...question, id: `x${i}`, values: [], region: { above: 0 }, ...each })),
    );
  const verdicts = (...asked: readonly Partial<Question>[]) =>
    decided(...asked).map(({ verdict }) => verdict);

  const cases: [string, readonly [number, number], Region, string][] = [
    ['all above', [0.1, 0.3], { above: 0 }, 'supported'],
    ['all below', [-0.3, -0.1], { above: 0 }, 'not supported'],
    ['across', [-0.1, 0.3], { above: 0 }, 'undecided'],
    ['all below, wanted', [0.01, 0.05], { below: 0.1 }, 'supported'],
    ['above what is wanted', [0.2, 0.4], { below: 0.1 }, 'not supported'],
    ['inside', [0.68, 0.72], { between: [0.65, 0.75] }, 'supported'],
    ['outside', [0.8, 0.9], { between: [0.65, 0.75] }, 'not supported'],
    ['over one edge', [0.7, 0.8], { between: [0.65, 0.75] }, 'undecided'],
    ['wider than the region', [0.2, 0.9], { between: [0.65, 0.75] }, 'undecided'],
  ];
  for (const [name, [low, high], region, verdict] of cases) {
    it(`alone, an interval ${name}: ${verdict}`, () => {
      // Three values whose 95 % interval it is.
      const half = ((high - low) / 2) * (Math.sqrt(3) / studentQuantile(0.975, 2));
      const middle = (low + high) / 2;
      const [claim] = decided({ values: [middle - half, middle, middle + half], region });
      expect(claim.interval![0]).to.be.closeTo(low, 1e-9);
      expect(claim.verdict).to.equal(verdict);
    });
  }

  it('is decided with the others of its figure, unless it is secondary', () => {
    // p = 0.028 alone.
    const close = { values: [1, 2, 3, 1, 0.2, 0.1] };
    const sure = { values: [5, 5.1, 5.2, 5, 5.1, 5.2] };
    expect(verdicts(close)).to.deep.equal(['supported']);
    expect(verdicts(close, close)).to.deep.equal(['undecided', 'undecided']);
    expect(verdicts(close, sure)).to.deep.equal(['supported', 'supported']);
    expect(verdicts({ ...close, secondary: true }, { ...close, secondary: true }, sure)).to.deep.equal([
      'supported',
      'supported',
      'supported',
    ]);
    // What has still to be run counts, what cannot be seen does not.
    expect(verdicts(close, { values: [] })).to.deep.equal(['undecided', 'not run']);
    expect(verdicts(close, { values: [4], unseen: 'It fails.' })[0]).to.equal('supported');
    const [{ detail }] = decided(close, sure);
    expect(detail).to.match(
      /^p = 0\.0\d+, 0\.0\d+ after Holm’s correction for 2 primary questions; decided below 0\.05\./,
    );
    expect(decided({ ...close, secondary: true })[0].detail).to.contain('a secondary question');
  });

  it('says what so many seeds would have found, and less is found where more is asked', () => {
    const smallest = (asked: number): number => {
      const [{ detail }] = decided(...Array.from({ length: asked }, () => ({ values: [1, 2, 3, 4] })));
      return Number(/would find a mean ([\d.]+) from the line/.exec(detail)![1]);
    };
    const error = Math.sqrt(5 / 3) / 2;
    expect(smallest(1)).to.be.closeTo((studentQuantile(0.975, 3) + studentQuantile(0.8, 3)) * error, 1e-3);
    expect(smallest(4)).to.be.above(smallest(1));
  });

  it('is decided by the interval over seeds, not by the mean', () => {
    const [wide] = decided({ values: [0.1, 3] });
    expect(wide.statistic.value).to.equal(1.55);
    expect(wide.verdict).to.equal('undecided');
    expect(verdicts({ values: [1.5, 1.6] })).to.deep.equal(['supported']);
    // Values that are all the same leave no doubt on either side of the line, and nothing but doubt on it.
    expect(regionTest(1, 0, 1, { above: 0 })).to.deep.equal({ p: 0, agrees: true });
    expect(regionTest(-1, 0, 1, { above: 0 })).to.deep.equal({ p: 0, agrees: false });
    expect(regionTest(0, 0, 1, { above: 0 })).to.deep.equal({ p: 1, agrees: false });
    expect(regionTest(1e-16, 1e-17, 1, { above: 0 }).p).to.equal(1);
    expect(verdicts({ values: [0, 0], region: { below: 0 } })).to.deep.equal(['undecided']);
    expect(regionTest(0, 1, 1, { above: 0 })).to.deep.equal({ p: 1, agrees: false });
  });

  it('is undecided with one seed, whatever it shows, and says why', () => {
    const [claim] = decided({ values: [1000], detail: 'More.' });
    expect(claim).to.deep.include({ verdict: 'undecided', n: 1, interval: null });
    expect(claim.detail).to.equal('One seed has no spread to judge by; two or more are needed. More.');
  });

  it('is not run with no seed', () => {
    const [claim] = decided({ values: [] });
    expect(claim).to.deep.include({ verdict: 'not run', n: 0, interval: null });
    expect(claim.statistic.value).to.equal(null);
  });

  it('says where the line was drawn', () => {
    const [{ detail }] = decided({ values: [1, 2], region: { between: [0.65, 0.75] } });
    expect(detail).to.contain('It is supported if the mean lies from 0.65 to 0.75, by more than chance.');
  });

  it('is given no verdict by an experiment that could not show it, whatever the values are', () => {
    const unseen = 'The control shows no difference.';
    for (const values of [[], [1], [1.5, 1.6], [-1.5, -1.6]]) {
      const [claim] = decided({ values, unseen, detail: 'More.' });
      expect(claim).to.include({ verdict: 'cannot be seen here', n: values.length });
      expect(claim.detail).to.equal(
        `${unseen} Otherwise it would be supported if the mean lies above 0, by more than chance. More.`,
      );
    }
    expect(decided({ values: [1.5, 1.6], unseen })[0].statistic.value).to.equal(1.55);
  });

  it('survives JSON', () => {
    const [claim] = decided({ values: [1, 2, 4], region: { below: 9 } });
    expect(JSON.parse(JSON.stringify(claim))).to.deep.equal(claim);
  });

  it('gives no verdict without a reason', () => {
    expect(() => unanswered({ ...question, detail: '' }, 'not run')).to.throw('must say why');
  });
});
