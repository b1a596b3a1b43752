/** Table 7: test errors in S1–S4 with SDARTS' networks, which are wider and deeper than most of Table 2's. */
import type { Answer } from '../lib/analysis/claims.js';
import { ranks } from '../lib/analysis/comparison.js';
import type { Budget } from '../lib/search/protocol.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { BEATS_RANDOM, beats, contests, flatBeats, judgeShare } from './claims.js';
import { comparison, decidableIn, errorsBy, printedBenchmarks } from './comparison.js';
import type { ComparedRow, ComparedView, PrintedColumn } from './comparison.js';
import { separationsIn } from './separation.js';
import { groupBy } from './experiment.js';
import { trainingSettings } from './training.js';

/** The paper's columns. Of ZARTS, searched by MGS, it has the best and the mean of four; of the others the best. */
const COLUMNS: readonly PrintedColumn[] = [
  { column: 'PC-DARTS', method: 'pc-darts', statistic: 'best' },
  { column: 'SDARTS-RS', method: 'sdarts-rs', statistic: 'best' },
  { column: 'SDARTS-ADV', method: 'sdarts-adv', statistic: 'best' },
  { column: 'ZARTS-best', method: 'mgs', statistic: 'best' },
  { column: 'ZARTS-avg', method: 'mgs', statistic: 'mean' },
];

/** What ZARTS is compared with. */
const PEERS = ['pc-darts', 'sdarts-rs', 'sdarts-adv'] as const;

/** Where one operation tempts DARTS: what is run at `laptop`. */
const TEMPTING = ['s2', 's3', 's4'] as const satisfies readonly SpaceId[];

const SPACES = ['s1', 's2', 's3', 's4'] as const satisfies readonly SpaceId[];

const PRINTED = printedBenchmarks('7');

/** Benchmarks on which the paper's best ZARTS is below every other method. */
const PRINTED_WINS = PRINTED.filter(({ cells }) =>
  Object.entries(cells).every(
    ([column, { value }]) => column.startsWith('ZARTS') || cells['ZARTS-best'].value < value,
  ),
).length;

/** Channels at a smaller budget: as many times those of Table 2's small networks there as the paper has. Even. */
function channelsAt(budget: Budget): number {
  const channels = (preset: 'table-2' | 'table-7', at: Budget): number =>
    trainingSettings({ preset, dataset: 'cifar10', space: 's2' }, at).network.channels;
  const ratio = channels('table-7', 'full') / channels('table-2', 'full');
  return 2 * Math.floor((ratio * channels('table-2', budget)) / 2);
}

const peersIn = (rows: readonly ComparedRow[]) =>
  PEERS.filter((id) => rows.some(({ method }) => method === id));

/** The rank of ZARTS among the methods of the paper's table, for each benchmark and seed that has them all. */
function ranksOfZarts(rows: readonly ComparedRow[]): number[] {
  const methods = ['mgs', ...peersIn(rows)];
  return groupBy(rows, 'dataset', 'space', 'seed').flatMap((own) => {
    const best = errorsBy(own.rows, 'best');
    const errors = methods.map((method) => best[method]);
    return errors.length < 2 || errors.includes(undefined) ? [] : [ranks(errors as number[])[0]];
  });
}

const SEARCH_BY_SEARCH =
  'The paper compares the best of four; this compares every search with its counterpart.';

function claims(view: ComparedView): Answer[] {
  const { rows, ...unseen } = decidableIn(view);
  // With no runs at all, as many as there would be.
  const rivals = peersIn(rows).length || PEERS.length;
  const wins = ranksOfZarts(rows).map((rank) => Number(rank === 1));
  return [
    judgeShare({
      ...unseen,
      id: 'zarts-lowest',
      text: `ZARTS has the lowest test error of the methods on most benchmarks (in print, best of four, on ${PRINTED_WINS} of ${PRINTED.length}).`,
      statistic: `whether ZARTS-MGS alone has the lowest test error of ${rivals + 1} methods (1) or not (0)`,
      values: wins,
      chance: 1 / 2,
      unit: 'case',
      detail: `Most is more than half; by chance it would be one in ${rivals + 1}. A case is a benchmark and a seed. ${SEARCH_BY_SEARCH}`,
    }),
    ...contests(
      view,
      [
        ...PEERS.map((worse) => beats('mgs', worse, undefined, SEARCH_BY_SEARCH)),
        flatBeats('sdarts-adv', 'SDARTS-ADV, the best of the others in print (our question)'),
        { ...flatBeats('darts-1st', 'DARTS of first order (our question)'), where: 'darts-1st' },
        ...BEATS_RANDOM,
      ],
      { controls: separationsIn(view) },
    ),
  ];
}

/** Table 7. */
export const table7 = comparison({
  id: 'table-7',
  title: 'Table 7: S1–S4 with the larger networks',
  description: 'ZARTS beside PC-DARTS and SDARTS: the searches of Table 2, their networks wider.',
  claim: "With SDARTS' larger networks ZARTS finds the best network on more than half of the benchmarks.",
  preset: 'table-7',
  trainingSet: {
    laptop: [`network.channels=${channelsAt('laptop')}`],
    smoke: [`network.channels=${channelsAt('smoke')}`],
  },
  plans: {
    full: {
      datasets: ['cifar10', 'cifar100', 'svhn'],
      spaces: SPACES,
      methods: [...PEERS, 'mgs', 'mgs-flat', 'random-ws'],
      seeds: 4,
    },
    laptop: {
      datasets: ['cifar10'],
      spaces: TEMPTING,
      methods: ['darts-1st', 'mgs-flat', 'random-ws', ...PEERS, 'mgs'],
      // Of fewer no order of ranks in one space could decide three questions; Table 2's eleven of the first three would be
      // trained again at twice the width.
      seeds: 6,
    },
    smoke: { datasets: ['cifar10'], spaces: ['s2'], methods: ['pc-darts', 'sdarts-rs', 'mgs'], seeds: 2 },
  },
  printed: PRINTED,
  columns: COLUMNS,
  reference: () => ['mgs', 'mgs-flat'],
  remarks: [
    "The paper takes the numbers of PC-DARTS and SDARTS from SDARTS' paper; here their searches are made beside those of ZARTS, on the same images and supernet.",
    "The printed PC-DARTS is searched by SmoothDARTS' script: batches of 64, ω's rate from 0.025 to 0.001, α's 3e-4, no warm-up; ours has PC-DARTS' own settings, cut to the budget.",
  ],
  claims,
});
