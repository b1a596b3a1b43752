import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { runsHome, projectRoot } from '../../lib/runs/home.js';
import { acquireLock, InUseError, LostLockError, releasedHere } from '../../lib/runs/lock.js';
import { listFinished, listRuns, openRun, runKey } from '../../lib/runs/store.js';
import type { Run } from '../../lib/runs/store.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { PROTOCOL, metricsFile, metricsOf } from './writer-state.js';

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
  /** Without the tokens of those who made them. */
  const checkpoints = (run: Run): string[] =>
    readdirSync(join(run.folder, 'checkpoint'))
      .map((name) => name.replace(/\.[0-9a-f]{8}(?=\.ckpt)/, ''))
      .sort();
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
    appendFileSync(metricsFile(first.folder)!, '{"step":6,"lo');
    const run = open();
    expect(steps(run)).to.deep.equal([1, 2, 3, 4, 5]);
    run.lock();
    expect(run.resume()!.step).to.equal(4);
    expect(readFileSync(metricsFile(run.folder)!, 'utf8').split('\n')).to.have.length(5);
    work(run, 4, 6, 2);
    expect(steps(run)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(run.latestCheckpoint()!.step).to.equal(6);
    expect(warnings).to.deep.equal([]);
  });

  it('starts afresh, without old metrics, when there is no checkpoint', () => {
    const first = open();
    const release = first.lock();
    first.resume();
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
      const newest = readdirSync(join(first.folder, 'checkpoint')).sort().at(-1)!;
      harm(join(first.folder, 'checkpoint', newest));
      const run = open();
      run.lock();
      expect(run.resume()!.step).to.equal(2);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/0000000003\.[0-9a-f]{8}\.ckpt is damaged: .* It is not used\.$/);
      expect(steps(run)).to.deep.equal([1, 2]);
      expect(checkpoints(run)).to.deep.equal(['0000000002.ckpt', '0000000003.ckpt.damaged']);
      work(run, 2, 4, 4);
      expect(checkpoints(run)).to.include.members(['0000000002.ckpt', '0000000004.ckpt']);
    });
  }

  it('goes on with a run that an earlier version began, whose files name no holder', () => {
    const first = open();
    const release = first.lock();
    first.resume();
    work(first, 0, 3);
    release();
    renameSync(metricsFile(first.folder)!, join(first.folder, 'metrics.jsonl'));
    for (const name of readdirSync(join(first.folder, 'checkpoint'))) {
      const path = join(first.folder, 'checkpoint', name);
      renameSync(path, path.replace(/\.[0-9a-f]{8}(?=\.ckpt)/, ''));
    }
    const run = open();
    run.lock();
    expect(run.resume()!.step).to.equal(3);
    work(run, 3, 4);
    expect(steps(run)).to.deep.equal([1, 2, 3, 4]);
    run.finish({});
    expect(open().latestCheckpoint()!.step).to.equal(4);
    expect(warnings).to.deep.equal([]);
  });

  it('does not go on from a checkpoint whose metrics were lost or changed', () => {
    const first = open();
    const release = first.lock();
    first.resume();
    work(first, 0, 3);
    release();
    const path = metricsFile(first.folder)!;
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, lines.slice(0, 2).join('\n') + '\n');
    expect(open().latestCheckpoint()!.step).to.equal(2);
    expect(warnings[0]).to.match(
      /0000000003\.[0-9a-f]{8}\.ckpt is not used: the first 33 bytes of the metrics/,
    );
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
    writeFileSync(join(run.folder, 'metrics.01234567.jsonl'), '{"step":1}\n');
    run.lock();
    expect(readdirSync(run.folder).sort()).to.deep.equal([
      'checkpoint',
      readdirSync(run.folder).find((name) => name.startsWith('lock.')),
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
          `^StoreFaultError: ${what} could not be saved in .*: file too large \\(EFBIG\\); what was saved before is intact`,
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

  it('lists the runs that were finished last, of those that are finished', () => {
    const runs = [1, 2, 3].map((seed) => open({ seed }));
    for (const [i, run] of runs.entries()) {
      const release = run.lock();
      run.resume();
      if (i < 2) run.finish({ i });
      release();
      if (i < 2) utimesSync(join(run.folder, 'result.json'), 1000 - i, 1000 - i);
    }
    const keys = (newest?: number): string[] => listFinished(home, newest).map(({ key }) => key);
    expect(keys()).to.have.members([runs[0].key, runs[1].key]);
    expect(keys(1)).to.deep.equal([runs[0].key]);
    expect(keys(5)).to.deep.equal([runs[0].key, runs[1].key]);
    expect(listFinished(join(home, 'none'), 5)).to.deep.equal([]);
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
  const claims = (): string[] => readdirSync(scratch()).filter((name) => name.startsWith('lock'));
  afterEach(() => {
    for (const name of claims()) rmSync(join(scratch(), name));
  });
  const MINUTE = 60_000;
  /** A claim of someone else's, last dated so many milliseconds ago. */
  function claimed(changes: object | string, ago = 0): string {
    const file = `${path()}.0a1b2c3d`;
    const own = acquireLock(join(scratch(), 'own'), 'It');
    const owner = JSON.parse(readFileSync(join(scratch(), `own.${own.token}`), 'utf8')) as object;
    own.release();
    const since = '2026-01-01T00:00:00Z';
    writeFileSync(
      file,
      typeof changes === 'string' ? changes : JSON.stringify({ ...owner, since, ...changes }),
    );
    const date = new Date(Date.now() - ago);
    utimesSync(file, date, date);
    return file;
  }

  it('is held once, given back once, and not taken from a later holder', () => {
    const first = acquireLock(path(), 'It');
    expect(() => acquireLock(path(), 'It')).to.throw(InUseError, /^It is in use by this process since /);
    first.check();
    first.release();
    const second = acquireLock(path(), 'It');
    first.release();
    expect(claims()).to.deep.equal([`lock.${second.token}`]);
    expect(() => {
      first.check();
    }).to.throw(LostLockError);
    second.check();
    second.release();
    expect(claims()).to.deep.equal([]);
  });

  it('is waited for when this process holds it, and given back when a kernel stops its holder', async () => {
    const lock = acquireLock(path(), 'It');
    let free = false;
    const waiting = releasedHere(path()).then(() => (free = true));
    await Promise.resolve();
    expect(free).to.equal(false);
    lock.release();
    await waiting;
    acquireLock(path(), 'It');
    process.emit('zarts:stopped' as 'exit', 0);
    acquireLock(path(), 'It').release();
  });

  it('is taken over at once from a process id that was given out again, and from one that runs no more', function () {
    if (process.platform === 'win32') this.skip();
    claimed({ started: 'x' });
    acquireLock(path(), 'It').release();
    claimed({ pid: 2 ** 22 + 1 });
    acquireLock(path(), 'It').release();
  });

  it('is not taken from another machine that beats, whatever its process ids and name', () => {
    for (const elsewhere of [{ host: 'elsewhere', place: 'elsewhere' }, { place: 'another container' }]) {
      claimed({ ...elsewhere, pid: 2 ** 22 + 1 }, 20_000);
      expect(() => acquireLock(path(), 'It')).to.throw(
        InUseError,
        /^It is in use by process \d+ (on elsewhere )?since/,
      );
    }
  });

  it('is taken over from another machine, and from a stopped process, without a sign of life for a minute', () => {
    for (const owner of [{ host: 'elsewhere', place: 'elsewhere', pid: 5 }, {}]) {
      const file = claimed(owner, MINUTE);
      const lock = acquireLock(path(), 'It');
      expect(existsSync(file)).to.equal(false);
      lock.release();
    }
  });

  it('is respected while its claim cannot be read, and taken over when that never ends', () => {
    claimed('{"pid":', 20_000);
    expect(() => acquireLock(path(), 'It')).to.throw(InUseError, 'in use by a process that cannot be named');
    claimed('{"pid":', MINUTE);
    acquireLock(path(), 'It').release();
  });

  it('goes to one of many processes that ask at once, and to each in the end', async function () {
    this.timeout(60_000);
    const log = join(scratch(), 'log');
    const script = `
      const { acquireLock } = require(${JSON.stringify(join(__dirname, '../../lib/runs/lock.js'))});
      const { appendFileSync } = require('node:fs');
      const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 + 3 * Math.random());
      for (let done = 0; done < 10; ) {
        let lock;
        try { lock = acquireLock(${JSON.stringify(path())}, 'It'); } catch { pause(); continue; }
        appendFileSync(${JSON.stringify(log)}, 'in ');
        pause();
        appendFileSync(${JSON.stringify(log)}, 'out ');
        lock.release();
        done++;
        pause();
      }`;
    const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['-e', script]));
    await Promise.all(children.map((child) => once(child, 'exit')));
    expect(readFileSync(log, 'utf8')).to.equal('in out '.repeat(40));
    rmSync(log);
    expect(readdirSync(scratch())).to.deep.equal([]);
  });

  it('beats while the main thread is busy', function () {
    this.timeout(30_000);
    const lock = acquireLock(path(), 'It');
    const file = `${path()}.${lock.token}`;
    const before = statSync(file).mtimeMs;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6500);
    expect(statSync(file).mtimeMs).to.be.above(before);
    expect(JSON.parse(readFileSync(file, 'utf8'))).to.have.property('pid', process.pid);
    lock.release();
  });

  it('says where it cannot be written', () => {
    expect(() => acquireLock(join(scratch(), 'none', 'lock'), 'It')).to.throw(
      ZartsError,
      /^It cannot be locked: writing .* failed with no such file or directory \(ENOENT\)\.$/,
    );
  });
});

describe('runs: a holder that was given up for dead and wakes up', () => {
  const scratch = temporaryFolder();
  const open = (): Run => openRun({ home: scratch(), protocol: { seed: 1 }, dataDigest: 'd1' });
  /** What the successor does: as if the other had not beaten for a minute. */
  function succeed(paused: Run): Run {
    const claim = readdirSync(paused.folder).find((name) => name.startsWith('lock.'))!;
    const long = new Date(Date.now() - 60_000);
    utimesSync(join(paused.folder, claim), long, long);
    const successor = open();
    successor.lock();
    return successor;
  }
  const step = (run: Run, number: number): void => {
    run.appendMetrics({ step: number });
    run.saveCheckpoint({ step: number, meta: null, tensors: { alpha: alpha(number) } });
  };

  it('is told so at its next write, and changes nothing of its successor’s', () => {
    const paused = open();
    paused.lock();
    paused.resume();
    step(paused, 1);
    const successor = succeed(paused);
    expect(successor.resume()!.step).to.equal(1);
    step(successor, 2);
    const before = filesBelow(successor.folder);
    for (const write of [
      () => {
        paused.appendMetrics({ step: 2 });
      },
      () => {
        paused.saveCheckpoint({ step: 2, meta: null, tensors: {} });
      },
      () => {
        paused.finish({ wrong: true });
      },
    ]) {
      expect(write).to.throw(LostLockError, /was taken over by another process/);
    }
    expect(filesBelow(successor.folder)).to.deep.equal(before);
    step(successor, 3);
    successor.finish({ right: true });
    expect(open().record()?.result).to.deep.equal({ right: true });
    expect(metricsOf(successor)).to.deep.equal([{ step: 1 }, { step: 2 }, { step: 3 }]);
  });

  it('spoils nothing even where it does not look: its files have names of their own, and a result is kept once', () => {
    const paused = open();
    rmSync(paused.folder, { recursive: true });
    paused.lock();
    paused.resume();
    step(paused, 1);
    // As if it woke up between having looked and writing.
    const { held } = paused as unknown as { held: { check: () => void } };
    const successor = succeed(paused);
    Object.assign(held, { check: () => undefined });
    successor.resume();
    step(successor, 2);
    step(successor, 4);
    step(paused, 2);
    step(paused, 3);
    expect(open().latestCheckpoint()!.step).to.equal(4);
    successor.finish({ first: true });
    paused.finish({ first: false });
    expect(open().record()?.result).to.deep.equal({ first: true });
    expect(open().latestCheckpoint()!.tensors.alpha).to.deep.equal(alpha(4));
  });
});

/** Every file below a folder with its content. */
function filesBelow(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(join(folder, name), 'latin1')]));
}
