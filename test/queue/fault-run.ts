/**
 * The fault run: a table through a queue with four workers, one of which is killed every so often, and what else goes wrong in
 * a room of machines: Redis is killed and comes back with and without what it held, the store's disk fills up, a worker is
 * stopped for longer than its lock and wakes up. As many rounds, each with a store of its own, as it takes for so many kills;
 * after each the table must be whole and equal to the one that was computed undisturbed.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { key, uniform } from '../../lib/math/random.js';
import { LOCK_MS } from '../../lib/runs/queue.js';
import { TestRedis } from './redis.js';

const MAIN = join(__dirname, 'zarts-main.js');
const WORKERS = 4;
const AOF = ['--appendonly', 'yes', '--appendfsync', 'always'];
const NO_AOF = ['--appendonly', 'no'];
/** Room for a round's runs, and for what fills the rest. */
const DISK_MB = 192;

/** What of a run's record is of the time when it was made, and not of the run. */
const PASSING = ['seconds', 'imagesPerSecond', 'interOpThreads', 'commit'];

/** How a fault run is to be. */
export interface FaultOptions {
  /** An empty folder. */
  readonly folder: string;
  readonly kills: number;
  /** Seconds between two kills: at least, at most. */
  readonly between: readonly [number, number];
  /** The table: arguments of reproduce. */
  readonly table: readonly string[];
  readonly say?: (line: string) => void;
}

/** What happened. */
export interface FaultReport {
  readonly kills: number;
  readonly rounds: number;
  readonly redisRestarts: { readonly kept: number; readonly lost: number };
  /** null: a small file system could not be mounted here. */
  readonly diskFilled: number | null;
  readonly stopped: number;
  readonly runs: number;
  /** Rounds whose table was whole and equal to the undisturbed one, every run once. */
  readonly equal: number;
  readonly seconds: number;
}

/** A process of the command. */
function start(args: readonly string[], home: string, log: string): ChildProcess {
  const out = createWriteStream(log, { flags: 'a' });
  const env = { ...process.env, ZARTS_HOME: home, TF_NUM_INTEROP_THREADS: '1' };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(out, { end: false });
  child.stderr.pipe(out, { end: false });
  return child;
}

/** A table's runs as its record has them, without what differs from one time to the next: how long things took. */
function runsOf(home: string): unknown {
  const folder = join(home, 'results');
  const [name] = readdirSync(folder).filter((each) => /^[\w-]+\.json$/.test(each));
  const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
    result: { runs: unknown[]; of: number };
  };
  const timeless = (name: string, value: unknown): unknown => (PASSING.includes(name) ? undefined : value);
  return JSON.parse(JSON.stringify(result, timeless));
}

export async function faultRun({
  folder,
  kills,
  between,
  table,
  say = () => undefined,
}: FaultOptions): Promise<FaultReport> {
  const began = performance.now();
  mkdirSync(folder, { recursive: true });
  const [least, most] = between;
  const draws = uniform(key(kills), 10 * kills + 100);
  let drawn = 0;
  const random = (): number => draws[drawn++ % draws.length];

  const reference = join(folder, 'undisturbed');
  // A store that has it already is as good: it was made undisturbed.
  const undisturbed = start(['reproduce', ...table], reference, join(folder, 'undisturbed.log'));
  const [code] = (await once(undisturbed, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the undisturbed table ended with ${code}: ${folder}/undisturbed.log`);
  const expected = JSON.stringify(runsOf(reference));
  const { runs: all } = JSON.parse(expected) as { runs: unknown[] };
  say(`undisturbed: ${all.length} runs in ${((performance.now() - began) / 1000).toFixed(0)} s`);

  const report = {
    kills: 0,
    rounds: 0,
    redisRestarts: { kept: 0, lost: 0 },
    diskFilled: 0 as number | null,
    stopped: 0,
    runs: 0,
    equal: 0,
  };
  while (report.kills < kills || report.rounds === 0) await round();
  return { ...report, seconds: (performance.now() - began) / 1000 };

  /** One table, disturbed. */
  async function round(): Promise<void> {
    const number = ++report.rounds;
    const home = join(folder, `round-${number}`);
    const mounted = mountSmall(home);
    if (!mounted) report.diskFilled = null;
    const redis = await TestRedis.start(...(number % 2 === 1 ? AOF : NO_AOF));
    const log = join(folder, `round-${number}.log`);
    const workers: ChildProcess[] = [];
    let ended = false;
    const hire = (place: number): void => {
      if (ended) return;
      const worker = start(['worker', '--queue', redis.url], home, log);
      workers[place] = worker;
      // Whoever looks after machines starts a worker again that ends, as by Redis being away when it began.
      worker.once('exit', () => void delay(1000).then(() => workers[place] === worker && hire(place)));
    };
    for (let place = 0; place < WORKERS; place++) hire(place);
    const command = start(['reproduce', ...table, '--queue', redis.url], home, log);
    let exit: number | null | undefined;
    command.once('exit', (value) => (exit = value));
    const over = (): boolean => exit !== undefined;
    const wait = async (seconds: number): Promise<void> => {
      for (const end = performance.now() + 1000 * seconds; !over() && performance.now() < end;)
        await delay(250);
    };
    try {
      for (let turn = 1; !over(); turn++) {
        await wait(least + (most - least) * random());
        if (over()) break;
        // Enough were killed: the table may end.
        if (report.kills >= kills) continue;
        const place = Math.floor(WORKERS * random());
        workers[place].kill('SIGKILL');
        report.kills++;
        say(`round ${number}: kill ${report.kills}`);
        // Each of these in turn, once a round, the order changing from round to round.
        const fault = turn % 2 === 0 ? (turn / 2 + number) % 3 : undefined;
        if (turn > 6 || over()) continue;
        if (fault === 0) {
          await redis.kill();
          say(`round ${number}: Redis is killed, and ${number % 2 === 1 ? 'keeps' : 'loses'} what it held`);
          await wait(3);
          await redis.restart();
          if (number % 2 === 1) report.redisRestarts.kept++;
          else report.redisRestarts.lost++;
        } else if (fault === 1 && mounted) {
          const filler = join(home, 'filler');
          fill(filler, home);
          report.diskFilled = (report.diskFilled ?? 0) + 1;
          say(`round ${number}: the disk is full`);
          await wait(20);
          rmSync(filler);
          say(`round ${number}: the disk has room again`);
        } else if (fault === 2) {
          const stopped = workers[Math.floor(WORKERS * random())];
          stopped.kill('SIGSTOP');
          report.stopped++;
          say(`round ${number}: a worker is stopped`);
          void delay(LOCK_MS + 40_000).then(() => stopped.kill('SIGCONT'));
        }
      }
      if (exit !== 0) throw new Error(`the table ended with ${exit}: see ${log}`);
      const got = JSON.stringify(runsOf(home));
      report.runs += all.length;
      if (got === expected) report.equal++;
      say(`round ${number}: ${got === expected ? 'equal' : 'DIFFERENT'}`);
      if (got !== expected) writeFileSync(join(folder, `round-${number}-different.json`), got);
    } finally {
      ended = true;
      for (const worker of workers) {
        worker.kill('SIGCONT');
        worker.kill('SIGKILL');
      }
      command.kill('SIGKILL');
      await redis.stop();
      if (mounted) spawnSync('umount', ['-l', home]);
    }
  }
}

/** Mounts a small file system in memory on a folder; false where that is not allowed. */
function mountSmall(folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder]).status === 0;
}

/** Fills a file system to the last byte. */
function fill(file: string, folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  try {
    writeFileSync(file, Buffer.alloc(bavail * bsize + 1));
  } catch {
    if (!existsSync(file)) throw new Error(`${file} could not be made`);
  }
}

if (require.main === module) {
  const [folder, kills = '100', least = '20', most = '60', ...table] = process.argv.slice(2);
  const say = (line: string): void => {
    console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
  };
  void faultRun({ folder, kills: Number(kills), between: [Number(least), Number(most)], table, say }).then(
    (report) => {
      console.log(JSON.stringify(report, null, 2));
      process.exitCode = report.equal === report.rounds ? 0 : 1;
    },
  );
}
