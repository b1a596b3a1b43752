import { expect } from 'chai';
import fc from 'fast-check';
import { cellDiagram, cellLayout, comparisonDiagram, galleryDiagram } from '../../lib/report/cell-diagram.js';
import type { CellLayout } from '../../lib/report/cell-diagram.js';
import { comparisonTable, structureTable } from '../../lib/report/genotype-tables.js';
import type { Point, Route } from '../../lib/report/layered-layout.js';
import { PIXEL_RATIO, svgPng, textWidth } from '../../lib/report/svg.js';
import { textTable } from '../../lib/report/table.js';
import { KNOWN_GENOTYPES, parseGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { CELLS } from '../../lib/spaces/spaces.js';
import { CLASSIC_GENOTYPES, anyGenotype } from '../support/genotypes.js';

const { DARTS_V1, DARTS_V2, NASNet } = KNOWN_GENOTYPES;

interface Box {
  readonly what: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function boxAt(what: string, { x, y }: Point, { width, height }: { width: number; height: number }): Box {
  return { what, left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

/** Nodes and labels. */
function boxes({ nodes, edges, layout }: CellLayout): { nodes: Box[]; labels: (Box | undefined)[] } {
  return {
    nodes: nodes.map((node) => boxAt(`node ${node.id}`, layout.nodes.get(node.id)!, node)),
    labels: edges.map(({ label }, i) => label && boxAt(`label ${i}`, layout.routes[i].label!, label)),
  };
}

/** Points along an arrow as it is drawn: level pieces, and between them the cubic curve with level ends. */
function alongArrow({ pieces }: Route): Point[] {
  const samples = Array.from({ length: 21 }, (_, i) => i / 20);
  return pieces.flatMap(([a, b], i) => {
    const level = samples.map((t) => ({ x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) }));
    if (i === 0) return level;
    const from = pieces[i - 1][1];
    const bend = samples.map((t) => {
      const s = 1 - t;
      const half = (from.x + a.x) / 2;
      const [near, far] = [s ** 3 + 3 * s * s * t, 3 * s * t * t + t ** 3];
      return {
        x: s ** 3 * from.x + (3 * s * s * t + 3 * s * t * t) * half + t ** 3 * a.x,
        y: near * from.y + far * a.y,
      };
    });
    return [...bend, ...level];
  });
}

const inside = ({ x, y }: Point, { left, right, top, bottom }: Box): boolean =>
  x > left && x < right && y > top && y < bottom;

/** Everything in a cell's drawing that lies on something that it must not touch. */
function overlaps(cell: CellLayout): string[] {
  const { nodes, labels } = boxes(cell);
  const all = [...nodes, ...labels.filter((box) => box !== undefined)];
  const touching = all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
      .map((b) => `${a.what} and ${b.what}`),
  );
  const crossed = cell.layout.routes.flatMap((route, i) => {
    const others = all.filter((box) => box !== labels[i]);
    return others
      .filter((box) => alongArrow(route).some((point) => inside(point, box)))
      .map((box) => `arrow ${i} and ${box.what}`);
  });
  return [...touching, ...crossed];
}

const skips: Genotype = parseGenotype(
  JSON.stringify({
    normal: [0, 1, 0, 1, 0, 1, 0, 1].map((input) => ['skip_connect', input]),
    normalConcat: [2, 3, 4, 5],
    reduce: [0, 1, 2, 1, 3, 2, 4, 3].map((input) => ['noise', input]),
    reduceConcat: [5],
  }),
);

describe('cell diagrams', function () {
  this.timeout(60_000);

  it('draw known genotypes, and any other, without overlaps and from left to right', () => {
    const check = (genotype: Genotype): void => {
      for (const cell of CELLS) {
        const drawn = cellLayout(genotype, cell);
        expect(overlaps(drawn)).to.deep.equal([]);
        const { layout, edges } = drawn;
        for (const { from, to } of edges) {
          expect(layout.nodes.get(from)!.x).to.be.lessThan(layout.nodes.get(to)!.x);
        }
        expect(layout.nodes.get('0')!.x).to.equal(layout.nodes.get('1')!.x);
        expect(layout.nodes.get('0')!.y).to.be.lessThan(layout.nodes.get('1')!.y);
        const { nodes, labels } = boxes(drawn);
        for (const box of [...nodes, ...labels.filter((label) => label !== undefined)]) {
          expect(Math.min(box.left, box.top), box.what).to.be.at.least(-0.01);
          expect(box.right, box.what).to.be.at.most(layout.width + 0.01);
          expect(box.bottom, box.what).to.be.at.most(layout.height + 0.01);
        }
      }
    };
    for (const genotype of [...Object.values(CLASSIC_GENOTYPES), skips]) check(genotype);
    fc.assert(fc.property(anyGenotype, check), { numRuns: 12 });
  });

  it('would see an overlap', () => {
    const drawn = cellLayout(DARTS_V2, 'normal');
    const label = drawn.layout.routes[0].label!;
    const pulled = { ...drawn.layout.routes[1], label };
    const routes = drawn.layout.routes.map((route, i) => (i === 1 ? pulled : route));
    const found = overlaps({ ...drawn, layout: { ...drawn.layout, routes } });
    expect(found).to.include('label 0 and label 1').and.to.include('arrow 0 and label 1');
  });

  it('keep every operation name within its box', () => {
    const { kept, edges } = cellLayout(NASNet, 'reduce');
    for (const { op, entry } of kept) {
      expect(edges[entry].label!.width).to.be.greaterThan(textWidth(op) * 11 + 8);
    }
  });

  it('are self-contained SVG with every operation, both cells, and a legend of what occurs', () => {
    const svg = cellDiagram(DARTS_V2, 'A <title> & more');
    expect(svg).to.match(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="\d+" height="\d+" /);
    expect(svg).not.to.match(/NaN|undefined|Infinity|href|url\(|<style|<script/);
    expect(svg).to.contain('A &lt;title&gt; &amp; more').and.not.to.contain('<title> &');
    const times = (text: string) => svg.split(`>${text}<`).length - 1;
    expect({
      sep: times('sep_conv_3x3'),
      dil: times('dil_conv_3x3'),
      skip: times('skip_connect'),
      pool: times('max_pool_3x3'),
    }).to.deep.equal({ sep: 5, dil: 1, skip: 5, pool: 5 });
    expect(svg).to.contain('Normal cell: 6 convolutions, 2 skip connections; depth 3');
    expect(svg).to.contain('Reduction cell: 5 pooling operations, 3 skip connections; depth 3');
    for (const entry of ['convolution', 'pooling', 'skip connection', 'concatenated']) {
      expect(times(entry), entry).to.equal(1);
    }
    expect(times('noise')).to.equal(0);
    // The picture carries the genotype that it shows.
    const [, description] = /<desc>(.*?)<\/desc>/s.exec(svg)!;
    expect(parseGenotype(description.replaceAll('&quot;', '"'))).to.deep.equal(DARTS_V2);
  });

  it('are the same text each time, and a PNG of their size with ink in it', () => {
    const svg = cellDiagram(skips);
    expect(cellDiagram(skips)).to.equal(svg);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
    const png = svgPng(svg);
    expect(png.subarray(1, 4).toString()).to.equal('PNG');
    expect(png.readUInt32BE(16)).to.equal(width * PIXEL_RATIO);
    expect(png.readUInt32BE(20)).to.equal(height * PIXEL_RATIO);
    expect(png.length).to.be.greaterThan(10_000);
    expect(svgPng(svg, 500).readUInt32BE(16)).to.equal(500);
    expect(svgPng(svg, 1e5)).to.deep.equal(png);
  });

  it('show families by colour and by dashes', () => {
    const looks = (svg: string) =>
      new Set(
        [...svg.matchAll(/stroke="(#[0-9A-F]{6})" stroke-width="1.8"( stroke-dasharray="[\d ]+")?/gi)].map(
          ([look]) => look,
        ),
      );
    const noneToo: Genotype = {
      ...NASNet,
      reduce: [
        ['none', 0],
        ['noise', 1],
      ],
      reduceConcat: [2],
    };
    const all = [...looks(cellDiagram(noneToo))];
    expect(all).to.have.length(5);
    expect(new Set(all.map((look) => /stroke="(.*?)"/.exec(look)![1]))).to.have.property('size', 5);
    expect(new Set(all.map((look) => /dasharray="(.*?)"/.exec(look)?.[1] ?? ''))).to.have.property('size', 5);
  });

  it('compare two genotypes: what differs is bold, what both have is pale', () => {
    const svg = comparisonDiagram(
      { name: 'DARTS_V1', genotype: DARTS_V1 },
      { name: 'DARTS_V2', genotype: DARTS_V2 },
    );
    const boldLabels = [...svg.matchAll(/rx="5" fill="#ffffff" stroke="#[0-9A-F]{6}" stroke-width="3"/gi)];
    // Five edges of each genotype, in both cells together.
    expect(boldLabels).to.have.length(10);
    expect(svg).to.contain('11 edges are the same in both, operation included (similarity 0.69)');
    const same = comparisonDiagram({ name: 'a', genotype: NASNet }, { name: 'b', genotype: NASNet });
    expect(same)
      .to.contain('20 edges are the same')
      .and.not.to.match(/rx="5"[^>]*stroke-width="3"/);
  });

  it('stand under each other in a gallery, with a sentence where there is none', () => {
    const svg = galleryDiagram('Cells', [
      { name: 'S1', genotype: DARTS_V1 },
      { name: 'S2', sentence: 'No images <here>.' },
    ]);
    expect(svg).to.contain('No images &lt;here&gt;.').and.to.contain('>S1<').and.to.contain('>S2<');
    expect(galleryDiagram('Nothing', [{ name: 'S1', sentence: 'Not run.' }])).to.not.contain('concatenated');
  });
});

describe('genotypes in tables', () => {
  it('say what each cell consists of', () => {
    const { rows } = structureTable([{ name: 'DARTS_V2', genotype: DARTS_V2 }]);
    expect(rows[0]).to.deep.include({
      cell: 'normal',
      edges: 8,
      convolution: 6,
      skip: 2,
      free: '25 %',
      depth: 3,
      width: '3.5',
    });
    expect(rows[1]).to.deep.include({ cell: 'reduction', pooling: 5, skip: 3, free: '100 %' });
  });

  it('put edges that differ side by side', () => {
    const table = comparisonTable({ name: 'V1', genotype: DARTS_V1 }, { name: 'V2', genotype: DARTS_V2 });
    expect(table.rows).to.deep.equal([
      { cell: 'normal', edge: 'c_{k-2} → 1', a: 'skip_connect', b: 'sep_conv_3x3' },
      { cell: 'normal', edge: 'c_{k-2} → 3', a: 'sep_conv_3x3', b: 'skip_connect' },
      { cell: 'normal', edge: '0 → 3', a: 'skip_connect', b: 'dil_conv_3x3' },
      { cell: 'reduction', edge: 'c_{k-2} → 1', a: 'max_pool_3x3', b: null },
      { cell: 'reduction', edge: 'c_{k-1} → 1', a: null, b: 'max_pool_3x3' },
      { cell: 'reduction', edge: 'c_{k-2} → 3', a: 'avg_pool_3x3', b: null },
      { cell: 'reduction', edge: 'c_{k-1} → 3', a: null, b: 'max_pool_3x3' },
    ]);
    expect(textTable(table)).to.contain('similarity 0.69');
  });
});
