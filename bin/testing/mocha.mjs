// Runs test files in mocha, one after another or several at once, and gives back what came of each test.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readJson, writeWhole } from '../setup/process.mjs';
import { ROOT, STATE } from '../setup/project.mjs';

/** Seconds that each test file took when it last ran: the longest start first, so that the workers end together. */
const TIMES = join(STATE, 'test-times.json');

/** The files that take longest on any machine, the longest first: how long is not known in a fresh clone. */
const LONGEST = [
  'test/notebooks/notebooks.test.ts',
  'test/search/matrix.test.ts',
  'test/search/baselines.test.ts',
];

/** What mocha loads before the tests, compiled from test/support. */
const HOOKS = ['property-limit.js', 'unawaited.js'].map((name) =>
  join(ROOT, 'dist', 'test', 'support', name),
);

/** TensorFlow with one thread: as many processes as there are cores use them better than threads do. */
const ONE_THREAD = { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' };

/** The compiled file of a test file that is named by its source; any other argument is left as it is. */
export const compiledName = (arg) =>
  arg.endsWith('.test.ts') && existsSync(arg)
    ? join('dist', relative(ROOT, arg)).replace(/\.ts$/, '.js')
    : arg;

/**
 * Every test file by its source's path in the project, the one that took longest last time first. One that has not run yet
 * is taken to be as slow as it is big.
 */
export function testFiles() {
  const times = readJson(TIMES) ?? Object.fromEntries(LONGEST.map((file, i) => [file, 1e6 - i]));
  const seconds = (file) => times[file] ?? statSync(join(ROOT, file)).size / 1e4;
  return readdirSync(join(ROOT, 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort((a, b) => seconds(b) - seconds(a));
}

/** Keeps how long each test file took. */
export function keepTimes(tests) {
  const taken = {};
  for (const { file, seconds } of tests) if (file) taken[file] = (taken[file] ?? 0) + seconds;
  writeWhole(TIMES, `${JSON.stringify({ ...readJson(TIMES), ...taken }, null, 2)}\n`);
}

/**
 * Runs mocha to its end, with its report on the terminal.
 *
 * @param {string[]} args  Test files and mocha's own options.
 * @param {{jobs?: number, long?: boolean, report?: string, quiet?: boolean}} options
 *   `long`: with the long tests that files of short ones hold; `jobs`: processes that share the files, 1 by default; `report`: where the reporter leaves its JSON; `quiet`: without
 *   the report on the terminal.
 * @returns {Promise<object[]>} what came of each test (`title`, `file`, `state`, `seconds`, `error`), and the hooks that
 *   took time (`state` "hook") or failed.
 */
export async function runMocha(
  args,
  { jobs = 1, long = false, report = join(STATE, 'mocha-report.json'), quiet = false } = {},
) {
  rmSync(report, { force: true });
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js'),
      `--reporter=${join(ROOT, 'bin', 'testing', 'reporter.cjs')}`,
      '--timeout=60000',
      ...HOOKS.map((path) => `--require=${path}`),
      ...(jobs > 1 ? ['--parallel', `--jobs=${jobs}`] : []),
      ...args.map(compiledName),
    ],
    {
      cwd: ROOT,
      stdio: quiet ? 'ignore' : ['ignore', 'inherit', 'inherit'],
      env: {
        ...(jobs > 1 ? ONE_THREAD : {}),
        ...process.env,
        ZARTS_TEST_REPORT: report,
        ...(long ? { ZARTS_LONG_TESTS: '1' } : {}),
      },
    },
  );
  const status = await new Promise((ended, failed) => {
    child.once('error', failed).once('close', ended);
  });
  const tests = readJson(report)?.tests;
  const broken = (error) => ({ title: 'mocha', state: 'failed', seconds: 0, error });
  if (tests === undefined) return [broken(`it ended without a report (exit code ${status})`)];
  const anyFailed = tests.some(({ state }) => state === 'failed');
  return status === 0 || anyFailed ? tests : [...tests, broken(`it ended with exit code ${status}`)];
}
