/** Stand-ins for the data sets, in their official layout: generated files that the loaders read as the real ones. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { layoutOf } from './files.js';
import type { Chunk } from './images.js';
import { writeMatlabFile } from './matlab.js';
import { syntheticPhoto } from './photo-decoder.js';
import { FILE_DATASETS, IMAGENET } from './registry.js';
import type { FileDataset, FileDatasetName, MatlabDataset, RecordDataset } from './registry.js';
import { syntheticImages, syntheticKind } from './synthetic.js';

/** What {@link writeStandIn} writes. */
export interface StandIn {
  readonly train: number;
  readonly test: number;
  /** The synthetic set's own when left out. */
  readonly seed?: number;
  /** Images a training file; the official number when left out (its digests are then checked, and differ). */
  readonly imagesPerFile?: number;
  /** The names in the class file; the official ones when left out. */
  readonly classes?: readonly string[];
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
  const { train, test, seed, imagesPerFile = dataset.train[0].images, classes = dataset.classes } = options;
  const kind = syntheticKind(name);
  const folder = join(home, dataset.folder);
  await mkdir(folder, { recursive: true });
  const images = syntheticImages(kind, 'train', train, seed);
  for (const [i, file] of dataset.train.entries()) {
    const part = slice(images, i * imagesPerFile, (i + 1) * imagesPerFile);
    if (part.labels.length > 0) await writeFile(join(folder, file.name), await fileOf(part, dataset));
  }
  const tests = syntheticImages(kind, 'test', test, seed);
  await writeFile(join(folder, dataset.test[0].name), await fileOf(tests, dataset));
  if (dataset.format === 'records') {
    await writeFile(join(folder, dataset.classFile), classes.join('\n') + '\n\n');
  }
  return folder;
}

function slice({ labels, bytes }: Chunk, from: number, to: number): Chunk {
  const size = bytes.length / labels.length;
  return { labels: labels.subarray(from, to), bytes: bytes.subarray(from * size, to * size) };
}

/** The bytes of a file in the data set's format. @param images  Planes of rows, without labels among them. */
function fileOf(images: Chunk, dataset: FileDataset): Uint8Array | Promise<Uint8Array> {
  return dataset.format === 'records' ? recordFile(images, dataset) : matlabFile(images, dataset);
}

/** Records: the label bytes of each image before its pixels; a coarse label groups neighbouring classes. */
export function recordFile({ labels, bytes }: Chunk, dataset: RecordDataset): Uint8Array {
  const { labelRanges } = dataset;
  const { image, first } = layoutOf(dataset);
  const records = new Uint8Array(labels.length * image);
  for (const [i, label] of labels.entries()) {
    for (const [which, range] of labelRanges.entries()) {
      records[i * image + which] = Math.floor((label * range) / dataset.classes.length);
    }
    records.set(bytes.subarray(i * (image - first), (i + 1) * (image - first)), i * image + first);
  }
  return records;
}

/** A MATLAB file: pixels with the row index running fastest, digits with 10 for 0. */
function matlabFile({ labels, bytes }: Chunk, dataset: MatlabDataset): Promise<Uint8Array> {
  const { height, width, channels, classes } = dataset;
  const { image, row, column, plane } = layoutOf(dataset);
  const pixels = new Uint8Array(bytes.length);
  let from = 0;
  for (let i = 0; i < labels.length; i++) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          pixels[i * image + y * row + x * column + c * plane] = bytes[from++];
        }
      }
    }
  }
  const digits = labels.map((label) => (label === 0 ? classes.length : label));
  return writeMatlabFile([
    { name: 'X', shape: [height, width, channels, labels.length], data: pixels },
    { name: 'y', shape: [labels.length, 1], data: digits },
  ]);
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
