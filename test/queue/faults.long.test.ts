import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { temporaryFolder } from '../datasets/helpers.js';
import { faultRun } from './fault-run.js';
import { NO_REDIS } from './redis.js';

/** `ZARTS_KILLS=100` is the whole fault run, of an hour. */
const KILLS = Number(process.env.ZARTS_KILLS ?? 6);

(NO_REDIS === undefined ? describe : describe.skip)(
  'queue: a room of machines in which much goes wrong',
  function () {
    this.timeout(2 * 3_600_000);
    const folder = temporaryFolder();

    it(`ends every table whole and equal to the undisturbed one: ${KILLS} kills, Redis lost, a full disk, a stopped worker`, async () => {
      const table = [
        'table-5',
        '--budget',
        'smoke',
        '--data',
        'synthetic',
        '--seeds',
        '2',
        '--set',
        'epochs=12',
      ];
      const report = await faultRun({ folder: folder(), kills: KILLS, between: [20, 30], table });
      console.log(JSON.stringify(report));
      expect(report.kills).to.be.at.least(KILLS);
      expect(report.equal, 'rounds whose table was equal').to.equal(report.rounds);
      rmSync(folder(), { recursive: true, force: true });
    });
  },
);
