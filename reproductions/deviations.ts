/** What runs do otherwise than the paper, and what the paper leaves open: sentences for every kind of run. */
import { evaluationDeviations, openEvaluationSettings } from '../lib/evaluation/presets.js';
import { deviations, openSettings } from '../lib/search/presets.js';
import type { SourcedSetting } from '../lib/search/presets.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { solverId } from '../lib/search/solver-id.js';
import type { AnyCell } from './experiment.js';
import { distinct, groupBy } from './experiment.js';
import type { Run } from './kinds.js';
import { anyTrainingOf } from './training.js';
import type { TrainingSettings } from './training.js';

/** A group of runs and what they do otherwise than what they follow. */
interface Deviating {
  readonly title: string;
  readonly sentences: readonly string[];
}

/**
 * The sentences of all groups, each once: what only some groups do is said of those. A setting is the same deviation
 * whosever value it departs from.
 */
export function mergedDeviations(groups: readonly Deviating[]): string[] {
  const subject = (sentence: string): string => sentence.split(';')[0];
  const merged = new Map<string, string>();
  for (const sentence of groups.flatMap((group) => group.sentences)) {
    const about = subject(sentence);
    if (merged.has(about)) continue;
    const whose = groups.filter(({ sentences }) => sentences.some((other) => subject(other) === about));
    const prefix = whose.length === groups.length ? '' : `${whose.map(({ title }) => title).join(', ')}: `;
    merged.set(about, prefix + sentence);
  }
  return [...merged.values()];
}

/** The search of a run; undefined where there is none. */
export function searchOf(run: Run): SearchProtocol | undefined {
  switch (run.kind) {
    case 'search':
    case 'training':
      return run.search;
    case 'landscape':
      return run.landscape.supernet;
    case 'path':
      return run.path.landscape.supernet;
    case 'condition':
      return run.condition.landscape.supernet;
    case 'spectrum':
      return run.spectrum.landscape.supernet;
    default:
      return undefined;
  }
}

/** Those sentences that hold: a condition that does not is no sentence. */
export function sentences(...all: readonly (string | false | readonly string[])[]): string[] {
  return all.flatMap((each) => (each === false ? [] : each));
}

/**
 * What the searches of cells do otherwise than the paper's, groups told apart by their title.
 *
 * @param titleOf  What a cell's group is called; cells with the same title are the same search but for the seed.
 * @param neutral  The search without what the experiment varies on purpose.
 */
export function searchDeviations<C extends AnyCell>(
  cells: readonly C[],
  titleOf: (cell: C) => string,
  neutral: (search: SearchProtocol) => SearchProtocol = (search) => search,
): string[] {
  const searched = cells.flatMap((cell) => {
    const search = searchOf(cell.run);
    return search ? [{ title: titleOf(cell), search }] : [];
  });
  return mergedDeviations(
    groupBy(searched, 'title').map(({ key, rows }) => ({
      title: key.title,
      sentences: deviations(neutral(rows[0].search)),
    })),
  );
}

/** What the trainings of cells do otherwise than the paper's, benchmarks told apart. */
export function trainingDeviations<C extends AnyCell>(
  cells: readonly C[],
  titleOf: (cell: C) => string = () => '',
): string[] {
  const trained = cells.flatMap((cell) =>
    cell.run.kind === 'training' ? [{ title: titleOf(cell), training: cell.run.training }] : [],
  );
  return mergedDeviations(
    groupBy(trained, 'title').map(({ key, rows }) => ({
      title: key.title,
      sentences: evaluationDeviations(anyTrainingOf(rows[0].training)),
    })),
  ).map((sentence) => `Training: ${sentence}`);
}

/** Independent repeats of cells. */
export function seedsOf(cells: readonly AnyCell[]): number {
  return distinct(cells.map(({ run }) => seedOf(run))).length;
}

function seedOf(run: Run): number {
  switch (run.kind) {
    case 'search':
      return run.search.seed;
    case 'training':
      return run.training.seed;
    case 'linear':
      return run.evaluation.seed;
    case 'landscape':
      return run.landscape.seed;
    case 'path':
      return run.path.seed;
    case 'condition':
      return run.condition.seed;
    case 'spectrum':
      return run.spectrum.seed;
    case 'toy':
      return run.toy.seed;
  }
}

/** "3 searches". */
export function several(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** Settings of the runs that the paper leaves open: the search's by MGS where there is one, and a training's. */
export function openSettingsOf(cells: readonly AnyCell[]): SourcedSetting[] {
  const searches = cells.flatMap(({ run }) => searchOf(run) ?? []);
  const search = searches.find((each) => solverId(each) === 'mgs') ?? searches[0];
  const training = cells.flatMap(({ run }): TrainingSettings[] =>
    run.kind === 'training' ? [run.training] : [],
  )[0];
  return [
    ...((search as SearchProtocol | undefined) ? openSettings(search) : []),
    ...((training as TrainingSettings | undefined)
      ? openEvaluationSettings(anyTrainingOf(training)).map(({ path, ...rest }) => ({
          path: `training.${path}`,
          ...rest,
        }))
      : []),
  ];
}
