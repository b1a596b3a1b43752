import { expect } from 'chai';
import { key, normal, uniform } from '../../lib/math/random.js';
import { axpy, norm, scale } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import { tf } from '../../lib/engine/index.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { searchProgram } from '../../lib/search/program.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { SearchSession } from '../../lib/search/session.js';
import type { Pass, UnrolledStep } from '../../lib/search/session.js';
import { uniformSpace } from '../../lib/spaces/spaces.js';
import { lossAndGradients } from '../../lib/supernet/training.js';
import { longIt } from '../support/long.js';

/** A pass on random images, the same for the same seed. */
function randomPass({ batchSize, dataset }: SearchProtocol, alpha: Vec, seed: number): Pass {
  const side = dataset.imageSide;
  const pixels = batchSize * side * side * 3;
  return {
    alpha,
    noise: key(seed),
    batch: {
      images: {
        shape: [batchSize, side, side, 3],
        data: Float32Array.from(normal(key(seed), pixels)),
      },
      labels: {
        shape: [batchSize],
        data: Int32Array.from(uniform(key(seed + 1), batchSize), (u) => Math.floor(10 * u)),
      },
    },
  };
}

/** A loss in nats and its gradients with respect to weights and alphas. */
interface Gradients {
  readonly loss: number;
  readonly weights: Vec;
  readonly alphas: Vec;
}

/** Loss and gradients by eager TensorFlow.js, with nothing of the session. */
function eagerGradients(
  { net }: ReturnType<typeof searchProgram>,
  { batch, alpha, noise }: Pass,
): (omega: Vec) => Gradients {
  return (omega) => {
    let gradients: Gradients | undefined;
    tf.tidy(() => {
      const { images, labels } = batch;
      const found = lossAndGradients(
        net,
        tf.tensor1d(Float32Array.from(omega)),
        tf.tensor1d(Float32Array.from(alpha)),
        tf.tensor4d(images.data, images.shape as [number, number, number, number]),
        tf.tensor1d(labels.data, 'int32'),
        { noiseSeed: tf.tensor1d(Int32Array.of(noise[0], noise[1]), 'int32') },
      );
      gradients = {
        loss: found.loss.dataSync()[0],
        weights: Float64Array.from(found.weights.dataSync()),
        alphas: Float64Array.from(found.alphas.dataSync()),
      };
    });
    return gradients!;
  };
}

/** DARTS' second order in plain numbers (Liu et al. 2019, Section 2.3). @param buffer  SGD's momentum buffer. */
function secondOrderByHand(
  train: (omega: Vec) => Gradients,
  val: (omega: Vec) => Gradients,
  omega: Vec,
  { lr, momentum, weightDecay, radius }: UnrolledStep,
  buffer: Vec,
) {
  const here = train(omega);
  const step = axpy(momentum, buffer, axpy(weightDecay, omega, here.weights));
  const ahead = val(axpy(-lr, step, omega));
  const vNorm = norm(ahead.weights);
  const r = radius / vNorm;
  const [plus, minus] = [r, -r].map((by) => train(axpy(by, ahead.weights, omega)).alphas);
  const implicit = scale(1 / (2 * r), axpy(-1, minus, plus));
  const gradient = axpy(-lr, implicit, ahead.alphas);
  return { gradient, direct: ahead.alphas, implicit, vNorm, valLoss: ahead.loss, trainLoss: here.loss };
}

/** One node and three primitives on each of its edges: a network that eager TensorFlow.js is quick with. */
const SMALL = uniformSpace('small', ['skip_connect', 'sep_conv_3x3', 'noise'], 1);

describe('search/session', function () {
  this.timeout(120_000);

  longIt('takes a search step of second order in at most five times one of first order', () => {
    const protocol = withBudget(fullSearch('s2', 'darts-2nd'), 'smoke');
    const made = searchProgram(protocol, 10, true);
    const session = new SearchSession(made);
    const { net } = made;
    session.writeWeights(net.init(key(1)), new Float32Array(net.layout.size));
    const alpha = scale(0.3, normal(key(3), net.alphas));
    const [train, val] = [4, 6].map((seed) => randomPass(protocol, alpha, seed));
    const sgd = { lr: 0.025, momentum: 0.9, weightDecay: 3e-4, clip: 5 };
    const second = { lr: 0.025, momentum: 0, weightDecay: 0, radius: 0.01 };
    const steps = {
      first: () => [session.firstOrder(val), session.train(train, sgd)],
      second: () => [session.secondOrder(train, val, second), session.train(train, sgd)],
    };
    // Processor time, which other processes change less than the clock; the two take turns.
    const times = { first: [] as number[], second: [] as number[] };
    for (let turn = 0; turn < 12; turn++) {
      for (const order of ['first', 'second'] as const) {
        const before = process.cpuUsage();
        steps[order]();
        const { user, system } = process.cpuUsage(before);
        // The first calls are optimized while they run.
        if (turn > 2) times[order].push(user + system);
      }
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];
    expect(median(times.second) / median(times.first)).to.be.within(1.5, 5);
  });

  for (const [what, share] of [
    ['a plain unrolled step', 0],
    ['momentum and decay', 0.9],
  ] as const) {
    it(`takes the second-order gradient as the reference does, with ${what}; no weight leaves it`, () => {
      const protocol = withBudget(fullSearch(SMALL, 'darts-2nd'), 'smoke');
      const made = searchProgram(protocol, 10, true);
      const session = new SearchSession(made);
      const { net } = made;
      const omega = net.init(key(1));
      const momentum = Float32Array.from(normal(key(2), omega.length), (z) => 0.01 * z);
      const alpha = scale(0.3, normal(key(3), net.alphas));
      const [train, val] = [4, 6].map((seed) => randomPass(protocol, alpha, seed));
      const settings = { lr: 0.025, momentum: share, weightDecay: share / 1e3, radius: 0.01 };
      session.writeWeights(omega, momentum);
      session.loss(val);
      const tensors = tf.memory().numTensors;
      const found = session.secondOrder(train, val, settings);
      expect(tf.memory().numTensors).to.equal(tensors);
      expect(session.readWeights()).to.deep.equal({ omega, momentum });

      const expected = secondOrderByHand(
        eagerGradients(made, train),
        eagerGradients(made, val),
        Float64Array.from(omega),
        settings,
        Float64Array.from(momentum),
      );
      expect(found.loss).to.be.closeTo(expected.valLoss, 1e-5);
      expect(found.trainLoss).to.be.closeTo(expected.trainLoss, 1e-5);
      expect(found.vNorm / expected.vNorm).to.be.closeTo(1, 1e-4);
      const off = (part: 'direct' | 'implicit' | 'gradient') =>
        norm(axpy(-1, expected[part], found[part])) / norm(expected[part]);
      expect(off('direct'), 'direct').to.be.below(1e-5);
      expect(off('implicit'), 'implicit').to.be.below(1e-4);
      expect(off('gradient'), 'gradient').to.be.below(1e-4);
      // The second term is no trifle: what is compared is not the first-order gradient.
      expect(norm(axpy(-1, found.direct, found.gradient)) / norm(found.direct)).to.be.above(0.01);
    });
  }
});
