import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../lib/runs/home.js';

/** The paper's printed numbers, data/paper/results.json: as far as this project reads them. */
const printedSchema = z.object({
  tables: z.array(
    z.looseObject({
      id: z.string(),
      rows: z.array(z.looseObject({ cells: z.record(z.string(), z.unknown()).optional() })),
    }),
  ),
  figures: z.array(z.looseObject({ id: z.string(), numbers: z.record(z.string(), z.unknown()) })),
});

type Printed = z.infer<typeof printedSchema>;

let printed: Printed | undefined;

function results(): Printed {
  printed ??= printedSchema.parse(
    JSON.parse(readFileSync(join(projectRoot(), 'data', 'paper', 'results.json'), 'utf8')),
  );
  return printed;
}

/** A number that the paper's text gives for a figure. @throws if the file has no such number. */
export function figureNumber(figure: string, name: string): number {
  const numbers = results().figures.find(({ id }) => id === figure)?.numbers;
  return z.number({ error: `figure ${figure} has no number ${name}` }).parse(numbers?.[name]);
}

/** Numbers that the paper's text gives for a figure, by their names (words). @throws if the file has no such number. */
export function figureNumbers(figure: string, names: string): Readonly<Record<string, number>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, figureNumber(figure, name)]));
}

const cellSchema = z.object({
  value: z.number(),
  printed: z.string(),
  std: z.number().optional(),
  printedStd: z.string().optional(),
  n: z.number().optional(),
});

/** A cell of a table as the paper prints it. */
export type PrintedCell = z.infer<typeof cellSchema>;

/** "2.54 ± 0.07". */
export function printedText({ printed, printedStd }: PrintedCell): string {
  return printedStd === undefined ? printed : `${printed} ± ${printedStd}`;
}

/** The numbers that are printed as this one. */
export function printedInterval({ value, printed }: PrintedCell): [number, number] {
  const half = 0.5 * 10 ** -(printed.split('.')[1] ?? '').length;
  return [value - half, value + half];
}

/** The name that the paper spells in capitals. @throws if there is none. */
export function nameOf<T extends string>(names: readonly T[], inCapitals: unknown): T {
  const found = names.find((name) => name.toUpperCase() === inCapitals);
  if (found !== undefined) return found;
  throw new Error(`the paper's numbers name ${String(inCapitals)}, which is not known`);
}

/**
 * A table of the paper: for each row that has the key, its value and its cells.
 *
 * @param key  The field that tells rows apart, e.g. "N".
 */
export function printedTable(
  table: string,
  key: string,
): { readonly key: number; readonly cells: Readonly<Record<string, PrintedCell>> }[] {
  const rows = results().tables.find(({ id }) => id === table)?.rows ?? [];
  return rows.map((row) => ({
    key: z.number().parse(row[key]),
    cells: z.record(z.string(), cellSchema).parse(row.cells),
  }));
}

/**
 * The cells of one row of a table of the paper.
 *
 * @param match  Fields that the row has, e.g. `{ dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' }`.
 * @throws if not exactly one row has them.
 */
export function printedRow(
  table: string,
  match: Readonly<Record<string, string>>,
): Readonly<Record<string, PrintedCell>> {
  const rows = (results().tables.find(({ id }) => id === table)?.rows ?? []).filter((row) =>
    Object.entries(match).every(([field, value]) => row[field] === value),
  );
  if (rows.length !== 1) {
    throw new Error(`${rows.length} rows of table ${table} have ${JSON.stringify(match)}; one should.`);
  }
  return z.record(z.string(), cellSchema).parse(rows[0].cells);
}

/** A row of a table of the paper: what tells it from others, and its cells. A cell that the paper leaves empty is not there. */
export interface PrintedRow {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cells: Readonly<Record<string, PrintedCell>>;
}

/** Every row of a table of the paper, in its order. @throws if the file has no such table. */
export function printedRows(table: string): PrintedRow[] {
  const rows = results().tables.find(({ id }) => id === table)?.rows;
  if (!rows) throw new Error(`there is no table ${table} of the paper`);
  return rows.map(({ cells = {}, ...fields }) => ({
    fields,
    cells: Object.fromEntries(
      Object.entries(cells)
        .filter(([, cell]) => (cell as { value: unknown }).value !== null)
        .map(([name, cell]) => [name, cellSchema.parse(cell)]),
    ),
  }));
}

/** The numbers of a table's cells by name: what the row is called, and the column. */
export function printedNumbers<R extends { readonly cells: PrintedRow['cells'] }>(
  rows: readonly R[],
  name: (row: R) => string,
): Record<string, number> {
  return Object.fromEntries(
    rows.flatMap((row) =>
      Object.entries(row.cells).map(([column, { value }]) => [`${name(row)} ${column}`, value]),
    ),
  );
}
