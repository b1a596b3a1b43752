/** Which figures and tables the runs of a store belong to. */
import { UsageError } from '../lib/errors.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import type { FoundRun } from '../lib/runs/store.js';
import { BUDGETS } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { cellsOf, doneOf } from './experiment.js';
import type { AnyCell, Experiment } from './experiment.js';
import type { Change } from './grid.js';
import { partsOf } from './kinds.js';
import type { KeptRun, StoredProtocol } from './kinds.js';
import { lackOf } from './lacking.js';
import type { Lack } from './lacking.js';
import { finishedRuns, resultOf } from './measure.js';
import { keptRecord } from './records.js';
import type { ResultRecord } from './records.js';
import { EXPERIMENTS, experimentById } from './registry.js';

/** A figure or table at a budget: "table-2-laptop". */
export interface Named {
  readonly name: string;
  readonly experiment: Experiment;
  readonly budget: Budget;
}

/** Every figure and table at every budget. */
const named = (): Named[] =>
  EXPERIMENTS.flatMap((experiment) =>
    BUDGETS.map((budget) => ({ name: `${experiment.id}-${budget}`, experiment, budget })),
  );

/**
 * The figure or table at a budget of that name, as results are called: "table-2-laptop", and where there is a record of it one
 * with settings of its own, "fig-4-laptop-3f2a91c0". @throws {UsageError} for any other name.
 */
export function namedFigure(name: string): Named {
  const found = named().find((each) => each.name === name || name.startsWith(`${each.name}-`));
  if (found?.name === name || (found && keptRecord(name))) return { ...found, name };
  throw new UsageError(
    `"${name}" names no figure or table with its budget; that would be e.g. table-2-laptop (npx zarts list has the ids; budgets are ${BUDGETS.join(', ')}).`,
  );
}

/**
 * The grid of a record's settings, made again; empty where there are such settings no longer.
 *
 * @param name  The record's: it tells whether the preset that is taken where none is named was asked for.
 */
export function gridOfRecord(
  { id, budget, preset, options: { seeds, change } }: ResultRecord,
  name: string,
): readonly AnyCell[] {
  const asked = name.split('-').includes(preset);
  const settings = { ...(seeds == null ? {} : { seeds }), ...(asked ? { preset } : {}) };
  try {
    return cellsOf(experimentById(id), { budget, change: change as Change, ...settings });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [];
  }
}

/** What there is of a figure or table among finished runs, as {@link finishedRuns} gives them, and what that lacks. */
export async function partOfFigure(
  { name, experiment, budget }: Named,
  finished: ReadonlyMap<string, KeptRun>,
): Promise<{ readonly name: string; readonly done: number; readonly of: number } & Lack> {
  const record = isUsual({ name, experiment, budget }) ? undefined : keptRecord(name);
  const cells = record ? gridOfRecord(record, name) : cellsOf(experiment, { budget });
  const result = await resultOf(cells, budget, finished);
  return { name, done: doneOf(result), of: result.of, ...lackOf(cells, result) };
}

/** Whether it is the grid that is computed where nothing is changed. */
const isUsual = ({ name, experiment, budget }: Named): boolean => name === `${experiment.id}-${budget}`;

/** The seed of a protocol; undefined where it has none. */
const seedOf = (protocol: unknown): number | undefined => (protocol as { readonly seed?: number }).seed;

/** A protocol's text, whatever its seeds are. */
const shapeOf = (text: string): string => text.replace(/"seed":\d+/g, '"seed":0');

/** What is computed first of each cell of a grid, as text. */
const firstTexts = ({ experiment, budget }: Named, seeds: readonly number[]): string[] =>
  cellsOf(experiment, { budget, seeds }).map(({ run }) => canonicalJson(partsOf(run)[0].protocol([])));

/**
 * The first of the seeds, as many as a grid needs to have what it can have of the runs; none where it can have nothing. With its
 * first seed a grid has all that it has with others, but for these.
 *
 * @param last  The place of the last seed of the runs of each shape.
 */
function seedsFor(
  each: Named,
  seeds: readonly number[],
  last: ReadonlyMap<string, number>,
): readonly number[] {
  if (seeds.length === 0) return [];
  const places = firstTexts(each, seeds.slice(0, 1)).flatMap((text) => last.get(shapeOf(text)) ?? []);
  const usual = each.experiment.seeds[each.budget];
  return places.length === 0 ? [] : seeds.slice(0, Math.max(usual, ...places.map((place) => place + 1)));
}

/**
 * Which figures and tables each run belongs to, by key: those whose grid, with the seeds that occur among the runs, has it,
 * and those whose kept record has it.
 *
 * @param finished  As {@link finishedRuns} gives it.
 * @param among  The figures and tables that are looked at; all when left out.
 */
export function usesOf(
  runs: readonly FoundRun[],
  finished: ReadonlyMap<string, KeptRun> = finishedRuns(),
  among: readonly Named[] = named(),
): Map<string, string[]> {
  const uses = new Map(runs.map(({ key }): [string, string[]] => [key, []]));
  const keys = new Map<string, string[]>();
  const seeds = [...new Set(runs.flatMap(({ protocol }) => seedOf(protocol) ?? []))].sort((a, b) => a - b);
  const last = new Map<string, number>();
  for (const { key, protocol } of runs) {
    const text = canonicalJson(protocol);
    keys.set(text, [...(keys.get(text) ?? []), key]);
    const place = seeds.indexOf(seedOf(protocol) ?? seeds[0]);
    last.set(shapeOf(text), Math.max(place, last.get(shapeOf(text)) ?? 0));
  }
  for (const each of among) {
    const own = isUsual(each) ? seedsFor(each, seeds, last) : [];
    const used = [...gridKeys(each, own, keys, finished), ...recordKeys(each.name)];
    for (const key of new Set(used)) uses.get(key)?.push(each.name);
  }
  return uses;
}

/** Keys of the runs that a grid has, as far as what it needs first is finished. */
function gridKeys(
  { experiment, budget }: Named,
  seeds: readonly number[],
  keys: ReadonlyMap<string, readonly string[]>,
  finished: ReadonlyMap<string, KeptRun>,
): string[] {
  if (seeds.length === 0) return [];
  const texts = cellsOf(experiment, { budget, seeds }).flatMap(({ run }) => {
    const before: KeptRun[] = [];
    const found: string[] = [];
    for (const part of partsOf(run)) {
      const text = canonicalJson(part.protocol(before) satisfies StoredProtocol);
      found.push(text);
      const kept = finished.get(text);
      if (!kept) break;
      before.push(kept);
    }
    return found;
  });
  return texts.flatMap((text) => keys.get(text) ?? []);
}

function recordKeys(name: string): string[] {
  const runs = keptRecord(name)?.result.runs ?? [];
  return runs.flatMap(({ kept }) => kept.map(({ key }) => key));
}
