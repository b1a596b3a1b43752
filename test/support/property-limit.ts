/**
 * Every property test ends: fast-check shrinks a counterexample for as long as it finds a smaller one, which for arrays of
 * doubles may be hours. Mocha is started with this file (bin/testing/mocha.mjs).
 */
import fc from 'fast-check';

/** Far beyond what any property needs, so that a slow machine does not fail. */
const LIMIT_MS = 5 * 60_000;

// A property that could not be tried as often as it asks for fails too.
fc.configureGlobal({ interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: true });
