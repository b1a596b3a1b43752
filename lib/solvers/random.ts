import { normal, split } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import { bestCandidate } from './gld.js';
import { checkLosses, checkOptions, countNonFinite, initialState } from './solver.js';
import type { Asked, Diagnostics, Solver, SolverState } from './solver.js';

/** Options of {@link random}. */
export interface RandomOptions {
  /** Fresh alphas drawn a step, ≥ 1. */
  readonly samples: number;
  /** Standard deviation of each drawn alpha, > 0; 1 makes the softmax of an edge clearly prefer some operation. */
  readonly scale: number;
}

/** As many candidates as MGS draws by default; ours, the paper has no such baseline. */
export const RANDOM_DEFAULTS: RandomOptions = { samples: 4, scale: 1 };

/** What {@link random} computed in a step. */
export interface RandomDiagnostics extends Diagnostics {
  /** The index of the draw that was taken, −1 for staying. */
  readonly choice: number;
}

/**
 * Random search with shared weights, the baseline of honest comparisons (Li and Talwalkar 2019): each step draws fresh
 * alphas from N(0, scale²·I), wherever the current ones are, and keeps the best of them if its loss is below the current
 * one's on the same batch. `points[0]` is the current alpha. Losses that are not finite are never chosen, the first of
 * equal ones is, and one equal to the current loss is not. `ctx.gradient` and `ctx.sigma` are not read.
 *
 * @throws {SolverError} for an option out of range.
 */
export function random(options: Partial<RandomOptions> = {}): Solver<SolverState, Asked, RandomDiagnostics> {
  const settings: RandomOptions = { ...RANDOM_DEFAULTS, ...options };
  checkOptions('random', {
    samples: { value: settings.samples, min: 1, integer: true },
    scale: { value: settings.scale, min: 0, above: true },
  });
  return {
    kind: 'random',
    needsGradient: false,
    evaluations: settings.samples + 1,
    init: (alpha) => initialState('random', alpha),
    ask({ alpha }, { key }) {
      const draws = split(key, settings.samples).map((k) => scale(settings.scale, normal(k, alpha.length)));
      return { points: [alpha, ...draws] };
    },
    tell(state, { points }, losses) {
      checkLosses('random', losses, points);
      const choice = bestCandidate(losses[0], losses.subarray(1));
      const update = axpy(-1, state.alpha, points[choice + 1]);
      const discarded = countNonFinite(losses);
      // Not alpha + update: the drawn point itself, free of rounding.
      const next = { alpha: points[choice + 1], step: state.step + 1 };
      return { state: next, diagnostics: { update, discarded, stayed: choice < 0, choice } };
    },
  };
}
