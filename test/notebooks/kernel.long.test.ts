import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { jupyterEnvironment } from '../../bin/cli/jupyter.js';
import { projectRoot } from '../../lib/runs/home.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { kernelReplies, kernelSession } from '../support/kernel-session.js';
import type { CellOutcome } from '../support/kernel-session.js';
import { smokeVariables } from './files.js';

/** Cells that never end, each in a way of its own. */
const ENDLESS = [
  'while (true);',
  'await new Promise(() => undefined);',
  'await (async () => { await 1; while (true); })();',
  'for (let i = 0; ; i++) console.log(i);',
  'setTimeout(() => { while (true); }, 5); await new Promise(() => undefined);',
  'while (true) await 1;',
  'while (true) await new Promise((done) => setTimeout(done, 1));',
  'try { while (true); } finally { while (true); }',
  'for (;;) tf.tidy(() => tf.ones([64, 64]).matMul(tf.ones([64, 64])).dataSync());',
];

/** Longer than an interrupt takes on an idle machine (2 s): other tests run beside this one. */
const PATIENCE = 10;

function expectInterrupted({ status, name, seconds }: CellOutcome, cell: string): void {
  expect([status, name], cell).to.deep.equal(['error', 'InterruptedError']);
  expect(seconds, cell).to.be.lessThan(PATIENCE);
}

describe('the TypeScript kernel, at length', function () {
  this.timeout(900_000);
  const folder = temporaryFolder();

  it('survives fifty interrupts with its variables', () => {
    const cells = Array.from({ length: 50 }, (_, i) => `const kept = 0; ${ENDLESS[i % ENDLESS.length]}`);
    const [, , ...outcomes] = kernelSession([
      { run: `import { tf } from 'zarts/lib/engine/tensorflow';` },
      { run: 'const kept = 1;' },
      ...cells.map((run, i) => ({ run, interrupt_after: 0.2 + (i % 8) / 10, times: i % 3 === 0 ? 3 : 1 })),
      { run: 'kept' },
    ]);
    expect(outcomes.pop()!.results).to.deep.equal([{ 'text/plain': '1' }]);
    for (const [i, outcome] of outcomes.entries()) expectInterrupted(outcome, `${i}: ${cells[i]}`);
    const worst = Math.max(...outcomes.map(({ seconds }) => seconds));
    console.log(`      the slowest of ${outcomes.length} interrupts took ${worst.toFixed(2)} s`);
  });

  it('is interrupted in its first second, and goes on', () => {
    const [first, after] = kernelSession([
      { run: 'while (true);', interrupt_after: 0.1, times: 3 },
      { run: '1 + 1' },
    ]);
    expectInterrupted(first, 'first cell');
    expect(after.results).to.deep.equal([{ 'text/plain': '2' }]);
  });

  it('says at once that a native call has to end first', () => {
    const native = `require('crypto').pbkdf2Sync('a', 'b', 3e7, 64, 'sha512'); while (true);`;
    const [outcome] = kernelSession([{ run: native, interrupt_after: 8 }]);
    expect(outcome).to.include({
      name: 'InterruptedError',
      stderr: 'Interrupting: a native call is under way and has to end first.\n',
    });
  });

  it('goes on after an interrupt inside TensorFlow.js: gradients work, scopes are closed', () => {
    const [, endless, after] = kernelSession([
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
    expectInterrupted(endless, 'tidy');
    expect(after).to.include({ status: 'ok', stdout: '0 0 0 [ 2, 4 ]\n', stderr: '' });
  });

  it('leaves no lock, no half-loaded module and no waiting behind when it stops JavaScript where it stood', () => {
    const module = path.join(folder(), 'slow.js');
    writeFileSync(module, 'exports.a = 1; if (!globalThis.again) { globalThis.again = 1; for (;;); } exports.b = 2;');
    const lock = JSON.stringify(path.join(folder(), 'lock'));
    const work = 'exclusively(async () => { await 1; if (!(globalThis as any).free) for (;;); return 3; })';
    const [, locked, lockedAgain, loading, loaded, waiting, free] = kernelSession([
      { run: `import { acquireLock } from 'zarts/lib/runs/lock'; import { exclusively } from 'zarts/lib/engine';` },
      { run: `acquireLock(${lock}, 'It'); while (true);`, interrupt_after: 0.5 },
      { run: `acquireLock(${lock}, 'It').release();` },
      { run: `require(${JSON.stringify(module)})`, interrupt_after: 0.5 },
      { run: `require(${JSON.stringify(module)})` },
      { run: `await ${work}`, interrupt_after: 0.5 },
      { run: `(globalThis as any).free = true; await ${work}` },
    ]);
    for (const [i, outcome] of [locked, loading, waiting].entries()) expectInterrupted(outcome, String(i));
    expect(lockedAgain.status).to.equal('ok');
    expect(loaded.results).to.deep.equal([{ 'text/plain': '{ a: 1, b: 2 }' }]);
    expect(free.results).to.deep.equal([{ 'text/plain': '3' }]);
  });

  it('interrupts a search, which goes on from where it was when its cell is run again', () => {
    const imports = [
      `import { notebookOptions } from 'zarts/lib/report/notebook';`,
      `import { fig4 } from 'zarts/reproductions/fig-4-ess';`,
      `import { reproduce } from 'zarts/reproductions/reproduce';`,
    ].join('\n');
    const measure = `const fig = await reproduce(fig4, { ...notebookOptions(), seeds: 1 });`;
    const [, first, second, third, result] = kernelSession(
      [
        { run: imports },
        { run: measure, interrupt_after: 5 },
        { run: measure, interrupt_after: 1, times: 3 },
        { run: measure },
        { run: 'fig.claims.length > 0' },
      ],
      smokeVariables(path.join(folder(), 'home')),
    );
    expectInterrupted(first, 'measure');
    expectInterrupted(second, 'again');
    expect(third.status).to.equal('ok');
    expect(result.results).to.deep.equal([{ 'text/plain': 'true' }]);
  });

  it('ends a cell’s own loop at its next await', () => {
    const loop = 'for (let i = 0; ; i++) { (globalThis as any).turns = i; await new Promise((done) => setTimeout(done, 50)); }';
    const turns = 'console.log((globalThis as any).turns); await new Promise((done) => setTimeout(done, 500));';
    const [looping, before, after] = kernelSession([
      { run: loop, interrupt_after: 1 },
      { run: turns },
      { run: turns },
    ]);
    expectInterrupted(looping, loop);
    expect(after.stdout).to.equal(before.stdout);
  });

  it('answers what JupyterLab asks, and stays busy while a cell runs', () => {
    const [info, history, whole, part, comms, docs, names, busy] = kernelReplies([
      { request: 'kernel_info_request', content: {} },
      { request: 'history_request', content: { hist_access_type: 'tail', n: 1 }, while: 'const one = 1;' },
      { request: 'is_complete_request', content: { code: 'const a = 1;' } },
      { request: 'is_complete_request', content: { code: 'if (true) {' } },
      { request: 'comm_info_request', content: { target_name: 'jupyter.widget' } },
      { request: 'inspect_request', content: { code: 'Math.max', cursor_pos: 6, detail_level: 0 } },
      { request: 'complete_request', content: { code: 'Math.ma', cursor_pos: 7 } },
      {
        request: 'kernel_info_request',
        content: {},
        while: 'await new Promise((done) => setTimeout(done, 3000));',
      },
    ]);
    expect(info.reply).to.nested.include({ 'language_info.name': 'typescript', status: 'ok' });
    expect(history.reply.history).to.deep.equal([[0, 1, 'const one = 1;']]);
    expect(whole.reply.status).to.equal('complete');
    expect(part.reply).to.deep.equal({ status: 'incomplete', indent: '  ' });
    expect(comms.reply).to.deep.equal({ status: 'ok', comms: {} });
    expect((docs.reply.data as Record<string, string>)['text/plain']).to.contain('larger of a set');
    expect(names.reply.matches).to.include('max');
    expect(info.states.at(-1)).to.equal('idle');
    expect(busy.states.at(-1)).to.equal('busy');
  });

  /** Runs one of Jupyter's programs. */
  function jupyter(program: string, ...args: string[]): string {
    const { status, stderr } = spawnSync(path.join(projectRoot(), '.venv', 'bin', program), args, {
      encoding: 'utf8',
      env: jupyterEnvironment({ ...process.env, ...smokeVariables(path.join(folder(), 'home')) }),
    });
    return status === 0 ? '' : stderr;
  }

  const withCells = (name: string, cells: readonly { readonly source: string; readonly tags?: string[] }[]): string => {
    const file = path.join(folder(), name);
    const metadata = { kernelspec: { name: 'tslab', language: 'typescript', display_name: 'TypeScript' } };
    const made = cells.map(({ source, tags = [] }, i) => ({
      ...{ cell_type: 'code', id: `c${i}`, execution_count: null, outputs: [] },
      ...{ source, metadata: { tags } },
    }));
    writeFileSync(file, JSON.stringify({ cells: made, metadata, nbformat: 4, nbformat_minor: 5 }));
    return file;
  };

  it('is given parameters by papermill, and nbconvert shows what came of them', () => {
    const given = withCells('given.ipynb', [
      { source: 'const budget = process.env.ZARTS_BUDGET;', tags: ['parameters'] },
      { source: `budget + '!'` },
    ]);
    const out = path.join(folder(), 'out.ipynb');
    expect(jupyter('papermill', '-p', 'budget', 'laptop', given, out)).to.equal('');
    expect(jupyter('jupyter-nbconvert', '--to', 'html', out)).to.equal('');
    expect(readFileSync(out.replace('.ipynb', '.html'), 'utf8')).to.contain('laptop!');
  });

  it('computes nothing by a parameter that the notebook has not, and names those that it has', () => {
    const given = withCells('misspelt.ipynb', [
      { source: 'const budget: string = "laptop";\nlet data', tags: ['parameters'] },
      { source: 'throw new RangeError("computed");' },
    ]);
    const out = path.join(folder(), 'misspelt-out.ipynb');
    expect(jupyter('papermill', '-p', 'budgett', 'smoke', '-p', 'data', 'synthetic', given, out)).to.match(
      /^Error: Unknown parameter "budgett" of \S*misspelt\.ipynb; allowed: budget, data\. Did you mean "budget"\?$/m,
    );
    expect(existsSync(out)).to.equal(false);
    expect(jupyter('papermill', '-p', 'budget', 'smoke', given, out)).to.contain('RangeError: computed');
  });

  it('tells papermill and nbconvert why a cell failed', () => {
    const failing = withCells('failing.ipynb', [{ source: '\nthrow new RangeError("too large");' }]);
    expect(jupyter('papermill', failing, path.join(folder(), 'failed.ipynb'))).to.match(
      /RangeError: too large[^]*2 \| throw[^]*cell \[1\]:2:7/,
    );
    expect(jupyter('jupyter-nbconvert', '--to', 'html', '--execute', failing)).to.contain('RangeError: too large');
  });
});
