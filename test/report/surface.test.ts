import { expect } from 'chai';
import { axisTicks } from '../../lib/analysis/landscape.js';
import type { LandscapePanel } from '../../lib/report/landscape-chart.js';
import { surface } from '../../lib/report/surface.js';
import { svgPng } from '../../lib/report/svg.js';

const HEADING = 'Loss & height';

/** A landscape whose smallest loss is at a place; what rises from it is asymmetric. */
function around(title: string, atX: number, atY: number, height = 1): LandscapePanel {
  const xs = axisTicks(9, 1);
  const losses = xs.map((y) => xs.map((x) => 2 + height * ((x - atX) ** 2 + 3 * (y - atY) ** 2)));
  return { title, grid: { xs, ys: xs, losses }, directionNorms: [1, 1] };
}

describe('report/surface', () => {
  describe('the figure', () => {
    const flat = around('b', -0.5, 0.75, 0.2);
    const steep = around('a', 0.75, -0.25);
    const path = { name: 'ZARTS-MGS', points: [{ x: -0.5, y: 0.5, loss: 3 }] };
    const { figure } = surface('s', HEADING, [steep, { ...flat, paths: [path] }]);
    const [first, firstStar, second, , line] = figure.data;

    it('has the loss above the minimum over (x, y), rows along y', () => {
      const { x, y, z } = first as unknown as { x: number[]; y: number[]; z: number[][] };
      expect([x, y]).to.deep.equal([steep.grid.xs, steep.grid.ys]);
      z.forEach((values, row) => {
        values.forEach((value, column) =>
          expect(value).to.be.closeTo((x[column] - 0.75) ** 2 + 3 * (y[row] + 0.25) ** 2, 1e-5),
        );
      });
      expect([firstStar.x, firstStar.y]).to.deep.equal([[0.75], [-0.25]]);
    });

    it('has one scale of heights and colours for all, each in a scene of its own', () => {
      expect(first.scene).to.equal('scene');
      expect(second.scene).to.equal('scene2');
      expect(first.cmax).to.equal(second.cmax);
      const { scene, scene2 } = figure.layout as unknown as Record<
        string,
        { zaxis: object; domain: { x: number[] } }
      >;
      expect(scene.zaxis).to.deep.equal(scene2.zaxis);
      expect(scene.domain.x[1]).to.equal(scene2.domain.x[0]);
    });

    it('draws paths just above their surface', () => {
      const { x, y, z, name } = line as unknown as { x: number[]; y: number[]; z: number[]; name: string };
      expect({ x, y, name }).to.deep.equal({ x: [-0.5], y: [0.5], name: 'ZARTS-MGS' });
      expect(z[0])
        .to.be.greaterThan(3 - 2)
        .and.to.be.lessThan(3 - 2 + 0.05 * first.cmax!);
    });

    it('is plain JSON without a web address', () => {
      expect(JSON.parse(JSON.stringify(figure))).to.deep.equal(figure);
      expect(JSON.stringify(figure)).to.not.match(/https?:/);
      expect(figure.config).to.include({ showSendToCloud: false, plotlyServerURL: '' });
    });
  });

  describe('the drawing', () => {
    /** Where the star of a nearly flat surface is drawn. */
    const star = (x: number, y: number): { left: number; top: number } => {
      const { svg } = surface('s', HEADING, [around('a', x, y, 1e-9)]);
      const [, left, top] = /translate\(([-\d.]+),([-\d.]+)\) scale/.exec(svg)!.map(Number);
      return { left, top };
    };

    it('has x to the right and y into the distance', () => {
      const [front, right, back, left] = [star(1, -1), star(1, 1), star(-1, 1), star(-1, -1)];
      expect(right.left).to.be.greaterThan(front.left);
      expect(front.left).to.be.greaterThan(back.left);
      expect(back.left).to.be.greaterThan(left.left);
      expect(front.top).to.be.greaterThan(left.top);
      expect(left.top).to.be.greaterThan(right.top);
      expect(right.top).to.be.greaterThan(back.top);
    });

    it('draws cells from the back to the front', () => {
      const { svg } = surface('s', HEADING, [around('a', 0, 0, 0)]);
      const tops = [...svg.matchAll(/<polygon points="([-\d.]+),([-\d.]+)/g)].map((match) =>
        Number(match[2]),
      );
      expect(tops).to.have.length(64);
      expect(tops[0]).to.be.lessThan(tops[63]);
    });

    it('is a picture, with its texts escaped', () => {
      const { svg, title } = surface('s', HEADING, [around('a < b', 0.3, 0.3)]);
      expect(svg).to.contain('a &lt; b').and.to.contain('Loss &amp; height');
      expect(svg).to.not.match(/NaN|undefined/);
      expect(title).to.equal(HEADING);
      expect(svgPng(svg).length).to.be.greaterThan(10_000);
    });
  });
});
