// Jupyter's side of the kernel (https://jupyter-client.readthedocs.io/en/stable/messaging.html), in a thread of its own: it
// answers while a cell computes, sends what is printed at once, and stops a cell that does not stop by itself. Cells run
// in the main thread (bin/kernel.mjs), one at a time; messages on the port say what is wanted.

import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createCommRegistry } from './comms.mjs';
import { COMPILING, MAY_RUN, UNREAD } from './shared.mjs';

const require = createRequire(import.meta.url);
const { Publisher, Reply, Router } = require('zeromq');
const { version } = require('@tslab/typescript-for-tslab/package.json');

const { connectionFile, shared } = workerData;
const connection = JSON.parse(readFileSync(connectionFile, 'utf8'));

/** How long printed text is gathered before it is sent. */
const BATCH_MS = 50;

/** How long the main thread has to hear of an interrupt while JavaScript runs there, before that is stopped. */
const HEAR_MS = 700;

/** How long a cell that has heard is left alone. */
const END_MS = 500;

/** No answer of the main thread for so long means that it is inside a native call. */
const NATIVE_MS = 400;

// ---- messages ----

const DELIMITER = '<IDS|MSG>';
const SESSION = randomUUID();

const sign = (parts) => {
  if (connection.key === '') return '';
  const hash = createHmac('sha256', connection.key);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** A message from its frames; undefined if it was not signed with the connection's key. */
function parse(frames) {
  const at = frames.findIndex((frame) => frame.toString('latin1') === DELIMITER);
  const [signature, ...parts] = frames.slice(at + 1);
  if (at < 0 || sign(parts.slice(0, 4)) !== signature.toString()) return undefined;
  const [header, , , content] = parts.slice(0, 4).map((part) => JSON.parse(part.toString()));
  return { identities: frames.slice(0, at), header, content };
}

/** Into Jupyter's log. */
const report = (error) => writeSync(2, `${error.stack}\n`);

/** Sends in the order of the calls: a second send on a socket that has not finished the first would be lost. */
function sender(socket) {
  let last = Promise.resolve();
  return (identities, type, content, parent, metadata = {}) => {
    const header = {
      msg_id: randomUUID(),
      msg_type: type,
      session: SESSION,
      username: 'kernel',
      date: new Date().toISOString(),
      version: '5.3',
    };
    const parts = [header, parent, metadata, content].map((part) => JSON.stringify(part));
    last = last.then(() => socket.send([...identities, DELIMITER, sign(parts), ...parts])).catch(report);
    return last;
  };
}

// Nothing that is sent may be dropped because a reader is slow.
const unlimited = { sendHighWaterMark: 0, receiveHighWaterMark: 0, linger: 1000 };
const iopub = new Publisher({ sendHighWaterMark: 0, linger: 1000 });
const shell = new Router({ ...unlimited, handover: true });
const control = new Router({ ...unlimited, handover: true });
const stdin = new Router(unlimited);
const heartbeat = new Reply({ linger: 0 });
const sockets = { iopub, shell, control, stdin, hb: heartbeat };
const [toAll, toShell, toControl] = [iopub, shell, control].map(sender);

/** The request that what is printed belongs to: the cell that runs, or the last one that ran. */
let printing = {};
const printed = { name: undefined, text: '', timer: undefined };

function flush() {
  clearTimeout(printed.timer);
  printed.timer = undefined;
  if (printed.text !== '') toAll(['stream'], 'stream', { name: printed.name, text: printed.text }, printing);
  printed.text = '';
}

function print(name, text) {
  if (printed.name !== name) flush();
  printed.name = name;
  printed.text += text;
  printed.timer ??= setTimeout(flush, BATCH_MS);
}

function publish(type, content, parent = printing, metadata = undefined) {
  flush();
  return toAll([type], type, content, parent, metadata);
}

const comms = createCommRegistry(shared);

// ---- the main thread ----

/** What it was asked and has not answered, by numbers. */
const asked = new Map();
let lastId = 0;

/** What the main thread does one at a time, and can be interrupted in. */
const RUNS = new Set(['execute', 'call']);

/** Asks the main thread for something; the question's number and the answer to come. */
function ask(type, content) {
  const id = ++lastId;
  const message = { type, id, ...content };
  const promise = new Promise((resolve) => asked.set(id, { message, resolve }));
  if (RUNS.has(type)) Atomics.store(shared, MAY_RUN, id);
  parentPort.postMessage(message);
  return { id, promise };
}

function answer(id, content) {
  asked.get(id)?.resolve(content);
  asked.delete(id);
}

const FROM_MAIN = {
  answer: ({ id, content }) => answer(id, content),
  print({ name, text }) {
    Atomics.sub(shared, UNREAD, 1);
    Atomics.notify(shared, UNREAD);
    print(name, text);
  },
  publish({ kind, content, metadata }) {
    if (kind.startsWith('comm_')) comms.sent(kind, content, printing);
    publish(kind, content, printing, metadata);
  },
  interrupt: () => interrupt().catch(report),
};
parentPort.on('message', (message) => FROM_MAIN[message.type](message));

// ---- cells ----

let count = 0;
/** The cell that runs, or what a control calls. */
let running;
/** The cell that failed last. */
let failed;
/** The end of the last of them that was sent. */
let turn = Promise.resolve();
/** Session, number and source of each cell that ran. */
const history = [];

/** Whether a cell was sent before its reader can have known that another one had failed: "run all" stops there. */
function isRefused({ header }) {
  if (failed === undefined || failed.session !== header.session) return false;
  return Date.parse(header.date) - failed.sentAt < failed.tookMs - 1;
}

const reply = ({ identities, header }, content) => toShell(identities, 'execute_reply', content, header);

/** Has the main thread run something to its end; what came of it. */
async function run(header, type, content) {
  const { id, promise } = ask(type, content);
  running = { id, header, ended: promise };
  const outcome = await promise;
  running = undefined;
  return outcome;
}

/** Has done what a control is for. What it prints goes where the cell's own output is. */
async function runControl({ header, content }, comm) {
  publish('status', { execution_state: 'busy' }, header);
  printing = comm.header;
  const { failure } = await run(header, 'call', { comm: content.comm_id, data: content.data });
  if (failure && failure.ename !== 'InterruptedError') print('stderr', `${failure.traceback.join('\n')}\n`);
  flush();
  publish('status', { execution_state: 'idle' }, header);
}

/** Runs a cell to its end and tells everyone of it. */
async function runCell(request) {
  const { header, content } = request;
  const { code, silent = false, store_history: stored = !silent, stop_on_error: stops = true } = content;
  publish('status', { execution_state: 'busy' }, header);
  printing = header;
  if (isRefused(request)) {
    print('stderr', `Not run, because cell [${failed.count}] failed.\n`);
    flush();
    reply(request, { status: 'aborted' });
  } else {
    if (stored) history.push([0, ++count, code]);
    if (!silent) publish('execute_input', { code, execution_count: count });
    const name = `cell [${stored ? count : 'silent'}]`;
    const { failure } = await run(header, 'execute', { code, name, count, silent });
    if (failure) {
      if (!silent) publish('error', failure);
      const tookMs = performance.now() - request.arrived;
      if (stops) failed = { count, session: header.session, sentAt: Date.parse(header.date), tookMs };
    }
    flush();
    const outcome = failure ? { status: 'error', ...failure } : { status: 'ok', user_expressions: {} };
    reply(request, { ...outcome, execution_count: count, payload: [] });
  }
  publish('status', { execution_state: 'idle' }, header);
}

// ---- interrupts ----

const within = (ms, ...promises) =>
  Promise.race([...promises.map((each) => each.then(() => true)), sleep(ms, false)]);
const post = (session, method, parameters) =>
  new Promise((done) => session.post(method, parameters, () => done()));
const stopped = (evalue) => ({
  failure: { ename: 'InterruptedError', evalue, traceback: [`InterruptedError: ${evalue}`] },
});

/**
 * Interrupts the cell that runs. It is told first, so that a search keeps its state; if its JavaScript does not come back
 * to hear of it, that is stopped where it stands.
 */
async function interrupt() {
  // The first cell of a fresh kernel may arrive after the interrupt that was sent behind it.
  for (let waited = 0; count === 0 && waited < 250; waited += 25) await sleep(25);
  const cell = running;
  if (cell === undefined || cell.interrupted) return;
  cell.interrupted = true;
  if (Atomics.compareExchange(shared, MAY_RUN, cell.id, 0) === cell.id) {
    return answer(cell.id, stopped('Interrupted before it ran.'));
  }
  const tell = () => ask('interrupt', { cell: cell.id }).promise;
  for (let said = false; running === cell;) {
    const heard = tell();
    const session = new Session();
    session.connectToMainThread();
    // Answered between two steps of its JavaScript, whatever that does.
    const reached = post(session, 'Runtime.evaluate', { expression: '0' });
    if (!(await within(NATIVE_MS, heard, reached, cell.ended)) && !said) {
      print('stderr', 'Interrupting: a native call is under way and has to end first.\n');
      said = true;
    }
    await Promise.race([heard, reached, cell.ended]);
    if (!(await within(HEAR_MS, heard, cell.ended)) && Atomics.load(shared, COMPILING) === 0) {
      await post(session, 'Runtime.terminateExecution');
      parentPort.postMessage({ type: 'stopped', cell: cell.id });
      // What else it was asked meanwhile may be lost.
      for (const { message } of asked.values()) if (!RUNS.has(message.type)) parentPort.postMessage(message);
    }
    session.disconnect();
    await within(END_MS, cell.ended);
  }
}

// ---- requests ----

const KERNEL_INFO = {
  status: 'ok',
  protocol_version: '5.3',
  implementation: 'zarts',
  implementation_version: '1.0.0',
  language_info: {
    name: 'typescript',
    version,
    mimetype: 'text/typescript',
    file_extension: '.ts',
    codemirror_mode: { mode: 'typescript', name: 'javascript', typescript: true },
  },
  banner: 'TypeScript',
  help_links: [],
};

const main = (type) => (content) => ask(type, { content }).promise;

/** The answers to everything but cells. */
const ANSWERS = {
  kernel_info_request: () => KERNEL_INFO,
  complete_request: main('complete'),
  inspect_request: main('inspect'),
  is_complete_request: main('isComplete'),
  history_request: ({ hist_access_type: access, n = history.length, output }) => {
    const lines = access === 'tail' ? history.slice(-n) : history;
    return { status: 'ok', history: output ? lines.map(([s, l, code]) => [s, l, [code, null]]) : lines };
  },
  comm_info_request: ({ target_name: target }) => ({ status: 'ok', comms: comms.info(target) }),
  interrupt_request: () => {
    interrupt().catch(report);
    return { status: 'ok' };
  },
  shutdown_request: ({ restart }) => ({ status: 'ok', restart }),
};

async function answerTo(request, send) {
  const { header, content, identities } = request;
  const type = header.msg_type;
  publish('status', { execution_state: 'busy' }, header);
  if (type.startsWith('comm_') && !type.endsWith('_request')) {
    const response = comms.heard(type, content);
    if (response) publish(...response, header);
  }
  const answered = await ANSWERS[type]?.(content);
  if (answered) send(identities, type.replace('_request', '_reply'), answered, header);
  publish('status', { execution_state: 'idle' }, header);
  // A browser that comes back goes by the last status that it hears.
  if (running) publish('status', { execution_state: 'busy' }, running.header);
  if (type === 'shutdown_request') await end();
}

/** Messages of a control that mean that somebody has moved it, or pressed it. */
const MOVES = new Set(['update', 'custom']);

/** What takes a request in its turn; undefined for one that is answered at once. */
function inTurnFor({ header: { msg_type: type }, content }) {
  if (type === 'execute_request') return runCell;
  const comm = type === 'comm_msg' && MOVES.has(content.data.method) && comms.find(content);
  if (!comm) return undefined;
  // Known at once, for whoever asks meanwhile; its sender waits to hear that it was done.
  comms.heard(type, content);
  return (request) => runControl(request, comm);
}

async function listen(socket, send) {
  for await (const frames of socket) {
    const request = parse(frames);
    if (request === undefined) continue;
    request.arrived = performance.now();
    const inTurn = inTurnFor(request);
    if (inTurn) turn = turn.then(() => inTurn(request)).catch(report);
    else answerTo(request, send).catch(report);
  }
}

/** Ends the process: by itself if the main thread is free to do so, at once otherwise. */
async function end() {
  await sleep(100);
  for (const socket of Object.values(sockets)) socket.close();
  parentPort.postMessage({ type: 'exit' });
  await sleep(500);
  process.kill(process.pid, 'SIGKILL');
}

await Promise.all(
  Object.entries(sockets).map(([name, socket]) =>
    socket.bind(`${connection.transport}://${connection.ip}:${connection[`${name}_port`]}`),
  ),
);
publish('status', { execution_state: 'starting' }, {});
void listen(shell, toShell);
void listen(control, toControl);
void (async () => {
  for await (const frames of heartbeat) await heartbeat.send(frames);
})();

// The kernel ends when the program that started it is gone.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  void end();
}, 2000);
