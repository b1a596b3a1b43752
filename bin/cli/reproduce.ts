import { InterruptedError, UsageError, ZartsError, unknownName } from '../../lib/errors.js';
import { claimsText } from '../../lib/report/claims.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { PRESETS } from '../../lib/search/protocol.js';
import type { Budget, Preset } from '../../lib/search/protocol.js';
import { REPRODUCTIONS, reproductionById } from '../../reproductions/registry.js';
import type { RegistryEntry } from '../../reproductions/registry.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { ReproductionReport } from '../../reproductions/reproduce.js';
import { searchWithin } from '../../reproductions/reproduction.js';
import type { ProtocolOptions } from '../../reproductions/reproduction.js';
import { fetchData } from './data.js';
import { knownBudget, wholeNumber } from './options.js';
import type { ExperimentOptions } from './options.js';
import { interruptible } from './signals.js';
import { bulletList, print, printJson, shortPath, textWidth, wrap } from './text.js';

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
  const entries = id === 'all' ? REPRODUCTIONS.filter(({ built }) => built) : [builtEntry(id)];
  const asked = protocolOptions(options);
  // Every setting is checked before anything is loaded or computed.
  const firstProtocols = entries.map(({ reproduction }) => reproduction!.protocols(asked)[0]);

  const progress = terminalProgress({ quiet });
  const source = data === undefined ? {} : { data };
  const reports: ReproductionReport[] = [];
  const lacking: string[] = [];
  await interruptible(async (signal) => {
    for (const [i, entry] of entries.entries()) {
      const first = firstProtocols[i];
      try {
        const images = searchWithin(first);
        if (images) await fetchData(images, { progress, signal, ...source });
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
      const report = await reproduce(entry.id, { ...asked, ...source, progress, signal });
      reports.push(report);
      if (!json) print([...(reports.length > 1 ? ['', ''] : []), ...describeReproduction(report)]);
    }
  });
  if (json) printJson(id === 'all' ? reports : reports[0]);
  if (lacking.length > 0) process.stderr.write(`${lacking.join('\n')}\n`);
  return lacking.length > 0 ? 1 : 0;
}

function builtEntry(id: string): RegistryEntry {
  const entry = reproductionById(id);
  if (entry.built) return entry;
  const built = REPRODUCTIONS.filter((each) => each.built).map((each) => each.id);
  throw new UsageError(`${id} is not built yet; built are ${built.join(', ')} ("npx zarts list" shows all).`);
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
  const { title, budget, preset, tableText, claims, deviations, pictures, resultFile, seconds } = report;
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
    `Record   ${shortPath(resultFile)}`,
  ];
}
