import { UsageError } from '../errors.js';
import { mapGroups, softmax } from '../math/vec.js';
import type { Vec } from '../math/vec.js';
import { alphaSize, cellForm, spaceEdges } from './spaces.js';
import type { Cell, SearchSpace } from './spaces.js';

/**
 * What alphas weigh in a supernet: a softmax over each edge's operations and, with edge normalization (PC-DARTS, Xu et al.
 * 2020, Eq. 4), a softmax of the edges' own alphas β over the edges into each node. An alpha vector with edge
 * normalization is the space's alphas, then one β for each edge of the normal cell, then of the reduction cell.
 */

/** Length of the alpha vector of a space, with its edge alphas or without; 28 more with them for 4 nodes. */
export function alphaCount(space: SearchSpace, edgeNormalization: boolean): number {
  return alphaSize(space) + (edgeNormalization ? cellForm(space).kinds.length * spaceEdges(space).length : 0);
}

/** The number of operations on each edge, cell by cell: the groups that alphas are softmaxed in. */
export function operationGroups(space: SearchSpace): Record<Cell, readonly number[]> {
  const counts = (cell: Cell) => space.edges[cell].map((primitives) => primitives.length);
  return { normal: counts('normal'), reduce: counts('reduce') };
}

/** The number of edges into each node of a cell (2, 3, 4, 5 for 4 nodes after 2 inputs): the groups that β are softmaxed in. */
export function edgeGroups(space: SearchSpace): readonly number[] {
  const { inputs } = cellForm(space);
  return Array.from({ length: space.nodes }, (_, i) => i + inputs);
}

/**
 * The weights that a vector of alphas stands for, in the same places: each edge's operations sum to 1, and with edge
 * normalization each node's edges do.
 *
 * @param alpha  Raw alphas, length {@link alphaCount}.
 * @throws {UsageError} when the length is another one.
 */
export function mixingWeights(space: SearchSpace, alpha: Vec, edgeNormalization = false): Vec {
  const expected = alphaCount(space, edgeNormalization);
  if (alpha.length !== expected) {
    throw new UsageError(`${alpha.length} alphas were given; space "${space.name}" has ${expected} here.`);
  }
  return softmaxGroups(alpha, mixingGroups(space, edgeNormalization));
}

/** The lengths of the groups that {@link mixingWeights} softmaxes, in the order of the vector. */
export function mixingGroups(space: SearchSpace, edgeNormalization: boolean): readonly number[] {
  const { normal, reduce } = operationGroups(space);
  const edges = edgeNormalization ? cellForm(space).kinds.flatMap(() => edgeGroups(space)) : [];
  return [...normal, ...reduce, ...edges];
}

/** The softmax of each of several groups that follow each other. @param counts  The groups' lengths. */
export function softmaxGroups(values: Vec, counts: readonly number[]): Vec {
  return mapGroups(values, counts, softmax);
}
