import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';

/** The rules of who may import whom, read off the import lines of the sources. */

const ROOT = path.resolve(__dirname, '../..');

/** One import: from which file, of what, and whether it is gone after compilation. */
interface Import {
  readonly file: string;
  /** A package or built-in name, or the imported file's path below the project. */
  readonly target: string;
  readonly typeOnly: boolean;
}

const posix = (file: string): string => path.relative(ROOT, file).split(path.sep).join('/');

function sources(folder: string): string[] {
  const entries = readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return entries.filter((file) => file.endsWith('.ts')).map((file) => path.join(ROOT, folder, file));
}

/** Every static, dynamic and `require` import of a source file. */
function importsOf(file: string, text = readFileSync(file, 'utf8')): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const name = specifier.text;
    const target = name.startsWith('.')
      ? posix(path.resolve(path.dirname(file), name)).replace(/\.js$/, '.ts')
      : name;
    found.push({ file: posix(file), target, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    if (ts.isCallExpression(node)) {
      const { expression, arguments: given } = node;
      const imports = expression.kind === ts.SyntaxKind.ImportKeyword;
      const loads = ts.isIdentifier(expression) && ['require', 'lazily'].includes(expression.text);
      if (imports || loads) add(given[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true));
  return found;
}

const importsIn = (folder: string): Import[] => sources(folder).flatMap((file) => importsOf(file));
const lib = importsIn('lib');
const all = ['lib', 'reproductions', 'bin', 'test/bench', 'test/parity'].flatMap((folder) =>
  importsIn(folder),
);
const lines = (found: readonly Import[]): string[] =>
  found.map(({ file, target }) => `${file} imports ${target}`);
const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/');

describe('architecture', () => {
  it('finds imports of every kind', () => {
    const text = [
      "import type { A } from './a.js';",
      "import fs, { type B } from 'node:fs';",
      "export * from '../math/vec.js';",
      "export type { C } from 'zod';",
      "const d = await import('vega');",
      "const e = require('npyjs');",
      "const f = lazily('sharp');",
    ].join('\n');
    const found = importsOf(path.join(ROOT, 'lib/engine/x.ts'), text);
    expect(found.map(({ target, typeOnly }) => `${target} ${typeOnly}`)).to.deep.equal([
      'lib/engine/a.ts true',
      'node:fs false',
      'lib/math/vec.ts false',
      'zod true',
      'vega false',
      'npyjs false',
      'sharp false',
    ]);
    expect(lib.length).to.be.greaterThan(100);
  });

  it('loads TensorFlow in lib/engine only', () => {
    const loads = all.filter(({ target, typeOnly }) => target.startsWith('@tensorflow/') && !typeOnly);
    expect(lines(loads.filter(({ file }) => folderOf(file) !== 'lib/engine'))).to.deep.equal([]);
    expect(loads).to.not.be.empty;
  });

  it('loads danfojs, which brings a TensorFlow of its own, in lib/report only', () => {
    const loads = all.filter(({ target, typeOnly }) => target.startsWith('danfojs') && !typeOnly);
    expect(lines(loads.filter(({ file }) => folderOf(file) !== 'lib/report'))).to.deep.equal([]);
  });

  it('takes nothing but types from nodeplotlib, whose server listens on every network interface', () => {
    const uses = all.filter(({ target }) => /^(nodeplotlib|@nestjs\/|express|socket\.io)/.test(target));
    expect(lines(uses.filter(({ typeOnly }) => !typeOnly))).to.deep.equal([]);
    expect(lines(uses)).to.deep.equal(['lib/report/plotly.d.ts imports nodeplotlib']);
  });

  it('keeps solvers, spaces and mathematics free of tensors', () => {
    const plain = ['lib/math', 'lib/spaces', 'lib/solvers'];
    const allowed: Record<string, readonly string[]> = {
      'lib/math': [],
      'lib/spaces': ['lib/math'],
      'lib/solvers': ['lib/math'],
    };
    const wrong = lib.filter(({ file, target }) => {
      const from = folderOf(file);
      if (!plain.includes(from)) return false;
      if (target.startsWith('@tensorflow/')) return true;
      const to = folderOf(target);
      const shared = ['lib/errors.ts', ...(from === 'lib/solvers' ? ['lib/settings.ts'] : [])];
      return (
        target.startsWith('lib/') && to !== from && !shared.includes(target) && !allowed[from].includes(to)
      );
    });
    expect(lines(wrong)).to.deep.equal([]);
  });

  it('imports one way: what a folder of lib may import', () => {
    const below: Record<string, readonly string[]> = {
      'lib/math': [],
      'lib/engine': [],
      'lib/spaces': ['math'],
      'lib/solvers': ['math'],
      'lib/runs': ['math'],
      'lib/datasets': ['math', 'spaces', 'runs'],
      'lib/analysis': ['math', 'spaces', 'solvers'],
      'lib/supernet': ['math', 'spaces', 'engine'],
      'lib/search': ['math', 'spaces', 'engine', 'solvers', 'supernet', 'datasets', 'runs', 'analysis'],
      'lib/evaluation': ['math', 'spaces', 'engine', 'supernet', 'datasets', 'runs', 'analysis', 'search'],
    };
    const wrong = lib.filter(({ file, target }) => {
      const [from, to] = [folderOf(file), folderOf(target)];
      const allowed = below[from] as readonly string[] | undefined;
      if (allowed === undefined || !target.startsWith('lib/') || to === from || to.endsWith('.ts'))
        return false;
      return !allowed.includes(to.slice('lib/'.length));
    });
    expect(lines(wrong)).to.deep.equal([]);
  });

  it('has nothing in lib that imports a reproduction, a notebook or the shell', () => {
    const wrong = lib.filter(({ target }) => /^(reproductions|notebooks|bin|test)\//.test(target));
    expect(lines(wrong)).to.deep.equal([]);
  });

  it('has a shell that imports no test but the benchmark and the comparison with reference numbers', () => {
    const tests = all.filter(({ file, target }) => file.startsWith('bin/') && target.startsWith('test/'));
    const wrong = tests.filter(
      ({ target }) => !/^test\/(bench|parity)\//.test(target) || target.endsWith('.test.ts'),
    );
    expect(lines(wrong)).to.deep.equal([]);
  });

  it('has reproductions that import no shell and no test', () => {
    const wrong = all.filter(
      ({ file, target }) => file.startsWith('reproductions/') && /^(bin|test)\//.test(target),
    );
    expect(lines(wrong)).to.deep.equal([]);
  });

  it('imports in no circle, not even types', () => {
    const edges = new Map<string, string[]>();
    for (const { file, target } of all) {
      if (target.endsWith('.ts')) edges.set(file, [...(edges.get(file) ?? []), target]);
    }
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
      if (done.has(file) || trail.includes(file)) return;
      for (const target of edges.get(file) ?? []) walk(target, [...trail, file]);
      done.add(file);
    };
    for (const file of edges.keys()) walk(file, []);
    expect(circles).to.deep.equal([]);
  });

  it('touches the disk and the network in lib/datasets and lib/runs, and where there is a reason', () => {
    const reasons: Record<string, string> = {
      'lib/engine/tensorflow.ts': 'reads which engine set-up built',
      'lib/engine/native.ts': 'looks for the kernels that set-up built',
      'lib/engine/graph.ts': 'hands a graph to TensorFlow through a temporary file',
      'lib/engine/settings.ts': 'reads and keeps the thread settings measured for a machine',
    };
    const touching =
      /^(node:)?(fs|fs\/promises|http|https|net|tls|dgram|dns|http2|worker_threads|cluster)$|^write-file-atomic$|^tar$/;
    const found = lib.filter(({ target, typeOnly }) => touching.test(target) && !typeOnly);
    const wrong = found.filter(({ file }) => {
      // Pictures are rendered with fonts read from a package and written where the caller says.
      const folder = folderOf(file);
      return (
        folder !== 'lib/datasets' && folder !== 'lib/runs' && folder !== 'lib/report' && !(file in reasons)
      );
    });
    expect(lines(wrong)).to.deep.equal([]);
    const files = new Set(found.map(({ file }) => file));
    for (const file of Object.keys(reasons))
      expect(files.has(file), `${file} ${reasons[file]}: still?`).to.be.true;
    const fetches = sources('lib').filter((file) => /\bfetch\(/.test(readFileSync(file, 'utf8')));
    expect(fetches.map(posix).filter((file) => folderOf(file) !== 'lib/datasets')).to.deep.equal([]);
  });
});
