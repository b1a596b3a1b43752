/**
 * Table 1: the three zero-order solvers. The paper's table has formulas and no numbers; here each formula is put to toy
 * functions whose gradient is known. What it estimates, with which bias and variance, how many of the candidates count, what
 * Proposition 1 says in closed form, in which limits the solvers are DARTS. No network is trained.
 */
import { setImmediate } from 'node:timers/promises';
import { judge } from '../lib/analysis/claims.js';
import type { Claim } from '../lib/analysis/claims.js';
import { fitLine, summarize } from '../lib/analysis/statistics.js';
import { InterruptedError, UsageError } from '../lib/errors.js';
import { fixed, plusMinus } from '../lib/report/format.js';
import type { Table } from '../lib/report/table.js';
import { canonicalJson } from '../lib/runs/canonical.js';
import { thisMachine } from '../lib/runs/environment.js';
import { openRun } from '../lib/runs/store.js';
import type { Run } from '../lib/runs/store.js';
import type { Budget } from '../lib/search/protocol.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import type { RsLaw } from '../lib/solvers/rs.js';
import { figureNumber } from './paper.js';
import type { Environment, MeasureContext, Measured, Reproduction } from './reproduction.js';
import { DENSITY_TITLES } from './sweep.js';
import { table1Charts } from './table-1-charts.js';
import { bySetting, DESCENT_FUNCTIONS, GLD_NAMES, toyJobs } from './toy-experiments.js';
import type { DescentRow, MgsRow, PropositionRow, RsRow, Seeded, ToyRows } from './toy-experiments.js';
import { settingsOf, toyOpenSettings, toyProtocols } from './toy-protocol.js';
import type { Experiment, ToyProtocol, ToySettings } from './toy-protocol.js';

/** What the experiments measured. Plain JSON. */
export interface Table1Result extends Measured {
  readonly budget: Budget;
  readonly settings: ToySettings;
  readonly rs: readonly Seeded<RsRow>[];
  readonly mgs: readonly Seeded<MgsRow>[];
  readonly proposition: readonly Seeded<PropositionRow>[];
  readonly descent: readonly Seeded<DescentRow>[];
}

// ---- Measuring ----

/** Toy functions read no data: the same for every run. */
const NO_DATA = 'none';

/** Milliseconds of computing between two looks at the outside world. */
const BREATH_MS = 50;

async function measure(
  protocols: readonly ToyProtocol[],
  { title, runs: home, progress, signal }: MeasureContext,
): Promise<Table1Result> {
  if (protocols.length === 0) throw new UsageError(`${title}: there is nothing to run.`);
  const place = home === undefined ? {} : { home };
  const work = protocols.map(workOf);
  const thousands = (coordinates: number): number => Math.ceil(coordinates / 1000);
  const phase = progress?.start(title, thousands(work.reduce((sum, each) => sum + each, 0)));
  const rows: { [E in Experiment]: Seeded<ToyRows[E]>[] } = { rs: [], mgs: [], proposition: [], descent: [] };
  const environments = new Map<string, Environment>();
  let done = 0;
  try {
    for (const [i, protocol] of protocols.entries()) {
      const { seed, experiment } = protocol;
      const run = openRun({ protocol, dataDigest: NO_DATA, ...place });
      const before = done;
      const pause = async (within: number, note: string): Promise<void> => {
        phase?.update(thousands(before + within), `seed ${seed}, ${experiment}: ${note}`);
        await setImmediate();
        if (signal?.aborted) throw new InterruptedError(`${title} was stopped; finished runs are kept.`);
      };
      if (run.record() === undefined) await compute(protocol, run, pause);
      const { result, provenance } = run.record()!;
      const kept = (result as unknown as { rows: object[] }).rows;
      (rows[experiment] as object[]).push(...kept.map((row) => ({ seed, ...row })));
      const { environment } = provenance as unknown as { environment: Environment };
      environments.set(canonicalJson(environment), environment);
      done += work[i];
      phase?.update(thousands(done), `seed ${seed}, ${experiment}`);
    }
  } finally {
    phase?.end();
  }
  const [{ budget }] = protocols;
  return { environments: [...environments.values()], budget, settings: settingsOf(protocols), ...rows };
}

/**
 * Computes a run and keeps it.
 *
 * @param pause  Called now and then with the work done and what comes next; may end the run by throwing.
 */
async function compute(
  protocol: ToyProtocol,
  run: Run,
  pause: (within: number, note: string) => Promise<void>,
): Promise<void> {
  const release = run.lock();
  try {
    // Another process may have finished it while this one waited.
    if (run.record() !== undefined) return;
    const began = performance.now();
    const rows: object[] = [];
    let [within, breath] = [0, 0];
    for (const job of toyJobs(protocol)) {
      if (performance.now() - breath > BREATH_MS) {
        await pause(within, job.note);
        breath = performance.now();
      }
      rows.push(...job.run().map(shortened));
      within += job.work;
    }
    const environment: Environment = { ...thisMachine(), engine: null, data: null };
    run.finish({ rows }, { environment, seconds: (performance.now() - began) / 1000 });
  } finally {
    release();
  }
}

/** Seven digits of every number: more than any of these means is worth, and half the size of the record. */
function shortened(row: object): object {
  const digits = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  return JSON.parse(JSON.stringify(row, digits)) as object;
}

function workOf(protocol: ToyProtocol): number {
  return toyJobs(protocol).reduce((sum, { work }) => sum + work, 0);
}

/** Seconds for a coordinate drawn or read on one core of the machine of reproductions/cost.ts, by experiment. */
const SECONDS: Readonly<Record<Experiment, number>> = {
  rs: 7.5e-7,
  mgs: 2.3e-7,
  proposition: 2.3e-7,
  descent: 3.5e-7,
};

function seconds(protocols: readonly ToyProtocol[]): number {
  return protocols.reduce((sum, each) => sum + workOf(each) * SECONDS[each.experiment], 0);
}

// ---- Reading the rows ----

/** One number for each seed that the statistic is defined for. */
function perSeed<Row extends { readonly seed: number }>(
  rows: readonly Row[],
  statistic: (own: readonly Row[]) => number | undefined,
): number[] {
  return bySetting(rows, ({ seed }) => seed)
    .map(statistic)
    .filter((value): value is number => value !== undefined && Number.isFinite(value));
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The slope of log y over log x; undefined for fewer than two x. */
function logSlope(points: readonly (readonly [number, number])[]): number | undefined {
  if (new Set(points.map(([x]) => x)).size < 2) return undefined;
  return fitLine(points.map(([x, y]) => [Math.log(x), Math.log(y)])).slope;
}

const largest = (values: readonly number[]): number => Math.max(...values);

/** How many of the largest N are averaged where the direction of a mean step is judged: a short step shows its noise alone. */
const LONGEST = 3;

function meanTangent(rows: readonly (MgsRow | PropositionRow)[]): number | undefined {
  const longest = [...rows].sort((a, b) => b.samples - a.samples).slice(0, LONGEST);
  return mean(longest.map(({ tangentSquared }) => tangentSquared));
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

const OURS = '(our reading)';

const LAW_TITLES: Readonly<Record<RsLaw, string>> = {
  normal: 'directions from N(0, I)',
  sphere: 'directions on the sphere',
};

function rsClaims({ rs, settings }: Table1Result): Claim[] {
  const mu = largest(settings.rs.muSweep);
  return (['sphere', 'normal'] as const).flatMap((law) => {
    const clean = rs.filter((row) => row.law === law && row.noise === 0 && row.estimator === 'multi-point');
    const at = (name: RsRow['function']) =>
      clean.filter((row) => row.function === name && row.varied === 'mu' && row.mu === mu);
    const byN = clean.filter(({ varied }) => varied === 'samples');
    const title = LAW_TITLES[law];
    return [
      judge({
        id: `rs-unbiased/${law}`,
        text: `The estimate of RS (Eq. 6) is an unbiased one of the gradient of a quadratic: ${title}.`,
        statistic: `‖E ĝ − g‖²/‖g‖² on a quadratic at μ = ${mu}`,
        values: perSeed(at('quadratic'), ([row]) => row.biasSquared),
        region: { below: NO_BIAS ** 2 },
        detail: `A bias below ${NO_BIAS * 100} % of the gradient is called none; one estimate errs by more than its whole length. The statistic is itself unbiased, so it may fall below 0.`,
      }),
      judge({
        id: `rs-smoothed/${law}`,
        text: `Off a quadratic the estimate is one of the smoothed loss’s gradient (Eq. 14): ${title}.`,
        statistic: `bias along g at μ = ${mu} on a quartic, measured over closed form`,
        values: perSeed(at('quartic'), ([row]) => (row.gain - 1) / (row.expectedGain - 1)),
        region: { between: [0.9, 1.1] },
        detail: 'Within a tenth.',
      }),
      judge({
        id: `rs-limit/${law}`,
        text: `As N grows the step of RS becomes that of first-order DARTS, along −g: ${title}.`,
        statistic: 'slope of the logarithm of the relative error over that of N',
        values: perSeed(byN, (rows) =>
          logSlope(rows.map(({ samples, meanSquaredError }) => [samples, Math.sqrt(meanSquaredError)])),
        ),
        region: { between: [-0.55, -0.45] },
        detail: 'An error that falls as 1/√N leaves nothing in the limit; at small μ no bias is left either.',
      }),
    ];
  });
}

function mgsClaims({ mgs, settings }: Table1Result): Claim[] {
  const { sigmas, tau, samples, dimension } = settings.mgs;
  const n = largest(settings.mgs.limitSweep);
  return sigmas.flatMap((sigma) => {
    const around = mgs.filter((row) => row.varied === 'limit' && row.sigma === sigma && row.lambda === 0);
    const limit = 1 + sigma ** 2 / tau;
    const where = `flat density, σ = ${sigma}, d = ${dimension}`;
    return [
      judge({
        id: `mgs-parallel/${sigma}`,
        text: `The mean step of MGS on a linear loss is parallel to −g: ${where}.`,
        statistic: `tan² of the angle between mean step and −g, mean over the ${LONGEST} largest N`,
        values: perSeed(around, meanTangent),
        region: { below: PARALLEL },
        detail:
          'Less than five degrees count as parallel. The statistic is nearly unbiased, so it may fall below 0.',
      }),
      judge({
        id: `mgs-limit/${sigma}`,
        text: `As N grows the step of MGS becomes that of first-order DARTS with a step size of 1 + σ²/τ = ${Number(limit.toPrecision(4))}: ${where} ${OURS}.`,
        statistic: `mean step along −g at N = ${n} over (1 + σ²/τ)‖g‖`,
        values: perSeed(
          around.filter((row) => row.samples === n),
          ([row]) => row.gain / limit,
        ),
        region: { between: [0.95, 1.05] },
        detail: 'Within a twentieth.',
      }),
      judge({
        id: `mgs-proposal/${sigma}`,
        text: `At N = ${samples} most of the mean step is the proposal’s own −g, not what the losses add: ${where} ${OURS}.`,
        statistic: 'share of the mean step along −g that the losses add',
        values: perSeed(
          around.filter((row) => row.samples === samples),
          ([row]) => (row.gain - 1) / row.gain,
        ),
        region: { below: 0.5 },
        detail: 'The proposal of Eq. 26 is centred on −g: without any loss its mean step is −g already.',
      }),
    ];
  });
}

function densityClaims({ mgs, settings }: Table1Result): Claim[] {
  const { dimension, gradientNorm, sigmas } = settings.mgs;
  return settings.mgs.densities.flatMap((density) => {
    const own = mgs.filter((row) => row.varied === 'samples' && row.density === density);
    const enough = own.filter((row) => row.samples >= CONVERGED_FROM);
    const near = sigmas.map((sigma) =>
      judge({
        id: `esr-near-paper/${density}/${sigma}`,
        text: `R_e is about ${PAPER_ESR} for N ≥ ${CONVERGED_FROM} (Fig. 4): ${DENSITY_TITLES[density]}, σ = ${sigma}, d = ${dimension}.`,
        statistic: `mean R_e over N ≥ ${CONVERGED_FROM}`,
        values: perSeed(
          enough.filter((row) => row.sigma === sigma),
          (rows) => mean(rows.map(({ esr }) => esr)),
        ),
        region: { between: [PAPER_ESR - HALF_DIGIT, PAPER_ESR + HALF_DIGIT] },
        detail: `On a linear loss with ‖g‖ = ${gradientNorm}; that of a search is in Fig. 4. The paper gives one decimal, so "about" is what rounds to it.`,
      }),
    );
    if (density !== 'literal') return near;
    return [
      ...near,
      ...sigmas.map((sigma) =>
        judge({
          id: `literal-farthest/${sigma}`,
          text: `Under Eq. 26 as printed the candidate farthest from −g decides, whatever its loss: σ = ${sigma}, d = ${dimension} ${OURS}.`,
          statistic: 'share of updates in which it has the largest weight, mean over N',
          values: perSeed(
            own.filter((row) => row.sigma === sigma),
            (rows) => mean(rows.map(({ farthest }) => farthest)),
          ),
          region: { above: 0.9 },
          detail: 'By chance it would be 1/N.',
        }),
      ),
    ];
  });
}

function propositionClaims({ proposition, settings }: Table1Result): Claim[] {
  const n = largest(settings.proposition.samplesSweep);
  return settings.proposition.dimensions.flatMap((dimension) => {
    const own = proposition.filter((row) => row.dimension === dimension);
    const at = own.filter((row) => row.samples === n);
    return [
      judge({
        id: `proposition-parallel/${dimension}`,
        text: `Proposition 1: the mean step of MGS in a ball is parallel to −g: d = ${dimension}.`,
        statistic: `tan² of the angle between mean step and −g, mean over the ${LONGEST} largest N`,
        values: dimension === 1 ? [] : perSeed(own, meanTangent),
        region: { below: PARALLEL },
        detail:
          'Less than five degrees count as parallel. On a linear loss the law of the step is symmetric about g, so that its expectation is parallel exactly: what lies off the axis is sampling error, of weights that a few candidates dominate, and five seeds may understate it.',
      }),
      judge({
        id: `proposition-length/${dimension}`,
        text: `Its length is ε·I_{d/2+1}(s)/I_{d/2}(s), reached at N = ${n}: d = ${dimension} (the paper proves the direction; the length is ours).`,
        statistic: 'mean step along −g over the closed form',
        values: perSeed(at, ([row]) => row.gain),
        region: { between: [0.9, 1.1] },
        detail:
          'Within a tenth. Short of it means that N is too small for this d: the weights of a finite sample are biased.',
      }),
      judge({
        id: `proposition-cosine/${dimension}`,
        text: `One step of it points along −g the better the larger N is: d = ${dimension}.`,
        statistic: 'slope of the mean cosine of one step with −g over ln N',
        values: perSeed(own, (rows) =>
          new Set(rows.map(({ samples }) => samples)).size < 2
            ? undefined
            : fitLine(rows.map(({ samples, cosine }) => [Math.log(samples), cosine])).slope,
        ),
        region: { above: 0 },
      }),
    ];
  });
}

function gldClaims({ descent }: Table1Result): Claim[] {
  const of = (solver: string, share: 'rises' | 'trueRises'): number[] =>
    perSeed(
      descent.filter((row) => row.solver === solver),
      (rows) => mean(rows.map((row) => row[share])),
    );
  const updates = largest(descent.map((row) => (row.solver === GLD_NAMES.paper ? row.updates : 1)));
  const statistic = 'share of updates that raise the loss on their own batch, mean over the functions';
  return [
    judge({
      id: 'gld-monotone',
      text: 'GLD never raises the loss that it measures.',
      statistic,
      values: of(GLD_NAMES.paper, 'rises'),
      region: { below: 1 / updates },
      detail: `Never: less than once in the ${updates} updates of a descent.`,
    }),
    judge({
      id: 'gld-released',
      text: `As released, with a base that is not fine-tuned where its candidates are, it does ${OURS}.`,
      statistic,
      values: of(GLD_NAMES.released, 'rises'),
      region: { above: 0 },
    }),
    judge({
      id: 'gld-other-batches',
      text: `The loss over all batches may rise all the same ${OURS}.`,
      statistic: 'share of updates that raise it, where every update sees another batch',
      values: perSeed(
        descent.filter((row) => row.solver === GLD_NAMES.paper && row.function === 'batches'),
        ([row]) => row.trueRises,
      ),
      region: { above: 0 },
    }),
  ];
}

function claims(result: Table1Result): Claim[] {
  return [
    ...rsClaims(result),
    ...mgsClaims(result),
    ...propositionClaims(result),
    ...densityClaims(result),
    ...gldClaims(result),
  ];
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

const over = <Row>(rows: readonly Row[], value: (row: Row) => number): ReturnType<typeof summarize> =>
  summarize(rows.map(value));

function rsTable({ rs, settings }: Table1Result): Table {
  const { dimension: d, mu, muSweep, noise } = settings.rs;
  const nearest = muSweep.reduce((a, b) => (Math.abs(b - mu) < Math.abs(a - mu) ? b : a));
  const shown = rs.filter(
    (row) => row.function === 'quartic' && row.varied === 'mu' && row.mu === nearest && row.noise === 0,
  );
  const groups = bySetting(shown, ({ law, estimator }) => [law, estimator]);
  return {
    title: `RS as an estimate of the gradient of a quartic (d = ${d}, μ = ${nearest}), mean ± standard deviation over seeds`,
    columns: [
      { key: 'law', title: 'law' },
      { key: 'estimator', title: 'estimate' },
      { key: 'samples', title: 'N', align: 'right' },
      { key: 'gain', title: 'E ĝ·g/‖g‖²', align: 'right' },
      { key: 'expected', title: 'in closed form', align: 'right' },
      { key: 'variance', title: 'tr Cov ĝ/‖g‖²', align: 'right' },
      { key: 'linear', title: 'on a linear loss', align: 'right' },
      { key: 'cosine', title: 'cos(ĝ, g)', align: 'right' },
    ],
    rows: groups.map((rows) => {
      const [{ law, estimator, samples, expectedGain }] = rows;
      return {
        law,
        estimator,
        samples,
        gain: plusMinus(
          over(rows, ({ gain }) => gain),
          3,
        ),
        expected: fixed(expectedGain, 3),
        variance: plusMinus(
          over(rows, ({ variance }) => variance),
          2,
        ),
        // The one-point form's variance is that of the level of the loss.
        linear: estimator === 'one-point' ? null : fixed((d + (law === 'normal' ? 1 : -1)) / samples, 2),
        cosine: plusMinus(
          over(rows, ({ cosine }) => cosine),
          3,
        ),
      };
    }),
    notes: [
      'On a linear loss the variance is (d − 1)/N on the sphere and (d + 1)/N for N(0, I), whatever μ is.',
      `With errors of ${noise} nats on each loss the variance grows as 1/μ²: see the chart.`,
    ],
  };
}

function mgsTable({ mgs, settings }: Table1Result): Table {
  const { samples, dimension, gradientNorm, tau } = settings.mgs;
  const shown = mgs.filter((row) => row.varied === 'samples' && row.samples === samples);
  return {
    title: `MGS on a linear loss (d = ${dimension}, N = ${samples}, τ = ${tau}, ‖g‖ = ${gradientNorm}), mean ± standard deviation over seeds`,
    columns: [
      { key: 'density', title: 'density' },
      { key: 'sigma', title: 'σ', align: 'right' },
      { key: 'esr', title: 'R_e', align: 'right' },
      { key: 'equal', title: 'R_e, equal losses', align: 'right' },
      { key: 'farthest', title: 'farthest wins', align: 'right' },
      { key: 'gain', title: 'mean step along −g', align: 'right' },
      { key: 'limit', title: 'N → ∞, flat', align: 'right' },
      { key: 'cosine', title: 'cos(u*, −g)', align: 'right' },
    ],
    rows: bySetting(shown, ({ density, sigma }) => [density, sigma]).map((rows) => {
      const [{ density, sigma }] = rows;
      return {
        density,
        sigma,
        esr: plusMinus(
          over(rows, ({ esr }) => esr),
          3,
        ),
        equal: plusMinus(
          over(rows, ({ esrEqual }) => esrEqual),
          3,
        ),
        farthest: plusMinus(
          over(rows, ({ farthest }) => farthest),
          2,
        ),
        gain: plusMinus(
          over(rows, ({ gain }) => gain),
          2,
        ),
        limit: fixed(1 + sigma ** 2 / tau, 2),
        cosine: plusMinus(
          over(rows, ({ cosine }) => cosine),
          3,
        ),
      };
    }),
    notes: [
      'Equal losses: the same draws, all told the same loss; what is left is the density’s doing.',
      'Farthest wins: how often the candidate farthest from −g has the largest weight. Steps in units of ‖g‖.',
    ],
  };
}

function propositionTable({ proposition, settings }: Table1Result): Table {
  const { epsilon, sharpness } = settings.proposition;
  return {
    title: `Proposition 1 (ε = ${epsilon}, s = ${sharpness}·(d + 2)), mean ± standard deviation over seeds`,
    columns: [
      { key: 'dimension', title: 'd', align: 'right' },
      { key: 'samples', title: 'N', align: 'right' },
      { key: 'closed', title: 'closed form/ε', align: 'right' },
      { key: 'gain', title: 'mean step over it', align: 'right' },
      { key: 'cosine', title: 'cos(u*, −g)', align: 'right' },
      { key: 'ess', title: 'N_e', align: 'right' },
    ],
    rows: bySetting(proposition, ({ dimension, samples }) => [dimension, samples]).map((rows) => {
      const [{ dimension, samples, closedForm }] = rows;
      return {
        dimension,
        samples,
        closed: fixed(closedForm, 3),
        gain: plusMinus(
          over(rows, ({ gain }) => gain),
          2,
        ),
        cosine: plusMinus(
          over(rows, ({ cosine }) => cosine),
          3,
        ),
        ess: plusMinus(
          over(rows, ({ esr }) => esr * samples),
          1,
        ),
      };
    }),
    notes: ['Directions from N(0, ε²/d·I), about half of which lie in the ball; exact importance weights.'],
  };
}

function descentTable({ descent, settings }: Table1Result): Table {
  const solvers = [...new Set(descent.map(({ solver }) => solver))];
  const cell = (solver: string, name: string, share: 'rises' | 'trueRises'): string => {
    const rows = descent.filter((row) => row.solver === solver && row.function === name);
    return rows.length === 0
      ? '–'
      : plusMinus(
          over(rows, (row) => 100 * row[share]),
          1,
        );
  };
  return {
    title: 'Updates that raise the loss, in per cent, mean ± standard deviation over seeds',
    columns: [
      { key: 'solver', title: 'solver' },
      ...DESCENT_FUNCTIONS.map((name) => ({ key: name, title: name, align: 'right' as const })),
      { key: 'true', title: 'batches: loss over all of them', align: 'right' },
    ],
    rows: solvers.map((solver) => ({
      solver,
      ...Object.fromEntries(DESCENT_FUNCTIONS.map((name) => [name, cell(solver, name, 'rises')])),
      true: cell(solver, 'batches', 'trueRises'),
    })),
    notes: [
      `The loss of the batch that the update itself has seen. "batches": a quadratic with another tilt of ${settings.descent.batchNoise} a coordinate each update.`,
      `"Base not tuned": the base’s loss is ${settings.descent.untuned} nats too high, as without the fine-tuning that candidates have.`,
    ],
  };
}

function tables(result: Table1Result): Table[] {
  return [FORMULAS, rsTable(result), mgsTable(result), propositionTable(result), descentTable(result)];
}

// ---- The reproduction ----

function deviations(protocols: readonly ToyProtocol[]): string[] {
  const { mgs, rs } = settingsOf(protocols);
  const seeds = new Set(protocols.map(({ seed }) => seed)).size;
  const missing = (['literal', 'flat', 'released'] as MgsDensity[]).filter(
    (density) => !mgs.densities.includes(density),
  );
  return [
    'The paper’s Table 1 has formulas and no numbers; all numbers here are ours.',
    'Losses are toy functions with known gradients: no network is trained, and no candidate is fine-tuned.',
    `MGS is shown in d = ${mgs.dimension} on a linear loss with ‖g‖ = ${mgs.gradientNorm}; RS in d = ${rs.dimension}, where its variance can be measured in less time.`,
    'The step of RS at α is compared with the gradient there; ξ only scales it.',
    `${seeds} independent repeat${seeds === 1 ? '' : 's'} (seeds) of everything.`,
    ...(missing.length > 0
      ? [`Left out by the choice of a preset or setting: ${missing.join(', ')} density.`]
      : []),
  ];
}

/** Table 1. */
export const table1: Reproduction<Table1Result, ToyProtocol> = {
  id: 'table-1',
  title: 'Table 1: the three zero-order solvers on functions with known gradients',
  claim:
    'RS estimates the gradient; MGS moves along −g where the loss is linear (Proposition 1); GLD takes the best of its candidates: DARTS is a limit of the first two.',
  paper: { esrLastEpoch: PAPER_ESR, esrConvergedFromN: CONVERGED_FROM },
  protocols: toyProtocols,
  deviations,
  openSettings: toyOpenSettings,
  seconds,
  measure,
  tables,
  charts: table1Charts,
  claims,
};
