import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { updatePeriod } from '../../lib/search/protocol.js';
import { fineTuneIterations } from '../../lib/search/omega-protocol.js';
import { retrainingSeconds } from '../../reproductions/comparison.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import type { Factors } from '../../reproductions/retraining.js';
import { table6 } from '../../reproductions/table-6-iterations.js';
import { fakeRetrained } from './fake-retrained.js';
import type { FakeRun } from './fake-retrained.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = table6.protocols({ budget: 'laptop' });
const full = table6.protocols({ budget: 'full' });

function fake(network: (factors: Factors, seed: number) => FakeRun) {
  return fakeRetrained(laptop, ({ protocol, seed }) => network(protocol.factors!, seed));
}

function verdicts(network: (factors: Factors, seed: number) => FakeRun): Record<string, string> {
  return Object.fromEntries(table6.claims(fake(network)).map(({ id, verdict }) => [id, verdict]));
}

describe('Table 6', () => {
  it('has the M of the paper, cut with the budget, with the frequency of updates coupled and fixed', () => {
    const cells = (runs: typeof full) => [
      ...new Set(runs.map(({ factors }) => `${factors!.reading} ${factors!.M}/${factors!.period}`)),
    ];
    const paper = ['2/2', '5/5', '8/8', '10/10', '2/10', '5/10', '8/10'];
    expect(cells(full)).to.deep.equal(
      ['paper', 'flat'].flatMap((each) => paper.map((cell) => `${each} ${cell}`)),
    );
    const small = ['1/1', '2/2', '3/3', '4/4', '1/4', '2/4', '3/4'];
    expect(cells(laptop)).to.deep.equal(
      ['paper', 'flat'].flatMap((each) => small.map((cell) => `${each} ${cell}`)),
    );
    expect(laptop).to.have.length(14 * 3);
    expect(cells(table6.protocols({ budget: 'smoke' }))).to.deep.equal(['flat 1/1', 'flat 2/2', 'flat 1/2']);
    for (const { search, factors } of [...full, ...laptop]) {
      expect(fineTuneIterations(search.omega)).to.equal(factors!.M);
      expect(updatePeriod(search)).to.equal(factors!.period);
      expect(search.solver).to.include({ kind: 'mgs', samples: 4 });
    }
    expect(retrainingSeconds(laptop) / 3600).to.be.within(0.5, 6);
  });

  it('shares the searches at the largest M with Fig. 4', () => {
    const shared = fig4.protocols({ budget: 'laptop' });
    const largest = laptop.filter(({ factors }) => factors!.M === 4);
    expect(largest).to.have.length(6);
    for (const { search } of largest) expect(shared).to.deep.include(search);
  });

  it('takes settings for the searches and for the trainings', () => {
    const runs = table6.protocols({
      budget: 'laptop',
      seeds: 1,
      preset: 'flat',
      set: ['omega.iterations=2', 'training.epochs=3'],
    });
    // The period that a fixed frequency has stays.
    expect(runs.map(({ factors }) => factors)).to.deep.equal([
      { reading: 'flat', M: 2, period: 2 },
      { reading: 'flat', M: 2, period: 4 },
    ]);
    for (const { training } of runs) expect(training.epochs).to.equal(3);
    expect(() => table6.protocols({ budget: 'laptop', seeds: 0 })).to.throw('an integer of 1 or more');
    expect(() => table6.protocols({ budget: 'laptop', set: ['omega.iteration=2'] })).to.throw(
      'Did you mean "omega.iterations"?',
    );
  });

  it('tells an error that falls with M from one that falls with the period alone', () => {
    expect(
      verdicts(({ M }, seed) => ({
        errorPct: 50 - 2 * Number(M) + 0.1 * seed,
        fullParameters: 3e6 + 1e5 * Number(M),
      })),
    ).to.deep.equal({
      'error-falls/paper': 'supported',
      'error-falls-fixed/paper': 'supported',
      'size-grows/paper': 'supported',
      'error-falls/flat': 'supported',
      'error-falls-fixed/flat': 'supported',
      'size-grows/flat': 'supported',
    });
    expect(
      verdicts(({ period, reading }, seed) => ({
        errorPct: 50 - (reading === 'flat' ? 2 : -2) * Number(period) + 0.3 * seed,
      })),
    ).to.deep.equal({
      'error-falls/paper': 'not supported',
      // A slope of exactly 0 for every seed: no M, no effect.
      'error-falls-fixed/paper': 'not supported',
      'size-grows/paper': 'not supported',
      'error-falls/flat': 'supported',
      'error-falls-fixed/flat': 'not supported',
      'size-grows/flat': 'not supported',
    });
  });

  it('prints a row for each cell and the paper apart', () => {
    const result = fake(({ M }, seed) => ({ errorPct: 44 - Number(M) + seed, searchSeconds: 10 + seed }));
    const [ours, paper] = table6.tables(result);
    expect(ours.title).to.equal(
      'The search for several M, its networks trained from scratch (S2, budget laptop)',
    );
    expect(ours.rows.map(({ M, period }) => `${M}/${period}`).slice(0, 7)).to.deep.equal([
      '1/1',
      '2/2',
      '3/3',
      '4/4',
      '1/4',
      '2/4',
      '3/4',
    ]);
    expect(ours.rows[3]).to.include({
      n: 3,
      error: '41.00 ± 1.00',
      best: '40.00',
      seconds: '11.0 ± 1.0',
      updates: 32,
    });
    expect(paper.rows[0]).to.deep.equal({ M: 2, error: '2.62 ± 0.15', params: '2.91' });
    expect(paper.notes!.join()).to.contain('Not comparable');
    expect(table6.paper).to.include({ 'M=10 error': 2.54, 'M=5 params': 3.4 });
    const part = { ...result, runs: result.runs.slice(0, 2), parts: { done: 2, of: 42 } };
    expect(table6.tables(part)[0].title).to.contain('; 2 of 42 runs)');
    for (const table of [...table6.tables(part), ...table6.tables({ ...part, runs: [] })]) textTable(table);
    expect(table6.charts({ ...part, runs: [] })).to.be.empty;
  });

  it('does not call deviations what it varies on purpose', () => {
    const sentences = table6.deviations(laptop);
    expect(sentences.join('\n')).not.to.match(/omega\.iterations|updateEvery/);
    expect(sentences).to.include('M goes up to 4; in the paper up to 10, with the same shares between.');
    expect(sentences).to.include('Training: epochs is 12; the paper has 600.');
    expect(table6.deviations(full).join('\n')).not.to.match(/the paper has \d/);
  });

  it('draws a point for each run, the largest M in both lines', async () => {
    const [{ name, spec }] = table6.charts(fake(({ M }, seed) => ({ errorPct: 44 - Number(M) + seed })));
    matchesSnapshot(`table-6-${name}`, withoutData(spec));
    const svg = await chartSvg(spec);
    expect(svg).not.to.match(/NaN|Infinity|undefined/);
    expect([...svg.matchAll(/aria-roledescription="point"/g)]).to.have.length(2 * 2 * 4 * 3);
    expect([...svg.matchAll(/aria-roledescription="line mark"/g)]).to.have.length(4);
  });
});
