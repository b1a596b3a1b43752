// The tests. What came of every check and test is kept in .zarts/test-report.json.
//
//   npm test                            types, ESLint, Prettier and every test but the long ones (*.long.test.ts)
//   npm test -- test/math/vec.test.ts   only mocha, with these arguments (files, --grep mgs)
//   npm run test:all                    everything, in the parts that --list names; PART=2 runs the second alone

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt } from './setup/main.mjs';
import { SetupError } from './setup/plan.mjs';
import { writeWhole } from './setup/process.mjs';
import { ROOT, STATE } from './setup/project.mjs';
import { keepTimes, runMocha, testFiles } from './testing/mocha.mjs';
import { PARTS, filesOf } from './testing/parts.mjs';

const REPORT = join(STATE, 'test-report.json');
const SLOWEST = 10;

/** Runs a tool, and prints what it said once it has ended; its entry in the report. */
async function check(title, args) {
  const began = Date.now();
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const status = await new Promise((ended, failed) => {
    child.once('error', failed).once('close', ended);
  });
  const seconds = (Date.now() - began) / 1000;
  console.log(
    `\n${title}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds.toFixed(0)} s\n${output}`.trimEnd(),
  );
  return status === 0
    ? { title, state: 'passed', seconds }
    : { title, state: 'failed', seconds, error: output.trim() || `exit code ${status}` };
}

/** ESLint and Prettier over everything; with a cache, only over what changed. */
async function checkStyle({ cached }) {
  const cache = (name, ...more) => (cached ? ['--cache', `--cache-location=.zarts/${name}`, ...more] : []);
  return [
    await check('ESLint', [
      'node_modules/eslint/bin/eslint.js',
      ...cache('eslint-cache.json', '--cache-strategy=content'),
      '.',
    ]),
    await check('Prettier', [
      'node_modules/prettier/bin/prettier.cjs',
      '--check',
      '--log-level=warn',
      ...cache('prettier-cache.json', '--cache-strategy=content'),
      '.',
    ]),
  ];
}

async function compile() {
  const title = 'TypeScript compiles';
  const began = Date.now();
  try {
    await ensureBuilt();
    return { title, state: 'passed', seconds: (Date.now() - began) / 1000 };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return { title, state: 'failed', seconds: 0, error: error.message };
  }
}

/** As many processes as there are cores, as lib/engine counts them; each loads TensorFlow, so not more than 8. */
async function workers() {
  const settings = pathToFileURL(join(ROOT, 'dist', 'lib', 'engine', 'settings.js')).href;
  const { usableCores } = await import(settings);
  return Math.min(usableCores(), 8);
}

/** One part of the tests; style is checked beside the first. `quick`: with caches and without long tests. */
async function run(part, { quick }) {
  const files = filesOf(part, testFiles());
  const jobs = await workers();
  const [style, tests] = await Promise.all([
    part === 1 ? checkStyle({ cached: quick }) : [],
    files.length === 0 ? [] : runMocha(files, { jobs, long: !quick }),
  ]);
  keepTimes(tests);
  return [...style, ...tests];
}

async function suite(args) {
  if (args[0] === '--all') {
    const wanted = process.env.PART ? [Number(process.env.PART)] : PARTS.map((_, i) => i + 1);
    if (wanted.some((part) => PARTS[part - 1] === undefined)) {
      console.error(`PART is "${process.env.PART}"; allowed: 1 … ${PARTS.length}.`);
      process.exit(2);
    }
    if (args.includes('--list')) {
      for (const part of wanted) {
        console.log(`PART=${part}  ${PARTS[part - 1].title}`);
        for (const file of filesOf(part, testFiles()).sort()) console.log(`  ${file}`);
      }
      process.exit(0);
    }
    const tests = [await compile()];
    for (const part of wanted)
      if (tests[0].state === 'passed') tests.push(...(await run(part, { quick: false })));
    return tests;
  }
  const compiled = await compile();
  if (compiled.state === 'failed') return [compiled];
  if (args.length === 0) return [compiled, ...(await run(1, { quick: true }))];
  const named = args.some((arg) => /\.test\.[jt]s$/.test(arg));
  return runMocha(named ? args : [...args, ...testFiles()]);
}

function printSlowest(tests) {
  const slowest = tests.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  console.log(`\nThe ${slowest.length} slowest:`);
  for (const { seconds, title } of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${title}`);
}

rmSync(REPORT, { force: true });
const began = Date.now();
const tests = await suite(process.argv.slice(2));
const count = (state) => tests.filter((test) => test.state === state).length;
const totals = { passed: count('passed'), failed: count('failed'), skipped: count('pending') };
const seconds = (Date.now() - began) / 1000;
writeWhole(REPORT, `${JSON.stringify({ ...totals, seconds, tests }, null, 2)}\n`);
if (tests.length > SLOWEST) printSlowest(tests);
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
console.log(`\n${seconds.toFixed(0)} s\n${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
