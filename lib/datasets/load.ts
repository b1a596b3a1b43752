import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UsageError, unknownName, ZartsError } from '../errors.js';
import { projectRoot } from '../runs/home.js';
import { fetchDataset } from './download.js';
import type { DownloadOptions } from './download.js';
import { digestContent, inspectFolder, layoutOf, readImageFile } from './files.js';
import type { FoundFile } from './files.js';
import { decodeImages, digestImages } from './images.js';
import type { Chunk, ImageSet } from './images.js';
import { DATASET_NAMES, datasetSpecSchema, FILE_DATASETS } from './registry.js';
import type { DatasetName, DatasetSpec, FileDataset, FileDatasetName } from './registry.js';
import {
  SYNTHETIC_MEAN,
  SYNTHETIC_SIZES,
  SYNTHETIC_STD,
  syntheticImages,
  syntheticKind,
} from './synthetic.js';

/** A loaded data set. */
export interface Dataset {
  /** What was loaded: `synthetic` when that was asked for with `--data synthetic`, whatever the protocol names. */
  readonly name: DatasetName;
  /** `download` when this call fetched it; afterwards it is a folder like any other. */
  readonly source: 'folder' | 'download' | 'synthetic';
  /** `official`: every official file, digests checked; `subset`: fewer records; `synthetic`: computed. */
  readonly coverage: 'official' | 'subset' | 'synthetic';
  readonly classes: readonly string[];
  /** Mean and standard deviation a channel of pixels in [0, 1], for normalizing. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** SHA-256 of exactly these images and labels; equal data give equal digests, wherever they were found. */
  readonly digest: string;
  /** Where the files are; absent for the synthetic set. */
  readonly folder?: string;
}

/** Where to look for data and how to fetch it. */
export interface LoadOptions extends DownloadOptions {
  /** What `--data` said: a folder, or "synthetic". Without it `$ZARTS_DATA`, then `dataHome`, then the download. */
  readonly data?: string;
  /** The folder that is looked in last and downloaded into; the project's data/ when left out. */
  readonly dataHome?: string;
  /** false: never use the network. */
  readonly download?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Loads the images that a protocol names, checked to the last byte.
 *
 * @param spec     Which set, side length, how many.
 * @param options  Where from.
 * @throws UsageError  for a spec out of range, a folder named by the user that has no such set, or more images asked for
 *   than there are.
 * @throws ZartsError  for a missing, truncated, corrupt or unreadable file, or a download that fails. One sentence that
 *   names the file, what was expected, what is there, and what to do.
 */
export async function loadDataset(spec: DatasetSpec, options: LoadOptions = {}): Promise<Dataset> {
  const checked = checkSpec(spec);
  const given = givenPlace(options);
  if (checked.name === 'synthetic' || given === 'synthetic') return loadSynthetic(checked);
  const dataset: FileDataset = FILE_DATASETS[checked.name];
  const place = await findFolder(dataset, given, options);
  const content = await inspectFolder(place.folder, dataset);
  const train = await readSet(
    content.train,
    checked.trainSize,
    'training',
    dataset,
    checked.image,
    place.folder,
  );
  const test = await readSet(content.test, checked.testSize, 'test', dataset, checked.image, place.folder);
  return {
    name: checked.name,
    source: place.source,
    coverage: content.complete ? 'official' : 'subset',
    classes: dataset.classes,
    mean: dataset.mean,
    std: dataset.std,
    train,
    test,
    digest: digestImages([train, test]),
    folder: place.folder,
  };
}

function checkSpec(spec: DatasetSpec): DatasetSpec {
  if (typeof spec.name === 'string' && !DATASET_NAMES.includes(spec.name)) {
    throw unknownName('data set', spec.name, DATASET_NAMES);
  }
  const parsed = datasetSpecSchema.safeParse(spec);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`Data set setting ${issue.path.join('.') || '(all)'}: ${issue.message}.`);
}

function givenPlace({ data, env = process.env }: LoadOptions): string | undefined {
  const given = data ?? env.ZARTS_DATA;
  return given === undefined || given === '' ? undefined : given;
}

function loadSynthetic({ name, image, trainSize, testSize }: DatasetSpec): Dataset {
  const kind = syntheticKind(name);
  const make = (split: 'train' | 'test', count: number): ImageSet =>
    decodeImages([syntheticImages(kind, split, count)], count, kind.layout, image);
  const train = make('train', trainSize ?? SYNTHETIC_SIZES.train);
  const test = make('test', testSize ?? SYNTHETIC_SIZES.test);
  return {
    name: 'synthetic',
    source: 'synthetic',
    coverage: 'synthetic',
    classes: kind.classes,
    mean: SYNTHETIC_MEAN,
    std: SYNTHETIC_STD,
    train,
    test,
    digest: digestImages([train, test]),
  };
}

/** The set's folder for a place that a person names: the place itself, or the official folder inside it. */
function folderWithin(place: string, dataset: FileDataset): string | undefined {
  const inside = join(place, dataset.folder);
  if (existsSync(inside)) return inside;
  const isItself =
    basename(place) === dataset.folder ||
    [...dataset.train, ...dataset.test].some(({ name }) => existsSync(join(place, name)));
  return isItself && existsSync(place) ? place : undefined;
}

async function findFolder(
  dataset: FileDataset,
  given: string | undefined,
  options: LoadOptions,
): Promise<{ folder: string; source: 'folder' | 'download' }> {
  const { title } = dataset;
  if (given !== undefined) {
    const place = resolve(given);
    const folder = folderWithin(place, dataset);
    if (folder !== undefined) return { folder, source: 'folder' };
    const there = await stat(place).catch(() => undefined);
    const what = !there
      ? 'does not exist'
      : there.isDirectory()
        ? `holds no ${dataset.folder}/`
        : 'is not a folder';
    throw new UsageError(
      `${place} ${what}; --data (or ZARTS_DATA) must name a folder that holds ${title} as ${dataset.folder}/${dataset.train[0].name} and so on, or be "synthetic".`,
    );
  }
  const home = options.dataHome ?? join(projectRoot(), 'data');
  const folder = folderWithin(home, dataset);
  if (folder !== undefined) return { folder, source: 'folder' };
  if (options.download === false) {
    throw new ZartsError(
      `${title} is not in ${home}: name a folder that holds ${dataset.folder}/ with --data, or use --data synthetic.`,
    );
  }
  return { folder: await fetchDataset(dataset, home, options), source: 'download' };
}

/** Reads only as many files as the wanted number of images needs; each of them is checked whole. */
async function readSet(
  files: readonly FoundFile[],
  wanted: number | undefined,
  which: 'training' | 'test',
  dataset: FileDataset,
  side: number,
  folder: string,
): Promise<ImageSet> {
  const available = imagesIn(files);
  const count = wanted ?? available;
  if (count > available) {
    throw new UsageError(
      `${count} ${which} images were asked for, ${folder} holds ${available}: ask for fewer, or name the full ${dataset.title} with --data.`,
    );
  }
  const chunks: Chunk[] = [];
  for (let i = 0, have = 0; have < count; have += files[i].images, i++) {
    chunks.push(await readImageFile(files[i], dataset));
  }
  return decodeImages(chunks, count, layoutOf(dataset), side);
}

function imagesIn(files: readonly FoundFile[]): number {
  return files.reduce((sum, { images }) => sum + images, 0);
}

/** What is known of a data set on this machine without reading its images. */
export interface FoundDataset {
  readonly name: DatasetName | 'imagenet';
  /** The folder looked at: the set's own, or the place where it was expected. */
  readonly folder: string;
  /** `official`: every file has the official number of images; `subset`: fewer. */
  readonly status: 'official' | 'subset' | 'damaged' | 'absent';
  readonly train: number;
  readonly test: number;
  /** SHA-256 over those of its files, if that was asked for; ImageNet's is over names and sizes. */
  readonly digest?: string;
  /** What is wrong, for `damaged`. */
  readonly problem?: string;
}

/**
 * Looks for every data set that is read from files, in the place that a run would use, from file sizes and headers alone.
 *
 * @param data     What `--data` said; as in {@link LoadOptions}.
 * @param options  `dataHome` and `env` as in {@link LoadOptions}; `digest`: read the files too, for their digest, by which
 *   official ones are checked (without it that is done when they are loaded).
 */
export async function findDatasets(
  data?: string,
  options: Pick<LoadOptions, 'dataHome' | 'env'> & { readonly digest?: boolean } = {},
): Promise<FoundDataset[]> {
  const given = givenPlace({ ...options, ...(data === undefined ? {} : { data }) });
  const home = given === undefined || given === 'synthetic' ? options.dataHome : resolve(given);
  const place = home ?? join(projectRoot(), 'data');
  const entries = Object.entries(FILE_DATASETS) as [FileDatasetName, FileDataset][];
  return Promise.all(
    entries.map(async ([name, dataset]): Promise<FoundDataset> => {
      const folder = folderWithin(place, dataset);
      if (folder === undefined) {
        return { name, folder: join(place, dataset.folder), status: 'absent', train: 0, test: 0 };
      }
      try {
        const content = await inspectFolder(folder, dataset);
        return {
          name,
          folder,
          status: content.complete ? 'official' : 'subset',
          train: imagesIn(content.train),
          test: imagesIn(content.test),
          ...(options.digest ? { digest: await digestContent(content, dataset) } : {}),
        };
      } catch (error) {
        if (!(error instanceof ZartsError)) throw error;
        return { name, folder, status: 'damaged', train: 0, test: 0, problem: error.message };
      }
    }),
  );
}
