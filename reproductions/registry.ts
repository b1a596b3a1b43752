import { unknownName } from '../lib/errors.js';
import type { Experiment } from './experiment.js';
import { extraCurvature } from './extra-curvature.js';
import { extraNb201 } from './extra-nb201.js';
import { fig1 } from './fig-1-landscape.js';
import { fig2 } from './fig-2-convergence.js';
import { fig3 } from './fig-3-weights.js';
import { fig4 } from './fig-4-ess.js';
import { fig5 } from './fig-5-cells.js';
import { fig6 } from './fig-6-cells.js';
import { fig7 } from './fig-7-cells.js';
import { fig8 } from './fig-8-cells.js';
import { fig9 } from './fig-9-cells.js';
import { table1 } from './table-1-solvers.js';
import { table2 } from './table-2-spaces.js';
import { table3 } from './table-3-darts.js';
import { table4 } from './table-4-transfer.js';
import { table5 } from './table-5-samples.js';
import { table6 } from './table-6-iterations.js';
import { table7 } from './table-7-wide.js';

/** Every figure and table of the paper, in its order, and then our own. Each is given back only to its own functions. */
export const EXPERIMENTS = [
  fig1,
  fig2,
  fig3,
  fig4,
  fig5,
  fig6,
  fig7,
  fig8,
  fig9,
  table1,
  table2,
  table3,
  table4,
  table5,
  table6,
  table7,
  extraNb201,
  extraCurvature,
] as unknown as readonly Experiment[];

/** @throws {UsageError} for an id that no figure or table of the paper has. */
export function experimentById(id: string): Experiment {
  const found = EXPERIMENTS.find((each) => each.id === id);
  if (found) return found;
  throw unknownName(
    'figure or table',
    id,
    EXPERIMENTS.map((each) => each.id),
  );
}
