/** Fig. 8: the cells that ZARTS finds in S1–S4 on CIFAR-100. */
import { cellFigure } from './cells.js';

/** Fig. 8. */
export const fig8 = cellFigure('fig-8', 'cifar100', ['s1', 's2', 's3', 's4']);
