/** Trainings of the networks that searches find: settings that are there before it is known what is trained. */
import { UsageError } from '../lib/errors.js';
import { keepAll } from '../lib/latest.js';
import type { EvaluationChoice } from '../lib/evaluation/presets.js';
import { evaluationBudget, fullEvaluation } from '../lib/evaluation/presets.js';
import { EVALUATION } from '../lib/evaluation/protocol.js';
import type { EvaluationProtocol, NetworkProtocol } from '../lib/evaluation/protocol.js';
import type { Caps } from '../lib/search/presets.js';
import type { Budget } from '../lib/search/protocol.js';
import { applyChange, parseSet } from '../lib/settings.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { Genotype } from '../lib/spaces/genotype.js';

/** The settings of a training before it is known what is trained. */
export type TrainingSettings = Omit<EvaluationProtocol, 'network'> & {
  readonly network: Omit<NetworkProtocol, 'genotype'>;
};

/** Stands where settings have to be checked before the genotype is known; nothing of it stays in them. */
const ANY_GENOTYPE = KNOWN_GENOTYPES.DARTS_V2;

/**
 * At `laptop` a table's dozens of trainings get less than a single one does: about a minute each on two cores. What keeps 600
 * epochs from learning images by heart keeps 12 from telling cells apart (PILOTS.md): there is no cut-out and no drop path.
 */
const CAPS_IN_TABLES: Partial<Record<Budget, Caps>> = {
  laptop: { dataset: { imageSide: 16 }, epochs: 12, cutout: 0, network: { dropPath: 0 } },
};

/**
 * The settings of a training for a budget, one of many.
 *
 * @param set  `path=value`.
 * @throws {UsageError} for a setting that does not exist or is out of range.
 */
export function trainingSettings(
  choice: EvaluationChoice,
  budget: Budget,
  set: readonly string[] = [],
): TrainingSettings {
  return kept([choice, budget, set], () => {
    const full = fullEvaluation(ANY_GENOTYPE, choice);
    const { network } = full;
    const caps = network.kind === 'genotype' && network.form === 'cifar' ? CAPS_IN_TABLES[budget] : undefined;
    return withoutGenotype(applyChange(EVALUATION, evaluationBudget(full, budget, caps), parseSet(set)));
  });
}

/** Every cell of a grid asks for the same ones. */
const kept = keepAll<TrainingSettings>();

/** The settings of an evaluation, whatever was trained. @throws {UsageError} for that of a linear classifier. */
export function withoutGenotype(protocol: EvaluationProtocol): TrainingSettings {
  const { network, ...rest } = protocol;
  if (network.kind === 'linear') throw new UsageError('A linear classifier has no genotype to leave out.');
  const { kind, form, cells, channels, auxiliaryWeight, dropPath } = network;
  return { ...rest, network: { kind, form, cells, channels, auxiliaryWeight, dropPath } };
}

/** The evaluation of a genotype by these settings. */
export function trainingOf(settings: TrainingSettings, genotype: Genotype): EvaluationProtocol {
  return EVALUATION.parse({ ...settings, network: { ...settings.network, genotype } });
}

/** The evaluation of some genotype or other by these settings, for what does not depend on it: images, sizes. */
export function anyTrainingOf(settings: TrainingSettings): EvaluationProtocol {
  return trainingOf(settings, ANY_GENOTYPE);
}

/** The settings with a change made, by a function that makes it of a whole evaluation. */
export function changedTraining(
  settings: TrainingSettings,
  change: (format: typeof EVALUATION, whole: EvaluationProtocol) => EvaluationProtocol,
): TrainingSettings {
  return withoutGenotype(change(EVALUATION, anyTrainingOf(settings)));
}
