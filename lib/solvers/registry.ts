import type { z } from 'zod';
import { unknownName } from '../errors.js';
import type { Fault, Preset } from '../settings.js';
import { GLD } from './gld.js';
import { MGS } from './mgs.js';
import { RANDOM_ALPHA } from './random-alpha.js';
import { RS } from './rs.js';
import type { Solver, SolverDeviation, SpaceStart } from './solver.js';

/**
 * Every zero-order solver, in the order in which tables show them. A new one is a line here: protocols, `--solver`, presets,
 * deviations and the tests against toy functions follow from its definition.
 */
export const ZERO_ORDER = [RS, MGS, GLD, RANDOM_ALPHA] as const;

/** What a zero-order solver is defined by. */
export type ZeroOrderDefinition = (typeof ZERO_ORDER)[number];

/** Schemas of the solvers' settings, for protocols that have one. */
export const ZERO_ORDER_SCHEMAS = ZERO_ORDER.map(({ schema }) => schema) as unknown as SchemasOf<
  typeof ZERO_ORDER
>;
type SchemasOf<List extends readonly { schema: z.ZodObject }[]> = {
  readonly [Place in keyof List]: List[Place]['schema'];
};

/** A zero-order solver's settings as plain data, every one of them. */
export type ZeroOrderSettings = z.infer<ZeroOrderDefinition['schema']>;

/** A solver as data: its kind and any of its settings. Fields that are no settings of the solver are not read. */
export type SolverSpec = {
  readonly [Kind in ZeroOrderSettings['kind']]: { readonly kind: Kind } & Partial<
    Omit<Extract<ZeroOrderSettings, { kind: Kind }>, 'kind'>
  >;
}[ZeroOrderSettings['kind']];

/** A definition whose own settings' types are forgotten, for code that knows no solver by name. */
export interface AnyDefinition {
  readonly title: string;
  readonly presets?: Partial<Record<Preset, object>>;
  readonly defaults: object;
  inSpace?(space: SpaceStart): object;
  faults?(settings: object, name: (setting: string) => string): readonly Fault[];
  deviations?(settings: object, preset: Preset): readonly SolverDeviation[];
  create(options: object): Solver;
}

/** The definition of the zero-order solver with that id, if there is one. */
export function zeroOrderDefinition(id: string): AnyDefinition | undefined {
  return ZERO_ORDER.find((each) => each.id === id);
}

/**
 * The solver that a piece of data describes, e.g. `createSolver({ kind: 'mgs', samples: 8 })`.
 *
 * @throws {UsageError} for an unknown kind; {SolverError} for an option out of range.
 */
export function createSolver({ kind, ...options }: SolverSpec): Solver {
  const definition = zeroOrderDefinition(kind);
  const ids = ZERO_ORDER.map(({ id }) => id);
  if (!definition) throw unknownName('solver', kind, ids);
  return definition.create(options);
}
