import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { countNetwork, multiplyAdds } from '../../lib/evaluation/count.js';
import { LIMITED_SIZE, limitedGenotype } from '../../lib/evaluation/limits.js';
import { key, normal } from '../../lib/math/random.js';
import { checkGenotype, choiceName, countOps, deriveGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { mixingWeights } from '../../lib/spaces/mixing.js';
import { SPACES, alphaSize, cellEdges } from '../../lib/spaces/spaces.js';

const { darts, nb201, s2 } = SPACES;
const alphas = (seed: number, space = darts) => normal(key(seed), alphaSize(space));
const sizeOf = (genotype: Genotype) =>
  countNetwork(genotype, LIMITED_SIZE, { height: 32, width: 32 }).network;
const skipsOf = (genotype: Genotype): number => countOps(genotype).normal.skip_connect;

const seeds = fc.integer({ min: 0, max: 10_000 });

/** P-DARTS' way, written out: the share of the weakest chosen skip is set to 0 and all is chosen again. */
function asPDarts(seed: number, most: number): [op: string, input: number][] {
  const ops = darts.edges.normal[0];
  const shares = cellEdges(darts.nodes).map((_, edge) =>
    Array.from(mixingWeights(darts, alphas(seed)).subarray(edge * ops.length, (edge + 1) * ops.length)),
  );
  for (;;) {
    const best = shares.map((row) => Math.max(...row));
    const kept = [2, 3, 4, 5].flatMap((node) => {
      const own = cellEdges(darts.nodes).flatMap((each, edge) =>
        each.node === node ? [{ ...each, edge }] : [],
      );
      return own.sort((a, b) => best[b.edge] - best[a.edge]).slice(0, 2);
    });
    const opOf = (edge: number) => shares[edge].indexOf(best[edge]);
    const skips = kept.filter(({ edge }) => ops[opOf(edge)] === 'skip_connect');
    if (skips.length <= most) return kept.map(({ edge, input }) => [ops[opOf(edge)], input]);
    const weakest = skips.reduce((a, b) => (best[b.edge] < best[a.edge] ? b : a));
    shares[weakest.edge][opOf(weakest.edge)] = 0;
  }
}

describe('evaluation/limits', () => {
  it('without a limit that matters, the genotype is the alphas’ own', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const own = deriveGenotype(darts, alphas(seed));
        const { genotype, passedOver, sentence } = limitedGenotype(darts, alphas(seed), { skips: 8 });
        expect(genotype).to.deep.equal(own);
        expect(passedOver).to.deep.equal([]);
        expect(sentence).to.match(
          /at most 8 skip connections in the normal cell; the alphas’ own genotype is/,
        );
      }),
      { numRuns: 20 },
    );
  });

  it('has at most so many skips, by the way of P-DARTS, and the reduction cell as it was', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 3 }), (seed, skips) => {
        const { genotype } = limitedGenotype(darts, alphas(seed), { skips });
        expect(genotype.normal).to.deep.equal(asPDarts(seed, skips));
        expect(genotype.reduce).to.deep.equal(deriveGenotype(darts, alphas(seed)).reduce);
        expect(skipsOf(checkGenotype(genotype))).to.be.at.most(skips);
      }),
      { numRuns: 60 },
    );
    const none = limitedGenotype(s2, alphas(1, s2), { skips: 0 });
    expect(skipsOf(none.genotype)).to.equal(0);
  });

  it('has a network of at most so many parameters and multiply-adds, the weakest giving way first', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 0.5, max: 1, noNaN: true }), (seed, share) => {
        const own = sizeOf(deriveGenotype(darts, alphas(seed)));
        const parameters = Math.ceil(1_500_000 + share * (own.parameters - 1_500_000));
        const adds = Math.ceil(250e6 + share * (multiplyAdds(own) - 250e6));
        for (const limits of [{ parameters }, { multiplyAdds: adds }, { parameters, skips: 2 }]) {
          const { genotype, passedOver } = limitedGenotype(darts, alphas(seed), limits);
          const size = sizeOf(checkGenotype(genotype));
          if ('parameters' in limits) expect(size.parameters).to.be.at.most(parameters);
          if ('multiplyAdds' in limits) expect(multiplyAdds(size)).to.be.at.most(adds);
          if ('skips' in limits) expect(skipsOf(genotype)).to.be.at.most(2);
          // Without the last that gave way it was too large, or had too many skips.
          if (passedOver.length === 0) continue;
          const without = new Set(passedOver.slice(0, -1).map(choiceName));
          const before = deriveGenotype(darts, alphas(seed), { without });
          const tooLarge =
            'parameters' in limits
              ? sizeOf(before).parameters > parameters
              : multiplyAdds(sizeOf(before)) > adds;
          expect(tooLarge || ('skips' in limits && skipsOf(before) > 2)).to.equal(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('refuses limits that nothing meets, and those that are none', () => {
    expect(() => limitedGenotype(darts, alphas(1), { parameters: 1000 })).to.throw(
      ZartsError,
      /No genotype of these alphas has at most 1000 parameters; allow more|Too many operations are passed over/,
    );
    expect(() => limitedGenotype(darts, alphas(1), { skips: -1 })).to.throw(
      UsageError,
      /limit on skips is -1/,
    );
    expect(() => limitedGenotype(darts, alphas(1), { multiplyAdds: 0.5 })).to.throw(
      UsageError,
      /multiplyAdds/,
    );
    expect(() => limitedGenotype(nb201, alphas(1, nb201), { skips: 1 })).to.throw(
      UsageError,
      /^A limit on skips was given for the space .*NAS-Bench-201/,
    );
  });
});
