import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { metricsFile } from '../runs/writer-state.js';
import type { Outcome, Started } from './zarts.js';

/** A search of some seconds: 40 weight steps and 20 alpha updates, a checkpoint after each of its 10 epochs. */
export const SEARCH = [
  'search',
  '--space',
  's2',
  '--solver',
  'mgs',
  '--budget',
  'smoke',
  '--data',
  'synthetic',
];
export const RUN = [...SEARCH, '--seed', '1', '--set', 'epochs=10', '--json'];
export const EPOCHS = 10;
export const STEPS = 4 * EPOCHS;

interface SearchDocument {
  readonly key: string;
  readonly protocol: { readonly seed: number; readonly epochs: number };
  readonly result: {
    readonly genotype: unknown;
    readonly steps: number;
    readonly epochs: readonly { ess: number }[];
  };
  readonly provenance: { readonly seconds: number; readonly data: { readonly coverage: string } };
  readonly deviations: readonly string[];
}

/** The one JSON document on stdout. */
export const documentOf = ({ stdout }: Outcome): SearchDocument => JSON.parse(stdout) as SearchDocument;

/** What must not depend on when, and in how many parts, a search was run. */
export function lasting({ provenance, ...rest }: SearchDocument): unknown {
  return { ...rest, provenance: { ...provenance, seconds: 0 } };
}

/** What is on stderr besides progress: no line of it may be there in a run that goes well. */
export function besidesProgress(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !/^search s2 mgs seed \d+ \d+\/\d+/.test(line));
}

/** The result that a run's folder holds, without times. */
export function storedResult(home: string, runKey: string): unknown {
  const path = join(home, 'runs', runKey, 'result.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { result: unknown }).result;
}

/** The folder of the only run in `home`; undefined while there is none. */
function runFolder(home: string): string | undefined {
  const runs = join(home, 'runs');
  const [run] = existsSync(runs) ? readdirSync(runs) : [];
  return run === undefined ? undefined : join(runs, run);
}

/** Steps that the newest checkpoint in `home` has; 0 without one. */
export function savedSteps(home: string): number {
  const folder = join(runFolder(home) ?? home, 'checkpoint');
  if (!existsSync(folder)) return 0;
  const checkpoints = readdirSync(folder).filter((name) => name.endsWith('.ckpt'));
  return Math.max(0, ...checkpoints.map((name) => parseInt(name)));
}

/** Waits until the process adds a line to the run's metrics: it has taken up the work and is writing. */
export async function untilWriting(home: string, { child }: Started): Promise<void> {
  const size = (): number => {
    const file = metricsFile(runFolder(home) ?? join(home, 'none'));
    return file === undefined ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  };
  // The file is first cut back to the last checkpoint, and only then grows.
  for (let last = Infinity, now = size(); now <= last && child.exitCode === null; now = size()) {
    last = now;
    await delay(5);
  }
}
