/**
 * Fig. 3: the loss over a plane of α under three estimates of ω*(α): the weights as they are (first order), after one plain
 * gradient step (second order), and fine-tuned by M steps.
 */
import { experiment } from './experiment.js';
import {
  atEstimate,
  landscapeBase,
  landscapeCell,
  landscapeCharts,
  landscapeControls,
  landscapeSurfaces,
  ON_LANDSCAPES,
  onOneSupernet,
  sharpnessTable,
  slopeRatio,
} from './landscapes.js';
import type { OnLandscapeRow } from './landscapes.js';
import { figureNumbers } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import { controlsTable } from './together.js';

/** The estimates in the order of the paper's panels. */
const ORDERS = { current: 'first order', unrolled: 'second order', finetuned: 'M steps' } as const;
type Estimate = keyof typeof ORDERS;

/** That the landscape of one estimate has the larger mean slope. */
const sharper = (id: string, text: string, a: Estimate, b: Estimate): Statement<OnLandscapeRow> => ({
  id,
  text,
  statistic: `ln of the mean slope, ${ORDERS[a]} over ${ORDERS[b]}`,
  region: { above: 0 },
  value: (rows) => slopeRatio(rows, a, b),
});

const STATEMENTS = [
  sharper(
    'first-order-sharper',
    'The first-order approximation sharpens the landscape.',
    'current',
    'finetuned',
  ),
  sharper(
    'second-order-sharper',
    'The second-order approximation sharpens the landscape.',
    'unrolled',
    'finetuned',
  ),
  sharper(
    'second-order-flatter-than-first',
    'The second-order approximation is slightly flatter than the first-order one.',
    'current',
    'unrolled',
  ),
];

const HEADING = 'Loss over a plane of α under three estimates of ω*';

/** Fig. 3. */
export const fig3 = experiment({
  id: 'fig-3',
  title: 'Fig. 3: the landscape under three estimates of ω*',
  description: 'First order, second order and M fine-tuning steps side by side.',
  claim: 'First- and second-order approximations of ω* both sharpen the landscape, the second a little less.',
  paper: figureNumbers('3', 'supernetEpochs gridMax gridInterval fineTuneIterations'),
  ...ON_LANDSCAPES,
  runs: (grid) =>
    grid.seeds.flatMap((seed) => {
      const base = landscapeBase(grid, seed);
      return (Object.keys(ORDERS) as Estimate[]).map((estimate) => landscapeCell(atEstimate(base, estimate)));
    }),
  ...onOneSupernet({
    tables: (view, notes) => [
      controlsTable(landscapeControls(view.rows).controls, notes),
      sharpnessTable(view),
    ],
    charts: (view) => landscapeCharts(view, 'landscape', HEADING),
    surfaces: (view) => landscapeSurfaces(view, HEADING),
    claims({ rows }) {
      const gate = landscapeControls(rows).tuning;
      return judgeAll(
        rows,
        STATEMENTS.map((each) => ({ ...each, ...gate })),
      );
    },
  }),
});
