import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { key, normal } from '../../lib/math/random.js';
import { softmax } from '../../lib/math/vec.js';
import { alphaCount, edgeGroups, mixingWeights } from '../../lib/spaces/mixing.js';
import { SPACES, cellEdges, defineSpace } from '../../lib/spaces/spaces.js';

describe('spaces/mixing', () => {
  it('counts an alpha more for each edge of both cells', () => {
    expect(alphaCount(SPACES.darts, false)).to.equal(196);
    expect(alphaCount(SPACES.darts, true)).to.equal(224);
    expect(edgeGroups(SPACES.darts)).to.deep.equal([2, 3, 4, 5]);
    expect(
      edgeGroups(SPACES.darts).flatMap((count, i) => new Array<number>(count).fill(i + 2)),
    ).to.deep.equal(cellEdges(4).map(({ node }) => node));
  });

  it('softmaxes each edge’s operations, normal cell first, and then the edges into each node', () => {
    const mixed = defineSpace({
      name: 'mixed',
      nodes: 1,
      edges: {
        normal: [['none', 'noise', 'skip_connect'], ['sep_conv_3x3']],
        reduce: [['skip_connect'], ['noise', 'none']],
      },
    });
    const alpha = normal(key(1), 11);
    const weights = mixingWeights(mixed, alpha, true);
    let start = 0;
    for (const count of [3, 1, 1, 2, 2, 2]) {
      const group = (values: typeof alpha) => values.slice(start, start + count);
      expect(group(weights)).to.deep.equal(softmax(group(alpha)));
      start += count;
    }
    expect(start).to.equal(11);
    expect(mixingWeights(mixed, alpha.slice(0, 7))).to.deep.equal(weights.slice(0, 7));
  });

  it('refuses another length, with the one it should be', () => {
    expect(() => mixingWeights(SPACES.s2, new Float64Array(56), true)).to.throw(
      UsageError,
      /56 alphas .* 84 here\.$/,
    );
    expect(() => mixingWeights(SPACES.s2, new Float64Array(84))).to.throw(
      UsageError,
      /84 alphas .* 56 here\.$/,
    );
  });
});
