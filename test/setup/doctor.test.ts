import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../bin/cli/doctor.js';
import { describeFindings, examine } from '../../bin/cli/doctor.js';
import { root } from './tools.js';

describe('zarts doctor', function () {
  this.timeout(60_000);

  it('finds every needed piece of this project working, with the versions that are installed', async () => {
    const findings = await examine();
    const find = (piece: string): Finding => findings.find((finding) => finding.piece === piece)!;
    // A source may be edited while the tests run; whether dist is fresh is set-up's test.
    const broken = findings.filter(({ ok, needed, piece }) => needed && !ok && piece !== 'dist');
    expect(broken).to.deep.equal([]);
    expect(find('Node').state).to.contain(process.versions.node);
    expect(find('.venv').state).to.match(/jupyterlab 4\.6\.\d+/);
    expect(find('TensorFlow addon').state).to.match(/loads, TensorFlow 2\.\d+\.\d+/);
  });

  it('says what to do below a problem, and counts problems of needed pieces only', () => {
    const text = describeFindings([
      { piece: 'Node', ok: true, needed: true, state: '20.19.0' },
      { piece: '.venv', ok: false, needed: true, state: 'missing', advice: 'Run: npm run setup' },
      {
        piece: 'GPU',
        ok: false,
        needed: false,
        state: 'not used',
        advice: 'ZARTS_ENGINE=gpu npm run setup uses it',
      },
    ]);
    expect(text.split('\n')).to.deep.equal([
      'ok      Node   20.19.0',
      'PROBLEM .venv  missing',
      '               → Run: npm run setup',
      'note    GPU    not used',
      '               → ZARTS_ENGINE=gpu npm run setup uses it',
      '1 needed piece does not work.',
    ]);
  });

  it('prints one JSON document with --json and exits 0', function () {
    if (!existsSync(join(root, 'dist', 'bin', 'cli', 'main.js'))) this.skip();
    const { stdout, status } = spawnSync(process.execPath, ['bin/zarts.mjs', 'doctor', '--json'], {
      cwd: root,
      encoding: 'utf8',
    });
    const report = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
    expect(report.ok).to.equal(true);
    expect(report.findings.map(({ piece }) => piece)).to.include.members(['Node', '.venv', 'GPU', 'dist']);
    expect(status).to.equal(0);
  });
});
