/** What runs take besides time: memory of the process that computes them, and disk in the run store. Estimates from formulas. */
import { countNetwork } from '../lib/evaluation/count.js';
import type { EvaluationProtocol } from '../lib/evaluation/protocol.js';
import { spaceOf } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type { Primitive } from '../lib/spaces/primitives.js';
import { cellForm, stagePlan } from '../lib/spaces/spaces.js';
import type { SearchSpace } from '../lib/spaces/spaces.js';
import type { AnyCell } from './experiment.js';
import { KEPT_DRAWS, STEP_MODEL, TRAINING_MODEL } from './cost.js';
import { partsOf, searchOf } from './kinds.js';
import type { Run } from './kinds.js';
import { estimate } from './measure.js';
import { groupsOf } from './shares.js';
import { anyTrainingOf } from './training.js';

/** Bytes of a trained number in a checkpoint: itself and its momentum, float32 each. Two checkpoints are kept. */
const CHECKPOINT_BYTES = 2 * (4 + 4);
/** Bytes of a run beside them: protocol, metrics, result. */
const RECORD_BYTES = 20_000;

/**
 * The measured constants of the memory model: peak resident memory of a process (`npx zarts bench --peer` aside, two cores, 29
 * November 2026: 1.24 GB for the DARTS space's supernet at 16 channels, 8 cells, batch 16, 0.76 for S2's, 0.75 for DARTS-V2's network
 * at `laptop`), from which the model is at most a seventh away. What is kept of a forward pass for its gradient grows with
 * every value of every operation.
 */
const MEMORY_MODEL = {
  /** Bytes of Node, TensorFlow and a recorded step. */
  base: 560e6,
  /** Bytes for each value (image × pixel × channel) that enters a supernet, for each of its operations in each cell. */
  perSupernetValue: 3.3,
  /** The same of a derived network, for each cell. */
  perNetworkValue: 49,
  /** Bytes of a pixel's colour in memory. */
  perImageValue: 1,
} as const;

/** The formulas of what runs take, in words. */
export const NEEDS_MODEL = {
  step: `cells × operations a cell × (${STEP_MODEL.perOperation} ms + ${STEP_MODEL.perValue} ms × batch × pixels × channels) on two cores, noise counting as ${STEP_MODEL.noiseOperations} operations where it is drawn anew,`,
  trainingStep: `cells × (${TRAINING_MODEL.perCell} ms + ${TRAINING_MODEL.perCellValue} ms × batch × pixels × channels + eight operations)`,
  memory: `${MEMORY_MODEL.base / 1e6} MB + ${MEMORY_MODEL.perSupernetValue} bytes (${MEMORY_MODEL.perNetworkValue} a cell of a derived network) × cells × operations a cell × batch × pixels × channels, ${Math.round(KEPT_DRAWS / 1e6)} MB where noise is an operation, and the images`,
  disk: `${RECORD_BYTES / 1000} kB a run + ${CHECKPOINT_BYTES} bytes a trained number`,
} as const;

/** Trained numbers of an operation on an edge, of c channels: [of c², of c]. */
const OPERATION_PARAMETERS: Readonly<Record<Primitive, readonly [squares: number, singles: number]>> = {
  none: [0, 0],
  noise: [0, 0],
  skip_connect: [0, 0],
  max_pool_3x3: [0, 0],
  avg_pool_3x3: [0, 0],
  sep_conv_3x3: [2, 2 * 9],
  sep_conv_5x5: [2, 2 * 25],
  sep_conv_7x7: [2, 2 * 49],
  dil_conv_3x3: [1, 9],
  dil_conv_5x5: [1, 25],
  conv_7x1_1x7: [14, 0],
  nor_conv_1x1: [1, 0],
  nor_conv_3x3: [9, 0],
};

/** Trained numbers of a search's supernet. */
export function supernetParameters(protocol: SearchProtocol, classes = 10): number {
  const { cells, channels } = protocol;
  const space = spaceOf(protocol);
  // Operations have only the first of the channels, where those are divided.
  const part = 1 / (protocol.partialChannels?.k ?? 1);
  if (space.skeleton === 'stages') return stagesParameters(space, protocol, part, classes);
  const stem = 27 * 3 * channels + 6 * channels;
  const reductions = [Math.floor(cells / 3), Math.floor((2 * cells) / 3)];
  let [before, last, width, total] = [3 * channels, 3 * channels, channels, stem];
  for (let cell = 0; cell < cells; cell++) {
    const reduces = reductions.includes(cell);
    if (reduces) width *= 2;
    total += (before + last) * width;
    for (const [i, edge] of space.edges[reduces ? 'reduce' : 'normal'].entries()) {
      for (const op of edge) {
        const [squares, singles] = OPERATION_PARAMETERS[op];
        // A skip connection that halves the image is two convolutions; edges from the cell's inputs do.
        const halving = reduces && op === 'skip_connect' && isFromInput(i) ? 1 : 0;
        total += (squares + halving) * (part * width) ** 2 + singles * part * width;
      }
    }
    [before, last] = [last, 4 * width];
  }
  return total + (last + 1) * classes;
}

/** The same where cells come in stages: norms with scale and offset are those of the stem, the blocks that reduce, and the end. */
function stagesParameters(
  { edges }: SearchSpace,
  { cells, channels }: SearchProtocol,
  part: number,
  classes: number,
): number {
  let [total, last] = [27 * channels + 2 * channels, channels];
  for (const { width, reduced } of stagePlan({ cells, channels })) {
    if (reduced) total += (9 * last + 9 * width + last) * width + 4 * width;
    for (const op of edges.normal.flat()) {
      const [squares, singles] = OPERATION_PARAMETERS[op];
      total += squares * (part * width) ** 2 + singles * part * width;
    }
    last = width;
  }
  return total + 2 * last + (last + 1) * classes;
}

/** Whether an edge, counted by nodes and then by what it reads, comes from one of a cell's two inputs. */
function isFromInput(edge: number): boolean {
  for (let [node, first] = [0, 0]; ; node++, first += node + 1) {
    if (edge < first + node + 2) return edge - first < 2;
  }
}

/** Trained numbers of a training's network, taken to be that of DARTS-V2's cells: what a search will find is not known. */
function networkParameters({ network, dataset }: EvaluationProtocol, classes = 10): number {
  if (network.kind === 'linear') return (dataset.imageSide ** 2 * 3 + 1) * classes;
  const image = { height: dataset.imageSide, width: dataset.imageSide };
  const { network: counts, auxiliary } = countNetwork(network.genotype, { ...network, classes }, image);
  return counts.parameters + (network.auxiliaryWeight > 0 ? (auxiliary?.parameters ?? 0) : 0);
}

/** The training that a run ends with; undefined where it does not. */
function trainingIn(run: Run): EvaluationProtocol | undefined {
  if (run.kind === 'linear') return run.evaluation;
  return run.kind === 'training' ? anyTrainingOf(run.training) : undefined;
}

/** Bytes of memory that computing a run takes at most. */
export function memoryBytes(run: Run): number {
  const { base, perSupernetValue, perNetworkValue, perImageValue } = MEMORY_MODEL;
  const [search, training] = [searchOf(run), trainingIn(run)];
  const values = (batch: number, side: number, channels: number): number => batch * side ** 2 * channels;
  const ofSearch = (of: SearchProtocol): number => {
    const { batchSize, channels, cells, dataset } = of;
    const images = values(dataset.trainSize, dataset.imageSide, 3) * perImageValue;
    const draws = drawsNoise(of) ? KEPT_DRAWS : 0;
    return (
      images +
      draws +
      perSupernetValue * values(batchSize, dataset.imageSide, channels) * cells * operationsOf(of)
    );
  };
  const ofTraining = ({ batchSize, network, dataset }: EvaluationProtocol): number => {
    // Photographs are decoded as they are needed.
    const photos = network.kind === 'genotype' && network.form === 'imagenet';
    const images = photos
      ? 0
      : values(dataset.trainSize + dataset.testSize, dataset.imageSide, 3) * perImageValue;
    if (network.kind === 'linear') return images;
    const side = dataset.imageSide / (photos ? TRAINING_MODEL.stemStride : 1);
    return images + perNetworkValue * values(batchSize, side, network.channels) * network.cells;
  };
  return base + Math.max(search ? ofSearch(search) : 0, training ? ofTraining(training) : 0);
}

/** Whether a supernet has the noise operation. */
function drawsNoise(search: SearchProtocol): boolean {
  const space = spaceOf(search);
  return cellForm(space).kinds.some((kind) => space.edges[kind].flat().includes('noise'));
}

/** Operations of a supernet's cell, on average over its kinds. */
function operationsOf(search: SearchProtocol): number {
  const space = spaceOf(search);
  const { kinds } = cellForm(space);
  const all = kinds.flatMap((kind) => space.edges[kind]);
  return all.reduce((sum, edge) => sum + edge.filter((op) => op !== 'none').length, 0) / kinds.length;
}

/** Bytes that runs take in the store, each search once. */
function diskBytes(cells: readonly AnyCell[]): number {
  const sizes = new Map<string, number>();
  for (const { run } of cells) {
    const [search, training] = [searchOf(run), trainingIn(run)];
    for (const [i, { identity }] of partsOf(run).entries()) {
      const parameters =
        i === 0 && search ? supernetParameters(search) : training ? networkParameters(training) : 0;
      sizes.set(identity, RECORD_BYTES + CHECKPOINT_BYTES * parameters);
    }
  }
  return [...sizes.values()].reduce((sum, each) => sum + each, 0);
}

/** What a grid takes on so many machines of two cores, of the kind that times were measured on. */
export interface Needs {
  /** Runs of its own. */
  readonly runs: number;
  /** Hours of one machine. */
  readonly hours: number;
  /** Hours on all machines: a share of those, but no less than the longest chain of runs that need each other. */
  readonly hoursOnAll: number;
  readonly longestHours: number;
  /** Of one worker. */
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export function needsOf(cells: readonly AnyCell[], machines: number): Needs {
  const hours = estimate(cells) / 3600;
  const longestHours = Math.max(...groupsOf(cells).map(chainSeconds)) / 3600;
  return {
    runs: cells.length,
    hours,
    hoursOnAll: Math.max(hours / machines, longestHours),
    longestHours,
    memoryBytes: Math.max(...cells.map(({ run }) => memoryBytes(run))),
    diskBytes: diskBytes(cells),
  };
}

/** Seconds of the longest of the runs that begin with the same one. */
function chainSeconds(group: readonly AnyCell[]): number {
  return Math.max(...group.map((cell) => estimate([cell])));
}
