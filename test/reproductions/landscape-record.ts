import { axisTicks, gridMinimum, sharpness } from '../../lib/analysis/landscape.js';
import { cellsOf, cellsOfKind } from '../../reproductions/experiment.js';
import { fig1 } from '../../reproductions/fig-1-landscape.js';
import { RECORD_VERSION } from '../../reproductions/records.js';
import type { ResultRecord } from '../../reproductions/records.js';
import { fakeRuns } from './fakes.js';

/** A record of Fig. 1 with made-up landscapes: bowls, the fine-tuned one flatter, their lowest points not in the middle. */
export function landscapeRecord(): ResultRecord {
  const { id, title, claim, paper } = fig1;
  const cells = cellsOfKind(cellsOf(fig1, { budget: 'smoke', seeds: 1 }), 'landscape');
  const runs = fakeRuns(cells, ({ run }) => {
    const { points, extent, omega } = run.landscape;
    const xs = axisTicks(points, extent);
    const sharp = omega.kind === 'finetuned' ? 0.3 : 1;
    const grid = {
      xs,
      ys: xs,
      losses: xs.map((y) => xs.map((x) => 2 + sharp * ((x - 0.4) ** 2 + 2 * (y + 0.3) ** 2))),
    };
    return {
      result: { grid, minimum: gridMinimum(grid), sharpness: sharpness(grid), directionNorms: [1, 1] },
    };
  });
  return {
    schemaVersion: RECORD_VERSION,
    ...{ id, title, claim, paper, budget: 'smoke', preset: 'paper' },
    options: { seeds: null, change: {} },
    ...{ deviations: [], openSettings: [], claims: [], tables: [] },
    result: { budget: 'smoke', runs, of: cells.length, missing: [] },
  };
}
