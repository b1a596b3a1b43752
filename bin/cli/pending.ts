// Interfaces of modules that are being written; goes when they are there.

export interface ReproductionEntry {
  readonly id: string;
  readonly title: string;
  readonly built: boolean;
}

export interface ClaimReport {
  readonly id: string;
  readonly text: string;
  readonly verdict: 'supported' | 'not supported' | 'undecided';
  readonly detail: string;
}

export interface ReproductionReport {
  readonly id: string;
  readonly title: string;
  readonly budget: string;
  readonly preset: string;
  readonly tableText: string;
  readonly deviations: readonly string[];
  readonly claims: readonly ClaimReport[];
  readonly pictures: readonly string[];
  readonly resultFile: string;
  readonly seconds: number;
  readonly result: unknown;
}

const load = (name: string): Promise<unknown> => import(`../../${name}.js`);

export const registry = async () =>
  (await load('reproductions/registry')) as {
    REPRODUCTIONS: readonly ReproductionEntry[];
    reproductionById(id: string): ReproductionEntry;
  };

export const runner = async () =>
  (await load('reproductions/reproduce')) as {
    reproduce(id: string, options: object): Promise<ReproductionReport>;
    estimate(id: string, budget: string): number | undefined;
  };

export interface BenchReport {
  readonly rows: readonly Record<string, unknown>[];
}

export const bench = async () =>
  (await load('lib/bench/bench')) as { runBench(options: object): Promise<BenchReport> };

export const firstLook = async () =>
  (await load('reproductions/fig-4-ess')) as { firstLook(options: object): Promise<unknown> };
