/**
 * Fig. 3: the loss over a plane of α under three estimates of ω*(α): the weights as they are (first order), after one plain
 * gradient step (second order), and fine-tuned by M steps.
 */
import { experiment } from './experiment.js';
import {
  atEstimate,
  CHOICES,
  landscapeBase,
  landscapeCell,
  landscapeCharts,
  landscapeDeviations,
  landscapeOpenSettings,
  landscapeSurfaces,
  SEEDS,
  sharpnessTable,
  slopeRatio,
} from './landscapes.js';
import type { Estimate, OnLandscapeRow } from './landscapes.js';
import { figureNumbers } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';

/** In the order of the paper's panels. */
const ESTIMATES = ['current', 'unrolled', 'finetuned'] as const satisfies readonly Estimate[];

const ORDERS = { current: 'first order', unrolled: 'second order', finetuned: 'M steps' };

const STATEMENTS = [
  {
    id: 'first-order-sharper',
    text: 'The first-order approximation sharpens the landscape.',
    orders: ['current', 'finetuned'],
  },
  {
    id: 'second-order-sharper',
    text: 'The second-order approximation sharpens the landscape.',
    orders: ['unrolled', 'finetuned'],
  },
  {
    id: 'second-order-flatter-than-first',
    text: 'The second-order approximation is slightly flatter than the first-order one.',
    orders: ['current', 'unrolled'],
  },
] as const;

/** What each sentence says of the mean slopes of two landscapes. */
const asked = STATEMENTS.map(({ id, text, orders: [a, b] }): Statement<OnLandscapeRow> => ({
  id,
  text,
  statistic: `ln of the mean slope, ${ORDERS[a]} over ${ORDERS[b]}`,
  region: { above: 0 },
  value: (rows) => slopeRatio(rows, a, b),
}));

const HEADING = 'Loss over a plane of α under three estimates of ω*';

/** Fig. 3. */
export const fig3 = experiment({
  id: 'fig-3',
  title: 'Fig. 3: the landscape under three estimates of ω*',
  description: 'First order, second order and M fine-tuning steps side by side.',
  claim: 'First- and second-order approximations of ω* both sharpen the landscape, the second a little less.',
  paper: figureNumbers('3', 'supernetEpochs gridMax gridInterval fineTuneIterations'),
  seeds: SEEDS,
  choices: CHOICES,
  runs: (grid) =>
    grid.seeds.flatMap((seed) => {
      const base = landscapeBase(grid, seed);
      return ESTIMATES.map((estimate) => landscapeCell(atEstimate(base, estimate)));
    }),
  deviations: landscapeDeviations,
  openSettings: landscapeOpenSettings,
  tables: (view) => [sharpnessTable(view)],
  charts: (view) => landscapeCharts(view, 'landscape', HEADING),
  surfaces: (view) => landscapeSurfaces(view, HEADING),
  claims: ({ rows }) => judgeAll(rows, asked),
});
