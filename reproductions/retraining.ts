/**
 * Searches whose networks are trained from scratch: what the paper's Tables 2, 3, 5, 6 and 7 are made of. A run is a search
 * and the training that follows it; both are kept in the run store on their own, so that tables share what they have in
 * common and only what changed is computed.
 */
import type { Dataset } from '../lib/datasets/load.js';
import { UsageError, unknownName } from '../lib/errors.js';
import { countNetwork, multiplyAdds } from '../lib/evaluation/count.js';
import type { EvaluationCaps, EvaluationChoice } from '../lib/evaluation/presets.js';
import {
  evaluationBudget,
  fullEvaluation,
  linearBaseline,
  openEvaluationSettings,
} from '../lib/evaluation/presets.js';
import { parseEvaluation, setEvaluation, settableFields } from '../lib/evaluation/protocol.js';
import type { EvaluationProtocol, NetworkProtocol } from '../lib/evaluation/protocol.js';
import type * as Evaluation from '../lib/evaluation/run.js';
import type { Progress } from '../lib/progress.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { openRun } from '../lib/runs/store.js';
import { applySet, isZeroOrder, settablePaths, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import { genotypeAfter } from '../lib/search/derived.js';
import { openSettings } from '../lib/search/presets.js';
import type { OpenSetting } from '../lib/search/presets.js';
import type * as Run from '../lib/search/run.js';
import type * as Search from '../lib/search/search.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { estimateSeconds, estimateTrainingSeconds, searchWork } from './cost.js';
import type { SearchWork } from './cost.js';
import type { Environment, MeasureContext, Measured, Parts, Protocol } from './reproduction.js';
import { indexOfEqual, lackingImages } from './searches.js';

/** The settings of a training before it is known what is trained. */
export type TrainingSettings = Omit<EvaluationProtocol, 'network'> & {
  readonly network: Omit<NetworkProtocol, 'genotype'>;
};

/** Settings that tell a run of a sweep from the others. */
export type Factors = Readonly<Record<string, string | number>>;

/** A search, and the training of the network that it finds. */
export interface Retraining extends Protocol {
  readonly kind: 'retraining';
  /** The method that the table has a column or row for; tables say what it means. */
  readonly method: string;
  /** What a sweep varies, by name. */
  readonly factors?: Factors;
  /** Epochs of the search after which its genotype is taken; all of them when left out. The search records its alphas. */
  readonly after?: number;
  readonly search: SearchProtocol;
  readonly training: TrainingSettings;
}

/** Whether a run is a search with the training of its network. */
export function isRetraining(protocol: Protocol): protocol is Retraining {
  return protocol.kind === 'retraining';
}

/** Stands where settings have to be checked before the genotype is known; nothing of it stays in them. */
const ANY_GENOTYPE = KNOWN_GENOTYPES.DARTS_V2;

/** At `laptop` a table's dozens of trainings get less than a single one does: about a minute each on two cores. */
const CAPS_IN_TABLES: Partial<Record<Budget, Partial<EvaluationCaps>>> = {
  laptop: { imageSide: 16, epochs: 12 },
};

/**
 * The settings of a training for a budget, one of many.
 *
 * @param set  `path=value`, as lib/evaluation/protocol.ts, setEvaluation.
 * @throws {UsageError} for a setting that does not exist or is out of range.
 */
export function trainingSettings(
  choice: EvaluationChoice,
  budget: Budget,
  set: readonly string[] = [],
): TrainingSettings {
  const full = fullEvaluation(ANY_GENOTYPE, choice);
  const { network } = full;
  const caps = network.kind === 'genotype' && network.form === 'cifar' ? CAPS_IN_TABLES[budget] : undefined;
  return withoutGenotype(setEvaluation(evaluationBudget(full, budget, caps), ...set));
}

function withoutGenotype(protocol: EvaluationProtocol): TrainingSettings {
  const { network, ...rest } = protocol;
  if (network.kind === 'linear') throw new UsageError('A linear classifier has no genotype to leave out.');
  const { kind, form, cells, channels, auxiliaryWeight, dropPath } = network;
  return { ...rest, network: { kind, form, cells, channels, auxiliaryWeight, dropPath } };
}

/** The evaluation of a genotype by these settings. */
export function trainingOf(settings: TrainingSettings, genotype: Genotype): EvaluationProtocol {
  return parseEvaluation({ ...settings, network: { ...settings.network, genotype } });
}

/** The evaluation of some genotype or other by these settings, for what does not depend on it: images, sizes. */
export function anyTrainingOf(settings: TrainingSettings): EvaluationProtocol {
  return trainingOf(settings, ANY_GENOTYPE);
}

/** The linear baseline on the images of these settings. */
export function baselineOf(settings: TrainingSettings): EvaluationProtocol {
  return linearBaseline(anyTrainingOf({ ...settings, seed: 0 }));
}

/** Settings of a run that the paper leaves open: the search's, and the training's with the prefix that sets them. */
export function retrainingOpenSettings({ search, training }: Retraining): OpenSetting[] {
  return [
    ...openSettings(search),
    ...openEvaluationSettings(anyTrainingOf(training)).map(({ path, ...rest }) => ({
      path: `${TRAINING_PREFIX}${path}`,
      ...rest,
    })),
  ];
}

/** How the settings of a training are told from a search's where both are given by hand. */
const TRAINING_PREFIX = 'training.';

/** Settings given by hand, sorted by what they belong to. */
export interface SortedSettings {
  /** Applied to every search that has the setting. */
  readonly search: readonly string[];
  readonly training: readonly string[];
  /** The table's own, e.g. which methods it has. */
  readonly grid: readonly string[];
}

/**
 * Sorts settings: `training.epochs=3` is the training's, one of the table's own names the table's, any other the searches'.
 *
 * @param searches   The searches that a setting may belong to.
 * @param training   A training's settings.
 * @param gridPaths  The table's own names.
 * @throws {UsageError} for text that is not path=value and for a path that nothing has, with the nearest that something has.
 */
export function sortSettings(
  set: readonly string[],
  searches: readonly SearchProtocol[],
  training: TrainingSettings,
  gridPaths: readonly string[],
): SortedSettings {
  const searchPaths = [...new Set(searches.flatMap(settablePaths))].filter((path) => path !== 'seed');
  const trainingPaths = settableFields(anyTrainingOf(training))
    .filter((path) => path !== 'seed')
    .map((path) => `${TRAINING_PREFIX}${path}`);
  const sorted: Record<keyof SortedSettings, string[]> = { search: [], training: [], grid: [] };
  for (const assignment of set) {
    const at = assignment.indexOf('=');
    const path = assignment.slice(0, Math.max(0, at)).trim();
    if (at < 1) {
      throw new UsageError(
        `The setting "${assignment}" is not path=value; write for example training.epochs=20.`,
      );
    }
    if (path === 'seed' || path === `${TRAINING_PREFIX}seed`) {
      throw new UsageError(`${path} cannot be set: choose how many seeds with --seeds.`);
    }
    if (gridPaths.includes(path)) sorted.grid.push(assignment);
    else if (trainingPaths.includes(path))
      sorted.training.push(assignment.trim().slice(TRAINING_PREFIX.length));
    else if (searchPaths.includes(path)) sorted.search.push(assignment);
    else throw unknownName('setting', path, [...gridPaths, ...trainingPaths, ...searchPaths]);
  }
  return sorted;
}

/** The search with those of the settings that it has. */
export function withOwnSettings(search: SearchProtocol, set: readonly string[]): SearchProtocol {
  const paths = settablePaths(search);
  return applySet(search, ...set.filter((each) => paths.includes(each.split('=')[0].trim())));
}

/** A run as measured. Plain JSON. */
export interface RetrainedRun {
  readonly method: string;
  readonly factors?: Factors;
  readonly dataset: string;
  readonly space: string;
  readonly seed: number;
  /** Keys in the run store. */
  readonly searchKey: string;
  readonly trainingKey: string;
  readonly genotype: Genotype;
  /** Percent of the test images that are classified wrongly after the last epoch: the result. */
  readonly errorPct: number;
  readonly testImages: number;
  /** The lowest of all epochs, chosen on the test images and therefore optimistic. */
  readonly bestEpoch: { readonly epoch: number; readonly errorPct: number };
  /** Mean over further passes with other draws, for a network with the noise operation; null for others. */
  readonly noisePassesPct: number | null;
  /** Parameters without auxiliary head, and multiply-adds for one image, of the network that was trained. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Parameters without auxiliary head of the network that the paper would train from these cells. */
  readonly fullParameters: number;
  /** Seconds of computing where each was made. */
  readonly searchSeconds: number;
  /** SGD steps on ω and on candidates, and alpha updates, of the search. */
  readonly searchWork: Pick<SearchWork, 'weightSteps' | 'fineTuneSteps' | 'alphaUpdates'>;
  readonly trainingSeconds: number;
  /** Which of the result's environments the search and the training were made in. */
  readonly environments: readonly [search: number, training: number];
}

/** The linear classifier on the same images, as measured. */
export interface BaselineRun {
  readonly dataset: string;
  readonly errorPct: number;
  readonly classes: number;
}

/** What runs of searches and trainings give. Plain JSON. */
export interface Retrained extends Measured {
  readonly budget: Budget;
  /** In the order of the protocols. */
  readonly runs: readonly RetrainedRun[];
  readonly parts: Parts;
  /** For each data set that was trained on, the linear baseline; none at full budget. */
  readonly baselines: readonly BaselineRun[];
  /** Data sets that are not here, each with what to do about it. */
  readonly missing: readonly { readonly dataset: string; readonly reason: string }[];
}

/** Images of a run's two halves, and where they come from. */
interface Source {
  readonly data?: string;
}

/** What {@link runRetrainings} is told besides the context. */
export interface RetrainingOptions {
  /** The paper's own training of a run, whose network is counted. */
  readonly paperTraining: (protocol: Retraining) => TrainingSettings;
  /** Given what is there whenever a training was computed. */
  readonly onPartial?: (soFar: Retrained) => void | Promise<void>;
  /** Given every search when it is there, before its networks are trained; with the number of classes of its images. */
  readonly onSearched?: (protocol: Retraining, searched: Run.FinishedSearch, classes: number) => void;
}

/**
 * Runs every search and training that the store does not have, with one progress phase over all of them, in seconds as
 * estimated. Runs whose data set is not here are left out; {@link Retrained.missing} says so.
 *
 * @throws {UsageError} for no protocols; as lib/search/run.ts, runSearch, and lib/evaluation/run.ts, runEvaluation.
 */
export async function runRetrainings(
  protocols: readonly Retraining[],
  context: MeasureContext,
  { paperTraining, onPartial, onSearched }: RetrainingOptions,
): Promise<Retrained> {
  const { title, runs: home, data, progress, signal } = context;
  if (protocols.length === 0) throw new UsageError(`${title}: there is nothing to run.`);
  // Required here and not imported above: they load TensorFlow, which everything else in this file does without. Not
  // `await import`, whose modules the notebook kernel cannot load anew after they were edited.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { runSearch, searchData } = require('../lib/search/run.js') as typeof Run;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { runEvaluation } = require('../lib/evaluation/run.js') as typeof Evaluation;
  const place = home === undefined ? {} : { home };
  const source: Source = data === undefined ? {} : { data };
  const [{ budget }] = protocols;

  const missing: { dataset: string; reason: string }[] = [];
  for (const first of firstOfEach(protocols, datasetOf)) {
    const reason = await lackingImages(title, first.search, context);
    if (reason !== undefined) missing.push({ dataset: datasetOf(first), reason });
  }
  const present = protocols.filter((each) => !missing.some(({ dataset }) => dataset === datasetOf(each)));
  const costs = retrainingCosts(present);
  const states: { searched: boolean; trained: boolean }[] = [];
  for (const each of present) states.push(await stateOf(each, source, home));
  const total = costs.reduce((sum, { search, training }) => sum + search + training, 0);
  let done = costs.reduce(
    (sum, cost, i) => sum + (states[i].searched ? cost.search : 0) + (states[i].trained ? cost.training : 0),
    0,
  );
  const phase = progress?.start(`${title} (s, estimated)`, Math.ceil(total), Math.floor(done));

  const environments: Environment[] = [];
  const runs: RetrainedRun[] = [];
  const baselines: BaselineRun[] = [];
  const soFar = (): Retrained => ({
    budget,
    environments: [...environments],
    runs: [...runs],
    parts: { done: runs.length, of: protocols.length },
    baselines: [...baselines],
    missing,
    ...(missing.length > 0 && present.length === 0
      ? { lacking: missing.map(({ reason }) => reason).join(' ') }
      : {}),
  });
  /** What is told of one part, as a share of its estimated seconds. */
  const part = (seconds: number, known: boolean, label: string): Progress => ({
    start: (_, steps) => ({
      update: (at, note) => {
        const share = known ? 0 : (seconds * at) / steps;
        phase?.update(Math.floor(done + share), note ? `${label}, ${note}` : label);
      },
      end: () => undefined,
    }),
  });
  let compiled = '';
  try {
    if (budget !== 'full') {
      for (const protocol of firstOfEach(present, datasetOf)) {
        const { result } = await runEvaluation(baselineOf(protocol.training), {
          ...place,
          ...source,
          ...(signal ? { signal } : {}),
        });
        baselines.push({
          dataset: datasetOf(protocol),
          errorPct: result.test.errorPct,
          classes: result.classes,
        });
      }
    }
    for (const [i, protocol] of present.entries()) {
      const { search, method, seed, factors } = protocol;
      const where = `${spaceName(search).toUpperCase()}, ${method}, seed ${seed}`;
      const label = `run ${i + 1}/${present.length} (${where})`;
      const common = { ...place, ...source, ...(signal ? { signal } : {}) };
      const network = supernetOf(search);
      if (!states[i].searched && network !== compiled) {
        phase?.update(Math.floor(done), `${label}, compiling the supernet`);
        await warmUp(search, source);
      }
      if (!states[i].searched) compiled = network;
      const searched = await runSearch(search, {
        ...common,
        progress: part(costs[i].search, states[i].searched, `${label} search`),
      });
      if (!states[i].searched) done += costs[i].search;
      onSearched?.(protocol, searched, (await searchData(search, source)).classes.length);
      const genotype = genotypeOf(protocol, searched.result);
      const evaluation = trainingOf(protocol.training, genotype);
      const trained = await runEvaluation(evaluation, {
        ...common,
        progress: part(costs[i].training, states[i].trained, `${label} training`),
      });
      if (!states[i].trained) done += costs[i].training;
      const { weightSteps, fineTuneSteps, alphaUpdates } = searchWork(search);
      runs.push({
        method,
        ...(factors ? { factors } : {}),
        dataset: datasetOf(protocol),
        space: spaceName(search),
        seed,
        searchKey: searched.key,
        trainingKey: trained.key,
        genotype,
        errorPct: trained.result.test.errorPct,
        testImages: evaluation.dataset.testSize,
        bestEpoch: trained.result.best,
        noisePassesPct: meanOf(trained.result.noisePasses),
        ...sizesOf(evaluation, trainingOf(paperTraining(protocol), genotype), trained.result.classes),
        searchWork: { weightSteps, fineTuneSteps, alphaUpdates },
        searchSeconds: searched.provenance.seconds,
        trainingSeconds: trained.provenance.seconds,
        environments: [
          indexOfEqual(environments, environmentOf(searched.provenance)),
          indexOfEqual(environments, environmentOf(trained.provenance)),
        ],
      });
      phase?.update(Math.floor(done), `${where}: test error ${trained.result.test.errorPct.toFixed(1)} %`);
      if (!states[i].trained) await onPartial?.(soFar());
    }
    phase?.update(Math.ceil(total));
  } finally {
    phase?.end();
  }
  return soFar();
}

/** The data set of a run, as its protocol names it. */
export function datasetOf({ search }: Retraining): string {
  return search.dataset.name;
}

function firstOfEach<T>(list: readonly T[], group: (item: T) => string): T[] {
  return [...new Map([...list].reverse().map((item) => [group(item), item])).values()].reverse();
}

function meanOf(values: readonly number[] | null): number | null {
  return values === null ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The parts of a search that decide what the engine compiles for it. */
function supernetOf(search: SearchProtocol): string {
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

/** Seconds that the two halves of each run take, estimated; a search that an earlier run has too takes none. */
export function retrainingCosts(protocols: readonly Retraining[]): { search: number; training: number }[] {
  const firsts = new Set(firstOfEach(protocols, ({ search }) => canonicalJson(search)));
  return protocols.map((protocol) => ({
    search: firsts.has(protocol) ? estimateSeconds([protocol.search]) : 0,
    training: estimateTrainingSeconds(protocol.training, protocol.search),
  }));
}

/** The genotype that a run trains. */
function genotypeOf({ search, after }: Retraining, result: Run.FinishedSearch['result']): Genotype {
  return after === undefined ? result.genotype : genotypeAfter(search, result, after);
}

/** Which halves of a run the store has. */
async function stateOf(
  protocol: Retraining,
  source: Source,
  home: string | undefined,
): Promise<{ searched: boolean; trained: boolean }> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { searchData } = require('../lib/search/run.js') as typeof Run;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { evaluationImages, openEvaluation } = require('../lib/evaluation/run.js') as typeof Evaluation;
  const { search, training } = protocol;
  const { digest } = await searchData(search, source);
  const place = home === undefined ? {} : { home };
  const record = openRun({ protocol: search, dataDigest: digest, ...place }).record();
  if (record === undefined) return { searched: false, trained: false };
  const genotype = genotypeOf(protocol, record.result as unknown as Run.FinishedSearch['result']);
  const evaluation = trainingOf(training, genotype);
  const images = await evaluationImages(evaluation, source);
  return { searched: true, trained: openEvaluation(evaluation, images, home).record() !== undefined };
}

/**
 * A search too short to say anything, which makes the engine compile the network of the real one: without it the first
 * search on each network would be timed with its compilation.
 */
async function warmUp(search: SearchProtocol, source: Source): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { searchData } = require('../lib/search/run.js') as typeof Run;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { search: run } = require('../lib/search/search.js') as typeof Search;
  const trainSize = 2 * search.batchSize * updatePeriod(search);
  if (trainSize > search.dataset.trainSize) return;
  const dataset: Dataset = await searchData(search, source);
  await run(withOwnSettings(search, ['epochs=1', 'warmupEpochs=0', `dataset.trainSize=${trainSize}`]), {
    dataset,
  });
}

function sizesOf(
  own: EvaluationProtocol,
  paper: EvaluationProtocol,
  classes: number,
): Pick<RetrainedRun, 'parameters' | 'multiplyAdds' | 'fullParameters'> {
  const { network } = countsOf(own, classes);
  return {
    parameters: network.parameters,
    multiplyAdds: multiplyAdds(network),
    fullParameters: countsOf(paper, classes).network.parameters,
  };
}

/** Parameters without auxiliary head of the network that these settings make of a genotype. */
export function parametersOf(settings: TrainingSettings, genotype: Genotype, classes: number): number {
  return countsOf(trainingOf(settings, genotype), classes).network.parameters;
}

function countsOf({ network, dataset }: EvaluationProtocol, classes: number) {
  if (network.kind === 'linear') throw new UsageError('A linear classifier has no cells to count.');
  const side = { height: dataset.imageSide, width: dataset.imageSide };
  return countNetwork(network.genotype, { ...network, classes }, side);
}

/** What of a run's provenance is the same for many runs. */
export function environmentOf(provenance: Run.Provenance | Evaluation.EvaluationProvenance): Environment {
  const { commit, version, engine, node, processor, cores, data } = provenance;
  return { commit, version, engine, node, processor, cores, data };
}
