import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { table5 } from '../../reproductions/table-5-samples.js';
import type { Cell } from '../../reproductions/sweep.js';
import { fakeSweep } from './fake-sweep.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = table5.protocols({ budget: 'laptop' });
const esr = () => 0.5;

function verdicts(seconds: (cell: Cell, seed: number) => number): Record<string, string> {
  const claims = table5.claims(fakeSweep(laptop, { esr, seconds }));
  return Object.fromEntries(claims.map(({ id, verdict }) => [id, verdict]));
}

describe('Table 5', () => {
  it('asks for searches that Fig. 4 asks for too', () => {
    for (const budget of ['smoke', 'laptop', 'full'] as const) {
      const shared = fig4.protocols({ budget });
      const own = table5.protocols({ budget });
      expect(own).to.have.length(2 * 4 * (budget === 'smoke' ? 2 : 3));
      for (const protocol of own) expect(shared).to.deep.include(protocol);
    }
  });

  it('finds a cost that grows by the same amount with each candidate', () => {
    expect(verdicts(({ samples }, seed) => 10 + 5 * samples + 0.1 * seed)).to.include({
      'cost-rises-with-samples': 'supported',
      'cost-linear-in-samples': 'supported',
    });
  });

  it('tells a cost that grows with the square of N', () => {
    expect(verdicts(({ samples }, seed) => samples ** 2 + 0.01 * seed)).to.include({
      'cost-rises-with-samples': 'supported',
      'cost-linear-in-samples': 'not supported',
    });
  });

  it('tells a cost that does not depend on N', () => {
    expect(verdicts(({ samples }, seed) => 10 + 0.01 * ((samples * 7 + seed * 3) % 5))).to.include({
      'cost-rises-with-samples': 'undecided',
    });
  });

  it('lists what needs retraining as undecided, with the reason', () => {
    const open = table5.claims(fakeSweep(laptop, { esr })).filter(({ id }) => !id.startsWith('cost'));
    expect(open.map(({ id }) => id)).to.deep.equal(['error-settles', 'size-grows']);
    for (const claim of open) {
      expect(claim).to.deep.include({ verdict: 'undecided', n: 0, interval: null });
      expect(claim.detail).to.contain('Needs retraining');
    }
  });

  it('prints our search and, apart from it, what the paper prints', () => {
    const [ours, paper] = table5.tables(fakeSweep(laptop, { esr, seconds: ({ samples }) => samples }));
    expect(ours.rows).to.have.length(8);
    expect(ours.rows[1]).to.include({
      density: 'literal',
      samples: 4,
      seeds: 3,
      seconds: '4.0 ± 0.0',
      // 160 weight steps and 32 updates of 4 candidates, 4 steps each.
      steps: 160 + 32 * 4 * 4,
      agreement: '1.00',
      ess: '2.00 ± 0.00',
    });
    expect(paper.title).to.contain("Printed in the paper's Table 5");
    expect(paper.rows[2]).to.deep.equal({ samples: 6, error: '2.51 ± 0.09', params: '3.53', cost: '1.1' });
    expect(textTable(paper)).to.contain('not build yet');
    expect(table5.paper).to.include({ 'N=2 error': 2.63, 'N=8 cost': 1.5 });
  });

  it('says that the retraining is missing', () => {
    expect(table5.deviations(laptop).join('\n')).to.contain('not trained from scratch');
    const few = table5.deviations(table5.protocols({ budget: 'laptop', seeds: 2 })).join('\n');
    expect(few).to.contain('2 searches for each N; the paper has 3.');
  });

  it('draws a point for each search', async () => {
    const charts = table5.charts(fakeSweep(laptop, { esr, seconds: ({ samples }, seed) => samples + seed }));
    expect(charts.map(({ name }) => name)).to.deep.equal(['cost', 'loss']);
    for (const { name, spec } of charts) {
      matchesSnapshot(`table-5-${name}`, withoutData(spec));
      const svg = await chartSvg(spec);
      expect(svg).not.to.match(/NaN|Infinity|undefined/);
      expect([...svg.matchAll(/aria-roledescription="point"/g)].length).to.equal(laptop.length);
      expect([...svg.matchAll(/aria-roledescription="line mark"/g)].length).to.equal(2);
    }
  });
});
