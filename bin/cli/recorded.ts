import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { canonicalJson } from '../../lib/runs/canonical.js';
import { explainFileError } from '../../lib/runs/files.js';
import { runsHome } from '../../lib/runs/home.js';
import { RESULT_VERSION, findRun } from '../../lib/runs/store.js';
import { SEARCH } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import type { FinishedSearch } from '../../lib/search/run.js';

/** A search as its own record describes it: enough to run it again and compare. */
export interface RecordedSearch {
  /** What to call it in a sentence. */
  readonly name: string;
  readonly protocol: SearchProtocol;
  /** The digest of the images it ran on, where the record says it. */
  readonly dataDigest?: string;
  /** How much of the official data they were: "synthetic" for computed ones. */
  readonly coverage?: string;
  /** What it found, where it was finished. */
  readonly result?: unknown;
  readonly resultVersion?: number;
}

/** The parts of a record, whichever file they stand in. */
interface RecordParts {
  readonly protocol?: unknown;
  readonly dataDigest?: unknown;
  readonly resultVersion?: unknown;
  readonly result?: unknown;
  readonly provenance?: { readonly data?: { readonly digest?: unknown; readonly coverage?: unknown } };
}

/**
 * The search that `--from` names: a run's key or the start of it, the run's folder, a file in it (protocol.json,
 * result.json), or what `zarts search --json` printed.
 *
 * @throws {UsageError} for none or several, a file that records no search, and a protocol that is not valid.
 */
export function recordedSearch(from: string, home?: string): RecordedSearch {
  return existsSync(from) ? searchInFile(from) : searchInStore(from, home);
}

function searchInStore(prefix: string, home: string = runsHome()): RecordedSearch {
  return searchInFile(join(home, findRun(prefix, home).key), `run ${prefix}`);
}

function searchInFile(path: string, name = path): RecordedSearch {
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  const inRun =
    folder === path || ['protocol.json', 'result.json'].includes(basename(path))
      ? { ...readJson(join(folder, 'protocol.json'), name), ...readJson(join(folder, 'result.json')) }
      : readJson(path, name);
  const { protocol, dataDigest, resultVersion, result, provenance } = inRun as RecordParts;
  const kind = (protocol as { kind?: unknown } | null | undefined)?.kind;
  if (kind !== 'search') {
    throw new UsageError(
      `${name} records ${typeof kind === 'string' ? `a run of kind "${kind}"` : 'no run'}; zarts search --from needs one that zarts search made.`,
    );
  }
  const digest = dataDigest ?? provenance?.data?.digest;
  const coverage = provenance?.data?.coverage;
  return {
    name,
    protocol: parsedProtocol(protocol, name),
    ...(typeof digest === 'string' ? { dataDigest: digest } : {}),
    ...(typeof coverage === 'string' ? { coverage } : {}),
    ...(result === undefined ? {} : { result }),
    ...(typeof resultVersion === 'number' ? { resultVersion } : {}),
  };
}

function parsedProtocol(protocol: unknown, name: string): SearchProtocol {
  try {
    return SEARCH.parse(protocol);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${name}: ${error.message}`) : error;
  }
}

/** A file's JSON. @param name  What it belongs to; without it, a file that is absent or no JSON gives nothing. */
function readJson(path: string, name?: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (name === undefined) return {};
    if (!(error instanceof SyntaxError)) {
      throw new UsageError(`${name} records no run: ${path} cannot be read, ${explainFileError(error)}.`);
    }
  }
  if (name === undefined) return {};
  throw new UsageError(`${name} records no run: ${path} is no JSON record.`);
}

/**
 * Refuses other images than the recorded search ran on.
 *
 * @param digest  Of the images that are there.
 * @throws {ZartsError} naming both digests.
 */
export function checkSameData({ name, dataDigest }: RecordedSearch, digest: string): void {
  if (dataDigest === undefined || dataDigest === digest) return;
  throw new ZartsError(
    `${name} ran on images of digest ${dataDigest.slice(0, 12)}…, those found here have ${digest.slice(0, 12)}…; name the folder that holds its images with --data.`,
  );
}

/** How a result compares with the recorded one, in a sentence; undefined where the record has none. */
export function compareWithRecord(
  { result: recorded, resultVersion }: RecordedSearch,
  { result }: FinishedSearch,
): { readonly same: boolean; readonly sentence: string } | undefined {
  if (recorded === undefined) return undefined;
  const different = Object.keys(result).filter((name) => {
    const [ours, theirs] = [result, recorded].map((each) => (each as Record<string, unknown>)[name]);
    return theirs === undefined || canonicalJson(ours) !== canonicalJson(theirs);
  });
  if (different.length === 0) return { same: true, sentence: 'The same as recorded, to the last bit.' };
  const why =
    resultVersion !== undefined && resultVersion !== RESULT_VERSION
      ? `it was made by version ${resultVersion} of what decides results, this is ${RESULT_VERSION}`
      : 'another machine, engine or version rounds otherwise';
  return { same: false, sentence: `Not as recorded in ${different.join(', ')}: ${why}.` };
}
