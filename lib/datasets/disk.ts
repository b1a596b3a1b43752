/** Where data sets are looked for, and what reading them from a disk needs in several places. */
import { createHash } from 'node:crypto';
import { createReadStream, read, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ZartsError } from '../errors.js';
import { explainFileError } from '../runs/files.js';
import { projectRoot } from '../runs/home.js';

/** The sentence for a file or folder that the system does not let us read. */
export function unreadable(path: string, error: unknown, advice = 'make it readable'): ZartsError {
  return new ZartsError(`${path} cannot be read: ${explainFileError(error)}; ${advice}.`);
}

const readAsync = promisify(read);

/** The bytes of an open file from `start`, as many as asked for or as there are. */
export async function readAt(file: number, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await readAsync(file, bytes, have, length - have, start + have);
    if (bytesRead === 0) break;
    have += bytesRead;
  }
  return bytes.subarray(0, have);
}

/** SHA-256 of a file in hexadecimal, read in pieces. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Where to look for data. */
export interface DataPlace {
  /** What `--data` said: a folder, or "synthetic". Without it `$ZARTS_DATA`, then `dataHome`. */
  readonly data?: string;
  /** The folder that is looked in when none is named; the project's data/ when left out. */
  readonly dataHome?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** The folder to look in, and whether a person named it; or that computed images are asked for. */
export function placeOf({ data, dataHome, env = process.env }: DataPlace): {
  readonly folder: string;
  readonly named: boolean;
  readonly synthetic: boolean;
} {
  const given = data ?? env.ZARTS_DATA ?? '';
  const synthetic = given === 'synthetic';
  const named = given !== '' && !synthetic;
  return { folder: named ? resolve(given) : (dataHome ?? join(projectRoot(), 'data')), named, synthetic };
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * A set's folder for a place that a person names: the official folder inside it, or the place itself.
 *
 * @param name   The folder's official name.
 * @param marks  Names of which any one in the place shows that it is the set's folder.
 */
export function folderWithin(place: string, name: string, marks: readonly string[]): string | undefined {
  const inside = join(place, name);
  if (isFolder(inside)) return inside;
  const isItself =
    basename(place) === name ||
    marks.some((mark) => statSync(join(place, mark), { throwIfNoEntry: false }) !== undefined);
  return isItself && isFolder(place) ? place : undefined;
}
