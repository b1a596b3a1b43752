/**
 * Toy functions: losses with exact gradients, on which a solver's estimates can be compared with the truth. No network, no
 * data, no tensors.
 */
import { normal, split } from '../math/random.js';
import type { Key } from '../math/random.js';
import { axpy, dot } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import type { RsLaw } from '../solvers/rs.js';
import { measuredStep } from '../solvers/alpha-step.js';
import type { AlphaStep } from '../solvers/alpha-step.js';
import type { Asked, Diagnostics, Solver, SolverState } from '../solvers/solver.js';

/** A loss on R^d with its exact gradient. */
export interface ToyFunction {
  readonly name: string;
  /** Where a descent starts; its length is d. */
  readonly start: Vec;
  loss(alpha: Vec): number;
  /** ∇L(alpha), length d. */
  gradient(alpha: Vec): Vec;
}

/** A toy function whose smoothed form L_μ is known too. */
export interface SmoothedToyFunction extends ToyFunction {
  /**
   * ∇L_μ(alpha), what the estimates of random search are unbiased for (paper Eq. 14): the mean of ∇L(alpha + μv), v from
   * N(0, I) for the normal law, uniform in the unit ball for the sphere.
   */
  smoothedGradient(alpha: Vec, law: RsLaw, mu: number): Vec;
}

/** L(α) = g·α, from 0. The function on which every solver's mean step is known. */
export function linear(gradient: Vec): SmoothedToyFunction {
  return {
    name: 'linear',
    start: new Float64Array(gradient.length),
    loss: (alpha) => dot(gradient, alpha),
    gradient: () => gradient,
    smoothedGradient: () => gradient,
  };
}

/**
 * L(α) = ½ Σ h_j (α_j − c_j)², from 0, with minimum 0 at c: curvatures h_j evenly spaced from 0.2 to 0.92, below 1 so that
 * a gradient step of length 1 converges, and c_j = sin(j + 1).
 */
export function quadratic(dimension: number): SmoothedToyFunction {
  const spacing = dimension === 1 ? 0 : 0.72 / (dimension - 1);
  const curvature = Float64Array.from({ length: dimension }, (_, j) => 0.2 + spacing * j);
  const centre = Float64Array.from({ length: dimension }, (_, j) => Math.sin(j + 1));
  const gradient = (alpha: Vec): Vec => alpha.map((value, j) => curvature[j] * (value - centre[j]));
  return {
    name: 'quadratic',
    start: new Float64Array(dimension),
    loss: (alpha) =>
      alpha.reduce(
        (sum, value, j) => sum + (curvature[j] * (value - centre[j]) * (value - centre[j])) / 2,
        0,
      ),
    gradient,
    // The gradient is linear, so its mean over a symmetric law is its value at the centre.
    smoothedGradient: gradient,
  };
}

/**
 * L(α) = Σ (α_j²/2 + α_j⁴/4), minimum 0 at 0, from α_j = cos(j)/2: the simplest function on which smoothing biases the
 * gradient.
 */
export function quartic(dimension: number): SmoothedToyFunction {
  return {
    name: 'quartic',
    start: Float64Array.from({ length: dimension }, (_, j) => Math.cos(j) / 2),
    loss: (alpha) => alpha.reduce((sum, value) => sum + value * value * (0.5 + 0.25 * value * value), 0),
    gradient: (alpha) => alpha.map((value) => value + value * value * value),
    smoothedGradient(alpha, law, mu) {
      // E(α + μv)³ = α³ + 3αμ²·E[v²]; a coordinate has E[v²] = 1 under N(0, I), 1/(d + 2) in the ball.
      const second = law === 'normal' ? 1 : 1 / (alpha.length + 2);
      return alpha.map((value) => value + value * value * value + 3 * value * mu ** 2 * second);
    },
  };
}

/** Rosenbrock's curved valley in the plane, (1 − x)² + 100 (y − x²)², from (−1, 1); minimum 0 at (1, 1). */
export function rosenbrock(): ToyFunction {
  return {
    name: 'Rosenbrock',
    start: Float64Array.of(-1, 1),
    loss: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    gradient: ([x, y]) => Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
  };
}

/**
 * The loss on one batch: the function with a random tilt, L_B(α) = L(α) + b·α with b from N(0, noise²·I). Its mean over
 * batches is L; all candidates of an update see the same one, as in the search.
 */
export function onBatch(toy: ToyFunction, key: Key, noise: number): ToyFunction {
  const tilt = normal(key, toy.start.length).map((value) => noise * value);
  return {
    name: toy.name,
    start: toy.start,
    loss: (alpha) => toy.loss(alpha) + dot(tilt, alpha),
    gradient: (alpha) => axpy(1, tilt, toy.gradient(alpha)),
  };
}

/** How {@link toyStep} measures. */
export interface ToyStepOptions {
  readonly key: Key;
  /** Standard deviation of an error added to each loss, its own for each point; default 0. */
  readonly noise?: number;
  /** Added to the loss at the current alpha alone (`points[0]`): what a base that is not fine-tuned lacks. Default 0. */
  readonly basePenalty?: number;
}

/** One update: ask, measure, tell. The gradient that solvers may ask for is the exact one. */
export function toyStep<S extends SolverState, A extends Asked, D extends Diagnostics>(
  solver: Solver<S, A, D>,
  state: S,
  toy: ToyFunction,
  { key, noise = 0, basePenalty = 0 }: ToyStepOptions,
): AlphaStep<S, A, D> {
  const [askKey, noiseKey] = split(key, 2);
  let errors: Vec = new Float64Array();
  return measuredStep(solver, state, { key: askKey, gradient: toy.gradient(state.alpha) }, (point, i) => {
    // As many as are needed: no draw depends on how many there are.
    if (noise > 0 && i >= errors.length) errors = normal(noiseKey, 2 * i + 2);
    return toy.loss(point) + (noise > 0 ? noise * errors[i] : 0) + (i === 0 ? basePenalty : 0);
  });
}
