import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Claim } from '../lib/analysis/claims.js';
import { FILE_DATASETS } from '../lib/datasets/registry.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { ZartsError } from '../lib/errors.js';
import { canonicalJson, sha256, toJson } from '../lib/runs/canonical.js';
import { explainFileError, writeWhole } from '../lib/runs/files.js';
import { runsHome } from '../lib/runs/home.js';
import type { Chart, Drawing } from '../lib/report/spec.js';
import type * as Render from '../lib/report/render.js';
import type * as SurfacePage from '../lib/report/surface-page.js';
import type * as Svg from '../lib/report/svg.js';
import type { Surface } from '../lib/report/surface.js';
import { textTable } from '../lib/report/table.js';
import type { Table } from '../lib/report/table.js';
import { openSettings } from '../lib/search/presets.js';
import type { OpenSetting } from '../lib/search/presets.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import { isSearch } from './reproduction.js';
import type {
  MeasureContext,
  Measured,
  Parts,
  Protocol,
  ProtocolOptions,
  Reproduction,
} from './reproduction.js';

/** How to run a reproduction. */
export interface RunOptions extends ProtocolOptions, Pick<MeasureContext, 'data' | 'progress' | 'signal'> {
  /** The folder that holds runs/ and results/. Default: `$ZARTS_HOME`, else `.zarts` of the project. */
  readonly home?: string;
  /** Told whenever a part is finished, if the reproduction is made of parts. */
  readonly onPart?: (soFar: PartialReport) => void;
}

/** What is there of a reproduction under way that is made of parts. */
export interface PartialReport extends Parts {
  readonly tables: readonly Table[];
  /** Absolute path of the file that has the tables as text; it is gone when the reproduction is whole. */
  readonly file: string;
}

/** What running a reproduction gives. Plain JSON. */
export interface ReproductionReport<Result = unknown> {
  readonly id: string;
  readonly title: string;
  readonly budget: Budget;
  readonly preset: Preset;
  /** Every table as text, for a terminal. */
  readonly tableText: string;
  /** What the runs do otherwise than the paper. */
  readonly deviations: readonly string[];
  readonly claims: readonly Claim[];
  /** Absolute paths of the pictures written, PNG. Beside a chart is its Vega-Lite specification, `.vl.json`, beside a drawing its SVG, beside a surface also its Plotly figure, `.plotly.json`. */
  readonly pictures: readonly string[];
  /** Absolute paths of the pages written: surfaces to turn in a browser, each in one file. */
  readonly pages: readonly string[];
  /** Absolute path of the record written. */
  readonly resultFile: string;
  /** Seconds that this call took; 0 or nearly so when every run was in the store. */
  readonly seconds: number;
  readonly result: Result;
}

/** The version of {@link ResultRecord}. */
export const RECORD_VERSION = 1;

/** What is kept of a reproduction in results/: everything that its pages show, and how it came about. */
export interface ResultRecord<Result = unknown, Run extends Protocol = SearchProtocol> {
  readonly schemaVersion: typeof RECORD_VERSION;
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  readonly budget: Budget;
  readonly preset: Preset;
  /** The number of repeats asked for, and settings given by hand. */
  readonly options: { readonly seeds: number | null; readonly set: readonly string[] };
  /** The first run's protocol; the others differ in what the result says of each run. */
  readonly protocol: Run;
  readonly paper: Readonly<Record<string, number>>;
  readonly deviations: readonly string[];
  /** Settings that the paper leaves open, with the values used and whose they are. */
  readonly openSettings: readonly OpenSetting[];
  readonly claims: readonly Claim[];
  readonly tables: readonly Table[];
  readonly result: Result;
}

/** Deviations that lie in the images, which only a finished run knows. */
function dataDeviations({ environments }: Measured): string[] {
  const coverages = new Set(
    environments.flatMap(({ data }) => (data ? [`${data.name} ${data.coverage}`] : [])),
  );
  return [...coverages].flatMap((coverage) => {
    const [name] = coverage.split(' ');
    const title = isFileDataset(name) ? FILE_DATASETS[name].title : name;
    if (coverage.endsWith(' synthetic'))
      return [
        'The images are synthetic: they are no photographs, and what is found on them says nothing about the data set that they stand for.',
      ];
    if (coverage.endsWith(' subset')) return [`The images are a subset of ${title}, not the official files.`];
    return [];
  });
}

function isFileDataset(name: string): name is FileDatasetName {
  return name in FILE_DATASETS;
}

function openSettingsOf<Run extends Protocol>(
  reproduction: Reproduction<Measured, Run>,
  protocols: readonly Run[],
): readonly OpenSetting[] {
  const [first] = protocols;
  return reproduction.openSettings?.(protocols) ?? (isSearch(first) ? openSettings(first) : []);
}

/** Marks the files of a result that lacks its images. */
const NO_DATA = 'no-data';

/** The folder of results beside the folder of runs. */
function homes(home: string | undefined): { runs: string; results: string } {
  const runs = home === undefined ? runsHome() : join(resolve(home), 'runs');
  return { runs, results: join(dirname(runs), 'results') };
}

/**
 * Measures a reproduction and writes its record, pictures and chart specifications to results/ as `<id>-<budget>…`. What
 * the run store has is not computed again.
 *
 * @param options  `onPartial` is given results as they come in, where the reproduction has something to show early.
 * @param variant  Marks the files of runs that are not the reproduction's own choice.
 * @throws {UsageError} for options out of range; {ZartsError} when data are missing, a run fails, or a file cannot be
 *         written; {InterruptedError} after `signal`.
 */
export async function runReproduction<Result extends Measured, Run extends Protocol>(
  reproduction: Reproduction<Result, Run>,
  options: RunOptions & { readonly onPartial?: (partial: Result) => void | Promise<void> },
  variant = variantOf(options),
): Promise<ReproductionReport<Result>> {
  const { id, title } = reproduction;
  const { budget, preset = 'paper', seeds, set = [], home, data, progress, signal } = options;
  const began = performance.now();
  const { runs, results } = homes(home);
  const protocols = reproduction.protocols(options);
  const file = join(results, `${[id, budget, variant].filter((part) => part !== '').join('-')}-so-far.txt`);
  const context = {
    title: id,
    runs,
    ...(data === undefined ? {} : { data }),
    ...(progress ? { progress } : {}),
    ...(signal ? { signal } : {}),
  };
  const result = await reproduction.measure(protocols, context, async (partial) => {
    const { parts } = partial;
    if (parts !== undefined) {
      const tables = reproduction.tables(partial);
      writeText(file, tables.map(textTable).join('\n\n'));
      options.onPart?.({ ...parts, tables, file });
    }
    await options.onPartial?.(partial);
  });
  const seconds = (performance.now() - began) / 1000;

  const tables = reproduction.tables(result);
  const claims = reproduction.claims(result);
  const deviations = [...dataDeviations(result), ...reproduction.deviations(protocols)];
  const record: ResultRecord<Result, Run> = {
    schemaVersion: RECORD_VERSION,
    id,
    title,
    claim: reproduction.claim,
    budget,
    preset,
    options: { seeds: seeds ?? null, set },
    protocol: protocols[0],
    paper: reproduction.paper,
    deviations,
    openSettings: openSettingsOf(reproduction, protocols),
    claims,
    tables,
    result,
  };
  // Where nothing was measured, what was measured before stays.
  const kind = result.lacking === undefined ? variant : NO_DATA;
  const name = [id, budget, kind].filter((part) => part !== '').join('-');
  const written = await writeResults(results, name, record, {
    charts: reproduction.charts(result),
    drawings: reproduction.drawings?.(result) ?? [],
    surfaces: reproduction.surfaces?.(result) ?? [],
  });
  rmSync(file, { force: true });
  const tableText = tables.map(textTable).join('\n\n');
  return { id, title, budget, preset, tableText, deviations, claims, ...written, seconds, result };
}

/** Nothing for the runs that a reproduction chooses itself; else what tells these apart in a file name. */
function variantOf({ preset, seeds, set = [] }: ProtocolOptions): string {
  const chosen =
    seeds === undefined && set.length === 0 ? '' : sha256(canonicalJson({ seeds, set })).slice(0, 8);
  return [preset ?? '', chosen].filter((part) => part !== '').join('-');
}

function writeText(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeWhole(file, [`${text}\n`]);
  } catch (error) {
    throw new ZartsError(`The results so far could not be written to ${file}: ${explainFileError(error)}.`);
  }
}

/** What is drawn of a result. */
interface Pictures {
  readonly charts: readonly Chart[];
  readonly drawings: readonly Drawing[];
  readonly surfaces: readonly Surface[];
}

async function writeResults(
  folder: string,
  name: string,
  record: ResultRecord<unknown, Protocol>,
  { charts, drawings, surfaces }: Pictures,
): Promise<{ resultFile: string; pictures: string[]; pages: string[] }> {
  // Vega is loaded only when there is something to draw.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { chartPng } = require('../lib/report/render.js') as typeof Render;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { svgPng } = require('../lib/report/svg.js') as typeof Svg;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { plotlySource, surfacePage } = require('../lib/report/surface-page.js') as typeof SurfacePage;
  const resultFile = join(folder, `${name}.json`);
  const pictures: string[] = [];
  const pages: string[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const chart of charts) {
      const path = join(folder, `${name}-${chart.name}`);
      writeWhole(`${path}.vl.json`, [`${JSON.stringify(chart.spec)}\n`]);
      writeWhole(`${path}.png`, [await chartPng(chart.spec)]);
      pictures.push(`${path}.png`);
    }
    // A result is better kept without its page than not at all.
    const plotly = surfaces.length > 0 ? plotlySource() : undefined;
    for (const surface of surfaces) {
      const path = join(folder, `${name}-${surface.name}`);
      writeWhole(`${path}.plotly.json`, [`${JSON.stringify(surface.figure)}\n`]);
      if (plotly === undefined) continue;
      writeWhole(`${path}.html`, [surfacePage(surface, plotly)]);
      pages.push(`${path}.html`);
    }
    for (const { name: part, svg } of [...drawings, ...surfaces]) {
      const path = join(folder, `${name}-${part}`);
      writeWhole(`${path}.svg`, [svg]);
      writeWhole(`${path}.png`, [svgPng(svg)]);
      pictures.push(`${path}.png`);
    }
    // Last: a record is there only once its pictures are.
    writeWhole(resultFile, [`${JSON.stringify(toJson(record, name), undefined, 1)}\n`]);
  } catch (error) {
    if (error instanceof ZartsError) throw error;
    throw new ZartsError(`The results could not be written to ${folder}: ${explainFileError(error)}.`);
  }
  return { resultFile, pictures, pages };
}
