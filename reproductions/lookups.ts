/**
 * What the published table of NAS-Bench-201 says of the architectures that a search went through, and of the space: kinds of
 * runs, so that figures have nothing to read but rows. Where the table cannot be had a search's numbers are not known, and
 * everything else goes on.
 */
import { endingsIn, percentileOf, superiority, uniformDraw } from '../lib/analysis/benchmark.js';
import type { UniformDraw } from '../lib/analysis/benchmark.js';
import type { Ending } from '../lib/analysis/genotypes.js';
import { UnreachableError } from '../lib/datasets/download.js';
import { BENCHMARK_SETS, loadBenchmark } from '../lib/datasets/nats-bench.js';
import type { Benchmark, BenchmarkSet } from '../lib/datasets/nats-bench.js';
import type { LoadOptions } from '../lib/datasets/load.js';
import { keepLatest } from '../lib/latest.js';
import { thisMachine } from '../lib/runs/environment.js';
import type { Machine } from '../lib/runs/environment.js';
import type { Kind, KeptOptions } from '../lib/runs/kept.js';
import { deriveGenotype } from '../lib/spaces/genotype.js';
import { architectureNumber } from '../lib/spaces/architectures.js';
import { SPACES } from '../lib/spaces/spaces.js';
import type { FinishedSearch } from '../lib/search/run.js';

/** The architectures to look up. */
export interface LookupProtocol {
  readonly version: 1;
  readonly kind: 'lookup';
  readonly seed: number;
  /** Their numbers, ascending. */
  readonly architectures: readonly number[];
}

/** The table as a whole. */
export interface BenchmarkProtocol {
  readonly version: 1;
  readonly kind: 'benchmark';
  readonly seed: number;
}

export const BENCHMARK: BenchmarkProtocol = { version: 1, kind: 'benchmark', seed: 0 };

/** Why there is no number: the sentence that says how to get the table. */
export interface NotKnown {
  readonly known: false;
  readonly why: string;
}

/** Of each architecture that was asked for, in that order. */
export interface KnownLookup {
  readonly known: true;
  /** Test accuracy after 200 epochs, percent. */
  readonly accuracies: Readonly<Record<BenchmarkSet, readonly number[]>>;
  /** Share of the space that it is better than on CIFAR-10, equal ones counting half. */
  readonly percentiles: readonly number[];
  /** P(better than a uniform draw) + P(alike)/2 − 1/2, on CIFAR-10; see {@link superiority}. */
  readonly superiorities: readonly number[];
}

export type LookupResult = KnownLookup | NotKnown;

/** What is exactly so of a uniform draw. */
export interface KnownBenchmark {
  readonly known: true;
  readonly uniform: Readonly<Record<BenchmarkSet, UniformDraw>>;
  readonly endings: Readonly<Record<Ending, number>>;
}

export type BenchmarkResult = KnownBenchmark | NotKnown;

/** The table, or why it is not here. */
type Found = { readonly digest: string } & ({ readonly table: Benchmark } | { readonly why: string });

const latest = keepLatest<Promise<Found>>();

type LookupOptions = KeptOptions & Pick<LoadOptions, 'data' | 'dataHome'>;

/** @throws {ZartsError} for a file that is there and is not the published table. */
function findTable({ data, dataHome }: LookupOptions): Promise<Found> {
  const where = { ...(data === undefined ? {} : { data }), ...(dataHome === undefined ? {} : { dataHome }) };
  return latest([where, process.env.ZARTS_DATA], async (): Promise<Found> => {
    try {
      const table = await loadBenchmark(where);
      return { digest: table.digest, table };
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      return { digest: 'none', why: error.message };
    }
  });
}

/** How a result came about; where the table was not known, from no data at all. */
interface LookupProvenance extends Machine {
  readonly engine: null;
  readonly seconds: number;
  readonly data: { readonly name: string; readonly coverage: string; readonly digest: string } | null;
}

const common = {
  data: (_: unknown, options: LookupOptions) => findTable(options),
  engine: () => null,
  provenance: (found: Found, seconds: number): LookupProvenance => ({
    ...thisMachine(),
    engine: null,
    data:
      'table' in found ? { name: 'nats-bench', coverage: found.table.coverage, digest: found.digest } : null,
    seconds,
  }),
};

/** Something for each data set of the table. */
function bySet<T>(of: (set: BenchmarkSet) => T): Record<BenchmarkSet, T> {
  return Object.fromEntries(BENCHMARK_SETS.map((set) => [set, of(set)])) as Record<BenchmarkSet, T>;
}

/** Looking architectures up, as a kind of run. */
export const LOOKUP: Kind<LookupProtocol, Found, LookupResult, LookupProvenance, LookupOptions> = {
  ...common,
  compute: ({ protocol: { architectures }, data }) => {
    if (!('table' in data)) return Promise.resolve({ known: false, why: data.why });
    const { accuracies } = data.table;
    const own = (set: BenchmarkSet) => architectures.map((number) => accuracies[set][number]);
    return Promise.resolve({
      known: true,
      accuracies: bySet(own),
      percentiles: own('cifar10').map((each) => percentileOf(accuracies.cifar10, each)),
      superiorities: own('cifar10').map((each) => superiority([each], accuracies.cifar10)),
    });
  },
};

/** What the table says of the whole space, as a kind of run. */
export const WHOLE_BENCHMARK: Kind<
  BenchmarkProtocol,
  Found,
  BenchmarkResult,
  LookupProvenance,
  LookupOptions
> = {
  ...common,
  compute: ({ data }) => {
    if (!('table' in data)) return Promise.resolve({ known: false, why: data.why });
    const { accuracies } = data.table;
    return Promise.resolve({
      known: true,
      uniform: bySet((set) => uniformDraw(accuracies[set])),
      endings: endingsIn(),
    });
  },
};

/** How a genotype is derived: with `none` allowed, as published, or without. */
export const DERIVATIONS = ['with none', 'without none'] as const;
/** How a genotype is derived. */
export type Derivation = (typeof DERIVATIONS)[number];

/** The architectures that a search's alphas stood for, by their numbers. */
export interface Passed {
  /** After each epoch whose alphas were recorded, counted from 1; 0 for the start is not recorded. */
  readonly epochs: readonly {
    readonly epoch: number;
    readonly numbers: Readonly<Record<Derivation, number>>;
  }[];
  /** What the search ended with. */
  readonly last: Readonly<Record<Derivation, number>>;
}

const NB201 = SPACES.nb201;

/** The numbers of what alphas stand for, by both derivations. */
function numbersOf(alpha: readonly number[]): Readonly<Record<Derivation, number>> {
  const number = (withoutNone: boolean): number =>
    architectureNumber(NB201, deriveGenotype(NB201, Float64Array.from(alpha), { withoutNone }))!;
  return { 'with none': number(false), 'without none': number(true) };
}

/** The architectures that a search in NAS-Bench-201's space went through. */
export function passedBy({ protocol, result }: FinishedSearch): Passed {
  const moving = protocol.solver.kind !== 'random-ws';
  const recorded = result.epochs.flatMap(({ epoch, alpha }) =>
    alpha && moving ? [{ epoch: epoch + 1, alpha }] : [],
  );
  // What random search with weight sharing draws is an architecture, also with `none`.
  const last = architectureNumber(NB201, result.genotype)!;
  return {
    epochs: recorded.map(({ epoch, alpha }) => ({ epoch, numbers: numbersOf(alpha) })),
    last: moving ? numbersOf(result.alpha) : { 'with none': last, 'without none': last },
  };
}

/** What is looked up for a search: all that it went through, and what its supernet ranked. */
export function lookupOf(search: FinishedSearch): LookupProtocol {
  const { epochs, last } = passedBy(search);
  const ranked = search.result.epochs.flatMap(({ ranking }) => ranking?.architectures ?? []);
  const numbers = [...epochs.map((each) => each.numbers), last].flatMap((each) => Object.values(each));
  const architectures = [...new Set([...numbers, ...ranked])].sort((a, b) => a - b);
  return { version: 1, kind: 'lookup', seed: search.protocol.seed, architectures };
}
