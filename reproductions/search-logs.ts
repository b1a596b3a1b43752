/**
 * What the authors' logs of full-size searches say, as a kind of run, so that a figure has nothing to read but rows: the
 * largest eigenvalue of each logged Hessian by the method that searches here use. Where the logs are not here, that is said.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { lanczos } from '../lib/analysis/curvature.js';
import { findSearchLogs, HOW_TO_GET_LOGS } from '../lib/datasets/rdarts-logs.js';
import type { LoggedHessian, LoggedSearch, SearchFigures, SearchLogs } from '../lib/datasets/rdarts-logs.js';
import type { LoadOptions } from '../lib/datasets/load.js';
import { keepLatest } from '../lib/latest.js';
import { key } from '../lib/math/random.js';
import { dot } from '../lib/math/vec.js';
import { pause, silent } from '../lib/progress.js';
import { thisMachine } from '../lib/runs/environment.js';
import type { Machine } from '../lib/runs/environment.js';
import type { Kind, KeptOptions } from '../lib/runs/kept.js';
import type { NotKnown } from './lookups.js';

/** The logs as a whole. */
export interface LogsProtocol {
  readonly version: 1;
  readonly kind: 'logs';
  readonly seed: number;
}

export const LOGS: LogsProtocol = { version: 1, kind: 'logs', seed: 0 };

/** How far our largest eigenvalues are from others' of the same matrices, as shares of the value. */
export interface EigenvalueCheck {
  readonly matrices: number;
  /** Sides of the matrices that occur. */
  readonly sizes: readonly number[];
  /** From those of a direct method. */
  readonly direct: number;
  /** From the figures beside the logs, each given to six decimals; null where there are none. */
  readonly figures: number | null;
}

/** What the logs say. */
export interface KnownLogs {
  readonly known: true;
  readonly searches: readonly SearchFigures[];
  /** null where the matrices are not here, and the eigenvalues are those of the figures. */
  readonly check: EigenvalueCheck | null;
}

export type LogsResult = KnownLogs | NotKnown;

type LogsOptions = KeptOptions & Pick<LoadOptions, 'data' | 'dataHome'>;
type Found = { readonly digest: string; readonly logs: SearchLogs | undefined };

const latest = keepLatest<Promise<Found>>();

function find({ data, dataHome }: LogsOptions): Promise<Found> {
  return latest([data, dataHome, process.env.ZARTS_DATA], async (): Promise<Found> => {
    const logs = await findSearchLogs({ data, dataHome });
    return { digest: logs?.digest ?? 'none', logs };
  });
}

/** How a result came about; where the logs were not here, from no data at all. */
interface LogsProvenance extends Machine {
  readonly engine: null;
  readonly seconds: number;
  readonly data: { readonly name: string; readonly coverage: string; readonly digest: string } | null;
}

/** The logs, as a kind of run. */
export const SEARCH_LOGS: Kind<LogsProtocol, Found, LogsResult, LogsProvenance, LogsOptions> = {
  data: (_, options) => find(options),
  engine: () => null,
  compute: async ({ data: { logs } }, options) =>
    logs ? readLogs(logs, options) : { known: false, why: HOW_TO_GET_LOGS },
  provenance: ({ digest, logs }, seconds) => ({
    ...thisMachine(),
    engine: null,
    data: logs
      ? {
          name: 'rdarts-logs',
          coverage: logs.matrices.length > 0 ? 'matrices' : 'figures',
          digest,
        }
      : null,
    seconds,
  }),
};

const identity = ({ space, dataset, dropPath, l2, job, seed }: LoggedSearch): string =>
  [space, dataset, dropPath, l2, job, seed].join(' ');

/** Figures are rounded to this. */
const DECIMALS = 1e-6;

/** The figures of every search: from the matrices where they are here. */
export async function readLogs(
  { figures, matrices }: SearchLogs,
  { progress = silent, signal }: Pick<KeptOptions, 'progress' | 'signal'> = {},
): Promise<KnownLogs> {
  if (matrices.length === 0) return { known: true, searches: figures, check: null };
  const others = new Map(figures.map((each) => [identity(each), each]));
  const phase = progress.start('search logs', matrices.length);
  const searches: SearchFigures[] = [];
  const sizes = new Set<number>();
  let [count, direct, compared, apart] = [0, 0, 0, 0];
  try {
    for (const { hessians, ...search } of matrices) {
      await pause(signal, () => 'Stopped while reading the search logs; the same command begins anew.');
      const read = hessians();
      const dominantEigenvalue: number[] = [];
      const other = others.get(identity(search));
      for (const { epoch, rows } of read) {
        const value = await largestOf(rows);
        const exact = largestDirectly(rows);
        dominantEigenvalue.push(value);
        count += 1;
        sizes.add(rows.length);
        direct = Math.max(direct, shareApart(value, exact));
        const place = other?.epochs.indexOf(epoch) ?? -1;
        if (place < 0) continue;
        compared += 1;
        const figure = other!.dominantEigenvalue[place];
        apart = Math.max(apart, shareApart(value, figure, DECIMALS));
      }
      searches.push({ ...search, epochs: read.map(({ epoch }) => epoch), dominantEigenvalue });
      phase.update(searches.length);
    }
  } finally {
    phase.end();
  }
  return {
    known: true,
    searches,
    check: {
      matrices: count,
      sizes: [...sizes].sort((a, b) => a - b),
      direct,
      figures: compared > 0 ? apart : null,
    },
  };
}

const shareApart = (value: number, other: number, rounding = 0): number =>
  Math.max(0, Math.abs(value - other) - rounding) / Math.abs(other);

/** The largest eigenvalue of a matrix, as searches here find that of theirs. */
async function largestOf(rows: LoggedHessian['rows']): Promise<number> {
  const vectors = rows.map((row) => Float64Array.from(row));
  const product = (v: Float64Array) => Float64Array.from(vectors, (row) => dot(row, v));
  const { values } = await lanczos(product, rows.length, { key: key(0) });
  return values[0].value;
}

/** The same by a direct method. */
function largestDirectly(rows: LoggedHessian['rows']): number {
  const matrix = new Matrix(rows.map((row, i) => row.map((value, j) => (value + rows[j][i]) / 2)));
  return Math.max(...new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues);
}
