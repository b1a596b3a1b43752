/**
 * Table 5: what the number of candidates N does to a search and to what it finds: cost, effective samples, validation loss,
 * stability of the genotypes; test error and size of the networks, trained from scratch.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { meanAgreement } from '../lib/analysis/genotypes.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import { linesWithPoints } from '../lib/report/layers.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, THEME } from '../lib/report/theme.js';
import { fullSearch, withBudget } from '../lib/search/presets.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { estimateSeconds, estimateTrainingSeconds } from './cost.js';
import { printedTable } from './paper.js';
import type { Measured, Parts, ProtocolOptions, Reproduction } from './reproduction.js';
import { retrainingOpenSettings, runRetrainings, sortSettings } from './retraining.js';
import type { RetrainedRun, Retrained, Retraining } from './retraining.js';
import {
  cellOf,
  cellsOf,
  densitiesOf,
  DENSITY_TITLES,
  measureSweep,
  SAMPLES,
  samplesIn,
  spaceAt,
  sweepDeviations,
  sweepProtocols,
  weightedEpochs,
} from './sweep.js';
import type { Axes, Sweep, SweepRun } from './sweep.js';
import {
  errorChart,
  fullTraining,
  scatter,
  slopeClaim,
  sweepRetraining,
  TRAINED_COLUMNS,
  TRAINED_NOTES,
  trainedCells,
  trainingDeviations,
} from './trained-sweep.js';

/** Whose weights: as printed, and by the loss alone. Each of these searches is one of Fig. 4's. */
const DENSITIES: Readonly<Record<Budget, readonly MgsDensity[]>> = {
  full: ['literal', 'flat'],
  laptop: ['literal', 'flat'],
  smoke: ['flat'],
};

/** What Table 5 measures. Plain JSON. */
export interface SamplesResult extends Measured {
  /** The searches. */
  readonly sweep: Sweep;
  /** The networks that they found, as far as trained. */
  readonly trained: Retrained;
  readonly parts: Parts;
}

const PRINTED = printedTable('5', 'N');

/** Searches behind each of the paper's errors. */
const PRINTED_SEEDS = PRINTED[0].cells.error.n;

/**
 * The largest departure from a straight line that still counts as linear, as a share of the cost: the paper prints costs
 * around 1 GPU day with one decimal, so its own table resolves no less.
 */
const LINEAR_WITHIN = 0.1;

function protocols(options: ProtocolOptions): Retraining[] {
  const { budget, set = [] } = options;
  const axes: Axes = { densities: DENSITIES[budget], samples: { cosine: SAMPLES } };
  const any = withBudget(fullSearch(spaceAt(budget), 'mgs'), budget);
  const sorted = sortSettings(set, [any], sweepRetraining(any, {}, []).training, []);
  return sweepProtocols({ ...options, set: sorted.search }, axes).map((search) => {
    const { density, samples } = cellOf(search);
    return sweepRetraining(search, { density, N: samples }, sorted.training);
  });
}

function searchesOf(runs: readonly Retraining[]): SearchProtocol[] {
  return runs.map(({ search }) => search);
}

function table5Deviations(retrainings: readonly Retraining[]): string[] {
  const runs = searchesOf(retrainings);
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  return [
    ...sweepDeviations(runs),
    ...(seeds === PRINTED_SEEDS
      ? []
      : [`${seeds} search${seeds === 1 ? '' : 'es'} for each N; the paper has ${PRINTED_SEEDS}.`]),
    ...(samplesIn(runs.map(cellOf)).join() === PRINTED.map(({ key }) => key).join()
      ? []
      : [
          `N is ${samplesIn(runs.map(cellOf)).join(', ')}; the paper has ${PRINTED.map(({ key }) => key).join(', ')}.`,
        ]),
    ...trainingDeviations(retrainings),
    'Cost is seconds on the machine that ran the searches, not GPU days.',
  ];
}

/** Mean seconds of a seed's searches for each N, over the densities: they cost the same. */
function costs(runs: readonly SweepRun[]): Map<number, (readonly [samples: number, seconds: number])[]> {
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  return new Map(
    seeds.map((seed) => {
      const own = runs.filter((run) => run.seed === seed);
      const points = samplesIn(own).map((samples) => {
        const seconds = own.filter((run) => run.samples === samples).map((run) => run.seconds);
        return [samples, seconds.reduce((sum, value) => sum + value, 0) / seconds.length] as const;
      });
      return [seed, points];
    }),
  );
}

/** How far a cost lies from the line through them at most, as a share of that cost. */
function departure(points: readonly (readonly [number, number])[]): number {
  const { intercept, slope } = fitLine(points);
  return Math.max(
    ...points.map(([samples, seconds]) => Math.abs(intercept + slope * samples - seconds) / seconds),
  );
}

/** What the paper says of the errors and the sizes, for each reading of the density. */
function trainedClaims({ runs }: Retrained): Claim[] {
  const densities = [...new Set(runs.map(({ factors }) => String(factors?.density)))];
  return densities.flatMap((density) => {
    const own = runs.filter(({ factors }) => factors?.density === density);
    const title = DENSITY_TITLES[density as MgsDensity];
    const from4 = own.filter(({ factors }) => Number(factors?.N) >= SETTLED);
    const margin = scatter(from4, 'N', ({ errorPct }) => errorPct);
    return [
      judge({
        id: `error-settles/${density}`,
        text: `The error of the network found is stable from N = ${SETTLED} on (${title}).`,
        statistic: `test error (points of %): mean for N > ${SETTLED} less that for N = ${SETTLED}`,
        values: margin === null ? [] : aboveSettled(from4),
        region: { between: [-(margin ?? 0), margin ?? 0] },
        detail: `Stable: the difference is smaller than the scatter of the seeds, ${fixed(margin, 2)} points. The paper gives no margin; its errors for N = 4, 6, 8 differ by less than its seeds scatter.`,
      }),
      slopeClaim(own, {
        id: `size-grows/${density}`,
        text: `The network found has more parameters the larger N is (${title}).`,
        factor: 'N',
        quantity: 'size',
        falls: false,
      }),
    ];
  });
}

/** The N from which on the paper calls the error stable. */
const SETTLED = 4;

/** For each seed the mean error above N = 4, less the error at 4. */
function aboveSettled(runs: readonly RetrainedRun[]): number[] {
  return runs
    .filter(({ factors }) => factors?.N === SETTLED)
    .flatMap(({ seed, errorPct }) => {
      const above = runs.filter((run) => run.seed === seed && Number(run.factors?.N) > SETTLED);
      return above.length === 0
        ? []
        : [above.reduce((sum, run) => sum + run.errorPct, 0) / above.length - errorPct];
    });
}

function claims({ sweep: { runs }, trained }: SamplesResult): Claim[] {
  const perSeed = [...costs(runs).values()];
  const timed = 'Seconds as timed where the runs were made; other work on that machine is in them.';
  const fits = perSeed.filter((points) => points.length >= 2);
  const testable = perSeed.filter((points) => points.length >= 3);
  return [
    judge({
      id: 'cost-rises-with-samples',
      text: 'A search costs more the larger N is.',
      statistic: 'seconds a search for each candidate more (slope of a line through the costs)',
      values: fits.map((points) => fitLine(points).slope),
      region: { above: 0 },
      detail: timed,
    }),
    judge({
      id: 'cost-linear-in-samples',
      text: 'The cost of a search is linear in N.',
      statistic: 'largest distance of a cost from the line through them, as a share of the cost',
      values: testable.map(departure),
      region: { below: LINEAR_WITHIN },
      detail: `The paper prints costs to about ${LINEAR_WITHIN * 100} % of their size. ${timed}`,
    }),
    ...trainedClaims(trained),
  ];
}

const lastEpoch = (run: SweepRun) => run.epochs[run.epochs.length - 1];

const summary = (values: readonly number[]) => (values.length === 0 ? null : summarize(values));

function notNull(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => value !== null && value !== undefined);
}

/** The table as the paper has it: error, size and cost for each N; one row a density and N. */
function trainedTable({ sweep, trained }: SamplesResult): Table {
  const { budget, parts } = trained;
  const part = parts.done < parts.of ? `; ${parts.done} of ${parts.of} networks` : '';
  return {
    title: `The networks found for several N (${sweep.space.toUpperCase()}, budget ${budget}${part}), trained from scratch`,
    columns: [
      { key: 'density', title: 'density' },
      { key: 'samples', title: 'N', align: 'right' },
      { key: 'n', title: 'n', align: 'right' },
      ...TRAINED_COLUMNS,
      { key: 'seconds', title: 'search (s)', align: 'right' },
    ],
    rows: cellsOf(sweep.runs).flatMap(({ cell, runs }) => {
      const own = trained.runs.filter(
        ({ factors }) => factors?.density === cell.density && factors.N === cell.samples,
      );
      return [
        {
          density: cell.density,
          samples: cell.samples,
          n: own.length,
          ...trainedCells(own),
          seconds: plusMinus(summary(runs.map(({ seconds }) => seconds)), 1),
        },
      ];
    }),
    notes: [
      ...TRAINED_NOTES,
      ...trained.baselines.map(
        ({ errorPct, classes }) =>
          `For comparison: a linear classifier on the same images ${fixed(errorPct, 1)}, chance ${fixed(100 - 100 / classes, 1)}.`,
      ),
    ],
  };
}

function tables(result: SamplesResult): Table[] {
  const { runs, space, budget } = result.sweep;
  const comparable = budget === 'full';
  return [
    trainedTable(result),
    {
      title: `The search for several N (${space.toUpperCase()}, budget ${budget}), mean ± standard deviation over seeds`,
      columns: [
        { key: 'density', title: 'density' },
        { key: 'samples', title: 'N', align: 'right' },
        { key: 'seeds', title: 'seeds', align: 'right' },
        { key: 'seconds', title: 'seconds', align: 'right' },
        { key: 'steps', title: 'SGD steps', align: 'right' },
        { key: 'ess', title: 'N_e', align: 'right' },
        { key: 'esr', title: 'R_e', align: 'right' },
        { key: 'loss', title: 'validation loss', align: 'right' },
        { key: 'agreement', title: 'agreement', align: 'right' },
        { key: 'skips', title: 'skips', align: 'right' },
      ],
      rows: cellsOf(runs).map(({ cell, runs: own }) => ({
        density: cell.density,
        samples: cell.samples,
        seeds: own.length,
        seconds: plusMinus(summary(own.map(({ seconds }) => seconds)), 1),
        // The same for every seed.
        steps: own[0].weightSteps + own[0].fineTuneSteps,
        ess: plusMinus(summary(notNull(own.map((run) => weightedEpochs(run).at(-1)?.ess))), 2),
        esr: plusMinus(summary(notNull(own.map((run) => weightedEpochs(run).at(-1)?.esr))), 3),
        loss: plusMinus(summary(notNull(own.map((run) => lastEpoch(run).candidateLoss))), 3),
        agreement: fixed(meanAgreement(own.map(({ genotype }) => genotype)), 2),
        skips: plusMinus(summary(own.map(({ operations }) => operations.normal.skip_connect)), 1),
      })),
      notes: [
        'SGD steps: on the weights and on the candidates. N_e, R_e and validation loss (of the fine-tuned candidates, in nats): last epoch.',
        'Agreement: share of kept edges, with their operations, that two seeds have in common. Skips: skip connections in the normal cell, of 8 edges.',
      ],
    },
    {
      title: "Printed in the paper's Table 5: its own searches, retrained",
      columns: [
        { key: 'samples', title: 'N', align: 'right' },
        { key: 'error', title: 'error (%)', align: 'right' },
        { key: 'params', title: 'parameters (M)', align: 'right' },
        { key: 'cost', title: 'search cost (GPU days)', align: 'right' },
      ],
      rows: PRINTED.map(({ key, cells }) => ({
        samples: key,
        error: `${cells.error.printed} ± ${cells.error.printedStd ?? '–'}`,
        params: cells.params.printed,
        cost: cells.cost.printed,
      })),
      notes: [
        comparable
          ? 'Comparable with the first table above, but for the cost, which is in seconds there.'
          : `Not comparable with numbers made at budget ${budget}.`,
      ],
    },
  ];
}

/** One quantity of each run against N: a point a seed, a line through the means, colour and shape by density. */
function againstSamples(
  result: Sweep,
  quantity: { field: 'seconds' | 'loss'; title: string; heading: string; fromZero: boolean },
): Chart['spec'] {
  const rows = result.runs.flatMap((run) => {
    const value = quantity.field === 'seconds' ? run.seconds : lastEpoch(run).candidateLoss;
    return value === null
      ? []
      : [
          {
            density: DENSITY_TITLES[run.density],
            N: run.samples,
            seed: run.seed,
            [quantity.field]: Number(value.toPrecision(6)),
          },
        ];
  });
  const densities = densitiesOf(result.runs).map((density) => DENSITY_TITLES[density]);
  const counts = samplesIn(result.runs);
  const x = {
    field: 'N',
    type: 'quantitative',
    title: 'candidates N',
    scale: { domain: [Math.min(...counts) - 0.5, Math.max(...counts) + 0.5], nice: false },
    axis: { values: counts, format: 'd' },
  };
  const y = {
    field: quantity.field,
    type: 'quantitative',
    title: quantity.title,
    scale: { zero: quantity.fromZero },
  };
  const legend = { title: null, orient: 'bottom' };
  const color = { field: 'density', type: 'nominal', scale: { domain: densities, range: PALETTE }, legend };
  return {
    $schema: VEGA_LITE_SCHEMA,
    description: quantity.heading,
    title: { text: quantity.heading, subtitle: 'line: mean over seeds; points: each seed' },
    config: THEME,
    data: { values: rows },
    width: 380,
    height: 240,
    layer: linesWithPoints({
      x,
      y,
      color,
      shape: { field: 'density', type: 'nominal', scale: { domain: densities }, legend },
      tooltip: [
        { field: 'density' },
        { field: 'N' },
        { field: 'seed' },
        { field: quantity.field, title: quantity.title, format: '.3f' },
      ],
    }),
  };
}

function charts({ sweep: result, trained }: SamplesResult): Chart[] {
  const where = `${result.space.toUpperCase()}, budget ${result.budget}`;
  const cost = `Cost of a search against N (${where})`;
  const loss = `Validation loss of the candidates, last epoch (${where})`;
  const densities = densitiesOf(result.runs).map((density) => DENSITY_TITLES[density]);
  return [
    ...(trained.runs.length > 0
      ? [
          errorChart(
            trained.runs.map((run) => ({ run, group: DENSITY_TITLES[run.factors?.density as MgsDensity] })),
            {
              factor: 'N',
              title: `Test error against N (${where})`,
              xTitle: 'candidates N',
              groups: densities,
            },
          ),
        ]
      : []),
    {
      name: 'cost',
      title: cost,
      spec: againstSamples(result, {
        field: 'seconds',
        title: 'seconds a search',
        heading: cost,
        fromZero: true,
      }),
    },
    ...(result.runs.some((run) => lastEpoch(run).candidateLoss !== null)
      ? [
          {
            name: 'loss',
            title: loss,
            spec: againstSamples(result, {
              field: 'loss',
              title: 'cross-entropy (nats)',
              heading: loss,
              fromZero: false,
            }),
          },
        ]
      : []),
  ];
}

/** Table 5. */
export const table5: Reproduction<SamplesResult, Retraining> = {
  id: 'table-5',
  title: 'Table 5: the number of candidates N in a search',
  claim:
    'The error settles from N = 4 on, while the cost of a search and the size of what it finds rise with N.',
  paper: Object.fromEntries(
    PRINTED.flatMap(({ key, cells }) =>
      Object.entries(cells).map(([name, { value }]) => [`N=${key} ${name}`, value]),
    ),
  ),
  protocols,
  deviations: table5Deviations,
  openSettings: (runs) => retrainingOpenSettings(runs[0]),
  seconds: (runs) =>
    estimateSeconds(searchesOf(runs)) +
    runs.reduce((sum, { training, search }) => sum + estimateTrainingSeconds(training, search), 0),
  // First the searches, timed one after the other on one network; then their networks.
  async measure(runs, context, onPartial) {
    const sweep = await measureSweep(searchesOf(runs), context);
    const whole = (trained: Retrained): SamplesResult => ({
      environments: trained.environments,
      sweep,
      trained,
      parts: trained.parts,
    });
    return whole(
      await runRetrainings(runs, context, {
        paperTraining: ({ search }) => fullTraining(search),
        ...(onPartial ? { onPartial: (trained) => onPartial(whole(trained)) } : {}),
      }),
    );
  },
  tables,
  charts,
  claims,
};
