/**
 * The optional groups of a search protocol: regularization, perturbation and supernet forms that may be combined with any
 * solver, and what is recorded beside the result. A group that is absent is off; each has a record of its own, so that protocols without it stay as they are.
 */
import { z } from 'zod';
import { choice, flag, integer, real } from '../settings.js';

/** ScheduledDropPath while searching (Zoph et al. 2018; R-DARTS(DP), Zela et al. 2020). */
const dropPathSchema = z.strictObject({
  probability: real(
    'Probability with which an edge is dropped for an image in the last epoch; rises linearly from 0.',
    {
      atLeast: 0,
      below: 1,
    },
  ),
});

/** Cutout while searching (DeVries and Taylor 2017; R-DARTS' searches with drop path have it). */
const cutoutSchema = z.strictObject({
  length: integer('Side of the square that is cut out of an image.', 2, 32, 2),
  probability: real(
    'Probability with which an image loses a square in the last epoch; rises linearly from 0.',
    { atLeast: 0, atMost: 1 },
  ),
});

/** SmoothDARTS' perturbation of the mixing weights in the base weights' steps (Chen and Hsieh 2020). */
const perturbationSchema = z.strictObject({
  kind: choice('rs: uniform noise; adv: the direction in which the training loss rises.', ['rs', 'adv']),
  epsilonStart: real('Largest change of a mixing weight in the first epoch.', { atLeast: 0, atMost: 1 }),
  epsilonEnd: real('Largest change that the epochs lead to, linearly.', { atLeast: 0, atMost: 1 }),
  steps: integer(
    'Steps of projected gradient ascent, each a gradient on the training batch; adv only.',
    1,
    100,
  ),
});

/** PC-DARTS' supernet (Xu et al. 2020). */
const partialChannelsSchema = z.strictObject({
  k: integer('A mixed op sees one in k channels; divides channels.', 1, 512),
  edgeNormalization: flag('Whether each edge has an alpha of its own, softmaxed over the edges into a node.'),
});

/** What the dominant eigenvalue of ∇²_α L_val is used for (DARTS-ES and DARTS-ADA, Zela et al. 2020). */
const stabilitySchema = z.strictObject({
  action: choice(
    'When the eigenvalue has risen: only record it, stop and go back to the alphas before it rose, or go back and decay the weights more.',
    ['record', 'stop', 'regularize'],
  ),
  window: integer('Epochs that the eigenvalue is averaged over, around each epoch.', 1, 1000),
  lag: integer('Epochs between the two averages that are compared; how far the search goes back.', 1, 1000),
  ratio: real('The eigenvalue has risen when the earlier average is below this share of the later.', {
    above: 0,
    below: 1,
  }),
  startEpoch: integer('First epoch that the search may go back to.', 0, 100_000),
  factor: real('regularize: what weights.weightDecay is multiplied by.', { above: 1 }),
  maxWeightDecay: real('regularize: the largest weight decay; at least weights.weightDecay.', { above: 0 }),
  products: integer('Most Hessian–vector products for an eigenvalue, two gradients each.', 1, 1000),
  values: integer(
    'How many of the largest eigenvalues are recorded; left out: the dominant one.',
    1,
    100,
  ).exactOptional(),
});

/** What a search keeps of its course. It changes nothing of what is found. */
const historySchema = z.strictObject({
  alphaEvery: integer('Epochs between two records of alpha, each at an epoch’s end.', 1, 100_000),
});

/** The schema of every optional group. */
export const GROUPS = {
  dropPath: dropPathSchema,
  cutout: cutoutSchema,
  perturbation: perturbationSchema,
  partialChannels: partialChannelsSchema,
  stability: stabilitySchema,
  history: historySchema,
};

/** The name of an optional group. */
export type GroupName = keyof typeof GROUPS;

/** Groups that record and change nothing: a search with them does the same as one without. */
export const RECORDING: readonly GroupName[] = ['history'];

/** Whether a value is the name of an optional group. */
export function isGroupName(value: string): value is GroupName {
  return value in GROUPS;
}

/** The settings of an optional group. */
export type Group<Name extends GroupName> = z.infer<(typeof GROUPS)[Name]>;

/**
 * What a group has in the solver that brings it, and so where it is switched on by setting one of its fields. Where the
 * values come from is said in ./baselines.ts.
 */
export const GROUP_DEFAULTS: { readonly [Name in GroupName]: Group<Name> } = {
  dropPath: { probability: 0.6 },
  cutout: { length: 16, probability: 1 },
  perturbation: { kind: 'rs', epsilonStart: 0.03, epsilonEnd: 0.3, steps: 7 },
  partialChannels: { k: 4, edgeNormalization: true },
  stability: {
    action: 'record',
    window: 5,
    lag: 5,
    ratio: 0.75,
    startEpoch: 10,
    factor: 10,
    maxWeightDecay: 0.03,
    products: 40,
  },
  history: { alphaEvery: 1 },
};
