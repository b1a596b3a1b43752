/**
 * Fig. 4: effective sample size N_e and ratio R_e of ZARTS-MGS over the epochs of a search, for several numbers of
 * candidates N. The paper shows one set of curves; here each is drawn for the three densities that Eq. 10 can be divided
 * by, and once more with σ held constant, because R_e depends on both before it depends on the loss.
 */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim, Region } from '../lib/analysis/claims.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { ORDERED_SCHEME, REFERENCE_COLOR, THEME } from '../lib/report/theme.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import type { SigmaSchedule } from '../lib/solvers/mgs.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { figureNumber } from './paper.js';
import type { ProtocolOptions, Reproduction } from './reproduction.js';
import { runReproduction } from './run.js';
import type { ReproductionReport, RunOptions } from './run.js';
import {
  bySeed,
  cellOf,
  cellsOf,
  DENSITIES,
  densitiesOf,
  DENSITY_TITLES,
  epochRows,
  measureSweep,
  SAMPLES,
  samplesIn,
  schedulesOf,
  sweepDeviations,
  sweepProtocols,
  weightedEpochs,
} from './sweep.js';
import type { Axes, Sweep, SweepRun } from './sweep.js';

/** N for which σ is held constant too where time is short: the default and the largest. */
const CONTROL_SAMPLES: readonly number[] = [SAMPLES[1], SAMPLES[3]];

function axes(budget: Budget): Axes {
  const constant = budget === 'full' ? SAMPLES : CONTROL_SAMPLES;
  return { densities: DENSITIES, samples: { cosine: SAMPLES, constant } };
}

/** From which N on the paper calls R_e converged (A.3). */
const CONVERGED_FROM = figureNumber('4', 'esrConvergedFromN');

/** The R_e that the paper reads at epoch 50 "as N increases" (A.3). */
const PAPER_ESR = figureNumber('4', 'esrAtEpoch50LargeN');

/**
 * What counts as "0.7": the text gives one decimal, read off a curve, so it states no more than a number that rounds to it.
 * The same half digit is the largest difference that can hide in "R_e has already converged".
 */
const HALF_DIGIT = 0.05;

function protocols(options: ProtocolOptions): SearchProtocol[] {
  return sweepProtocols(options, axes(options.budget));
}

function fig4Deviations(runs: readonly SearchProtocol[]): string[] {
  const [{ budget }] = runs;
  const cells = runs.map(cellOf);
  const counts = (schedule: SigmaSchedule): number[] =>
    samplesIn(cells.filter((each) => each.schedule === schedule));
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const left = counts('cosine').filter((samples) => !counts('constant').includes(samples));
  return [
    ...sweepDeviations(runs),
    `N is ${samplesIn(cells).join(', ')}; the paper does not say which N its figure shows.`,
    `${seeds} search${seeds === 1 ? '' : 'es'} (seeds) a curve; the paper does not say how many stand behind its own.`,
    ...(counts('constant').length > 0 && left.length > 0
      ? [
          `The control with constant σ is run for N = ${counts('constant').join(' and ')} only (budget ${budget}).`,
        ]
      : []),
  ];
}

/** R_e and N_e of a run's last epoch. */
function last(run: SweepRun): { ess: number; esr: number } | undefined {
  return weightedEpochs(run).at(-1);
}

/** How much R_e rose from the first epoch with updates to the last; undefined if there are not two of them. */
function rise(run: SweepRun): number | undefined {
  const epochs = weightedEpochs(run);
  return epochs.length < 2 ? undefined : epochs[epochs.length - 1].esr - epochs[0].esr;
}

const isNumber = (value: number | undefined): value is number => value !== undefined;

function average(values: readonly (number | undefined)[]): number | undefined {
  const numbers = values.filter(isNumber);
  return numbers.length === 0 || numbers.length < values.length
    ? undefined
    : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

/** Runs of one density and schedule: by seed, then by N. */
type BySeed = ReadonlyMap<number, ReadonlyMap<number, SweepRun>>;

/** One number for each seed that has all the runs that it takes. */
function perSeed(
  seeds: BySeed,
  statistic: (byN: ReadonlyMap<number, SweepRun>) => number | undefined,
): number[] {
  return [...seeds.values()].map(statistic).filter(isNumber);
}

/** Σ of effective samples gained a sample added: the slope of N_e over N in the last epoch. */
function slope(byN: ReadonlyMap<number, SweepRun>): number | undefined {
  const points = [...byN].flatMap(([samples, run]) => {
    const ess = last(run)?.ess;
    return ess === undefined ? [] : [[samples, ess] as const];
  });
  return points.length < 2 ? undefined : fitLine(points).slope;
}

function finalRatio(byN: ReadonlyMap<number, SweepRun>): number | undefined {
  return average([...byN].filter(([samples]) => samples >= CONVERGED_FROM).map(([, run]) => last(run)?.esr));
}

function ratioChange(byN: ReadonlyMap<number, SweepRun>): number | undefined {
  const largest = Math.max(...byN.keys());
  const from = byN.get(CONVERGED_FROM);
  if (from === undefined || largest === CONVERGED_FROM) return undefined;
  const [a, b] = [last(from)?.esr, last(byN.get(largest)!)?.esr];
  return a === undefined || b === undefined ? undefined : b - a;
}

/** A statement about N_e and R_e that is put to the runs of each density. */
interface Statement {
  readonly id: string;
  readonly text: string;
  readonly statistic: string;
  readonly region: Region;
  /** One number for each seed that has all the runs that it takes. */
  readonly values: (scheduled: BySeed, held: BySeed) => number[];
  readonly detail?: string;
  /** It names a number that the paper read off its own, larger search. */
  readonly absolute?: true;
}

/** What the paper says of Fig. 4 (A.3), and ours on what is behind the rise. */
const STATEMENTS: readonly Statement[] = [
  {
    id: 'ess-rises-with-samples',
    text: 'N_e rises with N',
    statistic: 'slope of N_e over N in the last epoch',
    region: { above: 0 },
    values: (scheduled) => perSeed(scheduled, slope),
    detail: 'A slope of 1 would mean that every candidate added counts in full.',
  },
  {
    id: 'esr-near-paper',
    text: `R_e is about ${PAPER_ESR} at the end for N ≥ ${CONVERGED_FROM}`,
    statistic: `mean R_e over N ≥ ${CONVERGED_FROM} in the last epoch`,
    region: { between: [PAPER_ESR - HALF_DIGIT, PAPER_ESR + HALF_DIGIT] },
    values: (scheduled) => perSeed(scheduled, finalRatio),
    detail: 'The paper gives one decimal, so "about" is what rounds to it.',
    absolute: true,
  },
  {
    id: 'esr-converged',
    text: `R_e no longer changes with N from N = ${CONVERGED_FROM} on`,
    statistic: `R_e at the largest N less R_e at N = ${CONVERGED_FROM}, last epoch`,
    region: { between: [-HALF_DIGIT, HALF_DIGIT] },
    values: (scheduled) => perSeed(scheduled, ratioChange),
    detail: 'Half of the last digit that the paper gives is the largest change that "converged" can hide.',
  },
  {
    id: 'esr-rises-over-epochs',
    text: 'N_e approaches N over the epochs',
    statistic: 'R_e in the last epoch less R_e in the first with updates, mean over N',
    region: { above: 0 },
    values: (scheduled) => perSeed(scheduled, (byN) => average([...byN.values()].map(rise))),
  },
];

/** Not the paper's: what its rise over the epochs is made of. It needs a rise, and the control with constant σ. */
const SCHEDULE_STATEMENT: Statement = {
  id: 'rise-is-the-schedule',
  text: 'Most of the rise over the epochs comes from the schedule of σ (our reading)',
  statistic: 'half the rise of R_e with cosine σ less the rise with constant σ, mean over N',
  region: { above: 0 },
  values: excessRise,
  detail: 'Above 0, less than half of the rise is left once σ stays constant.',
};

/** Half the rise under the schedule less the rise under constant σ, over the N that a seed has both for. */
function excessRise(scheduled: BySeed, held: BySeed): number[] {
  return [...scheduled].flatMap(([seed, byN]) => {
    const control = held.get(seed) ?? new Map<number, SweepRun>();
    const shared = [...control.keys()].filter((samples) => byN.has(samples));
    const withSchedule = average(shared.map((samples) => rise(byN.get(samples)!)));
    const without = average(shared.map((samples) => rise(control.get(samples)!)));
    return withSchedule === undefined || without === undefined ? [] : [withSchedule / 2 - without];
  });
}

function densityClaims({ runs, budget, space }: Sweep, density: MgsDensity): Claim[] {
  const scheduled = bySeed(runs, density, 'cosine');
  const held = bySeed(runs, density, 'constant');
  const named = ({ id, text, statistic }: Statement) => ({
    id: `${id}/${density}`,
    text: `${text}: ${DENSITY_TITLES[density]}.`,
    statistic,
  });
  const scale = `The paper's number is that of its own search; this is one in ${space.toUpperCase()} at budget ${budget}.`;
  const decide = (statement: Statement): Claim =>
    judge({
      ...named(statement),
      region: statement.region,
      values: statement.values(scheduled, held),
      detail: [statement.detail ?? '', statement.absolute && budget !== 'full' ? scale : '']
        .filter((text) => text !== '')
        .join(' '),
    });
  const claims = STATEMENTS.map(decide);
  if (held.size === 0) return claims;
  const rises = claims.some(({ id, verdict }) => id.startsWith('esr-rises') && verdict === 'supported');
  const schedule = rises
    ? decide(SCHEDULE_STATEMENT)
    : undecided({
        ...named(SCHEDULE_STATEMENT),
        detail: 'No rise is established here that a schedule could explain.',
      });
  return [...claims, schedule];
}

function claims(result: Sweep): Claim[] {
  return densitiesOf(result.runs).flatMap((density) => densityClaims(result, density));
}

/** The verdicts at a glance: a row a statement, a column a density. */
function verdictTable(result: Sweep): Table {
  const densities = densitiesOf(result.runs);
  const verdicts = new Map(claims(result).map(({ id, verdict }) => [id, verdict]));
  const asked = [...STATEMENTS, SCHEDULE_STATEMENT].filter(({ id }) =>
    densities.some((density) => verdicts.has(`${id}/${density}`)),
  );
  return {
    title: 'Verdicts by density',
    columns: [
      { key: 'claim', title: 'claim' },
      ...densities.map((density) => ({ key: density, title: density })),
    ],
    rows: asked.map(({ id, text }) => ({
      claim: text,
      ...Object.fromEntries(densities.map((density) => [density, verdicts.get(`${id}/${density}`) ?? null])),
    })),
  };
}

function summary(values: readonly (number | undefined)[]): ReturnType<typeof summarize> | null {
  const numbers = values.filter(isNumber);
  return numbers.length === 0 ? null : summarize(numbers);
}

function tables(result: Sweep): Table[] {
  const { runs, space, budget } = result;
  return [
    {
      title: `Effective samples in the search (${space.toUpperCase()}, budget ${budget}), mean ± standard deviation over seeds`,
      columns: [
        { key: 'density', title: 'density' },
        { key: 'sigma', title: 'σ' },
        { key: 'samples', title: 'N', align: 'right' },
        { key: 'seeds', title: 'seeds', align: 'right' },
        { key: 'ess', title: 'N_e, last epoch', align: 'right' },
        { key: 'esr', title: 'R_e, last epoch', align: 'right' },
        { key: 'first', title: 'R_e, first epoch', align: 'right' },
        { key: 'cosine', title: 'cos(u*, −g)', align: 'right' },
      ],
      rows: cellsOf(runs).map(({ cell, runs: own }) => ({
        density: cell.density,
        sigma: cell.schedule,
        samples: cell.samples,
        seeds: own.length,
        ess: plusMinus(summary(own.map((run) => last(run)?.ess)), 2),
        esr: plusMinus(summary(own.map((run) => last(run)?.esr)), 3),
        first: plusMinus(summary(own.map((run) => weightedEpochs(run)[0]?.esr)), 3),
        cosine: plusMinus(summary(own.map((run) => weightedEpochs(run).at(-1)?.cosine ?? undefined)), 2),
      })),
      notes: [
        `First epoch: the first after warm-up. cos(u*, −g): how far the step follows the gradient, last epoch.`,
        `The paper's text reads R_e about ${PAPER_ESR} at epoch 50 of its own search in the DARTS space.`,
      ],
    },
    verdictTable(result),
  ];
}

/** The rows of the charts: one for each run and epoch after warm-up. Field names are what tooltips show. */
function chartRows(runs: readonly SweepRun[]) {
  return epochRows({ runs }).map(({ density, schedule, samples, seed, epoch, ess, esr, sigma }) => ({
    density: DENSITY_TITLES[density],
    schedule: `${schedule} σ`,
    N: samples,
    seed,
    epoch,
    ess: round(ess),
    esr: round(esr),
    sigma: sigma === null ? null : round(sigma),
  }));
}

/** Six digits: all that a plot can show, and stored notebooks stay small. */
const round = (value: number): number => Number(value.toPrecision(6));

/** At most five round epoch numbers up to the last. */
function epochTicks(last: number): number[] {
  const step = Math.ceil(last / 5);
  return Array.from({ length: Math.floor(last / step) }, (_, i) => (i + 1) * step);
}

const SEEDS_LEGEND = 'thick: mean over seeds; thin: each seed';

/** Small multiples of one quantity against epochs: columns by density, rows by schedule of σ, colour and shape by N. */
function panels(
  { runs }: Sweep,
  quantity: {
    field: 'ess' | 'esr';
    title: string;
    heading: string;
    subtitle: string;
    max: number;
    values?: number[];
    reference?: { at: number; label: string };
  },
): Chart['spec'] {
  const counts = samplesIn(runs);
  const epochs = runs[0].epochs.length;
  const { field, reference } = quantity;
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
    title: quantity.title,
    scale: { domain: [0, quantity.max], nice: false },
    axis: quantity.values ? { values: quantity.values } : { tickCount: 6 },
  };
  return {
    $schema: VEGA_LITE_SCHEMA,
    description: quantity.heading,
    title: { text: quantity.heading, subtitle: quantity.subtitle },
    config: THEME,
    data: { values: chartRows(runs) },
    facet: {
      column: {
        field: 'density',
        type: 'nominal',
        sort: densitiesOf(runs).map((density) => DENSITY_TITLES[density]),
        title: null,
      },
      row: {
        field: 'schedule',
        type: 'nominal',
        sort: schedulesOf(runs).map((schedule) => `${schedule} σ`),
        title: null,
      },
    },
    spec: {
      width: 200,
      height: 170,
      layer: [
        {
          mark: { type: 'line', strokeWidth: 1, opacity: 0.45, clip: true },
          encoding: { x, y: { ...y, field }, color, detail: { field: 'seed' } },
        },
        {
          mark: { type: 'line', strokeWidth: 2.2, clip: true },
          encoding: { x, y: { ...y, field, aggregate: 'mean' }, color },
        },
        {
          mark: { type: 'point', filled: true, size: 42, opacity: 1 },
          encoding: {
            x,
            y: { ...y, field, aggregate: 'mean' },
            color,
            // Nominal: Vega-Lite warns of shapes for an ordered field; the colours carry the order.
            shape: { field: 'N', type: 'nominal', scale: { domain: counts }, legend: { title: 'N' } },
            tooltip: [
              { field: 'density' },
              { field: 'schedule' },
              { field: 'N' },
              { field: 'epoch' },
              { field, aggregate: 'mean', title: quantity.title, format: '.3f' },
              { field: 'sigma', aggregate: 'mean', title: 'σ', format: '.4f' },
            ],
          },
        },
        ...(reference ? referenceLayers(reference) : []),
      ],
    },
  };
}

/** A dashed line across a panel with what it stands for written above it. It has data of its own: one mark a panel. */
function referenceLayers({ at, label }: { at: number; label: string }) {
  const y = { datum: at };
  return [
    {
      data: { values: [{}] },
      mark: { type: 'rule', strokeDash: [5, 4], color: REFERENCE_COLOR },
      encoding: { y },
    },
    {
      data: { values: [{}] },
      mark: {
        type: 'text',
        align: 'left',
        baseline: 'bottom',
        dx: 4,
        dy: -3,
        color: REFERENCE_COLOR,
        fontSize: 11,
      },
      encoding: { y, x: { value: 0 }, text: { value: label } },
    },
  ];
}

function charts(result: Sweep): Chart[] {
  const { runs, space, budget } = result;
  if (chartRows(runs).length === 0) return [];
  const where = `${space.toUpperCase()}, budget ${budget}`;
  const counts = samplesIn(runs);
  const ess = `Effective sample size Nₑ over a search (${where})`;
  const esr = `Effective sample ratio Rₑ over a search (${where})`;
  return [
    {
      name: 'ess',
      title: ess,
      spec: panels(result, {
        field: 'ess',
        title: 'Nₑ',
        heading: ess,
        subtitle: SEEDS_LEGEND,
        max: Math.max(...counts),
        ...(counts.length > 1 ? { values: [0, ...counts] } : {}),
      }),
    },
    {
      name: 'esr',
      title: esr,
      spec: panels(result, {
        field: 'esr',
        title: 'Rₑ = Nₑ / N',
        heading: esr,
        subtitle: `${SEEDS_LEGEND}; dashed: what the paper reads off its own search at N ≥ ${CONVERGED_FROM}`,
        max: 1,
        reference: { at: PAPER_ESR, label: `paper: ${PAPER_ESR}` },
      }),
    },
  ];
}

/** Fig. 4. */
export const fig4: Reproduction<Sweep> = {
  id: 'fig-4',
  title: 'Fig. 4: effective sample size and ratio of ZARTS-MGS over a search',
  claim:
    'Eq. 26 is a fitting proposal: N_e approaches N in all settings, R_e settles at about 0.7 as N grows and has converged at N = 4.',
  paper: { esrLastEpoch: PAPER_ESR, esrConvergedFromN: CONVERGED_FROM },
  protocols,
  deviations: fig4Deviations,
  measure: measureSweep,
  tables,
  charts,
  claims,
};

/** What a first look asks of Fig. 4: one search for each of two densities, with the paper's default N. */
export const FIRST_LOOK = {
  densities: ['literal', 'flat'],
  samples: { cosine: [SAMPLES[1]] },
} as const satisfies Axes;

/**
 * A narrowed Fig. 4 for a first run of the project: the literal and the flat density, N = 4, one seed, at `laptop`. Two
 * searches, about a minute on two cores.
 *
 * @throws as {@link runReproduction}.
 */
export function firstLook(
  options: Omit<RunOptions, 'budget' | 'preset'> & { readonly budget?: Budget } = {},
): Promise<ReproductionReport<Sweep>> {
  const narrowed: Reproduction<Sweep> = {
    ...fig4,
    title: 'A first look at Fig. 4: effective samples of ZARTS-MGS, two densities, N = 4',
    protocols: (asked) => sweepProtocols(asked, FIRST_LOOK),
  };
  return runReproduction(
    narrowed,
    { seeds: 1, ...options, budget: options.budget ?? 'laptop' },
    'first-look',
  );
}
