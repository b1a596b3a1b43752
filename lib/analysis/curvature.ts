import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { ZartsError } from '../errors.js';
import { normal } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, dot, norm, scale } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/**
 * The curvature of a loss over alphas from its gradients: products of its Hessian with vectors by central differences, and
 * the ends of its spectrum by Lanczos' method. Nothing here knows where gradients come from; one is asked for at a time.
 */

/**
 * ∇L at a point, of the point's length. It should be smooth between the points that are asked for: a network's gradient jumps
 * wherever a ReLU or max pool switches, and differences of it measure those jumps (on a small supernet 20 times the
 * curvature, and more the smaller the step). Keep the activation pattern of α, as `lossAndGradientsAround` does; what is
 * measured then is what automatic differentiation of the gradient gives.
 */
export type Gradient = (alpha: Vec) => Vec | Promise<Vec>;

/**
 * Default distance of the two points of a difference: where two errors meet. A float32 gradient is right to about 1e-6 of
 * its length, of which a product keeps 1e-6/step; and the third derivative adds a share of about step², softmaxed alphas
 * changing their weights over distances of 1. Both are about 1e-4 at 0.01. On supernets of 8 to 56 alphas all steps from
 * 0.001 to 0.03 gave the same eigenvalues to 0.1 %.
 */
const DIFFERENCE_STEP = 0.01;

/**
 * ∇²L(α)·v as the central difference (∇L(α + r·v) − ∇L(α − r·v)) / 2r with r = step/‖v‖.
 *
 * @param gradient   Called twice.
 * @param direction  v, length d; the product of a zero vector is zero and needs no gradient.
 * @param step       Distance of the two points from α, > 0, however long the direction is.
 * @throws {ZartsError} for a gradient of another length or one that is not finite.
 */
export async function hessianVectorProduct(
  gradient: Gradient,
  alpha: Vec,
  direction: Vec,
  step = DIFFERENCE_STEP,
): Promise<Vec> {
  const length = norm(direction);
  if (length === 0) return new Float64Array(alpha.length);
  const r = step / length;
  const ahead = checked('gradient', await gradient(axpy(r, direction, alpha)), alpha.length);
  const behind = checked('gradient', await gradient(axpy(-r, direction, alpha)), alpha.length);
  return scale(1 / (2 * r), axpy(-1, behind, ahead));
}

export interface LanczosOptions {
  /** Draws the vector to begin with: normal, so that it has a part along every eigenvector. */
  readonly key: Key;
  /** Most products that are formed, 1 or more; default 40. The dimension bounds them too. */
  readonly steps?: number;
  /**
   * Stop when the bound of every wanted value is below this share of the value, or a hundredth of it of the largest
   * magnitude, whichever is more; default 0.005. Values are much closer than their bounds.
   */
  readonly tolerance?: number;
  /** How many values, from the largest down, the tolerance is asked of; default 1. */
  readonly wanted?: number;
}

/** An approximate eigenvalue. */
export interface RitzValue {
  readonly value: number;
  /** Some eigenvalue lies within this distance (the residual's norm), as far as the products are exact. */
  readonly bound: number;
}

/** What Lanczos' method found of a symmetric matrix's spectrum. */
export interface Spectrum {
  /**
   * From the largest value to the smallest, sign included: the first is what R-DARTS calls the dominant eigenvalue
   * (Zela et al. 2020 take the maximum over the eigenvalues, not over their magnitudes). Both ends are approximated well
   * first, the middle last; an eigenvalue that occurs several times is found once.
   */
  readonly values: readonly RitzValue[];
  /** Products that were formed. */
  readonly products: number;
  /** Whether every wanted value is within the tolerance, or all that there are have been found. */
  readonly converged: boolean;
}

/** What is left of a product, next to the matrix's size, when only rounding is. */
const INVARIANT = 1e-12;

/**
 * The spectrum of a symmetric matrix of which only products with vectors are known: Lanczos' method with full
 * re-orthogonalization (Golub & Van Loan, Matrix Computations, section 10.3). It ends when the wanted values are within the
 * tolerance, when the vectors so far span an invariant subspace (all bounds are then zero but for rounding), or after
 * `steps` products.
 *
 * @param product    The matrix times a vector of length `dimension` and norm 1.
 * @param dimension  1 or more.
 * @throws {ZartsError} for a product of another length or one that is not finite.
 */
export async function lanczos(
  product: (vector: Vec) => Vec | Promise<Vec>,
  dimension: number,
  { key, steps = 40, tolerance = 0.005, wanted = 1 }: LanczosOptions,
): Promise<Spectrum> {
  const start = normal(key, dimension);
  const basis: Vec[] = [scale(1 / norm(start), start)];
  const [diagonal, beside]: number[][] = [[], []];
  const most = Math.min(steps, dimension);
  for (;;) {
    const last = basis[basis.length - 1];
    const next = checked('product', await product(last), dimension);
    diagonal.push(dot(last, next));
    // What the product has beside the vectors so far. Once is not enough where little is left of it.
    const rest = orthogonalTo(basis, orthogonalTo(basis, next));
    const left = norm(rest);
    const { values, lasts } = tridiagonalEigen(diagonal, beside);
    const largest = Math.max(...values.map(Math.abs));
    const invariant = basis.length === dimension || left <= INVARIANT * Math.max(largest, norm(next));
    const bounds = lasts.map((last) => (invariant ? 0 : left * Math.abs(last)));
    const within = (bound: number, i: number): boolean =>
      bound <= tolerance * Math.max(Math.abs(values[i]), largest / 100);
    const close = values.length >= Math.min(wanted, dimension) && bounds.slice(0, wanted).every(within);
    if (invariant || close || basis.length === most) {
      return {
        values: values.map((value, i) => ({ value, bound: bounds[i] })),
        products: basis.length,
        converged: invariant || close,
      };
    }
    beside.push(left);
    basis.push(scale(1 / left, rest));
  }
}

/**
 * The upper end of the spectrum of ∇²L(α): {@link lanczos} on {@link hessianVectorProduct}s, two gradients each. (R-DARTS'
 * code takes the Hessian of the loss with the decay of the alphas, whose eigenvalues are larger by that decay, 1e-3 there.)
 *
 * @param options  `step` is that of the differences.
 * @throws as they do.
 */
export function hessianSpectrum(
  gradient: Gradient,
  alpha: Vec,
  options: LanczosOptions & { readonly step?: number },
): Promise<Spectrum> {
  const product = (vector: Vec) => hessianVectorProduct(gradient, alpha, vector, options.step);
  return lanczos(product, alpha.length, options);
}

/**
 * How far products are from exact, by one that is known: softmaxed alphas may all be shifted alike and nothing changes, so that
 * ∇²L(α) takes the vector of equal entries to zero.
 *
 * @returns  The length of what it takes that vector of length 1 to.
 * @throws as {@link hessianVectorProduct}.
 */
export async function shiftError(gradient: Gradient, alpha: Vec): Promise<number> {
  const equal = new Float64Array(alpha.length).fill(1 / Math.sqrt(alpha.length));
  return norm(await hessianVectorProduct(gradient, alpha, equal));
}

function checked(what: string, vector: Vec, length: number): Vec {
  if (vector.length !== length) {
    throw new ZartsError(`A ${what} has ${vector.length} entries; ${length} were expected.`);
  }
  const bad = vector.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new ZartsError(`Entry ${bad} of a ${what} is ${vector[bad]}; it must be finite.`);
  return vector;
}

function orthogonalTo(basis: readonly Vec[], vector: Vec): Vec {
  return basis.reduce((rest, each) => axpy(-dot(each, rest), each, rest), vector);
}

/** Eigenvalues of the symmetric tridiagonal matrix, largest first, and the last entries of their eigenvectors. */
function tridiagonalEigen(
  diagonal: readonly number[],
  beside: readonly number[],
): { values: number[]; lasts: number[] } {
  const matrix = Matrix.diag([...diagonal]);
  beside.forEach((value, i) => {
    matrix.set(i, i + 1, value);
    matrix.set(i + 1, i, value);
  });
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  return {
    values: order.map((i) => realEigenvalues[i]),
    lasts: order.map((i) => eigenvectorMatrix.get(diagonal.length - 1, i)),
  };
}
