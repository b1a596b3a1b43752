import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { eigenvalueChart } from '../../lib/report/eigenvalue-chart.js';
import { chartPng } from '../../lib/report/render.js';

describe('report/eigenvalue-chart', () => {
  const epochs = [0, 1, 2].map((epoch) => ({
    epoch,
    dominantEigenvalue: 0.2 + epoch,
    eigenvalues: [0.2 + epoch, 0.1, 0.05 * epoch],
  }));
  const rowsOf = (chart: ReturnType<typeof eigenvalueChart>) =>
    (chart.spec.data as { values: { epoch: number; rank: number; value: number }[] }).values;

  it('has a line for each eigenvalue, over epochs from 1', async () => {
    const chart = eigenvalueChart(epochs, 'S2');
    expect(rowsOf(chart).filter(({ rank }) => rank === 1)).to.deep.equal([
      { epoch: 1, rank: 1, value: 0.2 },
      { epoch: 2, rank: 1, value: 1.2 },
      { epoch: 3, rank: 1, value: 2.2 },
    ]);
    expect(rowsOf(chart)).to.have.length(9);
    expect(JSON.stringify(chart.spec)).to.contain('"values":[1,2,3],"format":"d"');
    expect((await chartPng(chart.spec)).length).to.be.above(5000);
  });

  it('has one line where only the dominant one was recorded', () => {
    const bare = epochs.map(({ epoch, dominantEigenvalue }) => ({ epoch, dominantEigenvalue }));
    expect(rowsOf(eigenvalueChart(bare, 'S2')).map(({ rank }) => rank)).to.deep.equal([1, 1, 1]);
  });

  it('says what to set where nothing was recorded', () => {
    expect(() => eigenvalueChart([{ epoch: 0 }], 'S2')).to.throw(ZartsError, 'set stability.action=record');
  });
});
