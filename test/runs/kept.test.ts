import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { InterruptedError, ZartsError } from '../../lib/errors.js';
import { bitsOf, differenceOf, instructionsIn } from '../../lib/runs/environment.js';
import { runKind } from '../../lib/runs/kept.js';
import type { Kind, KeptOptions } from '../../lib/runs/kept.js';
import { rejection, temporaryFolder } from '../datasets/helpers.js';

const ENGINE = { package: 'an engine', tensorflow: '2.21.0', intraOpThreads: 1, interOpThreads: 2 };

/** Counts to 4 with an engine; stops after `stopAfter`. */
function counting(
  engine: object | null,
  stopAfter = Infinity,
): Kind<object, { digest: string }, { from: number; steps: number }, object, KeptOptions> {
  return {
    data: () => Promise.resolve({ digest: 'd' }),
    engine: () => engine,
    compute({ run: { from, store } }) {
      const first = from?.step ?? 0;
      for (let step = first + 1; step <= 4; step++) {
        store.saveCheckpoint({ step, meta: {}, tensors: {} });
        if (step >= stopAfter) throw new InterruptedError(`Stopped after step ${step}.`);
      }
      return Promise.resolve({ from: first, steps: 4 });
    },
    provenance: () => ({}),
  };
}

describe('runs/kept: a checkpoint goes on only where the same bits are computed', () => {
  const home = temporaryFolder();
  const run = (seed: number, engine: object | null, stopAfter?: number) =>
    runKind(counting(engine, stopAfter), { kind: 'count', seed }, { home: home() });

  it('is refused elsewhere in a sentence with what differs and how to start anew, and stays', async () => {
    expect(await rejection(run(1, ENGINE, 2))).to.be.instanceOf(InterruptedError);
    const error = await rejection(run(1, { ...ENGINE, tensorflow: '2.22.0' }));
    expect(error).to.be.instanceOf(ZartsError);
    expect(error.message).to.match(
      /^Run [0-9a-f]{32} was begun where other bits are computed: tensorflow was "2\.21\.0" and is "2\.22\.0"; go on there, or start it anew here by deleting /,
    );
    const folder = / deleting (.*)\.$/.exec(error.message)![1];
    expect(existsSync(join(folder, 'checkpoint'))).to.equal(true);
    const { result } = await run(1, ENGINE);
    expect(result).to.deep.equal({ from: 2, steps: 4 });
  });

  it('goes on with another number of operations at once', async () => {
    await rejection(run(2, ENGINE, 3));
    const { result } = await run(2, { ...ENGINE, interOpThreads: 8 });
    expect(result.from).to.equal(3);
  });
});

describe('runs/kept: the seconds of a run', () => {
  const home = temporaryFolder();
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it('are its own: those of another that it begins with are not in them, made or failed', async () => {
    let othersMs = 0;
    const another = async (): Promise<string> => {
      const since = performance.now();
      await wait(200);
      othersMs += performance.now() - since;
      return 'made';
    };
    const own: Kind<object, { digest: string }, object, { seconds: number }, KeptOptions> = {
      data: () => Promise.resolve({ digest: 'd' }),
      engine: () => ENGINE,
      async compute({ other }) {
        await wait(100);
        expect(await other(another)).to.equal('made');
        await rejection(other(() => another().then(() => Promise.reject(new ZartsError('It failed.')))));
        return {};
      },
      provenance: (_, seconds) => ({ seconds }),
    };
    const began = performance.now();
    const { provenance } = await runKind(own, { kind: 'count' }, { home: home() });
    const rest = (performance.now() - began - othersMs) / 1000;
    expect(provenance.seconds).to.be.within(0.09, rest);
  });
});

describe('runs/environment', () => {
  it('finds the vector instructions of x86 and Arm processors, sorted', () => {
    const x86 =
      'model name\t: X\nflags\t\t: fpu smep sse2 avx512f fma avx avx2 rdrand\n\nprocessor\t: 1\nflags\t\t: fpu';
    expect(instructionsIn(x86)).to.equal('avx avx2 avx512f fma sse2');
    expect(instructionsIn('Features\t: fp asimd sve aes')).to.equal('asimd sve');
    expect(instructionsIn('')).to.equal('');
  });

  it('tells machines apart that differ in instructions, caches or threads of an operation', () => {
    const machine = { processor: 'P', instructions: 'avx', caches: '32K', cores: 2 };
    const whole = { ...machine, commit: null, version: '1', node: 'v20' };
    const here = bitsOf(ENGINE, whole);
    const elsewhere = { ...whole, node: 'v22', cores: 64 };
    expect(differenceOf(here, bitsOf(ENGINE, elsewhere))).to.equal(undefined);
    expect(differenceOf(here, bitsOf(ENGINE, { ...whole, instructions: 'avx avx2' }))).to.equal(
      'instructions was "avx" and is "avx avx2"',
    );
    expect(
      differenceOf(here, bitsOf({ ...ENGINE, intraOpThreads: 2 }, { ...whole, caches: '48K' })),
    ).to.equal('caches was "32K" and is "48K", intraOpThreads was "1" and is "2"');
  });
});
