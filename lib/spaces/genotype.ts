import { z } from 'zod';
import { UsageError, ZartsError, unknownName } from '../errors.js';
import type { Vec } from '../math/vec.js';
import { chooseGenotype, genotypeFields, genotypesIn } from './genotype-writings.js';
import type { Choice, Written } from './genotype-writings.js';
import { LITERATURE } from './literature.js';
import { edgeGroups, mixingWeights } from './mixing.js';
import { PRIMITIVES, isPrimitive } from './primitives.js';
import type { Primitive } from './primitives.js';
import { CELLS, MOST_NODES, alphaSize, cellEdges } from './spaces.js';
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
 * The genotype that alphas stand for, by DARTS' rule: softmax over each edge; each node keeps the 2 incoming edges whose
 * largest weight of an operation other than `none` is largest, in descending order of it (ties keep the lower input);
 * each kept edge becomes that operation (ties keep the first listed). Every intermediate node is concatenated.
 *
 * @param alpha  Raw (not softmaxed) alphas of both cells, in the order of ./mixing.ts.
 * @throws {UsageError} when the length is wrong; {ZartsError} when an alpha is not finite (the message names its place).
 */
export function deriveGenotype(space: SearchSpace, alpha: Vec, options: DeriveOptions = {}): Genotype {
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
  const places = cellEdges(space.nodes);
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
 * The genotype written in a text, in any of the writings of ./genotype-writings.ts: PyTorch's `Genotype(…)`, JSON with the
 * fields of {@link Genotype}, a file or log of several of which the choice names one.
 *
 * @throws {UsageError} naming the place of a fault (line and column, or the path to it), what was expected and what was found;
 *         for a text without a genotype, or with several of which none is chosen; as {@link checkGenotype}.
 */
export function parseGenotype(text: string, choice: Choice = {}): Genotype {
  return readWritten(chooseGenotype(genotypesIn(text), choice).written);
}

/** The genotype of a writing that was found in a text. @throws as {@link parseGenotype}. */
export function readWritten(written: Written): Genotype {
  return checkGenotype(genotypeFields(written));
}

/**
 * The value as a genotype, checked: known primitives, two entries a node, inputs and concatenated nodes that exist, no input
 * among a reduction cell's outputs (its map is larger than the others), no node that nothing reads.
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
