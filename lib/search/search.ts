import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { batchSequence, halves } from '../datasets/batches.js';
import type { BatchSequence } from '../datasets/batches.js';
import { batchOf, evalTransform, trainTransform } from '../datasets/augment.js';
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
import type { StateStore } from '../runs/kept.js';
import { createSolver } from '../solvers/registry.js';
import { diagnosticNumbers } from '../solvers/solver.js';
import type { Solver, SolverState } from '../solvers/solver.js';
import { countOps } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { adamStart, adamStep } from './adam.js';
import type { AdamState } from './adam.js';
import { spectrumOf } from './curvature.js';
import { derivedGenotype } from './derived.js';
import { meansOf, NO_SUMS, withStep, withUpdate } from './epoch.js';
import type { EpochRecord, EpochSums } from './epoch.js';
import { exclusively } from './exclusive.js';
import type { Group } from './groups.js';
import { adversarialPerturbation, randomPerturbation } from './perturbation.js';
import { searchProgram } from './program.js';
import type { SearchProgram } from './program.js';
import { checkAgainstData, isZeroOrder, spaceName, updatePeriod } from './protocol.js';
import type { DartsProtocol, SearchProtocol } from './protocol.js';
import { cosineLr, perturbationRadius, risingProbability, sigmaAt } from './schedules.js';
import { SearchSession } from './session.js';
import type { Pass, SgdStep } from './session.js';
import { solverId } from './solver-id.js';
import { backBy, raisedDecay, risenSince } from './stability.js';

export type { EpochRecord } from './epoch.js';

/**
 * ZARTS' bi-level search (paper Alg. 1): SGD on ω over the training half; every few steps α moves by what a zero-order
 * solver makes of the validation losses at candidates, each read after M fine-tuning steps on a copy of ω. The gradient
 * solvers that the paper compares with move α in the same loop, by Adam on the validation loss' gradient.
 */

/** What a search did when the dominant eigenvalue had risen; epochs are counted from 0. */
export interface Intervention {
  /** It stopped with the alphas of an earlier epoch, or went on from there with another weight decay. */
  readonly action: 'stop' | 'regularize';
  /** The epoch at whose end it was seen, and the one at whose end the alphas were taken from. */
  readonly epoch: number;
  readonly backTo: number;
  /** The weights' decay from then on, where it was raised. */
  readonly weightDecay?: number;
}

/** What a search found. */
export interface SearchResult {
  readonly genotype: Genotype;
  /** The final raw alphas, length d; with edge normalization, those of the edges last. */
  readonly alpha: readonly number[];
  /** In order; of a search that went back to repeat some, the last time of each (its metrics have all). */
  readonly epochs: readonly EpochRecord[];
  /** Weight steps and alpha updates made. */
  readonly steps: number;
  readonly updates: number;
  /** Trainable parameters of the supernet. */
  readonly supernetParameters: number;
  /** How often each primitive occurs in the genotype's cells. */
  readonly operations: ReturnType<typeof countOps>;
  /** Where the protocol lets the search stop or go back (`stability`). */
  readonly interventions?: readonly Intervention[];
}

export interface SearchOptions {
  readonly dataset: Dataset;
  /** Metrics and checkpoints go here. Default: nowhere. */
  readonly store?: StateStore;
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
  return exclusively(() => {
    recoverFromInterrupt();
    return new Search(protocol, options).run();
  });
}

class Search {
  private readonly net: SearchProgram['net'];
  private readonly session: SearchSession;
  /** Absent where alpha moves by its gradient. */
  private readonly solver: Solver | undefined;
  private readonly keys: Record<(typeof KEYS)[number], Key>;
  private readonly batches: Record<'train' | 'tune' | 'val', BatchSequence>;
  private state: SolverState;
  /** Adam's moments, where alpha moves by its gradient. */
  private adam: AdamState;
  private step = 0;
  private updates = 0;
  /** Whether the alpha update that is due after the last step has still to be made. */
  private updateDue = false;
  private sums = NO_SUMS;
  private epochs: EpochRecord[] = [];
  /** What the search may go back to, the oldest first. */
  private snapshots: Snapshot[] = [];
  private interventions: Intervention[] = [];

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
    const keys = split(key(protocol.seed), KEYS.length);
    this.keys = Object.fromEntries(KEYS.map((name, i) => [name, keys[i]])) as Search['keys'];
    const { train, val } = halves(protocol.dataset.trainSize);
    const tune = protocol.omega.split === 'train' ? train : val;
    this.batches = {
      train: batchSequence(train, protocol.batchSize, this.keys.train),
      tune: batchSequence(tune, protocol.batchSize, this.keys.tune),
      val: batchSequence(val, protocol.batchSize, this.keys.val),
    };
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
    // Counted along the schedule: a search that goes back has these steps to make again.
    const position = () => this.epoch * perEpoch + this.sums.steps;
    const phase = (this.options.progress ?? silent).start(this.title(), steps, position());
    let saved = performance.now();
    try {
      while (!this.ended) {
        const epochDue = () => this.sums.steps === perEpoch;
        if (!this.updateDue && !epochDue()) this.weightStep();
        if (this.updateDue) await this.updateAlpha();
        const epochEnded = !this.updateDue && epochDue() && (await this.endEpoch());
        phase.update(position(), this.note());
        // Signals and a notebook's interrupts are delivered between steps.
        await yieldToEvents();
        const stopped = this.stopAsked;
        if (epochEnded || stopped || performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
          this.options.store?.saveCheckpoint(this.checkpoint());
          saved = performance.now();
        }
        if (stopped) {
          throw new InterruptedError(
            `Stopped after step ${position()} of ${steps}; the same command goes on from there.`,
          );
        }
      }
    } finally {
      phase.end();
    }
    const { alpha } = this.state;
    const { stability } = this.protocol;
    const genotype = derivedGenotype(this.protocol, alpha);
    return {
      genotype,
      alpha: Array.from(alpha),
      epochs: this.epochs,
      steps: this.step,
      updates: this.updates,
      supernetParameters: this.net.layout.size,
      operations: countOps(genotype),
      ...(stability && stability.action !== 'record' ? { interventions: this.interventions } : {}),
    };
  }

  private get ended(): boolean {
    return this.epoch === this.protocol.epochs || this.interventions.at(-1)?.action === 'stop';
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

  /** The weights' decay, as the search last raised it. */
  private get weightDecay(): number {
    return this.interventions.at(-1)?.weightDecay ?? this.protocol.weights.weightDecay;
  }

  /** One SGD step on ω. */
  private weightStep(): void {
    const pass = this.trainingPass();
    const shares = this.perturbedShares(pass);
    const { loss, correct } = this.session.train(shares ? { ...pass, shares } : pass, this.sgd());
    this.finite(loss, `step ${this.step}`);
    this.sums = withStep(this.sums, { loss, correct });
    this.step += 1;
    this.updateDue =
      this.epoch >= this.protocol.warmupEpochs && this.step % updatePeriod(this.protocol) === 0;
  }

  /** SmoothDARTS: the mixing weights that a weight step is made at, beside those of alpha. */
  private perturbedShares(pass: Pass): Vec | undefined {
    const { perturbation, epochs } = this.protocol;
    if (!perturbation) return undefined;
    const { session } = this;
    const epsilon = perturbationRadius(this.epoch, { ...perturbation, epochs });
    const from = foldIn(this.keys.perturbation, this.step);
    const { values, groups } = session.shares(pass.alpha);
    // The edges' own weights are not perturbed, only the operations'.
    const shares = { values, groups: groups.slice(0, this.operationGroups) };
    return perturbation.kind === 'rs'
      ? randomPerturbation(shares, epsilon, from)
      : adversarialPerturbation(shares, { epsilon, steps: perturbation.steps }, from, {
          loss: (at) => session.loss({ ...pass, shares: at }),
          gradient: (at) => session.sharesGradient({ ...pass, shares: at }),
        });
  }

  private get operationGroups(): number {
    return Object.values(this.net.space.edges).reduce((count, edges) => count + edges.length, 0);
  }

  /** What the next weight step reads. */
  private trainingPass(): Pass {
    return this.pass(this.batch('train', this.step), foldIn(this.keys.noise, this.step));
  }

  /** What an alpha update scores alpha and all candidates on: they differ in α only, so one batch and one noise seed. */
  private validationPass(): Pass {
    return this.pass(this.batch('val', this.updates), foldIn(this.keys.noise, 2 ** 40 + this.updates));
  }

  /** A pass at alpha in the present epoch. */
  private pass(batch: HostArrays, noise: Key): Pass {
    const { dropPath, epochs } = this.protocol;
    const dropped = dropPath ? { dropPath: risingProbability(this.epoch, { ...dropPath, epochs }) } : {};
    return { batch, alpha: this.state.alpha, noise, ...dropped };
  }

  private sgd(lr = this.lr()): SgdStep {
    const { momentum, clip } = this.protocol.weights;
    return { lr, momentum, weightDecay: this.weightDecay, clip };
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
    const { momentum, weightDecay } = this.sgd();
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
    const tuning = Array.from({ length: iterations }, (_, m) =>
      this.pass(this.batch('tune', update * iterations + m), foldIn(validation.noise, m)),
    );
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
    const lengths = gradient ? norm(direction) * norm(gradient) : 0;
    const cosine = gradient && lengths > 0 ? -dot(direction, gradient) / lengths : null;
    const { ess, esr } = numbers;
    this.sums = withUpdate(this.sums, {
      losses,
      ess: typeof ess === 'number' ? ess : null,
      esr: typeof esr === 'number' ? esr : null,
      cosine,
      updateNorm: norm(direction),
    });
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

  /**
   * Records the epoch, and goes back if the protocol wants it. When a stop is asked for while the eigenvalue is computed,
   * the epoch's end stays due.
   *
   * @returns Whether the epoch has ended.
   */
  private async endEpoch(): Promise<boolean> {
    const { batchSize, history, stability } = this.protocol;
    const eigenvalues = stability ? await this.largestEigenvalues() : undefined;
    if (stability && eigenvalues === undefined) return false;
    const record: EpochRecord = {
      epoch: this.epoch,
      lr: this.lr(),
      sigma: this.sigma() ?? null,
      ...meansOf(this.sums, batchSize),
      ...(eigenvalues ? { dominantEigenvalue: eigenvalues[0] } : {}),
      ...(eigenvalues && stability?.values !== undefined ? { eigenvalues } : {}),
      ...(history && (this.epoch + 1) % history.alphaEvery === 0
        ? { alpha: Array.from(this.state.alpha) }
        : {}),
      ...(stability?.action === 'regularize' ? { weightDecay: this.weightDecay } : {}),
    };
    this.options.store?.appendMetrics({ step: this.step, kind: 'epoch', ...record } as { step: number });
    this.epochs.push(record);
    this.sums = NO_SUMS;
    this.options.onEpoch?.(record);
    if (stability) this.heed(stability);
    return true;
  }

  /** Stops or goes back at an epoch's end if the dominant eigenvalue has risen. */
  private heed(stability: Group<'stability'>): void {
    const { action } = stability;
    const raised = action === 'regularize' ? raisedDecay(this.weightDecay, stability) : undefined;
    // As in the public code, the last epoch is never gone back from.
    if (action === 'record' || this.ended || raised === this.weightDecay) {
      this.snapshots = [];
      return;
    }
    this.keepSnapshot(stability);
    const backTo = risenSince(
      this.epochs.map(({ dominantEigenvalue }) => dominantEigenvalue!),
      stability,
    );
    const snapshot = this.snapshots.find(({ epoch }) => epoch === backTo);
    if (snapshot === undefined) return;
    const intervention: Intervention = {
      action,
      epoch: this.epoch - 1,
      backTo: snapshot.epoch,
      ...(raised !== undefined && { weightDecay: raised }),
    };
    this.interventions.push(intervention);
    this.options.store?.appendMetrics({ step: this.step, kind: 'intervention', ...intervention } as {
      step: number;
    });
    this.goBack(snapshot);
  }

  /**
   * The largest eigenvalues of ∇²_α L_val on the first images of the validation half, as they are, as many as the protocol
   * asks for and there are; undefined if a stop is asked for meanwhile.
   */
  private async largestEigenvalues(): Promise<number[] | undefined> {
    const { dataset, compile } = this.options;
    const { val } = halves(this.protocol.dataset.trainSize);
    const { products, values: count = 1 } = this.protocol.stability!;
    const [noise, from] = split(this.keys.curvature, 2);
    const indices = val.slice(0, this.protocol.batchSize);
    const batch = batchOf(dataset.train, indices, evalTransform(dataset), noise);
    const query = {
      compile: compile ?? true,
      omega: this.session.readWeights().omega,
      alpha: this.state.alpha,
      passes: [{ batch, noise }],
      key: from,
      goOn: async () => {
        await yieldToEvents();
        return !this.stopAsked;
      },
    };
    try {
      const effort = { products, values: count };
      const spectrum = await spectrumOf(this.protocol, dataset.classes.length, query, effort);
      return spectrum?.values.slice(0, count).map(({ value }) => value);
    } catch (error) {
      if (!(error instanceof ZartsError)) throw error;
      throw new ZartsError(
        `The dominant eigenvalue of epoch ${this.epoch} of the ${this.title()} could not be computed: ${error.message}`,
      );
    }
  }

  /** Keeps the state at the epoch's end as long as the search may go back to it. */
  private keepSnapshot(stability: Group<'stability'>): void {
    const epoch = this.epoch - 1;
    const weights = stability.action === 'regularize' ? this.session.readWeights() : {};
    this.snapshots.push({ epoch, state: this.state, adam: this.adam, ...weights });
    const oldest = epoch - backBy(stability);
    this.snapshots = this.snapshots.filter((each) => each.epoch >= oldest);
  }

  private goBack({ epoch, state, adam, omega, momentum }: Snapshot): void {
    this.state = state;
    if (!omega || !momentum) return;
    this.adam = adam;
    this.session.writeWeights(omega, momentum);
    this.epochs = this.epochs.slice(0, epoch + 1);
    this.snapshots = this.snapshots.filter((each) => each.epoch <= epoch);
  }

  /** A batch of augmented images of one of the three sequences; the same number gives the same batch. */
  private batch(which: 'train' | 'tune' | 'val', number: number): HostArrays {
    const indices = this.batches[which].at(number);
    // Even numbers of the sequence's key order its epochs; augmentation has a key of its own.
    const [augmentKey] = split(this.keys[which], 1);
    return batchOf(this.options.dataset.train, indices, this.transform(), foldIn(augmentKey, number));
  }

  /** What is done to training images in the present epoch. */
  private transform(): Transform {
    const { cutout, epochs } = this.protocol;
    const { dataset } = this.options;
    if (!cutout) return trainTransform(dataset);
    const cutoutProbability = risingProbability(this.epoch, { ...cutout, epochs });
    return { ...trainTransform(dataset, cutout.length), cutoutProbability };
  }

  private finite(value: number, where: string): number {
    if (Number.isFinite(value)) return value;
    throw new ZartsError(
      `The loss is ${value} at ${where} of the ${this.title()}; the last checkpoint before it is kept. A smaller weights.lr or weights.clip usually helps.`,
    );
  }

  private checkpoint(): Checkpoint {
    const { stability } = this.protocol;
    const kept = this.snapshots.map((snapshot) => this.storedState(snapshot, `epoch-${snapshot.epoch}-`));
    const { state, adam } = this;
    const present = this.storedState({ state, adam, ...this.session.readWeights() }, '');
    return {
      step: this.step,
      meta: {
        ...present.meta,
        updates: this.updates,
        updateDue: this.updateDue,
        sums: { ...this.sums },
        epochs: this.epochs.map((record) => ({ ...record })),
        ...(stability && {
          interventions: this.interventions.map((each) => ({ ...each })),
          snapshots: kept.map(({ meta }, i) => ({ epoch: this.snapshots[i].epoch, ...meta })),
        }),
      },
      tensors: Object.assign(
        {},
        present.tensors,
        ...kept.map(({ tensors }) => tensors),
      ) as Checkpoint['tensors'],
    };
  }

  /** A state as a checkpoint holds it. Zero-order solvers carry nothing but alpha. */
  private storedState({ state, adam, omega, momentum }: Omit<Snapshot, 'epoch'>, prefix: string) {
    const tensors = {
      alpha: state.alpha,
      ...(this.solver ? {} : { adamMean: adam.mean, adamSquare: adam.square }),
      ...(omega && momentum ? { omega, momentum } : {}),
    };
    return {
      meta: { solverStep: state.step, ...(this.solver ? {} : { adamSteps: adam.steps }) },
      tensors: Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => [`${prefix}${name}`, tensor]),
      ) as Checkpoint['tensors'],
    };
  }

  private load({ step, meta, tensors }: Checkpoint): void {
    const stored = meta as unknown as StoredMeta;
    const stateOf = ({ solverStep, adamSteps }: StoredState, prefix: string): Omit<Snapshot, 'epoch'> => {
      const tensor = <T>(name: string) => tensors[`${prefix}${name}`] as T;
      const [omega, momentum] = [tensor<Float32Array | undefined>('omega'), tensor<Float32Array>('momentum')];
      return {
        state: { alpha: tensor<Vec>('alpha'), step: solverStep },
        adam:
          adamSteps === undefined
            ? this.adam
            : { mean: tensor<Vec>('adamMean'), square: tensor<Vec>('adamSquare'), steps: adamSteps },
        ...(omega ? { omega, momentum } : {}),
      };
    };
    this.step = step;
    this.updates = stored.updates;
    this.updateDue = stored.updateDue;
    this.sums = stored.sums;
    this.epochs = [...stored.epochs];
    this.interventions = [...(stored.interventions ?? [])];
    this.snapshots = (stored.snapshots ?? []).map(({ epoch, ...state }) => ({
      epoch,
      ...stateOf(state, `epoch-${epoch}-`),
    }));
    const { state, adam, omega, momentum } = stateOf(stored, '');
    this.state = state;
    this.adam = adam;
    this.session.writeWeights(omega!, momentum!);
  }
}

/** What random numbers are drawn for, each from a key of its own. New ones come last: the others keep theirs. */
const KEYS = [
  'init',
  'alpha',
  'solver',
  'noise',
  'train',
  'tune',
  'val',
  'perturbation',
  'curvature',
] as const;

/** The state at an epoch's end; with the weights where the search may go on from there. */
interface Snapshot {
  readonly epoch: number;
  readonly state: SolverState;
  readonly adam: AdamState;
  readonly omega?: Float32Array;
  readonly momentum?: Float32Array;
}

/** A state's numbers in a checkpoint. */
interface StoredState {
  readonly solverStep: number;
  readonly adamSteps?: number;
}

/** What a checkpoint holds beside arrays. */
interface StoredMeta extends StoredState {
  readonly updates: number;
  readonly updateDue: boolean;
  readonly sums: EpochSums;
  readonly epochs: readonly EpochRecord[];
  readonly interventions?: readonly Intervention[];
  readonly snapshots?: readonly (StoredState & { readonly epoch: number })[];
}
