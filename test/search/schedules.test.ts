import { expect } from 'chai';
import { cosineLr, imagenetLr, linearly, sigmaAt } from '../../lib/search/schedules.js';
import { SIGMA_SCHEDULES } from '../../lib/solvers/mgs.js';

describe('search/schedules', () => {
  // Every epoch of the reference's schedules is compared in test/parity/cases-numeric.test.ts; here are the edges.
  it('anneal the learning rate from lr to lrMin', () => {
    const settings = { epochs: 50, lr: 0.025, lrMin: 0.001 };
    expect(cosineLr(0, settings)).to.equal(0.025);
    expect(cosineLr(25, settings)).to.be.closeTo(0.013, 1e-15);
    expect(cosineLr(50, settings)).to.be.closeTo(0.001, 1e-15);
    expect(cosineLr(0, { ...settings, epochs: 1 })).to.equal(0.025);
  });

  it('hold sigma through warm-up and two active epochs, and never reach 0', () => {
    for (const schedule of SIGMA_SCHEDULES) {
      const at = (epoch: number) => sigmaAt(epoch, { schedule, sigma: 0.025, epochs: 50, warmupEpochs: 10 });
      for (const epoch of [0, 9, 10, 11]) expect(at(epoch)).to.equal(0.025);
      if (schedule === 'constant') expect(at(49)).to.equal(0.025);
      else expect(at(12)).to.be.below(0.025);
      expect(at(49)).to.be.above(0);
    }
    expect(sigmaAt(49, { schedule: 'cosine', sigma: 0.025, epochs: 50, warmupEpochs: 10 })).to.be.closeTo(
      1.54e-4,
      1e-6,
    );
  });

  it('stay defined when every epoch is warm-up or only one is not', () => {
    for (const warmupEpochs of [0, 4, 5]) {
      for (let epoch = 0; epoch < 5; epoch++) {
        expect(sigmaAt(epoch, { schedule: 'cosine', sigma: 0.2, epochs: 5, warmupEpochs })).to.be.within(
          0,
          0.2,
        );
      }
    }
  });

  it('raise drop path to just below its probability', () => {
    expect(linearly(0, { epochs: 600, to: 0.2 })).to.equal(0);
    expect(linearly(599, { epochs: 600, to: 0.2 })).to.be.closeTo(0.2 * (599 / 600), 1e-15);
  });

  it('warm the ImageNet rate up in five epochs', () => {
    const settings = { epochs: 250, lr: 0.5 };
    expect(imagenetLr(0, { ...settings, warmup: true })).to.be.closeTo(0.1, 1e-15);
    expect(imagenetLr(5, { ...settings, warmup: true })).to.equal(
      imagenetLr(5, { ...settings, warmup: false }),
    );
    expect(imagenetLr(249, { ...settings, warmup: true })).to.be.above(0);
  });

  it('keep the ImageNet rate positive and falling, however few the epochs', () => {
    for (let epochs = 1; epochs <= 12; epochs++) {
      const rates = Array.from({ length: epochs }, (_, epoch) =>
        imagenetLr(epoch, { epochs, lr: 0.5, warmup: false }),
      );
      expect(rates[0], `${epochs} epochs`).to.equal(0.5);
      rates.forEach((rate, i) =>
        expect(rate)
          .to.be.above(0)
          .and.at.most(rates[Math.max(0, i - 1)]),
      );
    }
  });
});
