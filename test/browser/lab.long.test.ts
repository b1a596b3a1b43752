import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { inBrowser, keepPicture } from '../support/browser.js';
import { OpenNotebook, startLab } from '../support/lab.js';
import type { Lab } from '../support/lab.js';
import { temporaryHome } from '../cli/zarts.js';

type Outputs = Awaited<ReturnType<OpenNotebook['outputs']>>;

/** How wide what is in a box is, and the box. */
const widths = (box: Locator) =>
  box.evaluate((each: { readonly scrollWidth: number; readonly clientWidth: number }) => ({
    inner: each.scrollWidth,
    outer: each.clientWidth,
  }));

const some = (outputs: Outputs): boolean => outputs.length > 0;
const json = (outputs: Outputs): string => JSON.stringify(outputs);

inBrowser('JupyterLab in a browser', function (open) {
  const { home, remove } = temporaryHome();
  let lab: Lab;
  let page: Page;
  before(async function () {
    this.timeout(60_000);
    lab = await startLab({ ZARTS_BUDGET: 'smoke', ZARTS_DATA: 'synthetic', ZARTS_HOME: home });
  });
  after(async function () {
    this.timeout(30_000);
    await lab.end();
    remove();
  });
  beforeEach(async () => (page = await open()));
  afterEach(() => page.context().close());

  /** A test with time for kernels, which says how long things took. */
  function timed(title: string, test: (say: (what: string) => void) => Promise<void>): void {
    it(title, async function () {
      this.timeout(600_000);
      const began = Date.now();
      const said: string[] = [];
      await test((what) => said.push(`${what} after ${((Date.now() - began) / 1000).toFixed(1)} s`));
      if (said.length > 0) console.log(`        ${said.join(', ')}`);
    });
  }

  timed('draws stored figures, on the dark theme’s own ground, and scrolls them on a phone', async (say) => {
    const notebook = await OpenNotebook.at(page, lab.url('fig-4-ess.ipynb'));
    const cell = await notebook.find('display(fig.charts)');
    await notebook.show(cell);
    await notebook.cell(cell).locator('canvas').first().waitFor();
    say('stored figure');
    await keepPicture(page, 'lab-figure-wide-light');
    await notebook.theme('Dark');
    await notebook.show(cell);
    await notebook.cell(cell).locator('canvas').first().waitFor();
    await keepPicture(page, 'lab-figure-wide-dark');
    const narrow = await open({ size: 'narrow' });
    const small = await OpenNotebook.at(narrow, lab.url('fig-4-ess.ipynb').replace('/lab/', '/doc/'));
    await small.show(cell);
    const box = small.cell(cell).locator('.jp-OutputArea-output').first();
    await box.locator('canvas').waitFor();
    const { inner, outer } = await widths(box);
    expect(outer).to.be.below(390);
    expect(inner, 'the chart is wider than its box, which scrolls').to.be.above(outer);
    await keepPicture(narrow, 'lab-figure-narrow');
    await narrow.context().close();
  });

  timed('lays drawings on the dark theme’s own ground', async () => {
    const notebook = await OpenNotebook.at(page, lab.url('fig-5-cells.ipynb'));
    await notebook.theme('Dark');
    const cell = await notebook.find('display(fig.drawings)');
    await notebook.show(cell);
    const drawing = notebook.cell(cell).locator('.jp-RenderedSVG img, .jp-RenderedImage img').first();
    await drawing.waitFor();
    await keepPicture(page, 'lab-drawing-wide-dark');
    // The mean of what is drawn is dark, as the page is.
    const { channels } = await sharp(await drawing.screenshot()).stats();
    expect(channels[0].mean).to.be.below(64);
  });

  timed('turns the stored surface', async () => {
    const notebook = await OpenNotebook.at(page, lab.url('fig-1-landscape.ipynb'));
    const cell = await notebook.find('display(fig.surfaces)');
    await notebook.show(cell);
    const output = notebook.cell(cell).locator('.jp-OutputArea-output').first();
    const place = (await output.boundingBox())!;
    await page.mouse.move(place.x + 200, place.y + 200);
    await output.locator('canvas').first().waitFor({ timeout: 30_000 });
    await page.waitForTimeout(1000);
    const { inner, outer } = await widths(output);
    expect(inner, 'nothing is cut off').to.be.at.most(outer + 1);
    await keepPicture(page, 'lab-surface-wide-light');
  });

  timed('runs all, and an edited ablation changes its chart', async (say) => {
    const notebook = await OpenNotebook.at(page, lab.url('fig-4-ess.ipynb'));
    await notebook.kernel('idle');
    await notebook.runAll();
    const [measure, figure, ablation] = await Promise.all(
      ['await reproduce(fig4, notebookOptions', 'display(fig.charts)', 'const mine'].map((text) =>
        notebook.find(text),
      ),
    );
    const time = await notebook.find('showTime(fig4');
    await notebook.until(time, some);
    expect(json(await notebook.outputs(time))).to.match(/fig-4 at budget smoke takes ~\d+ s/);
    await notebook.until(measure, some);
    say('first progress');
    // What is there is shown as it comes.
    await notebook.show(measure - 1);
    await notebook.cell(measure).locator('canvas, table').first().waitFor({ timeout: 60_000 });
    await keepPicture(page, 'lab-running-wide-light');
    const finished = (outputs: Outputs): boolean => json(outputs).includes('vegalite');
    await notebook.until(figure, finished, 240);
    say('figure');
    await notebook.until(ablation, (outputs) => outputs.length >= 5, 120);
    await notebook.kernel('idle');
    const chart = notebook.cell(ablation).locator('canvas').first();
    await notebook.show(ablation);
    await chart.waitFor();
    const drawn = (): Promise<string> =>
      chart.evaluate((canvas: { readonly toDataURL?: () => string }) => canvas.toDataURL?.() ?? '');
    const before = await drawn();
    const source = (await notebook.sources())[ablation];
    await notebook.run(ablation, source.replace('samples: 3', 'samples: 6'));
    await notebook.until(ablation, (outputs) => outputs.length >= 5 && json(outputs).includes('"N":6'), 60);
    await notebook.kernel('idle');
    await notebook.show(ablation);
    await chart.waitFor();
    expect(await drawn()).to.not.equal(before);
    say('ablation');
    await keepPicture(page, 'lab-ablation-wide-light');
    // What is there already is shown at once.
    const executions = (await notebook.executions(measure))!;
    const asked = Date.now();
    await notebook.run(measure);
    while (((await notebook.executions(measure)) ?? 0) <= executions) await page.waitForTimeout(20);
    say(`again in ${Date.now() - asked} ms,`);
  });

  timed(
    'shows at once what the store has when a slider is moved, and computes the rest when asked',
    async (say) => {
      lab.write('sliders.ipynb', [
        "import { menu, slider } from 'zarts/lib/report/controls'; import { notebookOptions } from 'zarts/lib/report/notebook'; import { explore } from 'zarts/reproductions/explore'; import { fig4 } from 'zarts/reproductions/fig-4-ess';",
        "await explore(fig4, { ...notebookOptions({ budget: 'smoke' }), seeds: 1, controls: { N: slider('N', [2, 3, 4, 6], 3), density: menu('density', ['literal', 'flat'], 'flat') }, change: ({ N, density }) => ({ density, solver: { samples: N }, epochs: 3 }), show: ({ charts }) => charts[0] });",
        'const fast = 1;',
      ]);
      const notebook = await OpenNotebook.at(page, lab.url('sliders.ipynb'));
      await notebook.kernel('idle');
      await notebook.run(0);
      await notebook.run(1);
      const cell = notebook.cell(1);
      /** Waits until the chart is of a choice; the picture in it. */
      const chartOf = async (choice: string): Promise<string> => {
        await cell
          .locator('.jp-OutputArea-output p')
          .getByText(choice, { exact: true })
          .waitFor({ timeout: 180_000 });
        await notebook.kernel('idle');
        return cell
          .locator('canvas')
          .first()
          .evaluate((canvas: { readonly toDataURL?: () => string }) => canvas.toDataURL?.() ?? '');
      };
      const three = await chartOf('N = 3 · density = flat');
      say('first choice');
      const handle = cell.getByRole('slider');
      const compute = cell.getByRole('button', { name: 'Compute' });
      await handle.press('ArrowRight');
      await compute.waitFor();
      await cell
        .getByText(/N = 4 · density = flat is not computed yet: ~\d+ s \(an estimate (for|by)/)
        .waitFor();
      await keepPicture(page, 'lab-sliders-wide-light');
      await compute.click();
      const four = await chartOf('N = 4 · density = flat');
      say('computed');
      expect(four).to.not.equal(three);
      const moved = Date.now();
      await handle.press('ArrowLeft');
      expect(await chartOf('N = 3 · density = flat')).to.equal(three);
      say(`back in ${Date.now() - moved} ms,`);
      expect(await compute.isVisible()).to.equal(false);
      // A page that is opened anew has the controls where they were, and they go on.
      await notebook.command('docmanager:save');
      await page.waitForTimeout(1000);
      await page.reload();
      await (await OpenNotebook.at(page, lab.url('sliders.ipynb'))).kernel('idle');
      expect(await chartOf('N = 3 · density = flat')).to.equal(three);
      await handle.press('ArrowRight');
      expect(await chartOf('N = 4 · density = flat')).to.equal(four);
      // ■ stops what a button began, and the kernel lives.
      await cell.locator('select').selectOption('literal');
      await compute.click();
      await cell.locator('progress').waitFor();
      await page.locator('[data-command="notebook:interrupt-kernel"]').first().click();
      await cell.getByRole('button', { name: 'Go on' }).waitFor({ timeout: 20_000 });
      await notebook.run(2, 'typeof explore');
      expect(json(await notebook.until(2, some))).to.contain('function');
    },
  );

  timed('stops a search at ■ with its variables, and goes on with it', async (say) => {
    lab.write('stop.ipynb', [
      'const kept = 41;',
      "import { notebookOptions } from 'zarts/lib/report/notebook'; import { fig4 } from 'zarts/reproductions/fig-4-ess'; import { reproduce } from 'zarts/reproductions/reproduce';",
      "const fig = await reproduce(fig4, { ...notebookOptions({ budget: 'laptop', data: 'synthetic' }), seeds: 1, change: { density: 'flat' } });",
      'kept + 1',
      "const short = await reproduce(fig4, { ...notebookOptions({ budget: 'smoke', data: 'synthetic' }), seeds: 1, change: { density: 'flat' } }); short.done === short.of",
    ]);
    const notebook = await OpenNotebook.at(page, lab.url('stop.ipynb'));
    await notebook.kernel('idle');
    for (const cell of [0, 1]) await notebook.run(cell);
    await notebook.run(2);
    await notebook
      .cell(2)
      .getByText(/epoch|loss|run 1/)
      .waitFor({ timeout: 60_000 });
    await page.waitForTimeout(2000);
    const pressed = Date.now();
    await page.locator('[data-command="notebook:interrupt-kernel"]').first().click();
    await notebook.until(2, (outputs) => outputs.some(({ output_type: type }) => type === 'error'), 20);
    say(`stopped in ${Date.now() - pressed} ms,`);
    expect(json(await notebook.outputs(2))).to.contain('InterruptedError');
    await notebook.kernel('idle');
    await notebook.run(3);
    expect(json(await notebook.until(3, some))).to.contain('42');
    await notebook.run(4);
    expect(json(await notebook.until(4, (outputs) => json(outputs).includes('execute_result')))).to.contain(
      'true',
    );
  });

  timed('takes a flood of 10,000 lines in order, and the cell ends', async (say) => {
    lab.write('flood.ipynb', ['for (let i = 0; i < 10_000; i++) console.log(`line ${i}`);', '1 + 1']);
    const notebook = await OpenNotebook.at(page, lab.url('flood.ipynb'));
    await notebook.kernel('idle');
    await notebook.runAll();
    await notebook.until(1, some);
    const outputs = await notebook.until(0, (found) => json(found).includes('line 9999'));
    say('ten thousand lines');
    const text = outputs.map(({ text: part }) => [part].flat().join('')).join('');
    expect(text).to.equal(Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`).join(''));
  });

  timed('says where a cell failed, and refuses those after it', async () => {
    lab.write('failure.ipynb', ['const a = 1;', "const b = a;\nthrow new TypeError('no such b');", 'a + 1']);
    const notebook = await OpenNotebook.at(page, lab.url('failure.ipynb'));
    await notebook.kernel('idle');
    await notebook.runAll();
    const [error] = await notebook.until(1, some);
    expect(error).to.deep.include({ output_type: 'error', ename: 'TypeError', evalue: 'no such b' });
    expect(json([error]))
      .to.match(/line 2|:2:/)
      .and.to.not.contain('.js');
    await notebook.kernel('idle');
    expect(json(await notebook.outputs(2))).to.contain('Not run, because cell [2] failed.');
    await notebook.run(2);
    expect(json(await notebook.until(2, some))).to.contain('2');
  });

  timed('is busy, and goes on showing, for a browser that comes back', async () => {
    lab.write('back.ipynb', [
      "import { notebookProgress } from 'zarts/lib/report/notebook';",
      "const phase = notebookProgress().start('long', 60);\nfor (let i = 1; i <= 60; i++) { await new Promise((next) => setTimeout(next, 1000)); phase.update(i); }\nphase.end();\n'it ended'",
      '6 * 7',
    ]);
    const notebook = await OpenNotebook.at(page, lab.url('back.ipynb'));
    await notebook.kernel('idle');
    await notebook.run(0);
    await notebook.run(1);
    await notebook.until(1, (outputs) => json(outputs).includes('long'));
    // JupyterLab saves by itself.
    while (!lab.read('back.ipynb').includes('widget-view')) await page.waitForTimeout(500);
    await page.close();
    page = await open();
    const again = await OpenNotebook.at(page, lab.url('back.ipynb'));
    await again.kernel('busy', 8000);
    const bar = again.cell(1).locator('progress');
    const reached = async (): Promise<number> => Number(await bar.getAttribute('value'));
    const first = await reached();
    await page.waitForTimeout(3000);
    expect(await reached()).to.be.above(first);
    await keepPicture(page, 'lab-back-wide-light');
    await again.cell(1).getByText('long: done').waitFor({ timeout: 60_000 });
    await again.kernel('idle', 30_000);
    await again.run(2);
    expect(json(await again.until(2, some))).to.contain('42');
  });
});
