/** Fig. 9: the cells that ZARTS finds in S1–S4 on SVHN. */
import { cellFigure } from './cells.js';

/** Fig. 9. */
export const fig9 = cellFigure('fig-9', 'svhn', ['s1', 's2', 's3', 's4']);
