import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type * as TensorFlow from '@tensorflow/tfjs-node';
import { z } from 'zod';
import type { TFEOpAttr, TFJSBinding, TensorMetadata } from '@tensorflow/tfjs-node/dist/tfjs_binding';
import { ZartsError } from '../errors.js';
import { applySettings, defaultSettings, keptSettings, settingsFile, thisMachine } from './settings.js';
import type { EngineMachine } from './settings.js';

/**
 * The one place that loads TensorFlow: quietly, with the thread settings that suit a supernet, from the package that
 * set-up built, and with the two kernels mended that newer TensorFlow versions broke.
 */

/** `dist/lib/engine` and `lib/engine` are equally deep below the project once the `dist` is counted in. */
export const projectRoot = [path.resolve(__dirname, '../../..'), path.resolve(__dirname, '../..')].find(
  (folder) => existsSync(path.join(folder, 'package.json')),
)!;

/** What set-up wrote about the engine that it built (`bin/setup/project.mjs`). */
const recordSchema = z.object({
  package: z.enum(['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu']),
  /** The addon that silences stderr while TensorFlow loads, relative to the project; null where there is none. */
  quiet: z.string().nullable(),
  /** TensorFlow's version, and whether it computed on a GPU when it was built. */
  tensorflow: z.string().default(''),
  gpu: z.boolean().default(false),
});

export const setup = readSetup();

function readSetup(): z.infer<typeof recordSchema> {
  const file = path.join(projectRoot, '.zarts', 'engine.json');
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new ZartsError(
      'TensorFlow is not set up in this project; run "npm run setup", then "npx zarts doctor".',
    );
  }
}

/** The machine as settings are kept for it. */
export function engineMachine(): EngineMachine {
  return thisMachine(setup);
}

/** What TensorFlow reads when it is loaded: settings measured for this machine, or the defaults for one like it. */
function defaultEnvironment(): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const machine = engineMachine();
  applySettings(keptSettings(settingsFile(projectRoot), machine) ?? defaultSettings(machine), process.env);
}

/* eslint-disable @typescript-eslint/no-require-imports -- what to load is known at run time only */

function load(): typeof TensorFlow {
  defaultEnvironment();
  // TensorFlow's libraries write to stderr while they load, before they read any setting.
  const wordy = process.env.TF_CPP_MIN_LOG_LEVEL === '0' || setup.quiet === null;
  try {
    return wordy ? requirePackage() : quietly(requirePackage);
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new ZartsError(
      `TensorFlow (${setup.package}) does not load: ${reason} Run "npm run setup", then "npx zarts doctor".`,
    );
  }
}

function requirePackage(): typeof TensorFlow {
  require(path.join(projectRoot, 'bin', 'setup', 'restore-util.cjs'));
  return require(setup.package) as typeof TensorFlow;
}

function quietly<T>(work: () => T): T {
  const stderr = require(path.join(projectRoot, setup.quiet!)) as { hush(): void; speak(): void };
  stderr.hush();
  try {
    return work();
  } finally {
    stderr.speak();
  }
}

/* eslint-enable @typescript-eslint/no-require-imports */

export const tf: typeof TensorFlow = load();

/** What this project uses of TensorFlow.js' native backend, parts that its types call private included. */
export interface NativeBackend {
  binding: TFJSBinding;
  readonly isUsingGpuDevice: boolean;
  executeSingleOutput(op: string, attributes: TFEOpAttr[], inputs: TensorFlow.Tensor[]): TensorFlow.Tensor;
  executeMultipleOutputs(
    op: string,
    attributes: TFEOpAttr[],
    inputs: TensorFlow.Tensor[],
    outputs: number,
  ): TensorFlow.Tensor[];
  getInputTensorIds(tensors: readonly TensorFlow.Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): TensorFlow.Tensor;
}

/** The native backend: runs single TensorFlow operations by name. */
export const backend = tf.backend() as unknown as NativeBackend;

/** Hands a tensor that was kept out of an inner scope to the scope that is open now. */
export function moveToOpenScope<T extends TensorFlow.Tensor>(tensor: T): T {
  tensor.kept = false;
  return (tf.engine() as unknown as { track(tensor: T): T }).track(tensor);
}

/** Tensors alive now: TensorFlow.js' own, and those of the native library under it. Neither may grow over steps. */
export function tensorCounts(): { readonly tensors: number; readonly nativeTensors: number } {
  return { tensors: tf.memory().numTensors, nativeTensors: backend.binding.getNumOfTensors() };
}

/**
 * TensorFlow 2.21 rounds int32 to zeros and refuses to concatenate scalars; TensorFlow.js 4.22 relies on neither
 * happening. Both kernels are wrapped, so that every caller gets TensorFlow.js' documented behaviour.
 */
function mendKernels(): void {
  type KernelFunc = NonNullable<ReturnType<typeof tf.getKernel>>['kernelFunc'];
  const wrap = (kernelName: string, mend: (original: KernelFunc) => KernelFunc) => {
    const original = tf.getKernel(kernelName, 'tensorflow').kernelFunc;
    tf.unregisterKernel(kernelName, 'tensorflow');
    tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc: mend(original) });
  };
  wrap('Round', (original) => (call) => {
    const x = call.inputs.x as TensorFlow.Tensor;
    return x.dtype === 'int32' ? tf.clone(x) : original(call);
  });
  wrap('Concat', (original) => (call) => {
    const parts = Object.values(call.inputs) as TensorFlow.Tensor[];
    if (parts.every((part) => part.shape.length > 0)) return original(call);
    return tf.tidy(
      () => original({ ...call, inputs: parts.map((part) => tf.reshape(part, [1])) as never }) as never,
    );
  });
}
mendKernels();

/**
 * Puts TensorFlow.js' gradient bookkeeping back after a cell was interrupted inside one of its calls; without it every
 * later gradient in the same process fails. Call it at the start of whatever a user can interrupt and run again.
 */
export function recoverFromInterrupt(): void {
  const { state } = tf.engine() as unknown as { state: { kernelDepth: number; gradientDepth: number } };
  state.kernelDepth = 0;
  state.gradientDepth = 0;
}
