import { expect } from 'chai';
import fc from 'fast-check';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { multiplyAdds as recordedMultiplyAdds } from '../bench/arithmetic.js';
import { recordedCalls, tf } from '../../lib/engine/index.js';
import type { ProgramFunction } from '../../lib/engine/index.js';
import { UsageError } from '../../lib/errors.js';
import { countNetwork, multiplyAdds, sumCounts } from '../../lib/evaluation/count.js';
import { derivedNetwork } from '../../lib/evaluation/network.js';
import type { DerivedNetwork, NetworkPass } from '../../lib/evaluation/network.js';
import { DARTS_FORMS } from '../../lib/evaluation/plan.js';
import type { NetworkShape } from '../../lib/evaluation/plan.js';
import { initialStatistics, runningStatistics, trainingStatistics } from '../../lib/supernet/statistics.js';
import { smoothedCrossEntropy, trainingPass } from '../../lib/evaluation/program.js';
import { key, normal } from '../../lib/math/random.js';
import { KNOWN_GENOTYPES, checkGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { randomGenotypes } from './genotypes.js';

const SMALL: NetworkShape = { form: 'cifar', cells: 3, channels: 2, classes: 4 };
const LARGE: NetworkShape = { form: 'imagenet', cells: 3, channels: 4, classes: 4 };
const square = (side: number) => ({ height: side, width: side });

const images = (side: number, count = 3, seed = 1): Tensor4D =>
  tf.tensor4d(Float32Array.from(normal(key(seed), count * side * side * 3)), [count, side, side, 3]);
const labels = (): Tensor1D => tf.tensor1d([0, 3, 1], 'int32');
const seed = (value: number): Tensor1D => tf.tensor1d([7, value], 'int32');

/** Class scores with fresh weights of a fixed seed. */
function scoresOf(net: DerivedNetwork, side: number, pass: () => NetworkPass = () => ({})): number[] {
  return tf.tidy(() => {
    const weights = tf.tensor1d(net.init(key(5)));
    return Array.from(net.scores(weights, images(side), pass()).logits.dataSync());
  });
}

/** A genotype whose normal and reduction cell repeat one pair of operations. */
function uniform(normalOp: string, reduceOp = normalOp): Genotype {
  const cell = (op: string) =>
    [0, 1].flatMap(() => [
      [op, 0],
      [op, 1],
    ]);
  return checkGenotype({
    normal: cell(normalOp),
    normalConcat: [2, 3],
    reduce: cell(reduceOp),
    reduceConcat: [2, 3],
  });
}

describe('evaluation/network', function () {
  this.timeout(60_000);

  it('has as many parameters as are counted, each under a name of its own', () => {
    fc.assert(
      fc.property(
        randomGenotypes,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(...DARTS_FORMS),
        (genotype, cells, half, form) => {
          const shape = { form, cells, channels: 2 * half, classes: 7 };
          const side = form === 'cifar' ? 32 : 224;
          const counts = countNetwork(genotype, shape, square(side));
          const { layout } = derivedNetwork(genotype, shape);
          expect(layout.size).to.equal(counts.network.parameters);
          expect(new Set(layout.parameters.map(({ name }) => name)).size).to.equal(layout.parameters.length);
          if (!counts.auxiliary) return;
          const withHead = derivedNetwork(genotype, shape, true);
          expect(withHead.layout.size).to.equal(counts.network.parameters + counts.auxiliary.parameters);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('multiplies as often as is counted: the recorded forward pass of every known genotype', () => {
    for (const [name, genotype] of Object.entries(KNOWN_GENOTYPES)) {
      for (const [shape, side] of [
        [{ ...SMALL, cells: 5 }, 32],
        // Even down to the last map: a dilated convolution of an odd one computes a row more than it keeps.
        [{ ...LARGE, cells: 4 }, 256],
      ] as const) {
        const net = derivedNetwork(genotype, shape, true);
        const run: ProgramFunction['run'] = ({ weights }, { x }) => {
          const pass = { auxiliary: true };
          const { logits, auxiliary } = net.scores(weights as Tensor1D, x as Tensor4D, pass);
          return { outputs: { logits, auxiliary: auxiliary! } };
        };
        const inputs = { x: { shape: [1, side, side, 3], dtype: 'float32' as const } };
        const state = { weights: { shape: [net.layout.size], data: new Float32Array(net.layout.size) } };
        const calls = recordedCalls(state, { pass: { inputs, run } }, 'pass');
        const { network, auxiliary } = countNetwork(genotype, shape, square(side));
        const where = `${name} ${shape.form}`;
        expect(recordedMultiplyAdds(calls({ outputs: ['logits'] })).total, where).to.equal(
          multiplyAdds(network),
        );
        expect(recordedMultiplyAdds(calls()).total, where).to.equal(
          multiplyAdds(sumCounts(network, auxiliary!)),
        );
      }
    }
  });

  it('names the parts as PyTorch does: large stem, halved first input, auxiliary head before the classifier', () => {
    const { layout } = derivedNetwork(KNOWN_GENOTYPES.DARTS_V2, LARGE, true);
    const shapes = new Map(layout.parameters.map(({ name, shape }) => [name, shape.join()]));
    expect(layout.parameters.slice(0, 9).map(({ name }) => name)).to.deep.equal([
      ...['stem0.0.weight', 'stem0.1.weight', 'stem0.1.bias'],
      ...['stem0.3.weight', 'stem0.4.weight', 'stem0.4.bias'],
      ...['stem1.1.weight', 'stem1.2.weight', 'stem1.2.bias'],
    ]);
    expect(shapes.get('stem0.0.weight')).to.equal('3,3,3,2');
    expect(shapes.get('stem1.1.weight')).to.equal('3,3,4,4');
    expect(shapes.get('cells.0.preprocess0.conv_1.weight')).to.equal('1,1,4,2');
    const head = layout.parameters.filter(({ name }) => name.startsWith('auxiliary_head.'));
    expect(head.map(({ name }) => name.slice('auxiliary_head.'.length))).to.deep.equal([
      ...['features.2.weight', 'features.3.weight', 'features.3.bias', 'features.5.weight'],
      ...['classifier.weight', 'classifier.bias'],
    ]);
    expect(layout.parameters.at(-2)?.name).to.equal('classifier.weight');
    const small = derivedNetwork(KNOWN_GENOTYPES.DARTS_V2, SMALL, true).layout.parameters;
    expect(small.some(({ name }) => name === 'auxiliary_head.features.6.weight')).to.equal(true);
  });

  describe('drop path', () => {
    const net = derivedNetwork(KNOWN_GENOTYPES.DARTS_V1, SMALL);
    const dropping =
      (probability: number, of = 1) =>
      (): NetworkPass => ({
        dropPath: tf.scalar(probability),
        seed: seed(of),
      });

    it('changes nothing at probability 0, something above, and the same for the same seed', () => {
      const plain = scoresOf(net, 8);
      expect(scoresOf(net, 8, dropping(0))).to.deep.equal(plain);
      const dropped = scoresOf(net, 8, dropping(0.3));
      expect(dropped).not.to.deep.equal(plain);
      expect(scoresOf(net, 8, dropping(0.3))).to.deep.equal(dropped);
      expect(scoresOf(net, 8, dropping(0.3, 2))).not.to.deep.equal(dropped);
    });

    it('spares the plain identity and drops the strided one', () => {
      // One cell, which reduces; its second inputs are nodes, read by identity or by pooling.
      const reducing = (op: string): Genotype =>
        checkGenotype({
          normal: [
            ['skip_connect', 0],
            ['skip_connect', 1],
          ],
          normalConcat: [2],
          reduce: [
            [op, 0],
            [op, 1],
          ],
          reduceConcat: [2],
        });
      // Cells 0 and 1 of four are normal: identity throughout. The reduction cells' strided skips are dropped.
      const shape = { ...SMALL, cells: 4 };
      const strided = derivedNetwork(reducing('skip_connect'), shape);
      expect(scoresOf(strided, 8, dropping(0.5))).not.to.deep.equal(scoresOf(strided, 8));
      const identity = derivedNetwork(uniform('skip_connect', 'none'), shape);
      expect(scoresOf(identity, 8, dropping(0.5))).to.deep.equal(scoresOf(identity, 8));
    });

    it('needs a seed, as the noise operation does', () => {
      expect(() => scoresOf(net, 8, () => ({ dropPath: tf.scalar(0.1) }))).to.throw(UsageError, /seed/);
      const noisy = derivedNetwork(uniform('noise', 'max_pool_3x3'), SMALL);
      expect(() => scoresOf(noisy, 8)).to.throw(UsageError, /noise/);
      const [one, again, other] = [1, 1, 2].map((of) => scoresOf(noisy, 8, () => ({ seed: seed(of) })));
      expect(again).to.deep.equal(one);
      expect(other).not.to.deep.equal(one);
    });
  });

  it('has an auxiliary head on maps that it fits, and says so where it does not', () => {
    const net = derivedNetwork(KNOWN_GENOTYPES.DARTS_V2, SMALL, true);
    const shapeOf = (side: number) =>
      tf.tidy(() => {
        const weights = tf.tensor1d(net.init(key(5)));
        return net.scores(weights, images(side), { auxiliary: true }).auxiliary?.shape;
      });
    expect(shapeOf(32)).to.deep.equal([3, 4]);
    expect(() => shapeOf(16)).to.throw(UsageError, /4×4 pixels/);
    expect(scoresOf(net, 16)).to.have.length(12);
  });

  it('in inference mode, scores an image alike whatever else is in the batch', () => {
    for (const [shape, side] of [
      [SMALL, 8],
      [LARGE, 64],
    ] as const) {
      const net = derivedNetwork(KNOWN_GENOTYPES.NASNet, shape);
      const { mean, variance } = initialStatistics(net.normalizations);
      const [together, alone] = tf.tidy(() => {
        const weights = tf.tensor1d(net.init(key(5)));
        const flat = { mean: tf.tensor1d(mean), variance: tf.tensor1d(variance) };
        const normalization = runningStatistics(net.normalizations, flat);
        const all = images(side);
        const score = (x: Tensor4D) =>
          Array.from(net.scores(weights, x, { normalization }).logits.dataSync());
        return [score(all).slice(4, 8), score(tf.slice(all, [1, 0, 0, 0], [1, side, side, 3]))];
      });
      alone.forEach((value, i) => expect(value).to.be.closeTo(together[i], 1e-5));
      expect(together.some((value) => Math.abs(value) > 1e-3)).to.equal(true);
    }
  });

  it('weighs the auxiliary loss, and its gradient reaches the auxiliary head', () => {
    const net = derivedNetwork(KNOWN_GENOTYPES.DARTS_V2, SMALL, true);
    const lossAt = (auxiliaryWeight: number) =>
      tf.tidy(() => {
        const weights = tf.tensor1d(net.init(key(5)));
        const settings = { auxiliaryWeight, labelSmoothing: 0 };
        const { loss, gradient } = trainingPass(net, weights, images(32), labels(), settings);
        const norms = net.layout.parameters.map(({ name, offset, size }) => ({
          name,
          norm: tf.norm(tf.slice(gradient, offset, size)).dataSync()[0],
        }));
        return { loss: loss.dataSync()[0], norms };
      });
    const [none, some, twice] = [lossAt(0), lossAt(0.4), lossAt(0.8)];
    expect(some.loss).to.be.greaterThan(none.loss);
    expect(twice.loss - none.loss).to.be.closeTo(2 * (some.loss - none.loss), 1e-5);
    const head = ({ name }: { name: string }) => name.startsWith('auxiliary_head.');
    for (const { norm } of none.norms.filter(head)) expect(norm).to.equal(0);
    for (const { norm, name } of some.norms.filter(head)) expect(norm, name).to.be.greaterThan(0);
  });

  it('smooths labels: ε of every target spread over all classes', () => {
    const scores = [
      [1, -2, 0.5, 3],
      [0, 0.25, -1, 2],
      [-3, 1, 1, 1],
    ];
    const targets = [0, 3, 1];
    for (const smoothing of [0, 0.1, 0.5]) {
      const expected =
        scores.reduce((sum, row, i) => {
          const logZ = Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
          return row.reduce((loss, value, c) => {
            const target = smoothing / row.length + (c === targets[i] ? 1 - smoothing : 0);
            return loss - target * (value - logZ);
          }, sum);
        }, 0) / scores.length;
      const [found] = tf.tidy(() =>
        smoothedCrossEntropy(tf.tensor2d(scores), labels(), smoothing).dataSync(),
      );
      expect(found).to.be.closeTo(expected, 1e-6);
    }
  });

  it('leaves no tensors behind', () => {
    const net = derivedNetwork(KNOWN_GENOTYPES.AmoebaNet, SMALL, true);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const { mean, variance } = initialStatistics(net.normalizations);
      const running = { mean: tf.tensor1d(mean), variance: tf.tensor1d(variance) };
      const { normalization, moved } = trainingStatistics(net.normalizations, running);
      const settings = { auxiliaryWeight: 0.4, labelSmoothing: 0.1 };
      const pass: NetworkPass = {
        normalization,
        dropPath: tf.scalar(0.2),
        seed: seed(1),
      };
      trainingPass(net, tf.tensor1d(net.init(key(5))), images(32), labels(), settings, pass);
      moved();
    });
    expect(tf.memory().numTensors).to.equal(before);
  });
});
