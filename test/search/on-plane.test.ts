import { expect } from 'chai';
import { describe, it } from 'mocha';
import { InterruptedError, ZartsError } from '../../lib/errors.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import type { KeptRun } from '../../lib/runs/kept.js';
import { measureLosses } from '../../lib/search/plane.js';
import type { LossSeries } from '../../lib/search/plane.js';
import { rejection } from '../datasets/helpers.js';

/** A run in memory. */
function runFrom(from?: Checkpoint): { run: KeptRun; saved: Checkpoint[] } {
  const saved: Checkpoint[] = [];
  const store = {
    appendMetrics: () => undefined,
    saveCheckpoint: (checkpoint: Checkpoint) => saved.push(checkpoint),
  };
  return { run: { from, store }, saved };
}

/** Squares of 1 to 5, and which of them were measured. */
function squares(change: Partial<LossSeries<number>> = {}): {
  series: LossSeries<number>;
  measured: number[];
} {
  const measured: number[] = [];
  const series: LossSeries<number> = {
    places: [1, 2, 3, 4, 5],
    title: 'squares',
    position: (done, total) => `square ${done} of ${total}`,
    lossAt: (place) => {
      measured.push(place);
      return place ** 2;
    },
    ...change,
  };
  return { series, measured };
}

describe('search: losses one by one', () => {
  it('are measured in order, each reported with how many there are', async () => {
    const reported: (readonly [number, number])[] = [];
    const { series, measured } = squares({ onLoss: (loss, done) => void reported.push([loss, done]) });
    expect(await measureLosses(series, runFrom().run, {})).to.deep.equal([1, 4, 9, 16, 25]);
    expect(measured).to.deep.equal(series.places);
    expect(reported).to.deep.equal([1, 4, 9, 16, 25].map((loss, i) => [loss, i + 1]));
  });

  it('are all kept but the one that fails, and only the rest is measured afterwards', async () => {
    const failing = squares({
      lossAt: (place) => {
        if (place === 4) throw new ZartsError('no loss');
        return place ** 2;
      },
    });
    const first = runFrom();
    expect(await rejection(measureLosses(failing.series, first.run, {}))).to.be.instanceOf(ZartsError);
    expect(first.saved.map(({ step }) => step)).to.deep.equal([3]);

    const reported: number[] = [];
    const { series, measured } = squares({ onLoss: (loss) => void reported.push(loss) });
    const losses = await measureLosses(series, runFrom(first.saved[0]).run, {});
    expect(losses).to.deep.equal([1, 4, 9, 16, 25]);
    expect(measured).to.deep.equal([4, 5]);
    expect(reported).to.deep.equal(losses);
  });

  it('are kept when the user stops them, which says where', async () => {
    const stop = new AbortController();
    const { series } = squares({
      onLoss: (_, done) => {
        if (done === 2) stop.abort();
      },
    });
    const { run, saved } = runFrom();
    const error = await rejection(measureLosses(series, run, { signal: stop.signal }));
    expect(error).to.be.instanceOf(InterruptedError);
    expect(error.message).to.equal('Stopped after square 2 of 5; the same command goes on from there.');
    expect(Array.from(saved[0].tensors.losses)).to.deep.equal([1, 4]);
  });
});
