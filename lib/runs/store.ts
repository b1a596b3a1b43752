import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UsageError, ZartsError } from '../errors.js';
import { canonicalJson, sha256, toJson } from './canonical.js';
import type { JsonValue } from './canonical.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import {
  errorCode,
  explainFileError,
  flushToDisk,
  StoreFaultError,
  TEMPORARY,
  writeOnce,
  writeWhole,
} from './files.js';
import { runsHome } from './home.js';
import { acquireLock, releasedHere } from './lock.js';
import type { Lock } from './lock.js';

/**
 * Part of every run's key. Raise it with any change that can move a number of a run: what was computed by the older
 * library is then computed anew instead of being shown as if it were this one's.
 */
export const RESULT_VERSION = 5;

/** What decides a run's result, and so its key. */
export interface RunIdentity {
  /** The protocol: plain data, with its seed. */
  readonly protocol: unknown;
  /** The digest of the data it runs on (Dataset.digest). */
  readonly dataDigest: string;
}

/** A finished run, as result.json keeps it. */
export interface RunRecord {
  readonly result: JsonValue;
  /** Commit, engine, device, host, seconds, data set: whatever the caller knows of how the result came about. */
  readonly provenance: JsonValue;
  /** When it was finished (ISO 8601, UTC). */
  readonly finished: string;
}

/** How to open a run. */
export interface OpenRunOptions extends RunIdentity {
  /** The folder of all runs. Default: {@link runsHome}. */
  readonly home?: string | undefined;
  /** Told, in one sentence, when something kept was found damaged and is not used. Default: a warning on stderr. */
  readonly onWarning?: (message: string) => void;
}

/** 32 hexadecimal digits that are equal for two runs exactly if protocol, data and {@link RESULT_VERSION} are equal. */
export function runKey({ protocol, dataDigest }: RunIdentity): string {
  return sha256(canonicalJson({ protocol, dataDigest, resultVersion: RESULT_VERSION }, 'run')).slice(0, 32);
}

const resultSchema = z.object({
  key: z.string(),
  finished: z.string(),
  sha256: z.string(),
  // Its digest is taken, which looks through its thousands of numbers as well.
  result: z.custom<JsonValue>((value) => value !== undefined),
  provenance: z.json(),
});
const protocolSchema = z.object({
  key: z.string(),
  /** The {@link RESULT_VERSION} of the library that computed it. */
  resultVersion: z.int(),
  dataDigest: z.string(),
  protocol: z.json(),
});

/**
 * The run with this protocol on this data. Nothing is written until it is locked.
 *
 * @throws ZartsError  when the protocol is not plain JSON data.
 */
export function openRun(options: OpenRunOptions): Run {
  return new Run(options);
}

/** A checkpoint's file: the step that it was made after, and the holder of the lock that made it. */
interface CheckpointFile {
  readonly name: string;
  readonly step: number;
  readonly token: string;
}

/**
 * One run's folder: protocol.json, checkpoint/, result.json, metrics.jsonl. Reading needs no lock. Who computes the run does
 *
 *     await run.free();
 *     const release = run.lock();
 *     const last = run.resume();                          // state to go on from, metrics cut back to it
 *     …  run.appendMetrics({ step, loss });  run.saveCheckpoint({ step, meta, tensors });  …
 *     run.finish(result, provenance);
 *     release();
 *
 * All but the waiting for others is synchronous: what has returned is on the disk, in the order of the calls.
 *
 * Several machines may share the folder. Until the run is finished each holder of the lock writes to files named by the token
 * of its lock, metrics.<token>.jsonl and checkpoint/<step>.<token>.ckpt, and the result is kept by whoever is first: a holder
 * that was stopped, was given up for dead and wakes up finds nothing that it could spoil.
 */
export class Run {
  /** The run's key, and its folder's name. */
  readonly key: string;
  /** The absolute path of the run's folder. */
  readonly folder: string;
  private readonly protocolText: string;
  private readonly warn: (message: string) => void;
  private held: Lock | undefined;

  constructor(options: OpenRunOptions) {
    const {
      dataDigest,
      home = runsHome(),
      onWarning = (message: string) => void process.emitWarning(message),
    } = options;
    this.key = runKey(options);
    this.folder = resolve(home, this.key);
    const protocol = toJson(options.protocol, 'protocol');
    const identity = { key: this.key, resultVersion: RESULT_VERSION, dataDigest, protocol };
    this.protocolText = JSON.stringify(identity, undefined, 2) + '\n';
    this.warn = onWarning;
  }

  private path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  private metricsPath(token: string): string {
    return this.path(token === '' ? 'metrics.jsonl' : `metrics.${token}.jsonl`);
  }

  /** The metrics of a holder; those of a finished run have its name no longer. */
  private metrics(token: string): Buffer {
    return this.read(this.metricsPath(token)) ?? this.read(this.metricsPath('')) ?? Buffer.alloc(0);
  }

  /** The result with its provenance, or undefined while there is none that is whole and valid. */
  record(): RunRecord | undefined {
    const text = this.read(this.path('result.json'))?.toString('utf8');
    if (text === undefined) return undefined;
    const record = recordIn(text, this.key);
    if (record) return record;
    this.warn(
      `${this.path('result.json')} is damaged and is not used; the run is computed again from its last checkpoint.`,
    );
    return undefined;
  }

  /**
   * The newest checkpoint that is whole and whose metrics are all there; undefined if there is none. Damaged ones are
   * passed over with a warning.
   */
  latestCheckpoint(): Checkpoint | undefined {
    return this.newestWhole().found?.checkpoint;
  }

  /** That checkpoint with the metrics that belong to it, and the files of those that were passed over. */
  private newestWhole(): { found?: { checkpoint: Checkpoint; metrics: Buffer }; unusable: string[] } {
    const unusable: string[] = [];
    for (const { name, token } of this.checkpointFiles().reverse()) {
      const path = this.path('checkpoint', name);
      try {
        const bytes = this.read(path);
        if (bytes === undefined) continue; // replaced by a newer one since the folder was listed
        const { checkpoint, metrics: mark } = decodeCheckpoint(bytes, path);
        const metrics = this.metrics(token).subarray(0, mark.bytes);
        if (metrics.length === mark.bytes && sha256(metrics) === mark.sha256)
          return { found: { checkpoint, metrics }, unusable };
        this.warn(
          `Checkpoint ${path} is not used: the first ${mark.bytes} bytes of the metrics are not those that belong to it.`,
        );
      } catch (error) {
        this.warn(`${error instanceof Error ? error.message : String(error)} It is not used.`);
      }
      unusable.push(path);
    }
    return { unusable };
  }

  /** The checkpoints, oldest first. */
  private checkpointFiles(): CheckpointFile[] {
    try {
      return readdirSync(this.path('checkpoint'))
        .flatMap((name) => {
          const [, step, token = ''] = /^(\d{10,})(?:\.([0-9a-f]{8}))?\.ckpt$/.exec(name) ?? [];
          return step === undefined ? [] : [{ name, step: parseInt(step), token }];
        })
        .sort((a, b) => a.step - b.step);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw new ZartsError(`${this.path('checkpoint')} cannot be read: ${explainFileError(error)}.`);
    }
  }

  /** Waits until nothing in this process writes to the run. */
  free(): Promise<void> {
    return releasedHere(this.path('lock'));
  }

  /**
   * Makes this process the only one that may write to the run, creating its folder if need be. Ask for the result again
   * afterwards: another process may have finished it meanwhile.
   *
   * @returns  Gives the lock back.
   * @throws {InUseError} when another process has it; {ZartsError} when the folder cannot be written.
   */
  lock(): () => void {
    try {
      mkdirSync(this.path('checkpoint'), { recursive: true });
    } catch (error) {
      throw new StoreFaultError(
        `The run's folder ${this.folder} cannot be created: ${explainFileError(error)}; point ZARTS_HOME at a folder that can be written.`,
      );
    }
    const held = acquireLock(this.path('lock'), `Run ${this.key}`);
    this.held = held;
    const release = (): void => {
      this.held = undefined;
      held.release();
    };
    try {
      this.saving('The run', () => {
        this.clearAway();
        if (this.read(this.path('protocol.json'))?.toString('utf8') !== this.protocolText) {
          writeWhole(this.path('protocol.json'), [this.protocolText]);
        }
      });
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Removes what processes that died have left: only the holder of the lock writes. */
  private clearAway(): void {
    const kept = this.checkpointFiles().map(({ token }) => token);
    for (const folder of [this.folder, this.path('checkpoint')]) {
      for (const name of readdirSync(folder)) {
        const [, token] = /^metrics\.([0-9a-f]{8})\.jsonl$/.exec(name) ?? [];
        const orphan = token !== undefined && !kept.includes(token);
        // Others may be asking for the lock.
        const half = name.endsWith(TEMPORARY) && !name.startsWith('lock.');
        if (orphan || half) rmSync(join(folder, name), { force: true });
      }
    }
  }

  /**
   * The checkpoint to go on from (undefined: start at step 0), with the metrics that it had. Checkpoints that cannot be used
   * are renamed to *.damaged. Needs the lock.
   */
  resume(): Checkpoint | undefined {
    const { token } = this.holding();
    const { found, unusable } = this.newestWhole();
    this.saving('The choice of a checkpoint', () => {
      // Out of the way, so that they never take the place of a good one when older checkpoints are deleted.
      for (const path of unusable) renameSync(path, `${path}.damaged`);
      writeWhole(this.metricsPath(token), [found?.metrics ?? '']);
    });
    return found?.checkpoint;
  }

  /**
   * Sets the checkpoints aside (*.damaged), so that the run begins anew. Needs the lock.
   */
  restart(): void {
    this.holding();
    this.saving('The choice to begin anew', () => {
      for (const { name } of this.checkpointFiles()) {
        renameSync(this.path('checkpoint', name), this.path('checkpoint', `${name}.damaged`));
      }
    });
  }

  /**
   * Adds one line to the metrics. Needs the lock, and {@link resume} before.
   *
   * @throws {ZartsError} when a value is not finite or not plain data (naming it), or the line cannot be written: then no
   *   part of it stays; {LostLockError} when the lock was taken over.
   */
  appendMetrics(record: { readonly step: number }): void {
    const { token } = this.holding();
    const line = JSON.stringify(toJson(record, 'metrics')) + '\n';
    this.saving(`A metrics line of step ${record.step}`, () => {
      // Never made anew: where it is gone the lock is lost.
      const descriptor = openSync(this.metricsPath(token), constants.O_WRONLY | constants.O_APPEND);
      try {
        const { size } = fstatSync(descriptor);
        try {
          writeFileSync(descriptor, line);
        } catch (error) {
          ftruncateSync(descriptor, size);
          throw error;
        }
      } finally {
        closeSync(descriptor);
      }
    });
  }

  /**
   * Keeps the state after `step` steps, with the metrics written so far. The checkpoint before it stays as well, so that
   * one is there whatever happens to the newest. Needs the lock.
   *
   * @throws {ZartsError} when it cannot be written (disk full, no permission), the earlier ones being untouched;
   *   {LostLockError} when the lock was taken over.
   */
  saveCheckpoint(checkpoint: Checkpoint): void {
    const { token } = this.holding();
    const { step } = checkpoint;
    const metrics = this.metrics(token);
    const pieces = encodeCheckpoint(checkpoint, { bytes: metrics.length, sha256: sha256(metrics) });
    const name = `${String(step).padStart(10, '0')}.${token}.ckpt`;
    this.saving(`The checkpoint of step ${step}`, () => {
      flushToDisk(this.metricsPath(token));
      writeWhole(this.path('checkpoint', name), pieces);
      // Later ones can only be a successor's: those found damaged have another name.
      const older = this.checkpointFiles().filter((file) => file.step < step);
      for (const file of older.slice(0, -1)) rmSync(this.path('checkpoint', file.name), { force: true });
    });
  }

  /**
   * Keeps the result, unless another process was first; from now on {@link record} returns it. Needs the lock.
   *
   * @param result      Plain data, every number finite.
   * @param provenance  How it came about: commit, engine, device, host, seconds, data.
   * @throws {ZartsError} for anything else, or when it cannot be written; {LostLockError} when the lock was taken over.
   */
  finish(result: unknown, provenance: unknown = {}): void {
    const { token } = this.holding();
    const stored = {
      key: this.key,
      finished: new Date().toISOString(),
      sha256: sha256(canonicalJson(result, 'result')),
      result: toJson(result, 'result'),
      provenance: toJson(provenance, 'provenance'),
    };
    const path = this.path('result.json');
    this.saving('The result', () => {
      flushToDisk(this.metricsPath(token));
      while (!writeOnce(path, [JSON.stringify(stored, undefined, 2) + '\n'])) {
        if (this.record()) return;
        renameSync(path, `${path}.damaged`);
      }
      renameSync(this.metricsPath(token), this.metricsPath(''));
    });
  }

  private holding(): Lock {
    if (this.held === undefined)
      throw new ZartsError(`Run ${this.key} must be locked before it is written to.`);
    this.held.check();
    return this.held;
  }

  private saving<T>(what: string, write: () => T): T {
    try {
      return write();
    } catch (error) {
      if (error instanceof ZartsError) throw error;
      // What is gone may have been cleared away by a successor.
      this.held?.check();
      throw new StoreFaultError(
        `${what} could not be saved in ${this.folder}: ${explainFileError(error)}; what was saved before is intact, and the same command goes on from it once there is room to write.`,
      );
    }
  }

  private read(path: string): Buffer | undefined {
    try {
      return readFileSync(path);
    } catch (error) {
      // ENOTDIR: a file stands where a folder should be; the lock's error says so when the run is to be written.
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
      throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}.`);
    }
  }
}

/** The record that a result.json holds; undefined where it is not whole, or another run's. */
export function recordIn(text: string, key: string): RunRecord | undefined {
  try {
    const stored = resultSchema.parse(JSON.parse(text));
    if (stored.key !== key || stored.sha256 !== sha256(canonicalJson(stored.result))) return undefined;
    const { result, provenance, finished } = stored;
    return { result, provenance, finished };
  } catch {
    // Not JSON, or not of this form: the same as any other damage.
    return undefined;
  }
}

/** A run as found in the store. */
export type FoundRun = z.infer<typeof protocolSchema>;

/** The least characters of a run's key that are taken for the start of one. */
export const KEY_PREFIX = 6;

/** Every run in a folder of runs, by key; what else is there is left out. */
export function listRuns(home: string = runsHome()): FoundRun[] {
  if (!existsSync(home)) return [];
  let names: string[];
  try {
    names = readdirSync(home).sort();
  } catch (error) {
    throw new ZartsError(`The runs in ${home} cannot be listed: ${explainFileError(error)}.`);
  }
  return names.flatMap((name) => readRun(home, name) ?? []);
}

/** The run of that key in a folder of runs; undefined where there is none. */
export function readRun(home: string, key: string): FoundRun | undefined {
  try {
    const text = readFileSync(join(home, key, 'protocol.json'), 'utf8');
    const stored = protocolSchema.parse(JSON.parse(text));
    return stored.key === key ? stored : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Every run of this {@link RESULT_VERSION} that is finished, whole, with its protocol and result.
 *
 * @param newest  Of those only so many that came last, the last one first; others are not even read.
 */
export function listFinished(home: string = runsHome(), newest?: number): (FoundRun & RunRecord)[] {
  const found =
    newest === undefined
      ? listRuns(home)
      : newestKeys(home, newest).flatMap((key) => readRun(home, key) ?? []);
  return found.flatMap((run) => {
    if (run.resultVersion !== RESULT_VERSION || !existsSync(join(home, run.key, 'result.json'))) return [];
    const { protocol, dataDigest } = run;
    const record = openRun({ protocol, dataDigest, home, onWarning: () => undefined }).record();
    return record ? [{ ...run, ...record }] : [];
  });
}

/** The keys of the runs whose results were written last. */
function newestKeys(home: string, count: number): string[] {
  const names = existsSync(home) ? readdirSync(home) : [];
  return names
    .flatMap((key) => {
      const written = statSync(join(home, key, 'result.json'), { throwIfNoEntry: false })?.mtimeMs;
      return written === undefined ? [] : [{ key, written }];
    })
    .sort((a, b) => b.written - a.written)
    .slice(0, count)
    .map(({ key }) => key);
}

/**
 * The one run whose key is this or starts with it.
 *
 * @param prefix  At least {@link KEY_PREFIX} characters.
 * @throws UsageError  in one sentence when there is none or several, or the prefix is too short or no key at all.
 */
export function findRun(prefix: string, home: string = runsHome()): FoundRun {
  if (!/^[0-9a-f]*$/.test(prefix) || prefix.length < KEY_PREFIX) {
    throw new UsageError(
      `"${prefix}" is no run's key; a key has hexadecimal digits, of which the first ${KEY_PREFIX} are enough if no other run's begins with them.`,
    );
  }
  const found = listRuns(home).filter(({ key }) => key.startsWith(prefix));
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new UsageError(`There is no run whose key starts with ${prefix} in ${home}.`);
  const some = found.slice(0, 3).map(({ key }) => key);
  throw new UsageError(
    `${found.length} runs have a key that starts with ${prefix}: ${some.join(', ')}${found.length > 3 ? ', …' : ''}; give more of it.`,
  );
}
