/**
 * The protocol of an evaluation: training one network from scratch, as plain data with its seed. It survives
 * `JSON.parse(JSON.stringify(p))`; the schema below is the one place where its fields, their meaning and their bounds are
 * stated, and the types are derived from it.
 */
import { z } from 'zod';
import { DATASET_NAMES } from '../datasets/registry.js';
import {
  bounded,
  BUDGETS,
  choice,
  constant,
  defaultsOf,
  fixed,
  flag,
  formatOf,
  integer,
  or,
  outOfRange,
  real,
  record,
  setting,
} from '../settings.js';
import type { ChangeOf } from '../settings.js';
import { checkGenotype } from '../spaces/genotype.js';
import type { Genotype } from '../spaces/genotype.js';
import { countNetwork } from './count.js';
import { NETWORK_FORMS } from './plan.js';

/**
 * Whose retraining: the paper's in the DARTS space (Tables 3, 5, 6), of Table 2 (R-DARTS' sizes) and Table 7 (SDARTS'
 * sizes) in S1–S4, or on ImageNet (Table 4); or that by which NAS-Bench-201's architectures were trained.
 */
export const EVALUATION_PRESETS = ['darts-space', 'table-2', 'table-7', 'imagenet', 'nb201'] as const;
/** Whose retraining an evaluation follows. */
export type EvaluationPreset = (typeof EVALUATION_PRESETS)[number];

/** Data sets that a network can be trained on. */
export const EVALUATION_DATASETS = [...DATASET_NAMES, 'imagenet'] as const;
/** The name of a data set that a network can be trained on. */
export type EvaluationDataset = (typeof EVALUATION_DATASETS)[number];

/** Settings have the defaults of CIFAR-10 in the DARTS space (FIDELITY A5); one without a source is the paper's. */
const networkSchema = record({
  /** The network of a genotype. */
  kind: constant('genotype'),
  /** The two cells. */
  genotype: fixed(
    bounded(
      z.custom<Genotype>((value) => typeof value === 'object' && value !== null),
      'a genotype: normal, normalConcat, reduce, reduceConcat',
    ),
    'it is what is evaluated',
  ),
  /** The network around the cells: DARTS’ for small images or for large ones, or NAS-Bench-201’s. */
  form: fixed(choice(NETWORK_FORMS), 'choose it with --preset, since it decides other settings'),
  /** Cells; two of them, at a third and two thirds, are reduction cells. Of the form stages a third are in each stage. */
  cells: setting(integer(1, 1000), 20, 'paper'),
  /** Channels of the first cells. */
  channels: setting(integer(1, 4096), 36, 'paper'),
  /** Weight of the auxiliary head’s loss; 0 for a network without the head. */
  auxiliaryWeight: setting(real({ atLeast: 0 }), 0.4, 'paper'),
  /** Probability of drop path that the epochs rise to, linearly from 0; 0 for none. */
  dropPath: setting(real({ atLeast: 0, below: 1 }), 0.2, 'released scripts'),
});

/** The paper's network in the DARTS space, but for its genotype. */
export const NETWORK_DEFAULTS = defaultsOf(networkSchema);

const linearSchema = record({
  /** A baseline: multinomial logistic regression on the pixels. */
  kind: constant('linear'),
});

const evaluationSchema = record({
  /** Version of this format. */
  version: constant(1),
  /** What the protocol describes. */
  kind: constant('evaluation'),
  /** Whose retraining the settings started from. */
  preset: fixed(choice(EVALUATION_PRESETS), 'choose it with --preset, since it decides other settings'),
  /** How much computing the settings were derived for. */
  budget: fixed(choice(BUDGETS), 'choose it with --budget, since it decides other settings'),
  /** Seed of everything random in the run. */
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  dataset: record({
    /** Data set. */
    name: fixed(choice(EVALUATION_DATASETS), 'choose it with --dataset, since it decides other settings'),
    /** Side of the square images in pixels; smaller than their own means shrunk. */
    imageSide: integer(8, 1024, 2),
    /** Training images used: the first ones of the file order. */
    trainSize: integer(1, 100_000_000),
    /** Test images used: the first ones of the file order. */
    testSize: integer(1, 100_000_000),
    /** Classes of ImageNet used: the first ones by their folders’ names; all where it is left out. */
    classes: integer(2, 1000).exactOptional(),
  }),
  /** What is trained. */
  network: fixed(
    z.discriminatedUnion('kind', [networkSchema, linearSchema]),
    'it follows from what is evaluated',
  ),
  /** Side of the square cut out of every training image, in pixels; 0 for none. */
  cutout: setting(integer(0, 1024), 16, 'paper'),
  /** Images a step. */
  batchSize: setting(integer(1, 65_536), 96, 'paper'),
  /** Passes over the training images. */
  epochs: setting(integer(1, 100_000), 600, 'paper'),
  weights: record({
    /** Learning rate at the start. */
    lr: setting(real({ above: 0 }), 0.025, 'released scripts'),
    /** How the learning rate falls to 0 over the epochs. */
    schedule: setting(choice(['cosine', 'linear']), 'cosine', 'released scripts'),
    /** Whether the first five epochs have a fifth, two fifths, … of the learning rate. */
    warmup: setting(flag(), false, 'released scripts'),
    /** Momentum of SGD. */
    momentum: setting(real({ atLeast: 0, below: 1 }), 0.9, 'released scripts'),
    /** L2 decay, added to the gradient before momentum. */
    weightDecay: setting(real({ atLeast: 0 }), 3e-4, 'released scripts'),
    /** Largest global norm of the gradient; null for no clipping. */
    clip: setting(or(real({ above: 0 }), null), 5, 'released scripts'),
    /** Whether the momentum is Nesterov’s; left out: it is not. */
    nesterov: flag().exactOptional(),
  }),
  /** Share of every target that is spread evenly over the classes. */
  labelSmoothing: setting(real({ atLeast: 0, below: 1 }), 0, 'released scripts'),
  /** Passes over the test images of a network with the noise operation, whose draws differ; others need one. */
  noisePasses: setting(integer(1, 1000), 5),
});

/** One evaluation as plain data. */
export type EvaluationProtocol = z.infer<typeof evaluationSchema>;

/** The network's part of a protocol of a genotype. */
export type NetworkProtocol = Extract<EvaluationProtocol['network'], { kind: 'genotype' }>;

/** Whether the auxiliary head fits, of the networks that were counted: each is asked for again with every seed. */
const headFits = new Map<string, boolean>();

/** An evaluation whose fields are each within their bounds, checked whole. */
function checkedEvaluation(protocol: EvaluationProtocol): EvaluationProtocol {
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
  const image = { height: dataset.imageSide, width: dataset.imageSide };
  const key = JSON.stringify([network, image]);
  const fits =
    headFits.get(key) ?? countNetwork(genotype, { ...network, classes: 1 }, image).auxiliary !== null;
  headFits.set(key, fits);
  if (network.auxiliaryWeight > 0 && !fits) {
    const must = `0 with images of ${dataset.imageSide}×${dataset.imageSide} pixels, which the auxiliary head does not fit`;
    throw outOfRange('network.auxiliaryWeight', network.auxiliaryWeight, must);
  }
  return { ...protocol, network: { ...network, genotype } };
}

/** Evaluations. */
export const EVALUATION = formatOf(evaluationSchema, 'An evaluation protocol', checkedEvaluation);

/** What of an evaluation can be changed, e.g. `{ epochs: 20, weights: { lr: 0.05 } }`. */
export type EvaluationChange = ChangeOf<typeof evaluationSchema>;

/** Refuses a protocol that asks for more images than there are. @throws {UsageError} naming setting, value and count. */
export function checkEvaluationData(
  { dataset }: EvaluationProtocol,
  { trainCount, testCount }: { readonly trainCount: number; readonly testCount: number },
): void {
  const counts = { trainSize: trainCount, testSize: testCount };
  for (const field of ['trainSize', 'testSize'] as const) {
    const must = `at most ${counts[field]}, the images in the data set`;
    if (dataset[field] > counts[field]) throw outOfRange(`dataset.${field}`, dataset[field], must);
  }
}
