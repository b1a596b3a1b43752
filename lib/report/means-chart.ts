/** Charts of means over seeds with their intervals, against a number, in panels side by side. */
import { summarize } from '../analysis/statistics.js';
import {
  chart,
  colorBy,
  inColumns,
  layerOf,
  meanOver,
  orderBy,
  pointsOf,
  quantitative,
  shapeBy,
  sixDigits,
} from './charts.js';
import type { ChartWords, Encoding, Names, Quantity } from './charts.js';
import type { Chart } from './spec.js';
import { PALETTE, REFERENCE_COLOR } from './theme.js';

/** What is said of the marks of {@link meansChart}. */
export const INTERVALS = 'points: mean over seeds; bars: its 95 % interval';

/** A mean over seeds with its 95 % interval, for {@link meansChart}; a single seed has no interval. */
export function meanOf<R>(rows: readonly R[], value: (row: R) => number) {
  const { mean, interval, n } = summarize(rows.map(value));
  const [low, high] = interval ?? [mean, mean];
  return { value: sixDigits(mean), low: sixDigits(low), high: sixDigits(high), seeds: n };
}

/** One axis of a panel. */
export interface Axis extends Quantity {
  /** Values marked on a logarithmic axis. */
  readonly values?: readonly number[];
  readonly log?: boolean;
  readonly domain?: readonly number[];
  /** How numbers are written (d3-format); plain ones of a thousandth and more without it. */
  readonly format?: string;
}

/** The axis of a quantity that was varied: a mark for each value, with room at both ends. */
export function varied(field: string, title: string, values: readonly number[]): Axis {
  return { field, title, log: true, values, domain: [Math.min(...values) / 1.2, Math.max(...values) * 1.2] };
}

/** Plain numbers where they are short. */
const PLAIN = "format(datum.value, datum.value < 0.001 ? '~e' : '~g')";

/** A quantitative axis. */
export function axisOf({ field, title, values, log = false, domain, format }: Axis): Encoding {
  return quantitative(
    { field, title },
    {
      scale: { ...(log ? { type: 'log' } : {}), ...(domain ? { domain } : {}), nice: false },
      axis: {
        ...(values ? { values } : {}),
        // The default of a logarithmic axis leaves most ticks unlabelled.
        ...(log ? (format === undefined ? { labelExpr: PLAIN } : { format }) : {}),
        labelOverlap: 'greedy',
        labelFlush: false,
        grid: true,
      },
    },
  );
}

/** Names that are told apart by colour, in their order. */
export interface Series extends Names {
  readonly title?: string | null;
  /** What tooltips call it; its title when left out. */
  readonly tip?: string;
  readonly colors?: readonly string[];
  /** The names are numbers in order: colours from light to dark. */
  readonly ordered?: boolean;
}

/** A series' colours. */
export function colorOf({ title = null, colors = PALETTE, ordered = false, ...series }: Series): Encoding {
  const legend = { title, symbolOpacity: 1 };
  const { field, names } = series;
  const color = ordered
    ? orderBy(field, names, legend)
    : colorBy(series, legend, colors.slice(0, names.length));
  return { ...color, sort: null };
}

/** What {@link meansChart} shows. */
export interface MeansPlot extends ChartWords {
  /** A row a mark: {@link meanOf}, and the fields that are named below. */
  readonly points: readonly Readonly<Record<string, unknown> & { value: number; low: number }>[];
  readonly x: Axis;
  /** A logarithmic one without a domain holds the means. */
  readonly y: Omit<Axis, 'field'>;
  readonly series: Series;
  readonly columns?: Names;
  /** Lines are told apart by dashes too. */
  readonly dash?: Names & { readonly title: string; readonly pattern: readonly [number, number] };
  /** The field that lines follow in place of the means: what these should be. */
  readonly along?: string;
  /** The field that a dashed line of each series is level with. */
  readonly level?: string;
  /** In tooltips, after series and x and before the mean: a field, what it is called, how it is written. */
  readonly tips?: readonly (readonly [field: string, title?: string, format?: string])[];
  /** What tooltips call the mean. */
  readonly measured: string;
  readonly below?: readonly object[];
  readonly above?: readonly object[];
  /** Whether each panel has a scale of its own. */
  readonly ownY?: boolean;
}

/** A mean for each x as a point on a line, with its interval as a bar; colours and shapes by series. */
export function meansChart(plot: MeansPlot): Chart {
  const { points, series, columns, dash, along, level, tips = [], below = [], above = [], ownY } = plot;
  const means = points.flatMap((row) => [row.value, along === undefined ? row.value : Number(row[along])]);
  const around = [Math.min(...means) / 1.7, Math.max(...means) * 1.7].map(sixDigits);
  // On a logarithmic axis a bar that reaches zero or below runs off the panel instead.
  const values = plot.y.log
    ? points.map((row) => ({ ...row, low: Math.max(row.low, row.value / 1000) }))
    : points;
  const x = axisOf(plot.x);
  const y = axisOf({ ...(plot.y.log ? { domain: around } : {}), ...plot.y, field: 'value' });
  const color = colorOf(series);
  const { field, names, title = null, tip = title ?? field } = series;
  const shape = { ...shapeBy(field, names, { title }), sort: null };
  const dashes = dash && {
    field: dash.field,
    type: 'nominal',
    sort: null,
    scale: { domain: dash.names, range: [[1, 0], dash.pattern] },
    legend: { title: dash.title, symbolStrokeColor: REFERENCE_COLOR },
  };
  const shown: NonNullable<MeansPlot['tips']> = [
    [field, tip],
    [plot.x.field, plot.x.title],
    ...tips,
    ['value', plot.measured, '.4~g'],
    ['low', 'low', '.4~g'],
    ['high', 'high', '.4~g'],
    ['seeds'],
  ];
  const tooltip = shown.map(([each, what = each, format]) => ({
    field: each,
    title: what,
    ...(format ? { format } : {}),
  }));
  const line = { x, y: { ...y, field: along ?? 'value' }, color, ...(dashes ? { strokeDash: dashes } : {}) };
  const limit = level === undefined ? [] : [meanOver(quantitative({ field: level, title: plot.y.title }))];
  const bar = { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color };
  const layer = [
    ...below,
    ...limit.map((at) => layerOf('rule', { strokeDash: [5, 4], strokeWidth: 1.2 }, { y: at, color })),
    layerOf('line', { strokeWidth: 1.8, clip: true }, line),
    layerOf('rule', { strokeWidth: 1.6, clip: true }, bar),
    pointsOf(48, 1, { x, y, color, shape, tooltip }, { clip: true }),
    ...above,
  ];
  const body = columns
    ? inColumns(columns, { width: 250, height: 210, layer }, ownY)
    : { width: 420, height: 230, layer };
  return chart(plot, values, body);
}
