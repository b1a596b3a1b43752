import { centerGroups, inPlane, orthonormalPair, planePoint } from '../analysis/landscape.js';
import type { Plane } from '../analysis/landscape.js';
import { halves, imageBatches } from '../datasets/batches.js';
import { evalTransform, trainTransform } from '../datasets/augment.js';
import type { Transform } from '../datasets/augment.js';
import type { Dataset, LoadOptions } from '../datasets/load.js';
import { foldIn, key, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { packState, unpackState } from '../runs/checkpoint.js';
import type { KeptOptions, KeptRun } from '../runs/kept.js';
import { inSteps } from '../runs/steps.js';
import { mixingGroups } from '../spaces/mixing.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import { lossAtOmega, omegaSteps, reachOmega } from './omega.js';
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

/** The weights of an objective and how many steps they took from the supernet's. */
export interface ObjectiveState {
  readonly omega: Float32Array;
  readonly momentum: Float32Array;
  readonly steps: number;
}

/** Batches behind running statistics: 0.9^50 of what they began as is left, half a percent. */
const OBSERVED_BATCHES = 50;

/**
 * L_val(ω*(α), α) over a plane of alphas: what landscapes and the paths on them are measured with. It has the compiled
 * program's weights until another objective is made.
 *
 * Fine-tuning reads augmented batches of the training half, drawn once; losses are read on batches of the validation half
 * without augmentation. Every point has the same of both, and the same noise.
 */
export class PlaneObjective {
  readonly plane: Plane;
  /** The batches that losses are read on. */
  readonly passes: readonly FixedPass[];
  private readonly session: SearchSession;
  private readonly sgd: SgdStep;
  private readonly omega: OmegaSteps;
  private readonly trainingPass: (number: number) => FixedPass;
  private steps = 0;

  /** @throws {UsageError} if the protocol asks for more images than there are. */
  constructor(protocol: LandscapeProtocol, trained: TrainedSupernet, dataset: Dataset, compile: boolean) {
    const { supernet, normalization, validationBatches, omega } = protocol;
    checkAgainstData(supernet, dataset.train.count);
    const [directionKey, tuneKey, validationKey, trainKey, noiseKey, observeKey] = split(
      key(protocol.seed),
      6,
    );
    this.plane = landscapePlane(protocol, trained.alpha, directionKey);
    const { train, val } = halves(supernet.dataset.trainSize);
    const source = (half: Int32Array, from: Key, transform: Transform, noise = 0) => {
      const batches = imageBatches(dataset.train, half, supernet.batchSize, from);
      const pass = (i: number) => ({ batch: batches.at(i, transform), noise: foldIn(noiseKey, noise + i) });
      const passes = (count: number): FixedPass[] => Array.from({ length: count }, (_, i) => pass(i));
      return { perEpoch: batches.perEpoch, pass, passes };
    };
    const augmented = trainTransform(dataset);
    const validation = source(val, validationKey, evalTransform(dataset));
    this.passes = validation.passes(validationBatches === 'all' ? validation.perEpoch : validationBatches);
    const { epochs, weights } = supernet;
    const { momentum, weightDecay, clip } = weights;
    this.sgd = { lr: cosineLr(epochs - 1, { ...weights, epochs }), momentum, weightDecay, clip };
    const tuneHalf = omega.kind === 'finetuned' && omega.split === 'val' ? val : train;
    this.omega = omegaSteps(omega, this.sgd, source(tuneHalf, tuneKey, augmented, 2 ** 40).passes);
    this.trainingPass = source(train, trainKey, augmented, 2 ** 41).pass;

    // Nothing is dropped or perturbed where landscapes are read.
    const form = { mixing: 'softmax', statistics: normalization, dropPath: false } as const;
    const parts = supernetParts(supernet, dataset.classes.length, compile);
    this.session = new SearchSession(supernetProgram(parts, form));
    this.session.writeWeights(trained.omega, trained.momentum);
    if (normalization === 'running') {
      this.session.forgetStatistics();
      const { alpha } = trained;
      const observed = source(train, observeKey, augmented, 2 ** 42);
      for (const pass of observed.passes(OBSERVED_BATCHES)) this.session.observe({ ...pass, alpha });
    }
    this.session.save();
  }

  /** L_val at the protocol's ω* of the point, in nats: the mean over the validation batches. @param alpha  Length d. */
  lossOf(alpha: Vec): number {
    return lossAtOmega(this.session, this.omega, this.passes, alpha);
  }

  /** The same at a point of the plane. */
  lossAt(x: number, y: number): number {
    return this.lossOf(planePoint(this.plane, x, y));
  }

  /** [P] The protocol's ω*(α). @param alpha  Length d. */
  weightsAt(alpha: Vec): Float32Array {
    reachOmega(this.session, this.omega, alpha);
    return this.session.readWeights().omega;
  }

  /** The gradient over the plane of L_val at ω as it is: what first-order DARTS follows. */
  gradientAt(x: number, y: number): readonly [number, number] {
    const alpha = planePoint(this.plane, x, y);
    this.session.restore();
    const sum = this.passes
      .map((pass) => this.session.gradient({ ...pass, alpha }))
      .reduce<Vec>((total, each) => axpy(1, each, total), new Float64Array(alpha.length));
    return inPlane(this.plane, scale(1 / this.passes.length, sum));
  }

  /** One step of the search's SGD on ω itself at the point; losses and gradients are at the new ω from then on. */
  train(x: number, y: number): void {
    this.session.restore();
    const alpha = planePoint(this.plane, x, y);
    this.session.tune({ ...this.trainingPass(this.steps), alpha }, this.sgd);
    this.session.save();
    this.steps += 1;
  }

  /** ω as {@link train} left it. */
  state(): ObjectiveState {
    this.session.restore();
    return { ...this.session.readWeights(), steps: this.steps };
  }

  /** Goes on from such a state. */
  resume({ omega, momentum, steps }: ObjectiveState): void {
    this.session.writeWeights(omega, momentum);
    this.session.save();
    this.steps = steps;
  }
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
  { from, store }: KeptRun,
  options: PlaneOptions,
): Promise<number[]> {
  const losses = from ? Array.from(unpackState<{ losses: Float64Array }>(from).losses) : [];
  for (const [i, loss] of losses.entries()) await onLoss?.(loss, i + 1);
  const checkpoint = () => ({ step: losses.length, ...packState({ losses: Float64Array.from(losses) }) });
  await inSteps(
    {
      title,
      total: places.length,
      position: () => losses.length,
      step: async () => {
        try {
          losses.push(lossAt(places[losses.length]));
          await onLoss?.(losses[losses.length - 1], losses.length);
        } catch (error) {
          store.saveCheckpoint(checkpoint());
          throw error;
        }
        return false;
      },
      note: () => `loss ${losses[losses.length - 1].toFixed(3)}`,
      place: () => position(losses.length, places.length),
      checkpoint,
    },
    { ...options, store },
  );
  return losses;
}
