import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { knownName, UsageError, ZartsError } from '../../lib/errors.js';
import { exportRuns, importRuns, runFiles } from '../../lib/runs/archive.js';
import { explainFileError } from '../../lib/runs/files.js';
import { runsHome } from '../../lib/runs/home.js';
import { acquireLock } from '../../lib/runs/lock.js';
import { findRun, listRuns, recordIn, RESULT_VERSION } from '../../lib/runs/store.js';
import type { FoundRun, RunRecord } from '../../lib/runs/store.js';
import { distinct } from '../../reproductions/experiment.js';
import { finishedRuns } from '../../reproductions/measure.js';
import { takeRecord } from '../../reproductions/records.js';
import { runTitle } from '../../reproductions/title.js';
import { namedFigure, partOfFigure, usesOf } from '../../reproductions/uses.js';
import { fitted, print, printJson, shortPath, sizeText, textWidth, wrap } from './text.js';

/** The options of `zarts runs`. */
export interface RunsOptions {
  readonly json?: boolean;
  readonly figure?: string;
  readonly old?: boolean;
}

const ACTIONS = ['list', 'show', 'remove', 'export', 'import'] as const;

/** A run as it is listed. */
interface Listed {
  readonly key: string;
  readonly title: string;
  /** "finished", "damaged" (its result is not whole), "at step 120", "begun". */
  readonly state: string;
  readonly bytes: number;
  readonly resultVersion: number;
  /** Figures and tables that it belongs to, with their budgets. */
  readonly uses: readonly string[];
}

/** Runs `zarts runs`. @returns the exit code. */
export async function runsCommand(
  [name = 'list', ...rest]: readonly string[],
  options: RunsOptions,
): Promise<number> {
  const action = knownName('action of zarts runs', name, ACTIONS);
  if (options.figure !== undefined && action !== 'export' && action !== 'list')
    throw new UsageError(`--figure belongs to zarts runs list and export, not to ${action}.`);
  if (options.old && action !== 'remove') throw new UsageError('--old belongs to zarts runs remove.');
  switch (action) {
    case 'list':
      takes(action, rest, 0, 0);
      return list(options);
    case 'show':
      takes(action, rest, 1, 1);
      return show(rest[0], options);
    case 'remove':
      takes(action, rest, options.old ? 0 : 1, Infinity);
      return remove(rest, options);
    case 'export':
      takes(action, rest, options.figure === undefined ? 2 : 1, Infinity);
      return exportTo(rest[0], rest.slice(1), options);
    case 'import':
      takes(action, rest, 1, 1);
      return importFrom(rest[0], options);
  }
}

const USAGE: Readonly<Record<(typeof ACTIONS)[number], string>> = {
  list: 'no further argument',
  show: 'one run: its key, or the first characters of it',
  remove: 'the keys of runs, or --old',
  export: 'a file to write, then the keys of runs or --figure NAME',
  import: 'one archive, or the record of a figure',
};

function takes(
  action: (typeof ACTIONS)[number],
  given: readonly string[],
  least: number,
  most: number,
): void {
  if (given.length >= least && given.length <= most) return;
  throw new UsageError(`zarts runs ${action} takes ${USAGE[action]}; see npx zarts runs --help.`);
}

/** @param isWhole  Whether its result is known to be whole, so that it is not read again. */
function listed(found: FoundRun, uses: readonly string[], isWhole = false): Listed {
  const { key, protocol, resultVersion } = found;
  const files = runFiles(join(runsHome(), key));
  const steps = files.flatMap(({ name }) => /^checkpoint\/(\d+)\..*ckpt$/.exec(name)?.[1] ?? []).map(Number);
  const record = isWhole || recordOf(key);
  const state = record
    ? record === 'damaged'
      ? 'damaged'
      : 'finished'
    : steps.length > 0
      ? `at step ${Math.max(...steps)}`
      : 'begun';
  const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
  return { key, title: runTitle(protocol), state, bytes, resultVersion, uses };
}

/** The result of a run, if it has one. */
function recordOf(key: string): RunRecord | 'damaged' | undefined {
  const file = join(runsHome(), key, 'result.json');
  return existsSync(file) ? (recordIn(readFileSync(file, 'utf8'), key) ?? 'damaged') : undefined;
}

function list({ json = false, figure }: RunsOptions): number {
  const among = figure === undefined ? undefined : [namedFigure(figure)];
  const found = listRuns();
  const finished = finishedRuns();
  const whole = new Set(Array.from(finished.values(), ({ key }) => key));
  const uses = usesOf(found, finished, among);
  const runs = found
    .map((each) => listed(each, uses.get(each.key) ?? [], whole.has(each.key)))
    .filter((each) => among === undefined || each.uses.length > 0);
  if (json) {
    printJson(runs);
    return 0;
  }
  const old = runs.filter(({ resultVersion }) => resultVersion !== RESULT_VERSION).length;
  const bytes = runs.reduce((sum, each) => sum + each.bytes, 0);
  print([
    fitted({
      title: `${runs.length} runs in ${shortPath(runsHome())}, ${sizeText(bytes)}`,
      columns: [
        { key: 'key', title: 'key' },
        { key: 'title', title: 'run' },
        { key: 'state', title: 'state' },
        { key: 'size', title: 'size', align: 'right' },
        { key: 'uses', title: 'belongs to' },
      ],
      rows: runs.map(({ key, title, state, bytes: size, resultVersion, uses: figures }) => ({
        key: key.slice(0, 8),
        title,
        state: resultVersion === RESULT_VERSION ? state : `${state}, version ${resultVersion}`,
        size: sizeText(size),
        uses: figures.join(' '),
      })),
      notes: [],
    }),
    ...(old === 0
      ? []
      : wrap(
          `${old} of another result version than ${RESULT_VERSION}, which nothing uses any more: npx zarts runs remove --old.`,
          textWidth(),
        )),
  ]);
  return 0;
}

function show(prefix: string, { json = false }: RunsOptions): number {
  const found = findRun(prefix);
  const folder = join(runsHome(), found.key);
  const summary = listed(found, usesOf([found]).get(found.key) ?? []);
  const record = recordOf(found.key);
  const { provenance, finished, result } = (record === 'damaged' ? undefined : record) ?? {};
  const document = {
    ...summary,
    folder,
    finished,
    protocol: found.protocol,
    dataDigest: found.dataDigest,
    provenance,
  };
  if (json) {
    printJson({ ...document, result });
    return 0;
  }
  print([
    `${summary.key}  ${summary.title}`,
    `State       ${summary.state}${finished === undefined ? '' : ` ${finished}`}`,
    ...(record === 'damaged'
      ? ['            Its result.json is not whole: the command that made it computes it again.']
      : []),
    `Size        ${sizeText(summary.bytes)}`,
    `Belongs to  ${summary.uses.join(' ') || 'no figure or table'}`,
    `Folder      ${shortPath(folder)}`,
    ...(provenance === undefined ? [] : ['Provenance', ...indented(provenance)]),
    'Protocol',
    ...indented(found.protocol),
  ]);
  return 0;
}

const indented = (value: unknown): string[] =>
  JSON.stringify(value, null, 2)
    .split('\n')
    .map((line) => `  ${line}`);

function remove(prefixes: readonly string[], { json = false, old = false }: RunsOptions): number {
  const others = old ? listRuns().filter(({ resultVersion }) => resultVersion !== RESULT_VERSION) : [];
  const keys = distinct([...prefixes.map((prefix) => findRun(prefix)), ...others].map(({ key }) => key));
  for (const key of keys) removeRun(key);
  if (json) printJson({ removed: keys });
  else print([`Removed ${keys.length} run${keys.length === 1 ? '' : 's'} from ${shortPath(runsHome())}.`]);
  return 0;
}

/** Removes a run that no process computes; all at once, so that nothing half-removed is taken for a run. */
function removeRun(key: string): void {
  const folder = join(runsHome(), key);
  const lock = acquireLock(join(folder, 'lock'), `Run ${key}`);
  const away = join(runsHome(), `.removed-${key}-${lock.token}`);
  try {
    renameSync(folder, away);
    rmSync(away, { recursive: true, force: true });
  } catch (error) {
    throw new ZartsError(`Run ${key} cannot be removed: ${explainFileError(error)}.`);
  } finally {
    lock.release();
  }
}

async function exportTo(
  file: string,
  prefixes: readonly string[],
  { json = false, figure }: RunsOptions,
): Promise<number> {
  const chosen = new Map(prefixes.map((prefix) => findRun(prefix)).map((run) => [run.key, run]));
  const named = figure === undefined ? undefined : namedFigure(figure);
  const finished = named ? finishedRuns() : new Map<string, never>();
  if (named) {
    const here = listRuns().filter(({ resultVersion }) => resultVersion === RESULT_VERSION);
    const uses = usesOf(here, finished, [named]);
    for (const run of here) if (uses.get(run.key)!.length > 0) chosen.set(run.key, run);
    if (chosen.size === 0) throw new UsageError(`No run of ${figure} is in ${runsHome()}.`);
  }
  const { runs, bytes } = await exportRuns([...chosen.values()], resolve(file));
  const size = statSync(file).size;
  const part = named && (await partOfFigure(named, finished));
  const document = { file: resolve(file), runs, bytes, archiveBytes: size, keys: [...chosen.keys()] };
  if (json) printJson({ ...document, ...(part ? { figure: part } : {}) });
  else print([`${runs} run${runs === 1 ? '' : 's'}, ${sizeText(bytes)}, in ${file} (${sizeText(size)}).`]);
  if (part && part.done < part.of) {
    const said = [`${file} has ${part.done} of ${part.of} runs of ${part.name}.`, part.text].filter(Boolean);
    process.stderr.write(`${wrap(said.join(' '), textWidth()).join('\n')}\n`);
  }
  return 0;
}

async function importFrom(file: string, { json = false }: RunsOptions): Promise<number> {
  const from = resolve(file);
  // A record of a figure holds its runs whole, but for what they could go on from.
  const { runs, there, ...rest } = from.endsWith('.json') ? await takeRecord(from) : await importRuns(from);
  if (json) printJson({ runs, ...rest, there });
  else {
    const kept = there.length === 0 ? '' : `; ${there.length} were here already and stay as they are`;
    print([`${runs} run${runs === 1 ? '' : 's'} taken into ${shortPath(runsHome())}${kept}.`]);
  }
  return 0;
}
