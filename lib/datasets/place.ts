/** Where data sets are looked for. */
import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { projectRoot } from '../runs/home.js';

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
