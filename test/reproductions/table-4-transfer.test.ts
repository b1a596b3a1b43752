import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { writePhotoStandIn } from '../support/stand-in.js';
import { UsageError } from '../../lib/errors.js';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { anyTrainingOf } from '../../reproductions/retraining.js';
import { runReproduction } from '../../reproductions/run.js';
import { table3 } from '../../reproductions/table-3-darts.js';
import { table4 } from '../../reproductions/table-4-transfer.js';
import type { Transfer, Transferred, TransferRun } from '../../reproductions/table-4-transfer.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = table4.protocols({ budget: 'laptop' });
const full = table4.protocols({ budget: 'full' });

/** Numbers that a test decides, as if measured on the photographs. */
function fakeTransferred(
  protocols: readonly Transfer[],
  numbers: (run: Transfer) => {
    readonly errorPct: number;
    readonly parameters?: number;
    readonly skips?: number;
  },
  photographs: Transferred['photographs'] = 'imagenet',
): Transferred {
  const runs = protocols.map((protocol): TransferRun => {
    const { method, seed, search, training } = protocol;
    const { errorPct, parameters = 4_718_752, skips = 5 } = numbers(protocol);
    return {
      method,
      seed,
      genotype: KNOWN_GENOTYPES.DARTS_V2,
      search: search ? { key: 's'.repeat(32), seconds: 75 + seed, environment: 0 } : null,
      parameters,
      multiplyAdds: 112 * parameters,
      skips,
      trained:
        training && photographs
          ? {
              key: 't'.repeat(32),
              errorPct,
              testImages: training.dataset.testSize,
              bestEpoch: { epoch: 3, errorPct: errorPct - 0.5 },
              parameters: 60_000,
              multiplyAdds: 5_000_000,
              seconds: 150,
              environment: 0,
            }
          : null,
    };
  });
  return {
    budget: protocols[0].budget,
    photographs,
    environments: [],
    runs,
    parts: { done: runs.length, of: runs.length },
    baseline: { errorPct: 81.2, classes: 20 },
    missing: [],
  };
}

/** As the paper says: ZARTS' cells are larger, have fewer skips, and lower errors. */
const AS_PRINTED: Readonly<Record<string, readonly [error: number, parameters: number, skips: number]>> = {
  DARTS_V1: [0, 4_510_432, 6],
  DARTS_V2: [55, 4_718_752, 5],
  NASNet: [0, 5_564_320, 3],
  AmoebaNet: [0, 4_627_360, 2],
  'darts-2nd': [54, 4_600_000, 4],
  mgs: [51, 5_250_000, 2],
  'mgs-flat': [52, 5_100_000, 2],
  random: [53.5, 4_900_000, 3],
};
const numbersOf = ({ method, seed }: Transfer) => {
  const [errorPct, parameters, skips] = AS_PRINTED[method];
  return { errorPct: errorPct + 0.2 * seed, parameters: parameters + 50_000 * (seed % 2), skips };
};
const asPrinted = fakeTransferred(laptop, numbersOf);

function verdicts(result = asPrinted): Record<string, string> {
  return Object.fromEntries(table4.claims(result).map(({ id, verdict }) => [id, verdict]));
}

describe('Table 4', () => {
  it('counts four published genotypes, trains one of them and what four methods find, three seeds at laptop', () => {
    expect(laptop.filter(({ search }) => search)).to.have.length(4 * 3);
    expect(laptop.filter(({ training }) => !training).map(({ method }) => method)).to.deep.equal([
      'DARTS_V1',
      'NASNet',
      'AmoebaNet',
    ]);
    expect(laptop.filter(({ method }) => method === 'DARTS_V2')).to.have.length(3);
    expect(table4.seconds!(laptop) / 3600).to.be.within(0.25, 1);
    expect(table4.seconds!(table4.protocols({ budget: 'smoke' }))).to.be.below(60);
  });

  it('has the paper’s network and training at full', () => {
    for (const { training, seed } of full) {
      if (!training) continue;
      expect(training.network).to.include({ form: 'imagenet', cells: 14, channels: 48 });
      expect(training).to.include({ preset: 'imagenet', epochs: 250, batchSize: 1024, seed });
      expect(training.weights).to.include({ lr: 0.5, momentum: 0.9 });
      expect(training.dataset).to.deep.equal({
        name: 'imagenet',
        imageSide: 224,
        trainSize: 1281167,
        testSize: 50000,
      });
      expect(anyTrainingOf(training).network.kind).to.equal('genotype');
    }
    expect(table4.deviations(full).filter((each) => each.startsWith('Training: '))).to.have.length(1);
  });

  it('shares its searches with Table 3', () => {
    for (const budget of ['laptop', 'full'] as const) {
      const theirs = table3.protocols({ budget }).map(({ search }) => search);
      const ours = table4.protocols({ budget }).flatMap(({ search }) => (search ? [search] : []));
      expect(theirs).to.include.deep.members(ours);
    }
  });

  it('takes settings for methods, searches and trainings', () => {
    const set = [
      'methods=gld',
      'epochs=3',
      'warmupEpochs=1',
      'training.epochs=2',
      'training.dataset.classes=7',
    ];
    const runs = table4.protocols({ budget: 'laptop', seeds: 1, set });
    const [{ search, training }] = runs.filter(({ method }) => method === 'gld');
    expect(search).to.include({ epochs: 3 });
    expect(training).to.include({ epochs: 2 });
    expect(training!.dataset.classes).to.equal(7);
    expect(() => table4.protocols({ budget: 'laptop', set: ['methods=glt'] })).to.throw(UsageError, '"glt"');
    expect(() => table4.protocols({ budget: 'laptop', seeds: 0 })).to.throw(UsageError, '1 or more');
    expect(() => table4.protocols({ budget: 'laptop', set: ['training.dataset.classes=1'] })).to.throw(
      UsageError,
      'dataset.classes is 1; it must be an integer from 2 to 1000.',
    );
  });

  it('finds the claims in numbers that have them; the printed FLOPs are not what is counted', () => {
    expect(verdicts()).to.deep.equal({
      'count/parameters': 'supported',
      'count/multiply-adds': 'not supported',
      size: 'supported',
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
    expect(beats).to.include({ n: 3, unit: 'pair' });
  });

  it('does not find them in the reverse', () => {
    const reversed = fakeTransferred(laptop, ({ method, seed }) => ({
      errorPct: method === 'mgs' ? 60 + 0.1 * seed : 50,
      parameters: 4_000_000 + 1000 * seed,
      skips: 6,
    }));
    expect(verdicts(reversed)).to.include({
      size: 'not supported',
      'fewer-skips': 'not supported',
      'beats/DARTS_V2': 'not supported',
      'beats-random': 'not supported',
    });
  });

  it('decides nothing about ImageNet on computed photographs, nor without any', () => {
    for (const photographs of ['stand-in', null] as const) {
      const result = fakeTransferred(laptop, numbersOf, photographs);
      expect(verdicts(result)).to.include({ 'beats/DARTS_V2': 'undecided', 'beats-random': 'undecided' });
      // Counts need no photographs.
      expect(verdicts(result)).to.include({ 'count/parameters': 'supported', size: 'supported' });
    }
  });

  it('prints counts, errors and the paper’s rows, cited ones marked', () => {
    const [counts, errors, printed] = table4.tables(asPrinted);
    expect(counts.rows).to.have.length(4 + 4 * 3);
    expect(counts.rows[1]).to.deep.equal({
      method: 'DARTS_V2 (published)',
      seed: null,
      parameters: '4,718,752',
      multiplyAdds: (112 * 4_718_752).toLocaleString('en-US'),
      skips: 5,
      printedParameters: '4.7',
      printedMultiplyAdds: '574',
    });
    expect(errors.title).to.equal('Top-1 error (%) on ImageNet (budget laptop)');
    expect(errors.rows.find(({ method }) => method === 'ZARTS-MGS')).to.include({
      n: 3,
      error: '51.20 ± 0.20',
      best: '51.00',
      search: '76 ± 1',
    });
    expect(errors.notes!.join()).to.contain('a linear classifier on the same images 81.2, chance 95.0');
    expect(printed.rows).to.have.length(17);
    expect(printed.rows.filter(({ here }) => here === 'cited')).to.have.length(11);
    expect(printed.rows.find(({ name }) => name === 'ProxylessNAS †')).to.deep.equal({
      name: 'ProxylessNAS †',
      here: 'cited',
      flops: '465',
      params: '7.1',
      error: '24.9',
      cost: '8.3',
    });
    expect(printed.notes!.join()).to.contain('not comparable');
    expect(table4.paper).to.include({ 'ZARTS (5.6M params) error': 24.3, 'DARTS (2nd) flops': 574 });
    const standIn = table4.tables(fakeTransferred(laptop, numbersOf, 'stand-in'));
    expect(standIn[1].title).to.contain('a stand-in for ImageNet');
    expect(standIn[1].notes![0]).to.contain('nothing about ImageNet');
    const none = table4.tables(fakeTransferred(laptop, numbersOf, null));
    expect(none).to.have.length(2);
    for (const table of [...table4.tables(asPrinted), ...standIn, ...none])
      expect(textTable(table)).not.to.match(/NaN|undefined/);
  });

  it('puts its errors beside the printed ones at full budget on the photographs only', () => {
    const numbers = ({ seed }: Transfer) => ({ errorPct: 25 + seed / 10 });
    const rows = (photographs: Transferred['photographs']) =>
      table4.tables(fakeTransferred(full, numbers, photographs)).at(-1)!.rows;
    const zarts = (row: { readonly name?: unknown }) => String(row.name).startsWith('ZARTS (5.6M');
    expect(rows('imagenet').find(zarts)).to.include({ error: '24.3 (25.15 ± 0.13)' });
    expect(rows('stand-in').find(zarts)).to.include({ error: '24.3' });
  });

  it('says what it does otherwise', () => {
    const sentences = table4.deviations(laptop).join('\n');
    expect(sentences)
      .to.contain('Training: The first 20 classes are used; the paper has all 1000.')
      .and.to.contain('Training: network.cells is 5; the paper has 14.')
      .and.to.contain('Cited, not run here: PNAS, ')
      .and.to.contain('3 searches by each method')
      .and.to.contain('Search: MGS flat: ');
    expect(sentences).not.to.contain('undefined');
    expect(table4.openSettings!(laptop).map(({ path }) => path)).to.include.members([
      'solver.tau',
      'training.weights.weightDecay',
    ]);
  });

  it('draws sizes beside the printed ones, and a point for each network trained', async () => {
    const charts = table4.charts(asPrinted);
    expect(charts.map(({ name }) => name)).to.deep.equal(['size', 'errors']);
    for (const { name, spec } of charts) matchesSnapshot(`table-4-${name}`, withoutData(spec));
    const svgs = await Promise.all(charts.map(({ spec }) => chartSvg(spec)));
    const points = svgs.map((svg) => [...svg.matchAll(/aria-roledescription="point"/g)].length);
    // Six printed rows that are run here, four published genotypes, four methods; DARTS_V2 is trained too.
    expect(points).to.deep.equal([6 + 4 + 12, 5 * 3]);
    for (const svg of svgs) expect(svg).not.to.match(/NaN|Infinity|undefined/);
    expect(table4.charts(fakeTransferred(laptop, numbersOf, null))).to.have.length(1);
  });
});

describe('Table 4, run', function () {
  this.timeout(240_000);
  let home: string;
  before(() => (home = mkdtempSync(path.join(tmpdir(), 'zarts-table-4-'))));
  after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const set = [
    'epochs=1',
    'training.epochs=1',
    'training.dataset.trainSize=8',
    'training.dataset.testSize=8',
  ];

  it('searches, counts, and trains on computed photographs; the second time nothing is computed', async () => {
    const options = { budget: 'smoke', data: 'synthetic', home, set } as const;
    const parts: number[] = [];
    const report = await runReproduction(table4, { ...options, onPart: ({ done }) => parts.push(done) });
    const { runs, photographs, baseline } = report.result;
    expect(photographs).to.equal('stand-in');
    expect(baseline).to.include({ classes: 4 });
    expect(parts).to.deep.equal([4, 5]);
    const [zarts] = runs.filter(({ method }) => method === 'mgs');
    expect(zarts.parameters).to.be.within(2e6, 9e6);
    expect(zarts.trained!.parameters).to.be.below(zarts.parameters / 100);
    expect(runs.find(({ method }) => method === 'DARTS_V2')).to.include({
      parameters: 4_718_752,
      multiplyAdds: 529_911_552,
    });
    expect(report.pictures).to.have.length(2);
    const again = await runReproduction(table4, options);
    expect(again.result).to.deep.equal(report.result);
    expect(again.seconds).to.be.below(10);
  });

  it('trains on photographs where there are some', async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'zarts-photos-'));
    try {
      await writePhotoStandIn(data, { train: 3, test: 3, classes: 6 });
      const { result } = await runReproduction(table4, { budget: 'smoke', data, home, set });
      expect(result.photographs).to.equal('imagenet');
      // No CIFAR-10 beside them: nothing is searched, what is published is counted and trained.
      expect(result.missing.join()).to.match(/^CIFAR-10 is not in the folder/);
      expect(result.runs.map(({ method }) => method))
        .to.include('DARTS_V2')
        .and.not.to.include('mgs');
      expect(result.runs.find(({ method }) => method === 'DARTS_V2')!.trained!.errorPct).to.be.within(0, 100);
      expect(result.baseline).to.include({ classes: 4 });
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  it('counts what is published where there are no images at all', async () => {
    const empty = mkdtempSync(path.join(tmpdir(), 'zarts-no-data-'));
    try {
      const options = { budget: 'full', seeds: 1, data: empty, home, set: ['methods=mgs'] } as const;
      const { result, resultFile, claims } = await runReproduction(table4, options);
      expect(result.runs.map(({ method }) => method)).to.deep.equal([
        'DARTS_V1',
        'NASNet',
        'AmoebaNet',
        'DARTS_V2',
      ]);
      expect(result.runs.every(({ trained }) => trained === null)).to.be.true;
      expect(result.lacking).to.contain('The photographs of ImageNet are not here');
      expect(path.basename(resultFile)).to.equal('table-4-full-no-data.json');
      expect(claims.slice(0, 2).map(({ verdict }) => verdict)).to.deep.equal(['supported', 'not supported']);
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});
