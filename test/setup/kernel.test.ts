import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runNotebook } from '../../bin/cli/notebook.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { kernelControls, kernelSession } from '../support/kernel-session.js';
import { root } from './tools.js';
import { longIt } from '../support/long.js';

describe('the TypeScript kernel', function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zarts-kernel-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function notebook(name: string, ...cells: string[]): string {
    const path = join(folder, name);
    const metadata = { kernelspec: { name: 'tslab', display_name: 'TypeScript', language: 'typescript' } };
    const made = cells.map((source, i) => ({
      cell_type: 'code',
      id: `cell-${i}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    }));
    writeFileSync(path, JSON.stringify({ cells: made, metadata, nbformat: 4, nbformat_minor: 5 }));
    return path;
  }

  const printed = (path: string): string[] => {
    const { cells } = JSON.parse(readFileSync(path, 'utf8')) as {
      cells: { outputs: { text?: string[] }[] }[];
    };
    return cells.map(({ outputs }) => outputs.flatMap(({ text }) => text ?? []).join(''));
  };

  it('runs cells in the project folder wherever the notebook is, with the library and its types at hand', async () => {
    const path = notebook(
      'a.ipynb',
      `import { ZartsError } from 'zarts/lib/errors';\nconst error: ZartsError = new ZartsError('x');`,
      'console.log(process.cwd(), error.name);',
    );
    const started: number[] = [];
    const run = await runNotebook(path, { output: path, onCell: (cell) => started.push(cell) });
    expect(run.cells).to.equal(2);
    expect(started).to.deep.equal([1, 2]);
    expect(printed(path)).to.deep.equal(['', `${root} ZartsError\n`]);
  });

  longIt(
    'hands variables to the cells, and an unchanged notebook comes out unchanged, byte for byte',
    async () => {
      const path = notebook('b.ipynb', 'console.log(process.env.ZARTS_TEST_WORD, [0.1 + 0.2]);');
      const env = { ZARTS_TEST_WORD: 'hello' };
      await runNotebook(path, { output: path, env });
      const first = readFileSync(path, 'utf8');
      await runNotebook(path, { output: path, env });
      expect(readFileSync(path, 'utf8')).to.equal(first);
      expect(printed(path)).to.deep.equal(['hello [ 0.30000000000000004 ]\n']);
      expect(first).not.to.contain(root);
    },
  );

  it('stops at a failing cell, names it, says what it printed, and leaves the file as it was', async () => {
    const path = notebook('c.ipynb', 'const one = 1;', 'const two: number = "2";', 'console.log(one);');
    const before = readFileSync(path, 'utf8');
    const error = await runNotebook(path, { output: path }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ZartsError);
    expect((error as Error).message).to.equal(
      "c.ipynb: code cell 2 of 3 failed: CompileError: 1:7 - Type 'string' is not assignable to type 'number'.",
    );
    expect(readFileSync(path, 'utf8')).to.equal(before);
    expect(readdirSync(folder)).to.deep.equal(['c.ipynb']);
  });

  longIt('gives up on a cell that takes too long', async () => {
    const path = notebook('d.ipynb', 'await new Promise((done) => setTimeout(done, 60_000));');
    const error = await runNotebook(path, { cellSeconds: 3 }).catch((reason: unknown) => reason);
    expect((error as Error).message).to.equal(
      'd.ipynb: code cell 1 of 1 failed: it did not end within 3 seconds',
    );
  });

  it('says so when there is no such notebook', async () => {
    const error = await runNotebook(join(folder, 'none.ipynb')).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(UsageError);
  });

  longIt('writes nothing to the home folder', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    await runNotebook(notebook('e.ipynb', 'console.log(1);'), { env: { HOME: home } });
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it('prints in order, fails with the place in the cell, refuses what was sent behind, and is interrupted', () => {
    const [flood, , failed, refused, kept, interrupted, awaiting, after] = kernelSession([
      { run: 'for (let i = 0; i < 10_000; i++) console.log(i);' },
      {
        run_all: [
          'const one = 1;',
          `interface Unused {\n  a: number;\n}\nconst fail = (x: any): number => x.y.z;\nconst one = fail({});`,
          'const two = 2;',
        ],
      },
      { run: '({ one })' },
      { run: 'const one = (() => { while (true); })();', interrupt_after: 0.5, times: 3 },
      { run: 'const one = await new Promise((done) => setTimeout(done, 60_000));', interrupt_after: 0.5 },
      { run: 'one' },
    ]);
    expect(flood.status).to.equal('ok');
    expect(flood.stdout.trimEnd().split('\n')).to.deep.equal(
      Array.from({ length: 10_000 }, (_, i) => `${i}`),
    );
    expect(failed).to.include({ status: 'error', name: 'TypeError', stderr: '' });
    expect(failed.traceback).to.deep.equal([
      "TypeError: Cannot read properties of undefined (reading 'z')",
      '',
      '  4 | const fail = (x: any): number => x.y.z;',
      `${' '.repeat(43)}^`,
      '',
      '    at fail (cell [3]:4:38)',
      '    at cell [3]:5:13',
    ]);
    expect(refused).to.include({ status: 'aborted', stderr: 'Not run, because cell [3] failed.\n' });
    expect(kept.results).to.deep.equal([{ 'text/plain': '{ one: 1 }' }]);
    expect(interrupted).to.include({ status: 'error', name: 'InterruptedError', text: 'Interrupted.' });
    expect(awaiting).to.include({ status: 'error', name: 'InterruptedError' });
    expect(awaiting.text).to.match(/^Interrupted\. What the cell awaited goes on/);
    expect(after.results).to.deep.equal([{ 'text/plain': '1' }]);
  });

  it('shows controls to what draws them, follows a move, and tells their state while it is busy; words to anything else', () => {
    const source = `import { interact, slider } from 'zarts/lib/report/controls';
      await interact({ N: slider('N', [1, 2, 4], 2) }, ({ N }) => ({ title: 'Twice', columns: [{ key: 'a', title: 'A' }], rows: [{ a: 2 * N }] }));`;
    const view = 'application/vnd.jupyter.widget-view+json';
    const [{ results }] = kernelSession([{ run: source }]);
    expect(results.map((bundle) => bundle['text/plain'])).to.deep.equal(['N = 2', 'Twice\nA\n─\n4']);
    const { shown, sent, states, busy } = kernelControls({ controls: source, move: 'N', to: 2 });
    const last = shown.at(-1)!;
    expect(last).to.have.keys(view, 'text/html', 'text/plain');
    expect(last['text/html']).to.match(/N = 2[^]*<td[^>]*>4</);
    const outputs = sent.flatMap(({ state }) => ('outputs' in state ? [state.outputs] : []));
    expect(JSON.stringify(outputs)).to.match(/N = 4.*<td[^>]*>8</);
    const kept = Object.values(states).map(({ state }) => state);
    expect(kept).to.deep.include.members([
      kept.find(({ description, index }) => description === 'N' && index === 2),
    ]);
    expect(kept.find((state) => 'outputs' in state)?.outputs).to.deep.equal(outputs.at(-1));
    expect(busy, 'the states come before the cell has ended').to.equal(true);
  });

  it('goes on when files are made beside those that cells import, and has them at hand', () => {
    // The compiler watches folders of the project alone.
    const inside = mkdtempSync(join(root, 'dist', 'made-'));
    const make = (name: string, value: number) => [
      [join(inside, `${name}.d.ts`), `export const ${name}: number;`],
      [join(inside, `${name}.js`), `exports.${name} = ${value};`],
    ];
    for (const [path, text] of make('one', 1)) writeFileSync(path, text);
    const from = (name: string): string => JSON.stringify(join(inside, name));
    const goOn = () =>
      kernelSession([
        {
          run: `import { writeFileSync } from 'node:fs';\nimport { one } from ${from('one')};\nlet sum = one;`,
        },
        {
          run: `for (const [path, text] of ${JSON.stringify(make('two', 2))}) writeFileSync(path, text);
          // Until the compiler has heard of them.
          await new Promise((done) => setTimeout(done, 1000));`,
        },
        { run: `import { two } from ${from('two')};\nsum += two;` },
        { run: 'console.log(sum);' },
      ]);
    let answers;
    try {
      answers = goOn();
    } finally {
      rmSync(inside, { recursive: true });
    }
    expect(answers.map(({ status }) => status)).to.deep.equal(['ok', 'ok', 'ok', 'ok']);
    expect(answers[3].stdout).to.equal('3\n');
  });

  it('says a sentence for a mistake of the user’s, and where it was for a bug, without a path of this machine', () => {
    const [, mistake, bug, misspelt, missing] = kernelSession([
      { run: `import { ZartsError } from 'zarts/lib/errors';\nclass DataError extends ZartsError {}` },
      { run: `throw new DataError('data_batch_1.bin is cut short; delete it.');` },
      { run: `import { parseGenotype } from 'zarts/lib/spaces/genotype';\nparseGenotype({} as any);` },
      { run: `import * as errors from 'zarts/lib/errors';\nerrors.nonsense;` },
      { run: `require('no-such-package');` },
    ]);
    expect(mistake).to.include({ status: 'error', name: 'ZartsError', stderr: '' });
    expect(mistake.traceback).to.deep.equal(['ZartsError: data_batch_1.bin is cut short; delete it.']);
    expect(bug.traceback.join('\n')).to.match(
      /^TypeError: .*\n\n {2}2 \| parse[^]*at .*lib\/spaces\/genotype\.ts:\d+/,
    );
    expect(misspelt).to.include({ name: 'CompileError' });
    expect(misspelt.text).to.match(/^2:8 - Property 'nonsense' does not exist on type/);
    expect(missing.text).to.equal("Cannot find module 'no-such-package'");
    for (const { traceback } of [bug, misspelt, missing]) expect(traceback.join('\n')).not.to.contain(root);
  });

  it('ends a cell whatever it throws', () => {
    const [circle, unshown, unread, odd, after] = kernelSession([
      {
        run: `const e = new Error('outer', { cause: new Error('inner') });\n(e.cause as any).cause = e;\nthrow e;`,
      },
      { run: `throw { [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('no'); } };` },
      { run: `throw Object.defineProperty(new Error('x'), 'stack', { get() { throw 1; } });` },
      { run: `throw Object.assign(new Error('x'), { name: 3 });` },
      { run: 'console.log(1);' },
    ]);
    expect(circle.traceback.filter((line) => /^Error: |^Caused by/.test(line))).to.deep.equal([
      'Error: outer',
      'Caused by',
      'Error: inner',
    ]);
    for (const { status, text } of [unshown, unread]) {
      expect([status, text]).to.deep.equal(['error', 'something that cannot be shown']);
    }
    expect(odd).to.include({ status: 'error', name: '3', text: 'x' });
    expect(after.stdout).to.equal('1\n');
  });

  longIt('shows the last expression as what it is', () => {
    const [table, genotype, promise, nothing] = kernelSession([
      { run: `({ title: 'T', columns: [{ key: 'a', title: 'A' }], rows: [{ a: 1 }] })` },
      { run: `import { KNOWN_GENOTYPES } from 'zarts/lib/spaces/genotype';\nKNOWN_GENOTYPES.DARTS_V1` },
      { run: 'Promise.resolve([1, "x"])' },
      { run: 'null' },
    ]).map(({ results }) => results);
    expect(table[0]['text/html']).to.match(/<td[^>]*>1<\/td>/);
    expect(genotype[0]).to.have.keys('image/svg+xml', 'image/png', 'text/plain');
    expect(promise).to.deep.equal([{ 'text/plain': "Promise { [ 1, 'x' ] }" }]);
    expect(nothing).to.deep.equal([]);
  });

  longIt(
    'brings in a library file that was compiled anew when the import cell is run again, but one engine only',
    () => {
      const imports = `const library = require('zarts/lib/errors'), engine = require('zarts/lib/engine/tensorflow');`;
      const compare = 'console.log(library === first.library, engine === first.engine);';
      const steps = kernelSession([
        { run: `${imports}\nconst first = { library, engine };` },
        { run: `${imports}\n${compare}` },
        { touch: join(root, 'dist', '.tsbuildinfo') },
        { run: `${imports}\n${compare}` },
      ]);
      expect(steps.map(({ stdout, stderr }) => stdout + stderr)).to.deep.equal([
        '',
        'true true\n',
        'false true\n',
      ]);
    },
  );
});
