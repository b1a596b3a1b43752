import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ZartsError } from '../../lib/errors.js';
import { projectRoot } from '../../lib/runs/home.js';
import { findingsText, withFindings } from '../../reproductions/findings.js';
import { committedResults } from '../../reproductions/records.js';
import { experimentById } from '../../reproductions/registry.js';
import { recordsIn } from '../../reproductions/report.js';
import { viewOf } from '../../reproductions/experiment.js';

const readme = readFileSync(path.join(projectRoot(), 'README.md'), 'utf8');

describe('findings', () => {
  it('in the README are those of the records that come with it (npx zarts report --readme makes them)', () => {
    expect(withFindings(readme, findingsText(recordsIn(committedResults())))).to.equal(readme);
  });

  it('name every claim that was decided, and no other', () => {
    for (const record of recordsIn(committedResults())) {
      const text = findingsText([record]);
      for (const claim of experimentById(record.id).claims(viewOf(record.result))) {
        const decided = ['supported', 'not supported'].includes(claim.verdict);
        expect(text.includes(`${claim.verdict}: ${claim.text} `), claim.id).to.equal(decided);
      }
    }
  });

  it('take the place of other findings alone, and need a place', () => {
    const other = withFindings(readme, 'Something else.');
    expect(other).to.contain('Something else.').and.to.not.equal(readme);
    expect(withFindings(other, findingsText(recordsIn(committedResults())))).to.equal(readme);
    expect(() => withFindings('No marks.', 'Something.')).to.throw(ZartsError, 'README.md lacks the lines');
  });
});
