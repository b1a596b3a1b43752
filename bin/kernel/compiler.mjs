// tslab's compiler of cells, and what it does not tell: where in the cell each place of the compiled code comes from, and
// which names the cell declares.

import { createRequire, SourceMap } from 'node:module';
import { Buffer } from 'node:buffer';

const require = createRequire(import.meta.url);
const PATH = require.resolve('@tslab/typescript-for-tslab');
const ts = require(PATH);

/** A cell is compiled in two passes, types away first, then imports and exports; each gives a map of places. */
let passes = [];
let declared = new Set();

const MAP = /\n\/\/# sourceMappingURL=data:application\/json;base64,(.*)\s*$/;
const EXPORTED = /\nexport \{([^}]*)\};\s*$/;

/** `await x` becomes `await __await(x)`, by which a cell that was given up ends. */
const guardAwaits = (context) => (file) => {
  const visit = (node) => {
    const seen = ts.visitEachChild(node, visit, context);
    if (!ts.isAwaitExpression(seen)) return seen;
    const { factory } = context;
    const guarded = factory.createCallExpression(factory.createIdentifier('__await'), undefined, [
      seen.expression,
    ]);
    return factory.updateAwaitExpression(seen, guarded);
  };
  return ts.visitNode(file, visit);
};

/** The second pass. What it is given is the outcome of the first, with the map inside. */
function transpileModule(text, options) {
  const [, map] = MAP.exec(text) ?? [];
  const code = text.replace(MAP, '\n');
  const compilerOptions = { ...options.compilerOptions, sourceMap: true };
  const transformers = { before: [guardAwaits] };
  const compiled = ts.transpileModule(code, { ...options, compilerOptions, transformers });
  passes = [compiled.sourceMapText, ...(map ? [Buffer.from(map, 'base64').toString()] : [])].map(
    (json) => new SourceMap(JSON.parse(json)),
  );
  declared = new Set(EXPORTED.exec(code)?.[1].match(/[\p{ID_Continue}$]+/gu));
  return { ...compiled, outputText: compiled.outputText.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n') };
}

/** `{ x }` with a variable of an earlier cell, which tslab overlooks, becomes `{ x: exports.x }`. */
const spellOut = (checker) => (context) => (file) => {
  const { factory } = context;
  const isEarlier = (symbol) =>
    symbol?.declarations?.some((each) => each.getSourceFile().fileName.endsWith('/__prev__.d.ts'));
  const visit = (node) => {
    if (
      !ts.isShorthandPropertyAssignment(node) ||
      !isEarlier(checker.getShorthandAssignmentValueSymbol(node))
    )
      return ts.visitEachChild(node, visit, context);
    const value = factory.createPropertyAccessExpression(factory.createIdentifier('exports'), node.name.text);
    return factory.createPropertyAssignment(node.name.text, ts.setTextRange(value, node));
  };
  return ts.visitNode(file, visit);
};

/** The first pass, with what {@link spellOut} does. */
function createProgram(...args) {
  const builder = ts.createEmitAndSemanticDiagnosticsBuilderProgram(...args);
  const { emit } = builder;
  builder.emit = (file, write, token, onlyTypes, transformers) => {
    const before = [spellOut(builder.getProgram().getTypeChecker())];
    return emit(file, write, token, onlyTypes, { ...transformers, before });
  };
  return builder;
}

/**
 * tslab has room for one timer and throws for a second, at this cell and every later one; the compiler sets two when a file
 * was made beside imported ones. So all that waits goes into one, which tslab calls before it compiles a cell.
 */
function oneTimer(sys) {
  const waiting = new Set();
  let timer;
  let calling = false;
  const callAll = () => {
    calling = true;
    try {
      // What one of them adds is called too.
      for (const each of waiting) {
        waiting.delete(each);
        each.callback();
      }
      // Not where one of them threw: tslab keeps its timer then, and calls it again.
      timer = undefined;
    } finally {
      calling = false;
    }
  };
  return {
    setTimeout(callback) {
      const added = { callback };
      waiting.add(added);
      if (!calling) timer ??= sys.setTimeout(callAll);
      return added;
    },
    clearTimeout(added) {
      waiting.delete(added);
      if (calling || timer === undefined || waiting.size > 0) return;
      sys.clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Without `types` it would read every package of types in node_modules before the first cell. */
const createWatchCompilerHost = (files, options, sys, _, ...rest) => {
  const ours = { ...options, inlineSourceMap: true, types: ['node'] };
  const timed = Object.assign(Object.create(sys), oneTimer(sys));
  return ts.createWatchCompilerHost(files, ours, timed, createProgram, ...rest);
};

// tslab takes the compiler as it finds it.
require.cache[PATH].exports = { ...ts, createWatchCompilerHost, transpileModule };
const { createConverter, isCompleteCode } = require('tslab/dist/converter.js');
const { getCodeMetadata } = require('tslab/dist/metadata.js');
const { printQuickInfo } = require('tslab/dist/inspect.js');

/** Where in a cell a place of its compiled code comes from, both counted from 1. */
function originOf(maps, line, column) {
  let place = { line: line - 1, column: column - 1 };
  for (const map of maps) {
    const { originalLine, originalColumn } = map.findEntry(place.line, place.column);
    if (originalLine === undefined) return undefined;
    place = { line: originalLine, column: originalColumn };
  }
  // tslab puts a line of its own before a cell.
  return { line: place.line, column: place.column + 1 };
}

/**
 * A compiler of cells, each of which knows what those before it have declared.
 *
 * @param {boolean} watch  Whether it looks out for changed files.
 */
export function createCompiler(watch) {
  if (!watch) ts.sys.watchFile = ts.sys.watchDirectory = () => ({ close: () => undefined });
  const converter = createConverter({ isJS: false, isBrowser: false });
  let before = '';
  return {
    /**
     * Compiles a cell.
     *
     * @returns `complaints` if it cannot run: the compiler's diagnostics. Otherwise `code` (undefined if there is nothing to
     *   run), `declares` (its names), `shows` (the variable of its last expression), `modules` (the code of the
     *   project's own TypeScript files that it imports), `originOf` (the place in the cell of one in the code), and
     *   `remember`, to be called when it has run.
     */
    compile(source) {
      const metadata = getCodeMetadata(source);
      if (metadata.module) {
        const complaints = converter.addModule(metadata.module, source, metadata);
        return complaints.length > 0 ? { complaints } : { remember: () => undefined };
      }
      const { diagnostics, output, lastExpressionVar, sideOutputs, declOutput } = converter.convert(
        before,
        source,
      );
      if (diagnostics.length > 0) return { complaints: diagnostics };
      const maps = passes;
      return {
        code: output,
        declares: declared,
        shows: lastExpressionVar,
        modules: sideOutputs ?? [],
        originOf: (line, column) => originOf(maps, line, column),
        remember: () => (before = declOutput ?? ''),
      };
    },
    complete(source, position) {
      const { start, end, candidates } = converter.complete(before, source, position);
      return { cursor_start: start, cursor_end: end, matches: candidates, metadata: {}, status: 'ok' };
    },
    inspect(source, position) {
      const info = converter.inspect(before, source, position);
      const data = info ? { 'text/plain': printQuickInfo(info) } : {};
      return { status: 'ok', found: Boolean(info), data, metadata: {} };
    },
    isComplete(source) {
      const { completed, indent } = isCompleteCode(source);
      return completed ? { status: 'complete' } : { status: 'incomplete', indent };
    },
    /** Reads what most notebooks import: two seconds that their first cell then does without. */
    warmUp() {
      const modules = ['lib/report/notebook', 'reproductions/reproduce', 'reproductions/compare'];
      converter.addModule('zartsWarmUp', modules.map((each) => `import 'zarts/${each}';`).join('\n'));
    },
    forget: () => (before = ''),
    close: () => converter.close(),
  };
}
