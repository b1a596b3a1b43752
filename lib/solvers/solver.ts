/**
 * The interface of zero-order solvers: ask where the loss is wanted, tell what it was. State goes in and comes out, nothing
 * is kept or changed in between, and no solver knows a tensor.
 */
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { norm } from '../math/vec.js';
import type { Vec } from '../math/vec.js';

/** The zero-order solvers, by id. */
export const SOLVER_KINDS = ['mgs', 'rs', 'gld', 'random'] as const;

/** The id of a zero-order solver. */
export type SolverKind = (typeof SOLVER_KINDS)[number];

/** A solver that was given what it cannot work with: an option out of range, losses of the wrong length, no gradient. */
export class SolverError extends ZartsError {
  override readonly name = 'SolverError';
}

/** What a solver carries from step to step: plain data, so that a checkpoint can hold it. */
export interface SolverState {
  /** The current architecture parameters, length d. */
  readonly alpha: Vec;
  /** Updates told so far. */
  readonly step: number;
}

/** Where the loss is wanted. Solvers add what they need again in `tell` (directions, log-densities). */
export interface Asked {
  /** Points of R^d, alpha plus a direction each; `losses[i]` of `tell` belongs to `points[i]`. */
  readonly points: readonly Vec[];
}

/** What `ask` depends on besides the state. */
export interface AskContext {
  /** The key of this step's draws; the same state and key give the same points. */
  readonly key: Key;
  /**
   * g = ∇_α L_val(ω, α) at the weights as they are, length d. Solvers with `needsGradient` refuse to work without it, or with one
   * that is not finite; the others do not read it.
   */
  readonly gradient?: Vec;
  /** Standard deviation σ of the proposal in this step (a schedule's value); without it the solver's own option counts. */
  readonly sigma?: number;
}

/** What `tell` computed, for logging; never an input of a later step. */
export interface Diagnostics {
  /** u*, the step that was taken, length d. */
  readonly update: Vec;
  /** Losses of this step that were not finite (their points were given no weight). */
  readonly discarded: number;
  /** Whether alpha stayed where it was because no point was usable or better. */
  readonly stayed: boolean;
}

/** The state after an update, and how it came about. */
export interface Told<S extends SolverState = SolverState, D extends Diagnostics = Diagnostics> {
  readonly state: S;
  readonly diagnostics: D;
}

/** A zero-order solver: three pure functions with the options closed over. */
export interface Solver<
  S extends SolverState = SolverState,
  A extends Asked = Asked,
  D extends Diagnostics = Diagnostics,
> {
  readonly kind: SolverKind;
  /** Whether `ask` needs `ctx.gradient`. */
  readonly needsGradient: boolean;
  /** Loss evaluations that one update costs: the number of points asked for. */
  readonly evaluations: number;
  /** The state at a start. @throws {SolverError} when alpha is empty or not finite. */
  init(alpha: Vec): S;
  /** The points where the loss is wanted. @throws {SolverError} when a gradient is needed and absent or of a wrong length. */
  ask(state: S, ctx: AskContext): A;
  /**
   * The next state. `asked` is what `ask` returned for this state, `losses[i]` the validation loss in nats at
   * `asked.points[i]`. Losses that are not finite are allowed (each solver says what becomes of them).
   *
   * @throws {SolverError} when the number of losses is not the number of points.
   */
  tell(state: S, asked: A, losses: Vec): Told<S, D>;
}

/** The start state shared by solvers that carry nothing but alpha. */
export function initialState(kind: SolverKind, alpha: Vec): SolverState {
  if (alpha.length === 0) {
    throw new SolverError(
      `The ${kind} solver got no alphas; a search needs at least one architecture parameter.`,
    );
  }
  const bad = alpha.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new SolverError(
      `The ${kind} solver got alpha[${bad}] = ${alpha[bad]}; every alpha must be finite.`,
    );
  return { alpha: alpha.slice(), step: 0 };
}

/** The state one update further on. */
export function nextState({ alpha, step }: SolverState, update: Vec): SolverState {
  return { alpha: alpha.map((value, i) => value + update[i]), step: step + 1 };
}

/** Refuses losses that do not belong one to one to the points. */
export function checkLosses(kind: SolverKind, losses: Vec, points: readonly Vec[]): void {
  if (losses.length !== points.length) {
    throw new SolverError(
      `The ${kind} solver asked for ${points.length} losses and was told ${losses.length}; tell one loss for each point, in order.`,
    );
  }
}

/** An option of a solver and the values that it may have. */
interface Bound {
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** Whether `min` itself is refused. */
  readonly above?: boolean;
  readonly integer?: boolean;
}

/** Refuses options out of range; the message names solver, option, value and bounds. */
export function checkOptions(kind: SolverKind, bounds: Readonly<Record<string, Bound>>): void {
  for (const [name, { value, min, max, above = false, integer = false }] of Object.entries(bounds)) {
    const low = min === undefined || (above ? value > min : value >= min);
    const inside = Number.isFinite(value) && low && (max === undefined || value <= max);
    if (inside && (!integer || Number.isInteger(value))) continue;
    const limits = [
      ...(min === undefined ? [] : [above ? `greater than ${min}` : `at least ${min}`]),
      ...(max === undefined ? [] : [`at most ${max}`]),
    ];
    const sort = integer ? 'an integer' : 'a finite number';
    throw new SolverError(
      `The ${kind} solver's ${name} is ${value}; it must be ${[sort, limits.join(' and ')].filter(Boolean).join(' ')}.`,
    );
  }
}

/** How many losses are not finite. */
export function countNonFinite(losses: Vec): number {
  return losses.reduce((count, loss) => count + (Number.isFinite(loss) ? 0 : 1), 0);
}

/**
 * A step's diagnostics as plain JSON for a metrics line: numbers and flags as they are, the N weights as an array; of the
 * vectors of length d only the norms (`updateNorm`, `gradientNorm`).
 */
export function diagnosticNumbers(diagnostics: object): Record<string, number | boolean | null | number[]> {
  const numbers: Record<string, number | boolean | null | number[]> = {};
  for (const [name, value] of Object.entries(diagnostics) as [string, unknown][]) {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') numbers[name] = value;
    else if (name === 'weights') numbers[name] = Array.from(value as Vec);
    else if (value instanceof Float64Array) numbers[`${name}Norm`] = norm(value);
  }
  return numbers;
}
