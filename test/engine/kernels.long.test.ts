import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';

describe('engine/kernels where TensorFlow has other kernels under them', function () {
  this.timeout(600_000);

  it('pass the same tests without oneDNN, whose convolutions alone know dilation', async () => {
    const env = { ...process.env, TF_ENABLE_ONEDNN_OPTS: '0', ZARTS_NATIVE: 'off' };
    const mocha = path.join(projectRoot(), 'node_modules', 'mocha', 'bin', 'mocha.js');
    const tests = path.join(__dirname, 'kernels.test.js');
    const { stdout } = await promisify(execFile)(process.execPath, [mocha, '--timeout=60000', tests], {
      env,
    });
    const [, passing] = /^ +(\d+) passing/m.exec(stdout) ?? [];
    expect(Number(passing)).to.be.at.least(40);
  });
});
