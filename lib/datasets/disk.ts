/** Where data sets are looked for, and what keeping them on a disk needs in several places. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InterruptedError, UsageError, ZartsError } from '../errors.js';
import { explainFileError } from '../runs/files.js';
import { projectRoot } from '../runs/home.js';
import { acquireLock, InUseError } from '../runs/lock.js';
import type { Lock } from '../runs/lock.js';

/** The sentence for a file or folder that the system does not let us read. */
export function unreadable(path: string, error: unknown, advice = 'make it readable'): ZartsError {
  return new ZartsError(`${path} cannot be read: ${explainFileError(error)}; ${advice}.`);
}

/** SHA-256 of a file in hexadecimal, or another digest of it, read in pieces. */
export async function digestFile(path: string, algorithm = 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Where to look for data. */
export interface DataPlace {
  /** What `--data` said: a folder, or "synthetic". Without it `$ZARTS_DATA`, then `dataHome`. */
  readonly data?: string | undefined;
  /** The folder that is looked in when none is named; the project's data/ when left out. */
  readonly dataHome?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

/** The folder to look in, and whether a person named it; or that computed images are asked for. */
export function placeOf({ data, dataHome, env = process.env }: DataPlace): {
  readonly folder: string;
  readonly named: boolean;
  readonly synthetic: boolean;
} {
  if (data === '')
    throw new UsageError('--data is empty; name the folder that holds the data sets, or "synthetic".');
  const given = data ?? env.ZARTS_DATA ?? '';
  const synthetic = given === 'synthetic';
  const named = given !== '' && !synthetic;
  return { folder: named ? resolve(given) : (dataHome ?? join(projectRoot(), 'data')), named, synthetic };
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * A set's folder for a place that a person names: the official folder inside it, or in the one folder in it that has such, or
 * the place itself.
 *
 * @param name   The folder's official name.
 * @param marks  Names of which any one in the place shows that it is the set's folder.
 */
export function folderWithin(place: string, name: string, marks: readonly string[]): string | undefined {
  const inside = join(place, name);
  if (isFolder(inside)) return inside;
  const isItself = basename(place) === name || marks.some((mark) => existsSync(join(place, mark)));
  if (isItself && isFolder(place)) return place;
  const deeper = foldersIn(place)
    .map((folder) => join(folder, name))
    .filter(isFolder);
  return deeper.length === 1 ? deeper[0] : undefined;
}

/** The folders in a place; none where it cannot be read. */
function foldersIn(place: string): string[] {
  try {
    return readdirSync(place, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(place, entry.name)] : [],
    );
  } catch {
    return [];
  }
}

/** A folder that a person named has not the set; the message says what it should hold. */
export class NotWithinError extends UsageError {}

/**
 * The sentence for a place that a person names and that has not the set, a {@link NotWithinError} where it is a folder.
 *
 * @param holds   What it should hold.
 * @param beside  What it holds instead, and how that is used.
 */
export function notWithin(place: string, name: string, holds: string, beside?: string): UsageError {
  const folder = isFolder(place);
  const what = folder ? `holds no ${name}/` : existsSync(place) ? 'is not a folder' : 'does not exist';
  const instead = beside === undefined ? '' : ` ${beside}`;
  return new (folder ? NotWithinError : UsageError)(
    `${place} ${what}; --data (or ZARTS_DATA) must name a folder that holds ${holds}, or be "synthetic".${instead}`,
  );
}

/** Milliseconds until a folder that another process makes is looked for again. */
const AGAIN_MS = 1_000;

/**
 * Makes a folder unless it is there, one process at a time: while another one is at it, this one waits, with a warning that says
 * for what.
 *
 * @param doing   What making it is called: "The download of CIFAR-10".
 * @param failed  Begins the sentence for what the system refuses: "CIFAR-10 could not be stored in …".
 * @param make    Makes it appear, all at once.
 * @param signal  Ends the waiting.
 * @throws {InUseError} while this process makes it already; {InterruptedError} after `signal`; {ZartsError} for what the system
 *   refuses; as `make`.
 */
export async function makeOnce(
  folder: string,
  doing: string,
  failed: string,
  make: () => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  let lock: Lock | undefined;
  try {
    await mkdir(dirname(folder), { recursive: true });
    lock = await lockUnlessMade(folder, doing, signal);
    if (!existsSync(folder)) await make(); // else another process was faster
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw new ZartsError(
      `${failed}: ${explainFileError(error)}; make room, mend that, or name another folder, and the same command goes on.`,
    );
  } finally {
    lock?.release();
  }
}

/** The lock on making a folder, once no other process has it; undefined once one has made the folder. */
async function lockUnlessMade(
  folder: string,
  doing: string,
  signal: AbortSignal | undefined,
): Promise<Lock | undefined> {
  for (let waited = false; !(waited && existsSync(folder)); waited = true) {
    try {
      return acquireLock(join(dirname(folder), `.${basename(folder)}.lock`), doing);
    } catch (error) {
      if (!(error instanceof InUseError) || error.here) throw error;
      if (!waited) process.emitWarning(`Waiting: ${error.message}`);
    }
    await pause(AGAIN_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
    if (signal?.aborted) {
      throw new InterruptedError(
        `${doing}, by another process, was waited for and is not done; the same command goes on.`,
      );
    }
  }
  return undefined;
}
