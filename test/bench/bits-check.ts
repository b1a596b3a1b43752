import type { BenchShape } from './shapes.js';
import type { Digests, Extent } from './bits-outputs.js';
import { EngineProcess } from './processes.js';

/**
 * Whether a shape's outputs are the same to the last bit in every session, every process, and however many operations run
 * at once.
 */

export interface BitsOptions {
  readonly extent: Extent;
  /** Sessions that each process opens, one after the other. */
  readonly sessions: number;
  /** Processes for each number of threads. */
  readonly processes: number;
  /** Threads between operations: a process has each of these. */
  readonly threads: readonly number[];
}

/** As much as the project promises is checked. */
export const WHOLE_CHECK: BitsOptions = { extent: 'all', sessions: 3, processes: 3, threads: [1, 2] };

export interface BitsReport {
  /** Sessions compared. */
  readonly sessions: number;
  /** How many different values an output had, by its name; 1 where all agree. */
  readonly values: Readonly<Record<string, number>>;
}

/** Runs the check. @throws where a process fails. */
export async function checkBits(shape: BenchShape, options: BitsOptions): Promise<BitsReport> {
  const found: Digests[] = [];
  const { extent, sessions, processes } = options;
  for (const threads of options.threads) {
    const env = { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: String(threads) };
    for (let i = 0; i < processes; i++) {
      await new EngineProcess('The engine', env).during(async (engine) => {
        // Each time in a session of its own.
        for (let n = 0; n < sessions; n++)
          found.push((await engine.ask('outputs', { shape, extent })).digests);
      });
    }
  }
  const names = Object.keys(found[0]);
  const different = (name: string): number => new Set(found.map((digests) => digests[name])).size;
  const values = Object.fromEntries(names.map((name) => [name, different(name)]));
  return { sessions: found.length, values };
}
