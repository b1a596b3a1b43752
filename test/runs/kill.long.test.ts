import { expect } from 'chai';
import { temporaryFolder } from '../datasets/helpers.js';
import { checkKills } from './kills.js';

const KILLS = 40;

describe('runs: a process killed while it writes, many times', function () {
  this.timeout(600_000);
  const home = temporaryFolder();

  it(`leaves a whole checkpoint with its metrics, ${KILLS} times out of ${KILLS}, and ends as if never killed`, async () => {
    expect(await checkKills(home(), KILLS), 'some came in the middle of a checkpoint').to.be.above(0);
  });
});
