import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { KNOWN_GENOTYPES, printGenotype } from '../../lib/spaces/genotype.js';
import { zarts } from './zarts.js';

describe('zarts draw', function () {
  this.timeout(60_000);
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'zarts-draw-'))));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('writes the picture that its ending asks for, and says what is in it', async () => {
    for (const [name, start] of [
      ['a.svg', '<svg '],
      ['a.PNG', '\x89PNG'],
    ]) {
      const out = join(folder, name);
      const { code, stdout, stderr } = await zarts(['draw', 'DARTS_V2', '--out', out]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(readFileSync(out, 'latin1').slice(0, start.length)).to.equal(start);
      expect(stdout)
        .to.contain(printGenotype(KNOWN_GENOTYPES.DARTS_V2))
        .and.to.contain(`${basename(folder)}/${name}`);
      expect(stdout).to.match(/^DARTS_V2 +normal +8 +6 +0 +2/m);
    }
  });

  it('compares with another, from a file or typed, as one JSON document', async () => {
    const file = join(folder, 'mine.txt');
    writeFileSync(file, printGenotype(KNOWN_GENOTYPES.DARTS_V1));
    const out = join(folder, 'both.svg');
    const { code, stdout } = await zarts(['draw', file, '--compare', 'DARTS_V2', '--out', out, '--json']);
    expect(code).to.equal(0);
    const document = JSON.parse(stdout) as Record<string, unknown>;
    expect(document).to.deep.include({ name: 'mine.txt', genotype: KNOWN_GENOTYPES.DARTS_V1, picture: out });
    expect(document).to.have.nested.property('comparison.similarity.edges', 11 / 16);
    expect(document).to.have.nested.property('structure.normal.depth', 3);
    expect(readFileSync(out, 'utf8')).to.contain('mine.txt and DARTS_V2');
  });

  it('draws an architecture of NAS-Bench-201: one cell, its last node the output', async () => {
    const text = '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|';
    const out = join(folder, 'nb201.svg');
    const { code, stdout, stderr } = await zarts(['draw', text, '--out', out]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.contain(text);
    expect(stdout).to.match(/^genotype +all +6 +2 +1 +2 +0 +1$/m);
    expect(stdout).to.match(/^genotype +67 % +3 +1\.8$/m);
    const svg = readFileSync(out, 'utf8');
    expect(svg).to.contain(
      'Cell: 2 convolutions, 1 pooling operation, 2 skip connections, 1 zero operation; depth 3',
    );
    expect(svg).to.not.contain('concatenated');
    expect(svg.match(/rx="8"/g)).to.have.length(4);
  });

  const MISTAKES = [
    { args: ['DARTS_V3'], says: /^Unknown genotype "DARTS_V3"; allowed: DARTS_V1.*Did you mean/, exits: 2 },
    { args: ['DARTS_V2', '--out', 'a.pdf'], says: /^--out is "a.pdf"; .* ends in .svg or .png\.$/, exits: 2 },
    {
      args: ['DARTS_V2', '--compare', 'Genotype(x'],
      says: /line 1, column 10: expected a value/,
      exits: 2,
    },
    {
      args: ['DARTS_V2', '--out', '/not/there/a.svg'],
      says: /\/not\/there\/a.svg: no such file or directory/,
      exits: 1,
    },
  ];
  for (const { args, says, exits } of MISTAKES) {
    it(`says in one sentence what is wrong with ${args.slice(-1)[0]}`, async () => {
      const { code, stdout, stderr } = await zarts(['draw', ...args]);
      expect({ code, stdout }).to.deep.equal({ code: exits, stdout: '' });
      expect(stderr.trimEnd()).to.match(says).and.not.to.contain('\n');
      expect(existsSync(join(tmpdir(), 'DARTS_V2.svg'))).to.equal(false);
    });
  }
});
