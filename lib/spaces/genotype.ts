import { z } from 'zod';
import { UsageError, ZartsError, unknownName } from '../errors.js';
import type { Vec } from '../math/vec.js';
import { edgeGroups, mixingWeights } from './mixing.js';
import { PRIMITIVES, isPrimitive, opFamily } from './primitives.js';
import type { Primitive } from './primitives.js';
import { CELLS, alphaSize, cellEdges, spaceEdges } from './spaces.js';
import type { Cell, SearchSpace } from './spaces.js';

/** One chosen edge: the operation and the node that it reads. */
export type GenotypeEdge = readonly [op: Primitive, input: number];

/**
 * The discrete description of a network's cells. Entries 2i and 2i + 1 of a cell are the two inputs of intermediate node
 * i + 2; `…Concat` are the nodes whose maps are concatenated to the cell's output.
 *
 * Of skeleton `stages` there is one cell, `normal`, with an entry for every edge, ordered by (node, input); node 0 is its
 * input and its last node its output. The lists of the reduction cell are empty.
 */
export interface Genotype {
  /** Left out: the two cells of DARTS. */
  readonly skeleton?: 'stages';
  readonly normal: readonly GenotypeEdge[];
  readonly normalConcat: readonly number[];
  readonly reduce: readonly GenotypeEdge[];
  readonly reduceConcat: readonly number[];
}

/** Edges that every intermediate node of a derived cell of DARTS keeps. */
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
  /**
   * Where every edge has an operation, take the strongest other one in the place of `none`, which is allowed there by default,
   * as in NAS-Bench-201's own code.
   */
  readonly withoutNone?: boolean;
}

/**
 * The genotype that alphas stand for. Of skeleton `stages` each edge becomes its strongest operation (ties keep the first
 * listed), which may be `none`. Else by DARTS' rule: softmax over each edge; each node keeps the 2 incoming edges whose
 * largest weight of an operation other than `none` is largest, in descending order of it (ties keep the lower input);
 * each kept edge becomes that operation (ties keep the first listed). Every intermediate node is concatenated.
 *
 * @param alpha  Raw (not softmaxed) alphas of both cells, in the order of ./mixing.ts.
 * @throws {UsageError} when the length is wrong; {ZartsError} when an alpha is not finite (the message names its place).
 */
export function deriveGenotype(space: SearchSpace, alpha: Vec, options: DeriveOptions = {}): Genotype {
  const { releasedIndexing = false, edgeNormalization = false, withoutNone = false } = options;
  const weights = mixingWeights(space, alpha, edgeNormalization);
  checkFinite(space, alpha);
  const places = spaceEdges(space);
  if (space.skeleton === 'stages') {
    let start = 0;
    const chosen = space.edges.normal.map((primitives) => {
      const row = weights.subarray(start, (start += primitives.length));
      return primitives[strongest(row, withoutNone ? primitives.indexOf('none') : -1)];
    });
    return stagesGenotype(places.map(({ input }, edge) => [chosen[edge], input]));
  }
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

/** The genotype of skeleton `stages` with that operation on each edge of its cell. */
export function stagesGenotype(normal: readonly GenotypeEdge[]): Genotype {
  return { skeleton: 'stages', normal, normalConcat: [nodesOf(normal.length)], reduce: [], reduceConcat: [] };
}

/** Nodes after the input of a cell with so many edges, one from each node to each later one; not whole for other numbers. */
function nodesOf(edges: number): number {
  return (Math.sqrt(8 * edges + 1) - 1) / 2;
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

/**
 * The edges of a cell of skeleton `stages` that lie on a path from its input to its output, `none` and noise passing nothing on;
 * empty where the output does not depend on the input.
 */
export function usedEdges({ normal, normalConcat: [output] }: Genotype): readonly GenotypeEdge[] {
  const passing = cellEdges(output, 1)
    .map(({ node, input }, e) => ({ node, input, edge: normal[e] }))
    .filter(({ edge: [op] }) => !['zero', 'noise'].includes(opFamily(op)));
  const fromInput = new Set([0]);
  for (const { node, input } of passing) if (fromInput.has(input)) fromInput.add(node);
  const toOutput = new Set([output]);
  for (const { node, input } of [...passing].reverse()) if (toOutput.has(node)) toOutput.add(input);
  return passing
    .filter(({ node, input }) => fromInput.has(input) && toOutput.has(node))
    .map(({ edge }) => edge);
}

/** Whether the output of a cell of skeleton `stages` depends on its input. */
export function isConnected(genotype: Genotype): boolean {
  return usedEdges(genotype).length > 0;
}

/** Operations of NAS-Bench-201 that are none of DARTS'. */
const STAGES_OPS = ['nor_conv_1x1', 'nor_conv_3x3'] as const satisfies readonly Primitive[];
type StagesOp = (typeof STAGES_OPS)[number];

/**
 * How often each primitive occurs in one cell. Every primitive has an entry, NAS-Bench-201's convolutions only where they
 * occur: what was recorded before they were known stays the same.
 */
export type OpCounts = Readonly<
  Record<Exclude<Primitive, StagesOp>, number> & Partial<Record<StagesOp, number>>
>;

/** The operations of a genotype counted, per cell kind (skip domination, noise domination). */
export function countOps(genotype: Genotype): Record<Cell, OpCounts> {
  const count = (edges: readonly GenotypeEdge[]): OpCounts => {
    const always = PRIMITIVES.filter((op) => !STAGES_OPS.some((other) => other === op));
    const counts: Partial<Record<Primitive, number>> = Object.fromEntries(always.map((op) => [op, 0]));
    for (const [op] of edges) counts[op] = (counts[op] ?? 0) + 1;
    return counts as OpCounts;
  };
  return { normal: count(genotype.normal), reduce: count(genotype.reduce) };
}

/**
 * The text that the PyTorch code base prints and evaluates, e.g.
 * `Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=[…], reduce_concat=range(2, 6))`.
 * Concatenated nodes that follow each other are written as a range. Of skeleton `stages` NAS-Bench-201's text, e.g.
 * `|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|`. {@link parseGenotype} reads both back.
 */
export function printGenotype({ skeleton, normal, normalConcat, reduce, reduceConcat }: Genotype): string {
  if (skeleton === 'stages') {
    const into = (node: number) => normal.filter((_, e) => cellEdges(normalConcat[0], 1)[e].node === node);
    const texts = Array.from({ length: normalConcat[0] }, (_, i) =>
      into(i + 1).map(([op, input]) => `${op}~${input}|`),
    );
    return texts.map((edges) => `|${edges.join('')}`).join('+');
  }
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
  skeleton: z.literal('stages').exactOptional(),
  normal: z.array(jsonEdge),
  normalConcat: jsonNodes,
  reduce: z.array(jsonEdge),
  reduceConcat: jsonNodes,
});

/**
 * The genotype written in a text: PyTorch's `Genotype(…)` (lists or `range(a, b)` for the concatenated nodes), JSON with the
 * fields of {@link Genotype} (`normal_concat` and `reduce_concat` are read too), or NAS-Bench-201's `|…~0|+|…~0|…~1|+…`.
 *
 * @throws {UsageError} naming the position (line and column, or the JSON path), what was expected and what was found.
 */
export function parseGenotype(text: string): Genotype {
  if (text.trimStart().startsWith('|')) return new GenotypeReader(text).readCell();
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
 * The value as a genotype, checked: known primitives, two entries a node (of skeleton `stages` one for every edge, in their
 * order), inputs and concatenated nodes that exist.
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
  if (data.skeleton === 'stages') return checkedStages(data);
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

/** A genotype of skeleton `stages`, checked. */
function checkedStages({
  normal,
  normalConcat,
  reduce,
  reduceConcat,
}: z.infer<typeof jsonGenotype>): Genotype {
  const nodes = nodesOf(normal.length);
  if (nodes === 0 || !Number.isInteger(nodes)) {
    throw new UsageError(
      `normal has ${normal.length} entries; a genotype of skeleton stages has one for each edge, 6 for 3 nodes after the input.`,
    );
  }
  cellEdges(nodes, 1).forEach(({ node, input: expected }, i) => {
    const [op, input] = normal[i];
    if (!isPrimitive(op)) {
      throw new UsageError(`normal[${i}]: ${unknownName('primitive', op, PRIMITIVES).message}`);
    }
    if (input !== expected) {
      throw new UsageError(
        `normal[${i}]: node ${node} reads node ${input}; the entry in this place is that of node ${expected}.`,
      );
    }
  });
  if (normalConcat.join() !== String(nodes)) {
    throw new UsageError(`normalConcat is ${normalConcat.join(', ')}; it must be the last node, ${nodes}.`);
  }
  if (reduce.length + reduceConcat.length > 0) {
    throw new UsageError('reduce must be empty: a network of skeleton stages has no reduction cell.');
  }
  return stagesGenotype(normal as GenotypeEdge[]);
}

/**
 * Reads `Genotype(normal=[…], normal_concat=…, reduce=[…], reduce_concat=…)`, or `|…~0|+|…~0|…~1|+…`: a recursive descent over
 * one text.
 */
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

  /** NAS-Bench-201's text. The edges into a node may stand in any order; each earlier node has exactly one. */
  readCell(): Genotype {
    const edges: GenotypeEdge[] = [];
    let node = 0;
    do {
      node += 1;
      const into: (Primitive | undefined)[] = new Array<undefined>(node).fill(undefined);
      this.take('|');
      while (into.includes(undefined)) {
        const start = this.skip();
        const op = this.match(/[A-Za-z0-9_]+/y, `an edge into node ${node}`);
        if (!isPrimitive(op)) {
          const { message } = unknownName('primitive', op, PRIMITIVES);
          throw this.fault('a known primitive', start, ` ${message}`);
        }
        this.take('~');
        const place = this.skip();
        const input = this.integer();
        if (input >= node || into[input] !== undefined) {
          const open = into.flatMap((taken, each) => (taken === undefined ? [each] : []));
          const why = input >= node ? 'that does not come before it' : 'that it reads already';
          const expected = `node ${open.join(' or ')} as what node ${node} reads here`;
          throw this.fault(expected, place, ` Node ${node} cannot read node ${input}, one ${why}.`);
        }
        into[input] = op;
        this.take('|');
      }
      edges.push(...into.map((op, input): GenotypeEdge => [op!, input]));
      this.skip();
      if (this.at < this.text.length && this.text[this.at] !== '+') {
        throw this.fault(
          `"+" or the end, since node ${node} has its ${node === 1 ? 'edge' : `${node} edges`}`,
        );
      }
    } while (this.text[this.at++] === '+');
    return stagesGenotype(edges);
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
