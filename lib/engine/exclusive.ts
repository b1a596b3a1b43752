import { whenStopped } from '../stopped.js';
import { recoverFromInterrupt } from './tensorflow.js';

/**
 * The work that has the compiled programs' state to itself. What is started after it in this process waits for it: a
 * notebook cell that was interrupted may still be finishing its last candidate when the next one starts.
 */
let underWay: Promise<unknown> = Promise.resolve();
whenStopped(() => {
  underWay = Promise.resolve();
});

/** Does the work once what was started before it is over, whatever came of that. @returns what the work gives. */
export async function exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
  const before = underWay;
  let finish: () => void = () => undefined;
  underWay = new Promise<void>((resolve) => (finish = resolve));
  await before;
  try {
    recoverFromInterrupt();
    return await work();
  } finally {
    finish();
  }
}
