import { expect } from 'chai';
import { BENCH_SHAPES } from './shapes.js';
import { WHOLE_CHECK, checkBits } from './bits-check.js';

describe('bits: at every shape, in 3 sessions × 3 processes × 1 and 2 threads between operations', function () {
  this.timeout(3_000_000);

  for (const [name, shape] of Object.entries(BENCH_SHAPES)) {
    it(name, async () => {
      const { sessions, values } = await checkBits(shape, WHOLE_CHECK);
      expect(sessions).to.equal(18);
      for (const [output, different] of Object.entries(values)) expect(different, output).to.equal(1);
    });
  }
});
