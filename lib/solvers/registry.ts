import type { z } from 'zod';
import { unknownName } from '../errors.js';
import { GLD } from './gld.js';
import { MGS } from './mgs.js';
import { RANDOM } from './random.js';
import { RS } from './rs.js';
import type { Solver } from './solver.js';

/**
 * Every zero-order solver, in the order in which tables show them. A new one is a line here: protocols, `--solver`, presets,
 * deviations and the tests against toy functions follow from its definition.
 */
export const ZERO_ORDER = [RS, MGS, GLD, RANDOM] as const;

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

/** The definition of the zero-order solver with that id, if there is one. */
export function zeroOrderDefinition(id: string): ZeroOrderDefinition | undefined {
  return ZERO_ORDER.find((each) => each.id === id);
}

/**
 * The solver that a piece of data describes, e.g. `createSolver({ kind: 'mgs', samples: 8 })`.
 *
 * @throws {UsageError} for an unknown kind; {SolverError} for an option out of range.
 */
export function createSolver(spec: SolverSpec): Solver {
  const { kind, ...options } = spec;
  const definition = zeroOrderDefinition(kind);
  if (!definition) {
    throw unknownName(
      'solver',
      kind,
      ZERO_ORDER.map(({ id }) => id),
    );
  }
  // `tell` is only ever given what the same solver's `ask` returned.
  return (definition.create as (options: object) => Solver)(options);
}
