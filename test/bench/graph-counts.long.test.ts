import { nativeKernels } from '../../lib/engine/index.js';
import { checkCounts } from './recorded-counts.js';
import { BENCH_SHAPE_NAMES } from './shapes.js';

describe('bench: operations of a step of every shape', function () {
  this.timeout(300_000);

  it('have not become more', function () {
    // The counts on record are those with the fused kernels.
    if (nativeKernels.level === 'none') this.skip();
    checkCounts(BENCH_SHAPE_NAMES);
  });
});
