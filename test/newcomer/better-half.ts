/** A made-up solver, as somebody who adds one writes it: CONTRIBUTING.md shows the file and the line for the index. */
import { normal } from '../../lib/math/random.js';
import { axpy, scale } from '../../lib/math/vec.js';
import { real, setting } from '../../lib/settings.js';
import { bestCandidate, defineSolver } from '../../lib/solvers/solver.js';

/** Settings of {@link BETTER_HALF}. */
class BetterHalfSettings {
  /** Standard deviation of the step. */
  stride = setting(real({ above: 0 }), 0.3);
  /** Share of its length that a step keeps in preset released. */
  keep = setting(real({ above: 0, atMost: 1 }), 1, 'paper');
}

/** Tries one step and the opposite one, and takes the better of the two if it is better than staying. */
export const BETTER_HALF = defineSolver({
  id: 'better-half',
  title: 'Better half',
  settings: new BetterHalfSettings(),
  presets: { released: { keep: 0.5 } },
  deviations: () => [{ sentence: 'The better half of two steps is made up.' }],
  steps: ({ stride, keep }) => ({
    needsGradient: false,
    evaluations: 3,
    ask({ alpha }, { key }) {
      const step = scale(stride * keep, normal(key, alpha.length));
      return { points: [alpha, axpy(1, step, alpha), axpy(-1, step, alpha)] };
    },
    tell({ alpha }, { points }, losses) {
      const choice = bestCandidate(losses[0], losses.subarray(1));
      return { update: axpy(-1, alpha, points[choice + 1]), stayed: choice < 0 };
    },
  }),
});
