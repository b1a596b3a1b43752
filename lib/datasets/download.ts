import { existsSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import type * as Tar from 'tar';
import { InterruptedError, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import { errorCode, flushToDisk } from '../runs/files.js';
import { digestFile, makeOnce } from './disk.js';
import { digestContent, inspectFolder } from './files.js';
import { IMAGE_BYTES } from './registry.js';
import type { FileLayout, MatlabDataset, PickledDataset, RecordDataset, RemoteFile } from './registry.js';

const loadTar = lazily<typeof Tar>('tar');

/** A file is not here and could not be fetched; the message says how else to get it. */
export class UnreachableError extends ZartsError {}

/** How far a phase has come, in bytes. */
export interface DataProgress {
  readonly phase: 'download' | 'extract';
  readonly done: number;
  readonly total: number;
}

/** Settings of a download; all may be left out. */
export interface DownloadOptions {
  readonly onProgress?: (progress: DataProgress) => void;
  /** Stands in for the network in tests. */
  readonly fetch?: typeof fetch;
  /** Stops the download, or waiting for another's; what has arrived stays for the next time. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a connection counts as lost (30,000). */
  readonly stallMs?: number;
  /** How often a broken transfer is taken up again before giving up (3). */
  readonly retries?: number;
}

/**
 * Fetches a data set's official files into `home` and checks them; an archive is unpacked. Interrupted at any moment, it
 * goes on where it was; a file that was put there by hand under its official name is used. What another process is fetching is
 * waited for.
 *
 * @param dataset  Which set.
 * @param home     The folder in which the set's own folder appears, all at once, when it is complete and checked.
 * @returns        The path of the set's folder.
 * @throws ZartsError  one sentence: no connection, a server's refusal, a wrong digest, no room on the disk, a download by this process.
 */
export async function fetchDataset(
  dataset: FileLayout,
  home: string,
  options: DownloadOptions = {},
): Promise<string> {
  const { title, folder } = dataset;
  const target = join(home, folder);
  await makeOnce(
    target,
    `The download of ${title}`,
    `${title} could not be stored in ${home}`,
    () =>
      dataset.format === 'matlab' ? fetchFiles(dataset, home, options) : fetchArchive(dataset, home, options),
    options.signal,
  );
  return target;
}

async function fetchArchive(
  dataset: RecordDataset | PickledDataset,
  home: string,
  options: DownloadOptions,
): Promise<void> {
  const { archive, title, folder } = dataset;
  const path = join(home, archive.name);
  const byHand = existsSync(path);
  await obtain(archive, path, { title, home }, options);
  const scratch = join(home, `.${folder}.unpacking`);
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  try {
    await unpack(dataset, path, scratch, options);
    await moveInto(home, join(scratch, folder), dataset);
  } finally {
    // After a failure another of its files may still be written for a moment.
    await rm(scratch, { recursive: true, force: true, maxRetries: 10 });
  }
  if (!byHand) await rm(path, { force: true });
}

/** Fetches files that need no unpacking. */
async function fetchFiles(dataset: MatlabDataset, home: string, options: DownloadOptions): Promise<void> {
  const { train, test, folder, title } = dataset;
  const scratch = join(home, `.${folder}.downloading`);
  await mkdir(scratch, { recursive: true });
  const files = [...train, ...test];
  const total = bytesOf(files);
  const owner = { title, home: join(home, folder) };
  for (const [i, file] of files.entries()) {
    const before = bytesOf(files.slice(0, i));
    const onProgress = ({ phase, done }: DataProgress): void =>
      options.onProgress?.({ phase, done: before + done, total });
    await obtain(file, join(scratch, file.name), owner, { ...options, onProgress });
  }
  await moveInto(home, scratch, dataset);
}

const bytesOf = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Gives a folder beside the set's final place that place, once all files are there, checked, and on the disk. */
async function moveInto(home: string, scratch: string, dataset: FileLayout): Promise<void> {
  const content = await inspectFolder(scratch, dataset);
  if (!content.complete) throw new ZartsError(`What was sent is not all of ${dataset.title}: run again.`);
  await digestContent(content, dataset);
  for (const { path } of [...content.train, ...content.test]) flushToDisk(path);
  flushToDisk(scratch);
  await rename(scratch, join(home, dataset.folder));
  flushToDisk(home);
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Whose file it is, and where a person may put it. */
interface Owner {
  readonly title: string;
  readonly home: string;
}

/**
 * Downloads a file unless it is there, and checks that it is the official one.
 *
 * @param path  Where it is to be; its folder is there.
 */
export async function obtain(
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
  if (there) return;
  await rename(file, path);
  flushToDisk(dirname(path));
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

function broken(error: unknown): never {
  throw new TransferError(reasonOf(error));
}

/** What arrives over a connection, told from the disk's failures by those of the connection being transfer errors. */
async function* arriving(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    broken(error);
  }
}

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
        throw new UnreachableError(
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
  try {
    const response = await request(remote.url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    }).catch(broken);
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new TransferError(`the server answered ${response.status} ${response.statusText}`.trim());
    }
    // Kept as the file's beginning it would spoil what a later request brings.
    if (response.headers.get('content-type')?.startsWith('text/html')) {
      await response.body.cancel();
      throw new TransferError('the answer is a web page, as a proxy may send');
    }
    // A server that ignores the range sends from the start.
    const resumed = response.status === 206;
    if (resumed && !response.headers.get('content-range')?.startsWith(`bytes ${have}-`)) {
      await response.body.cancel();
      await rm(part, { force: true });
      throw new TransferError('the server sent another range than was asked for');
    }
    const file = await open(part, resumed ? 'a' : 'w');
    try {
      let done = resumed ? have : 0;
      for await (const piece of arriving(response.body as ReadableStream<Uint8Array>)) {
        timer.refresh();
        await file.writeFile(piece);
        done += piece.length;
        onProgress?.({ phase: 'download', done, total: remote.bytes });
        if (done > remote.bytes) break; // of what is too long, the digest speaks
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

/** Unpacks the set's own files, and nothing else. */
async function unpack(
  { folder, train, test, classFile }: RecordDataset | PickledDataset,
  path: string,
  scratch: string,
  { onProgress }: DownloadOptions,
): Promise<void> {
  const names = [...train, ...test].map(({ name }) => name);
  const wanted = new Set([...names, classFile].map((name) => `${folder}/${name}`));
  const total = [...train, ...test].reduce(
    (sum, file) => sum + ('bytes' in file ? file.bytes : file.images * IMAGE_BYTES),
    0,
  );
  let done = 0;
  try {
    await loadTar().extract({
      file: path,
      cwd: scratch,
      strict: true,
      // Only plain files under the exact names that are expected: no links, no other paths, wherever they point.
      filter: (name, entry) =>
        wanted.has(name.replace(/^\.\//, '')) && 'type' in entry && entry.type === 'File',
      onReadEntry: ({ size }) => {
        done = Math.min(done + size, total); // the list of classes is not among the images
        onProgress?.({ phase: 'extract', done, total });
      },
    });
  } catch (error) {
    // A fault of the system (ENOSPC, EIO, …) is none of the archive's, whose faults have codes such as Z_DATA_ERROR.
    if (/^E[A-Z0-9]+$/.test(errorCode(error) ?? '')) throw error;
    throw new ZartsError(`${path} cannot be unpacked: ${reasonOf(error)}; delete it and run again.`);
  }
}
