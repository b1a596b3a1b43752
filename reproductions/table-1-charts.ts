/** What Table 1 draws of each experiment's rows. */
import { referenceLine, sixDigits } from '../lib/report/charts.js';
import { INTERVALS, meanOf, meansChart, varied } from '../lib/report/means-chart.js';
import type { Chart } from '../lib/report/spec.js';
import { groupBy } from './experiment.js';
import { PAPER_ESR } from './sweep.js';
import type { Makers } from './table-1-rows.js';
import { linearVariance } from './toy.js';

/** A point for each group of rows that agree in the fields: these, and a mean over seeds. */
function points<R extends object, F extends keyof R>(
  rows: readonly R[],
  fields: readonly F[],
  value: (row: R) => number,
) {
  return groupBy(rows, ...fields).map(({ key, rows: own }) => ({ ...key, ...meanOf(own, value) }));
}

const LAW_NAMES = { sphere: 'on the unit sphere, φ = d', normal: 'from N(0, I), φ = 1' };
const BY_LAW = { field: 'law', names: Object.values(LAW_NAMES) };
const ESTIMATORS = {
  'one-point': 'one-point (Eq. 4)',
  'two-point': 'two-point (Eq. 5)',
  'multi-point': 'multi-point (Eq. 6)',
};

const DENSITIES = { literal: 'literal (Eq. 26)', flat: 'flat', released: 'released' };
const CENTRES = ['around −g (λ = 0)', 'around 0 (λ = 1): no gradient'];
const TOLD = ['those of the linear loss', 'all equal'];
const REACHED = ['mean step / closed form', 'cos(u*, −g) of one step'];

/** In the order in which the notebook tells the story. */
export const CHARTS: Makers<Chart> = {
  rs(measured, { dimension: d, mu, muSweep, samples, samplesSweep, noise }) {
    const errors = ['none', `${noise} nats a loss`];
    const rows = measured.map((row) => ({
      ...row,
      law: LAW_NAMES[row.law],
      estimator: ESTIMATORS[row.estimator],
      errors: errors[Number(row.noise > 0)],
      expected: row.varied === 'mu' ? sixDigits(row.expectedGain) : linearVariance(row, d),
    }));
    const clean = rows.filter((row) => row.estimator === ESTIMATORS['multi-point'] && row.noise === 0);
    const byMu = clean.filter((row) => row.varied === 'mu');
    const bySamples = clean.filter((row) => row.varied === 'samples' && row.function === 'quadratic');
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
    const series = { field: 'drawn', title: 'directions drawn', tip: 'directions', names: CENTRES };
    const onTheWay = { x: varied('samples', 'N', limitSweep), series, columns };
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
        above: referenceLine(PAPER_ESR, `paper: ${PAPER_ESR}`, true),
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
        y: { title: 'mean step along −g, in ‖g‖' },
        ...onTheWay,
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
        y: { title: 'cos(u*, −g)', domain: [0, 1] },
        ...onTheWay,
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
};
