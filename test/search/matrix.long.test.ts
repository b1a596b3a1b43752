import { expect } from 'chai';
import type { Dataset } from '../../lib/datasets/load.js';
import { PRESETS } from '../../lib/search/protocol.js';
import type { SearchResult } from '../../lib/search/search.js';
import { SPACE_IDS } from '../../lib/spaces/spaces.js';
import {
  SOLVERS,
  checkDeviations,
  checkResumed,
  checkedSearch,
  settingsOf,
  smallest,
  smallestData,
} from './matrix-cases.js';

describe('search/matrix: every solver × space × preset', function () {
  this.timeout(600_000);
  let dataset: Dataset;
  before(async () => (dataset = await smallestData()));

  for (const space of SPACE_IDS) {
    describe(space, () => {
      for (const solver of SOLVERS) {
        // Presets that change nothing for a solver give the same protocol but for their own name: run once.
        const settings = PRESETS.map((preset) => settingsOf(space, solver, preset));
        const presets = PRESETS.filter((_, i) => settings.indexOf(settings[i]) === i);

        it(`${solver}: ${presets.join(', ')}; stopped and resumed`, async () => {
          const results: SearchResult[] = [];
          for (const preset of presets) {
            results.push(await checkedSearch(smallest(space, solver, preset), dataset));
            checkDeviations(space, solver, preset);
          }
          // Random search may find nothing better than where it is, whatever the weights did.
          if (solver !== 'random-alpha' && solver !== 'random-ws') {
            expect(new Set(results.map(({ alpha }) => alpha.join())).size).to.equal(presets.length);
          }
          await checkResumed(smallest(space, solver, presets[0]), dataset, results[0]);
        });
      }
    });
  }
});
