import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { chartPng, chartSvg } from '../../lib/report/render.js';
import { VEGA_LITE_SCHEMA } from '../../lib/report/spec.js';
import type { ChartSpec } from '../../lib/report/spec.js';
import { PIXEL_RATIO } from '../../lib/report/svg.js';
import { THEME } from '../../lib/report/theme.js';

const spec: ChartSpec = {
  $schema: VEGA_LITE_SCHEMA,
  description: 'a test chart',
  title: 'Nₑ against N',
  config: THEME,
  data: {
    values: [
      { x: 1, y: 2 },
      { x: 2, y: 5 },
    ],
  },
  width: 120,
  height: 80,
  mark: 'line',
  encoding: { x: { field: 'x', type: 'quantitative' }, y: { field: 'y', type: 'quantitative' } },
};

describe('charts', () => {
  it('as SVG: the same text each time, with a mark and its words', async () => {
    const [first, second] = [await chartSvg(spec), await chartSvg(spec)];
    expect(first).to.equal(second);
    expect(first)
      .to.contain('Nₑ against N')
      .and.to.match(/mark-line.*<path[^>]* d="M[\d.]+,[\d.]+L/s);
    expect(first).not.to.match(/NaN|Infinity/);
  });

  it('as PNG: a picture of the size that the SVG has, with ink in it', async () => {
    const svg = await chartSvg(spec);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
    const png = await chartPng(spec);
    expect(png.subarray(1, 4).toString()).to.equal('PNG');
    expect(png.readUInt32BE(16)).to.equal(width * PIXEL_RATIO);
    expect(png.readUInt32BE(20)).to.equal(height * PIXEL_RATIO);
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(hash(png)).to.equal(hash(await chartPng(spec)));
    // White paper alone compresses to next to nothing.
    expect(png.length).to.be.greaterThan(2000);
  });

  it('reserves the width that a text really has', async () => {
    const wide = await chartSvg({ ...spec, title: 'W'.repeat(20) });
    const narrow = await chartSvg({ ...spec, title: 'i'.repeat(20) });
    const width = (svg: string) => Number(/width="(\d+)"/.exec(svg)![1]);
    expect(width(wide)).to.be.greaterThan(width(narrow) * 1.5);
  });

  const failure = (bad: ChartSpec): Promise<string> =>
    chartSvg(bad).then(
      () => 'drawn',
      (error: unknown) => (error as Error).message,
    );

  it('refuses a number that is not finite, and says where it is', async () => {
    const values = [{ x: 1, y: NaN }];
    expect(await failure({ ...spec, data: { values } })).to.equal(
      'The chart "a test chart" holds NaN at data.values.0.y; every number in it must be finite.',
    );
  });

  it('takes a warning of Vega-Lite for the fault that it is', async () => {
    const encoding = { x: { field: 'x', type: 'quantitative' }, nonsense: { field: 'y', type: 'nominal' } };
    expect(await failure({ ...spec, encoding })).to.contain('The chart "a test chart" cannot be drawn');
  });
});
