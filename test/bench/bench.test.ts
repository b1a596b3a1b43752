import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { peerVariants, ratiosOf } from './bench.js';
import type { BenchReport, ShapeReport } from './bench.js';
import { Child, peerName } from './processes.js';
import { BENCH_SHAPES, DEFAULT_SHAPES, isSmall, shapesOf } from './shapes.js';
import { contenders, inTurn, timing } from './timing.js';
import { fromWire, toWire } from './wire.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { sizeOf } from '../../bin/cli/bench-peer.js';
import { zarts } from '../cli/zarts.js';
import { longIt } from '../support/long.js';

const ms = (median: number) => ({ median, quartiles: [median, median] as const, n: 1 });

/** A report of one shape with round numbers. */
const REPORT: Omit<ShapeReport, 'ratios'> = {
  ...BENCH_SHAPES['darts-full-16'],
  parameters: 10,
  ms: {
    compiled: ms(100),
    eager: ms(1500),
    'torch nchw, 1 thread': ms(500),
    'torch nchw, 2 threads': ms(400),
  },
  peer: 'torch nchw, 2 threads',
  counts: {
    parameters: 10,
    operations: 3,
    kernels: 2,
    multiplyAdds: { dense: 1e9, depthwise: 0, total: 1e9 },
    forwardMultiplyAdds: { dense: 3e8, depthwise: 0, total: 3e8 },
    bytes: 8e8,
  },
  graph: { operations: 3, bytes: 19e6, recordMs: 9000, loadMs: 7000, firstCallMs: 1 },
  memory: {
    compiled: { start: 1, recording: 300, running: 600, peak: 600 },
    torch: { start: 1, recording: null, running: 800, peak: 800 },
  },
  matrixProduct: { ms: ms(10), parallel: 2, gflops: 80 },
  gflops: 20,
  gbytes: 8,
  bits: { sessions: 2, values: { weights: 1 } },
};

describe('bench: shapes and times', () => {
  it('times all but the large batches of full networks unless told, every one for "all", each once', () => {
    expect(shapesOf()).to.deep.equal(DEFAULT_SHAPES);
    for (const name of DEFAULT_SHAPES) expect(name).not.to.match(/-full-64$|retrain-full/);
    expect(DEFAULT_SHAPES).to.include('retrain-small');
    expect(shapesOf(['s2-small', 'all']))
      .to.have.members(Object.keys(BENCH_SHAPES))
      .and.have.length(10);
    expect(Object.values(BENCH_SHAPES).filter(isSmall)).to.have.length(3);
  });

  it('suggests a shape for one that is none', () => {
    expect(() => shapesOf(['dart-small'])).to.throw(UsageError, /Did you mean "darts-small"\?/);
  });

  it('summarizes times by median and quartiles', () => {
    expect(timing([5, 1, 2, 4, 3])).to.deep.equal({ median: 3, quartiles: [2, 4], n: 5 });
    expect(timing([7])).to.deep.equal({ median: 7, quartiles: [7, 7], n: 1 });
  });

  it('keeps variants that may be the fastest', () => {
    expect(contenders({ a: [100, 104, 90], b: [110], c: [140], d: [116] })).to.deep.equal(['a', 'b']);
  });

  it('takes turns, and keeps apart whose times are whose', async () => {
    const order: string[] = [];
    const turn = (name: string, time: number) => () => {
      order.push(name);
      return Promise.resolve(time);
    };
    const times = await inTurn({ a: turn('a', 1), b: turn('b', 2) }, 3);
    expect(order.join('')).to.equal('ababab');
    expect(times).to.deep.equal({ a: [1, 1, 1], b: [2, 2, 2] });
  });

  it('tries the peer in both layouts, with one thread and all', () => {
    const names = (cores: number, withCompile: boolean) => peerVariants(cores, withCompile).map(peerName);
    expect(names(8, false)).to.deep.equal([
      'torch nchw, 1 thread',
      'torch nchw, 8 threads',
      'torch channels_last, 1 thread',
      'torch channels_last, 8 threads',
    ]);
    expect(names(1, true)).to.deep.equal([
      'torch nchw, 1 thread',
      'torch channels_last, 1 thread',
      'torch torch.compile, 1 thread',
    ]);
  });
});

describe('bench: ratios', () => {
  const ratios = ratiosOf(REPORT);

  it('compares medians, the peer by its fastest variant', () => {
    expect(ratios).to.deep.equal({
      'eager/compiled': 15,
      'torch/compiled': 4,
      matrixProductShare: 0.25,
      'recordingMemory/runningMemory': 0.5,
      'peakMemory/torch': 0.75,
    });
  });

  it('leaves out what was not measured', () => {
    const alone: Omit<ShapeReport, 'ratios'> = {
      ...REPORT,
      ms: { compiled: ms(100) },
      memory: { compiled: REPORT.memory.compiled },
    };
    const report = Object.fromEntries(
      Object.entries(alone).filter(([name]) => name !== 'peer'),
    ) as unknown as typeof alone;
    expect(ratiosOf(report)).to.have.all.keys('matrixProductShare', 'recordingMemory/runningMemory');
  });

  it('reads sizes off what pip says', () => {
    expect(sizeOf('  Downloading torch-2.15.0-cp311.whl (539.1 MB)')).to.equal(539.1);
    expect(sizeOf('  Using cached filelock-4.2.11-py3-none-any.whl (222 kB)')).to.be.closeTo(0.222, 1e-9);
    expect(sizeOf('Collecting torch==2.15.0')).to.equal(undefined);
  });
});

describe('bench: processes', () => {
  interface Asked {
    ask(): { value: number };
  }
  const script = (code: string) =>
    new Child<Asked>({ name: 'The child', command: process.execPath, args: ['-e', code] });
  /** A process that answers every line with the given one. */
  const answering = (line: string) =>
    script(
      `console.log('a word before'); process.stdin.on('data', () => console.log(${JSON.stringify(line)}));`,
    );

  async function failure(child: Child<Asked>): Promise<string> {
    try {
      await child.ask('ask');
    } catch (error) {
      expect(error).to.be.instanceOf(ZartsError);
      return (error as Error).message;
    } finally {
      child.close();
    }
    throw new Error('it should have failed');
  }

  it('takes the answer, whatever else is printed', async () => {
    const child = answering('{"ok":true,"value":3}');
    expect(await child.ask('ask')).to.include({ value: 3 });
    expect(await child.ask('ask')).to.include({ value: 3 });
    child.close();
  });

  it('says in one sentence what went wrong', async () => {
    expect(await failure(answering('{"ok":false,"error":"no room"}'))).to.equal(
      'The child failed at "ask": no room',
    );
    expect(await failure(answering('{"some":"thing"}'))).to.match(/answered something else/);
    const ended = script(
      'process.stdin.once("data", () => { console.error("disk\\nis full"); process.exit(3); })',
    );
    expect(await failure(ended)).to.equal('The child ended (exit code 3). It said: is full');
    const missing = new Child<Asked>({ name: 'The child', command: '/nowhere/python', args: [] });
    expect(await failure(missing)).to.match(/^The child could not be started: .*ENOENT/);
  });

  it('hands arrays over to the bit', () => {
    const floats = { shape: [2, 2], data: Float32Array.of(1.5, -0, NaN, 3e-39) };
    expect(fromWire(toWire(floats))).to.deep.equal(floats);
    // A part of a longer array, as a batch is.
    const whole = Int32Array.of(1, 2, 3, 4);
    expect(fromWire(toWire({ shape: [2], data: whole.subarray(1, 3) })).data).to.deep.equal(
      Int32Array.of(2, 3),
    );
  });

  it('knows the peak of memory, and forgets it where the system lets it', () => {
    // In a process of its own: what a collector frees, and when, is told there.
    const code = `
      const { peakBytes, forgetPeak } = require(${JSON.stringify(require.resolve('./memory.js'))});
      const before = peakBytes();
      Buffer.alloc(256e6, 1);
      const held = peakBytes();
      gc();
      console.log(JSON.stringify({ before, held, later: peakBytes(), forgot: forgetPeak(), after: peakBytes() }));`;
    const { stdout } = spawnSync(process.execPath, ['--expose-gc', '-e', code], { encoding: 'utf8' });
    const { before, held, later, forgot, after } = JSON.parse(stdout) as Record<string, number>;
    expect(held - before).to.be.within(250e6, 300e6);
    // Linux counts pages by thread and sums the counts now and then: a peak is told to some hundred kilobytes.
    expect(later).to.be.at.least(held - 1e6);
    if (forgot) expect(later - after).to.be.greaterThan(200e6);
  });
});

describe('zarts bench', function () {
  this.timeout(180_000);

  longIt('times a step and prints one object', async () => {
    const { code, stdout, stderr } = await zarts([
      ...['bench', '--shape', 's2-small', '--repeats', '2', '--updates', '1', '--memory-steps', '12'],
      ...['--json', '--quiet'],
    ]);
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    const report = JSON.parse(stdout) as BenchReport;
    expect(report).to.include.all.keys('shapes', 'machine', 'versions');
    const shape = report.shapes['s2-small'];
    expect(Object.keys(report.shapes)).to.deep.equal(['s2-small']);
    expect(Object.keys(shape.ms)).to.have.members(['compiled', 'eager']);
    expect(shape.ms.compiled).to.include({ n: 2 });
    expect(shape.ratios['eager/compiled']).to.equal(shape.ms.eager.median / shape.ms.compiled.median);
    expect(shape.ratios).to.include.all.keys(
      'matrixProductShare',
      'alphaUpdate/bareSteps',
      'darts2nd/darts1st',
    );
    const { first, second, ratio } = shape.alphaUpdate!.darts;
    expect(first).to.include({ n: 8 });
    expect(ratio)
      .to.equal(second.median / first.median)
      .and.be.greaterThan(1);
    expect(shape.alphaUpdate).to.include({ candidates: 4, iterations: 10 });
    expect(shape.alphaUpdate!.update.median).to.be.greaterThan(20 * shape.alphaUpdate!.step.quartiles[0]);
    const { compiled } = shape.memory;
    expect(compiled.peak).to.be.at.least(compiled.start!);
    expect(compiled.peak).to.equal(Math.max(compiled.recording!, compiled.running));
    expect(shape.steady!.map(({ step }) => step)).to.deep.equal([10, 12]);
    expect(new Set(shape.steady!.map(({ nativeTensors }) => nativeTensors)).size).to.equal(1);
  });

  const MISTAKES: readonly { args: readonly string[]; says: RegExp }[] = [
    { args: ['--shape', 'dart-small'], says: /Unknown shape "dart-small".*Did you mean "darts-small"\?/ },
    { args: ['--peer', 'tourch'], says: /Unknown peer "tourch"; allowed: torch\. Did you mean "torch"\?/ },
    { args: ['--repeats', '0'], says: /--repeats is "0"; it must be an integer from 1/ },
    { args: ['--updates', '-1'], says: /--updates is "-1"; it must be an integer from 0/ },
    { args: ['--check'], says: /--check is about the peer; add --peer torch/ },
    { args: ['--peer-compile'], says: /--peer-compile is about the peer; add --peer torch/ },
  ];

  for (const { args, says } of MISTAKES) {
    it(`explains ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await zarts(['bench', ...args]);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.match(says);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
    });
  }

  it('does not tune what the user has set', async () => {
    const { code, stderr } = await zarts(['bench', '--tune'], { TF_NUM_INTEROP_THREADS: '2' });
    expect(code).to.equal(2);
    // Where other tests have loaded the engine in this process, it has set the other variable, and the child inherits it.
    expect(stderr).to.match(/^TF_NUM_INT(ER|RA)OP_THREADS is set, and what is set by hand always wins/);
  });
});
