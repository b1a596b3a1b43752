import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { axisTicks, gridMinimum, refinement, sharpness } from '../analysis/landscape.js';
import type { GridMinimum, LossGrid, Sharpness } from '../analysis/landscape.js';
import type { LoadOptions } from '../datasets/load.js';
import { InterruptedError, ZartsError } from '../errors.js';
import { silent } from '../progress.js';
import { exclusively } from './exclusive.js';
import { kept } from './kept.js';
import type { Kept, KeptOptions, KeptRun } from './kept.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import { planeObjective } from './objective.js';
import { searchData } from './run.js';
import { trainedSupernet } from './trained.js';

/**
 * The loss landscape of a trained supernet over a plane of alphas (Figs. 1 and 3): L_val(ω*(α), α) on a grid, every point
 * from the same weights and on the same batches.
 */

/** What was measured. Plain JSON. */
export interface LandscapeResult {
  readonly grid: LossGrid;
  readonly minimum: GridMinimum;
  readonly sharpness: Sharpness;
  /** ‖α‖ of the plane's center, and the lengths of the directions (1 but for rounding). */
  readonly centerNorm: number;
  readonly directionNorms: readonly [number, number];
  /** Key of the supernet's search in the store. */
  readonly supernet: string;
}

export interface LandscapeOptions extends KeptOptions, LoadOptions {
  /**
   * Called whenever a coarser grid is complete, with that grid: the first one after a few dozen points, the whole one last.
   * The measurement waits for it.
   */
  readonly onGrid?: (grid: LossGrid) => void | Promise<void>;
}

/** Seconds between two checkpoints at least: a point that takes longer is kept at once. */
const CHECKPOINT_SECONDS = 2;

/**
 * The landscape that a protocol describes, through the run store: a finished one is returned at once, an interrupted one
 * goes on with the next point, and the supernet is trained first if the store does not have it.
 *
 * The same protocol on the same data gives the same grid to the last bit on the same machine, whether it is measured at once
 * or stopped and resumed any number of times.
 *
 * @throws {UsageError} for a protocol that does not fit the data; {ZartsError} for missing data, a run that another process
 *         works on, a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function runLandscape(
  protocol: LandscapeProtocol,
  options: LandscapeOptions = {},
): Promise<Kept<LandscapeProtocol, LandscapeResult>> {
  const dataset = await searchData(protocol.supernet, options);
  return kept(protocol, dataset, options, async (run) => {
    const trained = await trainedSupernet(protocol.supernet, options);
    return exclusively(async () => {
      const objective = planeObjective(protocol, trained, dataset, options.compile ?? true);
      const lossAt = (x: number, y: number): number => objective.lossAt(x, y);
      const grid = await measureGrid(protocol, lossAt, run, options);
      const [d1, d2] = objective.plane.directions;
      return {
        grid,
        minimum: gridMinimum(grid),
        sharpness: sharpness(grid),
        centerNorm: Math.hypot(...objective.plane.center),
        directionNorms: [Math.hypot(...d1), Math.hypot(...d2)],
        supernet: trained.search.key,
      };
    });
  });
}

/** Measures every point of the grid that the run does not have yet, coarse grids first. */
async function measureGrid(
  { points, extent, omega }: LandscapeProtocol,
  lossAt: (x: number, y: number) => number,
  run: KeptRun,
  { progress = silent, signal, onGrid }: LandscapeOptions,
): Promise<LossGrid> {
  const ticks = axisTicks(points, extent);
  const levels = refinement(points);
  const total = points ** 2;
  const known = (run.from?.tensors.losses ?? new Float64Array(0)) as Float64Array;
  const losses: number[] = Array.from(known);
  const table = Array.from({ length: points }, () => new Array<number>(points).fill(NaN));
  const phase = progress.start(`landscape ${omega.kind}`, total, losses.length);
  const save = (): void => {
    run.save({ step: losses.length, meta: {}, tensors: { losses: Float64Array.from(losses) } });
  };
  let saved = performance.now();
  let done = 0;
  let grid: LossGrid | undefined;
  try {
    for (const { lines, places } of levels) {
      for (const { row, column } of places) {
        if (done === losses.length) {
          // Signals and a notebook's interrupts are delivered between points.
          await yieldToEvents();
          if (signal?.aborted) {
            save();
            throw new InterruptedError(
              `Stopped after point ${done} of ${total} of the landscape; the same command goes on from there.`,
            );
          }
          const [x, y] = [ticks[column], ticks[row]];
          const loss = lossAt(x, y);
          if (!Number.isFinite(loss)) {
            throw new ZartsError(
              `The loss is ${loss} at (${x}, ${y}) of the landscape; the points before it are kept. A smaller extent or omega.lr usually helps.`,
            );
          }
          losses.push(loss);
          if (performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
            save();
            saved = performance.now();
          }
        }
        table[row][column] = losses[done];
        done += 1;
        phase.update(done, `loss ${table[row][column].toFixed(3)}`);
      }
      const axis = lines.map((line) => ticks[line]);
      const coarse = lines.map((row) => lines.map((column) => table[row][column]));
      grid = { xs: axis, ys: axis, losses: coarse };
      await onGrid?.(grid);
    }
  } finally {
    phase.end();
  }
  return grid!;
}
