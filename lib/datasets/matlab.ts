/**
 * The numeric part of MATLAB's level 5 MAT-file format ("MAT-File Format", The MathWorks, chapter 1), which is what SVHN is
 * published in: reading real arrays of numbers. Other variables in a file are passed over.
 */
import { constants, inflateSync } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';

/** What is wrong with a MAT-file, in words that follow the file's name: "ends inside variable X …". */
export class MatlabFormatError extends Error {}

/** A variable of a MAT-file. */
export interface MatlabVariable {
  readonly name: string;
  /** Sizes of the dimensions; a file never has fewer than two, and no trailing 1 beyond them. */
  readonly shape: readonly number[];
  /**
   * The numbers, the first index running fastest (column-major), whole and checked (compressed ones carry a checksum):
   * bytes as they are, numbers of other types as float64.
   *
   * @throws {MatlabFormatError} for a variable that is not numeric or complex, and for damaged numbers.
   */
  numbers(): Uint8Array | Float64Array;
}

const HEADER_BYTES = 128;
/** Enough of a variable to hold its flags, dimensions and name. */
const PEEK_BYTES = 1024;

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

/** One tagged stretch of bytes. */
interface Element {
  readonly type: number;
  /** Where its data begin, and how many bytes they are. */
  readonly start: number;
  readonly bytes: number;
  /** Where the next element begins. */
  readonly next: number;
}

/** The numbers of a file, which are little-endian or big-endian throughout. */
function integerAt(bytes: Buffer, at: number, little: boolean): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

/** Reads the tag at `at`; the data need not be there. `what` names it where it is cut off. */
function elementAt(bytes: Buffer, at: number, little: boolean, what: string): Element {
  if (at + 8 > bytes.length) throw new MatlabFormatError(`ends inside ${what}`);
  const first = integerAt(bytes, at, little);
  // Data of up to four bytes stand inside the tag, whose upper half then counts them.
  const small = first >>> 16;
  if (small > 0) return { type: first & 0xffff, start: at + 4, bytes: small, next: at + 8 };
  const size = integerAt(bytes, at + 4, little);
  // Compressed elements alone are not filled up to a multiple of eight bytes.
  const padded = first === MI.compressed ? size : Math.ceil(size / 8) * 8;
  return { type: first, start: at + 8, bytes: size, next: at + 8 + padded };
}

/** Whether the file's numbers are little-endian. @throws {MatlabFormatError} for another format or version. */
function isLittleEndian(file: Buffer): boolean {
  const text = file.toString('latin1', 0, HEADER_BYTES);
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

/**
 * The variables of a file, named and with their shapes; their numbers are read when asked for.
 *
 * @throws {MatlabFormatError} for a file in another format, one cut short, or a damaged header.
 */
export function matlabVariables(file: Buffer): MatlabVariable[] {
  const little = isLittleEndian(file);
  const found: MatlabVariable[] = [];
  for (let at = HEADER_BYTES; at < file.length;) {
    const element = elementAt(file, at, little, `the variable at byte ${at}`);
    const end = element.start + element.bytes;
    if (end > file.length) {
      throw new MatlabFormatError(
        `ends at byte ${file.length} inside the variable at byte ${at}, which reaches to byte ${end}`,
      );
    }
    const isVariable = element.type === MI.compressed || element.type === MI.matrix;
    const variable = isVariable ? variableAt(file, at, element, little) : undefined;
    if (variable) found.push(variable);
    at = element.next;
  }
  return found;
}

/** The variable at a place in the file; undefined for a compressed element that is none. */
function variableAt(
  file: Buffer,
  at: number,
  { type, start, bytes }: Element,
  little: boolean,
): MatlabVariable | undefined {
  const packed = type === MI.compressed;
  const inflated = (length: number, fault: string, options: ZlibOptions): Buffer => {
    try {
      return inflateSync(file.subarray(start, start + length), options);
    } catch (error) {
      throw new MatlabFormatError(`${fault}: ${(error as Error).message}`);
    }
  };
  // Told to hand out what it has, so the missing rest is no error.
  const head = packed
    ? inflated(PEEK_BYTES, `is corrupt in the variable at byte ${at}`, {
        finishFlush: constants.Z_SYNC_FLUSH,
      })
    : file.subarray(at);
  const what = `the header of the variable at byte ${at}`;
  const matrix = elementAt(head, 0, little, what);
  if (matrix.type !== MI.matrix) return undefined;
  const flags = elementAt(head, 8, little, what);
  const dimensions = elementAt(head, flags.next, little, what);
  const label = elementAt(head, dimensions.next, little, what);
  const types = [flags.type, dimensions.type, label.type];
  if (types.join() !== [MI.uint32, MI.int32, MI.int8].join() || label.next > head.length) {
    throw new MatlabFormatError(`is corrupt at byte ${at}: the variable there has no valid header`);
  }
  const name = head.toString('latin1', label.start, label.start + label.bytes);
  const shape = Array.from({ length: dimensions.bytes / 4 }, (_, i) =>
    integerAt(head, dimensions.start + 4 * i, little),
  );
  const word = integerAt(head, flags.start, little);
  // Of the classes of arrays those from double to uint64, without the flag of complex numbers.
  const isReal = (word & 0xff) >= 6 && (word & 0xff) <= 15 && (word & 0x0800) === 0;
  const size = 8 + matrix.bytes;
  const numbers = (): Uint8Array | Float64Array => {
    if (!isReal) throw new MatlabFormatError(`has a variable ${name} that is not an array of real numbers`);
    const damaged = `has a damaged variable ${name}`;
    const check = (right: boolean, fault: string): void => {
      if (!right) throw new MatlabFormatError(`${damaged}: ${fault}`);
    };
    const whole = packed ? inflated(bytes, damaged, { maxOutputLength: size }) : file.subarray(at, at + size);
    check(whole.length === size, `${whole.length} bytes where ${size} were announced`);
    const element = elementAt(whole, label.next, little, `variable ${name}`);
    check(element.type in NUMBERS, `numbers of the unknown type ${element.type}`);
    const [width, get] = NUMBERS[element.type as keyof typeof NUMBERS];
    const count = shape.reduce((product, side) => product * side, 1);
    check(
      element.bytes === count * width && element.start + element.bytes <= whole.length,
      `${element.bytes / width} numbers where its shape ${shape.join('×')} has ${count}`,
    );
    const own = whole.subarray(element.start, element.start + element.bytes);
    if (element.type === MI.uint8) return new Uint8Array(own.buffer, own.byteOffset, count);
    const view = new DataView(own.buffer, own.byteOffset, own.length);
    return Float64Array.from({ length: count }, (_, i) => Number(view[get](width * i, little)));
  };
  return { name, shape, numbers };
}
