/** Landscapes as charts: heat maps with contours, and paths on them. */
import { gridMinimum } from '../analysis/landscape.js';
import type { LossGrid } from '../analysis/landscape.js';
import { chart, colorBy, layerOf, panelsBy, pointsOf, quantitative, shapeBy } from './charts.js';
import { sixDigits as round } from './charts.js';
import type { ChartWords, Encoding } from './charts.js';
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
export const STAR = `M${Array.from({ length: 10 }, (_, i) => {
  const radius = i % 2 === 0 ? 1 : 0.42;
  const angle = (Math.PI * i) / 5;
  return `${(radius * Math.sin(angle)).toFixed(3)},${(-radius * Math.cos(angle)).toFixed(3)}`;
}).join('L')}Z`;
export const STAR_COLOR = '#D55E00';

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
  const titles = axisTitles(panels);
  const [x, y] = (['x', 'y'] as const).map((field, i) => {
    const ticks = panels.flatMap(({ grid }) => grid[`${field}s`]);
    const scale = { domain: [Math.min(...ticks), Math.max(...ticks)], nice: false, zero: false };
    const axis = { grid: false, tickCount: 5, labelFlush: false };
    return quantitative({ field, title: titles[i] }, { scale, axis });
  });
  return { x, y };
}

type Axes = ReturnType<typeof axes>;

/** A layer of the rows of some kinds. */
function only(kinds: readonly string[], layer: Encoding): Encoding {
  const [kind] = kinds;
  const filter = { field: 'kind', ...(kinds.length > 1 ? { oneOf: kinds } : { equal: kind }) };
  return { transform: [{ filter }], ...layer };
}

/** A quantity in a tooltip. */
function shown(field: string, format: string, title?: string): Encoding {
  return quantitative({ field, ...(title === undefined ? {} : { title }) }, { format });
}

/** The fields, coloured by how far above the minimum they are. */
function fieldLayer({ x, y }: Axes, color: Encoding, gradientLength: number, more: Encoding = {}): Encoding {
  const legend = { title: ['loss above the', 'minimum (nats)'], gradientLength };
  const [[channel, scale]] = Object.entries(color);
  const above = quantitative({ field: 'above' }, { scale, legend });
  const encoding = { x, x2: { field: 'x2' }, y, y2: { field: 'y2' }, [channel]: above, ...more };
  return only(['field'], layerOf('rect', { clip: true }, encoding));
}

function contourLayer(axes: Axes, color: string): Encoding {
  const look = { strokeWidth: 0.9, color, opacity: 0.75, interpolate: 'linear', clip: true };
  const detail = { field: 'line', type: 'nominal' };
  const order = quantitative({ field: 'order' });
  return only(['contour'], layerOf('line', look, { ...axes, detail, order }));
}

function starLayer(axes: Axes): Encoding {
  const look = { shape: STAR, fill: STAR_COLOR, stroke: '#ffffff', strokeWidth: 1 };
  const tooltip = [shown('x', '.2f'), shown('y', '.2f'), shown('loss', '.4f', 'smallest loss (nats)')];
  return only(['minimum'], pointsOf(190, 1, { ...axes, tooltip }, look));
}

/**
 * Landscapes side by side: colour and contours show the loss above each one's own minimum (the star), on one scale for all,
 * so that denser contours are a sharper landscape.
 */
export function landscapeChart(words: ChartWords, panels: readonly LandscapePanel[]): Chart {
  const step = commonStep(panels.map(({ grid }) => grid));
  const both = axes(panels);
  // Light where the loss is low, dark where it is high; in print the order of greys is the order of losses.
  const color = { scheme: { name: 'viridis', extent: [1, 0.3] } };
  const tooltip = [shown('loss', '.4f', 'loss (nats)'), shown('above', '.4f', 'above the minimum')];
  const layer = [
    fieldLayer(both, { color }, 160, { tooltip }),
    contourLayer(both, '#1a1a1a'),
    starLayer(both),
  ];
  const layered = { width: 250, height: 250, layer };
  const facet = panelsBy({ field: 'panel', names: panels.map(({ title }) => title) });
  // A star on the border moves no axis.
  const faceted = { facet, columns: 3, spacing: 34, bounds: 'flush', spec: layered };
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
  const legend = { title: null, symbolOpacity: 1 };
  const color = colorBy({ field: 'path', names }, legend, PALETTE.slice(0, names.length));
  const shape = shapeBy('path', names, { title: null });
  const order = quantitative({ field: 'update' });
  const tooltip = [{ field: 'path' }, order, shown('x', '.3f'), shown('y', '.3f')];
  const square = { shape: 'square', size: 110, filled: false, stroke: '#000000', strokeWidth: 1.6 };
  const layer = [
    fieldLayer(both, { fill: { range: ['#ffffff', '#9a9a9a'] } }, 120),
    contourLayer(both, '#777777'),
    only(['start', 'path'], layerOf('line', { strokeWidth: 2, clip: true }, { ...both, color, order })),
    only(['start', 'path'], pointsOf(45, 1, { ...both, color, shape, tooltip }, { clip: true })),
    only(['start'], layerOf('point', square, both)),
    starLayer(both),
  ];
  const all = [...panelRows({ title: 'landscape', grid }, step), ...rows];
  return chart(withStep(words, step), all, { width: 420, height: 420, layer });
}
