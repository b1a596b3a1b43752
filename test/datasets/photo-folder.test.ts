import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { halves } from '../../lib/datasets/batches.js';
import { openImageNet, openPhotos } from '../../lib/datasets/imagenet.js';
import { inspectPhotoFolder } from '../../lib/datasets/photo-folder.js';
import { photosInMemory } from '../../lib/datasets/photo-memory.js';
import { loadDataset } from '../../lib/datasets/load.js';
import { expectSentence, rejection, temporaryFolder, thrown } from './helpers.js';

const env = {};

/** Writes an image of one colour. */
async function writeImage(path: string, grey: number, channels: 1 | 3 | 4 = 3): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const [width, height] = [20, 12];
  const raw = Buffer.alloc(width * height * channels, grey);
  await sharp(raw, { raw: { width, height, channels } }).toFile(path);
}

describe('datasets: folders of photographs as people have them', () => {
  const home = temporaryFolder();
  const at = (...path: string[]): string => join(home(), 'set', ...path);

  /** Two classes of three training and two judged images, by a pattern of where an image lies. */
  async function write(train: (name: string, i: number) => string, val: (name: string, i: number) => string) {
    rmSync(at(), { recursive: true, force: true });
    for (const [label, name] of ['cat', 'dog'].entries()) {
      for (let i = 0; i < 3; i++) await writeImage(at(train(name, i)), 100 * label + 10 * i);
      for (let i = 0; i < 2; i++) await writeImage(at(val(name, i)), 100 * label + 10 * i + 5);
    }
  }

  const flat = async (list: string, text: string): Promise<void> => {
    await write(
      (name, i) => `train/${name}/${i}.png`,
      (name, i) => `val/${name}_${i}.png`,
    );
    writeFileSync(at(list), text);
  };

  it('finds images in images/ below each class, of every format, and leaves out what is no class', async () => {
    await write(
      (name, i) => `train/${name}/images/${i}.${['png', 'webp', 'jpg'][i]}`,
      (name, i) => `validation/${name}/${i}.png`,
    );
    mkdirSync(at('train', '.ipynb_checkpoints'));
    mkdirSync(at('train', '__MACOSX'));
    writeFileSync(at('train', 'cat', 'cat_boxes.txt'), 'x');
    const { classes, train, test } = inspectPhotoFolder(at());
    expect(classes).to.deep.equal(['cat', 'dog']);
    expect(train.entries.map(({ file }) => file))
      .to.include('cat/images/1.webp')
      .and.to.have.length(6);
    expect(test.entries.map(({ label }) => label)).to.deep.equal([0, 0, 1, 1]);
  });

  const LISTS: Readonly<Record<string, string>> = {
    'val.txt': 'cat_0.png 0\ncat_1.png 0\ndog_0.png 1\ndog_1.png 1\n',
    'val/val_annotations.txt': 'cat_0.png\tcat\t0\t0\ncat_1.png\tcat\t0\t0\ndog_0.png\tdog\ndog_1.png\tdog\n',
    'LOC_val_solution.csv':
      'ImageId,PredictionString\ncat_0,cat 1 2 3 4\ncat_1,cat 1\ndog_0,dog 1\ndog_1,dog 1\n',
  };
  for (const [list, text] of Object.entries(LISTS)) {
    it(`reads a flat val/ by ${list}, by names and by numbers of classes`, async () => {
      await flat(list, text);
      const { test } = inspectPhotoFolder(at());
      expect(test.entries).to.deep.equal([
        { file: 'cat_0.png', label: 0 },
        { file: 'cat_1.png', label: 0 },
        { file: 'dog_0.png', label: 1 },
        { file: 'dog_1.png', label: 1 },
      ]);
      const before = inspectPhotoFolder(at()).digest;
      writeFileSync(
        at(list),
        text.replace(/^(cat_1\S*[\s,]+)(?:0|cat)/m, (_, head: string) => `${head}dog`),
      );
      expect(inspectPhotoFolder(at()).digest).to.not.equal(before);
    });
  }

  it('names the list that is missing, an image that it leaves out, and a class that is not there', async () => {
    await flat('val.txt', 'cat_0.png 0\n');
    expectSentence(
      thrown(() => inspectPhotoFolder(at())),
      /val\.txt does not name cat_1\.png, which is in/,
    );
    writeFileSync(at('val.txt'), 'cat_0.png 2\n');
    expectSentence(
      thrown(() => inspectPhotoFolder(at())),
      /line 1, has class 2; expected .* from 0 to 1/,
    );
    rmSync(at('val.txt'));
    expectSentence(
      thrown(() => inspectPhotoFolder(at())),
      /val holds 4 images and no class folder; .* such as .*val\.txt/,
    );
  });

  it('reads ILSVRC as Kaggle packs it, from the folder around it', async () => {
    const images = 'ILSVRC/Data/CLS-LOC';
    await write(
      (name, i) => `${images}/train/${name}/${i}.png`,
      (name, i) => `${images}/val/${name}_${i}.png`,
    );
    writeFileSync(at('LOC_val_solution.csv'), LISTS['LOC_val_solution.csv']);
    for (const data of [at(), at('ILSVRC')]) {
      const { classes, test, coverage } = await openImageNet({ data, env });
      expect([classes.length, test.indices.length, coverage]).to.deep.equal([2, 4, 'subset']);
    }
  });

  it('divides class folders alone: every fifth image of each class is for testing', async () => {
    rmSync(at(), { recursive: true, force: true });
    for (let i = 0; i < 7; i++) await writeImage(at('a', `${i}.png`), i);
    for (let i = 0; i < 10; i++) await writeImage(at('b', `${i}.png`), i);
    const { train, test, coverage, found } = await openPhotos('folder', { data: at(), env });
    expect(test.catalog.entries.map(({ file }) => file)).to.deep.equal(['a/4.png', 'b/4.png', 'b/9.png']);
    expect(coverage).to.equal('own');
    expect(found).to.deep.equal({ train: 14, test: 3 });
    const files = train.catalog.entries.map(({ file }) => file);
    expect(new Set(files).size).to.equal(14);
    for (let i = 4; i < 7; i++) rmSync(at('a', `${i}.png`));
    for (let i = 4; i < 10; i++) rmSync(at('b', `${i}.png`));
    expectSentence(
      thrown(() => inspectPhotoFolder(at(), true)),
      /holds fewer than 5 images of each class; without a val\/ folder/,
    );
    expect((await rejection(openPhotos('folder', { env }))).message).to.match(
      /"folder" is a folder of your own: name one that holds .* with --data/,
    );
  });

  it('decodes colours, greys and alpha into memory for a search', async () => {
    rmSync(at(), { recursive: true, force: true });
    await writeImage(at('train', 'a', 'colour.png'), 50);
    await writeImage(at('train', 'b', 'grey.png'), 80, 1);
    await writeImage(at('train', 'b', 'seen-through.webp'), 255, 4);
    await writeImage(at('val', 'a', 'x.png'), 9);
    await writeImage(at('val', 'b', 'y.png'), 9);
    const photos = await openPhotos('folder', { data: at(), env, testSize: 1 });
    const { train, test, occurring, classes } = await photosInMemory(photos, 8);
    expect([train.count, test.count, occurring, classes.length]).to.deep.equal([3, 1, 2, 2]);
    expect([...train.labels]).to.deep.equal([1, 0, 1]);
    const pixel = (i: number): number[] => [...train.images.subarray(i * 192, i * 192 + 3)];
    expect([0, 1, 2].map(pixel)).to.deep.equal([
      [80, 80, 80],
      [50, 50, 50],
      [255, 255, 255],
    ]);
    writeFileSync(at('train', 'a', 'colour.png'), 'no image');
    expectSentence(
      await rejection(photosInMemory(photos, 8)),
      /a\/colour\.png .* cannot be decoded: .*; replace the file, or take it out of the folder\.$/,
    );
  });

  it('both halves of a search have each class’s share, however many images a class has', async () => {
    rmSync(at(), { recursive: true, force: true });
    const sizes = [10, 7, 3, 2];
    for (const [label, count] of sizes.entries()) {
      for (let i = 0; i < count; i++) await writeImage(at('train', `c${label}`, `${i}.png`), 10 * label + i);
      await writeImage(at('val', `c${label}`, '0.png'), 9);
    }
    for (const trainSize of [22, 16, 9, 8]) {
      const photos = await openPhotos('folder', { data: at(), env, trainSize, testSize: 1 });
      const { train } = await photosInMemory(photos, 8);
      const { train: first, val: second } = halves(train.count);
      const counts = (of: Iterable<number>) => {
        const labels = Array.from(of, (i) => train.labels[i]);
        return sizes.map((_, label) => labels.filter((each) => each === label).length);
      };
      const [all, one, other] = [train.labels.keys(), first, second].map(counts);
      for (const [label, count] of all.entries()) {
        const told = `class ${label} of ${trainSize} images`;
        expect(Math.abs(one[label] - other[label]), told).to.be.at.most(1);
        expect(Math.min(one[label], other[label]), told)
          .to.be.at.least(Math.floor(count / 2))
          .and.above(0);
      }
    }
  });

  it('names what lies beside what was expected, and how to use it', async () => {
    await write(
      (name, i) => `train/${name}/${i}.png`,
      (name, i) => `val/${name}/${i}.png`,
    );
    const error = await rejection(loadDataset({ name: 'cifar10', image: 32 }, { data: home(), env }));
    expect(error.message).to.include(`There is set/ (--dataset folder --data ${at()}).`);
    const lost = join(home(), 'around');
    mkdirSync(lost);
    renameSync(at(), join(lost, 'tiny'));
    expect((await rejection(openImageNet({ data: lost, env }))).message).to.include(
      `There is tiny/ (--dataset folder --data ${join(lost, 'tiny')}).`,
    );
  });
});
