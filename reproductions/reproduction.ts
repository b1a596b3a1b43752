import type { Claim } from '../lib/analysis/claims.js';
import { UsageError, unknownName } from '../lib/errors.js';
import type { Progress } from '../lib/progress.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type { Surface } from '../lib/report/surface.js';
import type { Table } from '../lib/report/table.js';
import type { Machine } from '../lib/runs/environment.js';
import type { OpenSetting } from '../lib/search/presets.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import type { Provenance } from '../lib/search/run.js';
import { parseSet } from '../lib/settings.js';

/** One run as plain data, whatever kind of run: what every protocol says. */
export interface Protocol {
  /** "search", "toy". */
  readonly kind: string;
  readonly version: number;
  readonly budget: Budget;
  readonly seed: number;
}

/** Whether a run is a search, which has images, an engine and a cost model. */
export function isSearch(protocol: Protocol): protocol is SearchProtocol {
  return protocol.kind === 'search';
}

/** The search whose images a run reads: its own, or that of the supernet inside it; undefined for a run without images. */
export function searchWithin(protocol: Protocol): SearchProtocol | undefined {
  if (isSearch(protocol)) return protocol;
  const { supernet, landscape } = protocol as { supernet?: Protocol; landscape?: Protocol };
  const inner = supernet ?? landscape;
  return inner && searchWithin(inner);
}

/** What narrows or changes the runs of a reproduction. */
export interface ProtocolOptions {
  readonly budget: Budget;
  /** One algorithm alone instead of those that the reproduction compares. */
  readonly preset?: Preset;
  /** Independent repeats; each has its own seed, counted from 0. Default: the reproduction's own for the budget. */
  readonly seeds?: number;
  /** Settings `path=value`, applied to every run (lib/search/protocol.ts, applySet). */
  readonly set?: readonly string[];
}

/** @throws {UsageError} for a number of seeds that nothing can be run with. */
export function checkSeeds(seeds: number): void {
  if (!Number.isInteger(seeds) || seeds < 1) {
    throw new UsageError(`The number of seeds is ${seeds}; it must be an integer of 1 or more.`);
  }
}

/** What measuring needs besides the protocols. */
export interface MeasureContext {
  /** Says what is measured, in progress displays. */
  readonly title: string;
  /** The folder of runs; the library's default when left out. */
  readonly runs?: string;
  /** A folder with data sets, or "synthetic"; `$ZARTS_DATA`, `data/` or the download when left out. */
  readonly data?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Where and on what runs were made: what a run's provenance says, but for its own seconds. */
export interface Environment extends Machine {
  /** null where no tensor was computed. */
  readonly engine: Provenance['engine'] | null;
  /** null where no images were read. */
  readonly data: Provenance['data'] | null;
}

/** Where and on what searches were made. */
export type SearchEnvironment = Omit<Provenance, 'seconds'>;

/** How far a result is. */
export interface Parts {
  readonly done: number;
  readonly of: number;
}

/** What every result says of how it came about. */
export interface Measured {
  /** The different environments that the runs were made in; one if all were made here and now. */
  readonly environments: readonly Environment[];
  /** Why nothing could be measured and what to do about it, where that is so: images that are not there. */
  readonly lacking?: string;
  /** How many of its parts it has, if it is made of parts that are worth showing each. */
  readonly parts?: Parts;
}

/**
 * One figure or table: protocols → measure → table, charts, claims. Only `measure` is slow and only it may need an engine;
 * everything else is a pure function of plain JSON.
 */
export interface Reproduction<Result extends Measured, Run extends Protocol = SearchProtocol> {
  /** "fig-4". */
  readonly id: string;
  readonly title: string;
  /** What the paper says, in our words. */
  readonly claim: string;
  /** The paper's numbers (data/paper/results.json), keyed like ours. */
  readonly paper: Readonly<Record<string, number>>;
  /** The runs. Smaller budgets are derived from the paper's settings. @throws {UsageError} for options out of range. */
  protocols(options: ProtocolOptions): readonly Run[];
  /** What these runs do otherwise than the paper, one sentence each; printed under the result, always. */
  deviations(protocols: readonly Run[]): readonly string[];
  /** Settings that the paper leaves open, with the values used and whose they are. Left out: the first run's, a search. */
  openSettings?(protocols: readonly Run[]): readonly OpenSetting[];
  /** Seconds that the runs take on two cores, an estimate. Left out: searches, whose cost has a model (cost.ts). */
  seconds?(protocols: readonly Run[]): number;
  /**
   * Runs what is not in the run store yet.
   *
   * @param onPartial  Given results as far as they are there whenever more can be shown; waited for. Not every reproduction
   *                   has something to show before its end.
   * @throws {InterruptedError} after `signal`; what was computed is kept.
   */
  measure(
    protocols: readonly Run[],
    context: MeasureContext,
    onPartial?: (partial: Result) => void | Promise<void>,
  ): Promise<Result>;
  tables(result: Result): readonly Table[];
  charts(result: Result): readonly Chart[];
  /** Pictures that are no charts, e.g. of cells. */
  drawings?(result: Result): readonly Drawing[];
  /** Landscapes in three dimensions. */
  surfaces?(result: Result): readonly Surface[];
  claims(result: Result): readonly Claim[];
}

/** A copy of a record of lists with settings written as `path=value` in place of some. @param allowed  Their names. */
export function assignListed(value: object, set: readonly string[], allowed: readonly string[]): unknown {
  const change = parseSet(set);
  for (const name of Object.keys(change)) {
    if (!allowed.includes(name)) throw unknownName('setting', name, allowed);
  }
  return { ...value, ...change };
}
