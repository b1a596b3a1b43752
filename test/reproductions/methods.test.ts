import { expect } from 'chai';
import { BUDGETS, SEARCH } from '../../lib/search/protocol.js';
import { SOLVER_IDS } from '../../lib/search/solvers.js';
import { TWO_CELL_IDS } from '../../lib/spaces/spaces.js';
import { comparedSearch } from '../../reproductions/methods.js';
import { table2 } from '../../reproductions/table-2-spaces.js';
import { table3 } from '../../reproductions/table-3-darts.js';
import { table7 } from '../../reproductions/table-7-wide.js';
import { cellsWith } from './fake-view.js';

describe('methods that tables compare', () => {
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
