/**
 * Fig. 4: effective sample size N_e and ratio R_e of ZARTS-MGS over the epochs of a search, for several numbers of
 * candidates N. The paper shows one set of curves; here each is drawn for the three densities that Eq. 10 can be divided
 * by, and once more with σ held constant, because R_e depends on both before it depends on the loss.
 */
import { sixDigits, smallMultiples } from '../lib/report/charts.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { seedsOf, sentences, several } from './deviations.js';
import { experiment, groupBy } from './experiment.js';
import type { Cell } from './experiment.js';
import { claims, controlsOf, last, verdictTable } from './fig-4-claims.js';
import type { SearchRow, SweepView } from './fig-4-claims.js';
import { some } from './grid.js';
import {
  CONVERGED_FROM,
  DENSITIES,
  DENSITY_TITLES,
  PAPER_ESR,
  SAMPLES,
  SEEDS,
  SPACE,
  densitiesIn,
  epochRows,
  inOrder,
  schedulesIn,
  samplesIn,
  sweepAxes,
  sweepDeviations,
  sweepSearches,
  weightedEpochs,
} from './sweep.js';
import type { SweepAxes } from './sweep.js';
import { counted, label, spread, stateText, summaryTable } from './tables.js';
import { controlsTable } from './together.js';

/** N for which σ is held constant too where time is short: the default and the largest. */
const CONTROL_SAMPLES: readonly number[] = [SAMPLES[1], SAMPLES[3]];

function deviations(cells: readonly Cell<'search', SweepAxes>[]): string[] {
  const searches = cells.map(({ run }) => run.search);
  const axes = cells.map((cell) => cell.axes);
  const [scheduled, held] = ['cosine', 'constant'].map((schedule) =>
    samplesIn(axes.filter((each) => each.schedule === schedule)),
  );
  return sentences(
    sweepDeviations(searches),
    `N is ${samplesIn(axes).join(', ')}; the paper does not say which N its figure shows.`,
    `${several(seedsOf(cells), 'search', 'searches')} (seeds) a curve; the paper does not say how many stand behind its own.`,
    held.length > 0 &&
      scheduled.some((N) => !held.includes(N)) &&
      `The control with constant σ is run for N = ${held.join(' and ')} only (budget ${searches[0].budget}).`,
  );
}

function tables(view: SweepView): Table[] {
  const controls = controlsOf(view);
  return [
    ...(controls.length === 0 ? [] : [controlsTable(controls)]),
    summaryTable<SearchRow>(
      `Effective samples in the search (${stateText(view)}), mean ± standard deviation over seeds`,
      groupBy(inOrder(view.rows), 'density', 'schedule', 'N'),
      [
        label('density', ({ density }) => density),
        label('σ', ({ schedule }) => schedule),
        label('N', ({ N }) => N, 'right'),
        counted('seeds'),
        spread('N_e, last epoch', (row) => last(row)?.ess, 2),
        spread('R_e, last epoch', (row) => last(row)?.esr, 3),
        spread('R_e, first epoch', (row) => weightedEpochs(row)[0]?.esr, 3),
        spread('cos(u*, −g)', (row) => last(row)?.cosine, 2),
      ],
      [
        `First epoch: the first after warm-up. cos(u*, −g): how far the step follows the gradient, last epoch.`,
        `The paper's text reads R_e about ${PAPER_ESR} at epoch 50 of its own search in the DARTS space.`,
      ],
    ),
    verdictTable(view),
  ];
}

function charts(view: SweepView): Chart[] {
  const { rows } = view;
  const values = epochRows(rows).map(({ density, schedule, ess, esr, sigma, N, seed, epoch }) => ({
    density: DENSITY_TITLES[density],
    schedule: `${schedule} σ`,
    ...{ N, seed, epoch, ess: sixDigits(ess), esr: sixDigits(esr) },
    sigma: sigma === null ? null : sixDigits(sigma),
  }));
  if (values.length === 0) return [];
  const counts = samplesIn(rows);
  const legend = 'thick: mean over seeds; thin: each seed';
  return [
    {
      name: 'ess',
      heading: 'Effective sample size Nₑ',
      y: { title: 'Nₑ', most: Math.max(...counts), ...(counts.length > 1 && { ticks: [0, ...counts] }) },
      subtitle: legend,
    },
    {
      name: 'esr',
      heading: 'Effective sample ratio Rₑ',
      y: { title: 'Rₑ = Nₑ / N', most: 1, reference: { at: PAPER_ESR, text: `paper: ${PAPER_ESR}` } },
      subtitle: `${legend}; dashed: what the paper reads off its own search at N ≥ ${CONVERGED_FROM}`,
    },
  ].map(({ name, heading, y, subtitle }) =>
    smallMultiples({ name, title: `${heading} over a search (${stateText(view)})`, subtitle }, values, {
      x: { field: 'epoch', most: rows[0].epochs.length },
      y: { ...y, field: name },
      color: { field: 'N', names: counts },
      columns: { field: 'density', names: densitiesIn(rows).map((density) => DENSITY_TITLES[density]) },
      rows: { field: 'schedule', names: schedulesIn(rows).map((schedule) => `${schedule} σ`) },
      also: [{ field: 'sigma', title: 'σ', format: '.4f' }],
    }),
  );
}

/** Fig. 4. */
export const fig4 = experiment({
  id: 'fig-4',
  title: 'Fig. 4: effective sample size and ratio of ZARTS-MGS over a search',
  description: 'N_e and R_e over the epochs for several N, three densities, σ scheduled and constant.',
  claim:
    'Eq. 26 is a fitting proposal: N_e approaches N in all settings, R_e settles at about 0.7 as N grows and has converged at N = 4.',
  paper: { esrLastEpoch: PAPER_ESR, esrConvergedFromN: CONVERGED_FROM },
  seeds: SEEDS,
  choices: { space: SPACE, density: some('density', DENSITIES, () => DENSITIES) },
  runs: (grid) =>
    sweepSearches(grid, grid.chosen.density, {
      cosine: SAMPLES,
      constant: grid.budget === 'full' ? SAMPLES : CONTROL_SAMPLES,
    }).map((search): Cell<'search', SweepAxes> => ({
      axes: sweepAxes(search),
      run: { kind: 'search', search },
    })),
  deviations,
  tables,
  charts,
  claims,
});
