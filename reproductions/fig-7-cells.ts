/** Fig. 7: the cells that ZARTS finds in S1–S4 on CIFAR-10. */
import { cellFigure } from './cells.js';

/** Fig. 7. */
export const fig7 = cellFigure('fig-7', 'cifar10', ['s1', 's2', 's3', 's4']);
