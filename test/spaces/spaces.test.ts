import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { loadFixtures } from '../parity/fixtures.js';
import { PRIMITIVES, isPrimitive } from '../../lib/spaces/primitives.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import {
  CELLS,
  SPACES,
  SPACE_IDS,
  TWO_CELL_IDS,
  alphaSize,
  cellEdges,
  defineSpace,
  isSpaceId,
  spaceById,
  uniformSpace,
} from '../../lib/spaces/spaces.js';
import type { SearchSpace, SpaceId } from '../../lib/spaces/spaces.js';
import { FIXTURES } from '../support/fixtures.js';

describe('spaces/spaces', () => {
  it('are the reference ones, edge by edge', () => {
    const { cases } = loadFixtures(FIXTURES);
    // The reference numbers its spaces s1 … s6; s6 is the DARTS space without the zero operation, s5 with it.
    const ids: Record<string, SpaceId> = {
      s1: 's1',
      s2: 's2',
      s3: 's3',
      s4: 's4',
      s5: 'darts-zero',
      s6: 'darts',
    };
    for (const [reference, id] of Object.entries(ids)) {
      const { constants, arrays } = cases.find((c) => c.id === `genotype_${reference}`)!;
      const uniform = constants.primitives as Primitive[] | undefined;
      for (const cell of CELLS) {
        const expected = uniform
          ? Array.from({ length: 14 }, () => uniform)
          : constants[`primitives_${cell}`];
        expect(SPACES[id].edges[cell], `${id} ${cell}`).to.deep.equal(expected);
        expect(arrays[`alpha_${cell}`].shape.slice(1)).to.deep.equal([14, SPACES[id].edges[cell][0].length]);
      }
    }
    expect([...TWO_CELL_IDS].sort()).to.deep.equal(Object.values(ids).sort());
    expect(SPACE_IDS.filter((id) => !TWO_CELL_IDS.includes(id))).to.deep.equal(['nb201']);
  });

  it('have the dimensions that the paper’s vectors have', () => {
    const sizes = Object.fromEntries(SPACE_IDS.map((id) => [id, alphaSize(SPACES[id])]));
    expect(sizes).to.deep.equal({ s1: 56, s2: 56, s3: 84, s4: 56, darts: 196, 'darts-zero': 224, nb201: 30 });
  });

  it('are found by id, and a mistyped id is answered with the nearest', () => {
    expect(spaceById('s3')).to.equal(SPACES.s3);
    expect(isSpaceId('darts-zero')).to.be.true;
    expect(isSpaceId('toString')).to.be.false;
    expect(() => spaceById('dart')).to.throw(
      UsageError,
      /s1, s2, s3, s4, darts, darts-zero, nb201\. Did you mean "darts"/,
    );
  });

  it('list edges by (node, input)', () => {
    const edges = cellEdges(4);
    expect(edges).to.have.length(14);
    expect(edges.slice(0, 6)).to.deep.equal([
      { node: 2, input: 0 },
      { node: 2, input: 1 },
      { node: 3, input: 0 },
      { node: 3, input: 1 },
      { node: 3, input: 2 },
      { node: 4, input: 0 },
    ]);
    expect(edges[13]).to.deep.equal({ node: 5, input: 4 });
  });

  it('cannot be changed', () => {
    const edges = SPACES.s2.edges.normal as Primitive[][];
    expect(() => edges[0].push('noise')).to.throw(TypeError);
    expect(() => edges.pop()).to.throw(TypeError);
  });

  describe('declared by oneself', () => {
    const declare = (
      change: (edges: Record<'normal' | 'reduce', Primitive[][]>) => void,
      rest: Partial<SearchSpace> = {},
    ) => {
      const edges = {
        normal: cellEdges(2).map((): Primitive[] => ['skip_connect', 'sep_conv_3x3']),
        reduce: cellEdges(2).map((): Primitive[] => ['none', 'max_pool_3x3']),
      };
      change(edges);
      return () => defineSpace({ name: 'own', nodes: 2, edges, ...rest });
    };

    it('is accepted when right, and independent of what it was made from', () => {
      const list: Primitive[][] = cellEdges(2).map(() => ['skip_connect', 'noise']);
      const space = defineSpace({ name: 'own', nodes: 2, edges: { normal: list, reduce: list } });
      list[0].push('none');
      expect(alphaSize(space)).to.equal(20);
      expect(alphaSize(uniformSpace('mine', ['noise', 'none'], 3))).to.equal(36);
    });

    it('is refused with its place when wrong', () => {
      expect(declare((e) => (e.reduce[3][1] = 'sep_conv_3×3' as Primitive))).to.throw(
        UsageError,
        /Space "own": reduce cell, edge 3 \(1 → 3\): Unknown primitive "sep_conv_3×3".*Did you mean "sep_conv_3x3"/,
      );
      expect(declare((e) => e.normal.pop())).to.throw(
        UsageError,
        /the normal cell has 4 edges; 2 intermediate nodes need 5/,
      );
      expect(declare((e) => (e.reduce[2] = ['none']))).to.throw(
        UsageError,
        /reduce cell, edge 2 \(0 → 3\) has no operation but "none"/,
      );
      expect(declare((e) => (e.reduce[2] = []))).to.throw(UsageError, /edge 2 .*has no operation/);
      expect(declare((e) => (e.normal[0] = ['noise', 'noise']))).to.throw(
        UsageError,
        /edge 0 \(0 → 2\) lists "noise" twice/,
      );
      expect(declare((e) => (e.normal[0] = 'noise' as unknown as Primitive[]))).to.throw(
        UsageError,
        /edge 0 .*not a list/,
      );
      expect(declare(() => undefined, { nodes: 0 })).to.throw(
        UsageError,
        /nodes is 0; it must be an integer from 1 to 100/,
      );
      expect(declare(() => undefined, { name: '' })).to.throw(UsageError, /needs a name/);
      expect(declare(() => undefined, { edges: {} as SearchSpace['edges'] })).to.throw(
        UsageError,
        /normal cell has no list of edges \(edges\.normal\); .* each a list of primitives/,
      );
    });
  });
});

describe('spaces/primitives', () => {
  it('guards names', () => {
    for (const name of PRIMITIVES) expect(isPrimitive(name)).to.be.true;
    for (const other of ['conv', '', 3, null, undefined]) expect(isPrimitive(other)).to.be.false;
  });
});
