/** Tables of rows: a row a group, a column a statistic. */
import { cellStructure, meanAgreement } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { fixed, plusMinus, plusMinusDigits } from '../lib/report/format.js';
import type { Row as TableRow, Table } from '../lib/report/table.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import type { AnyView } from './experiment.js';
import { rowsOfKind } from './experiment.js';
import type { LinearRow, TrainingRow } from './kinds.js';

/** A column of a summary: what a group of rows says under its title. */
export interface SummaryColumn<R> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly cell: (rows: readonly R[]) => string | number | null;
}

/** A table with a row for each group. */
export function summaryTable<R>(
  title: string,
  groups: readonly { readonly rows: readonly R[] }[],
  columns: readonly SummaryColumn<R>[],
  notes: readonly string[] = [],
): Table {
  const keyed = columns.map((column, i) => ({ ...column, key: `${i + 1}` }));
  return {
    title,
    columns: keyed.map(({ key, title: head, align = 'right' }) => ({ key, title: head, align })),
    rows: groups.map(({ rows }): TableRow =>
      Object.fromEntries(keyed.map(({ key, cell }) => [key, cell(rows)])),
    ),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** A table with a row for each thing. */
export function listTable<R>(
  title: string,
  things: readonly R[],
  columns: readonly SummaryColumn<R>[],
  notes?: readonly string[],
): Table {
  const groups = things.map((thing) => ({ rows: [thing] }));
  return summaryTable(title, groups, columns, notes);
}

/** What the rows of a group agree in, a name or a number. */
export function label<R>(
  title: string,
  value: (row: R) => string | number | null,
  align: 'left' | 'right' = 'left',
): SummaryColumn<R> {
  return { title, align, cell: ([first]) => value(first) };
}

/** How many rows a group has. */
export function counted(title: string): SummaryColumn<unknown> {
  return { title, cell: (rows) => rows.length };
}

/** Mean ± standard deviation of what the rows have; rows without it are left out. */
export function spread<R>(
  title: string,
  value: (row: R) => number | null | undefined,
  digits: number,
): SummaryColumn<R> {
  return { title, cell: (rows) => meanText(rows.map(value), digits) };
}

/** The same to three leading digits, for numbers whose size is not known beforehand. */
export function leading<R>(title: string, value: (row: R) => number | undefined): SummaryColumn<R> {
  return {
    title,
    cell(rows) {
      const numbers = rows.map(value).filter((each) => each !== undefined);
      return numbers.length === 0 ? '–' : plusMinusDigits(summarize(numbers), 3);
    },
  };
}

/** "mean ± standard deviation" of the finite numbers among the values; "–" for none. */
export function meanText(values: readonly (number | null | undefined)[], digits: number): string {
  const numbers = values.filter((value): value is number => Number.isFinite(value));
  return plusMinus(numbers.length === 0 ? null : summarize(numbers), digits);
}

/** The lowest of what the rows have; what is not finite is not there. */
export function lowest<R>(title: string, value: (row: R) => number, digits: number): SummaryColumn<R> {
  return {
    title,
    cell(rows) {
      const numbers = rows.map(value).filter(Number.isFinite);
      return numbers.length === 0 ? null : fixed(Math.min(...numbers), digits);
    },
  };
}

/** The share of kept edges, with their operations, that two seeds have in common. */
export const AGREEMENT: SummaryColumn<{ readonly genotype: Genotype }> = {
  title: 'agreement',
  cell: (rows) => fixed(meanAgreement(rows.map(({ genotype }) => genotype)), 2),
};

/** Skip connections of the normal cell. */
export const SKIPS = spread<{ readonly genotype: Genotype }>(
  'skips',
  ({ genotype }) => cellStructure(genotype, 'normal').families.skip,
  1,
);

/** What tables say of trained networks. */
export const OF_NETWORKS = {
  error: spread<TrainingRow>('error (%)', ({ errorPct }) => errorPct, 2),
  best: lowest<TrainingRow>('best', ({ errorPct }) => errorPct, 2),
  bestEpoch: spread<TrainingRow>('best-epoch error', ({ bestEpochErrorPct }) => bestEpochErrorPct, 2),
  parameters: spread<TrainingRow>('parameters (k)', ({ parameters }) => parameters / 1e3, 1),
  multiplyAdds: spread<TrainingRow>('mult-adds (M)', ({ multiplyAdds }) => multiplyAdds / 1e6, 2),
  fullSize: spread<TrainingRow>('full size (M)', ({ fullParameters }) => fullParameters / 1e6, 2),
  training: spread<TrainingRow>('training (s)', ({ trainingSeconds }) => trainingSeconds, 0),
} as const;

/** What their searches took. */
export function searchTime(digits = 0, title = 'search (s)'): SummaryColumn<TrainingRow> {
  return spread(title, ({ searchSeconds }) => searchSeconds, digits);
}

const { error, best, bestEpoch, parameters, fullSize } = OF_NETWORKS;

/** What the trained networks of a group are like. */
export const TRAINED_COLUMNS = [error, best, bestEpoch, parameters, fullSize];

/** What {@link TRAINED_COLUMNS} mean. */
export const TRAINED_NOTES: readonly string[] = [
  'Error: of the test images after the last epoch, mean ± standard deviation over the searches; best: the lowest of them. Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic.',
  'Parameters: of the network trained here; full size: of the network that the paper would train from the same cells.',
];

/** What errors are to be seen beside: the linear classifier on the same images, and chance. */
export function baselineNotes(
  rows: readonly { readonly kind: string }[],
  where: (row: LinearRow) => string = () => '',
): string[] {
  return rowsOfKind(rows as readonly (LinearRow | TrainingRow)[], 'linear').map(
    (row) =>
      `For comparison${where(row)}: a linear classifier on the same images ${fixed(row.errorPct, 1)}, chance ${fixed(100 - 100 / row.classes, 1)}.`,
  );
}

/** "budget laptop; 3 of 9 runs": how much is there. */
export function progressText({ budget, done, of }: AnyView, what = 'runs'): string {
  return `budget ${budget}${done < of ? `; ${done} of ${of} ${what}` : ''}`;
}

/** "S2, budget laptop; 3 of 9 runs": what titles say of what is shown. */
export function stateText(view: AnyView, what?: string): string {
  const rows = view.rows as readonly { readonly space?: string }[];
  const space = rows.find((row) => row.space !== undefined)?.space;
  return `${space === undefined ? '' : `${space.toUpperCase()}, `}${progressText(view, what)}`;
}
