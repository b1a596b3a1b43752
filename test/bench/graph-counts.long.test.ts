import { device } from '../../lib/engine/index.js';
import { checkCounts } from './recorded-counts.js';
import { BENCH_SHAPE_NAMES } from './shapes.js';

describe('bench: operations of a step of every shape', function () {
  this.timeout(300_000);

  it('have not become more', function () {
    if (device().device === 'gpu') this.skip();
    checkCounts(BENCH_SHAPE_NAMES);
  });
});
