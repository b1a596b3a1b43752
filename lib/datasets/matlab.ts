/**
 * The numeric part of MATLAB's level 5 MAT-file format ("MAT-File Format", The MathWorks, chapter 1), which is what SVHN is
 * published in: reading real arrays of numbers. Other variables in a file are passed over.
 */
import { inflateSync } from 'node:zlib';

/** A variable of a MAT-file. */
export interface MatlabVariable {
  readonly name: string;
  /** Sizes of the dimensions; a file never has fewer than two, and no trailing 1 beyond them. */
  readonly shape: readonly number[];
  /**
   * The numbers, the first index running fastest (column-major): bytes as they are, numbers of other types as float64.
   * Throws as {@link matlabVariables}, and for a variable that is not numeric or complex.
   */
  readonly numbers: () => Uint8Array | Float64Array;
}

const HEADER_BYTES = 128;

/** Element types of the format. */
const MI = { int8: 1, uint8: 2, int32: 5, uint32: 6, matrix: 14, compressed: 15 } as const;
/** Bytes of a number and how to read one, by element type. */
const NUMBERS = {
  1: [1, 'getInt8'],
  2: [1, 'getUint8'],
  3: [2, 'getInt16'],
  4: [2, 'getUint16'],
  5: [4, 'getInt32'],
  6: [4, 'getUint32'],
  7: [4, 'getFloat32'],
  9: [8, 'getFloat64'],
  12: [8, 'getBigInt64'],
  13: [8, 'getBigUint64'],
} as const;

/** One tagged stretch of bytes: its type, where its data begin, how many they are, and where the next one begins. */
interface Element {
  readonly type: number;
  readonly start: number;
  readonly bytes: number;
  readonly next: number;
}

/** Makes an error of what is wrong with a file, in words that follow its name: "ends inside variable X …". */
export type Fault = (fault: string) => Error;

/** Whether a file's numbers are little-endian. */
function isLittleEndian(file: Buffer, wrong: Fault): boolean {
  const text = file.toString('latin1', 0, HEADER_BYTES);
  if (text.startsWith('MATLAB 7.3') || text.startsWith('\x89HDF')) {
    throw wrong('is a MATLAB 7.3 file (HDF5), expected version 5 (MATLAB saves it with -v7)');
  }
  const magic = 'MATLAB 5.0 MAT-file';
  const mark = text.slice(126, 128);
  if (!text.startsWith(magic) || (text.length === HEADER_BYTES && mark !== 'IM' && mark !== 'MI')) {
    const seen = JSON.stringify(text.slice(0, 12));
    throw wrong(
      `is not a MATLAB file of version 5: it begins with ${seen}, expected ${JSON.stringify(magic)}`,
    );
  }
  if (text.length < HEADER_BYTES) throw wrong('ends inside its header');
  return mark === 'IM';
}

/**
 * The variables of a file, whole and checked (compressed ones carry a checksum).
 *
 * @param most  Bytes that a variable may have: a small file can be compressed from any number.
 * @throws what `wrong` makes, for a file in another format, one cut short, or a damaged one.
 */
export function matlabVariables(file: Buffer, most: number, wrong: Fault): MatlabVariable[] {
  const little = isLittleEndian(file, wrong);
  const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

  /** Reads the tag at `at`, whose data lie within the bytes. `what` names it where it is cut off. */
  const elementAt = (bytes: Buffer, at: number, what: string): Element => {
    if (at + 8 > bytes.length) throw wrong(`ends inside ${what}`);
    const type = viewOf(bytes).getUint32(at, little);
    // Data of up to four bytes stand inside the tag, whose upper half then counts them.
    const small = type >>> 16;
    const size = small > 0 ? small : viewOf(bytes).getUint32(at + 4, little);
    const start = at + (small > 0 ? 4 : 8);
    if (start + size > bytes.length) {
      throw wrong(`ends at byte ${bytes.length} inside ${what}, which reaches to byte ${start + size}`);
    }
    // Compressed elements alone are not filled up to a multiple of eight bytes.
    const padded = type === MI.compressed ? size : Math.ceil(size / 8) * 8;
    return {
      type: small > 0 ? type & 0xffff : type,
      start,
      bytes: size,
      next: small > 0 ? at + 8 : start + padded,
    };
  };

  const inflated = (packed: Buffer, what: string): Buffer => {
    try {
      return inflateSync(packed, { maxOutputLength: most });
    } catch (error) {
      throw wrong(`has a damaged ${what}: ${(error as Error).message}`);
    }
  };

  /** The variable that is the whole of some bytes. */
  const variableIn = (bytes: Buffer, what: string): MatlabVariable => {
    const flags = elementAt(bytes, 8, what);
    const dimensions = elementAt(bytes, flags.next, what);
    const label = elementAt(bytes, dimensions.next, what);
    const types = [flags.type, dimensions.type, label.type];
    if (types.join() !== [MI.uint32, MI.int32, MI.int8].join()) {
      throw wrong(`has a damaged ${what}: no valid header`);
    }
    const name = bytes.toString('latin1', label.start, label.start + label.bytes);
    const integer = (place: number): number => viewOf(bytes).getInt32(place, little);
    const shape = Array.from({ length: dimensions.bytes / 4 }, (_, i) => integer(dimensions.start + 4 * i));
    const word = integer(flags.start);
    // Of the classes of arrays those from double to uint64, without the flag of complex numbers.
    const isReal = (word & 0xff) >= 6 && (word & 0xff) <= 15 && (word & 0x0800) === 0;
    const numbers = (): Uint8Array | Float64Array => {
      if (!isReal) throw wrong(`has a variable ${name} that is not an array of real numbers`);
      const element = elementAt(bytes, label.next, `variable ${name}`);
      if (!(element.type in NUMBERS)) {
        throw wrong(`has a damaged variable ${name}: numbers of the unknown type ${element.type}`);
      }
      const [width, get] = NUMBERS[element.type as keyof typeof NUMBERS];
      const count = shape.reduce((product, side) => product * side, 1);
      if (element.bytes !== count * width) {
        throw wrong(
          `has a damaged variable ${name}: ${element.bytes / width} numbers where its shape ${shape.join('×')} has ${count}`,
        );
      }
      const own = bytes.subarray(element.start, element.start + element.bytes);
      if (element.type === MI.uint8) return new Uint8Array(own.buffer, own.byteOffset, count);
      const view = viewOf(own);
      return Float64Array.from({ length: count }, (_, i) => Number(view[get](width * i, little)));
    };
    return { name, shape, numbers };
  };

  const found: MatlabVariable[] = [];
  for (let at = HEADER_BYTES; at < file.length;) {
    const what = `variable at byte ${at}`;
    const { type, start, bytes, next } = elementAt(file, at, `the ${what}`);
    const matrix =
      type === MI.compressed ? inflated(file.subarray(start, start + bytes), what) : file.subarray(at, next);
    if (elementAt(matrix, 0, what).type === MI.matrix) found.push(variableIn(matrix, what));
    at = next;
  }
  return found;
}
