import { expect } from 'chai';
import { MEASURING, START } from '../notebooks/files.js';
import { temporaryHome } from '../cli/zarts.js';
import { inBrowser, keepPicture } from '../support/browser.js';
import { OpenNotebook, startLab } from '../support/lab.js';
import type { Lab } from '../support/lab.js';

inBrowser('JupyterLab’s start page in a browser', (open) => {
  const { home, remove } = temporaryHome();
  let lab: Lab;
  before(async function () {
    this.timeout(60_000);
    lab = await startLab({ ZARTS_BUDGET: 'smoke', ZARTS_DATA: 'synthetic', ZARTS_HOME: home });
  });
  after(async function () {
    this.timeout(30_000);
    await lab.end();
    remove();
  });

  it('has a first cell that works and leads to every notebook', async function () {
    this.timeout(120_000);
    const page = await open();
    const notebook = await OpenNotebook.at(page, lab.url(START));
    await notebook.kernel('idle');
    await notebook.runAll();
    const cell = await notebook.find('overview({ budget })');
    await notebook.until(cell, (outputs) => outputs.length > 0);
    const links = notebook.cell(cell).locator('a');
    await links.nth(MEASURING.length - 1).waitFor();
    expect(await links.count()).to.equal(MEASURING.length);
    await notebook.show(cell);
    await keepPicture(page, 'lab-start-wide-light');
    await notebook.theme('Dark');
    await keepPicture(page, 'lab-start-wide-dark');
    // A slider's move is followed.
    await notebook.theme('Light');
    const update = await notebook.find('interact(');
    await notebook.until(update, (outputs) => outputs.length > 0);
    await notebook.show(update);
    const rows = notebook.cell(update).locator('tbody tr');
    await rows.nth(3).waitFor();
    expect(await rows.count()).to.equal(4);
    await notebook.cell(update).getByRole('slider').first().press('ArrowRight');
    await rows.nth(5).waitFor();
    await keepPicture(page, 'lab-update-wide-light');
    // A click on a notebook opens it here.
    await notebook.show(cell);
    await links.filter({ hasText: 'Fig. 4' }).click();
    await page.waitForFunction('jupyterapp.shell.currentWidget.context?.path.includes("fig-4")');
    await page.context().close();
  });
});
