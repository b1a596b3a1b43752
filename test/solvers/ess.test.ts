import { expect } from 'chai';
import fc from 'fast-check';
import { softmax } from '../../lib/math/vec.js';
import { effectiveSamples } from '../../lib/solvers/ess.js';
import { number } from '../support/numbers.js';

const logWeights = fc
  .array(number(-30, 30), { minLength: 1, maxLength: 20 })
  .map((values) => Float64Array.from(values));

describe('solvers/ess', () => {
  it('is 1/Σc² of the normalised weights, and N/(1 + cv²)', () => {
    fc.assert(
      fc.property(logWeights, (log) => {
        const { ess, esr, cv } = effectiveSamples(log);
        const c = softmax(log);
        expect(ess).to.be.closeTo(1 / c.reduce((sum, value) => sum + value ** 2, 0), 1e-9 * log.length);
        expect(ess).to.be.within(1, log.length);
        expect(esr).to.equal(ess / log.length);
        const spread = Math.sqrt(
          c.reduce((sum, value) => sum + (log.length * value - 1) ** 2, 0) / log.length,
        );
        // The square root of a difference of nearly equal numbers: half the digits.
        expect(cv).to.be.closeTo(spread, 1e-6);
      }),
    );
  });

  it('does not depend on a common factor of the weights, at any magnitude', () => {
    fc.assert(
      fc.property(logWeights, fc.constantFrom(-1e5, -1000, 1000, 1e5), (log, shift) => {
        expect(effectiveSamples(log.map((value) => value + shift)).ess).to.be.closeTo(
          effectiveSamples(log).ess,
          1e-8,
        );
      }),
    );
  });

  it('is N for equal weights, 1 for one weight, 0 for none', () => {
    expect(effectiveSamples(new Float64Array(7).fill(-800))).to.deep.equal({ ess: 7, esr: 1, cv: 0 });
    expect(effectiveSamples(Float64Array.of(-Infinity, 900, -Infinity)).ess).to.equal(1);
    expect(effectiveSamples(Float64Array.of(-Infinity, -Infinity))).to.deep.equal({ ess: 0, esr: 0, cv: 0 });
    expect(effectiveSamples(new Float64Array())).to.deep.equal({ ess: 0, esr: 0, cv: 0 });
  });
});
