/**
 * Searches by ZARTS-MGS that differ in N, the proposal density, the schedule of σ and the seed, and in nothing else: what
 * Fig. 4 and Table 5 are made of. Both ask for the same protocols where they need the same search.
 */
import type { Region } from '../lib/analysis/claims.js';
import { UsageError } from '../lib/errors.js';
import type { EpochRecord } from '../lib/search/epoch.js';
import { deviations, fullSearch, withBudget } from '../lib/search/presets.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import type { MgsDensity, SigmaSchedule } from '../lib/solvers/mgs.js';
import { TWO_CELL_IDS } from '../lib/spaces/spaces.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { stepMs } from './cost.js';
import { sentences } from './deviations.js';
import { cross, distinct } from './experiment.js';
import type { Row } from './experiment.js';
import { one } from './grid.js';
import type { Grid } from './grid.js';
import { figureNumber } from './paper.js';

/**
 * The numbers of candidates N: those of the paper's Table 5. Its Fig. 4 does not say which N it shows; its text speaks of
 * N ≥ 4.
 */
export const SAMPLES = [2, 4, 6, 8] as const;

/** From which N on the paper calls R_e converged, and the R_e that it reads at epoch 50 "as N increases" (Fig. 4, A.3). */
export const CONVERGED_FROM = figureNumber('4', 'esrConvergedFromN');
export const PAPER_ESR = figureNumber('4', 'esrAtEpoch50LargeN');

/**
 * What counts as "0.7": the text gives one decimal, read off a curve, so it states no more than a number that rounds to it.
 * The same half digit is the largest difference that can hide in "R_e has already converged".
 */
export const HALF_DIGIT = 0.05;
export const NEAR_PAPER_ESR: Region = { between: [PAPER_ESR - HALF_DIGIT, PAPER_ESR + HALF_DIGIT] };

/**
 * Independent searches for each cell: the paper's Table 5 has three; more where they take minutes, since three leave most questions open
 * (PILOTS.md). Two are the least that have a spread.
 */
export const SEEDS: Readonly<Record<Budget, number>> = { full: 3, laptop: 6, smoke: 2 };

/** The densities, in the order in which tables and charts show them: as printed, constant, as released. */
export const DENSITIES = ['literal', 'flat', 'released'] as const satisfies readonly MgsDensity[];

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

/** The space as something to choose. */
export const SPACE = one('search space', TWO_CELL_IDS, spaceAt);

/** A grid that a space is chosen in. */
export type SpaceGrid = Grid<{ readonly space: typeof SPACE }>;

/** What a search of a sweep is told apart by. */
export type SweepAxes = {
  readonly density: MgsDensity;
  readonly schedule: SigmaSchedule;
  readonly N: number;
};

/** Where a search belongs in a sweep. @throws {UsageError} if its solver is not MGS. */
export function sweepAxes({ solver }: SearchProtocol): SweepAxes {
  if (solver.kind !== 'mgs') throw new UsageError(`A sweep over N needs the solver mgs, not ${solver.kind}.`);
  return { density: solver.density, schedule: solver.sigmaSchedule, N: solver.samples };
}

/**
 * The searches of a sweep, seeds outermost: after the first seed every cell has a value. Only the density changes; the
 * candidates of the `released` preset, which are not fine-tuned either, are another matter. A setting given by hand takes the
 * place of the sweep's own (`solver.samples=16` leaves one N).
 *
 * @param samples  For each schedule of σ, the numbers of candidates that are run with it.
 */
export function sweepSearches(
  { budget, preset, seeds, search, chosen: { space } }: SpaceGrid,
  densities: readonly MgsDensity[],
  samples: Readonly<Partial<Record<SigmaSchedule, readonly number[]>>>,
): SearchProtocol[] {
  const bases = preset
    ? [fullSearch(space, 'mgs', preset)]
    : densities.map((density) => applySet(fullSearch(space, 'mgs', 'paper'), `solver.density=${density}`));
  const columns = Object.entries(samples).flatMap(([schedule, counts]) =>
    counts.map((N) => [`solver.sigmaSchedule=${schedule}`, `solver.samples=${N}`]),
  );
  return cross({ seed: seeds, base: bases, column: columns }).map(({ seed, base, column }) =>
    relabeled(search(applySet(withBudget(base, budget), `seed=${seed}`, ...column))),
  );
}

/**
 * The protocol named after the preset that it follows: `flat` is `paper` with a flat density and nothing else. Equal runs
 * then have equal protocols, however they were asked for.
 */
function relabeled(protocol: SearchProtocol): SearchProtocol {
  if (protocol.preset === 'released') return protocol;
  return { ...protocol, preset: sweepAxes(protocol).density === 'flat' ? 'flat' : 'paper' };
}

/**
 * What the searches of a sweep do otherwise than the paper's, leaving out what the sweep varies on purpose. What only some
 * of them do is said of those.
 */
export function sweepDeviations(searches: readonly SearchProtocol[]): string[] {
  const [first] = searches;
  const paper = fullSearch('darts', 'mgs', 'paper');
  const sigmaOf = ({ solver }: SearchProtocol): number => (solver.kind === 'mgs' ? solver.sigma : NaN);
  const ratio = stepMs({ ...first, space: paper.space }) / stepMs(first);
  // Every density is compared with the paper in what it does not vary.
  const byDensity = DENSITIES.flatMap((density) => {
    const search = searches.find((each) => sweepAxes(each).density === density);
    const neutral = ['solver.samples=4', 'solver.sigmaSchedule=cosine'];
    return search ? [{ density, own: deviations(applySet(search, ...neutral)) }] : [];
  });
  const shared = byDensity[0].own.filter((sentence) => byDensity.every(({ own }) => own.includes(sentence)));
  return sentences(
    first.space !== paper.space &&
      `The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space, where a step takes about ${ratio.toFixed(1)} times as long; with the space goes σ, which starts at ${sigmaOf(first)} instead of ${sigmaOf(paper)} (the released scripts' values).`,
    shared,
    byDensity.flatMap(({ density, own }) =>
      own
        .filter((sentence) => !shared.includes(sentence))
        .map((sentence) => `With the ${DENSITY_TITLES[density]}: ${sentence}`),
    ),
  );
}

/** The values of N that occur, ascending. */
export function samplesIn(axes: readonly { readonly N: number }[]): number[] {
  return distinct(axes.map(({ N }) => N)).sort((a, b) => a - b);
}

/** The densities that occur, in display order. */
export function densitiesIn(axes: readonly { readonly density: MgsDensity }[]): MgsDensity[] {
  return DENSITIES.filter((density) => axes.some((each) => each.density === density));
}

/** The schedules of σ that occur, the scheduled one first. */
export function schedulesIn(axes: readonly { readonly schedule: SigmaSchedule }[]): SigmaSchedule[] {
  return (['cosine', 'constant'] as const).filter((schedule) =>
    axes.some((each) => each.schedule === schedule),
  );
}

/** Rows in display order: by density, schedule (the scheduled σ first) and N. */
export function inOrder<R extends SweepAxes>(rows: readonly R[]): R[] {
  const rank = ({ density, schedule }: R): number =>
    10 * DENSITIES.indexOf(density) + (schedule === 'cosine' ? 0 : 1);
  return [...rows].sort((a, b) => rank(a) - rank(b) || a.N - b.N);
}

/** The epochs of a search in which importance weights were formed, so N_e and R_e are numbers: those after warm-up. */
export function weightedEpochs({ epochs = [] }: { readonly epochs?: readonly EpochRecord[] }) {
  return epochs.flatMap(({ epoch, ess, esr, sigma, cosine }) =>
    // Counted from 1, as the paper counts ("epoch 50" is its last).
    ess === null || esr === null ? [] : [{ epoch: epoch + 1, ess, esr, sigma, cosine }],
  );
}

/** A row for each search and epoch after warm-up, for a data frame or a chart. */
export function epochRows(rows: readonly Row<'search', SweepAxes>[]) {
  return rows.flatMap((row) => {
    const { density, schedule, N, seed } = row;
    return weightedEpochs(row).map((epoch) => ({ density, schedule, N, seed, ...epoch }));
  });
}
