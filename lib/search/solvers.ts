import { UsageError, knownName } from '../errors.js';
import type { Preset } from '../settings.js';
import { ZERO_ORDER } from '../solvers/registry.js';
import type { ZeroOrderDefinition } from '../solvers/registry.js';
import { GRADIENT, gradientId } from './baselines.js';
import type { GradientId } from './baselines.js';
import type { SearchProtocol } from './protocol.js';

/**
 * The one index of solvers by name, for `--solver` and for tables: the gradient solvers of ./baselines.ts, then the zero-order
 * ones of lib/solvers/registry.ts, each followed by its names under one preset, then random search with weight sharing.
 */

/** The name of a solver. */
export type SolverId = GradientId | ZeroOrderDefinition['id'] | VariantOf<ZeroOrderDefinition> | 'random-ws';

type VariantOf<Definition> = Definition extends { readonly variants?: Readonly<Record<infer Name, unknown>> }
  ? Extract<Name, string>
  : never;

/** A solver that a search can be asked for by name. */
export interface SolverEntry {
  /** Its name in tables. */
  readonly title: string;
  /** The solver itself, where the name is that of one preset of it. */
  readonly base: SolverId;
  /** The preset that the name stands for; `paper` unless it is the name of another. */
  readonly preset: Preset;
  /** Whether presets read its algorithm in different ways. */
  readonly readByPreset: boolean;
}

function zeroOrderEntries({ id, title, presets, variants }: ZeroOrderDefinition): [string, SolverEntry][] {
  const readByPreset = presets !== undefined;
  const own = { [id]: { title, preset: 'paper' as const }, ...variants };
  return Object.entries(own).map(([name, entry]) => [name, { ...entry, base: id, readByPreset }]);
}

/** Every solver by its name, in the order in which tables show them. */
export const SOLVERS = Object.fromEntries([
  ...(Object.keys(GRADIENT) as GradientId[]).map((id): [string, SolverEntry] => [
    id,
    { title: GRADIENT[id].title, base: id, preset: 'paper', readByPreset: false },
  ]),
  ...ZERO_ORDER.flatMap(zeroOrderEntries),
  ['random-ws', { title: 'random-ws', base: 'random-ws', preset: 'paper', readByPreset: false }],
]) as Readonly<Record<SolverId, SolverEntry>>;

/** Every solver's name, in the order in which tables show them. */
export const SOLVER_IDS = Object.keys(SOLVERS) as readonly SolverId[];

/** Solvers that had another name. */
const RENAMED: Readonly<Record<string, SolverId>> = { random: 'random-alpha' };

/** The solver of that name. @throws {UsageError} with the allowed names for any other, and for an old one with the new. */
export function solverEntry(id: string): SolverEntry {
  if (Object.hasOwn(RENAMED, id)) {
    throw new UsageError(
      `The solver ${id} is now called ${RENAMED[id]}; random-ws is random search with weight sharing as its authors have it.`,
    );
  }
  return SOLVERS[knownName('solver', id, SOLVER_IDS)];
}

/** What a reader sees for a solver, whatever it is. */
export function solverTitle(id: string): string {
  return (SOLVERS as Readonly<Record<string, SolverEntry | undefined>>)[id]?.title ?? id;
}

/**
 * The solvers with one preset alone, in the order of tables: names that differ only in the preset fall together.
 *
 * @param preset  undefined for all of them.
 */
export function solversWith(ids: readonly SolverId[], preset: Preset | undefined): SolverId[] {
  const ordered = SOLVER_IDS.filter((id) => ids.includes(id));
  if (preset === undefined) return ordered;
  return ordered.filter(
    (id, i) => ordered.findIndex((other) => SOLVERS[other].base === SOLVERS[id].base) === i,
  );
}

/**
 * The name of the solver that a protocol's settings amount to. Zero-order solvers and random search keep their name whatever
 * they are combined with; a gradient solver is named after what it has beside the gradient.
 */
export function solverId(protocol: SearchProtocol): SolverId {
  return protocol.solver.kind === 'darts' ? gradientId(protocol) : protocol.solver.kind;
}
