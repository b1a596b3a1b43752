import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { countOps, parseGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { temporaryHome, zarts } from './zarts.js';

describe('zarts with limits on a genotype', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  after(remove);
  const env = { ZARTS_HOME: home };
  const SEARCH = ['search', '--space', 's2', '--budget', 'smoke', '--data', 'synthetic', '--quiet'];

  it('prints the limits among the deviations, and derives anew from a finished search', async () => {
    const plain = await zarts([...SEARCH, '--json'], env);
    const limited = await zarts([...SEARCH, '--json', '--most-skips', '0'], env);
    expect(limited.code, limited.stderr).to.equal(0);
    interface Document {
      readonly key: string;
      readonly result: unknown;
      readonly limited: { readonly genotype: Genotype };
      readonly deviations: readonly string[];
    }
    const [before, after] = [plain, limited].map(({ stdout }) => JSON.parse(stdout) as Document);
    expect([after.key, after.result]).to.deep.equal([before.key, before.result]);
    expect(after.deviations[0]).to.match(
      /^The genotype may have at most 0 skip connections in the normal cell; /,
    );
    expect(countOps(after.limited.genotype).normal.skip_connect).to.equal(0);

    const text = await zarts([...SEARCH, '--most-skips', '0'], env);
    expect(parseGenotype(text.stdout.trimEnd().split('\n').at(-1)!)).to.deep.equal(after.limited.genotype);
    const file = join(home, 'limited.json');
    writeFileSync(file, limited.stdout);
    for (const args of [[after.key, '--most-skips', '0'], [file]]) {
      const { stdout } = await zarts(['count', ...args, '--json'], env);
      expect((JSON.parse(stdout) as { genotype: unknown }).genotype).to.deep.equal(after.limited.genotype);
    }
    const evaluate = ['evaluate', after.key, '--space', 's1', '--budget', 'smoke', '--data', 'synthetic'];
    const trained = await zarts(
      [...evaluate, '--most-skips', '0', '--no-baseline', '--json', '--quiet'],
      env,
    );
    expect(trained.code, trained.stderr).to.equal(0);
    expect((JSON.parse(trained.stdout) as Document).deviations[0]).to.equal(after.deviations[0]);
  });

  it('refuses limits on what is derived already, and limits that are none', async () => {
    const known = await zarts(['count', 'DARTS_V2', '--most-skips', '2'], env);
    expect(known.code).to.equal(2);
    expect(known.stderr).to.match(
      /^Limits are for a genotype that is derived from a search's alphas; DARTS_V2 is one already/,
    );
    const negative = await zarts([...SEARCH, '--most-parameters', 'few'], env);
    expect([negative.code, negative.stderr]).to.deep.equal([
      2,
      `--most-parameters is "few"; it must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}.\n`,
    ]);
  });
});
