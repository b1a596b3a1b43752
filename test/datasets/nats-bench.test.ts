import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ALIKE, endingsIn, percentileOf, superiority, uniformDraw } from '../../lib/analysis/benchmark.js';
import {
  BENCHMARK_FILE,
  BENCHMARK_SETS,
  benchmarkText,
  loadBenchmark,
  parseBenchmark,
  syntheticBenchmark,
} from '../../lib/datasets/nats-bench.js';
import { ZartsError } from '../../lib/errors.js';
import { key, uniform } from '../../lib/math/random.js';

const OFFLINE = () => Promise.reject(new Error('getaddrinfo ENOTFOUND'));

describe('datasets/nats-bench', () => {
  let folder: string;
  let text: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'zarts-nats-bench-'));
    text = benchmarkText(syntheticBenchmark().accuracies);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('reads back what it writes, whatever the order of the rows', () => {
    const { accuracies, coverage } = syntheticBenchmark();
    expect(coverage).to.equal('synthetic');
    const [head, ...rows] = text.trimEnd().split('\n');
    for (const each of [text, [head, ...rows.reverse(), ''].join('\r\n')]) {
      const found = parseBenchmark(each, 'table.csv');
      for (const set of BENCHMARK_SETS) expect(found[set]).to.deep.equal(accuracies[set]);
    }
  });

  it('names what is wrong with a table: its name and the row', () => {
    const lines = text.trimEnd().split('\n');
    const changed = (change: (lines: string[]) => string[]) => () =>
      parseBenchmark(change([...lines]).join('\n'), 'table.csv');
    const inRow = (row: number, change: (line: string) => string) =>
      changed((all) => all.with(row - 1, change(all[row - 1])));
    const FAULTS: [() => unknown, RegExp][] = [
      [
        changed((all) => all.slice(0, -1)),
        /^table\.csv has 15624 architectures instead of 15625: \|avg_pool.* is missing/,
      ],
      [changed((all) => [...all, all[4]]), /^table\.csv, row 15627: \|none.* is also row 5;/],
      [
        inRow(7, (line) => line.replace(/^[^,]*/, '100.5')),
        /^table\.csv, row 7: CIFAR10Test\S+ of \S+ is 100\.5; it must be a number from 0 to 100/,
      ],
      [inRow(7, (line) => line.replace(/^[^,]*/, '')), /row 7: .* is ; it must be a number/],
      [
        inRow(9, (line) => line.replace('none~0', 'nine~0')),
        /row 9: \|nine~0.* is no architecture of the space/,
      ],
      [inRow(11, (line) => line.slice(0, 20)), /row 11: expected 5 columns, found \d/],
      [inRow(1, (line) => line.replace('CIFAR100', 'CIFAR10')), /row 1: expected the columns CIFAR10Test/],
    ];
    for (const [read, says] of FAULTS) expect(read).to.throw(ZartsError, says);
  });

  it('refuses a whole table that is not the published one, and names both ways to get it where there is none', async () => {
    const place = join(folder, 'mine', 'nats-bench');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'nats_bench.csv'), text);
    const refused = async (options: Parameters<typeof loadBenchmark>[0]) => {
      const error: unknown = await loadBenchmark({ env: {}, ...options }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(ZartsError);
      return (error as Error).message;
    };
    expect(await refused({ data: join(folder, 'mine') })).to.match(
      /nats_bench\.csv is not the published table: it has SHA-256/,
    );
    const home = join(folder, 'home');
    const message = await refused({ dataHome: home, fetch: OFFLINE, retries: 0 });
    expect(message).to.match(/could not be downloaded from https:\/\/raw\.githubusercontent\.com\/v-tao/);
    expect(message).to.contain('connect this machine to the internet').and.to.contain('with --data');
    const other = (): Promise<Response> =>
      Promise.resolve(new Response(text.padEnd(BENCHMARK_FILE.bytes, '\n')));
    expect(await refused({ dataHome: home, fetch: other, retries: 0 })).to.match(/is not the official/);
  });

  it('gives the computed table where images are computed', async () => {
    expect(await loadBenchmark({ data: 'synthetic' })).to.equal(syntheticBenchmark());
  });
});

describe('analysis/benchmark', () => {
  const { cifar10 } = syntheticBenchmark().accuracies;

  it('says exactly what a uniform draw gives', () => {
    const { best, mean, median, meanWithoutNone, percentiles } = uniformDraw(cifar10);
    const sorted = Float64Array.from(cifar10).sort();
    expect(best).to.equal(sorted.at(-1));
    expect(median).to.equal(sorted[7812]);
    expect(mean).to.be.closeTo(cifar10.reduce((sum, each) => sum + each, 0) / 15_625, 1e-9);
    expect(meanWithoutNone).to.be.above(mean);
    expect([percentiles[0], percentiles[100]]).to.deep.equal([sorted[0], best]);
    expect(endingsIn().disconnected).to.equal(341);
  });

  it('has percentiles with mean 1/2, and superiority over itself of 0', () => {
    const few = cifar10.slice(0, 400);
    const percentiles = Array.from(few, (each) => percentileOf(few, each));
    expect(percentiles.reduce((sum, each) => sum + each, 0) / 400).to.be.closeTo(0.5, 1e-12);
    expect(superiority(few, few)).to.be.closeTo(0, 1e-12);
    expect(superiority([95], few)).to.equal(0.5);
    expect(superiority([1, 2], [1 + ALIKE / 2, 9])).to.equal((0 - 0.5 + 0.5 - 0.5) / 4);
    const draws = uniform(key(1), 20);
    expect(superiority(draws, [2])).to.equal(-0.5);
  });
});
