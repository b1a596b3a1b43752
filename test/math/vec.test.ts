import { expect } from 'chai';
import fc from 'fast-check';
import {
  axpy,
  dot,
  logAddExp,
  logSumExp,
  norm,
  scale,
  softmax,
  squaredDistance,
} from '../../lib/math/vec.js';
import { number } from '../support/numbers.js';

const vector = (min = 1): fc.Arbitrary<Float64Array> =>
  fc.array(number(-700, 700), { minLength: min, maxLength: 12 }).map((values) => Float64Array.from(values));

describe('math/vec', () => {
  it('adds, scales, multiplies', () => {
    const [x, y] = [Float64Array.of(1, -2, 3), Float64Array.of(4, 0.5, -1)];
    expect(Array.from(axpy(2, x, y))).to.deep.equal([6, -3.5, 5]);
    expect(Array.from(scale(-2, x))).to.deep.equal([-2, 4, -6]);
    expect(dot(x, y)).to.equal(0);
    expect(norm(Float64Array.of(3, 4))).to.equal(5);
    expect(squaredDistance(x, y)).to.equal(9 + 6.25 + 16);
  });

  it('sums exponentials without overflow: lse(x + c) = lse(x) + c at any magnitude', () => {
    fc.assert(
      fc.property(vector(), number(-1e6, 1e6), (x, c) => {
        const error = Math.abs(logSumExp(x.map((value) => value + c)) - (logSumExp(x) + c));
        expect(error).to.be.at.most(1e-9 * (1 + Math.abs(c)));
      }),
    );
    expect(logSumExp(new Float64Array())).to.equal(-Infinity);
    expect(logSumExp(Float64Array.of(-Infinity, -Infinity))).to.equal(-Infinity);
    expect(logSumExp(Float64Array.of(-Infinity, 2))).to.equal(2);
  });

  it('adds two exponentials as logSumExp does', () => {
    fc.assert(
      fc.property(number(-1e4, 1e4), number(-1e4, 1e4), (a, b) => {
        expect(logAddExp(a, b)).to.be.closeTo(logSumExp(Float64Array.of(a, b)), 1e-11);
      }),
    );
    expect(logAddExp(-Infinity, 3)).to.equal(3);
    expect(logAddExp(-Infinity, -Infinity)).to.equal(-Infinity);
  });

  it('normalises: softmax sums to one, keeps order, is zero where nothing has weight', () => {
    fc.assert(
      fc.property(vector(), (x) => {
        const p = softmax(x);
        expect(p.reduce((a, b) => a + b, 0)).to.be.closeTo(1, 1e-9);
        for (let i = 1; i < x.length; i++) {
          if (x[i] !== x[i - 1])
            expect(Math.sign(p[i] - p[i - 1])).to.be.oneOf([0, Math.sign(x[i] - x[i - 1])]);
        }
      }),
    );
    expect(Array.from(softmax(Float64Array.of(-Infinity, -Infinity)))).to.deep.equal([0, 0]);
    expect(Array.from(softmax(Float64Array.of(1e308, -Infinity)))).to.deep.equal([1, 0]);
  });
});
