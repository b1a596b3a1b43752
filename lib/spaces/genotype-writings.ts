import type * as Yaml from 'js-yaml';
import { UsageError, unknownName } from '../errors.js';
import { lazily } from '../lazy.js';
import { PythonCall, PythonFault, describeFault, readPython } from './python.js';
import type { PythonValue } from './python.js';
import { CELLS, MOST_NODES } from './spaces.js';
import type { Cell } from './spaces.js';

const loadYaml = lazily<typeof Yaml>('js-yaml');

/** A genotype as it was found in a text, not yet read further than Python's or JSON's own rules go. */
export interface Written {
  /** The name it is assigned to or the key it stands under, those around it before it: "s1.seed.3"; empty for none. */
  readonly name: string;
  /** The epoch that the text says before it; where none is said, one more than the one before, from 0. */
  readonly epoch: number;
  /** What is written; a fault where that cannot be read. */
  readonly value: unknown;
  /** The text that it was read from, for the place of a fault. */
  readonly text: string;
  /** Where in it a cell of NAS-Bench-201 begins that stands among other things. Default 0. */
  readonly at?: number;
}

/** Which of several genotypes is meant. */
export interface Choice {
  readonly name?: string | undefined;
  readonly epoch?: number | undefined;
  /** What the text is called in a sentence that says how to choose. */
  readonly file?: string;
}

/** The bounds of a text: a search's log is some hundred thousand characters, a file of genotypes some ten thousand. */
export const LONGEST_TEXT = 8 << 20;
const LONGEST_YAML = 1 << 20;
const MOST_GENOTYPES = 10_000;
const MOST_PARTS = 500_000;
const LONGEST_PATH = 1000;

/**
 * The genotypes in a text: Python (`Genotype(…)` or a dictionary of its fields, alone, assigned to names, or in a log), JSON
 * or YAML with genotypes anywhere in it, as fields or as Python's text; NAS-Bench-201's text of a cell, alone or, without
 * blanks, wherever those stand.
 *
 * @throws {UsageError} for a text that is too long, or holds too many.
 */
export function genotypesIn(text: string): readonly Written[] {
  if (text.length > LONGEST_TEXT)
    throw new UsageError(`The text has ${text.length} characters; a genotype's has at most ${LONGEST_TEXT}.`);
  // Cells under each other are several.
  if (isCellText(text) && !/\|\s+\|/.test(text)) return [{ name: '', epoch: 0, value: text, text }];
  const document = jsonDocument(text) ?? yamlDocument(text);
  const found = document === undefined ? [] : inDocument(document);
  // What only looked like a document is read as Python.
  return found.length > 0 ? found : inPython(text);
}

/** Whether a value begins as NAS-Bench-201's text of a cell does, `|…~0|+|…~0|…~1|`, which ./genotype.ts reads. */
export function isCellText(value: unknown): value is string {
  return typeof value === 'string' && /^\s*\|/.test(value);
}

function jsonDocument(text: string): object | undefined {
  return /^\s*[[{]/.test(text) ? objectOf(() => JSON.parse(text.trim())) : undefined;
}

/** A text whose first line that says something is a key of YAML's. */
const YAML_START =
  /^\uFEFF?(?:[ \t\r]*(?:#[^\n]*)?\n)*(?:---|[ \t]*['"]?[^\s'"#[\]{}(),=][^\n'"#[\]{}(),=]*['"]?:(?:\s|$))/;

function yamlDocument(text: string): object | undefined {
  if (text.length > LONGEST_YAML || !YAML_START.test(text)) return undefined;
  const { load, CORE_SCHEMA } = loadYaml();
  return objectOf(() => load(text, { schema: CORE_SCHEMA }));
}

/** What reading gives if that is an object or a list; undefined for a text that it is not made for. */
function objectOf(read: () => unknown): object | undefined {
  try {
    const value = read();
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

// Python's text.

/**
 * Where a genotype may begin: a call of Genotype, a dictionary whose first key is one of its fields', or a cell of
 * NAS-Bench-201.
 */
const BEGINNING =
  /(?<!\w)(?:[A-Za-z_]\w*\.)*Genotype\s*\(|\{\s*['"](?:normal|reduce)[\w/]*['"]\s*:|(?<!\w)\|\w+~(?=\d)/g;
/** What a cell of NAS-Bench-201 is written with. */
const CELL_TEXT = /[\w~|+]*/y;

function inPython(text: string): Written[] {
  const found: Written[] = [];
  let [after, epochsAreSaid] = [0, false];
  BEGINNING.lastIndex = 0;
  for (let begun; (begun = BEGINNING.exec(text)) !== null; BEGINNING.lastIndex = after) {
    const start = begun.index;
    const before = text.slice(Math.max(text.lastIndexOf('\n', start - 1) + 1, start - LONGEST_LINE), start);
    if (NO_GENOTYPE.test(before)) {
      after = start + begun[0].length;
      continue;
    }
    if (found.length === MOST_GENOTYPES)
      throw new UsageError(`The text holds more than ${MOST_GENOTYPES} genotypes; cut out the one you mean.`);
    const said = [...text.slice(after, start).matchAll(EPOCH)].at(-1);
    const told = said?.[1] ?? said?.[2];
    const last = found.at(-1);
    const epoch = told === undefined ? (last?.epoch ?? -1) + 1 : Number(told);
    if (begun[0].startsWith('|')) {
      CELL_TEXT.lastIndex = start;
      const [value] = CELL_TEXT.exec(text)!;
      after = start + value.length;
      // NAS-Bench-201's logs say an epoch and its cell, and then look that cell up.
      if (said || !epochsAreSaid || value !== last?.value)
        found.push({ name: nameBefore(before.replace(WRAPPED, '')), epoch, value, text, at: start });
      epochsAreSaid ||= said !== undefined;
      continue;
    }
    const name = nameBefore(before);
    let value: unknown;
    try {
      ({ value, end: after } = readPython(text, start));
    } catch (error) {
      if (!(error instanceof PythonFault)) throw error;
      value = error;
      // What comes after the fault may be another genotype: a log may break off anywhere.
      after = Math.max(error.at, start + begun[0].length);
    }
    found.push({ name, epoch, value, text });
  }
  return found.length === 0 ? inDictionary(text) : [...found, ...aliases(text, found)];
}

/** The genotypes in a text that is one dictionary or list, with fields of all kinds. */
function inDictionary(text: string): Written[] {
  const start = /^\s*(?:[A-Za-z_]\w*\s*=\s*)?(?=[{[]|dict\s*\(|OrderedDict\s*\()/.exec(text)?.[0].length;
  if (start === undefined) return [];
  try {
    const { value } = readPython(text, start);
    return typeof value === 'object' && value !== null ? inDocument(value) : [];
  } catch (error) {
    if (!(error instanceof PythonFault)) throw error;
    return [{ name: '', epoch: 0, value: error, text }];
  }
}

/** How much of a line is looked at before a genotype. */
const LONGEST_LINE = 200;
/** A comment, or the definition of the class itself. */
const NO_GENOTYPE = /^\s*#|\b(?:class|def)\s+$/;
const ASSIGNED = /^[ \t]*([A-Za-z_]\w*)[ \t]*(?::[^=]*)?=[ \t]*['"]?$/;
const KEYED = /['"]([^'"]{1,100})['"]\s*:\s*['"]?$/;
const EPOCH = /\bepoch\b\W{0,3}(\d{1,6})|\b(\d{1,6})(?:-\d{1,6})?-th epoch\b/gi;
/** How NAS-Bench-201's code prints a cell: "Structure(4 nodes with |…|)". */
const WRAPPED = /\b\w*Structure\(\d+ nodes with $/;

/** The name that something is assigned to or keyed with; empty for none. @param before  The line up to it. */
const nameBefore = (before: string): string => ASSIGNED.exec(before)?.[1] ?? KEYED.exec(before)?.[1] ?? '';

/** The genotypes that a text has under further names: `BEST = A_2`. */
function aliases(text: string, found: readonly Written[]): Written[] {
  const named = new Map(found.filter(({ name }) => name !== '').map((each) => [each.name, each]));
  const further: Written[] = [];
  for (const [, name, other] of text.matchAll(
    /^([A-Za-z_]\w*)[ \t]*=[ \t]*([A-Za-z_]\w*)[ \t]*(?:#.*)?\r?$/gm,
  )) {
    const meant = named.get(other);
    if (meant === undefined || named.has(name)) continue;
    named.set(name, { ...meant, name });
    further.push({ ...meant, name });
  }
  return further;
}

// JSON and YAML.

/** A text within a document that may hold a genotype. */
const HELD = /Genotype\s*\(|\|\w+~\d/;

function inDocument(document: object): Written[] {
  const found: Written[] = [];
  const seen = new Set<object>();
  const look = (value: unknown, path: string): void => {
    if (typeof value === 'string' && HELD.test(value)) {
      for (const { value: written, at } of inPython(value)) add(path, written, value, at);
    }
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    if (isGenotype(value)) {
      add(path, value);
      return;
    }
    // YAML can name a part twice, and so grow without end.
    if (seen.add(value).size > MOST_PARTS || path.length > LONGEST_PATH)
      throw new UsageError(
        'The text is larger or deeper than one with genotypes is; cut out the one you mean.',
      );
    for (const [key, part] of Object.entries(value)) {
      look(part, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`);
    }
  };
  const add = (name: string, value: unknown, text = '', at = 0): void => {
    if (found.length === MOST_GENOTYPES)
      throw new UsageError(`The text holds more than ${MOST_GENOTYPES} genotypes; cut out the one you mean.`);
    found.push({ name, epoch: found.length, value, text, at });
  };
  look(document, '');
  return sequence(found) ?? found;
}

/** Genotypes that are told apart by one place in a list alone are one an epoch, under one name. */
function sequence(found: readonly Written[]): Written[] | undefined {
  const names = new Set(found.map(({ name }) => name.replace(/\[\d+\]/, '[]')));
  const [name] = names;
  return found.length > 1 && names.size === 1 && name.includes('[]')
    ? found.map((each) => ({ ...each, name }))
    : undefined;
}

/** Whether a record is a genotype in one of the writings that {@link genotypeFields} reads. */
function isGenotype(value: object): boolean {
  if (value instanceof PythonCall) return value.name === 'Genotype';
  const keys = Object.keys(value);
  return (
    CELLS.every((cell) => keys.includes(cell)) || (keys.length > 0 && keys.every((key) => EXPORTED.test(key)))
  );
}

// Which one.

/** Where our own documents have the genotype that they are about. */
const OWN = ['limited.genotype', 'result.genotype', 'protocol.network.genotype', 'genotype'];

/** The genotype that is meant among those in a text. */
export interface Chosen {
  readonly written: Written;
  /** What to say about the choice, where a person did not make it. */
  readonly note?: string;
}

/**
 * The one genotype that is meant.
 *
 * @param choice  Its name, and its epoch where a text has several of that name.
 * @throws {UsageError} where there is none, or several and it is not said which: their names are listed.
 */
export function chooseGenotype(
  found: readonly Written[],
  { name, epoch, file = 'FILE' }: Choice = {},
): Chosen {
  if (found.length === 0) {
    throw new UsageError(
      'No genotype is in it: expected Genotype(normal=[…], normal_concat=…, reduce=[…], reduce_concat=…), as Python or within JSON or YAML, or NAS-Bench-201’s |…~0|+|…~0|…~1|+….',
    );
  }
  const names = [...new Set(found.map((each) => each.name))];
  const asked = name ?? ownName(found, names, file);
  if (!names.includes(asked)) throw unknownName('genotype', asked, names);
  const epochs = found.filter((each) => each.name === asked);
  if (epoch !== undefined) {
    const written = epochs.find((each) => each.epoch === epoch);
    if (written) return { written };
    throw new UsageError(`No genotype is of epoch ${epoch}; there are ${describeEpochs(epochs)}.`);
  }
  const written = epochs.at(-1)!;
  if (epochs.length === 1) return { written };
  return {
    written,
    note: `There are ${describeEpochs(epochs)}; this is the last one, of epoch ${written.epoch}, and --epoch n takes another.`,
  };
}

function describeEpochs(found: readonly Written[]): string {
  const epochs = found.map(({ epoch }) => epoch);
  const several = found.length === 1 ? '1 genotype, of epoch' : `${found.length} genotypes, of epochs`;
  return `${several} ${[...new Set([Math.min(...epochs), Math.max(...epochs)])].join(' to ')}`;
}

/** The name that is meant where none is given. */
function ownName(found: readonly Written[], names: readonly string[], file: string): string {
  const own = OWN.find((name) => names.includes(name));
  if (own !== undefined) return own;
  const contents = new Set(found.map(({ value }) => JSON.stringify(value)));
  // A genotype under keys that say more than that it is one (a space, a seed) may be one of many: whoever means it says so.
  const plain = names.every((name) => !name.includes('.') || name.endsWith('genotype'));
  if (names.length === 1 ? plain : contents.size === 1 && plain) return names[0];
  throw new UsageError(
    `${names.length === 1 ? 'One genotype is there, under' : `${names.length} genotypes are there:`} ${listed(names)}; name the one you mean after the file, as in ${file}:${names.find((each) => each !== '')}.`,
  );
}

const MOST_LISTED = 40;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).map((name) => name || '(no name)');
  const more = names.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

// From a writing to the fields of a genotype.

/** Names of fields, as they are written and as they are here. */
const FIELDS = new Map([
  ['normal', 'normal'],
  ['normal_concat', 'normalConcat'],
  ['normalConcat', 'normalConcat'],
  ['reduce', 'reduce'],
  ['reduce_concat', 'reduceConcat'],
  ['reduceConcat', 'reduceConcat'],
]);

/** Their order in the literature's named tuple. */
const ORDER = ['normal', 'normal_concat', 'reduce', 'reduce_concat'];

/**
 * What a writing says, with the fields of a Genotype, not yet checked: entries by node as one list, weights left out, the
 * names of NNI's operations as DARTS spells them.
 *
 * @throws {UsageError} for a fault of Python's, a field that is unknown and not empty, and other than two entries a node where
 *         the writing tells which node each belongs to.
 */
export function genotypeFields({ value, text }: Written): unknown {
  if (value instanceof PythonFault) throw new UsageError(`Genotype text, ${describeFault(text, value)}.`);
  const record = value instanceof PythonCall ? fieldsOfCall(value) : value;
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return record;
  // Our own form of a cell of NAS-Bench-201; its text is read by ./genotype.ts.
  if ('skeleton' in record) return record;
  const entries = Object.entries(record as Record<string, unknown>);
  if (entries.length > 0 && entries.every(([key]) => EXPORTED.test(key))) return exportedFields(entries);
  const unknown = entries.find(([key, field]) => !FIELDS.has(key) && !isEmpty(field));
  if (unknown) {
    const { message } = unknownName('field', unknown[0], ORDER);
    throw new UsageError(`The genotype says more than normal and reduction cells: ${message}`);
  }
  const fields = Object.fromEntries(
    entries.flatMap(([key, written]) => {
      const name = FIELDS.get(key);
      if (name === undefined) return [];
      const field = typeof written === 'string' ? inQuotes(written) : written;
      return [[name, name === 'normal' || name === 'reduce' ? edgesOf(name, field) : field]];
    }),
  );
  const missing = ORDER.find((key) => !Object.hasOwn(fields, FIELDS.get(key)!));
  if (missing !== undefined) throw new UsageError(`The genotype has no field "${missing}".`);
  return fields;
}

/** The value that a field of JSON or YAML has as Python's text: "range(2, 6)". */
function inQuotes(field: string): unknown {
  try {
    return readPython(field, 0).value;
  } catch {
    return field;
  }
}

/** Fields that other code bases add and that say nothing: None, '', []. */
function isEmpty(field: unknown): boolean {
  return (
    field === null ||
    field === '' ||
    (typeof field === 'object' && !(field instanceof PythonCall) && Object.keys(field).length === 0)
  );
}

function fieldsOfCall({ name, positional, named }: PythonCall): Readonly<Record<string, PythonValue>> {
  if (name !== 'Genotype') throw new UsageError(`A genotype is Genotype(…) or a dictionary, not ${name}(…).`);
  const extra = positional.slice(ORDER.length).find((field) => !isEmpty(field));
  if (extra !== undefined)
    throw new UsageError(`A genotype has ${ORDER.length} fields: ${ORDER.join(', ')}.`);
  const byPlace = positional.slice(0, ORDER.length).map((field, i) => [ORDER[i], field] as const);
  const twice = byPlace.find(([key]) => Object.hasOwn(named, key));
  if (twice)
    throw new UsageError(`The genotype's field "${twice[0]}" is there by its place and by its name.`);
  return { ...Object.fromEntries(byPlace), ...named };
}

/** The number of entries that a node has where the writing says which are its own. */
const A_NODE = 2;

/** The entries of a cell as pairs, in order of their nodes. What is written otherwise is left as it is. */
function edgesOf(cell: Cell, field: unknown): unknown {
  if (!Array.isArray(field)) return field;
  const entries = field as readonly unknown[];
  const nested = entries.some((entry) => Array.isArray(entry) && Array.isArray(entry[0]));
  if (nested) {
    return entries.flatMap((group, i) => {
      if (!Array.isArray(group) || !group.every((entry) => Array.isArray(entry))) return [group];
      checkNode(cell, i + 2, group.length);
      return group.map(pairOf);
    });
  }
  const placed = entries.map(placedEdge);
  if (placed.length === 0 || placed.some((entry) => entry === undefined)) return entries.map(pairOf);
  const edges = placed as readonly PlacedEdge[];
  const last = Math.max(...edges.map(({ node }) => node));
  return Array.from({ length: last - 1 }, (_, i) => {
    const own = edges.filter(({ node }) => node === i + 2);
    checkNode(cell, i + 2, own.length);
    return own.map(({ op, input }) => [op, input]);
  }).flat();
}

function checkNode(cell: Cell, node: number, entries: number): void {
  if (entries === A_NODE) return;
  throw new UsageError(
    `Node ${node} of the ${cell} cell has ${entries} ${entries === 1 ? 'entry' : 'entries'}; a node of the cells that are built here has ${A_NODE}.`,
  );
}

/** An entry without its weight. */
function pairOf(entry: unknown): unknown {
  const parts: unknown = entry;
  return Array.isArray(parts) && parts.length === 3 && typeof parts[2] === 'number'
    ? parts.slice(0, 2)
    : entry;
}

interface PlacedEdge {
  readonly op: unknown;
  readonly node: number;
  readonly input: number;
}

/** An entry (operation, node, input), which is told from (operation, input, weight) by its node: the first have no inputs from 2 up. */
function placedEdge(entry: unknown): PlacedEdge | undefined {
  if (!Array.isArray(entry) || entry.length !== 3) return undefined;
  const [op, node, input] = entry as readonly unknown[];
  const isPlaced =
    Number.isInteger(node) &&
    Number.isInteger(input) &&
    (node as number) >= 2 &&
    (node as number) <= MOST_NODES;
  return isPlaced ? { op, node: node as number, input: input as number } : undefined;
}

// NNI's exports: a record of choices, by the names of its two generations.

/** `normal_n3_p0`, `normal_n3_switch`; `normal/op_3_0`, `normal/input_3_0`. */
const EXPORTED = /^(normal|reduce)(?:_n(\d{1,3})_(?:p(\d{1,3})|switch)|\/(op|input)_(\d{1,3})_(\d))$/;

/** Operations as NNI's first generation calls them. */
const NNI_OPERATIONS: Readonly<Record<string, string>> = {
  maxpool: 'max_pool_3x3',
  avgpool: 'avg_pool_3x3',
  skipconnect: 'skip_connect',
  sepconv3x3: 'sep_conv_3x3',
  sepconv5x5: 'sep_conv_5x5',
  dilconv3x3: 'dil_conv_3x3',
  dilconv5x5: 'dil_conv_5x5',
};

/** The genotype that an export of NNI's DARTS describes; it concatenates every node. */
function exportedFields(entries: readonly (readonly [string, unknown])[]): unknown {
  const record = new Map(entries);
  const cell = (name: Cell): { edges: unknown[]; concat: number[] } => {
    const nodes = entries.map(([key]) => EXPORTED.exec(key)!).filter(([, kind]) => kind === name);
    const last = Math.max(1, ...nodes.map(([, , first, , , second]) => Number(first ?? second)));
    if (last > MOST_NODES)
      throw new UsageError(`The export has node ${last}; a cell has at most ${MOST_NODES}.`);
    const concat = Array.from({ length: last - 1 }, (_, i) => i + 2);
    const edges = concat.flatMap((node) => {
      const own = record.has(`${name}/op_${node}_0`)
        ? [0, 1].map((i) => [
            record.get(`${name}/op_${node}_${i}`),
            single(record.get(`${name}/input_${node}_${i}`)),
          ])
        : switched(record, name, node);
      checkNode(name, node, own.length);
      return own;
    });
    return { edges, concat };
  };
  const [normal, reduce] = CELLS.map(cell);
  return {
    normal: normal.edges,
    normalConcat: normal.concat,
    reduce: reduce.edges,
    reduceConcat: reduce.concat,
  };
}

/** The edges into a node in the first generation: those that its switch names, or those with an operation. */
function switched(record: ReadonlyMap<string, unknown>, cell: Cell, node: number): unknown[][] {
  const on = record.get(`${cell}_n${node}_switch`);
  return Array.from({ length: node }, (_, input) => input).flatMap((input) => {
    const key = `${cell}_n${node}_p${input}`;
    const op = single(record.get(key));
    const chosen = Array.isArray(on) ? on.includes(key) : typeof op === 'string';
    return chosen
      ? [[typeof op === 'string' && Object.hasOwn(NNI_OPERATIONS, op) ? NNI_OPERATIONS[op] : op, input]]
      : [];
  });
}

/** A choice of one, which NNI writes by itself or as a list. */
function single(choice: unknown): unknown {
  return Array.isArray(choice) && choice.length === 1 ? (choice as readonly unknown[])[0] : choice;
}
