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
import { canonicalJson } from '../lib/runs/canonical.js';
import { runKind } from '../lib/runs/kept.js';
import type { Kept, KeptOptions, Kind } from '../lib/runs/kept.js';
import { genotypeAfter } from '../lib/search/derived.js';
import type { ConditionResult } from '../lib/search/condition.js';
import type { EpochRecord } from '../lib/search/epoch.js';
import type {
  ConditionProtocol,
  LandscapeProtocol,
  PathProtocol,
  SpectrumProtocol,
} from '../lib/search/landscape-protocol.js';
import type { LandscapeResult } from '../lib/search/landscape.js';
import type { PathResult } from '../lib/search/paths.js';
import { applySet, isZeroOrder, SEARCH, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import type * as Runs from '../lib/search/run.js';
import type { FinishedSearch } from '../lib/search/run.js';
import type * as Search from '../lib/search/search.js';
import type { SpectrumResult } from '../lib/search/spectrum.js';
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
} from './cost.js';
import { TOY, toySeconds } from './toy.js';
import type { ToyProtocol, ToyResult } from './toy.js';
import { trainingOf, trainingSettings } from './training.js';
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
  | { readonly kind: 'toy'; readonly toy: ToyProtocol };

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
  | ToyProtocol;

/** A finished run as the store has it, whatever its kind. */
export type KeptRun = Kept<StoredProtocol, unknown, { readonly seconds: number }>;

/** What a run's equals have in common. */
export function runIdentity(run: Run): unknown {
  return run;
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
  /** Equal for parts that are one run. */
  readonly identity: string;
  /** What to say while it is computed. */
  readonly label: string;
  /** What the store keeps it by, once the parts before it are there. */
  readonly protocol: (before: readonly KeptRun[]) => StoredProtocol;
  /** Whether it is only needed first, and no part of the row. */
  readonly only?: 'needed first';
}

function searchPart(search: SearchProtocol, only?: 'needed first'): Part {
  return {
    seconds: searchSeconds(search),
    network: { id: supernetId(search), seconds: compileSeconds(search) },
    identity: canonicalJson(search),
    label: 'search',
    protocol: () => search,
    ...(only ? { only } : {}),
  };
}

/** A measurement on a landscape: its supernet's search is needed first. */
function onSupernet(protocol: StoredProtocol, landscape: LandscapeProtocol, seconds: number): Part[] {
  return [
    searchPart(landscape.supernet, 'needed first'),
    { seconds, identity: canonicalJson(protocol), label: protocol.kind, protocol: () => protocol },
  ];
}

/** The stored runs that make up a run, in the order in which they are computed. */
export function partsOf(run: Run): Part[] {
  switch (run.kind) {
    case 'search':
      return [searchPart(run.search)];
    case 'training': {
      const { search, training, genotype, after } = run;
      const trained = (before: readonly KeptRun[]): Genotype => {
        if (genotype) return genotype;
        const found = before[0] as unknown as FinishedSearch;
        return after === undefined
          ? found.result.genotype
          : genotypeAfter(found.protocol, found.result, after);
      };
      return [
        ...(search ? [searchPart(search)] : []),
        {
          seconds: trainingSeconds(training, search ?? { space: 'darts' }),
          identity: canonicalJson(run),
          label: 'training',
          protocol: (before) => trainingOf(training, trained(before)),
        },
      ];
    }
    case 'linear':
      return [
        {
          seconds: 1,
          identity: canonicalJson(run.evaluation),
          label: 'linear classifier',
          protocol: () => run.evaluation,
        },
      ];
    case 'landscape':
      return onSupernet(run.landscape, run.landscape, landscapeSeconds(run.landscape));
    case 'path':
      return onSupernet(run.path, run.path.landscape, pathSeconds(run.path));
    case 'condition':
      return onSupernet(run.condition, run.condition.landscape, conditionSeconds(run.condition));
    case 'spectrum':
      return onSupernet(run.spectrum, run.spectrum.landscape, spectrumSeconds(run.spectrum));
    case 'toy':
      return [
        {
          seconds: toySeconds(run.toy),
          identity: canonicalJson(run.toy),
          label: run.toy.experiment,
          protocol: () => run.toy,
        },
      ];
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
  if (kind === 'evaluation') {
    return (require('../lib/evaluation/run.js') as typeof Evaluation).TRAINING as unknown as StoredKind;
  }
  return (require('../lib/search/run.js') as typeof Runs).SUPERNET_KINDS[kind] as unknown as StoredKind;
}

/** The digest of what a run reads. @throws as lib/datasets/load.ts, loadDataset. */
export async function dataDigest(protocol: StoredProtocol, options: ComputeOptions): Promise<string> {
  return (await kindOf(protocol).data(protocol, options)).digest;
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
    partialChannels: partialChannels ?? null,
    reforms: [dropPath, perturbation, stability].map((group) => group !== undefined),
  });
}

/** What every row has. */
interface BaseRow {
  readonly seed: number;
  /** As the protocols name it. */
  readonly dataset: string;
  /** Seconds of computing where it was made. */
  readonly seconds: number;
}

/** What rows of networks searched have. */
interface SearchedRow extends BaseRow {
  readonly genotype: Genotype;
  /** The search's own epochs. */
  readonly epochs: readonly EpochRecord[];
  readonly searchSeconds: number;
  /** SGD steps on ω and on candidates, and alpha updates, of the search. */
  readonly weightSteps: number;
  readonly fineTuneSteps: number;
  readonly alphaUpdates: number;
}

/** A search's row. */
export interface SearchRow extends SearchedRow {
  readonly kind: 'search';
  readonly space: string;
  readonly supernetParameters: number;
  /** Classes of its images. */
  readonly search: SearchProtocol;
}

/** A trained network's row; what its search gave where there is one. */
export interface TrainingRow extends Partial<Omit<SearchedRow, keyof BaseRow | 'genotype'>>, BaseRow {
  readonly kind: 'training';
  readonly space: string;
  readonly genotype: Genotype;
  readonly search?: SearchProtocol;
  /** Percent of the test images that are classified wrongly after the last epoch: the result. */
  readonly errorPct: number;
  readonly testImages: number;
  readonly classes: number;
  /** The lowest of all epochs, chosen on the test images and therefore optimistic. */
  readonly bestEpochErrorPct: number;
  /** Mean over further passes with other draws, for a network with the noise operation; null for others. */
  readonly noisePassesPct: number | null;
  /** Parameters without auxiliary head, and multiply-adds for one image, of the network that was trained. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Parameters without auxiliary head of the network that the paper would train from these cells. */
  readonly fullParameters: number;
  readonly trainingSeconds: number;
  /** "official", "subset", "synthetic". */
  readonly coverage: string;
}

/** A linear classifier's row. */
export interface LinearRow extends BaseRow {
  readonly kind: 'linear';
  readonly errorPct: number;
  readonly classes: number;
}

interface OnLandscapeRow extends BaseRow {
  readonly space: string;
  readonly landscape: LandscapeProtocol;
  readonly estimate: LandscapeProtocol['omega']['kind'];
  /** M, where weights are fine-tuned. */
  readonly iterations: number | null;
  readonly normalization: LandscapeProtocol['normalization'];
}

/** The row of each kind of run. */
interface Rows {
  readonly search: SearchRow;
  readonly training: TrainingRow;
  readonly linear: LinearRow;
  readonly landscape: OnLandscapeRow & LandscapeResult & { readonly kind: 'landscape' };
  readonly path: OnLandscapeRow &
    PathResult & { readonly kind: 'path'; readonly solver: PathProtocol['solver'] };
  readonly condition: OnLandscapeRow & ConditionResult & { readonly kind: 'condition' };
  readonly spectrum: OnLandscapeRow & SpectrumResult & { readonly kind: 'spectrum' };
  readonly toy: { readonly kind: 'toy'; readonly seed: number; readonly toy: ToyProtocol } & ToyResult;
}

/** The row of a kind of run. */
export type RowOf<K extends RunKind> = Rows[K];

/** The numbers of a finished run. */
export function rowOf(kind: RunKind, kept: readonly KeptRun[]): Rows[RunKind] {
  switch (kind) {
    case 'search':
      return searchRow(kept[0] as unknown as FinishedSearch);
    case 'training':
      return trainingRow(kept);
    case 'linear': {
      const { protocol, result, provenance } = kept[0] as unknown as FinishedEvaluation;
      const { seed, dataset } = protocol;
      const { test, classes } = result;
      return {
        kind,
        seed,
        dataset: dataset.name,
        seconds: provenance.seconds,
        errorPct: test.errorPct,
        classes,
      };
    }
    case 'toy': {
      const [{ protocol, result }] = kept;
      const toy = protocol as ToyProtocol;
      return { kind, seed: toy.seed, toy, ...(result as ToyResult) };
    }
    default:
      return landscapeRow(kind, kept[0]);
  }
}

function searched({ protocol, result, provenance }: FinishedSearch): Omit<SearchedRow, keyof BaseRow> {
  const { weightSteps, fineTuneSteps, alphaUpdates } = searchWork(protocol);
  const { genotype, epochs } = result;
  return { genotype, epochs, searchSeconds: provenance.seconds, weightSteps, fineTuneSteps, alphaUpdates };
}

function searchRow(found: FinishedSearch): SearchRow {
  const { protocol, result, provenance } = found;
  return {
    kind: 'search',
    seed: protocol.seed,
    dataset: protocol.dataset.name,
    space: spaceName(protocol),
    search: protocol,
    seconds: provenance.seconds,
    supernetParameters: result.supernetParameters,
    ...searched(found),
  };
}

function trainingRow(kept: readonly KeptRun[]): TrainingRow {
  const { protocol, result, provenance } = kept[kept.length - 1] as unknown as FinishedEvaluation;
  const found = kept.length > 1 ? (kept[0] as unknown as FinishedSearch) : undefined;
  const { network, dataset, preset } = protocol;
  if (network.kind === 'linear') throw new ZartsError('A linear classifier is no trained network of cells.');
  const { genotype } = network;
  // Cells that no search of ours found are the DARTS space's.
  const space = found ? spaceName(found.protocol) : 'darts';
  const own = countsOf(protocol, result.classes);
  const choice = { preset, dataset: dataset.name, space };
  const { noisePasses } = result;
  return {
    kind: 'training',
    seed: protocol.seed,
    dataset: found && dataset.name !== 'imagenet' ? found.protocol.dataset.name : dataset.name,
    space,
    ...(found ? { search: found.protocol, ...searched(found) } : {}),
    genotype,
    errorPct: result.test.errorPct,
    testImages: dataset.testSize,
    classes: result.classes,
    bestEpochErrorPct: result.best.errorPct,
    noisePassesPct: noisePasses && noisePasses.reduce((sum, each) => sum + each, 0) / noisePasses.length,
    parameters: own.parameters,
    multiplyAdds: own.multiplyAdds,
    fullParameters: countsOf(trainingOf(trainingSettings(choice, 'full'), genotype), result.classes)
      .parameters,
    seconds: provenance.seconds,
    trainingSeconds: provenance.seconds,
    coverage: provenance.data.coverage,
  };
}

/** Parameters without auxiliary head, and multiply-adds for one image, of a network of cells. */
export function countsOf(
  { network, dataset }: EvaluationProtocol,
  classes: number,
): { readonly parameters: number; readonly multiplyAdds: number } {
  if (network.kind === 'linear') throw new ZartsError('A linear classifier has no cells to count.');
  const image = { height: dataset.imageSide, width: dataset.imageSide };
  const counts = countNetwork(network.genotype, { ...network, classes }, image).network;
  return { parameters: counts.parameters, multiplyAdds: multiplyAdds(counts) };
}

function landscapeRow(
  kind: 'landscape' | 'path' | 'condition' | 'spectrum',
  { protocol, result, provenance }: KeptRun,
): Rows[RunKind] {
  const stored = protocol as LandscapeProtocol | PathProtocol;
  const landscape = stored.kind === 'landscape' ? stored : stored.landscape;
  const { omega, normalization, supernet } = landscape;
  return {
    kind,
    seed: stored.seed,
    dataset: supernet.dataset.name,
    space: spaceName(supernet),
    landscape,
    estimate: omega.kind,
    iterations: omega.kind === 'finetuned' ? omega.iterations : null,
    normalization,
    seconds: provenance.seconds,
    ...('solver' in stored ? { solver: stored.solver } : {}),
    ...(result as object),
    // The kind says which of the results it is.
  } as unknown as Rows[RunKind];
}
