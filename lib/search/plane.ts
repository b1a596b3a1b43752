import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { centerGroups, inPlane, orthonormalPair, planePoint } from '../analysis/landscape.js';
import type { Plane } from '../analysis/landscape.js';
import { halves, imageBatches } from '../datasets/batches.js';
import { evalTransform, trainTransform } from '../datasets/augment.js';
import type { Transform } from '../datasets/augment.js';
import type { Dataset, LoadOptions } from '../datasets/load.js';
import { InterruptedError } from '../errors.js';
import { foldIn, key, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { silent } from '../progress.js';
import { packState, unpackState } from '../runs/checkpoint.js';
import type { KeptOptions, KeptRun } from '../runs/kept.js';
import { mixingGroups } from '../spaces/mixing.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import { lossAtOmega, reachOmega } from './omega.js';
import type { FixedPass, OmegaSteps } from './omega.js';
import { supernetParts, supernetProgram } from './program.js';
import { checkAgainstData, spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';
import { cosineLr } from './schedules.js';
import { SearchSession } from './session.js';
import type { SgdStep } from './session.js';

/** What landscapes, paths, condition numbers and spectra of a trained supernet have in common. */

/** The weights and alphas of a supernet that has been trained. */
export interface TrainedSupernet {
  /** The key of its search in the store. */
  readonly key: string;
  /** Weights and their momentum, [P] each. */
  readonly omega: Float32Array;
  readonly momentum: Float32Array;
  /** Raw alphas, length d. */
  readonly alpha: Vec;
}

/** What a measurement is made with. */
export interface PlaneWork {
  /** The landscape's objective; it has the compiled program to itself. */
  readonly objective: PlaneObjective;
  readonly trained: TrainedSupernet;
  readonly dataset: Dataset;
  readonly run: KeptRun;
}

export interface PlaneOptions extends KeptOptions, LoadOptions {}

/** L_val(ω*(α), α) over a plane of alphas: what landscapes and the paths on them are measured with. */
export interface PlaneObjective {
  readonly plane: Plane;
  /** L_val at the protocol's ω* of the point, in nats: the mean over the validation batches. */
  lossAt(x: number, y: number): number;
  /** The same anywhere. @param alpha  Length d. */
  lossOf(alpha: Vec): number;
  /** [P] The protocol's ω*(α). @param alpha  Length d. */
  weightsAt(alpha: Vec): Float32Array;
  /** The batches that losses are read on. */
  readonly passes: readonly FixedPass[];
  /** The gradient over the plane of L_val at ω as it is: what first-order DARTS follows. */
  gradientAt(x: number, y: number): readonly [number, number];
  /** One step of the search's SGD on ω itself at the point; losses and gradients are at the new ω from then on. */
  train(x: number, y: number): void;
  /** ω as {@link train} left it. */
  state(): ObjectiveState;
  /** Goes on from such a state. */
  resume(state: ObjectiveState): void;
}

/** The weights of an objective and how many steps they took from the supernet's. */
export interface ObjectiveState {
  readonly omega: Float32Array;
  readonly momentum: Float32Array;
  readonly steps: number;
}

/** Batches behind running statistics: 0.9^50 of what they began as is left, half a percent. */
const OBSERVED_BATCHES = 50;

/**
 * The objective of a landscape. It has the program's weights until another one is made.
 *
 * Fine-tuning reads augmented batches of the training half, drawn once; losses are read on batches of the validation half
 * without augmentation. Every point has the same of both, and the same noise.
 *
 * @throws {UsageError} if the protocol asks for more images than there are.
 */
export function planeObjective(
  protocol: LandscapeProtocol,
  trained: TrainedSupernet,
  dataset: Dataset,
  compile: boolean,
): PlaneObjective {
  const { supernet, normalization, validationBatches } = protocol;
  checkAgainstData(supernet, dataset.train.count);
  const [directionKey, tuneKey, validationKey, trainKey, noiseKey, observeKey] = split(key(protocol.seed), 6);
  const plane = landscapePlane(protocol, trained.alpha, directionKey);
  const { train, val } = halves(supernet.dataset.trainSize);
  const source = (half: Int32Array, from: Key, transform: Transform, noise = 0) => {
    const batches = imageBatches(dataset.train, half, supernet.batchSize, from);
    const pass = (i: number) => ({ batch: batches.at(i, transform), noise: foldIn(noiseKey, noise + i) });
    const passes = (count: number): FixedPass[] => Array.from({ length: count }, (_, i) => pass(i));
    return { perEpoch: batches.perEpoch, pass, passes };
  };
  const augmented = trainTransform(dataset);
  const validation = source(val, validationKey, evalTransform(dataset));
  const passes = validation.passes(validationBatches === 'all' ? validation.perEpoch : validationBatches);
  const { omega: estimate } = protocol;
  const tuneHalf = estimate.kind === 'finetuned' && estimate.split === 'val' ? val : train;
  const omega = omegaSteps(protocol, source(tuneHalf, tuneKey, augmented, 2 ** 40).passes);
  const training = source(train, trainKey, augmented, 2 ** 41);
  const trainingSgd = { ...sgdOf(supernet), lr: lastLr(supernet) };
  let steps = 0;

  // Nothing is dropped or perturbed where landscapes are read.
  const form = { mixing: 'softmax', statistics: normalization, dropPath: false } as const;
  const parts = supernetParts(supernet, dataset.classes.length, compile);
  const session = new SearchSession(supernetProgram(parts, form));
  session.writeWeights(trained.omega, trained.momentum);
  if (normalization === 'running') {
    session.forgetStatistics();
    const { alpha } = trained;
    const observed = source(train, observeKey, augmented, 2 ** 42);
    for (const pass of observed.passes(OBSERVED_BATCHES)) session.observe({ ...pass, alpha });
  }
  session.save();

  const lossOf = (alpha: Vec): number => lossAtOmega(session, omega, passes, alpha);
  return {
    plane,
    passes,
    lossOf,
    lossAt: (x, y) => lossOf(planePoint(plane, x, y)),
    weightsAt(alpha) {
      reachOmega(session, omega, alpha);
      return session.readWeights().omega;
    },
    gradientAt(x, y) {
      const alpha = planePoint(plane, x, y);
      session.restore();
      const sum = passes
        .map((pass) => session.gradient({ ...pass, alpha }))
        .reduce<Vec>((total, each) => axpy(1, each, total), new Float64Array(alpha.length));
      return inPlane(plane, scale(1 / passes.length, sum));
    },
    train(x, y) {
      session.restore();
      session.tune({ ...training.pass(steps), alpha: planePoint(plane, x, y) }, trainingSgd);
      session.save();
      steps += 1;
    },
    state() {
      session.restore();
      return { ...session.readWeights(), steps };
    },
    resume(state) {
      session.writeWeights(state.omega, state.momentum);
      session.save();
      ({ steps } = state);
    },
  };
}

/** The lengths of the groups of alphas that are softmaxed together: adding a constant to one changes nothing. */
export function alphaGroups(supernet: SearchProtocol): readonly number[] {
  return mixingGroups(spaceOf(supernet), supernet.partialChannels?.edgeNormalization ?? false);
}

/** The plane of a landscape around the alphas of its supernet. */
function landscapePlane({ directions, supernet }: LandscapeProtocol, alpha: Vec, from: Key): Plane {
  const groups = alphaGroups(supernet);
  const centered = (draw: Vec): Vec => centerGroups(draw, groups);
  const drawn = directions === 'centered' ? [centered] : [];
  return { center: alpha, directions: orthonormalPair(from, alpha.length, ...drawn) };
}

/** How a landscape's ω*(α) comes from ω. @param passes  So many fixed batches. */
function omegaSteps(
  { omega, supernet }: LandscapeProtocol,
  passes: (count: number) => FixedPass[],
): OmegaSteps {
  if (omega.kind === 'current') return omega;
  const lr = omega.lr === 'scheduled' ? lastLr(supernet) : omega.lr;
  const sgd = { ...sgdOf(supernet), lr };
  if (omega.kind === 'finetuned') {
    return { kind: 'finetuned', momentum: omega.momentum, sgd, passes: passes(omega.iterations) };
  }
  const momentum = omega.momentum ? sgd.momentum : 0;
  const weightDecay = omega.weightDecay ? sgd.weightDecay : 0;
  return {
    kind: 'finetuned',
    momentum: omega.momentum ? 'inherit' : 'zero',
    sgd: { lr, momentum, weightDecay, clip: null },
    passes: passes(1),
  };
}

function sgdOf({ weights }: SearchProtocol): SgdStep {
  const { lr, momentum, weightDecay, clip } = weights;
  return { lr, momentum, weightDecay, clip };
}

/** The learning rate of a search's last epoch. */
function lastLr({ weights, epochs }: SearchProtocol): number {
  return cosineLr(epochs - 1, { ...weights, epochs });
}

/** Seconds between two checkpoints at least: a loss that takes longer is kept at once. */
const CHECKPOINT_SECONDS = 2;

/** Losses at places that are known beforehand. */
export interface LossSeries<Place> {
  readonly places: readonly Place[];
  /** What is measured, as progress has it. */
  readonly title: string;
  /** Where it stands after `done` of `total`, for a sentence: ‘point 3 of 25 of the landscape’. */
  readonly position: (done: number, total: number) => string;
  /** The loss at a place. What it throws ends the series, and what was measured before it is kept. */
  readonly lossAt: (place: Place) => number;
  /** Called after every loss, also those that were measured before the series was stopped; the series waits for it. */
  readonly onLoss?: (loss: number, done: number) => void | Promise<void>;
}

/**
 * Measures a series in order, from where the run was stopped.
 *
 * @returns the losses, as many as places.
 * @throws {InterruptedError} after `signal`; whatever `lossAt` throws.
 */
export async function measureLosses<Place>(
  { places, title, position, lossAt, onLoss }: LossSeries<Place>,
  run: KeptRun,
  { progress = silent, signal }: PlaneOptions,
): Promise<number[]> {
  const losses = run.from ? Array.from(unpackState<{ losses: Float64Array }>(run.from).losses) : [];
  const phase = progress.start(title, places.length, losses.length);
  const save = (): void => {
    run.store.saveCheckpoint({ step: losses.length, ...packState({ losses: Float64Array.from(losses) }) });
  };
  let saved = performance.now();
  try {
    for (const [i, place] of places.entries()) {
      if (i === losses.length) {
        // Signals and a notebook's interrupts are delivered between losses.
        await yieldToEvents();
        if (signal?.aborted) {
          throw new InterruptedError(
            `Stopped after ${position(i, places.length)}; the same command goes on from there.`,
          );
        }
        losses.push(lossAt(place));
        if (performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
          save();
          saved = performance.now();
        }
      }
      phase.update(i + 1, `loss ${losses[i].toFixed(3)}`);
      await onLoss?.(losses[i], i + 1);
    }
  } catch (error) {
    save();
    throw error;
  } finally {
    phase.end();
  }
  return losses;
}
