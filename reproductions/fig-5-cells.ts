/** Fig. 5: the cells that ZARTS finds in the DARTS space on CIFAR-10. */
import { cellFigure } from './cells.js';
import { figureNumber, printedRow } from './paper.js';

const paramsM = figureNumber('5', 'paramsM');

/** Of the paper's searches (its Table 3), in millions. */
const { params } = printedRow('3', { dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' });

/** Fig. 5. */
export const fig5 = cellFigure({
  id: 'fig-5',
  title: 'Fig. 5: cells found on CIFAR-10 in the DARTS space',
  description: 'Drawings; size and operations of what ZARTS and DARTS find.',
  claim: `The normal cell that ZARTS finds is not dominated by operations without parameters, and the network has about ${paramsM} M of them.`,
  dataset: 'cifar10',
  spaces: ['darts'],
  paper: {
    paramsM,
    error: figureNumber('5', 'error'),
    accuracy: figureNumber('5', 'accuracy'),
  },
  paperSize: { mean: params.value, std: params.std! },
});
