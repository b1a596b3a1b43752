/** Fig. 7: the cells that ZARTS finds in S1–S4 on CIFAR-10. */
import { cellFigure } from './cells.js';

/** Fig. 7. */
export const fig7 = cellFigure({
  id: 'fig-7',
  title: 'Fig. 7: cells found on CIFAR-10 in S1–S4',
  description: 'Drawings; skip connections, pooling and noise in the cells of ZARTS and DARTS.',
  claim:
    'In the spaces made for DARTS to fail in, the normal cells that ZARTS finds are not dominated by operations without parameters.',
  dataset: 'cifar10',
  spaces: ['s1', 's2', 's3', 's4'],
  // The genotypes are only drawn; the paper gives no numbers for them.
  paper: {},
});
