/**
 * A data set for machines without any: ten classes of 32×32 colour images that a convolutional network can learn and
 * that mean nothing. A class is one of five patterns (stripes across, stripes down, diagonal stripes, checks, rings)
 * with red and blue moving together or against each other; phase, period, contrast and background vary from image to
 * image, and every byte gets noise. Mirroring an image never changes its class, as it does not in CIFAR-10.
 *
 * Whole-number arithmetic only, so that every machine makes the same bytes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Key } from '../math/random.js';
import { foldIn, key } from '../math/random.js';
import { RECORD_DATASETS } from './registry.js';
import { recordBytes } from './images.js';

/** Class names, in the order of the labels. */
export const SYNTHETIC_CLASSES: readonly string[] = ['together', 'against'].flatMap((colours) =>
  ['across', 'down', 'diagonal', 'checks', 'rings'].map((pattern) => `${pattern}-${colours}`),
);

/** Images when a protocol does not say how many. */
export const SYNTHETIC_SIZES = { train: 8000, test: 2000 } as const;

/** Any fixed affine map serves to normalize these images; this one takes bytes to [−2, 2]. */
export const SYNTHETIC_MEAN: readonly number[] = [0.5, 0.5, 0.5];
export const SYNTHETIC_STD: readonly number[] = [0.25, 0.25, 0.25];

/** The records are laid out as CIFAR-10's: one label byte, then three planes of 32×32. */
const LAYOUT = RECORD_DATASETS.cifar10;
const SIDE = 32;

/** A small generator of 32-bit numbers (xorshift32), one an image: keys decide the seed, this the three thousand draws. */
function xorshift(seed: number): () => number {
  let state = seed === 0 ? 0x9e3779b9 : seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A triangle wave of period 512 with values 0 … 255. */
function wave(phase: number): number {
  const within = phase & 511;
  return within < 256 ? within : 511 - within;
}

function patternAt(
  pattern: number,
  x: number,
  y: number,
  period: number,
  phase: number,
  lean: number,
): number {
  switch (pattern) {
    case 0:
      return wave(period * y + phase);
    case 1:
      return wave(period * x + phase);
    case 2:
      return wave((((period * 3) >> 2) * (x + lean * y) + phase) | 0);
    case 3: {
      const product = ((wave(period * x + phase) - 128) * (wave(period * y + (phase >> 1)) - 128)) >> 5;
      return 128 + Math.min(127, Math.max(-128, product));
    }
    default: {
      const dx = 2 * x - SIDE + 1 + (phase & 7) - 4;
      const dy = 2 * y - SIDE + 1 + ((phase >> 3) & 7) - 4;
      return wave((((dx * dx + dy * dy) * period) >> 6) + phase);
    }
  }
}

function writeRecord(into: Uint8Array, at: number, label: number, from: Key): void {
  const draw = xorshift(from[0] ^ from[1]);
  const below = (bound: number): number => draw() % bound;
  for (let i = 0; i < 8; i++) draw(); // the first draws of near seeds resemble each other
  const pattern = label % 5;
  const together = label < 5;
  const phase = below(512);
  const period = 36 + below(20);
  const lean = below(2) === 0 ? 1 : -1;
  const contrast = 20 + below(60);
  const background = [below(96) + 80, below(96) + 80, below(96) + 80];
  const gains = [contrast, below(contrast) - (contrast >> 1), together ? contrast : -contrast];
  into[at] = label;
  let to = at + LAYOUT.labelBytes;
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const signal = ((patternAt(pattern, x, y, period, phase, lean) - 128) * gains[channel]) >> 8;
        const bits = draw();
        const noise = (bits & 63) + ((bits >>> 8) & 63) - 63;
        into[to++] = Math.min(255, Math.max(0, background[channel] + signal + noise));
      }
    }
  }
}

/**
 * Records of the synthetic set in CIFAR-10's binary layout, the classes in turn (any stretch of a multiple of ten records
 * holds each equally often). Record i does not depend on how many are made.
 *
 * @param split  Two different sets under one seed.
 * @param count  How many.
 * @param seed   Any safe integer; loadDataset uses 0.
 */
export function syntheticRecords(split: 'train' | 'test', count: number, seed = 0): Uint8Array {
  const size = recordBytes(LAYOUT);
  const records = new Uint8Array(count * size);
  const from = foldIn(key(seed), split === 'train' ? 0 : 1);
  for (let i = 0; i < count; i++)
    writeRecord(records, i * size, i % SYNTHETIC_CLASSES.length, foldIn(from, i));
  return records;
}

/** What {@link writeSyntheticFolder} writes. */
export interface SyntheticFolder {
  readonly train: number;
  readonly test: number;
  readonly seed?: number;
  /** Records a training file; CIFAR-10's 10,000 when left out (its digests are then checked, and differ). */
  readonly recordsPerFile?: number;
  /** The names in the class file; a folder that carries CIFAR-10's names is read as CIFAR-10. */
  readonly classes?: readonly string[];
}

/**
 * Writes the synthetic set as files in CIFAR-10's official layout: training files of equal size, the last one shorter.
 *
 * @param home  The folder in which `cifar-10-batches-bin` is created.
 * @returns     The path of that folder.
 */
export async function writeSyntheticFolder(home: string, options: SyntheticFolder): Promise<string> {
  const { train, test, seed = 0, recordsPerFile, classes = SYNTHETIC_CLASSES } = options;
  const folder = join(home, LAYOUT.folder);
  await mkdir(folder, { recursive: true });
  const records = syntheticRecords('train', train, seed);
  let start = 0;
  for (const file of LAYOUT.train) {
    if (start >= records.length) break;
    const end = start + (recordsPerFile ?? file.records) * recordBytes(LAYOUT);
    await writeFile(join(folder, file.name), records.subarray(start, end));
    start = end;
  }
  await writeFile(join(folder, LAYOUT.test[0].name), syntheticRecords('test', test, seed));
  await writeFile(join(folder, LAYOUT.classFile), classes.join('\n') + '\n\n');
  return folder;
}
