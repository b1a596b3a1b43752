import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import type { Batch } from './augment.js';
import type { PhotoPlace } from './catalog.js';
import type { PhotoSplit } from './imagenet.js';
import { loadSharp, undecodable } from './photo-decoder.js';
import type { PhotoSettings, ShareReply, ShareRequest } from './photo-worker.js';

/** How photographs are made into batches. */
export interface PhotoLoaderOptions extends PhotoSettings {
  /** An image that cannot be decoded ends the work (`fail`, if left out), or is named and the next one taken (`skip`). */
  readonly onUndecodable?: 'fail' | 'skip';
  /** Decoding threads; if left out as many as processors but one, which is left to the thread that trains. */
  readonly threads?: number;
}

/** How many images in a row may be undecodable before the data set is given up. */
const MOST_PASSED_OVER = 100;

/** A decoding thread. */
interface Thread {
  readonly worker: Worker;
  /** Why it has ended. */
  readonly ended: Promise<Error>;
}

function startThread(workerData: PhotoSettings & PhotoPlace): Thread {
  const worker = new Worker(join(__dirname, 'photo-worker.js'), { workerData });
  worker.unref();
  const ended = new Promise<Error>((resolve) => {
    const closed = new ZartsError('The loader of photographs was closed.');
    worker.once('error', resolve).once('exit', () => {
      resolve(closed);
    });
  });
  return { worker, ended };
}

/** What a thread answers. While that is waited for, and only then, it keeps the process alive. */
function ask({ worker, ended }: Thread, request: ShareRequest): Promise<ShareReply> {
  const { port1: reply, port2: answer } = new MessageChannel();
  worker.postMessage({ request, answer }, [answer]);
  return new Promise((resolve, reject) => {
    reply.once('message', (told: ShareReply) => {
      reply.removeAllListeners().close();
      resolve(told);
    });
    // The thread has ended without an answer.
    reply.once('close', () => {
      worker.ref();
      void ended.then(reject);
    });
  });
}

/** Decodes photographs in threads of its own, while this one computes. */
export class PhotoLoader {
  /** The images that could not be decoded so far, by name, with the reasons. */
  readonly undecodable = new Map<string, string>();
  private readonly threads: readonly Thread[];
  private readonly side: number;
  private readonly fails: boolean;
  private closed = false;

  /** Starts the decoding threads for a split's images. */
  constructor(
    private readonly photos: PhotoSplit,
    {
      threads = Math.max(1, availableParallelism() - 1),
      onUndecodable = 'fail',
      ...settings
    }: PhotoLoaderOptions,
  ) {
    if (!Number.isInteger(threads) || threads < 1) {
      throw new ZartsError(`The number of decoding threads is ${threads}; it must be an integer from 1 up.`);
    }
    this.side = settings.transform.side;
    this.fails = onUndecodable === 'fail';
    loadSharp();
    const { root, split } = photos.catalog;
    this.threads = Array.from({ length: threads }, () => startThread({ ...settings, root, split }));
  }

  /**
   * Images by their indices in the catalog, in memory that threads share: a pure function of indices and key, whatever the
   * number of threads. In place of one that is passed over stands the next of the split, with its label.
   *
   * @param key   Randomness of the whole batch; image i depends on its index, its place i and the key.
   * @param into  A batch whose memory may be used again.
   * @throws ZartsError  for an image that cannot be read or, if that is to end the work, decoded.
   */
  async load(indices: Int32Array, key: Key, into?: Batch): Promise<Batch> {
    if (this.closed) throw new ZartsError('The loader of photographs is closed.');
    const { indices: own, catalog } = this.photos;
    const { entries } = catalog;
    const outside = indices.find((index) => !(index >= 0 && index < entries.length));
    if (outside !== undefined) {
      throw new ZartsError(`Image ${outside} of the batch is outside the set of ${entries.length}.`);
    }
    const batch = into?.labels.data.length === indices.length ? into : this.emptyBatch(indices.length);
    let places = [...indices.keys()];
    for (let passed = 0; places.length > 0; passed++) {
      const entryAt = (place: number) => {
        const index = indices[place];
        return entries[passed === 0 ? index : own[(own.indexOf(index) + passed) % own.length]];
      };
      const photos = places.map((place) => ({ place, entry: entryAt(place) }));
      for (const { place, entry } of photos) batch.labels.data[place] = entry.label;
      const faults = await this.decode(photos, key, batch.images.data);
      for (const [place, reason] of faults) this.passOver(entryAt(place).file, reason, passed + 1);
      places = faults.map(([place]) => place);
    }
    return batch;
  }

  /** Decodes photographs into their places, shared among the threads; those that cannot be, with the reasons. */
  private async decode(photos: ShareRequest['photos'], key: Key, images: Float32Array) {
    const { threads } = this;
    const replies = await Promise.all(
      threads.map((thread, t) => {
        const share = photos.filter((_, i) => i % threads.length === t);
        return ask(thread, { photos: share, key, images });
      }),
    );
    const failure = replies.find((reply) => reply.failure !== undefined)?.failure;
    if (failure !== undefined) throw new ZartsError(failure);
    return replies.flatMap((reply) => reply.undecodable);
  }

  /** Notes an image that cannot be decoded, so that the next one is taken. @param inRow  How many there were in a row. */
  private passOver(name: string, reason: string, inRow: number): void {
    const { catalog, indices } = this.photos;
    const { root } = catalog;
    if (this.fails) throw undecodable(`${name} (in ${root})`, reason);
    this.undecodable.set(name, reason);
    if (inRow < Math.min(MOST_PASSED_OVER, indices.length)) return;
    throw new ZartsError(
      `${inRow} images in a row in ${root} cannot be decoded, the last of them ${name} (${reason}): these are not the images of the data set, copy them again.`,
    );
  }

  private emptyBatch(count: number): Batch {
    const shape = [count, this.side, this.side, 3];
    const shared = new SharedArrayBuffer(4 * count * this.side ** 2 * 3);
    return {
      images: { shape, data: new Float32Array(shared) },
      labels: { shape: [count], data: new Int32Array(count) },
    };
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.threads.map(({ worker }) => worker.terminate()));
  }
}

/** A batch that may be asked for. */
export interface Asked {
  /** Tells it from others. */
  readonly id: string;
  /** Begins it. @param into  A batch whose memory may be used again. */
  readonly load: (into?: Batch) => Promise<Batch>;
}

/**
 * Hands out a batch and begins those that come next, while it is trained on. Training may block this thread: the decoding
 * ones have been told what to do before. A batch is valid until the next one is asked for, which may use its memory.
 */
export function decodedAhead(): (wanted: Asked, next: readonly Asked[]) => Promise<Batch> {
  let begun: { readonly id: string; readonly batch: Promise<Batch> }[] = [];
  return async (wanted, next) => {
    const asked = [wanted, ...next];
    // The one handed out last, and what was begun for others (the order was left): free once nobody writes into it.
    const over = begun.filter(({ id }) => asked.every((each) => each.id !== id));
    const free = await Promise.all(over.map(({ batch }) => batch.catch(() => undefined)));
    begun = asked.map(({ id, load }) => {
      const known = begun.find((each) => each.id === id);
      if (known) return known;
      const batch = load(free.pop());
      batch.catch(() => undefined); // told when it is asked for
      return { id, batch };
    });
    return begun[0].batch;
  };
}
