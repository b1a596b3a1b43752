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

/** Every row of a table of the paper, in its order: what tells it from others, and the cells that the paper fills. */
export function printedRows(table: string) {
  const rows = results().tables.find(({ id }) => id === table)?.rows;
  if (!rows) throw new Error(`there is no table ${table} of the paper`);
  return rows.map(({ cells = {}, ...fields }) => {
    const filled = Object.entries(cells).filter(([, cell]) => (cell as { value: unknown }).value !== null);
    return { fields, cells: z.record(z.string(), cellSchema).parse(Object.fromEntries(filled)) };
  });
}

/** The rows of a table of the paper with the number that tells them apart, e.g. "N". */
export function printedTable(table: string, key: string) {
  return printedRows(table).map(({ fields, cells }) => ({ key: z.number().parse(fields[key]), cells }));
}

/**
 * The cells of one row of a table of the paper.
 *
 * @param match  Fields that the row has, e.g. `{ dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' }`.
 * @throws if not exactly one row has them.
 */
export function printedRow(table: string, match: Readonly<Record<string, string>>) {
  const [row, ...more] = printedRows(table).filter(({ fields }) =>
    Object.entries(match).every(([field, value]) => fields[field] === value),
  );
  if ((row as unknown) !== undefined && more.length === 0) return row.cells;
  throw new Error(`not exactly one row of table ${table} has ${JSON.stringify(match)}.`);
}

/** The numbers of a table's cells by name: what the row is called, and the column. */
export function printedNumbers<R extends { readonly cells: Readonly<Record<string, PrintedCell>> }>(
  rows: readonly R[],
  name: (row: R) => string,
): Record<string, number> {
  return Object.fromEntries(
    rows.flatMap((row) =>
      Object.entries(row.cells).map(([column, { value }]) => [`${name(row)} ${column}`, value]),
    ),
  );
}
