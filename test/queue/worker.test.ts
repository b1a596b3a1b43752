import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { HandedBackError, RunQueue } from '../../lib/runs/queue.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { partsOf, runStored } from '../../reproductions/kinds.js';
import { workOnTask } from '../../reproductions/queued.js';
import { experimentById } from '../../reproductions/registry.js';
import { tasksOf } from '../../reproductions/task.js';
import { parseSet } from '../../reproductions/grid.js';
import { rejection, temporaryFolder } from '../datasets/helpers.js';
import { NO_REDIS, TestRedis } from './redis.js';

const OPTIONS = { data: 'synthetic' };
const nobody = { has: () => Promise.resolve(false) };
const share = (): void => undefined;

describe('queue: a run that cannot be computed now is handed back', () => {
  const home = temporaryFolder();
  const [{ run }] = cellsOf(experimentById('table-1'), { budget: 'smoke', seeds: 1 });
  const handed = async (folder: string): Promise<HandedBackError> => {
    const [{ id, payload }] = await tasksOf(run, OPTIONS);
    const error = await rejection(workOnTask({ id, payload, share }, { ...OPTIONS, home: folder }, nobody));
    expect(error).to.be.instanceOf(HandedBackError);
    return error as HandedBackError;
  };

  it('because the store cannot be written', async () => {
    const file = join(home(), 'no-folder');
    writeFileSync(file, '');
    const { message, delayMs } = await handed(file);
    expect(message).to.match(/folder .* cannot be created: not a directory \(ENOTDIR\)/);
    expect(delayMs).to.be.above(5_000);
  });

  it('because somebody else has it, also without a queue', async () => {
    const folder = join(home(), 'runs');
    await runStored(partsOf(run)[0].protocol([]), { ...OPTIONS, home: folder });
    const [key] = readdirSync(folder);
    rmSync(join(folder, key, 'result.json'));
    const other = spawn(process.execPath, [
      '-e',
      `require(${JSON.stringify(join(__dirname, '../../lib/runs/lock.js'))}).acquireLock(${JSON.stringify(join(folder, key, 'lock'))}, 'It'); console.log('held'); setInterval(() => 0, 1000)`,
    ]);
    try {
      await once(other.stdout, 'data');
      expect((await handed(folder)).message).to.match(new RegExp(`is in use by process ${other.pid} since`));
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('because its images are not here', async () => {
    const [cell] = cellsOf(experimentById('fig-4'), { budget: 'smoke', seeds: 1 });
    const [{ id, payload }] = await tasksOf(cell.run, OPTIONS);
    const options = { data: join(home(), 'no-images'), home: join(home(), 'empty') };
    const error = await rejection(
      workOnTask({ id, payload: { ...payload, synthetic: false }, share }, options, nobody),
    );
    expect(error).to.be.instanceOf(HandedBackError);
    expect(error.message).to.include('no-images does not exist');
  });

  it('because what it begins with is not there yet', async () => {
    const cell = cellsOf(experimentById('table-5'), { budget: 'smoke', seeds: 1 }).find(
      (each) => each.run.kind === 'training' && each.run.search,
    )!;
    const [, { id, payload }] = await tasksOf(cell.run, OPTIONS);
    const error = await rejection(
      workOnTask({ id, payload, share }, { ...OPTIONS, home: join(home(), 'empty') }, nobody),
    );
    expect(error).to.be.instanceOf(HandedBackError);
    expect(error.message).to.equal('');
  });
});

(NO_REDIS === undefined ? describe : describe.skip)('zarts worker, a process of its own', function () {
  this.timeout(180_000);
  const scratch = temporaryFolder();

  it('keeps the state of its run when it is stopped and hands it back; another goes on to the same result', async () => {
    const redis = await TestRedis.start();
    const queue = await RunQueue.open(redis.url);
    const change = parseSet(['epochs=40']);
    const [{ run }] = cellsOf(experimentById('fig-4'), { budget: 'smoke', seeds: 1, change });
    const protocol = partsOf(run)[0].protocol([]);
    const home = join(scratch(), 'home');
    const start = () => {
      const env = { ...process.env, ZARTS_HOME: home, ZARTS_QUEUE: redis.url };
      const child = spawn(process.execPath, [join(__dirname, 'zarts-main.js'), 'worker', '--queue', 'env'], {
        env,
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      return { child, exit: once(child, 'exit'), said: () => said };
    };
    const checkpoints = (): number => {
      const folder = join(home, 'runs');
      const [key] = existsSync(folder) ? readdirSync(folder) : [];
      return key === undefined ? 0 : readdirSync(join(folder, key, 'checkpoint')).length;
    };
    try {
      const [task] = await tasksOf(run, OPTIONS);
      await queue.add([task]);
      const first = start();
      while (checkpoints() < 2) await delay(20);
      expect((await queue.counts()).active).to.equal(1);
      first.child.kill('SIGTERM');
      expect((await first.exit)[0]).to.equal(130);
      expect(first.said()).to.match(/stopped, its state is kept/);
      const { waiting, delayed, failed } = await queue.counts();
      expect([waiting + delayed, failed]).to.deep.equal([1, 0]);

      const second = start();
      const folder = join(home, 'runs', readdirSync(join(home, 'runs'))[0]);
      while (!existsSync(join(folder, 'result.json'))) await delay(50);
      while ((await queue.counts()).active > 0) await delay(50);
      second.child.kill('SIGTERM');
      await second.exit;
      const { result } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as { result: unknown };
      const alone = await runStored(protocol, { ...OPTIONS, home: join(scratch(), 'alone') });
      expect(result).to.deep.equal(alone.result);
      expect(await queue.counts()).to.deep.equal({ waiting: 0, active: 0, delayed: 0, failed: 0 });
    } finally {
      await queue.close();
      await redis.stop();
    }
  });
});

describe('two commands that share a store, without a queue', function () {
  this.timeout(180_000);
  const home = temporaryFolder();

  it('share the work: neither ends before all of it is there, and no run is computed by both', async () => {
    const env = { ...process.env, ZARTS_HOME: home() };
    const args = ['reproduce', 'table-1', '--budget', 'smoke', '--json'];
    const both = [1, 2].map(() => {
      const child = spawn(process.execPath, [join(__dirname, 'zarts-main.js'), ...args], { env });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      return once(child, 'close').then(([code]) => ({ code: code as number, stdout, stderr }));
    });
    const [first, second] = await Promise.all(both);
    expect([first.code, second.code], first.stderr + second.stderr).to.deep.equal([0, 0]);
    const results = [first, second].map(({ stdout }) => (JSON.parse(stdout) as { result: unknown }).result);
    // Times of computing and all: whose run it was does not matter, it is the one that the store has.
    expect(results[0]).to.deep.equal(results[1]);
  });
});
