import { unknownName } from '../lib/errors.js';
import { fig1 } from './fig-1-landscape.js';
import { fig2 } from './fig-2-convergence.js';
import { fig3 } from './fig-3-weights.js';
import { fig4 } from './fig-4-ess.js';
import { fig5 } from './fig-5-cells.js';
import { fig6 } from './fig-6-cells.js';
import { fig7 } from './fig-7-cells.js';
import { fig8 } from './fig-8-cells.js';
import { fig9 } from './fig-9-cells.js';
import type { Measured, Protocol, Reproduction } from './reproduction.js';
import { table1 } from './table-1-solvers.js';
import { table2 } from './table-2-spaces.js';
import { table3 } from './table-3-darts.js';
import { table4 } from './table-4-transfer.js';
import { table5 } from './table-5-samples.js';
import { table6 } from './table-6-iterations.js';
import { table7 } from './table-7-wide.js';

/** A figure or table of the paper. */
export interface RegistryEntry {
  /** "fig-1" … "fig-9", "table-1" … "table-7". */
  readonly id: string;
  readonly title: string;
  /** What it shows, in one line. */
  readonly description: string;
  /** What its functions take is what its own `measure` gives. */
  readonly reproduction: Reproduction<Measured, Protocol>;
}

function entry<Result extends Measured, Run extends Protocol>(
  reproduction: Reproduction<Result, Run>,
  description: string,
): RegistryEntry {
  const { id, title } = reproduction;
  // The registry forgets what runs and results are: they only ever go back to the reproduction that made them.
  return { id, title, description, reproduction };
}

/** Every figure and table of the paper, in its order. */
export const REPRODUCTIONS: readonly RegistryEntry[] = [
  entry(fig1, 'Sharpness with and without fine-tuned weights; where DARTS, RS, MGS and GLD end.'),
  entry(
    fig2,
    'Whether DARTS decays and ZARTS stays level when a search goes on; skip connections epoch by epoch.',
  ),
  entry(fig3, 'First order, second order and M fine-tuning steps side by side.'),
  entry(fig4, 'N_e and R_e over the epochs for several N, three densities, σ scheduled and constant.'),
  entry(fig5, 'Drawings; size and operations of what ZARTS and DARTS find.'),
  entry(fig6, 'Drawings; size and operations of what ZARTS and DARTS find.'),
  entry(fig7, 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.'),
  entry(fig8, 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.'),
  entry(fig9, 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.'),
  entry(table1, 'Their formulas, and bias, variance, limits and effective samples on toy functions.'),
  entry(table2, 'DARTS, the ZARTS solvers and random search: searched, trained from scratch, ranked.'),
  entry(table3, 'ZARTS beside DARTS and its successors: best and mean of the searches, with size and cost.'),
  entry(
    table4,
    'Cells found on CIFAR-10 in networks for large images: exact parameters and multiply-adds, and errors.',
  ),
  entry(
    table5,
    'Cost, effective samples and stability of a search for N = 2, 4, 6, 8; error and size of its networks.',
  ),
  entry(table6, 'Errors and sizes for several M, with the frequency of updates coupled to it and fixed.'),
  entry(table7, 'ZARTS beside PC-DARTS and SDARTS: the searches of Table 2, their networks wider.'),
];

/** @throws {UsageError} for an id that no figure or table of the paper has. */
export function reproductionById(id: string): RegistryEntry {
  const found = REPRODUCTIONS.find((each) => each.id === id);
  if (!found) {
    throw unknownName(
      'figure or table',
      id,
      REPRODUCTIONS.map((each) => each.id),
    );
  }
  return found;
}
