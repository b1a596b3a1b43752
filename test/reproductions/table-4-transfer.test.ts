import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { openSettingsOf } from '../../reproductions/deviations.js';
import { cellsOfKind } from '../../reproductions/experiment.js';
import { estimate } from '../../reproductions/measure.js';
import { reproduce } from '../../reproductions/reproduce.js';
import { table3 } from '../../reproductions/table-3-darts.js';
import { table4 } from '../../reproductions/table-4-transfer.js';
import { anyTrainingOf } from '../../reproductions/training.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { writePhotoStandIn } from '../support/stand-in.js';
import { cellsWith, fakeView, marksIn, printsWell, titled, verdictsOf, withSkips } from './fake-view.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = cellsWith(table4, { budget: 'laptop' });
const full = cellsWith(table4, { budget: 'full' });
type TransferView = Parameters<typeof table4.claims>[0];

/** As the paper says: ZARTS' cells are larger, have fewer skips, and lower errors. */
const ERRORS: Readonly<Record<string, number>> = {
  DARTS_V2: 55,
  'darts-2nd': 54,
  mgs: 51,
  'mgs-flat': 52,
  'random-ws': 53.5,
};
/** Two skips in both cells; of about 5.2 M parameters. */
const ZARTS = withSkips(1, ['dil_conv_3x3', 'sep_conv_3x3']);
const DARTS = withSkips(4);
const asPrinted = fakeView(laptop, ({ method, seed }) => ({
  errorPct: ERRORS[method] + 0.2 * seed,
  genotype: method.startsWith('mgs') ? ZARTS : DARTS,
  searchSeconds: 75 + seed,
  classes: 20,
}));

/** On computed photographs. */
const standIn = (view: TransferView): TransferView => ({
  ...view,
  rows: view.rows.map((row) => ({ ...row, ...(row.kind === 'training' ? { coverage: 'synthetic' } : {}) })),
});
/** Without any. */
const searchedAlone = (view: TransferView): TransferView => ({
  ...view,
  rows: view.rows.filter(({ kind }) => kind === 'search'),
});

describe('Table 4', () => {
  it('searches by four methods, six seeds at laptop, and trains what they find and published cells', () => {
    expect(cellsOfKind(laptop, 'search')).to.have.length(4 * 6);
    const trainings = cellsOfKind(laptop, 'training');
    expect(trainings.filter(({ run }) => run.search)).to.have.length(4 * 6);
    const published = trainings.filter(({ run }) => run.genotype);
    expect(published.map(({ axes }) => axes.method)).to.deep.equal(Array<string>(6).fill('DARTS_V2'));
    expect(estimate(laptop) / 3600).to.be.within(0.25, 2);
    expect(estimate(cellsWith(table4, { budget: 'smoke' }))).to.be.below(60);
  });

  it('has the paper’s network and training at full', () => {
    for (const { run } of cellsOfKind(full, 'training')) {
      const { training } = run;
      expect(training.network).to.include({ form: 'imagenet', cells: 14, channels: 48 });
      expect(training).to.include({ preset: 'imagenet', epochs: 250, batchSize: 1024 });
      expect(training.weights).to.include({ lr: 0.5, momentum: 0.9 });
      expect(training.dataset).to.deep.equal({
        name: 'imagenet',
        imageSide: 224,
        trainSize: 1281167,
        testSize: 50000,
      });
      expect(anyTrainingOf(training).network.kind).to.equal('genotype');
      if (run.search) expect(training.seed).to.equal(run.search.seed);
    }
    expect(table4.deviations(full).filter((each) => each.startsWith('Training: '))).to.have.length(1);
  });

  it('shares its searches with Table 3', () => {
    for (const budget of ['laptop', 'full'] as const) {
      const theirs = cellsOfKind(cellsWith(table3, { budget }), 'training').flatMap(
        ({ run }) => run.search ?? [],
      );
      const ours = cellsOfKind(cellsWith(table4, { budget }), 'search').map(({ run }) => run.search);
      expect(theirs).to.include.deep.members(ours);
    }
  });

  it('takes settings for methods, searches and trainings', () => {
    const set = [
      'method=gld',
      'epochs=3',
      'warmupEpochs=1',
      'training.epochs=2',
      'training.dataset.classes=7',
    ];
    const cells = cellsOfKind(cellsWith(table4, { budget: 'laptop', seeds: 1, set }), 'training');
    const { search, training } = cells.find(({ axes }) => axes.method === 'gld')!.run;
    expect(search).to.include({ epochs: 3 });
    expect(training).to.include({ epochs: 2 });
    expect(training.dataset.classes).to.equal(7);
    const refused = (options: object) => () => cellsWith(table4, { budget: 'laptop', ...options });
    expect(refused({ set: ['method=glt'] })).to.throw(UsageError, '"glt"');
    expect(refused({ seeds: 0 })).to.throw(UsageError, '1 or more');
    expect(refused({ set: ['training.dataset.classes=1'] })).to.throw(
      UsageError,
      'dataset.classes is 1; it must be an integer from 2 to 1000.',
    );
  });

  it('finds the claims in numbers that have them; the printed FLOPs are not what is counted', () => {
    expect(verdictsOf(table4, asPrinted)).to.deep.equal({
      'count/parameters': 'supported',
      'count/multiply-adds': 'not supported',
      size: 'cannot be seen here',
      'fewer-skips': 'supported',
      'beats/DARTS_V2': 'supported',
      'beats-random': 'supported',
    });
    const [parameters, , size, skips, beats] = table4.claims(asPrinted);
    expect(parameters.statistic.value).to.be.closeTo(4.719, 0.001);
    expect(size.text).to.contain('5.0 to 5.6 M');
    expect(size.detail).to.contain('from 4.95 to 5.65');
    // 16 kept edges, of 7 operations one.
    expect(skips.detail).to.contain('have 5; cells drawn at random from the space 2.3.');
    expect(beats.text).to.contain('24.3 and 24.5 against 26.7 %');
    expect(beats).to.include({ n: 6, unit: 'search' });
  });

  it('does not find them in the reverse', () => {
    const reversed = fakeView(laptop, ({ method, seed }) => ({
      errorPct: method === 'mgs' ? 60 + 0.1 * seed : 50,
      genotype: withSkips(6),
    }));
    expect(verdictsOf(table4, reversed)).to.include({
      size: 'cannot be seen here',
      'fewer-skips': 'not supported',
      'beats/DARTS_V2': 'not supported',
      'beats-random': 'not supported',
    });
  });

  it('decides nothing about ImageNet on computed photographs, nor without any', () => {
    for (const view of [standIn(asPrinted), searchedAlone(asPrinted)]) {
      const verdicts = verdictsOf(table4, view);
      expect(verdicts).to.include({ 'beats/DARTS_V2': 'not run', 'beats-random': 'not run' });
      // Counts need no photographs.
      expect(verdicts).to.include({ 'count/parameters': 'supported' });
    }
  });

  it('prints counts, errors and the paper’s rows, cited ones marked', () => {
    const tables = table4.tables(asPrinted);
    const [counts, errors, printed] = tables;
    expect(counts.rows).to.have.length(4 + 4 * 6);
    expect(Object.values(counts.rows[1])).to.deep.equal([
      'DARTS_V2 (published)',
      null,
      '4,718,752',
      '529,911,552',
      5,
      '4.7',
      '574',
    ]);
    expect(errors.title).to.equal('Top-1 error (%) on ImageNet (budget laptop)');
    expect(titled(errors).find(({ cells }) => cells === 'ZARTS-MGS')).to.include({
      n: 6,
      'error (%)': '51.50 ± 0.37',
      best: '51.00',
      'search (s)': '78 ± 2',
    });
    expect(errors.notes!.join()).to.match(/a linear classifier on the same images 62\.6, chance 90\.0/);
    const rows = titled(printed);
    expect(rows).to.have.length(17);
    expect(rows.filter(({ here }) => here === 'cited')).to.have.length(11);
    expect(rows.find(({ method }) => method === 'ProxylessNAS †')).to.deep.equal({
      method: 'ProxylessNAS †',
      here: 'cited',
      'FLOPs (M)': '465',
      'parameters (M)': '7.1',
      'top-1 error (%)': '24.9',
      'GPU days': '8.3',
    });
    expect(printed.notes!.join()).to.contain('not comparable');
    expect(table4.paper).to.include({ 'ZARTS (5.6M params) error': 24.3, 'DARTS (2nd) flops': 574 });
    const onStandIn = table4.tables(standIn(asPrinted));
    expect(onStandIn[1].title).to.contain('a stand-in for ImageNet');
    expect(onStandIn[1].notes![0]).to.contain('nothing about ImageNet');
    const none = table4.tables(searchedAlone(asPrinted));
    expect(none).to.have.length(2);
    printsWell([...tables, ...onStandIn, ...none]);
  });

  it('puts its errors beside the printed ones at full budget on the photographs only', () => {
    const whole = fakeView(full, ({ seed }) => ({ errorPct: 25 + seed / 10 }));
    const row = (view: TransferView) =>
      titled(table4.tables(view).at(-1)!).find(({ method }) => String(method).startsWith('ZARTS (5.6M'));
    expect(row(whole)).to.include({ 'top-1 error (%)': '24.3 (25.15 ± 0.13)' });
    expect(row(standIn(whole))).to.include({ 'top-1 error (%)': '24.3' });
  });

  it('says what it does otherwise', () => {
    const sentences = table4.deviations(laptop).join('\n');
    expect(sentences)
      .to.contain('Training: The first 20 classes are used; the paper has all 1000.')
      .and.to.contain('Training: network.cells is 5; the paper has 14.')
      .and.to.contain('Cited, not run here: PNAS, ')
      .and.to.contain('6 searches by each method')
      .and.to.contain('Search: MGS flat: ');
    expect(sentences).not.to.contain('undefined');
    expect(openSettingsOf(laptop).map((setting) => setting.path)).to.include.members([
      'solver.tau',
      'training.weights.weightDecay',
    ]);
  });

  it('draws sizes beside the printed ones, and a point for each network trained', async () => {
    const charts = table4.charts(asPrinted);
    expect(charts.map(({ name }) => name)).to.deep.equal(['size', 'errors']);
    for (const { name, spec } of charts) matchesSnapshot(`table-4-${name}`, withoutData(spec));
    const points = await Promise.all(charts.map((chart) => marksIn(chart, 'point')));
    // Six printed rows that are run here, four published genotypes, four methods; DARTS_V2 is trained too.
    expect(points).to.deep.equal([6 + 4 + 4 * 6, 5 * 6]);
    expect(table4.charts(searchedAlone(asPrinted))).to.have.length(1);
  });
});

describe('Table 4, run', function () {
  this.timeout(240_000);
  const home = temporaryFolder();
  const change = { epochs: 1, training: { epochs: 1, dataset: { trainSize: 8, testSize: 8 } } } as const;
  const networks = ({ rows }: Pick<TransferView, 'rows'>) =>
    rows.flatMap((row) => (row.kind === 'training' ? [row] : []));

  it('searches, counts, and trains on computed photographs; the second time nothing is computed', async () => {
    const options = { budget: 'smoke', data: 'synthetic', change, home: home() } as const;
    const parts: number[] = [];
    const report = await reproduce(table4, { ...options, onPartial: ({ done }) => void parts.push(done) });
    expect(report.tables[1].title).to.contain('a stand-in for ImageNet');
    expect(report.rows.find(({ kind }) => kind === 'linear')).to.include({ classes: 4 });
    expect(parts).to.deep.equal([1, 2, 3]);
    expect(report.of).to.equal(3);
    const counts = titled(report.tables[0]);
    const zarts = Number(String(counts.at(-1)!.parameters).replaceAll(',', ''));
    expect(zarts).to.be.within(2e6, 9e6);
    const trained = networks(report).find(({ method }) => method === 'mgs')!;
    expect(trained.parameters).to.be.below(zarts / 100);
    expect(report.pictures).to.have.length(2);
    const again = await reproduce(table4, options);
    expect(again.result).to.deep.equal(report.result);
    expect(again.seconds).to.be.below(10);
  });

  it('trains on photographs where there are some', async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'zarts-photos-'));
    try {
      await writePhotoStandIn(data, { train: 3, test: 3, classes: 6 });
      const report = await reproduce(table4, { budget: 'smoke', data, change, home: home() });
      expect(report.tables[1].title).to.contain('on ImageNet');
      // No CIFAR-10 beside them: nothing is searched, what is published is counted and trained.
      expect(report.missing.join()).to.match(/^CIFAR-10 is not in the folder/);
      expect(networks(report).map(({ method }) => method)).to.deep.equal(['DARTS_V2']);
      expect(networks(report)[0].errorPct).to.be.within(0, 100);
      expect(report.rows.find(({ kind }) => kind === 'linear')).to.include({ classes: 4 });
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  it('counts what is published where there are no images at all', async () => {
    const empty = mkdtempSync(path.join(tmpdir(), 'zarts-no-data-'));
    try {
      const options = {
        budget: 'full',
        seeds: 1,
        data: empty,
        change: { method: 'mgs' },
        home: home(),
      } as const;
      const { rows, tables, missing, resultFile, claims } = await reproduce(table4, options);
      expect(rows).to.be.empty;
      expect(tables[0].rows).to.have.length(4);
      expect(missing.join()).to.match(/ImageNet.* is not in the folder of data sets named/);
      expect(path.basename(resultFile)).to.equal('table-4-full-no-data.json');
      expect(claims.slice(0, 2).map(({ verdict }) => verdict)).to.deep.equal(['supported', 'not supported']);
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});
