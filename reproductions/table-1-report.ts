/** What Table 1 says of each experiment's rows: claims and charts. */
import type { Claim } from '../lib/analysis/claims.js';
import { chart, inColumns, referenceLine, sixDigits } from '../lib/report/charts.js';
import { axisOf, colorOf, INTERVALS, meanOf, meansChart, varied } from '../lib/report/means-chart.js';
import type { Chart } from '../lib/report/spec.js';
import { PALETTE, REFERENCE_COLOR } from '../lib/report/theme.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { slopeOver } from './claims.js';
import { distinct, groupBy } from './experiment.js';
import type { Cell, View } from './experiment.js';
import { figureNumber } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import { DENSITY_TITLES } from './sweep.js';
import { DESCENT_FUNCTIONS, GLD_NAMES, GRADIENT_DESCENT, linearVariance } from './toy.js';
import { TOY_EXPERIMENTS } from './toy-protocol.js';
import type { ToyExperiment, ToySettings } from './toy-protocol.js';
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
  readonly [E in ToyExperiment]?: (rows: readonly Seeded<E>[], settings: ToySettings[E]) => T | readonly T[];
};

/** What is made of the experiments that there are rows of. */
export function made<T>({ rows }: ToyView, makers: Makers<T>): T[] {
  return TOY_EXPERIMENTS.flatMap((experiment) => {
    const own = rows.filter((row) => row.experiment === experiment);
    // Each is given its own rows and settings.
    const make = makers[experiment] as ((rows: object, settings: object) => T | readonly T[]) | undefined;
    if (!make || own.length === 0) return [];
    const seeded = own.flatMap((run) => run.rows.map((row) => ({ seed: run.seed, ...row })));
    return make(seeded, own[0].toy.settings);
  });
}

// ---- Claims ----

/** A bias this small, as a share of the gradient, is called none. */
const NO_BIAS = 0.05;
/** A mean step less than five degrees off is called parallel: tan² of the angle. */
const PARALLEL = Number((Math.tan((5 * Math.PI) / 180) ** 2).toPrecision(2));
/** What the paper reads off its Fig. 4, and the half digit that this leaves open. */
export const PAPER_ESR = figureNumber('4', 'esrAtEpoch50LargeN');
export const CONVERGED_FROM = figureNumber('4', 'esrConvergedFromN');
const HALF_DIGIT = 0.05;

/** The mean; NaN of no values. */
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const logN = ({ samples }: { readonly samples: number }): number => Math.log(samples);

/** How many of the largest N are averaged where the direction of a mean step is judged: a short step shows its noise alone. */
const LONGEST = 3;

/** Whether a mean step is parallel to −g. */
const MEAN_TANGENT = {
  statistic: `tan² of the angle between mean step and −g, mean over the ${LONGEST} largest N`,
  region: { below: PARALLEL },
  value(rows: readonly { samples: number; tangentSquared: number }[]): number {
    const longest = [...rows].sort((a, b) => b.samples - a.samples).slice(0, LONGEST);
    return mean(longest.map(({ tangentSquared }) => tangentSquared));
  },
};

const OURS = '(our reading)';
const LAWS = { sphere: 'directions on the sphere', normal: 'directions from N(0, I)' };

/** What the paper says of each solver. */
export const CLAIMS: Makers<Claim> = {
  rs(rows, { muSweep }) {
    const mu = Math.max(...muSweep);
    const clean = rows.filter((row) => row.noise === 0 && row.estimator === 'multi-point');
    const at = (name: string) => (row: Seeded<'rs'>) =>
      row.function === name && row.varied === 'mu' && row.mu === mu;
    return (['sphere', 'normal'] as const).flatMap((law) =>
      judgeAll(
        clean.filter((row) => row.law === law),
        [
          {
            id: `rs-unbiased/${law}`,
            text: `The estimate of RS (Eq. 6) is an unbiased one of the gradient of a quadratic: ${LAWS[law]}.`,
            statistic: `‖E ĝ − g‖²/‖g‖² on a quadratic at μ = ${mu}`,
            region: { below: NO_BIAS ** 2 },
            among: at('quadratic'),
            value: ([row]) => row.biasSquared,
            detail: `A bias below ${NO_BIAS * 100} % of the gradient is called none; one estimate errs by more than its whole length. The statistic is itself unbiased, so it may fall below 0.`,
          },
          {
            id: `rs-smoothed/${law}`,
            text: `Off a quadratic the estimate is one of the smoothed loss’s gradient (Eq. 14): ${LAWS[law]}.`,
            statistic: `bias along g at μ = ${mu} on a quartic, measured over closed form`,
            region: { between: [0.9, 1.1] },
            among: at('quartic'),
            value: ([row]) => (row.gain - 1) / (row.expectedGain - 1),
            detail: 'Within a tenth.',
          },
          {
            id: `rs-limit/${law}`,
            text: `As N grows the step of RS becomes that of first-order DARTS, along −g: ${LAWS[law]}.`,
            statistic: 'slope of the logarithm of the relative error over that of N',
            region: { between: [-0.55, -0.45] },
            among: (row) => row.varied === 'samples',
            value: (own) => slopeOver(own, logN, (row) => Math.log(Math.sqrt(row.meanSquaredError))),
            detail:
              'An error that falls as 1/√N leaves nothing in the limit; at small μ no bias is left either.',
          },
        ],
      ),
    );
  },
  mgs(rows, { sigmas, tau, samples, dimension, limitSweep }) {
    const n = Math.max(...limitSweep);
    return sigmas.flatMap((sigma) => {
      const limit = 1 + sigma ** 2 / tau;
      const where = `flat density, σ = ${sigma}, d = ${dimension}`;
      return judgeAll(
        rows.filter((row) => row.varied === 'limit' && row.sigma === sigma && row.lambda === 0),
        [
          {
            id: `mgs-parallel/${sigma}`,
            text: `The mean step of MGS on a linear loss is parallel to −g: ${where}.`,
            ...MEAN_TANGENT,
            detail:
              'Less than five degrees count as parallel. The statistic is nearly unbiased, so it may fall below 0.',
          },
          {
            id: `mgs-limit/${sigma}`,
            text: `As N grows the step of MGS becomes that of first-order DARTS with a step size of 1 + σ²/τ = ${Number(limit.toPrecision(4))}: ${where} ${OURS}.`,
            statistic: `mean step along −g at N = ${n} over (1 + σ²/τ)‖g‖`,
            region: { between: [0.95, 1.05] },
            among: (row) => row.samples === n,
            value: ([row]) => row.gain / limit,
            detail: 'Within a twentieth.',
          },
          {
            id: `mgs-proposal/${sigma}`,
            text: `At N = ${samples} most of the mean step is the proposal’s own −g, not what the losses add: ${where} ${OURS}.`,
            statistic: 'share of the mean step along −g that the losses add',
            region: { below: 0.5 },
            among: (row) => row.samples === samples,
            value: ([row]) => (row.gain - 1) / row.gain,
            detail: 'The proposal of Eq. 26 is centred on −g: without any loss its mean step is −g already.',
          },
        ],
      );
    });
  },
  proposition(rows, { dimensions, samplesSweep }) {
    const n = Math.max(...samplesSweep);
    return dimensions.flatMap((dimension) =>
      judgeAll(
        rows.filter((row) => row.dimension === dimension),
        [
          {
            id: `proposition-parallel/${dimension}`,
            text: `Proposition 1: the mean step of MGS in a ball is parallel to −g: d = ${dimension}.`,
            ...MEAN_TANGENT,
            among: () => dimension > 1,
            detail:
              'Less than five degrees count as parallel. On a linear loss the law of the step is symmetric about g, so that its expectation is parallel exactly: what lies off the axis is sampling error, of weights that a few candidates dominate, and five seeds may understate it.',
          },
          {
            id: `proposition-length/${dimension}`,
            text: `Its length is ε·I_{d/2+1}(s)/I_{d/2}(s), reached at N = ${n}: d = ${dimension} (the paper proves the direction; the length is ours).`,
            statistic: 'mean step along −g over the closed form',
            region: { between: [0.9, 1.1] },
            among: (row) => row.samples === n,
            value: ([row]) => row.gain,
            detail:
              'Within a tenth. Short of it means that N is too small for this d: the weights of a finite sample are biased.',
          },
          {
            id: `proposition-cosine/${dimension}`,
            text: `One step of it points along −g the better the larger N is: d = ${dimension}.`,
            statistic: 'slope of the mean cosine of one step with −g over ln N',
            region: { above: 0 },
            value: (own) => slopeOver(own, logN, ({ cosine }) => cosine),
          },
        ],
      ),
    );
  },
};

/** What each density makes of the weights, and what the paper does not say of GLD. */
export const OTHER_CLAIMS: Makers<Claim> = {
  mgs(rows, { dimension, gradientNorm, sigmas, densities }) {
    const own = (row: Seeded<'mgs'>, density: MgsDensity, sigma: number) =>
      row.varied === 'samples' && row.density === density && row.sigma === sigma;
    const near = (density: MgsDensity, sigma: number): Statement<Seeded<'mgs'>> => ({
      id: `esr-near-paper/${density}/${sigma}`,
      text: `R_e is about ${PAPER_ESR} for N ≥ ${CONVERGED_FROM} (Fig. 4): ${DENSITY_TITLES[density]}, σ = ${sigma}, d = ${dimension}.`,
      statistic: `mean R_e over N ≥ ${CONVERGED_FROM}`,
      region: { between: [PAPER_ESR - HALF_DIGIT, PAPER_ESR + HALF_DIGIT] },
      among: (row) => own(row, density, sigma) && row.samples >= CONVERGED_FROM,
      value: (some) => mean(some.map(({ esr }) => esr)),
      detail: `On a linear loss with ‖g‖ = ${gradientNorm}; that of a search is in Fig. 4. The paper gives one decimal, so "about" is what rounds to it.`,
    });
    const farthest = (sigma: number): Statement<Seeded<'mgs'>> => ({
      id: `literal-farthest/${sigma}`,
      text: `Under Eq. 26 as printed the candidate farthest from −g decides, whatever its loss: σ = ${sigma}, d = ${dimension} ${OURS}.`,
      statistic: 'share of updates in which it has the largest weight, mean over N',
      region: { above: 0.9 },
      among: (row) => own(row, 'literal', sigma),
      value: (some) => mean(some.map((row) => row.farthest)),
      detail: 'By chance it would be 1/N.',
    });
    const statements = densities.flatMap((density) => [
      ...sigmas.map((sigma) => near(density, sigma)),
      ...(density === 'literal' ? sigmas.map(farthest) : []),
    ]);
    return judgeAll(rows, statements);
  },
  descent(rows) {
    const updates = Math.max(...rows.map((row) => (row.solver === GLD_NAMES.paper ? row.updates : 1)));
    const statistic = 'share of updates that raise the loss on their own batch, mean over the functions';
    const rises = (own: readonly Seeded<'descent'>[]) => mean(own.map((row) => row.rises));
    return judgeAll(rows, [
      {
        id: 'gld-monotone',
        text: 'GLD never raises the loss that it measures.',
        statistic,
        region: { below: 1 / updates },
        among: ({ solver }) => solver === GLD_NAMES.paper,
        value: rises,
        detail: `Never: less than once in the ${updates} updates of a descent.`,
      },
      {
        id: 'gld-released',
        text: `As released, with a base that is not fine-tuned where its candidates are, it does ${OURS}.`,
        statistic,
        region: { above: 0 },
        among: ({ solver }) => solver === GLD_NAMES.released,
        value: rises,
      },
      {
        id: 'gld-other-batches',
        text: `The loss over all batches may rise all the same ${OURS}.`,
        statistic: 'share of updates that raise it, where every update sees another batch',
        region: { above: 0 },
        among: (row) => row.solver === GLD_NAMES.paper && row.function === 'batches',
        value: ([row]) => row.trueRises,
      },
    ]);
  },
};

// ---- Charts ----

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

/** Losses below this are drawn at it: the exact minimum has no place on a logarithmic axis. */
const FLOOR = 1e-6;

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
        above: referenceLine(paper, `paper: ${paper}`, true),
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
