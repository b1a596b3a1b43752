/**
 * A promise that is rejected and that nobody awaits fails the test during which that happens; one rejected between two
 * tests fails the file, with the name of the test before it. Mocha is started with this file (bin/testing/mocha.mjs).
 */
import { setImmediate as turn } from 'node:timers/promises';

/** The rejected promises that nobody has awaited, and after which test began. */
const rejected = new Map<Promise<unknown>, { readonly reason: unknown; readonly after: string }>();
let latest = 'the file was loaded';

function note(reason: unknown, promise: Promise<unknown>): void {
  // Mocha hands the same rejection on a second time.
  if (!rejected.has(promise)) rejected.set(promise, { reason, after: latest });
}
process.on('unhandledRejection', note);

/** @throws {Error} if a promise was rejected since the last time. */
async function failOnRejection(): Promise<void> {
  // Node reports a rejection when it has found nobody waiting at the end of a turn.
  await turn();
  const all = [...rejected.values()];
  rejected.clear();
  if (all.length === 0) return;
  const { reason, after } = all[0];
  const text = reason instanceof Error ? reason.message : String(reason);
  throw new Error(`A promise was rejected that nobody awaits (after ${after} began): ${text}`, {
    cause: reason,
  });
}

export const mochaHooks: Mocha.RootHookObject = {
  beforeAll() {
    // Between two files mocha's workers remove every listener.
    process.off('unhandledRejection', note).on('unhandledRejection', note);
  },
  beforeEach(this: Mocha.Context) {
    const test = this.currentTest!;
    latest = `"${test.fullTitle()}"`;
    const { fn } = test;
    // A test that calls back ends when it says so; what it left behind fails the file.
    if (fn === undefined || fn.length > 0) return;
    test.fn = async function (this: Mocha.Context) {
      await (fn as Mocha.AsyncFunc).call(this);
      await failOnRejection();
    };
  },
  async afterAll() {
    await failOnRejection();
  },
};
