import { expect } from 'chai';
import sharp from 'sharp';
import { axisTicks, gridMinimum, sharpness } from '../../lib/analysis/landscape.js';
import { UsageError } from '../../lib/errors.js';
import { chartPng, chartSvg } from '../../lib/report/render.js';
import type { ChartSpec } from '../../lib/report/spec.js';
import { textTable } from '../../lib/report/table.js';
import type { LandscapeProtocol, PathProtocol } from '../../lib/search/landscape-protocol.js';
import { searchOf } from '../../reproductions/kinds.js';
import { cellsOf, cellsOfKind } from '../../reproductions/experiment.js';
import { fig1 } from '../../reproductions/fig-1-landscape.js';
import { fig3 } from '../../reproductions/fig-3-weights.js';
import { partsOf } from '../../reproductions/kinds.js';
import type { LandscapeView, OnLandscapeCell } from '../../reproductions/landscapes.js';
import { estimate } from '../../reproductions/measure.js';
import { byTitle, fakeView, verdictsOf } from './fakes.js';
import type { Fake } from './fakes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

/** What made-up runs show. */
interface Shape {
  /** The loss of a landscape at (x, y). */
  readonly loss: (landscape: LandscapeProtocol, x: number, y: number) => number;
  /** Where a path ends; it goes there in equal steps. */
  readonly end: (path: PathProtocol) => { readonly x: number; readonly y: number };
}

type Options = Parameters<typeof cellsOf<'landscape', never, (typeof fig1)['choices']>>[1];

/** Lowest at the right, a little below the middle: every mistake between x and y, up and down shows. */
const STAR = { x: 0.8, y: -0.3 };

/** A bowl around a place, of a sharpness. */
const bowl = (at: { x: number; y: number }, sharp: number, x: number, y: number): number =>
  2 + sharp * ((x - at.x) ** 2 + 2 * (y - at.y) ** 2);

/** As the paper says: flatter and elsewhere when fine-tuned, ZARTS at the star, DARTS not. */
const asThePaperSays: Shape = {
  loss: ({ omega, seed }, x, y) => {
    const sharp = { current: 1, unrolled: 0.8, finetuned: 0.3 }[omega.kind] * (1 + 0.05 * seed);
    return bowl(omega.kind === 'finetuned' ? STAR : { x: -0.4, y: 0.6 }, sharp, x, y);
  },
  end: ({ solver, seed }) =>
    solver.kind === 'gradient' ? { x: -0.4, y: 0.6 - 0.01 * seed } : { x: 0.75, y: -0.25 + 0.01 * seed },
};

/** The other way round: fine-tuning sharpens, the minimum stays, ZARTS stays at the start. */
const otherwise: Shape = {
  // Fine-tuning lowers the loss all the same.
  loss: ({ omega, seed }, x, y) =>
    bowl(STAR, { current: 0.3, unrolled: 0.6, finetuned: 1 }[omega.kind] * (1 + 0.05 * seed), x, y) +
    (omega.kind === 'current' ? 20 : 0),
  end: ({ solver, seed, start }) =>
    solver.kind === 'gradient' ? { x: 0.7, y: -0.3 - 0.01 * seed } : { ...start },
};

function fakeOf({ loss, end }: Shape): (cell: OnLandscapeCell) => Fake {
  return ({ run }) => {
    switch (run.kind) {
      case 'landscape': {
        const { points, extent } = run.landscape;
        const xs = axisTicks(points, extent);
        const grid = { xs, ys: xs, losses: xs.map((y) => xs.map((x) => loss(run.landscape, x, y))) };
        const minimum = gridMinimum(grid);
        return { result: { grid, minimum, sharpness: sharpness(grid), directionNorms: [1, 1] } };
      }
      case 'path': {
        const { start, updates, landscape } = run.path;
        const last = end(run.path);
        const points = Array.from({ length: updates + 1 }, (_, i) => {
          const x = start.x + ((last.x - start.x) * i) / updates;
          const y = start.y + ((last.y - start.y) * i) / updates;
          return { x, y, loss: loss(landscape, x, y) };
        });
        return { result: { points, evaluations: 8, gradients: 1 } };
      }
      case 'condition': {
        // Like the slopes: what is sharper is conditioned worse.
        const { landscape } = run.condition;
        const base = loss(landscape, 0, 0);
        const change = loss(landscape, 1, 1) - loss(landscape, -1, -1);
        const q = Math.abs(change) / base;
        const numbers = { q, mean: q / 2, alphaNorm: 1 };
        return { result: { base, changes: [change], raw: numbers, centered: numbers } };
      }
      case 'spectrum': {
        const { landscape, values, products } = run.spectrum;
        const bend = loss(landscape, 0.5, 0) + loss(landscape, -0.5, 0) - 2 * loss(landscape, 0, 0);
        const largest = Array.from({ length: values }, (_, i) => ({
          value: (4 * bend) / (i + 1),
          bound: 1e-4,
        }));
        return { result: { largest, smallest: { value: 0, bound: 1e-3 }, products, converged: true } };
      }
    }
  };
}

/** A plane with the places above on its grid. */
const PLANE = { budget: 'laptop', change: { landscape: { points: 21, extent: 1 } } } as const;

const measured = (shape: Shape, figure = fig1, options: Partial<Options> = {}): LandscapeView =>
  fakeView(figure, { ...PLANE, ...options }, fakeOf(shape));

const verdicts = (shape: Shape, figure = fig1, options?: Partial<Options>): Record<string, string> =>
  verdictsOf(figure, measured(shape, figure, options));

const cells = (figure: typeof fig1, options: Options): OnLandscapeCell[] => cellsOf(figure, options);

const landscapesOf = (own: readonly OnLandscapeCell[]): LandscapeProtocol[] =>
  cellsOfKind(own, 'landscape').map(({ run }) => run.landscape);
const pathsOf = (own: readonly OnLandscapeCell[]): PathProtocol[] =>
  cellsOfKind(own, 'path').map(({ run }) => run.path);

/** Every landscape that cells are of or on. */
const planesOf = (own: readonly OnLandscapeCell[]): LandscapeProtocol[] => [
  ...landscapesOf(own),
  ...pathsOf(own).map(({ landscape }) => landscape),
  ...cellsOfKind(own, 'condition').map(({ run }) => run.condition.landscape),
  ...cellsOfKind(own, 'spectrum').map(({ run }) => run.spectrum.landscape),
];

/** Where a picture has a colour, on average, as shares of its width and height from the top left; and how often. */
async function centerOf(spec: ChartSpec, [r, g, b]: readonly [number, number, number]) {
  const { data, info } = await sharp(await chartPng(spec))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  let [count, left, top] = [0, 0, 0];
  for (let i = 0; i < info.width * info.height; i++) {
    const [dr, dg, db] = [data[3 * i] - r, data[3 * i + 1] - g, data[3 * i + 2] - b];
    if (Math.abs(dr) + Math.abs(dg) + Math.abs(db) > 12) continue;
    count += 1;
    left += i % info.width;
    top += Math.floor(i / info.width);
  }
  return { count, x: left / count / info.width, y: top / count / info.height };
}

const rowsIn = (spec: ChartSpec): Record<string, number | string>[] =>
  (spec.data as { values: Record<string, number | string>[] }).values;

describe('Figs. 1 and 3', () => {
  describe('the runs', () => {
    it('share a plane, weights and batches within a seed, and differ between seeds', () => {
      for (const seed of [0, 1, 2]) {
        const own = planesOf(cells(fig1, { budget: 'laptop' }))
          .filter((each) => each.seed === seed)
          .map((each) => ({ ...each, omega: 0, normalization: 0 }));
        expect(own).to.have.length(16);
        for (const each of own) expect(each).to.deep.equal(own[0]);
        expect(own[0].supernet.seed).to.equal(seed);
      }
    });

    it('are those of the paper at full', () => {
      const own = cells(fig1, { budget: 'full', seeds: 1 });
      const [first, second] = landscapesOf(own);
      expect(first).to.deep.include({ points: 101, extent: 1, validationBatches: 'all' });
      expect(first.supernet).to.include({ space: 'darts', epochs: 50, cells: 8, channels: 16 });
      expect(second.omega).to.include({ kind: 'finetuned', iterations: 10, lr: 'scheduled' });
      // DARTS with four steps, RS, MGS with two densities, GLD.
      expect(pathsOf(own).map(({ updates }) => updates)).to.deep.equal(Array(8).fill(10));
      const conditions = cellsOfKind(own, 'condition').map(({ run }) => run.condition.perturbations);
      expect(conditions).to.deep.equal([50, 50]);
    });

    it('are shared by the two figures', () => {
      const [one, three] = [fig1, fig3].map((figure) =>
        cells(figure, { budget: 'laptop', seeds: 1 }).map(({ run }) => JSON.stringify(run)),
      );
      expect(three.filter((run) => one.includes(run))).to.have.length(2);
      expect(three).to.have.length(3);
    });

    it('need their supernet’s search first', () => {
      for (const { run } of cells(fig1, { budget: 'smoke' })) {
        const [search] = partsOf(run);
        expect(search.protocol([])).to.deep.equal(searchOf(run));
        expect(search.only).to.equal('needed first');
      }
    });

    it('take settings by hand, for landscapes and for paths', () => {
      const change = {
        space: 'darts',
        epochs: 3,
        landscape: { points: 7, omega: { iterations: 3 } },
        path: { updates: 2 },
      } as const;
      const own = cells(fig1, { budget: 'smoke', seeds: 1, change });
      for (const plane of planesOf(own)) {
        expect(plane.points).to.equal(7);
        expect(plane.supernet).to.include({ space: 'darts', epochs: 3 });
        if (plane.omega.kind === 'finetuned') expect(plane.omega.iterations).to.equal(3);
      }
      for (const { updates } of pathsOf(own)) expect(updates).to.equal(2);
      const wrong = { path: { udpates: 2 } } as object;
      expect(() => cells(fig1, { budget: 'smoke', change: wrong })).to.throw('"path.updates"');
      expect(() => cells(fig3, { budget: 'smoke', change: { path: { updates: 2 } } })).to.throw(UsageError);
      expect(() => cells(fig1, { budget: 'smoke', seeds: 0 })).to.throw('number of seeds is 0');
    });

    it('take the released script’s settings where that is asked', () => {
      const own = cells(fig1, { budget: 'laptop', seeds: 1, preset: 'released' });
      const solvers = pathsOf(own).map(({ solver }) => solver);
      expect(solvers.find(({ kind }) => kind === 'rs')).to.include({ samples: 8, xi: 1e-4 });
      expect(solvers.find(({ kind }) => kind === 'gld')).to.include({ radiusMax: 0.13 });
      expect(solvers.filter(({ kind }) => kind === 'mgs')).to.have.length(1);
    });

    it('cost what their points cost', () => {
      const seconds = (landscape: object) =>
        estimate(
          cells(fig3, { budget: 'laptop', change: { landscape: { validationBatches: 4, ...landscape } } }),
        );
      // Little but the searches that they lie on.
      const searches = seconds({ points: 3, omega: { iterations: 0 } });
      const usual = seconds({}) - searches;
      expect(seconds({ points: 41 }) - searches).to.be.greaterThan(3 * usual);
      expect(seconds({ omega: { iterations: 1 } }) - searches).to.be.lessThan(usual / 2);
    });
  });

  describe('the claims', () => {
    for (const [shape, verdict] of [
      [asThePaperSays, 'supported'],
      [otherwise, 'not supported'],
    ] as const) {
      it(`are ${verdict} where the landscapes are so`, () => {
        const found = { ...verdicts(shape), ...verdicts(shape, fig3) };
        expect(Object.keys(found)).to.have.length(12 + 3);
        for (const [id, each] of Object.entries(found)) expect([id, each]).to.deep.equal([id, verdict]);
      });
    }

    it('see nothing where fine-tuning lowers no loss, and no minimum on the edge of the plane', () => {
      const { loss, end } = asThePaperSays;
      const raised: Shape = {
        loss: (landscape, x, y) => loss(landscape, x, y) + (landscape.omega.kind === 'finetuned' ? 20 : 0),
        end,
      };
      const tuned = verdicts(raised);
      for (const id of ['flatter', 'minimum-moves', 'condition-number'])
        expect(tuned[id], id).to.equal('cannot be seen here');
      expect(tuned['nearer/zarts-rs']).to.equal('supported');
      for (const verdict of Object.values(verdicts(raised, fig3)))
        expect(verdict).to.equal('cannot be seen here');
      const edge = verdicts({ loss: ({ omega }, x) => 9 - x - (omega.kind === 'finetuned' ? 1 : 0), end });
      for (const id of ['minimum-moves', 'nearer/zarts-rs', 'nearer-than-any/zarts-gld'])
        expect(edge[id], id).to.equal('cannot be seen here');
      const [controls] = fig1.tables(measured(raised));
      expect(textTable(controls))
        .to.match(/✗ not seen/)
        .and.to.match(/✓ seen/);
    });

    it('are not decided on one seed, which is too few for what fine-tuning must show as well', () => {
      const found = verdicts(asThePaperSays, fig1, { seeds: 1 });
      expect(Object.keys(found)).to.have.length(12);
      for (const [id, verdict] of Object.entries(found)) {
        expect(verdict, id).to.equal(id.startsWith('nearer') ? 'undecided' : 'not run');
      }
    });
  });

  it('have tables with a row for each landscape and for each path', () => {
    const tables = fig1.tables(measured(asThePaperSays));
    const [, sharpest, conditions, spectra, paths] = tables.map(byTitle);
    expect(sharpest).to.have.length(4);
    expect(sharpest[1]).to.include({
      'ω*(α)': 'ω fine-tuned, M = 10',
      seeds: 11,
      'shift of the minimum': '1.50 ± 0.00',
    });
    expect(paths.map(({ solver, step }) => [solver, step])).to.deep.equal([
      ['DARTS', 0.0003],
      ['DARTS', 0.1],
      ['DARTS', 1],
      ['DARTS', 10],
      ['ZARTS-RS', null],
      ['ZARTS-MGS', null],
      ['ZARTS-GLD', null],
      ['ZARTS-MGS, flat density', null],
    ]);
    expect(paths[4]).to.include({ 'from the minimum, start': '1.53 ± 0.00', end: '0.11 ± 0.03' });
    const estimates = ['ω as it is (first order)', 'ω fine-tuned, M = 10'];
    expect(conditions.map((row) => [row['ω*(α)'], row.α])).to.deep.equal(
      estimates.flatMap((title) => [
        [title, 'as it is'],
        [title, 'centered'],
      ]),
    );
    expect(spectra.map((row) => row['ω, standing still'])).to.deep.equal(estimates);
    expect(spectra[0]).to.include.keys('dominant', 'λ₂', 'λ₅', 'smallest');
    expect(tables[3].notes!.join()).to.contain('within 0.00010 of');
    for (const table of tables) expect(textTable(table)).not.to.match(/NaN|undefined/);
  });

  it('leave out a seed whose runs are of two supernets, of machines that compute other bits, and say so', () => {
    const shape = fakeOf(asThePaperSays);
    const view = fakeView(fig1, PLANE, (cell) => ({
      ...shape(cell),
      ...(cell.run.kind === 'path' && cell.run.path.seed === 2 ? { search: { processor: 'another' } } : {}),
    }));
    for (const { n } of fig1.claims(view)) expect(n).to.equal(10);
    expect(fig1.tables(view)[0].notes![0]).to.match(/^Left out: seed 2, whose runs are of two supernets/);
    expect(fig1.tables(measured(asThePaperSays))[0].notes).to.equal(undefined);
    expect(byTitle(fig1.tables(view)[1])[0]).to.include({ seeds: 10 });
  });

  describe('the charts', () => {
    it('are what they were', () => {
      for (const figure of [fig1, fig3]) {
        for (const { name, spec } of figure.charts(measured(asThePaperSays, figure))) {
          matchesSnapshot(`${figure.id}-${name}`, withoutData(spec));
        }
      }
    });

    it('have x to the right and y upwards: fields, star and contours', async () => {
      const view = measured(otherwise, fig3);
      const [{ spec }] = fig3.charts(view);
      const own = rowsIn(spec).filter(({ panel }) => String(panel).includes('M = 10'));
      const [star] = own.filter(({ kind }) => kind === 'minimum');
      expect(star).to.deep.include(STAR);
      // The field that holds the star is the lightest; the one on the other side of the diagonal is not.
      const field = (x: number, y: number) =>
        own.find((row) => row.kind === 'field' && +row.x <= x && x < +row.x2 && +row.y <= y && y < +row.y2)!;
      expect(field(STAR.x, STAR.y).above).to.be.closeTo(0, 1e-6);
      expect(field(STAR.y, STAR.x).above).to.be.greaterThan(1);
      for (const row of own.filter(({ kind }) => kind === 'contour')) {
        const [x, y] = [Number(row.x), Number(row.y)];
        const level = Number(String(row.line).split(' ')[0]);
        expect(bowl(STAR, 1, x, y) - 2).to.be.closeTo(level, 0.02);
      }
      // In the picture: one panel, its star at nine tenths from the left and a little below the middle.
      const [alone] = fig3.charts({ ...view, rows: view.rows.slice(2, 3) });
      const dark = await centerOf(alone.spec, [0xd5, 0x5e, 0x00]);
      expect(dark.count).to.be.greaterThan(50);
      const svg = await chartSvg(alone.spec);
      const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.map(Number);
      const [, left, top] = /translate\(([\d.]+),([\d.]+)\)/.exec(svg)!.map(Number);
      // The plot is 250 by 250, its corner where the first translation says.
      expect((dark.x * width - left) / 250).to.be.closeTo(0.9, 0.01);
      expect((dark.y * height - top) / 250).to.be.closeTo(0.65, 0.01);
    });

    it('have paths in the same coordinates as the landscape', async () => {
      const view = measured({
        ...asThePaperSays,
        end: ({ solver }) => (solver.kind === 'gld' ? STAR : { x: -0.5, y: 0.5 }),
      });
      const { spec } = fig1.charts(view).find(({ name }) => name === 'paths')!;
      const [star] = rowsIn(spec).filter(({ kind }) => kind === 'minimum');
      const last = rowsIn(spec).filter(({ path, update }) => path === 'ZARTS-GLD' && update === 10);
      expect(last).to.have.length(1);
      expect([last[0].x, last[0].y]).to.deep.equal([star.x, star.y]);
      // From upper left to lower right: the path's colour is centred between the two.
      const pink = await centerOf(spec, [0xcc, 0x79, 0xa7]);
      const orange = await centerOf(spec, [0xd5, 0x5e, 0x00]);
      expect(pink.x).to.be.lessThan(orange.x);
      expect(pink.y).to.be.lessThan(orange.y);
    });

    it('hold what there is while it is measured', () => {
      const whole = measured(asThePaperSays);
      const begun = { ...whole, rows: whole.rows.slice(0, 1), done: 1 };
      const [only, ...others] = fig1.charts(begun);
      expect(only.title).to.contain('1 of 176 runs');
      expect(others).to.be.empty;
      expect(fig1.tables(begun)).to.have.length(2);
      const nothing = { ...whole, rows: [], done: 0 };
      expect([...fig1.charts(nothing), ...fig1.surfaces!(nothing), ...fig1.tables(nothing)]).to.be.empty;
      for (const { verdict } of fig1.claims(nothing)) expect(verdict).to.equal('not run');
    });
  });

  it('say what is done otherwise than the paper, once', () => {
    const laptop = cells(fig1, { budget: 'laptop' });
    const deviations = fig1.deviations(laptop);
    expect(new Set(deviations).size).to.equal(deviations.length);
    const text = deviations.join('\n');
    expect(text).to.contain('one of S2').and.to.contain('13×13').and.to.contain('from -5 to 5');
    expect(text).to.not.contain('M is').and.to.not.contain('fixed batches');
    const few = cells(fig1, { budget: 'laptop', change: { landscape: { validationBatches: 4 } } });
    expect(fig1.deviations(few).join('\n')).to.contain('over 4 fixed batches');
    const full = fig1.deviations(cells(fig1, { budget: 'full' })).join('\n');
    expect(full).to.not.contain('×').and.to.not.contain('one of');
    const open = fig1.openSettings!(laptop).map((each) => each.path);
    const some = ['landscape.normalization', 'path.weightSteps', 'path.mgs.sigma', 'path.gld.radiusMax'];
    expect(open).to.include.members(some);
    expect(new Set(open).size).to.equal(open.length);
  });
});
