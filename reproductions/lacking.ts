/** Which runs of a grid are not there, and how that is said in a line. */
import { datasetTitle } from '../lib/datasets/registry.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { titleOf } from './collapse.js';
import { listText, several } from './deviations.js';
import { distinct, doneOf, groupBy, viewOf } from './experiment.js';
import type { AnyCell, Axes, MeasuredCell, Result } from './experiment.js';
import { ownProtocol, partsOf } from './kinds.js';
import type { RunKind } from './kinds.js';
import { spaceTitle } from './methods.js';
import { controlTitle } from './separation.js';

/** A run of a grid that is not there. Plain JSON. */
export interface Lacking {
  readonly kind: RunKind;
  /** What tells it from the grid's other runs, beside its seed. */
  readonly axes: Axes;
  /** null where it has none. */
  readonly seed: number | null;
}

const own = (cells: readonly AnyCell[]): AnyCell[] => cells.filter(({ run }) => run.kind !== 'linear');

/** Whether a run is that of a cell, by every protocol that it was kept by. */
function isOf({ axes, run }: AnyCell, { kind, axes: found, kept }: MeasuredCell): boolean {
  if (run.kind !== kind || canonicalJson(axes) !== canonicalJson(found)) return false;
  const parts = partsOf(run).filter(({ only }) => only === undefined);
  if (kept.length > parts.length) return false;
  return kept.every(
    ({ protocol }, p) => canonicalJson(protocol) === canonicalJson(parts[p].protocol(kept.slice(0, p))),
  );
}

/** The cells that a result has no run of, but for those that were not worth it. */
function cellsWithout(cells: readonly AnyCell[], result: Result): AnyCell[] {
  const byAxes = new Map(
    groupBy(
      result.runs.map((run) => ({ run, id: canonicalJson([run.kind, run.axes]) })),
      'id',
    ).map(({ key, rows }) => [key.id, rows.map(({ run }) => run)]),
  );
  const rows = cells.some(({ worth }) => worth) ? viewOf(result).rows : [];
  return own(cells).filter((cell) => {
    const there = byAxes.get(canonicalJson([cell.run.kind, cell.axes])) ?? [];
    return !there.some((run) => isOf(cell, run)) && cell.worth?.(rows) !== false;
  });
}

/** What a run is told by, where its axes do not say it. */
function factsOf({ axes, run }: AnyCell): Axes {
  const { dataset, normalization } = ownProtocol(run) as {
    readonly dataset?: { readonly name: string };
    readonly normalization?: string;
  };
  return {
    ...(dataset ? { dataset: dataset.name } : {}),
    ...axes,
    ...(run.kind === 'landscape' && normalization ? { normalization } : {}),
  };
}

/** Names of what differs among the runs of a grid that have it. */
function tellingOf(cells: readonly AnyCell[]): readonly string[] {
  const facts = cells.flatMap((cell) => Object.entries(factsOf(cell)));
  const values = groupBy(
    facts.map(([name, value]) => ({ name, value })),
    'name',
  );
  return values
    .filter(({ rows }) => distinct(rows.map(({ value }) => value)).length > 1)
    .map(({ key }) => key.name);
}

const seedOf = ({ run }: AnyCell): number | null => (ownProtocol(run) as { seed?: number }).seed ?? null;

/** The runs of a grid that are not there, in its order, and what is said of them. */
export interface Lack {
  readonly lacking: readonly Lacking[];
  /** "Missing: S4: seeds 3–12 of MGS; …", cut off where it would be long; undefined where nothing is missing. */
  readonly text: string | undefined;
}

/**
 * What a result lacks of its grid: nothing where that is not known, its runs being of another grid than this, as a record's may be
 * that was made by earlier sources.
 */
export function lackOf(cells: readonly AnyCell[], result: Result): Lack {
  const without = doneOf(result) < result.of ? cellsWithout(cells, result) : [];
  if (without.length !== result.of - doneOf(result)) return { lacking: [], text: undefined };
  const telling = tellingOf(own(cells));
  const lacking = without.map((cell): Lacking => {
    const axes = Object.entries(factsOf(cell)).filter(([name]) => telling.includes(name));
    return { kind: cell.run.kind, axes: Object.fromEntries(axes), seed: seedOf(cell) };
  });
  return { lacking, text: without.length === 0 ? undefined : textOf(own(cells), new Set(without), telling) };
}

// ---- In a line ----

/** Parts of a line before it is cut off, and names in one of them. */
const PARTS = 6;
const NAMES = 4;

/** "seeds 0, 3–5"; empty for none. */
function seedsText(seeds: readonly number[]): string {
  if (seeds.length === 0) return '';
  const ranges = [...seeds]
    .sort((a, b) => a - b)
    .reduce<[number, number][]>((all, seed) => {
      const last = all.at(-1);
      if (last?.[1] === seed - 1) last[1] = seed;
      else all.push([seed, seed]);
      return all;
    }, []);
  const texts = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return `seed${seeds.length === 1 ? '' : 's'} ${texts.join(', ')}`;
}

/** Those of the names, in few words. @param isAll  Whether there is nothing else. */
function whoText(missing: readonly string[], all: readonly string[], isAll: boolean): string {
  if (isAll && all.length > NAMES) return ALL;
  if (missing.length <= NAMES) return listText(missing);
  const there = all.filter((name) => !missing.includes(name));
  if (there.length > 0 && there.length < NAMES) return `all but ${listText(there)}`;
  return `${missing.slice(0, NAMES - 1).join(', ')} and ${missing.length - NAMES + 1} others`;
}

const ALL = 'all';

/** A name or number of a run, in a word; none for what is usual. */
function axisText([name, value]: readonly [string, string | number]): string {
  if (name === 'method') return controlTitle(String(value)) ?? titleOf(String(value));
  if (name === 'dataset') return datasetTitle(String(value));
  if (name === 'normalization') return value === 'running' ? 'with running batch norm' : '';
  return typeof value === 'number' ? `${name} ${value}` : value;
}

function nameOf(kind: string | undefined, axes: readonly (readonly [string, string | number])[]): string {
  const name = [kind, ...axes.map(axisText)].filter(Boolean).join(' ');
  return name.includes(',') ? `“${name}”` : name;
}

/** Whether two places, of one or several spaces each, have one in common. */
const sharesSpace = (a: string, b: string): boolean =>
  a.split(' ').some((space) => b.split(' ').includes(space));

function textOf(
  cells: readonly AnyCell[],
  without: ReadonlySet<AnyCell>,
  telling: readonly string[],
): string {
  const isOfOneKind = distinct(cells.map(({ run }) => run.kind)).length === 1;
  const told = cells.map((cell) => {
    const { space, ...facts } = factsOf(cell);
    const axes = Object.entries(facts).filter(([name]) => telling.includes(name));
    const place = space !== undefined && telling.includes('space') ? String(space) : '';
    const name = nameOf(isOfOneKind && axes.length > 0 ? undefined : cell.run.kind, axes);
    return { place, name, seed: seedOf(cell), isMissing: without.has(cell) };
  });
  const parts = groupBy(told, 'place').flatMap(({ key: { place }, rows }) => {
    const bySeed = groupBy(rows, 'seed').flatMap(({ key: { seed }, rows: all }) => {
      const missing = all.filter(({ isMissing }) => isMissing).map(({ name }) => name);
      if (missing.length === 0) return [];
      const names = all.map(({ name }) => name);
      // What several spaces have in common is a place of its own.
      const isAll = told.every(
        (each) => each.isMissing || each.seed !== seed || !sharesSpace(each.place, place),
      );
      return [{ seed, runs: missing.length, who: whoText(missing, names, isAll) }];
    });
    return groupBy(bySeed, 'who').map(({ key: { who }, rows: alike }) => {
      const seeds = seedsText(alike.flatMap(({ seed }) => seed ?? []));
      const said = seeds === '' ? who : who === ALL ? `all of ${seeds}` : `${seeds} of ${who}`;
      return { place, said, runs: alike.reduce((sum, { runs }) => sum + runs, 0) };
    });
  });
  // What several spaces lack alike is said once.
  const lines = groupBy(parts, 'said').map(({ key: { said }, rows }) => ({
    said,
    where: listText(distinct(rows.flatMap(({ place }) => place.split(' '))).map(spaceTitle)),
    runs: rows.reduce((sum, { runs }) => sum + runs, 0),
  }));
  const more = lines.slice(PARTS).reduce((sum, { runs }) => sum + runs, 0);
  const texts = lines
    .slice(0, PARTS)
    .map(({ said, where }, i) =>
      where === '' || where === lines[i - 1]?.where ? said : `${where}: ${said}`,
    );
  return `Missing: ${[...texts, ...(more > 0 ? [`and ${several(more, 'run')} more`] : [])].join('; ')}.`;
}

/** The whole list, a line a run. */
export const lackLines = ({ lacking }: Lack): string[] =>
  lacking.map(({ kind, axes, seed }) => {
    const words = [kind, ...Object.entries(axes).map(axisText), seed === null ? '' : `seed ${seed}`];
    return words.filter(Boolean).join(' ');
  });
