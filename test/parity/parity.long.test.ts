import { LARGE, caseById, checkCase } from './copied.js';

describe('parity: the largest copied cases are within tolerance', function () {
  this.timeout(300_000);
  for (const id of LARGE) {
    it(id, () => {
      checkCase(caseById(id));
    });
  }
});
