/** What Tables 5 and 6 have in common: a sweep over one number of the search, whose networks are trained. */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { evaluationDeviations } from '../lib/evaluation/presets.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import { linesWithPoints } from '../lib/report/layers.js';
import type { Chart } from '../lib/report/spec.js';
import type { Column } from '../lib/report/table.js';
import { PALETTE, THEME } from '../lib/report/theme.js';
import { spaceName } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { anyTrainingOf, trainingSettings } from './retraining.js';
import type { Factors, RetrainedRun, Retraining, TrainingSettings } from './retraining.js';

/** The paper's training of what these sweeps find (its appendix B.2: 20 cells, 36 channels), whatever the space. */
export function fullTraining(search: SearchProtocol): TrainingSettings {
  return trainingSettings(
    { preset: 'darts-space', dataset: search.dataset.name, space: spaceName(search) },
    'full',
  );
}

/** A search of a sweep with the training that follows it. */
export function sweepRetraining(
  search: SearchProtocol,
  factors: Factors,
  trainingSet: readonly string[],
): Retraining {
  const { budget, seed } = search;
  const training = trainingSettings(
    { preset: 'darts-space', dataset: search.dataset.name, space: spaceName(search) },
    budget,
    trainingSet,
  );
  return {
    kind: 'retraining',
    version: 1,
    budget,
    seed,
    method: Object.entries(factors)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
    factors,
    search,
    training: { ...training, seed },
  };
}

/** What the trainings do otherwise than the paper's. */
export function trainingDeviations(runs: readonly Retraining[]): string[] {
  return evaluationDeviations(anyTrainingOf(runs[0].training)).map((sentence) => `Training: ${sentence}`);
}

/** Columns of what the trained networks of a cell are like. */
export const TRAINED_COLUMNS: readonly Column[] = [
  { key: 'error', title: 'error (%)', align: 'right' },
  { key: 'best', title: 'best', align: 'right' },
  { key: 'bestEpoch', title: 'best-epoch error', align: 'right' },
  { key: 'parameters', title: 'parameters (k)', align: 'right' },
  { key: 'full', title: 'full size (M)', align: 'right' },
];

/** What {@link TRAINED_COLUMNS} mean. */
export const TRAINED_NOTES: readonly string[] = [
  'Error: of the test images after the last epoch, mean ± standard deviation over the searches; best: the lowest of them. Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic.',
  'Parameters: of the network trained here; full size: of the network that the paper would train from the same cells.',
];

/** The cells of a row under {@link TRAINED_COLUMNS}. */
export function trainedCells(runs: readonly RetrainedRun[]) {
  const spread = (value: (run: RetrainedRun) => number, digits: number): string =>
    runs.length === 0 ? fixed(null, digits) : plusMinus(summarize(runs.map(value)), digits);
  return {
    error: spread(({ errorPct }) => errorPct, 2),
    best: runs.length === 0 ? null : fixed(Math.min(...runs.map(({ errorPct }) => errorPct)), 2),
    bestEpoch: spread(({ bestEpoch }) => bestEpoch.errorPct, 2),
    parameters: spread(({ parameters }) => parameters / 1e3, 1),
    full: spread(({ fullParameters }) => fullParameters / 1e6, 2),
  };
}

/** One number of a run, beside the number that the sweep varies. */
type Point = readonly [x: number, y: number];

/** For each seed the points of its runs; seeds without two different x are left out. */
function pointsBySeed(
  runs: readonly RetrainedRun[],
  factor: string,
  y: (run: RetrainedRun) => number,
): Point[][] {
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  return seeds
    .map((seed) =>
      runs
        .filter((run) => run.seed === seed)
        .map((run): Point => [Number(run.factors?.[factor]), y(run)])
        .sort(([a], [b]) => a - b),
    )
    .filter((points) => new Set(points.map(([x]) => x)).size > 1);
}

/** Slopes of the lines through each seed's points. */
export function slopes(
  runs: readonly RetrainedRun[],
  factor: string,
  y: (run: RetrainedRun) => number,
): number[] {
  return pointsBySeed(runs, factor, y).map((points) => fitLine(points).slope);
}

/** Standard deviation over seeds, pooled over the values of the factor; null where no value has two seeds. */
export function scatter(
  runs: readonly RetrainedRun[],
  factor: string,
  y: (run: RetrainedRun) => number,
): number | null {
  const values = [...new Set(runs.map((run) => run.factors?.[factor]))];
  const groups = values
    .map((value) => runs.filter((run) => run.factors?.[factor] === value).map(y))
    .filter((group) => group.length > 1)
    .map((group) => summarize(group));
  if (groups.length === 0) return null;
  const df = groups.reduce((sum, { n }) => sum + n - 1, 0);
  return Math.sqrt(groups.reduce((sum, { n, std }) => sum + (n - 1) * std! ** 2, 0) / df);
}

/** A claim on the slope of a quantity over the number that the sweep varies. */
export function slopeClaim(
  runs: readonly RetrainedRun[],
  claim: {
    readonly id: string;
    readonly text: string;
    readonly factor: string;
    readonly quantity: 'error' | 'size';
    readonly falls: boolean;
    readonly detail?: string;
  },
): Claim {
  const { id, text, factor, quantity, falls, detail } = claim;
  const error = quantity === 'error';
  return judge({
    id,
    text,
    statistic: `${error ? 'test error (points of %)' : 'full-size parameters (M)'} for each unit of ${factor} more (slope of a line)`,
    values: slopes(runs, factor, error ? (run) => run.errorPct : (run) => run.fullParameters / 1e6),
    region: falls ? { below: 0 } : { above: 0 },
    ...(detail === undefined ? {} : { detail }),
  });
}

/** Test errors over the number that the sweep varies: a point a search, a line through the means, colour and shape by group. */
export function errorChart(
  points: readonly { readonly run: RetrainedRun; readonly group: string }[],
  chart: {
    readonly factor: string;
    readonly title: string;
    readonly xTitle: string;
    /** In the order of the legend. */
    readonly groups: readonly string[];
  },
): Chart {
  const { factor, title, xTitle, groups } = chart;
  const xs = [...new Set(points.map(({ run }) => Number(run.factors?.[factor])))].sort((a, b) => a - b);
  const x = {
    field: 'x',
    type: 'quantitative',
    title: xTitle,
    scale: { domain: [xs[0] - 0.5, xs[xs.length - 1] + 0.5], nice: false },
    axis: { values: xs, format: 'd' },
  };
  const y = { field: 'error', type: 'quantitative', title: 'test error (%)', scale: { zero: false } };
  const legend = { title: null, orient: 'bottom' };
  const color = { field: 'group', type: 'nominal', scale: { domain: groups, range: PALETTE }, legend };
  return {
    name: 'error',
    title,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: title,
      title: { text: title, subtitle: 'line: mean over seeds; points: each search, its network trained' },
      config: THEME,
      data: {
        values: points.map(({ run, group }) => ({
          group,
          x: Number(run.factors?.[factor]),
          seed: run.seed,
          error: Number(run.errorPct.toPrecision(6)),
        })),
      },
      width: 380,
      height: 240,
      layer: linesWithPoints({
        x,
        y,
        color,
        shape: { field: 'group', type: 'nominal', scale: { domain: groups }, legend },
        tooltip: [
          { field: 'group' },
          { field: 'x', title: xTitle },
          { field: 'seed' },
          { field: 'error', format: '.2f' },
        ],
      }),
    },
  };
}
