import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The most memory in bytes that this process has held at once, since it began or since {@link forgetPeak}. Linux counts it
 * for the process alone (VmHWM); elsewhere it is what getrusage says.
 */
export function peakBytes(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
    return Number(kibibytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

/**
 * Begins a new peak from what is held now.
 *
 * @returns whether that can be done here: on Linux alone, and not in every container.
 */
export function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}
