import { axisTicks, gridMinimum, sharpness } from '../../lib/analysis/landscape.js';
import { spaceName } from '../../lib/search/protocol.js';
import type { LandscapeProtocol, PathProtocol } from '../../lib/search/landscape-protocol.js';
import { landscapeOf, pathName } from '../../reproductions/landscapes.js';
import type { LandscapeRun, Landscapes } from '../../reproductions/landscapes.js';
import { fakeEnvironment } from './fake-sweep.js';

/** What made-up runs show. */
export interface FakeShape {
  /** The loss of a landscape at (x, y). */
  readonly loss: (landscape: LandscapeProtocol, x: number, y: number) => number;
  /** Where a path ends; it goes there in equal steps. */
  readonly end: (path: PathProtocol) => { readonly x: number; readonly y: number };
}

/** Landscapes and paths as if measured, with shapes that a test decides: the protocols are real, nothing is run. */
export function fakeLandscapes(protocols: readonly LandscapeRun[], { loss, end }: FakeShape): Landscapes {
  const shared = { seconds: 1, key: 'k'.repeat(32), environment: 0 };
  return {
    environments: [fakeEnvironment],
    budget: protocols[0].budget,
    space: spaceName(landscapeOf(protocols[0]).supernet),
    panels: protocols.flatMap((run) => {
      if (run.kind !== 'landscape') return [];
      const { points, extent, seed, omega, normalization } = run;
      const ticks = axisTicks(points, extent);
      const grid = { xs: ticks, ys: ticks, losses: ticks.map((y) => ticks.map((x) => loss(run, x, y))) };
      return [
        {
          ...shared,
          seed,
          estimate: omega.kind,
          iterations: omega.kind === 'finetuned' ? omega.iterations : null,
          normalization,
          grid,
          minimum: gridMinimum(grid),
          sharpness: sharpness(grid),
          directionNorms: [1, 1] as const,
        },
      ];
    }),
    paths: protocols.flatMap((run) => {
      if (run.kind !== 'path') return [];
      const { seed, solver, updates, start, landscape } = run;
      const last = end(run);
      const points = Array.from({ length: updates + 1 }, (_, i) => {
        const x = start.x + ((last.x - start.x) * i) / updates;
        const y = start.y + ((last.y - start.y) * i) / updates;
        return { x, y, loss: loss(landscape, x, y) };
      });
      const step = solver.kind === 'gradient' ? solver.step : null;
      return [{ ...shared, seed, name: pathName(solver), step, points, evaluations: 8, gradients: 1 }];
    }),
    spectra: protocols.flatMap((run) => {
      if (run.kind !== 'spectrum') return [];
      const { seed, landscape, values, products } = run;
      const bend = loss(landscape, 0.5, 0) + loss(landscape, -0.5, 0) - 2 * loss(landscape, 0, 0);
      const largest = Array.from({ length: values }, (_, i) => ({
        value: (4 * bend) / (i + 1),
        bound: 1e-4,
      }));
      return [
        {
          ...shared,
          seed,
          estimate: landscape.omega.kind,
          iterations: landscape.omega.kind === 'finetuned' ? landscape.omega.iterations : null,
          largest,
          smallest: { value: 0, bound: 1e-3 },
          products,
          converged: true,
        },
      ];
    }),
    conditions: protocols.flatMap((run) => {
      if (run.kind !== 'condition') return [];
      const { seed, landscape } = run;
      // Like the slopes: what is sharper is conditioned worse.
      const base = loss(landscape, 0, 0);
      const change = loss(landscape, 1, 1) - loss(landscape, -1, -1);
      const q = Math.abs(change) / base;
      const numbers = { q, mean: q / 2, alphaNorm: 1 };
      return [
        {
          ...shared,
          seed,
          estimate: landscape.omega.kind,
          iterations: landscape.omega.kind === 'finetuned' ? landscape.omega.iterations : null,
          base,
          changes: [change],
          raw: numbers,
          centered: numbers,
        },
      ];
    }),
  };
}
