/** A table's runs through a queue: put there, watched, and taken from the store as workers finish them. */
import { setTimeout as pause } from 'node:timers/promises';
import { InterruptedError, UsageError, ZartsError } from '../lib/errors.js';
import { canonicalJson, sha256 } from '../lib/runs/canonical.js';
import { StoreFaultError } from '../lib/runs/files.js';
import { OtherBitsError } from '../lib/runs/kept.js';
import { InUseError, LostLockError } from '../lib/runs/lock.js';
import { HandedBackError } from '../lib/runs/queue.js';
import type { Given, RunQueue, Task } from '../lib/runs/queue.js';
import { partsOf, runStored, storedRun } from './kinds.js';
import type { ComputeOptions, KeptRun, Part, Run } from './kinds.js';
import { digestsOf, taskIn, tasksOf } from './task.js';

// ---- The command that asks for a table ----

/** A cell whose runs are to be computed by others. */
interface Wanted {
  readonly run: Run;
  readonly parts: readonly Part[];
  /** Seconds that each part takes, an estimate. */
  readonly seconds: readonly number[];
  readonly options: ComputeOptions;
}

/** What is told of a table on its way. */
interface Watching {
  readonly signal: AbortSignal | undefined;
  /** A cell is whole. */
  readonly onCell: (cell: number, kept: readonly KeptRun[]) => Promise<void>;
  /** Seconds' worth of work done, as estimated, and what goes on. */
  readonly onProgress: (seconds: number, note: string) => void;
}

/** Milliseconds after which everything is looked at anew, whatever was told: a queue that was lost tells nothing. */
const SWEEP_MS = 20_000;
/** Milliseconds between two looks at what the queue tells. */
const TICK_MS = 500;

/**
 * Has every cell's runs computed through a queue, and waits for them. What is in the store is not asked for; what is in the
 * queue already, by this or another table, is waited for.
 *
 * @param name  The table's, in the queue.
 * @throws {InterruptedError} after `signal`: the runs go on; {ZartsError} when all is done but what failed.
 */
export async function throughQueue(
  cells: readonly Wanted[],
  queue: RunQueue,
  name: string,
  { signal, onCell, onProgress }: Watching,
): Promise<void> {
  const tasks = await Promise.all(cells.map(({ run, options }) => tasksOf(run, options)));
  const before = cells.map((): KeptRun[] => []);
  const shares = new Map<string, number>();
  const parked = new Map<string, string>();
  const woken = new Set<string>();

  /** Takes from the store what it has of a cell. */
  const advance = async (cell: number): Promise<void> => {
    const { parts, options } = cells[cell];
    const had = before[cell].length;
    while (before[cell].length < parts.length) {
      const kept = await storedRun(parts[before[cell].length].protocol(before[cell]), options);
      if (!kept) break;
      before[cell].push(kept);
    }
    if (before[cell].length === parts.length && had < parts.length) await onCell(cell, before[cell]);
  };
  const missing = (cell: number): Task[] => tasks[cell].slice(before[cell].length);
  /** Cells that may still become whole. */
  const open = (): number[] =>
    [...cells.keys()].filter((cell) => {
      const [next] = missing(cell);
      return next !== undefined && !parked.has(next.id);
    });
  const sweep = async (): Promise<void> => {
    for (const cell of open()) await advance(cell);
    const { waiting, active, delayed, failed } = await queue.ids();
    const there = new Set([...waiting, ...active, ...delayed, ...failed]);
    for (const id of parked.keys()) if (!failed.includes(id)) parked.delete(id);
    const own = new Set(tasks.flat().map(({ id }) => id));
    const unknown = failed.filter((id) => own.has(id) && !parked.has(id));
    if (unknown.length > 0) {
      for await (const { id, error = '' } of queue.runs(['failed'])) if (own.has(id)) parked.set(id, error);
    }
    // What others need comes first.
    const deepest = Math.max(...cells.map(({ parts }) => parts.length));
    const lacking = Array.from({ length: deepest }, (_, part) =>
      tasks.flatMap((own, cell) => (part >= before[cell].length ? (own[part] ?? []) : [])),
    ).flat();
    const fresh = new Map(lacking.filter(({ id }) => !there.has(id)).map((task) => [task.id, task]));
    await queue.add([...fresh.values()]);
  };
  const cellsOfTask = new Map<string, number[]>();
  for (const [cell, own] of tasks.entries())
    for (const { id } of own) cellsOfTask.set(id, [...(cellsOfTask.get(id) ?? []), cell]);

  const listener = await queue.listen({
    ended: (id) => woken.add(id),
    parked: (id, error) => cellsOfTask.has(id) && parked.set(id, error),
    share: (id, share) => shares.set(id, share),
  });
  try {
    await queue.claimTable(name, [...cellsOfTask.keys()]);
    const timed = async (): Promise<number> => {
      const began = performance.now();
      await sweep();
      // A hundred thousand runs take a while to look at: no more than a twentieth of the time.
      return performance.now() + Math.max(SWEEP_MS, 20 * (performance.now() - began));
    };
    let due = await timed();
    while (open().length > 0) {
      onProgress(secondsDone(cells, tasks, before, shares), await noteOf(queue, parked.size));
      await pause(TICK_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
      if (signal?.aborted) {
        throw new InterruptedError(
          'Stopped watching; the runs go on in the queue, and the same command shows how far they are (npx zarts queue cancel takes them out).',
        );
      }
      const cellsWoken = new Set([...woken].flatMap((id) => cellsOfTask.get(id) ?? []));
      woken.clear();
      for (const cell of cellsWoken) await advance(cell);
      if (performance.now() > due) due = await timed();
    }
  } finally {
    await listener.close();
  }
  if (parked.size > 0) throw parkedError(name, parked, tasks.flat());
  await queue.release(name);
}

/** Seconds' worth of what is done, runs under way with their share. */
function secondsDone(
  cells: readonly Wanted[],
  tasks: readonly (readonly Task[])[],
  before: readonly (readonly KeptRun[])[],
  shares: ReadonlyMap<string, number>,
): number {
  return cells.reduce(
    (sum, { seconds }, cell) =>
      sum +
      seconds.reduce((own, each, part) => {
        const share = part < before[cell].length ? 1 : (shares.get(tasks[cell][part].id) ?? 0);
        return own + each * share;
      }, 0),
    0,
  );
}

async function noteOf(queue: RunQueue, parked: number): Promise<string> {
  const [{ waiting, active, delayed }, workers] = await Promise.all([queue.counts(), queue.workers()]);
  const failed = parked === 0 ? '' : `, ${parked} failed`;
  const who = workers.length === 0 ? 'no worker: start npx zarts worker' : `${workers.length} workers`;
  return `${active} under way, ${waiting + delayed} wait${failed}; ${who}`;
}

function parkedError(name: string, parked: ReadonlyMap<string, string>, tasks: readonly Task[]): ZartsError {
  const [[id, error]] = parked;
  const title = tasks.find((task) => task.id === id)?.title ?? id;
  const more = parked.size === 1 ? '' : ` and ${parked.size - 1} more`;
  return new ZartsError(
    `${name} lacks runs that failed: ${title} (${error})${more}. See npx zarts queue status; once that is mended, npx zarts queue retry gives them another chance, and the same command goes on.`,
  );
}

// ---- The worker ----

/** Milliseconds after which a run that is somebody else's, or waits for one, is looked at again. */
const AGAIN_MS = {
  inUse: 10_000,
  lost: 5_000,
  storeFault: 15_000,
  otherBits: 15_000,
  images: 30_000,
  least: 1_000,
  most: 60_000,
};

/** The kinds of machines that the workers of a queue are on, by what decides the last bits of a result there. */
export interface Room {
  /** Whether a worker on a machine of that kind is connected. */
  readonly has: (kind: string) => Promise<boolean>;
}

/** A few characters that are equal for machines that compute the same bits. */
export const kindOfMachine = (bits: object): string => sha256(canonicalJson(bits)).slice(0, 8);

/**
 * Computes a run of a queue through the store.
 *
 * @throws {HandedBackError} for one that is to be handed back: stopped, somebody else's, waiting for another run, of images that
 *   are not here, or of a store that cannot be written; {HopelessError} for none of ours; whatever computing it throws.
 */
export async function workOnTask(
  { id, payload, share }: Omit<Given, 'title'>,
  options: ComputeOptions,
  room: Room,
): Promise<void> {
  const { run, part, digests, synthetic } = taskIn(id, payload);
  const own = { ...options, ...(synthetic ? { data: 'synthetic' } : {}) };
  const here = await digestsHere(run, own);
  if (here.join() !== digests.join()) {
    throw new HandedBackError(
      'the images here are others than those that the run is meant for: --data must name the same data sets on every machine',
      AGAIN_MS.images,
    );
  }
  const parts = partsOf(run);
  const before: KeptRun[] = [];
  for (const each of parts.slice(0, part)) {
    const kept = await storedRun(each.protocol(before), own);
    if (!kept) {
      // About as often as is worth it: a twentieth of what the other takes.
      const delay = Math.min(AGAIN_MS.most, Math.max(AGAIN_MS.least, 50 * each.seconds));
      throw new HandedBackError('', delay);
    }
    before.push(kept);
  }
  const progress = {
    start: (_: string, steps: number) => ({
      update: (at: number) => {
        share(at / steps);
      },
      end: () => undefined,
    }),
  };
  const compute = (otherBits: 'refuse' | 'restart') =>
    runStored(parts[part].protocol(before), { ...own, progress, otherBits });
  try {
    await compute('refuse').catch(async (error: unknown) => {
      if (!(error instanceof OtherBitsError)) throw error;
      if (await room.has(kindOfMachine(error.there)))
        throw new HandedBackError(
          'begun on another kind of machine, of which one is here',
          AGAIN_MS.otherBits,
        );
      return compute('restart');
    });
  } catch (error) {
    throw handedBack(error) ?? error;
  }
}

/** The digests of a run's images. Where they are not here, somebody has them: whoever asked for the run. */
async function digestsHere(run: Run, options: ComputeOptions): Promise<readonly string[]> {
  try {
    return await digestsOf(run, options);
  } catch (error) {
    const told = error instanceof UsageError || error instanceof ZartsError;
    throw told && !(error instanceof InterruptedError)
      ? new HandedBackError(error.message, AGAIN_MS.images)
      : error;
  }
}

/** What is no fault of a run as a handing back; undefined for what is. */
function handedBack(error: unknown): HandedBackError | undefined {
  if (error instanceof InterruptedError) return new HandedBackError('stopped, its state is kept', 0);
  if (error instanceof InUseError) return new HandedBackError(error.message, AGAIN_MS.inUse);
  if (error instanceof LostLockError) return new HandedBackError(error.message, AGAIN_MS.lost);
  if (error instanceof StoreFaultError) return new HandedBackError(error.message, AGAIN_MS.storeFault);
  return undefined;
}
