import { conditionNumber, conditionPerturbations } from '../analysis/condition.js';
import { centerGroups } from '../analysis/landscape.js';
import { key } from '../math/random.js';
import { axpy, norm } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import type { ConditionProtocol } from './landscape-protocol.js';
import { alphaGroups, measureLosses } from './plane.js';
import type { PlaneOptions, PlaneWork } from './plane.js';

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

/**
 * The condition number that a protocol describes, resumable after each perturbation.
 *
 * @throws {ZartsError} for a loss or an α that is zero, or a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function measureCondition(
  { seed, perturbations, radius, landscape }: ConditionProtocol,
  { objective, trained: { alpha }, run }: PlaneWork,
  options: PlaneOptions,
): Promise<ConditionResult> {
  const deltas = conditionPerturbations(key(seed), alpha.length, perturbations, radius);
  const [base, ...moved] = await measureLosses(
    {
      places: [alpha, ...deltas.map((delta) => axpy(1, delta, alpha))],
      title: `condition number ${landscape.omega.kind}`,
      position: (done, total) => `${done} of ${total} losses`,
      lossAt: (at) => objective.lossOf(at),
    },
    run,
    options,
  );
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
