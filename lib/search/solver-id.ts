import { isZeroOrder } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/** Every solver that a search can be asked for by name; a protocol says in settings what it consists of. */
export const SOLVER_IDS = ['mgs', 'rs', 'gld', 'random', 'darts-1st', 'darts-2nd'] as const;

/** The name of a solver. */
export type SolverId = (typeof SOLVER_IDS)[number];

/** Whether a value is the name of a solver. */
export function isSolverId(value: unknown): value is SolverId {
  return (SOLVER_IDS as readonly unknown[]).includes(value);
}

/** The name of the solver that a protocol's settings amount to. */
export function solverId({ solver }: SearchProtocol): SolverId {
  if (isZeroOrder(solver)) return solver.kind;
  return solver.order === 'first' ? 'darts-1st' : 'darts-2nd';
}
