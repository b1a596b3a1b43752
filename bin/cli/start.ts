import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { fixed } from '../../lib/report/format.js';
import type { Table } from '../../lib/report/table.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { Reproduced } from '../../reproductions/reproduce.js';
import { DENSITY_TITLES } from '../../reproductions/sweep.js';
import type { SweepAxes } from '../../reproductions/sweep.js';
import { fetchDataOrSynthetic } from './data.js';
import { knownBudget } from './options.js';
import { interruptible } from './signals.js';
import { fitted, print, shortPath, textWidth, wrap } from './text.js';

/** The options of `zarts start`. */
export interface StartCommandOptions {
  readonly budget: string;
  readonly data?: string;
  readonly quiet?: boolean;
}

/** What a first look asks of Fig. 4: one search for each of two densities, with the paper's N. A minute on two cores. */
const FIRST_LOOK = {
  seeds: 1,
  change: { density: ['literal', 'flat'], solver: { samples: 4, sigmaSchedule: 'cosine' } },
} as const;

/** Runs `zarts start`. @returns the exit code. */
export async function startCommand({
  budget: given,
  data,
  quiet = false,
}: StartCommandOptions): Promise<number> {
  const budget = knownBudget(given);
  const progress = terminalProgress({ quiet });
  const [{ run }] = cellsOf(fig4, { ...FIRST_LOOK, budget });
  const protocol = run.search;
  const { report, failure } = await interruptible(async (signal) => {
    const found = await fetchDataOrSynthetic(protocol, {
      progress,
      signal,
      ...(data === undefined ? {} : { data }),
    });
    signal.throwIfAborted();
    if (found.failure !== undefined) process.stderr.write(`${found.failure}\n`);
    const source = found.data === undefined ? {} : { data: found.data };
    return {
      report: await reproduce(fig4, { ...FIRST_LOOK, budget, progress, signal, ...source }),
      failure: found.failure,
    };
  });

  const { rows, pictures, resultFile, seconds } = report;
  const [first] = rows;
  const coverage =
    failure !== undefined || (data ?? process.env.ZARTS_DATA) === 'synthetic' ? 'synthetic' : '';
  const { imageSide, trainSize } = protocol.dataset;
  const kind = coverage === 'synthetic' ? 'synthetic' : 'CIFAR-10';
  const paragraph = (text: string): string[] => wrap(text, textWidth());
  print([
    '',
    ...paragraph(
      `A first look at ZARTS: ${rows.length} searches in ${first.space.toUpperCase()} on ${trainSize} ${kind} images of ${imageSide}×${imageSide}, done in ${describeSeconds(seconds)}. Each scores N = ${first.N} candidates an update and weighs them by their losses; N_e says how many of them count in effect.`,
    ),
    ...(failure === undefined
      ? []
      : paragraph(
          'The images are synthetic because CIFAR-10 is not on this machine and could not be downloaded; "npm start -- --data DIR" names a folder that has it.',
        )),
    '',
    fitted(epochTable(rows)),
    '',
    `The cells found with the ${DENSITY_TITLES[first.density]}:`,
    printGenotype(first.genotype),
    '',
    ...paragraph(
      "This is a small search that shows the program at work; its numbers are not comparable with the paper's.",
    ),
    '',
    'The figure:',
    ...pictures.map((path) => `  ${shortPath(path)}`),
    `Its data, with everything that was done otherwise than in the paper: ${shortPath(resultFile)}`,
    '',
    'From here:',
    '  npx zarts lab                 the figure in a TypeScript notebook, to change and run again',
    '  npx zarts list                what else can be reproduced, and how long it takes',
    '  npx zarts reproduce fig-4     the whole figure, with a verdict on each claim of the paper',
  ]);
  return 0;
}

/** N_e over the epochs, a column for each search. */
function epochTable(runs: Reproduced<'search', SweepAxes>['rows']): Table {
  const columns = runs.map(({ density }) => ({
    key: density,
    title: `N_e, ${DENSITY_TITLES[density]}`,
    align: 'right' as const,
  }));
  return {
    title: `Effective sample size of N = ${runs[0].N} candidates, mean over the updates of an epoch`,
    columns: [
      { key: 'epoch', title: 'epoch', align: 'right' },
      { key: 'sigma', title: 'sigma', align: 'right' },
      { key: 'loss', title: 'training loss', align: 'right' },
      ...columns,
    ],
    rows: runs[0].epochs.map(({ epoch, sigma, trainLoss }, i) => ({
      epoch: epoch + 1,
      sigma: fixed(sigma, 3),
      loss: fixed(trainLoss, 3),
      ...Object.fromEntries(runs.map(({ density, epochs }) => [density, fixed(epochs[i].ess, 2)])),
    })),
    notes: runs[0].epochs.some(({ ess }) => ess === null)
      ? ['–: warm-up, in which only the weights are trained.']
      : [],
  };
}
