/** Values as Python's sources and prints write them, read without ever being evaluated. */

/** A call of a name that is not known here, e.g. `Genotype(…)`. */
export class PythonCall {
  constructor(
    /** The last part of a dotted name. */
    readonly name: string,
    readonly positional: readonly PythonValue[],
    readonly named: Readonly<Record<string, PythonValue>>,
  ) {}
}

/** Lists, tuples and sets are arrays, dictionaries are records. */
export type PythonValue =
  | null
  | boolean
  | number
  | string
  | PythonCall
  | readonly PythonValue[]
  | { readonly [key: string]: PythonValue };

/** What could not be read, and where. */
export class PythonFault extends Error {
  constructor(
    /** The place in the text, in characters from its start. */
    readonly at: number,
    readonly expected: string,
  ) {
    super(`expected ${expected} at character ${at}`);
  }
}

/** The bounds of one value: a genotype has some hundred numbers, and a text is read before it is known to hold one. */
const DEEPEST = 32;
const MOST_VALUES = 20_000;
const LONGEST_STRING = 2000;
const LONGEST_RANGE = 1000;

/**
 * The value that begins at a place of a text: strings, numbers, None, True, False, lists, tuples, dictionaries, sets, with
 * comments and trailing commas. `range`, `list`, `tuple`, `dict` and what makes a number (`np.int64(1)`, `tensor(0.5)`) are
 * read as what they stand for, every other call as a {@link PythonCall}.
 *
 * @returns  The value, and the place after it.
 * @throws {PythonFault} for anything else, and for more or deeper values than any genotype has.
 */
export function readPython(text: string, at: number): { readonly value: PythonValue; readonly end: number } {
  const reader = new Reader(text, at);
  return { value: reader.value(), end: reader.at };
}

/** Where a fault is in a text and what is there, in a sentence: "line 2, column 10: expected "," , found "…"". */
export function describeFault(text: string, { at, expected }: PythonFault): string {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = at - before.lastIndexOf('\n');
  const found = at < text.length ? JSON.stringify(text.slice(at, at + 16)) : 'the end';
  return `line ${line}, column ${column}: expected ${expected}, found ${found}`;
}

const WORDS: Readonly<Record<string, null | boolean>> = { None: null, True: true, False: false };

/** Calls that stand for their first argument. */
const WRAPPERS = /^(?:u?int\d*|float\d*|list|tuple|array|asarray|tensor|Tensor)$/;

class Reader {
  private values = 0;

  constructor(
    private readonly text: string,
    public at: number,
  ) {}

  value(depth = 0): PythonValue {
    this.skip();
    if (depth > DEEPEST) throw this.fault(`at most ${DEEPEST} brackets within each other`);
    if (++this.values > MOST_VALUES) throw this.fault(`the end of a genotype after ${MOST_VALUES} values`);
    switch (this.text.charAt(this.at)) {
      case '[':
        return this.items('[', ']', depth).items;
      case '(': {
        const { items, comma } = this.items('(', ')', depth);
        return items.length === 1 && !comma ? items[0] : items;
      }
      case '{':
        return this.braces(depth);
      case "'":
      case '"':
        return this.string();
      default:
        return this.number() ?? this.name(depth);
    }
  }

  private items(open: string, close: string, depth: number): { items: PythonValue[]; comma: boolean } {
    const items: PythonValue[] = [];
    this.take(open);
    let comma = false;
    while (!this.next(close)) {
      items.push(this.value(depth + 1));
      comma = this.separated(close);
    }
    this.take(close);
    return { items, comma };
  }

  /** A dictionary, or a set, which is told by its first colon. */
  private braces(depth: number): PythonValue {
    const entries: [string, PythonValue][] = [];
    const items: PythonValue[] = [];
    this.take('{');
    while (!this.next('}')) {
      const start = this.at;
      const item = this.value(depth + 1);
      if (this.next(':') && items.length === 0) {
        if (typeof item !== 'string' && typeof item !== 'number')
          throw new PythonFault(start, 'a string or number as key');
        this.take(':');
        entries.push([String(item), this.value(depth + 1)]);
      } else if (entries.length > 0) throw this.fault('":"');
      else items.push(item);
      this.separated('}');
    }
    this.take('}');
    return items.length > 0 ? items : Object.fromEntries(entries);
  }

  /** The comma between two items; at the closing bracket there may be one or none. @returns whether there is one. */
  private separated(close: string): boolean {
    if (this.next(',')) {
      this.take(',');
      return true;
    }
    if (!this.next(close)) throw this.fault(`"," or "${close}"`);
    return false;
  }

  /** A string, joined with those that follow it directly. */
  private string(): string {
    let joined = '';
    while (this.next("'") || this.next('"')) {
      const body = this.text.charAt(this.at) === "'" ? SINGLE_QUOTED : DOUBLE_QUOTED;
      const found = this.match(body);
      if (found === undefined)
        throw this.fault(`a string that ends on its line, of at most ${LONGEST_STRING} characters`);
      joined += found.slice(1, -1).replaceAll(/\\([^])/g, '$1');
    }
    return joined;
  }

  private number(): number | undefined {
    const found = this.match(NUMBER);
    return found === undefined ? undefined : Number(found.replaceAll('_', ''));
  }

  private name(depth: number): PythonValue {
    const start = this.at;
    const prefixed = this.match(STRING_PREFIX);
    if (prefixed !== undefined) return this.string();
    const dotted = this.match(NAME);
    if (dotted === undefined) throw this.fault('a value');
    if (this.next('(')) return this.call(dotted.slice(dotted.lastIndexOf('.') + 1), start, depth);
    if (Object.hasOwn(WORDS, dotted)) return WORDS[dotted];
    throw new PythonFault(start, 'a value, since names are not looked up');
  }

  private call(name: string, start: number, depth: number): PythonValue {
    const positional: PythonValue[] = [];
    const named = new Map<string, PythonValue>();
    this.take('(');
    while (!this.next(')')) {
      const argument = this.match(ARGUMENT)?.replace(/\s*=$/, '');
      const value = this.value(depth + 1);
      if (argument === undefined) positional.push(value);
      else if (named.has(argument)) throw this.fault(`each field once, and "${argument}" is there already`);
      else named.set(argument, value);
      this.separated(')');
    }
    this.take(')');
    const fields = Object.fromEntries(named);
    if (name === 'range') return range(positional, start);
    if (WRAPPERS.test(name)) return positional[0] ?? [];
    if (name === 'dict' || name === 'OrderedDict') return dictionary(positional[0] ?? [], fields, start);
    return new PythonCall(name, positional, fields);
  }

  /** Whether that comes next, after blanks and comments. */
  private next(literal: string): boolean {
    this.skip();
    return this.text.startsWith(literal, this.at);
  }

  private take(literal: string): void {
    if (!this.next(literal)) throw this.fault(`"${literal}"`);
    this.at += literal.length;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private skip(): void {
    while (this.match(BLANK) !== undefined);
  }

  private fault(expected: string): PythonFault {
    return new PythonFault(this.at, expected);
  }
}

const BLANK = /\s+|#[^\n]*|\\\r?\n/y;
const NUMBER = /[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w)/y;
const NAME = /[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/y;
const ARGUMENT = /[A-Za-z_]\w*\s*=(?!=)/y;
const STRING_PREFIX = /[rRbBuU]{1,2}(?=['"])/y;
const SINGLE_QUOTED = new RegExp(`'(?:[^'\\\\\\n]|\\\\[^]){0,${LONGEST_STRING}}'`, 'y');
const DOUBLE_QUOTED = new RegExp(`"(?:[^"\\\\\\n]|\\\\[^]){0,${LONGEST_STRING}}"`, 'y');

/** The numbers of `range(stop)`, `range(start, stop)` or `range(start, stop, step)`. */
function range(bounds: readonly PythonValue[], at: number): number[] {
  const whole = bounds.filter((each): each is number => Number.isSafeInteger(each));
  if (whole.length !== bounds.length || bounds.length < 1 || bounds.length > 3)
    throw new PythonFault(at, 'a range of one to three whole numbers');
  const [start, stop, step = 1] = whole.length === 1 ? [0, whole[0]] : whole;
  const length = step === 0 ? Infinity : Math.max(0, Math.ceil((stop - start) / step));
  if (length > LONGEST_RANGE) throw new PythonFault(at, `a range of at most ${LONGEST_RANGE} numbers`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/** The dictionary of pairs, or another one, with fields added. */
function dictionary(
  from: PythonValue,
  fields: Readonly<Record<string, PythonValue>>,
  at: number,
): PythonValue {
  if (from !== null && typeof from === 'object' && !(from instanceof PythonCall) && !Array.isArray(from))
    return { ...from, ...fields };
  const pairs: readonly PythonValue[] = Array.isArray(from) ? from : [from];
  const entries = pairs.map((pair): [string, PythonValue] => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string')
      throw new PythonFault(at, 'a dictionary of pairs of a string and a value');
    return [pair[0], (pair as readonly PythonValue[])[1]];
  });
  return { ...Object.fromEntries(entries), ...fields };
}
