/** The methods that the paper's tables compare: the solvers of lib/search, by the names that tables have. */
export {
  SOLVER_IDS as METHOD_IDS,
  SOLVERS as METHODS,
  solversWith as methodsWith,
  solverTitle as methodTitle,
} from '../lib/search/solver-id.js';
export type { SolverId as MethodId } from '../lib/search/solver-id.js';
export { solverSearch as methodSearch } from '../lib/search/presets.js';
