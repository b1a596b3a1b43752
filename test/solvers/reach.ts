/** What solvers must reach on toy functions, worked out from what is known of them rather than from what they did. */
import { quadratic, toyStep } from '../../lib/analysis/toy.js';
import type { ToyFunction, ToyStepOptions } from '../../lib/analysis/toy.js';
import { foldIn, key, normal } from '../../lib/math/random.js';
import { RS } from '../../lib/solvers/rs.js';
import type { RsOptions } from '../../lib/solvers/rs.js';
import type { Solver, SolverState } from '../../lib/solvers/solver.js';

/** The states of a descent from the function's start, the start first: `updates` + 1 of them. */
export function descend<S extends SolverState>(
  solver: Solver<S>,
  toy: ToyFunction,
  updates: number,
  { key, ...options }: ToyStepOptions,
): S[] {
  const states = [solver.init(toy.start)];
  for (let i = 0; i < updates; i++) {
    states.push(toyStep(solver, states[i], toy, { ...options, key: foldIn(key, i) }).state);
  }
  return states;
}

/** The quadratic that the expectations below are for, with what they need of it. */
export const QUADRATIC = quadratic(10);
const D = QUADRATIC.start.length;
const ORIGIN = QUADRATIC.gradient(new Float64Array(D));
/** h_j: the gradient is linear, so a unit step along an axis changes it by the curvature. */
const CURVATURE = ORIGIN.map((g, j) => QUADRATIC.gradient(new Float64Array(D).fill(1, j, j + 1))[j] - g);

/**
 * E[L] of RS (two- or multi-point) after each update on {@link QUADRATIC}, exactly, for any μ. The differences are
 * 2μ·(u·g), so with s_j = E(α_j − c_j)² and κ = E u_j⁴/3·φ² (1 for the normal law, d/(d + 2) on the sphere)
 *
 *     E ĝ_j² = (1 − 1/N)·h_j² s_j + κ/N·(Σ_k h_k² s_k + 2 h_j² s_j) + φ²/(4μ²N)·2·noise²·E u_j²
 *     s_j ← s_j − 2ξ h_j s_j + ξ² E ĝ_j²,   E[L] = ½ Σ h_j s_j.
 *
 * @param noise  Standard deviation of an independent error on each loss.
 * @returns      [updates + 1], the start first.
 */
export function expectedRsLoss(options: Partial<RsOptions>, updates: number, noise = 0): number[] {
  const { law, samples, mu, xi } = { ...RS.defaults, ...options };
  const kappa = law === 'sphere' ? D / (D + 2) : 1;
  const perCoordinate = law === 'sphere' ? D : 1;
  const error = (perCoordinate * noise ** 2) / (2 * mu ** 2 * samples);
  let second = ORIGIN.map((g, j) => (g / CURVATURE[j]) ** 2);
  const losses: number[] = [];
  for (let i = 0; i <= updates; i++) {
    losses.push(second.reduce((sum, s, j) => sum + (CURVATURE[j] * s) / 2, 0));
    const squares = second.map((s, j) => CURVATURE[j] ** 2 * s);
    const total = squares.reduce((a, b) => a + b, 0);
    second = second.map((s, j) => {
      const estimate = (1 - 1 / samples) * squares[j] + (kappa / samples) * (total + 2 * squares[j]) + error;
      return s - 2 * xi * CURVATURE[j] * s + xi ** 2 * estimate;
    });
  }
  return losses;
}

/**
 * An upper bound of E[L] of MGS with λ ≈ 0 after many updates on {@link QUADRATIC}. u* lies in the convex hull of the
 * −g + σz_i, so it is a gradient step of length 1 and an error no longer than σ·max‖z_i‖, whose square has a mean of at most
 * σ²(d + 2√(d·ln N) + 2·ln N). A coordinate's error of variance v leaves it h/(1 − (1 − h)²)·v/2 = v/(2(2 − h)) of loss. What
 * the losses do to the weights only helps.
 */
export function mgsBound({ samples, sigma }: { samples: number; sigma: number }): number {
  const longest = D + 2 * Math.sqrt(D * Math.log(samples)) + 2 * Math.log(samples);
  return (sigma ** 2 * longest) / 2 / (2 - Math.max(...CURVATURE));
}

/**
 * The loss that the best of `draws` draws from N(0, I) exceeds with a chance of e^−10 only: the quantile of 10/draws, taken
 * from 10⁵ draws of other keys.
 */
export function bestOf(toy: ToyFunction, draws: number): number {
  const count = 1e5;
  const losses = Float64Array.from({ length: count }, (_, i) =>
    toy.loss(normal(foldIn(key(0xbe57), i), toy.start.length)),
  ).sort();
  return losses[Math.ceil((10 / draws) * count)];
}
