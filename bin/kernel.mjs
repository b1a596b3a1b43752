// The TypeScript kernel, started by Jupyter as `node bin/kernel.mjs CONNECTION_FILE`. Cells run in this thread, always in
// the project folder, whichever program opened the notebook; another thread speaks with Jupyter (kernel/wire.mjs) and
// asks this one for what it needs.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inspect, TextDecoder } from 'node:util';
import { Worker } from 'node:worker_threads';
import { createComms } from './kernel/comms.mjs';
import { COMPILING, MAY_RUN, UNREAD, createShared } from './kernel/shared.mjs';
import { ROOT } from './setup/project.mjs';

process.chdir(ROOT);
// Library files that were compiled anew listen once more.
process.setMaxListeners(0);

const shared = createShared();
const wire = new Worker(new URL('kernel/wire.mjs', import.meta.url), {
  workerData: { connectionFile: process.argv[2], shared },
});

// Loading the compiler takes a second, in which the other thread says hello.
const require = createRequire(import.meta.url);
// A cell may load danfojs, and with it TensorFlow, before it loads the library.
require('./setup/restore-util.cjs');
const { createCells } = await import('./kernel/cells.mjs');
const jupyter = require('tslab/dist/jupyter.js');
const cells = createCells();

// ---- what cells print and show ----

/** Prints that may wait to be read: a loop that prints without end must not fill the memory. */
const MOST_UNREAD = 1000;

function print(name, text) {
  wire.postMessage({ type: 'print', name, text });
  Atomics.add(shared, UNREAD, 1);
  for (let unread; (unread = Atomics.load(shared, UNREAD)) > MOST_UNREAD;) {
    Atomics.wait(shared, UNREAD, unread, 50);
  }
}

for (const name of ['stdout', 'stderr']) {
  const decoder = new TextDecoder();
  process[name].write = (chunk, ...rest) => {
    print(name, typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
    const written = rest.at(-1);
    if (typeof written === 'function') process.nextTick(written);
    return true;
  };
}

const publish = (kind, content, metadata) => wire.postMessage({ type: 'publish', kind, content, metadata });

// What lib/report/notebook.ts and tslab's own display send through.
jupyter.lastWriteDisplayData = (content, update) =>
  publish(update ? 'update_display_data' : 'display_data', content);

// What lib/report/widgets.ts speaks through.
const comms = createComms(publish, shared);
globalThis.zartsComms = comms.offered;

/** Shows the value of a cell's last expression: as what it is if the library knows it, as text otherwise. */
async function showValue(value, count) {
  const library = typeof value === 'object' ? require(join(ROOT, 'dist/lib/report/notebook.js')) : undefined;
  const known = (await library?.bundlesOf(value)) ?? [];
  const shown = known.map((data) => ({ data, metadata: library.metadataOf(data) }));
  for (const each of shown.slice(0, -1)) publish('display_data', each);
  const last = shown.at(-1) ?? { data: { 'text/plain': inspect(value) }, metadata: {} };
  publish('execute_result', { ...last, execution_count: count });
}

const complain = (thrown) => print('stderr', `${cells.failureOf(thrown).traceback.join('\n')}\n`);
process.on('uncaughtException', complain);
process.on('unhandledRejection', complain);

// ---- what the other thread asks for ----

/** An interrupted cell that awaits something gets this long to end by itself. */
const END_MS = 1200;

/** The cell that runs, or what a control calls. */
let current;

const mayRun = (id) => Atomics.compareExchange(shared, MAY_RUN, id, 0) === id;

const answer = (id, content) => wire.postMessage({ type: 'answer', id, content });

/** Ends the cell that runs, once. */
function end(id, outcome) {
  if (current?.id !== id) return;
  answer(id, outcome);
  clearTimeout(current.giveUp);
  current = undefined;
}

const interruption = (message) => ({
  failure: cells.failureOf(Object.assign(new Error(message), { name: 'InterruptedError', stack: '' })),
});

async function execute({ id, code, name, count, silent }) {
  clearTimeout(idle);
  current = { id };
  const { value, failure } = await cells.execute(code, name, () => mayRun(id));
  if (current?.id !== id) return;
  if (value !== undefined && value !== null && !silent) await showValue(value, count).catch(complain);
  end(id, { failure });
}

/** Does what a control is for, between cells. */
async function call({ id, comm, data }) {
  if (!mayRun(id)) return;
  current = { id };
  end(id, await cells.call(() => comms.deliver(comm, data)));
}

/** Tells whoever listens that the user wants the cell to stop, and does not wait for it for long. */
function interrupt({ id, cell }) {
  answer(id, {});
  if (current?.id !== cell || current.giveUp) return;
  for (const listener of process.listeners('SIGINT')) if (listener !== onSignal) listener('SIGINT');
  current.giveUp = setTimeout(() => {
    cells.giveUp(false);
    end(
      cell,
      interruption('Interrupted. What the cell awaited goes on unless it was given a signal to stop.'),
    );
  }, END_MS);
}

/** The other thread has stopped the JavaScript of the cell. */
function stopped({ cell }) {
  if (current?.id !== cell) return;
  cells.giveUp(true);
  end(cell, interruption('Interrupted.'));
}

/** Answers a question to the compiler. */
const compiling =
  (work) =>
  ({ id, content }) => {
    Atomics.store(shared, COMPILING, 1);
    try {
      answer(id, work(content));
    } catch (error) {
      answer(id, { status: 'error', ...cells.failureOf(error) });
    } finally {
      Atomics.store(shared, COMPILING, 0);
    }
  };

const REQUESTS = {
  execute,
  call,
  interrupt,
  stopped,
  complete: compiling(({ code, cursor_pos: at }) => cells.complete(code, at)),
  inspect: compiling(({ code, cursor_pos: at }) => cells.inspect(code, at)),
  isComplete: compiling(({ code }) => cells.isComplete(code)),
  exit: () => process.exit(0),
};
wire.on('message', (message) => REQUESTS[message.type](message));
wire.on('error', (error) => {
  process._rawDebug(error.stack);
  process.exit(1);
});

/** Set until the first cell: nobody waits for what a kernel does that has just begun. */
const idle = setTimeout(() => cells.warmUp(), 500);

/** Jupyter interrupts by a message; a signal is what a terminal sends. */
const onSignal = () => wire.postMessage({ type: 'interrupt' });
process.on('SIGINT', onSignal);
