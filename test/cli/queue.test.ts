import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { gpuVariables } from '../../bin/cli/worker.js';
import { slurmScript } from '../../bin/cli/slurm.js';
import { gpuModel } from '../../lib/engine/device.js';
import { UsageError } from '../../lib/errors.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { experimentById } from '../../reproductions/registry.js';
import { groupsOf, shareOf } from '../../reproductions/shares.js';
import { SMALL_TABLE_2, writeStandIn } from '../support/stand-in.js';
import { freePort, NO_REDIS, TestRedis } from '../queue/redis.js';
import { temporaryHome, zarts } from './zarts.js';

describe('zarts worker, queue and reproduce --queue: what they are given', function () {
  this.timeout(60_000);
  for (const [args, code, said] of [
    [
      ['worker', '--queue', 'redis://u:p4ss@h'],
      2,
      /password in --queue would be seen in the list of processes/,
    ],
    [['worker', '--queue', 'http://h'], 2, /holds no URL of a queue/],
    [['worker', '--queue', 'env'], 2, /^\$ZARTS_QUEUE holds no URL/],
    [['worker', '--queue', 'redis://127.0.0.1:1', '--concurrency', '0'], 2, /^--concurrency is "0"/],
    [['worker', '--queue', 'redis://127.0.0.1:1', '--gpu', 'first'], 2, /^--gpu is "first"/],
    [
      ['worker', '--queue', 'redis://127.0.0.1:1', '--gpu', '0', '--concurrency', '2'],
      2,
      /start a worker for each GPU/,
    ],
    [
      ['worker', '--queue', 'redis://127.0.0.1:1'],
      1,
      /^The queue at redis:\/\/127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED/,
    ],
    [['queue', 'stauts', '--queue', 'redis://h'], 2, /Did you mean "status"/],
    [['queue', 'cancel', '--queue', 'redis://h'], 2, /takes the name of one table/],
    [['queue', 'drain', 'all', '--queue', 'redis://h'], 2, /takes no further argument/],
    [['queue', 'status', '--queue', 'redis://127.0.0.1:1'], 1, /cannot be reached/],
    [['reproduce', 'table-1', '--queue', 'redis://127.0.0.1:1', '--budget', 'smoke'], 1, /cannot be reached/],
    [['reproduce', 'table-1', '--share', '0/4'], 2, /^--share is "0\/4"; it must be e\.g\. 3\/40/],
    [['reproduce', 'table-1', '--share', '1/4', '--slurm'], 2, /three ways to spread runs; choose one/],
    [['reproduce', 'table-1', '--share', '1/4', '--stored'], 2, /--stored computes nothing/],
    [['list', '--machines', '0'], 2, /^--machines is "0"/],
  ] as const) {
    it(`${args.join(' ')}: ${code}`, async () => {
      const outcome = await zarts(args, { ZARTS_QUEUE: '' });
      expect(outcome.stderr).to.match(said);
      expect(outcome.stderr).to.not.include('p4ss');
      expect(outcome.code).to.equal(code);
    });
  }

  it('passes on to TensorFlow which GPU it sees, and that memory grows', () => {
    expect(gpuVariables('3')).to.deep.equal({ CUDA_VISIBLE_DEVICES: '3', TF_FORCE_GPU_ALLOW_GROWTH: 'true' });
    expect(gpuVariables(undefined)).to.deep.equal({ TF_FORCE_GPU_ALLOW_GROWTH: 'true' });
    expect(() => gpuVariables('0; rm')).to.throw(UsageError);
  });
});

describe('the device of a run’s record', () => {
  const { home, remove } = temporaryHome();
  after(remove);

  it('names the GPU that was chosen, by what the driver calls it', () => {
    const smi = join(home, 'nvidia-smi');
    writeFileSync(smi, '#!/bin/sh\necho "NVIDIA ${3#--id=}"\n', { mode: 0o755 });
    const env = { PATH: `${home}:/usr/bin:/bin` };
    expect(gpuModel({ ...env, CUDA_VISIBLE_DEVICES: '3' })).to.equal('NVIDIA 3');
    expect(gpuModel(env)).to.equal('NVIDIA 0');
    expect(gpuModel({ PATH: '/nowhere' })).to.equal('unknown');
  });
});

describe('zarts list --machines', () => {
  it('has hours, memory and disk of every figure and table, with the formulas', async () => {
    const { code, stdout } = await zarts(['list', '--machines', '16', '--json']);
    expect(code).to.equal(0);
    const { needs, model } = JSON.parse(stdout) as {
      needs: {
        id: string;
        budget: string;
        hours: number;
        hoursOnAll: number;
        longestHours: number;
        memoryBytes: number;
        diskBytes: number;
      }[];
      model: Record<string, string>;
    };
    expect(Object.keys(model)).to.have.members(['step', 'trainingStep', 'memory', 'disk']);
    const table2 = needs.find(({ id, budget }) => id === 'table-2' && budget === 'full')!;
    expect(table2.hoursOnAll).to.be.closeTo(Math.max(table2.hours / 16, table2.longestHours), 1e-9);
    expect(table2.hours).to.be.above(1000);
    for (const { memoryBytes, diskBytes } of needs) {
      expect(memoryBytes).to.be.within(3e8, 1e11);
      expect(diskBytes).to.be.within(1e3, 1e12);
    }
    expect((await zarts(['list', '--machines', '16'])).stdout).to.match(
      /no\s+less\s+than\s+the\s+longest\s+chain/,
    );
  });
});

describe('zarts reproduce in shares, and for Slurm', function () {
  this.timeout(120_000);
  const { home, remove } = temporaryHome();
  after(remove);
  const cells = cellsOf(experimentById('table-2'), { budget: 'smoke' });

  const grids = ['table-2', 'fig-5', 'table-1'].map((id) => cellsOf(experimentById(id), { budget: 'smoke' }));
  const groups = groupsOf(grids.flat());

  it('shares of several tables have every run once, what needs the same run first in one, and as many groups', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 * groups.length }), (shares) => {
        const parts = Array.from({ length: shares }, (_, i) => shareOf(grids, i + 1, shares));
        for (const [g, grid] of grids.entries())
          expect(parts.flatMap((part) => part[g]))
            .to.have.members(grid)
            .and.to.have.length(grid.length);
        const counts = parts.map((part) => groupsOf(part.flat()).length);
        expect(counts.reduce((sum, each) => sum + each)).to.equal(groups.length);
        expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
      }),
      { numRuns: 20 },
    );
  });

  const script = (): string =>
    slurmScript(
      cells,
      ['reproduce', 'table-2', '--set', "a=b'; echo no", '--data', '/my data'],
      'table-2-smoke',
      { ZARTS_HOME: home },
    );

  it('is a script that bash, and shellcheck where it is installed, have nothing against', function () {
    const file = join(home, 'job.sh');
    writeFileSync(file, script());
    expect(spawnSync('bash', ['-n', file], { encoding: 'utf8' }).stderr).to.equal('');
    const { status, stdout, error } = spawnSync('shellcheck', [file], { encoding: 'utf8' });
    if (error === undefined) expect(stdout).to.equal('');
    else this.skip();
    expect(status).to.equal(0);
  });

  it('computes one share a task, forwards the signal of a time limit, and is put into the queue again', () => {
    const text = script();
    expect(text).to.match(/^#!\/bin\/bash\n#SBATCH --job-name=zarts-table-2-smoke\n#SBATCH --array=1-\d+\n/);
    for (const needed of [
      '--requeue',
      '--signal=B:TERM@120',
      'scontrol requeue',
      '--share "${SLURM_ARRAY_TASK_ID}/',
    ])
      expect(text).to.include(needed);
    // What a task does, with stand-ins for the command and for Slurm: stopped by TERM, it ends with 130.
    const bin = join(home, 'bin');
    mkdirSync(bin);
    for (const [name, does] of [
      [
        'node',
        `echo "$@" > ${home}/args; trap 'sleep 0.2; exit 130' TERM; sleep 1; kill -TERM $PPID; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; done`,
      ],
      ['scontrol', `echo "$@" > ${home}/scontrol`],
    ]) {
      writeFileSync(join(bin, name), `#!/bin/bash\n${does}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const env = { PATH: `${bin}:${process.env.PATH}`, SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_JOB_ID: '77' };
    const { status, stderr } = spawnSync('bash', ['--norc', '-c', text], {
      env,
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
    expect(readFileSync(join(home, 'scontrol'), 'utf8')).to.equal('requeue 77_3\n');
    expect(readFileSync(join(home, 'args'), 'utf8')).to.match(
      /reproduce table-2 --set a=b'; echo no --data \/my data --share 3\/\d+ --quiet\n$/,
    );
  });

  it('has computed images, and folders of images by their whole path, as ZARTS_DATA says', () => {
    const text = (data: string) =>
      slurmScript(cells, ['reproduce', 'table-2'], 'table-2-smoke', { ZARTS_HOME: home, ZARTS_DATA: data });
    expect(text('synthetic')).to.include('\nexport ZARTS_DATA=synthetic\n');
    expect(text('images')).to.include(`\nexport ZARTS_DATA=${resolve('images')}\n`);
  });

  it('a share without its images says which, and fails; with --json it is one document', async () => {
    const data = join(home, 'images');
    await writeStandIn(data, 'cifar10', { train: 500, test: 50, imagesPerFile: 100 });
    const changes = SMALL_TABLE_2.flatMap((each) => ['--set', each]);
    const args = [
      'reproduce',
      'table-2',
      '--budget',
      'smoke',
      '--quiet',
      '--json',
      ...changes,
      '--seeds',
      '1',
    ];
    const env = { ZARTS_HOME: join(home, 'other') };
    const lacking = await zarts([...args, '--share', '1/1', '--data', data], env);
    expect(lacking.code).to.equal(1);
    expect(lacking.stderr).to.match(/^SVHN is not in the folder of data sets named/);
    const { missing, ...told } = JSON.parse(lacking.stdout) as { missing: string[] };
    expect(told).to.deep.equal({ id: 'table-2', share: 1, shares: 1, done: 2, of: 4 });
    expect(missing).to.have.length(1);
    const nothing = await zarts([...args, '--share', '999/999', '--data', 'synthetic'], env);
    expect(nothing.code).to.equal(0);
    expect(JSON.parse(nothing.stdout)).to.deep.equal({
      ...{ id: 'table-2', share: 999, shares: 999, done: 0, of: 0, missing: [] },
    });
  });

  it('makes the runs of a share and no table; the command makes that of all shares at once', async () => {
    const env = { ZARTS_HOME: home };
    for (const share of ['1/2', '2/2']) {
      const { code, stdout } = await zarts(
        ['reproduce', 'table-1', '--budget', 'smoke', '--share', share, '--quiet'],
        env,
      );
      expect([code, stdout]).to.deep.equal([
        0,
        `table-1, share ${share.replace('/', ' of ')}: 4 of 4 runs are there.\n`,
      ]);
    }
    expect(existsSync(join(home, 'results'))).to.equal(false);
    const { stdout } = await zarts(['reproduce', 'table-1', '--budget', 'smoke', '--quiet', '--json'], env);
    expect((JSON.parse(stdout) as { done: number }).done).to.equal(8);
    expect(readdirSync(join(home, 'runs'))).to.have.length(8);
  });
});

const MAIN = join(__dirname, '..', 'queue', 'zarts-main.js');
const withRedis = NO_REDIS === undefined ? describe : describe.skip;
withRedis('a queue with TLS and a password', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  after(remove);

  it('is used with the authority of its certificate, refused without, and its password is in no output', async function () {
    const [certificate, secret] = ['c.pem', 'k.pem'].map((name) => join(home, name));
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=DNS:localhost', '-keyout', secret, '-out', certificate];
    if (spawnSync('openssl', [...request, ...names]).status !== 0) this.skip();
    const tls = ['--tls-cert-file', certificate, '--tls-key-file', secret, '--tls-ca-cert-file', certificate];
    const port = await freePort();
    const redis = await TestRedis.start(
      '--tls-port',
      String(port),
      ...tls,
      '--tls-auth-clients',
      'no',
      '--requirepass',
      'pw-1234',
    );
    try {
      const env = { ...process.env, ZARTS_QUEUE: `rediss://:pw-1234@localhost:${port}` };
      const status = (more: object) =>
        spawnSync(process.execPath, [MAIN, 'queue', 'status', '--queue', 'env'], {
          env: { ...env, ...more },
          encoding: 'utf8',
        });
      const trusted = status({ NODE_EXTRA_CA_CERTS: certificate });
      expect(trusted.stderr).to.equal('');
      expect(trusted.stdout).to.match(new RegExp(`^rediss://localhost:${port}: 0 under way`));
      const stranger = status({});
      expect([stranger.status, stranger.stderr.includes('self-signed certificate')]).to.deep.equal([1, true]);
      expect(trusted.stdout + stranger.stderr).to.not.include('pw-1234');
    } finally {
      await redis.stop();
    }
  });
});

withRedis('zarts queue page', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  let redis: TestRedis;
  before(async () => {
    redis = await TestRedis.start();
  });
  after(async () => {
    await redis.stop();
    remove();
  });
  /** Does something while a page is served. */
  async function served(args: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
    const port = await freePort();
    const child = spawn(process.execPath, [
      MAIN,
      'queue',
      'page',
      '--queue',
      redis.url,
      '--port',
      String(port),
      ...args,
    ]);
    const exit = once(child, 'exit');
    try {
      await Promise.race([once(child.stdout, 'data'), exit]);
      await work(`http://127.0.0.1:${port}`);
    } finally {
      child.kill('SIGTERM');
      expect((await exit)[0]).to.equal(130);
    }
  }
  const statusOf = async (url: string, options: RequestInit = {}): Promise<number> =>
    (await fetch(url, { redirect: 'manual', ...options })).status;

  it('is to look at only, and only for this machine by its own name', async () => {
    await served([], async (url) => {
      const page = await fetch(url);
      expect(page.status).to.equal(200);
      expect(page.headers.get('content-security-policy')).to.match(/^default-src 'self'; /);
      expect(await statusOf(`${url}/api/queues?page=1`)).to.equal(200);
      for (const change of ['pause', 'empty', 'clean/failed'])
        expect(await statusOf(`${url}/api/queues/runs/${change}`, { method: 'PUT' }), change).to.be.above(
          399,
        );
      const other = spawnSync(
        'curl',
        ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: evil.example', url],
        { encoding: 'utf8' },
      );
      if (other.error === undefined) expect(other.stdout).to.equal('403');
    });
  });

  it('opens to a token, and to nobody else, wherever it is served', async () => {
    const file = join(home, 'token');
    const token = 'correct-horse-battery';
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    await served(['--host', '0.0.0.0', '--token', file], async (url) => {
      expect(await statusOf(url)).to.equal(401);
      expect(await statusOf(`${url}/api/queues`, { headers: { cookie: 'zarts-token=wrong' } })).to.equal(401);
      const opened = await fetch(`${url}/?token=${token}`, { redirect: 'manual' });
      expect(opened.status).to.equal(302);
      const [cookie] = opened.headers.get('set-cookie')!.split(';');
      expect(await statusOf(`${url}/api/queues?page=1`, { headers: { cookie } })).to.equal(200);
      expect(await statusOf(`${url}/`, { headers: { authorization: `Bearer ${token}` } })).to.equal(200);
    });
  });

  it('is served to others with a good token only', async () => {
    const file = join(home, 'short');
    writeFileSync(file, 'short', { mode: 0o600 });
    for (const [args, said] of [
      [['--host', '0.0.0.0'], /lets others see the page, so it needs --token FILE/],
      [['--token', file], /too short; it must have at least 16 characters/],
      [['--token', join(home, 'none')], /cannot be read from .*none: no such file/],
    ] as const) {
      const { code, stderr } = await zarts(['queue', 'page', '--queue', redis.url, ...args]);
      expect([code, said.test(stderr)], stderr).to.deep.equal([2, true]);
    }
  });
});
