/** How long runs take here, against what is estimated of the machine that the estimates were measured on. */
import { cpus } from 'node:os';
import { median } from 'simple-statistics';
import { canonicalJson } from '../lib/runs/canonical.js';
import { bitsOf } from '../lib/runs/environment.js';
import type { Machine } from '../lib/runs/environment.js';

/** What tells runs apart that are estimated better or worse than others. */
export interface Sort {
  readonly kind: string;
  readonly space?: unknown;
  readonly solver?: { readonly kind: string };
  /** The search whose supernet it is measured on, or the landscape that is measured there. */
  readonly supernet?: Sort;
  readonly landscape?: { readonly supernet: Sort };
}

/** A finished run as far as its time goes. */
export interface Timed<Protocol extends Sort> {
  readonly protocol: Protocol;
  readonly provenance: Partial<Machine> & { readonly seconds?: number };
  /** When it was finished (ISO 8601). */
  readonly finished: string;
}

/** What runs take here. */
export interface Pace {
  /** Finished runs that it is known by; with none it is that of the machine of the estimates. */
  readonly runs: number;
  /** Times as long as estimated that runs of this sort take, by the narrowest that there were any of. */
  readonly of: (sort: Sort) => number;
}

/** That of the machine of the estimates. */
export const AS_ESTIMATED: Pace = { runs: 0, of: () => 1 };

/** Shorter runs tell more of how long a start takes. */
const LEAST_SECONDS = 5;
/** The newest of each sort count: the machine may do other things now than it did. */
const NEWEST = 20;

/**
 * The pace of this machine by the runs that were computed on it, or on its like: a processor of the same name, instructions and
 * caches, and as many cores.
 *
 * @param estimateOf  Seconds that a run was estimated to take; undefined where they cannot be told from its protocol alone.
 */
export function paceBy<Protocol extends Sort>(
  finished: Iterable<Timed<Protocol>>,
  estimateOf: (protocol: Protocol) => number | undefined,
): Pace {
  const here = { ...bitsOf(null), cores: String(cpus().length) };
  const ratios = new Map<string, number[]>();
  let runs = 0;
  const newestFirst = [...finished].sort((a, b) => b.finished.localeCompare(a.finished));
  for (const { protocol, provenance } of newestFirst) {
    const { seconds = 0 } = provenance;
    const there = provenance as Readonly<Record<string, unknown>>;
    if (Object.entries(here).some(([name, value]) => String(there[name]) !== value)) continue;
    const estimated = estimateOf(protocol);
    if (estimated === undefined || estimated < LEAST_SECONDS || seconds <= 0) continue;
    runs++;
    for (const sort of sortsOf(protocol)) {
      const all = ratios.get(sort) ?? [];
      if (all.length < NEWEST) ratios.set(sort, [...all, seconds / estimated]);
    }
  }
  return {
    runs,
    of: (wanted) => {
      const all = nearestTo(wanted)
        .map((sort) => ratios.get(sort))
        .find((each) => each !== undefined);
      return all ? median(all) : 1;
    },
  };
}

/** What a run is counted as, the narrowest first: another solver or space is timed better by its like than by all. */
function sortsOf({ kind, space, solver }: Sort): string[] {
  if (space === undefined) return [kind, 'any'];
  const inSpace = `${kind} ${canonicalJson(space)}`;
  return [...(solver ? [`${inSpace} ${solver.kind}`] : []), inSpace, kind, 'any'];
}

/** What a run that is to come is like, the nearest first: where there was none of its kind, the search on the same supernet. */
function nearestTo(run: Sort): string[] {
  const supernet = run.supernet ?? run.landscape?.supernet;
  return supernet ? [run.kind, ...sortsOf({ ...supernet, kind: 'search' })] : sortsOf(run);
}

/** Where times are reckoned for, in words. */
export const paceText = ({ runs }: Pace): string =>
  runs > 0 ? `by ${runs} ${runs === 1 ? 'run' : 'runs'} that this machine computed` : 'for two cores';
