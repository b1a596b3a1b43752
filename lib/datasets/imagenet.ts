/**
 * ImageNet (ILSVRC 2012 classification; Russakovsky et al., "ImageNet large scale visual recognition challenge", 2015): a
 * folder of photographs, decoded as they are needed. It may not be handed on, so it cannot be downloaded here: who has
 * registered at image-net.org gets ILSVRC2012_img_train.tar (MD5 1d675b47d978889d74fa0da5fadfb00e) and
 * ILSVRC2012_img_val.tar (MD5 29b22e2961454d5413ddabcf34fc5622, both as in torchvision), and unpacks them so that each
 * class has a folder in train/ and in val/.
 */
import { dirname, join } from 'node:path';
import { UsageError, ZartsError } from '../errors.js';
import { sha256 } from '../runs/canonical.js';
import { runsHome } from '../runs/home.js';
import { range } from './batches.js';
import type { Catalog, PhotoSet, Split, SyntheticEntry } from './catalog.js';
import { folderWithin, isFolder, notWithin, placeOf } from './disk.js';
import type { DataPlace } from './disk.js';
import { describeBeside } from './load.js';
import { inspectPhotoFolder } from './photo-folder.js';
import { PREPARED_QUALITY, isPrepared, openPrepared, preparePhotos } from './prepared.js';
import type { PrepareOptions } from './prepared.js';
import { IMAGENET } from './registry.js';
import type { DatasetFacts, PhotoDatasetName } from './registry.js';
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

/**
 * Which photographs, from where: a folder that holds `imagenet/`, that folder itself (also as Kaggle packs it), a folder of one's
 * own, or one of prepared photographs.
 */
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

/** {@link openPhotos} of ImageNet. */
export function openImageNet(options: OpenPhotosOptions = {}): Promise<PhotoDataset> {
  return openPhotos('imagenet', options);
}

/**
 * Opens ImageNet, or any folder of class folders, where it is, or computed photographs.
 *
 * @throws {UsageError} for a named folder without it, or more photographs asked for than there are.
 * @throws {ZartsError} for a folder that is not laid out as expected, or a preparation that fails.
 */
export async function openPhotos(
  name: PhotoDatasetName,
  options: OpenPhotosOptions = {},
): Promise<PhotoDataset> {
  if (placeOf(options).synthetic) return syntheticPhotos(options);
  const found = await photosOf(name, options);
  const { prepare, env } = options;
  if (prepare === undefined || found.prepared) return chosen(name, found, options);
  const home = join(dirname(runsHome(env)), 'prepared');
  // One's own folders are told apart by what is in them.
  const own = name === 'imagenet' ? IMAGENET.folder : `${name}-${found.digest.slice(0, 8)}`;
  const target = join(home, `${own}-${prepare}-q${PREPARED_QUALITY}`);
  return chosen(name, await preparePhotos(found, target, prepare, options), options);
}

/** The photographs of a data set in the place that a run would use, all of them. @throws as {@link openPhotos}. */
export async function photosOf(name: PhotoDatasetName, options: DataPlace = {}): Promise<PhotoSet> {
  const { folder: place, named } = placeOf(options);
  if (name === 'imagenet') {
    const folder = imageNetWithin(place);
    if (folder === undefined) throw absent(place, named);
    return photosIn(folder);
  }
  if (named && isFolder(place))
    return isPrepared(place) ? openPrepared(place) : inspectPhotoFolder(place, true);
  throw new UsageError(
    `${named ? `${place} is no folder` : 'The data set "folder" is a folder of your own'}: name one that holds a folder of photographs for each class, in train/ and val/ or by itself, with --data (or ZARTS_DATA).`,
  );
}

/** ImageNet's folder for a place that a person names, or the place itself if that holds prepared photographs. */
export function imageNetWithin(place: string): string | undefined {
  return isPrepared(place) ? place : folderWithin(place, IMAGENET.folder, ['train', 'ILSVRC', 'Data']);
}

/** The photographs of a folder, prepared or as they were published. @throws as they. */
export async function photosIn(folder: string): Promise<PhotoSet> {
  return isPrepared(folder) ? openPrepared(folder) : inspectImageFolder(folder);
}

function absent(place: string, named: boolean): Error {
  const layout = 'imagenet/train/<class>/ and imagenet/val/<class>/';
  const who = 'registered users of image-net.org';
  return named
    ? notWithin(
        place,
        IMAGENET.folder,
        `ImageNet, which ${who} get, unpacked into ${layout}`,
        describeBeside(place),
      )
    : new ZartsError(
        `ImageNet is not in ${place}. It is for ${who} alone, so it is not downloaded: unpack it into ${layout}, name its folder with --data, or use --data synthetic.`,
      );
}

/** Part of every digest: raised when the same files give other pixels, so that no run is gone on with on those. */
const DECODING = 'decoded 2';

/** Those photographs of a set that are asked for. */
function chosen(name: PhotoDatasetName, set: PhotoSet, options: OpenPhotosOptions): PhotoDataset {
  const { folder, complete, prepared, undecodable } = set;
  const { classes, trainSize, testSize } = options;
  const [train, test] = [
    used(set.train, trainSize, classes, folder),
    used(set.test, testSize, classes, folder),
  ];
  return {
    name,
    coverage: name === 'folder' ? 'own' : complete && classes === undefined ? 'official' : 'subset',
    classes: usedClasses(set.classes, classes, folder),
    found: { train: set.train.entries.length, test: set.test.entries.length },
    mean: IMAGENET.mean,
    std: IMAGENET.std,
    train,
    test,
    occurring: occurringIn([train, test]),
    digest: sha256(
      `${set.digest} ${trainSize ?? 'all'} ${testSize ?? 'all'}${classesText(classes)} ${DECODING}`,
    ),
    ...(prepared && { prepared }),
    ...(undecodable && { undecodable }),
  };
}

/** How many classes the photographs are of. */
function occurringIn(splits: readonly PhotoSplit[]): number {
  return new Set(splits.flatMap(({ catalog, indices }) => [...indices].map((i) => catalog.entries[i].label)))
    .size;
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
  const turn = ranksInClass(entries.map(({ label }) => label));
  const inTurn = own.sort((a, b) => turn[a] - turn[b] || a - b);
  return { catalog, indices: inTurn.slice(0, wanted).sort() };
}

/** Of each label, how many of the same come before it. */
export function ranksInClass(labels: readonly number[]): number[] {
  const seen = new Map<number, number>();
  return labels.map((label) => {
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    return rank;
  });
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
  const [train, test] = [make('train', trainSize), make('test', testSize)];
  return {
    ...SYNTHETIC,
    classes,
    train,
    test,
    occurring: occurringIn([train, test]),
    digest: sha256(`synthetic photographs ${trainSize} ${testSize}${classesText(wanted)} ${DECODING}`),
  };
}

/**
 * ImageNet's folder: as ./photo-folder.ts, {@link inspectPhotoFolder}, and whether everything is there.
 *
 * @throws as it does.
 */
export function inspectImageFolder(folder: string): PhotoSet {
  const { train, test, classes, digest } = inspectPhotoFolder(folder);
  const complete =
    classes.length === IMAGENET.classes &&
    train.entries.length === IMAGENET.train &&
    test.entries.length === IMAGENET.test;
  return { folder, classes, train, test, digest, complete };
}
