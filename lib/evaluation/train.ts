import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { exclusively, scalar, seed } from '../engine/index.js';
import type { HostArrays } from '../engine/index.js';
import { ZartsError } from '../errors.js';
import { foldIn, key, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { logSumExp } from '../math/vec.js';
import { packState } from '../runs/checkpoint.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import type { KeptOptions, KeptRun } from '../runs/kept.js';
import { inSteps } from '../runs/steps.js';
import { cosineLr, imagenetLr, linearly } from '../search/schedules.js';
import type { ImageSource, TrainingBatches } from '../datasets/source.js';
import { filledUp, isNoisy, stateArrays, trainingProgram, zeroState } from './program.js';
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

export interface TrainOptions extends Omit<KeptOptions, 'home'>, Partial<KeptRun> {
  readonly images: ImageSource;
  /** Called with each epoch's record as it is made. */
  readonly onEpoch?: (record: TrainingEpoch) => void;
}

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

/** What random numbers are drawn for, each from a key of its own. */
const KEYS = ['init', 'batches', 'augment', 'noise', 'test'] as const;

class Training {
  private readonly classifier: TrainingProgram['classifier'];
  private readonly program: TrainingProgram['program'];
  private readonly keys: Record<(typeof KEYS)[number], Key>;
  private readonly batches: TrainingBatches;
  /** Steps in all. */
  private readonly steps: number;
  private step: number;
  private sums: EpochSums;
  private readonly epochs: TrainingEpoch[];

  constructor(
    private readonly protocol: EvaluationProtocol,
    private readonly options: TrainOptions,
  ) {
    const { images, from, compile = true } = options;
    const { dataset, batchSize, epochs, cutout } = protocol;
    const { classifier, program } = trainingProgram(protocol, images.classes.length, compile);
    [this.classifier, this.program] = [classifier, program];
    const keys = split(key(protocol.seed), KEYS.length);
    this.keys = Object.fromEntries(KEYS.map((name, i) => [name, keys[i]])) as Training['keys'];
    this.steps = epochs * Math.floor(dataset.trainSize / batchSize);
    this.batches = images.training({
      trainSize: dataset.trainSize,
      batchSize,
      steps: this.steps,
      cutout,
      order: this.keys.batches,
      augment: this.keys.augment,
    });
    const state = from?.meta as unknown as { sums: EpochSums; epochs: TrainingEpoch[] } | undefined;
    this.step = from?.step ?? 0;
    this.sums = state?.sums ?? NO_SUMS;
    this.epochs = [...(state?.epochs ?? [])];
    const arrays = from?.tensors ?? { weights: classifier.init(this.keys.init) };
    program.write({ ...zeroState(classifier), ...stateArrays(arrays) });
  }

  async run(): Promise<EvaluationResult> {
    await inSteps(
      {
        title: this.title,
        total: this.steps,
        position: () => this.step,
        step: async () => {
          await this.trainStep();
          const epochEnds = this.step % this.batches.perEpoch === 0;
          if (epochEnds) await this.endEpoch();
          return epochEnds;
        },
        note: () => this.note(),
        checkpoint: () => this.checkpoint(),
      },
      this.options,
    );
    return this.result();
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
    const epoch = Math.min(this.epoch + 1, this.protocol.epochs);
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
    return linearly(this.epoch, { epochs, to: network.dropPath });
  }

  private async trainStep(): Promise<void> {
    const batch = await this.batches.at(this.step);
    const dropPath = this.dropPath();
    const inputs: HostArrays = {
      ...batch,
      lr: scalar(this.lr()),
      seed: seed(foldIn(this.keys.noise, this.step)),
      ...(dropPath === null ? {} : { dropPath: scalar(dropPath) }),
    };
    const { loss, correct } = this.program.call('train', inputs, { outputs: ['loss', 'correct'] });
    this.checkFinite(loss.data[0], `The loss is ${loss.data[0]} at`);
    this.sums = {
      steps: this.sums.steps + 1,
      loss: this.sums.loss + loss.data[0],
      correct: this.sums.correct + correct.data[0],
    };
    this.step += 1;
  }

  private checkFinite(loss: number, what: string): void {
    if (Number.isFinite(loss)) return;
    throw new ZartsError(
      `${what} step ${this.step} of "${this.title}"; the last checkpoint before it is kept. A smaller weights.lr or weights.clip usually helps.`,
    );
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
      const inputs = { images: filledUp(images, batchSize), seed: seed(foldIn(passKey, start)) };
      const { logits } = this.program.call('test', inputs);
      classes = logits.shape[1];
      for (let i = 0; i < count; i++) {
        const scores = Float64Array.from(logits.data.subarray(i * classes, (i + 1) * classes));
        const { rank, loss } = scored(scores, labels.data[i]);
        if (rank > 0) sums.wrong += 1;
        if (rank >= 5) sums.wrong5 += 1;
        sums.loss += loss;
      }
      await yieldToEvents();
    }
    this.checkFinite(sums.loss, `The test loss is ${sums.loss} after`);
    const { testSize } = dataset;
    return {
      errorPct: (100 * sums.wrong) / testSize,
      top5ErrorPct: classes > 5 ? (100 * sums.wrong5) / testSize : null,
      loss: sums.loss / testSize,
    };
  }

  private async endEpoch(): Promise<void> {
    const { steps, loss, correct } = this.sums;
    const record: TrainingEpoch = {
      epoch: this.epoch,
      lr: this.lr(),
      dropPath: this.dropPath(),
      trainLoss: loss / steps,
      trainAccuracy: correct / (steps * this.protocol.batchSize),
      test: await this.test(this.epoch),
    };
    this.options.store?.appendMetrics({ step: this.step, kind: 'epoch', ...record } as { step: number });
    this.epochs.push(record);
    this.sums = NO_SUMS;
    this.options.onEpoch?.(record);
  }

  private async result(): Promise<EvaluationResult> {
    const { epochs, protocol } = this;
    const best = epochs.reduce((a, b) => (b.test.errorPct < a.test.errorPct ? b : a));
    const noisePasses: number[] = [];
    const noisy = isNoisy(protocol);
    for (let pass = 0; noisy && pass < protocol.noisePasses; pass++) {
      noisePasses.push((await this.test(protocol.epochs + pass)).errorPct);
    }
    return {
      test: epochs.at(-1)!.test,
      best: { epoch: best.epoch, errorPct: best.test.errorPct },
      noisePasses: noisy ? noisePasses : null,
      epochs,
      steps: this.step,
      trainedParameters: this.classifier.layout.size,
      classes: this.options.images.classes.length,
    };
  }

  private checkpoint(): Checkpoint {
    const { step, sums, epochs } = this;
    const arrays = Object.entries(this.program.read()).map(([name, { data }]) => [name, data] as const);
    return { step, ...packState({ sums, epochs, ...Object.fromEntries(arrays) }) };
  }
}

/** How many scores are above the label's (equal ones of lower classes count as above), and the cross-entropy in nats. */
export function scored(scores: Float64Array, label: number): { rank: number; loss: number } {
  const own = scores[label];
  let rank = 0;
  scores.forEach((score, c) => {
    // argMax takes the first of equal scores. A score that is no number leaves nothing right.
    if (score > own || (score === own && c < label) || Number.isNaN(score)) rank += 1;
  });
  return { rank, loss: logSumExp(scores) - own };
}
