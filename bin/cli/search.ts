import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../lib/errors.js';
import { checkLimits } from '../../lib/evaluation/limits.js';
import { fixed } from '../../lib/report/format.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { explainFileError } from '../../lib/runs/files.js';
import { runsHome } from '../../lib/runs/home.js';
import { deviations, fullSearch, onDataset, withBudget } from '../../lib/search/presets.js';
import { SEARCH, spaceName, spaceOf } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import type { FinishedSearch } from '../../lib/search/run.js';
import type { EpochRecord, Intervention } from '../../lib/search/search.js';
import { solverId } from '../../lib/search/solvers.js';
import { applyChange, parseSet } from '../../lib/settings.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { SPACE_IDS, defineSpace, isSpaceId } from '../../lib/spaces/spaces.js';
import type { SearchSpace } from '../../lib/spaces/spaces.js';
import { fetchData, imageDeviations, imagesText, photosThere } from './data.js';
import { limitedSearch, limitsOf } from './genotype.js';
import type { GenotypeOptions } from './genotype.js';
import type { ExperimentOptions } from './options.js';
import { checkSameData, compareWithRecord, recordedSearch } from './recorded.js';
import type { RecordedSearch } from './recorded.js';
import { interruptible } from './signals.js';
import { published, publishedText } from './published.js';
import { bulletList, print, printJson, shortPath, tableOf, textWidth, wrap } from './text.js';

/** The options of `zarts search`. */
export interface SearchCommandOptions
  extends ExperimentOptions, Pick<GenotypeOptions, 'mostSkips' | 'mostParameters' | 'mostMultiplyAdds'> {
  readonly space?: string;
  /** A recorded search to run again; then none of the options that describe a search. */
  readonly from?: string;
  /** The options that were typed, by their long names without dashes. */
  readonly given?: readonly string[];
  readonly solver: string;
  readonly preset?: string;
  readonly dataset: string;
  readonly seed: string;
  readonly eager?: boolean;
}

/**
 * The protocol that the options of `zarts search` describe, checked whole.
 *
 * @param there  How many training images a folder of one's own has.
 * @throws {UsageError} for an unknown space, solver, preset, data set, budget or setting, and a value out of range.
 */
export function protocolOf(
  { space, solver, preset, dataset, budget, seed, set = [] }: SearchCommandOptions,
  there?: number,
): SearchProtocol {
  if (space === undefined) {
    throw new UsageError(
      `zarts search needs --space, one of ${SPACE_IDS.join(', ')} or a file that declares one; for example --space s2.`,
    );
  }
  const full = onDataset(fullSearch(readSpace(space), solver, preset), dataset, there);
  const change = parseSet(set);
  if ('space' in change) {
    throw new UsageError('space cannot be set: choose it with --space, since it decides other settings.');
  }
  if ('seed' in change) throw new UsageError('seed cannot be set: choose it with --seed.');
  return applyChange(SEARCH, withBudget(full, budget), { ...parseSet([`seed=${seed}`]), ...change });
}

/** The space that `--space` names: an id, or a file that declares one. @throws {UsageError} as defineSpace, with the file. */
function readSpace(space: string): string | SearchSpace {
  if (isSpaceId(space) || !space.endsWith('.json')) return space;
  let declaration: unknown;
  try {
    declaration = JSON.parse(readFileSync(space, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is no JSON: ${error.message}` : 'cannot be read';
    const reason = error instanceof SyntaxError ? '' : `: ${explainFileError(error)}`;
    throw new UsageError(`The space file ${space} ${why}${reason}.`);
  }
  if (typeof declaration !== 'object' || declaration === null) {
    throw new UsageError(`The space file ${space} must hold a record of name, nodes and edges.`);
  }
  try {
    return defineSpace(declaration as SearchSpace);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${space}: ${error.message}`) : error;
  }
}

/** What decides a search, and so cannot be given beside the record of one. */
const DESCRIBING = ['space', 'solver', 'preset', 'dataset', 'seed', 'budget', 'set', 'eager'] as const;

/** The recorded search that `--from` names. @throws {UsageError} if an option would make it another search. */
function recordedOf(from: string, given: readonly string[]): RecordedSearch {
  const other = DESCRIBING.find((name) => given.includes(name));
  if (other !== undefined) {
    throw new UsageError(
      `--from runs a search as it was recorded, so --${other} cannot be given with it; leave one of them out.`,
    );
  }
  return recordedSearch(from);
}

/** Runs `zarts search`. @returns the exit code. */
export async function searchCommand(options: SearchCommandOptions): Promise<number> {
  const limits = limitsOf(options);
  const recorded = options.from === undefined ? undefined : recordedOf(options.from, options.given ?? []);
  const there = recorded ? undefined : await photosThere(options.dataset, options.data);
  const protocol = recorded?.protocol ?? protocolOf(options, there?.train);
  if (limits) checkLimits(spaceOf(protocol), limits);
  const { runSearch } = await import('../../lib/search/run.js');
  const progress = terminalProgress({ quiet: options.quiet ?? false });
  const source = options.data ?? (recorded?.coverage === 'synthetic' ? 'synthetic' : undefined);
  const data = source === undefined ? {} : { data: source };
  const finished = await interruptible(async (signal) => {
    const { digest } = await fetchData(protocol, { progress, signal, ...data });
    if (recorded) checkSameData(recorded, digest);
    signal.throwIfAborted();
    return runSearch(protocol, { progress, signal, compile: !options.eager, ...data });
  });
  const comparison = recorded && compareWithRecord(recorded, finished);
  const limited = limits && limitedSearch(finished.protocol, finished.result.alpha, limits);
  const genotype = limited?.genotype ?? finished.result.genotype;
  const atFullScale = protocol.space === 'nb201' ? await published(genotype, data) : undefined;
  const told = limited ? [limited.sentence] : [];
  if (options.json) {
    printJson({
      ...searchDocument(finished, told),
      ...(limited ? { limited: { limits, genotype: limited.genotype } } : {}),
      ...(atFullScale && { published: atFullScale }),
      ...(comparison ? { sameAsRecorded: comparison.same } : {}),
    });
  } else {
    const compared = comparison ? [comparison.sentence] : [];
    const publishedLines = atFullScale
      ? ['', ...wrap(publishedText(genotype, atFullScale), textWidth())]
      : [];
    print([...describeSearch(finished, told), ...publishedLines, ...compared, '', printGenotype(genotype)]);
  }
  return 0;
}

/** What `--json` prints of a search: all but `provenance` is the same whenever and wherever on this machine it is run. */
export function searchDocument(
  { key, protocol, result, provenance }: FinishedSearch,
  told: readonly string[] = [],
): object {
  return { key, protocol, result, provenance, deviations: [...told, ...allDeviations(protocol, provenance)] };
}

function allDeviations(protocol: SearchProtocol, { data }: FinishedSearch['provenance']): string[] {
  return [...imageDeviations(data.coverage), ...deviations(protocol)];
}

function describeSearch(finished: FinishedSearch, told: readonly string[]): string[] {
  const { protocol, result, provenance, key, known } = finished;
  const { preset, budget, seed, dataset } = protocol;
  const { data, seconds } = provenance;
  const { steps, updates, supernetParameters } = result;
  return [
    `Search in ${spaceName(protocol)} with ${solverId(protocol)}, preset ${preset}, budget ${budget}, seed ${seed}`,
    ...wrap(
      `${dataset.trainSize} ${imagesText(data)} of ${dataset.imageSide}×${dataset.imageSide}; supernet of ${protocol.cells} cells, ${protocol.channels} channels, ${supernetParameters.toLocaleString('en-US')} parameters; ${steps} weight steps, ${updates} alpha updates`,
      textWidth(),
    ),
    '',
    tableOf(
      'Means over the steps and alpha updates of each epoch; losses in nats',
      result.epochs,
      EPOCH_COLUMNS,
    ),
    ...(result.interventions ?? []).map(describeIntervention),
    '',
    ...bulletList("What it does otherwise than the paper's own search:", [
      ...told,
      ...allDeviations(protocol, provenance),
    ]),
    '',
    `${known ? 'Computed before' : 'Computed'}, in ${describeSeconds(seconds)}; kept in ${shortPath(join(runsHome(), key))}`,
  ];
}

function describeIntervention({ action, epoch, backTo, weightDecay }: Intervention): string {
  const risen = `The dominant eigenvalue had risen by epoch ${epoch + 1}`;
  return action === 'stop'
    ? `${risen}: stopped there, with the alphas of epoch ${backTo + 1}.`
    : `${risen}: went back to the end of epoch ${backTo + 1}, with a weight decay of ${decay(weightDecay)}.`;
}

/** What is shown of each epoch, where it has something to show in any. */
const EPOCH_COLUMNS: Readonly<Record<string, (epoch: EpochRecord) => string | number | null>> = {
  epoch: ({ epoch }) => epoch + 1,
  'train loss': ({ trainLoss }) => fixed(trainLoss, 3),
  accuracy: ({ trainAccuracy }) => `${fixed(100 * trainAccuracy, 1)} %`,
  updates: ({ updates }) => updates,
  'candidate loss': ({ candidateLoss }) => shown(candidateLoss, 3),
  sigma: ({ sigma }) => shown(sigma, 4),
  ESS: ({ ess }) => shown(ess, 2),
  ESR: ({ esr }) => shown(esr, 3),
  eigenvalue: ({ dominantEigenvalue }) => shown(dominantEigenvalue ?? null, 4),
  'the next ones': ({ eigenvalues = [] }) => nextEigenvalues(eigenvalues),
  'weight decay': ({ weightDecay }) => decay(weightDecay),
};

/** The eigenvalues after the dominant one; null for none. */
function nextEigenvalues([, ...next]: readonly number[]): string | null {
  return next.length === 0 ? null : next.map((value) => fixed(value, 4)).join(', ');
}

/** A weight decay without the last digits' rounding; null for none. */
function decay(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(6));
}

function shown(value: number | null, digits: number): string | null {
  return value === null ? null : fixed(value, digits);
}
