/** Whether a search's alphas go anywhere: the control of everything that is said of cells. */
import { chanceSpread, spreadOf } from '../lib/analysis/genotypes.js';
import { summarize } from '../lib/analysis/statistics.js';
import { fixed } from '../lib/report/format.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import type { EpochRecord } from '../lib/search/epoch.js';
import { alphaUpdates } from '../lib/search/presets.js';
import { isZeroOrder, spaceOf } from '../lib/search/protocol.js';
import type { DartsProtocol, SearchProtocol } from '../lib/search/protocol.js';
import { alphaSize } from '../lib/spaces/spaces.js';
import { spaceText } from './methods.js';
import { rangeText } from './together.js';
import type { Control } from './together.js';

/** What a search went through, as far as its alphas go. */
interface Moved {
  readonly search: SearchProtocol;
  readonly epochs: readonly EpochRecord[];
  /** The final ones. */
  readonly alpha: readonly number[];
}

/**
 * How far chance alone carries an entry of alpha, its standard deviation. Of a zero-order search: updates as long as its own, each in a
 * random direction. Of DARTS: Adam along gradients that are nothing but chance, the rate times the root of the number of updates. (Its
 * mean over gradients makes steps follow each other, and shorter by as much.)
 */
export function driftOf({ search, epochs }: Pick<Moved, 'search' | 'epochs'>): number {
  const { solver } = search;
  if (!isZeroOrder(solver)) return (solver as DartsProtocol).lr * Math.sqrt(alphaUpdates(search));
  const squares = epochs.map(({ updates, updateNorm }) => updates * (updateNorm ?? 0) ** 2);
  return Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / alphaSize(spaceOf(search)));
}

/** How far apart the alphas of an edge must lie on average: one operation weighs half again as much as the other. */
const MOVED = Math.log(1.5);

/**
 * That the alphas of searches move, each search once, however many rows are of it: far enough for one operation to outweigh another, and
 * farther than chance carries them. Where they do not, what is found is like cells drawn at random, and its sizes and operations
 * say nothing of the method.
 *
 * @param space  The one that they searched, also where there are none.
 * @param whose  In a sentence.
 */
export function searchesMove(space: string, whose: string, rows: readonly Partial<Moved>[]): Control {
  const text = `In ${spaceText(space)} the alphas of ${whose} move: those of an edge come to lie more than ${fixed(MOVED, 2)} apart on average, and farther than chance carries them`;
  const searches = new Map(
    rows.flatMap(({ search, epochs, alpha }) => {
      if (!search || !epochs || !alpha) return [];
      const own = spaceOf(search);
      const spread = spreadOf(alpha, own, 'normal');
      const chance = chanceSpread(driftOf({ search, epochs }), own, 'normal');
      return [[canonicalJson(search), { spread, chance }]];
    }),
  );
  const all = [...searches.values()];
  if (all.length < 2) return { text, found: 'no two searches are here', passed: undefined };
  const apart = summarize(all.map(({ spread }) => spread));
  const chance = summarize(all.map((each) => each.chance));
  const beyond = summarize(all.map((each) => each.spread - each.chance));
  return {
    text,
    found: `${fixed(apart.mean, 2)} (${rangeText(apart.interval!, 2)}), by chance ${fixed(chance.mean, 2)}, ${all.length} searches`,
    passed: apart.interval![0] > MOVED && beyond.interval![0] > 0,
  };
}
