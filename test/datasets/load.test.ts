import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { inspectFolder, readImageFile } from '../../lib/datasets/files.js';
import type { RecordDataset } from '../../lib/datasets/registry.js';
import { FILE_DATASETS } from '../../lib/datasets/registry.js';
import { findDatasets } from '../../lib/datasets/find.js';
import { loadDataset } from '../../lib/datasets/load.js';
import {
  bytesOf,
  change,
  cut,
  expectSentence,
  officialByte,
  put,
  rejection,
  remove,
  temporaryFolder,
  writeCifarLookalike,
} from './helpers.js';
import type { Damage } from './helpers.js';

const FOLDER = 'cifar-10-batches-bin';
const env = {};

describe('datasets: reading the official layout', () => {
  const home = temporaryFolder();
  let folder = '';
  before(async () => {
    folder = await writeCifarLookalike(home(), 55, 40);
  });

  it('hands over every byte of every file, channels last', async () => {
    const set = await loadDataset({ name: 'cifar10', image: 32 }, { data: home(), env });
    expect(set.train).to.include({ count: 55, side: 32 });
    expect(set.test.count).to.equal(40);
    expect(set).to.include({ name: 'cifar10', coverage: 'subset' });
    const files = ['data_batch_1.bin', 'data_batch_2.bin', 'data_batch_3.bin'].map((name) =>
      bytesOf(folder, name),
    );
    expect(files.map((file) => file.length / 3073)).to.deep.equal([25, 25, 5]);
    for (let i = 0; i < 55; i++) {
      const [file, record] = [files[Math.floor(i / 25)], i % 25];
      expect(set.train.labels[i]).to.equal(file[record * 3073]);
      const image = set.train.images.subarray(i * 3072, (i + 1) * 3072);
      const expected = Uint8Array.from({ length: 3072 }, (_, k) =>
        officialByte(file, record, Math.floor(k / 96), Math.floor(k / 3) % 32, k % 3),
      );
      expect(Buffer.compare(image, expected)).to.equal(0);
    }
  });

  it('averages squares of 2×2 and 4×4 pixels for smaller images, halves up', async () => {
    const file = bytesOf(folder, 'test_batch.bin');
    for (const side of [16, 8] as const) {
      const { test } = await loadDataset(
        { name: 'cifar10', image: side, trainSize: 1 },
        { data: home(), env },
      );
      const square = 32 / side;
      const expected = Uint8Array.from({ length: test.images.length }, (_, k) => {
        const [i, y, x, c] = [
          Math.floor(k / (side * side * 3)),
          Math.floor(k / (side * 3)) % side,
          Math.floor(k / 3) % side,
          k % 3,
        ];
        let sum = 0;
        for (let dy = 0; dy < square; dy++) {
          for (let dx = 0; dx < square; dx++)
            sum += officialByte(file, i, y * square + dy, x * square + dx, c);
        }
        return Math.round(sum / square ** 2);
      });
      expect(test.side).to.equal(side);
      expect(Buffer.compare(test.images, expected)).to.equal(0);
    }
  });

  it('takes the first records in file order, and gives each choice a digest of its own', async () => {
    const load = (trainSize: number, testSize: number, image: 32 | 16 = 32) =>
      loadDataset({ name: 'cifar10', image, trainSize, testSize }, { data: home(), env });
    const small = await load(7, 3);
    const large = await load(52, 3);
    expect([small.train.count, small.test.count, large.train.count]).to.deep.equal([7, 3, 52]);
    expect(large.train.images.subarray(0, small.train.images.length)).to.deep.equal(small.train.images);
    const digests = [small, large, await load(7, 4), await load(7, 3, 16)].map(({ digest }) => digest);
    expect(new Set(digests).size).to.equal(4);
    expect((await load(7, 3)).digest).to.equal(small.digest);
  });

  it('finds the set by its parent folder, by its own folder, by ZARTS_DATA, and in the project folder', async () => {
    const spec = { name: 'cifar10', image: 32, trainSize: 5, testSize: 5 } as const;
    const ways = [
      { data: home(), env },
      { data: folder, env },
      { env: { ZARTS_DATA: home() } },
      { dataHome: home(), env },
      { data: home(), env: { ZARTS_DATA: '/nowhere' } },
    ];
    const digests = await Promise.all(ways.map(async (way) => (await loadDataset(spec, way)).digest));
    expect(new Set(digests).size).to.equal(1);
  });

  it('refuses a place without the set, naming it and what to give instead', async () => {
    const spec = { name: 'cifar10', image: 32 } as const;
    const absent = await rejection(loadDataset(spec, { data: join(home(), 'no'), env }));
    expect(absent).to.be.instanceOf(UsageError);
    expect(absent.message).to.match(/no does not exist; --data .* must name a folder .*cifar-10-batches-bin/);
    mkdirSync(join(home(), 'empty'), { recursive: true });
    const empty = await rejection(loadDataset(spec, { data: join(home(), 'empty'), env }));
    expect(empty).to.be.instanceOf(UsageError);
    expect(empty.message).to.include('holds no cifar-10-batches-bin/');
  });

  it('refuses specs out of range before it looks at a file', async () => {
    const given = { data: home(), env };
    const cases: [object, RegExp][] = [
      [
        { name: 'cifar11', image: 32 },
        /Unknown data set "cifar11"; allowed: cifar10, cifar100, svhn, synthetic\. Did you mean "cifar10"/,
      ],
      [{ name: 'cifar10', image: 20 }, /setting image/],
      [{ name: 'cifar10', image: 32, trainSize: 0 }, /setting trainSize/],
      [{ name: 'cifar10', image: 32, size: 3 }, /size/],
      [{ name: 'cifar10', image: 32, testSize: 41 }, /41 test images were asked for, .* holds 40/],
    ];
    for (const [spec, message] of cases) {
      const error = await rejection(loadDataset(spec as never, given));
      expect(error).to.be.instanceOf(UsageError);
      expect(error.message).to.match(message);
    }
  });
});

describe('datasets: damaged files', () => {
  const home = temporaryFolder();
  const fresh = async (): Promise<string> => {
    rmSync(join(home(), FOLDER), { recursive: true, force: true });
    return writeCifarLookalike(home(), 20, 20);
  };
  const damages: readonly Damage[] = [
    [
      'a missing test file',
      remove('test_batch.bin'),
      /test_batch\.bin is missing; expected a file of 30,730,000 bytes/,
    ],
    ['a missing first training file', remove('data_batch_1.bin'), /data_batch_1\.bin is missing/],
    [
      'a gap between training files',
      (f) => {
        copyFileSync(join(f, 'data_batch_1.bin'), join(f, 'data_batch_3.bin'));
      },
      /data_batch_2\.bin is missing/,
    ],
    [
      'a truncated file',
      cut('data_batch_1.bin', 50_000),
      /data_batch_1\.bin has 50,000 bytes, not a whole number of 3,073-byte records \(the official file has 30,730,000\)/,
    ],
    [
      'an empty file',
      cut('data_batch_1.bin', 0),
      /data_batch_1\.bin is empty; expected records of 3,073 bytes/,
    ],
    [
      'a file that is too long',
      cut('test_batch.bin', 10_001 * 3073),
      /test_batch\.bin has 30,733,073 bytes, more than expected/,
    ],
    [
      'a folder in place of a file',
      (f) => {
        rmSync(join(f, 'test_batch.bin'));
        mkdirSync(join(f, 'test_batch.bin'));
      },
      /test_batch\.bin is a folder; expected a file of 30,730,000 bytes/,
    ],
    [
      'a file that the system cannot open',
      (f) => {
        rmSync(join(f, 'test_batch.bin'));
        symlinkSync('test_batch.bin', join(f, 'test_batch.bin'));
      },
      /test_batch\.bin cannot be read: .*\(ELOOP\)/,
    ],
    [
      'a label that is none',
      change('data_batch_1.bin', (bytes) => (bytes[3073 * 12] = 10)),
      /data_batch_1\.bin is corrupt: record 12 \(at byte 36,876\) has label 10, expected 0 … 9/,
    ],
    [
      'another set in the same layout',
      put('batches.meta.txt', 'zero\none\ntwo\n'),
      /batches\.meta\.txt names the classes zero, one, two, …; expected those of CIFAR-10/,
    ],
    [
      'a file of the official size with other content',
      cut('test_batch.bin', 30_730_000),
      /test_batch\.bin has the official size but SHA-256 [0-9a-f]{64}, expected 8e2eb146ae34/,
    ],
  ];
  for (const [what, harm, says] of damages) {
    it(`names ${what}, what was expected and what to do`, async () => {
      harm(await fresh());
      const error = await rejection(loadDataset({ name: 'cifar10', image: 32 }, { data: home(), env }));
      expectSentence(error, says);
      expect(error.message).to.match(/copy it again|make it readable|name the right one/);
    });
  }

  it('accepts official files exactly when size and digest agree', async () => {
    const folder = await fresh();
    const path = join(folder, 'test_batch.bin');
    const bytes = bytesOf(path);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const dataset: RecordDataset = {
      ...FILE_DATASETS.cifar10,
      train: [{ name: 'data_batch_1.bin', images: 30, bytes: 30 * 3073, sha256: '' }],
      test: [{ name: 'test_batch.bin', images: 20, bytes: 20 * 3073, sha256 }],
    };
    const found = await inspectFolder(folder, dataset);
    expect(found.complete).to.equal(false);
    expect(Buffer.compare((await readImageFile(found.test[0], dataset)).bytes, bytes)).to.equal(0);
    bytes[100] ^= 1;
    writeFileSync(path, bytes);
    expect((await rejection(readImageFile(found.test[0], dataset))).message).to.include(sha256);
  });

  it('refuses a file that shrank between looking and reading', async () => {
    const folder = await fresh();
    const { test } = await inspectFolder(folder, FILE_DATASETS.cifar10);
    truncateSync(join(folder, 'test_batch.bin'), 3073);
    const error = await rejection(readImageFile(test[0], FILE_DATASETS.cifar10));
    expect(error.message).to.match(/changed while it was read: 3,073 bytes where 61,460 were expected/);
  });

  it('reports to the doctor what is where', async () => {
    const folder = await fresh();
    const found = { name: 'cifar10', folder, status: 'subset', train: 20, test: 20 };
    expect((await findDatasets({ data: home(), env }))[0]).to.deep.equal(found);
    expect((await findDatasets({ env: { ZARTS_DATA: folder } }))[0]).to.deep.equal(found);
    truncateSync(join(folder, 'data_batch_1.bin'), 5);
    const [damaged] = await findDatasets({ data: home(), env });
    expect(damaged).to.include({ status: 'damaged', train: 0 });
    expect(damaged.problem).to.include('has 5 bytes');
    rmSync(folder, { recursive: true });
    const [absent] = await findDatasets({ dataHome: home(), env });
    expect(absent).to.deep.equal({ name: 'cifar10', folder, status: 'absent', train: 0, test: 0 });
  });
});
