import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import type { Progress } from '../../lib/progress.js';
import { REPRODUCTIONS, reproductionById } from '../../reproductions/registry.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { ResultRecord } from '../../reproductions/run.js';
import type { Sweep } from '../../reproductions/sweep.js';

const failure = (id: string, options: Parameters<typeof reproduce>[1]): Promise<unknown> =>
  reproduce(id, options).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('registry', () => {
  it('has every figure and table of the paper, once', () => {
    const ids = REPRODUCTIONS.map(({ id }) => id);
    const figures = Array.from({ length: 9 }, (_, i) => `fig-${i + 1}`);
    const tables = Array.from({ length: 7 }, (_, i) => `table-${i + 1}`);
    expect(ids).to.deep.equal([...figures, ...tables]);
    for (const { id, title, description, reproduction } of REPRODUCTIONS) {
      expect(title).to.match(/^(Fig\.|Table) \d: /);
      expect(description).to.match(/\.$/);
      expect(reproduction).to.include({ id, title });
    }
  });

  it('names the nearest id for one that is not there', () => {
    expect(() => reproductionById('fig4')).to.throw(UsageError, 'Did you mean "fig-4"?');
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

  it('refuses an unknown budget', async () => {
    expect(String(await failure('fig-4', { budget: 'smokey' }))).to.contain('Did you mean "smoke"?');
  });

  it('writes record, pictures and specifications; the second time nothing is computed', async () => {
    const home = newHome();
    const set = ['solver.samples=2', 'epochs=1'];
    const options = { budget: 'smoke', data: 'synthetic', home, set, seeds: 2 };
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
    const first = await reproduce('fig-4', { ...options, progress });
    expect(phases).to.deep.equal([{ total: phases[0].total, done: 0, last: phases[0].total, ended: true }]);

    const files = readdirSync(path.join(home, 'results')).sort();
    const stem = path.basename(first.resultFile, '.json');
    expect(stem).to.match(/^fig-4-smoke-[0-9a-f]{8}$/);
    expect(files).to.deep.equal(
      ['', '-ess', '-esr']
        .flatMap((part) =>
          part === '' ? [`${stem}.json`] : [`${stem}${part}.png`, `${stem}${part}.vl.json`],
        )
        .sort(),
    );
    expect(first.pictures.every((picture) => existsSync(picture))).to.be.true;

    const record = JSON.parse(readFileSync(first.resultFile, 'utf8')) as ResultRecord<Sweep>;
    expect(record.result).to.deep.equal(first.result);
    expect(record.claims).to.deep.equal(first.claims);
    expect(record.protocol.solver).to.include({ kind: 'mgs', samples: 2 });
    expect(record.result.environments[0].data).to.include({ name: 'synthetic' });
    expect(first.deviations[0]).to.contain('synthetic');
    // Nothing of this machine but what kind it is.
    expect(JSON.stringify(record)).not.to.contain(home).and.not.to.contain(process.cwd());

    const again = await reproduce('fig-4', { ...options, progress });
    expect(phases[1].done).to.equal(phases[1].total);
    expect(again.result).to.deep.equal(first.result);
    expect(readFileSync(again.resultFile, 'utf8')).to.equal(JSON.stringify(record, undefined, 1) + '\n');
  }).timeout(180_000);

  it('keeps what is finished when it is stopped, and goes on from there', async () => {
    const home = newHome();
    const options = {
      budget: 'smoke',
      data: 'synthetic',
      home,
      set: ['solver.samples=2', 'epochs=1'],
      seeds: 1,
    };
    const controller = new AbortController();
    let runs = 0;
    const progress: Progress = {
      start: () => ({
        update: (_, note = '') => {
          runs = Math.max(runs, Number(/^run (\d+)/.exec(note)?.[1] ?? 0));
          if (runs === 3) controller.abort();
        },
        end: () => undefined,
      }),
    };
    const stopped = await failure('fig-4', { ...options, progress, signal: controller.signal });
    expect((stopped as Error).name).to.equal('InterruptedError');
    expect(existsSync(path.join(home, 'results'))).to.be.false;
    const finished = readdirSync(path.join(home, 'runs')).filter((key) =>
      existsSync(path.join(home, 'runs', key, 'result.json')),
    );
    expect(finished).to.have.length(2);
    const report = await reproduce('fig-4', options);
    expect((report.result as Sweep).runs).to.have.length(6);
  }).timeout(180_000);
});
