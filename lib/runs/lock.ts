/**
 * Locks that several machines can share a folder by, NFS included. Who wants one writes a claim of its own name beside the
 * others' and then looks at them: a living one has the lock. Nothing is ever overwritten or renamed over, and a claim that is
 * removed because its holder is dead can be nobody else's.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ZartsError } from '../errors.js';
import { whenStopped } from '../stopped.js';
import { beat } from './beat.js';
import { errorCode, explainFileError, StoreFaultError, TEMPORARY } from './files.js';

/** Another living process has the lock, or this one. */
export class InUseError extends ZartsError {
  override readonly name = 'InUseError';

  constructor(
    message: string,
    /** Whether this process has it. */
    readonly here: boolean,
  ) {
    super(message);
  }
}

/** The lock was taken over: this process was stopped, or cut off from the folder, for too long. */
export class LostLockError extends ZartsError {
  override readonly name = 'LostLockError';
}

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Where process ids mean what they mean here; a host's name alone may be that of two containers. */
  place: z.string(),
  /** When that process started, in words of the machine: a pid that was given out again is not its owner. */
  started: z.string(),
  since: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

/** A claim beside a lock's own. */
interface Claim {
  readonly file: string;
  readonly owner: Owner | 'unreadable';
  /** Milliseconds since it was last dated, by the clock of the folder's disk. */
  readonly age: number;
}

/**
 * How long a claim outlives the last sign of life of a process that cannot be asked: several beats (./beat.ts), so that a
 * busy machine or network is not taken for a dead one.
 */
const LEASE_MS = 40_000;

/** Claims made within this time of each other are withdrawn, and made again: neither may have seen the other. */
const CONTENTION_MS = 2_000;
const TRIES = 30;

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

/** Where a process id names the same process: this boot of this machine, in this container. */
function thisPlace(): string {
  const read = (what: () => string): string => {
    try {
      return what().trim();
    } catch {
      return '';
    }
  };
  return [
    hostname(),
    read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    read(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
}

/** Whose a claim is; undefined when it is gone, 'unreadable' without valid content. */
function readOwner(file: string): Owner | 'unreadable' | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // ESTALE: another machine removed it while it was read here.
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESTALE') return undefined;
    throw error;
  }
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return 'unreadable';
  }
}

/** When a file was last written, by the clock of its disk; undefined when it is gone. */
function dated(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/** The claims on a lock other than one's own. */
function others(path: string, own: string): Claim[] {
  const now = dated(own) ?? Date.now();
  return readdirSync(dirname(path)).flatMap((name) => {
    const file = join(dirname(path), name);
    if (!name.startsWith(`${basename(path)}.`) || name.endsWith(TEMPORARY) || file === own) return [];
    const owner = readOwner(file);
    const written = dated(file);
    return owner === undefined || written === undefined ? [] : [{ file, owner, age: now - written }];
  });
}

function isDead({ owner, age }: Claim): boolean {
  if (age > LEASE_MS) return true;
  if (owner === 'unreadable' || owner.place !== thisPlace()) return false;
  const life = lifeOf(owner.pid);
  if (life === undefined) return true;
  return life !== ALIVE && owner.started !== ALIVE && life !== owner.started;
}

/** A lock that is held. */
export interface Lock {
  /** Names this holding of the lock, and no other: eight hexadecimal digits. */
  readonly token: string;
  /** @throws LostLockError  when it was taken over since. */
  readonly check: () => void;
  /** Gives it back; calling it twice does no harm. */
  readonly release: () => void;
}

/** The locks that this process holds, by their paths. */
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
 * Takes a lock for as long as this process shows signs of life or until it is released. It is taken over from a process of
 * this machine that is dead, and from any that has given no sign of life for {@link LEASE_MS}.
 *
 * @param path  Names the lock, in a folder that exists; claims are files of that name with a token after it.
 * @param what  What is locked, to begin the error sentence with: "Run 1f3a…".
 * @throws {InUseError} when it is held; {StoreFaultError} when the folder cannot be written.
 */
export function acquireLock(path: string, what: string): Lock {
  const token = randomUUID().slice(0, 8);
  const file = `${path}.${token}`;
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    place: thisPlace(),
    started: lifeOf(process.pid) ?? ALIVE,
    since: new Date().toISOString(),
  };
  try {
    claim(path, file, what, owner);
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw new StoreFaultError(
      `${what} cannot be locked: writing ${file} failed with ${explainFileError(error)}.`,
    );
  }
  const still = beat(file);
  let announce: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (announce = resolve));
  const release = (): void => {
    if (held.get(path)?.release === release) held.delete(path);
    announce();
    still();
    rmSync(file, { force: true });
  };
  const check = (): void => {
    if (dated(file) !== undefined) return;
    throw new LostLockError(
      `${what} was taken over by another process, since this one gave no sign of life for ${LEASE_MS / 1000} s; nothing of the other's is touched, and what this one computed since is given up.`,
    );
  };
  held.set(path, { release, released });
  return { token, check, release };
}

/** Writes a claim and looks around until it is the only living one. @throws InUseError when it is not. */
function claim(path: string, file: string, what: string, owner: Owner): void {
  for (let tries = 1; ; tries++) {
    writeFileSync(`${file}${TEMPORARY}`, JSON.stringify(owner) + '\n');
    renameSync(`${file}${TEMPORARY}`, file);
    const claims = others(path, file);
    for (const dead of claims.filter(isDead)) rmSync(dead.file, { force: true });
    const [living] = claims.filter((each) => !isDead(each));
    // A claim that came too late to be seen alive is gone; it is made again.
    if (living === undefined && dated(file) !== undefined) return;
    rmSync(file, { force: true });
    if (living === undefined) continue;
    const together =
      living.owner !== 'unreadable' &&
      Math.abs(Date.parse(living.owner.since) - Date.parse(owner.since)) < CONTENTION_MS;
    const here = held.has(path);
    if (!together || here || tries === TRIES) throw new InUseError(heldSentence(what, living, here), here);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + 20 * Math.random());
  }
}

function heldSentence(what: string, { file, owner }: Claim, here: boolean): string {
  if (owner === 'unreadable')
    return `${what} is in use by a process that cannot be named (${file}); try again in ${LEASE_MS / 1000} s.`;
  const by = here ? 'this process' : `process ${owner.pid}`;
  return owner.host === hostname()
    ? `${what} is in use by ${by} since ${owner.since}: wait until it is done, or stop it first.`
    : `${what} is in use by ${by} on ${owner.host} since ${owner.since}: wait until it is done; if that machine is gone, it is taken over after ${LEASE_MS / 1000} s.`;
}
