/**
 * The paper's settings for training derived networks (FIDELITY A5–A7), one record a table, and the smaller budgets, all
 * derived from them.
 */
import { IMAGENET, isPhotoDataset, officialSize } from '../datasets/registry.js';
import { UsageError, knownName } from '../errors.js';
import { capped, differences, smallBudget, sourced } from '../search/presets.js';
import type { Caps, SmallBudget, SourcedSetting } from '../search/presets.js';
import { defaultsOf, merged, valueAt } from '../settings.js';
import type { Field, SettingSource } from '../settings.js';
import type { Genotype } from '../spaces/genotype.js';
import { countNetwork } from './count.js';
import { EVALUATION, EVALUATION_DATASETS, EVALUATION_PRESETS, NETWORK_DEFAULTS } from './protocol.js';
import type { EvaluationDataset, EvaluationPreset, EvaluationProtocol, NetworkProtocol } from './protocol.js';

/** What the settings of an evaluation depend on besides the genotype. */
export interface EvaluationChoice {
  /** Default: `darts-space`. */
  readonly preset?: string;
  /** Default: `cifar10`; `imagenet` for the preset of that name. */
  readonly dataset?: string;
  /** How many images a folder of one's own has. */
  readonly there?: { readonly train: number; readonly test: number };
  /** The search space that the genotype comes from, which decides the sizes of Table 2 on CIFAR-10. */
  readonly space?: string;
}

/**
 * The paper's settings for training a genotype's network from scratch. Budget `full`, seed 0.
 *
 * `darts-space`: 20 cells, 36 channels (Tables 3, 5, 6). `table-2`: R-DARTS' sizes, by data set and space. `table-7`:
 * 20 cells, 36 channels throughout. `imagenet`: Table 4. `nb201`: what NAS-Bench-201's architectures were trained by, without
 * its several seeds.
 *
 * @throws {UsageError} for an unknown preset or data set, one that the preset is not for, and where Table 2 needs a space; for
 *         a genotype that the preset's network has no place for.
 */
export function fullEvaluation(genotype: Genotype, choice: EvaluationChoice = {}): EvaluationProtocol {
  const own = genotype.skeleton === 'stages' ? 'nb201' : 'darts-space';
  const preset = knownName('evaluation preset', choice.preset ?? own, EVALUATION_PRESETS);
  const large = preset === 'imagenet';
  const name = knownName('data set', choice.dataset ?? (large ? 'imagenet' : 'cifar10'), EVALUATION_DATASETS);
  if (large !== isPhotoDataset(name)) {
    throw new UsageError(
      `The preset ${preset} is ${large ? 'for photographs (imagenet, folder)' : 'not for photographs'}; it was given ${name}.`,
    );
  }
  const { there } = choice;
  const start = {
    ...defaultsOf(EVALUATION.schema),
    preset,
    budget: 'full',
    seed: 0,
    dataset: {
      name,
      imageSide: 32,
      // ImageNet's validation images stand for test images, whose labels were never published.
      trainSize: officialSize(name, 'train', there?.train),
      testSize: officialSize(name, 'test', there?.test),
    },
    network: { ...NETWORK_DEFAULTS, form: 'cifar', genotype },
  };
  const changes = large ? ON_IMAGENET : preset === 'nb201' ? NB201 : undefined;
  const otherwise = changes ?? { network: sizes(preset, name, choice.space) };
  const batchSize = Math.min(ON_IMAGENET.batchSize, start.dataset.trainSize);
  // A folder of one's own may hold fewer images than a batch of the paper's; the rate keeps its ratio to it.
  const few =
    name === 'folder'
      ? { batchSize, weights: { lr: ON_IMAGENET.weights.lr * (batchSize / ON_IMAGENET.batchSize) } }
      : {};
  return EVALUATION.parse(merged(merged(start, otherwise), few));
}

/** What is otherwise in NAS-Bench-201 (Dong and Yang 2020, Table 1). */
const NB201 = {
  network: { form: 'stages', cells: 15, channels: 16, auxiliaryWeight: 0, dropPath: 0 },
  cutout: 0,
  batchSize: 256,
  epochs: 200,
  weights: { lr: 0.1, weightDecay: 5e-4, clip: null, nesterov: true },
};

/** FIDELITY A7: what is otherwise on ImageNet. */
const ON_IMAGENET = {
  dataset: { imageSide: 224 },
  network: { form: 'imagenet', cells: 14, channels: 48, dropPath: 0 },
  cutout: 0,
  batchSize: 1024,
  epochs: 250,
  weights: { lr: 0.5, schedule: 'linear', warmup: true, weightDecay: 3e-5 },
  labelSmoothing: 0.1,
};

/** Cells and channels on small images (FIDELITY A5 and A6). */
function sizes(
  preset: EvaluationPreset,
  dataset: EvaluationDataset,
  space: string | undefined,
): Pick<NetworkProtocol, 'cells' | 'channels'> {
  if (preset === 'table-2' && (dataset === 'cifar100' || dataset === 'svhn'))
    return { cells: 8, channels: 16 };
  if (preset !== 'table-2' || space === 's1' || space === 's3') return { cells: 20, channels: 36 };
  if (space === 's2' || space === 's4') return { cells: 20, channels: 16 };
  throw new UsageError(
    `On CIFAR-10 the networks of Table 2 have 36 channels in S1 and S3 and 16 in S2 and S4; name the space that the genotype comes from with --space, one of s1, s2, s3, s4${space === undefined ? '' : ` (it is ${JSON.stringify(space)})`}.`,
  );
}

/**
 * The protocol of the linear baseline beside an evaluation: the same images, batches, augmentation and schedule, without
 * what belongs to the network.
 */
export function linearBaseline(protocol: EvaluationProtocol): EvaluationProtocol {
  return EVALUATION.parse({
    ...protocol,
    network: { kind: 'linear' },
    // Cutting a square out hides pixels that a linear classifier has no way to make up for.
    cutout: 0,
    labelSmoothing: 0,
    noisePasses: 1,
    weights: { ...protocol.weights, lr: LINEAR_LR },
  });
}

/**
 * Ours: the best for the baseline of 0.0005, 0.001, 0.0025, 0.005, 0.01 and 0.025 on the CIFAR-10 subset at `laptop`, by its
 * test error (61.3 %; the others 61.9 to 62.9 %).
 */
const LINEAR_LR = 0.01;

/** `smoke` of the networks for small images. */
const SMALL_IMAGES: Caps = {
  dataset: { imageSide: 16, trainSize: 64, testSize: 40 },
  network: { cells: 3, channels: 4 },
  batchSize: 16,
  epochs: 2,
};

/** What a budget may use at most: `smoke` is sized to end in seconds, `laptop` in some minutes on two cores. By network form. */
const CAPS: Readonly<Record<NetworkProtocol['form'], Record<SmallBudget, Caps>>> = {
  cifar: {
    smoke: SMALL_IMAGES,
    laptop: {
      dataset: { imageSide: 32, trainSize: 8000, testSize: 2000 },
      network: { cells: 5, channels: 8 },
      batchSize: 96,
      epochs: 20,
    },
  },
  stages: {
    smoke: SMALL_IMAGES,
    laptop: {
      dataset: { imageSide: 32, trainSize: 8000, testSize: 2000 },
      network: { cells: 3, channels: 8 },
      batchSize: 96,
      epochs: 20,
    },
  },
  imagenet: {
    smoke: {
      dataset: { imageSide: 64, trainSize: 32, testSize: 16 },
      network: { cells: 3, channels: 4 },
      batchSize: 8,
      epochs: 2,
    },
    laptop: {
      dataset: { imageSide: 96, trainSize: 4000, testSize: 1000 },
      network: { cells: 5, channels: 16 },
      batchSize: 64,
      epochs: 20,
    },
  },
};

/**
 * The protocol for a smaller budget, derived from a full one: whatever exceeds what the budget allows is cut down to it, the
 * cut-out keeps its share of the image, the learning rate its ratio to a batch that is cut (Goyal et al. 2017), and the
 * auxiliary head is left out where the images do not fit it. Everything else stays.
 *
 * @param full     A protocol of budget `full`.
 * @param tighter  What may be used where that is less than the budget allows.
 * @throws {UsageError} as {@link smallBudget}.
 */
export function evaluationBudget(
  full: EvaluationProtocol,
  budget: string,
  tighter: Caps = {},
): EvaluationProtocol {
  const known = smallBudget(full, budget);
  if (known === undefined) return full;
  if (full.network.kind === 'linear') {
    throw new UsageError(
      'A budget is derived from the protocol of a genotype; derive its baseline after that.',
    );
  }
  const cut = capped(capped(full, CAPS[full.network.form][known]), tighter);
  const network = cut.network as NetworkProtocol;
  const { imageSide } = cut.dataset;
  const image = { height: imageSide, width: imageSide };
  const { auxiliary } = countNetwork(network.genotype, { ...network, classes: 1 }, image);
  return EVALUATION.parse({
    ...cut,
    budget: known,
    network: { ...network, auxiliaryWeight: auxiliary ? network.auxiliaryWeight : 0 },
    cutout: Math.round((cut.cutout * imageSide) / full.dataset.imageSide),
    weights: { ...full.weights, lr: full.weights.lr * (cut.batchSize / full.batchSize) },
  });
}

/** Settings that the paper's text states for ImageNet only. */
const STATED_ON_IMAGENET = ['weights.lr', 'weights.momentum'];

/** Where the full setting comes from. */
function sourceOf({ path, source = 'paper' }: Field, preset: EvaluationPreset): SettingSource {
  if (preset === 'nb201') return source === 'ours' ? source : 'baseline paper';
  return preset === 'imagenet' && STATED_ON_IMAGENET.includes(path) ? 'paper' : source;
}

/**
 * What a protocol does otherwise than the paper's retraining under the same preset, one sentence each, to be printed under
 * every result.
 *
 * @param space  The search space that the genotype comes from; where it is not known, that of the network's width.
 */
export function evaluationDeviations(protocol: EvaluationProtocol, space?: string): string[] {
  const { network, preset, dataset, batchSize } = protocol;
  if (network.kind === 'linear') {
    return ['A linear classifier on the pixels is a baseline of ours; the paper has none.'];
  }
  const sentences: string[] = [];
  if (dataset.trainSize % batchSize !== 0) {
    sentences.push(
      'What is left over at the end of an epoch, fewer images than a batch, is not used in it; PyTorch’s loader makes a smaller batch of it.',
    );
  }
  // Computed images stand for CIFAR-10, photographs of one's own for ImageNet's. Table 2 has two widths on it, by the space.
  const likes: Readonly<Partial<Record<string, string>>> = { synthetic: 'cifar10', folder: 'imagenet' };
  const like = likes[dataset.name] ?? dataset.name;
  const known = space === undefined ? ['s1', 's2'] : [space];
  const papers = (preset === 'table-2' ? known : ['s1']).map((each) =>
    fullEvaluation(network.genotype, { preset, dataset: like, space: each }),
  );
  const paper = papers.find((each) => valueAt(each, 'network.channels') === network.channels) ?? papers[0];
  if (dataset.classes !== undefined) {
    sentences.push(`The first ${dataset.classes} classes are used; the paper has all ${IMAGENET.classes}.`);
  }
  if (preset === 'nb201') sentences.push('The paper trains no network of this space.');
  const settings = settingsOf(protocol).filter(({ path }) => path !== 'dataset.classes');
  return [...sentences, ...differences(settings, paper, 'NAS-Bench-201’s')];
}

/** What says which evaluation a protocol is, not how it is done. */
const LABELS = new Set(['version', 'kind', 'preset', 'budget', 'seed', 'network.kind', 'network.genotype']);

/** The settings that say how an evaluation is done. */
function settingsOf(protocol: EvaluationProtocol): SourcedSetting[] {
  return sourced(EVALUATION.schema, protocol, (field) => sourceOf(field, protocol.preset)).filter(
    ({ path }) => !LABELS.has(path),
  );
}

/** The settings of an evaluation that the paper's text leaves open. */
export function openEvaluationSettings(protocol: EvaluationProtocol): SourcedSetting[] {
  return settingsOf(protocol).filter(({ source }) => source !== 'paper');
}
