/**
 * What is asked of an experiment, and the grid that it makes its runs from: budget, seeds, names chosen, settings changed. A
 * change is one typed object, `{ solver: { sigma: 0.1 }, space: 's3' }`; `--set a.b=c` is read into the same.
 */
import { closest } from 'fastest-levenshtein';
import { UsageError, unknownName } from '../lib/errors.js';
import { isGroupName } from '../lib/search/groups.js';
import type { LandscapeProtocol, PathProtocol } from '../lib/search/landscape-protocol.js';
import { applyToLandscape, applyToPath } from '../lib/search/landscape-protocol.js';
import { applySet, settablePaths } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import type { RunKind } from './kinds.js';
import { changedToys, describeToySettings } from './toy-protocol.js';
import type { ToySettings } from './toy-protocol.js';
import { changedTraining, settableInTraining } from './training.js';
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

/** What of an experiment's grid can be chosen. */
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

/** The part of a record that is given. */
export type Partly<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Name in keyof T]?: Partly<T[Name]> }
    : T;

type Identity = 'version' | 'kind' | 'preset' | 'budget' | 'seed';

/** Settings of searches; applied to every search that has them. */
export type SearchChange = Partly<Omit<SearchProtocol, Identity | 'space'>>;

/** What may be changed in an experiment with runs of these kinds and these choices. */
export type Change<K extends RunKind = RunKind, C extends Choices = Choices> = {
  readonly [Name in keyof C]?: C[Name] extends Choice<infer T, infer Several>
    ? Several extends true
      ? T | readonly T[]
      : T
    : never;
} & (K extends 'toy' ? Partly<ToySettings> : Omit<SearchChange, keyof C>) &
  ('training' extends K ? { readonly training?: Partly<Omit<TrainingSettings, Identity>> } : unknown) &
  ('landscape' extends K
    ? {
        readonly landscape?: Partly<Omit<LandscapeProtocol, Identity | 'supernet'>>;
        readonly path?: Partly<Omit<PathProtocol, Identity | 'landscape'>>;
      }
    : unknown);

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
  search(protocol: SearchProtocol): SearchProtocol;
  training(settings: TrainingSettings): TrainingSettings;
  landscape(protocol: LandscapeProtocol): LandscapeProtocol;
  path(protocol: PathProtocol): PathProtocol;
  toys(settings: ToySettings): ToySettings;
}

/** Settings with their dotted paths. */
type Leaves = ReadonlyMap<string, unknown>;

function leavesOf(value: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]): [string, unknown][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? leavesOf(inner as Record<string, unknown>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner]],
  );
}

/** `['solver.sigma=0.1']` as a change, whose names and values are checked where it is applied. @throws {UsageError} for text that is not path=value. */
export function parseSet(assignments: readonly string[]): Change {
  const settings = assignments.map((assignment): [string[], unknown] => {
    const at = assignment.indexOf('=');
    if (at < 1) {
      throw new UsageError(`The setting "${assignment}" is not path=value; write for example epochs=20.`);
    }
    return [assignment.slice(0, at).trim().split('.'), readValue(assignment.slice(at + 1).trim())];
  });
  return nested(settings) as Change;
}

/** Settings by path as groups in groups; of two for one path the last counts. */
function nested(settings: readonly [path: readonly string[], value: unknown][]): object {
  const names = [...new Set(settings.map(([[name]]) => name))];
  return Object.fromEntries(
    names.map((name) => {
      const own = settings.filter(([path]) => path[0] === name);
      const [path, value] = own[own.length - 1];
      return [name, path.length === 1 ? value : nested(own.map(([each, inner]) => [each.slice(1), inner]))];
    }),
  );
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Records that are changed under a name of their own; settings of searches stand for themselves. */
const PREFIXES = ['training', 'landscape', 'path'] as const;

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
  const list = typeof seeds === 'number' ? undefined : seeds;
  const repeats = list ? list.length : (seeds as number);
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new UsageError(`The number of seeds is ${repeats}; it must be an integer of 1 or more.`);
  }
  const given: Record<string, unknown> = { ...change };
  const chosen = Object.fromEntries(
    Object.entries(choices).map(([name, choice]) => {
      const value = Object.hasOwn(given, name) ? chosenOf(name, choice, given[name]) : choice.default(budget);
      return [name, value];
    }),
  ) as Chosen<C>;
  const leaves: Leaves = new Map(
    leavesOf(Object.fromEntries(Object.entries(given).filter(([name]) => !Object.hasOwn(choices, name)))),
  );
  for (const path of leaves.keys()) {
    if (/(^|\.)seed$/.test(path)) {
      throw new UsageError(`${path} cannot be set: choose how many seeds with --seeds.`);
    }
  }
  const read = new Set<string>();
  const known = new Set<string>(Object.keys(choices));
  /** The assignments that a record with these paths takes. */
  const ownOf = (prefix: string, paths: readonly string[]): string[] => {
    for (const path of paths) known.add(`${prefix}${path}`);
    return [...leaves].flatMap(([path, value]) => {
      if (!path.startsWith(prefix)) return [];
      const inner = path.slice(prefix.length);
      if (prefix === '' && PREFIXES.some((each) => path.startsWith(`${each}.`))) return [];
      if (!paths.includes(inner) && !(isGroupName(inner) && value === 'none')) return [];
      read.add(path);
      return [`${inner}=${typeof value === 'string' ? value : JSON.stringify(value)}`];
    });
  };
  const grid: Grid<C> = {
    budget,
    preset,
    seeds: list ?? Array.from({ length: repeats }, (_, seed) => seed),
    chosen,
    search: (protocol) => applySet(protocol, ...ownOf('', settablePaths(protocol))),
    training: (settings) => changedTraining(settings, ownOf('training.', settableInTraining(settings))),
    landscape(protocol) {
      const changed = { ...protocol, supernet: grid.search(protocol.supernet) };
      return applyToLandscape(changed, ...ownOf('landscape.', settableIn(protocol, 'supernet')));
    },
    path: (protocol) => applyToPath(protocol, ...ownOf('path.', settableIn(protocol, 'landscape'))),
    toys: (settings) =>
      changedToys(
        settings,
        ownOf(
          '',
          describeToySettings().map(({ path }) => path),
        ),
      ),
  };
  const checkAllRead = (): void => {
    const unread = [...leaves.keys()].find((path) => !read.has(path));
    if (unread !== undefined) throw unknownSetting(unread, [...known]);
  };
  return { grid, checkAllRead };
}

/** The paths of a record's settings, but for those that say what it is, and for the record that it holds. */
function settableIn(record: object, inner: string): string[] {
  const fixed = ['version', 'kind', 'budget', 'seed', 'omega.kind', 'solver.kind'];
  const own = Object.fromEntries(Object.entries(record).filter(([name]) => name !== inner));
  return leavesOf(own)
    .map(([path]) => path)
    .filter((path) => !fixed.includes(path));
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

/** Where two records of settings differ, by dotted path; seeds are no settings. */
export function changedSettings(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): { readonly path: string; readonly a: unknown; readonly b: unknown }[] {
  const [left, right] = [new Map(leavesOf(a)), new Map(leavesOf(b))];
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((path) => !path.endsWith('.seed'))
    .map((path) => ({ path, a: left.get(path), b: right.get(path) }))
    .filter((setting) => JSON.stringify(setting.a) !== JSON.stringify(setting.b));
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
