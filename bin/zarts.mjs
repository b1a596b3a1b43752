#!/usr/bin/env node
// The `zarts` command: sees that the project is set up and compiled, then hands over to bin/cli/main.ts.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { engineHere, ensureBuilt, inspect } from './setup/main.mjs';
import { SetupError } from './setup/plan.mjs';
import { ROOT } from './setup/project.mjs';

const args = process.argv.slice(2);

const asksHelp = args[0] === 'help' || args.some((each) => each === '--help' || each === '-h');
const asksVersion = args.length === 1 && (args[0] === '--version' || args[0] === '-V');

/** `doctor` must run on a project half set up, to say what is wrong with it; and help needs nothing that TensorFlow needs. */
const modest = args[0] === 'doctor' || asksHelp || asksVersion;

/** What help and version say before anything is installed: what the page and package.json hold. */
function sayUnset() {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  if (asksVersion) console.log(version);
  else {
    console.log(readFileSync(join(ROOT, 'bin', 'help.txt'), 'utf8'));
    console.log('Not set up yet: run npm start first. Then the help of each command lists its options.');
  }
}

/** What keeps the command from running. */
function checkSetUp() {
  const blocking = modest ? ['npm'] : ['npm', 'python', 'tensorflow', 'addon', 'kernel', 'link'];
  const undone = inspect(engineHere()).find(({ step, why }) => why !== null && blocking.includes(step.id));
  if (undone) {
    throw new SetupError(
      `The project is not set up: ${undone.step.title} must be installed (${undone.why}). Run: npm run setup`,
    );
  }
}

const cli = join(ROOT, 'dist', 'bin', 'cli', 'main.js');

/** Compiles what has changed. A modest command makes do with what was compiled before; `doctor` says if the sources do not. */
async function checkBuilt() {
  try {
    await ensureBuilt(asksHelp || asksVersion);
  } catch (error) {
    if (!modest || !existsSync(cli)) throw error;
  }
  if (!existsSync(cli)) {
    throw new SetupError('dist/bin/cli/main.js is missing; delete dist and run: npm run setup');
  }
}

/** Whether what a modest command needs is there: the packages, and something compiled. */
function isInstalled() {
  try {
    checkSetUp();
    return existsSync(cli);
  } catch {
    return false;
  }
}

try {
  if ((asksHelp || asksVersion) && !isInstalled()) sayUnset();
  else {
    checkSetUp();
    await checkBuilt();
    const { main } = await import(pathToFileURL(cli).href);
    process.exitCode = await main(args);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
