/**
 * Fig. 1: the loss over a plane of α with the weights as they are (a) and fine-tuned at each point (b), and the paths of
 * DARTS and the ZARTS solvers on it (c). Beside the paper's two landscapes stand the same two with running statistics in
 * the batch norms, which fine-tuning refreshes: part of a difference may be theirs.
 */
import type { Answer, Gate } from '../lib/analysis/claims.js';
import { fixed } from '../lib/report/format.js';
import { pathsChart } from '../lib/report/landscape-chart.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import {
  atEstimate,
  conditionTable,
  curvatureCells,
  DARTS_STEP,
  distance,
  firstSeed,
  landscapeAt,
  landscapeBase,
  landscapeCell,
  landscapeCharts,
  landscapeControls,
  landscapeSurfaces,
  ON_LANDSCAPES,
  onOneSupernet,
  pathCells,
  sharpnessTable,
  slopeRatio,
  spectrumTable,
} from './landscapes.js';
import type { LandscapeView, OnLandscapeCell, OnLandscapeRow } from './landscapes.js';
import { figureNumbers } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import type { SpaceGrid } from './sweep.js';
import { counted, label, spread, stateText, summaryTable } from './tables.js';
import { controlsTable } from './together.js';

type Rows = readonly OnLandscapeRow[];

/** The landscapes at ω as it is and fine-tuned, these once more as a control, their curvature, the paths. */
function runs(grid: SpaceGrid): OnLandscapeCell[] {
  return grid.seeds.flatMap((seed) => {
    const base = landscapeBase(grid, seed);
    const landscapes = [atEstimate(base, 'current'), base];
    return [
      ...landscapes.map(landscapeCell),
      ...landscapes.map((each) => landscapeCell({ ...each, normalization: 'running' })),
      ...landscapes.flatMap(curvatureCells),
      ...pathCells(grid, base),
    ];
  });
}

/** The paths, each with its ends and its seed's star: the lowest point of the landscape at M steps. */
function pathsOf(rows: Rows) {
  return rowsOfKind(rows, 'path').map((path) => {
    const own = rows.filter(({ seed }) => seed === path.seed);
    const { points, solver } = path;
    return {
      ...path,
      step: solver.kind === 'gradient' ? solver.step : null,
      start: points[0],
      end: points[points.length - 1],
      star: landscapeAt(own, 'finetuned')?.minimum,
    };
  });
}

type PathRow = ReturnType<typeof pathsOf>[number];

// ---- Claims ----

/** How much farther from the star one seed's ZARTS path ends than the nearest of DARTS', with one step size or any. */
function excessDistance(rows: Rows, title: string, step?: number): number | undefined {
  const fromStar = ({ end, star }: PathRow): number => (star ? distance(end, star) : NaN);
  const paths = pathsOf(rows);
  const own = paths.find((path) => path.title === title);
  const darts = paths.filter((path) => path.step !== null && path.step === (step ?? path.step));
  return own && darts.length > 0 ? fromStar(own) - Math.min(...darts.map(fromStar)) : undefined;
}

/** That a ZARTS path ends nearer the minimum than DARTS: than with the step shown, and than with any. */
function nearer(title: string, steps: readonly number[], gate: Gate): Statement<OnLandscapeRow>[] {
  const id = title.toLowerCase().replace(/,? /g, '-');
  const less = `distance of ${title}’s end from the minimum less that of`;
  return [
    {
      ...gate,
      id: `nearer/${id}`,
      text: `${title} ends nearer the minimum than DARTS.`,
      statistic: `${less} DARTS’ end, step ${DARTS_STEP}`,
      region: { below: 0 },
      value: (rows) => excessDistance(rows, title, DARTS_STEP),
    },
    {
      ...gate,
      id: `nearer-than-any/${id}`,
      secondary: true,
      text: `${title} ends nearer the minimum than DARTS, whatever its step (our reading).`,
      statistic: `${less} the nearest end of DARTS`,
      region: { below: 0 },
      value: (rows) => excessDistance(rows, title),
      detail: `DARTS has the steps ${steps.join(', ')}, of which the best is taken after the fact.`,
    },
  ];
}

function claims({ rows }: LandscapeView): Answer[] {
  const grid = rowsOfKind(rows, 'landscape')[0]?.grid as { xs: readonly number[] } | undefined;
  const interval = grid ? grid.xs[1] - grid.xs[0] : 0;
  const paths = pathsOf(rows);
  const zarts = distinct(paths.filter(({ step }) => step === null).map(({ title }) => title));
  const steps = distinct(paths.flatMap(({ step }) => step ?? []));
  const { inside, tuning, both } = landscapeControls(rows);
  const flatter = (where: string, normalization: 'batch' | 'running') => ({
    ...tuning,
    text: `Fine-tuning ω at each α flattens the landscape${where}.`,
    statistic: 'ln of the mean slope with M steps over that with ω as it is',
    region: { below: 0 },
    value: (own: Rows) => slopeRatio(own, 'finetuned', 'current', normalization),
  });
  return judgeAll(rows, [
    { id: 'flatter', ...flatter('', 'batch') },
    {
      id: 'flatter/running-statistics',
      secondary: true,
      ...flatter(', batch norms with running statistics (a control of ours)', 'running'),
      detail:
        'The released code reads losses with running statistics, which fine-tuning refreshes at each α.',
    },
    {
      ...both,
      id: 'minimum-moves',
      text: 'The first-order approximation shifts the global minimum.',
      statistic: 'distance of the two smallest losses, less one grid interval',
      resolution: interval,
      region: { above: 0 },
      value(own) {
        const [tuned, current] = [landscapeAt(own, 'finetuned'), landscapeAt(own, 'current')];
        return tuned && current && distance(tuned.minimum, current.minimum) - interval;
      },
      detail: `The grid tells places apart that are ${fixed(interval, 2)} from each other.`,
    },
    {
      ...tuning,
      secondary: true,
      id: 'condition-number',
      text: 'Fine-tuning ω at each α lowers the condition number Q (our reading of “pretty flat, implying a low condition number”).',
      statistic: 'ln of Q with M steps over Q with ω as it is, α centered',
      region: { below: 0 },
      value(own) {
        const [current, tuned] = rowsOfKind(own, 'condition').map(({ centered }) => centered.q);
        return Math.log(tuned / current);
      },
      detail: 'The paper reports no value of Q.',
    },
    ...zarts.flatMap((title) => nearer(title, steps, inside)),
  ]);
}

// ---- Tables and charts ----

function pathTable(rows: Rows): Table {
  return summaryTable<PathRow>(
    `Paths on the landscape at M steps, mean ± standard deviation over seeds`,
    groupBy(pathsOf(rows), 'title'),
    [
      label('solver', ({ step, title }) => (step === null ? title : 'DARTS')),
      label('step', ({ step }) => step, 'right'),
      counted('seeds'),
      spread('from the minimum, start', ({ star, start }) => star && distance(start, star), 2),
      spread('end', ({ star, end }) => star && distance(end, star), 2),
      spread('moved', ({ start, end }) => distance(start, end), 3),
      spread('loss fell by', ({ start, end }) => start.loss - end.loss, 4),
      spread('loss left', ({ star, end }) => star && end.loss - star.loss, 4),
      label('losses', ({ evaluations }) => evaluations, 'right'),
      label('gradients', ({ gradients }) => gradients, 'right'),
    ],
    [
      'Distances in the plane of α; losses in nats, on the landscape itself (ω as the search left it, fine-tuned M steps). Loss left: above the smallest loss of the grid.',
      'Losses: how often the solver asked for a fine-tuned loss; gradients: for a first-order gradient.',
    ],
  );
}

/** The paths that are shown: the first seed's, of DARTS the one with its own step. */
function shownPaths(rows: Rows) {
  return rowsOfKind(firstSeed(rows), 'path')
    .filter(({ solver }) => solver.kind !== 'gradient' || solver.step === DARTS_STEP)
    .map(({ title, points }) => ({ name: title, points }));
}

function pathChart(view: LandscapeView): Chart[] {
  const landscape = landscapeAt(firstSeed(view.rows), 'finetuned');
  const paths = shownPaths(view.rows);
  if (!landscape || paths.length === 0) return [];
  const title = `Paths of the solvers (${stateText(view)})`;
  const { iterations, seed } = landscape;
  const subtitle = `${paths[0].points.length - 1} updates on the landscape at M = ${iterations}; square: start, star: smallest loss; seed ${seed}`;
  return [pathsChart({ name: 'paths', title, subtitle }, landscape, paths)];
}

const HEADING = 'Loss over a plane of α';

/** Fig. 1. */
export const fig1 = experiment({
  id: 'fig-1',
  title: 'Fig. 1: loss landscape over α, and the paths of the solvers on it',
  description: 'Sharpness with and without fine-tuned weights; where DARTS, RS, MGS and GLD end.',
  claim:
    'With first-order weights the landscape is sharper and its minimum is elsewhere than with fine-tuned ones; ZARTS reaches the minimum, DARTS does not.',
  paper: figureNumbers(
    '1',
    'supernetEpochs impliedGridPointsPerAxis gridMax fineTuneIterations pathIterations',
  ),
  ...ON_LANDSCAPES,
  runs,
  ...onOneSupernet({
    // What there are no rows of has no table yet.
    tables: (view, notes) =>
      [
        ...(view.rows.length > 0 || notes.length > 0
          ? [controlsTable(landscapeControls(view.rows).controls, notes)]
          : []),
        sharpnessTable(view),
        conditionTable(view),
        spectrumTable(view),
        pathTable(view.rows),
      ].filter(({ rows }) => rows.length > 0),
    charts: (view) => [
      ...landscapeCharts(view, 'landscape', HEADING),
      ...pathChart(view),
      ...landscapeCharts(view, 'control', `${HEADING}, batch norms with running statistics`, 'running'),
    ],
    surfaces: (view) => landscapeSurfaces(view, HEADING, shownPaths(view.rows)),
    claims,
  }),
});
