import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jupyterEnvironment, venvPython } from '../../bin/cli/jupyter.js';
import { runNotebook } from '../../bin/cli/notebook.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { root } from './tools.js';
import { longIt } from '../support/long.js';

/** A cell run in a live kernel (interrupted after some seconds), or a file touched between two cells. */
type SessionStep = { readonly run: string; readonly interrupt_after?: number } | { readonly touch: string };

interface Outcome {
  readonly status: 'ok' | 'error' | 'aborted';
  readonly stdout: string;
  readonly stderr: string;
}

/** What each cell of one kernel session came to, in order. */
function session(steps: readonly SessionStep[]): Outcome[] {
  const script = join(root, 'test', 'fixtures', 'kernel', 'session.py');
  const { stdout, stderr, status } = spawnSync(venvPython(), [script], {
    input: JSON.stringify(steps),
    encoding: 'utf8',
    env: jupyterEnvironment(),
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Outcome[];
}

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
      "c.ipynb: code cell 2 of 3 failed: 1:7 - Type 'string' is not assignable to type 'number'.",
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

  longIt('goes on after an interrupt inside TensorFlow.js: gradients work, scopes are closed', () => {
    const [, endless, after] = session([
      { run: `import { tf } from 'zarts/lib/engine/tensorflow';` },
      {
        run: 'tf.tidy(() => { while (true) tf.grad((x: any) => x.square().sum())(tf.ones([200, 200])); })',
        interrupt_after: 2,
      },
      {
        run:
          'const { state }: any = tf.engine();\n' +
          'const slope = tf.grad((x: any) => x.square().sum())(tf.tensor1d([1, 2]));\n' +
          'console.log(state.kernelDepth, state.gradientDepth, state.scopeStack.length, slope.arraySync());',
      },
    ]);
    expect(endless).to.deep.equal({ status: 'error', stdout: '', stderr: 'Interrupted.\n' });
    expect(after).to.deep.equal({ status: 'ok', stdout: '0 0 0 [ 2, 4 ]\n', stderr: '' });
  });

  it('prints a sentence for a mistake of the user’s, and a trace without the kernel’s own frames for a bug', () => {
    const [, mistake, bug, misspelt] = session([
      { run: `import { ZartsError } from 'zarts/lib/errors';\nclass DataError extends ZartsError {}` },
      { run: `throw new DataError('data_batch_1.bin is cut short; delete it.');` },
      { run: `throw new TypeError('a bug');` },
      { run: `import * as errors from 'zarts/lib/errors';\nerrors.nonsense;` },
    ]);
    expect(mistake.status).to.equal('error');
    expect(mistake.stderr).to.equal('ZartsError: data_batch_1.bin is cut short; delete it.\n');
    expect(bug.status).to.equal('error');
    expect(bug.stderr).to.contain('TypeError: a bug\n    at cell:');
    expect(bug.stderr).not.to.contain(root);
    expect(misspelt.stderr).to.contain(`Property 'nonsense' does not exist`).and.not.contain(root);
  });

  longIt(
    'brings in a library file that was compiled anew when the import cell is run again, but one engine only',
    () => {
      const imports = `const library = require('zarts/lib/errors'), engine = require('zarts/lib/engine/tensorflow');`;
      const compare = 'console.log(library === first.library, engine === first.engine);';
      const steps = session([
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
