import { createHash } from 'node:crypto';

/** Images as bytes with their labels. */
export interface ImageSet {
  /** [count, height, width, channels], 0 … 255. */
  readonly images: Uint8Array;
  /** [count], each 0 … classes − 1. */
  readonly labels: Int32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Images in the order of bytes of the file that they come from. */
export interface Chunk {
  /** The class of each image. */
  readonly labels: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Where in a chunk's bytes the pixels are: pixel [i, y, x, c] at first + i·image + y·row + x·column + c·plane. */
export interface PixelLayout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly first: number;
  readonly image: number;
  readonly row: number;
  readonly column: number;
  readonly plane: number;
}

interface Size {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** One plane a channel, rows from top to bottom, after so many bytes of labels: CIFAR's records. */
export function recordLayout({ height, width, channels }: Size, labelBytes: number): PixelLayout {
  const plane = height * width;
  const image = labelBytes + plane * channels;
  return { height, width, channels, first: labelBytes, image, row: width, column: 1, plane };
}

/** An array [height, width, channels, n] whose first index runs fastest: MATLAB's order. */
export function columnMajorLayout({ height, width, channels }: Size): PixelLayout {
  const plane = height * width;
  return { height, width, channels, first: 0, image: plane * channels, row: 1, column: height, plane };
}

/**
 * Turns bytes as files have them into images of the given side length.
 *
 * @param chunks  Whole images, chunk after chunk; their labels have been checked.
 * @param count   How many images to take from the front.
 * @param side    Side length of the images: the layout's own, or a divisor of it; squares of pixels are averaged, halves
 *   rounded up.
 */
export function decodeImages(
  chunks: readonly Chunk[],
  count: number,
  layout: PixelLayout,
  side: number,
): ImageSet {
  const { channels, row, column, plane } = layout;
  const square = layout.width / side;
  const area = square * square;
  const images = new Uint8Array(count * side * side * channels);
  const labels = new Int32Array(count);
  let taken = 0;
  let to = 0;
  for (const chunk of chunks) {
    const { bytes } = chunk;
    for (let i = 0; i < chunk.labels.length && taken < count; i++) {
      labels[taken++] = chunk.labels[i];
      const start = layout.first + i * layout.image;
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const corner = start + (y * row + x * column) * square;
          for (let c = 0; c < channels; c++) {
            const at = corner + c * plane;
            if (square === 1) {
              images[to++] = bytes[at];
            } else {
              let sum = area >> 1;
              for (let j = 0; j < square; j++)
                for (let k = 0; k < square; k++) sum += bytes[at + j * row + k * column];
              images[to++] = Math.floor(sum / area);
            }
          }
        }
      }
    }
  }
  return { images, labels, count, height: side, width: side, channels };
}

/** SHA-256 (hexadecimal) of exactly what is handed over: shapes, labels and pixels of both sets. */
export function digestImages(sets: readonly ImageSet[]): string {
  const hash = createHash('sha256');
  for (const { images, labels, count, height, width, channels } of sets) {
    hash.update(`${count}x${height}x${width}x${channels}\n`);
    hash.update(Uint8Array.from(labels)); // labels fit in a byte: they come from one
    hash.update(images);
  }
  return hash.digest('hex');
}
