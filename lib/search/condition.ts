import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { conditionNumber, conditionPerturbations } from '../analysis/condition.js';
import { centerGroups } from '../analysis/landscape.js';
import type { LoadOptions } from '../datasets/load.js';
import { InterruptedError } from '../errors.js';
import { key } from '../math/random.js';
import { axpy, norm } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { silent } from '../progress.js';
import { exclusively } from './exclusive.js';
import { kept } from './kept.js';
import type { Kept, KeptOptions, KeptRun } from './kept.js';
import type { ConditionProtocol } from './landscape-protocol.js';
import { alphaGroups, planeObjective } from './objective.js';
import { searchData } from './run.js';
import { trainedSupernet } from './trained.js';

/**
 * The condition number of a trained supernet's loss at its α (Eq. 11), every loss measured like any point of a landscape:
 * with the same fine-tuning, on the same batches, without augmentation.
 */

/** A condition number, and what it is the largest of. Plain JSON. */
export interface Conditioning {
  /** Q. */
  readonly q: number;
  /** Mean over the perturbations of what Q is the largest of. */
  readonly mean: number;
  /** ‖α‖, as it goes into Q. */
  readonly alphaNorm: number;
}

/** What was measured. Plain JSON. */
export interface ConditionResult {
  /** L(α), in nats. */
  readonly base: number;
  /** [K] L(α + Δ_i) − L(α), in nats. */
  readonly changes: readonly number[];
  /** As Eq. 11 has it. */
  readonly raw: Conditioning;
  /**
   * With the mean of each softmaxed group taken out of α and of the perturbations: the network does not see it, so that Q
   * as printed changes when nothing does.
   */
  readonly centered: Conditioning;
}

/** What a condition number is measured with. */
export interface ConditionOptions extends KeptOptions, LoadOptions {}

/**
 * The condition number that a protocol describes, through the run store, resumable after each perturbation.
 *
 * @throws {ZartsError} for a loss or an α that is zero, or a loss that is not finite; otherwise as
 *         {@link ./landscape.runLandscape}.
 */
export async function runCondition(
  protocol: ConditionProtocol,
  options: ConditionOptions = {},
): Promise<Kept<ConditionProtocol, ConditionResult>> {
  const { landscape } = protocol;
  const dataset = await searchData(landscape.supernet, options);
  return kept(protocol, dataset, options, async (run) => {
    const trained = await trainedSupernet(landscape.supernet, options);
    return exclusively(async () => {
      const objective = planeObjective(landscape, trained, dataset, options.compile ?? true);
      const lossOf = (alpha: Vec): number => objective.lossOf(alpha);
      return await measure(protocol, trained.alpha, lossOf, run, options);
    });
  });
}

async function measure(
  { seed, perturbations, radius, landscape }: ConditionProtocol,
  alpha: Vec,
  lossOf: (alpha: Vec) => number,
  run: KeptRun,
  { progress = silent, signal }: ConditionOptions,
): Promise<ConditionResult> {
  const deltas = conditionPerturbations(key(seed), alpha.length, perturbations, radius);
  const points = [alpha, ...deltas.map((delta) => axpy(1, delta, alpha))];
  const known = (run.from?.tensors.losses ?? new Float64Array(0)) as Float64Array;
  const losses = Array.from(known);
  const phase = progress.start(`condition number ${landscape.omega.kind}`, points.length, losses.length);
  const save = (): void => {
    run.save({ step: losses.length, meta: {}, tensors: { losses: Float64Array.from(losses) } });
  };
  try {
    for (const point of points.slice(losses.length)) {
      // Signals and a notebook's interrupts are delivered between points.
      await yieldToEvents();
      if (signal?.aborted) {
        save();
        throw new InterruptedError(
          `Stopped after ${losses.length} of ${points.length} losses; the same command goes on from there.`,
        );
      }
      losses.push(lossOf(point));
      phase.update(losses.length);
    }
  } finally {
    phase.end();
  }
  const [base, ...moved] = losses;
  const groups = alphaGroups(landscape.supernet);
  const conditioning = (at: Vec, by: readonly Vec[]): Conditioning => {
    const { q, ratios } = conditionNumber(at, by, base, Float64Array.from(moved));
    return { q, mean: ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length, alphaNorm: norm(at) };
  };
  return {
    base,
    changes: moved.map((loss) => loss - base),
    raw: conditioning(alpha, deltas),
    centered: conditioning(
      centerGroups(alpha, groups),
      deltas.map((delta) => centerGroups(delta, groups)),
    ),
  };
}
