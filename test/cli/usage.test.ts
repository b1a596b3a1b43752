import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';
import { fullSearch } from '../../lib/search/presets.js';
import { searchSchema } from '../../lib/search/protocol.js';
import { settablePaths } from '../../lib/settings.js';
import { spawned, temporaryHome, zarts } from './zarts.js';
import type { Outcome } from './zarts.js';

const { home, remove } = temporaryHome();
const SEARCH = ['search', '--space', 's2', '--budget', 'smoke', '--data', 'synthetic'];

/** One sentence on stderr (an abbreviation's full stop is none), nothing on stdout, and no frame of a stack. */
function expectSentence({ stdout, stderr }: Outcome): void {
  expect(stdout).to.equal('');
  expect(stderr.trimEnd().split('\n'), stderr).to.have.length(1);
  expect(stderr).not.to.match(/^\s+at /m);
  expect(stderr).not.to.include('Error:');
}

describe('zarts: wrong usage', function () {
  this.timeout(60_000);
  after(remove);

  const MISTAKES: readonly { what: string; args: readonly string[]; says: readonly (string | RegExp)[] }[] = [
    {
      what: 'a command',
      args: ['serach'],
      says: ['"serach"', 'doctor, list, reproduce', 'Did you mean "search"?'],
    },
    {
      what: 'a command to help with',
      args: ['help', 'serach'],
      says: ['"serach"', 'Did you mean "search"?'],
    },
    {
      what: 'an option',
      args: [...SEARCH, '--bugdet', 'smoke'],
      says: ['"--bugdet"', '--space', '--json', 'Did you mean "--budget"?'],
    },
    { what: 'a program option', args: ['--jsn'], says: ['"--jsn"', '--version', '--help'] },
    { what: 'an option without its value', args: ['search', '--space'], says: ['--space', 'needs a value'] },
    { what: 'an argument too many', args: [...SEARCH, 'more'], says: ['takes no argument', '"more"'] },
    {
      what: 'an argument too few',
      args: ['reproduce'],
      says: ['zarts reproduce needs ID', 'fig-1', 'table-7'],
    },
    { what: 'no space', args: ['search'], says: ['--space', 's1, s2, s3, s4, darts, darts-zero'] },
    {
      what: 'a space',
      args: ['search', '--space', 'dart'],
      says: ['"dart"', 's1, s2, s3, s4, darts, darts-zero', 'Did you mean "darts"?'],
    },
    {
      what: 'limits in a space without DARTS’ cells',
      args: ['search', '--space', 'nb201', '--budget', 'smoke', '--data', 'synthetic', '--most-skips', '1'],
      says: ['limit on skips', 'NAS-Bench-201', 'leave it out'],
    },
    {
      what: 'preparing images that are no photographs',
      args: ['evaluate', 'DARTS_V2', '--budget', 'smoke', '--prepare', '64'],
      says: ['--prepare is for files of photographs', 'cifar10', 'leave it out'],
    },
    {
      what: 'passing over computed photographs',
      args: ['evaluate', 'DARTS_V2', '--dataset', 'imagenet', '--data', 'synthetic', '--skip-undecodable'],
      says: ['--skip-undecodable is for files of photographs', 'computed images', 'leave it out'],
    },
    {
      what: 'genotypes on machines',
      args: ['list', 'genotypes', '--machines', '4'],
      says: ['--machines belongs to zarts list experiments', 'leave it out'],
    },
    {
      what: 'a solver',
      args: [...SEARCH, '--solver', 'msg'],
      says: ['"msg"', 'rs, mgs, mgs-flat, gld, random', 'Did you mean "mgs"?'],
    },
    {
      what: 'a preset',
      args: [...SEARCH, '--preset', 'relased'],
      says: ['"relased"', 'paper, released, flat', 'Did you mean "released"?'],
    },
    {
      what: 'a budget',
      args: [...SEARCH, '--budget', 'smok'],
      says: ['"smok"', 'smoke, laptop, full', 'Did you mean "smoke"?'],
    },
    {
      what: 'a setting',
      args: [...SEARCH, '--set', 'solver.sampels=8'],
      says: ['"solver.sampels"', 'solver.samples, ', 'weights.lr, ', 'Did you mean "solver.samples"?'],
    },
    { what: 'a name of JavaScript’s own', args: [...SEARCH, '--set', 'toString=1'], says: ['"toString"'] },
    {
      what: 'a seed in two ways',
      args: [...SEARCH, '--seed', '1', '--set', 'seed=2'],
      says: ['seed cannot be set', '--seed'],
    },
    {
      what: 'an empty folder name',
      args: ['search', '--space', 's2', '--data', ''],
      says: ['--data is empty'],
    },
    {
      what: 'a setting without a value',
      args: [...SEARCH, '--set', 'epochs'],
      says: ['"epochs"', 'path=value'],
    },
    {
      what: 'a setting that has an option',
      args: [...SEARCH, '--set', 'space=s3'],
      says: ['space', '--space'],
    },
    {
      what: 'N < 1',
      args: [...SEARCH, '--set', 'solver.samples=0'],
      says: ['solver.samples is 0', 'from 1 to'],
    },
    {
      what: 'τ ≤ 0',
      args: [...SEARCH, '--set', 'solver.tau=0'],
      says: ['solver.tau is 0', 'greater than 0'],
    },
    {
      what: 'σ < 0',
      args: [...SEARCH, '--set', 'solver.sigma=-0.1'],
      says: ['solver.sigma is -0.1', 'at least 0'],
    },
    {
      what: 'odd channels',
      args: [...SEARCH, '--set', 'channels=5'],
      says: ['channels is 5', 'an even integer'],
    },
    {
      what: 'a batch larger than a half',
      args: [...SEARCH, '--set', 'batchSize=33'],
      says: ['batchSize is 33', 'at most 32', 'dataset.trainSize (64)'],
    },
    {
      what: 'a seed that is no number',
      args: [...SEARCH, '--seed', 'one'],
      says: ['seed is "one"', 'integer'],
    },
    {
      what: 'a figure',
      args: ['reproduce', 'fig-10', '--data', 'synthetic'],
      says: ['"fig-10"', 'fig-1, ', 'table-7', 'Did you mean "fig-1"?'],
    },
    {
      what: 'a number of seeds',
      args: ['reproduce', 'fig-4', '--seeds', '0', '--data', 'synthetic'],
      says: ['--seeds is "0"', 'integer from 1'],
    },
    {
      what: 'a data folder',
      args: [...SEARCH.slice(0, -1), join(home, 'nowhere')],
      says: ['nowhere does not exist', '--data', 'cifar-10-batches-bin', '"synthetic"'],
    },
    {
      what: "JupyterLab's opening to others",
      args: ['lab', '--ip=0.0.0.0'],
      says: ['"--ip=0.0.0.0"', '127.0.0.1'],
    },
  ];
  for (const { what, args, says } of MISTAKES) {
    it(`${what}: exit code 2 and one sentence`, async () => {
      const outcome = await zarts(args, { ZARTS_HOME: home });
      expect(outcome.code, outcome.stderr).to.equal(2);
      expectSentence(outcome);
      for (const each of says)
        expect(outcome.stderr).to.match(each instanceof RegExp ? each : literally(each));
    });
  }

  it('is told in the same way by a process of its own', async () => {
    for (const args of [['serach'], [...SEARCH, '--set', 'solver.samples=0'], ['reproduce', 'fig-10']]) {
      const env = { ZARTS_HOME: home };
      expect(await spawned(args, env), args.join(' ')).to.deep.equal(await zarts(args, env));
    }
  });

  it('nothing at all: the help on stderr, exit code 2', async () => {
    const { code, stdout, stderr } = await spawned([]);
    expect(code).to.equal(2);
    expect(stdout).to.equal('');
    expect(stderr).to.include('Usage: zarts');
  });
});

describe('zarts: damaged data', function () {
  this.timeout(60_000);
  const data = temporaryHome();
  after(data.remove);

  const RECORD = 3073;
  /** A folder in the official layout with 64 training and 10 test records, changed by `damage`. */
  function folder(name: string, damage: (file: (name: string) => string) => void): string {
    const place = join(data.home, name);
    const file = (each: string): string => join(place, 'cifar-10-batches-bin', each);
    mkdirSync(file(''), { recursive: true });
    writeFileSync(file('data_batch_1.bin'), Buffer.alloc(64 * RECORD));
    writeFileSync(file('test_batch.bin'), Buffer.alloc(10 * RECORD));
    damage(file);
    return place;
  }

  const DAMAGES: readonly {
    what: string;
    damage: (file: (name: string) => string) => void;
    says: readonly string[];
  }[] = [
    {
      what: 'a truncated file',
      damage: (file) => {
        truncateSync(file('data_batch_1.bin'), 64 * RECORD - 1);
      },
      says: ['data_batch_1.bin', '196,671 bytes', '3,073-byte records', '30,730,000'],
    },
    {
      what: 'an empty file',
      damage: (file) => {
        truncateSync(file('data_batch_1.bin'), 0);
      },
      says: ['data_batch_1.bin is empty', '3,073 bytes'],
    },
    {
      what: 'a label that does not exist',
      damage: (file) => {
        writeFileSync(file('data_batch_1.bin'), Buffer.alloc(64 * RECORD, 11));
      },
      says: ['data_batch_1.bin is corrupt', 'record 0', 'label 11', '0 … 9'],
    },
    {
      what: 'an official size with other bytes',
      damage: (file) => {
        writeFileSync(file('data_batch_1.bin'), Buffer.alloc(10_000 * RECORD));
      },
      says: ['data_batch_1.bin has the official size', 'SHA-256', 'cee916563c9f80d8'],
    },
    {
      what: 'a gap between files',
      damage: (file) => {
        writeFileSync(file('data_batch_3.bin'), Buffer.alloc(RECORD));
      },
      says: ['data_batch_2.bin is missing', '30,730,000 bytes'],
    },
  ];
  for (const { what, damage, says } of DAMAGES) {
    it(`${what}: exit code 1 and one sentence that names it`, async () => {
      const place = folder(what.replaceAll(' ', '-'), damage);
      const outcome = await zarts([...SEARCH.slice(0, -1), place], { ZARTS_HOME: home });
      expect(outcome.code, outcome.stderr).to.equal(1);
      expectSentence(outcome);
      for (const each of says) expect(outcome.stderr).to.include(each);
    });
  }

  it('is told in the same way by a process of its own', async () => {
    const args = [...SEARCH.slice(0, -1), folder('spawned', DAMAGES[0].damage)];
    expect(await spawned(args, { ZARTS_HOME: home })).to.deep.equal(await zarts(args, { ZARTS_HOME: home }));
  });

  it('fewer images than are asked for: exit code 2, with both counts', async () => {
    const place = folder('few', () => undefined);
    const outcome = await zarts([...SEARCH.slice(0, -1), place, '--set', 'dataset.trainSize=65']);
    expect(outcome.code, outcome.stderr).to.equal(2);
    expectSentence(outcome);
    expect(outcome.stderr).to.include('65 training images').and.to.include('64');
  });
});

describe('zarts: help and version', function () {
  this.timeout(60_000);

  it('--help lists what is built, with examples, on stdout', async () => {
    const { code, stdout, stderr } = await zarts(['--help']);
    expect(code).to.equal(0);
    expect(stderr).to.equal('');
    for (const name of [
      'doctor',
      'list',
      'reproduce',
      'search',
      'evaluate',
      'count',
      'parity',
      'bench',
      'worker',
      'queue',
      'runs',
      'lab',
      'start',
    ]) {
      expect(stdout).to.match(new RegExp(`^  ${name}\\b`, 'm'));
    }
    expect(stdout).to.include('Examples:');
  });

  for (const command of [
    'doctor',
    'list',
    'reproduce',
    'search',
    'evaluate',
    'count',
    'parity',
    'bench',
    'worker',
    'queue',
    'runs',
    'lab',
    'start',
  ]) {
    it(`${command} --help has an example`, async () => {
      const { code, stdout, stderr } = await zarts([command, '--help']);
      expect(code).to.equal(0);
      expect(stderr).to.equal('');
      expect(stdout)
        .to.include(`Usage: zarts ${command}`)
        .and.to.match(/Examples?:\n +npx zarts/);
    });
  }

  it('bin/help.txt, which stands for it before set-up, is what it prints on 80 columns', async () => {
    const { stdout } = await zarts(['--help']);
    expect(readFileSync(join(projectRoot(), 'bin', 'help.txt'), 'utf8')).to.equal(stdout);
  });

  it('search --help says what presets differ in, and lists every setting with bounds and value', async () => {
    const { stdout } = await zarts(['search', '--space', 'darts', '--solver', 'rs', '--help']);
    expect(stdout).to.match(/^ {2}released: .*\n.*solver\.xi=0\.0001/m);
    for (const path of settablePaths(searchSchema, fullSearch('darts', 'rs')))
      if (!['seed', 'space', 'dataset.name'].includes(path)) expect(stdout).to.include(`\n  ${path}: `);
    expect(stdout).to.include('  weights.lr: a number greater than 0; 0.025\n');
    expect(stdout).to.include('  dropPath.probability: ').and.to.include('(off)');
    for (const line of stdout.split('\n')) expect(line.length, line).to.be.at.most(80);
  });

  it('--version is that of package.json', async () => {
    const { stdout } = await spawned(['--version']);
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/);
  });
});

const literally = (text: string): RegExp => new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
