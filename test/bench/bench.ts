import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as rest } from 'node:timers/promises';
import { median } from 'simple-statistics';
import type { Device } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { silent } from '../../lib/progress.js';
import type { Phase, Progress } from '../../lib/progress.js';
import type { AlphaUpdateTimes } from './alpha-update.js';
import { checkBits } from './bits-check.js';
import type { BitsReport } from './bits-check.js';
import { EngineProcess, PeerProcess, peerName } from './processes.js';
import type { PeerVariant } from './processes.js';
import type { StepCounts } from './program.js';
import { BENCH_SHAPES, PRODUCT_SIDE, SUM_LENGTH, isRetraining, isSmall, shapesOf } from './shapes.js';
import type { BenchShape } from './shapes.js';
import { contenders, inTurn, timing } from './timing.js';
import type { Timing } from './timing.js';

/**
 * How fast a supernet step is, as ratios within one run: the engines take turns on the same weights and inputs, so that
 * whatever else the machine does falls on all of them alike. A step is forward, backward, clipping of the global norm, and
 * SGD with momentum and decay.
 */

/** Peaks of memory in bytes of a process that does nothing else. */
export interface MemoryReport {
  /** With the libraries loaded. */
  readonly start?: number;
  /** While the step was recorded and loaded; null where there is nothing to record. */
  readonly recording: number | null;
  /** While it ran: since recording where the system can tell that apart, else since the start. */
  readonly running: number;
  /** The larger of the two. */
  readonly peak: number;
}

/** Memory after some steps of the compiled program; none of it may grow. */
export interface MemoryMark {
  readonly step: number;
  /** TensorFlow.js tensors, and tensors of the native library. */
  readonly tensors: number;
  readonly nativeTensors: number;
  readonly rssBytes: number;
}

/** What was measured of a shape. */
export interface Measurements {
  readonly parameters: number;
  /** Milliseconds of a step by engine: `eager`, `compiled`, and the peer's variants. */
  readonly ms: Readonly<Record<string, Timing>>;
  /** Times as ratios of medians; see {@link ratiosOf}. */
  readonly ratios: Readonly<Record<string, number>>;
  /** What counts as the peer: its fastest variant. */
  readonly peer?: string;
  /** Multiply-adds and operations of one step. */
  readonly counts: StepCounts;
  /** The graph as it is loaded, and how long each stage of its making took. */
  readonly graph: {
    readonly operations: number;
    readonly bytes: number;
    readonly recordMs: number;
    readonly loadMs: number;
    /** The first call after loading, in which TensorFlow optimizes the graph. */
    readonly firstCallMs: number;
  };
  /** By engine, `compiled`, `eager` and `torch`. */
  readonly memory: Readonly<Record<string, MemoryReport>>;
  /** 1024×1024 matrix products, taken in turn with the steps. */
  readonly matrixProduct: { readonly ms: Timing; readonly parallel: number; readonly gflops: number };
  /** Arithmetic of the compiled step: 2·multiply-adds over its median. */
  readonly gflops: number;
  /** Billions of bytes a second that the operations of the compiled step read and write, each tensor once for each of them. */
  readonly gbytes: number;
  /** Whether two sessions, with one and with two operations at once, agree in every bit of three steps. */
  readonly bits: BitsReport;
  readonly alphaUpdate?: AlphaUpdateTimes;
  readonly steady?: readonly MemoryMark[];
}

export type ShapeReport = BenchShape & Measurements;

export interface BenchReport {
  readonly shapes: Readonly<Record<string, ShapeReport>>;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly usableCores: number;
    readonly memoryBytes: number;
    /** Processes that wanted to run in the minute before: above 0.5 the machine was not idle. */
    readonly loadBefore: number;
    /** Images a second through the input pipeline with augmentation at 32×32, one core. */
    readonly pipelineImagesPerSecond: number;
    /** Arithmetic in registers alone, all cores; null where the fused kernels, which measure it, are not used. */
    readonly peakGflops: number | null;
    /** Billions of bytes a second that sums of long vectors read and write. */
    readonly memoryGbytes: number;
  };
  readonly versions: Device & {
    readonly node: string;
    readonly torch?: string;
    readonly python?: string;
  };
  /** ISO date and time of the start. */
  readonly date: string;
}

export interface BenchOptions {
  /** Names of {@link BENCH_SHAPES}, or `all`. Default: those with batch 16. */
  readonly shapes?: readonly string[];
  /** Timed steps of each engine. Default: 15 for small shapes, else 5, at batch 64 3. */
  readonly repeats?: number;
  /** Whether the eager engine is timed as well. Default: on small shapes. */
  readonly eager?: boolean;
  /** Python of an environment that has PyTorch; without it there is no peer. */
  readonly peer?: string;
  /** Also time `torch.compile`, whose compiling takes minutes. */
  readonly peerCompile?: boolean;
  /** Alpha updates timed. Default: 3 on small shapes, else none; each takes as long as 40 steps. */
  readonly updates?: number;
  /** Compiled steps after which memory is read again; 0 for none. Default: 0. */
  readonly memorySteps?: number;
  readonly progress?: Progress;
}

/** What the machine can do at most. */
async function machineRates(engine: EngineProcess) {
  const pipeline = await engine.ask('pipeline');
  const { rate } = await engine.ask('registers');
  const sums: { ms: number; parallel: number }[] = [];
  while (sums.length < RATE_REPEATS) sums.push(await engine.ask('sum'));
  const bytes = 3 * 4 * SUM_LENGTH * sums[0].parallel;
  return {
    pipelineImagesPerSecond: pipeline.batch / (median(pipeline.times) / 1000),
    peakGflops: rate === null ? null : (2 * rate * availableParallelism()) / 1e9,
    memoryGbytes: bytes / (median(sums.map(({ ms }) => ms)) * 1e6),
  };
}

/** Times that a rate of the machine is the median of. */
const RATE_REPEATS = 5;

/**
 * Times supernet steps.
 *
 * @throws {UsageError} for an unknown shape.
 * @throws {ZartsError} when an engine fails, or when two engines that should do the same work disagree in the loss.
 */
export async function runBench(options: BenchOptions = {}): Promise<BenchReport> {
  const names = shapesOf(options.shapes);
  const date = new Date().toISOString();
  const [loadBefore] = loadavg();
  const { facts, rates } = await new EngineProcess('The engine').during(async (engine) => ({
    facts: await engine.ask('hello'),
    rates: await machineRates(engine),
  }));
  const peer =
    options.peer === undefined
      ? {}
      : await new PeerProcess(options.peer, facts.device.device).during((each) => each.ask('hello'));
  const shapes: Record<string, ShapeReport> = {};
  for (const name of names)
    shapes[name] = await new ShapeBench(name, BENCH_SHAPES[name], facts.device.device, options).run();
  const processors = cpus();
  return {
    shapes,
    machine: {
      processor: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      usableCores: availableParallelism(),
      memoryBytes: totalmem(),
      loadBefore,
      ...rates,
    },
    versions: { ...facts.device, node: facts.node, ...peer },
    date,
  };
}

/** Between two turns: threads that still wait for work, spinning, would slow down whoever comes next. */
const REST_MS = 30;

/** What a turn's timed steps take together, unless they are {@link TURN_STEPS}. */
const TURN_MS = 200;
const TURN_STEPS = 8;

/**
 * An engine's turn: after a rest one step that is not timed, then some that are, one after the other as in a search. A step
 * after a rest alone would time how long sleeping threads take to wake.
 *
 * @returns The mean time of a step in ms.
 */
async function turnOf(step: () => Promise<number>): Promise<number> {
  await rest(REST_MS);
  await step();
  let [steps, total] = [0, 0];
  while (steps === 0 || (total < TURN_MS && steps < TURN_STEPS)) {
    total += await step();
    steps += 1;
  }
  return total / steps;
}

/** The variants of the peer that are tried: both layouts with one thread and with all cores. */
export function peerVariants(cores: number, withCompile: boolean): readonly PeerVariant[] {
  const layouts = withCompile
    ? (['nchw', 'channels_last', 'torch.compile'] as const)
    : (['nchw', 'channels_last'] as const);
  const threads = cores === 1 ? [1] : [1, cores];
  return layouts.flatMap((layout) => threads.map((count) => ({ layout, threads: count })));
}

/** The bench of one shape. */
class ShapeBench {
  private readonly compiled = new EngineProcess('The compiled engine');
  private readonly eager: EngineProcess | undefined;
  private readonly repeats: number;
  private readonly updates: number;
  private readonly phase: Phase;
  private done = 0;

  constructor(
    private readonly name: string,
    private readonly shape: BenchShape,
    private readonly device: Device['device'],
    private readonly options: BenchOptions,
  ) {
    const small = isSmall(shape);
    this.repeats = options.repeats ?? (small ? 15 : shape.batch <= 16 ? 5 : 3);
    this.updates = isRetraining(shape) ? 0 : (options.updates ?? (small ? 3 : 0));
    if (options.eager ?? small) this.eager = new EngineProcess('The eager engine');
    // A total that depends on how many variants of the peer stay in the race is not known.
    this.phase = (options.progress ?? silent).start(`bench ${name}`, 0);
  }

  async run(): Promise<ShapeReport> {
    try {
      return await this.measure();
    } finally {
      this.compiled.close();
      this.eager?.close();
      this.phase.end();
    }
  }

  private tell(what: string): void {
    this.phase.update(++this.done, what);
  }

  private async measure(): Promise<ShapeReport> {
    const { compiled, eager, shape, options } = this;
    this.tell('recording and loading');
    const opened = await compiled.ask('open', { shape, engine: 'compiled' });
    this.tell('first call');
    const first = await compiled.ask('step');
    // The next steps still warm caches and allocators.
    for (let i = 0; i < 2; i++) await compiled.ask('step');
    const { peakBytes: running } = await compiled.ask('memory');
    const { startBytes: start, recordingBytes: recording } = opened;
    const memory: Record<string, MemoryReport> = {
      compiled: { start, recording, running, peak: Math.max(recording, running) },
    };
    if (eager) memory.eager = await this.openEager(eager, first.loss);

    const peer = options.peer === undefined ? undefined : await this.scoutPeer(options.peer, first.loss);
    this.tell('steps in turn');
    let parallel = 1;
    const turns: Record<string, () => Promise<number>> = {
      compiled: async () => (await compiled.ask('step')).ms,
      product: async () => {
        const answer = await compiled.ask('product');
        ({ parallel } = answer);
        return answer.ms;
      },
    };
    if (eager) turns.eager = async () => (await eager.ask('step')).ms;
    for (const variant of peer?.variants ?? []) {
      turns[peerName(variant)] = async () => (await peer!.process.ask('step', variant)).ms;
    }
    const rested = Object.entries(turns).map(([name, step]) => [name, () => turnOf(step)] as const);
    const times = await inTurn(Object.fromEntries(rested), this.repeats, () => {
      this.tell('steps in turn');
    }).finally(() => peer?.process.close());
    const { product, ...ms } = Object.fromEntries(
      Object.entries(times).map(([name, each]) => [name, timing(each)]),
    );

    const counts = await compiled.ask('counts');
    const names = new Map(peer?.variants.map((variant) => [peerName(variant), variant]));
    const best = [...names.keys()].sort((a, b) => ms[a].median - ms[b].median).at(0);
    if (best !== undefined) {
      this.tell('memory of the peer');
      memory.torch = await this.peerMemory(names.get(best)!);
    }
    const steady = await this.steadyMemory();
    const alphaUpdate = await this.alphaUpdate();
    this.tell('bits');
    const bits = await checkBits(shape, { extent: 'steps', sessions: 1, processes: 1, threads: [1, 2] });
    const { operations, graphBytes, recordMs, loadMs } = opened.graph;
    const report = {
      ...shape,
      parameters: opened.parameters,
      ms,
      ...(best === undefined ? {} : { peer: best }),
      counts,
      graph: { operations, bytes: graphBytes, recordMs, loadMs, firstCallMs: first.ms },
      memory,
      matrixProduct: {
        ms: product,
        parallel,
        gflops: (parallel * 2 * PRODUCT_SIDE ** 3) / (product.median * 1e6),
      },
      gflops: (2 * counts.multiplyAdds.total) / (ms.compiled.median * 1e6),
      gbytes: counts.bytes / (ms.compiled.median * 1e6),
      bits,
      ...(alphaUpdate ? { alphaUpdate } : {}),
      ...(steady.length > 0 ? { steady } : {}),
    };
    return { ...report, ratios: ratiosOf(report) };
  }

  private async openEager(eager: EngineProcess, expected: number): Promise<MemoryReport> {
    this.tell('eager');
    const { startBytes: start } = await eager.ask('open', { shape: this.shape, engine: 'eager' });
    const { loss } = await eager.ask('step');
    this.checkLoss('the eager engine', loss, expected);
    const { peakBytes } = await eager.ask('memory');
    return { start, recording: null, running: peakBytes, peak: peakBytes };
  }

  /** The peer, opened, and those of its variants that may be the fastest. */
  private async scoutPeer(python: string, expected: number) {
    const process = new PeerProcess(python, this.device);
    try {
      await process.ask('open', await this.compiled.ask('data'));
      const variants = peerVariants(availableParallelism(), this.options.peerCompile ?? false);
      const met = new Set<string>();
      const turns: Record<string, () => Promise<number>> = {};
      for (const variant of variants) {
        turns[peerName(variant)] = async () => {
          this.tell(`trying ${peerName(variant)}`);
          const { ms, loss } = await process.ask('step', variant);
          if (!met.has(variant.layout)) this.checkLoss(peerName(variant), loss, expected);
          met.add(variant.layout);
          return ms;
        };
      }
      await inTurn(turns, 1);
      const kept = contenders(await inTurn(turns, this.shape.batch > 16 ? 1 : 2));
      return { process, variants: variants.filter((variant) => kept.includes(peerName(variant))) };
    } catch (error) {
      process.close();
      throw error;
    }
  }

  /** Engines with the same weights and inputs must see the same loss, or they do not do the same work. */
  private checkLoss(who: string, loss: number, expected: number): void {
    if (Math.abs(loss - expected) <= 1e-4 * Math.abs(expected)) return;
    throw new ZartsError(
      `In the first step of ${this.name} the loss of ${who} is ${loss}, that of the compiled engine ${expected}; they do not compute the same network.`,
    );
  }

  /** Peak memory of the peer in a process that has seen nothing but steps of this variant. */
  private peerMemory(variant: PeerVariant): Promise<MemoryReport> {
    return new PeerProcess(this.options.peer, this.device).during(async (peer) => {
      await peer.ask('hello');
      const { peakBytes: start } = await peer.ask('memory');
      await peer.ask('open', await this.compiled.ask('data'));
      for (let i = 0; i < 3; i++) await peer.ask('step', variant);
      const { peakBytes } = await peer.ask('memory');
      return { start, recording: null, running: peakBytes, peak: peakBytes };
    });
  }

  private async steadyMemory(): Promise<MemoryMark[]> {
    const { memorySteps = 0 } = this.options;
    const marks: MemoryMark[] = [];
    for (let step = 1; step <= memorySteps; step++) {
      await this.compiled.ask('step');
      if (step === 10 || step === memorySteps) {
        const { tensors, nativeTensors, rssBytes } = await this.compiled.ask('memory');
        marks.push({ step, tensors, nativeTensors, rssBytes });
      }
      this.tell('memory over many steps');
    }
    return marks;
  }

  private async alphaUpdate(): Promise<AlphaUpdateTimes | undefined> {
    if (this.updates === 0) return undefined;
    this.tell('alpha updates');
    return this.compiled.ask('alphaUpdate', { updates: this.updates });
  }
}

/** The ratios of a shape, by name; what was not measured is left out. All compare medians. */
export function ratiosOf(measured: Omit<Measurements, 'ratios'>): Record<string, number> {
  const { ms, peer, memory, matrixProduct, gflops, alphaUpdate } = measured;
  const compiled = ms.compiled.median;
  const { torch, compiled: ours } = memory;
  return {
    // How many times as long as the compiled step.
    ...('eager' in ms ? { 'eager/compiled': ms.eager.median / compiled } : {}),
    ...(peer === undefined ? {} : { 'torch/compiled': ms[peer].median / compiled }),
    // Share of the matrix-product rate that the step's multiply-adds reach.
    matrixProductShare: gflops / matrixProduct.gflops,
    ...(alphaUpdate
      ? { 'alphaUpdate/bareSteps': alphaUpdate.ratio, 'darts2nd/darts1st': alphaUpdate.darts.ratio }
      : {}),
    'recordingMemory/runningMemory': (ours.recording ?? 0) / ours.running,
    ...(torch ? { 'peakMemory/torch': ours.peak / torch.peak } : {}),
  };
}
