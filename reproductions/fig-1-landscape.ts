/**
 * Fig. 1: the loss over a plane of α with the weights as they are (a) and fine-tuned at each point (b), and the paths of
 * DARTS and the ZARTS solvers on it (c). Beside the paper's two landscapes stand the same two with running statistics in
 * the batch norms, which fine-tuning refreshes: part of a difference may be theirs.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { summarize } from '../lib/analysis/statistics.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { landscapeChart, pathsChart } from '../lib/report/landscape-chart.js';
import type { Chart } from '../lib/report/spec.js';
import { surface } from '../lib/report/surface.js';
import type { Surface } from '../lib/report/surface.js';
import type { Table } from '../lib/report/table.js';
import type { LandscapeNormalization } from '../lib/search/landscape-protocol.js';
import {
  conditionRatios,
  conditionTable,
  DARTS_STEP,
  distance,
  estimateTitle,
  landscapeDeviations,
  landscapeOpenSettings,
  landscapeProtocols,
  landscapeSeconds,
  landscapeWords,
  measureLandscapes,
  panelOf,
  PATH_NAMES,
  seedsOf,
  sharpnessTable,
  slopeRatios,
  spectrumTable,
} from './landscapes.js';
import type { LandscapeRun, Landscapes, Panel, Path, PathName, Wanted } from './landscapes.js';
import { figureNumber } from './paper.js';
import type { Reproduction } from './reproduction.js';

const WANTED: Wanted = {
  estimates: ['current', 'finetuned'],
  controls: ['current', 'finetuned'],
  paths: true,
  curvature: true,
};

/** The paths of a solver; of DARTS those with one step size. */
function pathsOf({ paths }: Landscapes, name: PathName, step: number | null): Path[] {
  return paths.filter((path) => path.name === name && path.step === step);
}

/** How far a path ends from its seed's star: the lowest point of the landscape at M steps. */
function endDistance(result: Landscapes, { seed, points }: Path): number | undefined {
  const panel = panelOf(result, seed, 'finetuned');
  return panel && distance(points[points.length - 1], panel.minimum);
}

/** For each seed that has both: how much farther from the star a ZARTS path ends than DARTS' does, of those that are asked. */
function excessDistances(
  result: Landscapes,
  name: PathName,
  among: (distances: readonly { step: number; distance: number }[]) => number | undefined,
): number[] {
  return pathsOf(result, name, null).flatMap((path) => {
    const own = endDistance(result, path);
    const darts = result.paths
      .filter((each) => each.seed === path.seed && each.step !== null)
      .flatMap((each) => {
        const end = endDistance(result, each);
        return end === undefined ? [] : [{ step: each.step!, distance: end }];
      });
    const against = among(darts);
    return own === undefined || against === undefined ? [] : [own - against];
  });
}

/** The zero-order solvers that have paths, in display order. */
function zartsIn({ paths }: Landscapes): PathName[] {
  return PATH_NAMES.filter((name) => name !== 'DARTS' && paths.some((path) => path.name === name));
}

function claims(result: Landscapes): Claim[] {
  const flatter = (normalization: LandscapeNormalization, id: string, text: string, detail?: string): Claim =>
    judge({
      id,
      text,
      statistic: 'ln of the mean slope with M steps over that with ω as it is',
      values: slopeRatios(result, 'finetuned', 'current', normalization),
      region: { below: 0 },
      ...(detail === undefined ? {} : { detail }),
    });
  const interval = gridInterval(result);
  return [
    flatter('batch', 'flatter', 'Fine-tuning ω at each α flattens the landscape.'),
    flatter(
      'running',
      'flatter/running-statistics',
      'Fine-tuning ω at each α flattens the landscape, batch norms with running statistics (a control of ours).',
      'The released code reads losses with running statistics, which fine-tuning refreshes at each α.',
    ),
    judge({
      id: 'minimum-moves',
      text: 'The first-order approximation shifts the global minimum.',
      statistic: 'distance of the two smallest losses, less one grid interval',
      values: seedsOf(result).flatMap((seed) => {
        const [tuned, current] = (['finetuned', 'current'] as const).map((each) =>
          panelOf(result, seed, each),
        );
        return tuned && current ? [distance(tuned.minimum, current.minimum) - interval] : [];
      }),
      region: { above: 0 },
      detail: `The grid tells places apart that are ${fixed(interval, 2)} from each other.`,
    }),
    judge({
      id: 'condition-number',
      text: 'Fine-tuning ω at each α lowers the condition number Q (our reading of “pretty flat, implying a low condition number”).',
      statistic: 'ln of Q with M steps over Q with ω as it is, α centered',
      values: conditionRatios(result, 'finetuned', 'current'),
      region: { below: 0 },
      detail: 'The paper reports no value of Q.',
    }),
    ...zartsIn(result).flatMap((name) => [
      judge({
        id: `nearer/${idOf(name)}`,
        text: `${name} ends nearer the minimum than DARTS.`,
        statistic: `distance of ${name}’s end from the minimum less that of DARTS’ end, step ${DARTS_STEP}`,
        values: excessDistances(result, name, (all) => all.find(({ step }) => step === DARTS_STEP)?.distance),
        region: { below: 0 },
      }),
      judge({
        id: `nearer-than-any/${idOf(name)}`,
        text: `${name} ends nearer the minimum than DARTS, whatever its step (our reading).`,
        statistic: `distance of ${name}’s end from the minimum less that of the nearest end of DARTS`,
        values: excessDistances(result, name, (all) =>
          all.length === 0 ? undefined : Math.min(...all.map((each) => each.distance)),
        ),
        region: { below: 0 },
        detail: `DARTS has the steps ${stepsOf(result).join(', ')}, of which the best is taken after the fact.`,
      }),
    ]),
  ];
}

const idOf = (name: PathName): string => name.toLowerCase().replace(/,? /g, '-');

/** The distance of neighbouring points of the grids. */
function gridInterval({ panels }: Landscapes): number {
  const [{ grid }] = panels;
  return grid.xs[1] - grid.xs[0];
}

function stepsOf({ paths }: Landscapes): number[] {
  return [...new Set(paths.flatMap(({ step }) => (step === null ? [] : [step])))].sort((a, b) => a - b);
}

function pathTable(result: Landscapes): Table {
  const kinds = [
    ...stepsOf(result).map((step) => ({ name: 'DARTS' as const, step })),
    ...zartsIn(result).map((name) => ({ name, step: null })),
  ].filter(({ name, step }) => pathsOf(result, name, step).length > 0);
  const summary = (values: readonly number[]) => (values.length === 0 ? null : summarize(values));
  const starOf = (path: Path): Panel | undefined => panelOf(result, path.seed, 'finetuned');
  return {
    title: `Paths on the landscape at M steps, mean ± standard deviation over seeds`,
    columns: [
      { key: 'solver', title: 'solver' },
      { key: 'step', title: 'step', align: 'right' },
      { key: 'seeds', title: 'seeds', align: 'right' },
      { key: 'start', title: 'from the minimum, start', align: 'right' },
      { key: 'end', title: 'end', align: 'right' },
      { key: 'moved', title: 'moved', align: 'right' },
      { key: 'fall', title: 'loss fell by', align: 'right' },
      { key: 'left', title: 'loss left', align: 'right' },
      { key: 'evaluations', title: 'losses', align: 'right' },
      { key: 'gradients', title: 'gradients', align: 'right' },
    ],
    rows: kinds.map(({ name, step }) => {
      const own = pathsOf(result, name, step);
      const from = (pick: (path: Path) => Path['points'][number]) =>
        own.flatMap((path) => {
          const star = starOf(path);
          return star ? [distance(pick(path), star.minimum)] : [];
        });
      const last = ({ points }: Path) => points[points.length - 1];
      return {
        solver: name,
        step,
        seeds: own.length,
        start: plusMinus(summary(from(({ points }) => points[0])), 2),
        end: plusMinus(summary(from(last)), 2),
        moved: plusMinus(summary(own.map((path) => distance(path.points[0], last(path)))), 3),
        fall: plusMinus(summary(own.map((path) => path.points[0].loss - last(path).loss)), 4),
        left: plusMinus(
          summary(
            own.flatMap((path) => {
              const star = starOf(path);
              return star ? [last(path).loss - star.minimum.loss] : [];
            }),
          ),
          4,
        ),
        evaluations: own[0].evaluations,
        gradients: own[0].gradients,
      };
    }),
    notes: [
      'Distances in the plane of α; losses in nats, on the landscape itself (ω as the search left it, fine-tuned M steps). Loss left: above the smallest loss of the grid.',
      'Losses: how often the solver asked for a fine-tuned loss; gradients: for a first-order gradient.',
    ],
  };
}

function tables(result: Landscapes): Table[] {
  return [
    sharpnessTable(result),
    ...(result.conditions.length > 0 ? [conditionTable(result)] : []),
    ...(result.spectra.length > 0 ? [spectrumTable(result)] : []),
    ...(result.paths.length > 0 ? [pathTable(result)] : []),
  ];
}

/** The landscapes of the first seed, with batch norms of one kind. */
function panelsChart(result: Landscapes, normalization: LandscapeNormalization): Chart[] {
  const [seed] = seedsOf(result);
  const panels = WANTED.estimates.flatMap((estimate) => panelOf(result, seed, estimate, normalization) ?? []);
  if (panels.length === 0) return [];
  const control = normalization === 'running';
  const heading = `Loss over a plane of α${control ? ', batch norms with running statistics' : ''} (${where(result)})`;
  const words = landscapeWords(panels[0], heading, `star: smallest loss; seed ${seed}`);
  const drawn = panels.map((panel) => ({ title: estimateTitle(panel), grid: panel.grid }));
  return [{ name: control ? 'control' : 'landscape', title: heading, spec: landscapeChart(drawn, words) }];
}

function pathChart(result: Landscapes): Chart[] {
  const [seed] = seedsOf(result);
  const panel = panelOf(result, seed, 'finetuned');
  const paths = shownPaths(result, seed);
  if (!panel || paths.length === 0) return [];
  const heading = `Paths of the solvers (${where(result)})`;
  const updates = paths[0].points.length - 1;
  const subtitle = `${updates} updates on the landscape at M = ${panel.iterations}; square: start, star: smallest loss; seed ${seed}`;
  return [
    {
      name: 'paths',
      title: heading,
      spec: pathsChart(panel.grid, paths, landscapeWords(panel, heading, subtitle)),
    },
  ];
}

/** The landscapes of the first seed as surfaces, with the paths on the one that they belong to. */
function surfaces(result: Landscapes): Surface[] {
  const [seed] = seedsOf(result);
  const panels = WANTED.estimates.flatMap((estimate) => panelOf(result, seed, estimate) ?? []);
  if (panels.length === 0) return [];
  const heading = `Loss over a plane of α (${where(result)})`;
  const drawn = panels.map((panel) => ({
    title: estimateTitle(panel),
    grid: panel.grid,
    ...(panel.estimate === 'finetuned' ? { paths: shownPaths(result, seed) } : {}),
  }));
  return [surface('surface', drawn, landscapeWords(panels[0], heading, ''))];
}

/** The paths that the figure shows of a seed, by the names that it gives them. */
function shownPaths(result: Landscapes, seed: number) {
  return PATH_NAMES.flatMap((name) =>
    pathsOf(result, name, name === 'DARTS' ? DARTS_STEP : null)
      .filter((path) => path.seed === seed)
      .map(({ points }) => ({ name: name === 'DARTS' ? `DARTS, step ${DARTS_STEP}` : name, points })),
  );
}

const where = ({ space, budget }: Landscapes): string => `${space.toUpperCase()}, budget ${budget}`;

/** Fig. 1. */
export const fig1: Reproduction<Landscapes, LandscapeRun> = {
  id: 'fig-1',
  title: 'Fig. 1: loss landscape over α, and the paths of the solvers on it',
  claim:
    'With first-order weights the landscape is sharper and its minimum is elsewhere than with fine-tuned ones; ZARTS reaches the minimum, DARTS does not.',
  paper: Object.fromEntries(
    ['supernetEpochs', 'impliedGridPointsPerAxis', 'gridMax', 'fineTuneIterations', 'pathIterations'].map(
      (name) => [name, figureNumber('1', name)],
    ),
  ),
  protocols: (options) => landscapeProtocols(options, WANTED),
  deviations: landscapeDeviations,
  openSettings: landscapeOpenSettings,
  seconds: landscapeSeconds,
  measure: measureLandscapes,
  tables,
  charts: (result) => [
    ...panelsChart(result, 'batch'),
    ...pathChart(result),
    ...panelsChart(result, 'running'),
  ],
  surfaces,
  claims,
};
