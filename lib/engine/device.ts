import { nativeKernels } from './native.js';
import type { NativeLevel } from './native.js';
import { backend, setup } from './tensorflow.js';

/** What runs the numbers, for run records and `zarts doctor`. */
export interface Device {
  readonly package: string;
  readonly tensorflow: string;
  readonly device: 'cpu' | 'gpu';
  /** The instructions that this project's own kernels use; "none" where TensorFlow's compute everything. */
  readonly kernels: NativeLevel;
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  /** Whether oneDNN's kernels were asked for; null where TensorFlow decides. */
  readonly oneDnn: boolean | null;
  /** The instructions beyond which they were not to go; null for no bound. */
  readonly oneDnnLimit: string | null;
}

/** The device that was picked when this module was loaded. */
export function device(): Device {
  const { TF_ENABLE_ONEDNN_OPTS: oneDnn, ONEDNN_MAX_CPU_ISA: limit } = process.env;
  return {
    package: setup.package,
    tensorflow: backend.binding.TF_Version,
    device: backend.isUsingGpuDevice ? 'gpu' : 'cpu',
    kernels: nativeKernels.level,
    intraOpThreads: Number(process.env.TF_NUM_INTRAOP_THREADS),
    interOpThreads: Number(process.env.TF_NUM_INTEROP_THREADS),
    oneDnn: oneDnn === undefined ? null : oneDnn !== '0',
    oneDnnLimit: limit ?? null,
  };
}
