import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { ZartsError } from '../errors.js';
import { errorCode, explainFileError } from '../runs/files.js';

/** The images of one split in class folders. */
export interface FolderSplit {
  /** The split's folder. */
  readonly folder: string;
  /** Paths below it, `class/file`, sorted: class by class, in each by name. */
  readonly files: readonly string[];
  /** [files] index of the class. */
  readonly labels: Int32Array;
}

/** A data set as a folder of class folders of JPEGs, once for training and once for testing. */
export interface ImageFolder {
  readonly folder: string;
  /** Names of the class folders, sorted; a label is an index into them. */
  readonly classes: readonly string[];
  readonly train: FolderSplit;
  readonly test: FolderSplit;
  /** SHA-256 over the names and sizes of all files; the images themselves are not read. */
  readonly digest: string;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const isJpeg = (name: string): boolean => /\.jpe?g$/i.test(name) && !name.startsWith('.');

function list(folder: string, expected: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => byName(a.name, b.name));
  } catch (error) {
    if (errorCode(error) === 'ENOENT')
      throw new ZartsError(`${folder} is missing; expected ${expected}: ${ADVICE}.`);
    throw new ZartsError(`${folder} cannot be read: ${explainFileError(error)}; make it readable.`);
  }
}

const ADVICE = 'unpack the archives so that each class has a folder of its JPEGs in train/ and in val/';

/**
 * Lists a folder with `train/` and `val/`, each of which has a folder of JPEGs for every class. Links are followed; other
 * files beside the JPEGs are passed over.
 *
 * @throws ZartsError  one sentence that names the folder: one that is missing, unreadable, without class folders, a class
 *   without images or in one split only.
 */
export function inspectImageFolder(folder: string): ImageFolder {
  const hash = createHash('sha256');
  const train = inspectSplit(join(folder, 'train'), hash);
  const test = inspectSplit(join(folder, 'val'), hash);
  const missing =
    train.classes.find((name) => !test.classes.includes(name)) ??
    test.classes.find((name) => !train.classes.includes(name));
  if (missing !== undefined) {
    const [has, lacks] = train.classes.includes(missing) ? ['train', 'val'] : ['val', 'train'];
    throw new ZartsError(
      `${join(folder, lacks)} has no folder ${missing}, which ${has} has; expected the same classes in both: ${ADVICE}.`,
    );
  }
  return {
    folder,
    classes: train.classes,
    train: train.split,
    test: test.split,
    digest: hash.digest('hex'),
  };
}

function inspectSplit(
  folder: string,
  hash: ReturnType<typeof createHash>,
): { readonly classes: string[]; readonly split: FolderSplit } {
  const entries = list(folder, 'a folder of class folders');
  const isFolder = (entry: Dirent): boolean =>
    entry.isDirectory() ||
    (entry.isSymbolicLink() &&
      (statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false));
  const classes = entries.filter(isFolder).map(({ name }) => name);
  if (classes.length === 0) {
    const loose = entries.filter(({ name }) => isJpeg(name)).length;
    const found =
      loose > 0 ? `${loose.toLocaleString('en-US')} JPEGs and no class folder` : 'no class folder';
    throw new ZartsError(`${folder} holds ${found}; expected a folder of JPEGs for each class: ${ADVICE}.`);
  }
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const place = join(folder, name);
    const images = list(place, 'a folder of JPEGs').filter((entry) => isJpeg(entry.name));
    if (images.length === 0) {
      throw new ZartsError(
        `${place} holds no JPEG; expected the images of class ${name}: fill it, or remove it from train/ and val/.`,
      );
    }
    for (const image of images) {
      const size = sizeOf(join(place, image.name));
      hash.update(`${name}/${image.name} ${size}\n`);
      files.push(`${name}/${image.name}`);
      labels.push(label);
    }
  }
  hash.update('\n');
  return { classes, split: { folder, files, labels: Int32Array.from(labels) } };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw new ZartsError(`${path} cannot be read: ${explainFileError(error)}; make it readable.`);
  }
}
