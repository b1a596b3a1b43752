import { expect } from 'chai';
import fc from 'fast-check';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D, TypedArray } from '@tensorflow/tfjs-node';
import * as engine from '../../lib/engine/index.js';
import * as reference from './reference.js';
import type { Values } from './reference.js';
import { check, close, host, random } from './subject.js';
import type { Subject } from './subject.js';

const { compile, tf } = engine;

const sizes = {
  batch: fc.integer({ min: 1, max: 2 }),
  height: fc.integer({ min: 1, max: 8 }),
  width: fc.integer({ min: 1, max: 8 }),
  channels: fc.integer({ min: 1, max: 3 }),
};
type Sizes = Record<keyof typeof sizes, number>;
const image = ({ batch, height, width, channels }: Sizes): number[] => [batch, height, width, channels];

/** `subject` at random sizes, odd and even. */
function atAnySize(subject: (drawn: Sizes) => Subject, numRuns = 8): void {
  fc.assert(
    fc.property(fc.record(sizes), fc.nat(), (drawn, seed) => {
      check(subject(drawn), seed);
    }),
    { numRuns, seed: 20 },
  );
}

describe('engine/kernels', function () {
  this.timeout(60_000);

  it('relu', () => {
    atAnySize((drawn) => ({
      inputs: [image(drawn)],
      kernel: (x) => engine.relu(x as Tensor4D),
      definition: ({ shape, data }) => ({ shape, data: data.map((value) => Math.max(value, 0)) }),
    }));
  });

  for (const [height, width] of [
    [3, 3],
    [1, 7],
    [7, 1],
  ] as const) {
    for (const [down, across] of [
      [1, 1],
      [2, 2],
      [1, 2],
      [2, 1],
    ] as const) {
      it(`conv2d ${height}×${width}, stride ${down}×${across}`, () => {
        const padding = [(height - 1) / 2, (width - 1) / 2] as const;
        atAnySize(
          (drawn) => ({
            inputs: [image(drawn), [height, width, drawn.channels, 2]],
            kernel: (x, w) => engine.conv2d(x as Tensor4D, w as Tensor4D, [down, across], padding),
            definition: (x, w) => reference.convolve(x, w, { stride: [down, across], padding }),
          }),
          4,
        );
      });
    }
  }

  it('pointwise', () => {
    atAnySize((drawn) => ({
      inputs: [image(drawn), [1, 1, drawn.channels, 3]],
      kernel: (x, w) => engine.pointwise(x as Tensor4D, w as Tensor4D),
      definition: (x, w) => reference.convolve(x, w, { stride: [1, 1], padding: [0, 0] }),
    }));
  });

  for (const kernel of [3, 5, 7] as const) {
    for (const stride of [1, 2] as const) {
      for (const dilation of [1, 2] as const) {
        it(`depthwise ${kernel}×${kernel}, stride ${stride}, dilation ${dilation}`, () => {
          const padding = (dilation * (kernel - 1)) / 2;
          atAnySize(
            (drawn) => ({
              inputs: [image(drawn), [kernel, kernel, drawn.channels, 1]],
              kernel: (x, w) => engine.depthwise(x as Tensor4D, w as Tensor4D, stride, padding, dilation),
              definition: (x, w) =>
                reference.convolve(x, w, {
                  stride: [stride, stride],
                  padding: [padding, padding],
                  dilation,
                  depthwise: true,
                }),
            }),
            8,
          );
        });
      }
    }
  }

  it('depthwise refuses a padding that its stride and dilation cannot have', () => {
    tf.tidy(() => {
      const [x, w]: Tensor4D[] = [tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1])];
      expect(() => engine.depthwise(x, w, 2, 1, 2)).to.throw(RangeError, /even padding, got 1/);
    });
  });

  for (const kind of ['max', 'avg'] as const) {
    for (const stride of [1, 2] as const) {
      it(`${kind} pooling, stride ${stride}`, () => {
        const poolOf = kind === 'max' ? engine.maxPool3x3 : engine.avgPool3x3;
        atAnySize((drawn) => ({
          inputs: [image(drawn)],
          kernel: (x) => poolOf(x as Tensor4D, stride),
          definition: (x) => reference.pool(x, kind, stride),
        }));
      });
    }
  }

  it('relu and max pooling switched as at another image', () => {
    for (const stride of [1, 2] as const) {
      atAnySize((drawn) => {
        const [at] = random(9, [image(drawn)]);
        const fixed = () =>
          tf.tensor4d(Float32Array.from(at.data), image(drawn) as [number, number, number, number]);
        return {
          inputs: [image(drawn)],
          kernel: (x) => engine.maxPool3x3As(engine.reluAs(x as Tensor4D, fixed()), fixed(), stride),
          definition: (x) => reference.pick(switched(x, at), at, { size: 3, stride, padding: 1 }),
        };
      }, 6);
    }
    atAnySize((drawn) => {
      const shape = image({ ...drawn, height: drawn.height + 1, width: drawn.width + 1 });
      const [at] = random(9, [shape]);
      const fixed = () => tf.tensor4d(Float32Array.from(at.data), shape as [number, number, number, number]);
      return {
        inputs: [shape],
        kernel: (x) => engine.maxPool2x2As(x as Tensor4D, fixed()),
        definition: (x) => reference.pick(x, at, { size: 2, stride: 2, padding: 0 }),
      };
    }, 6);
  });

  it('max pooling of negative images does not see the padding', () => {
    const x = tf.tidy(() => tf.sub<Tensor4D>(tf.zeros([1, 4, 4, 1]), 5));
    for (const stride of [1, 2] as const) {
      const lowest = tf.tidy(() => engine.maxPool3x3(x, stride).max().dataSync()[0]);
      expect(lowest).to.equal(-5);
    }
    x.dispose();
  });

  for (const offset of [0, 1] as const) {
    it(`every second pixel from ${offset} on`, () => {
      atAnySize((drawn) => ({
        inputs: [image({ ...drawn, height: drawn.height + 1, width: drawn.width + 1 })],
        kernel: (x) => engine.everySecondPixel(x as Tensor4D, offset),
        definition: (x) => {
          const [, height, width, channels] = x.shape;
          // A 1×1 convolution of stride 2 that copies each channel, on the image without its first row and column.
          const identity = Float64Array.from({ length: channels ** 2 }, (_, i) =>
            i % (channels + 1) === 0 ? 1 : 0,
          );
          const copy = { shape: [1, 1, channels, channels], data: identity };
          const cut = offset === 0 ? x : withoutFirst(x, height, width);
          return reference.convolve(cut, copy, { stride: [2, 2], padding: [0, 0] });
        },
      }));
    });
  }

  it('interleaving and its inverse', () => {
    tf.tidy(() => {
      const x: Tensor4D = tf.randomNormal([2, 6, 4, 3]);
      const apart = engine.interleave(x);
      expect(apart.shape).to.deep.equal([8, 3, 2, 3]);
      expect(Array.from(engine.deinterleave(apart).dataSync())).to.deep.equal(Array.from(x.dataSync()));
      // Image 3 of the four quarters holds the pixels with odd row and odd column.
      const quarter = Array.from(tf.slice(apart, [6, 0, 0, 0], [2, 3, 2, 3]).dataSync());
      expect(quarter).to.deep.equal(Array.from(engine.everySecondPixel(x, 1).dataSync()));
    });
  });

  it('2×2 max pooling without padding', () => {
    atAnySize((drawn) => ({
      inputs: [image({ ...drawn, height: drawn.height + 1, width: drawn.width + 1 })],
      kernel: (x) => engine.maxPool2x2(x as Tensor4D),
      definition: (x) => reference.halve(x),
    }));
  });

  it('channels shuffled in groups', () => {
    for (const groups of [1, 2, 3]) {
      atAnySize(
        (drawn) => ({
          inputs: [image({ ...drawn, channels: groups * drawn.channels })],
          kernel: (x) => engine.shuffleChannels(x as Tensor4D, groups),
          definition: (x) => reference.shuffle(x, groups),
        }),
        3,
      );
    }
    // Two groups of three, as PyTorch deals them out.
    const dealt = tf.tidy(() =>
      Array.from(engine.shuffleChannels(tf.tensor4d([0, 1, 2, 3, 4, 5], [1, 1, 1, 6]), 2).dataSync()),
    );
    expect(dealt).to.deep.equal([0, 3, 1, 4, 2, 5]);
  });

  it('drop path: whole samples, what is kept divided by the probability of being kept', () => {
    atAnySize((drawn) => {
      const kept = Array.from({ length: drawn.batch }, (_, n) => (n + drawn.width) % 2);
      const size = drawn.height * drawn.width * drawn.channels;
      return {
        inputs: [image(drawn)],
        kernel: (x) =>
          engine.dropPath(x as Tensor4D, engine.dropPathFactors(tf.tensor1d(kept), tf.scalar(0.25))),
        definition: ({ shape, data }) => ({
          shape,
          data: data.map((value, i) => (kept[Math.floor(i / size)] * value) / 0.75),
        }),
      };
    });
  });

  it('a product with a scalar', () => {
    atAnySize((drawn) => ({
      inputs: [image(drawn), []],
      kernel: (x, factor) => engine.scaleBy(x as Tensor4D, factor),
      definition: (x, factor) => ({ shape: x.shape, data: x.data.map((value) => value * factor.data[0]) }),
    }));
  });

  it('the mean over height and width', () => {
    atAnySize((drawn) => ({
      inputs: [image(drawn)],
      kernel: (x) => engine.globalAverage(x as Tensor4D),
      definition: ({ shape: [batch, height, width, channels], data }) => {
        const mean = new Float64Array(batch * channels);
        const count = height * width;
        data.forEach(
          (value, i) =>
            (mean[Math.floor(i / (count * channels)) * channels + (i % channels)] += value / count),
        );
        return { shape: [batch, channels], data: mean };
      },
    }));
  });

  it('batch norm with the batch’s own statistics', () => {
    atAnySize((drawn) => ({
      inputs: [image({ ...drawn, height: drawn.height + 2 }), [drawn.channels], [drawn.channels]],
      kernel: (x, scale, offset) => engine.batchNorm(x as Tensor4D, scale as Tensor1D, offset as Tensor1D).y,
      definition: reference.batchNorm,
    }));
  });

  it('batch norm summed exactly', () => {
    const one = (channels: number) => ({ shape: [channels], data: new Float64Array(channels).fill(1) });
    const none = (channels: number) => ({ shape: [channels], data: new Float64Array(channels) });
    atAnySize((drawn) => ({
      inputs: [image({ ...drawn, height: drawn.height + 2 })],
      kernel: (x) => engine.batchNormExactly(x as Tensor4D).y,
      definition: (x) => reference.batchNorm(x, one(drawn.channels), none(drawn.channels)),
    }));
  });

  it('batch norm summed exactly, with scale and offset', () => {
    atAnySize((drawn) => ({
      inputs: [image({ ...drawn, height: drawn.height + 2 }), [drawn.channels], [drawn.channels]],
      kernel: (x, scale, offset) =>
        engine.normalizeExactly(x as Tensor4D, scale as Tensor1D, offset as Tensor1D).y,
      definition: reference.batchNorm,
    }));
  });

  it('scale and shift', () => {
    atAnySize((drawn) => ({
      inputs: [image(drawn), [drawn.channels], [drawn.channels]],
      kernel: (x, scale, offset) =>
        engine.scaleAndShift(x as Tensor4D, scale as Tensor1D, offset as Tensor1D),
      definition: (x, scale, offset) => ({
        shape: x.shape,
        data: x.data.map(
          (value, i) => scale.data[i % drawn.channels] * value + offset.data[i % drawn.channels],
        ),
      }),
    }));
  });

  it('batch norm’s statistics: the mean and the unbiased variance', () => {
    const [x] = random(3, [[2, 3, 5, 2]]);
    const { mean, unbiased } = reference.statistics(x);
    const kernels = {
      fused: (x: Tensor4D) => engine.batchNorm(x, tf.ones([2]), tf.zeros([2])),
      exact: engine.batchNormExactly,
      'exact with scale and offset': (x: Tensor4D) =>
        engine.normalizeExactly(x, tf.tensor1d([2, 3]), tf.tensor1d([4, 5])),
    };
    for (const [name, kernel] of Object.entries(kernels)) {
      const pass = {
        inputs: { x: { shape: x.shape, dtype: 'float32' as const } },
        run: (_: unknown, given: Readonly<Record<string, Tensor>>) => ({
          outputs: { ...kernel(given.x as Tensor4D).statistics },
        }),
      };
      for (const compiled of [false, true]) {
        const program = compile({}, { pass }, { compile: compiled });
        const found = program.call('pass', { x: host(x) });
        close(found.mean, { shape: [2], data: mean }, `${name} mean`, 30);
        close(found.variance, { shape: [2], data: unbiased }, `${name} variance`, 30);
        program.dispose();
      }
    }
  });

  it('batch norm with running statistics', () => {
    const statistics = { mean: [0.5, -1], variance: [4, 0.25] };
    atAnySize((drawn) => ({
      inputs: [image({ ...drawn, channels: 2 }), [2], [2]],
      kernel: (x, scale, offset) =>
        engine.batchNormInference(
          x as Tensor4D,
          scale as Tensor1D,
          offset as Tensor1D,
          tf.tensor1d(statistics.mean),
          tf.tensor1d(statistics.variance),
        ),
      definition: (x, scale, offset) => ({
        shape: x.shape,
        data: x.data.map((value, i) => {
          const c = i % 2;
          const normalized = (value - statistics.mean[c]) / Math.sqrt(statistics.variance[c] + 1e-5);
          return scale.data[c] * normalized + offset.data[c];
        }),
      }),
    }));
  });

  it('cross-entropy', () => {
    const labels = Int32Array.of(2, 0, 1, 2, 2);
    const subject = (spread: number): Subject => ({
      inputs: [[5, 3]],
      kernel: (logits) => engine.crossEntropy(tf.mul<Tensor2D>(logits, spread), tf.tensor1d(labels, 'int32')),
      definition: ({ shape, data }) =>
        reference.crossEntropy({ shape, data: data.map((value) => value * spread) }, labels),
    });
    check(subject(1), 5);
    // Far beyond where an exponential overflows in float32.
    check(subject(1000), 6);
  });

  it('softmax, split and concatenation of vectors', () => {
    check(
      {
        inputs: [[7], [2]],
        kernel: (x, y) => {
          const [head, tail]: Tensor1D[] = tf.split(x, [3, 4]);
          return tf.concat<Tensor1D>([tf.softmax(tail), y as Tensor1D, tf.softmax(head)]);
        },
        definition: (x, y) => {
          const softmax = (values: Float64Array) => {
            const powers = values.map(Math.exp);
            return powers.map((power) => power / powers.reduce((sum, each) => sum + each, 0));
          };
          const parts = [softmax(x.data.subarray(3)), y.data, softmax(x.data.subarray(0, 3))];
          return { shape: [9], data: Float64Array.from(parts.flatMap((part) => Array.from(part))) };
        },
      },
      7,
    );
  });

  describe('normal draws of a seed', () => {
    const draw = {
      inputs: { seed: { shape: [2], dtype: 'int32' as const } },
      run: (_: unknown, { seed }: Readonly<Record<string, Tensor>>) => ({
        outputs: { y: engine.statelessNormal([40, 50], seed as Tensor1D) },
      }),
    };
    const drawn = (seed: readonly [number, number], compiled: boolean): Float32Array => {
      const program = compile({}, { draw }, { compile: compiled });
      const { y } = program.call('draw', { seed: { shape: [2], data: Int32Array.from(seed) } });
      program.dispose();
      return y.data as Float32Array;
    };

    it('are the same for the same seed, eagerly and compiled', () => {
      const eager = drawn([3, -7], false);
      expect(drawn([3, -7], false)).to.deep.equal(eager);
      expect(drawn([3, -7], true)).to.deep.equal(eager);
      expect(drawn([3, -8], true)).to.not.deep.equal(eager);
      expect(drawn([4, -7], true)).to.not.deep.equal(eager);
    });

    it('have mean 0 and variance 1', () => {
      const values = drawn([1, 2], true);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      // Four standard errors of 2,000 draws.
      expect(mean).to.be.within(-0.09, 0.09);
      expect(variance).to.be.within(0.87, 1.13);
    });
  });

  describe('normal draws that are kept', () => {
    const seedOf = (...seed: [number, number]) => tf.tensor1d(seed, 'int32');
    const both = (shape: number[], ...seed: [number, number]): [fresh: TypedArray, kept: TypedArray] => {
      const draws = [engine.statelessNormal, engine.keptNormal].map((draw) =>
        tf.tidy(() => draw(shape, seedOf(...seed)).dataSync()),
      );
      return draws as [TypedArray, TypedArray];
    };

    it('are those of TensorFlow to the bit, the first time and again, for any seed and size', () => {
      const seeds = fc.tuple(fc.integer(), fc.integer());
      const shape = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(shape, seeds, (sides, seed) => {
          for (const time of ['first', 'again']) {
            const [fresh, kept] = both(sides, ...seed);
            expect(kept, time).to.deep.equal(fresh);
          }
        }),
      );
      const [fresh, kept] = both([64, 32, 32, 16], 12, -34);
      expect(
        Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength).equals(
          Buffer.from(fresh.buffer, fresh.byteOffset, fresh.byteLength),
        ),
      ).to.equal(true);
    });

    it('are told apart by seed and by shape', () => {
      const drawn = (shape: number[], ...seed: [number, number]) => both(shape, ...seed)[1];
      expect(drawn([4, 4], 1, 2)).to.not.deep.equal(drawn([4, 4], 2, 1));
      expect(drawn([4, 4], 1, 2)).to.have.length(16);
      expect(drawn([2, 16], 1, 2)).to.have.length(32);
    });

    it('stay what they are when what reads them could write into them, and when others take their place', () => {
      const program = compile(
        {},
        {
          doubled: {
            inputs: { seed: { shape: [2], dtype: 'int32' as const } },
            run: (_: unknown, { seed }: Readonly<Record<string, Tensor>>) => {
              const draws = engine.keptNormal([500], seed as Tensor1D);
              return { outputs: { y: tf.relu(tf.add(tf.neg(draws), 0)), z: tf.mul(draws, 2) } };
            },
          },
        },
      );
      const [fresh] = both([500], 5, 6);
      const twice = Float32Array.from(fresh, (value) => 2 * value);
      const call = () => program.call('doubled', { seed: { shape: [2], data: Int32Array.of(5, 6) } }).z.data;
      expect(call()).to.deep.equal(twice);
      expect(call()).to.deep.equal(twice);
      // More than is kept, 4 MB each.
      for (let i = 0; i < 40; i++) tf.tidy(() => engine.keptNormal([1024, 1024], seedOf(i, 7)));
      expect(call()).to.deep.equal(twice);
      program.dispose();
    });
  });

  describe('Bernoulli draws of a seed', () => {
    const draw = {
      inputs: {
        seed: { shape: [2], dtype: 'int32' as const },
        probability: { shape: [], dtype: 'float32' as const },
      },
      run: (_: unknown, { seed, probability }: Readonly<Record<string, Tensor>>) => ({
        outputs: { y: engine.statelessBernoulli([40, 50], seed as Tensor1D, probability) },
      }),
    };
    const drawn = (seed: readonly [number, number], probability: number, compiled = true): number[] => {
      const program = compile({}, { draw }, { compile: compiled });
      const { y } = program.call('draw', {
        seed: { shape: [2], data: Int32Array.from(seed) },
        probability: { shape: [], data: Float32Array.of(probability) },
      });
      program.dispose();
      return Array.from(y.data);
    };

    it('are the same for the same seed, eagerly and compiled', () => {
      const eager = drawn([3, -7], 0.5, false);
      expect(drawn([3, -7], 0.5)).to.deep.equal(eager);
      expect(drawn([3, -8], 0.5)).to.not.deep.equal(eager);
      expect(drawn([4, -7], 0.5)).to.not.deep.equal(eager);
    });

    it('are ones as often as the probability says', () => {
      for (const probability of [0, 0.1, 0.75, 1]) {
        const values = drawn([1, 2], probability);
        const ones = values.filter((value) => value === 1).length;
        expect(values.filter((value) => value === 0)).to.have.length(values.length - ones);
        // Four standard errors of 2,000 draws.
        const error = 4 * Math.sqrt((probability * (1 - probability)) / values.length);
        expect(ones / values.length).to.be.within(probability - error, probability + error);
      }
    });
  });

  it('leave no tensors behind', () => {
    const before = tf.memory().numTensors;
    atAnySize(
      (drawn) => ({
        inputs: [image(drawn), [5, 5, drawn.channels, 1]],
        kernel: (x, w) => engine.depthwise(x as Tensor4D, w as Tensor4D, 1, 4, 2),
        definition: (x, w) =>
          reference.convolve(x, w, { stride: [1, 1], padding: [4, 4], dilation: 2, depthwise: true }),
      }),
      2,
    );
    expect(tf.memory().numTensors).to.equal(before);
  });
});

/** The values where `at` is positive, and zeros. */
function switched({ shape, data }: Values, at: Values): Values {
  return { shape, data: data.map((value, i) => (at.data[i] > 0 ? value : 0)) };
}

function withoutFirst({ shape: [batch, , , channels], data }: Values, height: number, width: number): Values {
  const kept: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const at = Math.floor(i / channels);
    if (at % width > 0 && Math.floor(at / width) % height > 0) kept.push(data[i]);
  }
  return { shape: [batch, height - 1, width - 1, channels], data: Float64Array.from(kept) };
}
