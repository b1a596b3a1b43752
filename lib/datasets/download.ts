import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import type * as Tar from 'tar';
import { InterruptedError, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import { errorCode, explainFileError, flushFolder } from '../runs/files.js';
import { acquireLock } from '../runs/lock.js';
import { digestFile } from './disk.js';
import { inspectFolder, readImageFile } from './files.js';
import type { FileDataset, MatlabDataset, RecordDataset, RemoteFile } from './registry.js';

const loadTar = lazily<typeof Tar>('tar');

/** How far a phase has come, in bytes. */
export interface DataProgress {
  readonly phase: 'download' | 'check' | 'extract';
  readonly done: number;
  readonly total: number;
}

/** Settings of a download; all may be left out. */
export interface DownloadOptions {
  readonly onProgress?: (progress: DataProgress) => void;
  /** Stands in for the network in tests. */
  readonly fetch?: typeof fetch;
  /** Stops the download; what has arrived stays for the next time. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a connection counts as lost (30,000). */
  readonly stallMs?: number;
  /** How often a broken transfer is taken up again before giving up (3). */
  readonly retries?: number;
}

/**
 * Fetches a data set's official files into `home` and checks them; an archive is unpacked. Interrupted at any moment, it
 * goes on where it was; a file that was put there by hand under its official name is used.
 *
 * @param dataset  Which set.
 * @param home     The folder in which the set's own folder appears, all at once, when it is complete and checked.
 * @returns        The path of the set's folder.
 * @throws ZartsError  one sentence: no connection, a server's refusal, a wrong digest, no room on the disk.
 */
export async function fetchDataset(
  dataset: FileDataset,
  home: string,
  options: DownloadOptions = {},
): Promise<string> {
  const { title, folder } = dataset;
  const target = join(home, folder);
  try {
    await mkdir(home, { recursive: true });
  } catch (error) {
    throw new ZartsError(`The folder ${home} for ${title} cannot be created: ${explainFileError(error)}.`);
  }
  const release = acquireLock(join(home, `.${folder}.lock`), `The download of ${title}`);
  try {
    if (existsSync(target)) return target; // another process was faster
    if (dataset.format === 'records') await fetchArchive(dataset, home, options);
    else await fetchFiles(dataset, home, options);
    return target;
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    const full = NO_ROOM.has(errorCode(error) ?? '')
      ? `; make room, or name a folder with more of it with --data, and the same command goes on`
      : '';
    throw new ZartsError(`${title} could not be stored in ${home}: ${explainFileError(error)}${full}.`);
  } finally {
    release();
  }
}

/** What the system calls a disk or a share of it that is full. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

async function fetchArchive(dataset: RecordDataset, home: string, options: DownloadOptions): Promise<void> {
  const path = join(home, dataset.archive.name);
  const byHand = existsSync(path);
  await obtain(dataset.archive, path, { title: dataset.title, home }, options);
  await unpack(dataset, path, home, options);
  if (!byHand) await rm(path, { force: true });
}

/** Fetches files that need no unpacking into a folder beside the final place, which takes its name when all are there. */
async function fetchFiles(dataset: MatlabDataset, home: string, options: DownloadOptions): Promise<void> {
  const { train, test, folder, title } = dataset;
  const scratch = join(home, `.${folder}.downloading`);
  await mkdir(scratch, { recursive: true });
  const files = [...train, ...test];
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const file of files) {
    const start = before;
    const onProgress = ({ phase, done }: DataProgress): void =>
      options.onProgress?.({ phase, done: start + done, total });
    const set = { title, home: join(home, folder) };
    await obtain(file, join(scratch, file.name), set, { ...options, onProgress });
    before += file.bytes;
  }
  await inspectFolder(scratch, dataset);
  await rename(scratch, join(home, folder));
  flushFolder(home);
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Whose file it is, and where a person may put it. */
interface Owner {
  readonly title: string;
  readonly home: string;
}

/** Downloads a file unless it is there, and checks that it is the official one. */
async function obtain(
  remote: RemoteFile,
  path: string,
  owner: Owner,
  options: DownloadOptions,
): Promise<void> {
  const there = existsSync(path);
  const file = there ? path : `${path}.part`;
  if (!there) await download(remote, file, owner, options);
  const size = sizeOf(file);
  const actual = size === remote.bytes ? await digestFile(file) : undefined;
  if (actual !== remote.sha256) {
    const fault =
      actual === undefined
        ? `has ${size} bytes, expected ${remote.bytes}`
        : `has SHA-256 ${actual}, expected ${remote.sha256}`;
    if (there) throw new ZartsError(`${path} ${fault}: delete it and run again.`);
    await rm(file, { force: true });
    throw new ZartsError(
      `What ${remote.url} sent is not the official ${owner.title}: it ${fault}; it was deleted, run again or put the official ${remote.name} into ${owner.home}.`,
    );
  }
  options.onProgress?.({ phase: 'check', done: size, total: size });
  if (there) return;
  await rename(file, path);
  flushFolder(dirname(path));
}

/** The reason of a failed request, without the layers around it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = errorCode(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return code === undefined || message.includes(code) ? message || String(code) : `${message} (${code})`;
}

/** A failure that another attempt may mend. */
class TransferError extends Error {}

/** Brings `part` to its full length, in as many requests as it takes as long as there is progress. */
async function download(
  remote: RemoteFile,
  part: string,
  { title, home }: Owner,
  options: DownloadOptions,
): Promise<void> {
  const { retries = 3, signal } = options;
  for (let attempt = 0, have = sizeOf(part); have < remote.bytes; attempt++) {
    try {
      await transfer(remote, part, have, options);
      return;
    } catch (error) {
      if (signal?.aborted) {
        throw new InterruptedError(`The download of ${title} was stopped; the same command goes on with it.`);
      }
      if (!(error instanceof TransferError)) throw error;
      const before = have;
      have = sizeOf(part);
      // Progress starts the count anew: a slow line that breaks now and then still gets there.
      if (have > before) attempt = 0;
      if (attempt >= retries || have === 0) {
        const kept =
          have > 0
            ? `, ${have} of ${remote.bytes} bytes have arrived and the same command goes on from there;`
            : ':';
        throw new ZartsError(
          `${title} could not be downloaded from ${remote.url} (${error.message})${kept} connect this machine to the internet, put the file ${remote.name} into ${home} yourself, name a folder that has the set with --data, or use --data synthetic.`,
        );
      }
      const wait = Math.min(8000, 500 * 2 ** attempt);
      await delay(wait, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
  }
}

/** One request: appends to `part` what is missing after its first `have` bytes. */
async function transfer(
  remote: RemoteFile,
  part: string,
  have: number,
  { onProgress, fetch: request = fetch, signal, stallMs = 30_000 }: DownloadOptions,
): Promise<void> {
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new Error(`no data for ${stallMs / 1000} seconds`));
  }, stallMs);
  const broken = (error: unknown): never => {
    throw new TransferError(reasonOf(error));
  };
  try {
    const response = await request(remote.url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    }).catch(broken);
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new TransferError(`the server answered ${response.status} ${response.statusText}`.trim());
    }
    // A server that ignores the range sends from the start.
    const resumed = response.status === 206;
    if (resumed && !response.headers.get('content-range')?.startsWith(`bytes ${have}-`)) {
      await response.body.cancel();
      await rm(part, { force: true });
      throw new TransferError('the server sent another range than was asked for');
    }
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const file = await open(part, resumed ? 'a' : 'w');
    try {
      let done = resumed ? have : 0;
      // What is too long, the digest speaks of.
      while (done <= remote.bytes) {
        const { done: end, value } = await reader.read().catch(broken);
        if (end) break;
        timer.refresh();
        await file.writeFile(value);
        done += value.length;
        onProgress?.({ phase: 'download', done, total: remote.bytes });
      }
      await file.sync();
      if (done < remote.bytes)
        throw new TransferError(`the connection ended after ${done} of ${remote.bytes} bytes`);
    } finally {
      await reader.cancel().catch(() => undefined);
      await file.close();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Unpacks the set's own files, and nothing else, beside their final place; moves them there when all are checked. */
async function unpack(
  dataset: RecordDataset,
  path: string,
  home: string,
  { onProgress }: DownloadOptions,
): Promise<void> {
  const { folder, classFile, title } = dataset;
  const names = [...dataset.train, ...dataset.test].map(({ name }) => name);
  const wanted = new Set([...names, classFile].map((name) => `${folder}/${name}`));
  const scratch = join(home, `.${folder}.unpacking`);
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  try {
    let done = 0;
    const total = sizeOf(path);
    const input = createReadStream(path);
    input.on('data', (piece) => {
      done += piece.length;
      onProgress?.({ phase: 'extract', done, total });
    });
    await new Promise<void>((resolve, reject) => {
      const output = loadTar().extract({
        cwd: scratch,
        strict: true,
        // Only plain files under the exact names that are expected: no links, no other paths, wherever they point.
        filter: (name, entry) =>
          wanted.has(name.replace(/^\.\//, '')) && 'type' in entry && entry.type === 'File',
      });
      input.on('error', reject);
      output.on('error', reject);
      output.on('close', resolve);
      input.pipe(output);
    }).catch((error: unknown) => {
      // A fault of the system (ENOSPC, EIO, …) is none of the archive's, whose faults have codes such as Z_DATA_ERROR.
      if (/^E[A-Z0-9]+$/.test(errorCode(error) ?? '')) throw error;
      throw new ZartsError(`${path} cannot be unpacked: ${reasonOf(error)}; delete it and run again.`);
    });
    const unpacked = join(scratch, folder);
    const content = await inspectFolder(unpacked, dataset);
    if (!content.complete)
      throw new ZartsError(`${path} does not hold all of ${title}: delete it and run again.`);
    for (const found of [...content.train, ...content.test]) {
      await readImageFile(found, dataset);
      const file = await open(found.path, 'r+');
      await file.sync().finally(() => file.close());
    }
    flushFolder(unpacked);
    await rename(unpacked, join(home, folder));
    flushFolder(home);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
