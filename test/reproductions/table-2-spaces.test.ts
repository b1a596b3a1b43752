import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { spaceName } from '../../lib/search/protocol.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { retrainingSeconds } from '../../reproductions/comparison.js';
import { fig7 } from '../../reproductions/fig-7-cells.js';
import { METHOD_IDS } from '../../reproductions/methods.js';
import { isRetraining, trainingOf } from '../../reproductions/retraining.js';
import type { Retraining } from '../../reproductions/retraining.js';
import type { PartialReport } from '../../reproductions/run.js';
import { runReproduction } from '../../reproductions/run.js';
import { table2 } from '../../reproductions/table-2-spaces.js';
import { fakeRetrained } from './fake-retrained.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

/** The table at laptop, with both readings of MGS' density. */
const laptop = table2.protocols({
  budget: 'laptop',
  set: ['methods=darts-1st,darts-2nd,rs,mgs,mgs-flat,gld,random'],
});
const full = table2.protocols({ budget: 'full' });

/** As the paper says: every ZARTS solver beats DARTS, GLD beats the others; seeds scatter a little. */
const AS_PRINTED: Readonly<Record<string, number>> = {
  'darts-1st': 47,
  'darts-2nd': 46,
  rs: 43,
  mgs: 42,
  'mgs-flat': 42.4,
  gld: 40,
  random: 45,
};
const SPACE_OFFSET: Readonly<Record<string, number>> = { s1: 0, s2: 2, s3: -1, s4: 6 };
const asPrinted = fakeRetrained(laptop, ({ method, space, seed }) => ({
  errorPct: AS_PRINTED[method] + SPACE_OFFSET[space] + 0.3 * ((seed * 7 + method.length) % 3),
  searchSeconds: method === 'gld' ? 22 + seed : 10,
}));

function verdicts(result = asPrinted): Record<string, string> {
  return Object.fromEntries(table2.claims(result).map(({ id, verdict }) => [id, verdict]));
}

describe('Table 2', () => {
  it('at laptop has four spaces, six methods, three seeds; every cell has a value after the first seed', () => {
    const runs = table2.protocols({ budget: 'laptop' });
    expect(runs).to.have.length(4 * 6 * 3);
    const cell = ({ method, search, seed }: Retraining) => `${spaceName(search)} ${method} ${seed}`;
    expect(new Set(runs.map(cell)).size).to.equal(runs.length);
    expect(new Set(runs.slice(0, 24).map(({ seed }) => seed))).to.deep.equal(new Set([0]));
    expect(runs.every(isRetraining)).to.be.true;
  });

  it('ends overnight on two cores', () => {
    expect(retrainingSeconds(table2.protocols({ budget: 'laptop' })) / 3600).to.be.within(1, 10);
    expect(retrainingSeconds(table2.protocols({ budget: 'smoke' }))).to.be.below(90);
  });

  it('at full has the networks of R-DARTS on each benchmark, and all columns of the paper', () => {
    expect(full).to.have.length(3 * 4 * 11 * 4);
    const sizes = new Map(
      full.map(({ search, training }) => [
        `${search.dataset.name} ${spaceName(search)}`,
        `${training.network.cells}/${training.network.channels}`,
      ]),
    );
    expect(Object.fromEntries(sizes)).to.deep.equal({
      'cifar10 s1': '20/36',
      'cifar10 s2': '20/16',
      'cifar10 s3': '20/36',
      'cifar10 s4': '20/16',
      ...Object.fromEntries(
        ['cifar100', 'svhn'].flatMap((data) =>
          ['s1', 's2', 's3', 's4'].map((space) => [`${data} ${space}`, '8/16']),
        ),
      ),
    });
    for (const { training, search, seed } of full) {
      expect(training).to.deep.include({ epochs: 600, batchSize: 96, cutout: 16, seed });
      expect(training.dataset.name).to.equal(search.dataset.name);
      expect(search.seed).to.equal(seed);
    }
  });

  it('shares its searches with the figures that draw their cells', () => {
    const searches = laptop.map(({ search }) => search);
    for (const drawn of fig7.protocols({ budget: 'laptop' })) expect(searches).to.deep.include(drawn);
  });

  it('makes of any genotype an evaluation that is sound', () => {
    const { training } = full[0];
    expect(training.network).not.to.have.property('genotype');
    const evaluation = trainingOf(training, KNOWN_GENOTYPES.DARTS_V1);
    expect(evaluation.network).to.deep.include({
      kind: 'genotype',
      genotype: KNOWN_GENOTYPES.DARTS_V1,
      cells: 20,
    });
    expect(JSON.parse(JSON.stringify(full[0]))).to.deep.equal(full[0]);
  });

  it('takes settings for the grid, the searches that have them, and the trainings', () => {
    const set = [
      'spaces=s2,s4',
      'methods=["mgs","darts-1st"]',
      'datasets=svhn',
      'solver.tau=0.1',
      'epochs=3',
      'warmupEpochs=0',
      'training.epochs=7',
      'training.network.channels=6',
    ];
    const runs = table2.protocols({ budget: 'laptop', seeds: 1, set });
    expect(runs.map(({ method, search }) => `${spaceName(search)} ${method}`)).to.deep.equal([
      's2 darts-1st',
      's2 mgs',
      's4 darts-1st',
      's4 mgs',
    ]);
    for (const { search, training, method } of runs) {
      expect(search).to.deep.include({ epochs: 3 });
      expect(search.dataset.name).to.equal('svhn');
      expect(training.dataset.name).to.equal('svhn');
      expect(training.epochs).to.equal(7);
      expect(training.network.channels).to.equal(6);
      if (method === 'mgs') expect(search.solver).to.include({ kind: 'mgs', tau: 0.1 });
    }
  });

  it('has one reading of each solver where a preset is named', () => {
    const released = table2.protocols({ budget: 'laptop', seeds: 1, preset: 'released' });
    const methods = released.filter(({ search }) => search.space === 's1').map(({ method }) => method);
    expect(methods).to.deep.equal(['darts-1st', 'darts-2nd', 'rs', 'mgs', 'gld', 'random']);
    const solver = (method: string) => released.find((run) => run.method === method)!.search.solver;
    expect(solver('mgs')).to.include({ density: 'released' });
    expect(solver('rs')).to.include({ samples: 8, xi: 1e-4 });
  });

  for (const [set, problem] of [
    [['methods=mgss'], 'Unknown method "mgss"; allowed: darts-1st'],
    [['spaces=s5'], 'Unknown search space "s5"'],
    [['datasets=imagenet'], 'Unknown data set "imagenet"'],
    [['methods=[]'], 'methods is empty; name at least one method, e.g. darts-1st.'],
    [['training.epoch=3'], 'Did you mean "training.epochs"?'],
    [['training.epochs=0'], 'epochs is 0; it must be an integer from 1'],
    [['seed=3'], 'seed cannot be set: choose how many seeds with --seeds.'],
    [['epochs'], 'The setting "epochs" is not path=value'],
    [['solver.tau=-1'], 'solver.tau is -1; it must be a number greater than 0.'],
  ] as const) {
    it(`refuses ${set.join(' ')}`, () => {
      expect(() => table2.protocols({ budget: 'laptop', set })).to.throw(UsageError, problem);
    });
  }

  it('refuses no seeds', () => {
    expect(() => table2.protocols({ budget: 'laptop', seeds: 0 })).to.throw(
      UsageError,
      'an integer of 1 or more',
    );
  });

  it('finds the claims in numbers that have them', () => {
    expect(verdicts()).to.deep.equal({
      'beats-darts/rs': 'supported',
      'beats-darts/mgs': 'supported',
      'beats-darts/mgs-flat': 'supported',
      'beats-darts/gld': 'supported',
      'gld-best': 'supported',
      'gld-dearer': 'supported',
      'beats-random': 'supported',
    });
    const [claim] = table2.claims(asPrinted);
    expect(claim).to.include({ n: 12, unit: 'pair' });
    expect(claim.detail).to.match(/permutation test p = 0\.00049\. DARTS of second order/);
  });

  it('does not find them where DARTS is better, and is undecided where nothing differs', () => {
    const reversed = fakeRetrained(laptop, ({ method, seed }) => ({
      errorPct: 100 - AS_PRINTED[method] + 0.2 * (seed % 2),
      searchSeconds: method === 'mgs' ? 20 : 10 + seed,
    }));
    for (const verdict of Object.values(verdicts(reversed))) expect(verdict).to.equal('not supported');
    const equal = fakeRetrained(laptop, () => ({ errorPct: 42 }));
    for (const verdict of Object.values(verdicts(equal)).slice(0, 4)) expect(verdict).to.equal('undecided');
  });

  it('needs pairs: a method without its counterpart decides nothing', () => {
    const alone = table2.protocols({ budget: 'laptop', set: ['methods=mgs,rs'] });
    const claims = table2.claims(fakeRetrained(alone, () => ({ errorPct: 40 })));
    for (const { verdict, detail } of claims) {
      expect(verdict).to.equal('undecided');
      expect(detail).to.not.be.empty;
    }
    expect(claims[0].detail).to.equal('There is no pair of searches by ZARTS-RS and DARTS 2nd.');
  });

  it('prints best, mean, ranks and differences', () => {
    const [best, mean, rank, pairs, details, printed] = table2.tables(asPrinted);
    expect(best.title).to.equal('Test error (%) on CIFAR-10, best of 3 searches (budget laptop)');
    expect(best.columns.map(({ title }) => title)).to.deep.equal([
      'space',
      'DARTS 1st',
      'DARTS 2nd',
      'ZARTS-RS',
      'ZARTS-MGS',
      'MGS flat',
      'ZARTS-GLD',
      'random',
    ]);
    // 42 + offset + 0.3·(0, 1, 2 in some order).
    expect(best.rows[1]).to.include({ space: 'S2', mgs: '44.00', gld: '42.00' });
    expect(mean.rows[1]).to.include({ mgs: '44.30 ± 0.30' });
    expect(best.notes!.join('\n')).to.contain('a linear classifier on the same images 62.6, chance 90.0');
    const gld = rank.rows.find(({ method }) => method === 'ZARTS-GLD')!;
    // Printed on CIFAR-10 among DARTS, RS, MGS, GLD: 1, 1, 1.5, 1.
    expect(gld).to.include({ best: '1.00', mean: '1.00', won: 4, shared: '1.00', printed: '1.13' });
    expect(rank.columns.at(-1)!.title).to.equal('among 4, printed');
    expect(pairs.rows.map(({ method }) => method)).not.to.include('DARTS 2nd');
    expect(pairs.rows.find(({ method }) => method === 'ZARTS-MGS')).to.include({ n: 12, p: '0.00049' });
    expect(details.rows).to.have.length(28);
    expect(details.rows[1]).to.include({ n: 3, full: '3.35 ± 0.00', bestEpoch: '45.80 ± 0.30', noise: null });
    expect(details.rows.at(-1)!.noise).to.be.a('string');
    expect(printed.title).to.equal("Printed in the paper's Table 2: test error (%)");
    expect(printed.rows).to.have.length(12);
    expect(printed.rows[3]).to.include({
      dataset: 'CIFAR-10',
      space: 'S4',
      DARTS: '7.20',
      'ZARTS-GLD': '3.52',
    });
    expect(printed.notes!.join()).to.contain('not comparable');
    for (const table of table2.tables(asPrinted)) expect(textTable(table)).not.to.match(/NaN|undefined/);
    expect(table2.paper).to.include({ 'cifar10 s1 ZARTS-GLD': 2.5, 'svhn s4 DARTS-ADA': 2.46 });
  });

  it('puts its own numbers beside the printed ones at full budget only', () => {
    const whole = fakeRetrained(full, ({ seed }) => ({ errorPct: 3 + seed / 10 }));
    const printed = table2.tables(whole).at(-1)!;
    expect(printed.title).to.contain('ours in brackets');
    expect(printed.rows[0]).to.include({ DARTS: '3.84 (3.00)', 'ZARTS-GLD': '2.50 (3.00)' });
  });

  it('shows what is there of a table that is not whole', () => {
    const part = { ...asPrinted, runs: asPrinted.runs.slice(0, 9), parts: { done: 9, of: 84 } };
    const [best, , rank] = table2.tables(part);
    expect(best.title).to.equal('Test error (%) on CIFAR-10, best of 1 search (budget laptop; 9 of 84 runs)');
    expect(best.rows).to.have.length(2);
    expect(best.rows[1]).to.include({ 'darts-1st': '49.00', gld: null });
    // S2 lacks methods: ranks are S1's.
    expect(rank.rows.find(({ method }) => method === 'ZARTS-GLD')).to.include({ best: '1.00' });
    const nothing = table2.tables({ ...asPrinted, runs: [] });
    expect(nothing).to.have.length(3);
    for (const table of [...table2.tables(part), ...nothing]) textTable(table);
    expect(table2.charts({ ...asPrinted, runs: [] })).to.be.empty;
  });

  it('says what it leaves out and what it adds', () => {
    const sentences = table2.deviations(laptop);
    for (const sentence of [
      'Not run here: the data sets CIFAR-100, SVHN.',
      'Not run here: the methods R-DARTS(DP), R-DARTS(L2), DARTS-ES, DARTS-ADA.',
      "Not in the paper's table: DARTS 1st, MGS flat, random.",
      '3 searches by each method on each benchmark; the paper has 4.',
      'Training: epochs is 12; the paper has 600.',
    ]) {
      expect(sentences).to.include(sentence);
    }
    expect(sentences.find((each) => each.includes('taken as constant'))).to.match(/^Search: MGS flat: /);
    const whole = table2.deviations(full);
    expect(whole.join('\n')).not.to.match(/the paper has \d|Not run here/);
    const open = table2.openSettings!(laptop).map(({ path }) => path);
    expect(open).to.include.members(['solver.tau', 'training.network.dropPath']);
  });

  it('draws a point for each search', async () => {
    const [{ name, spec }] = table2.charts(asPrinted);
    expect(name).to.equal('errors');
    matchesSnapshot('table-2-errors', withoutData(spec));
    const svg = await chartSvg(spec);
    expect(svg).not.to.match(/NaN|Infinity|undefined/);
    expect([...svg.matchAll(/aria-roledescription="point"/g)]).to.have.length(laptop.length);
  });

  it('has a search and a training for each method of every table', () => {
    const set = [`methods=${METHOD_IDS.join(',')}`];
    const runs = table2.protocols({ budget: 'smoke', seeds: 1, set });
    expect(runs.map(({ method }) => method)).to.deep.equal([...METHOD_IDS]);
    expect(retrainingSeconds(runs)).to.be.above(0);
  });
});

describe('Table 2, run', function () {
  this.timeout(240_000);
  let home: string;
  before(() => (home = mkdtempSync(path.join(tmpdir(), 'zarts-table-2-'))));
  after(() => {
    rmSync(home, { recursive: true, force: true });
  });

  const set = ['methods=darts-1st,mgs', 'epochs=1', 'training.epochs=1', 'training.network.channels=2'];
  const options = { budget: 'smoke', seeds: 1, data: 'synthetic', set } as const;
  const runsIn = (): string[] =>
    readdirSync(path.join(home, 'runs')).filter((key) =>
      existsSync(path.join(home, 'runs', key, 'result.json')),
    );

  it('keeps what is finished when it is stopped, shows it, goes on, and then has nothing left to do', async () => {
    const controller = new AbortController();
    const partials: PartialReport[] = [];
    const stopped = await runReproduction(table2, {
      ...options,
      home,
      signal: controller.signal,
      onPart: (soFar) => {
        partials.push(soFar);
        controller.abort();
      },
    }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(stopped?.name).to.equal('InterruptedError');
    expect(partials).to.have.length(1);
    expect(partials[0]).to.include({ done: 1, of: 2 });
    expect(readFileSync(partials[0].file, 'utf8')).to.contain('1 of 2 runs');
    // The linear baseline, one search, one training.
    const before = runsIn();
    expect(before).to.have.length(3);

    const report = await runReproduction(table2, { ...options, home });
    expect(existsSync(partials[0].file)).to.be.false;
    const { runs, baselines, parts } = report.result;
    expect(runs.map(({ method }) => method)).to.deep.equal(['darts-1st', 'mgs']);
    expect(parts).to.deep.equal({ done: 2, of: 2 });
    expect(runsIn()).to.include.members(before).and.have.length(5);
    expect(before).to.include.members([runs[0].searchKey, runs[0].trainingKey]);
    expect(baselines).to.have.length(1);
    for (const run of runs) {
      expect(run.errorPct).to.be.within(0, 100);
      expect(run.bestEpoch.errorPct).to.be.at.most(run.errorPct);
      expect(run.fullParameters).to.be.above(run.parameters);
      expect(run.environments).to.deep.equal([0, 1]);
    }
    expect(report.deviations[0]).to.contain('synthetic');

    const again = await runReproduction(table2, { ...options, home });
    expect(again.result).to.deep.equal(report.result);
    expect(again.seconds).to.be.below(5);
  });

  it('computes only what changed: another training leaves the searches', async () => {
    const before = runsIn();
    const report = await runReproduction(table2, {
      ...options,
      home,
      set: [...set, 'methods=mgs', 'training.cutout=0'],
    });
    const fresh = runsIn().filter((key) => !before.includes(key));
    expect(fresh).to.deep.equal([report.result.runs[0].trainingKey]);
  });

  it('says what is missing where there are no images, and measures nothing', async () => {
    const empty = mkdtempSync(path.join(tmpdir(), 'zarts-no-data-'));
    try {
      const { result, claims, resultFile } = await runReproduction(table2, { ...options, home, data: empty });
      expect(result.runs).to.be.empty;
      expect(result.lacking).to.match(
        /^CIFAR-10 is not in the folder .*npx zarts reproduce table-2 --budget smoke --data DIR/,
      );
      expect(path.basename(resultFile)).to.equal('table-2-smoke-no-data.json');
      for (const { verdict } of claims) expect(verdict).to.equal('undecided');
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});
