// Set-up: works out what is left to do, says so, does it. Called by bin/setup.mjs once the Node version is known to fit.

import { clearInterval, setInterval } from 'node:timers';
import { takeLock } from './lock.mjs';
import { nvidia } from './machine.mjs';
import { SetupError, chooseEngine, describePlan, missingPrerequisites, unfitPath } from './plan.mjs';
import { interrupt, readJson } from './process.mjs';
import { ENGINE_FILE, ROOT } from './project.mjs';
import { build, findPrerequisites, stepsFor } from './steps.mjs';

const USAGE = `Usage: node bin/setup.mjs [--plan]

Installs everything the project needs, inside the project folder. What is done already is left alone.

  --plan   print what would be done, and why this engine, without doing it

ZARTS_ENGINE=cpu|gpu|stock   chooses the engine (else: gpu where an NVIDIA driver is found)
ZARTS_PYTHON=python3.12      chooses the Python that .venv is made from`;

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** The engine for this machine, from its facts, ZARTS_ENGINE, and what ZARTS_ENGINE was when the project was set up. */
export function engineHere() {
  const { platform, arch, env } = process;
  const remembered = readJson(ENGINE_FILE)?.override;
  return chooseEngine({ platform, arch, override: env.ZARTS_ENGINE, remembered, gpu: nvidia() });
}

/** The steps for an engine with what makes each necessary; `why` is null when it is done. */
export function inspect(choice) {
  const inspected = [];
  for (const step of stepsFor(choice)) {
    // Steps build on those before them: what stands on missing npm packages cannot be looked at.
    const broken = inspected.find(({ step: earlier, why }) => why !== null && earlier.id === 'npm');
    inspected.push({
      step,
      why: broken && step.id !== 'python' ? 'the npm packages come first' : step.why(),
    });
  }
  return inspected;
}

/** Runs one step with its name, and the seconds it takes counted up where the output is a terminal. */
async function perform(step, label) {
  const began = Date.now();
  const live = process.stdout.isTTY;
  const line = () => `${label} ${step.title}`;
  process.stdout.write(live ? line() : `${line()} …\n`);
  const ticker = live && setInterval(() => process.stdout.write(`\r${line()} … ${seconds(began)}`), 500);
  const notes = [];
  try {
    await step.run((note) => notes.push(note));
    process.stdout.write(live ? `\r${line()}: ${seconds(began)}     \n` : `${line()}: ${seconds(began)}\n`);
    for (const note of notes) console.log(`      ${note}`);
  } catch (error) {
    if (live) process.stdout.write('\n');
    throw error;
  } finally {
    if (ticker) clearInterval(ticker);
  }
}

async function setUp() {
  const unfit = unfitPath(ROOT);
  if (unfit !== null) throw new SetupError(unfit);
  const began = Date.now();
  const choice = engineHere();
  if (inspect(choice).every(({ why }) => why === null)) return;

  const release = await takeLock(console.log);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const todo = inspect(choice).filter(({ why }) => why !== null);
    const need = (name) => todo.some(({ step }) => step.needs[name]);
    const needs = { npm: need('npm'), python: need('python'), compiler: need('compiler') };
    const missing = missingPrerequisites(needs, findPrerequisites(needs, choice.python), choice.python);
    if (missing.length > 0) throw new SetupError(missing.join('\n'));

    console.log(`Setting up: ${choice.engine} engine, because ${choice.reason}.`);
    const steps = stepsFor(choice);
    for (const [i, step] of steps.entries()) {
      if (step.why() !== null) await perform(step, `[${i + 1}/${steps.length}]`);
    }
    console.log(`Set up in ${seconds(began)}.`);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    release();
  }
}

/**
 * Compiles the TypeScript sources if one has changed since the last time, and says so.
 *
 * @param quiet  Says nothing.
 * @throws {SetupError} with the compiler's errors.
 */
export async function ensureBuilt(quiet = false) {
  if (build().why() === null) return;
  const say = (line) => quiet || process.stderr.write(`${line}\n`);
  const release = await takeLock(say);
  try {
    if (build().why() === null) return;
    say('Compiling the TypeScript sources, which have changed; this takes some seconds.');
    await build().run();
  } finally {
    release();
  }
}

/**
 * Runs set-up from the shell.
 *
 * @param {string[]} args  Command-line arguments.
 * @returns {Promise<number>} exit code: 0 done, 1 failed, 2 wrong usage.
 */
export async function main(args) {
  try {
    if (args.includes('--help') || args.includes('-h')) console.log(USAGE);
    else if (args.length === 1 && args[0] === '--plan') {
      const choice = engineHere();
      const steps = inspect(choice).map(({ step, why }) => ({
        title: step.title,
        done: why === null,
        why: why ?? '',
      }));
      console.log(describePlan(choice, steps));
    } else if (args.length > 0) throw new SetupError(`Unknown argument "${args[0]}".\n${USAGE}`, 2);
    else await setUp();
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return error.exitCode;
  }
}
