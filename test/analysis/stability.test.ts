import { expect } from 'chai';
import { genotypeAgreement, meanAgreement } from '../../lib/analysis/stability.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';

const { DARTS_V1, DARTS_V2, NASNet } = KNOWN_GENOTYPES;

/** A genotype with its first two entries, which lead to the same node, changed over. */
function reordered(genotype: Genotype): Genotype {
  const [first, second, ...rest] = genotype.normal;
  return { ...genotype, normal: [second, first, ...rest] };
}

describe('stability of genotypes', () => {
  it('is 1 for the same genotype, in whatever order its entries are', () => {
    expect(genotypeAgreement(DARTS_V1, reordered(DARTS_V1))).to.equal(1);
  });

  it('counts edges kept by both with the same operation', () => {
    const changed: Genotype = { ...DARTS_V1, normal: [['sep_conv_5x5', 1], ...DARTS_V1.normal.slice(1)] };
    expect(genotypeAgreement(DARTS_V1, changed)).to.equal(15 / 16);
  });

  it('does not confuse nodes or cells', () => {
    const swapped: Genotype = { ...DARTS_V2, normal: DARTS_V2.reduce, reduce: DARTS_V2.normal };
    expect(genotypeAgreement(DARTS_V2, swapped)).to.be.lessThan(0.3);
  });

  it('averages over pairs', () => {
    expect(meanAgreement([DARTS_V1, DARTS_V1, DARTS_V2])).to.be.closeTo(
      (1 + 2 * genotypeAgreement(DARTS_V1, DARTS_V2)) / 3,
      1e-12,
    );
    expect(meanAgreement([DARTS_V1])).to.equal(undefined);
  });

  it('refuses genotypes of different sizes', () => {
    expect(() => genotypeAgreement(DARTS_V1, NASNet)).to.throw('edge by edge');
  });
});
