/**
 * Building blocks of protocols: schema leaves that say what they are and what they may be, and settings given by hand as
 * `path=value`. lib/search/protocol.ts shows how they go together.
 */
import { z } from 'zod';
import { UsageError, unknownName } from './errors.js';

/** The schema with what it is (`description`) and what it may be (`bounds`) in its metadata. */
export function described<T extends z.ZodType>(schema: T, description: string, bounds: string): T {
  return schema.meta({ description, bounds });
}

function integerSchema(min: number, max: number, multiple: number, error: string): z.ZodNumber {
  return z
    .number({ error })
    .int({ error })
    .min(min, { error })
    .max(max, { error })
    .multipleOf(multiple, { error });
}

function integerText(min: number, max: number, multiple: number): string {
  return `${multiple === 2 ? 'an even integer' : 'an integer'} from ${min} to ${max}`;
}

/** An integer, both bounds included. @param multiple  2 for an even one. */
export function integer(description: string, min: number, max: number, multiple = 1): z.ZodNumber {
  const error = integerText(min, max, multiple);
  return described(integerSchema(min, max, multiple, error), description, error);
}

/** An integer that may be left out. */
export function optionalInteger(description: string, min: number, max: number): z.ZodOptional<z.ZodNumber> {
  const error = integerText(min, max, 1);
  return described(integerSchema(min, max, 1, error).optional(), description, error);
}

/** Bounds of a real number. */
export interface Range {
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
}

function rangeText({ atLeast, above, atMost, below }: Range): string {
  return [
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
    ...(above === undefined ? [] : [`greater than ${above}`]),
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
    ...(below === undefined ? [] : [`less than ${below}`]),
  ].join(' and ');
}

function realSchema({ atLeast, above, atMost, below }: Range, error: string): z.ZodNumber {
  let schema = z.number({ error });
  if (atLeast !== undefined) schema = schema.gte(atLeast, { error });
  if (above !== undefined) schema = schema.gt(above, { error });
  if (atMost !== undefined) schema = schema.lte(atMost, { error });
  if (below !== undefined) schema = schema.lt(below, { error });
  return schema;
}

/** A finite number in the range. */
export function real(description: string, range: Range): z.ZodNumber {
  const error = `a number ${rangeText(range)}`;
  return described(realSchema(range, error), description, error);
}

/** A number in the range, or the one word that stands for something else. */
export function realOr<const Word extends string | null>(description: string, range: Range, word: Word) {
  const error = `a number ${rangeText(range)}, or ${JSON.stringify(word)}`;
  return described(z.union([realSchema(range, error), z.literal(word)], { error }), description, error);
}

/** A list of one or more integers, both bounds included. */
export function integers(description: string, min: number, max: number): z.ZodArray<z.ZodNumber> {
  const error = `a list of integers from ${min} to ${max}, e.g. [${min},${min + 1}]`;
  const list = z.array(integerSchema(min, max, 1, error), { error }).min(1, { error });
  return described(list, description, error);
}

/** A list of one or more finite numbers in the range. */
export function reals(description: string, range: Range): z.ZodArray<z.ZodNumber> {
  const error = `a list of numbers ${rangeText(range)}, e.g. [0.1,0.2]`;
  return described(z.array(realSchema(range, error), { error }).min(1, { error }), description, error);
}

/** One of the words. */
export function choice<const T extends readonly string[]>(description: string, allowed: T) {
  const error = `one of ${allowed.join(', ')}`;
  return described(z.enum(allowed, { error }), description, error);
}

/** true or false. */
export function flag(description: string): z.ZodBoolean {
  const error = 'true or false';
  return described(z.boolean({ error }), description, error);
}

/** The one value. */
export function constant<const T extends string | number>(description: string, value: T) {
  const error = JSON.stringify(value);
  return described(z.literal(value, { error }), description, error);
}

/** The sentence for a protocol's field that is absent, or holds what it must not. */
export function outOfRange(path: string, value: unknown, must: string): UsageError {
  if (value === undefined) return new UsageError(`The protocol lacks ${path}; it must be ${must}.`);
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return new UsageError(`${path} is ${shown}; it must be ${must}.`);
}

/**
 * A copy of the settings with assignments written as `path=value` made in order. A value is read as JSON where it is JSON
 * (`8`, `0.1`, `null`, `true`, `[2,4]`), else as a word. The result is not checked against any schema.
 *
 * @param allowed  The paths that may be set.
 * @param fixed    Paths that have another option, each with the reason why it cannot be set.
 * @throws {UsageError} for text of another form, an unknown path (with the allowed ones and the nearest), and a fixed one.
 */
export function assignSettings(
  settings: object,
  assignments: readonly string[],
  allowed: readonly string[],
  fixed: Readonly<Record<string, string>> = {},
): unknown {
  const next = structuredClone(settings) as Record<string, unknown>;
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    if (at < 1) {
      throw new UsageError(
        `The setting "${assignment}" is not path=value; write for example ${allowed.find((path) => path.endsWith('samples')) ?? allowed[0]}=8.`,
      );
    }
    const path = assignment.slice(0, at).trim();
    if (path in fixed) throw new UsageError(`${path} cannot be set: ${fixed[path]}.`);
    if (!allowed.includes(path)) throw unknownPath(path, allowed);
    const steps = path.split('.');
    const last = steps.pop()!;
    const parent = steps.reduce((group, step) => group[step] as Record<string, unknown>, next);
    parent[last] = readValue(assignment.slice(at + 1).trim());
  }
  return next;
}

function unknownPath(path: string, allowed: readonly string[]): UsageError {
  const inside = allowed.filter((each) => each.startsWith(`${path}.`));
  if (inside.length > 0)
    return new UsageError(`${path} is a group of settings; set one of ${inside.join(', ')}.`);
  const sameEnd = allowed.find((each) => each.endsWith(`.${path}`));
  if (sameEnd === undefined) return unknownName('setting', path, allowed);
  return new UsageError(
    `Unknown setting "${path}"; allowed: ${allowed.join(', ')}. Did you mean "${sameEnd}"?`,
  );
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** One field of a protocol. */
export interface FieldDescription {
  /** Dotted path, e.g. `solver.samples`. */
  readonly path: string;
  readonly description: string;
  /** What the value may be, in words. */
  readonly bounds: string;
}

/**
 * Every leaf of a schema with its meaning and bounds; of a choice between records the one that the value is, by the
 * `kind` it has (the first, where it has none).
 */
export function fieldsOf(schema: z.ZodObject, value: unknown, prefix = ''): FieldDescription[] {
  const inside = (part: unknown, name: string) =>
    (part as Record<string, unknown> | null | undefined)?.[name];
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const found = inside(value, name);
    if (field instanceof z.ZodObject) return fieldsOf(field, found, `${path}.`);
    if (field instanceof z.ZodDiscriminatedUnion) {
      const options = field.options as z.ZodObject[];
      const kind = inside(found, 'kind');
      const option = options.find((each) => (each.shape.kind as z.ZodLiteral).value === kind) ?? options[0];
      return fieldsOf(option, found, `${path}.`);
    }
    const { description = '', bounds = '' } = field.meta() as { description?: string; bounds?: string };
    return [{ path, description, bounds }];
  });
}

/**
 * The sentence for what is wrong with a value by a schema's own reckoning.
 *
 * @param issue  What the schema said first.
 * @param value  The whole value.
 * @param what   Names it: "An evaluation protocol".
 */
export function schemaFault(
  schema: z.ZodObject,
  issue: z.core.$ZodIssue,
  value: unknown,
  what: string,
): UsageError {
  const path = issue.path.join('.');
  const found = issue.path.reduce<unknown>(
    (at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step],
    value,
  );
  const fields = fieldsOf(schema, value);
  if (issue.code === 'unrecognized_keys') {
    const group = path === '' ? '' : `${path}.`;
    const allowed = fields.map((field) => field.path).filter((each) => each.startsWith(group));
    return unknownName('protocol field', `${group}${issue.keys[0]}`, allowed);
  }
  if (path === '')
    return new UsageError(`${what} must be a record of settings, not ${JSON.stringify(value)}.`);
  return outOfRange(
    path,
    found,
    fields.find((field) => field.path === path)?.bounds ?? 'a group of settings',
  );
}
