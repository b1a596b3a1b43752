import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { spaceName } from '../../lib/search/protocol.js';
import { SOLVER_IDS } from '../../lib/search/solvers.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { SENSITIVITY, hasManyImages } from '../../reproductions/collapse.js';
import { openSettingsOf } from '../../reproductions/deviations.js';
import { rowOf } from '../../reproductions/kinds.js';
import type { Claim } from '../../lib/analysis/claims.js';
import type { TrainingRow } from '../../reproductions/kinds.js';
import { cellsOfKind } from '../../reproductions/experiment.js';
import { fig7 } from '../../reproductions/fig-7-cells.js';
import { estimate } from '../../reproductions/measure.js';
import { readRecord, recordFiles } from '../../reproductions/records.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { Shown } from '../../reproductions/reproduce.js';
import { table2 } from '../../reproductions/table-2-spaces.js';
import { textTable } from '../../lib/report/table.js';
import { trainingOf } from '../../reproductions/training.js';
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
} from './fake-view.js';
import { fakeRuns } from './fakes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const laptop = cellsWith(table2, { budget: 'laptop' });
const full = cellsWith(table2, { budget: 'full' });
const trainings = (options: Parameters<typeof cellsWith>[1]) =>
  cellsOfKind(cellsWith(table2, options), 'training').filter(({ run }) => run.search);

/** As the paper says: every ZARTS solver beats DARTS, GLD beats the others; seeds scatter a little. */
const AS_PRINTED: Readonly<Record<string, number>> = {
  'darts-1st': 47,
  'darts-2nd': 46,
  rs: 43,
  mgs: 42,
  'mgs-flat': 42.4,
  gld: 40,
  'random-ws': 45,
};
const SPACE_OFFSET: Readonly<Record<string, number>> = { s1: 0, s2: 2, s3: -1, s4: 6 };
const asPrintedError = (method: string, space: string, seed: number) => ({
  errorPct: AS_PRINTED[method] + SPACE_OFFSET[space] + 0.3 * ((seed * 7 + method.length) % 3),
  searchSeconds: method === 'gld' ? 22 + seed : 10,
});
const asPrinted = fakeView(laptop, ({ method, space, seed }) => asPrintedError(method, space, seed));

describe('Table 2', () => {
  it('at laptop has three spaces, eleven seeds of three methods and four or six of the others, seed by seed', () => {
    const cells = trainings({ budget: 'laptop' });
    expect(cells).to.have.length(3 * (3 * 11 + 2 * 6 + 2 * 4));
    const names = cells.map(({ axes, run }) => `${axes.space!} ${axes.method} ${run.training.seed}`);
    expect(new Set(names).size).to.equal(cells.length);
    expect(new Set(cells.slice(0, 21).map(({ run }) => run.training.seed))).to.deep.equal(new Set([0]));
  });

  it('trains hand-made cells first: convolutions alone, half of them, none; in S4 with noise in their place', () => {
    const controls = cellsOfKind(laptop, 'training').filter(({ run }) => !run.search);
    // Equal networks are trained once: those without any such edge, and those of S2 and S3.
    expect(controls).to.have.length((1 + 2 + 2) * 4);
    expect(laptop.slice(1, 21)).to.have.deep.members(controls);
    for (const { axes, run } of controls) {
      const ops = run.genotype!.normal.map(([op]) => op);
      const edges = Number(axes.method.split('/')[1]);
      expect(ops.filter((op) => op === (axes.space === 's4' ? 'noise' : 'skip_connect'))).to.have.length(
        edges,
      );
      expect(run.genotype!.reduce.every(([op]) => op === 'sep_conv_3x3')).to.be.true;
      // Half: one edge of each node.
      if (edges === 4) for (let i = 0; i < 8; i += 2) expect(ops[i]).to.not.equal(ops[i + 1]);
    }
    expect(cellsWith(table2, { budget: 'smoke' }).some(({ axes }) => axes.method.startsWith('control'))).to.be
      .false;
  });

  it('ends in a day on two cores', () => {
    expect(estimate(cellsWith(table2, { budget: 'laptop' })) / 3600).to.be.within(1, 16);
    expect(estimate(cellsWith(table2, { budget: 'smoke' }))).to.be.below(90);
  });

  it('at full has the networks of R-DARTS on each benchmark, and all columns of the paper', () => {
    expect(trainings({ budget: 'full' })).to.have.length(3 * 4 * 12 * 4);
    const runs = trainings({ budget: 'full' }).map(({ run }) => run);
    const sizes = trainings({ budget: 'full' }).map(
      ({ axes, run: { training } }) =>
        `${training.dataset.name} ${axes.space!}: ${training.network.cells}/${training.network.channels}`,
    );
    expect(Object.fromEntries([...new Set(sizes)].map((size) => size.split(': ')))).to.deep.equal({
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
    for (const { training, search } of runs) {
      expect(training).to.deep.include({ epochs: 600, batchSize: 96, cutout: 16, seed: search!.seed });
      expect(training.dataset.name).to.equal(search!.dataset.name);
    }
  });

  it('shares its searches with the figures that draw their cells', () => {
    const searches = trainings({ budget: 'laptop' }).map(({ run }) => run.search);
    for (const { axes, run } of cellsWith(fig7, { budget: 'laptop' })) {
      if (axes.method in SENSITIVITY || hasManyImages(axes.method)) continue;
      expect(searches).to.deep.include(run.search);
    }
  });

  it('makes of any genotype an evaluation that is sound', () => {
    const [{ run }] = cellsOfKind(full, 'training');
    expect(run.training.network).not.to.have.property('genotype');
    const evaluation = trainingOf(run.training, KNOWN_GENOTYPES.DARTS_V1);
    expect(evaluation.network).to.deep.include({
      kind: 'genotype',
      genotype: KNOWN_GENOTYPES.DARTS_V1,
      cells: 20,
    });
    expect(JSON.parse(JSON.stringify(run))).to.deep.equal(run);
  });

  it('takes settings for the grid, the searches that have them, and the trainings', () => {
    const set = [
      'space=s2,s4',
      'method=["mgs","darts-1st"]',
      'dataset.name=svhn',
      'solver.tau=0.1',
      'epochs=3',
      'warmupEpochs=0',
      'training.epochs=7',
      'training.network.channels=6',
    ];
    const cells = trainings({ budget: 'laptop', seeds: 1, set });
    expect(cells.map(({ axes, run }) => `${spaceName(run.search!)} ${axes.method}`)).to.deep.equal([
      's2 darts-1st',
      's2 mgs',
      's4 darts-1st',
      's4 mgs',
    ]);
    for (const { axes, run } of cells) {
      const { search, training } = run;
      expect(search).to.deep.include({ epochs: 3 });
      expect([search!.dataset.name, training.dataset.name]).to.deep.equal(['svhn', 'svhn']);
      expect(training.epochs).to.equal(7);
      expect(training.network.channels).to.equal(6);
      if (axes.method === 'mgs') expect(search!.solver).to.include({ kind: 'mgs', tau: 0.1 });
    }
  });

  it('has one reading of each solver where a preset is named', () => {
    const released = trainings({ budget: 'laptop', seeds: 1, preset: 'released' }).filter(
      ({ axes }) => axes.space === 's2',
    );
    expect(released.map(({ axes }) => axes.method)).to.deep.equal([
      'darts-1st',
      'darts-2nd',
      'rs',
      'mgs',
      'gld',
      'random-ws',
    ]);
    const solver = (method: string) =>
      released.find(({ axes }) => axes.method === method)!.run.search!.solver;
    expect(solver('mgs')).to.include({ density: 'released' });
    expect(solver('rs')).to.include({ samples: 8 });
  });

  for (const [set, problem] of [
    [['method=mgss'], 'Unknown method "mgss"; allowed: darts-1st'],
    [['space=s5'], 'Unknown search space "s5"'],
    [['dataset.name=imagenet'], 'Unknown data set "imagenet"'],
    [['method=[]'], 'method is empty; name at least one method, e.g. darts-1st.'],
    [['training.epoch=3'], 'Did you mean "training.epochs"?'],
    [['training.epochs=0'], 'epochs is 0; it must be an integer from 1'],
    [['seed=3'], 'seed cannot be set: choose how many seeds with --seeds.'],
    [['epochs'], 'The setting "epochs" is not path=value'],
    [['solver.tau=-1'], 'solver.tau is -1; it must be a number greater than 0.'],
  ] as const) {
    it(`refuses ${set.join(' ')}`, () => {
      expect(() => cellsWith(table2, { budget: 'laptop', set })).to.throw(UsageError, problem);
    });
  }

  it('refuses no seeds', () => {
    expect(() => cellsWith(table2, { budget: 'laptop', seeds: 0 })).to.throw(
      UsageError,
      'an integer of 1 or more',
    );
  });

  it('finds the claims in numbers that have them', () => {
    expect(verdictsOf(table2, asPrinted)).to.deep.equal({
      'beats-darts/rs': 'supported',
      'beats-darts/mgs': 'supported',
      'beats-darts/mgs-flat': 'supported',
      'beats-darts/gld': 'supported',
      ...Object.fromEntries(
        ['rs', 'mgs', 'mgs-flat', 'gld'].map((method) => [`beats-darts-2nd/${method}`, 'supported']),
      ),
      'gld-best': 'supported',
      'gld-dearer': 'supported',
      'beats-random': 'supported',
      'flat-beats-random': 'supported',
      'darts-beats-random': 'not supported',
    });
    const [claim] = table2.claims(asPrinted);
    expect(claim).to.include({ n: 18, unit: 'search' });
    expect(claim.detail)
      .to.match(/after Holm’s correction for 5 primary questions/)
      .and.to.match(/By ranks within 3 benchmarks/)
      .and.to.match(/DARTS of first order/);
    expect(claim.controls![0]).to.match(/errors with 0, 4, 8: 35\.05.*39\.05.*43\.05/);
  });

  it('asks of the same DARTS whatever is there: of first order at laptop, of second at full; of the other beside it', () => {
    const without = asPrinted.rows.filter(({ method }) => method !== 'darts-1st');
    const [first] = table2.claims({ ...asPrinted, rows: without });
    expect(first).to.include({ id: 'beats-darts/rs', verdict: 'not run' });
    const [whole] = table2.claims(asPrinted);
    const other = (id: string) => table2.claims(asPrinted).find((each) => each.id === id)!;
    expect(whole.statistic.name).to.match(/DARTS 1st less ZARTS-RS/);
    expect(other('beats-darts-2nd/rs').statistic.name).to.match(/DARTS 2nd less ZARTS-RS/);
    expect(other('beats-darts-2nd/rs').detail).to.match(/a secondary question/);
    const set = ['method=darts-1st,rs', 'space=s1'];
    const paper = fakeView(cellsWith(table2, { budget: 'full', seeds: 1, set }), () => ({ errorPct: 3 }));
    expect(table2.claims(paper)[0].statistic.name).to.match(/DARTS 2nd less ZARTS-RS/);
  });

  it('can decide each of its primary questions in one space alone', () => {
    const rows = asPrinted.rows.filter(({ space = '' }) => space.includes('s4'));
    for (const { id, verdict, detail } of table2.claims({ ...asPrinted, rows }))
      if (detail.includes('primary questions')) expect(verdict, id).to.equal('supported');
  });

  it('says whose network each space departs from, and what is so in some spaces alone', () => {
    const sentences = table2.deviations(laptop);
    expect(sentences).to.include.members([
      'Training: cifar10 s2, cifar10 s4: network.channels is 8; the paper has 16.',
      'Training: cifar10 s3: network.channels is 8; the paper has 36.',
      'Fewer by DARTS 2nd (4), ZARTS-RS (6), ZARTS-MGS (6), ZARTS-GLD (4).',
    ]);
    expect(sentences.join('\n')).to.match(/DARTS 2nd: The passes .* draw the same noise/);
  });

  it('trains what random search finds in S2 and S3 as each space has it, from one search', () => {
    const [s2, s3] = cellsOfKind(full, 'training').filter(
      ({ axes, run: { training } }) =>
        axes.method === 'random-ws' &&
        ['s2', 's3'].includes(axes.space!) &&
        training.dataset.name === 'cifar10',
    );
    expect(s3.run.search).to.deep.equal(s2.run.search);
    const rows = fakeRuns([s2, s3], () => ({})).map(
      ({ kind, axes, kept }) => rowOf(kind, kept, axes) as TrainingRow,
    );
    expect(rows.map(({ space }) => space)).to.deep.equal(['s2', 's3']);
    expect(rows[1].fullParameters / rows[0].fullParameters).to.be.above(3);
    expect(table2.deviations(laptop).join()).to.contain('in S3 it is S2’s');
  });

  it('decides by the spaces alone whose hand-made cells training tells apart', () => {
    const flat = fakeView(
      laptop,
      ({ method, space, seed }) => asPrintedError(method, space, seed),
      () => 40,
    );
    for (const { id, verdict, detail } of table2.claims(flat)) {
      if (id === 'gld-dearer') continue;
      expect(verdict, id).to.equal('cannot be seen here');
      expect(detail).to.match(/errors with 0, 4, 8: 40\.00 ± 0\.00/);
    }
    expect(textTable(table2.tables(flat)[0])).to.match(/✗ not seen/);
    const none = { ...asPrinted, rows: asPrinted.rows.filter(({ method }) => !method.startsWith('control')) };
    for (const [id, verdict] of Object.entries(verdictsOf(table2, none))) {
      if (id.includes('beats')) expect(verdict, id).to.equal('not run');
    }
  });

  it('does not take a training for one that sees where skip connections come out better than convolutions', () => {
    const turned = fakeView(
      laptop,
      ({ method, space, seed }) => asPrintedError(method, space, seed),
      (edges, seed) => 45 - edges + 0.1 * (seed % 2),
    );
    for (const { id, verdict } of table2.claims(turned))
      if (id !== 'gld-dearer') expect(verdict, id).to.equal('cannot be seen here');
  });

  it('searches and trains only where the hand-made cells come apart, once all of them are there', () => {
    const failed = fakeView(
      laptop,
      ({ method, space, seed }) => asPrintedError(method, space, seed),
      (_, seed) => 35 + 0.1 * (seed % 2),
    );
    const lacking = asPrinted.rows.filter(({ method, seed }) => method !== 'control/8' || seed !== 3);
    const searched = trainings({ budget: 'laptop' });
    for (const [rows, expected] of [
      [asPrinted.rows, true],
      [lacking, undefined],
      [failed.rows, false],
    ] as const) {
      for (const { axes, run, worth } of searched)
        expect(worth!(rows), `${axes.method} ${spaceName(run.search!)}`).to.equal(expected);
    }
    const smoke = cellsWith(table2, { budget: 'smoke' });
    expect(smoke.every(({ worth }) => worth === undefined)).to.equal(true);

    // What is shown where nothing was worth it.
    const left = {
      ...failed,
      rows: failed.rows.filter(({ method }) => method.startsWith('control')),
      done: 20,
      of: 20,
    };
    for (const { id, verdict, detail } of table2.claims(left)) {
      if (id === 'gld-dearer') continue;
      expect(verdict, id).to.equal('cannot be seen here');
      expect(detail).to.match(/errors with 0, 4, 8: 35\.05 ± 0\.06/);
    }
    const tables = table2.tables(left);
    for (const { title, rows } of tables) expect(rows, title).to.not.be.empty;
    expect(tables.flatMap(({ notes = [] }) => notes).join('\n')).to.contain(
      'Left out, since the control failed: S2, S3, S4.',
    );
    printsWell(tables);
  });

  it('does not find them where DARTS is better, and says so where nothing differs', () => {
    const reversed = fakeView(laptop, ({ method, seed }) => ({
      errorPct: 100 - AS_PRINTED[method] + 0.2 * (seed % 2),
      searchSeconds: method === 'mgs' ? 20 : 10 + seed,
    }));
    for (const [id, verdict] of Object.entries(verdictsOf(table2, reversed)))
      expect(verdict, id).to.equal(id === 'darts-beats-random' ? 'supported' : 'not supported');
    const equal = Object.values(
      verdictsOf(
        table2,
        fakeView(laptop, () => ({ errorPct: 42 })),
      ),
    );
    for (const verdict of equal.slice(0, 4)) expect(verdict).to.equal('not supported');
  });

  it('finds two alike where the difference is shown to be less than a quarter of what four edges make', () => {
    const claimOf = (scatter: number) => {
      const view = fakeView(laptop, ({ method, seed }) => ({
        errorPct: 42 + scatter * ((seed * 7 + method.length) % 3),
      }));
      return table2.claims(view).find(({ id }) => id === 'beats-darts/mgs-flat')!;
    };
    const alike = claimOf(0.2);
    expect(alike).to.include({ verdict: 'not supported', alike: true });
    expect(alike.detail).to.match(/within a quarter of what four edges make.*the two are alike, if anything/);
    // Of what scatters more nothing is shown.
    expect(claimOf(8).verdict).to.equal('undecided');
    // Two that differ in every space are not alike because it comes to nothing on average.
    const opposite = fakeView(laptop, ({ method, space, seed }) => ({
      errorPct: 42 + 0.1 * (seed % 2) + (method === 'mgs-flat' ? ({ s2: 2, s3: -2 }[space as 's2'] ?? 0) : 0),
    }));
    const found = table2.claims(opposite).find(({ id }) => id === 'beats-darts/mgs-flat')!;
    expect(found.verdict).to.equal('undecided');
    expect(found).to.not.have.property('alike');
  });

  it('cannot see a difference among networks that guess, whatever training tells of hand-made cells', () => {
    // Nine in ten of ten classes: noise alone.
    const guessing = (where: (space: string, method: string) => boolean) =>
      table2.claims(
        fakeView(laptop, ({ method, space, seed }) => ({
          errorPct: where(space, method)
            ? 90 + 0.2 * ((seed * 7 + method.length) % 3)
            : asPrintedError(method, space, seed).errorPct,
        })),
      );
    const [everywhere] = guessing(() => true);
    expect(everywhere).to.include({ id: 'beats-darts/rs', verdict: 'cannot be seen here' });
    expect(everywhere.detail).to.match(
      /^The control failed: Of the networks compared in S\d those of one method lie off chance.*median errors 90\.\d and 90\.\d %, by chance 90\.0/,
    );
    expect(everywhere.text).to.match(/ in (S\d, ){2}S\d than /);
    const gld = (claims: readonly Claim[]) => claims.find(({ id }) => id === 'gld-best')!;
    expect(gld(guessing(() => true)).verdict).to.equal('cannot be seen here');
    expect(gld(guessing(() => true)).detail).to.contain('median errors 90');
    expect(gld(guessing(() => false)).n - gld(guessing((space) => space === 's4')).n).to.equal(4);
    // Where some can be told apart, those decide, and the claim is of them.
    const [some] = guessing((space) => space === 's4');
    expect(some.verdict).to.equal('supported');
    expect(some.text).to.equal('ZARTS-RS finds better networks in S2, S3 than DARTS does.');
    expect(some.detail).to.match(
      /By ranks within 2 benchmarks.*left out, since their control did not pass: cifar10 s4/,
    );
    // One method at chance and another not is a difference that is seen.
    const [one] = guessing((_, method) => method === 'darts-1st');
    expect(one.verdict).to.equal('supported');
    expect(one.controls!.filter((each) => each.includes('off chance'))).to.have.length(3);
  });

  it('decides how often GLD is best by the exact law of so many triples', () => {
    const best = (triples: number) => {
      const set = ['method=darts-1st,rs,mgs,gld', 'space=s2'];
      const view = fakeView(
        cellsWith(table2, { budget: 'laptop', set, seeds: triples }),
        ({ method, seed }) => ({
          errorPct: ({ gld: 45, rs: 41, mgs: 42 }[method] ?? 46) + 0.1 * seed,
        }),
      );
      return table2.claims(view).find(({ id }) => id === 'gld-best')!;
    };
    // (2/3)⁴, twice: four triples cannot tell that it never is.
    expect(best(4).detail).to.match(/^p = 0\.4/);
    expect(best(4).verdict).to.equal('undecided');
  });

  it('counts the searches that stand in S2 and S3 in one of them', () => {
    const set = ['method=darts-1st,mgs,mgs-flat,random-ws'];
    const errors = fakeView(cellsWith(table2, { budget: 'laptop', set }), ({ method, seed }) => ({
      errorPct: (method === 'random-ws' ? 45 : 40) + 0.1 * seed,
    }));
    const claim = (id: string) => table2.claims(errors).find((each) => each.id === id)!;
    const [withRandom, without] = ['flat-beats-random', 'beats-darts/mgs-flat'].map(claim);
    expect(withRandom.detail).to.contain('By ranks within 2 benchmarks');
    // S3's control passed: it is counted with S2, not left out for want of it.
    expect(withRandom.detail).to.not.contain('left out');
    expect(without.detail).to.contain('By ranks within 3 benchmarks');
    expect(withRandom.n).to.equal((2 / 3) * without.n);
    const alone = {
      ...errors,
      rows: errors.rows.filter(({ space }) => space === 's3' || space!.includes(' ')),
    };
    const own = table2.claims(alone).find(({ id }) => id === 'flat-beats-random')!;
    expect(own.detail).to.contain('By ranks within 1 benchmark');
  });

  it('needs pairs: a method without its counterpart decides nothing', () => {
    const alone = cellsWith(table2, { budget: 'laptop', set: ['method=mgs,rs'] });
    const claims = table2.claims(fakeView(alone, () => ({ errorPct: 40 })));
    for (const { verdict, detail } of claims) {
      expect(verdict).to.equal('not run');
      expect(detail).to.not.be.empty;
    }
    expect(claims[0].detail).to.equal('One of its methods has too few searches here.');
  });

  it('prints best, mean, ranks and differences', () => {
    const tables = table2.tables(asPrinted);
    const [controls, best, mean, rank, pairs, details, printed] = tables;
    expect(controls.rows).to.have.length(3);
    const rows = tables.slice(1).map(titled);
    expect(best.title).to.equal('Test error (%) on CIFAR-10, best of 4 to 11 searches (budget laptop)');
    expect(best.columns.map(({ title }) => title)).to.deep.equal([
      'space',
      'DARTS 1st',
      'DARTS 2nd',
      'ZARTS-RS',
      'ZARTS-MGS',
      'MGS flat',
      'ZARTS-GLD',
      'random-ws',
    ]);
    // 42 + offset + 0.3·(0, 1, 2 in some order).
    expect(rows[0][0]).to.include({ space: 'S2', 'ZARTS-MGS': '44.00', 'ZARTS-GLD': '42.00' });
    expect(mean.title).to.contain('mean ± standard deviation of 4 to 11 searches');
    expect(rows[1][0]).to.include({ 'MGS flat': '44.70 ± 0.27' });
    expect(best.notes!.join('\n')).to.contain('a linear classifier on the same images 62.6, chance 90.0');
    // Printed on CIFAR-10 among DARTS, RS, MGS, GLD: 1, 1.5, 1.
    expect(rows[2].find(({ method }) => method === 'ZARTS-GLD')).to.include({
      'by best': '1.00',
      'by mean': '1.00',
      'lowest on': 3,
      'among 4': '1.00',
      'among 4, printed': '1.17',
    });
    expect(rank.columns.at(-1)!.title).to.equal('among 4, printed');
    expect(pairs.title).to.contain('DARTS 1st less each other method');
    expect(rows[3].map(({ method }) => method)).not.to.include('DARTS 1st');
    expect(rows[3].find(({ method }) => method === 'ZARTS-MGS')).to.include({ pairs: 18 });
    expect(details.rows).to.have.length(21);
    expect(rows[4][1]).to.include({
      n: 4,
      'full size (M)': '3.35 ± 0.00',
      'best-epoch error': '47.73 ± 0.29',
      'over noise': '–',
    });
    expect(rows[4].at(-1)!['over noise']).to.match(/±/);
    expect(printed.title).to.equal("Printed in the paper's Table 2: test error (%)");
    expect(printed.rows).to.have.length(12);
    expect(rows[5][3]).to.include({
      'data set': 'CIFAR-10',
      space: 'S4',
      DARTS: '7.20',
      'ZARTS-GLD': '3.52',
    });
    expect(printed.notes!.join()).to.contain('not comparable');
    printsWell(tables);
    expect(table2.paper).to.include({ 'cifar10 s1 ZARTS-GLD': 2.5, 'svhn s4 DARTS-ADA': 2.46 });
  });

  it('puts its own numbers beside the printed ones at full budget only', () => {
    const printed = table2.tables(fakeView(full, ({ seed }) => ({ errorPct: 3 + seed / 10 }))).at(-1)!;
    expect(printed.title).to.contain('ours in brackets');
    expect(titled(printed)[0]).to.include({ DARTS: '3.84 (3.00)', 'ZARTS-GLD': '2.50 (3.00)' });
  });

  it('shows what is there of a table that is not whole', () => {
    const part = partOf(asPrinted, 20 + 9);
    const [, best, , rank] = table2.tables(part);
    expect(best.title).to.equal(
      'Test error (%) on CIFAR-10, best of 1 search (budget laptop; 29 of 179 runs)',
    );
    expect(best.rows).to.have.length(2);
    expect(titled(best)[1]).to.include({ 'DARTS 1st': '46.00', 'ZARTS-GLD': null });
    // S3 lacks methods: ranks are S2's.
    expect(titled(rank).find(({ method }) => method === 'ZARTS-GLD')).to.include({ 'by best': '1.00' });
    const nothing = table2.tables(partOf(asPrinted, 0));
    expect(nothing).to.have.length(3);
    printsWell([...table2.tables(part), ...nothing]);
    expect(table2.charts(partOf(asPrinted, 0))).to.be.empty;
  });

  it('says what it leaves out and what it adds', () => {
    const sentences = table2.deviations(laptop);
    for (const sentence of [
      'Not run here: the data sets CIFAR-100, SVHN.',
      'Not run here: the methods R-DARTS(DP), R-DARTS(L2), DARTS-ES, DARTS-ADA.',
      "Not in the paper's table: DARTS 1st, MGS flat, random-ws.",
      '11 searches by each method on each benchmark; the paper has 4.',
      'Training: epochs is 12; the paper has 600.',
    ]) {
      expect(sentences).to.include(sentence);
    }
    expect(sentences.find((each) => each.includes('taken as constant'))).to.match(/^Search: MGS flat: /);
    expect(table2.deviations(full).join('\n')).not.to.match(/the paper has \d|Not run here/);
    const open = openSettingsOf(laptop).map(({ path: setting }) => setting);
    expect(open).to.include.members(['solver.tau', 'training.network.dropPath']);
  });

  it('draws a point for each search', async () => {
    const [chart] = table2.charts(asPrinted);
    expect(chart.name).to.equal('errors');
    matchesSnapshot('table-2-errors', withoutData(chart.spec));
    expect(await marksIn(chart, 'point')).to.equal(3 * (3 * 11 + 2 * 6 + 2 * 4));
  });

  it('has a search and a training for each method of every table', () => {
    const set = [`method=${SOLVER_IDS.join(',')}`];
    const cells = trainings({ budget: 'smoke', seeds: 1, set });
    expect(cells.map(({ axes }) => axes.method)).to.deep.equal([...SOLVER_IDS]);
    expect(estimate(cells)).to.be.above(0);
  });
});

describe('Table 2, run', function () {
  this.timeout(240_000);
  const home = temporaryFolder();
  const change = {
    method: ['darts-1st', 'mgs'],
    epochs: 1,
    training: { epochs: 1, network: { channels: 2 } },
  } as const;
  const options = () => ({ budget: 'smoke', seeds: 1, data: 'synthetic', home: home(), change }) as const;
  const keysOf = ({ result }: Awaited<ReturnType<typeof reproduce>>) =>
    result.runs.map(({ kept }) => kept.map(({ key }) => key));

  it('keeps what is finished when it is stopped, shows it, goes on, and then has nothing left to do', async () => {
    const controller = new AbortController();
    const partials: Shown[] = [];
    const stopped = await rejection(
      reproduce(table2, {
        ...options(),
        signal: controller.signal,
        onPartial: (soFar) => {
          partials.push(soFar);
          controller.abort();
        },
      }),
    );
    expect(stopped.name).to.equal('InterruptedError');
    expect(partials.map(({ done, of }) => [done, of])).to.deep.equal([[1, 2]]);
    const files = soFarIn(home());
    expect(files.map((file) => readFileSync(file, 'utf8')).join()).to.contain('1 of 2 runs');
    // The linear baseline, one search, one training.
    const before = finishedIn(home());
    expect(before).to.have.length(3);
    // What there is of the grid is a record, which says how much it is.
    const [partial] = recordFiles(path.join(home(), 'results')).map(readRecord);
    expect(partial.result.runs.filter(({ kind }) => kind === 'training')).to.have.length(1);
    expect(partial.result.of).to.equal(2);

    const report = await reproduce(table2, options());
    expect(soFarIn(home())).to.be.empty;
    expect(report).to.include({ done: 2, of: 2 });
    const [linear, ...rows] = report.rows;
    expect(linear.kind).to.equal('linear');
    expect(rows.map(({ method }) => method)).to.deep.equal(['darts-1st', 'mgs']);
    expect(finishedIn(home())).to.include.members(before).and.have.length(5);
    expect(before).to.include.members(keysOf(report)[1]);
    for (const row of rows) {
      if (row.kind !== 'training') throw new Error(row.kind);
      expect(row.errorPct).to.be.within(0, 100);
      expect(row.bestEpochErrorPct).to.be.at.most(row.errorPct);
      expect(row.fullParameters).to.be.above(row.parameters);
    }
    expect(report.deviations[0]).to.contain('synthetic');

    const again = await reproduce(table2, options());
    expect(again.result).to.deep.equal(report.result);
    expect(again.seconds).to.be.below(5);
  });

  it('computes only what changed: another training leaves the searches', async () => {
    const before = finishedIn(home());
    const training = { ...change.training, cutout: 0 };
    const report = await reproduce(table2, { ...options(), change: { ...change, method: 'mgs', training } });
    const fresh = finishedIn(home()).filter((key) => !before.includes(key));
    expect(fresh).to.deep.equal([keysOf(report)[1][1]]);
  });

  it('says what is missing where there are no images, and measures nothing', async () => {
    const empty = mkdtempSync(path.join(tmpdir(), 'zarts-no-data-'));
    try {
      const { result, claims, resultFile } = await reproduce(table2, { ...options(), data: empty });
      expect(result.runs).to.be.empty;
      expect(result.missing.join()).to.match(
        /^CIFAR-10 is not in the folder .*npx zarts reproduce table-2 --budget smoke --data DIR/,
      );
      expect(path.basename(resultFile)).to.equal('table-2-smoke-no-data.json');
      expect(claims).to.be.empty;
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});
