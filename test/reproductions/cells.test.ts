import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { SEARCH } from '../../lib/search/protocol.js';
import { alphaUpdates } from '../../lib/search/presets.js';
import { settablePaths } from '../../lib/settings.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype, GenotypeEdge } from '../../lib/spaces/genotype.js';
import { opFamily } from '../../lib/spaces/primitives.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { CELLS, SPACES } from '../../lib/spaces/spaces.js';
import { comparedDrawings } from '../../reproductions/cells.js';
import type { CellExperiment } from '../../reproductions/cells.js';
import { TEMPTATIONS, isTempting } from '../../reproductions/collapse.js';
import { cellsOf, viewOf } from '../../reproductions/experiment.js';
import { estimate } from '../../reproductions/measure.js';
import { fig5 } from '../../reproductions/fig-5-cells.js';
import { fig6 } from '../../reproductions/fig-6-cells.js';
import { fig7 } from '../../reproductions/fig-7-cells.js';
import { fig8 } from '../../reproductions/fig-8-cells.js';
import { fig9 } from '../../reproductions/fig-9-cells.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { ResultRecord } from '../../reproductions/records.js';
import { byTitle, fakeView, verdictsOf } from './fakes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

type Options = Parameters<
  typeof cellsOf<'search', { space: 's1'; method: 'mgs' }, CellExperiment['choices']>
>[1];

/** A genotype whose cells have that many edges of `op` and separable convolutions in the others. */
function withEdges(count: number, op: Primitive): Genotype {
  const edges = Array.from({ length: 8 }, (_, i): GenotypeEdge => [i < count ? op : 'sep_conv_3x3', i % 2]);
  return { normal: edges, normalConcat: [2, 3, 4, 5], reduce: edges, reduceConcat: [2, 3, 4, 5] };
}

/** Alphas of a space that prefer skip connections (noise in S4) by so much on every edge, and its other operations alike. */
function preferring(by: number, space: keyof typeof TEMPTATIONS): number[] {
  const { edges } = SPACES[space];
  return CELLS.flatMap((cell) =>
    edges[cell].flatMap((ops) => ops.map((op) => (opFamily(op) === TEMPTATIONS[space] ? by : 0))),
  );
}

/** A view as if measured, with genotypes and preferences that a test decides. */
function fake(
  figure: CellExperiment,
  genotypeOf: (space: string, method: string, seed: number) => Genotype,
  {
    by = () => 1,
    spread = () => 2,
    ...options
  }: Partial<Options> & {
    readonly by?: (method: string, seed: number) => number;
    readonly spread?: (method: string) => number;
  } = {},
) {
  return fakeView(figure, { budget: 'laptop', ...options }, ({ axes: { space, method }, run }) => {
    const { seed } = run.search;
    const alpha = isTempting(space)
      ? preferring(by(method, seed), space)
      : CELLS.flatMap((cell) =>
          SPACES[space].edges[cell].flatMap((ops) => ops.map((_, i) => (i === 0 ? spread(method) : 0))),
        );
    return {
      search: { genotype: genotypeOf(space, method, seed), alpha, epoch: () => ({ alpha }) },
    };
  });
}

const isZarts = (method: string) => method.startsWith('mgs');

/** DARTS fails in each space as R-DARTS says, ZARTS does not. */
function asThePaperSays(space: string, method: string, seed: number): Genotype {
  const op = space === 's4' ? 'noise' : 'skip_connect';
  if (method === 'random-ws') return withEdges(3 + (seed % 3), op);
  return withEdges(isZarts(method) ? 1 + (seed % 2) : 7, op);
}

/** DARTS' alphas prefer what tempts, ZARTS' avoid it, by what scatters a little. */
const prefers = (method: string, seed: number) => (isZarts(method) ? -1 : 1) * (1 + (seed % 3) / 10);

const searches = (figure: CellExperiment, options: Options): string[] =>
  cellsOf(figure, options).map(
    ({ axes, run }) => `${axes.space} ${axes.method} ${run.search.dataset.name} ${run.search.seed}`,
  );

describe('Figs. 5 to 9', () => {
  it('search their spaces on their data sets with ZARTS, with DARTS and at random', () => {
    expect(searches(fig6, { budget: 'smoke', seeds: 2 })).to.deep.equal([
      'darts mgs cifar100 0',
      'darts darts-1st cifar100 0',
      'darts random-ws cifar100 0',
      'darts mgs cifar100 1',
      'darts darts-1st cifar100 1',
      'darts random-ws cifar100 1',
    ]);
    const svhn = searches(fig9, { budget: 'full' });
    expect(svhn).to.have.length(4 * 3 * 4);
    expect(svhn.slice(-2)).to.deep.equal(['s4 darts-1st svhn 3', 's4 random-ws svhn 3']);
    const [{ run }] = cellsOf(fig9, { budget: 'full' });
    expect(run.search).to.deep.include({ epochs: 50, cells: 8, channels: 16 });
    expect(run.search.dataset.trainSize).to.equal(73_257);
    // At laptop S2 to S4, where one operation tempts; four seeds of DARTS at half and twice the rate, six with many images.
    const laptop = searches(fig8, { budget: 'laptop' });
    expect(laptop).to.have.length(11 * 3 * 3 + 4 * 3 * 2 + 6 * 3 * 2);
    const many = ['darts-1st-many', 'mgs-flat-many'];
    expect(laptop.slice(0, 7)).to.deep.equal(
      ['mgs-flat', 'darts-1st', 'random-ws', 'darts-1st-half', 'darts-1st-twice', ...many].map(
        (method) => `s2 ${method} cifar100 0`,
      ),
    );
    const first = cellsOf(fig8, { budget: 'laptop' }).filter(
      ({ axes, run: { search } }) =>
        axes.space === 's2' && search.seed === 0 && search.solver.kind === 'darts',
    );
    const rates = first.map(({ run: { search } }) => (search.solver as { lr: number }).lr);
    expect(rates.slice(0, 3).map((rate) => rate / rates[0])).to.deep.equal([1, 0.5, 2]);
    // Many images, as many updates, and a rate by the same rule.
    const [compared, , , more] = first.map(({ run: { search } }) => search);
    expect([compared, more].map(({ dataset, epochs }) => [dataset.trainSize, epochs])).to.deep.equal([
      [1024, 120],
      [8000, 16],
    ]);
    expect(alphaUpdates(more) * rates[3]).to.be.closeTo(alphaUpdates(compared) * rates[0], 1e-9);
    expect(alphaUpdates(compared) / alphaUpdates(more)).to.be.within(0.9, 1);
  });

  it('have one random search for S2 and S3, a row in each, and say so', () => {
    const cells = cellsOf(fig7, { budget: 'laptop', change: { method: 'random-ws' } });
    const [s2, s3] = ['s2', 's3'].map((space) => cells.filter(({ axes }) => axes.space === space));
    expect(s3).to.have.length(11);
    expect(s3.map(({ run }) => run)).to.deep.equal(s2.map(({ run }) => run));
    expect(estimate([...s2, ...s3])).to.equal(estimate(s2));
    const view = fake(fig7, asThePaperSays, { by: prefers });
    const rows = view.rows.filter(({ method, space }) => method === 'random-ws' && space === 's3');
    expect(rows).to.have.length(11);
    const same = /in S3 it is S2’s/;
    expect(fig7.deviations(cells).join()).to.match(same);
    expect(fig7.deviations(cells.filter(({ axes }) => axes.space !== 's3')).join()).not.to.match(same);
    for (const { id, detail } of fig7.claims(view)) {
      if (id.endsWith('than-random/s3'))
        expect(detail, id).to.match(/p [=<].*would find a difference.*in S3 it is S2’s/);
      else expect(detail, id).not.to.match(same);
    }
  });

  it('apply a preset to ZARTS alone, and a setting to the searches that have it', () => {
    const change = { solver: { tau: 0.5 }, epochs: 3 };
    const [zarts, darts] = cellsOf(fig7, { budget: 'smoke', preset: 'paper', change }).map(
      ({ run }) => run.search,
    );
    expect(zarts.solver).to.deep.include({ density: 'literal', tau: 0.5 });
    expect([zarts.epochs, darts.epochs]).to.deep.equal([3, 3]);
    expect(settablePaths(SEARCH.schema, darts)).to.not.include('solver.tau');
    const [, plain] = cellsOf(fig7, { budget: 'smoke', change: { epochs: 3 } });
    expect(darts).to.deep.equal(plain.run.search);
  });

  it('can be narrowed to some of their methods', () => {
    const change = { method: ['random-ws', 'darts-1st-many'] } as const;
    const narrowed = searches(fig7, { budget: 'laptop', change });
    expect(narrowed).to.have.length(11 * 3 + 6 * 3);
    expect(narrowed).to.have.members(
      searches(fig7, { budget: 'laptop' }).filter((each) => / (random-ws|darts-1st-many) /.test(each)),
    );
    expect(narrowed.slice(0, 2)).to.deep.equal(['s2 random-ws cifar10 0', 's2 darts-1st-many cifar10 0']);
    expect(searches(fig7, { budget: 'smoke', preset: 'paper', change: { method: 'mgs-flat' } })[0]).to.match(
      / mgs cifar10 0$/,
    );
  });

  it('can be narrowed to some of their spaces', () => {
    const narrowed = cellsOf(fig7, { budget: 'smoke', change: { space: 's2' } });
    expect(narrowed).to.deep.equal(
      cellsOf(fig7, { budget: 'smoke' }).filter(({ axes }) => axes.space === 's2'),
    );
    expect(() => cellsOf(fig7, { budget: 'smoke', change: { space: 'darts' } })).to.throw(
      'Unknown search space "darts"; allowed: s1, s2, s3, s4',
    );
    expect(() => cellsOf(fig7, { budget: 'smoke', change: { space: [] } })).to.throw('space is empty');
  });

  it('take the numbers to compare with from the paper', () => {
    expect(fig5.paper).to.include({ paramsM: 3.5, error: 2.46 });
    expect(fig5.claim).to.contain('about 3.5 M');
    expect(fig6.claims(fake(fig6, asThePaperSays)).find(({ id }) => id === 'size/darts')!.text).to.contain(
      '4.1 M',
    );
  });

  it('find what the paper says where it is so', () => {
    const found = verdictsOf(fig7, fake(fig7, asThePaperSays, { by: prefers }));
    const supported = ['s2', 's3', 's4'].flatMap((space) =>
      [
        ...['alpha-prefers', 'cell-prefers', 'fewer', 'not-dominated', 'fewer-than-random'],
        ...['cell-prefers-many', 'fewer-many'],
      ].map((id) => `${id}/${space}`),
    );
    for (const id of [...supported, 'fewer/all']) expect(found[id], id).to.equal('supported');
    for (const space of ['s2', 's3', 's4'])
      expect(found[`darts-fewer-than-random/${space}`]).to.equal('not supported');
    expect(Object.keys(found)).to.have.length(3 * 9 + 1);
    const [{ detail, controls }] = fig7.claims(fake(fig7, asThePaperSays, { by: prefers }));
    expect(detail)
      .to.match(/after Holm’s correction for 18 primary questions/)
      .and.to.match(/four times in five/);
    expect(controls![0]).to.match(/alphas of DARTS 1st move.*11 searches/);
  });

  it('do not find it where ZARTS fails like DARTS, or neither does', () => {
    const alike = (space: string) => withEdges(7, space === 's4' ? 'noise' : 'skip_connect');
    const failed = verdictsOf(fig7, fake(fig7, alike, { by: () => 1 }));
    for (const space of ['s2', 's3', 's4']) {
      expect(failed[`cell-prefers/${space}`]).to.equal('supported');
      expect(failed[`not-dominated/${space}`]).to.equal('not supported');
      expect(failed[`fewer/${space}`]).to.equal('undecided');
    }
    const halves = (space: string, _: string, seed: number) =>
      withEdges(3 + (seed % 3), space === 's4' ? 'noise' : 'skip_connect');
    const chance = verdictsOf(fig7, fake(fig7, halves, { by: (_, seed) => (seed % 2 ? 1 : -1) }));
    // Without a collapse of DARTS there is nothing that ZARTS keeps clear of.
    for (const [id, verdict] of Object.entries(chance))
      expect(verdict, id).to.equal(id.startsWith('not-dominated') ? 'cannot be seen here' : 'undecided');
  });

  it('take a search for one repeat, however many edges its cell has', () => {
    // All or nothing, as often one as the other would be by chance of so many edges, is no more than chance of so many searches.
    const all = (space: string, _: string, seed: number) =>
      withEdges(seed % 4 === 0 ? 0 : 8, space === 's4' ? 'noise' : 'skip_connect');
    const { interval, verdict, detail } = fig7
      .claims(fake(fig7, all, { by: prefers }))
      .find(({ id }) => id === 'cell-prefers/s3')!;
    expect(interval![0]).to.be.below(4);
    expect(verdict).to.equal('undecided');
    expect(detail).to.match(/So many searches would find a mean \d\.\d off four times in five\.$/);
    const few = fig7
      .claims(fake(fig7, () => withEdges(8, 'skip_connect'), { by: prefers, seeds: 4 }))
      .find(({ id }) => id === 'cell-prefers/s3')!;
    expect(few.verdict).to.equal('undecided');
    expect(few.detail).to.match(/So few searches decide nothing, whatever they show\.$/);
  });

  it('see nothing where alphas do not move, and decide nothing on one seed', () => {
    const frozen = fig7.claims(fake(fig7, asThePaperSays, { by: () => 0.1 }));
    for (const { id, verdict, detail } of frozen) {
      expect(verdict, id).to.equal('cannot be seen here');
      expect(detail).to.match(/The control failed: .* move.*0\.10/);
    }
    const [controls] = fig7.tables(fake(fig7, asThePaperSays, { by: () => 0.1 }));
    expect(textTable(controls)).to.match(/✗ not seen/);
    for (const { verdict } of fig7.claims(fake(fig7, asThePaperSays, { by: prefers, seeds: 1 })))
      expect(verdict).to.equal('not run');
  });

  it('see nothing in the DARTS space either where the alphas that they derive cells from do not move', () => {
    const cells = (_: string, method: string) => withEdges(isZarts(method) ? 2 : 8, 'skip_connect');
    const moved = verdictsOf(fig5, fake(fig5, cells));
    expect(moved).to.include({ 'not-dominated/darts': 'supported', 'larger-than-darts/darts': 'supported' });
    const frozen = fake(fig5, cells, { spread: (method) => (isZarts(method) ? 2 : 0.3) });
    expect(verdictsOf(fig5, frozen)).to.include({
      'not-dominated/darts': 'supported',
      'larger-than-darts/darts': 'cannot be seen here',
    });
    const [controls] = fig5.tables(frozen);
    expect(byTitle(controls).map((row) => row[''])).to.deep.equal(['✓ seen', '✗ not seen']);
  });

  it('judge size where the paper gives one', () => {
    const small = fake(fig5, (_, method) => withEdges(isZarts(method) ? 4 : 8, 'skip_connect'));
    expect(verdictsOf(fig5, small)).to.deep.equal({
      'not-dominated/darts': 'undecided',
      'size/darts': 'cannot be seen here',
      'larger-than-darts/darts': 'supported',
    });
    const known = fake(fig5, (_, method, seed) =>
      method === 'mgs' && seed % 2 ? KNOWN_GENOTYPES.DARTS_V1 : KNOWN_GENOTYPES.DARTS_V2,
    );
    const size = fig5.claims(known).find(({ id }) => id === 'size/darts')!;
    expect(size.statistic.value).to.be.within(3.1, 3.4);
    expect(size.detail).to.contain('budget laptop');
  });

  it('print a row a search and kind of cell, beside chance, and count the networks that the paper trains', () => {
    const [controls, tempted, structure, size] = fig7.tables(fake(fig7, asThePaperSays, { by: prefers }));
    expect(byTitle(controls).every((row) => row[''] === '✓ seen')).to.be.true;
    expect(byTitle(tempted)[1]).to.deep.include({
      space: 'S2',
      search: 'DARTS 1st',
      seeds: 11,
      'of 8 edges': '7.0 ± 0.0',
      '7 or more': '11 of 11',
      'alpha’s preference': '1.09 ± 0.08',
    });
    const rows = byTitle(structure);
    expect(rows).to.have.length(3 * 3 * 2);
    expect(rows[0]).to.deep.include({
      space: 'S2',
      search: 'ZARTS (flat)',
      cell: 'normal',
      seeds: 11,
      skips: '1.5 ± 0.5',
      'parameter-free (%)': '18 ± 7',
    });
    expect(rows.find(({ space, search }) => space === 'S4' && search === 'DARTS')).to.deep.include({
      noise: '7.0 ± 0.0',
      'by chance (%)': '50',
    });
    // Its sizes by data set and space.
    expect(size.rows).to.have.length(3 * 3);
    const [wide, narrow] = ['20 cells, 36 channels', '20 cells, 16 channels'];
    expect(byTitle(size).map(({ network }) => network)).to.deep.equal(
      [narrow, wide, narrow].flatMap((each) => [each, each, each]),
    );
    expect(fig9.tables(fake(fig9, asThePaperSays))[3].notes!.join()).to.contain('8 cells, 16 channels');
    const single = fig5.tables(fake(fig5, asThePaperSays));
    expect(single[1].columns.map(({ title }) => title)).to.not.include('space');
    expect(textTable(single[2])).to.contain('3.70 ± 0.30 M').and.to.contain(wide);
    for (const table of [structure, size, ...single]) expect(textTable(table)).not.to.match(/NaN|undefined/);
  });

  it('chart every mean once, in the colours of the drawings', async () => {
    const charts = fig7.charts(fake(fig7, asThePaperSays, { by: prefers }));
    const [preference, many, operations] = charts;
    for (const { name, spec } of charts) {
      matchesSnapshot(`fig-7-${name}`, withoutData(spec));
      expect(await chartSvg(spec)).not.to.match(/NaN|Infinity|undefined/);
    }
    const { values } = operations.spec.data as { values: { edges: number }[] };
    expect(values).to.have.length(3 * 3 * 2 * 3);
    expect(values.reduce((sum, { edges }) => sum + edges, 0)).to.be.closeTo(3 * 3 * 2 * 8, 1e-3);
    const [points, manyPoints] = [preference, many].map(
      ({ spec }) => (spec.data as { values: { y: number; epoch: number }[] }).values,
    );
    // Eleven seeds of two methods and four of two rates, in three spaces; zero-order alphas are recorded once they move.
    expect(Math.max(...points.map(({ epoch }) => epoch))).to.equal(120);
    expect(points).to.have.length(3 * (11 * 120 + 11 * 96 + 2 * 4 * 120));
    expect(Math.max(...manyPoints.map(({ epoch }) => epoch))).to.equal(16);
  });

  it('draw nothing empty of searches that only stand beside', async () => {
    const whole = fake(fig7, asThePaperSays, { by: prefers });
    const rows = whole.rows.filter(({ method }) => method.startsWith('darts-1st-twice'));
    expect(rows).to.not.be.empty;
    const charts = fig7.charts({ ...whole, rows });
    expect(charts.map(({ name }) => name)).to.not.include('operations');
    for (const { spec } of charts) expect(await chartSvg(spec)).not.to.match(/NaN|Infinity|undefined/);
  });

  it('draw the cells of the first seed: ZARTS, and DARTS apart', () => {
    const drawings = fig7.drawings(fake(fig7, asThePaperSays));
    expect(drawings.map(({ name }) => name)).to.deep.equal(['zarts', 'darts']);
    const [zarts, darts] = drawings.map(({ svg }) => svg);
    expect(zarts).to.contain('seed 0').and.to.contain('>S4<');
    // One edge a cell in the first seed, in both cells of two spaces; seven with DARTS.
    expect(zarts.split('>skip_connect<')).to.have.length(2 * 2 + 1);
    expect(darts.split('>skip_connect<')).to.have.length(2 * 2 * 7 + 1);
  });

  it('compare what ZARTS found in two results', () => {
    const { rows } = fake(fig7, asThePaperSays);
    const one = fake(fig7, () => withEdges(3, 'skip_connect'), { change: { space: 's2' } });
    const drawings = comparedDrawings({ name: 'as above', rows }, { name: 'mine', rows: one.rows });
    expect(drawings.map(({ name }) => name)).to.deep.equal(['compared-s2']);
    expect(drawings[0].svg).to.contain('12 edges are the same in both');
    expect(comparedDrawings({ name: 'a', rows: [] }, { name: 'b', rows: one.rows })).to.deep.equal([]);
  });

  it('say what they do otherwise than the paper, once', () => {
    const deviations = fig7.deviations(cellsOf(fig7, { budget: 'laptop' }));
    expect(new Set(deviations).size).to.equal(deviations.length);
    const text = deviations.join('\n');
    expect(text.match(/epochs is 16/g)).to.have.length(1);
    expect(text).to.match(
      /DARTS.*: Alpha’s rate times the number of its updates is 5.85, of 2000 updates; in the full search 5.85/,
    );
    expect(text).to.contain('11 searches with each solver').and.to.contain('those of seed 0');
    expect(fig7.deviations(cellsOf(fig7, { budget: 'full' })).join('\n')).to.not.contain(
      'searches with each',
    );
  });

  describe('run', function () {
    this.timeout(120_000);
    let folder: string;
    before(() => (folder = mkdtempSync(path.join(tmpdir(), 'zarts-cells-'))));
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it('without images they say what is lacking and the command, and decide nothing', async () => {
      const home = path.join(folder, 'home');
      const { missing, result, claims } = await reproduce(fig9, { budget: 'smoke', data: folder, home });
      const [lacking] = missing;
      expect(lacking).to.equal(
        'SVHN is not in the folder of data sets named. Once it is in a folder DIR: npx zarts reproduce fig-9 --budget smoke --data DIR',
      );
      expect(result.runs).to.deep.equal([]);
      expect(claims).to.deep.equal([]);
      // Earlier results are left alone.
      expect(readdirSync(path.join(home, 'results')).sort()).to.deep.equal([
        'fig-9-smoke-no-data-zarts.png',
        'fig-9-smoke-no-data-zarts.svg',
        'fig-9-smoke-no-data.json',
      ]);
      const svg = readFileSync(path.join(home, 'results', 'fig-9-smoke-no-data-zarts.svg'), 'utf8');
      expect(svg.split('npx zarts reproduce fig-9')).to.have.length(4 + 1);
      expect(svg).to.not.contain(folder);
    });

    it('they are searched, drawn and kept at smoke', async () => {
      const home = path.join(folder, 'searched');
      const options = { budget: 'smoke', data: 'synthetic', home, change: { space: 's4' } } as const;
      const report = await reproduce(fig9, options);
      expect(report.rows.map(({ space, method }) => `${space} ${method}`)).to.deep.equal([
        's4 mgs-flat',
        's4 darts-1st',
        's4 random-ws',
      ]);
      for (const { genotype } of report.rows)
        expect([...genotype.normal, ...genotype.reduce].map(([op]) => op)).to.not.include('skip_connect');
      expect(report.deviations[0]).to.contain('synthetic');
      const stem = path.basename(report.resultFile, '.json');
      expect(stem).to.match(/^fig-9-smoke-[0-9a-f]{8}-synthetic$/);
      const parts = [
        'darts.png',
        'darts.svg',
        'operations.png',
        'operations.vl.json',
        'preference.png',
        'preference.vl.json',
        'zarts.png',
        'zarts.svg',
      ];
      expect(readdirSync(path.join(home, 'results')).sort()).to.deep.equal([
        ...parts.map((part) => `${stem}-${part}`),
        `${stem}.json`,
      ]);
      // The record says all: the pictures can be drawn from it again.
      const record = JSON.parse(readFileSync(report.resultFile, 'utf8')) as ResultRecord;
      const [{ svg }] = fig9.drawings(viewOf(record.result));
      expect(readFileSync(path.join(home, 'results', `${stem}-zarts.svg`), 'utf8')).to.equal(svg);
    });
  });
});
