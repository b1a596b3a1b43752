/** Trying a solver of one's own: searches in NAS-Bench-201's space, judged by full-scale accuracy beside the built-in ones. */
import { join, resolve } from 'node:path';
import type { Progress } from '../lib/progress.js';
import type * as Runs from '../lib/search/run.js';
import type * as Search from '../lib/search/search.js';
import { applyChange } from '../lib/settings.js';
import { SEARCH } from '../lib/search/protocol.js';
import type { Budget, SearchChange } from '../lib/search/protocol.js';
import type { Solver } from '../lib/solvers/solver.js';
import { viewOf } from './experiment.js';
import type { MeasuredCell, Result } from './experiment.js';
import { extraNb201 } from './extra-nb201.js';
import { runStored } from './kinds.js';
import { lookupOf } from './lookups.js';
import { searchBy } from './nb201-searches.js';
import type { MethodAxes, MethodId } from './nb201-searches.js';
import { reproduce, shownOf } from './reproduce.js';
import type { Shown } from './reproduce.js';

/** How a solver is tried. */
export interface TryOptions {
  readonly budget: Budget;
  /** Searches with it, and with each of the others. */
  readonly seeds: number;
  /** The built-in methods beside it. */
  readonly beside: readonly MethodId[];
  /** What its searches have otherwise than those of MGS flat: M, epochs, … */
  readonly change?: SearchChange;
  readonly data?: string;
  readonly home?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** What was found. */
export interface Tried extends Pick<Shown, 'tables' | 'charts' | 'drawings'> {
  /** Accuracies on CIFAR-10 at full scale, percent, one a search; null where the table is not known. */
  readonly accuracies: readonly (number | null)[];
}

/**
 * Searches by a solver that no protocol names. They are not kept, since nothing says what the solver does: running the cell
 * again runs them again. Those of the built-in methods are kept as always.
 *
 * @param title  What tables and pictures call it.
 * @throws as {@link reproduce}.
 */
export async function tryOut(title: string, solver: Solver, options: TryOptions): Promise<Tried> {
  const { budget, seeds, beside, change = {}, home, ...common } = options;
  const builtIn = await reproduce(extraNb201, {
    ...common,
    ...(home === undefined ? {} : { home }),
    ...{ budget, seeds, change: { method: beside } },
  });
  const where = { ...common, ...(home === undefined ? {} : { home: join(resolve(home), 'runs') }) };
  // Required where it is needed: it loads TensorFlow.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { search } = require('../lib/search/search.js') as typeof Search;
  const { searchData, provenance } = require('../lib/search/run.js') as typeof Runs;
  /* eslint-enable @typescript-eslint/no-require-imports */
  const own: MeasuredCell[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const protocol = applyChange(SEARCH, searchBy('mgs-flat', budget, seed), { ...change, ranking: 'none' });
    const dataset = await searchData(protocol, where);
    const began = performance.now();
    const result = await search(protocol, { ...where, dataset, solver });
    const seconds = (performance.now() - began) / 1000;
    const found = { protocol, result, provenance: provenance(dataset, seconds), key: '', known: false };
    const looked = await runStored(lookupOf(found), where);
    own.push({ kind: 'lookup', axes: { method: title }, kept: [found, looked] });
  }
  const runs = [...builtIn.result.runs, ...own];
  const result: Result = { ...builtIn.result, runs, of: runs.length };
  const { tables, charts, drawings } = shownOf(extraNb201, result);
  const rows = viewOf<'lookup' | 'benchmark', MethodAxes>(result).rows;
  const accuracies = rows.flatMap((row) => {
    if (row.kind !== 'lookup' || row.method !== title) return [];
    const place = row.architectures.indexOf(row.passed.last['with none']);
    return [row.looked.known ? row.looked.accuracies.cifar10[place] : null];
  });
  // The control is of the built-in methods' supernets.
  return {
    tables: tables.slice(0, 1),
    charts: charts.filter(({ name }) => name === 'ends'),
    drawings,
    accuracies,
  };
}
