import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';

/** Tests of a file beside this one that pass in a process with such an environment. */
async function passingIn(name: string, env: Readonly<Record<string, string>>): Promise<number> {
  const mocha = path.join(projectRoot(), 'node_modules', 'mocha', 'bin', 'mocha.js');
  const args = [mocha, '--timeout=60000', path.join(__dirname, name)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
  return Number(/^ +(\d+) passing/m.exec(stdout)?.[1]);
}

describe('engine/kernels where other kernels are under them', function () {
  this.timeout(600_000);

  it('pass the same tests without oneDNN, whose convolutions alone know dilation', async () => {
    const env = { TF_ENABLE_ONEDNN_OPTS: '0', ZARTS_NATIVE: 'off' };
    expect(await passingIn('kernels.test.js', env)).to.be.at.least(40);
  });

  for (const level of ['sse', 'avx2']) {
    it(`pass the same tests, and so do the fused ones, with vectors no wider than those of ${level}`, async () => {
      const env = { ZARTS_NATIVE: level };
      expect(await passingIn('kernels.test.js', env)).to.be.at.least(40);
      expect(await passingIn('fused.test.js', env)).to.be.at.least(10);
    });
  }
});
