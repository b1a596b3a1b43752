/** Fig. 6: the cells that ZARTS finds in the DARTS space on CIFAR-100. */
import { cellFigure } from './cells.js';
import { figureNumber, printedRow } from './paper.js';

const paramsM = figureNumber('6', 'paramsM');

/** Of the paper's searches (its Table 3), in millions. */
const { params } = printedRow('3', { dataset: 'CIFAR100', block: 'average', method: 'ZARTS (ours)' });

/** Fig. 6. */
export const fig6 = cellFigure({
  id: 'fig-6',
  title: 'Fig. 6: cells found on CIFAR-100 in the DARTS space',
  description: 'Drawings; size and operations of what ZARTS and DARTS find.',
  claim: `The normal cell that ZARTS finds is not dominated by operations without parameters, and the network has about ${paramsM} M of them.`,
  dataset: 'cifar100',
  spaces: ['darts'],
  paper: {
    paramsM,
    error: figureNumber('6', 'error'),
    accuracy: figureNumber('6', 'accuracy'),
  },
  paperSize: { mean: params.value, std: params.std! },
});
