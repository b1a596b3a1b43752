import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError, unknownName, ZartsError } from '../errors.js';
import { fetchDataset } from './download.js';
import type { DownloadOptions } from './download.js';
import { digestContent, inspectFolder, readImageFile } from './files.js';
import type { FoundFile } from './files.js';
import { decodeImages, digestImages } from './images.js';
import type { Chunk, ImageSet } from './images.js';
import { folderWithin, placeOf } from './place.js';
import type { DataPlace } from './place.js';
import { DATASET_NAMES, datasetSpecSchema, FILE_DATASETS } from './registry.js';
import type { DatasetName, DatasetSpec, FileDataset, FileDatasetName } from './registry.js';
import {
  SYNTHETIC_MEAN,
  SYNTHETIC_SIZES,
  SYNTHETIC_STD,
  syntheticImages,
  syntheticKind,
} from './synthetic.js';

/** What is known of a data set that was found or made, whatever its images are. */
export interface DatasetFacts {
  /** `synthetic` when that was asked for with `--data synthetic`, whatever the protocol names. */
  readonly name: DatasetName | 'imagenet';
  /** `download` when this call fetched it; afterwards it is a folder like any other. */
  readonly source: 'folder' | 'download' | 'synthetic';
  /** `official`: as published; `subset`: fewer images; `synthetic`: computed. */
  readonly coverage: 'official' | 'subset' | 'synthetic';
  readonly classes: readonly string[];
  /** Mean and standard deviation a channel of pixels in [0, 1], for normalizing. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** SHA-256 of what is used; equal data give equal digests, wherever they were found. */
  readonly digest: string;
  /** Where the files are; absent for a synthetic set. */
  readonly folder?: string;
}

/** A data set in memory; its digest is that of exactly these images and labels, and an official one's files were checked. */
export interface Dataset extends DatasetFacts {
  readonly name: DatasetName;
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Where to look for data and how to fetch it into the folder that is looked in when none is named. */
export interface LoadOptions extends DownloadOptions, DataPlace {
  /** false: never use the network. */
  readonly download?: boolean;
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
  const { name, image, trainSize, testSize } = checkSpec(spec);
  if (name === 'synthetic' || placeOf(options).synthetic) {
    const kind = syntheticKind(name);
    const make = (split: 'train' | 'test', count: number): ImageSet =>
      decodeImages([syntheticImages(kind, split, count)], count, image);
    const sets = {
      train: make('train', trainSize ?? SYNTHETIC_SIZES.train),
      test: make('test', testSize ?? SYNTHETIC_SIZES.test),
    };
    const facts = { name: 'synthetic', source: 'synthetic', coverage: 'synthetic' } as const;
    const [mean, std] = [SYNTHETIC_MEAN, SYNTHETIC_STD];
    return {
      ...facts,
      classes: kind.classes,
      mean,
      std,
      ...sets,
      digest: digestImages([sets.train, sets.test]),
    };
  }
  const dataset: FileDataset = FILE_DATASETS[name];
  const { folder, source } = await findFolder(dataset, options);
  const content = await inspectFolder(folder, dataset);
  const read = (split: 'train' | 'test', wanted?: number): Promise<ImageSet> =>
    readSet(content[split], wanted, split, dataset, image, folder);
  const sets = { train: await read('train', trainSize), test: await read('test', testSize) };
  const coverage = content.complete ? 'official' : 'subset';
  const { classes, mean, std } = dataset;
  return {
    name,
    source,
    coverage,
    classes,
    mean,
    std,
    ...sets,
    digest: digestImages([sets.train, sets.test]),
    folder,
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

/** The set's own folder in a place. */
function setWithin(place: string, { folder, train, test }: FileDataset): string | undefined {
  return folderWithin(
    place,
    folder,
    [...train, ...test].map(({ name }) => name),
  );
}

async function findFolder(
  dataset: FileDataset,
  options: LoadOptions,
): Promise<{ folder: string; source: 'folder' | 'download' }> {
  const { title } = dataset;
  const { folder: place, named } = placeOf(options);
  const folder = setWithin(place, dataset);
  if (folder !== undefined) return { folder, source: 'folder' };
  if (named) {
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
  if (options.download === false) {
    throw new ZartsError(
      `${title} is not in ${place}: name a folder that holds ${dataset.folder}/ with --data, or use --data synthetic.`,
    );
  }
  return { folder: await fetchDataset(dataset, place, options), source: 'download' };
}

/** Reads only as many files as the wanted number of images needs; each of them is checked whole. */
async function readSet(
  files: readonly FoundFile[],
  wanted: number | undefined,
  split: 'train' | 'test',
  dataset: FileDataset,
  side: number,
  folder: string,
): Promise<ImageSet> {
  const available = imagesIn(files);
  const count = wanted ?? available;
  if (count > available) {
    const which = split === 'train' ? 'training' : 'test';
    throw new UsageError(
      `${count} ${which} images were asked for, ${folder} holds ${available}: ask for fewer, or name the full ${dataset.title} with --data.`,
    );
  }
  const chunks: Chunk[] = [];
  for (let i = 0, have = 0; have < count; have += files[i].images, i++) {
    chunks.push(await readImageFile(files[i], dataset));
  }
  return decodeImages(chunks, count, side);
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
export function findDatasets(
  data?: string,
  { digest = false, ...where }: Omit<DataPlace, 'data'> & { readonly digest?: boolean } = {},
): Promise<FoundDataset[]> {
  const place = placeOf({ ...where, ...(data === undefined ? {} : { data }) }).folder;
  const entries = Object.entries(FILE_DATASETS) as [FileDatasetName, FileDataset][];
  return Promise.all(
    entries.map(async ([name, dataset]): Promise<FoundDataset> => {
      const folder = setWithin(place, dataset);
      const none = { name, train: 0, test: 0 };
      if (folder === undefined) return { ...none, folder: join(place, dataset.folder), status: 'absent' };
      try {
        const content = await inspectFolder(folder, dataset);
        return {
          name,
          folder,
          status: content.complete ? 'official' : 'subset',
          train: imagesIn(content.train),
          test: imagesIn(content.test),
          ...(digest ? { digest: await digestContent(content, dataset) } : {}),
        };
      } catch (error) {
        if (!(error instanceof ZartsError)) throw error;
        return { ...none, folder, status: 'damaged', problem: error.message };
      }
    }),
  );
}
