/** Fig. 8: the cells that ZARTS finds in S1–S4 on CIFAR-100. */
import { cellFigure } from './cells.js';

/** Fig. 8. */
export const fig8 = cellFigure({
  id: 'fig-8',
  title: 'Fig. 8: cells found on CIFAR-100 in S1–S4',
  description: 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.',
  claim:
    'In the spaces made for DARTS to fail in, the normal cells that ZARTS finds are not dominated by operations without parameters.',
  dataset: 'cifar100',
  spaces: ['s1', 's2', 's3', 's4'],
  // The genotypes are only drawn; the paper gives no numbers for them.
  paper: {},
});
