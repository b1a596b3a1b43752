import path from 'node:path';
import { expect } from 'chai';
import { FIXTURES } from '../support/fixtures.js';
import { loadFixtures } from './fixtures.js';
import { runCase } from './parity.js';

/** Made with PyTorch by the script beside them. */
const fixtures = loadFixtures(path.join(FIXTURES, 'nb201'));

describe('parity: NAS-Bench-201', function () {
  this.timeout(60_000);

  for (const c of fixtures.cases) {
    it(`${c.id}: ${c.what}`, () => {
      const { results, skipped } = runCase(c, fixtures);
      expect(skipped).to.deep.equal([]);
      for (const { array, form, error, tolerance, reason } of results) {
        expect(error, `${array}, ${form} ${reason ?? ''}`).to.be.at.most(tolerance);
      }
      const expected = Object.keys(c.info).filter((name) => c.info[name].role.startsWith('expected'));
      for (const form of ['eager', 'compiled']) {
        const compared = results.filter((result) => result.form === form).map(({ array }) => array);
        expect(compared, form).to.include.members(expected);
      }
    });
  }

  it('notices other alphas, a momentum that is not Nesterov’s, and another operation', () => {
    const [supernet, sgd, architecture] = fixtures.cases;
    const failing = (c: typeof supernet) =>
      runCase(c, fixtures)
        .results.filter(({ ok, form }) => !ok && form === 'compiled')
        .map(({ array }) => array);
    const { alpha_normal: alpha } = supernet.arrays;
    const moved = { ...alpha, data: alpha.data.map((value, i) => value + (i === 7 ? 0.01 : 0)) };
    const arrays = { ...supernet.arrays, alpha_normal: moved };
    expect(failing({ ...supernet, arrays })).to.include.members(['logits', 'g_alpha_normal']);
    const plain = { ...sgd, constants: { ...sgd.constants, nesterov: false } };
    expect(failing(plain)).to.include.members(['losses', 'final_param_norms']);
    const genotype = structuredClone(architecture.constants.genotype) as { normal: [string, number][] };
    genotype.normal[2] = ['skip_connect', 1];
    const other = { ...architecture, constants: { ...architecture.constants, genotype } };
    expect(failing(other)).to.include('logits');
  });
});
