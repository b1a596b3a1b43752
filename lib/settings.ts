/**
 * Building blocks of protocols. A setting is described in one place: the schema leaf says what it may be, and with
 * {@link setting} its default and where that comes from; its comment says what it is, which completion in a notebook shows.
 * lib/search/protocol.ts shows how they go together.
 */
import { z } from 'zod';
import { UsageError, unknownName } from './errors.js';

/** Whose algorithm: the paper's text, the released code, or the paper's idea with a constant proposal density. */
export const PRESETS = ['paper', 'released', 'flat'] as const;
/** Whose algorithm a protocol follows. */
export type Preset = (typeof PRESETS)[number];

/** How much computing: seconds (tests), minutes on two cores (notebooks), the paper's own settings. */
export const BUDGETS = ['smoke', 'laptop', 'full'] as const;
/** How much computing a protocol asks for. */
export type Budget = (typeof BUDGETS)[number];

/** Where a full setting comes from: the paper's text, the released scripts, a baseline's own paper or code, or us. */
export type SettingSource = 'paper' | 'released scripts' | 'baseline paper' | 'baseline code' | 'ours';

/** What is known of a leaf beside its type. */
interface Facts {
  /** What the value may be, in words. */
  readonly bounds: string;
  readonly value?: unknown;
  readonly source?: SettingSource;
  /** Why it cannot be changed by hand. */
  readonly fixed?: string;
}

function withFacts<T extends z.ZodType>(schema: T, facts: Partial<Facts>): T {
  return schema.meta({ ...schema.meta(), ...facts });
}

/** The schema with what it may be, in words. */
export function bounded<T extends z.ZodType>(schema: T, bounds: string): T {
  return withFacts(schema, { bounds });
}

/** The leaf with its default and where that comes from. */
export function setting<T extends z.ZodType>(
  schema: T,
  value: z.infer<T>,
  source: SettingSource = 'ours',
): T {
  return withFacts(schema, { value, source });
}

/** A setting that is changed in another way than by hand: its own option, or not at all. @param reason  Which, or why not. */
export function fixed<T extends z.ZodType>(schema: T, reason: string): T {
  return withFacts(schema, { fixed: reason });
}

/** What a record of settings has under each name. */
export type Shape<T> = { [Name in keyof T]: z.ZodType };

/** The schema of a record of settings. */
export type RecordOf<T extends Shape<T>> = z.ZodObject<{ [Name in keyof T]: T[Name] }, z.core.$strict>;

/**
 * A record of settings, each with a comment of its own. Of a class rather than of a literal, the comments can be read in other
 * files too: declarations refer to a class by its name, and copy a literal without them.
 */
export function record<T extends Shape<T>>(settings: T): RecordOf<T> {
  return z.strictObject({ ...settings });
}

/** An integer, both bounds included. @param multiple  2 for an even one. */
export function integer(min: number, max: number, multiple = 1): z.ZodNumber {
  const what = multiple === 2 ? 'an even integer' : 'an integer';
  return bounded(z.int().min(min).max(max).multipleOf(multiple), `${what} from ${min} to ${max}`);
}

/** Bounds of a real number. */
export interface Range {
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
}

/** A finite number in the range. */
export function real({ atLeast, above, atMost, below }: Range): z.ZodNumber {
  const limits = [
    { limit: atLeast, words: 'at least', check: z.gte },
    { limit: above, words: 'greater than', check: z.gt },
    { limit: atMost, words: 'at most', check: z.lte },
    { limit: below, words: 'less than', check: z.lt },
  ].flatMap(({ limit, words, check }) =>
    limit === undefined ? [] : [{ text: `${words} ${limit}`, check: check(limit) }],
  );
  const text = limits.map((limit) => limit.text).join(' and ');
  return bounded(z.number().check(...limits.map(({ check }) => check)), `a number ${text}`);
}

/** What the schema takes, or the one word that stands for something else. */
export function or<T extends z.ZodType, const Word extends string | null>(schema: T, word: Word) {
  const bounds = `${factsOf(schema).bounds}, or ${JSON.stringify(word)}`;
  return bounded(z.union([schema, z.literal(word)]), bounds);
}

/** A list of one or more. @param what  Its items, in words. */
export function list<T extends z.ZodType>(item: T, what: string, example: z.infer<T>[]): z.ZodArray<T> {
  return bounded(z.array(item).min(1), `a list of ${what}, e.g. ${JSON.stringify(example)}`);
}

/** One of the words, or of the numbers. */
export function choice<const T extends readonly (string | number)[]>(allowed: T): z.ZodLiteral<T[number]> {
  return bounded(z.literal(allowed as unknown as T[number][]), `one of ${allowed.join(', ')}`);
}

/** true or false. */
export function flag(): z.ZodBoolean {
  return bounded(z.boolean(), 'true or false');
}

/** The one value, which is no choice. */
export function constant<const T extends string | number>(value: T): z.ZodLiteral<T> {
  return withFacts(z.literal(value), { bounds: JSON.stringify(value), value, fixed: 'it is fixed' });
}

/** What is in a record under a name. */
const inside = (value: unknown, name: PropertyKey): unknown =>
  (value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[name];

/** What is at a dotted path of a value. */
export function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce(inside, value);
}

/**
 * The record that a field is; of a choice between several the one with the value's `kind` (the first, where it has none);
 * undefined for a leaf.
 */
function recordOf(field: z.ZodType, value: unknown): z.ZodObject | undefined {
  if (field instanceof z.ZodExactOptional) return recordOf(field.unwrap() as z.ZodType, value);
  if (field instanceof z.ZodObject) return field;
  if (!(field instanceof z.ZodDiscriminatedUnion)) return undefined;
  const options = field.options as z.ZodObject[];
  return options.find((option) => kindOf(option) === inside(value, 'kind')) ?? options[0];
}

/** What tells a record from the others of a choice; undefined where its `kind` is a setting like any other. */
function kindOf({ shape }: z.ZodObject): unknown {
  const kinds = shape.kind instanceof z.ZodLiteral ? [...shape.kind.values] : [];
  return kinds.length === 1 ? kinds[0] : undefined;
}

/** One field of a protocol. */
export interface Field extends Facts {
  /** Dotted path, e.g. `solver.samples`. */
  readonly path: string;
  /** Of a record's kind: the kinds that there are. */
  readonly kinds?: readonly string[];
}

/** Every leaf that a schema has for a value, those of optional groups included. */
export function fieldsOf(schema: z.ZodObject, value: unknown, prefix = ''): Field[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]): Field[] => {
    const path = `${prefix}${name}`;
    const nested = recordOf(field, inside(value, name));
    if (!nested) return [{ path, ...factsOf(field) }];
    const fields = fieldsOf(nested, inside(value, name), `${path}.`);
    if (!(field instanceof z.ZodDiscriminatedUnion)) return fields;
    // The kind is no constant here but a choice, unless that is fixed.
    const kinds = (field.options as z.ZodObject[]).map((option) => String(kindOf(option)));
    const kind = { path: `${path}.kind`, ...factsOf(field), bounds: `one of ${kinds.join(', ')}`, kinds };
    return fields.map((each) => (each.path === kind.path ? kind : each));
  });
}

/** What was asked for once: zod gathers it anew each time, and listing what there is makes thousands of protocols. */
const knownFacts = new WeakMap<z.ZodType, Facts>();

function factsOf(field: z.ZodType): Facts {
  const known = knownFacts.get(field);
  if (known) return known;
  const bare = field instanceof z.ZodExactOptional ? (field.unwrap() as z.ZodType) : field;
  const facts = { bounds: '', ...(bare.meta() as Partial<Facts> | undefined) };
  knownFacts.set(field, facts);
  return facts;
}

/** Every leaf that a value has. */
export function describe(schema: z.ZodObject, value: unknown): Field[] {
  return fieldsOf(schema, value).filter(({ path }) => valueAt(value, path) !== undefined);
}

/** The paths that can be set by hand, those of optional groups that are off included. */
export function settablePaths(schema: z.ZodObject, value: unknown): string[] {
  return fieldsOf(schema, value).flatMap(({ path, fixed: why }) => (why === undefined ? [path] : []));
}

/** The defaults of a record's fields; a field without one, and an optional group, is left out. */
export function defaultsOf<T extends z.ZodObject>(schema: T): z.infer<T> {
  const values = Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    if (field instanceof z.ZodObject) return [[name, defaultsOf(field)]];
    const { value } = field instanceof z.ZodExactOptional ? {} : factsOf(field);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(values) as z.infer<T>;
}

/** What is wrong between fields that are each within their own bounds. */
export interface Fault {
  readonly path: string;
  readonly value: unknown;
  /** What it must be. */
  readonly must: string;
}

/** The sentence for a protocol's field that is absent, or holds what it must not. */
export function outOfRange(path: string, value: unknown, must: string): UsageError {
  if (value === undefined) return new UsageError(`The protocol lacks ${path}; it must be ${must}.`);
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return new UsageError(`${path} is ${shown}; it must be ${must}.`);
}

/**
 * The value as the schema has it.
 *
 * @param what  Names it in a sentence: "An evaluation protocol".
 * @throws {UsageError} one sentence with the first fault's field, value and bounds.
 */
export function parseSettings<T extends z.ZodObject>(schema: T, value: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // What is wrong within a list is told of the whole of it.
  const item = issue.path.findIndex((step) => typeof step === 'number');
  const steps = item < 0 ? issue.path : issue.path.slice(0, item);
  const path = steps.join('.');
  const fields = fieldsOf(schema, value);
  if (issue.code === 'unrecognized_keys') {
    const group = path === '' ? '' : `${path}.`;
    const allowed = fields.map((field) => field.path).filter((each) => each.startsWith(group));
    throw unknownName('protocol field', `${group}${issue.keys[0]}`, allowed);
  }
  if (path === '') {
    throw new UsageError(`${what} must be a record of settings, not ${JSON.stringify(value)}.`);
  }
  const found = steps.reduce<unknown>(inside, value);
  const { bounds = 'a group of settings', kinds } = fields.find((field) => field.path === path) ?? {};
  if (kinds && found !== undefined) {
    throw unknownName(String(steps.at(-2)), JSON.stringify(found).replace(/^"|"$/g, ''), kinds);
  }
  throw outOfRange(path, found, bounds);
}

/** The settings of a record, as a solver or a program takes them. */
export type SettingsOf<T> = {
  readonly [Name in keyof T]: T[Name] extends z.ZodType ? z.infer<T[Name]> : never;
};

/** The word that switches an optional group or setting off. */
export const NONE = 'none';

/**
 * What of a protocol can be changed, as plain data, e.g. `{ solver: { samples: 8 }, epochs: 5 }`; with "none" for an optional
 * group that is to be off. Names, values and comments are those of the schema.
 */
export type ChangeOf<T> =
  T extends z.ZodExactOptional<infer Inner>
    ? ChangeOf<Inner> | typeof NONE
    : T extends z.ZodDiscriminatedUnion<infer Options>
      ? ChangeOf<Options[number]>
      : T extends z.ZodObject<infer Shape>
        ? { readonly [Name in keyof Shape]?: ChangeOf<Shape[Name]> }
        : T extends z.ZodLiteral<infer Values>
          ? Values
          : T extends z.ZodType
            ? z.infer<T>
            : never;

/** A change as `--set` gives it: checked when it is applied. */
export type ParsedChange = Readonly<Record<string, unknown>>;

/** A kind of protocol: its schema, and what reads a value as one. */
export interface Format<T extends z.ZodObject, Protocol> {
  readonly schema: T;
  /** The value as a protocol, checked whole. @throws {UsageError} one sentence with the first fault's field, value and bounds. */
  readonly parse: (value: unknown) => Protocol;
}

/** The format of a schema. @param what  As {@link parseSettings}. @param checked  What else must hold between its fields. */
export function formatOf<T extends z.ZodObject>(
  schema: T,
  what: string,
  checked: (parsed: z.infer<T>) => z.infer<T> = (parsed) => parsed,
): Format<T, z.infer<T>> {
  return { schema, parse: (value) => checked(parseSettings(schema, value, what)) };
}

/**
 * A copy of the protocol with a change made, checked whole. A setting of an optional group that is off switches it on, the
 * rest of it at its defaults; where the kind of a record changes, settings that both kinds have stay.
 *
 * @throws {UsageError} for an unknown name (with the allowed ones and the nearest), one that has an option of its own, and a
 *         value out of range.
 */
export function applyChange<T extends z.ZodObject, Protocol>(
  { schema, parse }: Format<T, Protocol>,
  protocol: Protocol,
  change: ChangeOf<T> | ParsedChange,
): Protocol {
  return parse(changed(schema, protocol, change));
}

/** The value with a change made, not checked as a whole. */
export function changed(schema: z.ZodObject, value: unknown, change: ParsedChange): unknown {
  let fields: Field[] | undefined;
  const fixedAt = (path: string): string | undefined =>
    (fields ??= fieldsOf(schema, value)).find((each) => each.path === path)?.fixed;
  const walk = (at: z.ZodObject, found: unknown, wanted: ParsedChange, prefix: string): object => {
    const next: Record<string, unknown> = { ...(found as object) };
    for (const [name, to] of Object.entries(wanted)) {
      const path = `${prefix}${name}`;
      const field = Object.hasOwn(at.shape, name) ? (at.shape[name] as z.ZodType) : undefined;
      if (!field) throw unknownPath(path, settablePaths(schema, value));
      if (to === undefined) continue;
      if (field instanceof z.ZodExactOptional && to === NONE) {
        delete next[name];
        continue;
      }
      const nested = recordOf(field, inside(to, 'kind') === undefined ? next[name] : to);
      if (!nested) {
        const why = fixedAt(path);
        if (why !== undefined) throw new UsageError(`${path} cannot be set: ${why}.`);
        next[name] = to;
      } else if (typeof to !== 'object' || to === null || Array.isArray(to)) {
        throw unknownPath(path, settablePaths(schema, value));
      } else {
        next[name] = walk(nested, startOf(nested, next[name]), to as ParsedChange, `${path}.`);
      }
    }
    return next;
  };
  return walk(schema, value, change, '');
}

/** What a record has before a change: as it is, of another kind, or at its defaults where it was off. */
function startOf(to: z.ZodObject, found: unknown): unknown {
  const kind = kindOf(to);
  if (found !== undefined && (kind === undefined || inside(found, 'kind') === kind)) return found;
  const shared = Object.entries(found ?? {}).filter(([name]) => name in to.shape);
  return { ...defaultsOf(to), ...Object.fromEntries(shared.filter(([name]) => name !== 'kind')) };
}

function unknownPath(path: string, allowed: readonly string[]): UsageError {
  const within = allowed.filter((each) => each.startsWith(`${path}.`));
  if (within.length > 0)
    return new UsageError(`${path} is a group of settings; set one of ${within.join(', ')}.`);
  const sameEnd = allowed.find((each) => each.endsWith(`.${path}`));
  if (sameEnd === undefined) return unknownName('setting', path, allowed);
  return new UsageError(
    `Unknown setting "${path}"; allowed: ${allowed.join(', ')}. Did you mean "${sameEnd}"?`,
  );
}

/**
 * The change that settings written as `path=value` make. A value is read as JSON where it is JSON (`8`, `0.1`, `null`,
 * `true`, `[2,4]`), else as a word; of two for one path the later counts.
 *
 * @param example  Shown in the sentence for text of another form.
 * @throws {UsageError} for such text.
 */
export function parseSet(assignments: readonly string[], example = 'epochs=5'): ParsedChange {
  return assignments.reduce<ParsedChange>((change, assignment) => {
    const at = assignment.indexOf('=');
    if (at < 1) {
      throw new UsageError(`The setting "${assignment}" is not path=value; write for example ${example}.`);
    }
    const steps = assignment.slice(0, at).trim().split('.');
    const value = readValue(assignment.slice(at + 1).trim());
    return merged(
      change,
      steps.reduceRight<unknown>((inner, step) => Object.fromEntries([[step, inner]]), value),
    );
  }, {});
}

/** Two changes as one; where both say something the second counts. */
export function merged(first: unknown, second: unknown): ParsedChange {
  const isGroup = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isGroup(first) || !isGroup(second)) return second as ParsedChange;
  const both = Object.entries(second as ParsedChange).map(([name, value]) => [
    name,
    Object.hasOwn(first as object, name) ? merged(inside(first, name), value) : value,
  ]);
  return { ...(first as ParsedChange), ...(Object.fromEntries(both) as ParsedChange) };
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
