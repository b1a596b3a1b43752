import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ZartsError } from '../errors.js';
import { errorCode, explainFileError } from '../runs/files.js';
import { columnMajorLayout, recordLayout } from './images.js';
import type { Chunk, PixelLayout } from './images.js';
import { MatlabFormatError, matlabVariables, readMatlabVariable } from './matlab.js';
import type { ByteSource } from './matlab.js';
import type { FileDataset, MatlabDataset, PublishedFile, RecordDataset } from './registry.js';

/** A file of images found in a folder, its size checked. */
export interface FoundFile {
  readonly path: string;
  readonly file: PublishedFile;
  readonly bytes: number;
  readonly images: number;
}

/** What a folder holds of a data set, without looking at the images. */
export interface FolderContent {
  readonly train: readonly FoundFile[];
  readonly test: readonly FoundFile[];
  /** Every file is there and has the official number of images. */
  readonly complete: boolean;
}

const number = (n: number): string => n.toLocaleString('en-US');

/** Where the pixels are in what {@link readImageFile} returns. */
export function layoutOf(dataset: FileDataset): PixelLayout {
  return dataset.format === 'records'
    ? recordLayout(dataset, dataset.labelRanges.length)
    : columnMajorLayout(dataset);
}

/** Bytes of the official file. */
function officialBytes(file: PublishedFile, dataset: FileDataset): number {
  if (dataset.format === 'records') return file.images * layoutOf(dataset).image;
  return dataset.downloads.find((remote) => remote.file === file.name)!.bytes;
}

/** What to do about a damaged file, the end of every sentence about one. */
function remedy(dataset: FileDataset, file: PublishedFile): string {
  if (dataset.format === 'records') {
    const { folder, archive } = dataset;
    return `copy it again from where it came, or delete the folder ${folder} and take the official archive ${archive.url}`;
  }
  const { url } = dataset.downloads.find((remote) => remote.file === file.name)!;
  return `copy it again from where it came, or take the official file ${url}`;
}

const unreadable = (path: string, error: unknown): ZartsError =>
  new ZartsError(`${path} cannot be read: ${explainFileError(error)}; make it readable.`);

async function sizeOf(path: string, dataset: FileDataset, file: PublishedFile): Promise<number | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
    const kind = found.isDirectory() ? 'a folder' : 'not a regular file';
    const official = number(officialBytes(file, dataset));
    throw new ZartsError(
      `${path} is ${kind}; expected a file of ${official} bytes: ${remedy(dataset, file)}.`,
    );
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (error instanceof ZartsError) throw error;
    throw unreadable(path, error);
  }
}

/**
 * Looks at the files of a data set in `folder` without reading the images. Training files may be fewer than officially
 * (a subset) but only at the end: the first ones without a gap.
 *
 * @throws ZartsError  one sentence that names the file, what was expected, what is there, and what to do.
 */
export async function inspectFolder(folder: string, dataset: FileDataset): Promise<FolderContent> {
  const look = async (file: PublishedFile): Promise<FoundFile | PublishedFile> => {
    const path = join(folder, file.name);
    const bytes = await sizeOf(path, dataset, file);
    if (bytes === undefined) return file;
    const images =
      dataset.format === 'records'
        ? countRecords(path, bytes, file, dataset)
        : await countMatlabImages(path, bytes, file, dataset);
    return { path, file, bytes, images };
  };
  const missing = (file: PublishedFile): ZartsError =>
    new ZartsError(
      `${join(folder, file.name)} is missing; expected a file of ${number(officialBytes(file, dataset))} bytes (fewer images in a subset): ${remedy(dataset, file)}.`,
    );
  const isFound = (entry: FoundFile | PublishedFile): entry is FoundFile => 'path' in entry;

  const train = await Promise.all(dataset.train.map(look));
  const test = await Promise.all(dataset.test.map(look));
  const foundTrain = train.filter(isFound);
  const foundTest = test.filter(isFound);
  for (const [i, entry] of train.entries()) {
    if (!isFound(entry) && (i === 0 || i < foundTrain.length)) throw missing(entry);
  }
  for (const entry of test) if (!isFound(entry)) throw missing(entry);
  const all = [...train, ...test];
  const complete = all.every((entry) => isFound(entry) && entry.images === entry.file.images);
  // Files of the official size are told by their digest, whatever a list beside them says.
  if (!complete && dataset.format === 'records') await checkClasses(folder, dataset);
  return { train: foundTrain, test: foundTest, complete };
}

/** How many records a file has, from its size. */
function countRecords(path: string, bytes: number, file: PublishedFile, dataset: RecordDataset): number {
  const record = layoutOf(dataset).image;
  const official = officialBytes(file, dataset);
  const wrong = (what: string): ZartsError =>
    new ZartsError(`${path} ${what} (the official file has ${number(official)}): ${remedy(dataset, file)}.`);
  if (bytes === 0) throw wrong(`is empty; expected records of ${number(record)} bytes`);
  if (bytes % record !== 0) {
    throw wrong(`has ${number(bytes)} bytes, not a whole number of ${number(record)}-byte records`);
  }
  if (bytes > official) throw wrong(`has ${number(bytes)} bytes, more than expected`);
  return bytes / record;
}

/** Runs `use` with a file as a source of bytes; what is wrong with its format becomes a sentence that names it. */
async function withMatlabFile<T>(
  path: string,
  file: PublishedFile,
  dataset: MatlabDataset,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      return await use({
        size,
        read: async (start, length) => {
          const wanted = Math.min(length, Math.max(0, size - start));
          const buffer = Buffer.allocUnsafe(wanted);
          let have = 0;
          while (have < wanted) {
            const { bytesRead } = await handle.read(buffer, have, wanted - have, start + have);
            if (bytesRead === 0) break;
            have += bytesRead;
          }
          return buffer.subarray(0, have);
        },
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    if (error instanceof MatlabFormatError) {
      throw new ZartsError(`${path} ${error.message}: ${remedy(dataset, file)}.`);
    }
    throw unreadable(path, error);
  }
}

/** How many images a MATLAB file has, from the shapes of its variables. */
function countMatlabImages(
  path: string,
  bytes: number,
  file: PublishedFile,
  dataset: MatlabDataset,
): Promise<number> {
  const { height, width, channels } = dataset;
  const wrong = (what: string): ZartsError => new ZartsError(`${path} ${what}: ${remedy(dataset, file)}.`);
  if (bytes === 0) throw wrong('is empty; expected a MATLAB file of version 5');
  return withMatlabFile(path, file, dataset, async (source) => {
    const variables = await matlabVariables(source);
    const shapeOf = (name: string): readonly number[] => {
      const found = variables.find((variable) => variable.name === name);
      if (found) return found.shape;
      throw wrong(`holds no variable ${name}; expected the images as X and their labels as y`);
    };
    const shape = shapeOf('X');
    // The format drops a last dimension of 1, so a single image has three.
    const [h, w, c, images = 1] = shape;
    if (shape.length > 4 || h !== height || w !== width || c !== channels) {
      throw wrong(
        `has images X of ${shape.join('×')}; expected ${height}×${width}×${channels}×n, height by width by channels by images`,
      );
    }
    const labels = shapeOf('y').reduce((product, side) => product * side, 1);
    if (labels !== images) throw wrong(`has ${number(images)} images in X and ${number(labels)} labels in y`);
    if (images < 1) throw wrong('holds no image');
    if (images > file.images) {
      throw wrong(`has ${number(images)} images, the official file ${number(file.images)}`);
    }
    return images;
  });
}

/** Refuses a folder whose list of class names, if it has one, is another set's. */
async function checkClasses(folder: string, { title, classes, classFile }: RecordDataset): Promise<void> {
  const path = join(folder, classFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw unreadable(path, error);
  }
  const names = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (names.join() !== classes.join()) {
    throw new ZartsError(
      `${path} names the classes ${names.slice(0, 3).join(', ')}, …; expected those of ${title} (${classes.slice(0, 3).join(', ')}, …): this folder holds another data set, name the right one.`,
    );
  }
}

/**
 * Reads a whole file of images and checks it: its size again, every label, and its digest if it has the official number
 * of images.
 *
 * @throws ZartsError  as {@link inspectFolder}; nothing of a file that fails is handed out.
 */
export function readImageFile(found: FoundFile, dataset: FileDataset): Promise<Chunk> {
  return dataset.format === 'records' ? readRecordFile(found, dataset) : readMatlabFile(found, dataset);
}

function checkDigest({ path, file }: FoundFile, actual: string, dataset: FileDataset): void {
  if (actual === file.sha256) return;
  const what = dataset.format === 'records' ? 'size' : 'number of images';
  throw new ZartsError(
    `${path} has the official ${what} but SHA-256 ${actual}, expected ${file.sha256}: ${remedy(dataset, file)}.`,
  );
}

async function readRecordFile(found: FoundFile, dataset: RecordDataset): Promise<Chunk> {
  const { path, file, bytes: expected, images } = found;
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  if (bytes.length !== expected) {
    throw new ZartsError(
      `${path} changed while it was read: ${number(bytes.length)} bytes where ${number(expected)} were expected; run again when it is complete.`,
    );
  }
  const { labelRanges, labelAt } = dataset;
  const record = layoutOf(dataset).image;
  const labels = new Uint8Array(images);
  for (let i = 0; i < images; i++) {
    for (const [which, range] of labelRanges.entries()) {
      const label = bytes[i * record + which];
      if (label < range) continue;
      const name = labelRanges.length === 1 ? 'label' : which === labelAt ? 'fine label' : 'coarse label';
      throw new ZartsError(
        `${path} is corrupt: record ${i} (at byte ${number(i * record)}) has ${name} ${label}, expected 0 … ${range - 1}: ${remedy(dataset, file)}.`,
      );
    }
    labels[i] = bytes[i * record + labelAt];
  }
  // Only official files have an official digest; a subset is legal, and its digest goes into the run's key.
  if (images === file.images) checkDigest(found, createHash('sha256').update(bytes).digest('hex'), dataset);
  return { labels, bytes };
}

async function readMatlabFile(found: FoundFile, dataset: MatlabDataset): Promise<Chunk> {
  const { path, file, images } = found;
  if (images === file.images) checkDigest(found, await digestFile(path), dataset);
  return withMatlabFile(path, file, dataset, async (source) => {
    const pixels = await readMatlabVariable(source, 'X');
    const digits = await readMatlabVariable(source, 'y');
    const wrong = (what: string): ZartsError => new ZartsError(`${path} ${what}: ${remedy(dataset, file)}.`);
    if (!(pixels.data instanceof Uint8Array)) {
      throw wrong(`has images X that are not bytes (uint8)`);
    }
    if (pixels.data.length !== images * layoutOf(dataset).image || digits.data.length !== images) {
      throw new ZartsError(`${path} changed while it was read; run again when it is complete.`);
    }
    // MATLAB counts from 1, so the digit 0 is written as 10.
    const last = dataset.classes.length;
    const labels = Uint8Array.from(digits.data, (digit, i) => {
      if (Number.isInteger(digit) && digit >= 1 && digit <= last) return digit % last;
      throw wrong(
        `is corrupt: image ${i} has label ${digit}, expected 1 … ${last} (${last} for the digit 0)`,
      );
    });
    return { labels, bytes: pixels.data };
  });
}

/**
 * SHA-256 over those of a folder's files, training files first.
 *
 * @throws ZartsError  for a file with the official number of images and another digest.
 */
export async function digestContent({ train, test }: FolderContent, dataset: FileDataset): Promise<string> {
  const hash = createHash('sha256');
  for (const found of [...train, ...test]) {
    const digest = await digestFile(found.path).catch((error: unknown) => {
      throw unreadable(found.path, error);
    });
    if (found.images === found.file.images) checkDigest(found, digest, dataset);
    hash.update(digest);
  }
  return hash.digest('hex');
}

/** SHA-256 of a file in hexadecimal, read in pieces. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
