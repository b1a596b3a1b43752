/** The report: every record of a folder as a section of one page, in the paper's order. */
import { existsSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { UsageError, ZartsError } from '../lib/errors.js';
import type { LabSurface } from '../lib/report/laboratory.js';
import { axisTitles } from '../lib/report/landscape-chart.js';
import { describeSeconds } from '../lib/report/progress-terminal.js';
import type { Report, ReportSection } from '../lib/report/report-page.js';
import type { Table } from '../lib/report/table.js';
import { BUDGETS } from '../lib/search/protocol.js';
import { distinct, rowsOfKind, viewOf } from './experiment.js';
import { lackOf } from './lacking.js';
import { firstSeed } from './landscapes.js';
import type { OnLandscapeRow } from './landscapes.js';
import { notebookOf } from './overview.js';
import { readRecord, recordFiles } from './records.js';
import type { ResultRecord } from './records.js';
import { EXPERIMENTS, experimentById } from './registry.js';
import { shownOf } from './reproduce.js';
import { gridOfRecord } from './uses.js';

const order = ({ id, budget }: ResultRecord): number =>
  EXPERIMENTS.findIndex((each) => each.id === id) * BUDGETS.length - BUDGETS.indexOf(budget);

/** The records of a folder in the paper's order. @throws {ZartsError} for a file that is none of today. */
export function recordsIn(folder: string): ResultRecord[] {
  return recordFiles(folder)
    .map(readRecord)
    .sort((a, b) => order(a) - order(b));
}

/**
 * The report of the records in a folder. A file that is no record of today is named among what is absent.
 *
 * @param folder  The folder of results.
 * @param page    Where the page will lie: links are relative to it.
 * @throws {UsageError} if the folder is not there.
 */
export function reportOf(folder: string, page: string): Report {
  if (!existsSync(folder)) throw new UsageError(`There is no folder of results ${folder}.`);
  const made: { readonly record: ResultRecord; readonly section: ReportSection }[] = [];
  const broken: { title: string; reason: string }[] = [];
  for (const file of recordFiles(folder)) {
    try {
      const record = readRecord(file);
      made.push({ record, section: sectionOf(record, file, page) });
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof ZartsError)) throw error;
      broken.push({ title: basename(file), reason: error.message });
    }
  }
  made.sort((a, b) => order(a.record) - order(b.record));
  const there = new Set(made.map(({ record }) => record.id));
  const absent = EXPERIMENTS.filter(({ id }) => !there.has(id)).map(({ id, title }) => ({
    title,
    reason: `no record here; npx zarts reproduce ${id} makes one`,
  }));
  return {
    title: 'ZARTS, re-run: what came out',
    introduction: [
      'ZARTS (NeurIPS 2022, arXiv 2110.04743) searches network architectures with zero-order optimization. Its figures and tables were run again; each is here with what the paper says, what was measured, and a verdict on each sentence.',
      'A question is decided where its p value, that of a mean against a bound or of a permutation test, is below 0.05 after Holm’s correction for the primary questions of its figure, and undecided otherwise. Secondary questions stand beside these and go by their own p values, not corrected for the others. Numbers of the budgets smoke and laptop are of smaller networks and fewer images: they show which way an effect goes and are not to be compared with the paper’s.',
    ],
    sections: made.map(({ section }) => section),
    absent: [...absent, ...broken],
    surfaces: made.flatMap(({ record }) => surfacesOf(record)),
  };
}

function sectionOf(record: ResultRecord, file: string, page: string): ReportSection {
  const { id, budget, preset, options, result } = record;
  const experiment = experimentById(id);
  const cells = gridOfRecord(record, basename(file, '.json'));
  const { charts, drawings, surfaces, tables, claims, done, of } = shownOf(
    experiment,
    result,
    lackOf(cells, result),
  );
  const seeds = distinct(viewOf(result).rows.map(({ seed }) => seed)).length;
  const to = (target: string): string => relative(dirname(page), target).split('\\').join('/');
  const notebook = notebookOf(id);
  const changed =
    Object.keys(options.change).length > 0 ? [`changed: ${JSON.stringify(options.change)}`] : [];
  return {
    id: basename(file, '.json'),
    title: experiment.title,
    claim: experiment.claim,
    facts: [
      `budget ${budget}`,
      `preset ${preset}`,
      `${done} of ${of} runs`,
      `${seeds} seed${seeds === 1 ? '' : 's'}`,
      ...changed,
    ],
    links: [
      ...(notebook === undefined ? [] : [{ words: 'Notebook', href: to(notebook) }]),
      { words: 'Record with every run', href: to(file) },
    ],
    claims,
    charts,
    drawings: [...drawings, ...surfaces],
    tables,
    more: [
      { heading: 'What the paper prints', content: printedTable(record) },
      { heading: 'What the runs do otherwise than the paper', content: [...record.deviations] },
      { heading: 'Settings that the paper leaves open', content: openTable(record) },
      { heading: 'How the runs came about', content: provenanceTable(record) },
    ].filter(({ content }) => ('columns' in content ? content.rows.length > 0 : content.length > 0)),
  };
}

const twoColumns = (
  title: string,
  heads: readonly [string, string],
  rows: readonly (readonly [string, string | number])[],
): Table => ({
  title,
  columns: [
    { key: 'name', title: heads[0] },
    { key: 'value', title: heads[1] },
  ],
  rows: rows.map(([name, value]) => ({ name, value })),
});

/** "esrLastEpoch" as words. */
const words = (name: string): string =>
  name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function printedTable({ paper, title }: ResultRecord): Table {
  return twoColumns(
    `${title}: the paper’s numbers`,
    ['number', 'printed'],
    Object.entries(paper).map(([name, value]) => [words(name), value]),
  );
}

function openTable({ openSettings, title }: ResultRecord): Table {
  return {
    ...twoColumns(`${title}: settings and whose they are`, ['setting', 'value'], []),
    columns: [
      { key: 'path', title: 'setting' },
      { key: 'value', title: 'value' },
      { key: 'source', title: 'whose' },
    ],
    rows: openSettings.map(({ path, value, source }) => ({ path, value: JSON.stringify(value), source })),
  };
}

/** Every fact of an object, nested ones by dotted names; nothing that is not known. */
const factsOf = (facts: object, prefix = ''): (readonly [string, string])[] =>
  Object.entries(facts).flatMap(([name, value]: [string, unknown]) => {
    if (value === null || value === undefined || value === '') return [];
    if (typeof value === 'object') return factsOf(value, `${prefix}${name}.`);
    return [[`${prefix}${name}`, typeof value === 'string' ? value : JSON.stringify(value)] as const];
  });

/** What the runs have in their provenance: each fact with every value that it has, and the seconds together. */
function provenanceTable({ result, title }: ResultRecord): Table {
  const provenances = result.runs.flatMap(({ kept }) => kept.map(({ provenance }) => provenance));
  const values = new Map<string, Set<string>>();
  for (const [name, value] of provenances.flatMap((each) => factsOf(each))) {
    if (name !== 'seconds') values.set(name, (values.get(name) ?? new Set()).add(value));
  }
  const seconds = provenances.reduce((sum, each) => sum + each.seconds, 0);
  return twoColumns(
    `${title}: provenance`,
    ['what', 'value'],
    [
      ['runs kept', provenances.length],
      ['computing time', describeSeconds(seconds)],
      ...[...values].map(([name, all]) => [name, [...all].join(', ')] as const),
    ],
  );
}

/** The first seed's landscapes of Fig. 1, for the solver laboratory. */
function surfacesOf({ id, budget, result }: ResultRecord): LabSurface[] {
  if (id !== 'fig-1') return [];
  const rows = viewOf(result).rows as unknown as readonly OnLandscapeRow[];
  const landscapes = rowsOfKind(firstSeed(rows), 'landscape').filter(
    ({ normalization }) => normalization === 'batch',
  );
  return landscapes.map((row) => ({
    title: `measured, Fig. 1 (budget ${budget}, ${row.space.toUpperCase()}): ${row.title}`,
    grid: row.grid,
    axes: axisTitles([row]),
  }));
}
