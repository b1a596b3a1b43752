/**
 * The published table of NAS-Bench-201 (Dong and Yang 2020; NATS-Bench, Dong et al. 2021): the test accuracy of every
 * architecture after 200 epochs of training on three data sets, means over the benchmark's seeds. Read, checked, downloaded.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError, ZartsError } from '../errors.js';
import { foldIn, key, uniform } from '../math/random.js';
import { architectureAt, architectureCount, architectureNumber } from '../spaces/architectures.js';
import { parseGenotype, printGenotype, usedEdges } from '../spaces/genotype.js';
import type { Primitive } from '../spaces/primitives.js';
import { SPACES } from '../spaces/spaces.js';
import { placeOf, unreadable } from './disk.js';
import type { DataPlace } from './disk.js';
import { obtain } from './download.js';
import type { DownloadOptions } from './download.js';
import type { RemoteFile } from './registry.js';

/** The data sets of the table, in the order of its columns. */
export const BENCHMARK_SETS = ['cifar10', 'cifar100', 'imagenet16-120'] as const;
/** A data set of the table. */
export type BenchmarkSet = (typeof BENCHMARK_SETS)[number];

/** What a reader sees for a data set of the table. */
export const BENCHMARK_TITLES: Readonly<Record<BenchmarkSet, string>> = {
  cifar10: 'CIFAR-10',
  cifar100: 'CIFAR-100',
  'imagenet16-120': 'ImageNet-16-120',
};

/** Test accuracy in percent of every architecture, by its number (lib/spaces/architectures.ts). */
export type Accuracies = Readonly<Record<BenchmarkSet, Float64Array>>;

/** The table. */
export interface Benchmark {
  /** SHA-256 of its file. */
  readonly digest: string;
  /** `synthetic`: computed numbers in the form of the table, which say nothing of any network. */
  readonly coverage: 'official' | 'synthetic';
  readonly accuracies: Accuracies;
}

const TITLE = 'the accuracies of NAS-Bench-201';
const FOLDER = 'nats-bench';
const COMMIT = 'b307ae5fe6e8d7043cd4fe7d1c3532288271adb7';

/** Where the table is published. */
export const BENCHMARK_FILE: RemoteFile = {
  url: `https://raw.githubusercontent.com/v-tao/nats-bench-landscape/${COMMIT}/nats_bench.csv`,
  name: 'nats_bench.csv',
  bytes: 3_024_008,
  sha256: 'cb5d777ec3368be83c8f9b3aa4d520696051cb0eb8d94b8f85b519f9ea4afa3e',
};

const SPACE = SPACES.nb201;

/** What the columns are called. The last, which isomorphic cells have in common, is not read. */
const HEADER = [
  'CIFAR10TestAccuracy200Epochs',
  'CIFAR100TestAccuracy200Epochs',
  'ImageNetTestAccuracy200Epochs',
  'ArchitectureString',
  'UniqueString',
];

/**
 * The accuracies in a table's text, checked: a row for each architecture and only one, percentages in every column.
 *
 * @param path  Names the file in sentences.
 * @throws {ZartsError} naming the file, and the row by its number, the head being row 1.
 */
export function parseBenchmark(text: string, path: string): Accuracies {
  const [head, ...lines] = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const refuse = (row: number, why: string): never => {
    throw new ZartsError(`${path}, row ${row}: ${why}; take the published ${BENCHMARK_FILE.name} again.`);
  };
  if (head !== HEADER.join(',')) refuse(1, `expected the columns ${HEADER.join(', ')}`);
  const count = architectureCount(SPACE);
  const rows = new Int32Array(count);
  const accuracies = Object.fromEntries(
    BENCHMARK_SETS.map((name) => [name, new Float64Array(count)]),
  ) as Record<BenchmarkSet, Float64Array>;
  for (const [i, line] of lines.entries()) {
    const row = i + 2;
    const cells = line.split(',');
    if (cells.length !== HEADER.length)
      refuse(row, `expected ${HEADER.length} columns, found ${cells.length}`);
    const name = cells[BENCHMARK_SETS.length];
    const number = numberOf(name) ?? refuse(row, `${name} is no architecture of the space`);
    if (rows[number] > 0) refuse(row, `${name} is also row ${rows[number]}`);
    rows[number] = row;
    for (const [column, set] of BENCHMARK_SETS.entries()) {
      const value = Number(cells[column]);
      if (cells[column].trim() === '' || !(value >= 0 && value <= 100)) {
        refuse(row, `${HEADER[column]} of ${name} is ${cells[column]}; it must be a number from 0 to 100`);
      }
      accuracies[set][number] = value;
    }
  }
  const missing = rows.indexOf(0);
  if (missing < 0) return accuracies;
  const name = printGenotype(architectureAt(SPACE, missing));
  throw new ZartsError(
    `${path} has ${lines.length} architectures instead of ${count}: ${name} is missing; take the published ${BENCHMARK_FILE.name} again.`,
  );
}

/** The number of the architecture that a text names; undefined for one that is none of the space. */
function numberOf(name: string): number | undefined {
  try {
    return architectureNumber(SPACE, parseGenotype(name));
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** The text that {@link parseBenchmark} reads back. */
export function benchmarkText(accuracies: Accuracies): string {
  const rows = Array.from({ length: architectureCount(SPACE) }, (_, number) => {
    const values = BENCHMARK_SETS.map((set) => accuracies[set][number]);
    return [...values, printGenotype(architectureAt(SPACE, number)), ''].join(',');
  });
  return `${[HEADER.join(','), ...rows].join('\n')}\n`;
}

/** How much an operation on a path from input to output adds in the computed table. */
const WORTH: Partial<Readonly<Record<Primitive, number>>> = {
  skip_connect: 0.25,
  nor_conv_1x1: 0.6,
  nor_conv_3x3: 1,
  avg_pool_3x3: 0.1,
};

/** Lowest and highest accuracy of a connected architecture, about, and that of one which guesses. */
const RANGES: Readonly<Record<BenchmarkSet, readonly [low: number, high: number, chance: number]>> = {
  cifar10: [55, 94, 10],
  cifar100: [20, 72, 1],
  'imagenet16-120': [14, 46, 0.83],
};

let computed: Benchmark | undefined;

/**
 * A table in the form of the published one whose numbers are computed from the cells: for tests, and for trying things where
 * the published one cannot be had.
 */
export function syntheticBenchmark(): Benchmark {
  computed ??= (() => {
    const count = architectureCount(SPACE);
    const accuracies = Object.fromEntries(
      BENCHMARK_SETS.map((set) => [set, new Float64Array(count)]),
    ) as Record<BenchmarkSet, Float64Array>;
    for (let number = 0; number < count; number++) {
      const used = usedEdges(architectureAt(SPACE, number));
      const worth = used.reduce((sum, [op]) => sum + (WORTH[op] ?? 0), 0);
      const noise = uniform(foldIn(key(201), number), BENCHMARK_SETS.length);
      for (const [i, set] of BENCHMARK_SETS.entries()) {
        const [low, high, chance] = RANGES[set];
        const learned = low + (high - low) * (1 - Math.exp(-worth)) + noise[i] - 0.5;
        accuracies[set][number] = used.length === 0 ? chance : Number(learned.toFixed(3));
      }
    }
    const digest = createHash('sha256').update(benchmarkText(accuracies)).digest('hex');
    return { digest, coverage: 'synthetic', accuracies };
  })();
  return computed;
}

/**
 * The published table: from the place that a person names, the project's data/ folder, or downloaded there and checked. With
 * `data` "synthetic" the computed one.
 *
 * @throws {ZartsError} for a file that is not the published one, naming it and the first row that is wrong, and where there is
 *         neither file nor connection, with both ways to get it.
 */
export async function loadBenchmark(options: DataPlace & DownloadOptions = {}): Promise<Benchmark> {
  const { folder, named, synthetic } = placeOf(options);
  if (synthetic) return syntheticBenchmark();
  const home = placeOf({ dataHome: options.dataHome, env: {} }).folder;
  const path = [folder, ...(named ? [home] : [])]
    .flatMap((place) => [join(place, FOLDER, BENCHMARK_FILE.name), join(place, BENCHMARK_FILE.name)])
    .find((each) => existsSync(each));
  return readBenchmark(path ?? (await fetchBenchmark(home, options)));
}

async function fetchBenchmark(home: string, options: DownloadOptions): Promise<string> {
  const folder = join(home, FOLDER);
  const path = join(folder, BENCHMARK_FILE.name);
  await mkdir(folder, { recursive: true });
  await obtain(BENCHMARK_FILE, path, { title: TITLE, home: folder }, options);
  return path;
}

function readBenchmark(path: string): Benchmark {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  const accuracies = parseBenchmark(bytes.toString('utf8'), path);
  if (digest !== BENCHMARK_FILE.sha256) {
    throw new ZartsError(
      `${path} is not the published table: it has SHA-256 ${digest}, expected ${BENCHMARK_FILE.sha256}; its numbers or the order of its rows were changed. Take the published ${BENCHMARK_FILE.name} again.`,
    );
  }
  return { digest, coverage: 'official', accuracies };
}
