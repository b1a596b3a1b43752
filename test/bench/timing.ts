import { median, quantile } from 'simple-statistics';

/** Times of one engine in ms. */
export interface Timing {
  readonly median: number;
  /** The middle half of the times lies between these. */
  readonly quartiles: readonly [number, number];
  readonly n: number;
}

/** Median and quartiles of one or more times in ms. */
export function timing(times: readonly number[]): Timing {
  return {
    median: median([...times]),
    quartiles: [quantile([...times], 0.25), quantile([...times], 0.75)],
    n: times.length,
  };
}

/** First times that differ by no more cannot tell which variant is the fastest. */
const MARGIN = 0.15;

/**
 * Of several variants, those worth timing at length: the fastest and all that came within {@link MARGIN} of it.
 *
 * @param first  First times of each variant in ms; the median counts.
 */
export function contenders(first: Readonly<Record<string, readonly number[]>>): readonly string[] {
  const medians = Object.entries(first).map(([name, times]) => ({ name, ms: median([...times]) }));
  const fastest = Math.min(...medians.map(({ ms }) => ms));
  return medians.filter(({ ms }) => ms <= fastest * (1 + MARGIN)).map(({ name }) => name);
}

/**
 * Calls each of several things in turn, `rounds` times: whatever else the machine does then falls on all of them alike.
 *
 * @param turns   By name, what to call; each returns its time in ms.
 * @param onTurn  Called after each.
 * @returns       The times of each, in order.
 */
export async function inTurn<Name extends string>(
  turns: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
  onTurn: () => void = () => undefined,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(turns) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      times[name].push(await turns[name]());
      onTurn();
    }
  }
  return times;
}
