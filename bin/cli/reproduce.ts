import { InterruptedError, UsageError, ZartsError, unknownName } from '../../lib/errors.js';
import { claimsText } from '../../lib/report/claims.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { textTable } from '../../lib/report/table.js';
import { PRESETS } from '../../lib/search/protocol.js';
import type { Budget, Preset } from '../../lib/search/protocol.js';
import { REPRODUCTIONS, reproductionById } from '../../reproductions/registry.js';
import { estimate, reproduce } from '../../reproductions/reproduce.js';
import type { ReproductionReport } from '../../reproductions/reproduce.js';
import { searchWithin } from '../../reproductions/reproduction.js';
import type { Protocol, ProtocolOptions } from '../../reproductions/reproduction.js';
import { anyTrainingOf, isRetraining } from '../../reproductions/retraining.js';
import type { PartialReport } from '../../reproductions/run.js';
import { fetchData, fetchImages } from './data.js';
import type { DataOptions } from './data.js';
import { knownBudget, wholeNumber } from './options.js';
import type { ExperimentOptions } from './options.js';
import { interruptible } from './signals.js';
import { about, bulletList, print, printJson, shortPath, textWidth, wrap } from './text.js';

/** The options of `zarts reproduce`. */
export interface ReproduceCommandOptions extends ExperimentOptions {
  readonly preset?: string;
  readonly seeds?: string;
}

/** Seeds that a run may be repeated with: each repeat is a whole search. */
const MOST_SEEDS = 1000;

/** Runs `zarts reproduce`. @returns the exit code. */
export async function reproduceCommand(id: string, options: ReproduceCommandOptions): Promise<number> {
  const { data, json, quiet = false } = options;
  const entries = id === 'all' ? REPRODUCTIONS : [reproductionById(id)];
  const asked = protocolOptions(options);
  // Every setting is checked before anything is loaded or computed.
  const firstProtocols = entries.map(({ reproduction }) => reproduction.protocols(asked)[0]);

  const progress = terminalProgress({ quiet });
  const source = data === undefined ? {} : { data };
  const reports: ReproductionReport[] = [];
  const lacking: string[] = [];
  await interruptible(async (signal) => {
    for (const [i, entry] of entries.entries()) {
      const first = firstProtocols[i];
      try {
        await fetchFor(first, { progress, signal, ...source });
      } catch (error) {
        // Of several, those whose images are there are made; what others lack is said at the end.
        if (entries.length === 1 || !(error instanceof UsageError || error instanceof ZartsError))
          throw error;
        if (error instanceof InterruptedError || (i === entries.length - 1 && reports.length === 0))
          throw error;
        lacking.push(`${entry.id} is not reproduced: ${error.message}`);
        continue;
      }
      signal.throwIfAborted();
      if (!quiet) process.stderr.write(`${describeEstimate(entry.id, asked)}\n`);
      const report = await reproduceWhole(entry.id, { ...asked, ...source, progress, signal });
      reports.push(report);
      if (!json) print([...(reports.length > 1 ? ['', ''] : []), ...describeReproduction(report)]);
    }
  });
  if (json) printJson(id === 'all' ? reports : reports[0]);
  if (lacking.length > 0) process.stderr.write(`${lacking.join('\n')}\n`);
  return lacking.length > 0 ? 1 : 0;
}

/** The images of a run, with a progress bar if they have to be fetched. */
async function fetchFor(run: Protocol, options: DataOptions): Promise<void> {
  const search = isRetraining(run) ? run.search : searchWithin(run);
  if (search) await fetchData(search, options);
  if (isRetraining(run)) await fetchImages(anyTrainingOf(run.training), options);
}

function describeEstimate(id: string, asked: ProtocolOptions): string {
  const seconds = estimate(id, asked.budget, asked);
  return `${id}, budget ${asked.budget}: ${about(seconds)} on two cores with nothing computed before (an estimate).`;
}

/** The report; what is there of it when it is interrupted goes to stderr, with the place where it is kept. */
async function reproduceWhole(
  id: string,
  options: Parameters<typeof reproduce>[1],
): Promise<ReproductionReport> {
  let partial: PartialReport | undefined;
  try {
    return await reproduce(id, {
      ...options,
      onPart: (soFar) => {
        partial = soFar;
      },
    });
  } catch (error) {
    if (error instanceof InterruptedError && partial !== undefined) {
      const { tables, file, done, of } = partial;
      process.stderr.write(
        `${textTable(tables[0])}\n${done} of ${of} runs so far; all tables are in ${shortPath(file)}\n`,
      );
    }
    throw error;
  }
}

function protocolOptions({ budget, preset, seeds, set = [] }: ReproduceCommandOptions): ProtocolOptions & {
  readonly budget: Budget;
} {
  const knownPreset: Preset | undefined = PRESETS.find((each) => each === preset);
  if (preset !== undefined && !knownPreset) throw unknownName('preset', preset, PRESETS);
  return {
    budget: knownBudget(budget),
    set,
    ...(knownPreset ? { preset: knownPreset } : {}),
    ...(seeds === undefined ? {} : { seeds: wholeNumber('--seeds', seeds, 1, MOST_SEEDS) }),
  };
}

/** A reproduction as text: tables with the verdicts on the claims, deviations, where the pictures and the record are. */
function describeReproduction(report: ReproductionReport): string[] {
  const { title, budget, preset, tableText, claims, deviations, pictures, pages, resultFile, seconds } =
    report;
  return [
    title,
    `Budget ${budget}, preset ${preset}; done in ${describeSeconds(seconds)}`,
    '',
    tableText.trimEnd(),
    '',
    'Claims, each with what decided it:',
    ...claimsText(claims)
      .split('\n')
      .flatMap((line) => {
        const indent = `  ${/^ */.exec(line)![0]}`;
        return wrap(indent + line.trimStart(), textWidth(), `${indent}  `);
      }),
    '',
    ...bulletList('What it does otherwise than the paper:', deviations),
    '',
    ...pictures.map((path) => `Picture  ${shortPath(path)}`),
    ...pages.map((path) => `Page     ${shortPath(path)} (to turn, in a browser)`),
    `Record   ${shortPath(resultFile)}`,
  ];
}
