/**
 * The kinds of runs: for each what it needs first, what it computes, how long that takes, and the row of numbers that it
 * gives. Every run goes through the store and is kept there on its own, so that experiments share what they have in common.
 */
import type { LossGrid } from '../lib/analysis/landscape.js';
import { ZartsError } from '../lib/errors.js';
import { countNetwork, multiplyAdds } from '../lib/evaluation/count.js';
import type { EvaluationProtocol } from '../lib/evaluation/protocol.js';
import type * as Evaluation from '../lib/evaluation/run.js';
import type { FinishedEvaluation } from '../lib/evaluation/run.js';
import { bitsOf } from '../lib/runs/environment.js';
import type { EngineFacts, Machine } from '../lib/runs/environment.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { runKind } from '../lib/runs/kept.js';
import type { Kept, KeptOptions, Kind } from '../lib/runs/kept.js';
import { openRun } from '../lib/runs/store.js';
import { genotypeAfter } from '../lib/search/derived.js';
import type { ConditionResult } from '../lib/search/condition.js';
import type {
  ConditionProtocol,
  LandscapeProtocol,
  PathProtocol,
  SpectrumProtocol,
  ValidationProtocol,
} from '../lib/search/landscape-protocol.js';
import type { LandscapeResult } from '../lib/search/landscape.js';
import type { PathResult } from '../lib/search/paths.js';
import { applySet, isDrawn, isZeroOrder, SEARCH, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type * as Runs from '../lib/search/run.js';
import type { FinishedSearch } from '../lib/search/run.js';
import type * as Search from '../lib/search/search.js';
import type { SpectrumResult } from '../lib/search/spectrum.js';
import type { ValidationResult } from '../lib/search/validation.js';
import { settablePaths } from '../lib/settings.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import {
  compileSeconds,
  conditionSeconds,
  landscapeSeconds,
  pathSeconds,
  searchSeconds,
  searchWork,
  spectrumSeconds,
  trainingSeconds,
  validationSeconds,
} from './cost.js';
import { LOOKUP, lookupOf, passedBy, WHOLE_BENCHMARK } from './lookups.js';
import type { BenchmarkProtocol, BenchmarkResult, LookupProtocol, LookupResult } from './lookups.js';
import type { Sort } from './pace.js';
import { SEARCH_LOGS } from './search-logs.js';
import type { LogsProtocol, LogsResult } from './search-logs.js';
import { TOY, toySeconds } from './toy.js';
import type { ToyProtocol, ToyResult } from './toy.js';
import { trainingOf, trainingSettings, withoutGenotype } from './training.js';
import type { TrainingSettings } from './training.js';

/** What a run is, as plain data. */
export type Run =
  | { readonly kind: 'search'; readonly search: SearchProtocol }
  /** The network of what a search finds, or of a published genotype, trained from scratch. */
  | {
      readonly kind: 'training';
      readonly training: TrainingSettings;
      readonly search?: SearchProtocol;
      /** Epochs of the search after which its genotype is taken; all of them when left out. */
      readonly after?: number;
      readonly genotype?: Genotype;
    }
  /** A linear classifier on the images of a training. */
  | { readonly kind: 'linear'; readonly evaluation: EvaluationProtocol }
  | { readonly kind: 'landscape'; readonly landscape: LandscapeProtocol }
  | { readonly kind: 'path'; readonly path: PathProtocol }
  | { readonly kind: 'condition'; readonly condition: ConditionProtocol }
  | { readonly kind: 'spectrum'; readonly spectrum: SpectrumProtocol }
  /** The loss that a search ends with, on the whole validation half. */
  | { readonly kind: 'validation'; readonly validation: ValidationProtocol }
  | { readonly kind: 'toy'; readonly toy: ToyProtocol }
  /** A search in NAS-Bench-201's space, and what the published table says of what it found. */
  | { readonly kind: 'lookup'; readonly search: SearchProtocol }
  /** That table as a whole. */
  | { readonly kind: 'benchmark'; readonly benchmark: BenchmarkProtocol }
  /** What R-DARTS' authors logged of their searches. */
  | { readonly kind: 'logs'; readonly logs: LogsProtocol };

/** A kind of run. */
export type RunKind = Run['kind'];

/** What the store keeps a run by. */
export type StoredProtocol =
  | SearchProtocol
  | EvaluationProtocol
  | LandscapeProtocol
  | PathProtocol
  | ConditionProtocol
  | SpectrumProtocol
  | ValidationProtocol
  | ToyProtocol
  | LookupProtocol
  | BenchmarkProtocol
  | LogsProtocol;

/** A finished run as the store has it, whatever its kind. */
export type KeptRun = Kept<StoredProtocol, unknown, { readonly seconds: number }>;

/** What a run is told by and seeded with: the record that it is named after. */
export function ownProtocol(run: Run) {
  if (run.kind === 'linear') return run.evaluation;
  if (run.kind === 'lookup') return run.search;
  // A run of every other kind has its record under the name of the kind.
  type Named = {
    [K in Exclude<RunKind, 'linear' | 'lookup'>]: Extract<Run, Readonly<Record<K, unknown>> & { kind: K }>[K];
  };
  return (run as unknown as Named)[run.kind];
}

/** The search of a run, or that of the supernet under its landscape; undefined where there is none. */
export function searchOf(run: Run): SearchProtocol | undefined {
  if (run.kind === 'training' || run.kind === 'search' || run.kind === 'lookup') return run.search;
  return supernetOf(ownProtocol(run));
}

/** The search whose supernet is measured; undefined where none is. */
export function supernetOf(
  protocol: StoredProtocol | ReturnType<typeof ownProtocol>,
): SearchProtocol | undefined {
  const landscape = 'landscape' in protocol ? protocol.landscape : protocol;
  return 'supernet' in landscape ? landscape.supernet : undefined;
}

/** What computing takes besides the protocol. */
export interface ComputeOptions extends KeptOptions {
  readonly data?: string;
  /** Given the grid of a landscape as far as it is there. */
  readonly onGrid?: (grid: LossGrid) => void | Promise<void>;
}

/** One stored run of a cell. */
export interface Part {
  /** Seconds on two cores, an estimate, and those of compiling its network, told apart by `network`. */
  readonly seconds: number;
  readonly network?: { readonly id: string; readonly seconds: number };
  /** What its seconds are reckoned for another machine by. */
  readonly sort: Sort;
  /** Equal for parts that are one run. */
  readonly identity: string;
  /** What to say while it is computed. */
  readonly label: string;
  /** What the store keeps it by, once the parts before it are there. */
  readonly protocol: (before: readonly KeptRun[]) => StoredProtocol;
  /** Whether it is only needed first, and no part of the row. */
  readonly only?: 'needed first';
}

/** What a part is but for its seconds, which take longest to reckon and are not asked for where runs are only looked up. */
const ofProtocol = (protocol: StoredProtocol, label: string = protocol.kind) => ({
  sort: protocol,
  identity: canonicalJson(protocol),
  label,
  protocol: () => protocol,
});

function partOf(protocol: StoredProtocol, label?: string): Part {
  return {
    ...ofProtocol(protocol, label),
    get seconds() {
      return estimatedSeconds(protocol);
    },
  };
}

/** Seconds that a stored run takes on two cores, those of compiling its network aside: an estimate. */
export function estimatedSeconds(protocol: StoredProtocol): number {
  switch (protocol.kind) {
    case 'search':
      return searchSeconds(protocol);
    case 'evaluation':
      // A space has about the same in all of its cells, and this is the one that networks are drawn from most.
      return protocol.network.kind === 'linear'
        ? 1
        : trainingSeconds({ ...protocol, network: protocol.network }, { space: 'darts' });
    case 'landscape':
      return landscapeSeconds(protocol);
    case 'path':
      return pathSeconds(protocol);
    case 'condition':
      return conditionSeconds(protocol);
    case 'spectrum':
      return spectrumSeconds(protocol);
    case 'validation':
      return validationSeconds(protocol);
    case 'toy':
      return toySeconds(protocol);
    case 'lookup':
      return 0.1;
    case 'benchmark':
    case 'logs':
      return 1;
  }
}

function searchPart(search: SearchProtocol, only?: Part['only']): Part {
  return {
    ...ofProtocol(search),
    ...(only ? { only } : {}),
    get seconds() {
      return searchSeconds(search);
    },
    get network() {
      return { id: supernetId(search), seconds: compileSeconds(search) };
    },
  };
}

/** A measurement on a landscape: its supernet's search is needed first. */
function onSupernet(protocol: StoredProtocol, { supernet }: LandscapeProtocol | ValidationProtocol): Part[] {
  return [searchPart(supernet, 'needed first'), partOf(protocol)];
}

/** The search of a training, if it has one, and the training of what is found, or of what is given. */
function trainingParts(run: Extract<Run, { kind: 'training' }>): Part[] {
  const { search, training, genotype, after } = run;
  const trained = (before: readonly KeptRun[]): Genotype => {
    if (genotype) return genotype;
    const { protocol, result } = before[0] as unknown as FinishedSearch;
    return after === undefined ? result.genotype : genotypeAfter(protocol, result, after);
  };
  return [
    ...(search ? [searchPart(search)] : []),
    {
      get seconds() {
        return trainingSeconds(training, search ?? { space: 'darts' });
      },
      sort: { kind: 'evaluation' },
      identity: canonicalJson(run),
      label: 'training',
      protocol: (before) => trainingOf(training, trained(before)),
    },
  ];
}

/** The stored runs that make up a run, in the order in which they are computed. */
export function partsOf(run: Run): Part[] {
  switch (run.kind) {
    case 'search':
      return [searchPart(run.search)];
    case 'training':
      return trainingParts(run);
    case 'linear':
      return [partOf(run.evaluation, 'linear classifier')];
    case 'landscape':
      return onSupernet(run.landscape, run.landscape);
    case 'path':
      return onSupernet(run.path, run.path.landscape);
    case 'condition':
      return onSupernet(run.condition, run.condition.landscape);
    case 'spectrum':
      return onSupernet(run.spectrum, run.spectrum.landscape);
    case 'validation':
      return onSupernet(run.validation, run.validation);
    case 'toy':
      return [partOf(run.toy, run.toy.experiment)];
    case 'lookup':
      return [
        searchPart(run.search),
        {
          seconds: 0.1,
          sort: { kind: 'lookup' },
          identity: canonicalJson(run),
          label: 'lookup',
          protocol: ([search]) => lookupOf(search as unknown as FinishedSearch),
        },
      ];
    case 'benchmark':
      return [partOf(run.benchmark)];
    case 'logs':
      return [partOf(run.logs)];
  }
}

/** A kind of stored run as the library has it; which protocol it takes is for {@link kindOf} to know. */
type StoredKind = Kind<
  StoredProtocol,
  { readonly digest: string },
  unknown,
  { readonly seconds: number },
  ComputeOptions
>;

// Required when they are needed and not imported above: they load TensorFlow, which everything else does without. Not
// `await import`, whose modules the notebook kernel cannot load anew after they were edited.
/* eslint-disable @typescript-eslint/no-require-imports */
function kindOf({ kind }: StoredProtocol): StoredKind {
  if (kind === 'toy') return TOY as unknown as StoredKind;
  if (kind === 'lookup') return LOOKUP as unknown as StoredKind;
  if (kind === 'benchmark') return WHOLE_BENCHMARK as unknown as StoredKind;
  if (kind === 'logs') return SEARCH_LOGS as unknown as StoredKind;
  if (kind === 'evaluation') {
    return (require('../lib/evaluation/run.js') as typeof Evaluation).TRAINING as unknown as StoredKind;
  }
  return (require('../lib/search/run.js') as typeof Runs).SUPERNET_KINDS[kind] as unknown as StoredKind;
}

/** The digest of what a run reads. @throws as lib/datasets/load.ts, loadDataset. */
export async function dataDigest(protocol: StoredProtocol, options: ComputeOptions): Promise<string> {
  return (await kindOf(protocol).data(protocol, options)).digest;
}

/**
 * The finished run that the store has of a protocol; undefined where it has none.
 *
 * @param withState  Whether its last state is wanted too, which a run has that was computed here.
 * @throws as {@link dataDigest}.
 */
export async function storedRun(
  protocol: StoredProtocol,
  options: ComputeOptions,
  withState = false,
): Promise<KeptRun | undefined> {
  const { home } = options;
  const dataset = await dataDigest(protocol, options);
  const run = openRun({ protocol, dataDigest: dataset, home });
  const record = run.record() as unknown as Pick<KeptRun, 'result' | 'provenance'> | undefined;
  if (!record || (withState && !run.latestCheckpoint())) return undefined;
  return { protocol, result: record.result, provenance: record.provenance, key: run.key, known: true };
}

/** The run through the store: a finished one at once, an interrupted one from its last state on. */
export function runStored(protocol: StoredProtocol, options: ComputeOptions): Promise<KeptRun> {
  return runKind(kindOf(protocol), protocol, options);
}

/**
 * A search too short to say anything, which makes the engine compile the network of the real one: without it the first
 * search on each network would be timed with its compilation.
 */
export async function warmUp(protocol: SearchProtocol, options: ComputeOptions): Promise<void> {
  const { search } = require('../lib/search/search.js') as typeof Search;
  const { searchData } = require('../lib/search/run.js') as typeof Runs;
  const trainSize = 2 * protocol.batchSize * updatePeriod(protocol);
  if (trainSize > protocol.dataset.trainSize) return;
  const short = ['epochs=1', 'warmupEpochs=0', `dataset.trainSize=${trainSize}`, 'solver.samples=1'];
  const paths = settablePaths(SEARCH.schema, protocol);
  const own = short.filter((each) => paths.includes(each.split('=')[0]));
  await search(applySet(protocol, ...own), { dataset: await searchData(protocol, options) });
}
/* eslint-enable @typescript-eslint/no-require-imports */

/** The parts of a search that decide what the engine compiles for it. */
function supernetId(search: SearchProtocol): string {
  const { space, cells, channels, batchSize, solver, dataset } = search;
  const { partialChannels, dropPath, perturbation, stability } = search;
  return canonicalJson({
    space,
    cells,
    channels,
    batchSize,
    image: dataset.imageSide,
    zeroOrder: isZeroOrder(solver),
    drawn: isDrawn(solver),
    partialChannels: partialChannels ?? null,
    reforms: [dropPath, perturbation, stability].map((group) => group !== undefined),
  });
}

/** What every row has of a run of this seed, on these images. */
function baseRow({ protocol: { seed, dataset }, provenance }: FinishedSearch | FinishedEvaluation) {
  return {
    seed,
    /** As the protocols name it. */
    dataset: dataset.name as string,
    /** Seconds of computing where it was made. */
    seconds: provenance.seconds,
  };
}

/** What rows of networks searched have. */
function searched({ protocol, result, provenance }: FinishedSearch) {
  const { weightSteps, fineTuneSteps, alphaUpdates } = searchWork(protocol);
  return {
    search: protocol,
    /** The search's own epochs. */
    epochs: result.epochs,
    /** The final ones. */
    alpha: result.alpha,
    searchSeconds: provenance.seconds,
    /** Where the search was timed; machines alike in both are not told apart. */
    machine: `${provenance.processor}, ${provenance.cores} cores`,
    /** SGD steps on ω and on candidates, and alpha updates, of the search. */
    ...{ weightSteps, fineTuneSteps, alphaUpdates },
  };
}

function searchRow(found: FinishedSearch) {
  const { genotype, supernetParameters } = found.result;
  return {
    kind: 'search' as const,
    space: spaceName(found.protocol),
    supernetParameters,
    genotype,
    ...baseRow(found),
    ...searched(found),
  };
}

function linearRow(found: FinishedEvaluation) {
  const { test, classes } = found.result;
  return { kind: 'linear' as const, ...baseRow(found), errorPct: test.errorPct, classes };
}

/**
 * A trained network's row; with what its search gave where there is one.
 *
 * @param as  The space that it stands for, where searches in another one are the same.
 */
function trainingRow(trained: FinishedEvaluation, found: FinishedSearch | undefined, as?: string) {
  const { protocol, result, provenance } = trained;
  const { network, dataset, preset } = protocol;
  if (network.kind === 'linear') throw new ZartsError('A linear classifier is no trained network of cells.');
  const { genotype } = network;
  // Cells that no search of ours found are the DARTS space's; of those made by hand beside Table 2's the paper trains none.
  const space = found ? (as ?? spaceName(found.protocol)) : 'darts';
  const paper =
    !found && preset === 'table-2'
      ? withoutGenotype(protocol)
      : trainingSettings({ preset, dataset: dataset.name, space }, 'full');
  const { noisePasses, classes } = result;
  return {
    kind: 'training' as const,
    ...baseRow(trained),
    ...(found && dataset.name !== 'imagenet' ? { dataset: found.protocol.dataset.name as string } : {}),
    space,
    ...(found ? searched(found) : ({} as Partial<ReturnType<typeof searched>>)),
    genotype,
    /** Percent of the test images that are classified wrongly after the last epoch: the result. */
    errorPct: result.test.errorPct,
    testImages: dataset.testSize,
    classes,
    /** The lowest of all epochs, chosen on the test images and therefore optimistic. */
    bestEpochErrorPct: result.best.errorPct,
    /** Mean over further passes with other draws, for a network with the noise operation; null for others. */
    noisePassesPct: noisePasses && noisePasses.reduce((sum, each) => sum + each, 0) / noisePasses.length,
    /** Of the network that was trained. */
    ...countsOf(protocol, classes),
    /** Parameters without auxiliary head of the network that the paper would train from these cells, if it would. */
    fullParameters: countsOf(trainingOf(paper, genotype), classes).parameters,
    trainingSeconds: provenance.seconds,
    /** "official", "subset", "synthetic". */
    coverage: provenance.data.coverage,
  };
}

function toyRow({ protocol, result }: KeptRun) {
  const toy = protocol as ToyProtocol;
  return { kind: 'toy' as const, seed: toy.seed, toy, ...(result as ToyResult) };
}

/** A search's row with what it went through, and what is known of that. */
function lookupRow(found: FinishedSearch, looked: KeptRun) {
  const { architectures } = looked.protocol as LookupProtocol;
  return {
    ...searchRow(found),
    kind: 'lookup' as const,
    passed: passedBy(found),
    /** Numbers of the architectures that were looked up. */
    architectures,
    looked: looked.result as LookupResult,
  };
}

/** {@link bitsOf} of a run's provenance. */
function bitsText(provenance: KeptRun['provenance']): string | undefined {
  const { engine = null, ...machine } = provenance as Partial<Machine> & { readonly engine?: EngineFacts };
  return machine.processor === undefined ? undefined : canonicalJson(bitsOf(engine, machine as Machine));
}

/** What rows of landscapes, and of what lies on them, have; the results are what the store has. */
function landscapeRow({ protocol, result, provenance }: KeptRun) {
  const stored = protocol as LandscapeProtocol | PathProtocol;
  const landscape = stored.kind === 'landscape' ? stored : stored.landscape;
  const { omega, normalization, supernet } = landscape;
  return {
    seed: stored.seed,
    dataset: supernet.dataset.name as string,
    space: spaceName(supernet),
    landscape,
    estimate: omega.kind,
    /** M, where weights are fine-tuned. */
    iterations: omega.kind === 'finetuned' ? omega.iterations : null,
    normalization,
    /** What decides the last bits where it was computed, and so which supernet it is of; undefined while it is under way. */
    bits: bitsText(provenance),
    seconds: provenance.seconds,
    ...('solver' in stored ? { solver: stored.solver } : {}),
    ...(result as object),
  };
}

function validationRow({ protocol, result, provenance }: KeptRun) {
  const { seed, supernet } = protocol as ValidationProtocol;
  return {
    kind: 'validation' as const,
    seed,
    dataset: supernet.dataset.name as string,
    search: supernet,
    seconds: provenance.seconds,
    ...(result as ValidationResult),
  };
}

type OnLandscapeRow = Omit<ReturnType<typeof landscapeRow>, 'solver'>;

/** The row of each kind of run. */
interface Rows {
  readonly search: Readonly<ReturnType<typeof searchRow>>;
  readonly training: Readonly<ReturnType<typeof trainingRow>>;
  readonly linear: Readonly<ReturnType<typeof linearRow>>;
  readonly landscape: OnLandscapeRow & LandscapeResult & { readonly kind: 'landscape' };
  readonly path: OnLandscapeRow & PathResult & Pick<PathProtocol, 'kind' | 'solver'>;
  readonly condition: OnLandscapeRow & ConditionResult & { readonly kind: 'condition' };
  readonly spectrum: OnLandscapeRow & SpectrumResult & { readonly kind: 'spectrum' };
  readonly validation: Readonly<ReturnType<typeof validationRow>>;
  readonly toy: ReturnType<typeof toyRow>;
  readonly lookup: Readonly<ReturnType<typeof lookupRow>>;
  readonly benchmark: { readonly kind: 'benchmark'; readonly seed: number; readonly found: BenchmarkResult };
  readonly logs: { readonly kind: 'logs'; readonly seed: number; readonly found: LogsResult };
}

/** The row of a kind of run. */
export type RowOf<K extends RunKind> = Rows[K];
export type TrainingRow = RowOf<'training'>;
export type LinearRow = RowOf<'linear'>;

/** The numbers of a finished run. @param axes  What tells it from others. */
export function rowOf(
  kind: RunKind,
  kept: readonly KeptRun[],
  { space }: Readonly<Record<string, string | number>> = {},
): Rows[RunKind] {
  const [first, second] = kept as unknown as [FinishedSearch & FinishedEvaluation, FinishedEvaluation?];
  switch (kind) {
    case 'search':
      return searchRow(first);
    case 'training':
      return second ? trainingRow(second, first, space as string | undefined) : trainingRow(first, undefined);
    case 'linear':
      return linearRow(first);
    case 'validation':
      return validationRow(kept[0]);
    case 'toy':
      return toyRow(kept[0]);
    case 'lookup':
      return lookupRow(first, kept[1]);
    case 'benchmark':
    case 'logs':
      // The kind says whose results they are.
      return { kind, seed: kept[0].protocol.seed, found: kept[0].result } as Rows[typeof kind];
    default:
      // The kind says which of the results it is.
      return { kind, ...landscapeRow(kept[0]) } as unknown as Rows[typeof kind];
  }
}

/** Parameters without auxiliary head, and multiply-adds for one image, of a network of cells. */
export function countsOf({ network, dataset }: EvaluationProtocol, classes: number) {
  if (network.kind === 'linear') throw new ZartsError('A linear classifier has no cells to count.');
  const image = { height: dataset.imageSide, width: dataset.imageSide };
  const counts = countNetwork(network.genotype, { ...network, classes }, image).network;
  return { parameters: counts.parameters, multiplyAdds: multiplyAdds(counts) };
}
