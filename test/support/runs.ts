import type { Progress } from '../../lib/progress.js';
import { decodeCheckpoint, encodeCheckpoint } from '../../lib/runs/checkpoint.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import type { StateStore } from '../../lib/runs/kept.js';

/** A store in memory; a checkpoint goes through its file format, as one on a disk does. */
export function memoryStore<Metric = Readonly<Record<string, unknown>>>() {
  const metrics: Metric[] = [];
  const checkpoints: Checkpoint[] = [];
  const store: StateStore = {
    appendMetrics: (record) => metrics.push(structuredClone(record) as Metric),
    saveCheckpoint: (checkpoint) => {
      const bytes = Buffer.concat(encodeCheckpoint(checkpoint, { bytes: 0, sha256: '0'.repeat(64) }));
      checkpoints.push(decodeCheckpoint(bytes, 'in memory').checkpoint);
    },
  };
  return { store, metrics, checkpoints };
}

/** Stops a run once `step` units of its phase of that name are done. */
export function stopAt(step: number, phase = /^/): { signal: AbortSignal; progress: Progress } {
  const controller = new AbortController();
  const end = (): void => undefined;
  const update = (done: number): void => {
    if (done >= step) controller.abort();
  };
  const start = (name: string) => ({ update: phase.test(name) ? update : end, end });
  return { signal: controller.signal, progress: { start } };
}
