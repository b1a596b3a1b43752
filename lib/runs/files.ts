/** The few file operations on which everything kept on disk rests: whole files or none, and errors a person can read. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { ZartsError } from '../errors.js';

/** The ending of files that are still being written; one left behind by a killed process is never read. */
export const TEMPORARY = '.tmp';

/** A folder of ours cannot be written: the disk is full, or it may only be read. No fault of what was to be kept there. */
export class StoreFaultError extends ZartsError {
  override readonly name = 'StoreFaultError';
}

/** The code of a system error ("ENOENT"), or undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What the operating system says, in words: "no space left on device (ENOSPC)". */
export function explainFileError(error: unknown): string {
  const code = errorCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  const errno = (error as NodeJS.ErrnoException).errno;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  return `${known?.[1] ?? code.toLowerCase()} (${code})`;
}

/** Makes what was written to a file, or renamed and removed inside a folder, survive a power failure. */
export function flushToDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes a file so that a reader finds either the old content or the whole new one, whenever the process dies: a
 * temporary name beside it, flushed to the disk, renamed, the folder flushed.
 *
 * write-file-atomic is not used here: its single write call does not look at how many bytes went out, so a disk that
 * fills up in the middle leaves a truncated file under the final name.
 */
export function writeWhole(path: string, chunks: readonly (Uint8Array | string)[]): void {
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}${TEMPORARY}`;
  try {
    writeFlushed(temporary, 'w', chunks);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  flushToDisk(dirname(path));
}

function writeFlushed(path: string, flag: 'w' | 'wx', chunks: readonly (Uint8Array | string)[]): void {
  const descriptor = openSync(path, flag);
  try {
    // On a descriptor, writeFileSync goes on from the current position until every byte is out.
    for (const chunk of chunks) writeFileSync(descriptor, chunk);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What a file system without hard links answers. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/**
 * Writes a file as {@link writeWhole} does, unless there is one: of several machines that try, one does. By a link, which
 * fails where the name is taken, on NFS too; a rename would replace what another machine has just written.
 *
 * @returns  Whether it was written.
 */
export function writeOnce(path: string, chunks: readonly (Uint8Array | string)[]): boolean {
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}${TEMPORARY}`;
  try {
    writeFlushed(temporary, 'w', chunks);
    linkOrWrite(temporary, path, chunks);
    return true;
  } catch (error) {
    // NFS may repeat a call whose answer was lost, and then say that the name is taken, by this very file.
    const linked = statSync(temporary, { throwIfNoEntry: false })?.nlink === 2;
    if (errorCode(error) !== 'EEXIST' || linked) {
      if (linked) return true;
      throw error;
    }
    return false;
  } finally {
    rmSync(temporary, { force: true });
    flushToDisk(dirname(path));
  }
}

function linkOrWrite(temporary: string, path: string, chunks: readonly (Uint8Array | string)[]): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (!NO_LINKS.includes(errorCode(error) ?? '')) throw error;
    // Exclusive as well; what a crash leaves of it half-written does not match its digest.
    writeFlushed(path, 'wx', chunks);
  }
}

/** Writes several files below a folder, each as {@link writeWhole} does, and makes the folders that they need. */
export function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, [bytes]);
  }
}
