import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findDatasets } from '../../lib/datasets/find.js';
import { loadDataset } from '../../lib/datasets/load.js';
import { DATASET_NAMES, FILE_DATASETS, officialSize } from '../../lib/datasets/registry.js';
import type { FileDatasetName } from '../../lib/datasets/registry.js';
import { matlabFileOf, writeStandIn } from '../support/stand-in.js';
import { projectRoot } from '../../lib/runs/home.js';
import { bytesOf, change, cut, expectSentence, put, rejection, remove, temporaryFolder } from './helpers.js';
import type { Damage, Harm } from './helpers.js';

const env = {};
const NAMES = Object.keys(FILE_DATASETS) as FileDatasetName[];
const fixture = (name: string): string => join(projectRoot(), 'test/fixtures/matlab', name);

describe('datasets: every set, by its stand-in', () => {
  const home = temporaryFolder();

  for (const name of NAMES) {
    const { title, folder, classes, mean, std } = FILE_DATASETS[name];
    it(`${title}: what is read from its files is what --data synthetic computes, byte for byte`, async () => {
      const made = await writeStandIn(home(), name, { train: 120, test: 110 });
      expect(made).to.equal(join(home(), folder));
      const spec = { name, image: 32, trainSize: 120, testSize: 110 } as const;
      const read = await loadDataset(spec, { data: home(), env });
      const computed = await loadDataset(spec, { data: 'synthetic', env });
      expect(read.digest).to.equal(computed.digest);
      expect(read).to.include({ name, coverage: 'subset' });
      expect(read.classes).to.have.length(computed.classes.length);
      expect([read.mean, read.std, read.classes]).to.deep.equal([mean, std, classes]);
      expect(computed).to.include({ name: 'synthetic', coverage: 'synthetic' });
      // Every class is there, in turn.
      expect(new Set(read.train.labels)).to.have.property('size', classes.length);
      const own = await loadDataset(spec, { data: made, env });
      expect(own.digest).to.equal(read.digest);
    });
  }

  it('stand-ins of different sets are different images', async () => {
    const digests = await Promise.all(
      NAMES.map(async (name) => {
        const spec = { name, image: 16, trainSize: 20, testSize: 20 } as const;
        return (await loadDataset(spec, { data: 'synthetic', env })).digest;
      }),
    );
    expect(new Set(digests).size).to.equal(NAMES.length);
  });

  it('has the sizes, classes and constants of the published sets', () => {
    expect(DATASET_NAMES).to.deep.equal([...NAMES, 'synthetic']);
    expect(DATASET_NAMES.map((name) => officialSize(name, 'train'))).to.deep.equal([
      50_000, 50_000, 73_257, 50_000,
    ]);
    for (const name of NAMES) {
      const { classes, mean, std } = FILE_DATASETS[name];
      expect(new Set(classes).size).to.equal(name === 'cifar100' ? 100 : 10);
      expect(classes.every((each) => /^[a-z0-9_]+$/.test(each))).to.equal(true);
      expect([mean.length, std.length]).to.deep.equal([3, 3]);
      expect(officialSize(name, 'test')).to.equal(name === 'svhn' ? 26_032 : 10_000);
    }
    expect([...FILE_DATASETS.cifar100.classes]).to.deep.equal([...FILE_DATASETS.cifar100.classes].sort());
  });

  it('lists for the doctor what is where, with a digest that changes with any byte', async () => {
    const [cifar10, cifar100, svhn] = await findDatasets({ data: home(), env, digest: true });
    for (const [i, found] of [cifar10, cifar100, svhn].entries()) {
      expect(found).to.include({ name: NAMES[i], status: 'subset', train: 120, test: 110 });
      expect(found.digest).to.match(/^[0-9a-f]{64}$/);
    }
    const path = join(svhn.folder, 'test_32x32.mat');
    const bytes = bytesOf(path);
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(8)]));
    const changed = (await findDatasets({ data: home(), env, digest: true }))[2];
    expect(changed.digest).to.not.equal(svhn.digest);
    writeFileSync(path, bytes);
    expect((await findDatasets({ data: home(), env }))[2]).to.not.have.property('digest');
  });
});

describe('datasets: CIFAR-100', () => {
  const home = temporaryFolder();

  it('takes the fine label for the class, from the second byte', async () => {
    const folder = await writeStandIn(home(), 'cifar100', { train: 130, test: 10 });
    const file = bytesOf(folder, 'train.bin');
    expect(file).to.have.length(130 * 3074);
    const { train } = await loadDataset({ name: 'cifar100', image: 32 }, { data: home(), env });
    for (let i = 0; i < 130; i++) {
      expect(train.labels[i]).to.equal(file[i * 3074 + 1]);
      expect(file[i * 3074]).to.equal(Math.floor(train.labels[i] / 5));
      // The last blue byte of the record is the last channel of the last pixel.
      expect(train.images[(i + 1) * 3072 - 1]).to.equal(file[(i + 1) * 3074 - 1]);
    }
  });

  for (const [which, byte, says] of [
    ['coarse', 0, /train\.bin is corrupt: record 7 \(at byte 21,518\) has coarse label 20, expected 0 … 19/],
    ['fine', 1, /train\.bin is corrupt: record 7 \(at byte 21,518\) has fine label 100, expected 0 … 99/],
  ] as const) {
    it(`names a ${which} label out of range`, async () => {
      const folder = await writeStandIn(home(), 'cifar100', { train: 20, test: 10 });
      const bytes = bytesOf(folder, 'train.bin');
      bytes[7 * 3074 + byte] = byte === 0 ? 20 : 100;
      writeFileSync(join(folder, 'train.bin'), bytes);
      const error = await rejection(loadDataset({ name: 'cifar100', image: 32 }, { data: home(), env }));
      expectSentence(error, says);
      expect(error.message).to.include('cifar-100-binary.tar.gz');
    });
  }

  it('tells CIFAR-10 records under its name by their size', async () => {
    const folder = await writeStandIn(home(), 'cifar100', { train: 20, test: 10 });
    writeFileSync(join(folder, 'train.bin'), Buffer.alloc(3073 * 20));
    const error = await rejection(loadDataset({ name: 'cifar100', image: 32 }, { data: home(), env }));
    expect(error.message).to.match(/train\.bin has 61,460 bytes, not a whole number of 3,074-byte records/);
  });
});

describe('datasets: SVHN', () => {
  const home = temporaryFolder();
  const spec = { name: 'svhn', image: 32 } as const;
  /** A folder with a training file by SciPy and a stand-in of the test file. */
  const fresh = async (): Promise<string> => {
    rmSync(join(home(), 'svhn'), { recursive: true, force: true });
    const folder = await writeStandIn(home(), 'svhn', { train: 1, test: 20 });
    copyFileSync(fixture('svhn-like.mat'), join(folder, 'train_32x32.mat'));
    return folder;
  };

  it('reads digits as SciPy writes them: 10 is class 0, rows and columns the right way round', async () => {
    const folder = await fresh();
    const { train } = await loadDataset(spec, { data: folder, env });
    expect(Array.from(train.labels)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]);
    const expected = Uint8Array.from({ length: 12 * 3072 }, (_, i) => {
      const [n, y, x, c] = [Math.floor(i / 3072), Math.floor(i / 96) % 32, Math.floor(i / 3) % 32, i % 3];
      return (7 * y + 3 * x + 50 * c + 13 * n + Math.floor((y * x) / 8)) % 256;
    });
    expect(Buffer.compare(train.images, expected)).to.equal(0);
  });

  it('reads files that lie in the named folder itself, and one image alone', async () => {
    const folder = await fresh();
    const place = join(home(), 'loose');
    mkdirSync(place, { recursive: true });
    copyFileSync(fixture('single-int64.mat'), join(place, 'train_32x32.mat'));
    copyFileSync(join(folder, 'test_32x32.mat'), join(place, 'test_32x32.mat'));
    const { train, test } = await loadDataset(spec, { data: place, env });
    expect([train.count, test.count, train.labels[0]]).to.deep.equal([1, 20, 1]);
  });

  const TRAIN = 'train_32x32.mat';
  const withImages = (shape: number[], ...labels: number[]): Harm => {
    const data = new Uint8Array(shape.reduce((product, side) => product * side, 1));
    const y = { name: 'y', shape: [labels.length, 1], data: Uint8Array.from(labels) };
    return put(TRAIN, matlabFileOf([{ name: 'X', shape, data }, y]));
  };
  const damages: readonly Damage[] = [
    [
      'a truncated file',
      cut(TRAIN, 9000),
      /train_32x32\.mat ends at byte 9000 inside the variable at byte \d+/,
    ],
    ['an empty file', cut(TRAIN, 0), /train_32x32\.mat is empty; expected a MATLAB file of version 5/],
    [
      'damaged pixels',
      change(TRAIN, (bytes) => (bytes[5000] ^= 1)),
      /train_32x32\.mat has a damaged variable at byte \d+: /,
    ],
    [
      'images of another size',
      put(TRAIN, readFileSync(fixture('other-size.mat'))),
      /train_32x32\.mat has images X of 28×28×3×2; expected 32×32×3×n/,
    ],
    [
      'images turned round (images first)',
      withImages([10, 32, 32, 3], 1, 1),
      /train_32x32\.mat has images X of 10×32×32×3; expected 32×32×3×n/,
    ],
    [
      'a label that is none',
      withImages([32, 32, 3, 4], 1, 10, 11, 2),
      /train_32x32\.mat is corrupt: image 2 has label 11, expected 1 … 10 \(10 for the digit 0\)/,
    ],
    [
      'the label 0, which the published set has as 10',
      withImages([32, 32, 3, 4], 1, 0, 3, 2),
      /train_32x32\.mat is corrupt: image 1 has label 0, expected 1 … 10/,
    ],
    [
      'fewer labels than images',
      withImages([32, 32, 3, 4], 1, 2, 3),
      /train_32x32\.mat has 4 images in X and 3 labels in y/,
    ],
    [
      'a file without images',
      put(TRAIN, matlabFileOf([{ name: 'y', shape: [1, 1], data: Uint8Array.of(1) }])),
      /train_32x32\.mat holds no variable X; expected the images as X and their labels as y/,
    ],
    [
      'a missing test file',
      remove('test_32x32.mat'),
      /test_32x32\.mat is missing; expected a file of 64,275,384 bytes/,
    ],
  ];
  for (const [what, harm, says] of damages) {
    it(`names ${what}, and where the official file is`, async () => {
      harm(await fresh());
      const error = await rejection(loadDataset(spec, { data: home(), env }));
      expectSentence(error, says);
      expect(error.message).to.match(/http:\/\/ufldl\.stanford\.edu\/housenumbers\/t[a-z]+_32x32\.mat\.$/);
    });
  }
});
