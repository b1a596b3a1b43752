/**
 * What a search costs, before it is run: its work counted from the protocol, and seconds from a model of the time a step
 * takes. The one place where times are estimated.
 */
import { key } from '../lib/math/random.js';
import { halfSize, updatePeriod } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { createSolver } from '../lib/solvers/registry.js';
import { CELLS, spaceById } from '../lib/spaces/spaces.js';

/** The work of a search. */
export interface SearchWork {
  /** SGD steps on ω. */
  readonly weightSteps: number;
  readonly alphaUpdates: number;
  /** SGD steps on candidates' copies of ω. */
  readonly fineTuneSteps: number;
  /** Validation losses read, without a gradient. */
  readonly evaluations: number;
  /** Gradients g of the validation loss with respect to α, for solvers that use it. */
  readonly gradients: number;
}

/** What an alpha update asks for: the solver is asked once, in a space of one dimension. */
function askedFor({ solver: settings }: SearchProtocol): { points: number; gradient: boolean } {
  const solver = createSolver(settings);
  const origin = Float64Array.of(0);
  const { points } = solver.ask(solver.init(origin), { key: key(0), gradient: origin });
  return { points: points.length, gradient: solver.needsGradient };
}

/** The work that a search does from its first step to its last. */
export function searchWork(protocol: SearchProtocol): SearchWork {
  const { batchSize, epochs, warmupEpochs, omega } = protocol;
  const { points, gradient } = askedFor(protocol);
  const perEpoch = Math.floor(halfSize(protocol) / batchSize);
  const weightSteps = epochs * perEpoch;
  const period = updatePeriod(protocol);
  const alphaUpdates = Math.floor(weightSteps / period) - Math.floor((warmupEpochs * perEpoch) / period);
  const evaluations = alphaUpdates * points;
  return {
    weightSteps,
    alphaUpdates,
    // The released code's candidates never take a step.
    fineTuneSteps: omega.coast === 'none' ? evaluations * omega.iterations : 0,
    evaluations,
    gradients: gradient ? alphaUpdates : 0,
  };
}

/**
 * The measured constants of {@link stepMs}: medians on two cores of the machine that the project was developed on (Xeon,
 * TensorFlow 2.21, one thread an operation). Another machine differs by a constant factor.
 */
export const STEP_MODEL = {
  /** Milliseconds for each operation of each cell, whatever the size of its images. */
  perOperation: 2,
  /** Milliseconds for each operation of each cell and each value (image × pixel × channel) that goes through it. */
  perValue: 5.5e-5,
  /** What a loss without gradients costs, as a share of a step. */
  evaluationShare: 0.35,
  /** Seconds to build the network and compile its step, once for each shape of network. */
  compileSeconds: 8,
} as const;

/** Milliseconds of one SGD step on the protocol's supernet on two cores: an estimate, within a third of what was measured. */
export function stepMs({ space, cells, channels, batchSize, dataset }: SearchProtocol): number {
  const { edges } = spaceById(space);
  const all = CELLS.flatMap((cell) => edges[cell]);
  const operationsAnEdge = all.reduce((sum, edge) => sum + edge.length, 0) / all.length;
  const values = batchSize * dataset.imageSide ** 2 * channels;
  return cells * operationsAnEdge * (STEP_MODEL.perOperation + STEP_MODEL.perValue * values);
}

/** The work of a search in steps' worth of time: evaluations count as the share of a step that they cost. */
export function equivalentSteps(protocol: SearchProtocol): number {
  const { weightSteps, fineTuneSteps, evaluations, gradients } = searchWork(protocol);
  return weightSteps + fineTuneSteps + gradients + STEP_MODEL.evaluationShare * evaluations;
}

/** Seconds that searches would take one after another on two cores. An estimate. */
export function estimateSeconds(protocols: readonly SearchProtocol[]): number {
  const steps = protocols.reduce((sum, each) => sum + (equivalentSteps(each) * stepMs(each)) / 1000, 0);
  return protocols.length === 0 ? 0 : STEP_MODEL.compileSeconds + steps;
}
