/**
 * Fig. 3: the loss over a plane of α under three estimates of ω*(α): the weights as they are (first order), after one plain
 * gradient step (second order), and fine-tuned by M steps.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { landscapeChart } from '../lib/report/landscape-chart.js';
import type { Chart } from '../lib/report/spec.js';
import { surface } from '../lib/report/surface.js';
import type { Surface } from '../lib/report/surface.js';
import {
  ESTIMATES,
  estimateTitle,
  landscapeDeviations,
  landscapeOpenSettings,
  landscapeProtocols,
  landscapeSeconds,
  landscapeWords,
  measureLandscapes,
  panelOf,
  seedsOf,
  sharpnessTable,
  slopeRatios,
} from './landscapes.js';
import type { Estimate, LandscapeRun, Landscapes } from './landscapes.js';
import { figureNumber } from './paper.js';
import type { Reproduction } from './reproduction.js';

function claims(result: Landscapes): Claim[] {
  const sharper = (id: string, text: string, a: Estimate, b: Estimate, names: string): Claim =>
    judge({
      id,
      text,
      statistic: `ln of the mean slope, ${names}`,
      values: slopeRatios(result, a, b),
      region: { above: 0 },
    });
  return [
    sharper(
      'first-order-sharper',
      'The first-order approximation sharpens the landscape.',
      'current',
      'finetuned',
      'first order over M steps',
    ),
    sharper(
      'second-order-sharper',
      'The second-order approximation sharpens the landscape.',
      'unrolled',
      'finetuned',
      'second order over M steps',
    ),
    sharper(
      'second-order-flatter-than-first',
      'The second-order approximation is slightly flatter than the first-order one.',
      'current',
      'unrolled',
      'first order over second order',
    ),
  ];
}

/** The landscapes of the first seed, in the order of the paper's panels. */
function firstPanels(result: Landscapes) {
  const [seed] = seedsOf(result);
  const panels = ESTIMATES.flatMap((estimate) => panelOf(result, seed, estimate) ?? []);
  const heading = `Loss over a plane of α under three estimates of ω* (${result.space.toUpperCase()}, budget ${result.budget})`;
  return {
    heading,
    drawn: panels.map((panel) => ({ title: estimateTitle(panel), grid: panel.grid })),
    words: panels.length > 0 && landscapeWords(panels[0], heading, `star: smallest loss; seed ${seed}`),
  };
}

function charts(result: Landscapes): Chart[] {
  const { heading, drawn, words } = firstPanels(result);
  return words ? [{ name: 'landscape', title: heading, spec: landscapeChart(drawn, words) }] : [];
}

function surfaces(result: Landscapes): Surface[] {
  const { drawn, words } = firstPanels(result);
  return words ? [surface('surface', drawn, words)] : [];
}

/** Fig. 3. */
export const fig3: Reproduction<Landscapes, LandscapeRun> = {
  id: 'fig-3',
  title: 'Fig. 3: the landscape under three estimates of ω*',
  claim: 'First- and second-order approximations of ω* both sharpen the landscape, the second a little less.',
  paper: Object.fromEntries(
    ['supernetEpochs', 'gridMax', 'gridInterval', 'fineTuneIterations'].map((name) => [
      name,
      figureNumber('3', name),
    ]),
  ),
  protocols: (options) =>
    landscapeProtocols(options, { estimates: ESTIMATES, controls: [], paths: false, curvature: false }),
  deviations: landscapeDeviations,
  openSettings: landscapeOpenSettings,
  seconds: landscapeSeconds,
  measure: measureLandscapes,
  tables: (result) => [sharpnessTable(result)],
  charts,
  surfaces,
  claims,
};
