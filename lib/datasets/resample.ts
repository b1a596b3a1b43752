/** Bytes of pixels resized as Pillow does it (its Resample.c, bilinear with antialiasing), to the same bytes. */
import type { Rectangle } from './photo-transform.js';

/** An image's pixels, [height, width, 3] bytes. */
export interface Pixels {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Bits after the point of a weight: a weighted sum of bytes, with two bits to spare, fits into 32. */
const BITS = 32 - 8 - 2;

/** What the pixels of one direction are made of: of each, where its first source lies, how many there are, and their weights. */
interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** [pixels, most] in fixed point. */
  readonly weights: Int32Array;
  /** Sources of a pixel at most. */
  readonly most: number;
}

/** The weights of `pixels` pixels from `start` of a row of `from` that is resized to `to`: a triangle, as wide as it must be. */
function weightsOf(from: number, to: number, start: number, pixels: number): Weights {
  const scale = from / to;
  // Shrunk, a pixel is a mean over all that it covers; enlarged, it lies between two.
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const [first, count] = [new Int32Array(pixels), new Int32Array(pixels)];
  const weights = new Int32Array(pixels * most);
  const row = new Float64Array(most);
  for (let i = 0; i < pixels; i++) {
    const centre = (start + i + 0.5) * scale;
    const least = Math.max(0, Math.trunc(centre - support + 0.5));
    const sources = Math.min(from, Math.trunc(centre + support + 0.5)) - least;
    let sum = 0;
    for (let k = 0; k < sources; k++) {
      const away = Math.abs((least + k - centre + 0.5) * (1 / support));
      sum += row[k] = away < 1 ? 1 - away : 0;
    }
    for (let k = 0; k < sources; k++) {
      const share = sum === 0 ? row[k] : row[k] / sum;
      weights[i * most + k] = Math.trunc(0.5 + share * 2 ** BITS);
    }
    first[i] = least;
    count[i] = sources;
  }
  return { first, count, weights, most };
}

const HALF = 2 ** (BITS - 1);

/** A weighted sum of bytes is never less than 0, and by rounding at most a little more than 255. */
const byteOf = (sum: number): number => {
  const value = sum >> BITS;
  return value > 255 ? 255 : value;
};

/** The columns of some rows, resized. */
function acrossColumns(
  { bytes, width, height }: Pixels,
  { first, count, weights, most }: Weights,
): Uint8Array {
  const pixels = first.length;
  const out = new Uint8Array(height * pixels * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < pixels; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let from = 3 * (row + first[x]);
      const end = x * most + count[x];
      for (let k = x * most; k < end; k++, from += 3) {
        const weight = weights[k];
        // In 32 bits throughout, which the sums fit in: the compiler need not look for more.
        red = (red + Math.imul(bytes[from], weight)) | 0;
        green = (green + Math.imul(bytes[from + 1], weight)) | 0;
        blue = (blue + Math.imul(bytes[from + 2], weight)) | 0;
      }
      out[at++] = byteOf(red);
      out[at++] = byteOf(green);
      out[at++] = byteOf(blue);
    }
  }
  return out;
}

/** The rows, resized. @param skipped  Rows that the bytes begin after. */
function acrossRows(
  bytes: Uint8Array,
  width: number,
  skipped: number,
  { first, count, weights, most }: Weights,
): Uint8Array {
  const row = 3 * width;
  const out = new Uint8Array(first.length * row);
  const sums = new Int32Array(row);
  for (let y = 0; y < first.length; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * most + k];
      const from = (first[y] + k - skipped) * row;
      for (let i = 0; i < row; i++) sums[i] = (sums[i] + Math.imul(bytes[from + i], weight)) | 0;
    }
    for (let i = 0; i < row; i++) out[y * row + i] = byteOf(sums[i]);
  }
  return out;
}

/**
 * A rectangle of an image that is resized to width × height, as Pillow's `resize(…, BILINEAR)` gives it (columns first, bytes
 * between the two directions; a direction that keeps its length is not touched).
 *
 * @param window  The part of the resized image that is wanted; all of it when left out.
 */
export function resample(
  image: Pixels,
  width: number,
  height: number,
  window: Rectangle = { left: 0, top: 0, width, height },
): Uint8Array {
  const rows = weightsOf(image.height, height, window.top, window.height);
  const last = window.height - 1;
  // Only the rows that the wanted ones are made of.
  const [top, bottom] =
    height === image.height
      ? [window.top, window.top + window.height]
      : [rows.first[0], rows.first[last] + rows.count[last]];
  const cut = {
    bytes: image.bytes.subarray(3 * top * image.width, 3 * bottom * image.width),
    width: image.width,
    height: bottom - top,
  };
  const narrow =
    width === image.width
      ? columnsOf(cut, window.left, window.width)
      : acrossColumns(cut, weightsOf(image.width, width, window.left, window.width));
  return height === image.height ? narrow : acrossRows(narrow, window.width, top, rows);
}

/** Some columns of an image. */
function columnsOf({ bytes, width, height }: Pixels, left: number, columns: number): Uint8Array {
  if (columns === width) return bytes.slice();
  const out = new Uint8Array(3 * height * columns);
  for (let y = 0; y < height; y++) {
    const from = 3 * (y * width + left);
    out.set(bytes.subarray(from, from + 3 * columns), 3 * y * columns);
  }
  return out;
}

/** Mirrors an image left to right, in place. */
export function mirror(bytes: Uint8Array, width: number): void {
  for (let row = 0; row < bytes.length; row += 3 * width) {
    for (let left = row, right = row + 3 * (width - 1); left < right; left += 3, right -= 3) {
      for (let c = 0; c < 3; c++) {
        const kept = bytes[left + c];
        bytes[left + c] = bytes[right + c];
        bytes[right + c] = kept;
      }
    }
  }
}

/** Colours as Pillow converts CMYK to RGB: inks by bytes, [n, 4], to [n, 3]. */
export function fromInks(inks: Uint8Array): Uint8Array {
  const pixels = inks.length / 4;
  const out = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    const white = 255 - inks[4 * i + 3];
    for (let c = 0; c < 3; c++) {
      // A product of bytes by 255, rounded, as Pillow has it without dividing.
      const product = inks[4 * i + c] * white + 128;
      const value = white - (((product >> 8) + product) >> 8);
      out[3 * i + c] = value < 0 ? 0 : value;
    }
  }
  return out;
}
