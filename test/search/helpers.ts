import type { CallOptions, HostArray, HostArrays } from '../../lib/engine/index.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { searchProgram } from '../../lib/search/program.js';
import type { SearchFunction } from '../../lib/search/program.js';
import { applySet } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { SOLVERS, SOLVER_IDS } from '../../lib/search/solvers.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { memoryStore } from '../support/runs.js';

/** The solvers that a preset can be chosen for. */
export const BASE_IDS = SOLVER_IDS.filter((id) => SOLVERS[id].base === id);

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

/** A search's store in memory. */
export function memory() {
  const kept = memoryStore<Metric>();
  return { ...kept, updates: () => kept.metrics.filter(({ kind }) => kind === 'update') };
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
