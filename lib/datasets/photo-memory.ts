/** Photographs as a data set in memory, for searches, which see each image many times and small. */
import type { Key } from '../math/random.js';
import type { Progress } from '../progress.js';
import { silent } from '../progress.js';
import { range } from './batches.js';
import { ranksInClass } from './imagenet.js';
import type { PhotoDataset, PhotoSplit } from './imagenet.js';
import type { ImageSet } from './images.js';
import { digested } from './load.js';
import type { Dataset } from './load.js';
import { UndecodableError, photoReader, transformPhoto, undecodable } from './photo-decoder.js';

/** Not looked at where nothing is random. */
const UNUSED: Key = [0, 0];

/** Photographs decoded at a time. */
const CHUNK = 64;

/**
 * The indices of a split in an order of which every part has each class's share, so that the halves of a search
 * (./batches.ts), which are cut in the middle, both have all classes: by the share of its class that comes before each.
 */
function spreadClasses({ catalog, indices }: PhotoSplit): Int32Array {
  const labels = Array.from(indices, (index) => catalog.entries[index].label);
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const before = ranksInClass(labels).map((rank, i) => (rank + 0.5) / counts.get(labels[i])!);
  const order = range(indices.length).sort((a, b) => before[a] - before[b] || indices[a] - indices[b]);
  return order.map((i) => indices[i]);
}

/**
 * The photographs, each with its shorter side shrunk or enlarged to `side` and the middle of that; those for training in an
 * order of which every part has each class's share.
 *
 * @throws {ZartsError} for one that cannot be read or decoded.
 */
export async function photosInMemory(
  { train, test, ...facts }: PhotoDataset,
  side: number,
  { progress = silent, signal }: { readonly progress?: Progress; readonly signal?: AbortSignal } = {},
): Promise<Dataset> {
  const { name, coverage, classes, found, mean, std } = facts;
  const phase = progress.start('decoding the photographs', train.indices.length + test.indices.length);
  let done = 0;
  const decoded = async ({ catalog, indices }: PhotoSplit): Promise<ImageSet> => {
    const read = photoReader(catalog);
    const images = new Uint8Array(indices.length * side * side * 3);
    for (let start = 0; start < indices.length; start += CHUNK) {
      signal?.throwIfAborted();
      const chunk = [...indices.subarray(start, start + CHUNK)].map(async (index, i) => {
        const entry = catalog.entries[index];
        try {
          const photo = await read(entry);
          const pixels = await transformPhoto(photo, { kind: 'test', side, shorter: side }, UNUSED);
          images.set(pixels, (start + i) * side * side * 3);
        } catch (error) {
          if (!(error instanceof UndecodableError)) throw error;
          const image = `${entry.file} (in ${catalog.root})`;
          throw undecodable(image, error.message, 'take it out of the folder');
        }
      });
      await Promise.all(chunk);
      phase.update((done += chunk.length));
    }
    const labels = Int32Array.from(indices, (index) => catalog.entries[index].label);
    return { images, labels, count: indices.length, side };
  };
  try {
    const sets = [await decoded({ ...train, indices: spreadClasses(train) }), await decoded(test)] as const;
    return {
      ...{ name, coverage, classes, mean, std, ...(found ? { found } : {}) },
      ...digested(sets),
    };
  } finally {
    phase.end();
  }
}
