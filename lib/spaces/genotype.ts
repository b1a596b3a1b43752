import { z } from 'zod';
import { UsageError, ZartsError, unknownName } from '../errors.js';
import type { Vec } from '../math/vec.js';
import { edgeGroups, mixingWeights } from './mixing.js';
import { PRIMITIVES, isPrimitive } from './primitives.js';
import type { Primitive } from './primitives.js';
import { CELLS, alphaSize, cellEdges } from './spaces.js';
import type { Cell, SearchSpace } from './spaces.js';

/** One chosen edge: the operation and the node that it reads. */
export type GenotypeEdge = readonly [op: Primitive, input: number];

/**
 * The discrete description of a network's two cells. Entries 2i and 2i + 1 of a cell are the two inputs of intermediate
 * node i + 2; `…Concat` are the nodes whose maps are concatenated to the cell's output.
 */
export interface Genotype {
  readonly normal: readonly GenotypeEdge[];
  readonly normalConcat: readonly number[];
  readonly reduce: readonly GenotypeEdge[];
  readonly reduceConcat: readonly number[];
}

/** Edges that every intermediate node of a derived cell keeps. */
const KEPT = 2;

/** More nodes than any cell has; a longer range in a text is a mistake, and would be gigabytes when written out. */
const MOST_NODES = 1000;

/** How {@link deriveGenotype} reads the alphas. */
export interface DeriveOptions {
  /**
   * Take the place of `none` on the x-th edge into a node from the x-th edge of the whole cell, as the released parser
   * does. No genotype of the built-in spaces changes by it; where the place of `none` differs between
   * edges, `none` can be derived. Default false.
   */
  readonly releasedIndexing?: boolean;
  /**
   * The alphas hold β of every edge too (./mixing.ts); an operation's weight is multiplied by its edge's, softmaxed over the
   * edges into the node (PC-DARTS). Default false.
   */
  readonly edgeNormalization?: boolean;
}

/**
 * The genotype that alphas stand for, by DARTS' rule: softmax over each edge; each node keeps the 2 incoming edges whose
 * largest weight of an operation other than `none` is largest, in descending order of it (ties keep the lower input);
 * each kept edge becomes that operation (ties keep the first listed). Every intermediate node is concatenated.
 *
 * @param alpha  Raw (not softmaxed) alphas of both cells, in the order of ./mixing.ts.
 * @throws {UsageError} when the length is wrong; {ZartsError} when an alpha is not finite (the message names its place).
 */
export function deriveGenotype(space: SearchSpace, alpha: Vec, options: DeriveOptions = {}): Genotype {
  const { releasedIndexing = false, edgeNormalization = false } = options;
  const weights = mixingWeights(space, alpha, edgeNormalization);
  checkFinite(space, alpha);
  const places = cellEdges(space.nodes);
  let [operation, beta] = [0, alphaSize(space)];
  const derive = (cell: Cell): GenotypeEdge[] => {
    const edges = space.edges[cell];
    const best = edges.map((primitives, edge) => {
      const row = weights.subarray(operation, (operation += primitives.length));
      const { input } = places[edge];
      const none = edges[releasedIndexing ? input : edge].indexOf('none');
      const choice = strongest(row, none);
      // Only the released indexing can exclude the one operation of an edge; the released parser fails there too.
      if (choice < 0)
        throw new ZartsError(`The released indexing leaves no operation on the ${cell} cell's edge ${edge}.`);
      const share = edgeNormalization ? weights[beta++] : 1;
      return { input, op: primitives[choice], weight: row[choice] * share };
    });
    let start = 0;
    return edgeGroups(space).flatMap((inputs) => {
      // Array.prototype.sort is stable: among equals the lower input stays first.
      const candidates = best.slice(start, (start += inputs)).sort((x, y) => y.weight - x.weight);
      return candidates.slice(0, KEPT).map(({ op, input }): GenotypeEdge => [op, input]);
    });
  };
  const concat = Array.from({ length: space.nodes }, (_, i) => i + 2);
  return { normal: derive('normal'), normalConcat: concat, reduce: derive('reduce'), reduceConcat: concat };
}

/** The place of the largest weight but for one place, the first of equal ones; −1 where there is none. */
function strongest(weights: Vec, without: number): number {
  return weights.reduce(
    (best, weight, k) => (k !== without && (best < 0 || weight > weights[best]) ? k : best),
    -1,
  );
}

/** Refuses alphas that are not finite, naming the place of the first. */
function checkFinite({ edges }: SearchSpace, alpha: Vec): void {
  const bad = alpha.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const named = (name: (cell: Cell, edge: number) => string[]) =>
    CELLS.flatMap((cell) => edges[cell].flatMap((_, edge) => name(cell, edge)));
  const places = [
    ...named((cell, edge) => edges[cell][edge].map((op) => `Alpha ${op} of the ${cell} cell's edge ${edge}`)),
    ...named((cell, edge) => [`Beta of the ${cell} cell's edge ${edge}`]),
  ];
  throw new ZartsError(`${places[bad]} is ${alpha[bad]}; a genotype needs finite alphas.`);
}

/** How often each primitive occurs in one cell; every primitive has an entry. */
export type OpCounts = Readonly<Record<Primitive, number>>;

/** The operations of a genotype counted, per cell kind (skip domination, noise domination). */
export function countOps(genotype: Genotype): Record<Cell, OpCounts> {
  const count = (edges: readonly GenotypeEdge[]): OpCounts => {
    const counts = Object.fromEntries(PRIMITIVES.map((op) => [op, 0])) as Record<Primitive, number>;
    for (const [op] of edges) counts[op]++;
    return counts;
  };
  return { normal: count(genotype.normal), reduce: count(genotype.reduce) };
}

/**
 * The text that the PyTorch code base prints and evaluates, e.g.
 * `Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=[…], reduce_concat=range(2, 6))`.
 * Concatenated nodes that follow each other are written as a range. {@link parseGenotype} reads it back.
 */
export function printGenotype({ normal, normalConcat, reduce, reduceConcat }: Genotype): string {
  const cell = (edges: readonly GenotypeEdge[]): string =>
    `[${edges.map(([op, i]) => `('${op}', ${i})`).join(', ')}]`;
  const concat = (nodes: readonly number[]): string =>
    nodes.length > 0 && nodes.every((node, i) => node === nodes[0] + i)
      ? `range(${nodes[0]}, ${nodes[0] + nodes.length})`
      : `[${nodes.join(', ')}]`;
  return (
    `Genotype(normal=${cell(normal)}, normal_concat=${concat(normalConcat)}, ` +
    `reduce=${cell(reduce)}, reduce_concat=${concat(reduceConcat)})`
  );
}

const jsonEdge = z.tuple([z.string(), z.number().int().nonnegative()]);
const jsonNodes = z.array(z.number().int().nonnegative());
const jsonGenotype = z.strictObject({
  normal: z.array(jsonEdge),
  normalConcat: jsonNodes,
  reduce: z.array(jsonEdge),
  reduceConcat: jsonNodes,
});

/**
 * The genotype written in a text: PyTorch's `Genotype(…)` (lists or `range(a, b)` for the concatenated nodes) or JSON with
 * the fields of {@link Genotype} (`normal_concat` and `reduce_concat` are read too).
 *
 * @throws {UsageError} naming the position (line and column, or the JSON path), what was expected and what was found.
 */
export function parseGenotype(text: string): Genotype {
  return checkGenotype(text.trimStart().startsWith('{') ? parseJson(text) : new GenotypeReader(text).read());
}

function parseJson(text: string): unknown {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`The genotype is not JSON: ${(error as Error).message}.`);
  }
  const { normal_concat, reduce_concat, ...rest } = data as Record<string, unknown>;
  return {
    ...rest,
    ...(normal_concat === undefined ? {} : { normalConcat: normal_concat }),
    ...(reduce_concat === undefined ? {} : { reduceConcat: reduce_concat }),
  };
}

/**
 * The value as a genotype, checked: known primitives, two entries a node, inputs and concatenated nodes that exist.
 *
 * @throws {UsageError} naming the path of the first fault.
 */
export function checkGenotype(value: unknown): Genotype {
  const parsed = jsonGenotype.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue.path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
      .join('');
    throw new UsageError(
      `The genotype is malformed at ${path.replace(/^\./, '') || 'its top'}: ${issue.message}.`,
    );
  }
  const { data } = parsed;
  for (const cell of CELLS) {
    const edges = data[cell];
    if (edges.length === 0 || edges.length % KEPT !== 0) {
      throw new UsageError(
        `${cell} has ${edges.length} entries; a genotype has ${KEPT} for each intermediate node.`,
      );
    }
    edges.forEach(([op, input], i) => {
      if (!isPrimitive(op)) {
        throw new UsageError(`${cell}[${i}]: ${unknownName('primitive', op, PRIMITIVES).message}`);
      }
      const node = Math.floor(i / KEPT) + 2;
      if (input >= node) {
        throw new UsageError(
          `${cell}[${i}]: node ${node} reads node ${input}; it can read nodes 0 to ${node - 1}.`,
        );
      }
    });
    const last = edges.length / KEPT + 1;
    const concat = data[`${cell}Concat`];
    if (concat.length === 0)
      throw new UsageError(`${cell}Concat is empty; a cell concatenates at least one node.`);
    concat.forEach((node, i) => {
      if (node > last)
        throw new UsageError(`${cell}Concat[${i}] is node ${node}; the cell has nodes 0 to ${last}.`);
    });
  }
  return data as unknown as Genotype;
}

/** Reads `Genotype(normal=[…], normal_concat=…, reduce=[…], reduce_concat=…)`: a recursive descent over one text. */
class GenotypeReader {
  private at = 0;

  constructor(private readonly text: string) {}

  read(): unknown {
    const fields: Record<string, unknown> = {};
    this.take('Genotype');
    this.take('(');
    do {
      const start = this.skip();
      const name = this.match(/[A-Za-z_]+/y, 'a field name');
      const field = FIELDS[name as keyof typeof FIELDS] as (typeof FIELDS)[keyof typeof FIELDS] | undefined;
      if (field === undefined) throw this.fault(`one of ${Object.keys(FIELDS).join(', ')}`, start);
      if (field in fields) throw this.fault(`each field once, and "${name}" is there already`, start);
      this.take('=');
      fields[field] = field.endsWith('Concat') ? this.nodes() : this.list(() => this.edge());
    } while (this.comma(')'));
    this.take(')');
    this.skip();
    if (this.at < this.text.length) throw this.fault('the end of the text');
    for (const [name, field] of Object.entries(FIELDS)) {
      if (!(field in fields)) throw new UsageError(`The genotype has no field "${name}".`);
    }
    return fields;
  }

  private edge(): [Primitive, number] {
    this.take('(');
    const start = this.skip();
    const op = this.match(/'[^']*'|"[^"]*"/y, 'a primitive in quotes').slice(1, -1);
    if (!isPrimitive(op)) {
      throw this.fault('a known primitive', start, ` ${unknownName('primitive', op, PRIMITIVES).message}`);
    }
    this.take(',');
    const input = this.integer();
    this.take(')');
    return [op, input];
  }

  private nodes(): number[] {
    this.skip();
    if (!this.text.startsWith('range', this.at)) return this.list(() => this.integer());
    this.take('range');
    this.take('(');
    const from = this.integer();
    this.take(',');
    const start = this.skip();
    const to = this.integer();
    if (to - from > MOST_NODES) throw this.fault(`a range of at most ${MOST_NODES} nodes`, start);
    this.take(')');
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  }

  private list<T>(item: () => T): T[] {
    const items: T[] = [];
    this.take('[');
    this.skip();
    if (this.text[this.at] !== ']') {
      do items.push(item());
      while (this.comma(']'));
    }
    this.take(']');
    return items;
  }

  /** Whether another item follows; a comma before the closing bracket is allowed, as in Python. */
  private comma(closing: string): boolean {
    this.skip();
    if (this.text[this.at] !== ',') return false;
    this.at++;
    this.skip();
    return this.text[this.at] !== closing;
  }

  private integer(): number {
    this.skip();
    return Number(this.match(/\d{1,9}/y, 'a node number'));
  }

  private take(literal: string): void {
    this.skip();
    if (!this.text.startsWith(literal, this.at)) throw this.fault(`"${literal}"`);
    this.at += literal.length;
  }

  private match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) throw this.fault(what);
    this.at += found[0].length;
    return found[0];
  }

  private skip(): number {
    while (/\s/.test(this.text.charAt(this.at))) this.at++;
    return this.at;
  }

  private fault(expected: string, at = this.at, detail = ''): UsageError {
    const before = this.text.slice(0, at).split('\n');
    const found = at < this.text.length ? JSON.stringify(this.text.slice(at, at + 16)) : 'the end';
    const place = `line ${before.length}, column ${before[before.length - 1].length + 1}`;
    return new UsageError(`Genotype text, ${place}: expected ${expected}, found ${found}.${detail}`);
  }
}

/** PyTorch's field names and ours. */
const FIELDS = {
  normal: 'normal',
  normal_concat: 'normalConcat',
  reduce: 'reduce',
  reduce_concat: 'reduceConcat',
} as const;

/** Genotypes of the literature, as the DARTS code base (Liu et al. 2019) transcribes them. */
export const KNOWN_GENOTYPES = {
  DARTS_V1: parseGenotype(`Genotype(
    normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1),
      ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)],
    normal_concat=range(2, 6),
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0),
      ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)],
    reduce_concat=range(2, 6)
  )`),
  DARTS_V2: parseGenotype(`Genotype(
    normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
      ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
    normal_concat=range(2, 6),
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
      ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
    reduce_concat=range(2, 6)
  )`),
  NASNet: parseGenotype(`Genotype(
    normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), ('avg_pool_3x3', 1),
      ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1)],
    normal_concat=range(2, 7),
    reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1),
      ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)],
    reduce_concat=range(4, 7)
  )`),
  AmoebaNet: parseGenotype(`Genotype(
    normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0),
      ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), ('skip_connect', 0), ('avg_pool_3x3', 1)],
    normal_concat=range(4, 7),
    reduce=[('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0),
      ('avg_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)],
    reduce_concat=[3, 4, 6]
  )`),
} as const satisfies Record<string, Genotype>;

/** The name of a known genotype. */
export type KnownGenotype = keyof typeof KNOWN_GENOTYPES;
