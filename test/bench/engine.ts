import path from 'node:path';
import { z } from 'zod';
import { machineSchema } from '../../lib/engine/settings.js';
import { projectRoot } from '../../lib/runs/home.js';
import { Child, wireArray } from './child.js';
import type { BenchShape } from './shapes.js';

/** The two kinds of process that a step is timed in: this project's engine, and a peer in PyTorch. */

const ms = z.number().nonnegative();
const bytes = z.number().nonnegative();

const stepAnswer = z.object({ ms, loss: z.number() });

const arithmetic = z.object({ dense: z.number(), depthwise: z.number(), total: z.number() });
const timingAnswer = z.object({
  median: z.number(),
  quartiles: z.tuple([z.number(), z.number()]),
  n: z.number(),
});

const ANSWERS = {
  hello: z.object({
    device: z.object({
      package: z.string(),
      tensorflow: z.string(),
      device: z.enum(['cpu', 'gpu']),
      // Not a number where the user's own setting is none.
      intraOpThreads: z.number().nullable(),
      interOpThreads: z.number().nullable(),
      oneDnn: z.boolean().nullable(),
    }),
    machine: machineSchema,
    node: z.string(),
  }),
  open: z.object({
    parameters: z.number(),
    graph: z.object({ operations: z.number(), graphBytes: bytes, recordMs: ms, loadMs: ms }),
    /** Peaks of memory: once the libraries are loaded, and once the step is recorded. */
    startBytes: bytes,
    recordingBytes: bytes,
    /** Whether the peak begins anew here, so that recording and running can be told apart. */
    separate: z.boolean(),
  }),
  step: stepAnswer,
  memory: z.object({ peakBytes: bytes, rssBytes: bytes, tensors: z.number(), nativeTensors: z.number() }),
  digest: z.object({ digest: z.string() }),
  counts: z.object({
    parameters: z.number(),
    operations: z.number(),
    kernels: z.number(),
    multiplyAdds: arithmetic,
    forwardMultiplyAdds: arithmetic,
  }),
  product: z.object({ ms, parallel: z.number() }),
  alphaUpdate: z.object({
    candidates: z.number(),
    iterations: z.number(),
    update: timingAnswer,
    step: timingAnswer,
    forward: timingAnswer,
    ratio: z.number(),
    darts: z.object({ first: timingAnswer, second: timingAnswer, ratio: z.number() }),
  }),
  pipeline: z.object({ batch: z.number(), times: z.array(ms) }),
  data: z.looseObject({ network: z.looseObject({}), weights: wireArray }),
};

type Answer<Op extends keyof typeof ANSWERS> = z.infer<(typeof ANSWERS)[Op]>;

/** This project's engine in a process of its own. */
export class EngineProcess {
  private readonly child: Child;

  /**
   * @param name  What it is called in messages.
   * @param env   Settings beside those of this process, e.g. the number of threads.
   */
  constructor(name: string, env: Readonly<Record<string, string>> = {}) {
    this.child = new Child({
      name,
      command: process.execPath,
      args: [path.join(__dirname, 'worker.js')],
      env: { ...process.env, ...env },
    });
  }

  hello(): Promise<Answer<'hello'>> {
    return this.child.request('hello', ANSWERS.hello);
  }

  open(shape: BenchShape, engine: 'eager' | 'compiled'): Promise<Answer<'open'>> {
    return this.child.request('open', ANSWERS.open, { shape, engine });
  }

  step(): Promise<Answer<'step'>> {
    return this.child.request('step', ANSWERS.step);
  }

  memory(): Promise<Answer<'memory'>> {
    return this.child.request('memory', ANSWERS.memory);
  }

  digest(): Promise<Answer<'digest'>> {
    return this.child.request('digest', ANSWERS.digest);
  }

  /** Records the open shape's step anew, only to count. */
  counts(): Promise<Answer<'counts'>> {
    return this.child.request('counts', ANSWERS.counts);
  }

  product(): Promise<Answer<'product'>> {
    return this.child.request('product', ANSWERS.product);
  }

  alphaUpdate(updates: number): Promise<Answer<'alphaUpdate'>> {
    return this.child.request('alphaUpdate', ANSWERS.alphaUpdate, { updates });
  }

  pipeline(): Promise<Answer<'pipeline'>> {
    return this.child.request('pipeline', ANSWERS.pipeline);
  }

  /** Network, weights and batch of the open shape, for {@link PeerProcess.open}. */
  data(): Promise<Answer<'data'>> {
    return this.child.request('data', ANSWERS.data);
  }

  close(): void {
    this.child.close();
  }
}

/** How the peer lays out its activations; `torch.compile` is its own compiler on the first. */
export const PEER_LAYOUTS = ['nchw', 'channels_last', 'torch.compile'] as const;
export type PeerLayout = (typeof PEER_LAYOUTS)[number];

/** One way in which the peer can run. */
export interface PeerVariant {
  readonly layout: PeerLayout;
  readonly threads: number;
}

/** "torch channels_last, 2 threads". */
export function peerName({ layout, threads }: PeerVariant): string {
  return `torch ${layout}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

const PEER_ANSWERS = {
  hello: z.object({ torch: z.string(), python: z.string() }),
  open: z.object({}),
  step: stepAnswer.extend({ gradientNorm: z.number() }),
  gradients: z.object({ logits: wireArray, loss: z.number(), alphaGradient: wireArray, gradient: wireArray }),
  state: z.object({ weights: wireArray, momentum: wireArray }),
  memory: z.object({ peakBytes: bytes }),
};

type PeerAnswer<Op extends keyof typeof PEER_ANSWERS> = z.infer<(typeof PEER_ANSWERS)[Op]>;

/** The Python of the peer's own environment, whether or not that has been made. */
export function peerPython(): string {
  return path.join(projectRoot(), '.venv-bench', 'bin', 'python');
}

/** The supernet in PyTorch (test/bench/torch_supernet.py) in a process of its own. */
export class PeerProcess {
  private readonly child: Child;

  constructor(python = peerPython()) {
    this.child = new Child({
      name: 'The PyTorch peer',
      command: python,
      args: [path.join(projectRoot(), 'test', 'bench', 'torch_supernet.py')],
      env: { ...process.env, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1' },
    });
  }

  hello(): Promise<PeerAnswer<'hello'>> {
    return this.child.request('hello', PEER_ANSWERS.hello);
  }

  /** @param work  Network, parameters, weights, alphas, optimizer settings and, unless each step brings one, a batch. */
  open(work: Readonly<Record<string, unknown>>): Promise<PeerAnswer<'open'>> {
    return this.child.request('open', PEER_ANSWERS.open, work);
  }

  /** @param batch  The images and labels of this step and those after it, where they are others. */
  step(variant: PeerVariant, batch: Readonly<Record<string, unknown>> = {}): Promise<PeerAnswer<'step'>> {
    return this.child.request('step', PEER_ANSWERS.step, { ...variant, ...batch });
  }

  /** One pass without an update. @param noise  Draws of the noise primitive by the operation's name. */
  gradients(
    layout: PeerLayout,
    noise: Readonly<Record<string, unknown>> = {},
  ): Promise<PeerAnswer<'gradients'>> {
    return this.child.request('gradients', PEER_ANSWERS.gradients, { layout, noise });
  }

  state(layout: PeerLayout): Promise<PeerAnswer<'state'>> {
    return this.child.request('state', PEER_ANSWERS.state, { layout });
  }

  memory(): Promise<PeerAnswer<'memory'>> {
    return this.child.request('memory', PEER_ANSWERS.memory);
  }

  close(): void {
    this.child.close();
  }
}
