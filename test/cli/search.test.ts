import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { parseGenotype } from '../../lib/spaces/genotype.js';
import {
  EPOCHS,
  RUN,
  SEARCH,
  STEPS,
  besidesProgress,
  documentOf,
  lasting,
  savedSteps,
  storedResult,
  untilWriting,
} from './search-run.js';
import { endStarted, start, temporaryHome, zarts } from './zarts.js';
import type { Outcome } from './zarts.js';

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

  it('stopped by Ctrl-C and killed while it writes, it goes on to the same result', async () => {
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

    const { child, outcome } = start(RUN, env);
    await untilWriting(parts.home, { child, outcome });
    child.kill('SIGKILL');
    expect((await outcome).killedBy).to.equal('SIGKILL');
    expect(savedSteps(parts.home), 'no saved step is ever lost').to.be.at.least(saved);

    const last = await zarts(RUN, env);
    expect(last.code, last.stderr).to.equal(0);
    expect(lasting(documentOf(last))).to.deep.equal(lasting(expected));
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
