/**
 * ImageNet (ILSVRC 2012 classification; Russakovsky et al., "ImageNet large scale visual recognition challenge", 2015): a
 * folder of photographs, decoded as they are needed. It may not be handed on, so it cannot be downloaded here: who has
 * registered at image-net.org gets ILSVRC2012_img_train.tar (MD5 1d675b47d978889d74fa0da5fadfb00e) and
 * ILSVRC2012_img_val.tar (MD5 29b22e2961454d5413ddabcf34fc5622, both as in torchvision), and unpacks them so that each
 * class has a folder in train/ and in val/.
 */
import { readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError, ZartsError } from '../errors.js';
import { sha256 } from '../runs/canonical.js';
import { errorCode } from '../runs/files.js';
import { runsHome } from '../runs/home.js';
import { range } from './batches.js';
import type { Catalog, CatalogEntry, PhotoSet, Split, SyntheticEntry } from './catalog.js';
import { folderWithin, isFolder, notWithin, placeOf, unreadable } from './disk.js';
import type { DataPlace } from './disk.js';
import { PREPARED_QUALITY, isPrepared, openPrepared, preparePhotos } from './prepared.js';
import type { PrepareOptions } from './prepared.js';
import { IMAGENET } from './registry.js';
import type { DatasetFacts } from './registry.js';
import { SYNTHETIC, syntheticKind } from './synthetic.js';

/** The photographs of a split. */
export interface PhotoSplit {
  readonly catalog: Catalog;
  /** Those to use, as indices into the catalog, in its order. */
  readonly indices: Int32Array;
}

/**
 * Photographs that are decoded as they are needed (./photo-loader.ts). The bytes of official ones are not compared: the
 * digest is that of the list of files with their sizes; of prepared photographs, of their index, which has the digest of
 * each; of computed ones, of how many they are. It changes with how many are used.
 */
export interface PhotoDataset extends DatasetFacts, Pick<PhotoSet, 'prepared' | 'undecodable'> {
  readonly train: PhotoSplit;
  readonly test: PhotoSplit;
}

/** Which photographs, from where: a folder that holds `imagenet/`, that folder itself, or one of prepared photographs. */
export interface OpenPhotosOptions extends DataPlace, PrepareOptions {
  /** The first so many classes, by their folders' names; all when left out. */
  readonly classes?: number | undefined;
  /** How many photographs to use, the classes in turn; all when left out. */
  readonly trainSize?: number;
  readonly testSize?: number;
  /**
   * Shrink the photographs once, to a shorter side of so many pixels, keep that in `.zarts/prepared/` or
   * `$ZARTS_HOME/prepared/`, and use it.
   */
  readonly prepare?: number;
}

/**
 * Opens ImageNet where it is, or computed photographs.
 *
 * @throws {UsageError} for a named folder without it, or more photographs asked for than there are.
 * @throws {ZartsError} for a folder that is not laid out as expected, or a preparation that fails.
 */
export async function openImageNet(options: OpenPhotosOptions = {}): Promise<PhotoDataset> {
  const { folder: place, named, synthetic } = placeOf(options);
  if (synthetic) return syntheticPhotos(options);
  const folder = imageNetWithin(place);
  if (folder === undefined) throw absent(place, named);
  const found = await photosIn(folder);
  const { prepare, env } = options;
  if (prepare === undefined || found.prepared) return chosen(found, options);
  const home = join(dirname(runsHome(env)), 'prepared');
  const target = join(home, `${IMAGENET.folder}-${prepare}-q${PREPARED_QUALITY}`);
  return chosen(await preparePhotos(found, target, prepare, options), options);
}

/** ImageNet's folder for a place that a person names, or the place itself if that holds prepared photographs. */
export function imageNetWithin(place: string): string | undefined {
  return isPrepared(place) ? place : folderWithin(place, IMAGENET.folder, ['train']);
}

/** The photographs of a folder, prepared or as they were published. @throws as they. */
export async function photosIn(folder: string): Promise<PhotoSet> {
  return isPrepared(folder) ? openPrepared(folder) : inspectImageFolder(folder);
}

function absent(place: string, named: boolean): Error {
  const layout = 'imagenet/train/<class>/ and imagenet/val/<class>/';
  const who = 'registered users of image-net.org';
  return named
    ? notWithin(place, IMAGENET.folder, `ImageNet, which ${who} get, unpacked into ${layout}`)
    : new ZartsError(
        `ImageNet is not in ${place}. It is for ${who} alone, so it is not downloaded: unpack it into ${layout}, name its folder with --data, or use --data synthetic.`,
      );
}

/** Those photographs of a set that are asked for. */
function chosen(set: PhotoSet, options: OpenPhotosOptions): PhotoDataset {
  const { folder, complete, prepared, undecodable } = set;
  const { classes, trainSize, testSize } = options;
  const all = classes === undefined && trainSize === undefined && testSize === undefined;
  return {
    name: 'imagenet',
    coverage: complete && classes === undefined ? 'official' : 'subset',
    classes: usedClasses(set.classes, classes, folder),
    mean: IMAGENET.mean,
    std: IMAGENET.std,
    train: used(set.train, trainSize, classes, folder),
    test: used(set.test, testSize, classes, folder),
    digest: all
      ? set.digest
      : sha256(`${set.digest} ${trainSize ?? 'all'} ${testSize ?? 'all'}${classesText(classes)}`),
    ...(prepared && { prepared }),
    ...(undecodable && { undecodable }),
  };
}

/** The names of the classes that are used. */
function usedClasses(all: readonly string[], classes = all.length, folder: string): readonly string[] {
  if (!Number.isInteger(classes) || classes < 1 || classes > all.length) {
    throw new UsageError(
      `${classes} classes were asked for, ${folder} holds ${all.length}: ask for an integer from 1 to ${all.length}.`,
    );
  }
  return all.slice(0, classes);
}

function classesText(classes: number | undefined): string {
  return classes === undefined ? '' : ` of ${classes} classes`;
}

/** The first `wanted` photographs, the classes in turn: every class holds as many as the next, or one more. */
function used(catalog: Catalog, wanted: number | undefined, classes = Infinity, folder: string): PhotoSplit {
  const { entries, split } = catalog;
  const own = range(entries.length).filter((i) => entries[i].label < classes);
  const count = own.length;
  if (wanted === undefined || wanted === count) return { catalog, indices: own };
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > count) {
    const which = split === 'train' ? 'training' : 'test';
    throw new UsageError(
      `${wanted} ${which} photographs were asked for, ${folder} holds ${count}${classes === Infinity ? '' : ` in its first ${classes} classes`}: ask for an integer from 1 to ${count}.`,
    );
  }
  // How many of its class come before a photograph.
  const seen = new Map<number, number>();
  const turn = entries.map(({ label }) => {
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    return rank;
  });
  const inTurn = own.sort((a, b) => turn[a] - turn[b] || a - b);
  return { catalog, indices: inTurn.slice(0, wanted).sort() };
}

/** Computed photographs, 4,000 for training and 1,000 for testing when it is not said how many. */
function syntheticPhotos({
  classes: wanted,
  trainSize = 4000,
  testSize = 1000,
}: OpenPhotosOptions): PhotoDataset {
  const all = syntheticKind('imagenet').classes;
  const classes = usedClasses(all, wanted, 'the synthetic set');
  const make = (split: Split, count: number): PhotoSplit => {
    const entries = Array.from({ length: count }, (_, i): SyntheticEntry => {
      // Image i is of class i modulo all of them, so that those of a few classes lie apart.
      const label = i % classes.length;
      const image = all.length * Math.floor(i / classes.length) + label;
      return { file: `synthetic ${split} image ${image}`, label, image };
    });
    return { catalog: { root: '', split, entries }, indices: range(count) };
  };
  return {
    ...SYNTHETIC,
    classes,
    train: make('train', trainSize),
    test: make('test', testSize),
    digest: sha256(`synthetic photographs ${trainSize} ${testSize}${classesText(wanted)}`),
  };
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
    train.catalog.entries.length === IMAGENET.train &&
    val.catalog.entries.length === IMAGENET.test;
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
  return { classes, catalog: { root: folder, split, entries }, sizes: `${sizes}\n` };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}
