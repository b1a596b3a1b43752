import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { exclusively } from '../engine/index.js';
import type { HostArray, HostArrays } from '../engine/index.js';
import { InterruptedError, ZartsError } from '../errors.js';
import { foldIn, key, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { logSumExp } from '../math/vec.js';
import { silent } from '../progress.js';
import type { Progress } from '../progress.js';
import type { JsonValue } from '../runs/canonical.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import type { StateStore } from '../runs/kept.js';
import { cosineLr, dropPathAt, imagenetLr } from '../search/schedules.js';
import type { ImageSource, TrainingBatches } from '../datasets/source.js';
import { isNoisy, trainingProgram, zeroState } from './program.js';
import type { TrainingProgram } from './program.js';
import { checkEvaluationData } from './protocol.js';
import type { EvaluationProtocol } from './protocol.js';

/**
 * Training a network from scratch and testing it after every epoch (DARTS `train.py`, with the faults of the released
 * code's own mended: FIDELITY b26–b29). What counts is the error after the last epoch; the best epoch is logged beside it.
 */

/** What one pass over test images gave. */
export interface TestRecord {
  /** Percent of the images that are classified wrongly. */
  readonly errorPct: number;
  /** The same where the label is not among the five highest scores; null with five classes or fewer. */
  readonly top5ErrorPct: number | null;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
}

/** What happened in one epoch of training. */
export interface TrainingEpoch {
  readonly epoch: number;
  readonly lr: number;
  /** Probability of drop path; null for a network trained without. */
  readonly dropPath: number | null;
  /** Mean training loss in nats (the weighted auxiliary loss included) and accuracy over the batches, before each step. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Of the whole test set after the epoch, with running statistics. */
  readonly test: TestRecord;
}

/** What an evaluation found. */
export interface EvaluationResult {
  /** After the last epoch: the result. */
  readonly test: TestRecord;
  /**
   * The epoch with the lowest test error (the first of several), as the released code reports it. It is chosen on the test
   * images and therefore optimistic.
   */
  readonly best: { readonly epoch: number; readonly errorPct: number };
  /**
   * For a network with the noise operation: test errors of further passes over the test images after the last epoch, each
   * with other draws; null for others.
   */
  readonly noisePasses: readonly number[] | null;
  readonly epochs: readonly TrainingEpoch[];
  readonly steps: number;
  /** Trainable parameters, those of the auxiliary head included. */
  readonly trainedParameters: number;
  readonly classes: number;
}

export interface TrainOptions {
  readonly images: ImageSource;
  /** Metrics and checkpoints go here. Default: nowhere. */
  readonly store?: StateStore;
  /** The checkpoint to go on from. */
  readonly from?: Checkpoint | undefined;
  readonly progress?: Progress;
  /** Stops the training after the step under way; its state is saved first. */
  readonly signal?: AbortSignal;
  /** false: run TensorFlow.js eagerly, for debugging. */
  readonly compile?: boolean;
  /** Called with each epoch's record as it is made. */
  readonly onEpoch?: (record: TrainingEpoch) => void;
}

/** Seconds after which a checkpoint is due within an epoch; every epoch's end has one. */
const CHECKPOINT_SECONDS = 30;

/**
 * Trains and tests the network of a protocol.
 *
 * The same protocol on the same data gives the same result to the last bit on the same machine, whether it is run at once
 * or stopped and resumed any number of times.
 *
 * @throws {UsageError} if the protocol asks for more images than there are.
 * @throws {ZartsError} if a loss is not finite; the message names step and seed, and the last checkpoint stays.
 * @throws {InterruptedError} if `signal` is aborted; the state is in the store.
 */
export async function train(protocol: EvaluationProtocol, options: TrainOptions): Promise<EvaluationResult> {
  checkEvaluationData(protocol, options.images);
  return exclusively(() => new Training(protocol, options).run());
}

/** Sums over the epoch under way; plain numbers, so that a checkpoint can hold them. */
interface EpochSums {
  readonly steps: number;
  readonly loss: number;
  readonly correct: number;
}

const NO_SUMS: EpochSums = { steps: 0, loss: 0, correct: 0 };

class Training {
  private readonly classifier: TrainingProgram['classifier'];
  private readonly program: TrainingProgram['program'];
  private readonly keys: Record<'init' | 'batches' | 'augment' | 'noise' | 'test', Key>;
  private readonly batches: TrainingBatches;
  /** Steps in all. */
  private readonly steps: number;
  private readonly noisy: boolean;
  private step = 0;
  private sums = NO_SUMS;
  private readonly epochs: TrainingEpoch[] = [];

  constructor(
    private readonly protocol: EvaluationProtocol,
    private readonly options: TrainOptions,
  ) {
    const { images, from } = options;
    const made = trainingProgram(protocol, images.classes.length, options.compile ?? true);
    this.classifier = made.classifier;
    this.program = made.program;
    const names = ['init', 'batches', 'augment', 'noise', 'test'] as const;
    const keys = split(key(protocol.seed), names.length);
    this.keys = Object.fromEntries(names.map((name, i) => [name, keys[i]])) as Training['keys'];
    const { dataset, batchSize, epochs, cutout } = protocol;
    this.steps = epochs * Math.floor(dataset.trainSize / batchSize);
    this.batches = images.training({
      trainSize: dataset.trainSize,
      batchSize,
      steps: this.steps,
      cutout,
      order: this.keys.batches,
      augment: this.keys.augment,
    });
    this.noisy = isNoisy(protocol);
    if (from) this.load(from);
    else this.writeState({ weights: this.classifier.init(this.keys.init) });
  }

  async run(): Promise<EvaluationResult> {
    const { steps } = this;
    const { perEpoch } = this.batches;
    const phase = (this.options.progress ?? silent).start(this.title, steps, this.step);
    let saved = performance.now();
    try {
      while (this.step < steps) {
        await this.trainStep();
        const epochEnds = this.step % perEpoch === 0;
        if (epochEnds) await this.endEpoch();
        phase.update(this.step, this.note());
        // Signals and a notebook's interrupts are delivered between steps.
        await yieldToEvents();
        const stopped = this.options.signal?.aborted ?? false;
        if (epochEnds || stopped || performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
          this.options.store?.saveCheckpoint(this.checkpoint());
          saved = performance.now();
        }
        if (stopped && this.step < steps) {
          throw new InterruptedError(
            `Stopped after step ${this.step} of ${steps}; the same command goes on from there.`,
          );
        }
      }
      return await this.result();
    } finally {
      phase.end();
    }
  }

  private get title(): string {
    const { network, preset, seed } = this.protocol;
    const what = network.kind === 'linear' ? 'linear baseline' : `network ${preset}`;
    return `train ${what} seed ${seed}`;
  }

  private note(): string {
    const { steps, loss } = this.sums;
    const last = this.epochs.at(-1);
    const current = steps > 0 ? loss / steps : (last?.trainLoss ?? NaN);
    const epoch = Math.min(this.epochs.length + 1, this.protocol.epochs);
    const tested = last ? `, test error ${last.test.errorPct.toFixed(1)} %` : '';
    return `epoch ${epoch}/${this.protocol.epochs}, loss ${current.toFixed(3)}${tested}`;
  }

  private get epoch(): number {
    return this.epochs.length;
  }

  private lr(): number {
    const { epochs, weights } = this.protocol;
    const { lr, warmup } = weights;
    return weights.schedule === 'cosine'
      ? cosineLr(this.epoch, { epochs, lr, lrMin: 0 })
      : imagenetLr(this.epoch, { epochs, lr, warmup });
  }

  /** The probability of drop path in this epoch; null for a network trained without. */
  private dropPath(): number | null {
    const { network, epochs } = this.protocol;
    if (network.kind === 'linear' || network.dropPath === 0) return null;
    return dropPathAt(this.epoch, { epochs, probability: network.dropPath });
  }

  private async trainStep(): Promise<void> {
    const batch = await this.batches.at(this.step);
    const dropPath = this.dropPath();
    const inputs: HostArrays = {
      ...batch,
      lr: scalar(this.lr()),
      seed: seedOf(foldIn(this.keys.noise, this.step)),
      ...(dropPath === null ? {} : { dropPath: scalar(dropPath) }),
    };
    const { loss, correct } = this.program.call('train', inputs, { outputs: ['loss', 'correct'] });
    if (!Number.isFinite(loss.data[0])) {
      throw new ZartsError(
        `The loss is ${loss.data[0]} at step ${this.step} of "${this.title}"; the last checkpoint before it is kept. A smaller weights.lr or weights.clip usually helps.`,
      );
    }
    this.sums = {
      steps: this.sums.steps + 1,
      loss: this.sums.loss + loss.data[0],
      correct: this.sums.correct + correct.data[0],
    };
    this.step += 1;
  }

  /**
   * One pass over the test images in inference mode.
   *
   * @param pass  Numbers the draws of the noise operation.
   */
  private async test(pass: number): Promise<TestRecord> {
    const { batchSize, dataset } = this.protocol;
    const passKey = foldIn(this.keys.test, pass);
    const sums = { wrong: 0, wrong5: 0, loss: 0 };
    let classes = 0;
    for (let start = 0; start < dataset.testSize; start += batchSize) {
      const count = Math.min(batchSize, dataset.testSize - start);
      const { images, labels } = await this.options.images.test(start, count);
      // The program's batches have one size: the last one is filled up with empty images, which are not looked at.
      const filled = new Float32Array((images.data.length / count) * batchSize);
      filled.set(images.data);
      const { logits } = this.program.call('test', {
        images: { shape: [batchSize, ...images.shape.slice(1)], data: filled },
        seed: seedOf(foldIn(passKey, start)),
      });
      classes = logits.shape[1];
      for (let i = 0; i < count; i++) {
        const scores = Float64Array.from(logits.data.subarray(i * classes, (i + 1) * classes));
        const { rank, loss } = judge(scores, labels.data[i]);
        if (rank > 0) sums.wrong += 1;
        if (rank >= 5) sums.wrong5 += 1;
        sums.loss += loss;
      }
      await yieldToEvents();
    }
    if (!Number.isFinite(sums.loss)) {
      throw new ZartsError(
        `The test loss is ${sums.loss} after step ${this.step} of "${this.title}"; the last checkpoint before it is kept. A smaller weights.lr or weights.clip usually helps.`,
      );
    }
    const { testSize } = dataset;
    return {
      errorPct: (100 * sums.wrong) / testSize,
      top5ErrorPct: classes > 5 ? (100 * sums.wrong5) / testSize : null,
      loss: sums.loss / testSize,
    };
  }

  private async endEpoch(): Promise<void> {
    const { sums } = this;
    const record: TrainingEpoch = {
      epoch: this.epoch,
      lr: this.lr(),
      dropPath: this.dropPath(),
      trainLoss: sums.loss / sums.steps,
      trainAccuracy: sums.correct / (sums.steps * this.protocol.batchSize),
      test: await this.test(this.epoch),
    };
    this.options.store?.appendMetrics({ step: this.step, kind: 'epoch', ...record } as { step: number });
    this.epochs.push(record);
    this.sums = NO_SUMS;
    this.options.onEpoch?.(record);
  }

  private async result(): Promise<EvaluationResult> {
    const { epochs, protocol } = this;
    const { test } = epochs.at(-1)!;
    const best = epochs.reduce((a, b) => (b.test.errorPct < a.test.errorPct ? b : a));
    let noisePasses: number[] | null = null;
    if (this.noisy) {
      noisePasses = [];
      for (let pass = 0; pass < protocol.noisePasses; pass++) {
        noisePasses.push((await this.test(protocol.epochs + pass)).errorPct);
      }
    }
    return {
      test,
      best: { epoch: best.epoch, errorPct: best.test.errorPct },
      noisePasses,
      epochs,
      steps: this.step,
      trainedParameters: this.classifier.layout.size,
      classes: this.options.images.classes.length,
    };
  }

  /** Writes state entries; those left out start anew. */
  private writeState(entries: Readonly<Record<string, Float32Array>>): void {
    const given = Object.entries(entries).map(([name, data]) => [name, { shape: [data.length], data }]);
    this.program.write({ ...zeroState(this.classifier), ...(Object.fromEntries(given) as HostArrays) });
  }

  private checkpoint(): Checkpoint {
    const state = this.program.read();
    return {
      step: this.step,
      meta: { sums: { ...this.sums }, epochs: this.epochs } as unknown as JsonValue,
      tensors: Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, data])),
    };
  }

  private load({ step, meta, tensors }: Checkpoint): void {
    const { sums, epochs } = meta as unknown as { sums: EpochSums; epochs: TrainingEpoch[] };
    this.step = step;
    this.sums = sums;
    this.epochs.push(...epochs);
    this.writeState(tensors as Record<string, Float32Array>);
  }
}

/** How many scores are above the label's (equal ones of lower classes count as above), and the cross-entropy in nats. */
export function judge(scores: Float64Array, label: number): { rank: number; loss: number } {
  const own = scores[label];
  let rank = 0;
  scores.forEach((score, c) => {
    // argMax takes the first of equal scores. A score that is no number leaves nothing right.
    if (score > own || (score === own && c < label) || Number.isNaN(score)) rank += 1;
  });
  return { rank, loss: logSumExp(scores) - own };
}

function scalar(value: number): HostArray {
  return { shape: [], data: Float32Array.of(value) };
}

function seedOf([high, low]: Key): HostArray {
  return { shape: [2], data: Int32Array.of(high, low) };
}
