import { foldIn, uniform } from '../math/random.js';
import type { Key } from '../math/random.js';
import { mapGroups } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/**
 * SmoothDARTS' perturbations of the mixing weights (Chen and Hsieh 2020): the weights are trained at operations' shares a
 * little beside the softmax of alpha, so that the loss stays low around it.
 */

/** Mixing weights that follow each other in groups, each group an edge's operations, summing to 1. */
export interface Shares {
  readonly values: Vec;
  /** The groups' lengths; what follows the last one is no operation's share, and is never perturbed. */
  readonly groups: readonly number[];
}

/**
 * The nearest thing to a share after a change, group by group, as the public code repairs it: values cut to [0, 1] and
 * divided by their sum; where nothing is left, all of it to what was largest.
 */
export function repairShares({ values, groups }: Shares): Vec {
  return mapGroups(values, groups, (group) => {
    const cut = group.map((value) => Math.min(1, Math.max(0, value)));
    const sum = cut.reduce((total, value) => total + value, 0);
    const largest = group.indexOf(Math.max(...group));
    return sum > 0 ? cut.map((value) => value / sum) : cut.map((_, i) => (i === largest ? 1 : 0));
  });
}

/** SDARTS-RS: every share moved by a uniform draw from ±epsilon, then repaired. */
export function randomPerturbation({ values, groups }: Shares, epsilon: number, key: Key): Vec {
  const count = groups.reduce((total, size) => total + size, 0);
  const draws = uniform(key, count);
  const moved = values.map((value, i) => (i < count ? value + epsilon * (2 * draws[i] - 1) : value));
  return repairShares({ values: moved, groups });
}

/** What {@link adversarialPerturbation} asks of the network, at given shares on one batch. */
export interface SharesLoss {
  readonly loss: (shares: Vec) => number;
  /** The loss' gradient with respect to the shares. */
  readonly gradient: (shares: Vec) => Vec;
}

/**
 * SDARTS-ADV: projected gradient ascent of the loss on the shares within ±epsilon of where they are, from a random start,
 * by steps of 2·epsilon/steps along the gradient's sign, repaired after each. Where the loss is not above that of the
 * unperturbed shares in the end, those are returned.
 *
 * @param steps  7 in the public code.
 */
export function adversarialPerturbation(
  { values, groups }: Shares,
  { epsilon, steps }: { epsilon: number; steps: number },
  key: Key,
  { loss, gradient }: SharesLoss,
): Vec {
  const count = groups.reduce((total, size) => total + size, 0);
  const before = loss(values);
  let at = randomPerturbation({ values, groups }, epsilon, foldIn(key, 0));
  for (let step = 0; step < steps; step++) {
    const slope = gradient(at);
    const moved = at.map((value, i) => {
      if (i >= count) return value;
      const ahead = value + ((2 * epsilon) / steps) * Math.sign(slope[i]);
      return Math.min(values[i] + epsilon, Math.max(values[i] - epsilon, ahead));
    });
    at = repairShares({ values: moved, groups });
  }
  return loss(at) < before ? values : at;
}

/**
 * The gradient with respect to alphas of a loss whose gradient with respect to their softmaxed shares is known, group by
 * group: g_i = s_i·(γ_i − Σ s_j·γ_j).
 *
 * @param groups  The lengths of all groups; they cover the whole vector.
 */
export function throughSoftmax({ values, groups }: Shares, gradient: Vec): Vec {
  return mapGroups(values, groups, (shares, start) => {
    const mean = shares.reduce((sum, share, i) => sum + share * gradient[start + i], 0);
    return shares.map((share, i) => share * (gradient[start + i] - mean));
  });
}
