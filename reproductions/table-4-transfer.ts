/**
 * Table 4: cells found on CIFAR-10, stacked for ImageNet. What the networks consist of is counted exactly, whatever the
 * budget; their errors are measured on the photographs where they are, else, but for the full budget, on computed ones.
 */
import { judge, undecided } from '../lib/analysis/claims.js';
import type { Claim, Region } from '../lib/analysis/claims.js';
import { pairedTest } from '../lib/analysis/comparison.js';
import { genotypeStructure } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { findImageNet } from '../lib/datasets/imagenet.js';
import { isPrepared } from '../lib/datasets/prepared.js';
import { IMAGENET } from '../lib/datasets/registry.js';
import { UsageError } from '../lib/errors.js';
import { countNetwork, multiplyAdds } from '../lib/evaluation/count.js';
import { evaluationDeviations, openEvaluationSettings } from '../lib/evaluation/presets.js';
import type { EvaluationProtocol } from '../lib/evaluation/protocol.js';
import type * as Evaluation from '../lib/evaluation/run.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import { rowsWithMeans } from '../lib/report/layers.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, THEME } from '../lib/report/theme.js';
import { deviations, openSettings } from '../lib/search/presets.js';
import { applySet } from '../lib/search/protocol.js';
import type { Budget, SearchProtocol } from '../lib/search/protocol.js';
import { KNOWN_GENOTYPES } from '../lib/spaces/genotype.js';
import type { Genotype, KnownGenotype } from '../lib/spaces/genotype.js';
import { CELLS, spaceById } from '../lib/spaces/spaces.js';
import { familyOf, gridWith, mergedDeviations } from './comparison.js';
import { estimateSeconds, estimateTrainingSeconds } from './cost.js';
import { METHOD_IDS, methodSearch, methodTitle, methodsWith } from './methods.js';
import type { MethodId } from './methods.js';
import { printedRows } from './paper.js';
import type { PrintedCell } from './paper.js';
import { checkSeeds } from './reproduction.js';
import type {
  Environment,
  MeasureContext,
  Measured,
  Parts,
  Protocol,
  ProtocolOptions,
  Reproduction,
} from './reproduction.js';
import {
  anyTrainingOf,
  baselineOf,
  environmentOf,
  sortSettings,
  trainingOf,
  trainingSettings,
  withOwnSettings,
} from './retraining.js';
import type { TrainingSettings } from './retraining.js';
import { indexOfEqual, lackingImages, runSearches } from './searches.js';

/** Cells, published or to be searched, that are stacked for ImageNet. */
export interface Transfer extends Protocol {
  readonly kind: 'transfer';
  /** A method, or the name of a published genotype. */
  readonly method: string;
  /** Left out for a published genotype. */
  readonly search?: SearchProtocol;
  /** Left out where the network is counted and not trained. */
  readonly training?: TrainingSettings;
}

/** A network as trained. */
export interface Trained {
  /** The run's key in the store. */
  readonly key: string;
  /** Percent of the test images whose class is not the first choice, after the last epoch: the result. */
  readonly errorPct: number;
  readonly testImages: number;
  /** The lowest of all epochs, chosen on the test images and therefore optimistic. */
  readonly bestEpoch: { readonly epoch: number; readonly errorPct: number };
  /** Parameters without auxiliary head, and multiply-adds for one image, of the network that was trained. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly seconds: number;
  /** Which of the result's environments it was made in. */
  readonly environment: number;
}

/** Cells with what their network for ImageNet consists of, as measured. Plain JSON. */
export interface TransferRun {
  readonly method: string;
  readonly seed: number;
  readonly genotype: Genotype;
  /** null for a published genotype. */
  readonly search: { readonly key: string; readonly seconds: number; readonly environment: number } | null;
  /** Parameters without auxiliary head, and multiply-adds for one image, of the network that the paper trains. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Skip connections of both cells. */
  readonly skips: number;
  /** null for a network that is counted only, or not trained yet. */
  readonly trained: Trained | null;
}

/** What the networks are trained on: the photographs, or computed ones in their stead. */
type Photographs = 'imagenet' | 'stand-in';

/** What Table 4 measures. Plain JSON. */
export interface Transferred extends Measured {
  readonly budget: Budget;
  readonly photographs: Photographs | null;
  readonly runs: readonly TransferRun[];
  readonly parts: Parts;
  /** The linear classifier on the same images; null at full budget and without images. */
  readonly baseline: { readonly errorPct: number; readonly classes: number } | null;
  /** What is not here, each with what to do about it. */
  readonly missing: readonly string[];
}

// ---- What is run ----

/** Published genotypes that are counted; the paper's table has all but DARTS_V1. */
const PUBLISHED = ['DARTS_V1', 'DARTS_V2', 'NASNet', 'AmoebaNet'] as const satisfies readonly KnownGenotype[];

/** The published genotype that is trained beside what is found here. */
const REFERENCE = 'DARTS_V2' satisfies KnownGenotype;

const GRIDS: Readonly<Record<Budget, { readonly methods: readonly MethodId[]; readonly seeds: number }>> = {
  full: { methods: ['darts-2nd', 'pc-darts', 'mgs', 'mgs-flat', 'random'], seeds: 4 },
  laptop: { methods: ['darts-2nd', 'mgs', 'mgs-flat', 'random'], seeds: 3 },
  smoke: { methods: ['mgs'], seeds: 1 },
};

/** Few classes, so that there are enough images of each to learn from. */
const TRAINING_SET: Readonly<Record<Budget, readonly string[]>> = {
  full: [],
  laptop: ['dataset.classes=20', 'epochs=10'],
  smoke: ['dataset.classes=4'],
};

const CHOICE = { preset: 'imagenet' } as const;

/** The runs, seeds outermost; published cells are counted once. */
function protocols(options: ProtocolOptions): Transfer[] {
  const { budget, preset, set = [] } = options;
  const own = GRIDS[budget];
  const seeds = options.seeds ?? own.seeds;
  checkSeeds(seeds);
  const searchOf = (method: MethodId): SearchProtocol =>
    methodSearch(method, 'darts', 'cifar10', budget, preset);
  const sorted = sortSettings(set, METHOD_IDS.map(searchOf), trainingSettings(CHOICE, budget), ['methods']);
  const grid = { datasets: ['cifar10'], spaces: ['darts'], methods: own.methods } as const;
  const methods = methodsWith(gridWith(grid, sorted.grid).methods, preset);
  const training = trainingSettings(CHOICE, budget, [...TRAINING_SET[budget], ...sorted.training]);
  const common = { kind: 'transfer', version: 1, budget } as const;
  return [
    ...PUBLISHED.filter((method) => method !== REFERENCE).map((method): Transfer => ({
      ...common,
      seed: 0,
      method,
    })),
    ...Array.from({ length: seeds }, (_, seed): Transfer[] => [
      { ...common, seed, method: REFERENCE, training: { ...training, seed } },
      ...methods.map((method): Transfer => ({
        ...common,
        seed,
        method,
        search: applySet(withOwnSettings(searchOf(method), sorted.search), `seed=${seed}`),
        training: { ...training, seed },
      })),
    ]).flat(),
  ];
}

/** A training's seconds do not depend on where its cells come from: the space decides. */
const SPACE = { space: 'darts' } as const;

function trainingSeconds({ training }: Transfer): number {
  return training === undefined ? 0 : estimateTrainingSeconds(training, SPACE);
}

function seconds(runs: readonly Transfer[]): number {
  return runs.reduce(
    (sum, run) => sum + (run.search ? estimateSeconds([run.search]) : 0) + trainingSeconds(run),
    0,
  );
}

/** What a reader sees for a method or a published genotype. */
function titleOf(method: string): string {
  return isPublished(method) ? `${method} (published)` : methodTitle(method);
}

function isPublished(method: string): method is KnownGenotype {
  return method in KNOWN_GENOTYPES;
}

function transferDeviations(runs: readonly Transfer[]): string[] {
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const first = new Map<string, SearchProtocol>();
  for (const { method, search } of runs) if (search && !first.has(method)) first.set(method, search);
  const searches = mergedDeviations(
    [...first].map(([method, search]) => ({ title: methodTitle(method), sentences: deviations(search) })),
  );
  const training = runs.find((run) => run.training)?.training;
  return [
    ...searches.map((sentence) => `Search: ${sentence}`),
    ...(training ? evaluationDeviations(anyTrainingOf(training)) : []).map(
      (sentence) => `Training: ${sentence}`,
    ),
    `${seeds} search${seeds === 1 ? '' : 'es'} by each method, each trained once; the paper has two architectures by ZARTS and does not say which of its searches found them.`,
    `Cited, not run here: ${PRINTED.flatMap(({ name, here }) => (here === undefined ? [name] : [])).join(', ')}.`,
    'NASNet and AmoebaNet are stacked as DARTS does, 14 cells of 48 channels; their own papers stack theirs in another way.',
    'Multiply-adds are those of convolutions and linear layers; the paper does not say what it counts.',
  ];
}

// ---- Measuring ----

/** The network that the paper trains from a genotype, and what it consists of. */
function paperCounts(genotype: Genotype): Pick<TransferRun, 'parameters' | 'multiplyAdds'> {
  return countsOf(trainingOf(trainingSettings(CHOICE, 'full'), genotype), IMAGENET.classes);
}

function countsOf(
  { network, dataset }: EvaluationProtocol,
  classes: number,
): Pick<TransferRun, 'parameters' | 'multiplyAdds'> {
  if (network.kind === 'linear') throw new UsageError('A linear classifier has no cells to count.');
  const image = { height: dataset.imageSide, width: dataset.imageSide };
  const counts = countNetwork(network.genotype, { ...network, classes }, image).network;
  return { parameters: counts.parameters, multiplyAdds: multiplyAdds(counts) };
}

function skipsOf(genotype: Genotype): number {
  const structure = genotypeStructure(genotype);
  return CELLS.reduce((sum, cell) => sum + structure[cell].families.skip, 0);
}

/** What there is to train on: computed photographs where there are no others, but for the full budget. */
function photographsAt(budget: Budget, data: string | undefined): Photographs | null {
  const given = data ?? process.env.ZARTS_DATA ?? '';
  if (given === 'synthetic') return 'stand-in';
  if ((given !== '' && isPrepared(given)) || findImageNet(data).status !== 'absent') return 'imagenet';
  return budget === 'full' ? null : 'stand-in';
}

async function measure(
  runs: readonly Transfer[],
  context: MeasureContext,
  onPartial?: (soFar: Transferred) => void | Promise<void>,
): Promise<Transferred> {
  const { title, runs: home, data, progress, signal } = context;
  if (runs.length === 0) throw new UsageError(`${title}: there is nothing to run.`);
  // Required here and not imported above: it loads TensorFlow, which everything else in this file does without. Not
  // `await import`, whose modules the notebook kernel cannot load anew after they were edited.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { runEvaluation } = require('../lib/evaluation/run.js') as typeof Evaluation;
  const [{ budget }] = runs;
  const photographs = photographsAt(budget, data);
  const source = photographs === 'stand-in' ? { data: 'synthetic' } : data === undefined ? {} : { data };
  const common = { ...(home === undefined ? {} : { home }), ...source, ...(signal ? { signal } : {}) };
  const environments: Environment[] = [];
  const missing: string[] = [];
  if (photographs === null) {
    missing.push(
      `The photographs of ImageNet are not here, so no error is measured. Once they are in a folder DIR: npx zarts reproduce ${title} --budget ${budget} --data DIR`,
    );
  }

  // Searches first: what they find is counted even where nothing can be trained.
  const searched = runs.flatMap((run) => (run.search ? [run.search] : []));
  const lacking = searched.length === 0 ? undefined : await lackingImages(title, searched[0], context);
  if (lacking !== undefined) missing.push(lacking);
  const found =
    searched.length === 0 || lacking !== undefined
      ? undefined
      : await runSearches(searched, context, {
          label: (protocol) => `${protocol.solver.kind}, seed ${protocol.seed}`,
        });
  let next = 0;
  const transfers = runs.flatMap((protocol): { protocol: Transfer; run: TransferRun }[] => {
    const { method, seed } = protocol;
    const ran = protocol.search && found?.searches[next++];
    const genotype = isPublished(method) ? KNOWN_GENOTYPES[method] : ran?.result.genotype;
    if (genotype === undefined) return [];
    const search =
      ran === undefined || found === undefined
        ? null
        : {
            key: ran.key,
            seconds: ran.seconds,
            environment: indexOfEqual(environments, found.environments[ran.environment]),
          };
    const counts = { ...paperCounts(genotype), skips: skipsOf(genotype) };
    return [{ protocol, run: { method, seed, genotype, search, ...counts, trained: null } }];
  });

  const trains = ({ training }: Transfer): boolean => training !== undefined && photographs !== null;
  let baseline: Transferred['baseline'] = null;
  let done = 0;
  const results = transfers.map(({ run }) => run);
  const soFar = (): Transferred => ({
    budget,
    photographs,
    environments: [...environments],
    runs: [...results],
    parts: {
      done: transfers.filter(({ protocol }, i) => !trains(protocol) || results[i].trained !== null).length,
      of: runs.length,
    },
    baseline,
    missing,
    ...(lacking !== undefined && photographs !== 'imagenet' ? { lacking: missing.join(' ') } : {}),
  });
  const costs = transfers.map(({ protocol }) => (trains(protocol) ? trainingSeconds(protocol) : 0));
  const phase = progress?.start(
    `${title} (s, estimated)`,
    Math.max(1, Math.ceil(costs.reduce((sum, cost) => sum + cost, 0))),
  );
  try {
    for (const [i, { protocol, run }] of transfers.entries()) {
      const { training, method, seed } = protocol;
      if (training === undefined || photographs === null) continue;
      if (budget !== 'full' && baseline === null) {
        const { result } = await runEvaluation(baselineOf(training), common);
        baseline = { errorPct: result.test.errorPct, classes: result.classes };
      }
      const label = `${titleOf(method)}, seed ${seed}`;
      const evaluation = trainingOf(training, run.genotype);
      const { result, key, known, provenance } = await runEvaluation(evaluation, {
        ...common,
        progress: {
          start: (_, steps) => ({
            update: (at, note) =>
              phase?.update(Math.floor(done + (costs[i] * at) / steps), note ? `${label}, ${note}` : label),
            end: () => undefined,
          }),
        },
      });
      done += costs[i];
      results[i] = {
        ...run,
        trained: {
          key,
          errorPct: result.test.errorPct,
          testImages: evaluation.dataset.testSize,
          bestEpoch: result.best,
          ...countsOf(evaluation, result.classes),
          seconds: provenance.seconds,
          environment: indexOfEqual(environments, environmentOf(provenance)),
        },
      };
      phase?.update(Math.floor(done), `${label}: test error ${result.test.errorPct.toFixed(1)} %`);
      if (!known) await onPartial?.(soFar());
    }
    phase?.update(Math.ceil(done));
  } finally {
    phase?.end();
  }
  return soFar();
}

// ---- Showing ----

/** A row of the paper's table. */
interface PrintedLine {
  readonly name: string;
  readonly onImageNet: boolean;
  /** The method, or the published genotype, that it is compared with; undefined: cited. */
  readonly here?: string;
  readonly cells: Readonly<Record<string, PrintedCell>>;
}

/** The rows of the paper whose network can be counted here, by the name that they have. */
const HERE: Readonly<Record<string, MethodId | KnownGenotype>> = {
  'AmoebaNet-A': 'AmoebaNet',
  'NASNet-A': 'NASNet',
  'DARTS (2nd)': 'DARTS_V2',
  'PC-DARTS': 'pc-darts',
  'ZARTS (5.6M params)': 'mgs',
  'ZARTS (5.0M params)': 'mgs',
};

const PRINTED: readonly PrintedLine[] = printedRows('4').map(({ fields, cells }) => {
  const name = String(fields.method);
  return {
    name,
    onImageNet: fields.searchedOnImageNet === true,
    ...(name in HERE ? { here: HERE[name] } : {}),
    cells,
  };
});

/** "24.3 and 24.5". */
function printedErrors(method: string): string {
  return printedOf(method)
    .map(({ cells }) => cells.error.printed)
    .join(' and ');
}

/** What the paper prints of a method, or of a published genotype. */
function printedOf(method: string): PrintedLine[] {
  return PRINTED.filter(({ here }) => here === method);
}

const MILLION = 1e6;

/** The methods and published genotypes that occur, in the order in which tables show them. */
function methodsOf(runs: readonly TransferRun[]): string[] {
  return [...PUBLISHED, ...METHOD_IDS].filter((id) => runs.some(({ method }) => method === id));
}

function runsOf(runs: readonly TransferRun[], method: string): TransferRun[] {
  return runs.filter((run) => run.method === method).sort((a, b) => a.seed - b.seed);
}

/** The runs of a method that are trained. */
function trainedOf(runs: readonly TransferRun[], method: string): { run: TransferRun; trained: Trained }[] {
  return runsOf(runs, method).flatMap((run) => (run.trained ? [{ run, trained: run.trained }] : []));
}

/** Where the numbers of an error table come from. */
function imagesText({ photographs }: Transferred): string {
  return photographs === 'imagenet' ? 'ImageNet' : 'computed photographs, a stand-in for ImageNet';
}

function stateOf({ budget, parts: { done, of } }: Transferred): string {
  return `budget ${budget}${done < of ? `; ${done} of ${of} networks` : ''}`;
}

function tables(result: Transferred): Table[] {
  const anyTrained = result.runs.some(({ trained }) => trained !== null);
  return [countTable(result), ...(anyTrained ? [errorTable(result)] : []), printedTable(result)];
}

function countTable(result: Transferred): Table {
  const { runs, budget, missing } = result;
  return {
    title: `Networks for ImageNet, counted exactly: 14 cells, 48 channels, 224×224 (cells searched at budget ${budget})`,
    columns: [
      { key: 'method', title: 'cells' },
      { key: 'seed', title: 'seed', align: 'right' },
      { key: 'parameters', title: 'parameters', align: 'right' },
      { key: 'multiplyAdds', title: 'multiply-adds', align: 'right' },
      { key: 'skips', title: 'skips', align: 'right' },
      { key: 'printedParameters', title: 'printed (M)', align: 'right' },
      { key: 'printedMultiplyAdds', title: 'printed (M)', align: 'right' },
    ],
    rows: methodsOf(runs).flatMap((method) => {
      // Counts of published cells are the same for every seed.
      const own = isPublished(method) ? runsOf(runs, method).slice(0, 1) : runsOf(runs, method);
      const printed = isPublished(method) ? printedOf(method) : [];
      return own.map((run) => ({
        method: titleOf(method),
        seed: isPublished(method) ? null : run.seed,
        parameters: run.parameters.toLocaleString('en-US'),
        multiplyAdds: run.multiplyAdds.toLocaleString('en-US'),
        skips: run.skips,
        printedParameters: printed.length === 0 ? null : printed[0].cells.params.printed,
        printedMultiplyAdds: printed.length === 0 ? null : printed[0].cells.flops.printed,
      }));
    }),
    notes: [
      'Parameters without auxiliary head; multiply-adds of convolutions and linear layers for one image; skips: skip connections of both cells. Printed: parameters and multiply-adds in millions, in the paper’s Table 4.',
      'The counts are exact whatever the budget. The cells depend on it: those that a small search finds are not the paper’s.',
      ...missing,
    ],
  };
}

function errorTable(result: Transferred): Table {
  const { runs, baseline, photographs } = result;
  const spread = (values: readonly number[], digits: number): string => plusMinus(summarize(values), digits);
  return {
    title: `Top-1 error (%) on ${imagesText(result)} (${stateOf(result)})`,
    columns: [
      { key: 'method', title: 'cells' },
      { key: 'n', title: 'n', align: 'right' },
      { key: 'error', title: 'error (%)', align: 'right' },
      { key: 'best', title: 'best', align: 'right' },
      { key: 'bestEpoch', title: 'best-epoch error', align: 'right' },
      { key: 'parameters', title: 'parameters (k)', align: 'right' },
      { key: 'multiplyAdds', title: 'mult-adds (M)', align: 'right' },
      { key: 'search', title: 'search (s)', align: 'right' },
      { key: 'training', title: 'training (s)', align: 'right' },
    ],
    rows: methodsOf(runs).flatMap((method) => {
      const own = trainedOf(runs, method);
      if (own.length === 0) return [];
      const numbers = (value: (trained: Trained) => number): number[] =>
        own.map(({ trained }) => value(trained));
      const searches = own.flatMap(({ run }) => (run.search ? [run.search.seconds] : []));
      return [
        {
          method: titleOf(method),
          n: own.length,
          error: spread(
            numbers(({ errorPct }) => errorPct),
            2,
          ),
          best: fixed(Math.min(...numbers(({ errorPct }) => errorPct)), 2),
          bestEpoch: spread(
            numbers(({ bestEpoch }) => bestEpoch.errorPct),
            2,
          ),
          parameters: spread(
            numbers(({ parameters }) => parameters / 1e3),
            1,
          ),
          multiplyAdds: spread(
            numbers((trained) => trained.multiplyAdds / MILLION),
            2,
          ),
          search: searches.length === 0 ? null : spread(searches, 0),
          training: spread(
            numbers((trained) => trained.seconds),
            0,
          ),
        },
      ];
    }),
    notes: [
      ...(photographs === 'stand-in'
        ? [
            'The photographs of ImageNet are not here: these are computed images in its layout. The errors show which cells learn these better; they say nothing about ImageNet.',
          ]
        : []),
      'Of the network trained here, after its last epoch, mean ± standard deviation over searches, or over trainings of published cells; best: the lowest. Best-epoch error: the lowest of all epochs, chosen on the test images and therefore optimistic.',
      ...(baseline
        ? [
            `For comparison: a linear classifier on the same images ${fixed(baseline.errorPct, 1)}, chance ${fixed(100 - 100 / baseline.classes, 1)}.`,
          ]
        : []),
    ],
  };
}

/** Whether our errors may stand beside the paper's: its networks, trained as it does, on its photographs. */
function comparable({ budget, photographs }: Transferred): boolean {
  return budget === 'full' && photographs === 'imagenet';
}

function printedTable(result: Transferred): Table {
  const { runs, budget } = result;
  const beside = comparable(result);
  return {
    title: `Printed in the paper's Table 4${beside ? ', our errors in brackets' : ''}`,
    columns: [
      { key: 'name', title: 'method' },
      { key: 'here', title: 'here' },
      { key: 'flops', title: 'FLOPs (M)', align: 'right' },
      { key: 'params', title: 'parameters (M)', align: 'right' },
      { key: 'error', title: 'top-1 error (%)', align: 'right' },
      { key: 'cost', title: 'GPU days', align: 'right' },
    ],
    rows: PRINTED.map(({ name, onImageNet, here, cells }) => {
      const own = here === undefined ? [] : trainedOf(runs, here).map(({ trained }) => trained.errorPct);
      const error = cells.error.printed;
      return {
        name: `${name}${onImageNet ? ' †' : ''}`,
        here: here === undefined ? 'cited' : titleOf(here),
        flops: cells.flops?.printed ?? null,
        params: cells.params.printed,
        error: beside && own.length > 0 ? `${error} (${plusMinus(summarize(own), 2)})` : error,
        cost: cells.cost.printed,
      };
    }),
    notes: [
      'Cited: the paper takes the numbers from elsewhere, and the method is not run here. †: searched on ImageNet itself.',
      beside
        ? 'Ours: mean ± standard deviation of our networks; the paper’s are single ones.'
        : `The paper's networks are trained for 250 epochs on 1.28 million photographs; errors made at budget ${budget} are not comparable with these.`,
    ],
  };
}

/** Series of the charts. */
const GROUPS = ['printed', 'published cells', 'DARTS and what follows it', 'ZARTS', 'random search'] as const;
type Group = (typeof GROUPS)[number];

function groupOf(method: string): Group {
  return isPublished(method) ? 'published cells' : familyOf(method);
}

function groupColors(groups: readonly Group[]) {
  const there = GROUPS.filter((group) => groups.includes(group));
  return {
    field: 'group',
    type: 'nominal',
    scale: {
      domain: there,
      range: there.map((group) =>
        group === 'printed' ? '#9a9a9a' : PALETTE[(GROUPS.indexOf(group) + 2) % (GROUPS.length - 1)],
      ),
    },
    legend: { title: null, orient: 'bottom' },
  };
}

/** Parameters over multiply-adds: ours counted, the paper's as printed. */
function sizeChart({ runs, budget }: Transferred): Chart {
  const title = `Networks for ImageNet (cells searched at budget ${budget})`;
  const counted = methodsOf(runs).flatMap((method) => {
    const own = runsOf(runs, method);
    return (isPublished(method) ? own.slice(0, 1) : own).map((run) => ({
      group: groupOf(method),
      name: isPublished(method) ? method : '',
      network: `${titleOf(method)}${isPublished(method) ? '' : `, seed ${run.seed}`}`,
      multiplyAdds: run.multiplyAdds / MILLION,
      parameters: run.parameters / MILLION,
    }));
  });
  const printed = PRINTED.flatMap(({ name, here, cells }) =>
    here === undefined || cells.flops === undefined
      ? []
      : [
          {
            group: 'printed' as const,
            name: name.replace(' params', ''),
            network: `${name}, printed`,
            multiplyAdds: cells.flops.value,
            parameters: cells.params.value,
          },
        ],
  );
  const x = {
    field: 'multiplyAdds',
    type: 'quantitative',
    title: 'multiply-adds (M)',
    scale: { zero: false, padding: 30 },
  };
  const y = {
    field: 'parameters',
    type: 'quantitative',
    title: 'parameters (M)',
    scale: { zero: false, padding: 15 },
  };
  const values = [...printed, ...counted];
  return {
    name: 'size',
    title,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: title,
      title: {
        text: title,
        subtitle: 'counted exactly, each search a point; grey: as the paper prints them',
      },
      config: THEME,
      data: { values },
      width: 460,
      height: 300,
      layer: [
        {
          mark: { type: 'point', filled: true, size: 60, opacity: 0.85 },
          encoding: {
            x,
            y,
            color: groupColors(values.map(({ group }) => group)),
            tooltip: [
              { field: 'network' },
              { field: 'multiplyAdds', format: '.1f' },
              { field: 'parameters', format: '.2f' },
            ],
          },
        },
        {
          mark: { type: 'text', align: 'left', dx: 7, fontSize: 10 },
          encoding: { x, y, text: { field: 'name' } },
        },
      ],
    },
  };
}

function errorChart(result: Transferred): Chart {
  const { runs, budget } = result;
  const title = `Top-1 error (budget ${budget})`;
  const trained = methodsOf(runs).filter((method) => trainedOf(runs, method).length > 0);
  const x = {
    field: 'error',
    type: 'quantitative',
    title: 'test error (%)',
    scale: { zero: false, nice: true },
    axis: { tickCount: 6 },
  };
  const y = {
    field: 'cells',
    type: 'nominal',
    title: null,
    sort: trained.map(titleOf),
    axis: { grid: true },
  };
  const color = groupColors(trained.map(groupOf));
  return {
    name: 'errors',
    title,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: title,
      title: { text: title, subtitle: `on ${imagesText(result)}; points: each network; bars: means` },
      config: THEME,
      data: {
        values: trained.flatMap((method) =>
          trainedOf(runs, method).map(({ run, trained: { errorPct, parameters } }) => ({
            cells: titleOf(method),
            group: groupOf(method),
            seed: run.seed,
            error: Number(errorPct.toPrecision(6)),
            parameters,
          })),
        ),
      },
      width: 380,
      height: { step: 22 },
      layer: rowsWithMeans({
        x,
        y,
        color,
        tooltip: [
          { field: 'cells' },
          { field: 'seed' },
          { field: 'error', format: '.2f' },
          { field: 'parameters', format: ',d' },
        ],
      }),
    },
  };
}

function charts(result: Transferred): Chart[] {
  const anyTrained = result.runs.some(({ trained }) => trained !== null);
  return [sizeChart(result), ...(anyTrained ? [errorChart(result)] : [])];
}

// ---- Claims ----

/** The numbers that are printed as this one. */
function printedAs({ value, printed }: PrintedCell): readonly [number, number] {
  const half = 0.5 * 10 ** -(printed.split('.')[1] ?? '').length;
  return [value - half, value + half];
}

/** A claim on what was counted: it has no spread, and needs none. */
function countClaim(claim: {
  readonly id: string;
  readonly text: string;
  readonly statistic: string;
  readonly value: number;
  readonly between: readonly [number, number];
  readonly detail: string;
}): Claim {
  const { id, text, statistic, value, between, detail } = claim;
  return {
    id,
    text,
    verdict: value >= between[0] && value <= between[1] ? 'supported' : 'not supported',
    statistic: { name: statistic, value },
    n: 1,
    unit: 'network',
    interval: null,
    detail: `Counted, so that no interval is needed. ${detail}`,
  };
}

/** Claims on the printed counts of the one network whose cells are published. */
function countClaims(): Claim[] {
  const [{ name, cells }] = printedOf(REFERENCE);
  const counts = paperCounts(KNOWN_GENOTYPES[REFERENCE]);
  return [
    countClaim({
      id: 'count/parameters',
      text: `The network of ${name} has ${cells.params.printed} M parameters.`,
      statistic: `parameters (M) of ${REFERENCE}`,
      value: counts.parameters / MILLION,
      between: printedAs(cells.params),
      detail: 'Without the auxiliary head.',
    }),
    countClaim({
      id: 'count/multiply-adds',
      text: `The network of ${name} needs ${cells.flops.printed} M FLOPs.`,
      statistic: `multiply-adds (M) of ${REFERENCE}`,
      value: counts.multiplyAdds / MILLION,
      between: printedAs(cells.flops),
      detail:
        'Multiply-adds of convolutions and linear layers. The paper takes its number from elsewhere and does not say what it counts.',
    }),
  ];
}

/** Whether one kind of cells gives lower errors than another, seed by seed; on the photographs alone. */
function beatsOnPhotographs(
  result: Transferred,
  claim: { readonly id: string; readonly text: string; readonly better: string; readonly worse: string },
): Claim {
  const { id, text, better, worse } = claim;
  const statistic = `top-1 error (points of %), ${titleOf(worse)} less ${titleOf(better)}`;
  if (result.photographs !== 'imagenet') {
    const detail = 'The photographs of ImageNet are not here; computed ones do not decide a claim about it.';
    return undecided({ id, text, statistic, detail });
  }
  const others = trainedOf(result.runs, worse);
  const pairs = trainedOf(result.runs, better).flatMap(({ run, trained }) => {
    const other = others.find((each) => each.run.seed === run.seed);
    return other ? [{ a: other.trained, b: trained }] : [];
  });
  const values = pairs.map(({ a, b }) => a.errorPct - b.errorPct);
  return judge({
    id,
    text,
    statistic,
    values,
    region: { above: 0 },
    ...(pairs.length === 0 ? {} : { resolution: 100 / Math.min(...pairs.map(({ a }) => a.testImages)) }),
    unit: 'pair',
    detail: `Pairs have the seed in common${values.length === 0 ? '' : `; permutation test p = ${pairedTest(values).p.toPrecision(2)}`}.`,
  });
}

function claims(result: Transferred): Claim[] {
  const { runs, budget } = result;
  const zarts = runsOf(runs, 'mgs');
  const sizes = printedOf('mgs').map(({ cells }) => printedAs(cells.params));
  const region: Region = {
    between: [Math.min(...sizes.map(([low]) => low)), Math.max(...sizes.map(([, high]) => high))],
  };
  const ofBudget = budget === 'full' ? '' : ` The cells were searched at budget ${budget}.`;
  const reference = skipsOf(KNOWN_GENOTYPES[REFERENCE]);
  return [
    ...countClaims(),
    judge({
      id: 'size',
      text: `The networks of the cells that ZARTS finds have ${printedOf('mgs')
        .map(({ cells }) => cells.params.printed)
        .reverse()
        .join(' to ')} M parameters.`,
      statistic: 'parameters (M) of the networks of ZARTS-MGS',
      values: zarts.map(({ parameters }) => parameters / MILLION),
      region,
      detail: `The mean over the searches is judged, with half a unit of the last printed digit to either side.${ofBudget}`,
    }),
    judge({
      id: 'fewer-skips',
      text: 'The cells that ZARTS finds have fewer skip connections than those of DARTS.',
      statistic: 'skip connections in both cells of ZARTS-MGS',
      values: zarts.map(({ skips }) => skips),
      region: { below: reference },
      resolution: 1,
      detail: `${REFERENCE}, the published cells of DARTS, have ${reference}; cells drawn at random from the space ${fixed(chanceSkips(), 1)}.${ofBudget}`,
    }),
    beatsOnPhotographs(result, {
      id: `beats/${REFERENCE}`,
      text: `Transferred to ImageNet, the cells that ZARTS finds have lower errors than those of DARTS (in print ${printedErrors('mgs')} against ${printedErrors(REFERENCE)} %).`,
      better: 'mgs',
      worse: REFERENCE,
    }),
    ...(runs.some(({ method }) => method === 'random')
      ? [
          beatsOnPhotographs(result, {
            id: 'beats-random',
            text: 'The cells that ZARTS finds have lower errors than those of random search over architectures with shared weights (our question; the paper has no such baseline).',
            better: 'mgs',
            worse: 'random',
          }),
        ]
      : []),
  ];
}

/** Skip connections to be expected in both cells of a genotype whose operations are drawn evenly. */
function chanceSkips(): number {
  const KEPT = 8;
  const { edges } = spaceById('darts');
  return CELLS.reduce((sum, cell) => {
    const shares = edges[cell].map((edge) => {
      const derivable = edge.filter((op) => op !== 'none');
      return derivable.filter((op) => op === 'skip_connect').length / derivable.length;
    });
    return sum + (KEPT * shares.reduce((all, share) => all + share, 0)) / shares.length;
  }, 0);
}

/** Table 4. */
export const table4: Reproduction<Transferred, Transfer> = {
  id: 'table-4',
  title: 'Table 4: transfer to ImageNet',
  claim:
    'Cells that ZARTS finds on CIFAR-10 make better networks for ImageNet than those of DARTS, with as few parameters.',
  paper: Object.fromEntries(
    PRINTED.flatMap(({ name, cells }) =>
      Object.entries(cells).map(([column, { value }]) => [`${name} ${column}`, value]),
    ),
  ),
  protocols,
  deviations: transferDeviations,
  openSettings: (runs) => {
    const search = (runs.find(({ method }) => method === 'mgs') ?? runs.find((run) => run.search))?.search;
    const training = runs.find((run) => run.training)?.training;
    return [
      ...(search ? openSettings(search) : []),
      ...(training
        ? openEvaluationSettings(anyTrainingOf(training)).map(({ path, ...rest }) => ({
            path: `training.${path}`,
            ...rest,
          }))
        : []),
    ];
  },
  seconds,
  measure,
  tables,
  charts,
  claims,
};
