/**
 * What is asked of an experiment, and the grid that it makes its runs from: budget, seeds, names chosen, settings changed. A
 * change is one typed object, `{ solver: { sigma: 0.1 }, space: 's3' }`; `--set a.b=c` is read into the same.
 */
import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';
import { UsageError, unknownName } from '../lib/errors.js';
import type { EvaluationChange } from '../lib/evaluation/protocol.js';
import { LANDSCAPE, PATH } from '../lib/search/landscape-protocol.js';
import type {
  LandscapeChange,
  LandscapeProtocol,
  PathChange,
  PathProtocol,
} from '../lib/search/landscape-protocol.js';
import { SEARCH } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchChange, SearchProtocol } from '../lib/search/protocol.js';
import { applyChange, changed, merged, NONE, parseSet as parsed, settablePaths } from '../lib/settings.js';
import type { Format, ParsedChange } from '../lib/settings.js';
import type { RunKind } from './kinds.js';
import { TOYS } from './toy-protocol.js';
import type { ToyChange, ToySettings } from './toy-protocol.js';
import { changedTraining } from './training.js';
import type { TrainingSettings } from './training.js';

/** A name, or several, of a grid that can be chosen. */
export interface Choice<T extends string | number, Several extends boolean> {
  /** What it is, for sentences: "search space". */
  readonly what: string;
  /** The names there are; left out: whole numbers of 1 or more. */
  readonly all?: readonly T[];
  readonly several: Several;
  readonly default: (budget: Budget) => Several extends true ? readonly T[] : T;
}

/** What of an experiment's grid can be chosen: by a name of its own, or one within a group of settings, `dataset.name`. */
export type Choices = Readonly<Record<string, Choice<string, boolean> | Choice<number, boolean>>>;

/** One of the names. */
export function one<T extends string>(
  what: string,
  all: readonly T[],
  atBudget: (budget: Budget) => T,
): Choice<T, false> {
  return { what, all, several: false, default: atBudget };
}

/** One or more of the names, in their own order. */
export function some<T extends string>(
  what: string,
  all: readonly T[],
  atBudget: (budget: Budget) => readonly T[],
): Choice<T, true> {
  return { what, all, several: true, default: atBudget };
}

/** A whole number of 1 or more. */
export function count(what: string, atBudget: (budget: Budget) => number): Choice<number, false> {
  return { what, several: false, default: atBudget };
}

/** What was chosen. */
export type Chosen<C extends Choices> = {
  readonly [Name in keyof C]: C[Name] extends Choice<infer T, infer Several>
    ? Several extends true
      ? readonly T[]
      : T
    : never;
};

/** The names that a change may choose. */
type Choosable<C> =
  C extends Choice<infer T, infer Several> ? (Several extends true ? T | readonly T[] : T) : never;

/** What may be changed in an experiment with runs of these kinds and these choices. Settings of searches are all searches'. */
export type Change<K extends RunKind = RunKind, C extends Choices = Choices> = {
  readonly [Name in Exclude<keyof C, 'dataset.name'>]?: Choosable<C[Name]>;
} & (K extends 'toy'
  ? ToyChange
  : Omit<SearchChange, keyof C | ('dataset.name' extends keyof C ? 'dataset' : never)>) &
  (C extends { readonly 'dataset.name': infer D }
    ? {
        readonly dataset?: Omit<NonNullable<SearchChange['dataset']>, 'name'> & {
          readonly name?: Choosable<D>;
        };
      }
    : unknown) &
  ('training' extends K ? { readonly training?: EvaluationChange } : unknown) &
  ('landscape' extends K ? { readonly landscape?: LandscapeChange; readonly path?: PathChange } : unknown);

/** What is asked of an experiment. */
export interface GridOptions<C = Change> {
  readonly budget: Budget;
  /** One algorithm alone instead of those that the experiment compares. */
  readonly preset?: Preset;
  /** Independent repeats: how many, with seeds counted from 0, or their seeds. */
  readonly seeds?: number | readonly number[];
  readonly change?: C;
}

/** What an experiment makes its runs from. */
export interface Grid<C extends Choices = Choices> {
  readonly budget: Budget;
  readonly preset: Preset | undefined;
  readonly seeds: readonly number[];
  readonly chosen: Chosen<C>;
  /** The record with those of the changed settings that it has. @throws {UsageError} for a value out of range. */
  readonly search: (protocol: SearchProtocol) => SearchProtocol;
  readonly training: (settings: TrainingSettings) => TrainingSettings;
  readonly landscape: (protocol: LandscapeProtocol) => LandscapeProtocol;
  readonly path: (protocol: PathProtocol) => PathProtocol;
  readonly toys: (settings: ToySettings) => ToySettings;
}

/** `['solver.sigma=0.1']` as a change, whose names and values are checked where it is applied. */
export function parseSet(assignments: readonly string[]): Change {
  return parsed(assignments) as Change;
}

/** Settings by dotted path. */
export function leavesOf(value: ParsedChange, prefix = ''): [path: string, value: unknown][] {
  return Object.entries(value).flatMap(([name, inner]): [string, unknown][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? leavesOf(inner as ParsedChange, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner]],
  );
}

/** A setting as groups in groups. */
function nested(path: string, value: unknown): ParsedChange {
  const steps = path.split('.');
  return steps.reduceRight((inner, step) => Object.fromEntries([[step, inner]]), value) as ParsedChange;
}

/** Records that are changed under a name of their own, and those that hold others. */
const OWN_NAME = /^(training|landscape|path)\./;
const HELD = /^(supernet|landscape)\./;

/**
 * The grid of what is asked.
 *
 * @returns  The grid, and a function that refuses what of the change no run has read.
 * @throws {UsageError} for a number of seeds that nothing can be run with, and for a name that cannot be chosen.
 */
export function gridOf<C extends Choices>(
  choices: C,
  defaultSeeds: Readonly<Record<Budget, number>>,
  { budget, preset, seeds = defaultSeeds[budget], change = {} }: GridOptions<object>,
): { readonly grid: Grid<C>; readonly checkAllRead: () => void } {
  const repeats = typeof seeds === 'number' ? seeds : seeds.length;
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new UsageError(`The number of seeds is ${repeats}; it must be an integer of 1 or more.`);
  }
  const leaves = new Map(leavesOf(change as ParsedChange));
  const chosen = Object.entries(choices).map(([name, choice]) => [
    name,
    leaves.has(name) ? chosenOf(name, choice, leaves.get(name)) : choice.default(budget),
  ]);
  for (const name of Object.keys(choices)) leaves.delete(name);
  const seed = [...leaves.keys()].find((path) => /(^|\.)seed$/.test(path));
  if (seed !== undefined) throw new UsageError(`${seed} cannot be set: choose how many seeds with --seeds.`);

  const read = new Set<string>();
  const known = new Set<string>(Object.keys(choices));
  /** The record with those of the settings under a prefix that it has; kinds first, which decide what else it has. */
  const take = <T extends z.ZodObject, P>(format: Format<T, P>, protocol: P, prefix = ''): P => {
    if (leaves.size === 0) return format.parse(protocol);
    const own = (value: unknown, kinds: boolean): ParsedChange => {
      const paths = settablePaths(format.schema, value).filter((path) => !HELD.test(path));
      for (const path of paths) known.add(`${prefix}${path}`);
      const isOff = (path: string, to: unknown) =>
        to === NONE && paths.some((each) => each.startsWith(`${path}.`));
      return [...leaves]
        .filter(([full]) => full.startsWith(prefix) && !(prefix === '' && OWN_NAME.test(full)))
        .map(([full, to]) => ({ full, path: full.slice(prefix.length), to }))
        .filter(
          ({ path, to }) => path.endsWith('kind') === kinds && (paths.includes(path) || isOff(path, to)),
        )
        .reduce<ParsedChange>((all, { full, path, to }) => {
          read.add(full);
          return merged(all, nested(path, to));
        }, {});
    };
    const kinds = own(protocol, true);
    return applyChange(format, protocol, merged(kinds, own(changed(format.schema, protocol, kinds), false)));
  };
  const grid: Grid<C> = {
    budget,
    preset,
    seeds: typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i) : seeds,
    chosen: Object.fromEntries(chosen) as Chosen<C>,
    search: (protocol) => take(SEARCH, protocol),
    training: (settings) => changedTraining(settings, (format, whole) => take(format, whole, 'training.')),
    landscape: (protocol) =>
      take(LANDSCAPE, { ...protocol, supernet: take(SEARCH, protocol.supernet) }, 'landscape.'),
    path: (protocol) => take(PATH, protocol, 'path.'),
    toys: (settings) => take(TOYS, settings),
  };
  const checkAllRead = (): void => {
    const unread = [...leaves.keys()].find((path) => !read.has(path));
    if (unread !== undefined) throw unknownSetting(unread, [...known]);
  };
  return { grid, checkAllRead };
}

/** The sentence for a setting that no run of the experiment has, with the nearest that one has. */
function unknownSetting(path: string, known: readonly string[]): UsageError {
  const inside = known.filter((each) => each.startsWith(`${path}.`));
  if (inside.length > 0) {
    return new UsageError(`${path} is a group of settings; set one of ${inside.join(', ')}.`);
  }
  const near = known.find((each) => each.endsWith(`.${path}`)) ?? closest(path, known);
  return new UsageError(`Nothing here has a setting "${path}". Did you mean "${near}"?`);
}

function chosenOf(name: string, choice: Choices[string], value: unknown): unknown {
  const { what, several } = choice;
  const all = choice.all as readonly unknown[] | undefined;
  if (all === undefined) {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
    throw new UsageError(`${name} is ${String(value)}; it must be an integer of 1 or more, ${what}.`);
  }
  const list = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [value];
  const names = list.map((each) => String(each).trim());
  const wrong = names.find((each) => !all.includes(each));
  if (wrong !== undefined) throw unknownName(what, wrong, all.map(String));
  if (names.length === 0) {
    throw new UsageError(`${name} is empty; name at least one ${what}, e.g. ${String(all[0])}.`);
  }
  if (several) return all.filter((each) => names.includes(String(each)));
  if (names.length > 1) throw new UsageError(`${name} is ${names.join(', ')}; this takes one ${what}.`);
  return names[0];
}
