import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { batchSequence, halves } from '../datasets/batches.js';
import type { BatchSequence } from '../datasets/batches.js';
import { makeBatch, takeLabels, trainTransform } from '../datasets/augment.js';
import type { Transform } from '../datasets/augment.js';
import type { Dataset } from '../datasets/load.js';
import { recoverFromInterrupt } from '../engine/index.js';
import type { HostArrays } from '../engine/index.js';
import { InterruptedError, ZartsError } from '../errors.js';
import { foldIn, key, normal, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, dot, norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { silent } from '../progress.js';
import type { Progress } from '../progress.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { createSolver } from '../solvers/registry.js';
import { diagnosticNumbers } from '../solvers/solver.js';
import type { Solver, SolverState } from '../solvers/solver.js';
import { countOps, deriveGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { adamStart, adamStep } from './adam.js';
import type { AdamState } from './adam.js';
import { searchProgram } from './program.js';
import type { SearchProgram } from './program.js';
import { checkAgainstData, isZeroOrder, spaceName, spaceOf, updatePeriod } from './protocol.js';
import type { DartsProtocol, SearchProtocol } from './protocol.js';
import { cosineLr, sigmaAt } from './schedules.js';
import { SearchSession } from './session.js';
import type { Pass, SgdStep } from './session.js';
import { solverId } from './solver-id.js';

/**
 * ZARTS' bi-level search (paper Alg. 1): SGD on ω over the training half; every few steps α moves by what a zero-order
 * solver makes of the validation losses at candidates, each read after M fine-tuning steps on a copy of ω. The gradient
 * solvers that the paper compares with move α in the same loop, by Adam on the validation loss' gradient.
 */

/** What happened in one epoch; means over its steps and alpha updates. */
export interface EpochRecord {
  readonly epoch: number;
  readonly lr: number;
  /** Standard deviation of MGS' proposal; null for other solvers and during warm-up. */
  readonly sigma: number | null;
  /** Mean cross-entropy in nats and accuracy on the training half's batches, before each step. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Alpha updates made. All fields below are null in an epoch without any. */
  readonly updates: number;
  /** Mean validation loss over all candidates, in nats; with a gradient solver, over the points where it took gradients. */
  readonly candidateLoss: number | null;
  /** Effective sample size N_e and ratio R_e (Eq. 27), means over the epoch's updates; null for solvers without weights. */
  readonly ess: number | null;
  readonly esr: number | null;
  /** Mean cosine between the update u* and −g, where the solver used the gradient g. */
  readonly cosine: number | null;
  /** Mean length of the update u*. */
  readonly updateNorm: number | null;
}

/** What a search found. */
export interface SearchResult {
  readonly genotype: Genotype;
  /** The final raw alphas, length d. */
  readonly alpha: readonly number[];
  readonly epochs: readonly EpochRecord[];
  /** Weight steps and alpha updates made. */
  readonly steps: number;
  readonly updates: number;
  /** Trainable parameters of the supernet. */
  readonly supernetParameters: number;
  /** How often each primitive occurs in the genotype's cells. */
  readonly operations: ReturnType<typeof countOps>;
}

/** Where a search keeps its state; {@link ../runs/store.Run} is one. */
export interface SearchStore {
  appendMetrics(record: { readonly step: number }): void;
  saveCheckpoint(checkpoint: Checkpoint): void;
}

export interface SearchOptions {
  readonly dataset: Dataset;
  /** Metrics and checkpoints go here. Default: nowhere. */
  readonly store?: SearchStore;
  /** The checkpoint to go on from. */
  readonly from?: Checkpoint | undefined;
  readonly progress?: Progress;
  /** Stops the search after the step under way; its state is saved first. */
  readonly signal?: AbortSignal;
  /** false: run TensorFlow.js eagerly, for debugging. */
  readonly compile?: boolean;
  /** Called with each epoch's record as it is made. */
  readonly onEpoch?: (record: EpochRecord) => void;
}

/** Seconds after which a checkpoint is due within an epoch; every epoch's end has one. */
const CHECKPOINT_SECONDS = 30;

/** Sums over the epoch under way; plain numbers, so that a checkpoint can hold them. */
interface EpochSums {
  steps: number;
  loss: number;
  correct: number;
  updates: number;
  candidates: number;
  candidateLoss: number;
  ess: number;
  esr: number;
  weighted: number;
  cosine: number;
  cosines: number;
  updateNorm: number;
}

const noSums = (): EpochSums => ({
  steps: 0,
  loss: 0,
  correct: 0,
  updates: 0,
  candidates: 0,
  candidateLoss: 0,
  ess: 0,
  esr: 0,
  weighted: 0,
  cosine: 0,
  cosines: 0,
  updateNorm: 0,
});

/**
 * Runs a search.
 *
 * The same protocol on the same data gives the same result to the last bit on the same machine, whether it is run at once
 * or stopped and resumed any number of times.
 *
 * @throws {UsageError} if the protocol asks for more images than there are.
 * @throws {ZartsError} if a loss is not finite; the message names step, candidate and seed, and the last checkpoint stays.
 * @throws {InterruptedError} if `signal` is aborted; the state is in the store.
 */
export async function search(protocol: SearchProtocol, options: SearchOptions): Promise<SearchResult> {
  checkAgainstData(protocol, options.dataset.train.count);
  const before = underWay;
  let finish: () => void = () => undefined;
  underWay = new Promise((resolve) => (finish = resolve));
  await before;
  try {
    recoverFromInterrupt();
    return await new Search(protocol, options).run();
  } finally {
    finish();
  }
}

/**
 * The search that has the compiled program's weights to itself. Another one in this process waits for it: a notebook cell
 * that was interrupted may still be finishing its last candidate when the next one starts.
 */
let underWay: Promise<void> = Promise.resolve();

class Search {
  private readonly net: SearchProgram['net'];
  private readonly session: SearchSession;
  /** Absent where alpha moves by its gradient. */
  private readonly solver: Solver | undefined;
  private readonly keys: Record<'init' | 'alpha' | 'solver' | 'noise' | 'train' | 'tune' | 'val', Key>;
  private readonly batches: Record<'train' | 'tune' | 'val', BatchSequence>;
  private readonly transform: Transform;
  private state: SolverState;
  /** Adam's moments, where alpha moves by its gradient. */
  private adam: AdamState;
  private step = 0;
  private updates = 0;
  /** Whether the alpha update that is due after the last step has still to be made. */
  private updateDue = false;
  private sums = noSums();
  private readonly epochs: EpochRecord[] = [];

  constructor(
    private readonly protocol: SearchProtocol,
    private readonly options: SearchOptions,
  ) {
    const { dataset, from } = options;
    const made = searchProgram(protocol, dataset.classes.length, options.compile ?? true);
    const { net } = made;
    this.net = net;
    this.session = new SearchSession(made);
    this.solver = isZeroOrder(protocol.solver) ? createSolver(protocol.solver) : undefined;
    const names = ['init', 'alpha', 'solver', 'noise', 'train', 'tune', 'val'] as const;
    const keys = split(key(protocol.seed), names.length);
    this.keys = Object.fromEntries(names.map((name, i) => [name, keys[i]])) as Search['keys'];
    const { train, val } = halves(protocol.dataset.trainSize);
    const tune = protocol.omega.split === 'train' ? train : val;
    this.batches = {
      train: batchSequence(train, protocol.batchSize, this.keys.train),
      tune: batchSequence(tune, protocol.batchSize, this.keys.tune),
      val: batchSequence(val, protocol.batchSize, this.keys.val),
    };
    this.transform = trainTransform(dataset);
    const alpha = scale(protocol.alphaInitScale, normal(this.keys.alpha, net.alphas));
    this.state = this.solver?.init(alpha) ?? { alpha, step: 0 };
    this.adam = adamStart(net.alphas);
    if (from) this.load(from);
    else this.session.writeWeights(net.init(this.keys.init), new Float32Array(net.layout.size));
  }

  async run(): Promise<SearchResult> {
    const { epochs } = this.protocol;
    const { perEpoch } = this.batches.train;
    const steps = epochs * perEpoch;
    const phase = (this.options.progress ?? silent).start(this.title(), steps, this.step);
    let saved = performance.now();
    try {
      while (this.step < steps || this.updateDue) {
        if (!this.updateDue) this.weightStep();
        if (this.updateDue) await this.updateAlpha();
        const epochEnds = !this.updateDue && this.step % perEpoch === 0;
        if (epochEnds) this.endEpoch();
        phase.update(this.step, this.note());
        // Signals and a notebook's interrupts are delivered between steps.
        await yieldToEvents();
        const stopped = this.stopAsked;
        if (epochEnds || stopped || performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
          this.options.store?.saveCheckpoint(this.checkpoint());
          saved = performance.now();
        }
        if (stopped) {
          throw new InterruptedError(
            `Stopped after step ${this.step} of ${steps}; the same command goes on from there.`,
          );
        }
      }
    } finally {
      phase.end();
    }
    const genotype = deriveGenotype(spaceOf(this.protocol), this.state.alpha);
    return {
      genotype,
      alpha: Array.from(this.state.alpha),
      epochs: this.epochs,
      steps: this.step,
      updates: this.updates,
      supernetParameters: this.net.layout.size,
      operations: countOps(genotype),
    };
  }

  private get stopAsked(): boolean {
    return this.options.signal?.aborted ?? false;
  }

  private title(): string {
    return `search ${spaceName(this.protocol)} ${solverId(this.protocol)} seed ${this.protocol.seed}`;
  }

  private note(): string {
    const { steps, loss } = this.sums;
    const last = this.epochs.at(-1);
    const current = steps > 0 ? loss / steps : (last?.trainLoss ?? NaN);
    return `epoch ${Math.min(this.epochs.length + 1, this.protocol.epochs)}/${this.protocol.epochs}, loss ${current.toFixed(3)}`;
  }

  private get epoch(): number {
    return this.epochs.length;
  }

  private lr(): number {
    return cosineLr(this.epoch, { ...this.protocol.weights, epochs: this.protocol.epochs });
  }

  private sigma(): number | undefined {
    const { solver, epochs, warmupEpochs } = this.protocol;
    if (solver.kind !== 'mgs' || this.epoch < warmupEpochs) return undefined;
    return sigmaAt(this.epoch, { schedule: solver.sigmaSchedule, sigma: solver.sigma, epochs, warmupEpochs });
  }

  /** One SGD step on ω. */
  private weightStep(): void {
    const { loss, correct } = this.session.train(this.trainingPass(), this.sgd());
    this.finite(loss, `step ${this.step}`);
    this.sums.steps += 1;
    this.sums.loss += loss;
    this.sums.correct += correct;
    this.step += 1;
    this.updateDue =
      this.epoch >= this.protocol.warmupEpochs && this.step % updatePeriod(this.protocol) === 0;
  }

  /** What the next weight step reads. */
  private trainingPass(): Pass {
    const noise = foldIn(this.keys.noise, this.step);
    return { batch: this.batch('train', this.step), alpha: this.state.alpha, noise };
  }

  /** What an alpha update scores alpha and all candidates on: they differ in α only, so one batch and one noise seed. */
  private validationPass(): Pass {
    const noise = foldIn(this.keys.noise, 2 ** 40 + this.updates);
    return { batch: this.batch('val', this.updates), alpha: this.state.alpha, noise };
  }

  private sgd(lr = this.lr()): SgdStep {
    const { momentum, weightDecay, clip } = this.protocol.weights;
    return { lr, momentum, weightDecay, clip };
  }

  private async updateAlpha(): Promise<void> {
    const { solver } = this.protocol;
    if (isZeroOrder(solver)) await this.zeroOrderUpdate(this.solver!);
    else this.gradientUpdate(solver);
  }

  /**
   * One step of Adam along the gradient of the validation loss. The unrolled step of the second order is the coming weight
   * step, on its batch and with its noise.
   */
  private gradientUpdate(settings: DartsProtocol): void {
    const update = this.updates;
    const { alpha } = this.state;
    const validation = this.validationPass();
    const { momentum, weightDecay } = this.protocol.weights;
    const found =
      settings.order === 'first'
        ? this.session.firstOrder(validation)
        : this.session.secondOrder(this.trainingPass(), validation, {
            lr: this.lr(),
            momentum: settings.unrolledMomentum ? momentum : 0,
            weightDecay: settings.unrolledDecay ? weightDecay : 0,
            radius: settings.radius,
          });
    const { loss, gradient, ...parts } = found;
    this.finite(loss, `alpha update ${update} (after step ${this.step})`);
    this.finite(norm(gradient), `the gradient of alpha update ${update}`);
    const next = adamStep(this.adam, alpha, gradient, settings);
    this.adam = next.state;
    this.state = { alpha: next.alpha, step: this.state.step + 1 };
    this.updates += 1;
    this.updateDue = false;
    const numbers: Record<string, number> = {};
    for (const [name, value] of Object.entries<number | Vec>(parts)) {
      if (typeof value === 'number') numbers[name] = value;
      else numbers[`${name}Norm`] = norm(value);
    }
    const direction = axpy(-1, alpha, next.alpha);
    this.record(update, Float64Array.of(loss), numbers, direction, gradient, undefined);
  }

  /**
   * Alg. 1, lines 3–8: ask the solver for candidates, score each, tell. When a stop is asked for, it is given up between
   * two candidates and stays due (at the paper's size it takes most of a minute); the resumed search makes it whole, with
   * the same numbers.
   */
  private async zeroOrderUpdate(solver: Solver): Promise<void> {
    const update = this.updates;
    const solverKey = foldIn(this.keys.solver, update);
    const validation = this.validationPass();
    const gradient = solver.needsGradient ? this.session.gradient(validation) : undefined;
    if (gradient) this.finite(norm(gradient), `the gradient of alpha update ${update}`);
    const sigma = this.sigma();
    const asked = solver.ask(this.state, {
      key: solverKey,
      ...(gradient ? { gradient } : {}),
      ...(sigma === undefined ? {} : { sigma }),
    });

    const { lossAt, done, undoable } = this.objective(update, validation);
    const losses = new Float64Array(asked.points.length);
    for (const [candidate, point] of asked.points.entries()) {
      // Signals and a notebook's interrupts are delivered between candidates.
      await yieldToEvents();
      if (undoable && this.stopAsked) {
        done();
        return;
      }
      const where = `alpha update ${update} (after step ${this.step}), candidate ${candidate}`;
      losses[candidate] = this.finite(lossAt(point), where);
    }
    done();
    const { state, diagnostics } = solver.tell(this.state, asked, losses);
    this.state = state;
    this.updates += 1;
    this.updateDue = false;
    this.record(update, losses, diagnosticNumbers(diagnostics), diagnostics.update, gradient, sigma);
  }

  /**
   * L_val(ω*(v), v) as a function of the point v, all points from the same ω and on the same batches. `done` leaves the
   * weights as they were, or in `coast` mode as the released code leaves them, which is not `undoable`.
   */
  private objective(
    update: number,
    validation: Pass,
  ): { lossAt: (alpha: Vec) => number; done: () => void; undoable: boolean } {
    const { coast, iterations, momentum, lr: fixedLr } = this.protocol.omega;
    const { session } = this;
    const sgd = this.sgd(fixedLr === 'scheduled' ? this.lr() : fixedLr);
    const validate = (alpha: Vec) => session.loss({ ...validation, alpha });
    const nothing = () => undefined;
    if (coast === 'coast') {
      // As released: each candidate is a copy of the base weights as the candidates before it left them.
      const lossAt = (alpha: Vec) => {
        const loss = validate(alpha);
        for (let m = 0; m < iterations; m++) session.coast(sgd);
        return loss;
      };
      return { lossAt, done: nothing, undoable: false };
    }
    if (coast === 'noop' || iterations === 0) return { lossAt: validate, done: nothing, undoable: true };
    const tuning = Array.from({ length: iterations }, (_, m) => ({
      batch: this.batch('tune', update * iterations + m),
      noise: foldIn(validation.noise, m),
    }));
    session.save();
    const lossAt = (alpha: Vec) => {
      if (momentum === 'inherit') session.restore();
      else session.begin();
      for (const pass of tuning) session.tune({ ...pass, alpha }, sgd);
      return validate(alpha);
    };
    return {
      lossAt,
      done: () => {
        session.restore();
      },
      undoable: true,
    };
  }

  private record(
    update: number,
    losses: Vec,
    numbers: ReturnType<typeof diagnosticNumbers>,
    direction: Vec,
    gradient: Vec | undefined,
    sigma: number | undefined,
  ): void {
    const { sums } = this;
    sums.updates += 1;
    sums.candidates += losses.length;
    sums.candidateLoss += losses.reduce((total, loss) => total + loss, 0);
    sums.updateNorm += norm(direction);
    if (typeof numbers.ess === 'number' && typeof numbers.esr === 'number') {
      sums.weighted += 1;
      sums.ess += numbers.ess;
      sums.esr += numbers.esr;
    }
    const lengths = gradient ? norm(direction) * norm(gradient) : 0;
    const cosine = gradient && lengths > 0 ? -dot(direction, gradient) / lengths : null;
    if (cosine !== null) {
      sums.cosine += cosine;
      sums.cosines += 1;
    }
    this.options.store?.appendMetrics({
      step: this.step,
      kind: 'update',
      epoch: this.epoch,
      update,
      losses: Array.from(losses),
      sigma: sigma ?? null,
      gradientNorm: gradient ? norm(gradient) : null,
      cosine,
      ...numbers,
    } as { step: number });
  }

  private endEpoch(): void {
    const { sums } = this;
    const mean = (total: number, count: number) => (count === 0 ? null : total / count);
    const record: EpochRecord = {
      epoch: this.epoch,
      lr: this.lr(),
      sigma: this.sigma() ?? null,
      trainLoss: sums.loss / sums.steps,
      trainAccuracy: sums.correct / (sums.steps * this.protocol.batchSize),
      updates: sums.updates,
      candidateLoss: mean(sums.candidateLoss, sums.candidates),
      ess: mean(sums.ess, sums.weighted),
      esr: mean(sums.esr, sums.weighted),
      cosine: mean(sums.cosine, sums.cosines),
      updateNorm: mean(sums.updateNorm, sums.updates),
    };
    this.options.store?.appendMetrics({ step: this.step, kind: 'epoch', ...record } as { step: number });
    this.epochs.push(record);
    this.sums = noSums();
    this.options.onEpoch?.(record);
  }

  /** A batch of augmented images of one of the three sequences; the same number gives the same batch. */
  private batch(which: 'train' | 'tune' | 'val', number: number): HostArrays {
    const { train } = this.options.dataset;
    const indices = this.batches[which].at(number);
    // Even numbers of the sequence's key order its epochs; augmentation has a key of its own.
    const [augmentKey] = split(this.keys[which], 1);
    const images = makeBatch(train, indices, this.transform, foldIn(augmentKey, number));
    return {
      images: { shape: [indices.length, train.height, train.width, train.channels], data: images },
      labels: { shape: [indices.length], data: takeLabels(train, indices) },
    };
  }

  private finite(value: number, where: string): number {
    if (Number.isFinite(value)) return value;
    throw new ZartsError(
      `The loss is ${value} at ${where} of the ${this.title()}; the last checkpoint before it is kept. A smaller weights.lr or weights.clip usually helps.`,
    );
  }

  private checkpoint(): Checkpoint {
    const { adam, solver } = this;
    // Zero-order solvers carry nothing but alpha.
    const [moments, adamSteps] = solver
      ? [{}, {}]
      : [{ adamMean: adam.mean, adamSquare: adam.square }, { adamSteps: adam.steps }];
    return {
      step: this.step,
      meta: {
        solverStep: this.state.step,
        ...adamSteps,
        updates: this.updates,
        updateDue: this.updateDue,
        sums: { ...this.sums },
        epochs: this.epochs.map((record) => ({ ...record })),
      },
      tensors: { alpha: this.state.alpha, ...moments, ...this.session.readWeights() },
    };
  }

  private load({ step, meta, tensors }: Checkpoint): void {
    const { solverStep, adamSteps, updates, updateDue, sums, epochs } = meta as unknown as {
      solverStep: number;
      adamSteps?: number;
      updates: number;
      updateDue: boolean;
      sums: EpochSums;
      epochs: EpochRecord[];
    };
    this.step = step;
    this.updates = updates;
    this.updateDue = updateDue;
    this.sums = { ...sums };
    this.epochs.push(...epochs);
    this.state = { alpha: tensors.alpha as Vec, step: solverStep };
    if (adamSteps !== undefined) {
      const { adamMean, adamSquare } = tensors as Record<string, Vec>;
      this.adam = { mean: adamMean, square: adamSquare, steps: adamSteps };
    }
    this.session.writeWeights(tensors.omega as Float32Array, tensors.momentum as Float32Array);
  }
}
