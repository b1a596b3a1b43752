/**
 * Fig. 2: what a search would have found, had it been stopped earlier. Searches several times as long as usual; a genotype
 * every few epochs, its network trained from scratch; size and skip connections of the genotypes of all epochs.
 */
import type { Claim } from '../lib/analysis/claims.js';
import { genotypeStructure } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { alongSearches, sixDigits } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { derivedGenotype } from '../lib/search/derived.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { SOLVER_IDS, solversWith } from '../lib/search/solver-id.js';
import { solverSearch } from '../lib/search/presets.js';
import type { SolverId } from '../lib/search/solver-id.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { CELLS, SPACE_IDS } from '../lib/spaces/spaces.js';
import type { Cell as CellName } from '../lib/spaces/spaces.js';
import { slopeOver } from './claims.js';
import { methodDeviations, methodsIn, referenceIn, rowsBy } from './comparison.js';
import { sentences, trainingDeviations } from './deviations.js';
import { cellsOfKind, cross, distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { count, one, some } from './grid.js';
import { countsOf } from './kinds.js';
import { familyOf, methodTitle } from './methods.js';
import { figureNumber, printedRow } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import { counted, label, meanText, spread, stateText, summaryTable } from './tables.js';
import { trainedSearch, withBaselines } from './trained.js';
import { trainingOf, trainingSettings } from './training.js';

/** The method, and the epoch of the search after which its network is derived. */
export type EpochAxes = Readonly<Record<'method', SolverId> & Record<'epoch', number>>;
type Network = Row<'training', EpochAxes>;
type NetworksView = View<'training' | 'linear', EpochAxes>;

/** What the paper's text says of its figure. */
const PRINTED = {
  epochs: figureNumber('2', 'searchEpochs'),
  every: figureNumber('2', 'deriveEveryEpochs'),
  training: figureNumber('2', 'retrainEpochs'),
  accuracy: figureNumber('2', 'zartsAccuracyApprox'),
  parametersM: figureNumber('2', 'zartsParamsApproxM'),
  turn: figureNumber('2', 'dartsParamsDropAfterEpoch'),
} as const;

/**
 * Epochs of a search. At `laptop` six times as many as this budget's usual ones (the paper's are four times as many): before
 * half of that, DARTS' genotypes in S2 gain no skip connections.
 */
const EPOCHS: Readonly<Record<Budget, number>> = { full: PRINTED.epochs, laptop: 60, smoke: 4 };
const EVERY: Readonly<Record<Budget, number>> = { full: PRINTED.every, laptop: 10, smoke: 1 };

/** The epochs after which a network is derived: every so many, and the last. */
function snapshots(epochs: number, every: number): number[] {
  const regular = Array.from({ length: Math.floor(epochs / every) }, (_, i) => (i + 1) * every);
  return distinct([...regular, epochs]);
}

function deviations(all: readonly Cell<'training' | 'linear', EpochAxes>[]): string[] {
  const cells = cellsOfKind(all, 'training');
  const first = cells[0].run.search!;
  const methods = methodsIn(cells.map(({ axes }) => axes));
  const epochs = distinct(cells.map(({ axes }) => axes.epoch)).sort((a, b) => a - b);
  const ours = methods.filter((id) => !['darts-1st', 'darts-2nd', 'mgs'].includes(id));
  // The length of the searches is the figure's own, said apart.
  const usual = solverSearch('mgs', 'darts', 'cifar10', 'full').epochs;
  return sentences(
    first.space !== 'darts' &&
      `The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space.`,
    first.epochs !== PRINTED.epochs &&
      `A search has ${first.epochs} epochs; in Fig. 2 of the paper ${PRINTED.epochs}.`,
    epochs[0] !== PRINTED.every &&
      `Networks are those after epochs ${epochs.join(', ')}; in the paper every ${PRINTED.every} epochs.`,
    methodDeviations(cells, (search) => ({ ...search, epochs: usual })),
    trainingDeviations(cells),
    methods.includes('darts-1st') &&
      'DARTS is of first order; the paper does not say which order its figure shows.',
    ours.length > 0 && `Not in the paper's figure: ${ours.map(methodTitle).join(', ')}.`,
    'The accuracy is that of the last epoch of a training; the paper does not say which epoch it shows.',
  );
}

/** A number of a network. */
type Quantity = (row: Network) => number;
const networksIn = ({ rows }: NetworksView): Network[] => rowsOfKind(rows, 'training');
const accuracyOf: Quantity = ({ errorPct }) => 100 - errorPct;
const sizeOf: Quantity = ({ fullParameters }) => fullParameters / 1e6;
const skipsIn = (genotype: Genotype, cell: CellName): number =>
  genotypeStructure(genotype)[cell].families.skip;
const skipsOf: Quantity = ({ genotype }) => skipsIn(genotype, 'normal') + skipsIn(genotype, 'reduce');
/** The supernet's accuracy on the training batches of that epoch, in percent. */
const supernetAt = ({ epochs = [] }: Network, epoch: number): number => 100 * epochs[epoch - 1].trainAccuracy;

/** Every epoch of every search: the cells that it would have led to, and the supernet's accuracy on its training batches. */
export function epochsIn(view: NetworksView) {
  return groupBy(networksIn(view), 'method', 'seed').flatMap(({ key: { method, seed }, rows: [row] }) => {
    const { search, epochs = [], dataset, space, classes } = row;
    if (!search) return [];
    const settings = trainingSettings({ preset: 'darts-space', dataset, space }, 'full');
    // Most epochs change nothing of the genotype.
    const sizes = new Map<string, number>();
    return epochs.flatMap(({ epoch, alpha, trainAccuracy }) => {
      if (alpha === undefined) return [];
      const genotype = derivedGenotype(search, alpha);
      const text = JSON.stringify(genotype);
      const size = sizes.get(text) ?? countsOf(trainingOf(settings, genotype), classes).parameters / 1e6;
      sizes.set(text, size);
      return [{ method, seed, epoch: epoch + 1, genotype, size, supernet: 100 * trainAccuracy }];
    });
  });
}

/** Share of a search up to which the paper sees no fall of DARTS' size. */
const TURN = PRINTED.turn / PRINTED.epochs;

/** How far something may move and still be called stable: two printed standard deviations of ZARTS over searches (Table 3). */
const STABLE = (() => {
  const row = printedRow('3', { dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' });
  const share = (cell: (typeof row)[string]): number => (2 * cell.std!) / cell.value;
  return { error: share(row.error), size: share(row.params) };
})();

/** A number of one search's networks; not finite where some are not there. */
type Statistic = (networks: readonly Network[]) => number;

const mean = (rows: readonly Network[], y: Quantity): number =>
  rows.length === 0 ? NaN : summarize(rows.map(y)).mean;
const isLate = ({ epoch, search }: Network): boolean => epoch > TURN * search!.epochs;
/** The mean after the turn, and that less the mean before it. */
const late =
  (y: Quantity): Statistic =>
  (rows) =>
    mean(rows.filter(isLate), y);
const early =
  (y: Quantity): Statistic =>
  (rows) =>
    mean(
      rows.filter((row) => !isLate(row)),
      y,
    );
const sizeShift: Statistic = (rows) => 100 * (late(sizeOf)(rows) / early(sizeOf)(rows) - 1);
const skipShift: Statistic = (rows) => late(skipsOf)(rows) - early(skipsOf)(rows);
/** Change from the first to the last network of a search along the line through all of them. */
const accuracyChange: Statistic = (rows) => {
  const epochs = rows.map(({ epoch }) => epoch);
  const slope = slopeOver(rows, ({ epoch }) => epoch, accuracyOf) ?? NaN;
  return slope * (Math.max(...epochs) - Math.min(...epochs));
};

function claims(view: NetworksView): Claim[] {
  const rows = networksIn(view);
  if (rows.length === 0) return [];
  const { epochs } = rows[0].search!;
  const afterTurn = `after epoch ${Number((TURN * epochs).toPrecision(4))} of ${epochs} (in print: ${PRINTED.turn} of ${PRINTED.epochs})`;
  // One image more or less, in one network.
  const resolution = 100 / Math.min(...rows.map(({ testImages }) => testImages));
  const reference = referenceIn(rows);
  const darts = methodTitle(reference ?? '');
  const along = {
    statistic: 'accuracy (points of %), change from the first to the last network along a line',
    value: accuracyChange,
    resolution,
  };
  const sizes = {
    statistic: 'full-size parameters (%), mean of the later networks against the earlier',
    value: sizeShift,
  };
  const collapse: readonly Statement<Network>[] = [
    {
      ...along,
      id: 'darts-accuracy-falls',
      text: `The accuracy of the networks that ${darts} finds falls as the search goes on.`,
      region: { below: 0 },
    },
    {
      ...sizes,
      id: 'darts-size-falls',
      text: `The networks that ${darts} finds lose parameters ${afterTurn}.`,
      region: { below: 0 },
    },
    {
      id: 'darts-skips-rise',
      text: `The cells that ${darts} finds have more skip connections ${afterTurn}.`,
      statistic: 'skip connections of both cells, mean of the later networks less the earlier',
      value: skipShift,
      region: { above: 0 },
      resolution: 1,
      detail: 'The paper concludes it from the size: operations without parameters dominate.',
    },
    {
      id: 'darts-supernet-rises',
      text: `The accuracy of the supernet of ${darts} rises all the same.`,
      statistic: 'training accuracy of the supernet (points of %), last epoch of the search less first',
      value: ([row]) => supernetAt(row, row.epochs!.length) - supernetAt(row, 1),
      region: { above: 0 },
      detail: 'As Amended-DARTS has it, whom the paper follows.',
    },
  ];
  /** That a method's networks stay as they are. */
  const steady = (method: string): readonly Statement<Network>[] => [
    {
      ...along,
      id: `accuracy-stays/${method}`,
      text: `The accuracy of the networks that ${methodTitle(method)} finds does not fall as the search goes on.`,
      region: { above: -STABLE.error * mean(rowsBy(rows, method), ({ errorPct }) => errorPct) },
      detail: `A fall counts from ${(100 * STABLE.error).toFixed(1)} % of the mean error on: two standard deviations of ZARTS' error over searches in the paper's Table 3.`,
    },
    {
      ...sizes,
      id: `size-stays/${method}`,
      text: `The networks that ${methodTitle(method)} finds keep their size ${afterTurn}.`,
      region: { between: [-100 * STABLE.size, 100 * STABLE.size] },
      detail: "The bounds are two standard deviations of ZARTS' size over searches in the paper's Table 3.",
    },
  ];
  /** How a method's networks differ from those of DARTS with the same seed. */
  const against = (method: string, other: string): readonly Statement<Network>[] => {
    const less = (value: Statistic) => ({
      value: (own: readonly Network[]) => value(rowsBy(own, method)) - value(rowsBy(own, other)),
      detail: 'Searches with the same seed are compared.',
    });
    const title = methodTitle(method);
    return [
      {
        ...less(accuracyChange),
        id: `steadier/${method}`,
        text: `The networks that ${title} finds lose less accuracy as the search goes on than those of ${darts}.`,
        statistic: `change in accuracy (points of %), ${title} less ${darts}`,
        region: { above: 0 },
        resolution,
      },
      {
        ...less(late(accuracyOf)),
        id: `better-late/${method}`,
        text: `The networks that ${title} finds ${afterTurn} are better than those of ${darts}.`,
        statistic: `accuracy (points of %), mean of the later networks, ${title} less ${darts}`,
        region: { above: 0 },
        resolution,
      },
      {
        ...less(late(skipsOf)),
        id: `fewer-skips/${method}`,
        text: `The cells that ${title} finds ${afterTurn} have fewer skip connections than those of ${darts}.`,
        statistic: `skip connections of both cells, mean of the later networks, ${title} less ${darts}`,
        region: { below: 0 },
        resolution: 1,
      },
    ];
  };
  const zarts = methodsIn(rows).filter((id) => familyOf(id) === 'ZARTS');
  return [
    ...(reference ? judgeAll(rowsBy(rows, reference), collapse) : []),
    ...zarts.flatMap((id) => [
      ...judgeAll(rowsBy(rows, id), steady(id)),
      ...(reference ? judgeAll(rows, against(id, reference)) : []),
    ]),
  ];
}

function tables(view: NetworksView): Table[] {
  const { budget } = view;
  const rows = networksIn(view);
  const here = (y: (row: Network) => number, digits: number): string | null =>
    budget === 'full' && rowsBy(rows, 'mgs').length > 0 ? meanText(rowsBy(rows, 'mgs').map(y), digits) : null;
  const [first] = rows as readonly (Network | undefined)[];
  type Line = readonly [what: string, paper: string | number, here: string | number | null];
  const printed: readonly Line[] = [
    ['epochs of a search', PRINTED.epochs, first?.search?.epochs ?? null],
    ['epochs between two networks', PRINTED.every, first?.epoch ?? null],
    ["accuracy of ZARTS' networks (%), about", fixed(PRINTED.accuracy, 2), here(accuracyOf, 2)],
    ["parameters of ZARTS' networks (M), about", fixed(PRINTED.parametersM, 1), here(sizeOf, 1)],
    ['epoch after which the size of DARTS falls', PRINTED.turn, null],
  ];
  return [
    summaryTable<Network>(
      `Networks along the search, trained from scratch (${stateText(view, 'networks')})`,
      groupBy(rows, 'method', 'epoch'),
      [
        label('method', ({ method }) => methodTitle(method)),
        label('epoch', ({ epoch }) => epoch, 'right'),
        counted('n'),
        spread('accuracy (%)', accuracyOf, 2),
        spread('full size (M)', sizeOf, 2),
        spread('parameters (k)', ({ parameters }) => parameters / 1e3, 1),
        spread('skips, normal', ({ genotype }) => skipsIn(genotype, 'normal'), 1),
        spread('skips, reduction', ({ genotype }) => skipsIn(genotype, 'reduce'), 1),
        spread('supernet (%)', (row) => supernetAt(row, row.epoch), 1),
      ],
      [
        'Accuracy: of the test images after the last epoch of the training, mean ± standard deviation over the searches. Full size: parameters of the network that the paper would train from the same cells; parameters: of the network trained here.',
        'Skips: skip connections among the kept edges of a cell. Supernet: its accuracy on the training batches of that epoch of the search.',
        ...rowsOfKind(view.rows, 'linear').map(
          ({ errorPct, classes }) =>
            `For comparison: a linear classifier on the same images ${fixed(100 - errorPct, 1)}, chance ${fixed(100 / classes, 1)}.`,
        ),
      ],
    ),
    // The curves of the figure are not tabulated.
    summaryTable<Line>(
      "What the paper's text says of Fig. 2",
      printed.map((line) => ({ rows: [line] })),
      [
        label('quantity', ([what]) => what),
        label('paper', ([, paper]) => paper, 'right'),
        label('here', ([, , own]) => own, 'right'),
      ],
      [
        `Each of the paper's networks is trained for ${PRINTED.training} epochs. Its curves are drawn, not tabulated: no value of them was read off the picture.`,
        ...(budget === 'full'
          ? []
          : [
              `Accuracies and sizes made at budget ${budget} are not comparable with the paper's; at most the way they go is.`,
            ]),
      ],
    ),
  ];
}

const CELL_TITLES: Readonly<Record<CellName, string>> = { normal: 'normal cell', reduce: 'reduction cell' };

function charts(view: NetworksView): Chart[] {
  const rows = networksIn(view);
  if (rows.length === 0) return [];
  const { epochs, space } = rows[0].search!;
  const comparable = view.budget === 'full' && space === 'darts';
  const every = epochsIn(view);
  const drawn = [
    {
      name: 'accuracy',
      what: 'Accuracy of the networks',
      title: 'test accuracy (%)',
      says: 'points: each network, trained from scratch',
      values: rows.map((row) => ({ ...row, y: sixDigits(accuracyOf(row)) })),
      points: true,
      dots: comparable && PRINTED.accuracy,
    },
    {
      name: 'size',
      what: 'Size of the networks',
      title: 'full-size parameters (M)',
      says: 'every epoch',
      values: every.map((row) => ({ ...row, y: sixDigits(row.size) })),
      dots: comparable && PRINTED.parametersM,
    },
    {
      name: 'skips',
      what: 'Skip connections',
      title: 'skip connections, of 8 edges',
      says: 'every epoch',
      values: every.flatMap((row) =>
        CELLS.map((cell) => ({ ...row, panel: CELL_TITLES[cell], y: skipsIn(row.genotype, cell) })),
      ),
      panels: { field: 'panel', names: CELLS.map((cell) => CELL_TITLES[cell]) },
    },
    {
      name: 'supernet',
      what: 'Accuracy of the supernet',
      title: 'training accuracy (%)',
      says: 'on its own training batches, every epoch',
      values: every.map((row) => ({ ...row, y: sixDigits(row.supernet) })),
    },
  ];
  const dashes = `dashes: where the paper's DARTS begins to lose parameters (epoch ${PRINTED.turn} of ${PRINTED.epochs})`;
  return drawn.map(({ name, what, says, values, ...look }) =>
    alongSearches(
      {
        name,
        title: `${what} along the search (${stateText(view, 'networks')})`,
        subtitle: [`${says}; line: mean over seeds; band: all seeds`, dashes],
      },
      values.map(({ method, seed, epoch, y, ...rest }) => ({
        ...{ method: methodTitle(method), seed, epoch, y },
        ...('panel' in rest ? { panel: rest.panel } : {}),
      })),
      { ...look, methods: methodsIn(rows).map(methodTitle), epochs, dashes: TURN * epochs },
    ),
  );
}

/** Fig. 2. */
export const fig2 = experiment({
  id: 'fig-2',
  title: 'Fig. 2: accuracy and size along a long search',
  description:
    'Whether DARTS decays and ZARTS stays level when a search goes on; skip connections epoch by epoch.',
  claim:
    'When a search goes on for long, what DARTS finds gets worse and smaller; what ZARTS finds stays as good and as large.',
  paper: {
    'ZARTS accuracy': PRINTED.accuracy,
    'ZARTS parameters (M)': PRINTED.parametersM,
    'DARTS loses parameters after epoch': PRINTED.turn,
  },
  seeds: { full: 3, laptop: 3, smoke: 1 },
  choices: {
    method: some<SolverId>('method', SOLVER_IDS, (budget) =>
      budget === 'smoke' ? ['darts-1st', 'mgs-flat'] : ['darts-1st', 'mgs', 'mgs-flat'],
    ),
    space: one('search space', SPACE_IDS, (budget) => (budget === 'full' ? 'darts' : 's2')),
    every: count('epochs between two networks', (budget) => EVERY[budget]),
  },
  // Seeds outermost; a search has a run for each of its networks.
  runs(grid) {
    const { budget, preset, seeds, chosen } = grid;
    const searches = cross({ seed: seeds, method: solversWith(chosen.method, preset) });
    return withBaselines(
      searches.flatMap(({ seed, method }) => {
        const usual = solverSearch(method, chosen.space, 'cifar10', budget, preset);
        // Every epoch's: the same search serves any spacing of networks.
        const long = [`epochs=${EPOCHS[budget]}`, 'history.alphaEvery=1', `seed=${seed}`];
        const run = trainedSearch(grid, grid.search(applySet(usual, ...long)), { preset: 'darts-space' });
        return snapshots(run.search!.epochs, chosen.every).map((epoch): Cell<'training', EpochAxes> => ({
          axes: { method, epoch },
          run: { ...run, after: epoch },
        }));
      }),
    );
  },
  deviations,
  tables,
  charts,
  claims,
});
