import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { InterruptedError } from './errors.js';

/** What a long computation tells while it runs; the shell draws bars from it, a notebook a progress element. */
export interface Progress {
  /** A phase begins. @param total  Units of work in it; 0 if unknown. @param done  Units done earlier (a resumed run). */
  start(phase: string, total: number, done?: number): Phase;
}

/** A phase of a computation under way. */
export interface Phase {
  /** @param done  Units done so far. @param note  What is worth saying at this point, e.g. the current loss. */
  update(done: number, note?: string): void;
  /** What comes once and says nothing of the rest (compiling) begins, or is over: time left is reckoned without it. */
  aside?(state: 'begins' | 'over'): void;
  /** The phase is over, finished or not. */
  end(): void;
}

/** Tells nobody. */
export const silent: Progress = { start: () => ({ update: () => undefined, end: () => undefined }) };

/**
 * Lets signals and a notebook's interrupts be delivered between two pieces of work.
 *
 * @param stopped  Says where the work stopped, in a sentence.
 * @throws {InterruptedError} once `signal` is aborted.
 */
export async function pause(signal: AbortSignal | undefined, stopped: () => string): Promise<void> {
  await yieldToEvents();
  if (signal?.aborted) throw new InterruptedError(stopped());
}
