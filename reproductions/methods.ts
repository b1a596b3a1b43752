/** The methods that the paper's tables compare, as readers see them: solvers by name, and published cells. */
import { PALETTE } from '../lib/report/theme.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { solverSearch } from '../lib/search/presets.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import { SOLVER_IDS, solverTitle } from '../lib/search/solvers.js';
import type { SolverId } from '../lib/search/solvers.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';

/** What a reader sees for a search space. */
export const spaceTitle = (space: string): string =>
  space === 'darts' ? 'DARTS space' : space.toUpperCase();

/** The same inside a sentence. */
export const spaceText = (space: string): string => `${space === 'darts' ? 'the ' : ''}${spaceTitle(space)}`;

/** What a reader sees for a method, or for published cells. */
export function methodTitle(id: string): string {
  return id in KNOWN_GENOTYPES ? `${id} (published)` : solverTitle(id);
}

/** That two spaces have one and the same random search. */
export const SAME_RANDOM_SEARCH =
  'Random search with weight sharing draws no none, so that in S3 it is S2’s: the same searches stand in both.';

/** The space that a method's searches in a space are made in: where two have the same ones, they are made once. */
export function searchedIn(id: string, space: SpaceId): SpaceId {
  return id === 'random-ws' && space === 's3' ? 's2' : space;
}

/** Whether cells have such a search in the place of another space's. */
export function sharesRandomSearch(
  cells: readonly { readonly axes: { readonly method: string; readonly space?: string } }[],
): boolean {
  return cells.some(
    ({ axes: { method, space } }) => space !== undefined && searchedIn(method, space as SpaceId) !== space,
  );
}

/**
 * The search of a method as tables and figures of cells compare it, so that they share their runs: at `laptop`, in the
 * spaces made for DARTS to fail in, as long and on as few images as it takes for DARTS to fail (PILOTS.md), with its alphas.
 */
export function comparedSearch(
  id: SolverId,
  space: SpaceId,
  dataset: FileDatasetName,
  budget: Budget,
  preset?: Preset,
  length: 'long' | 'repeated' = 'repeated',
): SearchProtocol {
  if (space === 'darts') return solverSearch(id, space, dataset, budget, { preset });
  const own = searchedIn(id, space);
  const every = budget === 'laptop' && length === 'repeated' ? REPEATED_EVERY : 1;
  return applySet(solverSearch(id, own, dataset, budget, { preset, length }), `history.alphaEvery=${every}`);
}

/** Epochs from one record of alpha to the next in searches of many short epochs. */
const REPEATED_EVERY = 8;

/** Every method but these. */
export function methodsBut(...ids: readonly SolverId[]): SolverId[] {
  return SOLVER_IDS.filter((id) => !ids.includes(id));
}

/** What networks are, for colours: how a chart calls them, and the colour. */
const FAMILIES = {
  printed: '#9a9a9a',
  'published cells': PALETTE[3],
  'DARTS and what follows it': PALETTE[0],
  ZARTS: PALETTE[1],
  'random search': PALETTE[2],
} as const;

/** A kind of networks. */
export type Family = keyof typeof FAMILIES;

/** What a method is a kind of, for colours. */
export function familyOf(id: string): Family {
  if (id in KNOWN_GENOTYPES) return 'published cells';
  if (id === 'random-alpha' || id === 'random-ws') return 'random search';
  return ['rs', 'mgs', 'mgs-flat', 'gld'].includes(id) ? 'ZARTS' : 'DARTS and what follows it';
}

/** The colour of each family that is there. */
export function familyColors(field: string, there: readonly Family[]): Readonly<Record<string, unknown>> {
  const domain = (Object.keys(FAMILIES) as Family[]).filter((family) => there.includes(family));
  const scale = { domain, range: domain.map((family) => FAMILIES[family]) };
  return { field, type: 'nominal', scale, legend: { title: null, orient: 'bottom' } };
}
