import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../lib/runs/home.js';
import { capture, setVariables } from '../support/process.js';

/** What a `zarts` process did. */
export interface Outcome {
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `zarts` process under way. */
export interface Started {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

const started = new Set<ChildProcess>();

/** Starts `node bin/zarts.mjs` with these arguments, in the system's folder for temporary files. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const inherited = { ...process.env };
  delete inherited.ZARTS_DATA;
  const child = spawn(process.execPath, [join(projectRoot(), 'bin', 'zarts.mjs'), ...args], {
    cwd: tmpdir(),
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  const outcome = new Promise<Outcome>((done, fail) => {
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', fail);
    child.once('close', (code, killedBy) => {
      started.delete(child);
      done({ code, killedBy, stdout, stderr });
    });
  });
  return { child, outcome };
}

/** Runs `node bin/zarts.mjs` with these arguments to its end, in a process of its own. */
export function spawned(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return start(args, env).outcome;
}

/**
 * Runs the command with these arguments to its end in this process: what `spawned` does, without the seconds that a
 * process takes to load TensorFlow.
 */
export async function zarts(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { main } = await import('../../bin/cli/main.js');
  const restore = setVariables({ ZARTS_DATA: undefined, ...env });
  const folder = process.cwd();
  // The command listens to these for as long as its process lives.
  const emitters: readonly NodeJS.EventEmitter[] = [process, process.stdout, process.stderr];
  const listeners = emitters.map((emitter) =>
    ['warning', 'error'].map((event) => [event, emitter.listeners(event)] as const),
  );
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)];
  try {
    process.chdir(tmpdir());
    const code = await main(args);
    return { code, killedBy: null, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    stdout.release();
    stderr.release();
    process.chdir(folder);
    restore();
    for (const [i, emitter] of emitters.entries()) {
      for (const [event, before] of listeners[i]) {
        emitter.removeAllListeners(event);
        for (const listener of before) emitter.on(event, listener as () => void);
      }
    }
  }
}

/** Ends the processes that a failed test left behind. */
export function endStarted(): void {
  for (const child of started) child.kill('SIGKILL');
}

/** A new folder for runs, and its removal. */
export function temporaryHome(): { readonly home: string; remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), 'zarts-cli-'));
  return {
    home,
    remove: () => {
      rmSync(home, { recursive: true, force: true });
    },
  };
}
