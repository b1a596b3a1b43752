import type * as Danfo from 'danfojs-node';
import type * as Engine from '../engine/index.js';
import { ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import { wrap } from './format.js';

const loadDanfo = lazily<typeof Danfo>('danfojs-node');

/** A column of a {@link Table}. */
export interface Column {
  /** Field of the rows. */
  readonly key: string;
  /** What the reader sees above it. */
  readonly title: string;
  /** Numbers and what is compared stand right. Default: left. */
  readonly align?: 'left' | 'right';
  /** The field of the rows that says where the cell leads, in HTML. */
  readonly href?: string;
}

/** One row: a text or number for each column's key; null prints as "–". */
export type Row = Readonly<Record<string, string | number | null>>;

/** A table as plain data. Its cells are what the reader sees: rounding is done where the table is made. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Sentences below it. */
  readonly notes?: readonly string[];
}

function cells({ columns, rows, title }: Table): string[][] {
  return rows.map((row, i) =>
    columns.map(({ key }) => {
      if (!(key in row)) throw new ZartsError(`Row ${i} of the table "${title}" has no field "${key}".`);
      const value = row[key];
      if (typeof value === 'number' && !Number.isFinite(value)) {
        throw new ZartsError(`${key} in row ${i} of the table "${title}" is ${value}; it must be finite.`);
      }
      return value === null ? '–' : String(value);
    }),
  );
}

/** Columns that a text takes on a terminal: combining marks take none. */
function width(text: string): number {
  return [...text.normalize('NFC')].filter((char) => !/\p{Mark}/u.test(char)).length;
}

function pad(text: string, to: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, to - width(text)));
  return align === 'right' ? space + text : text + space;
}

/** Characters between two columns. */
const GAP = 2;

/** Characters that a column of text keeps at least where its cells are broken over lines. */
const LEAST_TEXT = 20;

/** Some of a table's columns with their cells, and the characters that each takes. */
interface Block {
  readonly columns: readonly Column[];
  readonly lines: readonly (readonly string[])[];
  readonly widths: readonly number[];
}

const widthOf = ({ widths }: Block): number => widths.reduce((sum, each) => sum + each + GAP, -GAP);

/** The block with its widest column of text narrowed so that the whole fits, if that can be. */
function narrowed(block: Block, to: number): Block {
  const over = widthOf(block) - to;
  const texts = block.widths.map((each, c) => (block.columns[c].align === 'right' ? 0 : each));
  const widest = texts.indexOf(Math.max(...texts));
  const width = texts[widest] - over;
  if (over <= 0 || width < LEAST_TEXT) return block;
  return { ...block, widths: block.widths.map((each, c) => (c === widest ? width : each)) };
}

/** The block in parts that fit side by side no longer, each with the first column. */
function parted({ columns, lines, widths }: Block, to: number): Block[] {
  const parts: number[][] = [];
  for (let c = 1; c < columns.length; c++) {
    const part = parts.at(-1);
    const taken = part?.reduce((sum, each) => sum + GAP + widths[each], 0) ?? Infinity;
    if (part !== undefined && taken + GAP + widths[c] <= to) part.push(c);
    else parts.push([0, c]);
  }
  return parts.map((part) => ({
    columns: part.map((c) => columns[c]),
    lines: lines.map((line) => part.map((c) => line[c])),
    widths: part.map((c) => widths[c]),
  }));
}

function blockText({ columns, lines, widths }: Block): string[] {
  const line = (texts: readonly string[]): string[] => {
    const broken = texts.map((text, c) => (width(text) > widths[c] ? wrap(text, widths[c]) : [text]));
    const height = Math.max(...broken.map(({ length }) => length));
    return Array.from({ length: height }, (_, i) =>
      broken
        .map((parts, c) => pad(parts[i] ?? '', widths[c], columns[c].align))
        .join(' '.repeat(GAP))
        .trimEnd(),
    );
  };
  return [
    ...line(columns.map(({ title }) => title)),
    widths.map((w) => '─'.repeat(w)).join(' '.repeat(GAP)),
    ...lines.flatMap(line),
  ];
}

/**
 * The table for a terminal: title, heads, a rule, rows, notes.
 *
 * @param to  Characters that a line may take: a column of text is broken over lines, and what is still too wide continues
 *            below, with the first column again. Any number when left out.
 * @throws {ZartsError} for a row without one of the columns, or a number that is not finite; so do the other renderers.
 */
export function textTable(table: Table, to = Infinity): string {
  const { columns, title, notes = [] } = table;
  const lines = cells(table);
  const widths = columns.map((column, c) =>
    Math.max(width(column.title), ...lines.map((line) => width(line[c]))),
  );
  const block = narrowed({ columns, lines, widths }, to);
  const blocks = widthOf(block) <= to || columns.length < 3 ? [block] : parted(block, to);
  const whole = (text: string): string[] => (to === Infinity ? [text] : wrap(text, to));
  return [
    ...whole(title),
    ...blocks.flatMap((each, i) => (i === 0 ? blockText(each) : ['', ...blockText(each)])),
    ...notes.flatMap(whole),
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The text with HTML's special characters escaped. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (char) => ENTITIES[char]);
}

/** Texts up to this many characters are not broken over lines: verdicts, intervals. */
const SHORT = 18;

/** The text as HTML, symbols with an index as they are set: N_e, R_e, L_val. */
export function wordsHtml(text: string): string {
  return escapeHtml(text).replaceAll(/\b([NRL])_(e|val)\b/g, '<i>$1</i><sub>$2</sub>');
}

/**
 * The table in HTML, to fold away by its title, without scripts or styles of its own but alignment: JupyterLab and code hosts
 * style it. What is wider than its place is scrolled.
 */
export function htmlTable(table: Table, { open = true }: { readonly open?: boolean } = {}): string {
  const { columns, title, notes = [] } = table;
  const cell = (tag: 'td' | 'th', text: string, c: number, to: Row[string] = null): string => {
    const shown =
      to === null ? wordsHtml(text) : `<a href="${escapeHtml(String(to))}">${wordsHtml(text)}</a>`;
    return `<${tag} style="text-align:${columns[c].align ?? 'left'}${text.length <= SHORT ? ';white-space:nowrap' : ''}">${shown}</${tag}>`;
  };
  const heads = columns.map((column, c) => cell('th', column.title, c)).join('');
  const rows = cells(table).map((texts, r) => {
    const row = texts.map((text, c) => cell('td', text, c, table.rows[r][columns[c].href ?? '']));
    return `<tr>${row.join('')}</tr>`;
  });
  return [
    `<details${open ? ' open' : ''}><summary><strong>${wordsHtml(title)}</strong></summary>`,
    `<div style="overflow-x:auto" role="group" tabindex="0" aria-label="${escapeHtml(title)}"><table><thead><tr>${heads}</tr></thead>`,
    `<tbody>${rows.join('')}</tbody></table></div>`,
    ...notes.map((note) => `<p>${wordsHtml(note)}</p>`),
    '</details>',
  ].join('\n');
}

/**
 * The rows as a danfo.js data frame, to filter, group and export in a notebook. Loads TensorFlow, which danfo.js builds on.
 *
 * @param rows  One or more rows with the same fields. A missing number becomes NaN, and the mean of a group with one is
 *              none: danfo.js would count null as 0. `frame.dropNa({ axis: 1 })` leaves such rows out. Groups of
 *              several columns fall together where the values joined by "-" are the same, and so do rows of `merge` by "_".
 * @throws {ZartsError} for no rows.
 */
export function dataFrame(rows: readonly Row[]): Danfo.DataFrame {
  if (rows.length === 0) throw new ZartsError('A data frame needs at least one row; there is none.');
  // danfo.js requires TensorFlow: the engine goes first, so that its choice of package and threads holds.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { device } = require('../engine/index.js') as typeof Engine;
  device();
  const columns = Object.keys(rows[0]);
  const numeric = new Set(columns.filter((name) => rows.some((row) => typeof row[name] === 'number')));
  const cell = (row: Row, name: string) => (row[name] === null && numeric.has(name) ? NaN : row[name]);
  return new (loadDanfo().DataFrame)(
    rows.map((row) => columns.map((name) => cell(row, name))),
    { columns },
  );
}

/**
 * A data frame as a table: its columns, numbers with `digits` significant digits and standing right.
 *
 * @throws {ZartsError} for a value that is neither text nor number.
 */
export function frameTable(frame: Danfo.DataFrame, title: string, digits = 4): Table {
  const names = frame.columns;
  const values = frame.values as unknown[][];
  const cell = (value: unknown): string | number | null => {
    if (value === null || value === undefined || Number.isNaN(value)) return null;
    if (typeof value === 'string') return value;
    if (typeof value !== 'number') throw new ZartsError(`The table "${title}" has a ${typeof value} in it.`);
    return Number.isInteger(value) ? value : Number(value.toPrecision(digits));
  };
  return {
    title,
    columns: names.map((name, c) => ({
      key: name,
      title: name,
      align: values.some((row) => typeof row[c] === 'number') ? 'right' : 'left',
    })),
    rows: values.map((row) => Object.fromEntries(names.map((name, c) => [name, cell(row[c])]))),
  };
}
