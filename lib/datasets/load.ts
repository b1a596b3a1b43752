import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UsageError, unknownName } from '../errors.js';
import type { Split } from './catalog.js';
import { folderWithin, notWithin, NotWithinError, placeOf } from './disk.js';
import type { DataPlace } from './disk.js';
import { fetchDataset, UnreachableError } from './download.js';
import type { DownloadOptions } from './download.js';
import { imagesIn, inspectFolder, readImageFile } from './files.js';
import { decodeImages, digestImages } from './images.js';
import { photoFoldersWithin } from './photo-folder.js';
import type { Chunk, ImageSet } from './images.js';
import { DATASET_NAMES, datasetSpecSchema, FILE_DATASETS, layoutsOf } from './registry.js';
import type { DatasetFacts, DatasetSpec, FileDatasetName, FileLayout } from './registry.js';
import { SYNTHETIC, SYNTHETIC_SIZES, syntheticImages, syntheticKind } from './synthetic.js';

/** A data set in memory; its digest is that of exactly these images and labels, and an official one's files were checked. */
export interface Dataset extends DatasetFacts {
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
  const { folder, layout: dataset } = await findFolder(name, options);
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
  const coverage = content.complete ? 'official' : 'subset';
  const found = { train: imagesIn(content.train), test: imagesIn(content.test) };
  return { name, coverage, classes, found, mean, std, ...digested(sets) };
}

/** What is known of a data set once its images are in memory. */
export function digested(
  sets: readonly [ImageSet, ImageSet],
): Pick<Dataset, 'train' | 'test' | 'digest' | 'occurring'> {
  const occurring = new Set(sets.flatMap(({ labels }) => [...labels])).size;
  return { train: sets[0], test: sets[1], digest: digestImages(sets), occurring };
}

/**
 * Whether an error says that images are not to be had: a folder that was named lacks them, or they could not be downloaded. What
 * else goes wrong (no room, a wrong digest, no permission) is a fault to be mended.
 */
export const isNotToBeHad = (error: unknown): error is NotWithinError | UnreachableError =>
  error instanceof NotWithinError || error instanceof UnreachableError;

function checkSpec(spec: DatasetSpec): DatasetSpec {
  if (typeof spec.name === 'string' && !DATASET_NAMES.includes(spec.name)) {
    throw unknownName('data set', spec.name, DATASET_NAMES);
  }
  const parsed = datasetSpecSchema.safeParse(spec);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`Data set setting ${issue.path.join('.') || '(all)'}: ${issue.message}.`);
}

/** A set's own folder, and the layout of its files. */
export interface FoundLayout {
  readonly folder: string;
  readonly layout: FileLayout;
}

/** The set's own folder in a place. */
export function setWithin(place: string, name: FileDatasetName): FoundLayout | undefined {
  return layoutsOf(name)
    .map((layout) => {
      const { folder, train, test, format } = layout;
      // Pickles have names without an ending, which other folders have too.
      const marks = format === 'pickled' ? [layout.classFile] : [...train, ...test].map((file) => file.name);
      return { folder: folderWithin(place, folder, marks), layout };
    })
    .find((found): found is FoundLayout => found.folder !== undefined);
}

/** The set's folder; unpacked from an official archive beside it, or downloaded if it is in none that a person named. */
async function findFolder(name: FileDatasetName, options: LoadOptions): Promise<FoundLayout> {
  const { folder: place, named } = placeOf(options);
  const found = setWithin(place, name);
  if (found !== undefined) return found;
  const layouts = layoutsOf(name);
  const packed = layouts.find((each) => 'archive' in each && existsSync(join(place, each.archive.name)));
  const [usual] = layouts;
  const layout = packed ?? usual;
  if (packed !== undefined || !named) return { folder: await fetchDataset(layout, place, options), layout };
  const others = layouts.slice(1).map(({ folder }) => ` or ${folder}/`);
  const holds = `${usual.title} as ${usual.folder}/${usual.train[0].name} and so on${others.join('')}`;
  throw notWithin(place, usual.folder, holds, describeBeside(place));
}

/** What a place holds that could be used, and how: one sentence; undefined for nothing. */
export function describeBeside(place: string): string | undefined {
  const sets = (Object.keys(FILE_DATASETS) as FileDatasetName[]).flatMap((name) => {
    const found = setWithin(place, name);
    return found ? [`${basename(found.folder)}/ (--dataset ${name})`] : [];
  });
  const photos = photoFoldersWithin(place).map(
    (folder) => `${folder}/ (--dataset folder --data ${join(place, folder)})`,
  );
  const there = [...sets, ...photos];
  return there.length === 0 ? undefined : `There is ${there.join(', ')}.`;
}
