import { sha256 } from '../runs/canonical.js';
import { FILE_SIDE } from './registry.js';

/** Images as bytes with their labels. */
export interface ImageSet {
  /** [count, side, side, 3], 0 … 255. */
  readonly images: Uint8Array;
  /** [count], each 0 … classes − 1. */
  readonly labels: Int32Array;
  readonly count: number;
  readonly side: number;
}

/** Where pixels are among bytes: [i, y, x, c] at first + i·image + y·row + x·column + c·plane. */
export interface PixelLayout {
  readonly first: number;
  readonly image: number;
  readonly row: number;
  readonly column: number;
  readonly plane: number;
}

/** Images in the order of bytes of the file that they come from; their labels have been checked. */
export interface Chunk {
  /** The class of each image. */
  readonly labels: Uint8Array;
  readonly bytes: Uint8Array;
  readonly layout: PixelLayout;
}

/**
 * Images of the given side length.
 *
 * @param chunks  Whole images of 32×32, chunk after chunk.
 * @param count   How many images to take from the front.
 * @param side    A divisor of 32; squares of pixels are averaged, halves rounded up.
 */
export function decodeImages(chunks: readonly Chunk[], count: number, side: number): ImageSet {
  const square = FILE_SIDE / side;
  const area = square * square;
  const images = new Uint8Array(count * side * side * 3);
  const labels = new Int32Array(count);
  let taken = 0;
  let to = 0;
  for (const { labels: classes, bytes, layout } of chunks) {
    const { first, image, row, column, plane } = layout;
    for (let i = 0; i < classes.length && taken < count; i++) {
      labels[taken++] = classes[i];
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const corner = first + i * image + (y * row + x * column) * square;
          for (let c = 0; c < 3; c++) {
            const at = corner + c * plane;
            if (square === 1) {
              images[to++] = bytes[at];
              continue;
            }
            let sum = area >> 1;
            for (let j = 0; j < square; j++) {
              for (let k = 0; k < square; k++) sum += bytes[at + j * row + k * column];
            }
            images[to++] = Math.floor(sum / area);
          }
        }
      }
    }
  }
  return { images, labels, count, side };
}

/** SHA-256 of exactly what is handed over: shapes, labels and pixels of both sets. */
export function digestImages(sets: readonly ImageSet[]): string {
  const parts = sets.map(({ images, labels, count, side }) => [
    `${count}x${side}x${side}x3\n`,
    // Those of most sets fit in a byte; ImageNet's do not.
    labels.every((label) => label < 256) ? Uint8Array.from(labels) : new Uint8Array(labels.slice().buffer),
    images,
  ]);
  return sha256(...parts.flat());
}
