import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { fetchData, fetchDataOrSynthetic } from '../../bin/cli/data.js';
import { ZartsError } from '../../lib/errors.js';
import { silent } from '../../lib/progress.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import { parseGenotype } from '../../lib/spaces/genotype.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { FIXTURES } from '../support/fixtures.js';
import { longIt } from '../support/long.js';
import { endStarted, spawned, temporaryHome, zarts } from './zarts.js';

const PNG_SIGNATURE = '89504e470d0a1a0a';
const isPng = (path: string): boolean => readFileSync(path).subarray(0, 8).toString('hex') === PNG_SIGNATURE;

describe('zarts list', function () {
  this.timeout(60_000);
  const IDS = [
    ...Array.from({ length: 9 }, (_, i) => `fig-${i + 1}`),
    ...Array.from({ length: 7 }, (_, i) => `table-${i + 1}`),
    'extra-nb201',
    'extra-curvature',
  ];

  it('lists every figure and table once, with what it takes', async () => {
    const { home, remove } = temporaryHome();
    const { code, stdout, stderr } = await zarts(['list'], { ZARTS_HOME: home });
    remove();
    expect(code).to.equal(0);
    expect(stderr).to.equal('');
    for (const id of IDS) expect(stdout.match(new RegExp(`^${id} .*$`, 'gm')), id).to.have.length(1);
    expect(stdout).to.match(/^fig-4 .*~\d+ (s|min) .*~\d+ (min|h) .*~\d+ days/m);
  });

  it('--json is one document with the same', async () => {
    const { stdout } = await spawned(['list', '--json']);
    const listed = JSON.parse(stdout) as {
      id: string;
      seconds: Record<string, number>;
      results: string[];
    }[];
    expect(listed.map(({ id }) => id)).to.deep.equal(IDS);
    for (const { id, seconds } of listed) {
      const times = Object.values(seconds);
      expect(times, id).to.have.length(3);
      expect(Math.min(...times), id).to.be.above(0);
    }
  });
});

describe('zarts reproduce', function () {
  this.timeout(180_000);
  const { home, remove } = temporaryHome();
  const env = { ZARTS_HOME: home };
  after(() => {
    endStarted();
    remove();
  });
  // One search: the sweep's cells become equal by what is set.
  const ARGS = [
    'reproduce',
    'fig-4',
    '--budget',
    'smoke',
    '--data',
    'synthetic',
    '--preset',
    'flat',
    '--seeds',
    '1',
  ];
  const SETTINGS = ['epochs=2', 'solver.samples=2', 'solver.sigmaSchedule=cosine'].flatMap((each) => [
    '--set',
    each,
  ]);

  interface Document {
    readonly id: string;
    readonly claims: readonly { readonly verdict: string }[];
    readonly pictures: readonly string[];
    readonly resultFile: string;
    readonly result: { readonly runs: readonly { readonly axes: { readonly N: number } }[] };
    readonly deviations: readonly string[];
  }

  it('--json is one document; pictures and record are on the disk; list then knows the result', async () => {
    const { code, stdout, stderr } = await zarts([...ARGS, ...SETTINGS, '--json'], env);
    expect(code, stderr).to.equal(0);
    const document = JSON.parse(stdout) as Document;
    expect(document.id).to.equal('fig-4');
    expect(document.result.runs.map(({ axes }) => axes.N)).to.deep.equal([2]);
    // One seed decides nothing.
    for (const { verdict } of document.claims)
      expect(verdict).to.be.oneOf(['undecided', 'cannot be seen here', 'not run']);
    expect(document.deviations.join('\n')).to.include('synthetic');
    expect(document.pictures).not.to.be.empty;
    for (const path of document.pictures) expect(isPng(path), path).to.equal(true);
    expect(existsSync(document.resultFile)).to.equal(true);
    expect(stderr.split('\n').filter((line) => line !== '' && !/^fig-4[ ,]/.test(line))).to.deep.equal([]);

    const list = await zarts(['list'], env);
    expect(list.stdout)
      .to.match(/^fig-4 .*\bsmoke\b/m)
      .and.to.include(document.resultFile.split('/').at(-1));
  });

  it('as text: table, claims with what decided them, deviations, pictures; nothing is computed again', async () => {
    const { code, stdout, stderr } = await zarts([...ARGS, ...SETTINGS, '--quiet'], env);
    expect(code, stderr).to.equal(0);
    expect(stderr).to.equal('');
    expect(stdout)
      .to.match(/^Fig\. 4: /)
      .and.to.match(/^flat +cosine +2 +1 /m);
    expect(stdout)
      .to.include('UNDECIDED: ')
      .and.to.match(/1\s+seed\b/);
    expect(stdout)
      .to.match(/^ {2}- The images are synthetic/m)
      .and.to.match(/^Picture +\S+\.png$/m);
    expect(stdout).to.include('done in 0 s');
  });

  longIt('all: what lacks its images is said at the end, the rest is made', async () => {
    const empty = join(home, 'empty');
    mkdirSync(empty);
    const args = ['reproduce', 'all', '--budget', 'smoke', '--data', empty, '--quiet'];
    const { code, stdout, stderr } = await zarts(args, env);
    expect(code).to.equal(1);
    // Toy functions need no images.
    expect(stdout)
      .to.match(/^Table 1: /)
      .and.to.match(/^Record .*table-1-smoke.json$/m);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.length).to.be.greaterThan(4);
    for (const line of lines)
      expect(line).to.match(/^[a-z]+-[a-z0-9]+ is not reproduced: .* holds no .*--data/);
    expect(stderr)
      .to.match(/^fig-6 .*CIFAR-100/m)
      .and.to.match(/^fig-9 .*SVHN/m);
    // Unless told to be quiet, first of all what each takes.
    const told = await zarts(args.slice(0, -1), env);
    expect(told.stderr)
      .to.match(/^What is to be computed \(budget smoke\)\n/)
      .and.to.match(/^all +~\d+ (s|min)$/m);
    // The folder that was named has none of the images.
    for (const { id } of EXPERIMENTS) {
      const takes = id === 'table-1' ? '~\\d+ (s|min)' : 'no images';
      expect(told.stderr).to.match(new RegExp(`^${id} .*${takes}$`, 'm'));
    }
  });
});

describe('zarts start', function () {
  this.timeout(180_000);
  const { home, remove } = temporaryHome();
  after(() => {
    endStarted();
    remove();
  });

  it('says what was run, the genotype, the effective samples, where the figure is, and what to do next', async () => {
    const args = ['start', '--budget', 'smoke', '--data', 'synthetic', '--quiet'];
    const { code, stdout, stderr } = await zarts(args, { ZARTS_HOME: home });
    expect(code, stderr).to.equal(0);
    expect(stderr).to.equal('');
    expect(stdout.replaceAll('\n', ' ')).to.include('2 searches in S2 on 64 synthetic images of 16×16');
    expect(parseGenotype(/^Genotype\(.*\)$/m.exec(stdout)?.[0] ?? '').normal).to.have.length(8);
    expect(stdout).to.match(/^ +1 +0\.200 +\d\.\d{3} +\d\.\d\d +\d\.\d\d$/m);
    const pictures = stdout.split('\n').filter((line) => line.endsWith('.png'));
    expect(pictures).not.to.be.empty;
    for (const path of pictures) expect(isPng(path.trim().replace(/^(?!\/)/, '/tmp/')), path).to.equal(true);
    expect(stdout).to.include('npx zarts lab').and.to.include('npx zarts list');
  });
});

describe('zarts: images that cannot be downloaded', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  const { fetch } = globalThis;
  const { ZARTS_DATA } = process.env;
  const protocol = withBudget(fullSearch('s2'), 'smoke');
  const options = { dataHome: home, progress: silent, signal: new AbortController().signal };

  before(() => {
    delete process.env.ZARTS_DATA;
    globalThis.fetch = () => Promise.reject(new TypeError('fetch failed'));
  });
  after(() => {
    globalThis.fetch = fetch;
    if (ZARTS_DATA !== undefined) process.env.ZARTS_DATA = ZARTS_DATA;
    remove();
  });

  it('a search says so and does not go on without them', async () => {
    const error: unknown = await fetchData(protocol, options).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ZartsError);
    expect((error as Error).message)
      .to.include('could not be downloaded')
      .and.to.include('--data synthetic');
  });

  it('a first look goes on with the synthetic set and hands the reason on', async () => {
    const { data, failure } = await fetchDataOrSynthetic(protocol, options);
    expect(data).to.equal('synthetic');
    expect(failure).to.include('could not be downloaded').and.to.include('fetch failed');
  });

  it('a first look does not pass over a damaged set', async () => {
    mkdirSync(join(home, 'cifar-10-batches-bin'));
    writeFileSync(join(home, 'cifar-10-batches-bin', 'data_batch_1.bin'), Buffer.alloc(100));
    const error: unknown = await fetchDataOrSynthetic(protocol, options).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ZartsError);
    expect((error as Error).message).to.include('data_batch_1.bin has 100 bytes');
  });

  it('a first look does not pass over a folder that was named', async () => {
    const error: unknown = await fetchDataOrSynthetic(protocol, {
      ...options,
      data: join(home, 'not'),
    }).catch((reason: unknown) => reason);
    expect((error as Error).message).to.include('does not exist');
  });
});

describe('zarts parity', function () {
  this.timeout(90_000);
  const { home, remove } = temporaryHome();
  after(remove);

  interface Manifest {
    cases: { id: string; group: string; file?: string; constants: Record<string, unknown> }[];
  }
  const IDS = ['sigma_schedule_50', 'zo_rs_normal_d1_n1', 'cutout'];

  /** A folder with three of the reference cases, changed by `change`. */
  function folder(name: string, change: (manifest: Manifest) => void): string {
    const place = join(home, name);
    mkdirSync(place);
    const manifest = JSON.parse(readFileSync(join(FIXTURES, 'manifest.json'), 'utf8')) as Manifest;
    manifest.cases = manifest.cases.filter(({ id }) => IDS.includes(id));
    expect(manifest.cases).to.have.length(IDS.length);
    for (const { file } of manifest.cases) {
      if (file !== undefined) copyFileSync(join(FIXTURES, file), join(place, file));
    }
    // A group that the library does not know.
    manifest.cases.find(({ id }) => id === 'cutout')!.group = '99 something new';
    change(manifest);
    writeFileSync(join(place, 'manifest.json'), JSON.stringify(manifest));
    return place;
  }

  it('prints each error beside its tolerance, aligned, and what was skipped', async () => {
    const { code, stdout, stderr } = await zarts(['parity', folder('right', () => undefined), '--quiet']);
    expect(code, stderr).to.equal(0);
    expect(stderr).to.equal('');
    const lines = stdout.split('\n').filter((line) => line.startsWith('sigma_schedule_50 '));
    expect(lines).to.have.length(4);
    for (const line of lines) expect(line).to.match(/ plain +(0|\d\.\de-\d+) +1\.0e-8 +ok$/);
    expect(new Set(lines.map(({ length }) => length)), 'aligned').to.have.property('size', 1);
    expect(stdout.replaceAll('\n', ' ')).to.match(
      /(\d+) of \1 within tolerance, 1 skipped \(.*not known: cutout\)\. $/,
    );
  });

  it('exit code 1 and the name of the case that is out of tolerance; --json has the same', async () => {
    const place = folder('wrong', ({ cases }) => {
      cases.find(({ id }) => id === 'sigma_schedule_50')!.constants.sigma0 = 0.026;
    });
    const { code, stdout } = await zarts(['parity', place, '--quiet']);
    expect(code).to.equal(1);
    expect(stdout).to.match(/^sigma_schedule_50 +cosine +plain +1\.0e-3 +1\.0e-8 +OUT OF TOLERANCE$/m);
    expect(stdout).to.include('Out of tolerance: sigma_schedule_50.');
    const json = await zarts(['parity', place, '--json']);
    expect(json.code).to.equal(1);
    const { failed, passed } = JSON.parse(json.stdout) as { failed: number; passed: number };
    expect(failed).to.equal(4);
    expect(passed).to.be.above(0);
  });

  it('a folder without cases: exit code 1 and one sentence', async () => {
    const { code, stdout, stderr } = await zarts(['parity', join(home, 'nowhere')]);
    expect(code).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr).to.match(/^\S+nowhere\/manifest\.json is missing: .*\n$/);
  });
});

describe('zarts doctor', function () {
  this.timeout(90_000);

  it('--json is one document on stdout', async () => {
    const { code, stdout } = await zarts(['doctor', '--json']);
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: readonly { piece: string }[] };
    expect(code).to.equal(ok ? 0 : 1);
    expect(findings.map(({ piece }) => piece)).to.include.members([
      'Node',
      'TensorFlow addon',
      'data: cifar10',
    ]);
  });
});
