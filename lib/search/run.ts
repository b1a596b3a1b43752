import { loadDataset } from '../datasets/load.js';
import type { Dataset, LoadOptions } from '../datasets/load.js';
import { device } from '../engine/index.js';
import { thisMachine } from '../runs/environment.js';
import type { Machine } from '../runs/environment.js';
import { openRun } from '../runs/store.js';
import type { Run } from '../runs/store.js';
import { InterruptedError } from '../errors.js';
import type { Progress } from '../progress.js';
import type { SearchProtocol } from './protocol.js';
import { search } from './search.js';
import type { EpochRecord, SearchResult } from './search.js';

/** How a result came about; kept beside every result, never part of what decides it. */
export interface Provenance extends Machine {
  readonly engine: ReturnType<typeof device>;
  readonly data: { readonly name: string; readonly coverage: string; readonly digest: string };
  /** Seconds of computing, over all parts of a resumed run. */
  readonly seconds: number;
}

/** A finished search: its result, where it is kept, and how it came about. */
export interface FinishedSearch {
  readonly protocol: SearchProtocol;
  readonly result: SearchResult;
  readonly provenance: Provenance;
  /** The run's key in the store. */
  readonly key: string;
  /** Whether the result was there already. */
  readonly known: boolean;
}

export interface RunSearchOptions extends LoadOptions {
  /** The folder of runs. Default: `$ZARTS_HOME`, else `.zarts/runs` of the project. */
  readonly home?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** false: run TensorFlow.js eagerly. */
  readonly compile?: boolean;
  readonly onEpoch?: (record: EpochRecord) => void;
}

/**
 * The search that a protocol describes, through the run store: a finished one is returned at once, an interrupted one goes
 * on from its last checkpoint.
 *
 * @throws {UsageError} for a protocol that does not fit the data; {ZartsError} for missing data, a run that another process
 *         works on, a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function runSearch(
  protocol: SearchProtocol,
  options: RunSearchOptions = {},
): Promise<FinishedSearch> {
  const dataset = await searchData(protocol, options);
  const run = openRun({
    protocol,
    dataDigest: dataset.digest,
    ...(options.home === undefined ? {} : { home: options.home }),
  });
  const known = finished(protocol, run, true);
  if (known) return known;
  const release = run.lock();
  try {
    // Another process may have finished it while this one waited.
    const meanwhile = finished(protocol, run, true);
    if (meanwhile) return meanwhile;
    return await compute(protocol, dataset, run, options);
  } finally {
    release();
  }
}

/** Where a run's own clock is kept between interruptions. */
interface Timed {
  readonly seconds: number;
}

async function compute(
  protocol: SearchProtocol,
  dataset: Dataset,
  run: Run,
  options: RunSearchOptions,
): Promise<FinishedSearch> {
  const from = run.resume();
  const before = (from?.meta as { timed?: Timed } | undefined)?.timed?.seconds ?? 0;
  const started = performance.now();
  const seconds = () => before + (performance.now() - started) / 1000;
  const result = await search(protocol, {
    dataset,
    from,
    store: {
      appendMetrics: (record) => {
        run.appendMetrics(record);
      },
      saveCheckpoint: (checkpoint) => {
        run.saveCheckpoint({
          ...checkpoint,
          meta: { ...(checkpoint.meta as object), timed: { seconds: seconds() } },
        });
      },
    },
    ...(options.progress ? { progress: options.progress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.compile === undefined ? {} : { compile: options.compile }),
    ...(options.onEpoch ? { onEpoch: options.onEpoch } : {}),
  });
  run.finish(result, provenance(dataset, seconds()));
  return { ...finished(protocol, run, false)! };
}

function finished(protocol: SearchProtocol, run: Run, known: boolean): FinishedSearch | undefined {
  const record = run.record();
  if (!record) return undefined;
  return {
    protocol,
    result: record.result as unknown as SearchResult,
    provenance: record.provenance as unknown as Provenance,
    key: run.key,
    known,
  };
}

let loaded: { readonly key: string; readonly dataset: Promise<Dataset> } | undefined;

/** The data of a protocol; the last set loaded is kept, since a reproduction's searches all read the same one. */
export function searchData(protocol: SearchProtocol, options: LoadOptions = {}): Promise<Dataset> {
  const { name, imageSide: image, trainSize } = protocol.dataset;
  const spec = { name, image, trainSize };
  const key = JSON.stringify([spec, options.data, options.dataHome, process.env.ZARTS_DATA]);
  if (loaded?.key !== key) {
    const dataset = loadDataset(spec, options);
    loaded = { key, dataset };
    // A failure is not kept: the files may be there at the next call.
    dataset.catch(() => (loaded = undefined));
  }
  return loaded.dataset;
}

/** What is known of this process, its machine and its data; no names of machines or folders. */
export function provenance(dataset: Dataset, seconds: number): Provenance {
  const { commit, version, node, processor, cores } = thisMachine();
  return {
    commit,
    version,
    engine: device(),
    node,
    processor,
    cores,
    data: { name: dataset.name, coverage: dataset.coverage, digest: dataset.digest },
    seconds,
  };
}

/** Whether an error means that the user stopped the work, not that it failed. */
export function isInterrupt(error: unknown): boolean {
  return error instanceof InterruptedError;
}
