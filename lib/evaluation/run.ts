import { openImageNet } from '../datasets/imagenet.js';
import type { OpenPhotosOptions } from '../datasets/imagenet.js';
import { loadDataset } from '../datasets/load.js';
import type { LoadOptions } from '../datasets/load.js';
import { photoSource } from '../datasets/photo-source.js';
import type { PrepareSettings } from '../datasets/prepared.js';
import { device } from '../engine/index.js';
import { UsageError } from '../errors.js';
import type { Progress } from '../progress.js';
import { thisMachine } from '../runs/environment.js';
import type { Machine } from '../runs/environment.js';
import { openRun } from '../runs/store.js';
import type { Run } from '../runs/store.js';
import { memoryImages } from './images.js';
import type { ImageSource } from './images.js';
import type { EvaluationProtocol } from './protocol.js';
import { train } from './train.js';
import type { EvaluationResult, TrainingEpoch } from './train.js';

/** How a result came about; kept beside every result, never part of what decides it. */
export interface EvaluationProvenance extends Machine {
  readonly engine: ReturnType<typeof device>;
  readonly data: {
    readonly name: string;
    readonly coverage: string;
    readonly digest: string;
    /** How photographs were shrunk beforehand, if they were. */
    readonly prepared?: PrepareSettings;
    /** Photographs that could not be decoded and were passed over, with the reasons, if there were any. */
    readonly undecodable?: Readonly<Record<string, string>>;
  };
  /** Seconds of computing, over all parts of a resumed run. */
  readonly seconds: number;
  /** Training images a second, testing and everything else included. */
  readonly imagesPerSecond: number;
}

/** A finished evaluation: its result, where it is kept, and how it came about. */
export interface FinishedEvaluation {
  readonly protocol: EvaluationProtocol;
  readonly result: EvaluationResult;
  readonly provenance: EvaluationProvenance;
  /** The run's key in the store. */
  readonly key: string;
  /** Whether the result was there already. */
  readonly known: boolean;
}

/** Where images come from; of photographs also whether they are shrunk beforehand, and what about undecodable ones. */
export interface EvaluationImageOptions
  extends LoadOptions, Pick<OpenPhotosOptions, 'prepare' | 'onUndecodable' | 'progress'> {}

export interface RunEvaluationOptions extends EvaluationImageOptions {
  /** The folder of runs. Default: `$ZARTS_HOME`, else `.zarts/runs` of the project. */
  readonly home?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** false: run TensorFlow.js eagerly. */
  readonly compile?: boolean;
  readonly onEpoch?: (record: TrainingEpoch) => void;
}

/**
 * The evaluation that a protocol describes, through the run store: a finished one is returned at once, an interrupted one
 * goes on from its last checkpoint. The trained weights stay in the run's last checkpoint.
 *
 * @throws {UsageError} for a protocol that does not fit the data; {ZartsError} for missing data, a run that another process
 *         works on, a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function runEvaluation(
  protocol: EvaluationProtocol,
  options: RunEvaluationOptions = {},
): Promise<FinishedEvaluation> {
  const images = await evaluationImages(protocol, options);
  const run = openEvaluation(protocol, images, options.home);
  const known = finished(protocol, run, true);
  if (known) return known;
  const release = run.lock();
  try {
    // Another process may have finished it while this one waited.
    const meanwhile = finished(protocol, run, true);
    if (meanwhile) return meanwhile;
    return await compute(protocol, images, run, options);
  } finally {
    release();
  }
}

/** The run of a protocol on these images. */
export function openEvaluation(
  protocol: EvaluationProtocol,
  { digest }: Pick<ImageSource, 'digest'>,
  home?: string,
): Run {
  return openRun({ protocol, dataDigest: digest, ...(home === undefined ? {} : { home }) });
}

/** Where a run's own clock is kept between interruptions. */
interface Timed {
  readonly seconds: number;
}

async function compute(
  protocol: EvaluationProtocol,
  images: ImageSource,
  run: Run,
  options: RunEvaluationOptions,
): Promise<FinishedEvaluation> {
  const from = run.resume();
  const before = (from?.meta as { timed?: Timed } | undefined)?.timed?.seconds ?? 0;
  const started = performance.now();
  const seconds = () => before + (performance.now() - started) / 1000;
  const result = await train(protocol, {
    images,
    from,
    store: {
      appendMetrics: (record) => {
        run.appendMetrics(record);
      },
      saveCheckpoint: (checkpoint) => {
        run.saveCheckpoint({
          ...checkpoint,
          meta: { ...(checkpoint.meta as object), timed: { seconds: seconds() } },
        });
      },
    },
    ...(options.progress ? { progress: options.progress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.compile === undefined ? {} : { compile: options.compile }),
    ...(options.onEpoch ? { onEpoch: options.onEpoch } : {}),
  });
  const { name, coverage, digest } = images;
  const undecodable = images.undecodable?.() ?? new Map<string, string>();
  const provenance: EvaluationProvenance = {
    ...thisMachine(),
    engine: device(),
    data: {
      name,
      coverage,
      digest,
      ...(images.prepared ? { prepared: images.prepared } : {}),
      ...(undecodable.size > 0 ? { undecodable: Object.fromEntries(undecodable) } : {}),
    },
    seconds: seconds(),
    imagesPerSecond: (result.steps * protocol.batchSize) / seconds(),
  };
  run.finish(result, provenance);
  return finished(protocol, run, false)!;
}

function finished(protocol: EvaluationProtocol, run: Run, known: boolean): FinishedEvaluation | undefined {
  const record = run.record();
  if (!record) return undefined;
  return {
    protocol,
    result: record.result as unknown as EvaluationResult,
    provenance: record.provenance as unknown as EvaluationProvenance,
    key: run.key,
    known,
  };
}

let loaded: { readonly key: string; readonly images: Promise<ImageSource> } | undefined;

/**
 * The images of a protocol; the last ones loaded are kept, since the seeds of an evaluation and its baseline all read the
 * same.
 */
export function evaluationImages(
  protocol: Pick<EvaluationProtocol, 'dataset'>,
  options: EvaluationImageOptions = {},
): Promise<ImageSource> {
  const { data, dataHome, prepare, onUndecodable } = options;
  const key = JSON.stringify([
    protocol.dataset,
    data,
    dataHome,
    process.env.ZARTS_DATA,
    prepare,
    onUndecodable,
  ]);
  if (loaded?.key !== key) {
    const images = loadImages(protocol.dataset, options);
    loaded = { key, images };
    // A failure is not kept: the files may be there at the next call.
    images.catch(() => (loaded = undefined));
  }
  return loaded.images;
}

async function loadImages(
  { name, imageSide, trainSize, testSize, classes }: EvaluationProtocol['dataset'],
  options: EvaluationImageOptions,
): Promise<ImageSource> {
  if (name === 'imagenet') {
    const photos = await openImageNet({
      ...options,
      trainSize,
      testSize,
      ...(classes === undefined ? {} : { classes }),
    });
    return photoSource(photos, {
      side: imageSide,
      ...(options.onUndecodable ? { onUndecodable: options.onUndecodable } : {}),
    });
  }
  if (imageSide !== 8 && imageSide !== 16 && imageSide !== 32) {
    throw new UsageError(`dataset.imageSide is ${imageSide}; for ${name} it must be one of 8, 16, 32.`);
  }
  return memoryImages(await loadDataset({ name, image: imageSide, trainSize, testSize }, options));
}
