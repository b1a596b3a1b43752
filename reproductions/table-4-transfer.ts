/**
 * Table 4: cells found on CIFAR-10, stacked for ImageNet. What the networks consist of is counted exactly, whatever the
 * budget; their errors are measured on the photographs where they are, else, but for the full budget, on computed ones.
 */
import type { Answer } from '../lib/analysis/claims.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { SOLVER_IDS, solversWith } from '../lib/search/solvers.js';
import { solverSearch } from '../lib/search/presets.js';
import type { SolverId } from '../lib/search/solvers.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import { BEATS_RANDOM, contests } from './claims.js';
import type { MethodAxes } from './claims.js';
import { errorsByMethod, methodDeviations, rowsBy } from './comparison.js';
import { seedsOf, sentences, several, trainingDeviations } from './deviations.js';
import { cross, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell, Row } from './experiment.js';
import { some } from './grid.js';
import {
  CHOICE,
  METHOD,
  PRINTED,
  REFERENCE,
  countClaims,
  countTable,
  printedOf,
  sizeChart,
} from './imagenet-networks.js';
import type { Kinds, PrintedLine, TransferView } from './imagenet-networks.js';
import { methodTitle } from './methods.js';
import { printedNumbers } from './paper.js';
import {
  OF_NETWORKS,
  baselineNotes,
  counted,
  label,
  listTable,
  meanText,
  progressText,
  searchTime,
  summaryTable,
} from './tables.js';
import { trainedSearch, withBaselines } from './trained.js';
import { trainingSettings } from './training.js';

type TrainedRow = Row<'training', MethodAxes>;

const METHODS: Readonly<Record<Budget, readonly SolverId[]>> = {
  full: ['darts-2nd', 'pc-darts', 'mgs', 'mgs-flat', 'random-ws'],
  laptop: ['darts-2nd', 'mgs', 'mgs-flat', 'random-ws'],
  smoke: ['mgs'],
};

/** Few classes, so that there are enough images of each to learn from. */
const TRAINING_SET: Readonly<Record<Budget, readonly string[]>> = {
  full: [],
  laptop: ['dataset.classes=20', 'epochs=10'],
  smoke: ['dataset.classes=4'],
};

/** "24.3 and 24.5". */
const printedErrors = (method: string): string =>
  printedOf(method)
    .map(({ cells }) => cells.error.printed)
    .join(' and ');

function deviations(cells: readonly Cell<Kinds, MethodAxes>[]): string[] {
  return sentences(
    methodDeviations(cells),
    trainingDeviations(cells),
    `${several(seedsOf(cells), 'search', 'searches')} by each method, each trained once; the paper has two architectures by ZARTS and does not say which of its searches found them.`,
    `Cited, not run here: ${PRINTED.flatMap(({ name, here }) => (here === undefined ? [name] : [])).join(', ')}.`,
    'NASNet and AmoebaNet are stacked as DARTS does, 14 cells of 48 channels; their own papers stack theirs in another way.',
    'Multiply-adds are those of convolutions and linear layers; the paper does not say what it counts.',
  );
}

const trainedIn = ({ rows }: TransferView): TrainedRow[] => rowsOfKind(rows, 'training');

/** What the networks were trained on: the photographs, or computed ones in their stead. */
function photographs(view: TransferView): 'imagenet' | 'stand-in' | null {
  const rows = trainedIn(view);
  if (rows.length === 0) return null;
  return rows.some(({ coverage }) => coverage === 'synthetic') ? 'stand-in' : 'imagenet';
}

const imagesText = (view: TransferView): string =>
  photographs(view) === 'imagenet' ? 'ImageNet' : 'computed photographs, a stand-in for ImageNet';

function errorTable(view: TransferView): Table {
  const { error, best, bestEpoch, parameters, multiplyAdds, training } = OF_NETWORKS;
  return summaryTable<TrainedRow>(
    `Top-1 error (%) on ${imagesText(view)} (${progressText(view)})`,
    groupBy(trainedIn(view), 'method'),
    [METHOD, counted('n'), error, best, bestEpoch, parameters, multiplyAdds, searchTime(), training],
    sentences(
      photographs(view) === 'stand-in' &&
        'The photographs of ImageNet are not here: these are computed images in its layout. The errors show which cells learn these better; they say nothing about ImageNet.',
      'Of the network trained here, after its last epoch, mean ± standard deviation over searches, or over trainings of published cells; best: the lowest. Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic.',
      baselineNotes(view.rows),
    ),
  );
}

function printedTable(view: TransferView): Table {
  const { budget } = view;
  // The paper's networks, trained as it does, on its photographs.
  const beside = budget === 'full' && photographs(view) === 'imagenet';
  return listTable<PrintedLine>(
    `Printed in the paper's Table 4${beside ? ', our errors in brackets' : ''}`,
    PRINTED,
    [
      label('method', ({ name, onImageNet }) => `${name}${onImageNet ? ' †' : ''}`),
      label('here', ({ here }) => (here === undefined ? 'cited' : methodTitle(here))),
      label('FLOPs (M)', ({ cells }) => ('flops' in cells ? cells.flops.printed : null), 'right'),
      label('parameters (M)', ({ cells }) => cells.params.printed, 'right'),
      label(
        'top-1 error (%)',
        ({ here, cells: { error } }) => {
          const own = beside && here ? rowsBy(trainedIn(view), here).map(({ errorPct }) => errorPct) : [];
          return own.length > 0 ? `${error.printed} (${meanText(own, 2)})` : error.printed;
        },
        'right',
      ),
      label('GPU days', ({ cells }) => cells.cost.printed, 'right'),
    ],
    [
      'Cited: the paper takes the numbers from elsewhere, and the method is not run here. †: searched on ImageNet itself.',
      beside
        ? 'Ours: mean ± standard deviation of our networks; the paper’s are single ones.'
        : `The paper's networks are trained for 250 epochs on 1.28 million photographs; errors made at budget ${budget} are not comparable with these.`,
    ],
  );
}

function errorChart(view: TransferView): Chart {
  const words = {
    name: 'errors',
    title: `Top-1 error (budget ${view.budget})`,
    subtitle: `on ${imagesText(view)}; points: each network; bars: means`,
  };
  const rows = groupBy(trainedIn(view), 'method').flatMap((group) => group.rows);
  return errorsByMethod(words, rows, { method: 'cells', family: 'group' });
}

function claims(view: TransferView): Answer[] {
  const error = 'top-1 error';
  return [
    ...countClaims(view),
    ...contests(
      view,
      [
        {
          id: `beats/${REFERENCE}`,
          text: `Transferred to ImageNet, the cells that ZARTS finds have lower errors than those of DARTS (in print ${printedErrors('mgs')} against ${printedErrors(REFERENCE)} %).`,
          better: 'mgs',
          worse: REFERENCE,
          error,
        },
        ...BEATS_RANDOM.map((each) => ({ ...each, error })),
      ],
      photographs(view) === 'imagenet'
        ? {}
        : {
            undecidable:
              'The photographs of ImageNet are not here; computed ones do not decide a claim about it.',
          },
    ),
  ];
}

/** Table 4. */
export const table4 = experiment({
  id: 'table-4',
  title: 'Table 4: transfer to ImageNet',
  description:
    'Cells found on CIFAR-10 in networks for large images: exact parameters and multiply-adds, and errors.',
  claim:
    'Cells that ZARTS finds on CIFAR-10 make better networks for ImageNet than those of DARTS, with as few parameters.',
  paper: printedNumbers(PRINTED, ({ name }) => name),
  seeds: { full: 4, laptop: 6, smoke: 1 },
  choices: { method: some<SolverId>('method', SOLVER_IDS, (budget) => METHODS[budget]) },
  runs(grid) {
    const { budget, preset, seeds, chosen } = grid;
    const methods = [REFERENCE, ...solversWith(chosen.method, preset)] as const;
    const published = grid.training(trainingSettings(CHOICE, budget, TRAINING_SET[budget]));
    const trainings = cross({ seed: seeds, method: methods }).map(
      ({ seed, method }): Cell<'training', MethodAxes> => {
        if (method === REFERENCE) {
          const training = { ...published, seed };
          return { axes: { method }, run: { kind: 'training', training, genotype: KNOWN_GENOTYPES[method] } };
        }
        const own = applySet(solverSearch(method, 'darts', 'cifar10', budget, { preset }), `seed=${seed}`);
        const run = trainedSearch(grid, grid.search(own), CHOICE, TRAINING_SET[budget]);
        return { axes: { method }, run };
      },
    );
    const searches = trainings.flatMap(({ axes, run: { search } }): Cell<'search', MethodAxes>[] =>
      search ? [{ axes, run: { kind: 'search', search } }] : [],
    );
    return [...searches, ...withBaselines(trainings)];
  },
  deviations,
  tables: (view) => [
    countTable(view),
    ...(trainedIn(view).length > 0 ? [errorTable(view)] : []),
    printedTable(view),
  ],
  charts: (view) => [sizeChart(view), ...(trainedIn(view).length > 0 ? [errorChart(view)] : [])],
  claims,
});
