/** Records of results: their form, and those that are there, made here or come with the project. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ZartsError } from '../lib/errors.js';
import { explainFileError } from '../lib/runs/files.js';
import { projectRoot, runsHome } from '../lib/runs/home.js';
import { openRun } from '../lib/runs/store.js';
import type { Claim } from '../lib/analysis/claims.js';
import type { Table } from '../lib/report/table.js';
import type { SourcedSetting } from '../lib/search/presets.js';
import { BUDGETS } from '../lib/search/protocol.js';
import type { Budget, Preset } from '../lib/search/protocol.js';
import type { GridOptions } from './grid.js';
import type { Result } from './experiment.js';
import type { Lacking } from './lacking.js';

/** The version of {@link ResultRecord}. */
export const RECORD_VERSION = 2;

/** What is kept of a reproduction in results/: everything that its pages show, and how it came about. Plain JSON. */
export interface ResultRecord {
  readonly schemaVersion: typeof RECORD_VERSION;
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  readonly budget: Budget;
  readonly preset: Preset;
  /** The number of repeats asked for, and what was changed by hand. */
  readonly options: {
    readonly seeds: GridOptions['seeds'] | null;
    readonly change: Readonly<Record<string, unknown>>;
  };
  /** The paper's numbers. */
  readonly paper: Readonly<Record<string, number>>;
  /** What the runs do otherwise than the paper. */
  readonly deviations: readonly string[];
  /** Settings that the paper leaves open, with the values used and whose they are. */
  readonly openSettings: readonly SourcedSetting[];
  readonly claims: readonly Claim[];
  readonly tables: readonly Table[];
  /** The runs of the grid that there are not, where that is not whole. */
  readonly lacking?: readonly Lacking[];
  /** Every run whole: protocol, result, provenance. */
  readonly result: Result;
}

/** The folder of the results that came with the project. */
export const committedResults = (): string => join(projectRoot(), 'reproductions', 'results');

/** The folder of the results made here. */
export const ownResults = (): string => join(dirname(runsHome()), 'results');

/** Paths of the records of a folder, by name; none if it is not there. Specifications of pictures are no records. */
export function recordFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json') && !/\.(vl|plotly)\.json$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Files that stand beside a record: pictures, what they are made from, and pages. */
export function filesBeside(folder: string, name: string): string[] {
  return readdirSync(folder).filter(
    (file) =>
      file.startsWith(`${name}-`) &&
      /^-[a-z]+\.(png|svg|html|vl\.json|plotly\.json)$/.test(file.slice(name.length)),
  );
}

/** The budget that a record's name tells, if it is a record of this figure or table: "fig-4-laptop-first-look.json". */
export function budgetOf(file: string, id: string): Budget | undefined {
  const name = basename(file, '.json');
  return BUDGETS.find((budget) => name === `${id}-${budget}` || name.startsWith(`${id}-${budget}-`));
}

/** What a file must have to be a record. What is in its runs is what the store had, and checked there. */
const recordSchema = z.looseObject({
  schemaVersion: z.literal(RECORD_VERSION),
  id: z.string(),
  budget: z.literal(BUDGETS),
  result: z.looseObject({ runs: z.array(z.looseObject({ kept: z.array(z.unknown()) })), of: z.number() }),
});

/** A record. @throws {ZartsError} for a file that cannot be read, or is none of this version. */
export function readRecord(file: string): ResultRecord {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'it is not JSON' : explainFileError(error);
    throw new ZartsError(`The record ${basename(file)} could not be read: ${why}.`);
  }
  const { success, error } = recordSchema.safeParse(data);
  if (success) return data as ResultRecord;
  const [{ path, message }] = error.issues;
  throw new ZartsError(
    `${basename(file)} is no record of version ${RECORD_VERSION} (${path.join('.') || 'its top'}: ${message}). Make it anew with npx zarts reproduce.`,
  );
}

/** What a run of a record must have to be taken. */
const keptSchema = z.looseObject({
  key: z.string(),
  protocol: z.json(),
  result: z.json(),
  /** Has the digest of what the run read; none where it read nothing. */
  provenance: z.looseObject({ data: z.looseObject({ digest: z.string() }).nullish() }),
});

/** A run of a record. @throws {ZartsError} for one that is not whole. */
function checkedRun(run: unknown, file: string) {
  const { success, data, error } = keptSchema.safeParse(run);
  if (success) return data;
  const [{ path, message }] = error.issues;
  throw new ZartsError(
    `A run of ${basename(file)} is not whole (${path.join('.') || 'its top'}: ${message}); no run of it was taken: make the record anew with npx zarts reproduce.`,
  );
}

/**
 * Takes the runs of a record into the run store, so that the grid that it is of goes on where the record ends. Every run must be
 * the one that its key says; what the store has already stays as it is.
 *
 * @param home  The folder of runs.
 * @throws {ZartsError} for a file that is no record, and for a run that is not whole, not what its key says, or of another
 *         result version; then nothing is taken.
 */
export async function takeRecord(file: string, home: string = runsHome()) {
  // Cells may share a run.
  const kept = new Map(
    readRecord(file)
      .result.runs.flatMap((cell) => cell.kept.map((run) => checkedRun(run, file)))
      .map((run) => [run.key, run]),
  );
  const runs = [...kept.values()].map(({ key, protocol, result, provenance }) => {
    const dataDigest = provenance.data?.digest ?? 'none';
    const run = openRun({ protocol, dataDigest, home });
    if (run.key !== key) {
      throw new ZartsError(
        `Run ${key} of ${basename(file)} is not what its key says, or of another result version; no run of it was taken.`,
      );
    }
    return { run, result, provenance };
  });
  const fresh = runs.filter(({ run }) => run.record() === undefined);
  for (const { run, result, provenance } of fresh) {
    await run.free();
    const release = run.lock();
    try {
      if (run.record() !== undefined) continue;
      run.resume();
      run.finish(result, provenance);
    } finally {
      release();
    }
  }
  return {
    runs: fresh.length,
    there: runs.filter((each) => !fresh.includes(each)).map(({ run }) => run.key),
  };
}

/** The record of a name ("fig-4-laptop"), made here or else come with the project; undefined where neither is there and whole. */
export function keptRecord(
  name: string,
  folders: readonly string[] = [ownResults(), committedResults()],
): ResultRecord | undefined {
  for (const file of folders.map((folder) => join(folder, `${name}.json`))) {
    try {
      return readRecord(file);
    } catch (error) {
      if (!(error instanceof ZartsError)) throw error;
    }
  }
  return undefined;
}
