/** Table 5: what the number of candidates N does to a search, to what it finds, and to the networks trained from that. */
import type { Answer } from '../lib/analysis/claims.js';
import { summarize } from '../lib/analysis/statistics.js';
import { fixed } from '../lib/report/format.js';
import type { Table } from '../lib/report/table.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { TIMED, departure, gatedByTraining, mean, settles, slope } from './claims.js';
import type { Separation } from './claims.js';
import { seedsDeviation, sentences, trainingDeviations } from './deviations.js';
import { distinct, groupBy, ofWholeSeeds } from './experiment.js';
import type { Cell } from './experiment.js';
import { some } from './grid.js';
import { printedTable } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import {
  DENSITIES,
  DENSITY_TITLES,
  SAMPLES,
  densitiesIn,
  SPACE,
  inOrder,
  samplesIn,
  sweepAxes,
  sweepDeviations,
  sweepSearches,
  weightedEpochs,
} from './sweep.js';
import type { SweepAxes } from './sweep.js';
import { gatedByLoss, LOSS, LOSS_NOTE, OF_SEARCHES, sizeSlope, swept, UNIFORM_LOSS } from './swept.js';
import type { Peer, SweptRow, SweptView } from './swept.js';
import {
  AGREEMENT,
  SKIPS,
  TRAINED_COLUMNS,
  TRAINED_NOTES,
  baselineNotes,
  counted,
  label,
  searchTime,
  spread,
  stateText,
  summaryTable,
} from './tables.js';

type TrainingRow = SweptRow<SweepAxes>;

const PRINTED = printedTable('5', 'N');

/** The N from which on the paper calls the error stable. */
const SETTLED = 4;

/**
 * The largest departure from a straight line that still counts as linear, as a share of the cost: the paper prints costs
 * around 1 GPU day with one decimal, so its own table resolves no less.
 */
const LINEAR_WITHIN = 0.1;

function deviations(cells: readonly Cell<'training', SweepAxes>[]): string[] {
  const counts = samplesIn(cells.map(({ axes }) => axes)).join(', ');
  const printed = PRINTED.map(({ key }) => key).join(', ');
  return sentences(
    sweepDeviations(cells.map(({ run }) => run.search!)),
    seedsDeviation(cells, 'for each N', PRINTED[0].cells.error.n),
    counts !== printed && `N is ${counts}; the paper has ${printed}.`,
    trainingDeviations(cells),
    'Cost is seconds on the machines that ran the searches, not GPU days.',
  );
}

/** Mean seconds of a seed's searches for each N, over the densities: they cost the same. */
function costs(rows: readonly TrainingRow[]): [N: number, seconds: number][] {
  return groupBy(rows, 'N').map(({ key: { N }, rows: own }) => [
    N,
    summarize(own.map(({ searchSeconds }) => searchSeconds!)).mean,
  ]);
}

const ONE_MACHINE = 'Seeds count whose searches one machine timed.';

/** Whether one machine timed all searches of a seed: seconds of several are no line. */
const ofOneMachine = (rows: readonly TrainingRow[]): boolean =>
  distinct(rows.map(({ machine }) => machine)).length === 1;

/** By how much a candidate more makes a seed's search dearer, as a share of what its searches cost on average. */
function costGrowth(rows: readonly TrainingRow[]): number | undefined {
  const points = costs(rows);
  const growth = slope(0, ([, seconds]: [number, number]) => seconds)(points);
  return growth === undefined ? undefined : growth / mean(points.map(([, seconds]) => seconds));
}

const whose = ({ density }: Pick<TrainingRow, 'density'>): string => `MGS, ${DENSITY_TITLES[density]}`;

/** What the paper says of the errors and the sizes, with a density. */
function trainedClaims(
  density: MgsDensity,
  rows: readonly TrainingRow[],
  separation: Separation | undefined,
): Statement<TrainingRow>[] {
  // Fixed before any of these searches: a quarter of what four edges make.
  const margin = (separation?.points ?? 0) / 4;
  return [
    {
      id: `error-settles/${density}`,
      text: `The error of the network found is stable from N = ${SETTLED} on (${DENSITY_TITLES[density]}).`,
      statistic: `test error (points of %): mean for N > ${SETTLED} less that for N = ${SETTLED}`,
      value: settles('N', SETTLED, ({ errorPct }: TrainingRow) => errorPct),
      region: { between: [-margin, margin] },
      ...gatedByTraining(separation),
      detail: `Stable: the difference is smaller than a quarter of what four skip connections make in hand-made cells, ${fixed(margin, 2)} points. The paper gives no margin; its errors for N = 4, 6, 8 differ by less than its seeds scatter.`,
    },
    {
      id: `loss-falls/${density}`,
      secondary: true,
      text: `The validation loss that a search ends with is the lower the larger N is (${DENSITY_TITLES[density]}; our question).`,
      statistic: 'L_val(ω, α) in nats for each unit of N more (slope of a line)',
      value: slope('N', ({ validation }) => validation.loss),
      region: { below: 0 },
      ...gatedByLoss(rows),
      detail: 'What more candidates are for, asked of what a search minimizes.',
    },
    {
      id: `size-grows/${density}`,
      text: `The network found has more parameters the larger N is (${DENSITY_TITLES[density]}).`,
      ...sizeSlope(
        'N',
        whose({ density }),
        rows.filter((row) => row.density === density),
      ),
    },
  ];
}

/** Whether MGS minimizes its objective further than DARTS does in as many weight steps, at the paper's own N. */
function besideDarts(rows: readonly TrainingRow[]): Statement<TrainingRow | Peer>[] {
  const lossOf = (row: TrainingRow | Peer | undefined): number => row?.validation.loss ?? NaN;
  return densitiesIn(rows).map((density) => ({
    id: `loss-below-darts/${density}`,
    secondary: true,
    text: `MGS ends with a lower validation loss than DARTS of first order does in as many weight steps (N = ${SETTLED}, ${DENSITY_TITLES[density]}; our question).`,
    statistic: 'L_val(ω, α) in nats, DARTS less MGS with the same seed',
    value: (own) =>
      lossOf(own.find((row) => 'method' in row && row.method === 'darts-1st')) -
      lossOf(own.find((row) => 'density' in row && row.density === density && row.N === SETTLED)),
    region: { above: 0 },
    ...gatedByLoss(rows),
    detail:
      'The objective that both minimize; of networks trained from scratch it says nothing. The steps are those of ω: MGS takes others on its candidates beside, and is dearer.',
  }));
}

function claims(
  rows: readonly TrainingRow[],
  separation: Separation | undefined,
  peers: readonly Peer[] | undefined,
): Answer[] {
  // The paper's costs are those of its size on its GPUs: what wall time here says of them is ours.
  const ofCosts: Statement<TrainingRow>[] = [
    {
      id: 'cost-rises-with-samples',
      secondary: true,
      text: `A search costs more the larger N is. ${TIMED}`,
      statistic: 'seconds a search for each candidate more (slope of a line), as a share of the mean',
      value: (own) => (ofOneMachine(own) ? costGrowth(own) : undefined),
      region: { above: 0 },
      detail: ONE_MACHINE,
    },
    {
      id: 'cost-linear-in-samples',
      secondary: true,
      text: `The cost of a search is linear in N. ${TIMED}`,
      statistic: 'largest distance of a cost from the line through them, as a share of the cost',
      value: (own) => (ofOneMachine(own) ? departure(costs(own)) : undefined),
      region: { below: LINEAR_WITHIN },
      detail: `The paper prints costs to about ${LINEAR_WITHIN * 100} % of their size. ${ONE_MACHINE}`,
    },
  ];
  const whole = ofWholeSeeds(rows, 'density', 'N');
  return [
    ...judgeAll(whole, ofCosts),
    ...densitiesIn(rows).flatMap((density) =>
      judgeAll(
        whole.filter((row) => row.density === density),
        trainedClaims(density, rows, separation),
      ),
    ),
    ...(peers ? judgeAll<TrainingRow | Peer>([...rows, ...peers], besideDarts(rows)) : []),
  ];
}

const lastLoss = ({ epochs }: TrainingRow) => epochs?.at(-1)?.candidateLoss;

function tables(rows: readonly TrainingRow[], view: SweptView<SweepAxes>): [Table, ...Table[]] {
  const groups = groupBy(inOrder(rows), 'density', 'schedule', 'N');
  const key = [
    label<TrainingRow>('density', ({ density }) => density),
    label<TrainingRow>('N', ({ N }) => N, 'right'),
  ];
  return [
    summaryTable<TrainingRow>(
      `The networks found for several N (${stateText(view)}), trained from scratch`,
      groups,
      [...key, counted('n'), ...TRAINED_COLUMNS, searchTime(1)],
      [...TRAINED_NOTES, ...baselineNotes(view.rows)],
    ),
    summaryTable<TrainingRow>(
      `The search for several N (${stateText({ ...view, of: view.done })}), mean ± standard deviation over seeds`,
      groups,
      [
        ...key,
        counted('seeds'),
        searchTime(1, 'seconds'),
        // The same for every seed.
        label('SGD steps', ({ weightSteps, fineTuneSteps }) => weightSteps! + fineTuneSteps!, 'right'),
        spread('N_e', (row) => weightedEpochs(row).at(-1)?.ess, 2),
        spread('R_e', (row) => weightedEpochs(row).at(-1)?.esr, 3),
        spread('candidates’ loss', lastLoss, 3),
        LOSS,
        UNIFORM_LOSS,
        AGREEMENT,
        SKIPS,
      ],
      [
        'SGD steps: on the weights and on the candidates. N_e, R_e and candidates’ loss (fine-tuned, on the batches of the updates): last epoch.',
        LOSS_NOTE,
        'Agreement: share of kept edges, with their operations, that two seeds have in common. Skips: skip connections in the normal cell, of 8 edges.',
      ],
    ),
  ];
}

function quantities(view: SweptView<SweepAxes>) {
  const where = stateText({ ...view, of: view.done });
  const ofSeeds = { subtitle: 'line: mean over seeds; points: each seed', group: 'density', format: '.3f' };
  return [
    {
      name: 'error',
      title: `Test error against N (${where})`,
      subtitle: OF_SEARCHES,
      y: { field: 'error', title: 'test error (%)' },
      of: ({ errorPct }: TrainingRow) => errorPct,
      group: 'group',
    },
    {
      ...ofSeeds,
      name: 'cost',
      title: `Cost of a search against N (${where})`,
      y: { field: 'seconds', title: 'seconds a search' },
      of: ({ searchSeconds }: TrainingRow) => searchSeconds,
      fromZero: true,
    },
    {
      ...ofSeeds,
      name: 'loss',
      title: `Validation loss at the end of a search against N (${where})`,
      y: { field: 'loss', title: 'L_val(ω, α) (nats)' },
      of: ({ validation }: TrainingRow) => validation.loss,
    },
  ];
}

/** Table 5. */
export const table5 = swept({
  id: 'table-5',
  title: 'Table 5: the number of candidates N in a search',
  description:
    'Cost, effective samples and stability of a search for N = 2, 4, 6, 8; error and size of its networks.',
  claim:
    'The error settles from N = 4 on, while the cost of a search and the size of what it finds rise with N.',
  setting: 'N',
  choices: {
    space: SPACE,
    density: some('density', DENSITIES, (budget) =>
      // As printed, and by the loss alone. Each of these searches is one of Fig. 4's.
      budget === 'smoke' ? (['flat'] as const) : (['literal', 'flat'] as const),
    ),
  },
  searches: (grid) => sweepSearches(grid, grid.chosen.density, { cosine: SAMPLES }),
  axes: sweepAxes,
  deviations,
  whose,
  tables,
  printed: {
    title: ': its own searches, retrained',
    columns: { error: 'error (%)', params: 'parameters (M)', cost: 'search cost (GPU days)' },
    comparable: 'Comparable with the first table above, but for the cost, which is in seconds there.',
  },
  x: { field: 'N', title: 'candidates N' },
  points: (rows) => rows.map((row) => ({ row, at: row.N, group: DENSITY_TITLES[row.density] })),
  quantities,
  claims,
});
