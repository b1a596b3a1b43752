import { readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { ZartsError } from '../errors.js';
import { errorCode } from '../runs/files.js';
import { makeCatalog } from './catalog.js';
import type { Catalog, CatalogEntry, Split } from './catalog.js';
import { sha256, unreadable } from './disk.js';
import { isFolder } from './place.js';
import { IMAGENET } from './registry.js';

/** Photographs of both splits, wherever they are. */
export interface PhotoSet {
  readonly folder: string;
  /** A label is an index into them. */
  readonly classes: readonly string[];
  readonly train: Catalog;
  readonly test: Catalog;
  readonly digest: string;
  /** Whether they are as many classes and photographs as officially. */
  readonly complete: boolean;
}

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const isJpeg = ({ name }: Dirent): boolean => /\.jpe?g$/i.test(name) && !name.startsWith('.');

const ADVICE = 'unpack the archives so that each class has a folder of its JPEGs in train/ and in val/';

function list(folder: string, expected: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort(byName);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw unreadable(folder, error);
    throw new ZartsError(`${folder} is missing; expected ${expected}: ${ADVICE}.`);
  }
}

/**
 * Lists a folder with `train/` and `val/`, each of which has a folder of JPEGs for every class: class by class, in each by
 * name. Links are followed; other files beside the JPEGs are passed over. The digest is that of the names and sizes of all
 * files; the images themselves are not read.
 *
 * @throws ZartsError  one sentence that names the folder: one that is missing, unreadable, without class folders, a class
 *   without images or in one split only.
 */
export function inspectImageFolder(folder: string): PhotoSet {
  const [train, val] = [
    inspectSplit(join(folder, 'train'), 'train'),
    inspectSplit(join(folder, 'val'), 'test'),
  ];
  const { classes } = train;
  for (const [has, lacks, missing] of [
    ['train', 'val', classes.find((name) => !val.classes.includes(name))],
    ['val', 'train', val.classes.find((name) => !classes.includes(name))],
  ] as const) {
    if (missing === undefined) continue;
    throw new ZartsError(
      `${join(folder, lacks)} has no folder ${missing}, which ${has} has; expected the same classes in both: ${ADVICE}.`,
    );
  }
  const complete =
    classes.length === IMAGENET.classes &&
    train.catalog.count === IMAGENET.train &&
    val.catalog.count === IMAGENET.test;
  const digest = sha256(train.sizes, val.sizes);
  return { folder, classes, train: train.catalog, test: val.catalog, digest, complete };
}

function inspectSplit(folder: string, split: Split) {
  const inside = list(folder, 'a folder of class folders');
  const classes = inside
    .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(folder, entry.name))))
    .map(({ name }) => name);
  if (classes.length === 0) {
    const loose = inside.filter(isJpeg).length;
    const found =
      loose > 0 ? `${loose.toLocaleString('en-US')} JPEGs and no class folder` : 'no class folder';
    throw new ZartsError(`${folder} holds ${found}; expected a folder of JPEGs for each class: ${ADVICE}.`);
  }
  const entries: CatalogEntry[] = [];
  let sizes = '';
  for (const [label, name] of classes.entries()) {
    const place = join(folder, name);
    const images = list(place, 'a folder of JPEGs').filter(isJpeg);
    if (images.length === 0) {
      throw new ZartsError(
        `${place} holds no JPEG; expected the images of class ${name}: fill it, or remove it from train/ and val/.`,
      );
    }
    for (const image of images) {
      const file = `${name}/${image.name}`;
      sizes += `${file} ${sizeOf(join(folder, file))}\n`;
      entries.push({ file, label });
    }
  }
  return { classes, catalog: makeCatalog('files', folder, split, entries), sizes: `${sizes}\n` };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}
