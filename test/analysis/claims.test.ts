import { expect } from 'chai';
import { judge, undecided, verdictOf } from '../../lib/analysis/claims.js';
import type { Region } from '../../lib/analysis/claims.js';

const question = { id: 'x', text: 'x is large.', statistic: 'x' };

describe('claims', () => {
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
  for (const [name, interval, region, verdict] of cases) {
    it(`an interval ${name}: ${verdict}`, () => {
      expect(verdictOf(interval, region)).to.equal(verdict);
    });
  }

  it('is decided by the interval over seeds, not by the mean', () => {
    const wide = judge({ ...question, values: [0.1, 3], region: { above: 0 } });
    expect(wide.statistic.value).to.equal(1.55);
    expect(wide.verdict).to.equal('undecided');
    expect(judge({ ...question, values: [1.5, 1.6], region: { above: 0 } }).verdict).to.equal('supported');
  });

  it('is undecided with one seed, whatever it shows, and says why', () => {
    const claim = judge({ ...question, values: [1000], region: { above: 0 }, detail: 'More.' });
    expect(claim).to.deep.include({ verdict: 'undecided', n: 1, interval: null });
    expect(claim.detail).to.equal('One seed has no spread to judge by; two or more are needed. More.');
  });

  it('is undecided with no seed', () => {
    const claim = judge({ ...question, values: [], region: { above: 0 } });
    expect(claim).to.deep.include({ verdict: 'undecided', n: 0, interval: null });
    expect(claim.statistic.value).to.equal(null);
  });

  it('says where the line was drawn', () => {
    const { detail } = judge({ ...question, values: [1, 2], region: { between: [0.65, 0.75] } });
    expect(detail).to.contain('whole 95 % interval lies from 0.65 to 0.75');
  });

  it('is given no verdict by an experiment that could not show it, whatever the values are', () => {
    const unseen = 'The control shows no difference.';
    for (const values of [[], [1], [1.5, 1.6], [-1.5, -1.6]]) {
      const claim = judge({ ...question, values, region: { above: 0 }, unseen, detail: 'More.' });
      expect(claim).to.include({ verdict: 'cannot be seen here', n: values.length });
      expect(claim.detail).to.equal(
        `${unseen} Otherwise it would be supported if the whole 95 % interval lay above 0. More.`,
      );
    }
    expect(judge({ ...question, values: [1.5, 1.6], region: { above: 0 }, unseen }).statistic.value).to.equal(
      1.55,
    );
  });

  it('survives JSON', () => {
    const claim = judge({ ...question, values: [1, 2, 4], region: { below: 9 } });
    expect(JSON.parse(JSON.stringify(claim))).to.deep.equal(claim);
  });

  it('gives no verdict without a reason', () => {
    expect(() => undecided({ ...question, detail: '' })).to.throw('must say why');
  });
});
