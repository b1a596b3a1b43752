import path from 'node:path';
import { expect } from 'chai';
import { loadFixtures } from './fixtures.js';
import { runCase } from './parity.js';
import { FIXTURES } from '../support/fixtures.js';

/** Made with PyTorch by the script beside them: what the copied cases lack (auxiliary heads, the form for large images). */
const fixtures = loadFixtures(path.join(FIXTURES, 'evaluation'));

describe('parity: networks with auxiliary head, both forms', function () {
  this.timeout(60_000);

  for (const c of fixtures.cases) {
    it(c.id, () => {
      const { results, skipped } = runCase(c, fixtures);
      expect(skipped).to.deep.equal([]);
      for (const { array, form, error, tolerance, reason } of results) {
        expect(error, `${array}, ${form} ${reason ?? ''}`).to.be.at.most(tolerance);
      }
      const expected = Object.keys(c.info).filter((name) => c.info[name].role.startsWith('expected'));
      expect(expected).to.include('logits_auxiliary');
      for (const form of ['eager', 'compiled']) {
        const compared = results.filter((result) => result.form === form).map(({ array }) => array);
        expect(compared, form).to.have.members(expected);
      }
    });
  }

  it('notices another weight of the auxiliary loss, another smoothing, and no head at all', () => {
    const [small, large] = fixtures.cases;
    const failing = (c: typeof small, changed: Record<string, unknown>) =>
      runCase({ ...c, constants: { ...c.constants, ...changed } }, fixtures)
        .results.filter(({ ok, form }) => !ok && form !== 'eager')
        .map(({ array }) => array);
    expect(failing(small, { auxiliary_weight: 0.3 })).to.deep.equal(['loss', 'grad_norms']);
    expect(failing(large, { label_smoothing: 0 })).to.deep.equal(['loss', 'grad_norms']);
    expect(failing(small, { auxiliary_weight: 0 })).to.deep.equal(['layout']);
  });
});
