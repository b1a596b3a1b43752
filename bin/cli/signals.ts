import { InterruptedError } from '../../lib/errors.js';

/** What asks a command to stop. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The exit code of an interrupted command. */
export const INTERRUPTED = 130;

/**
 * Work that Ctrl-C stops between two steps, with its state saved. A second Ctrl-C ends the process at once, with exit
 * code 130; nothing is lost by it but what came after the last checkpoint, since checkpoints appear whole or not at all.
 *
 * @param work  Given a signal that is aborted by the first Ctrl-C (or SIGTERM, or a closed terminal).
 * @returns     What the work returns.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    process.stderr.write('Stopping after the step under way; Ctrl-C again stops at once.\n');
    controller.abort(new InterruptedError('Stopped; the same command goes on from what was saved.'));
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}
