import { percentileOf } from '../../lib/analysis/benchmark.js';
import { endingOf } from '../../lib/analysis/genotypes.js';
import { UnreachableError } from '../../lib/datasets/download.js';
import { BENCHMARK_SETS, BENCHMARK_TITLES, loadBenchmark } from '../../lib/datasets/nats-bench.js';
import type { BenchmarkSet } from '../../lib/datasets/nats-bench.js';
import type { LoadOptions } from '../../lib/datasets/load.js';
import { fixed } from '../../lib/report/format.js';
import { architectureCount, architectureNumber } from '../../lib/spaces/architectures.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { SPACES } from '../../lib/spaces/spaces.js';

/** What NAS-Bench-201's table says of an architecture of its space. */
export type Published =
  | {
      readonly known: true;
      /** Test accuracy after 200 epochs at full size, percent. */
      readonly accuracies: Readonly<Record<BenchmarkSet, number>>;
      /** Place among all architectures on CIFAR-10, 1 for the best. */
      readonly rank: number;
      readonly coverage: 'official' | 'synthetic';
    }
  /** Why it is not known here, with both ways to get the table. */
  | { readonly known: false; readonly why: string };

/**
 * What is published of an architecture. Without the table nothing fails.
 *
 * @throws {ZartsError} for a file that is there and is not the published table.
 */
export async function published(genotype: Genotype, options: LoadOptions): Promise<Published> {
  try {
    const { accuracies, coverage } = await loadBenchmark(options);
    const number = architectureNumber(SPACES.nb201, genotype)!;
    const own = BENCHMARK_SETS.map((set) => [set, accuracies[set][number]]);
    const better = 1 - percentileOf(accuracies.cifar10, accuracies.cifar10[number]);
    return {
      known: true,
      accuracies: Object.fromEntries(own) as Record<BenchmarkSet, number>,
      rank: Math.round(better * architectureCount(SPACES.nb201) + 0.5),
      coverage,
    };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { known: false, why: error.message };
  }
}

/** The same in words. */
export function publishedText(genotype: Genotype, found: Published): string {
  const ending = endingOf(genotype);
  const cell = {
    disconnected: 'its output does not depend on its input',
    'without convolution': 'no path through it has a convolution',
    other: undefined,
  }[ending];
  const told = cell === undefined ? '' : ` (${cell})`;
  if (!found.known) return `Accuracy at full scale${told}: not known here. ${found.why}`;
  const values = BENCHMARK_SETS.map(
    (set) => `${fixed(found.accuracies[set], 2)} % on ${BENCHMARK_TITLES[set]}`,
  );
  const whose =
    found.coverage === 'synthetic'
      ? 'computed numbers, which say nothing of any network'
      : 'NAS-Bench-201’s published means after 200 epochs';
  return `Accuracy at full scale${told}: ${values.join(', ')}; number ${found.rank} of ${architectureCount(SPACES.nb201)} on CIFAR-10 (${whose}).`;
}
