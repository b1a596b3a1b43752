import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { quadratic } from '../../lib/analysis/toy.js';
import { UsageError } from '../../lib/errors.js';
import { norm } from '../../lib/math/vec.js';
import type { Progress } from '../../lib/progress.js';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { fieldsOf } from '../../lib/settings.js';
import { cellsOf, viewOf } from '../../reproductions/experiment.js';
import type { GridOptions } from '../../reproductions/grid.js';
import { parseSet } from '../../reproductions/grid.js';
import { estimate, measure } from '../../reproductions/measure.js';
import { readRecord, recordFiles } from '../../reproductions/records.js';
import { reproduce } from '../../reproductions/reproduce.js';
import type { ResultRecord } from '../../reproductions/records.js';
import { table1 } from '../../reproductions/table-1-solvers.js';
import type { Seeded, ToyView } from '../../reproductions/table-1-rows.js';
import { controlsIn, withoutControls } from '../../reproductions/together.js';
import { TOYS, toySettings } from '../../reproductions/toy-protocol.js';
import type { ToyExperiment, ToySettings } from '../../reproductions/toy-protocol.js';
import { byTitle, verdictsOf } from './fakes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const homes: string[] = [];
function newHome(): string {
  homes.push(mkdtempSync(path.join(tmpdir(), 'zarts-')));
  return homes[homes.length - 1];
}

/** Less than smoke: every kind of row, in well under a second. */
const SMALL = {
  rs: { dimension: 6, muSweep: [0.1, 1], samplesSweep: [1, 4, 16] },
  mgs: { dimension: 12, dimensionSweep: [1, 12], samplesSweep: [2, 4], limitSweep: [4, 16] },
  proposition: { dimensions: [1, 3], samplesSweep: [4, 16] },
  descent: { evaluations: 120 },
};

async function measured(more: Partial<typeof SMALL> | object = {}, seeds = 2): Promise<ToyView> {
  const change = Object.fromEntries(
    Object.entries(SMALL).map(([name, own]) => [name, { ...own, ...(more as Record<string, object>)[name] }]),
  );
  const cells = cellsOf(table1, { budget: 'smoke', seeds, change });
  const result = await measure(cells, {
    id: 'table-1',
    budget: 'smoke',
    home: path.join(newHome(), 'runs'),
  });
  return viewOf(result);
}

/** The rows of one experiment. */
function rowsOf<E extends ToyExperiment>({ rows }: ToyView, experiment: E): Seeded<E>[] {
  return rows.flatMap((run) =>
    run.experiment === experiment
      ? run.rows.map((row) => ({ seed: run.seed, ...row }) as unknown as Seeded<E>)
      : [],
  );
}

type Changes = { readonly [E in ToyExperiment]: (row: Seeded<E>) => Readonly<Record<string, number>> };

/** The view with fields of its rows replaced; a seed adds a hair, so that there is a spread. */
function changed(view: ToyView, changes: Changes): ToyView {
  return {
    ...view,
    rows: view.rows.map((run) => ({
      ...run,
      rows: run.rows.map((row) => {
        const change = changes[run.experiment] as (row: object) => Readonly<Record<string, number>>;
        const hair = 1 + 1e-4 * run.seed;
        const fields = Object.entries(change(row)).map(([name, value]) => [name, value * hair]);
        return { ...row, ...Object.fromEntries(fields) } as typeof row;
      }),
    })),
  };
}

const verdicts = (view: ToyView): Record<string, string> => verdictsOf(table1, view);

describe('protocols on toy functions', () => {
  const toys = (options: GridOptions<object>) => cellsOf(table1, options).map(({ run }) => run.toy);
  const settingsOf = (options: GridOptions<object>) =>
    Object.fromEntries(
      toys(options).map(({ experiment, settings }) => [experiment, settings]),
    ) as unknown as ToySettings;

  it('has one run for each experiment and seed, and nothing between them but the seed', () => {
    for (const [budget, seeds] of [
      ['smoke', 2],
      ['laptop', 9],
      ['full', 20],
    ] as const) {
      const protocols = toys({ budget });
      expect(protocols).to.have.length(4 * seeds);
      for (const [i, protocol] of protocols.entries()) {
        expect(protocol).to.deep.equal({ ...protocols[i % 4], seed: Math.floor(i / 4) });
        expect(JSON.parse(JSON.stringify(protocol))).to.deep.equal(protocol);
      }
    }
  });

  it('takes the paper’s dimension and N, and the released scripts’ λ, σ and τ', () => {
    const { mgs } = toySettings('full', undefined);
    const paper = { dimension: 196, samples: 4, lambda: 1e-3, sigmas: [0.025, 0.2], tau: 0.01 };
    expect(mgs).to.deep.include(paper);
    const open = table1.openSettings!(cellsOf(table1, { budget: 'full' }));
    const at = (name: string) => open.find((each) => each.path === name);
    expect(at('mgs.samples')).to.be.undefined;
    expect(at('mgs.tau')).to.include({ source: 'released scripts' });
    expect(at('rs.mu')).to.include({ source: 'ours', value: 0.1 });
  });

  it('reads settings given by hand, lists too, and derives smaller budgets from the full one', () => {
    const set = ['mgs.tau=1', 'mgs.sigmas=[0.1]', 'mgs.densities=["flat"]', 'rs.muSweep=[1,2]'];
    const { mgs, rs, descent } = settingsOf({ budget: 'smoke', change: parseSet(set) });
    expect(mgs).to.deep.include({ tau: 1, sigmas: [0.1], densities: ['flat'] });
    expect(rs.muSweep).to.deep.equal([1, 2]);
    const full = settingsOf({ budget: 'full' });
    expect(descent).to.deep.equal({ ...full.descent, evaluations: 400 });
    expect(rs.repeats).to.be.below(full.rs.repeats);
    for (const { bounds } of fieldsOf(TOYS.schema, undefined)) expect(bounds).to.not.equal('');
  });

  it('leaves one density for a preset', () => {
    for (const [preset, density] of [
      ['paper', 'literal'],
      ['flat', 'flat'],
      ['released', 'released'],
    ] as const) {
      const options = { budget: 'smoke', preset } as const;
      expect(settingsOf(options).mgs.densities).to.deep.equal([density]);
      expect(table1.deviations(cellsOf(table1, options)).join('\n')).to.contain('Left out');
    }
  });

  for (const [set, message] of [
    ['mgs.tau=0', 'mgs.tau is 0; it must be a number greater than 0.'],
    ['mgs.sigmas=0.1', 'mgs.sigmas is 0.1; it must be a list of numbers greater than 0, e.g. [0.1,0.2].'],
    ['rs.samplesSweep=[]', 'rs.samplesSweep is []; it must be a list of integers from 1 to 65536'],
    ['rs.samplesSweep=[1.5]', 'rs.samplesSweep is [1.5]; it must be a list of integers'],
    ['mgs.densities=["flt"]', 'mgs.densities is ["flt"]; it must be a list of literal, flat, released'],
    ['mgs.lambda=2', 'mgs.lambda is 2; it must be a number at least 0 and at most 1.'],
    ['rs.repeats=1', 'rs.repeats is 1; it must be an integer from 2'],
    ['tau=1', 'Did you mean "mgs.tau"?'],
    ['mgs=1', 'mgs is a group of settings; set one of mgs.dimension'],
    ['mgs.tau', 'is not path=value; write for example'],
  ]) {
    it(`refuses ${set} in one sentence`, () => {
      expect(() => toys({ budget: 'smoke', change: parseSet([set]) })).to.throw(UsageError, message);
    });
  }

  it('refuses seeds that are none', () => {
    for (const seeds of [0, 1.5, -1]) {
      expect(() => toys({ budget: 'smoke', seeds })).to.throw(UsageError, `seeds is ${seeds}`);
    }
  });
});

/** An axis that a mean step lies so far off, and one that it lies farther off. */
const tangents = (tangentSquared: number) => ({
  tangentSquared,
  tiltedTangentSquared: tangentSquared + 0.03,
});

/** Numbers that the paper read off searches, which toys decide nothing about. */
const isOfSearches = (id: string): boolean => id.startsWith('esr-near-paper');

describe('Table 1', () => {
  after(() => {
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  let view: ToyView;
  before(async () => (view = await measured({}, 3)));

  it('measures rows of finite numbers for every cell and seed', () => {
    // Laws × (μ: quadratic and three estimators on the quartic; N, and its ends on the quartic) × errors or none.
    expect(rowsOf(view, 'rs')).to.have.length(3 * 2 * (2 * 4 + 3 + 2) * 2);
    // σ × (densities × (N and d) and two ways to the limit).
    expect(rowsOf(view, 'mgs')).to.have.length(3 * 2 * (3 * 4 + 2 * 2));
    expect(rowsOf(view, 'proposition')).to.have.length(3 * 2 * 2);
    expect(rowsOf(view, 'descent')).to.have.length(3 * (8 + 8 + 5));
    for (const row of view.rows.flatMap(({ rows }) => rows)) {
      for (const value of Object.values(row)) if (typeof value === 'number') expect(value).to.be.finite;
    }
  });

  it('measures the same to the last bit again, and another seed otherwise', async () => {
    const again = await measured({}, 3);
    expect(again).to.deep.equal(view);
    const [first, second] = [0, 1].map((seed) => rowsOf(view, 'rs').find((row) => row.seed === seed)!);
    expect(first.gain).to.not.equal(second.gain);
  });

  it('agrees with what is known of linear losses and of smoothing', async () => {
    const more = { rs: { repeats: 4000, draws: 4000, noise: 0.2 }, mgs: { draws: 8000 } };
    const [rs, mgs] = await measured(more, 1).then(
      (each) => [rowsOf(each, 'rs'), rowsOf(each, 'mgs')] as const,
    );
    const d = SMALL.rs.dimension;
    const { noise } = more.rs;
    const { tau, gradientNorm } = toySettings('smoke', undefined).mgs;
    for (const row of rs.filter((each) => each.noise === 0 && each.estimator !== 'one-point')) {
      expect(row.gain).to.be.closeTo(row.expectedGain, 5 * Math.sqrt(row.variance / row.count));
      if (row.function !== 'quadratic') continue;
      // A quadratic’s differences are those of a linear loss. ‖ĝ − g‖² has about its mean for a standard deviation.
      const linear = (d + (row.law === 'normal' ? 1 : -1)) / row.samples;
      expect(row.variance / linear).to.be.closeTo(1, 5 / Math.sqrt(row.count));
      // Independent errors add φ²·noise²·E‖u‖²/(2μ²N).
      const noisy = rs[rs.indexOf(row) + 1];
      expect(noisy).to.include({ noise, law: row.law, samples: row.samples, mu: row.mu });
      const squared = norm(quadratic(d).gradient(quadratic(d).start)) ** 2;
      const added =
        (noise ** 2 * (row.law === 'sphere' ? d ** 2 : d)) / (2 * row.mu ** 2 * row.samples * squared);
      expect(noisy.variance / (linear + added)).to.be.closeTo(1, 5 / Math.sqrt(row.count));
    }
    for (const row of mgs.filter(({ varied, samples }) => varied === 'limit' && samples === 16)) {
      const s = (row.sigma * gradientNorm) / tau;
      // For small s a finite N has (N − 1)/N of the limit; s = 0.6 stays within a tenth of that.
      const expected = 1 - row.lambda + ((row.sigma ** 2 / tau) * 15) / 16;
      expect(row.gain).to.be.closeTo(expected, 5 * Math.sqrt(row.variance / row.count) + 0.1 * s * expected);
    }
  });

  it('finds the claims true that theory proves, where the numbers are theory’s', () => {
    const told = verdicts(
      changed(view, {
        rs: ({ function: name, expectedGain, samples }) => ({
          biasSquared: name === 'quartic' ? 4 : 1e-6,
          gain: expectedGain,
          meanSquaredError: (name === 'quartic' ? 4 : 0) + 5 / samples,
        }),
        mgs: ({ sigma, lambda, density }) => ({
          ...tangents(1e-4),
          gain: 1 - lambda + sigma ** 2 / 0.01,
          esr: density === 'literal' ? 0.2 : 0.7,
          farthest: density === 'literal' ? 0.99 : 0.25,
        }),
        proposition: ({ samples }) => ({ ...tangents(1e-4), gain: 1, cosine: 1 - 1 / samples }),
        descent: ({ solver }) => ({ rises: solver === 'GLD' ? 0 : 0.2, trueRises: 0.3 }),
      }),
    );
    for (const [id, verdict] of Object.entries(told)) {
      const expected =
        id === 'mgs-proposal/0.2' ? 'not supported' : isOfSearches(id) ? 'cannot be seen here' : 'supported';
      expect(verdict, id).to.equal(expected);
    }
    expect(Object.keys(told)).to.have.length(6 + 6 + 5 + 6 + 2 + 3);
  });

  it('finds them false where the numbers say otherwise', () => {
    const wrong = changed(view, {
      rs: ({ function: name, expectedGain }) => ({
        biasSquared: 0.2,
        gain: name === 'quartic' ? 2 * expectedGain : 1,
        meanSquaredError: 4,
      }),
      mgs: () => ({ ...tangents(1), gain: 9, esr: 0.9, farthest: 0.3 }),
      proposition: ({ samples }) => ({ ...tangents(1), gain: 0.5, cosine: 1 / samples }),
      descent: ({ solver }) => ({ rises: solver === 'GLD' ? 0.3 : 0, trueRises: 0 }),
    });
    for (const [id, verdict] of Object.entries(verdicts(wrong))) {
      expect(verdict, id).to.equal(isOfSearches(id) ? 'cannot be seen here' : 'not supported');
    }
  });

  it('decides nothing where what is not so would look the same', () => {
    const blunt = changed(view, {
      rs: ({ function: name, expectedGain, samples }) => ({
        biasSquared: 1e-6,
        gain: name === 'quadratic' ? 1e6 : expectedGain,
        meanSquaredError: 5 / samples,
      }),
      mgs: () => ({ tangentSquared: 1e-4, tiltedTangentSquared: 1e-3 }),
      proposition: () => ({ tangentSquared: 1e-4, tiltedTangentSquared: 1e-3 }),
      descent: () => ({ rises: 0 }),
    });
    const told = Object.entries(verdicts(blunt));
    for (const [id, verdict] of told)
      if (/^rs-|parallel|monotone/.test(id)) expect(verdict, id).to.equal('cannot be seen here');
  });

  it('tells an axis ten degrees off by tan² of it, in more than one dimension', async () => {
    const finely = { sigmas: [0.025], dimensionSweep: [1, 12], limitSweep: [4], draws: 40_000 };
    const rows = rowsOf(await measured({ mgs: finely }, 1), 'mgs');
    const [row] = rows.filter(({ varied, lambda }) => varied === 'limit' && lambda === 0);
    expect(row.tangentSquared).to.be.closeTo(0, 0.003);
    expect(row.tiltedTangentSquared).to.be.closeTo(Math.tan((10 * Math.PI) / 180) ** 2, 0.003);
    for (const { dimension, tiltedTangentSquared } of rows)
      expect(tiltedTangentSquared === null).to.equal(dimension === 1);
  });

  it('says of how many seeds the scatter of Proposition 1 is known', () => {
    for (const seeds of [2, 3]) {
      const rows = view.rows.filter(({ seed }) => seed < seeds);
      const claims = table1.claims({ ...view, rows });
      const { detail } = claims.find(({ id }) => id === 'proposition-parallel/3')!;
      expect(detail).to.contain(`and ${seeds} seeds may understate it`);
    }
  });

  it('decides nothing on one seed', () => {
    const one = { ...view, rows: view.rows.filter(({ seed }) => seed === 0) };
    for (const [id, verdict] of Object.entries(verdicts(one)))
      expect(verdict, id).to.equal(isOfSearches(id) ? 'cannot be seen here' : 'undecided');
  });

  it('shows what there is while it is measured', () => {
    const begun = { ...view, rows: view.rows.slice(0, 1) };
    expect(table1.tables(begun)).to.have.length(3);
    expect(table1.charts(begun)).to.have.length(3);
    expect(table1.claims(begun)).to.have.length(6);
  });

  it('prints the formulas and, under each solver, what was measured', () => {
    const [controls] = controlsIn(table1.tables(view));
    // Of RS three by each law, of MGS one by σ, of Proposition 1 one by d above 1, of GLD one.
    expect(controls.rows).to.have.length(2 * 3 + 2 + 1 + 1);
    const tables = withoutControls(table1.tables(view));
    const [formulas, rs, mgs, proposition, descent] = tables.map(byTitle);
    expect(formulas.map((row) => [row.solver, row['Eq.']])).to.deep.equal([
      ['RS', 6],
      ['MGS', 10],
      ['GLD', 12],
    ]);
    expect(tables[0].notes!.join('\n')).to.contain('σ² multiplies where it should divide');
    expect(rs).to.have.length(6);
    expect(mgs).to.have.length(6);
    expect(mgs[0]).to.include({ density: 'literal', σ: 0.025, 'N → ∞, flat': '1.06' });
    expect(proposition).to.have.length(4);
    expect(descent.map(({ solver }) => solver)).to.include.members(['GLD', 'GLD, base not tuned']);
    for (const table of tables) expect(textTable(table)).to.not.match(/NaN|Infinity|undefined/);
  });

  it('draws every row that a chart is about', async () => {
    const charts = table1.charts(view);
    const points = {
      bias: 2 * 2 * 2,
      error: 2 * 3 * 2 * 2,
      variance: 2 * 3,
      esr: 3 * 2 * 2 * 2,
      collapse: 3 * 2 * 2,
      limit: 2 * 2 * 2,
      direction: 2 * 2 * 2,
      proposition: 2 * 2 * 2,
      descent: 0,
    };
    expect(charts.map(({ name }) => name)).to.deep.equal(Object.keys(points));
    for (const { name, spec } of charts) {
      matchesSnapshot(`table-1-${name}`, withoutData(spec));
      const svg = await chartSvg(spec);
      expect(svg, name).not.to.match(/NaN|Infinity|undefined/);
      const drawn = [...svg.matchAll(/aria-roledescription="point"/g)];
      expect(drawn, name).to.have.length(points[name as keyof typeof points]);
    }
    const descent = await chartSvg(charts[charts.length - 1].spec);
    expect([...descent.matchAll(/aria-roledescription="line mark"/g)]).to.have.length(7 + 7 + 5);
  });

  it('draws one seed, and a preset’s density alone', async () => {
    const alone = await measured({ mgs: { densities: ['released'] } }, 1);
    for (const { spec } of table1.charts(alone)) expect(await chartSvg(spec)).not.to.match(/NaN|undefined/);
    expect(Object.keys(verdicts(alone)).filter((id) => id.includes('literal'))).to.deep.equal([]);
  });
});

describe('zarts reproduce table-1', () => {
  const options = { budget: 'smoke', seeds: 2, change: SMALL } as const;

  it('writes record and pictures; the second time nothing is computed', async () => {
    const home = newHome();
    const first = await reproduce(table1, { ...options, home });
    const record = JSON.parse(readFileSync(first.resultFile, 'utf8')) as ResultRecord;
    expect(record.result).to.deep.equal(first.result);
    expect(record.openSettings).to.not.be.empty;
    for (const { kept } of record.result.runs) {
      expect(kept).to.have.length(1);
      expect(kept[0].protocol.kind).to.equal('toy');
      expect(kept[0].provenance).to.include({ engine: null, data: null });
    }
    expect(first.pictures).to.have.length(9);
    expect(first.pictures.every((picture) => existsSync(picture))).to.be.true;
    expect(JSON.stringify(record)).not.to.contain(home).and.not.to.contain(process.cwd());
    expect(readdirSync(path.join(home, 'runs'))).to.have.length(8);
    const again = await reproduce(table1, { ...options, home });
    expect(again.result).to.deep.equal(first.result);
    expect(again.seconds).to.be.below(1);
  });

  it('keeps what is finished when it is stopped', async () => {
    const home = newHome();
    const controller = new AbortController();
    const progress: Progress = {
      start: () => ({
        update: (_, note = '') => {
          if (note.startsWith('run 5/8')) controller.abort();
        },
        end: () => undefined,
      }),
    };
    const stopped = await reproduce(table1, { ...options, home, progress, signal: controller.signal }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(stopped?.name).to.equal('InterruptedError');
    // What there is is a record, which says how much of the grid it is.
    const [partial] = recordFiles(path.join(home, 'results')).map(readRecord);
    expect([partial.result.runs.length, partial.result.of]).to.deep.equal([4, 8]);
    const finished = readdirSync(path.join(home, 'runs')).filter((key) =>
      existsSync(path.join(home, 'runs', key, 'result.json')),
    );
    expect(finished).to.have.length(4);
    const [resumed, whole] = [home, newHome()].map((each) => reproduce(table1, { ...options, home: each }));
    expect((await resumed).rows).to.deep.equal((await whole).rows);
  });

  it('says how long each budget takes', () => {
    const [smoke, laptop, full] = (['smoke', 'laptop', 'full'] as const).map((budget) =>
      estimate(cellsOf(table1, { budget })),
    );
    expect(smoke).to.be.within(0.2, 10);
    expect(laptop).to.be.within(60, 240);
    expect(full).to.be.above(10 * laptop);
  });
});
