import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { labPath, labSolvers, stepText } from '../../lib/report/laboratory.js';
import { reportPage } from '../../lib/report/report-page.js';
import { committedResults, recordFiles } from '../../reproductions/records.js';
import { reportOf } from '../../reproductions/report.js';
import { temporaryHome } from '../cli/zarts.js';
import { landscapeRecord } from '../reproductions/landscape-record.js';
import { longIt } from '../support/long.js';
import { inBrowser, keepPicture, overflow, seriousFindings, SIZES } from '../support/browser.js';

inBrowser('the report page in a browser', (open) => {
  const { home, remove } = temporaryHome();
  const file = join(home, 'report.html');
  let surfaces: ReturnType<typeof reportOf>['surfaces'];
  before(async function () {
    this.timeout(60_000);
    const folder = join(home, 'results');
    mkdirSync(folder);
    const [record] = recordFiles(committedResults());
    copyFileSync(record, join(folder, basename(record)));
    writeFileSync(join(folder, 'fig-1-smoke.json'), JSON.stringify(landscapeRecord()));
    const report = reportOf(folder, file);
    ({ surfaces } = report);
    writeFileSync(file, await reportPage(report));
  });
  after(remove);

  longIt(
    'of every record that came with the project: no serious finding of axe',
    async function (this: Mocha.Context) {
      this.timeout(300_000);
      const whole = join(home, 'whole.html');
      writeFileSync(whole, await reportPage(reportOf(committedResults(), whole)));
      const page = await open();
      await page.goto(pathToFileURL(whole).href);
      await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
      expect(await overflow(page)).to.equal(0);
      expect(await seriousFindings(page)).to.deep.equal([]);
      await page.context().close();
    },
  );

  /** The page, with what it complains of and what it asks for over a network. */
  async function opened(options: Parameters<typeof open>[0]) {
    const page = await open(options);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    await page.locator('.lab').waitFor();
    return { page, complaints };
  }

  for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
    for (const theme of ['light', 'dark'] as const) {
      // Each size and each theme once; all four take seconds.
      const test = (size === 'narrow') === (theme === 'light') ? it : longIt;
      test(`${size}, ${theme}: no serious finding of axe, nothing wider than the window, no complaint`, async function (this: Mocha.Context) {
        this.timeout(60_000);
        const { page, complaints } = await opened({ size, theme });
        await keepPicture(page, `report-${size}-${theme}`, true);
        // What is folded is looked at too.
        await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
        expect(await overflow(page)).to.equal(0);
        expect(await seriousFindings(page)).to.deep.equal([]);
        expect(complaints).to.deep.equal([]);
        await page.context().close();
      });
    }
  }

  const words = (page: Page): Promise<string> => page.locator('.words').innerText();

  it('computes in the page what the library computes, wherever the start is dragged', async function () {
    this.timeout(60_000);
    const { page } = await opened({});
    const { controls } = labSolvers().find(({ id }) => id === 'mgs')!;
    const settings = Object.fromEntries(controls.map(({ name, value }) => [name, value]));
    const expected = (x: number, y: number): string => {
      const steps = labPath(surfaces[0].grid, {
        solver: 'mgs',
        settings,
        start: { x, y },
        seed: 0,
        updates: 10,
      });
      return stepText(steps, 9);
    };
    const [xs, ys] = [surfaces[0].grid.xs, surfaces[0].grid.ys];
    const at = (ticks: readonly number[], share: number): number =>
      ticks[0] + share * (ticks[ticks.length - 1] - ticks[0]);
    expect(await words(page)).to.equal(expected(at(xs, 0.25), at(ys, 0.75)));

    const map = page.locator('.lab svg').first();
    const box = (await map.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.75 * box.width, box.y + 0.5 * box.height, { steps: 4 });
    await page.mouse.up();
    expect(await words(page)).to.equal(expected(at(xs, 0.75), at(ys, 0.5)));
    await page.context().close();
  });

  it('follows every control: solver, density, settings, surface, update shown', async function () {
    this.timeout(60_000);
    const { page } = await opened({});
    const drawn = async (): Promise<string> =>
      (await page.locator('.lab svg').allInnerTexts()).join('') + (await page.locator('.lab').innerHTML());
    let before = await drawn();
    const changes = async (what: string, change: () => Promise<unknown>): Promise<void> => {
      await change();
      const now = await drawn();
      expect(now, what).to.not.equal(before);
      expect(now).to.not.match(/NaN|undefined|Infinity/);
      before = now;
    };
    const slide = (label: RegExp, to: string) => (): Promise<void> =>
      page.locator('.lab label').filter({ hasText: label }).locator('input').fill(to);
    const pick = (label: string, option: string) => (): Promise<unknown> =>
      page
        .locator('.lab label')
        .filter({ hasText: new RegExp(`^${label}`) })
        .locator('select')
        .selectOption({ label: option });
    await changes('density', pick('density in the weights', 'flat'));
    await changes('N', slide(/^N, candidates/, '0.8'));
    expect(await words(page)).to.match(/Nₑ = \d+\.\d\d of \d\d /);
    await changes('τ', slide(/^τ/, '0.9'));
    await changes('σ', slide(/^σ/, '0.9'));
    await changes('update shown', slide(/^update shown/, '3'));
    await changes('start', slide(/^start, along the first/, '0.9'));
    await changes('draws', () => page.getByRole('button', { name: 'Draw anew' }).click());
    await changes('solver', pick('solver', 'ZARTS-RS'));
    expect(await page.getByText('This solver does not weigh its candidates.').count()).to.equal(1);
    await changes('μ', slide(/^μ/, '0.9'));
    await changes('surface', pick('surface', 'a toy function: a bowl'));
    await page.context().close();
  });
});
