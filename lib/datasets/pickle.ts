/**
 * The part of Python's pickle format (protocols 0 to 5; CPython, Lib/pickletools.py) that the Python versions of CIFAR are
 * written in: dictionaries of texts, numbers, lists and NumPy's arrays of whole numbers. A pickle is a program for a machine
 * with a stack; the few functions that those files call are made here, and any other is refused, not called.
 */
import type { Fault } from './matlab.js';

/** An array of whole numbers. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** Row by row. */
  readonly numbers: Uint8Array | Float64Array;
}

/** What these pickles hold. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Pickled[]
  | ReadonlyMap<unknown, Pickled>
  | PickledArray;

/** A function that a pickle names. */
class Named {
  constructor(readonly name: string) {}
}

/** NumPy's description of an array's numbers, e.g. "u1". */
class NumberType {
  constructor(readonly code: string) {}
}

/** An array before it is told what it holds. */
class UnfilledArray implements PickledArray {
  shape: readonly number[] = [0];
  numbers: Uint8Array | Float64Array = new Uint8Array(0);
}

/** More steps than the official files take (some 200,000 for 50,000 labels and file names). */
const MOST_STEPS = 2_000_000;
const LATIN1 = new Set(['latin1', 'latin-1', 'iso-8859-1']);

/** How to read a number of a type, by its code. */
const READERS: Readonly<
  Record<string, readonly [bytes: number, read: (view: DataView, at: number) => number]>
> = {
  i1: [1, (view, at) => view.getInt8(at)],
  i2: [2, (view, at) => view.getInt16(at, true)],
  u2: [2, (view, at) => view.getUint16(at, true)],
  i4: [4, (view, at) => view.getInt32(at, true)],
  u4: [4, (view, at) => view.getUint32(at, true)],
  i8: [8, (view, at) => Number(view.getBigInt64(at, true))],
  u8: [8, (view, at) => Number(view.getBigUint64(at, true))],
};

/**
 * The value of a pickle.
 *
 * @throws what `wrong` makes: for a file that ends too early, is none, or asks for more than these files hold.
 */
export function readPickle(file: Uint8Array, wrong: Fault): Pickled {
  return new Machine(Buffer.from(file.buffer, file.byteOffset, file.byteLength), wrong).run() as Pickled;
}

const MARK = Symbol('mark');

class Machine {
  private at = 0;
  private readonly stack: unknown[] = [];
  private readonly memo = new Map<number, unknown>();

  constructor(
    private readonly file: Buffer,
    private readonly wrong: Fault,
  ) {}

  run(): unknown {
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const operation = this.bytes(1)[0];
      if (operation === 0x2e) return this.pop(); // '.'
      this.step(operation);
    }
    throw this.wrong(`is a pickle of more than ${MOST_STEPS} steps`);
  }

  private step(operation: number): void {
    const { stack, memo } = this;
    switch (String.fromCharCode(operation)) {
      case '\x80': // the protocol
        this.bytes(1);
        return;
      case '\x95': // the length of a frame
        this.bytes(8);
        return;
      case '(':
        stack.push(MARK);
        return;
      case '0':
        this.pop();
        return;
      case 'N':
        stack.push(null);
        return;
      case '\x88':
        stack.push(true);
        return;
      case '\x89':
        stack.push(false);
        return;
      case 'K':
        stack.push(this.bytes(1)[0]);
        return;
      case 'M':
        stack.push(this.bytes(2).readUInt16LE());
        return;
      case 'J':
        stack.push(this.bytes(4).readInt32LE());
        return;
      case 'I': {
        const line = this.line();
        stack.push(line === '00' ? false : line === '01' ? true : this.number(line));
        return;
      }
      case 'L':
        stack.push(this.number(this.line().replace(/L$/, '')));
        return;
      case 'U':
      case 'C':
        stack.push(Uint8Array.from(this.bytes(this.bytes(1)[0])));
        return;
      case 'T':
      case 'B':
        stack.push(this.bytes(this.bytes(4).readUInt32LE()));
        return;
      case '\x8e':
      case '\x96':
        stack.push(this.bytes(this.length()));
        return;
      case '\x8c':
        stack.push(this.bytes(this.bytes(1)[0]).toString());
        return;
      case 'X':
        stack.push(this.bytes(this.bytes(4).readUInt32LE()).toString());
        return;
      case '\x8d':
        stack.push(this.bytes(this.length()).toString());
        return;
      case ']':
      case ')':
        stack.push([]);
        return;
      case '}':
        stack.push(new Map());
        return;
      case 'l':
      case 't':
        stack.push(this.marked());
        return;
      case 'd': {
        const items = this.marked();
        stack.push(new Map());
        this.fill(items);
        return;
      }
      case '\x85':
      case '\x86':
      case '\x87': {
        const items = Array.from({ length: operation - 0x84 }, () => this.pop()).reverse();
        stack.push(items);
        return;
      }
      case 'a':
        this.extend([this.pop()]);
        return;
      case 'e':
        this.extend(this.marked());
        return;
      case 's': {
        const value = this.pop();
        this.fill([this.pop(), value]);
        return;
      }
      case 'u':
        this.fill(this.marked());
        return;
      case 'p':
        memo.set(this.number(this.line()), stack.at(-1));
        return;
      case 'q':
        memo.set(this.bytes(1)[0], stack.at(-1));
        return;
      case 'r':
        memo.set(this.bytes(4).readUInt32LE(), stack.at(-1));
        return;
      case '\x94':
        memo.set(memo.size, stack.at(-1));
        return;
      case 'g':
        stack.push(this.known(this.number(this.line())));
        return;
      case 'h':
        stack.push(this.known(this.bytes(1)[0]));
        return;
      case 'j':
        stack.push(this.known(this.bytes(4).readUInt32LE()));
        return;
      case 'c':
        stack.push(new Named(`${this.line()}.${this.line()}`));
        return;
      case '\x93': {
        const [name, module] = [this.pop(), this.pop()];
        stack.push(new Named(`${String(module)}.${String(name)}`));
        return;
      }
      case 'R': {
        const args = this.pop();
        const made = this.pop();
        stack.push(this.called(made, Array.isArray(args) ? args : []));
        return;
      }
      case 'b':
        this.build(this.pop(), stack.at(-1));
        return;
      default:
        throw this.wrong(
          `is not a pickle of images: step 0x${operation.toString(16)} at byte ${this.at - 1} is none that such a file has`,
        );
    }
  }

  private bytes(count: number): Buffer {
    const end = this.at + count;
    if (end > this.file.length)
      throw this.wrong(`is cut off: it ends after ${this.file.length} bytes, inside a pickle`);
    const found = this.file.subarray(this.at, end);
    this.at = end;
    return found;
  }

  private length(): number {
    const length = this.bytes(8).readBigUInt64LE();
    return length > BigInt(this.file.length) ? Infinity : Number(length);
  }

  private line(): string {
    const end = this.file.indexOf(10, this.at);
    if (end < 0 || end - this.at > 1000) throw this.wrong(`is no pickle: no line ends after byte ${this.at}`);
    const text = this.file.toString('latin1', this.at, end).replace(/\r$/, '');
    this.at = end + 1;
    return text;
  }

  private number(text: string): number {
    if (/^-?\d{1,15}$/.test(text)) return Number(text);
    throw this.wrong(
      `is no pickle of images: ${JSON.stringify(text.slice(0, 20))} stands where a number belongs`,
    );
  }

  private pop(): unknown {
    if (this.stack.length === 0 || this.stack.at(-1) === MARK)
      throw this.wrong(`is no pickle: a value is missing at byte ${this.at}`);
    return this.stack.pop();
  }

  private marked(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw this.wrong(`is no pickle: a mark is missing at byte ${this.at}`);
    return this.stack.splice(mark).slice(1);
  }

  private known(place: number): unknown {
    if (!this.memo.has(place)) throw this.wrong(`is no pickle: it has no value ${place} at byte ${this.at}`);
    return this.memo.get(place);
  }

  private extend(items: readonly unknown[]): void {
    const list = this.stack.at(-1);
    if (!Array.isArray(list)) throw this.wrong(`is no pickle: a list is missing at byte ${this.at}`);
    for (const item of items) list.push(item);
  }

  private fill(items: readonly unknown[]): void {
    const record = this.stack.at(-1);
    if (!(record instanceof Map))
      throw this.wrong(`is no pickle: a dictionary is missing at byte ${this.at}`);
    for (let i = 0; i + 1 < items.length; i += 2) record.set(keyOf(items[i]), items[i + 1]);
  }

  /** What the few functions that these files call give. */
  private called(made: unknown, args: readonly unknown[]): unknown {
    const name = made instanceof Named ? made.name.replace('numpy._core.', 'numpy.core.') : '';
    switch (name) {
      case '_codecs.encode':
        if (typeof args[0] === 'string' && LATIN1.has(String(args[1]))) return Buffer.from(args[0], 'latin1');
        break;
      case '__builtin__.bytes':
      case 'builtins.bytes':
        if (args.length === 0) return new Uint8Array(0);
        break;
      case 'numpy.core.multiarray._reconstruct':
        return new UnfilledArray();
      case 'numpy.dtype':
        if (args[0] instanceof Uint8Array || typeof args[0] === 'string')
          return new NumberType(textOf(args[0]));
        break;
      case 'numpy.core.numeric._frombuffer': {
        const array = new UnfilledArray();
        this.build([1, args[2], args[1], args[3] === 'F', args[0]], array);
        return array;
      }
      case 'collections.OrderedDict':
        if (args.length === 0) return new Map();
    }
    throw this.wrong(
      `asks for ${name === '' ? 'something' : JSON.stringify(name)}, which no file of images does; it is not read any further`,
    );
  }

  /** Tells an array what it holds, as NumPy's `__setstate__` is told: version, shape, type, by columns, bytes. */
  private build(state: unknown, made: unknown): void {
    if (made instanceof NumberType && Array.isArray(state)) {
      if (state[1] === '>' || (state[1] instanceof Uint8Array && textOf(state[1]) === '>'))
        throw this.wrong('holds an array of big-endian numbers');
      return;
    }
    const [, shape, type, byColumns, bytes] = Array.isArray(state) ? (state as unknown[]) : [];
    const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
    if (!(made instanceof UnfilledArray) || !isShape || !(type instanceof NumberType))
      throw this.wrong(`is no pickle of images: an array is incomplete at byte ${this.at}`);
    if (!(bytes instanceof Uint8Array)) throw this.wrong('holds an array that is none of whole numbers');
    if (byColumns === true && shape.length > 1)
      throw this.wrong('holds an array by columns, expected by rows');
    const count = shape.reduce<number>((product, size) => product * Number(size), 1);
    const [width, read] = READERS[type.code] ?? (type.code === 'u1' ? [1] : [0]);
    if (width === 0)
      throw this.wrong(`holds an array of type ${JSON.stringify(type.code)}, expected whole numbers`);
    if (bytes.length !== count * width)
      throw this.wrong(
        `holds an array of ${shape.join('×')} in ${bytes.length} bytes, expected ${count * width}`,
      );
    made.shape = shape as number[];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    made.numbers = read ? Float64Array.from({ length: count }, (_, i) => read(view, i * width)) : bytes;
  }
}

/** A dictionary's key: Python 2's texts are bytes. */
function keyOf(key: unknown): unknown {
  return key instanceof Uint8Array ? textOf(key) : key;
}

/** A text that may have been written as Python 2's bytes. */
export function textOf(value: Uint8Array | string): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('latin1');
}
