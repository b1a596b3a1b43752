/**
 * Table 5: what the number of candidates N does to a search and to what it finds: cost, effective samples, validation loss,
 * stability of the genotypes; test error and size of the networks, trained from scratch.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { cellStructure, meanAgreement } from '../lib/analysis/genotypes.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { againstNumber, sixDigits } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import type { Budget } from '../lib/search/protocol.js';
import { seedsOf, several, trainingDeviations } from './deviations.js';
import { cellsOfKind, experiment, groupBy, perSeed, rowsOfKind } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { some } from './grid.js';
import { printedTable } from './paper.js';
import {
  DENSITIES,
  DENSITY_TITLES,
  SAMPLES,
  SEEDS,
  SPACE,
  densitiesIn,
  inOrder,
  samplesIn,
  sweepAxes,
  sweepDeviations,
  sweepSearches,
  weightedEpochs,
} from './sweep.js';
import type { SweepAxes } from './sweep.js';
import {
  TRAINED_COLUMNS,
  TRAINED_NOTES,
  baselineNotes,
  counted,
  label,
  spread,
  stateText,
  summaryTable,
} from './tables.js';
import type { SummaryColumn } from './tables.js';
import { withBaselines } from './trained.js';
import { trainingSettings } from './training.js';

type TrainingRow = Row<'training', SweepAxes>;
type Samples = View<'training' | 'linear', SweepAxes>;

/** Whose weights: as printed, and by the loss alone. Each of these searches is one of Fig. 4's. */
const DENSITIES_AT = (budget: Budget) =>
  budget === 'smoke' ? (['flat'] as const) : (['literal', 'flat'] as const);

const PRINTED = printedTable('5', 'N');

/** Searches behind each of the paper's errors. */
const PRINTED_SEEDS = PRINTED[0].cells.error.n;

/** The N from which on the paper calls the error stable. */
const SETTLED = 4;

/**
 * The largest departure from a straight line that still counts as linear, as a share of the cost: the paper prints costs
 * around 1 GPU day with one decimal, so its own table resolves no less.
 */
const LINEAR_WITHIN = 0.1;

function deviations(cells: readonly Cell<'training' | 'linear', SweepAxes>[]): string[] {
  const trained = cellsOfKind(cells, 'training');
  const counts = samplesIn(trained.map(({ axes }) => axes)).join(', ');
  const printed = PRINTED.map(({ key }) => key).join(', ');
  const seeds = seedsOf(trained);
  return [
    ...sweepDeviations(trained.map(({ run }) => run.search!)),
    ...(seeds === PRINTED_SEEDS
      ? []
      : [`${several(seeds, 'search', 'searches')} for each N; the paper has ${PRINTED_SEEDS}.`]),
    ...(counts === printed ? [] : [`N is ${counts}; the paper has ${printed}.`]),
    ...trainingDeviations(trained),
    'Cost is seconds on the machine that ran the searches, not GPU days.',
  ];
}

const mean = (values: readonly number[]): number => summarize(values).mean;

/** Mean seconds of a seed's searches for each N, over the densities: they cost the same. */
function costs(rows: readonly TrainingRow[]): [N: number, seconds: number][] {
  return samplesIn(rows).map((N) => [
    N,
    mean(rows.filter((row) => row.N === N).map(({ searchSeconds }) => searchSeconds!)),
  ]);
}

/** How far a cost lies from the line through them at most, as a share of that cost. */
function departure(points: readonly (readonly [number, number])[]): number | undefined {
  if (points.length < 3) return undefined;
  const { intercept, slope } = fitLine(points);
  return Math.max(...points.map(([N, seconds]) => Math.abs(intercept + slope * N - seconds) / seconds));
}

/** The slope of the line through one seed's points; undefined for fewer than two. */
function slope(points: readonly (readonly [number, number])[]): number | undefined {
  return points.length < 2 ? undefined : fitLine(points).slope;
}

/** Standard deviation of the errors over seeds, pooled over N; null where no N has two seeds. */
function scatter(rows: readonly TrainingRow[]): number | null {
  const groups = groupBy(rows, 'N')
    .map((group) => group.rows.map(({ errorPct }) => errorPct))
    .filter((errors) => errors.length > 1)
    .map((errors) => summarize(errors));
  if (groups.length === 0) return null;
  const df = groups.reduce((sum, { n }) => sum + n - 1, 0);
  return Math.sqrt(groups.reduce((sum, { n, std }) => sum + (n - 1) * std! ** 2, 0) / df);
}

/** The mean error of a seed's networks above N = 4, less that at 4. */
function aboveSettled(rows: readonly TrainingRow[]): number | undefined {
  const at = rows.find(({ N }) => N === SETTLED);
  const above = rows.filter(({ N }) => N > SETTLED).map(({ errorPct }) => errorPct);
  return at && above.length > 0 ? mean(above) - at.errorPct : undefined;
}

/** What the paper says of the errors and the sizes, for each reading of the density. */
function trainedClaims(rows: readonly TrainingRow[]): Claim[] {
  return groupBy(rows, 'density').flatMap(({ key: { density }, rows: own }) => {
    const margin = scatter(own.filter(({ N }) => N >= SETTLED));
    return [
      judge({
        id: `error-settles/${density}`,
        text: `The error of the network found is stable from N = ${SETTLED} on (${DENSITY_TITLES[density]}).`,
        statistic: `test error (points of %): mean for N > ${SETTLED} less that for N = ${SETTLED}`,
        values: margin === null ? [] : perSeed(own, aboveSettled),
        region: { between: [-(margin ?? 0), margin ?? 0] },
        detail: `Stable: the difference is smaller than the scatter of the seeds, ${fixed(margin, 2)} points. The paper gives no margin; its errors for N = 4, 6, 8 differ by less than its seeds scatter.`,
      }),
      judge({
        id: `size-grows/${density}`,
        text: `The network found has more parameters the larger N is (${DENSITY_TITLES[density]}).`,
        statistic: 'full-size parameters (M) for each unit of N more (slope of a line)',
        values: perSeed(own, (same) => slope(same.map(({ N, fullParameters }) => [N, fullParameters / 1e6]))),
        region: { above: 0 },
      }),
    ];
  });
}

function claims({ rows }: Samples): Claim[] {
  const trained = rowsOfKind(rows, 'training');
  const timed = 'Seconds as timed where the runs were made; other work on that machine is in them.';
  return [
    judge({
      id: 'cost-rises-with-samples',
      text: 'A search costs more the larger N is.',
      statistic: 'seconds a search for each candidate more (slope of a line through the costs)',
      values: perSeed(trained, (own) => slope(costs(own))),
      region: { above: 0 },
      detail: timed,
    }),
    judge({
      id: 'cost-linear-in-samples',
      text: 'The cost of a search is linear in N.',
      statistic: 'largest distance of a cost from the line through them, as a share of the cost',
      values: perSeed(trained, (own) => departure(costs(own))),
      region: { below: LINEAR_WITHIN },
      detail: `The paper prints costs to about ${LINEAR_WITHIN * 100} % of their size. ${timed}`,
    }),
    ...trainedClaims(trained),
  ];
}

const lastLoss = ({ epochs = [] }: TrainingRow): number | null => epochs[epochs.length - 1].candidateLoss;
const KEY: readonly SummaryColumn<TrainingRow>[] = [
  label('density', ({ density }) => density),
  label('N', ({ N }) => N, 'right'),
];

function tables(view: Samples): Table[] {
  const groups = groupBy(inOrder(rowsOfKind(view.rows, 'training')), 'density', 'schedule', 'N');
  const { budget } = view;
  const whole = { ...view, of: view.done };
  return [
    summaryTable<TrainingRow>(
      `The networks found for several N (${stateText(view, 'networks')}), trained from scratch`,
      groups,
      [
        ...KEY,
        counted('n'),
        ...TRAINED_COLUMNS,
        spread('search (s)', ({ searchSeconds }) => searchSeconds, 1),
      ],
      [...TRAINED_NOTES, ...baselineNotes(view.rows)],
    ),
    summaryTable<TrainingRow>(
      `The search for several N (${stateText(whole)}), mean ± standard deviation over seeds`,
      groups,
      [
        ...KEY,
        counted('seeds'),
        spread('seconds', ({ searchSeconds }) => searchSeconds, 1),
        // The same for every seed.
        label('SGD steps', ({ weightSteps, fineTuneSteps }) => weightSteps! + fineTuneSteps!, 'right'),
        spread('N_e', (row) => weightedEpochs(row).at(-1)?.ess, 2),
        spread('R_e', (row) => weightedEpochs(row).at(-1)?.esr, 3),
        spread('validation loss', lastLoss, 3),
        {
          title: 'agreement',
          cell: (rows) => fixed(meanAgreement(rows.map(({ genotype }) => genotype)), 2),
        },
        spread('skips', ({ genotype }) => cellStructure(genotype, 'normal').families.skip, 1),
      ],
      [
        'SGD steps: on the weights and on the candidates. N_e, R_e and validation loss (of the fine-tuned candidates, in nats): last epoch.',
        'Agreement: share of kept edges, with their operations, that two seeds have in common. Skips: skip connections in the normal cell, of 8 edges.',
      ],
    ),
    summaryTable(
      "Printed in the paper's Table 5: its own searches, retrained",
      PRINTED.map((row) => ({ rows: [row] })),
      [
        label('N', ({ key }) => key, 'right'),
        label(
          'error (%)',
          ({ cells }) => `${cells.error.printed} ± ${cells.error.printedStd ?? '–'}`,
          'right',
        ),
        label('parameters (M)', ({ cells }) => cells.params.printed, 'right'),
        label('search cost (GPU days)', ({ cells }) => cells.cost.printed, 'right'),
      ],
      [
        budget === 'full'
          ? 'Comparable with the first table above, but for the cost, which is in seconds there.'
          : `Not comparable with numbers made at budget ${budget}.`,
      ],
    ),
  ];
}

/** The quantities drawn against N, each where a search has it. */
const QUANTITIES = [
  {
    name: 'error',
    title: 'Test error against N',
    y: { field: 'error', title: 'test error (%)' },
    of: ({ errorPct }: TrainingRow) => errorPct,
    subtitle: 'line: mean over seeds; points: each search, its network trained',
    group: 'group',
    format: '.2f',
  },
  {
    name: 'cost',
    title: 'Cost of a search against N',
    y: { field: 'seconds', title: 'seconds a search' },
    of: ({ searchSeconds }: TrainingRow) => searchSeconds,
    fromZero: true,
  },
  {
    name: 'loss',
    title: 'Validation loss of the candidates, last epoch',
    y: { field: 'loss', title: 'cross-entropy (nats)' },
    of: lastLoss,
  },
] as const;

function charts(view: Samples): Chart[] {
  const rows = rowsOfKind(view.rows, 'training');
  const where = stateText({ ...view, of: view.done });
  return QUANTITIES.flatMap((quantity) => {
    const {
      name,
      title,
      y,
      of,
      subtitle,
      group = 'density',
      format = '.3f',
      fromZero,
    } = {
      subtitle: 'line: mean over seeds; points: each seed',
      group: undefined,
      format: undefined,
      fromZero: false,
      ...quantity,
    };
    const values = rows.flatMap((row) => {
      const value = of(row);
      if (typeof value !== 'number') return [];
      return [
        { [group]: DENSITY_TITLES[row.density], N: row.N, seed: row.seed, [y.field]: sixDigits(value) },
      ];
    });
    if (values.length === 0) return [];
    return [
      againstNumber({ name, title: `${title} (${where})`, subtitle }, values, {
        x: { field: 'N', title: 'candidates N' },
        y,
        group,
        groups: densitiesIn(rows).map((density) => DENSITY_TITLES[density]),
        format,
        fromZero,
      }),
    ];
  });
}

/** Table 5. */
export const table5 = experiment({
  id: 'table-5',
  title: 'Table 5: the number of candidates N in a search',
  description:
    'Cost, effective samples and stability of a search for N = 2, 4, 6, 8; error and size of its networks.',
  claim:
    'The error settles from N = 4 on, while the cost of a search and the size of what it finds rise with N.',
  paper: Object.fromEntries(
    PRINTED.flatMap(({ key, cells }) =>
      Object.entries(cells).map(([name, { value }]) => [`N=${key} ${name}`, value]),
    ),
  ),
  seeds: SEEDS,
  choices: { space: SPACE, density: some('density', DENSITIES, DENSITIES_AT) },
  runs: (grid) => {
    const { budget, chosen, training } = grid;
    return withBaselines(
      sweepSearches(grid, chosen.density, { cosine: SAMPLES }).map((search): Cell<'training', SweepAxes> => ({
        axes: sweepAxes(search),
        run: {
          kind: 'training',
          search,
          training: {
            ...training(trainingSettings({ preset: 'darts-space', dataset: search.dataset.name }, budget)),
            seed: search.seed,
          },
        },
      })),
    );
  },
  deviations,
  tables,
  charts,
  claims,
});
