/**
 * Table 6: what the number M of fine-tuning steps of each candidate does to a search. As in the released code, α moves after
 * every M weight steps, so that M also decides how often it moves; beside that, the same with the frequency fixed.
 */
import type { Claim } from '../lib/analysis/claims.js';
import { meanAgreement } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { fineTuneIterations } from '../lib/search/omega-protocol.js';
import { deviations, fullSearch, withBudget } from '../lib/search/presets.js';
import { applySet, spaceName, updatePeriod } from '../lib/search/protocol.js';
import type { Budget, Preset, SearchProtocol } from '../lib/search/protocol.js';
import { mergedDeviations, retrainingSeconds } from './comparison.js';
import { printedTable } from './paper.js';
import { checkSeeds } from './reproduction.js';
import type { ProtocolOptions, Reproduction } from './reproduction.js';
import { retrainingOpenSettings, runRetrainings, sortSettings } from './retraining.js';
import type { RetrainedRun, Retrained, Retraining } from './retraining.js';
import { SEEDS, spaceAt } from './sweep.js';
import {
  errorChart,
  fullTraining,
  slopeClaim,
  sweepRetraining,
  TRAINED_COLUMNS,
  TRAINED_NOTES,
  trainedCells,
  trainingDeviations,
} from './trained-sweep.js';

const PRINTED = printedTable('6', 'M');

/** Searches behind each of the paper's errors. */
const PRINTED_SEEDS = PRINTED[0].cells.error.n;

/** Whose weights: as printed, and by the loss alone. */
const PRESETS: Readonly<Record<Budget, readonly Preset[]>> = {
  full: ['paper', 'flat'],
  laptop: ['paper', 'flat'],
  smoke: ['flat'],
};

const PRESET_TITLES: Readonly<Record<Preset, string>> = {
  paper: 'literal density (Eq. 26)',
  flat: 'flat density',
  released: 'released code',
};

/** How often α moves: after M weight steps, or after as many whatever M is. */
const FREQUENCIES = ['coupled', 'fixed'] as const;
type Frequency = (typeof FREQUENCIES)[number];

/** The paper's M, cut down as a budget cuts M = 10. */
function iterationsAt(base: SearchProtocol): number[] {
  const most = fineTuneIterations(base.omega);
  const largest = Math.max(...PRINTED.map(({ key }) => key));
  return [...new Set(PRINTED.map(({ key }) => Math.max(1, Math.round((key * most) / largest))))];
}

/** The runs, seeds outermost. At the largest M the two frequencies are one. */
function protocols(options: ProtocolOptions): Retraining[] {
  const { budget, preset, seeds = SEEDS[budget], set = [] } = options;
  checkSeeds(seeds);
  const presets = preset ? [preset] : PRESETS[budget];
  const bases = presets.map((each) => withBudget(fullSearch(spaceAt(budget), 'mgs', each), budget));
  const sorted = sortSettings(set, bases, sweepRetraining(bases[0], {}, []).training, []);
  const searches = Array.from({ length: seeds }, (_, seed) =>
    bases.flatMap((base) =>
      FREQUENCIES.flatMap((frequency) =>
        iterationsAt(base).flatMap((iterations) => {
          const most = fineTuneIterations(base.omega);
          if (frequency === 'fixed' && iterations === most) return [];
          const period = frequency === 'fixed' ? [`updateEvery=${most}`] : [];
          const cell = [`omega.iterations=${iterations}`, ...period];
          return [applySet(base, `seed=${seed}`, ...cell, ...sorted.search)];
        }),
      ),
    ),
  ).flat();
  const different = [...new Map(searches.map((search) => [canonicalJson(search), search])).values()];
  return different.map((search) => {
    const iterations = fineTuneIterations(search.omega);
    const factors = { reading: search.preset, M: iterations, period: updatePeriod(search) };
    return sweepRetraining(search, factors, sorted.training);
  });
}

/** The readings that occur. */
function readingsOf(runs: readonly RetrainedRun[]): Preset[] {
  return (Object.keys(PRESET_TITLES) as Preset[]).filter((reading) =>
    runs.some(({ factors }) => factors?.reading === reading),
  );
}

/** The runs of a reading with that frequency. Where α moves after the largest M, the largest M is in both. */
function ofFrequency(runs: readonly RetrainedRun[], reading: Preset, frequency: Frequency): RetrainedRun[] {
  const own = runs.filter(({ factors }) => factors?.reading === reading);
  const longest = Math.max(...own.map(({ factors }) => Number(factors?.period)));
  return own.filter(({ factors }) =>
    frequency === 'coupled' ? factors?.M === factors?.period : factors?.period === longest,
  );
}

function tableDeviations(runs: readonly Retraining[]): string[] {
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const [{ search: first }] = runs;
  const paper = fullSearch('darts', 'mgs', 'paper');
  // What the table varies on purpose is no deviation.
  const neutral = (search: SearchProtocol): SearchProtocol => ({
    ...search,
    omega: { ...search.omega, iterations: fineTuneIterations(paper.omega) } as SearchProtocol['omega'],
    updateEvery: paper.updateEvery,
  });
  const readings = [...new Map(runs.map(({ search }) => [search.preset, search])).values()];
  const largest = Math.max(...runs.map(({ search }) => fineTuneIterations(search.omega)));
  const printed = Math.max(...PRINTED.map(({ key }) => key));
  return [
    ...(first.space === paper.space
      ? []
      : [`The searches run in ${spaceName(first).toUpperCase()} instead of the DARTS space.`]),
    ...mergedDeviations(
      readings.map((search) => ({
        title: `With the ${PRESET_TITLES[search.preset]}`,
        sentences: deviations(neutral(search)),
      })),
    ),
    ...(largest === printed
      ? []
      : [`M goes up to ${largest}; in the paper up to ${printed}, with the same shares between.`]),
    ...trainingDeviations(runs),
    ...(seeds === PRINTED_SEEDS
      ? []
      : [`${seeds} search${seeds === 1 ? '' : 'es'} for each M; the paper has ${PRINTED_SEEDS}.`]),
    'Where α moves after a fixed number of weight steps, M changes the fine-tuning alone; the paper has no such runs.',
    'Cost is seconds on the machine that ran the searches.',
  ];
}

function claims({ runs }: Retrained): Claim[] {
  return readingsOf(runs).flatMap((reading) => {
    const where = PRESET_TITLES[reading];
    const [coupled, constant] = FREQUENCIES.map((frequency) => ofFrequency(runs, reading, frequency));
    return [
      slopeClaim(coupled, {
        id: `error-falls/${reading}`,
        text: `The error of the network found falls as M grows (${where}).`,
        factor: 'M',
        quantity: 'error',
        falls: true,
        detail: 'As printed: with M also the weight steps between two updates of α grow.',
      }),
      slopeClaim(constant, {
        id: `error-falls-fixed/${reading}`,
        text: `The error of the network found falls as M grows, α moving as often whatever M is (${where}; our question).`,
        factor: 'M',
        quantity: 'error',
        falls: true,
        detail: 'With the frequency fixed, M changes nothing but how well ω*(α) is estimated.',
      }),
      slopeClaim(coupled, {
        id: `size-grows/${reading}`,
        text: `The network found has more parameters the larger M is (${where}; in print from 2.91 M to 3.71 M).`,
        factor: 'M',
        quantity: 'size',
        falls: false,
      }),
    ];
  });
}

/** The runs of each cell, in display order. */
function cellsOf(runs: readonly RetrainedRun[]) {
  return readingsOf(runs).flatMap((reading) => {
    const own = runs.filter(({ factors }) => factors?.reading === reading);
    const cells = [...new Map(own.map((run) => [`${run.factors?.period} ${run.factors?.M}`, run])).values()];
    return cells
      .map(({ factors }) => ({
        reading,
        M: Number(factors?.M),
        period: Number(factors?.period),
        runs: own.filter((run) => run.factors?.M === factors?.M && run.factors?.period === factors?.period),
      }))
      .sort(
        (a, b) => Number(a.M !== a.period) - Number(b.M !== b.period) || a.M - b.M || a.period - b.period,
      );
  });
}

function tables(result: Retrained): Table[] {
  const { runs, budget, parts, baselines } = result;
  const space = runs.length === 0 ? '' : `${runs[0].space.toUpperCase()}, `;
  const part = parts.done < parts.of ? `; ${parts.done} of ${parts.of} runs` : '';
  return [
    {
      title: `The search for several M, its networks trained from scratch (${space}budget ${budget}${part})`,
      columns: [
        { key: 'reading', title: 'density' },
        { key: 'M', title: 'M', align: 'right' },
        { key: 'period', title: 'steps to an update', align: 'right' },
        { key: 'n', title: 'n', align: 'right' },
        ...TRAINED_COLUMNS,
        { key: 'agreement', title: 'agreement', align: 'right' },
        { key: 'updates', title: 'α updates', align: 'right' },
        { key: 'fineTuning', title: 'fine-tuning steps', align: 'right' },
        { key: 'seconds', title: 'search (s)', align: 'right' },
      ],
      rows: cellsOf(runs).map(({ reading, M, period, runs: own }) => ({
        reading: PRESET_TITLES[reading],
        M,
        period,
        n: own.length,
        ...trainedCells(own),
        agreement: fixed(meanAgreement(own.map(({ genotype }) => genotype)), 2),
        // The same for every seed.
        updates: own[0].searchWork.alphaUpdates,
        fineTuning: own[0].searchWork.fineTuneSteps,
        seconds: plusMinus(summarize(own.map(({ searchSeconds }) => searchSeconds)), 1),
      })),
      notes: [
        'Steps to an update: weight steps between two updates of α; where it equals M the two are coupled, as in the paper.',
        ...TRAINED_NOTES,
        'Agreement: share of kept edges, with their operations, that two seeds have in common.',
        ...baselines.map(
          ({ errorPct, classes }) =>
            `For comparison: a linear classifier on the same images ${fixed(errorPct, 1)}, chance ${fixed(100 - 100 / classes, 1)}.`,
        ),
      ],
    },
    {
      title: "Printed in the paper's Table 6",
      columns: [
        { key: 'M', title: 'M', align: 'right' },
        { key: 'error', title: 'error (%)', align: 'right' },
        { key: 'params', title: 'parameters (M)', align: 'right' },
      ],
      rows: PRINTED.map(({ key, cells }) => ({
        M: key,
        error: `${cells.error.printed} ± ${cells.error.printedStd ?? '–'}`,
        params: cells.params.printed,
      })),
      notes: [
        budget === 'full'
          ? 'Comparable with the rows above whose steps to an update equal M.'
          : `Not comparable with numbers made at budget ${budget}.`,
      ],
    },
  ];
}

function charts({ runs, budget }: Retrained): Chart[] {
  const groupOf = (reading: Preset, frequency: Frequency): string =>
    `${PRESET_TITLES[reading]}, ${frequency === 'coupled' ? 'α moves every M steps' : 'α moves as often'}`;
  const groups = readingsOf(runs).flatMap((reading) =>
    FREQUENCIES.map((frequency) => ({
      name: groupOf(reading, frequency),
      runs: ofFrequency(runs, reading, frequency),
    })),
  );
  if (runs.length === 0) return [];
  return [
    errorChart(
      groups.flatMap((group) => group.runs.map((run) => ({ run, group: group.name }))),
      {
        factor: 'M',
        title: `Test error against M (${runs[0].space.toUpperCase()}, budget ${budget})`,
        xTitle: 'fine-tuning steps M of each candidate',
        groups: groups.map(({ name }) => name),
      },
    ),
  ];
}

/** Table 6. */
export const table6: Reproduction<Retrained, Retraining> = {
  id: 'table-6',
  title: 'Table 6: the number of fine-tuning steps M',
  claim: 'The better ω*(α) is estimated, by more fine-tuning steps M, the better the network that is found.',
  paper: Object.fromEntries(
    PRINTED.flatMap(({ key, cells }) =>
      Object.entries(cells).map(([name, { value }]) => [`M=${key} ${name}`, value]),
    ),
  ),
  protocols,
  deviations: tableDeviations,
  openSettings: (runs) => retrainingOpenSettings(runs[0]),
  seconds: retrainingSeconds,
  measure: (runs, context, onPartial) =>
    runRetrainings(runs, context, {
      paperTraining: ({ search }) => fullTraining(search),
      ...(onPartial ? { onPartial } : {}),
    }),
  tables,
  charts,
  claims,
};
