import { expect } from 'chai';
import fc from 'fast-check';
import { magnitude, number } from './numbers.js';

const drawn = (numbers: fc.Arbitrary<number>): number[] => fc.sample(numbers, { numRuns: 4000, seed: 1 });
const share = (numbers: readonly number[], wanted: (x: number) => boolean): number =>
  numbers.filter(wanted).length / numbers.length;

describe('support/numbers', () => {
  it('are ordinary more often than not: neither next to nothing nor next to a bound', () => {
    const ordinary = (x: number): boolean => Math.abs(x) > 0.01 && Math.abs(x) < 4.99;
    expect(share(drawn(number(-5, 5)), ordinary)).to.be.above(0.6);
    // What fast-check draws by itself.
    expect(share(drawn(fc.double({ min: -5, max: 5, noNaN: true })), ordinary)).to.be.below(0.1);
  });

  it('are nearly always two ordinary, distinct losses where there are nine', () => {
    const losses = fc.sample(fc.array(number(-5, 5), { minLength: 9, maxLength: 9 }), {
      numRuns: 1000,
      seed: 2,
    });
    const spread = (each: readonly number[]): boolean => Math.max(...each) - Math.min(...each) > 1;
    expect(losses.filter(spread).length / losses.length).to.be.above(0.95);
  });

  it('keep to their bounds, and reach edges', () => {
    const numbers = drawn(number(-5, 5));
    for (const x of numbers) expect(x).to.be.within(-5, 5);
    expect(share(numbers, (x) => x !== 0 && Math.abs(x) < 1e-6)).to.be.above(0.05);
    expect(numbers).to.include.members([-5, 5, 0]);
  });

  it('are of every order of magnitude where they are magnitudes', () => {
    const numbers = drawn(magnitude(1e-3, 1e3));
    for (const x of numbers) expect(x).to.be.within(1e-3, 1e3);
    for (const power of [-3, -2, -1, 0, 1, 2])
      expect(share(numbers, (x) => x >= 10 ** power && x < 10 ** (power + 1))).to.be.above(0.05);
  });
});
