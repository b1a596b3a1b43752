import { EigenvalueDecomposition, Matrix, solve } from 'ml-matrix';
import { UsageError, ZartsError } from '../errors.js';
import { normal, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, dot, mapGroups, norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/**
 * Loss landscapes over a plane of alphas: the plane, the grid and the order in which it is refined, and what a grid of
 * losses says. Nothing here knows how a loss is measured.
 */

/** A plane through a point of alphas: (x, y) stands for center + x·directions[0] + y·directions[1]. */
export interface Plane {
  /** Length d. */
  readonly center: Vec;
  /** Two vectors of length d. */
  readonly directions: readonly [Vec, Vec];
}

/**
 * Two random orthonormal directions: normal draws, the second without its part along the first (Gram–Schmidt), each divided
 * by its length.
 *
 * @param from       Decides both.
 * @param dimension  d, 2 or more.
 * @param within     Maps a draw into the subspace that the directions shall lie in; a linear projection of rank 2 or more.
 * @throws {UsageError} for fewer than two dimensions.
 */
export function orthonormalPair(
  from: Key,
  dimension: number,
  within: (draw: Vec) => Vec = (draw) => draw,
): [Vec, Vec] {
  if (!Number.isInteger(dimension) || dimension < 2) {
    throw new UsageError(`Two orthonormal directions need 2 dimensions or more, got ${dimension}.`);
  }
  const [first, second] = split(from, 2).map((key) => within(normal(key, dimension)));
  const d1 = scale(1 / norm(first), first);
  // Once more: where the draws are nearly parallel, rounding leaves a part along d1 the first time.
  const rest = without(d1, without(d1, second));
  return [d1, scale(1 / norm(rest), rest)];
}

function without(unit: Vec, vector: Vec): Vec {
  return axpy(-dot(unit, vector), unit, vector);
}

/**
 * The vector without the mean of each group of neighbouring entries: what is left of alphas when the offsets that a softmax
 * over each group does not see are taken away.
 *
 * @param groups  Lengths of the groups; they add up to the vector's.
 */
export function centerGroups(vector: Vec, groups: readonly number[]): Vec {
  const entries = groups.reduce((sum, length) => sum + length, 0);
  if (entries !== vector.length) {
    throw new ZartsError(`The groups hold ${entries} entries, the vector ${vector.length}; they must agree.`);
  }
  return mapGroups(vector, groups, (group) => {
    const mean = group.reduce((sum, value) => sum + value, 0) / group.length;
    return group.map((value) => value - mean);
  });
}

/** The alphas at (x, y), length d. */
export function planePoint({ center, directions: [d1, d2] }: Plane, x: number, y: number): Vec {
  return axpy(y, d2, axpy(x, d1, center));
}

/** The coordinates of a vector's part in an orthonormal plane (of a gradient: the gradient over the plane). */
export function inPlane({ directions: [d1, d2] }: Plane, vector: Vec): readonly [number, number] {
  return [dot(d1, vector), dot(d2, vector)];
}

/** `points` coordinates, 3 or more, from −extent to extent at equal intervals. */
export function axisTicks(points: number, extent: number): number[] {
  // By halves from both ends, so that −extent, 0 and extent are exact and the two sides mirror each other.
  return Array.from({ length: points }, (_, i) => (extent * (2 * i - (points - 1))) / (points - 1));
}

/** Losses on a grid over a plane. Plain JSON. */
export interface LossGrid {
  /** Coordinates along the first direction, ascending: one for each column. */
  readonly xs: readonly number[];
  /** Coordinates along the second direction, ascending: one for each row. */
  readonly ys: readonly number[];
  /** `losses[row][column]` is the loss at (xs[column], ys[row]), in nats. */
  readonly losses: readonly (readonly number[])[];
}

/** A place on a grid. */
export interface GridPlace {
  readonly row: number;
  readonly column: number;
}

/** One level of a grid that is refined step by step: with it a coarser grid is complete. */
interface GridLevel {
  /** Which of the grid's rows and columns the level's own grid has, ascending. */
  readonly lines: readonly number[];
  /** The places that no level before had, row by row. */
  readonly places: readonly GridPlace[];
}

/** How many intervals the coarsest level has at most along an axis. */
const COARSEST = 7;

/**
 * The levels of a grid with `points` rows and columns, coarsest first: every 2^k-th line (and the last), then every second
 * of those left out, and so on. Together they hold every place once.
 */
export function refinement(points: number): GridLevel[] {
  const strides = [1];
  while (Math.ceil((points - 1) / strides[0]) > COARSEST) strides.unshift(2 * strides[0]);
  const all = Array.from({ length: points }, (_, i) => i);
  const levels = strides.map((stride) => all.filter((i) => i % stride === 0 || i === points - 1));
  return levels.map((lines, level) => {
    const known = new Set(levels[level - 1]);
    const places = lines.flatMap((row) =>
      lines.filter((column) => !known.has(row) || !known.has(column)).map((column) => ({ row, column })),
    );
    return { lines, places };
  });
}

/** The lowest point of a grid; the first one, row by row, among equals. */
export interface GridMinimum extends GridPlace {
  readonly x: number;
  readonly y: number;
  /** In nats. */
  readonly loss: number;
}

/** Where a grid is lowest. @throws {ZartsError} for a loss that is not finite or a grid of another shape than it says. */
export function gridMinimum(grid: LossGrid): GridMinimum {
  checkGrid(grid);
  const { xs, ys, losses } = grid;
  const loss = Math.min(...losses.flat());
  const row = losses.findIndex((line) => line.includes(loss));
  const column = losses[row].indexOf(loss);
  return { row, column, x: xs[column], y: ys[row], loss };
}

/** How sharp a landscape is: what its contours show. */
export interface Sharpness {
  /** Largest loss less the smallest, in nats. */
  readonly range: number;
  /**
   * Mean length of the gradient over the grid, in nats per unit of length: how many contours at a given interval a walk of
   * length 1 crosses. The paper calls a landscape with denser contours sharper.
   */
  readonly slope: number;
  /** The eigenvalues of the Hessian of the quadratic that fits the grid best, larger first; nats per squared unit. */
  readonly curvatures: readonly [number, number];
  /** Share of the losses' variance that this quadratic explains; 1 for a flat grid. */
  readonly fit: number;
}

/**
 * The sharpness of a landscape. Slopes are those of the bilinear surface at the middle of each cell, weighted by the cells'
 * areas; the quadratic is fitted by least squares to all points.
 *
 * @param grid  3 lines or more each way.
 * @throws {ZartsError} for a loss that is not finite, or a grid of another shape than it says.
 */
export function sharpness(grid: LossGrid): Sharpness {
  checkGrid(grid);
  const { xs, ys, losses } = grid;
  const all = losses.flat();
  const range = Math.max(...all) - Math.min(...all);
  let [steepness, area] = [0, 0];
  for (let r = 0; r + 1 < ys.length; r++) {
    for (let c = 0; c + 1 < xs.length; c++) {
      const [width, height] = [xs[c + 1] - xs[c], ys[r + 1] - ys[r]];
      const [[a, b], [e, f]] = [losses[r].slice(c, c + 2), losses[r + 1].slice(c, c + 2)];
      const slope = Math.hypot((b + f - a - e) / (2 * width), (e + f - a - b) / (2 * height));
      steepness += slope * width * height;
      area += width * height;
    }
  }
  return { range, slope: steepness / area, ...quadraticFit(grid) };
}

function quadraticFit({ xs, ys, losses }: LossGrid): Pick<Sharpness, 'curvatures' | 'fit'> {
  // In units of the extent the columns of the design are of one size whatever the extent is.
  const unit = Math.max(...xs.map(Math.abs), ...ys.map(Math.abs));
  const points = ys.flatMap((y, r) => xs.map((x, c) => ({ u: x / unit, v: y / unit, loss: losses[r][c] })));
  const design = new Matrix(points.map(({ u, v }) => [1, u, v, u * u, u * v, v * v]));
  const mean = points.reduce((sum, { loss }) => sum + loss, 0) / points.length;
  const target = Matrix.columnVector(points.map(({ loss }) => loss - mean));
  const coefficients = solve(design, target);
  const [, , , uu, uv, vv] = coefficients.to1DArray();
  const hessian = new Matrix([
    [2 * uu, uv],
    [uv, 2 * vv],
  ]);
  const [low, high] = new EigenvalueDecomposition(hessian, { assumeSymmetric: true }).realEigenvalues
    .map((value) => value / unit ** 2)
    .sort((a, b) => a - b);
  const squares = (matrix: Matrix): number => matrix.norm() ** 2;
  const variance = squares(target);
  const left = squares(Matrix.sub(target, design.mmul(coefficients)));
  return { curvatures: [high, low], fit: variance === 0 ? 1 : 1 - left / variance };
}

function checkGrid({ xs, ys, losses }: LossGrid): void {
  if (losses.length !== ys.length || losses.some((line) => line.length !== xs.length)) {
    throw new ZartsError(
      `A grid of ${ys.length} rows and ${xs.length} columns has ${losses.length} rows of ${[...new Set(losses.map((line) => line.length))].join(' and ')} losses.`,
    );
  }
  if (xs.length < 3 || ys.length < 3) {
    throw new ZartsError(`A landscape needs 3 rows and columns or more, not ${ys.length} and ${xs.length}.`);
  }
  losses.forEach((line, row) => {
    const column = line.findIndex((loss) => !Number.isFinite(loss));
    if (column >= 0) {
      throw new ZartsError(
        `The loss at (${xs[column]}, ${ys[row]}) of a landscape is ${line[column]}; it must be finite.`,
      );
    }
  });
}
