import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { datasetFolder } from '../../lib/datasets/find.js';
import { FILE_DATASETS } from '../../lib/datasets/registry.js';
import type { Progress } from '../../lib/progress.js';
import { chartSvg } from '../../lib/report/render.js';
import { acquireLock, InUseError } from '../../lib/runs/lock.js';
import { listFinished } from '../../lib/runs/store.js';
import { BUDGETS, spaceOf } from '../../lib/search/protocol.js';
import { runSearch } from '../../lib/search/run.js';
import { alphaCount } from '../../lib/spaces/mixing.js';
import { compare } from '../../reproductions/compare.js';
import { searchSeconds } from '../../reproductions/cost.js';
import { cellsOf, viewOf } from '../../reproductions/experiment.js';
import { fig1 } from '../../reproductions/fig-1-landscape.js';
import { fig3 } from '../../reproductions/fig-3-weights.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { fig6 } from '../../reproductions/fig-6-cells.js';
import { parseSet } from '../../reproductions/grid.js';
import { searchOf } from '../../reproductions/kinds.js';
import type { Run } from '../../reproductions/kinds.js';
import { EXPERIMENTS, experimentById } from '../../reproductions/registry.js';
import { NothingStoredError, estimate, finishedRuns, remaining } from '../../reproductions/measure.js';
import { readRecord, recordFiles } from '../../reproductions/records.js';
import { reportOf } from '../../reproductions/report.js';
import { FullerRecordError, leftToReproduce, reproduce } from '../../reproductions/reproduce.js';
import type { Shown } from '../../reproductions/reproduce.js';
import type { ResultRecord } from '../../reproductions/records.js';
import { table1 } from '../../reproductions/table-1-solvers.js';
import { table5 } from '../../reproductions/table-5-samples.js';
import { setVariables } from '../support/process.js';
import { SMALL_TABLE_2, writeStandIn } from '../support/stand-in.js';
import { byTitle, fakeRuns, gated } from './fakes.js';
import type { Fake } from './fakes.js';

describe('registry', () => {
  it('has every figure and table of the paper, once, and then our own', () => {
    const figures = Array.from({ length: 9 }, (_, i) => `fig-${i + 1}`);
    const tables = Array.from({ length: 7 }, (_, i) => `table-${i + 1}`);
    expect(EXPERIMENTS.map(({ id }) => id)).to.deep.equal([
      ...figures,
      ...tables,
      'extra-nb201',
      'extra-curvature',
    ]);
    for (const { id, title, description } of EXPERIMENTS) {
      expect(title).to.match(id.startsWith('extra-') ? /^[A-Z][^:]+: / : /^(Fig\.|Table) \d: /);
      expect(description).to.match(/\.$/);
    }
  });

  // Kinds whose results can be made up for any experiment.
  const made = ['search', 'validation', 'training', 'linear'];
  const MADE_UP = EXPERIMENTS.filter((each) =>
    cellsOf(each, { budget: 'full', seeds: 1 }).every(({ run }) => made.includes(run.kind)),
  );
  /** A search that recorded alphas of 0. */
  const undecided = ({ run }: { readonly run: Run }): Fake => {
    if (run.kind === 'validation') return { result: { loss: 2, uniform: 2 } };
    const found = searchOf(run);
    if (!found) return {};
    const alpha = Array.from(
      { length: alphaCount(spaceOf(found), found.partialChannels?.edgeNormalization ?? false) },
      () => 0,
    );
    return { search: { alpha, epoch: () => ({ alpha }) } };
  };
  for (const each of MADE_UP) {
    it(`has one that shows its runs as they end, at every budget: ${each.id}`, () => {
      for (const budget of BUDGETS) {
        const cells = cellsOf(each, { budget, seeds: 2 });
        for (const done of [1, Math.ceil(cells.length / 3), cells.length]) {
          const runs = fakeRuns(cells.slice(0, done), undecided);
          const view = viewOf({ budget, runs, of: cells.length, missing: [] });
          expect(view.rows).to.have.length(done);
          expect(() => [each.tables(view), each.charts(view), each.claims(view)]).not.to.throw();
        }
      }
    }).timeout(60_000);
  }

  it('names the nearest id for one that is not there', () => {
    expect(() => experimentById('fig4')).to.throw(UsageError, 'Did you mean "fig-4"?');
  });
});

describe('a change of settings', () => {
  const smoke = (...set: string[]) => cellsOf(fig4, { budget: 'smoke', change: parseSet(set) });

  it('is the same object from the shell and from a notebook', () => {
    const set = ['space=s3', 'density=flat,literal', 'solver.sigma=0.1', 'weights.clip=null', 'epochs=3'];
    const change = {
      space: 's3',
      density: ['literal', 'flat'],
      solver: { sigma: 0.1 },
      weights: { clip: null },
      epochs: 3,
    } as const;
    expect(smoke(...set)).to.deep.equal(cellsOf(fig4, { budget: 'smoke', change }));
    expect(parseSet(['solver.samples=3', 'solver.sigma=0.1'])).to.deep.equal({
      solver: { samples: 3, sigma: 0.1 },
    });
  });

  for (const [set, sentence] of [
    ['solver.sampels=3', 'Nothing here has a setting "solver.sampels". Did you mean "solver.samples"?'],
    ['samples=3', 'Did you mean "solver.samples"?'],
    ['training.epochs=3', 'Nothing here has a setting "training.epochs"'],
    ['landscape.points=5', 'Nothing here has a setting "landscape.points"'],
    ['solver=3', 'solver is a group of settings; set one of solver.samples'],
    ['seed=3', 'seed cannot be set: choose how many seeds with --seeds.'],
    ['space=s9', 'Unknown search space "s9"; allowed: s1, s2'],
    ['space=s1,s2', 'space is s1, s2; this takes one search space.'],
    ['density=', 'Unknown density ""'],
    ['solver.samples=0', 'solver.samples is 0; it must be an integer from 1 to'],
    ['epochs', 'The setting "epochs" is not path=value'],
    ['toString=1', 'Nothing here has a setting "toString"'],
  ]) {
    it(`is refused where nothing reads it, or out of range: ${set}`, () => {
      expect(() => smoke(set)).to.throw(UsageError, sentence);
    });
  }

  it('refuses a number of seeds below one', () => {
    expect(() => cellsOf(fig4, { budget: 'smoke', seeds: 0 })).to.throw('number of seeds is 0');
    expect(() => cellsOf(fig4, { budget: 'smoke', seeds: [] })).to.throw('number of seeds is 0');
  });
});

describe('reproduce', () => {
  const homes: string[] = [];
  const newHome = (): string => {
    homes.push(mkdtempSync(path.join(tmpdir(), 'zarts-')));
    return homes[homes.length - 1];
  };
  after(() => {
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });
  const change = { density: 'flat', solver: { samples: 2 }, epochs: 1 } as const;

  it('reckons a supernet that is gone once, for all that is measured on it', async () => {
    const home = newHome();
    const options = { budget: 'smoke', data: 'synthetic', home, seeds: 1 } as const;
    await reproduce(fig3, options);
    const store = path.join(home, 'runs');
    const whole = estimate(cellsOf(fig1, options));
    const { seconds: withState } = await leftToReproduce(fig1, options);
    // As of a run that was imported, of which there are results and nothing to go on from.
    for (const { key, protocol } of listFinished(store))
      if ((protocol as { kind: string }).kind === 'search')
        rmSync(path.join(store, key, 'checkpoint'), { recursive: true });
    const { seconds } = await leftToReproduce(fig1, options);
    const [{ run }] = cellsOf(fig1, options);
    expect(seconds - withState).to.be.closeTo(searchSeconds(searchOf(run)!), 1e-9);
    expect(seconds).to.be.below(whole);
  });

  it('writes record, pictures and specifications; the second time nothing is computed', async () => {
    const home = newHome();
    const options = { budget: 'smoke', data: 'synthetic', home, change, seeds: 2 } as const;
    const phases: { total: number; done: number; last: number; ended: boolean }[] = [];
    const progress: Progress = {
      start: (_, total, done = 0) => {
        const phase = { total, done, last: done, ended: false };
        phases.push(phase);
        return {
          update: (at) => {
            expect(at).to.be.within(phase.last, total);
            phase.last = at;
          },
          end: () => {
            phase.ended = true;
          },
        };
      },
    };
    const first = await reproduce(fig4, { ...options, progress });
    expect(phases).to.deep.equal([{ total: phases[0].total, done: 0, last: phases[0].total, ended: true }]);

    const stem = path.basename(first.resultFile, '.json');
    expect(stem).to.match(/^fig-4-smoke-[0-9a-f]{8}-synthetic$/);
    const parts = ['-esr.png', '-esr.vl.json', '-ess.png', '-ess.vl.json', '.json'];
    expect(readdirSync(path.join(home, 'results')).sort()).to.deep.equal(
      parts.map((part) => `${stem}${part}`),
    );
    expect(first.pictures.every((picture) => existsSync(picture))).to.be.true;

    const record = JSON.parse(readFileSync(first.resultFile, 'utf8')) as ResultRecord;
    expect(record.result).to.deep.equal(first.result);
    expect(record.claims).to.deep.equal(first.claims);
    expect(record.options).to.deep.equal({ seeds: 2, change });
    const [{ kept }] = record.result.runs;
    expect(kept[0].protocol).to.deep.include({ kind: 'search', seed: 0, epochs: 1 });
    expect(kept[0].provenance).to.have.nested.property('data.name', 'synthetic');
    expect(first.deviations[0]).to.contain('synthetic');
    // Nothing of this machine but what kind it is.
    expect(JSON.stringify(record)).not.to.contain(home).and.not.to.contain(process.cwd());

    // What is left is known from the store, whatever the images were.
    const cells = cellsOf(fig4, { budget: 'smoke', change, seeds: 2 });
    const more = cellsOf(fig4, { budget: 'smoke', change, seeds: 3 });
    const finished = finishedRuns(path.join(home, 'runs'));
    const count = record.result.runs.length;
    expect(await remaining(cells, finished)).to.include({ seconds: 0, known: count, of: count });
    const left = await remaining(more, finished);
    expect(left).to.deep.include({ known: count, of: 1.5 * count });
    expect(left.seconds).to.be.above(0).and.below(estimate(more));

    // A picture of what is not shown any longer, and one of other settings.
    for (const stale of [`${stem}-old.png`, `${stem}-ab12-esr.png`])
      writeFileSync(path.join(home, 'results', stale), '');
    const earlier: Shown[] = [];
    const onEarlier = (shown: Shown): void => void earlier.push(shown);
    const again = await reproduce(fig4, { ...options, progress, onEarlier });
    expect(earlier, 'all is there').to.deep.equal([]);
    expect(phases[1].done).to.equal(phases[1].total);
    expect(again.result).to.deep.equal(first.result);
    expect(readdirSync(path.join(home, 'results')).sort()).to.deep.equal(
      [...parts.map((part) => `${stem}${part}`), `${stem}-ab12-esr.png`].sort(),
    );
    rmSync(path.join(home, 'results', `${stem}-ab12-esr.png`));
    expect(readFileSync(again.resultFile, 'utf8')).to.equal(JSON.stringify(record, undefined, 1) + '\n');

    // Where the runs are gone, what was kept of them stands in their place until they are there again.
    rmSync(path.join(home, 'runs'), { recursive: true });
    const order: string[] = [];
    await reproduce(fig4, {
      ...options,
      onEarlier: (shown) => {
        onEarlier(shown);
        order.push('earlier');
      },
      onPartial: () => void order.push('partial'),
    });
    expect(order.slice(0, 2)).to.deep.equal(['earlier', 'partial']);
    expect(earlier).to.have.length(1);
    expect(earlier[0].tables).to.deep.equal(first.tables);

    // Another change has files of its own, and both can be put side by side.
    const other = await reproduce(fig4, {
      ...options,
      change: { ...change, solver: { samples: 3, tau: 1 } },
    });
    expect(other.resultFile).to.not.equal(first.resultFile);
    const { tables, charts } = compare(first, other, ['N = 2', 'N = 3']);
    expect(byTitle(tables[0])).to.deep.equal([
      { setting: 'search.solver.samples', 'N = 2': '2', 'N = 3': '3' },
      { setting: 'search.solver.tau', 'N = 2': '0.01', 'N = 3': '1' },
    ]);
    // Every value that runs vary, not the first one's; what the grid no longer has is gone from it.
    const varied = (runs: readonly string[], values: readonly number[]) => ({
      ...first,
      result: {
        ...first.result,
        runs: first.result.runs.flatMap((run) =>
          values.flatMap((samples) =>
            runs.map((kind) => ({
              ...run,
              kept: run.kept.map((each) => ({
                ...each,
                protocol: { ...each.protocol, kind, solver: { samples } },
              })),
            })),
          ),
        ),
      },
    });
    const narrowed = compare(
      varied(['search', 'validation'], [10, 2, 4]) as unknown as typeof first,
      varied(['search'], [3]) as unknown as typeof first,
    );
    expect(byTitle(narrowed.tables[0])).to.deep.equal([
      { setting: 'search.solver.samples', 'as it is': '2, 4, 10', changed: '3' },
    ]);
    // A method is held against itself: what others had is no change.
    const placed = ({ result, ...rest }: ReturnType<typeof varied>, N: number) => ({
      ...rest,
      result: { ...result, runs: result.runs.map((run) => ({ ...run, axes: { ...run.axes, N } })) },
    });
    const [two, ten, three] = [2, 10, 3].map((samples, i) =>
      placed(varied(['search'], [samples]), [1, 2, 2][i]),
    );
    const both = { ...two, result: { ...two.result, runs: [...two.result.runs, ...ten.result.runs] } };
    const beside = compare(both as unknown as typeof first, three as unknown as typeof first);
    expect(byTitle(beside.tables[0])).to.deep.equal([
      { setting: 'search.solver.samples', 'as it is': '10', changed: '3' },
    ]);
    expect(tables[1].rows).to.have.length(first.claims.length);
    expect(charts.map(({ name }) => name)).to.deep.equal(['ess', 'esr']);
    expect(await chartSvg(charts[0].spec))
      .to.contain('N = 2')
      .and.to.contain('N = 3');
  }).timeout(180_000);

  it('keeps what is finished when it is stopped, and goes on from there', async () => {
    const home = newHome();
    const options = { budget: 'smoke', data: 'synthetic', home, change, seeds: 2 } as const;
    // What comes last in the grid is there already.
    await reproduce(fig4, { ...options, seeds: [1] });
    rmSync(path.join(home, 'results'), { recursive: true });
    const controller = new AbortController();
    const shown: number[] = [];
    const onPartial = ({ done, file }: { done: number; file: string }) => {
      shown.push(done);
      expect(readFileSync(file, 'utf8'))
        .to.contain('Effective samples in the search')
        .and.to.match(/^Missing runs:(\nsearch .* seed [01])+\n$/m);
      controller.abort();
    };
    const stopped: unknown = await reproduce(fig4, {
      ...options,
      onPartial,
      signal: controller.signal,
    }).catch((error: unknown) => error);
    expect((stopped as Error).name).to.equal('InterruptedError');
    expect(shown).to.deep.equal([1, 3]);
    // What is there is told in a text, and is a record that says how much of the grid it is.
    const results = readdirSync(path.join(home, 'results'));
    expect(results.filter((name) => name.endsWith('-so-far.txt'))).to.have.length(1);
    const [partial] = recordFiles(path.join(home, 'results')).map(readRecord);
    expect([partial.result.runs.length, partial.result.of]).to.deep.equal([3, 4]);
    const finished = readdirSync(path.join(home, 'runs')).filter((key) =>
      existsSync(path.join(home, 'runs', key, 'result.json')),
    );
    expect(finished).to.have.length(3);
    const shownAgain = await reproduce(fig4, { ...options, stored: 'only' });
    expect([shownAgain.done, shownAgain.of]).to.deep.equal([3, 4]);
    // A record is not replaced by one with less.
    rmSync(path.join(home, 'runs', finished[0]), { recursive: true });
    const less: unknown = await reproduce(fig4, { ...options, stored: 'only' }).catch(
      (error: unknown) => error,
    );
    expect((less as Error).message).to.match(
      /^The record fig-4-smoke-.*\.json has 3 runs, the store 2 of them; /,
    );
    const { rows } = await reproduce(fig4, options);
    expect(rows).to.have.length(4);
    expect(readdirSync(path.join(home, 'results')).join()).to.not.contain('so-far');
  }).timeout(180_000);

  it('shows what is stored and computes nothing', async () => {
    const home = newHome();
    const options = { budget: 'smoke', data: 'synthetic', home, change, seeds: 1 } as const;
    const none: unknown = await reproduce(fig4, { ...options, stored: 'only' }).catch(
      (error: unknown) => error,
    );
    expect(none).to.be.instanceOf(NothingStoredError);
    expect(existsSync(path.join(home, 'results'))).to.equal(false);
    // What was not begun is computed, where only what was begun is not to go on.
    const { done } = await reproduce(fig4, { ...options, stored: 'begun' });
    expect(done).to.equal(2);
    const part = await reproduce(fig4, { ...options, seeds: 2, stored: 'begun' });
    expect([part.result.runs.length, part.result.of]).to.deep.equal([2, 4]);
    // Which are missing is in the first table and in the record.
    const record = readRecord(part.resultFile);
    expect(record.lacking).to.deep.equal(part.lacking);
    expect(part.lacking.map(({ seed }) => seed)).to.deep.equal([1, 1]);
    expect(record.tables[0].notes!.at(-1)).to.match(/^Missing: seed 1 of .* and .*\.$/);
    // A record without the list, as earlier ones are, lacks what the grid of its settings has besides.
    writeFileSync(part.resultFile, JSON.stringify({ ...record, lacking: undefined }));
    const [{ tables }] = reportOf(path.dirname(part.resultFile), path.join(home, 'report.html')).sections;
    expect(tables[0].notes).to.deep.equal(record.tables[0].notes);
    const whole = readRecord((await reproduce(fig4, options)).resultFile);
    expect(whole).to.not.have.property('lacking');
  }).timeout(180_000);

  it('goes without images that a folder lacks, and not without a folder that is named', async () => {
    const from = (data: string) => reproduce(fig4, { budget: 'smoke', seeds: 1, data, home: newHome() });
    const { missing, done } = await from(newHome());
    expect(done).to.equal(0);
    expect(missing.join()).to.match(/^CIFAR-10 is not in the folder of data sets named/);
    const nowhere: unknown = await from('/nowhere/at/all').catch((error: unknown) => error);
    expect(nowhere).to.be.instanceOf(UsageError);
    expect((nowhere as Error).message).to.match(
      /^\/nowhere\/at\/all does not exist; --data .* must name a folder/,
    );
  });

  it('goes without images that cannot be fetched', async function () {
    if (datasetFolder('cifar100', { env: {} })) this.skip();
    const restore = setVariables({ ZARTS_DATA: undefined });
    const { fetch } = globalThis;
    globalThis.fetch = () => Promise.reject(new TypeError('fetch failed'));
    try {
      const { missing, done } = await reproduce(fig6, { budget: 'smoke', seeds: 1, home: newHome() });
      expect(done).to.equal(0);
      expect(missing.join()).to.match(/^CIFAR-100 is not here, and could not be downloaded/);
    } finally {
      globalThis.fetch = fetch;
      restore();
    }
  });

  it('stops, with its own sentence, where images are not what they should be', async () => {
    const data = newHome();
    const { name } = FILE_DATASETS.cifar10.archive;
    writeFileSync(path.join(data, name), 'none');
    const options = { budget: 'smoke', seeds: 1, data, home: newHome() } as const;
    const damaged: unknown = await reproduce(fig4, options).catch((error: unknown) => error);
    expect(damaged).to.be.instanceOf(ZartsError);
    expect((damaged as Error).message).to.match(
      new RegExp(`${name} has 4 bytes, expected \\d+: delete it and run again`),
    );
    expect(existsSync(path.join(options.home, 'results'))).to.equal(false);
  });

  it('does not replace a record by one with fewer runs where images are missing', async () => {
    const [home, all, few] = [newHome(), newHome(), newHome()];
    await writeStandIn(all, 'cifar10', { train: 500, test: 50, imagesPerFile: 100 });
    await writeStandIn(all, 'svhn', { train: 500, test: 50, imagesPerFile: 500 });
    symlinkSync(path.join(all, FILE_DATASETS.cifar10.folder), path.join(few, FILE_DATASETS.cifar10.folder));
    const options = { budget: 'smoke', home, change: parseSet(SMALL_TABLE_2), seeds: 1 } as const;
    const made = experimentById('table-2');
    const { result, resultFile } = await reproduce(made, { ...options, data: all });
    const kept = readdirSync(path.join(home, 'results'));
    for (const data of [few, newHome()]) {
      const less: unknown = await reproduce(made, { ...options, data }).catch((error: unknown) => error);
      expect(less).to.be.instanceOf(FullerRecordError);
      expect((less as Error).message).to.match(
        /^The record table-2-smoke-.*\.json, which has 2 runs, stays .* SVHN is not in the folder of data sets named/,
      );
    }
    expect(readdirSync(path.join(home, 'results'))).to.deep.equal(kept);
    expect(readRecord(resultFile).result.runs).to.have.length(result.runs.length);
    const { done } = await reproduce(made, { ...options, data: few, stored: 'only' });
    expect(done).to.equal(2);
    // A classifier beside them is none of the runs.
    const others = result.runs.flatMap(({ kind, kept }) => (kind === 'linear' ? [] : kept));
    for (const { key } of others) rmSync(path.join(home, 'runs', key), { recursive: true });
    const none: unknown = await reproduce(made, { ...options, data: all, stored: 'only' }).catch(
      (error: unknown) => error,
    );
    expect(none).to.be.instanceOf(NothingStoredError);
  }).timeout(180_000);

  it('does not leave out images that are being fetched', async () => {
    const data = newHome();
    const { folder, archive } = FILE_DATASETS.cifar10;
    writeFileSync(path.join(data, archive.name), '');
    const lock = acquireLock(path.join(data, `.${folder}.lock`), 'It');
    const asked = reproduce(fig4, { budget: 'smoke', seeds: 1, data, home: newHome() });
    const error: unknown = await asked.catch((reason: unknown) => reason);
    lock.release();
    expect(error).to.be.instanceOf(InUseError);
  });

  it('names the record that came with the project where the store has nothing of it', async () => {
    const ask = (seeds: number): Promise<unknown> =>
      reproduce(table1, {
        budget: 'laptop',
        home: newHome(),
        stored: 'only',
        ...(seeds > 0 && { seeds }),
      }).catch((error: unknown) => error);
    const none = (await ask(0)) as Error;
    expect(none).to.be.instanceOf(NothingStoredError);
    expect(none.message).to.match(
      /The record that came with the project has 36: npx zarts runs import reproductions\/results\/table-1-laptop\.json takes/,
    );
    // Of other settings there is none.
    expect(((await ask(1)) as Error).message).to.match(/without --stored they are computed\.$/);
  });

  it('shows what is stored without the images, which it does not fetch, but nothing of computed ones', async () => {
    const home = newHome();
    const folder = path.join(home, 'nothing');
    const one = { budget: 'smoke', seeds: 1, home, change } as const;
    const from = (data: string) => ({ ...one, data, stored: 'only' }) as const;
    await reproduce(fig4, { ...one, data: 'synthetic' });
    expect((await reproduce(fig4, from('synthetic'))).done).to.equal(2);
    const none: unknown = await reproduce(fig4, from(folder)).catch((error: unknown) => error);
    expect(none).to.be.instanceOf(NothingStoredError);
    // As if they had been made on the official images, elsewhere.
    for (const key of readdirSync(path.join(home, 'runs'))) {
      const file = path.join(home, 'runs', key, 'result.json');
      const record = JSON.parse(readFileSync(file, 'utf8')) as { provenance: { data: { name: string } } };
      record.provenance.data.name = 'cifar10';
      writeFileSync(file, JSON.stringify(record));
    }
    expect((await reproduce(fig4, from(folder))).done).to.equal(2);
  }).timeout(60_000);

  it('makes and counts no run that is not worth it by what others showed, and keeps one that is there', async () => {
    const home = newHome();
    const ask = (passes: boolean, stored?: 'only') => {
      const experiment = gated(() => passes);
      const options = { budget: 'smoke', seeds: 1, home } as const;
      const left = () => leftToReproduce(experiment, options);
      const positions: number[] = [];
      const totals: number[] = [];
      const progress: Progress = {
        start(_, total) {
          totals.push(total);
          return { update: (at) => void positions.push(at / total), end: () => undefined };
        },
      };
      return {
        left,
        positions,
        totals,
        get: () => reproduce(experiment, { ...options, progress, ...(stored && { stored }) }),
      };
    };
    const failed = ask(false);
    // Until the control is there everything may be.
    const before = await failed.left();
    expect(before).to.deep.include({ known: 0, of: 4 });
    // The control itself hangs on none.
    expect(before.gated).to.be.above(0).and.below(before.seconds);
    const { result } = await failed.get();
    expect([result.runs.length, result.of]).to.deep.equal([1, 1]);
    expect(failed.positions.at(-1)).to.equal(1);
    expect(failed.positions).to.deep.equal([...failed.positions].sort((a, b) => a - b));
    expect(await failed.left()).to.include({ seconds: 0, known: 1, of: 1 });
    expect((await ask(false, 'only').get()).of).to.equal(1);
    // Of what is known not to be worth it no time is told.
    const again = ask(false);
    await again.get();
    expect(again.totals[0]).to.be.below(Math.ceil(before.seconds));
    expect(failed.totals[0]).to.equal(Math.ceil(before.seconds));
    expect(await ask(true).left()).to.deep.include({ known: 1, of: 4 });
    expect((await ask(true, 'only').get()).of).to.equal(4);
    expect((await ask(true).get()).done).to.equal(4);
    expect((await ask(false).get()).done).to.equal(4);
    expect(await failed.left()).to.include({ seconds: 0, known: 4, of: 4 });
  }).timeout(60_000);

  it('says that a search is made again where only its result is there and its weights are read', async () => {
    const home = newHome();
    const losses: typeof table5 = {
      ...table5,
      runs: (grid) => table5.runs(grid).slice(0, 1),
      ...{ deviations: () => [], tables: () => [], charts: () => [], claims: () => [] },
    };
    const options = { budget: 'smoke', seeds: 1, data: 'synthetic', home } as const;
    const [{ run }] = cellsOf(losses, options);
    expect(run.kind).to.equal('validation');
    const runs = path.join(home, 'runs');
    const { key } = await runSearch(searchOf(run)!, { data: 'synthetic', home: runs });
    const { seconds: read } = await leftToReproduce(losses, options);
    rmSync(path.join(runs, key, 'checkpoint'), { recursive: true });
    const { seconds: again, known } = await leftToReproduce(losses, options);
    expect(known).to.equal(0);
    expect(again - read).to.be.closeTo(searchSeconds(searchOf(run)!), 1e-9);
    const shown = await reproduce(losses, options);
    expect(shown.done).to.equal(1);
    expect(await leftToReproduce(losses, options)).to.include({ seconds: 0, known: 1 });
  }).timeout(60_000);

  it('waits for a control that another is at before it makes what hangs on it', async () => {
    const home = newHome();
    const ask = () =>
      reproduce(
        gated(() => false),
        { budget: 'smoke', seeds: 1, home },
      );
    const [first, second] = await Promise.all([ask(), ask()]);
    expect([first.of, second.of]).to.deep.equal([1, 1]);
    expect(readdirSync(path.join(home, 'runs'))).to.have.length(1);
  }).timeout(60_000);
});
