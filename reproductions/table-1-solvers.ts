/**
 * Table 1: the three zero-order solvers. The paper's table has formulas and no numbers; here each formula is put to toy
 * functions whose gradient is known. What it estimates, with which bias and variance, how many of the candidates count, what
 * Proposition 1 says in closed form, in which limits the solvers are DARTS. No network is trained.
 */
import type { Claim } from '../lib/analysis/claims.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { slopeOver } from './claims.js';
import { seedsOf, several } from './deviations.js';
import { experiment } from './experiment.js';
import type { Grid } from './grid.js';
import { figureNumber } from './paper.js';
import { judgeAll } from './statements.js';
import type { Statement } from './statements.js';
import { DENSITIES, DENSITY_TITLES } from './sweep.js';
import { made, table1Charts, table1Tables } from './table-1-report.js';
import type { Makers, Seeded, ToyCell } from './table-1-report.js';
import { TOY_EXPERIMENTS, toyOpenSettings, toySettings } from './toy-protocol.js';
import type { ToyProtocol, ToySettings } from './toy-protocol.js';
import { GLD_NAMES } from './toy.js';

/** Every experiment for each seed, seeds outermost. */
function runs(grid: Grid): ToyCell[] {
  const { budget, preset, seeds } = grid;
  const settings = grid.toys(toySettings(budget, preset));
  return seeds.flatMap((seed) =>
    TOY_EXPERIMENTS.map((name): ToyCell => {
      const toy = { kind: 'toy', version: 1, budget, seed, experiment: name, settings: settings[name] };
      return { axes: { experiment: name }, run: { kind: 'toy', toy: toy as ToyProtocol } };
    }),
  );
}

// ---- Claims ----

/** A bias this small, as a share of the gradient, is called none. */
const NO_BIAS = 0.05;
/** A mean step less than five degrees off is called parallel: tan² of the angle. */
const PARALLEL = Number((Math.tan((5 * Math.PI) / 180) ** 2).toPrecision(2));
/** What the paper reads off its Fig. 4, and the half digit that this leaves open. */
const PAPER_ESR = figureNumber('4', 'esrAtEpoch50LargeN');
const CONVERGED_FROM = figureNumber('4', 'esrConvergedFromN');
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

const CLAIMS: Makers<Claim> = {
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
const OTHER_CLAIMS: Makers<Claim> = {
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

// ---- The experiment ----

function deviations(cells: readonly ToyCell[]): string[] {
  const [rs, mgs] = cells.map(({ run }) => run.toy.settings) as [ToySettings['rs'], ToySettings['mgs']];
  const missing = DENSITIES.filter((density) => !mgs.densities.includes(density));
  return [
    'The paper’s Table 1 has formulas and no numbers; all numbers here are ours.',
    'Losses are toy functions with known gradients: no network is trained, and no candidate is fine-tuned.',
    `MGS is shown in d = ${mgs.dimension} on a linear loss with ‖g‖ = ${mgs.gradientNorm}; RS in d = ${rs.dimension}, where its variance can be measured in less time.`,
    'The step of RS at α is compared with the gradient there; ξ only scales it.',
    `${several(seedsOf(cells), 'independent repeat')} (seeds) of everything.`,
    missing.length > 0 && `Left out by the choice of a preset or setting: ${missing.join(', ')} density.`,
  ].filter((sentence) => sentence !== false);
}

/** Table 1. */
export const table1 = experiment({
  id: 'table-1',
  title: 'Table 1: the three zero-order solvers on functions with known gradients',
  description: 'Their formulas, and bias, variance, limits and effective samples on toy functions.',
  claim:
    'RS estimates the gradient; MGS moves along −g where the loss is linear (Proposition 1); GLD takes the best of its candidates: DARTS is a limit of the first two.',
  paper: { esrLastEpoch: PAPER_ESR, esrConvergedFromN: CONVERGED_FROM },
  seeds: { full: 20, laptop: 5, smoke: 2 },
  choices: {},
  runs,
  deviations,
  openSettings: (cells) => toyOpenSettings(cells.map(({ run }) => run.toy)),
  tables: table1Tables,
  charts: table1Charts,
  claims: (view) => [...made(view, CLAIMS), ...made(view, OTHER_CLAIMS)],
});
