import { axisTicks, gridMinimum, refinement, sharpness } from '../analysis/landscape.js';
import type { GridMinimum, LossGrid, Sharpness } from '../analysis/landscape.js';
import { ZartsError } from '../errors.js';
import type { KeptRun } from '../runs/kept.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import type { PlaneObjective } from './objective.js';
import { keptOnPlane, measureLosses } from './on-plane.js';
import type { Measured, OnPlaneOptions } from './on-plane.js';

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

export interface LandscapeOptions extends OnPlaneOptions {
  /**
   * Called whenever a coarser grid is complete, with that grid: the first one after a few dozen points, the whole one last.
   * The measurement waits for it.
   */
  readonly onGrid?: (grid: LossGrid) => void | Promise<void>;
}

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
): Promise<Measured<LandscapeProtocol, LandscapeResult>> {
  return keptOnPlane(protocol, protocol, options, async ({ objective, trained, run }) => {
    const grid = await measureGrid(protocol, objective, run, options);
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
}

/** Measures every point of the grid that the run does not have yet, coarse grids first. */
async function measureGrid(
  { points, extent, omega }: LandscapeProtocol,
  objective: Pick<PlaneObjective, 'lossAt'>,
  run: KeptRun,
  options: LandscapeOptions,
): Promise<LossGrid> {
  const ticks = axisTicks(points, extent);
  const levels = refinement(points);
  const places = levels.flatMap((level) => level.places);
  const table = Array.from({ length: points }, () => new Array<number>(points).fill(NaN));
  const gridOf = (lines: readonly number[]): LossGrid => {
    const axis = lines.map((line) => ticks[line]);
    return { xs: axis, ys: axis, losses: lines.map((row) => lines.map((column) => table[row][column])) };
  };
  let level = 0;
  let placesOfLevels = levels[0].places.length;
  await measureLosses(
    {
      places,
      title: `landscape ${omega.kind}`,
      position: (done, total) => `point ${done} of ${total} of the landscape`,
      lossAt: ({ row, column }) => {
        const [x, y] = [ticks[column], ticks[row]];
        const loss = objective.lossAt(x, y);
        if (Number.isFinite(loss)) return loss;
        throw new ZartsError(
          `The loss is ${loss} at (${x}, ${y}) of the landscape; the points before it are kept. A smaller extent or omega.lr usually helps.`,
        );
      },
      onLoss: async (loss, done) => {
        const { row, column } = places[done - 1];
        table[row][column] = loss;
        if (done < placesOfLevels) return;
        await options.onGrid?.(gridOf(levels[level].lines));
        level += 1;
        placesOfLevels += levels[level]?.places.length ?? 0;
      },
    },
    run,
    options,
  );
  return gridOf(levels[levels.length - 1].lines);
}
