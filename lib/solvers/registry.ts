import { unknownName } from '../errors.js';
import { gld } from './gld.js';
import type { GldOptions } from './gld.js';
import { mgs } from './mgs.js';
import type { MgsOptions } from './mgs.js';
import { random } from './random.js';
import type { RandomOptions } from './random.js';
import { rs } from './rs.js';
import type { RsOptions } from './rs.js';
import { SOLVER_KINDS } from './solver.js';
import type { Solver, SolverKind } from './solver.js';

/** The options of each solver, by kind. */
export interface SolverOptions {
  readonly mgs: MgsOptions;
  readonly rs: RsOptions;
  readonly gld: GldOptions;
  readonly random: RandomOptions;
}

/** A solver as data: its kind and any of its options. Fields that are no options of the solver are not read. */
export type SolverSpec = {
  readonly [K in SolverKind]: { readonly kind: K } & Partial<SolverOptions[K]>;
}[SolverKind];

/** Every solver's factory, by kind. A new solver is one row here. */
export const SOLVERS: { readonly [K in SolverKind]: (options?: Partial<SolverOptions[K]>) => Solver } = {
  // A row forgets what its solver asks: `tell` is only ever given what the same solver's `ask` returned.
  mgs,
  rs,
  gld,
  random,
};

/** Whether a value is the id of a zero-order solver. */
export function isSolverKind(value: unknown): value is SolverKind {
  return (SOLVER_KINDS as readonly unknown[]).includes(value);
}

/**
 * The solver that a piece of data describes, e.g. `createSolver({ kind: 'mgs', samples: 8 })`.
 *
 * @throws {UsageError} for an unknown kind; {SolverError} for an option out of range.
 */
export function createSolver(spec: SolverSpec): Solver {
  const { kind, ...options } = spec;
  if (!isSolverKind(kind)) throw unknownName('solver', String(kind), SOLVER_KINDS);
  return (SOLVERS[kind] as (options: object) => Solver)(options);
}
