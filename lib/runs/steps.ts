import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { InterruptedError } from '../errors.js';
import { silent } from '../progress.js';
import type { Checkpoint } from './checkpoint.js';
import type { KeptOptions, KeptRun } from './kept.js';

/** A computation of many short steps, whose state can be kept after each. */
export interface Steps {
  /** What is computed, as progress has it. */
  readonly title: string;
  /** Steps in all. */
  readonly total: number;
  /** Steps done so far. */
  position(): number;
  /** Whether nothing is left; when all steps are done if left out. */
  ended?(): boolean;
  /**
   * @param tell  Says within a long step where it is.
   * @returns whether the state is to be kept at once, as at an epoch's end.
   */
  step(tell: (note: string) => void): Promise<boolean> | boolean;
  /** What is worth saying at this point. */
  note?(): string;
  /** Where it stands, for a sentence; ‘step 3 of 25’ if left out. */
  place?(): string;
  checkpoint(): Checkpoint;
}

/** Seconds after which a checkpoint is due that no step asked for. */
const CHECKPOINT_SECONDS = 30;

/**
 * Goes through the steps that are left.
 *
 * @throws {InterruptedError} if `signal` is aborted before the end: after the step under way, with the state kept.
 */
export async function inSteps(
  steps: Steps,
  {
    progress = silent,
    signal,
    store,
  }: Pick<KeptOptions, 'progress' | 'signal'> & Partial<Pick<KeptRun, 'store'>>,
): Promise<void> {
  const { title, total } = steps;
  const phase = progress.start(title, total, steps.position());
  let saved = performance.now();
  const ended = () => steps.ended?.() ?? steps.position() === total;
  const tell = (note: string): void => phase.update(steps.position(), note);
  try {
    while (!ended()) {
      const due = await steps.step(tell);
      phase.update(steps.position(), steps.note?.());
      // Signals and a notebook's interrupts are delivered between steps.
      await yieldToEvents();
      const stopped = signal?.aborted ?? false;
      if (due || stopped || performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
        store?.saveCheckpoint(steps.checkpoint());
        saved = performance.now();
      }
      if (stopped && !ended()) {
        throw new InterruptedError(
          `Stopped after ${steps.place?.() ?? `step ${steps.position()} of ${total}`}; the same command goes on from there.`,
        );
      }
    }
  } finally {
    phase.end();
  }
}
