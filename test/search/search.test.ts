import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import type { HostArray } from '../../lib/engine/index.js';
import { tf } from '../../lib/engine/index.js';
import { InterruptedError, UsageError, ZartsError } from '../../lib/errors.js';
import { norm } from '../../lib/math/vec.js';
import type { Progress } from '../../lib/progress.js';
import { BETTER_HALF } from '../newcomer/better-half.js';
import { searchProgram } from '../../lib/search/program.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { search } from '../../lib/search/search.js';
import type { SearchOptions } from '../../lib/search/search.js';
import { ZERO_ORDER } from '../../lib/solvers/registry.js';
import { memory, smokeIn, watchProgram } from './helpers.js';
import { stopAt } from '../support/runs.js';
import type { Call, Metric } from './helpers.js';

/** The smoke budget in S2. */
function smoke(solver = 'mgs', preset = 'paper', ...settings: string[]): SearchProtocol {
  return smokeIn('s2', solver, preset, ...settings);
}

describe('search/search', function () {
  this.timeout(120_000);
  let dataset: Dataset;
  /** Every call to the program since the test began, and what to do at each. */
  let calls: Call[];
  let beforeCall: ((call: Call) => void) | undefined;
  let afterCall: ((call: Call, results: Record<string, HostArray>) => void) | undefined;
  let unwatch: (() => void) | undefined;

  /** The program that searches with this protocol use, its calls written down. */
  function watch(protocol: SearchProtocol) {
    const watched = watchProgram(protocol, dataset.classes.length, {
      before: (call) => {
        calls.push(call);
        beforeCall?.(call);
      },
      after: (call, results) => afterCall?.(call, results),
    });
    unwatch = watched.unwatch;
    return watched;
  }

  const run = (protocol: SearchProtocol, options: Partial<SearchOptions> = {}) =>
    search(protocol, { dataset, ...options });

  before(async () => {
    dataset = await loadDataset({ name: 'synthetic', image: 16, trainSize: 64, testSize: 10 });
  });
  beforeEach(() => {
    calls = [];
    beforeCall = afterCall = undefined;
  });
  afterEach(() => {
    unwatch?.();
    unwatch = undefined;
  });

  describe('is a function of protocol and seed', () => {
    it('gives the same bits twice, and leaves no tensors behind', async () => {
      const [first, second] = [memory(), memory()];
      const once = await run(smoke(), { store: first.store });
      const tensors = tf.memory().numTensors;
      const again = await run(smoke(), { store: second.store });
      expect(tf.memory().numTensors).to.equal(tensors);
      expect(again).to.deep.equal(once);
      expect(second.metrics).to.deep.equal(first.metrics);
      expect(second.checkpoints).to.deep.equal(first.checkpoints);

      expect(once).to.deep.include({ steps: 8, updates: 4 });
      expect(once.alpha).to.have.length(56);
      expect(once.epochs).to.have.length(2);
      for (const { trainLoss, candidateLoss, updates, sigma } of once.epochs) {
        expect(trainLoss).to.be.within(1, 6);
        expect(candidateLoss).to.be.within(1, 6);
        expect(updates).to.equal(2);
        expect(sigma).to.be.within(0, 0.2);
      }
      expect(once.supernetParameters).to.equal(searchProgram(smoke(), 10, true).net.layout.size);
    });

    it('gives others for another seed', async () => {
      const [three, four] = [await run(smoke()), await run(smoke('mgs', 'paper', 'seed=4'))];
      expect(four.alpha).to.not.deep.equal(three.alpha);
      expect(four.epochs[0].trainLoss).to.not.equal(three.epochs[0].trainLoss);
    });

    it('survives as JSON', async () => {
      const protocol = JSON.parse(JSON.stringify(smoke())) as SearchProtocol;
      expect(JSON.stringify(await run(protocol))).to.equal(JSON.stringify(await run(smoke())));
    });
  });

  describe('can be stopped after any step', () => {
    for (const preset of ['paper', 'released']) {
      it(`and goes on to the same bits, preset ${preset}`, async () => {
        const protocol = smoke('mgs', preset, 'solver.samples=2');
        const whole = memory();
        const expected = await run(protocol, { store: whole.store });
        const last = whole.checkpoints.at(-1)!;
        expect(last.step).to.equal(expected.steps);
        for (let step = 1; step < expected.steps; step++) {
          const part = memory();
          let stopped: unknown;
          try {
            await run(protocol, { store: part.store, ...stopAt(step) });
          } catch (error) {
            stopped = error;
          }
          expect(stopped).to.be.instanceOf(InterruptedError);
          expect((stopped as Error).message).to.equal(
            `Stopped after step ${step} of 8; the same command goes on from there.`,
          );
          const from = part.checkpoints.at(-1)!;
          expect(from.step).to.equal(step);
          const rest = memory();
          const resumed = await run(protocol, { store: rest.store, from });
          expect(resumed, `stopped after ${step}`).to.deep.equal(expected);
          expect(rest.checkpoints.at(-1), `stopped after ${step}`).to.deep.equal(last);
          expect([...part.metrics, ...rest.metrics]).to.deep.equal(whole.metrics);
        }
      });
    }

    it('and does nothing more once it is finished', async () => {
      const { store, checkpoints } = memory();
      const expected = await run(smoke(), { store });
      const further = memory();
      expect(await run(smoke(), { store: further.store, from: checkpoints.at(-1) })).to.deep.equal(expected);
      expect(further.metrics).to.be.empty;
    });

    it('and stops before its first step is followed by a second, if it is told so at once', async () => {
      const { store, checkpoints } = memory();
      const controller = new AbortController();
      controller.abort();
      let stopped: unknown;
      await run(smoke(), { store, signal: controller.signal }).catch((error: unknown) => (stopped = error));
      expect(stopped).to.be.instanceOf(InterruptedError);
      expect(checkpoints.map(({ step }) => step)).to.deep.equal([1]);
    });

    it('and goes on to the same bits from a stop between two candidates of an alpha update', async () => {
      const expected = await run(smoke());
      for (const candidate of [0, 1, 3]) {
        const { store, checkpoints, updates } = memory();
        const controller = new AbortController();
        watch(smoke());
        let begun = 0;
        // Every candidate begins with a copy of the weights; the second update's are numbers 4 to 7.
        beforeCall = ({ name }) => {
          if (name === 'begin' && begun++ === 4 + candidate) controller.abort();
        };
        let stopped: unknown;
        await run(smoke(), { store, signal: controller.signal }).catch((error: unknown) => (stopped = error));
        unwatch?.();
        expect(stopped, `candidate ${candidate}`).to.be.instanceOf(InterruptedError);
        // A stop that is asked for while the last candidate is scored finds the update made.
        expect(updates().length).to.equal(candidate === 3 ? 2 : 1);
        expect(await run(smoke(), { from: checkpoints.at(-1) })).to.deep.equal(expected);
      }
    });

    it('and two at once in one process do not disturb each other', async () => {
      const [a, b] = [smoke(), smoke('mgs', 'flat')];
      const apart = [await run(a), await run(b)];
      expect(await Promise.all([run(a), run(b)])).to.deep.equal(apart);
    });

    it('and tells its progress and each epoch', async () => {
      const told: number[] = [];
      const phases: [string, number, number][] = [];
      const epochs: number[] = [];
      const progress: Progress = {
        start: (phase, total, done = 0) => {
          phases.push([phase, total, done]);
          return { update: (steps) => told.push(steps), end: () => told.push(-1) };
        },
      };
      await run(smoke(), { progress, onEpoch: ({ epoch }) => epochs.push(epoch) });
      expect(phases).to.deep.equal([['search s2 mgs seed 3', 8, 0]]);
      expect(told).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, -1]);
      expect(epochs).to.deep.equal([0, 1]);
    });
  });

  it('lets a solver of one’s own move alpha, by its own name, and keeps nothing of it', async () => {
    const phases: string[] = [];
    const progress: Progress = {
      start: (phase) => {
        phases.push(phase);
        return { update: () => undefined, end: () => undefined };
      },
    };
    const solver = BETTER_HALF.create();
    const { alpha } = await run(smoke(), { progress, solver });
    expect(phases).to.deep.equal(['search s2 better-half seed 3']);
    expect(alpha).not.to.deep.equal((await run(smoke())).alpha);
    expect(await run(smoke(), { solver, store: memory().store }).catch(String)).to.match(/is not kept/);
    expect(await run(smoke('darts-1st'), { solver }).catch(String)).to.match(
      /takes the place of a zero-order/,
    );
  });

  describe('an alpha update', () => {
    it('leaves the base weights bit for bit, whatever the candidates did', async () => {
      const protocol = smoke();
      const { weights } = watch(protocol);
      let base: ReturnType<typeof weights> | undefined;
      let moved = 0;
      beforeCall = ({ name }) => {
        if (name === 'save') base = weights();
      };
      afterCall = ({ name, options }) => {
        if (name === 'begin') {
          // Every candidate begins at the same ω, with empty momentum.
          expect(weights().omega).to.deep.equal(base!.omega);
          expect(new Set(weights().momentum)).to.deep.equal(new Set([0]));
        } else if (base && options.update === false && options.outputs?.includes('loss')) {
          // Read after fine-tuning: it did move them.
          expect(weights().omega).to.not.deep.equal(base.omega);
          moved++;
        }
      };
      const { store } = memory();
      let checked = 0;
      await run(protocol, {
        store: {
          ...store,
          appendMetrics: (record) => {
            store.appendMetrics(record);
            if ((record as Metric).kind !== 'update') return;
            expect(weights()).to.deep.equal(base);
            base = undefined;
            checked++;
          },
        },
      });
      expect(checked).to.equal(4);
      expect(moved).to.equal(4 * 4);
      // N = 4 candidates a time, each M = 2 steps from the saved weights.
      const names = calls.filter(({ name }) => name !== 'step').map(({ name }) => name);
      const once = ['save', 'begin', 'begin', 'begin', 'begin', 'restore'];
      expect(names).to.deep.equal([...once, ...once, ...once, ...once]);
      expect(calls.filter(({ options }) => options.outputs?.length === 0)).to.have.length(4 * 4 * 2);
    });

    it('starts candidates with the base weights’ momentum where the protocol says so', async () => {
      const protocol = smoke('mgs', 'paper', 'omega.momentum=inherit', 'epochs=1');
      const { weights } = watch(protocol);
      let base: ReturnType<typeof weights> | undefined;
      beforeCall = ({ name }) => {
        if (name === 'save') base = weights();
      };
      let restored = 0;
      afterCall = ({ name }) => {
        if (name !== 'restore') return;
        expect(weights()).to.deep.equal(base);
        restored++;
      };
      await run(protocol);
      expect(calls.some(({ name }) => name === 'begin')).to.be.false;
      // Before each of 4 candidates and after the last, two updates.
      expect(restored).to.equal(2 * 5);
    });

    it('scores all candidates and takes the gradient on one batch with one noise seed', async () => {
      const protocol = smoke();
      watch(protocol);
      await run(protocol);
      const scored = calls.filter(({ options }) => options.update === false);
      expect(scored).to.have.length(4 * 5);
      for (let update = 0; update < 4; update++) {
        const [gradient, ...candidates] = scored.slice(5 * update, 5 * update + 5);
        expect(gradient.options.outputs).to.deep.equal(['alphaGradient']);
        const alphas = new Set<string>();
        for (const { inputs, options } of candidates) {
          expect(options.outputs).to.deep.equal(['loss']);
          expect(inputs.images).to.deep.equal(gradient.inputs.images);
          expect(inputs.labels).to.deep.equal(gradient.inputs.labels);
          expect(inputs.noiseSeed).to.deep.equal(gradient.inputs.noiseSeed);
          alphas.add(inputs.alphas.data.join());
        }
        expect(alphas.size).to.equal(4);
      }
      expect(scored[5].inputs.images).to.not.deep.equal(scored[0].inputs.images);
      // Fine-tuning: every candidate of an update on the same M batches, at its own alphas.
      const tuning = calls.filter(({ options }) => options.outputs?.length === 0).map(({ inputs }) => inputs);
      for (const at of [0, 1]) {
        for (const candidate of [1, 2, 3])
          expect(tuning[2 * candidate + at].images).to.deep.equal(tuning[at].images);
      }
      expect(tuning[1].images).to.not.deep.equal(tuning[0].images);
      expect(tuning[2].alphas).to.not.deep.equal(tuning[0].alphas);
    });

    it('reads weights’ batches from the first half and scores on the second; the released preset tunes on the second', async () => {
      // Image i is evenly grey, its brightness its number: the middle pixel of a batch's image says which it is.
      const { images, side, count } = dataset.train;
      const size = side * side * 3;
      const numbered = { ...dataset.train, images: images.map((_, i) => Math.floor(i / size)) };
      const [mean, std] = [dataset.mean[0], dataset.std[0]];
      const middle = ((side / 2) * side + side / 2) * 3;
      const half = (data: ArrayLike<number>): string => {
        const found = Array.from({ length: 8 }, (_, i) =>
          Math.round((data[i * size + middle] * std + mean) * 255),
        );
        const firsts = found.filter((index) => index < count / 2).length;
        return firsts === found.length ? 'first' : firsts === 0 ? 'second' : 'mixed';
      };
      for (const split of ['train', 'val']) {
        const protocol = smoke('mgs', 'flat', `omega.split=${split}`, 'epochs=1');
        unwatch?.();
        calls = [];
        watch(protocol);
        await run(protocol, { dataset: { ...dataset, train: numbered } });
        const halvesOf = (wanted: (call: Call) => boolean) =>
          new Set(
            calls
              .filter((call) => call.name === 'step' && wanted(call))
              .map(({ inputs }) => half(inputs.images.data)),
          );
        const training = ({ options }: Call) => (options.update ?? true) && options.outputs?.length !== 0;
        expect([...halvesOf(training)]).to.deep.equal(['first']);
        expect([...halvesOf(({ options }) => options.update === false)]).to.deep.equal(['second']);
        expect([...halvesOf(({ options }) => options.outputs?.length === 0)]).to.deep.equal([
          split === 'train' ? 'first' : 'second',
        ]);
      }
    });

    it('moves the base weights by momentum and decay alone in coast mode', async () => {
      const protocol = smoke('mgs', 'released');
      const { weights } = watch(protocol);
      let expected: { omega: Float64Array; momentum: Float64Array } | undefined;
      let coasted = 0;
      beforeCall = ({ name, inputs }) => {
        if (name !== 'coast') return;
        const { omega, momentum } = weights();
        const lr = inputs.lr.data[0];
        expect(lr).to.be.above(0);
        const { momentum: kept, weightDecay } = protocol.weights;
        const next = Float64Array.from(momentum, (value, i) => kept * value + weightDecay * omega[i]);
        expected = { momentum: next, omega: Float64Array.from(omega, (value, i) => value - lr * next[i]) };
      };
      afterCall = ({ name }) => {
        if (name !== 'coast') return;
        const found = weights();
        for (const part of ['omega', 'momentum'] as const) {
          const off = found[part].reduce(
            (max, value, i) => Math.max(max, Math.abs(value - expected![part][i])),
            0,
          );
          expect(off, part).to.be.below(1e-6);
        }
        // Momentum is not empty, so they did move.
        expect(norm(expected!.momentum)).to.be.above(0.01);
        coasted++;
      };
      const { store, updates } = memory();
      await run(protocol, { store });
      expect(coasted).to.equal(4 * 4 * 2);
      // Each candidate is scored before its steps, at the weights that the candidates before it left.
      const order = calls.filter(({ name, options }) => name === 'coast' || options.outputs?.[0] === 'loss');
      const names = order
        .filter(({ name, options }) => name === 'coast' || options.update === false)
        .map(({ name }) => name);
      expect(names.slice(0, 6)).to.deep.equal(['step', 'coast', 'coast', 'step', 'coast', 'coast']);
      expect(names.some((name) => name === 'save' || name === 'restore')).to.be.false;
      expect(new Set(updates().flatMap(({ losses }) => losses)).size).to.equal(16);
    });

    for (const settings of [
      ['omega.kind=coast', 'omega.drift=false'],
      ['omega.iterations=0', 'updateEvery=2'],
    ]) {
      it(`scores candidates with the weights as they are with ${settings.join(' ')}`, async () => {
        const protocol = smoke('mgs', 'paper', ...settings);
        watch(protocol);
        const { updates } = await run(protocol);
        expect(updates).to.equal(4);
        expect(new Set(calls.map(({ name }) => name))).to.deep.equal(new Set(['step']));
        // Nothing but the 8 training steps changes the weights.
        expect(calls.filter(({ options }) => options.update ?? true)).to.have.length(8);
      });
    }

    it('is due after every M steps, after every step with M = 0, and never in warm-up', async () => {
      const counts: [string[], number[]][] = [
        [[], [2, 2]],
        [['omega.iterations=0'], [4, 4]],
        [
          ['updateEvery=3', 'omega.iterations=0'],
          [1, 1],
        ],
        [['warmupEpochs=1'], [0, 2]],
        [['warmupEpochs=2'], [0, 0]],
      ];
      for (const [settings, expected] of counts) {
        const { epochs, alpha } = await run(smoke('mgs', 'flat', ...settings));
        expect(
          epochs.map(({ updates }) => updates),
          settings.join(),
        ).to.deep.equal(expected);
        for (const { updates, sigma, ess, candidateLoss } of epochs) {
          const none = updates === 0;
          expect([sigma, ess, candidateLoss].map((value) => value === null)).to.deep.equal([
            none,
            none,
            none,
          ]);
        }
        // Alphas that never move are those of the start, N(0, 10⁻³).
        if (expected.every((count) => count === 0))
          expect(Math.max(...alpha.map(Math.abs))).to.be.below(0.01);
      }
    });
  });

  describe('solvers', () => {
    for (const { id: solver } of ZERO_ORDER) {
      it(`${solver} searches to a genotype`, async () => {
        const { store, updates } = memory();
        const { genotype, alpha, epochs } = await run(smoke(solver, 'paper', 'epochs=1'), { store });
        expect(genotype.normal).to.have.length(8);
        expect(genotype.reduce).to.have.length(8);
        for (const value of alpha) expect(value).to.be.finite;
        expect(updates()).to.have.length(2);
        for (const { losses } of updates()) for (const loss of losses) expect(loss).to.be.within(1, 6);
        expect(epochs[0].esr === null, 'importance weights').to.equal(solver !== 'mgs');
      });
    }

    it('MGS with λ = 1 asks for no gradient, and with λ below it for one an update', async () => {
      const gradients = () => calls.filter(({ options }) => options.outputs?.includes('alphaGradient'));
      const blind = smoke('mgs', 'paper', 'solver.lambda=1');
      watch(blind);
      const { store, updates } = memory();
      await run(blind, { store });
      expect(gradients()).to.be.empty;
      expect(updates().map(({ gradientNorm }) => gradientNorm)).to.deep.equal([null, null, null, null]);
      await run(smoke());
      expect(gradients()).to.have.length(4);
    });

    it('MGS’ effective sample size lies between 1 and N, and its ratio is that over N', async () => {
      for (const [samples, density] of [
        [4, 'paper'],
        [6, 'flat'],
      ] as const) {
        const { store, updates } = memory();
        const { epochs } = await run(smoke('mgs', density, `solver.samples=${samples}`), { store });
        expect(updates()).to.have.length(4);
        for (const { ess, esr, losses } of updates()) {
          expect(losses).to.have.length(samples);
          expect(ess).to.be.within(1 - 1e-9, samples + 1e-9);
          expect(esr).to.be.closeTo(ess / samples, 1e-12);
        }
        epochs.forEach((record, epoch) => {
          const [first, second] = updates().filter((update) => update.epoch === epoch);
          expect(record.ess).to.be.closeTo((first.ess + second.ess) / 2, 1e-12);
          expect(record.esr).to.be.closeTo((first.esr + second.esr) / 2, 1e-12);
        });
      }
    });

    it('GLD stays where no candidate is better', async () => {
      const protocol = smoke('gld', 'paper', 'epochs=1');
      watch(protocol);
      const { store, updates } = memory();
      // The first point of an update is alpha itself: all others are made worse than it.
      let candidate = 0;
      afterCall = ({ options }, results) => {
        if (options.update === false && options.outputs?.[0] === 'loss') {
          results.loss = { shape: [], data: Float32Array.of(candidate++ % 100 === 0 ? 1 : 2) };
        }
      };
      const start = await run(smoke('gld', 'paper', 'epochs=1', 'warmupEpochs=1'));
      candidate = 0;
      const { alpha } = await run(smoke('gld', 'paper', 'epochs=1', 'updateEvery=4'), { store });
      expect(updates()).to.have.length(1);
      expect(updates()[0].losses.length).to.be.below(100);
      expect(alpha).to.deep.equal(start.alpha);
    });
  });

  describe('what cannot go on', () => {
    const failure = async (
      protocol: SearchProtocol,
      options: Partial<SearchOptions> = {},
    ): Promise<Error> => {
      let failed: unknown;
      await run(protocol, options).catch((error: unknown) => (failed = error));
      expect(failed).to.be.instanceOf(ZartsError);
      return failed as Error;
    };

    it('stops at a loss that is not finite with the step and the seed', async () => {
      const protocol = smoke();
      watch(protocol);
      let steps = 0;
      afterCall = ({ options }, results) => {
        if (options.outputs?.includes('correct') && ++steps === 6)
          results.loss = { shape: [], data: Float32Array.of(NaN) };
      };
      const { store, checkpoints } = memory();
      const { message } = await failure(protocol, { store });
      expect(message).to.match(
        /^The loss is NaN at step 5 of the search s2 mgs seed 3; the last checkpoint before it is kept\./,
      );
      // That of the first epoch's end, which the search can go on from.
      expect(checkpoints.map(({ step }) => step)).to.deep.equal([4]);
      afterCall = undefined;
      expect(await run(protocol, { from: checkpoints[0] })).to.deep.equal(await run(protocol));
    });

    it('names the candidate whose loss is not finite, or the gradient', async () => {
      const protocol = smoke();
      watch(protocol);
      let scored = 0;
      afterCall = ({ options }, results) => {
        if (options.outputs?.[0] !== 'loss' || options.update !== false) return;
        if (++scored === 7) results.loss = { shape: [], data: Float32Array.of(Infinity) };
      };
      expect((await failure(protocol)).message).to.match(
        /^The loss is Infinity at alpha update 1 \(after step 4\), candidate 2 of the search s2 mgs seed 3;/,
      );
      afterCall = (_, results) => {
        if ('alphaGradient' in results) results.alphaGradient.data[3] = NaN;
      };
      expect((await failure(protocol)).message).to.match(
        /the gradient of alpha update 0 of the search s2 mgs seed 3;/,
      );
    });

    it('refuses more images than there are', async () => {
      let refused: unknown;
      await run(smoke('mgs', 'paper', 'dataset.trainSize=66')).catch((error: unknown) => (refused = error));
      expect(refused).to.be.instanceOf(UsageError);
      expect((refused as Error).message).to.match(/dataset\.trainSize is 66; it must be at most 64/);
    });
  });

  // Last, since one program is kept at a time and every other test needs the compiled one.
  describe('eagerly', () => {
    it('agrees between the compiled and the eager form to rounding', async () => {
      const short = smoke('mgs', 'flat', 'dataset.trainSize=32', 'epochs=1', 'solver.samples=1');
      const compiled = await run(short);
      const eager = await run(short, { compile: false });
      expect(eager.steps).to.equal(2);
      expect(eager.epochs[0].trainLoss).to.be.closeTo(compiled.epochs[0].trainLoss, 1e-4);
      expect(eager.epochs[0].candidateLoss).to.be.closeTo(compiled.epochs[0].candidateLoss!, 1e-3);
      eager.alpha.forEach((value, i) => expect(value).to.be.closeTo(compiled.alpha[i], 1e-4));
    });

    it('a learning rate far too large ends in a loss that is not finite', async () => {
      const { store, checkpoints } = memory();
      const hopeless = smoke('mgs', 'paper', 'weights.lr=1e30', 'weights.clip=null', 'seed=11');
      let failed: unknown;
      await run(hopeless, { store, compile: false }).catch((error: unknown) => (failed = error));
      expect(failed).to.be.instanceOf(ZartsError);
      expect((failed as Error).message).to.match(
        /^The loss is (NaN|Infinity) at (step 1|alpha update 0 .*) of the search s2 mgs seed 11;/,
      );
      expect(checkpoints).to.be.empty;
    });
  });
});
