import type { StepCounts } from './program.js';
import { BENCH_SHAPES, BENCH_SHAPE_NAMES, shapesOf } from './shapes.js';

/** What a regression of the graph is judged by: numbers without noise. */
export type GraphCounts = Readonly<Record<string, Pick<StepCounts, 'operations' | 'kernels'>>>;

/**
 * Operations and kernels of one step of each shape, by recording alone.
 *
 * @param names  Names of shapes. Default: all.
 * @throws {UsageError} for an unknown shape.
 */
export async function graphCounts(names: readonly string[] = BENCH_SHAPE_NAMES): Promise<GraphCounts> {
  const shapes = shapesOf(names);
  const { stepCounts } = await import('./program.js');
  return Object.fromEntries(
    shapes.map((name) => {
      const { operations, kernels } = stepCounts(BENCH_SHAPES[name]);
      return [name, { operations, kernels }];
    }),
  );
}

/**
 * The sentences for every count that rose.
 *
 * @param now     The counts of the program as it is.
 * @param before  The counts on record.
 */
export function risenCounts(now: GraphCounts, before: GraphCounts): string[] {
  return Object.entries(before).flatMap(([shape, recorded]) =>
    (['operations', 'kernels'] as const).flatMap((what) => {
      const [count, most] = [now[shape]?.[what] ?? Infinity, recorded[what]];
      return count <= most ? [] : [`${shape}: ${count} ${what} a step, ${most} on record`];
    }),
  );
}
