import { expect } from 'chai';
import { foldIn, key, normal } from '../../lib/math/random.js';
import { norm, scale } from '../../lib/math/vec.js';
import type { Vec } from '../../lib/math/vec.js';
import { adamStart, adamStep } from '../../lib/search/adam.js';
import type { EpochRecord } from '../../lib/search/epoch.js';
import { alphaUpdates, solverSearch } from '../../lib/search/presets.js';
import { applySet, spaceOf } from '../../lib/search/protocol.js';
import type { DartsProtocol } from '../../lib/search/protocol.js';
import { alphaSize } from '../../lib/spaces/spaces.js';
import { driftOf, searchesMove } from '../../reproductions/alphas.js';
import { strengthSearch } from '../../reproductions/curvature-searches.js';

const mgs = solverSearch('mgs-flat', 's2', 'cifar10', 'laptop');
const size = alphaSize(spaceOf(mgs));

/** A direction of a length, drawn at random. */
function direction(seed: number, length: number): Vec {
  const drawn = normal(key(seed), size);
  return scale(length / norm(drawn), drawn);
}

const epochOf = (updates: number, updateNorm: number) => ({ updates, updateNorm }) as EpochRecord;

/** The root of the mean square of a vector. */
const deviation = (values: Vec): number => norm(values) / Math.sqrt(values.length);

describe('alphas that move', () => {
  it('go by chance as far as updates of the same lengths in random directions do', () => {
    // Longer updates first, as σ falls.
    const lengths = [...Array<number>(40).fill(0.5), ...Array<number>(80).fill(0.1)];
    const ends = Array.from({ length: 30 }, (_, i) => {
      const sum = new Float64Array(size);
      lengths.forEach((length, step) => {
        direction(1000 * i + step, length).forEach((value, k) => (sum[k] += value));
      });
      return deviation(sum) ** 2;
    });
    const found = Math.sqrt(ends.reduce((sum, each) => sum + each, 0) / ends.length);
    const drift = driftOf({ search: mgs, epochs: [epochOf(40, 0.5), epochOf(80, 0.1)] });
    expect(found / drift).to.be.within(0.93, 1.07);
  });

  it('go by chance as far as Adam does along random gradients', () => {
    const search = strengthSearch('l2-3e-4', 'laptop', 0);
    let alpha = new Float64Array(400);
    let state = adamStart(400);
    for (let step = 0; step < alphaUpdates(search); step++) {
      const made = adamStep(state, alpha, normal(foldIn(key(5), step), 400), search.solver as DartsProtocol);
      alpha = Float64Array.from(made.alpha);
      ({ state } = made);
    }
    expect(deviation(alpha) / driftOf({ search, epochs: [] })).to.be.within(0.85, 1.15);
  });

  it('are told from alphas that chance carried, and from those that stayed', () => {
    const searches = Array.from({ length: 12 }, (_, seed) => applySet(mgs, `seed=${seed}`));
    const epochs = [epochOf(200, 0.5)];
    const drift = driftOf({ search: mgs, epochs });
    const of = (alpha: (seed: number) => Vec) =>
      searchesMove(
        's2',
        'MGS',
        searches.map((search, seed) => ({ search, epochs, alpha: [...alpha(seed)] })),
      );
    const walked = of((seed) => scale(drift, normal(key(seed), size)));
    expect(walked).to.include({ passed: false });
    expect(walked.found).to.match(/^\d\.\d\d \(.*\), by chance 1\.\d\d, 12 searches$/);
    expect(of((seed) => scale(2 * drift, normal(key(seed), size)))).to.include({ passed: true });
    expect(of((seed) => scale(0.01, normal(key(seed), size)))).to.include({ passed: false });
    // A search counts once, however many rows are of it.
    const [search] = searches;
    const row = { search, epochs, alpha: [...direction(0, 9)] };
    expect(searchesMove('s2', 'MGS', [row, row])).to.include({ passed: undefined });
  });
});
