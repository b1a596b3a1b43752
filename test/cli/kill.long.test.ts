import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { key, uniform } from '../../lib/math/random.js';
import { RUN, documentOf, lasting, savedSteps, storedResult, untilWriting } from './search-run.js';
import { endStarted, start, temporaryHome, zarts } from './zarts.js';

/** A search at the paper's size, of 4 weight steps and 4 alpha updates an epoch. */
const FULL_SIZE = [
  ...['search', '--space', 's2', '--solver', 'darts-1st', '--budget', 'smoke', '--data', 'synthetic'],
  ...['cells=8', 'channels=16', 'dataset.imageSide=32', 'dataset.trainSize=128', 'batchSize=16', 'epochs=6']
    .map((assignment) => ['--set', assignment])
    .flat(),
  '--json',
];

/** Kills a search at random moments and checks that it ends as if nothing had been. @param within  Milliseconds after it began to write. */
async function checkKilled(
  args: readonly string[],
  homes: { readonly whole: string; readonly parts: string },
  { kills, within }: { readonly kills: number; readonly within: number },
): Promise<void> {
  const { whole, parts } = homes;
  const expected = documentOf(await zarts([...args], { ZARTS_HOME: whole }));
  const env = { ZARTS_HOME: parts };
  const seed = Date.now() % 2 ** 32;
  const saved: number[] = [];
  for (const share of uniform(key(seed), kills)) {
    const process = start([...args], env);
    await untilWriting(parts, process);
    await Promise.race([delay(within * share), process.outcome]);
    process.child.kill('SIGKILL');
    if ((await process.outcome).killedBy === 'SIGKILL') saved.push(savedSteps(parts));
  }
  expect(saved, 'steps saved when a process was killed').to.have.length.at.least(2);
  expect(saved, 'no saved step is ever lost').to.deep.equal([...saved].sort((a, b) => a - b));

  const last = await zarts([...args], env);
  expect(last.code, `seed ${seed}: ${last.stderr}`).to.equal(0);
  expect(lasting(documentOf(last)), `seed ${seed}`).to.deep.equal(lasting(expected));
  expect(storedResult(parts, expected.key)).to.deep.equal(storedResult(whole, expected.key));
}

describe('zarts search, killed at random moments, goes on to the same result', function () {
  this.timeout(1_800_000);
  const homes = () => ({ whole: temporaryHome(), parts: temporaryHome() });
  const [small, full] = [homes(), homes()];
  after(() => {
    endStarted();
    for (const { whole, parts } of [small, full]) {
      whole.remove();
      parts.remove();
    }
  });

  for (const [what, args, { whole, parts }, how] of [
    // Within two epochs of writing metrics and checkpoints.
    ['at smoke', RUN, small, { kills: 6, within: 400 }],
    ["at the paper's size", FULL_SIZE, full, { kills: 10, within: 4000 }],
  ] as const) {
    it(what, () => checkKilled(args, { whole: whole.home, parts: parts.home }, how));
  }
});
