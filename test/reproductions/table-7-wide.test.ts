import path from 'node:path';
import { expect } from 'chai';
import { spaceName } from '../../lib/search/protocol.js';
import { cellsOfKind } from '../../reproductions/experiment.js';
import { estimate } from '../../reproductions/measure.js';
import { reproduce } from '../../reproductions/reproduce.js';
import { isControl } from '../../reproductions/separation.js';
import { table2 } from '../../reproductions/table-2-spaces.js';
import { table7 } from '../../reproductions/table-7-wide.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { cellsWith, fakeView, marksIn, partOf, printsWell, titled, verdictsOf } from './fake-view.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = cellsWith(table7, { budget: 'laptop' });
const full = cellsWith(table7, { budget: 'full' });
const trainings = (options: Parameters<typeof cellsWith>[1]) =>
  cellsOfKind(cellsWith(table7, options), 'training').filter(({ run }) => run.search);

/** As the paper says: ZARTS is lowest. */
const AS_PRINTED: Readonly<Record<string, number>> = {
  'pc-darts': 46,
  'sdarts-rs': 44,
  'sdarts-adv': 43,
  mgs: 41,
  'mgs-flat': 41.5,
  'darts-1st': 47,
  'random-ws': 45,
};
const SPACE_OFFSET: Readonly<Record<string, number>> = { s1: 0, s2: 2, s3: -1, s4: 6 };
const asPrinted = fakeView(laptop, ({ method, space, seed }) => ({
  errorPct: AS_PRINTED[method] + SPACE_OFFSET[space] + 0.3 * ((seed * 7 + method.length) % 3),
}));

describe('Table 7', () => {
  it('has the paper’s four methods beside the three mainly compared at laptop, and ends in hours on two cores', () => {
    expect(trainings({ budget: 'laptop' })).to.have.length(3 * 7 * 6);
    expect(estimate(laptop) / 3600).to.be.within(0.5, 10);
    expect(estimate(cellsWith(table7, { budget: 'smoke' }))).to.be.below(90);
  });

  it('trains networks that are larger than those of Table 2, in the paper’s ratio', () => {
    for (const { run } of trainings({ budget: 'full' })) {
      expect(run.training.network).to.include({ cells: 20, channels: 36 });
      expect(run.training).to.include({ preset: 'table-7', epochs: 600 });
    }
    const channels = (options: Parameters<typeof trainings>[0]) =>
      new Set(trainings(options).map(({ run }) => run.training.network.channels));
    // Table 2 has 8; the paper 36 to 16.
    expect(channels({ budget: 'laptop' })).to.deep.equal(new Set([18]));
    expect(channels({ budget: 'smoke' })).to.deep.equal(new Set([8]));
    const set = ['training.network.channels=6', 'training.epochs=3'];
    expect(channels({ budget: 'laptop', seeds: 1, set })).to.deep.equal(new Set([6]));
    expect(trainings({ budget: 'laptop', seeds: 1, set })[0].run.training.epochs).to.equal(3);
  });

  it('leaves open what methods that are not there yet may show', () => {
    // Every network of a search guesses; the hand-made cells come apart.
    const atChance = fakeView(laptop, ({ method, seed }) => ({
      errorPct: isControl({ method })
        ? ({ 'control/0': 43, 'control/4': 47, 'control/8': 90 }[method] ?? 90) + 0.1 * seed
        : 90 + 0.1 * seed,
    }));
    const rows = atChance.rows.filter(
      (row) => row.kind === 'linear' || row.method === 'pc-darts' || isControl(row),
    );
    const part = { ...atChance, rows, done: rows.filter(({ kind }) => kind !== 'linear').length };
    expect(verdictsOf(table7, part)['zarts-lowest']).to.equal('not run');
    expect(verdictsOf(table7, atChance)['zarts-lowest']).to.equal('cannot be seen here');
  });

  it('shares the searches of ZARTS with Table 2', () => {
    for (const budget of ['laptop', 'full'] as const) {
      const theirs = cellsOfKind(cellsWith(table2, { budget }), 'training').map(({ run }) => run.search);
      for (const { axes, run } of trainings({ budget })) {
        if (axes.method === 'mgs') expect(theirs).to.deep.include(run.search);
      }
    }
  });

  it('has the paper’s twelve benchmarks at full', () => {
    expect(trainings({ budget: 'full' })).to.have.length(12 * 6 * 4);
    const benchmarks = trainings({ budget: 'full' }).map(
      ({ run: { search } }) => `${search!.dataset.name} ${spaceName(search!)}`,
    );
    expect(new Set(benchmarks).size).to.equal(12);
    expect(table7.paper).to.include({ 'cifar10 s2 ZARTS-best': 2.39, 'svhn s4 ZARTS-avg': 2.2 });
    expect(table7.deviations(full).join('\n')).not.to.match(/the paper has \d|Not run here/);
  });

  it('finds the claims in numbers that have them', () => {
    expect(verdictsOf(table7, asPrinted)).to.deep.equal({
      'zarts-lowest': 'supported',
      'beats/pc-darts': 'supported',
      'beats/sdarts-rs': 'supported',
      'beats/sdarts-adv': 'supported',
      'flat-beats/sdarts-adv': 'supported',
      'flat-beats/darts-1st': 'supported',
      'beats-random': 'supported',
    });
    const [lowest] = table7.claims(asPrinted);
    expect(lowest.text).to.contain('in print, best of four, on 7 of 12');
    expect(lowest).to.include({ n: 18, unit: 'case' });
    expect(lowest.statistic.value).to.equal(1);
    expect(lowest.detail).to.contain('by chance it would be one in 4');
  });

  it('can decide each of its primary questions in one space alone', () => {
    const rows = asPrinted.rows.filter(({ space = '' }) => space.includes('s4'));
    for (const { id, verdict, detail } of table7.claims({ ...asPrinted, rows }))
      if (detail.includes('primary questions')) expect(verdict, id).to.equal('supported');
  });

  it('does not find them where ZARTS is worst, nor where nothing differs, and decides nothing where nothing is there', () => {
    const reversed = fakeView(laptop, ({ method, seed }) => ({
      errorPct: 100 - AS_PRINTED[method] + 0.2 * (seed % 2),
    }));
    for (const [id, verdict] of Object.entries(verdictsOf(table7, reversed)))
      expect(verdict, id).to.equal('not supported');
    const equal = fakeView(laptop, () => ({ errorPct: 42 }));
    for (const [id, verdict] of Object.entries(verdictsOf(table7, equal)))
      expect(verdict, id).to.equal('not supported');
    const set = ['method=mgs'];
    const alone = fakeView(cellsWith(table7, { budget: 'laptop', set }), () => ({ errorPct: 42 }));
    for (const { verdict, detail } of table7.claims(partOf(alone, 0))) {
      expect(verdict).to.equal('not run');
      expect(detail).to.not.be.empty;
    }
    expect(verdictsOf(table7, alone)).to.include({
      'zarts-lowest': 'not run',
      'beats/pc-darts': 'not run',
    });
  });

  it('asks what the paper does not: a flat density, and random search', () => {
    const set = ['method=sdarts-adv,mgs,mgs-flat,random-alpha'];
    const wide = fakeView(cellsWith(table7, { budget: 'laptop', set }), ({ method, seed }) => ({
      errorPct: { mgs: 40, 'mgs-flat': 41, 'random-alpha': 45 }[method] ?? 44 + 0.1 * seed,
    }));
    expect(verdictsOf(table7, wide)).to.include({
      'flat-beats/sdarts-adv': 'supported',
      'beats-random-alpha': 'supported',
    });
  });

  it('prints best and mean, and compares each method with ZARTS', () => {
    const tables = table7.tables(asPrinted);
    const [, best, , rank, pairs, , printed] = tables;
    const rows = tables.slice(1).map(titled);
    expect(best.title).to.contain('best of 6 searches (budget laptop)');
    expect(rows[0][0]).to.include({ space: 'S2', 'ZARTS-MGS': '43.00', 'SDARTS-ADV': '45.00' });
    expect(rows[1][0]['MGS flat']).to.match(/^43\.80 ± /);
    expect(rank.columns.at(-1)!.title).to.equal('among 4, printed');
    // Printed on CIFAR-10: 1, 4, 1.
    expect(rows[2].find(({ method }) => method === 'ZARTS-MGS')).to.include({
      'by best': '1.00',
      'lowest on': 3,
      'among 4, printed': '2.00',
    });
    expect(pairs.title).to.contain('ZARTS-MGS less each other method');
    expect(rows[3].map(({ method }) => method)).to.include.members(['PC-DARTS', 'SDARTS-RS', 'SDARTS-ADV']);
    expect(rows[5][0]).to.include({ 'ZARTS-best': '2.65', 'ZARTS-avg': '2.79 ± 0.14' });
    expect(printed.notes!.join()).to.contain('not comparable');
    printsWell(tables);
    const whole = fakeView(full, ({ seed }) => ({ errorPct: 3 + seed / 10 }));
    expect(titled(table7.tables(whole).at(-1)!)[0]).to.include({
      'PC-DARTS': '3.11 (3.00)',
      'ZARTS-avg': '2.79 ± 0.14 (3.15)',
    });
  });

  it('says what it leaves out', () => {
    const sentences = table7.deviations(laptop);
    for (const sentence of [
      'Not run here: the data sets CIFAR-100, SVHN.',
      'Training: network.channels is 18; the paper has 36.',
      'Training: epochs is 12; the paper has 600.',
    ]) {
      expect(sentences).to.include(sentence);
    }
    const text = sentences.join('\n');
    expect(text)
      .to.contain("from SDARTS' paper")
      .and.to.contain("PC-DARTS is searched by SmoothDARTS' script");
    // Its batch was cut from another size than that of the others.
    expect(text)
      .to.contain('All but PC-DARTS: batchSize is 32; DARTS’ paper has 64.')
      .and.to.contain('PC-DARTS: batchSize is 32; PC-DARTS’ paper has 256.');
  });

  it('draws a point for each search', async () => {
    const [chart] = table7.charts(asPrinted);
    matchesSnapshot('table-7-errors', withoutData(chart.spec));
    expect(await marksIn(chart, 'point')).to.equal(3 * 7 * 6);
  });
});

describe('Table 7, run', function () {
  this.timeout(240_000);
  const home = temporaryFolder();

  it('trains another network from a search that Table 2 made', async () => {
    const change = { method: 'mgs', epochs: 1, training: { epochs: 1, network: { channels: 2 } } } as const;
    const options = { budget: 'smoke', seeds: 1, data: 'synthetic', home: home(), change } as const;
    const [theirs, ours] = [await reproduce(table2, options), await reproduce(table7, options)];
    const [[search, training], [sameSearch, otherTraining]] = [theirs, ours].map(({ result }) =>
      result.runs.find(({ kind }) => kind === 'training')!.kept.map(({ key }) => key),
    );
    expect(sameSearch).to.equal(search);
    expect(otherTraining).to.not.equal(training);
    const [small, large] = [theirs, ours].map(
      ({ rows }) => rows.flatMap((row) => (row.kind === 'training' ? [row.fullParameters] : []))[0],
    );
    // 36 channels to 16, in S2.
    expect(large).to.be.above(3 * small);
    expect(path.basename(ours.resultFile)).to.match(/^table-7-smoke-/);
  });
});
