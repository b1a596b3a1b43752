import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { runsHome, projectRoot } from '../../lib/runs/home.js';
import { acquireLock, releasedHere } from '../../lib/runs/lock.js';
import { listRuns, openRun, runKey } from '../../lib/runs/store.js';
import type { Run } from '../../lib/runs/store.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { PROTOCOL, metricsOf } from './writer-state.js';

const alpha = (step: number) => Float64Array.of(step, step / 3);

describe('runs: the store', () => {
  const scratch = temporaryFolder();
  let home = '';
  let tests = 0;
  let warnings: string[] = [];
  beforeEach(() => {
    home = join(scratch(), `home-${tests++}`);
    warnings = [];
  });
  const open = (protocol: unknown = { space: 's2', seed: 1 }): Run =>
    openRun({ home, protocol, dataDigest: 'd1', onWarning: (message) => warnings.push(message) });

  /** Does steps from + 1 … to, a metrics line each and a checkpoint at each multiple of `every`. */
  function work(run: Run, from: number, to: number, every = 1): void {
    for (let step = from + 1; step <= to; step++) {
      run.appendMetrics({ step });
      if (step % every === 0) run.saveCheckpoint({ step, meta: { step }, tensors: { alpha: alpha(step) } });
    }
  }
  const checkpoints = (run: Run): string[] => readdirSync(join(run.folder, 'checkpoint')).sort();
  const steps = (run: Run): number[] => metricsOf(run).map(({ step }) => step);

  it('keys runs by protocol, data and nothing else', () => {
    const key = runKey({ protocol: { a: 1, b: { c: 2, d: 3 } }, dataDigest: 'x' });
    expect(runKey({ protocol: { b: { d: 3, c: 2 }, a: 1 }, dataDigest: 'x' })).to.equal(key);
    expect(runKey({ protocol: { a: 1, b: { c: 2, d: 4 } }, dataDigest: 'x' })).to.not.equal(key);
    expect(runKey({ protocol: { a: 1, b: { c: 2, d: 3 } }, dataDigest: 'y' })).to.not.equal(key);
    expect(key).to.match(/^[0-9a-f]{32}$/);
  });

  it('writes nothing before it is locked, and refuses to', () => {
    const run = open();
    expect([run.record()?.result, run.latestCheckpoint(), metricsOf(run)]).to.deep.equal([
      undefined,
      undefined,
      [],
    ]);
    expect(existsSync(home)).to.equal(false);
    const writes = [
      () => run.resume(),
      () => {
        run.appendMetrics({ step: 1 });
      },
      () => {
        run.saveCheckpoint({ step: 1, meta: null, tensors: {} });
      },
      () => {
        run.finish({});
      },
    ];
    for (const write of writes) expect(write).to.throw(ZartsError, 'must be locked');
    const release = run.lock();
    release();
    for (const write of writes) expect(write).to.throw(ZartsError, 'must be locked');
  });

  it('gives back the result and where it came from, to the last bit', () => {
    const run = open();
    const release = run.lock();
    run.resume();
    const result = { ess: [0.1 + 0.2, 1 / 3, 5e-324], genotype: null };
    run.finish(result, { commit: 'abc', engine: 'cpu' });
    release();
    expect(open().record()?.result).to.deep.equal(result);
    expect(open().record()).to.deep.include({ provenance: { commit: 'abc', engine: 'cpu' } });
    expect(Date.parse(open().record()!.finished)).to.be.closeTo(Date.now(), 60_000);
    expect(open({ space: 's2', seed: 2 }).record()?.result).to.equal(undefined);
    expect(JSON.parse(readFileSync(join(run.folder, 'protocol.json'), 'utf8'))).to.deep.include({
      key: run.key,
      dataDigest: 'd1',
      protocol: { space: 's2', seed: 1 },
    });
  });

  it('does not take a torn or changed result for one', () => {
    const run = open();
    run.lock();
    run.resume();
    run.finish({ error: 0.1 });
    const path = join(run.folder, 'result.json');
    const text = readFileSync(path, 'utf8');
    for (const bad of [
      text.slice(0, -20),
      text.replace('0.1', '0.2'),
      text.replace(run.key, runKey(PROTOCOL)),
      '',
    ]) {
      writeFileSync(path, bad);
      warnings = [];
      expect(open().record()?.result).to.equal(undefined);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/result\.json is damaged and is not used/);
    }
    writeFileSync(path, text);
    expect(open().record()?.result).to.deep.equal({ error: 0.1 });
  });

  it('keeps the newest checkpoint and the one before it', () => {
    const run = open();
    run.lock();
    run.resume();
    work(run, 0, 7, 2);
    expect(checkpoints(run)).to.deep.equal(['0000000004.ckpt', '0000000006.ckpt']);
    const last = run.latestCheckpoint()!;
    expect(last.step).to.equal(6);
    expect(last.meta).to.deep.equal({ step: 6 });
    expect(last.tensors.alpha).to.deep.equal(alpha(6));
  });

  it('goes on from the checkpoint with exactly its metrics: later lines and a torn one are cut', () => {
    const first = open();
    const release = first.lock();
    first.resume();
    work(first, 0, 5, 2);
    release();
    appendFileSync(join(first.folder, 'metrics.jsonl'), '{"step":6,"lo');
    const run = open();
    expect(steps(run)).to.deep.equal([1, 2, 3, 4, 5]);
    run.lock();
    expect(run.resume()!.step).to.equal(4);
    expect(readFileSync(join(run.folder, 'metrics.jsonl'), 'utf8').split('\n')).to.have.length(5);
    work(run, 4, 6, 2);
    expect(steps(run)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(run.latestCheckpoint()!.step).to.equal(6);
    expect(warnings).to.deep.equal([]);
  });

  it('starts afresh, without old metrics, when there is no checkpoint', () => {
    const first = open();
    const release = first.lock();
    work(first, 0, 3, 10);
    release();
    const run = open();
    run.lock();
    expect(run.resume()).to.equal(undefined);
    expect(steps(run)).to.deep.equal([]);
  });

  for (const [what, harm] of [
    [
      'truncated',
      (path: string) => {
        truncateSync(path, 100);
      },
    ],
    [
      'empty',
      (path: string) => {
        truncateSync(path, 0);
      },
    ],
    [
      'changed in one bit',
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 9] ^= 4;
        writeFileSync(path, bytes);
      },
    ],
  ] as const) {
    it(`falls back to the checkpoint before when the newest is ${what}, says so, and never goes back to the damaged one`, () => {
      const first = open();
      const release = first.lock();
      first.resume();
      work(first, 0, 3);
      release();
      harm(join(first.folder, 'checkpoint', '0000000003.ckpt'));
      const run = open();
      run.lock();
      expect(run.resume()!.step).to.equal(2);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/0000000003\.ckpt is damaged: .* It is not used\.$/);
      expect(steps(run)).to.deep.equal([1, 2]);
      expect(checkpoints(run)).to.deep.equal(['0000000002.ckpt', '0000000003.ckpt.damaged']);
      work(run, 2, 4, 4);
      expect(checkpoints(run)).to.include.members(['0000000002.ckpt', '0000000004.ckpt']);
    });
  }

  it('does not go on from a checkpoint whose metrics were lost or changed', () => {
    const first = open();
    const release = first.lock();
    first.resume();
    work(first, 0, 3);
    release();
    const path = join(first.folder, 'metrics.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, lines.slice(0, 2).join('\n') + '\n');
    expect(open().latestCheckpoint()!.step).to.equal(2);
    expect(warnings[0]).to.match(/0000000003\.ckpt is not used: the first 33 bytes of metrics\.jsonl/);
    writeFileSync(path, '{"step":9}\n' + lines.slice(1).join('\n'));
    expect(open().latestCheckpoint()).to.equal(undefined);
  });

  it('keeps metrics plain and finite, and no line of a refused record', () => {
    const run = open();
    run.lock();
    run.resume();
    run.appendMetrics({ step: 1 });
    const bad = { step: 2, loss: NaN };
    expect(() => {
      run.appendMetrics(bad);
    }).to.throw(ZartsError, 'metrics.loss is NaN');
    expect(() => {
      run.finish({ loss: Infinity });
    }).to.throw(ZartsError, 'result.loss is Infinity');
    expect(steps(run)).to.deep.equal([1]);
    expect(run.record()?.result).to.equal(undefined);
  });

  it('clears away what a killed process was writing', () => {
    const run = open();
    run.lock()();
    for (const path of [
      join(run.folder, 'result.json.123.tmp'),
      join(run.folder, 'checkpoint', '0000000009.ckpt.123.tmp'),
    ]) {
      writeFileSync(path, 'half');
    }
    run.lock();
    expect(readdirSync(run.folder).sort()).to.deep.equal([
      'checkpoint',
      'lock',
      'metrics.jsonl',
      'protocol.json',
    ]);
    expect(checkpoints(run)).to.deep.equal([]);
  });

  it('names a place that cannot be written', () => {
    writeFileSync(home, 'a file');
    expect(open().record()?.result).to.equal(undefined);
    expect(() => open().lock()).to.throw(
      ZartsError,
      /folder .* cannot be created: not a directory \(ENOTDIR\); point ZARTS_HOME/,
    );
  });

  it('says that the disk is full, and what was there stays: checkpoint, metrics, result', function () {
    if (process.platform === 'win32') this.skip();
    // The shell limits the size of a file that the process may write, which ends a write in the middle as a full disk does.
    const script = `
      const { openRun } = require(${JSON.stringify(join(__dirname, '../../lib/runs/store.js'))});
      const run = openRun({ home: ${JSON.stringify(home)}, protocol: { space: 's2', seed: 1 }, dataDigest: 'd1' });
      run.lock();
      run.resume();
      const say = (what) => { try { what(); } catch (error) { console.log(error.name + ': ' + error.message); } };
      run.appendMetrics({ step: 1 });
      run.saveCheckpoint({ step: 1, meta: null, tensors: { w: new Float32Array(100) } });
      say(() => run.saveCheckpoint({ step: 2, meta: null, tensors: { w: new Float32Array(1e6) } }));
      say(() => run.appendMetrics({ step: 2, text: 'x'.repeat(1e6) }));
      run.appendMetrics({ step: 3 });
      say(() => run.finish({ text: 'x'.repeat(1e6) }));
    `;
    const child = spawnSync('/bin/sh', ['-c', 'ulimit -f 128; exec "$0" -e "$1"', process.execPath, script], {
      encoding: 'utf8',
    });
    expect(child.stderr).to.equal('');
    const said = child.stdout.trim().split('\n');
    expect(said).to.have.length(3);
    for (const [i, what] of [
      'The checkpoint of step 2',
      'A metrics line of step 2',
      'The result',
    ].entries()) {
      expect(said[i]).to.match(
        new RegExp(
          `^ZartsError: ${what} could not be saved in .*: file too large \\(EFBIG\\); what was saved before is intact`,
        ),
      );
    }
    const run = open();
    expect(run.latestCheckpoint()!.step).to.equal(1);
    expect(steps(run)).to.deep.equal([1, 3]);
    expect(run.record()?.result).to.equal(undefined);
    expect(checkpoints(run)).to.deep.equal(['0000000001.ckpt']);
    expect(warnings).to.deep.equal([]);
  });

  it('lists runs and nothing else', () => {
    expect(listRuns(home)).to.deep.equal([]);
    const runs = [open({ seed: 1 }), open({ seed: 2 })];
    for (const run of runs) run.lock()();
    mkdirSync(join(home, 'something else'));
    const found = listRuns(home).map(({ key, protocol }) => ({ key, protocol }));
    expect(found).to.have.deep.members(runs.map(({ key }, i) => ({ key, protocol: { seed: i + 1 } })));
  });

  it('lives in the project, or where ZARTS_HOME says', () => {
    expect(runsHome({})).to.equal(join(projectRoot(), '.zarts', 'runs'));
    expect(runsHome({ ZARTS_HOME: '/x/y' })).to.equal('/x/y/runs');
    expect(existsSync(join(projectRoot(), 'lib', 'runs', 'home.ts'))).to.equal(true);
  });
});

describe('runs: the lock', () => {
  const scratch = temporaryFolder();
  const path = () => join(scratch(), 'lock');
  afterEach(() => {
    rmSync(path(), { force: true });
  });
  const owner = (changes: object): string =>
    JSON.stringify({
      pid: process.pid,
      host: hostname(),
      started: 'x',
      since: '2026-01-01T00:00:00Z',
      token: 't',
      ...changes,
    });

  it('is held once, given back once, and not taken from a later holder', () => {
    const first = acquireLock(path(), 'It');
    expect(() => acquireLock(path(), 'It')).to.throw(ZartsError, /^It is in use by this process since /);
    first();
    const second = acquireLock(path(), 'It');
    first();
    expect(existsSync(path())).to.equal(true);
    second();
    expect(existsSync(path())).to.equal(false);
  });

  it('is waited for when this process holds it, and given back when a kernel stops its holder', async () => {
    const release = acquireLock(path(), 'It');
    let free = false;
    const waiting = releasedHere(path()).then(() => (free = true));
    await Promise.resolve();
    expect(free).to.equal(false);
    release();
    await waiting;
    acquireLock(path(), 'It');
    process.emit('zarts:stopped' as 'exit', 0);
    acquireLock(path(), 'It')();
  });

  it('is taken over from a process id that was given out again', function () {
    if (process.platform === 'win32') this.skip();
    writeFileSync(path(), owner({}));
    acquireLock(path(), 'It')();
  });

  it('is not taken over from another machine, which cannot be asked', () => {
    writeFileSync(path(), owner({ host: 'elsewhere', pid: 5 }));
    expect(() => acquireLock(path(), 'It')).to.throw(
      ZartsError,
      /in use by process 5 on elsewhere since .* or delete .*lock if that machine is gone/,
    );
  });

  it('is respected while it is being written, and taken over when that never ended', () => {
    writeFileSync(path(), '{"pid":');
    expect(() => acquireLock(path(), 'It')).to.throw(ZartsError, 'is being opened by another process');
    const old = new Date(Date.now() - 60_000);
    utimesSync(path(), old, old);
    acquireLock(path(), 'It')();
  });

  it('survives a guard file that a killed process left', () => {
    writeFileSync(path(), owner({}));
    writeFileSync(`${path()}.takeover`, '');
    const old = new Date(Date.now() - 60_000);
    utimesSync(`${path()}.takeover`, old, old);
    acquireLock(path(), 'It')();
    expect(readdirSync(scratch())).to.deep.equal([]);
  });

  it('says where it cannot be written', () => {
    expect(() => acquireLock(join(scratch(), 'none', 'lock'), 'It')).to.throw(
      ZartsError,
      /^It cannot be locked: writing .* failed with no such file or directory \(ENOENT\)\.$/,
    );
  });
});
