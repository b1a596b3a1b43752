import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { openRun, RESULT_VERSION } from '../../lib/runs/store.js';
import { temporaryHome, zarts } from './zarts.js';

describe('zarts runs', function () {
  this.timeout(120_000);
  const [here, there] = [temporaryHome(), temporaryHome()];
  const env = { ZARTS_HOME: here.home };
  after(() => {
    here.remove();
    there.remove();
  });
  const parsed = async (args: readonly string[], variables = env): Promise<unknown> => {
    const { code, stdout, stderr } = await zarts([...args, '--json'], variables);
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  const list = (variables = env) =>
    parsed(['runs', 'list'], variables) as Promise<
      { key: string; title: string; state: string; bytes: number; uses: string[] }[]
    >;

  before(async () => {
    // Toy functions: no images, a second.
    expect((await zarts(['reproduce', 'table-1', '--budget', 'smoke', '--quiet'], env)).code).to.equal(0);
    const begun = openRun({
      home: join(here.home, 'runs'),
      protocol: { kind: 'mine', seed: 0 },
      dataDigest: 'd',
    });
    const release = begun.lock();
    begun.resume();
    begun.saveCheckpoint({ step: 7, meta: null, tensors: {} });
    release();
    const old = join(here.home, 'runs', 'a'.repeat(32));
    mkdirSync(old);
    const protocol = {
      key: 'a'.repeat(32),
      resultVersion: RESULT_VERSION - 1,
      dataDigest: 'd',
      protocol: {},
    };
    writeFileSync(join(old, 'protocol.json'), JSON.stringify(protocol));
  });

  it('lists what is there: state, size, figures', async () => {
    const runs = await list();
    const toys = runs.filter(({ title }) => title.startsWith('toy '));
    expect(toys).to.have.length.above(3);
    for (const { state, uses, bytes } of toys) {
      expect(state).to.equal('finished');
      expect(uses).to.include('table-1-smoke');
      expect(bytes).to.be.above(1000);
    }
    expect(runs.find(({ title }) => title === 'mine seed 0')).to.include({ state: 'at step 7' });
    const { stdout } = await zarts(['runs'], env);
    expect(stdout).to.match(/^\d+ runs in .*runs, [\d.]+ [kM]B\n/);
    expect(stdout.replace(/\s+/g, ' ')).to.include(`1 of another result version than ${RESULT_VERSION}`);
  });

  it('shows one, by the start of its key', async () => {
    const [{ key }] = (await list()).filter(({ title }) => title.startsWith('toy rs'));
    const { stdout } = await zarts(['runs', 'show', key.slice(0, 8)], env);
    expect(stdout).to.match(new RegExp(`^${key} {2}toy rs seed \\d+\nState {7}finished 20`));
    expect(stdout).to.include('"experiment": "rs"');
    expect(await parsed(['runs', 'show', key])).to.include.keys(
      'provenance',
      'result',
      'protocol',
      'dataDigest',
    );
  });

  it('moves a figure’s runs to another store, where the figure is there at once', async () => {
    const file = join(here.home, 'table-1.tar.gz');
    const { code, stdout } = await zarts(['runs', 'export', file, '--figure', 'table-1-smoke'], env);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^\d+ runs, [\d.]+ kB, in .*table-1\.tar\.gz \([\d.]+ kB\)\.\n$/);
    const variables = { ZARTS_HOME: there.home };
    expect((await zarts(['runs', 'import', file], variables)).code).to.equal(0);
    const toys = (await list()).filter(({ title }) => title.startsWith('toy '));
    expect((await list(variables)).map(({ key }) => key)).to.deep.equal(toys.map(({ key }) => key));
    const again = await parsed(['runs', 'import', file], variables);
    expect(again).to.deep.include({ runs: 0, there: toys.map(({ key }) => key) });
    const { result } = (await parsed(
      ['reproduce', 'table-1', '--budget', 'smoke', '--quiet'],
      variables,
    )) as {
      result: { runs: { kept: { key: string }[] }[] };
    };
    const record = JSON.parse(
      readFileSync(join(here.home, 'results', 'table-1-smoke.json'), 'utf8'),
    ) as unknown;
    expect(record).to.deep.include({ result });
  });

  it('takes the runs of a record, each checked by its key', async () => {
    const other = temporaryHome();
    try {
      const variables = { ZARTS_HOME: other.home };
      const record = join(here.home, 'results', 'table-1-smoke.json');
      const taken = (await parsed(['runs', 'import', record], variables)) as { runs: number };
      const toys = (await list()).filter(({ title }) => title.startsWith('toy '));
      expect(taken.runs).to.equal(toys.length);
      expect((await list(variables)).map(({ key }) => key)).to.deep.equal(toys.map(({ key }) => key));
      expect(await parsed(['runs', 'import', record], variables)).to.deep.include({ runs: 0 });
      const forged = readFileSync(record, 'utf8').replace(/"key": "[0-9a-f]([0-9a-f]{31})"/, '"key": "x$1"');
      const file = join(other.home, 'forged.json');
      writeFileSync(file, forged);
      const { code, stderr } = await zarts(['runs', 'import', file], { ZARTS_HOME: join(other.home, 'new') });
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Run x.* of forged\.json is not what its key says/);
      expect(existsSync(join(other.home, 'new', 'runs', toys[0].key))).to.equal(false);
    } finally {
      other.remove();
    }
  });

  it('says what the archive of a figure lacks, which one that is whole does not', async () => {
    const other = temporaryHome();
    try {
      const variables = { ZARTS_HOME: other.home };
      await parsed(['runs', 'import', join(here.home, 'results', 'table-1-smoke.json')], variables);
      const archive = (name: string, ...more: string[]) =>
        zarts(['runs', 'export', join(other.home, name), '--figure', 'table-1-smoke', ...more], variables);
      const whole = await archive('whole.tar');
      expect([whole.code, whole.stderr]).to.deep.equal([0, '']);
      const [{ key }] = (await list(variables)).filter(({ title }) => title === 'toy mgs seed 1');
      await parsed(['runs', 'remove', key], variables);
      const part = await archive('part.tar');
      expect(part.code).to.equal(0);
      expect(part.stdout).to.match(/^7 runs, /);
      expect(part.stderr.replace(/\s+/g, ' ')).to.match(
        /part\.tar has 7 of 8 runs of table-1-smoke\. Missing: seed 1 of mgs\. $/,
      );
      const { stdout } = await archive('again.tar', '--json');
      const { figure } = JSON.parse(stdout) as { figure: object };
      expect(figure).to.deep.include({
        name: 'table-1-smoke',
        done: 7,
        of: 8,
        lacking: [{ kind: 'toy', axes: { experiment: 'mgs' }, seed: 1 }],
      });
    } finally {
      other.remove();
    }
  });

  it('says of a result that is cut short that it is damaged', async () => {
    const other = temporaryHome();
    try {
      const variables = { ZARTS_HOME: other.home };
      const record = join(here.home, 'results', 'table-1-smoke.json');
      await parsed(['runs', 'import', record], variables);
      const [{ key }] = await list(variables);
      const file = join(other.home, 'runs', key, 'result.json');
      writeFileSync(file, readFileSync(file, 'utf8').slice(0, -100));
      expect((await list(variables)).map(({ state }) => state).slice(0, 2)).to.deep.equal([
        'damaged',
        'finished',
      ]);
      const { code, stdout } = await zarts(['runs', 'show', key], variables);
      expect(code).to.equal(0);
      expect(stdout).to.match(/^State {7}damaged\n +Its result\.json is not whole/m);
      const shown = await parsed(['runs', 'show', key], variables);
      expect(shown).to.include({ state: 'damaged' }).and.to.not.have.any.keys('result', 'provenance');
    } finally {
      other.remove();
    }
  });

  it('refuses a record with a run that is not whole, in a sentence', async () => {
    const text = readFileSync(join(here.home, 'results', 'table-1-smoke.json'), 'utf8');
    const file = join(here.home, 'bad.json');
    for (const [lacking, said] of [
      ['provenance', /^A run of bad\.json is not whole \(provenance: .*\); no run of it was taken: .*\n$/],
      ['key', /^A run of bad\.json is not whole \(key: /],
      ['result', /^A run of bad\.json is not whole \(result: /],
    ] as const) {
      const record = JSON.parse(text) as { result: { runs: { kept: Record<string, unknown>[] }[] } };
      Reflect.deleteProperty(record.result.runs[1].kept[0], lacking);
      writeFileSync(file, JSON.stringify(record));
      const variables = { ZARTS_HOME: join(here.home, 'new') };
      const { code, stderr } = await zarts(['runs', 'import', file], variables);
      expect(code).to.equal(1);
      expect(stderr).to.match(said);
      expect(existsSync(join(here.home, 'new', 'runs'))).to.equal(false);
    }
  });

  it('removes runs, and those of earlier result versions, each once however often it is named', async () => {
    const [{ key }] = (await list()).filter(({ title }) => title === 'mine seed 0');
    const twice = await zarts(['runs', 'remove', key, key.slice(0, 8)], env);
    expect([twice.code, twice.stderr]).to.deep.equal([0, '']);
    expect(twice.stdout).to.match(/^Removed 1 run from /);
    expect(await parsed(['runs', 'remove', 'a'.repeat(32), '--old'])).to.deep.equal({
      removed: ['a'.repeat(32)],
    });
    for (const gone of [key, 'a'.repeat(32)])
      expect(existsSync(join(here.home, 'runs', gone))).to.equal(false);
  });

  for (const [args, said] of [
    [['runs', 'lsit'], /^Unknown action of zarts runs "lsit"; .* Did you mean "list"\?$/],
    [['runs', 'list', 'all'], /^zarts runs list takes no further argument; see/],
    [['runs', 'show'], /^zarts runs show takes one run/],
    [['runs', 'show', 'zzzzzz'], /^"zzzzzz" is no run's key/],
    [['runs', 'remove'], /^zarts runs remove takes the keys of runs, or --old/],
    [['runs', 'export', 'x.tar'], /^zarts runs export takes a file to write/],
    [
      ['runs', 'export', 'x.tar', '--figure', 'table-2'],
      /^"table-2" names no figure or table with its budget/,
    ],
    [['runs', 'export', 'x.tar', '--figure', 'fig-4-full'], /^No run of fig-4-full is in /],
    [['runs', 'import', 'none.tar'], /^There is no file .*none\.tar\.$/],
    [['runs', 'show', 'abcdef', '--figure', 'x'], /^--figure belongs to zarts runs list and export/],
  ] as const) {
    it(`refuses: ${args.join(' ')}`, async () => {
      const { code, stderr } = await zarts(args, env);
      expect(code).to.equal(2);
      expect(stderr.trim()).to.match(said);
    });
  }
});
