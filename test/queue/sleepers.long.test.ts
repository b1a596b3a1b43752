import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { RunQueue, workOn } from '../../lib/runs/queue.js';
import type { Working } from '../../lib/runs/queue.js';
import { NO_REDIS, TestRedis } from './redis.js';

const WORKERS = 64;
const RUNS = 100_000;
/** Milliseconds of a run; a real one takes minutes to days, so that what the queue costs is seen here at its largest. */
const SLEEP_MS = 1_000;
const WINDOW_MS = 40_000;

const say = (line: string): void => {
  console.log(`      slowdown against ideal: ${line}`);
};

(NO_REDIS === undefined ? describe : describe.skip)(
  'queue: 64 workers and 100,000 runs that sleep for a second',
  function () {
    this.timeout(600_000);

    it('get at most a tenth less done than without a queue, when it is full and when it is nearly empty', async () => {
      const redis = await TestRedis.start();
      const queue = await RunQueue.open(redis.url);
      const workers: Working[] = [];
      try {
        const tasks = Array.from({ length: RUNS }, (_, i) => {
          const id = `run-${String(i).padStart(32, '0')}`;
          return { id, title: `sleep ${i}`, payload: { id, text: 'x'.repeat(1000) } };
        });
        let began = performance.now();
        await queue.add(tasks);
        const addMs = performance.now() - began;
        let [done, now, most] = [0, 0, 0];
        for (let i = 0; i < WORKERS; i++) {
          const work = async (): Promise<void> => {
            most = Math.max(most, ++now);
            await delay(SLEEP_MS);
            now--;
            done++;
          };
          workers.push(await workOn(queue, `w${i}`, work, () => undefined));
        }
        const slowdown = async (): Promise<number> => {
          await delay(2 * SLEEP_MS);
          const [before, at] = [done, performance.now()];
          await delay(WINDOW_MS);
          const ideal = (WORKERS * (performance.now() - at)) / SLEEP_MS;
          return ideal / (done - before);
        };
        const full = await slowdown();
        expect((await queue.counts()).waiting).to.be.above(RUNS / 2);
        began = performance.now();
        await queue.ids();
        const listMs = performance.now() - began;
        say(
          `${(addMs / RUNS).toFixed(3)} ms to add a run; ${RUNS} ids in ${listMs.toFixed(0)} ms; full queue ${full.toFixed(3)}`,
        );
        await queue.drain();
        await queue.add(tasks.slice(0, Math.ceil((1.5 * WORKERS * WINDOW_MS) / SLEEP_MS)));
        const empty = await slowdown();
        say(`nearly empty ${empty.toFixed(3)}`);
        expect(most).to.equal(WORKERS);
        expect(full).to.be.below(1.1);
        expect(empty).to.be.below(1.1);
      } finally {
        await queue.drain();
        await Promise.all(workers.map((each) => each.close()));
        await queue.close();
        await redis.stop();
      }
    });
  },
);
