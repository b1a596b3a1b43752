import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { key, normal } from '../../lib/math/random.js';
import { softmax } from '../../lib/math/vec.js';
import { alphaCount, edgeGroups, mixingWeights, splitEdgeAlphas } from '../../lib/spaces/mixing.js';
import { SPACES, cellEdges, splitAlphas } from '../../lib/spaces/spaces.js';

describe('spaces/mixing', () => {
  it('counts an alpha more for each edge of both cells', () => {
    expect(alphaCount(SPACES.darts, false)).to.equal(196);
    expect(alphaCount(SPACES.darts, true)).to.equal(224);
    expect(edgeGroups(SPACES.darts)).to.deep.equal([2, 3, 4, 5]);
    expect(
      edgeGroups(SPACES.darts).flatMap((count, i) => new Array<number>(count).fill(i + 2)),
    ).to.deep.equal(cellEdges(4).map(({ node }) => node));
  });

  it('softmaxes each edge’s operations, and the edges into each node', () => {
    const alpha = normal(key(1), 84);
    const weights = mixingWeights(SPACES.s2, alpha, true);
    const rows = splitAlphas(SPACES.s2, weights.slice(0, 56));
    const raw = splitAlphas(SPACES.s2, alpha.slice(0, 56));
    for (const cell of ['normal', 'reduce'] as const) {
      rows[cell].forEach((row, e) => {
        expect(row).to.deep.equal([...softmax(Float64Array.from(raw[cell][e]))]);
      });
      const [found, given] = [splitEdgeAlphas(SPACES.s2, weights), splitEdgeAlphas(SPACES.s2, alpha)];
      let start = 0;
      for (const count of [2, 3, 4, 5]) {
        const group = (edges: typeof found.edges) => edges[cell].slice(start, start + count);
        expect(group(found.edges)).to.deep.equal(softmax(group(given.edges)));
        start += count;
      }
    }
    expect(mixingWeights(SPACES.s2, alpha.slice(0, 56))).to.deep.equal(weights.slice(0, 56));
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
    expect(() => splitEdgeAlphas(SPACES.s2, new Float64Array(56))).to.throw(
      UsageError,
      /"s2" with edge normalization has 84\.$/,
    );
  });
});
