import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { loadDataset } from '../../lib/datasets/load.js';
import type { Dataset } from '../../lib/datasets/load.js';
import { FILE_DATASETS } from '../../lib/datasets/registry.js';
import { recordFile } from '../support/stand-in.js';
import { syntheticImage, syntheticImages, syntheticKind } from '../../lib/datasets/synthetic.js';
import type { ImageSet } from '../../lib/datasets/images.js';

const env = {};

/** The synthetic set in CIFAR-10's binary layout. */
function syntheticRecords(split: 'train' | 'test', count: number, seed = 0): Uint8Array {
  const kind = { ...syntheticKind('cifar10'), seed };
  return recordFile(syntheticImages(kind, split, count), FILE_DATASETS.cifar10);
}

describe('datasets: the synthetic set', () => {
  it('is the same bytes everywhere (digest recorded when it was first made)', () => {
    const digest = createHash('sha256').update(syntheticRecords('train', 200)).digest('hex');
    expect(digest).to.equal('5e2f338d71efdccc192e33e83e3acf5d99c0a59f326468f4c4503d0fd7c74d97');
  });

  it('does not depend on how many records are made, but on split and seed', () => {
    const first = syntheticRecords('train', 20);
    expect(Buffer.compare(syntheticRecords('train', 30).subarray(0, first.length), first)).to.equal(0);
    expect(Buffer.compare(syntheticRecords('test', 20), first)).to.not.equal(0);
    expect(Buffer.compare(syntheticRecords('train', 20, 1), first)).to.not.equal(0);
  });

  it('is what --data synthetic loads, without a file or a network', async () => {
    const spec = { name: 'cifar10', image: 32, trainSize: 50, testSize: 20 } as const;
    const noNetwork = () => Promise.reject(new Error('the network was used'));
    const nowhere = { dataHome: '/nowhere', env, fetch: noNetwork };
    const computed = await loadDataset(spec, { ...nowhere, data: 'synthetic' });
    expect(computed).to.include({ name: 'synthetic', coverage: 'synthetic' });
    expect(computed.classes).to.have.length(10);
    const named = await loadDataset({ ...spec, name: 'synthetic' }, { env: { ZARTS_DATA: '/nowhere' } });
    expect(named.digest).to.equal(computed.digest);
  });

  it('has classes that can be told apart by their structure but not by their mean colours', async () => {
    const set = await loadDataset({ name: 'synthetic', image: 32, trainSize: 1000, testSize: 500 }, { env });
    expect(nearestCentre(set, structure)).to.be.above(0.7);
    expect(nearestCentre(set, colours)).to.be.below(0.25);
  });

  it('has a hundred classes for CIFAR-100 of which the same is true', async () => {
    const set = await loadDataset(
      { name: 'cifar100', image: 32, trainSize: 3000, testSize: 1000 },
      { data: 'synthetic', env },
    );
    expect(set.classes).to.have.length(100);
    const chance = 1 / 100;
    expect(nearestCentre(set, (images, i) => [...structure(images, i), ...fineness(images, i)])).to.be.above(
      20 * chance,
    );
    expect(nearestCentre(set, colours)).to.be.below(5 * chance);
  });

  it('has a thousand classes for ImageNet, told apart by what is behind the pattern too', () => {
    const kind = syntheticKind('imagenet');
    expect(new Set(kind.classes).size).to.equal(1000);
    // Classes a hundred apart differ in tint alone: red rises and blue falls.
    const means = Array.from({ length: 10 }, (_, tint) => {
      const image = syntheticImage(kind, 'train', 100 * tint);
      const sum = (c: number): number => image.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0);
      return sum(0) - sum(2);
    });
    for (let tint = 1; tint < 10; tint++) expect(means[tint]).to.be.above(means[tint - 1]);
    expect(() => syntheticImages(kind, 'train', 1)).to.throw(
      /1000 classes has labels that do not fit in a byte/,
    );
  });
});

/** How many test images are nearest to the centre of their own class, each feature in units of its spread. */
function nearestCentre(
  { train, test, classes }: Dataset,
  features: (set: ImageSet, i: number) => number[],
): number {
  const centre = classes.map(() => [] as number[][]);
  for (let i = 0; i < train.count; i++) centre[train.labels[i]].push(features(train, i));
  const means = centre.map((rows) =>
    rows[0].map((_, k) => rows.reduce((s, row) => s + row[k], 0) / rows.length),
  );
  const spread = means[0].map((_, k) => {
    const all = centre.flat().map((row) => row[k]);
    const mean = all.reduce((s, v) => s + v, 0) / all.length;
    return Math.sqrt(all.reduce((s, v) => s + (v - mean) ** 2, 0) / all.length);
  });
  let right = 0;
  for (let i = 0; i < test.count; i++) {
    const f = features(test, i);
    const distances = means.map((m) => f.reduce((s, v, k) => s + ((v - m[k]) / spread[k]) ** 2, 0));
    if (distances.indexOf(Math.min(...distances)) === test.labels[i]) right++;
  }
  return right / test.count;
}

/** How much red changes over two, six and eight pixels down and across, and how green goes with it. */
function fineness({ images }: ImageSet, i: number): number[] {
  const at = (y: number, x: number, c: number): number => images[i * 3072 + (y * 32 + x) * 3 + c];
  const mean = colours({ images } as ImageSet, i);
  const changes = [2, 6, 8].flatMap((lag) => [
    [lag, 0],
    [0, lag],
  ]);
  const sums = changes.map(() => 0);
  let [variance, covariance] = [0, 0];
  for (let y = 0; y < 24; y++) {
    for (let x = 0; x < 24; x++) {
      const red = at(y, x, 0) - mean[0];
      variance += red * red;
      covariance += red * (at(y, x, 1) - mean[1]);
      for (const [k, [dy, dx]] of changes.entries()) sums[k] += (at(y + dy, x + dx, 0) - at(y, x, 0)) ** 2;
    }
  }
  return [...sums, covariance].map((sum) => Math.tanh(sum / variance));
}

function colours({ images }: ImageSet, i: number): number[] {
  const sums = [0, 0, 0];
  for (let k = 0; k < 3072; k++) sums[k % 3] += images[i * 3072 + k] / 1024;
  return sums;
}

/** How much the red channel changes over four pixels in each of four directions, relative to its variance; and how red and blue go together. */
function structure({ images }: ImageSet, i: number): number[] {
  const at = (y: number, x: number, c: number): number => images[i * 3072 + (y * 32 + x) * 3 + c];
  const mean = colours({ images } as ImageSet, i);
  let [variance, covariance] = [0, 0];
  const changes = [0, 0, 0, 0];
  for (let y = 4; y < 28; y++) {
    for (let x = 4; x < 28; x++) {
      const red = at(y, x, 0) - mean[0];
      variance += red * red;
      covariance += red * (at(y, x, 2) - mean[2]);
      for (const [k, [dy, dx]] of (
        [
          [4, 0],
          [0, 4],
          [4, 4],
          [4, -4],
        ] as const
      ).entries()) {
        changes[k] += (at(y + dy, x + dx, 0) - at(y, x, 0)) ** 2;
      }
    }
  }
  const [down, across, falling, rising] = changes.map((change) => change / variance);
  return [down, across, Math.min(falling, rising), Math.max(falling, rising), covariance / variance].map(
    Math.tanh,
  );
}
