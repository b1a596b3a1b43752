import type { HostArray } from '../../lib/engine/index.js';

/** An array in a message: little-endian values in base64. */
export interface WireArray {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly data: string;
}

export function toWire({ shape, data }: HostArray): WireArray {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const dtype = data instanceof Int32Array ? 'int32' : 'float32';
  return { shape: [...shape], dtype, data: bytes.toString('base64') };
}

export function fromWire({ shape, dtype, data }: WireArray): HostArray {
  const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'));
  return { shape, data: dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer) };
}
