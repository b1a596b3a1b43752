import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { parseGenotype } from '../../lib/spaces/genotype.js';
import { key, uniform } from '../../lib/math/random.js';
import { endStarted, start, temporaryHome, zarts } from './zarts.js';
import type { Outcome, Started } from './zarts.js';

/** A search of some seconds: 40 weight steps and 20 alpha updates, a checkpoint after each of its 10 epochs. */
const SEARCH = ['search', '--space', 's2', '--solver', 'mgs', '--budget', 'smoke', '--data', 'synthetic'];
const RUN = [...SEARCH, '--seed', '1', '--set', 'epochs=10', '--json'];
const EPOCHS = 10;
const STEPS = 4 * EPOCHS;

interface SearchDocument {
  readonly key: string;
  readonly protocol: { readonly seed: number; readonly epochs: number };
  readonly result: {
    readonly genotype: unknown;
    readonly steps: number;
    readonly epochs: readonly { ess: number }[];
  };
  readonly provenance: { readonly seconds: number; readonly data: { readonly coverage: string } };
  readonly deviations: readonly string[];
}

/** The one JSON document on stdout. */
const documentOf = ({ stdout }: Outcome): SearchDocument => JSON.parse(stdout) as SearchDocument;

/** What must not depend on when, and in how many parts, a search was run. */
function lasting({ provenance, ...rest }: SearchDocument): unknown {
  return { ...rest, provenance: { ...provenance, seconds: 0 } };
}

/** What is on stderr besides progress: no line of it may be there in a run that goes well. */
function besidesProgress(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !/^search s2 mgs seed \d+ \d+\/\d+/.test(line));
}

/** The result that a run's folder holds, without times. */
function storedResult(home: string, runKey: string): unknown {
  const path = join(home, 'runs', runKey, 'result.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { result: unknown }).result;
}

/** The folder of the only run in `home`; undefined while there is none. */
function runFolder(home: string): string | undefined {
  const runs = join(home, 'runs');
  const [run] = existsSync(runs) ? readdirSync(runs) : [];
  return run === undefined ? undefined : join(runs, run);
}

/** Steps that the newest checkpoint in `home` has; 0 without one. */
function savedSteps(home: string): number {
  const folder = join(runFolder(home) ?? home, 'checkpoint');
  if (!existsSync(folder)) return 0;
  const checkpoints = readdirSync(folder).filter((name) => name.endsWith('.ckpt'));
  return Math.max(0, ...checkpoints.map((name) => parseInt(name)));
}

/** Waits until the process adds a line to the run's metrics: it has taken up the work and is writing. */
async function untilWriting(home: string, { child }: Started): Promise<void> {
  const size = (): number =>
    statSync(join(runFolder(home) ?? '', 'metrics.jsonl'), { throwIfNoEntry: false })?.size ?? 0;
  // The file is first cut back to the last checkpoint, and only then grows.
  for (let last = Infinity, now = size(); now <= last && child.exitCode === null; now = size()) {
    last = now;
    await delay(5);
  }
}

describe('zarts search', function () {
  this.timeout(300_000);
  const whole = temporaryHome();
  const parts = temporaryHome();
  let first: Outcome;

  before(async () => {
    first = await zarts(RUN, { ZARTS_HOME: whole.home });
  });
  after(() => {
    endStarted();
    whole.remove();
    parts.remove();
  });

  it('--json prints one document: key, protocol, result, provenance, deviations', () => {
    expect(first.code, first.stderr).to.equal(0);
    const document = documentOf(first);
    expect(document).to.have.all.keys('key', 'protocol', 'result', 'provenance', 'deviations');
    expect(document.protocol.seed).to.equal(1);
    expect(document.result.steps).to.equal(STEPS);
    expect(document.result.epochs).to.have.length(EPOCHS);
    expect(document.provenance.data.coverage).to.equal('synthetic');
    expect(document.deviations.join('\n'))
      .to.include('epochs is 10; the paper has 50')
      .and.to.include('synthetic');
  });

  it('keeps stderr to progress', () => {
    expect(first.stderr).to.include('search s2 mgs seed 1 0/40');
    expect(besidesProgress(first.stderr)).to.deep.equal([]);
  });

  it('is shown again from the store, to the byte, without progress under --quiet', async () => {
    const again = await zarts([...RUN, '--quiet'], { ZARTS_HOME: whole.home });
    expect(again.code, again.stderr).to.equal(0);
    expect(again.stdout).to.equal(first.stdout);
    expect(again.stderr).to.equal('');
  });

  it('prints its document though nobody reads the progress on stderr', async () => {
    const { child, outcome } = start([...SEARCH, '--seed', '3', '--json'], { ZARTS_HOME: whole.home });
    child.stderr?.destroy();
    const { code, stdout, stderr } = await outcome;
    expect(code).to.equal(0);
    expect(documentOf({ code, stdout, stderr, killedBy: null }).protocol.seed).to.equal(3);
  });

  it('as text: the genotype in the form that PyTorch reads, the epochs, the deviations, the folder', async () => {
    const args = RUN.filter((each) => each !== '--json');
    const { code, stdout } = await zarts(args, { ZARTS_HOME: whole.home });
    expect(code).to.equal(0);
    const { key: runKey, result, deviations } = documentOf(first);
    const genotype = /^Genotype\(.*\)$/m.exec(stdout)?.[0] ?? '';
    expect(parseGenotype(genotype)).to.deep.equal(result.genotype);
    for (const { ess } of result.epochs) expect(stdout).to.include(ess.toFixed(2));
    expect(deviations).not.to.be.empty;
    expect(stdout.replaceAll(/\s+/g, ' ')).to.include(deviations[0]).and.to.include(deviations.at(-1));
    expect(stdout).to.include(join('runs', runKey));
  });

  it('stopped by Ctrl-C and killed at random moments, it goes on to the same result', async () => {
    const env = { ZARTS_HOME: parts.home };
    const expected = documentOf(first);

    const interrupted = start(RUN, env);
    while (savedSteps(parts.home) < 4 && interrupted.child.exitCode === null) await delay(20);
    interrupted.child.kill('SIGINT');
    const stopped = await interrupted.outcome;
    expect(stopped.code, stopped.stderr).to.equal(130);
    expect(stopped.stdout).to.equal('');
    const saved = savedSteps(parts.home);
    expect(saved).to.be.within(4, STEPS - 1);
    expect(besidesProgress(stopped.stderr)).to.deep.equal([
      'Stopping after the step under way; Ctrl-C again stops at once.',
      `Stopped after step ${saved} of ${STEPS}; the same command goes on from there.`,
    ]);

    // Killed at another moment each time: within two epochs of writing metrics and checkpoints.
    const seed = Date.now() % 2 ** 32;
    const kills: number[] = [];
    for (const share of uniform(key(seed), 3)) {
      const process = start(RUN, env);
      await untilWriting(parts.home, process);
      await Promise.race([delay(800 * share), process.outcome]);
      process.child.kill('SIGKILL');
      if ((await process.outcome).killedBy === 'SIGKILL') kills.push(savedSteps(parts.home));
    }
    expect(kills, 'steps saved when a process was killed').to.have.length.at.least(2);
    expect([saved, ...kills], 'no saved step is ever lost').to.deep.equal(
      [saved, ...kills].sort((a, b) => a - b),
    );

    const last = await zarts(RUN, env);
    expect(last.code, `seed ${seed}: ${last.stderr}`).to.equal(0);
    expect(lasting(documentOf(last)), `seed ${seed}`).to.deep.equal(lasting(expected));
    expect(storedResult(parts.home, expected.key)).to.deep.equal(storedResult(whole.home, expected.key));
  });
});

describe('zarts: standard streams', function () {
  this.timeout(90_000);

  it('a reader that has seen enough is no error', async () => {
    const { child, outcome } = start(['search', '--help']);
    child.stdout?.destroy();
    const { code, stderr } = await outcome;
    expect(code).to.equal(0);
    expect(stderr).to.equal('');
  });
});
