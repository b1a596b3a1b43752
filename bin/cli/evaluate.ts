import { join, resolve } from 'node:path';
import { summarize } from '../../lib/analysis/statistics.js';
import { placeOf } from '../../lib/datasets/disk.js';
import { PHOTO_DATASETS } from '../../lib/datasets/registry.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { countNetwork, multiplyAdds } from '../../lib/evaluation/count.js';
import type { Exported } from '../../lib/evaluation/export.js';
import {
  evaluationBudget,
  evaluationDeviations,
  fullEvaluation,
  linearBaseline,
  openEvaluationSettings,
} from '../../lib/evaluation/presets.js';
import { EVALUATION } from '../../lib/evaluation/protocol.js';
import type { EvaluationProtocol } from '../../lib/evaluation/protocol.js';
import type { EvaluationImageOptions, FinishedEvaluation } from '../../lib/evaluation/run.js';
import type { TrainingEpoch } from '../../lib/evaluation/train.js';
import { fixed, plusMinus } from '../../lib/report/format.js';
import { describeSeconds, terminalProgress } from '../../lib/report/progress-terminal.js';
import { runsHome } from '../../lib/runs/home.js';
import { openRun } from '../../lib/runs/store.js';
import { applyChange, parseSet } from '../../lib/settings.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { fetchImages, imageDeviations, imagesText, photosThere } from './data.js';
import type { PhotoCount } from './data.js';
import { readGenotype } from './genotype.js';
import type { GenotypeOptions, NamedGenotype } from './genotype.js';
import { knownBudget, wholeNumber } from './options.js';
import type { ExperimentOptions } from './options.js';
import { interruptible } from './signals.js';
import { bulletList, print, printJson, shortPath, tableOf, textWidth, wrap } from './text.js';

/** The options of `zarts evaluate`. */
export interface EvaluateCommandOptions extends ExperimentOptions, GenotypeOptions {
  readonly preset?: string;
  readonly dataset?: string;
  readonly space?: string;
  readonly seed: string;
  readonly seeds: string;
  /** false: without the linear baseline. */
  readonly baseline: boolean;
  readonly export?: string;
  /** Side in pixels that ImageNet's photographs are shrunk to beforehand. */
  readonly prepare?: string;
  readonly skipUndecodable?: boolean;
  readonly eager?: boolean;
}

/** Seeds that an evaluation may be repeated with: each repeat is a whole training. */
const MOST_SEEDS = 1000;

/** The spaces whose genotypes Table 2 retrains. */
const TABLE_2_SPACES = ['s1', 's2', 's3', 's4'];

/**
 * The protocols that the options of `zarts evaluate` describe, one a seed, checked whole. What a run was searched on and in
 * which space decides preset and data set where the options do not.
 *
 * @param there  How many images a folder of one's own has.
 * @throws {UsageError} for an unknown preset, data set, budget or setting, and a value out of range.
 */
export function evaluationProtocols(
  { genotype, space: own, dataset: searchedOn }: NamedGenotype,
  options: EvaluateCommandOptions,
  there?: PhotoCount,
): EvaluationProtocol[] {
  const space = options.space ?? own;
  const images = options.dataset ?? searchedOn;
  const preset =
    options.preset ??
    (isPhotos(images)
      ? 'imagenet'
      : space !== undefined && TABLE_2_SPACES.includes(space)
        ? 'table-2'
        : genotype.skeleton === 'stages'
          ? 'nb201'
          : 'darts-space');
  // The preset for photographs has its own where those of the search are none.
  const dataset =
    options.dataset ?? (preset === 'imagenet' && !isPhotos(searchedOn) ? undefined : searchedOn);
  const full = fullEvaluation(genotype, {
    ...(there ? { there } : {}),
    preset,
    ...(dataset === undefined ? {} : { dataset }),
    ...(space === undefined ? {} : { space }),
  });
  const first = wholeNumber('--seed', options.seed, 0, Number.MAX_SAFE_INTEGER - MOST_SEEDS);
  const seeds = wholeNumber('--seeds', options.seeds, 1, MOST_SEEDS);
  const derived = evaluationBudget(full, knownBudget(options.budget));
  const given = (options.set ?? []).find((each) => /^\s*seed\s*=/.test(each));
  if (given !== undefined) throw new UsageError('seed cannot be set: choose it with --seed.');
  return Array.from({ length: seeds }, (_, i) =>
    applyChange(EVALUATION, derived, parseSet([`seed=${first + i}`, ...(options.set ?? [])])),
  );
}

/** Whether a name is that of a data set of photographs. */
const isPhotos = (name: string | undefined): boolean => PHOTO_DATASETS.some((each) => each === name);

/** @throws {UsageError} for an option on photographs where the images are none that are read from files. */
function checkPhotoOptions(
  dataset: string,
  { data, prepare, skipUndecodable }: EvaluateCommandOptions,
): void {
  const computed = placeOf({ data }).synthetic;
  if (isPhotos(dataset) && !computed) return;
  const option = prepare === undefined ? (skipUndecodable ? '--skip-undecodable' : undefined) : '--prepare';
  if (option === undefined) return;
  throw new UsageError(
    `${option} is for files of photographs (imagenet, folder), and ${computed ? 'computed images' : `the images of ${dataset}`} are none: leave it out.`,
  );
}

/** Everything that `zarts evaluate` found. */
interface Evaluated {
  readonly named: NamedGenotype;
  readonly runs: readonly FinishedEvaluation[];
  readonly baseline: FinishedEvaluation | null;
  readonly exported: readonly Exported[];
}

/** Exports the networks of all seeds: one into the folder itself, several into a folder each. */
async function exportRuns(
  runs: readonly FinishedEvaluation[],
  folder: string,
  data: EvaluationImageOptions,
): Promise<Exported[]> {
  const { exportTrained } = await import('../../lib/evaluation/export.js');
  const { evaluationImages } = await import('../../lib/evaluation/run.js');
  const exported: Exported[] = [];
  for (const { protocol, result, key } of runs) {
    const images = await evaluationImages(protocol, data);
    const trained = openRun({ protocol, dataDigest: images.digest }).latestCheckpoint();
    if (trained?.step !== result.steps) {
      throw new ZartsError(
        `The trained weights of run ${key} are gone from its folder; delete ${shortPath(join(runsHome(), key))} and run again to train it anew.`,
      );
    }
    const to = runs.length === 1 ? folder : join(folder, `seed-${protocol.seed}`);
    exported.push(await exportTrained(protocol, trained, images, resolve(to)));
  }
  return exported;
}

/** Runs `zarts evaluate`. @returns the exit code. */
export async function evaluateCommand(argument: string, options: EvaluateCommandOptions): Promise<number> {
  const named = readGenotype(argument, options);
  const there = await photosThere(options.dataset ?? named.dataset, options.data);
  const protocols = evaluationProtocols(named, options, there);
  checkPhotoOptions(protocols[0].dataset.name, options);
  const { runEvaluation } = await import('../../lib/evaluation/run.js');
  const progress = terminalProgress({ quiet: options.quiet ?? false });
  const data = {
    ...(options.data === undefined ? {} : { data: options.data }),
    ...(options.prepare === undefined
      ? {}
      : { prepare: wholeNumber('--prepare', options.prepare, 32, 4096) }),
    ...(options.skipUndecodable ? { onUndecodable: 'skip' as const } : {}),
  };
  const evaluated = await interruptible(async (signal): Promise<Evaluated> => {
    await fetchImages(protocols[0], { progress, signal, ...data });
    signal.throwIfAborted();
    const run = (protocol: EvaluationProtocol) =>
      runEvaluation(protocol, { progress, signal, compile: !options.eager, ...data });
    const runs: FinishedEvaluation[] = [];
    for (const protocol of protocols) runs.push(await run(protocol));
    const wanted = options.baseline && protocols[0].budget !== 'full';
    const baseline = wanted ? await run(linearBaseline(protocols[0])) : null;
    const exported = options.export === undefined ? [] : await exportRuns(runs, options.export, data);
    return { named, runs, baseline, exported };
  });
  if (options.json) printJson(evaluationDocument(evaluated));
  else print(describeEvaluated(evaluated));
  return 0;
}

/** Test errors of the seeds: of the last epoch, and of the best one on the test images. */
function summaryOf(runs: readonly FinishedEvaluation[]) {
  return {
    finalErrorPct: summarize(runs.map(({ result }) => result.test.errorPct)),
    bestSeedErrorPct: Math.min(...runs.map(({ result }) => result.test.errorPct)),
    bestEpochErrorPct: summarize(runs.map(({ result }) => result.best.errorPct)),
  };
}

/** Parameters without auxiliary head and multiply-adds of what a protocol trains. */
function sizeOf({ protocol, result }: FinishedEvaluation, classes: number) {
  const { network, dataset } = protocol;
  if (network.kind === 'linear') return { parameters: result.trainedParameters, multiplyAdds: null };
  const side = { height: dataset.imageSide, width: dataset.imageSide };
  const counts = countNetwork(network.genotype, { ...network, classes }, side).network;
  return { parameters: counts.parameters, multiplyAdds: multiplyAdds(counts) };
}

/** What `--json` prints: all but `provenance` is the same whenever and wherever on this machine it is run. */
function evaluationDocument({ named, runs, baseline, exported }: Evaluated): object {
  const document = ({ key, protocol, result, provenance }: FinishedEvaluation) => ({
    key,
    protocol,
    result,
    provenance,
  });
  return {
    name: named.name,
    ...(named.note === undefined || named.limited ? {} : { note: named.note }),
    genotype: printGenotype(named.genotype),
    ...sizeOf(runs[0], runs[0].result.classes),
    summary: summaryOf(runs),
    evaluations: runs.map(document),
    baseline: baseline && document(baseline),
    deviations: allDeviations(named, runs[0]),
    openSettings: openEvaluationSettings(runs[0].protocol),
    ...(exported.length === 0 ? {} : { exported }),
  };
}

function allDeviations(named: NamedGenotype, { protocol, provenance }: FinishedEvaluation): string[] {
  const { coverage, prepared, undecodable = {} } = provenance.data;
  const passedOver = Object.keys(undecodable);
  const told = imageDeviations(coverage);
  if (prepared) {
    told.push(
      `The photographs were shrunk beforehand, to a shorter side of ${prepared.shorter} pixels (JPEGs of quality ${prepared.quality}); crops are cut from those.`,
    );
  }
  if (passedOver.length > 0) {
    told.push(
      `${passedOver.length} photographs that cannot be decoded were passed over: ${passedOver.slice(0, 5).join(', ')}${passedOver.length > 5 ? ', …' : ''}.`,
    );
  }
  const limits = named.limited && named.note !== undefined ? [named.note] : [];
  return [...limits, ...told, ...evaluationDeviations(protocol)];
}

function describeEvaluated({ named, runs, baseline, exported }: Evaluated): string[] {
  const [first] = runs;
  const { protocol, result, provenance } = first;
  const { dataset, network, preset, budget } = protocol;
  const { data } = provenance;
  const { parameters, multiplyAdds } = sizeOf(first, result.classes);
  const shape =
    network.kind === 'genotype' ? `${network.cells} cells, ${network.channels} channels` : 'linear';
  const number = (value: number): string => value.toLocaleString('en-US');
  return [
    `Training ${named.name} from scratch, preset ${preset}, budget ${budget}, ${runs.length} seed${runs.length === 1 ? '' : 's'}`,
    ...wrap(
      `${number(dataset.trainSize)} training and ${number(dataset.testSize)} test ${imagesText(data)} of ${dataset.imageSide}×${dataset.imageSide}; ${shape}, ${number(parameters)} parameters${multiplyAdds === null ? '' : `, ${number(multiplyAdds)} multiply-adds`}${result.trainedParameters === parameters ? '' : ` (${number(result.trainedParameters)} parameters in training, with the auxiliary head)`}`,
      textWidth(),
    ),
    ...(named.note === undefined || named.limited ? [] : wrap(named.note, textWidth())),
    '',
    epochTable(result.epochs, protocol.seed),
    '',
    seedTable(runs, baseline),
    '',
    ...bulletList("What it does otherwise than the paper's retraining:", allDeviations(named, first)),
    '',
    ...runs.map(({ key, known, provenance: { seconds, imagesPerSecond } }) => {
      const speed = `${number(Math.round(imagesPerSecond))} images/s`;
      return `${known ? 'Computed before' : 'Computed'}, in ${describeSeconds(seconds)} (${speed}); kept in ${shortPath(join(runsHome(), key))}`;
    }),
    ...exported.map(({ folder, files, largestDifference }) => {
      const checked = largestDifference
        ? `; read back, its class scores differ by at most ${Math.max(...Object.values(largestDifference)).toExponential(1)}`
        : '; not compared, since its noise never repeats itself';
      return `Exported to ${shortPath(folder)}: ${files.join(', ')}${checked}`;
    }),
    '',
    printGenotype(named.genotype),
  ];
}

/** The rows of a long table that are shown: at most about twenty, the last included. */
function sampled<T>(rows: readonly T[]): T[] {
  const every = Math.ceil(rows.length / 20);
  return rows.filter((_, i) => (i + 1) % every === 0 || i === rows.length - 1);
}

const percent = (value: number): string => `${fixed(value, 2)} %`;

function epochTable(epochs: readonly TrainingEpoch[], seed: number): string {
  return tableOf(`Epochs of seed ${seed}; losses in nats`, sampled(epochs), {
    epoch: ({ epoch }) => epoch + 1,
    'learning rate': ({ lr }) => fixed(lr, 5),
    'drop path': ({ dropPath }) => fixed(dropPath, 3),
    'train loss': ({ trainLoss }) => fixed(trainLoss, 3),
    'train accuracy': ({ trainAccuracy }) => `${fixed(100 * trainAccuracy, 1)} %`,
    'test loss': ({ test }) => fixed(test.loss, 3),
    'test error': ({ test }) => percent(test.errorPct),
  });
}

function seedTable(runs: readonly FinishedEvaluation[], baseline: FinishedEvaluation | null): string {
  const { finalErrorPct, bestEpochErrorPct } = summaryOf(runs);
  // Chance is among the classes that occur.
  const classes = runs[0].provenance.data.classes?.occurring ?? runs[0].result.classes;
  const row = (name: string, { result }: FinishedEvaluation) => ({
    '': name,
    'last epoch': percent(result.test.errorPct),
    'best epoch': `${percent(result.best.errorPct)} (epoch ${result.best.epoch + 1})`,
    'top 5': result.test.top5ErrorPct === null ? null : percent(result.test.top5ErrorPct),
    'over noise draws': result.noisePasses ? `${plusMinus(summarize(result.noisePasses), 2)} %` : null,
  });
  const none = { 'best epoch': null, 'top 5': null, 'over noise draws': null };
  const mean = {
    ...none,
    '': 'mean ± std',
    'last epoch': `${plusMinus(finalErrorPct, 2)} %`,
    'best epoch': `${plusMinus(bestEpochErrorPct, 2)} %`,
  };
  const chance = {
    ...none,
    '': 'chance',
    'last epoch': percent(100 * (1 - 1 / classes)),
    'top 5': classes > 5 ? percent(100 * (1 - 5 / classes)) : null,
  };
  const rows = [
    ...runs.map((run) => row(`seed ${run.protocol.seed}`, run)),
    ...(runs.length > 1 ? [mean] : []),
    ...(baseline ? [row('linear classifier', baseline)] : []),
    chance,
  ];
  const titles = Object.keys(rows[0]) as (keyof ReturnType<typeof row>)[];
  const columns = Object.fromEntries(
    titles.map((title) => [title, (each: (typeof rows)[number]) => each[title]]),
  );
  const optimistic =
    'The best epoch is chosen on the test images, as the released code reports it, and therefore optimistic.';
  return tableOf('Test errors: the last epoch’s is the result', rows, columns, {
    left: [''],
    notes: [optimistic],
  });
}
