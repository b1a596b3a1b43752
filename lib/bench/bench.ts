import { availableParallelism, cpus } from 'node:os';
import { median, quantile } from 'simple-statistics';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-node';
import { compile, device, tensorCounts } from '../engine/index.js';
import type { HostArrays, Program, ProgramStats } from '../engine/index.js';
import { unknownName } from '../errors.js';
import { key, normal, uniform } from '../math/random.js';
import { silent } from '../progress.js';
import type { Progress } from '../progress.js';
import { spaceById } from '../spaces/spaces.js';
import type { SpaceId } from '../spaces/spaces.js';
import { supernet } from '../supernet/supernet.js';
import { lossAndGradients, sgdStep } from '../supernet/training.js';

/**
 * How fast a supernet step is, as ratios within one run: the engines take turns on the same inputs, so that whatever else
 * the machine does falls on all of them alike. A step is forward, backward, clipping and SGD with momentum and decay.
 */

/** The size of a step. */
export interface BenchShape {
  readonly space: SpaceId;
  readonly channels: number;
  readonly cells: number;
  readonly batch: number;
  readonly image: number;
}

/** The shapes that can be timed, by name. */
export const BENCH_SHAPES = {
  'darts-small': { space: 'darts', channels: 8, cells: 3, batch: 16, image: 16 },
  's2-small': { space: 's2', channels: 8, cells: 3, batch: 16, image: 16 },
  'darts-full-16': { space: 'darts', channels: 16, cells: 8, batch: 16, image: 32 },
  'darts-full-64': { space: 'darts', channels: 16, cells: 8, batch: 64, image: 32 },
  's2-full-16': { space: 's2', channels: 16, cells: 8, batch: 16, image: 32 },
  's2-full-64': { space: 's2', channels: 16, cells: 8, batch: 64, image: 32 },
} as const satisfies Record<string, BenchShape>;

export type BenchShapeName = keyof typeof BENCH_SHAPES;
export const BENCH_SHAPE_NAMES = Object.keys(BENCH_SHAPES) as readonly BenchShapeName[];

/** What runs the step. */
export type BenchEngine = 'eager' | 'compiled';

/** Times of one engine in ms. */
export interface Timing {
  readonly median: number;
  /** The middle half of the times lies between these. */
  readonly quartiles: readonly [number, number];
  readonly n: number;
}

/** Memory after some steps of the compiled program. */
export interface MemoryMark {
  readonly step: number;
  /** TensorFlow.js tensors, and tensors of the native library. */
  readonly tensors: number;
  readonly nativeTensors: number;
  readonly rssBytes: number;
}

export interface ShapeReport extends BenchShape {
  readonly parameters: number;
  readonly ms: Readonly<Partial<Record<BenchEngine, Timing>>>;
  /** `eager/compiled`: how many times as long an eager step takes, by medians. */
  readonly ratios: Readonly<Record<string, number>>;
  /** The first call of the compiled step: recording, loading, TensorFlow's own optimization of the graph. */
  readonly firstCallMs: number;
  readonly graph: ProgramStats;
  readonly memory: readonly MemoryMark[];
}

export interface BenchReport {
  readonly shapes: Readonly<Record<string, ShapeReport>>;
  readonly machine: { readonly processor: string; readonly cores: number; readonly usableCores: number };
  readonly versions: ReturnType<typeof device> & { readonly node: string };
}

export interface BenchOptions {
  /** Names of {@link BENCH_SHAPES}. Default: the small DARTS-space step. */
  readonly shapes?: readonly string[];
  /** Timed steps of each engine. Default: 15. */
  readonly repeats?: number;
  /** Compiled steps after which memory is read the last time; 0 to leave memory out. Default: 1000 for small shapes. */
  readonly memorySteps?: number;
  readonly progress?: Progress;
}

/**
 * Times supernet steps.
 *
 * @throws {UsageError} for an unknown shape.
 */
export function runBench({
  shapes = ['darts-small'],
  repeats = 15,
  memorySteps,
  progress = silent,
}: BenchOptions = {}): BenchReport {
  for (const name of shapes) {
    if (!(name in BENCH_SHAPES)) throw unknownName('shape', name, BENCH_SHAPE_NAMES);
  }
  const processors = cpus();
  return {
    shapes: Object.fromEntries(
      shapes.map((name) => {
        const shape = BENCH_SHAPES[name as BenchShapeName];
        const steps = memorySteps ?? (shape.image === 16 ? 1000 : 0);
        return [name, benchShape(name, shape, repeats, steps, progress)];
      }),
    ),
    machine: {
      processor: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      usableCores: availableParallelism(),
    },
    versions: { ...device(), node: process.version },
  };
}

function benchShape(
  name: string,
  shape: BenchShape,
  repeats: number,
  memorySteps: number,
  progress: Progress,
): ShapeReport {
  const inputs = benchInputs(shape);
  const programs = { eager: benchProgram(shape, false), compiled: benchProgram(shape, true) };
  const step = (engine: BenchEngine) => {
    const started = performance.now();
    programs[engine].call('step', inputs, { outputs: ['loss'] });
    return performance.now() - started;
  };
  try {
    const phase = progress.start(`bench ${name}`, 2 * repeats + 4 + memorySteps);
    const firstCallMs = step('compiled');
    step('eager');
    // The first steps after compiling still warm caches and allocators.
    for (let i = 0; i < 2; i++) step('compiled');
    const times: Record<BenchEngine, number[]> = { eager: [], compiled: [] };
    for (let i = 0; i < repeats; i++) {
      for (const engine of ['eager', 'compiled'] as const) times[engine].push(step(engine));
      phase.update(4 + 2 * (i + 1));
    }
    const memory: MemoryMark[] = [];
    for (let i = 1; i <= memorySteps; i++) {
      step('compiled');
      if (i === 10 || i === memorySteps) memory.push(memoryMark(i));
      phase.update(4 + 2 * repeats + i);
    }
    phase.end();
    const ms = { eager: timing(times.eager), compiled: timing(times.compiled) };
    return {
      ...shape,
      parameters: supernet(spaceById(shape.space), { ...shape, classes: 10 }).layout.size,
      ms,
      ratios: { 'eager/compiled': ms.eager.median / ms.compiled.median },
      firstCallMs,
      graph: programs.compiled.stats(),
      memory,
    };
  } finally {
    programs.eager.dispose();
    programs.compiled.dispose();
  }
}

function benchProgram(shape: BenchShape, compiled: boolean): Program<'step'> {
  const net = supernet(spaceById(shape.space), { ...shape, classes: 10 });
  const size = net.layout.size;
  const state = {
    omega: { shape: [size], data: net.init(key(0)) },
    momentum: { shape: [size], data: new Float32Array(size) },
  };
  const { batch, image } = shape;
  const sgd = { momentum: 0.9, weightDecay: 3e-4, clip: 5 };
  return compile(
    state,
    {
      step: {
        inputs: {
          images: { shape: [batch, image, image, 3], dtype: 'float32' },
          labels: { shape: [batch], dtype: 'int32' },
          alphas: { shape: [net.alphas], dtype: 'float32' },
          lr: { shape: [], dtype: 'float32' },
        },
        run: ({ omega, momentum }, inputs) => {
          const { loss, weights } = lossAndGradients(
            net,
            omega as Tensor1D,
            inputs.alphas as Tensor1D,
            inputs.images as Tensor4D,
            inputs.labels as Tensor1D,
          );
          const next = sgdStep(omega as Tensor1D, momentum as Tensor1D, weights, inputs.lr, sgd);
          return { outputs: { loss }, state: { omega: next.weights, momentum: next.momentum } };
        },
      },
    },
    { compile: compiled },
  );
}

/** Random images and labels, and alphas as at the start of a search; the same in every run. */
function benchInputs({ space, batch, image }: BenchShape): HostArrays {
  const size = batch * image * image * 3;
  const alphas = supernet(spaceById(space), { cells: 3, channels: 2, classes: 10 }).alphas;
  return {
    images: { shape: [batch, image, image, 3], data: Float32Array.from(normal(key(1), size)) },
    labels: { shape: [batch], data: Int32Array.from(uniform(key(2), batch), (u) => Math.floor(10 * u)) },
    alphas: { shape: [alphas], data: Float32Array.from(normal(key(3), alphas), (z) => 1e-3 * z) },
    lr: { shape: [], data: Float32Array.of(0.025) },
  };
}

function timing(times: readonly number[]): Timing {
  const sorted = [...times];
  return {
    median: median(sorted),
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    n: times.length,
  };
}

function memoryMark(step: number): MemoryMark {
  return { step, ...tensorCounts(), rssBytes: process.memoryUsage().rss };
}
