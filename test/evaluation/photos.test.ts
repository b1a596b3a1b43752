import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { writePhotoStandIn } from '../support/stand-in.js';
import { withSet } from '../support/with-set.js';
import { evaluationBudget, fullEvaluation } from '../../lib/evaluation/presets.js';
import { EVALUATION } from '../../lib/evaluation/protocol.js';
import { runEvaluation } from '../../lib/evaluation/run.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { rejection, temporaryFolder } from '../datasets/helpers.js';

describe('evaluation: on photographs', function () {
  this.timeout(120_000);
  const home = temporaryFolder();
  const smoke = evaluationBudget(fullEvaluation(KNOWN_GENOTYPES.DARTS_V2, { preset: 'imagenet' }), 'smoke');
  const protocol = withSet(
    EVALUATION,
    smoke,
    'dataset.imageSide=32',
    'dataset.trainSize=16',
    'dataset.testSize=6',
    'epochs=1',
  );
  const options = () => ({ data: home(), home: join(home(), 'runs') });

  before(() => writePhotoStandIn(home(), { train: 8, test: 3, classes: 2 }));

  it('trains and tests on a folder of JPEGs, on prepared ones, and on computed ones', async () => {
    const folder = await runEvaluation(protocol, options());
    expect(folder.provenance.data).to.include({ name: 'imagenet', coverage: 'subset' });
    expect(folder.provenance.data).not.to.have.any.keys('prepared', 'undecodable');
    expect(folder.result).to.include({ steps: 2, classes: 2 });
    const again = await runEvaluation(protocol, options());
    expect([again.known, again.key]).to.deep.equal([true, folder.key]);
    const prepared = await runEvaluation(protocol, {
      ...options(),
      prepare: 48,
      env: { ZARTS_HOME: home() },
    });
    expect(prepared.provenance.data.prepared).to.deep.equal({ shorter: 48, encoding: 'jpeg', quality: 95 });
    expect(prepared.key).to.not.equal(folder.key);
    const computed = await runEvaluation(protocol, { ...options(), data: 'synthetic' });
    expect(computed.result.classes).to.equal(1000);
    expect(computed.provenance.data.coverage).to.equal('synthetic');
  });

  it('names a photograph that cannot be decoded, or passes over it and keeps its name in the record', async () => {
    writeFileSync(join(home(), 'imagenet/train/n00000000/n00000000_3.JPEG'), 'x');
    const error = await rejection(runEvaluation(protocol, options()));
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(
      /^n00000000\/n00000000_3\.JPEG .*cannot be decoded: .*--skip-undecodable\.$/,
    );
    const { provenance } = await runEvaluation(protocol, { ...options(), onUndecodable: 'skip' });
    expect(Object.keys(provenance.data.undecodable ?? {})).to.deep.equal(['n00000000/n00000000_3.JPEG']);
  });
});
