/** Running an experiment and keeping what it shows: records, pictures and chart specifications in results/. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Claim } from '../lib/analysis/claims.js';
import { datasetTitle } from '../lib/datasets/registry.js';
import { InterruptedError, ZartsError } from '../lib/errors.js';
import type { Progress } from '../lib/progress.js';
import { canonicalJson, sha256, toJson } from '../lib/runs/canonical.js';
import { explainFileError, writeWhole } from '../lib/runs/files.js';
import { runsHome } from '../lib/runs/home.js';
import type { RunQueue } from '../lib/runs/queue.js';
import type * as Render from '../lib/report/render.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type * as SurfacePage from '../lib/report/surface-page.js';
import type * as Svg from '../lib/report/svg.js';
import type { Surface } from '../lib/report/surface.js';
import { textTable } from '../lib/report/table.js';
import type { Table } from '../lib/report/table.js';
import { openSettingsOf } from './deviations.js';
import { cellsOf, distinct, doneOf, viewOf } from './experiment.js';
import type { Axes, Cell, Experiment, Result, Row } from './experiment.js';
import type { Change, Choices, GridOptions } from './grid.js';
import type { RunKind } from './kinds.js';
import { lackLines, lackOf } from './lacking.js';
import type { Lack } from './lacking.js';
import { leftToMeasure, measure, NothingStoredError } from './measure.js';
import type { Remaining, Stored } from './measure.js';
import { committedResults, filesBeside, keptRecord, RECORD_VERSION } from './records.js';
import type { ResultRecord } from './records.js';

/** How to reproduce an experiment. */
export interface ReproduceOptions<C = Change> extends GridOptions<C> {
  /** The folder that holds runs/ and results/. Default: `$ZARTS_HOME`, else `.zarts` of the project. */
  readonly home?: string;
  /** A folder with data sets, or "synthetic"; `$ZARTS_DATA`, `data/` or the download when left out. */
  readonly data?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** Has the runs computed by the workers of this queue instead of here. */
  readonly queue?: RunQueue;
  /** Shows what the store has instead of computing the rest: see {@link Stored}. */
  readonly stored?: Stored;
  /** Told what is there, as far as it can be shown, whenever that is more. */
  readonly onPartial?: (soFar: PartlyShown) => void | Promise<void>;
  /** Told what was kept of an earlier time, if anything has to be computed: until there is more it can stand in its place. */
  readonly onEarlier?: (earlier: Shown) => void | Promise<void>;
}

/** What an experiment shows, whole or as far as it is measured. */
export interface Shown {
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly drawings: readonly Drawing[];
  readonly surfaces: readonly Surface[];
  readonly claims: readonly Claim[];
  readonly done: number;
  readonly of: number;
  /** The runs that there are not. */
  readonly lacking: Lack['lacking'];
}

/** What an experiment shows while it is measured. */
export interface PartlyShown extends Shown {
  /** Absolute path of the file that has the tables as text; it is gone when the experiment is whole. */
  readonly file: string;
}

/** A figure or table reproduced. */
export interface Reproduced<K extends RunKind = RunKind, A extends Axes = Axes>
  extends Shown, Written, Pick<ResultRecord, 'id' | 'title' | 'budget' | 'preset' | 'deviations' | 'result'> {
  /** What was changed by hand. */
  readonly change: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row<K, A>[];
  readonly missing: readonly string[];
  /** Seconds that this call took; 0 or nearly so when every run was in the store. */
  readonly seconds: number;
}

/** Files written, by absolute path. */
interface Written {
  /** PNG. Beside a chart is its Vega-Lite specification, `.vl.json`, beside a drawing its SVG, beside a surface also its Plotly figure, `.plotly.json`. */
  readonly pictures: readonly string[];
  /** Surfaces to turn in a browser, each in one file. */
  readonly pages: readonly string[];
  /** The record. */
  readonly resultFile: string;
}

/**
 * Everything that an experiment shows of a result; its first table says which runs are missing.
 *
 * @param lack  Which those are; none when left out.
 */
export function shownOf<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  result: Result,
  { lacking, text }: Lack = { lacking: [], text: undefined },
): Shown {
  const view = viewOf<K, A>(result);
  const tables = experiment.tables(view);
  const [first, ...others] = tables;
  const isPart = text !== undefined && tables.length > 0;
  return {
    lacking,
    tables: isPart ? [{ ...first, notes: [...(first.notes ?? []), text] }, ...others] : tables,
    charts: experiment.charts(view),
    drawings: experiment.drawings?.(view) ?? [],
    surfaces: experiment.surfaces?.(view) ?? [],
    claims: experiment.claims(view),
    done: view.done,
    of: view.of,
  };
}

/** What could be shown of a grid is less than the record of it that is there, which stays. */
export class FullerRecordError extends ZartsError {}

/** Marks the files of a result that lacks its images. */
const NO_DATA = 'no-data';

/**
 * Reproduces a figure or table: runs what the store does not have and writes record, pictures and chart specifications to
 * results/ as `<id>-<budget>…`; what was changed by hand, or ran on synthetic images, has files of its own.
 *
 * @throws {UsageError} for options out of range; {FullerRecordError} where the store or the images that are here give less
 *         than the record that there is; {ZartsError} when data are missing, a run fails, or a file cannot be written; {InterruptedError} after `signal`, what is there being in a text file beside the results.
 */
export async function reproduce<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  options: ReproduceOptions<Change<K, C>>,
): Promise<Reproduced<K, A>> {
  const { id } = experiment;
  const { budget, change = {}, home, onEarlier, onPartial, data, progress, signal, stored, queue } = options;
  const began = performance.now();
  const runs = runsOf(home);
  const folder = join(dirname(runs), 'results');
  const cells = cellsOf(experiment, options);
  const name = [id, budget, variantOf(options)].filter((part) => part !== '').join('-');
  const soFar = join(folder, `${name}-so-far.txt`);
  let partly: Result | undefined;
  const keep = async (result: Result): Promise<{ shown: Shown; record: ResultRecord; written: Written }> => {
    const shown = shownOf(experiment, result, lackOf(cells, result));
    const record = recordOf(experiment, options, cells, result, shown);
    // Where nothing was measured, what was measured before stays.
    const file = result.runs.length > 0 ? name : `${id}-${budget}-${NO_DATA}`;
    return { shown, record, written: await writeResults(folder, file, record, shown) };
  };
  const measured = measure(cells, {
    id,
    budget,
    home: runs,
    ...(data === undefined ? {} : { data }),
    ...(progress ? { progress } : {}),
    ...(signal ? { signal } : {}),
    ...(stored ? { stored } : {}),
    ...(queue ? { queue: { open: queue, name } } : {}),
    onBegin: async () => {
      const earlier = onEarlier && keptRecord(name, [folder, committedResults()]);
      if (earlier) await onEarlier(shownOf(experiment, earlier.result, lackOf(cells, earlier.result)));
    },
    onPartial: async (partial) => {
      const lack = lackOf(cells, partial);
      const shown = shownOf(experiment, partial, lack);
      // A landscape that is only partly there is no run yet.
      if (partial.runs.every(({ kept }) => kept.every(({ key }) => key !== ''))) partly = partial;
      const missing = lack.lacking.length > 0 ? ['Missing runs:', ...lackLines(lack)].join('\n') : '';
      const texts = [...shown.tables.map((table) => textTable(table)), missing];
      writeText(soFar, texts.filter((each) => each !== '').join('\n\n'));
      await onPartial?.({ ...shown, file: soFar });
    },
  });
  /** Runs in the record that there is. */
  const before = (): number => {
    const record = keptRecord(name, [folder]);
    return record ? doneOf(record.result) : 0;
  };
  const result = await measured.catch(async (error: unknown) => {
    // What there is of a grid that was stopped is a record too, unless there is one with more.
    if (error instanceof InterruptedError && partly && doneOf(partly) > before()) await keep(partly);
    const committed = error instanceof NothingStoredError && keptRecord(name, [committedResults()]);
    if (committed) {
      throw new NothingStoredError(
        `${error.message} The record that came with the project has ${doneOf(committed.result)}: npx zarts runs import reproductions/results/${name}.json takes them into the store.`,
      );
    }
    throw error;
  });
  const done = doneOf(result);
  const fewer = done < before();
  if (stored && fewer) {
    throw new FullerRecordError(
      `The record ${name}.json has ${before()} runs, the store ${done} of them; npx zarts runs import takes those of the record into the store.`,
    );
  }
  if (result.missing.length > 0 && fewer) {
    throw new FullerRecordError(
      `The record ${name}.json, which has ${before()} runs, stays instead of one with the ${done} whose images are here; --stored shows what the store has of all. ${result.missing.join(' ')}`,
    );
  }
  const seconds = (performance.now() - began) / 1000;
  const { shown, record, written } = await keep(result);
  rmSync(soFar, { force: true });
  const { title, preset, deviations } = record;
  const { rows, missing } = viewOf<K, A>(result);
  return {
    ...{ id, title, budget, preset, change, rows, deviations, missing, seconds, result },
    ...shown,
    ...written,
  };
}

/** The folder of runs. */
const runsOf = (home: string | undefined): string =>
  home === undefined ? runsHome() : join(resolve(home), 'runs');

/** What {@link reproduce} would have to compute. @throws as it does, for options, data and the store. */
export async function leftToReproduce<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  options: ReproduceOptions<Change<K, C>>,
): Promise<Remaining> {
  const { budget, home, data } = options;
  const where = { home: runsOf(home), ...(data === undefined ? {} : { data }) };
  return leftToMeasure(cellsOf(experiment, options), { id: experiment.id, budget, ...where });
}

/** What of a reproduction is kept. */
function recordOf<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  {
    budget,
    preset = 'paper',
    seeds = null,
    change = {},
  }: Omit<GridOptions<object>, 'seeds'> & {
    readonly seeds?: GridOptions['seeds'] | null;
  },
  cells: readonly Cell<K, A>[],
  result: Result,
  { claims, tables, lacking }: Shown,
): ResultRecord {
  const { id, title, claim, paper } = experiment;
  return {
    schemaVersion: RECORD_VERSION,
    ...{ id, title, claim, budget, preset },
    options: { seeds, change: change as Readonly<Record<string, unknown>> },
    paper,
    deviations: [...dataDeviations(result), ...experiment.deviations(cells)],
    openSettings: experiment.openSettings?.(cells) ?? openSettingsOf(cells),
    claims,
    tables,
    ...(lacking.length > 0 ? { lacking } : {}),
    result,
  };
}

/** Nothing for the runs that an experiment chooses itself on real images; else what tells these apart in a file name. */
function variantOf({ preset, seeds, change = {}, data }: ReproduceOptions<object>): string {
  const chosen =
    seeds === undefined && Object.keys(change).length === 0
      ? ''
      : sha256(canonicalJson({ seeds, change })).slice(0, 8);
  const synthetic = (data ?? process.env.ZARTS_DATA) === 'synthetic' ? 'synthetic' : '';
  return [preset ?? '', chosen, synthetic].filter((part) => part !== '').join('-');
}

/** Deviations that lie in the images, which only a finished run knows. */
function dataDeviations({ runs }: Result): string[] {
  const sentences = runs.flatMap(({ kept }) =>
    kept.map(({ provenance }) => {
      const { data } = provenance as { data?: { name: string; coverage: string } | null };
      if (data?.coverage === 'synthetic')
        return 'The images are synthetic: they are no photographs, and what is found on them says nothing about the data set that they stand for.';
      return data?.coverage === 'subset'
        ? `The images are a subset of ${datasetTitle(data.name)}, not the official files.`
        : '';
    }),
  );
  return distinct(sentences).filter((sentence) => sentence !== '');
}

/** Writes a text if it can be: what is so far is only looked at, and a full disk is told of by what has to be kept. */
function writeText(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeWhole(file, [`${text}\n`]);
  } catch {
    // The next one may find room.
  }
}

/** Whether a file holds a text. */
function holds(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text;
  } catch {
    return false;
  }
}

async function writeResults(
  folder: string,
  name: string,
  record: ResultRecord,
  { charts, drawings, surfaces }: Shown,
): Promise<Written> {
  // Vega is loaded only when there is something to draw.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { chartPng } = require('../lib/report/render.js') as typeof Render;
  const { svgPng } = require('../lib/report/svg.js') as typeof Svg;
  const { plotlySource, surfacePage } = require('../lib/report/surface-page.js') as typeof SurfacePage;
  /* eslint-enable @typescript-eslint/no-require-imports */
  const resultFile = join(folder, `${name}.json`);
  const pictures: string[] = [];
  const pages: string[] = [];
  const written = new Set<string>();
  /** Writes a part of the results and then the source that it is made from, unless both are there; the part's path. */
  const write = async (
    part: string,
    end: string,
    [sourceEnd, source]: readonly [string, string],
    make: () => Uint8Array | string | Promise<Uint8Array>,
  ): Promise<string> => {
    const [path, sourcePath] = [end, sourceEnd].map((each) => join(folder, `${name}-${part}${each}`));
    written.add(path).add(sourcePath);
    if (!existsSync(path) || !holds(sourcePath, source)) {
      writeWhole(path, [await make()]);
      writeWhole(sourcePath, [source]);
    }
    return path;
  };
  try {
    mkdirSync(folder, { recursive: true });
    for (const { name: part, spec } of charts) {
      const source = ['.vl.json', `${JSON.stringify(spec)}\n`] as const;
      pictures.push(await write(part, '.png', source, () => chartPng(spec)));
    }
    // A result is better kept without its page than not at all.
    const plotly = surfaces.length > 0 ? plotlySource() : undefined;
    for (const surface of surfaces) {
      const source = ['.plotly.json', `${JSON.stringify(surface.figure)}\n`] as const;
      const path = join(folder, `${name}-${surface.name}${source[0]}`);
      written.add(path);
      if (plotly === undefined) writeWhole(path, [source[1]]);
      else pages.push(await write(surface.name, '.html', source, () => surfacePage(surface, plotly)));
    }
    for (const { name: part, svg } of [...drawings, ...surfaces]) {
      pictures.push(await write(part, '.png', ['.svg', svg], () => svgPng(svg)));
    }
    // Last: a record is there only once its pictures are.
    writeWhole(resultFile, [`${JSON.stringify(toJson(record, name), undefined, 1)}\n`]);
    // Pictures of the record before, of what this one does not show.
    for (const file of filesBeside(folder, name).map((each) => join(folder, each)))
      if (!written.has(file)) rmSync(file);
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw new ZartsError(`The results could not be written to ${folder}: ${explainFileError(error)}.`);
  }
  return { resultFile, pictures, pages };
}
