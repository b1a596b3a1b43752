/** The charts that several figures and tables share, as functions of rows. */
import { linesWithPoints, rowsWithMeans } from './layers.js';
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

/** Panels by a field, in the order of the names. */
export interface Panels {
  readonly field: string;
  readonly names: readonly string[];
}

/** A facet's encoding. */
export function panelsBy({ field, names }: Panels): Encoding {
  return { field, type: 'nominal', title: null, sort: names };
}

/** Test errors by name: a row a name, a point a network, a bar at their mean; with `panels`, one for each of its names. */
export function errorsByName(
  words: ChartWords,
  values: readonly ChartRow[],
  { row, color, panels }: { readonly row: Panels; readonly color: Encoding; readonly panels?: Panels },
): Chart {
  const layer = rowsWithMeans({
    x: {
      field: 'error',
      type: 'quantitative',
      title: 'test error (%)',
      scale: { zero: false, nice: true },
      ...(panels ? {} : { axis: { tickCount: 6 } }),
    },
    y: { ...panelsBy(row), axis: { grid: true } },
    color,
    tooltip: [
      { field: row.field },
      ...(panels ? [{ field: panels.field }] : []),
      { field: 'seed' },
      { field: 'error', format: '.2f' },
      { field: 'parameters', format: ',d' },
    ],
  });
  if (!panels) return chart(words, values, { width: 380, height: { step: 22 }, layer });
  return chart(words, values, {
    facet: panelsBy(panels),
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
    label,
    spread,
    panels,
    size,
    point,
    text,
    ...shown
  }: {
    readonly x: Encoding;
    readonly y: Encoding;
    readonly color: Encoding;
    readonly label: string;
    readonly tooltip: readonly Encoding[];
    readonly spread?: { readonly low: string; readonly high: string };
    readonly panels?: Panels;
    readonly size: { readonly width: number; readonly height: number };
    /** Of the marks, what is not the same in every such chart. */
    readonly point?: object;
    readonly text?: object;
  },
): Chart {
  const place = { x: { type: 'quantitative', ...x }, y: { type: 'quantitative', ...y } };
  const layer: object[] = [
    {
      mark: { type: 'point', filled: true, size: 60, opacity: 1, ...point },
      encoding: { ...place, ...shown },
    },
    {
      mark: { type: 'text', align: 'left', dx: 7, ...text },
      encoding: { ...place, text: { field: label } },
    },
  ];
  if (spread) {
    const from = { ...place, y: { ...place.y, field: spread.low }, y2: { field: spread.high } };
    layer.unshift({
      mark: { type: 'rule', strokeWidth: 1.5 },
      encoding: { ...from, color: shown.color },
    });
  }
  if (!panels) return chart(words, values, { ...size, layer });
  return chart(words, values, {
    facet: panelsBy(panels),
    columns: 2,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: { ...size, layer },
  });
}

/**
 * A quantity `y` over the epochs of searches: a line through the means and a band over all of them, a colour a method.
 * Dashes across x; dots across y, where something printed can be compared.
 */
export function alongSearches(
  words: ChartWords,
  values: readonly ChartRow[],
  {
    title,
    methods,
    epochs,
    points = false,
    panels,
    dashes,
    dots,
  }: {
    readonly title: string;
    readonly methods: readonly string[];
    readonly epochs: number;
    /** Whether every row has a point of its own. */
    readonly points?: boolean;
    /** Panels are of counts. */
    readonly panels?: Panels | undefined;
    readonly dashes: number;
    readonly dots?: number | false | undefined;
  },
): Chart {
  const legend = { title: null, orient: 'bottom', symbolOpacity: 1, symbolStrokeWidth: 2 };
  const scale = { domain: methods, range: PALETTE.slice(0, methods.length) };
  const color = { field: 'method', type: 'nominal', scale, legend };
  const shape = { field: 'method', type: 'nominal', scale: { domain: methods }, legend };
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch of the search',
    scale: { domain: [0, epochs], nice: false },
    axis: { format: 'd', tickCount: 6, tickMinStep: 1 },
  };
  const y = {
    field: 'y',
    type: 'quantitative',
    title,
    // Accuracies and sizes differ in their last digits; a count of none is a value like others.
    scale: { zero: panels !== undefined, nice: true },
    ...(panels ? { axis: { format: 'd', tickMinStep: 1 } } : {}),
  };
  const rule = (mark: object, encoding: object): object => ({
    mark: { type: 'rule', color: REFERENCE_COLOR, ...mark },
    data: { values: [{}] },
    encoding,
  });
  const [lowest, mean] = ['min', 'mean'].map((aggregate) => ({ ...y, aggregate }));
  const highest = { field: 'y', aggregate: 'max' };
  const fields = ['method', 'seed', 'epoch'].map((field) => ({ field }));
  const tooltip = [...fields, { field: 'y', title, format: '.2f' }];
  const point = { type: 'point', filled: true, size: 55, opacity: 0.8 };
  const layer = [
    rule({ strokeDash: [5, 4], opacity: 0.7 }, { x: { datum: dashes } }),
    ...(typeof dots === 'number' ? [rule({ strokeDash: [2, 3] }, { y: { datum: dots } })] : []),
    { mark: { type: 'area', opacity: 0.16 }, encoding: { x, y: lowest, y2: highest, color } },
    { mark: { type: 'line', strokeWidth: 2.2 }, encoding: { x, y: mean, color } },
    ...(points ? [{ mark: point, encoding: { x, y, color, shape, tooltip } }] : []),
  ];
  const size = { width: panels ? 250 : 400, height: 230 };
  return chart(
    words,
    values,
    panels ? { facet: panelsBy(panels), spec: { ...size, layer } } : { ...size, layer },
  );
}

/**
 * A dashed line across a panel and what it stands for, written over it or, where that is said, under it. It has data of its
 * own: one mark a panel.
 */
export function referenceLine(at: number, text?: string, under = false): object[] {
  const data = { values: [{}] };
  const color = REFERENCE_COLOR;
  const y = { datum: at };
  const place = under ? { baseline: 'top', dx: 4, dy: 4 } : { baseline: 'bottom', dx: 4, dy: -3 };
  const words = { type: 'text', align: 'left', ...place, color, fontSize: 11 };
  const line = { data, mark: { type: 'rule', strokeDash: [5, 4], color }, encoding: { y } };
  if (text === undefined) return [line];
  return [line, { data, mark: words, encoding: { y, x: { value: 0 }, text: { value: text } } }];
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
    readonly columns: Panels;
    readonly rows: Panels;
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
  const tooltip = [
    ...[columns.field, rows.field, ordered, x.field].map((field) => ({ field })),
    { field: y.field, aggregate: 'mean', title: y.title, format: '.3f' },
    ...also.map((each) => ({ ...each, aggregate: 'mean' })),
  ];
  return chart(words, values, {
    facet: { column: panelsBy(columns), row: panelsBy(rows) },
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
        ...(y.reference ? referenceLine(y.reference.at, y.reference.text) : []),
      ],
    },
  });
}
