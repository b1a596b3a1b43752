import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { canonicalJson } from '../../lib/runs/canonical.js';
import type { EpochRecord } from '../../lib/search/epoch.js';
import { alphaSize, spaceById } from '../../lib/spaces/spaces.js';
import { cellsOfKind } from '../../reproductions/experiment.js';
import { searchSeconds, trainingSeconds } from '../../reproductions/cost.js';
import { fig2 } from '../../reproductions/fig-2-convergence.js';
import { epochsIn } from '../../reproductions/fig-2-networks.js';
import { estimate } from '../../reproductions/measure.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { Shown } from '../../reproductions/reproduce.js';
import { rejection, temporaryFolder } from '../datasets/helpers.js';
import {
  cellsWith,
  fakeView,
  finishedIn,
  marksIn,
  partOf,
  printsWell,
  soFarIn,
  titled,
  verdictsOf,
  withSkips,
} from './fake-view.js';
import { isControl } from '../../reproductions/separation.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const trainings = (options: Parameters<typeof cellsWith>[1]) =>
  cellsOfKind(cellsWith(fig2, options), 'training').filter(({ run }) => run.search);
const all = cellsWith(fig2, { budget: 'laptop', seeds: 3 });
const laptop = trainings({ budget: 'laptop', seeds: 3 });
const full = trainings({ budget: 'full' });

/** What a made-up method's network is after an epoch. */
interface Network {
  readonly accuracy: number;
  readonly skips: number;
  readonly fullParameters: number;
}

function fake(network: (method: string, epoch: number, seed: number) => Network, cells = all) {
  return fakeView(cells, ({ method, epoch, seed, space }) => {
    const { accuracy, skips, fullParameters } = network(method, epoch, seed);
    const length = Math.max(...cells.map(({ axes }) => axes.epoch || 0));
    const epochs = Array.from({ length }, (_, i) => ({
      epoch: i,
      updates: 0,
      trainAccuracy: 0.3 + (0.5 * i) / length + 0.01 * seed,
      alpha: Array.from({ length: alphaSize(spaceById(space)) }, () => 0),
    })) as unknown as EpochRecord[];
    return { errorPct: 100 - accuracy, genotype: withSkips(skips), fullParameters, epochs };
  });
}

/** As the paper draws it: DARTS loses accuracy and size to skip connections, ZARTS stays. */
const asPrinted = fake((method, epoch, seed) =>
  method === 'darts-1st'
    ? {
        accuracy: 60 - epoch / 6 + seed / 10,
        skips: epoch <= 10 ? 2 : 6,
        fullParameters: epoch <= 10 ? 3.6e6 : 2.2e6 + 1e4 * seed,
      }
    : {
        accuracy: 60 + seed / 10 + (epoch % 20 === 0 ? 0.1 : 0),
        skips: 2,
        fullParameters: 4e6 + 1e4 * (epoch % 3),
      },
);
const level = { accuracy: 97, skips: 1, fullParameters: 4e6 };

describe('Fig. 2', () => {
  it('has the paper’s searches at full, shorter ones at laptop, a network every few epochs of each', () => {
    const seen = (cells: typeof full) => [
      ...new Set(
        cells.map(
          ({ axes, run: { search } }) => `${axes.method} ${search!.space as string} ${search!.epochs}`,
        ),
      ),
    ];
    expect(seen(full)).to.deep.equal(['darts-1st darts 200', 'mgs darts 200', 'mgs-flat darts 200']);
    expect(seen(laptop)).to.deep.equal(['darts-1st s2 40', 'mgs s2 40', 'mgs-flat s2 40']);
    const epochs = (cells: typeof full) => [...new Set(cells.map(({ run }) => run.after))];
    expect(epochs(full)).to.deep.equal([25, 50, 75, 100, 125, 150, 175, 200]);
    expect(epochs(laptop)).to.deep.equal([5, 10, 15, 20, 25, 30, 35, 40]);
    expect(full).to.have.length(3 * 3 * 8);
    expect(laptop).to.have.length(3 * 3 * 8);
    for (const { axes, run } of full) {
      expect(run.training.epochs).to.equal(600);
      expect(axes.epoch).to.equal(run.after);
      expect(run.training.seed).to.equal(run.search!.seed);
    }
    // One training's settings for all, whatever the method and the epoch.
    expect(new Set(laptop.map(({ run }) => canonicalJson({ ...run.training, seed: 0 }))).size).to.equal(1);
  });

  it('runs one search for all its networks, and takes about an hour at laptop', () => {
    expect(new Set(laptop.map(({ run }) => canonicalJson(run.search))).size).to.equal(9);
    expect(estimate(all) / 3600).to.be.within(0.4, 2);
    expect(estimate(cellsWith(fig2, { budget: 'smoke' }))).to.be.below(60);
    const [{ axes, run }] = laptop;
    const six = laptop.filter((each) => each.axes.method === axes.method && each.run.training.seed === 0);
    const six6 = searchSeconds(run.search!) + 8 * trainingSeconds(run.training, run.search!);
    // The supernet is compiled once.
    expect(estimate(six) - six6).to.be.within(0, 60);
  });

  it('takes settings: methods, space, distance of networks, length, training', () => {
    const set = ['method=rs,darts-2nd', 'space=s3', 'every=5', 'epochs=12', 'training.epochs=2'];
    const cells = trainings({ budget: 'laptop', seeds: 1, set });
    expect(cells.map(({ axes, run }) => `${axes.method} ${run.after}`)).to.deep.equal(
      ['darts-2nd', 'rs'].flatMap((method) => [5, 10, 12].map((epoch) => `${method} ${epoch}`)),
    );
    for (const { run } of cells) {
      expect(run.search).to.include({ space: 's3', epochs: 12 });
      expect(run.search!.history).to.deep.equal({ alphaEvery: 1 });
      expect(run.training.epochs).to.equal(2);
    }
    const flat = trainings({ budget: 'smoke', preset: 'flat', set: ['method=mgs,mgs-flat'] });
    expect([...new Set(flat.map(({ axes }) => axes.method))]).to.deep.equal(['mgs']);
    for (const [wrong, message] of [
      ['method=mg', 'Did you mean "mgs"?'],
      ['space=s9', 'Did you mean'],
      ['every=0', 'every is 0; it must be an integer of 1 or more'],
      ['evry=5', 'Did you mean "every"?'],
      ['seed=3', 'choose how many seeds with --seeds'],
      ['method=[]', 'name at least one method'],
    ]) {
      expect(() => trainings({ budget: 'laptop', set: [wrong] }), wrong).to.throw(message);
    }
    expect(() => trainings({ budget: 'laptop', seeds: 0 })).to.throw('an integer of 1 or more');
  });

  it('tells a collapse of DARTS from one of ZARTS, and from none', () => {
    const dartsClaims = ['accuracy-falls', 'size-falls', 'skips-rise', 'supernet-rises'];
    const zartsClaims = ['accuracy-stays', 'size-stays', 'steadier', 'better-late', 'fewer-skips'];
    const ids = [
      ...dartsClaims.map((id) => `darts-${id}`),
      ...['mgs', 'mgs-flat'].flatMap((method) => zartsClaims.map((id) => `${id}/${method}`)),
    ];
    expect(verdictsOf(fig2, asPrinted)).to.deep.equal(Object.fromEntries(ids.map((id) => [id, 'supported'])));

    const reversed = verdictsOf(
      fig2,
      fake((method, epoch, seed) =>
        method === 'mgs'
          ? {
              accuracy: 60 - epoch / 4 + seed / 10,
              skips: epoch <= 10 ? 0 : 8,
              fullParameters: epoch <= 10 ? 4e6 : 2e6 + 1e4 * seed,
            }
          : { accuracy: 61 + epoch / 30 + seed / 10, skips: 2, fullParameters: 4e6 + 1e4 * (epoch % 2) },
      ),
    );
    for (const id of zartsClaims) expect(reversed[`${id}/mgs`], id).to.equal('not supported');
    expect(reversed['darts-accuracy-falls']).to.equal('not supported');
    // Sizes of equal networks, and counts that stay, decide nothing against what they scatter by.
    expect(reversed['darts-skips-rise']).to.equal('undecided');

    const alone = fake(
      () => ({ accuracy: 50, skips: 2, fullParameters: 3e6 }),
      [...all.filter(({ axes }) => isControl(axes)), ...laptop.slice(0, 24)],
    );
    for (const { id, verdict, n, detail } of fig2.claims(alone)) {
      // Whether alphas move is not to be told of one search.
      const isControlled = /size|skips/.test(id);
      expect(verdict).to.equal(isControlled ? 'not run' : 'undecided');
      expect(n).to.equal(isControlled ? 0 : 1);
      expect(detail).to.contain(isControlled ? 'no two searches are here' : 'One seed has no spread');
    }
  });

  it('counts no seed that is not there whole', () => {
    const trained = asPrinted.rows.filter(({ kind }) => kind !== 'search');
    const rows = trained.filter(({ method, seed, epoch }) => method !== 'mgs' || seed < 2 || epoch < 40);
    expect(trained.length - rows.length).to.equal(1);
    for (const { id, n } of fig2.claims({ ...asPrinted, rows })) expect(n, id).to.equal(2);
  });

  it('trains nothing where the control fails, and says what the searches alone say', () => {
    const blind = {
      ...asPrinted,
      rows: asPrinted.rows.map((row) => (isControl(row) ? { ...row, errorPct: 40 } : row)),
    };
    for (const { run, axes, worth } of all) {
      const isNetwork = run.kind === 'training' && !isControl(axes);
      expect(worth?.(blind.rows), run.kind).to.equal(isNetwork ? false : undefined);
    }
    const alone = {
      ...blind,
      rows: blind.rows.filter((row) => row.kind !== 'training' || isControl(row)),
    };
    const verdicts = verdictsOf(fig2, alone);
    expect(verdicts).to.include({
      'darts-accuracy-falls': 'cannot be seen here',
      'better-late/mgs': 'cannot be seen here',
      'darts-supernet-rises': 'supported',
    });
    for (const { detail } of fig2.claims(alone)) expect(detail).to.not.contain('NaN');
    const [, networks] = fig2.tables(alone);
    // Every fifth epoch of the searches by three methods.
    expect(networks.rows).to.have.length(3 * 8);
    expect(titled(networks)[0]).to.include({ epoch: 5, n: 3, 'accuracy (%)': '–' });
    printsWell(fig2.tables(alone));
    expect(fig2.charts(alone).map(({ name }) => name)).to.deep.equal(['size', 'skips', 'supernet']);
  });

  it('says nothing of sizes and skip connections where the alphas have not moved', () => {
    const rows = asPrinted.rows.map((row) =>
      'method' in row && row.method === 'darts-1st' ? { ...row, alpha: Array<number>(56).fill(0.1) } : row,
    );
    const frozen = { ...asPrinted, rows };
    expect(verdictsOf(fig2, frozen)).to.include({
      'darts-accuracy-falls': 'supported',
      'darts-size-falls': 'cannot be seen here',
      'darts-skips-rise': 'cannot be seen here',
      'fewer-skips/mgs': 'cannot be seen here',
      'size-stays/mgs': 'supported',
    });
    expect(titled(fig2.tables(frozen)[0]).map((row) => row[''])).to.deep.equal([
      '✓ seen',
      '✗ not seen',
      '✓ seen',
      '✓ seen',
    ]);
  });

  it('measures what its claims say', () => {
    const claims = fig2.claims(asPrinted);
    const claim = (id: string) => claims.find((each) => each.id === id)!;
    const value = (id: string) => claim(id).statistic.value;
    // Along a line of 60 − epoch/6 from epoch 5 to epoch 40.
    expect(value('darts-accuracy-falls')).to.be.closeTo(-35 / 6, 1e-9);
    expect(value('darts-skips-rise')).to.be.closeTo(8, 1e-9);
    expect(value('fewer-skips/mgs')).to.be.closeTo(-8, 1e-9);
    expect(value('darts-size-falls')).to.be.closeTo(100 * (2.21 / 3.6 - 1), 1e-9);
    expect(value('darts-supernet-rises')).to.be.closeTo((50 * 39) / 40, 1e-9);
    expect(claim('darts-size-falls').text).to.contain('after epoch 10 of 40 (in print: 50 of 200)');
    // Two printed standard deviations: 2 · 0.3 / 3.7.
    expect(claim('size-stays/mgs').detail).to.contain('from −16.22 to 16.22');
    // After epochs 15 to 40, whose mean is 27.5; two of the six are 0.1 above 60.
    expect(value('better-late/mgs')).to.be.closeTo(27.5 / 6 + 0.2 / 6, 1e-9);
    expect(claim('better-late/mgs').controls![0]).to.match(/errors with 0, 4, 8: 35\.0/);
  });

  it('leaves out claims on methods that are not there, and has tables and charts of any part', () => {
    const zartsOnly = cellsWith(fig2, { budget: 'laptop', set: ['method=gld'] });
    const view = fake(() => ({ accuracy: 50, skips: 1, fullParameters: 3e6 }), zartsOnly);
    expect(fig2.claims(view).map(({ id }) => id)).to.deep.equal(['accuracy-stays/gld', 'size-stays/gld']);
    const trained: typeof asPrinted = {
      ...asPrinted,
      rows: asPrinted.rows.filter(({ kind }) => kind !== 'search'),
    };
    const [part, none] = [partOf(trained, 9 + 5), partOf(trained, 0)];
    expect(fig2.tables(part)[1].title).to.contain('budget laptop; 14 of 90 runs');
    expect(fig2.tables(part)[1].rows).to.have.length(5);
    printsWell([asPrinted, part, none].flatMap((each) => fig2.tables(each)));
    expect(fig2.charts(none)).to.be.empty;
    expect(fig2.claims(none)).to.be.empty;
  });

  it('prints a row for each method and epoch, and the paper apart', () => {
    const [, ours, paper] = fig2.tables(asPrinted);
    const rows = titled(ours);
    expect(rows.map(({ method, epoch }) => `${method} ${epoch}`).slice(6, 9)).to.deep.equal([
      'DARTS 1st 35',
      'DARTS 1st 40',
      'ZARTS-MGS 5',
    ]);
    expect(rows[2]).to.include({
      n: 3,
      'accuracy (%)': '57.60 ± 0.10',
      'skips, normal': '6.0 ± 0.0',
      'full size (M)': '2.21 ± 0.01',
      'supernet (%)': '48.5 ± 1.0',
    });
    expect(titled(paper).map(({ here }) => here)).to.deep.equal([40, 5, null, null, null]);
    expect(paper.notes!.join()).to.contain('not comparable');
    const [atFull] = fig2.tables(fake(() => level, full)).slice(-1);
    expect(titled(atFull).map(({ here }) => here)).to.deep.equal([
      200,
      25,
      '97.00 ± 0.00',
      '4.0 ± 0.0',
      null,
    ]);
    expect(fig2.paper).to.deep.equal({
      'ZARTS accuracy': 97.4,
      'ZARTS parameters (M)': 4,
      'DARTS loses parameters after epoch': 50,
    });
  });

  it('says what it does otherwise, and does not call the length of the searches a deviation from 50 epochs', () => {
    const sentences = fig2.deviations(all);
    for (const sentence of [
      'The searches run in S2 instead of the DARTS space.',
      'A search has 40 epochs; in Fig. 2 of the paper 200.',
      'Networks are those after epochs 5, 10, 15, 20, 25, 30, 35, 40; in the paper every 25 epochs.',
      'Training: epochs is 12; the paper has 600.',
      "Not in the paper's figure: MGS flat.",
    ]) {
      expect(sentences).to.include(sentence);
    }
    expect(sentences.join('\n'))
      .to.contain('is 23.4, of 640 updates; in the full search 23.4, of 78000 updates.')
      .and.not.to.match(/history|Search: .*\bepochs is/);
    expect(fig2.deviations(full).join('\n')).not.to.match(/the paper has \d|in Fig\. 2/);
  });

  it('draws a line for each method, a point for each network', async () => {
    for (const chart of fig2.charts(asPrinted)) {
      const { name, spec } = chart;
      matchesSnapshot(`fig-2-${name}`, withoutData(spec));
      const panels = name === 'skips' ? 2 : 1;
      expect(await marksIn(chart, 'line mark'), name).to.equal(3 * panels);
      expect(await marksIn(chart, 'area mark'), name).to.equal(3 * panels);
      expect(await marksIn(chart, 'point'), name).to.equal(name === 'accuracy' ? laptop.length : 0);
    }
    // The paper's own values stand where they can be compared.
    const printed = (view: typeof asPrinted) => JSON.stringify(fig2.charts(view)[0].spec).includes('97.4');
    expect(printed(asPrinted)).to.equal(false);
    expect(printed(fake(() => level, full))).to.equal(true);
  });
});

describe('Fig. 2, run', function () {
  this.timeout(240_000);
  const home = temporaryFolder();

  it('searches once, trains equal genotypes once, is stopped and goes on, and keeps every epoch', async () => {
    // No update of alpha before the third epoch, and large ones then.
    const change = {
      method: 'mgs-flat',
      epochs: 3,
      warmupEpochs: 2,
      solver: { sigma: 3 },
      omega: { iterations: 1 },
      training: { epochs: 1, network: { channels: 2 } },
    } as const;
    const options = { budget: 'smoke', seeds: 1, data: 'synthetic', change, home: home() } as const;
    const controller = new AbortController();
    const partials: Shown[] = [];
    const texts: string[] = [];
    const stopped = await rejection(
      reproduce(fig2, {
        ...options,
        signal: controller.signal,
        onPartial: (soFar) => {
          partials.push(soFar);
          texts.push(...soFarIn(home()).map((file) => readFileSync(file, 'utf8')));
          controller.abort();
        },
      }),
    );
    expect(stopped.name).to.equal('InterruptedError');
    expect(partials.map(({ done, of }) => [done, of])[0]).to.deep.equal([1, 3]);
    expect(texts[0]).to.contain('1 of 3 runs');
    expect(finishedIn(home())).to.have.length(3);

    const { rows, result } = await reproduce(fig2, options);
    const networks = rows.flatMap((row) => (row.kind === 'training' ? [row] : []));
    expect(networks.map(({ epoch }) => epoch)).to.deep.equal([1, 2, 3]);
    const keys = (all: typeof result) =>
      all.runs.filter(({ kind }) => kind === 'training').map(({ kept }) => kept.map(({ key }) => key));
    const [first, second, third] = keys(result);
    expect(new Set([first, second, third].map(([search]) => search)).size).to.equal(1);
    expect(networks[1].genotype).to.deep.equal(networks[0].genotype);
    expect(second[1]).to.equal(first[1]);
    expect(networks[2].genotype).not.to.deep.equal(networks[0].genotype);
    // The linear baseline, one search, and a training for each different genotype.
    expect(finishedIn(home())).to.have.length(4);
    const course = epochsIn(networks);
    expect(course.map(({ epoch }) => epoch)).to.deep.equal([1, 2, 3]);
    for (const [i, { genotype, fullParameters }] of networks.entries()) {
      expect(course[i]).to.deep.include({ genotype, size: fullParameters / 1e6 });
    }

    const before = finishedIn(home());
    const again = await reproduce(fig2, { ...options, change: { ...change, every: 2 } });
    expect(keys(again.result).map(([, training]) => training)).to.deep.equal([second[1], third[1]]);
    expect(finishedIn(home())).to.deep.equal(before);
  });
});
