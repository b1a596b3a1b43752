/**
 * The searches of R-DARTS' argument: DARTS in S1 with the weights' decay or drop path of several strengths; what is read off
 * each of them, and off the authors' own.
 */
import { cellStructure } from '../lib/analysis/genotypes.js';
import { genotypeAfter } from '../lib/search/derived.js';
import { groupWith } from '../lib/search/groups.js';
import { alphaUpdates, fullSearch, onDataset, withBudget } from '../lib/search/presets.js';
import { SEARCH } from '../lib/search/protocol.js';
import type { Budget, DartsProtocol, SearchProtocol } from '../lib/search/protocol.js';
import type { SolverId } from '../lib/search/solvers.js';
import { wouldStop } from '../lib/search/stability.js';
import type { RiseSettings, Stopping } from '../lib/search/stability.js';
import type { SearchFigures } from '../lib/datasets/rdarts-logs.js';
import { rowsOfKind } from './experiment.js';
import type { Row, View } from './experiment.js';
import type { KnownLogs } from './search-logs.js';

/**
 * How strongly a search is regularized: L2 decay of the weights, and drop-path probability of the last epoch, which as in the
 * authors' searches comes with cutout.
 */
export type StrengthAxes = { readonly l2: number; readonly dropPath: number };

/** What is varied, at which values; the first of each is the same search, DARTS' own. */
export const SERIES = {
  l2: [3e-4, 9e-4, 27e-4, 81e-4],
  dropPath: [0, 0.2, 0.4, 0.6],
} as const;

/** What is varied. */
export type SeriesId = keyof typeof SERIES;

/** What a reader sees of what is varied. */
export const SERIES_TITLES: Readonly<Record<SeriesId, string>> = {
  l2: 'L2 decay of the weights',
  dropPath: 'drop-path probability, with cutout',
};

/** Both series. */
export const ALL_SERIES = Object.keys(SERIES) as readonly SeriesId[];

const [PLAIN_L2] = SERIES.l2;

/** Every strength by its name, in the order of the two series. */
export const STRENGTHS = {
  'l2-3e-4': { l2: 3e-4, dropPath: 0 },
  'l2-9e-4': { l2: 9e-4, dropPath: 0 },
  'l2-27e-4': { l2: 27e-4, dropPath: 0 },
  'l2-81e-4': { l2: 81e-4, dropPath: 0 },
  'drop-0.2': { l2: PLAIN_L2, dropPath: 0.2 },
  'drop-0.4': { l2: PLAIN_L2, dropPath: 0.4 },
  'drop-0.6': { l2: PLAIN_L2, dropPath: 0.6 },
} as const satisfies Readonly<Record<string, StrengthAxes>>;

/** The name of a strength. */
export type StrengthId = keyof typeof STRENGTHS;

export const STRENGTH_IDS = Object.keys(STRENGTHS) as readonly StrengthId[];

/** What a reader sees for a strength. */
export function strengthTitle({ l2, dropPath }: StrengthAxes): string {
  const decay = `L2 ${Number((1e4 * l2).toPrecision(6))}e-4`;
  return dropPath === 0 ? decay : `drop path ${dropPath}${l2 === PLAIN_L2 ? '' : `, ${decay}`}`;
}

/** Whether a strength is of a series: nothing but what is varied there, and cutout where paths are dropped, is other than in DARTS. */
export function inSeries(series: SeriesId, { l2, dropPath }: StrengthAxes): boolean {
  return series === 'l2' ? dropPath === 0 : l2 === PLAIN_L2;
}

/** A search, one of ours. */
export type StrengthRow = Row<'search', StrengthAxes>;
/** What the figure shows. */
export type CurvatureView = View<'search' | 'logs', StrengthAxes>;

// ---- Protocols ----

/** The authors' code looks at an eigenvalue every second of its 50 epochs. */
const EVERY = 2;

/** The rule of early stopping at full size. */
export const FULL_RULE: RiseSettings = groupWith('stability');

const solverOf = ({ l2, dropPath }: StrengthAxes): SolverId =>
  dropPath > 0 ? 'rdarts-dp' : l2 > PLAIN_L2 ? 'rdarts-l2' : 'darts-2nd';

/** R-DARTS' own search with that strength, at full size. */
function fullStrength(strength: StrengthAxes): SearchProtocol {
  const full = onDataset(fullSearch('s1', solverOf(strength)), 'cifar10');
  const { weights, dropPath } = full;
  return SEARCH.parse({
    ...full,
    weights: { ...weights, weightDecay: strength.l2 },
    ...(dropPath && { dropPath: { ...dropPath, probability: strength.dropPath } }),
    stability: groupWith('stability'),
    history: { alphaEvery: 1 },
  });
}

/**
 * The search with a strength; at `laptop` 1,920 weight steps on so few images that they are learned by heart, which is where
 * DARTS collapses at such a size and regularizing can keep it from that. Each rate by the one rule of smaller budgets.
 */
export function strengthSearch(id: StrengthId, budget: Budget, seed: number): SearchProtocol {
  const full = fullStrength(STRENGTHS[id]);
  const { stability, ...search } = withBudget(full, budget, 'repeated');
  const every = Math.max(1, Math.round((EVERY * search.epochs) / full.epochs));
  return SEARCH.parse({ ...search, seed, stability: { ...stability, every } });
}

const rateOf = ({ solver }: SearchProtocol): number => (solver as DartsProtocol).lr;

/** Alpha's rate times its number of updates. */
export const reachOf = (search: SearchProtocol): number => rateOf(search) * alphaUpdates(search);

/** The same of the full search. */
export const FULL_REACH = reachOf(fullStrength(STRENGTHS['l2-3e-4']));

// ---- Numbers of a search ----

/** Skip connections of the normal cell. */
export const skipsOf = ({ genotype }: Pick<StrengthRow, 'genotype'>): number =>
  cellStructure(genotype, 'normal').families.skip;

/** The epochs that an eigenvalue was looked for in. */
const lookedFor = ({ epochs }: Pick<StrengthRow, 'epochs'>) =>
  epochs.filter(({ dominantEigenvalue }) => dominantEigenvalue !== undefined);

/** Which eigenvalue of a search counts: the largest along it, or the last. */
export type Reading = 'peak' | 'end';

/** The epoch of that eigenvalue; undefined where none was looked for. */
function epochOf(row: Pick<StrengthRow, 'epochs'>, reading: Reading) {
  const known = lookedFor(row);
  if (reading === 'end') return known.at(-1);
  return known.reduce<(typeof known)[number] | undefined>(
    (best, each) => (best && best.dominantEigenvalue! >= each.dominantEigenvalue! ? best : each),
    undefined,
  );
}

/** The largest of the eigenvalues along a search. */
export const peakOf = (row: Pick<StrengthRow, 'epochs'>): number | undefined =>
  epochOf(row, 'peak')?.dominantEigenvalue;

/** The last of them. */
export const endOf = (row: Pick<StrengthRow, 'epochs'>): number | undefined =>
  epochOf(row, 'end')?.dominantEigenvalue;

/** Whether the largest is the first, of a supernet that hardly began to learn: no strength has acted on that. */
export const peaksFirst = (row: Pick<StrengthRow, 'epochs'>): boolean =>
  epochOf(row, 'peak') === lookedFor(row).at(0);

/** How far an eigenvalue may be off, as a share of it; more than 1 where it is not above its own error. */
export function errorShare(row: Pick<StrengthRow, 'epochs'>, reading: Reading): number | undefined {
  const { dominantEigenvalue, eigenvalueError } = epochOf(row, reading) ?? {};
  if (dominantEigenvalue === undefined || eigenvalueError === undefined) return undefined;
  return dominantEigenvalue > 0 ? eigenvalueError / dominantEigenvalue : Infinity;
}

/** How far alpha has come: the root of the mean square of its entries, which begin at about 0. */
export function moveOf({ epochs }: Pick<StrengthRow, 'epochs'>): number | undefined {
  const alpha = epochs.at(-1)?.alpha;
  return alpha && Math.sqrt(alpha.reduce((sum, each) => sum + each ** 2, 0) / alpha.length);
}

/** The eigenvalue of every epoch; undefined in those that have none. */
function byEpoch(epochs: readonly number[], values: readonly (number | undefined)[]) {
  const all = new Array<number | undefined>(Math.max(...epochs) + 1).fill(undefined);
  epochs.forEach((epoch, i) => (all[epoch] = values[i]));
  return all;
}

/** Where early stopping would have stopped a search of ours. */
export function stoppingOf({ search, epochs }: Pick<StrengthRow, 'search' | 'epochs'>): Stopping | undefined {
  const values = byEpoch(
    epochs.map(({ epoch }) => epoch),
    epochs.map(({ dominantEigenvalue }) => dominantEigenvalue),
  );
  return search.stability && wouldStop(values, search.stability);
}

/** Skip connections of the cell that early stopping would have chosen; of the last one where it would not have stopped. */
export function stoppedSkips(row: StrengthRow): number {
  const stopping = stoppingOf(row);
  if (!stopping) return skipsOf(row);
  return skipsOf({ genotype: genotypeAfter(row.search, row, stopping.backTo + 1) });
}

// ---- The authors' searches ----

/** Where our rule would have stopped one of the authors' searches. */
export const loggedStopping = ({ epochs, dominantEigenvalue }: SearchFigures): Stopping | undefined =>
  wouldStop(byEpoch(epochs, dominantEigenvalue), FULL_RULE);

/** The largest of the eigenvalues along one of the authors' searches. */
export const loggedPeak = ({ dominantEigenvalue }: SearchFigures): number => Math.max(...dominantEigenvalue);

/** The last of them. */
export const loggedEnd = ({ dominantEigenvalue }: SearchFigures): number | undefined =>
  dominantEigenvalue.at(-1);

/** What the logs say; undefined where they are not here. */
export function logsIn({ rows }: Pick<CurvatureView, 'rows'>): KnownLogs | undefined {
  const found = rowsOfKind(rows, 'logs').at(0)?.found;
  return found?.known ? found : undefined;
}

/** Why nothing is known of the authors' searches, if that is so. */
export function logsMissing({ rows }: Pick<CurvatureView, 'rows'>): string | undefined {
  const found = rowsOfKind(rows, 'logs').at(0)?.found;
  return found && !found.known ? found.why : undefined;
}

/** The authors' searches in the space and on the data set of ours, or of those planned. */
export function ofTheirSpace(view: Pick<CurvatureView, 'rows'>): SearchFigures[] {
  const { space, dataset } =
    rowsOfKind(view.rows, 'search').at(0)?.search ?? fullStrength(STRENGTHS['l2-3e-4']);
  return (logsIn(view)?.searches ?? []).filter(
    (each) => each.space === space && each.dataset === dataset.name,
  );
}

/** Those of them that ours are the small ones of: with one of our strengths. */
export function counterparts(view: Pick<CurvatureView, 'rows'>): SearchFigures[] {
  return ofTheirSpace(view).filter((each) =>
    Object.values(STRENGTHS).some(({ l2, dropPath }) => l2 === each.l2 && dropPath === each.dropPath),
  );
}
