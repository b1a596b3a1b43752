/** Landscapes as charts: heat maps with contours, and paths on them. */
import { gridMinimum } from '../analysis/landscape.js';
import type { LossGrid } from '../analysis/landscape.js';
import { contourLines, niceStep } from './contours.js';
import { VEGA_LITE_SCHEMA } from './spec.js';
import type { ChartSpec } from './spec.js';
import { PALETTE, THEME } from './theme.js';

/** One landscape among others. */
export interface LandscapePanel {
  readonly title: string;
  readonly grid: LossGrid;
}

/** A way across a landscape. */
export interface DrawnPath {
  readonly name: string;
  /** The start, then the place after each update. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** What is said around a picture of landscapes. */
export interface LandscapeWords {
  readonly heading: string;
  readonly subtitle: string;
  /** Along the directions. */
  readonly xTitle: string;
  readonly yTitle: string;
}

/** About how many contours the highest of several landscapes has. */
const CONTOURS = 12;

/** A star with five points inside the unit circle, as an SVG path. */
export const STAR = starPath();

function starPath(): string {
  const corners = Array.from({ length: 10 }, (_, i) => {
    const radius = i % 2 === 0 ? 1 : 0.42;
    const angle = (Math.PI * i) / 5;
    return `${(radius * Math.sin(angle)).toFixed(3)},${(-radius * Math.cos(angle)).toFixed(3)}`;
  });
  return `M${corners.join('L')}Z`;
}

const round = (value: number): number => Number(value.toPrecision(6));

/** The loss at which the contours of several landscapes lie, above each one's own minimum; common to all. */
export function commonStep(grids: readonly LossGrid[]): number {
  const ranges = grids.map((grid) => Math.max(...grid.losses.flat()) - gridMinimum(grid).loss);
  const highest = Math.max(...ranges);
  return highest === 0 ? 1 : niceStep(highest, CONTOURS);
}

const contourNote = (step: number): string => `contour interval in nats: ${round(step)}`;

/** Rows of a panel's chart: a field of colour around each point, the points of each contour, the star. */
function panelRows({ title, grid }: LandscapePanel, step: number) {
  const { xs, ys, losses } = grid;
  const minimum = gridMinimum(grid);
  const borders = (ticks: readonly number[]): number[] => [
    ticks[0],
    ...ticks.slice(1).map((tick, i) => (ticks[i] + tick) / 2),
    ticks[ticks.length - 1],
  ];
  const [xBorders, yBorders] = [borders(xs), borders(ys)];
  // A field reaches under the next ones, which are drawn later: nothing shines through between them.
  const overlapped = (all: readonly number[], i: number): number => all[i + 1] + (all[i + 1] - all[i]) / 10;
  const fields = losses.flatMap((line, row) =>
    line.map((loss, column) => ({
      panel: title,
      kind: 'field',
      x: round(xBorders[column]),
      x2: round(overlapped(xBorders, column)),
      y: round(yBorders[row]),
      y2: round(overlapped(yBorders, row)),
      loss: round(loss),
      above: round(loss - minimum.loss),
    })),
  );
  const highest = Math.max(...losses.flat()) - minimum.loss;
  const levels = Array.from({ length: Math.max(0, Math.ceil(highest / step)) }, (_, k) => (k + 0.5) * step);
  const contours = levels.flatMap((level) =>
    contourLines(grid, minimum.loss + level).flatMap((line, number) =>
      line.map(([x, y], order) => ({
        panel: title,
        kind: 'contour',
        line: `${level} ${number}`,
        order,
        x: round(x),
        y: round(y),
      })),
    ),
  );
  const star = {
    panel: title,
    kind: 'minimum',
    x: round(minimum.x),
    y: round(minimum.y),
    loss: round(minimum.loss),
  };
  return [...fields, ...contours, star];
}

function axes({ xTitle, yTitle }: LandscapeWords, grids: readonly LossGrid[]) {
  const extent = (ticks: readonly number[][]): [number, number] => [
    Math.min(...ticks.flat()),
    Math.max(...ticks.flat()),
  ];
  const axis = (title: string, domain: [number, number]) => ({
    type: 'quantitative',
    title,
    scale: { domain, nice: false, zero: false },
    axis: { grid: false, tickCount: 5, labelFlush: false },
  });
  return {
    x: { field: 'x', ...axis(xTitle, extent(grids.map(({ xs }) => [...xs]))) },
    y: { field: 'y', ...axis(yTitle, extent(grids.map(({ ys }) => [...ys]))) },
  };
}

const only = (kind: string) => [{ filter: { field: 'kind', equal: kind } }];

/** Light where the loss is low, dark where it is high; in print the order of greys is the order of losses. */
const HEAT = { scheme: { name: 'viridis', extent: [1, 0.3] } };

function contourLayer(x: object, y: object, color: string) {
  return {
    transform: only('contour'),
    mark: { type: 'line', strokeWidth: 0.9, color, opacity: 0.75, interpolate: 'linear', clip: true },
    encoding: {
      x,
      y,
      detail: { field: 'line', type: 'nominal' },
      order: { field: 'order', type: 'quantitative' },
    },
  };
}

function starLayer(x: object, y: object) {
  return {
    transform: only('minimum'),
    mark: {
      type: 'point',
      shape: STAR,
      size: 190,
      filled: true,
      fill: '#D55E00',
      stroke: '#ffffff',
      strokeWidth: 1,
      opacity: 1,
    },
    encoding: {
      x,
      y,
      tooltip: [
        { field: 'x', type: 'quantitative', format: '.2f' },
        { field: 'y', type: 'quantitative', format: '.2f' },
        { field: 'loss', type: 'quantitative', title: 'smallest loss (nats)', format: '.4f' },
      ],
    },
  };
}

/**
 * Landscapes side by side: colour and contours show the loss above each one's own minimum (the star), on one scale for all,
 * so that denser contours are a sharper landscape.
 */
export function landscapeChart(panels: readonly LandscapePanel[], words: LandscapeWords): ChartSpec {
  const grids = panels.map(({ grid }) => grid);
  const step = commonStep(grids);
  const { x, y } = axes(words, grids);
  const heat = { field: 'above', type: 'quantitative', scale: HEAT };
  const single = panels.length === 1;
  const layered = {
    width: 250,
    height: 250,
    layer: [
      {
        transform: only('field'),
        mark: { type: 'rect', clip: true },
        encoding: {
          x,
          x2: { field: 'x2' },
          y,
          y2: { field: 'y2' },
          color: {
            ...heat,
            legend: { title: ['loss above the', 'minimum (nats)'], gradientLength: 160 },
          },
          tooltip: [
            { field: 'loss', type: 'quantitative', title: 'loss (nats)', format: '.4f' },
            { field: 'above', type: 'quantitative', title: 'above the minimum', format: '.4f' },
          ],
        },
      },
      contourLayer(x, y, '#1a1a1a'),
      starLayer(x, y),
    ],
  };
  return {
    $schema: VEGA_LITE_SCHEMA,
    description: words.heading,
    title: { text: words.heading, subtitle: [words.subtitle, contourNote(step)] },
    config: THEME,
    data: { values: panels.flatMap((panel) => panelRows(panel, step)) },
    ...(single
      ? layered
      : {
          facet: { field: 'panel', type: 'nominal', sort: panels.map(({ title }) => title), title: null },
          columns: 3,
          spacing: 34,
          // A star on the border moves no axis.
          bounds: 'flush',
          spec: layered,
        }),
  };
}

/** Where the paths of solvers lead on a landscape, drawn over its contours in grey. */
export function pathsChart(grid: LossGrid, paths: readonly DrawnPath[], words: LandscapeWords): ChartSpec {
  const step = commonStep([grid]);
  const { x, y } = axes(words, [grid]);
  const names = paths.map(({ name }) => name);
  const rows = paths.flatMap(({ name, points }) =>
    points.map((point, update) => ({
      kind: update === 0 ? 'start' : 'path',
      path: name,
      update,
      x: round(point.x),
      y: round(point.y),
    })),
  );
  const color = {
    field: 'path',
    type: 'nominal',
    scale: { domain: names, range: PALETTE.slice(0, names.length) },
    legend: { title: null, symbolOpacity: 1 },
  };
  const steps = [{ filter: { field: 'kind', oneOf: ['start', 'path'] } }];
  return {
    $schema: VEGA_LITE_SCHEMA,
    description: words.heading,
    title: { text: words.heading, subtitle: [words.subtitle, contourNote(step)] },
    config: THEME,
    data: { values: [...panelRows({ title: 'landscape', grid }, step), ...rows] },
    width: 420,
    height: 420,
    layer: [
      {
        transform: only('field'),
        mark: { type: 'rect', clip: true },
        encoding: {
          x,
          x2: { field: 'x2' },
          y,
          y2: { field: 'y2' },
          fill: {
            field: 'above',
            type: 'quantitative',
            scale: { range: ['#ffffff', '#9a9a9a'] },
            legend: { title: ['loss above the', 'minimum (nats)'], gradientLength: 120 },
          },
        },
      },
      contourLayer(x, y, '#777777'),
      {
        transform: steps,
        mark: { type: 'line', strokeWidth: 2, clip: true },
        encoding: { x, y, color, order: { field: 'update', type: 'quantitative' } },
      },
      {
        transform: steps,
        mark: { type: 'point', filled: true, size: 45, opacity: 1, clip: true },
        encoding: {
          x,
          y,
          color,
          shape: { field: 'path', type: 'nominal', scale: { domain: names }, legend: { title: null } },
          tooltip: [
            { field: 'path' },
            { field: 'update', type: 'quantitative' },
            { field: 'x', type: 'quantitative', format: '.3f' },
            { field: 'y', type: 'quantitative', format: '.3f' },
          ],
        },
      },
      {
        transform: only('start'),
        mark: {
          type: 'point',
          shape: 'square',
          size: 110,
          filled: false,
          stroke: '#000000',
          strokeWidth: 1.6,
        },
        encoding: { x, y },
      },
      starLayer(x, y),
    ],
  };
}
