/**
 * Photographs shrunk once, so that training need not decode them at full size every epoch: one file of images, an index
 * with the digest of each, and a manifest with the digest of the index, which is written last.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readFile, rename, stat, truncate } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { InterruptedError, UsageError, ZartsError } from '../errors.js';
import type { Progress } from '../progress.js';
import { silent } from '../progress.js';
import { explainFileError, flushFolder, writeWhole } from '../runs/files.js';
import { acquireLock } from '../runs/lock.js';
import { makeCatalog } from './catalog.js';
import type { Catalog, CatalogEntry } from './catalog.js';
import type { FolderSplit, ImageFolder } from './image-folder.js';
import { PhotoReader, UndecodableError, shrinkPhoto } from './photo-decoder.js';

/** How photographs are prepared. */
export const prepareSettingsSchema = z.strictObject({
  /** Length in pixels to which the shorter side is shrunk; smaller photographs stay as they are. */
  shorter: z.int().min(32).max(4096),
  /** `jpeg`: compressed again, without thinning out the colours; `raw`: pixels, several times as large. */
  encoding: z.enum(['jpeg', 'raw']),
  /** Of the JPEGs, as libjpeg counts it. */
  quality: z.int().min(1).max(100),
});
export type PrepareSettings = z.infer<typeof prepareSettingsSchema>;

/** 256 is the shorter side of the test transform; at quality 95 the second compression is hard to see. */
export const PREPARE_DEFAULTS: PrepareSettings = { shorter: 256, encoding: 'jpeg', quality: 95 };

export interface PrepareOptions {
  readonly settings?: Partial<PrepareSettings>;
  /** An image that cannot be decoded ends the work (`fail`), or is named, counted and left out (`skip`). */
  readonly onUndecodable?: 'fail' | 'skip';
  readonly progress?: Progress;
  /** Stops the work; what is prepared stays for the next time. */
  readonly signal?: AbortSignal;
}

const SPLITS = ['train', 'test'] as const;
type Split = (typeof SPLITS)[number];

const headerSchema = z.strictObject({
  version: z.literal(1),
  settings: prepareSettingsSchema,
  /** Digest of the list of the photographs that it is made from. */
  source: z.string(),
});

const imageLineSchema = z.strictObject({
  split: z.enum(SPLITS),
  file: z.string(),
  label: z.int().nonnegative(),
  offset: z.int().nonnegative(),
  bytes: z.int().positive(),
  width: z.int().positive(),
  height: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const undecodableLineSchema = z.strictObject({
  split: z.enum(SPLITS),
  file: z.string(),
  undecodable: z.string(),
});
const lineSchema = z.union([imageLineSchema, undecodableLineSchema]);
type Line = z.infer<typeof lineSchema>;

const manifestSchema = z.strictObject({
  ...headerSchema.shape,
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

const IMAGES = 'images.bin';
const INDEX = 'index.jsonl';
const MANIFEST = 'set.json';

/** A folder of prepared photographs. */
export interface PreparedSet {
  readonly folder: string;
  readonly settings: PrepareSettings;
  readonly classes: readonly string[];
  readonly complete: boolean;
  readonly train: Catalog;
  readonly test: Catalog;
  /** Left out because they cannot be decoded, with the reasons. */
  readonly undecodable: ReadonlyMap<string, string>;
  /** SHA-256 of the index, which holds that of each image. */
  readonly digest: string;
  /** Digest of the list of the photographs that it was made from. */
  readonly source: string;
}

/** How many images are written, flushed and then entered into the index at a time. */
const CHUNK = 256;

/**
 * Prepares the photographs of a folder, or goes on where that was interrupted; one that is finished is opened.
 *
 * @param source    The photographs.
 * @param target    The folder that appears, all at once, when everything is prepared.
 * @param complete  Whether the source is the official set; kept in the manifest.
 * @throws {UsageError} for settings out of range; {ZartsError} for an image that cannot be decoded (if that is to end the
 *   work), a target made from other photographs or with other settings, a full disk; {InterruptedError} after `signal`.
 */
export async function preparePhotos(
  source: ImageFolder,
  target: string,
  complete: boolean,
  options: PrepareOptions = {},
): Promise<PreparedSet> {
  const settings = checkSettings(options.settings);
  const header: Header = { version: 1, settings, source: source.digest };
  try {
    await mkdir(dirname(target), { recursive: true });
  } catch (error) {
    throw new ZartsError(`${dirname(target)} cannot be created: ${explainFileError(error)}.`);
  }
  const release = acquireLock(`${target}.lock`, `The preparation of ${target}`);
  try {
    if (!existsSync(target)) await build(source, target, header, complete, options);
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw new ZartsError(
      `${target} could not be prepared: ${explainFileError(error)}; make room or mend that, what is prepared stays and the same command goes on.`,
    );
  } finally {
    release();
  }
  const set = await openPrepared(target);
  const same =
    set.source === source.digest &&
    (Object.keys(settings) as (keyof PrepareSettings)[]).every(
      (name) => set.settings[name] === settings[name],
    );
  if (!same) {
    throw new ZartsError(
      `${target} was prepared from other photographs or with other settings than are asked for (${describe(settings)}; it has ${describe(set.settings)}): delete it, or name another folder.`,
    );
  }
  return set;
}

type Header = z.infer<typeof headerSchema>;

function describe({ shorter, encoding, quality }: PrepareSettings): string {
  return `shorter side ${shorter}, ${encoding === 'raw' ? 'raw' : `JPEG of quality ${quality}`}`;
}

/** The settings, whole. @throws {UsageError} naming the one that is out of range. */
export function checkSettings(settings: Partial<PrepareSettings> = {}): PrepareSettings {
  const parsed = prepareSettingsSchema.safeParse({ ...PREPARE_DEFAULTS, ...settings });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`Setting ${issue.path.join('.')} of prepared photographs: ${issue.message}.`);
}

/** A photograph to be prepared. */
interface Job {
  readonly split: Split;
  /** Path below the source's folder: an index does not say where on a machine that was. */
  readonly file: string;
  readonly label: number;
  readonly reader: PhotoReader;
  readonly index: number;
}

function jobsOf(source: ImageFolder): Job[] {
  return SPLITS.flatMap((split) => {
    const { folder, files, labels } = source[split];
    const reader = new PhotoReader(catalogOf(source[split], split));
    const place = basename(folder);
    return files.map((name, index) => {
      return { split, file: `${place}/${name}`, label: labels[index], reader, index };
    });
  });
}

/** The photographs of a split where they are, in files. */
export function catalogOf({ folder, files, labels }: FolderSplit, split: Split): Catalog {
  const entries = files.map((name, i) => ({ name, label: labels[i] }));
  return makeCatalog('files', folder, split, entries);
}

async function build(
  source: ImageFolder,
  target: string,
  header: Header,
  complete: boolean,
  { onUndecodable = 'fail', progress = silent, signal }: PrepareOptions,
): Promise<void> {
  const part = `${target}.part`;
  await mkdir(part, { recursive: true });
  const jobs = jobsOf(source);
  const { lines, end } = await recover(part, header, jobs, target);
  const images = await open(join(part, IMAGES), 'r+');
  const index = await open(join(part, INDEX), 'r+');
  const phase = progress.start('preparing the photographs', jobs.length, lines.length);
  try {
    let offset = endOf(lines);
    // Bytes that no entry of the index speaks of are written anew.
    if ((await images.stat()).size > offset) await images.truncate(offset);
    let indexEnd = end;
    while (lines.length < jobs.length) {
      if (signal?.aborted) {
        throw new InterruptedError(
          `Stopped after ${lines.length} of ${jobs.length} photographs; the same command goes on from there.`,
        );
      }
      const chunk = jobs.slice(lines.length, lines.length + CHUNK);
      const prepared = await inOrder(chunk, (job) =>
        prepare(job, source.folder, header.settings, onUndecodable),
      );
      const added: Line[] = [];
      for (const [i, each] of prepared.entries()) {
        const { split, file, label } = chunk[i];
        if ('undecodable' in each) {
          added.push({ split, file, undecodable: each.undecodable });
          continue;
        }
        const { bytes, width, height } = each;
        await writeAll(images, bytes, offset);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        added.push({ split, file, label, offset, bytes: bytes.length, width, height, sha256 });
        offset += bytes.length;
      }
      // The index never speaks of bytes that are not on the disk.
      await images.sync();
      const entries = Buffer.from(added.map((line) => `${JSON.stringify(line)}\n`).join(''));
      await writeAll(index, entries, indexEnd);
      indexEnd += entries.length;
      lines.push(...added);
      phase.update(lines.length);
    }
    await index.sync();
  } finally {
    phase.end();
    await images.close();
    await index.close();
  }
  const count = (split: Split): number =>
    lines.filter((line) => line.split === split && 'sha256' in line).length;
  for (const split of SPLITS) {
    if (count(split) === 0)
      throw new ZartsError(`None of the ${split} photographs of ${source.folder} can be decoded.`);
  }
  const manifest: Manifest = {
    ...header,
    classes: [...source.classes] as Manifest['classes'],
    complete,
    train: count('train'),
    test: count('test'),
    undecodable: lines.filter((line) => 'undecodable' in line).length,
    bytes: endOf(lines),
    digest: createHash('sha256')
      .update(await readFile(join(part, INDEX)))
      .digest('hex'),
  };
  writeWhole(join(part, MANIFEST), [JSON.stringify(manifest, null, 2) + '\n']);
  await rename(part, target);
  flushFolder(dirname(target));
}

async function prepare(
  { reader, index, file }: Job,
  folder: string,
  { shorter, encoding, quality }: PrepareSettings,
  onUndecodable: 'fail' | 'skip',
): Promise<Awaited<ReturnType<typeof shrinkPhoto>> | { readonly undecodable: string }> {
  try {
    return await shrinkPhoto(await reader.read(index), shorter, encoding, quality);
  } catch (error) {
    if (!(error instanceof UndecodableError)) throw error;
    if (onUndecodable === 'skip') return { undecodable: error.message };
    throw new ZartsError(
      `${join(folder, file)} cannot be decoded: ${error.message}; replace the file, or pass over such photographs with --skip-undecodable.`,
    );
  }
}

/** The results in the order of the items, several computed at a time. */
async function inOrder<T, R>(items: readonly T[], compute: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      results[i] = await compute(items[i]);
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, lane));
  return results;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function endOf(lines: readonly Line[]): number {
  const last = lines.findLast((line) => 'sha256' in line);
  return last && 'sha256' in last ? last.offset + last.bytes : 0;
}

/**
 * What an interrupted preparation left: the entries of the index that are whole, in the order of the jobs, and where they
 * end; what is behind them is cut off.
 */
async function recover(
  part: string,
  header: Header,
  jobs: readonly Job[],
  target: string,
): Promise<{ readonly lines: Line[]; readonly end: number }> {
  const first = JSON.stringify(header);
  for (const name of [IMAGES, INDEX]) await (await open(join(part, name), 'a')).close();
  const index = await readFile(join(part, INDEX));
  const [begun, ...found] = linesOf(index);
  if (begun === undefined) {
    writeWhole(join(part, INDEX), [`${first}\n`]);
    return { lines: [], end: Buffer.byteLength(first) + 1 };
  }
  if (begun !== first) {
    throw new ZartsError(
      `${part} was begun from other photographs or with other settings than are asked for: delete it to start again, or name another folder than ${target}.`,
    );
  }
  const written = (await stat(join(part, IMAGES))).size;
  const lines: Line[] = [];
  let end = Buffer.byteLength(first) + 1;
  for (const [i, text] of found.entries()) {
    const line = parseLine(text);
    const job = jobs.at(i);
    if (!line || line.file !== job?.file || line.split !== job.split) break;
    if ('sha256' in line && line.offset + line.bytes > written) break;
    lines.push(line);
    end += Buffer.byteLength(text) + 1;
  }
  if (end < index.length) await truncate(join(part, INDEX), end);
  return { lines, end };
}

function parseLine(line: string): Line | undefined {
  try {
    return lineSchema.parse(JSON.parse(line));
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
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse((await read(MANIFEST)).toString('utf8')));
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw damaged(`${MANIFEST} is not a manifest of prepared photographs`);
  }
  const index = await read(INDEX);
  const digest = createHash('sha256').update(index).digest('hex');
  if (digest !== manifest.digest) {
    throw damaged(`${INDEX} has SHA-256 ${digest}, its manifest says ${manifest.digest}`);
  }
  const size = await stat(join(folder, IMAGES)).then(
    (found) => found.size,
    () => -1,
  );
  if (size !== manifest.bytes) {
    throw damaged(
      size < 0 ? `${IMAGES} is missing` : `${IMAGES} has ${size} bytes, expected ${manifest.bytes}`,
    );
  }
  const entries: Record<Split, CatalogEntry[]> = { train: [], test: [] };
  const undecodable = new Map<string, string>();
  for (const text of linesOf(index).slice(1)) {
    // Its digest was right, so its lines are those that were checked when they were written.
    const line = JSON.parse(text) as Line;
    if ('undecodable' in line) {
      undecodable.set(line.file, line.undecodable);
      continue;
    }
    const { split, file, label, ...prepared } = line;
    entries[split].push({ name: file, label, prepared });
  }
  const { settings, classes, complete, source } = manifest;
  const catalog = (split: Split): Catalog =>
    makeCatalog('prepared', join(folder, IMAGES), split, entries[split], settings.encoding);
  return {
    folder,
    settings,
    classes,
    complete,
    train: catalog('train'),
    test: catalog('test'),
    undecodable,
    digest,
    source,
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
