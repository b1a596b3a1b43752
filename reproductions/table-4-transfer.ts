/**
 * Table 4: cells found on CIFAR-10, stacked for ImageNet. What the networks consist of is counted exactly, whatever the
 * budget; their errors are measured on the photographs where they are, else, but for the full budget, on computed ones.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { genotypeStructure } from '../lib/analysis/genotypes.js';
import { IMAGENET } from '../lib/datasets/registry.js';
import { labelledPoints } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { SOLVER_IDS, solversWith } from '../lib/search/solver-id.js';
import { solverSearch } from '../lib/search/presets.js';
import type { SolverId } from '../lib/search/solver-id.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { CELLS, spaceById } from '../lib/spaces/spaces.js';
import { BEATS_RANDOM, contests } from './claims.js';
import type { MethodAxes } from './claims.js';
import { errorsByMethod, methodDeviations, methodsIn, rowsBy } from './comparison.js';
import { seedsOf, sentences, several, trainingDeviations } from './deviations.js';
import { cross, distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { some } from './grid.js';
import { countsOf } from './kinds.js';
import { familyColors, familyOf, methodTitle } from './methods.js';
import { printedInterval, printedNumbers, printedRows } from './paper.js';
import type { PrintedCell } from './paper.js';
import {
  baselineNotes,
  counted as howMany,
  label,
  lowest,
  meanText,
  progressText,
  spread,
  summaryTable,
} from './tables.js';
import { trainedSearch, withBaselines } from './trained.js';
import { trainingOf, trainingSettings } from './training.js';

/** Searches beside trainings: what they find is counted even where nothing can be trained. */
type Kinds = 'search' | 'training' | 'linear';
type TrainedRow = Row<'training', MethodAxes>;
type TransferView = View<Kinds, MethodAxes>;

/** Published genotypes that are counted; the paper's table has all but DARTS_V1. */
const PUBLISHED = ['DARTS_V1', 'DARTS_V2', 'NASNet', 'AmoebaNet'] as const;

/** The published genotype that is trained beside what is found here. */
const REFERENCE = 'DARTS_V2';

const METHODS: Readonly<Record<Budget, readonly SolverId[]>> = {
  full: ['darts-2nd', 'pc-darts', 'mgs', 'mgs-flat', 'random'],
  laptop: ['darts-2nd', 'mgs', 'mgs-flat', 'random'],
  smoke: ['mgs'],
};

const CHOICE = { preset: 'imagenet', dataset: 'imagenet' } as const;

/** Few classes, so that there are enough images of each to learn from. */
const TRAINING_SET: Readonly<Record<Budget, readonly string[]>> = {
  full: [],
  laptop: ['dataset.classes=20', 'epochs=10'],
  smoke: ['dataset.classes=4'],
};

/** The rows of the paper whose network can be counted here, by the name that they have: a method or published cells. */
const HERE: Readonly<Record<string, string | undefined>> = {
  'AmoebaNet-A': 'AmoebaNet',
  'NASNet-A': 'NASNet',
  'DARTS (2nd)': REFERENCE,
  'PC-DARTS': 'pc-darts',
  'ZARTS (5.6M params)': 'mgs',
  'ZARTS (5.0M params)': 'mgs',
};

/** The paper's table. Some rows have no FLOPs. */
const PRINTED = printedRows('4').map(({ fields, cells }) => {
  const name = String(fields.method);
  return { name, onImageNet: fields.searchedOnImageNet === true, here: HERE[name], cells };
});
type PrintedLine = (typeof PRINTED)[number];

const printedOf = (method: string): PrintedLine[] => PRINTED.filter(({ here }) => here === method);

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

// ---- Counting ----

/**
 * Cells with what their network for ImageNet consists of.
 *
 * @param seed  null for published cells, which are the same for every seed.
 */
function networkOf(method: string, seed: number | null, genotype: Genotype) {
  const structure = genotypeStructure(genotype);
  const skips = CELLS.reduce((sum, cell) => sum + structure[cell].families.skip, 0);
  const counts = countsOf(trainingOf(trainingSettings(CHOICE, 'full'), genotype), IMAGENET.classes);
  return { method, seed, ...counts, skips };
}

type Network = ReturnType<typeof networkOf>;

/** The network that the paper trains, of published cells and of what was found, in the order of the methods. */
function networksIn(view: TransferView): Network[] {
  const found = rowsOfKind(view.rows, 'search');
  return [
    ...PUBLISHED.map((method) => networkOf(method, null, KNOWN_GENOTYPES[method])),
    ...methodsIn(found)
      .flatMap((method) => rowsBy(found, method))
      .map(({ method, seed, genotype }) => networkOf(method, seed, genotype)),
  ];
}

/** Skip connections to be expected among the 16 edges that both cells keep, if operations are drawn evenly. */
const CHANCE_SKIPS = 16 / spaceById('darts').edges.normal[0].filter((op) => op !== 'none').length;

// ---- Tables and charts ----

const trainedIn = ({ rows }: TransferView): TrainedRow[] => rowsOfKind(rows, 'training');

/** What the networks were trained on: the photographs, or computed ones in their stead. */
function photographs(view: TransferView): 'imagenet' | 'stand-in' | null {
  const rows = trainedIn(view);
  if (rows.length === 0) return null;
  return rows.some(({ coverage }) => coverage === 'synthetic') ? 'stand-in' : 'imagenet';
}

const imagesText = (view: TransferView): string =>
  photographs(view) === 'imagenet' ? 'ImageNet' : 'computed photographs, a stand-in for ImageNet';

function tables(view: TransferView): Table[] {
  const rows = trainedIn(view);
  const { budget } = view;
  // The paper's networks, trained as it does, on its photographs.
  const beside = budget === 'full' && photographs(view) === 'imagenet';
  const printed = (column: string) =>
    label<Network>(
      'printed (M)',
      ({ method, seed }) =>
        (seed === null ? printedOf(method) : []).map((line) => line.cells[column].printed)[0] ?? null,
      'right',
    );
  const cells = label<MethodAxes>('cells', ({ method }) => methodTitle(method));
  const counts = summaryTable<Network>(
    `Networks for ImageNet, counted exactly: 14 cells, 48 channels, 224×224 (cells searched at budget ${budget})`,
    networksIn(view).map((network) => ({ rows: [network] })),
    [
      cells,
      label('seed', ({ seed }) => seed, 'right'),
      label('parameters', ({ parameters }) => parameters.toLocaleString('en-US'), 'right'),
      label('multiply-adds', ({ multiplyAdds }) => multiplyAdds.toLocaleString('en-US'), 'right'),
      label('skips', ({ skips }) => skips, 'right'),
      printed('params'),
      printed('flops'),
    ],
    [
      'Parameters without auxiliary head; multiply-adds of convolutions and linear layers for one image; skips: skip connections of both cells. Printed: parameters and multiply-adds in millions, in the paper’s Table 4.',
      'The counts are exact whatever the budget. The cells depend on it: those that a small search finds are not the paper’s.',
      ...view.missing,
    ],
  );
  const errors = summaryTable<TrainedRow>(
    `Top-1 error (%) on ${imagesText(view)} (${progressText(view)})`,
    groupBy(rows, 'method'),
    [
      cells,
      howMany('n'),
      spread('error (%)', ({ errorPct }) => errorPct, 2),
      lowest('best', ({ errorPct }) => errorPct, 2),
      spread('best-epoch error', ({ bestEpochErrorPct }) => bestEpochErrorPct, 2),
      spread('parameters (k)', ({ parameters }) => parameters / 1e3, 1),
      spread('mult-adds (M)', ({ multiplyAdds }) => multiplyAdds / 1e6, 2),
      spread('search (s)', ({ searchSeconds }) => searchSeconds, 0),
      spread('training (s)', ({ trainingSeconds }) => trainingSeconds, 0),
    ],
    [
      ...(photographs(view) === 'stand-in'
        ? [
            'The photographs of ImageNet are not here: these are computed images in its layout. The errors show which cells learn these better; they say nothing about ImageNet.',
          ]
        : []),
      'Of the network trained here, after its last epoch, mean ± standard deviation over searches, or over trainings of published cells; best: the lowest. Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic.',
      ...baselineNotes(view.rows),
    ],
  );
  const paper = summaryTable<PrintedLine>(
    `Printed in the paper's Table 4${beside ? ', our errors in brackets' : ''}`,
    PRINTED.map((line) => ({ rows: [line] })),
    [
      label('method', ({ name, onImageNet }) => `${name}${onImageNet ? ' †' : ''}`),
      label('here', ({ here }) => (here === undefined ? 'cited' : methodTitle(here))),
      label('FLOPs (M)', (line) => ('flops' in line.cells ? line.cells.flops.printed : null), 'right'),
      label('parameters (M)', (line) => line.cells.params.printed, 'right'),
      {
        title: 'top-1 error (%)',
        cell([
          {
            here,
            cells: { error },
          },
        ]) {
          const own = beside && here ? rowsBy(rows, here).map(({ errorPct }) => errorPct) : [];
          return own.length > 0 ? `${error.printed} (${meanText(own, 2)})` : error.printed;
        },
      },
      label('GPU days', (line) => line.cells.cost.printed, 'right'),
    ],
    [
      'Cited: the paper takes the numbers from elsewhere, and the method is not run here. †: searched on ImageNet itself.',
      beside
        ? 'Ours: mean ± standard deviation of our networks; the paper’s are single ones.'
        : `The paper's networks are trained for 250 epochs on 1.28 million photographs; errors made at budget ${budget} are not comparable with these.`,
    ],
  );
  return [counts, ...(rows.length > 0 ? [errors] : []), paper];
}

/** Parameters over multiply-adds: ours counted, the paper's as printed. */
function sizeChart(view: TransferView): Chart {
  const inPrint = PRINTED.filter(({ here, cells }) => here !== undefined && 'flops' in cells);
  const values = [
    ...inPrint.map(({ name, cells: { flops, params } }) => ({
      group: 'printed' as const,
      name: name.replace(' params', ''),
      network: `${name}, printed`,
      multiplyAdds: flops.value,
      parameters: params.value,
    })),
    ...networksIn(view).map(({ method, seed, multiplyAdds, parameters }) => ({
      group: familyOf(method),
      name: seed === null ? method : '',
      network: `${methodTitle(method)}${seed === null ? '' : `, seed ${seed}`}`,
      multiplyAdds: multiplyAdds / 1e6,
      parameters: parameters / 1e6,
    })),
  ];
  return labelledPoints(
    {
      name: 'size',
      title: `Networks for ImageNet (cells searched at budget ${view.budget})`,
      subtitle: 'counted exactly, each search a point; grey: as the paper prints them',
    },
    values,
    {
      x: { field: 'multiplyAdds', title: 'multiply-adds (M)', scale: { zero: false, padding: 30 } },
      y: { field: 'parameters', title: 'parameters (M)', scale: { zero: false, padding: 15 } },
      color: familyColors('group', distinct(values.map(({ group }) => group))),
      label: 'name',
      tooltip: [
        { field: 'network' },
        { field: 'multiplyAdds', format: '.1f' },
        { field: 'parameters', format: '.2f' },
      ],
      size: { width: 460, height: 300 },
      point: { opacity: 0.85 },
      text: { fontSize: 10 },
    },
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

// ---- Claims ----

/** A claim on what was counted: it has no spread, and needs none. */
function counted(
  claim: Pick<Claim, 'id' | 'text' | 'detail'> & { readonly statistic: { name: string; value: number } },
  printed: PrintedCell,
): Claim {
  const [low, high] = printedInterval(printed);
  const { id, text, statistic } = claim;
  const { value } = statistic;
  const verdict = value >= low && value <= high ? 'supported' : 'not supported';
  const detail = `Counted, so that no interval is needed. ${claim.detail}`;
  return { id, text, verdict, statistic, n: 1, unit: 'network', interval: null, detail };
}

function claims(view: TransferView): Claim[] {
  const { budget } = view;
  const [{ name, cells }] = printedOf(REFERENCE);
  const published = networkOf(REFERENCE, null, KNOWN_GENOTYPES[REFERENCE]);
  const zarts = networksIn(view).filter(({ method }) => method === 'mgs');
  const sizes = printedOf('mgs').map((line) => line.cells.params);
  const bounds = sizes.flatMap(printedInterval);
  const ofBudget = budget === 'full' ? '' : ` The cells were searched at budget ${budget}.`;
  const error = 'top-1 error';
  return [
    counted(
      {
        id: 'count/parameters',
        text: `The network of ${name} has ${cells.params.printed} M parameters.`,
        statistic: { name: `parameters (M) of ${REFERENCE}`, value: published.parameters / 1e6 },
        detail: 'Without the auxiliary head.',
      },
      cells.params,
    ),
    counted(
      {
        id: 'count/multiply-adds',
        text: `The network of ${name} needs ${cells.flops.printed} M FLOPs.`,
        statistic: { name: `multiply-adds (M) of ${REFERENCE}`, value: published.multiplyAdds / 1e6 },
        detail:
          'Multiply-adds of convolutions and linear layers. The paper takes its number from elsewhere and does not say what it counts.',
      },
      cells.flops,
    ),
    judge({
      id: 'size',
      text: `The networks of the cells that ZARTS finds have ${sizes
        .map(({ printed }) => printed)
        .reverse()
        .join(' to ')} M parameters.`,
      statistic: 'parameters (M) of the networks of ZARTS-MGS',
      values: zarts.map(({ parameters }) => parameters / 1e6),
      region: { between: [Math.min(...bounds), Math.max(...bounds)] },
      detail: `The mean over the searches is judged, with half a unit of the last printed digit to either side.${ofBudget}`,
    }),
    judge({
      id: 'fewer-skips',
      text: 'The cells that ZARTS finds have fewer skip connections than those of DARTS.',
      statistic: 'skip connections in both cells of ZARTS-MGS',
      values: zarts.map(({ skips }) => skips),
      region: { below: published.skips },
      resolution: 1,
      detail: `${REFERENCE}, the published cells of DARTS, have ${published.skips}; cells drawn at random from the space ${fixed(CHANCE_SKIPS, 1)}.${ofBudget}`,
    }),
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
        {
          ...BEATS_RANDOM,
          text: 'The cells that ZARTS finds have lower errors than those of random search over architectures with shared weights (our question; the paper has no such baseline).',
          error,
        },
      ],
      photographs(view) === 'imagenet'
        ? undefined
        : 'The photographs of ImageNet are not here; computed ones do not decide a claim about it.',
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
  seeds: { full: 4, laptop: 3, smoke: 1 },
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
        const own = applySet(solverSearch(method, 'darts', 'cifar10', budget, preset), `seed=${seed}`);
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
  tables,
  charts: (view) => [sizeChart(view), ...(trainedIn(view).length > 0 ? [errorChart(view)] : [])],
  claims,
});
