/** Cells of grids whose networks are trained. */
import type { EvaluationChoice } from '../lib/evaluation/presets.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { linearBaseline } from '../lib/evaluation/presets.js';
import { spaceName } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import type { Axes, Cell } from './experiment.js';
import type { Grid } from './grid.js';
import { countsOf } from './kinds.js';
import type { RowOf, Run, TrainingRow } from './kinds.js';
import { anyTrainingOf, trainingOf, trainingSettings } from './training.js';

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

/**
 * The row of a network that a search found and that was not trained: what only training tells is not finite there.
 *
 * @param preset  Whose network the full size is of.
 */
export function untrained<R extends RowOf<'search'>>(
  row: R,
  { genotype, preset }: { readonly genotype: Genotype; readonly preset: string },
): Omit<R, 'kind'> & TrainingRow {
  const { space } = row;
  const dataset = row.dataset as FileDatasetName;
  const classes = FILE_DATASETS[dataset].classes.length;
  const paper = trainingSettings({ preset, dataset, space }, 'full');
  return {
    ...row,
    ...NOT_TRAINED,
    kind: 'training',
    genotype,
    classes,
    fullParameters: countsOf(trainingOf(paper, genotype), classes).parameters,
    coverage: '',
  };
}

/** What only a training tells, where it tells nothing: of a network that was not trained, or whose control failed. */
export const NOT_TRAINED = {
  parameters: NaN,
  multiplyAdds: NaN,
  trainingSeconds: NaN,
  errorPct: NaN,
  testImages: NaN,
  bestEpochErrorPct: NaN,
  noisePassesPct: null,
} as const;

/** What tables say where networks were not trained. */
export const UNTRAINED =
  'No errors: where the control fails, networks are not trained. The searches, their cells and sizes stand for themselves.';

/** Whether a network was not trained. */
export const isUntrained = ({ errorPct }: Pick<TrainingRow, 'errorPct'>): boolean => Number.isNaN(errorPct);
