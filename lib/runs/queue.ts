/**
 * The queue through which machines share the runs of tables: BullMQ on Redis or Valkey. It holds what is to be run and who is
 * at it; what a run is, and what came of it, is in the run store alone, so that a queue that is lost costs no result.
 */
import { readFileSync, statSync } from 'node:fs';
import type * as Bull from 'bullmq';
import type * as Ioredis from 'ioredis';
import { z } from 'zod';
import { UsageError, ZartsError } from '../errors.js';
import { lazily } from '../lazy.js';
import { explainFileError } from './files.js';

const loadBull = lazily<typeof Bull>('bullmq');
const loadRedis = lazily<typeof Ioredis>('ioredis');

/** The queue's name, and what its keys in Redis begin with. */
const QUEUE = 'runs';
const PREFIX = 'zarts';
/** Which tables want which runs. */
const TABLES = `${PREFIX}:tables`;

/** The oldest Redis that is taken. */
const LEAST_REDIS = 7;

/** Times that a run which fails is tried in all; the pauses between double. */
const ATTEMPTS = 3;
const BACKOFF_MS = 5_000;

/**
 * Milliseconds for which a worker has a run without renewing that: at half of it it renews, and a first call at full size may
 * keep it from that for 18 s.
 */
export const LOCK_MS = 60_000;

/** What a run's job holds besides its name, as JSON. */
export type Payload = Readonly<Record<string, unknown>>;

/** A run to be put into the queue. */
export interface Task {
  readonly id: string;
  /** In a few words. */
  readonly title: string;
  readonly payload: Payload;
}

/** Where a queue is: without what may not be seen. */
export interface QueueAddress {
  /** The whole URL, which holds a password if there is one. */
  readonly url: string;
  /** For sentences: "redis://host:6379". */
  readonly shown: string;
}

/**
 * The address of a queue.
 *
 * @param given  A URL; `@FILE`, a file that holds one; `env`, the variable ZARTS_QUEUE.
 * @throws {UsageError} for no URL of Redis, a file that others may read, and a password where the list of processes shows it.
 */
export function queueAddress(given: string, env: NodeJS.ProcessEnv = process.env): QueueAddress {
  const hidden = given === 'env' || given.startsWith('@');
  const text = given === 'env' ? (env.ZARTS_QUEUE ?? '') : hidden ? urlInFile(given.slice(1)) : given;
  const from = given === 'env' ? '$ZARTS_QUEUE' : hidden ? given.slice(1) : '--queue';
  const form =
    'redis://HOST:PORT, or rediss:// for TLS, with USER:PASSWORD@ before HOST and /DATABASE after it if needed';
  if (!URL.canParse(text)) throw new UsageError(`${from} holds no URL of a queue; it must be ${form}.`);
  const { protocol, hostname, port, password, pathname } = new URL(text);
  if (!['redis:', 'rediss:'].includes(protocol) || hostname === '' || !/^(\/\d*)?$/.test(pathname))
    throw new UsageError(`${from} holds no URL of a queue; it must be ${form}.`);
  if (password !== '' && !hidden) {
    throw new UsageError(
      'The password in --queue would be seen in the list of processes; put the URL into a file that only you may read and give --queue @FILE, or into $ZARTS_QUEUE and give --queue env.',
    );
  }
  return { url: text, shown: `${protocol}//${hostname}:${port || '6379'}${pathname}` };
}

function urlInFile(file: string): string {
  try {
    if ((statSync(file).mode & 0o077) !== 0 && process.platform !== 'win32')
      throw new UsageError(`${file} may be read by others than you; run: chmod 600 ${file}`);
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The URL of the queue cannot be read from ${file}: ${explainFileError(error)}.`);
  }
}

/**
 * A connection that goes on trying when it is lost, after the server was found fit.
 *
 * @throws {ZartsError} for a server that is unreachable, refuses the password, is too old, or may drop keys.
 */
async function connect({ url, shown }: QueueAddress): Promise<Ioredis.Redis> {
  const { Redis } = loadRedis();
  const once = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
  // The sentence is made of what the call below is refused with.
  let last: Error | undefined;
  once.on('error', (error: Error) => (last = error));
  try {
    await once.connect();
    checkServer(shown, await once.info());
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw unreachable(shown, last ?? (error as Error));
  } finally {
    once.disconnect();
  }
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => Math.min(250 * tries, 5_000),
  });
  redis.on('error', () => undefined);
  return redis;
}

function unreachable(shown: string, error: Error): ZartsError {
  if (/WRONGPASS|NOAUTH|invalid password|no password is set/i.test(error.message)) {
    return new ZartsError(
      `The queue at ${shown} refuses the password: the URL must have the right one (redis://USER:PASSWORD@HOST, in a file or $ZARTS_QUEUE).`,
    );
  }
  const why = error.message === '' ? explainFileError(error) : error.message;
  return new ZartsError(
    `The queue at ${shown} cannot be reached: ${why}. Start Redis there (Debian: apt-get install redis-server), or mend --queue.`,
  );
}

/** @throws {ZartsError} for a server that is too old, or that may drop keys. */
function checkServer(shown: string, info: string): void {
  const value = (name: string): string => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1].trim() ?? '';
  const version = value('redis_version');
  if (parseInt(version) < LEAST_REDIS) {
    throw new ZartsError(
      `The queue at ${shown} is Redis ${version}; it must be ${LEAST_REDIS} or later, or Valkey.`,
    );
  }
  const policy = value('maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new ZartsError(
      `The queue at ${shown} drops keys when its memory is full (maxmemory-policy ${policy}), and with them runs that wait: set it to noeviction (redis-cli config set maxmemory-policy noeviction).`,
    );
  }
}

const tableSchema = z.object({ ids: z.array(z.string()), enqueued: z.string() });

/** What a queue holds, by state. */
export interface Counts {
  readonly waiting: number;
  readonly active: number;
  /** Waiting for what they need first, or for the next try. */
  readonly delayed: number;
  /** Parked: they failed as often as they are tried. */
  readonly failed: number;
}

/** A run in the queue. */
export interface Queued {
  readonly id: string;
  readonly title: string;
  readonly state: keyof Counts;
  /** Of an active one: the worker that has it, and the share that is done. */
  readonly worker?: string;
  readonly share?: number;
  /** Of a parked one: why. */
  readonly error?: string;
}

/** A table that is computed through the queue. */
export interface QueuedTable extends Counts {
  readonly name: string;
  /** Runs that it wants in all; those in no state are finished. */
  readonly of: number;
  readonly enqueued: string;
}

const STATES = {
  waiting: ['wait', 'prioritized'],
  active: ['active'],
  delayed: ['delayed'],
  failed: ['failed'],
} as const;

/** Jobs asked for at once. */
const PAGE = 1_000;

/** A queue that is open. */
export class RunQueue {
  private constructor(
    readonly address: QueueAddress,
    private readonly redis: Ioredis.Redis,
    /** BullMQ's own, for its page. */
    readonly bull: Bull.Queue<Payload>,
  ) {}

  /** @throws as {@link queueAddress}; {ZartsError} for a server that cannot be used. */
  static async open(given: string): Promise<RunQueue> {
    const address = queueAddress(given);
    const redis = await connect(address);
    const bull = new (loadBull().Queue)<Payload>(QUEUE, {
      connection: redis,
      prefix: PREFIX,
      defaultJobOptions: {
        attempts: ATTEMPTS,
        backoff: { type: 'exponential', delay: BACKOFF_MS },
        // The result is in the store; an id that is kept would keep a run that was removed there from being run again.
        removeOnComplete: true,
      },
    });
    bull.on('error', () => undefined);
    return new RunQueue(address, redis, bull);
  }

  async close(): Promise<void> {
    await this.bull.close();
    this.redis.disconnect();
  }

  /** Puts runs into the queue that are not there yet, in this order; parked ones stay parked. */
  async add(tasks: readonly Task[]): Promise<void> {
    for (let i = 0; i < tasks.length; i += PAGE) {
      const some = tasks.slice(i, i + PAGE);
      await this.bull.addBulk(
        some.map(({ id, title, payload }) => ({ name: title, data: payload, opts: { jobId: id } })),
      );
    }
  }

  /** The ids of all runs in the queue, by state. */
  async ids(): Promise<Readonly<Record<keyof Counts, string[]>>> {
    const found = Object.entries(STATES).map(async ([state, types]) => {
      const ids = await this.bull.getRanges([...types], 0, -1, true);
      return [state, ids] as const;
    });
    return Object.fromEntries(await Promise.all(found)) as Record<keyof Counts, string[]>;
  }

  async counts(): Promise<Counts> {
    const { waiting, prioritized, active, delayed, failed } = await this.bull.getJobCounts();
    return { waiting: waiting + prioritized, active, delayed, failed };
  }

  /** The runs in the queue, page by page: without their payloads, of which there may be thousands. */
  async *runs(
    states: readonly (keyof Counts)[] = ['active', 'failed', 'waiting', 'delayed'],
  ): AsyncGenerator<Queued> {
    const ids = await this.ids();
    for (const state of states) {
      for (let i = 0; i < ids[state].length; i += PAGE) {
        const some = ids[state].slice(i, i + PAGE);
        const pipeline = this.redis.pipeline();
        for (const id of some) pipeline.hmget(this.bull.toKey(id), 'name', 'progress', 'failedReason', 'pb');
        const answers = (await pipeline.exec()) ?? [];
        for (const [j, id] of some.entries()) {
          const [title, progress, error, worker] = answers[j][1] as (string | null)[];
          if (title === null) continue; // gone meanwhile
          yield {
            ...{ id, title, state },
            ...(state === 'active' ? { worker: worker ?? '', share: Number(progress ?? 0) / 100 } : {}),
            ...(state === 'failed' ? { error: error ?? '' } : {}),
          };
        }
      }
    }
  }

  /**
   * Says that a table wants these runs, for {@link tables} and {@link cancel}.
   *
   * @throws {UsageError} when a table of that name wants other runs: made of other images, or by another version.
   */
  async claimTable(name: string, ids: readonly string[]): Promise<void> {
    const known = await this.table(name);
    if (known && [...known.ids].sort().join() !== [...ids].sort().join()) {
      throw new UsageError(
        `A table ${name} is in the queue already, of other runs: its images or the version that asked for it are others. Wait until it is done, or cancel it: npx zarts queue cancel ${name}`,
      );
    }
    const table = { ids, enqueued: known?.enqueued ?? new Date().toISOString() };
    await this.redis.hset(TABLES, name, JSON.stringify(table));
  }

  private async table(name: string): Promise<z.infer<typeof tableSchema> | undefined> {
    return parsedTable(await this.redis.hget(TABLES, name));
  }

  /** The tables that were asked for and not taken back. */
  async tables(): Promise<QueuedTable[]> {
    const ids = await this.ids();
    const sets = Object.entries(ids).map(([state, each]) => [state, new Set(each)] as const);
    const all = Object.entries(await this.redis.hgetall(TABLES)).sort();
    return all.flatMap(([name, text]) => {
      const table = parsedTable(text);
      if (!table) return [];
      const counted = sets.map(([state, set]) => [state, table.ids.filter((id) => set.has(id)).length]);
      const counts = Object.fromEntries(counted) as unknown as Counts;
      return [{ name, of: table.ids.length, enqueued: table.enqueued, ...counts }];
    });
  }

  /** Takes a table that is whole out of {@link tables}. */
  async release(name: string): Promise<void> {
    await this.redis.hdel(TABLES, name);
  }

  /**
   * Takes a table's runs out of the queue but those that another table wants. Runs under way end.
   *
   * @returns  How many were taken out.
   * @throws {UsageError} for a table that is not there.
   */
  async cancel(name: string): Promise<number> {
    const table = await this.table(name);
    if (!table) {
      const names = Object.keys(await this.redis.hgetall(TABLES));
      throw new UsageError(`The queue has no table ${name}; it has ${names.sort().join(', ') || 'none'}.`);
    }
    await this.release(name);
    const others = Object.values(await this.redis.hgetall(TABLES)).flatMap(
      (text) => parsedTable(text)?.ids ?? [],
    );
    const wanted = new Set(others);
    const { active, waiting, delayed, failed } = await this.ids();
    const going = new Set(active);
    const there = new Set([...waiting, ...delayed, ...failed]);
    const gone = table.ids.filter((id) => !wanted.has(id) && there.has(id) && !going.has(id));
    for (let i = 0; i < gone.length; i += PAGE)
      await Promise.all(gone.slice(i, i + PAGE).map((id) => this.bull.remove(id)));
    return gone.length;
  }

  /**
   * Gives parked runs another chance.
   *
   * @param chosen  Their ids, or the start of them; all when left out.
   * @returns       How many.
   */
  async retry(chosen?: readonly string[]): Promise<number> {
    const { failed } = await this.ids();
    const matching = failed.filter(
      (id) => chosen === undefined || chosen.some((start) => id.startsWith(start)),
    );
    for (const id of matching)
      await (await this.bull.getJob(id))?.retry('failed', { resetAttemptsMade: true });
    return matching.length;
  }

  /** Takes every run out that nobody is at. @returns how many. */
  async drain(): Promise<number> {
    const { waiting, delayed, failed } = await this.counts();
    await this.bull.drain(true);
    await this.bull.clean(0, 0, 'failed');
    await this.redis.del(TABLES);
    return waiting + delayed + failed;
  }

  /** Names of the workers that are connected. */
  async workers(): Promise<string[]> {
    const found = await this.bull.getWorkers();
    return found.flatMap(({ rawname }) => rawname.split(':w:')[1] ?? []).sort();
  }

  /** Tells of runs that end or get on, until it is closed. */
  async listen(told: {
    readonly ended: (id: string) => void;
    readonly parked: (id: string, error: string) => void;
    readonly share: (id: string, share: number) => void;
  }): Promise<{ close: () => Promise<void> }> {
    const connection = this.redis.duplicate();
    connection.on('error', () => undefined);
    const events = new (loadBull().QueueEvents)(QUEUE, { connection, prefix: PREFIX });
    events.on('error', () => undefined);
    events.on('completed', ({ jobId }) => {
      told.ended(jobId);
    });
    events.on('failed', ({ jobId, failedReason }) => {
      told.parked(jobId, failedReason);
    });
    events.on('progress', ({ jobId, data }) => {
      if (typeof data === 'number') told.share(jobId, data / 100);
    });
    await events.waitUntilReady();
    return {
      close: async () => {
        await events.close();
        connection.disconnect();
      },
    };
  }
}

function parsedTable(text: string | null): z.infer<typeof tableSchema> | undefined {
  try {
    return tableSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/** What comes of a run that is not finished by a worker: it is handed back, and is no failed try. */
export class HandedBackError extends Error {
  /**
   * @param message  Why, for people; empty where it is nothing to tell of.
   * @param delayMs  After which somebody may take it again; 0: at once.
   */
  constructor(
    message: string,
    readonly delayMs: number,
  ) {
    super(message);
  }
}

/** A run that would fail again: it is parked at once. */
export class HopelessError extends ZartsError {
  override readonly name = 'HopelessError';
}

/** A worker's view of the queue. */
export interface Working {
  /** Stops taking runs, and waits for what `work` does about its own. */
  readonly close: () => Promise<void>;
}

/** A run as a worker gets it. */
export interface Given {
  readonly id: string;
  readonly title: string;
  readonly payload: unknown;
  /** Tells how far it is. */
  readonly share: (share: number) => void;
}

/**
 * Takes runs from a queue, one after the other.
 *
 * @param name  Tells this worker from the others.
 * @param work  Computes one. It throws {@link HandedBackError} to hand it back, {@link HopelessError} to park it.
 * @param said  Told what happens, in one line.
 */
export async function workOn(
  { address }: Pick<RunQueue, 'address'>,
  name: string,
  work: (given: Given) => Promise<void>,
  said: (line: string) => void,
): Promise<Working> {
  const { Worker, DelayedError, UnrecoverableError } = loadBull();
  const connection = await connect(address);
  const worker = new Worker<Payload>(
    QUEUE,
    async (job, token) => {
      let last = 0;
      const share = (done: number): void => {
        if (performance.now() - last < SHARE_MS) return;
        last = performance.now();
        // Of no weight: the next one comes, or the run's end.
        job.updateProgress(Math.round(100 * done)).catch(() => undefined);
      };
      try {
        await work({ id: job.id ?? '', title: job.name, payload: job.data, share });
      } catch (error) {
        if (error instanceof HandedBackError) {
          if (error.message !== '') said(`${job.name}: ${error.message}`);
          // Where the lock is lost another worker has it already.
          await job.moveToDelayed(Date.now() + error.delayMs, token).catch(() => undefined);
          throw new DelayedError();
        }
        if (error instanceof HopelessError) throw new UnrecoverableError(error.message);
        throw error;
      }
    },
    {
      ...{ connection, prefix: PREFIX, name, lockDuration: LOCK_MS },
      // A worker that was killed is no fault of its run; but what kills every worker must not do so for ever.
      maxStalledCount: MOST_STALLS,
    },
  );
  worker.on('failed', (job, error) => {
    const { name: title = 'a run', attemptsMade = 0 } = job ?? {};
    said(`${title}: failed (try ${attemptsMade} of ${ATTEMPTS}): ${error.message}`);
  });
  let lost = false;
  worker.on('error', (error) => {
    // A run that was given to another while this worker was stopped: the store has said so where it matters.
    if (/^Missing (lock|key) for job/.test(error.message)) return;
    // Told once: it is tried again every few seconds.
    if (!lost) {
      const why = error.message === '' ? 'connection lost' : error.message;
      said(`The queue at ${address.shown}: ${why}; going on when it is back.`);
    }
    lost = true;
  });
  connection.on('ready', () => {
    if (lost) said(`The queue at ${address.shown} is back.`);
    lost = false;
  });
  await worker.waitUntilReady();
  return {
    close: async () => {
      await worker.close();
      connection.disconnect();
    },
  };
}

/** Milliseconds between two words on how far a run is. */
const SHARE_MS = 5_000;
/** Times that a run may be taken from a worker that gave no sign of life. */
const MOST_STALLS = 100;
