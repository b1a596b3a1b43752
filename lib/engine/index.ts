export { engineMachine, moveToOpenScope, recoverFromInterrupt, tensorCounts, tf } from './tensorflow.js';
export { device } from './device.js';
export type { Device } from './device.js';
export * from './kernels.js';
export { canFuse, fusedCell, normalizeExactly } from './fused.js';
export type { FusedBlock, FusedOperation, FusedTerm } from './fused.js';
export { multiplyAdds, nativeKernels } from './native.js';
export type { NativeKernels, NativeLevel } from './native.js';
export { compile, recordedCalls } from './compile.js';
export { exclusively } from './exclusive.js';
export { scalar, seed, vector } from './host.js';
export { exportModel, runGraphModel, runSavedModel } from './export.js';
export type { ExportedFunction, ExportedModel, ModelFiles } from './export.js';
export type {
  CallOptions,
  HostArray,
  HostArrays,
  Program,
  ProgramFunction,
  ProgramStats,
  Tensors,
} from './compile.js';
export type { GraphNode } from './graph.js';
export type { TensorSpec } from './record.js';
