/**
 * Table 5: what the number of candidates N does to a search. The search's half: cost, effective samples, validation loss,
 * stability of the genotypes. The table's errors and parameter counts belong to networks trained from scratch, which this
 * project does not build yet.
 */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { meanAgreement } from '../lib/analysis/stability.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, THEME } from '../lib/report/theme.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { printedTable } from './paper.js';
import type { ProtocolOptions, Reproduction } from './reproduction.js';
import {
  cellOf,
  cellsOf,
  densitiesOf,
  DENSITY_TITLES,
  measureSweep,
  SAMPLES,
  samplesIn,
  sweepDeviations,
  sweepProtocols,
  weightedEpochs,
} from './sweep.js';
import type { Axes, Sweep, SweepRun } from './sweep.js';

/** As printed, and with the loss alone in the weights; each of these runs is one of Fig. 4's. */
const AXES: Axes = { densities: ['literal', 'flat'], samples: { cosine: SAMPLES } };

const PRINTED = printedTable('5', 'N');

/** Searches behind each of the paper's errors. */
const PRINTED_SEEDS = PRINTED[0].cells.error.n;

/**
 * The largest departure from a straight line that still counts as linear, as a share of the cost: the paper prints costs
 * around 1 GPU day with one decimal, so its own table resolves no less.
 */
const LINEAR_WITHIN = 0.1;

function protocols(options: ProtocolOptions): SearchProtocol[] {
  return sweepProtocols(options, AXES);
}

function table5Deviations(runs: readonly SearchProtocol[]): string[] {
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
    'The networks found are not trained from scratch: the errors and parameter counts of the table are not reproduced yet.',
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

function claims({ runs }: Sweep): Claim[] {
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
    ...[
      ['error-settles', 'The error of the network found is stable from N = 4 on.', 'test error'],
      ['size-grows', 'The network found has more parameters the larger N is.', 'parameters'],
    ].map(([id, text, statistic]) =>
      undecided({ id, text, statistic, detail: 'Needs retraining, which this project does not build yet.' }),
    ),
  ];
}

const lastEpoch = (run: SweepRun) => run.epochs[run.epochs.length - 1];

const summary = (values: readonly number[]) => (values.length === 0 ? null : summarize(values));

function notNull(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => value !== null && value !== undefined);
}

function tables({ runs, space, budget }: Sweep): Table[] {
  return [
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
        'The first two columns need networks trained from scratch, which this project does not build yet; costs on other hardware, and at another budget, are not comparable.',
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
    layer: [
      { mark: { type: 'line', strokeWidth: 2 }, encoding: { x, y: { ...y, aggregate: 'mean' }, color } },
      {
        mark: { type: 'point', filled: true, size: 60, opacity: 0.8 },
        encoding: {
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
        },
      },
    ],
  };
}

function charts(result: Sweep): Chart[] {
  const where = `${result.space.toUpperCase()}, budget ${result.budget}`;
  const cost = `Cost of a search against N (${where})`;
  const loss = `Validation loss of the candidates, last epoch (${where})`;
  return [
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

/** Table 5, the search's half. */
export const table5: Reproduction<Sweep> = {
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
  measure: measureSweep,
  tables,
  charts,
  claims,
};
