import { expect } from 'chai';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import type { Verdict } from '../../lib/analysis/claims.js';
import { settablePaths, spaceName } from '../../lib/search/protocol.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { solverId } from '../../lib/search/solver-id.js';
import { KNOWN_GENOTYPES } from '../../lib/spaces/genotype.js';
import type { Genotype, GenotypeEdge } from '../../lib/spaces/genotype.js';
import type { Primitive } from '../../lib/spaces/primitives.js';
import { cellFigure, comparedDrawings, networkOf, onlySpaces } from '../../reproductions/cells.js';
import type { CellReproduction, CellRun, CellRuns } from '../../reproductions/cells.js';
import { countNetwork } from '../../lib/evaluation/count.js';
import { FIG_5, fig5 } from '../../reproductions/fig-5-cells.js';
import { FIG_6, fig6 } from '../../reproductions/fig-6-cells.js';
import { FIG_7, fig7 } from '../../reproductions/fig-7-cells.js';
import { fig8 } from '../../reproductions/fig-8-cells.js';
import { FIG_9, fig9 } from '../../reproductions/fig-9-cells.js';
import { runReproduction } from '../../reproductions/run.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

/** A genotype whose cells have that many edges of `op` and separable convolutions in the others. */
function withEdges(count: number, op: Primitive): Genotype {
  const edges = Array.from({ length: 8 }, (_, i): GenotypeEdge => [i < count ? op : 'sep_conv_3x3', i % 2]);
  return { normal: edges, normalConcat: [2, 3, 4, 5], reduce: edges, reduceConcat: [2, 3, 4, 5] };
}

/** A result as if measured, with genotypes that a test decides. */
function fakeRuns(
  figure: CellReproduction,
  genotypeOf: (space: string, solver: string, seed: number) => Genotype,
  seeds = 3,
): CellRuns {
  const runs = figure.protocols({ budget: 'laptop', seeds }).map((protocol): CellRun => {
    const solver = solverId(protocol) as CellRun['solver'];
    const space = protocol.space as string;
    const genotype = genotypeOf(space, solver, protocol.seed);
    const shape = networkOf(protocol.dataset.name as 'cifar10', space);
    const { parameters } = countNetwork(genotype, shape, { height: 32, width: 32 }).network;
    return { space, solver, seed: protocol.seed, key: 'k', genotype, parameters, seconds: 1, environment: 0 };
  });
  const spaces = [...new Set(runs.map(({ space }) => space))];
  return { environments: [], budget: 'laptop', dataset: 'CIFAR-10', spaces, runs };
}

/** DARTS fails in each space as R-DARTS says, ZARTS does not. */
function asThePaperSays(space: string, solver: string, seed: number): Genotype {
  const op = space === 's4' ? 'noise' : 'skip_connect';
  return withEdges(solver === 'mgs' ? 1 + (seed % 2) : 7, op);
}

function verdicts(figure: CellReproduction, result: CellRuns): Record<string, Verdict> {
  return Object.fromEntries(figure.claims(result).map(({ id, verdict }) => [id, verdict]));
}

const searches = (protocols: readonly SearchProtocol[]): string[] =>
  protocols.map((each) => `${spaceName(each)} ${solverId(each)} ${each.dataset.name} ${each.seed}`);

describe('Figs. 5 to 9', () => {
  it('search their spaces on their data sets with ZARTS and DARTS, space by space', () => {
    expect(searches(fig6.protocols({ budget: 'smoke', seeds: 2 }))).to.deep.equal([
      'darts mgs cifar100 0',
      'darts darts-1st cifar100 0',
      'darts mgs cifar100 1',
      'darts darts-1st cifar100 1',
    ]);
    const svhn = fig9.protocols({ budget: 'full' });
    expect(svhn).to.have.length(4 * 2 * 4);
    expect(searches(svhn).slice(-2)).to.deep.equal(['s4 mgs svhn 3', 's4 darts-1st svhn 3']);
    expect(svhn[0]).to.deep.include({ epochs: 50, cells: 8, channels: 16 });
    expect(svhn[0].dataset.trainSize).to.equal(73_257);
    expect(fig8.protocols({ budget: 'laptop' })).to.have.length(4 * 2 * 3);
  });

  it('apply a preset to ZARTS alone, and a setting to the searches that have it', () => {
    const [zarts, darts] = fig7.protocols({
      budget: 'smoke',
      preset: 'flat',
      set: ['solver.tau=0.5', 'epochs=3'],
    });
    expect(zarts.solver).to.deep.include({ density: 'flat', tau: 0.5 });
    expect([zarts.epochs, darts.epochs]).to.deep.equal([3, 3]);
    expect(settablePaths(darts)).to.not.include('solver.tau');
    const [, plain] = fig7.protocols({ budget: 'smoke', set: ['epochs=3'] });
    expect(darts).to.deep.equal(plain);
    expect(() => fig7.protocols({ budget: 'smoke', set: ['solver.tua=0.5'] })).to.throw('solver.tau');
    expect(() => fig7.protocols({ budget: 'smoke', seeds: 0 })).to.throw('number of seeds is 0');
  });

  it('can be narrowed to some of their spaces', () => {
    const narrowed = onlySpaces(FIG_7, ['s2']).protocols({ budget: 'smoke' });
    expect(narrowed).to.deep.equal(fig7.protocols({ budget: 'smoke' }).filter(({ space }) => space === 's2'));
    expect(() => onlySpaces(FIG_7, ['darts'])).to.throw(
      'fig-7 has the spaces s1, s2, s3, s4; "darts" is not',
    );
    expect(() => onlySpaces(FIG_7, [])).to.throw('none was asked for');
  });

  it('count the networks that the paper trains: its sizes by data set and space', () => {
    const size = (...args: Parameters<typeof networkOf>) => {
      const { cells, channels, classes } = networkOf(...args);
      return [cells, channels, classes];
    };
    expect(size('cifar100', 'darts')).to.deep.equal([20, 36, 100]);
    expect(size('cifar10', 's1')).to.deep.equal([20, 36, 10]);
    expect(size('cifar10', 's2')).to.deep.equal([20, 16, 10]);
    expect(size('cifar10', 's3')).to.deep.equal([20, 36, 10]);
    expect(size('svhn', 's4')).to.deep.equal([8, 16, 10]);
  });

  it('take the numbers to compare with from the paper', () => {
    expect(FIG_5.paper).to.include({ paramsM: 3.5, error: 2.46 });
    expect(FIG_6.paperSize).to.deep.equal({ mean: 4.1, std: 0.13 });
    expect(fig5.claim).to.contain('about 3.5 M');
  });

  it('find what the paper says where it is so', () => {
    expect(verdicts(fig7, fakeRuns(fig7, asThePaperSays))).to.deep.equal({
      'not-dominated/s1': 'supported',
      'not-dominated/s2': 'supported',
      'fewer-skips/s2': 'supported',
      'not-dominated/s3': 'supported',
      'fewer-skips/s3': 'supported',
      'not-dominated/s4': 'supported',
    });
  });

  it('do not find it where ZARTS fails like DARTS', () => {
    const alike = (space: string) => withEdges(7, space === 's4' ? 'noise' : 'skip_connect');
    const found = verdicts(fig7, fakeRuns(fig7, alike));
    expect(found).to.include({ 'not-dominated/s2': 'not supported', 'not-dominated/s4': 'not supported' });
    // Equal counts: the interval of rounding lies around 0.
    expect(found).to.include({ 'fewer-skips/s2': 'undecided' });
  });

  it('do not take two equal counts for certainty', () => {
    const oneMore = (_: string, solver: string) => withEdges(solver === 'mgs' ? 3 : 4, 'skip_connect');
    expect(verdicts(fig7, fakeRuns(fig7, oneMore, 2))['fewer-skips/s2']).to.equal('undecided');
    expect(verdicts(fig7, fakeRuns(fig7, oneMore, 4))['fewer-skips/s2']).to.equal('supported');
    expect(verdicts(fig7, fakeRuns(fig7, oneMore, 1))['fewer-skips/s2']).to.equal('undecided');
  });

  it('judge size where the paper gives one', () => {
    const small = fakeRuns(fig5, (_, solver) => withEdges(solver === 'mgs' ? 4 : 8, 'skip_connect'));
    expect(verdicts(fig5, small)).to.deep.equal({
      'not-dominated/darts': 'undecided',
      'size/darts': 'not supported',
      'larger-than-darts/darts': 'supported',
    });
    const known = fakeRuns(fig5, (_, solver, seed) =>
      solver === 'mgs' && seed % 2 ? KNOWN_GENOTYPES.DARTS_V1 : KNOWN_GENOTYPES.DARTS_V2,
    );
    const size = fig5.claims(known).find(({ id }) => id === 'size/darts')!;
    expect(size.statistic.value).to.be.within(3.1, 3.4);
    expect(size.detail).to.contain('budget laptop');
  });

  it('print a row a search and kind of cell, beside chance', () => {
    const [structure, size] = fig7.tables(fakeRuns(fig7, asThePaperSays));
    expect(structure.rows).to.have.length(4 * 2 * 2);
    expect(structure.rows[0]).to.deep.include({
      space: 'S1',
      solver: 'ZARTS',
      cell: 'normal',
      seeds: 3,
      skip: '1.3 ± 0.6',
      free: '17 ± 7',
    });
    expect(structure.rows.find(({ space, solver }) => space === 'S4' && solver === 'DARTS')).to.deep.include({
      noise: '7.0 ± 0.0',
      chance: '50',
    });
    expect(size.rows).to.have.length(8);
    const single = fig5.tables(fakeRuns(fig5, asThePaperSays));
    expect(single[0].columns.map(({ key }) => key)).to.not.include('space');
    expect(textTable(single[1])).to.contain('3.70 ± 0.30 M').and.to.contain('20 cells, 36 channels');
    for (const table of [structure, size, ...single]) expect(textTable(table)).not.to.match(/NaN|undefined/);
  });

  it('chart every mean once, in the colours of the drawings', async () => {
    const [{ name, spec }] = fig7.charts(fakeRuns(fig7, asThePaperSays));
    matchesSnapshot(`fig-7-${name}`, withoutData(spec));
    const { values } = spec.data as { values: { edges: number }[] };
    expect(values).to.have.length(4 * 2 * 2 * 3);
    expect(values.reduce((sum, { edges }) => sum + edges, 0)).to.be.closeTo(4 * 2 * 2 * 8, 1e-3);
    expect(await chartSvg(spec)).not.to.match(/NaN|Infinity|undefined/);
  });

  it('draw the cells of the first seed: ZARTS, and DARTS apart', () => {
    const drawings = fig7.drawings(fakeRuns(fig7, asThePaperSays));
    expect(drawings.map(({ name }) => name)).to.deep.equal(['zarts', 'darts']);
    const [zarts, darts] = drawings.map(({ svg }) => svg);
    expect(zarts).to.contain('seed 0').and.to.contain('>S4<');
    // One edge a cell in the first seed, in both cells of three spaces; seven with DARTS.
    expect(zarts.split('>skip_connect<')).to.have.length(2 * 3 + 1);
    expect(darts.split('>skip_connect<')).to.have.length(2 * 3 * 7 + 1);
  });

  it('compare what ZARTS found in two results', () => {
    const all = fakeRuns(fig7, asThePaperSays);
    const one = fakeRuns(onlySpaces(FIG_7, ['s2']), () => withEdges(3, 'skip_connect'));
    const drawings = comparedDrawings({ name: 'as above', result: all }, { name: 'mine', result: one });
    expect(drawings.map(({ name }) => name)).to.deep.equal(['compared-s2']);
    expect(drawings[0].svg).to.contain('12 edges are the same in both');
    expect(
      comparedDrawings({ name: 'a', result: { ...all, runs: [] } }, { name: 'b', result: one }),
    ).to.deep.equal([]);
  });

  it('say what they do otherwise than the paper, once', () => {
    const deviations = fig7.deviations(fig7.protocols({ budget: 'laptop' }));
    expect(new Set(deviations).size).to.equal(deviations.length);
    const text = deviations.join('\n');
    expect(text.match(/epochs is 10/g)).to.have.length(1);
    expect(text).to.contain('ZARTS: omega.iterations is 4; the paper has 10.');
    expect(text).to.contain('3 searches with each solver').and.to.contain('those of seed 0');
    expect(fig7.deviations(fig7.protocols({ budget: 'full' })).join('\n')).to.not.contain(
      'searches with each',
    );
  });

  describe('without images', function () {
    this.timeout(60_000);
    let folder: string;
    before(() => (folder = mkdtempSync(path.join(tmpdir(), 'zarts-cells-'))));
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it('say what is lacking and the command, decide nothing, and leave earlier results alone', async () => {
      const home = path.join(folder, 'home');
      const report = await runReproduction(fig9, { budget: 'smoke', data: folder, home });
      const { lacking } = report.result;
      expect(lacking).to.equal(
        'SVHN is not in the folder of data sets named. Once it is in a folder DIR: npx zarts reproduce fig-9 --budget smoke --data DIR',
      );
      expect(report.result.runs).to.deep.equal([]);
      for (const { verdict, detail } of report.claims)
        expect([verdict, detail]).to.deep.equal(['undecided', lacking]);
      expect(readdirSync(path.join(home, 'results')).sort()).to.deep.equal([
        'fig-9-smoke-no-data-zarts.png',
        'fig-9-smoke-no-data-zarts.svg',
        'fig-9-smoke-no-data.json',
      ]);
      const svg = readFileSync(path.join(home, 'results', 'fig-9-smoke-no-data-zarts.svg'), 'utf8');
      expect(svg.split('npx zarts reproduce fig-9')).to.have.length(4 + 1);
      expect(svg).to.not.contain(folder);
    });
  });

  it('are searched, drawn and kept at smoke', async function () {
    this.timeout(120_000);
    const home = mkdtempSync(path.join(tmpdir(), 'zarts-cells-'));
    try {
      const figure = onlySpaces(FIG_9, ['s4']);
      const report = await runReproduction(figure, { budget: 'smoke', data: 'synthetic', home });
      expect(report.result.runs.map(({ space, solver }) => `${space} ${solver}`)).to.deep.equal([
        's4 mgs',
        's4 darts-1st',
      ]);
      for (const { parameters, genotype } of report.result.runs) {
        expect(parameters).to.be.greaterThan(10_000);
        expect(new Set([...genotype.normal, ...genotype.reduce].map(([op]) => op))).to.not.include(
          'skip_connect',
        );
      }
      expect(report.deviations[0]).to.contain('synthetic');
      const names = readdirSync(path.join(home, 'results')).sort();
      expect(names).to.deep.equal(
        [
          '-darts.png',
          '-darts.svg',
          '-operations.png',
          '-operations.vl.json',
          '-zarts.png',
          '-zarts.svg',
          '.json',
        ].map((end) => `fig-9-smoke${end}`),
      );
      // The record says all: the pictures can be drawn from it again.
      const record = JSON.parse(readFileSync(report.resultFile, 'utf8')) as { result: CellRuns };
      const [{ svg }] = cellFigure(FIG_9).drawings(record.result);
      expect(readFileSync(path.join(home, 'results', 'fig-9-smoke-zarts.svg'), 'utf8')).to.equal(svg);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
