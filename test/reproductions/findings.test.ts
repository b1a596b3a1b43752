import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { projectRoot } from '../../lib/runs/home.js';
import { findingsText, withFindings } from '../../reproductions/findings.js';
import { committedResults } from '../../reproductions/records.js';
import { experimentById } from '../../reproductions/registry.js';
import { separationsIn } from '../../reproductions/separation.js';
import { recordsIn } from '../../reproductions/report.js';
import { viewOf } from '../../reproductions/experiment.js';

const readme = readFileSync(path.join(projectRoot(), 'README.md'), 'utf8');

describe('findings', () => {
  let records: ReturnType<typeof recordsIn>;
  // Many megabytes: read once, and not while files of tests are loaded.
  before(() => {
    records = recordsIn(committedResults());
  });

  it('in the README are those of the records that come with it (npx zarts report --readme makes them)', () => {
    expect(withFindings(readme, findingsText(records))).to.equal(readme);
  });

  it('name every claim that was decided, and no other', () => {
    for (const record of records) {
      const text = findingsText([record]);
      for (const claim of experimentById(record.id).claims(viewOf(record.result))) {
        const decided = ['supported', 'not supported'].includes(claim.verdict);
        expect(text.includes(`${claim.verdict}: ${claim.text} `), claim.id).to.equal(decided);
      }
    }
  });

  it('name every primary question that more than one repeat left open, with what so many would have found', () => {
    for (const record of records) {
      const lines = findingsText([record])
        .split('\n')
        .filter((line) => line.startsWith('- ? '));
      const claims = experimentById(record.id)
        .claims(viewOf(record.result))
        .filter(({ verdict, secondary, n }) => verdict === 'undecided' && !secondary && n > 1);
      expect(lines).to.have.length(claims.length);
      for (const [i, { text, detail }] of claims.entries()) {
        expect(lines[i]).to.contain(text);
        expect(lines[i].endsWith(detail)).to.equal(true);
      }
    }
  });

  it('name each control once, and every finding the controls that it rests on', () => {
    for (const record of records) {
      const text = findingsText([record]);
      const named = new Map(
        [...text.matchAll(/^- (C\d+)\. (.*)\.$/gm)].map(([, name, control]) => [name, control]),
      );
      const decided = text.split('\n').filter((line) => /^- [✓✗] /.test(line));
      for (const claim of experimentById(record.id).claims(viewOf(record.result))) {
        const line = decided.find((each) => each.includes(`supported: ${claim.text} `));
        if (!line) continue;
        const names = /\(Controls: (.*)\.\)$/.exec(line)?.[1].split(', ') ?? [];
        expect(
          names.map((name) => named.get(name)),
          claim.id,
        ).to.deep.equal(claim.controls ?? []);
      }
      expect(new Set(named.values()).size).to.equal(named.size);
    }
  });

  it('say of every record that decides something what it does not show', () => {
    for (const record of records) {
      const text = findingsText([record]);
      if (/^- [✓✗] /m.test(text)) expect(text, record.id).to.match(/^Not shown: /m);
    }
  });

  it('name the controls that failed', () => {
    const record = records.find(({ id }) => id === 'table-2')!;
    const text = findingsText([record]);
    const controls = [...separationsIn(viewOf(record.result)).values()];
    expect(controls.map(({ passed }) => passed)).to.include.members([true, false]);
    for (const { text: what, found, passed } of controls) {
      expect(text.includes(`- ${what} (${found}).`), what).to.equal(passed === false);
    }
  });

  it('take the place of other findings alone, and need a place', () => {
    const other = withFindings(readme, 'Something else.');
    expect(other).to.contain('Something else.').and.to.not.equal(readme);
    expect(withFindings(other, findingsText(records))).to.equal(readme);
    expect(() => withFindings('No marks.', 'Something.')).to.throw(ZartsError, 'README.md lacks the lines');
  });
});
