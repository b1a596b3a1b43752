import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Dataset, LoadOptions } from '../datasets/load.js';
import { InterruptedError } from '../errors.js';
import { silent } from '../progress.js';
import { kept } from '../runs/kept.js';
import type { Kept, KeptOptions, KeptRun } from '../runs/kept.js';
import { exclusively } from './exclusive.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import { planeObjective } from './objective.js';
import type { PlaneObjective } from './objective.js';
import { provenance, searchData } from './run.js';
import type { Provenance } from './run.js';
import { trainedSupernet } from './trained.js';
import type { TrainedSupernet } from './trained.js';

/** What landscapes, paths, condition numbers and spectra of a trained supernet have in common. */

export interface OnPlaneOptions extends KeptOptions, LoadOptions {}

/** A finished measurement. */
export type Measured<Protocol, Result> = Kept<Protocol, Result, Provenance>;

/** What a measurement is made with. */
export interface PlaneWork {
  /** The landscape's objective; it has the compiled program to itself. */
  readonly objective: PlaneObjective;
  readonly trained: TrainedSupernet;
  readonly dataset: Dataset;
  readonly run: KeptRun;
}

/**
 * A measurement on a landscape's objective through the run store: a finished one is returned at once, and the supernet is
 * trained first if the store does not have it.
 *
 * @param protocol  What is measured: the run's identity.
 * @param landscape  The landscape that it is measured on.
 * @param work  The measurement; its result is plain JSON.
 * @throws {UsageError} for a protocol that does not fit the data; {ZartsError} for missing data, a run that another process
 *         works on; whatever `work` throws.
 */
export async function keptOnPlane<Protocol, Result>(
  protocol: Protocol,
  landscape: LandscapeProtocol,
  options: OnPlaneOptions,
  work: (made: PlaneWork) => Promise<Result>,
): Promise<Measured<Protocol, Result>> {
  const dataset = await searchData(landscape.supernet, options);
  const compute = async (run: KeptRun): Promise<Result> => {
    const trained = await trainedSupernet(landscape.supernet, options);
    return exclusively(async () => {
      const objective = planeObjective(landscape, trained, dataset, options.compile ?? true);
      return await work({ objective, trained, dataset, run });
    });
  };
  return kept(
    {
      protocol,
      dataDigest: dataset.digest,
      compute,
      provenance: (seconds) => provenance(dataset, seconds),
    },
    options.home,
  );
}

/** Seconds between two checkpoints at least: a loss that takes longer is kept at once. */
const CHECKPOINT_SECONDS = 2;

/** Losses at places that are known beforehand. */
export interface LossSeries<Place> {
  readonly places: readonly Place[];
  /** What is measured, as progress has it. */
  readonly title: string;
  /** Where it stands after `done` of `total`, for a sentence: ‘point 3 of 25 of the landscape’. */
  readonly position: (done: number, total: number) => string;
  /** The loss at a place. What it throws ends the series, and what was measured before it is kept. */
  readonly lossAt: (place: Place) => number;
  /** Called after every loss, also those that were measured before the series was stopped; the series waits for it. */
  readonly onLoss?: (loss: number, done: number) => void | Promise<void>;
}

/**
 * Measures a series in order, from where the run was stopped.
 *
 * @returns the losses, as many as places.
 * @throws {InterruptedError} after `signal`; whatever `lossAt` throws.
 */
export async function measureLosses<Place>(
  { places, title, position, lossAt, onLoss }: LossSeries<Place>,
  run: KeptRun,
  { progress = silent, signal }: OnPlaneOptions,
): Promise<number[]> {
  const losses = Array.from((run.from?.tensors.losses ?? new Float64Array(0)) as Float64Array);
  const phase = progress.start(title, places.length, losses.length);
  const save = (): void => {
    run.store.saveCheckpoint({
      step: losses.length,
      meta: {},
      tensors: { losses: Float64Array.from(losses) },
    });
  };
  const measure = async (place: Place): Promise<void> => {
    // Signals and a notebook's interrupts are delivered between losses.
    await yieldToEvents();
    if (signal?.aborted) {
      throw new InterruptedError(
        `Stopped after ${position(losses.length, places.length)}; the same command goes on from there.`,
      );
    }
    losses.push(lossAt(place));
  };
  let saved = performance.now();
  try {
    for (const [i, place] of places.entries()) {
      if (i === losses.length) {
        await measure(place);
        if (performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
          save();
          saved = performance.now();
        }
      }
      phase.update(i + 1, `loss ${losses[i].toFixed(3)}`);
      await onLoss?.(losses[i], i + 1);
    }
  } catch (error) {
    save();
    throw error;
  } finally {
    phase.end();
  }
  return losses;
}
