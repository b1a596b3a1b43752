/** The tables and charts of Table 1, as functions of the rows of each experiment. */
import { fixed } from '../lib/report/format.js';
import { chart, sixDigits } from '../lib/report/charts.js';
import {
  axisOf,
  colorOf,
  inColumns,
  INTERVALS,
  meanOf,
  meansChart,
  referenceLine,
  tips,
  varied,
} from '../lib/report/means-chart.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, REFERENCE_COLOR } from '../lib/report/theme.js';
import { distinct, groupBy } from './experiment.js';
import type { View } from './experiment.js';
import { figureNumber } from './paper.js';
import { label, spread, summaryTable } from './tables.js';
import type { ToyExperiment, ToySettings } from './toy-protocol.js';
import { DESCENT_FUNCTIONS, GLD_NAMES, GRADIENT_DESCENT } from './toy.js';
import type { ToyRows } from './toy.js';

/** What toy runs are told apart by. */
export type ToyAxes = { readonly experiment: ToyExperiment };

/** A row of an experiment with the seed that it comes from. */
export type Seeded<E extends ToyExperiment> = ToyRows[E] & { readonly seed: number };

/** What is made of the rows of an experiment and its settings; nothing while there are none. */
export function made<E extends ToyExperiment, T>(
  { rows }: View<'toy', ToyAxes>,
  experiment: E,
  make: (rows: readonly Seeded<E>[], settings: ToySettings[E]) => readonly T[],
): readonly T[] {
  const own = rows.filter((row) => row.experiment === experiment);
  if (own.length === 0) return [];
  const seeded = own.flatMap((run) => run.rows.map((row) => ({ seed: run.seed, ...row })));
  // The experiment says which rows and settings these are.
  return make(seeded as unknown as Seeded<E>[], own[0].toy.settings as ToySettings[E]);
}

// ---- Tables ----

/** The paper's Table 1, and under it what the released code computes under each name. */
const FORMULAS: Table = {
  title: 'Table 1 in formulas',
  columns: [
    { key: 'solver', title: 'solver' },
    { key: 'directions', title: 'directions' },
    { key: 'update', title: 'update u*' },
    { key: 'equation', title: 'Eq.', align: 'right' },
    { key: 'cost', title: 'losses an update', align: 'right' },
  ],
  rows: [
    {
      solver: 'RS',
      directions: 'N(0, I) with φ = 1, or the unit sphere with φ = d',
      update: '−ξ φ/(2μN) Σ [L(α + μu_i) − L(α − μu_i)] u_i',
      equation: 6,
      cost: '2N',
    },
    {
      solver: 'MGS',
      directions: 'q = (1 − λ) N(−g, σ²I) + λ N(0, σ²I) (Eq. 26)',
      update: 'Σ c_i u_i / Σ c_j, c_i = exp(−[L(α + u_i) − L(α)]/τ) / q(u_i)',
      equation: 10,
      cost: 'N and g',
    },
    {
      solver: 'GLD',
      directions: '2^−k R z/‖z‖, z from N(0, I), k = 0 … log₂(R/r)',
      update: 'the one of 0, u_0, u_1, … with the smallest loss',
      equation: 12,
      cost: 'log₂(R/r) + 2',
    },
  ],
  notes: [
    'GLD: the paper’s table draws from the unit sphere, its Section 4.3 from spheres of these radii.',
    'The released search script has MGS alone. It blends, u = (1 − λ)(−g + σz) + λσz′, where Eq. 26 mixes; and in place of q it takes (1 − λ) exp(−‖u + g‖²/2σ²) + λ exp(−‖u‖²σ²/2) + 1e-4, in which σ² multiplies where it should divide. For d as large as a search’s that is nearly constant: the weights are nearly softmax(−L/τ).',
    'The released RS, in the script that draws paths, normalizes the columns of a matrix and then reshapes where it should transpose, so its directions are not of unit length; its "multi-point" branch is a forward difference.',
    'The released GLD, in the same script, fine-tunes the candidates and not the base, so moving looks better than it is.',
  ],
};

const OVER_SEEDS = 'mean ± standard deviation over seeds';

/** The variance of one RS estimate of a linear loss's gradient, in units of ‖g‖². */
function linearVariance({ law, samples }: Seeded<'rs'>, d: number): number {
  return (d + (law === 'normal' ? 1 : -1)) / samples;
}

function rsTable(rows: readonly Seeded<'rs'>[], settings: ToySettings['rs']): Table {
  const { dimension: d, mu, muSweep, noise } = settings;
  const nearest = muSweep.reduce((a, b) => (Math.abs(b - mu) < Math.abs(a - mu) ? b : a));
  const shown = rows.filter(
    (row) => row.function === 'quartic' && row.varied === 'mu' && row.mu === nearest && row.noise === 0,
  );
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
      // The one-point form's variance is that of the level of the loss.
      label(
        'on a linear loss',
        (row) => (row.estimator === 'one-point' ? null : fixed(linearVariance(row, d), 2)),
        'right',
      ),
      spread('cos(ĝ, g)', ({ cosine }) => cosine, 3),
    ],
    [
      'On a linear loss the variance is (d − 1)/N on the sphere and (d + 1)/N for N(0, I), whatever μ is.',
      `With errors of ${noise} nats on each loss the variance grows as 1/μ²: see the chart.`,
    ],
  );
}

function mgsTable(rows: readonly Seeded<'mgs'>[], settings: ToySettings['mgs']): Table {
  const { samples, dimension, gradientNorm, tau } = settings;
  return summaryTable<Seeded<'mgs'>>(
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
  );
}

function propositionTable(
  rows: readonly Seeded<'proposition'>[],
  { epsilon, sharpness }: ToySettings['proposition'],
): Table {
  return summaryTable<Seeded<'proposition'>>(
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
  );
}

function descentTable(
  rows: readonly Seeded<'descent'>[],
  { batchNoise, untuned }: ToySettings['descent'],
): Table {
  return summaryTable<Seeded<'descent'>>(
    `Updates that raise the loss, in per cent, ${OVER_SEEDS}`,
    groupBy(rows, 'solver'),
    [
      label('solver', ({ solver }) => solver),
      ...DESCENT_FUNCTIONS.map((name) =>
        spread<Seeded<'descent'>>(name, (row) => (row.function === name ? 100 * row.rises : null), 1),
      ),
      spread(
        'batches: loss over all of them',
        (row) => (row.function === 'batches' ? 100 * row.trueRises : null),
        1,
      ),
    ],
    [
      `The loss of the batch that the update itself has seen. "batches": a quadratic with another tilt of ${batchNoise} a coordinate each update.`,
      `"Base not tuned": the base’s loss is ${untuned} nats too high, as without the fine-tuning that candidates have.`,
    ],
  );
}

/** The paper's formulas, and what was measured of each. */
export function table1Tables(view: View<'toy', ToyAxes>): Table[] {
  return [
    FORMULAS,
    ...made(view, 'rs', (...of) => [rsTable(...of)]),
    ...made(view, 'mgs', (...of) => [mgsTable(...of)]),
    ...made(view, 'proposition', (...of) => [propositionTable(...of)]),
    ...made(view, 'descent', (...of) => [descentTable(...of)]),
  ];
}

// ---- Charts ----

/** A point for each group of rows that agree in the fields: these, and a mean over seeds. */
function points<R extends object, F extends keyof R>(
  rows: readonly R[],
  fields: readonly F[],
  value: (row: R) => number,
) {
  return groupBy(rows, ...fields).map(({ key, rows: own }) => ({ ...key, ...meanOf(own, value) }));
}

const LAWS = { sphere: 'on the unit sphere, φ = d', normal: 'from N(0, I), φ = 1' };
const BY_LAW = { field: 'law', names: Object.values(LAWS) };
const ESTIMATORS = {
  'one-point': 'one-point (Eq. 4)',
  'two-point': 'two-point (Eq. 5)',
  'multi-point': 'multi-point (Eq. 6)',
};

function rsCharts(measured: readonly Seeded<'rs'>[], settings: ToySettings['rs']): Chart[] {
  const { dimension: d, mu, muSweep, samples, samplesSweep, noise } = settings;
  const errors = ['none', `${noise} nats a loss`];
  const rows = measured.map((row) => ({
    ...row,
    law: LAWS[row.law],
    estimator: ESTIMATORS[row.estimator],
    errors: errors[Number(row.noise > 0)],
    expected: row.varied === 'mu' ? sixDigits(row.expectedGain) : linearVariance(row, d),
  }));
  const byMu = rows.filter((row) => row.varied === 'mu');
  const clean = rows.filter((row) => row.estimator === ESTIMATORS['multi-point'] && row.noise === 0);
  return [
    meansChart(
      {
        name: 'bias',
        title: 'What RS estimates: bias against μ',
        subtitle: [
          `mean of the estimate along the true gradient (1: no bias), d = ${d}, N = ${samples}`,
          `line: closed form (Eq. 14); ${INTERVALS}`,
        ],
      },
      points(
        clean.filter((row) => row.varied === 'mu'),
        ['function', 'law', 'mu', 'expected'],
        ({ gain }) => gain,
      ),
      {
        x: varied('mu', 'μ', muSweep),
        y: { title: 'E ĝ·g / ‖g‖²', log: true, values: [0.5, 1, 2, 5, 10, 20, 50, 100] },
        series: { field: 'function', names: ['quadratic', 'quartic'] },
        columns: BY_LAW,
        along: 'expected',
        tips: [['function'], ['mu', 'μ'], ['expected', 'closed form']],
        measured: 'measured',
      },
    ),
    meansChart(
      {
        name: 'error',
        title: 'What one estimate of RS is worth: error against μ',
        subtitle: [
          `squared error in units of ‖g‖² on the quartic, d = ${d}, N = ${samples} for the multi-point form and 1 for the others`,
          'too small a μ drowns in errors of the losses, too large a one in bias',
        ],
      },
      points(
        byMu.filter((row) => row.function === 'quartic'),
        ['law', 'estimator', 'mu', 'errors'],
        ({ meanSquaredError }) => meanSquaredError,
      ),
      {
        x: varied('mu', 'μ', muSweep),
        y: {
          title: 'E ‖ĝ − g‖² / ‖g‖²',
          log: true,
          values: [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7],
          format: '~s',
        },
        series: { field: 'estimator', title: 'estimate', names: Object.values(ESTIMATORS) },
        dash: { field: 'errors', title: 'errors', names: errors, pattern: [5, 4] },
        columns: BY_LAW,
        tips: [['estimator', 'estimate'], ['mu', 'μ'], ['errors']],
        measured: 'squared error',
      },
    ),
    meansChart(
      {
        name: 'variance',
        title: 'How fast RS converges to the gradient: variance against N',
        subtitle: [
          `quadratic, d = ${d}, μ = ${mu}; lines: (d − 1)/N and (d + 1)/N, exact for a linear loss`,
          INTERVALS,
        ],
      },
      points(
        clean.filter((row) => row.varied === 'samples'),
        ['law', 'samples', 'expected'],
        ({ variance }) => variance,
      ),
      {
        x: varied('samples', 'N', samplesSweep),
        y: { title: 'tr Cov ĝ / ‖g‖²', log: true, values: [1e-3, 0.01, 0.1, 1, 10, 100] },
        series: BY_LAW,
        along: 'expected',
        tips: [['law'], ['samples', 'N'], ['expected', 'theory', '.4~g']],
        measured: 'measured',
      },
    ),
  ];
}

const DENSITIES = { literal: 'literal (Eq. 26)', flat: 'flat', released: 'released' };
const CENTRES = ['around −g (λ = 0)', 'around 0 (λ = 1): no gradient'];
const TOLD = ['those of the linear loss', 'all equal'];

function mgsCharts(measured: readonly Seeded<'mgs'>[], settings: ToySettings['mgs']): Chart[] {
  const { dimension: d, samples, samplesSweep, dimensionSweep, limitSweep, tau, gradientNorm } = settings;
  const paper = figureNumber('4', 'esrAtEpoch50LargeN');
  const rows = measured.map((row) => ({
    ...row,
    sigma: `σ = ${row.sigma}`,
    density: DENSITIES[row.density],
    drawn: CENTRES[row.lambda],
    limit: sixDigits(1 - row.lambda + row.sigma ** 2 / tau),
  }));
  const columns = { field: 'sigma', names: settings.sigmas.map((sigma) => `σ = ${sigma}`) };
  const byDensity = {
    field: 'density',
    title: 'density',
    names: settings.densities.map((each) => DENSITIES[each]),
  };
  const byCentre = { field: 'drawn', title: 'directions drawn', names: CENTRES };
  const steps = rows.filter((row) => row.varied === 'limit');
  const told = rows.flatMap((row) =>
    row.varied === 'samples' ? [row.esr, row.esrEqual].map((esr, i) => ({ ...row, esr, told: TOLD[i] })) : [],
  );
  return [
    meansChart(
      {
        name: 'esr',
        title: `How many candidates of MGS count (d = ${d})`,
        subtitle: [
          `linear loss, ‖g‖ = ${gradientNorm}, τ = ${tau}; dashed: all losses equal, so that the density alone decides`,
          `grey: what the paper reads off its search (Fig. 4)`,
        ],
      },
      points(told, ['density', 'sigma', 'samples', 'told'], ({ esr }) => esr),
      {
        x: varied('samples', 'N', samplesSweep),
        y: { title: 'Rₑ = Nₑ / N', domain: [0, 1.02] },
        series: byDensity,
        dash: { field: 'told', title: 'losses told', names: TOLD, pattern: [4, 4] },
        columns,
        tips: [['density'], ['samples', 'N'], ['told', 'losses']],
        measured: 'Rₑ',
        above: referenceLine(paper, `paper: ${paper}`),
      },
    ),
    meansChart(
      {
        name: 'collapse',
        title: `The literal density collapses as d grows (N = ${samples})`,
        subtitle: ['effective sample size; 1: one candidate decides alone', INTERVALS],
      },
      points(
        rows.filter((row) => row.varied === 'dimension'),
        ['density', 'sigma', 'dimension'],
        ({ esr }) => esr * samples,
      ),
      {
        x: varied('dimension', 'd', dimensionSweep),
        y: { title: 'Nₑ', domain: [1, samples * 1.02] },
        series: byDensity,
        columns,
        tips: [['density'], ['dimension', 'd']],
        measured: 'Nₑ',
      },
    ),
    meansChart(
      {
        name: 'limit',
        title: 'MGS on its way to DARTS: the mean step against N',
        subtitle: [
          `flat density, linear loss, d = ${d}, τ = ${tau}; dashed: the limits 1 + σ²/τ and σ²/τ`,
          'first-order DARTS with plain steps of size ξ would stand at ξ',
        ],
      },
      points(steps, ['drawn', 'sigma', 'samples', 'limit'], ({ gain }) => gain),
      {
        x: varied('samples', 'N', limitSweep),
        y: { title: 'mean step along −g, in ‖g‖' },
        series: byCentre,
        columns,
        level: 'limit',
        tips: [['drawn', 'directions'], ['samples', 'N'], ['limit']],
        measured: 'mean step',
        ownY: true,
      },
    ),
    meansChart(
      {
        name: 'direction',
        title: 'Where one step of MGS points',
        subtitle: [`flat density, linear loss, d = ${d}, τ = ${tau}; 1: along −g`, INTERVALS],
      },
      points(steps, ['drawn', 'sigma', 'samples', 'limit'], ({ cosine }) => cosine),
      {
        x: varied('samples', 'N', limitSweep),
        y: { title: 'cos(u*, −g)', domain: [0, 1] },
        series: byCentre,
        columns,
        tips: [
          ['drawn', 'directions'],
          ['samples', 'N'],
        ],
        measured: 'cosine',
      },
    ),
  ];
}

function propositionChart(
  measured: readonly Seeded<'proposition'>[],
  { dimensions, samplesSweep }: ToySettings['proposition'],
): Chart {
  const panels = ['mean step / closed form', 'cos(u*, −g) of one step'];
  const rows = measured.flatMap((row) =>
    [row.gain, row.cosine].map((reached, i) => ({
      ...row,
      d: String(row.dimension),
      panel: panels[i],
      reached,
    })),
  );
  return meansChart(
    {
      name: 'proposition',
      title: 'Proposition 1: MGS in a ball against its closed form',
      subtitle: [
        'linear loss; exact importance weights; both are 1 where the proposition is reached',
        INTERVALS,
      ],
    },
    points(rows, ['d', 'samples', 'panel'], ({ reached }) => reached),
    {
      x: varied('samples', 'N', samplesSweep),
      y: { title: 'relative to the proposition', domain: [0, 1.2] },
      series: { field: 'd', title: 'd', names: dimensions.map(String) },
      ordered: true,
      columns: { field: 'panel', names: panels },
      tips: [['d'], ['samples', 'N'], ['panel', 'quantity']],
      measured: 'value',
      below: referenceLine(1),
    },
  );
}

/** Losses below this are drawn at it: the exact minimum has no place on a logarithmic axis. */
const FLOOR = 1e-6;

function descentChart(measured: readonly Seeded<'descent'>[], settings: ToySettings['descent']): Chart {
  const { dimension, evaluations, batchNoise } = settings;
  const titles = {
    quadratic: `quadratic, d = ${dimension}`,
    batches: `the same, a new batch every update`,
    Rosenbrock: 'Rosenbrock’s valley',
  };
  const shown = measured.filter(({ solver }) => solver !== GLD_NAMES.released);
  const rows = groupBy(shown, 'function', 'solver').flatMap(({ key, rows: own }) =>
    own[0].path.map(({ evaluations: spent }, i) => {
      // Losses along a descent spread over decades: the mean of their logarithms.
      const logs = own.map(({ path }) => Math.log(Math.max(FLOOR, path[i].loss)));
      const loss = sixDigits(Math.exp(logs.reduce((sum, value) => sum + value, 0) / logs.length));
      return { function: titles[key.function], solver: key.solver, evaluations: spent, loss };
    }),
  );
  const names = distinct(shown.map(({ solver }) => solver));
  const others = names.filter((name) => name !== GRADIENT_DESCENT);
  const colors = names.map((name) =>
    name === GRADIENT_DESCENT ? REFERENCE_COLOR : PALETTE[others.indexOf(name)],
  );
  const decades = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1, 3, 10];
  const line = {
    mark: { type: 'line', strokeWidth: 2, clip: true },
    encoding: {
      x: axisOf({
        field: 'evaluations',
        title: 'evaluations',
        log: true,
        values: [10, 100, 1000, 10_000],
      }),
      y: axisOf({ field: 'loss', title: 'L(α)', log: true, values: decades }),
      color: colorOf({ field: 'solver', title: 'solver', names }, { colors }),
      tooltip: tips([['solver'], ['evaluations'], ['loss', 'loss', '.3~g']]),
    },
  };
  return chart(
    {
      name: 'descent',
      title: 'Down three functions',
      subtitle: [
        `geometric mean over seeds of the loss itself; losses below ${FLOOR.toExponential()} are drawn there`,
        `${evaluations} evaluations of the loss, of which a gradient counts as one`,
        `batches tilt the loss by ${batchNoise} a coordinate; in the valley MGS is run without the gradient`,
      ],
    },
    rows,
    inColumns(
      { field: 'function', names: DESCENT_FUNCTIONS.map((name) => titles[name]) },
      { width: 230, height: 210, layer: [line] },
      true,
    ),
  );
}

/** Every chart, in the order in which the notebook tells the story. */
export function table1Charts(view: View<'toy', ToyAxes>): Chart[] {
  return [
    ...made(view, 'rs', rsCharts),
    ...made(view, 'mgs', mgsCharts),
    ...made(view, 'proposition', (...of) => [propositionChart(...of)]),
    ...made(view, 'descent', (...of) => [descentChart(...of)]),
  ];
}
