import { batchOf, evalTransform, trainTransform } from '../datasets/augment.js';
import type { Transform } from '../datasets/augment.js';
import { halves, imageBatches } from '../datasets/batches.js';
import type { ImageBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/load.js';
import { exclusively } from '../engine/index.js';
import type { HostArrays } from '../engine/index.js';
import { InterruptedError, UsageError, ZartsError } from '../errors.js';
import { foldIn, key, normal, permutation, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { pause } from '../progress.js';
import { packState, unpackState } from '../runs/checkpoint.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import type { KeptOptions, KeptRun } from '../runs/kept.js';
import { inSteps } from '../runs/steps.js';
import { createSolver } from '../solvers/registry.js';
import type { Solver } from '../solvers/solver.js';
import {
  architectureAt,
  architectureCount,
  architectureWeights,
  drawnArchitecture,
} from '../spaces/architectures.js';
import { countOps, isConnected } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { initialStatistics } from '../supernet/statistics.js';
import { adamStart } from './adam.js';
import { gradientUpdate, updateMetrics, updateSums, zeroOrderUpdate } from './alpha-update.js';
import type { AlphaUpdate, Position } from './alpha-update.js';
import { spectrumOf } from './curvature.js';
import { derivedGenotype } from './derived.js';
import { meansOf, NO_SUMS, withValues } from './epoch.js';
import type { EpochRecord, EpochSums, RankingRecord } from './epoch.js';
import type { Group } from './groups.js';
import { gradientAtOmega, lossAtOmega, omegaSteps } from './omega.js';
import { adversarialPerturbation, randomPerturbation } from './perturbation.js';
import { searchProgram } from './program.js';
import type { SearchProgram } from './program.js';
import { checkAgainstData, isDrawn, isZeroOrder, spaceName, updatePeriod } from './protocol.js';
import type { DartsProtocol, RandomWsProtocol, SearchProtocol } from './protocol.js';
import { cosineLr, linearly, risingProbability, sigmaAt } from './schedules.js';
import { SearchSession } from './session.js';
import type { Pass, SgdStep, Statistics } from './session.js';
import { solverId } from './solvers.js';
import { backBy, isLookedFor, raisedDecay, risenSince } from './stability.js';

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

/** What an alpha is worth that leaves its edge to one operation: a softmax gives the others nothing, to the last bit. */
const CERTAIN = 1000;

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

/** Where a search reads and what it tells; without a store nothing is kept. */
export interface SearchOptions
  extends Pick<KeptOptions, 'progress' | 'signal' | 'compile'>, Partial<KeptRun> {
  readonly dataset: Dataset;
  /** Called with each epoch's record as it is made. */
  readonly onEpoch?: (record: EpochRecord) => void;
  /**
   * Moves alpha in the place of the protocol's zero-order solver: one that is being tried out. What it does is not in the
   * protocol, so that a search with it has no place in a store.
   */
  readonly solver?: Solver;
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
  'architectures',
  'ranking',
] as const;

/** What a search carries from step to step, beside ω and its momentum: all that a checkpoint holds. */
interface SearchState extends Position {
  readonly step: number;
  readonly updates: number;
  /** Whether the alpha update that is due, after the last step or before the next one, has still to be made. */
  readonly updateDue: boolean;
  readonly sums: EpochSums;
  readonly epochs: readonly EpochRecord[];
  /** What the search may go back to, the oldest first. */
  readonly snapshots: readonly Snapshot[];
  readonly interventions: readonly Intervention[];
}

/** ω and its momentum, [P] each, and running statistics where there are any. */
type Weights = ReturnType<SearchSession['readWeights']> & Partial<Statistics>;

/** The state at an epoch's end; with the weights where the search may go on from there. */
interface Snapshot extends Position, Partial<Weights> {
  readonly epoch: number;
}

/**
 * Runs a search.
 *
 * The same protocol on the same data gives the same result to the last bit on the same machine, whether it is run at once
 * or stopped and resumed any number of times.
 *
 * @throws {UsageError} if the protocol asks for more images than there are, and for a solver of one's own where alpha moves by
 *         its gradient or not at all, or beside a store.
 * @throws {ZartsError} if a loss is not finite; the message names step, candidate and seed, and the last checkpoint stays.
 * @throws {InterruptedError} if `signal` is aborted; the state is in the store.
 */
export async function search(protocol: SearchProtocol, options: SearchOptions): Promise<SearchResult> {
  checkAgainstData(protocol, options.dataset.train.count);
  if (options.solver && (options.store || !isZeroOrder(protocol.solver))) {
    throw new UsageError(
      options.store
        ? 'A search with a solver of one’s own is not kept: its protocol does not say what the solver does; leave the store out.'
        : `A solver of one’s own takes the place of a zero-order one; the protocol’s is ${protocol.solver.kind}.`,
    );
  }
  return exclusively(() => new Search(protocol, options).run());
}

class Search {
  private readonly net: SearchProgram['net'];
  private readonly session: SearchSession;
  /** Absent where alpha moves by its gradient. */
  private readonly solver: Solver | undefined;
  private readonly keys: Record<(typeof KEYS)[number], Key>;
  private readonly batches: Record<'train' | 'tune' | 'val', ImageBatches>;
  private state: SearchState;
  /** Says within a long step where it is. */
  private tell: (note: string) => void = () => undefined;

  constructor(
    private readonly protocol: SearchProtocol,
    private readonly options: SearchOptions,
  ) {
    const { dataset, from } = options;
    const made = searchProgram(protocol, dataset.classes.length, options.compile ?? true);
    const { net } = made;
    this.net = net;
    this.session = new SearchSession(made);
    this.solver = isZeroOrder(protocol.solver)
      ? (options.solver ?? createSolver(protocol.solver))
      : undefined;
    const keys = split(key(protocol.seed), KEYS.length);
    this.keys = Object.fromEntries(KEYS.map((name, i) => [name, keys[i]])) as Search['keys'];
    const { omega: estimate } = protocol;
    const { train, val } = halves(protocol.dataset.trainSize);
    const batches = (half: Int32Array, order: Key) =>
      imageBatches(dataset.train, half, protocol.batchSize, order);
    this.batches = {
      train: batches(train, this.keys.train),
      tune: batches(estimate.kind === 'finetuned' && estimate.split === 'val' ? val : train, this.keys.tune),
      val: batches(val, this.keys.val),
    };
    const { omega, momentum, mean, variance, ...state } = from
      ? unpackState<SearchState & Weights>(from)
      : this.start();
    this.state = state;
    this.writeWeights({ omega, momentum, ...(mean && variance ? { mean, variance } : {}) });
  }

  private readWeights(): Weights {
    return { ...this.session.readWeights(), ...this.session.readStatistics() };
  }

  private writeWeights({ omega, momentum, mean, variance }: Weights): void {
    this.session.writeWeights(omega, momentum);
    if (mean && variance) this.session.writeStatistics({ mean, variance });
  }

  private start(): SearchState & Weights {
    const { net } = this;
    const alpha = scale(this.protocol.alphaInitScale, normal(this.keys.alpha, net.alphas));
    return {
      step: 0,
      updates: 0,
      updateDue: this.protocol.alphaFirst === true && this.moves(0),
      sums: NO_SUMS,
      epochs: [],
      snapshots: [],
      interventions: [],
      solver: this.solver?.init(alpha) ?? { alpha, step: 0 },
      adam: adamStart(net.alphas),
      omega: net.init(this.keys.init),
      momentum: new Float32Array(net.layout.size),
      ...(this.protocol.normalization === 'running' ? initialStatistics(net.normalizations) : {}),
    };
  }

  async run(): Promise<SearchResult> {
    const { epochs, stability } = this.protocol;
    const { perEpoch } = this.batches.train;
    await inSteps(
      {
        title: this.title,
        total: epochs * perEpoch,
        // Counted along the schedule: a search that goes back has these steps to make again.
        position: () => this.epoch * perEpoch + this.epochSteps,
        ended: () => this.ended,
        step: (tell) => {
          this.tell = tell;
          return this.advance();
        },
        note: () => this.note(),
        checkpoint: () => this.checkpoint(),
      },
      this.options,
    );
    const { solver, step, updates, interventions } = this.state;
    const genotype = derivedGenotype(this.protocol, solver.alpha);
    return {
      genotype,
      alpha: Array.from(solver.alpha),
      epochs: this.state.epochs,
      steps: step,
      updates,
      supernetParameters: this.net.layout.size,
      operations: countOps(genotype),
      ...(stability && stability.action !== 'record' ? { interventions } : {}),
    };
  }

  /**
   * A weight step and what is due after it. When a stop is asked for in the midst of an alpha update (at the paper's size it
   * takes most of a minute) or of an eigenvalue, that stays due.
   *
   * @returns Whether an epoch has ended.
   */
  private async advance(): Promise<boolean> {
    const { alphaFirst = false } = this.protocol;
    const epochDue = () => this.epochSteps === this.batches.train.perEpoch;
    const update = async (): Promise<void> => {
      if (this.state.updateDue) await this.updateAlpha();
    };
    try {
      if (alphaFirst && !epochDue()) await update();
      if (!this.state.updateDue && !epochDue()) this.weightStep();
      if (!alphaFirst) await update();
      if (!epochDue()) return false;
      await this.endEpoch();
      return true;
    } catch (error) {
      if (error instanceof InterruptedError) return false;
      throw error;
    }
  }

  /** Lets a stop be asked for; {@link advance} takes it from there. */
  private pause(signal: AbortSignal | undefined): Promise<void> {
    return pause(signal, () => `The ${this.title} stops.`);
  }

  private checkpoint(): Checkpoint {
    return { step: this.state.step, ...packState({ ...this.state, ...this.readWeights() }) };
  }

  private get ended(): boolean {
    return this.epoch === this.protocol.epochs || this.state.interventions.at(-1)?.action === 'stop';
  }

  private get epoch(): number {
    return this.state.epochs.length;
  }

  /** Weight steps made in the epoch under way. */
  private get epochSteps(): number {
    return this.state.sums.loss.count;
  }

  private get title(): string {
    const solver = this.options.solver?.kind ?? solverId(this.protocol);
    return `search ${spaceName(this.protocol)} ${solver} seed ${this.protocol.seed}`;
  }

  private note(): string {
    const { sum, count } = this.state.sums.loss;
    const current = count > 0 ? sum / count : (this.state.epochs.at(-1)?.trainLoss ?? NaN);
    return `epoch ${Math.min(this.epoch + 1, this.protocol.epochs)}/${this.protocol.epochs}, loss ${current.toFixed(3)}`;
  }

  private finite(value: number, where: string): number {
    if (Number.isFinite(value)) return value;
    throw new ZartsError(
      `The loss is ${value} at ${where} of the ${this.title}; the last checkpoint before it is kept. A smaller weights.lr or weights.clip usually helps.`,
    );
  }

  private metrics(kind: 'update' | 'epoch' | 'intervention' | 'ranking', record: object): void {
    const line = { step: this.state.step, kind, ...record };
    this.options.store?.appendMetrics(line);
  }

  private get sgd(): SgdStep {
    const { momentum, clip } = this.protocol.weights;
    return { lr: this.lr, momentum, weightDecay: this.weightDecay, clip };
  }

  private get lr(): number {
    return cosineLr(this.epoch, { ...this.protocol.weights, epochs: this.protocol.epochs });
  }

  /** The weights' decay, as the search last raised it. */
  private get weightDecay(): number {
    return this.state.interventions.at(-1)?.weightDecay ?? this.protocol.weights.weightDecay;
  }

  private get sigma(): number | undefined {
    const { solver, epochs, warmupEpochs } = this.protocol;
    if (!('sigmaSchedule' in solver) || this.epoch < warmupEpochs) return undefined;
    return sigmaAt(this.epoch, { schedule: solver.sigmaSchedule, sigma: solver.sigma, epochs, warmupEpochs });
  }

  /** What is done to training images in the present epoch. */
  private get transform(): Transform {
    const { cutout, epochs } = this.protocol;
    const { dataset } = this.options;
    if (!cutout) return trainTransform(dataset);
    const cutoutProbability = risingProbability(this.epoch, { ...cutout, epochs });
    return { ...trainTransform(dataset, cutout.length), cutoutProbability };
  }

  /** A pass at alpha on an augmented batch of one of the three sequences, with the present epoch's drop path. */
  private pass(which: 'train' | 'tune' | 'val', number: number, noise: Key): Pass {
    const { dropPath, epochs } = this.protocol;
    const dropped = dropPath ? { dropPath: risingProbability(this.epoch, { ...dropPath, epochs }) } : {};
    const { alpha } = this.state.solver;
    return { batch: this.batches[which].at(number, this.transform), alpha, noise, ...dropped };
  }

  /** What the next weight step reads. */
  private trainingPass(): Pass {
    const { step } = this.state;
    return this.pass('train', step, foldIn(this.keys.noise, step));
  }

  /** One SGD step on ω. */
  private weightStep(): void {
    const pass = this.trainingPass();
    const shares = this.perturbedShares(pass) ?? this.drawnShares();
    const { loss, correct } = this.session.train(shares ? { ...pass, shares } : pass, this.sgd);
    this.finite(loss, `step ${this.state.step}`);
    const step = this.state.step + 1;
    const sums = withValues(this.state.sums, { loss: [loss], correct: [correct] });
    this.state = { ...this.state, step, sums };
    // An update before the next step is that of its epoch.
    const { alphaFirst } = this.protocol;
    const next = alphaFirst && this.epochSteps === this.batches.train.perEpoch ? this.epoch + 1 : this.epoch;
    const updateDue = step % updatePeriod(this.protocol) === 0 && this.moves(next);
    this.state = { ...this.state, updateDue };
  }

  /** Whether alpha moves in an epoch. */
  private moves(epoch: number): boolean {
    return epoch >= this.protocol.warmupEpochs && !isDrawn(this.protocol.solver);
  }

  /** SmoothDARTS: the mixing weights that a weight step is made at, beside those of alpha. */
  private perturbedShares(pass: Pass): Vec | undefined {
    const { perturbation, epochs } = this.protocol;
    if (!perturbation) return undefined;
    const { session } = this;
    const { epsilonStart: from, epsilonEnd: to } = perturbation;
    const epsilon = linearly(this.epoch, { epochs, from, to });
    const draw = foldIn(this.keys.perturbation, this.state.step);
    const { values, groups } = session.shares(pass.alpha);
    // The edges' own weights are not perturbed, only the operations'.
    const { normal, reduce } = this.net.space.edges;
    const shares = { values, groups: groups.slice(0, normal.length + reduce.length) };
    return perturbation.kind === 'rs'
      ? randomPerturbation(shares, epsilon, draw)
      : adversarialPerturbation(shares, { epsilon, steps: perturbation.steps }, draw, {
          loss: (at) => session.loss({ ...pass, shares: at }),
          gradient: (at) => session.sharesGradient({ ...pass, shares: at }),
        });
  }

  /** Random search with weight sharing: the mixing weights of the one architecture that a weight step trains. */
  private drawnShares(): Vec | undefined {
    if (!isDrawn(this.protocol.solver)) return undefined;
    const { space } = this.net;
    const drawn = drawnArchitecture(space, foldIn(this.keys.architectures, this.state.step));
    return architectureWeights(space, drawn);
  }

  /** Makes the alpha update that is due. */
  private async updateAlpha(): Promise<void> {
    const { updates, sums } = this.state;
    // Alpha and all candidates are scored on one batch with one noise seed: they differ in α only.
    const validation = this.pass('val', updates, foldIn(this.keys.noise, 2 ** 40 + updates));
    const { solver } = this.protocol;
    const update =
      solver.kind === 'darts'
        ? this.gradientUpdate(solver, validation)
        : await this.zeroOrderUpdate(this.solver!, validation);
    this.state = {
      ...this.state,
      ...update.next,
      updates: updates + 1,
      updateDue: false,
      sums: withValues(sums, updateSums(update)),
    };
    const { losses, ...numbers } = updateMetrics(update);
    const sigma = this.sigma ?? null;
    this.metrics('update', { epoch: this.epoch, update: updates, losses, sigma, ...numbers });
  }

  private async zeroOrderUpdate(solver: Solver, validation: Pass): Promise<AlphaUpdate> {
    const { session, sigma } = this;
    const { updates, step } = this.state;
    const gradient = solver.needsGradient ? session.gradient(validation) : undefined;
    if (gradient) this.finite(norm(gradient), `the gradient of alpha update ${updates}`);
    const context = {
      key: foldIn(this.keys.solver, updates),
      ...(gradient ? { gradient } : {}),
      ...(sigma === undefined ? {} : { sigma }),
    };
    const omega = omegaSteps(this.protocol.omega, this.sgd, (count) =>
      Array.from({ length: count }, (_, m) =>
        this.pass('tune', updates * count + m, foldIn(validation.noise, m)),
      ),
    );
    const lossAt = (point: Vec, candidate: number) =>
      this.finite(
        lossAtOmega(session, omega, [validation], point),
        `alpha update ${updates} (after step ${step}), candidate ${candidate}`,
      );
    // What coasts cannot be undone, and so not be given up.
    const between = () => this.pause(omega.kind === 'coast' ? undefined : this.options.signal);
    if (omega.kind === 'tuned') session.save();
    try {
      return await zeroOrderUpdate(solver, this.state, context, lossAt, between);
    } finally {
      if (omega.kind === 'tuned') session.restore();
    }
  }

  /** The second order unrolls the coming weight step, on its batch and with its noise. */
  private gradientUpdate(settings: DartsProtocol, validation: Pass): AlphaUpdate {
    const { updates, step } = this.state;
    const omega = omegaSteps(this.protocol.omega, this.sgd, () => [this.trainingPass()]);
    const found = gradientAtOmega(this.session, omega, validation, settings.radius);
    this.finite(found.loss, `alpha update ${updates} (after step ${step})`);
    this.finite(norm(found.gradient), `the gradient of alpha update ${updates}`);
    return gradientUpdate(this.state, found, settings);
  }

  /** Records the epoch, and goes back if the protocol wants it. */
  private async endEpoch(): Promise<void> {
    const { batchSize, history, stability, ranking, solver } = this.protocol;
    const last = this.epoch + 1 === this.protocol.epochs;
    if (last && isDrawn(solver)) await this.chooseDrawn(solver);
    const ranked =
      ranking && ((this.epoch + 1) % ranking.every === 0 || last) ? await this.ranked(ranking) : undefined;
    const found =
      stability && isLookedFor(this.epoch, this.protocol.epochs, stability)
        ? await this.largestEigenvalues(stability)
        : undefined;
    const record: EpochRecord = {
      epoch: this.epoch,
      lr: this.lr,
      sigma: this.sigma ?? null,
      ...meansOf(this.state.sums, batchSize),
      ...(found ? { dominantEigenvalue: found.values[0] } : {}),
      ...(found && stability?.values !== undefined ? { eigenvalues: found.values } : {}),
      ...(found?.error === undefined ? {} : { eigenvalueError: found.error }),
      ...(history && (this.epoch + 1) % history.alphaEvery === 0
        ? { alpha: Array.from(this.state.solver.alpha) }
        : {}),
      ...(stability?.action === 'regularize' ? { weightDecay: this.weightDecay } : {}),
      ...(ranked ? { ranking: ranked } : {}),
    };
    this.metrics('epoch', record);
    this.state = { ...this.state, epochs: [...this.state.epochs, record], sums: NO_SUMS };
    this.options.onEpoch?.(record);
    if (stability) this.heed(stability);
  }

  /** Validation batches as they are, not augmented: the first ones of the half, or all. */
  private validationBatches(count: number | 'all'): HostArrays[] {
    const { dataset } = this.options;
    const { batchSize } = this.protocol;
    const { val } = halves(this.protocol.dataset.trainSize);
    const there = Math.floor(val.length / batchSize);
    const [noise] = split(this.keys.ranking, 1);
    return Array.from({ length: count === 'all' ? there : Math.min(count, there) }, (_, b) =>
      batchOf(dataset.train, val.slice(b * batchSize, (b + 1) * batchSize), evalTransform(dataset), noise),
    );
  }

  /** Mean loss in nats and share of errors of single architectures, each at the present ω on the same batches. */
  private async scores(
    architectures: readonly Genotype[],
    batches: readonly HostArrays[],
  ): Promise<{ readonly loss: number; readonly error: number }[]> {
    const { space } = this.net;
    const [, noise] = split(this.keys.ranking, 2);
    const found: { loss: number; error: number }[] = [];
    for (const architecture of architectures) {
      await this.pause(this.options.signal);
      this.tell(`${this.note()}, ranking architecture ${found.length + 1} of ${architectures.length}`);
      const shares = architectureWeights(space, architecture);
      const alpha = scale(CERTAIN, shares);
      const read = batches.map((batch) => this.session.score({ batch, alpha, noise, shares }));
      const images = batches.length * this.protocol.batchSize;
      const sum = (of: 'loss' | 'correct') => read.reduce((total, each) => total + each[of], 0);
      found.push({ loss: sum('loss') / batches.length, error: 1 - sum('correct') / images });
    }
    return found;
  }

  /** The losses of the architectures that the protocol wants ranked. */
  private async ranked({ architectures, batches }: Group<'ranking'>): Promise<RankingRecord> {
    const { space } = this.net;
    const [, , draw] = split(this.keys.ranking, 3);
    const connected = [...permutation(draw, architectureCount(space))].filter((number) =>
      isConnected(architectureAt(space, number)),
    );
    const numbers = connected.slice(0, architectures);
    const scores = await this.scores(
      numbers.map((number) => architectureAt(space, number)),
      this.validationBatches(batches),
    );
    return { architectures: numbers, losses: scores.map(({ loss }) => loss) };
  }

  /**
   * Random search with weight sharing at its end: the architecture of the fewest errors among those drawn; the first of them are
   * told apart on the whole validation half. Of equally many errors the smaller loss counts. Alpha becomes one that stands for it.
   */
  private async chooseDrawn({ architectures, batches, finalists }: RandomWsProtocol): Promise<void> {
    const { space } = this.net;
    const [, , , draw] = split(this.keys.ranking, 4);
    const drawn = Array.from({ length: architectures }, (_, i) => drawnArchitecture(space, foldIn(draw, i)));
    const best = async (among: readonly Genotype[], on: number | 'all', count: number) => {
      const scores = await this.scores(among, this.validationBatches(on));
      return scores
        .map((score, i) => ({ ...score, architecture: among[i] }))
        .sort((a, b) => a.error - b.error || a.loss - b.loss)
        .slice(0, count);
    };
    const first = await best(drawn, batches, finalists);
    const [chosen] = await best(
      first.map(({ architecture }) => architecture),
      'all',
      1,
    );
    this.metrics('ranking', { epoch: this.epoch, losses: [chosen.loss], error: chosen.error });
    const alpha = scale(CERTAIN, architectureWeights(space, chosen.architecture));
    this.state = { ...this.state, solver: { alpha, step: this.state.solver.step } };
  }

  /**
   * The largest eigenvalues of ∇²_α L_val on the first images of the validation half, as they are, as many as the protocol
   * asks for and there are; where they decide nothing also how far the first may be off.
   */
  private async largestEigenvalues({ products, values = 1, action }: Group<'stability'>) {
    const { dataset, compile = true } = this.options;
    const { val } = halves(this.protocol.dataset.trainSize);
    const [noise, from] = split(this.keys.curvature, 2);
    const first = val.slice(0, this.protocol.batchSize);
    const batch = batchOf(dataset.train, first, evalTransform(dataset), noise);
    const query = {
      compile,
      omega: this.session.readWeights().omega,
      alpha: this.state.solver.alpha,
      passes: [{ batch, noise }],
      key: from,
      products,
      values,
      beforeGradient: () => this.pause(this.options.signal),
    };
    try {
      const checked = action === 'record';
      const spectrum = await spectrumOf(this.protocol, dataset.classes.length, { ...query, checked });
      return {
        values: spectrum.values.slice(0, values).map(({ value }) => value),
        error: spectrum.error === undefined ? undefined : Math.max(spectrum.error, spectrum.values[0].bound),
      };
    } catch (error) {
      if (!(error instanceof ZartsError) || error instanceof InterruptedError) throw error;
      throw new ZartsError(
        `The dominant eigenvalue of epoch ${this.epoch} of the ${this.title} could not be computed: ${error.message}`,
      );
    }
  }

  /** Stops or goes back at an epoch's end if the dominant eigenvalue has risen. */
  private heed(stability: Group<'stability'>): void {
    const { action } = stability;
    const raised = action === 'regularize' ? raisedDecay(this.weightDecay, stability) : undefined;
    // As in the public code, the last epoch is never gone back from.
    if (action === 'record' || this.ended || raised === this.weightDecay) {
      this.state = { ...this.state, snapshots: [] };
      return;
    }
    const epoch = this.epoch - 1;
    const snapshots = [...this.state.snapshots, this.snapshot(action)].filter(
      (each) => each.epoch >= epoch - backBy(stability),
    );
    this.state = { ...this.state, snapshots };
    const eigenvalues = this.state.epochs.map(({ dominantEigenvalue }) => dominantEigenvalue!);
    const backTo = risenSince(eigenvalues, stability);
    const snapshot = snapshots.find((each) => each.epoch === backTo);
    if (snapshot === undefined) return;
    const weightDecay = raised === undefined ? {} : { weightDecay: raised };
    const intervention: Intervention = { action, epoch, backTo: snapshot.epoch, ...weightDecay };
    this.state = { ...this.state, interventions: [...this.state.interventions, intervention] };
    this.metrics('intervention', intervention);
    this.goBack(snapshot);
  }

  /** The state at the end of the last epoch. */
  private snapshot(action: Group<'stability'>['action']): Snapshot {
    const { solver, adam } = this.state;
    const weights = action === 'regularize' ? this.readWeights() : {};
    return { epoch: this.epoch - 1, solver, adam, ...weights };
  }

  /** To the alphas of a snapshot; with its weights the search goes on from there. */
  private goBack({ epoch, solver, adam, omega, momentum, mean, variance }: Snapshot): void {
    this.state = { ...this.state, solver, adam };
    if (!omega || !momentum) return;
    this.writeWeights({ omega, momentum, ...(mean && variance ? { mean, variance } : {}) });
    const snapshots = this.state.snapshots.filter((each) => each.epoch <= epoch);
    this.state = { ...this.state, snapshots, epochs: this.state.epochs.slice(0, epoch + 1) };
  }
}
