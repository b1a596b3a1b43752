import { relative } from 'node:path';
import { wrap } from '../../lib/report/format.js';
import { textTable } from '../../lib/report/table.js';
import type { Table } from '../../lib/report/table.js';

export { wrap };

/** Columns that text is wrapped to: the terminal's, 80 where the output is none. */
export function textWidth(): number {
  return Math.min(process.stdout.columns ?? 80, 120);
}

/** A titled list, one dash an item, wrapped; nothing for an empty list. */
export function bulletList(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  return [title, ...items.flatMap((item) => wrap(`  - ${item}`, textWidth(), '    '))];
}

/** What stands in a table; null where there is nothing to show. */
type Cell = string | number | null;

/**
 * A table as text. A column with nothing in any row is left out.
 *
 * @param columns  What stands in each, by its title.
 * @param left     The titles of those that are aligned on the left.
 */
export function tableOf<Row>(
  title: string,
  rows: readonly Row[],
  columns: Readonly<Record<string, (row: Row) => Cell>>,
  { left = [], notes = [] }: { readonly left?: readonly string[]; readonly notes?: readonly string[] } = {},
): string {
  const shown = Object.entries(columns).filter(([, value]) => rows.some((row) => value(row) !== null));
  return fitted({
    title,
    columns: shown.map(([key]) => ({ key, title: key, ...(left.includes(key) ? {} : { align: 'right' }) })),
    rows: rows.map((row) => Object.fromEntries(shown.map(([key, value]) => [key, value(row)]))),
    notes,
  });
}

/** A table as text that fits the width. */
export function fitted(table: Table): string {
  return textTable(table, textWidth());
}

/** Bytes in words: "3.4 MB". */
export function sizeText(bytes: number): string {
  const unit = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(unit.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${unit[power]}`;
}

/** A path as it would be typed from here. */
export function shortPath(path: string): string {
  const inside = relative(process.cwd(), path);
  return inside === '' || inside.startsWith('..') ? path : inside;
}

/** Prints lines on stdout. */
export function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Prints the one JSON document of a command on stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
