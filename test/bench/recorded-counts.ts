import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';
import { graphCounts } from './program.js';
import type { GraphCounts } from './program.js';

/** The counts on record. `npx zarts bench --counts --json > test/bench/graph-counts.json` records the present ones. */
const FILE = path.join(projectRoot(), 'test', 'bench', 'graph-counts.json');

export const recordedCounts = (): GraphCounts => JSON.parse(readFileSync(FILE, 'utf8')) as GraphCounts;

/** The sentences for every count that rose. */
export function risenCounts(now: GraphCounts, before: GraphCounts): string[] {
  return Object.entries(before).flatMap(([shape, recorded]) =>
    (['operations', 'kernels'] as const).flatMap((what) => {
      const [count, most] = [now[shape]?.[what] ?? Infinity, recorded[what]];
      return count <= most ? [] : [`${shape}: ${count} ${what} a step, ${most} on record`];
    }),
  );
}

/** No count of these shapes' steps is above the one on record. */
export function checkCounts(shapes: readonly string[]): void {
  const recorded = recordedCounts();
  const before = Object.fromEntries(shapes.map((shape) => [shape, recorded[shape]]));
  const risen = risenCounts(graphCounts(shapes), before);
  expect(
    risen,
    `${risen.join('; ')}. If the step is worth it (faster, or more exact), record the new counts: npx zarts bench --counts --json > test/bench/graph-counts.json`,
  ).to.be.empty;
}
