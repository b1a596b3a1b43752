/**
 * ImageNet (ILSVRC 2012 classification; Russakovsky et al., "ImageNet large scale visual recognition challenge", 2015): a
 * folder of photographs, decoded as they are needed. It may not be handed on, so it cannot be downloaded here: who has
 * registered at image-net.org gets ILSVRC2012_img_train.tar (MD5 1d675b47d978889d74fa0da5fadfb00e) and
 * ILSVRC2012_img_val.tar (MD5 29b22e2961454d5413ddabcf34fc5622, both as in torchvision), and unpacks them so that each
 * class has a folder in train/ and in val/.
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UsageError, ZartsError } from '../errors.js';
import type { Progress } from '../progress.js';
import { projectRoot, runsHome } from '../runs/home.js';
import type { Catalog } from './catalog.js';
import { syntheticCatalog } from './catalog.js';
import { range } from './batches.js';
import { inspectImageFolder } from './image-folder.js';
import type { ImageFolder } from './image-folder.js';
import type { FoundDataset } from './load.js';
import { catalogOf, checkSettings, isPrepared, openPrepared, preparePhotos } from './prepared.js';
import type { PrepareSettings, PreparedSet } from './prepared.js';
import { IMAGENET } from './registry.js';
import { SYNTHETIC_MEAN, SYNTHETIC_STD, syntheticKind } from './synthetic.js';

/** Images of the synthetic set when it is not said how many. */
const SYNTHETIC_PHOTOS = { train: 4000, test: 1000 } as const;

/** The photographs of a split. */
export interface PhotoSplit {
  readonly catalog: Catalog;
  /** Those to use, as indices into the catalog, in its order. */
  readonly indices: Int32Array;
}

/** Photographs that are decoded as they are needed (./photo-loader.ts). */
export interface PhotoDataset {
  readonly name: 'imagenet' | 'synthetic';
  readonly source: 'folder' | 'synthetic';
  /** `official`: as many classes and photographs as published (their bytes are not compared); `subset`: fewer. */
  readonly coverage: 'official' | 'subset' | 'synthetic';
  readonly classes: readonly string[];
  /** Mean and standard deviation a channel of pixels in [0, 1], for normalizing. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: PhotoSplit;
  readonly test: PhotoSplit;
  /**
   * SHA-256 of the list of files with their sizes; of prepared photographs, of their index, which has the digest of each;
   * of computed ones, of how many they are. It changes with how many are used.
   */
  readonly digest: string;
  /** Where they are; absent for the synthetic set. */
  readonly folder?: string;
  /** How they were prepared; absent for photographs as they were published. */
  readonly prepared?: PrepareSettings;
  /** Photographs that were left out when preparing, because they cannot be decoded, with the reasons. */
  readonly undecodable: ReadonlyMap<string, string>;
}

export interface OpenPhotosOptions {
  /** What `--data` said: a folder that holds `imagenet/`, that folder itself, one of prepared photographs, or "synthetic". */
  readonly data?: string;
  /** The folder that is looked in when none is named; the project's data/ when left out. */
  readonly dataHome?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The first so many classes, by their folders' names; all when left out. */
  readonly classes?: number;
  /** How many photographs to use, the classes in turn; all when left out. */
  readonly trainSize?: number;
  readonly testSize?: number;
  /** Shrink the photographs once, keep that, and use it; with what settings. */
  readonly prepare?: Partial<PrepareSettings>;
  /** The folder of prepared photographs; `.zarts/prepared/` of the project, or of `$ZARTS_HOME`, when left out. */
  readonly preparedHome?: string;
  readonly onUndecodable?: 'fail' | 'skip';
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Opens ImageNet where it is, or computed photographs.
 *
 * @throws {UsageError} for a named folder without it, or more photographs asked for than there are.
 * @throws {ZartsError} for a folder that is not laid out as expected, or a preparation that fails.
 */
export async function openImageNet(options: OpenPhotosOptions = {}): Promise<PhotoDataset> {
  const given = options.data ?? (options.env ?? process.env).ZARTS_DATA ?? '';
  if (given === 'synthetic') return syntheticPhotos(options);
  const home = given === '' ? (options.dataHome ?? join(projectRoot(), 'data')) : resolve(given);
  if (isPrepared(home)) return preparedPhotos(await openPrepared(home), options);
  const folder = imageNetWithin(home);
  if (folder === undefined) throw absent(home, given !== '');
  const source = inspectImageFolder(folder);
  const complete = isComplete(source);
  if (options.prepare) {
    const prepared = await preparePhotos(source, preparedFolder(options), complete, {
      settings: options.prepare,
      ...(options.onUndecodable ? { onUndecodable: options.onUndecodable } : {}),
      ...(options.progress ? { progress: options.progress } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return preparedPhotos(prepared, options);
  }
  return {
    ...common(complete && options.classes === undefined),
    classes: usedClasses(source.classes, options, folder),
    train: used(catalogOf(source.train, 'train'), options.trainSize, options.classes, folder),
    test: used(catalogOf(source.test, 'test'), options.testSize, options.classes, folder),
    digest: digestOf(source.digest, options),
    folder,
    undecodable: new Map(),
  };
}

function common(complete: boolean) {
  const { mean, std } = IMAGENET;
  const coverage = complete ? ('official' as const) : ('subset' as const);
  return { name: 'imagenet' as const, source: 'folder' as const, coverage, mean, std };
}

/**
 * Looks for ImageNet in the place that a run would use, from the list of its files.
 *
 * @param data     What `--data` said; as in {@link OpenPhotosOptions}.
 * @param options  `dataHome` and `env` as there.
 */
export function findImageNet(
  data?: string,
  { dataHome, env = process.env }: Pick<OpenPhotosOptions, 'dataHome' | 'env'> = {},
): FoundDataset {
  const given = data ?? env.ZARTS_DATA ?? '';
  const named = given === '' || given === 'synthetic' ? undefined : resolve(given);
  const home = named ?? dataHome ?? join(projectRoot(), 'data');
  const folder = imageNetWithin(home);
  const nothing = { name: 'imagenet', train: 0, test: 0 } as const;
  if (folder === undefined) return { ...nothing, folder: join(home, IMAGENET.folder), status: 'absent' };
  try {
    const found = inspectImageFolder(folder);
    return {
      name: 'imagenet',
      folder,
      status: isComplete(found) ? 'official' : 'subset',
      train: found.train.files.length,
      test: found.test.files.length,
      digest: found.digest,
    };
  } catch (error) {
    if (!(error instanceof ZartsError)) throw error;
    return { ...nothing, folder, status: 'damaged', problem: error.message };
  }
}

/** Whether a folder has as many classes and photographs as the official set. */
export function isComplete({ classes, train, test }: ImageFolder): boolean {
  return (
    classes.length === IMAGENET.classes &&
    train.files.length === IMAGENET.train &&
    test.files.length === IMAGENET.test
  );
}

/** ImageNet's folder for a place that a person names: the place itself, or `imagenet/` inside it. */
export function imageNetWithin(place: string): string | undefined {
  const isFolder = (path: string): boolean =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const inside = join(place, IMAGENET.folder);
  if (isFolder(inside)) return inside;
  const isItself = basename(place) === IMAGENET.folder || isFolder(join(place, 'train'));
  return isItself && isFolder(place) ? place : undefined;
}

function absent(home: string, named: boolean): Error {
  const how =
    'ImageNet is for registered users of image-net.org alone, so it is not downloaded: unpack it into imagenet/train/<class>/ and imagenet/val/<class>/';
  return named
    ? new UsageError(
        `${home} ${existsSync(home) ? 'holds no imagenet/' : 'does not exist'}; --data (or ZARTS_DATA) must name a folder that holds it, or be "synthetic". ${how}.`,
      )
    : new ZartsError(
        `ImageNet is not in ${home}. ${how}, name its folder with --data, or use --data synthetic.`,
      );
}

function preparedFolder({ preparedHome, prepare, env }: OpenPhotosOptions): string {
  const { shorter, encoding, quality } = checkSettings(prepare);
  const home = preparedHome ?? resolve(runsHome(env), '..', 'prepared');
  return join(home, `${IMAGENET.folder}-${shorter}-${encoding === 'raw' ? 'raw' : `q${quality}`}`);
}

function preparedPhotos(set: PreparedSet, options: OpenPhotosOptions): PhotoDataset {
  const { folder, settings, classes, complete, train, test, undecodable, digest } = set;
  return {
    ...common(complete && options.classes === undefined),
    classes: usedClasses(classes, options, folder),
    train: used(train, options.trainSize, options.classes, folder),
    test: used(test, options.testSize, options.classes, folder),
    digest: digestOf(digest, options),
    folder,
    prepared: settings,
    undecodable,
  };
}

/** The names of the classes that are used. */
function usedClasses(
  all: readonly string[],
  { classes = all.length }: Pick<OpenPhotosOptions, 'classes'>,
  folder: string,
): readonly string[] {
  if (!Number.isInteger(classes) || classes < 1 || classes > all.length) {
    throw new UsageError(
      `${classes} classes were asked for, ${folder} holds ${all.length}: ask for an integer from 1 to ${all.length}.`,
    );
  }
  return all.slice(0, classes);
}

/** The first `wanted` photographs, the classes in turn: every class holds as many as the next, or one more. */
function used(
  catalog: Catalog,
  wanted: number | undefined,
  classes: number | undefined,
  folder: string,
): PhotoSplit {
  const { labels, split } = catalog;
  const all = range(catalog.count);
  const own = classes === undefined ? all : all.filter((i) => labels[i] < classes);
  const count = own.length;
  if (wanted === undefined || wanted === count) return { catalog, indices: own };
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > count) {
    const which = split === 'train' ? 'training' : 'test';
    throw new UsageError(
      `${wanted} ${which} photographs were asked for, ${folder} holds ${count}${classes === undefined ? '' : ` in its first ${classes} classes`}: ask for an integer from 1 to ${count}.`,
    );
  }
  const seen = new Map<number, number>();
  const turn = Array.from(labels, (label) => {
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    return rank;
  });
  const inTurn = own.sort((a, b) => turn[a] - turn[b] || a - b);
  return { catalog, indices: inTurn.slice(0, wanted).sort() };
}

function digestOf(digest: string, { trainSize, testSize, classes }: OpenPhotosOptions): string {
  if (trainSize === undefined && testSize === undefined && classes === undefined) return digest;
  return createHash('sha256')
    .update(`${digest} ${trainSize ?? 'all'} ${testSize ?? 'all'}${classesText(classes)}`)
    .digest('hex');
}

function classesText(classes: number | undefined): string {
  return classes === undefined ? '' : ` of ${classes} classes`;
}

function syntheticPhotos(options: OpenPhotosOptions): PhotoDataset {
  const all = syntheticKind('imagenet').classes;
  const classes = usedClasses(all, options, 'the synthetic set');
  const { trainSize = SYNTHETIC_PHOTOS.train, testSize = SYNTHETIC_PHOTOS.test } = options;
  const make = (split: 'train' | 'test', count: number): PhotoSplit => {
    // Image i is of class i modulo all of them, so that those of a few classes lie apart.
    const catalog = syntheticCatalog(
      split,
      all.length * Math.floor((count - 1) / classes.length) + ((count - 1) % classes.length) + 1,
      all.length,
    );
    return {
      catalog,
      indices: range(catalog.count).filter((i) => catalog.labels[i] < classes.length),
    };
  };
  return {
    name: 'synthetic',
    source: 'synthetic',
    coverage: 'synthetic',
    classes,
    mean: SYNTHETIC_MEAN,
    std: SYNTHETIC_STD,
    train: make('train', trainSize),
    test: make('test', testSize),
    digest: createHash('sha256')
      .update(`synthetic photographs ${trainSize} ${testSize}${classesText(options.classes)}`)
      .digest('hex'),
    undecodable: new Map(),
  };
}
