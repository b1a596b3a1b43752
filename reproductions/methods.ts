/** The methods that the paper's tables compare, as searches. */
import { PALETTE } from '../lib/report/theme.js';
import { fullSearch, onDataset, withBudget } from '../lib/search/presets.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import type { SolverId } from '../lib/search/solver-id.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { SpaceId } from '../lib/spaces/spaces.js';

/** A method of a table. */
export interface Method {
  /** What a reader sees. */
  readonly title: string;
  readonly solver: SolverId;
  /** How the paper's algorithm is read; the gradient methods are the same under every preset. */
  readonly preset: Preset;
}

/** Every method by its id, in the order in which tables show them. */
export const METHODS = {
  'darts-1st': { title: 'DARTS 1st', solver: 'darts-1st', preset: 'paper' },
  'darts-2nd': { title: 'DARTS 2nd', solver: 'darts-2nd', preset: 'paper' },
  'rdarts-dp': { title: 'R-DARTS(DP)', solver: 'rdarts-dp', preset: 'paper' },
  'rdarts-l2': { title: 'R-DARTS(L2)', solver: 'rdarts-l2', preset: 'paper' },
  'darts-es': { title: 'DARTS-ES', solver: 'darts-es', preset: 'paper' },
  'darts-ada': { title: 'DARTS-ADA', solver: 'darts-ada', preset: 'paper' },
  'pc-darts': { title: 'PC-DARTS', solver: 'pc-darts', preset: 'paper' },
  'sdarts-rs': { title: 'SDARTS-RS', solver: 'sdarts-rs', preset: 'paper' },
  'sdarts-adv': { title: 'SDARTS-ADV', solver: 'sdarts-adv', preset: 'paper' },
  rs: { title: 'ZARTS-RS', solver: 'rs', preset: 'paper' },
  mgs: { title: 'ZARTS-MGS', solver: 'mgs', preset: 'paper' },
  'mgs-flat': { title: 'MGS flat', solver: 'mgs', preset: 'flat' },
  gld: { title: 'ZARTS-GLD', solver: 'gld', preset: 'paper' },
  random: { title: 'random', solver: 'random', preset: 'paper' },
} as const satisfies Readonly<Record<string, Method>>;

/** The id of a method. */
export type MethodId = keyof typeof METHODS;

/** Every method's id, in the order in which tables show them. */
export const METHOD_IDS = Object.keys(METHODS) as readonly MethodId[];

/** Methods whose searches a preset reads in its own way. */
const READ_BY_PRESET: readonly SolverId[] = ['mgs', 'rs', 'gld'];

/**
 * The methods with one preset alone: what differs only in the preset falls together. Under `released`, RS and GLD have the
 * settings of the released script that draws optimization paths.
 */
export function methodsWith(ids: readonly MethodId[], preset: Preset | undefined): MethodId[] {
  const ordered = METHOD_IDS.filter((id) => ids.includes(id));
  if (preset === undefined) return ordered;
  return ordered.filter(
    (id, i) => ordered.findIndex((other) => METHODS[other].solver === METHODS[id].solver) === i,
  );
}

/**
 * The search of a method.
 *
 * @param preset  Takes the place of the method's own, where the method is read by preset.
 */
export function methodSearch(
  id: MethodId,
  space: SpaceId,
  dataset: string,
  budget: Budget,
  preset?: Preset,
): SearchProtocol {
  const { solver, preset: own } = METHODS[id];
  const read = READ_BY_PRESET.includes(solver) ? (preset ?? own) : own;
  return withBudget(onDataset(fullSearch(space, solver, read), dataset), budget);
}

/** What a reader sees for a method, or for published cells. */
export function methodTitle(id: string): string {
  if (id in KNOWN_GENOTYPES) return `${id} (published)`;
  return id in METHODS ? METHODS[id as MethodId].title : id;
}

/** Every method but these. */
export function methodsBut(...ids: readonly MethodId[]): MethodId[] {
  return METHOD_IDS.filter((id) => !ids.includes(id));
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
  if (id === 'random') return 'random search';
  return ['rs', 'mgs', 'mgs-flat', 'gld'].includes(id) ? 'ZARTS' : 'DARTS and what follows it';
}

/** The colour of each family that is there. */
export function familyColors(field: string, there: readonly Family[]): Readonly<Record<string, unknown>> {
  const domain = (Object.keys(FAMILIES) as Family[]).filter((family) => there.includes(family));
  const scale = { domain, range: domain.map((family) => FAMILIES[family]) };
  return { field, type: 'nominal', scale, legend: { title: null, orient: 'bottom' } };
}
