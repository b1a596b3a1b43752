import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
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
