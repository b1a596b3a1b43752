'use strict';
// Prints mocha's spec report and writes the same outcome as JSON to the file named by the option `output`.

const { mkdirSync, writeFileSync } = require('node:fs');
const { dirname } = require('node:path');
const Mocha = require('mocha');

const { EVENT_RUN_END, EVENT_TEST_END } = Mocha.Runner.constants;

/** What the JSON report keeps of a test or hook. */
const describe = (runnable, state) => ({
  title: runnable.fullTitle(),
  state,
  seconds: (runnable.duration ?? 0) / 1000,
  ...(runnable.err ? { error: runnable.err.message } : {}),
});

module.exports = class Reporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const tests = [];
    runner.on(EVENT_TEST_END, (test) => tests.push(describe(test, test.state ?? 'pending')));
    // A failed hook takes its tests with it and must count as a failure of its own.
    runner.on('fail', (runnable) => {
      if (runnable.type === 'hook') tests.push(describe(runnable, 'failed'));
    });
    runner.once(EVENT_RUN_END, () => {
      const { output } = options.reporterOptions;
      mkdirSync(dirname(output), { recursive: true });
      writeFileSync(output, JSON.stringify({ seconds: this.stats.duration / 1000, tests }, null, 2));
    });
  }
};
