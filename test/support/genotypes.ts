import fc from 'fast-check';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { PRIMITIVES } from '../../lib/spaces/primitives.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import type { Cell } from '../../lib/spaces/spaces.js';

const { DARTS_V1, DARTS_V2, NASNet, AmoebaNet } = KNOWN_GENOTYPES;

/** The known genotypes that between them have every operation but the dilated 5×5 one and noise. */
export const CLASSIC_GENOTYPES = { DARTS_V1, DARTS_V2, NASNet, AmoebaNet };

/** Any genotype that the parser accepts, of 1 to 5 intermediate nodes in each cell. */
export const anyGenotype: fc.Arbitrary<Genotype> = (() => {
  const cell = (kind: Cell) =>
    fc.integer({ min: 1, max: 5 }).chain((nodes) =>
      fc.record({
        edges: fc.tuple(
          ...Array.from({ length: 2 * nodes }, (_, i) =>
            fc.tuple(fc.constantFrom(...PRIMITIVES), fc.integer({ min: 0, max: Math.floor(i / 2) + 1 })),
          ),
        ),
        // A reduction cell gives none of its inputs out.
        concat: fc.uniqueArray(fc.integer({ min: kind === 'reduce' ? 2 : 0, max: nodes + 1 })),
      }),
    );
  return fc.tuple(cell('normal'), cell('reduce')).map(([normal, reduce]) => ({
    normal: normal.edges,
    normalConcat: readWhole(normal),
    reduce: reduce.edges,
    reduceConcat: readWhole(reduce),
  }));
})();

/** The concatenated nodes, with those that no other node reads after them: nothing may be there for nothing. */
function readWhole({
  edges,
  concat,
}: {
  readonly edges: readonly (readonly [Primitive, number])[];
  readonly concat: readonly number[];
}): number[] {
  const whole = [...concat];
  for (let node = edges.length / 2 + 1; node >= 2; node--) {
    // An input counts where a later node that counts has it: those are in already.
    if (!whole.includes(node) && !edges.some(([, input], i) => input === node && i >= 2 * (node - 1)))
      whole.push(node);
  }
  return whole;
}
