// One at a time: set-up and compiling in the same folder by two processes would tread on each other.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE } from './project.mjs';

const LOCK = join(STATE, 'setup.lock');

/** How long a lock may stay empty before it counts as left behind by a crash while it was written. */
const WRITING_MS = 10_000;

let held = false;

/** When a process began, in words of the system: a pid that was given out again has another beginning. */
function beginningOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The fields after the command's name, which stands in parentheses and may hold blanks.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout?.trim() ?? '';
  }
}

/** The lock's content: a line for each process that works under it, its pid and its beginning. */
const content = (...pids) => pids.map((pid) => `${pid} ${beginningOf(pid)}\n`).join('');

/**
 * Notes in the lock which programs work for its holder: a set-up that was killed outright leaves its npm or pip running,
 * and the next one must wait for that as well.
 */
export function noteChildren(pids) {
  if (held) writeFileSync(LOCK, content(process.pid, ...pids));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return error.code === 'EPERM';
  }
}

/** Who is at work under the lock: a process's number, 'someone' while it is being written, null if nobody is. */
function worker() {
  try {
    const lines = readFileSync(LOCK, 'utf8').trimEnd();
    if (lines === '') return Date.now() - statSync(LOCK).mtimeMs < WRITING_MS ? 'someone' : null;
    const alive = lines.split('\n').find((line) => {
      const pid = Number.parseInt(line, 10);
      return pid > 0 && isAlive(pid) && line === `${pid} ${beginningOf(pid)}`;
    });
    return alive === undefined ? null : Number.parseInt(alive, 10);
  } catch {
    return null;
  }
}

/**
 * Waits until no other process sets up or compiles in this folder, then keeps others out.
 *
 * @param {(line: string) => void} say  Told once, if there is something to wait for.
 * @returns {Promise<() => void>} call it to let the others in.
 */
export async function takeLock(say) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let told = false; ;) {
    try {
      writeFileSync(LOCK, content(process.pid), { flag: 'wx' });
      held = true;
      return () => {
        held = false;
        rmSync(LOCK, { force: true });
      };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = worker();
    if (pid === null) rmSync(LOCK, { force: true });
    else {
      if (!told && pid !== 'someone')
        say(`Process ${pid} is setting up or compiling in this folder; waiting for it to end.`);
      told ||= pid !== 'someone';
      await sleep(200);
    }
  }
}
