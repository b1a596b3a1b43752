/** The charts that several figures and tables share, as functions of rows. */
import { linesWithPoints, rowsWithMeans as meansAndPoints } from './layers.js';
import type { Chart } from './spec.js';
import { VEGA_LITE_SCHEMA } from './spec.js';
import { ORDERED_SCHEME, PALETTE, REFERENCE_COLOR, THEME } from './theme.js';

type Encoding = Readonly<Record<string, unknown>>;
type ChartRow = Readonly<Record<string, unknown>>;

/** What every chart has around its marks. */
export interface ChartWords {
  /** Ends up in file names: letters, digits, hyphens. */
  readonly name: string;
  readonly title: string;
  readonly subtitle?: string | readonly string[];
}

/** A chart of rows: `body` is what its Vega-Lite specification has besides title, data and looks. */
export function chart(
  { name, title, subtitle }: ChartWords,
  values: readonly ChartRow[],
  body: object,
): Chart {
  return {
    name,
    title,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: title,
      title: subtitle === undefined ? title : { text: title, subtitle },
      config: THEME,
      data: { values },
      ...body,
    },
  };
}

/** Six digits: all that a plot can show, and stored notebooks stay small. */
export function sixDigits(value: number): number {
  return Number(value.toPrecision(6));
}

/** A nominal colour by a field, in the order of the names, its legend below. */
export function colorBy(field: string, names: readonly string[]): Encoding {
  const legend = { title: null, orient: 'bottom' };
  return { field, type: 'nominal', scale: { domain: names, range: PALETTE }, legend };
}

/** A quantity against a number that an experiment varies: a point a row, a line through the means, a colour a group. */
export function againstNumber(
  words: ChartWords,
  values: readonly ChartRow[],
  {
    x,
    y,
    group,
    groups,
    format = '.2f',
    fromZero = false,
  }: {
    readonly x: { readonly field: string; readonly title: string };
    readonly y: { readonly field: string; readonly title: string };
    readonly group: string;
    readonly groups: readonly string[];
    readonly format?: string;
    readonly fromZero?: boolean;
  },
): Chart {
  const xs = [...new Set(values.map((row) => Number(row[x.field])))].sort((a, b) => a - b);
  const color = colorBy(group, groups);
  return chart(words, values, {
    width: 380,
    height: 240,
    layer: linesWithPoints({
      x: {
        ...x,
        type: 'quantitative',
        scale: { domain: [xs[0] - 0.5, xs[xs.length - 1] + 0.5], nice: false },
        axis: { values: xs, format: 'd' },
      },
      y: { ...y, type: 'quantitative', scale: { zero: fromZero } },
      color,
      shape: { field: group, type: 'nominal', scale: { domain: groups }, legend: color.legend },
      tooltip: [
        { field: group },
        { field: x.field, title: x.title },
        { field: 'seed' },
        { field: y.field, title: y.title, format },
      ],
    }),
  });
}

/** A quantity by name: a row a name, a point a measurement, a bar at their mean; with `panels`, one for each of its names. */
export function rowsWithMeans(
  words: ChartWords,
  values: readonly ChartRow[],
  {
    x,
    row,
    color,
    tooltip,
    panels,
  }: {
    readonly x: Encoding;
    readonly row: { readonly field: string; readonly names: readonly string[] };
    readonly color: Encoding;
    readonly tooltip: readonly Encoding[];
    readonly panels?: { readonly field: string; readonly names: readonly string[] };
  },
): Chart {
  const layer = meansAndPoints({
    x: { ...x, type: 'quantitative', scale: { zero: false, nice: true } },
    y: { field: row.field, type: 'nominal', title: null, sort: row.names, axis: { grid: true } },
    color,
    tooltip,
  });
  if (!panels) return chart(words, values, { width: 380, height: { step: 22 }, layer });
  return chart(words, values, {
    facet: { field: panels.field, type: 'nominal', title: null, sort: panels.names },
    columns: Math.min(panels.names.length, 2),
    resolve: { scale: { x: 'independent' } },
    spec: { width: 260, height: { step: 20 }, layer },
  });
}

/** One quantity against another: a labelled point a row; with `spread`, a line from one field to another through it. */
export function labelledPoints(
  words: ChartWords,
  values: readonly ChartRow[],
  {
    x,
    y,
    color,
    label,
    tooltip,
    spread,
    panels,
    size,
    point = {},
    text = {},
  }: {
    readonly x: Encoding;
    readonly y: Encoding;
    readonly color: Encoding;
    readonly label: string;
    readonly tooltip: readonly Encoding[];
    readonly spread?: { readonly low: string; readonly high: string };
    readonly panels?: { readonly field: string; readonly names: readonly string[] };
    readonly size: { readonly width: number; readonly height: number };
    /** Of the marks, what is not the same in every such chart. */
    readonly point?: object;
    readonly text?: object;
  },
): Chart {
  const place = {
    x: { type: 'quantitative', ...x },
    y: { type: 'quantitative', ...y },
  };
  const layer = [
    ...(spread
      ? [
          {
            mark: { type: 'rule', strokeWidth: 1.5 },
            encoding: { ...place, y: { ...place.y, field: spread.low }, y2: { field: spread.high }, color },
          },
        ]
      : []),
    {
      mark: { type: 'point', filled: true, size: 60, opacity: 1, ...point },
      encoding: { ...place, color, tooltip },
    },
    {
      mark: { type: 'text', align: 'left', dx: 7, ...text },
      encoding: { ...place, text: { field: label } },
    },
  ];
  if (!panels) return chart(words, values, { ...size, layer });
  return chart(words, values, {
    facet: { field: panels.field, type: 'nominal', title: null, sort: panels.names },
    columns: 2,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: { ...size, layer },
  });
}

/** Quantities along a search or a training: a line through the means and a band over all rows, a colour a group. */
export function trends(
  words: ChartWords,
  values: readonly ChartRow[],
  {
    x,
    y,
    group,
    groups,
    points,
    panels,
    lines,
  }: {
    readonly x: Encoding;
    readonly y: Encoding & { readonly field: string };
    readonly group: string;
    readonly groups: readonly string[];
    /** What is said of the points, if every row has one. */
    readonly points?: { readonly tooltip: readonly Encoding[] } | undefined;
    readonly panels?: { readonly field: string; readonly names: readonly string[] } | undefined;
    /** Reference lines: dashed across x, dotted across y. */
    readonly lines: { readonly x?: number | undefined; readonly y?: number | undefined };
  },
): Chart {
  const legend = { title: null, orient: 'bottom', symbolOpacity: 1, symbolStrokeWidth: 2 };
  const color = {
    field: group,
    type: 'nominal',
    scale: { domain: groups, range: PALETTE.slice(0, groups.length) },
    legend,
  };
  const along = { type: 'quantitative', ...x };
  const measured = { type: 'quantitative', ...y };
  const rule = (mark: object, encoding: object): object => ({
    mark: { type: 'rule', color: REFERENCE_COLOR, ...mark },
    data: { values: [{}] },
    encoding,
  });
  const layer = [
    ...(lines.x === undefined ? [] : [rule({ strokeDash: [5, 4], opacity: 0.7 }, { x: { datum: lines.x } })]),
    ...(lines.y === undefined ? [] : [rule({ strokeDash: [2, 3] }, { y: { datum: lines.y } })]),
    {
      mark: { type: 'area', opacity: 0.16 },
      encoding: {
        x: along,
        y: { ...measured, aggregate: 'min' },
        y2: { field: y.field, aggregate: 'max' },
        color,
      },
    },
    {
      mark: { type: 'line', strokeWidth: 2.2 },
      encoding: { x: along, y: { ...measured, aggregate: 'mean' }, color },
    },
    ...(points
      ? [
          {
            mark: { type: 'point', filled: true, size: 55, opacity: 0.8 },
            encoding: {
              x: along,
              y: measured,
              color,
              shape: { field: group, type: 'nominal', scale: { domain: groups }, legend },
              tooltip: points.tooltip,
            },
          },
        ]
      : []),
  ];
  const size = { width: panels ? 250 : 400, height: 230 };
  if (!panels) return chart(words, values, { ...size, layer });
  return chart(words, values, {
    facet: { field: panels.field, type: 'nominal', title: null, sort: panels.names },
    spec: { ...size, layer },
  });
}

/** A dashed line across a panel with what it stands for written above it. It has data of its own: one mark a panel. */
function referenceLayers(at: number, text: string): object[] {
  const data = { values: [{}] };
  const color = REFERENCE_COLOR;
  const place = { align: 'left', baseline: 'bottom', dx: 4, dy: -3 };
  return [
    { data, mark: { type: 'rule', strokeDash: [5, 4], color }, encoding: { y: { datum: at } } },
    {
      data,
      mark: { type: 'text', ...place, color, fontSize: 11 },
      encoding: { y: { datum: at }, x: { value: 0 }, text: { value: text } },
    },
  ];
}

/** At most five round numbers up to the last. */
function roundTicks(end: number): number[] {
  const step = Math.ceil(end / 5);
  return Array.from({ length: Math.floor(end / step) }, (_, i) => (i + 1) * step);
}

/**
 * Small multiples of one quantity over epochs, a column and a row of panels by two fields, colour and shape by an ordered
 * number: thin lines for each seed, thick ones and points for their means.
 */
export function smallMultiples(
  words: ChartWords,
  values: readonly ChartRow[],
  {
    x,
    y,
    color: { field: ordered, names: counts },
    columns,
    rows,
    also,
  }: {
    readonly x: { readonly field: string; readonly most: number };
    readonly y: {
      readonly field: string;
      readonly title: string;
      readonly most: number;
      readonly ticks?: readonly number[] | undefined;
      readonly reference?: { readonly at: number; readonly text: string } | undefined;
    };
    readonly color: { readonly field: string; readonly names: readonly number[] };
    readonly columns: { readonly field: string; readonly names: readonly string[] };
    readonly rows: { readonly field: string; readonly names: readonly string[] };
    /** Further quantities in the tooltips, means as well. */
    readonly also: readonly Encoding[];
  },
): Chart {
  const across = {
    field: x.field,
    type: 'quantitative',
    title: x.field,
    scale: { domain: [1, x.most], nice: false },
    axis: { values: roundTicks(x.most), format: 'd' },
  };
  const measured = {
    field: y.field,
    type: 'quantitative',
    title: y.title,
    scale: { domain: [0, y.most], nice: false },
    axis: y.ticks ? { values: y.ticks } : { tickCount: 6 },
  };
  const color = {
    field: ordered,
    type: 'ordinal',
    scale: { domain: counts, scheme: ORDERED_SCHEME },
    legend: { title: ordered, symbolOpacity: 1 },
  };
  // Nominal: Vega-Lite warns of shapes for an ordered field; the colours carry the order.
  const shape = { field: ordered, type: 'nominal', scale: { domain: counts }, legend: { title: ordered } };
  const mean = { ...measured, aggregate: 'mean' };
  const facet = ({ field, names }: typeof columns): Encoding => ({
    field,
    type: 'nominal',
    sort: names,
    title: null,
  });
  const tooltip = [
    ...[columns.field, rows.field, ordered, x.field].map((field) => ({ field })),
    { field: y.field, aggregate: 'mean', title: y.title, format: '.3f' },
    ...also.map((each) => ({ ...each, aggregate: 'mean' })),
  ];
  return chart(words, values, {
    facet: { column: facet(columns), row: facet(rows) },
    spec: {
      width: 200,
      height: 170,
      layer: [
        {
          mark: { type: 'line', strokeWidth: 1, opacity: 0.45, clip: true },
          encoding: { x: across, y: measured, color, detail: { field: 'seed' } },
        },
        { mark: { type: 'line', strokeWidth: 2.2, clip: true }, encoding: { x: across, y: mean, color } },
        {
          mark: { type: 'point', filled: true, size: 42, opacity: 1 },
          encoding: { x: across, y: mean, color, shape, tooltip },
        },
        ...(y.reference ? referenceLayers(y.reference.at, y.reference.text) : []),
      ],
    },
  });
}
