import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type * as mochaRunner from '../../bin/testing/mocha.mjs' with { 'resolution-mode': 'import' };
import { root } from './tools.js';

type Outcome = mochaRunner.Outcome;

/** Test files in which something goes wrong that is not an assertion. */
const FILES: Readonly<Record<string, string>> = {
  'unawaited.test.cjs': `
    const fails = async () => { throw new Error('nobody looks'); };
    describe('unawaited', () => {
      it('at once', () => { void fails(); });
      it('while it waits', async () => { void fails(); await new Promise((done) => setTimeout(done, 20)); });
      it('awaited', async () => { await fails().catch(() => undefined); });
      it('leaves a late one', () => { setTimeout(() => { void fails(); }, 10); });
      after(async () => { await new Promise((done) => setTimeout(done, 50)); });
    });`,
  'hook.test.cjs': `
    describe('hook', () => {
      before(() => { throw new Error('no set-up'); });
      it('never runs', () => undefined);
    });
    it('runs all the same', () => undefined);`,
  'gone.test.cjs': `it('ends its process', () => process.kill(process.pid, 'SIGKILL'));`,
  'skipped.test.cjs': `it('skips itself', function () { this.skip(); });`,
};

describe('the test runner', function () {
  this.timeout(60_000);
  let folder: string;
  before(() => (folder = mkdtempSync(join(root, '.zarts', 'runner-'))));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(jobs: number, ...names: string[]): Promise<Outcome[]> {
    const { runMocha } = (await import(
      pathToFileURL(join(root, 'bin', 'testing', 'mocha.mjs')).href
    )) as typeof mochaRunner;
    for (const name of names) writeFileSync(join(folder, name), FILES[name]);
    const report = join(folder, 'report.json');
    return runMocha(
      names.map((name) => join(folder, name)),
      { jobs, report, quiet: true },
    );
  }
  const states = (entries: readonly Outcome[]): string[] =>
    entries
      .filter(({ state }) => state !== 'hook')
      .map(({ title, state }) => `${state} ${title}`)
      .sort();

  for (const jobs of [1, 2]) {
    describe(jobs === 1 ? 'one file after another' : 'several at once', () => {
      it('fails a test in which a promise is rejected that nobody awaits, or else its file', async () => {
        const entries = await run(jobs, 'unawaited.test.cjs');
        expect(states(entries)).to.deep.equal([
          'failed "after all" hook: afterAll in "{root}"',
          'failed unawaited at once',
          'failed unawaited while it waits',
          'passed unawaited awaited',
          'passed unawaited leaves a late one',
        ]);
        const errors = entries.flatMap(({ error }) => error ?? []);
        expect(errors).to.deep.equal(
          ['at once', 'while it waits', 'leaves a late one'].map(
            (title) =>
              `A promise was rejected that nobody awaits (after "unawaited ${title}" began): nobody looks`,
          ),
        );
      });

      it('counts a failed hook and a test that skips itself', async () => {
        expect(states(await run(jobs, 'hook.test.cjs', 'skipped.test.cjs'))).to.deep.equal([
          'failed hook "before all" hook for "never runs"',
          'passed runs all the same',
          'pending skips itself',
        ]);
      });

      it('fails when a process ends that runs tests', async () => {
        const found = states(await run(jobs, 'gone.test.cjs', 'skipped.test.cjs'));
        expect(found.filter((each) => each.startsWith('failed'))).to.have.length(1);
      });
    });
  }
});
