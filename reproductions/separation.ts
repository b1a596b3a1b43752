/**
 * The control of every comparison of trained networks: whether their training tells cells of convolutions from cells without,
 * made by hand. Where it does not, errors say nothing of what searches find.
 */
import { meanDifference } from '../lib/analysis/comparison.js';
import { summarize } from '../lib/analysis/statistics.js';
import type { FileDatasetName } from '../lib/datasets/registry.js';
import { plusMinus } from '../lib/report/format.js';
import type { Table } from '../lib/report/table.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import type { Genotype, GenotypeEdge } from '../lib/spaces/genotype.js';
import type { SpaceId } from '../lib/spaces/spaces.js';
import { benchmarkKey } from './claims.js';
import type { MethodAxes, Separation } from './claims.js';
import { cross, distinct, groupBy, rowsOfKind } from './experiment.js';
import type { Axes, Cell, Row, Worth } from './experiment.js';
import type { Grid } from './grid.js';
import type { RunKind } from './kinds.js';
import { spaceText } from './methods.js';
import { controlsTable } from './together.js';
import type { Control } from './together.js';
import type { TrainingSettings } from './training.js';

/** Edges of a hand-made normal cell that have no convolution: what retraining must tell apart before it decides anything. */
const CONTROL_EDGES = [0, 4, 8] as const;

/** Seeds that each hand-made cell is trained with. */
const CONTROL_SEEDS = 4;

/** What a network of a hand-made cell is called among methods. */
const controlId = (edges: number): string => `control/${edges}`;

/** What a reader sees for a hand-made cell among methods; undefined for a method. */
export function controlTitle(id: string): string | undefined {
  const edges = CONTROL_EDGES.find((each) => controlId(each) === id);
  return edges === undefined ? undefined : `the hand-made cell of ${8 - edges} convolutions`;
}

/** A cell with that many edges of skip connections, in S4 of noise, the others separable convolutions of 3×3. */
function controlCell(space: SpaceId, edges: number): Genotype {
  const other = space === 's4' ? 'noise' : 'skip_connect';
  const cell = (count: number) =>
    Array.from({ length: 8 }, (_, i): GenotypeEdge => {
      // The first edge of each node before the second of any.
      const turn = Math.floor(i / 2) + 4 * (i % 2);
      return [turn < count ? other : 'sep_conv_3x3', i % 2];
    });
  const concat = [2, 3, 4, 5];
  return { normal: cell(edges), normalConcat: concat, reduce: cell(0), reduceConcat: concat };
}

/** A data set and a space. */
interface Place {
  readonly dataset: FileDatasetName;
  readonly space: SpaceId;
}

/**
 * The trainings of hand-made cells; equal ones, of spaces that train networks of one size, are one run: its axis names them all.
 */
export function controlCells(
  where: readonly Place[],
  { budget, seeds }: Pick<Grid, 'budget' | 'seeds'>,
  settings: (at: Place) => TrainingSettings,
): Cell<'training', MethodAxes>[] {
  // What runs in seconds decides nothing.
  const own = budget === 'smoke' ? [] : seeds.slice(0, CONTROL_SEEDS);
  const all = cross({ seed: own, where, edges: CONTROL_EDGES }).map(({ seed, where: at, edges: count }) => {
    const training = { ...settings(at), seed };
    const run = { kind: 'training', training, genotype: controlCell(at.space, count) } as const;
    return { count, space: at.space, run, id: canonicalJson(run) };
  });
  return groupBy(all, 'id').map(({ rows }) => ({
    axes: { method: controlId(rows[0].count), space: rows.map(({ space }) => space).join(' ') },
    run: rows[0].run,
  }));
}

/** Whether a row is that of a hand-made cell. */
export const isControl = (row: object): boolean =>
  'method' in row && typeof row.method === 'string' && row.method.startsWith('control/');

const trainedOf = (rows: readonly object[]) =>
  rowsOfKind(rows as readonly Row<'training' | 'linear', MethodAxes>[], 'training');

/** Whether a hand-made cell is one of a place's controls. */
const isControlOf = (
  { dataset, space }: { readonly dataset: string; readonly space: string },
  control: { readonly dataset: string; readonly space?: string | undefined },
): boolean => control.dataset === dataset && control.space!.split(' ').includes(space);

/** What training says of the hand-made cells of each benchmark, by {@link benchmarkKey}. */
export function separationsIn({
  rows,
}: {
  readonly rows: readonly object[];
}): ReadonlyMap<string, Separation> {
  const trained = trainedOf(rows);
  const controls = trained.filter(isControl);
  const benchmarks = trained.flatMap((row) =>
    isControl(row) ? row.space.split(' ').map((space) => ({ ...row, space })) : [row],
  );
  return new Map(
    groupBy(benchmarks, 'dataset', 'space').map(({ key }) => {
      const own = controls.filter((control) => isControlOf(key, control));
      const errors = CONTROL_EDGES.map((edges) =>
        own.filter(({ method }) => method === controlId(edges)).map(({ errorPct }) => errorPct),
      );
      return [benchmarkKey(key), separation(key, errors)];
    }),
  );
}

/**
 * Whether a network of a search is worth training: where its place's controls are all there, whether they passed; where it has
 * none, it is.
 */
export function worthTraining(
  controls: readonly Cell<'training', MethodAxes>[],
  place: Place,
): Worth | undefined {
  const own = controls.filter(({ axes, run }) =>
    isControlOf(place, { ...axes, dataset: run.training.dataset.name }),
  );
  if (own.length === 0) return undefined;
  return (rows) => {
    const there = trainedOf(rows).filter((row) => isControl(row) && isControlOf(place, row));
    if (there.length < own.length) return undefined;
    // One that cannot be told by so few seeds keeps nothing from being trained.
    return separationsIn({ rows: there }).get(benchmarkKey(place))?.passed !== false;
  };
}

/** The table of such controls, where there are any. @param others  What else must be seen. */
export function separationTable(
  view: { readonly rows: readonly object[] },
  others: readonly Control[] = [],
): Table[] {
  const controls = [...separationsIn(view).values(), ...others];
  return controls.some(({ passed }) => passed !== undefined) ? [controlsTable(controls)] : [];
}

/** That there are such controls among cells, in a sentence; none where there are not. */
export function separationSentence(cells: readonly Cell<RunKind, Axes>[]): string | false {
  const seeds = cells.flatMap(({ axes, run }) =>
    isControl(axes) && run.kind === 'training' ? [run.training.seed] : [],
  );
  return (
    seeds.length > 0 &&
    `Controls: networks of hand-made normal cells with ${CONTROL_EDGES.join(', ')} edges without a convolution, ${distinct(seeds).length} each, trained like those found.`
  );
}

function separation(
  { space }: Pick<Separation, 'space'>,
  errors: readonly (readonly number[])[],
): Separation {
  const what = space === 's4' ? 'noise edges' : 'skip connections';
  const [fewest, , most] = CONTROL_EDGES;
  const text = `Training tells cells with ${most} ${what} from cells with ${fewest === 0 ? 'none' : fewest} in ${spaceText(space)}: they err more, by more than seeds scatter`;
  if (errors.some((each) => each.length < 2)) {
    return { text, found: 'their networks are not trained here', passed: undefined, points: 0, space };
  }
  const [none, half, all] = errors;
  // With noise alone a network guesses, which is worth many times what is between the cells that searches find.
  const steps = [none, half].map(
    (fewer, i) => meanDifference([{ first: [half, all][i], second: fewer }]).difference,
  );
  const { difference, interval } = meanDifference([{ first: all, second: none }]);
  const scatter = Math.sqrt(errors.reduce((sum, each) => sum + summarize(each).std! ** 2, 0) / errors.length);
  return {
    text,
    found: `errors with ${CONTROL_EDGES.join(', ')}: ${errors.map((each) => plusMinus(summarize(each), 2)).join(', ')} %`,
    passed: interval![0] > 0 && difference > scatter,
    points: Math.min(...steps.map(Math.abs)),
    space,
  };
}
