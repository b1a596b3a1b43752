import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type ts from 'typescript';
import { projectRoot } from '../../lib/runs/home.js';
import { edited } from '../newcomer/index-lines.js';

/** A language service over a text in a folder of the project, with the compiler that is given. */
function service(compiler: typeof ts, folder: string, read = (_: string, content: string) => content) {
  const file = join(projectRoot(), folder, 'completion-test.ts');
  let [text, version] = ['', 0];
  const content = (name: string): string | undefined =>
    name === file ? text : compiler.sys.fileExists(name) ? read(name, readFileSync(name, 'utf8')) : undefined;
  const { options } = compiler.parseJsonConfigFileContent(
    { compilerOptions: { target: 'es2022', lib: ['es2023'], module: 'commonjs', moduleResolution: 'node' } },
    compiler.sys,
    projectRoot(),
  );
  const made = compiler.createLanguageService({
    getScriptFileNames: () => [file],
    getScriptVersion: (name) => (name === file ? String(version) : '1'),
    getScriptSnapshot: (name) => {
      const found = content(name);
      return found === undefined ? undefined : compiler.ScriptSnapshot.fromString(found);
    },
    getCurrentDirectory: projectRoot,
    getCompilationSettings: () => ({ ...options, strict: true, skipLibCheck: true, types: [] }),
    getDefaultLibFileName: (given) => compiler.getDefaultLibFilePath(given),
    fileExists: (name) => compiler.sys.fileExists(name),
    readFile: (name) => content(name),
  });
  const show = (next: string): void => {
    text = next;
    version += 1;
  };
  return { made, file, show };
}

describe('SearchChange in a notebook', function () {
  this.timeout(120_000);
  let compiler: typeof ts;
  let notebook: ReturnType<typeof service>;

  before(async () => {
    // The compiler that the notebooks' kernel has.
    ({ default: compiler } = (await import('@tslab/typescript-for-tslab')) as unknown as {
      default: typeof ts;
    });
    notebook = service(compiler, 'notebooks');
  });

  /** Completions at each mark `|` of a text, by name, with their comments. */
  function completions(text: string): Map<string, string>[] {
    const parts = text.split('|');
    const { made, file, show } = notebook;
    show(parts.join(''));
    return parts.slice(0, -1).map((_, i) => {
      const at = parts.slice(0, i + 1).join('').length;
      const { entries } = made.getCompletionsAtPosition(file, at, {})!;
      return new Map(
        entries.map(({ name, source, data }) => {
          const details = made.getCompletionEntryDetails(file, at, name, {}, source, {}, data);
          return [name, compiler.displayPartsToString(details?.documentation)];
        }),
      );
    });
  }

  it('completes names with their comments, and values', () => {
    const [top, solver, weights, stability, density, space, omega] = completions(
      [
        "import type { SearchChange } from '../dist/lib/search/protocol.js';",
        'const names: SearchChange[] = [',
        '  { | }, { solver: { | } }, { weights: { | } }, { stability: { | } },',
        "  { solver: { density: '|' } }, { space: '|' }, { omega: { kind: '|' } },",
        '];',
      ].join('\n'),
    );
    expect(top.get('epochs')).to.equal('Passes over the training half.');
    expect([...top.keys()]).to.include.members(['space', 'solver', 'omega', 'weights', 'dropPath']);
    expect(solver.get('sigma')).to.match(/Standard deviation σ of the proposal/);
    expect(solver.get('radiusMax')).to.match(/Largest search radius R/);
    expect(weights.get('clip')).to.match(/Largest global norm/);
    expect(stability.get('window')).to.match(/Epochs that the eigenvalue/);
    expect([...density.keys()]).to.have.members(['literal', 'flat', 'released']);
    expect([...space.keys()]).to.include.members(['s1', 's3', 'darts-zero']);
    expect([...omega.keys()]).to.have.members(['current', 'unrolled', 'finetuned', 'coast']);
  });

  it('is checked: a wrong name or value is an error, and a newcomer’s settings are known', async () => {
    ({ default: compiler } = (await import('typescript')) as { default: typeof ts });
    const text = [
      "import type { SearchChange } from '../lib/search/protocol.js';",
      "import { fullSearch } from '../lib/search/presets.js';",
      "import type { SolverId } from '../lib/search/solvers.js';",
      "export const right: SearchChange = { solver: { sigma: 0.1, stride: 0.2 }, space: 'tiny' };",
      "export const ids: SolverId[] = ['better-half', 'mgs-flat', 'darts-1st'];",
      "export const full = fullSearch('tiny', 'better-half');",
      'export const misnamed: SearchChange = { solver: { sgima: 0.1 } };',
      "export const mistaken: SearchChange = { solver: { density: 'flt' } };",
      "export const nowhere: SearchChange = { space: 's9' };",
      "export const unknown: SolverId = 'worse-half';",
    ].join('\n');
    const { made, file, show } = service(compiler, 'reproductions', edited);
    show(text);
    const wrong = made
      .getSemanticDiagnostics(file)
      .map(({ start = 0 }) => text.slice(0, start).split('\n').length);
    expect([...new Set(wrong)]).to.deep.equal([7, 8, 9, 10]);
    const index = join(projectRoot(), 'lib', 'solvers', 'registry.ts');
    expect(made.getSemanticDiagnostics(index)).to.deep.equal([]);
  });
});
