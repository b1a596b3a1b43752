import { quartic, toyStep } from '../analysis/toy.js';
import { key } from '../math/random.js';
import { mgs } from '../solvers/mgs.js';
import type { MgsOptions } from '../solvers/mgs.js';
import { fixed } from './format.js';
import type { Table } from './table.js';

const place = (values: Float64Array): string => `(${[...values].map((x) => fixed(x, 2)).join(', ')})`;

/**
 * One update of ZARTS-MGS on the quartic in the plane, candidate by candidate: directions, losses, what is divided by, weights.
 *
 * @param draw  Another number draws other directions.
 */
export function toyStepTable(settings: Partial<MgsOptions>, draw = 1): Table {
  const toy = quartic(2);
  const solver = mgs(settings);
  const { asked, losses, diagnostics } = toyStep(solver, solver.init(toy.start), toy, { key: key(draw) });
  const { update, ess, weights } = diagnostics;
  return {
    title: `u* = ${place(update)}, N_e = ${fixed(ess, 2)} of ${losses.length}`,
    columns: [
      { key: 'u', title: 'direction u', align: 'right' },
      { key: 'loss', title: 'L(α + u)', align: 'right' },
      { key: 'logQ', title: 'ln q(u)', align: 'right' },
      { key: 'weight', title: 'weight c', align: 'right' },
    ],
    rows: asked.directions.map((u, i) => ({
      u: place(u),
      loss: fixed(losses[i], 4),
      logQ: fixed(asked.logQ[i], 2),
      weight: fixed(weights[i], 3),
    })),
    notes: [`α = ${place(toy.start)}, −g = ${place(toy.gradient(toy.start).map((x) => -x))}`],
  };
}
