import { unknownName } from '../lib/errors.js';
import { BUDGETS } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { estimateSeconds } from './cost.js';
import { reproductionById } from './registry.js';
import { isSearch } from './reproduction.js';
import type { ProtocolOptions } from './reproduction.js';
import { runReproduction } from './run.js';
import type { ReproductionReport, RunOptions } from './run.js';

export type { ReproductionReport } from './run.js';

/** What `zarts reproduce` passes on; `budget` as typed. */
export interface ReproduceOptions extends Omit<RunOptions, 'budget'> {
  readonly budget: string;
}

function knownBudget(budget: string): Budget {
  const known = BUDGETS.find((each) => each === budget);
  if (!known) throw unknownName('budget', budget, BUDGETS);
  return known;
}

/**
 * Reproduces a figure or table: runs what the store does not have, writes record and pictures, returns the report.
 *
 * @param id  "fig-4".
 * @throws {UsageError} for an unknown id (with the nearest), an unknown budget, and options out of range; otherwise as {@link runReproduction}.
 */
export async function reproduce(id: string, options: ReproduceOptions): Promise<ReproductionReport> {
  const { reproduction } = reproductionById(id);
  return runReproduction(reproduction, { ...options, budget: knownBudget(options.budget) });
}

/**
 * Seconds that a reproduction takes on two cores when nothing of it is in the run store. An estimate (reproductions/cost.ts):
 * another machine differs by a constant factor.
 *
 * @throws {UsageError} for an unknown id or budget, and for options out of range.
 */
export function estimate(id: string, budget: string, options: Omit<ProtocolOptions, 'budget'> = {}): number {
  const { reproduction } = reproductionById(id);
  const known = knownBudget(budget);
  const protocols = reproduction.protocols({ ...options, budget: known });
  return reproduction.seconds?.(protocols) ?? estimateSeconds(protocols.filter(isSearch));
}
