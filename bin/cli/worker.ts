import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { UsageError } from '../../lib/errors.js';
import { usableCores } from '../../lib/engine/settings.js';
import { bitsOf } from '../../lib/runs/environment.js';
import { queueAddress, RunQueue, workOn } from '../../lib/runs/queue.js';
import { kindOfMachine, workOnTask } from '../../reproductions/queued.js';
import { wholeNumber } from './options.js';
import { interruptible, INTERRUPTED } from './signals.js';

/** The options of `zarts worker`. */
export interface WorkerOptions {
  readonly queue: string;
  readonly concurrency: string;
  readonly gpu?: string;
  readonly data?: string;
  readonly quiet?: boolean;
}

const MOST_AT_ONCE = 256;
const MOST_GPUS = 64;

/** Runs `zarts worker`. @returns the exit code. */
export async function workerCommand(options: WorkerOptions): Promise<number> {
  const { queue, gpu } = options;
  const concurrency = wholeNumber('--concurrency', options.concurrency, 1, MOST_AT_ONCE);
  queueAddress(queue);
  if (gpu !== undefined && concurrency > 1) {
    throw new UsageError(
      '--gpu takes one run at a time: start a worker for each GPU (--gpu 0, --gpu 1, …) instead of --concurrency.',
    );
  }
  // TensorFlow reads it when it is loaded, which nothing has done yet.
  Object.assign(process.env, gpuVariables(gpu));
  return concurrency === 1 ? workHere(options) : workInProcesses(concurrency);
}

/**
 * What TensorFlow is told of GPUs: which one it sees, and to take memory as it needs it, so that a worker leaves room for
 * whoever else is at the machine.
 */
export function gpuVariables(gpu: string | undefined): Readonly<Record<string, string>> {
  const growth = { TF_FORCE_GPU_ALLOW_GROWTH: 'true' };
  if (gpu === undefined) return growth;
  return { ...growth, CUDA_VISIBLE_DEVICES: String(wholeNumber('--gpu', gpu, 0, MOST_GPUS)) };
}

/** Takes one run after the other, until it is stopped. */
async function workHere({ queue: given, data, quiet = false }: WorkerOptions): Promise<number> {
  // One of several processes ends with the one that started it.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  const queue = await RunQueue.open(given);
  const { device } = await import('../../lib/engine/index.js');
  const kind = kindOfMachine(bitsOf(device()));
  const name = `${hostname()}-${process.pid}-${kind}`;
  const say = (line: string): void => {
    if (!quiet) process.stderr.write(`${new Date().toISOString().slice(0, 19)}Z ${line}\n`);
  };
  const room = {
    has: async (other: string) => (await queue.workers()).some((each) => each.endsWith(`-${other}`)),
  };
  try {
    await interruptible(async (signal) => {
      const work = await workOn(
        queue,
        name,
        async (task) => {
          await workOnTask(task, { signal, ...(data === undefined ? {} : { data }) }, room);
          say(`${task.title}: done`);
        },
        say,
      );
      say(`Worker ${name} takes runs from ${queue.address.shown}.`);
      if (!signal.aborted) await once(signal, 'abort');
      await work.close();
    });
  } finally {
    await queue.close();
  }
  return INTERRUPTED;
}

/** As many workers as are wanted, each this command again; one that is killed is started anew. */
async function workInProcesses(concurrency: number): Promise<number> {
  const threads = String(Math.max(1, Math.floor(usableCores() / concurrency)));
  const env = { TF_NUM_INTEROP_THREADS: threads, ...process.env };
  const children = new Set<ChildProcess>();
  await interruptible(async (signal) => {
    const keep = async (): Promise<void> => {
      while (!signal.aborted) {
        const child = fork(process.argv[1], [...process.argv.slice(2), '--concurrency', '1'], { env });
        children.add(child);
        const [code] = (await once(child, 'exit')) as [number | null];
        children.delete(child);
        // What it was started with will not do another time either.
        if (code !== null && code !== 0 && !signal.aborted) process.exitCode = code;
        if (code !== null) return;
      }
    };
    signal.addEventListener('abort', () => {
      for (const child of children) child.kill('SIGTERM');
    });
    await Promise.all(Array.from({ length: concurrency }, keep));
  });
  return Number(process.exitCode ?? INTERRUPTED);
}
