import { expect } from 'chai';
import type { EpochRecord } from '../../lib/search/epoch.js';
import { updatePeriod } from '../../lib/search/protocol.js';
import { cellsOfKind } from '../../reproductions/experiment.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { estimate } from '../../reproductions/measure.js';
import { table6 } from '../../reproductions/table-6-iterations.js';
import type { IterationAxes } from '../../reproductions/table-6-iterations.js';
import { cellsWith, fakeView, marksIn, partOf, printsWell, titled, verdictsOf } from './fake-view.js';
import type { Numbers } from './fake-view.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const trainings = (options: Parameters<typeof cellsWith>[1]) =>
  cellsOfKind(cellsWith(table6, options), 'training').filter(({ run }) => run.search);
const all = cellsWith(table6, { budget: 'laptop' });
const laptop = trainings({ budget: 'laptop' });
const full = trainings({ budget: 'full' });

const fake = (network: (axes: IterationAxes, seed: number) => Numbers) =>
  fakeView(all, (row) => ({ epochs: tuned(row.M, row.seed), ...network(row, row.seed) }));

/** One epoch whose candidates' loss is the lower the longer they are fine-tuned, or the other way round. */
const tuned = (M: number, seed: number, by = -0.05): EpochRecord[] =>
  [
    { epoch: 0, updates: 4, updateNorm: 0.1, candidateLoss: 2 + by * M + 0.001 * (seed % 3) },
  ] as unknown as EpochRecord[];

/** Updates whose lengths alone account for alphas that lie three apart in S2: √(100 · 2.4² / 56) · 2/√π is 3.6. */
const walk = [{ epoch: 0, updates: 100, updateNorm: 2.4 }] as unknown as EpochRecord[];

describe('Table 6', () => {
  it('has the M of the paper, cut with the budget, with the frequency of updates coupled and fixed', () => {
    const cells = (runs: typeof full) => [
      ...new Set(runs.map(({ axes: { reading, M, period } }) => `${reading} ${M}/${period}`)),
    ];
    const paper = ['2/2', '5/5', '8/8', '10/10', '2/10', '5/10', '8/10'];
    expect(cells(full)).to.deep.equal(
      ['paper', 'flat'].flatMap((each) => paper.map((cell) => `${each} ${cell}`)),
    );
    const small = ['1/1', '2/2', '3/3', '4/4', '1/4', '2/4', '3/4'];
    expect(cells(laptop)).to.deep.equal(
      ['paper', 'flat'].flatMap((each) => small.map((cell) => `${each} ${cell}`)),
    );
    expect(laptop).to.have.length(14 * 6);
    expect(cells(trainings({ budget: 'smoke' }))).to.deep.equal(['flat 1/1', 'flat 2/2', 'flat 1/2']);
    for (const { axes, run } of [...full, ...laptop]) {
      expect(run.search!.omega).to.include({ kind: 'finetuned', iterations: axes.M });
      expect(updatePeriod(run.search!)).to.equal(axes.period);
      expect(run.search!.solver).to.include({ kind: 'mgs', samples: 4 });
    }
    expect(estimate(laptop) / 3600).to.be.within(0.5, 6);
  });

  it('shares the searches at the largest M with Fig. 4', () => {
    const shared = cellsWith(fig4, { budget: 'laptop' }).map(({ run }) => run.search);
    const largest = laptop.filter(({ axes }) => axes.M === 4);
    expect(largest).to.have.length(2 * 6);
    for (const { run } of largest) expect(shared).to.deep.include(run.search);
  });

  it('takes settings for the searches and for the trainings', () => {
    const set = ['omega.iterations=2', 'training.epochs=3'];
    const cells = trainings({ budget: 'laptop', seeds: 1, preset: 'flat', set });
    // The period that a fixed frequency has stays.
    expect(cells.map(({ axes }) => axes)).to.deep.equal([
      { reading: 'flat', M: 2, period: 2 },
      { reading: 'flat', M: 2, period: 4 },
    ]);
    for (const { run } of cells) expect(run.training.epochs).to.equal(3);
    expect(() => trainings({ budget: 'laptop', seeds: 0 })).to.throw('an integer of 1 or more');
    expect(() => trainings({ budget: 'laptop', set: ['omega.iteration=2'] })).to.throw(
      'Did you mean "omega.iterations"?',
    );
  });

  it('tells an error that falls with M from one that falls with the period alone', () => {
    const byM = fake(({ M }, seed) => ({
      errorPct: 50 - 2 * M + 0.1 * seed,
      fullParameters: 3e6 + 1e5 * M,
    }));
    const ids = ['error-falls', 'error-falls-fixed', 'size-grows'];
    expect(verdictsOf(table6, byM)).to.include(
      Object.fromEntries(
        ['paper', 'flat'].flatMap((each) => ids.map((id) => [`${id}/${each}`, 'supported'])),
      ),
    );
    const byPeriod = fake(({ period, reading }, seed) => ({
      errorPct: 50 - (reading === 'flat' ? 2 : -2) * period + 0.3 * seed,
    }));
    expect(verdictsOf(table6, byPeriod)).to.include({
      'error-falls/paper': 'not supported',
      // A slope of exactly 0 for every seed lies on the line.
      'error-falls-fixed/paper': 'undecided',
      'size-grows/paper': 'undecided',
      'error-falls/flat': 'supported',
      'error-falls-fixed/flat': 'undecided',
      'size-grows/flat': 'undecided',
    });
  });

  it('says nothing of sizes where the alphas have not moved', () => {
    const frozen = fake(({ M, reading }) => ({
      errorPct: 40,
      fullParameters: 3e6 + 1e5 * M,
      ...(reading === 'flat' ? { alpha: Array<number>(56).fill(0.1) } : {}),
    }));
    expect(verdictsOf(table6, frozen)).to.include({
      'size-grows/paper': 'supported',
      'size-grows/flat': 'cannot be seen here',
    });
    // Updates in random directions, as long as these, carry alphas so far apart.
    const walked = fake(({ reading }) => ({
      errorPct: 40,
      ...(reading === 'flat' ? { epochs: walk } : {}),
    }));
    expect(verdictsOf(table6, walked)).to.include({
      'size-grows/paper': 'undecided',
      'size-grows/flat': 'cannot be seen here',
    });
    const [controls] = table6.tables(frozen);
    expect(titled(controls).map((row) => row[''])).to.deep.equal([
      '✓ seen',
      '✓ seen',
      '✗ not seen',
      ...Array<string>(3).fill('✓ seen'),
    ]);
  });

  it('counts no seed that is not there whole', () => {
    const view = fake(() => ({ errorPct: 40 }));
    const rows = view.rows.filter((row) => !('M' in row) || row.seed < 5 || row.M < 4);
    for (const { id, n } of table6.claims({ ...view, rows })) expect(n, id).to.equal(5);
  });

  it('asks nothing of losses where more fine-tuning does not lower those that candidates are compared by', () => {
    const view = fakeView(
      all,
      ({ M, seed, reading }) => ({ errorPct: 40, epochs: tuned(M, seed, reading === 'flat' ? 0.02 : -0.02) }),
      undefined,
      ({ M, seed }) => 1.9 - 0.05 * M + 0.003 * (seed % 3),
    );
    expect(verdictsOf(table6, view)).to.include({
      'loss-falls/flat': 'cannot be seen here',
      'loss-falls-fixed/flat': 'cannot be seen here',
      'loss-falls/paper': 'supported',
      'loss-falls-fixed/paper': 'supported',
    });
    expect(titled(table6.tables(view)[0]).map((row) => row[''])).to.deep.equal([
      ...Array<string>(4).fill('✓ seen'),
      '✗ not seen',
      '✓ seen',
    ]);
  });

  it('asks the same of the loss that a search minimizes', () => {
    const view = fakeView(
      all,
      ({ M, seed }) => ({ errorPct: 40, epochs: tuned(M, seed) }),
      undefined,
      ({ M, reading, seed }) => 1.9 - (reading === 'flat' ? 0.05 : -0.05) * M + 0.003 * (seed % 3),
    );
    expect(verdictsOf(table6, view)).to.include({
      'loss-falls/flat': 'supported',
      'loss-falls-fixed/flat': 'supported',
      'loss-falls/paper': 'not supported',
      'loss-falls-fixed/paper': 'not supported',
    });
    expect(table6.charts(view).map(({ name }) => name)).to.deep.equal(['error', 'loss']);
  });

  it('prints a row for each cell and the paper apart', () => {
    const view = fake(({ M }, seed) => ({ errorPct: 44 - M + seed, searchSeconds: 10 + seed }));
    const tables = table6.tables(view);
    const [, ours, , paper] = tables;
    const [, ourRows, , paperRows] = tables.map(titled);
    expect(ours.title).to.equal(
      'The search for several M, its networks trained from scratch (S2, budget laptop)',
    );
    expect(ourRows.map((row) => `${row.M}/${row['steps to an update']}`).slice(0, 7)).to.deep.equal([
      '1/1',
      '2/2',
      '3/3',
      '4/4',
      '1/4',
      '2/4',
      '3/4',
    ]);
    expect(ourRows[3]).to.include({
      n: 6,
      'error (%)': '42.50 ± 1.87',
      best: '40.00',
      'search (s)': '12.5 ± 1.9',
      'α updates': 32,
    });
    expect(paperRows[0]).to.deep.equal({ M: 2, 'error (%)': '2.62 ± 0.15', 'parameters (M)': '2.91' });
    expect(paper.notes!.join()).to.contain('Not comparable');
    expect(table6.paper).to.include({ 'M=10 error': 2.54, 'M=5 params': 3.4 });
    // Of what is trained, twelve networks of hand-made cells come first.
    const trained: typeof view = {
      ...view,
      rows: view.rows.filter(({ kind }) => kind === 'linear' || kind === 'training'),
    };
    const [part, none] = [partOf(trained, 12 + 2), partOf(trained, 0)];
    expect(table6.tables(part)[1].title).to.contain('; 14 of 282 runs)');
    printsWell([...tables, ...table6.tables(part), ...table6.tables(none)]);
    expect(table6.charts(none)).to.be.empty;
  });

  it('does not call deviations what it varies on purpose', () => {
    const sentences = table6.deviations(all);
    expect(sentences.join('\n')).not.to.match(/omega\.iterations|updateEvery/);
    const moves =
      'Alpha moves 128 times with the smallest M to 32 with the largest; in the full search 7800 to 1560.';
    expect(sentences.filter((sentence) => sentence.startsWith('Alpha'))).to.deep.equal([moves]);
    expect(sentences).to.include('M goes up to 4; in the paper up to 10, with the same shares between.');
    expect(sentences).to.include('Training: epochs is 12; the paper has 600.');
    expect(table6.deviations(full).join('\n')).not.to.match(/the paper has \d/);
  });

  it('draws a point for each run, the largest M in both lines', async () => {
    const [chart, loss] = table6.charts(fake(({ M }, seed) => ({ errorPct: 44 - M + seed })));
    for (const { name, spec } of [chart, loss]) matchesSnapshot(`table-6-${name}`, withoutData(spec));
    expect(await marksIn(chart, 'point')).to.equal(2 * 2 * 4 * 6);
    expect(await marksIn(chart, 'line mark')).to.equal(4);
  });
});
