import { UsageError, knownName, unknownName } from '../errors.js';
import { PRIMITIVES, isPrimitive } from './primitives.js';
import type { Primitive } from './primitives.js';

/** The two kinds of cell; every cell of a kind shares its alphas. */
export const CELLS = ['normal', 'reduce'] as const;

/** A kind of cell: `normal` keeps the resolution, `reduce` halves it. */
export type Cell = (typeof CELLS)[number];

/**
 * How cells are put together to a network, and what a cell is there. `darts`: a cell reads the outputs of the two cells before
 * it; two cells reduce; a genotype keeps two edges a node. `stages`, as NAS-Bench-201 has it: a cell reads the one before it
 * and gives its last node; all cells are alike, in three stages with a residual block between them that reduces; a genotype
 * has an operation on every edge.
 */
export const SKELETONS = ['darts', 'stages'] as const;

/** How cells are put together to a network. */
export type Skeleton = (typeof SKELETONS)[number];

/** What a skeleton makes of cells: their input nodes, and the kinds that there are. */
const CELL_FORMS: Readonly<Record<Skeleton, { readonly inputs: 1 | 2; readonly kinds: readonly Cell[] }>> = {
  darts: { inputs: 2, kinds: CELLS },
  stages: { inputs: 1, kinds: ['normal'] },
};

/** What cells are in a space, or in a genotype. */
export function cellForm({ skeleton = 'darts' }: { readonly skeleton?: Skeleton }) {
  return CELL_FORMS[skeleton];
}

/** The stages of a network of skeleton `stages`. */
export const STAGES = 3;

/**
 * The cells of a network of skeleton `stages`: the width of each, and whether the block that reduces stands before it.
 *
 * @param cells     In all stages together, the blocks not counted.
 * @param channels  Of the first stage; each block doubles them.
 * @throws {UsageError} for cells that are no positive multiple of 3, and channels that are no positive integer.
 */
export function stagePlan({ cells, channels }: { readonly cells: number; readonly channels: number }) {
  if (!Number.isInteger(cells) || cells < STAGES || cells % STAGES !== 0) {
    throw new UsageError(
      `A network of skeleton stages has as many cells in each of its ${STAGES} stages: a multiple of ${STAGES}, not ${cells}.`,
    );
  }
  if (!Number.isInteger(channels) || channels < 1) {
    throw new UsageError(`The network's channels must be a positive integer, got ${channels}.`);
  }
  const perStage = cells / STAGES;
  return Array.from({ length: cells }, (_, i) => {
    const stage = Math.floor(i / perStage);
    return { width: channels * 2 ** stage, reduced: stage > 0 && i % perStage === 0 };
  });
}

/**
 * A cell-based search space as plain data; supernet and discretizer read it.
 *
 * A cell has its input nodes (0 and 1, the outputs of the two cells before; of skeleton `stages` 0 alone), then `nodes`
 * others. Each of those has one edge from each earlier node, so 14 edges for 4 nodes after two inputs, 6 for 3 after one.
 */
export interface SearchSpace {
  readonly name: string;
  /** Left out: `darts`. */
  readonly skeleton?: Skeleton;
  /** Nodes of a cell that are no inputs; 4 in every space of the paper. */
  readonly nodes: number;
  /**
   * For each cell kind the candidate primitives of each edge, edges ordered by (node, input). Cells of skeleton `stages` are
   * all `normal`: there is no edge under `reduce`.
   */
  readonly edges: Readonly<Record<Cell, readonly (readonly Primitive[])[]>>;
}

/** A space as a user writes it down: without `reduce` where there are no such cells. */
export type SpaceDeclaration = Omit<SearchSpace, 'edges'> & {
  readonly edges: Pick<SearchSpace['edges'], 'normal'> & Partial<SearchSpace['edges']>;
};

/** One edge of a cell: from node `input` to a later node `node` (both numbered from 0, the inputs included). */
export interface Edge {
  readonly node: number;
  readonly input: number;
}

/** More intermediate nodes than any cell has. */
export const MOST_NODES = 100;

/** The edges of a cell with that many nodes after its inputs, ordered by (node, input); 14 for 4 nodes after 2 inputs. */
export function cellEdges(nodes: number, inputs: 1 | 2 = 2): Edge[] {
  return Array.from({ length: nodes }, (_, i) =>
    Array.from({ length: i + inputs }, (_, input) => ({ node: i + inputs, input })),
  ).flat();
}

/** The edges of a space's cells, ordered by (node, input). */
export function spaceEdges(space: Pick<SearchSpace, 'nodes' | 'skeleton'>): Edge[] {
  return cellEdges(space.nodes, cellForm(space).inputs);
}

/** The indexes of the reduction cells among `cells`: a third and two thirds of the way. */
export function reductionCells(cells: number): readonly [number, number] {
  return [Math.floor(cells / 3), Math.floor((2 * cells) / 3)];
}

/**
 * The declared space, checked and frozen. Use it to declare a space of one's own; the built-in ones go through it too.
 *
 * @throws {UsageError} naming the place: an unknown primitive, a primitive twice on an edge, an edge without a non-zero
 *         operation, a wrong number of edges or of nodes, an unknown skeleton.
 */
export function defineSpace(declaration: SpaceDeclaration): SearchSpace {
  const { name, nodes, edges, skeleton = 'darts' } = declaration;
  if (typeof name !== 'string' || name === '')
    throw new UsageError('A search space needs a name that is not empty.');
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MOST_NODES) {
    throw new UsageError(
      `Space "${name}": nodes is ${String(nodes)}; it must be an integer from 1 to ${MOST_NODES}.`,
    );
  }
  if (!(SKELETONS as readonly unknown[]).includes(skeleton)) {
    throw unknownName(`skeleton of space "${name}"`, String(skeleton), SKELETONS);
  }
  const { inputs, kinds } = cellForm({ skeleton });
  const places = cellEdges(nodes, inputs);
  for (const cell of CELLS) {
    const given: unknown = (edges as Partial<SearchSpace['edges']> | undefined)?.[cell];
    if (!kinds.includes(cell)) {
      if (given === undefined || (Array.isArray(given) && given.length === 0)) continue;
      throw new UsageError(
        `Space "${name}": a network of skeleton ${skeleton} has no ${cell} cell; leave its edges out.`,
      );
    }
    if (!Array.isArray(given) || given.length !== places.length) {
      const found = Array.isArray(given) ? `${given.length} edges` : `no list of edges (edges.${cell})`;
      throw new UsageError(
        `Space "${name}": the ${cell} cell has ${found}; ${nodes} intermediate nodes need ${places.length}, ordered by (node, input), each a list of primitives.`,
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
    Object.freeze((edges[cell] ?? []).map((primitives) => Object.freeze([...primitives])));
  return Object.freeze({
    name,
    ...(skeleton === 'darts' ? {} : { skeleton }),
    nodes,
    edges: Object.freeze({ normal: freeze('normal'), reduce: freeze('reduce') }),
  });
}

/** A space whose every edge, in both cells where there are two, offers the same primitives. */
export function uniformSpace(
  name: string,
  primitives: readonly Primitive[],
  nodes = 4,
  skeleton: Skeleton = 'darts',
): SearchSpace {
  const { normal, reduce } = uniform(primitives, nodes, skeleton);
  return defineSpace({
    name,
    skeleton,
    nodes,
    edges: skeleton === 'darts' ? { normal, reduce } : { normal },
  });
}

/** What every edge of a cell offers, in both cells. */
function uniform(
  primitives: readonly Primitive[],
  nodes = 4,
  skeleton: Skeleton = 'darts',
): SearchSpace['edges'] {
  const cell = spaceEdges({ nodes, skeleton }).map(() => primitives);
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

/** NAS-Bench-201's operations, in the order in which its code lists them. */
const NB201_OPS = [
  'none',
  'skip_connect',
  'nor_conv_1x1',
  'nor_conv_3x3',
  'avg_pool_3x3',
] as const satisfies readonly Primitive[];

/** A built-in space. */
export interface BuiltInSpace extends SearchSpace {
  /** Its name in tables. */
  readonly title: string;
  /** σ of MGS' proposal at the start of a search in it, from the released scripts. */
  readonly sigma: number;
}

/** A built-in space, of the paper's four nodes a cell unless said otherwise. */
function builtIn(
  name: string,
  title: string,
  edges: SpaceDeclaration['edges'],
  sigma: number,
  form: Pick<SpaceDeclaration, 'nodes' | 'skeleton'> = { nodes: 4 },
): BuiltInSpace {
  return Object.freeze({ ...defineSpace({ name, edges, ...form }), title, sigma });
}

/**
 * The spaces of the paper (its appendix B.1) and NAS-Bench-201's, in the order in which they are listed. A new one is an entry
 * here.
 */
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
  /** NAS-Bench-201 (Dong and Yang 2020): four nodes, an operation on every edge, one cell. σ is that of S1 to S4. */
  nb201: builtIn('nb201', 'NAS-Bench-201', { normal: uniform(NB201_OPS, 3, 'stages').normal }, 0.2, {
    nodes: 3,
    skeleton: 'stages',
  }),
} as const satisfies Record<string, BuiltInSpace>;

/** σ at the start in a space of one's own: that of the spaces with two or three primitives an edge. Ours. */
export const SIGMA_ELSEWHERE = SPACES.s2.sigma;

/** The id of a built-in space. */
export type SpaceId = keyof typeof SPACES;

/** Every id of a built-in space, in the order they are listed to a user. */
export const SPACE_IDS = Object.keys(SPACES) as readonly SpaceId[];

/** The ids of those with a normal and a reduction cell, which the paper's figures and tables can be made in. */
export const TWO_CELL_IDS: readonly SpaceId[] = SPACE_IDS.filter(
  (id) => cellForm(SPACES[id]).kinds.length === 2,
);

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
