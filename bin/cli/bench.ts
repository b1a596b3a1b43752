import { UsageError } from '../../lib/errors.js';
import { terminalProgress } from '../../lib/report/progress-terminal.js';
import { bench } from './pending.js';
import { printJson } from './text.js';

/** The options of `zarts bench`, as commander hands them over. */
export interface BenchCommandOptions {
  readonly shape?: string[];
  readonly peer?: 'torch';
  readonly repeats?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Runs `zarts bench`. @returns the exit code. */
export async function benchCommand({
  shape = [],
  peer,
  repeats,
  json,
  quiet,
}: BenchCommandOptions): Promise<number> {
  const times = repeats === undefined ? undefined : wholeNumber('--repeats', repeats, 1, 10_000);
  const { runBench } = await bench();
  const report = await runBench({
    progress: terminalProgress({ quiet: quiet ?? false }),
    ...(shape.length === 0 ? {} : { shapes: shape }),
    ...(peer === undefined ? {} : { peer }),
    ...(times === undefined ? {} : { repeats: times }),
  });
  printJson(report);
  return json ? 0 : 0;
}

/** A whole number that an option was given. @throws {UsageError} naming the option, its value and its bounds. */
export function wholeNumber(option: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= least && number <= most && value.trim() !== '') return number;
  throw new UsageError(
    `${option} is ${JSON.stringify(value)}; it must be an integer from ${least} to ${most}.`,
  );
}
