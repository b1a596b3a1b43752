/** The runs of tables in shares that can be computed apart: what needs the same run first is in one share. */
import type { AnyCell } from './experiment.js';
import { partsOf } from './kinds.js';

/** The cells that begin with the same run, in the order of the grid. */
export function groupsOf<C extends AnyCell>(cells: readonly C[]): C[][] {
  const groups = new Map<string, C[]>();
  for (const cell of cells) {
    const [{ identity }] = partsOf(cell.run);
    groups.set(identity, [...(groups.get(identity) ?? []), cell]);
  }
  return [...groups.values()];
}

/**
 * One of several shares of grids, each with as many groups as the next, or one more: of each grid its cells, in its order.
 *
 * @param share  From 1 on.
 */
export function shareOf<C extends AnyCell>(
  grids: readonly (readonly C[])[],
  share: number,
  shares: number,
): C[][] {
  const own = new Set(
    groupsOf(grids.flat())
      .filter((_, i) => i % shares === share - 1)
      .flat(),
  );
  return grids.map((cells) => cells.filter((cell) => own.has(cell)));
}
