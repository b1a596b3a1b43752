import { isZeroOrder } from './protocol.js';
import type { SearchProtocol } from './protocol.js';

/** Every solver that a search can be asked for by name; a protocol says in settings what it consists of. */
export const SOLVER_IDS = [
  'mgs',
  'rs',
  'gld',
  'random',
  'darts-1st',
  'darts-2nd',
  'rdarts-dp',
  'rdarts-l2',
  'darts-es',
  'darts-ada',
  'sdarts-rs',
  'sdarts-adv',
  'pc-darts',
] as const;

/** The name of a solver. */
export type SolverId = (typeof SOLVER_IDS)[number];

/** Whether a value is the name of a solver. */
export function isSolverId(value: unknown): value is SolverId {
  return (SOLVER_IDS as readonly unknown[]).includes(value);
}

/** DARTS' decay of the weights; one above it makes R-DARTS(L2). */
const DARTS_DECAY = 3e-4;

/**
 * The name of the solver that a protocol's settings amount to. A zero-order solver keeps its name whatever it is combined
 * with; a gradient solver is named after what it has beside the gradient, the first of what this looks for.
 */
export function solverId(protocol: SearchProtocol): SolverId {
  const { solver, weights, perturbation, partialChannels, stability, dropPath } = protocol;
  if (isZeroOrder(solver)) return solver.kind;
  if (perturbation) return perturbation.kind === 'rs' ? 'sdarts-rs' : 'sdarts-adv';
  if (partialChannels) return 'pc-darts';
  if (stability?.action === 'stop') return 'darts-es';
  if (stability?.action === 'regularize') return 'darts-ada';
  if (dropPath) return 'rdarts-dp';
  if (weights.weightDecay > DARTS_DECAY) return 'rdarts-l2';
  return solver.order === 'first' ? 'darts-1st' : 'darts-2nd';
}
