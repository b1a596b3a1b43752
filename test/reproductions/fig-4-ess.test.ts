import { expect } from 'chai';
import type { Verdict } from '../../lib/analysis/claims.js';
import { chartSvg } from '../../lib/report/render.js';
import { textTable } from '../../lib/report/table.js';
import { fullSearch, withBudget } from '../../lib/search/presets.js';
import type { SearchProtocol } from '../../lib/search/protocol.js';
import { cellsOf } from '../../reproductions/experiment.js';
import { fig4 } from '../../reproductions/fig-4-ess.js';
import type { SweepAxes } from '../../reproductions/sweep.js';
import { controlsIn, withoutControls } from '../../reproductions/together.js';
import { byTitle, fakeView, verdictsOf } from './fakes.js';
import { matchesSnapshot, withoutData } from './snapshot.js';

type Ratio = (axes: SweepAxes, seed: number, epoch: number) => number;

/** A search as the paper describes its figure: R_e rises to 0.7 whatever N is, and only because σ falls. */
const asThePaperSays: Ratio = ({ schedule }, seed, epoch) =>
  (schedule === 'cosine' ? 0.4 + 0.03 * epoch : 0.42 + 0.001 * epoch) + 0.002 * seed;

/** A search as Eq. 26 in print makes it: about one candidate counts, however many there are. */
const oneCounts: Ratio = ({ N }, seed, epoch) => (1.1 + 0.01 * seed + 0.001 * epoch * (seed - 1)) / N;

const laptop = (esr: Ratio, options: Partial<Parameters<typeof cellsOf>[1]> = {}) =>
  fakeView(fig4, { budget: 'laptop', seeds: 3, ...(options as object) }, ({ axes, run }) => ({
    search: {
      epoch: (epoch) => {
        const ratio = esr(axes, run.search.seed, epoch);
        return { esr: ratio, ess: ratio * axes.N };
      },
    },
  }));

/** What a claim says that nothing decides: an absolute number is out of reach of a small budget, whatever was measured. */
const withoutVerdict = (id: string): Verdict =>
  id.startsWith('esr-near-paper') ? 'cannot be seen here' : 'undecided';

const verdicts = (esr: Ratio) => verdictsOf(fig4, laptop(esr));

const searches = (
  ...[options]: [Parameters<typeof cellsOf<'search', SweepAxes, (typeof fig4)['choices']>>[1]]
) => cellsOf(fig4, options).map(({ run }) => run.search);

const settings = ({ solver, ...rest }: SearchProtocol) => ({
  ...rest,
  seed: 0,
  preset: '',
  solver: { ...solver, samples: 0, sigmaSchedule: '', density: '' },
});

describe('Fig. 4', () => {
  it('differs from run to run in N, density, schedule and seed alone', () => {
    for (const budget of ['smoke', 'laptop', 'full'] as const) {
      const base = withBudget(fullSearch(budget === 'full' ? 'darts' : 's2'), budget);
      for (const protocol of searches({ budget })) expect(settings(protocol)).to.deep.equal(settings(base));
    }
  });

  it('runs every N with every density at full, with σ scheduled and constant, three times', () => {
    const cells = cellsOf(fig4, { budget: 'full' });
    expect(cells).to.have.length(3 * 3 * 2 * 4);
    const different = new Set(cells.map(({ axes, run }) => JSON.stringify([axes, run.search.seed])));
    expect(different.size).to.equal(72);
    expect(cells[0].run.search).to.include({ space: 'darts', epochs: 50, budget: 'full' });
  });

  it('names each run after the preset that it follows', () => {
    const whole = searches({ budget: 'laptop' });
    const flat = whole.find(({ preset }) => preset === 'flat')!;
    expect(settings(flat)).to.deep.equal(settings(withBudget(fullSearch('s2', 'mgs', 'flat'), 'laptop')));
    const narrowed = searches({ budget: 'laptop', preset: 'flat' });
    for (const each of narrowed) expect(whole).to.deep.include(each);
    expect(narrowed).to.have.length(whole.length / 3);
  });

  it('with a preset runs that algorithm whole', () => {
    const { omega } = withBudget(fullSearch('s2', 'mgs', 'released'), 'laptop');
    for (const each of searches({ budget: 'laptop', preset: 'released' })) {
      expect(each.omega).to.deep.equal(omega);
      expect(each.solver).to.include({ density: 'released' });
    }
  });

  it('lets a change take the place of its own, and runs what becomes equal once', () => {
    const cells = cellsOf(fig4, {
      budget: 'smoke',
      seeds: 1,
      change: { density: 'flat', solver: { samples: 3 } },
    });
    expect(cells.map(({ axes }) => axes)).to.deep.equal([
      { density: 'flat', schedule: 'cosine', N: 3 },
      { density: 'flat', schedule: 'constant', N: 3 },
    ]);
    const [{ run }] = cellsOf(fig4, { budget: 'smoke', seeds: [7], change: { space: 's3' } });
    expect(run.search).to.include({ space: 's3', seed: 7 });
  });

  it('finds the paper’s statements in a search that is as the paper says', () => {
    expect(verdicts(asThePaperSays)).to.include({
      'ess-rises-with-samples/flat': 'supported',
      // A number of the paper's own size is not a smaller search's to meet.
      'esr-near-paper/flat': 'cannot be seen here',
      'esr-converged/flat': 'supported',
      'esr-rises-over-epochs/flat': 'supported',
      'rise-is-the-schedule/flat': 'supported',
    });
  });

  it('does not find them where one candidate decides', () => {
    expect(verdicts(oneCounts)).to.include({
      'esr-near-paper/literal': 'cannot be seen here',
      'esr-converged/literal': 'not supported',
      'rise-is-the-schedule/literal': 'undecided',
    });
  });

  it('sees neither a rise with N nor over the epochs in what is N from the start', () => {
    const equalWeights: Ratio = (_, seed, epoch) => 0.97 + 0.0002 * epoch + 0.001 * seed;
    expect(verdicts(equalWeights)).to.include({
      'ess-rises-with-samples/flat': 'cannot be seen here',
      'esr-rises-over-epochs/flat': 'cannot be seen here',
      'rise-is-the-schedule/flat': 'cannot be seen here',
    });
    // N_e that ends as N rises with N whatever the losses are, though it did not begin so.
    const equalAtLast: Ratio = (_, seed, epoch) => Math.min(1, 0.3 + 0.1 * epoch + 0.001 * seed);
    expect(verdicts(equalAtLast)).to.include({
      'ess-rises-with-samples/flat': 'cannot be seen here',
      'esr-rises-over-epochs/flat': 'supported',
    });
  });

  it('finds a fall where there is one, from however near to N', () => {
    const falls: Ratio = (_, seed, epoch) => 1.01 - 0.07 * epoch + 0.002 * seed;
    expect(verdicts(falls)).to.include({ 'esr-rises-over-epochs/flat': 'not supported' });
  });

  it('names its densities where no seed is whole', () => {
    const view = laptop(asThePaperSays);
    const rows = view.rows.filter(({ seed, N, density }) => density !== 'flat' || N !== [2, 4, 6][seed]);
    for (const { detail } of fig4.claims({ ...view, rows })) expect(detail).not.to.match(/With the +the/);
  });

  it('does not credit the schedule with a rise that constant σ has as well', () => {
    const both: Ratio = ({ N }, seed, epoch) => 0.3 + 0.04 * epoch + (0.002 * seed) / N;
    expect(verdicts(both)).to.include({
      'esr-rises-over-epochs/flat': 'supported',
      'rise-is-the-schedule/flat': 'not supported',
    });
  });

  it('asks what a rise is made of where it is established among all questions, not among those of its density', () => {
    // Of each density alone the rise has p = 0.03.
    const scattered: Ratio = ({ schedule }, seed, epoch) =>
      0.3 + (schedule === 'cosine' ? 0.03 : 0.001) * (1 + 0.307 * (seed - 1)) * epoch;
    expect(verdicts(scattered)).to.include({
      'esr-rises-over-epochs/released': 'undecided',
      'rise-is-the-schedule/released': 'undecided',
    });
    const alone = laptop(scattered, { change: { density: 'released' } });
    expect(verdictsOf(fig4, alone)).to.include({
      'esr-rises-over-epochs/released': 'supported',
      'rise-is-the-schedule/released': 'supported',
    });
  });

  it('counts no seed that is not there whole', () => {
    const view = laptop(asThePaperSays);
    const rows = view.rows.filter(
      ({ seed, density, schedule, N }) => seed < 2 || density !== 'flat' || schedule !== 'constant' || N < 8,
    );
    expect(view.rows.length - rows.length).to.equal(1);
    for (const { id, n } of fig4.claims({ ...view, rows })) expect(n, id).to.equal(2);
  });

  it('decides nothing on one seed', () => {
    for (const { id, verdict, n } of fig4.claims(laptop(asThePaperSays, { seeds: 1 })))
      expect({ verdict, few: n <= 1 }).to.deep.equal({ verdict: withoutVerdict(id), few: true });
  });

  it('says what it does otherwise than the paper, once', () => {
    const deviations = fig4.deviations(cellsOf(fig4, { budget: 'laptop' }));
    expect(new Set(deviations).size).to.equal(deviations.length);
    const text = deviations.join('\n');
    expect(text)
      .to.contain('S2 instead of the DARTS space')
      .and.to.contain('epochs is 10; the paper has 50.');
    expect(text).to.contain('constant σ is run for N = 4 and 8 only');
    // What the sweep varies on purpose is no deviation.
    expect(text).not.to.contain('solver.samples is').and.not.to.contain('sigmaSchedule is');
    const full = fig4.deviations(cellsOf(fig4, { budget: 'full' })).join('\n');
    expect(full).not.to.contain('instead of the DARTS space').and.not.to.contain('only');
  });

  it('prints one row a cell', () => {
    const tables = fig4.tables(laptop(asThePaperSays));
    const [controls] = controlsIn(tables);
    expect(controls.rows).to.have.length(3 * 2);
    const rows = byTitle(withoutControls(tables)[0]);
    expect(rows).to.have.length(3 * (4 + 2));
    expect(rows.find((row) => row.density === 'flat' && row.N === 4)).to.include({
      seeds: 3,
      'R_e, last epoch': '0.702 ± 0.002',
      'R_e, first epoch': '0.492 ± 0.002',
      'N_e, last epoch': '2.81 ± 0.01',
    });
    for (const each of tables) expect(textTable(each)).not.to.match(/NaN|undefined/);
  });

  it('draws every point once, and the paper’s number where there is one', async () => {
    const charts = fig4.charts(laptop(asThePaperSays));
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
    const view = fakeView(fig4, { budget: 'laptop', change: { warmupEpochs: 10 } });
    expect(fig4.charts(view)).to.deep.equal([]);
    for (const { id, verdict } of fig4.claims(view)) {
      const isOfTheRise = id.startsWith('rise-is-the-schedule');
      expect(verdict, id).to.equal(
        withoutVerdict(id) === 'undecided' && !isOfTheRise ? 'not run' : withoutVerdict(id),
      );
    }
  });
});
