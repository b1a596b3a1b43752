import { expect } from 'chai';
import { numericCases } from './cases-numeric.js';
import { loadFixtures } from './fixtures.js';
import type { FixtureCase } from './fixtures.js';
import { largestError } from './network-case.js';
import { FIXTURES } from '../support/fixtures.js';

describe('parity/cases-numeric', () => {
  const fixtures = loadFixtures(FIXTURES);
  const cases = fixtures.cases.filter(({ group }) => group.split(' ')[0] in numericCases);
  const run = (c: FixtureCase) => numericCases[c.group.split(' ')[0]](c, fixtures);
  // Pictures and tensors, which other modules check.
  const elsewhere = /^(cutout|drop_path)/;

  it('finds cases of every kind', () => {
    for (const kind of [
      'genotype',
      'zo_rs',
      'zo_mgs',
      'zo_gld',
      'zo_condition',
      'cosine',
      'sigma',
      'scheduled',
      'imagenet',
    ]) {
      expect(
        cases.some(({ id }) => id.startsWith(kind)),
        kind,
      ).to.be.true;
    }
  });

  for (const c of cases) {
    if (elsewhere.test(c.id)) continue;
    it(`${c.id} is within tolerance`, () => {
      const results = run(c);
      // Every expected array must have been looked at.
      const expected = Object.entries(c.info).filter(([, { role }]) => role.startsWith('expected'));
      expect(results.map(({ array }) => array)).to.include.members(expected.map(([name]) => name));
      if (expected.length === 0) expect(results.length).to.equal(2 * (c.values as unknown[]).length);
      for (const { array, error, tolerance } of results) expect(error, array).to.be.at.most(tolerance);
    });
  }

  it('leaves cutout and drop path to others', () => {
    for (const c of cases) if (elsewhere.test(c.id)) expect(run(c), c.id).to.deep.equal([]);
  });

  it('notices a wrong expectation in every kind of case', () => {
    const worst = (c: FixtureCase): number =>
      Math.max(...run(c).map(({ error, tolerance }) => (error > tolerance ? 1 : 0)));
    for (const id of [
      'zo_rs_sphere_d6_n8',
      'zo_mgs_mixed_d6_n8',
      'zo_gld_0_improves',
      'zo_condition_1',
      'cosine_lr_50_0_025',
      'sigma_schedule_50',
    ]) {
      const c = cases.find((each) => each.id === id)!;
      const name = Object.keys(c.info).find((array) => c.info[array].role.startsWith('expected'))!;
      const data = Float64Array.from(c.arrays[name].data, (value) => value * 1.01 + 0.01);
      const changed = {
        ...c,
        arrays: { ...c.arrays, [name]: { ...c.arrays[name], dtype: 'float64' as const, data } },
      };
      expect(worst(changed), id).to.equal(1);
    }
    const genotype = cases.find(({ id }) => id === 'genotype_synthetic')!;
    const values = structuredClone(genotype.values) as { corrected: { normal: [string, number][] } }[];
    values[0].corrected.normal[0][0] = 'avg_pool_3x3';
    expect(worst({ ...genotype, values })).to.equal(1);
  });

  it('measures errors: NaN and length differ without limit, equal infinities not at all', () => {
    expect(largestError([1, 2], [1, 2.5])).to.equal(0.5);
    expect(largestError([1], [1, 2])).to.equal(Infinity);
    expect(largestError([NaN], [1])).to.equal(Infinity);
    expect(largestError([-Infinity], [-Infinity])).to.equal(0);
    expect(largestError([Infinity], [-Infinity])).to.equal(Infinity);
  });
});
