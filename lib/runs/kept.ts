import type { Progress } from '../progress.js';
import { ZartsError } from '../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { bitsOf, differenceOf } from './environment.js';
import type { Bits, EngineFacts } from './environment.js';
import { openRun } from './store.js';
import type { Run } from './store.js';

/** What computing a run needs besides its protocol and data. */
export interface KeptOptions {
  /** The folder of runs. Default: `$ZARTS_HOME`, else `.zarts/runs` of the project. */
  readonly home?: string;
  readonly progress?: Progress;
  /** Stops the work where its state can be saved, and saves it. */
  readonly signal?: AbortSignal;
  /** false: run TensorFlow.js eagerly, for debugging. */
  readonly compile?: boolean;
  /** What to do with a run that was begun where other bits are computed: refuse it (if left out), or begin it anew. */
  readonly otherBits?: 'refuse' | 'restart';
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

/**
 * A kind of run: a search, a landscape, a training …; its runs differ in their protocols alone.
 *
 * @typeParam Data  What its runs read, told apart by its digest.
 */
export interface Kind<
  Protocol,
  Data extends { readonly digest: string },
  Result,
  Provenance,
  Options extends KeptOptions,
> {
  readonly data: (protocol: Protocol, options: Options) => Promise<Data>;
  /** Protocols of other runs whose results it begins with; computing it runs them first if the store lacks them. */
  readonly needs?: (protocol: Protocol) => readonly unknown[];
  /** What computes it. */
  readonly engine: () => EngineFacts;
  /** The work; its result is plain JSON. */
  readonly compute: (
    work: {
      readonly protocol: Protocol;
      readonly data: Data;
      readonly run: KeptRun;
      /** Has another run made that this one begins with: its time is its own. */
      readonly other: <T>(run: () => Promise<T>) => Promise<T>;
    },
    options: Options,
  ) => Promise<Result>;
  /** How a result came about. @param seconds  Of computing, over all parts of a resumed run. */
  readonly provenance: (data: Data, seconds: number, result: Result, protocol: Protocol) => Provenance;
}

/**
 * The result of a run through the store: a finished one at once, an interrupted one from its last checkpoint on.
 *
 * @param isWhole  Whether a finished run has all that is wanted of it. One that has not, such as an imported one, which has
 *        no state, is computed again for its state; its result stays as it is.
 * @throws {UsageError} for a protocol that does not fit the data; {ZartsError} for missing data, a run that another process
 *         works on or that was begun on a machine with other bits, a loss that is not finite; {InterruptedError} after `signal`.
 */
export async function runKind<
  Protocol,
  Data extends { readonly digest: string },
  Result,
  Provenance,
  Options extends KeptOptions,
>(
  kind: Kind<Protocol, Data, Result, Provenance, Options>,
  protocol: Protocol,
  options: Options,
  isWhole: (run: Run, result: Result) => boolean = () => true,
): Promise<Kept<Protocol, Result, Provenance>> {
  const data = await kind.data(protocol, options);
  const { home } = options;
  const run = openRun({ protocol, dataDigest: data.digest, home });
  const finished = (known: boolean): Kept<Protocol, Result, Provenance> | undefined => {
    const record = run.record() as unknown as { result: Result; provenance: Provenance } | undefined;
    return record && { protocol, result: record.result, provenance: record.provenance, key: run.key, known };
  };
  const whole = (): Kept<Protocol, Result, Provenance> | undefined => {
    const kept = finished(true);
    return kept && isWhole(run, kept.result) ? kept : undefined;
  };
  const known = whole();
  if (known) return known;
  await run.free();
  const release = run.lock();
  try {
    // Another process may have finished it while this one waited.
    const meanwhile = whole();
    if (meanwhile) return meanwhile;
    const here = bitsOf(kind.engine());
    const from = goOnFrom(run, here, options);
    // Seconds of computing, those before an interruption included: each checkpoint keeps them.
    const { timed } = (from?.meta ?? {}) as { timed?: { seconds: number } };
    const began = performance.now();
    let otherMs = 0;
    const seconds = (): number => (timed?.seconds ?? 0) + (performance.now() - began - otherMs) / 1000;
    const other = async <T>(another: () => Promise<T>): Promise<T> => {
      const since = performance.now();
      try {
        return await another();
      } finally {
        otherMs += performance.now() - since;
      }
    };
    const store: StateStore = {
      appendMetrics: (record) => {
        run.appendMetrics(record);
      },
      saveCheckpoint: (checkpoint) => {
        const meta = { ...(checkpoint.meta as object), timed: { seconds: seconds() }, bits: here };
        run.saveCheckpoint({ ...checkpoint, meta });
      },
    };
    const result = await kind.compute({ protocol, data, run: { from, store }, other }, options);
    run.finish(result, kind.provenance(data, seconds(), result, protocol));
    return finished(false)!;
  } finally {
    release();
  }
}

/** A run cannot go on here: it was begun where other bits are computed. */
export class OtherBitsError extends ZartsError {
  override readonly name = 'OtherBitsError';

  /** @param there  What decides the bits where it was begun. */
  constructor(
    message: string,
    readonly there: Bits,
  ) {
    super(message);
  }
}

/** What a run goes on from. It is one machine's: what goes on with other last bits would be the result of none. */
function goOnFrom(run: Run, here: Bits, { otherBits }: KeptOptions): Checkpoint | undefined {
  const from = run.resume();
  const { bits = {} } = (from?.meta ?? {}) as { bits?: Bits };
  const difference = from && differenceOf(bits, here);
  if (difference === undefined) return from;
  if (otherBits === 'restart') {
    run.restart();
    return run.resume();
  }
  throw new OtherBitsError(
    `Run ${run.key} was begun where other bits are computed: ${difference}; go on there, or start it anew here by deleting ${run.folder}.`,
    bits,
  );
}
