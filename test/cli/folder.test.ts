import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { evaluationProtocols } from '../../bin/cli/evaluate.js';
import type { EvaluationProtocol } from '../../lib/evaluation/protocol.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import { temporaryHome, zarts } from './zarts.js';

describe('zarts on a folder of one’s own', function () {
  this.timeout(60_000);
  const { home, remove } = temporaryHome();
  after(remove);
  const folder = join(home, 'mine');

  before(async () => {
    for (const [label, name] of ['bright', 'dark', 'grey'].entries()) {
      mkdirSync(join(folder, name), { recursive: true });
      for (let i = 0; i < 10; i++) {
        const raw = Buffer.alloc(24 * 16 * 3, 80 * label + 4 * i);
        await sharp(raw, { raw: { width: 24, height: 16, channels: 3 } }).toFile(
          join(folder, name, `${i}.png`),
        );
      }
    }
  });

  const run = async (...args: string[]): Promise<string> => {
    const own = ['--dataset', 'folder', '--data', folder, '--budget', 'smoke', '--quiet'];
    const { code, stdout, stderr } = await zarts([...args, ...own], { ZARTS_HOME: join(home, 'runs') });
    expect(code, stderr).to.equal(0);
    return stdout.replaceAll(/\s+/g, ' ');
  };

  it('searches on it, and says what it found there', async () => {
    const told = await run('search', '--space', 's2');
    expect(told).to.include(
      '24 folder images (own: 3 classes; 24 training and 6 test images found) of 16×16',
    );
    expect(told).to.include('The images are your own');
  });

  it('trains what was searched on it on it, unless another preset or data set is named', async () => {
    const env = { ZARTS_HOME: join(home, 'runs') };
    const small = ['--data', folder, '--budget', 'smoke', '--quiet', '--json'];
    const search = await zarts(['search', '--space', 's2', '--dataset', 'folder', ...small], env);
    const { key } = JSON.parse(search.stdout) as { key: string };
    const sizes = ['--set', 'dataset.trainSize=8', '--set', 'dataset.testSize=4', '--no-baseline'];
    const { code, stdout, stderr } = await zarts(['evaluate', key, ...small, ...sizes], env);
    expect(code, stderr).to.equal(0);
    const [{ protocol }] = (JSON.parse(stdout) as { evaluations: { protocol: EvaluationProtocol }[] })
      .evaluations;
    expect([protocol.preset, protocol.dataset.name]).to.deep.equal(['imagenet', 'folder']);

    const options = { budget: 'smoke', seed: '0', seeds: '1', baseline: true } as const;
    const named = { genotype: KNOWN_GENOTYPES.DARTS_V2, name: 'x', space: 's2' } as const;
    const chosen = (dataset: string, more: object) => {
      const [made] = evaluationProtocols({ ...named, dataset }, { ...options, ...more });
      return [made.preset, made.dataset.name];
    };
    expect(chosen('cifar10', { preset: 'imagenet' })).to.deep.equal(['imagenet', 'imagenet']);
    expect(chosen('imagenet', {})).to.deep.equal(['imagenet', 'imagenet']);
    expect(chosen('folder', { dataset: 'cifar10' })).to.deep.equal(['table-2', 'cifar10']);
  });

  it('trains on it; chance is among the classes that are there', async () => {
    const told = await run(
      'evaluate',
      'DARTS_V1',
      '--set',
      'dataset.classes=2',
      '--set',
      'dataset.trainSize=8',
      '--set',
      'dataset.testSize=4',
    );
    expect(told).to.include('(own: 2 classes; 24 training and 6 test images found) of 64×64');
    expect(told).to.match(/chance 50\.00 %/);
  });
});
