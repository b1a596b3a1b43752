import { expect } from 'chai';
import fc from 'fast-check';
import { backBy, isLookedFor, raisedDecay, risenSince, wouldStop } from '../../lib/search/stability.js';
import { magnitude } from '../support/numbers.js';

const PAPER = { window: 5, lag: 5, ratio: 0.75, startEpoch: 10 };

/** The epochs at whose end the criterion is met, with the epoch that it goes back to. */
function met(values: readonly number[], settings = PAPER): [number, number][] {
  return values.flatMap((_, epoch) => {
    const back = risenSince(values.slice(0, epoch + 1), settings);
    return back === undefined ? [] : [[epoch, back] as [number, number]];
  });
}

describe('search/stability', () => {
  it('is met when the mean over 5 epochs has grown by a third within 5, seen 2 epochs later', () => {
    // 1 up to epoch 19, 2 from then on: the mean around epoch i is 1 + (i − 17)/5 for 17 ≤ i ≤ 22.
    const step = Array.from({ length: 40 }, (_, epoch) => (epoch < 20 ? 1 : 2));
    // λ̄(i) > 4/3 first at i = 20 (1.6 against 1.4 at 19, and λ̄(15) = 1): seen at the end of epoch 22, or 21 for i = 19.
    expect(met(step)[0]).to.deep.equal([21, 14]);
    // 1/1.4 < 0.75 at i = 19; the last that compares with 1.4 or less is i = 24 (λ̄(19) = 1.4: 0.7), not 25 (1.6: 0.8).
    expect(met(step).map(([epoch]) => epoch)).to.deep.equal([21, 22, 23, 24, 25, 26]);
  });

  it('goes back by the lag and half the window, never before the start', () => {
    const rising = Array.from({ length: 40 }, (_, epoch) => 1.5 ** epoch);
    expect(backBy(PAPER)).to.equal(7);
    expect(met(rising)[0]).to.deep.equal([17, 10]);
    expect(met(rising, { ...PAPER, startEpoch: 0 })[0]).to.deep.equal([7, 0]);
    for (const [epoch, back] of met(rising)) expect(epoch - back).to.equal(7);
    expect(met(rising, { ...PAPER, window: 1, lag: 1, startEpoch: 0 })[0]).to.deep.equal([1, 0]);
  });

  it('compares with what there is of a window that begins before the first epoch', () => {
    // Around epoch 0 there are epochs 0 to 2, mean 1; around epoch 1, 0 to 3, mean 1.25.
    const values = [1, 1, 1, 2, 2, 2];
    const settings = { window: 5, lag: 1, startEpoch: 0 };
    expect(met(values, { ...settings, ratio: 0.81 })[0]).to.deep.equal([3, 0]);
    expect(met(values, { ...settings, ratio: 0.79 })).to.deep.equal([]);
  });

  it('is not met by what falls, stays, or is not positive, whatever its scale', () => {
    fc.assert(
      fc.property(
        fc.array(magnitude(0.01, 100), { minLength: 1, maxLength: 40 }),
        magnitude(0.001, 1000),
        (values, scale) => {
          const falling = [...values].sort((a, b) => b - a);
          expect(met(falling)).to.deep.equal([]);
          expect(met(values.map(() => scale))).to.deep.equal([]);
          expect(met(values.map((value) => -value))).to.deep.equal([]);
        },
      ),
    );
    const rising = Array.from({ length: 30 }, (_, epoch) => 1.1 ** epoch);
    expect(met(rising.map((value) => 64 * value))).to.deep.equal(met(rising));
    // From below zero to above it is a rise.
    expect(risenSince([-1, 1], { window: 1, lag: 1, ratio: 0.75, startEpoch: 0 })).to.equal(0);
  });

  it('takes of a window what there is where not every epoch has a value', () => {
    // Every second epoch and the last, as the authors log: windows of 5 have three values or two.
    const sparse = (of: (epoch: number) => number, epochs = 50): (number | undefined)[] =>
      Array.from({ length: epochs }, (_, epoch) =>
        isLookedFor(epoch, epochs, { every: 2 }) ? of(epoch) : undefined,
      );
    const step = sparse((epoch) => (epoch < 20 ? 1 : 2));
    expect(step.filter((value) => value !== undefined)).to.have.length(26);
    // Around 19 there are 18 and 20, mean 1.5; around 14 all are 1, and 1 < 0.75·1.5: seen at the end of epoch 21.
    expect(wouldStop(step, PAPER)).to.deep.equal({ epoch: 21, backTo: 14 });
    expect(
      wouldStop(
        sparse(() => 1),
        PAPER,
      ),
    ).to.equal(undefined);
    const none = new Array<undefined>(40).fill(undefined);
    expect(wouldStop(none, PAPER)).to.equal(undefined);
    // Where every epoch has one nothing changes.
    const full = Array.from({ length: 40 }, (_, epoch) => (epoch < 20 ? 1 : 2));
    expect(wouldStop(full, PAPER)).to.deep.equal({ epoch: met(full)[0][0], backTo: met(full)[0][1] });
    // What is seen in the last epoch comes too late.
    expect(wouldStop(full.slice(0, 22), PAPER)).to.equal(undefined);
    expect(wouldStop(full.slice(0, 23), PAPER)?.epoch).to.equal(21);
  });

  it('raises the decay by its factor up to the highest, which it then is exactly', () => {
    const settings = { factor: 10, maxWeightDecay: 0.03 };
    const once = raisedDecay(3e-4, settings);
    expect(once).to.be.closeTo(3e-3, 1e-15);
    expect(raisedDecay(once, settings)).to.equal(0.03);
    expect(raisedDecay(0.03, settings)).to.equal(0.03);
    expect(raisedDecay(0.01, settings)).to.equal(0.03);
  });
});
