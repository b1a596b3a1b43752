import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import type { Chart } from '../../lib/report/spec.js';
import { textTable } from '../../lib/report/table.js';
import type { Table } from '../../lib/report/table.js';
import { spaceName } from '../../lib/search/protocol.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { cellsOf } from '../../reproductions/experiment.js';
import type { AnyCell, Axes, Cell, Experiment, Row, View } from '../../reproductions/experiment.js';
import { parseSet } from '../../reproductions/grid.js';
import type { Choices, GridOptions } from '../../reproductions/grid.js';
import type { RunKind, TrainingRow } from '../../reproductions/kinds.js';
import { movedAlphas } from './fakes.js';

/** The cells of an experiment, settings changed as on the command line. */
export function cellsWith<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  { set = [], ...options }: Omit<GridOptions, 'change'> & { readonly set?: readonly string[] },
): Cell<K, A>[] {
  return cellsOf(experiment, { ...options, change: parseSet(set) as never });
}

/** What a test decides of a made-up network. */
export type Numbers = Partial<Omit<TrainingRow, 'kind' | 'seed' | 'dataset' | 'space' | 'search'>> & {
  readonly errorPct: number;
};

/** A view of rows as if measured, with numbers that a test decides: the cells are real, nothing is run. */
export function fakeView<K extends RunKind, A extends Axes>(
  cells: readonly Cell<K, A>[],
  numbers: (row: A & Pick<TrainingRow, 'seed' | 'dataset' | 'space'>) => Numbers,
  /** Of the hand-made cells, by their edges without a convolution: told apart unless a test has them otherwise. */
  controlError: (edges: number, seed: number) => number = (edges, seed) => 35 + edges + 0.1 * (seed % 2),
  /** What a search ends with on the validation half, in nats; 0.4 less than with all operations weighed alike. */
  lossOf: (row: A & { readonly seed: number }) => number = ({ seed }) => 1.5 + 0.01 * (seed % 2),
): View<K, A> {
  const rows = (cells as readonly AnyCell[]).map(({ axes, run }) => {
    if (run.kind === 'linear') {
      const { seed, dataset } = run.evaluation;
      return {
        kind: run.kind,
        seed,
        dataset: dataset.name,
        seconds: 1,
        errorPct: 62.6,
        classes: 10,
        ...axes,
      };
    }
    if (run.kind === 'validation') {
      const { seed, supernet } = run.validation;
      const loss = lossOf({ ...axes, seed } as never);
      const losses = { loss, uniform: loss + 0.4 };
      return { kind: run.kind, seed, dataset: 'cifar10', search: supernet, seconds: 1, ...losses, ...axes };
    }
    if (run.kind !== 'training' && run.kind !== 'search') throw new Error(`no numbers for ${run.kind}`);
    const { search } = run;
    const own = run.kind === 'training' ? run.training : run.search;
    const place = {
      seed: own.seed,
      dataset: own.dataset.name,
      space: search ? spaceName(search) : 'darts',
    };
    const [, edges] = /^control\/(\d)$/.exec(String(axes.method)) ?? [];
    const made =
      edges === undefined
        ? numbers({ ...axes, ...place } as never)
        : { errorPct: controlError(Number(edges), own.seed) };
    return {
      kind: run.kind,
      ...place,
      ...(search ? { search, searchSeconds: 10, alpha: movedAlphas(search) } : {}),
      ...{ epochs: [], weightSteps: 160, fineTuneSteps: 512, alphaUpdates: 32 },
      genotype: KNOWN_GENOTYPES.DARTS_V2,
      testImages: 'testSize' in own.dataset ? own.dataset.testSize : 0,
      classes: 10,
      bestEpochErrorPct: made.errorPct - 0.5,
      noisePassesPct: place.space === 's4' ? made.errorPct + 0.1 : null,
      parameters: 50_000,
      multiplyAdds: 7_000_000,
      fullParameters: 3_349_342,
      seconds: 200,
      trainingSeconds: 200,
      coverage: 'official',
      ...axes,
      ...made,
    };
  });
  const of = cells.filter(({ run }) => run.kind !== 'linear').length;
  return {
    budget: budgetOf(cells[0]),
    rows: rows as unknown as Row<K, A>[],
    done: of,
    of,
    missing: [],
  };
}

function budgetOf({ run }: AnyCell): View['budget'] {
  if (run.kind === 'linear') return run.evaluation.budget;
  if (run.kind === 'training') return run.training.budget;
  if (run.kind === 'search') return run.search.budget;
  if (run.kind === 'validation') return run.validation.budget;
  throw new Error(`no budget of ${run.kind}`);
}

/** The view with its first networks alone, as if it were stopped. */
export function partOf<V extends View>(view: V, done: number): V {
  const linear = view.rows.filter(({ kind }) => kind === 'linear');
  const rest = view.rows.filter(({ kind }) => kind !== 'linear');
  return { ...view, rows: [...linear, ...rest.slice(0, done)], done };
}

/** What an experiment says of a view, by claim. */
export function verdictsOf<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  view: View<K, A>,
): Record<string, string> {
  return Object.fromEntries(experiment.claims(view).map(({ id, verdict }) => [id, verdict]));
}

/** A table's rows by what stands above their cells. */
export function titled({ columns, rows }: Table): Record<string, string | number | null>[] {
  return rows.map((row) => Object.fromEntries(columns.map(({ key, title }) => [title, row[key]])));
}

/** Every table prints, and prints numbers. */
export function printsWell(tables: readonly Table[]): void {
  for (const table of tables) expect(textTable(table)).not.to.match(/NaN|undefined/);
}

/** How many marks of a kind a chart draws. */
export async function marksIn({ spec }: Chart, role: string): Promise<number> {
  const svg = await chartSvg(spec);
  expect(svg).not.to.match(/NaN|Infinity|undefined/);
  return [...svg.matchAll(new RegExp(`aria-roledescription="${role}"`, 'g'))].length;
}

/** A cell pair with so many skip connections in either cell, and the operations in turn elsewhere. */
export function withSkips(count: number, ops: readonly Primitive[] = ['sep_conv_3x3']): Genotype {
  const { normal, reduce, ...rest } = KNOWN_GENOTYPES.DARTS_V2;
  const cell = (edges: Genotype['normal']): Genotype['normal'] =>
    edges.map(([, input], i) => [i < count ? 'skip_connect' : ops[i % ops.length], input]);
  return { ...rest, normal: cell(normal), reduce: cell(reduce) };
}

/** Keys of the finished runs of a home. */
export function finishedIn(home: string): string[] {
  const folder = join(home, 'runs');
  return readdirSync(folder).filter((key) => existsSync(join(folder, key, 'result.json')));
}

/** Files with results so far. */
export function soFarIn(home: string): string[] {
  const folder = join(home, 'results');
  return readdirSync(folder)
    .filter((name) => name.endsWith('-so-far.txt'))
    .map((name) => join(folder, name));
}
