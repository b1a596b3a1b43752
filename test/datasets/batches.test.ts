import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../lib/errors.js';
import { batchSequence, halves, range } from '../../lib/datasets/batches.js';
import { key } from '../../lib/math/random.js';
import { thrown } from './helpers.js';

describe('datasets: halves, epochs and batches', () => {
  it('splits in the middle, in file order', () => {
    expect(halves(6)).to.deep.equal({ train: Int32Array.of(0, 1, 2), val: Int32Array.of(3, 4, 5) });
    expect(halves(5)).to.deep.equal({ train: Int32Array.of(0, 1), val: Int32Array.of(2, 3, 4) });
  });

  it('visits every index of the half once an epoch, in an order of the key', () => {
    const { val } = halves(101);
    const epoch = (seed: number): Int32Array => batchSequence(val, val.length, key(seed)).at(0);
    expect(epoch(1)).to.not.deep.equal(val);
    expect(epoch(1).sort()).to.deep.equal(val);
    expect(epoch(1)).to.deep.equal(epoch(1));
    expect(epoch(2)).to.not.deep.equal(epoch(1));
  });

  it('cuts epochs into full batches without an index twice, and answers in any order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(1000),
        (a, b, seed) => {
          const [batchSize, count] = [Math.min(a, b), Math.max(a, b)];
          const sequence = batchSequence(range(count), batchSize, key(seed));
          expect(sequence.perEpoch).to.equal(Math.floor(count / batchSize));
          const steps = Array.from({ length: 3 * sequence.perEpoch }, (_, step) => sequence.at(step));
          for (const batch of steps) expect(batch).to.have.length(batchSize);
          for (let epoch = 0; epoch < 3; epoch++) {
            const seen = steps
              .slice(epoch * sequence.perEpoch, (epoch + 1) * sequence.perEpoch)
              .flatMap((s) => [...s]);
            expect(new Set(seen).size).to.equal(seen.length);
          }
          const afresh = batchSequence(range(count), batchSize, key(seed));
          for (const step of [...steps.keys()].reverse()) expect(afresh.at(step)).to.deep.equal(steps[step]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('shuffles anew for every epoch', () => {
    const sequence = batchSequence(range(40), 40, key(0));
    expect(sequence.at(0)).to.not.deep.equal(sequence.at(1));
  });

  it('refuses batch sizes that cannot be', () => {
    for (const size of [0, 11, 2.5, NaN]) {
      const error = thrown(() => batchSequence(range(10), size, key(0)));
      expect(error).to.be.instanceOf(UsageError);
      expect(error.message).to.match(/Batch size .* expected an integer from 1 to 10/);
    }
  });
});
