/** The networks along a search: their numbers, what the paper's text prints of them, and what it says. */
import type { Answer, Gate } from '../lib/analysis/claims.js';
import { cellStructure } from '../lib/analysis/genotypes.js';
import { leastStep } from '../lib/analysis/statistics.js';
import { derivedGenotype } from '../lib/search/derived.js';
import type { SolverId } from '../lib/search/solvers.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import type { Cell as CellName } from '../lib/spaces/spaces.js';
import { slopeOver } from './claims.js';
import { methodsIn, referenceIn, rowsBy } from './comparison.js';
import { groupBy, ofWholeSeeds } from './experiment.js';
import type { Row } from './experiment.js';
import { countsOf } from './kinds.js';
import { familyOf, methodTitle } from './methods.js';
import { figureNumber, printedRow } from './paper.js';
import { searchesMove } from './alphas.js';
import { judgeAll } from './statements.js';
import { gatedBy } from './together.js';
import type { Control } from './together.js';
import type { Statement } from './statements.js';
import { isUntrained } from './trained.js';
import { trainingOf, trainingSettings } from './training.js';

/** The method, and the epoch of the search after which its network is derived. */
export type EpochAxes = Readonly<Record<'method', SolverId> & Record<'epoch', number>>;
/** A network on the way, trained. */
export type Network = Row<'training', EpochAxes>;

/** What the paper's text says of its figure. */
export const PRINTED = {
  epochs: figureNumber('2', 'searchEpochs'),
  every: figureNumber('2', 'deriveEveryEpochs'),
  training: figureNumber('2', 'retrainEpochs'),
  accuracy: figureNumber('2', 'zartsAccuracyApprox'),
  parametersM: figureNumber('2', 'zartsParamsApproxM'),
  turn: figureNumber('2', 'dartsParamsDropAfterEpoch'),
} as const;

/** Share of a search up to which the paper sees no fall of DARTS' size. */
const TURN = PRINTED.turn / PRINTED.epochs;

/** How far something may move and still be called stable: two printed standard deviations of ZARTS over searches (Table 3). */
const STABLE = (() => {
  const row = printedRow('3', { dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' });
  const share = (cell: (typeof row)[string]): number => (2 * cell.std!) / cell.value;
  return { error: share(row.error), size: share(row.params) };
})();

// ---- Numbers of a network ----

type Quantity = (row: Network) => number;
export const accuracyOf: Quantity = ({ errorPct }) => 100 - errorPct;
export const sizeOf: Quantity = ({ fullParameters }) => fullParameters / 1e6;
export const skipsIn = (genotype: Genotype, cell: CellName): number =>
  cellStructure(genotype, cell).families.skip;
const skipsOf: Quantity = ({ genotype }) => skipsIn(genotype, 'normal') + skipsIn(genotype, 'reduce');
/** The supernet's accuracy on the training batches of that epoch, in percent. */
export const supernetAt = ({ epochs = [] }: Network, epoch: number): number =>
  100 * epochs[epoch - 1].trainAccuracy;

/** Every epoch of every search: the cells that it would have led to, and the supernet's accuracy on its training batches. */
export function epochsIn(networks: readonly Network[]) {
  return groupBy(networks, 'method', 'seed').flatMap(({ key: { method, seed }, rows: [row] }) => {
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

// ---- Numbers of one search's networks; not finite where some are not there ----

type Statistic = (networks: readonly Network[]) => number;

const mean = (rows: readonly Network[], y: Quantity): number =>
  rows.reduce((sum, row) => sum + y(row), 0) / rows.length;
/** The mean before the turn, and after it. */
const [early, late] = [false, true].map((after) => (y: Quantity): Statistic => {
  const isLate = ({ epoch, search }: Network) => epoch > TURN * search!.epochs;
  return (rows) =>
    mean(
      rows.filter((row) => isLate(row) === after),
      y,
    );
});
/** Change from the first to the last network of a search along the line through all of them. */
const accuracyChange: Statistic = (rows) => {
  const epochs = rows.map(({ epoch }) => epoch);
  const slope = slopeOver(rows, ({ epoch }) => epoch, accuracyOf) ?? NaN;
  return slope * (Math.max(...epochs) - Math.min(...epochs));
};

/** That the alphas of a method move. */
export const movesControl = (rows: readonly Network[], method: string): Control =>
  searchesMove(rows[0].space, methodTitle(method), rowsBy(rows, method));

/**
 * The verdicts on a method that collapses, on those that do not, and on how they differ with the same seed.
 *
 * @param gate  What claims on accuracies are told of their control.
 */
export function claims(rows: readonly Network[], gate: Gate): Answer[] {
  if (rows.length === 0) return [];
  const { epochs } = rows[0].search!;
  const afterTurn = `after epoch ${Number((TURN * epochs).toPrecision(4))} of ${epochs} (in print: ${PRINTED.turn} of ${PRINTED.epochs})`;
  // One image more or less, in one network.
  const resolution = 100 / Math.min(...rows.map(({ testImages }) => testImages).filter(Number.isFinite));
  const reference = referenceIn(rows);
  const darts = methodTitle(reference ?? '');
  const along = {
    statistic: 'accuracy (points of %), change from the first to the last network along a line',
    value: accuracyChange,
    resolution,
    ...gate,
  };
  const moving = (...methods: readonly string[]): Gate =>
    gatedBy(methods.map((method) => movesControl(rows, method)));
  const sizes = {
    statistic: 'full-size parameters (%), mean of the later networks against the earlier',
    value: (own: readonly Network[]) => 100 * (late(sizeOf)(own) / early(sizeOf)(own) - 1),
    resolution: (100 * leastStep(rows.map(sizeOf))) / Math.max(...rows.map(sizeOf)),
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
      ...moving(reference ?? ''),
      id: 'darts-size-falls',
      text: `The networks that ${darts} finds lose parameters ${afterTurn}.`,
      region: { below: 0 },
    },
    {
      ...moving(reference ?? ''),
      id: 'darts-skips-rise',
      text: `The cells that ${darts} finds have more skip connections ${afterTurn}.`,
      statistic: 'skip connections of both cells, mean of the later networks less the earlier',
      value: (own) => late(skipsOf)(own) - early(skipsOf)(own),
      region: { above: 0 },
      resolution: 1,
      detail: 'The paper concludes it from the size: operations without parameters dominate.',
    },
    {
      id: 'darts-supernet-rises',
      secondary: true,
      text: `The accuracy of the supernet of ${darts} rises all the same.`,
      statistic: 'training accuracy of the supernet (points of %), last epoch of the search less first',
      value: ([row]) => supernetAt(row, row.epochs!.length) - supernetAt(row, 1),
      region: { above: 0 },
      detail: 'As Amended-DARTS has it, whom the paper follows.',
    },
  ];
  const meanError = (own: readonly Network[]): number =>
    mean(
      own.filter((row) => !isUntrained(row)),
      ({ errorPct }) => errorPct,
    );
  const steady = (method: string, title: string): readonly Statement<Network>[] => [
    {
      ...along,
      id: `accuracy-stays/${method}`,
      text: `The accuracy of the networks that ${title} finds does not fall as the search goes on.`,
      region: { above: -STABLE.error * meanError(rowsBy(rows, method)) },
      detail: `A fall counts from ${(100 * STABLE.error).toFixed(1)} % of the mean error on: two standard deviations of ZARTS' error over searches in the paper's Table 3.`,
    },
    {
      ...sizes,
      ...moving(method),
      id: `size-stays/${method}`,
      text: `The networks that ${title} finds keep their size ${afterTurn}.`,
      region: { between: [-100 * STABLE.size, 100 * STABLE.size] },
      detail: "The bounds are two standard deviations of ZARTS' size over searches in the paper's Table 3.",
    },
  ];
  const against = (method: string, title: string, other: string): readonly Statement<Network>[] => {
    /** How a method's networks differ from those of DARTS with the same seed. */
    const less = (what: string, value: Statistic) => ({
      statistic: `${what}, ${title} less ${darts}`,
      value: (own: readonly Network[]) => value(rowsBy(own, method)) - value(rowsBy(own, other)),
      detail: 'Searches with the same seed are compared.',
    });
    return [
      {
        ...less('change in accuracy (points of %)', accuracyChange),
        ...gate,
        id: `steadier/${method}`,
        text: `The networks that ${title} finds lose less accuracy as the search goes on than those of ${darts}.`,
        region: { above: 0 },
        resolution,
      },
      {
        ...less('accuracy (points of %), mean of the later networks', late(accuracyOf)),
        ...gate,
        id: `better-late/${method}`,
        text: `The networks that ${title} finds ${afterTurn} are better than those of ${darts}.`,
        region: { above: 0 },
        resolution,
      },
      {
        ...less('skip connections of both cells, mean of the later networks', late(skipsOf)),
        ...moving(method, other),
        id: `fewer-skips/${method}`,
        text: `The cells that ${title} finds ${afterTurn} have fewer skip connections than those of ${darts}.`,
        region: { below: 0 },
        resolution: 1,
      },
    ];
  };
  const zarts = methodsIn(rows).filter((id) => familyOf(id) === 'ZARTS');
  const whole = ofWholeSeeds(rows, 'method', 'epoch');
  return [
    ...(reference ? judgeAll(rowsBy(whole, reference), collapse) : []),
    ...zarts.flatMap((id) => [
      ...judgeAll(rowsBy(whole, id), steady(id, methodTitle(id))),
      ...(reference ? judgeAll(whole, against(id, methodTitle(id), reference)) : []),
    ]),
  ];
}
