import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { InterruptedError, UsageError, unknownName, ZartsError } from '../../lib/errors.js';
import { explainFileError } from '../../lib/runs/files.js';
import { projectRoot } from '../../lib/runs/home.js';
import { addCommands } from './commands.js';
import { INTERRUPTED } from './signals.js';

/**
 * Runs the `zarts` command.
 *
 * @param argv  The arguments after the command's name.
 * @returns     Exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted with the state saved.
 */
export async function main(argv: readonly string[]): Promise<number> {
  standQuietly();
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    if (argv.length === 0) throw new UsageError(program.helpInformation().trimEnd());
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

/** A program whose commands report their exit codes to `finished` and whose mistakes in usage are {@link UsageError}s. */
function createProgram(finished: (exitCode: number) => void): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('zarts')
    .description('Zero-order architecture search (ZARTS): its searches, figures and tables, re-run.')
    .version(version)
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ outputError: () => undefined })
    .addHelpText(
      'after',
      `
Examples:
  npx zarts list                             what can be reproduced, and how long
  npx zarts reproduce fig-4 --budget laptop  one figure with its claims
  npx zarts search --space s2 --solver mgs --seed 1
  npx zarts COMMAND --help

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (state saved; the
same command goes on).`,
    );
  addCommands(program, finished);
  for (const command of [program, ...program.commands]) {
    command.exitOverride((error) => {
      throw usageError(command, error) ?? error;
    });
  }
  return program;
}

/** Commander's complaint as a sentence of ours; undefined for what is no mistake, such as --help. */
function usageError(command: Command, { code, message }: CommanderError): UsageError | undefined {
  const name = command.parent ? `zarts ${command.name()}` : 'zarts';
  const given = /'(.*?)'/.exec(message)?.[1] ?? '';
  switch (code) {
    case 'commander.unknownOption':
      return unknownName(`option of ${name}`, given, visibleOptions(command));
    case 'commander.unknownCommand':
      return unknownName('command', given, visibleCommands(command));
    case 'commander.excessArguments': {
      const expected = command.registeredArguments.length;
      const takes = expected === 0 ? 'no argument' : `${expected} argument${expected === 1 ? '' : 's'}`;
      const surplus = command.args.slice(expected).map((each) => JSON.stringify(each));
      return new UsageError(
        `${name} takes ${takes}, so ${surplus.join(', ')} cannot be one; see npx ${name} --help.`,
      );
    }
    case 'commander.missingArgument': {
      const argument = command.registeredArguments.find((each) => each.name() === given);
      return new UsageError(`${name} needs ${given.toUpperCase()}: ${argument?.description}.`);
    }
    case 'commander.optionMissingArgument':
      return new UsageError(`The option ${given} of ${name} needs a value; see npx ${name} --help.`);
    case 'commander.helpDisplayed':
    case 'commander.help':
    case 'commander.version':
      return undefined;
    default:
      return new UsageError(`${message.replace(/^error: /, '')}; see npx ${name} --help.`);
  }
}

function visibleOptions(command: Command): string[] {
  const help = command.createHelp();
  return help.visibleOptions(command).flatMap(({ long, short }) => long ?? short ?? []);
}

function visibleCommands(command: Command): string[] {
  const help = command.createHelp();
  return help.visibleCommands(command).map((each) => each.name());
}

/** Says what went wrong, in the error's own sentence; a stack trace only for a fault of the program. */
function explain(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  if (error instanceof UsageError || error instanceof ZartsError) {
    process.stderr.write(`${error.message}\n`);
    return error instanceof UsageError ? 2 : error instanceof InterruptedError ? INTERRUPTED : 1;
  }
  process.stderr.write('This is a fault in zarts itself; please report it with these lines:\n');
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

/** A reader that has seen enough (`zarts list | head -3`) is no error; warnings are one line, without Node's frame. */
function standQuietly(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (stream === process.stderr) {
        // Nobody listens to progress and complaints any more; the work, and what it prints on stdout, goes on.
        process.stderr.write = () => true;
        return;
      }
      // As a program that the closed pipe had ended, but without a code that would fail a pipeline.
      if (error.code === 'EPIPE') process.exit(0);
      process.stderr.write(`The output could not be written: ${explainFileError(error)}.\n`);
      process.exit(1);
    });
  }
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => {
    // Deprecations inside packages are for their authors.
    if (name === 'Warning') process.stderr.write(`${message}\n`);
  });
}
