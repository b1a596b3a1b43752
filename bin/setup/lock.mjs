// One at a time: set-up and compiling in the same folder by two processes would tread on each other.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE } from './project.mjs';

const LOCK = join(STATE, 'setup.lock');

let held = false;

/**
 * Notes in the lock which program works for its holder: a set-up that was killed outright leaves its npm or pip running,
 * and the next one must wait for that as well.
 */
export function noteChild(pid) {
  if (held) writeFileSync(LOCK, [process.pid, pid].join(' '));
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

/** The process that is at work under the lock, or null if there is none any more. */
function worker() {
  try {
    return readFileSync(LOCK, 'utf8').split(' ').map(Number).find(isAlive) ?? null;
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
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
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
      if (!told) say(`Process ${pid} is setting up or compiling in this folder; waiting for it to end.`);
      told = true;
      await sleep(200);
    }
  }
}
