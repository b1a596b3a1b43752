import { execFile } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { InterruptedError, UsageError } from '../../lib/errors.js';
import { batchOf, evalTransform } from '../../lib/datasets/augment.js';
import type { Batch } from '../../lib/datasets/augment.js';
import { batchSequence, range } from '../../lib/datasets/batches.js';
import type { Catalog, PreparedEntry, SyntheticEntry } from '../../lib/datasets/catalog.js';
import type { DataPlace } from '../../lib/datasets/disk.js';
import { findDatasets } from '../../lib/datasets/find.js';
import { inspectImageFolder, openImageNet } from '../../lib/datasets/imagenet.js';
import type { PhotoSplit } from '../../lib/datasets/imagenet.js';
import { photoReader } from '../../lib/datasets/photo-decoder.js';
import { PhotoLoader, decodedAhead } from '../../lib/datasets/photo-loader.js';
import type { PhotoLoaderOptions } from '../../lib/datasets/photo-loader.js';
import { imageNetTransforms, photoSource } from '../../lib/datasets/source.js';
import { IMAGENET_TEST, IMAGENET_TRAIN } from '../../lib/datasets/photo-transform.js';
import { openPrepared, preparePhotos } from '../../lib/datasets/prepared.js';
import { IMAGENET } from '../../lib/datasets/registry.js';
import { writePhotoStandIn } from '../support/stand-in.js';
import { foldIn, key } from '../../lib/math/random.js';
import { silent } from '../../lib/progress.js';
import type { Progress } from '../../lib/progress.js';
import { sha256 } from '../../lib/runs/canonical.js';
import { projectRoot } from '../../lib/runs/home.js';
import { cut, expectSentence, put, rejection, remove, temporaryFolder, thrown } from './helpers.js';
import type { Damage } from './helpers.js';

const env = {};
const PHOTO = join(projectRoot(), 'test/fixtures/photos/photo.jpg');
const { mean, std } = IMAGENET;
/** Small, so that the tests are quick. */
const TRAIN = { ...IMAGENET_TRAIN, side: 32 };
const TEST = { ...IMAGENET_TEST, side: 28, shorter: 32 };

const digest = ({ data }: { readonly data: Float32Array }): string =>
  sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
const nameOf = ({ entries }: Catalog, i: number): string => entries[i].file;
const labelsOf = ({ entries }: Catalog): number[] => entries.map(({ label }) => label);

const findImageNet = async (where: DataPlace) => (await findDatasets({ ...where, env })).at(-1);

const wholeOf = (catalog: Catalog): PhotoSplit => ({ catalog, indices: range(catalog.entries.length) });

/** Runs `use` with a loader of a split, or of all of a catalog, and ends its threads. */
async function withLoader<T>(
  photos: Catalog | PhotoSplit,
  options: Partial<PhotoLoaderOptions>,
  use: (loader: PhotoLoader) => Promise<T>,
): Promise<T> {
  const split = 'catalog' in photos ? photos : wholeOf(photos);
  const loader = new PhotoLoader(split, { transform: TRAIN, mean, std, threads: 2, ...options });
  try {
    return await use(loader);
  } finally {
    await loader.close();
  }
}

describe('datasets: a folder of photographs', () => {
  const home = temporaryFolder();
  const place = (...path: string[]): string => join(home(), 'imagenet', ...path);
  const CLASS = 'n00000001';

  beforeEach(async () => {
    rmSync(place(), { recursive: true, force: true });
    await writePhotoStandIn(home(), { train: 2, test: 1, classes: 3 });
  });

  it('lists classes and files in order, the same whenever and wherever it is', () => {
    const found = inspectImageFolder(place());
    expect(found.classes).to.deep.equal(['n00000000', CLASS, 'n00000002']);
    expect(found.train.entries.length).to.equal(6);
    expect(nameOf(found.train, 2)).to.equal(`${CLASS}/${CLASS}_0.JPEG`);
    expect(labelsOf(found.train)).to.deep.equal([0, 0, 1, 1, 2, 2]);
    expect(labelsOf(found.test)).to.deep.equal([0, 1, 2]);
    renameSync(place(), join(home(), 'elsewhere'));
    const moved = inspectImageFolder(join(home(), 'elsewhere'));
    expect(moved.digest).to.equal(found.digest);
    appendFileSync(join(home(), 'elsewhere', 'train', nameOf(found.train, 2)), 'x');
    expect(inspectImageFolder(join(home(), 'elsewhere')).digest).to.not.equal(found.digest);
    rmSync(join(home(), 'elsewhere'), { recursive: true });
  });

  it('passes over what is no JPEG, and follows links', () => {
    const before = inspectImageFolder(place());
    writeFileSync(place('train', CLASS, 'notes.txt'), 'x');
    writeFileSync(place('train', CLASS, '.hidden.jpg'), 'x');
    writeFileSync(place('train', 'list.csv'), 'x');
    renameSync(place('train', 'n00000002'), join(home(), 'moved'));
    symlinkSync(join(home(), 'moved'), place('train', 'n00000002'));
    expect(inspectImageFolder(place())).to.deep.equal(before);
    rmSync(join(home(), 'moved'), { recursive: true });
  });

  const faults: readonly Damage[] = [
    [
      'no val/',
      remove('val'),
      /imagenet\/val is missing; expected a folder of class folders: unpack the archives so that/,
    ],
    [
      'a val/ as it comes out of the archive, without class folders',
      () => {
        rmSync(place('val'), { recursive: true });
        mkdirSync(place('val'));
        copyFileSync(PHOTO, place('val', 'ILSVRC2012_val_00000001.JPEG'));
      },
      /imagenet\/val holds 1 images and no class folder; expected a folder of images for each class \(or a list of file names and classes beside it, such as .*imagenet\/val\.txt\)/,
    ],
    [
      'an empty class folder',
      () => {
        rmSync(place('train', CLASS), { recursive: true });
        mkdirSync(place('train', CLASS));
      },
      /imagenet\/train\/n00000001 holds no JPEG, PNG or WebP image; expected those of class n00000001: fill it, or remove it/,
    ],
    [
      'a class that is in one split only',
      remove('val', CLASS),
      /imagenet\/val has no folder n00000001, which train has; expected the same classes in both/,
    ],
    [
      'a file in place of the folder',
      () => {
        rmSync(place('train'), { recursive: true });
        writeFileSync(place('train'), 'x');
      },
      /imagenet\/train cannot be read: not a directory \(ENOTDIR\)/,
    ],
    [
      'a link to nothing',
      (f) => {
        symlinkSync('/nowhere/at.JPEG', join(f, 'train', CLASS, 'a.JPEG'));
      },
      /n00000001\/a\.JPEG cannot be read: no such file or directory \(ENOENT\)/,
    ],
  ];
  for (const [what, harm, says] of faults) {
    it(`names ${what}`, () => {
      harm(place());
      expectSentence(
        thrown(() => inspectImageFolder(place())),
        says,
      );
    });
  }

  it('is opened by the folder around it, by its own, and by ZARTS_DATA', async () => {
    const ways = [
      { data: home(), env },
      { data: place(), env },
      { env: { ZARTS_DATA: home() } },
      { dataHome: home(), env },
    ];
    for (const way of ways) {
      const set = await openImageNet(way);
      expect(set).to.include({ name: 'imagenet', coverage: 'subset' });
      expect([set.classes.length, set.train.indices.length, set.test.indices.length]).to.deep.equal([
        3, 6, 3,
      ]);
    }
    expect(await findImageNet({ data: home() })).to.include({
      status: 'subset',
      train: 6,
      test: 3,
      folder: place(),
    });
    rmSync(place('val'), { recursive: true });
    expect(await findImageNet({ data: home() })).to.include({ status: 'damaged', train: 0 });
  });

  it('says that it cannot be downloaded, and what to do', async () => {
    const nowhere = join(home(), 'nowhere');
    const named = await rejection(openImageNet({ data: nowhere, env }));
    expect(named).to.be.instanceOf(UsageError);
    expect(named.message).to.match(/nowhere does not exist; --data .* imagenet\/train\/<class>\//);
    const absent = await rejection(openImageNet({ dataHome: nowhere, env }));
    expectSentence(absent, /^ImageNet is not in .*registered users.*--data synthetic\.$/);
    expect(await findImageNet({ dataHome: nowhere })).to.include({ status: 'absent' });
  });

  it('takes fewer photographs from all classes in turn, under another digest', async () => {
    const all = await openImageNet({ data: home(), env });
    const some = await openImageNet({ data: home(), env, trainSize: 4, testSize: 2 });
    const labels = Array.from(some.train.indices, (i) => some.train.catalog.entries[i].label);
    expect(labels).to.deep.equal([0, 0, 1, 2]);
    expect(Array.from(some.test.indices)).to.deep.equal([0, 1]);
    expect(some.digest).to.not.equal(all.digest);
    const error = await rejection(openImageNet({ data: home(), env, trainSize: 7 }));
    expect(error).to.be.instanceOf(UsageError);
    expect(error.message).to.match(
      /^7 training photographs were asked for, .* holds 6: ask for an integer from 1 to 6\.$/,
    );
  });
});

describe('datasets: photographs in batches', () => {
  const home = temporaryFolder();
  let train: Catalog;
  before(async () => {
    await writePhotoStandIn(home(), { train: 3, test: 1, classes: 4 });
    train = (await openImageNet({ data: home(), env })).train.catalog;
  });

  it('are the same bits from one thread or three, and other ones under another key', async () => {
    const batches = await Promise.all(
      [1, 3].map((threads) =>
        withLoader(train, { threads }, async (loader) => {
          const batch = await loader.load(Int32Array.of(5, 0, 11, 5, 7), key(4));
          expect(Array.from(batch.labels.data)).to.deep.equal([1, 0, 3, 1, 2]);
          const other = await loader.load(Int32Array.of(5, 0, 11, 5, 7), key(5));
          expect(digest(other.images)).to.not.equal(digest(batch.images));
          return batch;
        }),
      ),
    );
    expect(digest(batches[0].images)).to.equal(digest(batches[1].images));
    const size = 32 * 32 * 3;
    const [first, fourth] = [0, 3].map((i) => batches[0].images.data.slice(i * size, (i + 1) * size));
    expect(first, 'the same photograph at another place is cropped otherwise').to.not.deep.equal(fourth);
  });

  it('are normalized, mirrored and cropped as by hand', async () => {
    // Without chance: the whole photograph, resized; the rest is batchOf's arithmetic.
    const reader = photoReader(train);
    const photo = await reader(train.entries[2]);
    const whole = photo.width / photo.height;
    const plain = { kind: 'train', side: 16, area: [1, 1], ratio: [whole, whole], flip: false } as const;
    const { transformPhoto } = await import('../../lib/datasets/photo-decoder.js');
    const pixels = await transformPhoto(photo, plain, key(0));
    const set = { images: pixels, labels: Int32Array.of(0), count: 1, side: 16 };
    const expected = batchOf(set, Int32Array.of(0), evalTransform({ mean, std }), key(0)).images.data;
    await withLoader(train, { transform: plain }, async (loader) => {
      const batch = await loader.load(Int32Array.of(2), key(9));
      expect(Array.from(batch.images.data)).to.deep.equal(Array.from(expected));
    });
    await withLoader(train, { transform: { ...plain, flip: true } }, async (loader) => {
      const { images } = await loader.load(new Int32Array(40).fill(2), key(9));
      const mirrored = Array.from(
        { length: 768 },
        (_, i) => expected[i - (i % 48) + (45 - 3 * Math.floor((i % 48) / 3)) + (i % 3)],
      );
      const kinds = Array.from({ length: 40 }, (_, i) => {
        const image = Array.from(images.data.slice(i * 768, (i + 1) * 768));
        return image.join() === expected.join()
          ? 'plain'
          : image.join() === mirrored.join()
            ? 'mirrored'
            : 'else';
      });
      expect(new Set(kinds)).to.deep.equal(new Set(['plain', 'mirrored']));
    });
  });

  it('of the test transform do not depend on the key', async () => {
    await withLoader(train, { transform: TEST }, async (loader) => {
      const all = range(train.entries.length);
      const [a, b] = [await loader.load(all, key(1)), await loader.load(all, key(2))];
      expect(digest(a.images)).to.equal(digest(b.images));
      expect(a.images.data).to.have.length(12 * 28 * 28 * 3);
      expect(a.images.data.every(Number.isFinite)).to.equal(true);
    });
  });

  it('are made ahead, in memory that is used again, each a function of its step', async () => {
    const sequence = batchSequence(range(train.entries.length), 4, key(6));
    const expected = await withLoader(train, { threads: 1 }, (loader) =>
      Promise.all(
        [0, 1, 2, 3, 4, 5].map(async (step) => {
          const { images, labels } = await loader.load(sequence.at(step), foldIn(key(7), step));
          return `${digest(images)} ${labels.data.join()}`;
        }),
      ),
    );
    await withLoader(train, {}, async (loader) => {
      const take = decodedAhead();
      const asked = (step: number) => ({
        id: String(step),
        load: (into?: Batch) => loader.load(sequence.at(step), foldIn(key(7), step), into),
      });
      const buffers = new Set<ArrayBufferLike>();
      const at = async (step: number): Promise<string> => {
        const { images, labels } = await take(asked(step), [step + 1, step + 2].map(asked));
        buffers.add(images.data.buffer);
        return `${digest(images)} ${labels.data.join()}`;
      };
      for (let step = 0; step < 6; step++) expect(await at(step)).to.equal(expected[step]);
      expect(buffers.size).to.equal(3);
      // Resumed in the middle, or asked again.
      for (const step of [3, 1, 1, 5]) expect(await at(step)).to.equal(expected[step]);
    });
  });

  it('refuse an index outside the set, no threads, and a closed loader', async () => {
    await withLoader(train, {}, async (loader) => {
      expect((await rejection(loader.load(Int32Array.of(0, 12), key(0)))).message).to.equal(
        'Image 12 of the batch is outside the set of 12.',
      );
      await loader.close();
      expect((await rejection(loader.load(Int32Array.of(0), key(0)))).message).to.match(/is closed/);
    });
    expect(
      thrown(() => new PhotoLoader(wholeOf(train), { transform: TRAIN, mean, std, threads: 0 })).message,
    ).to.match(/decoding threads is 0/);
  });

  it('takes the first classes alone, computed ones too', async () => {
    const all = await openImageNet({ data: home(), env });
    const some = await openImageNet({ data: home(), env, classes: 2, trainSize: 3 });
    expect(some.classes).to.deep.equal(all.classes.slice(0, 2));
    expect(some.coverage).to.equal('subset');
    for (const { catalog, indices } of [some.train, some.test]) {
      expect(new Set(Array.from(indices, (i) => catalog.entries[i].label))).to.deep.equal(new Set([0, 1]));
    }
    expect(some.train.indices).to.have.length(3);
    expect(some.digest).to.not.equal((await openImageNet({ data: home(), env, trainSize: 3 })).digest);
    const tooMany = await rejection(openImageNet({ data: home(), env, classes: 1000 }));
    expect(tooMany.message).to.match(/^1000 classes were asked for, .* holds \d: ask for an integer from 1/);
    const images = await rejection(openImageNet({ data: home(), env, classes: 2, trainSize: 1000 }));
    expect(images.message).to.match(/holds \d in its first 2 classes: ask for/);

    for (const trainSize of [1, 3, 6, 7]) {
      const computed = await openImageNet({ data: 'synthetic', env, classes: 3, trainSize, testSize: 4 });
      expect(computed.classes).to.have.length(3);
      const { catalog, indices } = computed.train;
      expect(Array.from(indices, (i) => catalog.entries[i].label)).to.deep.equal(
        Array.from({ length: trainSize }, (_, i) => i % 3),
      );
      // Image i is of class i modulo all thousand.
      expect(Array.from(indices, (i) => (catalog.entries[i] as SyntheticEntry).image)).to.deep.equal(
        Array.from({ length: trainSize }, (_, i) => 1000 * Math.floor(i / 3) + (i % 3)),
      );
    }
  });

  it('computed photographs need no file and are those of the stand-in', async () => {
    const set = await openImageNet({ data: 'synthetic', env, trainSize: 6, testSize: 3 });
    expect(set).to.include({ name: 'synthetic', coverage: 'synthetic' });
    expect([set.classes.length, new Set(set.classes).size]).to.deep.equal([1000, 1000]);
    const photo = await photoReader(set.train.catalog)(set.train.catalog.entries[3]);
    expect(photo).to.include({ width: 256, height: 256, raw: true });
    await withLoader(set.train.catalog, { transform: TEST, threads: 1 }, async (loader) => {
      const { images, labels } = await loader.load(set.train.indices, key(0));
      expect(Array.from(labels.data)).to.deep.equal([0, 1, 2, 3, 4, 5]);
      expect(digest(images)).to.equal(
        await withLoader(set.train.catalog, { transform: TEST, threads: 2 }, async (other) =>
          digest((await other.load(set.train.indices, key(1))).images),
        ),
      );
    });
  });
});

describe('datasets: photographs as a source of batches', () => {
  const home = temporaryFolder();
  before(() => writePhotoStandIn(home(), { train: 3, test: 3, classes: 3 }));

  it('has ImageNet’s transforms, in proportion where the images are smaller', () => {
    expect(imageNetTransforms()).to.deep.equal({ train: IMAGENET_TRAIN, test: IMAGENET_TEST });
    expect(imageNetTransforms(56).test).to.deep.equal({ kind: 'test', side: 56, shorter: 64 });
  });

  it('gives the batches that the loader gives, training and test ones, in any order', async () => {
    const set = await openImageNet({ data: home(), env });
    const source = photoSource(set, { side: 32, threads: 2 });
    const { train, test } = imageNetTransforms(32);
    expect(source.classes).to.have.length(3);
    expect(source).to.include({ name: 'imagenet', trainCount: 9, testCount: 9, side: 32 });
    const sequence = batchSequence(range(9), 4, key(1));
    const expected = await withLoader(set.train.catalog, { transform: train }, async (loader) => {
      const [first, second] = [0, 1].map((step) => loader.load(sequence.at(step), foldIn(key(2), step)));
      return [digest((await first).images), digest((await second).images)];
    });
    const order = { trainSize: 9, batchSize: 4, steps: 2, cutout: 0, order: key(1), augment: key(2) };
    const batches = source.training(order);
    expect(batches.perEpoch).to.equal(2);
    const made = [digest((await batches.at(0)).images), digest((await batches.at(1)).images)];
    expect(made).to.deep.equal(expected);

    const whole = await withLoader(set.test.catalog, { transform: test }, async (loader) =>
      loader.load(range(9), key(0)),
    );
    const size = 32 * 32 * 3;
    for (const [start, count] of [
      [0, 4],
      [4, 4],
      [8, 1],
      [2, 3],
      [5, 3],
      [0, 4],
      [0, 9],
    ]) {
      const { images, labels } = await source.test(start, count);
      expect(Array.from(labels.data)).to.deep.equal(
        Array.from(whole.labels.data.slice(start, start + count)),
      );
      expect(digest(images)).to.equal(
        digest({ data: whole.images.data.slice(start * size, (start + count) * size) }),
      );
    }
    expect(source.undecodable().size).to.equal(0);
    await source.close();
  });

  it('tells which photographs it passed over', async () => {
    const set = await openImageNet({ data: home(), env });
    writeFileSync(join(home(), 'imagenet', 'val', nameOf(set.test.catalog, 2)), 'x');
    const source = photoSource(set, { side: 32, threads: 1, onUndecodable: 'skip' });
    await source.test(0, 9);
    expect([...source.undecodable().keys()]).to.deep.equal(['n00000000/n00000000_2.JPEG']);
    await source.close();
  });

  it('does not keep a process alive', async () => {
    const script = `
      const { openImageNet } = require(${JSON.stringify(require.resolve('../../lib/datasets/imagenet.js'))});
      const { photoSource } = require(${JSON.stringify(require.resolve('../../lib/datasets/source.js'))});
      (async () => {
        const source = photoSource(await openImageNet({ data: 'synthetic', trainSize: 4, testSize: 4 }), { side: 16 });
        const { labels } = await source.test(0, 2);
        console.log([...labels.data].join());
      })();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 30_000 });
    expect(stdout).to.equal('0,1\n');
  });
});

describe('datasets: photographs that cannot be decoded', () => {
  const home = temporaryFolder();
  let train: Catalog;
  const path = (i: number): string => join(home(), 'imagenet', 'train', nameOf(train, i));
  beforeEach(async () => {
    rmSync(join(home(), 'imagenet'), { recursive: true, force: true });
    await writePhotoStandIn(home(), { train: 3, test: 1, classes: 2 });
    train = (await openImageNet({ data: home(), env })).train.catalog;
  });

  const first = join('n00000000', 'n00000000_1.JPEG');
  const harms: readonly Damage[] = [
    ['a JPEG cut short', cut(first, 6000), /premature|truncated|unexpected end/i],
    ['a text file under the name of a JPEG', put(first, 'not a photograph'), /unsupported image format/],
    ['an empty file', put(first, ''), /empty/i],
  ];
  for (const [what, harm, says] of harms) {
    it(`${what}: named and fatal, or named, counted and passed over`, async () => {
      harm(train.root);
      await withLoader(train, {}, async (loader) => {
        const error = await rejection(loader.load(Int32Array.of(0, 1, 2), key(0)));
        expectSentence(
          error,
          /^n00000000\/n00000000_1\.JPEG \(in .*train\) cannot be decoded: .*; replace the file, or pass over such photographs with --skip-undecodable\.$/,
        );
        expect(error.message).to.match(says);
        expect(error.message.split('\n')).to.have.length(1);
        // The loader goes on with other batches.
        expect((await loader.load(Int32Array.of(0, 2), key(0))).labels.data).to.have.length(2);
      });
      const passed = await withLoader(train, { onUndecodable: 'skip' }, async (loader) => {
        const batch = await loader.load(Int32Array.of(0, 1, 2, 1), key(0));
        await loader.load(Int32Array.of(1), key(1));
        expect([...loader.undecodable.keys()]).to.deep.equal(['n00000000/n00000000_1.JPEG']);
        expect(loader.undecodable.get('n00000000/n00000000_1.JPEG')).to.match(says);
        return digest(batch.images);
      });
      // The next photograph is taken in its place, whichever thread meets it.
      const other = await withLoader(train, { threads: 3 }, async (loader) =>
        digest((await loader.load(Int32Array.of(0, 2, 2, 2), key(0))).images),
      );
      expect(passed).to.equal(other);
    });
  }

  it('every one has its own reason, however many are decoded at once', async () => {
    const bytes = readFileSync(path(1));
    writeFileSync(path(1), bytes.subarray(0, bytes.length - 2000));
    writeFileSync(
      path(2),
      Buffer.concat([bytes.subarray(0, 300), Buffer.alloc(200, 0xff), bytes.subarray(500)]),
    );
    await withLoader(train, { threads: 3, onUndecodable: 'skip' }, async (loader) => {
      for (let batch = 0; batch < 40; batch++) {
        await loader.load(
          Int32Array.from({ length: 24 }, (_, i) => i % 4),
          key(batch),
        );
      }
      expect(Object.fromEntries(loader.undecodable)).to.deep.equal({
        'n00000000/n00000000_1.JPEG': 'truncated JPEG, without its end-of-image marker',
        'n00000000/n00000000_2.JPEG': 'damaged JPEG data',
      });
    });
  });

  it('the label is that of the photograph taken in its place', async () => {
    writeFileSync(path(2), 'x');
    await withLoader(train, { onUndecodable: 'skip' }, async (loader) => {
      expect(Array.from((await loader.load(Int32Array.of(1, 2, 3), key(0))).labels.data)).to.deep.equal([
        0, 1, 1,
      ]);
    });
  });

  it('the one taken in its place is of those that are used', async () => {
    const set = await openImageNet({ data: home(), env, classes: 1, trainSize: 2 });
    writeFileSync(path(1), 'x');
    await withLoader(set.train, { onUndecodable: 'skip' }, async (loader) => {
      const expected = (await loader.load(Int32Array.of(0, 0), key(0))).images;
      const { images, labels } = await loader.load(Int32Array.of(0, 1), key(0));
      expect([...labels.data]).to.deep.equal([0, 0]);
      expect(digest(images)).to.equal(digest(expected));
    });
    writeFileSync(path(0), 'x');
    await withLoader(set.train, { onUndecodable: 'skip' }, async (loader) => {
      expect((await rejection(loader.load(Int32Array.of(1), key(0)))).message).to.match(/^2 images in a row/);
    });
  });

  it('all of them: the data set is given up, not searched for ever', async () => {
    for (let i = 0; i < train.entries.length; i++) writeFileSync(path(i), 'x');
    await withLoader(train, { onUndecodable: 'skip' }, async (loader) => {
      expect((await rejection(loader.load(Int32Array.of(4), key(0)))).message).to.match(
        /^6 images in a row in .*train cannot be decoded, the last of them n00000001\/.* copy them again\.$/,
      );
    });
  });

  it('a photograph that has gone since the folder was listed is named, also when others are passed over', async () => {
    rmSync(path(1));
    await withLoader(train, { onUndecodable: 'skip' }, async (loader) => {
      const error = await rejection(loader.load(Int32Array.of(1), key(0)));
      expectSentence(
        error,
        /n00000000_1\.JPEG cannot be read: no such file or directory \(ENOENT\); it was there/,
      );
    });
  });
});

describe('datasets: prepared photographs', () => {
  const home = temporaryFolder();
  const source = () => inspectImageFolder(join(home(), 'imagenet'));
  let target = '';
  let tests = 0;
  /** Progress that notes where its phases begin. */
  const beginningsIn = (begun: number[]): Progress => ({
    start: (_, __, from = 0) => {
      begun.push(from);
      return silent.start('', 0);
    },
  });
  before(() => writePhotoStandIn(home(), { train: 3, test: 1, classes: 3 }));
  beforeEach(() => {
    target = join(home(), `prepared-${tests++}`, 'imagenet-64');
  });

  it('are the photographs with their shorter side shrunk, small ones as they are', async () => {
    const set = await preparePhotos(source(), target, 64);
    expect([set.train.entries.length, set.test.entries.length, set.classes.length]).to.deep.equal([9, 3, 3]);
    expect(labelsOf(set.train)).to.deep.equal([0, 0, 0, 1, 1, 1, 2, 2, 2]);
    expect(nameOf(set.train, 4)).to.equal('train/n00000001/n00000001_1.JPEG');
    const { train } = source();
    const [before, after] = [photoReader(train), photoReader(set.train)];
    for (let i = 0; i < 9; i++) {
      const [old, now] = [await before(train.entries[i]), await after(set.train.entries[i])];
      expect(Math.min(now.width, now.height)).to.equal(64);
      expect(now.width / now.height).to.be.closeTo(old.width / old.height, 0.05);
    }
    expect(readdirSync(target).sort()).to.deep.equal(['images.bin', 'index.jsonl', 'set.json']);
    const large = await preparePhotos(source(), `${target}-large`, 1000);
    const [photo, kept] = [
      await before(train.entries[0]),
      await photoReader(large.train)(large.train.entries[0]),
    ];
    expect([kept.width, kept.height]).to.deep.equal([photo.width, photo.height]);
  });

  it('are used by openImageNet, found again, and opened without the photographs', async () => {
    const options = { data: home(), env: { ZARTS_HOME: join(home(), 'kept') }, prepare: 64 };
    const made = await openImageNet(options);
    expect(made.prepared).to.deep.equal({ shorter: 64, encoding: 'jpeg', quality: 95 });
    expect(made.train.catalog.entries[0]).to.include.all.keys('offset', 'sha256');
    const begun: number[] = [];
    const again = await openImageNet({ ...options, progress: beginningsIn(begun) });
    expect(again.digest).to.equal(made.digest);
    expect(begun).to.deep.equal([]);
    const data = join(home(), 'kept', 'prepared', 'imagenet-64-q95');
    const alone = await openImageNet({ data, env, trainSize: 4 });
    expect(alone.train.indices).to.have.length(4);
    expect(alone.digest).to.not.equal(made.digest);
  });

  it('interrupted, or killed while writing, they are finished to the same bytes', async () => {
    const expected = await preparePhotos(source(), `${target}-whole`, 64);
    const endOf = ({ offset, bytes }: PreparedEntry): number => offset + bytes;
    const stop = new AbortController();
    stop.abort();
    const stopped = await rejection(preparePhotos(source(), target, 64, { signal: stop.signal }));
    expect(stopped).to.be.instanceOf(InterruptedError);
    expect(existsSync(target)).to.equal(false);
    const part = `${target}.part`;
    const [images, index] = ['images.bin', 'index.jsonl'].map((name) =>
      readFileSync(join(`${target}-whole`, name)),
    );
    // What a kill can leave: entries up to some image, half of the next, and bytes that no entry speaks of yet.
    const lines = index.toString().split('\n');
    for (const [entries, tail] of [
      [-1, lines[0].slice(0, 30)],
      [0, ''],
      [4, '{"split":"train","fi'],
      [9, ''],
      [12, ''],
    ] as const) {
      rmSync(target, { recursive: true, force: true });
      mkdirSync(part, { recursive: true });
      const whole = lines.slice(0, 1 + entries).map((line) => `${line}\n`);
      writeFileSync(join(part, 'index.jsonl'), [...whole, tail].join(''));
      const written = entries <= 0 ? 0 : endOf(JSON.parse(lines[entries]) as PreparedEntry);
      writeFileSync(
        join(part, 'images.bin'),
        Buffer.concat([images.subarray(0, written), Buffer.from('half')]),
      );
      const begun: number[] = [];
      const progress = beginningsIn(begun);
      const set = await preparePhotos(source(), target, 64, { progress });
      expect(begun).to.deep.equal([Math.max(0, entries)]);
      expect(set.digest).to.equal(expected.digest);
      expect(readFileSync(join(target, 'images.bin')).equals(images)).to.equal(true);
      expect(existsSync(part)).to.equal(false);
    }
  });

  it('an index that speaks of bytes that are not there is taken back to those that are', async () => {
    await preparePhotos(source(), target, 64);
    const { digest: before } = await openPrepared(target);
    renameSync(target, `${target}.part`);
    rmSync(join(`${target}.part`, 'set.json'));
    truncateSync(join(`${target}.part`, 'images.bin'), 3000);
    expect((await preparePhotos(source(), target, 64)).digest).to.equal(before);
  });

  it('are refused when made from other photographs or with other settings', async () => {
    await preparePhotos(source(), target, 64);
    const other = await rejection(preparePhotos(source(), target, 48));
    expectSentence(
      other,
      /imagenet-64 was prepared from other photographs or to another shorter side than the 48 pixels that are asked for: delete it/,
    );
    renameSync(target, `${target}.part`);
    const begun = await rejection(preparePhotos(source(), target, 48));
    expect(begun.message).to.match(
      /imagenet-64\.part was begun from other photographs or with other settings/,
    );
    const bad = await rejection(preparePhotos(source(), target, 8));
    expect(bad).to.be.instanceOf(UsageError);
    expect(bad.message).to.match(/shorter side of 8 pixels: it must be an integer from 32 to 4096/);
  });

  const damages: readonly Damage[] = [
    [
      'a manifest that is none',
      put('set.json', '{}'),
      /is damaged: set\.json is not a manifest of prepared photographs; delete it/,
    ],
    [
      'a changed index',
      (f) => {
        appendFileSync(join(f, 'index.jsonl'), ' ');
      },
      /is damaged: index\.jsonl has SHA-256 [0-9a-f]{64}, its manifest says/,
    ],
    [
      'a missing index',
      remove('index.jsonl'),
      /is damaged: index\.jsonl cannot be read \(no such file or directory \(ENOENT\)\)/,
    ],
    ['images cut short', cut('images.bin', 100), /is damaged: images\.bin has 100 bytes, expected \d+/],
  ];
  for (const [what, harm, says] of damages) {
    it(`name ${what}`, async () => {
      await preparePhotos(source(), target, 64);
      harm(target);
      expectSentence(await rejection(openPrepared(target)), says);
    });
  }

  it('name an image whose bytes have changed, when it is read', async () => {
    const { train } = await preparePhotos(source(), target, 64);
    const images = readFileSync(join(target, 'images.bin'));
    images[(train.entries[1] as PreparedEntry).offset + 700] ^= 1;
    writeFileSync(join(target, 'images.bin'), images);
    await withLoader(train, { onUndecodable: 'skip' }, async (loader) => {
      await loader.load(Int32Array.of(0, 2), key(0));
      expect((await rejection(loader.load(Int32Array.of(1), key(0)))).message).to.match(
        /images\.bin is damaged: the prepared image of train\/n00000000\/n00000000_1\.JPEG \(at byte \d+\) is not the one/,
      );
    });
  });

  it('leave out, named and counted, what cannot be decoded, or stop there and go on when it is mended', async () => {
    const { train } = await openImageNet({ data: home(), env });
    const path = join(home(), 'imagenet', 'train', nameOf(train.catalog, 4));
    const good = readFileSync(path);
    writeFileSync(path, good.subarray(0, 5000));
    const fatal = await rejection(preparePhotos(source(), target, 64));
    expectSentence(fatal, /n00000001_1\.JPEG cannot be decoded: .*; replace the file, or pass over/);
    expect(existsSync(target)).to.equal(false);
    const set = await preparePhotos(source(), target, 64, { onUndecodable: 'skip' });
    expect([...(set.undecodable ?? new Map()).keys()]).to.deep.equal(['train/n00000001/n00000001_1.JPEG']);
    expect([set.train.entries.length, set.test.entries.length]).to.deep.equal([8, 3]);
    writeFileSync(path, good);
  });

  it('name a disk that fills up, keep what is prepared, and go on', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const part = `${target}.part`;
    mkdirSync(part, { recursive: true });
    symlinkSync('/dev/full', join(part, 'images.bin'));
    const error = await rejection(preparePhotos(source(), target, 64));
    expectSentence(
      error,
      /imagenet-64 could not be prepared: no space left on device \(ENOSPC\); make room, .* and the same command goes on/,
    );
    expect(existsSync(target)).to.equal(false);
    rmSync(join(part, 'images.bin'));
    expect((await preparePhotos(source(), target, 64)).train.entries.length).to.equal(9);
  });
});
