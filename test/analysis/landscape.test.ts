import { expect } from 'chai';
import fc from 'fast-check';
import {
  axisTicks,
  centerGroups,
  gridMinimum,
  inPlane,
  orthonormalPair,
  planePoint,
  refinement,
  sharpness,
} from '../../lib/analysis/landscape.js';
import type { LossGrid } from '../../lib/analysis/landscape.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { key } from '../../lib/math/random.js';
import { axpy, dot } from '../../lib/math/vec.js';

/** A function on a grid. */
function gridOf(f: (x: number, y: number) => number, points = 21, extent = 1): LossGrid {
  const xs = axisTicks(points, extent);
  return { xs, ys: xs, losses: xs.map((y) => xs.map((x) => f(x, y))) };
}

describe('analysis/landscape', () => {
  describe('the plane', () => {
    it('has two directions of length 1 at right angles, decided by the key', () => {
      fc.assert(
        fc.property(fc.maxSafeNat(), fc.integer({ min: 2, max: 300 }), (seed, dimension) => {
          const [a, b] = orthonormalPair(key(seed), dimension);
          expect(dot(a, a)).to.be.closeTo(1, 1e-12);
          expect(dot(b, b)).to.be.closeTo(1, 1e-12);
          expect(dot(a, b)).to.be.closeTo(0, 1e-12);
          expect(orthonormalPair(key(seed), dimension)).to.deep.equal([a, b]);
        }),
        { numRuns: 60 },
      );
      expect(orthonormalPair(key(1), 8)).to.not.deep.equal(orthonormalPair(key(2), 8));
    });

    it('can lie where every group sums to zero', () => {
      const groups = [3, 2, 4];
      const pair = orthonormalPair(key(4), 9, (draw) => centerGroups(draw, groups));
      for (const direction of pair) {
        expect(dot(direction, direction)).to.be.closeTo(1, 1e-12);
        expect(direction[0] + direction[1] + direction[2]).to.be.closeTo(0, 1e-12);
        expect(direction[3] + direction[4]).to.be.closeTo(0, 1e-12);
      }
      expect(dot(...pair)).to.be.closeTo(0, 1e-12);
      expect(() => centerGroups(new Float64Array(4), [3, 2])).to.throw(ZartsError, 'hold 5 entries');
    });

    it('takes coordinates to alphas and back, x along the first direction', () => {
      const directions = orthonormalPair(key(9), 6);
      const center = Float64Array.from({ length: 6 }, (_, i) => i);
      const point = planePoint({ center, directions }, 0.3, -2);
      const [x, y] = inPlane({ center, directions }, axpy(-1, center, point));
      expect(x).to.be.closeTo(0.3, 1e-12);
      expect(y).to.be.closeTo(-2, 1e-12);
      expect(planePoint({ center, directions }, 1, 0)).to.deep.equal(axpy(1, directions[0], center));
    });

    it('needs two dimensions', () => {
      expect(() => orthonormalPair(key(0), 1)).to.throw(UsageError, 'got 1');
    });
  });

  describe('the grid', () => {
    it('is symmetric, with exact ends and middle', () => {
      const ticks = axisTicks(21, 0.7);
      expect([ticks[0], ticks[10], ticks[20]]).to.deep.equal([-0.7, 0, 0.7]);
      ticks.forEach((tick, i) => expect(tick).to.equal(-ticks[20 - i] + 0));
      expect(axisTicks(101, 1)[1]).to.be.closeTo(-0.98, 1e-15);
    });

    it('is refined from a coarse grid, every place once', () => {
      for (const points of [3, 5, 8, 9, 21, 22, 51, 101]) {
        const levels = refinement(points);
        const places = levels.flatMap((level) => level.places.map(({ row, column }) => `${row} ${column}`));
        expect(new Set(places).size, `${points}`).to.equal(points ** 2);
        expect(places).to.have.length(points ** 2);
        expect(levels[0].places.length).to.be.at.most(64);
        const known = new Set<string>();
        for (const { lines, places: fresh } of levels) {
          fresh.forEach(({ row, column }) => known.add(`${row} ${column}`));
          expect(known.size).to.equal(lines.length ** 2);
          for (const row of lines)
            for (const column of lines) expect(known.has(`${row} ${column}`)).to.be.true;
          expect([lines[0], lines[lines.length - 1]]).to.deep.equal([0, points - 1]);
        }
      }
      expect(refinement(21).map(({ lines }) => lines.length)).to.deep.equal([6, 11, 21]);
    });
  });

  describe('what a grid says', () => {
    it('finds the minimum of an asymmetric function on the right side', () => {
      const { x, y, row, column, loss } = gridMinimum(
        gridOf((x, y) => (x - 0.8) ** 2 + 3 * (y + 0.3) ** 2 + 5),
      );
      expect([x, y].map((value) => Number(value.toFixed(6)))).to.deep.equal([0.8, -0.3]);
      expect({ row, column }).to.deep.equal({ row: 7, column: 18 });
      expect(loss).to.be.closeTo(5, 1e-12);
    });

    it('gives a plane its slope and no curvature, on uneven lines too', () => {
      const even = gridOf((x, y) => 2 + 3 * x - 4 * y);
      const lines = [0, 4, 8, 12, 16, 18, 20];
      const ticks = lines.map((line) => even.xs[line]);
      const uneven = { xs: ticks, ys: ticks, losses: ticks.map((y) => ticks.map((x) => 2 + 3 * x - 4 * y)) };
      for (const grid of [even, uneven]) {
        const { slope, range, curvatures, fit } = sharpness(grid);
        expect(slope).to.be.closeTo(5, 1e-12);
        expect(range).to.be.closeTo(14, 1e-12);
        expect(curvatures[0]).to.be.closeTo(0, 1e-10);
        expect(curvatures[1]).to.be.closeTo(0, 1e-10);
        expect(fit).to.be.closeTo(1, 1e-12);
      }
    });

    it('gives a quadratic the eigenvalues of its Hessian, whatever the extent and the grid', () => {
      // Hessian [[3, 1], [1, 3]].
      const f = (x: number, y: number) => 1.5 * x ** 2 + x * y + 1.5 * y ** 2 + 0.4 * x - y + 2;
      for (const [points, extent] of [
        [5, 1],
        [21, 0.01],
        [22, 40],
      ]) {
        const { curvatures, fit } = sharpness(gridOf(f, points, extent));
        expect(curvatures[0]).to.be.closeTo(4, 1e-6);
        expect(curvatures[1]).to.be.closeTo(2, 1e-6);
        expect(fit).to.be.closeTo(1, 1e-9);
      }
    });

    it('doubles with the loss, and is not moved by a constant', () => {
      const f = (x: number, y: number) => Math.sin(3 * x) + Math.cos(2 * y + x);
      const [once, twice] = [sharpness(gridOf(f)), sharpness(gridOf((x, y) => 2 * f(x, y) + 7))];
      expect(twice.slope / once.slope).to.be.closeTo(2, 1e-9);
      expect(twice.range / once.range).to.be.closeTo(2, 1e-9);
      expect(twice.curvatures[0] / once.curvatures[0]).to.be.closeTo(2, 1e-9);
      expect(twice.fit).to.be.closeTo(once.fit, 1e-9);
    });

    it('refuses a loss that is not finite, and a grid of another shape', () => {
      expect(() => sharpness(gridOf((x, y) => (x === 1 && y === -1 ? NaN : 1)))).to.throw(
        ZartsError,
        'at (1, -1) of a landscape is NaN',
      );
      expect(() => gridMinimum({ xs: [0, 1, 2], ys: [0, 1, 2], losses: [[1, 2, 3]] })).to.throw(ZartsError);
    });
  });
});
