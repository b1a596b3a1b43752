/** What every picture is drawn with: the bundled fonts, the widths of texts in them, PNG from SVG. */
import path from 'node:path';
import type * as ResvgPackage from '@resvg/resvg-js';
import { lazily } from '../lazy.js';
import { escapeHtml } from './table.js';
import { FONT, THEME } from './theme.js';

const loadResvg = lazily<typeof ResvgPackage>('@resvg/resvg-js');

/** Pixels in a PNG for each unit of the picture: legible on a dense screen and in print. */
export const PIXEL_RATIO = 2;

const fontFolder = path.dirname(require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'));

/** The bundled fonts and no others. */
const FONT_OPTIONS = {
  loadSystemFonts: false,
  fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) => path.join(fontFolder, file)),
  defaultFontFamily: FONT,
  sansSerifFamily: FONT,
};

const widths = new Map<string, number>();

/** The width of a text of size 1 in the bundled font, measured by the renderer that draws it. */
export function textWidth(text: string, bold = false): number {
  const weight = bold ? 'bold' : 'normal';
  const key = `${weight} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    const drawn = `<text y="100" font-family="${FONT}" font-size="100" font-weight="${weight}">${escapeHtml(text)}</text>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${drawn}</svg>`;
    const { Resvg } = loadResvg();
    const box = new Resvg(svg, { font: FONT_OPTIONS }).getBBox();
    width = box ? (box.x + box.width) / 100 : 0;
    widths.set(key, width);
  }
  return width;
}

/** A coordinate as text: a hundredth of a pixel is enough, and keeps it short and free of rounding's last bits. */
export function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** How a text of a picture looks. */
export interface TextLook {
  readonly size: number;
  readonly color: string;
  readonly bold?: boolean;
  /** What of it stands at its place: the start when left out. */
  readonly anchor?: 'middle' | 'end';
}

/** A text at a place. */
export function svgText(
  words: string,
  { x, y }: { readonly x: number; readonly y: number },
  { size, color, bold = false, anchor }: TextLook,
): string {
  const weight = bold ? ' font-weight="bold"' : '';
  const anchored = anchor ? ` text-anchor="${anchor}"` : '';
  return `<text x="${coordinate(x)}" y="${coordinate(y)}" font-size="${size}" fill="${color}"${weight}${anchored}>${escapeHtml(words)}</text>`;
}

/** A whole picture, self-contained but for its font, which it names with fallbacks. @param description  For machines. */
export function svgPicture(
  { width, height }: { readonly width: number; readonly height: number },
  title: string,
  body: string,
  description = '',
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${THEME.font}">`,
    `<title>${escapeHtml(title)}</title><desc>${escapeHtml(description)}</desc>`,
    `<rect width="${width}" height="${height}" fill="${THEME.background}"/>`,
    body,
    '</svg>\n',
  ].join('\n');
}

/**
 * The SVG as PNG, drawn with the bundled fonts alone: the same bytes on every machine.
 *
 * @param widest  Pixels that it may be wide at most; {@link PIXEL_RATIO} pixels a unit where that leaves it free.
 */
export function svgPng(svg: string, widest = Infinity): Buffer {
  const units = Number(/^<svg [^>]*?width="([\d.]+)"/.exec(svg)?.[1] ?? 0);
  const value = units * PIXEL_RATIO > widest ? widest / units : PIXEL_RATIO;
  const { Resvg } = loadResvg();
  return new Resvg(svg, { fitTo: { mode: 'zoom', value }, font: FONT_OPTIONS }).render().asPng();
}
