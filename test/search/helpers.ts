import { decodeCheckpoint, encodeCheckpoint } from '../../lib/runs/checkpoint.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import type { CallOptions, HostArray, HostArrays } from '../../lib/engine/index.js';
import type { Progress } from '../../lib/progress.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { searchProgram } from '../../lib/search/program.js';
import type { SearchFunction } from '../../lib/search/program.js';
import { applySet } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import type { StateStore } from '../../lib/runs/kept.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';

/** The smoke budget on made-up images: 3 cells, 4 channels, 8 images a batch, 2 epochs of 4 steps, M = 2. */
export function smokeIn(
  space: string | SearchSpace,
  solver: string,
  preset: string,
  ...settings: string[]
): SearchProtocol {
  const small = withBudget(fullSearch(space, solver, preset), 'smoke');
  return applySet(small, 'dataset.name=synthetic', 'seed=3', ...settings);
}

/** One line of metrics. */
export interface Metric {
  readonly step: number;
  readonly kind: 'update' | 'epoch' | 'intervention';
  readonly update: number;
  readonly epoch: number;
  readonly losses: number[];
  readonly ess: number;
  readonly esr: number;
  readonly sigma: number | null;
  readonly gradientNorm: number | null;
}

/** A store in memory; a checkpoint goes through its file format, as one on a disk does. */
export function memory() {
  const metrics: Metric[] = [];
  const checkpoints: Checkpoint[] = [];
  const store: StateStore = {
    appendMetrics: (record) => metrics.push(structuredClone(record) as Metric),
    saveCheckpoint: (checkpoint) => {
      const bytes = Buffer.concat(encodeCheckpoint(checkpoint, { bytes: 0, sha256: '0'.repeat(64) }));
      checkpoints.push(decodeCheckpoint(bytes, 'in memory').checkpoint);
    },
  };
  return { store, metrics, checkpoints, updates: () => metrics.filter(({ kind }) => kind === 'update') };
}

/** Stops the search once `step` steps are done. */
export function stopAt(step: number): { signal: AbortSignal; progress: Progress } {
  const controller = new AbortController();
  const update = (done: number): void => {
    if (done >= step) controller.abort();
  };
  return { signal: controller.signal, progress: { start: () => ({ update, end: () => undefined }) } };
}

/** One call of the search's program. */
export interface Call {
  readonly name: SearchFunction;
  readonly inputs: HostArrays;
  readonly options: CallOptions;
}

/** What is told of each call of a watched program. */
export interface Watcher {
  before?(call: Call): void;
  after?(call: Call, results: Record<string, HostArray>): void;
}

/** The weights in the program that searches with this protocol use, its calls told to a watcher until `unwatch`. */
export function watchProgram(protocol: SearchProtocol, classes: number, watcher: Watcher) {
  const { program, net } = searchProgram(protocol, classes, true);
  const call = program.call.bind(program);
  program.call = (name, inputs = {}, options = {}) => {
    const made = { name, inputs, options };
    watcher.before?.(made);
    const results = call(name, inputs, options);
    watcher.after?.(made, results);
    return results;
  };
  const weights = () => {
    const { omega, momentum } = program.read(['omega', 'momentum']);
    return { omega: omega.data as Float32Array, momentum: momentum.data as Float32Array };
  };
  return { weights, net, unwatch: () => (program.call = call) };
}
