/**
 * The searches of the figure on NAS-Bench-201, and the numbers that are read off them: what its tables, charts and claims are
 * made of.
 */
import { kendallTau } from '../lib/analysis/comparison.js';
import { endingOf } from '../lib/analysis/genotypes.js';
import type { Ending } from '../lib/analysis/genotypes.js';
import type { BenchmarkSet } from '../lib/datasets/nats-bench.js';
import { fullSearch, onDataset, withBudget } from '../lib/search/presets.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import type { SolverId } from '../lib/search/solvers.js';
import { architectureAt } from '../lib/spaces/architectures.js';
import { SPACES } from '../lib/spaces/spaces.js';
import { distinct, rowsOfKind } from './experiment.js';
import type { Row, View } from './experiment.js';
import type { Derivation } from './lookups.js';

/** How a method searches: a solver, and what is set besides. */
export interface Method {
  readonly title: string;
  readonly solver: SolverId;
  readonly preset?: Preset;
  readonly set?: (protocol: SearchProtocol) => readonly string[];
}

/** Every method, in the order in which tables show them. */
export const METHODS = {
  'darts-1st': { title: 'DARTS 1st', solver: 'darts-1st' },
  'darts-1st-running': {
    title: 'DARTS 1st, running statistics',
    solver: 'darts-1st',
    set: () => ['normalization=running'],
  },
  'darts-2nd': { title: 'DARTS 2nd', solver: 'darts-2nd' },
  'rdarts-l2': { title: 'R-DARTS(L2)', solver: 'rdarts-l2' },
  'darts-es': { title: 'DARTS-ES', solver: 'darts-es' },
  'sdarts-rs': { title: 'SDARTS-RS', solver: 'sdarts-rs' },
  rs: { title: 'ZARTS-RS', solver: 'rs' },
  gld: { title: 'ZARTS-GLD', solver: 'gld' },
  mgs: { title: 'ZARTS-MGS (as printed)', solver: 'mgs' },
  'mgs-flat': { title: 'MGS flat', solver: 'mgs', preset: 'flat' },
  // The same number of updates as with fine-tuning.
  'mgs-flat-m0': {
    title: 'MGS flat, M = 0',
    solver: 'mgs',
    preset: 'flat',
    set: ({ omega }) => [`updateEvery=${'iterations' in omega ? omega.iterations : 1}`, 'omega.iterations=0'],
  },
  // Every candidate is drawn around alpha: its direction is the loss's alone.
  'mgs-flat-no-gradient': {
    title: 'MGS flat, λ = 1',
    solver: 'mgs',
    preset: 'flat',
    set: () => ['solver.lambda=1'],
  },
  'mgs-released': { title: 'MGS as released', solver: 'mgs', preset: 'released' },
  'random-alpha': { title: 'random-alpha', solver: 'random-alpha' },
  'random-ws': { title: 'random-ws', solver: 'random-ws' },
} as const satisfies Readonly<Record<string, Method>>;

/** The name of a method. */
export type MethodId = keyof typeof METHODS;

export const METHOD_IDS = Object.keys(METHODS) as readonly MethodId[];

/** Methods whose supernets rank architectures, as a control, and which are searched by with all seeds; others with half. */
export const MAIN: readonly MethodId[] = ['darts-1st', 'mgs-flat', 'random-ws'];

/** What a search is told apart by. */
export type MethodAxes = { readonly method: string };

/** A search, and what is known of what it found. */
export type SearchedRow = Row<'lookup', MethodAxes>;
/** What the figure shows. */
export type Nb201View = View<'lookup' | 'benchmark', MethodAxes>;

/** What a reader sees for a method; one that is none of ours is called by its own title. */
export const titleOf = (method: string): string =>
  Object.hasOwn(METHODS, method) ? METHODS[method as MethodId].title : method;

/** The rankings of a budget: how many in a search, of how many architectures, each on how many batches. */
const RANKINGS: Readonly<
  Record<Budget, { readonly times: number; readonly architectures: number; readonly batches: number }>
> = {
  full: { times: 5, architectures: 1000, batches: 20 },
  laptop: { times: 4, architectures: 200, batches: 4 },
  smoke: { times: 2, architectures: 8, batches: 1 },
};

/** The search of a method. */
export function searchBy(method: MethodId, budget: Budget, seed: number): SearchProtocol {
  const { solver, preset, set }: Method = METHODS[method];
  const full = onDataset(fullSearch('nb201', solver, preset), 'cifar10');
  const protocol = withBudget(full, budget);
  const { times, architectures, batches } = RANKINGS[budget];
  const every = Math.max(1, Math.floor(protocol.epochs / times));
  return applySet(
    protocol,
    ...(set?.(protocol) ?? []),
    ...(MAIN.includes(method)
      ? [`ranking.every=${every}`, `ranking.architectures=${architectures}`, `ranking.batches=${batches}`]
      : []),
    'history.alphaEvery=1',
    `seed=${seed}`,
  );
}

// ---- Numbers of a search ----

/** The accuracy of an architecture that a search went through, in percent; null where the table is not known. */
export function accuracyIn(row: SearchedRow, number: number, set: BenchmarkSet): number | null {
  const place = row.architectures.indexOf(number);
  return row.looked.known && place >= 0 ? row.looked.accuracies[set][place] : null;
}

/** What a search ended with: its accuracy. */
export function finalAccuracy(row: SearchedRow, set: BenchmarkSet, derivation: Derivation = 'with none') {
  return accuracyIn(row, row.passed.last[derivation], set);
}

/** The share of the space that is worse than what a search ended with. */
export function finalPercentile({ looked, architectures, passed }: SearchedRow): number | null {
  return looked.known ? looked.percentiles[architectures.indexOf(passed.last['with none'])] : null;
}

/** How a search ended. */
export const endingIn = ({ passed }: SearchedRow): Ending =>
  endingOf(architectureAt(SPACES.nb201, passed.last['with none']));

/** What the table says of the whole space; undefined where it is not known. */
export function benchmarkIn({ rows }: Pick<Nb201View, 'rows'>) {
  const found = rowsOfKind(rows, 'benchmark').at(0)?.found;
  return found?.known ? found : undefined;
}

/** Why nothing is known of the accuracies, if that is so. */
export function notKnown({ rows }: Pick<Nb201View, 'rows'>): string | undefined {
  const found = rowsOfKind(rows, 'benchmark').at(0)?.found;
  return found && !found.known ? `Accuracies are not known here: ${found.why}` : undefined;
}

/** τ of the supernet's loss with the table, sign turned so that a good ranking is positive, over all or the better half. */
export function rankingOf(row: SearchedRow, epoch: number, half: boolean): number | null {
  const ranking = row.epochs[epoch - 1]?.ranking;
  if (!ranking || !row.looked.known) return null;
  const pairs = ranking.architectures.map((number, i) => ({
    accuracy: accuracyIn(row, number, 'cifar10')!,
    score: -ranking.losses[i],
  }));
  const sorted = [...pairs].sort((a, b) => b.accuracy - a.accuracy);
  const among = half ? sorted.slice(0, Math.ceil(sorted.length / 2)) : sorted;
  const tau = kendallTau(
    among.map(({ accuracy }) => accuracy),
    among.map(({ score }) => score),
  );
  return Number.isFinite(tau) ? tau : null;
}

/** Epochs after which some search has a ranking. */
export const rankedEpochs = (rows: readonly SearchedRow[]): number[] =>
  distinct(
    rows.flatMap(({ epochs }) => epochs.flatMap(({ epoch, ranking }) => (ranking ? [epoch + 1] : []))),
  ).sort((a, b) => a - b);

/** Points of CIFAR-10 below the best architecture. */
export function regretOf(view: Pick<Nb201View, 'rows'>, accuracy: number | null): number | null {
  const known = benchmarkIn(view);
  return known && accuracy !== null ? known.uniform.cifar10.best - accuracy : null;
}
