import fc from 'fast-check';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { PRIMITIVES } from '../../lib/spaces/primitives.js';

/** Any genotype that the parser accepts, of 1 to 5 intermediate nodes in each cell. */
export const anyGenotype: fc.Arbitrary<Genotype> = (() => {
  const cell = fc.integer({ min: 1, max: 5 }).chain((nodes) =>
    fc.record({
      edges: fc.tuple(
        ...Array.from({ length: 2 * nodes }, (_, i) =>
          fc.tuple(fc.constantFrom(...PRIMITIVES), fc.integer({ min: 0, max: Math.floor(i / 2) + 1 })),
        ),
      ),
      concat: fc.uniqueArray(fc.integer({ min: 0, max: nodes + 1 }), { minLength: 1 }),
    }),
  );
  return fc.tuple(cell, cell).map(([normal, reduce]) => ({
    normal: normal.edges,
    normalConcat: normal.concat,
    reduce: reduce.edges,
    reduceConcat: reduce.concat,
  }));
})();
