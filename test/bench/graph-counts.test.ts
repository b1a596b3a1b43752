import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { graphCounts, risenCounts } from './counts.js';
import type { GraphCounts } from './counts.js';
import { BENCH_SHAPE_NAMES } from './shapes.js';
import { device } from '../../lib/engine/index.js';
import { projectRoot } from '../../lib/runs/home.js';

/** The counts on record. `npx zarts bench --counts --json > test/bench/graph-counts.json` records the present ones. */
const FILE = path.join(projectRoot(), 'test', 'bench', 'graph-counts.json');

describe('bench: operations of a step', function () {
  this.timeout(120_000);

  it('have not become more', async function () {
    if (device().device === 'gpu') {
      // Gradients of depthwise convolutions are other kernels there.
      this.skip();
    }
    const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as GraphCounts;
    expect(Object.keys(recorded)).to.have.members([...BENCH_SHAPE_NAMES]);
    const risen = risenCounts(await graphCounts(), recorded);
    expect(
      risen,
      `${risen.join('; ')}. If the step is worth it (faster, or more exact), record the new counts: npx zarts bench --counts --json > test/bench/graph-counts.json`,
    ).to.be.empty;
  });
});
