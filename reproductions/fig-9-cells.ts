/** Fig. 9: the cells that ZARTS finds in S1–S4 on SVHN. */
import { cellFigure } from './cells.js';

/** Fig. 9. */
export const fig9 = cellFigure({
  id: 'fig-9',
  title: 'Fig. 9: cells found on SVHN in S1–S4',
  description: 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.',
  claim:
    'In the spaces made for DARTS to fail in, the normal cells that ZARTS finds are not dominated by operations without parameters.',
  dataset: 'svhn',
  spaces: ['s1', 's2', 's3', 's4'],
  // The genotypes are only drawn; the paper gives no numbers for them.
  paper: {},
});
