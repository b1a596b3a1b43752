/** What the paper says of each solver, put to each experiment's rows. */
import { fixed } from '../lib/report/format.js';
import { mean, slopeOver } from './claims.js';
import { several } from './deviations.js';
import { distinct, perSeed } from './experiment.js';
import { judged } from './statements.js';
import type { Judged, Statement } from './statements.js';
import { CONVERGED_FROM, DENSITY_TITLES, NEAR_PAPER_ESR, PAPER_ESR } from './sweep.js';
import type { Makers, Seeded } from './table-1-rows.js';
import { aboveControl } from './together.js';
import type { ToySettings } from './toy-protocol.js';
import { TILT } from './toy.js';

/** A bias this small, as a share of the gradient, is called none. */
const NO_BIAS = 0.05;
/** Its square, without what rounding makes of it. */
const NO_BIAS_SQUARED = Number((NO_BIAS ** 2).toPrecision(4));
/** A mean step less than five degrees off is called parallel: tan² of the angle. */
const PARALLEL = Number((Math.tan((5 * Math.PI) / 180) ** 2).toPrecision(2));

/** The slope of an error that falls as 1/√N is −0.5; above this line it does not. */
const FLATTEST = -0.45;

const logN = ({ samples }: { readonly samples: number }): number => Math.log(samples);

/** How many of the largest N are averaged where the direction of a mean step is judged: a short step shows its noise alone. */
const LONGEST = 3;

const NONE = 'no two seeds have all that it takes';
const SEEDS = 'seeds';

type Row = Seeded<'mgs'>;
type Tangents = Pick<Seeded<'proposition'>, 'seed' | 'samples' | 'tangentSquared' | 'tiltedTangentSquared'>;

/** A mean over the rows of the largest N. */
function overLongest(rows: readonly Tangents[], value: (row: Tangents) => number | null): number {
  const longest = [...rows].sort((a, b) => b.samples - a.samples).slice(0, LONGEST);
  return mean(longest.map((row) => value(row) ?? NaN));
}

/** Whether a mean step is parallel to −g, where one that is not would be seen. @param where  Of which experiment. */
const meanTangent = (rows: readonly Tangents[], where: string) => ({
  statistic: `tan² of the angle between mean step and −g, mean over the ${LONGEST} largest N`,
  region: { below: PARALLEL },
  value: (own: readonly Tangents[]) => overLongest(own, ({ tangentSquared }) => tangentSquared),
  control: aboveControl(
    `An axis ${TILT} degrees off is told from one that is parallel (${where}): the same statistic against it lies above ${PARALLEL}`,
    perSeed(rows, (own) => overLongest(own, ({ tiltedTangentSquared }) => tiltedTangentSquared)),
    PARALLEL,
    NONE,
    SEEDS,
    3,
  ),
});

const FEW_DEGREES = 'Less than five degrees count as parallel.';
const OURS = '(our reading)';
/** Near enough to a closed form. */
const WITHIN_A_TENTH = { region: { between: [0.9, 1.1] }, detail: 'Within a tenth.' } as const;
const LAWS = { sphere: 'directions on the sphere', normal: 'directions from N(0, I)' };

/** Proposition 1, which has something to say from two dimensions on. @param rows  Of that dimension. */
const proposition = (
  dimension: number,
  rows: readonly Seeded<'proposition'>[],
): Statement<Seeded<'proposition'>> => ({
  id: `proposition-parallel/${dimension}`,
  text: `Proposition 1: the mean step of MGS in a ball is parallel to −g: d = ${dimension}.`,
  ...meanTangent(rows, `Proposition 1, d = ${dimension}`),
  detail: `${FEW_DEGREES} On a linear loss the law of the step is symmetric about g, so that its expectation is parallel exactly: what lies off the axis is sampling error, of weights that a few candidates dominate, and ${several(distinct(rows.map(({ seed }) => seed)).length, 'seed')} may understate it.`,
});

/** That MGS moves along −g. @param rows  With that σ. */
const parallel = (sigma: number, where: string, rows: readonly Row[]): Statement<Row> => ({
  id: `mgs-parallel/${sigma}`,
  text: `The mean step of MGS on a linear loss is parallel to −g: ${where}.`,
  ...meanTangent(rows, where),
  detail: `${FEW_DEGREES} The statistic is nearly unbiased, so it may fall below 0.`,
});

/** What the paper says of each solver. */
export const CLAIMS: Makers<Judged> = {
  rs(rows, { muSweep }) {
    const mu = Math.max(...muSweep);
    const at =
      (name: string, where = mu) =>
      (row: Seeded<'rs'>) =>
        row.function === name && row.varied === 'mu' && row.mu === where;
    const isByN = (row: Seeded<'rs'>) => row.varied === 'samples';
    /** The slope of the logarithm of the relative error over that of N. */
    const errorSlope = (some: readonly Seeded<'rs'>[]) =>
      slopeOver(some, logN, (row) => Math.log(Math.sqrt(row.meanSquaredError)));
    return Object.entries(LAWS).map(([law, directions]) => {
      const own = rows.filter((row) => row.law === law && row.noise === 0 && row.estimator === 'multi-point');
      const biased = own.filter(
        (row) => row.varied === 'mu' && (row.expectedGain - 1) ** 2 > NO_BIAS_SQUARED,
      );
      const least = biased.length === 0 ? mu : Math.min(...biased.map((row) => row.mu));
      const control = (
        text: string,
        value: (seed: readonly Seeded<'rs'>[]) => number | undefined,
        bound: number,
      ) => aboveControl(`${text} (${directions})`, perSeed(own, value), bound, NONE, SEEDS);
      return judged(own, [
        {
          id: `rs-unbiased/${law}`,
          text: `The estimate of RS (Eq. 6) is an unbiased one of the gradient of a quadratic: ${directions}.`,
          statistic: `‖E ĝ − g‖²/‖g‖² on a quadratic at μ = ${mu}`,
          region: { below: NO_BIAS_SQUARED },
          among: at('quadratic'),
          value: ([row]) => row.biasSquared,
          detail: `A bias below ${NO_BIAS * 100} % of the gradient is called none; one estimate errs by more than its whole length. The statistic is itself unbiased, so it may fall below 0.`,
          control: control(
            `A bias is seen where there is one: on a quartic at μ = ${least}, the smallest with so large a bias in closed form, the same statistic lies above ${NO_BIAS_SQUARED}`,
            (seed) => seed.find((row) => at('quartic', least)(row))?.biasSquared,
            NO_BIAS_SQUARED,
          ),
        },
        {
          id: `rs-smoothed/${law}`,
          text: `Off a quadratic the estimate is one of the smoothed loss’s gradient (Eq. 14): ${directions}.`,
          statistic: `bias along g at μ = ${mu} on a quartic, measured over closed form`,
          ...WITHIN_A_TENTH,
          among: at('quartic'),
          value: ([row]) => (row.gain - 1) / (row.expectedGain - 1),
          control: control(
            'An estimate without bias would be told from one with that of the closed form: that on a quadratic has less than 0.9 of it',
            (seed) => {
              const [flat, curved] = ['quadratic', 'quartic'].map((name) => seed.find(at(name)));
              return flat && curved && 1 - (flat.gain - 1) / (curved.expectedGain - 1);
            },
            0.1,
          ),
        },
        {
          id: `rs-limit/${law}`,
          text: `As N grows the step of RS becomes that of first-order DARTS, along −g: ${directions}.`,
          statistic: 'slope of the logarithm of the relative error over that of N',
          region: { between: [-0.55, FLATTEST] },
          among: (row) => isByN(row) && row.function === 'quadratic',
          value: errorSlope,
          detail:
            'An error that falls as 1/√N leaves nothing in the limit; at small μ no bias is left either.',
          control: control(
            `An error that stays is seen where one does: on a quartic at μ = ${mu}, whose bias no N takes away, the same slope lies above ${fixed(FLATTEST, 2)}`,
            (seed) => errorSlope(seed.filter((row) => isByN(row) && row.function === 'quartic')),
            FLATTEST,
          ),
        },
      ]);
    });
  },
  mgs(rows, { sigmas, tau, samples, dimension, limitSweep }) {
    const n = Math.max(...limitSweep);
    return sigmas.map((sigma) => {
      const limit = 1 + sigma ** 2 / tau;
      const where = `flat density, σ = ${sigma}, d = ${dimension}`;
      const own = rows.filter((row) => row.varied === 'limit' && row.sigma === sigma && row.lambda === 0);
      return judged(own, [
        // On a line every step is.
        ...(dimension === 1 ? [] : [parallel(sigma, where, own)]),
        {
          id: `mgs-limit/${sigma}`,
          secondary: true,
          text: `As N grows the step of MGS becomes that of first-order DARTS with a step size of 1 + σ²/τ = ${Number(limit.toPrecision(4))}: ${where} ${OURS}.`,
          statistic: `mean step along −g at N = ${n} over (1 + σ²/τ)‖g‖`,
          region: { between: [0.95, 1.05] },
          among: (row) => row.samples === n,
          value: ([row]) => row.gain / limit,
          detail: 'Within a twentieth.',
        },
        {
          id: `mgs-proposal/${sigma}`,
          secondary: true,
          text: `At N = ${samples} most of the mean step is the proposal’s own −g, not what the losses add: ${where} ${OURS}.`,
          statistic: 'share of the mean step along −g that the losses add',
          region: { below: 0.5 },
          among: (row) => row.samples === samples,
          value: ([row]) => (row.gain - 1) / row.gain,
          detail: 'The proposal of Eq. 26 is centred on −g: without any loss its mean step is −g already.',
        },
      ]);
    });
  },
  proposition(rows, { dimensions, samplesSweep }) {
    const n = Math.max(...samplesSweep);
    return dimensions.map((dimension) => {
      const own = rows.filter((row) => row.dimension === dimension);
      return judged(own, [
        // On a line every step is.
        ...(dimension === 1 ? [] : [proposition(dimension, own)]),
        {
          id: `proposition-length/${dimension}`,
          secondary: true,
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
          value: (some) => slopeOver(some, logN, ({ cosine }) => cosine),
        },
      ]);
    });
  },
};

/** What each density makes of the weights. */
export function weightClaims(
  rows: readonly Row[],
  { dimension, gradientNorm, sigmas, densities }: ToySettings['mgs'],
): Judged[] {
  const own = (row: Row, density: Row['density'], sigma: number) =>
    row.varied === 'samples' && row.density === density && row.sigma === sigma;
  const near = (density: Row['density'], sigma: number): Statement<Row> => ({
    id: `esr-near-paper/${density}/${sigma}`,
    text: `R_e is about ${PAPER_ESR} for N ≥ ${CONVERGED_FROM} (Fig. 4): ${DENSITY_TITLES[density]}, σ = ${sigma}, d = ${dimension}.`,
    statistic: `mean R_e over N ≥ ${CONVERGED_FROM}`,
    region: NEAR_PAPER_ESR,
    among: (row) => own(row, density, sigma) && row.samples >= CONVERGED_FROM,
    value: (some) => mean(some.map(({ esr }) => esr)),
    unseen: `The number is that of a search, which a linear loss with ‖g‖ = ${gradientNorm} decides nothing about; Fig. 4 has it.`,
    detail: 'The paper gives one decimal, so "about" is what rounds to it.',
  });
  const farthest = (sigma: number): Statement<Row> => ({
    id: `literal-farthest/${sigma}`,
    secondary: true,
    text: `Under Eq. 26 as printed the candidate farthest from −g decides, whatever its loss: σ = ${sigma}, d = ${dimension} ${OURS}.`,
    statistic: 'share of updates in which it has the largest weight, mean over N',
    region: { above: 0.9 },
    among: (row) => own(row, 'literal', sigma),
    value: (some) => mean(some.map((row) => row.farthest)),
    detail: 'By chance it would be 1/N.',
  });
  return densities.map((density) =>
    judged(rows, [
      ...sigmas.map((sigma) => near(density, sigma)),
      ...(density === 'literal' ? sigmas.map(farthest) : []),
    ]),
  );
}
