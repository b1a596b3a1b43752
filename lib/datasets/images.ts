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

/** How a record is laid out and what is made of it. */
export interface RecordLayout {
  readonly labelBytes: number;
  readonly labelAt: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Bytes a record takes in a file. */
export function recordBytes({ labelBytes, height, width, channels }: RecordLayout): number {
  return labelBytes + height * width * channels;
}

/**
 * Turns records (labels, then channel planes) into images of the given side length.
 *
 * @param chunks  Buffers of whole records, read one after the other; their labels have been checked.
 * @param count   How many records to take from the front.
 * @param side    Side length of the images: the layout's own, or a divisor of it; squares of pixels are averaged, halves
 *   rounded up.
 */
export function decodeRecords(
  chunks: readonly Uint8Array[],
  count: number,
  layout: RecordLayout,
  side: number,
): ImageSet {
  const { labelBytes, labelAt, width, channels } = layout;
  const record = recordBytes(layout);
  const plane = layout.height * width;
  const square = width / side;
  const area = square * square;
  const images = new Uint8Array(count * side * side * channels);
  const labels = new Int32Array(count);
  let taken = 0;
  let to = 0;
  for (const bytes of chunks) {
    for (let start = 0; start < bytes.length && taken < count; start += record) {
      labels[taken++] = bytes[start + labelAt];
      const pixels = start + labelBytes;
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const corner = pixels + (y * width + x) * square;
          for (let c = 0; c < channels; c++) {
            const at = corner + c * plane;
            if (square === 1) {
              images[to++] = bytes[at];
            } else {
              let sum = area >> 1;
              for (let j = 0; j < square; j++)
                for (let i = 0; i < square; i++) sum += bytes[at + j * width + i];
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
