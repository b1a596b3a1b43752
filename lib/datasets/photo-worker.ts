/** A decoding thread: turns its share of each batch's photographs into normalized values, in shared memory. */
import { parentPort, workerData } from 'node:worker_threads';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { foldIn } from '../math/random.js';
import { copyPixels, normalizedValues } from './augment.js';
import { entryOf } from './catalog.js';
import type { Catalog } from './catalog.js';
import { UndecodableError, photoReader, transformPhoto } from './photo-decoder.js';
import type { PhotoTransform } from './photo-transform.js';

/** How photographs are made into batches. */
export interface PhotoSettings {
  readonly transform: PhotoTransform;
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** An image that cannot be decoded ends the work (`fail`, if left out), or is named and the next one taken (`skip`). */
  readonly onUndecodable?: 'fail' | 'skip';
}

/** What a thread is started with. */
export interface WorkerSettings extends PhotoSettings {
  readonly catalog: Catalog;
  /** This thread's number, and of how many: it does every `threads`-th image of a batch. */
  readonly thread: number;
  readonly threads: number;
}

/** A batch to be filled. */
export interface BatchRequest {
  readonly id: number;
  /** [n] indices into the catalog. */
  readonly indices: Int32Array;
  readonly key: Key;
  /** Shared: [n, side, side, 3], and [n] the labels of what was written. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** Names of images that were passed over, and why. */
type Undecodable = (readonly [name: string, reason: string])[];

/** A thread's share of a batch is done, or has failed. */
export interface BatchReply {
  readonly id: number;
  readonly undecodable: Undecodable;
  /** Why it failed, and whether that is a sentence for a person. */
  readonly failure?: { readonly told: string; readonly expected: boolean };
}

/** How many images in a row may be undecodable before the data set is given up. */
const MOST_PASSED_OVER = 100;

const {
  catalog,
  transform,
  mean,
  std,
  onUndecodable = 'fail',
  thread,
  threads,
} = workerData as WorkerSettings;
const read = photoReader(catalog);
const values = normalizedValues(mean, std);

/** Fills one place of a batch. */
async function fill(
  { indices, key, images, labels }: BatchRequest,
  place: number,
  undecodable: Undecodable,
): Promise<void> {
  const { side } = transform;
  for (let passed = 0; ; passed++) {
    const index = (indices[place] + passed) % catalog.count;
    try {
      const photo = await read(index);
      const { pixels, flip } = await transformPhoto(photo, transform, foldIn(key, place));
      for (let y = 0; y < side; y++) {
        const to = (place * side + y) * side + (flip ? side - 1 : 0);
        copyPixels(pixels, y * side * 3, images, 3 * to, side, flip ? -3 : 3, values);
      }
      labels[place] = catalog.labels[index];
      return;
    } catch (error) {
      if (!(error instanceof UndecodableError)) throw error;
      const name = entryOf(catalog, index).file;
      if (onUndecodable === 'fail') {
        throw new ZartsError(
          `${name} (in ${catalog.root}) cannot be decoded: ${error.message}; replace the file, or pass over such photographs with --skip-undecodable.`,
        );
      }
      undecodable.push([name, error.message]);
      if (passed + 1 >= Math.min(MOST_PASSED_OVER, catalog.count)) {
        throw new ZartsError(
          `${passed + 1} images in a row in ${catalog.root} cannot be decoded, the last of them ${name} (${error.message}): these are not the images of the data set, copy them again.`,
        );
      }
    }
  }
}

async function work(request: BatchRequest): Promise<BatchReply> {
  const undecodable: Undecodable = [];
  try {
    // libvips decodes a few at a time while the colours of others are changed here.
    const own = [...request.indices.keys()].filter((place) => place % threads === thread);
    await Promise.all(own.map((place) => fill(request, place, undecodable)));
    return { id: request.id, undecodable };
  } catch (error) {
    const expected = error instanceof ZartsError;
    const told = expected ? error.message : ((error as Error).stack ?? String(error));
    return { id: request.id, undecodable, failure: { told, expected } };
  }
}

// One batch after the other: those asked for first are needed first.
let queue: Promise<void> = Promise.resolve();
parentPort!.on('message', (request: BatchRequest) => {
  queue = queue.then(async () => {
    parentPort!.postMessage(await work(request));
  });
});
