import { compile } from '../../lib/engine/index.js';
import type { HostArray, HostArrays, Program, ProgramFunction, TensorSpec } from '../../lib/engine/index.js';
import { ZartsError } from '../../lib/errors.js';
import { cellEdges, defineSpace } from '../../lib/spaces/spaces.js';
import type { Cell, SearchSpace } from '../../lib/spaces/spaces.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import type { FixtureArray, FixtureCase, Fixtures } from './fixtures.js';

/** What the runners of cases share: arrays in and out, both forms of a program, comparing. */

/** The form in which a case was computed: JavaScript numbers, TensorFlow.js eagerly, or a compiled program. */
export type Form = 'plain' | 'eager' | 'compiled';

/** The largest error of one array of a case, next to its tolerance. */
export interface ArrayError {
  readonly array: string;
  readonly form: Form;
  readonly error: number;
  readonly tolerance: number;
}

/** Runs a case; {@link NotCovered} if it asks for something that this library does not do. */
export type CaseRunner = (c: FixtureCase, fixtures: Fixtures) => ArrayError[];

/** A reference case, or a part of one, that asks for something this library does not do (yet). */
export class NotCovered extends ZartsError {}

/** Values computed for a case, by the names that the manifest gives them. */
export type Computed = Readonly<Record<string, ArrayLike<number>>>;

/**
 * The errors of what a program computes, eagerly and compiled.
 *
 * @param use  Calls the program; returns what it computed by array name.
 */
export function inBothForms<Name extends string>(
  c: FixtureCase,
  state: HostArrays,
  functions: Readonly<Record<Name, ProgramFunction>>,
  use: (program: Program<Name>) => Computed,
): ArrayError[] {
  return (['eager', 'compiled'] as const).flatMap((form) => {
    const program = compile(state, functions, { compile: form === 'compiled' });
    try {
      return compare(c, form, use(program));
    } finally {
      program.dispose();
    }
  });
}

/** The error of every expected array of the case that was computed. */
export function compare(c: FixtureCase, form: Form, computed: Computed): ArrayError[] {
  return expectedArrays(c)
    .filter((name) => name in computed)
    .map((name) => ({
      array: name,
      form,
      error: largestError(computed[name], c.arrays[name].data),
      tolerance: toleranceOf(c, name),
    }));
}

/** The names of the arrays that the case gives as results. */
export function expectedArrays({ info }: FixtureCase): string[] {
  return Object.keys(info).filter((name) => info[name].role.startsWith('expected'));
}

function toleranceOf(c: FixtureCase, name: string): number {
  const tolerance = c.info[name].suggested_atol;
  if (tolerance === undefined) throw new ZartsError(`Case ${c.id}, array "${name}" has no tolerance.`);
  return tolerance;
}

/** Something that is right or wrong as a whole, as an error of 0 or 1 with tolerance 0. */
export function exact(array: string, right: boolean, form: Form = 'plain'): ArrayError {
  return { array, form, error: right ? 0 : 1, tolerance: 0 };
}

/** The errors of a case whose weights lie where ours do; of another, that they do not. */
export function withLayout(same: boolean, errors: () => readonly ArrayError[]): ArrayError[] {
  return [exact('layout', same), ...(same ? errors() : [])];
}

/** Largest absolute difference; equal infinities agree; a length or a NaN that differs is an infinite error. */
export function largestError(computed: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (computed.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Object.is(computed[i], expected[i]) ? 0 : Math.abs(computed[i] - expected[i]);
    largest = Math.max(largest, Number.isNaN(difference) ? Infinity : difference);
  }
  return largest;
}

/** An array of the case. @throws {ZartsError} if it has none of that name. */
export function arrayOf(c: FixtureCase, name: string): FixtureArray {
  if (!(name in c.arrays)) throw new ZartsError(`Case ${c.id} has no array "${name}"; it cannot be run.`);
  return c.arrays[name];
}

/** An array of the case, as a program takes it. */
export function hostArray(c: FixtureCase, name: string): HostArray {
  const { shape, data, dtype } = arrayOf(c, name);
  return { shape, data: dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data) };
}

/** Arrays of the case by name, as a program takes them. */
export function hostArrays(c: FixtureCase, names: readonly string[]): HostArrays {
  return Object.fromEntries(names.map((name) => [name, hostArray(c, name)]));
}

/** The shape and type that a program declares for a value. */
export function specOf({ shape, data }: HostArray): TensorSpec {
  return { shape, dtype: data instanceof Int32Array ? 'int32' : 'float32' };
}

/** The shapes and types of several. */
export function specsOf(arrays: HostArrays): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, specOf(array)]));
}

/** A number among the case's constants. @throws {ZartsError} if there is none. */
export function numberOf(c: FixtureCase, name: string): number {
  const value = c.constants[name];
  if (typeof value !== 'number') {
    throw new ZartsError(`Case ${c.id} has no number "${name}" among its constants; it cannot be run.`);
  }
  return value;
}

/** Intermediate nodes of a cell, from the number of edges that have alphas. */
export function nodesOf(c: FixtureCase): number {
  const edges = arrayOf(c, 'alpha_normal').shape.at(-2)!;
  let nodes = 1;
  while (cellEdges(nodes).length < edges) nodes++;
  return nodes;
}

/** The space that a case's constants list: one list of primitives for all edges, or one for each; undefined for none. */
export function listedSpace({ id, constants }: FixtureCase, nodes: number): SearchSpace | undefined {
  const cell = (kind: Cell): Primitive[][] | undefined => {
    const own = (constants[`primitives_${kind}`] ?? constants.primitives) as
      Primitive[] | Primitive[][] | undefined;
    if (own === undefined || Array.isArray(own[0])) return own as Primitive[][] | undefined;
    return cellEdges(nodes).map(() => own as Primitive[]);
  };
  const [normal, reduce] = [cell('normal'), cell('reduce')];
  return normal && reduce && defineSpace({ name: id, nodes, edges: { normal, reduce } });
}

/** Refuses a case whose batch norms are not ours (ε = 1e-5). */
export function checkEpsilon({ constants }: FixtureCase): void {
  const { bn_eps: epsilon } = constants;
  if (epsilon !== undefined && epsilon !== 1e-5) {
    throw new NotCovered(`its batch norms have ε = ${JSON.stringify(epsilon)}; ours have 1e-5`);
  }
}

/** Euclidean norm, summed in double precision. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}
