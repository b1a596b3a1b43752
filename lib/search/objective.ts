import { centerGroups, inPlane, orthonormalPair, planePoint } from '../analysis/landscape.js';
import type { Plane } from '../analysis/landscape.js';
import { batchSequence, halves } from '../datasets/batches.js';
import { batchOf, evalTransform, trainTransform } from '../datasets/augment.js';
import type { Transform } from '../datasets/augment.js';
import type { Dataset } from '../datasets/load.js';
import { recoverFromInterrupt } from '../engine/index.js';
import type { HostArrays } from '../engine/index.js';
import { foldIn, key, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { edgeGroups, operationGroups } from '../spaces/mixing.js';
import { isGroupName } from './groups.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import { fullSearch } from './presets.js';
import { searchProgram } from './program.js';
import { checkAgainstData, spaceOf } from './protocol.js';
import type { SearchProtocol } from './protocol.js';
import { RunningSession } from './running-session.js';
import { cosineLr } from './schedules.js';
import { SearchSession } from './session.js';
import type { Pass, SgdStep } from './session.js';
import type { TrainedSupernet } from './trained.js';

/**
 * L_val(ω*(α), α) over a plane of alphas, in a compiled program: what landscapes and the paths on them are measured with.
 */
export interface PlaneObjective {
  readonly plane: Plane;
  /** L_val at the protocol's ω* of the point, in nats: the mean over the validation batches. */
  lossAt(x: number, y: number): number;
  /** The same anywhere. @param alpha  Length d. */
  lossOf(alpha: Vec): number;
  /** [P] The protocol's ω*(α). @param alpha  Length d. */
  weightsAt(alpha: Vec): Float32Array;
  /** The batches that losses are read on. */
  readonly passes: readonly Omit<Pass, 'alpha'>[];
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

/** What it takes of a session with the weights. {@link SearchSession} is one. */
type WeightSession = Pick<
  SearchSession,
  'save' | 'begin' | 'restore' | 'tune' | 'loss' | 'gradient' | 'readWeights' | 'writeWeights'
>;

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
  const { supernet } = protocol;
  checkAgainstData(supernet, dataset.train.count);
  recoverFromInterrupt();
  const [directionKey, tuneKey, validationKey, trainKey, noiseKey, observeKey] = split(key(protocol.seed), 6);
  const plane = landscapePlane(protocol, trained.alpha, directionKey);
  const { train, val } = halves(supernet.dataset.trainSize);
  const augmented = trainTransform(dataset);
  const source = (half: Int32Array, from: Key, transform: Transform) => {
    const sequence = batchSequence(half, supernet.batchSize, from);
    const [augmentKey] = split(from, 1);
    return {
      perEpoch: sequence.perEpoch,
      batch: (number: number): HostArrays =>
        batchOf(dataset.train, sequence.at(number), transform, foldIn(augmentKey, number)),
    };
  };
  const validation = source(val, validationKey, evalTransform(dataset));
  const count = protocol.validationBatches === 'all' ? validation.perEpoch : protocol.validationBatches;
  const validationPasses = Array.from({ length: count }, (_, i) => ({
    batch: validation.batch(i),
    noise: foldIn(noiseKey, i),
  }));
  const estimate = weightEstimate(protocol);
  const tuning = source(train, tuneKey, augmented);
  const tuningPasses = Array.from({ length: estimate.steps }, (_, m) => ({
    batch: tuning.batch(m),
    noise: foldIn(noiseKey, 2 ** 40 + m),
  }));
  const training = source(train, trainKey, augmented);
  const observed = source(train, observeKey, augmented);
  const session = openSession(protocol, trained, dataset, compile, (number) => ({
    batch: observed.batch(number),
    noise: foldIn(noiseKey, 2 ** 42 + number),
  }));
  const trainingSgd: SgdStep = { ...sgdOf(supernet), lr: lastLr(supernet) };
  let trainingSteps = 0;

  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const tune = (alpha: Vec): void => {
    session.begin();
    for (const pass of tuningPasses) session.tune({ ...pass, alpha }, estimate.sgd);
  };
  const lossOf = (alpha: Vec): number => {
    tune(alpha);
    return mean(validationPasses.map((pass) => session.loss({ ...pass, alpha })));
  };
  return {
    plane,
    passes: validationPasses,
    lossOf,
    weightsAt(alpha) {
      tune(alpha);
      return session.readWeights().omega;
    },
    lossAt: (x, y) => lossOf(planePoint(plane, x, y)),
    gradientAt(x, y) {
      const alpha = planePoint(plane, x, y);
      session.begin();
      const gradients = validationPasses.map((pass) => session.gradient({ ...pass, alpha }));
      const sum = gradients.reduce<Vec>(
        (total, each) => axpy(1, each, total),
        new Float64Array(alpha.length),
      );
      return inPlane(plane, scale(1 / gradients.length, sum));
    },
    train(x, y) {
      const pass: Pass = {
        batch: training.batch(trainingSteps),
        noise: foldIn(noiseKey, 2 ** 41 + trainingSteps),
        alpha: planePoint(plane, x, y),
      };
      session.restore();
      session.tune(pass, trainingSgd);
      session.save();
      trainingSteps += 1;
    },
    state() {
      session.restore();
      return { ...session.readWeights(), steps: trainingSteps };
    },
    resume({ omega, momentum, steps }) {
      session.writeWeights(omega, momentum);
      session.save();
      trainingSteps = steps;
    },
  };
}

/** The lengths of the groups of alphas that are softmaxed together: adding a constant to one changes nothing. */
export function alphaGroups(supernet: SearchProtocol): number[] {
  const space = spaceOf(supernet);
  const { normal, reduce } = operationGroups(space);
  const edges = supernet.partialChannels?.edgeNormalization ? edgeGroups(space) : [];
  return [...normal, ...reduce, ...edges, ...edges];
}

/** The plane of a landscape around the alphas of its supernet. */
function landscapePlane({ directions, supernet }: LandscapeProtocol, alpha: Vec, from: Key): Plane {
  if (directions === 'orthonormal') {
    return { center: alpha, directions: orthonormalPair(from, alpha.length) };
  }
  const groups = alphaGroups(supernet);
  const centered = (draw: Vec): Vec => centerGroups(draw, groups);
  return { center: alpha, directions: orthonormalPair(from, alpha.length, centered) };
}

/** A session that holds the supernet's weights, and saved them. */
function openSession(
  { supernet, normalization }: LandscapeProtocol,
  { omega, momentum, alpha }: TrainedSupernet,
  dataset: Dataset,
  compile: boolean,
  observed: (number: number) => Omit<Pass, 'alpha'>,
): WeightSession {
  if (normalization === 'running') {
    const session = new RunningSession(supernet, dataset.classes.length, compile);
    session.writeWeights(omega, momentum);
    session.forget();
    for (let i = 0; i < OBSERVED_BATCHES; i++) session.observe({ ...observed(i), alpha });
    session.save();
    return session;
  }
  const plain = plainSearch(supernet);
  const session = new SearchSession(searchProgram(plain, dataset.classes.length, compile));
  session.writeWeights(omega, momentum);
  session.save();
  return session;
}

/**
 * A search of the same supernet by first-order DARTS: nothing is dropped or perturbed where landscapes are read, and a
 * gradient solver's program is fed its optimizer's settings, which the unrolled step needs.
 */
function plainSearch(supernet: SearchProtocol): SearchProtocol {
  const kept = Object.entries(supernet).filter(([name]) => !isGroupName(name) || name === 'partialChannels');
  const { solver } = fullSearch(supernet.space, 'darts-1st');
  return { ...(Object.fromEntries(kept) as SearchProtocol), solver };
}

/** Batches behind running statistics: 0.9^50 of what they began as is left, half a percent. */
const OBSERVED_BATCHES = 50;

/** How many steps of which kind lead from ω to ω*(α). */
function weightEstimate({ omega, supernet }: LandscapeProtocol): { steps: number; sgd: SgdStep } {
  const sgd = sgdOf(supernet);
  if (omega.kind === 'current') return { steps: 0, sgd };
  const lr = omega.lr === 'scheduled' ? lastLr(supernet) : omega.lr;
  return omega.kind === 'unrolled'
    ? { steps: 1, sgd: { lr, momentum: 0, weightDecay: 0, clip: null } }
    : { steps: omega.iterations, sgd: { ...sgd, lr } };
}

function sgdOf({ weights }: SearchProtocol): SgdStep {
  const { momentum, weightDecay, clip } = weights;
  return { lr: weights.lr, momentum, weightDecay, clip };
}

/** The learning rate of a search's last epoch. */
function lastLr({ weights, epochs }: SearchProtocol): number {
  return cosineLr(epochs - 1, { ...weights, epochs });
}
