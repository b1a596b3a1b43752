import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { InterruptedError, UsageError, ZartsError } from '../../lib/errors.js';
import { HandedBackError, HopelessError, queueAddress, RunQueue, workOn } from '../../lib/runs/queue.js';
import type { Given, Task, Working } from '../../lib/runs/queue.js';
import { RESULT_VERSION } from '../../lib/runs/store.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { workOnTask } from '../../reproductions/queued.js';
import { EXPERIMENTS, experimentById } from '../../reproductions/registry.js';
import { reproduce } from '../../reproductions/reproduce.js';
import { taskIn, tasksOf } from '../../reproductions/task.js';
import { rejection, temporaryFolder } from '../datasets/helpers.js';
import { gated } from '../reproductions/fakes.js';
import { NO_REDIS, TestRedis } from './redis.js';

describe('queue: its address', () => {
  const scratch = temporaryFolder();
  const file = (text: string, mode = 0o600): string => {
    const path = join(scratch(), 'url');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return `@${path}`;
  };
  const SECRET = 'rediss://lab:s3cret@server:6390/2';

  it('is a URL, in a file or in the environment; what is shown of it has no password', () => {
    expect(queueAddress('redis://server').shown).to.equal('redis://server:6379');
    for (const given of [queueAddress(file(`${SECRET}\n`)), queueAddress('env', { ZARTS_QUEUE: SECRET })])
      expect(given).to.deep.equal({ url: SECRET, shown: 'rediss://server:6390/2' });
  });

  it('is refused where it shows a password to others, and where it is none', () => {
    expect(() => queueAddress(SECRET)).to.throw(UsageError, 'seen in the list of processes');
    expect(() => queueAddress(file(SECRET, 0o644))).to.throw(
      UsageError,
      /may be read by others than you; run: chmod 600/,
    );
    expect(() => queueAddress('@/nowhere')).to.throw(
      UsageError,
      /cannot be read from \/nowhere: no such file/,
    );
    for (const none of ['', 'server:6379', 'http://server', 'redis://', 'redis://server/a/b'])
      expect(() => queueAddress(none), none).to.throw(
        UsageError,
        /--queue holds no URL of a queue; it must be redis:/,
      );
    expect(() => queueAddress('env', {})).to.throw(UsageError, '$ZARTS_QUEUE holds no URL');
    for (const given of [file(SECRET, 0o644), SECRET]) {
      try {
        queueAddress(given);
      } catch (error) {
        expect((error as Error).message).to.not.include('s3cret');
      }
    }
  });
});

describe('queue: a payload', () => {
  const options = { data: 'synthetic' };
  const tasks: Task[] = [];
  before(async function () {
    this.timeout(60_000);
    const one = (run: Parameters<typeof tasksOf>[0]) => tasksOf(run, options);
    const cells = EXPERIMENTS.flatMap((experiment) => cellsOf(experiment, { budget: 'smoke', seeds: 1 }));
    // One run of each kind of each experiment is enough; photographs take long to be made up.
    const kinds = new Map(
      cells
        .filter(({ run }) => !JSON.stringify(run).includes('imagenet'))
        .map((cell) => [cell.run.kind, cell]),
    );
    for (const { run } of kinds.values()) tasks.push(...(await one(run)));
  });

  it('is read back as the task that it was, whatever the kind of run, after a way through JSON', () => {
    expect(new Set(tasks.map(({ payload }) => (payload.run as { kind: string }).kind))).to.have.length.above(
      7,
    );
    for (const { id, payload } of tasks) {
      expect(id).to.match(/^run-[0-9a-f]{32}$/);
      const { run, part } = taskIn(id, JSON.parse(JSON.stringify(payload)));
      expect([run, part]).to.deep.equal([payload.run, payload.part]);
    }
  });

  it('has the same id for what figures share, and another for other images', async () => {
    const [search] = tasks.filter(({ payload }) => (payload.run as { kind: string }).kind === 'search');
    const shared = tasks.filter(
      ({ payload }) => payload.part === 0 && JSON.stringify(payload.run).includes('"s2"'),
    );
    expect(shared.length).to.be.above(1);
    const { run } = taskIn(search.id, search.payload);
    expect((await tasksOf(run, options))[0].id).to.equal(search.id);
    const elsewhere = { ...search.payload, digests: ['0'.repeat(64)] };
    expect(() => taskIn(search.id, elsewhere)).to.throw(HopelessError, 'its id is not that of its run');
  });

  it('is refused when it is not one: another version, other fields, other settings, no kind of ours', () => {
    const [{ id, payload }] = tasks;
    const run = payload.run as Record<string, unknown>;
    for (const [changed, said] of [
      [
        { ...payload, resultVersion: RESULT_VERSION - 1 },
        `by result version ${RESULT_VERSION - 1}, and this worker is of`,
      ],
      [{ ...payload, command: 'rm -rf /' }, 'is no run of this suite'],
      [{ ...payload, run: { ...run, path: '/etc/passwd' } }, 'settings that are not known'],
      [{ ...payload, run: { kind: 'toString' } }, 'no kind that is known'],
      [
        { ...payload, run: { kind: 'search', search: { kind: 'search', epochs: 1e9 } } },
        'is no run of this suite',
      ],
      [{ ...payload, part: 7 }, 'has no part 7'],
      [{ ...payload, digests: ['../..'] }, 'digests'],
      [{ ...payload, run: { kind: 'search', search: 'x'.repeat(2_000_000) } }, 'characters'],
      [null, 'is no run of this suite'],
      ['run', 'is no run of this suite'],
      [[], 'is no run of this suite'],
    ] as const) {
      expect(() => taskIn(id, changed), said).to.throw(HopelessError, said);
    }
  });
});

(NO_REDIS === undefined ? describe : describe.skip)(
  `queue: on a real Redis${NO_REDIS === undefined ? '' : ` (${NO_REDIS})`}`,
  function () {
    // Toy functions take most of it, where the machine is busy.
    this.timeout(180_000);
    const scratch = temporaryFolder();
    let redis: TestRedis;
    let queue: RunQueue;
    const working: Working[] = [];
    before(async () => {
      redis = await TestRedis.start();
    });
    beforeEach(async () => {
      queue = await RunQueue.open(redis.url);
      await queue.drain();
    });
    afterEach(async () => {
      for (const each of working.splice(0)) await each.close();
      await queue.bull.obliterate({ force: true });
      await queue.close();
    });
    after(() => redis.stop());

    const task = (id: string): Task => ({ id: `run-${id}`, title: `title ${id}`, payload: { id } });
    const tasks = (count: number): Task[] =>
      Array.from({ length: count }, (_, i) => task(String(i).padStart(6, '0')));
    const nobody = { has: () => Promise.resolve(false) };
    async function hire(work: (given: Given) => Promise<void>, name = 'w'): Promise<string[]> {
      const said: string[] = [];
      working.push(await workOn(queue, name, work, (line) => said.push(line)));
      return said;
    }
    async function until(what: () => Promise<boolean> | boolean): Promise<void> {
      while (!(await what())) await new Promise((soon) => setTimeout(soon, 20));
    }
    const table1 = experimentById('table-1');
    const timeless = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (name, each: unknown) => (name === 'seconds' ? undefined : each)));
    const inHome = (name: string) => ({ budget: 'smoke' as const, seeds: 1, home: join(scratch(), name) });
    const runsIn = (name: string) => ({ home: join(scratch(), name, 'runs'), data: 'synthetic' });

    it('gives a table the same result as without, each run once, whoever asks and however often', async () => {
      const alone = await reproduce(table1, inHome('alone'));
      const done: string[] = [];
      for (const name of ['a', 'b']) {
        await hire(async (given) => {
          await workOnTask(given, runsIn('shared'), nobody);
          done.push(given.id);
        }, name);
      }
      const partial: number[] = [];
      const ask = () =>
        reproduce(table1, {
          ...inHome('shared'),
          queue,
          onPartial: ({ done: some }) => void partial.push(some),
        });
      const [first, second] = await Promise.all([ask(), ask()]);
      // To the order of its fields.
      expect(JSON.stringify(timeless(first.result))).to.equal(JSON.stringify(timeless(alone.result)));
      expect(timeless(second.result)).to.deep.equal(timeless(alone.result));
      expect(done.length).to.equal(new Set(done).size);
      expect(partial.length).to.be.above(0);
      expect(await queue.tables()).to.deep.equal([]);
      expect(await queue.counts()).to.deep.equal({ waiting: 0, active: 0, delayed: 0, failed: 0 });
      expect((await ask()).seconds).to.be.below(5);
      expect(done.length).to.equal(new Set(done).size);
    });

    it('gives workers only what is worth it once its control is there', async () => {
      const done: string[] = [];
      await hire(async (given) => {
        await workOnTask(given, runsIn('gated'), nobody);
        done.push(given.id);
      });
      const ask = (passes: boolean) =>
        reproduce(
          gated(() => passes),
          { ...inHome('gated'), queue },
        );
      expect((await ask(false)).result).to.deep.include({ of: 1 });
      expect(done).to.have.length(1);
      expect((await ask(true)).result).to.deep.include({ of: 4 });
      expect(done).to.have.length(4);
      expect((await ask(false)).done).to.equal(4);
      expect(await queue.tables()).to.deep.equal([]);
    });

    it('goes on when the command that asked is stopped, and is taken up again by the same command', async () => {
      const controller = new AbortController();
      const asked = reproduce(table1, { ...inHome('stopped'), queue, signal: controller.signal });
      await until(async () => (await queue.counts()).waiting > 0);
      controller.abort();
      expect(await rejection(asked)).to.be.instanceOf(InterruptedError);
      const [{ name, of, waiting }] = await queue.tables();
      expect([name, waiting]).to.deep.equal([name, of]);
      expect(name).to.match(/^table-1-smoke-[0-9a-f]{8}$/);
      await hire((given) => workOnTask(given, runsIn('stopped'), nobody));
      const { result } = await reproduce(table1, { ...inHome('stopped'), queue });
      expect(result.runs.length).to.equal(result.of);
    });

    it('asks again for what a queue has lost', async function () {
      this.timeout(120_000);
      const asked = reproduce(table1, { ...inHome('lost'), queue });
      await until(async () => (await queue.counts()).waiting > 0);
      await redis.restart();
      await hire((given) => workOnTask(given, runsIn('lost'), nobody));
      const { result } = await asked;
      expect(result.runs.length).to.equal(result.of);
    });

    it('parks a run that fails with its error, does not let it block the rest, and retries it when asked', async () => {
      let mended = false;
      const work = async (given: Given): Promise<void> => {
        if (!mended && given.title.startsWith('toy mgs')) throw new HopelessError('it cannot be');
        await workOnTask(given, runsIn('parked'), nobody);
      };
      const said = await hire(work);
      const error = await rejection(reproduce(table1, { ...inHome('parked'), queue }));
      expect(error).to.be.instanceOf(ZartsError);
      expect(error.message).to.match(
        /^table-1-smoke-\w+ lacks runs that failed: toy mgs seed 0 \(it cannot be\)\. See/,
      );
      expect(said.join('\n')).to.match(/toy mgs seed 0: failed \(try 1 of 3\): it cannot be/);
      const { failed } = await queue.counts();
      const parked = [];
      for await (const each of queue.runs(['failed'])) parked.push(each);
      expect(parked.length).to.equal(failed);
      expect(parked[0]).to.include({ state: 'failed', error: 'it cannot be' });
      mended = true;
      expect(await queue.retry()).to.equal(failed);
      const { result } = await reproduce(table1, { ...inHome('parked'), queue });
      expect(result.runs.length).to.equal(result.of);
    });

    it('takes no failed try from a run that is handed back, and gives it to whoever comes next', async () => {
      await queue.add([task('x')]);
      let times = 0;
      await hire(() => {
        times++;
        if (times < 6) throw new HandedBackError('', 0);
        return Promise.resolve();
      });
      await until(() => times === 6);
      await until(async () => (await queue.counts()).active === 0);
      expect((await queue.counts()).failed).to.equal(0);
    });

    it('cancels a table but what another wants, and drains', async () => {
      await queue.add(tasks(10));
      const ids = tasks(10).map(({ id }) => id);
      await queue.claimTable('table-a', ids.slice(0, 6));
      await queue.claimTable('table-b', ids.slice(4));
      expect(await rejection(queue.claimTable('table-a', ids))).to.be.instanceOf(UsageError);
      expect((await rejection(queue.cancel('table-c'))).message).to.include('it has table-a, table-b');
      expect(await queue.cancel('table-a')).to.equal(4);
      expect((await queue.counts()).waiting).to.equal(6);
      expect(await queue.drain()).to.equal(6);
      expect([await queue.tables(), (await queue.counts()).waiting]).to.deep.equal([[], 0]);
    });

    it('lists 10,000 runs within a second, without their payloads', async () => {
      const payload = { text: 'x'.repeat(2000) };
      await queue.add(tasks(10_000).map((each) => ({ ...each, payload })));
      const heap = process.memoryUsage().heapUsed;
      const began = performance.now();
      let count = 0;
      for await (const { title } of queue.runs()) if (title.startsWith('title ')) count++;
      const ms = performance.now() - began;
      expect(count).to.equal(10_000);
      expect(ms).to.be.below(1000);
      expect(process.memoryUsage().heapUsed - heap).to.be.below(20e6);
    });

    it('refuses a server that may drop runs, that wants another password, and one that is not there', async () => {
      const other = await TestRedis.start('--requirepass', 'right', '--maxmemory-policy', 'allkeys-lru');
      const url = (password: string): string => {
        process.env.ZARTS_QUEUE = `redis://:${password}@127.0.0.1:${other.port}`;
        return 'env';
      };
      try {
        for (const given of [url('wrong'), other.url]) {
          const { message } = await rejection(RunQueue.open(given));
          expect(message).to.match(/^The queue at redis:\/\/127\.0\.0\.1:\d+ refuses the password/);
          expect(message).to.not.include('wrong@');
        }
        const { message } = await rejection(RunQueue.open(url('right')));
        expect(message).to.match(
          /drops keys when its memory is full \(maxmemory-policy allkeys-lru\).* set it to noeviction/,
        );
      } finally {
        delete process.env.ZARTS_QUEUE;
        await other.stop();
      }
      expect((await rejection(RunQueue.open(other.url))).message).to.match(
        /cannot be reached: connect ECONNREFUSED .*Start Redis there/,
      );
    });

    it('refuses a server that is too old', async () => {
      const info = 'redis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\nloading:0\r\n';
      const old = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (data) => {
          const commands = data
            .toString()
            .split(/\*\d+\r\n/)
            .slice(1);
          for (const each of commands)
            socket.write(
              /info/i.test(each) && !/client/i.test(each) ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n',
            );
        });
      }).listen(0, '127.0.0.1');
      await once(old, 'listening');
      const { port } = old.address() as AddressInfo;
      const { message } = await rejection(RunQueue.open(`redis://127.0.0.1:${port}`));
      old.close();
      expect(message).to.match(/is Redis 6\.2\.14; it must be 7 or later, or Valkey/);
    });

    it('costs little: under 50 ms a run', async () => {
      await queue.add(tasks(300));
      let done = 0;
      const began = performance.now();
      await hire(() => {
        done++;
        return Promise.resolve();
      });
      await until(() => done === 300);
      expect((performance.now() - began) / 300).to.be.below(50);
    });

    it('knows its workers by name', async () => {
      await hire(() => Promise.resolve(), 'host-1-abcdef01');
      expect(await queue.workers()).to.deep.equal(['host-1-abcdef01']);
    });
  },
);
