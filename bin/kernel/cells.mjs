// How a notebook's cells run: compiled by tslab, one after another, in this process. What is otherwise than in tslab:
// - a cell that fails or is interrupted leaves the variables that it was about to declare as they were;
// - a failure says where in the cell it was;
// - a cell never starts inside what an interrupted one left half done;
// - when a library file was compiled anew, running the import cell again brings it in.

import { statSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { Script } from 'node:vm';
import { ROOT } from '../setup/project.mjs';
import { createCompiler } from './compiler.mjs';
import { complaint, failureOf } from './failure.mjs';

const require = createRequire(import.meta.url);

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

/** Forgets the modules that a stopped cell was about to load: what they export is not all there. */
function forgetHalfLoaded() {
  for (const [path, module] of Object.entries(require.cache)) if (!module.loaded) delete require.cache[path];
}

/**
 * The variables of the notebook as one cell sees them. What it declares is its own until it has run to its end; what it does to
 * earlier variables is done at once, as in any language. A cell that was given up changes nothing any more.
 */
function scopeOf(variables, declares) {
  let own = {};
  let state = 'running';
  const write = (name, value) => {
    if (state === 'kept' || (state === 'running' && !declares.has(name))) variables[name] = value;
    if (state === 'running' && declares.has(name)) own[name] = value;
    return true;
  };
  const exports = new Proxy(
    {},
    {
      get: (_, name) => (Object.hasOwn(own, name) ? own : variables)[name],
      set: (_, name, value) => write(name, value),
      // How an import becomes a variable.
      defineProperty: (_, name, { get, value }) => name === '__esModule' || write(name, get ? get() : value),
    },
  );
  return {
    exports,
    keep() {
      Object.assign(variables, own);
      own = {};
      state = 'kept';
    },
    drop() {
      if (state === 'running') state = 'dropped';
    },
    /** What a cell awaits; nothing more once it was given up. */
    awaited(value) {
      if (state === 'dropped') throw new Error('Interrupted.');
      return value;
    },
  };
}

/** `require` for cells: packages and the library as everywhere, and the project's own TypeScript files, compiled by tslab. */
function createImports() {
  const compiled = new Map();
  const loadFrom = (folder, plain) =>
    new Proxy(plain, {
      apply(_, self, [id]) {
        if (id === 'tslab') return require('tslab');
        const path = [join(folder, id), join(folder, `${id}.js`)].find((each) => compiled.has(each));
        return path === undefined ? plain.call(self, id) : load(path);
      },
    });
  function load(path) {
    const file = compiled.get(path);
    if (file.module === undefined) {
      file.module = new Module(path);
      file.module.filename = path;
      file.module.paths = Module._nodeModulePaths(dirname(path));
      file.module.require = loadFrom(dirname(path), file.module.require);
      file.module._compile(`const __await = (value) => value; ${file.code}`, path);
    }
    return file.module.exports;
  }
  return {
    add: (modules) => modules.forEach(({ path, data }) => compiled.set(path, { code: data })),
    require: loadFrom(ROOT, createRequire(join(ROOT, 'cell.js'))),
  };
}

/**
 * What runs the cells of notebooks in this process, whose working directory must be the project's folder.
 *
 * @param {{watch?: boolean}} options  `watch`: whether the compiler looks out for changed files, as a kernel's must.
 */
export function createCells({ watch = true } = {}) {
  const compiler = createCompiler(watch);
  const imports = createImports();
  /** Cells that have run, by their names in stack traces. */
  const known = new Map();
  let variables = {};
  let scope;

  const placeIn = (name, line, column) => {
    const cell = known.get(name);
    const place = cell?.originOf(line, column);
    return place && { ...place, source: cell.source };
  };

  async function run({ code, declares, shows, originOf }, source, name) {
    known.set(name, { source, originOf });
    const head = '(async function (exports, require, __await) { ';
    const script = new Script(`${head}${code}\n})`, { filename: name, columnOffset: -head.length });
    const own = (scope = scopeOf(variables, new Set([...declares, shows])));
    try {
      await script.runInThisContext()(own.exports, imports.require, own.awaited);
      own.keep();
      if (shows === undefined) return {};
      // Not awaited, if it is a promise.
      const value = variables[shows];
      delete variables[shows];
      return { value };
    } catch (error) {
      own.drop();
      throw error;
    }
  }

  return {
    ...compiler,
    /**
     * Runs a cell to its end.
     *
     * @param {string} source
     * @param {string} name  What it is called in traces: "cell [3]".
     * @param {() => boolean} mayRun  Asked when it is compiled, before it runs.
     * @returns `value`, of its last expression, or `failure`.
     */
    async execute(source, name = 'cell [1]', mayRun = () => true) {
      try {
        closeInterruptedScopes();
        forgetOldModules();
        const compiled = compiler.compile(source);
        if (compiled.complaints) return { failure: complaint(compiled.complaints, source) };
        if (!mayRun()) return {};
        imports.add(compiled.modules ?? []);
        const outcome = compiled.code === undefined ? {} : await run(compiled, source, name);
        compiled.remember();
        return outcome;
      } catch (error) {
        return { failure: failureOf(error, placeIn) };
      }
    },
    /** Runs something that an earlier cell has left to be called; the `failure` that it came to, if any. */
    async call(work) {
      closeInterruptedScopes();
      try {
        await work();
        return {};
      } catch (error) {
        return { failure: failureOf(error, placeIn) };
      }
    },
    /** The failure that something thrown outside a cell's own run comes to. */
    failureOf: (thrown) => failureOf(thrown, placeIn),
    /**
     * Gives up the cell that runs, so that nothing that it still does changes a variable, or what was called between cells.
     *
     * @param {boolean} stopped  Whether its JavaScript was stopped where it stood.
     */
    giveUp(stopped) {
      scope?.drop();
      if (!stopped) return;
      forgetHalfLoaded();
      // What holds locks or waits for work that will never end.
      process.emit('zarts:stopped');
    },
    /** Forgets the variables of the cells before. */
    reset() {
      variables = {};
      compiler.forget();
    },
  };
}
