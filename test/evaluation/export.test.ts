import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Tensor } from '@tensorflow/tfjs-node';
import { loadDataset } from '../../lib/datasets/load.js';
import { exportModel, runGraphModel, runSavedModel, tf } from '../../lib/engine/index.js';
import type { HostArray } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { exportTrained } from '../../lib/evaluation/export.js';
import { memoryImages } from '../../lib/datasets/source.js';
import type { ImageSource } from '../../lib/datasets/source.js';
import { evaluationBudget, fullEvaluation, linearBaseline } from '../../lib/evaluation/presets.js';
import type { EvaluationProtocol } from '../../lib/evaluation/protocol.js';
import { train } from '../../lib/evaluation/train.js';
import type { Checkpoint } from '../../lib/runs/checkpoint.js';
import { projectRoot } from '../../lib/runs/home.js';
import { KNOWN_GENOTYPES, checkGenotype, parseGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { CLASSIC_GENOTYPES } from '../support/genotypes.js';
import { longIt } from '../support/long.js';

/** Every primitive that a known genotype lacks, at both strides where there are two. */
const RARE = checkGenotype({
  normal: [
    ['dil_conv_5x5', 0],
    ['conv_7x1_1x7', 1],
    ['avg_pool_3x3', 0],
    ['none', 2],
  ],
  normalConcat: [2, 3],
  reduce: [
    ['dil_conv_3x3', 0],
    ['conv_7x1_1x7', 1],
    ['skip_connect', 0],
    ['none', 1],
  ],
  reduceConcat: [2, 3],
});
const NOISY = checkGenotype({ ...RARE, normal: [...RARE.normal.slice(0, 3), ['noise', 2]] });

describe('evaluation/export', function () {
  this.timeout(120_000);
  let images: ImageSource;
  let folder: string;
  before(async () => {
    images = memoryImages(await loadDataset({ name: 'synthetic', image: 16, trainSize: 64, testSize: 40 }));
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'zarts-export-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const smoke = (genotype: Genotype): EvaluationProtocol =>
    evaluationBudget(fullEvaluation(genotype, { dataset: 'synthetic' }), 'smoke');
  async function trained(protocol: EvaluationProtocol): Promise<Checkpoint> {
    let last: Checkpoint | undefined;
    const store = { appendMetrics: () => undefined, saveCheckpoint: (each: Checkpoint) => (last = each) };
    await train(protocol, { images, store });
    return last!;
  }
  /** Pixels of some images in [0, 1]. */
  const pixels = (count: number): HostArray => ({
    shape: [count, 16, 16, 3],
    data: Float32Array.from({ length: count * 768 }, (_, i) => ((i * 37) % 101) / 100),
  });

  for (const [name, genotype] of Object.entries({ ...CLASSIC_GENOTYPES, RARE })) {
    it(`${name}: both models give the trained network's scores, for batches of any size`, async () => {
      const protocol = smoke(genotype);
      const { largestDifference, files } = await exportTrained(
        protocol,
        await trained(protocol),
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
    const { largestDifference } = await exportTrained(noisy, await trained(noisy), images, folder);
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
    const exported = await exportTrained(linear, await trained(linear), images, path.join(folder, 'linear'));
    expect(exported.largestDifference?.graphModel).to.be.lessThan(1e-5);
    expect(exported.files).not.to.include('genotype.txt');
  });

  it('says what the models take and give, and names weights as PyTorch does', async () => {
    const protocol = smoke(KNOWN_GENOTYPES.DARTS_V2);
    await exportTrained(protocol, await trained(protocol), images, folder);
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

  longIt('Python’s TensorFlow loads the saved model', async function (this: Mocha.Context) {
    const python = path.join(projectRoot(), '.venv', 'bin', 'python');
    if (!existsSync(python)) this.skip();
    const protocol = smoke(KNOWN_GENOTYPES.AmoebaNet);
    await exportTrained(protocol, await trained(protocol), images, folder);
    const x = pixels(2);
    writeFileSync(path.join(folder, 'x.bin'), Buffer.from(x.data.buffer));
    const code = [
      'import sys, json, numpy, tensorflow',
      'x = numpy.fromfile(sys.argv[1] + "/x.bin", dtype="<f4").reshape(2, 16, 16, 3)',
      'model = tensorflow.saved_model.load(sys.argv[1] + "/saved_model")',
      'found = model.signatures["serving_default"](images=tensorflow.constant(x))',
      'print(json.dumps(found["logits"].numpy().ravel().tolist()))',
    ].join('\n');
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
    const { stdout } = await promisify(execFile)(python, ['-c', code, folder], { env });
    const { logits } = await runSavedModel(path.join(folder, 'saved_model'), x);
    const found = JSON.parse(stdout) as number[];
    expect(found).to.have.length(20);
    found.forEach((value, i) => {
      expect(value).to.be.closeTo(logits.data[i], 1e-5);
    });
  });

  it('refuses a folder that cannot be written, and a function that depends on the batch', async () => {
    const protocol = smoke(RARE);
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    let failure: unknown;
    await exportTrained(protocol, await trained(protocol), images, file).catch(
      (error: unknown) => (failure = error),
    );
    expect(failure).to.be.instanceOf(ZartsError).with.property('message').that.includes(file);
    const share = (x: Tensor) => ({ y: tf.mul(x, 1 / x.shape[0]) });
    expect(() => exportModel({ image: [4, 4, 3], run: share })).to.throw(ZartsError, /number of images/);
  });

  it('leaves no tensors behind', async () => {
    const protocol = smoke(RARE);
    const checkpoint = await trained(protocol);
    await exportTrained(protocol, checkpoint, images, folder);
    const before = tf.memory().numTensors;
    await exportTrained(protocol, checkpoint, images, folder);
    expect(tf.memory().numTensors).to.equal(before);
  });
});
