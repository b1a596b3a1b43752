import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import {
  findSearchLogs,
  HOW_TO_GET_LOGS,
  parseFigures,
  parseHessians,
} from '../../lib/datasets/rdarts-logs.js';
import { ZartsError } from '../../lib/errors.js';
import { derivativesText, hessian, SMALL_LOG, writeClone } from '../support/search-logs.js';
import type { MadeLog } from '../support/search-logs.js';

const LOG: MadeLog = SMALL_LOG;
const FIGURES = {
  space: 's1',
  dataset: 'cifar10',
  dropPath: 0,
  l2: 3e-4,
  seed: 1,
  job: '100',
  normalSkips: 7,
  epochs: [0, 2, 4],
  dominantEigenvalue: [0.2, 0.5, 1],
};

describe('datasets/rdarts-logs', () => {
  const folders: string[] = [];
  const folder = (): string => {
    folders.push(mkdtempSync(join(tmpdir(), 'zarts-rdarts-')));
    return folders[folders.length - 1];
  };
  after(() => {
    for (const each of folders) rmSync(each, { recursive: true, force: true });
  });
  const find = (data: string) => findSearchLogs({ data, dataHome: join(data, 'none'), env: {} });

  it('finds a clone wherever it is put, and reads what its folders and files say', async () => {
    for (const inside of ['', 'RobustDARTS', 'rdarts-logs/RobustDARTS']) {
      const place = folder();
      writeClone(join(place, inside), [
        LOG,
        { ...LOG, space: 's3', dataset: 'svhn', dropPath: 0.2, skips: 0 },
      ]);
      const logs = (await find(place))!;
      expect(logs.figures).to.deep.equal([]);
      const [{ hessians, ...first }, second] = logs.matrices;
      expect(first).to.deep.equal({
        ...{ space: 's1', dataset: 'cifar10', dropPath: 0, l2: 3e-4, seed: 1, job: '100' },
        normalSkips: 7,
      });
      expect(second).to.include({ space: 's3', dataset: 'svhn', dropPath: 0.2, job: '101', normalSkips: 0 });
      expect(hessians().map(({ epoch }) => epoch)).to.deep.equal([0, 2, 4]);
      expect(hessians()[1].rows).to.deep.equal(hessian(0.5, 6, 2));
    }
    const place = folder();
    writeClone(place, [LOG]);
    expect((await find(join(place, 'experiments', 'search_logs')))!.matrices).to.have.length(1);
  });

  it('finds figures, in the place or in the data folder, and tells logs apart by what is in them', async () => {
    const place = folder();
    expect(await find(place)).to.equal(undefined);
    mkdirSync(join(place, 'rdarts-logs'));
    const file = join(place, 'rdarts-logs', 'curvature.json');
    writeFileSync(file, JSON.stringify([{ ...FIGURES, trace: [1], genotype: 'Genotype()' }]));
    const first = (await find(place))!;
    expect(first.figures).to.deep.equal([FIGURES]);
    expect(first.matrices).to.deep.equal([]);
    const empty = folder();
    expect((await findSearchLogs({ data: empty, dataHome: place, env: {} }))!.digest).to.equal(first.digest);
    expect(await findSearchLogs({ data: 'synthetic', dataHome: place, env: {} })).to.equal(undefined);
    writeFileSync(file, JSON.stringify([{ ...FIGURES, seed: 2 }]));
    expect((await find(place))!.digest).to.not.equal(first.digest);
    writeClone(place, [LOG]);
    const both = (await find(place))!;
    expect([both.figures.length, both.matrices.length]).to.deep.equal([1, 1]);
  });

  it('names file, line and what was expected for matrices that are wrong', () => {
    const [first, second, third] = derivativesText(LOG).trimEnd().split('\n');
    const other = (change: (rows: number[][]) => unknown, epoch = 2): string => {
      const rows = hessian(0.5, 6, 2);
      return JSON.stringify({ epoch, H: change(rows) });
    };
    const FAULTS: [string[], RegExp][] = [
      [[first, second.slice(0, 90)], /line 2: expected JSON; /],
      [[first + second], /line 1: expected JSON; /],
      [[first, '[]'], /line 2: expected object, received array\./],
      [
        [first, other((rows) => rows.map((row) => row.map(String)))],
        /line 2: H\.0\.0: expected number, received string\./,
      ],
      [[first, second.replace('"epoch":2', '"epoch":-2')], /line 2: epoch: Too small/],
      [[second, first], /line 2: expected an epoch after 2, found 0\./],
      [
        [first, other((rows) => rows.slice(1))],
        /line 2: expected a square matrix; row 0 has 6 entries of 5\./,
      ],
      [
        [first, other((rows) => rows.map((row, i) => row.map((x, j) => (i > j ? x + 1 : x))))],
        /line 2: expected a symmetric matrix; entries 0,1 and 1,0 differ\./,
      ],
      [[first, other(() => [])], /line 2: H: Too small/],
      [[first, other(() => [[null]])], /line 2: H\.0\.0: expected number, received null/],
      [[first, '', third], /line 2: expected JSON; /],
    ];
    for (const [lines, says] of FAULTS) {
      expect(() => parseHessians(lines.join('\n'), 'derivatives_1.json'), lines.join('\n')).to.throw(
        ZartsError,
        says,
      );
      expect(() => parseHessians(lines.join('\n'), 'd.json')).to.throw(
        /^d\.json, .* Take the published file again\.$/,
      );
    }
    expect(parseHessians(`${first}\n${second}\n\n`, 'd.json')).to.have.length(2);
    expect(() => parseHessians(`${first}\n`.repeat(10_001), 'd.json')).to.throw('at most 10000 epochs');
  });

  it('reads a file of empty lines in one pass', () => {
    // Of as many, a search for the blanks at the end from each of them would take minutes.
    expect(() => parseHessians(`{${'\n'.repeat(400_000)}x`, 'derivatives_1.json')).to.throw(
      ZartsError,
      /line 10001: expected the end/,
    );
  });

  it('names the search for figures that are wrong, and the file for what is no genotype, too large or unreadable', async () => {
    const of = (change: object) => () =>
      parseFigures(JSON.stringify([FIGURES, { ...FIGURES, ...change }]), 'c.json');
    expect(of({ epochs: [0, 2] })).to.throw(
      ZartsError,
      'c.json, search 2: expected 2 eigenvalues, one an epoch, found 3.',
    );
    expect(of({ epochs: [0, 4, 4] })).to.throw('c.json, search 2: expected an epoch after 4, found 4.');
    expect(of({ l2: 'much' })).to.throw('c.json: 1.l2: expected number, received string.');
    expect(of({ dominantEigenvalue: [1, null, 2] })).to.throw('1.dominantEigenvalue.1: expected number');
    expect(() => parseFigures('{}', 'c.json')).to.throw('c.json: expected array, received object.');

    const place = folder();
    const [path] = writeClone(place, [LOG]);
    writeFileSync(join(dirname(path), 'arch_1'), 'Genotype(normal=[])');
    const refused = async () => {
      const error: unknown = await find(place).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(ZartsError);
      return (error as Error).message;
    };
    expect(await refused()).to.match(/arch_1: expected the genotype of a search; /);
    rmSync(join(dirname(path), 'arch_1'));
    expect(await refused()).to.match(/arch_1 cannot be read/);
    writeClone(place, [LOG]);
    truncateSync(path, (64 << 20) + 1);
    const [{ hessians }] = (await find(place))!.matrices;
    expect(hessians).to.throw(ZartsError, /derivatives_1\.json has 67108865 bytes; at most 67108864/);
  });

  it('says in one sentence how to get them', () => {
    expect(HOW_TO_GET_LOGS).to.match(
      /^The authors’ logs .* clone https:\/\/github\.com\/automl\/RobustDARTS .*--data.*\.$/,
    );
  });
});
