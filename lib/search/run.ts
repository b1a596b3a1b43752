import { loadDataset } from '../datasets/load.js';
import type { Dataset, LoadOptions } from '../datasets/load.js';
import { device } from '../engine/index.js';
import { InterruptedError } from '../errors.js';
import { thisMachine } from '../runs/environment.js';
import type { Machine } from '../runs/environment.js';
import { kept } from '../runs/kept.js';
import type { Kept, KeptOptions } from '../runs/kept.js';
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

/** A finished search. */
export type FinishedSearch = Kept<SearchProtocol, SearchResult, Provenance>;

export interface RunSearchOptions extends KeptOptions, LoadOptions {
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
  const { progress, signal, compile, onEpoch } = options;
  return kept(
    {
      protocol,
      dataDigest: dataset.digest,
      compute: (run) =>
        search(protocol, {
          dataset,
          ...run,
          ...(progress ? { progress } : {}),
          ...(signal ? { signal } : {}),
          ...(compile === undefined ? {} : { compile }),
          ...(onEpoch ? { onEpoch } : {}),
        }),
      provenance: (seconds) => provenance(dataset, seconds),
    },
    options.home,
  );
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
