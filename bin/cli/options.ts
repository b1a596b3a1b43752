import { UsageError, unknownName } from '../../lib/errors.js';
import { BUDGETS } from '../../lib/search/protocol.js';
import type { Budget } from '../../lib/search/protocol.js';

/** The options of every command that runs searches, as commander hands them over. */
export interface ExperimentOptions {
  readonly budget: string;
  readonly set?: string[];
  readonly data?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The whole number that an option was given. @throws {UsageError} naming the option, its value and its bounds. */
export function wholeNumber(option: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (value.trim() !== '' && Number.isInteger(number) && number >= least && number <= most) return number;
  throw new UsageError(
    `${option} is ${JSON.stringify(value)}; it must be an integer from ${least} to ${most}.`,
  );
}

/** The budget of that name. @throws {UsageError} for any other. */
export function knownBudget(name: string): Budget {
  const known = BUDGETS.find((each) => each === name);
  if (!known) throw unknownName('budget', name, BUDGETS);
  return known;
}
