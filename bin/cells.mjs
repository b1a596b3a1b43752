// How a notebook's cells run: in tslab's executor, with its compiler. What is added to it:
// - an error made for people (UsageError, ZartsError) prints its sentence, not a stack trace;
// - a cell never starts inside what an interrupted one left half done in TensorFlow.js;
// - when a library file was compiled anew, running the import cell again brings it in.

import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { inspect } from 'node:util';
import { ROOT } from './setup/project.mjs';

const require = createRequire(import.meta.url);
const { createConverter } = require('tslab/dist/converter.js');
const { createExecutor } = require('tslab/dist/executor.js');

const FOR_PEOPLE = new Set(['UsageError', 'ZartsError', 'InterruptedError']);

/** Whether an error's class, or one that it extends, says that its message explains it whole. */
function isForPeople(error) {
  for (let type = error; type !== null; type = Object.getPrototypeOf(type)) {
    if (FOR_PEOPLE.has(type.constructor?.name)) return true;
  }
  return false;
}

/** Lines of a stack trace that belong to the kernel and not to the cell or what it called. */
const KERNEL_FRAME = /^\s+at .*(?:node:vm|node:internal|tslab\/dist\/|bin\/(?:kernel|cells)\.mjs)/;

/** What a cell prints for a value it threw. No path of this machine is in it: outputs are kept in notebooks. */
export function describeThrown(thrown) {
  if (!(thrown instanceof Error)) return thrown;
  if (thrown.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return 'Interrupted.';
  if (thrown.message === 'Interrupted asynchronously') {
    return 'Interrupted. What the cell awaited goes on unless it was given a signal to stop.';
  }
  if (isForPeople(thrown)) return `${thrown.name}: ${thrown.message}`;
  return inspect(thrown)
    .split('\n')
    .filter((line) => !KERNEL_FRAME.test(line))
    .join('\n')
    .replaceAll('evalmachine.<anonymous>', 'cell');
}

/** The text with paths inside the project made relative to it. */
const withinProject = (text) => text.replaceAll(`file://${ROOT}/`, '').replaceAll(`${ROOT}/`, '');

/** Prints what the kernel reports: a thrown value, or the format and parts of a compiler's message. */
function report(...parts) {
  const described = parts.map(describeThrown);
  console.error(...described.map((part) => (typeof part === 'string' ? withinProject(part) : part)));
}

/**
 * Ends the scopes and counters of TensorFlow.js that an interrupt left open: it stops JavaScript in the middle of a
 * synchronous call, where no `finally` runs, and every later gradient would fail. Between cells all of them are closed.
 */
function closeInterruptedScopes() {
  const engine = globalThis._tfengine;
  if (!engine?.state) return;
  engine.state.kernelDepth = 0;
  engine.state.gradientDepth = 0;
  engine.state.activeTape = null;
  while (engine.state.scopeStack.length > 0) engine.endScope();
}

const dist = join(ROOT, 'dist') + sep;
// The engine owns tensors and sessions: a second copy of it would not know the first one's.
const engineFolder = join(dist, 'lib', 'engine') + sep;

function compiledAt() {
  try {
    return statSync(join(dist, '.tsbuildinfo')).mtimeMs;
  } catch {
    return 0;
  }
}

let lastCompiled = compiledAt();

/** Forgets the library's modules once they were compiled anew, so that the next import reads them again. */
function forgetOldModules() {
  const compiled = compiledAt();
  if (compiled === lastCompiled) return;
  lastCompiled = compiled;
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(dist) && !path.startsWith(engineFolder)) delete require.cache[path];
  }
}

/**
 * What runs the cells of notebooks in this process, whose working directory must be the project's folder.
 *
 * @param {{watch?: boolean}} options  `watch`: whether the compiler looks out for changed files, as a kernel's must.
 * @returns tslab's executor: `execute` runs a cell, `reset` forgets the variables of those before.
 */
export function createCells({ watch = true } = {}) {
  if (!watch) {
    const { sys } = require('@tslab/typescript-for-tslab');
    sys.watchFile = sys.watchDirectory = () => ({ close: () => undefined });
  }
  const converters = {
    node: createConverter({ isJS: false, isBrowser: false }),
    close() {
      this.node.close();
      this.atBrowser?.close();
    },
    get browser() {
      this.atBrowser ??= createConverter({ isJS: false, isBrowser: true });
      return this.atBrowser;
    },
  };
  const executor = createExecutor(ROOT, converters, { log: console.log, error: report });
  const { execute } = executor;
  executor.execute = (source) => {
    closeInterruptedScopes();
    forgetOldModules();
    return execute(source);
  };
  return executor;
}
