import { terminalProgress } from '../../lib/report/progress-terminal.js';
import { firstLook } from './pending.js';
import { interruptible } from './signals.js';

/** Runs `zarts start`. @returns the exit code. */
export async function startCommand({ data, quiet }: { data?: string; quiet?: boolean }): Promise<number> {
  const { firstLook: look } = await firstLook();
  const progress = terminalProgress({ quiet: quiet ?? false });
  await interruptible((signal) => look({ progress, signal, ...(data === undefined ? {} : { data }) }));
  return 0;
}
