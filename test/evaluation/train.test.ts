import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import { tf } from '../../lib/engine/index.js';
import type { HostArray } from '../../lib/engine/index.js';
import { InterruptedError, UsageError, ZartsError } from '../../lib/errors.js';
import { memoryImages } from '../../lib/datasets/source.js';
import type { ImageSource } from '../../lib/datasets/source.js';
import { evaluationBudget, fullEvaluation, linearBaseline } from '../../lib/evaluation/presets.js';
import { protocolClassifier, trainingProgram } from '../../lib/evaluation/program.js';
import type { TrainingFunction } from '../../lib/evaluation/program.js';
import { EVALUATION } from '../../lib/evaluation/protocol.js';
import type { EvaluationProtocol } from '../../lib/evaluation/protocol.js';
import { runningStatistics } from '../../lib/supernet/statistics.js';
import { scored, train } from '../../lib/evaluation/train.js';
import type { TrainOptions } from '../../lib/evaluation/train.js';
import { KNOWN_GENOTYPES, checkGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { memoryStore, stopAt } from '../support/runs.js';
import { withSet } from '../support/with-set.js';

/** The smoke budget on made-up images: 3 cells, 4 channels, 16 images a batch, 2 epochs of 4 steps. */
function smoke(
  settings: readonly string[] = [],
  genotype: Genotype = KNOWN_GENOTYPES.DARTS_V2,
): EvaluationProtocol {
  const full = fullEvaluation(genotype, { dataset: 'synthetic' });
  return withSet(EVALUATION, evaluationBudget(full, 'smoke'), 'seed=3', ...settings);
}

/** Half of its edges draw noise. */
const NOISY = checkGenotype({
  normal: [
    ['sep_conv_3x3', 0],
    ['noise', 1],
  ],
  normalConcat: [2],
  reduce: [
    ['max_pool_3x3', 0],
    ['noise', 1],
  ],
  reduceConcat: [2],
});

describe('evaluation/train', function () {
  this.timeout(120_000);
  let images: ImageSource;
  const run = (protocol: EvaluationProtocol, options: Partial<TrainOptions> = {}) =>
    train(protocol, { images, ...options });

  before(async () => {
    images = memoryImages(await loadDataset({ name: 'synthetic', image: 16, trainSize: 64, testSize: 40 }));
  });

  it('gives the same bits twice, other ones for another seed, and leaves no tensors behind', async () => {
    const [first, second] = [memoryStore(), memoryStore()];
    const once = await run(smoke(), { store: first.store });
    const tensors = tf.memory().numTensors;
    expect(await run(smoke(), { store: second.store })).to.deep.equal(once);
    expect(tf.memory().numTensors).to.equal(tensors);
    expect(second.metrics).to.deep.equal(first.metrics);
    expect(second.checkpoints).to.deep.equal(first.checkpoints);
    const other = await run(smoke(['seed=4']));
    expect(other.epochs[0].trainLoss).not.to.equal(once.epochs[0].trainLoss);
  });

  it('stopped after any step and resumed, goes on to the same bits', async () => {
    const whole = memoryStore();
    const expected = await run(smoke(), { store: whole.store });
    for (const step of [1, 3, 4, 6]) {
      const kept = memoryStore();
      let stopped: unknown;
      await run(smoke(), { store: kept.store, ...stopAt(step) }).catch((error: unknown) => (stopped = error));
      expect(stopped)
        .to.be.instanceOf(InterruptedError)
        .with.property('message')
        .that.includes(`step ${step} of 8`);
      expect(kept.checkpoints.at(-1)?.step).to.equal(step);
      const resumed = await run(smoke(), { store: kept.store, from: kept.checkpoints.at(-1) });
      expect(resumed, `stopped after step ${step}`).to.deep.equal(expected);
      expect(kept.metrics).to.deep.equal(whole.metrics);
      expect(kept.checkpoints.at(-1)).to.deep.equal(whole.checkpoints.at(-1));
    }
  });

  it('computes eagerly what it computes compiled, within rounding', async () => {
    const [compiled, eager] = [memoryStore(), memoryStore()];
    const protocol = smoke(['epochs=1']);
    await run(protocol, { store: compiled.store });
    await run(protocol, { store: eager.store, compile: false });
    const [a, b] = [compiled, eager].map(({ checkpoints }) => checkpoints.at(-1)!.tensors);
    for (const name of ['weights', 'mean', 'variance']) {
      const largest = Math.max(...Array.from(a[name], (value, i) => Math.abs(value - b[name][i])));
      expect(largest, name).to.be.lessThan(2e-4);
    }
  });

  it('follows the schedules: cosine from lr to 0, drop path from 0', async () => {
    const { epochs } = await run(smoke(['epochs=4', 'dataset.trainSize=32']));
    const lr = smoke().weights.lr;
    epochs.forEach((record, e) => {
      expect(record.epoch).to.equal(e);
      expect(record.lr).to.be.closeTo((lr * (1 + Math.cos((Math.PI * e) / 4))) / 2, 1e-12);
      expect(record.dropPath).to.be.closeTo((0.2 * e) / 4, 1e-12);
    });
    const linear = await run(
      smoke([
        'epochs=10',
        'dataset.trainSize=16',
        'weights.schedule=linear',
        'weights.warmup=true',
        'network.dropPath=0',
      ]),
    );
    const [first, , , , , sixth] = linear.epochs;
    expect(first.lr).to.be.closeTo(lr / 5, 1e-12);
    expect(sixth.lr).to.be.lessThan(lr);
    expect(first.dropPath).to.equal(null);
  });

  it('reports the last epoch, and the first of the best ones beside it', async () => {
    const result = await run(smoke(['epochs=5']));
    expect(result.epochs).to.have.length(5);
    expect(result.test).to.deep.equal(result.epochs[4].test);
    const errors = result.epochs.map(({ test }) => test.errorPct);
    expect(result.best).to.deep.equal({
      epoch: errors.indexOf(Math.min(...errors)),
      errorPct: Math.min(...errors),
    });
    expect(result.trainedParameters).to.equal(protocolClassifier(smoke(), 10).layout.size);
    expect(result.noisePasses).to.equal(null);
  });

  it('tests every test image once, with running statistics, whatever the batch', async () => {
    const all = await images.test(0, 40);
    // 40 images in batches of 16, 7 and 40: the last batch is filled up, and what fills it is not counted.
    for (const batchSize of [16, 7, 40]) {
      const protocol = smoke(['epochs=1', `batchSize=${batchSize}`]);
      const { store, checkpoints } = memoryStore();
      const { test } = await run(protocol, { store });
      const { weights, mean, variance } = checkpoints.at(-1)!.tensors as Record<string, Float32Array>;
      const network = protocolClassifier(protocol, 10);
      const scores = tf.tidy(() => {
        const flat = { mean: tf.tensor1d(mean), variance: tf.tensor1d(variance) };
        const normalization = runningStatistics(network.normalizations, flat);
        const x = tf.tensor4d(all.images.data, [40, 16, 16, 3]);
        return network.scores(tf.tensor1d(weights), x, { normalization }).logits.dataSync() as Float32Array;
      });
      const judged = Array.from(all.labels.data, (label, i) =>
        scored(Float64Array.from(scores.slice(10 * i, 10 * i + 10)), label),
      );
      const pct = (wrong: number) => (100 * wrong) / 40;
      expect(test.errorPct).to.equal(pct(judged.filter(({ rank }) => rank > 0).length));
      expect(test.top5ErrorPct).to.equal(pct(judged.filter(({ rank }) => rank > 4).length));
      expect(test.loss).to.be.closeTo(judged.reduce((sum, { loss }) => sum + loss, 0) / 40, 1e-5);
    }
  });

  it('draws noise at test time too: seeded, and several passes of it', async () => {
    const protocol = smoke(['epochs=1', 'noisePasses=3'], NOISY);
    const once = await run(protocol);
    expect(once.noisePasses).to.have.length(3);
    expect(await run(protocol)).to.deep.equal(once);
    // Scores of the test images differ from pass to pass.
    const { program } = trainingProgram(protocol, 10, true);
    const batch = await images.test(0, 16);
    const scores = (seed: number): HostArray =>
      program.call('test', {
        images: batch.images,
        seed: { shape: [2], data: Int32Array.of(1, seed) },
      }).logits;
    expect(scores(1)).to.deep.equal(scores(1));
    expect(scores(2)).not.to.deep.equal(scores(1));
  });

  it('learns: made-up images are told apart better than by chance and by a linear classifier', async () => {
    const spec = { name: 'synthetic', image: 16, trainSize: 640, testSize: 100 } as const;
    const more = { images: memoryImages(await loadDataset(spec)) };
    const protocol = smoke([
      'dataset.trainSize=640',
      'dataset.testSize=100',
      'epochs=10',
      'weights.lr=0.05',
      'network.dropPath=0',
      'cutout=0',
    ]);
    const { epochs, test } = await train(protocol, more);
    expect(epochs[9].trainLoss).to.be.lessThan(0.7 * epochs[0].trainLoss);
    expect(test.errorPct).to.be.lessThan(75);
    const linear = await train(linearBaseline(protocol), more);
    expect(linear.test.errorPct).to.be.greaterThan(test.errorPct).and.at.most(100);
  });

  it('says where a loss stops being finite, and keeps the checkpoint before it', async () => {
    const protocol = smoke();
    const { program } = trainingProgram(protocol, 10, true);
    const call = program.call.bind(program);
    let steps = 0;
    program.call = (name: TrainingFunction, inputs, options) => {
      const results = call(name, inputs, options);
      if (name === 'train' && ++steps === 6) results.loss.data[0] = NaN;
      return results;
    };
    const { store, checkpoints } = memoryStore();
    try {
      let failure: unknown;
      await run(protocol, { store }).catch((error: unknown) => (failure = error));
      expect(failure)
        .to.be.instanceOf(ZartsError)
        .with.property('message')
        .that.matches(/NaN at step 5 .*seed 3/);
      expect(checkpoints.map(({ step }) => step)).to.deep.equal([4]);
    } finally {
      program.call = call;
    }
  });

  it('refuses more images than there are', async () => {
    let failure: unknown;
    await run(smoke(['dataset.testSize=41'])).catch((error: unknown) => (failure = error));
    expect(failure).to.be.instanceOf(UsageError).with.property('message').that.includes('at most 40');
  });

  it('two trainings in one process take turns', async () => {
    const alone = await run(smoke());
    const [a, b] = await Promise.all([run(smoke()), run(smoke(['seed=4']))]);
    expect(a).to.deep.equal(alone);
    expect(b).not.to.deep.equal(alone);
  });

  describe('the linear baseline', () => {
    it('is multinomial logistic regression: its step is the gradient of softmax cross-entropy', async () => {
      const protocol = withSet(
        EVALUATION,
        linearBaseline(smoke()),
        'batchSize=64',
        'epochs=1',
        'weights.momentum=0',
        'weights.weightDecay=0',
        'weights.clip=null',
        'weights.lr=0.01',
      );
      const { store, checkpoints } = memoryStore();
      // The batch that the first step sees, written down on its way into the program.
      const { program, classifier } = trainingProgram(protocol, 10, true);
      const call = program.call.bind(program);
      let batch: Record<string, HostArray> = {};
      program.call = (name: TrainingFunction, inputs, options) => {
        if (name === 'train') batch = { ...inputs };
        return call(name, inputs, options);
      };
      try {
        await run(protocol, { store });
      } finally {
        program.call = call;
      }
      const pixels = 16 * 16 * 3;
      expect(classifier.layout.size).to.equal(pixels * 10 + 10);
      // From zero weights every class has probability 1/10.
      const expected = new Float64Array(classifier.layout.size);
      for (let i = 0; i < 64; i++) {
        for (let c = 0; c < 10; c++) {
          const slope = ((batch.labels.data[i] === c ? 0.9 : -0.1) * 0.01) / 64;
          for (let p = 0; p < pixels; p++) expected[p * 10 + c] += slope * batch.images.data[i * pixels + p];
          expected[pixels * 10 + c] += slope;
        }
      }
      const found = checkpoints.at(-1)!.tensors.weights;
      found.forEach((value, i) => {
        expect(value).to.be.closeTo(expected[i], 1e-6);
      });
    });
  });
});

describe('evaluation/train: judging scores', () => {
  it('ranks the label, lower classes first among equals, as argMax takes them', () => {
    const scores = Float64Array.of(1, 3, 3, -2);
    expect([0, 1, 2, 3].map((label) => scored(scores, label).rank)).to.deep.equal([2, 0, 1, 3]);
    const logZ = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
    expect(scored(scores, 0).loss).to.be.closeTo(logZ - 1, 1e-12);
    expect(scored(Float64Array.of(NaN, NaN), 0).rank).to.be.greaterThan(0);
  });
});
