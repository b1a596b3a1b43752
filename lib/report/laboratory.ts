/**
 * What the solver laboratory of the report page computes and draws: the solvers of lib/solvers on a loss over a plane, as
 * functions of what the reader chose. ./browser/laboratory.ts puts it on the page.
 */
import { axisTicks, gridMinimum } from '../analysis/landscape.js';
import type { LossGrid } from '../analysis/landscape.js';
import { quadratic, rosenbrock } from '../analysis/toy.js';
import { foldIn, key } from '../math/random.js';
import { measuredStep } from '../solvers/alpha-step.js';
import { MGS_DENSITIES } from '../solvers/mgs.js';
import { createSolver, ZERO_ORDER } from '../solvers/registry.js';
import type { SolverSpec } from '../solvers/registry.js';
import { contourLines, niceStep } from './contours.js';
import { fixed } from './format.js';

/** A loss that the reader can choose: measured points, and a surface through them. */
export interface LabSurface {
  readonly title: string;
  readonly grid: LossGrid;
  /** What the two axes are. */
  readonly axes: readonly [string, string];
}

/** A place in the plane. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** First-order DARTS, which follows the gradient: what the zero-order solvers are seen beside. */
const GRADIENT = 'gradient';

/** What the reader chose. */
export interface LabChoice {
  /** A zero-order solver's id, or "gradient". */
  readonly solver: string;
  /** The solver's settings that have a {@link LabControl}. */
  readonly settings: Readonly<Record<string, number | string>>;
  readonly start: Place;
  readonly seed: number;
  readonly updates: number;
}

/** A setting that is chosen on the page. */
export interface LabControl {
  readonly name: string;
  /** The paper's letter or word. */
  readonly label: string;
  readonly value: number | string;
  /** Of a number: its bounds, between which a slider moves by factors; or words, of which one is chosen. */
  readonly among: readonly [low: number, high: number] | readonly string[];
  readonly integer?: boolean;
}

const isRange = (among: LabControl['among']): among is readonly [number, number] =>
  typeof among[0] === 'number';

/** Whether a control is a slider. */
export function isSlider(
  control: LabControl,
): control is LabControl & { readonly among: readonly [number, number]; readonly value: number } {
  return isRange(control.among);
}

type Asked = readonly [name: string, label: string, ...LabControl['among']];

/** Settings of each solver that are worth turning, with the range in which something happens on these surfaces. */
const ASKED: Readonly<Partial<Record<string, readonly Asked[]>>> = {
  mgs: [
    ['samples', 'N, candidates', 1, 64],
    ['sigma', 'σ, standard deviation of the proposal', 1e-3, 1],
    ['tau', 'τ, temperature (nats)', 1e-4, 10],
    ['density', 'density in the weights', ...MGS_DENSITIES],
  ],
  rs: [
    ['samples', 'N, directions', 1, 64],
    ['mu', 'μ, smoothing', 1e-3, 1],
    ['xi', 'ξ, step size', 1e-3, 10],
  ],
  gld: [
    ['radiusMax', 'R, largest radius', 1e-2, 2],
    ['radiusMin', 'r, smallest radius', 1e-4, 1e-2],
  ],
  'random-alpha': [
    ['samples', 'N, draws', 1, 64],
    ['scale', 'standard deviation of the draws', 1e-2, 2],
  ],
};

/** How many times larger and smaller than its default a setting may be of which nothing else is known. */
const SPAN = 30;

/** Every solver with its name and its controls, at the library's defaults. */
export function labSolvers(): readonly {
  readonly id: string;
  readonly title: string;
  readonly controls: readonly LabControl[];
}[] {
  const zeroOrder = ZERO_ORDER.map(({ id, title, defaults: typed }) => {
    const defaults = typed as Readonly<Record<string, unknown>>;
    const numbers = Object.entries(defaults).filter(([, value]) => typeof value === 'number' && value > 0);
    const asked =
      ASKED[id] ??
      numbers.map(([name, value]): Asked => [name, name, Number(value) / SPAN, Number(value) * SPAN]);
    const controls = asked.map(([name, label, ...among]): LabControl => {
      const value = defaults[name] as number | string;
      return { name, label, value, among, ...(name === 'samples' ? { integer: true } : {}) };
    });
    return { id, title: title === id ? `${id} search` : title, controls };
  });
  const step = { name: 'step', label: 'step size', value: 1, among: [1e-3, 10] } as const;
  return [...zeroOrder, { id: GRADIENT, title: 'DARTS, first order (gradient descent)', controls: [step] }];
}

/** Surfaces that need no measurement. */
export function toySurfaces(): LabSurface[] {
  const axes = ['α₁', 'α₂'] as const;
  const sampled = (title: string, points: number, lossAt: (x: number, y: number) => number): LabSurface => {
    const ticks = axisTicks(points, 1.5);
    return {
      title,
      axes,
      grid: { xs: ticks, ys: ticks, losses: ticks.map((y) => ticks.map((x) => lossAt(x, y))) },
    };
  };
  const [bowl, valley] = [quadratic(2), rosenbrock()];
  return [
    sampled('a toy function: a bowl', 31, (x, y) => bowl.loss(Float64Array.of(x, y))),
    sampled(
      'a toy function: Rosenbrock’s valley ÷ 100',
      61,
      (x, y) => valley.loss(Float64Array.of(x, y)) / 100,
    ),
  ];
}

/** A place between two ticks: the lower one's index, and how far it is to the next, 0 to 1. Beyond the ends, the end. */
function between(ticks: readonly number[], at: number): { readonly index: number; readonly share: number } {
  const last = ticks.length - 2;
  const index = Math.min(
    last,
    Math.max(
      0,
      ticks.findLastIndex((tick) => tick <= at),
    ),
  );
  const share = (at - ticks[index]) / (ticks[index + 1] - ticks[index]);
  return { index, share: Math.min(1, Math.max(0, share)) };
}

/** The corners of the cell of a grid that a place lies in. */
function cellAt({ xs, ys, losses }: LossGrid, { x, y }: Place) {
  const [column, row] = [between(xs, x), between(ys, y)];
  const [lower, upper] = [losses[row.index], losses[row.index + 1]];
  const corners = [
    lower[column.index],
    lower[column.index + 1],
    upper[column.index],
    upper[column.index + 1],
  ];
  return { corners, column, row };
}

/** The loss at a place: bilinear between the measured points; beyond the grid, that of the nearest place on its border. */
export function lossAt(grid: LossGrid, place: Place): number {
  const { corners, column, row } = cellAt(grid, place);
  const [a, b, c, d] = corners;
  const [lower, upper] = [a + (b - a) * column.share, c + (d - c) * column.share];
  return lower + (upper - lower) * row.share;
}

/** The gradient of {@link lossAt}; no slope leads out of the grid. */
export function gradientAt(grid: LossGrid, place: Place): readonly [number, number] {
  const { xs, ys } = grid;
  const { corners, column, row } = cellAt(grid, place);
  const [a, b, c, d] = corners;
  const inside = (at: number, ticks: readonly number[]): boolean =>
    at >= ticks[0] && at <= ticks[ticks.length - 1];
  const along = (b - a + (d - c - (b - a)) * row.share) / (xs[column.index + 1] - xs[column.index]);
  const across = (c - a + (d - b - (c - a)) * column.share) / (ys[row.index + 1] - ys[row.index]);
  return [inside(place.x, xs) ? along : 0, inside(place.y, ys) ? across : 0];
}

/** A point that a solver asked for. */
export interface Candidate extends Place {
  readonly loss: number;
  /** c_i of Eq. 10, of a solver that weighs its candidates; else null. */
  readonly weight: number | null;
}

/** One update of α on a surface. */
export interface LabStep {
  readonly from: Place;
  readonly to: Place;
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly candidates: readonly Candidate[];
  /** N_e and R_e of a solver that weighs its candidates; else null. */
  readonly effective: { readonly ess: number; readonly esr: number } | null;
  readonly stayed: boolean;
}

/**
 * The path that a solver takes from the start, by the library's own solvers: update i draws from the i-th key of the seed,
 * as the paths of Fig. 1 do. It ends early where it leads beyond all numbers.
 *
 * @throws {SolverError} for settings out of range.
 */
export function labPath(grid: LossGrid, { solver, settings, start, seed, updates }: LabChoice): LabStep[] {
  const move =
    solver === GRADIENT
      ? gradientStep(Number(settings.step))
      : solverStep({ kind: solver, ...settings } as SolverSpec);
  const steps: LabStep[] = [];
  let from = start;
  for (let i = 0; i < updates; i++) {
    const step = { from, lossBefore: lossAt(grid, from), ...move(grid, from, seed, i) };
    if (!Number.isFinite(step.to.x) || !Number.isFinite(step.to.y)) break;
    steps.push({ ...step, lossAfter: lossAt(grid, step.to) });
    from = step.to;
  }
  return steps;
}

type Move = (
  grid: LossGrid,
  from: Place,
  seed: number,
  update: number,
) => Pick<LabStep, 'to' | 'candidates' | 'effective' | 'stayed'>;

function gradientStep(size: number): Move {
  return (grid, { x, y }) => {
    const [gx, gy] = gradientAt(grid, { x, y });
    const to = { x: x - size * gx, y: y - size * gy };
    return { to, candidates: [], effective: null, stayed: gx === 0 && gy === 0 };
  };
}

/** What MGS says of its step besides what every solver says. */
interface Weighing {
  readonly weights?: ArrayLike<number>;
  readonly ess?: number;
  readonly esr?: number;
}

function solverStep(spec: SolverSpec): Move {
  const solver = createSolver(spec);
  return (grid, from, seed, update) => {
    const state = { ...solver.init(Float64Array.of(from.x, from.y)), step: update };
    const gradient = solver.needsGradient ? { gradient: Float64Array.from(gradientAt(grid, from)) } : {};
    const context = { key: foldIn(key(seed), update), ...gradient };
    const told = measuredStep(solver, state, context, ([x, y]) => lossAt(grid, { x, y }));
    const { weights, ess, esr } = told.diagnostics as Weighing;
    const candidates = told.asked.points.map(([x, y], i) => ({
      x,
      y,
      loss: told.losses[i],
      weight: weights?.[i] ?? null,
    }));
    const [x, y] = told.state.alpha;
    const effective = ess === undefined || esr === undefined ? null : { ess, esr };
    return { to: { x, y }, candidates, effective, stayed: told.diagnostics.stayed };
  };
}

// ---- Drawing: SVG in units of a map 400 wide; currentColor is the page's ink, --accent its colour ----

/** The side of the map, in units of the drawing. */
export const MAP_SIDE = 400;

/** Where a place is drawn on the map, and back. */
export function mapScale({ xs, ys }: LossGrid) {
  const [x0, x1, y0, y1] = [xs[0], xs[xs.length - 1], ys[0], ys[ys.length - 1]];
  return {
    left: (x: number): number => ((x - x0) / (x1 - x0)) * MAP_SIDE,
    top: (y: number): number => ((y1 - y) / (y1 - y0)) * MAP_SIDE,
    place: (left: number, top: number): Place => ({
      x: x0 + (left / MAP_SIDE) * (x1 - x0),
      y: y1 - (top / MAP_SIDE) * (y1 - y0),
    }),
  };
}

/** A hundredth of a unit is enough. (./svg.ts has the same, with what it needs of Node.) */
const coordinate = (value: number): string => String(Math.round(value * 100) / 100);

const text = (words: string, x: number, y: number, end = false): string =>
  `<text x="${x}" y="${y}" font-size="12" fill="currentColor"${end ? ' text-anchor="end"' : ''}>${words}</text>`;

const points = (places: readonly Place[], { left, top }: ReturnType<typeof mapScale>): string =>
  places.map(({ x, y }) => `${coordinate(left(x))},${coordinate(top(y))}`).join(' ');

/** Contours on the map. */
const CONTOURS = 14;

/** The surface: shades, darker where the loss is higher, contours, and a cross at the smallest measured loss. */
export function surfaceMap({ grid }: LabSurface): string {
  const { xs, ys, losses } = grid;
  const scale = mapScale(grid);
  const lowest = gridMinimum(grid);
  const range = Math.max(...losses.flat()) - lowest.loss;
  const half = { x: (xs[1] - xs[0]) / 2, y: (ys[1] - ys[0]) / 2 };
  const shades = ys.flatMap((y, row) =>
    xs.map((x, column) => {
      const share = range === 0 ? 0 : (losses[row][column] - lowest.loss) / range;
      const [left, top] = [scale.left(x - half.x), scale.top(y + half.y)];
      const [width, height] = [scale.left(x + half.x) - left, scale.top(y - half.y) - top];
      return `<rect x="${coordinate(left)}" y="${coordinate(top)}" width="${coordinate(width)}" height="${coordinate(height)}" fill-opacity="${(0.35 * Math.sqrt(share)).toFixed(3)}"/>`;
    }),
  );
  const step = range === 0 ? 1 : niceStep(range, CONTOURS);
  const levels = Array.from({ length: Math.ceil(range / step) }, (_, k) => lowest.loss + (k + 0.5) * step);
  const contours = levels
    .flatMap((level) => contourLines(grid, level))
    .map(
      (line) =>
        `<polyline points="${points(
          line.map(([x, y]) => ({ x, y })),
          scale,
        )}"/>`,
    );
  const [left, top] = [scale.left(lowest.x), scale.top(lowest.y)];
  return [
    `<g fill="currentColor">${shades.join('')}</g>`,
    `<g fill="none" stroke="currentColor" stroke-opacity="0.45">${contours.join('')}</g>`,
    `<path d="M${coordinate(left - 7)},${coordinate(top)}h14M${coordinate(left)},${coordinate(top - 7)}v14" stroke="currentColor" stroke-width="2.5"/>`,
  ].join('');
}

/** The path so far, the candidates of one update with their weights as areas, and where it led. */
export function pathMap(
  { grid }: LabSurface,
  start: Place,
  steps: readonly LabStep[],
  shown: number,
): string {
  const scale = mapScale(grid);
  const at = ({ x, y }: Place): string =>
    `cx="${coordinate(scale.left(x))}" cy="${coordinate(scale.top(y))}"`;
  const way = [start, ...steps.map(({ to }) => to)];
  const step = steps.at(shown);
  const asked = (step?.candidates ?? []).map((candidate) => {
    const radius = candidate.weight === null ? 4 : 2.5 + 9 * Math.sqrt(candidate.weight);
    return `<circle ${at(candidate)} r="${coordinate(radius)}"/>`;
  });
  const end = step?.to ?? start;
  const [left, top] = [scale.left(start.x), scale.top(start.y)];
  return [
    `<polyline points="${points(way, scale)}" fill="none" stroke="var(--accent)" stroke-width="2.5"/>`,
    ...way.slice(1).map((place) => `<circle ${at(place)} r="3" fill="var(--accent)"/>`),
    `<g fill="var(--other)" fill-opacity="0.45" stroke="var(--other)">${asked.join('')}</g>`,
    `<circle ${at(end)} r="7" fill="none" stroke="var(--accent)" stroke-width="2.5"/>`,
    `<rect x="${coordinate(left - 8)}" y="${coordinate(top - 8)}" width="16" height="16" fill="var(--paper)" stroke="currentColor" stroke-width="2.5"/>`,
  ].join('');
}

/** Size of the charts beside the map. */
export const CHART = { width: 400, height: 130 } as const;
const PLOT = { left: 46, right: 8, top: 24, bottom: 24 } as const;
const plotWidth = CHART.width - PLOT.left - PLOT.right;
const plotHeight = CHART.height - PLOT.top - PLOT.bottom;

/** A chart's frame: title above, the largest value and 0 at the left. */
function frame(title: string, most: string, body: string): string {
  const bottom = PLOT.top + plotHeight;
  return [
    text(title, 0, 14),
    text(most, PLOT.left - 6, PLOT.top + 8, true),
    text('0', PLOT.left - 6, bottom, true),
    `<path d="M${PLOT.left},${PLOT.top}V${bottom}H${CHART.width - PLOT.right}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>`,
    body,
  ].join('');
}

/** The weights c_i of one update as bars, largest first, with the line 1/N that they would all reach if every one counted the same. */
export function weightsChart(step: LabStep | undefined): string {
  const weights = (step?.candidates ?? []).flatMap(({ weight }) => weight ?? []).sort((a, b) => b - a);
  if (weights.length === 0) {
    return text('This solver does not weigh its candidates.', 0, 14);
  }
  const width = plotWidth / weights.length;
  const bottom = PLOT.top + plotHeight;
  const bars = weights.map((weight, i) => {
    const height = weight * plotHeight;
    return `<rect x="${coordinate(PLOT.left + i * width + width * 0.1)}" y="${coordinate(bottom - height)}" width="${coordinate(width * 0.8)}" height="${coordinate(height)}"/>`;
  });
  const equal = coordinate(bottom - plotHeight / weights.length);
  return frame(
    'weights cᵢ, largest first; dashed: 1/N',
    '1',
    `<g fill="var(--other)">${bars.join('')}</g><path d="M${PLOT.left},${equal}H${CHART.width - PLOT.right}" stroke="currentColor" stroke-dasharray="5 4"/>`,
  );
}

/** N_e by update, for a solver that weighs its candidates; else the loss above the smallest measured one. */
export function updatesChart({ grid }: LabSurface, steps: readonly LabStep[], shown: number): string {
  const { loss: lowest } = gridMinimum(grid);
  const weighs = steps.some(({ effective }) => effective !== null);
  const values = steps.map(({ effective, lossAfter }) =>
    weighs ? (effective?.ess ?? 0) : lossAfter - lowest,
  );
  const most = weighs ? (steps[0]?.candidates.length ?? 1) : Math.max(...values, 1e-12);
  const x = (i: number): number => PLOT.left + (plotWidth * (i + 0.5)) / Math.max(1, steps.length);
  const y = (value: number): number => PLOT.top + plotHeight * (1 - Math.min(1, Math.max(0, value / most)));
  const line = values.map((value, i) => `${coordinate(x(i))},${coordinate(y(value))}`).join(' ');
  const dots = values.map(
    (value, i) =>
      `<circle cx="${coordinate(x(i))}" cy="${coordinate(y(value))}" r="${i === shown ? 6 : 3}"/>`,
  );
  return frame(
    weighs
      ? 'effective candidates Nₑ by update; top: N'
      : 'loss above the smallest measured one, by update (nats)',
    weighs ? String(most) : most.toPrecision(2),
    `<g fill="var(--accent)"><polyline points="${line}" fill="none" stroke="var(--accent)" stroke-width="2"/>${dots.join('')}</g>`,
  );
}

/** An update in words. */
export function stepText(steps: readonly LabStep[], shown: number): string {
  const step = steps.at(shown);
  if (!step) return 'The path has no update: it leads beyond all numbers.';
  const { effective, candidates, lossBefore, lossAfter, stayed } = step;
  const weighed = effective
    ? ` Nₑ = ${fixed(effective.ess, 2)} of ${candidates.length} (Rₑ = ${fixed(effective.esr, 2)}).`
    : '';
  const moved = stayed ? 'α stays' : `loss ${fixed(lossBefore, 4)} → ${fixed(lossAfter, 4)}`;
  return `Update ${shown + 1} of ${steps.length}: ${moved}.${weighed}`;
}

/** The text of a slider's value. */
export function valueText({ integer }: LabControl, value: number): string {
  return integer ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
