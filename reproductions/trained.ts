/** Cells of grids whose networks are trained. */
import type { EvaluationChoice } from '../lib/evaluation/presets.js';
import { linearBaseline } from '../lib/evaluation/presets.js';
import { spaceName } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type { Axes, Cell } from './experiment.js';
import type { Grid } from './grid.js';
import type { Run } from './kinds.js';
import { anyTrainingOf, trainingSettings } from './training.js';

/**
 * A search and the training of the network that it finds, with the search's seed; settings changed by hand come from the grid.
 *
 * @param choice  Whose training; of the search's data set and space where nothing else is said.
 */
export function trainedSearch(
  { budget, training }: Pick<Grid, 'budget' | 'training'>,
  search: SearchProtocol,
  choice: Pick<EvaluationChoice, 'preset'> & Partial<EvaluationChoice>,
  set?: readonly string[],
): Extract<Run, { kind: 'training' }> {
  const of = { dataset: search.dataset.name, space: spaceName(search), ...choice };
  const settings = training(trainingSettings(of, budget, set));
  return { kind: 'training', search, training: { ...settings, seed: search.seed } };
}

/**
 * The cells with linear classifiers before them, one for each data set that is trained on: what errors are to be seen beside.
 * At full budget the paper's own numbers stand for that.
 */
export function withBaselines<A extends Axes>(
  cells: readonly Cell<'training', A>[],
): Cell<'training' | 'linear', A>[] {
  const firsts = new Map([...cells].reverse().map((cell) => [cell.run.training.dataset.name, cell]));
  const linear = [...firsts.values()]
    .reverse()
    .flatMap(({ axes, run: { training } }): Cell<'linear', A>[] => {
      const evaluation = linearBaseline(anyTrainingOf({ ...training, seed: 0 }));
      return training.budget === 'full' ? [] : [{ axes, run: { kind: 'linear', evaluation } }];
    });
  return [...linear, ...cells];
}
