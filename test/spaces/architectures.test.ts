import { expect } from 'chai';
import fc from 'fast-check';
import { ENDINGS, endingOf } from '../../lib/analysis/genotypes.js';
import { UsageError } from '../../lib/errors.js';
import { foldIn, key } from '../../lib/math/random.js';
import {
  architectureAt,
  architectureCount,
  architectureNumber,
  architectureWeights,
  drawnArchitecture,
} from '../../lib/spaces/architectures.js';
import {
  checkGenotype,
  deriveGenotype,
  isConnected,
  parseGenotype,
  printGenotype,
} from '../../lib/spaces/genotype.js';
import { SPACES, SPACE_IDS, TWO_CELL_IDS, defineSpace, uniformSpace } from '../../lib/spaces/spaces.js';

const { nb201 } = SPACES;
const SKIPS =
  '|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|';

describe('spaces/architectures', () => {
  const anyNumber = fc.nat(architectureCount(nb201) - 1);

  it('numbers those of NAS-Bench-201 from 0 to 15,624', () => {
    expect(architectureCount(nb201)).to.equal(15_625);
    fc.assert(
      fc.property(anyNumber, (number) => {
        const genotype = checkGenotype(architectureAt(nb201, number));
        expect(architectureNumber(nb201, genotype)).to.equal(number);
        expect(parseGenotype(printGenotype(genotype))).to.deep.equal(genotype);
        expect(checkGenotype(JSON.parse(JSON.stringify(genotype)))).to.deep.equal(genotype);
      }),
    );
    expect(architectureNumber(nb201, parseGenotype('|sep_conv_3x3~0|+|none~0|none~1|'))).to.equal(undefined);
    expect(() => architectureCount(SPACES.s2)).to.throw(UsageError, /"s2" has no numbered architectures/);
  });

  it('end disconnected 341 times, as often as is published', () => {
    const endings = Array.from({ length: architectureCount(nb201) }, (_, i) =>
      endingOf(architectureAt(nb201, i)),
    );
    const [disconnected, bare, other] = ENDINGS.map(
      (ending) => endings.filter((each) => each === ending).length,
    );
    expect(disconnected).to.equal(341);
    expect(disconnected + bare + other).to.equal(15_625);
    expect(endingOf(parseGenotype(SKIPS))).to.equal('without convolution');
    // A convolution on an edge that leads nowhere is none.
    const lost = '|nor_conv_3x3~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|';
    expect(endingOf(parseGenotype(lost))).to.equal('without convolution');
    expect(endingOf(parseGenotype(lost.replace('none~1|+|avg', 'skip_connect~1|+|avg')))).to.equal('other');
    expect(isConnected(parseGenotype(lost.replace('avg_pool_3x3', 'none')))).to.be.false;
  });

  it('are what alphas that prefer their operations stand for', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SPACE_IDS), fc.nat(1000), (id, seed) => {
        const genotype = checkGenotype(drawnArchitecture(SPACES[id], key(seed)));
        const weights = architectureWeights(SPACES[id], genotype);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).to.equal(
          genotype.normal.length + genotype.reduce.length,
        );
        expect(deriveGenotype(SPACES[id], weights)).to.deep.equal(genotype);
      }),
    );
    expect(() => architectureWeights(SPACES.s2, drawnArchitecture(SPACES.s4, key(0)))).to.throw(
      UsageError,
      /"s2" does not offer noise on the edge|"s2" does not offer noise/,
    );
  });

  it('are drawn evenly: every operation of an edge as often, every pair of inputs of a node', () => {
    const draws = 4000;
    for (const id of ['nb201', 's3', 'darts'] as const) {
      const space = SPACES[id];
      const counts = new Map<string, number>();
      const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
      for (let i = 0; i < draws; i++) {
        const { normal } = drawnArchitecture(space, foldIn(key(5), i));
        const [last, before] = [normal[normal.length - 1], normal[normal.length - 2]];
        count(`operation ${last[0]}`);
        if (TWO_CELL_IDS.includes(id)) count(`inputs ${before[1]} ${last[1]}`);
      }
      for (const kind of ['operation', 'inputs']) {
        const found = [...counts].filter(([what]) => what.startsWith(kind)).map(([, n]) => n);
        const expected = draws / found.length;
        for (const n of found)
          expect(n).to.be.within(expected - 5 * Math.sqrt(expected), expected + 5 * Math.sqrt(expected));
      }
      const operations = [...counts.keys()].filter((what) => what.startsWith('operation'));
      const offered = space.edges.normal[0].filter((op) => id === 'nb201' || op !== 'none');
      expect(operations).to.have.length(offered.length);
    }
  });
});

describe('spaces of skeleton stages', () => {
  it('derive the strongest operation of every edge, none among them unless it is left out', () => {
    const alpha = new Float64Array(30);
    // Edge 0 prefers none, then nor_conv_3x3; edge 5 avg_pool_3x3.
    alpha.set([2, 0, 0, 1, 0], 0);
    alpha.set([0, 0, 0, 0, 1], 25);
    const text = (first: string, other: string) =>
      `|${first}~0|+|${other}~0|${other}~1|+|${other}~0|${other}~1|avg_pool_3x3~2|`;
    expect(printGenotype(deriveGenotype(nb201, alpha))).to.equal(text('none', 'none'));
    expect(printGenotype(deriveGenotype(nb201, alpha, { withoutNone: true }))).to.equal(
      text('nor_conv_3x3', 'skip_connect'),
    );
  });

  it('are declared with their own nodes and operations, and refused with the place of what is wrong', () => {
    const mine = uniformSpace('mine', ['skip_connect', 'nor_conv_3x3'], 2, 'stages');
    expect(mine).to.deep.equal(
      defineSpace({ name: 'mine', skeleton: 'stages', nodes: 2, edges: { normal: mine.edges.normal } }),
    );
    expect(architectureCount(mine)).to.equal(8);
    const refused = (change: object) => () => defineSpace({ ...mine, ...change });
    expect(refused({ skeleton: 'stage' })).to.throw(
      UsageError,
      /skeleton of space "mine" "stage".*Did you mean "stages"/,
    );
    expect(refused({ edges: { normal: mine.edges.normal, reduce: mine.edges.normal } })).to.throw(
      UsageError,
      /has no reduce cell/,
    );
    expect(refused({ nodes: 3 })).to.throw(
      UsageError,
      /the normal cell has 3 edges; 3 intermediate nodes need 6/,
    );
  });

  it('name the place of a mistake in an architecture’s text, and what was expected', () => {
    const faults: [string, RegExp][] = [
      ['|nor_conv_3x4~0|', /column 2: expected a known primitive.*Did you mean "nor_conv_3x3"/],
      ['|none~0|none~0|', /column 9: expected "\+" or the end, since node 1 has its edge/],
      ['|none~0|+|none~0|none~1|none~1|', /expected "\+" or the end, since node 2 has its 2 edges/],
      ['|none~0|+|none~0|none~3|', /expected node 1 as what node 2 reads here.*cannot read node 3/],
      ['|none~0|+|none~0|none~0|', /expected node 1 as what node 2 reads here.*reads already/],
      ['|none~0|+|none~0|', /expected an edge into node 2, found the end/],
      ['|none~0|+', /expected "\|", found the end/],
      ['|none-0|', /expected "~"/],
    ];
    for (const [text, says] of faults) expect(() => parseGenotype(text), text).to.throw(UsageError, says);
    // The edges into a node may stand in any order.
    expect(printGenotype(parseGenotype('|none~0|+|nor_conv_1x1~1|none~0|'))).to.equal(
      '|none~0|+|none~0|nor_conv_1x1~1|',
    );
  });

  it('name what is wrong with an architecture in JSON', () => {
    const genotype = parseGenotype(SKIPS);
    const wrong = (change: object) => () => checkGenotype({ ...genotype, ...change });
    expect(wrong({ normal: genotype.normal.slice(1) })).to.throw(UsageError, /normal has 5 entries/);
    expect(wrong({ normal: [...genotype.normal].reverse() })).to.throw(
      UsageError,
      /normal\[0\]: node 1 reads node 2/,
    );
    expect(wrong({ normalConcat: [2, 3] })).to.throw(UsageError, /must be the last node, 3/);
    expect(wrong({ reduce: [['none', 0]] })).to.throw(UsageError, /reduce must be empty/);
  });
});
