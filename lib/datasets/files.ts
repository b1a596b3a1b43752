/** Reading a data set's official files: which are there, how many images they have, and the images, checked to the last byte. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ZartsError } from '../errors.js';
import { sha256 } from '../runs/canonical.js';
import { errorCode } from '../runs/files.js';
import { digestFile, unreadable } from './disk.js';
import type { Chunk } from './images.js';
import { matlabVariables } from './matlab.js';
import type { Fault, MatlabVariable } from './matlab.js';
import { FILE_SIDE, IMAGE_BYTES } from './registry.js';
import type { FileDataset, ImageFile, RecordDataset } from './registry.js';

/** A file of images found in a folder, its size checked. */
export interface FoundFile {
  readonly path: string;
  readonly file: ImageFile;
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

export function imagesIn(files: readonly FoundFile[]): number {
  return files.reduce((sum, { images }) => sum + images, 0);
}

const number = (n: number): string => n.toLocaleString('en-US');

/** A sentence about a file: what is wrong with it, and what to do about it. */
function faulty(path: string, fault: string, file: ImageFile, dataset: FileDataset): ZartsError {
  const remedy =
    dataset.format === 'records'
      ? `delete the folder ${dataset.folder} and take the official archive ${dataset.archive.url}`
      : `take the official file ${[...dataset.train, ...dataset.test].find(({ name }) => name === file.name)!.url}`;
  return new ZartsError(`${path} ${fault}: copy it again from where it came, or ${remedy}.`);
}

/**
 * Looks at the files of a data set in `folder` without reading the images. Training files may be fewer than officially
 * (a subset) but only at the end: the first ones without a gap.
 *
 * @throws ZartsError  one sentence that names the file, what was expected, what is there, and what to do.
 */
export async function inspectFolder(folder: string, dataset: FileDataset): Promise<FolderContent> {
  const look = async (file: ImageFile): Promise<FoundFile | undefined> => {
    const path = join(folder, file.name);
    const wrong = (fault: string): ZartsError => faulty(path, fault, file, dataset);
    const there = await stat(path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw unreadable(path, error);
    });
    if (there === undefined) return undefined;
    if (!there.isFile()) {
      const kind = there.isDirectory() ? 'a folder' : 'not a regular file';
      throw wrong(`is ${kind}; expected a file of ${number(file.bytes)} bytes`);
    }
    const bytes = there.size;
    // Of the official size it is taken for the official file, until its digest says otherwise.
    const images =
      bytes === file.bytes
        ? file.images
        : dataset.format === 'records'
          ? countRecords(bytes, file, recordBytes(dataset), wrong)
          : (await matlabArrays(path, file, wrong)).images;
    return { path, file, bytes, images };
  };
  const found = async (files: readonly ImageFile[], atLeast: number): Promise<FoundFile[]> => {
    const all = await Promise.all(files.map(look));
    const there = all.filter((each) => each !== undefined);
    const gap = all.indexOf(undefined);
    if (gap >= 0 && gap < Math.max(atLeast, there.length)) {
      const file = files[gap];
      const fault = `is missing; expected a file of ${number(file.bytes)} bytes (fewer images in a subset)`;
      throw faulty(join(folder, file.name), fault, file, dataset);
    }
    return there;
  };
  const train = await found(dataset.train, 1);
  const test = await found(dataset.test, dataset.test.length);
  const complete =
    train.length === dataset.train.length &&
    [...train, ...test].every(({ images, file }) => images === file.images);
  // Files of the official size are told by their digest, whatever a list beside them says.
  if (!complete && dataset.format === 'records') await checkClasses(folder, dataset);
  return { train, test, complete };
}

/** Refuses a folder whose list of class names, if it has one, is another set's. */
async function checkClasses(folder: string, { title, classes, classFile }: RecordDataset): Promise<void> {
  const path = join(folder, classFile);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unreadable(path, error);
  });
  const names = text?.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (names !== undefined && names.join() !== classes.join()) {
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
export async function readImageFile(found: FoundFile, dataset: FileDataset): Promise<Chunk> {
  const { path, file } = found;
  const wrong = (fault: string): ZartsError => faulty(path, fault, file, dataset);
  const chunk =
    dataset.format === 'records'
      ? await readRecords(found, dataset, wrong)
      : await readMatlab(found, dataset.classes.length, wrong);
  // Only official files have an official digest; a subset is legal, and its digest goes into the run's key.
  await checkDigest(found, dataset);
  return chunk;
}

/** The file's digest. @throws ZartsError  for a file with the official number of images and another digest. */
async function checkDigest({ path, file, images }: FoundFile, dataset: FileDataset): Promise<string> {
  const actual = await digestFile(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (images === file.images && actual !== file.sha256) {
    const what = dataset.format === 'records' ? 'size' : 'number of images';
    const fault = `has the official ${what} but SHA-256 ${actual}, expected ${file.sha256}`;
    throw faulty(path, fault, file, dataset);
  }
  return actual;
}

/**
 * SHA-256 over those of a folder's files, training files first.
 *
 * @throws ZartsError  for a file with the official number of images and another digest.
 */
export async function digestContent({ train, test }: FolderContent, dataset: FileDataset): Promise<string> {
  const digests: string[] = [];
  for (const found of [...train, ...test]) digests.push(await checkDigest(found, dataset));
  return sha256(...digests);
}

function recordBytes({ labelRanges }: RecordDataset): number {
  return labelRanges.length + IMAGE_BYTES;
}

/** How many records a file has, from its size. */
function countRecords(bytes: number, file: ImageFile, record: number, wrong: Fault): number {
  const refused = (what: string): Error => wrong(`${what} (the official file has ${number(file.bytes)})`);
  if (bytes === 0) throw refused(`is empty; expected records of ${number(record)} bytes`);
  if (bytes % record !== 0) {
    throw refused(`has ${number(bytes)} bytes, not a whole number of ${number(record)}-byte records`);
  }
  if (bytes > file.bytes) throw refused(`has ${number(bytes)} bytes, more than expected`);
  return bytes / record;
}

async function readRecords(
  { path, bytes: expected, images }: FoundFile,
  dataset: RecordDataset,
  wrong: Fault,
): Promise<Chunk> {
  const bytes = await readWhole(path);
  if (bytes.length !== expected) {
    throw new ZartsError(
      `${path} changed while it was read: ${number(bytes.length)} bytes where ${number(expected)} were expected; run again when it is complete.`,
    );
  }
  const { labelRanges, labelAt } = dataset;
  const record = recordBytes(dataset);
  const labels = new Uint8Array(images);
  for (let i = 0; i < images; i++) {
    for (const [which, range] of labelRanges.entries()) {
      const label = bytes[i * record + which];
      if (label < range) continue;
      const name = labelRanges.length === 1 ? 'label' : which === labelAt ? 'fine label' : 'coarse label';
      throw wrong(
        `is corrupt: record ${i} (at byte ${number(i * record)}) has ${name} ${label}, expected 0 … ${range - 1}`,
      );
    }
    labels[i] = bytes[i * record + labelAt];
  }
  const layout = { first: labelRanges.length, image: record, row: 32, column: 1, plane: 1024 };
  return { labels, bytes, layout };
}

async function readWhole(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

/** Images and labels of a MATLAB file, their shapes checked. */
async function matlabArrays(path: string, file: ImageFile, wrong: Fault) {
  const bytes = await readWhole(path);
  if (bytes.length === 0) throw wrong('is empty; expected a MATLAB file of version 5');
  const variables = matlabVariables(bytes, 2 * file.images * IMAGE_BYTES, wrong);
  const variable = (name: string): MatlabVariable => {
    const found = variables.find((each) => each.name === name);
    if (found) return found;
    throw wrong(`holds no variable ${name}; expected the images as X and their labels as y`);
  };
  const [pixels, digits] = [variable('X'), variable('y')];
  // The format drops a last dimension of 1, so a single image has three.
  const [h, w, c, images = 1] = pixels.shape;
  if (pixels.shape.length > 4 || h !== FILE_SIDE || w !== FILE_SIDE || c !== 3) {
    throw wrong(
      `has images X of ${pixels.shape.join('×')}; expected 32×32×3×n, height by width by channels by images`,
    );
  }
  const labels = digits.shape.reduce((product, side) => product * side, 1);
  if (labels !== images) throw wrong(`has ${number(images)} images in X and ${number(labels)} labels in y`);
  if (images < 1) throw wrong('holds no image');
  if (images > file.images)
    throw wrong(`has ${number(images)} images, the official file ${number(file.images)}`);
  return { images, pixels, digits };
}

async function readMatlab({ path, file, images }: FoundFile, classes: number, wrong: Fault): Promise<Chunk> {
  const found = await matlabArrays(path, file, wrong);
  if (found.images !== images) {
    throw new ZartsError(`${path} changed while it was read; run again when it is complete.`);
  }
  const [bytes, digits] = [found.pixels.numbers(), found.digits.numbers()];
  if (!(bytes instanceof Uint8Array)) throw wrong('has images X that are not bytes (uint8)');
  // MATLAB counts from 1, so the digit 0 is written as 10.
  const labels = Uint8Array.from(digits, (digit, i) => {
    if (Number.isInteger(digit) && digit >= 1 && digit <= classes) return digit % classes;
    throw wrong(
      `is corrupt: image ${i} has label ${digit}, expected 1 … ${classes} (${classes} for the digit 0)`,
    );
  });
  // The first index runs fastest: height, width, channels, images.
  return { labels, bytes, layout: { first: 0, image: IMAGE_BYTES, row: 1, column: 32, plane: 1024 } };
}
