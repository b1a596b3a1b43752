/** Fig. 6: the cells that ZARTS finds in the DARTS space on CIFAR-100. */
import { cellFigure } from './cells.js';

/** Fig. 6. */
export const fig6 = cellFigure('fig-6', 'cifar100', ['darts']);
