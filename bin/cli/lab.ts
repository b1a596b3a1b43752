import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { projectRoot } from '../../lib/runs/home.js';
import { jupyterEnvironment, venvPython } from './jupyter.js';
import { INTERRUPTED, SIGNALS } from './signals.js';

/** Options of Jupyter's that would open the server to others: it runs whatever it is sent. */
const OPENING =
  /^--(?:(?:[A-Za-z]+\.)?(?:ip|token|password|allow_remote_access|disable_check_xsrf)|allow-remote)\b/;

/** How long JupyterLab gets to save and end its kernels before it is killed. */
const GRACE_MS = 10_000;

/**
 * The command that starts JupyterLab on the start page of notebooks/, on this machine's own address and with its access token.
 *
 * @param args  What the user adds, e.g. `--no-browser`, `--port=9999`.
 * @param root  Whether the user is root (in a container, mostly), where Jupyter wants to be told that it may.
 * @throws {UsageError} for an option that would open it to other machines or drop the token.
 */
export function labCommand(args: readonly string[], root: boolean): string[] {
  const opening = args.find((arg) => OPENING.test(arg));
  if (opening !== undefined) {
    throw new UsageError(
      `"${opening}" would open JupyterLab to others; it stays on 127.0.0.1 with its token. ` +
        'From another machine, use a tunnel: ssh -L 8888:127.0.0.1:8888 HOST',
    );
  }
  return [
    venvPython(),
    ...['-m', 'jupyter', 'lab', '--ip=127.0.0.1', `--ServerApp.root_dir=${projectRoot()}`],
    ...['--LabApp.default_url=/lab/tree/notebooks/00-start.ipynb', '--LabApp.custom_css=True'],
    '--log-level=WARN',
    ...(root ? ['--allow-root'] : []),
    ...args,
  ];
}

/** The environment for JupyterLab, with the project's own style where it looks for a user's. */
export function labEnvironment(): NodeJS.ProcessEnv {
  const env = jupyterEnvironment();
  const custom = join(env.JUPYTER_CONFIG_DIR ?? '', 'custom');
  mkdirSync(custom, { recursive: true });
  copyFileSync(join(projectRoot(), 'bin', 'cli', 'lab.css'), join(custom, 'custom.css'));
  return env;
}

/** Compiles again whenever a source changes; prints the compiler's errors and the recovery from them, nothing else. */
function watchSources(): ChildProcess {
  const tsc = join(projectRoot(), 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '--build', '--watch', '--preserveWatchOutput', '--pretty', 'false'];
  const child = spawn(process.execPath, args, { cwd: projectRoot(), stdio: ['ignore', 'pipe', 'inherit'] });
  let broken = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes('error TS')) {
      broken = true;
      console.error(line);
    } else if (broken && line.includes('Found 0 errors')) {
      broken = false;
      console.error('The sources compile again.');
    }
  });
  return child;
}

/** The exit code of a process, once it has ended; 1 if a signal ended it. */
const ended = (child: ChildProcess): Promise<number> =>
  new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done(child.exitCode ?? 1);
    child.once('close', (code) => {
      done(code ?? 1);
    });
  });

/**
 * Runs JupyterLab until it is shut down or interrupted, compiling the library alongside so that a notebook picks up an
 * edited file when its import cell is run again.
 *
 * @param args  Handed on to JupyterLab.
 * @returns     Exit code: JupyterLab's own (0 when it was shut down from its menu), 130 after Ctrl-C.
 * @throws {UsageError} as {@link labCommand}; {ZartsError} if JupyterLab is not installed.
 */
export async function lab(args: string[]): Promise<number> {
  const [program, ...rest] = labCommand(args, process.getuid?.() === 0);
  if (!existsSync(program)) throw new ZartsError('JupyterLab is not installed. Run: npm run setup');
  const watcher = watchSources();
  // In a group of its own: Ctrl-C then reaches only this process, and Jupyter does not stop to ask whether it is meant.
  const jupyter = spawn(program, rest, {
    cwd: projectRoot(),
    env: labEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });

  let interrupted = false;
  const stop = (): void => {
    if (interrupted) jupyter.kill('SIGKILL');
    interrupted = true;
    jupyter.kill('SIGTERM');
    setTimeout(() => jupyter.kill('SIGKILL'), GRACE_MS).unref();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const code = await ended(jupyter);
    return interrupted ? INTERRUPTED : code;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    watcher.kill('SIGTERM');
    await ended(watcher);
  }
}
