import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { fixed } from '../../lib/report/format.js';
import { textTable } from '../../lib/report/table.js';
import type { Table } from '../../lib/report/table.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { FIRST_LOOK, firstLook } from '../../reproductions/fig-4-ess.js';
import { DENSITY_TITLES, sweepProtocols } from '../../reproductions/sweep.js';
import type { Sweep } from '../../reproductions/sweep.js';
import { fetchDataOrSynthetic } from './data.js';
import { knownBudget } from './options.js';
import { interruptible } from './signals.js';
import { print, shortPath, textWidth, wrap } from './text.js';

/** The options of `zarts start`. */
export interface StartCommandOptions {
  readonly budget: string;
  readonly data?: string;
  readonly quiet?: boolean;
}

/** Runs `zarts start`. @returns the exit code. */
export async function startCommand({
  budget: given,
  data,
  quiet = false,
}: StartCommandOptions): Promise<number> {
  const budget = knownBudget(given);
  const progress = terminalProgress({ quiet });
  const [protocol] = sweepProtocols({ budget, seeds: 1 }, FIRST_LOOK);
  const { report, failure } = await interruptible(async (signal) => {
    const found = await fetchDataOrSynthetic(protocol, {
      progress,
      signal,
      ...(data === undefined ? {} : { data }),
    });
    signal.throwIfAborted();
    if (found.failure !== undefined) process.stderr.write(`${found.failure}\n`);
    const source = found.data === undefined ? {} : { data: found.data };
    return { report: await firstLook({ budget, progress, signal, ...source }), failure: found.failure };
  });

  const { result, pictures, resultFile, seconds } = report;
  const [{ data: images }] = result.environments;
  const { imageSide, trainSize } = protocol.dataset;
  const kind =
    images.coverage === 'synthetic' ? 'synthetic' : images.name === 'cifar10' ? 'CIFAR-10' : images.name;
  const paragraph = (text: string): string[] => wrap(text, textWidth());
  print([
    '',
    ...paragraph(
      `A first look at ZARTS: ${result.runs.length} searches in ${result.space.toUpperCase()} on ${trainSize} ${kind} images of ${imageSide}×${imageSide}, done in ${describeSeconds(seconds)}. Each scores N = ${result.runs[0].samples} candidates an update and weighs them by their losses; N_e says how many of them count in effect.`,
    ),
    ...(failure === undefined
      ? []
      : paragraph(
          'The images are synthetic because CIFAR-10 is not on this machine and could not be downloaded; "npm start -- --data DIR" names a folder that has it.',
        )),
    '',
    textTable(epochTable(result)),
    '',
    `The cells found with the ${DENSITY_TITLES[result.runs[0].density]}:`,
    printGenotype(result.runs[0].genotype),
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
function epochTable({ runs }: Sweep): Table {
  const columns = runs.map(({ density }) => ({
    key: density,
    title: `N_e, ${DENSITY_TITLES[density]}`,
    align: 'right' as const,
  }));
  return {
    title: `Effective sample size of N = ${runs[0].samples} candidates, mean over the updates of an epoch`,
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
