/**
 * Fig. 2: what a search would have found, had it been stopped earlier. Searches several times as long as usual; a genotype
 * every few epochs, its network trained from scratch; size and skip connections of the genotypes of all epochs.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim, Question } from '../lib/analysis/claims.js';
import { genotypeStructure } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { sixDigits, trends } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { derivedGenotype } from '../lib/search/derived.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { CELLS, SPACE_IDS } from '../lib/spaces/spaces.js';
import type { Cell as CellName } from '../lib/spaces/spaces.js';
import { slopeOver } from './claims.js';
import { methodsIn, referenceIn, rowsBy } from './comparison.js';
import { searchDeviations, trainingDeviations } from './deviations.js';
import { cellsOfKind, cross, distinct, experiment, groupBy, perSeed, rowsOfKind } from './experiment.js';
import type { Cell, Row, View } from './experiment.js';
import { count, one, some } from './grid.js';
import { countsOf } from './kinds.js';
import { METHODS, METHOD_IDS, methodSearch, methodTitle, methodsWith } from './methods.js';
import type { MethodId } from './methods.js';
import { figureNumber, printedRow } from './paper.js';
import { counted, label, meanText, spread, stateText, summaryTable } from './tables.js';
import { trainingOf, trainingSettings, withBaselines } from './training.js';

/** The method, and the epoch of the search after which its network is derived. */
export type EpochAxes = { readonly method: MethodId; readonly epoch: number };
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
  const networks = cellsOfKind(all, 'training');
  const first = networks[0].run.search!;
  const methods = methodsIn(networks.map(({ axes }) => axes));
  const epochs = distinct(networks.map(({ axes }) => axes.epoch)).sort((a, b) => a - b);
  const ours = methods.filter((id) => !['darts-1st', 'darts-2nd', 'mgs'].includes(id));
  // The length of the searches is the figure's own, said apart.
  const usual = methodSearch('mgs', 'darts', 'cifar10', 'full').epochs;
  return [
    ...(first.space === 'darts'
      ? []
      : [`The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space.`]),
    ...(first.epochs === PRINTED.epochs
      ? []
      : [`A search has ${first.epochs} epochs; in Fig. 2 of the paper ${PRINTED.epochs}.`]),
    ...(epochs[0] === PRINTED.every
      ? []
      : [
          `Networks are those after epochs ${epochs.join(', ')}; in the paper every ${PRINTED.every} epochs.`,
        ]),
    ...searchDeviations(
      networks,
      ({ axes }) => methodTitle(axes.method),
      (search) => ({ ...search, epochs: usual }),
    ).map((sentence) => `Search: ${sentence}`),
    ...trainingDeviations(networks),
    ...(methods.includes('darts-1st')
      ? ['DARTS is of first order; the paper does not say which order its figure shows.']
      : []),
    ...(ours.length > 0 ? [`Not in the paper's figure: ${ours.map(methodTitle).join(', ')}.`] : []),
    'The accuracy is that of the last epoch of a training; the paper does not say which epoch it shows.',
  ];
}

// ---- Networks and searches ----

const networksIn = ({ rows }: NetworksView): Network[] => rowsOfKind(rows, 'training');
const accuracyOf = ({ errorPct }: Network): number => 100 - errorPct;
const sizeOf = ({ fullParameters }: Network): number => fullParameters / 1e6;
const skipsIn = (genotype: Genotype, cell: CellName): number =>
  genotypeStructure(genotype)[cell].families.skip;
const skipsOf = ({ genotype }: Network): number =>
  CELLS.reduce((sum, cell) => sum + skipsIn(genotype, cell), 0);
const meanOf = (rows: readonly Network[], y: (row: Network) => number): number => summarize(rows.map(y)).mean;
/** Epochs of the searches: all have as many. */
const lengthOf = (rows: readonly Network[]): number => Math.max(...rows.map(({ epoch }) => epoch));

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

// ---- Claims ----

/** Share of a search up to which the paper sees no fall of DARTS' size. */
const TURN = PRINTED.turn / PRINTED.epochs;

/** How far something may move and still be called stable: two printed standard deviations of ZARTS over searches (Table 3). */
const STABLE = (() => {
  const row = printedRow('3', { dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' });
  const share = (cell: (typeof row)[string]): number => (2 * cell.std!) / cell.value;
  return { error: share(row.error), size: share(row.params) };
})();

/** A number of one search's networks. */
type Statistic = (networks: readonly Network[]) => number | undefined;

/** Change from the first to the last network of a search along the line through all of them. */
const accuracyChange: Statistic = (networks) => {
  const epochs = networks.map(({ epoch }) => epoch);
  const slope = slopeOver(networks, ({ epoch }) => epoch, accuracyOf);
  return slope && slope * (Math.max(...epochs) - Math.min(...epochs));
};

/** What is claimed of a method's searches, or of how far they lie from those of DARTS with the same seed. */
interface Statement extends Omit<Question, 'values'> {
  readonly value: Statistic;
  readonly less?: MethodId;
}

function claims(view: NetworksView): Claim[] {
  const rows = networksIn(view);
  if (rows.length === 0) return [];
  const length = lengthOf(rows);
  const turn = TURN * length;
  const afterTurn = `after epoch ${Number(turn.toPrecision(4))} of ${length} (in print: ${PRINTED.turn} of ${PRINTED.epochs})`;
  const late =
    (y: (row: Network) => number): Statistic =>
    (networks) => {
      const own = networks.filter(({ epoch }) => epoch > turn);
      return own.length === 0 ? undefined : meanOf(own, y);
    };
  const shift =
    (y: (row: Network) => number, change: (then: number, before: number) => number): Statistic =>
    (networks) => {
      const early = networks.filter(({ epoch }) => epoch <= turn);
      const then = late(y)(networks);
      return early.length === 0 || then === undefined ? undefined : change(then, meanOf(early, y));
    };
  const sizeShift = shift(sizeOf, (then, before) => 100 * (then / before - 1));
  const judged = (method: string, { value, less, ...question }: Statement): Claim => {
    const difference: Statistic = (networks) => {
      const [own, other] = [method, less!].map((id) => value(rowsBy(networks, id)));
      return own === undefined || other === undefined ? undefined : own - other;
    };
    const values = less ? perSeed(rows, difference) : perSeed(rowsBy(rows, method), value);
    return judge({ ...question, values });
  };
  // One image more or less, in one network.
  const resolution = 100 / Math.min(...rows.map(({ testImages }) => testImages));
  const reference = referenceIn(rows);
  const darts = methodTitle(reference ?? '');
  const accuracyAlong = 'accuracy (points of %), change from the first to the last network along a line';
  const sizeAgainst = 'full-size parameters (%), mean of the later networks against the earlier';

  const collapse: readonly Statement[] = [
    {
      id: 'darts-accuracy-falls',
      text: `The accuracy of the networks that ${darts} finds falls as the search goes on.`,
      statistic: accuracyAlong,
      value: accuracyChange,
      region: { below: 0 },
      resolution,
    },
    {
      id: 'darts-size-falls',
      text: `The networks that ${darts} finds lose parameters ${afterTurn}.`,
      statistic: sizeAgainst,
      value: sizeShift,
      region: { below: 0 },
    },
    {
      id: 'darts-skips-rise',
      text: `The cells that ${darts} finds have more skip connections ${afterTurn}.`,
      statistic: 'skip connections of both cells, mean of the later networks less the earlier',
      value: shift(skipsOf, (then, before) => then - before),
      region: { above: 0 },
      resolution: 1,
      detail: 'The paper concludes it from the size: operations without parameters dominate.',
    },
    {
      id: 'darts-supernet-rises',
      text: `The accuracy of the supernet of ${darts} rises all the same.`,
      statistic: 'training accuracy of the supernet (points of %), last epoch of the search less first',
      value: ([{ epochs = [] }]) =>
        100 * epochs[epochs.length - 1].trainAccuracy - 100 * epochs[0].trainAccuracy,
      region: { above: 0 },
      detail: 'As Amended-DARTS has it, whom the paper follows.',
    },
  ];

  const stability = (method: string): Statement[] => {
    const title = methodTitle(method);
    return [
      {
        id: `accuracy-stays/${method}`,
        text: `The accuracy of the networks that ${title} finds does not fall as the search goes on.`,
        statistic: accuracyAlong,
        value: accuracyChange,
        region: { above: -STABLE.error * meanOf(rowsBy(rows, method), ({ errorPct }) => errorPct) },
        resolution,
        detail: `A fall counts from ${(100 * STABLE.error).toFixed(1)} % of the mean error on: two standard deviations of ZARTS' error over searches in the paper's Table 3.`,
      },
      {
        id: `size-stays/${method}`,
        text: `The networks that ${title} finds keep their size ${afterTurn}.`,
        statistic: sizeAgainst,
        value: sizeShift,
        region: { between: [-100 * STABLE.size, 100 * STABLE.size] },
        detail: "The bounds are two standard deviations of ZARTS' size over searches in the paper's Table 3.",
      },
    ];
  };

  const comparison = (method: string, less: MethodId): Statement[] => {
    const title = methodTitle(method);
    const common = { less, detail: 'Searches with the same seed are compared.' };
    return [
      {
        id: `steadier/${method}`,
        text: `The networks that ${title} finds lose less accuracy as the search goes on than those of ${darts}.`,
        statistic: `change in accuracy (points of %), ${title} less ${darts}`,
        value: accuracyChange,
        region: { above: 0 },
        resolution,
        ...common,
      },
      {
        id: `better-late/${method}`,
        text: `The networks that ${title} finds ${afterTurn} are better than those of ${darts}.`,
        statistic: `accuracy (points of %), mean of the later networks, ${title} less ${darts}`,
        value: late(accuracyOf),
        region: { above: 0 },
        resolution,
        ...common,
      },
      {
        id: `fewer-skips/${method}`,
        text: `The cells that ${title} finds ${afterTurn} have fewer skip connections than those of ${darts}.`,
        statistic: `skip connections of both cells, mean of the later networks, ${title} less ${darts}`,
        value: late(skipsOf),
        region: { below: 0 },
        resolution: 1,
        ...common,
      },
    ];
  };
  const zarts = methodsIn(rows).filter((id) => ['rs', 'mgs', 'gld'].includes(METHODS[id as MethodId].base));
  return [
    ...(reference ? collapse.map((each) => judged(reference, each)) : []),
    ...zarts.flatMap((id) =>
      [...stability(id), ...(reference ? comparison(id, reference) : [])].map((each) => judged(id, each)),
    ),
  ];
}

// ---- Tables and charts ----

function tables(view: NetworksView): Table[] {
  const { budget } = view;
  const rows = networksIn(view);
  const here = (y: (row: Network) => number, digits: number): string | null =>
    budget === 'full' && rowsBy(rows, 'mgs').length > 0 ? meanText(rowsBy(rows, 'mgs').map(y), digits) : null;
  const [length, first] =
    rows.length === 0 ? [null, null] : [lengthOf(rows), Math.min(...rows.map(({ epoch }) => epoch))];
  type Line = readonly [what: string, paper: string | number, here: string | number | null];
  const printed: readonly Line[] = [
    ['epochs of a search', PRINTED.epochs, length],
    ['epochs between two networks', PRINTED.every, first],
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
        spread('supernet (%)', ({ epoch, epochs = [] }) => 100 * epochs[epoch - 1].trainAccuracy, 1),
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
  const length = lengthOf(rows);
  const comparable = view.budget === 'full' && rows[0].space === 'darts';
  const band = 'line: mean over seeds; band: all seeds';
  const dashes = `dashes: where the paper's DARTS begins to lose parameters (epoch ${PRINTED.turn} of ${PRINTED.epochs})`;
  const along = epochsIn(view);
  const at = ({ method, seed, epoch }: { method: string; seed: number; epoch: number }) => ({
    method: methodTitle(method),
    seed,
    epoch,
  });
  const trend = (
    name: string,
    what: string,
    yTitle: string,
    says: string,
    values: readonly Readonly<Record<string, string | number>>[],
    more: { points?: true; printed?: number; panels?: readonly string[] } = {},
  ): Chart =>
    trends(
      {
        name,
        title: `${what} along the search (${stateText(view, 'networks')})`,
        subtitle: [`${says}; ${band}`, dashes],
      },
      values,
      {
        x: {
          field: 'epoch',
          title: 'epoch of the search',
          scale: { domain: [0, length], nice: false },
          axis: { format: 'd', tickCount: 6, tickMinStep: 1 },
        },
        y: {
          field: 'y',
          title: yTitle,
          // Accuracies and sizes differ in their last digits; a count of none is a value like others.
          scale: { zero: more.panels !== undefined, nice: true },
          ...(more.panels ? { axis: { format: 'd', tickMinStep: 1 } } : {}),
        },
        group: 'method',
        groups: methodsIn(rows).map(methodTitle),
        points: more.points && {
          tooltip: [
            { field: 'method' },
            { field: 'seed' },
            { field: 'epoch' },
            { field: 'y', title: yTitle, format: '.2f' },
          ],
        },
        panels: more.panels && { field: 'panel', names: more.panels },
        lines: { x: TURN * length, y: comparable ? more.printed : undefined },
      },
    );
  return [
    trend(
      'accuracy',
      'Accuracy of the networks',
      'test accuracy (%)',
      'points: each network, trained from scratch',
      rows.map((row) => ({ ...at(row), y: sixDigits(accuracyOf(row)) })),
      { points: true, printed: PRINTED.accuracy },
    ),
    trend(
      'size',
      'Size of the networks',
      'full-size parameters (M)',
      'every epoch',
      along.map((each) => ({ ...at(each), y: sixDigits(each.size) })),
      { printed: PRINTED.parametersM },
    ),
    trend(
      'skips',
      'Skip connections',
      'skip connections, of 8 edges',
      'every epoch',
      along.flatMap((each) =>
        CELLS.map((cell) => ({ ...at(each), panel: CELL_TITLES[cell], y: skipsIn(each.genotype, cell) })),
      ),
      { panels: CELLS.map((cell) => CELL_TITLES[cell]) },
    ),
    trend(
      'supernet',
      'Accuracy of the supernet',
      'training accuracy (%)',
      'on its own training batches, every epoch',
      along.map((each) => ({ ...at(each), y: sixDigits(each.supernet) })),
    ),
  ];
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
    methods: some<MethodId>('method', METHOD_IDS, (budget) =>
      budget === 'smoke' ? ['darts-1st', 'mgs-flat'] : ['darts-1st', 'mgs', 'mgs-flat'],
    ),
    space: one('search space', SPACE_IDS, (budget) => (budget === 'full' ? 'darts' : 's2')),
    every: count('epochs between two networks', (budget) => EVERY[budget]),
  },
  // Seeds outermost; a search has a run for each of its networks.
  runs({ budget, preset, seeds, chosen: { methods, space, every }, ...grid }) {
    const choice = { preset: 'darts-space', dataset: 'cifar10', space } as const;
    const training = grid.training(trainingSettings(choice, budget));
    return withBaselines(
      cross({ seed: seeds, method: methodsWith(methods, preset) }).flatMap(({ seed, method }) => {
        const usual = methodSearch(method, space, 'cifar10', budget, preset);
        // Every epoch's: the same search serves any spacing of networks.
        const long = [`epochs=${EPOCHS[budget]}`, 'history.alphaEvery=1', `seed=${seed}`];
        const search = grid.search(applySet(usual, ...long));
        return snapshots(search.epochs, every).map((epoch): Cell<'training', EpochAxes> => ({
          axes: { method, epoch },
          run: { kind: 'training', search, after: epoch, training: { ...training, seed } },
        }));
      }),
    );
  },
  deviations,
  tables,
  charts,
  claims,
});
