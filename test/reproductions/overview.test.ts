import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { EXPERIMENTS } from '../../reproductions/registry.js';
import { notebookFiles, notebookOf, overview } from '../../reproductions/overview.js';
import { temporaryHome } from '../cli/zarts.js';
import { setVariables } from '../support/process.js';

describe('the overview of notebooks', function () {
  this.timeout(20_000);
  const { home, remove } = temporaryHome();
  let restore: () => void;
  before(() => (restore = setVariables({ ZARTS_HOME: home, ZARTS_BUDGET: undefined })));
  after(() => {
    restore();
    remove();
  });

  it('has those of the experiments in their order, then any others', () => {
    const folder = path.join(home, 'notebooks');
    mkdirSync(folder);
    const [first, second] = EXPERIMENTS.map(({ id }) => id);
    for (const name of [`${second}-b`, 'zeta', `${first}-a`, 'alpha', '00-start', `${first}0-c`]) {
      writeFileSync(path.join(folder, `${name}.ipynb`), '{}');
    }
    const names = notebookFiles(folder).map((file) => path.basename(file, '.ipynb'));
    expect(names).to.deep.equal([`${first}-a`, `${second}-b`, 'alpha', `${first}0-c`, 'zeta']);
  });

  it('says of each what it shows, the verdicts of the record that is there, and what it takes here', async () => {
    const { rows, title, columns } = await overview();
    expect(title).to.contain('budget laptop');
    expect(columns.map(({ href }) => href)).to.include('href');
    for (const { id, title: own, description } of EXPERIMENTS) {
      if (notebookOf(id) === undefined) continue;
      const row = rows.find((each) => each.title === own);
      expect(row, id).to.include({ shows: description });
      expect(row?.cost, id).to.match(/^~\d+ (s|min|h|days)$/);
    }
    const fig4 = rows.find(({ href }) => String(href).startsWith('fig-4-'));
    expect(fig4?.verdicts).to.match(
      /^([✓✗?○] \d+ (supported|not supported|undecided|cannot be seen here)(, )?)+$/,
    );
    const smoke = await overview({ budget: 'smoke' });
    expect(smoke.rows.find(({ href }) => href === fig4?.href)?.verdicts).to.match(/ \(budget laptop\)$/);
    expect(await overview({ budget: 'huge' }).catch((error: unknown) => error)).to.be.instanceOf(UsageError);
  });
});
