import { isNotToBeHad } from '../../lib/datasets/load.js';
import { InterruptedError, UsageError, unknownName } from '../../lib/errors.js';
import { claimsText } from '../../lib/report/claims.js';
import { about } from '../../lib/report/format.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import type { Table } from '../../lib/report/table.js';
import { RunQueue } from '../../lib/runs/queue.js';
import { PRESETS } from '../../lib/search/protocol.js';
import type { Budget } from '../../lib/search/protocol.js';
import { searchOf } from '../../reproductions/kinds.js';
import { cellsOf, distinct } from '../../reproductions/experiment.js';
import type { AnyCell, Experiment } from '../../reproductions/experiment.js';
import { parseSet } from '../../reproductions/grid.js';
import type { GridOptions } from '../../reproductions/grid.js';
import {
  cellsWithoutImages,
  estimateInTurn,
  leftToMeasure,
  measure,
  NothingStoredError,
  paceHere,
} from '../../reproductions/measure.js';
import { paceText } from '../../reproductions/pace.js';
import { EXPERIMENTS, experimentById } from '../../reproductions/registry.js';
import { FullerRecordError, reproduce } from '../../reproductions/reproduce.js';
import type { Reproduced, ReproduceOptions, PartlyShown } from '../../reproductions/reproduce.js';
import { shareOf } from '../../reproductions/shares.js';
import { label, listTable } from '../../reproductions/tables.js';
import { withoutControls } from '../../reproductions/together.js';
import { anyTrainingOf } from '../../reproductions/training.js';
import { fetchData, fetchImages } from './data.js';
import type { DataOptions } from './data.js';
import { knownBudget, wholeNumber } from './options.js';
import type { ExperimentOptions } from './options.js';
import { interruptible } from './signals.js';
import { dataAnywhere, parsedShare, slurmScript } from './slurm.js';
import { bulletList, fitted, print, printJson, shortPath, textWidth, wrap } from './text.js';

/** The options of `zarts reproduce`. */
export interface ReproduceCommandOptions extends ExperimentOptions {
  readonly preset?: string;
  readonly seeds?: string;
  readonly queue?: string;
  /** Only a share of the runs, "3/40", and no table. */
  readonly share?: string;
  /** Only print a batch script for Slurm. */
  readonly slurm?: boolean;
  /** Only what the store has. */
  readonly stored?: boolean;
}

/** Seeds that a run may be repeated with: each repeat is a whole search. */
const MOST_SEEDS = 1000;

/** Runs `zarts reproduce`. @returns the exit code. */
export async function reproduceCommand(id: string, options: ReproduceCommandOptions): Promise<number> {
  const { data, json, quiet = false } = options;
  const experiments = id === 'all' ? EXPERIMENTS : [experimentById(id)];
  const asked = gridOptions(options);
  // Every setting is checked before anything is loaded or computed.
  const grids = experiments.map((experiment) => cellsOf(experiment, asked));

  const one = [options.queue !== undefined, options.share !== undefined, options.slurm ?? false];
  if (one.filter(Boolean).length > 1)
    throw new UsageError('--queue, --share and --slurm are three ways to spread runs; choose one.');
  if (options.stored && one.some(Boolean))
    throw new UsageError('--stored computes nothing, so that there is nothing to spread; leave it out.');
  if (options.slurm) {
    print([slurmScript(grids.flat(), commandOf(id, options), `${id}-${asked.budget}`)]);
    return 0;
  }
  const part = options.share === undefined ? undefined : parsedShare(options.share);
  // Controls of a run may be in another share, which it does not wait for.
  const own: readonly AnyCell[][] = part
    ? shareOf(grids, part.share, part.shares).map((cells) => cells.map(({ axes, run }) => ({ axes, run })))
    : grids;
  const progress = terminalProgress({ quiet });
  const source = data === undefined ? {} : { data };
  const documents: object[] = [];
  const lacking: string[] = [];
  const queue = options.queue === undefined ? undefined : await RunQueue.open(options.queue);
  const through = queue ? { queue } : {};
  const shown = options.stored ? ({ stored: 'only' } as const) : {};
  const tells = !quiet && !options.stored;
  if (tells && experiments.length > 1) {
    process.stderr.write(`${fitted(costTable(experiments, own, asked.budget, source))}\n\n`);
  }
  await interruptible(async (signal) => {
    for (const [i, experiment] of experiments.entries()) {
      const cells = own[i];
      try {
        if (!options.stored) await fetchFor(cells, { progress, signal, ...source });
      } catch (error) {
        // Of several, those whose images are there are made; what others lack is said at the end.
        const isTold = isNotToBeHad(error) || error instanceof UsageError;
        if (experiments.length === 1 || !isTold) throw error;
        if (i === experiments.length - 1 && documents.length === 0) throw error;
        lacking.push(`${experiment.id} is not reproduced: ${error.message}`);
        continue;
      }
      signal.throwIfAborted();
      if (tells && cells.length > 0) {
        process.stderr.write(`${await costText(experiment.id, cells, asked.budget, source)}\n`);
      }
      if (part) {
        const { id } = experiment;
        const common = { id, budget: asked.budget, progress, signal, ...source };
        const { runs, missing } =
          cells.length === 0 ? { runs: [], missing: [] } : await measure(cells, common);
        lacking.push(...missing);
        documents.push({ id, ...part, done: runs.length, of: cells.length, missing });
        const text = `${id}, share ${part.share} of ${part.shares}: ${runs.length} of ${cells.length} runs are there.`;
        if (!json) print([text]);
        continue;
      }
      const wanted = { ...asked, ...source, ...through, ...shown, progress, signal };
      const report = await reproduceWhole(experiment, wanted).catch((error: unknown) => {
        const isLess = error instanceof NothingStoredError || error instanceof FullerRecordError;
        if (experiments.length === 1 || !isLess) throw error;
        lacking.push(error.message);
      });
      if (!report) continue;
      documents.push(documentOf(report));
      if (!json) print([...(documents.length > 1 ? ['', ''] : []), ...describeReproduction(report)]);
    }
  }).finally(() => queue?.close());
  if (json) printJson(id === 'all' ? documents : documents[0]);
  if (lacking.length > 0) process.stderr.write(`${lacking.join('\n')}\n`);
  return lacking.length > 0 ? 1 : 0;
}

/** What one takes here, before it begins. */
async function costText(
  id: string,
  grid: readonly AnyCell[],
  budget: Budget,
  source: { readonly data?: string },
): Promise<string> {
  const { seconds, gated, known, of, pace } = await leftToMeasure(grid, { id, budget, ...source });
  const what = `${id}, budget ${budget}`;
  if (seconds === 0) return `${what}: all that can be computed here is there already.`;
  const most = gated >= 1 ? `, ${about(gated)} of it only where controls pass` : '';
  const there = known > 0 ? `, ${known} of ${of} runs being there` : '';
  return `${what}: ${about(seconds)}${there} (an estimate ${paceText(pace)})${most}.`;
}

/** What each of several figures and tables takes, before the first begins. */
function costTable(
  experiments: readonly Experiment[],
  grids: readonly AnyCell[][],
  budget: Budget,
  source: { readonly data?: string },
): Table {
  const pace = paceHere();
  const made = grids.map((grid, i) => {
    const lacking = cellsWithoutImages(grid, { id: experiments[i].id, budget, ...source });
    // Without the images that are fetched first a figure is passed over whole.
    const isPassedOver = fetchedFirst(grid).some((cell) => lacking.includes(cell));
    return isPassedOver ? [] : grid.filter((cell) => !lacking.includes(cell));
  });
  const costs = estimateInTurn(made, pace);
  const sum = (of: 'seconds' | 'gated'): number => costs.reduce((total, cost) => total + cost[of], 0);
  const rows = experiments.map(({ id, title }, i) => {
    const none = grids[i].length > 0 && made[i].length === 0;
    return { id, title, takes: none ? 'no images' : about(costs[i].seconds), gated: costs[i].gated };
  });
  return listTable(
    `What is to be computed (budget ${budget})`,
    [...rows, { id: 'all', title: '', takes: about(sum('seconds')), gated: sum('gated') }],
    [
      label('id', ({ id }) => id),
      label('what it shows', ({ title }) => title),
      label('takes', ({ takes }) => takes, 'right'),
      label('of it only where controls pass', ({ gated }) => (gated > 0 ? about(gated) : ''), 'right'),
    ],
    [
      `Estimates ${paceText(pace)}, with nothing computed before. Runs that several share count where they first come; what lacks its images is passed over.`,
    ],
  );
}

/** The command again, as arguments, but for how its runs are spread. */
function commandOf(id: string, options: ReproduceCommandOptions): string[] {
  const { budget, preset, seeds, set = [], data } = options;
  return [
    ...['reproduce', id, '--budget', budget],
    ...(preset === undefined ? [] : ['--preset', preset]),
    ...(seeds === undefined ? [] : ['--seeds', seeds]),
    ...set.flatMap((each) => ['--set', each]),
    ...(data === undefined ? [] : ['--data', dataAnywhere(data)]),
  ];
}

/** What `--json` prints: everything but what the files named in it have. */
function documentOf(report: Reproduced): object {
  const inFiles = ['charts', 'drawings', 'surfaces', 'rows'];
  return Object.fromEntries(Object.entries(report).filter(([name]) => !inFiles.includes(name)));
}

const isOnPhotographs = ({ run }: AnyCell): boolean =>
  run.kind === 'training' && run.training.dataset.name === 'imagenet';

/**
 * The cells whose images are fetched before the first run: the first that searches, and the first that trains, unless on photographs,
 * which cannot be fetched (computed ones stand for them, or their errors are not measured).
 */
function fetchedFirst(cells: readonly AnyCell[]): AnyCell[] {
  const searched = cells.find(({ run }) => searchOf(run) !== undefined);
  const trained = cells.find(({ run }) => run.kind === 'training');
  const found = [searched, trained && isOnPhotographs(trained) ? undefined : trained];
  return distinct(found.filter((cell) => cell !== undefined));
}

/** The images of the first runs, with a progress bar if they have to be fetched. */
async function fetchFor(cells: readonly AnyCell[], options: DataOptions): Promise<void> {
  for (const cell of fetchedFirst(cells)) {
    const { run } = cell;
    const search = searchOf(run);
    if (search) await fetchData(search, options);
    if (run.kind === 'training' && !isOnPhotographs(cell))
      await fetchImages(anyTrainingOf(run.training), options);
  }
}

/** The report; what is there of it when it is interrupted goes to stderr, with the place where it is kept. */
async function reproduceWhole(experiment: Experiment, options: ReproduceOptions): Promise<Reproduced> {
  let partial: PartlyShown | undefined;
  try {
    return await reproduce(experiment, {
      ...options,
      onPartial: (soFar) => {
        partial = soFar;
      },
    });
  } catch (error) {
    if (error instanceof InterruptedError && partial !== undefined) {
      const { tables, file, done, of } = partial;
      process.stderr.write(
        `${fitted(withoutControls(tables).at(0) ?? tables[0])}\n${done} of ${of} runs so far; all tables are in ${shortPath(file)}\n`,
      );
    }
    throw error;
  }
}

function gridOptions({ budget, preset, seeds, set = [] }: ReproduceCommandOptions): GridOptions {
  const knownPreset = PRESETS.find((each) => each === preset);
  if (preset !== undefined && !knownPreset) throw unknownName('preset', preset, PRESETS);
  return {
    budget: knownBudget(budget),
    ...(knownPreset ? { preset: knownPreset } : {}),
    ...(seeds === undefined ? {} : { seeds: wholeNumber('--seeds', seeds, 1, MOST_SEEDS) }),
    ...(set.length === 0 ? {} : { change: parseSet(set) }),
  };
}

/** A reproduction as text: tables with the verdicts on the claims, deviations, where the pictures and the record are. */
function describeReproduction(report: Reproduced): string[] {
  const { title, budget, preset, tables, claims, deviations, pictures, pages, resultFile, seconds } = report;
  return [
    title,
    `Budget ${budget}, preset ${preset}; done in ${describeSeconds(seconds)}`,
    '',
    tables.map(fitted).join('\n\n'),
    '',
    'Claims, each with what decided it:',
    ...claimsText(claims)
      .split('\n')
      .flatMap((line) => {
        const indent = `  ${/^ */.exec(line)![0]}`;
        return wrap(indent + line.trimStart(), textWidth(), `${indent}  `);
      }),
    '',
    ...bulletList('What it does otherwise than the paper:', deviations),
    '',
    ...pictures.map((path) => `Picture  ${shortPath(path)}`),
    ...pages.map((path) => `Page     ${shortPath(path)} (to turn, in a browser)`),
    `Record   ${shortPath(resultFile)}`,
  ];
}
