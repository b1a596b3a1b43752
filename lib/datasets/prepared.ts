/**
 * Photographs shrunk once, so that training need not decode them at full size every epoch: one file of images, an index
 * with the digest of each, and a manifest with the digest of the index, which is written last.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { InterruptedError, UsageError, ZartsError } from '../errors.js';
import type { Progress } from '../progress.js';
import { silent } from '../progress.js';
import { sha256 } from '../runs/canonical.js';
import { explainFileError, flushToDisk, writeWhole } from '../runs/files.js';
import { SPLITS } from './catalog.js';
import type { Catalog, CatalogEntry, PhotoSet, PreparedEntry, PrepareSettings, Split } from './catalog.js';
import { makeOnce } from './disk.js';
import { UndecodableError, photoReader, shrinkPhoto, undecodable } from './photo-decoder.js';

/** The least and the most pixels of the shorter side. */
const SHORTER = { least: 32, most: 4096 } as const;

export interface PrepareOptions {
  /** An image that cannot be decoded ends the work (`fail`), or is named, counted and left out (`skip`). */
  readonly onUndecodable?: 'fail' | 'skip';
  readonly progress?: Progress;
  /** Stops the work; what is prepared stays for the next time. */
  readonly signal?: AbortSignal;
}

/** A line of the index: an image, or one that cannot be decoded and why. */
type Line = { readonly split: Split } & (
  PreparedEntry | { readonly file: string; readonly undecodable: string }
);

const manifestSchema = z.strictObject({
  version: z.literal(1),
  settings: z.strictObject({
    shorter: z.int().min(SHORTER.least).max(SHORTER.most),
    encoding: z.literal('jpeg'),
    quality: z.int().min(1).max(100),
  }),
  /** Digest of the list of the photographs that it is made from. */
  source: z.string(),
  classes: z.array(z.string()).nonempty(),
  /** Whether the photographs were as many as officially. */
  complete: z.boolean(),
  train: z.int().positive(),
  test: z.int().positive(),
  undecodable: z.int().nonnegative(),
  /** Size of the file of images. */
  bytes: z.int().positive(),
  /** SHA-256 of the index, which holds that of each image. */
  digest: z.string(),
});
type Manifest = z.infer<typeof manifestSchema>;
type Header = Pick<Manifest, 'version' | 'settings' | 'source'>;

const IMAGES = 'images.bin';
const INDEX = 'index.jsonl';
const MANIFEST = 'set.json';

/** A folder of prepared photographs. Its digest is that of the index, which holds that of each image. */
export interface PreparedSet extends PhotoSet {
  /** Digest of the list of the photographs that it was made from. */
  readonly source: string;
}

/** Quality of the JPEGs, at which the second compression is hard to see. */
export const PREPARED_QUALITY = 95;

/** How many images are shrunk, written, flushed and then entered into the index at a time. */
const CHUNK = 256;

/**
 * Prepares the photographs of a folder, or goes on where that was interrupted; one that is finished is opened.
 *
 * @param source   The photographs.
 * @param target   The folder that appears, all at once, when everything is prepared.
 * @param shorter  Length in pixels to which the shorter side is shrunk; 256 is that of the test transform.
 * @throws {UsageError} for a length out of range; {ZartsError} for an image that cannot be decoded (if that is to end the
 *   work), a target made from other photographs or to another length, a full disk; {InterruptedError} after `signal`.
 */
export async function preparePhotos(
  source: PhotoSet,
  target: string,
  shorter: number,
  options: PrepareOptions = {},
): Promise<PreparedSet> {
  if (!Number.isInteger(shorter) || shorter < SHORTER.least || shorter > SHORTER.most) {
    throw new UsageError(
      `Photographs cannot be prepared with a shorter side of ${shorter} pixels: it must be an integer from ${SHORTER.least} to ${SHORTER.most}.`,
    );
  }
  const settings = { shorter, encoding: 'jpeg', quality: PREPARED_QUALITY } as const;
  await makeOnce(
    target,
    `The preparation of ${target}`,
    `${target} could not be prepared`,
    () => build(source, target, { version: 1, settings, source: source.digest }, options),
    options.signal,
  );
  const set = await openPrepared(target);
  if (set.source !== source.digest || set.prepared?.shorter !== shorter) {
    throw new ZartsError(
      `${target} was prepared from other photographs or to another shorter side than the ${shorter} pixels that are asked for: delete it, or name another folder.`,
    );
  }
  return set;
}

/** A photograph to be prepared. */
interface Job {
  readonly split: Split;
  readonly entry: CatalogEntry;
}

/** What shrinks a photograph: gives its line but for where the bytes will be, and the bytes, if it can be decoded. */
function shrinker(
  source: PhotoSet,
  { shorter, quality }: PrepareSettings,
  onUndecodable: 'fail' | 'skip' = 'fail',
) {
  const read = { train: photoReader(source.train), test: photoReader(source.test) };
  return async ({ split, entry }: Job) => {
    // Path below the source's folder: an index does not say where on a machine that was.
    const file = `${basename(source[split].root)}/${entry.file}`;
    try {
      const photo = await shrinkPhoto(await read[split](entry), shorter, quality);
      return { split, file, label: entry.label, photo };
    } catch (error) {
      if (!(error instanceof UndecodableError)) throw error;
      if (onUndecodable === 'fail') throw undecodable(join(source.folder, file), error.message);
      return { split, file, undecodable: error.message };
    }
  };
}

async function build(
  source: PhotoSet,
  target: string,
  header: Header,
  { onUndecodable, progress = silent, signal }: PrepareOptions,
): Promise<void> {
  const part = `${target}.part`;
  await mkdir(part, { recursive: true });
  const jobs = SPLITS.flatMap((split) => source[split].entries.map((entry): Job => ({ split, entry })));
  const shrink = shrinker(source, header.settings, onUndecodable);
  const lines = await recover(part, header, target);
  const images = await open(join(part, IMAGES), 'a');
  const index = await open(join(part, INDEX), 'a');
  const phase = progress.start('preparing the photographs', jobs.length, lines.length);
  try {
    while (lines.length < jobs.length) {
      if (signal?.aborted) {
        throw new InterruptedError(
          `Stopped after ${lines.length} of ${jobs.length} photographs; the same command goes on from there.`,
        );
      }
      const done = lines.length;
      for (const made of await Promise.all(jobs.slice(done, done + CHUNK).map(shrink))) {
        if (made.undecodable !== undefined) {
          lines.push(made);
          continue;
        }
        const { photo, ...named } = made;
        const { bytes, ...size } = photo;
        const place = { offset: endOf(lines), bytes: bytes.length };
        lines.push({ ...named, ...place, ...size, sha256: sha256(bytes) });
        await images.appendFile(bytes);
      }
      // The index never speaks of bytes that are not on the disk.
      await images.sync();
      for (const line of lines.slice(done)) await index.appendFile(`${JSON.stringify(line)}\n`);
      phase.update(lines.length);
    }
    await index.sync();
  } finally {
    phase.end();
    await images.close();
    await index.close();
  }
  const count = (split: Split): number => {
    const kept = lines.filter((line) => line.split === split && 'sha256' in line).length;
    if (kept > 0) return kept;
    throw new ZartsError(`None of the ${split} photographs of ${source.folder} can be decoded.`);
  };
  const manifest: Manifest = {
    ...header,
    classes: [...source.classes] as Manifest['classes'],
    complete: source.complete,
    train: count('train'),
    test: count('test'),
    undecodable: lines.filter((line) => 'undecodable' in line).length,
    bytes: endOf(lines),
    digest: sha256(await readFile(join(part, INDEX))),
  };
  writeWhole(join(part, MANIFEST), [JSON.stringify(manifest, null, 2) + '\n']);
  await rename(part, target);
  flushToDisk(dirname(target));
}

/** Where the last image of the lines ends in the file of images. */
function endOf(lines: readonly Line[]): number {
  const last = lines.findLast((line) => 'sha256' in line);
  return last && 'sha256' in last ? last.offset + last.bytes : 0;
}

/**
 * What an interrupted preparation left: the entries of the index that are whole. What is behind them, and bytes of images
 * that no entry speaks of, are cut off.
 */
async function recover(part: string, header: Header, target: string): Promise<Line[]> {
  const first = JSON.stringify(header);
  const [imagesFile, indexFile] = [join(part, IMAGES), join(part, INDEX)];
  for (const file of [imagesFile, indexFile]) await writeFile(file, '', { flag: 'a' });
  const index = await readFile(indexFile);
  const [begun, ...found] = linesOf(index);
  if (begun === undefined) {
    writeWhole(indexFile, [`${first}\n`]);
  } else if (begun !== first) {
    throw new ZartsError(
      `${part} was begun from other photographs or with other settings than are asked for: delete it to start again, or name another folder than ${target}.`,
    );
  }
  const written = statSync(imagesFile).size;
  const lines: Line[] = [];
  let end = Buffer.byteLength(first) + 1;
  for (const text of found) {
    const line = jsonOf(text) as Line | undefined;
    if (line === undefined || endOf([line]) > written) break;
    lines.push(line);
    end += Buffer.byteLength(text) + 1;
  }
  if (end < index.length) await truncate(indexFile, end);
  if (endOf(lines) < written) await truncate(imagesFile, endOf(lines));
  return lines;
}

/** What a text says in JSON; undefined for one that was cut short or is something else. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether a folder holds prepared photographs. */
export function isPrepared(folder: string): boolean {
  return existsSync(join(folder, MANIFEST)) && existsSync(join(folder, INDEX));
}

/**
 * Opens a folder of prepared photographs: its manifest and its index, checked; each image is checked when it is read.
 *
 * @throws {ZartsError} for a file that is missing, changed or not of this format.
 */
export async function openPrepared(folder: string): Promise<PreparedSet> {
  const damaged = (what: string): ZartsError =>
    new ZartsError(`${folder} is damaged: ${what}; delete it and prepare the photographs again.`);
  const read = (name: string): Promise<Buffer> =>
    readFile(join(folder, name)).catch((error: unknown) => {
      throw damaged(`${name} cannot be read (${explainFileError(error)})`);
    });
  const manifest = manifestSchema.safeParse(jsonOf((await read(MANIFEST)).toString()));
  if (!manifest.success) throw damaged(`${MANIFEST} is not a manifest of prepared photographs`);
  const { settings, classes, complete, source, digest, bytes } = manifest.data;
  const index = await read(INDEX);
  const actual = sha256(index);
  if (actual !== digest) throw damaged(`${INDEX} has SHA-256 ${actual}, its manifest says ${digest}`);
  const size = statSync(join(folder, IMAGES), { throwIfNoEntry: false })?.size;
  if (size === undefined) throw damaged(`${IMAGES} is missing`);
  if (size !== bytes) throw damaged(`${IMAGES} has ${size} bytes, expected ${bytes}`);
  const entries: Record<Split, PreparedEntry[]> = { train: [], test: [] };
  const passedOver = new Map<string, string>();
  for (const text of linesOf(index).slice(1)) {
    // Its digest was right, so its lines are those that were written.
    const line = JSON.parse(text) as Line;
    if ('undecodable' in line) passedOver.set(line.file, line.undecodable);
    else entries[line.split].push(line);
  }
  const catalog = (split: Split): Catalog => ({ root: join(folder, IMAGES), split, entries: entries[split] });
  return {
    ...{ folder, classes, complete, prepared: settings, undecodable: passedOver, digest, source },
    train: catalog('train'),
    test: catalog('test'),
  };
}

/** The ended lines of a buffer, cut before they become text: an index may be longer than the longest text. */
function linesOf(bytes: Buffer): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    lines.push(bytes.toString('utf8', start, end));
    start = end + 1;
  }
  return lines;
}
