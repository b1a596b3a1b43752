/**
 * Fig. 4: effective sample size N_e and ratio R_e of ZARTS-MGS over the epochs of a search, for several numbers of
 * candidates N. The paper shows one set of curves; here each is drawn for the three densities that Eq. 10 can be divided
 * by, and once more with σ held constant, because R_e depends on both before it depends on the loss.
 */
import { undecided } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { fitLine } from '../lib/analysis/statistics.js';
import { sixDigits, smallMultiples } from '../lib/report/charts.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { seedsOf, several } from './deviations.js';
import { experiment, groupBy } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { some } from './grid.js';
import { figureNumber } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import {
  DENSITIES,
  DENSITY_TITLES,
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

type SearchRow = Row<'search', SweepAxes>;

/** N for which σ is held constant too where time is short: the default and the largest. */
const CONTROL_SAMPLES: readonly number[] = [SAMPLES[1], SAMPLES[3]];

/** From which N on the paper calls R_e converged (A.3). */
const CONVERGED_FROM = figureNumber('4', 'esrConvergedFromN');

/** The R_e that the paper reads at epoch 50 "as N increases" (A.3). */
const PAPER_ESR = figureNumber('4', 'esrAtEpoch50LargeN');

/**
 * What counts as "0.7": the text gives one decimal, read off a curve, so it states no more than a number that rounds to it.
 * The same half digit is the largest difference that can hide in "R_e has already converged".
 */
const HALF_DIGIT = 0.05;

function deviations(cells: readonly Cell<'search', SweepAxes>[]): string[] {
  const searches = cells.map(({ run }) => run.search);
  const axes = cells.map((cell) => cell.axes);
  const [scheduled, held] = ['cosine', 'constant'].map((schedule) =>
    samplesIn(axes.filter((each) => each.schedule === schedule)),
  );
  return [
    ...sweepDeviations(searches),
    `N is ${samplesIn(axes).join(', ')}; the paper does not say which N its figure shows.`,
    `${several(seedsOf(cells), 'search', 'searches')} (seeds) a curve; the paper does not say how many stand behind its own.`,
    ...(held.length > 0 && scheduled.some((N) => !held.includes(N))
      ? [
          `The control with constant σ is run for N = ${held.join(' and ')} only (budget ${searches[0].budget}).`,
        ]
      : []),
  ];
}

/** R_e and N_e of a search's last epoch. */
const last = (row: SearchRow) => weightedEpochs(row).at(-1);

/** How much R_e rose from the first epoch with updates to the last; undefined if there are not two of them. */
function rise(row: SearchRow): number | undefined {
  const epochs = weightedEpochs(row);
  return epochs.length < 2 ? undefined : epochs[epochs.length - 1].esr - epochs[0].esr;
}

/** The mean; undefined unless every value is there. */
function average(values: readonly (number | undefined)[]): number | undefined {
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return (values as number[]).reduce((sum, value) => sum + value, 0) / values.length;
}

/** The slope of N_e over N in the last epoch; undefined for fewer than two N. */
function slope(rows: readonly SearchRow[]): number | undefined {
  const points = rows.map((row): [number, number] => [row.N, last(row)?.ess ?? NaN]);
  return points.length < 2 ? undefined : fitLine(points).slope;
}

/** R_e at the largest N less R_e at the N where the paper calls it converged. */
function ratioChange(rows: readonly SearchRow[]): number | undefined {
  const largest = Math.max(...rows.map(({ N }) => N));
  const [from, to] = [CONVERGED_FROM, largest].map((N) => rows.find((row) => row.N === N));
  return from && to && from !== to ? (last(to)?.esr ?? NaN) - (last(from)?.esr ?? NaN) : undefined;
}

/** Half the rise under the schedule less the rise under constant σ, over the N that the seed has both for. */
function excessRise(rows: readonly SearchRow[]): number | undefined {
  const both = groupBy(rows, 'N').filter((group) => groupBy(group.rows, 'schedule').length === 2);
  const [scheduled, held] = ['cosine', 'constant'].map((schedule) =>
    average(both.flatMap((group) => group.rows.filter((row) => row.schedule === schedule).map(rise))),
  );
  return scheduled === undefined || held === undefined ? undefined : scheduled / 2 - held;
}

/** A function of one seed's searches with cosine σ. */
const whereScheduled =
  (value: (rows: readonly SearchRow[]) => number | undefined): Statement<SearchRow>['value'] =>
  (rows) =>
    value(rows.filter(({ schedule }) => schedule === 'cosine'));

/** What the paper says of Fig. 4 (A.3). `absolute`: it names a number that the paper read off its own, larger search. */
const STATEMENTS: readonly (Statement<SearchRow> & { readonly absolute?: true })[] = [
  {
    id: 'ess-rises-with-samples',
    text: 'N_e rises with N',
    statistic: 'slope of N_e over N in the last epoch',
    region: { above: 0 },
    value: whereScheduled(slope),
    detail: 'A slope of 1 would mean that every candidate added counts in full.',
  },
  {
    id: 'esr-near-paper',
    text: `R_e is about ${PAPER_ESR} at the end for N ≥ ${CONVERGED_FROM}`,
    statistic: `mean R_e over N ≥ ${CONVERGED_FROM} in the last epoch`,
    region: { between: [PAPER_ESR - HALF_DIGIT, PAPER_ESR + HALF_DIGIT] },
    value: whereScheduled((rows) =>
      average(rows.filter(({ N }) => N >= CONVERGED_FROM).map((row) => last(row)?.esr)),
    ),
    detail: 'The paper gives one decimal, so "about" is what rounds to it.',
    absolute: true,
  },
  {
    id: 'esr-converged',
    text: `R_e no longer changes with N from N = ${CONVERGED_FROM} on`,
    statistic: `R_e at the largest N less R_e at N = ${CONVERGED_FROM}, last epoch`,
    region: { between: [-HALF_DIGIT, HALF_DIGIT] },
    value: whereScheduled(ratioChange),
    detail: 'Half of the last digit that the paper gives is the largest change that "converged" can hide.',
  },
  {
    id: 'esr-rises-over-epochs',
    text: 'N_e approaches N over the epochs',
    statistic: 'R_e in the last epoch less R_e in the first with updates, mean over N',
    region: { above: 0 },
    value: whereScheduled((rows) => average(rows.map(rise))),
  },
];

/** Not the paper's: what its rise over the epochs is made of. It needs a rise, and the control with constant σ. */
const SCHEDULE_STATEMENT: Statement<SearchRow> = {
  id: 'rise-is-the-schedule',
  text: 'Most of the rise over the epochs comes from the schedule of σ (our reading)',
  statistic: 'half the rise of R_e with cosine σ less the rise with constant σ, mean over N',
  region: { above: 0 },
  value: excessRise,
  detail: 'Above 0, less than half of the rise is left once σ stays constant.',
};

function claims({ rows, budget }: View<'search', SweepAxes>): Claim[] {
  return densitiesIn(rows).flatMap((density) => {
    const own = rows.filter((row) => row.density === density);
    const scale = `The paper's number is that of its own search; this is one in ${own[0].space.toUpperCase()} at budget ${budget}.`;
    const named = <S extends Statement<SearchRow>>({ id, text, ...rest }: S) => ({
      ...rest,
      id: `${id}/${density}`,
      text: `${text}: ${DENSITY_TITLES[density]}.`,
    });
    const found = judgeAll(
      own,
      STATEMENTS.map(({ absolute, ...statement }) =>
        named(
          absolute && budget !== 'full'
            ? { ...statement, detail: `${statement.detail} ${scale}` }
            : statement,
        ),
      ),
    );
    if (own.every(({ schedule }) => schedule === 'cosine')) return found;
    const rises = found.some(({ id, verdict }) => id.startsWith('esr-rises') && verdict === 'supported');
    const detail = 'No rise is established here that a schedule could explain.';
    const last = named(SCHEDULE_STATEMENT);
    return [...found, ...(rises ? judgeAll(own, [last]) : [undecided({ ...last, detail })])];
  });
}

/** The verdicts at a glance: a row a statement, a column a density. */
function verdictTable(view: View<'search', SweepAxes>): Table {
  const verdicts = new Map(claims(view).map(({ id, verdict }) => [id, verdict]));
  const densities = densitiesIn(view.rows);
  return summaryTable<Statement<SearchRow>>(
    'Verdicts by density',
    [...STATEMENTS, SCHEDULE_STATEMENT]
      .filter(({ id }) => densities.some((density) => verdicts.has(`${id}/${density}`)))
      .map((statement) => ({ rows: [statement] })),
    [
      label('claim', ({ text }) => text),
      ...densities.map((density) =>
        label<Statement<SearchRow>>(density, ({ id }) => verdicts.get(`${id}/${density}`) ?? null),
      ),
    ],
  );
}

function tables(view: View<'search', SweepAxes>): Table[] {
  return [
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

function charts(view: View<'search', SweepAxes>): Chart[] {
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
