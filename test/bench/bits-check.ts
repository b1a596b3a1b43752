import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BenchShape } from './shapes.js';
import type { Digests, Extent } from './bits-outputs.js';

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
  for (const threads of options.threads) {
    for (let i = 0; i < options.processes; i++) {
      found.push(...(await digestsOf(shape, threads, options)));
    }
  }
  const names = Object.keys(found[0]);
  const different = (name: string): number => new Set(found.map((digests) => digests[name])).size;
  const values = Object.fromEntries(names.map((name) => [name, different(name)]));
  return { sessions: found.length, values };
}

async function digestsOf(
  shape: BenchShape,
  threads: number,
  { sessions, extent }: BitsOptions,
): Promise<Digests[]> {
  const worker = path.join(__dirname, 'bits-worker.js');
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: String(threads) };
  const args = [worker, JSON.stringify(shape), extent, String(sessions)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Digests);
}
