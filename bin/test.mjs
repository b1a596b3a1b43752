// The whole suite: `npm test`. With arguments (`npm test -- --grep mgs`, `npm test -- test/math/random.test.ts`) only mocha
// runs, with those arguments. The outcome of every check and test is kept in .zarts/test-report.json.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ensureBuilt } from './setup/main.mjs';
import { SetupError } from './setup/plan.mjs';
import { readJson, writeWhole } from './setup/process.mjs';
import { ROOT, STATE } from './setup/project.mjs';

const REPORT = join(STATE, 'test-report.json');
const MOCHA_REPORT = join(STATE, 'mocha-report.json');
const ALL_TESTS = 'dist/test/**/*.test.js';

const failed = (title, error) => ({ title, state: 'failed', seconds: 0, error });

/** Runs a tool with its output on the terminal; its entry in the report. */
function check(title, args) {
  console.log(`\n${title}`);
  const began = Date.now();
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  const seconds = (Date.now() - began) / 1000;
  return status === 0
    ? { title, state: 'passed', seconds }
    : { ...failed(title, 'its report is on the terminal'), seconds };
}

async function compile() {
  const began = Date.now();
  try {
    await ensureBuilt();
    return { title: 'TypeScript compiles', state: 'passed', seconds: (Date.now() - began) / 1000 };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return failed('TypeScript compiles', error.message);
  }
}

/** A test file may be named by its source. */
const compiledName = (arg) =>
  arg.endsWith('.test.ts') && existsSync(arg)
    ? join('dist', relative(ROOT, arg)).replace(/\.ts$/, '.js')
    : arg;

function mocha(args) {
  rmSync(MOCHA_REPORT, { force: true });
  const given = args.map(compiledName);
  const named = given.some((arg) => arg.endsWith('.test.js'));
  const { status } = spawnSync(
    process.execPath,
    [
      '--enable-source-maps',
      join('node_modules', 'mocha', 'bin', 'mocha.js'),
      '--reporter=bin/mocha-reporter.cjs',
      `--reporter-option=output=${MOCHA_REPORT}`,
      '--timeout=60000',
      `--require=${join(ROOT, 'dist', 'test', 'support', 'property-limit.js')}`,
      ...given,
      ...(named ? [] : [ALL_TESTS]),
    ],
    { cwd: ROOT, stdio: 'inherit' },
  );
  const tests = readJson(MOCHA_REPORT)?.tests;
  if (tests === undefined) return [failed('mocha', `it ended without a report (exit code ${status})`)];
  const anyFailed = tests.some(({ state }) => state === 'failed');
  return status === 0 || anyFailed ? tests : [...tests, failed('mocha', `it ended with exit code ${status}`)];
}

async function suite(args) {
  const compiled = await compile();
  if (compiled.state === 'failed') return [compiled];
  if (args.length > 0) return mocha(args);
  return [
    compiled,
    check('ESLint', ['node_modules/eslint/bin/eslint.js', '.']),
    check('Prettier', ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.']),
    ...mocha([]),
  ];
}

rmSync(REPORT, { force: true });
const began = Date.now();
const tests = await suite(process.argv.slice(2));
const count = (state) => tests.filter((test) => test.state === state).length;
const totals = { passed: count('passed'), failed: count('failed'), skipped: count('pending') };
writeWhole(
  REPORT,
  `${JSON.stringify({ ...totals, seconds: (Date.now() - began) / 1000, tests }, null, 2)}\n`,
);
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
