import type { EpochRecord } from '../../lib/search/epoch.js';
import { spaceOf } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { alphaSize } from '../../lib/spaces/spaces.js';
import { cellsOf, viewOf } from '../../reproductions/experiment.js';
import type { Axes, Cell, Experiment, MeasuredCell, View } from '../../reproductions/experiment.js';
import type { Change, Choices, GridOptions } from '../../reproductions/grid.js';
import { partsOf } from '../../reproductions/kinds.js';
import type { KeptRun, RunKind } from '../../reproductions/kinds.js';
import { table1 } from '../../reproductions/table-1-solvers.js';

/** What a made-up search found. */
export interface FakeSearch {
  readonly genotype?: Genotype;
  /** The final alphas; when left out those of an edge lie three apart. */
  readonly alpha?: readonly number[];
  readonly seconds?: number;
  /** The processor that it was timed on. */
  readonly processor?: string;
  /** What an epoch has otherwise than a plain one; counted from 1. */
  readonly epoch?: (epoch: number) => Partial<EpochRecord>;
}

/** What a made-up training found: a number is the error in percent. */
export interface FakeTraining {
  readonly errorPct: number;
  readonly bestEpochErrorPct?: number;
  readonly noisePasses?: readonly number[];
  readonly seconds?: number;
  readonly classes?: number;
  readonly coverage?: string;
}

/** Numbers that a test decides, for each cell of an experiment. */
export interface Fake {
  readonly search?: FakeSearch;
  readonly training?: FakeTraining;
  /** The result of a run of any other kind. */
  readonly result?: object;
}

const DATA = { name: 'synthetic', coverage: 'synthetic', digest: '0' };

/** Alphas that have moved: those of an edge lie three apart. */
export const movedAlphas = (search: SearchProtocol): number[] =>
  Array.from({ length: alphaSize(spaceOf(search)) }, (_, i) => 3 * (i % 2));

function searchResult(protocol: SearchProtocol, { genotype, alpha, epoch = () => ({}) }: FakeSearch) {
  const { epochs, warmupEpochs } = protocol;
  return {
    genotype: genotype ?? KNOWN_GENOTYPES.DARTS_V1,
    alpha: alpha ?? movedAlphas(protocol),
    supernetParameters: 1000,
    epochs: Array.from({ length: epochs }, (_, i): EpochRecord => {
      const active = i >= warmupEpochs;
      return {
        epoch: i,
        lr: 0.01,
        sigma: active ? 0.1 : null,
        trainLoss: 2,
        trainAccuracy: 0.2,
        updates: active ? 4 : 0,
        candidateLoss: active ? 2 + protocol.seed / 100 : null,
        ess: null,
        esr: null,
        cosine: active ? 0.5 : null,
        updateNorm: active ? 0.1 : null,
        ...(active ? epoch(i + 1) : {}),
      };
    }),
  };
}

function trainingResult({ errorPct, bestEpochErrorPct = errorPct, noisePasses, classes = 10 }: FakeTraining) {
  return {
    test: { errorPct },
    best: { epoch: 0, errorPct: bestEpochErrorPct },
    noisePasses: noisePasses ?? null,
    classes,
  };
}

/** The cells as if measured: their protocols are real, nothing is run. A linear classifier errs on 62.6 % unless told. */
export function fakeRuns<K extends RunKind, A extends Axes>(
  cells: readonly Cell<K, A>[],
  fakeOf: (cell: Cell<K, A>) => Fake,
): MeasuredCell[] {
  return cells.map((cell): MeasuredCell => {
    const {
      search = {},
      training = { errorPct: cell.run.kind === 'linear' ? 62.6 : 40 },
      result,
    } = fakeOf(cell);
    const kept: KeptRun[] = [];
    for (const part of partsOf(cell.run)) {
      const protocol = part.protocol(kept);
      const fake =
        protocol.kind === 'search'
          ? { result: searchResult(protocol, search), seconds: search.seconds ?? 1 }
          : protocol.kind === 'evaluation'
            ? { result: trainingResult(training), seconds: training.seconds ?? 1 }
            : { result, seconds: 1 };
      const data = { ...DATA, coverage: training.coverage ?? DATA.coverage };
      const { processor = 'one' } = search;
      const provenance = { seconds: fake.seconds, processor, cores: 2, data };
      if (part.only === undefined) {
        kept.push({ protocol, result: fake.result, provenance, key: 'k'.repeat(32), known: true });
      }
    }
    return { kind: cell.run.kind, axes: cell.axes, kept };
  });
}

/** What an experiment shows of made-up numbers. */
export function fakeView<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  options: GridOptions<Change<K, C>>,
  fakeOf: (cell: Cell<K, A>) => Fake = () => ({}),
): View<K, A> {
  const cells = cellsOf(experiment, options);
  const runs = fakeRuns(cells, fakeOf);
  const of = cells.filter(({ run }) => run.kind !== 'linear').length;
  return viewOf<K, A>({ budget: options.budget, runs, of, missing: [] });
}

/** The verdicts on a view, by claim. */
export function verdictsOf<K extends RunKind, A extends Axes, C extends Choices>(
  experiment: Experiment<K, A, C>,
  view: View<K, A>,
): Record<string, string> {
  return Object.fromEntries(experiment.claims(view).map(({ id, verdict }) => [id, verdict]));
}

/** The rows of a table by the titles of its columns. */
export function byTitle({
  columns,
  rows,
}: {
  readonly columns: readonly { readonly key: string; readonly title: string }[];
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
}): Record<string, string | number | null>[] {
  return rows.map((row) => Object.fromEntries(columns.map(({ key, title }) => [title, row[key]])));
}

/** Table 1 with its first run as the control of the others. */
export function gated(passes: () => boolean): typeof table1 {
  return {
    ...table1,
    runs: (grid) => {
      const [control, ...others] = table1.runs(grid);
      const worth = (rows: readonly object[]) => (rows.length > 0 ? passes() : undefined);
      return [control, ...others.map((cell) => ({ ...cell, worth }))];
    },
  };
}
