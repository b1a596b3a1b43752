import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { projectRoot } from '../../lib/runs/home.js';
import { jupyterEnvironment, venvPython } from './jupyter.js';

/** How to run a notebook. */
export interface NotebookOptions {
  /** Where the executed notebook is written, whole or not at all; without it nothing is. May be the notebook itself. */
  readonly output?: string;
  /** Seconds that one cell may take; 600 by default. */
  readonly cellSeconds?: number;
  /** Variables that the kernel sees besides the process's own, e.g. the budget a test runs at. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told as each code cell starts: its number, from 1, and how many there are. */
  readonly onCell?: (cell: number, cells: number) => void;
}

/** What running a notebook took. */
export interface NotebookRun {
  /** Code cells run. */
  readonly cells: number;
  readonly seconds: number;
}

/** What bin/run-notebook.py prints, a line an event. */
interface NotebookEvent {
  readonly cells?: number;
  readonly started?: number;
  readonly failed?: number | null;
  readonly error?: string;
}

/**
 * Runs a notebook from top to bottom without a browser: nbclient and the TypeScript kernel of .venv, as JupyterLab would.
 *
 * @param path  The .ipynb file.
 * @returns     The number of code cells and the seconds they took with the kernel's start.
 * @throws {UsageError} if there is no such file.
 * @throws {ZartsError} if a cell fails, times out or kills its kernel; the message names the cell and says what it printed.
 */
export async function runNotebook(path: string, options: NotebookOptions = {}): Promise<NotebookRun> {
  const { output, cellSeconds = 600, env = {}, onCell } = options;
  if (!existsSync(path)) throw new UsageError(`There is no notebook ${path}.`);
  const name = basename(path);
  const began = Date.now();
  const script = join(projectRoot(), 'bin', 'run-notebook.py');
  const args = [
    script,
    resolve(path),
    String(cellSeconds),
    ...(output === undefined ? [] : [resolve(output)]),
  ];
  const child = spawn(venvPython(), args, {
    env: jupyterEnvironment({ ...process.env, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  let cells = 0;
  let failure: NotebookEvent | undefined;
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as NotebookEvent;
    if (event.cells !== undefined) cells = event.cells;
    if (event.started !== undefined) onCell?.(event.started, cells);
    if (event.failed !== undefined) failure = event;
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail).once('close', done);
  });

  if (failure !== undefined) {
    throw new ZartsError(
      `${name}: code cell ${failure.failed ?? 0} of ${cells} failed: ${failure.error ?? ''}`,
    );
  }
  if (code !== 0) {
    throw new ZartsError(
      `${name} could not be run: ${complaints.trim().split('\n').at(-1) ?? `exit code ${code}`}`,
    );
  }
  return { cells, seconds: (Date.now() - began) / 1000 };
}
