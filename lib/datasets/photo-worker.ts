/** A decoding thread: turns its share of each batch's photographs into normalized values, in shared memory. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { foldIn } from '../math/random.js';
import { copyPixels, normalizedValues } from './augment.js';
import type { CatalogEntry, PhotoPlace } from './catalog.js';
import { UndecodableError, photoReader, transformPhoto } from './photo-decoder.js';
import type { PhotoTransform } from './photo-transform.js';

/** How photographs are made into batches: what a thread is started with, beside where they are. */
export interface PhotoSettings {
  readonly transform: PhotoTransform;
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A thread's share of a batch. */
export interface ShareRequest {
  readonly photos: readonly { readonly place: number; readonly entry: CatalogEntry }[];
  readonly key: Key;
  /** Shared: [n, side, side, 3]. */
  readonly images: Float32Array;
}

/** The share is done: which places have a photograph that cannot be decoded, and why; or what it failed of. */
export interface ShareReply {
  readonly undecodable: readonly (readonly [place: number, reason: string])[];
  readonly failure?: string;
}

const { transform, mean, std, ...place } = workerData as PhotoSettings & PhotoPlace;
const read = photoReader(place);
const values = normalizedValues(mean, std);

/** Fills one place of a batch, or says why it cannot. */
async function fill(
  { place, entry }: ShareRequest['photos'][number],
  { key, images }: ShareRequest,
): Promise<ShareReply['undecodable']> {
  const count = transform.side ** 2;
  try {
    const pixels = await transformPhoto(await read(entry), transform, foldIn(key, place));
    copyPixels(pixels, 0, images, 3 * count * place, count, 3, values);
    return [];
  } catch (error) {
    if (error instanceof UndecodableError) return [[place, error.message]];
    throw error;
  }
}

async function work(request: ShareRequest): Promise<ShareReply> {
  try {
    // libvips decodes a few at a time while the colours of others are changed here.
    const told = await Promise.all(request.photos.map((photo) => fill(photo, request)));
    return { undecodable: told.flat() };
  } catch (error) {
    if (error instanceof ZartsError) return { undecodable: [], failure: error.message };
    throw error; // ends the thread, and all who wait for it are told
  }
}

// One batch after the other: those asked for first are needed first.
let queue: Promise<void> = Promise.resolve();
parentPort!.on('message', ({ request, answer }: { request: ShareRequest; answer: MessagePort }) => {
  queue = queue.then(async () => {
    answer.postMessage(await work(request));
  });
});
