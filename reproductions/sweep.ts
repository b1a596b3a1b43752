/**
 * Searches by ZARTS-MGS that differ in N, the proposal density, the schedule of σ and the seed, and in nothing else: what
 * Fig. 4 and Table 5 are made of. Both ask for the same protocols where they need the same search, so that the run store
 * computes it once.
 */
import { UsageError } from '../lib/errors.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { deviations, fullSearch, withBudget } from '../lib/search/presets.js';
import { applySet, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import type { Dataset } from '../lib/datasets/load.js';
import type * as Search from '../lib/search/search.js';
import type { SigmaSchedule } from '../lib/solvers/mgs.js';
import type { EpochRecord, SearchResult } from '../lib/search/search.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { searchWork, stepMs } from './cost.js';
import { checkSeeds } from './reproduction.js';
import type { MeasureContext, Measured, ProtocolOptions, SearchEnvironment } from './reproduction.js';
import { runSearches } from './searches.js';

/**
 * The numbers of candidates N: those of the paper's Table 5. Its Fig. 4 does not say which N it shows; its text speaks of
 * N ≥ 4.
 */
export const SAMPLES = [2, 4, 6, 8] as const;

/** Independent searches for each cell; three is what the paper's Table 5 has. Two are the least that have a spread. */
export const SEEDS: Readonly<Record<Budget, number>> = { full: 3, laptop: 3, smoke: 2 };

/** The densities, in the order in which tables and charts show them: as printed, constant, as released. */
export const DENSITIES: readonly MgsDensity[] = ['literal', 'flat', 'released'];

/** What a reader sees for a density. */
export const DENSITY_TITLES: Readonly<Record<MgsDensity, string>> = {
  literal: 'literal density (Eq. 26)',
  flat: 'flat density',
  released: 'released density',
};

/** The search space of a budget: the paper's where time allows, else the cheapest one. */
export function spaceAt(budget: Budget): SpaceId {
  return budget === 'full' ? 'darts' : 's2';
}

/**
 * The full search that runs with a density are derived from: the paper's algorithm with that density and, for `released`,
 * the sampler that goes with it. Only the density changes; the candidates of the `released` preset, which are not
 * fine-tuned either, are another matter.
 */
function densityBase(space: SpaceId, density: MgsDensity): SearchProtocol {
  return applySet(fullSearch(space, 'mgs', 'paper'), `solver.density=${density}`);
}

/**
 * The protocol named after the preset that it follows: `flat` is `paper` with a flat density and nothing else. Equal runs
 * then have equal protocols, however they were asked for.
 */
function relabeled(protocol: SearchProtocol): SearchProtocol {
  if (protocol.preset === 'released') return protocol;
  return { ...protocol, preset: cellOf(protocol).density === 'flat' ? 'flat' : 'paper' };
}

/** Which runs a sweep has. */
export interface Axes {
  readonly densities: readonly MgsDensity[];
  /** For each schedule of σ, the numbers of candidates that are run with it. */
  readonly samples: Readonly<Partial<Record<SigmaSchedule, readonly number[]>>>;
}

/**
 * The protocols of a sweep, seeds outermost: after the first seed every cell has a value. A setting given by hand takes the
 * place of the sweep's own (`solver.samples=16` leaves one N), and runs that become equal are run once.
 *
 * @throws {UsageError} for fewer than one seed, and for a setting that does not exist or is out of range.
 */
export function sweepProtocols(options: ProtocolOptions, axes: Axes): SearchProtocol[] {
  const { budget, preset, seeds = SEEDS[budget], set = [] } = options;
  checkSeeds(seeds);
  const space = spaceAt(budget);
  const bases = preset
    ? [fullSearch(space, 'mgs', preset)]
    : axes.densities.map((density) => densityBase(space, density));
  const cells = bases.flatMap((base) =>
    Object.entries(axes.samples).flatMap(([schedule, counts]) =>
      counts.map((samples) => [base, `solver.sigmaSchedule=${schedule}`, `solver.samples=${samples}`]),
    ),
  ) as [SearchProtocol, ...string[]][];
  const protocols = Array.from({ length: seeds }, (_, seed) =>
    cells.map(([base, ...cell]) =>
      relabeled(applySet(withBudget(base, budget), `seed=${seed}`, ...cell, ...set)),
    ),
  ).flat();
  return [...new Map(protocols.map((each) => [canonicalJson(each), each])).values()];
}

/** What a run of the sweep is told apart by. */
export interface Cell {
  readonly density: MgsDensity;
  readonly schedule: SigmaSchedule;
  /** N. */
  readonly samples: number;
}

/** Where a protocol belongs in a sweep. @throws {UsageError} if its solver is not MGS. */
export function cellOf({ solver }: SearchProtocol): Cell {
  if (solver.kind !== 'mgs') throw new UsageError(`A sweep over N needs the solver mgs, not ${solver.kind}.`);
  return { density: solver.density, schedule: solver.sigmaSchedule, samples: solver.samples };
}

/** One search of a sweep, as measured. Plain JSON. */
export interface SweepRun extends Cell {
  readonly seed: number;
  /** The run's key in the store. */
  readonly key: string;
  readonly epochs: readonly EpochRecord[];
  /** SGD steps on ω, SGD steps on candidates, alpha updates. */
  readonly weightSteps: number;
  readonly fineTuneSteps: number;
  readonly updates: number;
  /** Seconds of computing where it was made. */
  readonly seconds: number;
  readonly genotype: Genotype;
  readonly operations: SearchResult['operations'];
  readonly supernetParameters: number;
  /** Which of the result's environments it was made in. */
  readonly environment: number;
}

/** What a sweep measures. Plain JSON. */
export interface Sweep extends Measured {
  readonly environments: readonly SearchEnvironment[];
  readonly budget: Budget;
  readonly space: string;
  readonly runs: readonly SweepRun[];
}

/**
 * Runs every search that the store does not have, with one progress phase over all of them, in steps.
 *
 * @throws {UsageError} for no protocols; as lib/search/run.ts, runSearch.
 */
export async function measureSweep(
  protocols: readonly SearchProtocol[],
  context: MeasureContext,
): Promise<Sweep> {
  const { environments, searches } = await runSearches(protocols, context, {
    label: (protocol) => {
      const { samples, density, schedule } = cellOf(protocol);
      return `N ${samples}, ${density}, ${schedule} σ, seed ${protocol.seed}`;
    },
    warmUp,
  });
  const [first] = protocols;
  return {
    environments,
    budget: first.budget,
    space: spaceName(first),
    runs: searches.map(({ protocol, key, result, seconds, environment }): SweepRun => ({
      ...cellOf(protocol),
      seed: protocol.seed,
      key,
      epochs: result.epochs,
      weightSteps: result.steps,
      fineTuneSteps: searchWork(protocol).fineTuneSteps,
      updates: result.updates,
      seconds,
      genotype: result.genotype,
      operations: result.operations,
      supernetParameters: result.supernetParameters,
      environment,
    })),
  };
}

/**
 * A search too short to say anything, which makes the engine compile the network of the real ones: without it the first of
 * them would be timed with its compilation.
 */
async function warmUp(protocol: SearchProtocol, dataset: Dataset): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { search } = require('../lib/search/search.js') as typeof Search;
  const trainSize = 2 * protocol.batchSize * updatePeriod(protocol);
  const settings = ['epochs=1', 'warmupEpochs=0', `dataset.trainSize=${trainSize}`, 'solver.samples=1'];
  if (trainSize <= protocol.dataset.trainSize) await search(applySet(protocol, ...settings), { dataset });
}

/**
 * What the runs of a sweep do otherwise than the paper's search, leaving out what the sweep varies on purpose. What only
 * some of them do is said of those.
 */
export function sweepDeviations(protocols: readonly SearchProtocol[]): string[] {
  const [first] = protocols;
  const paper = fullSearch('darts', 'mgs', 'paper');
  const sentences: string[] = [];
  if (first.space !== paper.space) {
    const ratio = stepMs({ ...first, space: paper.space }) / stepMs(first);
    sentences.push(
      `The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space, where a step takes about ${ratio.toFixed(1)} times as long; with the space goes σ, which starts at ${sigmaOf(first)} instead of ${sigmaOf(paper)} (the released scripts' values).`,
    );
  }
  // Every density is compared with the paper in what it does not vary.
  const byDensity = DENSITIES.flatMap((density) => {
    const runs = protocols.filter((each) => cellOf(each).density === density);
    if (runs.length === 0) return [];
    const neutral = applySet(runs[0], `solver.samples=${samplesOf(paper)}`, 'solver.sigmaSchedule=cosine');
    return [{ density, sentences: deviations(neutral) }];
  });
  const shared = byDensity[0].sentences.filter((sentence) =>
    byDensity.every((each) => each.sentences.includes(sentence)),
  );
  sentences.push(...shared);
  for (const { density, sentences: own } of byDensity) {
    for (const sentence of own) {
      if (!shared.includes(sentence)) sentences.push(`With the ${DENSITY_TITLES[density]}: ${sentence}`);
    }
  }
  return sentences;
}

function sigmaOf({ solver }: SearchProtocol): number {
  return solver.kind === 'mgs' ? solver.sigma : NaN;
}

function samplesOf({ solver }: SearchProtocol): number {
  return solver.kind === 'mgs' ? solver.samples : NaN;
}

/** Densities that occur in the runs, in display order. */
export function densitiesOf(runs: readonly Cell[]): MgsDensity[] {
  return DENSITIES.filter((density) => runs.some((run) => run.density === density));
}

/** The values of N that occur, ascending. */
export function samplesIn(runs: readonly Cell[]): number[] {
  return [...new Set(runs.map(({ samples }) => samples))].sort((a, b) => a - b);
}

/** The schedules of σ that occur, `cosine` first. */
export function schedulesOf(runs: readonly Cell[]): SigmaSchedule[] {
  const found = [...new Set(runs.map(({ schedule }) => schedule))].sort();
  return found.includes('cosine') ? ['cosine', ...found.filter((each) => each !== 'cosine')] : found;
}

/** The runs of each cell, in display order: by density, schedule, N; seeds ascending. */
export function cellsOf(runs: readonly SweepRun[]): { readonly cell: Cell; readonly runs: SweepRun[] }[] {
  return densitiesOf(runs).flatMap((density) =>
    schedulesOf(runs).flatMap((schedule) =>
      samplesIn(runs).flatMap((samples) => {
        const own = runs
          .filter((run) => run.density === density && run.schedule === schedule && run.samples === samples)
          .sort((a, b) => a.seed - b.seed);
        return own.length === 0 ? [] : [{ cell: { density, schedule, samples }, runs: own }];
      }),
    ),
  );
}

/** The runs of one density and schedule by seed, each seed's by N. */
export function bySeed(
  runs: readonly SweepRun[],
  density: MgsDensity,
  schedule: SigmaSchedule,
): Map<number, Map<number, SweepRun>> {
  const seeds = new Map<number, Map<number, SweepRun>>();
  for (const run of runs) {
    if (run.density !== density || run.schedule !== schedule) continue;
    const own = seeds.get(run.seed) ?? new Map<number, SweepRun>();
    seeds.set(run.seed, own.set(run.samples, run));
  }
  return seeds;
}

/** An epoch in which importance weights were formed, so N_e and R_e are numbers. */
export interface WeightedEpoch {
  /** Counted from 1, as the paper counts ("epoch 50" is its last). */
  readonly epoch: number;
  readonly ess: number;
  readonly esr: number;
  readonly sigma: number | null;
  readonly cosine: number | null;
}

/** The epochs of a run after warm-up. */
export function weightedEpochs({ epochs }: Pick<SweepRun, 'epochs'>): WeightedEpoch[] {
  return epochs.flatMap(({ epoch, ess, esr, sigma, cosine }) =>
    ess === null || esr === null ? [] : [{ epoch: epoch + 1, ess, esr, sigma, cosine }],
  );
}

/** A row for each run and epoch after warm-up, for a data frame or a chart. */
export function epochRows({ runs }: Pick<Sweep, 'runs'>) {
  return runs.flatMap((run) =>
    weightedEpochs(run).map(({ epoch, ess, esr, sigma, cosine }) => ({
      density: run.density,
      schedule: run.schedule,
      samples: run.samples,
      seed: run.seed,
      epoch,
      ess,
      esr,
      sigma,
      cosine,
    })),
  );
}
