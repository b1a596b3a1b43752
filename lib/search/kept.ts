import type { Dataset } from '../datasets/load.js';
import type { Progress } from '../progress.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { openRun } from '../runs/store.js';
import type { Run } from '../runs/store.js';
import { provenance } from './run.js';
import type { Provenance } from './run.js';

/** What computing a run needs besides its protocol and data. */
export interface KeptOptions {
  /** The folder of runs. Default: `$ZARTS_HOME`, else `.zarts/runs` of the project. */
  readonly home?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** false: run TensorFlow.js eagerly. */
  readonly compile?: boolean;
}

/** A finished run of any kind: its result, where it is kept, and how it came about. */
export interface Kept<Protocol, Result> {
  readonly protocol: Protocol;
  readonly result: Result;
  readonly provenance: Provenance;
  /** The run's key in the store. */
  readonly key: string;
  /** Whether the result was there already. */
  readonly known: boolean;
}

/** What a computation is handed of its run. */
export interface KeptRun {
  /** What to go on from. */
  readonly from: Checkpoint | undefined;
  /** Keeps the state, and with it how long it took to get there. */
  save(checkpoint: Checkpoint): void;
  readonly appendMetrics: Run['appendMetrics'];
}

/**
 * The result of a run through the store: a finished one at once, an interrupted one from its last checkpoint on.
 *
 * @param compute  The work; its result is plain JSON.
 * @throws {ZartsError} for a run that another process works on; whatever `compute` throws.
 */
export async function kept<Protocol, Result>(
  protocol: Protocol,
  dataset: Dataset,
  { home }: KeptOptions,
  compute: (run: KeptRun) => Promise<Result>,
): Promise<Kept<Protocol, Result>> {
  const run = openRun({ protocol, dataDigest: dataset.digest, ...(home === undefined ? {} : { home }) });
  const finished = (known: boolean): Kept<Protocol, Result> | undefined => {
    const record = run.record();
    if (!record) return undefined;
    const { result, provenance: made } = record as unknown as { result: Result; provenance: Provenance };
    return { protocol, result, provenance: made, key: run.key, known };
  };
  const known = finished(true);
  if (known) return known;
  const release = run.lock();
  try {
    // Another process may have finished it while this one waited.
    const meanwhile = finished(true);
    if (meanwhile) return meanwhile;
    const from = run.resume();
    const before = (from?.meta as { timed?: { seconds: number } } | undefined)?.timed?.seconds ?? 0;
    const began = performance.now();
    const seconds = (): number => before + (performance.now() - began) / 1000;
    const result = await compute({
      from,
      save: (checkpoint) => {
        const meta = { ...(checkpoint.meta as object), timed: { seconds: seconds() } };
        run.saveCheckpoint({ ...checkpoint, meta });
      },
      appendMetrics: (record) => {
        run.appendMetrics(record);
      },
    });
    run.finish(result, provenance(dataset, seconds()));
    return finished(false)!;
  } finally {
    release();
  }
}
