import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ZartsError } from '../errors.js';
import { errorCode, explainFileError } from '../runs/files.js';
import { recordBytes } from './images.js';
import type { RecordDataset, RecordFile } from './registry.js';

/** A file of records found in a folder, its size checked. */
export interface FoundFile {
  readonly path: string;
  readonly file: RecordFile;
  readonly bytes: number;
  readonly records: number;
}

/** What a folder holds of a data set, by file sizes alone. */
export interface FolderContent {
  readonly train: readonly FoundFile[];
  readonly test: readonly FoundFile[];
  /** Every file is there and has the official size. */
  readonly complete: boolean;
}

const number = (n: number): string => n.toLocaleString('en-US');

/** What to do about a damaged file, the end of every sentence about one. */
function remedy({ folder, archive }: RecordDataset): string {
  return `copy it again from where it came, or delete the folder ${folder} and take the official archive ${archive.url}`;
}

async function sizeOf(path: string, dataset: RecordDataset, official: number): Promise<number | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
    const kind = found.isDirectory() ? 'a folder' : 'not a regular file';
    throw new ZartsError(
      `${path} is ${kind}; expected a file of ${number(official)} bytes: ${remedy(dataset)}.`,
    );
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (error instanceof ZartsError) throw error;
    throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}; make it readable.`);
  }
}

/**
 * Looks at the files of a data set in `folder` without reading the images. Training files may be fewer than officially
 * (a subset) but only at the end: the first ones without a gap.
 *
 * @throws ZartsError  one sentence that names the file, what was expected, what is there, and what to do.
 */
export async function inspectFolder(folder: string, dataset: RecordDataset): Promise<FolderContent> {
  const record = recordBytes(dataset);
  const look = async (file: RecordFile): Promise<FoundFile | RecordFile> => {
    const path = join(folder, file.name);
    const official = file.records * record;
    const bytes = await sizeOf(path, dataset, official);
    if (bytes === undefined) return file;
    const wrong = (what: string): ZartsError =>
      new ZartsError(`${path} ${what} (the official file has ${number(official)}): ${remedy(dataset)}.`);
    if (bytes === 0) throw wrong(`is empty; expected records of ${number(record)} bytes`);
    if (bytes % record !== 0) {
      throw wrong(`has ${number(bytes)} bytes, not a whole number of ${number(record)}-byte records`);
    }
    if (bytes > official) throw wrong(`has ${number(bytes)} bytes, more than expected`);
    return { path, file, bytes, records: bytes / record };
  };
  const missing = ({ name, records }: RecordFile): ZartsError =>
    new ZartsError(
      `${join(folder, name)} is missing; expected a file of ${number(records * record)} bytes (fewer records in a subset): ${remedy(dataset)}.`,
    );
  const isFound = (entry: FoundFile | RecordFile): entry is FoundFile => 'path' in entry;

  const train = await Promise.all(dataset.train.map(look));
  const test = await Promise.all(dataset.test.map(look));
  const foundTrain = train.filter(isFound);
  const foundTest = test.filter(isFound);
  for (const [i, entry] of train.entries()) {
    if (!isFound(entry) && (i === 0 || i < foundTrain.length)) throw missing(entry);
  }
  for (const entry of test) if (!isFound(entry)) throw missing(entry);
  await checkClasses(folder, dataset);
  const all = [...train, ...test];
  const complete = all.every((entry) => isFound(entry) && entry.records === entry.file.records);
  return { train: foundTrain, test: foundTest, complete };
}

/** Refuses a folder whose list of class names, if it has one, is another set's. */
async function checkClasses(folder: string, { title, classes, classFile }: RecordDataset): Promise<void> {
  const path = join(folder, classFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}; make it readable.`);
  }
  const names = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (names.join() !== classes.join()) {
    throw new ZartsError(
      `${path} names the classes ${names.slice(0, 3).join(', ')}, …; expected those of ${title} (${classes.slice(0, 3).join(', ')}, …): this folder holds another data set, name the right one.`,
    );
  }
}

/**
 * Reads a whole file of records and checks it: its size again, every label, and its digest if it has the official size.
 *
 * @throws ZartsError  as {@link inspectFolder}; nothing of a file that fails is handed out.
 */
export async function readRecordFile(found: FoundFile, dataset: RecordDataset): Promise<Buffer> {
  const { path, file, bytes: expected, records } = found;
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}; make it readable.`);
  }
  if (bytes.length !== expected) {
    throw new ZartsError(
      `${path} changed while it was read: ${number(bytes.length)} bytes where ${number(expected)} were expected; run again when it is complete.`,
    );
  }
  const record = recordBytes(dataset);
  const last = dataset.classes.length - 1;
  for (let i = 0; i < records; i++) {
    const label = bytes[i * record + dataset.labelAt];
    if (label > last) {
      throw new ZartsError(
        `${path} is corrupt: record ${i} (at byte ${number(i * record)}) has label ${label}, expected 0 … ${last}: ${remedy(dataset)}.`,
      );
    }
  }
  // Only official files have an official digest; a subset is legal, and its digest goes into the run's key.
  if (records === file.records) {
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== file.sha256) {
      throw new ZartsError(
        `${path} has the official size but SHA-256 ${actual}, expected ${file.sha256}: ${remedy(dataset)}.`,
      );
    }
  }
  return bytes;
}

/** SHA-256 of a file in hexadecimal, read in pieces. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
