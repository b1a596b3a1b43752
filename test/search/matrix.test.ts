import { expect } from 'chai';
import type { Dataset } from '../../lib/datasets/load.js';
import { PRESETS } from '../../lib/search/protocol.js';
import { SPACE_IDS } from '../../lib/spaces/spaces.js';
import { longIt } from '../support/long.js';
import {
  SOLVERS,
  checkDeviations,
  checkResumed,
  checkedSearch,
  smallest,
  smallestData,
} from './matrix-cases.js';

/** Solvers whose networks are not of the fused kernels, in the spaces of most operations: compiling is half a minute each. */
const LONG = { spaces: ['darts', 'darts-zero'], solvers: ['rdarts-dp', 'pc-darts'] };

/** Every solver in every space; the presets take turns, and so do the spaces in which a search is stopped and resumed. */
const CASES = SPACE_IDS.flatMap((space, i) =>
  SOLVERS.map((solver, j) => ({
    space,
    solver,
    preset: PRESETS[(i + j) % PRESETS.length],
    resumed: j % SPACE_IDS.length === i,
  })),
);

describe('search/matrix: every pair of solver, space and preset', function () {
  this.timeout(120_000);
  let dataset: Dataset;
  before(async () => (dataset = await smallestData()));

  it('covers every pair, and stops every solver once and in every space', () => {
    const distinct = (pick: (each: (typeof CASES)[number]) => string): number =>
      new Set(CASES.map(pick)).size;
    const [spaces, solvers, presets] = [SPACE_IDS.length, SOLVERS.length, PRESETS.length];
    expect(distinct(({ space, solver }) => `${space} ${solver}`)).to.equal(spaces * solvers);
    expect(distinct(({ solver, preset }) => `${solver} ${preset}`)).to.equal(solvers * presets);
    expect(distinct(({ space, preset }) => `${space} ${preset}`)).to.equal(spaces * presets);
    const resumed = CASES.filter((each) => each.resumed);
    expect(new Set(resumed.map(({ solver }) => solver)).size).to.equal(solvers);
    expect(new Set(resumed.map(({ space }) => space)).size).to.equal(spaces);
  });

  for (const { space, solver, preset, resumed } of CASES) {
    const test = LONG.spaces.includes(space) && LONG.solvers.includes(solver) ? longIt : it;
    test(`${space}, ${solver}, ${preset}${resumed ? '; stopped and resumed' : ''}`, async () => {
      const protocol = smallest(space, solver, preset);
      const result = await checkedSearch(protocol, dataset);
      checkDeviations(space, solver, preset);
      if (resumed) await checkResumed(protocol, dataset, result);
    });
  }
});
