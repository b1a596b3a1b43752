import { normal, split } from '../math/random.js';
import { axpy, scale } from '../math/vec.js';
import { integer, real, setting } from '../settings.js';
import { bestCandidate, defineSolver } from './solver.js';

/** Settings of {@link randomAlpha}. */
export class RandomAlphaSettings {
  /** Fresh alphas drawn an alpha update; as many as MGS has candidates. */
  samples = setting(integer(1, 65_536), 4);
  /** Standard deviation of the drawn alphas; at 1 the softmax of an edge clearly prefers some operation. */
  scale = setting(real({ above: 0 }), 1);
}

/** Random search over alphas with shared weights; {@link randomAlpha} is the solver. */
export const RANDOM_ALPHA = defineSolver({
  id: 'random-alpha',
  title: 'random-alpha',
  settings: new RandomAlphaSettings(),
  deviations: () => [{ sentence: 'Random search over alphas is a baseline of ours; the paper has none.' }],
  steps: ({ samples, scale: deviation }) => ({
    needsGradient: false,
    evaluations: samples + 1,
    ask({ alpha }, { key }) {
      const draws = split(key, samples).map((k) => scale(deviation, normal(k, alpha.length)));
      return { points: [alpha, ...draws] };
    },
    tell(state, { points }, losses) {
      /** The index of the draw that is taken, −1 for staying. */
      const choice = bestCandidate(losses[0], losses.subarray(1));
      const alpha = points[choice + 1];
      return { alpha, update: axpy(-1, state.alpha, alpha), stayed: choice < 0, choice };
    },
  }),
});

/**
 * Random search over alphas with shared weights: what MGS would be without its proposal. Each step draws fresh alphas from N(0, scale²·I), wherever the current ones are, and keeps the best of them if its loss is below the current
 * one's on the same batch. `points[0]` is the current alpha. Losses that are not finite are never chosen, the first of
 * equal ones is, and one equal to the current loss is not. `ctx.gradient` and `ctx.sigma` are not read.
 *
 * @throws {SolverError} for an option out of range.
 */
export const randomAlpha = RANDOM_ALPHA.create;
