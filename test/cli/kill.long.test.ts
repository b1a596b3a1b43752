import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { key, uniform } from '../../lib/math/random.js';
import { RUN, documentOf, lasting, savedSteps, storedResult, untilWriting } from './search-run.js';
import { endStarted, start, temporaryHome, zarts } from './zarts.js';

const KILLS = 6;

describe('zarts search, killed', function () {
  this.timeout(600_000);
  const whole = temporaryHome();
  const parts = temporaryHome();
  after(() => {
    endStarted();
    whole.remove();
    parts.remove();
  });

  it('at random moments, it goes on to the same result', async () => {
    const expected = documentOf(await zarts(RUN, { ZARTS_HOME: whole.home }));
    const env = { ZARTS_HOME: parts.home };
    // Killed at another moment each time: within two epochs of writing metrics and checkpoints.
    const seed = Date.now() % 2 ** 32;
    const kills: number[] = [];
    for (const share of uniform(key(seed), KILLS)) {
      const process = start(RUN, env);
      await untilWriting(parts.home, process);
      await Promise.race([delay(400 * share), process.outcome]);
      process.child.kill('SIGKILL');
      if ((await process.outcome).killedBy === 'SIGKILL') kills.push(savedSteps(parts.home));
    }
    expect(kills, 'steps saved when a process was killed').to.have.length.at.least(2);
    expect(kills, 'no saved step is ever lost').to.deep.equal([...kills].sort((a, b) => a - b));

    const last = await zarts(RUN, env);
    expect(last.code, `seed ${seed}: ${last.stderr}`).to.equal(0);
    expect(lasting(documentOf(last)), `seed ${seed}`).to.deep.equal(lasting(expected));
    expect(storedResult(parts.home, expected.key)).to.deep.equal(storedResult(whole.home, expected.key));
  });
});
