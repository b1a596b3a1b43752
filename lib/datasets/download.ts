import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import * as tar from 'tar';
import { InterruptedError, ZartsError } from '../errors.js';
import { errorCode, explainFileError, flushFolder } from '../runs/files.js';
import { acquireLock } from '../runs/lock.js';
import { digestFile, inspectFolder, readImageFile } from './files.js';
import type { FileDataset, MatlabDataset, RecordDataset, RemoteFile } from './registry.js';

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
 * goes on where it was; an archive that was put there by hand under its official name is used.
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
    if (await exists(target)) return target; // another process was faster
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
  const { archive, title } = dataset;
  const path = join(home, archive.file);
  const byHand = await exists(path);
  if (!byHand) await download(archive, path, { title, home }, options);
  else await checkFile(archive, path, options);
  await unpack(dataset, path, home, options);
  if (!byHand) await rm(path, { force: true });
}

/** Fetches files that need no unpacking into a folder beside the final place, which takes its name when all are there. */
async function fetchFiles(dataset: MatlabDataset, home: string, options: DownloadOptions): Promise<void> {
  const { downloads, folder, title } = dataset;
  const scratch = join(home, `.${folder}.downloading`);
  await mkdir(scratch, { recursive: true });
  const total = downloads.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const file of downloads) {
    const path = join(scratch, file.file);
    const start = before;
    const onProgress = ({ phase, done }: DataProgress): void =>
      options.onProgress?.({ phase, done: start + done, total });
    if (await exists(path)) await checkFile(file, path, { ...options, onProgress });
    else await download(file, path, { title, home: join(home, folder) }, { ...options, onProgress });
    before += file.bytes;
  }
  await inspectFolder(scratch, dataset);
  await rename(scratch, join(home, folder));
  flushFolder(home);
}

async function exists(path: string): Promise<boolean> {
  return (await sizeIfThere(path)) !== undefined;
}

async function sizeIfThere(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Refuses a file that is not the official one. */
async function checkFile(remote: RemoteFile, path: string, { onProgress }: DownloadOptions): Promise<void> {
  const { size } = await stat(path);
  const problem =
    size !== remote.bytes
      ? `has ${size} bytes, expected ${remote.bytes}`
      : await digestFile(path).then((actual) =>
          actual === remote.sha256 ? undefined : `has SHA-256 ${actual}, expected ${remote.sha256}`,
        );
  if (problem !== undefined) throw new ZartsError(`${path} ${problem}: delete it and run again.`);
  onProgress?.({ phase: 'check', done: size, total: size });
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

/** @param set  Whose file it is, and where a person may put it. */
async function download(
  remote: RemoteFile,
  path: string,
  { title, home }: { readonly title: string; readonly home: string },
  options: DownloadOptions,
): Promise<void> {
  const part = `${path}.part`;
  const retries = options.retries ?? 3;
  for (let attempt = 0; ; attempt++) {
    const before = (await sizeIfThere(part)) ?? 0;
    try {
      if (before < remote.bytes) await transfer(remote, part, before, options);
      break;
    } catch (error) {
      if (options.signal?.aborted) {
        throw new InterruptedError(`The download of ${title} was stopped; the same command goes on with it.`);
      }
      if (!(error instanceof TransferError)) throw error;
      const now = (await sizeIfThere(part)) ?? 0;
      // Progress starts the count anew: a slow line that breaks now and then still gets there.
      if (now > before) attempt = 0;
      if (attempt >= retries || now === 0) {
        const kept =
          now > 0
            ? `, ${now} of ${remote.bytes} bytes have arrived and the same command goes on from there;`
            : ':';
        throw new ZartsError(
          `${title} could not be downloaded from ${remote.url} (${error.message})${kept} connect this machine to the internet, put the file ${remote.file} into ${home} yourself, name a folder that has the set with --data, or use --data synthetic.`,
        );
      }
      await delay(
        Math.min(8000, 500 * 2 ** attempt),
        undefined,
        options.signal ? { signal: options.signal } : {},
      ).catch(() => undefined);
    }
  }
  const size = (await sizeIfThere(part)) ?? 0;
  const actual = size === remote.bytes ? await digestFile(part) : `of a file of ${size} bytes`;
  if (actual !== remote.sha256) {
    await rm(part, { force: true });
    throw new ZartsError(
      `What ${remote.url} sent is not the official ${title}: SHA-256 ${actual}, expected ${remote.sha256} of ${remote.bytes} bytes; it was deleted, run again or put the official ${remote.file} into ${home}.`,
    );
  }
  options.onProgress?.({ phase: 'check', done: size, total: size });
  await rename(part, path);
  flushFolder(dirname(path));
}

/** One request: appends to `part` what is missing after its first `have` bytes. */
async function transfer(
  remote: RemoteFile,
  part: string,
  have: number,
  { onProgress, fetch: request = fetch, signal, stallMs = 30_000 }: DownloadOptions,
): Promise<void> {
  const stalled = new AbortController();
  let timer = setTimeout(() => undefined, 0);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stalled.abort(new Error(`no data for ${stallMs / 1000} seconds`));
    }, stallMs);
  };
  const either = signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal;
  try {
    alive();
    const response = await request(remote.url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: either,
    }).catch((error: unknown) => {
      throw new TransferError(reasonOf(error));
    });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new TransferError(`the server answered ${response.status} ${response.statusText}`.trim());
    }
    // A server that ignores the range, or answers another one, sends from the start.
    const resumed =
      response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${have}-`);
    if (response.status === 206 && !resumed) {
      await response.body.cancel();
      await rm(part, { force: true });
      throw new TransferError('the server sent another range than was asked for');
    }
    const file = await open(part, resumed ? 'a' : 'w');
    try {
      let done = resumed ? have : 0;
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      for (;;) {
        const { done: end, value } = await reader.read().catch((error: unknown) => {
          throw new TransferError(reasonOf(error));
        });
        if (end) break;
        alive();
        await file.writeFile(value);
        done += value.length;
        onProgress?.({ phase: 'download', done, total: remote.bytes });
        if (done > remote.bytes) {
          await reader.cancel();
          break; // the digest says what is wrong with it
        }
      }
      await file.sync();
      if (done < remote.bytes)
        throw new TransferError(`the connection ended after ${done} of ${remote.bytes} bytes`);
    } finally {
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
  const wanted = new Set(
    [...dataset.train, ...dataset.test]
      .map(({ name }) => `${folder}/${name}`)
      .concat(`${folder}/${classFile}`),
  );
  const scratch = join(home, `.${folder}.unpacking`);
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  try {
    let done = 0;
    const total = (await stat(path)).size;
    const input = createReadStream(path);
    input.on('data', (piece) => {
      done += piece.length;
      onProgress?.({ phase: 'extract', done, total });
    });
    await new Promise<void>((resolve, reject) => {
      const output = tar.extract({
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
    for (const file of [...content.train, ...content.test]) {
      await readImageFile(file, dataset);
      await flushFile(file.path);
    }
    flushFolder(unpacked);
    await rename(unpacked, join(home, folder));
    flushFolder(home);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function flushFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
