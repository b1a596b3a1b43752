import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { graphCounts } from './program.js';
import type { GraphCounts } from './program.js';
import { BENCH_SHAPE_NAMES } from './shapes.js';
import { device } from '../../lib/engine/index.js';
import { projectRoot } from '../../lib/runs/home.js';

/** The counts on record. `npx zarts bench --counts --json > test/bench/graph-counts.json` records the present ones. */
const FILE = path.join(projectRoot(), 'test', 'bench', 'graph-counts.json');

/** The sentences for every count that rose. */
function risenCounts(now: GraphCounts, before: GraphCounts): string[] {
  return Object.entries(before).flatMap(([shape, recorded]) =>
    (['operations', 'kernels'] as const).flatMap((what) => {
      const [count, most] = [now[shape]?.[what] ?? Infinity, recorded[what]];
      return count <= most ? [] : [`${shape}: ${count} ${what} a step, ${most} on record`];
    }),
  );
}

describe('bench: operations of a step', function () {
  this.timeout(120_000);

  it('have not become more', function () {
    if (device().device === 'gpu') {
      // Gradients of depthwise convolutions are other kernels there.
      this.skip();
    }
    const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as GraphCounts;
    expect(Object.keys(recorded)).to.have.members([...BENCH_SHAPE_NAMES]);
    const risen = risenCounts(graphCounts(), recorded);
    expect(
      risen,
      `${risen.join('; ')}. If the step is worth it (faster, or more exact), record the new counts: npx zarts bench --counts --json > test/bench/graph-counts.json`,
    ).to.be.empty;
  });

  it('are named where they rose, and only there', () => {
    const before = { a: { operations: 10, kernels: 5 }, b: { operations: 4, kernels: 2 } };
    expect(risenCounts({ a: { operations: 9, kernels: 5 }, b: { operations: 4, kernels: 2 } }, before)).to.be
      .empty;
    expect(risenCounts({ a: { operations: 9, kernels: 6 } }, before)).to.deep.equal([
      'a: 6 kernels a step, 5 on record',
      'b: Infinity operations a step, 4 on record',
      'b: Infinity kernels a step, 2 on record',
    ]);
  });
});
