import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ZartsError } from '../errors.js';
import type { Key } from '../math/random.js';
import type { Batch } from './augment.js';
import type { Catalog } from './catalog.js';
import { loadSharp } from './photo-decoder.js';
import type { BatchReply, BatchRequest, PhotoSettings, WorkerSettings } from './photo-worker.js';

/** How photographs are made into batches. */
export interface PhotoLoaderOptions extends PhotoSettings {
  /** Decoding threads; if left out as many as processors but one, which is left to the thread that trains. */
  readonly threads?: number;
}

interface Pending {
  readonly batch: Batch;
  waiting: number;
  failure?: Error;
  resolve(batch: Batch): void;
  reject(error: Error): void;
}

/** Decodes photographs in threads of its own, while this one computes. */
export class PhotoLoader {
  /** The images that could not be decoded so far, by name, with the reasons. */
  readonly undecodable = new Map<string, string>();
  private readonly pending = new Map<number, Pending>();
  private readonly workers: Worker[];
  private readonly side: number;
  private asked = 0;
  private closed = false;

  /** Starts the decoding threads for a catalog's images. */
  constructor(
    private readonly catalog: Catalog,
    { threads = Math.max(1, availableParallelism() - 1), ...options }: PhotoLoaderOptions,
  ) {
    if (!Number.isInteger(threads) || threads < 1) {
      throw new ZartsError(`The number of decoding threads is ${threads}; it must be an integer from 1 up.`);
    }
    this.side = options.transform.side;
    loadSharp();
    this.workers = Array.from({ length: threads }, (_, thread) => {
      const workerData: WorkerSettings = { ...options, catalog, thread, threads };
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

  /**
   * The images of the catalog by their indices, in memory that threads share: a pure function of indices and key, whatever
   * the number of threads.
   *
   * @param key   Randomness of the whole batch; image i depends on its index, its place i and the key.
   * @param into  A batch whose memory may be used again.
   * @throws ZartsError  for an image that cannot be read or, if that is to end the work, decoded.
   */
  async load(indices: Int32Array, key: Key, into?: Batch): Promise<Batch> {
    if (this.closed) throw new ZartsError('The loader of photographs is closed.');
    const outside = indices.find((index) => !(index >= 0 && index < this.catalog.count));
    if (outside !== undefined) {
      throw new ZartsError(`Image ${outside} of the batch is outside the set of ${this.catalog.count}.`);
    }
    const batch = into?.labels.data.length === indices.length ? into : this.emptyBatch(indices.length);
    const id = this.asked++;
    const request: BatchRequest = { id, indices, key, images: batch.images.data, labels: batch.labels.data };
    return new Promise((resolve, reject) => {
      if (this.pending.size === 0) for (const worker of this.workers) worker.ref();
      this.pending.set(id, { batch, waiting: this.workers.length, resolve, reject });
      for (const worker of this.workers) worker.postMessage(request);
    });
  }

  private emptyBatch(count: number): Batch {
    const shape = [count, this.side, this.side, 3];
    const shared = (values: number): SharedArrayBuffer => new SharedArrayBuffer(4 * values);
    return {
      images: { shape, data: new Float32Array(shared(count * this.side ** 2 * 3)) },
      labels: { shape: [count], data: new Int32Array(shared(count)) },
    };
  }

  private receive(reply: BatchReply): void {
    const pending = this.pending.get(reply.id);
    if (!pending) return;
    for (const [name, reason] of reply.undecodable) this.undecodable.set(name, reason);
    if (reply.failure) {
      const { told, expected } = reply.failure;
      pending.failure ??= expected ? new ZartsError(told) : new Error(`A decoding thread failed: ${told}`);
    }
    pending.waiting--;
    if (pending.waiting > 0) return; // some thread still writes into it
    this.settle(reply.id);
    if (pending.failure) pending.reject(pending.failure);
    else pending.resolve(pending.batch);
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

  /** Ends the threads. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    this.failAll(new ZartsError('The loader of photographs was closed.'));
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
