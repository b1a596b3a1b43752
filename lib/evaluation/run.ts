import type { PrepareSettings } from '../datasets/catalog.js';
import { openPhotos } from '../datasets/imagenet.js';
import type { OpenPhotosOptions } from '../datasets/imagenet.js';
import { loadDataset } from '../datasets/load.js';
import type { LoadOptions } from '../datasets/load.js';
import { isPhotoDataset } from '../datasets/registry.js';
import { memoryImages, photoSource } from '../datasets/source.js';
import type { ImageSource } from '../datasets/source.js';
import { device } from '../engine/index.js';
import { UsageError } from '../errors.js';
import { keepLatest } from '../latest.js';
import { runKind } from '../runs/kept.js';
import type { Kept, KeptOptions, Kind } from '../runs/kept.js';
import { provenance } from '../search/run.js';
import type { Provenance } from '../search/run.js';
import type { EvaluationProtocol } from './protocol.js';
import { train } from './train.js';
import type { EvaluationResult, TrainingEpoch } from './train.js';

/** How a result came about; kept beside every result, never part of what decides it. */
export interface EvaluationProvenance extends Provenance {
  readonly data: Provenance['data'] & {
    /** How photographs were shrunk beforehand, if they were. */
    readonly prepared?: PrepareSettings;
    /** Photographs that could not be decoded and were passed over, with the reasons, if there were any. */
    readonly undecodable?: Readonly<Record<string, string>>;
  };
  /** Training images a second, testing and everything else included. */
  readonly imagesPerSecond: number;
}

/** A finished evaluation. */
export type FinishedEvaluation = Kept<EvaluationProtocol, EvaluationResult, EvaluationProvenance>;

/** Where images come from; of photographs also whether they are shrunk beforehand, and what about undecodable ones. */
export interface EvaluationImageOptions
  extends LoadOptions, Pick<OpenPhotosOptions, 'prepare' | 'onUndecodable' | 'progress'> {}

export interface RunEvaluationOptions extends KeptOptions, EvaluationImageOptions {
  readonly onEpoch?: (record: TrainingEpoch) => void;
}

/** The training and testing of a network, as a kind of run. */
export const TRAINING: Kind<
  EvaluationProtocol,
  ImageSource,
  EvaluationResult,
  EvaluationProvenance,
  RunEvaluationOptions
> = {
  data: evaluationImages,
  engine: device,
  compute: ({ protocol, data: images, run }, options) => train(protocol, { ...options, ...run, images }),
  provenance: (images, seconds, { steps }, { batchSize }) => {
    const { prepared } = images;
    const undecodable = images.undecodable();
    const found = provenance(images, seconds);
    const data = {
      ...found.data,
      ...(prepared ? { prepared } : {}),
      ...(undecodable.size > 0 ? { undecodable: Object.fromEntries(undecodable) } : {}),
    };
    return { ...found, data, imagesPerSecond: (steps * batchSize) / seconds };
  },
};

/**
 * The evaluation that a protocol describes, through the run store. The trained weights stay in the run's last checkpoint.
 *
 * @throws as {@link runKind}.
 */
export function runEvaluation(
  protocol: EvaluationProtocol,
  options: RunEvaluationOptions = {},
): Promise<FinishedEvaluation> {
  return runKind(TRAINING, protocol, options);
}

const latestImages = keepLatest<Promise<ImageSource>>();

/**
 * The images of a protocol; the last ones loaded are kept, since the seeds of an evaluation and its baseline all read the
 * same.
 */
export function evaluationImages(
  protocol: Pick<EvaluationProtocol, 'dataset'>,
  options: EvaluationImageOptions = {},
): Promise<ImageSource> {
  const { data, dataHome, prepare, onUndecodable } = options;
  const parts = [protocol.dataset, data, dataHome, process.env.ZARTS_DATA, prepare, onUndecodable];
  return latestImages(parts, () => loadImages(protocol.dataset, options));
}

async function loadImages(
  { name, imageSide, trainSize, testSize, classes }: EvaluationProtocol['dataset'],
  options: EvaluationImageOptions,
): Promise<ImageSource> {
  if (isPhotoDataset(name)) {
    const photos = await openPhotos(name, { ...options, trainSize, testSize, classes });
    const { onUndecodable } = options;
    return photoSource(photos, { side: imageSide, ...(onUndecodable ? { onUndecodable } : {}) });
  }
  if (imageSide !== 8 && imageSide !== 16 && imageSide !== 32) {
    throw new UsageError(`dataset.imageSide is ${imageSide}; for ${name} it must be one of 8, 16, 32.`);
  }
  return memoryImages(await loadDataset({ name, image: imageSide, trainSize, testSize }, options));
}
