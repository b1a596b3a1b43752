import { expect } from 'chai';
import fc from 'fast-check';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { hessianSpectrum, hessianVectorProduct, lanczos, shiftError } from '../../lib/analysis/curvature.js';
import type { Gradient } from '../../lib/analysis/curvature.js';
import { compile, tf } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { key, normal } from '../../lib/math/random.js';
import { axpy, dot, norm, scale } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import { uniformSpace } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { lossAndGradientsAround } from '../../lib/supernet/training.js';
import { crossEntropy } from '../engine/reference.js';
import { LABELS, floats, images } from '../supernet/helpers.js';
import { referenceLogits } from '../supernet/reference-network.js';
import { magnitude } from '../support/numbers.js';

type Rows = readonly Vec[];

const times = (rows: Rows, v: Vec): Vec => Float64Array.from(rows, (row) => dot(row, v));
const close = (found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void => {
  expect(found.length).to.equal(expected.length);
  Array.from(expected).forEach((value, i) => expect(found[i], `[${i}]`).to.be.closeTo(value, tolerance));
};
/** Eigenvalues of a symmetric matrix, largest first, by a direct method. */
const eigenvalues = (rows: Rows): number[] =>
  new EigenvalueDecomposition(new Matrix(rows.map((row) => Array.from(row))), {
    assumeSymmetric: true,
  }).realEigenvalues.sort((a, b) => b - a);
/** A symmetric matrix with normal entries. */
const symmetric = (seed: number, dimension: number): Rows => {
  const entries = normal(key(seed), dimension * dimension);
  return Array.from({ length: dimension }, (_, i) =>
    Float64Array.from(
      { length: dimension },
      (_, j) => (entries[i * dimension + j] + entries[j * dimension + i]) / 2,
    ),
  );
};
/** Q·diag(values)·Qᵀ for a random reflection Q. */
const withSpectrum = (seed: number, values: readonly number[]): Rows => {
  const u = normal(key(seed), values.length);
  const reflect = (v: Vec): Vec => axpy((-2 * dot(u, v)) / dot(u, u), u, v);
  return values.map((_, i) => {
    const unit = new Float64Array(values.length);
    unit[i] = 1;
    return reflect(reflect(unit).map((value, j) => value * values[j]));
  });
};

/** That it fails with an error worded like that. */
const refused = async (what: Promise<unknown>, wording: RegExp): Promise<void> => {
  const error: unknown = await what.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ZartsError);
  expect((error as Error).message).to.match(wording);
};

describe('analysis/curvature', () => {
  describe('Hessian-vector products', () => {
    // L = Σ (i + 1)·x_i⁴/12 + x_0·x_1: its Hessian is known, its third derivative is not zero.
    const gradient = (x: Vec): Vec =>
      x.map((value, i) => ((i + 1) * value ** 3) / 3 + (i === 0 ? x[1] : i === 1 ? x[0] : 0));
    const product = (x: Vec, v: Vec): Vec =>
      v.map((value, i) => (i + 1) * x[i] ** 2 * value + (i === 0 ? v[1] : i === 1 ? v[0] : 0));

    it('are the Hessian’s, for a direction of any length', async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), magnitude(1e-6, 1e6), async (seed, length) => {
          const [x, u] = [normal(key(seed), 5), normal(key(seed + 1), 5)];
          const v = scale(length, u);
          // The error is step²/6 times the third derivative of the gradient along v, here (i + 1)·2·v_i³/‖v‖².
          close(await hessianVectorProduct(gradient, x, v), product(x, v), 1e-3 * norm(v));
          close(await hessianVectorProduct(gradient, x, v, 1e-4), product(x, v), 1e-7 * norm(v));
        }),
        { numRuns: 50 },
      );
    });

    it('step that far from the point, and not further', async () => {
      const asked: Vec[] = [];
      const x = normal(key(1), 5);
      await hessianVectorProduct(
        (at) => {
          asked.push(at);
          return gradient(at);
        },
        x,
        Float64Array.of(0, 30, 0, 0, -40),
        0.25,
      );
      expect(asked).to.have.length(2);
      for (const at of asked) expect(norm(axpy(-1, x, at))).to.be.closeTo(0.25, 1e-12);
    });

    it('of a zero vector are zero, without a gradient', async () => {
      const never: Gradient = () => expect.fail('asked for a gradient');
      expect([
        ...(await hessianVectorProduct(never, Float64Array.of(1, 2), new Float64Array(2))),
      ]).to.deep.equal([0, 0]);
    });

    it('lose little to float32 gradients at the default step, and much at a short one', async () => {
      const rounded: Gradient = (x) => gradient(x.map(Math.fround)).map(Math.fround);
      const [x, v] = [normal(key(4), 5), normal(key(5), 5)];
      const exact = product(x, v);
      const errorAt = async (step?: number) =>
        norm(axpy(-1, exact, await hessianVectorProduct(rounded, x, v, step))) / norm(exact);
      expect(await errorAt()).to.be.below(1e-3);
      expect(await errorAt(1e-6)).to.be.above(1e-2);
    });

    it('refuse what cannot be, in a sentence', async () => {
      const x = Float64Array.of(1, 2);
      const from = (f: Gradient) => hessianVectorProduct(f, x, x, 0.1);
      const short = from(() => Float64Array.of(1));
      await refused(short, /^A gradient has 1 entries; 2 were expected\.$/);
      await refused(
        from(() => Float64Array.of(1, NaN)),
        /^Entry 1 of a gradient is NaN; /,
      );
    });
  });

  describe('Lanczos’ method', () => {
    const all = { tolerance: 0, steps: 1000, wanted: 1000 };

    it('finds every eigenvalue of a symmetric matrix when it may go on', async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 24 }), async (seed, dimension) => {
          const rows = symmetric(seed, dimension);
          const { values, products, converged } = await lanczos((v) => times(rows, v), dimension, {
            key: key(seed + 1),
            ...all,
          });
          close(
            values.map(({ value }) => value),
            eigenvalues(rows),
            1e-6,
          );
          expect(products).to.equal(dimension);
          expect(converged).to.be.true;
        }),
        { numRuns: 40 },
      );
    });

    it('finds the largest, sign included, to the tolerance long before', async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), fc.integer({ min: 60, max: 100 }), async (seed, dimension) => {
          const rows = symmetric(seed, dimension);
          const few = await lanczos((v) => times(rows, v), dimension, { key: key(seed + 1), steps: 12 });
          const { values, products, converged } = await lanczos((v) => times(rows, v), dimension, {
            key: key(seed + 1),
            tolerance: 1e-6,
            steps: dimension,
            wanted: 2,
          });
          expect(converged).to.be.true;
          expect(products).to.be.below(dimension);
          const exact = eigenvalues(rows);
          // Every bound holds: an eigenvalue is that near, whether the value has converged or not.
          for (const { value, bound } of [...few.values, ...values]) {
            const nearest = Math.min(...exact.map((each) => Math.abs(each - value)));
            expect(nearest).to.be.at.most(bound + 1e-9);
          }
          values.slice(0, 2).forEach(({ value, bound }, i) => {
            expect(bound).to.be.at.most(1e-6 * Math.abs(value));
            expect(value).to.be.closeTo(exact[i], 1e-6 * Math.abs(exact[i]));
          });
        }),
        { numRuns: 20 },
      );
    });

    it('takes the largest value where another is larger in magnitude', async () => {
      const values = [2, ...Array.from({ length: 30 }, (_, i) => 1 - i / 15), -50];
      const rows = withSpectrum(3, values);
      const found = await lanczos((v) => times(rows, v), values.length, { key: key(1) });
      expect(found.converged).to.be.true;
      expect(found.values[0].value).to.be.closeTo(2, 1e-3);
      expect(found.values.at(-1)!.value).to.be.closeTo(-50, 1e-6);
      expect(found.products).to.be.below(values.length);
    });

    it('moves with the matrix: c·A + s·I has the values c·λ + s', async () => {
      const rows = symmetric(8, 30);
      const options = { key: key(2), tolerance: 1e-8 };
      const base = await lanczos((v) => times(rows, v), 30, options);
      const moved = await lanczos((v) => axpy(5, v, scale(3, times(rows, v))), 30, options);
      expect(moved.values[0].value).to.be.closeTo(3 * base.values[0].value + 5, 1e-6);
    });

    it('ends where the vectors span an invariant subspace, with each distinct value once', async () => {
      const rows = withSpectrum(5, [4, 4, 4, 1, 1, -2, -2, -2, -2]);
      const found = await lanczos((v) => times(rows, v), 9, { key: key(1), ...all });
      close(
        found.values.map(({ value }) => value),
        [4, 1, -2],
        1e-9,
      );
      expect(found.products).to.equal(3);
      expect(found.values.every(({ bound }) => bound === 0)).to.be.true;
      expect(found.converged).to.be.true;

      for (const factor of [0, -3]) {
        const same = await lanczos((v) => scale(factor, v), 9, { key: key(1), ...all });
        expect(same.products).to.equal(1);
        expect(same.values).to.have.length(1);
        expect(same.values[0].value).to.be.closeTo(factor, 1e-12);
      }
      expect((await lanczos((v) => scale(7, v), 1, { key: key(1) })).values[0].value).to.equal(7);
    });

    it('keeps its vectors orthogonal where rounding would not: no value appears twice', async () => {
      // Without re-orthogonalization the outlying value returns as a ghost after some twenty steps.
      const values = [1e6, ...Array.from({ length: 99 }, (_, i) => i / 99)];
      const rows = withSpectrum(7, values);
      const found = await lanczos((v) => times(rows, v), 100, { key: key(3), ...all, steps: 60 });
      expect(found.values.filter(({ value }) => value > 10)).to.have.length(1);
      expect(found.products).to.equal(60);
    });

    it('is its key’s, stops after its steps and says so', async () => {
      const rows = symmetric(1, 50);
      const run = (seed: number, steps: number) =>
        lanczos((v) => times(rows, v), 50, { key: key(seed), steps, tolerance: 1e-12 });
      const found = await run(1, 5);
      expect(await run(1, 5)).to.deep.equal(found);
      expect((await run(2, 5)).values[0].value).to.not.equal(found.values[0].value);
      expect(found).to.deep.include({ products: 5, converged: false });
      expect(found.values).to.have.length(5);
    });

    it('refuses what cannot be, in a sentence', async () => {
      const short = lanczos(() => Float64Array.of(1), 3, { key: key(1) });
      await refused(short, /product has 1 entries/);
      const infinite = lanczos((v) => scale(NaN, v), 3, { key: key(1) });
      await refused(infinite, /of a product is NaN/);
    });
  });

  describe('the Hessian of a supernet over its alphas', function () {
    this.timeout(60_000);
    const shape = { cells: 3, channels: 2, classes: 3 };
    const net = supernet(uniformSpace('tiny', ['skip_connect', 'sep_conv_3x3', 'max_pool_3x3'], 1), shape);
    const d = net.alphas;
    const weights = net.init(key(7));
    const alpha = Float64Array.from(floats(5, d), (value) => 0.5 * value);
    let x: Float32Array;
    let gradient: Gradient;
    let dispose: () => void;

    before(() => {
      [x] = tf.tidy(() => [images().dataSync() as Float32Array]);
      const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
      const program = compile(
        { omega: { shape: [weights.length], data: weights }, images: { shape: [4, 8, 8, 3], data: x } },
        {
          pass: {
            inputs: { alphas: float(d), around: float(d) },
            run: (state, inputs) => {
              const { alphas } = lossAndGradientsAround(
                net,
                state.omega as Tensor1D,
                inputs.alphas as Tensor1D,
                inputs.around as Tensor1D,
                state.images as Tensor4D,
                tf.tensor1d(LABELS, 'int32'),
              );
              return { outputs: { alphas } };
            },
          },
        },
      );
      const vector = (values: Vec) => ({ shape: [d], data: Float32Array.from(values) });
      gradient = (at) =>
        Float64Array.from(program.call('pass', { alphas: vector(at), around: vector(alpha) }).alphas.data);
      dispose = () => {
        program.dispose();
      };
    });
    after(() => {
      dispose();
    });

    const unit = (i: number): Vec => Float64Array.from({ length: d }, (_, j) => Number(i === j));
    const explicit = async (): Promise<Rows> => {
      const columns: Vec[] = [];
      for (let i = 0; i < d; i++) columns.push(await hessianVectorProduct(gradient, alpha, unit(i)));
      return columns.map((column, i) => column.map((value, j) => (value + columns[j][i]) / 2));
    };

    it('is what second differences of the loss in double precision give, entry by entry', async () => {
      const values = { shape: [LABELS.length, 8, 8, 3], data: Float64Array.from(x) };
      const labels = Int32Array.from(LABELS);
      const loss = (at: Vec) => crossEntropy(referenceLogits(net, weights, at, values), labels).data[0];
      // Short enough that no ReLU switches on the way.
      const h = 1e-5;
      const rows = await explicit();
      const largest = Math.max(...rows.flatMap((row) => [...row].map(Math.abs)));
      for (let i = 0; i < d; i++) {
        for (const j of [i, (5 * i + 2) % d]) {
          const at = (a: number, b: number) => loss(axpy(b, unit(j), axpy(a, unit(i), alpha)));
          const second = (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4 * h * h);
          expect(rows[i][j], `[${i}][${j}]`).to.be.closeTo(second, 2e-3 * largest);
        }
      }
    });

    it('takes shifts of all alphas to what its products are off by, and that is as small as they are', async () => {
      const rows = await explicit();
      const error = await shiftError(gradient, alpha);
      const largest = eigenvalues(rows)[0];
      expect(error / largest).to.be.within(1e-8, 0.01);
      // Gradients with noise of a hundredth of their size are off by as much, over the distance of the difference.
      let calls = 0;
      const noisy: Gradient = async (at) => {
        const found = await gradient(at);
        return axpy((0.01 * norm(found)) / Math.sqrt(d), normal(key(calls++), d), found);
      };
      const size = norm(await gradient(alpha));
      expect((await shiftError(noisy, alpha)) / size).to.be.within(0.3, 1.5);
    });

    it('has the eigenvalues that Lanczos’ method finds', async () => {
      const exact = eigenvalues(await explicit());
      expect(exact[0]).to.be.above(0.01);
      const found = await hessianSpectrum(gradient, alpha, { key: key(1), wanted: 3 });
      expect(found.converged).to.be.true;
      for (let i = 0; i < 3; i++) {
        expect(found.values[i].value, `value ${i}`).to.be.closeTo(exact[i], 0.01 * exact[i]);
      }
      for (const seed of [2, 3, 4]) {
        const [{ value, bound }] = (await hessianSpectrum(gradient, alpha, { key: key(seed) })).values;
        expect(value).to.be.closeTo(exact[0], 0.01 * exact[0]);
        expect(bound).to.be.at.most(0.005 * exact[0]);
      }
    });

    it('does not depend on the step, within a factor of ten either way', async () => {
      const at = async (step: number) =>
        (await hessianSpectrum(gradient, alpha, { key: key(1), step })).values[0].value;
      const usual = await at(0.01);
      for (const step of [0.001, 0.003, 0.03]) expect(await at(step)).to.be.closeTo(usual, 0.01 * usual);
    });
  });
});
