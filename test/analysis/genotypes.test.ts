import { expect } from 'chai';
import fc from 'fast-check';
import {
  cellStructure,
  chanceParameterFree,
  chanceShare,
  compareGenotypes,
  chanceSpread,
  genotypeStructure,
  meanAgreement,
  preferenceFor,
  spreadOf,
} from '../../lib/analysis/genotypes.js';
import { summarize } from '../../lib/analysis/statistics.js';
import { key, normal, split } from '../../lib/math/random.js';
import { KNOWN_GENOTYPES, deriveGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype, GenotypeEdge } from '../../lib/spaces/genotype.js';
import { PRIMITIVES, opFamily } from '../../lib/spaces/primitives.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { CELLS, SPACES, TWO_CELL_IDS, alphaSize } from '../../lib/spaces/spaces.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { operation } from '../../lib/supernet/layers.js';
import { anyGenotype } from '../support/genotypes.js';

const { DARTS_V1, DARTS_V2, NASNet, AmoebaNet } = KNOWN_GENOTYPES;

/** Both cells with these edges, every intermediate node concatenated. */
function uniform(edges: readonly GenotypeEdge[]): Genotype {
  const concat = Array.from({ length: edges.length / 2 }, (_, i) => i + 2);
  return { normal: edges, normalConcat: concat, reduce: edges, reduceConcat: concat };
}

describe('genotypes', () => {
  describe('what a cell consists of', () => {
    it('has the depths and widths that Shu et al. (ICLR 2020) print for normal cells', () => {
      const shape = (genotype: Genotype) => {
        const { depth, width } = cellStructure(genotype, 'normal');
        return { depth, width };
      };
      expect(shape(NASNet)).to.deep.equal({ depth: 2, width: 5 });
      expect(shape(AmoebaNet)).to.deep.equal({ depth: 4, width: 4 });
      expect(shape(DARTS_V2)).to.deep.equal({ depth: 3, width: 3.5 });
    });

    it('counts operations by family', () => {
      const [normal, reduce] = CELLS.map((cell) => genotypeStructure(DARTS_V1)[cell]!);
      expect(normal.families).to.deep.equal({ convolution: 5, pooling: 0, skip: 3, noise: 0, zero: 0 });
      expect(reduce.families).to.deep.equal({ convolution: 0, pooling: 5, skip: 3, noise: 0, zero: 0 });
      expect(normal.operations.sep_conv_3x3).to.equal(5);
      expect(normal.edges).to.equal(8);
    });

    it('calls an edge parameter-free exactly when the operation that is built for it has no weights', () => {
      for (const op of PRIMITIVES) {
        for (const [cell, input, stride] of [
          ['normal', 0, 1],
          ['normal', 2, 1],
          ['reduce', 1, 2],
          ['reduce', 2, 1],
        ] as const) {
          // Node 3 reads the edge in question twice; node 2, before it, is convolutions alone.
          const genotype = uniform([
            ['sep_conv_3x3', 0],
            ['sep_conv_3x3', 1],
            [op, input],
            [op, input],
          ]);
          const layer = operation(op, { channels: 4, stride, affine: false, poolsNormalized: false });
          const free = layer.parameters.length === 0;
          expect(cellStructure(genotype, cell).parameterFree, `${op} ${cell} ${input}`).to.equal(
            free ? 0.5 : 0,
          );
        }
      }
    });

    it('follows only what passes something on', () => {
      const noisy = uniform([
        ['sep_conv_3x3', 0],
        ['noise', 1],
        ['noise', 2],
        ['none', 2],
      ]);
      expect(cellStructure(noisy, 'normal').depth).to.equal(2);
      expect(cellStructure({ ...noisy, normalConcat: [3] }, 'normal').depth).to.equal(0);
      expect(cellStructure({ ...noisy, normalConcat: [0] }, 'normal').depth).to.equal(1);
    });

    it('has by chance the share that derived genotypes of random alphas have on average', () => {
      const draws = 400;
      for (const id of TWO_CELL_IDS) {
        const space = SPACES[id];
        const genotypes = split(key(7), draws).map((each) =>
          deriveGenotype(space, normal(each, alphaSize(space))),
        );
        for (const cell of CELLS) {
          const { mean, interval } = summarize(
            genotypes.map((genotype) => cellStructure(genotype, cell).parameterFree),
            0.9999,
          );
          const chance = chanceParameterFree(space, cell);
          expect(chance, `${id} ${cell}: ${mean}`).to.be.within(...interval!);
          for (const family of ['skip', 'noise', 'pooling'] as const) {
            const shares = genotypes.map((genotype) => {
              const { families, edges } = cellStructure(genotype, cell);
              return families[family] / edges;
            });
            const found = summarize(shares, 0.9999, 1 / 8);
            const own = chanceShare(family, space, cell);
            expect(own, `${id} ${cell} ${family}: ${found.mean}`).to.be.within(...found.interval!);
          }
        }
      }
      expect(chanceParameterFree(SPACES.s2, 'normal')).to.equal(0.5);
      expect(chanceParameterFree(SPACES['darts-zero'], 'normal')).to.be.closeTo(3 / 7, 1e-12);
    });

    it('adds up for any genotype', () => {
      fc.assert(
        fc.property(anyGenotype, (genotype) => {
          for (const cell of ['normal', 'reduce'] as const) {
            const { edges, families, operations, parameterFree, depth, width } = cellStructure(
              genotype,
              cell,
            );
            expect(Object.values(families).reduce((sum, n) => sum + n, 0)).to.equal(edges);
            for (const op of PRIMITIVES) expect(operations[op] ?? 0).to.be.at.most(families[opFamily(op)]);
            expect(parameterFree).to.be.within(0, 1);
            expect(depth).to.be.within(0, edges / 2 + 1);
            expect(width).to.be.within(1, edges / 2);
          }
        }),
      );
    });
  });

  describe('compared', () => {
    it('names what is shared and what is not', () => {
      const { normal, similarity } = compareGenotypes(DARTS_V1, DARTS_V2);
      expect(normal.shared.map(({ entry }) => entry)).to.deep.equal([0, 1, 3, 4, 5]);
      expect(normal.onlyA).to.deep.equal([
        { entry: 2, node: 3, input: 0, op: 'skip_connect' },
        { entry: 6, node: 5, input: 0, op: 'sep_conv_3x3' },
        { entry: 7, node: 5, input: 2, op: 'skip_connect' },
      ]);
      expect(normal.onlyB.map(({ entry, op }) => `${entry} ${op}`)).to.deep.equal([
        '2 sep_conv_3x3',
        '6 skip_connect',
        '7 dil_conv_3x3',
      ]);
      expect(normal.similarity).to.deep.equal({ edges: 5 / 8, connections: 1, operations: 7 / 8 });
      expect(similarity.edges).to.equal(11 / 16);
    });

    it('uses an edge that occurs twice twice', () => {
      const twice = uniform([
        ['skip_connect', 0],
        ['skip_connect', 0],
      ]);
      const once = uniform([
        ['skip_connect', 0],
        ['skip_connect', 1],
      ]);
      expect(compareGenotypes(twice, once).normal.shared).to.have.length(1);
      expect(compareGenotypes(twice, once).similarity).to.deep.equal({
        edges: 0.5,
        connections: 0.5,
        operations: 1,
      });
    });

    it('compares cells of different sizes', () => {
      const { normal } = compareGenotypes(DARTS_V2, NASNet);
      expect(normal.shared.length + normal.onlyA.length).to.equal(8);
      expect(normal.shared.length + normal.onlyB.length).to.equal(10);
      expect(normal.similarity.edges).to.equal((2 * normal.shared.length) / 18);
    });

    it('does not see the order of entries, and does not confuse nodes or cells', () => {
      const [first, second, ...rest] = DARTS_V1.normal;
      expect(meanAgreement([DARTS_V1, { ...DARTS_V1, normal: [second, first, ...rest] }])).to.equal(1);
      const swapped = { ...DARTS_V2, normal: DARTS_V2.reduce, reduce: DARTS_V2.normal };
      expect(meanAgreement([DARTS_V2, swapped])).to.be.lessThan(0.3);
    });

    it('averages over the pairs of several', () => {
      const expected = (1 + 2 * (11 / 16)) / 3;
      expect(meanAgreement([DARTS_V1, DARTS_V1, DARTS_V2])).to.be.closeTo(expected, 1e-12);
      expect(meanAgreement([DARTS_V1])).to.equal(undefined);
    });

    it('is symmetric, 1 for equal genotypes, and least for edges with their operations', () => {
      fc.assert(
        fc.property(anyGenotype, anyGenotype, (a, b) => {
          const [ab, ba] = [compareGenotypes(a, b), compareGenotypes(b, a)];
          expect(ab.similarity).to.deep.equal(ba.similarity);
          expect(ab.reduce.onlyA).to.deep.equal(ba.reduce.onlyB);
          const { edges, connections, operations } = ab.similarity;
          expect(edges).to.be.at.most(Math.min(connections, operations));
          expect(compareGenotypes(a, a).similarity).to.deep.equal({
            edges: 1,
            connections: 1,
            operations: 1,
          });
        }),
      );
    });
  });
});

describe('what alphas prefer', () => {
  const { s3, s4 } = SPACES;
  const alphas = (space: SearchSpace, normal: Partial<Record<Primitive, number>>) =>
    CELLS.flatMap((cell) =>
      space.edges[cell].flatMap((ops) => ops.map((op) => (cell === 'normal' ? (normal[op] ?? 0) : 9))),
    );

  it('is the family’s alpha less the others’, of what a genotype can have, cell by cell', () => {
    const own = alphas(s3, { skip_connect: 2, sep_conv_3x3: 0.5, none: 50 });
    expect(preferenceFor('skip', own, s3, 'normal')).to.be.closeTo(1.5, 1e-12);
    expect(preferenceFor('convolution', own, s3, 'normal')).to.be.closeTo(-1.5, 1e-12);
    expect(preferenceFor('skip', own, s3, 'reduce')).to.equal(0);
    expect(preferenceFor('noise', alphas(s4, { noise: -1 }), s4, 'normal')).to.equal(-1);
    expect(preferenceFor('noise', own, s3, 'normal')).to.be.NaN;
  });

  it('spreads within edges, however edges differ', () => {
    expect(spreadOf(alphas(s4, { noise: -1, sep_conv_3x3: 2 }), s4, 'normal')).to.equal(3);
    const shifted = Float64Array.from(alphas(s4, { noise: 1 }), (value, i) => value + 10 * Math.floor(i / 2));
    expect(spreadOf(shifted, s4, 'normal')).to.equal(1);
  });

  it('are as far apart by chance as normal numbers are', () => {
    // Two numbers: 2/√π.
    expect(chanceSpread(1.5, s4, 'normal')).to.be.closeTo(3 / Math.sqrt(Math.PI), 1e-5);
    for (const id of ['s1', 's3', 'darts'] as const) {
      const space = SPACES[id];
      const drawn = Array.from({ length: 400 }, (_, i) => {
        const alpha = normal(key(i), alphaSize(space)).map((value) => 0.3 * value);
        return spreadOf(alpha, space, 'normal');
      });
      const { mean, std } = summarize(drawn);
      expect(Math.abs(mean - chanceSpread(0.3, space, 'normal')), id).to.be.below((4 * std!) / 20);
    }
  });
});
