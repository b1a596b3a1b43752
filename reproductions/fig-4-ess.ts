/**
 * Fig. 4: effective sample size N_e and ratio R_e of ZARTS-MGS over the epochs of a search, for several numbers of
 * candidates N. The paper shows one set of curves; here each is drawn for the three densities that Eq. 10 can be divided
 * by, and once more with σ held constant, because R_e depends on both before it depends on the loss.
 */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim, Region } from '../lib/analysis/claims.js';
import { fitLine } from '../lib/analysis/statistics.js';
import { chart, sixDigits } from '../lib/report/charts.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { ORDERED_SCHEME, REFERENCE_COLOR } from '../lib/report/theme.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { seedsOf, several } from './deviations.js';
import { distinct, experiment, groupBy, perSeed } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { some } from './grid.js';
import { figureNumber } from './paper.js';
import {
  DENSITIES,
  DENSITY_TITLES,
  SAMPLES,
  SEEDS,
  SPACE,
  densitiesIn,
  epochRows,
  inOrder,
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

// ---- Statistics of one seed's searches, of one density and schedule ----

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

/** Effective samples gained a sample added: the slope of N_e over N in the last epoch. */
function slope(rows: readonly SearchRow[]): number | undefined {
  const points = rows.flatMap((row): [number, number][] => {
    const end = last(row);
    return end ? [[row.N, end.ess]] : [];
  });
  return points.length < 2 ? undefined : fitLine(points).slope;
}

function ratioChange(rows: readonly SearchRow[]): number | undefined {
  const largest = Math.max(...rows.map(({ N }) => N));
  const [from, to] = [CONVERGED_FROM, largest].map((N) => rows.find((row) => row.N === N));
  if (!from || !to || from === to) return undefined;
  const [a, b] = [last(from)?.esr, last(to)?.esr];
  return a === undefined || b === undefined ? undefined : b - a;
}

/** Half the rise under the schedule less the rise under constant σ, over the N that the seed has both for. */
function excessRise(rows: readonly SearchRow[]): number | undefined {
  const [scheduled, held] = ['cosine', 'constant'].map((schedule) =>
    rows.filter((row) => row.schedule === schedule),
  );
  const shared = (own: readonly SearchRow[], other: readonly SearchRow[]) =>
    own.filter(({ N }) => other.some((each) => each.N === N)).map(rise);
  const [withSchedule, without] = [average(shared(scheduled, held)), average(shared(held, scheduled))];
  return withSchedule === undefined || without === undefined ? undefined : withSchedule / 2 - without;
}

// ---- Claims ----

/** A statement about N_e and R_e that is put to the searches of each density. */
interface Statement {
  readonly id: string;
  readonly text: string;
  readonly statistic: string;
  readonly region: Region;
  /** Of one seed's searches, with cosine σ unless it is about both schedules; undefined where some are not there. */
  readonly value: (rows: readonly SearchRow[]) => number | undefined;
  readonly detail?: string;
  /** It names a number that the paper read off its own, larger search. */
  readonly absolute?: true;
  readonly bothSchedules?: true;
}

/** What the paper says of Fig. 4 (A.3). */
const STATEMENTS: readonly Statement[] = [
  {
    id: 'ess-rises-with-samples',
    text: 'N_e rises with N',
    statistic: 'slope of N_e over N in the last epoch',
    region: { above: 0 },
    value: slope,
    detail: 'A slope of 1 would mean that every candidate added counts in full.',
  },
  {
    id: 'esr-near-paper',
    text: `R_e is about ${PAPER_ESR} at the end for N ≥ ${CONVERGED_FROM}`,
    statistic: `mean R_e over N ≥ ${CONVERGED_FROM} in the last epoch`,
    region: { between: [PAPER_ESR - HALF_DIGIT, PAPER_ESR + HALF_DIGIT] },
    value: (rows) => average(rows.filter(({ N }) => N >= CONVERGED_FROM).map((row) => last(row)?.esr)),
    detail: 'The paper gives one decimal, so "about" is what rounds to it.',
    absolute: true,
  },
  {
    id: 'esr-converged',
    text: `R_e no longer changes with N from N = ${CONVERGED_FROM} on`,
    statistic: `R_e at the largest N less R_e at N = ${CONVERGED_FROM}, last epoch`,
    region: { between: [-HALF_DIGIT, HALF_DIGIT] },
    value: ratioChange,
    detail: 'Half of the last digit that the paper gives is the largest change that "converged" can hide.',
  },
  {
    id: 'esr-rises-over-epochs',
    text: 'N_e approaches N over the epochs',
    statistic: 'R_e in the last epoch less R_e in the first with updates, mean over N',
    region: { above: 0 },
    value: (rows) => average(rows.map(rise)),
  },
];

/** Not the paper's: what its rise over the epochs is made of. It needs a rise, and the control with constant σ. */
const SCHEDULE_STATEMENT: Statement = {
  id: 'rise-is-the-schedule',
  text: 'Most of the rise over the epochs comes from the schedule of σ (our reading)',
  statistic: 'half the rise of R_e with cosine σ less the rise with constant σ, mean over N',
  region: { above: 0 },
  value: excessRise,
  detail: 'Above 0, less than half of the rise is left once σ stays constant.',
  bothSchedules: true,
};

function densityClaims({ rows, budget }: View<'search', SweepAxes>, density: MgsDensity): Claim[] {
  const own = rows.filter((row) => row.density === density);
  const named = ({ id, text, statistic }: Statement) => ({
    id: `${id}/${density}`,
    text: `${text}: ${DENSITY_TITLES[density]}.`,
    statistic,
  });
  const scale = `The paper's number is that of its own search; this is one in ${own[0].space.toUpperCase()} at budget ${budget}.`;
  const decide = (statement: Statement): Claim =>
    judge({
      ...named(statement),
      region: statement.region,
      values: perSeed(
        statement.bothSchedules ? own : own.filter(({ schedule }) => schedule === 'cosine'),
        statement.value,
      ),
      detail: [statement.detail ?? '', statement.absolute && budget !== 'full' ? scale : '']
        .filter((text) => text !== '')
        .join(' '),
    });
  const claims = STATEMENTS.map(decide);
  if (own.every(({ schedule }) => schedule === 'cosine')) return claims;
  const rises = claims.some(({ id, verdict }) => id.startsWith('esr-rises') && verdict === 'supported');
  const detail = 'No rise is established here that a schedule could explain.';
  return [
    ...claims,
    rises ? decide(SCHEDULE_STATEMENT) : undecided({ ...named(SCHEDULE_STATEMENT), detail }),
  ];
}

function claims(view: View<'search', SweepAxes>): Claim[] {
  return densitiesIn(view.rows).flatMap((density) => densityClaims(view, density));
}

// ---- Tables and charts ----

/** The verdicts at a glance: a row a statement, a column a density. */
function verdictTable(view: View<'search', SweepAxes>): Table {
  const verdicts = new Map(claims(view).map(({ id, verdict }) => [id, verdict]));
  const densities = densitiesIn(view.rows);
  const asked = [...STATEMENTS, SCHEDULE_STATEMENT].filter(({ id }) =>
    densities.some((density) => verdicts.has(`${id}/${density}`)),
  );
  return summaryTable(
    'Verdicts by density',
    asked.map((statement) => ({ rows: [statement] })),
    [
      label<Statement>('claim', ({ text }) => text),
      ...densities.map((density) =>
        label<Statement>(density, ({ id }) => verdicts.get(`${id}/${density}`) ?? null),
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

const SEEDS_LEGEND = 'thick: mean over seeds; thin: each seed';

/** At most five round epoch numbers up to the last. */
function epochTicks(end: number): number[] {
  const step = Math.ceil(end / 5);
  return Array.from({ length: Math.floor(end / step) }, (_, i) => (i + 1) * step);
}

/** A dashed line across a panel with what it stands for written above it. It has data of its own: one mark a panel. */
function referenceLayers(at: number, text: string): object[] {
  const data = { values: [{}] };
  const y = { datum: at };
  const color = REFERENCE_COLOR;
  const place = { align: 'left', baseline: 'bottom', dx: 4, dy: -3 };
  return [
    { data, mark: { type: 'rule', strokeDash: [5, 4], color }, encoding: { y } },
    {
      data,
      mark: { type: 'text', ...place, color, fontSize: 11 },
      encoding: { y, x: { value: 0 }, text: { value: text } },
    },
  ];
}

/** Small multiples of one quantity against epochs: columns by density, rows by schedule of σ, colour and shape by N. */
function panels(
  view: View<'search', SweepAxes>,
  field: 'ess' | 'esr',
  title: string,
  reference: object[],
): object {
  const { rows } = view;
  const counts = samplesIn(rows);
  const epochs = rows[0].epochs.length;
  const schedules = distinct(inOrder(rows).map(({ schedule }) => `${schedule} σ`))
    .sort()
    .reverse();
  const color = {
    field: 'N',
    type: 'ordinal',
    scale: { domain: counts, scheme: ORDERED_SCHEME },
    legend: { title: 'N', symbolOpacity: 1 },
  };
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch',
    scale: { domain: [1, epochs], nice: false },
    axis: { values: epochTicks(epochs), format: 'd' },
  };
  const y = {
    type: 'quantitative',
    title,
    scale: { domain: [0, field === 'ess' ? Math.max(...counts) : 1], nice: false },
    axis: field === 'ess' && counts.length > 1 ? { values: [0, ...counts] } : { tickCount: 6 },
  };
  const mean = { ...y, field, aggregate: 'mean' };
  return {
    facet: {
      column: {
        field: 'density',
        type: 'nominal',
        sort: densitiesIn(rows).map((density) => DENSITY_TITLES[density]),
        title: null,
      },
      row: { field: 'schedule', type: 'nominal', sort: schedules, title: null },
    },
    spec: {
      width: 200,
      height: 170,
      layer: [
        {
          mark: { type: 'line', strokeWidth: 1, opacity: 0.45, clip: true },
          encoding: { x, y: { ...y, field }, color, detail: { field: 'seed' } },
        },
        { mark: { type: 'line', strokeWidth: 2.2, clip: true }, encoding: { x, y: mean, color } },
        {
          mark: { type: 'point', filled: true, size: 42, opacity: 1 },
          encoding: {
            x,
            y: mean,
            color,
            // Nominal: Vega-Lite warns of shapes for an ordered field; the colours carry the order.
            shape: { field: 'N', type: 'nominal', scale: { domain: counts }, legend: { title: 'N' } },
            tooltip: [
              { field: 'density' },
              { field: 'schedule' },
              { field: 'N' },
              { field: 'epoch' },
              { field, aggregate: 'mean', title, format: '.3f' },
              { field: 'sigma', aggregate: 'mean', title: 'σ', format: '.4f' },
            ],
          },
        },
        ...reference,
      ],
    },
  };
}

function charts(view: View<'search', SweepAxes>): Chart[] {
  const values = epochRows(view.rows).map(({ density, schedule, N, seed, epoch, ess, esr, sigma }) => ({
    density: DENSITY_TITLES[density],
    schedule: `${schedule} σ`,
    N,
    seed,
    epoch,
    ess: sixDigits(ess),
    esr: sixDigits(esr),
    sigma: sigma === null ? null : sixDigits(sigma),
  }));
  if (values.length === 0) return [];
  const where = stateText(view);
  return [
    chart(
      { name: 'ess', title: `Effective sample size Nₑ over a search (${where})`, subtitle: SEEDS_LEGEND },
      values,
      panels(view, 'ess', 'Nₑ', []),
    ),
    chart(
      {
        name: 'esr',
        title: `Effective sample ratio Rₑ over a search (${where})`,
        subtitle: `${SEEDS_LEGEND}; dashed: what the paper reads off its own search at N ≥ ${CONVERGED_FROM}`,
      },
      values,
      panels(view, 'esr', 'Rₑ = Nₑ / N', referenceLayers(PAPER_ESR, `paper: ${PAPER_ESR}`)),
    ),
  ];
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
