import { UsageError, knownName, unknownName } from '../errors.js';
import { PRIMITIVES, isPrimitive } from './primitives.js';
import type { Primitive } from './primitives.js';

/** The two kinds of cell; every cell of a kind shares its alphas. */
export const CELLS = ['normal', 'reduce'] as const;

/** A kind of cell: `normal` keeps the resolution, `reduce` halves it. */
export type Cell = (typeof CELLS)[number];

/**
 * A cell-based search space as plain data; supernet and discretizer read it.
 *
 * A cell has two input nodes (0 and 1: the outputs of the two cells before), then `nodes` intermediate ones (2, 3, …).
 * Every intermediate node has one edge from each earlier node, so 14 edges for 4 nodes.
 */
export interface SearchSpace {
  readonly name: string;
  /** Intermediate nodes a cell; 4 in every space of the paper. */
  readonly nodes: number;
  /** For each cell kind the candidate primitives of each edge, edges ordered by (node, input). */
  readonly edges: Readonly<Record<Cell, readonly (readonly Primitive[])[]>>;
}

/** One edge of a cell: from node `input` to intermediate node `node` (both numbered from 0, the two inputs included). */
export interface Edge {
  readonly node: number;
  readonly input: number;
}

/** More intermediate nodes than any cell has. */
export const MOST_NODES = 100;

/** The edges of a cell with that many intermediate nodes, ordered by (node, input); 14 for 4 nodes. */
export function cellEdges(nodes: number): Edge[] {
  return Array.from({ length: nodes }, (_, i) =>
    Array.from({ length: i + 2 }, (_, input) => ({ node: i + 2, input })),
  ).flat();
}

/** The indexes of the reduction cells among `cells`: a third and two thirds of the way. */
export function reductionCells(cells: number): readonly [number, number] {
  return [Math.floor(cells / 3), Math.floor((2 * cells) / 3)];
}

/**
 * The declared space, checked and frozen. Use it to declare a space of one's own; the built-in ones go through it too.
 *
 * @throws {UsageError} naming the place: an unknown primitive, a primitive twice on an edge, an edge without a non-zero
 *         operation, a wrong number of edges or of nodes.
 */
export function defineSpace(declaration: SearchSpace): SearchSpace {
  const { name, nodes, edges } = declaration;
  if (typeof name !== 'string' || name === '')
    throw new UsageError('A search space needs a name that is not empty.');
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MOST_NODES) {
    throw new UsageError(
      `Space "${name}": nodes is ${String(nodes)}; it must be an integer from 1 to ${MOST_NODES}.`,
    );
  }
  const places = cellEdges(nodes);
  for (const cell of CELLS) {
    const given: unknown = (edges as Partial<SearchSpace['edges']> | undefined)?.[cell];
    if (!Array.isArray(given) || given.length !== places.length) {
      const found = Array.isArray(given) ? `${given.length} edges` : 'no list of edges';
      throw new UsageError(
        `Space "${name}": the ${cell} cell has ${found}; ${nodes} intermediate nodes need ${places.length}, ordered by (node, input).`,
      );
    }
    places.forEach(({ node, input }, e) => {
      const place = `Space "${name}": ${cell} cell, edge ${e} (${input} → ${node})`;
      const primitives: unknown = given[e];
      if (!Array.isArray(primitives)) throw new UsageError(`${place} is not a list of primitives.`);
      for (const [i, primitive] of (primitives as unknown[]).entries()) {
        if (!isPrimitive(primitive)) {
          throw new UsageError(
            `${place}: ${unknownName('primitive', String(primitive), PRIMITIVES).message}`,
          );
        }
        if (primitives.indexOf(primitive) !== i) throw new UsageError(`${place} lists "${primitive}" twice.`);
      }
      if (!primitives.some((primitive) => primitive !== 'none')) {
        throw new UsageError(`${place} has no operation but "none"; an edge needs at least one other.`);
      }
    });
  }
  const freeze = (cell: Cell): readonly (readonly Primitive[])[] =>
    Object.freeze(edges[cell].map((primitives) => Object.freeze([...primitives])));
  return Object.freeze({
    name,
    nodes,
    edges: Object.freeze({ normal: freeze('normal'), reduce: freeze('reduce') }),
  });
}

/** A space whose every edge, in both cells, offers the same primitives. */
export function uniformSpace(name: string, primitives: readonly Primitive[], nodes = 4): SearchSpace {
  return defineSpace({ name, nodes, edges: uniform(primitives, nodes) });
}

/** What every edge of a cell offers, in both cells. */
function uniform(primitives: readonly Primitive[], nodes = 4): SearchSpace['edges'] {
  const cell = cellEdges(nodes).map(() => primitives);
  return { normal: cell, reduce: cell };
}

const DARTS_OPS = [
  'max_pool_3x3',
  'avg_pool_3x3',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'dil_conv_3x3',
  'dil_conv_5x5',
] as const satisfies readonly Primitive[];

/** R-DARTS' S1: two primitives an edge, the two best of a pre-search (Zela et al. 2020, its released table). */
const S1_EDGES: SearchSpace['edges'] = {
  normal: [
    ['skip_connect', 'dil_conv_3x3'],
    ['skip_connect', 'dil_conv_5x5'],
    ['skip_connect', 'dil_conv_5x5'],
    ['skip_connect', 'sep_conv_3x3'],
    ['skip_connect', 'dil_conv_3x3'],
    ['max_pool_3x3', 'skip_connect'],
    ['skip_connect', 'sep_conv_3x3'],
    ['skip_connect', 'sep_conv_3x3'],
    ['skip_connect', 'dil_conv_3x3'],
    ['skip_connect', 'sep_conv_3x3'],
    ['max_pool_3x3', 'skip_connect'],
    ['skip_connect', 'dil_conv_3x3'],
    ['dil_conv_3x3', 'dil_conv_5x5'],
    ['dil_conv_3x3', 'dil_conv_5x5'],
  ],
  reduce: [
    ['max_pool_3x3', 'avg_pool_3x3'],
    ['max_pool_3x3', 'dil_conv_3x3'],
    ['max_pool_3x3', 'avg_pool_3x3'],
    ['max_pool_3x3', 'avg_pool_3x3'],
    ['skip_connect', 'dil_conv_5x5'],
    ['max_pool_3x3', 'avg_pool_3x3'],
    ['max_pool_3x3', 'sep_conv_3x3'],
    ['skip_connect', 'dil_conv_3x3'],
    ['skip_connect', 'dil_conv_5x5'],
    ['max_pool_3x3', 'avg_pool_3x3'],
    ['max_pool_3x3', 'avg_pool_3x3'],
    ['skip_connect', 'dil_conv_5x5'],
    ['skip_connect', 'dil_conv_5x5'],
    ['skip_connect', 'dil_conv_5x5'],
  ],
};

/** A built-in space. */
export interface BuiltInSpace extends SearchSpace {
  /** Its name in tables. */
  readonly title: string;
  /** σ of MGS' proposal at the start of a search in it, from the released scripts. */
  readonly sigma: number;
}

/** Every built-in space has four nodes a cell. */
function builtIn(name: string, title: string, edges: SearchSpace['edges'], sigma: number): BuiltInSpace {
  return Object.freeze({ ...defineSpace({ name, nodes: 4, edges }), title, sigma });
}

/** The spaces of the paper (its appendix B.1), in the order in which they are listed. A new one is an entry here. */
export const SPACES = {
  /** Two primitives an edge, which differ between edges (R-DARTS, Zela et al. 2020, like S2 to S4). */
  s1: builtIn('s1', 'S1', S1_EDGES, 0.2),
  /** Skip connection or separable convolution on every edge. */
  s2: builtIn('s2', 'S2', uniform(['skip_connect', 'sep_conv_3x3']), 0.2),
  /** S2 with the zero operation. */
  s3: builtIn('s3', 'S3', uniform(['none', 'skip_connect', 'sep_conv_3x3']), 0.2),
  /** Noise or separable convolution on every edge. */
  s4: builtIn('s4', 'S4', uniform(['noise', 'sep_conv_3x3']), 0.2),
  /** The DARTS space without the zero operation, as the paper searches it. */
  darts: builtIn('darts', 'DARTS', uniform(DARTS_OPS), 0.025),
  /** The DARTS space as Liu et al. 2019 have it, with the zero operation. */
  'darts-zero': builtIn('darts-zero', 'DARTS-ZERO', uniform(['none', ...DARTS_OPS]), 0.025),
} as const satisfies Record<string, BuiltInSpace>;

/** σ at the start in a space of one's own: that of the spaces with two or three primitives an edge. Ours. */
export const SIGMA_ELSEWHERE = SPACES.s2.sigma;

/** The id of a built-in space. */
export type SpaceId = keyof typeof SPACES;

/** Every id of a built-in space, in the order they are listed to a user. */
export const SPACE_IDS = Object.keys(SPACES) as readonly SpaceId[];

/** Whether a value is the id of a built-in space. */
export function isSpaceId(value: unknown): value is SpaceId {
  return (SPACE_IDS as readonly unknown[]).includes(value);
}

/** The built-in space of that id. @throws {UsageError} with the allowed ids for any other. */
export function spaceById(id: string): BuiltInSpace {
  return SPACES[knownName('search space', id, SPACE_IDS)];
}

/** d, the number of alphas of both cells together: 28·|O| in a uniform space of 4 nodes (196 for `darts`, 56 for `s2`). */
export function alphaSize(space: SearchSpace): number {
  return CELLS.flatMap((cell) => space.edges[cell]).reduce((sum, primitives) => sum + primitives.length, 0);
}
