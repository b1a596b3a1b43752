import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../lib/errors.js';
import { quadratic } from '../../lib/analysis/toy.js';
import { norm } from '../../lib/math/vec.js';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import type { Progress } from '../../lib/progress.js';
import { estimate, reproduce } from '../../reproductions/reproduce.js';
import type { ResultRecord } from '../../reproductions/run.js';
import { table1 } from '../../reproductions/table-1-solvers.js';
import type { Table1Result } from '../../reproductions/table-1-solvers.js';
import { settingsOf, toyProtocols } from '../../reproductions/toy-protocol.js';
import type { Experiment, ToyProtocol } from '../../reproductions/toy-protocol.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

const homes: string[] = [];
function newHome(): string {
  homes.push(mkdtempSync(path.join(tmpdir(), 'zarts-')));
  return homes[homes.length - 1];
}

/** Less than smoke: every kind of row, in well under a second. */
const SMALL = [
  'rs.dimension=6',
  'rs.muSweep=[0.1,1]',
  'rs.samplesSweep=[1,4,16]',
  'mgs.dimension=12',
  'mgs.dimensionSweep=[1,12]',
  'mgs.samplesSweep=[2,4]',
  'mgs.limitSweep=[4,16]',
  'proposition.dimensions=[1,3]',
  'proposition.samplesSweep=[4,16]',
  'descent.evaluations=120',
];

async function measured(set: readonly string[] = [], seeds = 2, home = newHome()): Promise<Table1Result> {
  const protocols = table1.protocols({ budget: 'smoke', seeds, set: [...SMALL, ...set] });
  return table1.measure(protocols, { title: 'table-1', runs: path.join(home, 'runs') });
}

type Changed = Readonly<Partial<Record<Experiment, (row: never) => object>>>;

/** The result with fields of its rows replaced; a seed adds a hair, so that there is a spread. */
function changed(result: Table1Result, change: Changed): Table1Result {
  const hair = (seed: number): number => 1 + 1e-4 * seed;
  const apply = <Row extends { seed: number }>(rows: readonly Row[], by?: (row: never) => object): Row[] =>
    rows.map((row) => ({
      ...row,
      ...Object.fromEntries(
        Object.entries(by?.(row as never) ?? {}).map(([name, value]) => [
          name,
          (value as number) * hair(row.seed),
        ]),
      ),
    }));
  return {
    ...result,
    rs: apply(result.rs, change.rs),
    mgs: apply(result.mgs, change.mgs),
    proposition: apply(result.proposition, change.proposition),
    descent: apply(result.descent, change.descent),
  };
}

function verdicts(result: Table1Result): Record<string, string> {
  return Object.fromEntries(table1.claims(result).map(({ id, verdict }) => [id, verdict]));
}

describe('protocols on toy functions', () => {
  it('has one run for each experiment and seed, and nothing between them but the seed', () => {
    for (const [budget, seeds] of [
      ['smoke', 2],
      ['laptop', 5],
      ['full', 20],
    ] as const) {
      const protocols = toyProtocols({ budget });
      expect(protocols).to.have.length(4 * seeds);
      for (const [i, protocol] of protocols.entries()) {
        expect(protocol).to.deep.equal({ ...protocols[i % 4], seed: Math.floor(i / 4) });
        expect(JSON.parse(JSON.stringify(protocol))).to.deep.equal(protocol);
      }
    }
  });

  it('takes the paper’s dimension and N, and the released scripts’ λ, σ and τ', () => {
    const { mgs } = settingsOf(toyProtocols({ budget: 'full' }));
    expect(mgs).to.deep.include({
      dimension: 196,
      samples: 4,
      lambda: 1e-3,
      sigmas: [0.025, 0.2],
      tau: 0.01,
    });
    const open = table1.openSettings!(toyProtocols({ budget: 'full' }));
    expect(open.map(({ path: at }) => at)).to.not.include('mgs.samples');
    expect(open.find(({ path: at }) => at === 'mgs.tau')).to.include({ source: 'released scripts' });
    expect(open.find(({ path: at }) => at === 'rs.mu')).to.include({ source: 'ours', value: 0.1 });
  });

  it('reads settings given by hand, lists too, and derives smaller budgets from the full one', () => {
    const set = ['mgs.tau=1', 'mgs.sigmas=[0.1]', 'mgs.densities=["flat"]', 'rs.muSweep=[1,2]'];
    const { mgs, rs, descent } = settingsOf(toyProtocols({ budget: 'smoke', set }));
    expect(mgs).to.deep.include({ tau: 1, sigmas: [0.1], densities: ['flat'] });
    expect(rs.muSweep).to.deep.equal([1, 2]);
    const full = settingsOf(toyProtocols({ budget: 'full' }));
    expect(descent).to.deep.equal({ ...full.descent, evaluations: 400 });
    expect(rs.repeats).to.be.below(full.rs.repeats);
  });

  it('leaves one density for a preset', () => {
    for (const [preset, density] of [
      ['paper', 'literal'],
      ['flat', 'flat'],
      ['released', 'released'],
    ] as const) {
      const protocols = toyProtocols({ budget: 'smoke', preset });
      expect(settingsOf(protocols).mgs.densities).to.deep.equal([density]);
      expect(table1.deviations(protocols).join('\n')).to.contain('Left out');
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
    ['mgs.tau', 'is not path=value; write for example rs.samples=8.'],
  ]) {
    it(`refuses ${set} in one sentence`, () => {
      expect(() => toyProtocols({ budget: 'smoke', set: [set] })).to.throw(UsageError, message);
    });
  }

  it('refuses seeds that are none', () => {
    for (const seeds of [0, 1.5, -1]) {
      expect(() => toyProtocols({ budget: 'smoke', seeds })).to.throw(UsageError, `seeds is ${seeds}`);
    }
  });
});

describe('Table 1', () => {
  after(() => {
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  let result: Table1Result;
  before(async () => (result = await measured([], 3)));

  it('measures rows of finite numbers for every cell and seed', () => {
    const { rs, mgs, proposition, descent } = result;
    // Laws × (μ: quadratic and three estimators on the quartic; N) × errors or none.
    expect(rs).to.have.length(3 * 2 * (2 * 4 + 3) * 2);
    // σ × (densities × (N and d) and two ways to the limit).
    expect(mgs).to.have.length(3 * 2 * (3 * 4 + 2 * 2));
    expect(proposition).to.have.length(3 * 2 * 2);
    expect(descent).to.have.length(3 * (8 + 8 + 5));
    for (const row of [...rs, ...mgs, ...proposition, ...descent]) {
      for (const value of Object.values(row)) if (typeof value === 'number') expect(value).to.be.finite;
    }
  });

  it('measures the same to the last bit again, and another seed otherwise', async () => {
    const again = await measured([], 3);
    expect(again).to.deep.equal(result);
    const [first, second] = [0, 1].map((seed) => result.rs.find((row) => row.seed === seed)!);
    expect(first.gain).to.not.equal(second.gain);
  });

  it('agrees with what is known of linear losses and of smoothing', async () => {
    const more = ['rs.repeats=4000', 'rs.draws=4000', 'rs.noise=0.2', 'mgs.draws=8000'];
    const { rs, mgs, settings } = await measured(more, 1);
    const { dimension: d, noise } = settings.rs;
    const clean = rs.filter((row) => row.noise === 0 && row.estimator !== 'one-point');
    for (const row of clean) {
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
      const s = (row.sigma * settings.mgs.gradientNorm) / settings.mgs.tau;
      // For small s a finite N has (N − 1)/N of the limit; s = 0.6 stays within a tenth of that.
      const expected = 1 - row.lambda + ((row.sigma ** 2 / settings.mgs.tau) * 15) / 16;
      expect(row.gain).to.be.closeTo(expected, 5 * Math.sqrt(row.variance / row.count) + 0.1 * s * expected);
    }
  });

  it('finds the claims true that theory proves, where the numbers are theory’s', () => {
    const { sigmas, tau } = result.settings.mgs;
    const ideal = changed(result, {
      rs: ({ expectedGain, samples }: Table1Result['rs'][number]) => ({
        biasSquared: 1e-6,
        gain: expectedGain,
        meanSquaredError: 5 / samples,
      }),
      mgs: ({ sigma, lambda, density }: Table1Result['mgs'][number]) => ({
        tangentSquared: 1e-4,
        gain: 1 - lambda + sigma ** 2 / tau,
        esr: density === 'literal' ? 0.2 : 0.7,
        farthest: density === 'literal' ? 0.99 : 0.25,
      }),
      proposition: ({ samples }: Table1Result['proposition'][number]) => ({
        tangentSquared: 1e-4,
        gain: 1,
        cosine: 1 - 1 / samples,
      }),
      descent: ({ solver }: Table1Result['descent'][number]) => ({
        rises: solver === 'GLD' ? 0 : 0.1,
        trueRises: 0.3,
      }),
    });
    const told = verdicts(ideal);
    for (const [id, verdict] of Object.entries(told)) {
      const expected =
        id.startsWith('esr-near-paper/literal') || id === `mgs-proposal/${sigmas[1]}`
          ? 'not supported'
          : id === 'proposition-parallel/1'
            ? 'undecided'
            : 'supported';
      expect(verdict, id).to.equal(expected);
    }
    expect(Object.keys(told)).to.have.length(6 + 6 + 6 + 6 + 2 + 3);
  });

  it('finds them false where the numbers say otherwise', () => {
    const wrong = changed(result, {
      rs: () => ({ biasSquared: 0.2, gain: 9, meanSquaredError: 4 }),
      mgs: () => ({ tangentSquared: 1, gain: 9, esr: 0.9, farthest: 0.3 }),
      proposition: ({ samples }: Table1Result['proposition'][number]) => ({
        tangentSquared: 1,
        gain: 0.5,
        cosine: 1 / samples,
      }),
      descent: ({ solver }: Table1Result['descent'][number]) => ({
        rises: solver === 'GLD' ? 0.3 : 0,
        trueRises: 0,
      }),
    });
    for (const [id, verdict] of Object.entries(verdicts(wrong))) {
      expect(verdict, id).to.equal(id === 'proposition-parallel/1' ? 'undecided' : 'not supported');
    }
  });

  it('decides nothing on one seed', () => {
    const one = {
      ...result,
      rs: result.rs.filter(({ seed }) => seed === 0),
      mgs: result.mgs.filter(({ seed }) => seed === 0),
      proposition: result.proposition.filter(({ seed }) => seed === 0),
      descent: result.descent.filter(({ seed }) => seed === 0),
    };
    for (const [id, verdict] of Object.entries(verdicts(one))) expect(verdict, id).to.equal('undecided');
  });

  it('prints the formulas and, under each solver, what was measured', () => {
    const [formulas, rs, mgs, proposition, descent] = table1.tables(result);
    expect(formulas.rows.map(({ solver, equation }) => [solver, equation])).to.deep.equal([
      ['RS', 6],
      ['MGS', 10],
      ['GLD', 12],
    ]);
    expect(formulas.notes!.join('\n')).to.contain('σ² multiplies where it should divide');
    expect(rs.rows).to.have.length(6);
    expect(mgs.rows).to.have.length(6);
    expect(mgs.rows[0]).to.include({ density: 'literal', sigma: 0.025, limit: '1.06' });
    expect(proposition.rows).to.have.length(4);
    expect(descent.rows.map(({ solver }) => solver)).to.include.members(['GLD', 'GLD, base not tuned']);
    for (const table of [formulas, rs, mgs, proposition, descent]) {
      expect(textTable(table)).to.not.match(/NaN|Infinity|undefined/);
    }
  });

  it('draws every row that a chart is about', async () => {
    const charts = table1.charts(result);
    const names = [
      'bias',
      'error',
      'variance',
      'esr',
      'collapse',
      'limit',
      'direction',
      'proposition',
      'descent',
    ];
    expect(charts.map(({ name }) => name)).to.deep.equal(names);
    const points: Record<string, number> = {
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
    for (const { name, spec } of charts) {
      matchesSnapshot(`table-1-${name}`, withoutData(spec));
      const svg = await chartSvg(spec);
      expect(svg, name).not.to.match(/NaN|Infinity|undefined/);
      expect([...svg.matchAll(/aria-roledescription="point"/g)], name).to.have.length(points[name]);
    }
    const descent = await chartSvg(charts[charts.length - 1].spec);
    expect([...descent.matchAll(/aria-roledescription="line mark"/g)]).to.have.length(7 + 7 + 5);
  });

  it('draws one seed, and a preset’s density alone', async () => {
    const alone = await measured(['mgs.densities=["released"]'], 1);
    for (const { spec } of table1.charts(alone)) expect(await chartSvg(spec)).not.to.match(/NaN|undefined/);
    expect(Object.keys(verdicts(alone)).filter((id) => id.includes('literal'))).to.deep.equal([]);
  });
});

describe('zarts reproduce table-1', () => {
  const options = { budget: 'smoke', seeds: 2, set: SMALL } as const;

  it('writes record and pictures; the second time nothing is computed', async () => {
    const home = newHome();
    const first = await reproduce('table-1', { ...options, home });
    const record = JSON.parse(readFileSync(first.resultFile, 'utf8')) as ResultRecord<
      Table1Result,
      ToyProtocol
    >;
    expect(record.result).to.deep.equal(first.result);
    expect(record.result.environments).to.have.length(1);
    expect(record.result.environments[0]).to.include({ engine: null, data: null });
    expect(record.protocol.kind).to.equal('toy');
    expect(record.openSettings).to.not.be.empty;
    expect(first.pictures).to.have.length(9);
    expect(first.pictures.every((picture) => existsSync(picture))).to.be.true;
    expect(JSON.stringify(record)).not.to.contain(home).and.not.to.contain(process.cwd());
    const runs = path.join(home, 'runs');
    expect(readdirSync(runs)).to.have.length(8);
    const again = await reproduce('table-1', { ...options, home });
    expect(again.result).to.deep.equal(first.result);
    expect(again.seconds).to.be.below(1);
  });

  it('keeps what is finished when it is stopped', async () => {
    const home = newHome();
    const controller = new AbortController();
    const progress: Progress = {
      start: () => ({
        update: (_, note = '') => {
          if (note.startsWith('seed 1')) controller.abort();
        },
        end: () => undefined,
      }),
    };
    const stopped = await reproduce('table-1', {
      ...options,
      home,
      progress,
      signal: controller.signal,
    }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(stopped?.name).to.equal('InterruptedError');
    expect(existsSync(path.join(home, 'results'))).to.be.false;
    const finished = readdirSync(path.join(home, 'runs')).filter((key) =>
      existsSync(path.join(home, 'runs', key, 'result.json')),
    );
    expect(finished).to.have.length(4);
    const { result } = await reproduce('table-1', { ...options, home });
    expect(result).to.deep.equal((await reproduce('table-1', { ...options, home: newHome() })).result);
  });

  it('says how long each budget takes', () => {
    const [smoke, laptop, full] = ['smoke', 'laptop', 'full'].map((budget) => estimate('table-1', budget));
    expect(smoke).to.be.within(0.2, 10);
    expect(laptop).to.be.within(20, 120);
    expect(full).to.be.above(10 * laptop);
  });
});
