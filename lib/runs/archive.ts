/**
 * Runs moved between machines as one archive: a tar file (gzip where its name says so) with the runs' folders and, last, a
 * list of every file with its size and SHA-256. Nothing of an archive is trusted before all of it has been checked.
 */
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type * as Tar from 'tar';
import { z } from 'zod';
import { UsageError, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import { sha256 } from './canonical.js';
import { decodeCheckpoint } from './checkpoint.js';
import { errorCode, explainFileError, TEMPORARY } from './files.js';
import { runsHome } from './home.js';
import { openRun, readRun, recordIn, RESULT_VERSION, runKey } from './store.js';
import type { FoundRun } from './store.js';

const loadTar = lazily<typeof Tar>('tar');

/** The list of files, the archive's last entry. */
const LIST = 'zarts-runs.json';
const FORMAT = 1;

const listSchema = z.object({
  format: z.int(),
  files: z.array(
    z.object({ path: z.string(), bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});

/** The files of a run that can be moved, below its folder: no locks, nothing half-written. */
const FILE =
  /^(protocol\.json|result\.json|metrics(\.[0-9a-f]{8})?\.jsonl|checkpoint\/\d{10,}(\.[0-9a-f]{8})?\.ckpt)$/;
const KEY = /^[0-9a-f]{32}$/;
const FOLDER = /^[0-9a-f]{32}\/(checkpoint\/)?$/;

/** Whether an archive's entry is a run's file: "<key>/…", and nothing that leads anywhere else. */
function isRunFile(path: string): boolean {
  const [, key = '', file = ''] = /^([^/]+)\/(.*)$/.exec(path) ?? [];
  return KEY.test(key) && FILE.test(file);
}

/** The files of a run's folder, relative to it, with their sizes. */
export function runFiles(folder: string): { readonly name: string; readonly bytes: number }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false });
    return stats?.isFile() ? [{ name, bytes: stats.size }] : [];
  });
}

/** What was moved. */
export interface Moved {
  readonly runs: number;
  readonly bytes: number;
}

/**
 * Writes runs to an archive, finished ones and unfinished ones with what they can go on from. A damaged result or checkpoint is
 * left out, with a warning: its run goes on, where it is taken to, from what is whole.
 *
 * @param file  Compressed if its name ends with .gz or .tgz. It appears when it is whole, and replaces nothing.
 * @throws {UsageError} for no runs, or a file that is there; {ZartsError} for a run whose protocol is not that of its key, or
 *   when the archive cannot be written.
 */
export async function exportRuns(
  runs: readonly FoundRun[],
  file: string,
  home: string = runsHome(),
): Promise<Moved> {
  if (runs.length === 0) throw new UsageError('There is no run to export.');
  if (existsSync(file)) throw new UsageError(`${file} is there already; give another name.`);
  const other = runs.find(({ resultVersion }) => resultVersion !== RESULT_VERSION);
  if (other) throw new UsageError(`${otherVersion(other)}; leave it out.`);
  const forged = runs.find((run) => runKey(run) !== run.key);
  if (forged) {
    throw new ZartsError(
      `The protocol.json of run ${forged.key} is damaged, so that nothing could use it: leave the run out, or remove it (npx zarts runs remove ${forged.key}).`,
    );
  }
  const temporary = `${file}.${process.pid}${TEMPORARY}`;
  const moved = { runs: runs.length, bytes: 0 };
  try {
    const count = (bytes: number): void => void (moved.bytes += bytes);
    const blocks = Readable.from(archiveOf(runs, home, count));
    const gzip = /\.(gz|tgz)$/.test(file) ? [createGzip({ level: 1 })] : [];
    await pipeline([blocks, ...gzip, createWriteStream(temporary, { flush: true })]);
    renameSync(temporary, file);
    return moved;
  } catch (error) {
    throw asFault(`The archive ${file} could not be written`, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The blocks of the archive; one file is in memory at a time. */
function* archiveOf(
  runs: readonly FoundRun[],
  home: string,
  count: (bytes: number) => void,
): Generator<Buffer> {
  const files: z.infer<typeof listSchema>['files'] = [];
  for (const { key } of runs) {
    for (const { name } of runFiles(join(home, key)).filter((each) => FILE.test(each.name))) {
      const content = readIfThere(join(home, key, name));
      if (content === undefined) continue; // replaced by a newer one meanwhile
      const path = `${key}/${name}`;
      if (!isWhole(key, name, content)) {
        process.emitWarning(
          `${join(home, path)} is damaged and is left out of the archive: the run goes on from its last whole checkpoint.`,
        );
        continue;
      }
      files.push({ path, bytes: content.length, sha256: sha256(content) });
      count(content.length);
      yield* entry(path, content);
    }
  }
  const list = { format: FORMAT, files };
  yield* entry(LIST, Buffer.from(`${JSON.stringify(list)}\n`));
  yield Buffer.alloc(1024);
}

/** Whether a file of a run is one that an import takes. */
function isWhole(key: string, name: string, content: Buffer): boolean {
  if (name === 'result.json') return recordIn(content.toString('utf8'), key) !== undefined;
  if (!name.endsWith('.ckpt')) return true;
  try {
    decodeCheckpoint(content, name);
    return true;
  } catch (error) {
    if (!(error instanceof ZartsError)) throw error;
    return false;
  }
}

function* entry(path: string, content: Buffer): Generator<Buffer> {
  const header = Buffer.alloc(512);
  new (loadTar().Header)({
    path,
    mode: 0o644,
    size: content.length,
    type: 'File',
    mtime: new Date(0),
  }).encode(header);
  yield header;
  yield content;
  yield Buffer.alloc(-content.length & 511);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What an import did. */
export interface Imported extends Moved {
  /** Keys of runs that were here already, and stayed as they are. */
  readonly there: readonly string[];
}

/**
 * Takes runs from an archive into a store. All of it is checked first: names, sizes, digests, that each run's key follows
 * from its protocol, that results and checkpoints are whole. A run that is here already stays as it is, but an unfinished one
 * takes a result.
 *
 * @throws {UsageError} for a file that is not there; {ZartsError} for one that is no archive of runs, is damaged, holds
 *   anything else, or was made with another result version; for a place without room, or that cannot be written.
 */
export async function importRuns(file: string, home: string = runsHome()): Promise<Imported> {
  if (!existsSync(file)) throw new UsageError(`There is no file ${file}.`);
  let staging: string | undefined;
  try {
    mkdirSync(home, { recursive: true });
    staging = mkdtempSync(join(home, '.import-'));
    await unpack(file, staging);
    const { files, keys } = await checkedList(file, staging);
    for (const key of keys) checkRun(file, key, staging);
    const there: string[] = [];
    for (const key of keys) if (!take(staging, key, home)) there.push(key);
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    return { runs: keys.length - there.length, bytes, there };
  } catch (error) {
    throw asFault(`The runs in ${file} could not be imported to ${home}`, error);
  } finally {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
  }
}

function asFault(what: string, error: unknown): Error {
  if (error instanceof ZartsError || error instanceof UsageError) return error;
  return new ZartsError(`${what}: ${explainFileError(error)}.`);
}

const otherVersion = ({ key, resultVersion }: FoundRun): string =>
  `run ${key} is of result version ${resultVersion}, and this is ${RESULT_VERSION}: nothing would use it`;

const refused = (file: string, why: string): ZartsError =>
  new ZartsError(`${file} is not imported: ${why}. Nothing here was changed.`);

/** Unpacks what may be a run's file, and refuses all else; at most what the disk has room for, whatever its headers say. */
async function unpack(file: string, staging: string): Promise<void> {
  const { bavail, bsize } = statfsSync(staging);
  const room = bavail * bsize;
  const seen = new Set<string>();
  let bytes = 0;
  let fault: string | undefined;
  try {
    await loadTar().extract({
      file,
      cwd: staging,
      strict: true,
      filter: (path, found) => {
        const type = 'type' in found ? found.type : undefined;
        // What tar adds of itself; folders are made as files need them.
        if (type === 'Directory' && FOLDER.test(path)) return false;
        bytes += found.size ?? 0;
        if (bytes > room)
          fault ??= `it unpacks to more than the ${Math.floor(room / 2 ** 20)} MiB that are free`;
        if (type !== 'File' || !(path === LIST || isRunFile(path)))
          fault ??= `its entry ${JSON.stringify(path)} is no run's file`;
        if (seen.has(path)) fault ??= `its entry ${JSON.stringify(path)} is there twice`;
        seen.add(path);
        return fault === undefined;
      },
    });
  } catch (error) {
    // A fault of the system (ENOSPC, EIO, …) is none of the archive's.
    if (/^E[A-Z0-9]+$/.test(errorCode(error) ?? '')) throw error;
    throw refused(file, `it cannot be unpacked (${(error as Error).message})`);
  }
  if (fault !== undefined) throw refused(file, fault);
}

/** The list of the archive, after every file of it was compared with its digest. */
async function checkedList(file: string, staging: string) {
  const text = readIfThere(join(staging, LIST))?.toString('utf8');
  if (text === undefined) throw refused(file, 'it is no archive of runs, or its end is missing');
  const parsed = listSchema.safeParse(jsonOf(text));
  if (!parsed.success || parsed.data.format !== FORMAT)
    throw refused(file, 'its list of files is not of the expected form');
  const { files } = parsed.data;
  const listed = new Map(files.map((each) => [each.path, each]));
  const unpacked = runFiles(staging).filter(({ name }) => name !== LIST);
  const unlisted = unpacked.find(({ name }) => !listed.has(name));
  if (unlisted) throw refused(file, `its entry ${unlisted.name} is not in its list`);
  if (listed.size !== unpacked.length) throw refused(file, 'files of its list are missing');
  for (const { path, bytes, sha256: expected } of files) {
    const found = await digestOf(join(staging, path));
    if (found.bytes !== bytes || found.sha256 !== expected)
      throw refused(file, `its entry ${path} does not match its digest`);
  }
  return { files, keys: [...new Set(files.map(({ path }) => path.split('/')[0]))] };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Refuses a run whose files do not belong together. Digests say that they arrived as they were sent, not that they are right. */
function checkRun(file: string, key: string, staging: string): void {
  const found = readRun(staging, key);
  if (found === undefined) throw refused(file, `run ${key} has no valid protocol.json`);
  if (found.resultVersion !== RESULT_VERSION) throw refused(file, otherVersion(found));
  if (runKey(found) !== key) throw refused(file, `the key of run ${key} is not that of its protocol`);
  const folder = join(staging, key);
  const result = readIfThere(join(folder, 'result.json'))?.toString('utf8');
  if (result !== undefined && !recordIn(result, key))
    throw refused(file, `the result of run ${key} is damaged`);
  for (const { name } of runFiles(folder).filter((each) => each.name.endsWith('.ckpt'))) {
    decodeCheckpoint(readFileSync(join(folder, name)), `${name} of run ${key} in ${file}`);
  }
}

/** Moves a checked run into the store; false where one is there that is not to be touched. */
function take(staging: string, key: string, home: string): boolean {
  const [from, to] = [join(staging, key), resolve(home, key)];
  if (!existsSync(to)) {
    try {
      // Fails where another process has just begun it.
      renameSync(from, to);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
    }
  }
  const result = join(from, 'result.json');
  if (!existsSync(result)) return false;
  const run = openRun({ ...readRun(staging, key)!, home });
  if (run.record()) return false;
  const release = run.lock();
  try {
    // What is measured on its supernet begins with its last checkpoint; a result comes last, as when it was made.
    const files = runFiles(from).map(({ name }) => name);
    const moved = [...files.filter((name) => name.startsWith('checkpoint/')), 'metrics.jsonl', 'result.json'];
    for (const name of moved.filter((each) => files.includes(each)))
      renameSync(join(from, name), join(to, name));
    return true;
  } finally {
    release();
  }
}
