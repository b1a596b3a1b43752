import { expect } from 'chai';
import type { Rank, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, dropPathFactors, interleave, tf } from '../../lib/engine/index.js';
import { UsageError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { defineSpace, uniformSpace } from '../../lib/spaces/spaces.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { dropTerms, sumTerms } from '../../lib/supernet/layers.js';
import { supernet } from '../../lib/supernet/supernet.js';
import type { PassOptions } from '../../lib/supernet/supernet.js';
import { lossAndGradients } from '../../lib/supernet/training.js';
import { LABELS, MIXED, SMALL, expectClose, floats, images, logitsOf, passOf } from './helpers.js';

const dropping = (
  probability: number,
  seed: readonly [number, number] = [3, 4],
  options: PassOptions = {},
): PassOptions => ({
  dropPath: tf.scalar(probability),
  noiseSeed: tf.tensor1d([...seed], 'int32'),
  ...options,
});

describe('supernet: drop path', function () {
  this.timeout(60_000);
  const net = supernet(MIXED, SMALL);
  const alphas = floats(5, net.alphas);
  const scores = (...args: Parameters<typeof dropping>) =>
    tf.tidy(() => logitsOf(net, alphas, dropping(...args)));

  it('of probability 0 drops nothing', () => {
    expectClose(scores(0, [1, 1]), logitsOf(net, alphas), 1e-5);
  });

  it('is its seed’s', () => {
    expect(scores(0.5, [1, 2])).to.deep.equal(scores(0.5, [1, 2]));
    expect(scores(0.5, [1, 2])).to.not.deep.equal(scores(0.5, [1, 3]));
    expect(scores(0.5, [1, 2])).to.not.deep.equal(scores(0.5, [2, 2]));
  });

  it('needs a seed', () => {
    expect(() => tf.tidy(() => logitsOf(net, alphas, { dropPath: tf.scalar(0.1) }))).to.throw(
      UsageError,
      /^Drop path needs a noise seed\.$/,
    );
  });

  it('gives the same loss and gradients eagerly and compiled, the probability an input', () => {
    const [weights, x] = [net.init(key(7)), tf.tidy(() => images().dataSync() as Float32Array)];
    const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
    const pass = {
      inputs: {
        images: float(4, 8, 8, 3),
        probability: float(),
        seed: { shape: [2], dtype: 'int32' as const },
      },
      run: ({ omega, alpha }: Readonly<Record<string, Tensor>>, inputs: Readonly<Record<string, Tensor>>) => {
        const labels = tf.tensor1d(LABELS, 'int32');
        const outputs = lossAndGradients(
          net,
          omega as Tensor1D,
          alpha as Tensor1D,
          inputs.images as Tensor4D,
          labels,
          { dropPath: inputs.probability, noiseSeed: inputs.seed as Tensor1D },
        );
        return { outputs: { loss: outputs.loss, alphas: outputs.alphas, weights: outputs.weights } };
      },
    };
    const state = {
      omega: { shape: [weights.length], data: weights },
      alpha: { shape: [alphas.length], data: alphas },
    };
    const results = [false, true].map((compiled) => {
      const program = compile(state, { pass }, { compile: compiled });
      const inputs = {
        images: { shape: [4, 8, 8, 3], data: x },
        seed: { shape: [2], data: Int32Array.of(3, 4) },
      };
      const at = (probability: number) =>
        program.call('pass', { ...inputs, probability: { shape: [], data: Float32Array.of(probability) } });
      const found = [at(0.4), at(0.1)].map(({ loss, alphas, weights }) =>
        [loss, alphas, weights].flatMap(({ data }) => Array.from(data)),
      );
      program.dispose();
      return found;
    });
    expectClose(results[1][0], results[0][0], 2e-5);
    expectClose(results[1][1], results[0][1], 2e-5);
    expect(Math.abs(results[0][0][0] - results[0][1][0])).to.be.above(1e-3);
  });

  it('has gradients that agree with finite differences', () => {
    const options = () => dropping(0.3);
    const { alphas: gradient } = passOf(net, alphas, options);
    // A step short enough to cross few of the ReLUs' kinks; the loss's rounding over it is about 2e-4.
    const h = 0.0005;
    const lossAt = (i: number, by: number) =>
      passOf(
        net,
        alphas.map((value, j) => (j === i ? value + by : value)),
        options,
      ).loss;
    for (const i of [1, 2, 4, 5, 9, 12, 19]) {
      const slope = (lossAt(i, h) - lossAt(i, -h)) / (2 * h);
      expect(gradient[i], `alpha ${i}`).to.be.closeTo(slope, 5e-4 + 0.01 * Math.abs(slope));
    }
  });

  /**
   * A network of one (reduction) cell whose noise operations are replaced by values of our choosing and whose classifier
   * reads one channel of each node: no batch norm on the way, so that what drop path did to each sample can be read off.
   */
  describe('seen sample by sample', () => {
    const batch = 400;

    /** The value of every node for every sample, [batch][node]. @param weights  The operations' weights, both cells. */
    const nodesOf = (
      space: SearchSpace,
      weights: readonly number[],
      probability: number,
      options: PassOptions = {},
    ): number[][] =>
      tf.tidy(() => {
        const one = supernet(space, { cells: 1, channels: 2, classes: space.nodes });
        const width = 4;
        const omega = one.init(key(1));
        const { offset } = one.layout.parameters.find(({ name }) => name === 'classifier.weight')!;
        omega.fill(0, offset);
        for (let node = 0; node < space.nodes; node++) omega[offset + node * width * space.nodes + node] = 1;
        const scores = one.logits(tf.tensor1d(omega), tf.tensor1d([...weights]), tf.zeros([batch, 4, 4, 3]), {
          mixing: 'given',
          ...dropping(probability, [9, 9], options),
        });
        return scores.arraySync();
      });
    /** The noise primitive's draws: edge e's are all 4^e. */
    const powers = (name: string, shape: readonly number[]) =>
      tf.fill<Rank.R4>(shape as [number, number, number, number], 4 ** Number(name.split('.')[3]));

    it('drops each edge by itself, as often as it should, and scales what is left', () => {
      const probability = 0.25;
      const space = uniformSpace('noise', ['noise', 'none'], 1);
      const found = nodesOf(space, [1, 0, 1, 0, 1, 0, 1, 0], probability, { noise: powers }).map(
        ([sum]) => sum * (1 - probability),
      );
      const chances = { 0: 1 / 16, 1: 3 / 16, 4: 3 / 16, 5: 9 / 16 };
      let counted = 0;
      for (const [sum, chance] of Object.entries(chances)) {
        const count = found.filter((value) => Math.abs(value - Number(sum)) < 1e-5).length;
        const error = 4 * Math.sqrt(batch * chance * (1 - chance));
        expect(count, `sum ${sum}`).to.be.within(batch * chance - error, batch * chance + error);
        counted += count;
      }
      expect(counted).to.equal(batch);
    });

    it('drops an edge with all its operations, the plain identity too', () => {
      // Node 3 reads node 2 alone, through the identity and, a tenth of it, through noise that is 4^4.
      const cell: Primitive[][] = [['noise'], ['noise'], ['noise'], ['noise'], ['skip_connect', 'noise']];
      const space = defineSpace({ name: 'identity', nodes: 2, edges: { normal: cell, reduce: cell } });
      const weights = [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1];
      // What node 3 has beside its noise (512 where that is kept), and whether it has it.
      const kinds = nodesOf(space, weights, 0.5, { noise: powers }).map(([node2, node3]) => {
        const noisy = node3 >= 512;
        const left = node3 - (noisy ? 512 : 0);
        return `${node2 === 0 ? 'none' : left / node2} ${noisy}`;
      });
      expect([...new Set(kinds)].sort()).to.deep.equal(['0 false', '2 true', 'none false', 'none true']);
    });

    it('leaves the draws of the noise primitive alone', () => {
      const space = uniformSpace('noise', ['noise'], 1);
      const [without, dropped] = [0, 0.5].map((probability) =>
        nodesOf(space, [1, 1, 1, 1], probability).flat(),
      );
      // A quarter of the samples have both edges kept, and twice the sum that they have without drop path.
      const kept = without.filter((value, n) => Math.abs(dropped[n] - 2 * value) < 1e-5).length;
      const error = 4 * Math.sqrt((batch * 3) / 16);
      expect(kept).to.be.within(batch / 4 - error, batch / 4 + error);
    });
  });

  it('drops an operation on interleaved images for the same samples', () => {
    tf.tidy(() => {
      const x = tf.tensor4d(floats(2, 3 * 4 * 6 * 2), [3, 4, 6, 2]);
      const drop = dropPathFactors(tf.tensor1d([1, 0, 1]), tf.scalar(0.5));
      const apart = sumTerms(dropTerms([{ x: interleave(x), interleaved: true }], drop));
      const whole = sumTerms(dropTerms([{ x, interleaved: false }], drop));
      expect(Array.from(apart.dataSync())).to.deep.equal(Array.from(whole.dataSync()));
      expect(Array.from(apart.slice([1], [1]).dataSync()).every((value) => value === 0)).to.be.true;
    });
  });
});
