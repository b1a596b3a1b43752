import { axisTicks, gridMinimum, refinement, sharpness } from '../analysis/landscape.js';
import type { GridMinimum, LossGrid, Sharpness } from '../analysis/landscape.js';
import { ZartsError } from '../errors.js';
import type { LandscapeProtocol } from './landscape-protocol.js';
import { measureLosses } from './plane.js';
import type { PlaneOptions, PlaneWork } from './plane.js';

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

export interface LandscapeOptions extends PlaneOptions {
  /**
   * Called whenever a coarser grid is complete, with that grid: the first one after a few dozen points, the whole one last.
   * The measurement waits for it.
   */
  readonly onGrid?: (grid: LossGrid) => void | Promise<void>;
}

/**
 * The landscape that a protocol describes, coarse grids first, resumable after each point.
 *
 * @throws {ZartsError} for a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function measureLandscape(
  { points, extent, omega }: LandscapeProtocol,
  { objective, trained, run }: PlaneWork,
  options: LandscapeOptions,
): Promise<LandscapeResult> {
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
  const grid = gridOf(levels[levels.length - 1].lines);
  const { center, directions } = objective.plane;
  const [d1, d2] = directions;
  return {
    grid,
    minimum: gridMinimum(grid),
    sharpness: sharpness(grid),
    centerNorm: Math.hypot(...center),
    directionNorms: [Math.hypot(...d1), Math.hypot(...d2)],
    supernet: trained.key,
  };
}
