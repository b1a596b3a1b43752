/**
 * Fig. 2: what a search would have found, had it been stopped earlier. Searches several times as long as usual; a genotype
 * every few epochs, its network trained from scratch; size and skip connections of the genotypes of all epochs.
 */
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { cellStructure } from '../lib/analysis/genotypes.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { UsageError, unknownName } from '../lib/errors.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, REFERENCE_COLOR, THEME } from '../lib/report/theme.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { genotypeAfter } from '../lib/search/derived.js';
import { deviations } from '../lib/search/presets.js';
import { applySet, spaceName } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import type { Genotype } from '../lib/spaces/genotype.js';
import { CELLS, isSpaceId, SPACE_IDS } from '../lib/spaces/spaces.js';
import type { Cell, SpaceId } from '../lib/spaces/spaces.js';
import { mergedDeviations, methodsOf, referenceOf, retrainingSeconds, runsOf } from './comparison.js';
import { METHOD_IDS, METHODS, methodSearch, methodsWith, methodTitle } from './methods.js';
import type { MethodId } from './methods.js';
import { figureNumber, printedRow } from './paper.js';
import { assignListed, checkSeeds } from './reproduction.js';
import type { ProtocolOptions, Reproduction } from './reproduction.js';
import {
  parametersOf,
  retrainingOpenSettings,
  runRetrainings,
  sortSettings,
  withOwnSettings,
} from './retraining.js';
import type { RetrainedRun, Retrained, Retraining } from './retraining.js';
import { fullTraining, sweepRetraining, trainingDeviations } from './trained-sweep.js';

/** What the paper's text says of its figure. */
const PRINTED = {
  epochs: figureNumber('2', 'searchEpochs'),
  every: figureNumber('2', 'deriveEveryEpochs'),
  training: figureNumber('2', 'retrainEpochs'),
  accuracy: figureNumber('2', 'zartsAccuracyApprox'),
  parametersM: figureNumber('2', 'zartsParamsApproxM'),
  turn: figureNumber('2', 'dartsParamsDropAfterEpoch'),
} as const;

/** What the runs of a budget are. */
interface Plan {
  readonly methods: readonly MethodId[];
  readonly space: SpaceId;
  /** Epochs of a search, and between two of its networks. */
  readonly epochs: number;
  readonly every: number;
  readonly seeds: number;
}

/**
 * Searches of `laptop` are six times as long as this budget's usual ones (the paper's are four times as long): before half
 * of that, DARTS' genotypes in S2 gain no skip connections.
 */
const PLANS: Readonly<Record<Budget, Plan>> = {
  full: {
    methods: ['darts-1st', 'mgs', 'mgs-flat'],
    space: 'darts',
    epochs: PRINTED.epochs,
    every: PRINTED.every,
    seeds: 3,
  },
  laptop: {
    methods: ['darts-1st', 'mgs', 'mgs-flat'],
    space: 's2',
    epochs: 60,
    every: 10,
    seeds: 3,
  },
  smoke: {
    methods: ['darts-1st', 'mgs-flat'],
    space: 's2',
    epochs: 4,
    every: 1,
    seeds: 1,
  },
};

/** What of a plan can be set by hand, beside the settings of searches and trainings. */
const PLAN_PATHS = ['methods', 'space', 'every'] as const;

/** The plan with settings given by hand: `methods=mgs,rs`, `space=s3`, `every=5`. */
function planWith(plan: Plan, set: readonly string[]): Plan {
  const given = assignListed(
    { methods: plan.methods, space: plan.space, every: plan.every },
    set,
    PLAN_PATHS,
  ) as Readonly<Record<(typeof PLAN_PATHS)[number], unknown>>;
  const { methods, space, every } = given;
  const list =
    typeof methods === 'string' ? methods.split(',') : Array.isArray(methods) ? methods : [methods];
  const names = list.map((name) => String(name).trim());
  const wrong = names.find((name) => !(METHOD_IDS as readonly string[]).includes(name));
  if (wrong !== undefined) throw unknownName('method', wrong, METHOD_IDS);
  if (names.length === 0)
    throw new UsageError('methods is empty; name at least one method, e.g. methods=mgs.');
  if (!isSpaceId(space)) throw unknownName('search space', String(space), SPACE_IDS);
  if (typeof every !== 'number' || !Number.isInteger(every) || every < 1) {
    throw new UsageError(
      `every is ${String(every)}; it must be an integer of 1 or more, epochs between two networks.`,
    );
  }
  return { ...plan, methods: METHOD_IDS.filter((id) => names.includes(id)), space, every };
}

/** The epochs after which a network is derived: every so many, and the last. */
function snapshots(epochs: number, every: number): number[] {
  const regular = Array.from({ length: Math.floor(epochs / every) }, (_, i) => (i + 1) * every);
  return [...new Set([...regular, epochs])];
}

/** The runs, seeds outermost; a search has one run for each of its networks. */
function protocols(options: ProtocolOptions): Retraining[] {
  const { budget, preset, set = [] } = options;
  const own = PLANS[budget];
  const seeds = options.seeds ?? own.seeds;
  checkSeeds(seeds);
  const search = (method: MethodId, space: SpaceId): SearchProtocol =>
    applySet(
      methodSearch(method, space, 'cifar10', budget, preset),
      `epochs=${own.epochs}`,
      // Every epoch's: the same search serves any spacing of networks.
      'history.alphaEvery=1',
    );
  const everything = METHOD_IDS.map((method) => search(method, own.space));
  const sorted = sortSettings(set, everything, sweepRetraining(everything[0], {}, []).training, PLAN_PATHS);
  const plan = planWith(own, sorted.grid);
  return Array.from({ length: seeds }, (_, seed) =>
    methodsWith(plan.methods, preset).flatMap((method) => {
      const long = applySet(withOwnSettings(search(method, plan.space), sorted.search), `seed=${seed}`);
      return snapshots(long.epochs, plan.every).map((epoch): Retraining => ({
        ...sweepRetraining(long, { epoch }, sorted.training),
        method,
        after: epoch,
      }));
    }),
  ).flat();
}

/** What an epoch of a search would have led to. */
export interface CourseEpoch {
  /** Counted from 1. */
  readonly epoch: number;
  /** Skip connections of the genotype's cells. */
  readonly skips: Readonly<Record<Cell, number>>;
  /** Parameters of the network that the paper would train from the genotype, without auxiliary head. */
  readonly fullParameters: number;
  /** Accuracy of the supernet on its training batches of the epoch, in percent. */
  readonly supernetAccuracyPct: number;
}

/** A search, epoch by epoch. */
export interface Course {
  readonly method: string;
  readonly seed: number;
  /** Key in the run store. */
  readonly searchKey: string;
  readonly epochs: readonly CourseEpoch[];
}

/** What the searches and the trainings of their networks give. Plain JSON. */
export interface Convergence extends Retrained {
  /** In the order of the runs. */
  readonly courses: readonly Course[];
}

/** Skip connections of the cells of a genotype. */
export function skipsOf(genotype: Genotype): Record<Cell, number> {
  return Object.fromEntries(
    CELLS.map((cell) => [cell, cellStructure(genotype, cell).families.skip]),
  ) as Record<Cell, number>;
}

const measure: Reproduction<Convergence, Retraining>['measure'] = async (runs, context, onPartial) => {
  const courses = new Map<string, Course>();
  const whole = (retrained: Retrained): Convergence => ({ ...retrained, courses: [...courses.values()] });
  const retrained = await runRetrainings(runs, context, {
    paperTraining: ({ search }) => fullTraining(search),
    onSearched: ({ method, seed, search }, { key, result }, classes) => {
      if (courses.has(key)) return;
      const training = fullTraining(search);
      // Most epochs change nothing of the genotype.
      const sizes = new Map<string, number>();
      const sizeOf = (genotype: Genotype): number => {
        const text = canonicalJson(genotype);
        const size = sizes.get(text) ?? parametersOf(training, genotype, classes);
        sizes.set(text, size);
        return size;
      };
      const epochs = result.epochs.map(({ epoch, trainAccuracy }): CourseEpoch => {
        const genotype = genotypeAfter(search, result, epoch + 1);
        return {
          epoch: epoch + 1,
          skips: skipsOf(genotype),
          fullParameters: sizeOf(genotype),
          supernetAccuracyPct: 100 * trainAccuracy,
        };
      });
      courses.set(key, { method, seed, searchKey: key, epochs });
    },
    ...(onPartial ? { onPartial: (partial: Retrained) => onPartial(whole(partial)) } : {}),
  });
  return whole(retrained);
};

function figureDeviations(runs: readonly Retraining[]): string[] {
  const [{ search: first }] = runs;
  const methods = METHOD_IDS.filter((id) => runs.some(({ method }) => method === id));
  // The length of the searches is the figure's own, said apart.
  const usual = (search: SearchProtocol): SearchProtocol => ({
    ...search,
    epochs: methodSearch('mgs', 'darts', 'cifar10', 'full').epochs,
  });
  const searches = mergedDeviations(
    methods.map((id) => ({
      title: methodTitle(id),
      sentences: deviations(usual(runs.find(({ method }) => method === id)!.search)),
    })),
  );
  const epochs = snapshotsIn(runs.map(({ after }) => after!));
  const ours = methods.filter((id) => !['darts-1st', 'darts-2nd', 'mgs'].includes(id));
  return [
    ...(first.space === PLANS.full.space
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
    ...searches.map((sentence) => `Search: ${sentence}`),
    ...trainingDeviations(runs),
    ...(methods.includes('darts-1st')
      ? ['DARTS is of first order; the paper does not say which order its figure shows.']
      : []),
    ...(ours.length > 0 ? [`Not in the paper's figure: ${ours.map(methodTitle).join(', ')}.`] : []),
    'The accuracy is that of the last epoch of a training; the paper does not say which epoch it shows.',
  ];
}

/** The epochs that occur, ascending. */
function snapshotsIn(epochs: readonly number[]): number[] {
  return [...new Set(epochs)].sort((a, b) => a - b);
}

const epochOf = ({ factors }: RetrainedRun): number => Number(factors?.epoch);
const accuracyOf = ({ errorPct }: RetrainedRun): number => 100 - errorPct;
const sizeOf = ({ fullParameters }: RetrainedRun): number => fullParameters / 1e6;
const allSkipsOf = ({ genotype }: RetrainedRun): number => {
  const { normal, reduce } = skipsOf(genotype);
  return normal + reduce;
};

/** The networks of one search, in the order of their epochs. */
function networksOf(runs: readonly RetrainedRun[], method: string, seed: number): RetrainedRun[] {
  return runsOf(runs, method)
    .filter((run) => run.seed === seed)
    .sort((a, b) => epochOf(a) - epochOf(b));
}

function seedsOf(runs: readonly RetrainedRun[]): number[] {
  return [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
}

/** What each seed's search gives of a statistic that may be undefined; searches without it are left out. */
function bySeed(
  runs: readonly RetrainedRun[],
  method: string,
  statistic: (networks: readonly RetrainedRun[]) => number | undefined,
): Map<number, number> {
  return new Map(
    seedsOf(runs).flatMap((seed) => {
      const networks = networksOf(runs, method, seed);
      const value = networks.length === 0 ? undefined : statistic(networks);
      return value === undefined ? [] : [[seed, value]];
    }),
  );
}

/** Second values less first ones, where both have the seed. */
function differences(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number[] {
  return [...b].flatMap(([seed, value]) => (a.has(seed) ? [value - a.get(seed)!] : []));
}

/** Change from the first to the last network of a search along the line through all of them. */
function changeOf(networks: readonly RetrainedRun[], y: (run: RetrainedRun) => number): number | undefined {
  if (networks.length < 2) return undefined;
  const points = networks.map((run): [number, number] => [epochOf(run), y(run)]);
  return fitLine(points).slope * (points[points.length - 1][0] - points[0][0]);
}

/** Share of a search up to which the paper sees no fall of DARTS' size. */
const TURN = PRINTED.turn / PRINTED.epochs;

/** A search's networks up to the epoch that stands for the paper's 50 of 200, and those after it. */
function halvesOf(networks: readonly RetrainedRun[], epochs: number) {
  const turn = TURN * epochs;
  return {
    early: networks.filter((run) => epochOf(run) <= turn),
    late: networks.filter((run) => epochOf(run) > turn),
  };
}

function meanOf(values: readonly number[]): number {
  return summarize(values).mean;
}

/** Epochs of the searches: all have as many. */
function lengthOf({ runs }: Retrained): number {
  return Math.max(...runs.map(epochOf));
}

/** The printed spread of ZARTS over searches (Table 3, four of them on CIFAR-10), as a share of its mean. */
const SPREAD = (() => {
  const row = printedRow('3', { dataset: 'CIFAR10', block: 'average', method: 'ZARTS (ours)' });
  const share = (cell: (typeof row)[string]): number => cell.std! / cell.value;
  return { error: share(row.error), size: share(row.params) };
})();

/** How far something may move and still be called stable: two printed standard deviations. */
const STABLE = { error: 2 * SPREAD.error, size: 2 * SPREAD.size } as const;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function claims(result: Convergence): Claim[] {
  const { runs } = result;
  if (runs.length === 0) return [];
  const epochs = lengthOf(result);
  const afterTurn = `after epoch ${Number((TURN * epochs).toPrecision(4))} of ${epochs} (in print: ${PRINTED.turn} of ${PRINTED.epochs})`;
  const accuracyChange = (networks: readonly RetrainedRun[]) => changeOf(networks, accuracyOf);
  const shift =
    (y: (run: RetrainedRun) => number, relative: boolean) => (networks: readonly RetrainedRun[]) => {
      const { early, late } = halvesOf(networks, epochs);
      if (early.length === 0 || late.length === 0) return undefined;
      const [before, then] = [meanOf(early.map(y)), meanOf(late.map(y))];
      return relative ? 100 * (then / before - 1) : then - before;
    };
  const late = (y: (run: RetrainedRun) => number) => (networks: readonly RetrainedRun[]) => {
    const own = halvesOf(networks, epochs).late;
    return own.length === 0 ? undefined : meanOf(own.map(y));
  };
  // One image more or less, in one network.
  const image = 100 / Math.min(...runs.map(({ testImages }) => testImages));
  const reference = referenceOf(runs);
  const darts = reference === undefined ? '' : methodTitle(reference);
  const of = (method: string, statistic: (networks: readonly RetrainedRun[]) => number | undefined) =>
    bySeed(runs, method, statistic);

  const fall: Claim[] =
    reference === undefined
      ? []
      : [
          judge({
            id: 'darts-accuracy-falls',
            text: `The accuracy of the networks that ${darts} finds falls as the search goes on.`,
            statistic: 'accuracy (points of %), change from the first to the last network along a line',
            values: [...of(reference, accuracyChange).values()],
            region: { below: 0 },
            resolution: image,
          }),
          judge({
            id: 'darts-size-falls',
            text: `The networks that ${darts} finds lose parameters ${afterTurn}.`,
            statistic: 'full-size parameters (%), mean of the later networks against the earlier',
            values: [...of(reference, shift(sizeOf, true)).values()],
            region: { below: 0 },
          }),
          judge({
            id: 'darts-skips-rise',
            text: `The cells that ${darts} finds have more skip connections ${afterTurn}.`,
            statistic: 'skip connections of both cells, mean of the later networks less the earlier',
            values: [...of(reference, shift(allSkipsOf, false)).values()],
            region: { above: 0 },
            resolution: 1,
            detail: 'The paper concludes it from the size: operations without parameters dominate.',
          }),
          judge({
            id: 'darts-supernet-rises',
            text: `The accuracy of the supernet of ${darts} rises all the same.`,
            statistic: 'training accuracy of the supernet (points of %), last epoch of the search less first',
            values: result.courses
              .filter(({ method }) => method === reference)
              .map(
                ({ epochs: each }) => each[each.length - 1].supernetAccuracyPct - each[0].supernetAccuracyPct,
              ),
            region: { above: 0 },
            detail: 'As Amended-DARTS has it, whom the paper follows.',
          }),
        ];
  const stays = methodsOf(runs).flatMap((method): Claim[] => {
    const solver = METHODS[method as MethodId].base;
    if (!['rs', 'mgs', 'gld'].includes(solver)) return [];
    const title = methodTitle(method);
    const own = runsOf(runs, method);
    const margin = STABLE.error * meanOf(own.map(({ errorPct }) => errorPct));
    return [
      judge({
        id: `accuracy-stays/${method}`,
        text: `The accuracy of the networks that ${title} finds does not fall as the search goes on.`,
        statistic: 'accuracy (points of %), change from the first to the last network along a line',
        values: [...of(method, accuracyChange).values()],
        region: { above: -margin },
        resolution: image,
        detail: `A fall counts from ${percent(STABLE.error)} of the mean error on: two standard deviations of ZARTS' error over searches in the paper's Table 3.`,
      }),
      judge({
        id: `size-stays/${method}`,
        text: `The networks that ${title} finds keep their size ${afterTurn}.`,
        statistic: 'full-size parameters (%), mean of the later networks against the earlier',
        values: [...of(method, shift(sizeOf, true)).values()],
        region: { between: [-100 * STABLE.size, 100 * STABLE.size] },
        detail: "The bounds are two standard deviations of ZARTS' size over searches in the paper's Table 3.",
      }),
      ...(reference === undefined
        ? []
        : [
            judge({
              id: `steadier/${method}`,
              text: `The networks that ${title} finds lose less accuracy as the search goes on than those of ${darts}.`,
              statistic: `change in accuracy (points of %), ${title} less ${darts}`,
              values: differences(of(reference, accuracyChange), of(method, accuracyChange)),
              region: { above: 0 },
              resolution: image,
              detail: 'Searches with the same seed are compared.',
            }),
            judge({
              id: `better-late/${method}`,
              text: `The networks that ${title} finds ${afterTurn} are better than those of ${darts}.`,
              statistic: `accuracy (points of %), mean of the later networks, ${title} less ${darts}`,
              values: differences(of(reference, late(accuracyOf)), of(method, late(accuracyOf))),
              region: { above: 0 },
              resolution: image,
              detail: 'Searches with the same seed are compared.',
            }),
            judge({
              id: `fewer-skips/${method}`,
              text: `The cells that ${title} finds ${afterTurn} have fewer skip connections than those of ${darts}.`,
              statistic: `skip connections of both cells, mean of the later networks, ${title} less ${darts}`,
              values: differences(of(reference, late(allSkipsOf)), of(method, late(allSkipsOf))),
              region: { below: 0 },
              resolution: 1,
              detail: 'Searches with the same seed are compared.',
            }),
          ]),
    ];
  });
  return [...fall, ...stays];
}

/** What is said of the runs in the titles of tables and charts. */
function stateOf({ runs, budget, parts }: Convergence): string {
  const space = runs.length === 0 ? '' : `${runs[0].space.toUpperCase()}, `;
  return `${space}budget ${budget}${parts.done < parts.of ? `; ${parts.done} of ${parts.of} networks` : ''}`;
}

function networkTable(result: Convergence): Table {
  const { runs, courses, baselines } = result;
  const spread = (own: readonly RetrainedRun[], value: (run: RetrainedRun) => number, digits: number) =>
    plusMinus(summarize(own.map(value)), digits);
  return {
    title: `Networks along the search, trained from scratch (${stateOf(result)})`,
    columns: [
      { key: 'method', title: 'method' },
      { key: 'epoch', title: 'epoch', align: 'right' },
      { key: 'n', title: 'n', align: 'right' },
      { key: 'accuracy', title: 'accuracy (%)', align: 'right' },
      { key: 'full', title: 'full size (M)', align: 'right' },
      { key: 'parameters', title: 'parameters (k)', align: 'right' },
      { key: 'normal', title: 'skips, normal', align: 'right' },
      { key: 'reduce', title: 'skips, reduction', align: 'right' },
      { key: 'supernet', title: 'supernet (%)', align: 'right' },
    ],
    rows: methodsOf(runs).flatMap((method) =>
      snapshotsIn(runsOf(runs, method).map(epochOf)).map((epoch) => {
        const own = runsOf(runs, method).filter((run) => epochOf(run) === epoch);
        const supernets = own.flatMap(({ searchKey }) => {
          const at = courses.find((course) => course.searchKey === searchKey)?.epochs[epoch - 1];
          return at === undefined ? [] : [at.supernetAccuracyPct];
        });
        return {
          method: methodTitle(method),
          epoch,
          n: own.length,
          accuracy: spread(own, accuracyOf, 2),
          full: spread(own, sizeOf, 2),
          parameters: spread(own, ({ parameters }) => parameters / 1e3, 1),
          normal: spread(own, ({ genotype }) => skipsOf(genotype).normal, 1),
          reduce: spread(own, ({ genotype }) => skipsOf(genotype).reduce, 1),
          supernet: supernets.length === 0 ? fixed(null, 1) : plusMinus(summarize(supernets), 1),
        };
      }),
    ),
    notes: [
      'Accuracy: of the test images after the last epoch of the training, mean ± standard deviation over the searches. Full size: parameters of the network that the paper would train from the same cells; parameters: of the network trained here.',
      'Skips: skip connections among the kept edges of a cell. Supernet: its accuracy on the training batches of that epoch of the search.',
      ...baselines.map(
        ({ errorPct, classes }) =>
          `For comparison: a linear classifier on the same images ${fixed(100 - errorPct, 1)}, chance ${fixed(100 / classes, 1)}.`,
      ),
    ],
  };
}

/** The paper's text on its figure, whose curves it does not tabulate. */
function printedTable(result: Convergence): Table {
  const { runs, budget } = result;
  const epochs = runs.length === 0 ? null : lengthOf(result);
  const last = (y: (run: RetrainedRun) => number, digits: number): string | null => {
    if (budget !== 'full' || epochs === null) return null;
    const own = runsOf(runs, 'mgs');
    return own.length === 0 ? null : plusMinus(summarize(own.map(y)), digits);
  };
  return {
    title: "What the paper's text says of Fig. 2",
    columns: [
      { key: 'what', title: 'quantity' },
      { key: 'paper', title: 'paper', align: 'right' },
      { key: 'here', title: 'here', align: 'right' },
    ],
    rows: [
      { what: 'epochs of a search', paper: PRINTED.epochs, here: epochs },
      {
        what: 'epochs between two networks',
        paper: PRINTED.every,
        here: runs.length === 0 ? null : Math.min(...runs.map(epochOf)),
      },
      {
        what: "accuracy of ZARTS' networks (%), about",
        paper: fixed(PRINTED.accuracy, 2),
        here: last(accuracyOf, 2),
      },
      {
        what: "parameters of ZARTS' networks (M), about",
        paper: fixed(PRINTED.parametersM, 1),
        here: last(sizeOf, 1),
      },
      {
        what: 'epoch after which the size of DARTS falls',
        paper: PRINTED.turn,
        here: null,
      },
    ],
    notes: [
      `Each of the paper's networks is trained for ${PRINTED.training} epochs. Its curves are drawn, not tabulated: no value of them was read off the picture.`,
      ...(budget === 'full'
        ? []
        : [
            `Accuracies and sizes made at budget ${budget} are not comparable with the paper's; at most the way they go is.`,
          ]),
    ],
  };
}

/** Six digits: all that a plot can show, and stored notebooks stay small. */
const round = (value: number): number => Number(value.toPrecision(6));

/** One quantity over the epochs of a search, a line a method. */
interface Trend {
  readonly name: string;
  readonly title: string;
  readonly yTitle: string;
  readonly rows: readonly (Readonly<Record<string, string | number>> & { readonly y: number })[];
  /** Whether every row is a network that was trained, and so worth a point of its own. */
  readonly points: boolean;
  /** Panels side by side, by their field `panel`. */
  readonly panels?: readonly string[];
  /** The paper's own value, where it is comparable. */
  readonly printed?: number;
  /** Whether the axis has steps of 1. */
  readonly counts?: boolean;
  readonly subtitle: readonly string[];
}

function trendChart(result: Convergence, trend: Trend): Chart {
  const { name, title, yTitle, rows, points, panels, printed, counts, subtitle } = trend;
  const epochs = lengthOf(result);
  const methods = methodsOf(result.runs).map(methodTitle);
  const legend = { title: null, orient: 'bottom', symbolOpacity: 1, symbolStrokeWidth: 2 };
  const color = {
    field: 'method',
    type: 'nominal',
    scale: { domain: methods, range: PALETTE.slice(0, methods.length) },
    legend,
  };
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch of the search',
    scale: { domain: [0, epochs], nice: false },
    axis: { format: 'd', tickCount: 6, tickMinStep: 1 },
  };
  const y = {
    field: 'y',
    type: 'quantitative',
    title: yTitle,
    // Accuracies and sizes differ in their last digits; a count of none is a value like others.
    scale: { zero: counts === true, nice: true },
    ...(counts ? { axis: { format: 'd', tickMinStep: 1 } } : {}),
  };
  const layer = [
    {
      mark: { type: 'rule', strokeDash: [5, 4], color: REFERENCE_COLOR, opacity: 0.7 },
      data: { values: [{}] },
      encoding: { x: { datum: TURN * epochs } },
    },
    ...(printed === undefined
      ? []
      : [
          {
            mark: { type: 'rule', strokeDash: [2, 3], color: REFERENCE_COLOR },
            data: { values: [{}] },
            encoding: { y: { datum: printed } },
          },
        ]),
    {
      mark: { type: 'area', opacity: 0.16 },
      encoding: { x, y: { ...y, aggregate: 'min' }, y2: { field: 'y', aggregate: 'max' }, color },
    },
    { mark: { type: 'line', strokeWidth: 2.2 }, encoding: { x, y: { ...y, aggregate: 'mean' }, color } },
    ...(points
      ? [
          {
            mark: { type: 'point', filled: true, size: 55, opacity: 0.8 },
            encoding: {
              x,
              y,
              color,
              shape: { field: 'method', type: 'nominal', scale: { domain: methods }, legend },
              tooltip: [
                { field: 'method' },
                { field: 'seed' },
                { field: 'epoch' },
                { field: 'y', title: yTitle, format: '.2f' },
              ],
            },
          },
        ]
      : []),
  ];
  const size = { width: panels ? 250 : 400, height: 230 };
  return {
    name,
    title,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: title,
      title: { text: title, subtitle },
      config: THEME,
      data: { values: rows },
      ...(panels
        ? { facet: { field: 'panel', type: 'nominal', title: null, sort: panels }, spec: { ...size, layer } }
        : { ...size, layer }),
    },
  };
}

const CELL_TITLES: Readonly<Record<Cell, string>> = { normal: 'normal cell', reduce: 'reduction cell' };

function charts(result: Convergence): Chart[] {
  const { runs, courses, budget } = result;
  if (runs.length === 0) return [];
  const where = stateOf(result);
  const band = 'line: mean over seeds; band: all seeds';
  const dashes = `dashes: where the paper's DARTS begins to lose parameters (epoch ${PRINTED.turn} of ${PRINTED.epochs})`;
  const along = courses.flatMap(({ method, seed, epochs }) =>
    epochs.map((each) => ({ method: methodTitle(method), seed, epoch: each.epoch, of: each })),
  );
  const comparable = budget === 'full' && runs[0].space === PLANS.full.space;
  return [
    trendChart(result, {
      name: 'accuracy',
      title: `Accuracy of the networks along the search (${where})`,
      yTitle: 'test accuracy (%)',
      points: true,
      rows: runs.map((run) => ({
        method: methodTitle(run.method),
        seed: run.seed,
        epoch: epochOf(run),
        y: round(accuracyOf(run)),
      })),
      ...(comparable ? { printed: PRINTED.accuracy } : {}),
      subtitle: [`points: each network, trained from scratch; ${band}`, dashes],
    }),
    trendChart(result, {
      name: 'size',
      title: `Size of the networks along the search (${where})`,
      yTitle: 'full-size parameters (M)',
      points: false,
      rows: along.map(({ of, ...row }) => ({ ...row, y: round(of.fullParameters / 1e6) })),
      ...(comparable ? { printed: PRINTED.parametersM } : {}),
      subtitle: [`every epoch; ${band}`, dashes],
    }),
    trendChart(result, {
      name: 'skips',
      title: `Skip connections along the search (${where})`,
      yTitle: 'skip connections, of 8 edges',
      points: false,
      rows: along.flatMap(({ of, ...row }) =>
        CELLS.map((cell) => ({ ...row, panel: CELL_TITLES[cell], y: of.skips[cell] })),
      ),
      panels: CELLS.map((cell) => CELL_TITLES[cell]),
      counts: true,
      subtitle: [`every epoch; ${band}`, dashes],
    }),
    trendChart(result, {
      name: 'supernet',
      title: `Accuracy of the supernet along the search (${where})`,
      yTitle: 'training accuracy (%)',
      points: false,
      rows: along.map(({ of, ...row }) => ({ ...row, y: round(of.supernetAccuracyPct) })),
      subtitle: [`on its own training batches, every epoch; ${band}`, dashes],
    }),
  ];
}

/** Fig. 2. */
export const fig2: Reproduction<Convergence, Retraining> = {
  id: 'fig-2',
  title: 'Fig. 2: accuracy and size along a long search',
  claim:
    'When a search goes on for long, what DARTS finds gets worse and smaller; what ZARTS finds stays as good and as large.',
  paper: {
    'ZARTS accuracy': PRINTED.accuracy,
    'ZARTS parameters (M)': PRINTED.parametersM,
    'DARTS loses parameters after epoch': PRINTED.turn,
  },
  protocols,
  deviations: figureDeviations,
  openSettings: (runs) => retrainingOpenSettings(runs.find(({ method }) => method === 'mgs') ?? runs[0]),
  seconds: retrainingSeconds,
  measure,
  tables: (result) => [networkTable(result), printedTable(result)],
  charts,
  claims,
};
