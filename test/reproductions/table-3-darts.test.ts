import path from 'node:path';
import { expect } from 'chai';
import type { Budget } from '../../lib/search/protocol.js';
import { cellsOfKind } from '../../reproductions/experiment.js';
import { fig5 } from '../../reproductions/fig-5-cells.js';
import { fig6 } from '../../reproductions/fig-6-cells.js';
import { estimate } from '../../reproductions/measure.js';
import { reproduce } from '../../reproductions/reproduce.js';
import { table3 } from '../../reproductions/table-3-darts.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { cellsWith, fakeView, marksIn, partOf, printsWell, titled, verdictsOf } from './fake-view.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const trainings = (budget: Budget) =>
  cellsOfKind(cellsWith(table3, { budget }), 'training').filter(({ run }) => run.search);
const laptop = cellsWith(table3, { budget: 'laptop' });
const full = cellsWith(table3, { budget: 'full' });

/** As the paper says: error and seconds. */
const AS_PRINTED: Readonly<Record<string, readonly [number, number]>> = {
  'darts-1st': [47, 40],
  'darts-2nd': [46, 78],
  'rdarts-l2': [44.5, 74],
  'pc-darts': [45, 36],
  'sdarts-adv': [44, 100],
  rs: [44, 120],
  mgs: [42, 78],
  'mgs-flat': [42.6, 77],
  gld: [43, 155],
  'random-ws': [45, 20],
};
const asPrinted = fakeView(laptop, ({ method, seed }) => ({
  errorPct: AS_PRINTED[method][0] + 0.3 * ((seed * 7 + method.length) % 3),
  searchSeconds: AS_PRINTED[method][1] + seed,
  fullParameters: 3_300_000 + 100_000 * seed,
}));

/** The paper's own numbers, scattered a little. */
const whole = fakeView(full, ({ method, dataset, seed }) => ({
  errorPct: (dataset === 'cifar10' ? 2.5 : 16.2) + (method === 'mgs' ? 0 : 0.8) + 0.02 * seed,
}));

describe('Table 3', () => {
  it('has seven methods and six seeds at laptop, and ends in half a day on two cores', () => {
    const runs = trainings('laptop').map(({ run }) => run);
    expect(runs).to.have.length(7 * 6);
    expect(new Set(runs.map(({ search }) => search!.space))).to.deep.equal(new Set(['darts']));
    expect(estimate(laptop) / 3600).to.be.within(0.5, 6);
    expect(estimate(cellsWith(table3, { budget: 'smoke' }))).to.be.below(60);
  });

  it('has the paper’s networks on both data sets at full', () => {
    expect(trainings('full')).to.have.length(2 * 13 * 4);
    for (const { run } of trainings('full')) {
      const { training, search } = run;
      expect(training.network).to.include({ cells: 20, channels: 36 });
      expect(training).to.include({ preset: 'darts-space', epochs: 600, batchSize: 96 });
      expect(training.dataset.name).to.equal(search!.dataset.name);
    }
    expect(table3.deviations(full).join('\n')).not.to.match(/the paper has \d|Not run here:/);
  });

  it('shares its searches with Figs. 5 and 6', () => {
    for (const [figure, budget] of [
      [fig5, 'laptop'],
      [fig6, 'full'],
    ] as const) {
      const searches = trainings(budget).map(({ run }) => run.search);
      expect(searches).to.include.deep.members(cellsWith(figure, { budget }).map(({ run }) => run.search));
    }
  });

  it('finds the claims in numbers that have them', () => {
    expect(verdictsOf(table3, asPrinted)).to.deep.equal({
      'beats/darts-1st': 'supported',
      'beats/darts-2nd': 'supported',
      'beats/rdarts-l2': 'supported',
      'beats/sdarts-adv': 'supported',
      // Errors of small networks are not the paper's to judge.
      'as-printed/cifar10': 'cannot be seen here',
      'as-printed/cifar100': 'cannot be seen here',
      'dearer-than-first': 'supported',
      'as-dear-as-second': 'supported',
      'flat-beats/darts-2nd': 'supported',
      'beats-random': 'supported',
    });
    const claim = table3.claims(asPrinted).find(({ id }) => id === 'as-printed/cifar10')!;
    expect(claim.text).to.contain('2.54 ± 0.07 %');
    expect(claim.detail).to.contain('decides nothing at budget laptop');
  });

  it('judges the printed errors at full', () => {
    expect(verdictsOf(table3, whole)).to.include({
      'as-printed/cifar10': 'supported',
      'as-printed/cifar100': 'supported',
    });
    const higher = fakeView(full, ({ seed }) => ({ errorPct: 20 + 0.02 * seed }));
    expect(verdictsOf(table3, higher)).to.include({
      'as-printed/cifar10': 'not supported',
      'as-printed/cifar100': 'not supported',
    });
  });

  it('does not find them in the reverse, and decides nothing without runs', () => {
    const reversed = fakeView(laptop, ({ method, seed }) => ({
      errorPct: 100 - AS_PRINTED[method][0] + 0.2 * (seed % 2),
      searchSeconds: method === 'mgs' ? 20 + seed / 10 : 40,
    }));
    for (const [id, verdict] of Object.entries(verdictsOf(table3, reversed))) {
      expect(verdict, id).to.equal(id.startsWith('as-printed') ? 'cannot be seen here' : 'not supported');
    }
    for (const { id, verdict, detail } of table3.claims(partOf(asPrinted, 0))) {
      expect(verdict).to.equal(id.startsWith('as-printed') ? 'cannot be seen here' : 'not run');
      expect(detail).to.not.be.empty;
    }
  });

  it('prints best and mean with size and cost', () => {
    const tables = table3.tables(asPrinted);
    const [, errors, , pairs, details, printed] = tables;
    const [, errorRows, rankRows, , , printedRows] = tables.map(titled);
    expect(errors.title).to.equal(
      'Test error (%) on CIFAR-10 in the DARTS space, 6 searches each (budget laptop)',
    );
    expect(errorRows).to.have.length(7);
    // 42 + 0.3·(seed·7 + 3 mod 3): the first seed is the best.
    expect(errorRows.find(({ method }) => method === 'ZARTS-MGS')).to.deep.equal({
      method: 'ZARTS-MGS',
      n: 6,
      'best error': '42.00',
      'error (%)': '42.30 ± 0.27',
      'full size of the best (M)': '3.30',
      'full size (M)': '3.55 ± 0.19',
      'search (s)': '81 ± 2',
      'to DARTS 1st': '1.9',
    });
    expect(errors.notes!.join('\n')).to.contain('a linear classifier on the same images 62.6');
    // On CIFAR-10 the paper prints the best of DARTS, both orders, and of ZARTS.
    expect(rankRows.find(({ method }) => method === 'DARTS 1st')).to.include({
      'among 3': '3.00',
      'among 3, printed': '3.00',
    });
    expect(pairs.title).to.contain('DARTS 2nd less each other method');
    expect(details.rows).to.have.length(7);
    expect(printedRows).to.have.length(23);
    expect(printedRows.filter(({ here }) => here === 'cited').map(({ method }) => method)).to.include.members(
      ['P-DARTS', 'AmoebaNet', 'ROME'],
    );
    expect(printedRows.find(({ method }) => method === 'SDARTS-ADV')).to.deep.equal({
      'data set': 'CIFAR-10',
      statistic: 'mean',
      method: 'SDARTS-ADV',
      here: 'SDARTS-ADV',
      'parameters (M)': '3.3',
      'error (%)': '2.61 ± 0.02',
      'GPU days': '1.3',
    });
    expect(printed.notes!.join()).to.contain('not comparable');
    expect(table3.paper).to.include({
      'cifar10 darts ZARTS (ours), best': 2.46,
      'cifar100 darts ZARTS (ours), mean': 16.29,
    });
    const nothing = table3.tables(partOf(asPrinted, 0));
    expect(nothing).to.have.length(2);
    printsWell([...tables, ...nothing]);
    expect(table3.charts(partOf(asPrinted, 0))).to.be.empty;
  });

  it('puts its own numbers beside the printed ones at full budget only', () => {
    const tables = table3.tables(whole);
    expect(tables.map(({ title }) => title).slice(1, 3)).to.deep.equal([
      'Test error (%) on CIFAR-10 in the DARTS space, 4 searches each (budget full)',
      'Test error (%) on CIFAR-100 in the DARTS space, 4 searches each (budget full)',
    ]);
    // CIFAR-100 has no printed best of DARTS: ranks among the printed are of CIFAR-10 alone.
    expect(titled(tables[3]).find(({ method }) => method === 'ZARTS-MGS')).to.include({
      'among 3': '1.00',
      'among 3, printed': '1.00',
    });
    const rows = titled(tables.at(-1)!);
    expect(rows.find(({ method, statistic }) => method === 'ZARTS' && statistic === 'best')).to.include({
      'parameters (M)': '3.5 (3.35)',
      'error (%)': '2.46 (2.50)',
      'GPU days': '1.0',
    });
    expect(rows.filter(({ method }) => method === 'ZARTS').at(-1)).to.include({
      'error (%)': '16.29 ± 0.53 (16.23 ± 0.03)',
    });
    expect(rows.find(({ method }) => method === 'GDAS')).to.include({ 'error (%)': '2.93' });
  });

  it('says what it leaves out, what it adds and what it cites', () => {
    expect(table3.deviations(laptop).join('\n'))
      .to.contain('Not run here: the data sets CIFAR-100.')
      .and.to.contain("Not in the paper's table: MGS flat, random-ws.")
      .and.to.contain('Cited, not run here: P-DARTS, GDAS, ')
      .and.to.contain('Training: epochs is 12; the paper has 600.')
      .and.to.contain('Of R-DARTS the paper does not say');
  });

  it('draws a point for each search, and error over cost', async () => {
    const charts = table3.charts(asPrinted);
    expect(charts.map(({ name }) => name)).to.deep.equal(['errors', 'cost']);
    matchesSnapshot('table-3-cost', withoutData(charts[1].spec));
    const points = await Promise.all(charts.map((chart) => marksIn(chart, 'point')));
    expect(points).to.deep.equal([42, 7]);
  });
});

describe('Table 3, run', function () {
  this.timeout(240_000);
  const home = temporaryFolder();

  it('searches, trains and reports', async () => {
    const report = await reproduce(table3, {
      budget: 'smoke',
      seeds: 1,
      data: 'synthetic',
      home: home(),
      change: { method: 'mgs', epochs: 1, training: { epochs: 1, network: { channels: 2 } } },
    });
    const row = report.rows.find(({ kind }) => kind === 'training')!;
    expect(row).to.include({ method: 'mgs', space: 'darts' });
    expect(row).to.have.property('fullParameters').that.is.within(1.5e6, 8e6);
    expect(report.pictures.map((file) => path.basename(file)).join()).to.match(/errors\.png,.*cost\.png/);
    expect(report.deviations[0]).to.contain('synthetic');
  });
});
