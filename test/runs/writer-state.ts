import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import { foldIn, key, uniform } from '../../lib/math/random.js';

export const PROTOCOL = { protocol: { kind: 'known', seed: 1 }, dataDigest: 'none' } as const;

/** The metrics line of a step; lines have different lengths. */
export function metricsAt(step: number): { step: number; loss: number; note: string } {
  return { step, loss: uniform(foldIn(key(1), step), 1)[0], note: 'x'.repeat(step % 50) };
}

/** The file that a run's metrics were last written to; undefined while there is none. */
export function metricsFile(folder: string): string | undefined {
  const written = (file: string): number => statSync(file).mtimeMs;
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => /^metrics\..*jsonl$/.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => written(a) - written(b))
    .at(-1);
}

/** Every whole line of a run's metrics; a torn last line is left out. */
export function metricsOf({ folder }: { readonly folder: string }): { readonly step: number }[] {
  const file = metricsFile(folder);
  const lines = file ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  return lines.map((line) => JSON.parse(line) as { step: number });
}

/** The state after a step: many arrays, so that its writing takes many calls and a kill lands between them. */
export function checkpointAt(step: number): Checkpoint {
  const first = uniform(foldIn(key(2), step), 1)[0];
  const layers = Array.from({ length: 40 }, (_, k): [string, Float32Array] => [
    `layer-${k}`,
    new Float32Array(50_000).fill(first + k),
  ]);
  return {
    step,
    meta: { step, first },
    tensors: { ...Object.fromEntries(layers), alpha: Float64Array.of(first, step) },
  };
}
