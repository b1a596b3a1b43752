/** Fig. 5: the cells that ZARTS finds in the DARTS space on CIFAR-10. */
import { cellFigure } from './cells.js';

/** Fig. 5. */
export const fig5 = cellFigure('fig-5', 'cifar10', ['darts']);
