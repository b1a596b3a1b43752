import { expect } from 'chai';
import { BUDGETS, SEARCH, spaceName } from '../../lib/search/protocol.js';
import { SOLVER_IDS } from '../../lib/search/solvers.js';
import type { SolverId } from '../../lib/search/solvers.js';
import { TWO_CELL_IDS } from '../../lib/spaces/spaces.js';
import type { SpaceId } from '../../lib/spaces/spaces.js';
import { comparedSearch } from '../../reproductions/methods.js';
import { table2 } from '../../reproductions/table-2-spaces.js';
import { table3 } from '../../reproductions/table-3-darts.js';
import { table7 } from '../../reproductions/table-7-wide.js';
import { cellsWith } from './fake-view.js';

describe('methods that tables compare', () => {
  it('search at random once for the two spaces that differ in none alone', () => {
    for (const budget of BUDGETS) {
      const at = (space: SpaceId, id: SolverId = 'random-ws') => comparedSearch(id, space, 'cifar10', budget);
      expect(at('s3')).to.deep.equal(at('s2'));
      expect(spaceName(at('s3', 'random-alpha'))).to.equal('s3');
      expect(spaceName(at('s4'))).to.equal('s4');
    }
  });

  for (const budget of BUDGETS) {
    it(`can all be searched by in every space at ${budget}`, () => {
      for (const space of TWO_CELL_IDS)
        for (const id of SOLVER_IDS) {
          const protocol = comparedSearch(id, space, 'cifar10', budget);
          expect(SEARCH.parse(protocol), `${id} in ${space}`).to.deep.equal(protocol);
        }
    });

    for (const table of [table2, table3, table7]) {
      it(`can all be chosen in ${table.title} at ${budget}`, () => {
        for (const id of SOLVER_IDS) {
          const cells = cellsWith(table, { budget, seeds: 1, set: [`method=${id}`] });
          expect(cells.some(({ axes }) => axes.method === id)).to.be.true;
        }
      });
    }
  }
});
