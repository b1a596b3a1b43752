import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { axisTicks } from '../../lib/analysis/landscape.js';
import { plotlySource, surfacePage } from '../../lib/report/surface-page.js';
import { surface } from '../../lib/report/surface.js';
import { projectRoot } from '../../lib/runs/home.js';

const xs = axisTicks(5, 1);
const grid = { xs, ys: xs, losses: xs.map((y) => xs.map((x) => 2 + (x - 0.5) ** 2 + 3 * y ** 2)) };

describe('report/surface-page', () => {
  const drawn = surface('s', 'Loss < height </script>', [
    { title: 'a </script> b', grid, directionNorms: [1, 1] },
  ]);
  const page = surfacePage(drawn, 'const Plotly = {}; "</script><!--"');

  it('holds everything and may fetch nothing', () => {
    expect(page).to.contain("default-src 'none'");
    expect(page).to.not.match(/<(script|link|img|iframe)[^>]+(src|href)=/);
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).to.not.match(/https?:/);
  });

  it('ends its scripts where they end, whatever is in them', () => {
    const scripts = [...page.matchAll(/<script>([^]*?)<\/script>/g)].map(([, body]) => body);
    expect(scripts).to.have.length(2);
    // What is written for the page is the same program.
    expect(scripts[0]).to.equal('const Plotly = {}; "\\x3c/script>\\x3c!--"');
    let given: unknown[] = [];
    const Plotly = {
      newPlot: (...args: unknown[]) => {
        given = args;
        return { then: () => undefined };
      },
    };
    runInNewContext(scripts[1], { Plotly });
    const [place, data, layout, config] = given as [string, unknown, Record<string, unknown>, object];
    expect(page).to.contain(`id="${place}"`);
    expect(JSON.parse(JSON.stringify(data))).to.deep.equal(drawn.figure.data);
    expect(layout).to.deep.include({ title: drawn.figure.layout.title, autosize: true });
    expect(layout).to.not.have.any.keys('width', 'height');
    expect(config).to.deep.include(drawn.figure.config);
  });

  it('turns the other surfaces as one is turned, and stops there', () => {
    const panel = { title: 'a', grid, directionNorms: [1, 1] } as const;
    const three = surfacePage(surface('s', 'Three', [panel, panel, panel]), '');
    const script = [...three.matchAll(/<script>([^]*?)<\/script>/g)][1][1];
    const changes: Record<string, unknown>[] = [];
    let turned: ((change: object) => void) | undefined;
    const figure = { on: (_: string, listener: typeof turned) => (turned = listener) };
    const Plotly = {
      newPlot: () => ({ then: (next: (figure: object) => void) => void next(figure) }),
      relayout: (_: object, change: Record<string, unknown>) => {
        changes.push({ ...change });
        turned?.(change);
      },
    };
    runInNewContext(script, { Plotly });
    turned?.({ 'scene2.camera': 'from above' });
    turned?.({ dragmode: 'pan' });
    expect(changes).to.deep.equal([
      { 'scene.camera': 'from above', 'scene2.camera': 'from above', 'scene3.camera': 'from above' },
    ]);
  });

  it('are drawn by the Plotly.js of the package that is locked', function () {
    const source = plotlySource();
    // Nothing to look at before the packages are installed.
    if (source === undefined) return this.skip();
    const { dependencies } = JSON.parse(readFileSync(path.join(projectRoot(), 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(source).to.contain(`(gl3d - minified) v${dependencies['plotly.js-gl3d-dist-min']}`);
    expect(surfacePage(drawn, source)).to.contain(source.slice(0, 100_000));
  });

  it('shows the drawing where scripts are off', () => {
    expect(page).to.contain(`<noscript>${drawn.svg}</noscript>`);
    expect(page).to.contain('<title>Loss &lt; height');
  });
});
