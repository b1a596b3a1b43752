import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from '../../test/bench/bench.js';
import type { BitsReport } from '../../test/bench/bits-check.js';
import { peerPython } from '../../test/bench/processes.js';
import { fixed } from '../../lib/report/format.js';
import type { Progress } from '../../lib/progress.js';
import { projectRoot } from '../../lib/runs/home.js';
import { peerInstalled } from './bench-peer.js';
import { jupyterEnvironment, venvPython } from './jupyter.js';

/** `zarts bench --gpu-first-run`: what is to be known of a GPU that nobody has run this project on. */

/** What is looked at, and how long; tests ask for less. */
export interface FirstRunOptions {
  readonly shapes: readonly string[];
  /** Steps over which memory must stay flat. */
  readonly memorySteps: number;
  /** Folder of the reference numbers. */
  readonly fixtures: string;
}

/** About ten minutes. */
export const FIRST_RUN: FirstRunOptions = {
  shapes: ['s2-small', 'darts-small', 'darts-full-16', 's2-full-64', 'retrain-small'],
  memorySteps: 1000,
  fixtures: join(projectRoot(), 'test', 'fixtures'),
};

export interface FirstRun {
  /**
   * Operations for which TensorFlow has no kernel on a GPU, so that values go to the processor and back; null where the
   * TensorFlow that is installed was built without CUDA.
   */
  readonly withoutGpuKernel: readonly string[] | null;
  /** Arrays within and out of tolerance, and the names of these. */
  readonly parity: { readonly passed: number; readonly failed: number; readonly out: readonly string[] };
  readonly bits: BitsReport;
  readonly search: { readonly seconds: number; readonly steps: number };
  readonly bench: BenchReport;
}

/**
 * Those of some operations that have no kernel for float32 on a GPU.
 *
 * @param python  One that has TensorFlow beside it.
 * @returns       Their names; null where this TensorFlow was built without CUDA, or does not load.
 */
export function withoutGpuKernel(
  operations: readonly string[],
  python = venvPython(),
): readonly string[] | null {
  const { status, stdout } = spawnSync(python, [join(projectRoot(), 'bin', 'gpu_kernels.py')], {
    input: operations.join('\n'),
    encoding: 'utf8',
    env: jupyterEnvironment(),
  });
  return status === 0 ? stdout.split('\n').filter((line) => line !== '') : null;
}

/** The operations that this project's programs consist of without the fused kernels, which are for processors. */
export function gpuOperations(): readonly string[] {
  const file = join(projectRoot(), 'test', 'bench', 'gpu-operations.json');
  return JSON.parse(readFileSync(file, 'utf8')) as string[];
}

/** Looks at everything, on whatever TensorFlow computes on. */
export async function firstRun(
  { shapes, memorySteps, fixtures }: FirstRunOptions,
  progress: Progress,
): Promise<FirstRun> {
  const { EngineProcess } = await import('../../test/bench/processes.js');
  const { BENCH_SHAPES } = await import('../../test/bench/shapes.js');
  const { WHOLE_CHECK, checkBits } = await import('../../test/bench/bits-check.js');
  const { runBench } = await import('../../test/bench/bench.js');
  const { runParity } = await import('../../test/parity/parity.js');
  const phase = progress.start('first run', 4);
  const engine = new EngineProcess('The engine');
  const { operations } = await engine.during((each) => each.ask('operations'));
  const missing = withoutGpuKernel(operations);
  phase.update(1, 'parity');
  const { cases, passed, failed } = runParity(fixtures);
  const out = cases.filter(({ ok }) => !ok).map(({ id, array, form }) => `${id} ${array} (${form})`);
  phase.update(2, 'bits');
  const bits = await checkBits(BENCH_SHAPES['s2-small'], { ...WHOLE_CHECK, sessions: 2, processes: 1 });
  phase.update(3, 'a search');
  const search = await firstSearch();
  phase.update(4, 'times');
  phase.end();
  const peer = peerInstalled() ? { peer: peerPython() } : {};
  const bench = await runBench({ shapes, memorySteps, progress, ...peer });
  return { withoutGpuKernel: missing, parity: { passed, failed, out }, bits, search, bench };
}

/** A search of seconds on computed images. */
async function firstSearch(): Promise<FirstRun['search']> {
  const { loadDataset } = await import('../../lib/datasets/load.js');
  const { fullSearch, withBudget } = await import('../../lib/search/presets.js');
  const { search } = await import('../../lib/search/search.js');
  const protocol = withBudget(fullSearch('s2', 'mgs'), 'smoke');
  const { name, imageSide: image, trainSize } = protocol.dataset;
  const dataset = await loadDataset({ name, image, trainSize, testSize: 1 }, { data: 'synthetic' });
  const began = performance.now();
  const { steps } = await search(protocol, { dataset });
  return { seconds: (performance.now() - began) / 1000, steps };
}

/** What the README says of a GPU, from what was found; the table of times is the bench's own. */
export function describeFirstRun({ withoutGpuKernel, parity, bits, search }: FirstRun): string[] {
  const differing = Object.keys(bits.values).filter((output) => bits.values[output] > 1);
  const { passed, failed, out } = parity;
  return [
    withoutGpuKernel === null
      ? 'Kernels: the installed TensorFlow was built without CUDA.'
      : `Kernels: ${withoutGpuKernel.length === 0 ? 'every recorded operation has one for the GPU' : `none for the GPU: ${withoutGpuKernel.join(', ')}`}.`,
    `Parity: ${passed} of ${passed + failed} arrays within tolerance${out.length === 0 ? '' : `; out of it: ${out.join(', ')}`}.`,
    `Bits: ${bits.sessions} sessions ${differing.length === 0 ? 'agree in all outputs' : `differ in ${differing.join(', ')}`}.`,
    `A search of ${search.steps} steps (MGS in S2, smoke): ${fixed(search.seconds, 1)} s.`,
    '',
  ];
}
