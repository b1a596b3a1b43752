import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { table5 } from '../../reproductions/table-5-samples.js';
import { retrainingSeconds } from '../../reproductions/comparison.js';
import type { Cell } from '../../reproductions/sweep.js';
import type { SamplesResult } from '../../reproductions/table-5-samples.js';
import { fakeRetrained } from './fake-retrained.js';
import { fakeSweep } from './fake-sweep.js';
import type { FakeNumbers } from './fake-sweep.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = table5.protocols({ budget: 'laptop' });
const esr = () => 0.5;

/** A table as if measured: searches with those numbers, networks with that error and size for each N. */
function fake(
  numbers: FakeNumbers,
  network: (N: number, seed: number) => { errorPct: number; fullParameters: number } = () => ({
    errorPct: 40,
    fullParameters: 3e6,
  }),
): SamplesResult {
  const trained = fakeRetrained(laptop, ({ protocol, seed }) => ({
    ...network(Number(protocol.factors!.N), seed),
  }));
  const sweep = fakeSweep(
    laptop.map(({ search }) => search),
    numbers,
  );
  return { environments: [], sweep, trained, parts: trained.parts };
}

function verdictsOf(result: SamplesResult): Record<string, string> {
  return Object.fromEntries(table5.claims(result).map(({ id, verdict }) => [id, verdict]));
}

function verdicts(seconds: (cell: Cell, seed: number) => number): Record<string, string> {
  return verdictsOf(fake({ esr, seconds }));
}

describe('Table 5', () => {
  it('asks for searches that Fig. 4 asks for too', () => {
    for (const budget of ['smoke', 'laptop', 'full'] as const) {
      const shared = fig4.protocols({ budget });
      const own = table5.protocols({ budget });
      expect(own).to.have.length(budget === 'smoke' ? 4 * 2 : 2 * 4 * 3);
      for (const { search } of own) expect(shared).to.deep.include(search);
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

  it('trains what each search found as the paper does, cut to the budget', () => {
    const [full] = table5.protocols({ budget: 'full' });
    expect(full.training.network).to.deep.include({ cells: 20, channels: 36, auxiliaryWeight: 0.4 });
    expect(full.training).to.deep.include({ epochs: 600, batchSize: 96, preset: 'darts-space' });
    for (const { training, seed, factors, search } of laptop) {
      expect(training).to.deep.include({ epochs: 12, seed });
      expect(search.solver).to.include({ samples: factors!.N, density: factors!.density });
    }
    const set = ['training.epochs=3', 'solver.tau=1', 'solver.samples=16'];
    const set16 = table5.protocols({ budget: 'laptop', seeds: 1, set });
    expect(set16.map(({ factors }) => factors)).to.deep.equal([
      { density: 'literal', N: 16 },
      { density: 'flat', N: 16 },
    ]);
    expect(set16[0].training.epochs).to.equal(3);
    expect(retrainingSeconds(laptop) / 3600).to.be.below(5);
  });

  it('finds an error that settles, and a size that grows', () => {
    const settles = fake({ esr }, (N, seed) => ({
      errorPct: (N === 2 ? 45 : 40) + [-1, 0, 1][(seed + N / 2) % 3] * 0.5,
      fullParameters: 3e6 + N * 1e5 + seed * 1e3,
    }));
    // Whether a difference is below the scatter takes more than three seeds; it is not found to be above.
    expect(verdictsOf(settles)).to.include({
      'error-settles/literal': 'undecided',
      'size-grows/literal': 'supported',
      'size-grows/flat': 'supported',
    });
    const falls = fake({ esr }, (N, seed) => ({
      errorPct: 50 - 2 * N + 0.1 * seed,
      fullParameters: 3e6 - N * 1e5,
    }));
    expect(verdictsOf(falls)).to.include({
      'error-settles/literal': 'not supported',
      'size-grows/flat': 'not supported',
    });
  });

  it('judges stability by the scatter of the seeds', () => {
    const claim = table5
      .claims(fake({ esr }, (N, seed) => ({ errorPct: 40 + (N > 4 ? 0.01 : 0) + seed, fullParameters: 3e6 })))
      .find(({ id }) => id === 'error-settles/flat')!;
    // Seeds 40, 41, 42 at each N: a standard deviation of 1; the difference is the same 0.01 for each seed.
    expect(claim.detail).to.contain('the scatter of the seeds, 1.00 points');
    expect(claim.statistic.value).to.be.closeTo(0.01, 1e-9);
    expect(claim.verdict).to.equal('supported');
  });

  it('prints our search and, apart from it, what the paper prints', () => {
    const [networks, ours, paper] = table5.tables(fake({ esr, seconds: ({ samples }) => samples }));
    expect(networks.rows).to.have.length(8);
    expect(networks.rows[1]).to.include({
      density: 'literal',
      samples: 4,
      n: 3,
      error: '40.00 ± 0.00',
      best: '40.00',
      full: '3.00 ± 0.00',
      seconds: '4.0 ± 0.0',
    });
    expect(networks.notes!.join('\n')).to.contain('a linear classifier on the same images 62.6');
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
    expect(textTable(paper)).to.contain('Not comparable');
    expect(table5.paper).to.include({ 'N=2 error': 2.63, 'N=8 cost': 1.5 });
  });

  it('says what the trainings do otherwise', () => {
    expect(table5.deviations(laptop)).to.include('Training: epochs is 12; the paper has 600.');
    const few = table5.deviations(table5.protocols({ budget: 'laptop', seeds: 2 })).join('\n');
    expect(few).to.contain('2 searches for each N; the paper has 3.');
    const open = table5.openSettings!(laptop).map(({ path }) => path);
    expect(open).to.include.members(['solver.sigma', 'training.weights.lr']);
  });

  it('shows what is there of a table that is not whole', () => {
    const { trained, ...rest } = fake({ esr });
    const parts = { done: 1, of: laptop.length };
    const [networks] = table5.tables({
      ...rest,
      trained: { ...trained, runs: trained.runs.slice(0, 1), parts },
    });
    expect(networks.title).to.contain('; 1 of 24 networks)');
    expect(networks.rows[0]).to.include({ n: 1, error: '40.00' });
    expect(networks.rows[1]).to.include({ n: 0, error: '–', best: null });
    textTable(networks);
  });

  it('draws a point for each search', async () => {
    const charts = table5.charts(fake({ esr, seconds: ({ samples }, seed) => samples + seed }));
    expect(charts.map(({ name }) => name)).to.deep.equal(['error', 'cost', 'loss']);
    for (const { name, spec } of charts) {
      matchesSnapshot(`table-5-${name}`, withoutData(spec));
      const svg = await chartSvg(spec);
      expect(svg).not.to.match(/NaN|Infinity|undefined/);
      expect([...svg.matchAll(/aria-roledescription="point"/g)].length).to.equal(laptop.length);
      expect([...svg.matchAll(/aria-roledescription="line mark"/g)].length).to.equal(2);
    }
  });
});
