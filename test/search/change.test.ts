import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { EVALUATION } from '../../lib/evaluation/protocol.js';
import { fullEvaluation } from '../../lib/evaluation/presets.js';
import { fullSearch } from '../../lib/search/presets.js';
import { SEARCH, applySet } from '../../lib/search/protocol.js';
import { applyChange, parseSet } from '../../lib/settings.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';

const PAPER = fullSearch('s2');

describe('applyChange', () => {
  it('does what --set does', () => {
    const change = {
      solver: { sigma: 0.1 },
      space: 's3',
      weights: { clip: null },
      history: { alphaEvery: 2 },
    };
    const changed = applyChange(SEARCH, PAPER, change as never);
    expect(changed.solver).to.deep.equal({ ...PAPER.solver, sigma: 0.1 });
    expect(changed).to.deep.include({ space: 's3', history: { alphaEvery: 2 } });
    const set = ['solver.sigma=0.1', 'space=s3', 'weights.clip=null', 'history.alphaEvery=2'];
    expect(applySet(PAPER, ...set)).to.deep.equal(changed);
    expect(parseSet(set)).to.deep.equal(change);
    expect(applyChange(SEARCH, changed, { history: 'none' })).to.not.have.property('history');
  });

  it('keeps what both kinds of a record have, and takes the defaults of the rest', () => {
    const few = applyChange(SEARCH, PAPER, { omega: { iterations: 3 } });
    const coast = applyChange(SEARCH, few, { omega: { kind: 'coast' } });
    expect(coast.omega).to.deep.equal({ kind: 'coast', iterations: 3, lr: 'scheduled', drift: true });
    expect(applyChange(SEARCH, coast, { omega: { kind: 'current' } }).omega).to.deep.equal({
      kind: 'current',
    });
  });

  it('refuses what is unknown, has an option of its own, or does not belong to the kind', () => {
    const refused = (change: object, says: RegExp | string) =>
      expect(() => applyChange(SEARCH, PAPER, change as never)).to.throw(UsageError, says);
    refused({ solver: { sgima: 0.1 } }, /Unknown setting "solver\.sgima".*Did you mean "solver\.sigma"/);
    refused({ solver: { xi: 0.1 } }, /Unknown setting "solver\.xi"/);
    refused({ solver: { kind: 'rs' } }, 'solver.kind cannot be set: choose it with --solver');
    refused({ omega: { drift: true } }, /Unknown setting "omega\.drift"/);
    refused({ omega: { kind: 'coats' } }, /Unknown omega "coats".*Did you mean "coast"/);
    refused({ omega: 'current' }, /omega is a group of settings/);
    refused({ budget: 'smoke' }, /budget cannot be set: choose it with --budget/);
    refused({ __proto__: null, toString: 1 }, /Unknown setting "toString"/);
  });

  it('changes any kind of protocol', () => {
    const training = fullEvaluation(KNOWN_GENOTYPES.DARTS_V2);
    const changed = applyChange(EVALUATION, training, { weights: { lr: 0.1 }, network: { cells: 8 } });
    expect(changed).to.deep.equal({
      ...training,
      weights: { ...training.weights, lr: 0.1 },
      network: { ...training.network, cells: 8 },
    });
    expect(() => applyChange(EVALUATION, training, { network: { kind: 'linear' } })).to.throw(
      UsageError,
      'network.kind cannot be set: it follows from what is evaluated',
    );
  });
});
