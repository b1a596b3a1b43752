import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
// Threads may load it only once the main thread has.
import 'sharp';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import { foldIn } from '../math/random.js';
import type { Batch } from './augment.js';
import type { BatchSequence } from './batches.js';
import { shared } from './catalog.js';
import type { Catalog } from './catalog.js';
import type { PhotoTransform } from './photo-transform.js';
import type { BatchReply, BatchRequest, Undecodable, WorkerSettings } from './photo-worker.js';

/** How photographs are made into batches. */
export interface PhotoLoaderOptions {
  readonly transform: PhotoTransform;
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** An image that cannot be decoded ends the work (`fail`), or is named, counted, and the next one taken (`skip`). */
  readonly onUndecodable?: 'fail' | 'skip';
  /** Decoding threads; one less than there are processors when left out. */
  readonly threads?: number;
}

/** Decodes photographs in threads of its own, while this one computes. */
export interface PhotoLoader {
  readonly side: number;
  /**
   * The images of a catalog by their indices, in memory that threads share: a pure function of indices and key, whatever the number of threads.
   *
   * @param key   Randomness of the whole batch; image i depends on its index, its place i and the key.
   * @param into  A batch of the same size to write into.
   * @throws ZartsError  for an image that cannot be read or, if that is to end the work, decoded.
   */
  load(indices: Int32Array, key: Key, into?: Batch): Promise<Batch>;
  /** The images that could not be decoded so far, by name, with the reasons. */
  readonly undecodable: ReadonlyMap<string, string>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** The decoding threads when none are asked for: one processor is left to the thread that trains. */
export function defaultThreads(): number {
  return Math.max(1, availableParallelism() - 1);
}

interface Pending {
  readonly batch: Batch;
  waiting: number;
  failure?: Error;
  resolve(batch: Batch): void;
  reject(error: Error): void;
}

class ThreadedLoader implements PhotoLoader {
  readonly side: number;
  readonly undecodable = new Map<string, string>();
  private readonly pending = new Map<number, Pending>();
  private readonly workers: Worker[];
  private asked = 0;
  private closed = false;

  constructor(
    private readonly catalog: Catalog,
    { transform, mean, std, onUndecodable = 'fail', threads = defaultThreads() }: PhotoLoaderOptions,
  ) {
    this.side = transform.side;
    this.workers = Array.from({ length: threads }, (_, thread) => {
      const workerData: WorkerSettings = { catalog, transform, mean, std, onUndecodable, thread, threads };
      const worker = new Worker(join(__dirname, 'photo-worker.js'), { workerData });
      worker.on('message', (reply: BatchReply) => {
        this.receive(reply);
      });
      worker.on('error', (error) => {
        this.failAll(error);
      });
      // Only a batch that is waited for keeps the process alive.
      worker.unref();
      return worker;
    });
  }

  load(indices: Int32Array, key: Key, into?: Batch): Promise<Batch> {
    if (this.closed) return Promise.reject(new ZartsError('The loader of photographs is closed.'));
    const outside = indices.find((index) => !(index >= 0 && index < this.catalog.count));
    if (outside !== undefined) {
      return Promise.reject(
        new ZartsError(`Image ${outside} of the batch is outside the set of ${this.catalog.count}.`),
      );
    }
    const count = indices.length;
    const batch = into ?? {
      images: {
        shape: [count, this.side, this.side, 3],
        data: shared(Float32Array, count * this.side ** 2 * 3),
      },
      labels: { shape: [count], data: shared(Int32Array, count) },
    };
    if (batch.labels.data.length !== count) {
      return Promise.reject(
        new ZartsError(`The batch to write into has ${batch.labels.data.length} images, expected ${count}.`),
      );
    }
    const { images, labels } = batch;
    const request: BatchRequest = {
      id: this.asked++,
      indices,
      key,
      images: images.data,
      labels: labels.data,
    };
    return new Promise((resolve, reject) => {
      if (this.pending.size === 0) for (const worker of this.workers) worker.ref();
      this.pending.set(request.id, { batch, waiting: this.workers.length, resolve, reject });
      for (const worker of this.workers) worker.postMessage(request);
    });
  }

  private receive(reply: BatchReply): void {
    const pending = this.pending.get(reply.id);
    if (!pending) return;
    if ('error' in reply) pending.failure ??= failureOf(reply);
    else this.note(reply.undecodable);
    pending.waiting--;
    if (pending.waiting > 0) return; // some thread still writes into it
    this.settle(reply.id);
    if (pending.failure) pending.reject(pending.failure);
    else pending.resolve(pending.batch);
  }

  private note(undecodable: readonly Undecodable[]): void {
    for (const { name, reason } of undecodable) this.undecodable.set(name, reason);
  }

  private settle(id: number): void {
    this.pending.delete(id);
    if (this.pending.size === 0) for (const worker of this.workers) worker.unref();
  }

  private failAll(error: Error): void {
    for (const [id, pending] of [...this.pending]) {
      this.settle(id);
      pending.reject(error);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    this.failAll(new ZartsError('The loader of photographs was closed.'));
  }
}

function failureOf({ error, expected }: { readonly error: string; readonly expected: boolean }): Error {
  return expected ? new ZartsError(error) : new Error(`A decoding thread failed: ${error}`);
}

/** Starts the decoding threads for a catalog's images. */
export function openPhotoLoader(catalog: Catalog, options: PhotoLoaderOptions): PhotoLoader {
  const { threads = defaultThreads() } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ZartsError(`The number of decoding threads is ${threads}; it must be an integer from 1 up.`);
  }
  return new ThreadedLoader(catalog, options);
}

/** Batches made ahead of the step that needs them. */
export interface PhotoStream {
  /**
   * The batch of a step, and the beginning of those of the steps after it. Its memory is used again for a batch asked for
   * later: it is valid until the next call.
   */
  at(step: number): Promise<Batch>;
}

/**
 * The batches of a sequence, `ahead` of them decoded while the present one is trained on. Training may block this thread:
 * the decoding ones have been told what to do before. A batch depends on its step alone (its randomness is
 * foldIn(key, step)), so a resumed run sees what it would have seen.
 *
 * @param steps  How many there are: nothing is decoded beyond them.
 */
export function photoStream(
  loader: PhotoLoader,
  sequence: BatchSequence,
  steps: number,
  key: Key,
  ahead = 2,
): PhotoStream {
  const underWay = new Map<number, Promise<Batch>>();
  const free: Batch[] = [];
  let lent: Batch | undefined;
  const begin = (step: number): void => {
    if (step >= steps || underWay.has(step)) return;
    const batch = loader.load(sequence.at(step), foldIn(key, step), free.pop());
    batch.catch(() => undefined); // told when it is asked for
    underWay.set(step, batch);
  };
  return {
    async at(step) {
      if (lent) free.push(lent);
      lent = undefined;
      begin(step);
      const wanted = underWay.get(step)!;
      // What was begun for other steps (the order was left) is waited for and dropped.
      for (const [other, batch] of [...underWay]) {
        if (other >= step && other <= step + ahead) continue;
        underWay.delete(other);
        await batch.then((dropped) => free.push(dropped)).catch(() => undefined);
      }
      for (let next = step + 1; next <= step + ahead; next++) begin(next);
      underWay.delete(step);
      lent = await wanted;
      return lent;
    },
  };
}
