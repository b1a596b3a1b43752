import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { KNOWN_GENOTYPES, printGenotype } from '../../lib/spaces/genotype.js';
import { endStarted, start, temporaryHome, zarts } from './zarts.js';
import type { Outcome } from './zarts.js';

const EVALUATE = ['evaluate', 'DARTS_V1', '--budget', 'smoke', '--data', 'synthetic'];

interface Evaluation {
  readonly key: string;
  readonly protocol: {
    readonly preset: string;
    readonly seed: number;
    readonly network: { readonly kind: string };
  };
  readonly result: { readonly test: { readonly errorPct: number }; readonly epochs: readonly unknown[] };
  readonly provenance: Readonly<Record<string, unknown>>;
}

interface EvaluateDocument {
  readonly name: string;
  readonly genotype: string;
  readonly parameters: number;
  readonly summary: { readonly finalErrorPct: { readonly n: number; readonly mean: number } };
  readonly evaluations: readonly Evaluation[];
  readonly baseline: Evaluation | null;
  readonly deviations: readonly string[];
}

const documentOf = ({ stdout }: Outcome): EvaluateDocument => JSON.parse(stdout) as EvaluateDocument;

/** What must not depend on when a training was run. */
const lasting = ({ evaluations, baseline, ...rest }: EvaluateDocument): unknown => ({
  ...rest,
  runs: [...evaluations, baseline].map((run) => run && { ...run, provenance: null }),
});

/** Steps that the newest checkpoint of the only run in `home` has; 0 without one. */
function savedSteps(home: string): number {
  const runs = join(home, 'runs');
  const [run] = existsSync(runs) ? readdirSync(runs) : [];
  const folder = join(runs, run ?? '', 'checkpoint');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return Math.max(0, ...names.filter((name) => name.endsWith('.ckpt')).map((name) => parseInt(name)));
}

describe('zarts evaluate', function () {
  this.timeout(120_000);
  const whole = temporaryHome();
  const parts = temporaryHome();
  const stopped = temporaryHome();
  after(() => {
    endStarted();
    whole.remove();
    parts.remove();
    stopped.remove();
  });
  const run = (args: readonly string[], home = whole.home): Promise<Outcome> =>
    zarts(args, { ZARTS_HOME: home });

  it('--json prints one document: seeds, their summary, the baseline, deviations', async () => {
    const outcome = await run([...EVALUATE, '--seeds', '2', '--json']);
    expect(outcome.code, outcome.stderr).to.equal(0);
    const document = documentOf(outcome);
    expect(document.genotype).to.equal(printGenotype(KNOWN_GENOTYPES.DARTS_V1));
    expect(document.evaluations.map(({ protocol }) => protocol.seed)).to.deep.equal([0, 1]);
    const errors = document.evaluations.map(({ result }) => result.test.errorPct);
    expect(document.summary.finalErrorPct.n).to.equal(2);
    expect(document.summary.finalErrorPct.mean).to.be.closeTo((errors[0] + errors[1]) / 2, 1e-9);
    expect(document.baseline?.protocol.network.kind).to.equal('linear');
    expect(document.deviations.join('\n'))
      .to.include('synthetic')
      .and.to.include('epochs is 2; the paper has 600');
    expect(outcome.stderr).to.include('train network darts-space seed 0 0/8');

    const again = await run([...EVALUATE, '--seeds', '2', '--json', '--quiet']);
    expect(again.stdout).to.equal(outcome.stdout);
    expect(again.stderr).to.equal('');
    const elsewhere = await run([...EVALUATE, '--seeds', '2', '--json', '--quiet'], parts.home);
    expect(lasting(documentOf(elsewhere))).to.deep.equal(lasting(document));
  });

  it('as text: the genotype, epochs, errors of last and best epoch, chance, the folder', async () => {
    const { code, stdout, stderr } = await run([...EVALUATE, '--no-baseline']);
    expect(code, stderr).to.equal(0);
    const document = documentOf(await run([...EVALUATE, '--json']));
    const [{ key, result }] = document.evaluations;
    expect(stdout).to.include(printGenotype(KNOWN_GENOTYPES.DARTS_V1));
    expect(stdout)
      .to.include(`${result.test.errorPct.toFixed(2)} %`)
      .and.to.include('best epoch');
    expect(stdout).to.include('chance').and.not.to.include('linear classifier');
    expect(stdout).to.include(document.parameters.toLocaleString('en-US'));
    expect(stdout).to.include(join('runs', key));
  });

  it('evaluates what a search found, at the sizes of Table 2 on the search’s own data', async () => {
    const search = [
      'search',
      '--space',
      's4',
      '--budget',
      'smoke',
      '--data',
      'synthetic',
      '--json',
      '--quiet',
    ];
    const found = JSON.parse((await run(search)).stdout) as { key: string; result: { genotype: never } };
    const args = [
      'evaluate',
      found.key.slice(0, 10),
      '--budget',
      'smoke',
      '--data',
      'synthetic',
      '--json',
      '--quiet',
    ];
    const outcome = await run(args);
    expect(outcome.code, outcome.stderr).to.equal(0);
    const { genotype, evaluations, name } = documentOf(outcome);
    expect(genotype).to.equal(printGenotype(found.result.genotype));
    expect(evaluations[0].protocol.preset).to.equal('table-2');
    expect(name).to.equal(`run ${found.key.slice(0, 8)}`);
  });

  it('--export writes the trained network in both formats, and the genotype', async () => {
    const to = join(whole.home, 'exported');
    const { code, stdout, stderr } = await run([...EVALUATE, '--export', to]);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('Exported to').and.to.include('read back');
    for (const file of ['saved_model/saved_model.pb', 'tfjs/model.json', 'tfjs/weights.bin'])
      expect(existsSync(join(to, file)), file).to.equal(true);
    expect(readFileSync(join(to, 'genotype.txt'), 'utf8').trim()).to.equal(
      printGenotype(KNOWN_GENOTYPES.DARTS_V1),
    );
    const seeds = await run([...EVALUATE, '--seeds', '2', '--export', to, '--quiet']);
    expect(seeds.code, seeds.stderr).to.equal(0);
    for (const seed of ['seed-0', 'seed-1'])
      expect(existsSync(join(to, seed, 'network.json'))).to.equal(true);
  });

  it('stopped by Ctrl-C and killed, it goes on to the same result', async () => {
    const long = [...EVALUATE, '--no-baseline', '--json', '--set', 'epochs=40'];
    const expected = await run(long);
    expect(expected.code, expected.stderr).to.equal(0);
    const steps: number[] = [];
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const process = start(long, { ZARTS_HOME: stopped.home });
      const before = steps.at(-1) ?? 0;
      while (savedSteps(stopped.home) < before + 10 && process.child.exitCode === null) await delay(5);
      process.child.kill(signal);
      const { code, killedBy, stderr } = await process.outcome;
      if (signal === 'SIGINT') {
        expect(code, stderr).to.equal(130);
        expect(stderr).to.match(/Stopped after step \d+ of 160; the same command goes on from there\./);
      } else expect(killedBy).to.equal('SIGKILL');
      steps.push(savedSteps(stopped.home));
    }
    expect(steps[1], 'no saved step is lost').to.be.greaterThan(steps[0]);
    const resumed = await run(long, stopped.home);
    expect(resumed.code, resumed.stderr).to.equal(0);
    expect(lasting(documentOf(resumed))).to.deep.equal(lasting(documentOf(expected)));
  });

  const MISTAKES: readonly { args: readonly string[]; says: readonly string[] }[] = [
    { args: ['evaluate'], says: ['zarts evaluate needs GENOTYPE'] },
    { args: ['evaluate', 'DARTS_V9'], says: ['"DARTS_V9"', 'Did you mean'] },
    { args: [...EVALUATE, '--preset', 'table-3'], says: ['"table-3"', 'table-2', 'Did you mean'] },
    { args: [...EVALUATE, '--preset', 'table-2'], says: ['--space', 's1, s2, s3, s4'] },
    { args: [...EVALUATE, '--dataset', 'cifar'], says: ['"cifar"', 'Did you mean "cifar10"?'] },
    { args: [...EVALUATE, '--budget', 'tiny'], says: ['"tiny"', 'smoke, laptop, full'] },
    { args: [...EVALUATE, '--seeds', '0'], says: ['--seeds is "0"'] },
    { args: [...EVALUATE, '--set', 'epoch=3'], says: ['"epoch"', 'Did you mean "epochs"?'] },
    { args: [...EVALUATE, '--set', 'epochs=0'], says: ['epochs is 0', 'from 1'] },
    { args: [...EVALUATE, '--set', 'seed=3'], says: ['--seed'] },
    {
      args: [...EVALUATE.slice(0, -1), '/nowhere/at/all'],
      says: ['/nowhere/at/all does not exist', '--data'],
    },
  ];
  for (const { args, says } of MISTAKES) {
    it(`${args.join(' ')}: exit code 2 and one sentence`, async () => {
      const { code, stdout, stderr } = await run(args);
      expect(code, stderr).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr.trimEnd().split('\n'), stderr).to.have.length(1);
      for (const each of says) expect(stderr).to.include(each);
    });
  }
});
