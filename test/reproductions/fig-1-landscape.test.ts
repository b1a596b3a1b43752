import { expect } from 'chai';
import sharp from 'sharp';
import type { Verdict } from '../../lib/analysis/claims.js';
import { UsageError } from '../../lib/errors.js';
import { chartPng, chartSvg } from '../../lib/report/render.js';
import type { ChartSpec } from '../../lib/report/spec.js';
import { textTable } from '../../lib/report/table.js';
import type {
  ConditionProtocol,
  LandscapeProtocol,
  PathProtocol,
} from '../../lib/search/landscape-protocol.js';
import { fig1 } from '../../reproductions/fig-1-landscape.js';
import { fig3 } from '../../reproductions/fig-3-weights.js';
import { landscapeOf, pointSteps } from '../../reproductions/landscapes.js';
import type { Landscapes } from '../../reproductions/landscapes.js';
import { searchWithin } from '../../reproductions/reproduction.js';
import { fakeLandscapes } from './fake-landscapes.js';
import type { FakeShape } from './fake-landscapes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

/** Lowest at the right, a little below the middle: every mistake between x and y, up and down shows. */
const STAR = { x: 0.8, y: -0.3 };

/** A bowl around a place, of a sharpness. */
const bowl = (at: { x: number; y: number }, sharp: number, x: number, y: number): number =>
  2 + sharp * ((x - at.x) ** 2 + 2 * (y - at.y) ** 2);

/** As the paper says: flatter and elsewhere when fine-tuned, ZARTS at the star, DARTS not. */
const asThePaperSays: FakeShape = {
  loss: ({ omega, seed }, x, y) => {
    const sharp = { current: 1, unrolled: 0.8, finetuned: 0.3 }[omega.kind] * (1 + 0.05 * seed);
    return bowl(omega.kind === 'finetuned' ? STAR : { x: -0.4, y: 0.6 }, sharp, x, y);
  },
  end: ({ solver, seed }) =>
    solver.kind === 'gradient' ? { x: -0.4, y: 0.6 - 0.01 * seed } : { x: 0.75, y: -0.25 + 0.01 * seed },
};

/** The other way round: fine-tuning sharpens, the minimum stays, ZARTS stays at the start. */
const otherwise: FakeShape = {
  loss: ({ omega, seed }, x, y) =>
    bowl(STAR, { current: 0.3, unrolled: 0.6, finetuned: 1 }[omega.kind] * (1 + 0.05 * seed), x, y),
  end: ({ solver, seed, start }) =>
    solver.kind === 'gradient' ? { x: 0.7, y: -0.3 - 0.01 * seed } : { ...start },
};

const measured = (shape: FakeShape, reproduction = fig1): Landscapes =>
  fakeLandscapes(reproduction.protocols({ budget: 'laptop' }), shape);

function verdicts(shape: FakeShape, reproduction = fig1): Record<string, Verdict> {
  const claims = reproduction.claims(measured(shape, reproduction));
  return Object.fromEntries(claims.map(({ id, verdict }) => [id, verdict]));
}

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

describe('Figs. 1 and 3', () => {
  describe('the runs', () => {
    it('share a plane, weights and batches within a seed, and differ between seeds', () => {
      const runs = fig1.protocols({ budget: 'laptop' });
      for (const run of runs) {
        const { supernet, seed } = landscapeOf(run);
        expect(supernet.seed).to.equal(seed);
        expect(run.seed).to.equal(seed);
      }
      const plain = (run: LandscapeProtocol) => ({ ...run, omega: 0, normalization: 0 });
      const own = runs.filter(({ seed }) => seed === 1).map((run) => plain(landscapeOf(run)));
      for (const each of own) expect(each).to.deep.equal(own[0]);
    });

    it('are those of the paper at full', () => {
      const [first, second, ...rest] = fig1.protocols({ budget: 'full', seeds: 1 });
      expect(first).to.deep.include({ points: 101, extent: 1, validationBatches: 'all' });
      expect(landscapeOf(first).supernet).to.include({ space: 'darts', epochs: 50, cells: 8, channels: 16 });
      expect((second as LandscapeProtocol).omega).to.deep.equal({
        kind: 'finetuned',
        iterations: 10,
        lr: 'scheduled',
        momentum: 'zero',
        split: 'train',
      });
      const paths = rest.filter((run): run is PathProtocol => run.kind === 'path');
      expect(paths.map(({ updates }) => updates)).to.deep.equal(paths.map(() => 10));
      // DARTS with four steps, RS, MGS with two densities, GLD.
      expect(paths).to.have.length(8);
      const conditions = rest.filter((run): run is ConditionProtocol => run.kind === 'condition');
      expect(conditions.map(({ perturbations }) => perturbations)).to.deep.equal([50, 50]);
    });

    it('are shared by the two figures', () => {
      const [one, three] = [fig1, fig3].map((figure) =>
        figure.protocols({ budget: 'laptop', seeds: 1 }).map((run) => JSON.stringify(run)),
      );
      expect(three.filter((run) => one.includes(run))).to.have.length(2);
      expect(three).to.have.length(3);
    });

    it('read the images of their supernet’s search', () => {
      for (const run of fig1.protocols({ budget: 'smoke' })) {
        expect(searchWithin(run)).to.deep.equal(landscapeOf(run).supernet);
      }
    });

    it('take settings by hand, for landscapes and for paths', () => {
      const set = ['points=7', 'omega.iterations=3', 'supernet.space=darts', 'path.updates=2'];
      const runs = fig1.protocols({ budget: 'smoke', seeds: 1, set });
      for (const run of runs) expect(landscapeOf(run)).to.deep.include({ points: 7 });
      expect(landscapeOf(runs[0]).supernet.space).to.equal('darts');
      expect(pointSteps(landscapeOf(runs[1]))).to.be.greaterThan(3);
      expect(runs.filter((run) => run.kind === 'path' && run.updates !== 2)).to.be.empty;
      expect(() => fig1.protocols({ budget: 'smoke', set: ['path.udpates=2'] })).to.throw('updates');
      expect(() => fig3.protocols({ budget: 'smoke', set: ['path.updates=2'] })).to.throw(UsageError);
      expect(() => fig1.protocols({ budget: 'smoke', seeds: 0 })).to.throw('number of seeds is 0');
    });

    it('take the released script’s settings where that is asked', () => {
      const runs = fig1.protocols({ budget: 'laptop', seeds: 1, preset: 'released' });
      const solvers = runs.flatMap((run) => (run.kind === 'path' ? [run.solver] : []));
      expect(solvers.find(({ kind }) => kind === 'rs')).to.include({ samples: 8, xi: 1e-4 });
      expect(solvers.find(({ kind }) => kind === 'gld')).to.include({ radiusMax: 0.13 });
      expect(solvers.filter(({ kind }) => kind === 'mgs')).to.have.length(1);
    });

    it('cost what their points cost', () => {
      const seconds = (set: string[]) => fig3.seconds!(fig3.protocols({ budget: 'laptop', set }));
      expect(seconds(['points=41'])).to.be.greaterThan(2 * seconds([]));
      expect(seconds(['omega.iterations=1'])).to.be.lessThan(seconds([]) / 2);
    });
  });

  describe('the claims', () => {
    it('are supported where the landscapes are as the paper says', () => {
      const found = verdicts(asThePaperSays);
      expect(Object.keys(found)).to.have.length(12);
      for (const [id, verdict] of Object.entries(found))
        expect([id, verdict]).to.deep.equal([id, 'supported']);
      for (const verdict of Object.values(verdicts(asThePaperSays, fig3)))
        expect(verdict).to.equal('supported');
    });

    it('are not where they are otherwise', () => {
      for (const [id, verdict] of Object.entries(verdicts(otherwise))) {
        expect([id, verdict]).to.deep.equal([id, 'not supported']);
      }
      for (const verdict of Object.values(verdicts(otherwise, fig3)))
        expect(verdict).to.equal('not supported');
    });

    it('are undecided on one seed', () => {
      const one = fakeLandscapes(fig1.protocols({ budget: 'laptop', seeds: 1 }), asThePaperSays);
      for (const { verdict } of fig1.claims(one)) expect(verdict).to.equal('undecided');
    });
  });

  describe('the tables', () => {
    it('hold a row for each landscape and for each path', () => {
      const [sharpness, conditions, spectra, paths] = fig1.tables(measured(asThePaperSays));
      expect(sharpness.rows).to.have.length(4);
      expect(sharpness.rows[1]).to.include({
        estimate: 'ω fine-tuned, M = 10',
        seeds: 3,
        shift: '1.50 ± 0.00',
      });
      expect(paths.rows.map(({ solver, step }) => `${solver} ${step}`)).to.deep.equal([
        'DARTS 0.0003',
        'DARTS 0.1',
        'DARTS 1',
        'DARTS 10',
        'ZARTS-RS null',
        'ZARTS-MGS null',
        'ZARTS-GLD null',
        'ZARTS-MGS, flat density null',
      ]);
      expect(paths.rows[4]).to.include({ start: '1.53 ± 0.00', end: '0.08 ± 0.01' });
      expect(conditions.rows.map(({ estimate, form }) => `${estimate}, ${form}`)).to.deep.equal([
        'ω as it is (first order), as it is',
        'ω as it is (first order), centered',
        'ω fine-tuned, M = 10, as it is',
        'ω fine-tuned, M = 10, centered',
      ]);
      expect(spectra.rows.map(({ estimate }) => estimate)).to.deep.equal([
        'ω as it is (first order)',
        'ω fine-tuned, M = 10',
      ]);
      expect(spectra.columns.map(({ title }) => title)).to.include.members([
        'dominant',
        'λ₂',
        'λ₅',
        'smallest',
      ]);
      expect(spectra.notes!.join()).to.contain('within 0.00010 of');
      for (const table of [sharpness, conditions, spectra, paths])
        expect(textTable(table)).not.to.match(/NaN|undefined/);
    });
  });

  describe('the charts', () => {
    it('are what they were', () => {
      for (const [id, figure] of [
        ['fig-1', fig1],
        ['fig-3', fig3],
      ] as const) {
        for (const { name, spec } of figure.charts(measured(asThePaperSays, figure))) {
          matchesSnapshot(`${id}-${name}`, withoutData(spec));
        }
      }
    });

    it('have x to the right and y upwards: fields, star and contours', async () => {
      const [{ spec }] = fig3.charts(measured(otherwise, fig3));
      const rows = (spec.data as { values: Record<string, number | string>[] }).values;
      const own = rows.filter(({ panel }) => String(panel).includes('M = 10'));
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
      const single = { ...fakeLandscapes(fig3.protocols({ budget: 'laptop' }), otherwise) };
      const [alone] = fig3.charts({ ...single, panels: single.panels.slice(2, 3) });
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
      const result = measured({
        ...asThePaperSays,
        end: ({ solver }) => (solver.kind === 'gld' ? STAR : { x: -0.5, y: 0.5 }),
      });
      const { spec } = fig1.charts(result).find(({ name }) => name === 'paths')!;
      const rows = (spec.data as { values: Record<string, number | string>[] }).values;
      const [star] = rows.filter(({ kind }) => kind === 'minimum');
      const last = rows.filter(({ path, update }) => path === 'ZARTS-GLD' && update === 10);
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
      const begun = { ...whole, panels: whole.panels.slice(0, 1), paths: [], conditions: [], spectra: [] };
      expect(fig1.charts(begun).map(({ name }) => name)).to.deep.equal(['landscape']);
      expect(fig1.tables(begun)).to.have.length(1);
    });
  });

  it('say what is done otherwise than the paper, once', () => {
    const deviations = fig1.deviations(fig1.protocols({ budget: 'laptop' }));
    expect(new Set(deviations).size).to.equal(deviations.length);
    const text = deviations.join('\n');
    expect(text).to.contain('one of S2').and.to.contain('21×21').and.to.contain('fixed batches');
    expect(text).to.not.contain('M is');
    const full = fig1.deviations(fig1.protocols({ budget: 'full' })).join('\n');
    expect(full).to.not.contain('×').and.to.not.contain('one of');
    const open = fig1.openSettings!(fig1.protocols({ budget: 'laptop' })).map((each) => each.path);
    expect(open).to.include.members([
      'normalization',
      'path.weightSteps',
      'path.mgs.sigma',
      'path.gld.radiusMax',
    ]);
    expect(new Set(open).size).to.equal(open.length);
  });
});
