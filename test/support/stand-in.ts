/** Stand-ins for the data sets, in their official layout: generated files that the loaders read as the real ones. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { Chunk, PixelLayout } from '../../lib/datasets/images.js';
import { syntheticPhoto } from '../../lib/datasets/photo-decoder.js';
import { FILE_DATASETS, IMAGENET } from '../../lib/datasets/registry.js';
import type { FileDataset, FileDatasetName, RecordDataset } from '../../lib/datasets/registry.js';
import { syntheticImages, syntheticKind } from '../../lib/datasets/synthetic.js';

/** Table 2 on two data sets, as small as it comes: settings of `--set`. */
export const SMALL_TABLE_2 = [
  'dataset.name=["cifar10","svhn"]',
  'space=s2',
  'method=mgs',
  'epochs=1',
  'training.epochs=1',
];

/** What {@link writeStandIn} writes. */
export interface StandIn {
  readonly train: number;
  readonly test: number;
  /** Images a training file; the official number when left out (its digests are then checked, and differ). */
  readonly imagesPerFile?: number;
}

/**
 * Writes the synthetic images that stand in for a data set as files in its official layout: training files of equal size,
 * the last one shorter. What the loader reads from them is what `--data synthetic` computes, byte for byte.
 *
 * @param home  The folder in which the set's own folder is created.
 * @returns     The path of that folder.
 */
export async function writeStandIn(home: string, name: FileDatasetName, options: StandIn): Promise<string> {
  const dataset: FileDataset = FILE_DATASETS[name];
  const { train, test, imagesPerFile = dataset.train[0].images } = options;
  const kind = syntheticKind(name);
  const folder = join(home, dataset.folder);
  await mkdir(folder, { recursive: true });
  const images = syntheticImages(kind, 'train', train);
  for (const [i, file] of dataset.train.entries()) {
    const [from, to] = [i * imagesPerFile, Math.min(train, (i + 1) * imagesPerFile)];
    if (from < to) await writeFile(join(folder, file.name), fileOf(slice(images, from, to), dataset));
  }
  const tests = syntheticImages(kind, 'test', test);
  await writeFile(join(folder, dataset.test[0].name), fileOf(tests, dataset));
  if (dataset.format === 'records') {
    await writeFile(join(folder, dataset.classFile), dataset.classes.join('\n') + '\n\n');
  }
  return folder;
}

function slice({ labels, bytes, layout }: Chunk, from: number, to: number): Chunk {
  return {
    labels: labels.subarray(from, to),
    bytes: bytes.subarray(from * layout.image, to * layout.image),
    layout,
  };
}

function fileOf(images: Chunk, dataset: FileDataset): Uint8Array {
  return dataset.format === 'records' ? recordFile(images, dataset) : matlabFile(images);
}

/** The pixels in another order. */
function rearranged({ labels, bytes, layout: from }: Chunk, to: PixelLayout): Uint8Array {
  const moved = new Uint8Array(labels.length * to.image);
  for (let i = 0; i < labels.length; i++) {
    for (let p = 0; p < 1024; p++) {
      const [y, x] = [p >> 5, p & 31];
      for (let c = 0; c < 3; c++) {
        moved[to.first + i * to.image + y * to.row + x * to.column + c * to.plane] =
          bytes[from.first + i * from.image + y * from.row + x * from.column + c * from.plane];
      }
    }
  }
  return moved;
}

/** Records: the label bytes of each image before its pixels; a coarse label groups neighbouring classes. */
export function recordFile(images: Chunk, { labelRanges, classes }: RecordDataset): Uint8Array {
  const image = labelRanges.length + 3072;
  const records = rearranged(images, { first: labelRanges.length, image, row: 32, column: 1, plane: 1024 });
  for (const [i, label] of images.labels.entries()) {
    for (const [which, range] of labelRanges.entries()) {
      records[i * image + which] = Math.floor((label * range) / classes.length);
    }
  }
  return records;
}

/** A MATLAB file: pixels with the row index running fastest, digits with 10 for 0. */
function matlabFile(images: Chunk): Uint8Array {
  const { labels } = images;
  const pixels = rearranged(images, { first: 0, image: 3072, row: 1, column: 32, plane: 1024 });
  return matlabFileOf([
    { name: 'X', shape: [32, 32, 3, labels.length], data: pixels },
    { name: 'y', shape: [labels.length, 1], data: labels.map((label) => (label === 0 ? 10 : label)) },
  ]);
}

/** The bytes of a MAT-file, version 5, little-endian, each variable compressed, as MATLAB and SciPy write uint8 arrays. */
export function matlabFileOf(
  variables: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Uint8Array;
  }[],
): Buffer {
  const tag = (type: number, bytes: number): Buffer => Buffer.from(Uint32Array.of(type, bytes).buffer);
  const tagged = (type: number, data: Uint8Array): Buffer =>
    Buffer.concat([tag(type, data.length), data, Buffer.alloc(-data.length & 7)]);
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file');
  header.write('\0\0\0\0\0\0\0\0\0\x01IM', 116);
  const packed = variables.map(({ name, shape, data }) => {
    const uint8 = Buffer.from(Uint32Array.of(9, 0).buffer);
    const sizes = Buffer.from(Int32Array.from(shape).buffer);
    const content = [tagged(6, uint8), tagged(5, sizes), tagged(1, Buffer.from(name)), tagged(2, data)];
    const variable = deflateSync(tagged(14, Buffer.concat(content)));
    return Buffer.concat([tag(15, variable.length), variable]);
  });
  return Buffer.concat([header, ...packed]);
}

/** What {@link writePhotoStandIn} writes. */
export interface PhotoStandIn {
  /** Photographs of each class. */
  readonly train: number;
  readonly test: number;
  /** The first so many classes; all thousand when left out. */
  readonly classes?: number;
}

/**
 * Writes computed photographs in ImageNet's layout: JPEGs of various sizes in a folder for each class, in train/ and val/.
 *
 * @param home  The folder in which `imagenet` is created.
 * @returns     The path of that folder.
 */
export async function writePhotoStandIn(
  home: string,
  { train, test, classes = IMAGENET.classes }: PhotoStandIn,
): Promise<string> {
  const folder = join(home, IMAGENET.folder);
  for (const [split, place, count] of [
    ['train', 'train', train],
    ['test', 'val', test],
  ] as const) {
    for (let label = 0; label < classes; label++) {
      // WordNet ids are an n and eight digits; these say what they are.
      const name = `n${String(label).padStart(8, '0')}`;
      await mkdir(join(folder, place, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const jpeg = await syntheticJpeg(split, i * IMAGENET.classes + label);
        await writeFile(join(folder, place, name, `${name}_${i}.JPEG`), jpeg);
      }
    }
  }
  return folder;
}

/** A computed photograph as a JPEG, cut to one of several sizes. */
async function syntheticJpeg(split: 'train' | 'test', i: number): Promise<Buffer> {
  const { bytes, width, height } = syntheticPhoto(split, i);
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .extract({ left: 0, top: 0, width: width - 16 * (i % 4), height: height - 16 * (i % 3) })
    .jpeg({ quality: 90 })
    .toBuffer();
}
