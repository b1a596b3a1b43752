import path from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { projectRoot } from '../../lib/runs/home.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { FOLDER, NOTEBOOKS, codeCells } from './files.js';

/** A notebook as one module, and the cell that each of its lines comes from. */
interface Module {
  readonly text: string;
  readonly cells: readonly number[];
}

/**
 * The cells of a notebook as one module. Imports come first; a cell is a block inside the one before it, because it may
 * declare anew what an earlier one has declared.
 */
function asModule(sources: readonly string[]): Module {
  const lines: string[] = [];
  const cells: number[] = [];
  const add = (cell: number, text: string): void => {
    for (const line of text.split('\n')) {
      lines.push(line);
      cells.push(cell);
    }
  };
  const bodies = sources.map((source, i) => {
    const file = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.ES2022, true);
    let body = source;
    for (const { pos, end } of file.statements.filter(ts.isImportDeclaration)) {
      add(i + 1, source.slice(pos, end).trim());
      body = body.slice(0, pos) + source.slice(pos, end).replaceAll(/[^\n]/g, ' ') + body.slice(end);
    }
    return body;
  });
  for (const [i, body] of bodies.entries()) add(i + 1, `{\n${body}`);
  add(sources.length, '}'.repeat(sources.length));
  add(sources.length, 'export {};');
  return { text: lines.join('\n'), cells };
}

/** What the compiler says of notebooks under the project's own, strict settings, with the cell's number. */
function complaints(notebooks: Readonly<Record<string, readonly string[]>>): string[] {
  const root = projectRoot();
  const read = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const options: ts.CompilerOptions = {
    ...ts.parseJsonConfigFileContent(read.config, ts.sys, root).options,
    // A cell may declare what only the reader will use; imports have no endings, and cells await at top level.
    noUnusedLocals: false,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noEmit: true,
  };
  const modules = new Map(
    Object.entries(notebooks).map(([name, sources]) => [path.join(FOLDER, `${name}.ts`), asModule(sources)]),
  );
  const host = ts.createCompilerHost(options);
  host.fileExists = (file) => modules.has(file) || ts.sys.fileExists(file);
  host.readFile = (file) => modules.get(file)?.text ?? ts.sys.readFile(file);
  const program = ts.createProgram([...modules.keys()], options, host);
  return [...modules].flatMap(([file, { cells }]) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) => {
        const { line } = source.getLineAndCharacterOfPosition(start);
        const text = ts.flattenDiagnosticMessageText(messageText, '\n');
        return `${path.basename(file, '.ts')}, code cell ${cells[line]}: ${text}`;
      },
    );
  });
}

describe('notebooks: types', function () {
  this.timeout(120_000);

  it('satisfy the strict compiler, though the kernel’s own is not strict', () => {
    const notebooks = Object.fromEntries(NOTEBOOKS.map((name) => [name, codeCells(name)]));
    expect(NOTEBOOKS.length).to.be.above(EXPERIMENTS.length);
    expect(complaints(notebooks)).to.deep.equal([]);
  });

  it('are checked: across cells, strictly, with what is declared anew', () => {
    const found = complaints({
      'good.ipynb': [
        "import { ZartsError } from 'zarts/lib/errors';\nconst x = 1;",
        'const x: string = new ZartsError("a").message;\nawait Promise.resolve(x);',
        "import path from 'node:path';\npath.join(x, x);",
      ],
      'bad.ipynb': [
        "import { Zarts } from 'zarts/lib/errors';",
        'const twice = (x) => 2 * x;\n\nconst first: string = [1].at(0);',
        'third;',
      ],
    });
    expect(found.map((each) => each.replace(/ Did you mean.*/, ''))).to.deep.equal([
      'bad.ipynb, code cell 1: Module \'"zarts/lib/errors"\' has no exported member \'Zarts\'.',
      "bad.ipynb, code cell 2: Parameter 'x' implicitly has an 'any' type.",
      "bad.ipynb, code cell 2: Type 'number | undefined' is not assignable to type 'string'.\n  Type 'undefined' is not assignable to type 'string'.",
      "bad.ipynb, code cell 3: Cannot find name 'third'.",
    ]);
  });
});
