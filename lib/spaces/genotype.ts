import { z } from 'zod';
import { UsageError, ZartsError, unknownName } from '../errors.js';
import type { Vec } from '../math/vec.js';
import { chooseGenotype, genotypeFields, genotypesIn, isCellText } from './genotype-writings.js';
import type { Choice, Written } from './genotype-writings.js';
import { LITERATURE } from './literature.js';
import { edgeGroups, mixingWeights } from './mixing.js';
import { PRIMITIVES, isPrimitive, opFamily } from './primitives.js';
import type { Primitive } from './primitives.js';
import { CELLS, MOST_NODES, alphaSize, cellEdges, spaceEdges } from './spaces.js';
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
  /** Operations that are passed over, each as {@link choiceName} names it; the shares of the others stay as they are. */
  readonly without?: ReadonlySet<string>;
}

/** An operation that a node reads an input through in a derived cell. */
export interface ChosenEdge {
  readonly cell: Cell;
  /** Index among the cell's edges, ordered by (node, input). */
  readonly edge: number;
  readonly input: number;
  readonly op: Primitive;
  /** Its share of the edge by the softmaxed alphas, times the edge's own share where edges have one. */
  readonly weight: number;
}

/** What tells an operation on an edge from all others. */
export function choiceName({ cell, edge, op }: Pick<ChosenEdge, 'cell' | 'edge' | 'op'>): string {
  return `${cell} ${edge} ${op}`;
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
  if (space.skeleton === 'stages') return strongestOnEachEdge(space, alpha, options);
  const { normal, reduce } = chosenEdges(space, alpha, options);
  const pairs = (edges: readonly ChosenEdge[]) => edges.map(({ op, input }): GenotypeEdge => [op, input]);
  const concat = Array.from({ length: space.nodes }, (_, i) => i + 2);
  return { normal: pairs(normal), normalConcat: concat, reduce: pairs(reduce), reduceConcat: concat };
}

/** The edges that {@link deriveGenotype} keeps, two a node. @throws as it does. */
export function chosenEdges(
  space: SearchSpace,
  alpha: Vec,
  options: DeriveOptions = {},
): Readonly<Record<Cell, readonly ChosenEdge[]>> {
  const { releasedIndexing = false, edgeNormalization = false, without } = options;
  const weights = mixingWeights(space, alpha, edgeNormalization);
  checkFinite(space, alpha);
  const places = spaceEdges(space);
  let [operation, beta] = [0, alphaSize(space)];
  const derive = (cell: Cell): ChosenEdge[] => {
    const edges = space.edges[cell];
    const best = edges.map((primitives, edge) => {
      const row = weights.subarray(operation, (operation += primitives.length));
      const { input } = places[edge];
      const none = edges[releasedIndexing ? input : edge].indexOf('none');
      const allowed = (k: number): boolean =>
        k !== none && !without?.has(choiceName({ cell, edge, op: primitives[k] }));
      const choice = strongest(row, allowed);
      const share = edgeNormalization ? weights[beta++] : 1;
      if (choice < 0 && without !== undefined) return undefined;
      // Only the released indexing can exclude the one operation of an edge; the released parser fails there too.
      if (choice < 0)
        throw new ZartsError(`The released indexing leaves no operation on the ${cell} cell's edge ${edge}.`);
      return { cell, edge, input, op: primitives[choice], weight: row[choice] * share };
    });
    let start = 0;
    return edgeGroups(space).flatMap((inputs) => {
      // Array.prototype.sort is stable: among equals the lower input stays first.
      const candidates = best.slice(start, (start += inputs)).filter((each) => each !== undefined);
      if (candidates.length < KEPT)
        throw new ZartsError(
          `Too many operations are passed over: a node of the ${cell} cell has none left.`,
        );
      return candidates.sort((x, y) => y.weight - x.weight).slice(0, KEPT);
    });
  };
  return { normal: derive('normal'), reduce: derive('reduce') };
}

/** The genotype of skeleton `stages` whose edges are each their strongest operation. */
function strongestOnEachEdge(
  space: SearchSpace,
  alpha: Vec,
  { edgeNormalization = false, withoutNone = false }: DeriveOptions,
): Genotype {
  const weights = mixingWeights(space, alpha, edgeNormalization);
  checkFinite(space, alpha);
  let start = 0;
  const chosen = space.edges.normal.map((primitives) => {
    const row = weights.subarray(start, (start += primitives.length));
    return primitives[strongest(row, (place) => !withoutNone || primitives[place] !== 'none')];
  });
  return stagesGenotype(spaceEdges(space).map(({ input }, edge) => [chosen[edge], input]));
}

/** The genotype of skeleton `stages` with that operation on each edge of its cell. */
export function stagesGenotype(normal: readonly GenotypeEdge[]): Genotype {
  return { skeleton: 'stages', normal, normalConcat: [nodesOf(normal.length)], reduce: [], reduceConcat: [] };
}

/** Nodes after the input of a cell with so many edges, one from each node to each later one; not whole for other numbers. */
function nodesOf(edges: number): number {
  return (Math.sqrt(8 * edges + 1) - 1) / 2;
}

/** The place of the largest weight of those allowed, the first of equal ones; −1 where there is none. */
function strongest(weights: Vec, allowed: (place: number) => boolean): number {
  return weights.reduce(
    (best, weight, k) => (allowed(k) && (best < 0 || weight > weights[best]) ? k : best),
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
 * The genotype written in a text, in any of the writings of ./genotype-writings.ts: PyTorch's `Genotype(…)`, JSON with the
 * fields of {@link Genotype}, NAS-Bench-201's `|…~0|+|…~0|…~1|+…`; a file or log of several of which the choice names one.
 *
 * @throws {UsageError} naming the place of a fault (line and column, or the path to it), what was expected and what was found;
 *         for a text without a genotype, or with several of which none is chosen; as {@link checkGenotype}.
 */
export function parseGenotype(text: string, choice: Choice = {}): Genotype {
  return readWritten(chooseGenotype(genotypesIn(text), choice).written);
}

/** The genotype of a writing that was found in a text. @throws as {@link parseGenotype}. */
export function readWritten(written: Written): Genotype {
  const { value, text, at = 0 } = written;
  return isCellText(value)
    ? new CellReader(text.slice(0, at + value.length), at).readCell()
    : checkGenotype(genotypeFields(written));
}

/**
 * The value as a genotype, checked: known primitives, two entries a node (of skeleton `stages` one for every edge, in their
 * order), inputs and concatenated nodes that exist, no input among a reduction cell's outputs (its map is larger than the
 * others), no node that nothing reads.
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
    if (edges.length > KEPT * MOST_NODES) {
      throw new UsageError(`${cell} has ${edges.length} entries; a cell has at most ${MOST_NODES} nodes.`);
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
      if (cell === 'reduce' && node < 2) {
        throw new UsageError(
          `reduceConcat[${i}] is node ${node}, an input of the cell, whose map is twice as high and wide as those of the nodes; a reduction cell concatenates nodes from 2 up.`,
        );
      }
    });
    const unread = unreadNode(edges, concat);
    if (unread !== undefined) {
      throw new UsageError(
        `${cell}: node ${unread} is read by nothing that reaches the cell's output, so its operations could not be trained; a node is an input of a later one or one of ${cell}Concat.`,
      );
    }
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

/** Reads `|…~0|+|…~0|…~1|+…`: a recursive descent over one text, from a place in it to its end. */
class CellReader {
  constructor(
    private readonly text: string,
    private at: number,
  ) {}

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

/** The first node from which no way leads to a cell's output. */
function unreadNode(
  edges: readonly (readonly [op: string, input: number])[],
  concat: readonly number[],
): number | undefined {
  const read = new Set(concat);
  const nodes = Array.from({ length: edges.length / KEPT }, (_, i) => i + 2);
  // Nodes read only earlier ones, so one pass from the last to the first finds every way.
  for (const node of [...nodes].reverse()) {
    if (!read.has(node)) continue;
    for (const [, input] of edges.slice(KEPT * (node - 2), KEPT * (node - 1))) read.add(input);
  }
  return nodes.find((node) => !read.has(node));
}

/** Genotypes of the literature (./literature.ts), by the names that they go by. */
export const KNOWN_GENOTYPES = Object.fromEntries(
  Object.entries(LITERATURE).map(([name, { text }]) => [name, parseGenotype(text)]),
) as Readonly<Record<keyof typeof LITERATURE, Genotype>>;

/** The name of a known genotype. */
export type KnownGenotype = keyof typeof KNOWN_GENOTYPES;
