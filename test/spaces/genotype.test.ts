import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { loadFixtures } from '../parity/fixtures.js';
import {
  KNOWN_GENOTYPES,
  checkGenotype,
  countOps,
  deriveGenotype,
  parseGenotype,
  printGenotype,
} from '../../lib/spaces/genotype.js';
import type { KnownGenotype } from '../../lib/spaces/genotype.js';
import { PRIMITIVES } from '../../lib/spaces/primitives.js';
import {
  CELLS,
  SPACES,
  SPACE_IDS,
  TWO_CELL_IDS,
  alphaSize,
  defineSpace,
  uniformSpace,
} from '../../lib/spaces/spaces.js';
import { FIXTURES } from '../support/fixtures.js';
import { anyGenotype } from '../support/genotypes.js';
import { number } from '../support/numbers.js';

const V2_TEXT =
  "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))";

describe('spaces/genotype', () => {
  describe('derived from alphas', () => {
    const tiny = uniformSpace('tiny', ['none', 'skip_connect', 'sep_conv_3x3'], 2);

    it('keeps the two strongest edges in descending order and the strongest operation that is not none', () => {
      const rows = [
        [9, 1, 0], // none dominates: what is left for the others is small
        [0, 0, 1],
        [0, 3, 0],
        [0, 0, 2],
        [5, 0, 4],
      ];
      const genotype = deriveGenotype(tiny, Float64Array.from([...rows, ...rows].flat()));
      // Of node 3's edges: softmax of [0,3,0] 0.91, [0,0,2] 0.79, [5,0,4] 0.27.
      expect(genotype.normal).to.deep.equal([
        ['sep_conv_3x3', 1],
        ['skip_connect', 0],
        ['skip_connect', 0],
        ['sep_conv_3x3', 1],
      ]);
      expect(genotype.normalConcat).to.deep.equal([2, 3]);
    });

    it('multiplies by the edges’ weights where edges have alphas', () => {
      const rows = [
        [0, 1, 0],
        [0, 0, 1],
        [0, 3, 0],
        [0, 0, 2],
        [5, 0, 4],
      ];
      const operations = Float64Array.from([...rows, ...rows].flat());
      const derive = (normal: number[], reduce: number[]) =>
        deriveGenotype(tiny, Float64Array.from([...operations, ...normal, ...reduce]), {
          edgeNormalization: true,
        });
      // Equal shares of the edges into a node decide nothing.
      const equal = derive([0, 0, 0, 0, 0], [7, 7, 2, 2, 2]);
      expect(equal).to.deep.equal(deriveGenotype(tiny, operations));
      // Node 3 of the reduction cell: 0.91, 0.79 and 0.27 times e⁰, e¹ and e³ (over their sum): 0.91, 2.1 and 5.4.
      const moved = derive([0, 0, 0, 0, 0], [0, 1, 0, 1, 3]);
      expect(moved.normal).to.deep.equal(equal.normal);
      expect(moved.reduce).to.deep.equal([
        ['sep_conv_3x3', 1],
        ['skip_connect', 0],
        ['sep_conv_3x3', 2],
        ['sep_conv_3x3', 1],
      ]);
      // What is added to all edges into one node changes nothing; the softmax is node by node, not over the cell.
      expect(derive([0, 0, 9, 9, 9], [5, 6, -2, -1, 1])).to.deep.equal(moved);
      expect(() => derive([0, 0, 0, NaN, 0], [0, 0, 0, 0, 0])).to.throw(
        ZartsError,
        /Beta of the normal cell's edge 3 is NaN/,
      );
      expect(() => deriveGenotype(tiny, operations, { edgeNormalization: true })).to.throw(
        UsageError,
        /30 alphas were given; space "tiny" has 40 here\.$/,
      );
    });

    it('ignores what is added to all alphas of an edge', () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...SPACE_IDS),
          fc.array(fc.integer({ min: -64, max: 64 }), { minLength: 224, maxLength: 224 }),
          fc.integer({ min: -3, max: 3 }),
          (id, values, shift) => {
            const space = SPACES[id];
            // Multiples of 1/16, so that the shift is exact and keeps ties.
            const alpha = Float64Array.from(values.slice(0, alphaSize(space)), (value) => value / 16);
            expect(
              deriveGenotype(
                space,
                alpha.map((value) => value + shift),
              ),
            ).to.deep.equal(deriveGenotype(space, alpha));
          },
        ),
        { numRuns: 30 },
      );
    });

    it('is a valid genotype of every space with two cells that never has none', () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...TWO_CELL_IDS),
          fc.array(number(-9, 9), { minLength: 224, maxLength: 224 }),
          (id, values) => {
            const alpha = Float64Array.from(values.slice(0, alphaSize(SPACES[id])));
            const genotype = checkGenotype(deriveGenotype(SPACES[id], alpha));
            const counts = countOps(genotype);
            for (const cell of CELLS) {
              expect(counts[cell].none).to.equal(0);
              // The two edges into a node come from different nodes.
              for (let i = 0; i < 8; i += 2)
                expect(genotype[cell][i][1]).to.not.equal(genotype[cell][i + 1][1]);
            }
            expect(deriveGenotype(SPACES[id], alpha, { releasedIndexing: true })).to.deep.equal(genotype);
          },
        ),
        { numRuns: 60 },
      );
    });

    it('can derive none with the released indexing where none moves between edges', () => {
      const mixed = defineSpace({
        name: 'mixed',
        nodes: 2,
        edges: {
          normal: [
            ['none', 'noise'],
            ['none', 'noise'],
            ['noise', 'none'],
            ['noise', 'none'],
            ['none', 'noise'],
          ],
          reduce: [
            ['none', 'noise'],
            ['none', 'noise'],
            ['noise', 'none'],
            ['noise', 'none'],
            ['none', 'noise'],
          ],
        },
      });
      const flat = new Float64Array(alphaSize(mixed));
      expect(countOps(deriveGenotype(mixed, flat)).normal.none).to.equal(0);
      expect(countOps(deriveGenotype(mixed, flat, { releasedIndexing: true })).normal.none).to.equal(2);
    });

    it('names an alpha that is not finite, and a wrong length', () => {
      const alpha = new Float64Array(alphaSize(SPACES.s3));
      alpha[3 * 14 + 7] = NaN;
      expect(() => deriveGenotype(SPACES.s3, alpha)).to.throw(
        ZartsError,
        /Alpha skip_connect of the reduce cell's edge 2 is NaN/,
      );
      expect(() => deriveGenotype(SPACES.s3, new Float64Array(3))).to.throw(
        UsageError,
        /3 alphas were given; space "s3" has 84/,
      );
    });
  });

  it('knows the genotypes of the literature as the reference transcribes them', () => {
    const { values } = loadFixtures(FIXTURES).cases.find(({ id }) => id === 'counts')!;
    const { genotypes } = values as { genotypes: Record<string, Record<string, unknown>> };
    for (const name of Object.keys(KNOWN_GENOTYPES) as KnownGenotype[]) {
      expect(parseGenotype(JSON.stringify(genotypes[name])), name).to.deep.equal(KNOWN_GENOTYPES[name]);
      expect(checkGenotype(KNOWN_GENOTYPES[name])).to.deep.equal(KNOWN_GENOTYPES[name]);
    }
  });

  it('counts operations per cell', () => {
    const { normal, reduce } = countOps(KNOWN_GENOTYPES.DARTS_V2);
    expect(normal).to.include({ sep_conv_3x3: 5, skip_connect: 2, dil_conv_3x3: 1, none: 0, noise: 0 });
    expect(reduce).to.include({ max_pool_3x3: 5, skip_connect: 3, sep_conv_3x3: 0 });
    const ofNb201 = PRIMITIVES.filter((op) => op.startsWith('nor_conv'));
    expect([...Object.keys(normal), ...ofNb201]).to.have.members([...PRIMITIVES]);
    const cell = parseGenotype('|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|');
    expect(countOps(cell).normal).to.include({ nor_conv_3x3: 2, none: 1, sep_conv_3x3: 0 });
    expect(countOps(cell).normal).to.not.have.property('nor_conv_1x1');
  });

  it('prints PyTorch’s text', () => {
    expect(printGenotype(KNOWN_GENOTYPES.DARTS_V2)).to.equal(V2_TEXT);
    expect(printGenotype(KNOWN_GENOTYPES.AmoebaNet)).to.match(
      /normal_concat=range\(4, 7\).*reduce_concat=\[3, 4, 6\]\)$/,
    );
  });

  it('reads back what it prints, as text and as JSON', () => {
    fc.assert(
      fc.property(anyGenotype, (genotype) => {
        expect(parseGenotype(printGenotype(genotype))).to.deep.equal(genotype);
        expect(parseGenotype(JSON.stringify(genotype))).to.deep.equal(genotype);
      }),
    );
  });

  it('reads what Python writes: double quotes, lists, line breaks, trailing commas, any field order', () => {
    const text = V2_TEXT.replaceAll("'", '"')
      .replace('normal_concat=range(2, 6)', 'normal_concat=[2, 3,\n 4, 5,]')
      .replace('2)], normal', '2),\n],\n normal');
    expect(parseGenotype(`  ${text}\n`)).to.deep.equal(KNOWN_GENOTYPES.DARTS_V2);
    const [normal, reduce] = V2_TEXT.slice('Genotype('.length, -1).split(', reduce=');
    expect(parseGenotype(`Genotype(reduce=${reduce}, ${normal})`)).to.deep.equal(KNOWN_GENOTYPES.DARTS_V2);
  });

  it('names the place of a mistake in a text', () => {
    const bad = (from: string, to: string) => () => parseGenotype(V2_TEXT.replace(from, to));
    expect(bad("('dil_conv_3x3', 2)", "('dill_conv_3x3', 2)")).to.throw(
      UsageError,
      new RegExp(
        `line 1, column ${V2_TEXT.indexOf("'dil_conv") + 1}: expected a known primitive, found .*Did you mean "dil_conv_3x3"`,
      ),
    );
    expect(bad("'skip_connect', 0", "'skip_connect' 0")).to.throw(UsageError, /column \d+: expected ","/);
    expect(bad('range(2, 6)', 'range(2; 6)')).to.throw(UsageError, /expected ",", found "; 6\), reduce=\[/);
    // Written out it would take gigabytes.
    expect(bad('range(2, 6)', 'range(2, 999999999)')).to.throw(
      UsageError,
      new RegExp(`column ${V2_TEXT.indexOf('6)') + 1}: expected a range of at most 1000 nodes, found "9999`),
    );
    expect(bad('reduce=', 'reduced=')).to.throw(
      UsageError,
      /expected one of normal, normal_concat, reduce, reduce_concat/,
    );
    expect(bad('reduce=', 'normal=')).to.throw(UsageError, /"normal" is there already/);
    expect(() => parseGenotype(`${V2_TEXT} x`)).to.throw(
      UsageError,
      /expected the end of the text, found "x"/,
    );
    expect(() => parseGenotype(V2_TEXT.slice(0, 100))).to.throw(UsageError, /found the end/);
    expect(() => parseGenotype('')).to.throw(
      UsageError,
      /line 1, column 1: expected "Genotype", found the end/,
    );
    expect(() => parseGenotype('Genotype(\nnormal=[(3')).to.throw(
      UsageError,
      /line 2, column 10: expected a primitive in quotes/,
    );
    expect(() => parseGenotype(V2_TEXT.replace(/, reduce_concat.*/, ')'))).to.throw(
      UsageError,
      /no field "reduce_concat"/,
    );
  });

  it('names the path of a mistake in JSON', () => {
    const bad = (change: (genotype: Record<string, unknown>) => void) => () => {
      const json = structuredClone(KNOWN_GENOTYPES.DARTS_V1) as unknown as Record<string, unknown>;
      change(json);
      return parseGenotype(JSON.stringify(json));
    };
    expect(bad((g) => ((g.normal as unknown[][])[3][1] = 'x'))).to.throw(
      UsageError,
      /malformed at normal\[3\]\[1\]/,
    );
    expect(bad((g) => ((g.normal as unknown[][])[3][0] = 'skip'))).to.throw(
      UsageError,
      /normal\[3\]: Unknown primitive "skip"/,
    );
    expect(bad((g) => ((g.reduce as unknown[][])[2][1] = 3))).to.throw(
      UsageError,
      /reduce\[2\]: node 3 reads node 3; it can read nodes 0 to 2/,
    );
    expect(bad((g) => (g.reduce as unknown[]).pop())).to.throw(
      UsageError,
      /reduce has 7 entries; a genotype has 2 for each/,
    );
    expect(bad((g) => (g.normalConcat = [6]))).to.throw(
      UsageError,
      /normalConcat\[0\] is node 6; the cell has nodes 0 to 5/,
    );
    expect(bad((g) => (g.normalConcat = []))).to.throw(UsageError, /normalConcat is empty/);
    expect(bad((g) => delete g.reduceConcat)).to.throw(UsageError, /malformed at reduceConcat/);
    expect(() => parseGenotype('{"normal": [')).to.throw(UsageError, /not JSON/);
  });
});
