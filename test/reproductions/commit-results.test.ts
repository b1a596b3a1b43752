import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../lib/runs/home.js';
import { commitResult, refusal } from '../../reproductions/commit-results.js';

const environment = (commit: string | null, coverage = 'subset') => ({
  commit,
  data: { name: 'cifar10', coverage, digest: 'd' },
});
const record = (provenances: object[], more: object = {}) => {
  const runs = provenances.map((provenance) => ({ kept: [{ provenance }] }));
  return JSON.stringify({ schemaVersion: 2, id: 'fig-4', budget: 'laptop', result: { runs }, ...more });
};
const logs = (known: boolean) => ({
  protocol: { kind: 'logs' },
  provenance: { commit: '0123abc', data: null },
  result: { known },
});
const unjudged = { provenance: { commit: '0123abc', data: null }, result: { known: false, why: 'not here' } };

describe('results under version control', () => {
  const good = record([environment('0123abc')]);

  it('takes what was made from committed sources on real images', () => {
    expect(refusal(good, [])).to.equal(undefined);
    // A figure beside whose searches those of others would stand goes without.
    expect(refusal(record([], { result: { runs: [{ kept: [logs(false)] }] } }), [])).to.equal(undefined);
    // Toy functions read none.
    expect(refusal(record([{ commit: '0123abc', data: null }]), [])).to.equal(undefined);
  });

  for (const [text, reason] of [
    [record([environment('0123abc', 'synthetic')]), 'its images are synthetic'],
    [record([environment(null)]), 'the commit that made it is not known'],
    [
      record([environment('0123abc'), environment('0123456789-dirty')]),
      'it was made with changes on top of commit 0123456',
    ],
    [record([environment('0123abc')], { note: '/home/someone/zarts' }), 'it contains "/home/someone"'],
    [
      record([{ commit: '0123abc', data: null }], { result: { runs: [{ kept: [unjudged] }] } }),
      'the published table that its runs are judged by was not there',
    ],
    [
      record([{ commit: '0123abc', data: null }], { result: { runs: [{ kept: [logs(true)] }] } }),
      'it holds the logs of R-DARTS’ authors',
    ],
    [record([]), 'it is no result record'],
    ['{"schemaVersion": 2,', 'it is not JSON'],
    ['{"schemaVersion": 1}', 'it is no result record (schemaVersion'],
  ]) {
    it(`refuses it: ${reason}`, () => {
      expect(refusal(text, ['/home/someone'])).to.contain(reason);
    });
  }

  it('copies a record with its pictures, and nothing of another variant', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'zarts-'));
    try {
      const files = [
        'fig-4-laptop-esr.png',
        'fig-4-laptop-esr.vl.json',
        'fig-4-laptop-zarts.svg',
        'fig-4-laptop.json',
      ];
      const others = [
        'fig-4-laptop-notebook.json',
        'fig-4-laptop-notebook-esr.png',
        'table-5-laptop.json',
        'fig-4-laptop.json.12.tmp',
      ];
      for (const file of [...files, ...others]) writeFileSync(path.join(folder, file), good);
      const to = path.join(folder, 'kept');
      expect(commitResult('fig-4-laptop', folder, to).sort()).to.deep.equal(files);
      expect(readdirSync(to).sort()).to.deep.equal(files);
      // A picture that the record has no longer goes, with what it was made from; another variant's stays.
      writeFileSync(path.join(to, 'fig-4-laptop-notebook-esr.png'), good);
      rmSync(path.join(folder, 'fig-4-laptop-zarts.svg'));
      commitResult('fig-4-laptop', folder, to);
      expect(readdirSync(to).sort()).to.deep.equal(
        [...files.filter((file) => !file.endsWith('.svg')), 'fig-4-laptop-notebook-esr.png'].sort(),
      );
      expect(() => commitResult('fig-4-full', folder, to)).to.throw(
        'There is no result fig-4-full; there are',
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('keeps results that all of this is true of', () => {
    const folder = path.join(projectRoot(), 'reproductions', 'results');
    const to = mkdtempSync(path.join(tmpdir(), 'zarts-'));
    try {
      const names = readdirSync(folder).filter((file) => /(?<!\.vl)\.json$/.test(file));
      expect(names).to.include('fig-4-laptop.json');
      for (const name of names) commitResult(path.basename(name, '.json'), folder, to);
    } finally {
      rmSync(to, { recursive: true, force: true });
    }
  });
});
