import { join } from 'node:path';
import type { OperationCounts } from '../../test/bench/arithmetic.js';
import type { BenchReport, ShapeReport } from '../../test/bench/bench.js';
import { BENCH_SHAPES, describeShape, isRetraining, shapesOf } from '../../test/bench/shapes.js';
import type { BitsReport } from '../../test/bench/bits-check.js';
import type { KernelTime } from '../../test/bench/profile.js';
import type { Timing } from '../../test/bench/timing.js';
import type { TunedSettings } from '../../test/bench/tune.js';
import { unknownName, UsageError, ZartsError } from '../../lib/errors.js';
import { fixed } from '../../lib/report/format.js';
import { terminalProgress } from '../../lib/report/progress-terminal.js';
import type { Progress } from '../../lib/progress.js';
import { projectRoot } from '../../lib/runs/home.js';
import { preparePeer } from './bench-peer.js';
import { wholeNumber } from './options.js';
import { print, printJson, shortPath, tableOf } from './text.js';

/** The options of `zarts bench`, as commander hands them over. */
export interface BenchCommandOptions {
  readonly shape?: string[];
  readonly repeats?: string;
  readonly eager?: boolean;
  readonly peer?: string;
  readonly peerCompile?: boolean;
  readonly check?: boolean;
  readonly updates?: string;
  readonly memorySteps?: string;
  readonly counts?: boolean;
  readonly bits?: boolean;
  readonly profile?: boolean;
  readonly gpuFirstRun?: boolean;
  readonly tune?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const PEERS = ['torch'] as const;

/** Runs `zarts bench`. @returns the exit code. */
export async function benchCommand(options: BenchCommandOptions): Promise<number> {
  const { shape, repeats, eager, peer, peerCompile, updates, memorySteps, json, quiet = false } = options;
  if (peer !== undefined && !PEERS.some((known) => known === peer)) throw unknownName('peer', peer, PEERS);
  if (peer === undefined && (peerCompile || options.check)) {
    throw new UsageError(
      `${peerCompile ? '--peer-compile' : '--check'} is about the peer; add --peer torch.`,
    );
  }
  const number = (option: string, value: string | undefined, least: number) =>
    value === undefined ? undefined : wholeNumber(option, value, least, 100_000);
  const numbers = {
    repeats: number('--repeats', repeats, 1),
    updates: number('--updates', updates, 0),
    memorySteps: number('--memory-steps', memorySteps, 0),
  };
  const given = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  const progress = terminalProgress({ quiet });
  if (options.counts) return countsCommand(shape, json ?? false);
  if (options.bits) return bitsCommand(progress, shape, json ?? false);
  if (options.gpuFirstRun) return gpuFirstRunCommand(progress, json ?? false);
  if (options.profile) return profileCommand(progress, shape, json ?? false);
  if (options.tune) return tuneCommand(progress, json ?? false, numbers.repeats);
  // Names are looked at before anything is downloaded.
  shapesOf(shape);
  const say = (line: string): void => {
    if (!quiet) process.stderr.write(`${line}\n`);
  };
  const python = peer === undefined ? undefined : await preparePeer(progress, say);
  if (options.check) return checkCommand(python!, json ?? false);

  const { runBench } = await import('../../test/bench/bench.js');
  const report = await runBench({
    progress,
    ...given,
    ...(shape === undefined ? {} : { shapes: shape }),
    ...(eager === undefined ? {} : { eager }),
    ...(python === undefined ? {} : { peer: python, peerCompile: peerCompile ?? false }),
  });
  if (json) printJson(report);
  else print(describeBench(report));
  return 0;
}

/** Prints operations and kernels of the steps, from recording alone. */
async function countsCommand(shapes: readonly string[] | undefined, json: boolean): Promise<number> {
  shapesOf(shapes);
  const { graphCounts } = await import('../../test/bench/program.js');
  const counts = graphCounts(shapes);
  if (json) printJson(counts);
  else {
    const count = (value: number): string => value.toLocaleString('en-US');
    const columns = {
      shape: ([shape]: [string, OperationCounts]) => shape,
      operations: ([, { operations }]: [string, OperationCounts]) => count(operations),
      kernels: ([, { kernels }]: [string, OperationCounts]) => count(kernels),
    };
    const title = 'What one step consists of, as recorded';
    print([tableOf(title, Object.entries(counts), columns, { left: ['shape'] })]);
  }
  return 0;
}

/** Looks whether every session and process computes the same bits. */
async function bitsCommand(
  progress: Progress,
  shapes: readonly string[] | undefined,
  json: boolean,
): Promise<number> {
  const names = shapesOf(shapes);
  const { WHOLE_CHECK, checkBits } = await import('../../test/bench/bits-check.js');
  const phase = progress.start('bits', names.length);
  const reports: [string, BitsReport][] = [];
  for (const name of names) {
    reports.push([name, await checkBits(BENCH_SHAPES[name], WHOLE_CHECK)]);
    phase.update(reports.length, name);
  }
  phase.end();
  const differing = ([, { values }]: [string, BitsReport]): string[] =>
    Object.keys(values).filter((output) => values[output] > 1);
  if (json) printJson(Object.fromEntries(reports));
  else {
    const columns = {
      shape: ([shape]: [string, BitsReport]) => shape,
      sessions: ([, { sessions }]: [string, BitsReport]) => sessions,
      outputs: ([, { values }]: [string, BitsReport]) => Object.keys(values).length,
      differing: (each: [string, BitsReport]) => differing(each).join(', ') || 'none',
    };
    const { sessions, processes, threads } = WHOLE_CHECK;
    const title = `Bits of ${sessions} sessions in each of ${processes} processes with ${threads.join(' and ')} threads between operations`;
    print([tableOf(title, reports, columns, { left: ['shape', 'differing'] })]);
  }
  return reports.some((each) => differing(each).length > 0) ? 1 : 0;
}

/** Looks at everything that is to be known of a GPU; only where TensorFlow computes on one. */
async function gpuFirstRunCommand(progress: Progress, json: boolean): Promise<number> {
  const { device } = await import('../../lib/engine/index.js');
  if (device().device !== 'gpu') {
    throw new ZartsError(
      'TensorFlow computes on the CPU here, and --gpu-first-run looks at a GPU; npx zarts doctor says why none is used.',
    );
  }
  const { FIRST_RUN, describeFirstRun, firstRun } = await import('./gpu-first-run.js');
  const found = await firstRun(FIRST_RUN, progress);
  if (json) printJson(found);
  else print([...describeFirstRun(found), ...describeBench(found.bench)]);
  return found.parity.failed > 0 ? 1 : 0;
}

/** Kernels that `--profile` prints of a shape. */
const SLOWEST = 10;

/** Where the time of a step goes. */
async function profileCommand(
  progress: Progress,
  shapes: readonly string[] | undefined,
  json: boolean,
): Promise<number> {
  const names = shapesOf(shapes);
  const { EngineProcess } = await import('../../test/bench/processes.js');
  const phase = progress.start('profile', names.length);
  const profiles: [string, readonly KernelTime[]][] = [];
  for (const name of names) {
    const { kernels } = await new EngineProcess('The engine').during((engine) =>
      engine.ask('profile', { shape: BENCH_SHAPES[name] }),
    );
    profiles.push([name, kernels]);
    phase.update(profiles.length, name);
  }
  phase.end();
  if (json) printJson(Object.fromEntries(profiles));
  else print(profiles.flatMap(([name, kernels]) => [profileTable(name, kernels), '']).slice(0, -1));
  return 0;
}

function profileTable(name: string, kernels: readonly KernelTime[]): string {
  const all = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const count = kernels.reduce((sum, each) => sum + each.count, 0);
  const columns = {
    kernel: ({ op }: KernelTime) => op,
    shapes: ({ shapes }: KernelTime) => shapes,
    times: ({ count }: KernelTime) => count,
    ms: ({ ms }: KernelTime) => fixed(ms, 2),
    share: ({ ms }: KernelTime) => `${fixed((100 * ms) / all, 1)} %`,
    'GFLOP/s': ({ multiplyAdds, ms }: KernelTime) =>
      multiplyAdds === 0 ? '–' : fixed((2 * multiplyAdds) / (ms * 1e6), 1),
    'GB/s': ({ bytes, ms }: KernelTime) => fixed(bytes / (ms * 1e6), 1),
  };
  const title = `${name}: the slowest ${SLOWEST} of ${kernels.length} kinds of operations, each alone and after the other; all ${count} take ${fixed(all, 1)} ms`;
  return tableOf(title, kernels.slice(0, SLOWEST), columns, { left: ['kernel', 'shapes'] });
}

/** Chooses thread settings for this machine by measuring, and keeps them. */
async function tuneCommand(progress: Progress, json: boolean, repeats?: number): Promise<number> {
  const { describeSettings, sameSettings, tune } = await import('../../test/bench/tune.js');
  const report = await tune({ progress, ...(repeats === undefined ? {} : { repeats }) });
  if (json) {
    printJson(report);
    return 0;
  }
  const { machine, shape, measured, chosen, file } = report;
  const notes = [
    'Another setting than the first must save more than a tenth and give the same numbers to the last bit.',
    `Kept in ${shortPath(file)}; TF_NUM_INTRAOP_THREADS, TF_NUM_INTEROP_THREADS and TF_ENABLE_ONEDNN_OPTS win over it.`,
  ];
  const title = `A step of ${shape} on ${machine.cores} cores of ${machine.processor}`;
  const columns = {
    settings: ({ settings }: TunedSettings) => describeSettings(settings),
    'median, ms': ({ ms }: TunedSettings) => fixed(ms.median, 1),
    'quartiles, ms': ({ ms }: TunedSettings) => quartiles(ms),
    numbers: ({ sameBits }: TunedSettings) => (sameBits ? 'the same' : 'others'),
    '': ({ settings }: TunedSettings) => (sameSettings(settings, chosen) ? 'chosen' : ''),
  };
  print([tableOf(title, measured, columns, { left: ['settings', 'numbers', ''], notes })]);
  return 0;
}

/** Holds the peer against the reference numbers. */
async function checkCommand(python: string, json: boolean): Promise<number> {
  const { checkPeer } = await import('../../test/bench/peer-check.js');
  const errors = await checkPeer(join(projectRoot(), 'test', 'fixtures'), python);
  const failed = errors.filter(({ ok }) => !ok);
  if (json) printJson({ cases: errors, passed: errors.length - failed.length, failed: failed.length });
  else {
    const lines = failed.map(
      ({ id, layout, array, error, tolerance }) =>
        `${id}, ${layout}, ${array}: error ${error.toPrecision(3)}, tolerance ${tolerance.toPrecision(3)}`,
    );
    const cases = new Set(errors.map(({ id }) => id)).size;
    print([
      ...lines,
      `PyTorch against ${cases} reference cases, ${errors.length} arrays: ${failed.length === 0 ? 'all within tolerance' : `${failed.length} out of tolerance`}.`,
    ]);
  }
  return failed.length === 0 ? 0 : 1;
}

const quartiles = (timing: Timing): string => timing.quartiles.map((each) => fixed(each, 1)).join(' – ');
const megabytes = (bytes: number | null): string => (bytes === null ? '–' : (bytes / 1e6).toFixed(0));
const billions = (count: number): string => (count / 1e9).toFixed(2);

function describeBench(report: BenchReport): string[] {
  const { shapes, machine, versions } = report;
  const { tensorflow, torch, node, device, intraOpThreads, interOpThreads } = versions;
  const threads = `${intraOpThreads} intra-op and ${interOpThreads} inter-op threads`;
  const busy =
    machine.loadBefore > 0.5
      ? [`Not idle: ${machine.loadBefore.toFixed(1)} processes wanted to run before.`]
      : [];
  return [
    `${machine.processor}, ${machine.usableCores} cores, ${(machine.memoryBytes / 1e9).toFixed(0)} GB`,
    `TensorFlow ${tensorflow} on the ${device.toUpperCase()} with ${threads}, Node ${node.slice(1)}${torch === undefined ? '' : `, PyTorch ${torch}`}`,
    ...busy,
    ...Object.entries(shapes).flatMap(([name, shape]) => ['', ...describeReport(name, shape, machine)]),
    '',
    `Input pipeline with augmentation, 32×32, one core: ${Math.round(machine.pipelineImagesPerSecond).toLocaleString('en-US')} images a second`,
  ];
}

function describeReport(name: string, report: ShapeReport, machine: BenchReport['machine']): string[] {
  const { parameters, ms, peer, counts, graph, memory, matrixProduct, gflops, gbytes, bits } = report;
  const { alphaUpdate, steady = [] } = report;
  const compiled = ms.compiled.median;
  const { multiplyAdds, forwardMultiplyAdds, operations, kernels } = counts;
  const { peakGflops, memoryGbytes } = machine;
  const share = (of: number, all: number): string => `${fixed((100 * of) / all, 0)} %`;
  const peak =
    peakGflops === null ? '' : `, ${share(gflops, peakGflops)} of ${fixed(peakGflops, 0)} in registers`;
  const differing = Object.keys(bits.values).filter((output) => bits.values[output] > 1);
  const held = Object.entries(memory).map(
    ([engine, { recording, peak }]) =>
      `${engine} ${megabytes(peak)} MB${recording === null ? '' : ` (${megabytes(recording)} while recording)`}`,
  );
  const count = (value: number): string => value.toLocaleString('en-US');
  return [
    tableOf(
      `${name}: a training step of ${isRetraining(report) ? `the network of ${report.genotype}` : `the supernet of ${report.space}`}, ${describeShape(report)}, ${count(parameters)} parameters`,
      Object.entries(ms),
      {
        engine: ([engine]) => (engine === peer ? `${engine} (counts)` : engine),
        'median, ms': ([, { median }]) => fixed(median, 1),
        'quartiles, ms': ([, timing]) => quartiles(timing),
        steps: ([, { n }]) => n,
        '/ compiled': ([, { median }]) => fixed(median / compiled, 2),
      },
      { left: ['engine'] },
    ),
    `Arithmetic: ${billions(multiplyAdds.total)} billion multiply-adds (${billions(forwardMultiplyAdds.total)} forward, ${billions(multiplyAdds.depthwise)} depthwise), ${fixed(gflops, 0)} GFLOP/s`,
    `That is ${share(gflops, matrixProduct.gflops)} of the ${fixed(matrixProduct.gflops, 0)} GFLOP/s of 1024×1024 matrix products, ${matrixProduct.parallel} at once${peak}`,
    `Memory: operations read and write ${billions(counts.bytes)} GB, ${fixed(gbytes, 1)} GB/s, ${share(gbytes, memoryGbytes)} of the ${fixed(memoryGbytes, 1)} GB/s of long sums (more than all where caches help)`,
    `Graph: ${count(operations)} operations, ${count(kernels)} of them kernels; ${(graph.bytes / 1e6).toFixed(1)} MB; recorded in ${fixed(graph.recordMs / 1000, 1)} s, loaded in ${fixed(graph.loadMs / 1000, 1)} s, first step after that ${fixed(graph.firstCallMs / 1000, 1)} s`,
    `Bits: ${bits.sessions} sessions, with 1 and with 2 operations at once, ${differing.length === 0 ? 'agree in all outputs of three steps' : `differ in ${differing.join(', ')}`}`,
    `Peak memory: ${held.join(', ')}`,
    ...(alphaUpdate
      ? [
          `Alpha update (N = ${alphaUpdate.candidates}, M = ${alphaUpdate.iterations}): ${fixed(alphaUpdate.update.median / 1000, 2)} s, ${fixed(alphaUpdate.ratio, 3)} times its bare steps and forward passes`,
          `A step of DARTS with its alpha update: first order ${fixed(alphaUpdate.darts.first.median, 1)} ms, second order ${fixed(alphaUpdate.darts.second.median, 1)} ms, ${fixed(alphaUpdate.darts.ratio, 2)} times as long`,
        ]
      : []),
    ...steady.map(
      ({ step, tensors, nativeTensors, rssBytes }) =>
        `After compiled step ${step}: ${tensors} tensors, ${nativeTensors} native, ${megabytes(rssBytes)} MB resident`,
    ),
  ];
}
