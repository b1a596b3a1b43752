import { Worker } from 'node:worker_threads';

/** Milliseconds between two signs of life. */
const BEAT_MS = 5_000;

/**
 * What the thread does: it writes the first byte of each file again, so that the server of a shared folder dates it by its
 * own clock. A file that is gone was taken away, and is not made anew.
 */
const THREAD = `
const { parentPort } = require('node:worker_threads');
const { closeSync, openSync, writeSync } = require('node:fs');
const files = new Set();
parentPort.on('message', ({ file, held }) => (held ? files.add(file) : files.delete(file)));
setInterval(() => {
  for (const file of files) {
    try {
      const descriptor = openSync(file, 'r+');
      writeSync(descriptor, '{', 0);
      closeSync(descriptor);
    } catch (error) {
      if (error.code === 'ENOENT') files.delete(file);
    }
  }
}, ${BEAT_MS});
`;

let thread: Worker | undefined;

/**
 * Keeps a JSON file dated as fresh while this process runs: from a thread of its own, since a step of a search may keep the
 * main thread busy for longer than others would wait. A stopped process (SIGSTOP) does not beat.
 *
 * @returns  Ends it.
 */
export function beat(file: string): () => void {
  thread ??= new Worker(THREAD, { eval: true });
  thread.unref();
  thread.postMessage({ file, held: true });
  return () => thread?.postMessage({ file, held: false });
}
