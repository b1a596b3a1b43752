import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import type { Vec } from '../../lib/math/vec.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import { derivedGenotype, genotypeAfter } from '../../lib/search/derived.js';
import { deviations, openSettings } from '../../lib/search/presets.js';
import { applySet } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { search } from '../../lib/search/search.js';
import { deriveGenotype } from '../../lib/spaces/genotype.js';
import { uniformSpace } from '../../lib/spaces/spaces.js';
import { memory, smokeIn } from './helpers.js';
import { stopAt } from '../support/runs.js';

const SMALL = uniformSpace('small', ['skip_connect', 'sep_conv_3x3', 'noise'], 2);

function tiny(solver: string, ...settings: string[]): SearchProtocol {
  return smokeIn(
    SMALL,
    solver,
    'paper',
    'dataset.imageSide=8',
    'dataset.trainSize=16',
    'batchSize=4',
    'epochs=4',
    'warmupEpochs=0',
    ...settings,
  );
}

describe('search/derived', function () {
  this.timeout(120_000);
  let dataset: Dataset;
  before(async () => {
    dataset = await loadDataset({ name: 'synthetic', image: 8, trainSize: 16, testSize: 10 });
  });

  for (const solver of ['darts-1st', 'mgs', 'pc-darts']) {
    it(`the alphas that ${solver} records are those of its checkpoints, and recording changes nothing`, async () => {
      // Large steps: the genotype changes on the way.
      const settings = solver === 'mgs' ? ['omega.iterations=1', 'solver.sigma=1'] : ['solver.lr=1'];
      const protocol = tiny(solver, ...settings, 'history.alphaEvery=1');
      const plain = await search(applySet(protocol, 'history=none'), { dataset });
      const { store, checkpoints, metrics } = memory();
      const recorded = await search(protocol, { dataset, store });
      const bare = recorded.epochs.map(({ alpha, ...record }, epoch) => {
        expect(alpha).to.deep.equal(Array.from(checkpoints[epoch].tensors['solver.alpha'] as Vec));
        return record;
      });
      expect({ ...recorded, epochs: bare }).to.deep.equal(plain);
      expect(plain.epochs.every((record) => !('alpha' in record))).to.equal(true);
      expect(metrics.filter((each) => 'alpha' in each)).to.have.length(4);

      const after = [1, 2, 3, 4].map((epoch) => genotypeAfter(protocol, recorded, epoch));
      expect(after[3]).to.deep.equal(recorded.genotype);
      expect(after[3]).to.deep.equal(derivedGenotype(protocol, recorded.epochs[3].alpha!));
      expect(new Set(after.map((each) => JSON.stringify(each))).size).to.be.greaterThan(1);
      const edgeNormalization = solver === 'pc-darts';
      const second = checkpoints[1].tensors['solver.alpha'] as Vec;
      expect(after[1]).to.deep.equal(deriveGenotype(SMALL, second, { edgeNormalization }));
      expect(genotypeAfter(protocol, recorded, 9)).to.deep.equal(recorded.genotype);
    });
  }

  it('a search that is stopped and resumed records the same', async () => {
    const protocol = tiny('darts-1st', 'history.alphaEvery=2');
    const whole = await search(protocol, { dataset });
    expect(whole.epochs.map(({ alpha }) => alpha?.length)).to.deep.equal([undefined, 30, undefined, 30]);
    const { store, checkpoints } = memory();
    let stopped = false;
    await search(protocol, { dataset, store, ...stopAt(5) }).catch(() => (stopped = true));
    expect(stopped).to.equal(true);
    const from: Checkpoint = checkpoints.at(-1)!;
    expect(await search(protocol, { dataset, from })).to.deep.equal(whole);
  });

  it('says what to do where alphas were not recorded', async () => {
    const protocol = tiny('darts-1st', 'history.alphaEvery=2');
    const result = await search(protocol, { dataset });
    expect(() => genotypeAfter(protocol, result, 1)).to.throw(
      'The search small darts-1st seed 3 has no record of its alphas after epoch 1; search with history.alphaEvery=1.',
    );
  });

  it('is neither a deviation nor an open setting', () => {
    for (const solver of ['darts-1st', 'mgs']) {
      const plain = tiny(solver);
      const recorded = applySet(plain, 'history.alphaEvery=3');
      expect(recorded.history).to.deep.equal({ alphaEvery: 3 });
      expect(deviations(recorded)).to.deep.equal(deviations(plain));
      expect(openSettings(recorded)).to.deep.equal(openSettings(plain));
    }
  });
});
