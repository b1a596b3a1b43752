/** Landscapes as charts: heat maps with contours, and paths on them. */
import { gridMinimum } from '../analysis/landscape.js';
import type { LossGrid } from '../analysis/landscape.js';
import { chart, sixDigits as round } from './charts.js';
import type { ChartWords } from './charts.js';
import { contourLines, niceStep } from './contours.js';
import { fixed } from './format.js';
import type { Chart } from './spec.js';
import { PALETTE } from './theme.js';

/** One landscape among others. */
export interface LandscapePanel {
  readonly title: string;
  readonly grid: LossGrid;
  /** Lengths of the two directions before they were made unit ones. */
  readonly directionNorms: readonly [number, number];
}

/** A way across a landscape. */
export interface DrawnPath {
  readonly name: string;
  /** The start, then the place after each update. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** What the axes of landscapes are: those of the first, whose plane the others share. */
export function axisTitles([{ directionNorms }]: readonly LandscapePanel[]): readonly [string, string] {
  const along = (name: string, length: number) => `along ${name}, ‖${name}‖ = ${fixed(length, 2)}`;
  return [along('d₁', directionNorms[0]), along('d₂', directionNorms[1])];
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

/** The loss at which the contours of several landscapes lie, above each one's own minimum; common to all. */
export function commonStep(grids: readonly LossGrid[]): number {
  const ranges = grids.map((grid) => Math.max(...grid.losses.flat()) - gridMinimum(grid).loss);
  const highest = Math.max(...ranges);
  return highest === 0 ? 1 : niceStep(highest, CONTOURS);
}

/** The words, and how far contours are apart. */
function withStep({ subtitle = [], ...words }: ChartWords, step: number): ChartWords {
  return { ...words, subtitle: [subtitle, `contour interval in nats: ${round(step)}`].flat() };
}

/** Rows of a panel's chart: a field of colour around each point, the points of each contour, the star. */
function panelRows({ title: panel, grid }: Pick<LandscapePanel, 'title' | 'grid'>, step: number) {
  const { xs, ys, losses } = grid;
  const { x, y, loss: lowest } = gridMinimum(grid);
  const [columns, lines] = [xs, ys].map((ticks) =>
    [ticks[0], ...ticks].map((tick, i) => (tick + (ticks[i] ?? tick)) / 2),
  );
  // A field reaches under the next ones, which are drawn later: nothing shines through between them.
  const overlapped = (borders: readonly number[], i: number): number =>
    borders[i + 1] + (borders[i + 1] - borders[i]) / 10;
  const fields = losses.flatMap((line, row) =>
    line.map((loss, column) => ({
      panel,
      kind: 'field',
      x: round(columns[column]),
      x2: round(overlapped(columns, column)),
      y: round(lines[row]),
      y2: round(overlapped(lines, row)),
      loss: round(loss),
      above: round(loss - lowest),
    })),
  );
  const highest = Math.max(...losses.flat()) - lowest;
  const levels = Array.from({ length: Math.max(0, Math.ceil(highest / step)) }, (_, k) => (k + 0.5) * step);
  const contours = levels.flatMap((level) =>
    contourLines(grid, lowest + level).flatMap((points, number) =>
      points.map(([x, y], order) => ({
        panel,
        kind: 'contour',
        line: `${level} ${number}`,
        order,
        x: round(x),
        y: round(y),
      })),
    ),
  );
  return [...fields, ...contours, { panel, kind: 'minimum', x: round(x), y: round(y), loss: round(lowest) }];
}

/** The two axes of a chart, common to its landscapes. */
function axes(panels: readonly LandscapePanel[]) {
  const [xTitle, yTitle] = axisTitles(panels);
  const axis = (field: 'x' | 'y', title: string) => {
    const ticks = panels.flatMap(({ grid }) => grid[`${field}s`]);
    return {
      field,
      type: 'quantitative',
      title,
      scale: { domain: [Math.min(...ticks), Math.max(...ticks)], nice: false, zero: false },
      axis: { grid: false, tickCount: 5, labelFlush: false },
    };
  };
  return { x: axis('x', xTitle), y: axis('y', yTitle) };
}

type Axes = ReturnType<typeof axes>;

const only = (kind: string) => [{ filter: { field: 'kind', equal: kind } }];

/** The fields, coloured by how far above the minimum they are. */
function fieldLayer({ x, y }: Axes, channel: 'color' | 'fill', scale: object, gradientLength: number) {
  const legend = { title: ['loss above the', 'minimum (nats)'], gradientLength };
  return {
    transform: only('field'),
    mark: { type: 'rect', clip: true },
    encoding: {
      x,
      x2: { field: 'x2' },
      y,
      y2: { field: 'y2' },
      [channel]: { field: 'above', type: 'quantitative', scale, legend },
    },
  };
}

function contourLayer(axes: Axes, color: string) {
  return {
    transform: only('contour'),
    mark: { type: 'line', strokeWidth: 0.9, color, opacity: 0.75, interpolate: 'linear', clip: true },
    encoding: {
      ...axes,
      detail: { field: 'line', type: 'nominal' },
      order: { field: 'order', type: 'quantitative' },
    },
  };
}

function starLayer(axes: Axes) {
  const look = { fill: '#D55E00', stroke: '#ffffff', strokeWidth: 1, opacity: 1 };
  return {
    transform: only('minimum'),
    mark: { type: 'point', shape: STAR, size: 190, filled: true, ...look },
    encoding: {
      ...axes,
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
export function landscapeChart(words: ChartWords, panels: readonly LandscapePanel[]): Chart {
  const step = commonStep(panels.map(({ grid }) => grid));
  const both = axes(panels);
  // Light where the loss is low, dark where it is high; in print the order of greys is the order of losses.
  const field = fieldLayer(both, 'color', { scheme: { name: 'viridis', extent: [1, 0.3] } }, 160);
  const tooltip = [
    { field: 'loss', type: 'quantitative', title: 'loss (nats)', format: '.4f' },
    { field: 'above', type: 'quantitative', title: 'above the minimum', format: '.4f' },
  ];
  const layered = {
    width: 250,
    height: 250,
    layer: [
      { ...field, encoding: { ...field.encoding, tooltip } },
      contourLayer(both, '#1a1a1a'),
      starLayer(both),
    ],
  };
  const faceted = {
    facet: { field: 'panel', type: 'nominal', sort: panels.map(({ title }) => title), title: null },
    columns: 3,
    spacing: 34,
    // A star on the border moves no axis.
    bounds: 'flush',
    spec: layered,
  };
  const rows = panels.flatMap((panel) => panelRows(panel, step));
  return chart(withStep(words, step), rows, panels.length === 1 ? layered : faceted);
}

/** Where the paths of solvers lead on a landscape, drawn over its contours in grey. */
export function pathsChart(words: ChartWords, panel: LandscapePanel, paths: readonly DrawnPath[]): Chart {
  const { grid } = panel;
  const step = commonStep([grid]);
  const both = axes([panel]);
  const names = paths.map(({ name }) => name);
  const rows = paths.flatMap(({ name: path, points }) =>
    points.map(({ x, y }, update) => {
      const kind = update === 0 ? 'start' : 'path';
      return { kind, path, update, x: round(x), y: round(y) };
    }),
  );
  const color = {
    field: 'path',
    type: 'nominal',
    scale: { domain: names, range: PALETTE.slice(0, names.length) },
    legend: { title: null, symbolOpacity: 1 },
  };
  const steps = [{ filter: { field: 'kind', oneOf: ['start', 'path'] } }];
  const square = { shape: 'square', size: 110, filled: false, stroke: '#000000', strokeWidth: 1.6 };
  return chart(withStep(words, step), [...panelRows({ title: 'landscape', grid }, step), ...rows], {
    width: 420,
    height: 420,
    layer: [
      fieldLayer(both, 'fill', { range: ['#ffffff', '#9a9a9a'] }, 120),
      contourLayer(both, '#777777'),
      {
        transform: steps,
        mark: { type: 'line', strokeWidth: 2, clip: true },
        encoding: { ...both, color, order: { field: 'update', type: 'quantitative' } },
      },
      {
        transform: steps,
        mark: { type: 'point', filled: true, size: 45, opacity: 1, clip: true },
        encoding: {
          ...both,
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
      { transform: only('start'), mark: { type: 'point', ...square }, encoding: both },
      starLayer(both),
    ],
  });
}
