import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { KNOWN_GENOTYPES, printGenotype } from '../../lib/spaces/genotype.js';
import { temporaryHome, zarts } from './zarts.js';

interface CountDocument {
  readonly name: string;
  readonly genotype: unknown;
  readonly text: string;
  readonly counts: readonly {
    readonly form: string;
    readonly cells: number;
    readonly channels: number;
    readonly parameters: number;
    readonly multiplyAdds: number;
    readonly withAuxiliary: { readonly parameters: number } | null;
  }[];
}

describe('zarts count', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  after(remove);

  const counted = async (...args: string[]): Promise<CountDocument> => {
    const { code, stdout, stderr } = await zarts(['count', ...args, '--json'], { ZARTS_HOME: home });
    expect(code, stderr).to.equal(0);
    expect(stderr).to.equal('');
    return JSON.parse(stdout) as CountDocument;
  };

  it('prints the counts at the sizes that the paper trains', async () => {
    const { code, stdout, stderr } = await zarts(['count', 'DARTS_V2'], { ZARTS_HOME: home });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include(printGenotype(KNOWN_GENOTYPES.DARTS_V2));
    for (const count of ['3,349,342', '710,682', '246,106', '4,718,752', '529,911,552'])
      expect(stdout).to.include(count);
    expect(stdout).not.to.include('3,825,768');
  });

  it('counts a size of its own, with the auxiliary head', async () => {
    const args = ['--cells', '8', '--channels', '16', '--classes', '100', '--aux'];
    const { stdout } = await zarts(['count', 'DARTS_V2', ...args], { ZARTS_HOME: home });
    for (const count of ['269,236', '43,467,776', '773,912', '44,068,864']) expect(stdout).to.include(count);
  });

  it('counts an architecture of NAS-Bench-201 at the size it was trained at, and names what is wrong with one', async () => {
    const text = '|skip_connect~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|skip_connect~1|skip_connect~2|';
    const { counts, text: printed } = await counted(text);
    expect(printed).to.equal(text);
    expect(counts).to.have.length(1);
    expect(counts[0]).to.deep.include({ form: 'stages', cells: 15, channels: 16, parameters: 73_306 });
    const { code, stderr } = await zarts(['count', text.replace('none', 'zero')]);
    expect(code).to.equal(2);
    expect(stderr).to.match(/^Genotype text, line 1, column 34: expected a known primitive/);
  });

  it('takes PyTorch’s text, a file with text or JSON, and the key of a finished search', async () => {
    const { NASNet } = KNOWN_GENOTYPES;
    const expected = await counted('NASNet');
    expect(expected.counts.map(({ parameters }) => parameters)).to.deep.equal([
      3_830_950, 843_770, 333_946, 5_564_320,
    ]);
    const text = join(home, 'genotype.txt');
    writeFileSync(text, `${printGenotype(NASNet)}\n`);
    const json = join(home, 'genotype.json');
    writeFileSync(json, JSON.stringify({ result: { genotype: NASNet } }));
    for (const source of [printGenotype(NASNet), text, json]) {
      expect((await counted(source)).counts, source).to.deep.equal(expected.counts);
    }

    const search = ['search', '--space', 's2', '--budget', 'smoke', '--data', 'synthetic', '--json'];
    const outcome = await zarts(search, { ZARTS_HOME: home });
    expect(outcome.code, outcome.stderr).to.equal(0);
    const found = JSON.parse(outcome.stdout) as { key: string; result: { genotype: unknown } };
    for (const prefix of [found.key, found.key.slice(0, 8)]) {
      const { genotype, name } = await counted(prefix);
      expect(genotype).to.deep.equal(found.result.genotype);
      expect(name).to.equal(`run ${found.key.slice(0, 8)}`);
    }
  });

  const MISTAKES: readonly { args: readonly string[]; says: readonly string[] }[] = [
    { args: [], says: ['zarts count needs GENOTYPE', 'DARTS_V1', 'run'] },
    { args: ['DARTS_V3'], says: ['"DARTS_V3"', 'AmoebaNet', 'Did you mean "DARTS_V', 'the key of a run'] },
    { args: ["Genotype(normal=[('sep_conv_3x4', 0)])"], says: ['line 1, column 19', 'Did you mean'] },
    { args: ['0123456789'], says: ['no run', '0123456789'] },
    { args: ['NASNet', '--cells', 'many'], says: ['--cells is "many"', 'integer from 1'] },
    { args: ['NASNet', '--form', 'imagnet'], says: ['"imagnet"', 'Did you mean "imagenet"?'] },
    { args: ['NASNet', '--image', '30'], says: ['15×15', 'multiple of 4'] },
    { args: ['NASNet', '--image', '16', '--aux'], says: ['auxiliary head', '16×16'] },
  ];
  for (const { args, says } of MISTAKES) {
    it(`${args.slice(0, 3).join(' ') || 'nothing'}: exit code 2 and one sentence`, async () => {
      const { code, stdout, stderr } = await zarts(['count', ...args], { ZARTS_HOME: home });
      expect(code, stderr).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).not.to.match(/^\s+at /m);
      for (const each of says) expect(stderr).to.include(each);
    });
  }
});
