import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { deviations, fullSearch, onDataset, withBudget } from '../../lib/search/presets.js';
import { applySet, SEARCH } from '../../lib/search/protocol.js';
import { protocolOf } from '../../bin/cli/search.js';
import { thrown } from '../datasets/helpers.js';

describe('search: on which data set', () => {
  const full = fullSearch('s2');
  const options = { space: 's2', solver: 'mgs', preset: 'paper', budget: 'smoke', seed: '0' };

  it('uses all training images of the set at full budget, and changes nothing else', () => {
    expect(onDataset(full, 'cifar10')).to.deep.equal(full);
    const svhn = onDataset(full, 'svhn');
    expect(svhn.dataset).to.deep.equal({ name: 'svhn', imageSide: 32, trainSize: 73_257 });
    expect({ ...svhn, dataset: full.dataset }).to.deep.equal(full);
    expect(SEARCH.parse(svhn)).to.deep.equal(svhn);
    expect(withBudget(svhn, 'smoke').dataset).to.deep.equal({
      ...withBudget(full, 'smoke').dataset,
      name: 'svhn',
    });
  });

  it('is no deviation on any of the paper’s three, but is with computed images', () => {
    for (const name of ['cifar10', 'cifar100', 'svhn'])
      expect(deviations(onDataset(full, name))).to.deep.equal([]);
    expect(deviations(onDataset(full, 'synthetic')).join()).to.include('dataset.name is synthetic');
    expect(deviations(applySet(onDataset(full, 'svhn'), 'dataset.trainSize=50000'))).to.deep.equal([
      'dataset.trainSize is 50000; the paper has 73257.',
    ]);
  });

  it('is what --dataset says, and refuses a name with the nearest one', () => {
    expect(protocolOf({ ...options, dataset: 'cifar100' }).dataset.name).to.equal('cifar100');
    const error = thrown(() => protocolOf({ ...options, dataset: 'cifar-100' }));
    expect(error).to.be.instanceOf(UsageError);
    expect(error.message).to.equal(
      'Unknown data set "cifar-100"; allowed: cifar10, cifar100, svhn, synthetic, imagenet, folder. Did you mean "cifar100"?',
    );
  });
});
