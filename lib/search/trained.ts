import { ZartsError } from '../errors.js';
import type { Vec } from '../math/vec.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { openRun } from '../runs/store.js';
import type { SearchProtocol } from './protocol.js';
import { runSearch, searchData } from './run.js';
import type { FinishedSearch, RunSearchOptions } from './run.js';

/** A supernet as a finished search left it. */
export interface TrainedSupernet {
  readonly search: FinishedSearch;
  /** Weights and their momentum, [P] each. */
  readonly omega: Float32Array;
  readonly momentum: Float32Array;
  /** Raw alphas, length d. */
  readonly alpha: Vec;
}

/**
 * The supernet that a search trains, with its weights: the search is run if the store does not have it.
 *
 * @throws {ZartsError} when a finished search's last checkpoint is gone or damaged; as {@link runSearch}.
 */
export async function trainedSupernet(
  protocol: SearchProtocol,
  options: RunSearchOptions = {},
): Promise<TrainedSupernet> {
  const search = await runSearch(protocol, options);
  const { digest } = await searchData(protocol, options);
  const { home } = options;
  const run = openRun({ protocol, dataDigest: digest, ...(home === undefined ? {} : { home }) });
  const last = run.latestCheckpoint();
  if (!last || !isFinal(last, search)) {
    throw new ZartsError(
      `The weights of search ${run.key} are not kept beside its result; delete ${run.folder} and it is computed anew.`,
    );
  }
  const { omega, momentum, alpha } = last.tensors;
  return { search, omega: omega as Float32Array, momentum: momentum as Float32Array, alpha: alpha as Vec };
}

function isFinal({ step, tensors }: Checkpoint, { result }: FinishedSearch): boolean {
  const { alpha } = tensors;
  return step === result.steps && result.alpha.every((value, i) => value === alpha[i]);
}
