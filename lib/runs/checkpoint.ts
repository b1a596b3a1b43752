/**
 * One checkpoint, one file:
 *
 *     bytes 0–7     "ZARTSCKP"
 *     bytes 8–11    length of the header, little endian
 *     bytes 12–15   format version
 *     bytes 16–47   SHA-256 of the header
 *     then          the header: JSON in UTF-8, blank-padded so that the arrays start at a multiple of 8
 *     then          the arrays' raw little-endian bytes, each padded to a multiple of 8
 *
 * The header holds the step, the caller's `meta`, each array's name, type, length and offset, the SHA-256 of the array
 * bytes, and how much of metrics.jsonl belongs to this checkpoint.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ZartsError } from '../errors.js';
import type { JsonValue } from './canonical.js';
import { sha256, toJson } from './canonical.js';

/** The types of array that a checkpoint holds. */
export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The state of a run after `step` steps. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Whatever is not an array: shapes, counters, keys, the solver's scalars. */
  readonly meta: JsonValue;
  /** The arrays, by name, in the order in which they were given. */
  readonly tensors: Readonly<Record<string, TensorData>>;
}

/** What metrics.jsonl held when the checkpoint was made. */
export interface MetricsMark {
  readonly bytes: number;
  readonly sha256: string;
}

const MAGIC = Buffer.from('ZARTSCKP', 'latin1');
const FORMAT = 1;
const PREFIX = 48;
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;
type Dtype = keyof typeof ARRAYS;
const DTYPES = Object.keys(ARRAYS) as [Dtype, ...Dtype[]];

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const headerSchema = z.object({
  step: z.int().nonnegative(),
  meta: z.json(),
  tensors: z.array(
    z.object({
      name: z.string(),
      dtype: z.enum(DTYPES),
      length: z.int().nonnegative(),
      offset: z.int().nonnegative(),
    }),
  ),
  bytes: z.int().nonnegative(),
  sha256: digest,
  metrics: z.object({ bytes: z.int().nonnegative(), sha256: digest }),
});

const padded = (length: number): number => Math.ceil(length / 8) * 8;

function dtypeOf(name: string, data: TensorData): Dtype {
  const dtype = DTYPES.find((candidate) => data instanceof ARRAYS[candidate]);
  if (dtype === undefined) {
    throw new ZartsError(
      `Checkpoint array "${name}" is not one of the array types it can hold: ${DTYPES.join(', ')}.`,
    );
  }
  return dtype;
}

/**
 * The file's content, in pieces to be written one after the other; the arrays are not copied.
 *
 * @throws ZartsError  for a step that is not a non-negative integer, `meta` that JSON cannot hold, or another array type.
 */
export function encodeCheckpoint(checkpoint: Checkpoint, metrics: MetricsMark): Uint8Array[] {
  const { step } = checkpoint;
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new ZartsError(`A checkpoint's step must be a non-negative integer, not ${step}.`);
  }
  const body: Uint8Array[] = [];
  const tensors: z.infer<typeof headerSchema>['tensors'] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(checkpoint.tensors)) {
    tensors.push({ name, dtype: dtypeOf(name, data), length: data.length, offset });
    body.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    body.push(new Uint8Array(padded(data.byteLength) - data.byteLength));
    offset += padded(data.byteLength);
  }
  const hash = createHash('sha256');
  for (const piece of body) hash.update(piece);
  const meta = toJson(checkpoint.meta, 'checkpoint meta');
  const text = JSON.stringify({ step, meta, tensors, bytes: offset, sha256: hash.digest('hex'), metrics });
  const length = Buffer.byteLength(text);
  const header = Buffer.from(text + ' '.repeat(padded(length) - length));
  const prefix = Buffer.alloc(PREFIX);
  MAGIC.copy(prefix);
  prefix.writeUInt32LE(header.length, 8);
  prefix.writeUInt32LE(FORMAT, 12);
  createHash('sha256').update(header).digest().copy(prefix, 16);
  return [prefix, header, ...body];
}

/** What bytes say in JSON; undefined for bytes that are none. */
function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Reads back what {@link encodeCheckpoint} wrote, after checking every byte of it.
 *
 * @param bytes  The whole file.
 * @param name   The file's name, for the error.
 * @returns      The checkpoint (arrays in memory of their own) and its mark in the metrics.
 * @throws ZartsError  saying what is wrong: not a checkpoint, another version, truncated, or damaged.
 */
export function decodeCheckpoint(
  bytes: Buffer,
  name: string,
): { checkpoint: Checkpoint; metrics: MetricsMark } {
  const damaged = (what: string): ZartsError => new ZartsError(`Checkpoint ${name} is damaged: ${what}.`);
  if (bytes.length < PREFIX || !bytes.subarray(0, 8).equals(MAGIC)) {
    throw damaged(`its ${bytes.length} bytes do not begin as a checkpoint does`);
  }
  if (bytes.readUInt32LE(12) !== FORMAT) {
    throw damaged(`format version ${bytes.readUInt32LE(12)} where ${FORMAT} was expected`);
  }
  const start = PREFIX + bytes.readUInt32LE(8);
  if (bytes.length < start) throw damaged(`it has ${bytes.length} bytes, its header alone needs ${start}`);
  const headerBytes = bytes.subarray(PREFIX, start);
  if (sha256(headerBytes) !== bytes.subarray(16, PREFIX).toString('hex')) {
    throw damaged('its header does not match its digest');
  }
  const parsed = headerSchema.safeParse(jsonOf(headerBytes));
  if (!parsed.success) throw damaged('its header is whole but not of the expected form');
  const header = parsed.data;
  if (bytes.length !== start + header.bytes) {
    throw damaged(`it has ${bytes.length} bytes, expected ${start + header.bytes}`);
  }
  const body = bytes.subarray(start);
  const actual = sha256(body);
  if (actual !== header.sha256) throw damaged(`its arrays have SHA-256 ${actual}, expected ${header.sha256}`);
  const arrays = header.tensors.map(({ name: tensor, dtype, length, offset }): [string, TensorData] => {
    const type = ARRAYS[dtype];
    const own = new Uint8Array(body.subarray(offset, offset + length * type.BYTES_PER_ELEMENT));
    if (own.length !== length * type.BYTES_PER_ELEMENT) throw damaged(`its array ${tensor} lies outside it`);
    return [tensor, new type(own.buffer)];
  });
  const { step, meta, metrics } = header;
  return { checkpoint: { step, meta, tensors: Object.fromEntries(arrays) }, metrics };
}

/** A state of plain data and arrays as a checkpoint holds it, each array named by its path; {@link unpackState} undoes it. */
export function packState(state: object): Pick<Checkpoint, 'meta' | 'tensors'> {
  const tensors: Record<string, TensorData> = {};
  const plain = (value: unknown, path: string): unknown => {
    if (ArrayBuffer.isView(value)) {
      tensors[path] = value as TensorData;
      return null;
    }
    if (Array.isArray(value)) return value.map((item, i) => plain(item, `${path}.${i}`));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        plain(item, path === '' ? name : `${path}.${name}`),
      ]),
    );
  };
  return { meta: plain(state, '') as JsonValue, tensors };
}

/** The state that was packed; its arrays are those of the checkpoint. */
export function unpackState<State>({ meta, tensors }: Pick<Checkpoint, 'meta' | 'tensors'>): State {
  const state = structuredClone(meta) as Record<string, unknown>;
  for (const [path, data] of Object.entries(tensors)) {
    const names = path.split('.');
    const owner = names.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, state);
    owner[names[names.length - 1]] = data;
  }
  return state as State;
}
