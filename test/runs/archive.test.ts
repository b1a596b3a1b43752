import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import * as tar from 'tar';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { exportRuns, importRuns } from '../../lib/runs/archive.js';
import { sha256 } from '../../lib/runs/canonical.js';
import { listRuns, openRun, RESULT_VERSION } from '../../lib/runs/store.js';
import type { Run } from '../../lib/runs/store.js';
import { rejection, temporaryFolder } from '../datasets/helpers.js';

describe('runs: archives', () => {
  const scratch = temporaryFolder();
  let tests = 0;
  let here = '';
  let there = '';
  beforeEach(() => {
    here = join(scratch(), `here-${tests}`);
    there = join(scratch(), `there-${tests++}`);
  });
  const open = (seed: number, home = here): Run =>
    openRun({ home, protocol: { kind: 'x', seed }, dataDigest: 'd' });
  /** A run with so many steps done, finished or not. */
  function made(seed: number, steps: number, finished: boolean, home = here): Run {
    const run = open(seed, home);
    const release = run.lock();
    const from = run.resume()?.step ?? 0;
    for (let step = from + 1; step <= steps; step++) {
      run.appendMetrics({ step });
      run.saveCheckpoint({ step, meta: { seed }, tensors: { w: new Float32Array(1000).fill(step + seed) } });
    }
    if (finished) run.finish({ seed, steps }, { host: 'here' });
    release();
    return run;
  }
  const files = (home: string): string[] =>
    readdirSync(home, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('.'))
      .sort();

  for (const name of ['runs.tar', 'runs.tar.gz']) {
    it(`carry finished and unfinished runs whole: ${name}`, async () => {
      made(1, 3, true);
      made(2, 2, false);
      const file = join(scratch(), `${tests}-${name}`);
      const out = await exportRuns(listRuns(here), file, here);
      expect(out.runs).to.equal(2);
      expect(await importRuns(file, there)).to.deep.equal({ ...out, there: [] });
      expect(files(there)).to.deep.equal(files(here));
      expect(open(1, there).record()).to.deep.equal(open(1).record());
      expect(open(1, there).latestCheckpoint()).to.deep.equal(open(1).latestCheckpoint());
      // The unfinished one goes on there.
      expect(made(2, 4, true, there).record()!.result).to.deep.equal({ seed: 2, steps: 4 });
    });
  }

  it('replace nothing: neither a file that is there, nor a run; but an unfinished run takes a result', async () => {
    made(1, 3, true);
    made(2, 3, true);
    made(3, 1, false);
    made(1, 3, true, there);
    made(2, 1, false, there);
    made(3, 2, false, there);
    const before = readFileSync(join(open(1, there).folder, 'result.json'), 'utf8');
    const file = join(scratch(), 'some.tar');
    writeFileSync(file, 'mine');
    expect(await rejection(exportRuns(listRuns(here), file, here))).to.be.instanceOf(UsageError);
    expect(readFileSync(file, 'utf8')).to.equal('mine');
    rmSync(file);
    await exportRuns(listRuns(here), file, here);
    const { runs, there: kept } = await importRuns(file, there);
    expect([runs, kept]).to.deep.equal([1, [open(1).key, open(3).key].sort()]);
    expect(readFileSync(join(open(1, there).folder, 'result.json'), 'utf8')).to.equal(before);
    expect(open(2, there).record()!.result).to.deep.equal({ seed: 2, steps: 3 });
    expect(open(2, there).latestCheckpoint()!.step).to.equal(3);
    expect(open(3, there).latestCheckpoint()!.step).to.equal(2);
    expect(readdirSync(there).filter((name) => name.startsWith('.'))).to.deep.equal([]);
  });

  it('leave out a damaged result or checkpoint, which is said, so that all else is taken', async () => {
    const [first, second] = [made(1, 3, true), made(2, 3, false)];
    const file = join(first.folder, 'result.json');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
    const [last] = readdirSync(join(second.folder, 'checkpoint')).sort().reverse();
    writeFileSync(join(second.folder, 'checkpoint', last), 'x');
    const told: string[] = [];
    const listen = ({ message }: Error): void => void told.push(message);
    process.on('warning', listen);
    const archive = join(scratch(), 'damaged.tar');
    await exportRuns(listRuns(here), archive, here);
    const { runs } = await importRuns(archive, there);
    process.off('warning', listen);
    expect(told).to.have.length(2);
    expect(told.join()).to.include(`${file} is damaged and is left out`).and.to.include(last);
    expect(runs).to.equal(2);
    expect(open(1, there).record()).to.equal(undefined);
    expect(made(1, 3, true, there).record()!.result).to.deep.equal({ seed: 1, steps: 3 });
    expect(open(2, there).latestCheckpoint()!.step).to.equal(2);
  });

  it('are not written of a run whose protocol is not that of its key', async () => {
    const { folder, key } = made(1, 1, true);
    const file = join(folder, 'protocol.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"seed": 1', '"seed": 2'));
    const archive = join(scratch(), 'forged.tar');
    const error = await rejection(exportRuns(listRuns(here), archive, here));
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(
      new RegExp(`^The protocol\\.json of run ${key} is damaged, .* or remove it`),
    );
    expect(existsSync(archive)).to.equal(false);
  });

  /** An archive of one finished run, its unpacked files changed by hand, with a list that fits them unless it is given. */
  async function tampered(
    name: string,
    change: (folder: string, key: string) => void,
    relist = true,
  ): Promise<string> {
    const { key } = made(1, 2, true);
    const whole = join(scratch(), `${tests}-whole.tar`);
    await exportRuns(listRuns(here), whole, here);
    const folder = join(scratch(), `${tests}-${name}`);
    mkdirSync(folder);
    await tar.extract({ file: whole, cwd: folder });
    change(folder, key);
    if (relist) {
      const paths = files(folder).filter((each) => each.startsWith(key) && existsSync(join(folder, each)));
      const listed = paths.map((path) => {
        const content = readFileSync(join(folder, path));
        return { path, bytes: content.length, sha256: sha256(content) };
      });
      writeFileSync(join(folder, 'zarts-runs.json'), JSON.stringify({ format: 1, files: listed }));
    }
    const file = join(scratch(), `${tests}-${name}.tar`);
    await tar.create({ file, cwd: folder, portable: true }, readdirSync(folder).sort());
    return file;
  }
  const rewrite = (path: string, edit: (text: string) => string): void => {
    writeFileSync(path, edit(readFileSync(path, 'utf8')));
  };

  for (const [what, change, said, relist] of [
    [
      'a byte changed',
      (f: string, k: string) => {
        rewrite(join(f, k, 'metrics.jsonl'), (text) => text.replace('1', '7'));
      },
      /does not match its digest/,
      false,
    ],
    [
      'a file missing',
      (f: string, k: string) => {
        rmSync(join(f, k, 'metrics.jsonl'));
      },
      /files of its list are missing/,
      false,
    ],
    [
      'a file more',
      (f: string, k: string) => {
        writeFileSync(join(f, k, 'metrics.0123abcd.jsonl'), '');
      },
      /is not in its list/,
      false,
    ],
    [
      'no list',
      (f: string) => {
        rmSync(join(f, 'zarts-runs.json'));
      },
      /its end is missing/,
      false,
    ],
    [
      'a file of another name',
      (f: string, k: string) => {
        writeFileSync(join(f, k, 'evil.sh'), '');
      },
      /its entry ".*evil\.sh" is no run's file/,
      true,
    ],
    [
      'a lock',
      (f: string, k: string) => {
        writeFileSync(join(f, k, 'lock.0123abcd'), '{}');
      },
      /is no run's file/,
      true,
    ],
    [
      'a link',
      (f: string, k: string) => {
        rmSync(join(f, k, 'result.json'));
        symlinkSync('/etc/passwd', join(f, k, 'result.json'));
      },
      /is no run's file/,
      false,
    ],
    [
      'another protocol',
      (f: string, k: string) => {
        rewrite(join(f, k, 'protocol.json'), (text) => text.replace('"seed": 1', '"seed": 2'));
      },
      /is not that of its protocol/,
      true,
    ],
    [
      'another result version',
      (f: string, k: string) => {
        rewrite(join(f, k, 'protocol.json'), (text) =>
          text.replace(`"resultVersion": ${RESULT_VERSION}`, '"resultVersion": 1'),
        );
      },
      /is of result version 1, and this is \d+/,
      true,
    ],
    [
      'a damaged result',
      (f: string, k: string) => {
        rewrite(join(f, k, 'result.json'), (text) => text.replace('"steps": 2', '"steps": 3'));
      },
      /the result of run .* is damaged/,
      true,
    ],
    [
      'a damaged checkpoint',
      (f: string, k: string) => {
        const folder = join(f, k, 'checkpoint');
        writeFileSync(join(folder, readdirSync(folder)[0]), 'x');
      },
      /Checkpoint .* is damaged/,
      true,
    ],
  ] as const) {
    it(`are refused whole with ${what}`, async () => {
      const file = await tampered(what.replaceAll(' ', '-'), change, relist);
      const error = await rejection(importRuns(file, there));
      expect(error).to.be.instanceOf(ZartsError);
      expect(error.message).to.match(said);
      expect(readdirSync(there)).to.deep.equal([]);
    });
  }

  it('are refused with entries that lead elsewhere', async () => {
    for (const path of [
      '../evil/protocol.json',
      '/tmp/zarts-evil.json',
      `${'0'.repeat(32)}/../../evil.json`,
    ]) {
      const header = Buffer.alloc(512);
      new tar.Header({ path, size: 1, type: 'File', mode: 0o644, mtime: new Date(0) }).encode(header);
      const file = join(scratch(), 'evil.tar');
      writeFileSync(file, Buffer.concat([header, Buffer.alloc(512, 'x'), Buffer.alloc(1024)]));
      const error = await rejection(importRuns(file, there));
      expect(error.message, path).to.match(/is no run's file|cannot be unpacked/);
      expect(existsSync(join(dirname(there), 'evil'))).to.equal(false);
      expect(existsSync('/tmp/zarts-evil.json')).to.equal(false);
    }
  });

  it('are refused when they unpack to more than there is room for, and when they are no archives', async () => {
    const header = Buffer.alloc(512);
    const path = `${'a'.repeat(32)}/metrics.jsonl`;
    new tar.Header({ path, size: 2 ** 50, type: 'File', mode: 0o644, mtime: new Date(0) }).encode(header);
    const file = join(scratch(), 'bomb.tar');
    writeFileSync(file, Buffer.concat([header, Buffer.alloc(4096)]));
    expect((await rejection(importRuns(file, there))).message).to.match(
      /unpacks to more than|cannot be unpacked/,
    );
    writeFileSync(file, 'no archive at all');
    expect(await rejection(importRuns(file, there))).to.be.instanceOf(ZartsError);
    expect(await rejection(importRuns(join(scratch(), 'none.tar'), there))).to.be.instanceOf(UsageError);
    expect(readdirSync(there)).to.deep.equal([]);
  });
});
