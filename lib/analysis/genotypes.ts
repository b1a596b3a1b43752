import { errorFunction } from 'simple-statistics';
import { keepAll } from '../latest.js';
import { countOps, usedEdges } from '../spaces/genotype.js';
import type { Genotype, GenotypeEdge, OpCounts } from '../spaces/genotype.js';
import { OP_FAMILIES, opFamily } from '../spaces/primitives.js';
import type { OpFamily, Primitive } from '../spaces/primitives.js';
import { CELLS, cellEdges, cellForm } from '../spaces/spaces.js';
import type { Cell, SearchSpace } from '../spaces/spaces.js';

/** Edges that a genotype of DARTS' two cells keeps for each intermediate node. */
const KEPT = 2;

/** One kept edge with its place: `entry` is its index in the genotype's list, `node` the intermediate node that it leads to. */
export interface KeptEdge {
  readonly entry: number;
  readonly node: number;
  readonly input: number;
  readonly op: Primitive;
}

/** The kept edges of a cell, in the order of the genotype. */
export function keptEdges(genotype: Genotype, cell: Cell): KeptEdge[] {
  const edges: readonly GenotypeEdge[] = genotype[cell];
  const { inputs } = cellForm(genotype);
  const places = inputs === 1 && edges.length > 0 ? cellEdges(genotype[`${cell}Concat`][0], inputs) : [];
  const nodeOf = (entry: number) => places[entry]?.node ?? Math.floor(entry / KEPT) + inputs;
  return edges.map(([op, input], entry) => ({ entry, node: nodeOf(entry), input, op }));
}

/** The cells that a genotype has. */
export function cellsIn(genotype: Genotype): readonly Cell[] {
  return cellForm(genotype).kinds;
}

/** What a derived cell consists of. */
export interface CellStructure {
  /** Kept edges; 8 in a cell of 4 intermediate nodes. */
  readonly edges: number;
  readonly operations: OpCounts;
  readonly families: Readonly<Record<OpFamily, number>>;
  /**
   * Share of the kept edges whose operation has nothing to train: pooling, noise, zero and skip connections, but for those
   * of a reduction cell that read an input node, which are 1×1 convolutions with stride 2.
   */
  readonly parameterFree: number;
  /**
   * Connections on the longest path from an input node to the output (Shu et al., ICLR 2020: 3 in the normal cell of
   * DARTS_V2, 2 in NASNet's). Edges of `noise` and `none` pass nothing of their input on and are no connections; 0 if the
   * output depends on no input. Of skeleton `stages` the last node is the output, to which no further connection leads.
   */
  readonly depth: number;
  /**
   * Sum over the intermediate nodes of the share of their edges that come from an input node, in units of the cell's
   * channels (Shu et al.: 3.5 in the normal cell of DARTS_V2, 5 in NASNet's).
   */
  readonly width: number;
}

/** What one cell of a genotype consists of. */
export function cellStructure(genotype: Genotype, cell: Cell): CellStructure {
  const edges = keptEdges(genotype, cell);
  const { inputs } = cellForm(genotype);
  const families = Object.fromEntries(OP_FAMILIES.map((family) => [family, 0])) as Record<OpFamily, number>;
  for (const { op } of edges) families[opFamily(op)]++;
  const free = edges.filter((edge) => !hasParameters(edge, cell)).length;
  return {
    edges: edges.length,
    operations: countOps(genotype)[cell],
    families,
    parameterFree: free / edges.length,
    depth: depth(edges, genotype[`${cell}Concat`], inputs),
    width: width(edges, inputs),
  };
}

/** {@link CellStructure.width}: each of a node's edges counts for its share of them. */
function width(edges: readonly KeptEdge[], inputs: number): number {
  const into = (node: number) => edges.filter((each) => each.node === node).length;
  return edges.reduce((sum, { input, node }) => sum + (input < inputs ? 1 / into(node) : 0), 0);
}

/** What the cells of a genotype consist of. */
export function genotypeStructure(genotype: Genotype): Partial<Record<Cell, CellStructure>> {
  return Object.fromEntries(cellsIn(genotype).map((cell) => [cell, cellStructure(genotype, cell)]));
}

function hasParameters({ op, input }: Pick<KeptEdge, 'op' | 'input'>, cell: Cell): boolean {
  const family = opFamily(op);
  return family === 'convolution' || (family === 'skip' && cell === 'reduce' && input < 2);
}

function depth(edges: readonly KeptEdge[], concat: readonly number[], inputs: number): number {
  // Connections from an input node to each node; −∞ where nothing of the inputs arrives.
  const reached = new Array<number>(inputs).fill(0);
  for (const { node, input, op } of edges) {
    const family = opFamily(op);
    const length = family === 'noise' || family === 'zero' ? -Infinity : reached[input] + 1;
    reached[node] = Math.max(reached[node] ?? -Infinity, length);
  }
  return Math.max(0, ...concat.map((node) => reached[node] + inputs - 1));
}

/**
 * How a search of skeleton `stages` ends: in a cell whose output does not depend on its input, in one that is connected but
 * by no path with a convolution on it (what is published of DARTS' failure), or in another.
 */
export const ENDINGS = ['disconnected', 'without convolution', 'other'] as const;

/** How a search of skeleton `stages` ends. */
export type Ending = (typeof ENDINGS)[number];

/** The ending that a cell is. Edges that lie on no path from the input to the output count for nothing. */
export function endingOf(genotype: Genotype): Ending {
  const used = usedEdges(genotype);
  if (used.length === 0) return 'disconnected';
  return used.some(([op]) => opFamily(op) === 'convolution') ? 'other' : 'without convolution';
}

/**
 * The parameter-free share ({@link CellStructure}) that a cell of the space has on average when its genotype is derived from
 * alphas that are independent draws from one law: then every operation but `none` is as likely on an edge, and every pair of
 * edges into a node, as long as all edges of the space have as many operations.
 */
export function chanceParameterFree(space: SearchSpace, cell: Cell): number {
  return chanceOf(space, cell, (op, input) => !hasParameters({ op, input }, cell));
}

/** The share of a family of operations that a cell has on average when it is derived so. */
export function chanceShare(family: OpFamily, space: SearchSpace, cell: Cell): number {
  return chanceOf(space, cell, (op) => opFamily(op) === family);
}

function chanceOf(space: SearchSpace, cell: Cell, counts: (op: Primitive, input: number) => boolean): number {
  const shares = cellEdges(space.nodes).map(({ node, input }, e) => {
    const ops = space.edges[cell][e].filter((op) => op !== 'none');
    return { node, share: mean(ops.map((op) => (counts(op, input) ? 1 : 0))) };
  });
  const nodes = [...new Set(shares.map(({ node }) => node))];
  return mean(
    nodes.map((node) => mean(shares.filter((edge) => edge.node === node).map(({ share }) => share))),
  );
}

/** The alphas of each edge of a cell with their operations; those of the normal cell come first. */
function alphasIn(alpha: ArrayLike<number>, edges: SearchSpace['edges'], cell: Cell) {
  let at = cell === 'normal' ? 0 : edges.normal.flat().length;
  return edges[cell].map((ops) => ops.map((op) => ({ op, value: alpha[at++] })));
}

/**
 * By how much alphas prefer a family of operations in a cell: the mean over its edges of the alphas of the family less those of
 * the other operations that a genotype can have, in units of alpha (logarithms of mixing weights).
 *
 * @param alpha  Those of the normal cell's edges first, as the supernet has them.
 * @returns      NaN for a cell in which no edge has both.
 */
export function preferenceFor(
  family: OpFamily,
  alpha: ArrayLike<number>,
  { edges }: SearchSpace,
  cell: Cell,
): number {
  const differences = alphasIn(alpha, edges, cell).flatMap((edge) => {
    const own = edge.filter(({ op }) => op !== 'none');
    const [those, others] = [true, false].map((of) =>
      own.filter(({ op }) => (opFamily(op) === family) === of).map(({ value }) => value),
    );
    return those.length > 0 && others.length > 0 ? [mean(those) - mean(others)] : [];
  });
  return mean(differences);
}

/** How far apart alphas lie within an edge: the mean over a cell's edges of the largest less the smallest, in units of alpha. */
export function spreadOf(alpha: ArrayLike<number>, { edges }: SearchSpace, cell: Cell): number {
  return mean(
    alphasIn(alpha, edges, cell).map((edge) => {
      const own = edge.map(({ value }) => value);
      return Math.max(...own) - Math.min(...own);
    }),
  );
}

/**
 * How far apart alphas lie within an edge where they are independent normal numbers: what {@link spreadOf} is expected to be then.
 *
 * @param deviation  Their standard deviation, in units of alpha.
 */
export function chanceSpread(deviation: number, { edges }: SearchSpace, cell: Cell): number {
  return deviation * mean(edges[cell].map(({ length }) => ranges([length], () => expectedRange(length))));
}

const ranges = keepAll<number>();

/** ∫ 1 − Φⁿ − (1 − Φ)ⁿ, the expected range of n standard normal numbers, to about 1e-6. */
function expectedRange(count: number): number {
  const step = 0.01;
  const points = Array.from({ length: 1601 }, (_, i) => (i - 800) * step);
  const below = points.map((x) => (1 + errorFunction(x / Math.SQRT2)) / 2);
  return step * below.reduce((sum, share) => sum + 1 - share ** count - (1 - share) ** count, 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Two cells edge by edge. */
export interface CellComparison {
  /** Edges that both have: same place, same operation. Entries are those of the first genotype. */
  readonly shared: readonly KeptEdge[];
  /** Edges that only the first has, and only the second. */
  readonly onlyA: readonly KeptEdge[];
  readonly onlyB: readonly KeptEdge[];
  readonly similarity: Similarity;
}

/**
 * How much two lists of edges have in common: 2·|common| / (|a| + |b|), the Dice coefficient of the lists as multisets. 1
 * for equal ones, 0 for nothing in common; where both have as many edges, it is the share of them that the other has too.
 */
export interface Similarity {
  /** Edges count as common when they join the same nodes by the same operation. */
  readonly edges: number;
  /** … when they join the same nodes, whatever the operation. */
  readonly connections: number;
  /** … when they are the same operation, wherever it stands. */
  readonly operations: number;
}

/** Two genotypes edge by edge. */
export interface GenotypeComparison extends Readonly<Record<Cell, CellComparison>> {
  /** Of both cells together. */
  readonly similarity: Similarity;
}

/**
 * Compares two genotypes edge by edge. Nodes are compared by their numbers: cells that are alike up to the order of their
 * nodes count as different, as they do in the supernet, whose edges are numbered.
 *
 * @param a  Any genotype; the two may differ in their number of nodes.
 */
export function compareGenotypes(a: Genotype, b: Genotype): GenotypeComparison {
  const [normal, reduce] = CELLS.map((cell) => compareCells(keptEdges(a, cell), keptEdges(b, cell)));
  const all = (genotype: Genotype): Placed[] =>
    CELLS.flatMap((cell) => keptEdges(genotype, cell).map((edge) => ({ ...edge, cell })));
  return { normal, reduce, similarity: similarityOf(all(a), all(b)) };
}

interface Placed extends KeptEdge {
  readonly cell?: Cell;
}

/**
 * How far genotypes of one size agree: the mean over all pairs of the share of edges that both keep with the same operation,
 * 1 for equal ones; undefined for fewer than two genotypes.
 */
export function meanAgreement(genotypes: readonly Genotype[]): number | undefined {
  const pairs = genotypes.flatMap((a, i) =>
    genotypes.slice(i + 1).map((b) => compareGenotypes(a, b).similarity.edges),
  );
  return pairs.length === 0 ? undefined : mean(pairs);
}

/** What edges are compared by, as texts. */
const ASPECTS: Readonly<Record<keyof Similarity, (edge: Placed) => string>> = {
  edges: ({ cell = '', node, input, op }) => `${cell} ${node} ${input} ${op}`,
  connections: ({ cell = '', node, input }) => `${cell} ${node} ${input}`,
  operations: ({ cell = '', op }) => `${cell} ${op}`,
};

function similarityOf(a: readonly Placed[], b: readonly Placed[]): Similarity {
  // Cells that neither genotype has are alike.
  const dice = (aspect: keyof Similarity): number =>
    a.length + b.length === 0
      ? 1
      : (2 * splitByOther(a, b, ASPECTS[aspect]).common.length) / (a.length + b.length);
  return { edges: dice('edges'), connections: dice('connections'), operations: dice('operations') };
}

function compareCells(a: readonly KeptEdge[], b: readonly KeptEdge[]): CellComparison {
  const ours = splitByOther(a, b, ASPECTS.edges);
  return {
    shared: ours.common,
    onlyA: ours.rest,
    onlyB: splitByOther(b, a, ASPECTS.edges).rest,
    similarity: similarityOf(a, b),
  };
}

/** The edges of `a` that `b` has too, each of `b`'s used once, and the others. */
function splitByOther(
  a: readonly KeptEdge[],
  b: readonly KeptEdge[],
  text: (edge: KeptEdge) => string,
): { readonly common: KeptEdge[]; readonly rest: KeptEdge[] } {
  const left = new Map<string, number>();
  for (const edge of b) left.set(text(edge), (left.get(text(edge)) ?? 0) + 1);
  const common: KeptEdge[] = [];
  const rest: KeptEdge[] = [];
  for (const edge of a) {
    const count = left.get(text(edge)) ?? 0;
    (count > 0 ? common : rest).push(edge);
    left.set(text(edge), count - 1);
  }
  return { common, rest };
}
