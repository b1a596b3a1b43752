import { spawnSync } from 'node:child_process';
import { nativeKernels } from './native.js';
import type { NativeLevel } from './native.js';
import { backend, setup } from './tensorflow.js';

/** What runs the numbers, for run records and `zarts doctor`. */
export interface Device {
  readonly package: string;
  readonly tensorflow: string;
  readonly device: 'cpu' | 'gpu';
  /** Of a GPU its model, as its driver names it: "NVIDIA H200". */
  readonly gpu?: string;
  /** The instructions that this project's own kernels use; "none" where TensorFlow's compute everything. */
  readonly kernels: NativeLevel;
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  /** Whether oneDNN's kernels were asked for; null where TensorFlow decides. */
  readonly oneDnn: boolean | null;
  /** The instructions beyond which they were not to go; null for no bound. */
  readonly oneDnnLimit: string | null;
}

let model: string | undefined;

/** The model of the GPU that TensorFlow computes on, the first that it sees; "unknown" where the driver does not say. */
export function gpuModel(env: NodeJS.ProcessEnv = process.env): string {
  const [index] = (env.CUDA_VISIBLE_DEVICES ?? '0').split(',');
  const args = ['--query-gpu=name', '--format=csv,noheader', `--id=${index}`];
  const { stdout } = spawnSync('nvidia-smi', args, { encoding: 'utf8', env, timeout: 10_000 }) as {
    stdout?: string;
  };
  const [name = ''] = stdout?.trim().split('\n') ?? [];
  return name === '' ? 'unknown' : name;
}

/** The device that was picked when this module was loaded. */
export function device(): Device {
  const { TF_ENABLE_ONEDNN_OPTS: oneDnn, ONEDNN_MAX_CPU_ISA: limit } = process.env;
  return {
    package: setup.package,
    tensorflow: backend.binding.TF_Version,
    device: backend.isUsingGpuDevice ? 'gpu' : 'cpu',
    ...(backend.isUsingGpuDevice ? { gpu: (model ??= gpuModel()) } : {}),
    kernels: nativeKernels.level,
    intraOpThreads: Number(process.env.TF_NUM_INTRAOP_THREADS),
    interOpThreads: Number(process.env.TF_NUM_INTEROP_THREADS),
    oneDnn: oneDnn === undefined ? null : oneDnn !== '0',
    oneDnnLimit: limit ?? null,
  };
}
