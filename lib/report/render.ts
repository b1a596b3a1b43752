import type * as Vega from 'vega';
import type * as VegaLite from 'vega-lite';
import { ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import type { ChartSpec } from './spec.js';
import { svgPng, textWidth } from './svg.js';

/** What Vega's typings leave out of what it exports for programs like this one. */
interface VegaInternals {
  /** Ids inside an SVG are numbered from a global counter. */
  resetSVGDefIds(): void;
  /** Without a canvas Vega guesses widths, far too large; it takes another function in place of its own. */
  textMetrics: { width: (item: TextItem, text: unknown) => number };
}

const loadVega = lazily<typeof Vega & VegaInternals>('vega');
const loadVegaLite = lazily<typeof VegaLite>('vega-lite');

interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

/** The width of an item's text in the bundled font. */
function itemWidth({ fontSize = 11, fontWeight }: TextItem, text: unknown): number {
  if (typeof text !== 'string' && typeof text !== 'number') return 0;
  const bold = fontWeight === 'bold' || Number(fontWeight) >= 600;
  return textWidth(String(text), bold) * fontSize;
}

/**
 * The chart as SVG. The same specification gives the same text on every machine: widths are those of the bundled
 * fonts.
 *
 * @throws {ZartsError} for a number in its data that is not finite, and for anything that Vega or Vega-Lite complain of.
 */
export async function chartSvg(spec: ChartSpec): Promise<string> {
  const name = typeof spec.description === 'string' ? spec.description : 'unnamed';
  refuseNonFinite(spec, name, '');
  const vega = loadVega();
  vega.textMetrics.width = itemWidth;
  // Everything Vega and Vega-Lite warn of means that part of a chart is left out or not what was asked for.
  const logger = vega.logger(vega.Warn, undefined, (_method, _level, parts: Iterable<unknown>) => {
    throw new ZartsError(`The chart "${name}" cannot be drawn: ${Array.from(parts, String).join(' ')}`);
  });
  vega.resetSVGDefIds();
  const { spec: compiled } = loadVegaLite().compile(spec as unknown as VegaLite.TopLevelSpec, { logger });
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Pictures of charts that are shown again, by what they are drawn from. */
const drawn = new WeakMap<ChartSpec, Buffer>();

/**
 * The chart as PNG, two pixels a unit, drawn with the bundled fonts alone: the same bytes on every machine.
 *
 * @throws {ZartsError} as {@link chartSvg}.
 */
export async function chartPng(spec: ChartSpec): Promise<Buffer> {
  const png = drawn.get(spec) ?? svgPng(await chartSvg(spec));
  drawn.set(spec, png);
  return png;
}

/** JSON has no NaN: it would become null without a word, and the chart a gap. */
function refuseNonFinite(value: unknown, chart: string, at: string): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new ZartsError(`The chart "${chart}" holds ${value} at ${at}; every number in it must be finite.`);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [field, inner] of Object.entries(value)) {
    refuseNonFinite(inner, chart, at === '' ? field : `${at}.${field}`);
  }
}
