/** Whether a quantity follows the order of another, in repeats that are compared within themselves alone. */
import { mean } from 'simple-statistics';
import { ZartsError } from '../errors.js';
import { foldIn, key as keyOf, permutation } from '../math/random.js';
import type { Key } from '../math/random.js';
import { kendallTau } from './comparison.js';
import { checkValues, LEVEL, summarize } from './statistics.js';

/** What was measured in one repeat: a value of the one quantity and of the other, two or more times. */
export type Block = readonly (readonly [x: number, y: number])[];

/** An order, tested. */
export interface OrderTest {
  /** Repeats. */
  readonly n: number;
  /** Mean over the repeats of Kendall's τ-b between the two; a repeat with nothing to order counts as 0. */
  readonly tau: number;
  /** The t interval of that mean, no τ being beyond ±1; null for one repeat. A few equal τ do not mean no spread. */
  readonly interval: readonly [number, number] | null;
  /** Two-sided probability of a mean at least as far from 0, were the values of each repeat in a random order. */
  readonly p: number;
  /** The same of the largest mean that these values could have had: where they are few no order is unlikely. */
  readonly leastP: number;
  /** Of that mean, were the values of each repeat in a random order. */
  readonly standardError: number;
}

/** Most values for which every order is counted: 5,040. */
const MOST_COUNTED = 7;

/** Orders that are drawn where there are more. */
const DRAWN = 10_000;

/** τ are told apart by so many steps a unit, so that their sums can be counted. */
const STEPS = 10_000;

/**
 * Tests whether the second quantity rises or falls with the first, by permutation within each repeat.
 *
 * @param blocks  At least one, each of two or more pairs.
 * @param key     Decides the orders that are drawn where there are too many to count.
 * @throws {ZartsError} for no blocks, a block of fewer than two pairs, or a value that is not finite.
 */
export function orderTest(blocks: readonly Block[], key: Key = keyOf(0)): OrderTest {
  if (blocks.length === 0)
    throw new ZartsError('A test of an order needs at least one repeat; there is none.');
  const short = blocks.findIndex((block) => block.length < 2);
  if (short >= 0) {
    throw new ZartsError(
      `Repeat ${short} of a test of an order has fewer than two values; there is no order.`,
    );
  }
  checkValues('A test of an order', blocks.flat(2));
  const taus = blocks.map(tauOf);
  const chance = sumsOfChance(blocks, key);
  const sumOf = (each: readonly number[]): number =>
    Math.abs(each.reduce((sum, tau) => sum + inSteps(tau), 0));
  // Where τ of several repeats add up to the same, roundings may take each of them a step apart.
  const probabilityOf = (sum: number): number =>
    total(chance.filter((each) => Math.abs(each.sum) >= sum - blocks.length));
  const pairs = Math.max(...blocks.map(({ length }) => (length * (length - 1)) / 2));
  const { interval } = summarize(taus, LEVEL, 2 / pairs);
  return {
    n: blocks.length,
    tau: mean(taus),
    interval: interval && [Math.max(-1, interval[0]), Math.min(1, interval[1])],
    p: probabilityOf(sumOf(taus)),
    leastP: probabilityOf(sumOf(blocks.map(largestOf))),
    standardError:
      Math.sqrt(chance.reduce((sum, each) => sum + each.sum ** 2 * each.probability, 0)) /
      (STEPS * blocks.length),
  };
}

function tauOf(block: Block): number {
  const tau = kendallTau(
    block.map(([x]) => x),
    block.map(([, y]) => y),
  );
  return Number.isNaN(tau) ? 0 : tau;
}

/** The largest τ that a repeat's values could have in any order. */
function largestOf(block: Block): number {
  const [xs, ys] = [0, 1].map((of) => block.map((pair) => pair[of]).sort((a, b) => a - b));
  return tauOf(xs.map((x, i) => [x, ys[i]]));
}

const inSteps = (tau: number): number => Math.round(STEPS * tau);

/** The orders that a repeat of so many values may have: every one, or many drawn where there are too many to count. */
function ordersOf(length: number, key: Key): readonly (readonly number[])[] {
  if (length > MOST_COUNTED) {
    // The order observed is one of them, so that no probability is 0.
    const observed = Array.from({ length }, (_, i) => i);
    const drawn = Array.from({ length: DRAWN - 1 }, (_, i) => [...permutation(foldIn(key, i), length)]);
    return [observed, ...drawn];
  }
  return Array.from({ length }, (_, i) => i).reduce<number[][]>(
    (shorter, next) =>
      shorter.flatMap((order) =>
        Array.from({ length: next + 1 }, (_, place) => order.toSpliced(place, 0, next)),
      ),
    [[]],
  );
}

/** A sum of the repeats' τ, in steps, and its probability. */
interface ChanceSum {
  readonly sum: number;
  readonly probability: number;
}

const total = (sums: readonly ChanceSum[]): number =>
  Math.min(
    1,
    sums.reduce((all, { probability }) => all + probability, 0),
  );

/** The sums of τ over the repeats, the second values of each in any order. */
function sumsOfChance(blocks: readonly Block[], key: Key): ChanceSum[] {
  const known = new Map<number, readonly (readonly number[])[]>();
  let sums = new Map([[0, 1]]);
  for (const block of blocks) {
    const orders = known.get(block.length) ?? ordersOf(block.length, key);
    known.set(block.length, orders);
    const own = new Map<number, number>();
    for (const order of orders) add(own, inSteps(tauOf(block.map(([x], i) => [x, block[order[i]][1]]))), 1);
    const longer = new Map<number, number>();
    for (const [sum, probability] of sums) {
      for (const [tau, count] of own) add(longer, sum + tau, (probability * count) / orders.length);
    }
    sums = longer;
  }
  return [...sums].map(([sum, probability]) => ({ sum, probability }));
}

function add(to: Map<number, number>, at: number, value: number): void {
  to.set(at, (to.get(at) ?? 0) + value);
}
