/** The one loop that measures: what of an experiment the store does not have is computed, in the order of its grid. */
import { setTimeout as pause } from 'node:timers/promises';
import { gridMinimum, sharpness } from '../lib/analysis/landscape.js';
import type { LossGrid } from '../lib/analysis/landscape.js';
import { datasetFolder } from '../lib/datasets/find.js';
import { isNotToBeHad } from '../lib/datasets/load.js';
import { FILE_DATASETS, IMAGENET } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { InterruptedError, UsageError, ZartsError } from '../lib/errors.js';
import { keepAll } from '../lib/latest.js';
import type { Progress } from '../lib/progress.js';
import { InUseError } from '../lib/runs/lock.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import type { RunQueue } from '../lib/runs/queue.js';
import { listFinished } from '../lib/runs/store.js';
import type { Budget } from '../lib/search/protocol.js';
import { doneOf, viewOf } from './experiment.js';
import type { AnyCell, MeasuredCell, Result } from './experiment.js';
import {
  dataDigest,
  estimatedSeconds,
  ownProtocol,
  partsOf,
  runStored,
  searchOf,
  storedRun,
  warmUp,
} from './kinds.js';
import type { ComputeOptions, KeptRun, Part, Run, StoredProtocol } from './kinds.js';
import { AS_ESTIMATED, paceBy } from './pace.js';
import type { Pace, Timed } from './pace.js';
import { throughQueue } from './queued.js';

/** What measuring needs besides the grid. */
export interface MeasureContext {
  /** The figure or table, for progress displays and sentences. */
  readonly id: string;
  readonly budget: Budget;
  /** The folder of runs; the library's default when left out. */
  readonly home?: string;
  /** A folder with data sets, or "synthetic"; `$ZARTS_DATA`, `data/` or the download when left out. */
  readonly data?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** Whether nothing is computed of a grid that the store has anything of, or of any grid. */
  readonly stored?: Stored;
  /** Has the runs computed by workers instead of here, as a table of this name. */
  readonly queue?: { readonly open: RunQueue; readonly name: string };
  /** Called before the first run that has to be computed; waited for. */
  readonly onBegin?: () => void | Promise<void>;
  /** Given what is there whenever more can be shown; waited for. */
  readonly onPartial?: (partial: Result) => void | Promise<void>;
}

/**
 * What is shown without computing: `begun`, a grid of which the store has anything, as far as it has it; `only`, every grid, so
 * that one of which it has nothing is an error.
 */
export type Stored = 'begun' | 'only';

/** Only what the store has was to be shown of a grid, and it has nothing of it. */
export class NothingStoredError extends ZartsError {}

/** A cell with its parts and, while they come in, what the store has of them. */
interface Work {
  readonly cell: AnyCell;
  readonly parts: readonly Part[];
  readonly options: ComputeOptions;
  /** Where its images are not here: what the store has, by protocol alone. */
  readonly finished?: ReadonlyMap<string, KeptRun>;
}

/** Gives what is there of a protocol of a cell. @param withState  Whether its last state is wanted too. */
type Find<W> = (
  protocol: StoredProtocol,
  of: W,
  withState?: boolean,
) => KeptRun | undefined | Promise<KeptRun | undefined>;

/** What a part of a cell takes, in seconds, and whether the store has it already. */
interface Step {
  readonly seconds: number;
  readonly known: boolean;
}

/**
 * Measures every cell whose images are here, unless it is not worth it ({@link Worth}), with one progress phase over all, in
 * seconds as estimated.
 *
 * @throws {UsageError} for an empty grid; {ZartsError} for images that cannot be used and a run that fails;
 *         {InterruptedError} after `signal`, what was computed being kept.
 */
export async function measure(cells: readonly AnyCell[], context: MeasureContext): Promise<Result> {
  const { id, budget, progress, queue, stored, onBegin, onPartial } = context;
  if (stored && cells.length > 0) {
    const there = finding(cells, context, workInStore(cells, context));
    await there.findStored();
    const shown = there.soFar();
    if (doneOf(shown) > 0) return shown;
    if (stored === 'only') {
      throw new NothingStoredError(
        `The store has none of the ${countOf(cells)} runs of ${id} at ${budget}; without --stored they are computed.`,
      );
    }
  }
  const { work, missing } = await workOf(cells, context);
  const { found, soFar, isWorth, findStored } = finding(cells, context, work, missing);
  const { steps } = await stepsHere(work, inStore, () => paceHere(context.home));
  for (const i of await notWorth(work, steps, inStore))
    steps[i] = steps[i].map(({ seconds, known }) => ({ seconds: known ? seconds : 0, known }));
  const total = secondsOf(steps.flat());
  let done = secondsOf(steps.flat().filter(({ known }) => known));
  if (steps.flat().some(({ known }) => !known)) await onBegin?.();
  const whole = Math.max(1, Math.ceil(total));
  /** Seconds done of the whole, all of it once nothing is left. */
  const position = (seconds = done): number => (seconds >= total - 1e-6 ? whole : Math.floor(seconds));
  const phase = progress?.start(`${id} (s, estimated)`, whole, position());
  const keep = async (i: number, kept: readonly KeptRun[], isNews: boolean): Promise<void> => {
    found[i] = measuredCell(work[i].cell, work[i].parts, kept);
    if (isNews && work[i].cell.run.kind !== 'linear') await onPartial?.(soFar());
  };
  /** Counts a cell as done. */
  const settle = (i: number): void => {
    done += secondsOf(steps[i].filter(({ known }) => !known));
    steps[i] = steps[i].map(({ seconds }) => ({ seconds, known: true }));
    phase?.update(position());
  };
  /** Takes a cell from the store, if that has it by now. */
  const take = async (i: number): Promise<boolean> => {
    const kept = await storedRuns(work[i]);
    if (!kept) return false;
    await keep(i, kept, false);
    settle(i);
    return true;
  };
  /** Leaves out a cell that is not worth it, unless the store has it. */
  const leave = async (i: number): Promise<void> => {
    if (!(await take(i))) settle(i);
  };
  let compiled = '';
  /** Computes what the store lacks of a cell, if that is worth it; false while that is not known. */
  const compute = async (i: number): Promise<boolean> => {
    const { cell, parts, options } = work[i];
    const worth = isWorth(i);
    if (worth === false) await leave(i);
    if (!worth) return worth === false;
    const measured: KeptRun[] = [];
    let computed = false;
    for (const [p, part] of parts.entries()) {
      const { seconds, known } = steps[i][p];
      const label = `run ${i + 1}/${work.length} (${Object.values(cell.axes).join(', ')}), ${part.label}`;
      const protocol = part.protocol(measured);
      if (!known && protocol.kind === 'search' && part.network && part.network.id !== compiled) {
        phase?.update(position(), `${label}: compiling the supernet`);
        phase?.aside?.('begins');
        await warmUp(protocol, options);
        phase?.aside?.('over');
        compiled = part.network.id;
      }
      const kept = await runStored(protocol, {
        ...options,
        progress: shareOf(phase, (share) => position(done + (known ? 0 : seconds * share)), label),
        ...(onPartial ? { onGrid: (grid) => onPartial(soFar([coarse(cell, protocol, grid)])) } : {}),
      });
      if (!known) done += seconds;
      steps[i][p] = { seconds, known: true };
      computed ||= !kept.known;
      phase?.update(position(), label);
      measured.push(kept);
    }
    await keep(i, measured, computed);
    return true;
  };
  /** Has cells computed by workers. */
  const hand = async (own: readonly number[], { open, name }: NonNullable<typeof queue>): Promise<void> => {
    const wanted = own.map((i) => {
      const { cell, parts, options } = work[i];
      return { run: cell.run, parts, options, seconds: steps[i].map(({ seconds }) => seconds) };
    });
    const here = new Set(own);
    const others = steps.flatMap((each, i) =>
      here.has(i) ? [] : each.filter(({ known }) => known || found[i]),
    );
    const before = secondsOf(others);
    await throughQueue(wanted, open, name, {
      signal: context.signal,
      onCell: (at, kept) => keep(own[at], kept, true),
      onProgress: (seconds, note) => phase?.update(position(before + seconds), note),
    });
  };
  try {
    if (queue) {
      const all = [...work.keys()];
      await hand(
        all.filter((i) => !work[i].cell.worth),
        queue,
      );
      const later = all.filter((i) => work[i].cell.worth);
      for (const i of later) if (isWorth(i) === false) await leave(i);
      const left = later.filter((i) => !found[i] && isWorth(i) !== false);
      if (left.length > 0) await hand(left, queue);
    } else {
      await inTurn(work.length, { compute, take }, context.signal, (why) =>
        phase?.update(position(), `waits: ${why}`),
      );
    }
    phase?.update(whole);
  } catch (error) {
    // A stopped grid shows all that the store has of it, also what comes later in its order or was computed by others.
    if (error instanceof InterruptedError) {
      const before = soFar().runs.length;
      await findStored();
      if (soFar().runs.length > before) await onPartial?.(soFar());
    }
    throw error;
  } finally {
    phase?.end();
  }
  return soFar();
}

/** What there is of a grid while it is measured, cell by cell, and which of the others are worth it by that. */
function finding(
  cells: readonly AnyCell[],
  { budget }: Pick<MeasureContext, 'budget'>,
  work: readonly Work[],
  missing: ReadonlyMap<string, string> = new Map(),
) {
  const found: (MeasuredCell | undefined)[] = work.map(() => undefined);
  // Made anew only when there are more.
  let rows: { readonly of: number; readonly all: readonly object[] } = { of: 0, all: [] };
  /** Whether a cell is there already, or worth it by what is. */
  const isWorth = (i: number): boolean | undefined => {
    const { worth } = work[i].cell;
    if (found[i] || !worth) return true;
    const there = found.filter((cell) => cell !== undefined);
    if (there.length !== rows.of) rows = { of: there.length, all: rowsOf(there) };
    return worth(rows.all);
  };
  const soFar = (extra: readonly MeasuredCell[] = []): Result => ({
    budget,
    runs: [...found.filter((cell) => cell !== undefined), ...extra],
    of: countOf(cells) - countOf(work.filter((_, i) => isWorth(i) === false).map(({ cell }) => cell)),
    missing: reasons(missing),
  });
  /** Finds what the store has of the cells that are not found yet. */
  const findStored = async (): Promise<void> => {
    for (const [i, each] of work.entries()) {
      const kept = found[i] ? undefined : await storedRuns(each);
      if (kept) found[i] = measuredCell(each.cell, each.parts, kept);
    }
  };
  return { found, isWorth, soFar, findStored };
}

/** The runs of a cell, if the store has them all. */
async function storedRuns(work: Work): Promise<readonly KeptRun[] | undefined> {
  const kept: KeptRun[] = [];
  for (const part of work.parts) {
    const run = await inStore(part.protocol(kept), work);
    if (!run) return undefined;
    kept.push(run);
  }
  return kept;
}

/** Milliseconds until runs that others are at are looked at again. */
const AGAIN_MS = 2_000;

/**
 * Computes cells in turn. One that another process is at, or that waits for such a one, comes again after the others, so that two
 * commands that share a store share the work; after each of these it is looked whether the store has it.
 *
 * @param compute  Gives whether it was time for the cell.
 * @param take     Takes the cell from the store; gives whether it was there.
 * @param waits    Told why, when nothing is left but what others are at.
 */
async function inTurn(
  cells: number,
  { compute, take }: Readonly<Record<'compute' | 'take', (cell: number) => Promise<boolean>>>,
  signal: AbortSignal | undefined,
  waits: (why: string) => void,
): Promise<void> {
  for (let left = Array.from({ length: cells }, (_, i) => i); left.length > 0;) {
    const busy = new Set<number>();
    let why = 'for other runs';
    for (const cell of left) {
      let isDone = false;
      try {
        isDone = await compute(cell);
      } catch (error) {
        if (!(error instanceof InUseError)) throw error;
        why = error.message;
      }
      if (!isDone) busy.add(cell);
      else for (const other of busy) if (await take(other)) busy.delete(other);
    }
    if (busy.size === left.length) {
      waits(why);
      await pause(AGAIN_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
      if (signal?.aborted)
        throw new InterruptedError('Stopped; the same command goes on from what was saved.');
    }
    left = [...busy];
  }
}

const inStore = (protocol: StoredProtocol, { options, finished }: Work, withState?: boolean) =>
  finished ? finished.get(canonicalJson(protocol)) : storedRun(protocol, options, withState);

const optionsOf = (run: Run, context: MeasureContext): ComputeOptions => {
  const { home, data, signal } = context;
  const common = { ...(home && { home }), ...(data && { data }), ...(signal && { signal }) };
  return usesStandIn(run, context) ? { ...common, data: 'synthetic' } : common;
};

/** The cells as the store may have them: no images are fetched, and those that are not here may be any but computed ones. */
function workInStore(cells: readonly AnyCell[], context: MeasureContext): Work[] {
  // Each is looked for once, and the store is read only where one is missing.
  const isHere = keepAll<boolean>();
  let finished: ReadonlyMap<string, KeptRun> | undefined;
  return cells.map((cell) => {
    const options = optionsOf(cell.run, context);
    const are = datasetsOf(cell.run).every((name) =>
      isHere([name, options.data], () => !isAbsent(name, options)),
    );
    const own = { cell, parts: partsOf(cell.run), options };
    if (are) return own;
    finished ??= finishedRuns(context.home, ({ name }) => name !== 'synthetic');
    return { ...own, finished };
  });
}

/** Whether a data set would have to be fetched. */
const isAbsent = (name: string, { data }: { readonly data?: string | undefined }): boolean =>
  name !== 'synthetic' &&
  data !== 'synthetic' &&
  datasetFolder(name as FileDatasetName | 'imagenet', { data }) === undefined;

/** The cells whose images are here; the reasons of the others by data set. @throws as {@link measure}. */
async function workOf(cells: readonly AnyCell[], context: MeasureContext) {
  const { id } = context;
  if (cells.length === 0) throw new UsageError(`${id}: there is nothing to run.`);
  const missing = new Map<string, string>();
  const work: Work[] = [];
  for (const cell of cells) {
    const options = optionsOf(cell.run, context);
    const lacking = await lackingImages(cell.run, options, context, missing);
    if (!lacking) work.push({ cell, parts: partsOf(cell.run), options });
  }
  return { work, missing };
}

/** What {@link measure} would have to compute of the cells, with the images that it would read. @throws as it does. */
export async function leftToMeasure(cells: readonly AnyCell[], context: MeasureContext): Promise<Remaining> {
  const { work } = await workOf(cells, context);
  return leftOf(work, inStore, () => paceHere(context.home));
}

/** Runs of a grid that are its own, and not classifiers beside them. */
const countOf = (cells: readonly AnyCell[]): number =>
  cells.filter(({ run }) => run.kind !== 'linear').length;

const reasons = (missing: ReadonlyMap<string, string>): string[] =>
  [...missing.values()].filter((reason) => reason !== '');

/** A cell with the runs that are there of it. Whether they were there already is no part of what is kept. */
function measuredCell(
  { run, axes }: AnyCell,
  parts: readonly Part[],
  measured: readonly KeptRun[],
): MeasuredCell {
  const own = measured.filter((_, p) => parts[p].only === undefined);
  return { kind: run.kind, axes, kept: own.map((each) => ({ ...each, known: true })) };
}

/** Seconds that the cells take when nothing of them is in the store: an estimate, for two cores where no pace is given. */
export function estimate(cells: readonly AnyCell[], pace: Pace = AS_ESTIMATED): number {
  return sumOf(
    costsOf(
      cells.map(({ run }) => partsOf(run)),
      pace,
    ),
  );
}

/**
 * Seconds that grids take one after the other when nothing of them is in the store, and of each what hangs on its controls: runs
 * that several share count where they first come.
 */
export function estimateInTurn(
  grids: readonly (readonly AnyCell[])[],
  pace: Pace,
): { readonly seconds: number; readonly gated: number }[] {
  const seen = new Set<string>();
  return grids.map((cells) => {
    const parts = cells.map(({ run }) => partsOf(run));
    const free = parts.filter((_, i) => !cells[i].worth);
    const certain = free.length < parts.length ? sumOf(costsOf(free, pace, new Set(seen))) : undefined;
    const seconds = sumOf(costsOf(parts, pace, seen));
    return { seconds, gated: certain === undefined ? 0 : seconds - certain };
  });
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

/** What of a grid is left to do here. */
export interface Remaining {
  /** Seconds at this pace, an estimate; 0 where everything is there, classifiers beside the runs too. */
  readonly seconds: number;
  /** Those of runs that are only made where their control passes. */
  readonly gated: number;
  readonly pace: Pace;
  /** Runs that the store has, and all: whole ones, a search with what is made of its end. */
  readonly known: number;
  readonly of: number;
}

/**
 * Every finished run of a store by its protocol.
 *
 * @param on  Of those that read images, on which ones; any when left out.
 */
export function finishedRuns(
  home?: string,
  on: (data: { readonly name: string }) => boolean = () => true,
): ReadonlyMap<string, KeptRun> {
  const runs = listFinished(home).filter(({ provenance }) => {
    const { data } = provenance as { readonly data?: { readonly name: string } | null };
    return !data || on(data);
  });
  return new Map(runs.map((run) => [canonicalJson(run.protocol), run as unknown as KeptRun]));
}

/**
 * What there is of a grid, whatever images its runs were made on.
 *
 * @param finished  As {@link finishedRuns} gives it.
 */
export async function resultOf(
  cells: readonly AnyCell[],
  budget: Budget,
  finished: ReadonlyMap<string, KeptRun>,
): Promise<Result> {
  const work = cells.map((cell) => ({ cell, parts: partsOf(cell.run), options: {}, finished }));
  const there = finding(cells, { budget }, work);
  await there.findStored();
  return there.soFar();
}

/**
 * What of a grid the store lacks, whatever images its runs were made on: nothing is read of them, or fetched.
 *
 * @param finished  As {@link finishedRuns} gives it.
 */
export async function remaining(
  cells: readonly AnyCell[],
  finished: ReadonlyMap<string, KeptRun> = finishedRuns(),
): Promise<Remaining> {
  const work = cells.map((cell) => ({ cell, parts: partsOf(cell.run) }));
  return leftOf(
    work,
    (protocol) => finished.get(canonicalJson(protocol)),
    () => paceOf(finished.values()),
  );
}

/** The pace of this machine by runs of a store. */
export const paceOf = (runs: Iterable<KeptRun>): Pace =>
  paceBy(runs as unknown as Iterable<Timed<StoredProtocol>>, estimatedSeconds);

/** Runs of a store that its pace is looked for in. */
const LATELY = 100;

/** The same by what came into a store last. */
export const paceHere = (home?: string): Pace =>
  paceOf(listFinished(home, LATELY) as unknown as readonly KeptRun[]);

const secondsOf = (steps: readonly Step[]): number => sumOf(steps.map(({ seconds }) => seconds));

/** The rows of the cells that are there. */
const rowsOf = (runs: readonly MeasuredCell[]): readonly object[] =>
  viewOf({ budget: 'smoke', runs, of: runs.length, missing: [] }).rows;

/** What is left of work, when `find` gives what is there. What is not worth it by that is neither left nor counted. */
async function leftOf<W extends { readonly cell: AnyCell; readonly parts: readonly Part[] }>(
  work: readonly W[],
  find: Find<W>,
  here: () => Pace,
): Promise<Remaining> {
  const { steps, pace } = await stepsHere(work, find, here);
  const isThere = isThereBy(steps);
  const leftOut = await notWorth(work, steps, find);
  const counted = [...work.keys()].filter((i) => !leftOut.has(i));
  const left = (which: readonly number[]): number =>
    secondsOf(which.flatMap((i) => steps[i].filter(({ known }) => !known)));
  const count = (which: readonly number[]): number => countOf(which.map((i) => work[i].cell));
  const gated = left(counted.filter((i) => work[i].cell.worth));
  return { seconds: left(counted), gated, pace, known: count(counted.filter(isThere)), of: count(counted) };
}

const isThereBy =
  (steps: readonly (readonly Step[])[]) =>
  (i: number): boolean =>
    steps[i].every(({ known }) => known);

/** The cells that are not there and not worth it by the controls that are. */
async function notWorth<W extends { readonly cell: AnyCell; readonly parts: readonly Part[] }>(
  work: readonly W[],
  steps: readonly (readonly Step[])[],
  find: Find<W>,
): Promise<ReadonlySet<number>> {
  const isThere = isThereBy(steps);
  const gated = [...work.keys()].filter((i) => work[i].cell.worth && !isThere(i));
  if (gated.length === 0) return new Set();
  const found: MeasuredCell[] = [];
  for (const [i, each] of work.entries()) {
    if (each.cell.worth || !isThere(i)) continue;
    const runs: KeptRun[] = [];
    for (const part of each.parts) runs.push((await find(part.protocol(runs), each))!);
    found.push(measuredCell(each.cell, each.parts, runs));
  }
  const rows = rowsOf(found);
  return new Set(gated.filter((i) => work[i].cell.worth!(rows) === false));
}

/**
 * Seconds of each part of each cell in order: a run that an earlier part is takes none, a network is compiled once.
 *
 * @param seen  Of what came before these; what comes is added.
 */
function costsOf(
  parts: readonly (readonly Part[])[],
  pace: Pace = AS_ESTIMATED,
  seen = new Set<string>(),
): number[] {
  const first = (id: string): boolean => !seen.has(id) && seen.add(id) !== undefined;
  return parts.flat().map(({ identity, seconds, network, sort }) => {
    if (!first(identity)) return 0;
    return pace.of(sort) * (seconds + (network && first(`network ${network.id}`) ? network.seconds : 0));
  });
}

/** What each part of each cell takes, and whether the store has it already. */
async function stepsOf<W extends Pick<Work, 'parts'>>(work: readonly W[], find: Find<W>): Promise<Step[][]> {
  const costs = costsOf(work.map(({ parts }) => parts));
  const steps: Step[][] = [];
  const lost = new Set<string>();
  let at = 0;
  for (const each of work) {
    const before: KeptRun[] = [];
    const own: Step[] = [];
    for (const part of each.parts) {
      const kept = before.length === own.length ? await find(part.protocol(before), each) : undefined;
      if (kept) before.push(kept);
      own.push({ seconds: costs[at++], known: kept !== undefined });
    }
    // Of what is only needed first the state is read; where that is not there, as of an imported run, it is computed again, once
    // for all that need it.
    const [first] = each.parts;
    const isLost =
      first.only && own[0].known && !own.at(-1)!.known && !(await find(first.protocol([]), each, true));
    if (isLost) {
      own[0] = { seconds: lost.has(first.identity) ? 0 : first.seconds, known: false };
      lost.add(first.identity);
    }
    steps.push(own);
  }
  return steps;
}

/** The same at the pace of this machine, which is only asked for where something is left. */
async function stepsHere<W extends Pick<Work, 'parts'>>(
  work: readonly W[],
  find: Find<W>,
  here: () => Pace,
): Promise<{ readonly steps: Step[][]; readonly pace: Pace }> {
  const steps = await stepsOf(work, find);
  const pace = steps.flat().every(({ known }) => known) ? AS_ESTIMATED : here();
  const paced = steps.map((own, i) =>
    own.map(({ seconds, known }, p) => ({ seconds: seconds * pace.of(work[i].parts[p].sort), known })),
  );
  return { steps: paced, pace };
}

/** What is told of one part, at its place in the phase. */
function shareOf(
  phase: ReturnType<Progress['start']> | undefined,
  position: (share: number) => number,
  label: string,
): Progress {
  return {
    start: (_, steps) => ({
      update: (at, note) => phase?.update(position(at / steps), note ? `${label}, ${note}` : label),
      end: () => undefined,
    }),
  };
}

/** A landscape under way as far as it can be shown. */
function coarse({ run, axes }: AnyCell, protocol: StoredProtocol, grid: LossGrid): MeasuredCell {
  const result = { grid, minimum: gridMinimum(grid), sharpness: sharpness(grid), directionNorms: [1, 1] };
  return {
    kind: run.kind,
    axes,
    kept: [{ protocol, result, provenance: { seconds: 0 }, key: '', known: false }],
  };
}

// ---- Images ----

/** Names of the data sets that a run reads. */
function datasetsOf(run: Run): readonly string[] {
  const own = ownProtocol(run);
  return [searchOf(run), own].flatMap((each) => (each && 'dataset' in each ? [each.dataset.name] : []));
}

/**
 * Whether a run on photographs takes computed ones, since there are no others: where a budget only shows that all works. Elsewhere
 * that would be an hour for errors that say nothing.
 */
function usesStandIn(run: Run, { budget, data }: MeasureContext): boolean {
  return budget === 'smoke' && datasetsOf(run).includes('imagenet') && isAbsent('imagenet', { data });
}

/**
 * Whether a run has no images; the reason, and the command that makes the figure or table once there are, is noted by data
 * set.
 *
 * @throws as lib/datasets/load.ts, loadDataset, but for images that are not to be had.
 */
async function lackingImages(
  run: Run,
  options: ComputeOptions,
  context: MeasureContext,
  missing: Map<string, string>,
): Promise<boolean> {
  const names = datasetsOf(run);
  for (const name of names) {
    if (!missing.has(name)) missing.set(name, await reasonFor(name, run, options, context));
  }
  return names.some((name) => missing.get(name) !== '');
}

/** Whether data sets are looked for in a folder that the user named, so that none is downloaded. */
const isFolderNamed = (data: string | undefined): boolean => (data ?? process.env.ZARTS_DATA ?? '') !== '';

/** The cells that are passed over since the folder of data sets that was named lacks their images; nothing is read of any. */
export function cellsWithoutImages(cells: readonly AnyCell[], context: MeasureContext): readonly AnyCell[] {
  if (!isFolderNamed(context.data)) return [];
  return cells.filter(({ run }) => datasetsOf(run).some((name) => isAbsent(name, optionsOf(run, context))));
}

/** Why the images of a data set are not there; empty where they are. */
async function reasonFor(
  name: string,
  run: Run,
  options: ComputeOptions,
  { id, budget, data }: MeasureContext,
): Promise<string> {
  if (name === 'synthetic' || options.data === 'synthetic') return '';
  const sentence = (title: string, absent: string): string => {
    const where = isFolderNamed(data) ? 'not in the folder of data sets named' : absent;
    return `${title} is ${where}. Once it is in a folder DIR: npx zarts reproduce ${id} --budget ${budget} --data DIR`;
  };
  if (name === 'imagenet') {
    return isAbsent(name, options)
      ? sentence(IMAGENET.title, 'not here: its licence allows no download')
      : '';
  }
  try {
    await dataDigest(partsOf(run)[0].protocol([]), options);
    return '';
  } catch (error) {
    if (!isNotToBeHad(error)) throw error;
    return sentence(FILE_DATASETS[name as FileDatasetName].title, 'not here, and could not be downloaded');
  }
}
