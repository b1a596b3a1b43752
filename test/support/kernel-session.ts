import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { jupyterEnvironment, venvPython } from '../../bin/cli/jupyter.js';
import { projectRoot } from '../../lib/runs/home.js';

/** What test/fixtures/kernel/session.py does one after another in one kernel; it says more of each. */
export type KernelStep =
  | { readonly run: string; readonly interrupt_after?: number; readonly times?: number }
  | { readonly run_all: readonly string[] }
  | { readonly touch: string };

/** What a cell came to. */
export interface CellOutcome {
  readonly status: 'ok' | 'error' | 'aborted';
  readonly name: string;
  readonly text: string;
  readonly traceback: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly seconds: number;
}

/** A request that is no cell. */
export interface KernelRequest {
  readonly request: string;
  readonly content: object;
  readonly while?: string;
}

/** Controls that a cell shows, of which one is moved. */
export interface ControlsStep {
  readonly controls: string;
  readonly move: string;
  readonly to: number;
}

function perform(
  steps: readonly (KernelStep | KernelRequest | ControlsStep)[],
  env: NodeJS.ProcessEnv,
): unknown[] {
  const script = join(projectRoot(), 'test', 'fixtures', 'kernel', 'session.py');
  const { stdout, stderr, status } = spawnSync(venvPython(), [script], {
    input: JSON.stringify(steps),
    encoding: 'utf8',
    env: jupyterEnvironment({ ...process.env, ...env }),
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { outcomes: unknown[] }).outcomes;
}

/** What each cell of one session with the TypeScript kernel came to, in order, through Python's jupyter_client. */
export const kernelSession = (steps: readonly KernelStep[], env: NodeJS.ProcessEnv = {}): CellOutcome[] =>
  perform(steps, env) as CellOutcome[];

/** The replies to requests, and the states that the kernel said it was in meanwhile. */
export const kernelReplies = (
  requests: readonly KernelRequest[],
): { readonly reply: Readonly<Record<string, unknown>>; readonly states: readonly string[] }[] =>
  perform(requests, {}) as ReturnType<typeof kernelReplies>;

/** What a cell's controls came to. */
export const kernelControls = (
  step: ControlsStep,
): {
  readonly shown: readonly Readonly<Record<string, unknown>>[];
  readonly sent: readonly { readonly state: Readonly<Record<string, unknown>> }[];
  readonly states: Readonly<Record<string, { readonly state: Readonly<Record<string, unknown>> }>>;
  readonly busy: boolean;
} => perform([step], {})[0] as ReturnType<typeof kernelControls>;
