import { UsageError, unknownName } from '../errors.js';
import type { Split } from './catalog.js';
import { folderWithin, notWithin, placeOf } from './disk.js';
import type { DataPlace } from './disk.js';
import { fetchDataset } from './download.js';
import type { DownloadOptions } from './download.js';
import { imagesIn, inspectFolder, readImageFile } from './files.js';
import { decodeImages, digestImages } from './images.js';
import type { Chunk, ImageSet } from './images.js';
import { DATASET_NAMES, datasetSpecSchema, FILE_DATASETS } from './registry.js';
import type { DatasetFacts, DatasetName, DatasetSpec, FileDataset } from './registry.js';
import { SYNTHETIC, SYNTHETIC_SIZES, syntheticImages, syntheticKind } from './synthetic.js';

/** A data set in memory; its digest is that of exactly these images and labels, and an official one's files were checked. */
export interface Dataset extends DatasetFacts {
  readonly name: DatasetName;
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Where to look for data and how to fetch it into the folder that is looked in when none is named. */
export type LoadOptions = DownloadOptions & DataPlace;

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
    const make = (split: Split, count: number): ImageSet =>
      decodeImages([syntheticImages(kind, split, count)], count, image);
    const { train, test } = SYNTHETIC_SIZES;
    const sets = [make('train', trainSize ?? train), make('test', testSize ?? test)] as const;
    return { ...SYNTHETIC, classes: kind.classes, ...digested(sets) };
  }
  const dataset: FileDataset = FILE_DATASETS[name];
  const folder = await findFolder(dataset, options);
  const content = await inspectFolder(folder, dataset);
  const read = async (split: Split, wanted = imagesIn(content[split])): Promise<ImageSet> => {
    const available = imagesIn(content[split]);
    if (wanted > available) {
      const which = split === 'train' ? 'training' : 'test';
      throw new UsageError(
        `${wanted} ${which} images were asked for, ${folder} holds ${available}: ask for fewer, or name the full ${dataset.title} with --data.`,
      );
    }
    // Only as many files as are needed are read; each of them is checked whole.
    const chunks: Chunk[] = [];
    for (let i = 0, have = 0; have < wanted; have += content[split][i].images, i++) {
      chunks.push(await readImageFile(content[split][i], dataset));
    }
    return decodeImages(chunks, wanted, image);
  };
  const sets = [await read('train', trainSize), await read('test', testSize)] as const;
  const { classes, mean, std } = dataset;
  return { name, coverage: content.complete ? 'official' : 'subset', classes, mean, std, ...digested(sets) };
}

function digested(sets: readonly [ImageSet, ImageSet]): Pick<Dataset, 'train' | 'test' | 'digest'> {
  return { train: sets[0], test: sets[1], digest: digestImages(sets) };
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
export function setWithin(place: string, { folder, train, test }: FileDataset): string | undefined {
  const files = [...train, ...test].map(({ name }) => name);
  return folderWithin(place, folder, files);
}

/** The set's folder, downloaded if it is in none that a person named. */
async function findFolder(dataset: FileDataset, options: LoadOptions): Promise<string> {
  const { title, folder: name, train } = dataset;
  const { folder: place, named } = placeOf(options);
  const folder = setWithin(place, dataset);
  if (folder !== undefined) return folder;
  if (!named) return fetchDataset(dataset, place, options);
  throw notWithin(place, name, `${title} as ${name}/${train[0].name} and so on`);
}
