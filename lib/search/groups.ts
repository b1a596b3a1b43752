/**
 * The optional groups of a search protocol: regularization, perturbation and supernet forms that may be combined with any
 * solver, and what is recorded beside the result. A group that is absent is off; each has a record of its own, so that
 * protocols without it stay as they are. Its defaults are what it has in the solver that brings it (./baselines.ts).
 */
import type { z } from 'zod';
import { choice, defaultsOf, flag, integer, real, record, setting } from '../settings.js';

/** ScheduledDropPath while searching (Zoph et al. 2018; R-DARTS(DP), Zela et al. 2020). */
export class DropPath {
  /** Probability with which an edge is dropped for an image in the last epoch; rises linearly from 0. */
  probability = setting(real({ atLeast: 0, below: 1 }), 0.6, 'baseline code');
}

/** Cutout while searching (DeVries and Taylor 2017; R-DARTS' searches with drop path have it). */
export class Cutout {
  /** Side of the square that is cut out of an image. */
  length = setting(integer(2, 32, 2), 16, 'baseline code');
  /** Probability with which an image loses a square in the last epoch; rises linearly from 0. */
  probability = setting(real({ atLeast: 0, atMost: 1 }), 1, 'baseline code');
}

/** SmoothDARTS' perturbation of the mixing weights in the base weights' steps (Chen and Hsieh 2020). */
export class Perturbation {
  /** rs: uniform noise; adv: the direction in which the training loss rises. */
  kind = setting(choice(['rs', 'adv']), 'rs', 'baseline code');
  /** Largest change of a mixing weight in the first epoch. */
  epsilonStart = setting(real({ atLeast: 0, atMost: 1 }), 0.03, 'baseline code');
  /** Largest change that the epochs lead to, linearly. */
  epsilonEnd = setting(real({ atLeast: 0, atMost: 1 }), 0.3, 'baseline code');
  /** Steps of projected gradient ascent, each a gradient on the training batch; adv only. */
  steps = setting(integer(1, 100), 7, 'baseline code');
}

/** PC-DARTS' supernet (Xu et al. 2020). */
export class PartialChannels {
  /** A mixed op sees one in k channels; divides channels. */
  k = setting(integer(1, 512), 4, 'baseline code');
  /** Whether each edge has an alpha of its own, softmaxed over the edges into a node. */
  edgeNormalization = setting(flag(), true, 'baseline code');
}

/** What the dominant eigenvalue of ∇²_α L_val is used for (DARTS-ES and DARTS-ADA, Zela et al. 2020). */
export class Stability {
  /**
   * When the eigenvalue has risen: only record it, stop and go back to the alphas before it rose, or go back and decay the
   * weights more.
   */
  action = setting(choice(['record', 'stop', 'regularize']), 'record', 'baseline code');
  /** Epochs that the eigenvalue is averaged over, around each epoch. */
  window = setting(integer(1, 1000), 5, 'baseline code');
  /** Epochs between the two averages that are compared; how far the search goes back. */
  lag = setting(integer(1, 1000), 5, 'baseline code');
  /** The eigenvalue has risen when the earlier average is below this share of the later. */
  ratio = setting(real({ above: 0, below: 1 }), 0.75, 'baseline code');
  /** First epoch that the search may go back to. */
  startEpoch = setting(integer(0, 100_000), 10, 'baseline code');
  /** regularize: what weights.weightDecay is multiplied by. */
  factor = setting(real({ above: 1 }), 10, 'baseline code');
  /** regularize: the largest weight decay; at least weights.weightDecay. */
  maxWeightDecay = setting(real({ above: 0 }), 0.03, 'baseline code');
  /** Most Hessian–vector products for an eigenvalue, two gradients each. */
  products = setting(integer(1, 1000), 40);
  /** How many of the largest eigenvalues are recorded; left out: the dominant one. */
  values = integer(1, 100).exactOptional();
  /** record: epochs between two eigenvalues, with that of the last epoch besides; left out: one every epoch. */
  every = integer(1, 100_000).exactOptional();
}

/** What a search keeps of its course. It changes nothing of what is found. */
export class History {
  /** Epochs between two records of alpha, each at an epoch’s end. */
  alphaEvery = setting(integer(1, 100_000), 1);
}

/** Single architectures, ranked by the losses that the supernet gives them. They change nothing of what is found. */
export class Ranking {
  /** Epochs between two rankings, each at an epoch’s end. */
  every = setting(integer(1, 100_000), 1);
  /** Architectures ranked, the same each time: drawn without repetition among those whose output depends on their input. */
  architectures = setting(integer(2, 1_000_000), 200);
  /** Validation batches that each of them is scored on, the same for all. */
  batches = setting(integer(1, 100_000), 2);
}

/** The schema of every optional group. */
export const GROUPS = {
  dropPath: record(new DropPath()),
  cutout: record(new Cutout()),
  perturbation: record(new Perturbation()),
  partialChannels: record(new PartialChannels()),
  stability: record(new Stability()),
  history: record(new History()),
  ranking: record(new Ranking()),
};

/** The name of an optional group. */
export type GroupName = keyof typeof GROUPS;

/** Every optional group's name. */
export const GROUP_NAMES = Object.keys(GROUPS) as readonly GroupName[];

/** Groups that record and change nothing: a search with them does the same as one without. */
export const RECORDING: readonly GroupName[] = ['history', 'ranking'];

/** Whether a value is the name of an optional group. */
export function isGroupName(value: string): value is GroupName {
  return value in GROUPS;
}

/** The settings of an optional group. */
export type Group<Name extends GroupName> = z.infer<(typeof GROUPS)[Name]>;

/** What a group has in the solver that brings it, with some settings otherwise. */
export function groupWith<Name extends GroupName>(
  name: Name,
  changes: Partial<Group<Name>> = {},
): Group<Name> {
  return { ...defaultsOf(GROUPS[name]), ...changes };
}
