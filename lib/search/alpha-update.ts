import { axpy, dot, norm } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { alphaStep } from '../solvers/alpha-step.js';
import { diagnosticNumbers } from '../solvers/solver.js';
import type { AskContext, Solver, SolverState } from '../solvers/solver.js';
import { adamStep } from './adam.js';
import type { AdamSettings, AdamState } from './adam.js';
import type { AlphaGradient, SecondOrder } from './session.js';

/** Where a search stands in the space of alphas. */
export interface Position {
  /** α and what the solver carries with it; the gradient solvers carry nothing here. */
  readonly solver: SolverState;
  /** Adam's moments, where α moves by its gradient. */
  readonly adam: AdamState;
}

/** An update of α, and what is known of it. */
export interface AlphaUpdate {
  readonly next: Position;
  /** Validation losses at the candidates, or where the gradient was taken. */
  readonly losses: Vec;
  /** u*, the step that was taken, and g = ∇_α L_val where it was used; length d. */
  readonly direction: Vec;
  readonly gradient: Vec | undefined;
  /** What else the solver says, for the metrics. */
  readonly numbers: ReturnType<typeof diagnosticNumbers>;
}

/**
 * Alg. 1, lines 3–8: ask the solver for candidates, score each, tell.
 *
 * @param between  Waited for before each candidate; what it throws gives the update up. Made again, it has the same numbers.
 */
export async function zeroOrderUpdate(
  solver: Solver,
  position: Position,
  context: AskContext,
  lossAt: (point: Vec, candidate: number) => number,
  between: () => Promise<void>,
): Promise<AlphaUpdate> {
  const step = alphaStep(solver, position.solver, context);
  let next = step.next();
  for (let candidate = 0; !next.done; candidate++) {
    await between();
    next = step.next(lossAt(next.value, candidate));
  }
  const { state, losses, diagnostics } = next.value;
  return {
    next: { ...position, solver: state },
    losses,
    direction: diagnostics.update,
    gradient: context.gradient,
    numbers: diagnosticNumbers(diagnostics),
  };
}

/** One step of Adam along the gradient of the validation loss. */
export function gradientUpdate(
  { solver, adam }: Position,
  { loss, gradient, ...parts }: AlphaGradient & Partial<SecondOrder>,
  settings: AdamSettings,
): AlphaUpdate {
  const { alpha, state } = adamStep(adam, solver.alpha, gradient, settings);
  const direction = axpy(-1, solver.alpha, alpha);
  return {
    next: { solver: { alpha, step: solver.step + 1 }, adam: state },
    losses: Float64Array.of(loss),
    direction,
    gradient,
    numbers: diagnosticNumbers(parts),
  };
}

/** What an update adds to its epoch's sums; without weights there is no effective sample size. */
export function updateSums({ losses, direction, gradient, numbers: { ess, esr } }: AlphaUpdate) {
  const cosine = cosineTo(direction, gradient);
  return {
    candidateLoss: losses,
    ...(typeof ess === 'number' && typeof esr === 'number' ? { ess: [ess], esr: [esr] } : {}),
    ...(cosine === null ? {} : { cosine: [cosine] }),
    updateNorm: [norm(direction)],
  };
}

/** What the metrics say of an update. */
export function updateMetrics({ losses, direction, gradient, numbers }: AlphaUpdate) {
  return {
    losses: Array.from(losses),
    gradientNorm: gradient ? norm(gradient) : null,
    cosine: cosineTo(direction, gradient),
    ...numbers,
  };
}

/** The cosine between an update and −g. */
function cosineTo(direction: Vec, gradient: Vec | undefined): number | null {
  const lengths = gradient ? norm(direction) * norm(gradient) : 0;
  return gradient && lengths > 0 ? -dot(direction, gradient) / lengths : null;
}
