import type { HostArray } from './compile.js';

/** Arrays as programs take them from the host. */

export function vector(data: HostArray['data']): HostArray {
  return { shape: [data.length], data };
}

export function scalar(value: number): HostArray {
  return { shape: [], data: Float32Array.of(value) };
}

/** A random key as a seed, int32 [2]. */
export function seed([high, low]: readonly [number, number]): HostArray {
  return { shape: [2], data: Int32Array.of(high, low) };
}
