/**
 * Copies finished results from .zarts/results to reproductions/results, where they are kept under version control:
 *
 *     node dist/reproductions/commit-results.js fig-4-laptop table-5-laptop
 *
 * Only what others can trust: records, whole or as far as their grids are, of real images if of any, made from committed sources,
 * that name no machine. `zarts runs import` takes the runs of one that is not whole, and its grid goes on from there.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { UsageError, ZartsError } from '../lib/errors.js';
import { projectRoot, runsHome } from '../lib/runs/home.js';
import { filesBeside, RECORD_VERSION } from './records.js';

/** How a run came about, as far as it is checked here; data are null where no images were read. */
const provenanceSchema = z.looseObject({
  commit: z.string().nullable(),
  data: z.looseObject({ name: z.string(), coverage: z.string(), digest: z.string() }).nullable(),
});

/** A run; what was looked up may not have been known. */
const keptSchema = z.looseObject({
  protocol: z.looseObject({ kind: z.string() }).optional(),
  provenance: provenanceSchema,
  result: z.looseObject({ known: z.boolean().optional() }).optional(),
});

/** What of a record is checked here. */
const recordSchema = z.looseObject({
  schemaVersion: z.literal(RECORD_VERSION),
  id: z.string(),
  budget: z.string(),
  result: z.looseObject({
    runs: z.array(z.looseObject({ kept: z.array(keptSchema).min(1) })).min(1),
  }),
});

/**
 * Why a record may not be kept for others, or undefined if it may.
 *
 * @param text   The record's file.
 * @param names  Texts that would give away the machine: folders, host and user names.
 */
export function refusal(text: string, names: readonly string[]): string | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  const parsed = recordSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `it is no result record (${issue.path.join('.') || 'its top'}: ${issue.message})`;
  }
  const runs = parsed.data.result.runs.flatMap(({ kept }) => kept);
  const logs = runs.filter(({ protocol }) => protocol?.kind === 'logs');
  if (logs.some(({ result }) => result?.known))
    return 'it holds the logs of R-DARTS’ authors, which are in their repository; make it without them';
  if (runs.some((run) => run.result?.known === false && !logs.includes(run)))
    return 'the published table that its runs are judged by was not there';
  for (const { commit, data: images } of runs.map(({ provenance }) => provenance)) {
    if (images?.coverage === 'synthetic') return 'its images are synthetic';
    if (commit === null) return 'the commit that made it is not known';
    if (commit.endsWith('-dirty')) return `it was made with changes on top of commit ${commit.slice(0, 7)}`;
  }
  const named = names.find((name) => text.includes(name));
  return named === undefined ? undefined : `it contains "${named}"`;
}

/**
 * Copies the record of that name, its pictures and their specifications.
 *
 * @param name  "fig-4-laptop".
 * @param from  The folder of results.
 * @param to    The folder under version control.
 * @returns     The names of the files copied.
 * @throws {UsageError} if there is no such result; {ZartsError} if it may not be kept, with the reason.
 */
export function commitResult(name: string, from: string, to: string): string[] {
  const files = [
    ...filesBeside(from, name).filter((file) => /\.(png|svg|vl\.json)$/.test(file)),
    ...(existsSync(path.join(from, `${name}.json`)) ? [`${name}.json`] : []),
  ];
  if (!files.includes(`${name}.json`)) {
    const there = readdirSync(from).filter((file) => /(?<!\.vl)\.json$/.test(file));
    throw new UsageError(
      `There is no result ${name}; there are ${there.map((file) => path.basename(file, '.json')).join(', ') || 'none'}.`,
    );
  }
  // Short names occur in other words; paths do not.
  const names = [projectRoot(), homedir(), hostname(), userInfo().username].filter(
    (text) => text.length > 4 && text !== '/',
  );
  const reason = refusal(readFileSync(path.join(from, `${name}.json`), 'utf8'), names);
  if (reason !== undefined) throw new ZartsError(`${name} is not kept: ${reason}.`);
  mkdirSync(to, { recursive: true });
  // Pictures of an earlier record that this one no longer has.
  for (const file of filesBeside(to, name)) if (!files.includes(file)) rmSync(path.join(to, file));
  for (const file of files) copyFileSync(path.join(from, file), path.join(to, file));
  return files;
}

function main(names: readonly string[]): number {
  if (names.length === 0) {
    console.error('Usage: node dist/reproductions/commit-results.js RESULT… (for example fig-4-laptop)');
    return 2;
  }
  try {
    for (const name of names) {
      const from = path.join(path.dirname(runsHome()), 'results');
      const files = commitResult(name, from, path.join(projectRoot(), 'reproductions', 'results'));
      console.log(`${name}: ${files.join(', ')}`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ZartsError)) throw error;
    console.error(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
