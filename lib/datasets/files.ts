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
import { readPickle, textOf } from './pickle.js';
import type { PickledArray } from './pickle.js';
import { FILE_SIDE, IMAGE_BYTES } from './registry.js';
import type {
  AnyImageFile,
  FileLayout,
  ImageFile,
  PickledDataset,
  PickledFile,
  RecordDataset,
} from './registry.js';

/** A file of images found in a folder, its size checked. */
export interface FoundFile {
  readonly path: string;
  readonly file: ImageFile | PickledFile;
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
function faulty(path: string, fault: string, file: AnyImageFile, dataset: FileLayout): ZartsError {
  const remedy =
    dataset.format !== 'matlab'
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
export async function inspectFolder(folder: string, dataset: FileLayout): Promise<FolderContent> {
  const look = async (file: ImageFile | PickledFile): Promise<FoundFile | undefined> => {
    const path = join(folder, file.name);
    const wrong = (fault: string): ZartsError => faulty(path, fault, file, dataset);
    const there = await stat(path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw unreadable(path, error);
    });
    if (there === undefined) return undefined;
    if (!there.isFile()) {
      const kind = there.isDirectory() ? 'a folder' : 'not a regular file';
      throw wrong(`is ${kind}; expected ${describeFile(file)}`);
    }
    const bytes = there.size;
    const images =
      'bytes' in file
        ? await countImages(path, bytes, file, wrong)
        : (await pickledImages(path, file, dataset as PickledDataset, wrong)).labels.length;
    return { path, file, bytes, images };
  };
  const countImages = async (path: string, bytes: number, file: ImageFile, wrong: Fault): Promise<number> => {
    // Of the official size it is taken for the official file, until its digest says otherwise.
    if (bytes === file.bytes) return file.images;
    return dataset.format === 'records'
      ? countRecords(bytes, file, recordBytes(dataset), wrong)
      : (await matlabArrays(path, file, wrong)).images;
  };
  const found = async (
    files: readonly (ImageFile | PickledFile)[],
    atLeast: number,
  ): Promise<FoundFile[]> => {
    const all = await Promise.all(files.map(look));
    const there = all.filter((each) => each !== undefined);
    const gap = all.indexOf(undefined);
    if (gap >= 0 && gap < Math.max(atLeast, there.length)) {
      const file = files[gap];
      const fault = `is missing; expected ${describeFile(file)} (fewer images in a subset)`;
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
  if (!complete && dataset.format !== 'matlab') await checkClasses(folder, dataset);
  return { train, test, complete };
}

function describeFile(file: ImageFile | PickledFile): string {
  return 'bytes' in file
    ? `a file of ${number(file.bytes)} bytes`
    : `a pickle of ${number(file.images)} images`;
}

/** Refuses a folder whose list of class names, if it has one, is another set's. */
async function checkClasses(folder: string, dataset: RecordDataset | PickledDataset): Promise<void> {
  const { title, classes, classFile } = dataset;
  const path = join(folder, classFile);
  const bytes = await readFile(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unreadable(path, error);
  });
  if (bytes === undefined) return;
  const names = dataset.format === 'records' ? linesOf(bytes) : pickledNames(path, bytes, dataset);
  if (names.join() !== classes.join()) {
    throw new ZartsError(
      `${path} names the classes ${names.slice(0, 3).join(', ')}, …; expected those of ${title} (${classes.slice(0, 3).join(', ')}, …): this folder holds another data set, name the right one.`,
    );
  }
}

function linesOf(bytes: Buffer): string[] {
  return bytes
    .toString()
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
}

function pickledNames(path: string, bytes: Buffer, { classNames }: PickledDataset): string[] {
  const wrong: Fault = (fault) =>
    new ZartsError(`${path} ${fault}: remove it, or copy it again from where it came.`);
  const content = readPickle(bytes, wrong);
  const names = content instanceof Map ? (content.get(classNames) as unknown) : undefined;
  const isText = (name: unknown): name is string | Uint8Array =>
    typeof name === 'string' || name instanceof Uint8Array;
  if (Array.isArray(names) && names.every(isText)) return names.map(textOf);
  throw wrong(`holds no list of names as ${classNames}`);
}

/**
 * Reads a whole file of images and checks it: its size again, every label, and its digest if it has the official number
 * of images.
 *
 * @throws ZartsError  as {@link inspectFolder}; nothing of a file that fails is handed out.
 */
export async function readImageFile(found: FoundFile, dataset: FileLayout): Promise<Chunk> {
  const { path, file } = found;
  const wrong = (fault: string): ZartsError => faulty(path, fault, file, dataset);
  const chunk =
    dataset.format === 'records'
      ? await readRecords(found, dataset, wrong)
      : dataset.format === 'matlab'
        ? await readMatlab(found, dataset.classes.length, wrong)
        : await pickledImages(path, file, dataset, wrong);
  // Only official files have an official digest; a subset is legal, and its digest goes into the run's key.
  await checkDigest(found, dataset);
  return chunk;
}

/** The file's digest. @throws ZartsError  for a file with the official number of images and another official digest. */
async function checkDigest({ path, file, images }: FoundFile, dataset: FileLayout): Promise<string> {
  const digest = (algorithm?: string): Promise<string> =>
    digestFile(path, algorithm).catch((error: unknown) => {
      throw unreadable(path, error);
    });
  const sha256Digest = await digest();
  if (images !== file.images) return sha256Digest;
  const [algorithm, actual, expected] =
    'md5' in file ? ['MD5', await digest('md5'), file.md5] : ['SHA-256', sha256Digest, file.sha256];
  if (actual !== expected) {
    const what = dataset.format === 'records' ? 'size' : 'number of images';
    const fault = `has the official ${what} but ${algorithm} ${actual}, expected ${expected}`;
    throw faulty(path, fault, file, dataset);
  }
  return sha256Digest;
}

/**
 * SHA-256 over those of a folder's files, training files first.
 *
 * @throws ZartsError  for a file with the official number of images and another digest.
 */
export async function digestContent({ train, test }: FolderContent, dataset: FileLayout): Promise<string> {
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
async function matlabArrays(path: string, file: AnyImageFile, wrong: Fault) {
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

/** Images and labels of a pickle, checked. */
async function pickledImages(
  path: string,
  file: AnyImageFile,
  { labels: key, classes }: PickledDataset,
  wrong: Fault,
): Promise<Chunk> {
  const bytes = await readWhole(path);
  if (bytes.length === 0) throw wrong('is empty; expected a pickle of images');
  if (bytes.length > MOST_PICKLED_BYTES * file.images)
    throw wrong(`has ${number(bytes.length)} bytes, more than a pickle of ${number(file.images)} images`);
  const content = readPickle(bytes, wrong);
  const at = (name: string): unknown => {
    const found: unknown = content instanceof Map ? content.get(name) : undefined;
    if (found !== undefined) return found;
    throw wrong(`holds no "${name}"; expected a dictionary of data, images by 3072 bytes, and ${key}`);
  };
  const data = at('data') as Partial<PickledArray> | null;
  const [images, width] = data?.shape ?? [];
  if (data?.shape?.length !== 2 || width !== IMAGE_BYTES || !(data.numbers instanceof Uint8Array))
    throw wrong(`has data that are no bytes of images by ${IMAGE_BYTES}`);
  const given = at(key) as readonly unknown[] | Partial<PickledArray>;
  const list = Array.isArray(given) ? given : [...((given as Partial<PickledArray>).numbers ?? [])];
  if (list.length !== images)
    throw wrong(`has ${number(images)} images in data and ${number(list.length)} ${key}`);
  if (images < 1) throw wrong('holds no image');
  if (images > file.images)
    throw wrong(`has ${number(images)} images, the official file ${number(file.images)}`);
  const labels = Uint8Array.from(list as readonly number[], (label, i) => {
    if (Number.isInteger(label) && label >= 0 && label < classes.length) return label;
    throw wrong(`is corrupt: image ${i} has label ${String(label)}, expected 0 … ${classes.length - 1}`);
  });
  return {
    labels,
    bytes: data.numbers,
    layout: { first: 0, image: IMAGE_BYTES, row: 32, column: 1, plane: 1024 },
  };
}

/** Bytes of a pickle for each image, at most: Python 3 writes bytes of Python 2 as text, up to two for each. */
const MOST_PICKLED_BYTES = 2 * IMAGE_BYTES + 200;

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
