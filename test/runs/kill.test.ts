import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { openRun } from '../../lib/runs/store.js';
import { temporaryFolder } from '../datasets/helpers.js';
import { WRITER, checkKills, kill, start } from './kills.js';
import { PROTOCOL } from './writer-state.js';

describe('runs: a process killed while it writes', function () {
  this.timeout(120_000);
  const home = temporaryFolder();

  it('leaves a whole checkpoint with its metrics, and ends as if never killed', async () => {
    await checkKills(home(), 4);
  });

  it('keeps a second process out with a sentence while it lives, and lets it in when it is dead', async () => {
    const { child } = await start(home(), 1, { WRITER_HOLD: '1' });
    const run = openRun({ home: home(), ...PROTOCOL });
    expect(() => run.lock()).to.throw(
      new RegExp(
        `^Run ${run.key} is in use by process ${child.pid} since .*: wait until it is done, or stop it first\\.$`,
      ),
    );
    const second = spawn(process.execPath, [WRITER, home(), '1']);
    let said = '';
    second.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
    const [code] = (await once(second, 'close')) as [number];
    expect(code).to.equal(1);
    expect(said).to.match(new RegExp(`^InUseError: Run .* is in use by process ${child.pid} `));
    await kill(child);
    run.lock()();
  });

  it('lets exactly one of several processes take over a dead one’s lock', async () => {
    for (let round = 0; round < 3; round++) {
      await kill((await start(home(), 1, { WRITER_HOLD: '1' })).child);
      const attempts = await Promise.allSettled(
        Array.from({ length: 4 }, () => start(home(), 1, { WRITER_HOLD: '1' })),
      );
      const winners = attempts.flatMap((attempt) =>
        attempt.status === 'fulfilled' ? [attempt.value.child] : [],
      );
      for (const child of winners) await kill(child);
      expect(winners).to.have.length(1);
    }
  });
});
