import { expect } from 'chai';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, tf } from '../../lib/engine/index.js';
import type { ProgramFunction } from '../../lib/engine/index.js';
import { key } from '../../lib/math/random.js';
import { supernet } from '../../lib/supernet/supernet.js';
import type { PassOptions, Supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradients, lossAndGradientsAround } from '../../lib/supernet/training.js';
import { LABELS, MIXED, SMALL, expectClose, floats, images, passOf } from './helpers.js';

type Passed = ReturnType<typeof passOf>;

/** {@link passOf} with the activation pattern at `around`. */
function passAround(
  net: Supernet,
  alphas: ArrayLike<number>,
  around: ArrayLike<number>,
  options?: PassOptions,
): Pick<Passed, 'loss' | 'alphas' | 'weights'> {
  return tf.tidy(() => {
    const [point, centre] = [alphas, around].map((values) => tf.tensor1d(Float32Array.from(values)));
    const { loss, ...gradients } = lossAndGradientsAround(
      net,
      tf.tensor1d(net.init(key(7))),
      point,
      centre,
      images(),
      tf.tensor1d(LABELS, 'int32'),
      options,
    );
    return {
      loss: loss.dataSync()[0],
      alphas: Array.from(gradients.alphas.dataSync()),
      weights: Array.from(gradients.weights.dataSync()),
    };
  });
}

describe('supernet: a kept activation pattern', function () {
  this.timeout(60_000);
  const shapes = [SMALL, { ...SMALL, channels: 4, partialChannels: { k: 2, edgeNormalization: true } }];

  for (const shape of shapes) {
    const net = supernet(MIXED, shape);
    const alphas = floats(5, net.alphas);
    const name = 'partialChannels' in shape ? ', with partial channels' : '';

    it(`changes nothing where it is the network’s own${name}`, () => {
      const own = passOf(net, alphas);
      const kept = passAround(net, alphas, alphas);
      expect(kept.loss).to.be.closeTo(own.loss, 1e-6);
      expectClose(kept.alphas, own.alphas, 1e-6);
      expectClose(kept.weights, own.weights, 1e-5);
    });

    it(`makes the loss smooth: differences over long steps agree with the gradient${name}`, () => {
      const { alphas: gradient } = passAround(net, alphas, alphas);
      const lossAt = (i: number, by: number) =>
        passAround(
          net,
          alphas.map((value, j) => (j === i ? value + by : value)),
          alphas,
        ).loss;
      // Rounding of the loss over the step, and the square of the step: both about 1e-5.
      const h = 0.01;
      for (const i of [1, 5, 9, 12, net.alphas - 1]) {
        const slope = (lossAt(i, h) - lossAt(i, -h)) / (2 * h);
        expect(gradient[i], `alpha ${i}`).to.be.closeTo(slope, 3e-5 + 1e-3 * Math.abs(slope));
      }
    });
  }

  it('is the one of the other alphas, and not of those that are passed', () => {
    const net = supernet(MIXED, SMALL);
    const [alphas, others] = [floats(5, net.alphas), floats(6, net.alphas)];
    expect(passAround(net, alphas, others).loss).to.not.be.closeTo(passOf(net, alphas).loss, 1e-4);
  });

  it('is the same with the same noise and drop path, eagerly and compiled', () => {
    const net = supernet(MIXED, SMALL);
    const [alphas, weights] = [floats(5, net.alphas), net.init(key(7))];
    const moved = alphas.map((value, i) => value + 0.1 * (i % 2));
    const [x] = tf.tidy(() => [images().dataSync() as Float32Array]);
    const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
    const pass: ProgramFunction = {
      inputs: { alphas: float(net.alphas), around: float(net.alphas), images: float(4, 8, 8, 3) },
      run: ({ omega }, inputs) => {
        const given = [omega, inputs.alphas, inputs.around] as Tensor1D[];
        const batch = [inputs.images as Tensor4D, tf.tensor1d(LABELS, 'int32')] as const;
        const options = { dropPath: tf.scalar(0.2), noiseSeed: tf.tensor1d([1, 2], 'int32') };
        const kept = lossAndGradientsAround(net, given[0], given[1], given[2], ...batch, options);
        const own = lossAndGradients(net, given[0], given[1], ...batch, options);
        return { outputs: { loss: kept.loss, alphas: kept.alphas, own: own.alphas } };
      },
    };
    const call = (compiled: boolean, points: readonly Float32Array[]) => {
      const state = { omega: { shape: [weights.length], data: weights } };
      const program = compile(state, { pass }, { compile: compiled });
      const vector = (data: Float32Array) => ({ shape: [data.length], data });
      const inputs = { images: { shape: [4, 8, 8, 3], data: x }, around: vector(alphas) };
      const found = points.map((at) => program.call('pass', { ...inputs, alphas: vector(at) }));
      program.dispose();
      return found.map((outputs) =>
        Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data)])),
      );
    };
    const [[eager], [compiled, here]] = [call(false, [moved]), call(true, [moved, alphas])];
    expectClose(compiled.loss, eager.loss, 1e-5);
    expectClose(compiled.alphas, eager.alphas, 1e-5);
    expectClose(here.alphas, here.own, 1e-6);
  });

  it('leaves no tensors behind', () => {
    const net = supernet(MIXED, SMALL);
    const alphas = floats(5, net.alphas);
    const before = tf.memory().numTensors;
    passAround(net, alphas, alphas);
    expect(tf.memory().numTensors).to.equal(before);
  });
});
