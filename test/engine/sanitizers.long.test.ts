import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';

/** Instructions of each width of vectors, as bin/setup/steps.mjs has them. */
const WIDTHS: Readonly<Record<number, readonly string[]>> =
  process.arch === 'x64'
    ? {
        4: ['-msse4.2'],
        8: ['-mavx2', '-mfma'],
        16: ['-mavx2', '-mfma', '-mavx512f', '-mavx512dq', '-mavx512vl', '-mavx512bw'],
      }
    : { 4: [] };

describe('fused kernels: memory', function () {
  this.timeout(300_000);

  it('reads and writes nothing out of bounds, and does nothing undefined, on every kind of shape', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'zarts-sanitize-'));
    try {
      const compile = (source: string, object: string, ...flags: readonly string[]): string => {
        const to = path.join(folder, object);
        const always = [
          '-std=c++17',
          '-O1',
          '-g',
          '-fsanitize=address,undefined',
          '-fno-sanitize-recover=all',
        ];
        const from = path.join(projectRoot(), source);
        const made = spawnSync('c++', [...always, ...flags, from, '-o', to], { encoding: 'utf8' });
        expect(made.status, made.stderr).to.equal(0);
        return to;
      };
      const objects = Object.entries(WIDTHS).map(([width, flags]) =>
        compile('lib/engine/native/level.cc', `level${width}.o`, '-c', `-DWIDTH=${width}`, ...flags),
      );
      const program = compile('test/engine/sanitize.cc', 'sanitize', ...objects);
      const { status, stdout, stderr } = spawnSync(program, [], { encoding: 'utf8' });
      expect(status, stderr.slice(0, 2000)).to.equal(0);
      expect(stdout).to.match(/^\d{4} calls, all values finite\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
