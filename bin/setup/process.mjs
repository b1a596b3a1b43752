// Child processes and files for the steps: output to a log, failures as one sentence, files written whole or not at all.

import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { noteChildren } from './lock.mjs';
import { SetupError, isNetworkFailure } from './plan.mjs';
import { ROOT, STATE } from './project.mjs';

const LOG = join(STATE, 'log', 'setup.log');

/** The file's JSON value, or null if it is missing or not whole. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** Writes a file under a temporary name and renames it: a reader sees the old one or the new one. */
export function writeWhole(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

const children = new Set();

let interrupted = false;

/** Ends every command that is still running; the steps that wait for them fail with the word for it. */
export function interrupt() {
  interrupted = true;
  for (const child of children) child.kill('SIGTERM');
}

/**
 * Runs a command to its end with its output in .zarts/log/setup.log.
 *
 * @param {string} doing  What it does, for the message of a failure ("installing the npm packages").
 * @param {string[]} command  Program and arguments.
 * @param {{cwd?: string, env?: Record<string, string | undefined>, explain?: (output: string) => string}} options
 *   `explain` makes the message of a failure from the output, where the output is the message.
 * @returns {Promise<string>} stdout and stderr together.
 * @throws {SetupError} if it cannot be started or fails: one sentence, then the last lines it printed.
 */
export function run(doing, command, { cwd = ROOT, env = process.env, explain } = {}) {
  mkdirSync(dirname(LOG), { recursive: true });
  appendFileSync(LOG, `\n$ ${command.join(' ')}\n`);
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    noteChildren([...children].flatMap(({ pid }) => pid ?? []));
    let output = '';
    const keep = (chunk) => {
      output += chunk;
      appendFileSync(LOG, chunk);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      children.delete(child);
      reject(new SetupError(`${program} could not be started while ${doing}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      children.delete(child);
      if (code === 0) resolve(output);
      else
        reject(
          explain && !interrupted
            ? new SetupError(explain(output))
            : failure(doing, output, signal ?? `exit code ${code}`),
        );
    });
  });
}

function failure(doing, output, how) {
  if (interrupted) return new SetupError('Interrupted; the same command goes on from here.', 130);
  if (isNetworkFailure(output)) {
    return new SetupError(
      `The network failed while ${doing}; check the connection and run the same command again, finished steps are kept.`,
    );
  }
  const tail = output.trimEnd().split('\n').slice(-15).join('\n');
  return new SetupError(
    `Something failed while ${doing} (${how}); all of its output is in ${relative(ROOT, LOG)}.\n${tail}`,
  );
}
