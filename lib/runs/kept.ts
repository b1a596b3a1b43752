import type { Progress } from '../progress.js';
import type { Checkpoint } from './checkpoint.js';
import { openRun } from './store.js';

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
export interface Kept<Protocol, Result, Provenance> {
  readonly protocol: Protocol;
  readonly result: Result;
  readonly provenance: Provenance;
  /** The run's key in the store. */
  readonly key: string;
  /** Whether the result was there already. */
  readonly known: boolean;
}

/** Where a computation keeps its state. */
export interface StateStore {
  appendMetrics(record: { readonly step: number }): void;
  saveCheckpoint(checkpoint: Checkpoint): void;
}

/** What a computation is handed of its run. */
export interface KeptRun {
  /** What to go on from. */
  readonly from: Checkpoint | undefined;
  /** Keeps with each state how long it took to get there. */
  readonly store: StateStore;
}

/** A run as it is looked up and computed. */
export interface Computation<Protocol, Result, Provenance> {
  readonly protocol: Protocol;
  readonly dataDigest: string;
  /** The work; its result is plain JSON. */
  readonly compute: (run: KeptRun) => Promise<Result>;
  /** How the result came about. @param seconds  Of computing, over all parts of a resumed run. */
  readonly provenance: (seconds: number, result: Result) => Provenance;
}

/**
 * The result of a run through the store: a finished one at once, an interrupted one from its last checkpoint on.
 *
 * @param home  The folder of runs.
 * @throws {ZartsError} for a run that another process works on; whatever `compute` throws.
 */
export async function kept<Protocol, Result, Provenance>(
  { protocol, dataDigest, compute, provenance }: Computation<Protocol, Result, Provenance>,
  home?: string,
): Promise<Kept<Protocol, Result, Provenance>> {
  const run = openRun({ protocol, dataDigest, ...(home === undefined ? {} : { home }) });
  const finished = (known: boolean): Kept<Protocol, Result, Provenance> | undefined => {
    const record = run.record() as unknown as { result: Result; provenance: Provenance } | undefined;
    return record && { protocol, result: record.result, provenance: record.provenance, key: run.key, known };
  };
  const known = finished(true);
  if (known) return known;
  const release = run.lock();
  try {
    // Another process may have finished it while this one waited.
    const meanwhile = finished(true);
    if (meanwhile) return meanwhile;
    const from = run.resume();
    // Seconds of computing, those before an interruption included: each checkpoint keeps them.
    const { timed } = (from?.meta ?? {}) as { timed?: { seconds: number } };
    const began = performance.now();
    const seconds = (): number => (timed?.seconds ?? 0) + (performance.now() - began) / 1000;
    const store: StateStore = {
      appendMetrics: (record) => {
        run.appendMetrics(record);
      },
      saveCheckpoint: (checkpoint) => {
        const meta = { ...(checkpoint.meta as object), timed: { seconds: seconds() } };
        run.saveCheckpoint({ ...checkpoint, meta });
      },
    };
    const result = await compute({ from, store });
    run.finish(result, provenance(seconds(), result));
    return finished(false)!;
  } finally {
    release();
  }
}
