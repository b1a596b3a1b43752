import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { foldIn, uniform } from '../math/random.js';
import type { ImageSet } from './images.js';
import type { Dataset } from './load.js';

/**
 * What is done to an image on its way into a batch, in the order of DARTS' pipeline (FIDELITY.md, A4): pad with black and
 * crop at random, mirror at random, normalize, cut a square out.
 */
export interface Transform {
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Pixels added on each side before a crop of the original size; 0 for no crop. */
  readonly pad: number;
  /** Whether half of the images are mirrored left to right. */
  readonly flip: boolean;
  /** Side length of the square set to zero after normalizing; 0 for none. */
  readonly cutout: number;
  /** Share of the images that lose a square; 1 if left out. */
  readonly cutoutProbability?: number;
}

/** Images and their labels, as the arrays that programs of lib/engine take. */
export type Batch = Readonly<{
  /** [n, height, width, channels], normalized. */
  images: { readonly shape: readonly number[]; readonly data: Float32Array };
  /** [n]. */
  labels: { readonly shape: readonly number[]; readonly data: Int32Array };
}>;

/**
 * The transform of training images: pad an eighth of the side (4 at 32, 2 at 16) and crop, mirror, normalize.
 *
 * @param cutout  Side length of the cut-out square; 16 when retraining CIFAR at 32×32, 0 in searches.
 */
export function trainTransform(
  { mean, std, train }: Pick<Dataset, 'mean' | 'std' | 'train'>,
  cutout = 0,
): Transform {
  return { mean, std, pad: train.side / 8, flip: true, cutout };
}

/** The transform of test images: normalize, nothing random. */
export function evalTransform({ mean, std }: Pick<Dataset, 'mean' | 'std'>): Transform {
  return { mean, std, pad: 0, flip: false, cutout: 0 };
}

/**
 * The rows, or columns, that a cut-out of side `length` centred on one of them sets to zero: [c − ⌊l/2⌋, c + ⌊l/2⌋), clipped
 * to the image (so an odd length cuts one pixel less, as in the reference).
 */
export function cutoutRange(center: number, length: number, side: number): [from: number, to: number] {
  const half = Math.floor(length / 2);
  return [Math.max(0, center - half), Math.min(side, center + half)];
}

/** What chance decides for one image. */
export interface Draw {
  /** Where the crop begins in the padded image, 0 … 2·pad. */
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
  /** The centre of the cut-out, uniform over all pixels. */
  readonly centerY: number;
  readonly centerX: number;
  /** Whether there is a cut-out at all. */
  readonly cut: boolean;
}

/**
 * The draws for one image. All six are made whatever the transform uses, so switching one part off leaves the others as
 * they were.
 */
export function drawAugmentation(
  transform: Pick<Transform, 'pad' | 'flip' | 'cutoutProbability'>,
  side: number,
  from: Key,
): Draw {
  const u = uniform(from, 6);
  const positions = 2 * transform.pad + 1;
  return {
    top: Math.floor(u[0] * positions),
    left: Math.floor(u[1] * positions),
    flip: transform.flip && u[2] < 0.5,
    centerY: Math.floor(u[3] * side),
    centerX: Math.floor(u[4] * side),
    cut: u[5] < (transform.cutoutProbability ?? 1),
  };
}

/**
 * The 256 normalized values of each channel, one channel after the other: (byte/255 − mean)/std, each operation rounded to
 * float32 as PyTorch's ToTensor and Normalize do it.
 */
export function normalizedValues(mean: readonly number[], std: readonly number[]): Float32Array {
  const f = Math.fround;
  const values = new Float32Array(3 * 256);
  for (let c = 0; c < 3; c++) {
    for (let byte = 0; byte < 256; byte++) values[c * 256 + byte] = f(f(byte / 255) - f(mean[c])) / f(std[c]);
  }
  return values;
}

/**
 * A batch of transformed images: a pure function of its arguments (the same key gives the same bits, and image i of the
 * batch depends only on its index in the set, its place i and the key).
 *
 * Padding is black *before* normalizing, so a padded pixel has the value (0 − mean)/std, as in the reference; a cut-out
 * pixel is 0 after it.
 *
 * @param set        The images.
 * @param indices    Which of them, [n].
 * @param transform  What to do with them.
 * @param key        Randomness of the whole batch; it decides nothing where nothing in the transform is random.
 * @throws ZartsError  for an index outside the set.
 */
export function batchOf(set: ImageSet, indices: Int32Array, transform: Transform, key: Key): Batch {
  const { images, side, count } = set;
  const { pad, cutout } = transform;
  const row = side * 3;
  const size = side * row;
  const batch = new Float32Array(indices.length * size);
  const values = normalizedValues(transform.mean, transform.std);
  const black = Float32Array.from({ length: row }, (_, i) => values[(i % 3) * 256]);

  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if (!(index >= 0 && index < count)) {
      throw new ZartsError(`Image ${index} of the batch is outside the set of ${count}.`);
    }
    const start = i * size;
    const draw = drawAugmentation(transform, side, foldIn(key, i));
    const dy = draw.top - pad;
    const dx = draw.left - pad;
    // Columns of the crop that lie in the image, [from, to); the rest is padding.
    const from = Math.max(0, -dx);
    const to = Math.min(side, side - dx);
    const first = draw.flip ? side - 1 - from : from;
    for (let y = 0; y < side; y++) {
      const line = start + y * row;
      const source = y + dy;
      const inside = source >= 0 && source < side;
      if (!inside || to - from < side) batch.set(black, line);
      if (!inside) continue;
      const at = index * size + source * row + (from + dx) * 3;
      copyPixels(images, at, batch, line + first * 3, to - from, draw.flip ? -3 : 3, values);
    }
    if (cutout > 0 && draw.cut) {
      const [top, bottom] = cutoutRange(draw.centerY, cutout, side);
      const [left, right] = cutoutRange(draw.centerX, cutout, side);
      for (let y = top; y < bottom; y++)
        batch.fill(0, start + y * row + left * 3, start + y * row + right * 3);
    }
  }
  return {
    images: { shape: [indices.length, side, side, 3], data: batch },
    labels: { shape: [indices.length], data: indices.map((index) => set.labels[index]) },
  };
}

/**
 * Looks up the normalized values of pixels in a row.
 *
 * @param pixels  [n, 3] bytes; `from` is the index of the first.
 * @param batch   Where to, from index `to` on.
 * @param count   How many pixels.
 * @param step    How far apart they are written: 3, or −3 for mirrored.
 * @param values  [3 · 256], as {@link normalizedValues}.
 */
export function copyPixels(
  pixels: Uint8Array,
  from: number,
  batch: Float32Array,
  to: number,
  count: number,
  step: 3 | -3,
  values: Float32Array,
): void {
  for (let n = 0; n < count; n++, from += 3, to += step) {
    batch[to] = values[pixels[from]];
    batch[to + 1] = values[256 + pixels[from + 1]];
    batch[to + 2] = values[512 + pixels[from + 2]];
  }
}
