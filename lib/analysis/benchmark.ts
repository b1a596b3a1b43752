/** What a table of accuracies says of an architecture and of the space, by arithmetic alone. */
import { architectureAt, architectureCount, architectureNumber } from '../spaces/architectures.js';
import type { Genotype } from '../spaces/genotype.js';
import { SPACES } from '../spaces/spaces.js';
import { endingOf } from './genotypes.js';
import type { Ending } from './genotypes.js';

/** Test accuracies in percent, one for each architecture by its number (lib/spaces/architectures.ts). */
export type AccuracyList = Float64Array;

/** What a uniform draw from the space gives, exactly. */
export interface UniformDraw {
  /** Highest accuracy in percent. */
  readonly best: number;
  readonly mean: number;
  readonly median: number;
  /** Mean over the architectures with an operation other than `none` on every edge. */
  readonly meanWithoutNone: number;
  /** Accuracies that 0, 1, 2, …, 100 % of the architectures do not exceed. */
  readonly percentiles: readonly number[];
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** What is exactly so of an architecture drawn uniformly from NAS-Bench-201. */
export function uniformDraw(accuracies: AccuracyList): UniformDraw {
  const sorted = accuracies.slice().sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const withoutNone = accuracies.filter((_, number) => !hasNone(architectureAt(SPACES.nb201, number)));
  return {
    best: sorted[sorted.length - 1],
    mean: mean(accuracies),
    median: (at(0.5) + sorted[Math.ceil(sorted.length / 2) - 1]) / 2,
    meanWithoutNone: mean(withoutNone),
    percentiles: Array.from({ length: 101 }, (_, p) => at(p / 100)),
  };
}

const hasNone = ({ normal }: Genotype): boolean => normal.some(([op]) => op === 'none');

/**
 * The share of the space that an accuracy is better than, equal ones counting half: uniform on (0, 1) on average for a uniform
 * draw, with mean 1/2 exactly.
 */
export function percentileOf(accuracies: AccuracyList, accuracy: number): number {
  let [below, equal] = [0, 0];
  for (const each of accuracies) {
    if (each < accuracy) below += 1;
    else if (each === accuracy) equal += 1;
  }
  return (below + equal / 2) / accuracies.length;
}

/** Accuracies that differ by less, in points of percent, are alike: as much as isomorphic cells scatter in the published table. */
export const ALIKE = 0.25;

/**
 * P(a > b) + P(alike)/2 − 1/2 for one of the first accuracies and one of the second, drawn independently: 0 where neither is
 * better, 1/2 where all of the first are. Mann and Whitney's U in another unit, with ties as wide as {@link ALIKE}.
 */
export function superiority(first: ArrayLike<number>, second: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < first.length; i++) {
    for (let j = 0; j < second.length; j++) {
      const difference = first[i] - second[j];
      if (Math.abs(difference) >= ALIKE) sum += Math.sign(difference) / 2;
    }
  }
  return sum / (first.length * second.length);
}

/** How many architectures of the space end in which way. */
export function endingsIn(): Readonly<Record<Ending, number>> {
  const counts: Record<Ending, number> = { disconnected: 0, 'without convolution': 0, other: 0 };
  for (let number = 0; number < architectureCount(SPACES.nb201); number++) {
    counts[endingOf(architectureAt(SPACES.nb201, number))] += 1;
  }
  return counts;
}

/** The accuracy of an architecture; undefined for one that is none of NAS-Bench-201. */
export function accuracyOf(accuracies: AccuracyList, genotype: Genotype): number | undefined {
  const number = architectureNumber(SPACES.nb201, genotype);
  return number === undefined ? undefined : accuracies[number];
}
