/** Whether long tests run: `npm run test:all` sets the variable. */
const LONG = process.env.ZARTS_LONG_TESTS === '1';

/**
 * A test that takes seconds and that only `npm run test:all` runs, in the midst of those that `npm test` runs too. A file of
 * nothing else is named `*.long.test.ts`.
 */
export function longIt(title: string, test: Mocha.AsyncFunc | Mocha.Func): void {
  if (LONG) it(title, test as Mocha.AsyncFunc);
}
