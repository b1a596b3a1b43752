import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { ZartsError } from '../errors.js';
import { whenStopped } from '../stopped.js';
import { errorCode, explainFileError } from './files.js';

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** When that process started, in words of the machine: a pid that was given out again is not its owner. */
  started: z.string(),
  since: z.string(),
  token: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

/** How long a lock file may stay without readable content before it counts as left behind by a crash while writing it. */
const WRITING_MS = 10_000;

/** What {@link lifeOf} says of a process that runs, when the machine does not say since when. */
const ALIVE = 'alive';

/** Identifies one life of a process id; undefined when no such process runs (or it is dead and not yet collected). */
function lifeOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The fields after the command name, which stands in parentheses and may hold blanks: state, …, start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${boot} ${fields[19]}`;
  } catch {
    // No such process, one that is hidden from this user, or a system without /proc.
  }
  if (!existsSync('/proc/self/stat')) {
    const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } } as const;
    const { stdout } = spawnSync('ps', ['-p', String(pid), '-o', 'lstart='], options) as { stdout?: string };
    if (stdout?.trim()) return stdout.trim();
  }
  return isRunning(pid) ? ALIVE : undefined;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** Who holds the lock; 'unreadable' when the file is there without valid content, undefined when there is none. */
function readOwner(path: string): Owner | 'unreadable' | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return 'unreadable';
  }
}

function isStale(path: string, owner: Owner | 'unreadable'): boolean {
  if (owner === 'unreadable') return Date.now() - statSync(path).mtimeMs > WRITING_MS;
  if (owner.host !== hostname()) return false;
  const life = lifeOf(owner.pid);
  if (life === undefined) return true;
  return life !== ALIVE && owner.started !== ALIVE && life !== owner.started;
}

/** Creates the lock file if there is none; false when there is one. */
function create(path: string, content: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeFileSync(descriptor, content);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return true;
}

/** The locks that this process holds, by their files. */
const held = new Map<string, { readonly release: () => void; readonly released: Promise<void> }>();
// A cell that was stopped in a notebook cannot give back its own.
whenStopped(() => {
  for (const { release } of held.values()) release();
});

/** Waits until this process does not hold a lock: what an interrupted cell has begun may still come to its end. */
export async function releasedHere(path: string): Promise<void> {
  await held.get(path)?.released;
}

/**
 * Takes a lock that is a file, for as long as this process lives or until it is released. One that a dead process of
 * this machine left behind is taken over.
 *
 * @param path  The lock file; its folder exists.
 * @param what  What is locked, to begin the error sentence with: "Run 1f3a…".
 * @returns     Gives the lock back; calling it twice does no harm.
 * @throws ZartsError  when another live process holds it (or one on another machine, which cannot be asked), or the
 *   file cannot be written.
 */
export function acquireLock(path: string, what: string): () => void {
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    started: lifeOf(process.pid) ?? ALIVE,
    since: new Date().toISOString(),
    token: randomUUID(),
  };
  const content = JSON.stringify(owner) + '\n';
  try {
    while (!create(path, content)) {
      const other = readOwner(path);
      if (other === undefined) continue; // released between the two calls
      if (!isStale(path, other)) throw new ZartsError(heldSentence(path, what, other));
      takeAway(path);
    }
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw new ZartsError(`${what} cannot be locked: writing ${path} failed with ${explainFileError(error)}.`);
  }
  let announce: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (announce = resolve));
  const release = (): void => {
    if (held.get(path)?.release === release) held.delete(path);
    announce();
    const current = readOwner(path);
    if (current !== undefined && current !== 'unreadable' && current.token === owner.token) rmSync(path);
  };
  held.set(path, { release, released });
  return release;
}

/**
 * Removes a stale lock. Two processes may find the same one stale; the second must not remove the first one's fresh
 * lock, so whoever removes holds a guard file and looks again under it.
 */
function takeAway(path: string): void {
  const guard = `${path}.takeover`;
  if (!create(guard, '')) {
    // The guard lives for microseconds; one older than this belongs to a process killed inside them.
    try {
      if (Date.now() - statSync(guard).mtimeMs > WRITING_MS) rmSync(guard, { force: true });
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    return;
  }
  try {
    const owner = readOwner(path);
    if (owner !== undefined && isStale(path, owner)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function heldSentence(path: string, what: string, owner: Owner | 'unreadable'): string {
  if (owner === 'unreadable')
    return `${what} is being opened by another process (${path}); try again in a few seconds.`;
  const by = owner.pid === process.pid && owner.host === hostname() ? 'this process' : `process ${owner.pid}`;
  return owner.host === hostname()
    ? `${what} is in use by ${by} since ${owner.since}: wait until it is done, or stop it first.`
    : `${what} is in use by ${by} on ${owner.host} since ${owner.since}: wait until it is done, or delete ${path} if that machine is gone.`;
}
