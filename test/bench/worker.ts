import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { batchOf, trainTransform } from '../../lib/datasets/augment.js';
import { range } from '../../lib/datasets/batches.js';
import { loadDataset } from '../../lib/datasets/load.js';
import { device, engineMachine, multiplyAdds, tensorCounts } from '../../lib/engine/index.js';
import type { Program } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { foldIn, key } from '../../lib/math/random.js';
import { timeAlphaUpdates } from './alpha-update.js';
import { outputsOf } from './bits-outputs.js';
import type { Extent } from './bits-outputs.js';
import { forgetPeak, peakBytes } from './memory.js';
import { profileStep } from './profile.js';
import {
  benchProgram,
  benchStep,
  peerParameters,
  productProgram,
  stepCounts,
  sumProgram,
} from './program.js';
import type { BenchStep } from './program.js';
import { recordedOperations } from './recorded-operations.js';
import { BENCH_SGD, isRetraining } from './shapes.js';
import type { BenchShape } from './shapes.js';
import { toWire } from './wire.js';

/**
 * TensorFlow.js, eager or compiled, as a process of its own: answers the requests of `EngineProcess`, one a line.
 */

const startBytes = peakBytes();
let shape: BenchShape;
let step: BenchStep;
let program: Program<'step'> | undefined;
const rates = new Map<(parallel: number) => Program<'compute'>, Program<'compute'>>();

/** Milliseconds that the work took. */
function timed(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

/** One call of a program that does the same thing as often at once as operations run at once. */
function timedAtOnce(make: (parallel: number) => Program<'compute'>): { ms: number; parallel: number } {
  const parallel = Math.max(1, device().interOpThreads || 1);
  let program = rates.get(make);
  if (!program) {
    program = make(parallel);
    rates.set(make, program);
    // The first calls prepare the graph.
    for (let i = 0; i < 2; i++) program.call('compute');
  }
  const ready = program;
  return { ms: timed(() => ready.call('compute')), parallel };
}

const requests = {
  hello: () => ({ device: device(), machine: engineMachine(), node: process.version }),

  /** Makes the program; a compiled one is recorded and loaded, which is not yet a step. */
  open(request: { readonly shape: BenchShape; readonly engine: 'eager' | 'compiled' }) {
    ({ shape } = request);
    step = benchStep(shape);
    program?.dispose();
    program = benchProgram(step, request.engine === 'compiled');
    program.call('step', step.inputs, { outputs: [], update: false });
    const recordingBytes = peakBytes();
    // Where the peak can begin anew here, recording and running are told apart.
    forgetPeak();
    return { parameters: step.layout.size, graph: program.stats(), startBytes, recordingBytes };
  },

  step() {
    let loss = NaN;
    const ms = timed(() => {
      loss = program!.call('step', step.inputs, { outputs: ['loss'] }).loss.data[0];
    });
    return { ms, loss };
  },

  memory: () => ({ peakBytes: peakBytes(), rssBytes: process.memoryUsage().rss, ...tensorCounts() }),

  /** SHA-256 of the whole state: engines that compute the same to the last bit agree in it. */
  digest() {
    const hash = createHash('sha256');
    for (const { data } of Object.values(program!.read())) {
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    return { digest: hash.digest('hex') };
  },

  /** Digests of all that a new session of this shape computes. */
  outputs: (request: { readonly shape: BenchShape; readonly extent: Extent }) => ({
    digests: outputsOf(request.shape, request.extent),
  }),

  counts: () => stepCounts(shape),

  operations: () => ({ operations: recordedOperations() }),

  product: () => timedAtOnce(productProgram),

  sum: () => timedAtOnce(sumProgram),

  /** Multiply-adds in registers, a second, of one core. */
  registers() {
    const count = 2e8;
    const counted = multiplyAdds(count);
    if (counted === null) return { rate: null };
    const times = Array.from({ length: 5 }, () => timed(() => multiplyAdds(count)));
    return { rate: counted / (Math.min(...times) / 1000) };
  },

  profile: (request: { readonly shape: BenchShape }) => ({ kernels: profileStep(request.shape) }),

  alphaUpdate({ updates }: { updates: number }) {
    if (isRetraining(shape)) throw new ZartsError('A derived network has no alphas.');
    return timeAlphaUpdates(shape, updates);
  },

  /** Images a second that this thread reads, crops, mirrors and normalizes, at 32×32. */
  async pipeline() {
    const { train, ...rest } = await loadDataset(
      { name: 'synthetic', image: 32, trainSize: 2048, testSize: 1 },
      { data: 'synthetic' },
    );
    const transform = trainTransform({ train, ...rest });
    const batch = 64;
    const all = range(train.count);
    const times: number[] = [];
    for (let number = 0; number < 64; number++) {
      const from = (number * batch) % train.count;
      const indices = all.subarray(from, from + batch);
      times.push(timed(() => batchOf(train, indices, transform, foldIn(key(0), number))));
    }
    // The first half compiles.
    return { batch, times: times.slice(32) };
  },

  /** What a peer needs to do the same work. */
  data() {
    const { network, layout, state, weights, inputs } = step;
    return {
      network,
      parameters: peerParameters(layout),
      weights: toWire(state[weights]),
      ...('alphas' in inputs ? { alphas: toWire(inputs.alphas) } : {}),
      images: toWire(inputs.images),
      labels: toWire(inputs.labels),
      sgd: BENCH_SGD,
    };
  },
};

export type EngineRequests = typeof requests;

async function answerTo({ op, ...fields }: { readonly op: keyof EngineRequests }): Promise<object> {
  try {
    const answers: Readonly<Record<string, (fields: never) => object | Promise<object>>> = requests;
    return { ok: true, ...(await answers[op](fields as never)) };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
}

async function serve(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await answerTo(JSON.parse(line) as { op: keyof EngineRequests });
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

void serve();
