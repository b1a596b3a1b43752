/** What runs do otherwise than the paper, and what the paper leaves open: sentences for every kind of run. */
import { evaluationDeviations, openEvaluationSettings } from '../lib/evaluation/presets.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { deviations, openSettings } from '../lib/search/presets.js';
import type { SourcedSetting } from '../lib/search/presets.js';
import { spaceName } from '../lib/search/protocol.js';
import type { SearchProtocol } from '../lib/search/protocol.js';
import { solverId } from '../lib/search/solvers.js';
import type { AnyCell } from './experiment.js';
import { distinct, groupBy } from './experiment.js';
import { ownProtocol, searchOf } from './kinds.js';
import { anyTrainingOf } from './training.js';

/**
 * What the runs of cells do otherwise than what they follow, each sentence once: what only some groups do is said of those. A
 * setting is the same deviation whosever value it departs from, as long as that is the same.
 */
function mergedDeviations<C extends AnyCell, T extends { readonly seed: number }>(
  cells: readonly C[],
  titleOf: (cell: C) => string,
  protocolOf: (cell: C) => T | undefined,
  sentencesOf: (protocol: T, cell: C) => readonly string[],
): string[] {
  const runs = cells.flatMap((cell) => {
    const protocol = protocolOf(cell);
    const settings = canonicalJson({ ...protocol, seed: 0 });
    return protocol ? [{ title: titleOf(cell), settings, protocol, cell }] : [];
  });
  // Repeats have the same settings; those of one title in several spaces need not.
  const different = groupBy(runs, 'title', 'settings').map(({ rows: [run] }) => run);
  const groups = groupBy(different, 'title').map(({ key: { title }, rows }) => ({
    title,
    sentences: distinct(rows.flatMap(({ protocol, cell }) => sentencesOf(protocol, cell))),
  }));
  const subject = (sentence: string): string => sentence.replace(/; .*? (has|have|is|searches) /, '; ');
  const merged = new Map<string, string>();
  for (const sentence of groups.flatMap((group) => group.sentences)) {
    const about = subject(sentence);
    if (merged.has(about)) continue;
    const whose = groups.filter((group) => group.sentences.some((other) => subject(other) === about));
    const others = groups.filter((group) => !whose.includes(group));
    const named = others.length < whose.length / 2 ? others : whose;
    const titles = named.map(({ title }) => title).join(', ');
    const prefix = others.length === 0 ? '' : `${named === others ? 'All but ' : ''}${titles}: `;
    merged.set(about, prefix + sentence);
  }
  return [...merged.values()];
}

/** Those sentences that hold: a condition that does not is no sentence. */
export function sentences(...all: readonly (string | false | readonly string[])[]): string[] {
  return all.flatMap((each) => (each === false ? [] : each));
}

/**
 * What the searches of cells do otherwise than the paper's, groups told apart by their title.
 *
 * @param titleOf      What a cell's group is called.
 * @param sentencesOf  What one search does otherwise, but for what the experiment varies on purpose.
 */
export function searchDeviations<C extends AnyCell>(
  cells: readonly C[],
  titleOf: (cell: C) => string,
  sentencesOf: (search: SearchProtocol) => readonly string[] = (search) => deviations(search),
): string[] {
  return mergedDeviations(cells, titleOf, ({ run }) => searchOf(run), sentencesOf);
}

/** What the trainings of cells do otherwise than the paper's of a network from the same space, benchmarks told apart. */
export function trainingDeviations<C extends AnyCell>(
  cells: readonly C[],
  titleOf: (cell: C) => string = () => '',
): string[] {
  return mergedDeviations(
    cells,
    titleOf,
    ({ run }) => (run.kind === 'training' ? run.training : undefined),
    (training, { axes, run }) => {
      const search = searchOf(run);
      const space = 'space' in axes ? String(axes.space) : search && spaceName(search);
      return evaluationDeviations(anyTrainingOf(training), space);
    },
  ).map((sentence) => `Training: ${sentence}`);
}

/** Independent repeats of cells. */
export function seedsOf(cells: readonly AnyCell[]): number {
  return distinct(cells.map(({ run }) => ownProtocol(run).seed)).length;
}

/** That there are not as many searches as in the paper. */
export function seedsDeviation(cells: readonly AnyCell[], where: string, printed: number | undefined) {
  const seeds = seedsOf(cells);
  return seeds !== printed && `${several(seeds, 'search', 'searches')} ${where}; the paper has ${printed}.`;
}

/** "a, b and c". */
export const listText = (names: readonly string[]): string =>
  [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');

/** "3 searches". */
export function several(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** Settings of the runs that the paper leaves open: the search's by MGS where there is one, and a training's. */
export function openSettingsOf(cells: readonly AnyCell[]): SourcedSetting[] {
  const searches = cells.flatMap(({ run }) => searchOf(run) ?? []);
  const search = searches.find((each) => solverId(each) === 'mgs') ?? searches.at(0);
  const training = cells.flatMap(({ run }) => (run.kind === 'training' ? [run.training] : [])).at(0);
  const open = training ? openEvaluationSettings(anyTrainingOf(training)) : [];
  return [
    ...(search ? openSettings(search) : []),
    ...open.map((setting) => ({ ...setting, path: `training.${setting.path}` })),
  ];
}
