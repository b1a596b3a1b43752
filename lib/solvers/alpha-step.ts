import type { Vec } from '../math/vec.js';
import type { Asked, AskContext, Diagnostics, Solver, SolverState, Told } from './solver.js';

/** An update of alpha with all that went into it. */
export interface AlphaStep<
  S extends SolverState = SolverState,
  A extends Asked = Asked,
  D extends Diagnostics = Diagnostics,
> extends Told<S, D> {
  readonly asked: A;
  /** As told: `losses[i]` belongs to `asked.points[i]`. */
  readonly losses: Vec;
}

/**
 * One update of alpha by a zero-order solver (Alg. 1, lines 3–8): ask, measure, tell. It yields the points at which it wants
 * the loss, one at a time, and is told each before the next; who cannot wait for the end gives it up in between.
 */
export function* alphaStep<S extends SolverState, A extends Asked, D extends Diagnostics>(
  solver: Solver<S, A, D>,
  state: S,
  context: AskContext,
): Generator<Vec, AlphaStep<S, A, D>, number> {
  const asked = solver.ask(state, context);
  const losses = new Float64Array(asked.points.length);
  for (const [i, point] of asked.points.entries()) losses[i] = yield point;
  return { ...solver.tell(state, asked, losses), asked, losses };
}

/** {@link alphaStep} with losses that are there at once. */
export function measuredStep<S extends SolverState, A extends Asked, D extends Diagnostics>(
  solver: Solver<S, A, D>,
  state: S,
  context: AskContext,
  lossAt: (point: Vec, i: number) => number,
): AlphaStep<S, A, D> {
  const step = alphaStep(solver, state, context);
  let next = step.next();
  for (let i = 0; !next.done; i++) next = step.next(lossAt(next.value, i));
  return next.value;
}
