/**
 * The numeric part of MATLAB's level 5 MAT-file format ("MAT-File Format", The MathWorks, chapter 1), which is what SVHN is
 * published in: reading and writing real arrays of numbers. Other variables in a file are passed over.
 */
import { constants, deflate, inflate, inflateSync } from 'node:zlib';
import { promisify } from 'node:util';

/** What is wrong with a MAT-file, in words that follow the file's name: "ends inside variable X …". */
export class MatlabFormatError extends Error {}

/** Arrays in the number types that a file can store; 64-bit integers become float64. */
export type NumericData =
  Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

/** A variable of a MAT-file, as its header says. */
export interface VariableHeader {
  readonly name: string;
  /** Sizes of the dimensions; a file never has fewer than two, and no trailing 1 beyond them. */
  readonly shape: readonly number[];
}

/** A real numeric variable. */
export interface NumericVariable extends VariableHeader {
  /** The numbers, the first index running fastest (column-major). */
  readonly data: NumericData;
}

const HEADER_BYTES = 128;
/** Enough of a variable to hold its flags, dimensions and name. */
const PEEK_BYTES = 1024;

/** Element types of the format that matter here. */
const MI = { int8: 1, uint8: 2, int32: 5, uint32: 6, matrix: 14, compressed: 15 } as const;
const COMPLEX_FLAG = 0x0800;

/** The classes of numeric arrays, by their number in the flags. */
const NUMERIC_CLASSES: Readonly<Record<number, string>> = {
  6: 'double',
  7: 'single',
  8: 'int8',
  9: 'uint8',
  10: 'int16',
  11: 'uint16',
  12: 'int32',
  13: 'uint32',
  14: 'int64',
  15: 'uint64',
};

/** Bytes of a number and how to read one, by element type. */
const NUMBER_TYPES: Readonly<
  Record<
    number,
    { readonly bytes: number; decode(view: DataView, count: number, little: boolean): NumericData }
  >
> = {
  1: { bytes: 1, decode: (v) => new Int8Array(v.buffer, v.byteOffset, v.byteLength) },
  2: { bytes: 1, decode: (v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength) },
  3: { bytes: 2, decode: (v, n, le) => Int16Array.from({ length: n }, (_, i) => v.getInt16(2 * i, le)) },
  4: { bytes: 2, decode: (v, n, le) => Uint16Array.from({ length: n }, (_, i) => v.getUint16(2 * i, le)) },
  5: { bytes: 4, decode: (v, n, le) => Int32Array.from({ length: n }, (_, i) => v.getInt32(4 * i, le)) },
  6: { bytes: 4, decode: (v, n, le) => Uint32Array.from({ length: n }, (_, i) => v.getUint32(4 * i, le)) },
  7: { bytes: 4, decode: (v, n, le) => Float32Array.from({ length: n }, (_, i) => v.getFloat32(4 * i, le)) },
  9: { bytes: 8, decode: (v, n, le) => Float64Array.from({ length: n }, (_, i) => v.getFloat64(8 * i, le)) },
  12: {
    bytes: 8,
    decode: (v, n, le) => Float64Array.from({ length: n }, (_, i) => Number(v.getBigInt64(8 * i, le))),
  },
  13: {
    bytes: 8,
    decode: (v, n, le) => Float64Array.from({ length: n }, (_, i) => Number(v.getBigUint64(8 * i, le))),
  },
};

/** One tagged stretch of bytes. */
interface Element {
  readonly type: number;
  /** Where its data begin in the bytes that it was read from, and how many they are. */
  readonly start: number;
  readonly bytes: number;
  /** Where the next element begins. */
  readonly next: number;
}

/** Reads the tag at `at`; the data need not be there. `what` names it where it is cut off. */
function elementAt(bytes: Uint8Array, at: number, little: boolean, what: string): Element {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (at + 8 > bytes.length) throw new MatlabFormatError(`ends inside ${what}`);
  const first = view.getUint32(at, little);
  // Data of up to four bytes stand inside the tag, whose upper half then counts them.
  const small = first >>> 16;
  if (small > 0) return { type: first & 0xffff, start: at + 4, bytes: small, next: at + 8 };
  const size = view.getUint32(at + 4, little);
  // Compressed elements alone are not filled up to a multiple of eight bytes.
  const padded = first === MI.compressed ? size : Math.ceil(size / 8) * 8;
  return { type: first, start: at + 8, bytes: size, next: at + 8 + padded };
}

/** Bytes that can be read at any place: a file, or a stretch of memory. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `start`, as many as asked for or as there are. */
  read(start: number, length: number): Promise<Uint8Array>;
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
  };
}

/** Whether the file's numbers are little-endian. @throws {MatlabFormatError} for another format or version. */
async function readHeader(source: ByteSource): Promise<boolean> {
  const bytes = await source.read(0, HEADER_BYTES);
  const text = Buffer.from(bytes).toString('latin1');
  if (text.startsWith('MATLAB 7.3') || text.startsWith('\x89HDF')) {
    throw new MatlabFormatError('is a MATLAB 7.3 file (HDF5), expected version 5 (MATLAB saves it with -v7)');
  }
  const magic = 'MATLAB 5.0 MAT-file';
  const mark = text.slice(126, 128);
  if (!text.startsWith(magic) || (text.length === HEADER_BYTES && mark !== 'IM' && mark !== 'MI')) {
    const seen = JSON.stringify(text.slice(0, 12));
    throw new MatlabFormatError(
      `is not a MATLAB file of version 5: it begins with ${seen}, expected ${JSON.stringify(magic)}`,
    );
  }
  if (text.length < HEADER_BYTES) throw new MatlabFormatError('ends inside its header');
  return mark === 'IM';
}

/** A variable's place in the file. */
interface Located extends VariableHeader {
  /** Where its element begins in the file, tag and all, and what the tag says. */
  readonly at: number;
  readonly element: Element;
  readonly little: boolean;
  /** Number in the array flags that says what kind of variable it is. */
  readonly kind: number;
  readonly complex: boolean;
  /** Bytes of the whole variable, its tag included, after decompression. */
  readonly size: number;
  /** Where the numbers' own element begins in them. */
  readonly numbersAt: number;
}

/** The beginning of a variable, decompressed if need be. */
function uncompressed(bytes: Uint8Array, { type, start }: Element, at: number): Uint8Array {
  if (type === MI.matrix) return bytes;
  try {
    // Told to hand out what it has, so the missing rest is no error.
    return inflateSync(bytes.subarray(start), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new MatlabFormatError(`is corrupt in the variable at byte ${at}: ${(error as Error).message}`);
  }
}

/** The variable at a place in the file; undefined for an element that is none. */
function headerOf(bytes: Uint8Array, element: Element, at: number, little: boolean): Located | undefined {
  const head = uncompressed(bytes, element, at);
  const what = `the header of the variable at byte ${at}`;
  const matrix = elementAt(head, 0, little, what);
  if (matrix.type !== MI.matrix) return undefined;
  const flags = elementAt(head, 8, little, what);
  const shape = elementAt(head, flags.next, little, what);
  const name = elementAt(head, shape.next, little, what);
  const types = [flags.type, shape.type, name.type];
  if (types.join() !== [MI.uint32, MI.int32, MI.int8].join() || name.next > head.length) {
    throw new MatlabFormatError(`is corrupt at byte ${at}: the variable there has no valid header`);
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const word = view.getUint32(flags.start, little);
  return {
    at,
    element,
    little,
    name: Buffer.from(head.subarray(name.start, name.start + name.bytes)).toString('latin1'),
    shape: Array.from({ length: shape.bytes / 4 }, (_, i) => view.getInt32(shape.start + 4 * i, little)),
    kind: word & 0xff,
    complex: (word & COMPLEX_FLAG) !== 0,
    size: 8 + matrix.bytes,
    numbersAt: name.next,
  };
}

async function locateAll(source: ByteSource): Promise<Located[]> {
  const little = await readHeader(source);
  const found: Located[] = [];
  for (let at = HEADER_BYTES; at < source.size;) {
    const bytes = await source.read(at, PEEK_BYTES);
    const element = elementAt(bytes, 0, little, `the variable at byte ${at}`);
    const end = at + element.start + element.bytes;
    if (end > source.size) {
      throw new MatlabFormatError(
        `ends at byte ${source.size} inside the variable at byte ${at}, which reaches to byte ${end}`,
      );
    }
    if (element.type === MI.compressed || element.type === MI.matrix) {
      const variable = headerOf(bytes, element, at, little);
      if (variable) found.push(variable);
    }
    at += element.next;
  }
  return found;
}

/**
 * The names and shapes of all variables, without reading their numbers.
 *
 * @throws {MatlabFormatError} for a file in another format, one cut short, or a damaged header.
 */
export async function matlabVariables(source: ByteSource): Promise<VariableHeader[]> {
  return (await locateAll(source)).map(({ name, shape }) => ({ name, shape }));
}

const inflateAsync = promisify(inflate);
const deflateAsync = promisify(deflate);

/**
 * A numeric variable of a MAT-file, whole and checked (compressed ones carry a checksum).
 *
 * @throws {MatlabFormatError} as {@link matlabVariables}; and for a variable that is absent, not numeric, complex, or whose
 *   numbers are damaged or not as many as its shape says.
 */
export async function readMatlabVariable(source: ByteSource, name: string): Promise<NumericVariable> {
  const all = await locateAll(source);
  const found = all.find((variable) => variable.name === name);
  if (!found) {
    const names = all.map((variable) => variable.name).join(', ') || 'none';
    throw new MatlabFormatError(`holds no variable ${name} (it holds ${names})`);
  }
  const { at, element, little, shape, size, numbersAt } = found;
  if (!(found.kind in NUMERIC_CLASSES) || found.complex) {
    throw new MatlabFormatError(`has a variable ${name} that is not an array of real numbers`);
  }
  let whole: Uint8Array;
  if (element.type === MI.matrix) {
    whole = await source.read(at, size);
  } else {
    const packed = await source.read(at + element.start, element.bytes);
    try {
      whole = await inflateAsync(packed, { maxOutputLength: size });
    } catch (error) {
      throw new MatlabFormatError(`has a damaged variable ${name}: ${(error as Error).message}`);
    }
  }
  const damaged = (what: string): MatlabFormatError =>
    new MatlabFormatError(`has a damaged variable ${name}: ${what}`);
  if (whole.length !== size) throw damaged(`${whole.length} bytes where ${size} were announced`);
  const numbers = elementAt(whole, numbersAt, little, `variable ${name}`);
  if (!(numbers.type in NUMBER_TYPES)) throw damaged(`numbers of the unknown type ${numbers.type}`);
  const type = NUMBER_TYPES[numbers.type];
  const count = shape.reduce((product, side) => product * side, 1);
  if (numbers.bytes !== count * type.bytes || numbers.start + numbers.bytes > whole.length) {
    throw damaged(`${numbers.bytes / type.bytes} numbers where its shape ${shape.join('×')} has ${count}`);
  }
  const view = new DataView(whole.buffer, whole.byteOffset + numbers.start, numbers.bytes);
  return { name, shape, data: type.decode(view, count, little) };
}

/** An array to be written. */
export interface ByteVariable extends VariableHeader {
  /** Column-major, one byte a number. */
  readonly data: Uint8Array;
}

function taggedBytes(type: number, data: Uint8Array): Buffer {
  const padded = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8);
  padded.writeUInt32LE(type, 0);
  padded.writeUInt32LE(data.length, 4);
  padded.set(data, 8);
  return padded;
}

/** The bytes of a MAT-file, version 5, little-endian, each variable compressed, as MATLAB and SciPy write uint8 arrays. */
export async function writeMatlabFile(variables: readonly ByteVariable[]): Promise<Buffer> {
  const header = Buffer.alloc(HEADER_BYTES, ' ');
  header.write('MATLAB 5.0 MAT-file', 0, 'latin1');
  header.fill(0, 116, 124);
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126, 'latin1');
  const parts: Buffer[] = [header];
  for (const { name, shape, data } of variables) {
    const flags = Buffer.alloc(8);
    flags.writeUInt32LE(9, 0); // uint8
    const content = Buffer.concat([
      taggedBytes(MI.uint32, flags),
      taggedBytes(MI.int32, Buffer.from(Int32Array.from(shape).buffer)),
      taggedBytes(MI.int8, Buffer.from(name, 'latin1')),
      taggedBytes(MI.uint8, data),
    ]);
    const packed = await deflateAsync(taggedBytes(MI.matrix, content));
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(MI.compressed, 0);
    tag.writeUInt32LE(packed.length, 4);
    parts.push(tag, packed);
  }
  return Buffer.concat(parts);
}
