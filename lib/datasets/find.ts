import { join } from 'node:path';
import { ZartsError } from '../errors.js';
import { placeOf } from './disk.js';
import type { DataPlace } from './disk.js';
import { digestContent, imagesIn, inspectFolder } from './files.js';
import { imageNetWithin, photosIn } from './imagenet.js';
import { setWithin } from './load.js';
import { FILE_DATASETS, IMAGENET } from './registry.js';
import type { DatasetFacts, FileDatasetName } from './registry.js';

/** The name of a data set that is looked for on a disk. */
type StoredName = FileDatasetName | 'imagenet';

/** What is known of a data set on this machine without reading its images. */
export interface FoundDataset extends Pick<DatasetFacts, 'name'> {
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

/** The folder of a data set in the place that a run would use; undefined where there is none. */
export function datasetFolder(name: StoredName, where: DataPlace = {}): string | undefined {
  const { folder: place } = placeOf(where);
  return name === 'imagenet' ? imageNetWithin(place) : setWithin(place, name)?.folder;
}

/**
 * Looks for every data set that is read from files, in the place that a run would use, from lists of files, sizes and
 * headers alone.
 *
 * @param options  `digest`: read the files too, for their digest, by which official ones are checked (without it that is
 *   done when they are loaded).
 */
export function findDatasets({
  digest = false,
  ...where
}: DataPlace & { readonly digest?: boolean } = {}): Promise<FoundDataset[]> {
  const names = [...(Object.keys(FILE_DATASETS) as FileDatasetName[]), 'imagenet'] as const;
  const find = async (name: StoredName): Promise<FoundDataset> => {
    const folder = datasetFolder(name, where);
    const none = { name, train: 0, test: 0 };
    if (folder === undefined) {
      const official = name === 'imagenet' ? IMAGENET.folder : FILE_DATASETS[name].folder;
      return { ...none, folder: join(placeOf(where).folder, official), status: 'absent' };
    }
    try {
      const { complete, ...found } =
        name === 'imagenet' ? await photographs(folder) : await files(folder, name, digest);
      return { name, folder, status: complete ? 'official' : 'subset', ...found };
    } catch (error) {
      if (!(error instanceof ZartsError)) throw error;
      return { ...none, folder, status: 'damaged', problem: error.message };
    }
  };
  return Promise.all(names.map(find));
}

async function photographs(folder: string) {
  const { complete, train, test, digest } = await photosIn(folder);
  return { complete, train: train.entries.length, test: test.entries.length, digest };
}

async function files(folder: string, name: FileDatasetName, digest: boolean) {
  const layout = setWithin(folder, name)?.layout ?? FILE_DATASETS[name];
  const content = await inspectFolder(folder, layout);
  const { complete, train, test } = content;
  const read = digest ? { digest: await digestContent(content, layout) } : {};
  return { complete, train: imagesIn(train), test: imagesIn(test), ...read };
}
