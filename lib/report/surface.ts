/**
 * Landscapes as surfaces: one that is turned with the mouse (a Plotly figure, which JupyterLab draws inline), and a drawing
 * of the same for readers without a kernel.
 */
import type * as Vega from 'vega';
import { gridMinimum } from '../analysis/landscape.js';
import type { LossGrid } from '../analysis/landscape.js';
import { sixDigits as round } from './charts.js';
import { lazily } from '../lazy.js';
import { niceStep } from './contours.js';
import { STAR, STAR_COLOR, axisTitles } from './landscape-chart.js';
import type { LandscapePanel } from './landscape-chart.js';
import type { PlotlyFigure, PlotlyTrace } from './plotly.js';
import { coordinate, svgPicture, svgText } from './svg.js';
import { escapeHtml } from './table.js';
import { FONT, PALETTE, THEME } from './theme.js';

/** The media type under which JupyterLab draws {@link PlotlyFigure}s. */
export const PLOTLY_TYPE = 'application/vnd.plotly.v1+json';

/** One surface among others. */
export interface SurfacePanel extends LandscapePanel {
  /** Ways over it, drawn in the interactive figure. */
  readonly paths?: readonly {
    readonly name: string;
    readonly points: readonly { readonly x: number; readonly y: number; readonly loss: number }[];
  }[];
}

/** Landscapes that can be turned, and the drawing that stands for them elsewhere. */
export interface Surface {
  /** Ends up in file names: letters, digits, hyphens. */
  readonly name: string;
  readonly title: string;
  readonly figure: PlotlyFigure;
  readonly svg: string;
}

const INK = '#222222';

const loadVega = lazily<typeof Vega>('vega');

/** The colour of a share of the highest loss: light where it is low, as in the charts. */
function heat(share: number): string {
  const viridis = loadVega().scheme('viridis') as (share: number) => string;
  return viridis(1 - 0.7 * Math.min(1, Math.max(0, share)));
}

/** Losses above the lowest of the grid. */
function above(grid: LossGrid): number[][] {
  const { loss: lowest } = gridMinimum(grid);
  return grid.losses.map((line) => line.map((loss) => loss - lowest));
}

/** How far above a surface points on it are drawn, as a share of the highest loss: it would hide half of them. */
const LIFT = 0.02;

/** Surfaces and the drawing of them, side by side, heights and colours on one scale. */
export function surface(name: string, title: string, panels: readonly SurfacePanel[]): Surface {
  const highest = Math.max(...panels.map(({ grid }) => Math.max(...above(grid).flat()))) || 1;
  return {
    name,
    title,
    figure: surfaceFigure(title, panels, highest),
    svg: surfaceDrawing(title, panels, highest),
  };
}

/** Panels in a line, at most: more of them are wider than a notebook. */
const ABREAST = 2;

/** How far the eye is from the middle, and how far above it. */
const EYE = { distance: 2.02, height: 1.05 } as const;

/** From where a surface is looked at. @param degrees  Turned from the first look. */
function cameraAt(degrees: number) {
  const angle = ((degrees - 57.3) * Math.PI) / 180;
  const [x, y] = [Math.cos(angle), Math.sin(angle)].map((share) => round(EYE.distance * share));
  return { eye: { x, y, z: EYE.height } };
}

/** Places of the slider around the figure. */
const TURNS = 24;

/** A slider that turns all panels together: with the mouse each is turned by itself. */
function turning(scenes: readonly string[]) {
  const steps = Array.from({ length: TURNS + 1 }, (_, i) => {
    const degrees = (360 * i) / TURNS;
    const cameras = scenes.map((scene) => [`${scene}.camera`, cameraAt(degrees)] as const);
    return { label: `${degrees}°`, method: 'relayout', args: [Object.fromEntries(cameras)] };
  });
  const currentvalue = { prefix: 'all turned by ', font: { size: 11, color: INK } };
  return {
    active: 0,
    steps,
    currentvalue,
    ticklen: 0,
    minorticklen: 0,
    font: { color: 'rgba(0,0,0,0)' },
    y: -0.08,
    len: 0.9,
    pad: { t: 20 },
  };
}

/** Surfaces side by side as a Plotly figure: the height is the loss above each one's own minimum, marked with a diamond. */
function surfaceFigure(heading: string, panels: readonly SurfacePanel[], highest: number): PlotlyFigure {
  const [xTitle, yTitle] = axisTitles(panels);
  const scenes = panels.map((_, i) => `scene${i === 0 ? '' : i + 1}`);
  const columns = Math.min(ABREAST, panels.length);
  const lines = Math.ceil(panels.length / columns);
  /** The place of a panel, in shares of the figure; the first line is the topmost. */
  const domain = (i: number) => {
    const [column, line] = [i % columns, Math.floor(i / columns)];
    return {
      x: [column / columns, (column + 1) / columns],
      y: [(lines - 1 - line) / lines, (lines - line) / lines],
    };
  };
  return {
    data: panels.flatMap((panel, i) => traces(panel, highest, scenes[i], i === panels.length - 1)),
    layout: {
      title: { text: escapeHtml(heading), x: 0 },
      font: { family: `${FONT}, Verdana, sans-serif`, size: 11 },
      width: 150 + Math.max(470, 420 * columns),
      height: 150 + 400 * lines,
      // Room for the colour bar, the legend and the slider: where Plotly.js has to make it, titles and scenes part.
      margin: { l: 10, r: 140, t: 70, b: 130 },
      legend: { orientation: 'h', y: -0.02, yanchor: 'top' },
      sliders: [turning(scenes)],
      annotations: panels.map(({ title }, i) => ({
        text: escapeHtml(title),
        x: domain(i).x[0] + 0.5 / columns,
        y: domain(i).y[1] - 0.05 / lines,
        // Left to itself it would hang to the left or right of the place.
        xanchor: 'center' as const,
        yanchor: 'bottom' as const,
        font: { size: 13 },
        xref: 'paper' as const,
        yref: 'paper' as const,
        showarrow: false,
      })),
      ...Object.fromEntries(
        scenes.map((scene, i): [string, object] => [
          scene,
          {
            domain: domain(i),
            xaxis: { title: { text: xTitle } },
            yaxis: { title: { text: yTitle } },
            zaxis: { title: { text: 'loss (nats)' }, range: [0, round(1.05 * highest)] },
            aspectmode: 'manual',
            aspectratio: { x: 1, y: 1, z: 0.6 },
            camera: cameraAt(0),
          },
        ]),
      ),
    },
    // No button that sends the figure to its makers' server; Plotly.js has one unless it is told not to.
    config: { displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: '' },
  };
}

/** A surface, its lowest point, and the ways over it. @param showscale  Whether the bar of colours stands beside it. */
function traces(
  { title, grid, paths = [] }: SurfacePanel,
  highest: number,
  scene: string,
  showscale: boolean,
): PlotlyTrace[] {
  const lowest = gridMinimum(grid);
  return [
    {
      type: 'surface',
      scene,
      name: title,
      x: grid.xs.map(round),
      y: grid.ys.map(round),
      z: above(grid).map((line) => line.map(round)),
      cmin: 0,
      cmax: round(highest),
      colorscale: Array.from({ length: 11 }, (_, i): [number, string] => [i / 10, heat(i / 10)]),
      showscale,
      colorbar: { title: { text: 'loss above<br>the minimum<br>(nats)' }, len: 0.7 },
      contours: { z: { show: true, usecolormap: false, color: '#1a1a1a', width: 1 } },
      opacity: paths.length > 0 ? 0.85 : 1,
      showlegend: false,
    },
    {
      type: 'scatter3d',
      scene,
      mode: 'markers',
      name: 'smallest loss',
      x: [round(lowest.x)],
      y: [round(lowest.y)],
      z: [round(LIFT * highest)],
      marker: { symbol: 'diamond', size: 6, color: STAR_COLOR, line: { color: '#ffffff', width: 1 } },
      showlegend: false,
    },
    ...paths.map(({ name, points }, p): PlotlyTrace => ({
      type: 'scatter3d',
      scene,
      mode: 'lines+markers',
      name,
      x: points.map(({ x }) => round(x)),
      y: points.map(({ y }) => round(y)),
      z: points.map(({ loss }) => round(loss - lowest.loss + LIFT * highest)),
      line: { color: PALETTE[p % PALETTE.length], width: 5 },
      marker: { color: PALETTE[p % PALETTE.length], size: 3 },
    })),
  ];
}

/** From where a drawing looks: degrees around the vertical axis, and above the plane. */
const VIEW = { azimuth: -60, elevation: 32 } as const;
/** Height of the highest loss, in units of half the grid's width. */
const HEIGHT = 1.1;
const PANEL = { width: 376, height: 310, scale: 108 } as const;
const MARGIN = { left: 6, top: 62, right: 120, bottom: 14 } as const;

type Triple = readonly [number, number, number];

/** Where a point of the box [−1, 1]² × [0, HEIGHT] is drawn, and how near it is to the viewer. */
function project([x, y, z]: Triple): { left: number; top: number; near: number } {
  const [a, e] = [VIEW.azimuth, VIEW.elevation].map((degrees) => (degrees * Math.PI) / 180);
  const right = -Math.sin(a) * x + Math.cos(a) * y;
  const away = Math.cos(a) * x + Math.sin(a) * y;
  const up = -Math.sin(e) * away + Math.cos(e) * z;
  return { left: right, top: -up, near: Math.cos(e) * away + Math.sin(e) * z };
}

/** Surfaces side by side as SVG, self-contained but for its font, by whose widths it is laid out. */
function surfaceDrawing(heading: string, panels: readonly SurfacePanel[], highest: number): string {
  const axes = axisTitles(panels);
  const width = MARGIN.left + panels.length * PANEL.width + MARGIN.right;
  const height = MARGIN.top + PANEL.height + MARGIN.bottom;
  const drawn = panels.map((panel, i) => {
    const [left, top] = [MARGIN.left + (i + 0.5) * PANEL.width, MARGIN.top + 0.62 * PANEL.height];
    const title = svgText(
      panel.title,
      { x: left, y: MARGIN.top - 8 },
      { size: 12, color: INK, anchor: 'middle' },
    );
    return title + `<g transform="translate(${left},${top})">${panelDrawing(panel, highest, axes)}</g>`;
  });
  const look = { size: THEME.title.fontSize, color: INK, bold: true };
  const top = svgText(heading, { x: MARGIN.left, y: 22 }, look);
  const scale = colorBar(width - MARGIN.right + 14, MARGIN.top + 40, highest);
  return svgPicture({ width, height }, heading, [top, ...drawn, scale].join(''));
}

/** The box, the surface's cells from the back to the front, and the star. */
function panelDrawing(
  { grid }: SurfacePanel,
  highest: number,
  [xTitle, yTitle]: readonly [string, string],
): string {
  const { xs, ys } = grid;
  const heights = above(grid);
  const unit = (ticks: readonly number[]) => {
    const [low, high] = [ticks[0], ticks[ticks.length - 1]];
    return (value: number): number => (2 * (value - low)) / (high - low) - 1;
  };
  const [toX, toY] = [unit(xs), unit(ys)];
  const at = (row: number, column: number): Triple => [
    toX(xs[column]),
    toY(ys[row]),
    (HEIGHT * heights[row][column]) / highest,
  ];
  const place = (point: Triple): [string, string] => {
    const { left, top } = project(point);
    return [coordinate(PANEL.scale * left), coordinate(PANEL.scale * top)];
  };
  const cells = ys.slice(1).flatMap((_, row) =>
    xs.slice(1).map((__, column) => {
      const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
      const mean = corners.reduce((sum, [, , z]) => sum + z, 0) / 4 / HEIGHT;
      const near = corners.reduce((sum, corner) => sum + project(corner).near, 0);
      return {
        near,
        svg: `<polygon points="${corners.map((corner) => place(corner).join()).join(' ')}" fill="${heat(mean)}" stroke="#1a1a1a" stroke-opacity="0.35" stroke-width="0.4" stroke-linejoin="round"/>`,
      };
    }),
  );
  cells.sort((a, b) => a.near - b.near);
  const line = (points: readonly Triple[], color: string): string => {
    const places = points.map((point) => place(point).join()).join(' ');
    return `<polyline points="${places}" fill="none" stroke="${color}" stroke-width="1"/>`;
  };
  const floor: Triple[] = [
    [-1, -1, 0],
    [1, -1, 0],
    [1, 1, 0],
    [-1, 1, 0],
  ];
  const [left, front, right, back] = floor;
  const [leftTop, , rightTop, backTop] = floor.map(([x, y]): Triple => [x, y, HEIGHT]);
  const walls = [
    [left, back, right],
    [leftTop, backTop, rightTop],
    [back, backTop],
    [right, rightTop],
  ].map((wall) => line(wall, '#bbbbbb'));
  const edges = line([leftTop, left, front, right], '#777777');
  const label = (point: Triple, words: string, dx: number, dy: number, anchor?: 'middle' | 'end'): string => {
    const { left, top } = project(point);
    const at = { x: PANEL.scale * left + dx, y: PANEL.scale * top + dy };
    return svgText(words, at, { size: 10, color: INK, ...(anchor ? { anchor } : {}) });
  };
  const ends = (ticks: readonly number[]): number[] => [ticks[0], 0, ticks[ticks.length - 1]];
  const shown = (value: number): string => String(round(value)).replace('-', '−');
  const ticks = [
    ...ends(xs).map((x) => label([toX(x), -1, 0], shown(x), -6, 16, 'end')),
    ...ends(ys).map((y) => label([1, toY(y), 0], shown(y), 8, 14)),
    ...levels(highest).map((z) => label([-1, -1, (HEIGHT * z) / highest], shown(z), -10, 3, 'end')),
    label([0, -1, 0], xTitle, -30, 38, 'middle'),
    label([1, 0, 0], yTitle, 14, 36),
  ];
  const { row, column } = gridMinimum(grid);
  const star = `<path transform="translate(${place(at(row, column)).join()}) scale(8)" d="${STAR}" fill="${STAR_COLOR}" stroke="#ffffff" stroke-width="0.12"/>`;
  return [...walls, ...cells.map(({ svg }) => svg), edges, ...ticks, star].join('');
}

/** Round heights from 0 up to the highest, about four. */
function levels(highest: number): number[] {
  const step = niceStep(highest, 4);
  return Array.from({ length: Math.floor(highest / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** What the colours mean. */
function colorBar(left: number, top: number, highest: number): string {
  const [width, height, steps] = [14, 150, 50];
  const rows = Array.from({ length: steps }, (_, i) => {
    const y = top + 30 + height - ((i + 1) * height) / steps;
    // Each row reaches under the one above it.
    return `<rect x="${left}" y="${coordinate(y)}" width="${width}" height="${coordinate(height / steps + 0.5)}" fill="${heat((i + 0.5) / steps)}"/>`;
  });
  const look = { size: 11, color: INK };
  const marks = levels(highest).map((value) => {
    const y = top + 34 + height - (value / highest) * height;
    return svgText(String(round(value)), { x: left + width + 5, y }, look);
  });
  const words = ['loss above the', 'minimum (nats)'].map((line, i) =>
    svgText(line, { x: left, y: top + 4 + 14 * i }, look),
  );
  return [...words, ...rows.reverse(), ...marks].join('');
}
