/**
 * The protocol of an evaluation: training one network from scratch, as plain data with its seed. It survives
 * `JSON.parse(JSON.stringify(p))`; the schema below is the one place where its fields, their meaning and their bounds are
 * stated, and the types are derived from it.
 */
import { z } from 'zod';
import { DATASET_NAMES } from '../datasets/registry.js';
import { BUDGETS } from '../search/protocol.js';
import {
  assignSettings,
  choice,
  constant,
  described,
  fieldsOf,
  flag,
  integer,
  optionalInteger,
  outOfRange,
  real,
  realOr,
  schemaFault,
} from '../settings.js';
import type { FieldDescription } from '../settings.js';
import { checkGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { countNetwork } from './count.js';
import { NETWORK_FORMS } from './plan.js';

/**
 * Whose retraining: the paper's in the DARTS space (Tables 3, 5, 6), of Table 2 (R-DARTS' sizes) and Table 7 (SDARTS'
 * sizes) in S1–S4, or on ImageNet (Table 4).
 */
export const EVALUATION_PRESETS = ['darts-space', 'table-2', 'table-7', 'imagenet'] as const;
/** Whose retraining an evaluation follows. */
export type EvaluationPreset = (typeof EVALUATION_PRESETS)[number];

/** Data sets that a network can be trained on. */
export const EVALUATION_DATASETS = [...DATASET_NAMES, 'imagenet'] as const;
/** The name of a data set that a network can be trained on. */
export type EvaluationDataset = (typeof EVALUATION_DATASETS)[number];

/** How the learning rate falls. */
export const LR_SCHEDULES = ['cosine', 'linear'] as const;

const genotypeBounds = 'a genotype: normal, normalConcat, reduce, reduceConcat';

const networkSchema = z.strictObject({
  kind: constant('The network of a genotype.', 'genotype'),
  genotype: described(
    z.custom<Genotype>((value) => typeof value === 'object' && value !== null, { error: genotypeBounds }),
    'The two cells.',
    genotypeBounds,
  ),
  form: choice('Stem and auxiliary head: for small images or for large ones.', NETWORK_FORMS),
  cells: integer('Cells; two of them, at a third and two thirds, are reduction cells.', 1, 1000),
  channels: integer('Channels of the first cells.', 1, 4096),
  auxiliaryWeight: real('Weight of the auxiliary head’s loss; 0 for a network without the head.', {
    atLeast: 0,
  }),
  dropPath: real('Probability of drop path that the epochs rise to, linearly from 0; 0 for none.', {
    atLeast: 0,
    below: 1,
  }),
});

const linearSchema = z.strictObject({
  kind: constant('A baseline: multinomial logistic regression on the pixels.', 'linear'),
});

const evaluationSchema = z.strictObject({
  version: constant('Version of this format.', 1),
  kind: constant('What the protocol describes.', 'evaluation'),
  preset: choice('Whose retraining the settings started from.', EVALUATION_PRESETS),
  budget: choice('How much computing the settings were derived for.', BUDGETS),
  seed: integer('Seed of everything random in the run.', 0, Number.MAX_SAFE_INTEGER),
  dataset: z.strictObject({
    name: choice('Data set.', EVALUATION_DATASETS),
    imageSide: integer(
      'Side of the square images in pixels; smaller than their own means shrunk.',
      8,
      1024,
      2,
    ),
    trainSize: integer('Training images used: the first ones of the file order.', 1, 100_000_000),
    testSize: integer('Test images used: the first ones of the file order.', 1, 100_000_000),
    classes: optionalInteger(
      'Classes of ImageNet used: the first ones by their folders’ names; all where it is left out.',
      2,
      1000,
    ),
  }),
  network: z.discriminatedUnion('kind', [networkSchema, linearSchema]),
  cutout: integer('Side of the square cut out of every training image, in pixels; 0 for none.', 0, 1024),
  batchSize: integer('Images a step.', 1, 65_536),
  epochs: integer('Passes over the training images.', 1, 100_000),
  weights: z.strictObject({
    lr: real('Learning rate at the start.', { above: 0 }),
    schedule: choice('How the learning rate falls to 0 over the epochs.', LR_SCHEDULES),
    warmup: flag('Whether the first five epochs have a fifth, two fifths, … of the learning rate.'),
    momentum: real('Momentum of SGD.', { atLeast: 0, below: 1 }),
    weightDecay: real('L2 decay, added to the gradient before momentum.', { atLeast: 0 }),
    clip: realOr('Largest global norm of the gradient; null for no clipping.', { above: 0 }, null),
  }),
  labelSmoothing: real('Share of every target that is spread evenly over the classes.', {
    atLeast: 0,
    below: 1,
  }),
  noisePasses: integer(
    'Passes over the test images of a network with the noise operation, whose draws differ; others need one.',
    1,
    1000,
  ),
});

/** One evaluation as plain data. Its fields are documented and bounded in the schema; {@link describeEvaluation} lists them. */
export type EvaluationProtocol = z.infer<typeof evaluationSchema>;

/** The network's part of a protocol of a genotype. */
export type NetworkProtocol = Extract<EvaluationProtocol['network'], { kind: 'genotype' }>;

/**
 * The value as a protocol, checked whole: every field there, of its type and within its bounds, and in keeping with the
 * others.
 *
 * @throws {UsageError} one sentence with the first fault's field, value and bounds.
 */
export function parseEvaluation(value: unknown): EvaluationProtocol {
  const parsed = evaluationSchema.safeParse(value);
  if (!parsed.success) {
    throw schemaFault(evaluationSchema, parsed.error.issues[0], value, 'An evaluation protocol');
  }
  const protocol = parsed.data;
  const { dataset, network, batchSize, cutout, weights } = protocol;
  if (batchSize > dataset.trainSize) {
    throw outOfRange('batchSize', batchSize, `at most ${dataset.trainSize}, which is dataset.trainSize`);
  }
  if (cutout > dataset.imageSide) {
    throw outOfRange('cutout', cutout, `at most ${dataset.imageSide}, which is dataset.imageSide`);
  }
  if (dataset.classes !== undefined && dataset.name !== 'imagenet') {
    throw outOfRange('dataset.classes', dataset.classes, 'left out but for the data set imagenet');
  }
  if (weights.warmup && weights.schedule === 'cosine') {
    throw outOfRange('weights.warmup', true, 'false with weights.schedule "cosine"');
  }
  if (network.kind === 'linear') return protocol;
  const genotype = checkGenotype(network.genotype);
  // The counts refuse whatever the network cannot be: odd maps where they are halved, odd channels.
  const { auxiliary } = countNetwork(
    genotype,
    { ...network, classes: 1 },
    { height: dataset.imageSide, width: dataset.imageSide },
  );
  if (network.auxiliaryWeight > 0 && auxiliary === null) {
    const must = `0 with images of ${dataset.imageSide}×${dataset.imageSide} pixels, which the auxiliary head does not fit`;
    throw outOfRange('network.auxiliaryWeight', network.auxiliaryWeight, must);
  }
  return { ...protocol, network: { ...network, genotype } };
}

/** Every field of the protocol with its meaning and bounds, for the kind of network that it has. */
export function describeEvaluation(protocol: EvaluationProtocol): FieldDescription[] {
  return fieldsOf(evaluationSchema, protocol);
}

/** Fields that say what a protocol is rather than how it runs: chosen by their own options, never by `--set`. */
const IDENTITY: Readonly<Record<string, string>> = {
  version: 'it is fixed',
  kind: 'it is fixed',
  preset: 'choose it with --preset, since it decides other settings',
  budget: 'choose it with --budget, since it decides other settings',
  'dataset.name': 'choose it with --dataset, since it decides other settings',
  'network.kind': 'it follows from what is evaluated',
  'network.genotype': 'it is what is evaluated',
  'network.form': 'choose it with --preset, since it decides other settings',
};

/** The paths that {@link setEvaluation} takes for this protocol. */
export function settableFields(protocol: EvaluationProtocol): string[] {
  return describeEvaluation(protocol)
    .map(({ path }) => path)
    .filter((path) => !(path in IDENTITY));
}

/**
 * The protocol with settings written as `path=value` applied in order, e.g. `setEvaluation(p, 'epochs=10')`; all are
 * applied before the result is checked whole.
 *
 * @throws {UsageError} for an unknown path (with the allowed ones and the nearest), a field that has an option of its own,
 *         and a value out of range.
 */
export function setEvaluation(
  protocol: EvaluationProtocol,
  ...assignments: readonly string[]
): EvaluationProtocol {
  return parseEvaluation(assignSettings(protocol, assignments, settableFields(protocol), IDENTITY));
}

/** Refuses a protocol that asks for more images than there are. @throws {UsageError} naming setting, value and count. */
export function checkEvaluationData(
  { dataset }: EvaluationProtocol,
  { trainCount, testCount }: { readonly trainCount: number; readonly testCount: number },
): void {
  for (const [field, asked, count] of [
    ['dataset.trainSize', dataset.trainSize, trainCount],
    ['dataset.testSize', dataset.testSize, testCount],
  ] as const) {
    if (asked > count) throw outOfRange(field, asked, `at most ${count}, the images in the data set`);
  }
}
