import { expect } from 'chai';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { tf } from '../../lib/engine/index.js';
import type { BatchStatistics } from '../../lib/engine/index.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { mixingWeights } from '../../lib/spaces/mixing.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { SPACES, cellEdges, reductionCells, uniformSpace } from '../../lib/spaces/spaces.js';
import { MIXINGS, supernet } from '../../lib/supernet/supernet.js';
import type { Mixing } from '../../lib/supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../../lib/supernet/training.js';
import { LABELS, MIXED, SMALL, expectClose, floats, images, logitsOf, passOf } from './helpers.js';

describe('supernet/supernet', function () {
  this.timeout(60_000);

  describe('layout', () => {
    it('has 1,930,618 parameters for the DARTS space at 16 channels and 8 cells', () => {
      const shape = { cells: 8, channels: 16, classes: 10 };
      expect(supernet(SPACES.darts, shape).layout.size).to.equal(1_930_618);
      // The zero operation has none.
      expect(supernet(SPACES['darts-zero'], shape).layout.size).to.equal(1_930_618);
    });

    it('places every parameter after the one before it, under a name of its own', () => {
      for (const space of [SPACES.s1, SPACES.darts, MIXED]) {
        const { layout } = supernet(space, { cells: 6, channels: 4, classes: 10 });
        let end = 0;
        for (const { offset, size, shape } of layout.parameters) {
          expect(offset).to.equal(end);
          expect(size).to.equal(shape.reduce((product, side) => product * side, 1));
          end += size;
        }
        expect(end).to.equal(layout.size);
        const names = layout.parameters.map(({ name }) => name);
        expect(new Set(names).size).to.equal(names.length);
        expect(names[0]).to.equal('stem.0.weight');
        expect(names.at(-1)).to.equal('classifier.bias');
      }
    });

    it('reduces at a third and two thirds, and doubles the channels there', () => {
      expect(reductionCells(8)).to.deep.equal([2, 5]);
      expect(reductionCells(20)).to.deep.equal([6, 13]);
      expect(reductionCells(3)).to.deep.equal([1, 2]);
      const { layout } = supernet(SPACES.s2, { cells: 8, channels: 16, classes: 10 });
      const width = (cell: number) =>
        layout.parameters.find(({ name }) => name === `cells.${cell}.preprocess1.op.1.weight`)!.shape;
      expect([0, 1, 2, 3, 4, 5, 6, 7].map((cell) => width(cell)[3])).to.deep.equal([
        16, 16, 32, 32, 32, 64, 64, 64,
      ]);
      // The first two cells see the stem; every other its predecessor's four concatenated nodes.
      expect([0, 1, 2, 3, 6].map((cell) => width(cell)[2])).to.deep.equal([48, 64, 64, 128, 256]);
      // After a reduction the older input is reduced as well.
      const reduced = layout.parameters.filter(({ name }) => name.endsWith('preprocess0.conv_1.weight'));
      expect(reduced.map(({ name }) => name.split('.')[1])).to.deep.equal(['3', '6']);
    });

    it('for large images has three strided convolutions, and halves what the first cell reads first', () => {
      const shape = { cells: 8, channels: 16, classes: 1000, largeImages: true };
      const { layout } = supernet(SPACES.darts, shape);
      expect(layout.size).to.equal(2_215_648);
      expect(layout.parameters.map(({ name }) => name)).to.include.members([
        'stem0.3.weight',
        'stem1.1.weight',
        'cells.0.preprocess0.conv_2.weight',
      ]);
      const net = supernet(SPACES.s2, { ...SMALL, largeImages: true });
      const scores = logitsOf(net, new Float32Array(net.alphas), undefined, () => images(1, 64, 64));
      expect(scores).to.have.length(LABELS.length * SMALL.classes);
      expect(scores.every(Number.isFinite)).to.equal(true);
    });

    it('has strided skip connections on the two inputs of a reduction cell only', () => {
      const { layout } = supernet(SPACES.s2, SMALL);
      const halves = layout.parameters.filter(({ name }) => /_ops\.\d+\._ops\.0\.conv_1/.test(name));
      const inputs = cellEdges(4).flatMap(({ input }, e) => (input < 2 ? [`${e}`] : []));
      for (const cell of ['1', '2']) {
        const edges = halves
          .filter(({ name }) => name.startsWith(`cells.${cell}.`))
          .map(({ name }) => name.split('.')[3]);
        expect(edges).to.deep.equal(inputs);
      }
      expect(halves.some(({ name }) => name.startsWith('cells.0.'))).to.be.false;
    });

    it('refuses no cells, and channels that cannot be halved where they must be', () => {
      const make = (cells: number, channels: number) => () =>
        supernet(SPACES.s2, { cells, channels, classes: 10 });
      expect(make(0, 4)).to.throw(UsageError, /at least 1 cell, got 0\.$/);
      expect(make(1.5, 4)).to.throw(UsageError, /at least 1 cell, got 1\.5\.$/);
      expect(make(2, 3)).to.throw(UsageError, /channels must be a positive integer .*got 3\.$/);
      expect(make(3, 0)).to.throw(UsageError, /got 0\.$/);
    });
  });

  describe('fresh weights', () => {
    const net = supernet(SPACES.darts, { cells: 3, channels: 4, classes: 10 });

    it('are uniform within ±1/√fan-in, as PyTorch draws them; batch norm begins as the identity', () => {
      const weights = net.init(key(3));
      for (const { name, shape, init, offset, size } of net.layout.parameters) {
        const values = weights.subarray(offset, offset + size);
        if (init.kind !== 'uniform') {
          expect(new Set(values), name).to.deep.equal(new Set([init.kind === 'ones' ? 1 : 0]));
          continue;
        }
        // A depthwise kernel's outputs see one channel, a dense kernel's all, the classifier the last cell's.
        const [last] = net.layout.parameters.filter((parameter) => parameter.name === 'classifier.weight');
        const depthwise = shape.length === 4 && shape[3] === 1 && shape[0] > 1;
        const fanIn = shape.length === 4 ? shape[0] * shape[1] * (depthwise ? 1 : shape[2]) : last.shape[0];
        const bound = 1 / Math.sqrt(fanIn);
        const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        expect(largest, name).to.be.at.most(Math.fround(bound));
        if (size >= 30) expect(largest, name).to.be.above(0.8 * bound);
        if (size >= 300) {
          const variance = values.reduce((sum, value) => sum + value ** 2, 0) / size;
          expect(variance, name).to.be.closeTo(bound ** 2 / 3, (0.25 * bound ** 2) / 3);
        }
      }
    });

    it('are the seed’s, and differ between parameters of one shape', () => {
      expect(net.init(key(3))).to.deep.equal(net.init(key(3)));
      expect(net.init(key(4))).to.not.deep.equal(net.init(key(3)));
      const weights = net.init(key(3));
      const [first, second] = net.layout.parameters
        .filter(({ shape }) => shape.join() === '1,1,4,4')
        .map(({ offset, size }) => weights.slice(offset, offset + size));
      expect(first).to.not.deep.equal(second);
    });
  });

  describe('mixed operations', () => {
    it('do not see a constant added to all alphas of an edge', () => {
      for (const space of [SPACES.s2, MIXED]) {
        const net = supernet(space, SMALL);
        const alphas = floats(5, net.alphas);
        const before = logitsOf(net, alphas);
        let at = 0;
        const edges = [...space.edges.normal, ...space.edges.reduce];
        edges.forEach((primitives, e) => {
          for (let i = 0; i < primitives.length; i++) alphas[at++] += e % 3;
        });
        expectClose(logitsOf(net, alphas), before, 2e-5);
        // One alpha alone does change something.
        const moved = Float32Array.from(alphas);
        moved[space.edges.normal[0].length] += 1;
        const difference = logitsOf(net, moved).map((value, i) => Math.abs(value - before[i]));
        expect(Math.max(...difference)).to.be.above(1e-4);
      }
    });

    it('have alpha gradients that sum to zero on every edge and agree with finite differences', () => {
      const net = supernet(MIXED, SMALL);
      const alphas = floats(6, net.alphas);
      const { alphas: gradient } = passOf(net, alphas);
      let at = 0;
      for (const primitives of [...MIXED.edges.normal, ...MIXED.edges.reduce]) {
        const slopes = gradient.slice(at, at + primitives.length);
        expect(slopes.reduce((sum, slope) => sum + slope, 0)).to.be.closeTo(0, 1e-6);
        at += primitives.length;
      }
      const h = 0.001;
      const lossAt = (i: number, by: number) =>
        passOf(
          net,
          alphas.map((value, j) => (j === i ? value + by : value)),
        ).loss;
      // An alpha on an edge of one, two, three and four, the zero operation's among them, and two of the reduction cell.
      for (const i of [0, 1, 3, 5, 9, 11, 18, 19]) {
        const slope = (lossAt(i, h) - lossAt(i, -h)) / (2 * h);
        expect(gradient[i], `alpha ${i}`).to.be.closeTo(slope, 2e-4 + 0.01 * Math.abs(slope));
      }
      expect(Math.max(...gradient.map(Math.abs))).to.be.above(2e-3);
    });

    it('take nothing from the zero operation but its share of the weight', () => {
      const without = supernet(uniformSpace('without', ['skip_connect', 'sep_conv_3x3'], 2), SMALL);
      const withZero = supernet(uniformSpace('with', ['none', 'skip_connect', 'sep_conv_3x3'], 2), SMALL);
      expect(withZero.layout.size).to.equal(without.layout.size);
      const alphas = floats(8, without.alphas);
      const padded = (zero: number) =>
        Array.from({ length: withZero.alphas }, (_, i) =>
          i % 3 === 0 ? zero : alphas[2 * Math.floor(i / 3) + (i % 3) - 1],
        );
      expectClose(logitsOf(withZero, padded(-60)), logitsOf(without, alphas), 2e-6);
      const shared = logitsOf(withZero, padded(1)).map((value, i) =>
        Math.abs(value - logitsOf(without, alphas)[i]),
      );
      expect(Math.max(...shared)).to.be.above(1e-4);
      // All weight on it leaves a network whose cells give zeros: only the classifier's bias is left.
      const { offset, size } = without.layout.parameters.at(-1)!;
      const bias = Array.from(withZero.init(key(7)).subarray(offset, offset + size));
      expectClose(
        logitsOf(withZero, padded(200)),
        LABELS.flatMap(() => bias),
        1e-6,
      );
    });

    it('take weights as given, with their gradients', () => {
      const net = supernet(MIXED, SMALL);
      const alphas = floats(5, net.alphas);
      const given = mixingWeights(MIXED, Float64Array.from(alphas));
      const options = () => ({ mixing: 'given' }) as const;
      expectClose(logitsOf(net, given, options()), logitsOf(net, alphas), 2e-6);
      // ∂L/∂α_i = w_i·(∂L/∂w_i − Σ_j w_j·∂L/∂w_j) over the operations j of the edge.
      const [slopes, expected] = [passOf(net, given, options).alphas, passOf(net, alphas).alphas];
      let at = 0;
      for (const primitives of [...MIXED.edges.normal, ...MIXED.edges.reduce]) {
        const edge = primitives.map((_, i) => at + i);
        const mean = edge.reduce((total, i) => total + given[i] * slopes[i], 0);
        for (const i of edge) expect(given[i] * (slopes[i] - mean)).to.be.closeTo(expected[i], 2e-6);
        at += primitives.length;
      }
      // They need not sum to one: the gradient is that of free weights.
      const free = Array.from(given, (weight, i) => 0.5 * weight + 0.1 * (i % 3));
      const gradient = passOf(net, free, options).alphas;
      // A step short enough to cross few of the ReLUs' kinks; the loss's rounding over it is about 2e-4.
      const h = 0.0005;
      for (const i of [1, 2, 4, 5, 9, 12, 19]) {
        const lossAt = (by: number) =>
          passOf(
            net,
            free.map((value, j) => (j === i ? value + by : value)),
            options,
          ).loss;
        const slope = (lossAt(h) - lossAt(-h)) / (2 * h);
        expect(gradient[i], `weight ${i}`).to.be.closeTo(slope, 5e-4 + 0.01 * Math.abs(slope));
      }
    });

    /** What stands for all weight on an operation beside another's 0. */
    const ALL: Readonly<Record<Mixing, number>> = { softmax: 60, given: 1, single: 1 };
    for (const mixing of MIXINGS) {
      it(`go all to one operation that is told so: ${mixing}`, () => {
        const chosen: Primitive = 'dil_conv_3x3';
        const alone = supernet(uniformSpace('alone', [chosen], 2), SMALL);
        const among = supernet(uniformSpace('among', ['max_pool_3x3', chosen], 2), SMALL);
        // Names and shapes of the weights differ by the operation's number only.
        expect(among.layout.size).to.equal(alone.layout.size);
        const told = Array.from({ length: among.alphas }, (_, i) => (i % 2 === 1 ? ALL[mixing] : 0));
        expectClose(logitsOf(among, told, { mixing }), logitsOf(alone, new Float32Array(alone.alphas)), 2e-6);
      });
    }
  });

  describe('images', () => {
    it('may be of any height and width divisible by 4', () => {
      const net = supernet(MIXED, SMALL);
      expect(logitsOf(net, floats(5, net.alphas), undefined, () => images(2, 12, 8))).to.have.length(12);
    });

    it('are refused, in a sentence, where a strided skip connection meets an odd side', () => {
      const net = supernet(SPACES.s2, SMALL);
      expect(() => logitsOf(net, floats(5, net.alphas), undefined, () => images(2, 10, 8))).to.throw(
        ZartsError,
        /stride 2 needs an even height and width, got 5×4\.$/,
      );
    });
  });

  describe('noise', () => {
    const net = supernet(uniformSpace('noisy', ['noise', 'skip_connect'], 2), SMALL);
    const alphas = floats(5, net.alphas);
    const seeded = (...seed: [number, number]) =>
      tf.tidy(() => logitsOf(net, alphas, { noiseSeed: tf.tensor1d(seed, 'int32') }));

    it('is its seed’s', () => {
      expect(seeded(1, 2)).to.deep.equal(seeded(1, 2));
      expect(seeded(1, 2)).to.not.deep.equal(seeded(1, 3));
      expect(seeded(1, 2)).to.not.deep.equal(seeded(2, 2));
    });

    it('needs a seed', () => {
      expect(() => logitsOf(net, alphas)).to.throw(
        UsageError,
        /noise primitive at cells\.0\._ops\.0\._ops\.0 needs a noise seed\.$/,
      );
    });

    it('can be given, edge by edge, in the shape of the edge’s output', () => {
      const asked: string[] = [];
      const noise = (name: string, shape: readonly number[]): Tensor4D => {
        asked.push(`${name} ${shape.join('×')}`);
        return tf.zeros([...shape] as [number, number, number, number]);
      };
      logitsOf(net, alphas, { noise });
      const { length } = cellEdges(2);
      expect(asked).to.have.length(3 * length);
      expect(asked[0]).to.equal('cells.0._ops.0._ops.0 4×8×8×2');
      // The cells at 1 and 2 reduce: the edge from an input is strided, and so is what a node gets.
      expect(asked[length]).to.equal('cells.1._ops.0._ops.0 4×4×4×4');
      expect(asked.at(-1)).to.equal('cells.2._ops.4._ops.0 4×2×2×8');
    });
  });

  describe('batch norm', () => {
    const net = supernet(MIXED, SMALL);
    const alphas = floats(5, net.alphas);

    it('has the statistics of all its places collected, and inference with them gives the same scores', () => {
      tf.tidy(() => {
        const into = new Map<string, BatchStatistics>();
        const [weights, alpha, x] = [tf.tensor1d(net.init(key(7))), tf.tensor1d(alphas), images()];
        const batch = net.logits(weights, alpha, x, { normalization: { kind: 'collect', into } });
        const names = net.normalizations.map(({ name }) => name);
        expect([...into.keys()].sort()).to.deep.equal([...names].sort());
        for (const { name, channels } of net.normalizations)
          expect(into.get(name)!.mean.shape, name).to.deep.equal([channels]);
        // What normalizes a batch is the biased variance; what is collected the unbiased one.
        const pixels = (name: string) => {
          const cell = /^cells\.(\d)\.(\w+)/.exec(name);
          const halvings =
            cell === null ? 0 : Number(cell[1]) - (cell[2] === '_ops' ? 0 : Math.min(1, Number(cell[1])));
          return LABELS.length * (8 / 2 ** halvings) ** 2;
        };
        const statistics = (name: string): BatchStatistics => {
          const { mean, variance } = into.get(name)!;
          const count = pixels(name);
          return { mean, variance: tf.mul(variance, (count - 1) / count) };
        };
        const running = net.logits(weights, alpha, x, { normalization: { kind: 'running', statistics } });
        expectClose(Array.from(running.dataSync()), Array.from(batch.dataSync()), 1e-4);
      });
    });
  });

  it('leaves no tensors behind', () => {
    const net = supernet(MIXED, SMALL);
    const before = tf.memory().numTensors;
    passOf(net, floats(5, net.alphas));
    expect(tf.memory().numTensors).to.equal(before);
  });
});

describe('supernet/training', function () {
  this.timeout(60_000);
  const vector = (values: ArrayLike<number>): Tensor1D => tf.tensor1d(Array.from(values));

  it('counts the images that are classified correctly', () => {
    const net = supernet(MIXED, SMALL);
    const alphas = floats(5, net.alphas);
    const scores = logitsOf(net, alphas);
    const predicted = LABELS.map((_, i) => {
      const row = scores.slice(3 * i, 3 * i + 3);
      return row.indexOf(Math.max(...row));
    });
    expect(passOf(net, alphas).correct).to.equal(predicted.filter((label, i) => label === LABELS[i]).length);
  });

  it('gives weight gradients that agree with finite differences', () => {
    const net = supernet(MIXED, SMALL);
    const alphas = floats(5, net.alphas);
    const { weights: gradient } = passOf(net, alphas);
    const weights = net.init(key(7));
    const lossAt = (i: number, by: number): number =>
      tf.tidy(() => {
        const moved = weights.slice();
        moved[i] += by;
        const args = [
          tf.tensor1d(moved),
          tf.tensor1d(alphas),
          images(),
          tf.tensor1d(LABELS, 'int32'),
        ] as const;
        return lossAndGradients(net, ...args).loss.dataSync()[0];
      });
    // The largest entry of the first kernel, of some in the middle and of the classifier.
    const parameters = net.layout.parameters.filter(
      (_, i, all) => i === 0 || i % 11 === 5 || i === all.length - 2,
    );
    for (const { name, offset, size } of parameters) {
      const part = gradient.slice(offset, offset + size).map(Math.abs);
      const i = offset + part.indexOf(Math.max(...part));
      const h = 0.001;
      const slope = (lossAt(i, h) - lossAt(i, -h)) / (2 * h);
      expect(gradient[i], name).to.be.closeTo(slope, 3e-4 + 0.05 * Math.abs(slope));
    }
  });

  describe('sgdStep', () => {
    const step = (
      gradient: number[] | undefined,
      settings: { momentum?: number; weightDecay?: number; clip?: number | null },
    ) =>
      tf.tidy(() => {
        const { weights, momentum, gradientNorm } = sgdStep(
          vector([1, -2, 0.5]),
          vector([0.5, 0.25, -1]),
          gradient && vector(gradient),
          tf.scalar(0.1),
          { momentum: 0, weightDecay: 0, clip: null, ...settings },
        );
        const numbers = (tensor: Tensor) => Array.from(tensor.dataSync());
        return { weights: numbers(weights), momentum: numbers(momentum), norm: numbers(gradientNorm)[0] };
      });

    it('descends', () => {
      const { weights, momentum, norm } = step([3, 0, 4], {});
      expectClose(weights, [0.7, -2, 0.1], 1e-6);
      expectClose(momentum, [3, 0, 4], 1e-6);
      expect(norm).to.equal(5);
    });

    it('clips the norm first, then adds the decay, then the momentum', () => {
      const { weights, momentum, norm } = step([3, 0, 4], { clip: 1, weightDecay: 0.1, momentum: 0.9 });
      const scale = 1 / (5 + 1e-6);
      const expected = [3 * scale + 0.1 + 0.45, -0.2 + 0.225, 4 * scale + 0.05 - 0.9];
      expectClose(momentum, expected, 1e-6);
      expectClose(weights, [1 - 0.1 * expected[0], -2 - 0.1 * expected[1], 0.5 - 0.1 * expected[2]], 1e-6);
      // The norm is told as it was.
      expect(norm).to.equal(5);
    });

    it('leaves a gradient within the bound alone', () => {
      expectClose(step([0.3, 0, 0.4], { clip: 1 }).momentum, [0.3, 0, 0.4], 1e-7);
    });

    it('coasts without a gradient: momentum and decay alone', () => {
      const { weights, momentum, norm } = step(undefined, { momentum: 0.9, weightDecay: 0.1, clip: 5 });
      const expected = [0.45 + 0.1, 0.225 - 0.2, -0.9 + 0.05];
      expectClose(momentum, expected, 1e-6);
      expectClose(weights, [1 - 0.055, -2 - 0.0025, 0.5 + 0.085], 1e-6);
      expect(norm).to.equal(0);
    });
  });
});
