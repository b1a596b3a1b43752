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
  varied,
} from '../lib/report/means-chart.js';
import type { Chart } from '../lib/report/spec.js';
import type { Table } from '../lib/report/table.js';
import { PALETTE, REFERENCE_COLOR } from '../lib/report/theme.js';
import { distinct, groupBy } from './experiment.js';
import type { Cell, View } from './experiment.js';
import { figureNumber } from './paper.js';
import { label, spread, summaryTable } from './tables.js';
import { TOY_EXPERIMENTS } from './toy-protocol.js';
import type { ToyExperiment, ToySettings } from './toy-protocol.js';
import { DESCENT_FUNCTIONS, GLD_NAMES, GRADIENT_DESCENT } from './toy.js';
import type { ToyRows } from './toy.js';

/** What toy runs are told apart by. */
type ToyAxes = Readonly<Record<'experiment', ToyExperiment>>;
/** A run of an experiment with one seed. */
export type ToyCell = Cell<'toy', ToyAxes>;
/** What is there of them. */
export type ToyView = View<'toy', ToyAxes>;

/** A row of an experiment with the seed that it comes from. */
export type Seeded<E extends ToyExperiment> = ToyRows[E] & { readonly seed: number };

/** What is made of each experiment's rows and settings. */
export type Makers<T> = {
  readonly [E in ToyExperiment]?: (rows: readonly Seeded<E>[], settings: ToySettings[E]) => readonly T[];
};

/** What is made of the experiments that there are rows of. */
export function made<T>({ rows }: ToyView, makers: Makers<T>): T[] {
  return TOY_EXPERIMENTS.flatMap((experiment) => {
    const own = rows.filter((row) => row.experiment === experiment);
    // Each is given its own rows and settings.
    const make = makers[experiment] as ((rows: object, settings: object) => readonly T[]) | undefined;
    if (!make || own.length === 0) return [];
    const seeded = own.flatMap((run) => run.rows.map((row) => ({ seed: run.seed, ...row })));
    return make(seeded, own[0].toy.settings);
  });
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

const TABLES: Makers<Table> = {
  rs(rows, { dimension: d, mu, muSweep, noise }) {
    const nearest = muSweep.reduce((a, b) => (Math.abs(b - mu) < Math.abs(a - mu) ? b : a));
    const shown = rows.filter(
      (row) => row.function === 'quartic' && row.varied === 'mu' && row.mu === nearest && row.noise === 0,
    );
    // The one-point form's variance is that of the level of the loss.
    const onLinear = (row: Seeded<'rs'>) =>
      row.estimator === 'one-point' ? null : fixed(linearVariance(row, d), 2);
    return [
      summaryTable<Seeded<'rs'>>(
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
      ),
    ];
  },
  mgs(rows, { samples, dimension, gradientNorm, tau }) {
    const shown = rows.filter((row) => row.varied === 'samples' && row.samples === samples);
    return [
      summaryTable<Seeded<'mgs'>>(
        `MGS on a linear loss (d = ${dimension}, N = ${samples}, τ = ${tau}, ‖g‖ = ${gradientNorm}), ${OVER_SEEDS}`,
        groupBy(shown, 'density', 'sigma'),
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
    ];
  },
  proposition: (rows, { epsilon, sharpness }) => [
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
  ],
  descent(rows, { batchNoise, untuned }) {
    const share = (name: string, of: 'rises' | 'trueRises') => (row: Seeded<'descent'>) =>
      row.function === name ? 100 * row[of] : null;
    return [
      summaryTable<Seeded<'descent'>>(
        `Updates that raise the loss, in per cent, ${OVER_SEEDS}`,
        groupBy(rows, 'solver'),
        [
          label('solver', ({ solver }) => solver),
          ...DESCENT_FUNCTIONS.map((name) => spread(name, share(name, 'rises'), 1)),
          spread('batches: loss over all of them', share('batches', 'trueRises'), 1),
        ],
        [
          `The loss of the batch that the update itself has seen. "batches": a quadratic with another tilt of ${batchNoise} a coordinate each update.`,
          `"Base not tuned": the base’s loss is ${untuned} nats too high, as without the fine-tuning that candidates have.`,
        ],
      ),
    ];
  },
};

/** The paper's formulas, and what was measured of each. */
export function table1Tables(view: ToyView): Table[] {
  return [FORMULAS, ...made(view, TABLES)];
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

const DENSITIES = { literal: 'literal (Eq. 26)', flat: 'flat', released: 'released' };
const CENTRES = ['around −g (λ = 0)', 'around 0 (λ = 1): no gradient'];
const TOLD = ['those of the linear loss', 'all equal'];
const REACHED = ['mean step / closed form', 'cos(u*, −g) of one step'];

/** Losses below this are drawn at it: the exact minimum has no place on a logarithmic axis. */
const FLOOR = 1e-6;

const CHARTS: Makers<Chart> = {
  rs(measured, { dimension: d, mu, muSweep, samples, samplesSweep, noise }) {
    const errors = ['none', `${noise} nats a loss`];
    const rows = measured.map((row) => ({
      ...row,
      law: LAWS[row.law],
      estimator: ESTIMATORS[row.estimator],
      errors: errors[Number(row.noise > 0)],
      expected: row.varied === 'mu' ? sixDigits(row.expectedGain) : linearVariance(row, d),
    }));
    const clean = rows.filter((row) => row.estimator === ESTIMATORS['multi-point'] && row.noise === 0);
    const [byMu, bySamples] = ['mu', 'samples'].map((each) => clean.filter(({ varied }) => varied === each));
    const quartic = rows.filter((row) => row.varied === 'mu' && row.function === 'quartic');
    return [
      meansChart({
        name: 'bias',
        title: 'What RS estimates: bias against μ',
        subtitle: [
          `mean of the estimate along the true gradient (1: no bias), d = ${d}, N = ${samples}`,
          `line: closed form (Eq. 14); ${INTERVALS}`,
        ],
        points: points(byMu, ['function', 'law', 'mu', 'expected'], ({ gain }) => gain),
        x: varied('mu', 'μ', muSweep),
        y: { title: 'E ĝ·g / ‖g‖²', log: true, values: [0.5, 1, 2, 5, 10, 20, 50, 100] },
        series: { field: 'function', names: ['quadratic', 'quartic'] },
        columns: BY_LAW,
        along: 'expected',
        tips: [['expected', 'closed form']],
        measured: 'measured',
      }),
      meansChart({
        name: 'error',
        title: 'What one estimate of RS is worth: error against μ',
        subtitle: [
          `squared error in units of ‖g‖² on the quartic, d = ${d}, N = ${samples} for the multi-point form and 1 for the others`,
          'too small a μ drowns in errors of the losses, too large a one in bias',
        ],
        points: points(quartic, ['law', 'estimator', 'mu', 'errors'], (row) => row.meanSquaredError),
        x: varied('mu', 'μ', muSweep),
        y: {
          title: 'E ‖ĝ − g‖² / ‖g‖²',
          log: true,
          values: [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7],
          format: '~s',
        },
        series: { field: 'estimator', title: 'estimate', names: Object.values(ESTIMATORS) },
        columns: BY_LAW,
        dash: { field: 'errors', title: 'errors', names: errors, pattern: [5, 4] },
        tips: [['errors']],
        measured: 'squared error',
      }),
      meansChart({
        name: 'variance',
        title: 'How fast RS converges to the gradient: variance against N',
        subtitle: [
          `quadratic, d = ${d}, μ = ${mu}; lines: (d − 1)/N and (d + 1)/N, exact for a linear loss`,
          INTERVALS,
        ],
        points: points(bySamples, ['law', 'samples', 'expected'], ({ variance }) => variance),
        x: varied('samples', 'N', samplesSweep),
        y: { title: 'tr Cov ĝ / ‖g‖²', log: true, values: [1e-3, 0.01, 0.1, 1, 10, 100] },
        series: BY_LAW,
        along: 'expected',
        tips: [['expected', 'theory', '.4~g']],
        measured: 'measured',
      }),
    ];
  },
  mgs(measured, settings) {
    const { dimension: d, samples, samplesSweep, dimensionSweep, limitSweep, tau, gradientNorm } = settings;
    const paper = figureNumber('4', 'esrAtEpoch50LargeN');
    const rows = measured.map((row) => ({
      ...row,
      sigma: `σ = ${row.sigma}`,
      density: DENSITIES[row.density],
      drawn: CENTRES[row.lambda],
      limit: sixDigits(1 - row.lambda + row.sigma ** 2 / tau),
    }));
    const [weights, collapse, limit] = ['samples', 'dimension', 'limit'].map((each) =>
      rows.filter((row) => row.varied === each),
    );
    const told = weights.flatMap((row) =>
      [row.esr, row.esrEqual].map((esr, i) => ({ ...row, esr, told: TOLD[i] })),
    );
    const columns = { field: 'sigma', names: settings.sigmas.map((sigma) => `σ = ${sigma}`) };
    const names = settings.densities.map((each) => DENSITIES[each]);
    const byDensity = { field: 'density', title: 'density', names };
    const byCentre = { field: 'drawn', title: 'directions drawn', tip: 'directions', names: CENTRES };
    return [
      meansChart({
        name: 'esr',
        title: `How many candidates of MGS count (d = ${d})`,
        subtitle: [
          `linear loss, ‖g‖ = ${gradientNorm}, τ = ${tau}; dashed: all losses equal, so that the density alone decides`,
          `grey: what the paper reads off its search (Fig. 4)`,
        ],
        points: points(told, ['density', 'sigma', 'samples', 'told'], ({ esr }) => esr),
        x: varied('samples', 'N', samplesSweep),
        y: { title: 'Rₑ = Nₑ / N', domain: [0, 1.02] },
        series: byDensity,
        columns,
        dash: { field: 'told', title: 'losses told', names: TOLD, pattern: [4, 4] },
        tips: [['told', 'losses']],
        measured: 'Rₑ',
        above: referenceLine(paper, `paper: ${paper}`),
      }),
      meansChart({
        name: 'collapse',
        title: `The literal density collapses as d grows (N = ${samples})`,
        subtitle: ['effective sample size; 1: one candidate decides alone', INTERVALS],
        points: points(collapse, ['density', 'sigma', 'dimension'], ({ esr }) => esr * samples),
        x: varied('dimension', 'd', dimensionSweep),
        y: { title: 'Nₑ', domain: [1, samples * 1.02] },
        series: byDensity,
        columns,
        measured: 'Nₑ',
      }),
      meansChart({
        name: 'limit',
        title: 'MGS on its way to DARTS: the mean step against N',
        subtitle: [
          `flat density, linear loss, d = ${d}, τ = ${tau}; dashed: the limits 1 + σ²/τ and σ²/τ`,
          'first-order DARTS with plain steps of size ξ would stand at ξ',
        ],
        points: points(limit, ['drawn', 'sigma', 'samples', 'limit'], ({ gain }) => gain),
        x: varied('samples', 'N', limitSweep),
        y: { title: 'mean step along −g, in ‖g‖' },
        series: byCentre,
        columns,
        level: 'limit',
        tips: [['limit']],
        measured: 'mean step',
        ownY: true,
      }),
      meansChart({
        name: 'direction',
        title: 'Where one step of MGS points',
        subtitle: [`flat density, linear loss, d = ${d}, τ = ${tau}; 1: along −g`, INTERVALS],
        points: points(limit, ['drawn', 'sigma', 'samples', 'limit'], ({ cosine }) => cosine),
        x: varied('samples', 'N', limitSweep),
        y: { title: 'cos(u*, −g)', domain: [0, 1] },
        series: byCentre,
        columns,
        measured: 'cosine',
      }),
    ];
  },
  proposition(measured, { dimensions, samplesSweep }) {
    const rows = measured.flatMap((row) =>
      [row.gain, row.cosine].map((reached, i) => ({
        ...row,
        d: String(row.dimension),
        panel: REACHED[i],
        reached,
      })),
    );
    return [
      meansChart({
        name: 'proposition',
        title: 'Proposition 1: MGS in a ball against its closed form',
        subtitle: [
          'linear loss; exact importance weights; both are 1 where the proposition is reached',
          INTERVALS,
        ],
        points: points(rows, ['d', 'samples', 'panel'], ({ reached }) => reached),
        x: varied('samples', 'N', samplesSweep),
        y: { title: 'relative to the proposition', domain: [0, 1.2] },
        series: { field: 'd', title: 'd', names: dimensions.map(String), ordered: true },
        columns: { field: 'panel', names: REACHED },
        tips: [['panel', 'quantity']],
        measured: 'value',
        below: referenceLine(1),
      }),
    ];
  },
  descent(measured, { dimension, evaluations, batchNoise }) {
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
    const colors = names.map((name) => PALETTE[others.indexOf(name)] ?? REFERENCE_COLOR);
    const spent = { field: 'evaluations', title: 'evaluations', log: true, values: [10, 100, 1000, 10_000] };
    const decades = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1, 3, 10];
    const tooltip = [
      { field: 'solver', title: 'solver' },
      { field: 'evaluations', title: 'evaluations' },
      { field: 'loss', title: 'loss', format: '.3~g' },
    ];
    const line = {
      mark: { type: 'line', strokeWidth: 2, clip: true },
      encoding: {
        x: axisOf(spent),
        y: axisOf({ field: 'loss', title: 'L(α)', log: true, values: decades }),
        color: colorOf({ field: 'solver', title: 'solver', names, colors }),
        tooltip,
      },
    };
    const subtitle = [
      `geometric mean over seeds of the loss itself; losses below ${FLOOR.toExponential()} are drawn there`,
      `${evaluations} evaluations of the loss, of which a gradient counts as one`,
      `batches tilt the loss by ${batchNoise} a coordinate; in the valley MGS is run without the gradient`,
    ];
    const panels = { field: 'function', names: DESCENT_FUNCTIONS.map((name) => titles[name]) };
    return [
      chart(
        { name: 'descent', title: 'Down three functions', subtitle },
        rows,
        inColumns(panels, { width: 230, height: 210, layer: [line] }, true),
      ),
    ];
  },
};

/** Every chart, in the order in which the notebook tells the story. */
export function table1Charts(view: ToyView): Chart[] {
  return made(view, CHARTS);
}
