import { expect } from 'chai';
import { nativeKernels } from '../../lib/engine/index.js';
import { checkCounts, recordedCounts, risenCounts } from './recorded-counts.js';
import { BENCH_SHAPE_NAMES } from './shapes.js';

describe('bench: operations of a step', function () {
  this.timeout(120_000);

  it('have not become more where networks are small', function () {
    // The counts on record are those with the fused kernels.
    if (nativeKernels.level === 'none') this.skip();
    expect(Object.keys(recordedCounts())).to.have.members([...BENCH_SHAPE_NAMES]);
    checkCounts(BENCH_SHAPE_NAMES.filter((name) => name.endsWith('-small')));
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
