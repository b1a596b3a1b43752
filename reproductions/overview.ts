/** What the notebooks' start page shows, and what each says before it measures: what there is, and what it costs here. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tallyText } from '../lib/report/claims.js';
import { about } from '../lib/report/format.js';
import { notebookBudget, showText } from '../lib/report/notebook.js';
import type { Table } from '../lib/report/table.js';
import { projectRoot } from '../lib/runs/home.js';
import { BUDGETS } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { cellsOf } from './experiment.js';
import type { Axes, Experiment } from './experiment.js';
import type { Change, Choices, GridOptions } from './grid.js';
import type { RunKind } from './kinds.js';
import { finishedRuns, paceOf, remaining } from './measure.js';
import type { Remaining } from './measure.js';
import { paceText } from './pace.js';
import { keptRecord } from './records.js';
import { EXPERIMENTS } from './registry.js';

/** The folder of the notebooks. */
const notebooks = (): string => join(projectRoot(), 'notebooks');

/** The start page itself. */
const START = '00-start.ipynb';

/** The paths of the notebooks, in reading order: those of the figures and tables in theirs, then any others by name. */
export function notebookFiles(folder: string = notebooks()): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.ipynb') && name !== START);
  const place = (name: string): number => {
    const found = EXPERIMENTS.findIndex(({ id }) => belongsTo(name, id));
    return found < 0 ? EXPERIMENTS.length : found;
  };
  return names.sort((a, b) => place(a) - place(b) || a.localeCompare(b)).map((name) => join(folder, name));
}

const belongsTo = (name: string, id: string): boolean => name === `${id}.ipynb` || name.startsWith(`${id}-`);

/** The notebook of a figure or table, if there is one. */
export function notebookOf(id: string): string | undefined {
  return notebookFiles().find((file) => belongsTo(basename(file), id));
}

/** A notebook's first heading. */
function headingOf(file: string): string {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as { cells: { source: string | string[] }[] };
  const text = cells.map(({ source }) => [source].flat().join('')).join('\n');
  return /^# (.*)$/m.exec(text)?.[1] ?? basename(file);
}

/** How the verdicts on a figure or table came out, in the record of the budget, or else of another one. */
function verdictsOf(id: string, asked: Budget): string {
  for (const budget of [asked, ...BUDGETS.filter((each) => each !== asked).reverse()]) {
    const record = keptRecord(`${id}-${budget}`);
    if (record) return `${tallyText(record.claims)}${budget === asked ? '' : ` (budget ${budget})`}`;
  }
  return 'not run yet';
}

/** What of a figure or table is left to do here, in words. */
function costText({ seconds, known, of }: Remaining): string {
  if (seconds === 0) return 'there already';
  const some = known > 0 ? `, ${known} of ${of} runs are there` : '';
  return `${about(seconds)}${some}`;
}

/**
 * Every notebook with what it shows, its verdicts and what it costs here, in reading order. Times are estimates
 * of what the store lacks; images are neither read nor fetched.
 *
 * @throws {UsageError} for an unknown budget.
 */
export async function overview({
  budget: given,
}: { readonly budget?: string | undefined } = {}): Promise<Table> {
  const budget = notebookBudget(given);
  const finished = finishedRuns();
  const pace = paceOf(finished.values());
  const rows: Table['rows'][number][] = [];
  for (const file of notebookFiles()) {
    const experiment = EXPERIMENTS.find(({ id }) => belongsTo(basename(file), id));
    const common = { href: basename(file), title: experiment?.title ?? headingOf(file) };
    if (!experiment) {
      rows.push({ ...common, shows: '', verdicts: '', cost: '' });
      continue;
    }
    const cost = costText(await remaining(cellsOf(experiment, { budget }), finished));
    rows.push({
      ...common,
      shows: experiment.description,
      verdicts: verdictsOf(experiment.id, budget),
      cost,
    });
  }
  return {
    title: `The notebooks (budget ${budget})`,
    columns: [
      { key: 'title', title: 'notebook', href: 'href' },
      { key: 'shows', title: 'what it shows' },
      { key: 'verdicts', title: 'verdicts' },
      { key: 'cost', title: 'takes here' },
    ],
    rows,
    notes: [
      `Times are estimates ${paceText(pace)} of what is not there yet; data sets are fetched besides, where they are missing.`,
    ],
  };
}

/**
 * Says what a figure or table will take here, before it is measured.
 *
 * @throws {UsageError} for an unknown budget, and as {@link cellsOf}.
 */
export async function showTime<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  {
    budget: given,
    ...grid
  }: Omit<GridOptions<Change<K, C>>, 'budget'> & { readonly budget?: string | undefined } = {},
): Promise<void> {
  const budget = notebookBudget(given);
  const left = await remaining(cellsOf(experiment, { ...grid, budget }));
  const what = `${experiment.id} at budget ${budget}`;
  showText(
    left.seconds === 0
      ? `${what}: every run is there already.`
      : `${what} takes ${costText(left)} here (an estimate ${paceText(left.pace)}).`,
  );
}
