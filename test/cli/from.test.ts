import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cellEdges } from '../../lib/spaces/spaces.js';
import { temporaryHome, zarts } from './zarts.js';
import type { Outcome } from './zarts.js';

interface Document {
  readonly key: string;
  readonly protocol: { readonly space: unknown; readonly seed: number };
  readonly result: { readonly alpha: number[] };
  readonly deviations: string[];
  readonly sameAsRecorded?: boolean;
}

const documentOf = ({ code, stdout, stderr }: Outcome): Document => {
  expect(code, stderr).to.equal(0);
  return JSON.parse(stdout) as Document;
};

describe('zarts search', function () {
  this.timeout(180_000);
  const { home, remove } = temporaryHome();
  after(remove);
  const env = { ZARTS_HOME: home };
  const edges = cellEdges(1).map(() => ['skip_connect', 'sep_conv_3x3']);
  const declared = join(home, 'mine.json');
  const SEARCH = ['search', '--budget', 'smoke', '--data', 'synthetic', '--json', '--quiet'];

  const refusal = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await zarts(['search', ...args], env);
    expect(code, stderr).to.equal(2);
    expect(stdout).to.equal('');
    expect(stderr.trimEnd().split('\n'), stderr).to.have.length(1);
    return stderr.trimEnd();
  };

  before(() => {
    mkdirSync(home, { recursive: true });
    writeFileSync(
      declared,
      JSON.stringify({ name: 'mine', nodes: 1, edges: { normal: edges, reduce: edges } }),
    );
  });

  describe('in a space of one’s own', () => {
    it('declared in a file', async () => {
      const found = documentOf(await zarts([...SEARCH, '--space', declared, '--seed', '5'], env));
      expect(found.protocol.space).to.have.property('name', 'mine');
      expect(found.result.alpha).to.have.length(8);
      expect(found.deviations.join('\n')).to.include('The space "mine" is declared for this search');
    });

    it('refuses a file that is not there, is no JSON, or declares it wrongly, naming the place', async () => {
      const file = (name: string, text: string): string => {
        writeFileSync(join(home, name), text);
        return join(home, name);
      };
      expect(await refusal('--space', join(home, 'none.json'))).to.match(/none\.json cannot be read: /);
      expect(await refusal('--space', file('torn.json', '{"name":'))).to.match(/torn\.json is no JSON: /);
      expect(await refusal('--space', file('list.json', '"s2"'))).to.match(
        /must hold a record of name, nodes and edges/,
      );
      const wrong = { name: 'w', nodes: 1, edges: { normal: edges, reduce: [edges[0], ['sep_conv']] } };
      expect(await refusal('--space', file('wrong.json', JSON.stringify(wrong)))).to.match(
        /wrong\.json: Space "w": reduce cell, edge 1 \(1 → 2\): Unknown primitive "sep_conv"/,
      );
      expect(
        await refusal(
          '--space',
          file('s2.json', JSON.stringify({ ...wrong, name: 's2', edges: { normal: edges, reduce: edges } })),
        ),
      ).to.match(/Space "s2" is declared otherwise than the built-in space/);
    });
  });

  describe('--from', () => {
    let first: Document;
    let printed: string;
    const again = (...args: string[]) => zarts(['search', '--json', '--quiet', '--from', ...args], env);

    before(async () => {
      const made = await zarts([...SEARCH, '--space', declared, '--seed', '6', '--set', 'epochs=1'], env);
      first = documentOf(made);
      printed = join(home, 'printed.json');
      writeFileSync(printed, made.stdout);
    });

    it('runs a recorded search again by its key, the start of it, its folder and the files in it', async () => {
      const folder = join(home, 'runs', first.key);
      for (const from of [
        first.key,
        first.key.slice(0, 6),
        folder,
        join(folder, 'protocol.json'),
        join(folder, 'result.json'),
        printed,
      ]) {
        const { sameAsRecorded, ...rest } = documentOf(await again(from));
        expect(rest, from).to.deep.equal(first);
        expect(sameAsRecorded, from).to.equal(true);
      }
    });

    it('computes it where it was not computed before, and says whether it is the same', async () => {
      const elsewhere = temporaryHome();
      const args = ['search', '--json', '--quiet', '--from', printed];
      const found = documentOf(await zarts(args, { ZARTS_HOME: elsewhere.home }));
      expect(found.key).to.equal(first.key);
      expect(found.result).to.deep.equal(first.result);
      expect(found.sameAsRecorded).to.equal(true);

      const record = JSON.parse(readFileSync(printed, 'utf8')) as { result: { steps: number } };
      record.result.steps++;
      const forged = join(home, 'forged.json');
      writeFileSync(forged, JSON.stringify(record));
      const { stdout } = await zarts(['search', '--quiet', '--from', forged], { ZARTS_HOME: elsewhere.home });
      expect(stdout).to.include('Not as recorded in steps: ');
      elsewhere.remove();
    });

    it('refuses every option that would make it another search', async () => {
      for (const [option, value] of [
        ['--space', 's2'],
        ['--solver', 'rs'],
        ['--preset', 'paper'],
        ['--dataset', 'svhn'],
        ['--seed', '6'],
        ['--budget', 'smoke'],
        ['--set', 'epochs=2'],
      ]) {
        expect(await refusal('--from', first.key, option, value)).to.equal(
          `--from runs a search as it was recorded, so ${option} cannot be given with it; leave one of them out.`,
        );
      }
      expect(await refusal('--from', first.key, '--eager')).to.include('--eager cannot be given');
    });

    it('answers what it does not know in one sentence', async () => {
      expect(await refusal('--from', 'abcdef0')).to.match(
        /^There is no run whose key starts with abcdef0 in /,
      );
      expect(await refusal('--from', 'abc')).to.match(/^"abc" is no run's key; .*first 6 are enough/);
      expect(await refusal('--from', 'no-such-file.json')).to.match(/^"no-such-file\.json" is no run's key/);
      expect(await refusal('--from', home)).to.match(/records no run: .*protocol\.json cannot be read/);
      expect(await refusal('--from', declared)).to.match(/mine\.json records no run; /);
      const other = join(home, 'other');
      mkdirSync(other);
      writeFileSync(join(other, 'protocol.json'), '{"protocol":{"kind":"evaluation"}}');
      expect(await refusal('--from', other)).to.match(/records a run of kind "evaluation"; /);
      writeFileSync(join(other, 'protocol.json'), '{"protocol":{"kind":"search","version":1}}');
      expect(await refusal('--from', other)).to.match(/other: The protocol lacks preset; /);
    });

    it('refuses other images than the recorded ones', async () => {
      const folder = join(home, 'changed');
      mkdirSync(folder);
      const protocol = JSON.parse(
        readFileSync(join(home, 'runs', first.key, 'protocol.json'), 'utf8'),
      ) as Record<string, unknown>;
      writeFileSync(
        join(folder, 'protocol.json'),
        JSON.stringify({ ...protocol, dataDigest: '0123456789abcdef' }),
      );
      copyFileSync(join(home, 'runs', first.key, 'result.json'), join(folder, 'result.json'));
      const { code, stderr } = await again(folder);
      expect(code).to.equal(1);
      expect(stderr).to.match(/ran on images of digest 0123456789ab…, those found here have .*--data\.\n$/);
    });
  });
});
