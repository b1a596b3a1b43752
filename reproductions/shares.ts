/** A table's runs in shares that can be computed apart: what needs the same run first is in one share. */
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

/** One of several shares of about as many groups each. @param share  From 1 on. */
export function shareOf<C extends AnyCell>(cells: readonly C[], share: number, shares: number): C[] {
  return groupsOf(cells)
    .filter((_, i) => i % shares === share - 1)
    .flat();
}
