import type * as Danfo from 'danfojs-node';
import type * as Engine from '../engine/index.js';
import { ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';

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

/**
 * The table for a terminal: title, heads, a rule, rows, notes.
 *
 * @throws {ZartsError} for a row without one of the columns, or a number that is not finite; so do the other renderers.
 */
export function textTable(table: Table): string {
  const { columns, title, notes = [] } = table;
  const body = cells(table);
  const widths = columns.map((column, c) =>
    Math.max(width(column.title), ...body.map((line) => width(line[c]))),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, c) => pad(text, widths[c], columns[c].align))
      .join('  ')
      .trimEnd();
  return [
    title,
    line(columns.map((column) => column.title)),
    widths.map((w) => '─'.repeat(w)).join('  '),
    ...body.map(line),
    ...notes,
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
 *              none: danfo.js would count null as 0. `frame.dropNa({ axis: 1 })` leaves such rows out.
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
