import { expect } from 'chai';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import type { Verdict } from '../../lib/analysis/claims.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import { cellOf } from '../../reproductions/sweep.js';
import type { Cell } from '../../reproductions/sweep.js';
import { fakeSweep } from './fake-sweep.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

/** A search as the paper describes its figure: R_e rises to 0.7 whatever N is, and only because σ falls. */
const asThePaperSays = (_: Cell, seed: number, epoch: number, { schedule } = _) =>
  (schedule === 'cosine' ? 0.4 + 0.03 * epoch : 0.42 + 0.001 * epoch) + 0.002 * seed;

/** A search as Eq. 26 in print makes it: about one candidate counts, however many there are. */
const oneCounts = ({ samples }: Cell, seed: number, epoch: number) =>
  (1.1 + 0.01 * seed + 0.001 * epoch * (seed - 1)) / samples;

function verdicts(esr: (cell: Cell, seed: number, epoch: number) => number): Record<string, Verdict> {
  const sweep = fakeSweep(fig4.protocols({ budget: 'laptop' }), { esr });
  return Object.fromEntries(fig4.claims(sweep).map(({ id, verdict }) => [id, verdict]));
}

const settings = ({ solver, ...rest }: SearchProtocol) => ({
  ...rest,
  seed: 0,
  preset: '',
  solver: { ...solver, samples: 0, sigmaSchedule: '', density: '' },
});

describe('Fig. 4', () => {
  it('differs from run to run in N, density, schedule and seed alone', () => {
    for (const budget of ['smoke', 'laptop', 'full'] as const) {
      const protocols = fig4.protocols({ budget });
      const base = withBudget(fullSearch(budget === 'full' ? 'darts' : 's2'), budget);
      for (const protocol of protocols) expect(settings(protocol)).to.deep.equal(settings(base));
    }
  });

  it('runs every N with every density at full, with σ scheduled and constant, three times', () => {
    const protocols = fig4.protocols({ budget: 'full' });
    expect(protocols).to.have.length(3 * 3 * 2 * 4);
    expect(new Set(protocols.map((each) => JSON.stringify([cellOf(each), each.seed])))).to.have.property(
      'size',
      72,
    );
    expect(protocols[0]).to.include({ space: 'darts', epochs: 50, budget: 'full' });
  });

  it('names each run after the preset that it follows', () => {
    const flat = fig4.protocols({ budget: 'laptop' }).find((each) => cellOf(each).density === 'flat')!;
    expect(settings(flat)).to.deep.equal(settings(withBudget(fullSearch('s2', 'mgs', 'flat'), 'laptop')));
    expect(flat.preset).to.equal('flat');
    const narrowed = fig4.protocols({ budget: 'laptop', preset: 'flat' });
    const whole = fig4.protocols({ budget: 'laptop' });
    for (const each of narrowed) expect(whole).to.deep.include(each);
    expect(narrowed).to.have.length(whole.length / 3);
  });

  it('with a preset runs that algorithm whole', () => {
    const released = fig4.protocols({ budget: 'laptop', preset: 'released' });
    for (const each of released) {
      expect(each.omega).to.include({ kind: 'coast', drift: true });
      expect(cellOf(each).density).to.equal('released');
    }
  });

  it('lets a setting given by hand take the place of its own, and runs what becomes equal once', () => {
    const set = ['solver.samples=3', 'solver.density=flat'];
    const protocols = fig4.protocols({ budget: 'smoke', set, seeds: 1 });
    expect(protocols.map(cellOf)).to.deep.equal([
      { density: 'flat', schedule: 'cosine', samples: 3 },
      { density: 'flat', schedule: 'constant', samples: 3 },
    ]);
  });

  it('refuses a number of seeds below one, and unknown settings', () => {
    expect(() => fig4.protocols({ budget: 'smoke', seeds: 0 })).to.throw('number of seeds is 0');
    expect(() => fig4.protocols({ budget: 'smoke', set: ['solver.sampels=3'] })).to.throw('solver.samples');
  });

  it('finds the paper’s statements in a search that is as the paper says', () => {
    expect(verdicts(asThePaperSays)).to.include({
      'ess-rises-with-samples/flat': 'supported',
      'esr-near-paper/flat': 'supported',
      'esr-converged/flat': 'supported',
      'esr-rises-over-epochs/flat': 'supported',
      'rise-is-the-schedule/flat': 'supported',
    });
  });

  it('does not find them where one candidate decides', () => {
    expect(verdicts(oneCounts)).to.include({
      'esr-near-paper/literal': 'not supported',
      'esr-converged/literal': 'not supported',
      'rise-is-the-schedule/literal': 'undecided',
    });
  });

  it('does not credit the schedule with a rise that constant σ has as well', () => {
    const both = ({ samples }: Cell, seed: number, epoch: number) =>
      0.3 + 0.04 * epoch + (0.002 * seed) / samples;
    expect(verdicts(both)).to.include({
      'esr-rises-over-epochs/flat': 'supported',
      'rise-is-the-schedule/flat': 'not supported',
    });
  });

  it('decides nothing on one seed', () => {
    const sweep = fakeSweep(fig4.protocols({ budget: 'laptop', seeds: 1 }), { esr: asThePaperSays });
    for (const { verdict, n } of fig4.claims(sweep))
      expect({ verdict, few: n <= 1 }).to.deep.equal({ verdict: 'undecided', few: true });
  });

  it('says what it does otherwise than the paper, once', () => {
    const deviations = fig4.deviations(fig4.protocols({ budget: 'laptop' }));
    expect(new Set(deviations).size).to.equal(deviations.length);
    const text = deviations.join('\n');
    expect(text)
      .to.contain('S2 instead of the DARTS space')
      .and.to.contain('epochs is 10; the paper has 50.');
    expect(text).to.contain('constant σ is run for N = 4 and 8 only');
    // What the sweep varies on purpose is no deviation.
    expect(text).not.to.contain('solver.samples is').and.not.to.contain('sigmaSchedule is');
    const full = fig4.deviations(fig4.protocols({ budget: 'full' })).join('\n');
    expect(full).not.to.contain('instead of the DARTS space').and.not.to.contain('only');
  });

  it('prints one row a cell', () => {
    const sweep = fakeSweep(fig4.protocols({ budget: 'laptop' }), { esr: asThePaperSays });
    const [table] = fig4.tables(sweep);
    expect(table.rows).to.have.length(3 * (4 + 2));
    expect(table.rows.find((row) => row.density === 'flat' && row.samples === 4)).to.include({
      seeds: 3,
      esr: '0.702 ± 0.002',
      first: '0.492 ± 0.002',
      ess: '2.81 ± 0.01',
    });
    for (const each of fig4.tables(sweep)) expect(textTable(each)).not.to.match(/NaN|undefined/);
  });

  it('draws every point once, and the paper’s number where there is one', async () => {
    const sweep = fakeSweep(fig4.protocols({ budget: 'laptop' }), { esr: asThePaperSays });
    const charts = fig4.charts(sweep);
    expect(charts.map(({ name }) => name)).to.deep.equal(['ess', 'esr']);
    for (const { name, spec } of charts) {
      matchesSnapshot(`fig-4-${name}`, withoutData(spec));
      const { values } = spec.data as { values: object[] };
      expect(values).to.have.length(3 * 3 * (4 + 2) * 8);
      const svg = await chartSvg(spec);
      expect(svg).not.to.match(/NaN|Infinity|undefined/);
      // Panels: 3 densities × 2 schedules; means: 4 N in one row of them, 2 in the other; as many thin lines a seed.
      const lines = [...svg.matchAll(/aria-roledescription="line mark"|mark-line role/g)].length;
      const means = [...svg.matchAll(/<path[^>]*d="M[^"]*L[^"]*"[^>]*stroke-width="2.2"/g)].length;
      const thin = [...svg.matchAll(/<path[^>]*d="M[^"]*L[^"]*"[^>]*stroke-width="1"[^>]*opacity="0.45"/g)]
        .length;
      expect({ means, thin, lines: lines > 0 }).to.deep.equal({ means: 18, thin: 54, lines: true });
      expect([...svg.matchAll(/paper: 0.7</g)].length).to.equal(name === 'esr' ? 6 : 0);
    }
  });

  it('draws nothing where no candidate was ever weighed', () => {
    const sweep = fakeSweep(fig4.protocols({ budget: 'laptop', set: ['warmupEpochs=10'] }), {
      esr: () => NaN,
    });
    expect(fig4.charts(sweep)).to.deep.equal([]);
    for (const { verdict } of fig4.claims(sweep)) expect(verdict).to.equal('undecided');
  });
});
