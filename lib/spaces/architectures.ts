import { UsageError } from '../errors.js';
import { permutation, split, uniform } from '../math/random.js';
import type { Key } from '../math/random.js';
import type { Vec } from '../math/vec.js';
import { stagesGenotype } from './genotype.js';
import type { Genotype, GenotypeEdge } from './genotype.js';
import { alphaSize, cellForm, spaceEdges } from './spaces.js';
import type { Cell, SearchSpace } from './spaces.js';

/** The discrete architectures of a space: one drawn at random, one as mixing weights, and all of them by number. */

/** Refuses a space whose genotypes are not one operation on every edge. */
function checkStages({ name, skeleton }: SearchSpace): void {
  if (skeleton === 'stages') return;
  throw new UsageError(`Space "${name}" has no numbered architectures; only those of skeleton stages have.`);
}

/** How many architectures a space of skeleton `stages` has: 15,625 in NAS-Bench-201. @throws {UsageError} for another one. */
export function architectureCount(space: SearchSpace): number {
  checkStages(space);
  return space.edges.normal.reduce((product, { length }) => product * length, 1);
}

/**
 * The architecture of that number: its operations' places in the lists of their edges are the digits, the first edge's the
 * highest.
 *
 * @param number  From 0 to {@link architectureCount} − 1.
 */
export function architectureAt(space: SearchSpace, number: number): Genotype {
  checkStages(space);
  let rest = number;
  const digits = [...space.edges.normal].reverse().map(({ length }) => {
    const digit = rest % length;
    rest = (rest - digit) / length;
    return digit;
  });
  digits.reverse();
  const normal = spaceEdges(space).map(({ input }, edge): GenotypeEdge => {
    return [space.edges.normal[edge][digits[edge]], input];
  });
  return stagesGenotype(normal);
}

/** The number of an architecture, as {@link architectureAt} counts; undefined for one that is not of the space. */
export function architectureNumber(space: SearchSpace, { skeleton, normal }: Genotype): number | undefined {
  checkStages(space);
  if (skeleton !== 'stages' || normal.length !== space.edges.normal.length) return undefined;
  const digits = space.edges.normal.map((primitives, edge) => primitives.indexOf(normal[edge][0]));
  if (digits.includes(-1)) return undefined;
  return digits.reduce((number, digit, edge) => number * space.edges.normal[edge].length + digit, 0);
}

/**
 * The mixing weights at which a supernet computes one architecture: 1 for what it has, 0 for all else, cell by cell in the
 * order of alphas.
 *
 * @returns  Length {@link alphaSize}.
 * @throws {UsageError} for an operation that the space does not offer in its place.
 */
export function architectureWeights(space: SearchSpace, genotype: Genotype): Vec {
  const places = spaceEdges(space);
  const weights = new Float64Array(alphaSize(space));
  let start = 0;
  for (const kind of cellForm(space).kinds) {
    const offered = space.edges[kind];
    const starts = offered.map(({ length }) => (start += length) - length);
    for (const { node, input, op } of placed(space, genotype[kind])) {
      const edge = places.findIndex((each) => each.node === node && each.input === input);
      const k = offered[edge]?.indexOf(op) ?? -1;
      if (k < 0) {
        throw new UsageError(
          `Space "${space.name}" does not offer ${op} on the edge ${input} → ${node} of the ${kind} cell.`,
        );
      }
      weights[starts[edge] + k] = 1;
    }
  }
  return weights;
}

/** The edges of a genotype's cell with the nodes that they lead to. */
function placed(space: SearchSpace, edges: readonly GenotypeEdge[]) {
  const places = spaceEdges(space);
  return edges.map(([op, input], entry) => {
    const node = space.skeleton === 'stages' ? places[entry].node : Math.floor(entry / 2) + 2;
    return { op, input, node };
  });
}

/**
 * An architecture drawn as random search with weight sharing draws it (Li and Talwalkar 2019): each node's two inputs
 * uniformly among the nodes before it, their operations uniformly among those of the edge; of skeleton `stages` an operation
 * for every edge. `none` is drawn only there: no other genotype has it.
 */
export function drawnArchitecture(space: SearchSpace, from: Key): Genotype {
  const places = spaceEdges(space);
  const { kinds } = cellForm(space);
  const keys = split(from, 2 * kinds.length);
  const cell = (kind: Cell, i: number): GenotypeEdge[] => {
    const draws = uniform(keys[2 * i], places.length);
    const op = (edge: number) => {
      const offered = space.edges[kind][edge].filter(
        (each) => space.skeleton === 'stages' || each !== 'none',
      );
      return offered[Math.floor(draws[edge] * offered.length)];
    };
    if (space.skeleton === 'stages') return places.map(({ input }, edge) => [op(edge), input]);
    return split(keys[2 * i + 1], space.nodes).flatMap((nodeKey, n) => {
      const into = places.flatMap(({ node, input }, edge) => (node === n + 2 ? [{ edge, input }] : []));
      const order = [...permutation(nodeKey, into.length)].slice(0, 2).sort((a, b) => a - b);
      return order.map((place): GenotypeEdge => [op(into[place].edge), into[place].input]);
    });
  };
  const [normal, reduce] = [cell('normal', 0), kinds.includes('reduce') ? cell('reduce', 1) : []];
  if (space.skeleton === 'stages') return stagesGenotype(normal);
  const concat = Array.from({ length: space.nodes }, (_, i) => i + 2);
  return { normal, normalConcat: concat, reduce, reduceConcat: concat };
}
