import { foldIn, key, normal } from '../../lib/math/random.js';
import type { Vec } from '../../lib/math/vec.js';
import type { Diagnostics, Solver, SolverState } from '../../lib/solvers/solver.js';

/** A toy loss with its exact gradient. */
export interface Objective {
  readonly start: Vec;
  loss(alpha: Vec): number;
  gradient(alpha: Vec): Vec;
}

/** Ten coordinates with curvatures from 0.2 to 0.92 (below 1, so that a unit gradient step converges). */
export const QUADRATIC: Objective = (() => {
  const curvature = Float64Array.from({ length: 10 }, (_, i) => 0.2 + 0.08 * i);
  const centre = Float64Array.from({ length: 10 }, (_, i) => Math.sin(i + 1));
  return {
    start: new Float64Array(10),
    loss: (alpha) => alpha.reduce((sum, value, i) => sum + (curvature[i] * (value - centre[i]) ** 2) / 2, 0),
    gradient: (alpha) => alpha.map((value, i) => curvature[i] * (value - centre[i])),
  };
})();

/** Rosenbrock's valley from (−1, 1). */
export const ROSENBROCK: Objective = {
  start: Float64Array.of(-1, 1),
  loss: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: ([x, y]) => Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
};

/** A linear loss g·α. */
export function linear(gradient: Vec): Objective {
  return {
    start: new Float64Array(gradient.length),
    loss: (alpha) => alpha.reduce((sum, value, i) => sum + value * gradient[i], 0),
    gradient: () => gradient,
  };
}

/** One update: ask, measure, tell. */
export function step(
  solver: Solver,
  state: SolverState,
  objective: Objective,
  at: { seed: number; step: number; noise?: number; sigma?: number },
): { state: SolverState; diagnostics: Diagnostics; losses: Vec } {
  const stepKey = foldIn(key(at.seed), at.step);
  const asked = solver.ask(state, {
    key: foldIn(stepKey, 0),
    gradient: objective.gradient(state.alpha),
    ...(at.sigma === undefined ? {} : { sigma: at.sigma }),
  });
  const noise = normal(foldIn(stepKey, 1), asked.points.length);
  const losses = Float64Array.from(
    asked.points,
    (point, i) => objective.loss(point) + (at.noise ?? 0) * noise[i],
  );
  return { ...solver.tell(state, asked, losses), losses };
}

/** The loss after `steps` updates divided by the loss at the start. */
export function remaining(
  solver: Solver,
  objective: Objective,
  steps: number,
  seed: number,
  noise = 0,
): number {
  let state = solver.init(objective.start);
  for (let i = 0; i < steps; i++) ({ state } = step(solver, state, objective, { seed, step: i, noise }));
  return objective.loss(state.alpha) / objective.loss(objective.start);
}
