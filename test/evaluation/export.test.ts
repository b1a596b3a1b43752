import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { Tensor } from '@tensorflow/tfjs-node';
import { exportModel, runGraphModel, runSavedModel, tf } from '../../lib/engine/index.js';
import type { HostArray } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { exportTrained } from '../../lib/evaluation/export.js';
import type { ImageSource } from '../../lib/datasets/source.js';
import { linearBaseline } from '../../lib/evaluation/presets.js';
import { KNOWN_GENOTYPES, checkGenotype, parseGenotype } from '../../lib/spaces/genotype.js';
import { CLASSIC_GENOTYPES } from '../support/genotypes.js';
import { RARE, pixels, smoke, someImages, trained } from './exporting.js';

const NOISY = checkGenotype({ ...RARE, normal: [...RARE.normal.slice(0, 3), ['noise', 2]] });

describe('evaluation/export', function () {
  this.timeout(120_000);
  let images: ImageSource;
  let folder: string;
  before(async () => {
    images = await someImages();
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'zarts-export-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  for (const [name, genotype] of Object.entries({ ...CLASSIC_GENOTYPES, RARE })) {
    it(`${name}: both models give the trained network's scores, for batches of any size`, async () => {
      const protocol = smoke(genotype);
      const { largestDifference, files } = await exportTrained(
        protocol,
        await trained(protocol, images),
        images,
        folder,
      );
      expect(largestDifference?.savedModel).to.be.lessThan(1e-5);
      expect(largestDifference?.graphModel).to.be.lessThan(1e-5);
      for (const file of files) expect(existsSync(path.join(folder, file)), file).to.equal(true);
      for (const run of [
        (x: HostArray) => runSavedModel(path.join(folder, 'saved_model'), x),
        (x: HostArray) => runGraphModel(path.join(folder, 'tfjs'), x),
      ]) {
        const [five, one] = [await run(pixels(5)), await run(pixels(1))];
        expect(five.logits.shape).to.deep.equal([5, 10]);
        expect(one.logits.shape).to.deep.equal([1, 10]);
        one.logits.data.forEach((value, i) => {
          expect(value).to.be.closeTo(five.logits.data[i], 1e-5);
        });
        const sum = (five.probabilities.data as Float32Array).reduce((total, share) => total + share, 0);
        expect(sum).to.be.closeTo(5, 1e-5);
      }
      const text = readFileSync(path.join(folder, 'genotype.txt'), 'utf8');
      expect(parseGenotype(text)).to.deep.equal(checkGenotype(genotype));
      expect(parseGenotype(readFileSync(path.join(folder, 'genotype.json'), 'utf8'))).to.deep.equal(
        checkGenotype(genotype),
      );
    });
  }

  it('a network with noise draws anew at every call; a linear classifier is exported too', async () => {
    const noisy = smoke(NOISY);
    const { largestDifference } = await exportTrained(noisy, await trained(noisy, images), images, folder);
    expect(largestDifference).to.equal(null);
    for (const run of [
      () => runSavedModel(path.join(folder, 'saved_model'), pixels(3)),
      () => runGraphModel(path.join(folder, 'tfjs'), pixels(3)),
    ]) {
      const [once, again] = [await run(), await run()];
      expect(once.logits.shape).to.deep.equal([3, 10]);
      expect(Array.from(once.logits.data).every(Number.isFinite)).to.equal(true);
      expect(again.logits.data).not.to.deep.equal(once.logits.data);
    }
    const linear = linearBaseline(smoke(RARE));
    const exported = await exportTrained(
      linear,
      await trained(linear, images),
      images,
      path.join(folder, 'linear'),
    );
    expect(exported.largestDifference?.graphModel).to.be.lessThan(1e-5);
    expect(exported.files).not.to.include('genotype.txt');
  });

  it('says what the models take and give, and names weights as PyTorch does', async () => {
    const protocol = smoke(KNOWN_GENOTYPES.DARTS_V2);
    await exportTrained(protocol, await trained(protocol, images), images, folder);
    const description = JSON.parse(readFileSync(path.join(folder, 'network.json'), 'utf8')) as object;
    expect(description).to.deep.include({ outputs: ['logits', 'probabilities'], classes: images.classes });
    const { weightsManifest } = JSON.parse(readFileSync(path.join(folder, 'tfjs', 'model.json'), 'utf8')) as {
      weightsManifest: { weights: { name: string }[] }[];
    };
    const names = weightsManifest[0].weights.map(({ name }) => name);
    expect(names).to.include.members([
      'stem.0.weight',
      'cells.0._ops.0.op.3.running_var',
      'classifier.bias',
      'pixels.mean',
    ]);
  });

  it('refuses a folder that cannot be written, and a function that depends on the batch', async () => {
    const protocol = smoke(RARE);
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    let failure: unknown;
    await exportTrained(protocol, await trained(protocol, images), images, file).catch(
      (error: unknown) => (failure = error),
    );
    expect(failure).to.be.instanceOf(ZartsError).with.property('message').that.includes(file);
    const share = (x: Tensor) => ({ y: tf.mul(x, 1 / x.shape[0]) });
    expect(() => exportModel({ image: [4, 4, 3], run: share })).to.throw(ZartsError, /number of images/);
  });

  it('leaves no tensors behind', async () => {
    const protocol = smoke(RARE);
    const checkpoint = await trained(protocol, images);
    await exportTrained(protocol, checkpoint, images, folder);
    const before = tf.memory().numTensors;
    await exportTrained(protocol, checkpoint, images, folder);
    expect(tf.memory().numTensors).to.equal(before);
  });
});
