/**
 * Experiments on toy functions, where the gradient is known: from a protocol to rows of numbers, through the run store. Every
 * random number comes from the protocol's seed. What is compared with each other (densities, error-free and noisy losses)
 * sees the same draws.
 */
import { setImmediate } from 'node:timers/promises';
import { Estimates } from '../lib/analysis/estimators.js';
import type { Comparison } from '../lib/analysis/estimators.js';
import { propositionStep } from '../lib/analysis/proposition-1.js';
import { linear, onBatch, quadratic, quartic, rosenbrock, toyStep } from '../lib/analysis/toy.js';
import type { ToyFunction } from '../lib/analysis/toy.js';
import { InterruptedError } from '../lib/errors.js';
import { foldIn, key, normal, sphere } from '../lib/math/random.js';
import type { Key } from '../lib/math/random.js';
import { axpy, dot, norm, scale, squaredDistance } from '../lib/math/vec.js';
import type { Vec } from '../lib/math/vec.js';
import { silent } from '../lib/progress.js';
import { thisMachine } from '../lib/runs/environment.js';
import type { KeptOptions, Kind } from '../lib/runs/kept.js';
import { mgs } from '../lib/solvers/mgs.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { createSolver } from '../lib/solvers/registry.js';
import type { SolverSpec } from '../lib/solvers/registry.js';
import { RS_ESTIMATORS, RS_LAWS, rs } from '../lib/solvers/rs.js';
import type { RsEstimator, RsLaw } from '../lib/solvers/rs.js';
import type { ToyExperiment, ToyProtocol, ToySettings } from './toy-protocol.js';

export type { ToyProtocol } from './toy-protocol.js';

/** The estimate of RS at one setting, against the true gradient. Lengths in units of ‖g‖. */
export interface RsRow extends Comparison {
  readonly function: 'quadratic' | 'quartic';
  readonly law: RsLaw;
  readonly estimator: RsEstimator;
  /** N. */
  readonly samples: number;
  readonly mu: number;
  /** Standard deviation of the error on each loss; 0 for none. */
  readonly noise: number;
  /** What the gain is in expectation, in closed form: that of the smoothed gradient (Eq. 14). */
  readonly expectedGain: number;
  /** Whether N or μ is what this row was made to vary. */
  readonly varied: 'samples' | 'mu';
}

/** The step of MGS at one setting on a linear loss, as an estimate of −g. Lengths in units of ‖g‖. */
export interface MgsRow extends Comparison {
  readonly dimension: number;
  readonly sigma: number;
  readonly density: MgsDensity;
  readonly lambda: number;
  /** N. */
  readonly samples: number;
  /** Mean R_e. */
  readonly esr: number;
  /** Mean R_e of the same draws when all losses are told to be equal: what the density does alone. */
  readonly esrEqual: number;
  /** Share of updates in which the direction farthest from −g has the largest weight; 1/N by chance. */
  readonly farthest: number;
  readonly varied: 'samples' | 'dimension' | 'limit';
}

/** The step of MGS restricted to a ball on a linear loss, as an estimate of Proposition 1's. Lengths in units of its length. */
export interface PropositionRow extends Comparison {
  readonly dimension: number;
  /** N. */
  readonly samples: number;
  /** The step in closed form, in units of ε. */
  readonly closedForm: number;
  readonly esr: number;
  /** Share of directions outside the ball. */
  readonly outside: number;
}

/** Functions of the descents. */
export const DESCENT_FUNCTIONS = ['quadratic', 'batches', 'Rosenbrock'] as const;
/** A function of the descents: a quadratic, the same with another batch every update, Rosenbrock's valley. */
export type DescentFunction = (typeof DESCENT_FUNCTIONS)[number];

/** One solver on its way down one function. */
export interface DescentRow {
  readonly function: DescentFunction;
  readonly solver: string;
  readonly updates: number;
  /** Share of updates after which the loss on their own batch is higher than before. */
  readonly rises: number;
  /** Share of updates after which the loss itself, the mean over all batches, is higher. */
  readonly trueRises: number;
  /** The loss itself after so many evaluations. */
  readonly path: readonly { readonly evaluations: number; readonly loss: number }[];
}

/** The rows of each experiment. */
export interface ToyRows {
  readonly rs: RsRow;
  readonly mgs: MgsRow;
  readonly proposition: PropositionRow;
  readonly descent: DescentRow;
}

/** The variance of one RS estimate of a linear loss's gradient, in units of ‖g‖². */
export function linearVariance({ law, samples }: RsRow, d: number): number {
  return (d + (law === 'normal' ? 1 : -1)) / samples;
}

/** A piece of an experiment that is computed in one go. */
interface Job<R> {
  /** Coordinates drawn or read: what the time is proportional to. */
  readonly work: number;
  run(): R[];
}

/** A key that depends on what the numbers say and on nothing else. */
function keyOf(seed: number, ...numbers: readonly number[]): Key {
  // Settings such as σ are no integers; a millionth is fine enough to tell them apart.
  return numbers.reduce((from, value) => foldIn(from, Math.round(value * 1e6)), key(seed));
}

/** Gathers `count` items from numbered keys. */
function each(from: Key, count: number, take: (key: Key) => void): void {
  for (let i = 0; i < count; i++) take(foldIn(from, i));
}

/** How many updates have so many directions together: at least two, for a spread. */
const updatesOf = (draws: number, samples: number): number => Math.max(2, Math.round(draws / samples));

// ---- RS ----

type RsPlace = Pick<RsRow, 'function' | 'law' | 'estimator' | 'samples' | 'mu' | 'varied'>;

function rsJobs(seed: number, settings: ToySettings['rs']): Job<RsRow>[] {
  const { dimension, samples, samplesSweep, mu, muSweep, noise, repeats, draws } = settings;
  /** A row without errors and one with them, from the same directions. */
  const job = (place: RsPlace, count: number): Job<RsRow> => ({
    work: count * place.samples * dimension,
    run() {
      const { law, estimator, samples: n, mu: smoothing } = place;
      const toy = place.function === 'quadratic' ? quadratic(dimension) : quartic(dimension);
      const solver = rs({ law, estimator, samples: n, mu: smoothing });
      const state = solver.init(toy.start);
      const truth = toy.gradient(toy.start);
      const [clean, noisy] = [new Estimates(truth), new Estimates(truth)];
      // The same directions for every μ: what changes along a curve is μ alone.
      each(keyOf(seed, 1, n, RS_LAWS.indexOf(law)), count, (stepKey) => {
        const asked = solver.ask(state, { key: foldIn(stepKey, 0) });
        const losses = Float64Array.from(asked.points, (point) => toy.loss(point));
        const errors = normal(foldIn(stepKey, 1), losses.length);
        clean.add(solver.tell(state, asked, losses).diagnostics.gradient);
        noisy.add(solver.tell(state, asked, axpy(noise, errors, losses)).diagnostics.gradient);
      });
      const smoothed = toy.smoothedGradient(toy.start, law, smoothing);
      const expectedGain = dot(smoothed, truth) / dot(truth, truth);
      return [
        { ...place, noise: 0, expectedGain, ...clean.compare() },
        { ...place, noise, expectedGain, ...noisy.compare() },
      ];
    },
  });
  return RS_LAWS.flatMap((law) => {
    const multi = { law, estimator: 'multi-point', samples, mu } as const;
    return [
      ...muSweep.flatMap((each) => {
        const place = { ...multi, mu: each, varied: 'mu' } as const;
        return [
          job({ ...place, function: 'quadratic' }, repeats),
          ...RS_ESTIMATORS.map((estimator) => {
            const n = estimator === 'multi-point' ? samples : 1;
            return job({ ...place, function: 'quartic', estimator, samples: n }, repeats);
          }),
        ];
      }),
      ...samplesSweep.map((n) =>
        job({ ...multi, function: 'quadratic', samples: n, varied: 'samples' }, updatesOf(draws, n)),
      ),
    ];
  });
}

// ---- MGS ----

type MgsPlace = Pick<MgsRow, 'dimension' | 'sigma' | 'density' | 'lambda' | 'samples' | 'varied'>;

function mgsJobs(seed: number, settings: ToySettings['mgs']): Job<MgsRow>[] {
  const { densities, sigmas, samples, lambda, tau, gradientNorm, repeats, draws } = settings;
  const job = (place: MgsPlace, count: number): Job<MgsRow> => ({
    work: count * place.samples * place.dimension,
    run() {
      const { dimension, sigma, density, lambda: share, samples: n } = place;
      const from = keyOf(seed, 2, dimension, n, sigma);
      const toy = linear(scale(gradientNorm, sphere(foldIn(from, 0), dimension)));
      const downhill = scale(-1, toy.gradient(toy.start));
      const solver = mgs({ sigma, density, lambda: share, samples: n, tau });
      const state = solver.init(toy.start);
      const steps = new Estimates(downhill);
      let [esr, esrEqual, farthest] = [0, 0, 0];
      each(foldIn(from, 1), count, (stepKey) => {
        const { asked, diagnostics } = toyStep(solver, state, toy, { key: stepKey });
        steps.add(diagnostics.update);
        esr += diagnostics.esr / count;
        esrEqual += solver.tell(state, asked, new Float64Array(n)).diagnostics.esr / count;
        const distances = asked.directions.map((u) => squaredDistance(u, downhill));
        farthest += Number(indexOfLargest(diagnostics.weights) === indexOfLargest(distances)) / count;
      });
      return [{ ...place, ...steps.compare(), esr, esrEqual, farthest }];
    },
  });
  return sigmas.flatMap((sigma) => [
    ...densities.flatMap((density) => {
      const place = { sigma, density, lambda, samples, dimension: settings.dimension };
      return [
        ...settings.samplesSweep.map((n) => job({ ...place, samples: n, varied: 'samples' }, repeats)),
        ...settings.dimensionSweep.map((d) => job({ ...place, dimension: d, varied: 'dimension' }, repeats)),
      ];
    }),
    // On the way to the limit: with the loss alone in the weights, around −g and, without any gradient, around 0.
    ...[0, 1].flatMap((share) =>
      settings.limitSweep.map((n) => {
        const place = { sigma, density: 'flat', lambda: share, samples: n, varied: 'limit' } as const;
        return job({ ...place, dimension: settings.dimension }, updatesOf(draws, n));
      }),
    ),
  ]);
}

const indexOfLargest = (values: Vec | readonly number[]): number => values.indexOf(Math.max(...values));

// ---- Proposition 1 ----

function propositionJobs(
  seed: number,
  { dimensions, epsilon, sharpness, samplesSweep, draws }: ToySettings['proposition'],
): Job<PropositionRow>[] {
  return dimensions.flatMap((dimension) =>
    samplesSweep.map((samples) => {
      const count = updatesOf(draws, samples);
      return {
        work: count * samples * dimension,
        run() {
          const from = keyOf(seed, 3, dimension, samples);
          // Only s = ε‖g‖/τ matters: ‖g‖ = 1.
          const gradient = sphere(foldIn(from, 0), dimension);
          const tau = epsilon / (sharpness * (dimension + 2));
          const expected = propositionStep(gradient, { epsilon, tau });
          // σ = ε/√d: draws about as long as the ball is wide, of which about half lie in it.
          const sigma = epsilon / Math.sqrt(dimension);
          const solver = mgs({ samples, lambda: 1, sigma, tau, clipNorm: epsilon });
          const toy = linear(gradient);
          const state = solver.init(toy.start);
          const steps = new Estimates(expected);
          let [esr, outside] = [0, 0];
          each(foldIn(from, 1), count, (stepKey) => {
            const { diagnostics } = toyStep(solver, state, toy, { key: stepKey });
            steps.add(diagnostics.update);
            esr += diagnostics.esr / count;
            outside += diagnostics.outside / samples / count;
          });
          const closedForm = norm(expected) / epsilon;
          return [{ dimension, samples, closedForm, esr, outside, ...steps.compare() }];
        },
      };
    }),
  );
}

// ---- Descents ----

/** A way down: where it goes from a point, on one batch, and what that costs in loss evaluations (a gradient counts as one). */
interface Descender {
  readonly name: string;
  readonly cost: number;
  readonly step: (alpha: Vec, batch: ToyFunction, key: Key) => Vec;
}

function descender(name: string, spec: SolverSpec, basePenalty = 0): Descender {
  const solver = createSolver(spec);
  return {
    name,
    cost: solver.evaluations + Number(solver.needsGradient),
    step: (alpha, batch, key) => toyStep(solver, solver.init(alpha), batch, { key, basePenalty }).state.alpha,
  };
}

/** The name under which first-order DARTS goes, with plain steps along −g. */
export const GRADIENT_DESCENT = 'gradient descent';

/** GLD as in the paper, and as it is released: its base is not fine-tuned where its candidates are. */
export const GLD_NAMES = { paper: 'GLD', released: 'GLD, base not tuned' } as const;

function descenders(name: DescentFunction, { untuned }: ToySettings['descent']): Descender[] {
  // In the valley a gradient step of length 1 would end far outside: short steps, and MGS without the gradient.
  const valley = name === 'Rosenbrock';
  const xi = valley ? 1e-3 : 1;
  const flat = { kind: 'mgs', density: 'flat', sigma: valley ? 0.1 : 0.2, tau: 0.01 } as const;
  const outsideValley = (...ways: Descender[]): Descender[] => (valley ? [] : ways);
  return [
    {
      name: GRADIENT_DESCENT,
      cost: 1,
      step: (alpha, batch) => axpy(-xi, batch.gradient(alpha), alpha),
    },
    descender('RS', { kind: 'rs', ...(valley ? { mu: 1e-3, xi: 3e-4 } : {}) }),
    ...outsideValley(
      descender('MGS, literal density', { ...flat, density: 'literal' }),
      descender('MGS, flat density', flat),
    ),
    descender('MGS, flat, no gradient', { ...flat, lambda: 1 }),
    descender(GLD_NAMES.paper, { kind: 'gld' }),
    ...outsideValley(descender(GLD_NAMES.released, { kind: 'gld' }, untuned)),
    descender('random search', { kind: 'random' }),
  ];
}

/** Points of a path, evenly spaced on a logarithmic axis. */
const PATH_POINTS = 30;
const FIRST_EVALUATIONS = 10;

function descentJobs(seed: number, settings: ToySettings['descent']): Job<DescentRow>[] {
  const { dimension, evaluations, batchNoise } = settings;
  return DESCENT_FUNCTIONS.flatMap((name, which) => {
    const toy = name === 'Rosenbrock' ? rosenbrock() : quadratic(dimension);
    const noise = name === 'batches' ? batchNoise : 0;
    return descenders(name, settings).map(({ name: solver, cost, step }, w): Job<DescentRow> => ({
      work: 2 * evaluations * toy.start.length,
      run() {
        const updates = Math.floor(evaluations / cost);
        // Every solver meets the same batches.
        const [batchKey, stepKey] = [keyOf(seed, 4, which), keyOf(seed, 5, which, w)];
        let [alpha, rises, trueRises] = [toy.start, 0, 0];
        const losses = [toy.loss(alpha)];
        for (let i = 0; i < updates; i++) {
          const batch = onBatch(toy, foldIn(batchKey, i), noise);
          const next = step(alpha, batch, foldIn(stepKey, i));
          rises += Number(batch.loss(next) > batch.loss(alpha));
          losses.push(toy.loss(next));
          trueRises += Number(losses[i + 1] > losses[i]);
          alpha = next;
        }
        const path = Array.from({ length: PATH_POINTS }, (_, i) => {
          const spent = FIRST_EVALUATIONS * (evaluations / FIRST_EVALUATIONS) ** (i / (PATH_POINTS - 1));
          const loss = losses[Math.min(updates, Math.floor(spent / cost))];
          return { evaluations: Math.round(spent), loss };
        });
        return [
          { function: name, solver, updates, rises: rises / updates, trueRises: trueRises / updates, path },
        ];
      },
    }));
  });
}

// ---- Runs ----

const JOBS: { readonly [E in ToyExperiment]: (seed: number, settings: ToySettings[E]) => Job<ToyRows[E]>[] } =
  { rs: rsJobs, mgs: mgsJobs, proposition: propositionJobs, descent: descentJobs };

/** The pieces of an experiment, in the order of its rows. */
function jobsOf({ experiment, seed, settings }: ToyProtocol): Job<ToyRows[ToyExperiment]>[] {
  // Each experiment is given its own settings: the protocol's type says so, but not to the compiler.
  const jobs = JOBS[experiment] as (seed: number, settings: object) => Job<ToyRows[ToyExperiment]>[];
  return jobs(seed, settings);
}

/** What an experiment measured. Plain JSON. */
export interface ToyResult {
  readonly rows: readonly ToyRows[ToyExperiment][];
}

/** Milliseconds of computing between two looks at the outside world. */
const BREATH_MS = 50;

/** Experiments on toy functions as a kind of run. One takes seconds, so that a stopped one begins anew. */
export const TOY: Kind<ToyProtocol, { readonly digest: string }, ToyResult, object, KeptOptions> = {
  // They read no data: the same for every run.
  data: () => Promise.resolve({ digest: 'none' }),
  async compute({ protocol }, { progress = silent, signal }) {
    const jobs = jobsOf(protocol);
    const total = jobs.reduce((sum, { work }) => sum + work, 0);
    const phase = progress.start(`toy ${protocol.experiment}`, Math.ceil(total / 1000));
    const rows: ToyRows[ToyExperiment][] = [];
    let [within, breath] = [0, 0];
    for (const job of jobs) {
      if (performance.now() - breath > BREATH_MS) {
        phase.update(Math.ceil(within / 1000));
        await setImmediate();
        if (signal?.aborted) throw new InterruptedError('Stopped; finished runs are kept.');
        breath = performance.now();
      }
      rows.push(...job.run().map(shortened));
      within += job.work;
    }
    phase.end();
    return { rows };
  },
  provenance: (_, seconds) => ({ ...thisMachine(), engine: null, data: null, seconds }),
};

/** Seven digits of every number: more than any of these means is worth, and half the size of the record. */
function shortened<Row extends object>(row: Row): Row {
  const digits = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  return JSON.parse(JSON.stringify(row, digits)) as Row;
}

/** Seconds for a coordinate drawn or read on one core of the machine of cost.ts, by experiment. */
const SECONDS: Readonly<Record<ToyExperiment, number>> = {
  rs: 7.5e-7,
  mgs: 2.3e-7,
  proposition: 2.3e-7,
  descent: 3.5e-7,
};

/** Seconds that a run takes, an estimate. */
export function toySeconds(protocol: ToyProtocol): number {
  return jobsOf(protocol).reduce((sum, { work }) => sum + work, 0) * SECONDS[protocol.experiment];
}
