// One at a time: set-up and compiling in the same folder by two processes would tread on each other.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE } from './project.mjs';

const LOCK = join(STATE, 'setup.lock');

/** The process that holds the lock, or null if there is none or it is gone. */
function holder() {
  let pid;
  try {
    pid = Number(readFileSync(LOCK, 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return error.code === 'EPERM' ? pid : null;
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
      return () => rmSync(LOCK, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = holder();
    if (pid === null) rmSync(LOCK, { force: true });
    else {
      if (!told) say(`Another process (${pid}) is setting up or compiling in this folder; waiting for it.`);
      told = true;
      await sleep(200);
    }
  }
}
