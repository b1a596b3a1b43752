import { ZartsError } from '../errors.js';
import type { ValidationProtocol } from './landscape-protocol.js';
import { measureLosses } from './plane.js';
import type { PlaneOptions, PlaneWork } from './plane.js';

/** What a search has come to by its own objective, L_val(ω, α), read on the whole validation half without augmentation. Plain JSON. */
export interface ValidationResult {
  /** In nats, at the final ω and α: the mean over the batches. */
  readonly loss: number;
  /** The same where every operation of an edge weighs alike (α = 0), at the same ω. */
  readonly uniform: number;
}

/**
 * The losses that a protocol describes, resumable after the first.
 *
 * @throws {ZartsError} for a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function measureValidation(
  _protocol: ValidationProtocol,
  { objective, trained: { alpha }, run }: PlaneWork,
  options: PlaneOptions,
): Promise<ValidationResult> {
  const [loss, uniform] = await measureLosses(
    {
      places: [alpha, new Float64Array(alpha.length)],
      title: 'validation loss',
      position: (done, total) => `${done} of ${total} validation losses`,
      lossAt(at) {
        const found = objective.lossOf(at);
        if (Number.isFinite(found)) return found;
        throw new ZartsError(
          `The validation loss ${at === alpha ? 'of the search' : 'with all operations weighed alike'} is ${found}; a smaller weights.lr usually helps.`,
        );
      },
    },
    run,
    options,
  );
  return { loss, uniform };
}
