/**
 * Fig. 2: what a search would have found, had it been stopped earlier. Searches several times as long as usual; a genotype
 * every few epochs, its network trained from scratch; size and skip connections of the genotypes of all epochs.
 */
import { alongSearches, sixDigits } from '../lib/report/charts.js';
import { fixed } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { derivedGenotype } from '../lib/search/derived.js';
import { deviations as deviationsOf, paperSearch, solverSearch } from '../lib/search/presets.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget } from '../lib/search/protocol.js';
import { SOLVER_IDS, solversWith } from '../lib/search/solvers.js';
import type { SolverId } from '../lib/search/solvers.js';
import { CELLS } from '../lib/spaces/spaces.js';
import { gatedByTraining } from './claims.js';
import { methodDeviations, methodsIn, rowsBy } from './comparison.js';
import { sentences, trainingDeviations } from './deviations.js';
import { cellsOfKind, cross, distinct, experiment, groupBy, rowsOfKind } from './experiment.js';
import type { Cell, View } from './experiment.js';
import {
  accuracyOf,
  claims,
  epochsIn,
  movesControl,
  PRINTED,
  sizeOf,
  skipsIn,
  supernetAt,
} from './fig-2-networks.js';
import type { EpochAxes, Network } from './fig-2-networks.js';
import { count, some } from './grid.js';
import { methodTitle } from './methods.js';
import { SEEDS, SPACE } from './sweep.js';
import { counted, label, meanText, spread, stateText, summaryTable } from './tables.js';
import {
  controlCells,
  isControl,
  separationSentence,
  separationTable,
  separationsIn,
  worthTraining,
} from './separation.js';
import { isUntrained, trainedSearch, UNTRAINED, untrained, withBaselines } from './trained.js';
import { trainingSettings } from './training.js';

/** Whose networks are trained. */
const PRESET = 'darts-space';

type NetworksView = View<'search' | 'training' | 'linear', EpochAxes>;

/** Epochs of a search: at `laptop` too four times as many as this budget's usual ones, and a network after every eighth of them. */
const EPOCHS: Readonly<Record<Budget, number>> = { full: PRINTED.epochs, laptop: 40, smoke: 4 };
const EVERY: typeof EPOCHS = { full: PRINTED.every, laptop: 5, smoke: 1 };

/** The epochs after which a network is derived: every so many, and the last. */
const snapshots = (epochs: number, every: number): number[] =>
  Array.from({ length: Math.ceil(epochs / every) }, (_, i) => Math.min((i + 1) * every, epochs));

function deviations(all: readonly Cell<'search' | 'training' | 'linear', EpochAxes>[]): string[] {
  const cells = cellsOfKind(all, 'training').filter(({ run }) => run.search);
  const first = cells[0].run.search!;
  const methods = methodsIn(cells.map(({ axes }) => axes));
  const epochs = distinct(cells.map(({ axes }) => axes.epoch)).sort((a, b) => a - b);
  const ours = methods.filter((id) => !['darts-1st', 'darts-2nd', 'mgs'].includes(id));
  return sentences(
    first.space !== 'darts' &&
      `The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space.`,
    first.epochs !== PRINTED.epochs &&
      `A search has ${first.epochs} epochs; in Fig. 2 of the paper ${PRINTED.epochs}.`,
    epochs[0] !== PRINTED.every &&
      `Networks are those after epochs ${epochs.join(', ')}; in the paper every ${PRINTED.every} epochs.`,
    // The length of the searches is the figure's own, said apart.
    methodDeviations(cells, (search) =>
      deviationsOf(search, { ...paperSearch(search), epochs: PRINTED.epochs }).filter(
        (sentence) => !sentence.startsWith('epochs is'),
      ),
    ),
    trainingDeviations(cells),
    methods.includes('darts-1st') &&
      'DARTS is of first order; the paper does not say which order its figure shows.',
    separationSentence(all),
    ours.length > 0 && `Not in the paper's figure: ${ours.map(methodTitle).join(', ')}.`,
    'The accuracy is that of the last epoch of a training; the paper does not say which epoch it shows.',
  );
}

/** The networks along searches; of a search whose networks are not trained, as they would have been. */
function networksIn({ rows }: Pick<NetworksView, 'rows'>): Network[] {
  const trained = rowsOfKind(rows, 'training').filter((row) => !isControl(row));
  const known = new Set(trained.map(({ search, epoch }) => `${canonicalJson(search)} ${epoch}`));
  // The axis of a search is the epoch of its first network, which is the distance of all.
  const others = rowsOfKind(rows, 'search').flatMap((row) =>
    snapshots(row.search.epochs, row.epoch)
      .filter((epoch) => !known.has(`${canonicalJson(row.search)} ${epoch}`))
      .flatMap((epoch): Network[] => {
        const { alpha } = row.epochs[epoch - 1];
        if (alpha === undefined) return [];
        const genotype = derivedGenotype(row.search, alpha);
        return [{ ...untrained(row, { genotype, preset: PRESET }), epoch }];
      }),
  );
  return [...trained, ...others];
}

const CELL_TITLES = { normal: 'normal', reduce: 'reduction' };

function tables(view: NetworksView): Table[] {
  const rows = networksIn(view);
  const own = view.budget === 'full' ? rowsBy(rows, 'mgs') : [];
  const here = (y: (row: Network) => number, digits: number): string | null =>
    own.length > 0 ? meanText(own.map(y), digits) : null;
  const [first] = rows as readonly (Network | undefined)[];
  const printed = [
    ['epochs of a search', PRINTED.epochs, first?.search?.epochs ?? null],
    ['epochs between two networks', PRINTED.every, first?.epoch ?? null],
    ["accuracy of ZARTS' networks (%), about", fixed(PRINTED.accuracy, 2), here(accuracyOf, 2)],
    ["parameters of ZARTS' networks (M), about", fixed(PRINTED.parametersM, 1), here(sizeOf, 1)],
    ['epoch after which the size of DARTS falls', PRINTED.turn, null],
  ] as const;
  return [
    ...separationTable(
      view,
      methodsIn(rows).map((method) => movesControl(rows, method)),
    ),
    summaryTable<Network>(
      `Networks along the search, trained from scratch (${stateText(view)})`,
      groupBy(rows, 'method', 'epoch'),
      [
        label('method', ({ method }) => methodTitle(method)),
        label('epoch', ({ epoch }) => epoch, 'right'),
        counted('n'),
        spread('accuracy (%)', accuracyOf, 2),
        spread('full size (M)', sizeOf, 2),
        spread('parameters (k)', ({ parameters }) => parameters / 1e3, 1),
        ...CELLS.map((cell) =>
          spread<Network>(`skips, ${CELL_TITLES[cell]}`, ({ genotype }) => skipsIn(genotype, cell), 1),
        ),
        spread('supernet (%)', (row) => supernetAt(row, row.epoch), 1),
      ],
      [
        ...(rows.some(isUntrained) ? [UNTRAINED] : []),
        'Accuracy: of the test images after the last epoch of the training, mean ± standard deviation over the searches. Full size: parameters of the network that the paper would train from the same cells; parameters: of the network trained here.',
        'Skips: skip connections among the kept edges of a cell. Supernet: its accuracy on the training batches of that epoch of the search.',
        ...rowsOfKind(view.rows, 'linear').map(
          ({ errorPct, classes }) =>
            `For comparison: a linear classifier on the same images ${fixed(100 - errorPct, 1)}, chance ${fixed(100 / classes, 1)}.`,
        ),
      ],
    ),
    // The curves of the figure are not tabulated.
    summaryTable<(typeof printed)[number]>(
      "What the paper's text says of Fig. 2",
      printed.map((line) => ({ rows: [line] })),
      [
        label('quantity', ([what]) => what),
        label('paper', ([, paper]) => paper, 'right'),
        label('here', ([, , ours]) => ours, 'right'),
      ],
      sentences(
        `Each of the paper's networks is trained for ${PRINTED.training} epochs. Its curves are drawn, not tabulated: no value of them was read off the picture.`,
        view.budget !== 'full' &&
          `Accuracies and sizes made at budget ${view.budget} are not comparable with the paper's; at most the way they go is.`,
      ),
    ),
  ];
}

function charts(view: NetworksView): Chart[] {
  const rows = networksIn(view);
  if (rows.length === 0) return [];
  const { epochs, space } = rows[0].search!;
  const comparable = view.budget === 'full' && space === 'darts';
  const every = epochsIn(rows);
  type Place = Pick<Network, 'method' | 'seed' | 'epoch'>;
  const at = ({ method, seed, epoch }: Place) => ({ method: methodTitle(method), seed, epoch });
  const panelOf = (cell: keyof typeof CELL_TITLES) => `${CELL_TITLES[cell]} cell`;
  const drawn = [
    {
      name: 'accuracy',
      what: 'Accuracy of the networks',
      title: 'test accuracy (%)',
      says: 'points: each network, trained from scratch',
      values: rows
        .filter((row) => !isUntrained(row))
        .map((row) => ({ ...at(row), y: sixDigits(accuracyOf(row)) })),
      points: true,
      dots: comparable && PRINTED.accuracy,
    },
    {
      name: 'size',
      what: 'Size of the networks',
      title: 'full-size parameters (M)',
      says: 'every epoch',
      values: every.map((row) => ({ ...at(row), y: sixDigits(row.size) })),
      dots: comparable && PRINTED.parametersM,
    },
    {
      name: 'skips',
      what: 'Skip connections',
      title: 'skip connections, of 8 edges',
      says: 'every epoch',
      values: every.flatMap((row) =>
        CELLS.map((cell) => ({ ...at(row), panel: panelOf(cell), y: skipsIn(row.genotype, cell) })),
      ),
      panels: { field: 'panel', names: CELLS.map(panelOf) },
      counts: true,
    },
    {
      name: 'supernet',
      what: 'Accuracy of the supernet',
      title: 'training accuracy (%)',
      says: 'on its own training batches, every epoch',
      values: every.map((row) => ({ ...at(row), y: sixDigits(row.supernet) })),
    },
  ];
  const methods = methodsIn(rows).map(methodTitle);
  const turn = `dashes: where the paper's DARTS begins to lose parameters (epoch ${PRINTED.turn} of ${PRINTED.epochs})`;
  const dashes = (PRINTED.turn / PRINTED.epochs) * epochs;
  return drawn.flatMap(({ name, what, says, values, ...look }) => {
    if (values.length === 0) return [];
    const title = `${what} along the search (${stateText(view)})`;
    const subtitle = [`${says}; line: mean over seeds; band: all seeds`, turn];
    return [alongSearches({ name, title, subtitle }, values, { ...look, methods, epochs, dashes })];
  });
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
  seeds: { ...SEEDS, smoke: 1 },
  choices: {
    method: some<SolverId>('method', SOLVER_IDS, (budget) =>
      budget === 'smoke' ? ['darts-1st', 'mgs-flat'] : ['darts-1st', 'mgs', 'mgs-flat'],
    ),
    space: SPACE,
    every: count('epochs between two networks', (budget) => EVERY[budget]),
  },
  // Seeds outermost; a search has a run for each of its networks.
  runs(grid) {
    const { budget, preset, seeds, chosen } = grid;
    const searches = cross({ seed: seeds, method: solversWith(chosen.method, preset) });
    const where = { dataset: 'cifar10', space: chosen.space } as const;
    const controls = controlCells([where], grid, (at) =>
      grid.training(trainingSettings({ preset: PRESET, ...at }, budget)),
    );
    const worth = worthTraining(controls, where);
    const found = searches.map(({ seed, method }) => {
      const usual = solverSearch(method, chosen.space, 'cifar10', budget, { preset });
      // Every epoch's: the same search serves any spacing of networks.
      const long = [`epochs=${EPOCHS[budget]}`, 'history.alphaEvery=1', `seed=${seed}`];
      const search = grid.search(applySet(usual, ...long));
      return { method, search, epochs: snapshots(search.epochs, chosen.every) };
    });
    return [
      // What the control says nothing of.
      ...(worth
        ? found.map(({ method, search, epochs: [epoch] }): Cell<'search', EpochAxes> => ({
            axes: { method, epoch },
            run: { kind: 'search', search },
          }))
        : []),
      ...withBaselines([
        ...(controls as unknown as Cell<'training', EpochAxes>[]),
        ...found.flatMap(({ method, search, epochs }) => {
          const run = trainedSearch(grid, search, { preset: PRESET });
          return epochs.map((epoch): Cell<'training', EpochAxes> => ({
            axes: { method, epoch },
            run: { ...run, after: epoch },
            ...(worth ? { worth } : {}),
          }));
        }),
      ]),
    ];
  },
  deviations,
  tables,
  charts,
  claims: (view) => claims(networksIn(view), gatedByTraining([...separationsIn(view).values()].at(0))),
});
