'use strict';
// Prints mocha's spec report and writes the same outcome as JSON to the file that ZARTS_TEST_REPORT names.

const { mkdirSync, writeFileSync } = require('node:fs');
const { dirname, join, relative } = require('node:path');
const process = require('node:process');
const Mocha = require('mocha');

const { EVENT_HOOK_END, EVENT_RUN_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
  Mocha.Runner.constants;

const ROOT = dirname(dirname(dirname(module.filename)));

/** Hooks that took less are not worth a line. */
const LEAST_SECONDS = 0.02;

/** The source of a compiled test file, relative to the project. */
const sourceOf = (file) => relative(join(ROOT, 'dist'), file).replace(/\.js$/, '.ts');

/** What the JSON report keeps of a test or hook. */
const describe = (runnable, state, error) => ({
  title: runnable.fullTitle(),
  ...(runnable.file ? { file: sourceOf(runnable.file) } : {}),
  state,
  seconds: (runnable.duration ?? 0) / 1000,
  ...(error ? { error: error.message ?? String(error) } : {}),
});

module.exports = class Reporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const tests = [];
    runner.on(EVENT_TEST_PASS, (test) => tests.push(describe(test, 'passed')));
    runner.on(EVENT_TEST_PENDING, (test) => tests.push(describe(test, 'pending')));
    // A failed hook takes its tests with it, an error outside any test may take a file: each counts as a failure.
    runner.on(EVENT_TEST_FAIL, (runnable, error) => tests.push(describe(runnable, 'failed', error)));
    runner.on(EVENT_HOOK_END, (hook) => {
      if (hook.duration / 1000 >= LEAST_SECONDS) tests.push(describe(hook, 'hook'));
    });
    runner.once(EVENT_RUN_END, () => {
      const output = process.env.ZARTS_TEST_REPORT;
      mkdirSync(dirname(output), { recursive: true });
      writeFileSync(output, JSON.stringify({ seconds: this.stats.duration / 1000, tests }, null, 2));
    });
  }
};
