import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { isControl } from '../../reproductions/separation.js';
import { openSettingsOf } from '../../reproductions/deviations.js';
import { cellsOf, cellsOfKind } from '../../reproductions/experiment.js';
import type { View } from '../../reproductions/experiment.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { estimate } from '../../reproductions/measure.js';
import type { SweepAxes } from '../../reproductions/sweep.js';
import { table5 } from '../../reproductions/table-5-samples.js';
import { printsWell } from './fake-view.js';
import { byTitle, fakeView, verdictsOf } from './fakes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

interface Numbers {
  readonly seconds?: (N: number, seed: number) => number;
  readonly processor?: (N: number, seed: number) => string;
  readonly errorPct?: (N: number, seed: number) => number;
  /** Which of the published genotypes, smallest first: their networks have 3.2 and 3.3 million parameters. */
  readonly large?: (N: number, seed: number) => boolean;
  /** What a search ends with on the validation half; DARTS' has no N. */
  readonly loss?: (N: number | undefined, seed: number) => number;
}

/** A table as if measured: searches and networks with those numbers. */
function fake({
  seconds = () => 1,
  processor = () => 'one',
  errorPct = () => 40,
  large = () => false,
  loss = (_, seed) => 1.5 + 0.01 * (seed % 2),
}: Numbers) {
  return fakeView(table5, { budget: 'laptop' }, ({ axes: { N }, run }) => {
    if (run.kind === 'linear') return {};
    if (run.kind === 'validation') {
      const found = loss(N, run.validation.seed);
      return { result: { loss: found, uniform: found + 0.4 } };
    }
    const { seed } = run.kind === 'search' ? run.search : run.training;
    // Hand-made cells: training tells them apart by 8 points.
    if (run.kind === 'training' && !run.search)
      return { training: { errorPct: 36 + controlEdges(run.genotype!) + 0.1 * (seed % 2) } };
    return {
      search: {
        seconds: seconds(N, seed),
        processor: processor(N, seed),
        genotype: KNOWN_GENOTYPES[large(N, seed) ? 'DARTS_V2' : 'DARTS_V1'],
        epoch: () => ({ esr: 0.5, ess: 0.5 * N }),
      },
      training: { errorPct: errorPct(N, seed) },
    };
  });
}

/** Skip connections of a hand-made normal cell. */
const controlEdges = ({ normal }: Genotype): number => normal.filter(([op]) => op === 'skip_connect').length;

const verdicts = (numbers: Numbers) => verdictsOf(table5, fake(numbers));
const trainings = (
  options: Parameters<
    typeof cellsOf<'search' | 'validation' | 'training' | 'linear', SweepAxes, (typeof table5)['choices']>
  >[1],
) => cellsOfKind(cellsOf(table5, options), 'training').filter(({ run }) => run.search);
const laptop = trainings({ budget: 'laptop' });

describe('Table 5', () => {
  it('asks for searches that Fig. 4 asks for too', () => {
    for (const budget of ['smoke', 'laptop', 'full'] as const) {
      const shared = cellsOf(fig4, { budget }).map(({ run }) => run.search);
      const own = trainings({ budget });
      expect(own).to.have.length({ smoke: 4 * 2, laptop: 2 * 4 * 6, full: 2 * 4 * 3 }[budget]);
      for (const { run } of own) expect(shared).to.deep.include(run.search);
    }
  });

  it('finds a cost that grows by the same amount with each candidate', () => {
    expect(verdicts({ seconds: (N, seed) => 10 + 5 * N + 0.1 * seed })).to.include({
      'cost-rises-with-samples': 'supported',
      'cost-linear-in-samples': 'supported',
    });
  });

  it('compares seconds of one machine alone, as a share of them', () => {
    // A machine that is three times as slow scatters nothing; one that took over within a seed says nothing.
    const view = fake({
      seconds: (N, seed) => (seed < 3 ? 1 : 3) * (10 + 5 * N),
      processor: (N, seed) => (seed < 3 || (seed === 5 && N > 4) ? 'one' : 'other'),
    });
    const [rises, linear] = table5.claims(view);
    expect(rises).to.include({ id: 'cost-rises-with-samples', verdict: 'supported', n: 5, secondary: true });
    expect(rises.statistic.value).to.be.closeTo(5 / (10 + 5 * 5), 1e-12);
    expect(rises.interval![1] - rises.interval![0]).to.be.below(1e-9);
    expect(linear).to.include({ verdict: 'supported', n: 5, secondary: true });
    expect(rises.text).to.contain('other work on that machine');
  });

  it('tells a cost that grows with the square of N', () => {
    expect(verdicts({ seconds: (N, seed) => N ** 2 + 0.01 * seed })).to.include({
      'cost-rises-with-samples': 'supported',
      'cost-linear-in-samples': 'not supported',
    });
  });

  it('tells a cost that does not depend on N', () => {
    expect(verdicts({ seconds: (N, seed) => 10 + 0.01 * ((N * 7 + seed * 3) % 5) })).to.include({
      'cost-rises-with-samples': 'undecided',
    });
  });

  it('trains what each search found as the paper does, cut to the budget', () => {
    const [full] = trainings({ budget: 'full' });
    expect(full.run.training.network).to.deep.include({ cells: 20, channels: 36, auxiliaryWeight: 0.4 });
    expect(full.run.training).to.deep.include({ epochs: 600, batchSize: 96, preset: 'darts-space' });
    for (const { axes, run } of laptop) {
      expect(run.training).to.deep.include({ epochs: 12, seed: run.search!.seed });
      expect(run.search!.solver).to.include({ samples: axes.N, density: axes.density });
    }
    const change = { training: { epochs: 3 }, solver: { tau: 1, samples: 16 } };
    const changed = trainings({ budget: 'laptop', seeds: 1, change });
    expect(changed.map(({ axes }) => [axes.density, axes.N])).to.deep.equal([
      ['literal', 16],
      ['flat', 16],
    ]);
    expect(changed[0].run.training.epochs).to.equal(3);
    expect(estimate(laptop) / 3600).to.be.below(5);
  });

  it('finds an error that settles, and a size that grows', () => {
    const settles = verdicts({
      errorPct: (N, seed) => (N === 2 ? 45 : 40) + [-1, 0, 1][(seed + N / 2) % 3] * 0.05,
      large: (N) => N > 4,
    });
    expect(settles).to.include({
      'error-settles/literal': 'supported',
      'size-grows/literal': 'supported',
      'size-grows/flat': 'supported',
    });
    const falls = verdicts({ errorPct: (N, seed) => 50 - 2 * N + 0.1 * seed, large: (N) => N <= 4 });
    expect(falls).to.include({
      'error-settles/literal': 'not supported',
      'size-grows/flat': 'not supported',
    });
  });

  it('takes a few equal slopes of sizes for no certainty, and sizes that are all alike for no answer', () => {
    const find = (large: (N: number) => boolean) =>
      table5.claims(fake({ large })).find(({ id }) => id === 'size-grows/flat')!;
    // Six seeds with the same slope, known to a step between two sizes and no better.
    const alike = find((N) => N > 4);
    expect(alike.verdict).to.equal('supported');
    expect(alike.interval![1] - alike.statistic.value!).to.be.above(0.005);
    expect(find(() => false)).to.include({ verdict: 'undecided' });
  });

  it('counts no seed that is not there whole', () => {
    const view = fake({});
    const own = view.rows.filter(
      (row) => !('N' in row) || row.seed < 5 || row.density !== 'flat' || row.N < 8,
    );
    for (const { id, n } of table5.claims({ ...view, rows: own })) {
      // With DARTS a search at one N is compared.
      if (!id.startsWith('loss-below-darts')) expect(n, id).to.equal(5);
    }
  });

  it('judges stability by a quarter of what training tells apart, and not at all where it tells nothing apart', () => {
    const find = (view: ReturnType<typeof fake>) =>
      table5.claims(view).find(({ id }) => id === 'error-settles/flat')!;
    const stable = find(fake({ errorPct: (N, seed) => 40 + (N > 4 ? 0.01 : 0) + seed / 100 }));
    expect(stable.detail).to.contain('It is supported if the mean lies from −1 to 1');
    expect(stable.statistic.value).to.be.closeTo(0.01, 1e-9);
    expect(stable.verdict).to.equal('supported');
    expect(stable.controls![0]).to.match(/errors with 0, 4, 8: 36\.05 ± 0\.06, 40\.05/);
    expect(find(fake({ errorPct: (N, seed) => (N > 4 ? 37 : 40) + 0.1 * seed })).verdict).to.equal(
      'not supported',
    );
    const view = fake({});
    const blind = {
      ...view,
      rows: view.rows.map((row) => (row.kind === 'training' ? { ...row, errorPct: 40 } : row)),
    };
    expect(find(blind).verdict).to.equal('cannot be seen here');
    expect(find(blind).detail).to.match(/The control failed/);
    const without = { ...view, rows: view.rows.filter((row) => !isControl(row)) };
    expect(find(without).detail).to.match(/The control was not run/);
  });

  it('trains nothing where the control fails, and says what the searches alone say', () => {
    const cells = cellsOf(table5, { budget: 'laptop' });
    const whole = fake({ large: (N) => N > 4, seconds: (N, seed) => 10 + 5 * N + 0.1 * seed });
    const failed = whole.rows.map((row) => (isControl(row) ? { ...row, errorPct: 40 + row.seed } : row));
    for (const { run, axes, worth } of cells) {
      const isNetwork = run.kind === 'training' && !isControl(axes);
      expect(worth?.(failed), run.kind).to.equal(isNetwork ? false : undefined);
      expect(worth?.(whole.rows), run.kind).to.equal(isNetwork ? true : undefined);
    }
    const alone = {
      ...whole,
      rows: failed.filter((row) => row.kind !== 'training' || isControl(row)) as typeof whole.rows,
    };
    expect(verdictsOf(table5, alone)).to.include({
      'error-settles/flat': 'cannot be seen here',
      'size-grows/flat': 'supported',
      'cost-linear-in-samples': 'supported',
    });
    for (const { detail } of table5.claims(alone)) expect(detail).to.not.contain('NaN');
    const tables = table5.tables(alone);
    expect(byTitle(tables[0])[0]['']).to.equal('✗ not seen');
    expect(byTitle(tables[1])[0]).to.include({ n: 6, 'error (%)': '–', 'full size (M)': '3.17 ± 0.00' });
    expect(tables[1].notes![0]).to.match(/^No errors: where the control fails/);
    printsWell(tables);
    expect(table5.charts(alone).map(({ name }) => name)).to.deep.equal(['cost', 'loss']);
    // Of networks that were trained before their control was there no error stands among those of all.
    const early = { ...whole, rows: failed as typeof whole.rows };
    const [, errors] = table5.tables(early).map(byTitle);
    for (const row of errors) expect(row).to.include({ n: 6, 'error (%)': '–', 'parameters (k)': '–' });
    expect(table5.charts(early).map(({ name }) => name)).to.deep.equal(['cost', 'loss']);
  });

  it('asks whether the loss falls with N, and whether DARTS comes as far', () => {
    const scattered = (at: number, seed: number) => at + 0.002 * (seed % 3);
    const falling = verdicts({ loss: (N, seed) => scattered(N === undefined ? 1.9 : 1.8 - 0.02 * N, seed) });
    expect(falling).to.include({ 'loss-falls/flat': 'supported', 'loss-below-darts/flat': 'supported' });
    const rising = verdicts({ loss: (N, seed) => scattered(N === undefined ? 1.3 : 1.8 + 0.02 * N, seed) });
    expect(rising).to.include({
      'loss-falls/flat': 'not supported',
      'loss-below-darts/flat': 'not supported',
    });
    const find = (view: ReturnType<typeof fake>, id: string) =>
      table5.claims(view).find((claim) => claim.id === id)!;
    const blind = fake({});
    expect(find(blind, 'loss-falls/flat')).to.include({ secondary: true });
    expect(find(blind, 'loss-falls/flat').controls!.join()).to.match(/weighed alike.*0\.40.*6 seeds, nats/);
    // Where α makes nothing, no loss tells one from another.
    const rows = blind.rows.map((row) => (row.kind === 'validation' ? { ...row, uniform: row.loss } : row));
    expect(find({ ...blind, rows }, 'loss-below-darts/flat').verdict).to.equal('cannot be seen here');
    const unread = { ...blind, rows: blind.rows.filter(({ kind }) => kind !== 'validation') };
    expect(find(unread, 'loss-below-darts/flat').verdict).to.equal('not run');
    for (const { detail } of table5.claims(unread)) expect(detail).to.not.contain('NaN');
  });

  it('leaves out a search beside where it does not know a setting that is changed', () => {
    const beside = (change: NonNullable<Parameters<typeof trainings>[0]['change']>) =>
      cellsOf(table5, { budget: 'laptop', change, seeds: 1 }).flatMap(({ axes, run }) =>
        run.kind === 'search' && 'method' in axes ? [axes.method] : [],
      );
    expect(beside({})).to.deep.equal(['darts-1st', 'random-ws']);
    expect(beside({ partialChannels: { k: 2 } })).to.deep.equal(['darts-1st']);
    expect(beside({ omega: { kind: 'coast' } })).to.deep.equal([]);
  });

  it('prints our search and, apart from it, what the paper prints', () => {
    const [controls, networks, ours, beside, paper] = table5.tables(fake({ seconds: (N) => N ?? 1 }));
    expect(byTitle(controls)[0]['']).to.equal('✓ seen');
    expect(networks.rows).to.have.length(8);
    expect(byTitle(networks)[1]).to.include({
      density: 'literal',
      N: 4,
      n: 6,
      'error (%)': '40.00 ± 0.00',
      best: '40.00',
      'full size (M)': '3.17 ± 0.00',
      'search (s)': '4.0 ± 0.0',
    });
    expect(networks.notes!.join('\n')).to.contain('a linear classifier on the same images 62.6');
    expect(ours.rows).to.have.length(8);
    expect(byTitle(ours)[1]).to.include({
      density: 'literal',
      N: 4,
      seeds: 6,
      seconds: '4.0 ± 0.0',
      // 160 weight steps and 32 updates of 4 candidates, 4 steps each.
      'SGD steps': 160 + 32 * 4 * 4,
      agreement: '1.00',
      N_e: '2.00 ± 0.00',
    });
    expect(byTitle(ours)[1]).to.include({ 'validation loss': '1.505 ± 0.005', 'α = 0': '1.905 ± 0.005' });
    expect(byTitle(beside).map(({ method, n, 'validation loss': loss }) => [method, n, loss])).to.deep.equal([
      ['DARTS 1st', 6, '1.505 ± 0.005'],
      ['random-ws', 6, '–'],
    ]);
    expect(paper.title).to.contain("Printed in the paper's Table 5");
    expect(Object.values(paper.rows[2])).to.deep.equal([6, '2.51 ± 0.09', '3.53', '1.1']);
    expect(textTable(paper)).to.contain('Not comparable');
    expect(table5.paper).to.include({ 'N=2 error': 2.63, 'N=8 cost': 1.5 });
  });

  it('says what the trainings do otherwise', () => {
    expect(table5.deviations(laptop)).to.include('Training: epochs is 12; the paper has 600.');
    const few = table5.deviations(trainings({ budget: 'laptop', seeds: 2 })).join('\n');
    expect(few).to.contain('2 searches for each N; the paper has 3.');
    expect(table5.deviations(cellsOf(table5, { budget: 'laptop' })).at(-1)).to.match(
      /hand-made.*0, 4, 8 edges.*4 each/,
    );
    expect(few).to.not.contain('hand-made');
    const open = openSettingsOf(laptop).map(({ path }) => path);
    expect(open).to.include.members(['solver.sigma', 'training.weights.lr']);
  });

  it('shows what is there of a table that is not whole', () => {
    const whole = fake({});
    const partial: View<'search' | 'validation' | 'training' | 'linear', SweepAxes> = {
      ...whole,
      // The linear classifier, twelve networks of hand-made cells, a network found.
      rows: whole.rows.filter(({ kind }) => kind === 'linear' || kind === 'training').slice(0, 14),
      done: 13,
    };
    const [, networks] = table5.tables(partial);
    expect(networks.title).to.contain('; 13 of 174 runs)');
    expect(byTitle(networks)).to.have.length(1);
    expect(byTitle(networks)[0]).to.include({ n: 1, 'error (%)': '40.00' });
    textTable(networks);
  });

  it('draws a point for each search', async () => {
    const charts = table5.charts(fake({ seconds: (N, seed) => N + seed }));
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
