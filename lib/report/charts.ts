/**
 * The charts that several figures and tables share, as functions of rows: layers of marks, in one panel or in one for each
 * name.
 */
import type { Chart } from './spec.js';
import { VEGA_LITE_SCHEMA } from './spec.js';
import { ORDERED_SCHEME, PALETTE, REFERENCE_COLOR, THEME } from './theme.js';

/** What a channel of a mark shows, or any other part of a Vega-Lite specification. */
export type Encoding = Readonly<Record<string, unknown>>;
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

// ---- What charts are made of ----

/** Six digits: all that a plot can show, and stored notebooks stay small. */
export function sixDigits(value: number): number {
  return Number(value.toPrecision(6));
}

/** A field of numbers, and what the reader sees beside its axis. */
export interface Quantity {
  readonly field: string;
  readonly title: string;
}

/** Names that are told apart by a field: by colours and shapes, or by panels. */
export interface Names {
  readonly field: string;
  readonly names: readonly string[];
}

/** A quantity along an axis. @param more  Its scale and axis, where they are not Vega-Lite's own. */
export function quantitative(quantity: Encoding | Quantity, more: Encoding = {}): Encoding {
  return { type: 'quantitative', ...quantity, ...more };
}

/** The mean of a quantity over the rows that have the rest in common. */
export function meanOver(quantity: Encoding): Encoding {
  return { ...quantity, aggregate: 'mean' };
}

const BELOW = { title: null, orient: 'bottom' } as const;

/** Names by colour, in their order. */
export function colorBy(
  { field, names }: Names,
  legend: Encoding = BELOW,
  range: readonly string[] = PALETTE,
): Encoding {
  return { field, type: 'nominal', scale: { domain: names, range }, legend };
}

/** Names by the shape of points, in their order. */
export function shapeBy(field: string, domain: readonly (string | number)[], legend: Encoding = BELOW) {
  return { field, type: 'nominal', scale: { domain }, legend };
}

/** Numbers in order by colour, from light to dark. */
export function orderBy(
  field: string,
  domain: readonly (string | number)[],
  legend: Encoding | null,
): Encoding {
  return { field, type: 'ordinal', scale: { domain, scheme: ORDERED_SCHEME }, legend };
}

/** A layer: marks of a kind, how they look, and what each of their channels shows. */
export function layerOf(type: string, look: Encoding, encoding: object): Encoding {
  return { mark: { type, ...look }, encoding };
}

/** A layer of filled points. */
export function pointsOf(size: number, opacity: number, encoding: object, look: Encoding = {}): Encoding {
  return layerOf('point', { filled: true, size, opacity, ...look }, encoding);
}

/** A facet's encoding: panels in the order of the names. */
export function panelsBy({ field, names }: Names): Encoding {
  return { field, type: 'nominal', title: null, sort: names };
}

/** One panel, or one for each name. @param more  What such panels have besides. */
function panelled(panel: Encoding, names: Names | undefined, more: Encoding = {}): Encoding {
  return names ? { facet: panelsBy(names), ...more, spec: panel } : panel;
}

/** Panels side by side. @param ownY  Whether each has a scale of its own. */
export function inColumns(names: Names, spec: Encoding, ownY = false): Encoding {
  return {
    facet: { column: panelsBy(names) },
    spec,
    ...(ownY ? { resolve: { scale: { y: 'independent' } } } : {}),
  };
}

/**
 * A dashed line across a panel and what it stands for, written over it or, where that is said, under it. It has data of its
 * own: one mark a panel.
 */
export function referenceLine(at: number, text?: string, under = false): object[] {
  const data = { values: [{}] };
  const color = REFERENCE_COLOR;
  const y = { datum: at };
  const line = { data, ...layerOf('rule', { strokeDash: [5, 4], color }, { y }) };
  if (text === undefined) return [line];
  const place = under ? { baseline: 'top', dx: 4, dy: 4 } : { baseline: 'bottom', dx: 4, dy: -3 };
  const words = { align: 'left', ...place, color, fontSize: 11 };
  return [line, { data, ...layerOf('text', words, { y, x: { value: 0 }, text: { value: text } }) }];
}

// ---- Charts ----

/** Characters of a legend that fit below a panel in one line. */
const LINE = 60;

/**
 * A quantity against a number that an experiment varies: a point a row, a line through the means, a colour a group; with
 * `panels`, one for each of its names.
 */
export function againstNumber(
  words: ChartWords,
  values: readonly ChartRow[],
  plot: {
    readonly x: Quantity;
    readonly y: Quantity;
    readonly group: string;
    readonly groups: readonly string[];
    readonly format?: string;
    readonly fromZero?: boolean;
    readonly panels?: Names;
  },
): Chart {
  const { group, groups, format = '.2f', fromZero = false, panels } = plot;
  const xs = [...new Set(values.map((row) => Number(row[plot.x.field])))].sort((a, b) => a - b);
  const x = quantitative(plot.x, {
    scale: { domain: [xs[0] - 0.5, xs[xs.length - 1] + 0.5], nice: false },
    axis: { values: xs, format: 'd' },
  });
  const y = quantitative(plot.y, { scale: { zero: fromZero } });
  // Long names stand in two columns: side by side they would make the picture wider than its panel.
  const isLong = groups.join('').length > LINE;
  const legend = isLong ? { ...BELOW, columns: 2, labelLimit: 0 } : BELOW;
  const color = colorBy({ field: group, names: groups }, legend);
  const tooltip = [{ field: group }, plot.x, { field: 'seed' }, { ...plot.y, format }];
  const layer = [
    layerOf('line', { strokeWidth: 2 }, { x, y: meanOver(y), color }),
    pointsOf(60, 0.8, { x, y, color, shape: shapeBy(group, groups, legend), tooltip }),
  ];
  return chart(words, values, panelled({ width: panels ? 250 : 380, height: 240, layer }, panels));
}

/** Test errors by name: a row a name, a point a network, a bar at their mean; with `panels`, one for each of its names. */
export function errorsByName(
  words: ChartWords,
  values: readonly ChartRow[],
  { row, color, panels }: { readonly row: Names; readonly color: Encoding; readonly panels?: Names },
): Chart {
  const x = quantitative(
    { field: 'error', title: 'test error (%)' },
    { scale: { zero: false, nice: true }, ...(panels ? {} : { axis: { tickCount: 6 } }) },
  );
  const y = { ...panelsBy(row), axis: { grid: true } };
  const tooltip = [
    { field: row.field },
    ...(panels ? [{ field: panels.field }] : []),
    { field: 'seed' },
    { field: 'error', format: '.2f' },
    { field: 'parameters', format: ',d' },
  ];
  const layer = [
    layerOf('tick', { thickness: 3, size: 16 }, { x: meanOver(x), y, color }),
    pointsOf(55, 0.75, { x, y, color, tooltip }),
  ];
  const size = panels ? { width: 260, height: { step: 20 } } : { width: 380, height: { step: 22 } };
  const columns = Math.min(panels?.names.length ?? 1, 2);
  const resolve = { scale: { x: 'independent' } };
  return chart(words, values, panelled({ ...size, layer }, panels, { columns, resolve }));
}

/** One quantity against another: a labelled point a row; with `spread`, a line from one field to another through it. */
export function labelledPoints(
  words: ChartWords,
  values: readonly ChartRow[],
  plot: {
    readonly x: Encoding;
    readonly y: Encoding;
    readonly color: Encoding;
    readonly label: string;
    readonly tooltip: readonly Encoding[];
    readonly spread?: { readonly low: string; readonly high: string };
    readonly panels?: Names;
    readonly size: { readonly width: number; readonly height: number };
    /** Of the marks, what is not the same in every such chart. */
    readonly point?: Encoding;
    readonly text?: Encoding;
  },
): Chart {
  const { color, label, tooltip, spread, panels, size, point, text } = plot;
  const [x, y] = [quantitative(plot.x), quantitative(plot.y)];
  const from = spread && { x, y: { ...y, field: spread.low }, y2: { field: spread.high }, color };
  const layer = [
    ...(from ? [layerOf('rule', { strokeWidth: 1.5 }, from)] : []),
    pointsOf(60, 1, { x, y, color, tooltip }, point),
    layerOf('text', { align: 'left', dx: 7, ...text }, { x, y, text: { field: label } }),
  ];
  const resolve = { scale: { x: 'independent', y: 'independent' } };
  return chart(words, values, panelled({ ...size, layer }, panels, { columns: 2, resolve }));
}

/**
 * A quantity `y` over the epochs of searches: a line through the means and a band over all of them, a colour a method; or
 * through the medians and over the middle half, for what has two humps. Dashes across x; dots across y, where something printed
 * can be compared.
 */
export function alongSearches(
  words: ChartWords,
  values: readonly ChartRow[],
  plot: {
    readonly title: string;
    readonly methods: readonly string[];
    readonly epochs: number;
    /** Whether every row has a point of its own. */
    readonly points?: boolean;
    readonly panels?: Names | undefined;
    /** Whether `y` is a count. */
    readonly counts?: boolean;
    readonly humps?: boolean;
    readonly dashes: number;
    readonly dots?: number | false | undefined;
  },
): Chart {
  const {
    title,
    methods,
    epochs,
    points = false,
    panels,
    counts = false,
    humps = false,
    dashes,
    dots,
  } = plot;
  const legend = { ...BELOW, symbolOpacity: 1, symbolStrokeWidth: 2 };
  const color = colorBy({ field: 'method', names: methods }, legend, PALETTE.slice(0, methods.length));
  const x = quantitative(
    { field: 'epoch', title: 'epoch of the search' },
    {
      scale: { domain: [0, epochs], nice: false },
      axis: { format: 'd', tickCount: 6, tickMinStep: 1 },
    },
  );
  const y = quantitative(
    { field: 'y', title },
    {
      // Accuracies and sizes differ in their last digits; a count of none is a value like others.
      scale: { zero: counts, nice: true },
      ...(counts ? { axis: { format: 'd', tickMinStep: 1 } } : {}),
    },
  );
  const across = (look: Encoding, encoding: object): Encoding => ({
    ...layerOf('rule', { color: REFERENCE_COLOR, ...look }, encoding),
    data: { values: [{}] },
  });
  const [low, middle, high] = humps ? ['q1', 'median', 'q3'] : ['min', 'mean', 'max'];
  const band = { x, y: { ...y, aggregate: low }, y2: { field: 'y', aggregate: high }, color };
  const fields = ['method', 'seed', 'epoch'].map((field) => ({ field }));
  const tooltip = [...fields, { field: 'y', title, format: '.2f' }];
  const shape = shapeBy('method', methods, legend);
  const layer = [
    across({ strokeDash: [5, 4], opacity: 0.7 }, { x: { datum: dashes } }),
    ...(typeof dots === 'number' ? [across({ strokeDash: [2, 3] }, { y: { datum: dots } })] : []),
    layerOf('area', { opacity: 0.16 }, band),
    layerOf('line', { strokeWidth: 2.2 }, { x, y: { ...y, aggregate: middle }, color }),
    ...(points ? [pointsOf(55, 0.8, { x, y, color, shape, tooltip })] : []),
  ];
  return chart(words, values, panelled({ width: panels ? 250 : 400, height: 230, layer }, panels));
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
  plot: {
    readonly x: { readonly field: string; readonly most: number };
    readonly y: Quantity & {
      readonly most: number;
      readonly ticks?: readonly number[] | undefined;
      readonly reference?: { readonly at: number; readonly text: string } | undefined;
    };
    readonly color: { readonly field: string; readonly names: readonly number[] };
    readonly columns: Names;
    readonly rows: Names;
    /** Further quantities in the tooltips, means as well. */
    readonly also: readonly Encoding[];
  },
): Chart {
  const { columns, rows, also } = plot;
  const { field, title, most, ticks, reference } = plot.y;
  const { field: ordered, names: counts } = plot.color;
  const x = quantitative(
    { field: plot.x.field, title: plot.x.field },
    {
      scale: { domain: [1, plot.x.most], nice: false },
      axis: { values: roundTicks(plot.x.most), format: 'd' },
    },
  );
  const y = quantitative(
    { field, title },
    { scale: { domain: [0, most], nice: false }, axis: ticks ? { values: ticks } : { tickCount: 6 } },
  );
  const color = orderBy(ordered, counts, { title: ordered, symbolOpacity: 1 });
  // Nominal: Vega-Lite warns of shapes for an ordered field; the colours carry the order.
  const shape = shapeBy(ordered, counts, { title: ordered });
  const tooltip = [
    ...[columns.field, rows.field, ordered, plot.x.field].map((each) => ({ field: each })),
    ...[{ field, title, format: '.3f' }, ...also].map(meanOver),
  ];
  const seeds = { x, y, color, detail: { field: 'seed' } };
  const means = { x, y: meanOver(y), color };
  const layer = [
    layerOf('line', { strokeWidth: 1, opacity: 0.45, clip: true }, seeds),
    layerOf('line', { strokeWidth: 2.2, clip: true }, means),
    pointsOf(42, 1, { ...means, shape, tooltip }),
    ...(reference ? referenceLine(reference.at, reference.text) : []),
  ];
  const facet = { column: panelsBy(columns), row: panelsBy(rows) };
  return chart(words, values, { facet, spec: { width: 200, height: 170, layer } });
}
