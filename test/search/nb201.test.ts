import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import { InterruptedError, UsageError } from '../../lib/errors.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { applySet } from '../../lib/search/protocol.js';
import type { Progress } from '../../lib/progress.js';
import { search } from '../../lib/search/search.js';
import { gld } from '../../lib/solvers/gld.js';
import type { Solver } from '../../lib/solvers/solver.js';
import { architectureAt, architectureWeights } from '../../lib/spaces/architectures.js';
import { isConnected } from '../../lib/spaces/genotype.js';
import { SPACES, uniformSpace } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { stopAt } from '../support/runs.js';
import { memory, smokeIn, watchProgram } from './helpers.js';
import type { Call } from './helpers.js';

/** A search in NAS-Bench-201's space that takes a second. */
const small = (solver: string, ...settings: string[]) =>
  smokeIn('nb201', solver, 'paper', 'dataset.imageSide=8', 'dataset.trainSize=32', ...settings);

describe('search in NAS-Bench-201’s space', function () {
  this.timeout(60_000);
  let dataset: Dataset;
  before(async () => {
    dataset = await loadDataset({ name: 'synthetic', image: 8, trainSize: 32, testSize: 10 });
  });

  it('has the published size and settings at full budget', () => {
    const full = fullSearch('nb201', 'darts-1st');
    expect(full).to.include({ cells: 15, channels: 16, batchSize: 64, epochs: 50, alphaInitScale: 1e-3 });
    expect(full.weights).to.deep.equal({
      ...{ lr: 0.025, lrMin: 0.001, momentum: 0.9, weightDecay: 5e-4, clip: 5, nesterov: true },
    });
    expect(full.solver).to.deep.include({ lr: 3e-4, beta1: 0.5, beta2: 0.999, weightDecay: 1e-3 });
    // The supernet: stem, blocks, last norm and classifier as in a trained network, and cells without scales and offsets.
    const convolutions = [16, 32, 64].reduce((sum, width) => sum + 5 * 6 * 10 * width ** 2, 0);
    expect(supernet(SPACES.nb201, { cells: 15, channels: 16, classes: 10 }).layout.size).to.equal(
      73_306 + convolutions,
    );
  });

  it('refuses cells that three stages cannot share, and rankings elsewhere', () => {
    expect(() => applySet(fullSearch('nb201'), 'cells=8')).to.throw(
      UsageError,
      /cells is 8; it must be a multiple of 3/,
    );
    expect(() => applySet(fullSearch('s2'), 'ranking.every=2')).to.throw(
      UsageError,
      /ranking is .* must be off in a space/,
    );
    expect(() => applySet(fullSearch('nb201', 'darts-2nd'), 'normalization=running')).to.throw(
      UsageError,
      /normalization is "running"; it must be "batch" with the second order/,
    );
    expect(() => supernet(SPACES.nb201, { cells: 4, channels: 2, classes: 2 })).to.throw(
      UsageError,
      /a multiple of 3, not 4/,
    );
  });

  it('runs in a space of the same skeleton that a user declares', async () => {
    const mine = uniformSpace('mine', ['skip_connect', 'sep_conv_3x3', 'noise'], 2, 'stages');
    const settings = ['dataset.imageSide=8', 'dataset.trainSize=32'];
    const { genotype, alpha } = await search(smokeIn(mine, 'mgs', 'paper', ...settings), { dataset });
    expect(genotype.normal).to.have.length(3);
    expect(alpha).to.have.length(9);
  });

  it('is moved by a solver that no protocol names, which is not kept', async () => {
    const asked: number[] = [];
    const solver = gld();
    const watched: Solver = {
      ...solver,
      ask: (state, context) => {
        const found = solver.ask(state, context);
        asked.push(found.points.length);
        return found;
      },
    };
    const own = await search(small('mgs'), { dataset, solver: watched });
    expect(asked).to.have.length(own.updates);
    expect(own.alpha).to.not.deep.equal((await search(small('mgs'), { dataset })).alpha);
    const refused = (solver: string, store = {}) =>
      search(small(solver), { dataset, solver: watched, ...store }).catch((error: unknown) => error as Error);
    expect(await refused('darts-1st'))
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.matches(/protocol’s is darts/);
    expect(await refused('mgs', { store: memory().store })).to.be.instanceOf(UsageError);
  });

  it('records rankings of connected architectures, and finds the same with them', async () => {
    const plain = small('darts-1st');
    const ranked = applySet(plain, 'ranking.architectures=5', 'ranking.batches=1');
    const [without, found] = [await search(plain, { dataset }), await search(ranked, { dataset })];
    expect({ ...found, epochs: found.epochs.map(({ ranking: _, ...rest }) => rest) }).to.deep.equal(without);
    const [first, last] = found.epochs.map(({ ranking }) => ranking!);
    expect(first.architectures).to.deep.equal(last.architectures).and.to.have.length(5);
    expect(first.losses).to.not.deep.equal(last.losses);
    for (const number of first.architectures)
      expect(isConnected(architectureAt(SPACES.nb201, number))).to.be.true;
  });

  it('takes running statistics where losses are read, and goes on with them when it was stopped', async () => {
    const protocol = small('mgs', 'normalization=running');
    const whole = await search(protocol, { dataset });
    expect(whole.alpha).to.not.deep.equal((await search(small('mgs'), { dataset })).alpha);
    const { store, checkpoints } = memory();
    const stopped: unknown = await search(protocol, { dataset, store, ...stopAt(3) }).catch(
      (error: unknown) => error,
    );
    expect(stopped).to.be.instanceOf(InterruptedError);
    const from = checkpoints.at(-1)!;
    expect(from.tensors).to.include.keys('mean', 'variance');
    expect(await search(protocol, { dataset, from })).to.deep.equal(whole);
  });
});

describe('random search with weight sharing', function () {
  this.timeout(60_000);
  let dataset: Dataset;
  before(async () => {
    dataset = await loadDataset({ name: 'synthetic', image: 8, trainSize: 32, testSize: 10 });
  });

  it('has its authors’ settings at full budget', () => {
    const full = fullSearch('s3', 'random-ws');
    expect(full.solver).to.deep.equal({ kind: 'random-ws', architectures: 1000, batches: 10, finalists: 10 });
    expect(full).to.deep.include({ omega: { kind: 'current' }, warmupEpochs: 0 });
    expect(withBudget(full, 'laptop').solver).to.include({ architectures: 1000 });
    for (const group of ['perturbation.kind=rs', 'stability.action=record', 'partialChannels.k=4'])
      expect(() => applySet(full, group), group).to.throw(
        UsageError,
        /off with random-ws, which has no alphas/,
      );
  });

  for (const space of ['nb201', 's3'] as const) {
    it(`trains one architecture a step and takes the best of its ranking: ${space}`, async () => {
      const settings = ['dataset.imageSide=8', 'dataset.trainSize=32'];
      const protocol = smokeIn(
        space,
        'random-ws',
        'paper',
        ...settings,
        'solver.architectures=6',
        'solver.batches=1',
      );
      const calls: { call: Call; correct: number; loss: number }[] = [];
      const { unwatch } = watchProgram(protocol, dataset.classes.length, {
        after: (call, { correct, loss }) => {
          calls.push({ call, correct: correct.data[0], loss: loss.data[0] });
        },
      });
      const told: string[] = [];
      const progress: Progress = {
        start: () => ({ update: (_, note = '') => void told.push(note), end: () => undefined }),
      };
      const { genotype, updates } = await search(protocol, { dataset, progress });
      unwatch();
      expect(updates).to.equal(0);
      // As long as the rest of the search.
      const ranking = told.filter((note) => note.includes('ranking architecture'));
      expect(ranking.map((note) => note.replace(/.* architecture /, ''))).to.deep.equal([
        ...Array.from({ length: 6 }, (_, i) => `${i + 1} of 6`),
        ...['1 of 2', '2 of 2'],
      ]);
      const weightsOf = ({ call }: (typeof calls)[number]) => Array.from(call.inputs.alphas.data);
      const [trained, scored] = [true, false].map((train) =>
        calls.filter(({ call }) => (call.options.update ?? true) === train),
      );
      for (const each of calls) {
        const weights = weightsOf(each);
        expect(weights.every((weight) => weight === 0 || weight === 1)).to.be.true;
        expect(weights.reduce((sum, weight) => sum + weight, 0)).to.equal(space === 'nb201' ? 6 : 16);
      }
      expect(trained).to.have.length(4);
      // Six on one batch, then the first two on both of the half.
      expect(scored).to.have.length(6 + 2 * 2);
      const finals = [scored.slice(6, 8), scored.slice(8)].map((own) => ({
        weights: weightsOf(own[0]),
        correct: own.reduce((sum, { correct }) => sum + correct, 0),
        loss: own.reduce((sum, { loss }) => sum + loss, 0),
      }));
      const [best] = finals.sort((a, b) => b.correct - a.correct || a.loss - b.loss);
      expect(Array.from(architectureWeights(SPACES[space], genotype))).to.deep.equal(best.weights);
    });
  }
});
