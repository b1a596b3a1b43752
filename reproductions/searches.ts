/** Searches run through the store, one after the other with one progress phase: what reproductions are measured with. */
import { findDatasets } from '../lib/datasets/load.js';
import type { Dataset } from '../lib/datasets/load.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import { InterruptedError, UsageError, ZartsError } from '../lib/errors.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { openRun } from '../lib/runs/store.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type * as Run from '../lib/search/run.js';
import { equivalentSteps } from './cost.js';
import type { MeasureContext, SearchEnvironment } from './reproduction.js';

/** One search as run, or as found in the store. */
export interface RanSearch {
  readonly protocol: SearchProtocol;
  /** The run's key in the store. */
  readonly key: string;
  readonly result: Run.FinishedSearch['result'];
  /** Seconds of computing where it was made. */
  readonly seconds: number;
  /** Which of the environments it was made in. */
  readonly environment: number;
}

/** Searches, and where and on what they were made. */
export interface RanSearches {
  readonly environments: readonly SearchEnvironment[];
  readonly searches: readonly RanSearch[];
}

/** What {@link runSearches} is told besides the context. */
export interface SearchesOptions {
  /** What tells a search from the others, for the progress display: "N 4, seed 1". */
  readonly label: (protocol: SearchProtocol) => string;
  /** Done before the first search that has to be computed, e.g. to have the engine compile its network untimed. */
  readonly warmUp?: (protocol: SearchProtocol, dataset: Dataset) => Promise<void>;
}

/**
 * Runs every search that the store does not have, with one progress phase over all of them, in steps.
 *
 * @throws {UsageError} for no protocols; as lib/search/run.ts, runSearch.
 */
export async function runSearches(
  protocols: readonly SearchProtocol[],
  { title, runs: home, data, progress, signal }: MeasureContext,
  { label: describe, warmUp }: SearchesOptions,
): Promise<RanSearches> {
  if (protocols.length === 0) throw new UsageError(`${title}: there is nothing to run.`);
  // Required here and not imported above: it loads TensorFlow, which everything else in this file does without. Not
  // `await import`, whose modules the notebook kernel cannot load anew after they were edited.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { runSearch, searchData } = require('../lib/search/run.js') as typeof Run;
  const place = home === undefined ? {} : { home };
  const source = data === undefined ? {} : { data };

  const work = protocols.map((each) => Math.ceil(equivalentSteps(each)));
  const known: boolean[] = [];
  for (const protocol of protocols) {
    const { digest } = await searchData(protocol, source);
    known.push(openRun({ protocol, dataDigest: digest, ...place }).record() !== undefined);
  }
  const total = work.reduce((sum, each) => sum + each, 0);
  let done = work.reduce((sum, each, i) => sum + (known[i] ? each : 0), 0);
  const phase = progress?.start(title, total, done);
  const environments: SearchEnvironment[] = [];
  const searches: RanSearch[] = [];
  try {
    for (const [i, protocol] of protocols.entries()) {
      if (warmUp && !known[i] && !known.slice(0, i).includes(false)) {
        phase?.update(done, 'compiling the supernet');
        await warmUp(protocol, await searchData(protocol, source));
      }
      const label = `run ${i + 1}/${protocols.length} (${describe(protocol)})`;
      const finished = await runSearch(protocol, {
        ...place,
        ...source,
        ...(signal ? { signal } : {}),
        progress: {
          start: (_, steps) => ({
            update: (at, note) =>
              phase?.update(done + Math.floor((work[i] * at) / steps), note ? `${label}, ${note}` : label),
            end: () => undefined,
          }),
        },
      });
      if (!known[i]) done += work[i];
      phase?.update(done, label);
      const { seconds, ...environment } = finished.provenance;
      const { key, result } = finished;
      searches.push({
        protocol,
        key,
        result,
        seconds,
        environment: indexOfEqual(environments, environment),
      });
    }
  } finally {
    phase?.end();
  }
  return { environments, searches };
}

/** The index of an equal entry, which is added if there is none. */
export function indexOfEqual<T>(list: T[], value: T): number {
  const text = canonicalJson(value);
  const at = list.findIndex((each) => canonicalJson(each) === text);
  return at >= 0 ? at : list.push(value) - 1;
}

/**
 * Why a search has no images, and the command that makes the figure or table once there are; undefined if they are there.
 *
 * @param id  The figure or table.
 * @throws as lib/datasets/load.ts, loadDataset, for images that are there and cannot be used.
 */
export async function lackingImages(
  id: string,
  protocol: SearchProtocol,
  { data, signal }: Pick<MeasureContext, 'data' | 'signal'>,
): Promise<string | undefined> {
  // It loads TensorFlow; not `await import`, whose modules the notebook kernel cannot load anew after they were edited.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { searchData } = require('../lib/search/run.js') as typeof Run;
  const source = data === undefined ? {} : { data };
  try {
    await searchData(protocol, { ...source, ...(signal ? { signal } : {}) });
    return undefined;
  } catch (error) {
    const missing = error instanceof UsageError || error instanceof ZartsError;
    const { name } = protocol.dataset;
    if (!missing || error instanceof InterruptedError || name === 'synthetic') throw error;
    const found = (await findDatasets(data)).find((each) => each.name === name);
    if (found?.status !== 'absent') throw error;
    const given = data ?? process.env.ZARTS_DATA ?? '';
    const where =
      given === '' ? 'not here, and could not be downloaded' : 'not in the folder of data sets named';
    return `${FILE_DATASETS[name].title} is ${where}. Once it is in a folder DIR: npx zarts reproduce ${id} --budget ${protocol.budget} --data DIR`;
  }
}
