/** Whether a quantity follows the order of another, in repeats that are compared within themselves alone. */
import { mean } from 'simple-statistics';
import { ZartsError } from '../errors.js';
import { foldIn, key as keyOf, permutation, uniform } from '../math/random.js';
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
  /** Of that mean, were the values of each repeat in a random order. */
  readonly standardError: number;
}

/** Orders that are drawn: a probability of 0.01 is then good to a tenth. */
const ORDERS = 10_000;

/** Most values for which every order is counted: 5,040. */
const MOST_COUNTED = 7;

/**
 * Tests whether the second quantity rises or falls with the first, by permutation within each repeat.
 *
 * @param blocks  At least one, each of two or more pairs.
 * @param key     Decides the orders drawn.
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
  const observed = Math.abs(mean(taus));
  const drawn = meansOfChance(blocks, key);
  const pairs = Math.max(...blocks.map(({ length }) => (length * (length - 1)) / 2));
  const { interval } = summarize(taus, LEVEL, 2 / pairs);
  // Sums of the same numbers in another order differ in their last bits.
  const reached = drawn.filter((each) => each >= observed - 1e-9).length;
  return {
    n: blocks.length,
    tau: mean(taus),
    interval: interval && [Math.max(-1, interval[0]), Math.min(1, interval[1])],
    // What was observed is one of the orders, so that p is never 0.
    p: (reached + 1) / (ORDERS + 1),
    standardError: Math.sqrt(mean(drawn.map((each) => each ** 2))),
  };
}

function tauOf(block: Block): number {
  const tau = kendallTau(
    block.map(([x]) => x),
    block.map(([, y]) => y),
  );
  return Number.isNaN(tau) ? 0 : tau;
}

/** The orders that a repeat of so many values may have: every one, or many drawn where there are too many to count. */
function ordersOf(length: number, key: Key): readonly (readonly number[])[] {
  if (length > MOST_COUNTED) {
    return Array.from({ length: ORDERS }, (_, i) => Array.from(permutation(foldIn(key, i), length)));
  }
  return Array.from({ length }, (_, i) => i).reduce<number[][]>(
    (shorter, next) =>
      shorter.flatMap((order) =>
        Array.from({ length: next + 1 }, (_, place) => order.toSpliced(place, 0, next)),
      ),
    [[]],
  );
}

/** Means of τ over the blocks, signs aside, the second values of each in an order drawn at random. */
function meansOfChance(blocks: readonly Block[], key: Key): number[] {
  const known = new Map<number, readonly (readonly number[])[]>();
  const taus = blocks.map((block) => {
    const orders = known.get(block.length) ?? ordersOf(block.length, key);
    known.set(block.length, orders);
    return orders.map((order) => tauOf(block.map(([x], i) => [x, block[order[i]][1]])));
  });
  const draws = uniform(key, ORDERS * blocks.length);
  const chosen = (draw: number, b: number): number =>
    taus[b][Math.floor(draws[draw * blocks.length + b] * taus[b].length)];
  return Array.from({ length: ORDERS }, (_, draw) => Math.abs(mean(blocks.map((_, b) => chosen(draw, b)))));
}
