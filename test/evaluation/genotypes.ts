import fc from 'fast-check';
import { checkGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { PRIMITIVES } from '../../lib/spaces/primitives.js';

/** Any genotype of four nodes, all of them concatenated. */
export const randomGenotypes: fc.Arbitrary<Genotype> = fc
  .tuple(
    ...Array.from({ length: 16 }, (_, i) =>
      fc.tuple(fc.constantFrom(...PRIMITIVES), fc.nat(Math.floor((i % 8) / 2) + 1)),
    ),
  )
  .map((edges) =>
    checkGenotype({
      normal: edges.slice(0, 8),
      normalConcat: [2, 3, 4, 5],
      reduce: edges.slice(8),
      reduceConcat: [2, 3, 4, 5],
    }),
  );
