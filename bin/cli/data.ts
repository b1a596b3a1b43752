import { isNotToBeHad } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import type { DataProgress } from '../../lib/datasets/download.js';
import { datasetFolder } from '../../lib/datasets/find.js';
import type { Phase, Progress } from '../../lib/progress.js';
import type { ImageSource } from '../../lib/datasets/source.js';
import type { EvaluationProtocol } from '../../lib/evaluation/protocol.js';
import type { EvaluationImageOptions } from '../../lib/evaluation/run.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import type { Provenance } from '../../lib/search/run.js';

/** How to get at the images. */
export interface DataOptions {
  /** What `--data` said. */
  readonly data?: string;
  /** Where a set is looked for and downloaded to when no place is named; the project's data/ when left out. */
  readonly dataHome?: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const TITLES: Readonly<Record<DataProgress['phase'], string>> = {
  download: 'download of the images (MB)',
  extract: 'unpacking the images (MB)',
};

const MEGABYTE = 1e6;

/**
 * Loads the images of a protocol, with a progress bar if they have to be fetched. The searches that follow in this process
 * get the same ones without loading them again.
 *
 * @throws as lib/datasets/load.ts, loadDataset.
 */
export async function fetchData(
  protocol: SearchProtocol,
  { progress, ...where }: DataOptions,
): Promise<Dataset> {
  const { searchData } = await import('../../lib/search/run.js');
  return withFetchProgress(progress, (onProgress) => searchData(protocol, { onProgress, ...where }));
}

/** As {@link fetchData}, for an evaluation. */
export async function fetchImages(
  protocol: EvaluationProtocol,
  { progress, ...where }: DataOptions & EvaluationImageOptions,
): Promise<ImageSource> {
  const { evaluationImages } = await import('../../lib/evaluation/run.js');
  return withFetchProgress(progress, (onProgress) =>
    evaluationImages(protocol, { progress, onProgress, ...where }),
  );
}

async function withFetchProgress<T>(
  progress: Progress,
  load: (onProgress: (told: DataProgress) => void) => Promise<T>,
): Promise<T> {
  let open: { readonly name: DataProgress['phase']; readonly phase: Phase } | undefined;
  const onProgress = ({ phase: name, done, total }: DataProgress): void => {
    if (open?.name !== name) {
      open?.phase.end();
      open = { name, phase: progress.start(TITLES[name], total / MEGABYTE) };
    }
    open.phase.update(done / MEGABYTE);
  };
  try {
    return await load(onProgress);
  } finally {
    // It was assigned in onProgress, which the compiler does not see.
    (open as { readonly phase: Phase } | undefined)?.phase.end();
  }
}

/** How many photographs a place has. */
export interface PhotoCount {
  readonly train: number;
  readonly test: number;
}

/** How many photographs a folder of one's own has, which a protocol has to say; undefined for every other data set. */
export async function photosThere(
  dataset: string | undefined,
  data: string | undefined,
): Promise<PhotoCount | undefined> {
  if (dataset !== 'folder') return undefined;
  if ((data ?? process.env.ZARTS_DATA) === 'synthetic') return { train: 4000, test: 1000 };
  const { photosOf } = await import('../../lib/datasets/imagenet.js');
  const { train, test } = await photosOf('folder', { data });
  return { train: train.entries.length, test: test.entries.length };
}

/**
 * The images that a run was made on, as its result says it: "cifar10 images (subset: 3 of 10 classes; 500 training and 100 test
 * images found)".
 */
export function imagesText({ name, coverage, classes, found }: Provenance['data']): string {
  if (coverage === 'synthetic') return 'synthetic images';
  const few = classes && classes.occurring < classes.all;
  const number = (value: number): string => value.toLocaleString('en-US');
  const told = [
    ...(classes && (few || coverage !== 'official')
      ? [`${few ? `${number(classes.occurring)} of ${number(classes.all)}` : number(classes.all)} classes`]
      : []),
    ...(found && coverage !== 'official'
      ? [`${number(found.train)} training and ${number(found.test)} test images found`]
      : []),
  ];
  return `${name} images (${coverage}${told.length > 0 ? `: ${told.join('; ')}` : ''})`;
}

/** What is otherwise than in the paper in the images that a run was made on, which only a finished one knows. */
export function imageDeviations(coverage: string): string[] {
  if (coverage === 'own') return ['The images are your own, none of the paper’s data sets.'];
  if (coverage === 'subset') return ['The images are a subset of the data set, not the official files.'];
  if (coverage !== 'synthetic') return [];
  return ['The images are computed ones (the synthetic set), not photographs.'];
}

/**
 * As {@link fetchData}; where no place is named, nothing is there yet and the download fails, the synthetic set instead.
 *
 * @returns  What to pass on as `data`, and the sentence that says why the images are synthetic, if that is so.
 */
export async function fetchDataOrSynthetic(
  protocol: SearchProtocol,
  options: DataOptions,
): Promise<{ readonly data?: string; readonly failure?: string }> {
  const { data, dataHome } = options;
  const given = data ?? process.env.ZARTS_DATA ?? '';
  const { name } = protocol.dataset;
  const absent =
    given === '' &&
    name !== 'synthetic' &&
    name !== 'folder' &&
    datasetFolder(name, { dataHome }) === undefined;
  try {
    await fetchData(protocol, options);
    return data === undefined ? {} : { data };
  } catch (error) {
    if (!absent || !isNotToBeHad(error)) throw error;
    return { data: 'synthetic', failure: error.message };
  }
}
