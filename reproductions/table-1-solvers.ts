/**
 * Table 1: the three zero-order solvers. The paper's table has formulas and no numbers; here each formula is put to toy
 * functions whose gradient is known. What it estimates, with which bias and variance, how many of the candidates count, what
 * Proposition 1 says in closed form, in which limits the solvers are DARTS. No network is trained.
 */
import { fixed } from '../lib/report/format.js';
import type { Table } from '../lib/report/table.js';
import { seedsOf, sentences, several } from './deviations.js';
import { experiment, groupBy } from './experiment.js';
import type { Grid } from './grid.js';
import type { Judged } from './statements.js';
import { CONVERGED_FROM, DENSITIES, PAPER_ESR } from './sweep.js';
import { CHARTS } from './table-1-charts.js';
import { CLAIMS, weightClaims } from './table-1-claims.js';
import { descentChart, descentClaims, descentTable } from './table-1-descent.js';
import { made } from './table-1-rows.js';
import type { Makers, Seeded, ToyCell, ToyView } from './table-1-rows.js';
import { label, spread, summaryTable } from './tables.js';
import { controlsTable } from './together.js';
import { TOY_EXPERIMENTS, toyOpenSettings, toySettings } from './toy-protocol.js';
import type { ToyProtocol, ToySettings } from './toy-protocol.js';
import { linearVariance } from './toy.js';

/** Every experiment for each seed, seeds outermost. */
function runs(grid: Grid): ToyCell[] {
  const { budget, preset, seeds } = grid;
  const settings = grid.toys(toySettings(budget, preset));
  return seeds.flatMap((seed) =>
    TOY_EXPERIMENTS.map((name): ToyCell => {
      const toy = { kind: 'toy', version: 2, budget, seed, experiment: name, settings: settings[name] };
      return { axes: { experiment: name }, run: { kind: 'toy', toy: toy as ToyProtocol } };
    }),
  );
}

// ---- Tables ----

/** The paper's Table 1, and under it what the released code computes under each name. */
const FORMULAS = summaryTable(
  'Table 1 in formulas',
  [
    [
      'RS',
      'N(0, I) with φ = 1, or the unit sphere with φ = d',
      '−ξ φ/(2μN) Σ [L(α + μu_i) − L(α − μu_i)] u_i',
      6,
      '2N',
    ],
    [
      'MGS',
      'q = (1 − λ) N(−g, σ²I) + λ N(0, σ²I) (Eq. 26)',
      'Σ c_i u_i / Σ c_j, c_i = exp(−[L(α + u_i) − L(α)]/τ) / q(u_i)',
      10,
      'N and g',
    ],
    [
      'GLD',
      '2^−k R z/‖z‖, z from N(0, I), k = 0 … log₂(R/r)',
      'the one of 0, u_0, u_1, … with the smallest loss',
      12,
      'log₂(R/r) + 2',
    ],
  ].map((row) => ({ rows: [row] })),
  ['solver', 'directions', 'update u*', 'Eq.', 'losses an update'].map((title, i) =>
    label<readonly (string | number)[]>(title, (row) => row[i], i < 3 ? 'left' : 'right'),
  ),
  [
    'GLD: the paper’s table draws from the unit sphere, its Section 4.3 from spheres of these radii.',
    'The released search script has MGS alone. It blends, u = (1 − λ)(−g + σz) + λσz′, where Eq. 26 mixes; and in place of q it takes (1 − λ) exp(−‖u + g‖²/2σ²) + λ exp(−‖u‖²σ²/2) + 1e-4, in which σ² multiplies where it should divide. For d as large as a search’s that is nearly constant: the weights are nearly softmax(−L/τ).',
    'The released RS, in the script that draws paths, normalizes the columns of a matrix and then reshapes where it should transpose, so its directions are not of unit length; its "multi-point" branch is a forward difference.',
    'The released GLD, in the same script, fine-tunes the candidates and not the base, so moving looks better than it is.',
  ],
);

const OVER_SEEDS = 'mean ± standard deviation over seeds';

const TABLES: Makers<Table> = {
  rs(rows, { dimension: d, mu, muSweep, noise }) {
    const nearest = muSweep.reduce((a, b) => (Math.abs(b - mu) < Math.abs(a - mu) ? b : a));
    const shown = rows.filter(
      (row) => row.function === 'quartic' && row.varied === 'mu' && row.mu === nearest && row.noise === 0,
    );
    // The one-point form's variance is that of the level of the loss.
    const onLinear = (row: Seeded<'rs'>) =>
      row.estimator === 'one-point' ? null : fixed(linearVariance(row, d), 2);
    return summaryTable<Seeded<'rs'>>(
      `RS as an estimate of the gradient of a quartic (d = ${d}, μ = ${nearest}), ${OVER_SEEDS}`,
      groupBy(shown, 'law', 'estimator'),
      [
        label('law', ({ law }) => law),
        label('estimate', ({ estimator }) => estimator),
        label('N', ({ samples }) => samples, 'right'),
        spread('E ĝ·g/‖g‖²', ({ gain }) => gain, 3),
        label('in closed form', ({ expectedGain }) => fixed(expectedGain, 3), 'right'),
        spread('tr Cov ĝ/‖g‖²', ({ variance }) => variance, 2),
        label('on a linear loss', onLinear, 'right'),
        spread('cos(ĝ, g)', ({ cosine }) => cosine, 3),
      ],
      [
        'On a linear loss the variance is (d − 1)/N on the sphere and (d + 1)/N for N(0, I), whatever μ is.',
        `With errors of ${noise} nats on each loss the variance grows as 1/μ²: see the chart.`,
      ],
    );
  },
  mgs: (rows, { samples, dimension, gradientNorm, tau }) =>
    summaryTable<Seeded<'mgs'>>(
      `MGS on a linear loss (d = ${dimension}, N = ${samples}, τ = ${tau}, ‖g‖ = ${gradientNorm}), ${OVER_SEEDS}`,
      groupBy(
        rows.filter((row) => row.varied === 'samples' && row.samples === samples),
        'density',
        'sigma',
      ),
      [
        label('density', ({ density }) => density),
        label('σ', ({ sigma }) => sigma, 'right'),
        spread('R_e', ({ esr }) => esr, 3),
        spread('R_e, equal losses', ({ esrEqual }) => esrEqual, 3),
        spread('farthest wins', ({ farthest }) => farthest, 2),
        spread('mean step along −g', ({ gain }) => gain, 2),
        label('N → ∞, flat', ({ sigma }) => fixed(1 + sigma ** 2 / tau, 2), 'right'),
        spread('cos(u*, −g)', ({ cosine }) => cosine, 3),
      ],
      [
        'Equal losses: the same draws, all told the same loss; what is left is the density’s doing.',
        'Farthest wins: how often the candidate farthest from −g has the largest weight. Steps in units of ‖g‖.',
      ],
    ),
  proposition: (rows, { epsilon, sharpness }) =>
    summaryTable<Seeded<'proposition'>>(
      `Proposition 1 (ε = ${epsilon}, s = ${sharpness}·(d + 2)), ${OVER_SEEDS}`,
      groupBy(rows, 'dimension', 'samples'),
      [
        label('d', ({ dimension }) => dimension, 'right'),
        label('N', ({ samples }) => samples, 'right'),
        label('closed form/ε', ({ closedForm }) => fixed(closedForm, 3), 'right'),
        spread('mean step over it', ({ gain }) => gain, 2),
        spread('cos(u*, −g)', ({ cosine }) => cosine, 3),
        spread('N_e', ({ esr, samples }) => esr * samples, 1),
      ],
      ['Directions from N(0, ε²/d·I), about half of which lie in the ball; exact importance weights.'],
    ),
  descent: descentTable,
};

// ---- The experiment ----

function deviations(cells: readonly ToyCell[]): string[] {
  const [rs, mgs] = cells.map(({ run }) => run.toy.settings) as [ToySettings['rs'], ToySettings['mgs']];
  const missing = DENSITIES.filter((density) => !mgs.densities.includes(density));
  return sentences(
    'The paper’s Table 1 has formulas and no numbers; all numbers here are ours.',
    'Losses are toy functions with known gradients: no network is trained, and no candidate is fine-tuned.',
    `MGS is shown in d = ${mgs.dimension} on a linear loss with ‖g‖ = ${mgs.gradientNorm}; RS in d = ${rs.dimension}, where its variance can be measured in less time.`,
    'The step of RS at α is compared with the gradient there; ξ only scales it.',
    `${several(seedsOf(cells), 'independent repeat')} (seeds) of everything.`,
    missing.length > 0 && `Left out by the choice of a preset or setting: ${missing.join(', ')} density.`,
  );
}

/** What is found of every statement. */
const found = (view: ToyView): Judged[] => [
  ...made(view, CLAIMS),
  ...made(view, { mgs: weightClaims, descent: descentClaims }),
];

/** Table 1. */
export const table1 = experiment({
  id: 'table-1',
  title: 'Table 1: the three zero-order solvers on functions with known gradients',
  description: 'Their formulas, and bias, variance, limits and effective samples on toy functions.',
  claim:
    'RS estimates the gradient; MGS moves along −g where the loss is linear (Proposition 1); GLD takes the best of its candidates: DARTS is a limit of the first two.',
  paper: { esrLastEpoch: PAPER_ESR, esrConvergedFromN: CONVERGED_FROM },
  seeds: { full: 20, laptop: 9, smoke: 2 },
  choices: {},
  runs,
  deviations,
  openSettings: (cells) => toyOpenSettings(cells.map(({ run }) => run.toy)),
  tables(view) {
    const controls = found(view).flatMap((each) => each.controls);
    return [...(controls.length === 0 ? [] : [controlsTable(controls)]), FORMULAS, ...made(view, TABLES)];
  },
  charts: (view) => made(view, { ...CHARTS, descent: descentChart }),
  claims: (view) => found(view).flatMap(({ answers }) => answers),
});
