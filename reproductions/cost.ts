/**
 * What a search or a training costs, before it is run: its work counted from the protocol, and seconds from a model of the
 * time a step takes. The one place where times are estimated.
 */
import type { EvaluationProtocol, NetworkProtocol } from '../lib/evaluation/protocol.js';
import { key } from '../lib/math/random.js';
import { validationLandscape } from '../lib/search/landscape-protocol.js';
import type {
  ConditionProtocol,
  LandscapeProtocol,
  PathProtocol,
  SpectrumProtocol,
  ValidationProtocol,
} from '../lib/search/landscape-protocol.js';
import { fineTuneIterations } from '../lib/search/omega-protocol.js';
import { halfSize, isDrawn, isZeroOrder, spaceOf, updatePeriod } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { isLookedFor } from '../lib/search/stability.js';
import { createSolver } from '../lib/solvers/registry.js';
import type { Primitive } from '../lib/spaces/primitives.js';
import { CELLS, cellEdges, cellForm } from '../lib/spaces/spaces.js';
import type { SearchSpace } from '../lib/spaces/spaces.js';

/** What an alpha update asks for. A zero-order solver is asked once, in a space of one dimension. */
function askedFor({ solver: settings, omega }: SearchProtocol) {
  if (isDrawn(settings)) return { points: 0, gradients: 0, weightGradients: 0 };
  if (!isZeroOrder(settings)) {
    return omega.kind === 'current'
      ? { points: 0, gradients: 1, weightGradients: 0 }
      : { points: 0, gradients: 2, weightGradients: 2 };
  }
  const solver = createSolver(settings);
  const origin = Float64Array.of(0);
  const { points } = solver.ask(solver.init(origin), { key: key(0), gradient: origin });
  return { points: points.length, gradients: solver.needsGradient ? 1 : 0, weightGradients: 0 };
}

/**
 * The work that a search does from its first step to its last. Of an eigenvalue the most products are counted, and no epoch
 * twice: how often a search goes back is not known before.
 */
export function searchWork(protocol: SearchProtocol) {
  const { batchSize, epochs, warmupEpochs, omega, perturbation, stability } = protocol;
  const { points, gradients, weightGradients } = askedFor(protocol);
  const perEpoch = Math.floor(halfSize(protocol) / batchSize);
  const weightSteps = epochs * perEpoch;
  const period = updatePeriod(protocol);
  const moving = Math.floor(weightSteps / period) - Math.floor((warmupEpochs * perEpoch) / period);
  const alphaUpdates = isDrawn(protocol.solver) ? 0 : moving;
  const candidates = alphaUpdates * points;
  const ascents = perturbation?.kind === 'adv' ? weightSteps : 0;
  const looked = Array.from({ length: epochs }, (_, epoch) => epoch).filter(
    (epoch) => stability && isLookedFor(epoch, epochs, stability),
  );
  // What only records an eigenvalue forms one product more, to check them.
  const products = stability ? stability.products + (stability.action === 'record' ? 1 : 0) : 0;
  const differences = 2 * looked.length * products;
  return {
    /** SGD steps on ω. */
    weightSteps,
    alphaUpdates,
    /** SGD steps on candidates' copies of ω. The released code's candidates never take one. */
    fineTuneSteps: omega.kind === 'finetuned' ? candidates * omega.iterations : 0,
    /**
     * Losses read without a gradient. An ascent compares the loss at its end with that at its start; a difference keeps the
     * activations of one more pass.
     */
    evaluations: candidates + 2 * ascents + differences + rankedPasses(protocol),
    /** Gradients with respect to α (or the mixing weights) alone. */
    gradients: gradients * alphaUpdates + ascents * (perturbation?.steps ?? 0) + differences,
    /** Gradients with respect to ω that are no SGD steps: those of the second order. */
    weightGradients: weightGradients * alphaUpdates,
  };
}

/** Losses that are read to rank single architectures. */
function rankedPasses(protocol: SearchProtocol): number {
  const { solver, ranking, epochs, batchSize } = protocol;
  const all = Math.floor(halfSize(protocol) / batchSize);
  const drawn = isDrawn(solver)
    ? solver.architectures * Math.min(solver.batches, all) + solver.finalists * all
    : 0;
  return drawn + (ranking ? Math.ceil(epochs / ranking.every) * ranking.architectures * ranking.batches : 0);
}

/**
 * The measured constants of the model, for two cores (Intel Xeon with AVX-512, TensorFlow 2.21, fused kernels): the shortest
 * of many calls on a machine with nothing else to do, from which the model is at most a sixth away. Another machine
 * differs by a factor, a busy one by another.
 */
export const STEP_MODEL = {
  /** Milliseconds a step for each operation of each cell, whatever the size of its images. */
  perOperation: 0.36,
  /** Milliseconds a step for each operation of each cell and each value (image × pixel × channel) that enters the network. */
  perValue: 2.36e-5,
  /**
   * Operations that the noise operation counts as in a pass that draws its numbers, by DARTS and MGS in S4 against S2, ten searches
   * each; one where they are those of an earlier pass.
   */
  noiseOperations: 3,
  /** What a pass costs that only has to compute one architecture of two cells, as a share of one of all operations. */
  singleShare: 0.6,
  /** What a loss without gradients costs, as a share of a step. */
  evaluationShare: 0.3,
  /** What the gradient with respect to α alone costs, as a share of a step. */
  gradientShare: 0.6,
  /** Seconds to build a network and compile its step: at least, and for each operation of each cell. */
  compileSeconds: 1,
  compilePerOperation: 0.12,
} as const;

/** Bytes of the noise operation's draws that are kept for who draws them again, at most (lib/engine/native/normal.h). */
export const KEPT_DRAWS = 128 * 2 ** 20;

/** Whether the draws of what is drawn again fit in what is kept: those of an alpha update's passes, or of a ranking's one seed. */
function areDrawsKept(protocol: SearchProtocol): boolean {
  const { batchSize, channels, cells, dataset, omega, solver } = protocol;
  const space = spaceOf(protocol);
  const { kinds } = cellForm(space);
  const noisy = kinds.flatMap((cell) => space.edges[cell]).flat();
  const edges = noisy.filter((op) => op === 'noise').length / kinds.length;
  // A third of the cells has maps as large as what enters, each reduction halves them: 1, 1/2 and 1/4.
  const maps = (cells * (1 + 1 / 2 + 1 / 4)) / 3;
  const seeds = isDrawn(solver) ? 1 : 1 + fineTuneIterations(omega);
  return 4 * batchSize * dataset.imageSide ** 2 * channels * edges * maps * seeds <= KEPT_DRAWS;
}

/**
 * The share of a search's time in passes that draw the numbers of the noise operation: the candidates of an alpha update have the
 * same, and so have the architectures that are ranked.
 */
function drawingShare(protocol: SearchProtocol): number {
  if (!areDrawsKept(protocol)) return 1;
  const all = equivalentSteps(protocol);
  if (isDrawn(protocol.solver)) return searchWork(protocol).weightSteps / all;
  const { points } = askedFor(protocol);
  if (points === 0) return 1;
  const { fineTuneSteps, alphaUpdates } = searchWork(protocol);
  const repeated = fineTuneSteps + STEP_MODEL.evaluationShare * alphaUpdates * points;
  return 1 - (repeated * (1 - 1 / points)) / all;
}

/**
 * Operations of the supernet, reckoned by the average cell: edges all have about as many.
 *
 * @param drawing  The share of passes that draw the numbers of the noise operation.
 */
function operations(protocol: SearchProtocol, drawing = 1): number {
  const { cells } = protocol;
  const space = spaceOf(protocol);
  const { kinds } = cellForm(space);
  const all = kinds.flatMap((cell) => space.edges[cell]);
  const noise = 1 + (STEP_MODEL.noiseOperations - 1) * drawing;
  const worth = all.flat().map((op) => (op === 'noise' ? noise : 1));
  // In units of a cell of the paper's spaces with one operation an edge.
  return (cells * worth.reduce((sum, each) => sum + each, 0)) / (kinds.length * cellEdges(4).length);
}

/** Milliseconds of one SGD step on the protocol's supernet on two cores: an estimate, within a third of what was measured. */
export function stepMs(protocol: SearchProtocol, drawing = 1): number {
  const { channels, batchSize, dataset } = protocol;
  const values = batchSize * dataset.imageSide ** 2 * channels;
  return operations(protocol, drawing) * (STEP_MODEL.perOperation + STEP_MODEL.perValue * values);
}

/** The work of a search in steps' worth of time: what is less than a step counts as the share of one that it costs. */
function equivalentSteps(protocol: SearchProtocol): number {
  const { weightSteps, fineTuneSteps, weightGradients, evaluations, gradients } = searchWork(protocol);
  const { evaluationShare, gradientShare } = STEP_MODEL;
  return (
    weightSteps + fineTuneSteps + weightGradients + gradientShare * gradients + evaluationShare * evaluations
  );
}

/** Seconds to build a search's network and compile its step. An estimate, as all of these. */
export function compileSeconds(protocol: SearchProtocol): number {
  return STEP_MODEL.compileSeconds + STEP_MODEL.compilePerOperation * operations(protocol);
}

/** Seconds of a search on two cores, its network compiled. */
export function searchSeconds(protocol: SearchProtocol): number {
  const single = isDrawn(protocol.solver) && spaceOf(protocol).skeleton !== 'stages';
  const computed = equivalentSteps(protocol) * (single ? STEP_MODEL.singleShare : 1);
  return (computed * stepMs(protocol, drawingShare(protocol))) / 1000;
}

/** Operations that a derived cell keeps. */
const KEPT_OPERATIONS = 8;

/**
 * The measured constants of a training's model, for two cores as {@link STEP_MODEL}. Processor time was measured, on a machine
 * with other work, and divided by 1.7, which is what two cores gain on one.
 */
export const TRAINING_MODEL = {
  /** Milliseconds a step for each cell, whatever its operations: at least, and for each value that enters the network. */
  perCell: 0.5,
  perCellValue: 1.2e-5,
  /** Milliseconds a step for each operation: at least, if it has anything to compute. */
  perOperation: 0.3,
  /** Milliseconds a step for each operation and each value that enters the network. */
  perValue: {
    none: 0,
    skip_connect: 0,
    max_pool_3x3: 6.5e-7,
    avg_pool_3x3: 6.5e-7,
    noise: 2.4e-6,
    dil_conv_3x3: 1.9e-6,
    dil_conv_5x5: 2.4e-6,
    sep_conv_3x3: 3e-6,
    sep_conv_5x5: 4e-6,
    sep_conv_7x7: 5e-6,
    conv_7x1_1x7: 8.5e-6,
    nor_conv_1x1: 1.2e-6,
    nor_conv_3x3: 4e-6,
  },
  /** Milliseconds to decode, cut and colour a photograph, besides what is done with it. */
  perPhoto: 2,
  /** The stem of a network for large images hands its cells maps of a side so many times smaller. */
  stemStride: 8,
  /** What a test batch costs, as a share of a step. */
  testShare: 0.25,
  /** Seconds to build a network and compile its step: at least, and for each operation of each cell. */
  compileSeconds: 1,
  compilePerOperation: 0.03,
} as const satisfies Readonly<Record<string, number | Readonly<Record<Primitive, number>>>>;

/** A training as far as its cost goes. */
type TrainingShape = Pick<EvaluationProtocol, 'dataset' | 'batchSize' | 'epochs'> & {
  readonly network: Pick<NetworkProtocol, 'form' | 'cells' | 'channels'>;
};

/** Milliseconds of one SGD step on a network whose cells are drawn at random from the space, on two cores. An estimate. */
function trainingStepMs({ network, dataset, batchSize }: TrainingShape, space: SearchSpace): number {
  const { perCell, perCellValue, perOperation, perValue, stemStride } = TRAINING_MODEL;
  const side = network.form === 'imagenet' ? dataset.imageSide / stemStride : dataset.imageSide;
  const values = batchSize * side ** 2 * network.channels;
  const edges = CELLS.flatMap((cell) => space.edges[cell]);
  const costs = edges.map((edge) => {
    const kept = edge.filter((op) => op !== 'none');
    return (
      kept.reduce((sum, op) => sum + (perValue[op] > 0 ? perOperation + perValue[op] * values : 0), 0) /
      kept.length
    );
  });
  const operation = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  return network.cells * (perCell + perCellValue * values + KEPT_OPERATIONS * operation);
}

/** Seconds that the training of a network found by a search takes on two cores: what is found is not known. */
export function trainingSeconds(training: TrainingShape, search: Pick<SearchProtocol, 'space'>): number {
  const { testShare, compileSeconds, compilePerOperation, perPhoto } = TRAINING_MODEL;
  const { network, dataset, batchSize, epochs } = training;
  const steps = epochs * Math.floor(dataset.trainSize / batchSize);
  const testBatches = epochs * Math.ceil(dataset.testSize / batchSize);
  const photos = network.form === 'imagenet' ? epochs * (dataset.trainSize + dataset.testSize) : 0;
  const compile = compileSeconds + compilePerOperation * KEPT_OPERATIONS * network.cells;
  const computing = (steps + testShare * testBatches) * trainingStepMs(training, spaceOf(search));
  return compile + (photos * perPhoto) / 1000 + computing / 1000;
}

/** Fixed validation batches that each loss of a landscape is the mean over. */
function validationBatches({ validationBatches: count, supernet }: LandscapeProtocol): number {
  return count === 'all' ? Math.floor(halfSize(supernet) / supernet.batchSize) : count;
}

/** Seconds of one point of a landscape, its supernet trained. */
function pointSeconds(landscape: LandscapeProtocol): number {
  const { omega, supernet } = landscape;
  const steps = omega.kind === 'current' ? 0 : omega.kind === 'unrolled' ? 1 : omega.iterations;
  const losses = validationBatches(landscape) * STEP_MODEL.evaluationShare;
  return ((steps + losses) * stepMs(supernet)) / 1000;
}

/** Seconds of a landscape. */
export function landscapeSeconds(landscape: LandscapeProtocol): number {
  return landscape.points ** 2 * pointSeconds(landscape);
}

/** Seconds of a condition number. */
export function conditionSeconds({ landscape, perturbations }: ConditionProtocol): number {
  return (perturbations + 1) * pointSeconds(landscape);
}

/** Seconds of the losses at the end of a search. */
export function validationSeconds(protocol: ValidationProtocol): number {
  return 2 * pointSeconds(validationLandscape(protocol));
}

/** Seconds of a spectrum: each of the two gradients of a product keeps the activations of a pass of its own. */
export function spectrumSeconds({ landscape, products }: SpectrumProtocol): number {
  const gradient = STEP_MODEL.gradientShare + STEP_MODEL.evaluationShare;
  const gradients = 2 * products * validationBatches(landscape) * gradient;
  return pointSeconds(landscape) + (gradients * stepMs(landscape.supernet)) / 1000;
}

/** Seconds of a path. */
export function pathSeconds({ landscape, solver, updates, weightSteps }: PathProtocol): number {
  const evaluations = solver.kind === 'gradient' ? 0 : createSolver(solver).evaluations;
  const gradients = solver.kind === 'gradient' || solver.kind === 'mgs' ? 1 : 0;
  const steps = gradients * validationBatches(landscape) * STEP_MODEL.gradientShare + weightSteps;
  const point = pointSeconds(landscape);
  const update = (steps * stepMs(landscape.supernet)) / 1000 + evaluations * point;
  return updates * update + (updates + 1) * point;
}
